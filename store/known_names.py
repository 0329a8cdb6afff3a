"""What TikTok calls people and ad accounts: for people to read, never to decide by."""

from collections.abc import Iterable, Mapping

from store.database import Database


async def put(db: Database, names: Mapping[str, str]) -> None:
    """Remember names by id; one that TikTok left empty replaces none."""
    told = sorted((one, name) for one, name in names.items() if name)
    await db.execute(
        """INSERT INTO known_names AS known (id, name) SELECT * FROM unnest($1::text[], $2::text[])
           ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE known.name <> excluded.name""",
        [one for one, _ in told],
        [name for _, name in told],
    )


async def get(db: Database, ids: Iterable[str]) -> dict[str, str]:
    """Names by id, of those that are known."""
    rows = await db.fetch("SELECT id, name FROM known_names WHERE id = ANY($1)", sorted(set(ids)))
    return {row["id"]: row["name"] for row in rows}
