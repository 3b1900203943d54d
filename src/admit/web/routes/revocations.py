"""What verifiers come for: the description of the authority, and the revocation log."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec
from fastapi import APIRouter, Response
from fastapi.responses import StreamingResponse
from msgspec import Meta
from pydantic import BaseModel
from starlette.types import Receive, Scope, Send

from admit.authority import Authority
from admit.core.presented import BEARER, found
from admit.core.store import Cursor, Page
from admit.errors import BadInput, CursorLost
from admit.feed import Feed
from admit.remote import METADATA, End
from admit.web.caller import Auth
from admit.web.direct import Endpoint
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
    await auth.open()  # what the store says of it counts, not what this process was told
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    return Metadata(
        issuer=auth.issuer,
        jwks_uri=f"{auth.issuer}/.well-known/jwks.json",
        revocations_endpoint=f"{auth.issuer}/revocations",
        introspection_endpoint=f"{auth.issuer}/introspect",
        revocation_endpoint=f"{auth.issuer}/revoke",
        max_staleness=auth.max_staleness,
    )


class Question(msgspec.Struct, frozen=True):
    """What a follower asks."""

    after: Annotated[str, Meta(max_length=4_096)] | None = None
    wait: Annotated[float, Meta(ge=0, le=LONGEST_WAIT)] = 0.0
    probe: Annotated[str, Meta(max_length=64)] = ""
    follower: Annotated[str, Meta(max_length=64)] = ""


class Revocations:
    """The revocation log behind ``after``, to its end: a line of JSON for each entry, and one that ends the answer.

    Where there is nothing new, the answer waits up to ``wait`` seconds. The last line names the position to go on
    from and the ``probe``: an answer without it is cut off, or not one to this question. 410 when the position is
    not known (any more): begin anew, without ``after``. By ``follower``, a name that each process chooses at random
    when it starts, it is known to whom what was told.
    """

    def __init__(self, auth: Authority) -> None:
        self._auth = auth
        self._feed: Feed | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One question. Raises Denied, BadInput, CursorLost, StoreError."""
        _, text = found(scope["headers"], (BEARER,), self._auth.cookies)
        key = await self._auth.verifiers.admit(text)
        question = _question(scope["query_string"])
        if self._feed is None:  # one for all who follow, made on the event loop that serves them
            self._feed = self._auth.feed()
        feed, followers = self._feed, self._auth.followers
        after = None if question.after is None else Cursor(question.after)
        by = followers.asks(key.name, question.follower, after)
        try:
            first, as_of = await feed.read(after, question.wait)
        except CursorLost:
            followers.told.begin_anew += 1
            raise
        followers.answered(by, first, as_of)
        if not first.end:
            lines = _lines(feed, first, question.probe)
            await StreamingResponse(lines, media_type=LINES)(scope, receive, send)
            return
        body = _piece(first, question.probe)
        headers = [(b"content-type", LINES.encode()), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def endpoint(auth: Authority, at: str) -> Endpoint:
    """Where the log of ``auth`` is followed, below ``at``. Whoever follows asks several times a second, for ever."""
    operation: dict[str, Any] = {
        "tags": ["verifiers"],
        "summary": "Revocations",
        "description": inspect.getdoc(Revocations),
        "operationId": "revocations",
        "parameters": [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in _schemas(Question).items()
        ],
        "responses": {str(status): answer for status, answer in problems(401, 410, 422, 503).items()}
        | {"200": {"description": "Successful Response", "content": {LINES: {}}}},
        "security": [{"verifier": []}],
    }
    return Endpoint(f"{at}/revocations", Revocations(auth), operation, noted=False)


def _schemas(kind: type[msgspec.Struct]) -> dict[str, dict[str, Any]]:
    """The JSON Schemas of the fields of ``kind``."""
    [schema] = msgspec.json.schema(kind)["$defs"].values()
    fields: dict[str, dict[str, Any]] = schema["properties"]
    return fields


def _question(query: bytes) -> Question:
    """What a query string asks. Raises BadInput, which names the field that is out of bounds."""
    try:
        asked = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
        return msgspec.convert(asked, Question, strict=False)
    except msgspec.ValidationError as error:
        # “… - at `$.wait`”
        field = str(error).rpartition("$.")[2].rstrip("`")
        raise BadInput("bad_request", "The question is of another kind than can be answered.", field=field) from error


async def _lines(feed: Feed, page: Page, probe: str) -> AsyncIterator[bytes]:
    while not page.end:
        yield _piece(page, probe)
        page = await feed.page(page.cursor, 0)
    yield _piece(page, probe)


def _piece(page: Page, probe: str) -> bytes:
    """A page as lines, and what ends the answer when it is the last."""
    end = (_encode(End(page.cursor, probe)),) if page.end else ()
    return b"\n".join((*page.entries, *end, b""))
