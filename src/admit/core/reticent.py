"""Values that hold what opens something, and do not tell it to whoever only looks at them."""

from __future__ import annotations

import msgspec

_OPENS = frozenset({"access_token", "cookie", "headers", "refresh_token", "text"})


class Reticent(msgspec.Struct, frozen=True):
    """Its ``repr`` leaves out what can be presented: logs and reports of errors are full of those (OPS-01, KEY-05)."""

    def __repr__(self) -> str:
        told = (f"{name}={'…' if name in _OPENS else repr(getattr(self, name))}" for name in self.__struct_fields__)
        return f"{type(self).__name__}({', '.join(told)})"
