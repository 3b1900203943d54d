"""For those who test: a clock to move, clients that are signed in, and what every store has promised as one class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from admit.testing.client import bearer, signed_in
from admit.testing.clock import FakeClock

if TYPE_CHECKING:
    from admit.testing.store_contract import StoreContract

__all__ = ["FakeClock", "StoreContract", "bearer", "signed_in"]


def __getattr__(name: str) -> Any:
    """The store contract, once somebody asks for it: it needs pytest and pytest-asyncio, the others need neither."""
    if name != "StoreContract":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from admit.testing.store_contract import StoreContract

    return StoreContract
