"""The recorder of the suite hears every secret and every line: else that it finds nothing would say nothing."""

from __future__ import annotations

import logging

import pytest

from admit.core import secret
from admit.system import chance
from doors import ANN, COOKIE, door
from recorder import LOGGERS, Recorder, recording


async def _handed_out() -> list[str]:
    """What Ann holds: the secret of her cookie, an access token, a refresh token and the one after it."""
    async with door() as here:
        browser = await here.signed_in()
        tokens = await here.tokens()
        spent = {"refresh_token": tokens["refresh_token"]}
        after = (await browser.post("/api/refresh", json=spent)).json()["refresh_token"]
        in_cookie = await here.browser().post("/api/tokens", json=ANN | {"refresh": "cookie"})
        [line] = [line for line in in_cookie.headers.get_list("set-cookie") if "refresh" in line]
        return [browser.cookies[COOKIE], tokens["access_token"], tokens["refresh_token"], after, line]


async def test_every_kind_of_secret_is_found_in_a_line() -> None:
    with recording() as recorder:
        held = await _handed_out()
        assert recorder.told() == set()
        for number, text in enumerate(held, 1):
            logging.getLogger("admit.web").debug("%s", text)
            assert len(recorder.told()) >= number, text


@pytest.mark.parametrize("name", LOGGERS)
def test_it_is_found_in_arguments_in_errors_and_glued_to_other_text(name: str) -> None:
    log = logging.getLogger(f"{name}.x")
    with recording() as recorder:
        values = [secret.new_secret(chance) for _ in range(4)]
        log.info("%r", {"a": values[0]})
        log.warning("x%sx", values[1])
        try:
            raise ValueError(values[2])
        except ValueError:
            log.exception("it failed")
        logging.getLogger("somebody.else").warning(values[3])
    assert recorder.told() == set(values[:3])


def test_the_whole_run_is_recorded(nothing_secret_is_logged: Recorder) -> None:
    assert secret.new_secret(chance) in nothing_secret_is_logged.secrets
    logging.getLogger("admit.x").debug("here I am, %s", id(nothing_secret_is_logged))
    assert f"here I am, {id(nothing_secret_is_logged)}\n" in nothing_secret_is_logged.said
