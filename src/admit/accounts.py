"""Accounts: who may sign in here, by e-mail address and password."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

from admit.audit import Audit
from admit.core.audit import Act
from admit.core.email import canonical
from admit.core.ids import HOMES, LENGTH, anchor, new_id
from admit.core.password import SINGLE_FACTOR, PasswordPolicy, words_of
from admit.core.store import PURGE_AT_MOST, Change, Cursor, Delete, Insert, Key, Record, Replace
from admit.errors import BadCredential, BadInput, ConfigError, Conflict, Expired, Revoked, StoreUnavailable, TooMany
from admit.hashing import Hashing
from admit.kept import ACCOUNT, EMAIL, SWEEP, Kept, Owner, Sweep
from admit.ledger import TRIES, Ledger
from admit.sessions import Session, Sessions, Started
from admit.subjects import Before, Held, Proof, Subjects, checked_roles
from admit.untold import Untold

_ALL = anchor("accounts")
_UNTOLD = f"{_ALL[0]}untold"
_NOBODY = _ALL[0].ljust(LENGTH, HOMES[0])  # an id as it would have been made in 1970


_RESTLESS = f"{TRIES} changes of one account in a row"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Who may sign in here. ``id`` is the subject's too; ``created_at`` is in Unix seconds.

    A ``service`` account has nobody behind it: it never signs in, and acts by API keys alone.
    """

    id: str
    email: str
    created_at: float
    service: bool = False


Remove = Callable[[str, int], Awaitable[int]]
"""Removes up to so many things of a subject all of whose credentials are over; how many there were."""

SignUp = Literal["open", "closed"]
"""Who may make an account over HTTP: everybody, or nobody but an operator."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of accounts. ``after`` continues the list, None when it is over."""

    accounts: tuple[Account, ...]
    after: Cursor | None


class Own(NamedTuple):
    """The session of whoever changes his password, which goes on, and whether he came by a token of it."""

    session: Session
    by_token: bool


