"""Registration of search attributes on a real server."""

from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey

from sparkads import search_attributes
from workers.local import Stack
from workers.search_attributes import SearchAttributeConflict, register_search_attributes


@pytest.fixture
async def client(servers: Stack) -> Client:
    return await Client.connect(servers.temporal_address)


async def test_a_stack_has_them_all(client: Client) -> None:
    assert await register_search_attributes(client) == []
    await client.count_workflows(" AND ".join(f"`{key.name}` IS NULL" for key in search_attributes.ALL))


async def test_a_new_one_can_be_used_at_once(client: Client) -> None:
    key = SearchAttributeKey.for_keyword(f"Spark{uuid4().hex}")
    assert await register_search_attributes(client, [key]) == [key.name]
    assert (await client.count_workflows(f"{key.name} = 'x'")).count == 0
    assert await register_search_attributes(client, [key]) == []


async def test_another_type_is_refused_with_both_types(client: Client) -> None:
    name = search_attributes.PHASE.name
    with pytest.raises(SearchAttributeConflict, match=f"{name} is .*KEYWORD, wanted is .*INT"):
        await register_search_attributes(client, [SearchAttributeKey.for_int(name)])
