"""The HTTP application: one FastAPI application around an Authority, to serve or to mount."""

from __future__ import annotations

from typing import TYPE_CHECKING

from admit.core.faults import lacking
from admit.web.pages.brand import Brand

if TYPE_CHECKING:
    from admit.web.app import application

__all__ = ["Brand", "application"]


def __getattr__(name: str) -> object:
    """``application``, once it is asked for: a command that serves nothing knows brands, and waits for no framework."""
    if name != "application":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from admit.web.app import application
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(lacking("admit.web.application needs", error, "server"), name=error.name) from error

    globals()[name] = application
    return application
