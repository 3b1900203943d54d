"""Addresses of clients: who sent a request, as far as those in between can be trusted, in one spelling."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Literal, get_args

import msgspec

from admit.core.request import Request
from admit.errors import ConfigError

ProxyHeader = Literal["x-forwarded-for", "forwarded", "x-real-ip"]
"""The header in which a proxy says who connected to it. One of them: a sender could write what is in another."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NOWHERE = "unknown"
"""The source of requests whose peer has no address, such as those of a socket in the file system."""

_SUBSCRIBER = 64  # RFC 6177: the smallest that anybody is given; he has every address in it
# The largest networks that one organisation has for itself: 10.0.0.0/8 (RFC 1918), fc00::/7 (RFC 4193), a registry's /16.
_LARGEST: Final = {4: 8, 6: 16}
_LOCAL: Final = IPv6Network("fc00::/7")
_PORT: Final = re.compile(r":[0-9]{1,5}")
# One pair of a Forwarded header, and what ends it; a comma within quotes ends nothing.
_PAIR: Final = re.compile(
    r"[ \t]{0,8}([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32})="
    r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}|\"(?:[^\"\\]|\\.){0,128}\")"
    r"[ \t]{0,8}([;,]|\Z)"
)


class TrustedProxies(msgspec.Struct, frozen=True):
    """Whose word about a sender's address counts, and in which header they give it.

    ``networks`` are those of the proxies, such as ``127.0.0.1`` or ``10.0.0.0/8``. Raises ConfigError.
    """

    networks: tuple[Network, ...] = ()
    header: ProxyHeader = "x-forwarded-for"

    @classmethod
    def of(cls, networks: Iterable[str], header: ProxyHeader = "x-forwarded-for") -> TrustedProxies:
        """The proxies of ``networks``, each written as an address or in CIDR notation."""
        faults: list[str] = []
        read: list[Network] = []
        for text in networks:
            try:
                read.append(network := ip_network(text))
            except ValueError:
                faults.append(f"{text!r} is not the network of a proxy; write one like 127.0.0.1 or 10.0.0.0/8.")
                continue
            local = isinstance(network, IPv6Network) and network.subnet_of(_LOCAL)
            if network.prefixlen < _LARGEST[network.version] and not local:
                # ENU-04: whoever guesses would be a proxy himself, and write another address for each guess.
                faults.append(f"{text!r} holds strangers, who could name any address; write where your proxies are.")
        if header not in get_args(ProxyHeader):
            faults.append(f"{header!r} is not a header of proxies; write one of {', '.join(get_args(ProxyHeader))}.")
        if faults:
            raise ConfigError(faults)
        return cls(tuple(read), header)

    def client(self, request: Request) -> Address | None:
        """Who sent ``request``: the last in the chain whom we do not trust. None when there is no address at all.

        A sender writes what he likes into a header, and his proxies add to its end. So it is read from there,
        and only while everyone who added to it is trusted. What cannot be read leaves it at the peer's address.
        """
        peer = _peer(request.peer or "")
        if peer is None or not self.trusts(peer):
            return peer
        said = self._said(request)
        if not said or None in said:
            return peer
        chain = [hop for hop in said if hop is not None]
        return next((hop for hop in reversed(chain) if not self.trusts(hop)), chain[0])

    def source(self, request: Request) -> str:
        """The name under which tries of the sender of ``request`` are counted."""
        return source_of(self.client(request))

    def trusts(self, who: Address) -> bool:
        """Whether ``who`` is one of the proxies."""
        return any(who.version == network.version and who in network for network in self.networks)

    def _said(self, request: Request) -> list[Address | None]:
        values = [value.decode("latin-1") for value in request.values(self.header.encode())]
        if self.header == "forwarded":
            return _forwarded(", ".join(values))
        if self.header == "x-real-ip" and len(values) != 1:
            return []
        return [address(hop) for value in values for hop in value.split(",")]


NO_PROXIES: Final = TrustedProxies()
"""The peer is who it is."""


def address(text: str) -> Address | None:
    """The address that ``text`` writes, None if it writes none; an IPv4 address in IPv6 is that IPv4 address.

    A port may follow and does not matter. A zone (``%eth0``) is of no meaning to anybody else, and refused:
    it would be any number of names for one address. So are leading zeros, and numbers other than decimal.
    """
    text = text.strip(" \t")
    if text.startswith("["):
        text, bracket, port = text[1:].partition("]")
        if not bracket or ":" not in text or (port and not _PORT.fullmatch(port)):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not _PORT.fullmatch(f":{port}"):
            return None
    if "%" in text or not text.isascii():
        return None
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


_peer: Final = lru_cache(1_024)(address)  # a connection brings many requests, and a proxy those of everybody


def source_of(who: Address | None) -> str:
    """One name for all the addresses that one sender can choose among: an IPv4 address, or a /64 of IPv6."""
    match who:
        case None:
            return NOWHERE
        case IPv4Address():
            return str(who)
        case IPv6Address():
            return str(IPv6Network((who, _SUBSCRIBER), strict=False))


def _forwarded(header: str) -> list[Address | None]:
    """The ``for`` of each element of a Forwarded header (RFC 7239, section 4); None for what cannot be read."""
    chain: list[Address | None] = []
    named: list[str] = []
    place, end = 0, ","
    while place < len(header) or (header and end):
        found = _PAIR.match(header, place)
        if found is None:
            # Such as a quote that is never closed: somebody means to swallow what a proxy writes behind it.
            return [None]
        name, value, end = found.groups()
        if name.lower() == "for":
            named.append(value)
        if end != ";":
            chain.append(_unquoted(named[0]) if len(named) == 1 else None)
            named = []
        place = found.end()
    return chain


def _unquoted(value: str) -> Address | None:
    return address(re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value)
