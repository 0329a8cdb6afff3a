"""The table of endpoints: path, HTTP method, request model, handler."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel

from simulator.envelope import Partial
from simulator.fields import Body, OpenBody, Query
from simulator.state import Session, World

Q = TypeVar("Q", bound=Query)
B = TypeVar("B", bound=Body | OpenBody)
R = TypeVar("R", bound=BaseModel)

Data = Mapping[str, Any] | list[dict[str, Any]] | Partial


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated call: who calls, when, on which world."""

    world: World
    session: Session
    now: float


@dataclass(frozen=True, slots=True)
class Anonymous:
    """A call without a token."""

    world: World
    now: float


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[R]):
    """A handler runs without awaiting, so that each call is one atomic change."""

    model: type[R]
    handler: Callable[[Call, R], Data]


@dataclass(frozen=True, slots=True)
class OpenEndpoint(Generic[R]):
    """An endpoint that takes no token."""

    model: type[R]
    handler: Callable[[Anonymous, R], Data]


UploadHandler = Callable[[Call, web.Request], Awaitable[Data]]


@dataclass(frozen=True, slots=True)
class Upload:
    """An endpoint that reads the request itself, as a stream."""

    handler: UploadHandler


AnyEndpoint = Endpoint[Any] | OpenEndpoint[Any] | Upload


class Routes:
    """Endpoints by path below `/open_api/v1.3`, then by HTTP method."""

    def __init__(self) -> None:
        self.table: dict[str, dict[str, AnyEndpoint]] = {}

    def get(self, path: str, model: type[Q]) -> Callable[[Callable[[Call, Q], Data]], Callable[[Call, Q], Data]]:
        """Register a GET handler."""

        def register(handler: Callable[[Call, Q], Data]) -> Callable[[Call, Q], Data]:
            self.table.setdefault(path, {})["GET"] = Endpoint(model, handler)
            return handler

        return register

    def post(self, path: str, model: type[B]) -> Callable[[Callable[[Call, B], Data]], Callable[[Call, B], Data]]:
        """Register a POST handler."""

        def register(handler: Callable[[Call, B], Data]) -> Callable[[Call, B], Data]:
            self.table.setdefault(path, {})["POST"] = Endpoint(model, handler)
            return handler

        return register

    def post_without_token(
        self, path: str, model: type[B]
    ) -> Callable[[Callable[[Anonymous, B], Data]], Callable[[Anonymous, B], Data]]:
        """Register a POST handler that needs no access token."""

        def register(handler: Callable[[Anonymous, B], Data]) -> Callable[[Anonymous, B], Data]:
            self.table.setdefault(path, {})["POST"] = OpenEndpoint(model, handler)
            return handler

        return register

    def upload(self, path: str) -> Callable[[UploadHandler], UploadHandler]:
        """Register a POST handler that reads its own body."""

        def register(handler: UploadHandler) -> UploadHandler:
            self.table.setdefault(path, {})["POST"] = Upload(handler)
            return handler

        return register
