#!/bin/sh
# Imports a synthetic year of 1,000 meters (35 million rows) and adds it up to transformers and feeders; DuckDB does the same beside it.
#
#   bench/meters/run.sh [GRIDTWIN] [METERS]
#
# Clocks are CPU time (user and system) on one thread. Files go to a temporary folder, 1.4 GB, and are removed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=${1:-$here/../../target/release/gridtwin}
meters=${2:-1000}
venv=${GRIDTWIN_BENCH_VENV:-$here/../../.venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import duckdb' 2>/dev/null || "$venv/bin/pip" install -q duckdb
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rustc -O --edition 2024 -o "$work/make_year" "$here/make_year.rs"
"$work/make_year" "$meters" 365 map 1 >"$work/map.csv"
for order in meter time; do
    "$work/make_year" "$meters" 365 "$order" 1 >"$work/year.csv"
    ls -l "$work/year.csv" | awk -v o="$order" '{ printf "sorted by %s: %.2f GB\n", o, $5 / 1e9 }'
    mkdir -p "$work/duck"
    "$venv/bin/python" "$here/duckdb_sums.py" "$work/year.csv" "$work/map.csv" "$work/duck"
    "$venv/bin/python" "$here/timed.py" "$program" meters import "$work/year.csv" --map "$work/map.csv" --zone UTC --no-estimate --out "$work/lake" --json
    rm -rf "$work/lake" "$work/duck"
done
