"""Tokens: an access token that any service verifies, and a refresh token that is spent once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import msgspec

from admit.core import jwt, refresh, secret
from admit.core.algorithms import ALGORITHMS
from admit.core.audit import Act
from admit.core.faults import is_number
from admit.core.ids import home_of, new_id
from admit.core.jose import UnknownKey
from admit.core.jwk import VerifyingKey
from admit.core.principal import FIRST_PARTY, Ends, Principal
from admit.core.refresh import Family, Keys, Outcome, RefreshToken
from admit.core.reticent import Reticent
from admit.core.scope import narrowed, written
from admit.core.secret import Master
from admit.core.store import Delete, Record, Replace
from admit.core.verdict import Seen
from admit.errors import BadCredential, BadInput, ConfigError, Conflict, Expired, LookUpNeeded, Replayed, Revoked
from admit.keys import SigningKeys
from admit.ledger import Ledger
from admit.sessions import Session, Sessions
from admit.subjects import Held, Subject

T = TypeVar("T")


class TokenPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How tokens are issued; times in seconds.

    ``access`` is the life of an access token, ``grace`` the time in which a spent refresh token gets the same
    successor again (0: never), ``leeway`` what clocks may differ by.

    Raises ConfigError with all that is wrong.
    """

    algorithm: str = "ES256"
    access: float = 600.0
    grace: float = 10.0
    leeway: float = 5.0

    def __post_init__(self) -> None:
        faults: list[str] = []
        if self.algorithm not in ALGORITHMS:
            faults.append(f"{self.algorithm!r} is no algorithm of tokens; write one of {', '.join(ALGORITHMS)}.")
        if not is_number(self.access, 1, jwt.MAX_LIFE):
            faults.append(f"An access token lives for 1 to {jwt.MAX_LIFE} seconds; {self.access!r} is not between.")
        if not is_number(self.grace, 0, 60):
            faults.append(f"The grace of refresh tokens is 0 to 60 seconds; {self.grace!r} is not between.")
        if not is_number(self.leeway, 0, jwt.MAX_LEEWAY):
            faults.append(
                f"The leeway between clocks is 0 to {jwt.MAX_LEEWAY} seconds; {self.leeway!r} is not between."
            )
        if faults:
            raise ConfigError(faults)


STANDARD = TokenPolicy()
"""ES256, ten minutes, ten seconds of grace."""


class Pair(Reticent, frozen=True):
    """What a client gets (RFC 6749, section 5.1), shown this once.

    ``expires_in`` is the life of the access token in seconds, ``ends_in`` that of the session.
    """

    access_token: str
    refresh_token: str
    expires_in: int
    scope: str
    ends_in: int


