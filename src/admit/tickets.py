"""Tickets: whatever may be spent once. A reset link, a second-factor step, an authorization code."""

from __future__ import annotations

import msgspec

from admit.core import secret
from admit.core.codec import Codec
from admit.core.ids import home_of, is_id, new_id, random_home
from admit.core.store import Change, Delete, Insert, Record
from admit.errors import BadCredential, Conflict, Expired, Replayed, Revoked
from admit.ledger import Ledger
from admit.subjects import Before, Proof, Subjects

PREFIX = "adm_t_"


class Ticket(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A permission to do ``purpose`` once, until ``expires_at`` (Unix seconds).

    ``gen`` is the generation its proof was begun under, or the term where there is no subject yet.
    ``note`` is for whoever minted it, and says what the ticket is good for.
    """

    id: str
    purpose: str
    digest: bytes
    gen: int
    expires_at: float
    subject: str | None = None
    methods: tuple[str, ...] = ()
    note: str = ""

    def proof(self, now: float) -> Proof:
        """The proof that a spent ticket hands on: its generation is the ticket's, not today's."""
        if self.subject is None:
            raise BadCredential(f"ticket {self.id} speaks for nobody")
        return Proof(subject=self.subject, gen=self.gen, methods=self.methods, at=now)


TICKET = Codec("ticket", Ticket)


class Tickets:
    """Mints tickets and takes them back once."""

    def __init__(self, ledger: Ledger, subjects: Subjects) -> None:
        self._ledger = ledger
        self._subjects = subjects

    async def mint(
        self,
        purpose: str,
        lifetime: float,
        before: Before | Proof | None = None,
        *,
        note: str = "",
    ) -> str:
        """The text of a new ticket, shown this once, good for ``purpose`` for ``lifetime`` seconds.

        With ``before`` it belongs to that subject and dies with the generation that was read there.
        """
        ledger = self._ledger
        now = ledger.clock.now()
        home = random_home(ledger.chance) if before is None else home_of(before.subject)
        presented = secret.new_secret(ledger.chance)
        ticket = Ticket(
            id=new_id(home, now, ledger.chance),
            purpose=purpose,
            digest=secret.digest(presented),
            gen=ledger.term if before is None else before.gen,
            expires_at=now + lifetime,
            subject=None if before is None else before.subject,
            methods=before.methods if isinstance(before, Proof) else (),
            note=note,
        )
        record = Record(TICKET.kind, ticket.id, TICKET.encode(ticket), ledger.version(), ticket.expires_at)
        await ledger.commit(Insert(record))
        return f"{PREFIX}{ticket.id}.{presented}"

    async def spend(self, text: str, purpose: str) -> Ticket:
        """The ticket in ``text``, taken: nobody else gets it, however many try at once.

        Raises BadCredential, Expired, Revoked or Replayed, which look alike from outside.
        """
        ticket, record = await self.read(text, purpose)
        await self.take(record)
        return ticket

    async def read(self, text: str, purpose: str) -> tuple[Ticket, Record]:
        """The ticket in ``text`` with its record, for :meth:`take`: it is good for nothing before. Raises what spending does."""
        id, presented = _parse(text)
        now = self._ledger.clock.now()
        [record] = await self._ledger.get((TICKET.kind, id))
        if record is None:
            raise Replayed(f"ticket {id} was spent, or never was")
        ticket = TICKET.decode(record)
        if not secret.same(ticket.digest, secret.digest(presented)) or ticket.purpose != purpose:
            raise BadCredential(f"not ticket {id} for {purpose!r}")
        if now >= ticket.expires_at:
            raise Expired(f"ticket {id} is past its time")
        # Read before the ticket is taken: what raises the floor later finds the proof's generation too low.
        if ticket.gen < await self._floor(ticket):
            raise Revoked(f"ticket {id} is from before everything ended")
        return ticket, record

    async def take(self, record: Record, *also: Change) -> None:
        """Take the ticket of ``record``, and let ``also``, which nobody else changes, be done with it. Raises Replayed."""
        try:
            await self._ledger.commit(Delete(record.kind, record.id, record.version), *also)
        except Conflict as conflict:
            raise Replayed(f"ticket {record.id} was spent at the same moment") from conflict

    async def _floor(self, ticket: Ticket) -> int:
        if ticket.subject is None:
            return self._ledger.term
        subject = await self._subjects.get(ticket.subject)
        return subject.floor if subject.active else subject.gen + 1


def _parse(text: str) -> tuple[str, str]:
    id, _, presented = text.removeprefix(PREFIX).partition(".")
    if not text.startswith(PREFIX) or not is_id(id) or len(presented) != secret.SECRET_DIGITS or not text.isascii():
        raise BadCredential("not a ticket")
    return id, presented
