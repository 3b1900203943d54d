"""`admit tour`: plays the story against a fresh server over HTTP, and says whether each step is as promised."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from admit.server.client import Answer
from admit.server.fresh import Fresh
from admit.server.story import Story
from admit.server.visit import Visit

GRACE = 2.0
"""Seconds in which a spent refresh token gets its successor again, in the tour."""

FRESH_FOR = 5.0
"""Seconds in which a sign-in is fresh enough to end other devices, in the tour."""

_MARGIN = 0.3
_EMAIL = "ann@example.com"
_PASSWORD = "a password of some length"  # noqa: S105 - of an account that lives for seconds
_ANOTHER = "another one, not shorter"


class Tour:
    """The story, told by what it asks of a server."""

    def __init__(self, story: Story) -> None:
        self._story = story

    def tell(self) -> None:
        """Every chapter. Raises StoreUnavailable when the server does not answer."""
        self._cookie()
        visit = Visit(self._story, _EMAIL, _PASSWORD)
        visit.sign_in()
        visit.meet_other_sites()
        # The sign-in of the browser ages meanwhile.
        self._tokens()
        visit.end_a_device(FRESH_FOR + _MARGIN)
        visit.sign_out()
        self._password()
        self._administrator()

    def _cookie(self) -> None:
        self._story.chapter = "sign in by cookie, sign out"
        self._story.ask("an account is made", "POST", "/api/sign-up", 201, _CREDENTIALS)
        cookie = self._sign_in()
        self._story.ask("the cookie is Ann", "GET", "/api/me", 200, by=cookie, check=_is_ann)
        self._story.ask("Ann signs out", "POST", "/api/sign-out", 204, by=cookie)
        self._story.ask("a copy of the cookie is refused", "GET", "/api/me", 401, by=cookie)

    def _tokens(self) -> None:
        self._story.chapter = "sign in for tokens, refresh"
        first = self._tokens_of_ann()
        self._story.ask("the access token is Ann", "GET", "/api/me", 200, by=_bearer(first), check=_is_ann)
        spent = {"refresh_token": first["refresh_token"]}
        second = self._pair("new tokens", "/api/refresh", spent)
        promised = "the spent one again, at once: the same successor"
        again = self._pair(promised, "/api/refresh", spent, successor=second["refresh_token"])
        self._story.ask("nobody is signed out", "GET", "/api/me", 200, by=_bearer(again), check=_is_ann)
        time.sleep(GRACE + _MARGIN)
        self._story.ask("the spent one after the grace: refused", "POST", "/api/refresh", 401, spent)
        self._story.ask("its session ended: the access token is refused", "GET", "/api/me", 401, by=_bearer(second))
        latest = {"refresh_token": second["refresh_token"]}
        self._story.ask("and so is the latest refresh token", "POST", "/api/refresh", 401, latest)

    def _password(self) -> None:
        self._story.chapter = "change the password"
        here, elsewhere, tokens = self._sign_in(), self._sign_in(), self._tokens_of_ann()
        change = {"current_password": _PASSWORD, "new_password": _ANOTHER}
        changed = self._story.ask("it is changed", "POST", "/api/password", 204, change, by=here, check=_has_cookie)
        self._story.ask("the session that changed it goes on", "GET", "/api/me", 200, by={"Cookie": changed.cookie})
        self._story.ask("its old cookie does not", "GET", "/api/me", 401, by=here)
        self._story.ask("the other cookie has ended", "GET", "/api/me", 401, by=elsewhere)
        self._story.ask("the access token has ended", "GET", "/api/me", 401, by=_bearer(tokens))
        spent = {"refresh_token": tokens["refresh_token"]}
        self._story.ask("the refresh token has ended", "POST", "/api/refresh", 401, spent)
        self._story.ask("the old password is refused", "POST", "/api/sign-in", 401, _CREDENTIALS)

    def _administrator(self) -> None:
        self._story.chapter = "an administrator disables Ann"
        now = {"email": _EMAIL, "password": _ANOTHER}
        cookie, tokens = self._sign_in(now), self._tokens_of_ann(now)
        spent = {"refresh_token": tokens["refresh_token"]}
        everything = (("her cookie", cookie), ("her access token", _bearer(tokens)))
        self._story.run("accounts", "disable", _EMAIL)
        for what, by in everything:
            self._story.ask(f"{what} is refused at once", "GET", "/api/me", 401, by=by)
        self._story.ask("her refresh token is refused", "POST", "/api/refresh", 401, spent)
        self._story.ask("she cannot sign in", "POST", "/api/sign-in", 401, now)
        self._story.run("accounts", "enable", _EMAIL)
        for what, by in everything:
            self._story.ask(f"{what} does not come back", "GET", "/api/me", 401, by=by)
        self._story.ask("nor does her refresh token", "POST", "/api/refresh", 401, spent)
        again = self._sign_in(now)
        self._story.ask("a new sign-in works", "GET", "/api/me", 200, by=again, check=_is_ann)

    def _sign_in(self, credentials: Mapping[str, str] | None = None) -> Mapping[str, str]:
        body = credentials or _CREDENTIALS
        answer = self._story.ask("Ann signs in for a cookie", "POST", "/api/sign-in", 200, body, check=_has_cookie)
        return {"Cookie": answer.cookie}

    def _tokens_of_ann(self, credentials: Mapping[str, str] | None = None) -> Mapping[str, str]:
        return self._pair("Ann signs in for tokens", "/api/tokens", credentials or _CREDENTIALS)

    def _pair(
        self, promised: str, path: str, body: Mapping[str, str], *, successor: str | None = None
    ) -> Mapping[str, str]:
        """An access token, and a refresh token that was not sent: ``successor``, if that is known."""

        def follows(answer: Answer) -> bool:
            token = answer.body.get("refresh_token")
            return token is not None and token not in body.values() and successor in (None, token)

        answer = self._story.ask(promised, "POST", path, 200, body, check=follows)
        return {"access_token": "", "refresh_token": "", **answer.body}


def play() -> dict[str, Any]:
    """Play the story against a fresh server, and stop that: ``holds``, and the ``steps`` it consists of."""
    with Fresh(grace=GRACE, fresh_for=FRESH_FOR) as server:
        story = Story(server.port, server.command)
        Tour(story).tell()
    return {"holds": story.holds, "steps": [asdict(step) for step in story.steps]}


_CREDENTIALS = {"email": _EMAIL, "password": _PASSWORD}


def _bearer(tokens: Mapping[str, str]) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def _is_ann(answer: Answer) -> bool:
    return bool(answer.body.get("email") == _EMAIL)


def _has_cookie(answer: Answer) -> bool:
    return bool(answer.cookie)
