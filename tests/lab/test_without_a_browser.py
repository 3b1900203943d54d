"""Where there is no browser, the lab says what to install."""

from __future__ import annotations

from pathlib import Path

import pytest

from admit.lab.browser.chromium import browser
from admit.lab.strategy import Unmeasured


def test_without_chromium_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unmeasured, match="chromium-driver"), browser():
        pass
