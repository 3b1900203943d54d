"""Settings: where they come from, and that everything wrong is said at once, in words that say what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from admit.core.throttle import Limit
from admit.errors import ConfigError
from admit.server.load import load
from admit.server.settings import Settings

DEEP = "[" * 20_000 + "]" * 20_000
EVERYTHING_WRONG = """
issuer = "http://auth.example.com"
stor = "sqlite:///x.db"
session_idle = 10
session_absolute = 5
token_life = 99999
token_grace = "soon"
hash_memory = "much"
password_min_length = 3
trusted_origins = ["https://app.example.com/path", "*"]
secret_file = ["nowhere", "elsewhere"]
on_lost_history = "panic"
"""


@pytest.fixture(autouse=True)
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def config(text: str) -> Path:
    path = Path("settings.toml")
    path.write_text(text)
    return path


def faults_of(path: Path | None = None, **given: object) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(path, **given)
    return list(raised.value.faults)


def test_everything_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIT_STORE", "mysql://root:hunter2@db")
    monkeypatch.setenv("ADMIT_SCOPES", "{")
    monkeypatch.setenv("ADMIT_PORT", "many")
    monkeypatch.setenv("ADMIT_ISUER", "https://auth.example.com")
    faults = "\n".join(faults_of(config(EVERYTHING_WRONG)))
    for part in (
        "ADMIT_ISUER, which is no setting. Write ADMIT_ISSUER",
        "stor, which is no setting. Write store",
        "issuer: ",
        "store: ",
        "port: ",
        "scopes: ADMIT_SCOPES is not JSON",
        "session_absolute: ",
        "token_life: ",
        "token_grace: ",
        "password_min_length: ",
        "hash_memory: ",
        "trusted_origins: 'https://app.example.com/path' is more",
        "trusted_origins: '*' is not",
        "secret_file: nowhere cannot be read",
        "secret_file: elsewhere cannot be read",
        "on_lost_history: ",
    ):
        assert f"\n{part}" in f"\n{faults}" or f" {part}" in faults, part
    assert len(faults.splitlines()) == 16
    assert "hunter2" not in faults


def test_an_issuer_that_nobody_wrote_is_not_at_fault_for_a_port() -> None:
    [fault] = faults_of(config("port = 65536"))
    assert fault.startswith("port: ")


def test_a_hash_that_is_too_weak_is_told_beside_passes_that_are_no_number() -> None:
    faults = faults_of(None, hash_memory=8, hash_passes="many", audience=" ")
    assert [fault.partition(":")[0] for fault in faults] == ["audience", "hash_memory", "hash_passes"]


def test_without_any_the_server_is_for_this_machine() -> None:
    settings = load()
    assert (settings.issuer, settings.listens_on) == ("http://127.0.0.1:8000", ("127.0.0.1", 8000))
    assert load(port=8123).issuer == "http://127.0.0.1:8123"
    assert load(host="::1").issuer == "http://[::1]:8000"


def test_any_port_needs_an_issuer_that_names_the_one_others_use() -> None:
    for given in ({"port": 0}, {"port": 0, "issuer": "http://127.0.0.1:0"}):
        [fault] = faults_of(None, **given)
        assert fault.startswith("issuer: Nobody can reach port 0")
    assert load(port=0, issuer="https://auth.example.com").listens_on == ("127.0.0.1", 0)


def test_what_is_given_comes_before_the_environment_and_that_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    path = config('issuer = "https://file.example.com"\naudience = "file"\nsession_idle = 60\n[scopes]\nuser = "a b"\n')
    monkeypatch.setenv("ADMIT_ISSUER", "https://environment.example.com")
    monkeypatch.setenv("ADMIT_AUDIENCE", "environment")
    monkeypatch.setenv("ADMIT_TRUSTED_ORIGINS", "https://a.example.com https://b.example.com")
    settings = load(path, audience="given", store=None)
    assert settings.issuer == "https://environment.example.com"
    assert settings.audience == "given"
    assert settings.session_idle == 60
    assert settings.scopes == {"user": "a b"}
    assert settings.trusted_origins == ("https://a.example.com", "https://b.example.com")
    monkeypatch.setenv("ADMIT_SCOPES", '{"user": "c"}')
    assert load(path).scopes["user"] == "c"


def test_a_file_in_the_working_directory_is_read_without_being_named() -> None:
    Path("admit.toml").write_text('issuer = "https://auth.example.com/auth"\n')
    settings = load()
    assert (settings.path, settings.listens_on) == ("/auth", ("127.0.0.1", 8000))


@pytest.mark.parametrize("text", ["=", 'issuer = "x', "\xff", f"x = {DEEP}"], ids=["sign", "open", "bytes", "deep"])
def test_a_file_that_is_not_toml_is_said_to_be_none(text: str) -> None:
    Path("settings.toml").write_bytes(text.encode("latin-1"))
    assert "is not TOML" in faults_of(Path("settings.toml"))[0]


def test_a_value_that_is_nested_too_deeply_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("seed.toml").write_text(f"accounts = {DEEP}")
    assert faults_of(seed_file="seed.toml") == ["seed_file: seed.toml is not TOML: it is nested too deeply."]
    monkeypatch.setenv("ADMIT_SCOPES", DEEP)
    assert faults_of() == ["scopes: It is nested too deeply."]


def test_a_file_that_is_not_there_is_said_to_be_missing() -> None:
    assert faults_of(Path("nowhere.toml")) == [
        "The configuration nowhere.toml cannot be read: No such file or directory."
    ]


@pytest.mark.parametrize(
    "name", [name for name in Settings.model_fields if name.startswith(("session", "token", "hash"))]
)
@pytest.mark.parametrize("value", ["nan", "inf", "-1", "", "1e400", "x"])
def test_no_number_that_is_none_gets_through(name: str, value: str) -> None:
    assert any(name in fault for fault in faults_of(None, **{name: value}))


def test_secrets_are_read_from_files_and_the_first_encrypts(tmp_path: Path) -> None:
    old, new, short = tmp_path / "old", tmp_path / "new", tmp_path / "short"
    old.write_bytes(bytes(range(32)))
    new.write_bytes(bytes(range(32, 64)))
    short.write_bytes(b"short")
    assert load(secret_file=f"{new} {old}").authority().issuer == "http://127.0.0.1:8000"
    assert faults_of(secret_file=str(short))[0].startswith("secret_file: ")


def test_what_is_configured_reaches_the_authority() -> None:
    auth = load(
        issuer="https://auth.example.com", store="memory://", trusted_origins="https://a.example.com"
    ).authority()
    assert auth.issuer == "https://auth.example.com"
    assert auth.trusted_origins == {"https://a.example.com"}


def test_every_setting_says_what_to_write() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_names_of_the_test_suite_are_nobodys_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIT_VECTORS", "somewhere")
    monkeypatch.setenv("ADMIT_TEST_SCALE", "all")
    assert load().store == "sqlite:///admit.db"


def test_every_wrong_limit_list_and_proxy_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"short")
    faults = faults_of(
        throttle_account="5/60 often",
        throttle_source="20/60 10/3600",
        throttle_device="",
        trusted_proxies="10.0.0.1/8 nginx 0.0.0.0/0",
        proxy_header="x-client-ip",
        session_limit=0,
        pepper_file=str(tmp_path / "short"),
        breached_passwords=str(tmp_path / "short"),
        sign_up="perhaps",
    )
    for part in (
        "throttle_account: 'often' is not a limit; write tries and seconds, such as 5/60",
        "throttle_source: source must grow",
        "throttle_device: device needs at least one limit",
        "trusted_proxies: '10.0.0.1/8' is not",
        "trusted_proxies: 'nginx' is not",
        "trusted_proxies: '0.0.0.0/0' holds strangers",
        "proxy_header: ",
        "session_limit: ",
        "pepper_file: Pepper 1 has 5 bytes",
        "breached_passwords: ",
        "sign_up: ",
    ):
        assert any(fault.startswith(part) for fault in faults), part
    assert len(faults) == 11


def test_limits_proxies_and_lists_reach_the_authority(tmp_path: Path) -> None:
    pepper, breached = tmp_path / "pepper", tmp_path / "breached"
    pepper.write_bytes(bytes(range(32)))
    breached.write_text("0" * 40 + ":3\n")
    auth = load(
        store="memory://",
        throttle_account="3/60 9/3600",
        trusted_proxies="127.0.0.1 ::1",
        proxy_header="forwarded",
        session_limit=7,
        pepper_file=str(pepper),
        breached_passwords=str(breached),
        password_words="shortener",
        sign_up="closed",
    ).authority()
    assert auth.sign_up == "closed"
    assert auth.throttle._policy is not None
    assert auth.throttle._policy.account == (Limit(3, 60.0), Limit(9, 3_600.0))
    assert auth.throttle._proxies.header == "forwarded"
    assert auth.accounts.policy.words[0] == "shortener"
    assert auth.accounts.policy.known is not None
    assert auth.accounts.policy.known("passwordpassword")
    assert auth.sessions._policy.max_sessions == 7
