"""Sessions: the server's memory of one sign-in, and the cookie that presents it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import msgspec

from admit.core import refresh, secret
from admit.core.audit import Act
from admit.core.codec import Codec
from admit.core.cookie import CookieRule
from admit.core.ids import anchor, home_of, is_id, new_id
from admit.core.principal import FIRST_PARTY, Ends, Principal
from admit.core.refresh import Family, RefreshToken
from admit.core.reticent import Reticent
from admit.core.scope import RoleScopes, parse, written
from admit.core.session_cookie import Cookie, parse_cookie, write_cookie
from admit.core.session_policy import SessionPolicy
from admit.core.store import Change, Delete, Insert, Key, Record, Replace
from admit.core.verdict import MAX_LOOK_UP_USE, Seen
from admit.errors import BadCredential, BadInput, Conflict, Expired, LookUpNeeded, NotEnough, Revoked
from admit.ledger import Ledger
from admit.owned import Owned
from admit.places import CONTEND, Alive, Places
from admit.subjects import Held, Proof, Subject, Subjects

SLACK = 0.1
"""The part of the idle limit within which activity need not be written down, so it is added to the limit."""

MAX_AHEAD = 60.0
"""Seconds by which the clock that started a session may have been ahead."""

MAX_DEVICE_BYTES = 16


class Session(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sign-in. Times are Unix seconds, limits are seconds.

    ``gen`` is the subject's generation from before the first proof was checked. ``scope`` is None where the
    session may do all that the subject's roles allow. ``ends_at`` is absolute and does not move.
    """

    id: str
    subject: str
    gen: int
    created_at: float
    authenticated_at: float
    methods: tuple[str, ...]
    seen_at: float
    idle: float
    ends_at: float
    scope: str | None = None
    cookie: Cookie | None = None
    family: Family | None = None
    device: str = ""

    def judge(self, subject: Subject, now: float) -> None:
        """Return if the session is valid for its ``subject`` at ``now``; else raise Revoked or Expired."""
        if not subject.active:
            raise Revoked(f"subject {self.subject!r} is disabled")
        if self.gen < subject.floor:
            raise Revoked(f"session {self.id} was proven before generation {subject.floor}")
        # As with tokens: a clock that was ahead must not make a session that outlives all others.
        if now < self.created_at - MAX_AHEAD:
            raise Expired(f"session {self.id} is from the future")
        if now >= self.ends_at:
            raise Expired(f"session {self.id} has reached its absolute limit")
        if now >= self.seen_at + self.idle * (1 + SLACK):
            raise Expired(f"session {self.id} was idle for too long")

    def is_valid(self, subject: Subject, now: float) -> bool:
        """Whether :meth:`judge` has nothing against the session."""
        try:
            self.judge(subject, now)
        except (Revoked, Expired):
            return False
        return True

    @property
    def noted_until(self) -> float:
        """When activity has to be written down again, and so has to reach a look-up."""
        return self.seen_at + self.idle * SLACK


SESSION = Codec("session", Session)


class Started(Reticent, frozen=True):
    """A session and what presents it: ``cookie`` is the value of a Set-Cookie header, shown this once, or None."""

    session: Session
    cookie: str | None


