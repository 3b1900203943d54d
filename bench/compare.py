"""Says what changed since the baseline, ratio by ratio: better, worse, or not to be told from the noise.

A ratio changed when the spreads of the two runs do not meet and their medians are more than a twentieth apart. Times
and rates depend on the machine: they are compared when both runs are of one machine, and never fail.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from table import found_of, short
from together import FOUND

BASELINE = Path(__file__).with_name("baseline.json")
PORTABLE = {"×", "B", ""}
"""Units of figures that do not depend on the machine."""
APART = 0.05

Verdict = Literal["better", "worse", "same", "new", "gone"]


@dataclass(frozen=True, slots=True)
class Change:
    """One figure then and now."""

    bench: str
    case: str
    unit: str
    verdict: Verdict
    then: float | None
    now: float | None

    @property
    def portable(self) -> bool:
        """Whether it may be compared with another machine's."""
        return self.unit in PORTABLE


def changes(then: list[dict[str, Any]], now: list[dict[str, Any]]) -> Iterator[Change]:
    """Every figure of both runs; of benchmarks that ran in both only, and times only if both are of one machine."""
    before, after = ({one["bench"]: one for one in run} for run in (then, now))
    for bench in before.keys() & after.keys():
        alike = before[bench]["machine"] == after[bench]["machine"]
        old, new = ({row["case"]: row for row in run[bench]["rows"]} for run in (before, after))
        for case in [*old, *(case for case in new if case not in old)]:
            row = new.get(case) or old[case]
            if alike or row["unit"] in PORTABLE:
                values = [each[case]["figure"] if case in each else None for each in (old, new)]
                yield Change(bench, case, row["unit"], _verdict(old.get(case), new.get(case)), *values)


def _verdict(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Verdict:
    if old is None or new is None:
        return "new" if old is None else "gone"
    meet = old["least"] <= new["most"] and new["least"] <= old["most"]
    if meet or abs(new["figure"] - old["figure"]) <= APART * abs(old["figure"]):
        return "same"
    return "better" if (new["figure"] < old["figure"]) == (new["direction"] == "max") else "worse"


def main() -> int:
    """Compare, or keep what was found as the baseline. Returns the exit code: 1 when a ratio is worse."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("found", nargs="?", type=Path, default=FOUND, help="what `make bench` wrote; build/bench.json")
    parser.add_argument("--baseline", type=Path, default=BASELINE, help="what to compare it with; bench/baseline.json")
    parser.add_argument("--keep", action="store_true", help="make it the baseline instead")
    parser.add_argument("--all", action="store_true", help="list what did not change as well")
    options = parser.parse_args()
    for path in (options.found, *([] if options.keep else [options.baseline])):
        if not path.exists():
            parser.error(f"{path} is not there: `make bench` writes build/bench.json, `--keep` the baseline")
    if options.keep:
        shutil.copy(options.found, options.baseline)
        print(f"{options.baseline} is what was found now: commit it with the reason")
        return 0
    compared = list(changes(found_of(options.baseline), found_of(options.found)))
    _print(compared, everything=options.all)
    return int(any(change.verdict == "worse" and change.portable for change in compared))


def _print(compared: list[Change], *, everything: bool) -> None:
    shown = [change for change in compared if everything or change.verdict != "same"]
    width = max((len(change.case) for change in shown), default=0)
    for bench in dict.fromkeys(change.bench for change in shown):
        print(bench)
        for change in shown:
            if change.bench == bench:
                then, now = ("" if value is None else short(value) for value in (change.then, change.now))
                print(f"  {change.case:{width}}  {then:>7} → {now:>7} {change.unit:<3} {change.verdict}".rstrip())
    count = {verdict: sum(change.verdict == verdict for change in compared) for verdict in ("same", "better", "worse")}
    print(f"{count['same']} as before, {count['better']} better, {count['worse']} worse")


if __name__ == "__main__":
    sys.exit(main())
