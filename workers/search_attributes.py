"""Registration of our search attributes in a Temporal namespace: a deploy step, and part of the local stack."""

import asyncio
from collections.abc import Collection
from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeIndexedValueType, SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from sparkads import search_attributes

_POLL = 0.2
"""Seconds between two looks: servers pass a new attribute on to their parts within seconds."""

_NOT_YET = {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.NOT_FOUND, RPCStatusCode.UNAVAILABLE}
"""What a server answers whose parts have not all heard of the namespace or of the attribute."""

_INDEXED = {
    SearchAttributeIndexedValueType.TEXT: IndexedValueType.INDEXED_VALUE_TYPE_TEXT,
    SearchAttributeIndexedValueType.KEYWORD: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    SearchAttributeIndexedValueType.INT: IndexedValueType.INDEXED_VALUE_TYPE_INT,
    SearchAttributeIndexedValueType.DOUBLE: IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE,
    SearchAttributeIndexedValueType.BOOL: IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
    SearchAttributeIndexedValueType.DATETIME: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    SearchAttributeIndexedValueType.KEYWORD_LIST: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
}

Keys = Collection[SearchAttributeKey]  # type: ignore[type-arg]  # keys of different value types in one list


class SearchAttributeConflict(Exception):
    """The namespace has one of our names with another type. Temporal cannot change a type."""


async def register_search_attributes(
    client: Client, keys: Keys = search_attributes.ALL, *, patience: timedelta = timedelta(seconds=60)
) -> list[str]:
    """
    Add the search attributes the namespace does not have, and wait until they can be used. Safe to repeat.

    Args:
        client: connected to the namespace.
        keys: what to register.
        patience: how long to wait for a namespace that was created a moment ago, and for use.

    Returns:
        Names that were added now.

    Raises:
        SearchAttributeConflict: a name is there with another type.
        RPCError: the server refuses, or still does not know the namespace or the attributes after `patience`.
    """
    wanted = {key.name: _INDEXED[key.indexed_value_type] for key in keys}
    deadline = asyncio.get_running_loop().time() + patience.total_seconds()
    added: list[str] = []
    while True:
        try:
            added += await _add_missing(client, wanted)
            # Listed is not yet usable: the frontend resolves names from a cache of its own. A query of all of them
            # succeeds only when it knows them.
            await client.count_workflows(" AND ".join(f"`{name}` IS NULL" for name in wanted))
        except RPCError as error:
            if error.status not in _NOT_YET or asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(_POLL)
        else:
            return added


async def _add_missing(client: Client, wanted: dict[str, IndexedValueType.ValueType]) -> list[str]:
    present = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    wrong = [
        f"{name} is {IndexedValueType.Name(present.custom_attributes[name])}, wanted is {IndexedValueType.Name(value)}"
        for name, value in wanted.items()
        if name in present.custom_attributes and present.custom_attributes[name] != value
    ]
    if wrong:
        raise SearchAttributeConflict("; ".join(wrong))
    missing = {name: value for name, value in wanted.items() if name not in present.custom_attributes}
    if missing:
        try:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
            )
        except RPCError as error:
            # Another process added them in between; the caller's query waits for them.
            if error.status is not RPCStatusCode.ALREADY_EXISTS:
                raise
    return list(missing)
