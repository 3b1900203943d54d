"""Bodies of records made small: JSON that is written as Admit writes it takes a third, and comes back byte for byte."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from binascii import Error
from typing import Any

import msgspec

from admit.errors import StoreError

# Fields of the objects that a store holds many of, in the order in which they are written: those that are always there,
# and those of which a number says which are. What is kept in a store refers to these by their place: only ever add, at
# the end; there is room for none.
_SHAPES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("v", "id", "subject", "gen", "created_at", "authenticated_at", "methods", "seen_at", "idle", "ends_at"),
        ("scope", "cookie", "family", "device"),
    ),
    (("n", "digest"), ()),
    (("key_id", "counter", "current", "previous", "rotated_at"), ()),
    (("v", "gen", "floor", "app_floor", "key_floor"), ("active", "roles", "told")),
    (("v", "n"), ()),
    (
        ("v", "at", "act", "id"),
        (
            *("subject", "what", "failed", "times", "actor"),
            *("credential", "credential_id", "address", "device", "agent"),
        ),
    ),
    (
        ("v", "id", "owner", "gen", "name", "created_at", "expires_at", "digest"),
        ("used_at", "scope", "networks", "limit"),
    ),
    (("hits", "window"), ()),
)

# Texts that many records hold, alone or two with a slash between. Only ever add, at the end; there is room for 56.
_WORDS = (
    *("pwd", "otp", "mfa", "user", "admin", "link", "hwk", "swk", "rc"),
    *("Edge", "Opera", "Samsung", "Firefox", "Chrome", "Safari", "curl", "Python"),
    *("Android", "iOS", "Windows", "ChromeOS", "macOS", "Linux"),
    *("session", "token", "api_key", "operator", "sign_in", "step_up", "sign_out", "sign_out_everywhere"),
    *("session_ended", "session_displaced", "token_revoked", "password_changed", "api_key_created", "api_key_revoked"),
)

# What User-Agents have in common: a long text is kept as how it differs from this. What is kept refers to it: never change.
_AGENTS = (
    b"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148"
    b" Safari/604.1 (iPhone; CPU iPhone OS 17_0 like Mac OS X) (X11; Ubuntu; Linux x86_64; rv:120.0) Gecko/20100101"
    b" Firefox/120.0 (Linux; Android 10; K) (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    b" Chrome/120.0.0.0 Mobile Safari/537.36 Edg/120.0.0.0"
)
_PLACES = {word: place for place, word in enumerate(_WORDS)}

# The first byte of a value says what it is. 0 to 127 are the numbers themselves.
_NULL, _FALSE, _TRUE, _ID, _TAG, _END, _AGAIN, _FLOAT, _DIGEST, _PAIR = range(128, 138)
# A size follows.
_BEFORE, _WHOLE, _LATER, _UP, _DOWN, _GEN, _TEXT, _PADDED, _URL, _LIST, _OBJECT, _SQUEEZED = range(138, 150)
_FEW = 150  # lists of up to 9, their length added
_SHORT = 160  # texts of up to 31 bytes, their length added
_SHAPED = 192  # objects of a shape, its place added
_WORD = 200  # words, their place added

_DIGEST_BYTES = 16
_TICKS = 1 << 22  # in a second: as fine as a float tells the time of this century
_MAX_TICKS = 1 << 47
_TERM_BITS = 20  # a generation is the second in which a history began, and a number below 2^20

_ALPHABET = re.compile(r"[A-Za-z0-9_-]{8,4096}")
_MAX_WHOLE = 1 << 53
_LONG = 32  # bytes of a text
_MAX_SQUEEZED = 4_096
_WINDOW = 10  # bits of how far back it looks

_json = msgspec.json.Encoder()


class Near:
    """What stands beside a body, and so need not stand in it: the record's id, a tag of it, and when it expires."""

    __slots__ = ("expires_at", "id", "last", "tag")

    def __init__(self, id: str, tag: str, expires_at: float | None) -> None:
        self.id = id
        self.tag = tag
        self.expires_at = expires_at
        self.last = 0.0


def pack(body: bytes, id: str, tag: str, expires_at: float | None) -> bytes | None:
    """``body``, packed; None where it would not come back as it is."""
    out = bytearray()
    try:
        _write(out, msgspec.json.decode(body), Near(id, tag, expires_at))
        packed = bytes(out)
        return packed if len(packed) < len(body) and unpack(packed, id, tag, expires_at) == body else None
    except (ValueError, RecursionError):
        return None


