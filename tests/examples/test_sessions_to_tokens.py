"""A live service goes from sessions to tokens and back, a process at a time, and nobody is signed out at any step."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from admit import Authority
from admit.core.session_policy import RELAXED
from admit.figures import AuthorityFigures
from admit.guards.asgi import App, Receive, Scope, Send
from admit.testing.clock import FakeClock
from examples.test_guarded import loaded
from guards.applications import by_token
from services import PASSWORD
from worlds import ORIGIN, authority

BOTH = ("session", "token", "api_key")


@dataclass
class Process:
    """One process of the service, with what it accepts and counts."""

    auth: Authority
    app: App
    registry: CollectorRegistry

    def counted(self, credential: str, path: str) -> float:
        """How many of a kind were answered so."""
        labels = {"credential": credential, "path": path}
        return self.registry.get_sample_value("admit_verifications_total", labels) or 0.0


@dataclass
class Service:
    """The processes that serve at this moment, which a balancer asks in turns."""

    example: Any
    store: str
    clock: FakeClock
    stack: AsyncExitStack
    serving: list[Process] = field(default_factory=list[Process])
    turn: count[int] = field(default_factory=count)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        await self.serving[next(self.turn) % len(self.serving)].app(scope, receive, send)

    async def begun(self, *accept: str) -> Process:
        """One more process, which accepts these; the others go on."""
        auth = await self.stack.enter_async_context(authority(self.store, self.clock, sessions=RELAXED))
        registry = CollectorRegistry()
        registry.register(AuthorityFigures(auth))
        self.serving.append(Process(auth, self.example.links(auth, accept), registry))
        return self.serving[-1]

    def browser(self) -> httpx.AsyncClient:
        """A browser of somebody, with cookies of its own."""
        return httpx.AsyncClient(transport=httpx.ASGITransport(self), base_url=ORIGIN)


@asynccontextmanager
async def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    with loaded("sessions_to_tokens", monkeypatch, tmp_path) as example:
        async with AsyncExitStack() as stack:
            yield Service(example, f"sqlite:///{tmp_path}/service.db", FakeClock(), stack)


@dataclass
class Page:
    """What the script of a page does for somebody who has signed in, in the version that was loaded last."""

    browser: httpx.AsyncClient
    by: str = "session"
    token: str = ""

    async def reads(self) -> httpx.Response:
        """What the page is answered in the end, without anybody typing a password."""
        answer = await self.asks()
        if answer.status_code == 401 and self.by == "token":
            renewed = await self.browser.post("/auth/api/refresh", json={})
            if renewed.status_code != 200:
                renewed = await self.browser.post("/tokens")
            self.token = renewed.json()["access_token"] if renewed.status_code == 200 else ""
            answer = await self.asks()
        elif answer.status_code == 401 and self.by == "session, or again":
            await self.browser.post("/cookie")
            answer = await self.asks()
        return answer

    async def works(self) -> bool:
        """Whether whoever looks at it is let in."""
        return (await self.reads()).status_code == 200

    async def asks(self) -> httpx.Response:
        """What it is answered at first."""
        return await self.browser.get("/links", headers=by_token(self.token) if self.by == "token" else {})


async def signed_in(service: Service, *people: str) -> list[Page]:
    """The pages of people who signed in with a cookie."""
    pages: list[Page] = []
    for name in people:
        email = f"{name}@example.com"
        await service.serving[0].auth.accounts.create(email, PASSWORD, roles=("user",))
        pages.append(Page(service.browser()))
        answer = await pages[-1].browser.post("/auth/api/sign-in", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
    return pages


async def machine(service: Service, owner: Page) -> Page:
    """A program of ``owner`` with an API key."""
    made = await owner.browser.post("/auth/api/keys", json={"name": "nightly"})
    program = Page(service.browser())
    program.browser.headers["X-API-Key"] = made.json()["key"]
    return program


async def test_nobody_is_signed_out_on_the_way_there_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with service(tmp_path, monkeypatch) as here:
        await here.begun("session", "api_key")
        people = await signed_in(here, "ann", "bob", "eve")
        everybody = [*people, await machine(here, people[0])]

        async def all_are_in() -> bool:
            return all([await page.works() for page in everybody for _ in range(4)])

        # There: the servers accept both, then the pages use tokens, then the servers accept tokens alone.
        await here.begun(*BOTH)
        assert await all_are_in()
        del here.serving[0]
        assert await all_are_in()
        ann, bob, eve = people
        ann.by = bob.by = "token"
        assert await all_are_in()
        here.clock.advance(601)  # their first access tokens are over
        assert await all_are_in()
        narrow = await here.begun("token", "api_key")
        found = [(await eve.asks()).status_code for _ in range(2)]
        assert sorted(found) == [200, 401]  # the page that nobody has loaded anew, at the one process and the other
        assert narrow.counted("session", "not accepted") == 1
        eve.by = "token"
        assert await all_are_in()
        del here.serving[0]
        here.clock.advance(601)
        assert await all_are_in()
        assert narrow.counted("session", "not accepted") == 1

        # Somebody comes who has never had a cookie.
        person = {"email": "zoe@example.com", "password": PASSWORD}
        await narrow.auth.accounts.create(*person.values(), roles=("user",))
        zoe = Page(here.browser(), "token")
        answer = await zoe.browser.post("/auth/api/tokens", json=person | {"refresh": "cookie"})
        zoe.token = answer.json()["access_token"]
        everybody.append(zoe)

        # And back: both again, then the pages use cookies, then cookies alone.
        await here.begun(*BOTH)
        assert await all_are_in()
        del here.serving[0]
        ann.by = bob.by = zoe.by = "session, or again"
        assert await all_are_in()
        narrow = await here.begun("session", "api_key")
        found = [(await eve.asks()).status_code for _ in range(2)]
        assert sorted(found) == [200, 401]
        assert narrow.counted("token", "not accepted") == 1
        eve.by = "session, or again"
        del here.serving[0]
        assert await all_are_in()
        assert narrow.counted("token", "not accepted") == 1
        assert narrow.counted("api_key", "not accepted") == 0


async def test_a_session_that_ends_on_the_way_ends_in_both_forms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with service(tmp_path, monkeypatch) as here:
        process = await here.begun(*BOTH)
        [ann] = await signed_in(here, "ann")
        by_cookie, by_tokens = Page(ann.browser), Page(ann.browser, "token")
        assert await by_cookie.works()
        assert await by_tokens.works()
        await process.auth.revoke(process.auth.verify(by_tokens.token))
        assert not await by_cookie.works()
        assert not await by_tokens.works()
        assert (await by_tokens.browser.post("/cookie")).status_code == 401
        assert (await by_tokens.browser.post("/tokens")).status_code == 401


async def test_two_tabs_and_a_lost_answer_are_no_reason_to_sign_anybody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with service(tmp_path, monkeypatch) as here:
        await here.begun(*BOTH)
        [ann] = await signed_in(here, "ann")
        cookies = dict(ann.browser.cookies)
        for _ in range(3):  # the refresh token that came with the first answer never arrives
            tab = Page(here.browser(), "token")
            tab.browser.cookies.update(cookies)
            tab.token = (await tab.browser.post("/tokens")).json()["access_token"]
            assert (await tab.asks()).status_code == 200
