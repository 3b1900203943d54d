"""Bytes that no honest client sends make the server fail, instead of being refused (OPS-04).

A type nobody expected, a number too large, half a character: what is not refused becomes an error page with a
trace, a request that takes a minute, or a query that means something else. Whatever comes in as cookie, header or
token gives a Principal or one of our errors.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core import jose
from admit.core.principal import Principal
from admit.core.request import Request
from admit.errors import AdmitError, BadCredential, Denied
from forge import segment
from worlds import ORIGIN, World, value_of, with_token, world


@dataclass
class Door:
    """A world with somebody signed in, and a loop to ask it in."""

    loop: asyncio.AbstractEventLoop
    here: World
    cookie: bytes
    access: bytes
    refresh: str
    ticket: str


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    loop, stack = asyncio.new_event_loop(), AsyncExitStack()
    here = loop.run_until_complete(stack.enter_async_context(world("memory")))
    started = loop.run_until_complete(here.sign_in())
    pair = loop.run_until_complete(here.auth.tokens.issue(started.session))
    ticket = loop.run_until_complete(here.auth.tickets.mint("reset", 60))
    yield Door(loop, here, value_of(started).encode(), pair.access_token.encode(), pair.refresh_token, ticket)
    loop.run_until_complete(stack.aclose())
    loop.close()


@st.composite
def spoilt(draw: st.DrawFn, good: bytes) -> bytes:
    """Something like what is good."""
    start, end = sorted(draw(st.tuples(st.integers(0, len(good)), st.integers(0, len(good)))))
    return draw(st.sampled_from([good[:start] + draw(st.binary(max_size=8)) + good[end:], good, good[start:end] * 3]))


def refused_or_a_principal(door: Door, request: Request) -> Principal | None:
    try:
        return door.loop.run_until_complete(door.here.auth.admit(request))
    except AdmitError:
        return None


@given(
    st.data(),
    st.lists(st.sampled_from([b"authorization", b"cookie", b"origin", b"sec-fetch-site", b"x"]), max_size=4),
    st.sampled_from(["GET", "POST", ""]) | st.text(),
    st.text(),
)
def test_any_bytes_are_a_principal_or_one_of_our_errors(
    door: Door, data: st.DataObject, names: list[bytes], method: str, url: str
) -> None:
    value = (
        st.binary()
        | st.sampled_from([b"same-origin", ORIGIN.encode(), b"Bearer ", b"Basic x", b"__Host-admit="])
        | spoilt(door.cookie).map(lambda text: b"__Host-admit=" + text)
        | spoilt(door.access).map(lambda text: b"Bearer " + text)
    )
    headers = tuple((name, data.draw(value)) for name in names)
    who = refused_or_a_principal(door, Request(method, url, headers))
    assert who is None or who.subject == "ann"


@given(st.data())
def test_a_spoilt_token_or_ticket_is_refused_and_ends_nothing(door: Door, data: st.DataObject) -> None:
    auth = door.here.auth
    for good, spend in ((door.refresh, auth.tokens.refresh), (door.ticket, lambda text: auth.tickets.spend(text, "x"))):
        text = data.draw(spoilt(good.encode()), "text").decode("latin-1")
        if text != good:
            with pytest.raises(BadCredential):
                door.loop.run_until_complete(spend(text))
    who = refused_or_a_principal(door, with_token(door.access.decode()))
    assert who is not None


WRONG: list[dict[str, Any]] = [
    {"sub": 1}, {"sub": ["ann"]}, {"sub": {"$ne": 1}}, {"sub": None}, {"sub": ""}, {"sub": "x" * 129},
    {"gen": True}, {"gen": "1"}, {"gen": 1.5}, {"gen": -1}, {"gen": 2**53}, {"gen": 10**400},
    {"exp": "9999999999"}, {"exp": 1e300}, {"exp": None}, {"iat": True}, {"iat": [1]},
    {"roles": "admin"}, {"roles": {"admin": 1}}, {"roles": [1]}, {"roles": None},
    {"scope": ["a"]}, {"scope": None}, {"sid": 1}, {"sid": None}, {"jti": True}, {"amr": "pwd"},
    {"aud": 1}, {"aud": {"x": 1}}, {"aud": [[]]}, {"iss": ["x"]}, {"client_id": 1}, {"auth_time": "now"},
]  # fmt: skip


@pytest.mark.parametrize("claims", WRONG, ids=lambda claims: str(claims)[:40])
def test_a_claim_of_another_type_is_refused_though_our_own_key_signed_it(door: Door, claims: dict[str, Any]) -> None:
    key = door.loop.run_until_complete(door.here.auth.keys.signing())
    good = jose.verify(door.access.decode(), {key.kid: key.verifying()}, "at+jwt")
    token = jose.sign(json.dumps(json.loads(good) | claims).encode(), key, "at+jwt")
    with pytest.raises(Denied):
        door.loop.run_until_complete(door.here.auth.admit(with_token(token)))


@pytest.mark.parametrize("length", [10_000, 100_000, 5_000_000])
def test_a_credential_without_end_is_refused_before_it_is_read(door: Door, length: int) -> None:
    for text in ("A" * length, "." * length, segment("{" * length) + "..", "adm_s_" + "1." * length):
        for header in ((b"authorization", f"Bearer {text}".encode()), (b"cookie", f"__Host-admit={text}".encode())):
            assert refused_or_a_principal(door, Request("GET", ORIGIN, (header,))) is None
