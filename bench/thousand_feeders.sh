#!/usr/bin/env bash
# A synthetic utility through a year of 8760 hours with controls, once unbroken and once killed twice (kill -9) and resumed:
# time, peak memory, and whether both lakes hold the same.
#
# usage: thousand_feeders.sh [--gridtwin BINARY] [--feeders 1000] [--steps 8760] [--threads 2] [--seed 1] [--dir DIR] [--unbroken-only]
#
# DIR (default: a temporary folder, removed at the end) gets the models and both lakes. For 1,000 feeders of 8760 steps on two threads
# the bars are 6 minutes and 4 GB. Exit status 1 if a run fails, the lakes differ, or a bar is missed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bin="" feeders=1000 steps=8760 threads=2 seed=1 dir="" broken=yes
while [ $# -gt 0 ]; do
    case "$1" in
        --gridtwin) bin="$2"; shift 2 ;;
        --feeders) feeders="$2"; shift 2 ;;
        --steps) steps="$2"; shift 2 ;;
        --threads) threads="$2"; shift 2 ;;
        --seed) seed="$2"; shift 2 ;;
        --dir) dir="$2"; shift 2 ;;
        --unbroken-only) broken=no; shift ;;
        *) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
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
[ -e "$dir/utility" ] || "$bin" synth --feeders "$feeders" --seed "$seed" --threads "$threads" --out "$dir/utility"

failed=0
fail() { echo "FAILED $*"; failed=1; }

# Words of a run into the lake $1. What is kept: totals of each step and statistics of each element.
words() { echo "$dir/utility/feeders" --steps "$steps" --controls static --threads "$threads" --keep steps,statistics --out "$dir/$1"; }

# Feeders that the lake $1 has committed.
committed() { find "$dir/$1/runs/base/feeders" -name '*.json' 2>/dev/null | wc -l; }

# One checksum of everything that counts in the lake $1: tables and records, by path and content.
checksum() { (cd "$dir/$1" && find lake runs -type f \( -name '*.parquet' -o -name '*.json' \) -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) | sha256sum | cut -d' ' -f1; }

echo "Unbroken: $feeders feeders, $steps steps, $threads threads"
rm -rf "$dir/unbroken"
# shellcheck disable=SC2046
/usr/bin/time -o "$dir/time" -f '%e %M %U %S' "$bin" qsts $(words unbroken) 2>"$dir/unbroken.log" >"$dir/unbroken.out" || fail "the unbroken run: $(tail -n 3 "$dir/unbroken.log")"
# A failing command puts a line of words before the figures.
read -r wall_s peak_kb user_s system_s < <(tail -n 1 "$dir/time")
tail -n 12 "$dir/unbroken.out"
awk -v w="$wall_s" -v m="$peak_kb" -v u="$user_s" -v s="$system_s" -v n="$feeders" -v k="$steps" -v d="$(du -sm "$dir/unbroken" | cut -f1)" 'BEGIN {
    printf "%.1f s of wall time, %.1f s of processor time (%.2f processors), %.2f GB at most, lake of %d MB\n", w, u + s, (u + s) / w, m / 1e6, d
    printf "%.0f feeder-steps per second of wall time, %.0f per second of processor time\n", n * k / w, n * k / (u + s) }'
if [ "$(committed unbroken)" -ne "$feeders" ]; then fail "$(committed unbroken) feeders of $feeders were committed"; fi
if [ "$feeders" -ge 1000 ] && [ "$steps" -ge 8760 ]; then
    awk -v w="$wall_s" -v m="$peak_kb" 'BEGIN { exit !(w < 360 && m < 4e6) }' || fail "the bars of 360 s and 4 GB: $wall_s s, $peak_kb kB"
fi

if [ "$broken" = yes ]; then
    echo "Killed twice and resumed"
    rm -rf "$dir/broken"
    for part in 1 2; do
        resume=""
        [ "$part" = 1 ] || resume=--resume
        # shellcheck disable=SC2046
        "$bin" qsts $(words broken) $resume >/dev/null 2>&1 &
        pid=$!
        while kill -0 "$pid" 2>/dev/null && [ "$(committed broken)" -lt $((feeders * part / 3)) ]; do sleep 0.05; done
        kill -9 "$pid" 2>/dev/null || fail "the run ended before it could be killed"
        wait "$pid" 2>/dev/null || true
        echo "killed with $(committed broken) of $feeders feeders committed"
    done
    # shellcheck disable=SC2046
    "$bin" qsts $(words broken) --resume >"$dir/broken.out" 2>"$dir/broken.log" || fail "the resumed run: $(tail -n 3 "$dir/broken.log")"
    one="$(checksum unbroken)" two="$(checksum broken)"
    echo "checksum of the unbroken lake $one"
    echo "checksum of the resumed lake  $two"
    [ "$one" = "$two" ] || fail "the lakes differ"
    if "$bin" lake --help >/dev/null 2>&1; then
        for lake in unbroken broken; do "$bin" lake check "$dir/$lake" >"$dir/$lake.check" || fail "lake check of $lake: $(tail -n 3 "$dir/$lake.check")"; done
        diff <(grep -oE '[0-9a-f]{64}' "$dir/unbroken.check") <(grep -oE '[0-9a-f]{64}' "$dir/broken.check") >/dev/null || fail "lake check finds other content"
    fi
fi
[ "$failed" = 0 ] && echo "Every bar is met."
exit "$failed"
