"""The parts between which a revocation travels, each in processes of its own, and what may happen to each of them."""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random

from admit import Authority
from admit.errors import Stale, StoreError
from admit.sessions import Session
from admit.unsafe import CHEAPEST_HASH
from commands import environment, free_port
from processes.acts import SECRET
from processes.between import CLEAR, FAULTS, proxy
from processes.crew import PATIENCE, Crew, Member
from processes.history import Fault, History, Token
from processes.machine import PROXY, VERIFIER, WORKER, read, watch
from processes.verifying import ACCEPTED, REVOKED, Book, Try, instant, verifier
from server.fleet import Fleet, alive
from server.fleet import until as until_now

LIVE = 8
"""Tokens that are alive at any time, or so."""

LOOK_EVERY = 0.02

IN_A_ROW = 5
"""Questions that a part has to answer quickly, one after the other, to be whole again …"""

QUICK_WITHIN = 20.0
"""… unless it never does in so many seconds: whether that was the machine is for the history to say."""

Act = Callable[[], Awaitable[object]]


class Server:
    """`admit serve` with two workers, reached directly at its own port."""

    def __init__(self, folder: Path, issuer: str, store: str) -> None:
        self.port = free_port()
        self.log = folder / "server.log"
        self._folder = folder
        self._host = issuer.split("/")[2]
        self._env = environment(
            ADMIT_ISSUER=issuer,
            ADMIT_STORE=store,
            ADMIT_SECRET_FILE=str(_secret(folder)),
            ADMIT_DRAIN_LIMIT="0",
            ADMIT_WORKERS="2",
        )

    async def start(self) -> None:
        """Return once both workers answer."""
        self._start()
        await until(lambda: self.status("GET", "/auth/readyz") == 200, self.log.read_text)
        await self.whole()

    async def whole(self) -> None:
        """Return once there are two workers again, and both answer."""
        await asyncio.to_thread(self._two_answer)

    def _two_answer(self) -> None:
        fleet = Fleet(self.process, self._folder, self.port)
        until_now(lambda: len(fleet.workers()) == 2, "there are not two workers")
        try:
            fleet.one_to_each("/auth/healthz", {"Host": self._host})
        finally:
            fleet.hang_up()

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

    def status(
        self, method: str, path: str, headers: Mapping[str, str] = {}, *, within: float = 2.0, port: int = 0
    ) -> int:
        """What it answers, at its own ``port`` or by another way; 0 when it does not."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=within)
        try:
            connection.request(method, path, headers={"Host": self._host, **headers})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    async def kill(self) -> None:
        """End all of it at once."""
        everyone = self.everyone()
        signalled(everyone, signal.SIGKILL)
        await asyncio.to_thread(self.process.wait, PATIENCE)
        # A worker that is still dying holds the port.
        await until(lambda: not any(map(alive, everyone)))

    async def command(self, *words: str) -> None:
        """What an operator types."""
        done = await asyncio.to_thread(
            subprocess.run, self._line(*words), cwd=self._folder, env=self._env, capture_output=True, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stderr

    @staticmethod
    def _line(*words: str) -> list[str]:
        return [sys.executable, "-m", "admit.server", *words]


def _secret(folder: Path) -> Path:
    path = folder / "secret"
    path.write_bytes(SECRET)
    path.chmod(0o600)
    return path


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

    def __init__(self, folder: Path, dice: Random, crew: Crew, bound: float, store: str, *, leased: bool) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}/auth"
        self._store = store or f"sqlite:///{folder / 'admit.db'}"
        self.server = Server(folder, self.issuer, self._store)
        self.history = History(bound)
        self.members: list[Member] = []
        self._books: list[Book] = []
        self._folder = folder
        self._dice = dice
        # What happens between two faults takes as many turns as there is time: the faults are played again all the same.
        self._working_dice = Random(dice.getrandbits(64))
        self._crew = crew
        self._bound = bound
        self._leased = leased
        self._sessions: list[tuple[Session, str]] = []
        self._given = folder / "tokens"
        self._looks = folder / "looks"
        self._given.touch()

    def authority(self) -> Authority:
        """Another authority on the same store."""
        return Authority(self._store, issuer=self.issuer, secret=SECRET, hashing=CHEAPEST_HASH)

    async def begin(self, verifiers: int, asking: int) -> None:
        """Start everything; return when all verifiers accept all tokens."""
        await self.server.start()
        self.auth = self.authority()
        self._key = await self.auth.verifiers.create("chaos", self.issuer)
        self.history.asking = frozenset(range(asking))
        await self.start_proxy()
        self._watching = self._crew.start(watch, self._looks)
        assert await self._watching.hear() == "ready"
        self._books = [Book(self._book(number)) for number in range(verifiers)]
        self.members = [await self.started(number) for number in range(verifiers)]
        self.watch()
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
        token, how = self.history.tokens[number], self._working_dice.randrange(3)
        token.ending = instant()
        if how == 0:
            headers = {"Authorization": f"Bearer {text}"}
            if (
                await asyncio.to_thread(self.server.status, "POST", "/auth/api/sign-out", headers, within=self._bound)
                != 204
            ):
                return  # nobody said so, and so it may have ended or not
        elif how == 1:
            await self.auth.sessions.sign_out_everywhere(session.subject)
        else:
            await self.auth.revoke(session)
        token.ended = instant()

    async def work(self) -> None:
        """Let tokens come and go for ever."""
        while True:
            with suppress(StoreError, Stale):
                await self.show()
                await self.end(self._working_dice.choice(self.live()))
            await asyncio.sleep(min(self._bound / 4, 0.2))

    def live(self) -> list[int]:
        """The numbers of the tokens that nobody began to revoke."""
        return [number for number, token in enumerate(self.history.tokens) if token.ending == float("inf")]

    def last(self, verifier: int) -> dict[int, Try]:
        """How a verifier answered about each token the last time."""
        return {one.token: one for one in self._books[verifier].read()}

    async def all_know(self) -> None:
        """Return once every verifier, from now on, accepted what is alive, and refused all else as revoked (P3).

        Not all of it at one moment: on a machine that is busy somebody may always have to ask again.
        """
        now, missing = instant(), dict[int, set[tuple[int, str]]]()

        def know() -> bool:
            for number, book in enumerate(self._books):
                missing[number] = self._right() - {(one.token, one.answer) for one in book.since(now)}
            return not any(missing.values())

        await until(know, lambda: f"these were never answered so by verifier: {missing}")

    def _right(self) -> set[tuple[int, str]]:
        """The right answer about each token; about one that may have ended or not there is none."""
        alive = {(number, ACCEPTED) for number in self.live()}
        return alive | {(number, REVOKED) for number, one in enumerate(self.history.tokens) if one.ended < float("inf")}

    async def restored(self) -> None:
        """Do what an operator does who was told that history is lost, and return once all go on with what is new."""
        await self.server.kill()
        for number in self.live():
            self.history.tokens[number].ending = instant()
        await self.server.command("restore", "--yes")
        for token in self.history.tokens:
            token.ended = min(token.ended, instant())
        await self.server.start()
        self.auth = self.authority()
        await self.show()
        await self.all_know()

    def judged(self) -> History:
        """The history, with what is written in the books by now."""
        self.history.books = {number: book.read() for number, book in enumerate(self._books)}
        self.history.looks = read(self._looks)
        return self.history

    def watch(self) -> None:
        """Note from now on how long the machine keeps waiting whoever is there now."""
        parts = {f"{VERIFIER}{number}": member.process.pid or 0 for number, member in enumerate(self.members)}
        parts |= {f"{WORKER}{number}": pid for number, pid in enumerate(self.server.workers())}
        self._watching.say(parts | {PROXY: self.proxy.process.pid or 0})

    def _book(self, number: int) -> Path:
        return self._folder / f"book {number}"

    async def happen(self, what: str, whom: Sequence[int], begin: Act, heal: Act, lasts: float) -> None:
        """A fault from its beginning until the part answers again."""
        began = instant()
        await begin()
        await asyncio.sleep(lasts)
        await heal()
        self.watch()
        if len(whom) == len(self.members):
            await self.quick()
        self.history.faults.append(Fault(what, began, instant(), frozenset(whom)))

    async def quick(self) -> None:
        """Return once questions about the log are answered, by the way that verifiers go, as fast as these need it."""
        end, quick = instant() + QUICK_WITHIN, 0
        while quick < IN_A_ROW and instant() < end:
            asked = instant()
            answer = await asyncio.to_thread(
                self.server.status, "GET", "/auth/revocations", {"Authorization": f"Bearer {self._key}"}, port=self.port
            )
            quick = quick + 1 if answer == 200 and instant() - asked < self._bound / 8 else 0

    def faults(self) -> dict[str, tuple[Act, Act]]:
        """What can happen to all verifiers at once: how it begins, and how it heals."""
        return {mode: (self._turned(mode), self._turned(CLEAR)) for mode in FAULTS} | {
            "proxy stopped": self._stopped(lambda: [self.proxy.process.pid or 0]),
            "proxy killed": (self._kill_proxy, self.start_proxy),
            "authority stopped": self._stopped(self.server.everyone),
            "a worker stopped": self._stopped(lambda: self.server.workers()[:1]),
            "a worker killed": (self._kill_a_worker, self.server.whole),
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
        victim = self.server.workers()[0]
        signalled([victim], signal.SIGKILL)
        await until(lambda: not alive(victim))


@asynccontextmanager
async def travels(
    folder: Path,
    dice: Random,
    bound: float,
    *,
    verifiers: int = 10,
    asking: int = 2,
    leased: bool = True,
    store: str = "",
) -> AsyncGenerator[Travels]:
    """All parts, running and at rest; ended with the test."""
    async with Crew() as crew:
        found = Travels(folder, dice, crew, bound, store, leased=leased)
        try:
            await found.begin(verifiers, asking)
            yield found
        finally:
            await found.auth.close()
            await found.server.kill()
