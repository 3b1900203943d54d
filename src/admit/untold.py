"""What a change of an account does to its subject; where the two have stores of their own, it is marked until it is done.

The account changes first and says in the same commit what is untold. Then the subject changes, and remembers what
it was told; then the mark goes. Nothing is acknowledged before, and whoever meets a mark does what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from admit.core.audit import Act, Entry
from admit.core.secret import written
from admit.core.world import Chance
from admit.subjects import Subject

Event = Literal["created", "changed", "reset", "deleted"]
"""What happened to an account; a password was changed by its owner, or reset by somebody else."""

_ACTS: Mapping[Event, Act] = {
    "created": Act.ACCOUNT_CREATED,
    "changed": Act.PASSWORD_CHANGED,
    "reset": Act.PASSWORD_RESET,
    "deleted": Act.ACCOUNT_DELETED,
}


class Untold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the subject has to learn. ``id`` tells it from all others, and is empty where one commit changes both.

    ``entry`` is what the audit log says of it: whoever does what is left writes down who began it.
    """

    event: Event
    id: str = ""
    roles: tuple[str, ...] = ()
    entry: Entry | None = None

    @property
    def act(self) -> Act:
        """What the audit log calls it."""
        return _ACTS[self.event]

    def marked(self, chance: Chance) -> Untold:
        """The same, to be told from all others."""
        return msgspec.structs.replace(self, id=written(chance(8)))

    def told(self, subject: Subject) -> Subject:
        """The subject that has learnt of it."""
        match self.event:
            case "created":
                after = msgspec.structs.replace(subject, roles=self.roles)
            case "changed":
                after = subject.proof_changed()
            case "reset":
                after = subject.proof_reset()
            case "deleted":
                after = msgspec.structs.replace(subject.proof_reset(), active=False, roles=())
        return msgspec.structs.replace(after, told=self.id)

    def is_told(self, subject: Subject) -> bool:
        """Whether the subject has learnt of it, and of nothing since."""
        return subject.told == self.id != ""
