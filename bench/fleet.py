"""What 1, 2 and 4 server processes over one PostgreSQL do in a second, and who has used the processors for it.

Sign-ins, refreshes and requests guarded by an access token go to all of them in turn, over kept connections. Servers,
database and client share the processors of one machine: the one whose share grows is the next bottleneck.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import secrets
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from admit import Authority
from admit.server.fresh import free_port
from client import EMAIL, Client
from cold import processor
from databases import postgresql
from revocation import SECRET, started
from table import Figure, Row, arguments, report

SERVERS = (1, 2, 4)
HOST = "bench.example"
CONNECTIONS = 32
SIGNING_IN = 8
"""People who sign in at once; more would only wait."""

BAR = 1_500.0
"""Refreshes a second of one process."""

Step = Callable[[Client, int], Awaitable[object]]


class Crowd:
    """Clients that do the same again and again, each at one of the servers."""

    def __init__(self, ports: Sequence[int], password: str) -> None:
        self._clients = [
            Client(port, HOST) for port, _ in zip(itertools.cycle(ports), range(CONNECTIONS), strict=False)
        ]
        self._password = password
        self._tokens: list[dict[str, Any]] = []

    async def rate(self, act: str, seconds: float) -> float:
        """How many of ``act`` there are in a second."""
        while len(self._tokens) < CONNECTIONS:
            self._tokens.append(await self._sign_in(self._clients[0], 0))
        clients = self._clients[: SIGNING_IN if act == "sign-ins" else CONNECTIONS]
        step: Step = {"sign-ins": self._sign_in, "refreshes": self._refresh, "guarded requests": self._ask}[act]
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def work(client: Client, number: int) -> int:
            done = 0
            while loop.time() < began + seconds:
                await step(client, number)
                done += 1
            return done

        done = await asyncio.gather(*(work(client, number) for number, client in enumerate(clients)))
        return sum(done) / (loop.time() - began)

    async def _sign_in(self, client: Client, number: int) -> dict[str, Any]:
        # Each is somebody else: of one account, sign-ins at several servers would get in each other's way.
        found: dict[str, Any] = await client.found(
            "POST", "/api/tokens", body={"email": f"{number}.{EMAIL}", "password": self._password}
        )
        return found

    async def _refresh(self, client: Client, number: int) -> None:
        token = self._tokens[number]["refresh_token"]
        self._tokens[number] = await client.found("POST", "/api/refresh", body={"refresh_token": token})

    async def _ask(self, client: Client, number: int) -> None:
        await client.found("GET", "/api/me", f"authorization: Bearer {self._tokens[number]['access_token']}\r\n")


@contextmanager
def servers(store: str, number: int) -> Iterator[tuple[list[int], list[int]]]:
    """So many servers over ``store``: their ports and processes."""
    with ExitStack() as held:
        secret = held.enter_context(tempfile.NamedTemporaryFile())
        secret.write(SECRET)
        secret.flush()
        env = {
            "ADMIT_STORE": store,
            "ADMIT_ISSUER": f"https://{HOST}",
            "ADMIT_SECRET_FILE": secret.name,
            "ADMIT_SESSION_LIMIT": "1000",
            "ADMIT_TOKEN_GRACE": "0",  # every refresh rotates
            # Nothing is to be slowed down here but by the work itself.
            "ADMIT_THROTTLE_ACCOUNT": "1000000/60",
            "ADMIT_THROTTLE_SOURCE": "1000000/60",
        }
        ports = [free_port() for _ in range(number)]
        command = [sys.executable, "-m", "admit.server", "serve"]
        processes = [held.enter_context(started(command, port, **env, ADMIT_PORT=str(port))) for port in ports]
        yield ports, processes


def database_processes() -> list[int]:
    """The processes of a database that this one has started."""
    parents = {int(path.parent.name): _parent(path) for path in Path("/proc").glob("[0-9]*/stat")}
    mine = {pid for pid, parent in parents.items() if parent == os.getpid()}
    return [pid for pid, parent in parents.items() if (pid in mine or parent in mine) and _is_postgres(pid)]


def _parent(stat: Path) -> int:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:  # it has ended meanwhile
        return 0


def _is_postgres(pid: int) -> bool:
    try:
        return bool(re.search(rb"postgres", Path(f"/proc/{pid}/comm").read_bytes()))
    except OSError:
        return False


def used(processes: Sequence[int]) -> float:
    """Seconds of processor time of those among ``processes`` that are there."""
    return sum(processor(pid) for pid in processes if Path(f"/proc/{pid}").exists())


def measured(store: str, password: str, slices: int, seconds: float) -> list[Row]:
    """Every act at every number of servers, in turns."""
    rates: dict[tuple[int, str], list[float]] = {}
    shares: dict[tuple[int, str], list[tuple[float, float, float]]] = {}
    with ExitStack() as held, asyncio.Runner() as runner:
        fleets = {number: held.enter_context(servers(store, number)) for number in SERVERS}
        crowds = {number: Crowd(ports, password) for number, (ports, _) in fleets.items()}
        for act in ("guarded requests", "refreshes", "sign-ins"):
            for turn in range(slices + 1):
                for number, (_, processes) in fleets.items():
                    database = database_processes()
                    before = used(processes), used(database), used([os.getpid()])
                    rate = runner.run(crowds[number].rate(act, seconds if turn else seconds / 4))
                    after = used(processes), used(database), used([os.getpid()])
                    if turn:  # the first is to warm up
                        rates.setdefault((number, act), []).append(rate)
                        spent = [one - other for one, other in zip(after, before, strict=True)]
                        whole = sum(spent) or 1.0
                        shares.setdefault((number, act), []).append(
                            (spent[0] / whole, spent[1] / whole, spent[2] / whole)
                        )
    rows: list[Row] = []
    for (number, act), found in rates.items():
        name = f"{act}, {number} server{'s' * (number > 1)}"
        bar = BAR if (number, act) == (1, "refreshes") else None
        rows.append(Row(name, Figure.of(found), "/s", bar, direction="min"))
        for who, place in (("servers", 0), ("database", 1), ("client", 2)):
            rows.append(
                Row(f"… of the processors: {who}", Figure.of([one[place] * 100 for one in shares[number, act]]), "%")
            )
    return rows


async def made(store: str, password: str) -> float:
    """An account in ``store``; milliseconds that hashing its password takes alone."""
    async with Authority(store, issuer=f"https://{HOST}", secret=SECRET) as auth:
        for number in range(SIGNING_IN):
            await auth.accounts.create(f"{number}.{EMAIL}", password)
        return statistics.median([await auth.hash_time() for _ in range(5)]) * 1e3


def main() -> None:
    """Start everything, and ask."""
    options = arguments(__doc__)
    password = secrets.token_urlsafe(16)
    with postgresql() as store:
        millis = asyncio.run(made(store, password))
        rows = measured(store, password, options.slices, options.seconds * 20)
    report("fleet", [Row("argon2id, one password", Figure.of([millis]), "ms"), *rows], options)


if __name__ == "__main__":
    main()
