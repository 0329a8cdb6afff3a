"""One call to TikTok: waits for its slot, sends, decodes, and names what went wrong. Repeats nothing by itself."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import aiohttp
from pydantic import BaseModel, ConfigDict, PositiveFloat, SecretStr, ValidationError
from pydantic_core import from_json
from yarl import URL

from tiktok import errors
from tiktok.errors import TikTokError
from tiktok.limiter import Limiter
from tiktok.wire import Received, query

PRODUCTION: Final = "https://business-api.tiktok.com"
API: Final = "open_api/v1.3/"

JsonObject = dict[str, Any]
T = TypeVar("T")
R = TypeVar("R", bound=Received)


class Ending(StrEnum):
    """What became of a call."""

    DONE = "done"
    """TikTok did it, or a part of it."""
    REFUSED = "refused"
    """TikTok did nothing, and said why."""
    THROTTLED = "throttled"
    """TikTok did nothing because of a rate limit."""
    LOST = "lost"
    """No answer that says what was done, or no connection."""


Listener = Callable[[str, Ending], None]
"""Is told of every call when it ends: its endpoint, and what became of it."""


class Timeouts(BaseModel):
    """How long to wait, in seconds.

    Attributes:
        connect: For a connection to be made.
        read: For the answer to go on; the whole call takes at most `connect + read`.
        upload: For a file to be sent and answered. 500 MB, the most TikTok takes, need 7 Mbit/s within 10 minutes.
    """

    model_config = ConfigDict(frozen=True)

    connect: PositiveFloat = 5.0
    read: PositiveFloat = 30.0
    upload: PositiveFloat = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call to make.

    Attributes:
        verb: GET or POST.
        path: Endpoint below the API's path, with its trailing slash, e.g. `ad/create/`.
        write: Whether it may change something; decides between `UnknownOutcome` and `ServerFault`.
        params: Query parameters, not yet encoded.
        body: JSON body; what is `None` is left out.
        form: Multipart body, in place of `body`.
        slow: Whether files are on their way, so that the upload time-out counts.
        secrets: What, besides the token, must not show in an error's text, should TikTok repeat it.
        partial: Whether the caller can deal with code 20001.
        harmless: Error codes that mean there was nothing to do.
        just_before: What has to be done between the wait for a slot and the call; what it raises stops the call.
        within: Seconds after which the answer counts as lost, in place of the usual time-out.
    """

    verb: str
    path: str
    write: bool
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    form: aiohttp.FormData | None = field(default=None, repr=False)
    slow: bool = False
    secrets: tuple[SecretStr, ...] = ()
    partial: bool = False
    harmless: frozenset[int] = frozenset()
    just_before: Callable[[], Awaitable[None]] | None = None
    within: float | None = None

    @property
    def advertiser_id(self) -> str | None:
        """The ad account that the call is about, if any."""
        found = (self.body or self.params).get("advertiser_id")
        return None if found is None else str(found)

    def content(self) -> aiohttp.FormData | bytes | None:
        """What goes into the request's body."""
        if self.form is not None or self.body is None:
            return self.form
        return json.dumps({name: value for name, value in self.body.items() if value is not None}).encode()

    def fault(self, message: str, *, code: int | None = None, request_id: str | None = None) -> TikTokError:
        """The error for a call whose end is not known."""
        return errors.fault(write=self.write)(message, code=code, request_id=request_id, path=self.path)


@dataclass(frozen=True, slots=True)
class _Reply:
    """What came back over HTTP, not yet understood."""

    status: int
    content_type: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What TikTok answered to a call that it did, all or (code 20001) in part."""

    call: Call
    request_id: str | None
    partial: bool
    data: JsonObject = field(repr=False)

    def parse(self, shape: type[R]) -> R:
        """Read `data` as `shape`.

        Raises:
            ServerFault: `data` of a read is not of that shape.
            UnknownOutcome: The same of a write; it has most likely happened.
        """
        try:
            return shape.model_validate(self.data)
        except ValidationError as error:
            raise self._misshapen(error) from None

    def rows(self, name: str, shape: type[R]) -> "Rows[R]":
        """Read the list `name` in `data`, every entry as `shape`; see `Rows` for what can't be read."""
        listed = self.data.get(name)
        found: Rows[R] = Rows()
        if not isinstance(listed, list):
            # Null and absent mean the same at TikTok. Nothing was there only if its count says so.
            if listed is not None or self.page_info().total_number != 0:
                found.left_out.append(f"{self.call.path}: {name} is missing")
            return found
        for number, entry in enumerate(listed, start=1):
            try:
                found.append(shape.model_validate(entry))
            except ValidationError as error:
                found.left_out.append(f"{self.call.path}: entry {number} of {name}: {_wrong(error)}")
        return found

    def page_info(self) -> "_PageInfo":
        """How much the whole listing holds."""
        return self.parse(_Page).page_info

    def fault(self, message: str) -> TikTokError:
        """The error for an answer that can't be what it should be."""
        return self.call.fault(message, request_id=self.request_id)

    def _misshapen(self, error: ValidationError) -> TikTokError:
        return self.fault(f"answer not understood: {_wrong(error)}")


