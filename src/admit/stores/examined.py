"""What a store says of itself to ``admit doctor``: what is on, what is weak and why, and what must be mended."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["good", "weak", "mend"]


class Finding(NamedTuple):
    """That ``what`` was looked at; ``said`` is what there is to say of it, and where it is not good, what to do."""

    what: str
    state: State
    said: str


class Examined(NamedTuple):
    """What was found; and whether the store is ``begun``, so that an authority that opens it adds nothing."""

    findings: list[Finding]
    begun: bool


def judged(what: str, said: str, fault: str | None, state: State = "mend") -> Finding:
    """``said``, and if there is a ``fault``, that, as ``state``."""
    return Finding(what, "good", said) if fault is None else Finding(what, state, f"{said}: {fault}")
