#!/usr/bin/env bash
# Prepares .venv from requirements.lock with the Python given; every file is checked against its hash.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-}

die() { printf 'setup: %s\n' "$@" >&2; exit 1; }

[ -n "$python" ] || die "There is no python3 here. Install Python 3.11 or newer, or say which: make PYTHON=/path/to/python"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "$python is $("$python" --version 2>&1); Admit needs 3.11 or newer. Say which one: make PYTHON=/path/to/python"

# An interrupted set-up, or a Python that was removed since, leaves a .venv that cannot run.
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    echo "setup: making .venv with $("$python" --version)"
    rm -rf .venv
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
        [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
            die "$python has no venv. Install it, as root: apt-get install $package"
        echo "setup: installing $package"
        apt-get update && apt-get install --yes --no-install-recommends "$package"
    fi
    "$python" -m venv .venv
fi

pip() { .venv/bin/python -m pip --disable-pip-version-check --no-input "$@"; }

echo "setup: installing what requirements.lock pins"
while sleep 10 >/dev/null 2>&1; do echo "setup: still installing"; done &
trap "kill $!" EXIT
pip install --quiet --require-hashes -r requirements.lock
pip install --quiet --no-deps --no-build-isolation --no-index --editable .
# What tests inject into a browser: no part of the product, so without npm they are left out and the summary says so.
if command -v npm >/dev/null && ! npm ci --silent --no-audit --no-fund --prefix tests/browser; then
    [ -z "${CI:-}" ] || die "npm could not install what tests/browser/package-lock.json pins"
    echo "setup: npm could not install axe-core; the tests that use it are left out"
fi
touch .venv/.ready
echo "setup: .venv is ready"
