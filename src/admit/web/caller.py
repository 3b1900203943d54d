"""What routes ask for: the authority, the request as the core sees it, and whom it speaks for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from admit.authority import Authority
from admit.core import request as core
from admit.core.email import MAX_BYTES
from admit.core.presented import BEARER, COOKIE, presented
from admit.core.principal import Principal
from admit.errors import BadCredential
from admit.guards.once import note
from admit.sessions import Started
from admit.subjects import Proof
from admit.trail import acts
from admit.verifier_keys import VerifierKey
from admit.web.answer import SignInFailed
from admit.web.limits import ASKED


async def _authority(request: Request) -> Authority:
    authority: Authority = request.app.state.authority
    return authority


Auth = Annotated[Authority, Depends(_authority)]


async def _asked(request: Request) -> core.Request:
    asked: core.Request = request.scope[ASKED]
    return asked


Asked = Annotated[core.Request, Depends(_asked)]


async def _caller(request: Asked, auth: Auth) -> Principal:
    # KEY-04: what is done here is done by whoever signed in, and never by a key that was left behind.
    return acts(await auth.admit(request, accept=(BEARER, COOKIE)))


Caller = Annotated[Principal, Depends(_caller)]
"""Somebody who signed in."""


async def _anybody(http: Request, request: Asked, auth: Auth) -> Principal:
    who = acts(await auth.admit(request))
    note(http.scope, auth, who)
    return who


Anybody = Annotated[Principal, Depends(_anybody)]
"""Whoever is let in at all, API keys too."""


async def _owner(who: Caller, auth: Auth) -> Principal:
    # KEY-04, RFC 9700, 2.3: what somebody was let in for links with is neither the password nor the other devices.
    await auth.sessions.refuse_narrowed(who)
    return who


Owner = Annotated[Principal, Depends(_owner)]
"""A caller who manages the account itself: by all that its owner holds, and no token for a part of it."""


async def _lately(request: Request, who: Owner, auth: Auth) -> Principal:
    request.app.state.pages.lately.judge(who, auth.clock.now())
    return who


Lately = Annotated[Principal, Depends(_lately)]
"""An owner who signed in lately (OWASP ASVS 5.0, 7.5.2): not whoever found a browser that was left open."""


async def _service(request: Asked, auth: Auth) -> VerifierKey:
    _, text = presented(request, (BEARER,), auth.cookies)
    return await auth.verifiers.admit(text)


Service = Annotated[VerifierKey, Depends(_service)]
"""The service that asks, which a verifier key opens nothing else for."""


class Body(BaseModel):
    """A body of which every field is known and of the right kind: nobody hands themselves a role by naming it."""

    model_config = ConfigDict(strict=True, extra="forbid")


# Said, not judged here: `canonical` refuses what is no address, with a code of its own.
Email = Annotated[str, Field(json_schema_extra={"format": "idn-email", "minLength": 3, "maxLength": MAX_BYTES})]


class Credentials(Body):
    """What somebody signs in or up with."""

    email: Email
    password: SecretStr


async def proven(auth: Authority, body: Credentials, request: core.Request) -> tuple[Proof, str]:
    """That the sender knows the password of the account, and the Set-Cookie line that makes his device known there.

    Raises SignInFailed whatever was wrong, TooMany before anything is looked at.
    """
    try:
        async with auth.throttle.sign_in(request, body.email) as known_device:
            proof = await auth.accounts.sign_in(body.email, body.password.get_secret_value())
    except BadCredential as error:
        raise SignInFailed(str(error)) from error
    return proof, known_device


def hand_out(response: Response, started: Started | None, *more: str) -> None:
    """Send the cookie of ``started`` along, where it has one, and ``more`` Set-Cookie lines."""
    if started is not None and started.cookie is not None:
        response.headers.append("Set-Cookie", started.cookie)
    for line in more:
        response.headers.append("Set-Cookie", line)
