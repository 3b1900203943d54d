"""The style sheet and the logo, under names that change with what is in them."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from admit.web.pages.visitor import Shown

router = APIRouter()


@router.get("/forget.css")
async def forget() -> Response:
    """An empty style sheet; by it a browser drops what it keeps of this site, the pages to go back to among it.

    Chromium keeps pages that are no-store to go back to, and drops them when a cookie changes, but under load not before
    somebody can go back. What signing out answers itself comes too early: the page left is kept only after it.
    """
    return Response("", media_type="text/css", headers={"Clear-Site-Data": '"cache"', "Cache-Control": "no-store"})


@router.get("/static/{name}")
async def asset(name: str, pages: Shown) -> Response:
    """One of the few files that pages need; the same for everybody, for ever."""
    if name not in pages.assets:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    content, media_type = pages.assets[name]
    return Response(content, media_type=media_type, headers={"Cache-Control": "public, max-age=31536000, immutable"})
