"""The application under attack, with a hole for scripts, which keeps its credential in one of four places."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from admit.lab import carried
from admit.lab.browser.town import Answer, Asked
from admit.lab.strategy import Held, Issuer, Refused, Server

Keeping = Literal["HttpOnly cookie", "localStorage", "memory", "careless cookie"]
"""The last is no recommendation: it is there to see that the attacks are attacks."""

REFRESH = "__Host-refresh"
CARELESS = "session"
_ATTRIBUTES = "; Path=/; Secure; HttpOnly; SameSite="

# Each page ends with its own script; `call` is how the application asks for anything.
_PAGE = """<!doctype html><title>The application</title><p>Hello {name}
<form id=out method=post action=/sign-out><button id=leave>Sign out</button></form>
<script>{script}</script>"""
_SIGN_IN = """<!doctype html><title>Sign in</title>
<form method=post action=/sign-in><input name=who value="{who}"><button id=go>Sign in</button></form>"""
_SCRIPTS = {
    "cookie": "window.call = (path, how) => fetch(path, how)",
    "localStorage": """
window.call = (path, how = {}) => fetch(path, {...how, headers: {authorization: `Bearer ${localStorage.token}`}})
out.onsubmit = () => { delete localStorage.token }""",
    "memory": """
(() => {
  let token
  const ready = fetch('/token', {method: 'POST'}).then(r => r.json()).then(found => { token = found.token })
  window.call = (path, how = {}) => ready.then(() =>
    fetch(path, {...how, headers: {authorization: `Bearer ${token}`}}))
})()""",
}


class Transfer(NamedTuple):
    """A request to send money."""

    who: str | None  # whose went, if any
    origin: str  # of the page that sent it
    brought: bool  # whether it brought anything to tell who is asking


@dataclass(slots=True)
class Application:
    """An application with people, their money, and a page that repeats what the address says."""

    keeping: Keeping
    issuer: Issuer
    server: Server
    own: str  # its origin
    signed_in: dict[str, Held] = field(default_factory=dict[str, Held])
    transfers: list[Transfer] = field(default_factory=list[Transfer])
    _refreshing: dict[str, Held] = field(default_factory=dict[str, Held])
    _adopted: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def by_cookie(self) -> bool:
        """Whether a cookie is what its requests are told by."""
        return self.keeping in {"HttpOnly cookie", "careless cookie"}

    async def __call__(self, asked: Asked) -> Answer:
        """One request."""
        match asked.method, asked.path:
            case "GET", "/":
                script = _SCRIPTS["cookie" if self.by_cookie else self.keeping]
                return Answer(body=_PAGE.replace("{name}", asked.query.get("name", "")).replace("{script}", script))
            case "GET", "/sign-in":
                return Answer(body=_SIGN_IN.replace("{who}", asked.query["who"]))
            case "POST", "/sign-in":
                return await self._sign_in(asked)
            case "POST", "/sign-out":
                return await self._sign_out(asked)
            case "POST", "/token":
                held = self._refreshing.get(asked.cookie(REFRESH) or "")
                return Answer(401) if held is None else Answer.of({"token": held.header[1].removeprefix("Bearer ")})
            case "POST", "/transfer":
                who = await self.who(asked)
                brought = asked.cookie(self.cookie_name) if self.by_cookie else asked.headers.get("authorization")
                self.transfers.append(Transfer(who, asked.headers.get("origin", ""), brought is not None))
                return Answer(200 if who else 401)
            case _:
                return Answer(404)

    async def who(self, asked: Asked) -> str | None:
        """Whom a request speaks for, if anybody."""
        if self.by_cookie:
            foreign = asked.method != "GET" and asked.headers.get("origin") != self.own
            value = asked.cookie(self.cookie_name)
            if value is None or (foreign and self.keeping != "careless cookie"):
                return None
            header = carried.cookie(self._adopted.get(value, value))
        else:
            header = "authorization", asked.headers.get("authorization", "")
        return await self.accepts(header)

    async def accepts(self, header: tuple[str, str]) -> str | None:
        """Whom ``header`` speaks for when anybody sends it from anywhere."""
        try:
            return (await self.server.verify(header)).subject
        except Refused:
            return None

    def presented(self, text: str) -> tuple[str, str]:
        """The header that brings a credential which somebody got hold of."""
        return carried.cookie(self._adopted.get(text, text)) if self.by_cookie else carried.bearer(text)

    @property
    def cookie_name(self) -> str:
        """The cookie that it goes by, where it goes by one."""
        return CARELESS if self.keeping == "careless cookie" else carried.COOKIE

    async def _sign_in(self, asked: Asked) -> Answer:
        who = asked.body.partition("=")[2]
        held = self.signed_in[who] = await self.issuer.sign_in(who)
        home = ("location", "/")
        match self.keeping:
            case "HttpOnly cookie":
                cookie = f"{carried.COOKIE}={carried.of_cookie(held.header)}{_ATTRIBUTES}Lax"
                return Answer(303, headers=[home, ("set-cookie", cookie)])
            case "careless cookie":
                value = carried.of_cookie(held.header)
                planted = asked.cookie(CARELESS)
                if planted is not None:
                    self._adopted[planted] = value
                return Answer(303, headers=[home, ("set-cookie", f"{CARELESS}={planted or value}{_ATTRIBUTES}None")])
            case "localStorage":
                token = json.dumps(held.header[1].removeprefix("Bearer "))
                return Answer(body=f"<!doctype html><script>localStorage.token = {token}; location = '/'</script>")
            case "memory":
                text = carried.new_text()
                self._refreshing[text] = held
                return Answer(303, headers=[home, ("set-cookie", f"{REFRESH}={text}{_ATTRIBUTES}Lax")])

    async def _sign_out(self, asked: Asked) -> Answer:
        for held in self.signed_in.values():
            await self.issuer.end("sign out", held)
        self._refreshing.pop(asked.cookie(REFRESH) or "", None)
        return Answer(
            303, headers=[("location", "/"), ("set-cookie", f"{self.cookie_name}=; Max-Age=0{_ATTRIBUTES}Lax")]
        )
