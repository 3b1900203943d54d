"""Where somebody goes back to after signing in: a path of ours, by the rules that browsers read URLs by."""

from __future__ import annotations

from urllib.parse import quote, unquote

import msgspec

from admit.core.presented import BY_PROGRAMS
from admit.core.request import Request
from admit.errors import AdmitError, BadCredential, ConfigError, NoCredential, StepUp

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


class Detours(msgspec.Struct, frozen=True):
    """The pages to go to first: where one signs in, and where one confirms that it is oneself.

    Paths of our origin, None where there is no such page. Raises ConfigError with all that is wrong.
    """

    sign_in: str | None = None
    confirm: str | None = None

    def __post_init__(self) -> None:
        for page in (self.sign_in, self.confirm):
            if page is not None and (not safe_path(page, "") or "?" in page or "#" in page):
                raise ConfigError([f"The page {page!r} is no path of this origin; write one like /auth/sign-in."])

    def instead_of(self, error: AdmitError, request: Request) -> str | None:
        """Where a browser that navigates goes first, and comes back from; None where ``error`` is the answer."""
        page = self.first(error)
        if page is None or not is_navigation(request):
            return None
        _, _, path = request.url.removeprefix("https://").removeprefix("http://").partition("/")
        return f"{page}?next={quote(safe_path(f'/{path}'))}"

    def first(self, error: AdmitError) -> str | None:
        """The page that helps somebody who was refused with ``error``; None where none does."""
        match error:
            case StepUp():
                return self.confirm
            case NoCredential(in_browser=False):
                return None  # signed in, a browser would come back as it was, and go round in circles
            case NoCredential() | BadCredential():
                return self.sign_in
            case _:
                return None


def is_navigation(request: Request) -> bool:
    """Whether a person waits who can come back to where this asked for: a browser fetches a page.

    Not where an Authorization header or an API key is what counts: after signing in it would still be there.
    """
    by_a_program = any(request.values(name) for name in BY_PROGRAMS)
    return request.method == "GET" and not by_a_program and is_for_a_person(request)


def is_for_a_person(request: Request) -> bool:
    """Whether a person reads the answer: a browser goes to a page, or sends a form, or somebody prefers HTML."""
    modes = request.values(b"sec-fetch-mode")
    return modes == [b"navigate"] if modes else any(b"text/html" in value for value in request.values(b"accept"))
