"""The rows of a release's report for a spreadsheet."""

import csv
import io
import re

from activities.report_content import ReleaseReport
from store.releases import ReportRow

STAGES = ("requested_at", "approved_at", "linked_at")
"""Columns behind those of `ReportRow`: how far the row's account came, in the row's ad account."""

_FORMULA = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])|^(?=[\t\r\n])")
"""Places in a text where a spreadsheet would begin to read a formula."""


def as_csv(report: ReleaseReport) -> str:
    """
    One line for each target, with the columns of `ReportRow` and of `STAGES`.

    No cell can be run as a formula by a spreadsheet: a text that begins with one of `= + - @` (also in full width), a
    tab or a line break gets an apostrophe in front, as OWASP advises against CSV injection; so does one that would
    begin a cell for a spreadsheet that splits at semicolons, tabs or line breaks inside the text. A program that reads
    the file back and needs the exact text of such a cell takes it from the JSON.
    """
    out = io.StringIO()
    # Python quotes a lone carriage return only when it quotes everything; unquoted, it would end the line.
    columns = [*ReportRow.model_fields, *STAGES]
    writer = csv.DictWriter(out, fieldnames=columns, quoting=csv.QUOTE_ALL, lineterminator="\n")
    accounts = {account.handle: account.model_dump(mode="json") for account in report.accounts}
    writer.writeheader()
    for row in report.rows:
        account = accounts[row.handle]
        stages = (account["requested_at"], account["approved_at"], account["linked"].get(row.advertiser_id))
        cells = row.model_dump(mode="json") | dict(zip(STAGES, stages, strict=True))
        writer.writerow({name: _inert(cell) if isinstance(cell, str) else cell for name, cell in cells.items()})
    return out.getvalue()


def _inert(text: str) -> str:
    return _FORMULA.sub("'", text)
