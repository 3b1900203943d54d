"""The credentials that count at a route, as an OpenAPI description names them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from admit.core.cookie import CookieRule
from admit.core.presented import API_KEY, BEARER, COOKIE


def schemes(accept: Collection[str], cookies: CookieRule) -> dict[str, dict[str, Any]]:
    """The security schemes of the doors ``accept``, by door (OpenAPI 3.1, Security Scheme Object)."""
    known = {
        BEARER: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        API_KEY: {"type": "http", "scheme": "bearer", "bearerFormat": "adm_k_…"},
        COOKIE: {"type": "apiKey", "in": "cookie", "name": cookies.name},
    }
    return {door: known[door] for door in accept}
