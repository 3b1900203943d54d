"""Subjects: whom credentials speak for, and the generations by which whole groups of credentials end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from admit.core.audit import Act
from admit.core.codec import Codec
from admit.core.ids import anchor, subject_id
from admit.core.store import Change, Insert, Key, Record, Replace
from admit.errors import BadInput, Revoked
from admit.ledger import Ledger

MAX_ROLES = 64
MAX_ROLE_LENGTH = 64


class Subject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of a subject.

    ``gen`` is raised by every change that must be noticed. What was proven under a lower generation than a
    floor is over: ``floor`` for first-party sessions, ``app_floor`` for sessions with a client, ``key_floor``
    for API keys. ``told`` is the last change of its account that it learnt of, where that has a store of its own.
    """

    gen: int
    floor: int
    app_floor: int
    key_floor: int
    active: bool = True
    roles: tuple[str, ...] = ()
    told: str = ""

    def signed_out(self) -> Subject:
        """Signed out everywhere: first-party sessions end, connected apps and API keys stay."""
        gen = self.gen + 1
        return msgspec.structs.replace(self, gen=gen, floor=gen)

    def proof_changed(self) -> Subject:
        """A password or factor was changed by its owner: every session ends, API keys stay."""
        gen = self.gen + 1
        return msgspec.structs.replace(self, gen=gen, floor=gen, app_floor=gen)

    def proof_reset(self) -> Subject:
        """A password was set by somebody else than its knower: everything ends, API keys too."""
        gen = self.gen + 1
        return msgspec.structs.replace(self, gen=gen, floor=gen, app_floor=gen, key_floor=gen)

    def disabled(self) -> Subject:
        """Every session ends and none can start; API keys are suspended."""
        return msgspec.structs.replace(self.proof_changed(), active=False)

    def enabled(self) -> Subject:
        """Sessions can start again; none comes back by itself, not even one begun while disabled."""
        return msgspec.structs.replace(self.proof_changed(), active=True)

    def with_roles(self, roles: Iterable[str]) -> Subject:
        """Other roles: tokens are minted anew, sessions live on."""
        return msgspec.structs.replace(self, gen=self.gen + 1, roles=checked_roles(roles))


SUBJECT = Codec("subject", Subject)

Event = Callable[[Subject], Subject]
"""What happens to a subject: one of the methods of :class:`Subject` that return another."""

_ACTS: Mapping[Event, Act] = {
    Subject.signed_out: Act.SIGN_OUT_EVERYWHERE,
    Subject.proof_changed: Act.PASSWORD_CHANGED,
    Subject.proof_reset: Act.PASSWORD_RESET,
    Subject.disabled: Act.ACCOUNT_DISABLED,
    Subject.enabled: Act.ACCOUNT_ENABLED,
}


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody is ``subject``: how (``methods``, RFC 8176), when (Unix seconds), and under which generation."""

    subject: str
    gen: int
    methods: tuple[str, ...]
    at: float


class Before(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a subject before anything that its proof is checked against was read.

    A proof inherits this generation. Were the generation read later, a sign-in with the old password could
    overtake the change of the password and survive it.
    """

    subject: str
    gen: int
    active: bool
    at: float

    def proven(self, *methods: str) -> Proof:
        """The proof, once ``methods`` (``pwd``, ``otp``, …) have succeeded. Raises Revoked for a disabled subject."""
        if not self.active:
            raise Revoked(f"subject {self.subject!r} is disabled")
        return Proof(subject=self.subject, gen=self.gen, methods=methods, at=self.at)


@dataclass(frozen=True, slots=True)
class Held:
    """A subject as it was read, ready to be changed in somebody's commit."""

    id: str
    subject: Subject
    record: Record | None


class Subjects:
    """Reads and changes subjects. One that was never written reads as active, without roles, in this term."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @staticmethod
    def key(id: str) -> Key:
        """The key of the subject's record."""
        return SUBJECT.kind, anchor(id)

    async def before(self, id: str) -> Before:
        """The subject's generation, to be read before anything its proof is checked against. Raises BadInput."""
        at = self._ledger.clock.now()
        held = await self.held(id)
        return Before(subject=id, gen=held.subject.gen, active=held.subject.active, at=at)

    async def get(self, id: str) -> Subject:
        """The subject ``id`` as it counts now. Raises BadInput."""
        return (await self.held(id)).subject

    async def held(self, id: str) -> Held:
        """The subject ``id``, ready to be changed. Raises BadInput."""
        [record] = await self._ledger.get(self.key(subject_id(id)))
        return self.read(id, record)

    def read(self, id: str, record: Record | None) -> Held:
        """The subject in ``record``, with no floor of sessions below the term of this history."""
        term = self._ledger.term
        if record is None:
            return Held(id, Subject(gen=term, floor=term, app_floor=term, key_floor=0), None)
        kept = SUBJECT.decode(record)
        subject = msgspec.structs.replace(
            kept,
            gen=max(kept.gen, term),
            floor=max(kept.floor, term),
            app_floor=max(kept.app_floor, term),
            # Not that of API keys: those of an older term are suspended, and may be confirmed unless they had ended.
        )
        return Held(id, subject, record)

    def changed(self, held: Held, subject: Subject) -> tuple[Change, ...]:
        """The changes that make ``held`` into ``subject`` and tell, for one commit."""
        body = SUBJECT.encode(subject)
        record = Record(SUBJECT.kind, anchor(held.id), body, self._ledger.version())
        change = Insert(record) if held.record is None else Replace(record, held.record.version)
        return change, self._ledger.raised(held.id, subject.gen)

    async def change(self, id: str, event: Event) -> Subject:
        """Let ``event`` happen to the subject ``id`` and tell, in one commit; the subject after it. Raises BadInput."""

        async def attempt() -> Subject:
            held = await self.held(id)
            subject = event(held.subject)
            others = Act.SUBJECT_CHANGED if subject.roles == held.subject.roles else Act.ROLES_CHANGED
            noted = self._ledger.noted(_ACTS.get(event, others), id)
            await self._ledger.commit(*self.changed(held, subject), *noted)
            return subject

        return await self._ledger.decide(attempt)


def checked_roles(roles: Iterable[str]) -> tuple[str, ...]:
    """``roles`` in order, each once. Raises BadInput unless each is 1 to 64 visible ASCII characters."""
    ordered = tuple(sorted(set(roles)))
    if len(ordered) > MAX_ROLES:
        raise BadInput("bad_role", f"A subject has at most {MAX_ROLES} roles.", field="roles")
    for role in ordered:
        if not 0 < len(role) <= MAX_ROLE_LENGTH or not all("!" <= character <= "~" for character in role):
            fault = f"A role is 1 to {MAX_ROLE_LENGTH} visible ASCII characters, without spaces."
            raise BadInput("bad_role", fault, field="roles")
    return ordered
