"""The signing keys of an authority: one keyring in the store, read by every process."""

from __future__ import annotations

from admit.core.store import Key
from admit.ledger import TERM

KEYRING: Key = ("keyring", TERM[1])
"""The one record of the keyring. Of several processes that make it, one wins and the others read."""

REREAD = 60.0
"""Seconds after which the keyring is read again before something is signed or an unknown key is refused."""

REREAD_UNKNOWN = 5.0
"""Seconds between two reads for unknown key ids, so that garbage costs no reads."""
