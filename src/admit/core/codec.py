"""Bodies of records: JSON with a version, so that a changed type needs an upcaster and no migration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from admit.core.store import Record
from admit.errors import StoreError

T = TypeVar("T")
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]


class _Head(msgspec.Struct):
    v: int = 0


_head = msgspec.json.Decoder(_Head)
_fields = msgspec.json.Decoder(dict[str, Any])


class Codec(Generic[T]):
    """How values of one type become bodies of records of one ``kind``, and come back.

    ``upcasters`` maps a version to the function that turns the fields of that version into those of the next.
    """

    def __init__(self, kind: str, type: type[T], *, version: int = 1, upcasters: Mapping[int, Upcaster] = {}) -> None:
        self.kind = kind
        self.type = type
        self.version = version
        self._upcasters = upcasters
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(type)
        self._prefix = b'{"v":%d' % version

    def encode(self, value: T) -> bytes:
        """The body of ``value``."""
        body = self._encoder.encode(value)
        return self._prefix + (b"," if len(body) > 2 else b"") + body[1:]

    def decode(self, record: Record) -> T:
        """The value in ``record``. Raises StoreError when it cannot be read."""
        try:
            version = _head.decode(record.body).v
            if version == self.version:
                return self._decoder.decode(record.body)
            return msgspec.convert(self._upcast(version, _fields.decode(record.body)), self.type)
        except ValueError as error:  # msgspec's own, and text that is not UTF-8
            raise StoreError(f"{self.kind} {record.id!r} cannot be read: {error}") from error

    def _upcast(self, version: int, fields: dict[str, Any]) -> dict[str, Any]:
        if version > self.version:
            raise StoreError(f"this {self.kind} was written by a newer Admit (version {version}); upgrade this one")
        for step in range(version, self.version):
            if step not in self._upcasters:
                raise StoreError(f"this {self.kind} has version {version}, which this Admit cannot read any more")
            fields = self._upcasters[step](fields)
        return fields
