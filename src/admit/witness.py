"""What an authority says of a credential to a service elsewhere, which cannot tell itself."""

from __future__ import annotations

from admit.api_keys import ApiKeys
from admit.core import api_key, session_cookie
from admit.core.verdict import Outdated, Seen
from admit.core.world import Clock
from admit.errors import NotForUs
from admit.gate import Credential, Gate
from admit.sessions import Sessions
from admit.tokens import Tokens


class Witness:
    """Says of tokens what they prove to their audience; of cookies and API keys, to its own ``audience``, what is kept."""

    def __init__(
        self, gate: Gate, tokens: Tokens, sessions: Sessions, api_keys: ApiKeys, clock: Clock, audience: str
    ) -> None:
        self._gate = gate
        self._tokens = tokens
        self._looked_up: dict[str, Credential] = {session_cookie.PREFIX: sessions, api_key.PREFIX: api_keys}
        self._clock = clock
        self._audience = audience

    async def ask(self, credential: str, audience: str) -> Seen:
        """Whom ``credential`` speaks for at this moment, at a service that is ``audience``.

        The answer comes from looks at the store and the log that begin after this call. Raises Denied, Stale, StoreError.
        """
        kind = next((kind for prefix, kind in self._looked_up.items() if credential.startswith(prefix)), None)
        if kind is None:
            return await self._gate.judge(await self._tokens.proven_for(credential, audience, self._clock.now()))
        if audience != self._audience:
            raise NotForUs(f"session cookies and API keys are for {self._audience!r}")
        try:
            return await self._gate.judge(await kind.look_up(credential, self._clock.now()))
        except Outdated:  # changed while it was looked up
            return await self._gate.judge(await kind.look_up(credential, self._clock.now()))
