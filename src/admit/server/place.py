"""A directory of one's own for the demo and the tour: private, with the settings of a server that is for this machine."""

from __future__ import annotations

import json
from pathlib import Path

from admit.errors import ConfigError
from admit.stores import whole

CONFIG = "admit.toml"
_FIRST = 'issuer = "http://127.0.0.1:'
SCOPES = {"user": "links:read links:write", "admin": "links:read links:write links:admin"}


def prepare(directory: Path, port: int, **more: float) -> Path:
    """Make ``directory``, closed to others, and write the settings of a server on ``port`` into it; their path.

    ``more`` are settings by their names. Raises ConfigError for a directory that is not empty and was not made by this.
    """
    config = directory / CONFIG
    settings: dict[str, object] = {
        "issuer": f"http://127.0.0.1:{port}",
        "store": f"sqlite:///{directory / 'admit.db'}",
        **more,
    }
    # Strings and numbers of JSON are strings and numbers of TOML, which knows no surrogates.
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items()]
    lines += ["", "[scopes]", *(f"{role} = {json.dumps(scope)}" for role, scope in SCOPES.items())]
    try:
        _refuse_foreign(directory)
        whole.folder(directory)
        directory.chmod(0o700)
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"{directory} cannot be used: {error.strerror}. Write another directory."]) from error
    return config


def _refuse_foreign(directory: Path) -> None:
    """Leave alone what is somebody's home, or the settings of a real server."""
    config = directory / CONFIG
    ours = config.read_bytes().startswith(_FIRST.encode()) if config.exists() else not _has_something(directory)
    if not ours:
        raise ConfigError([f"{directory} holds something else, which is left alone. Write another directory."])


def _has_something(directory: Path) -> bool:
    return directory.exists() and any(directory.iterdir())
