"""The strategies that the lab compares: to add one, add a file here and a line to the table.

A URL belongs to one strategy at a time, except that those of Admit may share one, with the same secret.
"""

from __future__ import annotations

from admit.lab.strategies.admit import COOKIE, KEY, TOKEN
from admit.lab.strategies.api_key import API_KEY
from admit.lab.strategies.hybrid import BLOCKLIST, HYBRID
from admit.lab.strategies.jwt import STATELESS
from admit.lab.strategies.sessions import SESSION
from admit.lab.strategies.verifier import VERIFIER
from admit.lab.strategy import Strategy

_ALL: list[Strategy] = [SESSION, *STATELESS, HYBRID, BLOCKLIST, API_KEY, COOKIE, TOKEN, KEY, VERIFIER]

STRATEGIES: dict[str, Strategy] = {one.about.id: one for one in _ALL}
"""Each by its id, in the order in which they are shown."""
