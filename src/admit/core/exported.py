"""The file of an export: a line of JSON for each thing, a head that names the format, an end that proves it is whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import msgspec
import pybase64

from admit.core.store import Append, Insert, Record
from admit.errors import BadInput

FORMAT = 1
"""The format that this Admit writes, and the latest that it reads."""

MAX_LINE = 1 << 24
"""Bytes of the longest line: no more is in memory at once."""


class Head(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="admit-export"):
    """The first line. ``written_at`` is a Unix time, ``by`` the version of Admit that wrote it."""

    format: int
    written_at: float
    by: str


class RecordLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="line", tag="record"):
    """A record as the store had it; ``base64`` says that its ``body`` is no text, and written so."""

    kind: str
    id: str
    version: int
    body: str
    expires_at: float | None = None
    tags: tuple[str, ...] = ()
    base64: bool = False


class EntryLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="line", tag="entry"):
    """An entry of a log; ``base64`` says that it is no text, and written so."""

    topic: str
    entry: str
    expires_at: float
    home: str
    base64: bool = False


class End(msgspec.Struct, frozen=True, kw_only=True, tag_field="line", tag="end"):
    """The last line: how many records and entries there were, and the SHA-256 of all lines before it."""

    records: int
    entries: int
    sha256: str


Line = Head | RecordLine | EntryLine | End

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


class _Format(msgspec.Struct):
    line: str
    format: int
    by: str = "?"


_format = msgspec.json.Decoder(_Format)


class Sum:
    """What the end of a file has to say of the lines before it."""

    def __init__(self) -> None:
        self._records = 0
        self._entries = 0
        self._digest = hashlib.sha256()

    def add(self, line: Line, written: bytes) -> None:
        """Count ``line``, as it is ``written``."""
        self._records += isinstance(line, RecordLine)
        self._entries += isinstance(line, EntryLine)
        self._digest.update(written)

    @property
    def end(self) -> End:
        """The last line of a file that ends here."""
        return End(records=self._records, entries=self._entries, sha256=self._digest.hexdigest())


def written(line: Line) -> bytes:
    """``line`` as it stands in the file, its end included."""
    return _encoder.encode(line) + b"\n"


def line_of(change: Insert | Append) -> RecordLine | EntryLine:
    """What a store's dump gave, as a line."""
    if isinstance(change, Append):
        text, base64 = _text(change.entry)
        return EntryLine(topic=change.topic, entry=text, expires_at=change.expires_at, home=change.home, base64=base64)
    record = change.record
    text, base64 = _text(record.body)
    return RecordLine(
        kind=record.kind,
        id=record.id,
        version=record.version,
        body=text,
        expires_at=record.expires_at,
        tags=tuple(sorted(record.tags)),
        base64=base64,
    )


def change_of(line: RecordLine | EntryLine) -> Insert | Append:
    """What a store's dump gave when ``line`` was written. Raises BadInput."""
    if isinstance(line, EntryLine):
        return Append(line.topic, _bytes(line.entry, base64=line.base64), line.expires_at, line.home)
    body = _bytes(line.body, base64=line.base64)
    return Insert(Record(line.kind, line.id, body, line.version, line.expires_at, frozenset(line.tags)))


def read(lines: Iterable[bytes]) -> Iterator[Line]:
    """Each line of a file, its head and its end among them.

    Raises BadInput for a file that is none, of a newer Admit, cut or changed; for the last two possibly only at its
    end, so that nothing counts before all was read.
    """
    total, number, ended = Sum(), 0, False
    for number, text in enumerate(lines, 1):
        if ended:
            raise _unusable("goes on behind its end")
        line = _head(text) if number == 1 else _line(text, number)
        if isinstance(line, End):
            if line != total.end:
                raise _unusable("was changed: its end tells of other lines than there are")
            ended = True
        elif isinstance(line, Head) and number > 1:
            raise _unusable(f"has another head in line {number}")
        total.add(line, text)
        yield line
    if not ended:
        raise _unusable("is cut: it has no end" if number else "is empty")


def _head(text: bytes) -> Head:
    try:
        head = _format.decode(text)
    except ValueError:
        raise _unusable("is no export of Admit") from None
    if head.line != "admit-export":
        raise _unusable("is no export of Admit")
    if head.format > FORMAT:
        raise _unusable(f"has format {head.format}, of a newer Admit ({head.by[:20]!r}): upgrade this one")
    line = _line(text, 1)
    assert isinstance(line, Head)
    return line


def _line(text: bytes, number: int) -> Line:
    if not text.endswith(b"\n"):
        raise _unusable(f"is cut in line {number}, or that line is longer than any")
    try:
        return _decoder.decode(text)
    except ValueError:
        raise _unusable(f"cannot be read in line {number}") from None


def _unusable(fault: str) -> BadInput:
    return BadInput("bad_export", f"The file {fault}.", field="file")


def _text(raw: bytes) -> tuple[str, bool]:
    try:
        return raw.decode(), False
    except UnicodeDecodeError:
        return pybase64.b64encode(raw).decode(), True


def _bytes(text: str, *, base64: bool) -> bytes:
    if not base64:
        return text.encode()
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        raise _unusable("has a line whose base64 cannot be read") from None
