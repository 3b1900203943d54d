"""Every repeat count of the suite: small for `make check`, large for `make check-all`."""

from __future__ import annotations

import os

SCALES = ("check", "all")
SCALE = SCALES.index(os.environ.get("ADMIT_TEST_SCALE", "check"))

# name: (make check, make check-all). A name that no test asks for is an error: tests/test_project.py.
COUNTS: dict[str, tuple[int, int]] = {
    "examples": (100, 2_000),  # hypothesis: examples of each property
    "steps": (30, 100),  # hypothesis: steps of each state machine
    "overtakings": (2, 30),  # a password changed while another process signs in with it
    "spends": (3, 50),  # races of twenty for one refresh token, ticket or address, on each ground
    "beginnings": (2, 20),  # ten authorities that begin one store at once
    "endings": (2, 30),  # races of what ends everything with what is being made, on each ground
    "revocations over a server": (40, 1_000),  # by two processes, while two others verify, within the bound
    "revocations": (200, 1_000),  # by two processes, while two others verify without pause
    "kills": (16, 100),  # of a server in the middle of its writes
    "kills on a server": (4, 50),  # the same, over a database that goes on
    "lives of a database server": (2, 30),  # killed while others commit
    "sign-ins": (1_000, 5_000),  # whose secrets are counted letter by letter
    "sign-ins of each kind": (20, 200),  # timed at a running server, in each of up to three runs
    "lives of a writer": (5, 100),  # a process that commits, killed at a random moment
    "guards behind which an event is measured": (2, 8),  # in turns, so that each is behind several events
    "requests to each route": (10, 150),  # made up from the OpenAPI description, beside the edges of each field
    "numbers counted by each process": (50, 1_000),  # two processes add to one counter
    "views of each page": (2, 4),  # each width once and each theme once, or each with each
    "ticks of the bound in a model": (1, 2),  # every state of the log over a network; one more is thrice as many
    "worlds of the stamp": (1, 3),  # of its model: a verifier alone takes 20 s less than two, and refutes every mutant
    "rounds of restarts": (1, 5),  # of each server of a fleet, while people go on
    "rounds of chaos at 0.3 s": (4, 100),  # of faults to all parts between a revocation and those it has to reach
    "rounds of chaos on PostgreSQL": (2, 30),  # the same, of faults to the database
    "rounds of chaos on Redis": (1, 30),  # to a primary, its replicas and their Sentinel
    "rounds of chaos at 1 s": (1, 20),
    "rounds of chaos at 2 s": (1, 10),
}


def times(name: str) -> int:
    """How often to do what ``name`` stands for, at the scale of this run."""
    return COUNTS[name][SCALE]
