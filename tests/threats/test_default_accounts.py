"""An account that comes with the product, with a password that everybody knows (PWD-09)."""

from __future__ import annotations

from pathlib import Path

import pytest

from admit.errors import BadCredential, BadInput
from admit.stores.sqlite import SqliteStore
from services import services

COMMON = ("admin", "root", "administrator", "test", "user", "guest", "demo")


async def test_a_fresh_store_has_no_account_and_nobody_can_sign_in(tmp_path: Path) -> None:
    async with services(SqliteStore(tmp_path / "admit.db")) as here:
        for name in COMMON:
            for domain in ("example.com", "admin.test"):
                with pytest.raises(BadCredential):
                    await here.accounts.sign_in(f"{name}@{domain}", name)
            with pytest.raises(BadInput):
                await here.accounts.sign_in(name, name)
        assert (await here.accounts.find()).accounts == ()


async def test_an_account_without_a_password_has_no_password_that_opens_it(tmp_path: Path) -> None:
    async with services(SqliteStore(tmp_path / "admit.db")) as here:
        await here.accounts.create("admin@example.com", roles=["admin"])
        for password in ("", "None", "null", "admin"):
            with pytest.raises(BadCredential):
                await here.accounts.sign_in("admin@example.com", password)
