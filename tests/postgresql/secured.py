"""A PostgreSQL as it stands elsewhere: it has a certificate, and lets nobody in without a password."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from admit.lab.browser.certificate import self_signed
from postgres import Engine, postgres, user


@dataclass(frozen=True)
class Secured:
    """A server whose ``certificate`` is for ``localhost``."""

    engine: Engine
    certificate: Path


@contextmanager
def secured(role: str) -> Iterator[Secured]:
    """A server that wants the password of ``role``."""
    with postgres() as engine:
        certificate, key = self_signed(engine.folder, "localhost")
        for path in (certificate, key):
            path.chmod(0o600)
            if (owner := user()) is not None:
                shutil.chown(path, owner, owner)
        rules = engine.folder / "data" / "pg_hba.conf"
        rules.write_text(f"host all {role} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")
        engine.set(ssl_cert_file=str(certificate), ssl_key_file=str(key), ssl="on")
        yield Secured(engine, certificate)
