"""Server sessions: the browser holds a cookie that says nothing, and each request reads the row it stands for."""

from __future__ import annotations

from admit.lab import carried
from admit.lab.looked_up import LookedUp
from admit.lab.strategy import About

SESSION = LookedUp(
    About(
        id="session",
        family="session",
        title="Server session",
        built="A 256-bit cookie whose digest finds one row, with the roles in it; an index by subject ends all of them.",
        stores=("memory", "sqlite", "postgresql", "redis"),
        carrier="cookie",
    ),
    write=carried.cookie,
    read=carried.of_cookie,
)
