"""What forward-auth costs: a page behind a real nginx, asked for without any question, and with one to Admit each time.

The page is nginx's own, so that what is compared is the question; 16 kept connections ask again as soon as they are
answered. Servers, nginx and client share the processors of one machine.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from admit import Authority
from admit.server.fresh import free_port
from revocation import started
from table import Figure, Row, arguments, report

HOST = "app.example.com"
CONNECTIONS = 16
PATIENCE = 20.0
PLAIN = "no question"

POLICY = """
gateway = "nginx"
networks = ["127.0.0.1"]
token = {token}
[[rule]]
host = "app.example.com"
allow = "signed-in"
"""

SITE = """
{user} daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log off; keepalive_requests 1000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/yes keys_zone=admit:10m;
    proxy_http_version 1.1; proxy_set_header Connection "";
    upstream page {{ server 127.0.0.1:{page}; keepalive 32; }}
    upstream headers {{ server 127.0.0.1:{headers}; keepalive 32; keepalive_timeout 4s; }}
    upstream token {{ server 127.0.0.1:{token}; keepalive 32; keepalive_timeout 4s; }}
    server {{ listen 127.0.0.1:{page}; location / {{ default_type application/json; return 200 '{{"links of": "user"}}'; }} }}
    server {{ listen 127.0.0.1:{plain}; location / {{ proxy_pass http://page; }} }}
    {guarded}
}}
"""

GUARDED = """
    server {{
        listen 127.0.0.1:{port};
        location = /_admit {{
            internal; proxy_pass http://{admit}/forward-auth; proxy_pass_request_body off;
            proxy_set_header Connection ""; proxy_set_header Content-Length ""; proxy_set_header Host {host};
            proxy_set_header X-Original-Method $request_method; proxy_set_header X-Original-Host {host};
            proxy_set_header X-Original-URI $request_uri; proxy_set_header X-Forwarded-For $remote_addr;
            proxy_cache {cache}; proxy_cache_key "$request_method\\n$request_uri\\n$http_cookie\\n$http_authorization";
        }}
        location / {{
            auth_request /_admit;
            auth_request_set $admit_subject $upstream_http_x_admit_subject;
            auth_request_set $admit_token $upstream_http_x_admit_token;
            proxy_set_header Connection ""; proxy_set_header Cookie ""; proxy_set_header Authorization "";
            proxy_set_header X-Admit-Subject $admit_subject; proxy_set_header X-Admit-Token $admit_token;
            proxy_pass http://page;
        }}
    }}
"""


@dataclass
class Case:
    """Where is asked, what is presented there, and what was measured, slice by slice: of the requests, seconds."""

    port: int
    presented: str = ""
    rates: list[float] = field(default_factory=list[float])
    seconds: list[list[float]] = field(default_factory=list[list[float]])

    def quantile(self, part: float) -> Figure:
        """Milliseconds within which ``part`` of the requests of a slice were answered."""
        return Figure.of([sorted(slice)[int(part * len(slice))] * 1e3 for slice in self.seconds])

    def turn(self, seconds: float) -> tuple[float, list[float]]:
        """Requests in a second, and what each took."""
        request = f"GET /links HTTP/1.1\r\nHost: {HOST}\r\nAccept: application/json\r\n{self.presented}\r\n".encode()
        asked: dict[socket.socket, float] = {}
        taken: list[float] = []
        with ExitStack() as held, selectors.DefaultSelector() as waiting:
            for _ in range(CONNECTIONS):
                connection = held.enter_context(socket.create_connection(("127.0.0.1", self.port)))
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                waiting.register(connection, selectors.EVENT_READ)
                asked[connection] = time.perf_counter()
                connection.sendall(request)
            began = time.perf_counter()
            while (now := time.perf_counter()) - began < seconds:
                for key, _ in waiting.select(PATIENCE) or _nobody():
                    there = key.fileobj
                    assert isinstance(there, socket.socket)
                    answer = there.recv(65_536)
                    if not answer.endswith(b"}"):  # the body came by itself
                        answer += there.recv(65_536)
                    if not answer.startswith(b"HTTP/1.1 200"):
                        raise RuntimeError(answer)
                    now = time.perf_counter()
                    taken.append(now - asked[there])
                    asked[there] = now
                    there.sendall(request)
            return len(taken) / (now - began), taken


def _nobody() -> NoReturn:
    raise RuntimeError(f"no answer within {PATIENCE:g} s")


async def presented(store: str, issuer: str) -> tuple[str, str, str]:
    """The headers by which somebody who is signed in asks: a cookie, an access token, and an API key."""
    async with Authority(store, issuer=issuer) as auth:
        before = await auth.subjects.before("user")
        session = await auth.sessions.start(before.proven("pwd"))
        assert session.cookie
        token, key = await auth.tokens.access(session.session), (await auth.api_keys.create(before, "bench")).text
        bearer = "Authorization: Bearer {}\r\n".format
        return f"Cookie: {session.cookie.partition(';')[0]}\r\n", bearer(token), bearer(key)


@contextmanager
def fronted(folder: Path) -> Iterator[dict[str, Case]]:
    """nginx, two servers of ours on one store (one hands on signed tokens), and the cases."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if nginx is None:
        sys.exit("There is no nginx here; on Debian: apt-get install nginx-light")
    ports = {name: free_port() for name in ("page", "plain", "headers", "token", "each", "signed", "kept")}
    store, issuer = f"sqlite:///{folder / 'admit.db'}", f"http://127.0.0.1:{ports['headers']}"
    cookie, bearer, key = asyncio.run(presented(store, issuer))
    with ExitStack() as held:
        for name, token in (("headers", "false"), ("token", "true")):
            policy = folder / f"{name}.toml"
            # The scheme of the hosts is that of the issuer, which is this machine's here.
            policy.write_text(POLICY.format(token=token))
            env = {"ADMIT_STORE": store, "ADMIT_ISSUER": issuer, "ADMIT_FORWARD_POLICY": str(policy)}
            command = [sys.executable, "-m", "admit.server", "serve", "--port", str(ports[name])]
            held.enter_context(started(command, ports[name], **env))
        guarded = "".join(
            GUARDED.format(port=ports[name], admit=admit, cache=cache, host=HOST)
            for name, admit, cache in (
                ("each", "headers", "off"),
                ("signed", "token", "off"),
                ("kept", "headers", "admit"),
            )
        )
        conf = folder / "nginx.conf"
        user = "user root;" if os.getuid() == 0 else ""  # else nginx could not write into a folder of ours
        conf.write_text(SITE.format(folder=folder, guarded=guarded, user=user, **ports))
        held.enter_context(started([nginx, "-p", str(folder), "-c", str(conf)], ports["plain"]))
        yield {
            PLAIN: Case(ports["plain"]),
            "by cookie": Case(ports["each"], cookie),
            "by access token": Case(ports["each"], bearer),
            "by API key": Case(ports["each"], key),
            "by cookie, with a signed token": Case(ports["signed"], cookie),
            "by cookie, a yes kept for a second": Case(ports["kept"], cookie),
        }


def measure(cases: dict[str, Case], slices: int, seconds: float) -> None:
    """Ask every case in turns; each slice begins with another one."""
    names = list(cases)
    for name in names:
        cases[name].turn(seconds / 2)
    for place in range(slices):
        for name in names[place % len(names) :] + names[: place % len(names)]:
            rate, taken = cases[name].turn(seconds)
            cases[name].rates.append(rate)
            cases[name].seconds.append(taken)


def rows(cases: dict[str, Case]) -> Iterator[Row]:
    """What was found."""
    for name, case in cases.items():
        yield Row(f"{name}: requests per second", Figure.of(case.rates), "/s", direction="min")
        yield Row(f"{name}: p50", case.quantile(0.5), "ms")
        yield Row(f"{name}: p99", case.quantile(0.99), "ms")
    for name, case in cases.items():
        if name != PLAIN:
            ratios = [one / other for one, other in zip(case.rates, cases[PLAIN].rates, strict=True)]
            more = [(1 / one - 1 / other) * 1e6 for one, other in zip(case.rates, cases[PLAIN].rates, strict=True)]
            told = f"{Figure.of(more).median:.0f} µs more a request"
            yield Row(f"{name} / {PLAIN}", Figure.of(ratios), "×", None, "min", told)


if __name__ == "__main__":
    options = arguments(__doc__)
    with tempfile.TemporaryDirectory() as there, fronted(Path(there)) as found:
        measure(found, options.slices, 0.3 if options.quick else 2.0)
    report("forward", list(rows(found)), options)
