"""The short way that each guard goes first: it takes the credential that the long way would, or none."""

from __future__ import annotations

from itertools import chain
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from admit.core.cookie import CookieRule
from admit.core.origin import refuse_cross_origin
from admit.core.presented import COOKIE, DOORS, presented
from admit.core.requirement import Requirement
from admit.errors import AdmitError
from admit.guards import asgi, grpc, wsgi
from admit.testing.clock import FakeClock
from worlds import ORIGIN

Headers = list[tuple[str, str]]


class Whole(AdmitError):
    """The short way has not said: the whole request has to be looked at."""


class Everybody:
    """A door at which every text was seen before that could be good; it says which one."""

    notes = False
    cookies = CookieRule(secure=True)
    clock = FakeClock()
    origin = ORIGIN

    def seen(self, text: str, door: str = "token") -> Any:
        return (door, text) if text and text == text.strip() else None

    @property
    def sync(self) -> Any:
        def admit(*_: Any, **__: Any) -> None:
            raise Whole

        return SimpleNamespace(admit=admit)


DOOR: Any = Everybody()
PAIRS = st.sampled_from(["__Host-admit=a", "__Host-admit=b", "x=1", "__Host-admit", "a__Host-admit=c", " ", "__Host-admit =d"])  # fmt: skip
JARS = st.tuples(st.just("cookie"), st.lists(PAIRS, max_size=3).flatmap(lambda pairs: st.sampled_from([";", "; "]).map(lambda by: by.join(pairs))))  # fmt: skip
BEARERS = st.tuples(st.just("authorization"), st.sampled_from(["Bearer t", "bearer t", "BEARER t", "Bearer  t", "Bearer ", "Basic u", "", "Bearer adm_k_t", "bearer adm_k_t"]))  # fmt: skip
SITES = st.tuples(st.just("sec-fetch-site"), st.sampled_from(["same-origin", "none", "same-site", "cross-site", "", "Same-Origin"]))  # fmt: skip
ORIGINS = st.tuples(st.just("origin"), st.sampled_from([ORIGIN, "https://evil.test", "null", ""]))
OTHERS = st.sampled_from([("accept", "*/*"), ("x-api-key", "adm_k_u"), ("upgrade", "websocket")])
ALL = [(JARS, 2), (BEARERS, 1), (SITES, 1), (ORIGINS, 1), (OTHERS, 2)]
# Half of them as from a browser, the rest odd.
BROWSERS = st.tuples(st.just(("cookie", "__Host-admit=a")), SITES | ORIGINS).map(list)
ODD = st.tuples(*(st.lists(one, max_size=most) for one, most in ALL)).map(lambda found: list(chain(*found)))
HEADERS: st.SearchStrategy[Headers] = BROWSERS | ODD
METHODS = st.sampled_from(["GET", "POST"])
ACCEPTED = st.just(set(DOORS)) | st.sets(st.sampled_from(DOORS), min_size=1)


def judged(taken: Any, request: Any, accept: set[str]) -> None:
    """Fail if ``taken`` is another credential than counts for ``request``, or one where none does."""
    try:
        counts = presented(request, accept, DOOR.cookies)
        if counts[0] == COOKIE:
            refuse_cross_origin(request, ORIGIN)
    except AdmitError:
        assert taken is None
    else:
        assert taken in (None, counts)


@given(HEADERS, METHODS, ACCEPTED)
def test_of_asgi(headers: Headers, method: str, accept: set[str]) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    for kind in ("http", "websocket"):
        scope = {"type": kind, "method": method, "path": "/", "headers": raw}
        taken = asgi.Entrance(DOOR, Requirement(accept=tuple(accept))).at_once(scope)
        judged(taken, asgi.asked(scope, ORIGIN), accept)


@given(HEADERS, METHODS, ACCEPTED)
def test_of_wsgi(headers: Headers, method: str, accept: set[str]) -> None:
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": "/"}
    for name, value in headers:  # as wsgiref and Werkzeug join what came twice
        key = f"HTTP_{name.upper().replace('-', '_')}"
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    try:
        taken = wsgi.Entrance(DOOR, Requirement(accept=tuple(accept))).admitted(environ)
    except Whole:
        taken = None
    judged(taken, wsgi.asked(environ, ORIGIN), accept)


@given(HEADERS, ACCEPTED, st.booleans())
def test_of_grpc(headers: Headers, accept: set[str], in_bytes: bool) -> None:
    sent = [(name, value.encode() if in_bytes else value) for name, value in headers]
    context = SimpleNamespace(invocation_metadata=lambda: sent, peer=lambda: "ipv4:192.0.2.7:5000")
    guard = grpc.Guard(DOOR, wsgi.Entrance(DOOR, Requirement(accept=tuple(accept))), "/links.Links/Read")
    try:
        taken = guard.admitted(context).who
    except Whole:
        taken = None
    judged(taken, guard._asked(context), accept)


def test_each_takes_what_most_send() -> None:
    said = {"token": ("authorization", "Bearer t"), "session": ("cookie", "a=b; __Host-admit=t"), "api_key": ("x-api-key", "t")}  # fmt: skip
    for kind, (name, value) in said.items():
        scope = {"type": "http", "method": "GET", "headers": [(name.encode(), value.encode())]}
        environ = {"REQUEST_METHOD": "GET", f"HTTP_{name.upper().replace('-', '_')}": value}
        posted = {**environ, "REQUEST_METHOD": "POST", "HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_ORIGIN": ORIGIN}
        context = SimpleNamespace(invocation_metadata=lambda name=name, value=value: [(name, value)])
        entrance: Any = wsgi.Entrance(DOOR, Requirement.of())
        on_loop: Any = asgi.Entrance(DOOR, Requirement.of())
        called: Any = grpc.Guard(DOOR, entrance, "/links.Links/Read")
        taken = [on_loop.at_once(scope), entrance.admitted(environ), entrance.admitted(posted)]
        assert [*taken, called.admitted(context).who] == [(kind, "t")] * 4
