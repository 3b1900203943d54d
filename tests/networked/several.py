"""Three servers over one PostgreSQL or one Redis, an nginx in front, and those who go on while something happens to one of them."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from admit import Authority, Verifier
from admit.errors import Denied, Stale
from admit.lab.browser.certificate import self_signed
from admit.system import SystemClock
from commands import Said, admit, free_port
from engines import OWN, Engine
from nginx import block, nginx, put
from server.fleet import PATIENCE, Connection, Fleet, serving, signed_in, until, until_left
from services import PassingClock

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "run-a-fleet-behind-nginx.md"
HOST = "localhost"
ADDRESSES = ("10.0.0.11", "10.0.0.12", "10.0.0.13")
LIVED = 700.0
"""Seconds since the keys were made, as it seems: else none could be rotated yet."""

BOUND = 2.0 * 1.02
"""Seconds after an end from which on nobody accepts; clocks run at the same rate but for one part in a hundred."""

instant = SystemClock().lease


class Server:
    """One of them, in a directory of its own."""

    fleet: Fleet

    def __init__(self, directory: Path, host: str, settings: str) -> None:
        self._directory = directory
        self._host = host
        self._running = ExitStack()
        self.port = free_port()
        directory.mkdir()
        (directory / "admit.toml").write_text(settings)

    def start(self) -> None:
        """Return once it takes requests."""
        config = str(self._directory / "admit.toml")
        self.fleet = self._running.enter_context(serving(self._directory, 1, "--config", config, port=self.port))

    def stop(self, kind: signal.Signals) -> None:
        """Send it a signal, and see it dead."""
        self.fleet.process.send_signal(kind)
        self.fleet.process.wait(PATIENCE)
        self._running.close()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """While inside, it does nothing."""
        os.kill(self.fleet.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.fleet.process.pid, signal.SIGCONT)

    def until_asked(self) -> None:
        """Return once a request came through nginx, since it was started."""
        until(lambda: "/api/" in self.fleet.log, "nginx does not come back to it")

    def connect(self) -> Connection:
        """A connection past nginx, by somebody who knows the name."""
        return self.fleet.connect(self._host)

    def close(self) -> None:
        """Stop it, if it runs."""
        self._running.close()


@dataclass(frozen=True)
class Several:
    """The servers, the port of nginx, and what an operator has."""

    engine: Engine
    directory: Path
    servers: list[Server]
    tls: int
    trusted: ssl.SSLContext
    store: str
    secret: bytes
    opened: list[Connection] = field(default_factory=list[Connection])

    @property
    def host(self) -> str:
        """As requests name it."""
        return f"{HOST}:{self.tls}"

    @property
    def issuer(self) -> str:
        """As tokens name it."""
        return f"https://{self.host}"

    def connect(self) -> Connection:
        """A connection to nginx."""
        self.opened.append(Connection(self.tls, self.host, self.trusted))
        return self.opened[-1]

    def hang_up(self) -> None:
        """Close every connection that was opened here."""
        while self.opened:
            self.opened.pop().close()
        for server in self.servers:
            server.fleet.hang_up()

    def authority(self, clock: PassingClock | None = None) -> Authority:
        """One more that serves the store, in the process of the test."""
        return Authority(self.store, issuer=self.issuer, secret=self.secret, clock=clock)

    async def begun_long_ago(self) -> None:
        """Make what a first start makes, so that the keys may be rotated."""
        clock = PassingClock()
        clock.passes(-LIVED)
        async with self.authority(clock):
            pass

    def says(self, *words: str) -> Said:
        """What a command says beside them."""
        return admit(self.directory / "0", *words)

    @contextmanager
    def verifier(self, key: str) -> Iterator[Verifier]:
        """A service that follows the log through nginx."""
        made = Verifier(self.issuer, audience=self.issuer, key=key, tls=self.trusted)
        try:
            yield made
        finally:
            made.close()


@contextmanager
def several(directory: Path, kind: str) -> Iterator[Several]:
    """All of it, over a database of that kind, made and started as the page says."""
    with OWN[kind]() as engine, ExitStack() as running:
        at, key = self_signed(directory, HOST)
        tls, plain, secret, store = free_port(), free_port(), secrets.token_bytes(32), engine.database()
        host = f"{HOST}:{tls}"
        (directory / "secret").write_bytes(secret)
        settings = put(block(PAGE, "toml"), {
            "auth.example.com": host,
            "10.0.0.11": "127.0.0.1",
            "10.0.0.5": "127.0.0.1",
            "postgresql://admit@db.example.com:5432/admit?sslrootcert=/etc/admit/ca.pem&passfile=/etc/admit/pgpass": store,
            "/etc/admit/secret": str(directory / "secret"),
        })  # fmt: skip
        servers = [Server(directory / str(number), host, settings) for number in range(len(ADDRESSES))]
        found = Several(engine, directory, servers, tls, ssl.create_default_context(cafile=str(at)), store, secret)
        assert found.says("migrate").code == 0
        asyncio.run(found.begun_long_ago())
        with ThreadPoolExecutor() as threads:
            for server in servers:
                running.callback(server.close)
            list(threads.map(Server.start, servers))
        running.enter_context(nginx(directory, put(block(PAGE, "nginx"), {
            "/etc/letsencrypt/live/auth.example.com/fullchain.pem": str(at),
            "/etc/letsencrypt/live/auth.example.com/privkey.pem": str(key),
            "auth.example.com": HOST,
            "proxy_set_header Host $host": f"proxy_set_header Host $host:{tls}",
            "listen 443": f"listen 127.0.0.1:{tls}",
            "listen 80": f"listen 127.0.0.1:{plain}",
            **{f"{address}:8000": f"127.0.0.1:{server.port}" for address, server in zip(ADDRESSES, servers, strict=True)},
        })))  # fmt: skip
        yield found


@dataclass
class Person:
    """Somebody who is signed in, with a cookie and with tokens."""

    cookie: str
    access: str
    renewal: str
    refreshed: int = 0

    @classmethod
    async def signed_in(cls, auth: Authority, subject: str) -> Person:
        """Somebody new."""
        cookie, session = await signed_in(auth, subject)
        pair = await auth.tokens.issue(session)
        return cls(cookie, pair.access_token, pair.refresh_token)

    @property
    def requests(self) -> list[dict[str, str]]:
        """The headers of a request by each credential."""
        return [{"Cookie": self.cookie}, {"Authorization": f"Bearer {self.access}"}]

    def statuses(self, connection: Connection) -> set[int]:
        """How requests by each of them are answered."""
        return {connection.ask("GET", "/api/sessions", **headers)[0] for headers in self.requests}

    def goes_on(self, connection: Connection) -> None:
        """Do what people do, and be answered."""
        assert self.statuses(connection) == {200}
        self.refreshes(connection)

    def refreshes(self, connection: Connection) -> None:
        """Get the next tokens."""
        status, said = connection.ask("POST", "/api/refresh", {"refresh_token": self.renewal})
        assert status == 200, (status, said)
        self.access, self.renewal = said["access_token"], said["refresh_token"]
        self.refreshed += 1


@dataclass
class Ended:
    """Sessions that have ended, and every answer that came too late to be a yes."""

    at: dict[str, float] = field(default_factory=dict[str, float])
    refused: int = 0
    wrong: list[str] = field(default_factory=list[str])

    def end(self, person: Person, connection: Connection) -> None:
        """Sign somebody out."""
        status, said = connection.ask("POST", "/api/sign-out", Cookie=person.cookie)
        assert status == 204, (status, said)
        self.at[person.cookie] = instant()

    def look(self, connection: Connection) -> None:
        """Try them all."""
        for cookie, ended in list(self.at.items()):
            began = instant()
            status, said = connection.ask("GET", "/api/sessions", Cookie=cookie)
            assert status in (200, 401), (status, said)
            self.refused += status == 401
            if status == 200 and began > ended + BOUND:
                self.wrong.append(f"accepted {began - ended:.3f} s after its end")


@contextmanager
def meanwhile(several: Several, *acts: Callable[[Connection], object]) -> Iterator[list[Future[int]]]:
    """While inside, each act is done again and again, through nginx; how often each was done is there afterwards."""

    def do(act: Callable[[Connection], object]) -> int:
        done, connection = 0, several.connect()
        try:
            while not enough.is_set():
                act(connection)
                done += 1
        finally:
            connection.close()
        return done

    with ThreadPoolExecutor(len(acts)) as threads, until_left() as enough:
        doing = [threads.submit(do, act) for act in acts]
        yield doing
        # Who failed says how, before whoever waited for something says that it did not happen.
        enough.set()
        for one in doing:
            one.result()


def accepts(verifier: Verifier, token: str) -> bool | None:
    """What a verifier says; None where it cannot tell."""
    try:
        verifier.verify(token)
    except Denied:
        return False
    except Stale:
        return None
    return True
