"""The WSGI guard: on a real server with threads, and what an environ hides that a header tells."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest
from flask import Flask, g
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.serving import ThreadedWSGIServer
from werkzeug.serving import WSGIRequestHandler as WerkzeugRequestHandler

from admit.core.requirement import Requirement
from admit.guards import flask
from admit.guards.wsgi import PRINCIPAL, Entrance, Guard, asked
from admit.testing.clock import FakeClock
from admit.trail import acting
from worlds import ORIGIN, authority, value_of


def test_it_is_imported_without_any_framework() -> None:
    heavy = [
        "argon2",
        "email_validator",
        "fastapi",
        "flask",
        "pydantic",
        "rich",
        "starlette",
        "typer",
        "uvicorn",
        "werkzeug",
    ]
    code = f"import sys, admit, admit.guards.wsgi; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    assert loaded.strip() == "[]"


class Threads(ThreadingMixIn, WSGIServer):
    """The standard library's server, a thread for each request."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class QuietWerkzeug(WerkzeugRequestHandler):
    """Writes no line for each request."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


def by_wsgiref(app: WSGIApplication) -> WSGIServer:
    """A server of the standard library."""
    return make_server("127.0.0.1", 0, app, Threads, Quiet)


def by_werkzeug(app: WSGIApplication) -> ThreadedWSGIServer:
    """The server that Flask brings."""
    return ThreadedWSGIServer("127.0.0.1", 0, app, QuietWerkzeug)


servers = pytest.mark.parametrize("made", [by_wsgiref, by_werkzeug])


@contextmanager
def served(made: Any, app: WSGIApplication) -> Iterator[int]:
    """The port at which ``app`` is served."""
    with made(app) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            serving.join()


def sent(port: int, lines: Iterable[tuple[str, str]], method: str = "GET") -> tuple[int, bytes]:
    """The status and body of the answer to a request with these header lines, as they stand."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest(method, "/links")
    for name, value in lines:
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def hello(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Says who is there."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ[PRINCIPAL].subject.encode()]


def hello_flask(auth: Any) -> Flask:
    """Says who is there, by Flask."""
    app = Flask("hello")
    flask.install(app, auth)

    @app.get("/links")
    @flask.required(auth)
    def links() -> str:
        subject: str = g.principal.subject
        return subject

    return app


@servers
@pytest.mark.parametrize("framework", [False, True])
def test_many_threads_go_through_one_guard_and_none_meets_anothers_principal(made: Any, framework: bool) -> None:
    auth = authority("memory://", FakeClock())
    people = [f"person-{number}" for number in range(12)]
    cookies = {}
    for who in people:
        started = auth.sync.sessions.start(auth.sync.subjects.before(who).proven("pwd"))
        cookies[who] = [("Cookie", f"__Host-admit={value_of(started)}")]
    with served(made, hello_flask(auth) if framework else Guard(hello, auth)) as port, ThreadPoolExecutor(8) as pool:
        asking = people * 5
        found = list(pool.map(lambda who: sent(port, cookies[who]), asking))
        assert found == [(200, who.encode()) for who in asking]
        auth.sync.sessions.sign_out_everywhere(people[0])
        assert sent(port, cookies[people[0]])[0] == 401
        assert sent(port, cookies[people[1]])[0] == 200
    auth.sync.close()


@servers
def test_a_server_that_joins_what_came_twice_makes_no_good_credential_of_it(made: Any) -> None:
    auth = authority("memory://", FakeClock())
    started = [auth.sync.sessions.start(auth.sync.subjects.before(who).proven("pwd")) for who in ("ann", "bob")]
    cookies = [("Cookie", f"__Host-admit={value_of(one)}") for one in started]
    tokens = [("Authorization", f"Bearer {auth.sync.tokens.access(one.session)}") for one in started]
    with served(made, Guard(hello, auth)) as port:
        for lines in ([cookies[0]], [cookies[1]], [tokens[0]], [tokens[1]], [cookies[0], tokens[0]]):
            assert sent(port, lines)[0] == 200
        for lines in (cookies, cookies[::-1], tokens, tokens[::-1], [tokens[0], tokens[0]], [cookies[0], cookies[0]]):
            assert sent(port, lines)[0] == 401, lines
    auth.sync.close()


@servers
def test_an_answer_to_head_has_no_body(made: Any) -> None:
    auth = authority("memory://", FakeClock())
    with served(made, Guard(hello, auth)) as port:
        for method, body in (("HEAD", b""), ("GET", b"{")):
            with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
                connection.sendall(f"{method} /links HTTP/1.0\r\nConnection: close\r\n\r\n".encode())
                head, _, rest = b"".join(iter(lambda: connection.recv(4_096), b"")).partition(b"\r\n\r\n")
            assert b" 401 " in head
            assert rest[:1] == body
    auth.sync.close()


def test_no_header_of_a_client_is_taken_for_a_principal() -> None:
    auth = authority("memory://", FakeClock())
    with served(by_wsgiref, Guard(hello, auth)) as port:
        for name in (PRINCIPAL, "admit_principal", "HTTP_admit.principal"):
            assert sent(port, [(name, "ann")])[0] == 401
    auth.sync.close()


def environ(**more: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "HTTP_HOST": "evil.test",
        **more,
    }


@pytest.mark.parametrize(
    "given, url",
    [
        ({}, "/"),
        ({"SCRIPT_NAME": "/app", "PATH_INFO": "/links", "QUERY_STRING": "a=%20&b"}, "/app/links?a=%20&b"),
        ({"PATH_INFO": "/Ã¼ b?c#d"}, "/%C3%BC%20b%3Fc%23d"),
        ({"PATH_INFO": "/a@b:c;d=e,(f)"}, "/a@b:c;d=e,(f)"),
    ],
)
def test_the_url_is_of_the_configured_origin_and_what_was_escaped_is_escaped_again(given: Any, url: str) -> None:
    assert asked(environ(**given), ORIGIN).url == ORIGIN + url


def test_who_asks_is_whom_the_server_saw() -> None:
    assert asked(environ(REMOTE_ADDR="192.0.2.7"), ORIGIN).peer == "192.0.2.7"
    assert asked(environ(REMOTE_ADDR=""), ORIGIN).peer is None


ANYTHING = st.text(st.characters(max_codepoint=255), max_size=40)
NAMES = st.sampled_from(["HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE", "HTTP_UPGRADE", "PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "REQUEST_METHOD"])  # fmt: skip
STARTS = st.sampled_from(["", "Bearer ", "__Host-admit=adm_s_", "/"])
GIVEN = st.dictionaries(NAMES, st.builds(str.__add__, STARTS, ANYTHING))


def test_any_bytes_are_refused_by_an_answer() -> None:
    auth = authority("memory://", FakeClock())
    app = Guard(hello, auth, sign_in="/sign-in", confirm="/confirm")

    @given(GIVEN)
    def answered(given: dict[str, str]) -> None:
        started: list[str] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            assert all(f"{name}{value}".isprintable() and value.isascii() for name, value in headers)
            started.append(status[:4])

        b"".join(app(environ(**given), start_response))
        assert started[0] in ("401 ", "403 ", "303 ")

    answered()
    auth.sync.close()


def test_what_was_seen_before_is_found_in_the_thread_that_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    auth = authority("memory://", FakeClock())
    started = auth.sync.sessions.start(auth.sync.subjects.before("ann").proven("pwd"))
    entrance = Entrance(auth, Requirement.of())
    request = environ(HTTP_COOKIE=f"__Host-admit={value_of(started)}")
    with acting():
        who = entrance.admitted(request)
        monkeypatch.setattr(entrance, "_admit", None)  # the way to the event loop
        for _ in range(100):
            assert entrance.admitted(request) is who
    assert (auth.tally.looked_up, auth.tally.seen_before) == (1, 100)
    auth.sync.close()
