"""Strategies of the tests are found by the processes that measure them, too."""

from __future__ import annotations

import os
from pathlib import Path

from counts import SCALE

collect_ignore = [] if SCALE else ["test_outage_on_servers.py"]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH"))))