def unpack(packed: bytes, id: str, tag: str, expires_at: float | None) -> bytes:
    """The body that :func:`pack` was given. Raises StoreError."""
    try:
        value, _ = _read(packed, 0, Near(id, tag, expires_at))
        return _json.encode(value)
    except (ValueError, IndexError, struct.error) as error:
        raise StoreError(f"the packed body of {id!r} cannot be read: {error}") from error


def _write(out: bytearray, value: Any, near: Near) -> None:
    match value:
        case None | bool():
            out.append(_NULL if value is None else _TRUE if value else _FALSE)
        case int():
            _write_int(out, value, near)
        case float():
            _write_float(out, value, near)
        case str():
            _write_text(out, value, near)
        case [*values]:
            _write_list(out, values, near)
        case _:
            _write_object(out, value, near)


def _write_size(out: bytearray, size: int) -> None:
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    out.append(size)


def _write_int(out: bytearray, number: int, near: Near) -> None:
    begun = 0 if near.expires_at is None else _second(near.expires_at) - (number >> _TERM_BITS)
    if 0 <= number < 128:
        out.append(number)
    elif 0 < begun < 1 << 28 <= number:
        out.append(_GEN)
        _write_size(out, begun)
        _write_size(out, number & (1 << _TERM_BITS) - 1)
    else:
        out.append(_UP if number > 0 else _DOWN)
        _write_size(out, abs(number))


def _write_float(out: bytearray, number: float, near: Near) -> None:
    end = near.expires_at
    if number == end:
        out.append(_END)
    elif number == near.last:
        out.append(_AGAIN)
    elif number.is_integer() and 0 <= number < _MAX_WHOLE:
        out.append(_WHOLE)
        _write_size(out, int(number))
    else:
        before = 0.0 if end is None else end - number
        ticks = (number - near.last) * _TICKS if near.last else 0.5
        if end is not None and 0 < before < _MAX_WHOLE and before.is_integer() and end - before == number:
            out.append(_BEFORE)
            _write_size(out, int(before))
        elif abs(ticks) < _MAX_TICKS and ticks.is_integer() and near.last + ticks / _TICKS == number:
            out.append(_LATER)
            _write_size(out, int(abs(ticks)) << 1 | (ticks < 0))
        else:
            out.append(_FLOAT)
            out += struct.pack("<d", number)
        near.last = number


def _write_text(out: bytearray, text: str, near: Near) -> None:
    if text == near.id:
        out.append(_ID)
    elif text and text == near.tag:
        out.append(_TAG)
    elif text in _PLACES:
        out.append(_WORD + _PLACES[text])
    elif (pair := text.partition("/"))[0] in _PLACES and pair[2] in _PLACES:
        out += bytes((_PAIR, _PLACES[pair[0]], _PLACES[pair[2]]))
    elif (held := _decoded(text)) is not None:
        if len(held) == _DIGEST_BYTES:
            out.append(_DIGEST)
        else:
            out.append(_PADDED)
            _write_size(out, len(held))
        out += held
    elif _ALPHABET.fullmatch(text):
        # Six bits a letter, whatever word it is.
        out.append(_URL)
        _write_size(out, len(text))
        out += base64.urlsafe_b64decode(text + "A" * (-len(text) % 4))[: _bytes_of(len(text))]
    else:
        _write_raw(out, text.encode())


def _write_raw(out: bytearray, raw: bytes) -> None:
    if len(raw) < _LONG:
        out.append(_SHORT + len(raw))
    else:
        squeezed = _squeezed(raw)
        fewer = len(squeezed) < len(raw) <= _MAX_SQUEEZED
        out.append(_SQUEEZED if fewer else _TEXT)
        raw = squeezed if fewer else raw
        _write_size(out, len(raw))
    out += raw


def _write_list(out: bytearray, values: list[Any], near: Near) -> None:
    if len(values) < 10:
        out.append(_FEW + len(values))
    else:
        out.append(_LIST)
        _write_size(out, len(values))
    for value in values:
        _write(out, value, near)


def _write_object(out: bytearray, fields: dict[str, Any], near: Near) -> None:
    names = tuple(fields)
    for place, (always, sometimes) in enumerate(_SHAPES):
        if names == (*always, *(name for name in sometimes if name in fields)):
            out.append(_SHAPED + place)
            if sometimes:
                _write_size(out, sum(1 << bit for bit, name in enumerate(sometimes) if name in fields))
            break
    else:
        out.append(_OBJECT)
        _write_size(out, len(fields))
        for name in names:
            _write_text(out, name, near)
    for value in fields.values():
        _write(out, value, near)


