"""What only a demo has: a front page that says what one can try, and two routes of an application that Admit guards."""
# No "from __future__ import annotations": what a route asks for is made where the route is.

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request
from jinja2 import PackageLoader
from starlette.responses import JSONResponse, Response

from admit.accounts import Account
from admit.authority import Authority
from admit.core.presented import COOKIE
from admit.core.principal import Principal
from admit.errors import Denied
from admit.guards.asgi import asked
from admit.guards.fastapi import required
from admit.server.lines import Chapter, program
from admit.web.pages.look import Pages
from admit.web.pages.refused import is_page

_FRESH = 60
_FILES = files("admit.server") / "pages"


@dataclass(frozen=True)
class Demo:
    """What the front page tells of: the accounts, where their passwords are kept, the lines, and the figures."""

    accounts: tuple[str, ...]
    passwords: Path
    chapters: list[Chapter]
    metrics: str

    def furnish(self, app: FastAPI) -> None:
        """Add the front page and the guarded routes to the application of an authority that is reached without a path."""
        pages: Pages = app.state.pages
        pages.add(PackageLoader("admit.server", "pages"), home="/")
        style = pages.asset("front", ".css", (_FILES / "front.css").read_bytes(), "text/css")
        lab = _lab(app)
        app.include_router(_router(self, app.state.authority, pages, style, lab=lab), include_in_schema=False)


def _lab(app: FastAPI) -> bool:
    """Add the live lab; whether what it compares is installed."""
    try:
        from admit.lab.live.routes import furnish
    except ModuleNotFoundError:
        return False
    furnish(app)
    return True


async def _account(auth: Authority, request: Request) -> Account | None:
    """Whose browser it is, if somebody is signed in."""
    try:
        who = await auth.admit(asked(request.scope, auth.origin), accept=(COOKIE,))
    except Denied:
        return None
    return await auth.accounts.get(who.subject)


def _router(demo: Demo, auth: Authority, pages: Pages, style: str, *, lab: bool) -> APIRouter:
    router = APIRouter()

    def application(request: Request, who: Principal, template: str) -> Response:
        """What an application makes of whom the guard let in: a page for people, JSON for programs."""
        if is_page(request.scope):
            now = auth.clock.now()
            return pages.page(template, style=style, who=who, now=now, fresh=_FRESH)
        return JSONResponse({"links of": who.subject, "by": who.credential, "scope": sorted(who.scope)})

    @router.get("/")
    async def front(request: Request) -> Response:
        account = await _account(auth, request)
        known = {"demo": demo, "program": program(), "fresh": _FRESH, "lab": lab}
        return pages.page("front.html", style=style, account=account, **known)

    @router.get("/links")
    async def links(request: Request, who: Annotated[Principal, Depends(required(auth, "links:read"))]) -> Response:
        return application(request, who, "links.html")

    @router.get("/links/settings")
    async def settings(
        request: Request, who: Annotated[Principal, Depends(required(auth, within=_FRESH, accept=COOKIE))]
    ) -> Response:
        return application(request, who, "settings.html")

    return router
