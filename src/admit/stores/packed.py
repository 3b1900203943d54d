"""Bodies of records made small: JSON that is written as Admit writes it takes a third, and comes back byte for byte."""

from __future__ import annotations

import base64
import re
import struct
from binascii import Error
from typing import Any

import msgspec

from admit.errors import StoreError

# Fields of the objects that a store holds many of, in the order in which they are written: what is there is a mask.
# What is kept in a store refers to these by their place: only ever add, at the end.
_SHAPES: tuple[tuple[str, ...], ...] = (
    (
        *("v", "id", "subject", "gen", "created_at", "authenticated_at", "methods", "seen_at", "idle", "ends_at"),
        *("scope", "cookie", "family", "device"),
    ),
    ("n", "digest"),
    ("key_id", "counter", "current", "previous", "rotated_at"),
    ("v", "gen", "floor", "app_floor", "key_floor", "active", "roles"),
)

# Texts that many records hold. Only ever add, at the end.
_WORDS = ("pwd", "otp", "mfa", "user", "admin", "link", "hwk", "swk", "rc")

# The first byte of a value says what it is. 0 to 127 are the numbers themselves.
_NULL, _FALSE, _TRUE, _ID, _TAG, _END, _AGAIN, _BEFORE, _WHOLE, _FLOAT, _UP, _DOWN = range(128, 140)
_TEXT, _PADDED, _URL, _LIST, _OBJECT, _WORD = range(140, 146)
_FEW = 150  # lists of up to 9, their length added
_SHORT = 160  # texts of up to 31 bytes, their length added
_SHAPED = 192  # objects of a shape, its place added

_ALPHABET = re.compile(r"[A-Za-z0-9_-]{8,4096}")
_MAX_WHOLE = 1 << 53

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
            _write_int(out, value)
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


def _write_int(out: bytearray, number: int) -> None:
    if 0 <= number < 128:
        out.append(number)
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
        near.last = number
        before = 0.0 if end is None else end - number
        if end is not None and 0 < before < _MAX_WHOLE and before.is_integer() and end - before == number:
            out.append(_BEFORE)
            _write_size(out, int(before))
        else:
            out.append(_FLOAT)
            out += struct.pack("<d", number)


def _write_text(out: bytearray, text: str, near: Near) -> None:
    if text == near.id:
        out.append(_ID)
    elif text and text == near.tag:
        out.append(_TAG)
    elif text in _WORDS:
        out.append(_WORD)
        out.append(_WORDS.index(text))
    elif (held := _decoded(text)) is not None:
        out.append(_PADDED)
        _write_size(out, len(held))
        out += held
    elif _ALPHABET.fullmatch(text):
        # Six bits a letter, whatever word it is.
        out.append(_URL)
        _write_size(out, len(text))
        out += base64.urlsafe_b64decode(text + "A" * (-len(text) % 4))[: _bytes_of(len(text))]
    else:
        raw = text.encode()
        if len(raw) < 32:
            out.append(_SHORT + len(raw))
        else:
            out.append(_TEXT)
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
    for place, shape in enumerate(_SHAPES):
        if names == tuple(name for name in shape if name in fields):
            out.append(_SHAPED + place)
            out += sum(1 << bit for bit, name in enumerate(shape) if name in fields).to_bytes(_mask(shape), "little")
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
    if kind >= _SHAPED:
        shape = _SHAPES[kind - _SHAPED]
        end = at + _mask(shape)
        mask = int.from_bytes(packed[at:end], "little")
        return _read_fields([name for bit, name in enumerate(shape) if mask >> bit & 1], packed, end, near)
    if kind >= _SHORT:
        return packed[at : at + kind - _SHORT].decode(), at + kind - _SHORT
    if kind >= _FEW:
        return _read_values(kind - _FEW, packed, at, near)
    if kind <= _AGAIN:
        return (None, False, True, near.id, near.tag, near.expires_at, near.last)[kind - _NULL], at
    if kind == _FLOAT:
        [near.last] = struct.unpack_from("<d", packed, at)
        return near.last, at + 8
    size, at = _read_size(packed, at)
    if kind == _BEFORE:
        near.last = (near.expires_at or 0.0) - size
        return near.last, at
    if kind == _WHOLE:
        return float(size), at
    if kind == _WORD:
        return _WORDS[size], at
    if kind in {_UP, _DOWN}:
        return size if kind == _UP else -size, at
    if kind == _LIST:
        return _read_values(size, packed, at, near)
    if kind == _OBJECT:
        names, at = _read_values(size, packed, at, near)
        return _read_fields(names, packed, at, near)
    return _read_long_text(kind, packed, at, size)


def _read_long_text(kind: int, packed: bytes, at: int, size: int) -> tuple[str, int]:
    end = at + (_bytes_of(size) if kind == _URL else size)
    held = packed[at:end]
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


def _mask(shape: tuple[str, ...]) -> int:
    """Bytes of the mask that says which fields of ``shape`` are there."""
    return 1 if len(shape) <= 8 else 2


def _bytes_of(letters: int) -> int:
    """Bytes that so many letters of six bits take."""
    return (letters * 6 + 7) // 8


def _decoded(text: str) -> bytes | None:
    """The bytes that ``text`` is the base64 of, padding and all."""
    if len(text) < 12 or len(text) % 4 or not text.isascii():
        return None
    try:
        held = base64.b64decode(text, validate=True)
    except (Error, ValueError):
        return None
    return held if base64.b64encode(held).decode() == text else None