def _wrong(error: ValidationError) -> str:
    # Only places and reasons: the values may be secret.
    return "; ".join(
        f"{'.'.join(map(str, found['loc'])) or 'data'}: {found['msg']}"
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    )


class Rows(list[R]):
    """A listing as far as it can be read.

    An entry that can't be read, because the id that it is known by is not there, is left out: it spoils no other.
    That something is not among the rows is evidence only where nothing was left out: whoever would take something
    away, or make something again, because it is not listed has to look at `is_complete` first.

    Attributes:
        left_out: What could not be read, a line each. Values are not quoted: they may be secret.
    """

    def __init__(self, rows: Iterable[R] = (), left_out: Iterable[str] = ()) -> None:
        super().__init__(rows)
        self.left_out = list(left_out)

    @property
    def is_complete(self) -> bool:
        """Whether all that TikTok listed is here."""
        return not self.left_out

    def add(self, more: "Rows[R]") -> None:
        """Take another listing in."""
        self.extend(more)
        self.left_out += more.left_out

    def only(self, said: Callable[[R], str | None], wanted: str) -> "Rows[R]":
        """The rows that say what is wanted; one that says nothing may be such a row, and is left out by name."""
        unsaid = sum(not said(row) for row in self)
        note = [f"{unsaid} entries do not say whether they are what was looked for"] if unsaid else []
        return Rows((row for row in self if said(row) == wanted), [*self.left_out, *note])


class _PageInfo(Received):
    total_page: int | None = None
    total_number: int | None = None

    def what_is_missing(self, counted: int) -> str:
        """Why a listing that ended after so many entries may go on; empty if it does not."""
        if self.total_number is not None and counted < self.total_number:
            return f"{counted} of {self.total_number} entries came"
        if counted and self.total_page is None and self.total_number is None:
            return "it is not said how many entries there are"
        return ""


class _Page(Received):
    page_info: _PageInfo = _PageInfo()


