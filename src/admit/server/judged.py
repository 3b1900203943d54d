"""How settings are read, and judged by what uses them: its faults become those of the setting, all at once."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from pydantic_core import PydanticCustomError

from admit.core.faults import Faults
from admit.core.throttle import Limits
from admit.errors import ConfigError

P = TypeVar("P")
T = TypeVar("T")


def words(value: object) -> object:
    """A list, which an environment variable writes as words with spaces between them."""
    return value.split() if isinstance(value, str) else value


def toml(path: Path, called: str) -> dict[str, Any]:
    """What is in the file at ``path``, which the faults call ``called``. Raises ConfigError."""
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError([f"{called} cannot be read: {error.strerror}."]) from error
    except (ValueError, RecursionError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise ConfigError([f"{called} is not TOML: {said}."]) from None


def table(value: object) -> object:
    """A table, which an environment variable writes as JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except RecursionError:
        raise ValueError("It is nested too deeply.") from None


def judged(value: T, judge: Callable[[], object], names: str | None = None) -> T:
    """``value``, if ``judge`` has nothing against it; else a fault of the settings ``names``, or of its own."""
    try:
        judge()
    except ConfigError as error:
        context = {"faults": error.faults} | ({} if names is None else {"names": names})
        raise PydanticCustomError("config", "not usable", context) from None
    return value


def each(make: Callable[[P], T], parts: Iterable[P]) -> list[T]:
    """What ``make`` gives for each part. Raises ConfigError with what is wrong with all of them."""
    faults = Faults()
    made = [faults.of(make, part) for part in parts]
    faults.report()
    return made


def contents(paths: Iterable[Path]) -> list[bytes]:
    """What is in the files, every byte of it. Raises ConfigError."""
    return each(_read_bytes, paths)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError([f"{path} cannot be read: {error.strerror}."]) from error


def installed(module: str, *, by: str) -> ModuleType:
    """The ``module``. Raises ConfigError with the line that brings it where there is none."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError([f"What it needs is not installed. Write: {by}"]) from error


def limits(those: Limits) -> tuple[str, ...]:
    """How ``those`` are written as settings."""
    return tuple(f"{limit.hits}/{limit.window:g}" for limit in those)
