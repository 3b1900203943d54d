"""A real Chromium: what a person does in it, what it sends, and what it says about a page."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, WebDriverException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from admit.lab.browser.chromium import PATIENCE, Browser, browser


class Chromium(Browser):
    """One browser, made as new for each test."""

    driver: Chrome

    def __init__(self, driver: Chrome) -> None:
        super().__init__(driver)
        self._added: list[str] = []

    def anew(self) -> None:
        """Forget every cookie, and run scripts again."""
        self.driver.get("about:blank")
        self._tell("Network.clearBrowserCookies")
        self.scripts(run=True)
        while self._added:
            self._tell("Page.removeScriptToEvaluateOnNewDocument", identifier=self._added.pop())
        self.events()
        self.complaints()

    def scripts(self, *, run: bool) -> None:
        """Whether pages may run scripts."""
        self._tell("Emulation.setScriptExecutionDisabled", value=not run)

    def before_each_page(self, script: str) -> None:
        """Run ``script`` in every page before anything of its own, until :meth:`anew`; no policy of a page applies."""
        added = self._tell("Page.addScriptToEvaluateOnNewDocument", source=script)
        self._added.append(added["identifier"])

    def theme(self, name: str) -> None:
        """Prefer the light or the dark theme."""
        self._tell("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def width(self, pixels: int) -> None:
        """A window of this width."""
        self._tell(
            "Emulation.setDeviceMetricsOverride", width=pixels, height=900, deviceScaleFactor=1, mobile=pixels < 600
        )

    def screenshot(self, path: Path) -> None:
        """The whole page as a picture."""
        size = self._tell("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": max(size["height"], 700), "scale": 1}
        taken = self._tell("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def fill(self, **fields: str) -> None:
        """Type into fields by their names, in the place of what is there."""
        for name, text in fields.items():
            field = self.find(f"[name={name}]")
            field.clear()
            field.send_keys(text)

    def insert(self, text: str) -> None:
        """Put ``text`` where the cursor is at once, as pasting does."""
        self._tell("Input.insertText", text=text)

    def press(self, text: str) -> None:
        """Press the button that reads, or begins with, ``text``, and wait for the page it leads to."""
        button = next(found for found in self.all("button") if found.text.startswith(text))
        self._leave(button)

    def follow(self, text: str) -> None:
        """Follow the link that reads ``text``."""
        self._leave(self.driver.find_element(By.LINK_TEXT, text))

    def submit(self, selector: str = "form") -> None:
        """Send a form without pressing anything, as a script of the page would."""
        form = self.find(selector)
        self.driver.execute_script("arguments[0].submit()", form)
        WebDriverWait(self.driver, PATIENCE).until(lambda _: _is_gone(form))

    def leave_by(self, script: str) -> None:
        """Run ``script``, and wait for the page it leads to."""
        body = self.find("body")
        self.run(script)
        WebDriverWait(self.driver, PATIENCE).until(lambda _: _is_gone(body))

    def find(self, selector: str) -> WebElement:
        """The one element that ``selector`` names."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """Every element that ``selector`` names."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    @property
    def text(self) -> str:
        """What stands on the page."""
        return self.find("body").text

    @property
    def path(self) -> str:
        """Where we are, without the host."""
        return "/" + self.driver.current_url.split("/", 3)[3]

    def events(self) -> list[dict[str, Any]]:
        """What the network did since this was asked last."""
        return [json.loads(line["message"])["message"] for line in self._log("performance")]

    def complaints(self) -> list[str]:
        """What the console says since this was asked last."""
        return [line["message"] for line in self._log("browser")]

    def _leave(self, element: WebElement) -> None:
        element.click()
        WebDriverWait(self.driver, PATIENCE).until(lambda _: _is_gone(element))
        arriving = WebDriverWait(self.driver, PATIENCE, ignored_exceptions=[WebDriverException])
        arriving.until(lambda driver: driver.find_elements(By.CSS_SELECTOR, "body"))

    def _log(self, of: str) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = cast("Any", self.driver).get_log(of)
        return lines

    def _tell(self, command: str, **arguments: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, arguments)


@contextmanager
def chromium() -> Iterator[Chromium]:
    """A browser with an empty profile, to which every host of .test is this machine."""
    logs = {"performance": "ALL", "browser": "ALL"}
    with browser("--hide-scrollbars", "--force-color-profile=srgb", logs=logs) as found:
        yield Chromium(found.driver)


def _is_gone(element: WebElement) -> bool:
    try:
        element.is_enabled()
    except (StaleElementReferenceException, NoSuchElementException):
        return True
    except WebDriverException as error:
        # What the driver says of it while the next page takes the place of this one.
        if "does not belong to the document" in str(error):
            return True
        raise
    return False
