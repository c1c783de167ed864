#!/usr/bin/env bash
# A day of flexible demand is run and published; a client of another house (openleadr-client) takes its events, reports, and the measured
# performance comes of it.
#
# usage: run.sh [GRIDTWIN]
#
# Without an argument the release program is built; the client is built each time.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
binary=${1:-}
if [ -z "$binary" ]; then
    cargo build --release --manifest-path "$root/Cargo.toml" -p gridtwin
    binary=${CARGO_TARGET_DIR:-$root/target}/release/gridtwin
fi
client_target=${OPENADR_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/gridtwin/openadr}
CARGO_TARGET_DIR=$client_target cargo build --quiet --manifest-path "$here/Cargo.toml"
data=$(mktemp -d)
server=
trap 'kill "$server" 2>/dev/null || true; rm -rf "$data"' EXIT
# Users and their tokens; the password is made up anew and nobody needs it.
secret() {
    local password
    password=$(head -c 18 /dev/urandom | base64)
    printf '%s\n' "$password" | "$binary" user add "$1" --role "$2" --password-stdin --data "$data" >/dev/null
    "$binary" token add "$1" --name trial --role "$2" --data "$data" | grep -o 'gt_[A-Za-z0-9]*' | head -1
}
planner=$(secret planner engineer)
home=$(secret home ven)
stranger=$(secret stranger ven)
"$binary" serve --data "$data" --port 5001 >"$data/said" 2>&1 &
server=$!
at=http://localhost:5001
for _ in $(seq 200); do curl -s -o /dev/null "$at/health" && break || sleep 0.1; done
ask() {
    local method=$1 path=$2 body=${3:-}
    curl -sS --fail-with-body -X "$method" -H "Authorization: Bearer $planner" -H 'Content-Type: application/json' ${body:+-d "$body"} "$at$path"
}
ask POST /api/desks/default/day/sample '{"devices": 80, "bus": "610", "target": "transformer.xfm1"}' >/dev/null
ask POST /api/desks/default/day/run '{}' >/dev/null
ask POST /api/desks/default/day/publish '{"starts": "2026-07-16T00:00:00-07:00"}'
echo
"$client_target/debug/openadr-trial" "$at/openadr3/3.1.0" planner "$planner" home "$home" stranger "$stranger"
ask GET /api/desks/default/day/measured | python3 -c '
import json, sys
m = json.load(sys.stdin)
asked = sum(p["asked_kwh"] for p in m["participants"])
print("%d reports, %d readings, %d left out; %d participants, asked %.3f kWh" % (m["reports"], m["readings"], m["left_out"], len(m["participants"]), asked))
for e in m["events"]:
    print("event %s: metered %.3f kWh, measured %s kWh, incentives %.2f" % (e["name"], e["metered_kwh"], e["measured_kwh"], e["incentives"]))
sys.exit(0 if m["reports"] and not m["left_out"] else 1)
'
