"""Admit: sessions, tokens and their end, through one door. The names a newcomer needs."""

from admit.authority import Authority
from admit.core.principal import Principal
from admit.core.request import Request
from admit.core.requirement import Requirement
from admit.core.session_policy import BALANCED, RELAXED, STRICT, SessionPolicy
from admit.errors import AdmitError, Denied
from admit.receipts import Receipt
from admit.tokens import TokenPolicy
from admit.trail import acting
from admit.verifier import Verifier

__all__ = [
    "BALANCED",
    "RELAXED",
    "STRICT",
    "AdmitError",
    "Authority",
    "Denied",
    "Principal",
    "Receipt",
    "Request",
    "Requirement",
    "SessionPolicy",
    "TokenPolicy",
    "Verifier",
    "acting",
]
