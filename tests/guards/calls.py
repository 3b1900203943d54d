"""Servers of gRPC on a loopback port, with threads and with an event loop, and clients in front of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from grpc import aio

from admit.core.door import Door
from admit.guards.grpc import AioInterceptor, Interceptor, principal, required
from guards.applications import by_cookie, by_token, serve
from worlds import World

Metadata = tuple[str, str]

KINDS = ("One", "Some", "Many", "Both")
"""The methods: one message for one, several for one, one for several, several for several."""

OF_KIND = {"One": "unary_unary", "Some": "unary_stream", "Many": "stream_unary", "Both": "stream_stream"}


def who() -> bytes:
    """Who is there, as an answer."""
    serve()
    return principal().subject.encode()


def plain() -> dict[str, Callable[..., Any]]:
    """Methods that run in threads."""

    def one(request: bytes, _: Any) -> bytes:
        return request + b" " + who()

    def some(request: bytes, _: Any) -> Iterator[bytes]:
        yield request
        yield who()

    def many(requests: Iterator[bytes], _: Any) -> bytes:
        return b"".join(requests) + b" " + who()

    def both(requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        return (request + b" " + who() for request in requests)  # no generator function, and yet a stream

    return {"One": one, "Some": some, "Many": many, "Both": both}


def coroutines() -> dict[str, Callable[..., Any]]:
    """Methods that run on an event loop."""

    async def one(request: bytes, _: Any) -> bytes:
        return request + b" " + who()

    async def some(request: bytes, context: Any) -> None:
        for answer in (request, who()):
            await context.write(answer)  # the other way to answer more than once

    async def many(requests: AsyncIterator[bytes], _: Any) -> bytes:
        return b"".join([request async for request in requests]) + b" " + who()

    async def both(requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request + b" " + who()

    return {"One": one, "Some": some, "Many": many, "Both": both}


@dataclass(frozen=True)
class Answer:
    """What became of a call: its code, its answers, and what trails."""

    code: grpc.StatusCode
    answers: list[bytes]
    trailing: dict[str, Any]

    @property
    def told(self) -> tuple[str, Any]:
        """The code, and ours."""
        return self.code.name, self.trailing.get("admit-code")


class Client:
    """Calls methods of a server, from threads: a client of grpc.aio may say INTERNAL when it is refused as it sends."""

    def __init__(self, channel: grpc.Channel, threads: ThreadPoolExecutor) -> None:
        self._channel = channel
        self._threads = threads  # of its own: a server's methods run in those of the event loop

    async def call(self, *metadata: tuple[str, str], method: str = "One", service: str = "links.Links") -> Answer:
        """What comes of ``method``, called with this metadata and the message or messages ``hello``."""
        return await asyncio.to_thread(
            self._called, metadata, OF_KIND.get(method, "unary_unary"), f"/{service}/{method}"
        )

    def _called(self, metadata: Sequence[tuple[str, str]], kind: str, path: str) -> Answer:
        asked: Any = b"hello" if kind.startswith("unary") else iter([b"hel", b"lo"])
        call = getattr(self._channel, kind)(path)
        answers: list[bytes] = []
        ended: Any
        try:
            if kind.endswith("stream"):
                ended = call(asked, metadata=metadata, timeout=60)
                for answer in ended:
                    answers.append(answer)  # noqa: PERF402 - what came before an end that is an error counts
            else:
                answer, ended = call.with_call(asked, metadata=metadata, timeout=60)
                answers.append(answer)
        except grpc.RpcError as error:
            ended = error  # which is the call as well
        return Answer(ended.code(), answers, dict(ended.trailing_metadata()))


Served = Callable[..., AbstractAsyncContextManager[Client]]


@asynccontextmanager
async def _in_front_of(port: int) -> AsyncIterator[Client]:
    with ThreadPoolExecutor(8) as threads, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Client(channel, threads)


@asynccontextmanager
async def _served(server: Any, methods: dict[str, Any]) -> AsyncIterator[Client]:
    """A client in front of ``server``, of either kind, which answers as long as that."""
    server.add_generic_rpc_handlers(handlers(methods))
    port, on_a_loop = server.add_insecure_port("127.0.0.1:0"), isinstance(server, aio.Server)
    started = server.start()
    if on_a_loop:
        await started
    try:
        async with _in_front_of(port) as client:
            yield client
    finally:
        stopped = server.stop(None)
        await (stopped if on_a_loop else asyncio.to_thread(stopped.wait))


@asynccontextmanager
async def in_threads(door: Door, *, methods: dict[str, Any] | None = None, **more: Any) -> AsyncIterator[Client]:
    """A server with threads."""
    with ThreadPoolExecutor(4) as pool:
        server = grpc.server(pool, interceptors=[Interceptor(door, **more)])
        async with _served(server, methods or plain()) as client:
            yield client


@asynccontextmanager
async def on_a_loop(door: Door, *, methods: dict[str, Any] | None = None, **more: Any) -> AsyncIterator[Client]:
    """A server with an event loop."""
    pool = ThreadPoolExecutor(4)  # for plain methods; without threads of its own grpc.aio stops at the tenth call
    try:
        server = aio.server(pool, interceptors=[AioInterceptor(door, **more)])
        async with _served(server, methods or coroutines()) as client:
            yield client
    finally:
        await asyncio.to_thread(pool.shutdown)  # its threads may still wait for this event loop


@asynccontextmanager
async def threads_on_a_loop(door: Door, *, methods: dict[str, Any] | None = None, **more: Any) -> AsyncIterator[Client]:
    """A server with an event loop, whose methods are plain all the same."""
    async with on_a_loop(door, methods=methods or plain(), **more) as client:
        yield client


@asynccontextmanager
async def by_decorator(door: Door, *scopes: str, **more: Any) -> AsyncIterator[Client]:
    """A server without an interceptor, whose methods are guarded one by one."""
    methods = {name: required(door, *scopes, **more)(method) for name, method in coroutines().items()}
    async with _served(aio.server(), methods) as client:
        yield client


SERVERS: list[Served] = [in_threads, on_a_loop, threads_on_a_loop, by_decorator]


def handlers(methods: dict[str, Any]) -> tuple[grpc.GenericRpcHandler]:
    """The service, without code generated from a description: its messages are bytes."""
    made = {
        name: getattr(grpc, f"{OF_KIND.get(name, 'unary_unary')}_rpc_method_handler")(call)
        for name, call in methods.items()
    }
    return (grpc.method_handlers_generic_handler("links.Links", made),)


def metadata(headers: dict[str, str]) -> list[Metadata]:
    """Headers as gRPC's clients write them."""
    return [(name.lower(), value) for name, value in headers.items()]


async def presented_by(here: World, subject: str = "ann") -> tuple[list[Metadata], list[Metadata]]:
    """The metadata of a browser's page and of a client, of one sign-in."""
    started = await here.sign_in(subject)
    return metadata(by_cookie(started)), metadata(by_token(await here.auth.tokens.access(started.session)))
