"""A proxy between worker and simulator whose rules change single answers, as TikTok itself might."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import aiohttp
from aiohttp import web

API = "/open_api/v1.3/"
_HOP = {"host", "content-length", "accept-encoding", "connection"}

Envelope: TypeAlias = dict[str, Any]
"""`code`, `message`, `request_id`, `data`; those that are left out are filled in."""


@dataclass(frozen=True)
class Call:
    """
    One call of the worker.

    Attributes:
        path: endpoint below the API's path, e.g. `ad/create/`.
        verb: GET or POST.
        query: query parameters; lists and objects are JSON texts.
        body: what was sent as JSON, else empty.
    """

    path: str
    verb: str
    query: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def advertiser_id(self) -> str:
        """The ad account that it is about, if any."""
        return str(self.body.get("advertiser_id") or self.query.get("advertiser_id") or "")

    @property
    def bc_id(self) -> str:
        """The Business Center that it is about, if any."""
        return str(self.body.get("bc_id") or self.query.get("bc_id") or "")


@dataclass(frozen=True)
class Plain:
    """An answer that is no envelope: a page of a gateway, nothing at all, half an answer."""

    status: int = 504
    text: str = "<html><head><title>504 Gateway Time-out</title></head></html>"
    content_type: str = "text/html"


Before: TypeAlias = Callable[[Call], Awaitable[Envelope | Plain | None]]
"""What TikTok answers without having done it; None: this rule has nothing to say. It may take its time."""

After: TypeAlias = Callable[[Call, Envelope], Envelope | Plain]
"""What arrives of the simulator's answer, which it may change in place."""


def error(code: int, message: str) -> Envelope:
    """A refusal."""
    return {"code": code, "message": message, "data": {}}


@dataclass
class OddAnswers:
    """
    The proxy, as long as `serving` runs.

    Attributes:
        url: what a worker takes for TikTok.
        target: the simulator.
        before: asked in turn before the simulator is; the first that answers is the answer.
        after: changes of what the simulator answered, one after the other.
        calls: all that came, in order.
    """

    url: str = ""
    target: str = ""
    before: list[Before] = field(default_factory=list)
    after: list[After] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def clear(self) -> None:
        """Answer as the simulator does, from now on."""
        self.before.clear()
        self.after.clear()
        self.calls.clear()

    def refuse(self, path: str, code: int, message: str, *, where: Callable[[Call], bool] = lambda _: True) -> None:
        """Answer calls of an endpoint with an error."""
        self.answer(path, error(code, message), where=where)

    def answer(
        self,
        path: str,
        answer: Envelope | Plain,
        *,
        where: Callable[[Call], bool] = lambda _: True,
        after: float = 0.0,
        times: int | None = None,
    ) -> None:
        """
        Answer calls of an endpoint without having done them.

        Args:
            path: e.g. `ad/create/`.
            answer: what arrives.
            where: which of its calls; all, if it is not said.
            after: seconds until it arrives.
            times: how often; None for as long as the rule stands.
        """
        left = times

        async def rule(call: Call) -> Envelope | Plain | None:
            nonlocal left
            if call.path != path or left == 0 or not where(call):
                return None
            left = None if left is None else left - 1
            await asyncio.sleep(after)
            return answer

        self.before.append(rule)

    def slow(self, path: str, seconds: float, *, where: Callable[[Call], bool] = lambda _: True) -> None:
        """Let calls of an endpoint wait, before the simulator gets them."""

        async def rule(call: Call) -> None:
            if call.path == path and where(call):
                await asyncio.sleep(seconds)

        self.before.append(rule)

    def change(
        self, path: str, change: Callable[[dict[str, Any]], None], *, where: Callable[[Call], bool] = lambda _: True
    ) -> None:
        """Let `change` alter `data` of an endpoint's answers in place."""

        def rule(call: Call, envelope: Envelope) -> Envelope:
            if call.path == path and envelope.get("code") == 0 and where(call):
                change(envelope["data"])
            return envelope

        self.after.append(rule)

    def count(self, path: str, *, where: Callable[[Call], bool] = lambda _: True) -> int:
        """How many calls of an endpoint came since the rules were cleared."""
        return sum(call.path == path and where(call) for call in self.calls)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["OddAnswers"]:
        """Listen on a port of its own; `target`, where calls go on to, has to be set before the first."""
        async with aiohttp.ClientSession() as session:

            async def pass_on(request: web.Request) -> web.Response:
                return await self._handle(request, session)

            app = web.Application(client_max_size=600 * 1024**2)
            app.router.add_route("*", "/{tail:.*}", pass_on)
            runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            try:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
                yield self
            finally:
                await runner.cleanup()

    async def _handle(self, request: web.Request, session: aiohttp.ClientSession) -> web.Response:
        raw = await request.read()
        call = _call(request, raw)
        self.calls.append(call)
        for before in list(self.before):
            answer = await before(call)
            if answer is not None:
                return self._reply(answer)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP}
        async with session.request(
            request.method, self.target + request.path_qs, data=raw or None, headers=headers
        ) as reply:
            status, content_type, content = reply.status, reply.content_type, await reply.read()
        if content_type != "application/json" or status != web.HTTPOk.status_code:
            return web.Response(status=status, body=content, content_type=content_type)
        changed: Envelope | Plain = json.loads(content)
        for after in list(self.after):
            if isinstance(changed, Plain):
                break
            changed = after(call, changed)
        return self._reply(changed)

    def _reply(self, answer: Envelope | Plain) -> web.Response:
        if isinstance(answer, Plain):
            return web.Response(status=answer.status, text=answer.text, content_type=answer.content_type)
        return web.json_response({"message": "OK", "request_id": f"odd-{len(self.calls)}", "data": {}, **answer})


def _call(request: web.Request, raw: bytes) -> Call:
    body: Any = {}
    if request.content_type == "application/json" and raw:
        body = json.loads(raw)
    return Call(request.path.removeprefix(API), request.method, dict(request.query), body)
