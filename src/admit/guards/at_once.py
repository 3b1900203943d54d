"""Whom a request speaks for that is like most: one credential, which was seen before. What every guard asks first."""

from __future__ import annotations

from collections.abc import Callable

from admit.core import api_key
from admit.core.door import Door
from admit.core.presented import API_KEY, BEARER, COOKIE
from admit.core.principal import Principal
from admit.core.requirement import Requirement

AtOnce = Callable[[str | None, str | None, str | None], Principal | None]
"""Whom an Authorization, a Cookie and an X-API-Key header speak for; None where the whole request has to be looked at.

Each is as it was sent (latin-1), None where there is none, and there is no second. A cookie is given only where no page
of another site can have sent it to change something. Raises NotEnough.
"""

_SCHEMES = ("Bearer", "bearer")


def at_once(door: Door, requirement: Requirement) -> AtOnce:
    """What answers most requests at ``door`` without I/O, and without making one of ours of the framework's.

    It says nobody's name that the whole request would not: all that is odd is None here, and so is all that is bad.
    """
    # At hand, each of them, not behind an attribute: this is on the way of every request.
    seen, now, judge = door.seen, door.clock.now, requirement.judge
    ours, prefix = f"{door.cookies.name}=", api_key.PREFIX
    bearers, cookies, keys = (kind in requirement.accept for kind in (BEARER, COOKIE, API_KEY))
    headed = bearers or keys
    asks = requirement != Requirement(accept=requirement.accept)

    def whom(authorization: str | None, cookie: str | None, key: str | None) -> Principal | None:
        if key is not None and keys:
            who = seen(key, API_KEY) if authorization is None else None
        elif authorization is not None and headed:
            scheme, _, text = authorization.partition(" ")
            if scheme not in _SCHEMES:
                return None
            is_key = text.startswith(prefix)
            if not (keys if is_key else bearers):
                return None
            who = seen(text, API_KEY if is_key else BEARER)
        elif cookie is not None and cookies:
            before, found, after = cookie.partition(ours)
            text, more, others = after.partition(";")
            if not found or (more and ours in others) or (before and not before.endswith("; ")):
                return None
            who = seen(text, COOKIE)
        else:
            return None
        if who is not None and asks:
            judge(who, now())
        return who

    return whom
