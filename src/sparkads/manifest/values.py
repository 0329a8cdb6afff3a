"""What may be in the cells of one row, times and files apart."""

import difflib
import re
from decimal import Decimal, InvalidOperation

from sparkads import budgets, captions
from sparkads.manifest.columns import CALLS_TO_ACTION, CARRIED_BY_PUSH, MAX_TIER, MAX_URL
from sparkads.manifest.filling import Row
from sparkads.manifest.rows import Mode, Visibility

_ROW_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HANDLE = re.compile(r"@?[A-Za-z0-9._]{2,24}")
_DIGITS = re.compile(r"[0-9]{1,20}")
_TERRITORY = re.compile(r"[A-Z]{2}")
_ADDRESS = re.compile(r"https://[^\s/]+\.[^\s]+")
_TIER = re.compile(r"[0-9]{1,2}")
_BECAME_A_NUMBER = re.compile(r"[0-9]([.,][0-9]*)?[eE]\+?[0-9]+|[0-9]+[.,]0+")
_KEPT_DIGITS = 15
"""Digits of a number that a spreadsheet keeps; it makes zeros of the rest."""
_AS_TEXT = "a spreadsheet has made a number of it: format the column as text, and write the digits again"
_IDS = {
    "ad_account": ("ad account id", "write the digits of the id"),
    "location_id": ("location id", "write TikTok's id, like 6252001"),
    "post_id": ("post id", "a pull needs the digits of the post"),
    "ad_group_id": ("ad group id", "write its digits, or nothing"),
}


def check_who(row: Row) -> None:
    """Who publishes where."""
    if not _ROW_ID.fullmatch(row["row_id"]):
        row.wrong("row_id", "is no row id", "use letters, digits, . _ - and at most 64 of them")
    if row["mode"] not in set(Mode):
        row.wrong("mode", "is no mode", "write push or pull")
    if not _HANDLE.fullmatch(row["account"]):
        row.wrong("account", "is no TikTok handle", "write it like @artist")
    _check_id(row, "ad_account")
    if not _TERRITORY.fullmatch(row["territory"]):
        row.wrong("territory", "is no territory", "write two capital letters, like NZ")
    _check_id(row, "location_id")


def check_ad(row: Row) -> None:
    """Where the ad leads, and when its turn is."""
    address = row["landing_url"]
    if not _ADDRESS.fullmatch(address):
        row.wrong("landing_url", "is no https address", "write it in full")
    elif len(address) > MAX_URL:
        row.wrong("landing_url", f"has {len(address)} characters", f"at most {MAX_URL} are taken")
    if row["call_to_action"] not in CALLS_TO_ACTION:
        near = difflib.get_close_matches(row["call_to_action"].upper()[:64], CALLS_TO_ACTION, n=1)
        advice = f"did you mean {near[0]}?" if near else "write one like LISTEN_NOW"
        row.wrong("call_to_action", "is unknown", advice)
    if row["tier"] and not _TIER.fullmatch(row["tier"]):
        row.wrong("tier", "is no tier", f"write a whole number from 0 to {MAX_TIER}, or nothing")
    if row["ad_group_id"]:
        _check_id(row, "ad_group_id")


def budget(row: Row) -> Decimal:
    """
    The daily budget; what cannot be read, or is refused in every currency, is noted.

    The currency is the ad account's, and is not known here: `campaign plan` asks for it, and judges by it.
    """
    text = row["daily_budget"]
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or not 0 < amount < budgets.LIMIT_ANYWHERE:
        advice = f"write {text.replace(',', '.')}" if re.fullmatch(r"[0-9]+,[0-9]{1,2}", text) else _LIKE
        row.wrong("daily_budget", "is no budget", advice)
    elif not row["ad_group_id"]:  # an ad group of the row's own has its own budget, and this one is not used
        _check_limits(row, amount)
    return amount


def _check_limits(row: Row, amount: Decimal) -> None:
    if amount < budgets.LEAST:
        advice = f"TikTok takes more than {budgets.LEAST} a day for an ad group, in some currencies far more"
        row.wrong("daily_budget", "is too low in every currency", advice)
    elif budgets.has_more_decimals(amount, budgets.DECIMALS):
        row.wrong("daily_budget", "has too many decimals for any currency", f"write {budgets.DECIMALS} at most")
    elif amount == budgets.LEAST:
        advice = f"a part of TikTok's pages wants more than {budgets.LEAST}; in some currencies it is far more"
        row.warn("daily_budget", "is the very least that TikTok takes in any currency", advice)


_LIKE = "write a number above 0, like 50.00"


def check_creative(row: Row) -> None:
    """What is shown, files apart: a push brings it, a pull has it already (R13)."""
    if row["mode"] == Mode.PULL:
        _check_id(row, "post_id")
        for column in CARRIED_BY_PUSH:
            if row[column]:
                row.wrong(column, "cannot be carried by a pull", "leave it empty: the post has it")
    if row["mode"] != Mode.PUSH:
        return
    if row["post_id"]:
        row.wrong("post_id", "cannot be carried by a push", "leave it empty, or write pull")
    if row["visibility"] not in set(Visibility):
        row.wrong("visibility", "must be said", "write ads_only or profile")
    _check_caption(row)
    if not row["video"]:
        row.wrong("video", "is empty", "a push needs a video file")


def _check_caption(row: Row) -> None:
    caption = row["caption"]
    for problem, advice in captions.problems(caption):
        row.wrong("caption", problem, advice)


def _check_id(row: Row, column: str) -> None:
    text = row[column]
    name, advice = _IDS[column]
    if not _DIGITS.fullmatch(text):
        row.wrong(column, f"is no {name}", _AS_TEXT if _BECAME_A_NUMBER.fullmatch(text) else advice)
    elif len(text) > _KEPT_DIGITS and not text[_KEPT_DIGITS:].strip("0"):
        row.warn(column, "ends in zeros, as if a spreadsheet had rounded it", "compare it with TikTok's")
