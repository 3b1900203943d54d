"""The examples run as they stand, in front of the clients they were written for."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import grpc
import httpx
import pytest

from admit.guards.asgi import Message

EXAMPLES = Path(__file__).parents[2] / "examples"
ORIGIN = "https://app.example.com"
ANN = {"email": "ann@example.com", "password": "a password of some length"}


@contextmanager
def loaded(name: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[ModuleType]:
    """The example ``name``, with a store and an issuer of its own."""
    monkeypatch.setenv("STORE", f"sqlite:///{folder}/links.db")
    monkeypatch.setenv("ISSUER", f"{ORIGIN}/auth")
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)  # where annotations are looked up
    spec.loader.exec_module(module)
    yield module


@asynccontextmanager
async def browser(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        yield client


@pytest.mark.parametrize("name, created", [("fastapi_guarded", 200), ("litestar_guarded", 201)])
async def test_the_examples_that_bring_the_sign_in_with_them(
    name: str, created: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with loaded(name, monkeypatch, tmp_path) as example:
        async with example.auth, browser(example.app) as client:
            assert (await client.get("/links")).status_code == 401
            led = await client.get("/links", headers={"Sec-Fetch-Mode": "navigate"})
            assert (led.status_code, led.headers["location"]) == (303, "/auth/sign-in?next=/links")
            assert (await client.post("/auth/api/sign-up", json=ANN)).status_code == 201
            signed_in = await client.post("/auth/api/sign-in", json=ANN)
            assert (await client.get("/links")).json().keys() == {"links of"}
            assert (await client.post("/links")).status_code == created
            assert (await client.delete("/links")).status_code == 200
            cookie = signed_in.headers["set-cookie"].partition(";")[0]
            await socket_ends_with_the_session(example, cookie)


async def socket_ends_with_the_session(example: Any, cookie: str) -> None:
    """Open the example's socket, end the session elsewhere, and see the socket closed."""
    sent: asyncio.Queue[Message] = asyncio.Queue()
    connected = False

    async def receive() -> Message:
        nonlocal connected
        if connected:
            await asyncio.Event().wait()  # the visitor stays and says nothing
        connected = True
        return {"type": "websocket.connect"}

    scope = {
        "type": "websocket", "asgi": {"version": "3.0"}, "scheme": "wss", "path": "/news", "raw_path": b"/news",
        "query_string": b"", "root_path": "", "headers": [(b"cookie", cookie.encode())], "subprotocols": [],
    }  # fmt: skip
    served = asyncio.create_task(example.app(scope, receive, sent.put))
    assert (await sent.get())["type"] == "websocket.accept"
    assert (await sent.get())["text"].startswith("hello ")
    session = cookie.partition("adm_s_")[2].partition(".")[0]
    await example.auth.sessions.revoke(session)
    closed = await asyncio.wait_for(sent.get(), 60)
    assert (closed["type"], closed["code"]) == ("websocket.close", 1008)
    await served


async def test_the_asgi_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with loaded("asgi_guarded", monkeypatch, tmp_path) as example:
        async with example.auth as auth, browser(example.app) as client:
            await auth.subjects.change("ann", lambda held: held.with_roles(["user"]))
            started = await auth.sessions.start((await auth.subjects.before("ann")).proven("pwd"))
            assert (await client.get("/")).status_code == 401
            cookie = {"Cookie": started.cookie.partition(";")[0]}
            assert (await client.get("/", headers=cookie)).text == "hello ann"
            await auth.revoke(started.session)
            assert (await client.get("/", headers=cookie)).status_code == 401


async def test_the_grpc_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with loaded("grpc_guarded", monkeypatch, tmp_path) as example:
        await asyncio.to_thread(called, example)


def called(example: Any) -> None:
    """Call the methods of the example as somebody who is signed out in the middle of the news."""
    auth = example.auth.sync
    auth.subjects.change("ann", lambda held: held.with_roles(["user"]))
    started = auth.sessions.start(auth.subjects.before("ann").proven("pwd"))
    token = (("authorization", f"Bearer {auth.tokens.access(started.session)}"),)
    server, port = example.served(example.Links(), "127.0.0.1:0")
    channel: Any
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        read, add = channel.unary_unary("/links.Links/Read"), channel.unary_unary("/links.Links/Add")
        assert read(b"", metadata=token, timeout=60) == b"links of ann"
        assert add(b"one", metadata=token, timeout=60) == b"one added by ann"
        news = channel.unary_stream("/links.Links/News")(b"", metadata=token, timeout=60)
        assert next(news) == b"hello ann"
        auth.revoke(started.session)
        assert set(news) <= {b"still here"}
        with pytest.raises(grpc.RpcError) as refused:
            read(b"", metadata=token, timeout=60)
        ended: Any = refused.value
        assert ended.code() is grpc.StatusCode.UNAUTHENTICATED
    server.stop(None).wait()
    auth.close()
