"""Verifier keys: what a service shows that follows the revocation log, and can do nothing else with it."""

from __future__ import annotations

import msgspec

from admit.core import origin, secret
from admit.core.audit import Act
from admit.core.codec import Codec
from admit.core.ids import is_id, new_id
from admit.core.store import Delete, Insert, Record
from admit.errors import BadCredential, BadInput
from admit.ledger import TERM, Ledger

PREFIX = "adm_v_"
MAX_NAME = 64

KEPT = 1.0
"""Seconds for which a verifier key is taken for what it was when it was read."""

_ALL = "verifiers"
_HOME = TERM[1][0]


class VerifierKey(msgspec.Struct, frozen=True, kw_only=True):
    """A verifier key as it is kept: never its secret. ``created_at`` is a Unix time.

    ``audience`` is whose tokens it may ask about: its own.
    """

    id: str
    name: str
    audience: str
    created_at: float
    digest: bytes


VERIFIER = Codec("verifier", VerifierKey)
# All of them live where nobody's things do, under one tag: there are as many as services, not as people.
_TAG = _HOME + _ALL


class VerifierKeys:
    """Makes, knows and withdraws verifier keys."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._read: dict[str, tuple[float, VerifierKey]] = {}

    async def create(self, name: str, audience: str) -> str:
        """A new verifier key for the service ``name``, whose tokens are for ``audience``, shown this once.

        Raises BadInput.
        """
        if not 0 < len(name) <= MAX_NAME or not name.isprintable():
            raise BadInput("bad_name", f"A verifier has a name of 1 to {MAX_NAME} printable characters.", field="name")
        try:
            origin.audience(audience)
        except ValueError as error:
            raise BadInput("bad_audience", str(error), field="audience") from error
        now, presented = self._ledger.clock.now(), secret.new_secret(self._ledger.chance)
        id = new_id(_HOME, now, self._ledger.chance)
        key = VerifierKey(id=id, name=name, audience=audience, created_at=now, digest=secret.digest(presented))
        record = Record(VERIFIER.kind, id, VERIFIER.encode(key), self._ledger.version(), tags=frozenset({_TAG}))
        await self._ledger.commit(Insert(record), *self._ledger.noted(Act.VERIFIER_CREATED, what=id))
        return f"{PREFIX}{id}.{presented}"

    async def admit(self, text: str) -> VerifierKey:
        """The key that ``text`` is, or was :data:`KEPT` seconds ago. Raises BadCredential, StoreError."""
        id, _, presented = text.removeprefix(PREFIX).partition(".")
        if not text.startswith(PREFIX) or not is_id(id) or len(presented) != secret.SECRET_DIGITS:
            raise BadCredential("not a verifier key")
        key = await self._known(id)
        if not secret.same(key.digest, secret.digest(presented)):
            raise BadCredential(f"not the secret of verifier key {id}")
        return key

    async def _known(self, id: str) -> VerifierKey:
        now = self._ledger.clock.lease()
        until, key = self._read.get(id, (now, None))
        if key is None or now >= until:
            self._read.pop(id, None)
            [record] = await self._ledger.get((VERIFIER.kind, id))
            if record is None:
                raise BadCredential(f"there is no verifier key {id}")
            key = VERIFIER.decode(record)
            # Each service asks several times a second, and a read of the store costs more than the answer.
            self._read[id] = (now + KEPT, key)
        return key

    async def list(self) -> list[VerifierKey]:
        """All verifier keys, the oldest first."""
        found = await self._ledger.find(VERIFIER.kind, _TAG)
        keys = [VERIFIER.decode(record) for record in found.records]
        while found.after is not None:
            found = await self._ledger.find(VERIFIER.kind, _TAG, after=found.after)
            keys += [VERIFIER.decode(record) for record in found.records]
        return sorted(keys, key=lambda key: key.created_at)

    async def revoke(self, id: str) -> None:
        """Withdraw a verifier key: whoever has it learns nothing new, and soon accepts nothing. Raises BadInput."""
        if is_id(id):
            [record] = await self._ledger.get((VERIFIER.kind, id))
            if record is not None:
                noted = self._ledger.noted(Act.VERIFIER_REVOKED, what=id)
                await self._ledger.commit(Delete(VERIFIER.kind, id), *noted)
                self._read.pop(id, None)
                return
        raise BadInput("no_verifier", f"There is no verifier key {id!r}.", field="id")
