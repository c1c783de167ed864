#!/usr/bin/env bash
# Routing learnt by REINFORCE against the proven optimum: twenty seeds of 8 nodes, three of 100 nodes, a policy by chance beside each, with times.
#
# usage: run.sh [GRIDTWIN]
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
binary=${1:-}
if [ -z "$binary" ]; then
    cargo build --release --manifest-path "$root/Cargo.toml" -p gridtwin
    binary=${CARGO_TARGET_DIR:-$root/target}/release/gridtwin
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
shown() {
    python3 - "$1" "$2" <<'PY'
import json, sys
runs, most = json.load(open(sys.argv[1])), float(sys.argv[2])
gaps, failed = [], 0
for run in runs:
    learnt = run["learned"]
    gap = learnt["greedy"]["gap_pct"]
    gaps.append(gap)
    failed += gap is None or gap > most
    by_chance = learnt.get("random") or {}
    chance = by_chance.get("mean_gap_pct")
    chance = ", by chance nothing admissible" if chance is None else ", by chance %.0f %% above on average" % chance
    print("  seed %s: %s, learnt %.3f %% above%s" % (run.get("seed", "?"), run["optimum"]["proof"], gap, chance))
print("  %d of %d within %g %%, farthest %.3f %%" % (len(runs) - failed, len(runs), most, max(gaps)))
sys.exit(1 if failed else 0)
PY
}
echo "8 nodes, 2 generators, 1000 episodes, 20 seeds"
time "$binary" operations --nodes 8 --generators 2 --seeds 20 --json >"$folder/8.json"
shown "$folder/8.json" 2
echo "100 nodes, 6 generators, 3 seeds"
time "$binary" operations --nodes 100 --generators 6 --seeds 3 --json >"$folder/100.json"
shown "$folder/100.json" 5
