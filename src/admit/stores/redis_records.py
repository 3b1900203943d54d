"""What a Redis store writes under which names: a record as one string, and the keys of records, tags, logs and counters.

A key is ``<prefix>{<home>}<rest>``: what is in braces decides which node of a Cluster keeps it.

    {a}s:<id>          a record, by its id without the home        {a}s/<tag>         ids of those who bear a tag,
                                                                                   and what is kept of them all
    {a}revocations#    a log; {*} where there is one for all       {a}late            what is left to purge
    {a}!<counter>      a counter                                   {a}topics          the logs there are
    {a}read            what readers write, to wait until replicas have what came before it

A record is 8 bytes of version; a byte with the number of its tags, 64 for a body that is not packed and 128 if it
expires; 8 bytes of when; each tag without its home, its length before it; and the body. The scripts read it too.
"""

from __future__ import annotations

import re
import struct
from urllib.parse import unquote

import pybase64

from admit.core.ids import HOMES
from admit.core.store import LATE, Key, Record
from admit.errors import StoreError
from admit.stores.packed import pack, unpack

MAX_TAGS = 63

ALL = "*"
"""The home of a log that is one for all homes."""

_RAW = 64
_EXPIRES = 128
_LONG = 255  # where a byte says this, the length follows in four
_FOR_GOOD = 1e11  # seconds: beyond the year 5000 nothing expires
_HOMES = frozenset(HOMES)
_SHORT = {"session": "s", "subject": "u", "ticket": "t", "audit": "a", "api_key": "k"}
# An id of ours behind its home; and one that is a text itself, as the id of an account is, behind another home.
_OURS = re.compile(r"[0-9A-Za-z_-]{21,22}")
_NAMED = 24  # letters, with those before that come to nothing
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_FROM_OURS = bytes.maketrans(HOMES.encode(), _BASE64)
_TO_OURS = bytes.maketrans(_BASE64, HOMES.encode())
# What is kept of all records of a kind that bear a tag, by the tag: it lies in their index, and so takes no key of its own.
_WITHIN = {"places": "session"}
_OF_ALL = {of: kind for kind, of in _WITHIN.items()}
_MINUTE = 60.0
_SIGNS = (b":", b"/", b"#", b"!")  # one of them ends a kind, and says what lies there
_LONG_NAMES = {short: kind for kind, short in _SHORT.items()}


def record_key(prefix: str, key: Key) -> bytes:
    """The key of a record."""
    kind, id = key
    if kind in _WITHIN:
        return tag_key(prefix, _WITHIN[kind], id)
    return f"{prefix}{{{tag_of(id)}}}{_name(kind)}:".encode() + rest(id)


def tag_key(prefix: str, kind: str, tag: str) -> bytes:
    """The key of the ids of those records of ``kind`` that bear ``tag``."""
    return f"{prefix}{{{tag_of(tag)}}}{_name(kind)}/".encode() + rest(tag)


def log_key(prefix: str, home: str, topic: str) -> bytes:
    """The key of the log ``topic`` of ``home``."""
    return f"{prefix}{{{home}}}{_escaped(topic)}#".encode()


def home_key(prefix: str, home: str, name: str) -> bytes:
    """The key of what a home has one of: ``late``, ``topics``, ``read``."""
    return f"{prefix}{{{home}}}{name}".encode()


def counter_key(prefix: str, home: str, key: str, window: float, number: int) -> bytes:
    """The key of a counter."""
    return f"{prefix}{{{home}}}!{window:g}.{number}.{key}".encode()


def key_of(prefix: str, name: bytes) -> Key | None:
    """The key of the record that is kept under ``name``; None if something else is."""
    opened, _, tagged = name.removeprefix(prefix.encode()).partition(b"{")
    tag, _, named = tagged.partition(b"}")
    at = min((named.index(sign) for sign in _SIGNS if sign in named), default=len(named))
    sign, rest_of_it = named[at : at + 1], named[at + 1 :]
    if opened or sign not in {b":", b"/"}:
        return None
    home, short = tag.decode(), named[:at].decode()
    if home.startswith("%"):
        home = bytes.fromhex(home[1:]).decode()
    kind = _LONG_NAMES.get(short) or unquote(short)
    if sign == b"/":
        return (_OF_ALL[kind], id_of(home, rest_of_it)) if kind in _OF_ALL else None
    return kind, id_of(home, rest_of_it)


