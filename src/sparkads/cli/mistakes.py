"""Bad input: every mistake of a command is collected before the command says so."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from sparkads.contracts.base import Contract
from sparkads.errors import SparkAdsError
from sparkads.manifest import Problem

Shape = TypeVar("Shape", bound=Contract)

_TYPED_AS = {
    "actor": "--as",
    "reported_by": "--as",
    "bc_id": "BC",
    "asset_id": "ACCOUNT",
    "name": "NAME",
    "handle": "HANDLE",
    "handles": "HANDLES",
    "user_id": "--member",
    "members": "--member",
    "advertiser_id": "--ad-account",
    "partner_id": "--partner",
    "identity_id": "--identity",
    "member": "USER_ID",
    "ad_accounts": "--ad-account",
    "remind_every_hours": "--remind-every",
    "reason": "--reason",
    "campaign_id": "the campaign's id",
    "operator": "--operator",
    "roster": "--roster",
    "subject": "--subject",
    "actor_is": "--actor-is",
    "action": "--action",
    "limit": "--limit",
    "kept_head": "--head",
    "row_id": "ROW",
    "rows": "--row",
    "territories": "--territory",
    "waves": "--wave",
    "published_ad_id": "--published",
    "because": "--because",
    "plan_hash": "--plan",
    "approvers": "--approval",
    "quorum": "--approval",
    "ad_account": "--ceiling",
    "amount": "--ceiling",
    "daily_ceilings": "--ceiling",
    "hold_seconds": "--hold",
    "worst_share": "--worst-share",
    "stage": "--stage",
    "release_at": "--to",
}
"""Fields of the contracts, and what a person typed for them."""

_WANTED = {
    "bc_id": "the digits of a Business Center's id are wanted",
    "asset_id": "a handle with @ is wanted, or the digits of an asset id; see `sparkads accounts list`",
    "name": "a request's name is wanted: the handle without @; see `sparkads access status`",
    "handle": "a TikTok handle is wanted, like @artist",
    "handles": "a TikTok handle is wanted, like @artist",
    "campaign_id": "letters, digits, . _ - are wanted, at most 64 of them; say it with --id",
    "row_id": "the row_id of a row in the manifest is wanted",
    "rows": "the row_id of a row in the manifest is wanted",
    "because": "say how it is known",
    "remind_every_hours": "a number of hours above 0 is wanted",
    "plan_hash": "the 64 hex digits of a plan's hash are wanted, as `sparkads campaign plan` prints them",
    "kept_head": "the 64 hex digits of a head hash are wanted, as `sparkads audit export` prints them",
}
_DIGITS_WANTED = "the digits of an id are wanted"


class BadInput(SparkAdsError):
    """
    What was typed, or a file, has mistakes.

    Attributes:
        problems: one line for each, or the manifest's own.
    """

    def __init__(self, problems: Sequence[str | Problem]) -> None:
        """Count them."""
        super().__init__("1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes")
        self.problems = tuple(problems)


class Mistakes:
    """Collects what is wrong with a command's input."""

    def __init__(self) -> None:
        """Start with none."""
        self.problems: list[str | Problem] = []

    def check(self, shape: type[Shape], **values: Any) -> Shape:
        """The message made of the values; if they are wrong, a husk that `collected` lets nobody use."""
        try:
            return shape(**values)
        except ValidationError as error:
            for detail in error.errors(include_url=False, include_context=False):
                self._note(detail["loc"], detail["type"], detail["input"], detail["msg"])
            return cast("Shape", shape.model_construct(**values))

    def moment(self, text: str | None, option: str, *, to_come: bool = True) -> datetime | None:
        """An instant from ISO 8601, in this machine's time zone if it names none; in the future if it is to come."""
        if text is None:
            return None
        try:
            read = datetime.fromisoformat(text.strip()).astimezone()
        except (ValueError, OverflowError, OSError):
            self.problems.append(
                f"{option} {text!r}: ISO 8601 is wanted, like 2027-01-15T18:00+13:00 or 2027-01-15 18:00"
            )
            return None
        if to_come and read <= datetime.now(UTC):
            self.problems.append(f"{option} {text!r}: is in the past ({read:%Y-%m-%d %H:%M %z})")
        return read

    def folder(self, path: Path | None) -> None:
        """See to it that files can be written there."""
        if path is None:
            return
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.problems.append(f"--out {str(path)!r}: {error.strerror}")

    def _note(self, location: tuple[int | str, ...], kind: str, value: object, message: str) -> None:
        fields = [part for part in location if isinstance(part, str)]
        field = fields[-1] if fields else ""
        typed = _TYPED_AS.get(field, field)
        if kind == "string_pattern_mismatch":
            message = _WANTED.get(field, _DIGITS_WANTED)
        elif field == "actor" and value is None:
            self.problems.append("say who you are: --as USER_ID, or SPARKADS_ACTOR")
            return
        shown = f" {value!r}" if isinstance(value, str | int | float) else ""
        self.problems.append(f"{typed}{shown}: {message}")


@contextmanager
def collected() -> Iterator[Mistakes]:
    """
    Collect the mistakes of a command's input.

    Raises:
        BadInput: at the end, with all of them.
    """
    mistakes = Mistakes()
    yield mistakes
    if mistakes.problems:
        raise BadInput(mistakes.problems)
