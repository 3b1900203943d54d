"""The seed file: accounts at the first start, and nothing at the next."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from argon2 import PasswordHasher

from admit.authority import Authority
from admit.errors import ConfigError
from admit.server.seed import read, sow
from admit.unsafe import CHEAPEST_HASH
from commands import admit, free_port
from server.fleet import serving

PASSWORD = "a password of some length"


def seed(directory: Path) -> Path:
    (directory / "of-bob").write_text(f"{PASSWORD} of bob\n")
    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    path = directory / "seed.toml"
    path.write_text(f"""
[[accounts]]
email = "Ann@example.com"
roles = ["user", "admin"]
password_hash = "{hashed}"

[[accounts]]
email = "bob@example.com"
password_file = "{directory}/of-bob"

[[accounts]]
email = "cleo@example.com"
generate = true
""")
    return path


def test_every_account_of_it_can_sign_in_and_the_next_start_makes_none(tmp_path: Path) -> None:
    config = tmp_path / "admit.toml"
    config.write_text(f'seed_file = "{seed(tmp_path)}"\n')
    with serving(tmp_path, 2, "--config", str(config)) as fleet:
        [told] = re.findall(r"made cleo@example.com with the password (\S+) \(shown this once\)", fleet.log)
        passwords = {"ann": PASSWORD, "bob": f"{PASSWORD} of bob", "cleo": told}
        for name, password in passwords.items():
            body = {"email": f"{name}@example.com", "password": password}
            assert httpx.post(f"{fleet.base}/api/sign-in", json=body).status_code == 200, name
    listed = admit(tmp_path, "accounts", "list", "--json").json
    assert {row["email"]: row["roles"] for row in listed}["ann@example.com"] == ["admin", "user"]
    assert admit(tmp_path, "accounts", "disable", "bob@example.com").code == 0
    with serving(tmp_path, 2, "--config", str(config)) as fleet:
        assert "cleo@example.com with" not in fleet.log
    after = {row["email"]: row["active"] for row in admit(tmp_path, "accounts", "list", "--json").json}
    assert after == {"ann@example.com": True, "bob@example.com": False, "cleo@example.com": True}


async def test_two_that_sow_at_once_make_each_account_once(tmp_path: Path) -> None:
    path = seed(tmp_path)
    async with Authority("memory://", issuer="https://auth.example.com", hashing=CHEAPEST_HASH) as auth:
        await sow(auth, path)
        await sow(auth, path)
        assert len((await auth.accounts.find()).accounts) == 3


def test_the_file_that_the_page_shows_is_one(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "how-to" / "make-the-first-accounts.md"
    [text] = re.findall(r"```toml\n(\[\[accounts]].*?)```", page.read_text(), re.DOTALL)
    (tmp_path / "ann").write_text(PASSWORD)
    path = tmp_path / "seed.toml"
    path.write_text(text.replace("/etc/admit", str(tmp_path)))
    assert [seed.ways for seed in read(path)] == [["password_file"], ["generate"], ["password_hash"]]


def test_every_fault_of_it_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "seed.toml"
    path.write_text("""
clients = 1
[[accounts]]
email = "nobody"
roles = ["with space"]
password_hash = "$2b$12$abc"
generate = true
[[accounts]]
emial = "bob@example.com"
[[accounts]]
email = "cleo@example.com"
password_file = "nowhere"
[[accounts]]
email = "dan@example.com"
[[accounts]]
email = "eve@example.com"
password_file = "of-eve"
[[accounts]]
"\\u001b[2J" = 1
""")
    (tmp_path / "of-eve").write_bytes(b"\xff\xfe")
    said = admit(tmp_path, "serve", "--port", str(free_port()), ADMIT_SEED_FILE=str(path))
    assert said.code == 2
    for part in (
        "has clients; write [[accounts]] only",
        "account 1: password_hash is no PHC string of argon2id",
        "account 1 needs one of password_hash, password_file, generate",
        "account 2: Object",
        "account 3: nowhere cannot be read",
        "account 4 needs one of",
        "account 5: of-eve cannot be read",
        "account 6: Object",
    ):
        assert part in said.err, part
    assert said.err.count("seed_file: ") == 10
    # A terminal would obey it.
    assert "\x1b[2J" not in said.err
    assert not (tmp_path / "admit.db").exists()


@pytest.mark.parametrize("text", ["accounts = 5", "[accounts]\nemail = 'x'", "accounts = 'x'"])
def test_accounts_that_are_no_list_are_a_fault(tmp_path: Path, text: str) -> None:
    path = tmp_path / "seed.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="no list"):
        read(path)
