"""A request that passes several guards is one use of an API key, and its answer tells how many are left."""

from __future__ import annotations

from collections.abc import Collection, MutableMapping
from typing import Any

from admit.core.answers import rate_headers
from admit.core.door import Door
from admit.core.principal import Principal

USED = "admit.used"
"""The key of what is remembered of a request whose API key has conditions; of any other there is nothing."""

Memory = MutableMapping[str, Any]
"""What there is one of for each request: the scope of ASGI, the environ of WSGI. No header of a client gets in there."""


def used(memory: Memory, door: Door, accept: Collection[str]) -> Principal | None:
    """Whom the request was found to speak for at ``door``, with conditions that were met, if that counts here too.

    What counted where more was accepted counts where less is, unless that is not accepted.
    """
    found: tuple[Door, Principal] | None = memory.get(USED)
    if found is None or found[0] is not door or found[1].credential not in accept:
        return None
    return found[1]


def note(memory: Memory, door: Door, who: Principal) -> None:
    """Remember for this request that ``who`` met its conditions at ``door``."""
    if who.conditions is not None:
        memory[USED] = door, who


def told(memory: Memory) -> dict[str, str]:
    """The headers for the answer to this request: how often its API key may still be used, if it has a limit."""
    found: tuple[Door, Principal] | None = memory.get(USED)
    left = None if found is None else found[0].left(found[1])
    return {} if left is None else rate_headers(left.limit.hits, left.limit.window, left.uses, left.seconds)