def topic_of(name: bytes) -> str:
    """The topic of a log."""
    return unquote(name.rpartition(b"}")[2].decode()[:-1])


def version_bytes(version: int) -> bytes:
    """A version, as a record begins with it."""
    return version.to_bytes(8)


def written(record: Record) -> bytes:
    """``record``, but for its key. Raises StoreError."""
    tags = sorted(record.tags)
    most = 0 if record.kind in _WITHIN else MAX_TAGS
    if len(tags) > most:
        raise StoreError(f"{record.kind} {record.id!r} bears {len(tags)} tags, and {most} can be kept")
    packed = pack(record.body, record.id, tags[-1][1:] if tags else "", record.expires_at)
    head = len(tags) | (_RAW if packed is None else 0) | (0 if record.expires_at is None else _EXPIRES)
    out = bytearray(version_bytes(record.version))
    out.append(head)
    if record.expires_at is not None:
        out += struct.pack("<d", record.expires_at)
    for tag in tags:
        raw = rest(tag)
        out += bytes((len(raw),)) if len(raw) < _LONG else struct.pack(">BI", _LONG, len(raw))
        out += raw
    return bytes(out + (record.body if packed is None else packed))


def read(key: Key, value: bytes) -> Record:
    """The record that was written. Raises StoreError."""
    kind, id = key
    try:
        head, at, expires_at = value[8], 9, None
        if head & _EXPIRES:
            [expires_at] = struct.unpack_from("<d", value, at)
            at += 8
        tags: list[str] = []
        for _ in range(head & MAX_TAGS):
            size, at = value[at], at + 1
            if size == _LONG:
                [size] = struct.unpack_from(">I", value, at)
                at += 4
            tags.append(id_of(id[0], value[at : at + size]))
            at += size
    except (IndexError, ValueError, struct.error) as error:
        raise StoreError(f"{kind} {id!r} is not as Admit writes it: {error}") from error
    body = value[at:] if head & _RAW else unpack(value[at:], id, tags[-1][1:] if tags else "", expires_at)
    return Record(kind, id, body, int.from_bytes(value[:8]), expires_at, frozenset(tags))


def until(record: Record, now: float) -> bytes:
    """When Redis may throw it away, in milliseconds: nothing for never, "late" for what it would throw away at once."""
    if record.expires_at is None or not record.expires_at < _FOR_GOOD:
        return b""
    end = record.expires_at + LATE
    if record.kind in _WITHIN:
        end = max(end, now + _MINUTE)
    # A second, so that it is not gone before the script has done with it.
    return b"late" if end < now + 1 else b"%d" % int(end * 1000 + 1)


def rest(id: str) -> bytes:
    """What names ``id`` in its home: 16 or 17 bytes instead of 21 or 22 letters where it is one of ours.

    They begin as no text in UTF-8 does, so that no other id is kept under the same name.
    """
    text = id[1:]
    if _OURS.fullmatch(text):
        named = pybase64.b64decode(text.encode().translate(_FROM_OURS).rjust(_NAMED, b"A"))
        size = len(text) - 5
        return bytes((named[-size] | 128,)) + named[1 - size :]
    return text.encode()


def id_of(home: str, rest: bytes) -> str:
    """The id in ``home`` that ``rest`` names."""
    if len(rest) not in {16, 17} or rest[0] >> 6 != 2:
        return home + rest.decode()
    named = pybase64.b64encode((bytes((rest[0] & 63,)) + rest[1:]).rjust(18, b"\0"))
    return home + named[-len(rest) - 5 :].translate(_TO_OURS).decode()


def tag_of(id: str) -> str:
    """What stands in the braces of the key of ``id``: its home, unless that is none of the 64."""
    home = id[:1]
    return home if home in _HOMES else f"%{home.encode().hex()}"


def _name(kind: str) -> str:
    if kind in _LONG_NAMES:
        return f"%{kind.encode().hex()}"
    return _SHORT.get(kind) or _escaped(kind)


def _escaped(text: str) -> str:
    for sign in "%:/#!":
        text = text.replace(sign, f"%{ord(sign):x}")
    return text