def _read(packed: bytes, at: int, near: Near) -> tuple[Any, int]:
    """The value that begins at ``at``, and where the next one does."""
    kind = packed[at]
    at += 1
    if kind < 128:
        return kind, at
    if kind >= _WORD:
        return _WORDS[kind - _WORD], at
    if kind >= _SHAPED:
        always, sometimes = _SHAPES[kind - _SHAPED]
        mask, at = _read_size(packed, at) if sometimes else (0, at)
        names = [*always, *(name for bit, name in enumerate(sometimes) if mask >> bit & 1)]
        return _read_fields(names, packed, at, near)
    if kind >= _SHORT:
        return packed[at : at + kind - _SHORT].decode(), at + kind - _SHORT
    if kind >= _FEW:
        return _read_values(kind - _FEW, packed, at, near)
    if kind <= _AGAIN:
        return (None, False, True, near.id, near.tag, near.expires_at, near.last)[kind - _NULL], at
    if kind == _FLOAT:
        [near.last] = struct.unpack_from("<d", packed, at)
        return near.last, at + 8
    if kind == _DIGEST:
        return _read_long_text(_PADDED, packed, at, _DIGEST_BYTES)
    if kind == _PAIR:
        return f"{_WORDS[packed[at]]}/{_WORDS[packed[at + 1]]}", at + 2
    size, at = _read_size(packed, at)
    return _read_sized(kind, size, packed, at, near)


def _read_sized(kind: int, size: int, packed: bytes, at: int, near: Near) -> tuple[Any, int]:
    """A value that begins with a number: ``size``, which ends before ``at``."""
    if kind == _BEFORE:
        near.last = (near.expires_at or 0.0) - size
        return near.last, at
    if kind == _LATER:
        near.last += (-(size >> 1) if size & 1 else size >> 1) / _TICKS
        return near.last, at
    if kind == _WHOLE:
        return float(size), at
    if kind in {_UP, _DOWN}:
        return size if kind == _UP else -size, at
    if kind == _GEN:
        number, at = _read_size(packed, at)
        return _second(near.expires_at or 0.0) - size << _TERM_BITS | number, at
    if kind == _LIST:
        return _read_values(size, packed, at, near)
    if kind == _OBJECT:
        names, at = _read_values(size, packed, at, near)
        return _read_fields(names, packed, at, near)
    return _read_long_text(kind, packed, at, size)


def _read_long_text(kind: int, packed: bytes, at: int, size: int) -> tuple[str, int]:
    end = at + (_bytes_of(size) if kind == _URL else size)
    held = packed[at:end]
    if kind == _SQUEEZED:
        held = _stretched(held)
    if kind == _URL:
        return base64.urlsafe_b64encode(held + bytes(-len(held) % 3))[:size].decode(), end
    return base64.b64encode(held).decode() if kind == _PADDED else held.decode(), end


def _read_values(size: int, packed: bytes, at: int, near: Near) -> tuple[list[Any], int]:
    values: list[Any] = []
    for _ in range(size):
        value, at = _read(packed, at, near)
        values.append(value)
    return values, at


def _read_fields(names: list[str], packed: bytes, at: int, near: Near) -> tuple[dict[str, Any], int]:
    values, at = _read_values(len(names), packed, at, near)
    return dict(zip(names, values, strict=True)), at


def _read_size(packed: bytes, at: int) -> tuple[int, int]:
    size = shift = 0
    while (byte := packed[at]) > 127:
        size |= (byte & 127) << shift
        shift += 7
        at += 1
    return size | byte << shift, at + 1


def _second(time: float) -> int:
    """The second in which ``time`` is; 0 for one that is no time of ours."""
    return int(time) if 0 <= time < _MAX_WHOLE else 0


def _bytes_of(letters: int) -> int:
    """Bytes that so many letters of six bits take."""
    return (letters * 6 + 7) // 8


def _squeezed(raw: bytes) -> bytes:
    # Of a small window, for which little memory has to be set up; all that is known beforehand fits into it.
    deflate = zlib.compressobj(9, zlib.DEFLATED, -_WINDOW, 1, zlib.Z_FIXED, _AGENTS)
    return deflate.compress(raw) + deflate.flush()


def _stretched(squeezed: bytes) -> bytes:
    try:
        return zlib.decompressobj(-_WINDOW, _AGENTS).decompress(squeezed, _MAX_SQUEEZED)
    except zlib.error as error:
        raise ValueError(str(error)) from error


def _decoded(text: str) -> bytes | None:
    """The bytes that ``text`` is the base64 of, padding and all."""
    if len(text) < 12 or len(text) % 4 or not text.isascii():
        return None
    try:
        held = base64.b64decode(text, validate=True)
    except (Error, ValueError):
        return None
    return held if base64.b64encode(held).decode() == text else None
