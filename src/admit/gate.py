"""How a presented text becomes a Principal: what was seen before, a look-up, and the verdict on every use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Protocol, TypeVar

from admit.core import verdict
from admit.core.log import Copy
from admit.core.presented import DOORS
from admit.core.principal import Principal, watched
from admit.core.recent import Recent
from admit.core.store import Tail
from admit.core.tally import Tallies, begun
from admit.core.verdict import Seen
from admit.core.world import Clock
from admit.errors import (
    AdmitError,
    BadCredential,
    CursorLost,
    Denied,
    Expired,
    LookUpNeeded,
    LostHistory,
    NoCredential,
    Revoked,
    Stale,
)
from admit.watch import Watch

CAPACITY = 100_000
"""How many credentials of a kind are remembered for certain; twice as many, at most."""

GONE = 5.0
"""Seconds for which a credential that a look-up refused is refused without another."""

PAGES = 1_000
"""How many pages of the log ``admit`` reads before it gives up, a thousand entries each."""

LEASES = 3
"""How often the log behind a network is read for one answer."""

V = TypeVar("V")

Moved = Callable[[bytes], bool]
"""Whether the log may hold more than what ends with the entry that bears a stamp."""

ReadOn = Callable[[], Awaitable[None]]
"""Reads the log to its end. Raises Stale, StoreError."""


class Credential(Protocol):
    """A kind of credential. Finds out whether a text is good; whether it *still* is, is the gate's to say."""

    @property
    def looked_up(self) -> bool:
        """Whether a look-up may find under a new generation what was withdrawn under an old one."""

    def verify(self, text: str, now: float) -> Seen:
        """What ``text`` proves by itself. Raises Denied, or LookUpNeeded when only the store can tell."""

    async def look_up(self, text: str, now: float) -> Seen:
        """What the store knows of ``text``. Raises Denied, StoreError."""

    async def lasts(self, who: Principal, now: float) -> float:
        """When ``who`` ends if nothing happens (Unix seconds). Raises Denied when it has, StoreError."""


