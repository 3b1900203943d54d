"""A program that knows nothing of Admit, behind a real gateway, as `docs/how-to/protect-anything-behind-nginx.md` has it."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from admit.authority import Authority
from admit.lab.browser.certificate import self_signed
from admit.sessions import Started
from admit.unsafe import CHEAPEST_HASH
from caddy import caddy
from commands import free_port
from nginx import block, blocks, nginx, put
from server.fleet import PATIENCE, Fleet, serving

PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "protect-anything-behind-nginx.md"
NAME = "app.example.com"
ISSUER = f"https://{NAME}/auth"
OTHER = "tools.example.com"


class _Program(BaseHTTPRequestHandler):
    """Answers what it was asked, as the least careful of servers reads it.

    It drops what a client names in Connection (RFC 9110, 7.6.1), and takes `_` and `-` in names for the same (CGI).
    """

    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        # All of it: what were left of a body would be the next request, and the connection be reset under the answer.
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        named = {one.strip().lower() for one in self.headers.get("Connection", "").split(",")}
        read = [
            (name.lower().replace("_", "-"), text) for name, text in self.headers.items() if name.lower() not in named
        ]
        asked = {"method": self.command, "target": self.path, "headers": read}
        cast("Program", self.server).asked.append(asked)
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "upgrade")
            self.end_headers()
            self.close_connection = True
            return
        body = json.dumps(asked).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Program(ThreadingHTTPServer):
    """The program, on a free port; it remembers what came through to it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Program)
        self.asked: list[dict[str, Any]] = []


