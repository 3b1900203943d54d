"""The running server does what its OpenAPI description says, asked with all that it allows, and with what it does not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from commands import admit, environment
from counts import SCALE, SCALES, times
from doors import ANN
from server.fleet import serving

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "positive_data_acceptance",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
)
# Of those that schemathesis has: object_level_authorization needs a second person with sessions of his own, and
# tests/web/ asks for those by name; max_response_time would measure the tests that run beside this one.

# A description can say what an address looks like, and not which of those that look so can be used; nor which password
# is too common. So what is well-formed may be refused as a value, but never as a form (400, 413, 415).
WELL_FORMED = ["2xx", "3xx", 401, 403, 404, 409, 422, 429]

# What any request may be refused with before a route sees it; the description says “default”, which would allow all.
BEFORE_A_ROUTE = ("400", "413", "415", "421", "431")

# What is ill-formed is refused as such, or for something else that is wrong with it: it may also be too long.
ILL_FORMED = [400, 401, 403, 404, 405, 409, 415, 422, 429, 431]

# The same requests in each `make check`; with the large counts, those of the seed that the summary names.
DICE = os.environ["ADMIT_TEST_SEED"] if SCALES[SCALE] == "all" else "1"

CONFIGURATION = f"""
[auth.dynamic.openapi.bearer]
path = "/api/tokens"
payload = {{ email = "{ANN["email"]}", password = "{ANN["password"]}" }}
extract_selector = "/access_token"

[checks.positive_data_acceptance]
expected-statuses = {json.dumps(WELL_FORMED)}

[checks.negative_data_rejection]
expected-statuses = {json.dumps(ILL_FORMED)}
"""


def test_every_answer_is_one_that_the_description_names(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    # What is tried here is no guessing, and being slowed down would try nothing.
    limits = [f'throttle_{kind} = ["1000000/60"]\n' for kind in ("account", "device", "source", "sign_up")]
    (tmp_path / "settings.toml").write_text("session_limit = 1000\n" + "".join(limits))
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    with serving(tmp_path, 2, "--config", "settings.toml") as fleet:
        assert httpx.post(f"{fleet.base}/api/sign-up", json=ANN).status_code == 201
        description = admit(tmp_path, "openapi", "--config", "settings.toml", "--issuer", fleet.base).json
        for operation in [operation for by in description["paths"].values() for operation in by.values()]:
            told = operation["responses"]
            told |= dict.fromkeys(BEFORE_A_ROUTE, told.pop("default"))
        (tmp_path / "openapi.json").write_text(json.dumps(description))
        asked = [
            *("run", "openapi.json", "--url", fleet.base, "--checks", ",".join(CHECKS), "--seed", DICE),
            *("--max-examples", str(times("requests to each route")), "--no-color"),
        ]
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", *asked],
            cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=280, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in fleet.log
    made = re.findall(r"[0-9]+ generated, [0-9]+ passed", done.stdout)
    assert made, done.stdout
    record_property("note", f"schemathesis, seed {DICE}: {made[0]}; {', '.join(CHECKS)}")
