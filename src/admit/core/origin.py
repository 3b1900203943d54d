"""Origins (RFC 6454): which one is ours, and whether a browser sent a request on behalf of another."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from admit.core.faults import Faults
from admit.core.request import Request
from admit.errors import BadCredential, ConfigError, CrossOrigin

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

_DEFAULT_PORTS = {"https": 443, "http": 80}
_VISIBLE = frozenset(map(chr, range(0x21, 0x7F)))
_HOST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-.:[]_")


def origin_of(url: str) -> str:
    """The origin of a http or https URL: scheme, host and port, lower case, default port left out.

    Raises ValueError with words that say what to write.
    """
    # urlsplit passes over white space and controls; what compares the text as it is would not.
    if not _VISIBLE.issuperset(url):
        raise ValueError(f"{url!r} has characters that no URL has; write it in ASCII, without spaces")
    parts = urlsplit(url)
    port = parts.port
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is not a URL; write one like https://app.example.com")
    if parts.username is not None or not _HOST.issuperset(parts.hostname):
        raise ValueError(f"{url!r} has a host that is not one; write it without a user name")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    suffix = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


def configured_origin(text: str) -> str:
    """``text`` as an origin somebody configured. Raises ValueError for anything more or less than an origin."""
    origin = origin_of(text)
    if text.partition("://")[2] != urlsplit(text).netloc:
        raise ValueError(f"{text!r} is more than an origin; write {origin}")
    return origin


def configured_origins(texts: Collection[str]) -> set[str]:
    """The origins of a configured list. Raises ConfigError with all that is wrong."""
    if isinstance(texts, str):
        raise ConfigError([f"trusted_origins is one text; write a list: [{texts!r}]."])
    faults = Faults()
    found = {faults.of(configured_origin, text) for text in texts}
    faults.report()
    return found


def issuer(text: str) -> str:
    """``text`` as an issuer (RFC 8414, section 2): https, or http on a loopback address; no query, no fragment.

    Raises ValueError with words that say what to write.
    """
    origin_of(text)
    parts = urlsplit(text)
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise ValueError(f"The issuer {text!r} has a query or a fragment; write the URL without it.")
    if parts.port == 0:
        raise ValueError(f"Nobody can reach port 0; write the issuer as others reach it, instead of {text!r}.")
    if text.endswith("/"):
        raise ValueError(f"The issuer {text!r} ends with a slash; write {text.rstrip('/')!r}.")
    if parts.scheme == "http" and not is_loopback(parts):
        raise ValueError(
            f"The issuer {text!r} is plain http on a host that others can reach; write https, or use 127.0.0.1."
        )
    return text


def audience(text: str) -> str:
    """``text`` as whom tokens are for (RFC 7519, section 4.1.3). Raises ValueError when nobody could be named so."""
    if not text or not _VISIBLE.issuperset(text):
        raise ValueError(f"The audience {text!r} has characters that no name has; write a URL or a word in ASCII.")
    return text


def is_loopback(parts: SplitResult) -> bool:
    """Whether the host of a split URL can only be this machine."""
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def refuse_cross_origin(request: Request, ours: str, trusted: Collection[str] = ()) -> None:
    """Return if ``request`` may change state here; raise CrossOrigin if a browser sent it for another origin.

    Sec-Fetch-Site decides where a browser sends it, else Origin against the *configured* origin ``ours``: a
    Host header is the sender's word. same-site is not same-origin. Neither header: not a browser.
    """
    if request.method in SAFE_METHODS:
        return
    origin = _only(request, b"origin")
    if origin is not None and origin in trusted:
        return
    match _only(request, b"sec-fetch-site"):
        case "same-origin" | "none":
            return
        case None:
            if origin is not None and origin != ours:
                raise CrossOrigin(f"sent by a page of {origin!r}")
        case site:
            raise CrossOrigin(f"sec-fetch-site is {site!r}, origin {origin!r}")


def sent_by_no_other_page(site: str | None, origin: str | None) -> bool:
    """Whether these two headers alone let a request change state, wherever ours is and whatever its method.

    ``site`` is Sec-Fetch-Site and ``origin`` Origin, None where there is none, and there is no second. Where it is
    False, :func:`refuse_cross_origin` has the last word.
    """
    return site in {"same-origin", "none"} or (site is None and origin is None)


def _only(request: Request, name: bytes) -> str | None:
    values = request.values(name)
    if len(values) > 1:
        raise BadCredential(f"two {name.decode()} headers")
    return values[0].decode("latin-1") if values and values[0] else None
