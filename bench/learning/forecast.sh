#!/usr/bin/env bash
# N-BEATS beside seasonal naive forecasts and exponential smoothing on measured demand; exponential smoothing beside statsmodels.
#
# usage: forecast.sh [WORK]
#
# Demand of England and Wales comes from Debian's r-cran-forecast (GPL-3), load profiles from PyPI's simbench (Open Database License); both are fetched by name into
# WORK (a temporary folder where none is named) and stay out of the repository. Needs apt-get, python3 and cargo. Exit status 1 where N-BEATS is not the best.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=${1:-}
if [ -z "$work" ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work"
venv=${GRIDTWIN_BENCH_VENV:-$here/../../.venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import statsmodels' 2>/dev/null || "$venv/bin/pip" install --quiet statsmodels==0.14.5
cd "$here/../.."
cargo build --release -p learning --example forecast_backtest
target=$(cargo metadata --format-version 1 --no-deps --offline | "$venv/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
program=$target/release/examples/forecast_backtest

echo "== exponential smoothing, statsmodels"
"$venv/bin/python" "$here/ets_statsmodels.py"

# N-BEATS must have the least mean error of all models told.
best() {
    awk '/^mean of/ { m = $NF; name = $0; sub(/.*series: */, "", name); sub(/ *MASE.*/, "", name); if (least == "" || m < least) { least = m; who = name } }
        END { print "least MASE: " who; exit who != "n-beats" }' "$1"
}
status=0
echo "== demand of England and Wales"
[ -f "$work/taylor.csv" ] || "$venv/bin/python" "$here/taylor.py" "$work/taylor.csv"
time "$program" "$work/taylor.csv" --first-origin 1344 --stride 1 --ets-refit 168 | tee "$work/taylor.txt"
best "$work/taylor.txt" || status=1
echo "== load profiles of SimBench"
[ -f "$work/simbench.csv" ] || "$venv/bin/python" "$here/simbench_loads.py" "$work/simbench.csv" lv_semiurb4 mv_rural mv_urban hv_mixed1 H0-A
time "$program" "$work/simbench.csv" --first-origin 4368 --stride 25 --every 5 --epochs 40 --members 3 --ets-refit 100000 --ets-day 0 --repeat 168 --lookback 192 |
    tee "$work/simbench.txt"
best "$work/simbench.txt" || status=1
echo "== the same in the paper's form: windows of 168 hours, nothing repeated"
"$program" "$work/simbench.csv" --first-origin 4368 --stride 25 --every 7 --epochs 40 --members 2 --ets-refit 100000 --ets-day 0
exit $status
