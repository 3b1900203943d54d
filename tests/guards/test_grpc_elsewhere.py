"""The gRPC guard in a service without a store, and by where a call comes from: the peer, or whom a trusted proxy names."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest

from admit.api_keys import Created
from admit.core.address import TrustedProxies
from admit.core.presented import DOORS
from admit.core.throttle import Limit
from guards.applications import by_token
from guards.calls import SERVERS, Answer, Client, Metadata, Served, in_threads, metadata, on_a_loop
from nearby import Nearby, nearby, until
from worlds import world

servers = pytest.mark.parametrize("served", SERVERS)
interceptors = pytest.mark.parametrize("served", [in_threads, on_a_loop])
OURS, ELSEWHERE = "127.0.0.0/8", "192.0.2.0/24"


@pytest.fixture(scope="module")
def here() -> Iterator[Nearby]:
    with nearby() as found:
        yield found


def presenting(text: str) -> list[Metadata]:
    return metadata(by_token(text))


def key_of(here: Nearby, **asked: object) -> Created:
    """An API key of Bob's at the authority."""
    auth = here.auth.sync
    made: Created = auth.api_keys.create(auth.subjects.before("bob"), "nightly", **asked)
    return made


async def told(client: Client, *presented: Metadata) -> tuple[str, str | None]:
    """The code, and ours, of what comes of a call."""
    return (await client.call(*presented)).told


@interceptors
async def test_a_token_of_the_authority_opens_until_its_session_ends(here: Nearby, served: Served) -> None:
    text, other = here.token(), here.token()
    with here.verifier() as verifier:
        async with served(verifier) as client:
            for _ in range(2):  # the second time it was seen before
                assert (await client.call(*presenting(text))).code is grpc.StatusCode.OK
            assert await told(client) == ("UNAUTHENTICATED", "no_credential")
            assert await told(client, *metadata(here.cookie())) == ("UNAUTHENTICATED", "no_credential")
            here.sign_out(text)

            async def refused() -> bool:
                return await told(client, *presenting(text)) == ("UNAUTHENTICATED", "bad_credential")

            await until(refused)
            assert (await client.call(*presenting(other))).code is grpc.StatusCode.OK


@interceptors
async def test_a_cookie_opens_where_it_is_asked_about_and_for_pages_of_its_own_origin(
    here: Nearby, served: Served
) -> None:
    cookie = metadata(here.cookie())
    with here.verifier(accept=DOORS) as verifier:
        async with served(verifier) as client:
            for _ in range(2):
                assert (await client.call(*cookie)).code is grpc.StatusCode.OK
                foreign = await told(client, *cookie, ("origin", "https://evil.example.com"))
                assert foreign == ("PERMISSION_DENIED", "cross_origin")


@interceptors
async def test_an_api_key_opens_at_a_verifier_from_its_networks_and_as_often_as_it_may(
    here: Nearby, served: Served
) -> None:
    ours, away = key_of(here, networks=[OURS]), key_of(here, networks=[ELSEWHERE])
    with here.verifier(accept=("api_key",)) as verifier:
        async with served(verifier) as client:
            for presented in (presenting(ours.text), [("x-api-key", ours.text)]):
                answer = await client.call(*presented)
                assert answer.answers == [b"hello bob"]
            for presented in (presenting(away.text), [("x-api-key", away.text)]):
                assert await told(client, *presented) == ("UNAUTHENTICATED", "bad_credential")
            limited = presenting(key_of(here, limit=Limit(2, 86_400.0)).text)
            found: list[Answer] = [await client.call(*limited) for _ in range(3)]
            # How many of them are this process's share, the number of verifiers seen decides.
            assert (found[0].code.name, found[-1].code.name) == ("OK", "RESOURCE_EXHAUSTED")
            assert int(found[-1].trailing["retry-after"]) > 0
            assert await told(client, *presenting(here.token())) == ("UNAUTHENTICATED", "bad_credential")
            here.auth.sync.api_keys.revoke(ours.key.id)

            async def refused() -> bool:
                return await told(client, *presenting(ours.text)) == ("UNAUTHENTICATED", "bad_credential")

            await until(refused)


async def test_an_authority_that_is_silent_is_no_reason_to_throw_a_token_away() -> None:
    with nearby() as here:
        presented = presenting(here.token())
        with here.verifier(max_staleness=0.3) as verifier:
            async with on_a_loop(verifier) as client:
                assert (await client.call(*presented)).code is grpc.StatusCode.OK
                here.fall_silent()

                async def closed() -> bool:
                    return (await client.call(*presented)).code is not grpc.StatusCode.OK

                await until(closed)
                refused = await client.call(*presented)
                assert (refused.told, refused.trailing["retry-after"]) == (("UNAVAILABLE", "stale"), "1")
                assert await told(client) == ("UNAUTHENTICATED", "no_credential")


@servers
async def test_a_key_is_used_from_where_the_peer_is_or_where_a_trusted_proxy_says(served: Served) -> None:
    for proxies, forwarded, opens in (
        ([], [], OURS),
        ([], [("x-forwarded-for", "192.0.2.7")], OURS),  # anybody can say so
        (["127.0.0.1"], [("x-forwarded-for", "192.0.2.7")], ELSEWHERE),
        (["127.0.0.1"], [("x-forwarded-for", "192.0.2.7, 203.0.113.9")], "203.0.113.9"),  # what the proxy saw is last
    ):
        async with world("memory", proxies=TrustedProxies.of(proxies)) as here, served(here.auth) as client:
            before = await here.auth.subjects.before("ann")
            for network in (OURS, ELSEWHERE, "203.0.113.9"):
                made = await here.auth.api_keys.create(before, network, networks=[network])
                for _ in range(2):  # where it comes from counts for what was seen before as well
                    answer = await client.call(*presenting(made.text), *forwarded)
                    assert (answer.code is grpc.StatusCode.OK) is (network == opens), (network, forwarded)
