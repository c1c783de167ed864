#!/usr/bin/env bash
# Runs a command with the path of a Chromium browser in CHROMIUM:
#
#     scripts/with-chromium.sh node web/e2e/run.mjs --binary target/debug/gridtwin
#
# Chromium comes from Debian's packages when there is none, which takes root or sudo. Where it cannot be had, nothing is run and the exit status is 1.
set -euo pipefail

if [ $# -eq 0 ]; then
    echo "usage: scripts/with-chromium.sh COMMAND [ARGUMENT...]" >&2
    exit 2
fi

find_chromium() {
    local name
    if [ -n "${CHROMIUM:-}" ]; then
        echo "$CHROMIUM"
        return
    fi
    for name in chromium chromium-browser google-chrome; do
        if command -v "$name"; then
            return
        fi
    done
}

path="$(find_chromium || true)"
if [ -z "$path" ]; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo -n)
    if ! { "${as_root[@]}" apt-get update -qq && DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq chromium fonts-dejavu-core; } >&2; then
        printf '\n*** NOT TESTED IN A BROWSER: install chromium, or name one in CHROMIUM.\n\n' >&2
        exit 1
    fi
    path="$(find_chromium)"
fi
export CHROMIUM="$path"
exec "$@"
