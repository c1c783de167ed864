#!/usr/bin/env bash
# How much faster two workers are than one, each with a processor of its own, on the same feeders; 1 when it is less than 1.7 times.
#
#     bench/cluster.sh target/release/gridtwin [FEEDERS] [STEPS]
#
# Scheduler, client and workers share the machine, so it takes an otherwise quiet one of two processors or more. The lakes of both runs are compared.
set -euo pipefail

binary="$(realpath "${1:?name the program, built with the feature cluster}")"
feeders="${2:-60}"
steps="${3:-8760}"
limit=1.7

command -v taskset >/dev/null || { echo "taskset is missing (package util-linux)" >&2; exit 2; }
[ "$(nproc)" -ge 2 ] || { echo "two processors are needed" >&2; exit 2; }

work="$(mktemp -d)"
pids=()
end() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT

"$binary" synth --feeders "$feeders" --seed 1 --out "$work/utility" >/dev/null
"$binary" cluster scheduler --port 0 2>"$work/scheduler" &
pids+=($!)
for _ in $(seq 100); do
    url="$(sed -n 's/.* listens on \(.*\)$/df:\/\/\1/p' "$work/scheduler")"
    [ -n "$url" ] && break
    sleep 0.1
done
[ -n "$url" ] || { cat "$work/scheduler" >&2; exit 1; }

worker() {
    taskset -c "$1" "$binary" cluster worker --scheduler "$url" --slots 1 2>"$work/worker-$1" &
    pids+=($!)
    for _ in $(seq 300); do
        grep -q "takes 1 feeder" "$work/worker-$1" && break
        sleep 0.1
    done
    # Until the scheduler knows it.
    sleep 3
}

run() {
    local begun ended
    begun="$(date +%s.%N)"
    "$binary" qsts "$work/utility/feeders" --steps "$steps" --out "$work/$1" --cluster "$url" >/dev/null
    ended="$(date +%s.%N)"
    echo "$begun $ended" | awk '{ printf "%.2f", $2 - $1 }'
}

worker 0
one="$(run one)"
worker 1
two="$(run two)"
"$binary" lake check "$work/one" >"$work/sums-one"
"$binary" lake check "$work/two" >"$work/sums-two"
cmp "$work/sums-one" "$work/sums-two"
echo "$one $two $limit $feeders $steps" | awk '{
    ratio = $1 / $2
    printf "%d feeders of %d steps: one worker %.2f s, two workers %.2f s, %.2f times as fast (at least %.1f asked)\n", $4, $5, $1, $2, ratio, $3
    exit ratio < $3
}'
