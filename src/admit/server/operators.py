"""Who works at this machine."""

from __future__ import annotations

import os
import pwd


def operator() -> str:
    """Who works at this machine, as its audit log calls him: by sudo, who has called it."""
    try:
        return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as somebody who has no name
        return f"uid {os.getuid()}"
