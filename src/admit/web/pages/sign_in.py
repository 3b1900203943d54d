"""The pages at which one signs in, up and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import SecretStr
from starlette.responses import Response

from admit.authority import Authority
from admit.core.email import canonical
from admit.core.presented import COOKIE
from admit.core.request import Request
from admit.errors import BadCredential, BadInput, Denied, NoCredential
from admit.trail import acts
from admit.web.caller import Asked, Auth, Credentials
from admit.web.pages.form import form_of
from admit.web.pages.form_page import Form, FormPage
from admit.web.pages.visitor import Notice, Shown
from admit.web.routes import accounts, sessions

router = APIRouter()

SIGN_IN = FormPage(
    "sign_in.html", {"email": "Enter your e-mail address.", "password": "Enter your password."}, ("next",)
)
SIGN_UP = FormPage(
    "sign_up.html",
    {
        "email": "Enter your e-mail address.",
        "password": "Choose a password.",
        "password_again": "Type the password once more.",
    },
    ("next",),
)


def credentials(form: Form) -> Credentials:
    """What somebody typed to sign in or up with."""
    return Credentials(email=form["email"], password=SecretStr(form["password"]))


def refuse_unless_repeated(password: str, again: str) -> None:
    """Return if a new password was typed twice the same. Raises BadInput."""
    if password != again:
        raise BadInput("not_repeated", "The two passwords are not the same. Type both again.", field="password_again")


async def is_signed_in(request: Request, auth: Authority) -> bool:
    """Whether somebody is signed in by cookie."""
    try:
        await auth.admit(request, accept=(COOKIE,))
    except Denied:
        return False
    return True


@router.get("/sign-in")
async def sign_in_page(request: Asked, auth: Auth, pages: Shown, notice: Notice, next: str = "") -> Response:
    """The form to sign in with; whoever is signed in already goes on."""
    if await is_signed_in(request, auth):
        return pages.onward(pages.back(next))
    return SIGN_IN.show(pages, {"next": next}, notice=notice, open=auth.sign_up == "open")


@router.post("/sign-in")
async def sign_in(
    request: Asked, auth: Auth, pages: Shown, form: Annotated[Form, Depends(form_of(*SIGN_IN.names))]
) -> Response:
    """Sign in, and go on to where one wanted to."""

    async def act() -> Response:
        answer = pages.onward(pages.back(form["next"]))
        await sessions.sign_in(credentials(form), request, answer, auth)
        return answer

    checks = {"email": lambda: canonical(form["email"])}
    return await SIGN_IN.take(pages, form, act, checks, notice="", open=auth.sign_up == "open")


@router.get("/sign-up")
async def sign_up_page(request: Asked, pages: Shown, auth: Auth, next: str = "") -> Response:
    """The form to make an account with; whoever is signed in has one, and goes on."""
    if await is_signed_in(request, auth):
        return pages.onward(pages.back(next))
    accounts.refuse_unless_open(auth)
    return SIGN_UP.show(pages, {"next": next}, at_least=auth.accounts.policy.min_length)


@router.post("/sign-up")
async def sign_up(
    request: Asked, auth: Auth, pages: Shown, form: Annotated[Form, Depends(form_of(*SIGN_UP.names))]
) -> Response:
    """Make an account and sign in to it."""

    async def act() -> Response:
        await accounts.sign_up(credentials(form), request, auth)
        answer = pages.onward(pages.back(form["next"]))
        await sessions.sign_in(credentials(form), request, answer, auth)
        return answer

    checks = {
        "email": lambda: canonical(form["email"]),
        "password": lambda: auth.accounts.judge(form["email"], form["password"]),
        "password_again": lambda: refuse_unless_repeated(form["password"], form["password_again"]),
    }
    accounts.refuse_unless_open(auth)
    return await SIGN_UP.take(pages, form, act, checks, at_least=auth.accounts.policy.min_length)


@router.get("/sign-out")
async def sign_out_page(pages: Shown) -> Response:
    """The question whether to sign out: a link, a prefetch or an image cannot (CSR-05)."""
    return pages.page("sign_out.html")


@router.post("/sign-out")
async def sign_out(request: Asked, auth: Auth, pages: Shown) -> Response:
    """Sign out, and make the browser forget what it kept of us, whether or not the sign-in was still good."""
    answer = pages.onward(f"{pages.at}/sign-in?done=signed-out")
    try:
        await sessions.sign_out(acts(await auth.admit(request, accept=(COOKIE,))), request, answer, auth)
    except (NoCredential, BadCredential):
        sessions.forget(answer, auth)
    return answer
