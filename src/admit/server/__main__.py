"""`admit`, and `python -m admit.server`: the command line, or what to install where it is not."""

from __future__ import annotations

import sys

from admit.core.faults import lacking


def main() -> None:
    """Run the command line; without the extra ``server``, whose command this is all the same, say so and exit with 2."""
    try:
        from admit.server.cli import main as run
    except ModuleNotFoundError as error:
        print(lacking("The command line needs", error, "server"), file=sys.stderr)
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
