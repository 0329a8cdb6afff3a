"""What questions are put together from: what to ask with, and how to read an answer."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from workers.probes.answers import Answers, Finding, Json, Said

MOST: Final = 3
"""How many accounts, partners or ad accounts a question is asked of that is asked of each."""

NOT_ALLOWED: Final = "it can't be asked with this token, or not at all"


def always(*params: Json) -> Callable[[Answers], Sequence[Json]]:
    """Ask with the same whatever is known, one call for each."""
    return lambda _: params


def of_bc(**more: Any) -> Callable[[Answers], Sequence[Json]]:
    """Ask about the Business Center."""
    return lambda known: [{"bc_id": known.bc_id, **more}]


def of_ad_account(**more: Any) -> Callable[[Answers], Sequence[Json]]:
    """Ask about the ad account, if there is one."""
    return lambda known: [] if known.ad_account is None else [{"advertiser_id": known.ad_account, **more}]


def of_identity(**more: Any) -> Callable[[Answers], Sequence[Json]]:
    """Ask about the identity, if there is one."""
    return lambda known: [] if known.identity_params is None else [{**known.identity_params, **more}]


def of_app(**more: Any) -> Callable[[Answers], Sequence[Json]]:
    """Ask as the developer app, if it is set."""

    def params(known: Answers) -> Sequence[Json]:
        if known.app is None:
            return []
        return [{"app_id": known.app.app_id, "secret": known.app.secret.get_secret_value(), **more}]

    return params


def fixed(answered: str, means: str, note: str = "") -> Callable[[Answers, Sequence[Said]], Finding]:
    """Whatever is answered means the same."""
    return lambda _known, _said: Finding(means, answered=answered, note=note)


def rows_of(said: Sequence[Said], name: str = "list") -> list[Json]:
    """The rows of all answers together."""
    return [row for one in said for row in one.rows(name)]


def comes(rows: Iterable[Json], name: str) -> str:
    """How a field comes: filled, null, absent, or some of each."""
    kinds = {"filled" if row.get(name) is not None else "null" if name in row else "absent" for row in rows}
    return " or ".join(sorted(kinds)) or "absent"


def is_there(rows: Sequence[Json], name: str) -> bool:
    """Whether a field is filled in any row."""
    return any(row.get(name) is not None for row in rows)


def count(number: int, thing: str, things: str = "") -> str:
    """A number with its thing; `things`: its plural, if that is not made with an s."""
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def values(rows: Iterable[Json], name: str) -> str:
    """All values of a field."""
    return ", ".join(sorted({str(row[name]) for row in rows if row.get(name)})) or "none"


def page_of(asked: int, used: int, name: str = "list") -> Callable[[Answers, Sequence[Said]], Finding]:
    """Whether a page as large as was asked for is taken; `used`: what the client asks for."""

    def read(_known: Answers, said: Sequence[Said]) -> Finding:
        number = len(rows_of(said, name))
        many = "pages of that size are taken" if number > used else f"no refusal; {used} or fewer were there to list"
        return Finding(many, answered=f"{number} of at most {asked}", note=f"the client asks for {used} a page")

    return read
