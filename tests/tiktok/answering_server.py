"""A server that answers as a test tells it to, and remembers what it was asked."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

TOKEN = "token-that-must-not-show"

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Answers every request as it is told to, and remembers them."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[web.Request] = []
        self.bodies: list[bytes] = []
        self.answers: list[Answering] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request)
        self.bodies.append(await request.read())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)

    def data(self, *several: object) -> None:
        self.answers = [body({"code": 0, "message": "OK", "request_id": "r", "data": data}) for data in several]


def body(content: object, status: int = 200) -> Answering:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(content, status=status)

    return answer


def text(content: str, status: int, content_type: str = "text/plain") -> Answering:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=content, status=status, content_type=content_type)

    return answer


@asynccontextmanager
async def answering() -> AsyncIterator[Server]:
    """A server on a free port."""
    server = Server()
    app = web.Application(client_max_size=2**28)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        await web.SockSite(runner, listening).start()
        yield server
        await runner.cleanup()
