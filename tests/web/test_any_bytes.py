"""Any bytes as cookie, header, token, path or body give a Principal or one of our problems, never anything else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message, Scope

from admit.web import application
from doors import ANN, COOKIE, PROBLEM, authority

BODIES = ["/api/sign-up", "/api/sign-in", "/api/tokens", "/api/refresh", "/api/password"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ["email", "password", "scope", "refresh_token", "current_password", "new_password"]


class Street:
    """An application with Ann signed in, asked below HTTP: no client in between that would refuse to send something."""

    def __init__(self, loop: asyncio.Runner) -> None:
        self._loop = loop
        self._auth = authority()
        self._app: ASGIApp = application(self._auth)
        self.cookie, self.tokens = loop.run(self._sign_in())

    async def _sign_in(self) -> tuple[str, dict[str, str]]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self._app), base_url=self._auth.issuer) as browser:
            await browser.post("/api/sign-up", json=ANN)
            await browser.post("/api/sign-in", json=ANN)
            tokens = (await browser.post("/api/tokens", json=ANN)).json()
            return browser.cookies[COOKIE], tokens

    def ask(
        self, method: str, path: bytes, headers: list[tuple[bytes, bytes]], body: bytes = b""
    ) -> tuple[int, object]:
        """Status and body of the answer, once it was found to be whole and ours."""
        return self._loop.run(self._ask(method, path, headers, body))

    async def _ask(
        self, method: str, path: bytes, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> tuple[int, object]:
        said: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            said.append(message)

        scope: Scope = {
            "type": "http", "method": method, "path": path.decode(errors="replace"), "raw_path": path,
            "query_string": b"", "root_path": "", "scheme": "https", "server": None, "client": None,
            "headers": [(b"host", b"auth.example.com"), (b"content-length", b"%d" % len(body)), *headers],
        }  # fmt: skip
        await self._app(scope, receive, send)
        status, kind = said[0]["status"], dict(said[0]["headers"]).get(b"content-type")
        text = b"".join(message.get("body", b"") for message in said[1:])
        assert status < 500, text
        found = json.loads(text) if text else None
        if status >= 400:
            assert kind == PROBLEM.encode()
            assert isinstance(found, dict)
            assert found["status"] == status
        return status, found


@pytest.fixture(scope="module")
def street() -> Iterator[Street]:
    with asyncio.Runner() as loop:
        here = Street(loop)
        yield here
        loop.run(here._auth.close())


def mutations(good: str) -> st.SearchStrategy[bytes]:
    """Any bytes, and good ones with a place changed, a piece cut out, or something behind."""
    raw = good.encode()
    place = st.integers(0, len(raw) - 1)
    changed = st.builds(lambda at, byte: raw[:at] + bytes([byte]) + raw[at + 1 :], place, st.integers(0, 255))
    cut = st.builds(lambda one, two: raw[: min(one, two)] + raw[max(one, two) :], place, place)
    longer = st.builds(lambda more: raw + more, st.binary(max_size=20))
    return st.binary(max_size=200) | changed | cut | longer


@given(data=st.data())
def test_any_bytes_as_a_cookie(street: Street, data: st.DataObject) -> None:
    value = data.draw(mutations(street.cookie) | mutations(f"{COOKIE}={street.cookie}; {COOKIE}={street.cookie}"))
    prefix = data.draw(st.sampled_from([b"", COOKIE.encode() + b"=", b"x=y; " + COOKIE.encode() + b"="]))
    status, found = street.ask("GET", b"/api/me", [(b"cookie", prefix + value)])
    assert status in (200, 401)
    assert status == 401 or (isinstance(found, dict) and found["email"] == ANN["email"])


@given(data=st.data())
def test_any_bytes_as_a_bearer(street: Street, data: st.DataObject) -> None:
    value = data.draw(mutations(street.tokens["access_token"]))
    scheme = data.draw(st.sampled_from([b"Bearer ", b"bearer ", b"Bearer", b"", b"Basic "]))
    status, found = street.ask("GET", b"/api/me", [(b"authorization", scheme + value)])
    assert status in (200, 401)
    assert status == 401 or (isinstance(found, dict) and found["email"] == ANN["email"])


@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT", "OPTIONS", "TRACE", "HEAD"]),
    headers=st.lists(
        st.tuples(
            st.sampled_from([b"host", b"origin", b"sec-fetch-site", b"content-type", b"cookie", b"authorization",
                             b"content-length", b"user-agent", b"transfer-encoding", b"x"]),
            st.binary(max_size=60),
        ),
        max_size=4,
    ),
    path=st.sampled_from([b"/api/me", b"/api/sign-in", b"/api/sessions/x", b"/healthz"]) | st.binary(max_size=30),
)  # fmt: skip
def test_any_bytes_as_headers_and_path(
    street: Street, method: str, path: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    street.ask(method, b"/" + path.removeprefix(b"/"), headers)


@given(path=st.sampled_from(BODIES), body=st.binary(max_size=300))
def test_any_bytes_as_a_body(street: Street, path: str, body: bytes) -> None:
    status, _ = street.ask("POST", path.encode(), [(b"content-type", b"application/json"), cookie(street)], body)
    assert status in (400, 401, 422)


@given(path=st.sampled_from(BODIES), body=st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_json_as_a_body(street: Street, path: str, body: dict[str, object]) -> None:
    raw = json.dumps(body).encode()
    status, _ = street.ask("POST", path.encode(), [(b"content-type", b"application/json"), cookie(street)], raw)
    assert status in (401, 422)


@given(data=st.data())
def test_any_bytes_as_a_refresh_token(street: Street, data: st.DataObject) -> None:
    text = data.draw(mutations(street.tokens["refresh_token"])).decode("latin-1")
    body = json.dumps({"refresh_token": text}).encode()
    status, _ = street.ask("POST", b"/api/refresh", [(b"content-type", b"application/json")], body)
    assert status == 401 or text == street.tokens["refresh_token"]


@pytest.mark.parametrize(
    "body",
    [b"[" * 60_000, b'{"a":' * 10_000, b"1" * 60_000, b'{"email": 1e999, "password": NaN}', b'"' + b"\\ud800" * 9_000 + b'"',
     b"\xff\xfe", b"\xef\xbb\xbf{}", b"null", b"0", b'{"\\ud800": 1}'],
)  # fmt: skip
def test_costly_and_odd_json_is_a_bad_request(street: Street, body: bytes) -> None:
    status, _ = street.ask("POST", b"/api/sign-in", [(b"content-type", b"application/json")], body)
    assert status in (400, 422)


def cookie(street: Street) -> tuple[bytes, bytes]:
    return b"cookie", f"{COOKIE}={street.cookie}".encode()
