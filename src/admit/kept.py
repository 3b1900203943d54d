"""What a store keeps of accounts: one of their own, where all else lies in another."""

from __future__ import annotations

import msgspec

from admit.core.codec import Codec
from admit.untold import Untold


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the store has of an account: ``password`` is a PHC string, None where there is no password.

    ``untold`` is what its subject has still to learn, where that lies in another store.
    """

    email: str
    created_at: float
    password: str | None = None
    untold: Untold | None = None
    service: bool = False


class Owner(msgspec.Struct, frozen=True):
    """Whose an e-mail address is. A record of its own, so that of two who take it at once one meets a Conflict."""

    account: str


class Sweep(msgspec.Struct, frozen=True):
    """That an account was deleted, and what it had is still to be removed."""


ACCOUNT = Codec("account", Kept)
EMAIL = Codec("email", Owner)
SWEEP = Codec("sweep", Sweep)

KINDS = frozenset(codec.kind for codec in (ACCOUNT, EMAIL, SWEEP))
"""What lies in the store of the accounts, where that is another than the one of the sessions."""
