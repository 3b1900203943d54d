"""Builds the site of docs/ into build/site; with --serve it shows it on loopback, and builds again what changes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = ROOT / "build" / "docs"
OUTSIDE = {"SECURITY.md": "security.md", "CONTRIBUTING.md": "contributing.md"}
"""Pages that stand where GitHub looks for them, and their names on the site."""


def gather() -> None:
    """Put all pages where the builder finds them, with links that hold there."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(DOCS, PAGES, ignore=shutil.ignore_patterns("*.toml"))
    for there, here in OUTSIDE.items():
        text = (ROOT / there).read_text()
        (PAGES / here).write_text(re.sub(r"\]\(docs/", "](", _inward(text, "")))
    for page in PAGES.rglob("*.md"):
        page.write_text(_inward(page.read_text(), "../" * len(page.relative_to(PAGES).parents)))


def _inward(text: str, up: str) -> str:
    """Links to what stands outside of docs/ (``up`` from the page) lead to its copy inside."""
    for there, here in OUTSIDE.items():
        text = text.replace(f"]({up}{there}", f"]({up[3:]}{here}")
    return text


def main(serve: bool) -> int:
    """Build, or build and serve. Returns the exit code: 1 when a link leads nowhere."""
    gather()
    builder = [sys.executable, "-m", "zensical"]
    verb = ["serve"] if serve else ["build", "--clean", "--strict"]
    done = subprocess.run([*builder, *verb], cwd=ROOT, check=False, capture_output=not serve, text=True)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
        print("site: not built; what is above says which page is wrong", file=sys.stderr)
    elif not serve:
        print(
            f"site: {sum(1 for _ in (ROOT / 'build/site').rglob('*.html'))} pages in build/site, begin with index.html"
        )
    return done.returncode and 1


if __name__ == "__main__":
    sys.exit(main("--serve" in sys.argv))