class Connection:
    """The HTTP session and the limiter that all calls of one developer app share.

    Args:
        base_url: Scheme and host, e.g. `https://business-api.tiktok.com`; the API's path is added.
        limiter: Lets calls start; None: they start when they come.
        timeouts: How long to wait.
        listener: Hears of every call.
    """

    def __init__(
        self, base_url: str, *, limiter: Limiter | None, timeouts: Timeouts, listener: Listener | None = None
    ) -> None:
        base = URL(base_url)
        if base.scheme not in {"http", "https"} or not base.host:
            raise ValueError("base_url must be an http(s) address")
        self._origin = str(base.origin())
        self._base = base / API
        self._limiter = limiter
        self._listener = listener
        self._call_timeout = aiohttp.ClientTimeout(
            total=timeouts.connect + timeouts.read, connect=timeouts.connect, sock_read=timeouts.read
        )
        # The answer to an upload may take longer than any other; only the whole is bounded.
        self._upload_timeout = aiohttp.ClientTimeout(total=timeouts.upload, connect=timeouts.connect)
        self._session: aiohttp.ClientSession | None = None
        self.authorization_verb: str | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            # No limit on connections: the limiter and the callers bound the calls, and time spent waiting for a
            # connection could not be told from time spent waiting for an answer.
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),  # one session serves many tokens
            middlewares=[_send_once],
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(self, call: Call, token: SecretStr | None, *, urgent: bool) -> Answer:
        """Make one call, with `token` in the `Access-Token` header.

        Raises:
            TikTokError: See `tiktok.errors`.
        """
        try:
            answer = await self._answer(call, token, urgent=urgent)
        except TikTokError as error:
            self._tell(call, _ending(error))
            raise
        self._tell(call, Ending.DONE)
        return answer

    def _tell(self, call: Call, ending: Ending) -> None:
        if self._listener is not None:
            self._listener(call.path, ending)

    async def _answer(self, call: Call, token: SecretStr | None, *, urgent: bool) -> Answer:
        reply = await self._send(call, token, urgent=urgent)
        try:
            return _understand(call, reply, (*call.secrets, token) if token else call.secrets)
        except errors.Throttled as throttled:
            if self._limiter is not None:
                throttled.retry_after = await self._limiter.throttled(
                    call.path, call.advertiser_id, whole_app=throttled.level is errors.Level.APP
                )
            raise

    async def _wait(self, call: Call, *, urgent: bool) -> None:
        if self._limiter is not None:
            await self._limiter.slot(
                call.path, advertiser_id=call.advertiser_id, urgent=urgent, just_before=call.just_before
            )
        elif call.just_before is not None:
            await call.just_before()

    def _timeout(self, call: Call) -> aiohttp.ClientTimeout:
        if call.within is not None:
            return aiohttp.ClientTimeout(total=call.within)
        return self._upload_timeout if call.slow else self._call_timeout

    async def _send(self, call: Call, token: SecretStr | None, *, urgent: bool) -> _Reply:
        if self._session is None:
            raise RuntimeError("the connection is not open: use `async with TikTok(...)`")
        headers = {"Content-Type": "application/json"} if call.form is None and call.body is not None else {}
        if token is not None:
            headers["Access-Token"] = token.get_secret_value()
        content = call.content()
        await self._wait(call, urgent=urgent)
        failure: TikTokError
        try:
            async with self._session.request(
                call.verb,
                self._base / call.path,
                params=query(call.params),
                data=content,
                headers=headers,
                timeout=self._timeout(call),
                allow_redirects=False,
            ) as response:
                return _Reply(response.status, response.content_type, await response.read())
        except aiohttp.ConnectionTimeoutError:
            failure = errors.Unreachable(f"cannot reach {self._origin}: no connection in time", path=call.path)
        except aiohttp.ClientConnectorError as error:
            failure = errors.Unreachable(f"cannot reach {self._origin}: {error}", path=call.path)
        except TimeoutError:
            failure = call.fault("no answer in time")
        except (aiohttp.ClientError, OSError) as error:
            failure = call.fault(f"connection lost before the answer was complete ({type(error).__name__})")
        # Not chained: aiohttp's errors may quote the whole URL, and a query may hold an app secret.
        raise failure


class Caller:
    """A connection together with the token to call with; what the groups of endpoints are built on."""

    def __init__(self, connection: Connection, token: SecretStr | None, *, urgent: bool = True) -> None:
        self.connection = connection
        self._token = token
        self._urgent = urgent

    async def call(self, call: Call) -> Answer:
        """Make a call with this caller's token."""
        return await self.connection.call(call, self._token, urgent=self._urgent)

    async def get(self, path: str, params: Mapping[str, Any]) -> Answer:
        """Read."""
        return await self.call(Call(verb="GET", path=path, write=False, params=params))

    async def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Write."""
        return await self.call(Call(verb="POST", path=path, write=True, body=body))

    async def count(self, path: str, params: Mapping[str, Any]) -> int | None:
        """How many entries a listing has, from its first page; None if TikTok does not say."""
        answer = await self.get(path, {**params, "page": 1, "page_size": 1})
        total = answer.page_info().total_number
        return None if total == 0 and answer.data.get("list") else total

    async def pages(
        self, path: str, params: Mapping[str, Any], shape: type[R], *, rows: str = "list", page_size: int
    ) -> AsyncIterator[Rows[R]]:
        """Read a listing, page after page.

        Some listings leave all of `page_info` at zero; a full page is then taken to have a successor, until a page
        is short or brings nothing new. The last page says so where what TikTok counts, or does not count, leaves it
        open whether that was all.
        """
        number, counted = 1, 0
        known: set[object] = set()
        before: object = None
        while True:
            answer = await self.get(path, {**params, "page": number, "page_size": page_size})
            found, info, listed = answer.rows(rows, shape), answer.page_info(), answer.data.get(rows)
            entries = len(listed) if isinstance(listed, list) else 0
            ids = [key for row in found if (key := _id_of(row)) is not None]
            # Of entries without an id nobody can tell whether they came before: invited members are such.
            is_repeated = known.issuperset(ids) and (len(ids) == entries or (bool(ids) and listed == before))
            if number > 1 and is_repeated:
                if info.total_page:
                    # More was announced, and nothing new comes: to go on asking would be without end.
                    yield Rows((), [*found.left_out, f"{path}: page {number} of {info.total_page} says nothing new"])
                return
            counted += entries
            is_last = number >= info.total_page if info.total_page else entries < page_size
            if is_last and (missing := info.what_is_missing(counted)):
                found.left_out.append(f"{path}: {missing}")
            yield found
            if is_last:
                return
            number += 1
            known.update(ids)
            before = listed

    async def all_pages(
        self, path: str, params: Mapping[str, Any], shape: type[R], *, rows: str = "list", page_size: int
    ) -> Rows[R]:
        """All rows of a listing."""
        all_rows: Rows[R] = Rows()
        async for page in self.pages(path, params, shape, rows=rows, page_size=page_size):
            all_rows.add(page)
        return all_rows


def _id_of(row: Received) -> object:
    """What an entry is known by: the first field of every shape. URLs of pictures, say, change from call to call."""
    return getattr(row, next(iter(type(row).model_fields)))


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut into lists of at most `size`, for endpoints that take only so many ids."""
    left = iter(items)
    while chunk := list(islice(left, size)):
        yield chunk


