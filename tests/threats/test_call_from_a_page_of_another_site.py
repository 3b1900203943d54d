"""A page of another site has its visitor's browser call gRPC through a proxy, cookie and all (CSR-01, CSR-03, CSR-09).

Every call may change something, and none says by its method that it only reads.
"""

from __future__ import annotations

import pytest

from guards.calls import SERVERS, Served, presented_by
from worlds import ORIGIN, world

servers = pytest.mark.parametrize("served", SERVERS)
ELSEWHERE = [
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-site", "same-site"),
    ("origin", "https://evil.test"),
    ("origin", "null"),
]


@servers
async def test_a_page_of_another_site_calls_nothing_by_the_cookie(served: Served) -> None:
    async with world("memory") as here, served(here.auth) as client:
        cookie, token = await presented_by(here)
        for elsewhere in ELSEWHERE:
            for _ in range(2):
                assert (await client.call(*cookie, elsewhere)).told == ("PERMISSION_DENIED", "cross_origin")
            # What a page cannot send by itself, its author has.
            assert (await client.call(*cookie, *token, elsewhere)).answers == [b"hello ann"]
        assert (await client.call(*cookie, ("origin", ORIGIN))).answers == [b"hello ann"]
        assert (await client.call(*cookie, ("authorization", "Bearer x"))).told == ("UNAUTHENTICATED", "bad_credential")


@servers
async def test_two_credentials_of_a_kind_are_none(served: Served) -> None:
    async with world("memory") as here, served(here.auth) as client:
        (ann, token), (bob, other) = await presented_by(here, "ann"), await presented_by(here, "bob")
        for presented in (ann, bob, token, other):
            assert (await client.call(*presented)).answers
        for two in ((*ann, *bob), (*ann, *ann), (*token, *other), (*token, ("x-api-key", "adm_k_x"))):
            assert (await client.call(*two)).told == ("UNAUTHENTICATED", "bad_credential")
