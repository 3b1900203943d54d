"""The page on the way to another host, which hands the session over there."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from admit.core.policy import Policy
from admit.core.presented import COOKIE
from admit.core.requirement import Requirement
from admit.core.return_to import safe_path
from admit.core.target import host_of
from admit.errors import Denied
from admit.web.caller import Asked, Auth
from admit.web.hand_over import PATH, THERE
from admit.web.pages.visitor import Shown

router = APIRouter()

_DIGEST = re.compile(r"[A-Za-z0-9_-]{22}")


@router.get(PATH)
async def hand_over(
    request: Request,
    asked: Asked,
    auth: Auth,
    pages: Shown,
    to: str = "",
    browser: str = "",
    next: str = "",
    within: Annotated[float | None, Query(ge=1)] = None,
) -> Response:
    """Whoever is signed in goes on to the host that he came from; whoever is not signs in first."""
    policy: Policy | None = request.app.state.forward
    if not _DIGEST.fullmatch(browser) or not _is_known(policy, urlsplit(pages.issuer).scheme, to):
        raise HTTPException(404)
    who = await auth.admit(asked, accept=(COOKIE,))
    Requirement.of(within=within, accept=COOKIE).judge(who, auth.clock.now())
    ticket = await auth.handovers.begin(await auth.sessions.presented(who), to, browser)
    onward = f"{to}{THERE}?{urlencode({'ticket': ticket, 'next': safe_path(next)})}"
    # No redirect: it may be the answer to the form of the sign-in, which browsers let lead to our own origin alone.
    return pages.page("hand_over.html", 200, {"Refresh": f"0; url={onward}"}, host=urlsplit(to).netloc, onward=onward)


def _is_known(policy: Policy | None, scheme: str, to: str) -> bool:
    """Whether ``to`` is the origin of a host that the policy has rules for, as we write it."""
    try:
        host = host_of(urlsplit(to).netloc, scheme)
    except (Denied, ValueError):
        return False
    return policy is not None and to == f"{scheme}://{host}" and policy.knows(host)
