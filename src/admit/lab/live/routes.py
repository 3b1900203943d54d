"""The page of the live lab, and what its script asks: how it stands, and to do something."""
# No "from __future__ import annotations": what a route asks for is made where the route is.

from importlib.resources import files
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Request
from jinja2 import PackageLoader
from starlette.exceptions import HTTPException
from starlette.responses import Response

from admit.lab.live.choices import LIFETIME, TOKENS
from admit.lab.live.lane import SERVERS
from admit.lab.live.shown import Lab
from admit.lab.live.visit import Visit
from admit.lab.live.visitors import Visitors
from admit.lab.strategies import STRATEGIES
from admit.web.pages.form import form_of
from admit.web.pages.look import CONTENT_SECURITY_POLICY, Pages

PATH = "/lab"
_POLICY = f"{CONTENT_SECURITY_POLICY}; script-src 'self'; connect-src 'self'"
_FILES = files("admit.lab.live") / "static"
_Form = Annotated[dict[str, str], Depends(form_of("act", "value"))]


def furnish(app: FastAPI, *, lifetime: float = LIFETIME) -> None:
    """Add the live lab to the application of an authority that is reached without a path.

    Its access tokens live for ``lifetime`` seconds.
    It knows nobody's account, and keeps what it shows in memory. Its POSTs are refused to other sites' pages by the
    limits of that application, as all are.
    """
    pages: Pages = app.state.pages
    pages.add(PackageLoader("admit.lab.live", "templates"), home="/")
    assets = {
        "style": pages.asset("lab", ".css", (_FILES / "lab.css").read_bytes(), "text/css"),
        "script": pages.asset("lab", ".js", (_FILES / "lab.js").read_bytes(), "text/javascript"),
    }
    secure = app.state.authority.issuer.startswith("https:")
    visitors = Visitors(lambda: Visit(STRATEGIES, lifetime))
    app.include_router(_router(visitors, pages, assets, secure=secure), include_in_schema=False)


def _router(visitors: Visitors, pages: Pages, assets: dict[str, str], *, secure: bool) -> APIRouter:
    router = APIRouter(prefix=PATH)
    cookie = f"{'__Secure-' if secure else ''}admit-lab"

    @router.get("")
    async def page() -> Response:
        policy = {"Content-Security-Policy": _POLICY}
        return pages.page("lab.html", 200, policy, servers=SERVERS, tokens=TOKENS, **assets)

    @router.get("/state")
    async def state(request: Request) -> Response:
        visit = visitors.get(request.cookies.get(cookie, ""))
        if visit is None:
            raise HTTPException(404)
        return _json(await visit.look())

    @router.post("/act")
    async def act(request: Request, form: _Form) -> Response:
        id = request.cookies.get(cookie, "")
        visit = visitors.get(id)
        if visit is None:
            id, visit = await visitors.begin()
        answer = _json(await visit.act(form["act"], form["value"]))
        # Of no account, and no use anywhere else; strict, so that nobody else's page acts in this lab.
        answer.set_cookie(cookie, id, path=PATH, secure=secure, httponly=True, samesite="strict")
        return answer

    return router


def _json(lab: Lab) -> Response:
    return Response(msgspec.json.encode(lab), media_type="application/json")