class Tokens:
    """Issues, verifies and refreshes the tokens of sessions."""

    looked_up = False

    def __init__(
        self,
        ledger: Ledger,
        sessions: Sessions,
        keys: SigningKeys,
        master: Master,
        policy: TokenPolicy,
        *,
        issuer: str,
        audience: str,
    ) -> None:
        self._ledger = ledger
        self._sessions = sessions
        self._keys = keys
        self._master = master
        self._policy = policy
        self._issuer = issuer
        self._audience = audience
        self._rules = jwt.Rules(issuer=issuer, audience=audience, leeway=policy.leeway)

    async def issue(self, session: Session, *, scope: str | None = None) -> Pair:
        """The first tokens of ``session``, or the next ones where its own ended. Raises Conflict when it has some, Revoked.

        They end with the session, and when it goes on by another cookie: then ``session`` is the one that goes on.
        """

        async def attempt() -> Pair | None:
            issued_at = self._ledger.clock.now()
            current, record, subject = self._lasting(await self._sessions.still(session, issued_at), issued_at)
            if current.family is not None and not current.family.is_over:
                return None
            if scope is not None:
                held, _ = self._sessions.granted(current, subject)
                current = msgspec.structs.replace(current, scope=written(narrowed(held, scope)))
            keys = self._family_keys(self._master.current)
            token = RefreshToken(
                keys.id, current.id, refresh.counts_from(current.family), secret.new_secret(self._ledger.chance)
            )
            begun = msgspec.structs.replace(current, family=refresh.begun(token, issued_at))
            # What nothing else presents has its first tokens from the sign-in, which stands there already.
            alone = current.cookie is None and current.family is None
            act = Act.TOKENS_ISSUED
            noted = () if alone else self._ledger.noted(act, current.subject, what=current.id, actor=current.subject)
            await self._ledger.commit(Replace(self._sessions.record(begun), record.version), *noted)
            return await self._pair(begun, subject, issued_at, token.text(keys))

        # A Conflict on the way may be mere activity; only a family that is there is the answer.
        pair = await self._ledger.decide(attempt)
        if pair is None:
            raise Conflict(f"session {session.id} has its family of tokens")
        return pair

    async def access(self, session: Session, *, audience: str | None = None, scope: str | None = None) -> str:
        """An access token of ``session`` alone, for ``audience`` (default: the authority's).

        Raises Expired, Revoked, also where it goes on by another credential than ``session`` knows.
        """
        issued_at = self._ledger.clock.now()
        current, _, subject = self._lasting(await self._sessions.still(session, issued_at), issued_at)
        if scope is not None:
            held, _ = self._sessions.granted(current, subject)
            current = msgspec.structs.replace(current, scope=written(narrowed(held, scope)))
        return await self._mint(current, subject, issued_at, audience or self._audience)

    async def refresh(self, text: str) -> Pair:
        """The tokens that follow ``text``, which is spent by it. Raises Replayed after ending a family that was copied.

        Whatever was not made here is refused without I/O. Raises BadCredential, Revoked, Expired, StoreError.
        """
        token, keys = await self._parsed(text)

        async def attempt() -> Pair:
            return await self._spend(token, keys)

        return await self._ledger.decide(attempt)

    async def exchange(self, text: str) -> tuple[Pair, str]:
        """The tokens that follow ``text``, as by :meth:`refresh`, and the Set-Cookie line of a cookie for their session.

        For clients that go over from tokens to cookies. Whoever asks again within the grace gets the same cookie; one
        from before is over. Raises what :meth:`refresh` does.
        """
        pair = await self.refresh(text)
        token, keys = await self._parsed(pair.refresh_token)
        return pair, await self._sessions.with_cookie(token, partial(token.cookie, keys))

    async def end(self, text: str) -> None:
        """End the session of a refresh token, spent or not, and tell. Raises BadCredential for what was not made here.

        One whose family is over ends nothing: the session went on without it.
        """
        token, _ = await self._parsed(text)

        async def attempt() -> None:
            if self._is_told(Ends.SESSION, token.session):
                return
            read = await self._sessions.read(token.session)
            if read is None:
                await self._sessions.revoke(token.session)
            elif read[0].family is None or read[0].family.may_have(token):
                await self._sessions.revoke(read[0], version=read[1].version)

        await self._ledger.decide(attempt)

    async def end_presented(self, text: str) -> None:
        """End what ``text`` is: the session of a refresh token, or an access token alone, whomever it is for.

        Whoever has it may (RFC 7009, section 2). Raises BadCredential for what was not made here, or has expired.
        """
        if text.startswith(refresh.PREFIX):
            await self.end(text)
            return
        await self._ledger.ready()
        now = self._ledger.clock.now()
        claims = await self._with_keys(lambda keys: jwt.signed(text, keys), now)
        if now >= claims.exp + self._policy.leeway:
            raise Expired(f"expired {now - claims.exp:.0f} seconds ago")
        if not self._is_told(Ends.TOKEN, claims.jti):
            await self._end(claims.jti, claims.sub)

    def verify(self, text: str, now: float) -> Seen:
        """What an access token proves by itself. Raises Denied; LookUpNeeded when it names a key not seen yet."""
        try:
            return self._proven(text, now)
        except UnknownKey as unknown:
            if self._keys.may_reread(now):
                raise LookUpNeeded(str(unknown)) from unknown
            raise

    async def look_up(self, text: str, now: float) -> Seen:
        """What an access token proves, once the keyring was read again. Raises Denied."""
        await self._keys.reread()
        return self._proven(text, now)

    async def lasts(self, who: Principal, now: float) -> float:  # noqa: ARG002 - a token has its end written in it
        """When an access token expires (Unix seconds), leeway included."""
        return who.expires_at + self._policy.leeway

    async def revoke(self, token: Principal) -> None:
        """End one access token, and tell; its session lives on. Raises BadInput for what is not one."""
        jti = token.marks[Ends.TOKEN]
        if not jti:
            raise BadInput("not_a_token", "This is not an access token.")
        await self._end(jti, token.subject)

    def _is_told(self, kind: Ends, id: str) -> bool:
        """Whether the log says that ``id`` has ended: whoever gives one token back for ever fills it no further."""
        return id in self._ledger.copy.ended[kind]

    async def _end(self, jti: str, subject: str) -> None:
        noted = self._ledger.noted(Act.TOKEN_REVOKED, subject, what=jti, home=jti[:1])
        await self._ledger.commit(self._ledger.ended(Ends.TOKEN, jti), *noted)

    def _proven(self, text: str, now: float) -> Seen:
        return jwt.proven(text, self._keys.verifying(now), self._rules, now)

    async def proven_for(self, text: str, audience: str, now: float) -> Seen:
        """What an access token for ``audience`` proves by itself, whoever that is. Raises Denied."""
        rules = dataclasses.replace(self._rules, audience=audience)
        return await self._with_keys(lambda keys: jwt.proven(text, keys, rules, now), now)

    async def _with_keys(self, prove: Callable[[Mapping[str, VerifyingKey]], T], now: float) -> T:
        """What ``prove`` finds with the keys of this moment; they are read again for one that is not known."""
        try:
            return prove(self._keys.verifying(now))
        except UnknownKey:
            if not self._keys.may_reread(now):
                raise
        await self._keys.reread()
        return prove(self._keys.verifying(now))

    async def _parsed(self, text: str) -> tuple[RefreshToken, Keys]:
        key_id = refresh.key_id_of(text)
        await self._ledger.ready()  # the first use brings the master secret of an embedded store
        keys = self._family_keys(key_id)
        return refresh.parse(text, keys), keys

    async def _spend(self, token: RefreshToken, keys: Keys) -> Pair:
        ledger = self._ledger
        issued_at = ledger.clock.now()
        session, record, subject = self._lasting(await self._sessions.valid(token.session, issued_at), issued_at)
        family = session.family
        if family is None:
            raise BadCredential(f"session {session.id} has no refresh tokens")
        outcome = refresh.spend(family, token, keys, issued_at, self._policy.grace)
        if outcome is Outcome.OVER:
            raise Revoked(f"session {session.id} went on by another cookie, and without the tokens of before")
        if family.key_id != token.key_id:
            raise BadCredential(f"not of the family of session {session.id}")
        if outcome is Outcome.UNKNOWN:
            raise BadCredential(f"session {session.id} knows no such refresh token")
        if outcome is Outcome.REUSE:
            # RFC 9700, section 4.14.2: somebody holds a copy, and nothing tells which of the two is the thief.
            ended = ledger.ended(Ends.SESSION, session.id)
            noted = ledger.noted(Act.REFRESH_REUSED, session.subject, what=session.id)
            await ledger.commit(Delete(record.kind, record.id, record.version), ended, *noted)
            raise Replayed(f"refresh token {token.counter} of session {session.id} was spent before")
        if outcome is Outcome.ITSELF:
            return await self._pair(session, subject, issued_at, token.text(keys))
        successor = token.successor(keys)
        if outcome is Outcome.ROTATE:
            await self._rotate(session, record, family, successor, issued_at)
        return await self._pair(session, subject, issued_at, successor.text(keys))

    async def _rotate(
        self, session: Session, record: Record, family: Family, successor: RefreshToken, now: float
    ) -> None:
        rotated = msgspec.structs.replace(session, family=refresh.rotated(family, successor, now), seen_at=now)
        await self._ledger.commit(Replace(self._sessions.record(rotated), record.version))

    def _lasting(self, read: tuple[Session, Record, Held], now: float) -> tuple[Session, Record, Subject]:
        session, record, held = read
        if int(session.ends_at) <= int(now):
            raise Expired(f"session {session.id} ends within this second, and claims count whole ones")
        return session, record, held.subject

    async def _pair(self, session: Session, subject: Subject, issued_at: float, refresh_token: str) -> Pair:
        access = await self._mint(session, subject, issued_at, self._audience)
        scope = written(self._sessions.granted(session, subject)[0])
        expires_in, ends_in = self._expiry(session, issued_at) - int(issued_at), int(session.ends_at - issued_at)
        return Pair(access, refresh_token, expires_in, scope, ends_in)

    async def _mint(self, session: Session, subject: Subject, issued_at: float, audience: str) -> str:
        """An access token of what was read after ``issued_at``."""
        scope, roles = self._sessions.granted(session, subject)
        home = home_of(session.subject)
        claims = jwt.AccessToken(
            iss=self._issuer,
            sub=session.subject,
            aud=audience,
            exp=self._expiry(session, issued_at),
            iat=int(issued_at),
            jti=new_id(home, issued_at, self._ledger.chance),
            client_id=FIRST_PARTY,
            scope=written(scope),
            roles=roles,
            sid=session.id,
            gen=subject.gen,
            auth_time=int(session.authenticated_at),
            amr=session.methods,
        )
        return jwt.mint(claims, await self._keys.signing())

    def _expiry(self, session: Session, issued_at: float) -> int:
        return int(min(issued_at + self._policy.access, session.ends_at))

    def _family_keys(self, key_id: str) -> Keys:
        """The keys of the master secret ``key_id``. Raises BadCredential when it is not in the list (any more)."""
        mac, chain = self._master.key("refresh mac", key_id), self._master.key("refresh chain", key_id)
        if mac is None or chain is None:
            raise BadCredential("made under a master secret that is not in the list")
        return Keys(key_id, mac, chain)
