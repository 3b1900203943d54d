#!/usr/bin/env bash
# Prepares .bench from bench.lock with the Python given: the peers of the benchmarks, beside what we need ourselves.
# An environment of its own, because fastapi-users takes only older versions of email-validator than we do.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1

if [ ! .bench/.ready -nt bench.lock ]; then
    "$python" -m venv --clear .bench
    pip() { .bench/bin/python -m pip --disable-pip-version-check --no-input "$@"; }
    echo "bench: installing what bench.lock pins"
    pip install --quiet --require-hashes -r bench.lock
    pip install --quiet --no-deps --no-build-isolation --no-index --editable .
    touch .bench/.ready
fi
