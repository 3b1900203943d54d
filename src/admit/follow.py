"""Follows a revocation log from afar: one thread that reads, proves the lease, and comes again after failures."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from typing import Protocol

from admit.core import log
from admit.core.lease import Lease, Moment
from admit.core.log import Copy
from admit.core.secret import written
from admit.core.store import Cursor, Page
from admit.core.world import Chance, Clock
from admit.errors import AdmitError, CursorLost

FIRST_PAUSE = 0.02
"""Seconds between the first failure and the next try; each further failure doubles them, up to half the bound."""

_log = logging.getLogger("admit.follow")


class Source(Protocol):
    """Where the log is read."""

    def read(self, after: Cursor | None, wait: float, probe: str, within: float) -> Iterator[Page]:
        """The log from ``after`` to its end, in pieces, the last of which says ``end``; waits up to ``wait`` for news.

        Each piece comes ``within`` as many seconds more. Raises CursorLost, Denied, StoreError.
        """

    def close(self) -> None:
        """Give back what :meth:`read` opened."""


class Follower:
    """Keeps ``copy`` and ``lease`` current, for those who accept what is at most ``bound`` seconds old.

    A question waits a quarter of the bound for news and has another quarter for its answer. After one that was lost
    the next waits for no news, so that its proof comes before the last one is too old.
    """

    def __init__(self, source: Source, copy: Copy, lease: Lease, clock: Clock, chance: Chance, *, bound: float) -> None:
        self._source = source
        self._copy = copy
        self._lease = lease
        self._clock = clock
        self._chance = chance
        self.bound = bound
        self.restarts = 0
        self.polls = 0
        self._failures = 0
        self._stopped = threading.Event()
        self._caught_up = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self.last_error: AdmitError | None = None

    def start(self) -> None:
        """Follow in a thread of its own; harmless while it does."""
        if self._thread is not None and self._thread.is_alive():
            return
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                # Another than that of a thread which is about to end: it must not hear that it may go on.
                self._stopped = threading.Event()
                self._thread = threading.Thread(
                    target=self._follow, args=(self._stopped,), name="admit-follow", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        """Stop following; returns when the thread has come to its end, within half the bound or so."""
        self._stopped.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()
        self._source.close()

    def begin_anew(self) -> None:
        """Forget the thread that a fork left behind, the locks it may hold, and what it had proven."""
        self._lease.lose()
        self._copy.begin_anew()
        self._source.close()
        self._thread = None
        self._starting = threading.Lock()
        self._stopped = threading.Event()
        self._caught_up = threading.Event()

    def wait(self, seconds: float) -> bool:
        """Wait until the end of the log was seen once; whether it was."""
        return self._caught_up.wait(seconds)

    def step(self) -> float:
        """Read once; the seconds to pause before the next time. Raises nothing."""
        after, sent = self._copy.cursor, Moment.of(self._clock)
        probe, wait = written(self._chance(9)), 0.0 if self._failures else self.bound / 4
        self.polls += 1
        try:
            for page in self._source.read(after, wait, probe, self.bound / 4):
                self._take(page, after, sent)
        except CursorLost as lost:
            # What is known stays known; nothing is accepted before the end of the log is seen again.
            _log.warning("the log begins anew: %s", lost)
            self.restarts += 1
            self._copy.start_over()
            self._failed(lost)
        except AdmitError as error:
            self._failed(error)
        else:
            self._failures = 0
            self.last_error = None
            return 0.0
        return self._pause()

    def _take(self, page: Page, after: Cursor | None, sent: Moment) -> None:
        now, lease = self._clock.now(), self._clock.lease()
        entries = [log.decode(line) for line in page.entries]
        with self._copy.lock:
            self._copy.learn(entries, now, lease)
            # The copy may have begun anew meanwhile: then this was not the whole of what it needs.
            if page.end and self._copy.cursor == after:
                self._copy.take(Page((), page.cursor, end=True, stamp=page.stamp), now, lease)
                self._lease.prove(sent)
                self._caught_up.set()

    def _failed(self, error: AdmitError) -> None:
        if self._failures == 0:
            _log.warning("the log cannot be followed: %s", error)
        self._failures += 1
        self.last_error = error

    def _pause(self) -> float:
        most = min(FIRST_PAUSE * float(2 ** min(self._failures - 1, 16)), self.bound / 2)
        return most * (0.5 + self._chance(1)[0] / 512)  # jitter: those who lost one authority do not come back as one

    def _follow(self, stopped: threading.Event) -> None:
        while not stopped.wait(self.step()):
            pass
