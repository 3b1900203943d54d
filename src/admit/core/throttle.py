"""How often somebody may try: windows that grow, so that a guess costs time and nobody can be locked out for good."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

import msgspec

from admit.errors import ConfigError

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0
_LIMIT: Final = re.compile(r"([0-9]{1,7})/([0-9]{1,8})")


class Limit(msgspec.Struct, frozen=True):
    """At most ``hits`` in each window of ``window`` seconds. Windows lie end to end from the Unix epoch.

    Across the border of two windows twice as many may fall together; in the long run it is as many as said.
    """

    hits: int
    window: float

    @classmethod
    def read(cls, text: str) -> Limit:
        """The limit that is written ``hits/seconds``, such as ``5/60``. Raises ConfigError."""
        found = _LIMIT.fullmatch(text)
        if found is None:
            raise ConfigError([f"{text!r} is not a limit; write tries and seconds, such as 5/60."])
        return cls(int(found[1]), float(found[2]))

    def rest(self, now: float) -> float:
        """Seconds until the window around ``now`` is over."""
        return self.window - now % self.window


Limits = tuple[Limit, ...]


class ThrottlePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How many tries fail before one has to wait, and how long. Each is a tuple of limits, the shortest first.

    ``account``: at one account, by all who are not known there. ``consecutive``: the same without a success
    in between (NIST SP 800-63B-4, section 3.2.2: not above 100). ``device``: at one account, from one device
    that signed in there before; and at one session's confirmation. ``source``: from one address, at all
    accounts. ``sign_up``: accounts asked for from one address. Raises ConfigError.
    """

    account: Limits = (Limit(5, _MINUTE), Limit(20, _HOUR), Limit(50, _DAY))
    consecutive: Limit = Limit(100, 30 * _DAY)
    device: Limits = (Limit(5, _MINUTE), Limit(20, _HOUR), Limit(50, _DAY))
    source: Limits = (Limit(20, _MINUTE), Limit(100, _HOUR), Limit(300, _DAY))
    sign_up: Limits = (Limit(20, _MINUTE), Limit(60, _HOUR), Limit(200, _DAY))

    def __post_init__(self) -> None:
        faults: list[str] = []
        for name in ("account", "device", "source", "sign_up"):
            faults += _faults(name, getattr(self, name))
        if not 1 <= self.consecutive.hits <= 100:
            faults.append(f"consecutive allows {self.consecutive.hits} failures in a row; write 1 to 100.")
        if not self.consecutive.window >= _DAY:
            faults.append("consecutive is forgotten within a day; write at least 86400 seconds.")
        if faults:
            raise ConfigError(faults)


def _faults(name: str, limits: Limits) -> list[str]:
    if not limits or not all(limit.hits >= 1 and 1 <= limit.window <= 400 * _DAY for limit in limits):
        return [f"{name} needs at least one limit, each of at least 1 try in 1 second to 400 days, such as 5/60."]
    # Else the longer one would never be reached, or fill up with tries that the shorter one has refused.
    if any(not (one.hits < next.hits and one.window < next.window) for one, next in pairwise(limits)):
        return [f"{name} must grow from limit to limit, in tries and in seconds, such as 5/60 20/3600."]
    return []


MODERATE: Final = ThrottlePolicy()
"""Five failures a minute at an account, then longer and longer; twenty a minute from an address."""
