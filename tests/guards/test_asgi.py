"""The ASGI guard: needs no framework, touches no body, and takes whatever is a Door."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from admit.core.door import Door
from admit.core.presented import COOKIE, DOORS
from admit.core.requirement import Requirement
from admit.guards.asgi import Guard, Message, Receive, Scope, Send
from guards.applications import by_cookie, client
from worlds import authority, value_of, with_cookie, with_token, world


def test_it_is_imported_without_any_framework() -> None:
    heavy = ["argon2", "email_validator", "fastapi", "flask", "pydantic", "rich", "starlette", "typer", "uvicorn"]
    code = f"import sys, admit, admit.guards.asgi; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    assert loaded.strip() == "[]"


async def test_an_authority_is_a_door() -> None:
    async with world("memory") as here:
        door: Door = here.auth
        assert (door.origin, door.cookies.name) == ("https://app.example.com", "__Host-admit")
        assert door.clock is here.clock
        for name in ("verify", "seen", "admit"):
            assert callable(getattr(door, name))


async def test_the_body_and_the_life_of_the_application_go_through_untouched() -> None:
    async with world("memory") as here:
        read: list[str] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            read.append((await receive())["type"])

        async def receive() -> Message:
            read.append("asked")
            return {"type": "lifespan.startup"}

        async def send(message: Message) -> None:
            raise AssertionError(message)

        await Guard(app, here.auth)({"type": "lifespan"}, receive, send)
        assert read == ["asked", "lifespan.startup"]


async def test_a_refusal_reads_no_body() -> None:
    async with world("memory") as here:

        async def nothing(*_: Any) -> Any:
            raise AssertionError("asked for")

        async with client(Guard(nothing, here.auth)) as http:
            assert (await http.post("/x", content=b"x" * 100_000)).status_code == 401


async def test_what_was_seen_before_asks_the_store_nothing() -> None:
    async with world("memory") as here:
        cookie = by_cookie(await here.sign_in())

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        async with client(Guard(app, here.auth)) as http:
            assert (await http.get("/", headers=cookie)).status_code == 204
            here.store.asked.clear()
            for _ in range(100):
                assert (await http.get("/", headers=cookie)).status_code == 204
        assert sum(here.store.asked.values()) == 0


async def test_what_another_process_ended_is_refused_by_the_short_way_too(tmp_path: Path) -> None:
    async with world("sqlite", tmp_path) as here, authority(f"sqlite:///{tmp_path}/admit.db", here.clock) as other:
        started = await here.sign_in()
        presented = {COOKIE: value_of(started), "token": await here.auth.tokens.access(started.session)}
        for door, text in presented.items():
            assert here.auth.seen(text, door) is None
            await here.auth.admit(with_cookie(started) if door == COOKIE else with_token(text))
            assert here.auth.seen(text, door) == here.auth.verify(text, door)
        await other.revoke(started.session)
        assert [here.auth.seen(text, door) for door, text in presented.items()] == [None, None]
        assert [await here.works(with_cookie(started)), await here.works(with_token(presented["token"]))] == [False] * 2
        assert [here.auth.seen(text, door) for door, text in presented.items()] == [None, None]


async def test_where_no_cookie_counts_nobody_is_led_to_pages_that_hand_one_out() -> None:
    navigation = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
    async with world("memory") as here:
        for accept, status in ((DOORS, 303), (("token",), 401)):
            guarded = Guard(never, here.auth, Requirement.of(accept=accept), sign_in="/auth/sign-in")
            async with client(guarded) as browser:
                assert (await browser.get("/links", headers=navigation)).status_code == status


async def never(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError
