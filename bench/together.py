"""Runs the benchmarks one after the other: each prints its table, and at the end all ratios stand in one.

Nothing else should run on the machine. What was found goes into one file as JSON, which `compare.py` reads.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from table import found_of, printed

HERE = Path(__file__).parent
FOUND = HERE.parent / "build" / "bench.json"

# In the order of the time they take, seconds on two quiet cores beside them; who names none gets these.
BENCHES = {
    "verify": 35, "cold": 45, "revocation": 55, "forward": 60, "fleet": 105, "guard": 110, "refresh": 140,
    "stores": 520,
}  # fmt: skip


def main() -> int:
    """Run what was asked for. Returns the exit code: 1 when a bar is not held, 2 when something did not run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benches", nargs="*", metavar="BENCH", help=f"of {', '.join(BENCHES)}; all if left out")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter slices: to see that they run")
    parser.add_argument("--json", type=Path, default=FOUND, metavar="FILE", help="where it goes; build/bench.json")
    options = parser.parse_args()
    names = options.benches or list(BENCHES)
    if strange := [name for name in names if name not in BENCHES]:
        parser.error(f"there is no {', '.join(strange)}; there are {', '.join(BENCHES)}")
    found, failed = run(names, quick=options.quick)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    print("\nall ratios")
    rows = [row for one in found for row in one["rows"]]
    printed([row for row in rows if row["unit"] == "×"])
    missed = [row["case"] for row in rows if not row["holds"]]
    print(f"\n{len(rows)} figures in {options.json}; {len(missed)} bars not held")
    print(*(f"  {case}" for case in missed), sep="\n")
    if failed:
        print(f"did not run: {', '.join(failed)}", file=sys.stderr)
    return 2 if failed else int(bool(missed))


def run(names: Sequence[str], *, quick: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """What each of ``names`` found, and who did not run to its end."""
    found: list[dict[str, Any]] = []
    failed: list[str] = []
    for number, name in enumerate(names, 1):
        often = "" if quick else f", about {BENCHES[name]} s"
        print(f"\n== {name} ({number} of {len(names)}{often})", flush=True)
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "found.json"
            command = [sys.executable, str(HERE / f"{name}.py"), "--json", str(path), *(["--quick"] * quick)]
            subprocess.run(command, check=False)
            if path.exists():
                found += found_of(path)
            else:
                failed.append(name)
        print(f"== {name}: {time.monotonic() - began:.0f} s", flush=True)
    return found, failed


if __name__ == "__main__":
    sys.exit(main())
