"""People at the pages: browsers that navigate, types into forms, and follow nothing by themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from admit.web import Brand
from admit.web.pages.brand import PLAIN
from doors import ANN, Door, authority, door
from services import PassingClock

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
AT_A_BROWSER = {
    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
    "User-Agent": FIREFOX,
}
# Every page one can open: its path, and must one be signed in.
OPENED = {
    "/sign-in": False,
    "/sign-up": False,
    "/sign-out": False,
    "/account": True,
    "/account/activity": True,
    "/account/password": True,
    "/account/keys": True,
    "/account/keys/new": True,
    "/confirm": True,
}
# Every form one can send, with what it takes.
SENT: dict[str, dict[str, str]] = {
    "/sign-in": {**ANN, "next": ""},
    "/sign-up": {"email": "new@example.com", "password": ANN["password"], "password_again": ANN["password"]},
    "/sign-out": {},
    "/account/sign-out-device": {"device": "qP7-9dYxaZaTO9pr3Ny096"},
    "/account/sign-out-others": {},
    "/account/password": {
        "current_password": ANN["password"],
        "new_password": "another one, not shorter",
        "password_again": "another one, not shorter",
    },
    "/account/keys/new": {"name": "backup", "scope": "", "days": "30"},
    "/account/keys/revoke": {"key": "qP7-9dYxaZaTO9pr3Ny096"},
    "/account/keys/confirm": {"key": "qP7-9dYxaZaTO9pr3Ny096"},
    "/confirm": {"password": ANN["password"], "next": ""},
}


@dataclass(frozen=True)
class People:
    """The application and its clock."""

    door: Door
    clock: PassingClock

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """Somebody at a browser."""
        return self.door.browser(**AT_A_BROWSER | headers)

    async def ready(self) -> httpx.AsyncClient:
        """Somebody who is not signed in."""
        return self.browser()

    async def signed_in(self, who: dict[str, str] = ANN, *, agent: str = FIREFOX) -> httpx.AsyncClient:
        """Somebody who has just signed in at the page."""
        browser = self.browser(**{"User-Agent": agent})
        answer = await browser.post("/sign-in", data=who)
        assert answer.status_code == 303, answer.text
        return browser


@asynccontextmanager
async def people(*, brand: Brand = PLAIN, **settings: Any) -> AsyncIterator[People]:
    """Ann has an account here."""
    clock = PassingClock()
    async with door(authority(clock=clock, **settings), brand=brand) as here:
        yield People(here, clock)
