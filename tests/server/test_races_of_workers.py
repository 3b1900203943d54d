"""What may happen once happens once, and what ends or changes a person counts at once, through whichever worker it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import cycle, islice

import pytest

from admit.subjects import Subject
from counts import times
from server.fleet import OPEN_DOORS, WORKERS, Connection, Fleet, at_once, beside, lent, shared, signed_in

ANN = {"email": "ann@example.com", "password": "a password of some length"}
ANOTHER = "another one, not shorter"
TWENTY = 20
LIMIT = 3


@pytest.fixture(scope="module")
def strict_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    rules = f"{OPEN_DOORS}\ntoken_grace = 0\nsession_limit = {LIMIT}"
    yield from shared(tmp_path_factory.mktemp("strict"), rules)


@pytest.fixture
def strict(strict_workers: Fleet) -> Iterator[Fleet]:
    yield from lent(strict_workers)


def twenty(fleet: Fleet) -> list[Connection]:
    """As many connections, at least one of them to each worker."""
    return [*fleet.one_to_each().values(), *(fleet.connect() for _ in range(TWENTY - WORKERS))]


def by_token(body: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {body['access_token']}"}


def me(everywhere: Iterable[Connection], headers: dict[str, str]) -> list[int]:
    """What every worker says to who is signed in by ``headers``."""
    return [status for status, _ in at_once(everywhere, "GET", "/api/me", None, headers)]


def refreshed(everywhere: Iterable[Connection], token: str) -> set[int]:
    """What all workers say to a refresh token."""
    return {status for status, _ in at_once(everywhere, "POST", "/api/refresh", {"refresh_token": token})}


async def test_twenty_refreshes_at_once_leave_one_successor(fleet: Fleet) -> None:
    async with beside(fleet) as auth:
        for _ in range(times("spends")):
            _, session = await signed_in(auth, "bob")
            spent = {"refresh_token": (await auth.tokens.issue(session)).refresh_token}
            answers = at_once(twenty(fleet), "POST", "/api/refresh", spent)
            assert {status for status, _ in answers} == {200}
            assert len({body["refresh_token"] for _, body in answers} - set(spent.values())) == 1
            everywhere = fleet.one_to_each().values()
            for _, body in answers:
                assert me(everywhere, by_token(body)) == [200] * WORKERS
            fleet.hang_up()


async def test_without_a_grace_one_of_twenty_refreshes_and_its_family_is_over_in_every_worker(strict: Fleet) -> None:
    async with beside(strict) as auth:
        for _ in range(times("spends")):
            cookie, session = await signed_in(auth, "bob")
            pair = await auth.tokens.issue(session)
            answers = at_once(twenty(strict), "POST", "/api/refresh", {"refresh_token": pair.refresh_token})
            assert Counter(status for status, _ in answers) == {200: 1, 401: TWENTY - 1}
            [winner] = [body for status, body in answers if status == 200]
            everywhere = strict.one_to_each().values()
            for headers in (by_token(winner), {"Authorization": f"Bearer {pair.access_token}"}, {"Cookie": cookie}):
                assert me(everywhere, headers) == [401] * WORKERS
            assert refreshed(everywhere, winner["refresh_token"]) == {401}
            strict.hang_up()


def test_of_twenty_who_sign_in_at_once_as_many_stay_as_the_limit_says(strict: Fleet) -> None:
    assert strict.connect().ask("POST", "/api/sign-up", ANN)[0] == 201
    answers = at_once(twenty(strict), "POST", "/api/tokens", ANN)
    # Nineteen others may be faster than the way from a session to its tokens: then it is over before it has any.
    assert {status for status, _ in answers} <= {200, 401}
    everywhere = strict.one_to_each().values()
    stay = Counter(tuple(me(everywhere, by_token(body))) for status, body in answers if status == 200)
    assert stay[(200,) * WORKERS] == LIMIT
    assert stay.keys() <= {(200,) * WORKERS, (401,) * WORKERS}


def test_of_twenty_who_sign_up_with_one_address_one_has_an_account(fleet: Fleet) -> None:
    for turn in range(times("spends")):
        spellings = (f"dan{turn}@example.com", f"DAN{turn}@Example.COM")
        connections = twenty(fleet)
        for connection, email in zip(connections, islice(cycle(spellings), TWENTY), strict=True):
            connection.send("POST", "/api/sign-up", ANN | {"email": email})
        answers = [connection.receive() for connection in connections]
        assert Counter(status for status, _ in answers) == {201: 1, 409: TWENTY - 1}
        fleet.hang_up()


async def test_a_person_who_is_disabled_is_out_in_every_worker_and_nothing_comes_back(fleet: Fleet) -> None:
    async with beside(fleet) as auth:
        for turn in range(times("endings")):
            name = f"eve-{turn}"
            cookie, session = await signed_in(auth, name)
            pair = await auth.tokens.issue(session)
            held = {"Cookie": cookie}, {"Authorization": f"Bearer {pair.access_token}"}
            everywhere = fleet.one_to_each().values()
            for headers in held:
                assert me(everywhere, headers) == [200] * WORKERS
            for event in (Subject.disabled, Subject.enabled):
                await auth.subjects.change(name, event)
                for headers in held:
                    assert me(everywhere, headers) == [401] * WORKERS
                assert refreshed(everywhere, pair.refresh_token) == {401}
            fleet.hang_up()


async def test_other_roles_count_in_every_worker_from_the_next_request_on(fleet: Fleet) -> None:
    async with beside(fleet) as auth:
        cookie, session = await signed_in(auth, "fay")
        everywhere = fleet.one_to_each().values()
        for turn in range(4):
            token = {"Authorization": f"Bearer {await auth.tokens.access(session)}"}
            assert me(everywhere, token) == [200] * WORKERS
            roles = [f"role-{turn}"]
            await auth.subjects.change("fay", lambda held, roles=roles: held.with_roles(roles))  # type: ignore[misc]
            answers = at_once(everywhere, "GET", "/api/me", None, {"Cookie": cookie})
            assert [body["roles"] for _, body in answers] == [roles] * WORKERS
            assert me(everywhere, token) == [401] * WORKERS


def test_whoever_changes_his_password_is_signed_out_elsewhere_in_every_worker(fleet: Fleet) -> None:
    gil = {"email": "gil@example.com", "password": ANN["password"]}
    everywhere = fleet.one_to_each().values()
    here = fleet.connect()
    assert here.ask("POST", "/api/sign-up", gil)[0] == 201
    own, *stolen = [here.ask("POST", "/api/tokens", gil)[1] for _ in range(3)]
    for body in (own, *stolen):
        assert me(everywhere, by_token(body)) == [200] * WORKERS
    change = {"current_password": gil["password"], "new_password": ANOTHER}
    assert fleet.connect().ask("POST", "/api/password", change, **by_token(own))[0] == 204
    for body in stolen:
        assert me(everywhere, by_token(body)) == [401] * WORKERS
        assert refreshed(everywhere, body["refresh_token"]) == {401}
    assert {status for status, _ in at_once(everywhere, "POST", "/api/tokens", gil)} == {401}
    again = fleet.connect().ask("POST", "/api/refresh", {"refresh_token": own["refresh_token"]})
    assert again[0] == 200
    assert me(everywhere, by_token(again[1])) == [200] * WORKERS


def test_of_many_who_change_one_password_at_once_one_has_and_the_others_are_signed_out(fleet: Fleet) -> None:
    hal = {"email": "hal@example.com", "password": ANN["password"]}
    assert fleet.connect().ask("POST", "/api/sign-up", hal)[0] == 201
    held = [body for _, body in at_once(fleet.one_to_each().values(), "POST", "/api/tokens", hal)]
    connections = list(fleet.one_to_each().values())
    chosen = [f"the choice of the side {side}" for side in range(WORKERS)]
    for connection, body, new in zip(connections, held, chosen, strict=True):
        change = {"current_password": hal["password"], "new_password": new}
        connection.send("POST", "/api/password", change, by_token(body))
    changed = [connection.receive()[0] for connection in connections]
    assert changed.count(204) == 1
    assert set(changed) <= {204, 401, 422}
    winner = changed.index(204)
    opens = [fleet.connect().ask("POST", "/api/tokens", hal | {"password": new})[0] for new in chosen]
    assert opens == [200 if side == winner else 401 for side in range(WORKERS)]
    assert [refreshed([fleet.connect()], body["refresh_token"]) for body in held] == [{status} for status in opens]


def test_a_sign_in_with_the_old_password_that_races_its_change_leaves_nothing_alive(fleet: Fleet) -> None:
    connections = list(fleet.one_to_each().values())
    here = connections[0]
    assert here.ask("POST", "/api/sign-up", ANN)[0] == 201
    here.send("POST", "/api/tokens", ANN)
    bearer = f"Bearer {here.receive()[1]['access_token']}"
    change = {"current_password": ANN["password"], "new_password": ANOTHER}
    others = [*connections[1:], *(fleet.connect() for _ in range(5))]
    for connection in others[:4]:
        connection.send("POST", "/api/tokens", ANN)
    here.send("POST", "/api/password", change, {"Authorization": bearer})
    for connection in others[4:]:
        connection.send("POST", "/api/tokens", ANN)
    assert here.receive()[0] == 204
    for status, body in [connection.receive() for connection in others]:
        assert status in (200, 401)
        if status == 200:
            late = f"Bearer {body['access_token']}"
            assert here.ask("GET", "/api/me", Authorization=late)[0] == 401
            assert here.ask("POST", "/api/refresh", {"refresh_token": body["refresh_token"]})[0] == 401
