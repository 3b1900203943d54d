"""Asks an authority about one credential: once for all who ask together, and not at all while it is silent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

from admit.core.lease import Moment
from admit.core.world import Clock
from admit.errors import Denied, Revoked, Stale, StoreError


class Answer(Protocol):
    """What the authority says of a credential."""

    @property
    def active(self) -> bool:
        """Whether it is good."""


A = TypeVar("A", bound=Answer)

AT_MOST = 1_000
"""Questions that wait for their turn on one event loop; whoever comes then is not kept waiting for nothing."""


@dataclass(slots=True)
class _Questions(Generic[A]):
    """Those of one event loop that are not on their way yet, by what they are about; one at a time is on its way."""

    waiting: dict[str, asyncio.Task[tuple[Moment, A]]] = field(
        default_factory=dict[str, "asyncio.Task[tuple[Moment, A]]"]
    )
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Asking(Generic[A]):
    """Lets the authority say whether a credential is good, where nothing here proves it.

    ``ask`` blocks, and answers for the moment it is called; it is called in a thread. When it fails nobody is asked
    for ``pause`` seconds.
    """

    def __init__(self, ask: Callable[[str], A], clock: Clock, pause: float) -> None:
        self._ask = ask
        self._clock = clock
        self._pause = pause
        self._silent_until = float("-inf")
        self._questions: WeakKeyDictionary[asyncio.AbstractEventLoop, _Questions[A]] = WeakKeyDictionary()
        self._connection = threading.Lock()

    async def vouched(self, text: str) -> tuple[Moment, A]:
        """When the question was sent that found ``text`` good, and its answer. Raises Revoked; Stale where there is none."""
        questions = self._questions.setdefault(asyncio.get_running_loop(), _Questions())
        # Only a question that was not sent yet: the answer to another may be older than what we have to know.
        question = questions.waiting.get(text)
        if question is None:
            if len(questions.waiting) >= AT_MOST:
                raise Stale("too many questions are waiting for the authority")
            question = questions.waiting[text] = asyncio.create_task(self._asked(questions, text))
            question.add_done_callback(_heard)
        return await asyncio.shield(question)

    def begin_anew(self) -> None:
        """Forget the questions that are under way: a fork left behind who asks them."""
        self._questions = WeakKeyDictionary()
        self._connection = threading.Lock()

    async def _asked(self, questions: _Questions[A], text: str) -> tuple[Moment, A]:
        async with questions.turn:
            del questions.waiting[text]
            sent, said = await asyncio.to_thread(self._answer, text)
        if not said.active:
            raise Revoked("the authority says that it is not good any more")
        return sent, said

    def _answer(self, text: str) -> tuple[Moment, A]:
        with self._connection:
            sent = Moment.of(self._clock)
            if sent.lease < self._silent_until:
                raise Stale("the authority did not answer a moment ago")
            try:
                return sent, self._ask(text)
            except (Denied, StoreError) as error:  # Denied: it is our key that is refused, not whose credential it is
                self._silent_until = self._clock.lease() + self._pause
                raise Stale(f"the authority cannot be asked: {error}") from error


def _heard(question: asyncio.Task[tuple[Moment, A]]) -> None:
    """Look at how ``question`` ended: whoever asked may have gone, and then nobody else does."""
    if not question.cancelled():
        question.exception()
