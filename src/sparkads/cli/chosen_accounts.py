"""The TikTok accounts that a command names: handles, asset ids, or all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import StringConstraints

from sparkads.cli.mistakes import Mistakes
from sparkads.client import SparkAds
from sparkads.contracts.authorization import AuthorizationStage
from sparkads.contracts.base import Contract, TikTokId
from sparkads.errors import NothingOnRecord


class _Account(Contract):
    """What names one authorization: a handle with @, or an asset id."""

    bc_id: TikTokId
    asset_id: Annotated[str, StringConstraints(pattern=r"^([0-9]{1,20}|@[A-Za-z0-9._]{2,24})$")]


def check_accounts(
    mistakes: Mistakes, bc: str, accounts: Sequence[str] | None, *, everything: bool | None = None
) -> None:
    """Collect what is wrong with the Business Center and the accounts; `everything`: whether `--all` was said."""
    for account in accounts or ["0"]:
        mistakes.check(_Account, bc_id=bc, asset_id=account)
    if everything is not None and bool(accounts) == everything:
        mistakes.problems.append("name the accounts, or say --all")


def not_authorized(handle: str, bc: str) -> NothingOnRecord:
    """A handle that no authorized account has."""
    return NothingOnRecord(f"{handle} has not authorized Business Center {bc}; see sparkads accounts list {bc}")


@dataclass(frozen=True)
class ChosenAccounts:
    """Accounts as they were typed; `words` is None for all that are authorized."""

    bc_id: str
    actor: str
    words: Sequence[str] | None

    async def asset_ids(self, spark: SparkAds) -> list[tuple[str, str | None]]:
        """Each word with its asset id, or None for a handle that is not authorized."""
        if self.words is not None and not any(word.startswith("@") for word in self.words):
            return [(word, word) for word in dict.fromkeys(self.words)]
        lines = (await spark.list_accounts(self.bc_id, self.actor)).accounts
        active = [line for line in lines if line.stage == AuthorizationStage.ACTIVE]
        if self.words is None:
            return [(line.asset_id, line.asset_id) for line in active]
        known = {f"@{line.handle}": line.asset_id for line in active}
        wanted = dict.fromkeys(word.lower() for word in self.words)
        return [(word, known.get(word) if word.startswith("@") else word) for word in wanted]

    async def only(self, spark: SparkAds) -> str:
        """The asset id of the one account that was named."""
        ((word, asset_id),) = await self.asset_ids(spark)
        if asset_id is None:
            raise not_authorized(word, self.bc_id)
        return asset_id
