"""What Ann's browser keeps: cookies in its jar, where scripts do not see them, or tokens in the memory of a page."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from http.cookies import SimpleCookie

import msgspec

from admit.lab.live.wire import Exchange, Headers


@dataclass
class Browser:
    """The browser of one person, at one site."""

    jar: dict[str, str] = field(default_factory=dict[str, str])
    memory: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def headers(self) -> Headers:
        """What goes with a request."""
        if "access_token" in self.memory:
            return (("authorization", f"Bearer {self.memory['access_token']}"),)
        cookies = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        return (("cookie", cookies),) if cookies else ()

    def take(self, answer: Exchange) -> None:
        """Keep what ``answer`` hands out."""
        for name, morsel in SimpleCookie(answer.header("set-cookie") or "").items():
            if morsel["max-age"] == "0":
                self.jar.pop(name, None)
            else:
                self.jar[name] = morsel.value
        if '"access_token"' in answer.answer_body:
            given = json.loads(answer.answer_body)
            self.memory = {name: given[name] for name in ("access_token", "refresh_token") if name in given}

    def forget(self) -> None:
        """Keep nothing, as after a sign-out."""
        self.jar.clear()
        self.memory.clear()

    @property
    def claims(self) -> dict[str, object]:
        """What the access token says, which anybody can read who has it."""
        parts = self.memory.get("access_token", "").split(".")
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=="), type=dict[str, object])
        except (IndexError, binascii.Error, msgspec.MsgspecError):
            return {}
