"""The environment that holds the peers of the benchmarks, made from bench.lock where it is not there yet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / ".bench" / "bin" / "python"


def prepared() -> Path | None:
    """The Python of the environment; None, and a line that says so, where it cannot be made."""
    command = ["bash", str(ROOT / "scripts" / "bench.sh"), sys.executable]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode == 0:
        return PYTHON
    print("peers: NOT MEASURED, what bench.lock names could not be installed", file=sys.stderr)
    return None
