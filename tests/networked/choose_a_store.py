"""The page "Choose a store", part by part."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "choose-a-store.md").read_text()


def part(title: str) -> str:
    """What stands under a title."""
    found = re.search(rf"^#+ {title}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def blocks(title: str, language: str) -> list[str]:
    """The blocks under a title."""
    return re.findall(rf"```{language}\n(.*?)```", part(title), re.DOTALL)


def options(title: str) -> set[str]:
    """The options of a URL that a table under a title names."""
    told = re.findall(r"^\| ((?:`\w+`(?:, )?)+)", part(title), re.MULTILINE)
    return {name for names in told for name in re.findall(r"`(\w+)`", names)}
