#!/usr/bin/env bash
# Runs a command with the programs that speak to our telecontrol in its tests:
#
#     scripts/with-scada-peers.sh cargo test -p scada
#
# pymodbus, c104 and pyiec61850-ng (libiec61850; all PyPI), and aiosmtpd, which takes the mail of alarms, are put in a virtual environment
# (SCADA_TEST_VENV, else .venv/scada), whose Python is in GRIDTWIN_SCADA_PEERS.
# They are programs of their own beside ours: c104 and libiec61850 are under the GPL and no part of what ships. tshark, which takes captures apart, is
# installed with apt when it is missing. With GRIDTWIN_SCADA_PEERS set already, that Python is used.
set -euo pipefail

if [ $# -eq 0 ]; then
    echo "usage: scripts/with-scada-peers.sh COMMAND [ARGUMENT...]" >&2
    exit 2
fi

# Tests must not pass over the peers that were installed for them.
export GRIDTWIN_REQUIRE_SCADA_PEERS=1

if ! command -v tshark >/dev/null; then
    sudo=
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    export DEBIAN_FRONTEND=noninteractive
    $sudo apt-get install -y --no-install-recommends tshark >/dev/null || {
        $sudo apt-get update >/dev/null
        $sudo apt-get install -y --no-install-recommends tshark >/dev/null
    }
fi

if [ -z "${GRIDTWIN_SCADA_PEERS:-}" ]; then
    here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
    venv="${SCADA_TEST_VENV:-$here/.venv/scada}"
    if ! "$venv/bin/python" -c 'import pymodbus, c104, pyiec61850, aiosmtpd' 2>/dev/null; then
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet 'pymodbus>=3.11,<4' 'c104>=2.2,<3' 'pyiec61850-ng>=1.6,<2' 'aiosmtpd>=1.4.6,<2'
    fi
    GRIDTWIN_SCADA_PEERS="$(cd "$venv/bin" && pwd)/python"
    export GRIDTWIN_SCADA_PEERS
fi
exec "$@"
