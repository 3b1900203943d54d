"""The stores that come with Admit keep the contract."""

from __future__ import annotations

import secrets
from contextlib import nullcontext
from pathlib import Path

import pytest

from admit.stores import open_store
from admit.stores.observed import Observed
from admit.testing import StoreContract
from admit.testing.contract import Make


class TestMemory(StoreContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda: open_store("memory://")


class TestMemoryByHome(StoreContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda: open_store("memory://?homes")


class TestObserved(StoreContract):
    @pytest.fixture
    def make(self) -> Make:
        return lambda: Observed(open_store("memory://"), [lambda _: nullcontext()])


class TestSqlite(StoreContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Make:
        return lambda: open_store(f"sqlite:///{tmp_path}/{secrets.token_hex(4)}.db")
