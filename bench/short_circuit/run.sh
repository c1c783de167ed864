#!/usr/bin/env bash
# Short circuits: GridTwin against pandapower on the IEC/TR 60909-4 network and on random radial and meshed ones.
#
# usage: run.sh [SHORT_CIRCUIT_EXAMPLE] [PYTHON]
#
# Without arguments the example is built, and pandapower is installed into a virtual environment of its own.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
binary=${1:-}
python=${2:-}
if [ -z "$binary" ]; then
    cargo build --manifest-path "$root/Cargo.toml" -p studies --example short_circuit
    binary=${CARGO_TARGET_DIR:-$root/target}/debug/examples/short_circuit
fi
if [ -z "$python" ]; then
    venv=${XDG_CACHE_HOME:-$HOME/.cache}/gridtwin/pandapower-venv
    [ -x "$venv/bin/python" ] || { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet "pandapower==3.5.6" numba; }
    python=$venv/bin/python
fi
"$python" "$here/compare.py" --binary "$binary" --networks 60 --seed 1
