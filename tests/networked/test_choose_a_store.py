"""The page "Choose a store", as far as it says the same of every database server."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from admit.stores import postgres_url, redis_place
from networked.choose_a_store import options


@pytest.mark.parametrize(
    "title,known",
    [("Options of the URL", postgres_url._OPTIONS), ("Options of a Redis URL", redis_place._OPTIONS)],
    ids=["postgresql", "redis"],
)
def test_every_option_of_the_url_stands_in_the_page(title: str, known: Iterable[str]) -> None:
    assert options(title) == set(known)