_HTTP_CALLER_ERROR: Final = 400
_HTTP_TIMEOUT: Final = 408
_HTTP_SERVER_ERROR: Final = 500
_CLASS_BY_STATUS: Final[dict[int, type[TikTokError]]] = {
    401: errors.AuthError,
    403: errors.NoPermission,
    404: errors.WrongRoute,
    405: errors.WrongRoute,
    429: errors.Throttled,
}


class _ConnectionLost(aiohttp.ClientConnectionError):
    """The connection broke after it was made."""


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    # aiohttp sends a GET again by itself when the connection breaks, past the limiter's count, unless the error is
    # of another class.
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _ConnectionLost(str(error)) from error


def _ending(error: TikTokError) -> Ending:
    match error:
        case errors.Throttled():
            return Ending.THROTTLED
        case errors.Unreachable() | errors.ServerFault() | errors.UnknownOutcome():
            return Ending.LOST
        case _:
            return Ending.REFUSED


def _understand(call: Call, reply: _Reply, hidden: Sequence[SecretStr]) -> Answer:
    envelope = _envelope(reply.raw)
    if envelope is None:
        raise _without_envelope(call, reply, hidden)
    code, request_id = envelope["code"], envelope.get("request_id")
    request_id = str(request_id) if request_id else None
    message = _redact(str(envelope.get("message") or ""), hidden)
    partial = code == errors.PARTIAL_SUCCESS
    if code != 0 and not partial and code not in call.harmless:
        raise errors.from_code(code, message, request_id=request_id, path=call.path, write=call.write)
    if partial and not call.partial:
        raise call.fault(f"done only in part: {message}", code=code, request_id=request_id)
    if reply.status >= _HTTP_SERVER_ERROR:
        raise call.fault(f"HTTP {reply.status} with code {code}", request_id=request_id)
    data = envelope.get("data")
    # Video upload answers with a bare array where every other endpoint has an object.
    data = {"list": data} if isinstance(data, list) else data if isinstance(data, dict) else {}
    return Answer(call, request_id, partial, data)


def _without_envelope(call: Call, reply: _Reply, hidden: Sequence[SecretStr]) -> TikTokError:
    # Plain words help ("404 page not found"); anything else may hold what must not be shown.
    plain = reply.content_type == "text/plain"
    words = _redact(reply.raw[: errors.MESSAGE_LIMIT].decode(errors="replace"), hidden) if plain else ""
    message = f"HTTP {reply.status} {words or f'with an unreadable {reply.content_type} body'}"
    if reply.status in _CLASS_BY_STATUS:
        return _CLASS_BY_STATUS[reply.status](message, path=call.path)
    if _HTTP_CALLER_ERROR <= reply.status < _HTTP_SERVER_ERROR and reply.status != _HTTP_TIMEOUT:
        return errors.InvalidRequest(message, path=call.path)
    return call.fault(message)


def _envelope(raw: bytes) -> JsonObject | None:
    try:
        envelope = from_json(raw)
    except ValueError:
        return None
    if not isinstance(envelope, dict):
        return None
    if "Code" in envelope:
        # So TikTok's page of file/start/upload shows it.
        envelope = {"request_id": envelope.get("RequestId"), **{name.lower(): part for name, part in envelope.items()}}
    return envelope if type(envelope.get("code")) is int else None


def _redact(text: str, secrets: Sequence[SecretStr]) -> str:
    for secret in secrets:
        if value := secret.get_secret_value():
            text = text.replace(value, "***")
    return text