class Gate:
    """Turns a text, presented at a door, into a Principal.

    ``kinds`` maps a door (``session``, ``token``) to the kind of credential that is taken there; what was found
    good at one door is not known at another. Only successes are remembered, and every use is judged anew.
    """

    def __init__(
        self,
        kinds: Mapping[str, Credential],
        copy: Copy,
        clock: Clock,
        *,
        capacity: int = CAPACITY,
        tallies: Tallies | None = None,
    ) -> None:
        self._kinds = kinds
        self._copy = copy
        self._clock = clock
        self._now = clock.now
        self._capacity = capacity
        self._seen: dict[str, Recent[Seen]] = {}
        self.forget()
        self._gone: Recent[tuple[float, str]] = Recent(capacity // 20)
        self._tail: Tail | None = None
        self._read_on: ReadOn | None = None
        self._moved: Moved = _unknown
        self._fenced: str | None = None
        self.tallies = tallies or begun({*DOORS, *kinds})
        self.seen, self._seen_by = self._at_hand()
        watch = Watch(self._look, copy, clock)
        self._over = {door: partial(watch.over, kind.lasts) for door, kind in kinds.items()}

    def open(self, tail: Tail, read_on: ReadOn | None = None) -> None:
        """Begin to verify, against the end of the log of an opened store.

        Where ``tail`` cannot read it, because a network lies between, whoever can wait has it read by ``read_on``.
        """
        self._tail = tail
        self._read_on = read_on
        self._judge_by(tail.moved)
        self._fenced = None
        self._copy.quiet_until = 0.0

    def beside(self, tail: Tail, tallies: Tallies) -> Gate:
        """A gate that knows and remembers the same, asks ``tail`` whether that is everything, and counts in ``tallies``."""
        other = Gate(self._kinds, self._copy, self._clock, capacity=self._capacity, tallies=tallies)
        other._seen, other._gone = self._seen, self._gone
        other.seen, other._seen_by = other._at_hand()
        other.open(tail)
        return other

    @property
    def fenced(self) -> str | None:
        """Why nothing is verified any more; None while all is well."""
        return self._fenced

    @property
    def behind(self) -> bool:
        """Whether the log may hold what is not known here. About 30 ns."""
        return self._moved(self._copy.stamp)

    def fence(self, reason: str) -> None:
        """Stop verifying: every call raises LostHistory from now on."""
        self._fenced = reason
        # Not the quiet time alone: a thread that is at its tick would begin another one.
        self._judge_by(_unknown)
        self._copy.quiet_until = 0.0

    def forget(self) -> None:
        """Find everything anew: what credentials are judged by has changed."""
        # Others, not the same emptied: who is finding out at this moment puts his finding where nobody looks any more.
        # In the same dict, which gates beside this one share. A guard may ask at any door what was seen there; at one
        # where nothing is taken that is nothing.
        for door in {*DOORS, *self._kinds}:
            self._seen[door] = Recent(self._capacity)

    async def catch_up(self) -> None:
        """Know all that was acknowledged before this call. Raises Stale, StoreError."""
        if self._read_on is not None:
            await self._read_on()
        else:
            await self._by_pages(self._catch_up)

    def verify(self, text: str, door: str = "token") -> Principal:
        """Whom ``text`` speaks for. Plain, without network I/O; reads the log's newest entries when it moved.

        Raises Denied; LookUpNeeded for what only the store can tell; Stale or StoreError when it cannot be
        proven that nothing newer withdrew it.
        """
        now = self._now()
        copy = self._copy
        seen = self._seen[door].young.get(text)
        if (
            seen is None
            or seen.principal.conditions is not None
            or now >= seen.until
            or not copy.quiet_from <= now < copy.quiet_until
            or self._moved(copy.stamp)
        ):
            try:
                who = self._verified(text, door)
                if who.conditions is not None:
                    raise LookUpNeeded("it has conditions, which only a request can meet: call admit()")
                return who
            except AdmitError as error:
                self.tallies[door].failed(error)
                raise
        try:
            verdict.judge(seen, copy, now)
        except Denied as denied:
            self.tallies[door].failed(denied)
            raise
        self.tallies[door].seen_before += 1
        return seen.principal

    async def admit(self, text: str, door: str = "token") -> Principal:
        """Whom ``text`` speaks for; asks the store where it must. Raises Denied, Stale, StoreError."""
        try:
            return await self.find(text, door)
        except AdmitError as error:
            self.tallies[door].failed(error)
            raise

    async def find(self, text: str, door: str) -> Principal:
        """What :meth:`admit` returns; counted when it is somebody, and what it raises is for the caller to count."""
        withdrawn: Revoked | None = None
        try:
            return await self._by_pages(partial(self._verified, text, door))
        except LookUpNeeded:
            pass
        except verdict.Outdated as outdated:
            if not self._kinds[door].looked_up:
                raise
            withdrawn = outdated
        # The second look-up is for what changed while the first was on its way.
        for _ in range(2):
            seen = await self._look_up(text, door)
            try:
                await self._by_pages(partial(self._judge, seen))
            except Expired:
                pass  # it may be used for less time than it took
            except verdict.Outdated as outdated:
                if not self._kinds[door].looked_up:
                    raise
                withdrawn = outdated
            else:
                self.tallies[door].looked_up += 1
                return seen.principal
        raise withdrawn or Stale("what was looked up could not be used")

    def watched(self, seen: Seen, door: str) -> Principal:
        """Whom ``seen``, presented at ``door``, speaks for, so that one can wait for the end."""
        return watched(seen.principal, self._over[door])

    async def judge(self, seen: Seen) -> Seen:
        """``seen``, if it still holds, known by a look at the log that begins now. Raises Denied, Stale."""
        await self.catch_up()
        verdict.judge(seen, self._copy, self._now())
        return seen

    def refuse(self, text: str, door: str, denied: Denied) -> None:
        """Remember for a while that ``text`` is not good any more, by the word of whoever knows."""
        self._seen[door].drop(text)
        self._gone.put(text, (self._clock.lease(), str(denied)))

    async def _look_up(self, text: str, door: str) -> Seen:
        """What the store knows of ``text``, remembered from now on. Raises Denied, StoreError."""
        now, sent, recent = self._now(), self._clock.lease(), self._seen[door]
        self._refuse_gone(text, sent - GONE)
        try:
            seen = await self._kinds[door].look_up(text, now)
        except Denied as denied:
            self.refuse(text, door, denied)
            raise
        # P4: somebody who asked later was answered first, and was refused.
        self._refuse_gone(text, sent)
        watched(seen.principal, self._over[door])
        recent.put(text, seen)
        return seen

    async def _by_pages(self, step: Callable[[], V]) -> V:
        """What ``step`` returns once the log was read to its end, a page each time it raises Stale."""
        for read in range(PAGES):
            try:
                return step()
            except _FurtherBehind:
                await asyncio.sleep(0)
            except Stale:
                # On a busy machine, what was proven a moment ago may be too old by the time it is looked at.
                if read >= LEASES or self._read_on is None:
                    raise
                await self._read_on()
        raise Stale("the log is too long to be read at once")

    def _verified(self, text: str, door: str) -> Principal:
        """Whom ``text`` speaks for, by what was seen before or what it proves by itself; counted when it is somebody."""
        now, recent = self._tick_if_due(), self._seen[door]
        seen = recent.get(text)
        before = seen is not None and now < seen.until
        if seen is None or not before:
            kind = self._kinds.get(door)
            if kind is None:
                raise NoCredential(f"none counts that is presented as {door!r}")
            seen = kind.verify(text, now)
            watched(seen.principal, self._over[door])
            recent.put(text, seen)
        # After whatever was waited for, never before: an end acknowledged meanwhile has moved the stamp.
        if self.behind:
            self._catch_up()
        verdict.judge(seen, self._copy, now)
        if before:
            self.tallies[door].seen_before += 1
        else:
            self.tallies[door].verified += 1
        return seen.principal

    def _judge(self, seen: Seen) -> None:
        """Return if ``seen`` still holds by all that is to be known now. Raises Denied, Stale, StoreError."""
        self._look()
        verdict.judge(seen, self._copy, self._now())

    def _judge_by(self, moved: Moved) -> None:
        """Ask ``moved`` from now on whether the log has."""
        self._moved = moved
        self._seen_by(moved)

    def _at_hand(self) -> tuple[Callable[[str, str], Principal | None], Callable[[Moved], None]]:
        """What guards ask on every request, and how it is told whom to ask whether the log moved.

        All that it looks at is at hand: in between lies the rest of a request, after which each thing that is looked
        up on the way has to come from far.
        """
        remembered, copy, clock, tallies, moved = self._seen, self._copy, self._now, self.tallies, self._moved

        def seen(text: str, door: str) -> Principal | None:
            """Whom ``text`` speaks for, if that was found before and still holds; None where ``admit`` has to say."""
            now = clock()
            found = remembered[door].young.get(text)
            if found is None or not copy.quiet_from <= now < copy.quiet_until or moved(copy.stamp):
                return None
            if (who := found.principal).conditions is not None:
                return None
            try:
                verdict.judge(found, copy, now)
            except Denied:
                return None
            tallies[door].seen_before += 1
            return who

        def judge_by(other: Moved) -> None:
            nonlocal moved
            moved = other

        return seen, judge_by

    def _refuse_gone(self, text: str, since: float) -> None:
        """Raise BadCredential if ``text`` was found gone after ``since`` (lease clock, seconds)."""
        gone = self._gone.get(text)
        if gone is not None and gone[0] > since:
            raise BadCredential(f"refused a moment ago: {gone[1]}")

    def _look(self) -> None:
        """Know what is new, as a verification would. Raises Stale, StoreError."""
        self._tick_if_due()
        if self.behind:
            self._catch_up()

    def _tick_if_due(self) -> float:
        """The time (Unix seconds), once what is to be done every second was done. Raises LostHistory."""
        now = self._now()
        if not self._copy.quiet_from <= now < self._copy.quiet_until:
            self._tick(now)
        return now

    def _tick(self, now: float) -> None:
        """Once a second: forget what can be, notice a clock that was set back and a database that was replaced."""
        # Not when fenced: a tick opens a second in which no thread looks.
        if self._fenced is None:
            if self._copy.tick(now, self._clock.lease()):
                # A finding from when the clock was ahead would outlive the memory of its end.
                self.forget()
            if self._tail is not None:
                self._checked(self._tail)
        if self._fenced is not None:
            self._copy.quiet_until = 0.0
            raise LostHistory(self._fenced)

    def _checked(self, tail: Tail) -> None:
        try:
            tail.check()
        except LostHistory as lost:
            self.fence(str(lost))
            raise

    def _catch_up(self) -> None:
        """Read the newest entries of the log, at most a thousand. Raises Stale when there are more."""
        tail, copy = self._tail, self._copy
        if tail is None:
            raise Stale("the store is not open yet")
        with copy.lock:
            if self._fenced is not None:
                raise LostHistory(self._fenced)
            if not tail.moved(copy.stamp):
                return
            try:
                page = tail.read(copy.cursor)
            except CursorLost as lost:
                if not lost.trimmed:
                    self.fence(f"the log is not the one that was followed: {lost}")
                    raise LostHistory(str(lost)) from lost
                copy.start_over()
                page = tail.read(None)
            except LostHistory as lost:
                self.fence(str(lost))
                raise
            copy.take(page, self._now(), self._clock.lease())
            if not page.end:
                raise _FurtherBehind("more than a thousand entries behind")


class _FurtherBehind(Stale):
    """A page of the log was read, and there are more."""


def _unknown(_stamp: bytes) -> bool:
    """Whether the log moved, as long as there is none to look at, or none to be trusted."""
    return True
