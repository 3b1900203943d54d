"""WebSockets: opened for whom the guard admits, refused before they are accepted for all others."""

from __future__ import annotations

import json

import pytest
from fastapi import FastAPI, WebSocket

from admit.errors import Denied
from admit.guards import fastapi
from guards.applications import WITH_SOCKETS, Made, by_cookie, by_token
from guards.sockets import opened
from worlds import ORIGIN, world

guards = pytest.mark.parametrize("made", WITH_SOCKETS)


@guards
async def test_cookie_and_token_open_a_socket(made: Made) -> None:
    async with world("memory") as here:
        started = await here.sign_in()
        app = made(here)
        token = by_token(await here.auth.tokens.access(started.session))
        for headers in (token, by_cookie(started) | {"Origin": ORIGIN}, by_cookie(started)):
            sent = await opened(app, headers)
            assert [message["type"] for message in sent][:2] == ["websocket.accept", "websocket.send"], sent
            assert sent[1]["text"] == "ann"


@guards
async def test_nobody_else_gets_one_and_is_told_why_where_the_server_can(made: Made) -> None:
    async with world("memory") as here:
        app = made(here)
        start, body = await opened(app, {})
        assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
        assert json.loads(body["body"])["code"] == "no_credential"
        [closed] = await opened(app, {}, can_answer=False)
        assert (closed["type"], closed["code"]) == ("websocket.close", 1008)


async def test_a_refusal_after_the_socket_was_accepted_closes_it() -> None:
    async with world("memory") as here:
        app = FastAPI()
        fastapi.install(app, here.auth)

        @app.websocket("/links")
        async def socket(websocket: WebSocket) -> None:
            await websocket.accept()
            raise Denied("later")

        accepted, closed = await opened(app, {})
        assert accepted["type"] == "websocket.accept"
        assert (closed["type"], closed["code"]) == ("websocket.close", 1008)
