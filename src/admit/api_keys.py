"""API keys: long-lived credentials of a subject, outside any session, for programs that act in its name."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

import msgspec

from admit.core import secret
from admit.core.address import TrustedProxies
from admit.core.api_key import parse_api_key, write_api_key
from admit.core.audit import Act
from admit.core.codec import Codec
from admit.core.conditions import conditions
from admit.core.faults import is_number
from admit.core.ids import anchor, home_of, is_id, new_id
from admit.core.principal import Ends, Principal
from admit.core.reticent import Reticent
from admit.core.scope import RoleScopes, narrowed, written
from admit.core.store import Change, Delete, Insert, Key, Record, Replace
from admit.core.throttle import Limit
from admit.core.verdict import MAX_LOOK_UP_USE, Seen
from admit.errors import BadCredential, BadInput, Conflict, Expired, LookUpNeeded, Revoked
from admit.ledger import Ledger
from admit.owned import Owned
from admit.subjects import Subject, Subjects
from admit.uses import Uses

MAX_NAME = 64
MAX_KEYS = 100
"""How many a subject may have; of two that are made at once, both may be the last."""

SHORTEST_LIFE, LONGEST_LIFE = 60.0, 10 * 366 * 86_400.0
USUAL_LIFE = 90 * 86_400.0
"""Seconds that a key is good for where nobody says."""

SHORTEST_OVERLAP = MAX_LOOK_UP_USE
"""Seconds for which two secrets overlap at least, if at all: for as long a verifier may go by what it was told."""

LONGEST_OVERLAP = 30 * 86_400.0

CLAIMED = 0.02
"""The part of a key's limit that a process claims from the store at a time."""


