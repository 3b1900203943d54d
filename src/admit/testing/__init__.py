"""For those who test: what every store has promised, as one class to inherit (needs pytest and pytest-asyncio)."""

from __future__ import annotations

from admit.testing.store_contract import StoreContract

__all__ = ["StoreContract"]
