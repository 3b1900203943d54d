"""Files that are there as a whole or not at all, readable by their owner alone."""

from __future__ import annotations

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

OWNER_ONLY = 0o600

_FOLDER = 0o700
_FOLDER_ABOVE = 0o755


def folder(path: Path) -> None:
    """Have a folder at ``path``, closed to others if it is made now. Raises OSError."""
    # Nobody else may write into those above either: he would put a folder of his own in the place of ours.
    # mkdir(parents=True) leaves that to the umask, which is 0 in many a container and under some daemons.
    for above in reversed([above for above in path.parents if not above.exists()]):
        above.mkdir(mode=_FOLDER_ABOVE, exist_ok=True)
    path.mkdir(mode=_FOLDER, exist_ok=True)


@contextmanager
def writing(path: Path) -> Generator[BinaryIO]:
    """A file that is at ``path`` as soon as the block has come to its end. Raises FileExistsError if one is there.

    It is written and synced under another name and then linked into place, so that nobody ever reads half
    of it, and a power failure leaves all of it or nothing. Raises OSError.
    """
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def make(path: Path, content: bytes) -> None:
    """Have a file with ``content`` at ``path``, unless there is one. Of many who try at once, one wins. Raises OSError."""
    if path.exists():
        return
    with suppress(FileExistsError), writing(path) as file:
        file.write(content)
