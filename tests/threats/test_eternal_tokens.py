"""A clock that is wrong, or a key that leaked, makes a token that outlives its revocation (TOK-10)."""

from __future__ import annotations

import pytest

from admit.core.jwt import MAX_LEEWAY, MAX_LIFE, Rules, verify
from admit.core.log import KEEP
from admit.errors import BadCredential, ConfigError, Expired
from forge import NOW, RULES, claims, key, known, token

OURS = key("ES256")
KEYS = known(OURS)
DAY = 24 * 60 * 60


@pytest.mark.parametrize("life", [MAX_LIFE + 1, DAY, 365 * DAY, 10**12, (1 << 53) - 1 - NOW])
def test_a_life_beyond_the_ceiling_is_refused_whatever_the_signature(life: int) -> None:
    with pytest.raises(BadCredential, match="would live"):
        verify(token(claims(exp=NOW + life), OURS), KEYS, RULES, NOW)


@pytest.mark.parametrize("ahead", [11, 3_600, DAY, 365 * DAY])
def test_a_token_minted_by_a_clock_that_runs_ahead_waits_for_its_time(ahead: int) -> None:
    early = token(claims(iat=NOW + ahead, exp=NOW + ahead + 600), OURS)
    with pytest.raises(BadCredential, match="future"):
        verify(early, KEYS, RULES, NOW)
    assert verify(early, KEYS, RULES, NOW + ahead).iat == NOW + ahead


@pytest.mark.parametrize("back", [11, 3_600, DAY])
def test_a_clock_that_is_set_back_does_not_lengthen_a_life(back: int) -> None:
    with pytest.raises(BadCredential, match="future"):
        verify(token(claims(), OURS), KEYS, RULES, NOW - back)


def test_a_clock_that_is_set_forward_ends_what_has_ended() -> None:
    with pytest.raises(Expired):
        verify(token(claims(), OURS), KEYS, RULES, NOW + DAY)


def test_nothing_is_accepted_for_longer_than_the_log_remembers_its_end() -> None:
    rules = Rules(issuer=RULES.issuer, audience=RULES.audience, leeway=MAX_LEEWAY)
    longest = token(claims(exp=NOW + MAX_LIFE), OURS)
    accepted = [now for now in range(NOW - 200, NOW + 2 * KEEP) if _good(longest, rules, now)]
    assert accepted == list(range(NOW - 60, NOW + MAX_LIFE + 60))
    assert accepted[-1] - NOW < KEEP


@pytest.mark.parametrize("leeway", [61, 3_600, float("inf"), float("nan")])
def test_no_setting_lengthens_a_life_by_more_than_a_minute(leeway: float) -> None:
    with pytest.raises(ConfigError, match="leeway"):
        Rules(issuer=RULES.issuer, audience=RULES.audience, leeway=leeway)


def _good(text: str, rules: Rules, now: int) -> bool:
    try:
        verify(text, KEYS, rules, now)
    except BadCredential:
        return False
    return True
