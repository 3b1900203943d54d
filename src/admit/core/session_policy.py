"""How long sessions live, and how many of them somebody may have: a policy, and three that others have written down."""

from __future__ import annotations

import msgspec

from admit.core.faults import is_number, is_whole
from admit.errors import ConfigError

_LONGEST = 400 * 86_400.0


class SessionPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How long a session lives, in seconds: ``idle`` without activity, ``absolute`` whatever happens.

    A subject has at most ``max_sessions`` at once (ASVS 5.0, 7.1.2): one more, and the one that was not seen for
    the longest time ends. Raises ConfigError with all that is wrong.
    """

    idle: float
    absolute: float
    max_sessions: int = 100

    def __post_init__(self) -> None:
        faults: list[str] = []
        idle = is_number(self.idle, 1, _LONGEST)
        if not idle:
            faults.append(f"The idle limit of sessions is {self.idle!r}; write 1 second to 400 days, in seconds.")
        if not is_number(self.absolute, self.idle if idle else 1, _LONGEST):
            fault = f"The absolute limit of sessions is {self.absolute!r}"
            faults.append(f"{fault}; write at least the idle limit, at most 400 days, in seconds.")
        if not is_whole(self.max_sessions, 1, 1_000):
            faults.append(f"A subject may have {self.max_sessions!r} sessions at once; write 1 to 1000.")
        if faults:
            raise ConfigError(faults)


STRICT = SessionPolicy(idle=15 * 60, absolute=12 * 3_600, max_sessions=10)
"""NIST SP 800-63B-4, section 2.3.3 (AAL3): 15 minutes idle, 12 hours in all; ten devices."""

BALANCED = SessionPolicy(idle=3_600, absolute=24 * 3_600)
"""NIST SP 800-63B-4, section 2.2.3 (AAL2): an hour idle, a day in all."""

RELAXED = SessionPolicy(idle=14 * 86_400, absolute=30 * 86_400)
"""NIST SP 800-63B-4, section 2.1.3 (AAL1): 30 days in all, idle for a fortnight."""
