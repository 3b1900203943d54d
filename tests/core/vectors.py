"""Other people's test data, read from the folder that ADMIT_VECTORS names and never copied into the project."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("ADMIT_VECTORS", Path(__file__).parents[2].parent / "shared" / "vectors"))
PRESENT = FOLDER.is_dir()
ABSENT = f"no vectors in {FOLDER} (set ADMIT_VECTORS): only the examples of the RFCs ran"


def load(name: str) -> Any:
    """The JSON file ``name`` of the folder."""
    return json.loads((FOLDER / name).read_text())
