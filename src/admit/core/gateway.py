"""How each gateway asks whether a request may pass: where it writes what the request is for, and nothing else counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from admit.core.policy import Gateway
from admit.core.request import Request
from admit.core.target import Ambiguous

SET = b"x-admit-"
"""What headers begin with that a gateway tells an upstream by who asks. A client has no business to send one."""

# What some framework, or a server behind, takes the method or the path from in place of the request line.
_OVERRULING: Final = frozenset(
    {b"x-http-method-override", b"x-http-method", b"x-method-override", b"x-original-url", b"x-rewrite-url"}
)
_HARMLESS: Final = frozenset({b"", b"close", b"keep-alive", b"upgrade", b"te", b"http2-settings"})


class Form(msgspec.Struct, frozen=True):
    """The headers in which a gateway writes method, host and target of the request it asks about."""

    method: bytes
    host: bytes
    target: bytes


_FORWARDED: Final = Form(b"x-forwarded-method", b"x-forwarded-host", b"x-forwarded-uri")
_FORMS: Final[Mapping[Gateway, Form | None]] = {
    "nginx": Form(b"x-original-method", b"x-original-host", b"x-original-uri"),
    "traefik": _FORWARDED,
    "caddy": _FORWARDED,
    "envoy": None,  # asks with the method, the host and the path of the request itself
}


class Asked(msgspec.Struct, frozen=True):
    """What a gateway asks about, as it says it; ``opens_socket`` is whether a WebSocket would open."""

    method: str
    host: str
    target: str
    opens_socket: bool


def asked(gateway: Gateway, method: str, target: str, headers: Iterable[tuple[bytes, bytes]]) -> Asked:
    """What ``gateway`` asks about with a request for ``target``, a path below the endpoint. Raises Ambiguous."""
    form = _FORMS[gateway]
    names = (b"host",) if form is None else (form.method, form.host, form.target)
    said: dict[bytes, bytes] = {}
    opens_socket = False
    for name, value in headers:
        if name in names:
            if name in said:
                raise Ambiguous(f"two {name.decode()} headers")
            said[name] = value
        elif name in _OVERRULING:
            raise Ambiguous(f"a header {name.decode()}, which some servers obey")
        elif b"_" in name:
            _refuse_disguised(name)
        elif name == b"connection":
            _refuse_taken_away(value)
        elif name == b"sec-websocket-key" or (name == b"upgrade" and value.lower() == b"websocket"):
            opens_socket = True
    if len(said) < len(names):
        raise Ambiguous(f"the gateway has to say {', '.join(one.decode() for one in names)}")
    text = {name: value.decode("latin-1") for name, value in said.items()}
    if form is None:
        return Asked(method, text[b"host"], target, opens_socket)
    return Asked(text[form.method], text[form.host], text[form.target], opens_socket)


def as_sent(asked: Asked, origin: str, headers: tuple[tuple[bytes, bytes], ...], peer: str | None) -> Request:
    """The request that ``asked`` is about, at ``origin``, as the core sees it.

    What opens a WebSocket is CONNECT, as it is to guards: a page of another site must not open one with a cookie.
    """
    return Request("CONNECT" if asked.opens_socket else asked.method, origin + asked.target, headers, peer)


def _refuse_disguised(name: bytes) -> None:
    """Raise Ambiguous if ``name`` becomes one of ours where an application reads `_` and `-` as the same (CGI, WSGI)."""
    plain = name.replace(b"_", b"-")
    if plain.startswith((SET, b"x-forwarded-", b"x-original-")) or plain in _OVERRULING:
        raise Ambiguous(f"a header {name.decode('latin-1')!r}")


def _refuse_taken_away(value: bytes) -> None:
    """Raise Ambiguous if the sender had somebody on the way take headers away (RFC 9110, 7.6.1)."""
    if not _HARMLESS.issuperset(one.strip(b" \t").lower() for one in value.split(b",")):
        raise Ambiguous("a Connection header that names others")