class Sessions:
    """Starts, finds, steps up and ends sessions."""

    looked_up = True

    def __init__(
        self, ledger: Ledger, subjects: Subjects, policy: SessionPolicy, cookies: CookieRule, scopes: RoleScopes
    ) -> None:
        self._ledger, self._subjects, self._policy = ledger, subjects, policy
        self._cookies, self._scopes = cookies, scopes
        self.read = Owned(ledger, subjects, SESSION, lambda session: session.subject).read
        self._places = Places(ledger, policy.max_sessions)

    async def start(self, proof: Proof, *, cookie: bool = True, scope: str | None = None, device: str = "") -> Started:
        """A new session for the subject of ``proof``, under the generation the proof inherited.

        Where the subject has as many as the policy allows, the one not seen for the longest time ends in the same
        commit, and that is told. ``device`` is a label of at most 16 bytes (``Firefox/Linux``). Raises BadInput,
        StoreError, Revoked where a session would have to leave for one that is over before it begins.
        """
        ledger = self._ledger
        now = ledger.clock.now()
        presented = secret.new_secret(ledger.chance) if cookie else None
        session = Session(
            id=new_id(home_of(proof.subject), now, ledger.chance),
            subject=proof.subject,
            gen=proof.gen,
            created_at=now,
            authenticated_at=proof.at,
            methods=proof.methods,
            seen_at=now,
            idle=self._policy.idle,
            ends_at=now + self._policy.absolute,
            scope=None if scope is None else written(parse(scope)),
            cookie=None if presented is None else Cookie(1, secret.digest(presented)),
            device=device.encode(errors="replace")[:MAX_DEVICE_BYTES].decode(errors="ignore"),
        )

        async def attempt() -> None:
            place = await self._places.take(session.subject, session.ends_at, partial(self._alive, proof))
            noted = ledger.noted(Act.SIGN_IN, session.subject, what=session.id, actor=session.subject)
            await ledger.commit(Insert(self.record(session)), *place, *noted)

        async with self._places.queue(session.subject):
            await ledger.decide(attempt, within=CONTEND)
        return Started(session, None if presented is None else self._line(session, presented))

    async def get(self, id: str) -> Session | None:
        """The session ``id`` if it is valid now, else None."""
        with suppress(Revoked, Expired):
            return (await self.valid(id, self._ledger.clock.now()))[0]
        return None

    async def presented(self, who: Principal) -> Session:
        """The session that ``who`` was let in by, to do something with. Raises Revoked where it goes on without him, Expired."""
        if who.session is None:
            raise BadInput("no_session", "This credential does not belong to a session.")
        # By its id alone it would be one with another cookie, which whoever copied the last one is not to have.
        session, _, held = await self.valid(who.session, self._ledger.clock.now())
        cookie, n = who.marks[Ends.COOKIE], 0 if session.cookie is None else session.cookie.n
        if who.gen < held.subject.floor or (cookie and cookie != f"{session.id}.{n}"):
            raise Revoked(f"session {session.id} goes on by another credential than let him in")
        return session

    async def of(self, subject: str) -> list[Session]:
        """The valid sessions of ``subject``, the latest first."""
        held = await self._subjects.held(subject)
        now = self._ledger.clock.now()
        found = map(SESSION.decode, await self._ledger.all(SESSION.kind, anchor(subject)))
        valid = (session for session in found if session.is_valid(held.subject, now))
        return sorted(valid, key=lambda session: session.created_at, reverse=True)

    async def revoke(self, session: Session | str, *, subject: str = "", version: int | None = None) -> None:
        """End a session and all credentials of it, and tell. It is told even when there was nothing left to end.

        ``subject`` is whose an id is, looked up where the audit log has to know and nobody says. With ``version`` it
        raises Conflict where the record is another one by now.
        """
        id, subject = (session, subject) if isinstance(session, str) else (session.id, session.subject)
        if not is_id(id):
            raise BadInput("bad_session", "This is not the id of a session.", field="session")
        ledger = self._ledger
        if ledger.trail.keeps and not subject:
            [there] = await ledger.get(self.key(id))
            subject = "" if there is None else SESSION.decode(there).subject
        who = ledger.trail.who
        act = Act.SIGN_OUT if who is not None and who.session == id else Act.SESSION_ENDED
        noted = ledger.noted(act, subject, what=id, home=id[0])
        await ledger.commit(Delete(SESSION.kind, id, version), ledger.ended(Ends.SESSION, id), *noted)

    async def remove(self, subject: str, at_most: int) -> int:
        """Remove the records of up to ``at_most`` sessions of a subject whose sessions are over; how many there were."""
        page = await self._ledger.find(SESSION.kind, anchor(subject), limit=at_most)
        if page.records:
            places = [Delete(*self._places.key(subject))] if len(page.records) < at_most else []
            await self._ledger.commit(*(Delete(record.kind, record.id) for record in page.records), *places)
        return len(page.records)

    async def sign_out_everywhere(
        self, subject: str, *, keep: Session | None = None, by_token: bool = False
    ) -> Started | None:
        """End every first-party session of ``subject`` but ``keep``, and tell, in one commit.

        ``keep`` goes on by another cookie alone, or ``by_token`` alone: who signs out everywhere may have lost the
        others to somebody. Raises BadInput when it is another subject's, Revoked or Expired when it is over.
        """
        if keep is not None and keep.subject != subject:
            raise BadInput("bad_session", "This is not a session of that subject.", field="keep")

        async def attempt() -> Started | None:
            held = await self._subjects.held(subject)
            after = held.subject.signed_out()
            restamp, kept = ((), None) if keep is None else await self.restamped(keep, after.gen, by_token=by_token)
            noted = self._ledger.noted(Act.SIGN_OUT_EVERYWHERE, subject)
            await self._ledger.commit(*self._subjects.changed(held, after), *restamp, *noted)
            return kept

        return await self._ledger.decide(attempt)

    async def step_up(self, session: Session, proof: Proof, *, by_token: bool = False) -> Started:
        """The session with a fresh sign-in and another cookie; the old cookie never works again (ASVS 7.2.4).

        Its refresh tokens are over too, unless its holder came ``by_token``: then they go on, and the cookie does not.
        Raises Revoked, Expired when the session or the proof is over.
        """

        async def attempt() -> Started:
            now = self._ledger.clock.now()
            current, record, held = await self.still(session, now)
            if current.subject != proof.subject:
                raise Revoked(f"there is no session {session.id} of {proof.subject!r}")
            _refuse_over(proof, held.subject)
            stepped = msgspec.structs.replace(
                current,
                authenticated_at=proof.at,
                methods=tuple(dict.fromkeys((*current.methods, *proof.methods))),
                seen_at=now,
            )
            changes, started = self._carried_on(stepped, record, by_token=by_token)
            noted = self._ledger.noted(Act.STEP_UP, current.subject, what=current.id, actor=current.subject)
            await self._ledger.commit(*changes, *noted)
            return started

        return await self._ledger.decide(attempt)

    async def with_cookie(self, token: RefreshToken, secret_of: Callable[[int], str]) -> str:
        """The Set-Cookie line of the session of ``token``, whose ``n``-th cookie is ``secret_of(n)``.

        Raises Revoked, also where the session has gone on without its tokens meanwhile; Expired.
        """
        id = token.session

        async def attempt() -> str:
            session, record, _ = await self.valid(id, self._ledger.clock.now())
            if session.family is None or not session.family.may_have(token):
                raise Revoked(f"session {id} went on without the tokens of before")
            whose, kept = session.subject, session.cookie or Cookie(0, b"")
            if secret.same(kept.digest, secret.digest(secret_of(kept.n))):
                return self._line(session, secret_of(kept.n))
            changes, started = self._new_cookie(session, record, presented := secret_of(kept.n + 1))
            noted = self._ledger.noted(Act.COOKIE_EXCHANGED, whose, what=id, actor=whose)
            await self._ledger.commit(*changes, *noted)
            return self._line(started.session, presented)

        return await self._ledger.decide(attempt)

    async def restamped(self, own: Session, gen: int, *, by_token: bool = False) -> tuple[tuple[Change, ...], Started]:
        """The changes that carry the caller's ``own`` session over to ``gen``, by another cookie or ``by_token``, for one commit.

        Raises Revoked when it is not there any more, or not as he knows it, Expired when its time is over.
        """
        now = self._ledger.clock.now()
        session, record, _ = await self.still(own, now)
        return self._carried_on(msgspec.structs.replace(session, gen=gen, seen_at=now), record, by_token=by_token)

    def verify(self, text: str, now: float) -> Seen:  # noqa: ARG002 - no time makes a cookie prove itself
        """Never says yes: a cookie proves nothing by itself. Raises BadCredential, LookUpNeeded."""
        parse_cookie(text)
        raise LookUpNeeded("a session cookie not seen before")

    async def look_up(self, text: str, now: float) -> Seen:
        """What the store knows of a session cookie; notes the activity. Raises BadCredential, Revoked, Expired."""
        id, n, presented = parse_cookie(text)
        return await self.found(id, n, lambda kept: secret.same(kept.digest, secret.digest(presented)), now)

    async def found(self, id: str, n: int, proves: Callable[[Cookie], bool], now: float) -> Seen:
        """What :meth:`look_up` finds for whoever ``proves`` to hold the ``n``-th cookie of a session."""
        session, record, held = await self.valid(id, now)
        if session.cookie is None or session.cookie.n != n or not proves(session.cookie):
            raise BadCredential(f"not the present cookie of session {id}")
        if now >= session.noted_until:
            session = await self._noted(session, record, now)
        return self._seen(session, held.subject, f"{id}.{n}", now)

    async def lasts(self, who: Principal, now: float) -> float:
        """When the session of ``who`` ends unless it is used (Unix seconds); notes no activity. Raises Revoked, Expired."""
        assert who.session is not None
        session, _, _ = await self.valid(who.session, now)
        return min(session.ends_at, session.seen_at + session.idle * (1 + SLACK))

    def granted(self, session: Session, subject: Subject) -> tuple[frozenset[str], tuple[str, ...]]:
        """The scope and the roles of a session: those of the subject, unless a part was asked for."""
        return self._scopes.granted(subject.roles, session.scope)

    async def refuse_narrowed(self, who: Principal) -> None:
        """Return if ``who`` signed in himself, for all that his roles allow; raise NotEnough for a part, or an API key."""
        # Without any he may have asked by name for all there is, or have asked for less.
        allowed = self._scopes.of(who.roles or (await self._subjects.get(who.subject)).roles)
        if who.session is None or who.client not in (None, FIRST_PARTY) or not allowed <= who.scope:
            raise NotEnough("a part of what its owner holds", scope=written(allowed))

    def record(self, session: Session) -> Record:
        """The record of ``session``, in a new version."""
        tags = frozenset({anchor(session.subject)})
        body = SESSION.encode(session)
        return Record(SESSION.kind, session.id, body, self._ledger.version(), session.ends_at, tags)

    @staticmethod
    def key(id: str) -> Key:
        """The key of the session's record."""
        return SESSION.kind, id

    async def still(self, known: Session, now: float) -> tuple[Session, Record, Held]:
        """What :meth:`read` reads of a valid session that goes on as it is ``known``. Raises Revoked, Expired."""
        read = await self.valid(known.id, now)
        # Whoever was let in by what is over since begins nothing and gets nothing, however late he comes to it.
        if (read[0].gen, read[0].cookie) != (known.gen, known.cookie):
            raise Revoked(f"session {known.id} goes on by another credential than it is known by here")
        return read

    async def valid(self, id: str, now: float) -> tuple[Session, Record, Held]:
        """What :meth:`read` reads of a session that is valid. Raises Revoked when it is not there any more, Expired."""
        read = await self.read(id)
        if read is None:
            raise Revoked(f"there is no session {id}")
        read[0].judge(read[2].subject, now)
        return read

    async def _alive(self, proof: Proof) -> Alive:
        subject = proof.subject
        keys = [record.key for record in await self._ledger.all(SESSION.kind, anchor(subject))]
        # Read again, with the subject and at one moment: else what it ended meanwhile would count as valid.
        subject_record, *records = await self._ledger.get(self._subjects.key(subject), *keys)
        held, now = self._subjects.read(subject, subject_record), self._ledger.clock.now()
        _refuse_over(proof, held.subject)
        there = [(SESSION.decode(record), record) for record in records if record]
        there.sort(key=lambda one: one[0].seen_at)
        valid = {record.id: record for session, record in there if session.is_valid(held.subject, now)}
        return Alive([*valid.values()], [record for _, record in there if record.id not in valid])

    def _seen(self, session: Session, subject: Subject, cookie: str, now: float) -> Seen:
        scope, roles = self.granted(session, subject)
        principal = Principal(
            subject=session.subject,
            credential="session",
            session=session.id,
            scope=scope,
            roles=frozenset(roles),
            methods=session.methods,
            authenticated_at=session.authenticated_at,
            expires_at=session.ends_at,
            gen=subject.gen,
            marks=(session.id, cookie, "", "", ""),
        )
        return Seen(principal, min(now + MAX_LOOK_UP_USE, session.noted_until, session.ends_at))

    async def _noted(self, session: Session, record: Record, now: float) -> Session:
        seen = msgspec.structs.replace(session, seen_at=now)
        # An update of the version that was read: it cannot bring back a session that has ended meanwhile.
        with suppress(Conflict):
            await self._ledger.commit(Replace(self.record(seen), record.version))
        return seen

    def _carried_on(self, session: Session, record: Record, *, by_token: bool) -> tuple[tuple[Change, ...], Started]:
        """The changes by which a session goes on by what its holder came with, and by nothing else that presents it."""
        if session.cookie is None:
            return (Replace(self.record(session), record.version),), Started(session, None)
        if by_token and session.family is not None and not session.family.is_over:
            changes, started = self._new_cookie(session, record)
            return changes, Started(started.session, None)  # nobody is told the secret of the cookie
        # Its holder goes on by the cookie, so no second use of a refresh token would ever show that there is a copy.
        return self._new_cookie(msgspec.structs.replace(session, family=refresh.ended(session.family)), record)

    def _new_cookie(self, session: Session, record: Record, given: str = "") -> tuple[tuple[Change, ...], Started]:
        """The changes for another cookie, of the secret ``given`` or of a new one."""
        old = session.cookie
        presented, n = given or secret.new_secret(self._ledger.chance), 0 if old is None else old.n
        renewed = msgspec.structs.replace(session, cookie=Cookie(n + 1, secret.digest(presented)))
        replaced = Replace(self.record(renewed), record.version)
        changes = (replaced,) if old is None else (replaced, self._ledger.ended(Ends.COOKIE, f"{session.id}.{n}"))
        return changes, Started(renewed, self._line(renewed, presented))

    def _line(self, session: Session, presented: str) -> str:
        assert session.cookie is not None
        value = write_cookie(session.id, session.cookie.n, presented)
        return self._cookies.line(value, session.ends_at - self._ledger.clock.now())


def _refuse_over(proof: Proof, subject: Subject) -> None:
    if proof.gen < subject.floor or not subject.active:
        raise Revoked("the proof is from before everything ended")
