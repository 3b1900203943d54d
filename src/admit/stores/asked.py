"""What every store refuses before it looks: changes that no store could keep as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from admit.core.ids import HOMES
from admit.core.store import Append, Change, Insert, Key, Replace
from admit.errors import StoreError

MAX_VERSION = (1 << 63) - 1

_HOMES = frozenset(HOMES)


def text(*texts: str) -> None:
    """StoreError unless all of ``texts`` are Unicode; a lone surrogate has no bytes to be kept as."""
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise StoreError(f"not Unicode text: {error.object!r}") from error


def changes(asked: Sequence[Change]) -> None:
    """StoreError unless ``asked`` can be one commit: real names, tags of the record's home, each key once."""
    keys: set[Key] = set()
    for change in asked:
        if isinstance(change, Append):
            text(change.topic)
            if change.home not in _HOMES:
                raise StoreError(f"{change.home!r} is none of the 64 homes")
            continue
        if isinstance(change, Insert | Replace):
            record = change.record
            kind, id = key = record.key
            _tags(id, record.tags)
            if not 0 <= record.version <= MAX_VERSION:
                raise StoreError(f"the version of {kind} {id!r} does not fit into 63 bits")
        else:
            kind, id = key = change.kind, change.id
        text(kind, id)
        if not id:
            raise StoreError(f"a {kind} without an id has no home")
        if key in keys:
            # Which of the two would win is a question that no two stores would answer alike.
            raise StoreError(f"one commit names {kind} {id!r} twice")
        keys.add(key)


def _tags(id: str, tags: Iterable[str]) -> None:
    for tag in tags:
        text(tag)
        if tag[:1] != id[:1]:
            raise StoreError(f"tag {tag!r} lives in another home than its record {id!r}")
