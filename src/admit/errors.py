"""Every error of Admit as one tree: what the caller may read, and what only the log may.

    AdmitError                     .code stable, .public constant text; str() is for the log
    ├── Denied                     the credential does not open this door
    │   ├── NoCredential           none was presented
    │   ├── BadCredential          malformed, forged, unknown
    │   │   ├── Expired            was good once
    │   │   ├── Revoked            was ended before its time
    │   │   ├── Replayed           may be spent once, and was
    │   │   └── NotForUs           good, but for another audience
    │   ├── NotEnough              good, but may not do this
    │   │   └── StepUp             … before it was proven again: the sign-in is too long ago
    │   ├── CrossOrigin            a browser sent it for another site
    │   └── TooMany                wait .retry_after seconds
    ├── Stale                      not provably up to date: no answer now
    │   └── LookUpNeeded           only the store can tell: call admit()
    ├── BadInput                   .field is not acceptable; the code says why
    ├── StoreError                 the store could not do what was asked
    │   ├── Conflict               somebody else was faster: read again, decide again
    │   ├── CursorLost             this log does not know that position
    │   ├── LostHistory            the database was replaced: run `admit restore`
    │   └── StoreUnavailable       no answer from the store: fail closed
    └── ConfigError                all faults of a configuration in one message

A credential that is bad, expired, revoked, replayed or meant for somebody else shares one code and one
text, so that an attacker learns nothing from the difference (OWASP ASVS 5.0, 16.5.1).
"""

from __future__ import annotations

from collections.abc import Sequence


class AdmitError(Exception):
    """Something Admit refuses or cannot do.

    ``code`` is stable and for programs, ``public`` is constant and for people outside;
    ``str(error)`` carries the reason and belongs in the log only.
    """

    code: str = "error"
    public: str = "Something went wrong."

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason or self.public)


class Denied(AdmitError):
    """The credential does not open this door."""

    code = "denied"
    public = "Access denied."


class NoCredential(Denied):
    """No credential was presented where one is needed; ``in_browser`` is whether that of a browser would do."""

    code = "no_credential"
    public = "Sign in to do this."

    def __init__(self, reason: str = "", *, in_browser: bool = True) -> None:
        super().__init__(reason)
        self.in_browser = in_browser


class BadCredential(Denied):
    """The credential is malformed, forged or unknown."""

    code = "bad_credential"
    public = "The credential is not valid. Sign in again."


class Expired(BadCredential):
    """The credential was good once; its time is over."""


class Revoked(BadCredential):
    """The credential was ended before its time."""


class Replayed(BadCredential):
    """The credential may be spent once, and was."""


class NotForUs(BadCredential):
    """The credential is good, but was issued for another audience."""


class NotEnough(Denied):
    """The credential is good, but does not allow this; ``scope`` is what would, where a scope would."""

    code = "not_enough"
    public = "Your sign-in does not allow this."

    def __init__(self, reason: str = "", *, scope: str = "") -> None:
        super().__init__(reason)
        self.scope = scope


class StepUp(NotEnough):
    """The sign-in is longer ago than the ``max_age`` seconds that this asks for: prove it again (RFC 9470)."""

    code = "step_up"
    public = "Confirm that it is you, then try again."

    def __init__(self, reason: str = "", *, max_age: float) -> None:
        super().__init__(reason)
        self.max_age = max_age


class CrossOrigin(Denied):
    """A browser sent the request on behalf of another origin."""

    code = "cross_origin"
    public = "This request came from another site and was refused."


class TooMany(Denied):
    """Too many tries; wait ``retry_after`` seconds. ``quota`` is how often one may, in how many seconds, if that is told."""

    code = "too_many"
    public = "Too many tries. Wait a moment, then try again."

    def __init__(self, reason: str = "", *, retry_after: float, quota: tuple[int, float] | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.quota = quota


class Stale(AdmitError):
    """What this process knows is not provably up to date, so it says neither yes nor no."""

    code = "stale"
    public = "The service cannot check your sign-in at the moment. Try again shortly."


class LookUpNeeded(Stale):
    """Only the store can tell: call ``admit``, which may ask it."""


class BadInput(AdmitError):
    """A value is not acceptable: ``field`` names it, ``code`` says why, ``public`` what to send instead."""

    def __init__(self, code: str, public: str, *, field: str | None = None) -> None:
        self.code = code
        self.public = public
        self.field = field
        super().__init__(f"{code}: {public}")


class StoreError(AdmitError):
    """The store could not do what was asked."""

    code = "store_error"
    public = "The service is not available at the moment. Try again shortly."


class Conflict(StoreError):
    """Somebody else was faster. It means nothing by itself: read again, decide again."""

    code = "conflict"
    public = "This was changed by someone else at the same time. Look again, then try again."


class CursorLost(StoreError):
    """This log does not know that position: start over, keeping what is known.

    ``trimmed`` is true when the position is merely older than what the log still keeps.
    """

    code = "cursor_lost"
    public = "This log does not know that position. Read it from its beginning."

    def __init__(self, reason: str = "", *, trimmed: bool = False) -> None:
        super().__init__(reason)
        self.trimmed = trimmed


class LostHistory(StoreError):
    """The database was replaced by an older or another one: run ``admit restore``."""

    code = "lost_history"


class StoreUnavailable(StoreError):
    """The store gave no answer, so there is none to give: fail closed."""

    code = "store_unavailable"


class ConfigError(AdmitError):
    """A configuration that cannot work: ``faults`` lists all that is wrong with it, in words that say what to write."""

    code = "config"
    public = "The service is not configured correctly."

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(f"- {fault}" for fault in self.faults))
