"""A real Chromium without a window, to which every host of .test is this machine."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from admit.lab.strategy import Unmeasured

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

PATIENCE = 20
"""Seconds that a page may take."""

BINARIES = ("chromium", "chromium-browser", "google-chrome")
_SWITCHES = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --ignore-certificate-errors"
)


class Browser:
    """What somebody does in it, and what somebody else could copy out of it."""

    def __init__(self, driver: Chrome) -> None:
        self.driver: Any = driver

    def go(self, url: str) -> None:
        """Navigate, as by typing the address, and wait for the page."""
        self.driver.get(url)

    def leave(self, id: str) -> None:
        """Press the button called ``id``, and wait for the page it leads to."""
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.support.wait import WebDriverWait

        self.run("window.left = true; document.getElementById(arguments[0]).click()", id)
        arriving = WebDriverWait(self.driver, PATIENCE, poll_frequency=0.05, ignored_exceptions=[WebDriverException])
        arriving.until(lambda _: self.run("return !window.left && document.readyState === 'complete'"))

    def run(self, script: str, *arguments: object) -> Any:
        """What ``script`` returns in the page."""
        return self.driver.execute_script(script, *arguments)

    def ask(self, promise: str) -> Any:
        """What a promise in the page comes to, or the text of what it failed with."""
        return self.driver.execute_async_script(
            f"const done = arguments[0]; ({promise}).then(done, failed => done(`${{failed}}`))"
        )

    def cookies(self) -> dict[str, str]:
        """Every cookie that the browser has, HttpOnly or not, as a program on the same machine reads them."""
        found = self.driver.execute_cdp_cmd("Network.getAllCookies", {})["cookies"]
        return {cookie["name"]: cookie["value"] for cookie in found}

    def forget(self, origin: str) -> None:
        """Begin as a new person, of whom ``origin`` has left nothing."""
        self.driver.get("about:blank")
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.driver.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})


@contextmanager
def browser(*switches: str, logs: Mapping[str, str] = {}) -> Generator[Browser]:
    """A browser with an empty profile, which keeps ``logs``. Raises Unmeasured where there is none."""
    try:
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver import Chrome, ChromeOptions
        from selenium.webdriver.chrome.service import Service
    except ModuleNotFoundError as error:
        raise Unmeasured("the browser attacks need selenium: pip install 'admit[lab]'") from error
    binary = next((path for name in BINARIES if (path := shutil.which(name))), None)
    program = shutil.which("chromedriver")
    if binary is None or program is None:
        raise Unmeasured(
            "there is no Chromium with its chromedriver (Debian: apt-get install chromium chromium-driver)"
        )
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        options.binary_location = binary
        for switch in (
            *_SWITCHES.split(),
            *switches,
            "--host-resolver-rules=MAP *.test 127.0.0.1",
            f"--user-data-dir={profile}",
        ):
            options.add_argument(switch)
        options.set_capability("goog:loggingPrefs", dict(logs))
        try:
            driver = Chrome(options, Service(program))
        except WebDriverException as error:
            raise Unmeasured(f"Chromium did not start: {Path(binary).name}: {error.msg}") from error
        try:
            driver.set_page_load_timeout(PATIENCE)
            driver.set_script_timeout(PATIENCE)
            yield Browser(driver)
        finally:
            driver.quit()
