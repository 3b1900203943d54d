"""Puts the HTTP application together: its routes and pages, and what a request passes before a route is looked for."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware

from admit.authority import Authority
from admit.core.policy import Policy
from admit.core.requirement import CONFIRM_WITHIN
from admit.web import forward_auth
from admit.web.call import calls
from admit.web.direct import Direct, Endpoint
from admit.web.forward_auth import ForwardAuth, Judge
from admit.web.hand_over import HandOver
from admit.web.limits import Answers, Limits
from admit.web.openapi import Described
from admit.web.pages import account, assets, hand_over, sign_in
from admit.web.pages import activity as activity_page
from admit.web.pages import api_keys as key_pages
from admit.web.pages.brand import PLAIN, Brand
from admit.web.pages.look import Pages
from admit.web.routes import (
    accounts,
    activity,
    api_keys,
    health,
    introspection,
    keys,
    revocation,
    revocations,
    sessions,
    tokens,
)

_ROUTES = (
    ("/api", (sessions, tokens, accounts, activity, api_keys)),
    ("", (keys, revocations, introspection, revocation, health)),
)
_PAGES = (sign_in, account, activity_page, key_pages, hand_over, assets)
"""What people get is HTML, and no part of the description for programs."""


def application(
    auth: Authority,
    *,
    at: str = "",
    brand: Brand = PLAIN,
    confirm_within: float = CONFIRM_WITHIN,
    forward: Policy | None = None,
) -> FastAPI:
    """The HTTP application of ``auth``, whose issuer is the URL it is reached under.

    To mount: ``app.mount("/auth", application(auth))``; the first request opens the authority. To serve without
    a mount under an issuer that has a path: ``at`` is that path. ``brand`` is how the pages look;
    ``confirm_within`` (seconds) is how old a sign-in may be that ends other devices without the password again;
    ``forward`` is by which rules a gateway is answered that asks at ``/forward-auth``.
    Its OpenAPI description is ``.openapi()``, and is not served (OWASP ASVS 5.0, 13.4.5).
    """
    judge = None if forward is None else Judge(auth, forward, at)
    endpoints, middleware = _before_routes(auth, at, judge)
    app = Described(
        endpoints=endpoints,
        cookie=auth.cookies.name,
        refresh=auth.refresh_cookies.name,
        title="Admit",
        version=version("admit"),
        openapi_url=None,
        redirect_slashes=False,
        # FastAPI would put each path and query into a span: a link's secret stands there, and spans leave the house.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        servers=[{"url": auth.issuer.removesuffix(at)}],
        middleware=middleware,
    )
    app.state.authority = auth
    app.state.pages = Pages(auth.issuer, brand, confirm_within)
    app.state.forward = forward
    app.state.api = f"{at}/api"
    app.state.at_once = judge and judge.at_once  # for whatever serves it to ask first, if it can
    app.state.stopping = lambda: False  # for whatever serves it to say
    for prefix, router in _routers(at):
        app.include_router(router, prefix=prefix, include_in_schema=all(router is not one.router for one in _PAGES))
    return app


def _before_routes(auth: Authority, at: str, judge: Judge | None) -> tuple[list[Endpoint], list[Middleware]]:
    """What a request passes before a route is looked for, the outermost first, and what it is answered by there."""
    endpoints = [revocations.endpoint(auth, at)]
    asks = list[Middleware]()
    if judge is not None:
        endpoints.append(forward_auth.endpoint(at))
        # Before the limits: what they judge is not the request of the gateway, but the one that it asks about.
        asks = [Middleware(ForwardAuth, judge=judge), Middleware(HandOver, auth=auth, policy=judge.policy, at=at)]
    return endpoints, [
        Middleware(Answers, secure=auth.issuer.startswith("https:")),
        *asks,
        Middleware(Limits, auth=auth, api=f"{at}/api", static=f"{at}/static"),
        Middleware(Direct, endpoints=endpoints, calls=calls(_routers(at))),
    ]


def _routers(at: str) -> list[tuple[str, APIRouter]]:
    """The routes, each with the path that they are below."""
    return [(f"{at}{below}", one.router) for below, some in (*_ROUTES, ("", _PAGES)) for one in some]
