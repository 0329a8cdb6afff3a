"""
The shape of every message that may be under way, or in a history, when a new release starts.

    python -m tests.guards.contracts --write

That is all of `sparkads.contracts`, what activities take and return, the bundle of a release, and all their parts.
"""

import importlib
import inspect
import json
import pkgutil
import sys
import typing
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from temporalio import activity

import activities
from sparkads import contracts
from sparkads.contracts.base import Contract
from sparkads.manifest import ReleaseBundle

FILE = Path(__file__).with_name("contracts.json")

Shape = dict[str, dict[str, Any]]
"""Of a model: for each field its JSON schema (with constraints and default), and whether it is required."""

Lock = dict[str, Any]
"""`models`: shapes by name; `enums`: values by name."""


def lock(models: set[type[BaseModel]]) -> Lock:
    """The shapes of models and of all they consist of."""
    kinds = _closure(models)
    return {
        "models": {_name(kind): _shape(kind) for kind in sorted(kinds, key=_name) if issubclass(kind, BaseModel)},
        "enums": {
            _name(kind): [one.value for one in kind] for kind in sorted(kinds, key=_name) if issubclass(kind, Enum)
        },
    }


def breaks(old: Lock, new: Lock) -> list[str]:
    """What of `new` could not read a message of `old`, or would read it differently."""
    found = []
    for name, was in old["models"].items():
        now = new["models"].get(name)
        found += [f"{name} is gone"] if now is None else [f"{name}.{problem}" for problem in _changed(was, now)]
    for name, values in old["enums"].items():
        missing = [value for value in values if value not in new["enums"].get(name, [])]
        found += [f"{name} has lost {', '.join(map(str, missing))}"] if missing else []
    return found


def _changed(was: Shape, now: Shape) -> Iterator[str]:
    for field, old in was.items():
        new = now.get(field)
        if new is None:
            yield f"{field} is gone"
        elif new["required"] and not old["required"]:
            yield f"{field} has lost its default"
        elif new["type"] != old["type"]:
            yield f"{field} was {json.dumps(old['type'])} and is {json.dumps(new['type'])}"
        elif not old["required"] and new.get("default") != old.get("default"):
            yield f"{field} had the default {old.get('default')!r} and has {new.get('default')!r}"
    for field, new in now.items():
        if field not in was and new["required"]:
            yield f"{field} is new and has no default"


def current() -> Lock:
    """The shapes of all contracts as they are now."""
    return lock({ReleaseBundle, *_of_contracts(), *_of_activities()})


def committed() -> Lock:
    """The shapes on record."""
    found: Lock = json.loads(FILE.read_text())
    return found


def _of_contracts() -> Iterator[type[BaseModel]]:
    for module in _modules(contracts):
        for kind in vars(module).values():
            if inspect.isclass(kind) and issubclass(kind, Contract) and kind.__module__ == module.__name__:
                yield kind


def _of_activities() -> Iterator[type[BaseModel]]:
    for module in _modules(activities):
        for kind in vars(module).values():
            for method in vars(kind).values() if inspect.isclass(kind) else ():
                if hasattr(method, "__temporal_activity_definition"):
                    for kind_used in typing.get_type_hints(activity._Definition.must_from_callable(method).fn).values():
                        yield from (one for one in _parts(kind_used) if issubclass(one, BaseModel))


def _modules(package: Any) -> Iterator[Any]:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(module.name)


def _closure(models: set[type[BaseModel]]) -> set[type]:
    found: set[type] = set()
    waiting: list[type] = list(models)
    while waiting:
        kind = waiting.pop()
        if kind not in found:
            found.add(kind)
            if issubclass(kind, BaseModel):
                waiting += [part for field in kind.model_fields.values() for part in _parts(field.annotation)]
    return found


def _parts(annotation: Any) -> Iterator[type]:
    """The models and enums in an annotation."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel | Enum):
        yield annotation
    for part in typing.get_args(annotation):
        yield from _parts(part)


def _shape(model: type[BaseModel]) -> Shape:
    fields = model.model_json_schema()["properties"] if model.model_fields else {}
    shape: Shape = {}
    for name, field in model.model_fields.items():
        schema = {key: value for key, value in fields[name].items() if key not in {"title", "description"}}
        default = {"default": schema.pop("default")} if "default" in schema else {}
        if field.default_factory is not None:
            default = {"default": field.get_default(call_default_factory=True, validated_data={})}
        shape[name] = {"type": schema, "required": field.is_required(), **default}
    return shape


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _text(one: Lock) -> str:
    """JSON with one field a line."""
    models = [
        f"  {json.dumps(name)}: {{\n"
        + ",\n".join(f"   {json.dumps(field)}: {json.dumps(of)}" for field, of in shape.items())
        + "\n  }"
        for name, shape in one["models"].items()
    ]
    enums = [f"  {json.dumps(name)}: {json.dumps(values)}" for name, values in one["enums"].items()]
    return '{\n "models": {\n' + ",\n".join(models) + '\n },\n "enums": {\n' + ",\n".join(enums) + "\n }\n}\n"


if __name__ == "__main__":
    text = _text(current())
    if "--write" in sys.argv:
        FILE.write_text(text)
    else:
        sys.stdout.write(text)