class Accounts:
    """Creates and finds accounts, proves passwords and changes them. There is none that nobody created.

    They may lie in another store than all else, ``apart``. On a partitioned store whatever goes by e-mail address
    raises ConfigError. ``removed`` removes what a deleted one had beside its sessions.
    """

    def __init__(
        self,
        ledger: Ledger,
        subjects: Subjects,
        sessions: Sessions,
        hashing: Hashing,
        audit: Audit,
        policy: PasswordPolicy = SINGLE_FACTOR,
        *,
        apart: bool = False,
        removed: Sequence[Remove] = (),
    ) -> None:
        self._ledger = ledger
        self._subjects = subjects
        self._sessions = sessions
        self._hashing = hashing
        self._audit = audit
        self._apart = apart
        self._removed = (sessions.remove, *removed)
        self.policy = policy

    async def create(
        self,
        email: str,
        password: str | None = None,
        *,
        phc: str | None = None,
        roles: Iterable[str] = (),
        service: bool = False,
    ) -> Account:
        """A new account and its subject; ``phc`` is a password that was hashed already.

        One for a ``service`` has none. Raises BadInput (``email_taken`` …), TooMany.
        """
        email = canonical(email)
        if service and (password is not None or phc is not None):
            raise _of_a_service()
        roles = checked_roles(roles)
        phc = phc if password is None else await self._hashing.hash(self.policy.judge(password, words_of(email)))
        ledger = self._ledger
        now = ledger.clock.now()
        account = Account(id=new_id(_ALL[0], now, ledger.chance), email=email, created_at=now, service=service)

        async def attempt() -> Account:
            if await self._owner(email) is not None:
                raise BadInput("email_taken", "There is an account with this e-mail address already.", field="email")
            owner = Record(EMAIL.kind, anchor(email), EMAIL.encode(Owner(account.id)), ledger.version())
            untold = Untold(event="created", roles=roles)
            kept = Kept(email=email, created_at=now, password=phc, untold=untold, service=service)
            await self._change(account.id, None, kept, Insert(owner))
            return account

        return await ledger.decide(attempt)

    def judge(self, email: str, password: str) -> None:
        """Return if ``password`` may be chosen for an account with this address. Raises BadInput.

        An address that is none is known by no words, and is for :meth:`create` to refuse.
        """
        try:
            words = words_of(canonical(email))
        except BadInput:
            words = ()
        self.policy.judge(password, words)

    async def get(self, id: str) -> Account | None:
        """The account ``id``, or None."""
        met = await self._met(id)
        return None if met is None else _account(met[0])

    async def by_email(self, email: str) -> Account | None:
        """The account whose address ``email`` is, in any spelling, or None. Raises BadInput."""
        id = await self._owner(canonical(email))
        return None if id is None else await self.get(id)

    async def find(self, *, after: Cursor | None = None, limit: int = 100) -> Listed:
        """A page of all accounts."""
        found = await self._ledger.find(ACCOUNT.kind, _ALL, after=after, limit=limit)
        return Listed(tuple(map(_account, found.records)), found.after)

    async def sign_in(self, email: str, password: str) -> Proof:
        """The proof that somebody knows the password of an account.

        Raises BadCredential, after the same work, when there is no such account, it is disabled or has no
        password, or the password is wrong; BadInput for what can be no address or password; TooMany.
        """
        prepared, email = self.policy.prepare(password), canonical(email)
        before, record, kept = await self._presented(email)
        phc = kept.password if kept is not None and before.active else None
        try:
            await self._hashing.verify(prepared, phc)
        except BadCredential:
            why = "no_account" if kept is None else "wrong_password" if phc else "may_not_sign_in"
            await self._audit.failed(Act.SIGN_IN, "" if kept is None else before.subject, why, known_by=email)
            raise
        proof = before.proven("pwd")
        if record is not None and kept is not None and phc is not None and self._hashing.outgrown(phc):
            await self._rehash(record, kept, prepared)
        return proof

    async def change_password(self, session: Session, current: str, new: str, *, by_token: bool = False) -> Started:
        """Replace the password of the holder of ``session``, which goes on with another cookie; all others end.

        The session's refresh tokens end too, unless he came ``by_token``: then they go on, and its cookie ends.
        Raises BadInput (``wrong_password`` when ``current`` is not right), Revoked, Expired, TooMany.
        """
        id = session.subject
        presented = self.policy.prepare(current)
        chosen = self.policy.judge(new, await self._about(id))

        async def attempt() -> Started:
            # Made anew after a Conflict, the check of the present password too: somebody else may have changed it.
            record, kept = await self._kept(id)
            try:
                await self._hashing.verify(presented, kept.password)
            except BadCredential:
                await self._audit.failed(Act.PASSWORD_CHANGED, id, "wrong_password", known_by=id)
                raise BadInput("wrong_password", "This is not your present password.", field="current") from None
            phc = await self._hashing.hash(chosen)
            changed = msgspec.structs.replace(kept, password=phc, untold=Untold(event="changed"))
            started = await self._change(id, record, changed, own=Own(session, by_token))
            if started is None:  # somebody met the mark, and did not know whom to spare
                raise Revoked(f"the password of {id!r} is changed, and session {session.id} is over with all others")
            return started

        return await self._ledger.decide(attempt)

    async def set_password(self, id: str, new: str) -> None:
        """Give the account ``id`` another password without knowing the present one; all that it has open ends.

        Raises BadInput (``no_account`` …), TooMany.
        """
        phc = await self._hashing.hash(self.policy.judge(new, await self._about(id)))

        async def attempt() -> None:
            record, kept = await self._kept(id)
            if kept.service:
                raise _of_a_service()
            changed = msgspec.structs.replace(kept, password=phc, untold=Untold(event="reset"))
            await self._change(id, record, changed)

        await self._ledger.decide(attempt)

    async def delete(self, id: str) -> None:
        """End all that the account ``id`` has, free its address, and leave its name to nobody.

        Its sessions are over at once; their records go with :meth:`sweep`. Raises BadInput (``no_account``).
        """

        async def attempt() -> None:
            record, kept = await self._kept(id)
            await self._change(id, record, msgspec.structs.replace(kept, password=None, untold=Untold(event="deleted")))

        await self._ledger.decide(attempt)

    async def tell(self) -> None:
        """Let subjects learn what was left untold by those who were stopped on their way."""
        after: Cursor | None = None
        while True:
            found = await self._ledger.find(ACCOUNT.kind, _UNTOLD, after=after)
            for record in found.records:
                await self._told(record.id)
            after = found.after
            if after is None:
                return

    async def sweep(self) -> int:
        """Remove what deleted accounts had, up to 1,000 things; how many were removed."""
        await self.tell()
        found = await self._ledger.find(SWEEP.kind, _ALL, limit=1)
        if not found.records:
            return 0
        [record] = found.records
        removed = 0
        for remove in self._removed:
            if removed < PURGE_AT_MOST:
                removed += await remove(record.id, PURGE_AT_MOST - removed)
        if removed < PURGE_AT_MOST:
            await self._ledger.commit(Delete(SWEEP.kind, record.id))
            removed += 1
        return removed

    @staticmethod
    def key(id: str) -> Key:
        """The key of the account's record."""
        return ACCOUNT.kind, id

    async def owner(self, email: str) -> str | None:
        """Whose account has this address, in the form of :func:`canonical`; None where it is nobody's, or there are none."""
        return await self._owner(email) if self._apart or not self._ledger.store.partitioned else None

    async def _owner(self, email: str) -> str | None:
        if self._ledger.store.partitioned and not self._apart:
            fault = "Accounts are found by e-mail address, so their store is one partition; write an accounts_store."
            raise ConfigError([fault])
        [record] = await self._ledger.get((EMAIL.kind, anchor(email)))
        return None if record is None else EMAIL.decode(record).account

    async def _about(self, id: str) -> tuple[str, ...]:
        account = await self.get(id)
        return () if account is None else words_of(account.email)

    async def _presented(self, email: str) -> tuple[Before, Record | None, Kept | None]:
        """A subject as it was before its account was read, and the account."""
        for _ in range(TRIES):
            # ENU-01: nobody's account is looked for like anybody's, and its missing password takes as long.
            id = await self._owner(email) or _NOBODY
            before = await self._subjects.before(id)
            there = await self._read(id)
            if there is None:
                return before, None, None
            if there[1].untold is None:
                return before, *there
            await self._told(id)
        raise StoreUnavailable(_RESTLESS)

    async def _kept(self, id: str) -> tuple[Record, Kept]:
        met = await self._met(id)
        if met is None:
            raise BadInput("no_account", "There is no such account.", field="account")
        return met

    async def _met(self, id: str) -> tuple[Record, Kept] | None:
        """The account ``id``, with nothing left untold."""
        for _ in range(TRIES):
            there = await self._read(id)
            if there is None or there[1].untold is None:
                return there
            await self._told(id)
        raise StoreUnavailable(_RESTLESS)

    async def _read(self, id: str) -> tuple[Record, Kept] | None:
        [record] = await self._ledger.get(self.key(id))
        return None if record is None else (record, ACCOUNT.decode(record))

    async def _change(
        self, id: str, was: Record | None, kept: Kept, *also: Change, own: Own | None = None
    ) -> Started | None:
        """Let an account be ``kept``, and its subject learn what is untold: in one commit, or one after the other.

        The ``own`` session goes on. Raises Conflict when the account is not as it ``was``, Revoked, Expired for the
        session.
        """
        assert kept.untold is not None
        trail, untold = self._ledger.trail, kept.untold
        if trail.keeps:
            untold = msgspec.structs.replace(untold, entry=trail.entry(untold.act, id))
            kept = msgspec.structs.replace(kept, untold=untold)
        if not self._apart:
            held = await self._subjects.held(id)
            changes, started = await self._learnt(held, untold, own)
            await self._ledger.commit(*self._settled(id, was, kept), *also, *changes)
            return started
        if own is not None:
            await self._sessions.restamped(own.session, 0)  # if it is over, nothing is changed for it
        marked = self._record(id, msgspec.structs.replace(kept, untold=untold.marked(self._ledger.chance)))
        await self._ledger.commit(Insert(marked) if was is None else Replace(marked, was.version), *also)
        return await self._told(id, own)

    async def _told(self, id: str, own: Own | None = None) -> Started | None:
        """Let the subject learn what is untold, and take the mark away; by whomever, it is done when this returns."""
        started: Started | None = None

        async def attempt() -> None:
            nonlocal started
            # The subject first: if the mark goes after that, the subject is another, and this commit a Conflict.
            held = await self._subjects.held(id)
            there = await self._read(id)
            if there is None or there[1].untold is None:
                return
            record, kept = there
            assert kept.untold is not None
            if not kept.untold.is_told(held.subject):
                try:
                    changes, renewed = await self._learnt(held, kept.untold, own)
                except (Revoked, Expired):  # the session ended on the way, and all others do now
                    changes, renewed = await self._learnt(held, kept.untold, None)
                await self._ledger.commit(*changes)
                started = renewed
            await self._ledger.commit(*self._settled(id, record, kept))

        await self._ledger.decide(attempt)
        return started

    async def _learnt(self, held: Held, untold: Untold, own: Own | None) -> tuple[tuple[Change, ...], Started | None]:
        after = untold.told(held.subject)
        restamp: tuple[Change, ...] = ()
        started = None
        if own is not None:
            restamp, started = await self._sessions.restamped(own.session, after.gen, by_token=own.by_token)
        changes = self._subjects.changed(held, after)
        noted = () if untold.entry is None else (self._ledger.trail.insert(untold.entry),)
        # Nothing of a new subject has to end, so nobody is told.
        return (*(changes[:1] if untold.event == "created" else (*changes, *restamp)), *noted), started

    def _settled(self, id: str, was: Record | None, kept: Kept) -> tuple[Change, ...]:
        """The changes that make an account what it is when its subject knows."""
        assert kept.untold is not None
        if was is not None and kept.untold.event == "deleted":
            left = Record(SWEEP.kind, id, SWEEP.encode(Sweep()), self._ledger.version(), tags=frozenset({_ALL}))
            return Delete(ACCOUNT.kind, id, was.version), Delete(EMAIL.kind, anchor(kept.email)), Insert(left)
        record = self._record(id, msgspec.structs.replace(kept, untold=None))
        return (Insert(record) if was is None else Replace(record, was.version),)

    async def _rehash(self, record: Record, kept: Kept, password: bytes) -> None:
        # PWD-01: the only moment at which the password is known. There will be others, so this one may fail.
        try:
            kept = msgspec.structs.replace(kept, password=await self._hashing.hash(password))
            await self._ledger.commit(Replace(self._record(record.id, kept), record.version))
        except (Conflict, TooMany):
            return

    def _record(self, id: str, kept: Kept) -> Record:
        tags = frozenset({_ALL} if kept.untold is None else {_ALL, _UNTOLD})
        return Record(ACCOUNT.kind, id, ACCOUNT.encode(kept), self._ledger.version(), tags=tags)


def _account(record: Record) -> Account:
    kept = ACCOUNT.decode(record)
    return Account(id=record.id, email=kept.email, created_at=kept.created_at, service=kept.service)


def _of_a_service() -> BadInput:
    return BadInput("service_account", "Nobody signs in to the account of a service: it has no password.")
