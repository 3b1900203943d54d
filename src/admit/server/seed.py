"""The seed file: accounts that a server makes at its start, where there are none of their address."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import typer

from admit.authority import Authority
from admit.core.email import canonical
from admit.core.faults import Faults
from admit.core.password import effort
from admit.errors import AdmitError, BadInput, ConfigError
from admit.server.judged import toml
from admit.subjects import checked_roles
from admit.trail import acting

_GENERATED_BYTES = 18
_WAYS = ("password_hash", "password_file", "generate")


class Seed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account as the file has it, with one of three ways to its password."""

    email: str
    roles: tuple[str, ...] = ("user",)
    password_hash: str | None = None
    password_file: str | None = None
    generate: bool = False

    @property
    def ways(self) -> list[str]:
        """What says where the password comes from."""
        return [way for way in _WAYS if getattr(self, way)]


def read(path: Path) -> list[Seed]:
    """What is in the file at ``path``. Raises ConfigError with every fault in it."""
    written = toml(path, str(path))
    faults = Faults()
    if strange := sorted(written.keys() - {"accounts"}):
        faults.found.append(f"{path} has {', '.join(strange)}; write [[accounts]] only.")
    if not isinstance(written.get("accounts", []), list):
        raise ConfigError([*faults.found, f"{path} has accounts that are no list; write [[accounts]] above each."])
    rows = written.get("accounts", [])
    seeds = [faults.of(_seed, path, number, row) for number, row in enumerate(rows, 1)]
    faults.report()
    return seeds


def new_password() -> str:
    """A password that nobody has to remember: 144 bits, 24 characters."""
    return secrets.token_urlsafe(_GENERATED_BYTES)


async def sow(auth: Authority, path: Path) -> None:
    """Make every account of the file that is not there; one that is stays as it has become."""
    for seed in read(path):
        if await auth.accounts.by_email(seed.email) is not None:
            continue
        password = new_password() if seed.generate else _kept(seed.password_file)
        try:
            with acting(operator=f"seed file {path}"):
                await auth.accounts.create(seed.email, password, phc=seed.password_hash, roles=seed.roles)
        except BadInput as error:
            if error.code == "email_taken":  # another process was faster
                continue
            raise ConfigError([f"{path}, {seed.email}: {error.public}"]) from error
        if seed.generate:
            typer.echo(f"made {seed.email} with the password {password} (shown this once)")


def _kept(path: str | None) -> str | None:
    return None if path is None else Path(path).read_text().removesuffix("\n")


def _is_text(path: Path) -> bool:
    try:
        return path.is_file() and bool(path.read_text())
    except (OSError, ValueError):
        return False


def _seed(path: Path, number: int, row: Any) -> Seed:
    where = f"{path}, account {number}"
    try:
        seed = msgspec.convert(row, Seed)
    except msgspec.ValidationError as error:
        raise ConfigError([f"{where}: {error}."]) from None
    faults: list[str] = []
    judges: list[Callable[[], object]] = [
        lambda: canonical(seed.email),
        lambda: checked_roles(seed.roles),
        lambda: seed.password_hash and effort(seed.password_hash),
    ]
    for judge in judges:
        try:
            judge()
        except BadInput as error:
            faults.append(f"{where}: {error.public}")
        except AdmitError:
            faults.append(f"{where}: password_hash is no PHC string of argon2id.")
    if len(seed.ways) != 1:
        faults.append(f"{where} needs one of {', '.join(_WAYS)}.")
    if seed.password_file is not None and not _is_text(Path(seed.password_file)):
        faults.append(f"{where}: {seed.password_file} cannot be read.")
    if faults:
        raise ConfigError(faults)
    return seed
