"""Every line that the demo's front page shows, pasted into a shell as it stands there; with the real curl."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx

from commands import free_port
from server.alone import running, wait_for
from web.pages.html import Page
from web.pages.people import AT_A_BROWSER


def lines(page: Page) -> list[tuple[str, int | None]]:
    """Every line to type that stands on the page, and what it promises to be answered."""
    found, promised = list[tuple[str, int | None]](), None
    for element in page.elements:
        if element.attributes.get("class", "").startswith("answers"):
            promised = int(element.text.split()[-1])
        if element.tag == "pre":
            found.append((element.text, promised))
            promised = None
    return found


def test_every_line_of_the_front_page_can_be_pasted_and_is_answered_as_it_says(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, "demo", "--port", str(port)) as (process, log):
        wait_for(base := f"http://127.0.0.1:{port}", process, log)
        answer = httpx.get(f"{base}/", headers=AT_A_BROWSER)
        typed = lines(Page(answer.text))
        assert sum(line.startswith("curl ") for line, _ in typed) >= 25
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        for line, promised in typed:
            if line.endswith(" tour"):
                continue  # it has a test of its own
            done = subprocess.run(["bash", "-c", line], cwd=elsewhere, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (line, done)
            if promised is not None:
                assert done.stdout.split()[-1] == str(promised), (line, done.stdout)
            assert line in log.read_text()
        assert list(elsewhere.iterdir()) == []
        secrets = json.loads((tmp_path / "var" / "passwords.json").read_text()).values()
        assert not any(secret in answer.text for secret in secrets)
    kept = [path for path in (tmp_path / "var").iterdir() if path.suffix in (".json", ".jar", ".header")]
    assert len(kept) > 5
    assert [path.name for path in kept if path.stat().st_mode & 0o77] == []
