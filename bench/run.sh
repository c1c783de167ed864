#!/usr/bin/env bash
# Builds the release binary, makes a Python environment with OpenDSS in it, and compares the two. Arguments go to
# opendss_compare.py (see there), for example: bench/run.sh --write
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv="${GRIDTWIN_BENCH_VENV:-.venv}"
if ! "$venv/bin/python" -c 'import dss' 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet dss-python==0.15.7 dss-python-backend==0.14.5 numpy
fi
cargo build --release -p gridtwin
target="$(cargo metadata --format-version 1 --no-deps | "$venv/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')"
exec "$venv/bin/python" bench/opendss_compare.py --gridtwin "$target/release/gridtwin" "$@"
