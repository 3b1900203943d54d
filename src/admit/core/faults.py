"""Collects what is wrong with a configuration, so that all of it is reported at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import ParamSpec, TypeVar, cast

from admit.errors import ConfigError

P = ParamSpec("P")
T = TypeVar("T")


def is_number(value: object, least: float, most: float) -> bool:
    """Whether ``value`` is a number from ``least`` to ``most``: no text, no truth value, not NaN."""
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def is_whole(value: object, least: int, most: int) -> bool:
    """Whether ``value`` is a whole number from ``least`` to ``most``."""
    return isinstance(value, int) and is_number(value, least, most)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Which of those ``known`` is much like ``word``, for whoever mistyped it; None where none is."""
    return next(iter(get_close_matches(word, known, 1)), None)


def lacking(what: str, error: ModuleNotFoundError, extra: str) -> str:
    """What to say where ``what`` needs the ``extra``, as ``error`` shows, and the line that brings it.

    A module of ours that is missing is another matter: then ``error`` is raised.
    """
    module = (error.name or "admit").partition(".")[0]
    if module == "admit":
        raise error
    return f"{what} what is not installed ({module}). Write: pip install 'admit[{extra}]'"


class Faults:
    """Makes one thing after another, and notes what goes wrong instead of stopping at the first."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def of(self, make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``make`` returns; its ConfigError or ValueError is noted.

        There is no result to use then, so :meth:`report` is called before any is used.
        """
        try:
            return make(*args, **kwargs)
        except ConfigError as error:
            self.found.extend(error.faults)
        except ValueError as error:
            self.found.append(str(error))
        return cast("T", None)

    def one_of(self, name: str, value: str, choices: Sequence[str]) -> None:
        """Note it if ``value``, which is called ``name``, is none of the ``choices``."""
        if value not in choices:
            self.found.append(f"{name} is {value!r}; write one of {choices}.")

    def report(self) -> None:
        """Raise ConfigError if anything was found."""
        if self.found:
            raise ConfigError(self.found)
