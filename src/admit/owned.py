"""What belongs to a subject, read together with the subject."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from admit.core.codec import Codec
from admit.core.recent import Recent
from admit.core.store import Record
from admit.ledger import Ledger
from admit.subjects import Held, Subjects

REMEMBERED = 50_000
"""Things of which it is remembered whose they are, for certain; twice as many at most, 25 MB."""

T = TypeVar("T")


class Owned(Generic[T]):
    """Reads things of one kind, each of which belongs to a subject (``owner``) for as long as it is there."""

    def __init__(self, ledger: Ledger, subjects: Subjects, codec: Codec[T], owner: Callable[[T], str]) -> None:
        self._ledger, self._subjects = ledger, subjects
        self._codec, self._owner, self._owner_of = codec, owner, Recent[str](REMEMBERED)

    async def read(self, id: str) -> tuple[T, Record, Held] | None:
        """The thing ``id`` and its subject as they were together at one moment, None where there is no such thing.

        The subject's name, which never changes, is read first, once; the pair is then read in one.
        """
        key, decode = (self._codec.kind, id), self._codec.decode
        if (subject := self._owner_of.get(id)) is None:
            [named] = await self._ledger.get(key)
            if named is None:
                return None
            subject = self._owner(decode(named))
            self._owner_of.put(id, subject)
        record, subject_record = await self._ledger.get(key, self._subjects.key(subject))
        if record is None:
            return None
        return decode(record), record, self._subjects.read(subject, subject_record)
