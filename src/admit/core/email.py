"""E-mail addresses: one canonical form, for uniqueness, for looking up and for sending."""

from __future__ import annotations

import unicodedata

from admit.core.faults import lacking
from admit.errors import BadInput, ConfigError

MAX_BYTES = 254
"""RFC 5321, 4.5.3.1.3: a path has at most 256 octets, two of which are angle brackets."""


def canonical(text: str) -> str:
    """The one form of the address ``text``: local part in lower case, domain as IDNA in ASCII. Raises BadInput.

    Dots and plus tags stay significant: only the receiving host knows whether ``a.nn+x`` and ``ann`` are one
    mailbox (RFC 5321, 2.3.11). Case it may tell apart as well, but nobody gives such mailboxes to two people,
    and people do not remember how they wrote theirs. Quoted local parts, comments, display names and numeric
    domains are refused, and so is what looks or folds like somebody else's address. At most 254 bytes.
    DNS is not asked.
    """
    # First of all, so that nothing below works on what is long, or breaks a line of a mail's header (CWE-93).
    if len(text) > MAX_BYTES or not text.isprintable():
        raise _bad()
    # U+212A KELVIN SIGN becomes an ASCII k, full-width letters become narrow ones: no second spelling.
    if unicodedata.normalize("NFKC", text) != text:
        raise _bad()
    local, domain = _parts(text)
    if not local.isascii():
        _refuse_disguise(local)
    address = f"{local.lower()}@{domain}"
    if len(address.encode()) > MAX_BYTES:
        raise _bad()
    return address


def _parts(text: str) -> tuple[str, str]:
    # Here, because `import admit` has to work where the extra `accounts` is not installed.
    try:
        from email_validator import EmailNotValidError, validate_email
    except ModuleNotFoundError as error:
        raise ConfigError([lacking("Accounts need", error, "accounts")]) from error

    try:
        # test_environment accepts the domain `test`, which RFC 6761 reserves for tests and nobody can own.
        found = validate_email(text, check_deliverability=False, strict=True, test_environment=True)
    except EmailNotValidError as error:
        raise _bad() from error
    assert found.ascii_domain is not None
    return found.local_part, found.ascii_domain


def _refuse_disguise(local: str) -> None:
    import idna

    # Where another system folds case its own way, U+0131 (dotless i) is an i and U+00DF is ss: its mail for
    # this address would reach a mailbox that somebody else has in ASCII.
    if any(other.isascii() for letter in local if not letter.isascii() for other in letter.upper() + letter.casefold()):
        raise _bad()
    # UTS #46 leaves out what cannot be seen, such as U+034F and U+FE0F: "ann" and two looks the same.
    try:
        seen = idna.uts46_remap(local.lower(), std3_rules=False)
    except idna.IDNAError as error:
        raise _bad() from error
    if seen != local.lower():
        raise _bad()


def _bad() -> BadInput:
    return BadInput("bad_email", "This is not an e-mail address that can be used here.", field="email")
