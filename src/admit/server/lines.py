"""The lines to type at a demo: each can be pasted as it is, and says what its answer will be."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from admit.server.settings import Settings

ANN = "ann@example.com"

# What the lines send, in files that only their owner can read: no secret stands in a line, on the page or in a
# list of processes.
SIGN_IN, CHANGE, CHANGE_BACK = "sign-in.json", "change.json", "change-back.json"
ANNS, OTHERS, TOKENS, ACCESS, REFRESH = "ann.jar", "other.jar", "tokens.json", "access.header", "refresh.json"

_MARGIN = 1.0


@dataclass(frozen=True)
class Line:
    """A ``command``, what it is for, and the status of its answer; None where it is no request."""

    why: str
    command: str
    answers: int | None = None


@dataclass(frozen=True)
class Chapter:
    """Some lines in their order."""

    title: str
    lines: tuple[Line, ...]


def chapters(settings: Settings, directory: Path) -> list[Chapter]:
    """The story, for a demo that keeps everything in ``directory``, an absolute path."""
    return Lines(settings, directory).chapters()


class Lines:
    """Writes the lines of one demo."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        self._at = settings.issuer
        self._directory = directory
        self._metrics = f"http://127.0.0.1:{settings.metrics_port}/metrics"
        self._after_the_grace = settings.token_grace + _MARGIN
        self._config = shlex.quote(str(directory / "admit.toml"))

    def chapters(self) -> list[Chapter]:
        """All of them; whoever has typed the last can begin again with the first."""
        return [
            Chapter("Sign in by cookie", self._cookie()),
            Chapter("Sign in for tokens, and refresh them", self._tokens()),
            Chapter("Come from another site", self._other_sites()),
            Chapter("Change the password", self._password()),
            Chapter("Be an administrator", self._administrator()),
            Chapter("Sign out", self._sign_out()),
            Chapter("Watch it run", self._watch()),
        ]

    def _cookie(self) -> tuple[Line, ...]:
        return (
            self._sign_in("Ann signs in; the cookie goes into a jar.", ANNS),
            self._ask("The cookie is Ann.", self._jar(ANNS), "/api/me"),
            self._ask("A route of an application, guarded by one line.", self._jar(ANNS), "/links"),
            self._ask("Without the cookie it is closed.", "", "/links", 401),
        )

    def _tokens(self) -> tuple[Line, ...]:
        tokens, access, refresh = (self._file(name) for name in (TOKENS, ACCESS, REFRESH))
        send, bearer = self._body(REFRESH), f"-H @{access}"
        return (
            self._ask("Ann signs in for tokens.", f"-o {tokens} {self._body(SIGN_IN)}", "/api/tokens"),
            Line(
                "Put the access token into a header …",
                f"""sed 's/.*"access_token": *"\\([^"]*\\)".*/Authorization: Bearer \\1/' {tokens} > {access}""",
            ),
            Line(
                "… and the refresh token into a body.",
                f"""sed 's/.*\\("refresh_token": *"[^"]*"\\).*/{{\\1}}/' {tokens} > {refresh}""",
            ),
            self._ask("The token opens the same doors: no store is asked, and no session cookie.", bearer, "/links"),
            self._ask("Refresh: the next pair.", send, "/api/refresh"),
            self._ask("Again, at once, as two tabs do: the same successor.", send, "/api/refresh"),
            Line(
                f"After {self._after_the_grace:g} seconds it is a copy in somebody else's hands: the session ends.",
                f"sleep {self._after_the_grace:g}; {self._curl(send, '/api/refresh')}",
                401,
            ),
            self._ask("And with it the access token, at once.", bearer, "/links", 401),
        )

    def _other_sites(self) -> tuple[Line, ...]:
        jar, evil = self._jar(ANNS), "-H 'Origin: https://evil.example'"
        return (
            self._ask("A page of another site sends Ann's cookie along, to sign her out.", f"{jar} {evil} -X POST", "/api/sign-out", 403),
            self._ask("Nothing came of it.", jar, "/api/me"),
        )  # fmt: skip

    def _password(self) -> tuple[Line, ...]:
        mine, other = self._jar(ANNS), self._jar(OTHERS)
        keep = f"{mine} -c {self._file(ANNS)}"
        return (
            self._sign_in("Somebody else is signed in as Ann, too.", OTHERS),
            self._ask("She changes her password, and gets a new cookie.", f"{keep} {self._body(CHANGE)}", "/api/password", 204),
            self._ask("Her session goes on.", mine, "/api/sessions"),
            self._ask("Every other is over.", other, "/api/me", 401),
            self._ask("And change it back.", f"{keep} {self._body(CHANGE_BACK)}", "/api/password", 204),
        )  # fmt: skip

    def _administrator(self) -> tuple[Line, ...]:
        jar = self._jar(ANNS)
        return (
            self._admit("Another process on the same file disables Ann …", "disable"),
            self._ask("… and all that is hers stops, at once.", jar, "/api/me", 401),
            self._admit("She is enabled again …", "enable"),
            self._ask("… and nothing comes back by itself.", jar, "/api/me", 401),
        )

    def _sign_out(self) -> tuple[Line, ...]:
        jar = self._jar(ANNS)
        return (
            self._sign_in("Ann signs in anew.", ANNS),
            self._ask("She signs out, and the jar keeps a copy of the cookie …", f"{jar} -X POST", "/api/sign-out", 204),
            self._ask("… which is dead.", jar, "/api/me", 401),
        )  # fmt: skip

    def _watch(self) -> tuple[Line, ...]:
        return (
            self._ask("The process lives.", "", "/healthz"),
            self._ask("Requests should come here: the store answers.", "", "/readyz"),
            self._ask("The public keys, for whoever verifies tokens.", "", "/.well-known/jwks.json"),
            Line("Figures for Prometheus, on a port of their own.", f"curl -sf {self._metrics} | grep ^admit_sign_ins"),
        )

    def _sign_in(self, why: str, jar: str) -> Line:
        return self._ask(why, f"-c {self._file(jar)} {self._body(SIGN_IN)}", "/api/sign-in")

    def _ask(self, why: str, options: str, path: str, answers: int = 200) -> Line:
        return Line(why, self._curl(options, path), answers)

    def _curl(self, options: str, path: str) -> str:
        return " ".join(filter(None, ("curl -sw ' %{http_code}\\n'", options, self._at + path)))

    def _admit(self, why: str, verb: str) -> Line:
        return Line(why, f"{program()} accounts {verb} {ANN} --config {self._config}")

    def _jar(self, name: str) -> str:
        return f"-b {self._file(name)}"

    def _body(self, name: str) -> str:
        return f"-H 'Content-Type: application/json' -d @{self._file(name)}"

    def _file(self, name: str) -> str:
        return shlex.quote(str(self._directory / name))


def program() -> str:
    """How this program is called, from any directory."""
    called = Path(sys.argv[0])
    if called.name == "admit":
        return shlex.quote(str(called.absolute()))
    return f"{shlex.quote(sys.executable)} -m admit.server"
