"""One's API keys: what there is, a form for another, and the one moment at which its text is shown."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from admit.core.scope import written
from admit.errors import BadInput
from admit.web.caller import Auth
from admit.web.pages.form import form_of
from admit.web.pages.form_page import Form, FormPage
from admit.web.pages.visitor import Confirmed, Notice, Shown, SignedIn, Visitor
from admit.web.routes import api_keys

router = APIRouter()

NEW = FormPage("key.html", {"name": "Say what the key is for."}, ("scope", "days"))

_DAY = 86_400


@router.get("/account/keys")
async def keys(visitor: SignedIn, auth: Auth, pages: Shown, notice: Notice) -> Response:
    """One's API keys, the latest first."""
    found = await auth.api_keys.of(visitor.who.subject)
    listed = [(key, auth.api_keys.is_suspended(key)) for key in found]
    return pages.page("keys.html", keys=listed, now=auth.clock.now(), notice=notice)


@router.get("/account/keys/new")
async def new(visitor: Confirmed, pages: Shown) -> Response:
    """The form to make a key with."""
    return NEW.show(pages, {"days": "90"}, allowed=_allowed(visitor))


@router.post("/account/keys/new")
async def create(
    visitor: Confirmed, auth: Auth, pages: Shown, form: Annotated[Form, Depends(form_of(*NEW.names))]
) -> Response:
    """Make a key, and show it this once: the answer is kept by no cache and no history of ours."""

    async def act() -> Response:
        asked = api_keys.NewKey(name=form["name"], scope=form["scope"] or None, expires_in=_days(form["days"]) * _DAY)
        return pages.page("key_made.html", made=await api_keys.made(auth, visitor.who, asked))

    return await NEW.take(pages, form, act, {"days": lambda: _days(form["days"])}, allowed=_allowed(visitor))


@router.post("/account/keys/revoke")
async def revoke(
    visitor: Confirmed, auth: Auth, pages: Shown, form: Annotated[Form, Depends(form_of("key"))]
) -> Response:
    """End one of one's keys."""
    await api_keys.revoke(form["key"], visitor.who, auth)
    return pages.onward(f"{pages.account}/keys?done=revoked")


@router.post("/account/keys/confirm")
async def confirm(
    visitor: Confirmed, auth: Auth, pages: Shown, form: Annotated[Form, Depends(form_of("key"))]
) -> Response:
    """Let a key go on that is suspended since a backup was put back."""
    await api_keys.confirm(form["key"], visitor.who, auth)
    return pages.onward(f"{pages.account}/keys?done=confirmed")


def _allowed(visitor: Visitor) -> str:
    return written(visitor.who.scope)


def _days(text: str) -> int:
    if text.isascii() and text.isdecimal() and 0 < len(text) <= len("3650") and 1 <= int(text) <= 3_650:
        return int(text)
    raise BadInput("bad_life", "Write for how many days it is good: 1 to 3650.", field="days")
