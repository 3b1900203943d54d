#!/usr/bin/env bash
# Installs the programs of the system that some tests and benchmarks start, where apt and the right to use it are there.
set -euo pipefail

missing=()
for program in nginx caddy chromium chromedriver curl redis-server pgbouncer; do
    command -v "$program" >/dev/null || missing+=("${program/chromedriver/chromium-driver}")
done
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || missing+=(postgresql)
[ ${#missing[@]} = 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "system: installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # Which Debian has from 13 on.
    if apt-cache show valkey-server >/dev/null 2>&1; then missing+=(valkey-server); fi
    if [[ " ${missing[*]} " == *" postgresql "* ]]; then
        # The tests start servers of their own; Debian's would make and start one more.
        apt-get install --yes --quiet --no-install-recommends postgresql-common >/dev/null
        sed -ri 's/^#?(create_main_cluster) .*$/\1 = false/' /etc/postgresql-common/createcluster.conf
    fi
    apt-get install --yes --quiet --no-install-recommends "${missing[@]}" >/dev/null
else
    echo "system: without ${missing[*]} some tests are left out; the summary says which"
fi
