"""What each use of a credential has to meet beside being good: where it comes from, and how often."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_network

import msgspec

from admit.core.address import Address, Network
from admit.core.throttle import Limit
from admit.errors import BadInput

MAX_NETWORKS = 32
MAX_HITS = 1_000_000_000
LONGEST_WINDOW = 31 * 86_400.0


class Conditions(msgspec.Struct, frozen=True):
    """Used from ``networks`` only, if there are any, and at most as often as ``limit`` says, if there is one.

    They are texts, so that a principal can be written as JSON and read back, whoever does that.
    """

    networks: tuple[str, ...] = ()
    limit: Limit | None = None

    def allow(self, sender: Address | None) -> bool:
        """Whether ``sender`` is where it may be used from. Who has no address is nowhere."""
        if not self.networks:
            return True
        known = map(_network, self.networks)
        return sender is not None and any(sender.version == network.version and sender in network for network in known)


def conditions(networks: Iterable[str], limit: Limit | None) -> Conditions | None:
    """The conditions as they are written, None where there are none. Raises BadInput."""
    written = tuple(networks)
    if not written and limit is None:
        return None
    if len(written) > MAX_NETWORKS:
        raise BadInput("bad_network", f"At most {MAX_NETWORKS} networks.", field="networks")
    if limit is not None and not (1 <= limit.hits <= MAX_HITS and 1 <= limit.window <= LONGEST_WINDOW):
        fault = f"A limit is 1 to {MAX_HITS} uses in 1 second to {LONGEST_WINDOW / 86_400:g} days, such as 100/60."
        raise BadInput("bad_limit", fault, field="limit")
    for text in written:
        _network(text)
    return Conditions(written, limit)


@lru_cache(maxsize=10_000)
def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        fault = "A network is written as an address, or like 192.0.2.0/24 or 2001:db8::/32."
        raise BadInput("bad_network", fault, field="networks") from None
