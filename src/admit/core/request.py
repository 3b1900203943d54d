"""A request as the core sees it; guards turn their framework's request into this and do nothing else."""

from __future__ import annotations

from admit.core.reticent import Reticent


class Request(Reticent, frozen=True):
    """What was asked, by whom, as bytes from the wire.

    ``headers`` holds (name, value) pairs with lower-case names, in the order of the wire, duplicates kept.
    ``url`` is the whole URL as the application understands it. ``peer`` is the address of the other end of
    the connection, or None.
    """

    method: str
    url: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    peer: str | None = None

    def values(self, name: bytes) -> list[bytes]:
        """Every value of the header ``name`` (lower case), in the order of the wire."""
        return [value for key, value in self.headers if key == name]
