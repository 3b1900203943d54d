"""The two families of routes, for programs and for people: which one a request is for, and what bodies it takes."""

from __future__ import annotations

from typing import NamedTuple

from starlette.types import Scope

from admit.errors import BadInput


class Takes(NamedTuple):
    """The one media type that a family of routes takes, and what is said to whoever sends another."""

    media_type: bytes
    code: str
    public: str

    def judge(self, values: list[bytes], *, body: bool) -> None:
        """Return if a body with the Content-Type headers ``values`` may be read. Raises BadInput."""
        kinds = [value.partition(b";")[0].strip().lower() for value in values]
        if kinds != [self.media_type] and (body or kinds):
            raise BadInput(self.code, self.public)


# A form, or a script that asks nobody, can send text/plain and two others to any site; never JSON (CSR-06).
JSON = Takes(b"application/json", "not_json", "Send the body as JSON, with Content-Type: application/json.")
FORM = Takes(
    b"application/x-www-form-urlencoded", "not_form", "Send the form as browsers do, application/x-www-form-urlencoded."
)


def is_below(scope: Scope, path: str) -> bool:
    """Whether the request of an ASGI ``scope`` is for something below ``path`` of the application it came to."""
    asked_for: str = scope["path"]
    return asked_for.removeprefix(scope.get("root_path", "")).startswith(f"{path}/")