class Holder(Protocol):
    """In whose name, and by what was known of him when he was let in: a Principal, or what was read before all else."""

    @property
    def subject(self) -> str:
        """Who owns the key."""

    @property
    def gen(self) -> int:
        """The subject's generation at that time. What ends its keys meanwhile ends the new one too."""


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An API key as it is kept: never its secret. Times are Unix seconds.

    ``scope`` is None where it may do all that its ``owner`` may. ``used_at`` is exact to five minutes, 0 before the
    first use. ``networks`` are those it may be used from, ``limit`` how often; none: from anywhere, without limit.
    """

    id: str
    owner: str
    gen: int
    name: str
    created_at: float
    expires_at: float
    digest: bytes
    used_at: float = 0.0
    scope: str | None = None
    networks: tuple[str, ...] = ()
    limit: Limit | None = None

    def judge(self, owner: Subject, term: int, now: float) -> None:
        """Return if the key is good for its ``owner`` at ``now``, in this ``term``; else raise Revoked or Expired."""
        if self.gen < owner.key_floor:
            raise Revoked(f"API key {self.id} was made before generation {owner.key_floor}")
        if self.gen < term:
            raise Revoked(f"API key {self.id} is from before the last restore, and was not confirmed since")
        if not owner.active:
            raise Revoked(f"subject {self.owner!r} is disabled, and API key {self.id} suspended")
        if now >= self.expires_at:
            raise Expired(f"API key {self.id} has expired")


API_KEY = Codec("api_key", ApiKey)


class Created(Reticent, frozen=True):
    """An API key and its ``text``, shown this once."""

    key: ApiKey
    text: str


class ApiKeys:
    """Makes, finds, rotates and ends API keys."""

    looked_up = True

    def __init__(self, ledger: Ledger, subjects: Subjects, scopes: RoleScopes, proxies: TrustedProxies) -> None:
        self._ledger = ledger
        self._subjects = subjects
        self._scopes = scopes
        self._read = Owned(ledger, subjects, API_KEY, lambda key: key.owner).read
        self.uses = Uses(proxies, ledger.clock, self._claimed, CLAIMED)

    async def create(
        self,
        by: Holder,
        name: str,
        *,
        scope: str | None = None,
        life: float = USUAL_LIFE,
        networks: Iterable[str] = (),
        limit: Limit | None = None,
    ) -> Created:
        """A new API key of the subject that ``by`` is, good for ``life`` seconds.

        ``scope`` is a part of what the owner may do now, and shrinks with that; without one it is all of it, always.
        Raises BadInput, Revoked for a ``by`` that is over.
        """
        now = self._ledger.clock.now()
        asked = ApiKey(
            id=new_id(home_of(by.subject), now, self._ledger.chance),
            owner=by.subject,
            gen=by.gen,
            name=name,
            created_at=now,
            expires_at=now + _life(life),
            digest=b"",
            networks=tuple(networks),
            limit=limit,
        )
        if not 0 < len(name) <= MAX_NAME or not name.isprintable():
            raise BadInput("bad_name", f"A key has a name of 1 to {MAX_NAME} printable characters.", field="name")
        conditions(asked.networks, limit)

        async def attempt() -> Created:
            owner = await self._may(by)
            await self._refuse_one_more(by.subject)
            allowed = None if scope is None else written(narrowed(self._scopes.of(owner.roles), scope))
            return await self._made(Act.API_KEY_CREATED, msgspec.structs.replace(asked, scope=allowed))

        return await self._ledger.decide(attempt)

    async def rotate(self, by: Holder, id: str, *, overlap: float = 0.0) -> Created:
        """Another key like ``id``, in its place at once, or while that one goes on for ``overlap`` seconds.

        An overlap is 0, or 5 minutes to 30 days. Raises BadInput (``no_api_key`` for one that is not of ``by``, or over).
        """
        if overlap and not is_number(overlap, SHORTEST_OVERLAP, LONGEST_OVERLAP):
            raise BadInput("bad_overlap", "The overlap is 0, or 5 minutes to 30 days, in seconds.", field="overlap")

        async def attempt() -> Created:
            owner, now = await self._may(by), self._ledger.clock.now()
            old, record = await self._own(by, id)
            try:
                old.judge(owner, self._ledger.term, now)
            except (Revoked, Expired):
                raise none() from None
            await self._refuse_one_more(by.subject)
            until = min(old.expires_at, now + overlap)
            replaced = (
                (Replace(self._record(msgspec.structs.replace(old, expires_at=until)), record.version),)
                if overlap
                else (Delete(record.kind, id, record.version), self._ledger.ended(Ends.API_KEY, id))
            )
            another = msgspec.structs.replace(
                old,
                id=new_id(home_of(by.subject), now, self._ledger.chance),
                gen=by.gen,
                created_at=now,
                expires_at=now + (old.expires_at - old.created_at),
                used_at=0.0,
            )
            return await self._made(Act.API_KEY_ROTATED, another, *replaced)

        return await self._ledger.decide(attempt)

    async def confirm(self, by: Holder, id: str) -> ApiKey:
        """Let a key of ``by`` that is suspended since a restore go on. Raises BadInput (``no_api_key``)."""

        async def attempt() -> ApiKey:
            owner = await self._may(by)
            key, record = await self._own(by, id)
            # What a reset of the password ended stays so, whatever was restored after it.
            if key.gen < owner.key_floor:
                raise none()
            if key.gen < self._ledger.term:
                key = msgspec.structs.replace(key, gen=by.gen)
                noted = self._ledger.noted(Act.API_KEY_CONFIRMED, key.owner, what=id)
                await self._ledger.commit(Replace(self._record(key), record.version), *noted)
            return key

        return await self._ledger.decide(attempt)

    async def revoke(self, key: ApiKey | str, *, owner: str = "") -> None:
        """End an API key, and tell. It is told even when there was nothing left to end.

        ``owner`` is whose it is, looked up where the audit log has to know and nobody says.
        """
        id = key if isinstance(key, str) else key.id
        if not is_id(id):
            raise none()
        ledger = self._ledger
        if ledger.trail.keeps and not owner:
            [there] = await ledger.get(self.key(id))
            owner = "" if there is None else API_KEY.decode(there).owner
        noted = ledger.noted(Act.API_KEY_REVOKED, owner, what=id, home=id[0])
        await ledger.commit(Delete(API_KEY.kind, id), ledger.ended(Ends.API_KEY, id), *noted)

    async def get(self, id: str) -> ApiKey | None:
        """The API key ``id`` unless it is over, else None; one that is suspended too."""
        read = await self._read(id) if is_id(id) else None
        return None if read is None or self._is_over(read[0], read[2].subject) else read[0]

    async def of(self, owner: str) -> list[ApiKey]:
        """The API keys of ``owner`` that are not over, the latest first; those that are suspended too."""
        subject = await self._subjects.get(owner)
        found = map(API_KEY.decode, await self._ledger.all(API_KEY.kind, anchor(owner)))
        there = (key for key in found if not self._is_over(key, subject))
        return sorted(there, key=lambda key: key.created_at, reverse=True)

    def is_suspended(self, key: ApiKey) -> bool:
        """Whether a key waits to be confirmed, since the restore of a backup."""
        return key.gen < self._ledger.term

    async def remove(self, owner: str, at_most: int) -> int:
        """Remove the records of up to ``at_most`` keys of an owner whose keys are over; how many there were."""
        page = await self._ledger.find(API_KEY.kind, anchor(owner), limit=at_most)
        if page.records:
            await self._ledger.commit(*(Delete(record.kind, record.id) for record in page.records))
        return len(page.records)

    def verify(self, text: str, now: float) -> Seen:  # noqa: ARG002 - no time makes a key prove itself
        """Never says yes: a key proves nothing by itself. Raises BadCredential, LookUpNeeded."""
        parse_api_key(text)
        raise LookUpNeeded("an API key not seen before")

    async def look_up(self, text: str, now: float) -> Seen:
        """What the store knows of an API key; notes that it is used. Raises BadCredential, Revoked, Expired."""
        id, presented = parse_api_key(text)
        read = await self._read(id)
        if read is None:
            raise Revoked(f"there is no API key {id}")
        key, record, held = read
        if not secret.same(key.digest, secret.digest(presented)):
            raise BadCredential(f"not the secret of API key {id}")
        key.judge(held.subject, self._ledger.term, now)
        if now >= key.used_at + MAX_LOOK_UP_USE:
            key = msgspec.structs.replace(key, used_at=now)
            # An update of the version that was read: it cannot bring back a key that has ended meanwhile.
            with suppress(Conflict):
                await self._ledger.commit(Replace(self._record(key), record.version))
        # Whoever goes by this comes again before the time of its last use would be wrong by more than that.
        until = min(now + MAX_LOOK_UP_USE, key.used_at + MAX_LOOK_UP_USE, key.expires_at)
        return Seen(self._principal(key, held.subject), until)

    async def lasts(self, who: Principal, now: float) -> float:
        """When the API key of ``who`` expires (Unix seconds). Raises Revoked, Expired when it is over."""
        id = who.marks[Ends.API_KEY]
        read = await self._read(id)
        if read is None:
            raise Revoked(f"there is no API key {id}")
        key, _, held = read
        key.judge(held.subject, self._ledger.term, now)
        return key.expires_at

    @staticmethod
    def key(id: str) -> Key:
        """The key of the record of an API key."""
        return API_KEY.kind, id

    def _principal(self, key: ApiKey, owner: Subject) -> Principal:
        scope, roles = self._scopes.granted(owner.roles, key.scope)
        return Principal(
            subject=key.owner,
            credential="api_key",
            session=None,
            scope=scope,
            roles=frozenset(roles),
            methods=(),
            # Nobody signed in, so that no route takes it for a sign-in of a moment ago.
            authenticated_at=0.0,
            expires_at=key.expires_at,
            gen=owner.gen,
            marks=("", "", "", key.id, ""),
            conditions=conditions(key.networks, key.limit),
        )

    async def _claimed(self, key: str, limit: Limit, now: float, uses: int) -> int:
        return await self._ledger.count(f"api_key {key} {limit.hits}", limit.window, now, hits=uses)

    async def _own(self, by: Holder, id: str) -> tuple[ApiKey, Record]:
        """The key ``id``, if it is one of ``by``. Raises BadInput: somebody else's is like one that does not exist."""
        [record] = await self._ledger.get(self.key(id)) if is_id(id) else [None]
        key = None if record is None else API_KEY.decode(record)
        if record is None or key is None or key.owner != by.subject:
            raise none()
        return key, record

    async def _may(self, by: Holder) -> Subject:
        """The subject that ``by`` is. Raises Revoked where its keys have ended since, or it is disabled."""
        owner = await self._subjects.get(by.subject)
        if not owner.active or by.gen < owner.key_floor or by.gen < self._ledger.term:
            raise Revoked(f"{by.subject!r} was let in before its keys ended, or is disabled")
        return owner

    async def _refuse_one_more(self, owner: str) -> None:
        if len(await self.of(owner)) >= MAX_KEYS:
            raise BadInput("too_many_keys", f"There are at most {MAX_KEYS} keys; revoke one that nobody uses.")

    async def _made(self, act: Act, key: ApiKey, *also: Change) -> Created:
        presented = secret.new_secret(self._ledger.chance)
        key = msgspec.structs.replace(key, digest=secret.digest(presented))
        noted = self._ledger.noted(act, key.owner, what=key.id)
        await self._ledger.commit(Insert(self._record(key)), *also, *noted)
        return Created(key, write_api_key(key.id, presented))

    def _is_over(self, key: ApiKey, owner: Subject) -> bool:
        return key.gen < owner.key_floor or self._ledger.clock.now() >= key.expires_at

    def _record(self, key: ApiKey) -> Record:
        tags = frozenset({anchor(key.owner)})
        return Record(API_KEY.kind, key.id, API_KEY.encode(key), self._ledger.version(), key.expires_at, tags)


def _life(seconds: float) -> float:
    if is_number(seconds, SHORTEST_LIFE, LONGEST_LIFE):
        return seconds
    raise BadInput("bad_life", "A key lives for a minute to ten years, in seconds.", field="life")


def none() -> BadInput:
    """The fault that there is no such key: the same whether there never was one, it is over, or somebody else's."""
    return BadInput("no_api_key", "You have no such API key, or it is over.", field="id")
