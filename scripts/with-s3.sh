#!/usr/bin/env bash
# Runs a command beside a throw-away S3-compatible server, with a bucket in it whose place is in GRIDTWIN_TEST_S3 and the keys in the environment:
#
#     scripts/with-s3.sh cargo test -p gridtwin --features gridtwin/cluster --test cluster
#
# The server is moto, from PyPI, in a virtual environment (S3_TEST_VENV, else .venv/s3). It listens on the loopback, keeps everything in memory, and is
# gone when the command ends. With GRIDTWIN_TEST_S3 set already, that place is used, with the keys that are set beside it.
set -euo pipefail

if [ $# -eq 0 ]; then
    echo "usage: scripts/with-s3.sh COMMAND [ARGUMENT...]" >&2
    exit 2
fi

# Tests must not pass over the storage that was started for them.
export GRIDTWIN_REQUIRE_S3=1
if [ -n "${GRIDTWIN_TEST_S3:-}" ]; then
    exec "$@"
fi

here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="${S3_TEST_VENV:-$here/.venv/s3}"
if [ ! -x "$venv/bin/moto_server" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet 'moto[s3,server]>=5,<6'
fi

server=
log="$(mktemp)"
end() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
    rm -f "$log"
}
trap end EXIT

port="$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
"$venv/bin/moto_server" -H 127.0.0.1 -p "$port" >"$log" 2>&1 &
server=$!
url="http://127.0.0.1:$port"
for _ in $(seq 150); do
    curl --silent --fail --output /dev/null "$url/moto-api/" && break
    kill -0 "$server" 2>/dev/null || { cat "$log" >&2; exit 1; }
    sleep 0.2
done
curl --silent --fail --output /dev/null -X PUT "$url/gridtwin-test" || { echo "the bucket cannot be made" >&2; cat "$log" >&2; exit 1; }

export GRIDTWIN_TEST_S3=s3://gridtwin-test
export AWS_ENDPOINT_URL="$url" AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
"$@"
