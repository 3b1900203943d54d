"""The value that verification returns: who, how proven, allowed what, until when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import IntEnum

import msgspec
from msgspec.structs import force_setattr

from admit.core.conditions import Conditions

FIRST_PARTY = "first-party"
"""The ``client_id`` (RFC 9068, section 2.2) of tokens that no OAuth client asked for."""


class Ends(IntEnum):
    """What an entry of the log may end; also the place of its id among a principal's marks."""

    SESSION = 0
    COOKIE = 1
    TOKEN = 2
    API_KEY = 3
    KEY = 4


Marks = tuple[str, str, str, str, str]


class Principal(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Whom a credential speaks for, and what it allows.

    Times are seconds since the Unix epoch. ``credential`` is the kind that was presented: ``session``,
    ``token`` or ``api_key``. ``session`` is the id that every credential of one sign-in shares, None for an API key,
    of which ``authenticated_at`` is 0: nobody signed in. ``roles`` are the subject's, none where a part of what they
    allow was asked for, by ``scope``.
    ``gen`` is the subject's generation when this was found true, ``client_gen`` that of its client; ``marks`` are the
    ids whose end ends it, one per kind of :class:`Ends`, empty where there is none. ``conditions`` are what each use
    has to meet beside: where there are some, only ``admit``, which sees the request, says whom it speaks for.
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
    client_gen: int = 0
    conditions: Conditions | None = None

    async def over(self) -> None:
        """Return when this ends: its credential is revoked, expires or idles for too long, or allows something else.

        For what stays open longer than a request (WebSocket, stream), which is no activity of its session. Only
        for a principal that was admitted: a copy that was pickled or changed raises TypeError.
        """
        over: Over | None = self.__dict__.get(_OVER)
        if over is None:
            raise TypeError("nobody watches this principal; wait with the one that admit() or verify() returned")
        await over(self)


Over = Callable[[Principal], Awaitable[None]]
"""Returns when a principal has ended."""

_OVER = "over by"


def watched(who: Principal, by: Over) -> Principal:
    """``who``, with ``by`` as what :meth:`Principal.over` waits for: no field, so it is in no comparison and no copy."""
    force_setattr(who, _OVER, by)
    return who
