"""The ASGI guard: needs no framework, touches no body, and takes whatever is a Door."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from admit.core.cookie import CookieRule
from admit.core.door import Door
from admit.core.origin import SAFE_METHODS
from admit.core.presented import COOKIE, DOORS, found
from admit.core.requirement import Requirement
from admit.errors import AdmitError
from admit.guards.asgi import Entrance, Guard, Message, Receive, Scope, Send
from admit.testing.clock import FakeClock
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


class Everybody:
    """A door at which every text was seen before; it says which one."""

    cookies = CookieRule(secure=True)
    clock = FakeClock()

    def seen(self, text: str, door: str = "token") -> Any:
        return door, text


PAIRS = st.sampled_from([b"__Host-admit=a", b"__Host-admit=b", b"x=1", b"__Host-admit", b"a__Host-admit=c", b" ", b"__Host-admit =d"])  # fmt: skip
JARS = st.tuples(st.just(b"cookie"), st.lists(PAIRS, max_size=3).flatmap(lambda pairs: st.sampled_from([b";", b"; "]).map(lambda by: by.join(pairs))))  # fmt: skip
BEARERS = st.tuples(st.just(b"authorization"), st.sampled_from([b"Bearer t", b"bearer t", b"Bearer  t", b"Bearer ", b"Basic u", b"", b"Bearer adm_k_t", b"bearer adm_k_t"]))  # fmt: skip
HEADERS = st.lists(JARS | BEARERS | st.sampled_from([(b"accept", b"*/*"), (b"x-api-key", b"adm_k_u")]), max_size=4)


@given(HEADERS, st.sampled_from(["GET", "POST"]), st.sets(st.sampled_from(DOORS)))
def test_the_short_way_takes_what_the_long_way_would(
    headers: list[tuple[bytes, bytes]], method: str, accept: set[str]
) -> None:
    door: Any = Everybody()
    entrance = Entrance(door, Requirement(accept=tuple(accept)))
    taken: Any = entrance.at_once({"type": "http", "method": method, "headers": headers})
    try:
        counts = found(headers, accept, door.cookies)
    except AdmitError:
        # An empty text was never seen; no door knows it.
        assert taken is None or taken[1] == ""
        return
    assert taken in (None, counts)
    if counts[0] == COOKIE and method not in SAFE_METHODS:
        assert taken is None


async def test_where_no_cookie_counts_nobody_is_led_to_pages_that_hand_one_out() -> None:
    navigation = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
    async with world("memory") as here:
        for accept, status in ((DOORS, 303), (("token",), 401)):
            guarded = Guard(never, here.auth, Requirement.of(accept=accept), sign_in="/auth/sign-in")
            async with client(guarded) as browser:
                assert (await browser.get("/links", headers=navigation)).status_code == status


async def never(scope: Scope, receive: Receive, send: Send) -> None:
    raise AssertionError
