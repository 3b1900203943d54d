"""Whether the process lives, and whether the service can answer: two questions of whoever watches it."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from admit.errors import Stale
from admit.web.caller import Auth
from admit.web.openapi import problems

router = APIRouter(tags=["service"])


class Health(BaseModel):
    """That all is well."""

    status: Literal["ok"] = "ok"


@router.get("/healthz", responses=problems())
async def health() -> Health:
    """That the process lives: else it should be started again. Asks nobody, and tells nothing else."""
    return Health()


@router.get("/readyz", responses=problems(503))
async def ready(request: Request, auth: Auth) -> Health:
    """Whether requests should come here: 503 while the store gives no answer, was replaced, or the server stops."""
    if request.app.state.stopping():
        raise Stale("this process is stopping")
    await auth.check()
    return Health()
