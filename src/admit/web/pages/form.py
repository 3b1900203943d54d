"""The form that a page sent: fields we know, each at most once, in UTF-8."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from fastapi import Request

from admit.errors import BadInput

MAX_FORM_BYTES = 16_384
"""Every field at its longest, percent-encoded, with room to spare."""

_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def parsed(body: bytes, names: tuple[str, ...], *, more: bool = False) -> dict[str, str]:
    """The fields of ``body`` (URL Standard, section 5.1), "" for those of ``names`` that it lacks.

    With ``more``, a form of somebody else, which may have others (RFC 6749, section 3.2): they are passed over.
    Raises BadInput for anything that no form of ours sends: what one reader repairs, another reads differently.
    """
    fields = dict[str, str]()
    try:
        for pair in _pairs(body):
            name, value = (unquote(part.replace("+", " "), errors="strict") for part in pair.split("="))
            if name not in names and more:
                continue
            if name not in names or name in fields:
                raise _bad()
            fields[name] = value
    except ValueError:  # not ASCII, not UTF-8, not a name and a value
        raise _bad() from None
    return {name: fields.get(name, "") for name in names}


def _pairs(body: bytes) -> list[str]:
    text = body.decode("ascii")
    if len(body) > MAX_FORM_BYTES or _STRAY_PERCENT.search(text):
        raise _bad()
    return text.split("&") if text else []


def form_of(*names: str) -> Callable[[Request], Awaitable[dict[str, str]]]:
    """A dependency: the form of a request, with exactly the fields ``names``."""

    async def read(request: Request) -> dict[str, str]:
        return parsed(await request.body(), names)

    return read


async def token_of(request: Request) -> str:
    """A dependency: the token of a form as RFC 7009 and RFC 7662 have it, section 2.1. Raises BadInput without one."""
    return (await question_of(request))[0]


async def question_of(request: Request) -> tuple[str, bool]:
    """A dependency: such a token, and whether the sender heeds the conditions that it may have. Raises BadInput."""
    form = parsed(await request.body(), ("token", "conditions"), more=True)
    if not form["token"]:
        raise BadInput("bad_form", "Send a form with the field “token”.")
    return form["token"], form["conditions"] == "heeded"


def _bad() -> BadInput:
    return BadInput("bad_form", "This form cannot be read. Load the page again, and send it once more.")
