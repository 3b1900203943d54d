"""What a person sees who is refused: a page that says why, or the one where to go first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from starlette.responses import Response
from starlette.types import Scope

from admit.core.answers import Problem
from admit.core.presented import COOKIE, presented
from admit.core.return_to import is_for_a_person
from admit.errors import AdmitError, Denied
from admit.guards.asgi import asked
from admit.web.direct import Endpoint
from admit.web.families import is_below
from admit.web.pages.look import Pages

TITLES = {
    400: "That could not be read",
    403: "That is not allowed",
    404: "There is nothing here",
    405: "That cannot be done here",
    413: "That is too much",
    415: "That could not be read",
    421: "Wrong address",
    422: "That could not be read",
    429: "Too many tries",
    500: "Something went wrong",
    503: "Not available at the moment",
}
CLOSED = {"sign_up_closed": "Sign-up is closed"}
"""Titles that a code has of its own: nobody did anything wrong there."""

AGAIN = {429, 500, 503}
"""What may be over in a moment."""

WORDS = {
    "bad_request": "What your browser sent could not be read. Go back, load the page again, and try once more.",
    "bad_credential": "Your sign-in is over. Sign in again to go on.",
    "cross_origin": "This came from a page of another site, so nothing was done. Begin on our own page.",
    "error": "This is our fault, not yours. It was written down; try again in a while.",
    "method_not_allowed": "This address does not take what was sent. Begin with the page it belongs to.",
    "not_enough": "You are signed in, but this is not open to you.",
    "not_form": "What was sent is of a kind that no form of ours sends. Load the page again, and try once more.",
    "not_found": "The address may be mistyped, or the page is gone.",
    "sign_up_closed": "Accounts are made by those who run this service. Ask them for one.",
    "too_large": "That is larger than anything a form here takes, so nothing was done.",
    "wrong_host": "This server does not go by the name in your address bar. Check the link that brought you here.",
}
"""What people read where the words for programs would not help them, by the code of the error."""


_STALE = "The way you came by was used before, took longer than a minute, or was begun in another browser. Try again."


class Way(NamedTuple):
    """Where somebody can go from a page that refuses: what the link says, and where it leads."""

    label: str
    to: str


def is_page(scope: Scope) -> bool:
    """Whether a person waits for the answer; never where programs ask."""
    app = scope.get("app")
    if app is None or is_below(scope, app.state.api) or isinstance(scope.get("route"), Endpoint):
        return False
    return is_for_a_person(asked(scope, ""))


def refused(scope: Scope, pages: Pages, error: Exception, problem: Problem, headers: Mapping[str, str]) -> Response:
    """The page in the place of ``problem``."""
    page = pages.detours.first(error) if isinstance(error, AdmitError) else None
    if page is not None:
        return pages.by_way_of(page, asked(scope, "").url if scope["method"] == "GET" else pages.account)
    title = CLOSED.get(problem.code) or TITLES.get(problem.status, TITLES[500])
    detail = WORDS.get(problem.code, problem.detail)
    known: dict[str, object] = {"title": title, "status": problem.status, "detail": detail}
    if problem.code == "wrong_host":
        known["start"] = urljoin(pages.issuer, pages.start)  # every link leads to the right name, that in the head too
    known["ways"] = list(_ways(scope, pages, problem))
    return pages.page("error.html", problem.status, headers, **known)


def elsewhere(pages: Pages, problem: Problem, headers: Mapping[str, str], again: str) -> Response:
    """The page in the place of ``problem`` at another host, where somebody was to be signed in too; ``again`` begins anew."""
    title = TITLES.get(problem.status, "You are not signed in here")
    detail = WORDS.get(problem.code, problem.detail) if problem.status in TITLES else _STALE
    ways = [Way("Try again", again), Way("Go to your account", f"{pages.issuer}/account")]
    return pages.alone(
        "error.html", problem.status, headers, title=title, status=problem.status, detail=detail, ways=ways
    )


def _ways(scope: Scope, pages: Pages, problem: Problem) -> Iterator[Way]:
    """What helps somebody who meets ``problem``, the likeliest first."""
    if problem.code == "wrong_host":
        yield Way(f"Go to {urlsplit(pages.issuer).netloc}", f"{pages.issuer}/account")
        return
    request = asked(scope, "")
    if problem.status in AGAIN and request.method == "GET":
        yield Way("Try again", pages.back(request.url))
    try:
        presented(request, (COOKIE,), scope["app"].state.authority.cookies)
    except Denied:
        yield Way("Sign in", f"{pages.at}/sign-in")
    else:
        if problem.code == "not_enough":
            yield Way("Sign in as somebody else", f"{pages.at}/sign-out")
        else:
            yield Way("Go to your account", pages.account)
    if pages.home is not None:
        yield Way(f"Go to {pages.name}", pages.home)
