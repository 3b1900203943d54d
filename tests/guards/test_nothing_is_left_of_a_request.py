"""A request that a guard let in is forgotten as soon as it is answered, without the garbage collector."""

from __future__ import annotations

import asyncio
import gc
from weakref import ref

from admit import Authority
from admit.guards.asgi import Guard, Message, Receive, Scope, Send
from admit.stores.memory import MemoryStore

ORIGIN = "https://app.example.com"


class Told(dict[str, object]):
    """A scope that can be referred to weakly."""


async def test_a_request_that_was_answered_is_forgotten_at_once() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        """Answer nothing."""

    async def receive() -> Message:
        raise AssertionError("nobody reads")

    async def send(message: Message) -> None:
        raise AssertionError(message)

    async with Authority(MemoryStore(), issuer=ORIGIN) as auth:
        started = await auth.sessions.start((await auth.subjects.before("ann")).proven("pwd"))
        assert started.cookie is not None
        cookie = started.cookie.partition(";")[0].encode()
        guarded = Guard(app, auth)
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
        finally:
            gc.enable()
