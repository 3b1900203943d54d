"""Who follows the log of this process, and as of when each of them is known to know all that had ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from admit.core.store import Cursor, Page

UNKNOWN = float("-inf")
_ROOM = 1_000


@dataclass(slots=True)
class Told:
    """What followers were told so far: ``news``, that there was nothing new, or that their position is lost."""

    news: int = 0
    nothing: int = 0
    begin_anew: int = 0


@dataclass(slots=True)
class Follower:
    """One process that follows, by what it asked and was told (seconds of the lease clock).

    ``key`` is the name of its verifier key. All that had ended as of ``knows`` is known to it: it came back with the
    position at which the log ended then, where ``last`` is the stamp of the last entry. ``since`` is when it came, or
    what it knew before it began anew.
    """

    key: str
    asked_at: float
    since: float
    knows: float = UNKNOWN
    last: bytes = b""
    position: Cursor | None = None
    last_there: bytes = b""
    ended_there: float = UNKNOWN

    def behind(self, now: float) -> float:
        """Seconds since all that had ended was known to it; one that never was at the end is behind since it came."""
        return now - max(self.knows, self.since)


class Followers:
    """Those who asked lately: within ``lasts()`` seconds, as long as what they know may be trusted.

    They are all there are only where this process is ``alone`` in serving the log of its store. Whoever asks without a
    name of its own may be any number of processes, of which nothing is known.
    """

    def __init__(self, now: Callable[[], float], lasts: Callable[[], float], *, alone: bool) -> None:
        self._now = now
        self._alone = alone
        self._lasts = lasts
        self._known: dict[tuple[str, str], Follower] = {}
        self._room = _ROOM
        self._vouched_at = UNKNOWN
        self._since = now()
        self.told = Told()

    def asks(self, key: str, name: str, after: Cursor | None) -> Follower:
        """The follower that asks what stands behind ``after``, at this moment."""
        now = self._now()
        one = self._known.get((key, name))
        if one is None:
            if len(self._known) >= self._room:
                self._make_room(now)
            one = self._known[key, name] = Follower(key, now, now)
        one.asked_at = now
        if not name:  # any number of processes, of which nothing is known
            one.since = now
        if after is None:
            one.since, one.knows, one.last = max(one.since, one.knows), UNKNOWN, b""
        elif name and after == one.position:
            one.knows, one.last = max(one.knows, one.ended_there), one.last_there
        return one

    def answered(self, one: Follower, page: Page, as_of: float) -> None:
        """Note what ``one`` is about to be told by a read that began at ``as_of``."""
        if page.entries:
            self.told.news += 1
        else:
            self.told.nothing += 1
        if page.end:
            one.position, one.ended_there, one.last_there = page.cursor, as_of, page.stamp

    def vouched(self) -> None:
        """Note that a service asks about a credential now: what it is told counts as long as a lease."""
        self._vouched_at = self._now()

    def lately(self) -> list[Follower]:
        """Those whose last question is so young that they may still accept by what they know."""
        since = self._now() - self._lasts()
        # A copy first: others may come while this is read in another thread.
        return [one for one in list(self._known.values()) if one.asked_at >= since]

    def all_know(self, ended: float, last: bytes) -> bool:
        """Whether it is certain that nobody accepts any more what had ended at ``ended``.

        ``last`` is the stamp of the last entry of the log at that time: who was told of an end while it was being
        acknowledged knows as of a moment before, and still knows the entry.
        """
        # Who followed the process before this one, or was told of a credential, trusts that for as long.
        since = self._now() - self._lasts()
        if not self._alone or self._since >= since or self._vouched_at >= since:
            return False
        return all(one.knows > ended or one.last == last != b"" for one in self.lately())

    def begin_anew(self) -> None:
        """Forget everybody: from now on somebody else may be asked meanwhile."""
        self._known.clear()
        self._since = self._now()

    def _make_room(self, now: float) -> None:
        since = now - self._lasts()
        self._known = {name: one for name, one in self._known.items() if one.asked_at >= since}
        self._room = max(_ROOM, 2 * len(self._known))
