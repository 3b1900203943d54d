"""What a request that a gateway asks about is for: host, method and path, read the one way they can be, or refused."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from admit.errors import Denied

MAX_TARGET_LENGTH = 8_192
MAX_HOST_LENGTH = 253
METHOD: Final = re.compile(r"[A-Z][A-Z-]{0,31}")

# Names are what browsers make of them: ASCII, an international one as xn--….
_HOST: Final = re.compile(r"(?:[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,126}|\[[0-9a-f:.]{2,45}\])(:[0-9]{1,5})?")
_VISIBLE: Final = re.compile(r"/[!-~]{0,8191}")
_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
# Each ends, splits or leaves out a part of a path for some server and is a letter to another: a backslash is a slash on
# Windows and in browsers, `;` begins what Java leaves out, `?` and `#` end a path that is decoded before it is split.
_SPLITS: Final = re.compile(r"[\\;?#]")
_DEFAULT_PORTS: Final = {"https": ":443", "http": ":80"}


class Ambiguous(Denied):
    """Two programs could read the request as two different ones, so it is neither."""

    code = "ambiguous_request"
    public = "This request can be read in more than one way, so nothing was done."


class Target(msgspec.Struct, frozen=True):
    """What a request is for. ``path`` is decoded once and, unless it is the root, ends with no slash.

    ``folded`` is the path as a server reads it that knows no capitals and no two ways to write a letter.
    """

    method: str
    host: str
    path: str
    folded: str

    @classmethod
    def read(cls, method: str, host: str, target: str, scheme: str = "https") -> Target:
        """What a request line and a host say. Raises Ambiguous for whatever could be read in two ways."""
        if not METHOD.fullmatch(method):
            raise Ambiguous(f"the method {method[:32]!r}")
        path = path_of(target)
        return cls(method, host_of(host, scheme), path, folded(path))


def host_of(text: str, scheme: str = "https") -> str:
    """The host that ``text`` names, lower case, without the dot at its end and the port of ``scheme``. Raises Ambiguous."""
    name, colon, port = text.lower().partition(":") if not text.startswith("[") else (text.lower(), "", "")
    host = name.removesuffix(".") + colon + port
    if len(text) > MAX_HOST_LENGTH or not _HOST.fullmatch(host):
        raise Ambiguous(f"the host {text[:64]!r}")
    return host.removesuffix(_DEFAULT_PORTS[scheme])


def path_of(target: str) -> str:
    """The path of a request target, decoded once, without a slash at its end. Raises Ambiguous.

    What is not refused is read alike by whoever decodes once, and has nothing left for whoever decodes twice.
    """
    raw = target.partition("?")[0]
    if len(target) > MAX_TARGET_LENGTH or not _VISIBLE.fullmatch(raw):
        raise Ambiguous("no path of visible ASCII")
    if "%" in raw:
        if raw.count("%") != len(_ESCAPE.findall(raw)) or "%2f" in raw.lower():
            raise Ambiguous("an escape that is none, or a slash that is escaped")
        try:
            path = unquote_to_bytes(raw).decode()
        except UnicodeDecodeError as error:
            raise Ambiguous("a path that is not UTF-8") from error
    else:
        path = raw
    judge(path)
    return path.rstrip("/") or "/"


def judge(path: str) -> None:
    """Return if a decoded ``path`` has one meaning. Raises Ambiguous."""
    for read in (path,) if path.isascii() else (path, unicodedata.normalize("NFKC", path)):
        if _SPLITS.search(read) or _ESCAPE.search(read) or not read.isprintable():
            raise Ambiguous("a character that means something else to somebody")
        if "//" in read or read[:1] != "/" or any(one[-1:] in (".", " ") for one in read.split("/")):
            # A dot segment, an empty one, or one whose end Windows leaves out.
            raise Ambiguous("a segment that is left out by somebody")
        if read.count("/") != path.count("/"):
            raise Ambiguous("a letter that is a slash to somebody")


def folded(path: str) -> str:
    """``path`` as a server reads it to which capitals, and ways to write a letter, are all one."""
    return path.lower() if path.isascii() else unicodedata.normalize("NFKC", path).casefold()
