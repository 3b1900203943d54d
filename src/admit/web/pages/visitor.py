"""What pages ask for: how they look, who is there, and whether that was proven lately."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from admit.accounts import Account
from admit.core.presented import COOKIE
from admit.core.principal import Principal
from admit.errors import NotEnough
from admit.trail import acts
from admit.web.caller import Asked, Auth
from admit.web.pages.look import Pages

SAME_ORIGIN = [b"same-origin"]


async def _pages(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


Shown = Annotated[Pages, Depends(_pages)]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is signed in by cookie."""

    who: Principal
    account: Account


async def _visitor(request: Asked, auth: Auth) -> Visitor:
    who = acts(await auth.admit(request, accept=(COOKIE,)))
    await auth.sessions.refuse_narrowed(who)
    account = await auth.accounts.get(who.subject)
    if account is None:
        raise NotEnough(f"{who.subject!r} has no account here, so no pages")
    return Visitor(who, account)


SignedIn = Annotated[Visitor, Depends(_visitor)]


async def _confirmed(visitor: SignedIn, auth: Auth, pages: Shown) -> Visitor:
    # OWASP ASVS 5.0, 7.5.2: a browser left open is not its owner.
    pages.lately.judge(visitor.who, auth.clock.now())
    return visitor


Confirmed = Annotated[Visitor, Depends(_confirmed)]


async def _notice(request: Asked, done: str = "") -> str:
    # A link on somebody else's page shall not put our words there.
    sites = request.values(b"sec-fetch-site")
    return done if sites in ([], SAME_ORIGIN) else ""


Notice = Annotated[str, Depends(_notice)]
"""What was just done, as the page that did it says: a word that templates have a sentence for, or none."""
