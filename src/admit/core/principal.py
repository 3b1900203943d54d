"""The value that verification returns: who, how proven, allowed what, until when."""

from __future__ import annotations

from enum import IntEnum

import msgspec


class Ends(IntEnum):
    """What an entry of the log may end; also the place of its id among a principal's marks."""

    SESSION = 0
    COOKIE = 1
    TOKEN = 2
    API_KEY = 3
    KEY = 4


Marks = tuple[str, str, str, str, str]


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a credential speaks for, and what it allows.

    Times are seconds since the Unix epoch. ``credential`` is the kind that was presented: ``session``,
    ``token`` or ``api_key``. ``session`` is the id that every credential of one sign-in shares.
    ``gen`` is the subject's generation when this was found true; ``marks`` are the ids whose end ends it,
    one per kind of :class:`Ends`, empty where there is none.
    """

    subject: str
    credential: str
    session: str | None
    scope: frozenset[str]
    roles: frozenset[str]
    methods: tuple[str, ...]
    authenticated_at: float
    expires_at: float
    gen: int
    marks: Marks
    client: str | None = None