@dataclass
class Answer:
    """What a client of the gateway was answered."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: dict[str, str]

    @property
    def read(self) -> Any:
        """What the program answered: how it read the request."""
        return json.loads(self.body)

    def said(self, name: str) -> list[str]:
        """What the program was told in the header ``name``."""
        return [text for one, text in self.read["headers"] if one == name]


@dataclass
class Protected:
    """A gateway on a free port, a server of ours beside it, and the program behind."""

    fleet: Fleet
    program: Program
    tls: int
    trusted: ssl.SSLContext
    directory: Path
    people: dict[str, str] = field(default_factory=dict[str, str])

    def raw(self, *lines: str, body: bytes = b"", host: str = NAME) -> Answer:
        """What is answered to a request that is sent as it stands, its lines without the Host and the end."""
        with (
            socket.create_connection(("127.0.0.1", self.tls), timeout=PATIENCE) as plain,
            self.trusted.wrap_socket(plain, server_hostname=NAME) as tls,
        ):
            head = "\r\n".join((lines[0], f"Host: {host}", *lines[1:], "", ""))
            tls.sendall(head.encode("latin-1") + body)
            return _read(tls)

    def get(self, target: str, method: str = "GET", /, **headers: str) -> Answer:
        """What is answered to ``method`` of ``target``; `_` in a name is `-`."""
        named = [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
        return self.raw(f"{method} {target} HTTP/1.1", "Connection: close", *named)

    def by(self, who: str) -> dict[str, str]:
        """The Cookie header of ``who``, who is signed in."""
        return {"Cookie": f"__Host-admit={self.people[who]}"}

    def do(self, act: Callable[[Authority], Any]) -> Any:
        """What ``act`` gives, done beside the server, on its store."""
        return asyncio.run(beside(self.fleet.store, act))


async def beside(store: str, act: Callable[[Authority], Any]) -> Any:
    """What ``act`` gives with the authority of ``store``."""
    async with Authority(store, issuer=ISSUER, scopes={"user": "links:read"}, hashing=CHEAPEST_HASH) as auth:
        return await act(auth)


async def signed_in(auth: Authority, subject: str, roles: tuple[str, ...] = ("user",)) -> Started:
    """A new session of ``subject``, who has ``roles``."""
    await auth.subjects.change(subject, lambda one: one.with_roles(roles))
    return await auth.sessions.start((await auth.subjects.before(subject)).proven("pwd"))


def value(started: Started) -> str:
    """The value of the cookie of a session."""
    assert started.cookie is not None
    return started.cookie.partition(";")[0].partition("=")[2]


@dataclass(frozen=True)
class Place:
    """Where a gateway listens, who answers behind it, and what it shows that it is the host by."""

    directory: Path
    tls: int
    admit: int
    program: int
    certificate: Path
    key: Path

    @property
    def behind(self) -> dict[str, str]:
        """What the page says, and what is here instead."""
        return {"127.0.0.1:8000": f"127.0.0.1:{self.admit}", "127.0.0.1:9000": f"127.0.0.1:{self.program}"}


def by_nginx(here: Place, site: Callable[[str], str] = lambda text: text) -> AbstractContextManager[None]:
    """nginx, and ``site`` of what the page has for it."""
    places = here.behind | {
        "listen 443": f"listen 127.0.0.1:{here.tls}",
        "/var/cache/nginx/admit": str(here.directory / "yes"),
        f"/etc/letsencrypt/live/{NAME}/fullchain.pem": str(here.certificate),
        f"/etc/letsencrypt/live/{NAME}/privkey.pem": str(here.key),
    }
    return nginx(here.directory, put(site(_servers(*blocks(PAGE, "nginx"))), places))


def by_caddy(here: Place) -> AbstractContextManager[None]:
    """Caddy, as the page has it."""
    begin = f"https://{NAME}:{here.tls} {{\n    bind 127.0.0.1\n    tls {here.certificate} {here.key}\n"
    return caddy(here.directory, here.tls, put(block(PAGE, "caddy"), here.behind | {f"{NAME} {{\n": begin}))


GATEWAYS: dict[str, Callable[[Place], AbstractContextManager[None]]] = {"nginx": by_nginx, "caddy": by_caddy}


@contextmanager
def protected(
    directory: Path, gateway: str = "nginx", begin: Callable[[Place], AbstractContextManager[None]] | None = None
) -> Iterator[Protected]:
    """All of it, as the page says; Ann is an administrator, Bob is not, and both are signed in."""
    at, key = self_signed(directory, NAME, OTHER)
    tls, behind = free_port(), free_port()
    policy = directory / "policy.toml"
    settings, rules = blocks(PAGE, "toml")
    rules = put(rules, {'gateway = "nginx"': f'gateway = "{gateway}"'})
    policy.write_text(f'{rules}\n[[rule]]\nhost = "{OTHER}"\nallow = "signed-in"\n')
    placed = {"/var/lib/admit/admit.db": str(directory / "admit.db"), "/etc/admit/policy.toml": str(policy)}
    (directory / "admit.toml").write_text(put(settings, placed))
    program = Program()
    thread = threading.Thread(target=program.serve_forever)
    thread.start()
    try:
        with (
            serving(directory, 2, "--config", str(directory / "admit.toml"), port=behind) as fleet,
            (begin or GATEWAYS[gateway])(Place(directory, tls, behind, program.server_port, at, key)),
        ):
            found = Protected(fleet, program, tls, ssl.create_default_context(cafile=str(at)), directory)
            for who, roles in (("ann", ("user", "admin")), ("bob", ("user",))):
                found.people[who] = value(found.do(partial(signed_in, subject=who, roles=roles)))
            yield found
    finally:
        program.shutdown()
        program.server_close()
        thread.join()


def _servers(one: str, instead: str) -> str:
    """The configuration of the page, and a second host that has the server of the first, with ``instead`` of `/auth/`."""
    _, begin, server = one.rpartition("server {\n    listen 443 ssl http2;")
    before, _, rest = server.partition("    # Admit itself")
    _, ours, after = rest.partition("    location = /_admit {")
    # Both have the certificate of the first, which is for both here.
    other = before.replace(f"server_name {NAME};", f"server_name {OTHER};") + instead + ours + after
    return one + begin + other


def _read(tls: ssl.SSLSocket) -> Answer:
    """An answer, to the end of its body, or of its head where the connection has changed its protocol."""
    with tls.makefile("rb") as stream:
        status = int(stream.readline().split(b" ")[1])
        headers, cookies = dict[str, str](), dict[str, str]()
        while line := stream.readline().strip():
            name, _, text = line.decode("latin-1").partition(": ")
            headers[name.lower()] = text
            if name.lower() == "set-cookie":
                cookie, _, kept = text.partition(";")[0].partition("=")
                cookies[cookie] = kept
        length = int(headers.get("content-length", "0"))
        return Answer(status, headers, b"" if status == 101 else stream.read(length), cookies)
