#!/usr/bin/env bash
# Document 002: every example against a server, the same edits in OpenDSS, the time of a request, a hundred copies at once.
#
# usage: run.sh [GRIDTWIN] [PYTHON]
#
# Without arguments the release program is built, and dss-python is installed into a virtual environment of its own.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
binary=${1:-}
python=${2:-}
if [ -z "$binary" ]; then
    cargo build --release --manifest-path "$root/Cargo.toml" -p gridtwin
    binary=${CARGO_TARGET_DIR:-$root/target}/release/gridtwin
fi
if [ -z "$python" ]; then
    venv=${XDG_CACHE_HOME:-$HOME/.cache}/gridtwin/dss-venv
    [ -x "$venv/bin/python" ] || { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet dss-python==0.15.7; }
    python=$venv/bin/python
fi
data=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$data"' EXIT
"$binary" serve --data "$data" --port 5000 --no-auth >"$data/said" 2>/dev/null &
server=$!
for _ in $(seq 100); do curl -s -o /dev/null "http://localhost:5000/health" && break || sleep 0.1; done
"$here/examples.sh" http://localhost:5000
kill "$server"
"$python" "$here/compare.py" --binary "$binary" --model "$root/models/ieee123/ieee123.dss"
