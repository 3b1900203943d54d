"""A browser as far as a server can tell: a cookie jar, the headers that browsers send, pages and forms."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookiejar import Cookie, CookieJar
from typing import TYPE_CHECKING, cast
from urllib.parse import urlencode
from urllib.request import Request

from admit.server.client import Answer, send

if TYPE_CHECKING:
    from http.client import HTTPResponse

_FORM = "application/x-www-form-urlencoded"


class Browser:
    """Somebody at a browser called ``agent``, at the server on ``port``; it follows no redirect by itself."""

    def __init__(self, port: int, agent: str) -> None:
        self._port = port
        self._agent = agent
        self._jar = CookieJar()
        self.origin = f"http://127.0.0.1:{port}"

    @property
    def cookies(self) -> dict[str, Cookie]:
        """What is in the jar, by name."""
        return {cookie.name: cookie for cookie in self._jar}

    def copy(self) -> Browser:
        """Another browser that somebody has put these cookies into."""
        other = Browser(self._port, self._agent)
        for cookie in self._jar:
            other._jar.set_cookie(cookie)
        return other

    def go(self, path: str) -> Answer:
        """Open the page at ``path``, as by typing the address."""
        return self._navigate("GET", path, None, {"Sec-Fetch-Site": "none"})

    def submit(self, path: str, form: Mapping[str, str], sender: Mapping[str, str] | None = None) -> Answer:
        """Send ``form`` from a page of the server, or from the page that a browser describes by the headers ``sender``."""
        by = {"Sec-Fetch-Site": "same-origin", "Origin": self.origin} if sender is None else sender
        return self._navigate("POST", path, urlencode(form).encode(), {**by, "Content-Type": _FORM})

    def _navigate(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        told = {
            "Accept": "text/html",
            "Sec-Fetch-Dest": "document",
            "Sec-Fetch-Mode": "navigate",
            "User-Agent": self._agent,
        }
        # The jar of the standard library knows requests of urllib; nothing is asked through them.
        asked = Request(self.origin + path, method=method)  # noqa: S310 - the scheme is ours
        self._jar.add_cookie_header(asked)
        answer = send(self._port, method, path, body, {**told, **headers, **dict(asked.header_items())})
        self._jar.extract_cookies(cast("HTTPResponse", _Headers(answer)), asked)
        return answer


class _Headers:
    """An answer as a jar reads it."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def info(self) -> object:
        """Its headers."""
        return self._answer.headers
