"""The audit log: what happened, to whom, by whom, from where, and nothing in it that could be used or obeyed."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from admit.core.codec import Codec
from admit.core.faults import is_number
from admit.core.ids import anchor
from admit.core.store import Record
from admit.errors import ConfigError

DAYS = 90.0
"""Days that entries are kept, unless somebody says otherwise."""

MAX_DAYS = 3_650.0

DAY = 86_400.0

MAX_TEXT = 128
"""Characters of what comes from outside, such as the name of somebody's own subject."""

MAX_AGENT = 256
"""Characters of a User-Agent."""


class Act(StrEnum):
    """What can happen; the one list of it."""

    SIGN_IN = "sign_in"
    STEP_UP = "step_up"
    TOKENS_ISSUED = "tokens_issued"
    COOKIE_EXCHANGED = "cookie_exchanged"
    SESSION_HANDED_OVER = "session_handed_over"
    SIGN_OUT = "sign_out"
    SIGN_OUT_EVERYWHERE = "sign_out_everywhere"
    SESSION_ENDED = "session_ended"
    SESSION_DISPLACED = "session_displaced"
    REFRESH_REUSED = "refresh_reused"
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - an event
    SIGN_UP = "sign_up"
    ACCOUNT_CREATED = "account_created"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_ENABLED = "account_enabled"
    ACCOUNT_DELETED = "account_deleted"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - an event
    PASSWORD_RESET = "password_reset"  # noqa: S105 - an event
    ROLES_CHANGED = "roles_changed"
    SUBJECT_CHANGED = "subject_changed"
    SIGNING_KEYS_CREATED = "signing_keys_created"
    SIGNING_KEY_ROTATED = "signing_key_rotated"
    SIGNING_KEY_REVOKED = "signing_key_revoked"
    API_KEY_CREATED = "api_key_created"
    API_KEY_ROTATED = "api_key_rotated"
    API_KEY_CONFIRMED = "api_key_confirmed"
    API_KEY_REVOKED = "api_key_revoked"
    VERIFIER_CREATED = "verifier_created"
    VERIFIER_REVOKED = "verifier_revoked"
    EVERYTHING_ENDED = "everything_ended"
    IMPORTED = "imported"
    STALENESS_CHANGED = "staleness_changed"


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the audit log. Whatever is not known, or nobody's, is empty.

    ``at`` is in Unix seconds. ``act`` is one of :class:`Act`, or what a newer Admit calls it. ``subject`` is to whom
    it happened, ``what`` the id of the session or key it was about, or what was set, ``failed`` why nothing came of it, ``times`` how
    often this was tried within the hour.
    ``actor`` did it: a subject, by the credential named, or, where ``credential`` is ``operator``, somebody at the
    machine. ``address``, ``device`` and ``agent`` are from where.
    """

    at: float
    act: str
    id: str = ""
    subject: str = ""
    what: str = ""
    failed: str = ""
    times: int = 1
    actor: str = ""
    credential: str = ""
    credential_id: str = ""
    address: str = ""
    device: str = ""
    agent: str = ""


AUDIT = Codec("audit", Entry)


def days_kept(days: float) -> float:
    """``days``, if entries can be kept for so long; 0 is none at all. Raises ConfigError."""
    if days != 0 and not is_number(days, 1, MAX_DAYS):
        raise ConfigError([f"The audit log is kept for {days!r} days; write 1 to {MAX_DAYS:g}, or 0 to keep none."])
    return days


def record(entry: Entry, version: int, days: float) -> Record:
    """The record of ``entry``, found among all of its home and under its subject."""
    tags = frozenset({everything_in(entry.id[0]), *([anchor(entry.subject)] if entry.subject else ())})
    return Record(AUDIT.kind, entry.id, AUDIT.encode(entry), version, entry.at + days * DAY, tags)


def everything_in(home: str) -> str:
    """The tag of all entries in ``home``: no subject's, for none is named ``*``."""
    return f"{home}*"


def neutral(text: str, at_most: int = MAX_TEXT) -> str:
    """``text`` with all that a terminal, a page or a reader of lines could obey written out, and cut.

    Line ends (CWE-117), escape sequences (CWE-150), and what turns the direction of letters.
    """
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text[:at_most])[:at_most]
