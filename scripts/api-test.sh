#!/usr/bin/env bash
# Calls every route of a server with data that its OpenAPI document allows and with data that it does not; no answer may be a failure of the server, or one
# that the document does not have.
#
#     scripts/api-test.sh target/debug/gridtwin [EXAMPLES]
#
# Schemathesis comes from PyPI into a virtual environment (API_TEST_VENV, else .venv/api).
set -euo pipefail

binary="$(realpath "$1")"
examples="${2:-10}"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="${API_TEST_VENV:-$here/.venv/api}"
if [ ! -x "$venv/bin/schemathesis" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet 'schemathesis>=4,<5'
fi

work="$(mktemp -d)"
server=
end() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT

mkdir -p "$work/data/projects"
"$binary" project new "$work/data/projects/north" >/dev/null
"$binary" project import "$work/data/projects/north" "$here/models/ieee13/ieee13.dss" >/dev/null
# The same feeder again as a second source, and feeders with places and service transformers: something to be matched and mapped.
"$binary" project import "$work/data/projects/north" "$here/models/ieee13/ieee13.dss" --name study >/dev/null
"$binary" synth --feeders 1 --out "$work/synth" >/dev/null
"$binary" project import "$work/data/projects/north" "$work/synth/feeders/f0001/master.dss" >/dev/null
"$binary" project reconcile "$work/data/projects/north" --network ieee13 --with study >/dev/null
"$binary" project meters map "$work/data/projects/north" --network f0001 >/dev/null 2>&1
"$binary" serve --data "$work/data" --port 0 --no-auth --log error >"$work/said" 2>"$work/log" &
server=$!
for _ in $(seq 100); do
    url="$(sed -n 's/.* at \(http[^ ]*\)$/\1/p' "$work/said")"
    [ -n "$url" ] && curl -sf "$url/health" >/dev/null && break
    sleep 0.1
done
post() { curl -sf -X POST -H 'content-type: application/json' -d "$2" "$url$1"; }
post /api/jobs '{"kind":"solve_year","project":"north","params":{"study":"base","hours":24,"network":"ieee13"}}' >/dev/null
for _ in $(seq 300); do
    curl -sf "$url/api/projects/north/runs/base/summary" >/dev/null && break
    sleep 0.1
done
curl -sf "$url/api/projects/north/runs/base/summary" >/dev/null

# Real names, so that more than the refusal of unknown ones is seen; the names of the parameters are those of the routes.
cat >"$work/schemathesis.toml" <<'TOML'
[parameters]
"path.project" = "north"
"path.p" = "north"
"path.network" = "ieee13"
"path.n" = "ieee13"
"path.r" = "base"
"path.with" = "study"
TOML
# One worker: of several threads one may change Python's limit of recursion while another one parses, which ends Python 3.11 with "AST constructor
# recursion depth mismatch".
# The WebSocket is no call with an answer; removing the study would leave the other routes without one.
exec 3>&1
status=0
"$venv/bin/schemathesis" --config-file "$work/schemathesis.toml" run "$url/api/openapi.json" --no-color --workers 1 \
    --exclude-path /api/ws --exclude-path-regex '^/api/projects/\{p\}/runs/\{r\}$' --phases examples,coverage,fuzzing --max-examples "$examples" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
    --continue-on-failure --request-timeout 30 >"$work/report" 2>&1 || status=$?
# Without real names everything is tried again, removal included.
if [ "$status" = 0 ]; then
    "$venv/bin/schemathesis" run "$url/api/openapi.json" --no-color --workers 1 --exclude-path /api/ws --phases examples,coverage \
        --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
        --continue-on-failure --request-timeout 30 >>"$work/report" 2>&1 || status=$?
fi
if [ "$status" != 0 ]; then
    cat "$work/report"
    cat "$work/log"
else
    grep -E '^(Test cases|  [0-9]+ generated|=+ )' "$work/report" || true
fi
exit "$status"
