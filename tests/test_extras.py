"""Whoever installed less than he uses reads which line brings the rest, and no traceback."""

from __future__ import annotations

import subprocess
import sys

# As in an environment that has the core dependencies alone.
BARE = """
import asyncio, sys
for name in ("asyncpg", "redis", "email_validator", "fastapi", "typer"):
    sys.modules[name] = None
from admit import Authority
from admit.errors import ConfigError

def said(act):
    try:
        act()
    except (ConfigError, ImportError) as error:
        print(type(error).__name__, str(error).removeprefix("- "))

def authority(store):
    return Authority(store, issuer="https://app.example.com")

def mounted():
    from admit.web import application

said(lambda: authority("postgresql://localhost/app"))
said(lambda: authority("redis+cluster://localhost"))
said(lambda: asyncio.run(authority("memory://").accounts.create("ann@example.com")))
said(mounted)
"""


def test_the_extra_that_is_missing_is_named() -> None:
    ran = subprocess.run([sys.executable, "-c", BARE], capture_output=True, text=True, check=True, timeout=60)
    missing = "what is not installed ({}). Write: pip install 'admit[{}]'"
    assert ran.stdout.splitlines() == [
        f"ConfigError A store at postgresql:// needs {missing.format('asyncpg', 'postgres')}",
        f"ConfigError A store at redis+cluster:// needs {missing.format('redis', 'redis')}",
        f"ConfigError Accounts need {missing.format('email_validator', 'accounts')}",
        f"ModuleNotFoundError admit.web.application needs {missing.format('fastapi', 'server')}",
    ]


def test_the_command_that_the_core_alone_installs_says_what_it_needs() -> None:
    code = "import sys; sys.modules['typer'] = None; from admit.server.__main__ import main; main()"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    needs = "The command line needs what is not installed (typer). Write: pip install 'admit[server]'\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (2, "", needs)


def test_a_module_of_ours_that_is_gone_is_no_extra() -> None:
    code = "import sys; sys.modules['admit.server.audit'] = None; from admit.server.__main__ import main; main()"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert "pip install" not in ran.stderr
    assert "admit.server.audit" in ran.stderr
