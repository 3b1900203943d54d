"""A session is presented by URL, by body or by another header (SES-09).

Ids in URLs end in logs, in the Referer of the next page and in chats; ids in other headers can be set by scripts
and by proxies. The session cookie counts in the Cookie header, under its one name, and nowhere else, and none of
it is told by what an application may print.
"""

from __future__ import annotations

import msgspec
import pytest

from admit.core.request import Request
from admit.errors import AdmitError, Denied, NoCredential
from worlds import ORIGIN, value_of, with_cookie, world


@pytest.mark.parametrize(
    "name, form",
    [
        ("authorization", "Bearer {}"),
        ("authorization", "Cookie {}"),
        ("x-session", "{}"),
        ("x-auth-token", "{}"),
        ("set-cookie", "__Host-admit={}"),
        ("cookie", "__host-admit={}"),
        ("cookie", "admit={}"),
        ("cookie", "admit-insecure={}"),
        ("cookie", "__Host-admit-refresh={}"),
        ("cookie", "$Version=1; __Host-admit ={}"),
        ("cookie2", "__Host-admit={}"),
        ("referer", f"{ORIGIN}/?__Host-admit={{}}"),
    ],
)
async def test_it_counts_in_no_other_place(name: str, form: str) -> None:
    async with world("memory") as here:
        started = await here.sign_in()
        assert await here.works(with_cookie(started))
        headers = ((name.encode(), form.format(value_of(started)).encode()),)
        with pytest.raises(Denied):
            await here.auth.admit(Request("GET", f"{ORIGIN}/", headers))


async def test_it_does_not_count_in_the_url() -> None:
    async with world("memory") as here:
        value = value_of(await here.sign_in())
        for url in (f"{ORIGIN}/?__Host-admit={value}", f"{ORIGIN}/;__Host-admit={value}", f"{ORIGIN}/#{value}"):
            with pytest.raises(NoCredential):
                await here.auth.admit(Request("GET", url))


async def test_nothing_that_an_application_prints_holds_the_secret() -> None:
    async with world("memory") as here:
        started = await here.sign_in()
        secret = value_of(started).rpartition(".")[2]
        who = await here.by_cookie(started)
        told = [repr(who), repr(started.session), msgspec.json.encode(who).decode()]
        told.append(msgspec.json.encode(started.session).decode())
        await here.auth.revoke(started.session)
        for request in (with_cookie(started), with_cookie(f"={value_of(started)[:-1]}_;")):
            with pytest.raises(AdmitError) as refused:
                await here.auth.admit(request)
            told += [str(refused.value), refused.value.public]
        assert not any(secret[:-1] in text for text in told)
