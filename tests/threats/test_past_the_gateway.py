"""Somebody gets past a gateway, or is taken for somebody else behind it (FWD-02, FWD-03, FWD-04, FWD-06, FWD-08).

The program behind believes a header about who asks. So nobody may write it but the gateway, in any spelling (as in
CVE-2025-64484) and however many hop-by-hop headers he names (as in CVE-2025-48865); no method, no path and no failure
may lead around the question; and no answer may be somebody else's, or outlive the second it is given again for.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from admit.authority import Authority
from gateways import NAMES
from nginx import put
from protected import GATEWAYS, NAME, Protected, by_nginx, protected, signed_in, value
from server.fleet import until
from threats.test_path_read_two_ways import CORPUS, is_admin

ORIGIN = f"Origin: https://{NAME}"


@pytest.fixture(scope="module", params=GATEWAYS)
def here(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protected]:
    with protected(tmp_path_factory.mktemp("past"), request.param) as here:
        yield here


def test_nobody_says_himself_who_he_is(here: Protected) -> None:
    bob = f"Cookie: __Host-admit={here.people['bob']}"
    spelt = [
        form
        for name in NAMES
        for form in (f"X-Admit-{name}", f"x_admit_{name}", f"X-Admit_{name}", f"X_ADMIT-{name}", f"X.Admit.{name}")
    ]
    for connection in (
        "close",
        "close, " + ", ".join(f"X-Admit-{name}" for name in NAMES),
        "close, Cookie, X-Original-URI",
    ):
        lies = [f"{form}: ann" for form in spelt]
        mine = here.raw("GET /links/7 HTTP/1.1", f"Connection: {connection}", bob, *lies)
        assert mine.status == 200
        assert mine.said("x-admit-subject") == ["bob"]
        anyone = here.raw("GET /static/x.css HTTP/1.1", f"Connection: {connection}", *lies)
        assert anyone.status == 200
        assert [text for name, text in anyone.read["headers"] if name.startswith("x-admit-") and text] == []


def test_nobody_says_himself_what_he_asks_for(here: Protected) -> None:
    lies = ("X-Original-URI: /static/x", "X-Original-URL: /static/x", "X-Rewrite-URL: /static/x", "X-Original-Method: GET",
            "X-Forwarded-Uri: /static/x", "X-Forwarded-Method: GET", "X-Forwarded-Host: evil.test", "X_Original_URI: /static/x")  # fmt: skip
    for lie in lies:
        assert here.raw("GET /links/7 HTTP/1.1", "Connection: close", lie).status in (401, 403), lie
    for target in (
        "/auth/forward-auth",
        "/auth/forward-auth/static/x",
        "/auth/%66orward-auth",
        "/auth//forward-auth",
    ):
        asked = here.raw(f"GET {target} HTTP/1.1", "Connection: close", *lies, f"X-Original-Host: {NAME}")
        assert (asked.status, "x-admit-subject" in asked.headers) == (404, False)
    assert here.raw("GET /_admit HTTP/1.1", "Connection: close", *lies).status in (403, 404)
    # The URL of a proxy's request line names a host too: it is the one that is judged, and the one that is asked.
    absolute = here.raw(f"GET https://{NAME}/internal/x HTTP/1.1", "Connection: close", host="evil.test")
    assert absolute.status in (400, 403)


def test_the_program_is_handed_nothing_that_opens_anything(here: Protected) -> None:
    ann = here.people["ann"]
    others = "__Host-admit-refresh=adm_r_x; a=1; __Host-admit-device=adm_d_x; "
    for before, left in (("", ""), ("b=2; ", "b=2"), ("x__Host-admit=1; ", "x__Host-admit=1"), (others, "a=1")):
        answer = here.get("/links/7", Cookie=f"{before}__Host-admit={ann}")
        assert "; ".join(answer.said("cookie")).strip("; ") == left
        assert ann not in str(answer.read)
    token = here.do(lambda auth: _token(auth, "dora"))
    answer = here.get("/links/7", Authorization=f"Bearer {token}")
    assert (answer.said("x-admit-subject"), answer.said("authorization")) == (["dora"], [])


async def _token(auth: Authority, who: str) -> str:
    return (await auth.tokens.issue((await signed_in(auth, who)).session)).access_token


def test_what_the_program_receives_is_what_was_judged(here: Protected) -> None:
    bob = f"Cookie: __Host-admit={here.people['bob']}"
    for target in [target for target in CORPUS if target.isascii() and " " not in target][::3]:
        before = len(here.program.asked)
        answer = here.raw(f"GET {target} HTTP/1.1", "Connection: close", bob)
        assert answer.status in (200, 400, 403, 404), target
        assert len(here.program.asked) == before + (answer.status == 200)
        if answer.status == 200:
            assert answer.read["target"] == target
            assert not is_admin(target)
    assert here.get("/admin", **here.by("ann")).status == 200


@pytest.mark.parametrize(
    "method", ["HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "X"]
)
def test_every_method_is_asked_about(here: Protected, method: str) -> None:
    before = len(here.program.asked)
    refused = here.raw(f"{method} /links/7 HTTP/1.1", "Connection: close", ORIGIN, "Content-Length: 0")
    assert refused.status in (400, 401, 405)
    assert len(here.program.asked) == before


def test_a_page_of_another_site_changes_nothing_with_somebodys_cookie(here: Protected) -> None:
    ann = f"Cookie: __Host-admit={here.people['ann']}"
    own = here.raw(
        "POST /links/7 HTTP/1.1", "Connection: close", ann, ORIGIN, "Sec-Fetch-Site: same-origin", "Content-Length: 0"
    )
    assert own.status == 200
    for lines in (
        ("Origin: https://evil.test",),
        ("Origin: https://evil.test", "Sec-Fetch-Site: cross-site"),
        (ORIGIN, "Sec-Fetch-Site: same-site"),
    ):
        assert here.raw("POST /links/7 HTTP/1.1", "Connection: close", ann, *lines, "Content-Length: 0").status == 403


def test_a_yes_is_nobody_elses_and_ends_with_the_session(here: Protected) -> None:
    started = here.do(lambda auth: signed_in(auth, "carol"))
    mine = {"Cookie": f"__Host-admit={value(started)}"}
    assert here.get("/links/7", **mine).said("x-admit-subject") == ["carol"]
    # At the same moment, for the same page: whoever else asks is himself, or nobody.
    assert here.get("/links/7", **here.by("bob")).said("x-admit-subject") == ["bob"]
    assert here.get("/links/7").status == 401
    assert here.get("/links/7", Cookie=f"{mine['Cookie']}\t").status in (200, 401)
    assert here.get("/links/7", "POST", **mine, Origin="https://evil.test", Content_Length="0").status == 403
    here.do(lambda auth: auth.revoke(started.session))
    # What was not asked a moment ago is refused at once, the other as soon as nginx has forgotten its yes.
    assert here.get("/links/8", **mine).status == 401
    until(lambda: here.get("/links/7", **mine).status == 401, "a yes is given for ever")


def test_where_nobody_answers_nobody_comes_in(tmp_path: Path) -> None:
    def hasty(text: str) -> str:
        return put(text, {"proxy_read_timeout 5s;": "proxy_read_timeout 1s;"})

    with protected(tmp_path, begin=partial(by_nginx, site=hasty)) as here:
        # On a busy machine the first answer takes longer than that.
        until(lambda: here.get("/links/1", **here.by("ann")).status == 200, "nobody comes in")
        came = len(here.program.asked)
        workers = here.fleet.workers()
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        try:
            hangs = here.get("/links/2", **here.by("ann"))
        finally:
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
        assert (hangs.status, hangs.headers["retry-after"], hangs.headers["cache-control"]) == (503, "1", "no-store")
        here.fleet.process.kill()
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        until(lambda: not here.fleet.workers(), "a worker lives on")
        for target in ("/links/3", "/static/x.css", "/admin"):
            assert here.get(target, **here.by("ann")).status == 503
        assert len(here.program.asked) == came
        # Nor does a yes of before, once its second is over.
        until(lambda: here.get("/links/1", **here.by("ann")).status == 503, "a yes is given for ever")
