"""A short name for the device of a session, from its User-Agent."""

from __future__ import annotations

from functools import lru_cache

from admit.core.request import Request

_READ_AT_MOST = 512

# In this order: nearly everything also claims to be Safari, Edge and Opera also Chrome, Android also Linux.
_BROWSERS = (
    (b"Edg", "Edge"),
    (b"OPR/", "Opera"),
    (b"SamsungBrowser/", "Samsung"),
    (b"Firefox/", "Firefox"),
    (b"FxiOS/", "Firefox"),
    (b"CriOS/", "Chrome"),
    (b"Chrome/", "Chrome"),
    (b"Safari/", "Safari"),
    (b"curl/", "curl"),
    (b"python", "Python"),
)
_SYSTEMS = (
    (b"Android", "Android"),
    (b"iPhone", "iOS"),
    (b"iPad", "iOS"),
    (b"Windows", "Windows"),
    (b"CrOS", "ChromeOS"),
    (b"Mac OS X", "macOS"),
    (b"Linux", "Linux"),
)


def device_of(request: Request) -> str:
    """``Firefox/Linux``, or as much of it as is known: only words of ours, at most 16 bytes."""
    return _named(b" ".join(request.values(b"user-agent"))[:_READ_AT_MOST])


@lru_cache(maxsize=512)  # few browsers send most requests
def _named(agent: bytes) -> str:
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return "/".join(filter(None, (browser, system)))
