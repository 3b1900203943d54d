"""Collects what is wrong with a configuration, so that all of it is reported at once."""

from __future__ import annotations

from types import TracebackType

from admit.errors import ConfigError


class Faults:
    """``with faults: …`` notes a ConfigError or ValueError and goes on after the block."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        match error:
            case ConfigError():
                self.found.extend(error.faults)
            case ValueError():
                self.found.append(str(error))
            case _:
                return False
        return True

    def report(self) -> None:
        """Raise ConfigError if anything was found."""
        if self.found:
            raise ConfigError(self.found)
