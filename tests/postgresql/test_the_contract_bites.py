"""Faults that only a server can have, planted inside it: the contract turns red."""

from __future__ import annotations

from importlib.resources import files

import pytest

from admit.core.store import Store
from admit.stores import open_store
from admit.stores.postgres_schema import SCHEMA
from postgres import Engine
from stores.test_the_contract_bites import caught_by

# What stands in the place of what, and the check that must catch it. Who could be overtaken is given time to be.
FAULTS: dict[str, tuple[dict[str, str], str]] = {
    "numbers are given before commits": (
        {
            "PERFORM pg_advisory_xact_lock(hashtext('admit.log'));": "",
            "CREATE FUNCTION admit.commit": "CREATE SEQUENCE admit.seq; CREATE FUNCTION admit.commit",
            "SELECT kinds[n], coalesce(max(seq), 0) + 1,": "SELECT kinds[n], nextval('admit.seq'),",
            "FROM admit.log WHERE topic = kinds[n];": ";",
            "PERFORM pg_notify": "PERFORM pg_sleep(currval('admit.seq') % 2 * 0.05); PERFORM pg_notify",
        },
        "test_who_follows_the_log_misses_nothing",
    ),
    "what was looked at is not held": (
        {" FOR UPDATE;": ";", "DELETE FROM admit.record": "PERFORM pg_sleep(0.5); DELETE FROM admit.record"},
        "test_thirty_takers_have_one_winner",
    ),
    "whatever version is there is replaced": (
        {"AND version = was[n] AND tags = after": "AND tags = after"},
        "test_no_update_is_lost",
    ),
    "half of a commit stays": (
        {"THEN RETURN false; END IF;": "THEN CONTINUE; END IF;"},
        "test_one_failing_change_undoes_all",
    ),
    "tags stay behind": ({" AND tag <> ALL (after);": " AND false;"}, "test_tags_follow_their_record"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_inside_the_server_is_caught(engine: Engine, fault: str) -> None:
    changes, bite = FAULTS[fault]
    assert await caught_by(lambda: spoilt(engine, {}), bite) == [], "the contract is red without the fault"
    assert await caught_by(lambda: spoilt(engine, changes), bite), f"{bite} did not notice"


def spoilt(engine: Engine, changes: dict[str, str]) -> Store:
    """A store whose schema says something else in some places."""
    url = engine.database()
    schema = "".join(
        files("admit.stores").joinpath(f"postgres_{n}.sql").read_text("utf-8") for n in range(1, SCHEMA + 1)
    )
    for good, bad in changes.items():
        assert good in schema
        schema = schema.replace(good, bad)
    engine.run(f"{schema}; UPDATE admit.version SET version = {SCHEMA}", url.rpartition("/")[2])
    return open_store(url)
