"""The secret that an embedded store keeps beside itself: made once, readable by its owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from admit.core.secret import MIN_MASTER_BYTES
from admit.core.world import Chance
from admit.errors import ConfigError
from admit.stores import whole


def read_or_make(path: Path, chance: Chance) -> bytes:
    """The secret in the file at ``path``, which is made with 32 bytes of ``chance`` if there is none.

    Of several processes that start at once, one makes it and all read the same. Raises ConfigError when the
    file can be read by others, is too short, or cannot be made or read.
    """
    try:
        whole.folder(path.parent)
        whole.make(path, chance(MIN_MASTER_BYTES))
        with path.open("rb") as file:
            # Judged on the open file: what the path names may be another by the time it is read.
            mode = os.fstat(file.fileno()).st_mode
            secret = file.read()
    except OSError as error:
        raise ConfigError([f"The secret file {path} cannot be used: {error.strerror}."]) from error
    if stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError([f"The secret file {path} is open to others than its owner. Write: chmod 600 {path}"])
    if len(secret) < MIN_MASTER_BYTES:
        fault = f"The secret file {path} has {len(secret)} bytes and needs {MIN_MASTER_BYTES} random ones."
        raise ConfigError([f"{fault} Put back the file that was here, or remove it and sign everybody out."])
    return secret
