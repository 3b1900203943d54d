"""Where somebody goes back to after signing in: a path of ours, by the rules that browsers read URLs by."""

from __future__ import annotations

from urllib.parse import unquote

MAX_RETURN_LENGTH = 2_048

# What a browser makes of anything else, it makes before it looks for the host: tabs and line ends vanish, white
# space around goes, a backslash is a slash (WHATWG URL, 4.1 and 4.4).
_PLAIN = frozenset(map(chr, range(0x21, 0x7F))) - {"\\"}
_DOTS = frozenset({".", ".."})


def safe_path(text: str, default: str = "/") -> str:
    """``text`` if a browser that is sent there stays on our origin, else ``default``.

    A path with or without query and fragment, as browsers write it: ASCII, beginning with one slash, no dot
    segments. It is judged as it stands and with its path decoded once, as something on the way may do.
    """
    path = text.partition("?")[0].partition("#")[0]
    safe = len(text) <= MAX_RETURN_LENGTH and _PLAIN.issuperset(text) and _is_ours(path) and _is_ours(unquote(path))
    return text if safe else default


def _is_ours(path: str) -> bool:
    """Whether ``path`` names no host, neither at once nor when its dot segments are gone."""
    begins = path[:1] == "/" and path[1:2] not in ("/", "\\")
    return begins and path.isprintable() and _DOTS.isdisjoint(path.replace("\\", "/").split("/"))
