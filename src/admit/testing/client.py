"""Clients of an application under test, signed in with one line: those of FastAPI, Starlette, Litestar, Flask and Django."""

from __future__ import annotations

from collections.abc import Iterable
from http.cookiejar import Cookie
from http.cookies import SimpleCookie
from typing import Any, TypeVar

from admit.authority import Authority
from admit.sessions import Started
from admit.subjects import Subject

C = TypeVar("C")


def signed_in(
    client: C, auth: Authority, subject: str, *, roles: Iterable[str] | None = None, methods: Iterable[str] = ("pwd",)
) -> C:
    """``client`` as a browser in which ``subject`` has just signed in by ``methods``; given ``roles``, with these.

    A test client of FastAPI, Starlette, Litestar, Flask or Django, or one of httpx. The subject need not have an account.
    From a coroutine, in a thread of its own: ``await asyncio.to_thread(signed_in, …)``. Raises Denied, StoreError.
    """
    line = _started(auth, subject, roles, methods).cookie
    assert line is not None, "a session that a browser has not has no cookie"
    name, _, rest = line.partition("=")
    _put(client, name, rest.partition(";")[0])
    return client


def bearer(
    auth: Authority,
    subject: str,
    *,
    roles: Iterable[str] | None = None,
    scope: str | None = None,
    audience: str | None = None,
) -> dict[str, str]:
    """The headers of a client that has an access token of a new sign-in of ``subject``, for ``scope`` (default: all).

    The token is for ``audience`` (default: the authority's). As :func:`signed_in` otherwise.
    """
    session = _started(auth, subject, roles, ("pwd",)).session
    return {"Authorization": f"Bearer {auth.sync.tokens.access(session, scope=scope, audience=audience)}"}


def _started(auth: Authority, subject: str, roles: Iterable[str] | None, methods: Iterable[str]) -> Started:
    if roles is not None:
        held = list(roles)

        def given(before: Subject) -> Subject:
            return before.with_roles(held)

        auth.sync.subjects.change(subject, given)
    started: Started = auth.sync.sessions.start(auth.sync.subjects.before(subject).proven(*methods))
    return started


def _put(client: Any, name: str, value: str) -> None:
    """Let ``client`` have a cookie, as if its host had set it: what the application sets later takes its place."""
    if hasattr(client, "set_cookie"):  # Flask's
        client.set_cookie(name, value)
    elif isinstance(client.cookies, SimpleCookie):  # Django's
        client.cookies[name] = value
    else:  # httpx's, of which the others are made
        host = client.base_url.host
        domain = host if "." in host or not host else f"{host}.local"  # http.cookiejar's name for it
        # Not Secure, though the application's own is: a test client may speak plain http.
        client.cookies.jar.set_cookie(
            Cookie(0, name, value, None, False, domain, False, False, "/", True, False, None, True, None, None, {})
        )
