"""Known devices: what a browser keeps to show that somebody signed in with it before (OWASP: device cookies).

It opens nothing. Whoever guesses at an account does not have it, so the owner need not wait in his line.
"""

from __future__ import annotations

import hmac

from admit.core import secret
from admit.core.secret import Master
from admit.core.world import Chance

PREFIX = "adm_d_"
LIFE = 180 * 86_400.0
"""Seconds that a device is known after a sign-in."""

_PURPOSE = "known device"
_NONCE_BYTES = 12
_MAC_BYTES = 16


def marked(master: Master, account: str, now: float, chance: Chance) -> str:
    """What a device keeps that signed in to ``account`` at ``now``."""
    nonce = secret.written(chance(_NONCE_BYTES))
    begun = f"{master.current}.{int(now + LIFE)}.{nonce}"
    return f"{PREFIX}{begun}.{_mac(master, master.current, account, begun)}"


def known(master: Master, account: str, text: str, now: float) -> str | None:
    """The name of the device that keeps ``text``, if it is one that signed in to ``account`` before; else None."""
    begun, _, mac = text.removeprefix(PREFIX).rpartition(".")
    fields = begun.split(".")
    if not text.startswith(PREFIX) or len(fields) != 3 or not text.isascii():
        return None
    key_id, until, nonce = fields
    expected = _mac(master, key_id, account, begun)
    if expected is None or not hmac.compare_digest(mac, expected):
        return None
    return nonce if int(until) > now else None


def _mac(master: Master, key_id: str, account: str, begun: str) -> str | None:
    key = master.key(_PURPOSE, key_id)
    if key is None:
        return None
    return secret.written(hmac.digest(key, f"{account} {begun}".encode(), "sha256")[:_MAC_BYTES])
