"""Times as people say them."""

from __future__ import annotations

from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_WEEKS_FROM = 14 * _DAY
_DATE_FROM = 60 * _DAY


def ago(then: float, now: float) -> str:
    """How long before ``now`` it was: "just now", "3 minutes ago" …, after two months the date. Unix seconds."""
    past = int(now - then)
    if past < _MINUTE:
        return "just now"
    if past < _HOUR:
        return _counted(past // _MINUTE, "minute")
    if past < _DAY:
        return _counted(past // _HOUR, "hour")
    if past < _WEEKS_FROM:
        return _counted(past // _DAY, "day")
    if past < _DATE_FROM:
        return _counted(past // (7 * _DAY), "week")
    return f"on {date(then)}"


def date(when: float) -> str:
    """The day, as "3 March 2026" (UTC)."""
    day = datetime.fromtimestamp(when, UTC)
    return f"{day.day} {day:%B %Y}"


def moment(when: float) -> str:
    """The minute, as "3 March 2026, 14:05 UTC"."""
    return f"{date(when)}, {datetime.fromtimestamp(when, UTC):%H:%M} UTC"


def machine(when: float) -> str:
    """The second, as the ``datetime`` attribute has it (RFC 3339)."""
    return f"{datetime.fromtimestamp(when, UTC):%Y-%m-%dT%H:%M:%SZ}"


def wait(seconds: float) -> str:
    """How long to wait: "30 seconds", "2 minutes"; rounded up."""
    whole = max(1, -int(-seconds // 1))
    return _number(whole, "second") if whole < 2 * _MINUTE else _number(-(-whole // _MINUTE), "minute")


def _counted(number: int, unit: str) -> str:
    return f"{_number(number, unit)} ago"


def _number(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"
