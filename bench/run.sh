#!/usr/bin/env bash
# Builds the release binary, makes a Python environment with the other programs in it, and runs the benches one after another.
#
# usage: run.sh [solves|series|utility ...] [--write] [options of the one bench named]
#
# solves: opendss_compare.py; series: series_compare.py; utility: thousand_feeders.sh. Without names all three.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
benches=()
while [ $# -gt 0 ]; do
    case "$1" in
        solves | series | utility) benches+=("$1"); shift ;;
        *) break ;;
    esac
done
[ ${#benches[@]} -gt 0 ] || benches=(solves series utility)
venv="${GRIDTWIN_BENCH_VENV:-.venv}"
if ! "$venv/bin/python" -c 'import dss, power_grid_model' 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet dss-python==0.15.7 dss-python-backend==0.14.5 numpy power-grid-model
fi
cargo build --release -p gridtwin
target="$(cargo metadata --format-version 1 --no-deps | "$venv/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')"
bin="$target/release/gridtwin"
status=0
for bench in "${benches[@]}"; do
    case "$bench" in
        solves) "$venv/bin/python" bench/opendss_compare.py --gridtwin "$bin" "$@" || status=1 ;;
        series) "$venv/bin/python" bench/series_compare.py --gridtwin "$bin" "$@" || status=1 ;;
        utility)
            write=no options=()
            for word in "$@"; do if [ "$word" = --write ]; then write=yes; else options+=("$word"); fi; done
            log="$(mktemp)"
            bench/thousand_feeders.sh --gridtwin "$bin" ${options[@]+"${options[@]}"} | tee "$log" || status=1
            if [ "$write" = yes ]; then "$venv/bin/python" bench/series_compare.py --keep-text "A thousand feeder-years" "$log"; fi
            rm -f "$log"
            ;;
    esac
done
exit "$status"
