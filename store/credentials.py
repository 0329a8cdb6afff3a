"""Access tokens of connected Business Centers."""

from pydantic import SecretStr

from store.database import Database


async def put(db: Database, bc_id: str, bc_name: str, token: SecretStr) -> None:
    """Store a token, or replace it."""
    await db.execute(
        """INSERT INTO credentials (bc_id, bc_name, access_token) VALUES ($1, $2, $3)
           ON CONFLICT (bc_id) DO UPDATE SET bc_name = $2, access_token = $3, connected_at = now()""",
        bc_id,
        bc_name,
        token.get_secret_value(),
    )


async def token(db: Database, bc_id: str) -> SecretStr | None:
    """The token of a Business Center, or None if it was never connected."""
    value = await db.fetchval("SELECT access_token FROM credentials WHERE bc_id = $1", bc_id)
    return None if value is None else SecretStr(value)


async def business_center_name(db: Database, bc_id: str) -> str:
    """Its name as TikTok gave it when it was connected; its id if it never was."""
    name: str | None = await db.fetchval("SELECT bc_name FROM credentials WHERE bc_id = $1", bc_id)
    return name or bc_id
