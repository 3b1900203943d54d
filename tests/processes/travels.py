"""The parts between which a revocation travels, each in processes of its own, and what may happen to each of them."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random

from admit import Authority
from admit.errors import StoreError
from admit.sessions import Session
from admit.unsafe import CHEAPEST_HASH
from commands import environment, free_port
from processes.between import CLEAR, FAULTS, proxy
from processes.crew import PATIENCE, Crew, Member
from processes.history import Fault, History, Token
from processes.verifying import ACCEPTED, Try, instant, read, verifier
from server.fleet import Fleet

LIVE = 8
"""Tokens that are alive at any time, or so."""

LOOK_EVERY = 0.02

Act = Callable[[], Awaitable[object]]


class Server:
    """`admit serve` with two workers on SQLite, reached directly at its own port."""

    def __init__(self, folder: Path, issuer: str) -> None:
        self.port = free_port()
        self.log = folder / "server.log"
        self._folder = folder
        self._host = issuer.split("/")[2]
        self._env = environment(
            ADMIT_ISSUER=issuer,
            ADMIT_STORE=f"sqlite:///{folder / 'admit.db'}",
            ADMIT_DRAIN_LIMIT="0",
            ADMIT_WORKERS="2",
        )

    async def start(self) -> None:
        """Return once it answers."""
        self._start()
        await until(lambda: self.status("GET", "/auth/readyz") == 200, self.log.read_text)
        await until(lambda: len(self.workers()) == 2, self.log.read_text)

    def _start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self._line("serve", "--port", str(self.port)), cwd=self._folder, stdout=log, stderr=log, env=self._env,
                text=True,
            )  # fmt: skip

    def workers(self) -> list[int]:
        """The processes that serve."""
        return sorted(Fleet(self.process, self._folder, self.port).workers())

    def everyone(self) -> list[int]:
        """The process that watches, and those that serve."""
        return [self.process.pid, *self.workers()]

    def status(self, method: str, path: str, within: float = 2.0, **headers: str) -> int:
        """What it answers; 0 when it does not."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=within)
        try:
            connection.request(method, path, headers={"Host": self._host, **headers})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    async def kill(self) -> None:
        """End all of it at once."""
        signalled(self.everyone(), signal.SIGKILL)
        await asyncio.to_thread(self.process.wait, PATIENCE)

    async def command(self, *words: str) -> None:
        """What an operator types."""
        done = await asyncio.to_thread(
            subprocess.run, self._line(*words), cwd=self._folder, env=self._env, capture_output=True, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stderr

    @staticmethod
    def _line(*words: str) -> list[str]:
        return [sys.executable, "-m", "admit.server", *words]


def signalled(processes: Sequence[int], kind: signal.Signals) -> None:
    """Send a signal to those that still are."""
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, kind)


async def until(holds: Callable[[], bool], why: Callable[[], str] = str) -> None:
    """Return once it holds; AssertionError when it never does."""
    end = instant() + PATIENCE
    while not await asyncio.to_thread(holds):
        assert instant() < end, why()
        await asyncio.sleep(LOOK_EVERY)


