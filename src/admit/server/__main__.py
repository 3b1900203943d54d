"""`python -m admit.server` is `admit`."""

from __future__ import annotations

from admit.server.cli import main

if __name__ == "__main__":
    main()
