"""Each guard: a credential for a part of what its owner may has the scope that was asked for, and no role."""

from __future__ import annotations

import pytest

from guards.applications import GUARDS, Made, by_cookie, by_token, client
from worlds import World, world

PART = "links:read"


async def credentials(here: World, scope: str | None) -> dict[str, dict[str, str]]:
    """Each kind of credential that Ann may have, for all that she may or for ``scope``, as it is sent."""
    auth = here.auth
    key = await auth.api_keys.create(await auth.subjects.before("ann"), "backup", scope=scope)
    whole, narrow = await here.sign_in(), await here.sign_in(scope=scope)
    pair = await auth.tokens.issue((await here.sign_in()).session, scope=scope)
    return {
        "cookie": by_cookie(narrow),
        "token": by_token((await auth.tokens.issue(narrow.session)).access_token),
        "token of a narrowed family": by_token(pair.access_token),
        "token refreshed": by_token((await auth.tokens.refresh(pair.refresh_token)).access_token),
        "one token": by_token(await auth.tokens.access(whole.session, scope=scope)),
        "api key": by_token(key.text),
    }


@pytest.mark.parametrize("made", GUARDS)
async def test_a_credential_for_a_part_opens_nothing_by_a_role(made: Made) -> None:
    async with world("memory") as here:
        await here.auth.subjects.change("ann", lambda one: one.with_roles(["admin"]))
        whole, part = await credentials(here, None), await credentials(here, PART)
        # All there is, asked for by name, is a part: a role may open what no scope names.
        named = await credentials(here, "links:read users:write")
        async with client(made(here, roles="admin")) as by_role, client(made(here)) as anybody:
            for sent, statuses in ((whole, [200, 200]), (part, [403, 200]), (named, [403, 200])):
                for kind, headers in sent.items():
                    for _ in range(2):  # the second time it was seen before
                        answers = [await http.get("/links", headers=headers) for http in (by_role, anybody)]
                        assert [answer.status_code for answer in answers] == statuses, kind
