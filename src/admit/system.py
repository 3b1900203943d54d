"""The world as it is: the system's clocks and its source of chance, for whoever is handed no other."""

from __future__ import annotations

import secrets
import time

# CLOCK_BOOTTIME counts while the machine is suspended; CLOCK_MONOTONIC, where there is no other, may not.
_LEASE_CLOCK = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


class SystemClock:
    """The clocks of this machine."""

    now = staticmethod(time.time)

    def lease(self) -> float:
        """Seconds since the machine started, suspension included."""
        return time.clock_gettime(_LEASE_CLOCK) if _LEASE_CLOCK is not None else time.monotonic()


chance = secrets.token_bytes
"""The system's cryptographically secure source."""
