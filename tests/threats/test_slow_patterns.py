"""A text is made so that a regular expression takes for ever over it, or becomes part of the expression (OPS-10).

What bounds the work is the expression itself: each is a constant, and none repeats anything without an end.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import admit

MODULES = sorted(Path(admit.__file__).parent.rglob("*.py"))
ENDLESS = re.compile(r"(?<!\\)(?:[*+]|\{[0-9]*,\})")


def patterns(source: str) -> Iterator[ast.expr]:
    """The first argument of each call of ``re``."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re")), args=[pattern, *_]):
                yield pattern
            case _:
                pass


def faults(source: str) -> list[str]:
    """What is wrong with the regular expressions of ``source``."""
    imports = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom))
    found = [f"{ast.unparse(node)}, which hides its patterns from here" for node in imports if node.module == "re"]
    for pattern in patterns(source):
        if not (isinstance(pattern, ast.Constant) and isinstance(pattern.value, str)):
            found.append(f"{ast.unparse(pattern)} is no constant")
        elif ENDLESS.search(re.sub(r"\[[^]]*\]", "x", pattern.value)):
            found.append(f"{pattern.value} repeats without an end")
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_pattern_comes_from_outside_or_has_no_end(module: Path) -> None:
    assert faults(module.read_text()) == []


def test_there_are_patterns_to_look_at() -> None:
    assert sum(1 for module in MODULES for _ in patterns(module.read_text())) >= 3


@pytest.mark.parametrize(
    "source",
    [
        "import re\nre.match('(a+)+$', text)",
        "import re\nre.compile('a{3,}')",
        "import re\nre.search(f'^{name}', text)",
        "import re\nre.sub(given, '', text)",
        "from re import match",
    ],
)
def test_such_a_pattern_is_found(source: str) -> None:
    assert len(faults(source)) == 1
