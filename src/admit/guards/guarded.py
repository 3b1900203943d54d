"""What a guard around a whole application knows, whichever interface the application speaks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from admit.core.door import Door
from admit.core.presented import COOKIE
from admit.core.requirement import SIGNED_IN, Requirement
from admit.core.return_to import Detours

App = TypeVar("App")
Way = TypeVar("Way")


class Guarded(ABC, Generic[App, Way]):
    """An application, the door before it and what is asked there, and where browsers are led instead of a refusal."""

    def __init__(
        self,
        app: App,
        door: Door,
        requirement: Requirement = SIGNED_IN,
        *,
        sign_in: str | None = None,
        confirm: str | None = None,
    ) -> None:
        self._app = app
        self._door = door
        self._entrance = self._way_in(door, requirement)
        pages = Detours(sign_in, confirm)
        # They hand out a cookie: where none counts, nobody would come back from them with what does.
        self._detours = pages if COOKIE in requirement.accept else Detours()

    @staticmethod
    @abstractmethod
    def _way_in(door: Door, requirement: Requirement) -> Way:
        """How a request of this interface comes before ``door``."""
