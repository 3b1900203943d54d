"""A revocation travels from a server on Redis to verifiers, while primaries are killed, stopped, cut off and replaced.

What verifiers wrote down is judged as it is over SQLite; what ends here is acknowledged by one process, and told to
verifiers by another (REV-01).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random

from counts import times
from processes.test_revocation_travels import is_accepting, judge, played
from processes.travels import Act, travels, until
from redises import Engine, eventually, pair, watched

BOUND = 1.0
TIMEOUT = 1
LAG = 1.0 + 2.0 + TIMEOUT
"""What such a store says that it adds: see test_lag.py."""


class Three:
    """A primary and its two replicas, as a Sentinel sees them, and what can happen to them."""

    def __init__(self, servers: list[Engine], sentinel: Engine) -> None:
        self._servers = servers
        self._sentinel = sentinel
        self._was = servers[0]
        self._stopped = ExitStack()

    def faults(self) -> dict[str, tuple[Act, Act]]:
        """How each begins, and how it heals."""
        return {
            "primary killed": (self._in_thread(self._kill), self._in_thread(self._start)),
            "primary stopped": (self._in_thread(self._stop), self._in_thread(self._go_on)),
            "primary cut off": (self._in_thread(self._cut_off), self._in_thread(self._go_on)),
        }

    @staticmethod
    def _in_thread(done: Callable[[], None]) -> Act:
        return lambda: asyncio.to_thread(done)

    def primary(self) -> Engine:
        """Whom the Sentinel names."""
        port = int(self._sentinel.run("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main").splitlines()[1])
        return next(server for server in self._servers if server.port == port)

    def _kill(self) -> None:
        self._was = self.primary()
        self._was.kill()

    def _start(self) -> None:
        eventually(lambda: self.primary() is not self._was)
        self._was.start()
        eventually(self._are_whole)

    def _stop(self) -> None:
        self._was = self.primary()
        self._stopped.enter_context(self._was.stopped())

    def _cut_off(self) -> None:
        primary = self.primary()
        for server in self._servers:
            if server is not primary:
                self._stopped.enter_context(server.stopped())

    def _go_on(self) -> None:
        self._stopped.close()
        eventually(self._are_whole)

    def _are_whole(self) -> bool:
        """Whether the primary has two replicas; one that takes itself for a primary still is told whom to follow."""
        if "failover_in_progress" in self._sentinel.run("SENTINEL", "MASTER", "main"):
            return False
        primary = self.primary()
        for server in self._servers:
            if server is not primary and server.says("replication")["role"] == "master":
                server.run("REPLICAOF", "127.0.0.1", str(primary.port))
        return primary.says("replication").get("min_slaves_good_slaves") == "2"


async def test_no_verifier_accepts_later_than_its_bound_whatever_happens_to_redis(
    tmp_path: Path, chaos: Random, record_property: Callable[[str, str], None]
) -> None:
    with watched() as (servers, sentinel):
        sentinel.run("SENTINEL", "SET", "main", "failover-timeout", "1000")
        three = Three(servers, sentinel)
        # Both: with one, an old primary that goes on before the other follows the new one has somebody to vouch for it.
        store = f"redis+sentinel://{sentinel.address}/main?replicas=2&timeout={TIMEOUT}"
        async with travels(tmp_path, chaos, BOUND, verifiers=3, asking=1, store=store) as parts:
            history = await played(parts, chaos, BOUND, three.faults(), times("rounds of chaos on Redis"))
    judge(history, BOUND, record_property, lag=LAG)


async def test_a_replica_that_lacks_the_tail_ends_trust_until_a_restore_ended_everything(
    tmp_path: Path, chaos: Random
) -> None:
    with pair(min_replicas_to_write="0") as (primary, replica):
        async with travels(tmp_path, chaos, 0.3, verifiers=2, asking=1, store=primary.url()) as parts:
            offset = int(primary.says("replication")["master_repl_offset"])
            eventually(lambda: int(replica.says("replication")["slave_repl_offset"]) >= offset)
            replica.run("REPLICAOF", "NO", "ONE")  # what comes now is the tail that it never sees
            for number in parts.live()[:4]:
                await parts.end(number)
            await parts.all_know()
            await parts.auth.close()
            await asyncio.to_thread(primary.kill)
            await asyncio.to_thread(replica.moves_to, primary.port)
            await until(lambda: parts.server.status("GET", "/auth/readyz") == 503, parts.server.log.read_text)
            await until(lambda: not any(is_accepting(parts, number) for number in range(2)))
            await parts.restored()
            history = parts.judged()
        assert history.late() == []
        assert history.revived() == []
