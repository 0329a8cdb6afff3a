"""The table of endpoints: path, HTTP method, request model, handler."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from aiohttp import web
from pydantic import BaseModel

from simulator.entities import AdAccount
from simulator.envelope import ApiError, Partial, PascalCase
from simulator.fields import Body, OpenBody, Query
from simulator.state import Session, World

Q = TypeVar("Q", bound=Query)
B = TypeVar("B", bound=Body | OpenBody)
R = TypeVar("R", bound=BaseModel)

Data = Mapping[str, Any] | list[dict[str, Any]] | Partial | PascalCase

SUSPENDED: Final = frozenset({"STATUS_LIMIT", "STATUS_DISABLE", "STATUS_CONFIRM_FAIL", "STATUS_CONFIRM_FAIL_END"})
"""Statuses of ad accounts in which nothing new can be made."""


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated call: who calls, when, on which world."""

    world: World
    session: Session
    now: float
    path: str
    method: str

    def advertiser(self, advertiser_id: str) -> AdAccount:
        """An ad account that the caller may use by this path.

        Raises:
            ApiError: 40001 for one of others or without the permission for the path, 40300 for a deleted one.
        """
        advertiser = self.session.advertiser(advertiser_id)
        if self.path in advertiser.denied:
            raise ApiError(40001, f"advertiser does not grant you {self.path}:{self.method} permission")
        return advertiser

    def working_advertiser(self, advertiser_id: str) -> AdAccount:
        """An ad account in which something can be created.

        Raises:
            ApiError: besides those of `advertiser`, one for a suspended, disabled or rejected ad account.
        """
        advertiser = self.advertiser(advertiser_id)
        code = self.world.config.suspended_code
        if advertiser.status in SUSPENDED and code:
            raise ApiError(code, f"The ad account {advertiser_id} is suspended, disabled or not approved.")
        return advertiser


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
