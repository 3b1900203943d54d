"""A browser among several hosts behind gateways, one of which is that of the issuer."""

from __future__ import annotations

from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

import httpx

from gateways import HOST, NAVIGATION, OTHER, Front
from worlds import value_of

START = f"https://{OTHER}/reports?page=2"


@dataclass
class Browser:
    """Goes where it is led, and sends to each host the cookies of that host alone."""

    front: Front
    jars: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    went: list[str] = field(default_factory=list[str])

    async def sign_in(self, subject: str = "ann") -> None:
        """As by the page: the issuer's host gives a cookie."""
        started = await self.front.world.sign_in(subject)
        self.jars.setdefault(HOST, {})["__Host-admit"] = value_of(started)

    async def comes_to_the_other(self) -> str:
        """The cookie of the other host, as it is presented at its door, once whoever signed in has come there."""
        await self.sign_in()
        await self.follow()
        return f"https://{OTHER} {self.jars[OTHER]['__Host-admit']}"

    async def get(self, url: str, method: str = "GET") -> httpx.Response:
        """What is answered to one request, through the gateway of its host."""
        self.went.append(url)
        parts = urlsplit(url)
        jar = self.jars.setdefault(parts.netloc, {})
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        cookies = {"Cookie": "; ".join(f"{name}={text}" for name, text in jar.items())} if jar else {}
        if parts.path.startswith("/.admit/") or (parts.netloc == HOST and parts.path.startswith("/auth/")):
            behind = target.replace("/.admit/", "/auth/", 1)
            question = method, behind, {"Host": parts.netloc}
            answer = await self.front.ask(question, list({**NAVIGATION, **cookies}.items()))
        else:
            answer = await self.front.asks(target, method, parts.netloc, **NAVIGATION, **cookies)
        for line in answer.headers.get_list("set-cookie"):
            assert "Domain" not in line
            assert line.split("; ")[1:].count("HttpOnly") == line.split("; ").count("Secure") == 1
            [(name, morsel)] = SimpleCookie(line).items()
            jar[name] = morsel.value
            if morsel["max-age"] == "0":
                del jar[name]
        return answer

    async def follow(self, url: str = START, most: int = 8) -> httpx.Response:
        """Where one comes to from ``url``."""
        for _ in range(most):
            answer = await self.get(url)
            onward = led(answer)
            if onward is None:
                return answer
            url = onward if onward.startswith("https://") else f"https://{urlsplit(url).netloc}{onward}"
        raise AssertionError(self.went)


def led(answer: httpx.Response) -> str | None:
    """Where an answer leads to."""
    refresh = answer.headers.get("refresh", "").partition("url=")[2]
    found: str | None = answer.headers.get("location") or answer.headers.get("x-admit-sign-in") or refresh or None
    return found
