"""Stands between the worker and the simulator: alters the answers to calls of one seed's Business Center."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import aiohttp
from aiohttp import web

from fuzz.alterations import ANY, ID, Alteration, Odd, What

_PREFIX = "/open_api/v1.3/"
_LARGEST = 64 * 1024**2
_ADVERTISER = re.compile(rb'name="advertiser_id"(?:\r\n[^\r\n]+)*\r\n\r\n(\d+)')
"""In a multipart body."""
_HTML = "<html><head><title>504 Gateway Time-out</title></head><body><h1>504 Gateway Time-out</h1></body></html>"
_DROPPED = {"host", "content-length", "accept-encoding", "connection"}


@dataclass(frozen=True)
class Call:
    """One call that came through. `about`: the ids that its query and body name."""

    at: float
    endpoint: str
    verb: str
    about: frozenset[str]
    advertiser_id: str

    @property
    def subject(self) -> str:
        """The ad account; where there is none, all ids that the call names."""
        return self.advertiser_id or " ".join(sorted(self.about))


@dataclass(frozen=True)
class Hit:
    """
    An answer that was altered.

    Attributes:
        at: when, in Unix seconds.
        call: what was answered.
        number: which of the alterations.
        said: what was done, in words.
        in_entry: whether only one entry of a list was altered.
        is_more: whether an entry was added, and all others are as they were.
        beside: ids in the entry that was altered.
    """

    at: float
    call: Call
    number: int
    said: str
    in_entry: bool
    is_more: bool
    beside: frozenset[str]


@dataclass
class Line:
    """What is altered for one token, what was, and every call made with it."""

    alterations: Sequence[Alteration]
    ad_accounts: Sequence[str]
    calls: list[Call] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    odd: list[Odd] = field(default_factory=list)

    def start(self) -> None:
        """From now on answers are altered."""
        self.odd = [Odd(one) for one in self.alterations]

    def stop(self) -> None:
        """From now on none is."""
        self.odd = []


class Proxy:
    """Passes calls on, each by the line of its access token; those of an unknown token unaltered."""

    def __init__(self, http: aiohttp.ClientSession) -> None:
        """Without a target yet: the simulator's address is known later than this one's."""
        self.target = ""
        self.url = ""
        self._http = http
        self._lines: dict[str, Line] = {}

    def line(self, token: str, alterations: Sequence[Alteration], ad_accounts: Sequence[str]) -> Line:
        """The line of a token, at rest."""
        self._lines[token] = Line(alterations, ad_accounts)
        return self._lines[token]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Pass one call on, altered or not."""
        raw = await request.read()
        line = self._lines.get(request.headers.get("Access-Token", ""))
        if line is None or not request.path.startswith(_PREFIX):
            return await self._pass_on(request, raw)
        call = _call(request, raw)
        line.calls.append(call)
        for number, odd in enumerate(line.odd):
            if odd.alteration.before and _concerns(odd, call, line):
                answer = await self._instead(line, call, number, odd)
                if answer is not None:
                    return answer
        response = await self._pass_on(request, raw)
        for number, odd in enumerate(line.odd):
            if not odd.alteration.before and _concerns(odd, call, line):
                response = await self._altered(line, call, number, odd, response)
        return response

    async def _instead(self, line: Line, call: Call, number: int, odd: Odd) -> web.Response | None:
        _note(line, call, number, odd, str(odd.alteration.what))
        if odd.alteration.what is What.SLOW:
            await asyncio.sleep(odd.alteration.seconds)
            return None
        return _whole(odd.alteration, call, b"{}")

    async def _altered(self, line: Line, call: Call, number: int, odd: Odd, response: web.Response) -> web.Response:
        alteration, body = odd.alteration, response.body
        assert isinstance(body, bytes)  # noqa: S101 - as `_pass_on` made it
        if alteration.what is What.SLOW:
            _note(line, call, number, odd, str(alteration.what))
            await asyncio.sleep(alteration.seconds)
            return response
        if alteration.what in {What.CODE, What.HTTP, What.HTML, What.EMPTY, What.TRUNCATED}:
            _note(line, call, number, odd, str(alteration.what))
            return _whole(alteration, call, body)
        try:
            envelope = json.loads(body)
        except ValueError:
            return response
        # A refusal has no fields worth altering.
        if not isinstance(envelope, dict) or envelope.get("code") != 0:
            return response
        done = odd.alter(envelope)
        if done is None:
            return response
        said, beside = done
        _note(line, call, number, odd, said, beside)
        return web.json_response(envelope)

    async def _pass_on(self, request: web.Request, raw: bytes) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _DROPPED}
        async with self._http.request(
            request.method, self.target + request.path_qs, data=raw or None, headers=headers, allow_redirects=False
        ) as answer:
            body = await answer.read()
            return web.Response(status=answer.status, body=body, content_type=answer.content_type)


@asynccontextmanager
async def proxy() -> AsyncIterator[Proxy]:
    """A proxy on a free port of this machine, until the context is left."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:
        passing = Proxy(http)
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_route("*", "/{tail:.*}", passing.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            passing.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield passing
        finally:
            await runner.cleanup()


def _call(request: web.Request, raw: bytes) -> Call:
    about = set(ID.findall(unquote(request.query_string)))
    advertiser_id = request.query.get("advertiser_id", "")
    if request.content_type == "application/json":
        with suppress(ValueError):
            body = json.loads(raw)
            about |= set(ID.findall(json.dumps(body)))
            advertiser_id = _text(body, "advertiser_id")
    elif (found := _ADVERTISER.search(raw)) is not None:
        advertiser_id = found[1].decode()
        about.add(advertiser_id)
    endpoint = request.path.removeprefix(_PREFIX)
    return Call(time.time(), endpoint, request.method, frozenset(about), advertiser_id)


def _text(body: Any, name: str) -> str:
    return str(body.get(name, "")) if isinstance(body, Mapping) else ""


def _concerns(odd: Odd, call: Call, line: Line) -> bool:
    alteration = odd.alteration
    if odd.left == 0 or alteration.endpoint not in {ANY, call.endpoint}:
        return False
    return alteration.ad_account is None or line.ad_accounts[alteration.ad_account] in call.about


def _note(line: Line, call: Call, number: int, odd: Odd, said: str, beside: frozenset[str] = frozenset()) -> None:
    if odd.left is not None:
        odd.left -= 1
    what = odd.alteration.what
    in_entry = odd.alteration.one_entry or what is What.ODD_ENTRY
    line.hits.append(Hit(time.time(), call, number, said, in_entry, what is What.EXTRA_ENTRY, beside))


def _whole(alteration: Alteration, call: Call, body: bytes) -> web.Response:
    match alteration.what:
        case What.CODE:
            message = alteration.message.replace("{advertiser}", call.advertiser_id or "7000000000000000000")
            number = alteration.code.number if alteration.code else 0
            return web.json_response({"code": number, "message": message, "request_id": "odd", "data": {}})
        case What.HTTP:
            return web.Response(status=alteration.status, text="upstream error")
        case What.HTML:
            return web.Response(status=alteration.status, text=_HTML, content_type="text/html")
        case What.EMPTY:
            return web.Response(body=b"", content_type="application/json")
        case _:
            return web.Response(body=body[: len(body) // 2], content_type="application/json")
