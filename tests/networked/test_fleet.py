"""Several servers over one PostgreSQL or one Redis, behind nginx, with the configuration of the page: one service, whoever answers.

What one begins another goes on with and a third ends; they count guesses together; keys change, and servers are
stopped, killed and hang, while people go on. Nobody who is signed in is refused (401) by any of it, and nobody is let in
whose session ended longer ago than the bound (REV-01, OPS-02).
"""

from __future__ import annotations

import json
import operator
import secrets
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest

from admit.authority import Authority
from admit.core.principal import Ends
from admit.errors import AdmitError, BadCredential
from admit.tokens import STANDARD
from counts import times
from networked.several import BOUND, Ended, Person, Server, Several, accepts, instant, meanwhile, several
from server.fleet import Connection, until

ANN = {"email": "ann@example.com", "password": "a password of some length"}

Says = Callable[[str], bool | None]
"""Whether a token is accepted; None where that cannot be told."""


@pytest.fixture(scope="module", params=["postgresql", "redis"])
def here(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Several]:
    with several(tmp_path_factory.mktemp("fleet"), request.param) as found:
        yield found


@pytest.fixture(autouse=True)
def hung_up(here: Several) -> Iterator[None]:
    """Connections that a test has opened are closed after it."""
    yield
    here.hang_up()


async def people(here: Several, name: str, number: int) -> list[Person]:
    """Some who are signed in."""
    async with here.authority() as auth:
        return [await Person.signed_in(auth, f"{name}-{one}") for one in range(number)]


async def verifier_key(here: Several) -> str:
    """The key of a service that follows the log."""
    async with here.authority() as auth:
        return await auth.verifiers.create("links", here.issuer)


def server_says(connection: Connection) -> Says:
    """What one server says."""

    def says(token: str) -> bool | None:
        status, said = connection.ask("GET", "/api/sessions", Authorization=f"Bearer {token}")
        assert status in (200, 401), (status, said)
        return status == 200

    return says


def accepted(says: Says, token: str) -> bool:
    """Whether it is accepted for certain."""
    return says(token) is True


def refuses_in_time(says: Says, tokens: Sequence[str], ended: float) -> None:
    """Return once it refuses all of them. AssertionError when it accepts one for too long."""
    left = set(tokens)
    while left:
        for token in tuple(left):
            began = instant()
            if said := says(token):
                assert began < ended + BOUND
            elif said is False:
                left.remove(token)


async def test_what_one_server_begins_another_goes_on_with_and_a_third_ends(here: Several) -> None:
    one, two, three = connections = [server.connect() for server in here.servers]
    assert two.ask("POST", "/api/sign-up", ANN)[0] == 201
    status, said = one.ask("POST", "/api/tokens", ANN)
    assert status == 200
    ann = Person("", said["access_token"], said["refresh_token"])
    tokens = [ann.access]
    for connection in (two, three, one):
        ann.refreshes(connection)
        tokens.append(ann.access)
    with here.verifier(await verifier_key(here)) as verifier:
        everybody = [*map(server_says, connections), lambda token: accepts(verifier, token)]
        for says in everybody:
            for token in tokens:
                until(partial(accepted, says, token), "one does not accept it")
        assert three.ask("POST", "/api/sign-out", Authorization=f"Bearer {ann.access}")[0] == 204
        ended = instant()
        assert server_says(three)(tokens[0]) is False
        with ThreadPoolExecutor(len(everybody)) as threads:
            for done in [threads.submit(refuses_in_time, says, tokens, ended) for says in everybody]:
                done.result()
        # Its questions were answered by one server after the other.
        assert verifier.status().restarts == 0
    assert two.ask("POST", "/api/refresh", {"refresh_token": ann.renewal})[0] == 401


def log_after(server: Server, place: dict[str, str], headers: dict[str, str]) -> tuple[list[str], str]:
    """What one server says stands behind a place in the log, and the place after that."""
    answer = httpx.get(f"{server.fleet.base}/revocations", params=place, headers=headers)
    assert answer.status_code == 200, answer.text
    *entries, end = answer.text.splitlines()
    return entries, json.loads(end)["cursor"]


async def test_a_place_in_the_log_that_one_server_names_all_the_others_know(here: Several) -> None:
    headers = {"Host": here.host, "Authorization": f"Bearer {await verifier_key(here)}"}
    one, two, three = here.servers
    entries, cursor = log_after(one, {}, headers)
    assert entries
    for server in (two, three, one):
        assert log_after(server, {"after": cursor}, headers) == ([], cursor)


def test_guesses_are_counted_together_wherever_they_arrive(here: Several) -> None:
    connections = [server.connect() for server in here.servers]
    wrong = {"email": "bob@example.com", "password": "Summer of 2026 and all"}
    # Four at each, where five are allowed in a minute; and another minute may have begun.
    statuses = [connection.ask("POST", "/api/sign-in", wrong)[0] for _ in range(4) for connection in connections]
    assert statuses[:5] == [401] * 5
    assert 429 in statuses


