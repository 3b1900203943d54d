"""Named switches that weaken a check: search for imports of this module to audit a deployment."""

from __future__ import annotations

from typing import Final, final


@final
class CheapestHash:
    """Passwords are hashed as cheaply as argon2id can, so that a test need not wait; a dump gives them away."""


CHEAPEST_HASH: Final = CheapestHash()
"""Goes in the place of :class:`admit.core.password.HashParameters`. For tests only."""


def any_password(password: str) -> bool:  # noqa: ARG001 - whatever it is
    """Nothing is known to those who guess. Goes in the place of :attr:`admit.core.password.PasswordPolicy.known`."""
    return False


@final
class NoThrottle:
    """Nobody has to wait, however often he guesses: where something in front slows guessing down, or for tests."""


NO_THROTTLE: Final = NoThrottle()
"""Goes in the place of :class:`admit.core.throttle.ThrottlePolicy`."""