class Travels:
    """An authority, a proxy in front of it, verifiers behind that, tokens that come and go, and what is known of all."""

    def __init__(self, folder: Path, dice: Random, crew: Crew, bound: float, *, leased: bool) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}/auth"
        self.server = Server(folder, self.issuer)
        self.history = History(bound)
        self.members: list[Member] = []
        self._folder = folder
        self._dice = dice
        self._crew = crew
        self._bound = bound
        self._leased = leased
        self._sessions: list[tuple[Session, str]] = []
        self._given = folder / "tokens"
        self._given.touch()

    def authority(self) -> Authority:
        """Another authority on the same store."""
        return Authority(f"sqlite:///{self._folder / 'admit.db'}", issuer=self.issuer, hashing=CHEAPEST_HASH)

    async def begin(self, verifiers: int, asking: int) -> None:
        """Start everything; return when all verifiers accept all tokens."""
        await self.server.start()
        self.auth = self.authority()
        self._key = await self.auth.verifiers.create("chaos", self.issuer)
        self.history.asking = frozenset(range(asking))
        await self.start_proxy()
        self.members = [await self.started(number) for number in range(verifiers)]
        for _ in range(LIVE):
            await self.show()
        await self.all_know()

    async def start_proxy(self) -> None:
        """The proxy, from its beginning."""
        self.proxy = self._crew.start(proxy, self.port, self.server.port, self._bound, self._dice.getrandbits(32))
        assert await self.proxy.hear() == "ready"

    async def started(self, number: int) -> Member:
        """A verifier that knows nothing yet, and goes on in the book of that number."""
        member = self._crew.start(
            verifier, self.issuer, self._key, self._given, self._book(number), self._bound,
            asks=number in self.history.asking, leased=self._leased,
        )  # fmt: skip
        assert await member.hear() == "ready"
        return member

    async def show(self) -> None:
        """One token more, of somebody else, for all to see."""
        before = await self.auth.subjects.before(f"{len(self._sessions)}@{os.getpid()}")
        session = (await self.auth.sessions.start(before.proven("pwd"))).session
        token = await self.auth.tokens.access(session)
        self._sessions.append((session, token))
        with self._given.open("a") as out:
            out.write(f"{token}\n")
        # Somebody who begins to read it now has looked at the list a moment ago.
        self.history.tokens.append(Token(instant()))

    async def end(self, number: int) -> None:
        """Revoke a token in one of three ways, and note when that was acknowledged, if it was."""
        session, text = self._sessions[number]
        token, how = self.history.tokens[number], self._dice.randrange(3)
        token.ending = instant()
        if how == 0:
            headers = {"Authorization": f"Bearer {text}"}
            if await asyncio.to_thread(self.server.status, "POST", "/auth/api/sign-out", self._bound, **headers) != 204:
                return  # nobody said so, and so it may have ended or not
        elif how == 1:
            await self.auth.sessions.sign_out_everywhere(session.subject)
        else:
            await self.auth.revoke(session)
        token.ended = instant()

    async def work(self) -> None:
        """Let tokens come and go for ever."""
        while True:
            with suppress(StoreError):
                await self.show()
                await self.end(self._dice.choice(self.live()))
            await asyncio.sleep(min(self._bound / 4, 0.2))

    def live(self) -> list[int]:
        """The numbers of the tokens that nobody began to revoke."""
        return [number for number, token in enumerate(self.history.tokens) if token.ending == float("inf")]

    def last(self, verifier: int) -> dict[int, Try]:
        """How a verifier answered about each token the last time."""
        return {one.token: one for one in read(self._book(verifier))}

    async def all_know(self) -> None:
        """Return once every verifier accepts what is alive, and knows of everything else that it was revoked (P3)."""
        now = instant()

        def know() -> bool:
            return all(self._knows(number, now) for number in range(len(self.members)))

        await until(know, lambda: f"{[self.last(number) for number in range(len(self.members))]}")

    def _knows(self, verifier: int, since: float) -> bool:
        last = self.last(verifier)
        live = set(self.live())
        return all(
            number in last
            and last[number].began >= since
            and (last[number].answer == ACCEPTED) == (number in live)
            and last[number].answer in "AR"
            for number, token in enumerate(self.history.tokens)
            if number in live or token.ended < float("inf")
        )

    def judged(self) -> History:
        """The history, with what is written in the books by now."""
        self.history.books = {number: read(self._book(number)) for number in range(len(self.members))}
        return self.history

    def _book(self, number: int) -> Path:
        return self._folder / f"book {number}"

    async def happen(self, what: str, whom: Sequence[int], begin: Act, heal: Act, lasts: float) -> None:
        """A fault from its beginning until the part answers again."""
        began = instant()
        await begin()
        await asyncio.sleep(lasts)
        await heal()
        self.history.faults.append(Fault(what, began, instant(), frozenset(whom)))

    def faults(self) -> dict[str, tuple[Act, Act]]:
        """What can happen to all verifiers at once: how it begins, and how it heals."""
        return {mode: (self._turned(mode), self._turned(CLEAR)) for mode in FAULTS} | {
            "proxy stopped": self._stopped(lambda: [self.proxy.process.pid or 0]),
            "proxy killed": (self._kill_proxy, self.start_proxy),
            "authority stopped": self._stopped(self.server.everyone),
            "a worker stopped": self._stopped(lambda: self.server.workers()[:1]),
            "a worker killed": (self._kill_a_worker, self._two_workers),
            "authority killed": (self.server.kill, self.server.start),
        }

    def faults_of(self, number: int) -> dict[str, tuple[Act, Act]]:
        """What can happen to one verifier."""
        clock = self._dice.choice((-60.0, -3.0, -0.5, 0.5, 3.0, 60.0, 7_200.0))
        return {
            f"verifier {number} stopped": self._stopped(lambda: [self.members[number].process.pid or 0]),
            f"verifier {number} killed": (self.members[number].kill, lambda: self._restart(number)),
            f"clock of verifier {number} set by {clock:g} s": (self._set(number, clock), self._set(number, 0.0)),
        }

    def _turned(self, mode: str) -> Act:
        async def turn() -> None:
            self.proxy.say(mode)
            assert await self.proxy.hear() == "turned"

        return turn

    def _stopped(self, whom: Callable[[], Sequence[int]]) -> tuple[Act, Act]:
        stopped: list[int] = []

        async def stop() -> None:
            stopped[:] = whom()
            signalled(stopped, signal.SIGSTOP)

        async def go_on() -> None:
            signalled(stopped, signal.SIGCONT)

        return stop, go_on

    def _set(self, number: int, by: float) -> Act:
        async def step() -> None:
            self.members[number].say(by)
            assert await self.members[number].hear() == "stepped"

        return step

    async def _restart(self, number: int) -> None:
        self.members[number] = await self.started(number)

    async def _kill_proxy(self) -> None:
        await self.proxy.kill()

    async def _kill_a_worker(self) -> None:
        signalled(self.server.workers()[:1], signal.SIGKILL)

    async def _two_workers(self) -> None:
        await until(lambda: len(self.server.workers()) == 2, self.server.log.read_text)


@asynccontextmanager
async def travels(
    folder: Path, dice: Random, bound: float, *, verifiers: int = 10, asking: int = 2, leased: bool = True
) -> AsyncGenerator[Travels]:
    """All parts, running and at rest; ended with the test."""
    async with Crew() as crew:
        found = Travels(folder, dice, crew, bound, leased=leased)
        try:
            await found.begin(verifiers, asking)
            yield found
        finally:
            signalled([member.process.pid or 0 for member in [*found.members, found.proxy]], signal.SIGCONT)
            await found.auth.close()
            await found.server.kill()
