"""How many bytes it takes that somebody is signed in: at the server, at the client, and with each request."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from admit.lab.report import Storage
from admit.lab.running import Running, subjects
from admit.lab.strategy import Held, Listing

A_MILLION = 1_000_000


async def storage(
    lane: Running, sizes: Sequence[int], *, loaded: int = 0, told: Callable[[int], None] = lambda _: None
) -> Storage:
    """What is kept of ``sizes`` people, who are signed in one size after the other and stay so. Raises Unavailable.

    ``loaded`` people are there already; ``told`` hears of each size before it begins.
    """
    kept: dict[int, float] = {}
    for size in sorted(sizes):
        told(size)
        await lane.issuer.load(subjects(size - loaded))
        loaded = size
        kept[size] = await lane.issuer.kept_bytes() / size
    held = await lane.issuer.sign_in(*subjects(1))
    each, formula = at_a_million(kept)
    if isinstance(lane.issuer, Listing) and lane.issuer.listed:
        formula += f", of whom {lane.issuer.listed:,} have a token on the list of what has ended"
    return Storage(kept, len(held.kept.encode()), _on_the_wire(held), formula, each)


def at_a_million(kept: dict[int, float]) -> tuple[float, str]:
    """The bytes for each of a million, and by which formula they follow from those of fewer."""
    most = max(kept)
    if most >= A_MILLION:
        return kept[most], "measured"
    if not any(kept.values()):
        return 0.0, "nothing is kept of anybody"
    # What a store takes once, however many there are, is shared by more.
    fewer = [size for size in kept if size <= most / 10]
    if fewer:
        base = max(fewer)
        slope = (kept[most] * most - kept[base] * base) / (most - base)
        once = max(0.0, (kept[most] - slope) * most)
        return (once + slope * A_MILLION) / A_MILLION, f"{once:,.0f} + {slope:.1f} × people, from {base:,} and {most:,}"
    return kept[most], f"{kept[most]:.1f} × people, as of {most:,}"


def _on_the_wire(held: Held) -> int:
    """The bytes of the line that goes with each request (RFC 9112, section 5)."""
    name, value = held.header
    return len(f"{name}: {value}\r\n".encode())
