"""
The commands that a workflow's code may issue, in their order: what a replay compares with a history.

    python -m tests.guards.fingerprint --write

Read from the source, so that every path counts and not only those that were recorded. Each handler is followed into
the methods it uses; names of locals and of private methods, comments and time-outs change nothing.
"""

import ast
import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from workers.worker import WORKFLOWS

FILE = Path(__file__).with_name("fingerprints.json")

ACTIVITIES = ("execute_activity", "start_activity", "execute_local_activity", "start_local_activity")
"""How the names of calls begin that run an activity."""

_SDK = "temporalio.workflow"
_PREFIXES = (*ACTIVITIES, "execute_child_workflow", "start_child_workflow", "upsert_", "create_nexus_client")
_COMMANDS = {
    f"{_SDK}.sleep",
    f"{_SDK}.continue_as_new",
    f"{_SDK}.patched",
    f"{_SDK}.deprecate_patch",
    "asyncio.sleep",
    "asyncio.wait_for",
    "asyncio.timeout",
    "asyncio.timeout_at",
}
_TIMERS = {"sleep", "wait_for", "timeout", "timeout_at"}
"""Of these the kind is compared, and not how long they take."""

_METHODS = {"signal", "cancel", "execute_operation", "start_operation"}
"""Of handles: of other workflows, of children and of activities. A task's `cancel` may cancel an activity, too."""

_HANDLERS = {f"{_SDK}.{kind}" for kind in ("run", "init", "signal", "update")}
"""A query and a validator issue no command; the SDK sees to that."""


class Module:
    """One module of workflows, read as source."""

    def __init__(self, source: str) -> None:
        """Parse it."""
        self._tree = ast.parse(source)
        self._origins = dict(_origins(self._tree))
        self._functions = {node.name: node for node in self._tree.body if isinstance(node, _FUNCTION)}

    def workflows(self) -> dict[str, dict[str, list[str]]]:
        """By class and handler, the commands in their order."""
        return {
            node.name: self._handlers(node)
            for node in self._tree.body
            if isinstance(node, ast.ClassDef) and self._decorated(node, {f"{_SDK}.defn"})
        }

    def calls(self) -> Iterator[tuple[str, ast.Call]]:
        """All calls of the module that issue a command, by name."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call) and (name := self._command(node)):
                yield name, node

    def _handlers(self, kind: ast.ClassDef) -> dict[str, list[str]]:
        if kind.bases:
            raise ValueError(f"{kind.name} inherits: commands of its bases would not be seen")
        methods = {node.name: node for node in kind.body if isinstance(node, _FUNCTION)}
        return {
            name: list(self._commands(node, methods, (name,)))
            for name, node in methods.items()
            if self._decorated(node, _HANDLERS)
        }

    def _decorated(self, node: "_Decorated", wanted: set[str]) -> bool:
        decorators = (one.func if isinstance(one, ast.Call) else one for one in node.decorator_list)
        return any(self._origin(one) in wanted for one in decorators)

    def _commands(self, node: "_Function", methods: dict[str, "_Function"], path: tuple[str, ...]) -> Iterator[str]:
        known = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
        known |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
        for statement in node.body:
            for one in _in_order(statement):
                used = self._used(one, methods)
                if used is not None and used.name not in path:
                    yield from self._commands(used, methods, (*path, used.name))
                elif isinstance(one, ast.Call) and (name := self._command(one)):
                    yield f"{name} {_subject(one, known)}".strip()

    def _used(self, node: ast.AST, methods: dict[str, "_Function"]) -> "_Function | None":
        """The method or function of this module that a node calls, or hands to somebody who does."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            return methods.get(node.attr)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            return self._functions.get(node.id)
        return None

    def _command(self, call: ast.Call) -> str:
        origin = self._origin(call.func)
        short = origin.rpartition(".")[2]
        if origin in _COMMANDS or (origin.startswith(_SDK) and short.startswith(_PREFIXES)):
            return short
        if origin == f"{_SDK}.wait_condition":
            # Only a time-out makes a timer.
            return "wait_condition with timeout" if _keyword(call, "timeout") else ""
        if not origin.startswith(_SDK) and isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS:
            return call.func.attr
        return ""

    def _origin(self, node: ast.AST) -> str:
        """The full dotted name of what a name or attribute refers to, or nothing."""
        if isinstance(node, ast.Name):
            return self._origins.get(node.id, "")
        if isinstance(node, ast.Attribute) and (base := self._origin(node.value)):
            return f"{base}.{node.attr}"
        return ""


_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Decorated = _Function | ast.ClassDef


def _origins(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((one.asname or one.name, one.name) for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((one.asname or one.name, f"{node.module}.{one.name}") for one in node.names)


def _in_order(node: ast.AST) -> Iterator[ast.AST]:
    """As Python evaluates: the arguments of a call, then what is called, then the call."""
    parts: list[ast.AST] = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Call):
        parts = [*node.args, *node.keywords, node.func]
    for part in parts:
        yield from _in_order(part)
    yield node


def _subject(call: ast.Call, known: set[str]) -> str:
    """What a command is about, if its first argument says so by a name that is not a local one."""
    if not call.args or (isinstance(call.func, ast.Attribute) and call.func.attr in _TIMERS):
        return ""
    first = call.args[0]
    root = first
    while isinstance(root, ast.Attribute):
        root = root.value
    named = isinstance(root, ast.Name) and root.id not in {*known, "self"}
    return ast.unparse(first) if named or isinstance(first, ast.Constant) else ""


def _keyword(call: ast.Call, name: str) -> bool:
    given = next((one.value for one in call.keywords if one.arg == name), None)
    return given is not None and not (isinstance(given, ast.Constant) and given.value is None)


def fingerprints(kind: type) -> dict[str, list[str]]:
    """The commands of one workflow class, by handler."""
    return Module(_source(kind).read_text()).workflows()[kind.__name__]


def _source(kind: type) -> Path:
    return Path(inspect.getfile(kind))


def current() -> dict[str, dict[str, list[str]]]:
    """The fingerprints of all workflows that the worker runs."""
    return {kind.__name__: fingerprints(kind) for kind in WORKFLOWS}


def committed() -> dict[str, dict[str, list[str]]]:
    """The fingerprints of what runs already."""
    found: dict[str, dict[str, list[str]]] = json.loads(FILE.read_text())
    return found


if __name__ == "__main__":
    text = json.dumps(current(), indent=2) + "\n"
    if "--write" in sys.argv:
        FILE.write_text(text)
    else:
        sys.stdout.write(text)
