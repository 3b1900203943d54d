"""Says how much of each part the tests reach, and fails where it is less than pyproject.toml holds."""

from __future__ import annotations

import sys
import tomllib
from io import StringIO
from pathlib import Path

from coverage import Coverage


def main() -> int:
    """Combine what the processes of the run measured, report it, and judge it. Returns the exit code."""
    root = Path(__file__).parent.parent
    floors: dict[str, float] = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["admit"]["floors"]
    coverage = Coverage()
    coverage.combine()
    coverage.save()
    coverage.report()
    failed = False
    for part, floor in floors.items():
        include = root / part / "*" if (root / part).is_dir() else root / part
        covered = coverage.report(include=str(include), file=StringIO())
        failed |= covered < floor
        print(f"{part}: {covered:.2f} % covered, at least {floor} % held{': TOO LOW' if covered < floor else ''}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
