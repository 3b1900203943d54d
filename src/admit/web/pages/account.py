"""The account: who one is, one's devices, one's password, and the proof that it is still oneself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import SecretStr
from starlette.responses import Response

from admit import sessions as core
from admit.web.caller import Asked, Auth, Credentials, hand_out, proven
from admit.web.pages.activity import lines
from admit.web.pages.form import form_of
from admit.web.pages.form_page import Form, FormPage
from admit.web.pages.sign_in import refuse_unless_repeated
from admit.web.pages.visitor import Confirmed, Notice, Shown, SignedIn
from admit.web.routes import accounts, sessions

router = APIRouter()

RECENT = 5
"""Entries of one's activity that the account page shows."""

PASSWORD = FormPage(
    "password.html",
    {
        "current_password": "Enter your present password.",
        "new_password": "Choose a new password.",
        "password_again": "Type the new password once more.",
    },
)
CONFIRM = FormPage("confirm.html", {"password": "Enter your password."}, ("next",))


@router.get("/account")
async def account(visitor: SignedIn, auth: Auth, pages: Shown, notice: Notice) -> Response:
    """Who one is, and where one is signed in: this device first, then the one that was active last."""
    found = await auth.sessions.of(visitor.who.subject)
    here = visitor.who.session
    recent = await auth.audit.page(subject=visitor.who.subject, limit=RECENT)
    devices = sorted(found, key=lambda session: (session.id == here, session.seen_at), reverse=True)
    return pages.page(
        "account.html",
        account=visitor.account,
        devices=[(session, device_name(session)) for session in devices],
        here=here,
        lines=lines(recent.entries),
        now=auth.clock.now(),
        notice=notice,
    )


@router.post("/account/sign-out-device")
async def sign_out_device(
    visitor: Confirmed, auth: Auth, pages: Shown, form: Annotated[Form, Depends(form_of("device"))]
) -> Response:
    """End one of one's sessions."""
    await sessions.end_session(form["device"], visitor.who, auth)
    return pages.onward(f"{pages.account}?done=device")


@router.post("/account/sign-out-others")
async def sign_out_others(visitor: Confirmed, auth: Auth, pages: Shown) -> Response:
    """End all of one's sessions but this one."""
    answer = pages.onward(f"{pages.account}?done=others")
    await sessions.sign_out_others(visitor.who, answer, auth)
    return answer


@router.get("/account/password")
async def password_page(visitor: SignedIn, auth: Auth, pages: Shown) -> Response:
    """The form to change one's password with."""
    return PASSWORD.show(pages, account=visitor.account, at_least=auth.accounts.policy.min_length)


@router.post("/account/password")
async def change_password(
    visitor: SignedIn, auth: Auth, pages: Shown, form: Annotated[Form, Depends(form_of(*PASSWORD.names))]
) -> Response:
    """Change one's password, which the present one is needed for (SES-07)."""

    async def act() -> Response:
        answer = pages.onward(f"{pages.account}?done=password")
        change = accounts.PasswordChange(
            current_password=SecretStr(form["current_password"]), new_password=SecretStr(form["new_password"])
        )
        await accounts.change_password(change, visitor.who, answer, auth)
        return answer

    # The present password costs a guess and a hash: it is looked at once the rest is right.
    checks = {
        "new_password": lambda: auth.accounts.judge(visitor.account.email, form["new_password"]),
        "password_again": lambda: refuse_unless_repeated(form["new_password"], form["password_again"]),
    }
    at_least = auth.accounts.policy.min_length
    return await PASSWORD.take(pages, form, act, checks, account=visitor.account, at_least=at_least)


@router.get("/confirm")
async def confirm_page(visitor: SignedIn, pages: Shown, next: str = "") -> Response:
    """The form to confirm with that it is still oneself."""
    return CONFIRM.show(pages, {"next": next}, account=visitor.account)


@router.post("/confirm")
async def confirm(
    visitor: SignedIn, request: Asked, auth: Auth, pages: Shown, form: Annotated[Form, Depends(form_of(*CONFIRM.names))]
) -> Response:
    """Prove one's password once more, for another cookie, and go back to where it was asked for."""

    async def act() -> Response:
        typed = Credentials(email=visitor.account.email, password=SecretStr(form["password"]))
        answer = pages.onward(pages.back(form["next"]))
        proof, known_device = await proven(auth, typed, request)
        started = await auth.sessions.step_up(await auth.sessions.presented(visitor.who), proof)
        hand_out(answer, started, known_device)
        return answer

    return await CONFIRM.take(pages, form, act, account=visitor.account)


def device_name(session: core.Session) -> str:
    """A device as people say it: ``Firefox/Linux`` is Firefox on Linux."""
    browser, _, system = session.device.partition("/")
    return f"{browser} on {system}" if system else browser or "Unknown device"
