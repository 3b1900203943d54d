"""What a gateway asks about somebody who was seen before is answered at once, and as it would be on the long way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from admit.authority import Authority
from admit.core.request import Request
from admit.server import connection
from admit.server.connection import MAX_WAITING
from admit.sessions import Started
from server.inside import inside

POLICY = """
gateway = "nginx"
networks = ["{network}"]
[[rule]]
host = "app.example.com"
path = "/admin/*"
allow = "signed-in"
roles = ["admin"]
[[rule]]
host = "app.example.com"
allow = "signed-in"
"""
Answer = tuple[int, dict[str, str]]


@dataclass
class Server:
    """A server that a gateway asks, over one kept connection, and how many of its questions were answered at once."""

    at_once: int = 0
    app: FastAPI = field(default_factory=FastAPI)

    @property
    def auth(self) -> Authority:
        auth: Authority = self.app.state.authority
        return auth

    def furnish(self, app: FastAPI) -> None:
        self.app, found = app, app.state.at_once

        def counted(scope: Any) -> bytes | None:
            lines: bytes | None = found(scope)
            self.at_once += lines is not None
            return lines

        app.state.at_once = counted

    async def connect(self, port: int) -> None:
        self._reader, self.writer = await asyncio.open_connection("127.0.0.1", port)

    def send(self, *more: str, **how: str) -> None:
        self.writer.write(self.question(*more, **how))

    @staticmethod
    def question(*more: str, target: str = "/links", method: str = "GET", path: str = "/forward-auth") -> bytes:
        said = (f"X-Original-Method: {method}", "X-Original-Host: app.example.com", f"X-Original-URI: {target}")
        lines = (f"GET {path} HTTP/1.1", "Host: 127.0.0.1:8000", "Accept: */*", *said, *more)
        return "\r\n".join([*lines, "", ""]).encode()

    async def answer(self) -> Answer:
        async with asyncio.timeout(60):
            first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
            headers = dict(line.split(": ", 1) for line in lines)
            await self._reader.readexactly(int(headers["content-length"]))
        return int(first.split()[1]), headers

    async def asks(self, *more: str, **how: str) -> Answer:
        self.send(*more, **how)
        return await self.answer()

    async def sign_in(self) -> tuple[Started, str]:
        started = await self.auth.sessions.start((await self.auth.subjects.before("ann")).proven("pwd"))
        assert started.cookie is not None
        return started, f"Cookie: {started.cookie.partition(';')[0]}"


@asynccontextmanager
async def asked(folder: Path, network: str = "127.0.0.1", over: asyncio.Event | None = None) -> AsyncIterator[Server]:
    policy, server = folder / "forward.toml", Server()
    policy.write_text(POLICY.format(network=network))
    async with inside(folder, server.furnish, over, drain_limit=5, forward_policy=policy) as port:
        await server.connect(port)
        yield server
        server.writer.close()


async def test_the_short_answer_is_the_long_one(tmp_path: Path) -> None:
    async with asked(tmp_path) as server:
        _, cookie = await server.sign_in()
        status, long = await server.asks(cookie)
        assert (status, server.at_once) == (200, 0)
        for place in range(1, 4):
            status, short = await server.asks(cookie)
            assert (status, server.at_once) == (200, place)
            assert short.pop("x-request-id") != long["x-request-id"]
            assert short.pop("date")
            assert short == {name: text for name, text in long.items() if name not in ("x-request-id", "date")}
            assert short["x-admit-subject"] == "ann"


async def test_an_end_counts_for_the_next_question(tmp_path: Path) -> None:
    async with asked(tmp_path) as server:
        started, cookie = await server.sign_in()
        assert [(await server.asks(cookie))[0] for _ in range(3)] == [200] * 3
        await server.auth.revoke(started.session)
        assert (await server.asks(cookie))[0] == 401
        assert server.at_once == 2


@pytest.mark.parametrize(
    ("more", "how", "status"),
    [
        ((), {"target": "/admin/"}, 403),
        (("Sec-Fetch-Site: cross-site",), {"method": "POST"}, 403),
        (("Upgrade: websocket", "Sec-Fetch-Site: cross-site"), {}, 403),
        (("X_Admit_Subject: eve",), {}, 403),
        (("X-Original-URI: /other",), {}, 403),
        ((), {"target": "/a/../admin"}, 403),
        ((), {"path": "/forward-auth/"}, 404),
        (("Cookie: admit-insecure=adm_s_x",), {}, 401),
    ],
)  # fmt: skip
async def test_what_is_no_plain_yes_goes_the_long_way(
    more: tuple[str, ...], how: dict[str, str], status: int, tmp_path: Path
) -> None:
    async with asked(tmp_path) as server:
        _, cookie = await server.sign_in()
        assert [(await server.asks(cookie))[0] for _ in range(2)] == [200] * 2
        found, headers = await server.asks(cookie, *more, **how)
        assert "x-admit-subject" not in headers
        assert (found, server.at_once) == (status, 1)


async def test_whoever_is_no_gateway_is_refused_also_for_somebody_who_was_seen(tmp_path: Path) -> None:
    async with asked(tmp_path, network="192.0.2.1") as server:
        _, cookie = await server.sign_in()
        await server.auth.admit(Request("GET", "/", ((b"cookie", cookie.removeprefix("Cookie: ").encode()),)))
        assert [(await server.asks(cookie))[0] for _ in range(2)] == [403] * 2
        assert server.at_once == 0


async def test_questions_sent_ahead_are_answered_in_their_order(tmp_path: Path) -> None:
    async with asked(tmp_path) as server:
        _, cookie = await server.sign_in()
        _, other = await server.sign_in()
        await server.asks(cookie)
        for one in (cookie, other, cookie, "Cookie: a=b", cookie):
            server.send(one)
        found = [await server.answer() for _ in range(5)]
        sessions = [headers.get("x-admit-session") for _, headers in found]
        assert [status for status, _ in found] == [200, 200, 200, 401, 200]
        assert sessions[0] == sessions[2] == sessions[4] != sessions[1]


async def test_however_many_are_sent_ahead_no_more_begin_within_one_another_than_may_wait(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with asked(tmp_path) as server:
        _, cookie = await server.sign_in()
        await server.asks(cookie)
        # Behind one that takes longer they wait, as many as may, and each begins the next.
        server.writer.write(server.question("Cookie: a=b") + server.question(cookie) * MAX_WAITING)
        assert [(await server.answer())[0] for _ in range(1 + MAX_WAITING)] == [401, *[200] * MAX_WAITING]
        server.writer.write(server.question("Cookie: a=b") + server.question(cookie) * 5_000)
        answered = list[int]()
        # More than may are behind the first as soon as they are read, and the connection is cut.
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while len(answered) < 5_001:
                answered.append((await server.answer())[0])
        assert set(answered) <= {200, 401}
    assert "RecursionError" not in caplog.text


async def test_while_the_server_stops_an_answer_closes_its_connection(tmp_path: Path) -> None:
    over = asyncio.Event()
    async with asked(tmp_path, over=over) as server:
        _, cookie = await server.sign_in()
        await server.asks(cookie)
        await server.asks(cookie)
        over.set()
        closing = False
        for _ in range(1_000):
            _, headers = await server.asks(cookie)
            if closing := headers.get("connection") == "close":
                break
        assert closing


async def test_who_sends_drops_after_an_answer_at_once_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "KEPT_FOR", 0.6)
    monkeypatch.setattr(connection, "LOOK_EVERY", 0.1)
    async with asked(tmp_path) as server:
        _, cookie = await server.sign_in()
        await server.asks(cookie)
        await server.asks(cookie)
        assert server.at_once == 1
        with pytest.raises(ConnectionError):  # noqa: PT012 - whichever of them finds out
            for _ in range(1_200):
                server.writer.write(b"\r\n")
                await server.writer.drain()
                await asyncio.sleep(0.05)
