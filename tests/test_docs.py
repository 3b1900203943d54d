"""Every page is true: its Python runs, its commands exist, and what it points at is there."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from admit import Authority, Verifier
from guards.djangos import MIDDLEWARE

ROOT = Path(__file__).parent.parent
PAGES = sorted(path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("changes/*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
POINTED_AT = re.compile(r"`((?:src|tests|docs|bench|changes|scripts|\.ci)/[\w./-]*)`")
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
LINKED = re.compile(r"\]\((?!https?:|#)([^)#]+)")

# A block that cannot run by itself says so to the reader, in the paragraph above it.
NOT_RUN = "Not run here:"


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@dataclass(frozen=True)
class Block:
    language: str
    code: str
    line: int


def blocks(page: Path, language: str) -> list[Block]:
    """The fenced blocks of ``page`` in ``language`` that do not say why they are not run."""
    text = page.read_text()
    found = [
        Block(match[1], match[2], text[: match.start()].count("\n") + 1)
        for match in FENCE.finditer(text)
        if NOT_RUN not in text[: match.start()].rstrip().rpartition("\n\n")[2]
    ]
    return [block for block in found if block.language == language]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=name)
def test_the_python_of_the_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A page shows how to begin. Its reader's program goes on, and this one does not.
    for made in ran(page, tmp_path, monkeypatch).values():
        if isinstance(made, Authority):
            asyncio.run(made.close())
        elif isinstance(made, Verifier):
            made.close()


def ran(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that the Python of ``page`` leaves, run as one program in ``folder``."""
    monkeypatch.chdir(folder)
    assert MIDDLEWARE  # a page about Django stands in a project, whose settings were made by that import
    module = ModuleType("__page__")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # where annotations are looked up
    names = vars(module)
    with asyncio.Runner() as runner:
        for block in blocks(page, "python"):
            # Line numbers of a traceback are those of the page.
            code = compile("\n" * block.line + block.code, name(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
            result = eval(code, names)
            if inspect.iscoroutine(result):
                runner.run(result)
    return names


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_commands_of_the_page_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for block in blocks(page, "sh"):
        for line in block.code.splitlines():
            words = [word for word in shlex.split(line, comments=True) if "=" not in word]
            if words[:1] == ["make"]:
                assert set(words[1:]) <= targets, line
            for word in words:
                if word.endswith(".py"):
                    assert (ROOT / word).is_file(), line


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_what_the_page_points_at_is_there(page: Path) -> None:
    text = page.read_text()
    missing = [path for path in POINTED_AT.findall(text) if not (ROOT / path).exists()]
    missing += [path for path in LINKED.findall(text) if not (page.parent / path).exists()]
    assert missing == []


@pytest.mark.parametrize("page", [page for page in PAGES if NAMED_TEST.search(page.read_text())], ids=name)
def test_the_tests_that_the_page_names_are_there(page: Path) -> None:
    named = NAMED_TEST.findall(page.read_text())
    assert [f"{path}::{test}" for path, test in named if f"def {test}(" not in (ROOT / path).read_text()] == []


def test_every_page_has_its_place_on_the_site() -> None:
    def paths(entry: object) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        else:
            for inner in entry.values() if isinstance(entry, dict) else cast("list[object]", entry):
                yield from paths(inner)

    placed = list(paths(tomllib.loads((ROOT / "zensical.toml").read_text())["project"]["nav"]))
    docs = ROOT / "docs"
    there = {str(page.relative_to(docs)) for page in docs.rglob("*.md")} | {"security.md", "contributing.md"}
    decisions = {page for page in there if page.startswith("decisions/")}
    assert sorted(placed) == sorted(there - decisions)
