"""One canonical form of an e-mail address."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admit.core.email import MAX_BYTES, canonical
from admit.errors import BadInput


@pytest.mark.parametrize(
    "written, form",
    [
        ("ann@example.com", "ann@example.com"),
        ("Ann@Example.COM", "ann@example.com"),
        ("O'Brien+news.letter@example.com", "o'brien+news.letter@example.com"),
        ("ann@MÜNCHEN.example.com", "ann@xn--mnchen-3ya.example.com"),
        ("ann@XN--MNCHEN-3YA.example.com", "ann@xn--mnchen-3ya.example.com"),
        ("ДИМА@example.com", "дима@example.com"),
        ("ΝΊΚΟΣ@example.com", "νίκος@example.com"),
        ("山田@example.com", "山田@example.com"),
        ("ann@app.test", "ann@app.test"),
    ],
)
def test_an_address_has_one_form(written: str, form: str) -> None:
    assert canonical(written) == form
    assert canonical(form) == form


def test_dots_and_tags_make_another_address() -> None:
    assert len({canonical(text) for text in ("ann@example.com", "a.nn@example.com", "ann+x@example.com")}) == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "@example.com",
        "ann@",
        "ann@example",
        "ann@@example.com",
        " ann@example.com",
        "ann@example.com ",
        ".ann@example.com",
        "a..nn@example.com",
        '"ann"@example.com',
        "Ann <ann@example.com>",
        "ann@[127.0.0.1]",
        "ann@example.com.",
        "ann@exa_mple.com",
        "ann@xn--zzzzzzzzzz99.com",
        "ann,bob@example.com",
    ],
)
def test_what_is_no_plain_address_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        canonical(text)
    assert (refused.value.code, refused.value.field) == ("bad_email", "email")


def test_an_address_has_at_most_254_bytes_in_its_canonical_form() -> None:
    domain = ".".join(["d" * 63] * 3)
    fits = "a" * (MAX_BYTES - len(domain) - 1) + "@" + domain
    assert len(canonical(fits)) == MAX_BYTES
    with pytest.raises(BadInput):
        canonical(fits.replace("@d", "@d.d"))
    # 62 characters before the @-sign, but two bytes each; a domain that grows in IDNA; a letter that grows in
    # lower case, from two bytes to three.
    for long in (
        "д" * 62 + "@" + domain,
        "a@" + ".".join(["ü" * 50] * 4) + ".com",
        "\u023a" * 62 + "@" + ".".join(["d" * 60] * 2) + ".example",
    ):
        with pytest.raises(BadInput):
            canonical(long)


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=40), st.sampled_from(["", "@example.com"]))
def test_any_text_has_a_stable_form_or_is_refused(text: str, rest: str) -> None:
    try:
        form = canonical(text + rest)
    except BadInput:
        return
    assert canonical(form) == form
    assert form.isprintable()
    assert form.rpartition("@")[2].isascii()


def test_the_core_works_without_the_library_of_addresses() -> None:
    code = "import sys, admit.core.email, admit.core.password, admit.hashing; assert not {'email_validator', 'idna', 'argon2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
