"""A family of refresh tokens is one line: whatever its clients do, one successor, and within the grace nobody is out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from admit.core import refresh, secret
from admit.core.refresh import Family, Keys, Outcome, RefreshToken
from admit.core.secret import Master, new_secret
from admit.errors import BadCredential
from admit.system import chance

GRACE = 10.0
SID = "S0123456789abcdefghijk"


def keys_of(master: bytes = bytes(32)) -> Keys:
    secrets = Master([master])
    mac, chain = secrets.key("refresh mac"), secrets.key("refresh chain")
    assert mac is not None
    assert chain is not None
    return Keys(secrets.current, mac, chain)


KEYS = keys_of()


def first() -> RefreshToken:
    return RefreshToken(KEYS.id, SID, 0, new_secret(chance))


@given(st.integers(0, 2**32 - 1))
def test_a_token_reads_back_as_it_was_written_in_one_width(counter: int) -> None:
    token = RefreshToken(KEYS.id, SID, counter, new_secret(chance))
    text = token.text(KEYS)
    assert refresh.key_id_of(text) == KEYS.id
    assert refresh.parse(text, KEYS) == token
    assert len(text) == len(first().text(KEYS))


@given(st.integers(0, len(first().text(KEYS)) - 1), st.sampled_from("Aa0-_.é"))
def test_one_changed_character_is_refused(place: int, letter: str) -> None:
    text = first().text(KEYS)
    with pytest.raises(BadCredential):
        refresh.parse(text[:place] + another(letter, text[place]) + text[place + 1 :], KEYS)


def another(letter: str, than: str) -> str:
    """``letter``, or one beside it: what is drawn must not depend on a text that is new each time."""
    return letter if letter != than else "B"


@given(st.text() | st.text(min_size=96, max_size=96).map(lambda text: refresh.PREFIX + text))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(BadCredential):
        refresh.parse(text, KEYS)


def test_a_check_of_another_master_secret_is_wrong() -> None:
    with pytest.raises(BadCredential):
        refresh.parse(first().text(keys_of(b"x" * 32)), KEYS)


@pytest.mark.parametrize(
    "token",
    [
        RefreshToken(KEYS.id, SID[:-1] + "/", 0, "A" * 43),
        RefreshToken(KEYS.id, SID, 0, "A" * 42 + "="),
        RefreshToken(KEYS.id, SID[:-1], 0, "A" * 44),
        RefreshToken(KEYS.id, SID[:-1], 2**32, "A" * 43),
    ],
)
def test_even_a_right_check_makes_no_token_of_other_widths_and_characters(token: RefreshToken) -> None:
    with pytest.raises(BadCredential, match="fields"):
        refresh.parse(token.text(KEYS), KEYS)


def test_the_successor_needs_both_the_chain_key_and_the_token() -> None:
    token = first()
    assert token.successor(KEYS) == token.successor(KEYS)
    assert token.successor(KEYS).counter == 1
    others = [token.successor(keys_of(b"x" * 32)), first().successor(KEYS)]
    assert all(other.secret != token.successor(KEYS).secret for other in others)


def spent(family: Family, token: RefreshToken, now: float, grace: float = GRACE) -> Outcome:
    return refresh.spend(family, token, KEYS, now, grace)


def test_a_cookie_needs_both_the_chain_key_and_the_token_and_is_no_token_itself() -> None:
    token, other = first(), keys_of(b"x" * 32)
    made = token.cookie(KEYS, 1)
    assert token.cookie(KEYS, 1) == made
    others = [token.cookie(KEYS, 2), token.cookie(other, 1), first().cookie(KEYS, 1), token.successor(KEYS).secret]
    assert len({made, *others, token.secret}) == 6


def test_the_first_token_of_a_family_rotates_at_once() -> None:
    token = first()
    assert spent(refresh.begun(token, 0), token, 0) is Outcome.ROTATE


@pytest.mark.parametrize(
    "now, current, previous",
    [
        (0.0, Outcome.ITSELF, Outcome.SUCCESSOR),
        (GRACE - 0.001, Outcome.ITSELF, Outcome.SUCCESSOR),
        (GRACE, Outcome.ROTATE, Outcome.REUSE),
        (1e9, Outcome.ROTATE, Outcome.REUSE),
        (-1e9, Outcome.ITSELF, Outcome.SUCCESSOR),  # the clock was set back: no time has passed
    ],
)
def test_after_a_rotation_the_grace_decides(now: float, current: Outcome, previous: Outcome) -> None:
    token = first()
    successor = token.successor(KEYS)
    family = refresh.rotated(refresh.begun(token, -100), successor, 0)
    assert spent(family, successor, now) is current
    assert spent(family, token, now) is previous


def test_without_a_grace_every_token_is_good_once() -> None:
    token = first()
    successor = token.successor(KEYS)
    family = refresh.rotated(refresh.begun(token, 0), successor, 0)
    assert spent(family, successor, 0, 0) is Outcome.ROTATE
    assert spent(family, token, 0, 0) is Outcome.REUSE


def test_without_a_grace_a_clock_set_back_makes_none() -> None:
    zero = first()
    one = zero.successor(KEYS)
    family = refresh.rotated(refresh.begun(zero, 0.0), one, 100.0)
    assert refresh.spend(family, zero, KEYS, 99.0, 0.0) is Outcome.REUSE
    assert refresh.spend(family, one, KEYS, 99.0, 0.0) is Outcome.ROTATE


def test_what_the_record_does_not_know_ends_nothing() -> None:
    token = first()
    family = refresh.begun(token, 0)
    assert spent(family, token.successor(KEYS), 0) is Outcome.UNKNOWN
    assert spent(family, first(), 0) is Outcome.UNKNOWN


def test_a_successor_is_handed_out_only_if_it_is_the_current_one() -> None:
    token = first()
    family = refresh.rotated(refresh.begun(token, 0), RefreshToken(KEYS.id, SID, 1, new_secret(chance)), 0)
    assert spent(family, token, 0) is Outcome.REUSE


class Line(RuleBasedStateMachine):
    """Clients that present any token of one line at any time, beside a model that only counts."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.tokens = [first()]
        self.family = refresh.begun(self.tokens[0], self.now)
        self.ended = False
        self.current, self.rotated_at = 0, float("-inf")

    @rule(seconds=st.sampled_from([0.1, 1, GRACE / 2, GRACE, 60]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: not self.ended)
    @rule(data=st.data())
    def present(self, data: st.DataObject) -> None:
        counter = data.draw(st.integers(0, len(self.tokens) - 1), "counter")
        token = self.tokens[counter]
        young = self.now - self.rotated_at < GRACE
        outcome = spent(self.family, token, self.now)
        if counter == self.current:
            assert outcome is (Outcome.ITSELF if young else Outcome.ROTATE)
        elif counter == self.current - 1 and young:
            assert outcome is Outcome.SUCCESSOR
            assert token.successor(KEYS) == self.tokens[self.current]
        else:
            assert outcome is Outcome.REUSE
            self.ended = True
        if outcome is Outcome.ROTATE:
            self.tokens.append(token.successor(KEYS))
            self.family = refresh.rotated(self.family, self.tokens[-1], self.now)
            self.current, self.rotated_at = counter + 1, self.now

    @rule()
    def present_what_a_lost_tail_took_along(self) -> None:
        ahead = self.tokens[-1].successor(KEYS)
        assert spent(self.family, ahead, self.now) is Outcome.UNKNOWN

    @invariant()
    def one_token_of_the_line_is_current(self) -> None:
        digests = [secret.digest(token.secret) for token in self.tokens]
        assert digests.count(self.family.current) == 1
        assert digests.index(self.family.current) == self.family.counter == self.current


TestLine = Line.TestCase
