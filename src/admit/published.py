"""What an authority publishes, read from elsewhere: its description, its keys, its log, its word about one credential."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping

from admit.core.jwk import VerifyingKey
from admit.core.log import Copy
from admit.core.principal import Ends
from admit.core.store import Cursor, Page
from admit.core.world import Clock
from admit.errors import Denied, StoreUnavailable
from admit.remote import Introspection, Metadata, Remote

KEYS_LAST = 300.0
"""Seconds after which the published keys are read again."""

KEYS_AGAIN = 5.0
"""Seconds between two reads of the keys, whoever asks for them: garbage that names unknown keys costs no more."""


class Published:
    """What ``issuer`` publishes, as the source of a follower.

    A read that fails leaves the keys as they are; a key that is not in a set that was read stops working. Who asks waits
    ``patience`` seconds for an answer. ``allow`` is told of the staleness that the authority allows.
    """

    def __init__(
        self,
        issuer: str,
        key: str,
        tls: ssl.SSLContext | None,
        clock: Clock,
        copy: Copy,
        *,
        patience: float,
        allow: Callable[[float], None],
    ) -> None:
        self.verifying: Mapping[str, VerifyingKey] = {}
        self.certain = False
        self.forget: Callable[[], None] = dict[str, str]().clear
        self._following = Remote(issuer, key, tls)
        self._asking = Remote(issuer, key, tls)
        self._one_at_a_time = threading.Lock()
        self._clock = clock
        self._copy = copy
        self._patience = patience
        self._allow = allow
        self._revoked = 0
        self._metadata: Metadata | None = None
        self._read_at = float("-inf")
        self._tried_at = float("-inf")

    def read(self, after: Cursor | None, wait: float, probe: str, within: float) -> Iterator[Page]:
        """The log; before it, the keys when they are due."""
        metadata, due = self._metadata, self._clock.lease() >= self._read_at + KEYS_LAST
        if metadata is None or due:
            metadata = self._metadata = self._following.metadata(within)
            self._patience = min(self._patience, metadata.max_staleness)
            self._allow(metadata.max_staleness)
        revoked = len(self._copy.ended[Ends.KEY])
        # In the place of a key that was revoked another signs at once.
        if due or revoked > self._revoked:
            self._keep(self._following.keys(metadata.jwks_uri, within))
            self._revoked = revoked
        yield from self._following.log(metadata.revocations_endpoint, after, wait, probe, within)

    def may_reread(self) -> bool:
        """Whether it is time to read the keys again for one that is not known."""
        return self._clock.lease() >= self._tried_at + KEYS_AGAIN

    def reread(self) -> None:
        """Read the keys again, unless somebody just did. Raises StoreUnavailable."""
        with self._one_at_a_time:
            if not self.may_reread():
                return
            self._tried_at = self._clock.lease()
            # Until there is an answer, nobody knows whether a key that is not known here is one.
            self.certain = False
            try:
                self._keep(self._asking.keys(self._known().jwks_uri, self._patience))
            except Denied as denied:
                raise StoreUnavailable(f"the keys are refused to us: {denied}") from denied

    def ask(self, text: str) -> Introspection:
        """What the authority says of ``text`` at this moment. Raises BadCredential, StoreUnavailable."""
        with self._one_at_a_time:
            return self._asking.ask(self._known().introspection_endpoint, text, self._patience)

    def begin_anew(self) -> None:
        """Forget who reads or asks: a fork left them behind."""
        self._one_at_a_time = threading.Lock()
        self._following.abandon()
        self._asking.abandon()

    def close(self) -> None:
        """Let go of the connections."""
        self._following.close()
        self._asking.close()

    def _known(self) -> Metadata:
        if self._metadata is None:
            raise StoreUnavailable("the authority has not described itself yet")
        return self._metadata

    def _keep(self, keys: Mapping[str, VerifyingKey]) -> None:
        gone = self.verifying.keys() - keys.keys()
        self.verifying, self.certain = keys, True
        self._read_at = self._clock.lease()
        if gone:  # what they signed was found good before, and is remembered
            self.forget()
