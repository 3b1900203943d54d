"""The secret that an embedded store keeps beside itself: made once, readable by its owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from admit.core.secret import MIN_MASTER_BYTES
from admit.core.world import Chance
from admit.errors import ConfigError
from admit.stores import whole

_LOST = "If it is lost for good: remove what is left of it and run “admit restore”, which signs everybody out."


def read_or_make(path: Path, chance: Chance) -> bytes:
    """The secret in the file at ``path``, which is made with 32 bytes of ``chance`` if there is none.

    Of several processes that start at once, one makes it and all read the same. Raises ConfigError when the
    file can be read by others, is too short, or cannot be made or read.
    """
    try:
        whole.folder(path.parent)
        whole.make(path, chance(MIN_MASTER_BYTES))
    except OSError as error:
        raise _unusable(path, error) from error
    return read(path)


def read(path: Path) -> bytes:
    """The secret in the file at ``path``. Raises ConfigError, also when there is none."""
    try:
        with path.open("rb") as file:
            # Judged on the open file: what the path names may be another by the time it is read.
            mode = os.fstat(file.fileno()).st_mode
            secret = file.read()
    except FileNotFoundError:
        fault = f"The secret file {path} is missing, and only it opens the signing keys in the database."
        raise ConfigError([f"{fault} Put it back. {_LOST}"]) from None
    except OSError as error:
        raise _unusable(path, error) from error
    if stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError([f"The secret file {path} is open to others than its owner. Write: chmod 600 {path}"])
    if len(secret) < MIN_MASTER_BYTES:
        fault = f"The secret file {path} has {len(secret)} bytes and needs {MIN_MASTER_BYTES} random ones."
        raise ConfigError([f"{fault} Put back the file that was here. {_LOST}"])
    return secret


def _unusable(path: Path, error: OSError) -> ConfigError:
    return ConfigError([f"The secret file {path} cannot be used: {error.strerror}."])
