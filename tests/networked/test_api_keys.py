"""API keys behind a network: made, used, counted, rotated, suspended and ended on each database server as in a file."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from admit.stores import open_store
from admit.testing.clock import FakeClock
from engines import Engine
from test_api_keys import (
    test_a_disabled_owner_suspends_and_an_enabled_one_brings_back,
    test_a_key_belongs_to_its_owner_alone,
    test_a_key_expires,
    test_a_key_for_a_part_has_no_role_and_shrinks_with_its_owner,
    test_a_key_speaks_for_its_owner_in_either_header,
    test_a_reset_ends_keys_for_good,
    test_a_reset_that_overtakes_the_making_of_a_key_ends_it,
    test_a_restore_suspends_until_the_owner_confirms,
    test_a_revoked_key_ends_at_once_and_is_told,
    test_it_is_used_as_often_as_its_limit_says_and_then_waits,
    test_many_at_once_are_let_through_as_often_as_one_after_the_other,
    test_noting_a_use_brings_no_key_back_that_ends_meanwhile,
    test_rotated_with_an_overlap_both_work_until_it_is_over,
    test_rotated_without_an_overlap_the_old_one_ends_at_once,
    test_the_last_use_is_known_to_five_minutes_and_seldom_written,
    test_there_is_an_end_to_how_many_one_has,
)
from worlds import Watched, World, authority

__all__ = [
    "test_a_disabled_owner_suspends_and_an_enabled_one_brings_back",
    "test_a_key_belongs_to_its_owner_alone",
    "test_a_key_expires",
    "test_a_key_for_a_part_has_no_role_and_shrinks_with_its_owner",
    "test_a_key_speaks_for_its_owner_in_either_header",
    "test_a_reset_ends_keys_for_good",
    "test_a_reset_that_overtakes_the_making_of_a_key_ends_it",
    "test_a_restore_suspends_until_the_owner_confirms",
    "test_a_revoked_key_ends_at_once_and_is_told",
    "test_it_is_used_as_often_as_its_limit_says_and_then_waits",
    "test_many_at_once_are_let_through_as_often_as_one_after_the_other",
    "test_noting_a_use_brings_no_key_back_that_ends_meanwhile",
    "test_rotated_with_an_overlap_both_work_until_it_is_over",
    "test_rotated_without_an_overlap_the_old_one_ends_at_once",
    "test_the_last_use_is_known_to_five_minutes_and_seldom_written",
    "test_there_is_an_end_to_how_many_one_has",
]


@pytest.fixture
async def here(engine: Engine) -> AsyncIterator[World]:
    """An authority over a network, and Ann, who is a user."""
    clock, store = FakeClock(), Watched(open_store(engine.database()))
    async with authority(store, clock) as auth:
        await auth.subjects.change("ann", lambda subject: subject.with_roles(["user"]))
        yield World(auth, clock, store)
