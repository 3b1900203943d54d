"""The style sheet and the logo, under names that change with what is in them."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from admit.web.pages.visitor import Shown

router = APIRouter()


@router.get("/static/{name}")
async def asset(name: str, pages: Shown) -> Response:
    """One of the few files that pages need; the same for everybody, for ever."""
    if name not in pages.assets:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    content, media_type = pages.assets[name]
    return Response(content, media_type=media_type, headers={"Cache-Control": "public, max-age=31536000, immutable"})
