"""The way of a call: route, token, rate limit, fault, handler, envelope."""

import asyncio
from typing import Any, Final, Literal

from aiohttp import web
from pydantic_core import from_json

from simulator.endpoints import TABLE
from simulator.endpoints.assets import AUTHORIZATION_PATH
from simulator.envelope import ApiError, Partial, PascalCase, envelope, parameter_error, pascal_case
from simulator.faults import Rule
from simulator.fields import Query, validated
from simulator.routes import Anonymous, AnyEndpoint, Call, Data, OpenEndpoint, Upload
from simulator.simulation import Simulation
from simulator.state import Session

PREFIX: Final = "/open_api/v1.3"
SLASHLESS: Final = "/user/info"
"""The one path that was seen to work without its trailing slash."""
NO_TOKEN: Final = "Access token is null, you should set it in http header with key Access-Token."  # noqa: S105 - a text
BAD_TOKEN: Final = "Access token is incorrect or has been revoked."  # noqa: S105 - a text


class Dispatcher:
    """Answers every request below `/open_api/`."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    async def __call__(self, request: web.Request) -> web.Response:
        """Answer one request. HTTP errors are for wrong paths and verbs, and for faults that ask for them."""
        path = _endpoint_path(request)
        methods = TABLE.get(path)
        if methods is None:
            return web.Response(status=404, text="404 page not found")
        simulation = self._simulation
        if not simulation.world.public_url:
            simulation.world.public_url = f"{request.scheme}://{request.host}"
        simulation.calls.arrived(path)
        endpoint = methods.get(request.method)
        verb = simulation.world.config.authorization_verb
        if endpoint is None or (path == AUTHORIZATION_PATH and verb not in {"both", request.method}):
            return web.Response(status=405, text="405 method not allowed")
        try:
            session = None if isinstance(endpoint, OpenEndpoint) else self._session(request)
            if session is not None:
                simulation.limiter.admit(simulation.world.config, session.app_id, path)
            hits = simulation.faults.hit(path)
            if all(rule.kind != "throttle" for rule in hits):
                simulation.calls.accepted(path)
            if hits:
                return await self._faulty(request, endpoint, session, hits)
            return await self._answer(request, endpoint, session)
        except ApiError as error:
            return self._refuse(path, error)

    def _refuse(self, path: str, error: ApiError) -> web.Response:
        if error.code in {40100, 40133}:
            self._simulation.calls.throttled(path)
        return envelope(error.code, error.message, {})

    def _session(self, request: web.Request) -> Session:
        token = request.headers.get("Access-Token")
        if not token:
            raise ApiError(40104, NO_TOKEN)
        session = self._simulation.world.tokens.get(token)
        if session is None:
            raise ApiError(40105, BAD_TOKEN)
        return session

    async def _answer(self, request: web.Request, endpoint: AnyEndpoint, session: Session | None) -> web.Response:
        try:
            data = await self._run(request, endpoint, session)
        except ApiError as error:
            return self._refuse(_endpoint_path(request), error)
        if isinstance(data, PascalCase):
            return pascal_case(data.data)
        if isinstance(data, Partial):
            return envelope(20001, data.message, data.data)
        return envelope(0, "OK", data)

    async def _run(self, request: web.Request, endpoint: AnyEndpoint, session: Session | None) -> Data:
        world, path = self._simulation.world, _endpoint_path(request)
        if isinstance(endpoint, Upload):
            assert session is not None  # noqa: S101 - an upload is never open
            return await endpoint.handler(Call(world, session, world.settle(), path, request.method), request)
        model: Any
        if issubclass(endpoint.model, Query):
            model = endpoint.model.from_query(_query(request, world.config.empty_values))
        else:
            model = validated(endpoint.model, await _json(request))
        now = world.settle()
        if isinstance(endpoint, OpenEndpoint):
            return endpoint.handler(Anonymous(world, now), model)
        assert session is not None  # noqa: S101 - only open endpoints go without
        advertiser_id = getattr(model, "advertiser_id", "")
        self._simulation.limiter.admit_advertiser(world.config, advertiser_id, path)
        return endpoint.handler(Call(world, session, now, path, request.method), model)

    async def _faulty(
        self, request: web.Request, endpoint: AnyEndpoint, session: Session | None, hits: list[Rule]
    ) -> web.Response:
        """Answer a call that faults hit: those of before, the effect if it is still reached, those of after."""
        for rule in hits:
            if rule.when == "before":
                answer = await self._apply(request, rule)
                if answer is not None:
                    return answer
        response = await self._answer(request, endpoint, session)
        for rule in hits:
            if rule.when == "after":
                response = await self._apply(request, rule) or response
        return response

    async def _apply(self, request: web.Request, rule: Rule) -> web.Response | None:
        match rule.kind:
            case "delay":
                await asyncio.sleep(rule.seconds)
                return None
            case "http":
                return web.Response(status=rule.status, text="upstream error")
            case "throttle":
                raise ApiError(40100, "Too many requests. Please retry in some time.")
            case "code":
                return envelope(rule.code, rule.message, {})
            case "drop":
                if request.transport is not None:
                    request.transport.close()
                # Nothing of this reaches the caller: the connection is gone.
                return web.Response(status=500)


def _endpoint_path(request: web.Request) -> str:
    """The path below the prefix; empty for one that is not there."""
    path = request.path
    if not path.startswith(PREFIX):
        return ""
    path = path[len(PREFIX) :]
    return f"{path}/" if path == SLASHLESS else path


def _query(request: web.Request, empty_values: Literal["refuse", "ignore"]) -> dict[str, str]:
    """The parameters of a GET: each once, none empty.

    Raises:
        ApiError: 40002 for an array that is sent as repeated keys, or for an empty value.
    """
    values = dict(request.query)
    if len(values) < len(request.query):
        raise parameter_error("error unmarshaling parameter")
    empty = sorted(name for name, value in values.items() if not value)
    if empty and empty_values == "refuse":
        raise parameter_error(f"Invalid value of '{empty[0]}': it must not be empty")
    return {name: value for name, value in values.items() if value}


async def _json(request: web.Request) -> Any:
    raw = await request.read()
    try:
        body = from_json(raw) if raw else {}
    except ValueError:
        raise parameter_error("The body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise parameter_error("The body must be a JSON object.")
    return body
