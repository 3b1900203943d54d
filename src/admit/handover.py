"""Handovers: a session presented at another host of the same service, by a cookie that is good there alone."""

from __future__ import annotations

import hmac
from typing import Final

from admit.core import secret
from admit.core.audit import Act
from admit.core.cookie import CookieRule
from admit.core.ids import is_id
from admit.core.presented import COOKIE
from admit.core.principal import Principal
from admit.core.secret import Master
from admit.core.session_cookie import Cookie
from admit.core.verdict import Seen
from admit.errors import BadCredential, Denied, LookUpNeeded, Revoked
from admit.ledger import Ledger
from admit.sessions import Session, Sessions
from admit.subjects import Before
from admit.tickets import Ticket, Tickets

PREFIX: Final = "adm_h_"
HOST = "host"
"""The door at which such a cookie is taken, as ``<origin> <cookie>``: what is good at one host is unknown at another."""

LIFE = 60.0
"""Seconds that a browser has to come to the other host."""

_PURPOSE = "host cookie"
_MAC_BYTES = 16
_MAC_DIGITS = 22


class Handovers:
    """Hands a session over to another host: by a ticket that is spent once, to the browser that came from there.

    What is kept there is ``adm_h_<key id>.<session>.<number>.<mac>``. It is made of the key and of what the store keeps
    of the session's own cookie, so that neither of them forges one; it ends with that cookie, and nothing is stored for it.
    """

    looked_up = True

    def __init__(
        self, ledger: Ledger, sessions: Sessions, tickets: Tickets, master: Master, cookies: CookieRule
    ) -> None:
        self._ledger = ledger
        self._sessions = sessions
        self._tickets = tickets
        self._master = master
        self._cookies = cookies

    async def begin(self, session: Session, origin: str, browser: str) -> str:
        """The text of a ticket, for the browser that keeps what ``browser`` is the digest of, to ``origin``.

        Raises Revoked for a session that no cookie presents.
        """
        if session.cookie is None:
            raise Revoked(f"session {session.id} has no cookie")
        note = f"{session.id} {session.cookie.n} {browser}"
        before = Before(subject=session.subject, gen=session.gen, active=True, at=self._ledger.clock.now())
        return await self._tickets.mint(_purpose(origin), LIFE, before, note=note)

    async def finish(self, ticket: str, origin: str, kept: str) -> str:
        """The Set-Cookie line for ``origin``, for the browser that keeps ``kept``. Raises BadCredential, StoreError."""
        spent, record = await self._tickets.read(ticket, _purpose(origin))
        try:
            session, cookie = await self._handed_over(spent, kept)
        except Denied:
            await self._tickets.take(record)  # whoever tries it with another browser has had it
            raise
        whose, id = session.subject, session.id
        noted = self._ledger.noted(Act.SESSION_HANDED_OVER, whose, what=id, actor=whose)
        await self._tickets.take(record, *noted)
        begun = f"{self._master.current}.{id}.{cookie.n}"
        text = f"{PREFIX}{begun}.{self._mac(origin, begun, cookie)}"
        return self._cookies.line(text, session.ends_at - self._ledger.clock.now())

    async def _handed_over(self, ticket: Ticket, kept: str) -> tuple[Session, Cookie]:
        """The session that ``ticket`` hands to the browser that keeps ``kept``, and its cookie. Raises Denied."""
        id, n, browser = ticket.note.split(" ")
        if not hmac.compare_digest(browser, digest(kept)):
            raise BadCredential("the ticket was made for another browser")
        session = await self._sessions.get(id)
        if session is None or session.cookie is None or session.cookie.n != int(n):
            raise Revoked(f"session {id} is over, or has another cookie by now")
        return session, session.cookie

    def verify(self, text: str, now: float) -> Seen:  # noqa: ARG002 - no time makes a cookie prove itself
        """Never says yes, as with a session's own cookie. Raises BadCredential, LookUpNeeded."""
        _parse(text)
        raise LookUpNeeded("a cookie of another host not seen before")

    async def look_up(self, text: str, now: float) -> Seen:
        """What the store knows of the session behind it; notes the activity. Raises BadCredential, Revoked, Expired."""
        origin, begun, id, n, mac = _parse(text)

        def proves(kept: Cookie) -> bool:
            right = self._mac(origin, begun, kept)
            # Under a master secret that is not in the list nothing is right, least of all no proof at all.
            return right is not None and hmac.compare_digest(mac, right)

        return await self._sessions.found(id, n, proves, now)

    async def lasts(self, who: Principal, now: float) -> float:
        """When the session of ``who`` ends unless it is used (Unix seconds)."""
        return await self._sessions.lasts(who, now)

    def _mac(self, origin: str, begun: str, kept: Cookie) -> str | None:
        """What proves ``begun`` at ``origin``; None where its master secret is gone."""
        key = self._master.key(_PURPOSE, begun.partition(".")[0])
        if key is None:
            return None
        return secret.written(hmac.digest(key, f"{origin} {begun} ".encode() + kept.digest, "sha256")[:_MAC_BYTES])


def digest(kept: str) -> str:
    """What a host tells of the secret that a browser keeps there until the session is handed over."""
    return secret.written(secret.digest(kept))


def at(origin: str | None, text: str) -> tuple[str, str]:
    """The door and the text of a cookie that was presented at ``origin``, behind a gateway; at our own where there is none."""
    return (COOKIE, text) if origin is None or not text.startswith(PREFIX) else (HOST, f"{origin} {text}")


def _purpose(origin: str) -> str:
    return f"hand over to {origin}"


def _parse(text: str) -> tuple[str, str, str, int, str]:
    """Origin, what is proven, session, number and proof. Raises BadCredential."""
    origin, _, cookie = text.partition(" ")
    begun, _, mac = cookie.removeprefix(PREFIX).rpartition(".")
    fields = begun.split(".")
    if not cookie.startswith(PREFIX) or len(fields) != 3 or len(mac) != _MAC_DIGITS or not text.isascii():
        raise BadCredential("not a cookie of another host")
    _, id, n = fields
    if not is_id(id) or not n.isdecimal() or n[0] == "0" or len(n) > 9:
        raise BadCredential("not a cookie of another host")
    return origin, begun, id, int(n), mac
