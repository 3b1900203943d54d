"""Whose pages these are: a name, a logo, a colour, and templates in the place of ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from admit.core.faults import Faults
from admit.core.origin import is_loopback, origin_of
from admit.core.return_to import safe_path
from admit.web.pages.colour import colour

LOGO_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}
MAX_LOGO_BYTES = 262_144
MAX_NAME_LENGTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """How the pages look: ``name`` in the head of each, ``logo`` (a local file, served by us), ``colour``.

    The name leads to ``home``, the application's own front page: a path of this origin or an https URL; if there is
    none, to the account.

    ``colour`` (``#rrggbb``) is darkened in the light theme and lightened in the dark one as far as reading it
    needs. A template in the folder ``templates`` is taken in the place of ours of that name, which it can extend
    as ``admit/<name>``. Raises ConfigError with all that is wrong.
    """

    name: str = "Admit"
    logo: Path | None = None
    colour: str = "#2457c5"
    templates: Path | None = None
    home: str | None = None

    def __post_init__(self) -> None:
        faults = Faults()
        faults.of(colour, self.colour)
        if not self.name.strip() or len(self.name) > MAX_NAME_LENGTH or not self.name.isprintable():
            faults.found.append(f"The name of the pages is {self.name!r}; write 1 to {MAX_NAME_LENGTH} characters.")
        if self.logo is not None:
            faults.of(_judged, self.logo)
        if self.templates is not None and not self.templates.is_dir():
            faults.found.append(f"The folder of templates {self.templates} is not there; make it, or leave it out.")
        if self.home is not None:
            faults.of(_led_to, self.home)
        faults.report()


def _led_to(home: str) -> None:
    if safe_path(home, ""):
        return
    origin_of(home)
    parts = urlsplit(home)
    if parts.scheme == "http" and not is_loopback(parts):
        raise ValueError(f"The home {home!r} is plain http; write a path such as /, or an https URL.")


def _judged(logo: Path) -> None:
    if logo.suffix.lower() not in LOGO_TYPES:
        raise ValueError(f"The logo {logo} is of no type we know; write one that ends in {', '.join(LOGO_TYPES)}.")
    if not logo.is_file() or logo.stat().st_size > MAX_LOGO_BYTES:
        raise ValueError(f"The logo {logo} is not a file of at most {MAX_LOGO_BYTES} bytes; write the path of one.")


PLAIN = Brand()
"""Nobody's: the pages as they come."""
