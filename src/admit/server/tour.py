"""`admit tour`: plays the story against a fresh server over HTTP, and says whether each step is as promised."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from admit.server.client import Answer, ask
from admit.server.fresh import Fresh

GRACE = 2.0
"""Seconds in which a spent refresh token gets its successor again, in the tour."""

_MARGIN = 0.3
_EMAIL = "ann@example.com"
_PASSWORD = "a password of some length"  # noqa: S105 - of an account that lives for seconds
_ANOTHER = "another one, not shorter"


@dataclass(frozen=True)
class Step:
    """A request with its answer, how long it took, what was promised, and whether that is what happened."""

    chapter: str
    request: str
    answer: str
    ms: float
    promised: str
    holds: bool


Check = Callable[[Answer], bool]


@dataclass
class Tour:
    """The story, told by what it asks of a server on ``port``; ``command`` runs the command line beside it."""

    port: int
    command: Callable[..., int]
    steps: list[Step] = field(default_factory=list[Step])
    chapter: str = ""

    @property
    def holds(self) -> bool:
        """Whether every step was as promised."""
        return bool(self.steps) and all(step.holds for step in self.steps)

    def tell(self) -> None:
        """Every chapter. Raises OSError when the server does not answer."""
        self._cookie()
        self._tokens()
        self._password()
        self._administrator()

    def _cookie(self) -> None:
        self.chapter = "sign in by cookie, sign out"
        self._ask("an account is made", "POST", "/api/sign-up", 201, _CREDENTIALS)
        cookie = self._sign_in()
        self._ask("the cookie is Ann", "GET", "/api/me", 200, by=cookie, check=_is_ann)
        self._ask("Ann signs out", "POST", "/api/sign-out", 204, by=cookie)
        self._ask("a copy of the cookie is refused", "GET", "/api/me", 401, by=cookie)

    def _tokens(self) -> None:
        self.chapter = "sign in for tokens, refresh"
        first = self._tokens_of_ann()
        self._ask("the access token is Ann", "GET", "/api/me", 200, by=_bearer(first), check=_is_ann)
        spent = {"refresh_token": first["refresh_token"]}
        second = self._pair("new tokens", "/api/refresh", spent)
        promised = "the spent one again, at once: the same successor"
        again = self._pair(promised, "/api/refresh", spent, successor=second["refresh_token"])
        self._ask("nobody is signed out", "GET", "/api/me", 200, by=_bearer(again), check=_is_ann)
        time.sleep(GRACE + _MARGIN)
        self._ask("the spent one after the grace: refused", "POST", "/api/refresh", 401, spent)
        self._ask("its session ended: the access token is refused", "GET", "/api/me", 401, by=_bearer(second))
        latest = {"refresh_token": second["refresh_token"]}
        self._ask("and so is the latest refresh token", "POST", "/api/refresh", 401, latest)

    def _password(self) -> None:
        self.chapter = "change the password"
        here, elsewhere, tokens = self._sign_in(), self._sign_in(), self._tokens_of_ann()
        change = {"current_password": _PASSWORD, "new_password": _ANOTHER}
        changed = self._ask("it is changed", "POST", "/api/password", 204, change, by=here, check=_has_cookie)
        self._ask("the session that changed it goes on", "GET", "/api/me", 200, by={"Cookie": changed.cookie or ""})
        self._ask("its old cookie does not", "GET", "/api/me", 401, by=here)
        self._ask("the other cookie has ended", "GET", "/api/me", 401, by=elsewhere)
        self._ask("the access token has ended", "GET", "/api/me", 401, by=_bearer(tokens))
        spent = {"refresh_token": tokens["refresh_token"]}
        self._ask("the refresh token has ended", "POST", "/api/refresh", 401, spent)
        self._ask("the old password is refused", "POST", "/api/sign-in", 401, _CREDENTIALS)

    def _administrator(self) -> None:
        self.chapter = "an administrator disables Ann"
        now = {"email": _EMAIL, "password": _ANOTHER}
        cookie, tokens = self._sign_in(now), self._tokens_of_ann(now)
        spent = {"refresh_token": tokens["refresh_token"]}
        everything = (("her cookie", cookie), ("her access token", _bearer(tokens)))
        self._run("accounts", "disable", _EMAIL)
        for what, by in everything:
            self._ask(f"{what} is refused at once", "GET", "/api/me", 401, by=by)
        self._ask("her refresh token is refused", "POST", "/api/refresh", 401, spent)
        self._ask("she cannot sign in", "POST", "/api/sign-in", 401, now)
        self._run("accounts", "enable", _EMAIL)
        for what, by in everything:
            self._ask(f"{what} does not come back", "GET", "/api/me", 401, by=by)
        self._ask("nor does her refresh token", "POST", "/api/refresh", 401, spent)
        again = self._sign_in(now)
        self._ask("a new sign-in works", "GET", "/api/me", 200, by=again, check=_is_ann)

    def _sign_in(self, credentials: Mapping[str, str] | None = None) -> Mapping[str, str]:
        body = credentials or _CREDENTIALS
        answer = self._ask("Ann signs in for a cookie", "POST", "/api/sign-in", 200, body, check=_has_cookie)
        return {"Cookie": answer.cookie or ""}

    def _tokens_of_ann(self, credentials: Mapping[str, str] | None = None) -> Mapping[str, str]:
        return self._pair("Ann signs in for tokens", "/api/tokens", credentials or _CREDENTIALS)

    def _pair(
        self, promised: str, path: str, body: Mapping[str, str], *, successor: str | None = None
    ) -> Mapping[str, str]:
        """An access token, and a refresh token that was not sent: ``successor``, if that is known."""

        def follows(answer: Answer) -> bool:
            token = answer.body.get("refresh_token")
            return token is not None and token not in body.values() and successor in (None, token)

        answer = self._ask(promised, "POST", path, 200, body, check=follows)
        return {"access_token": "", "refresh_token": ""} | answer.body

    def _ask(
        self,
        promised: str,
        method: str,
        path: str,
        status: int,
        body: Mapping[str, str] | None = None,
        *,
        by: Mapping[str, str] = {},
        check: Check = lambda _: True,
    ) -> Answer:
        began = time.perf_counter()
        answer = ask(self.port, method, path, body, by)
        ms = (time.perf_counter() - began) * 1_000
        holds = answer.status == status and check(answer)
        shown = " ".join([str(answer.status), str(answer.body.get("code", ""))]).strip()
        self.steps.append(Step(self.chapter, f"{method} {path}", shown, round(ms, 1), promised, holds))
        return answer

    def _run(self, *words: str) -> None:
        began = time.perf_counter()
        code = self.command(*words)
        ms = (time.perf_counter() - began) * 1_000
        request, answer = " ".join(("admit", *words)), f"exit {code}"
        self.steps.append(Step(self.chapter, request, answer, round(ms, 1), "done by another process", code == 0))


def play() -> dict[str, Any]:
    """Play the story against a fresh server, and stop that: ``holds``, and the ``steps`` it consists of."""
    with Fresh(grace=GRACE) as server:
        tour = Tour(server.port, server.command)
        tour.tell()
    return {"holds": tour.holds, "steps": [asdict(step) for step in tour.steps]}


_CREDENTIALS = {"email": _EMAIL, "password": _PASSWORD}


def _bearer(tokens: Mapping[str, str]) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def _is_ann(answer: Answer) -> bool:
    return bool(answer.body.get("email") == _EMAIL)


def _has_cookie(answer: Answer) -> bool:
    return bool(answer.cookie)
