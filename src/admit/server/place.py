"""A directory of one's own for the demo and the tour: private, with the settings of a server that is for this machine."""

from __future__ import annotations

import json
from pathlib import Path

from admit.errors import ConfigError
from admit.stores import whole

CONFIG = "admit.toml"
SCOPES = {"user": "links:read links:write", "admin": "links:read links:write links:admin"}


def prepare(directory: Path, port: int, *, grace: float | None = None) -> Path:
    """Make ``directory``, closed to others, and write the settings of a server on ``port`` into it; their path."""
    config = directory / CONFIG
    settings: dict[str, object] = {
        "issuer": f"http://127.0.0.1:{port}",
        "store": f"sqlite:///{directory / 'admit.db'}",
    }
    if grace is not None:
        settings["token_grace"] = grace
    # Strings and numbers of JSON are strings and numbers of TOML.
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    lines += ["", "[scopes]", *(f"{role} = {json.dumps(scope)}" for role, scope in SCOPES.items())]
    try:
        whole.folder(directory)
        directory.chmod(0o700)
        config.write_text("\n".join(lines) + "\n")
    except OSError as error:
        raise ConfigError([f"{directory} cannot be used: {error.strerror}. Write another directory."]) from error
    return config
