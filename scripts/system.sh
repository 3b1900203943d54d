#!/usr/bin/env bash
# Installs the programs of the system that some tests and benchmarks start, where apt and the right to use it are there.
set -euo pipefail

missing=()
for program in nginx chromium chromedriver curl redis-server; do
    command -v "$program" >/dev/null || missing+=("${program/chromedriver/chromium-driver}")
done
[ ${#missing[@]} = 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "system: installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "${missing[@]}" >/dev/null
else
    echo "system: without ${missing[*]} some tests are left out; the summary says which"
fi
