#!/usr/bin/env bash
# One stacked scenario over a synthetic utility for a year: "High EV (level 2, 30 %) + High Solar (20 %) + 2023 heat wave + new TOU",
# models/larkmoor/scenario.yaml, with wall time and peak memory; and the base case beside it.
#
# usage: scenario_stack.sh [--gridtwin BINARY] [--feeders 1000] [--steps 8760] [--threads 2] [--dir DIR]
#
# DIR (default: a temporary folder, removed at the end) gets the utility and the lake with the studies `base` and `stacked`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bin="" feeders=1000 steps=8760 threads=2 dir=""
while [ $# -gt 0 ]; do
    case "$1" in
        --gridtwin) bin="$2"; shift 2 ;;
        --feeders) feeders="$2"; shift 2 ;;
        --steps) steps="$2"; shift 2 ;;
        --threads) threads="$2"; shift 2 ;;
        --dir) dir="$2"; shift 2 ;;
        *) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
    esac
done
if [ -z "$bin" ]; then
    cargo build --release -p gridtwin
    bin="$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/release/gridtwin"
fi
if [ -z "$dir" ]; then
    dir="$(mktemp -d)"
    trap 'rm -rf "$dir"' EXIT
fi
mkdir -p "$dir"
# The scenario's weather is that of seed 1.
[ -e "$dir/utility" ] || "$bin" synth --feeders "$feeders" --seed 1 --threads "$threads" --out "$dir/utility" >/dev/null
run() { "$bin" qsts "$dir/utility/feeders" --steps "$steps" --controls static --threads "$threads" --keep statistics --out "$dir/lake" "$@"; }
echo "Base case: $feeders feeders, $steps steps, $threads threads"
run --study base 2>"$dir/base.log" || { tail -n 3 "$dir/base.log"; exit 1; }
echo "Stacked: models/larkmoor/scenario.yaml"
run --study stacked --scenario models/larkmoor/scenario.yaml 2>"$dir/stacked.log" || { tail -n 3 "$dir/stacked.log"; exit 1; }
