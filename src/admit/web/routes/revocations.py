"""What verifiers come for: the description of the authority, and the revocation log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from admit.core.store import Cursor, Page
from admit.feed import Feed
from admit.remote import METADATA, End
from admit.web.caller import Auth, Service
from admit.web.openapi import problems
from admit.web.routes.keys import MAX_AGE

router = APIRouter(tags=["verifiers"])

LONGEST_WAIT = 15.0
"""Seconds that a question waits for news, at most: a quarter of the largest ``max_staleness``."""

LINES = "application/x-ndjson"

_encode = msgspec.json.Encoder().encode


class Metadata(BaseModel):
    """What a verifier has to know of this authority (RFC 8414, section 2).

    ``max_staleness`` (seconds) is how old at most what a verifier knows may be when it accepts something.
    """

    issuer: str
    jwks_uri: str
    revocations_endpoint: str
    introspection_endpoint: str
    revocation_endpoint: str
    max_staleness: float


@router.get(METADATA, responses=problems())
async def metadata(response: Response, auth: Auth) -> Metadata:
    """What this authority is, and where its keys and its revocation log are found."""
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    return Metadata(
        issuer=auth.issuer,
        jwks_uri=f"{auth.issuer}/.well-known/jwks.json",
        revocations_endpoint=f"{auth.issuer}/revocations",
        introspection_endpoint=f"{auth.issuer}/introspect",
        revocation_endpoint=f"{auth.issuer}/revoke",
        max_staleness=auth.max_staleness,
    )


async def _feed(request: Request, auth: Auth) -> Feed:
    # One for all who follow, made on the event loop that serves them.
    state = request.app.state
    if getattr(state, "feed", None) is None:
        state.feed = auth.feed()
    feed: Feed = state.feed
    return feed


@router.get(
    "/revocations",
    responses=problems(401, 410, 422, 503) | {200: {"content": {LINES: {}}}},
    response_class=StreamingResponse,
    openapi_extra={"security": [{"verifier": []}]},
)
async def revocations(
    by: Service,
    feed: Annotated[Feed, Depends(_feed)],
    after: Annotated[str | None, Query(max_length=4_096)] = None,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT)] = 0.0,
    probe: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """The revocation log behind ``after``, to its end: a line of JSON for each entry, and one that ends the answer.

    Where there is nothing new, the answer waits up to ``wait`` seconds. The last line names the position to go on
    from and the ``probe``: an answer without it is cut off, or not one to this question. 410 when the position is
    not known (any more): begin anew, without ``after``.
    """
    del by
    first = await feed.page(None if after is None else Cursor(after), wait)
    if first.end:  # as nearly always; a stream would cost a task group for each question
        return Response(_piece(first, probe), media_type=LINES)
    return StreamingResponse(_lines(feed, first, probe), media_type=LINES)


async def _lines(feed: Feed, page: Page, probe: str) -> AsyncIterator[bytes]:
    while not page.end:
        yield _piece(page, probe)
        page = await feed.page(page.cursor, 0)
    yield _piece(page, probe)


def _piece(page: Page, probe: str) -> bytes:
    """A page as lines, and what ends the answer when it is the last."""
    end = (_encode(End(page.cursor, probe)),) if page.end else ()
    return b"\n".join((*page.entries, *end, b""))
