"""
Write docs/who-may-do-what.md from its declaration: `.venv/bin/python docs/who_may_do_what.py`.

The declaration is `sparkads.roles` and `sparkads.permissions`; a test holds the page to it.
"""

import inspect
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path

from sparkads.errors import AdminOnly, NotAMember
from sparkads.permissions import (
    COMMANDS,
    EVERYBODY,
    NEED_NO_RIGHT,
    ROLE_OF,
    AccountState,
    Answer,
    CenterState,
    Command,
    Outcome,
    ReleaseState,
    State,
    Who,
    cells,
)
from sparkads.roles import AD_ACCOUNT_KEY, RIGHTS, TIKTOK_ACCOUNT_KEY, Action, Right, missing_keys

PAGE = Path(__file__).with_name("who-may-do-what.md")

_ANSWERS: dict[Answer, str] = {
    Outcome.DONE: "done",
    Outcome.NOTHING_TO_DO: "allowed; it is so already",
    Outcome.SHOWN: "shown",
    Outcome.LEFT_OUT: "left out",
    Outcome.KEPT: "kept, changes nothing",
}


def main() -> None:
    """Write the page."""
    PAGE.write_text(page())


_TEXT = """# Who may do what, and when

Written by `docs/who_may_do_what.py` from [`roles.py`](../src/sparkads/roles.py), which the workers obey, and
[`permissions.py`](../src/sparkads/permissions.py). Each of its {count} cells is tried on the real system by
[`test_every_cell.py`](../tests/lifecycle/test_every_cell.py).

A command is judged in this order: is there anything it could act on, is its sender a member, does their role allow it,
and what is the state of what it acts on. Roles are read from TikTok at every use.

## Action and role

{roles}

An owner ends an authorization at TikTok, and needs no role here (R10). An invitation counts once it is accepted,
whatever role it offers.

## TikTok accounts: action and state

For whoever may; everybody else is refused as above. Where nothing is, everybody is answered alike: `NothingOnRecord`,
`RequestClosedAlready`.

{accounts}

An approval may be reported by anybody: TikTok is asked before it counts, and a report that comes before TikTok lists
the account changes nothing.

## Business Centers: action and state

{centers}

## Releases: action and state

{releases}

Who steers a release:

{steering}

## Two keys

A Spark Ad needs both at once, for admins too (R5): asked when it is planned, and at the moment of use.

{keys}

## Messages that need no right

Nothing counts because one of these says so.

{hints}

## Refusals

{refusals}

A refusal for who somebody is names the rule, or the people whose release it is, and the admins to ask; it leaves a line
in the audit trail and changes nothing.
"""


def page() -> str:
    """The whole page."""
    return _TEXT.format(
        count=sum(1 for _ in cells()),
        roles=_table(
            ["Action", "Rule", *(_capital(who) for who in EVERYBODY), "Commands"],
            ([_capital(action), right.rule, *_row_of(right), _commands(action)] for action, right in RIGHTS.items()),
        ),
        accounts=_by_state(AccountState),
        centers=_by_state(CenterState),
        releases=_by_state(ReleaseState),
        steering=_steering(),
        keys=_keys(),
        hints=_table(
            ["Workflow", "Message", "What it does"],
            ([f"`{workflow}`", f"`{name}`", what] for (workflow, name), what in NEED_NO_RIGHT.items()),
        ),
        refusals="\n".join(_refusals()),
    )


def _steering() -> str:
    commands = [command for command in COMMANDS if command.steers]
    return _table(
        ["Who", *(f"`{command.name}`" for command in commands)],
        ([_capital(who), *(_yes_or(command.answer(who, ReleaseState.RUNNING)) for command in commands)] for who in Who),
    )


def _keys() -> str:
    rows = []
    for (permission, first), (role, second) in product(TIKTOK_ACCOUNT_KEY.items(), AD_ACCOUNT_KEY.items()):
        missing = " and ".join(missing_keys(has_grant=first, ad_account_role=role))
        rows.append([permission or "none", role or "none", "yes" if first and second else "no", missing])
    head = ["Permission on the TikTok account", "Role on the ad account", "Spark Ads", "What is missing"]
    return _table(head, rows)


def _refusals() -> Iterator[str]:
    refusals = {cell.answer for cell in cells() if isinstance(cell.answer, type)}
    for refusal in sorted(refusals, key=lambda one: one.__name__):
        yield f"- `{refusal.__name__}`: {inspect.getdoc(refusal)}"


def _row_of(right: Right) -> Iterator[str]:
    for who in EVERYBODY:
        role = ROLE_OF[who]
        if role in right.assigned_only:
            yield "yes, those assigned to them"
        elif role in right.roles:
            yield "yes"
        else:
            yield _told(AdminOnly if role else NotAMember)


def _commands(action: Action) -> str:
    return ", ".join(f"`{_named(command)}`" for command in COMMANDS if command.action is action)


def _named(command: Command) -> str:
    return f"{command.name} {command.about}".strip()


def _by_state(kind: type[State]) -> str:
    """A row for each state, a column for each command; a second one where standard members are shown less."""
    columns: list[tuple[str, Command, Who]] = []
    for command in COMMANDS:
        if all(isinstance(state, kind) for state in command.states):
            name = f"`{_named(command)}`"
            if command.action is not None and RIGHTS[command.action].assigned_only:
                columns += [(f"{name}, {who}", command, who) for who in (Who.ADMIN, Who.STANDARD)]
            else:
                columns.append((name, command, Who.ADMIN))
    return _table(
        ["State", *(name for name, _, _ in columns)],
        ([_capital(state), *(_cell(command, who, state) for _, command, who in columns)] for state in kind),
    )


def _cell(command: Command, who: Who, state: State) -> str:
    return _told(command.answer(who, state)) if state in command.states else ""


def _yes_or(answer: Answer) -> str:
    return _told(answer) if isinstance(answer, type) else "yes"


def _told(answer: Answer) -> str:
    return f"`{answer.__name__}`" if isinstance(answer, type) else _ANSWERS[answer]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |".replace("|  |", "| |") for row in [head, ["---"] * len(head), *rows])


if __name__ == "__main__":
    main()
