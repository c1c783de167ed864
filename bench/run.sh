#!/usr/bin/env bash
# Builds the release binary, makes a Python environment with the other programs in it, and runs the benches one after another.
#
# usage: run.sh [solves|series|utility|newton|meters|server|hosting ...] [--write] [options of the one bench named]
#
# solves: opendss_compare.py; series: series_compare.py; utility: thousand_feeders.sh; newton: newton/newton_compare.py on the sample cases
# of GRIDTWIN_FORMATS (../shared/formats) and on the cases named; meters: meters/run.sh; server: server/load.py; hosting: hosting/run.sh. Without names all
# of them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
benches=()
while [ $# -gt 0 ]; do
    case "$1" in
        solves | series | utility | newton | meters | server | hosting) benches+=("$1"); shift ;;
        *) break ;;
    esac
done
[ ${#benches[@]} -gt 0 ] || benches=(solves series utility newton meters server hosting)
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
        newton)
            if ! "$venv/bin/python" -c 'import lightsim2grid, pandapower, numba' 2>/dev/null; then
                "$venv/bin/pip" install --quiet pandapower==3.5.6 lightsim2grid==1.2.0 numba
            fi
            options=() named=no
            for word in "$@"; do
                case "$word" in
                    --write) options+=(--write bench/results.md) ;;
                    *.raw) options+=("$word") named=yes ;;
                    *) options+=("$word") ;;
                esac
            done
            if [ "$named" = no ]; then
                formats="${GRIDTWIN_FORMATS:-../shared/formats}"
                for name in case24 IEEE_118_Bus Illinois200 WECC240 ACTIVSg2000 Polish_v33; do
                    file="$(find "$formats" -iname "*$name*.raw*" 2>/dev/null | sort | head -1)"
                    if [ -n "$file" ]; then options+=("$file"); named=yes; else echo "no sample of $name below $formats" >&2; fi
                done
            fi
            if [ "$named" = yes ]; then
                "$venv/bin/python" bench/newton/newton_compare.py --gridtwin "$bin" "${options[@]}" || status=1
            fi
            ;;
        server)
            "$venv/bin/python" -c 'import aiohttp' 2>/dev/null || "$venv/bin/pip" install --quiet aiohttp
            "$venv/bin/python" bench/server/load.py --binary "$bin" "$@" || status=1
            ;;
        meters) GRIDTWIN_BENCH_VENV="$venv" bench/meters/run.sh "$bin" || status=1 ;;
        hosting) bench/hosting/run.sh "$bin" "$venv/bin/python" || status=1 ;;
    esac
done
exit "$status"