async def test_keys_rotate_and_every_server_is_restarted_while_people_go_on(
    here: Several, record_property: Callable[[str, str], None]
) -> None:
    alive, leaving, ended = await people(here, "alive", 3), await people(here, "leaving", 30), Ended()
    with here.verifier(await verifier_key(here)) as verifier:
        kids: set[str] = set()

        def lives(person: Person) -> Callable[[Connection], None]:
            def goes_on(connection: Connection) -> None:
                person.goes_on(connection)
                until(lambda: accepts(verifier, person.access) is not None, "the verifier knows nothing")
                assert accepts(verifier, person.access) is not False
                kids.add(verifier.verify(person.access).marks[Ends.KEY])

            return goes_on

        def leaves(connection: Connection) -> None:
            if leaving:
                ended.end(leaving.pop(), connection)
            ended.look(connection)

        for number in range(times("rounds of restarts")):
            with meanwhile(here, *map(lives, alive), leaves):
                until(lambda: bool(kids), "nobody begins")
                before = kids.copy()
                # In the first round alone: the key after the next is published by it, and signs nothing for minutes.
                code = here.says("keys", "rotate").code
                assert code == int(number > 0)
                for server in here.servers:
                    server.stop(signal.SIGTERM)
                    server.start()
                    server.until_asked()
                until(partial(operator.ge if code else operator.gt, kids, before), "no new key signs")
    assert ended.wrong == []
    assert ended.refused > 0
    refreshed = sum(person.refreshed for person in alive)
    record_property("note", f"{refreshed} refreshes; {len(ended.at)} signed out, refused {ended.refused} times")


async def test_a_server_that_is_killed_is_not_missed(here: Several) -> None:
    [ann] = await people(here, "killed", 1)
    victim, connection = here.servers[0], here.connect()
    for _ in range(6):
        ann.goes_on(connection)
    victim.stop(signal.SIGKILL)
    for _ in range(6):
        ann.goes_on(connection)
    victim.start()
    with meanwhile(here, ann.goes_on):
        victim.until_asked()


async def test_a_server_that_hangs_lets_nobody_in_and_signs_nobody_out_when_it_goes_on(here: Several) -> None:
    ann, bob, *patient = await people(here, "hanging", 4)
    hanging, other, ended = here.servers[0], here.servers[1].connect(), Ended()
    kept = hanging.connect()
    for person in (ann, bob):
        assert person.statuses(kept) == {200}
    with hanging.hanging():
        ended.end(bob, other)
        for person, connection in zip(patient, (kept, hanging.connect()), strict=True):
            connection.send("POST", "/api/refresh", {"refresh_token": person.renewal})
            connection.close()  # as nginx does in the end; and whoever asked asks again
            person.refreshes(other)
        refreshed = instant()
        waiting = hanging.connect()
        waiting.send("GET", "/api/sessions", headers={"Cookie": bob.cookie})
        # Those who come through nginx are asked again elsewhere.
        with ThreadPoolExecutor(6) as threads:
            asked = [threads.submit(ann.statuses, here.connect()) for _ in range(6)]
            assert [one.result() for one in asked] == [{200}] * 6
        until(lambda: instant() > ended.at[bob.cookie] + BOUND, "time stands still")
        until(lambda: instant() > refreshed + STANDARD.grace, "time stands still")
    assert waiting.receive()[0] in (401, 503)
    until(lambda: bob.statuses(hanging.connect()) == {401}, "he is not refused")
    until(lambda: ann.statuses(hanging.connect()) == {200}, "it does not go on")
    # What they had asked of it is no second use of a token that was spent.
    for person in patient:
        person.goes_on(here.servers[1].connect())


async def test_without_the_database_nobody_is_signed_out_and_all_goes_on_when_it_is_back(here: Several) -> None:
    [ann] = await people(here, "waiting", 1)
    connection = here.connect()
    assert ann.statuses(connection) == {200}
    here.engine.kill()
    seen: set[int] = set()

    def missed() -> bool:
        now = ann.statuses(connection)
        seen.update(now - {200})  # what is known lately is believed for as long as the bound
        return 200 not in now

    until(missed, "it is not missed")
    status, _ = connection.ask("POST", "/api/refresh", {"refresh_token": ann.renewal})
    assert {status, *seen} <= {502, 503}
    here.engine.start()
    until(lambda: ann.statuses(connection) == {200}, "it does not come back")
    ann.refreshes(connection)


async def test_a_new_master_secret_takes_two_rounds(here: Several) -> None:
    store, old, new = here.engine.database(), secrets.token_bytes(32), secrets.token_bytes(32)

    def server(*secret: bytes) -> Authority:
        return Authority(store, issuer=here.issuer, secret=secret)

    async with server(old) as first, server(old, new) as reloaded, server(new, old) as again:
        # In the first round nobody makes anything with the new one yet.
        ann = await Person.signed_in(reloaded, "ann")
        pair = await first.tokens.refresh(ann.renewal)
        # In the second all know it, whichever comes first; and what was made with the old one is good.
        pair = await reloaded.tokens.refresh((await again.tokens.refresh(pair.refresh_token)).refresh_token)
        bob = await Person.signed_in(again, "bob")
        await reloaded.tokens.refresh(bob.renewal)
        await again.keys.revoke((await again.keys.signing()).kid)
        assert await reloaded.keys.list() == await again.keys.list()
        # In one round, somebody would have been refused.
        with pytest.raises(BadCredential):
            await first.tokens.refresh(bob.renewal)


async def test_a_server_with_another_master_secret_does_not_start(here: Several) -> None:
    with pytest.raises(AdmitError, match="secret"):
        await Authority(here.store, issuer=here.issuer, secret=secrets.token_bytes(32)).open()
