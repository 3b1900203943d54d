"""A request that a guard let in is forgotten once it is answered: at once, and by whoever keeps its context too."""

from __future__ import annotations

import asyncio
import gc
from contextvars import Context, copy_context
from weakref import ref

import pytest

from admit import Authority
from admit.guards.asgi import Guard, Message, Receive, Scope, Send
from admit.guards.starlette import Authentication
from admit.stores.memory import MemoryStore

ORIGIN = "https://app.example.com"


class Told(dict[str, object]):
    """A scope that can be referred to weakly."""


@pytest.mark.parametrize("guard", [Guard, Authentication])
async def test_a_request_that_was_answered_is_forgotten_at_once(guard: type[Guard | Authentication]) -> None:
    kept: list[Context] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """Answer nothing; a server keeps the context of a request beside the timer of its connection."""
        kept.append(copy_context())

    async def receive() -> Message:
        raise AssertionError("nobody reads")

    async def send(message: Message) -> None:
        raise AssertionError(message)

    async with Authority(MemoryStore(), issuer=ORIGIN) as auth:
        started = await auth.sessions.start((await auth.subjects.before("ann")).proven("pwd"))
        assert started.cookie is not None
        cookie = started.cookie.partition(";")[0].encode()
        guarded = guard(app, auth)
        gc.collect()
        gc.disable()
        try:
            for _ in range(2):  # the first time it is looked up, the second it was seen before
                scope = Told(type="http", method="GET", path="/", query_string=b"", headers=[(b"cookie", cookie)])
                gone = ref(scope)
                await asyncio.create_task(guarded(scope, receive, send))
                del scope
                await asyncio.sleep(0)
                assert gone() is None
            assert len(kept) == 2
        finally:
            gc.enable()
