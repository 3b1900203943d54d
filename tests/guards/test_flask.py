"""The Flask guard: views of every shape, whole blueprints, and errors that no guard raised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask, g
from flask.testing import FlaskClient
from flask.views import MethodView

from admit.authority import Authority
from admit.errors import NotEnough
from admit.guards.flask import install, required
from admit.testing.clock import FakeClock
from worlds import ORIGIN, authority, value_of


@pytest.fixture
def auth() -> Iterator[Authority]:
    made = authority("memory://", FakeClock())
    yield made
    made.sync.close()


def application(auth: Authority) -> Flask:
    app = Flask("links")
    install(app, auth, sign_in="/auth/sign-in")
    private = Blueprint("private", "links", url_prefix="/private")
    private.before_request(required(auth, roles="admin")(lambda: None))

    class Links(MethodView):
        decorators = [required(auth)]  # noqa: RUF012 - as Flask's documentation writes it

        def get(self, name: str) -> str:
            return f"{name} of {g.principal.subject}"

    @private.get("/")
    def all_of_it() -> str:
        return f"private to {g.principal.subject}"

    @app.get("/late")
    def late() -> str:
        raise NotEnough("found out later")

    app.add_url_rule("/links/<name>", view_func=Links.as_view("links"))
    app.register_blueprint(private)
    return app


def signed_in(auth: Authority, app: Flask, subject: str) -> FlaskClient:
    """A browser in which ``subject`` is signed in."""
    started = auth.sync.sessions.start(auth.sync.subjects.before(subject).proven("pwd"))
    browser = app.test_client()
    browser.set_cookie("__Host-admit", value_of(started))
    return browser


def test_methods_and_whole_blueprints_are_guarded(auth: Authority) -> None:
    app = application(auth)
    auth.sync.subjects.change("bob", lambda held: held.with_roles(["admin"]))
    ann, bob = signed_in(auth, app, "ann"), signed_in(auth, app, "bob")
    assert ann.get("/links/one").text == "one of ann"
    assert bob.get("/private/").text == "private to bob"
    assert ann.get("/private/").status_code == 403
    for path in ("/links/one", "/private/"):
        assert app.test_client().get(path).status_code == 401


def test_what_a_view_raises_itself_is_answered_as_well(auth: Authority) -> None:
    answer = application(auth).test_client().get("/late")
    assert (answer.status_code, answer.content_type) == (403, "application/problem+json")
    assert answer.get_json()["code"] == "not_enough"


def test_a_name_is_kept_so_that_two_views_are_two(auth: Authority) -> None:
    app = Flask("links")
    guarded = required(auth)
    for name in ("one", "two"):

        def view() -> str:
            return "x"

        view.__name__ = name
        app.get(f"/{name}")(guarded(view))
    assert {"one", "two"} <= app.view_functions.keys()


def test_a_view_that_was_left_without_the_handler_still_refuses(auth: Authority) -> None:
    app = Flask("links")

    @app.get("/")
    @required(auth)
    def view() -> str:
        raise AssertionError("let in")

    assert app.test_client().get("/").status_code == 500


def test_where_a_browser_is_led_back_to_is_the_whole_address(auth: Authority) -> None:
    headers: Any = {"Sec-Fetch-Mode": "navigate", "Host": "evil.test"}
    answer = application(auth).test_client().get("/links/one?a=1", headers=headers, base_url=ORIGIN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/auth/sign-in?next=/links/one%3Fa%3D1")
