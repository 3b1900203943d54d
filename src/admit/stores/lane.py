"""A thread with a database connection: questions come in from any event loop, each answer returns to its own."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from admit.errors import StoreError, StoreUnavailable

T = TypeVar("T")
Question = Callable[[sqlite3.Connection], T]

AT_MOST = 256
"""Questions taken at once: what one transaction may hold, and so how long it may hold the lock."""


class Job(Generic[T]):
    """One question, who asked it, and what came of it."""

    __slots__ = ("_question", "error", "future", "loop", "result")

    def __init__(self, question: Question[T]) -> None:
        self._question = question
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self.loop.create_future()
        self.result: Any = None
        self.error: Exception | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        """Answer the question. What is wrong with it stays its own; what is wrong with the database is raised."""
        try:
            self.result = self._question(connection)
        except sqlite3.Error:
            raise
        except (UnicodeError, OverflowError) as error:
            self.error = StoreError(f"SQLite cannot hold this: {error}")
        except Exception as error:  # noqa: BLE001 - it is raised where the question was asked
            self.error = error

    def deliver(self) -> None:
        """Tell who asked, unless he has gone away."""
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Lane:
    """A thread that takes all waiting questions at once, lets ``work`` run them, and answers when it returns."""

    def __init__(self, name: str, work: Callable[[Sequence[Job[Any]]], None]) -> None:
        self._work = work
        self._waiting: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._process = os.getpid()
        # A daemon: who forgets to close the store must still be able to leave. No commit is torn by that.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def ask(self, question: Question[T]) -> asyncio.Future[T]:
        """The answer, on the running loop. A caller that goes away does not undo what he asked for."""
        if os.getpid() != self._process:
            raise StoreUnavailable("this store was opened before a fork: open one in each process")
        job = Job(question)
        with self._gate:
            if self._closed:
                raise StoreUnavailable("this store is not open")
            self._waiting.put(job)
        return job.future

    def close(self) -> None:
        """Answer what was asked until now, and nothing after. Blocks."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        going = True
        while going:
            jobs: list[Job[Any]] = []
            job = self._waiting.get()
            while job is not None:
                jobs.append(job)
                if len(jobs) == AT_MOST or self._waiting.empty():
                    break
                job = self._waiting.get()
            going = job is not None
            if jobs:
                self._attempt(jobs)
                _deliver(jobs)

    def _attempt(self, jobs: Sequence[Job[Any]]) -> None:
        try:
            self._work(jobs)
        except Exception as error:  # noqa: BLE001 - it is raised where the questions were asked
            told = StoreUnavailable(f"SQLite: {error}") if isinstance(error, sqlite3.Error) else error
            for job in jobs:
                job.error = copy(told)


def _deliver(jobs: Sequence[Job[Any]]) -> None:
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[Job[Any]]] = defaultdict(list)
    for job in jobs:
        by_loop[job.loop].append(job)
    for loop, own in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed, and with it everybody who waited there
            loop.call_soon_threadsafe(_tell, own)


def _tell(jobs: Sequence[Job[Any]]) -> None:
    for job in jobs:
        job.deliver()
