"""API keys: a program presents an opaque key, of which the digest is kept, and each request looks it up."""

from __future__ import annotations

from admit.lab import carried
from admit.lab.looked_up import LookedUp
from admit.lab.strategy import About

API_KEY = LookedUp(
    About(
        id="api-key",
        family="api key",
        title="API key, looked up",
        built="A 256-bit key whose digest finds one row, with the owner's roles in it. “Sign out” ends the key.",
        stores=("memory", "sqlite", "postgresql", "redis"),
        carrier="bearer",
        ends=("sign out", "disable", "role change"),
        spares=("password change",),  # a key is no sign-in
    ),
    write=carried.bearer,
    read=carried.of_bearer,
)
