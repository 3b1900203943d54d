"""Whether the service can answer."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from admit.web.caller import Auth
from admit.web.openapi import problems

router = APIRouter(tags=["service"])

_NOBODY = "health"


class Health(BaseModel):
    """That all is well."""

    status: Literal["ok"] = "ok"


@router.get("/healthz", responses=problems(503))
async def health(auth: Auth) -> Health:
    """Whether the store answers: 200, or 503. Needs no credential and tells nothing else."""
    await auth.subjects.get(_NOBODY)
    return Health()
