"""An address that looks or folds like somebody else's takes over the account, or breaks a mail's header (RST-06).

Systems differ in how they fold case and Unicode: what one takes for two addresses, another delivers to one
mailbox. A reset link asked for with U+0131 in the name has reached the owner of the plain i, and the other
way round. An address with a line break adds headers to every mail sent to it.
"""

from __future__ import annotations

import unicodedata

import pytest

from admit.core.email import canonical
from admit.errors import BadInput

DISGUISES = {
    "Kelvin sign, lower case k": "mi\u212ae@example.com",
    "dotless i, upper case I": "m\u0131ke@example.com",
    "I with dot, lower case i and a dot": "m\u0130ke@example.com",
    "long s": "\u017fue@example.com",
    "sharp s, upper case SS": "wei\u00df@example.com",
    "ligature": "\ufb01nn@example.com",
    "full width": "\uff4dike@example.com",
    "mathematical bold": "\U0001d426ike@example.com",
    "decomposed": "re\u0301ne@example.com",
    "joiner that cannot be seen": "mi\u034fke@example.com",
    "variation selector": "mike\ufe0f@example.com",
    "zero width space": "mi\u200bke@example.com",
    "zero width joiner": "mi\u200dke@example.com",
    "soft hyphen": "mi\u00adke@example.com",
    "Hangul filler": "mike\u1160@example.com",
    "tag character": "mike\U000e0041@example.com",
    "right to left override": "\u202eekim@example.com",
    "no-break space": "mike\u00a0@example.com",
    "full-width at-sign": "mike\uff20example.com",
    "Kelvin sign in the domain": "mike@\u212aelvin.example.com",
}


@pytest.mark.parametrize("address", DISGUISES.values(), ids=list(DISGUISES))
def test_a_disguised_address_is_refused(address: str) -> None:
    with pytest.raises(BadInput):
        canonical(address)


def test_no_letter_beside_ascii_folds_into_an_ascii_address() -> None:
    """However another system folds: by lower, upper or full case folding, with or without compatibility forms."""
    for point in [*range(0x80, 0x3000), *range(0xA000, 0xB000), *range(0xF900, 0x11000), *range(0x1D400, 0x1F000)]:
        try:
            form = canonical(f"a{chr(point)}b@example.com").partition("@")[0]
        except BadInput:
            continue
        for other in (form, unicodedata.normalize("NFKC", form)):
            for folded in (other.lower(), other.upper(), other.casefold(), other.upper().lower()):
                assert not any(letter.isascii() for letter in folded[1:-1]), f"U+{point:04X}"


@pytest.mark.parametrize(
    "address",
    [
        "a@x.test\r\nBcc: victim@example.com",
        "a@x.test\n",
        "a\r\n@x.test",
        "a@x.test\x00",
        "a\x7f@x.test",
        "a\u2028@x.test",
        "a@x.test\u0085",
        "\ta@x.test",
    ],
)
def test_an_address_cannot_carry_a_line_break_or_a_control(address: str) -> None:
    with pytest.raises(BadInput):
        canonical(address)
