"""Says how much of each part the tests reach, and fails where it is less than pyproject.toml holds."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from coverage import Coverage


def main() -> int:
    """Combine what the processes of the run measured, report it, and judge it. Returns the exit code."""
    root = Path(__file__).parent.parent
    floors: dict[str, float] = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["admit"]["floors"]
    coverage = Coverage()
    coverage.combine()
    coverage.save()
    failed = False
    for part, floor in floors.items():
        path = f"src/admit/{part}"
        include = f"{path}/*" if (root / path).is_dir() else f"{path}.py"
        covered = coverage.report(include=str(root / include), skip_covered=True)
        verdict = "holds" if covered >= floor else "TOO LOW"
        failed |= covered < floor
        print(f"coverage of {part}: {covered:.2f} % of at least {floor} %: {verdict}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
