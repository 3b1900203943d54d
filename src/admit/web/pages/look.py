"""Renders pages: templates, the style sheet and the logo of a brand, and the headers that every page bears."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping
from http import HTTPStatus
from importlib.resources import files
from pathlib import PurePath
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from jinja2 import (
    BaseLoader,
    BytecodeCache,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateSyntaxError,
)
from jinja2.bccache import Bucket
from starlette.responses import HTMLResponse, RedirectResponse, Response

from admit.core.presented import COOKIE
from admit.core.requirement import Requirement
from admit.core.return_to import Detours, safe_path
from admit.errors import ConfigError
from admit.web.pages import colour, when
from admit.web.pages.brand import LOGO_TYPES, Brand

# Browsers hold where a form's answer redirects to against form-action too: what sends people on to another origin
# after a form (OAuth) answers with a page of its own, or names that origin here.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# At a host that has none of our files they are in the page itself, and it has no form.
_ALONE_POLICY = (
    "default-src 'none'; style-src data:; img-src data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    # Not no-referrer: with it a form's own POST bears "Origin: null" (Fetch, 3.2), and a browser too old for
    # Sec-Fetch-Site could not be told from another site's. Nobody else ever sees a Referer.
    "Referrer-Policy": "same-origin",
}

# What is behind text in the style sheet, in the light and in the dark theme, where contrast is least.
_LIGHT = colour.colour("#f4f5f7")
_DARK = colour.colour("#1b2027")
_STATIC = files("admit.web.pages") / "static"
_OURS = PackageLoader("admit.web.pages")


class Pages:
    """The pages of an issuer, as a brand looks.

    ``detours`` are the pages to go to first, ``lately`` is what ends other devices: a sign-in at most
    ``confirm_within`` seconds ago. Raises ConfigError.
    """

    def __init__(self, issuer: str, brand: Brand, confirm_within: float) -> None:
        self.issuer = issuer
        self.at = urlsplit(issuer).path
        self.detours = Detours(f"{self.at}/sign-in", f"{self.at}/confirm")
        self.lately = Requirement.of(within=confirm_within, accept=COOKIE)
        self.name = brand.name
        self.home = brand.home
        self.assets = dict[str, tuple[bytes, str]]()
        self._loaders = _loaders(brand)
        self._templates = _templates(ChoiceLoader(self._loaders))
        self._known: dict[str, Any] = self._templates.globals
        self._known.update(
            ago=when.ago,
            at=self.at,
            start=self.start,
            name=brand.name,
            css=self.asset("pages", ".css", _colours(brand) + (_STATIC / "pages.css").read_bytes(), "text/css"),
            logo=self._logo(brand),
        )

    @property
    def start(self) -> str:
        """Where the name in the head of every page leads."""
        return self.home or self.account

    @property
    def account(self) -> str:
        """The path of the account page, where people come to when nothing else was asked for."""
        return f"{self.at}/account"

    def page(
        self, name: str, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None, /, **context: object
    ) -> Response:
        """The template ``name`` as an answer."""
        text = self._templates.get_template(name).render(context)
        return HTMLResponse(text, status, {**HEADERS, **(headers or {})})

    def alone(self, name: str, status: int, headers: Mapping[str, str], /, **context: object) -> Response:
        """The template ``name`` as an answer at another host than ours, where our files are not."""
        files = {one: self._whole(self._known[one]) for one in ("css", "logo")}
        start = urljoin(self.issuer, self.start)
        text = self._templates.get_template(name).render(**files, start=start, **context)
        return HTMLResponse(text, status, {**headers, "Content-Security-Policy": _ALONE_POLICY})

    def onward(self, path: str) -> Response:
        """The answer that makes a browser get ``path``, a path of ours: after a form, so that it is not sent twice."""
        return RedirectResponse(path, HTTPStatus.SEE_OTHER, HEADERS)

    def back(self, next: str) -> str:
        """``next`` if it is a path of ours, else the account page."""
        return safe_path(next, self.account)

    def by_way_of(self, page: str, next: str) -> Response:
        """The answer that leads to ``page``, a path of ours, and from there back to ``next``."""
        then = "" if self.back(next) == self.account else f"?next={quote(self.back(next))}"
        return self.onward(f"{page}{then}")

    def add(self, templates: BaseLoader, *, home: str) -> None:
        """Know ``templates`` of an application too, where no page of ours has their name, and its front page."""
        self._loaders.append(templates)
        self.home = home
        self._known["start"] = self.start

    def asset(self, name: str, suffix: str, content: bytes, media_type: str) -> str:
        """The path of a file that never changes: another content has another name, so that caches may keep it."""
        named = f"{name}-{hashlib.sha256(content).hexdigest()[:16]}{suffix}"
        self.assets[named] = content, media_type
        return f"{self.at}/static/{named}"

    def _whole(self, path: str) -> str:
        content, media_type = self.assets[path.rpartition("/")[2]]
        return f"data:{media_type};base64,{b64encode(content).decode()}"

    def _logo(self, brand: Brand) -> str:
        logo = brand.logo or _STATIC / "mark.svg"
        suffix = PurePath(logo.name).suffix.lower()
        return self.asset("logo", suffix, logo.read_bytes(), LOGO_TYPES[suffix])


def _loaders(brand: Brand) -> list[BaseLoader]:
    theirs = [FileSystemLoader(brand.templates)] if brand.templates else []
    return [*theirs, _OURS, PrefixLoader({"admit": _OURS})]


class _Compiled(BytecodeCache):
    """What templates were compiled to, for as long as they are as they were: all applications of a process share it."""

    def __init__(self) -> None:
        self._kept = dict[str, tuple[str, Any]]()

    def load_bytecode(self, bucket: Bucket) -> None:
        """What the template of this name was compiled to last, if it was the same."""
        checksum, code = self._kept.get(bucket.key, ("", None))
        bucket.code = code if checksum == bucket.checksum else None

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it instead of what was there."""
        self._kept[bucket.key] = bucket.checksum, bucket.code


_COMPILED = _Compiled()


def _templates(loader: BaseLoader) -> Environment:
    # XSS-02: whatever a template prints is text, and what it does not know is an error.
    templates = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=_COMPILED,
    )
    templates.filters.update(date=when.date, moment=when.moment, machine=when.machine)
    try:
        # Now, and not when somebody comes to the page: an error page that is wrong could not say so.
        for name in _OURS.list_templates():
            templates.get_template(name)
    except TemplateSyntaxError as error:
        raise ConfigError([f"The template {error.name}, line {error.lineno}, cannot be read: {error}."]) from error
    return templates


def _colours(brand: Brand) -> bytes:
    own = colour.colour(brand.colour)
    light, dark = colour.legible(own, _LIGHT), colour.legible(own, _DARK)
    themes = [
        f":root {{ --accent: {colour.written(accent)}; --on-accent: {colour.written(colour.on(accent))}; }}"
        for accent in (light, dark)
    ]
    return f"{themes[0]}\n@media (prefers-color-scheme: dark) {{ {themes[1]} }}\n".encode()
