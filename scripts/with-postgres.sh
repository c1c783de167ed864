#!/usr/bin/env bash
# Runs a command beside a throw-away PostgreSQL server, whose address is in GRIDTWIN_TEST_POSTGRES:
#
#     scripts/with-postgres.sh cargo test --workspace
#
# The server lives in a temporary folder, listens on a socket in it and on no port, and is gone when the command ends. PostgreSQL and PostGIS come from
# Debian's packages when they are missing, which takes root or sudo. Where they cannot be had, nothing is run and the exit status is 1.
# With GRIDTWIN_TEST_POSTGRES set already, that server is used.
set -euo pipefail

if [ $# -eq 0 ]; then
    echo "usage: scripts/with-postgres.sh COMMAND [ARGUMENT...]" >&2
    exit 2
fi

# Tests must not pass over the database that was started for them.
export GRIDTWIN_REQUIRE_POSTGRES=1
if [ -n "${GRIDTWIN_TEST_POSTGRES:-}" ]; then
    exec "$@"
fi

fail() {
    printf '\n*** NOT TESTED WITH POSTGRESQL: %s\n*** Install postgresql and postgis, or set GRIDTWIN_TEST_POSTGRES to the address of a server whose user may create databases.\n\n' "$1" >&2
    exit 1
}

# The newest server that is installed.
find_server() {
    local dir
    for dir in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -Vr) "$(pg_config --bindir 2>/dev/null || true)" /usr/local/bin; do
        if [ -n "$dir" ] && [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then
            bin=$(dirname "$(readlink -f "$dir/initdb")")
            return 0
        fi
    done
    return 1
}

has_postgis() {
    ls "$("$bin/pg_config" --sharedir)/extension/postgis.control" >/dev/null 2>&1 \
        || ls /usr/share/postgresql/*/extension/postgis.control >/dev/null 2>&1
}

install() {
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null || fail "$* is missing, and installing it takes root or sudo"
        root=(sudo -n)
    fi
    command -v apt-get >/dev/null || fail "$* is missing, and there is no apt-get to install it with"
    echo "installing $*" >&2
    export DEBIAN_FRONTEND=noninteractive
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >/dev/null 2>&1 && return 0
    "${root[@]}" apt-get update >/dev/null 2>&1 || true
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >&2 || fail "$* cannot be installed"
}

find_server || { install postgresql && find_server; } || fail "there is no PostgreSQL server"
if ! has_postgis; then
    major=$("$bin/postgres" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/')
    install "postgresql-$major-postgis-3"
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/gridtwin-pg.XXXXXX")
# The server refuses to run as root.
as=()
if [ "$(id -u)" -eq 0 ]; then
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$folder"
    as=(setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups)
fi
chmod 755 "$folder"

stop() {
    status=$?
    trap - EXIT INT TERM
    "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$folder"
    exit "$status"
}
trap stop EXIT INT TERM

cd "$folder"
"${as[@]}" env HOME="$folder" "$bin/initdb" -D "$folder/data" -U gridtwin -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$folder/initdb.log" 2>&1 \
    || { cat "$folder/initdb.log" >&2; fail "a cluster cannot be made"; }
# The cluster lives for minutes: nothing has to survive a power cut.
"${as[@]}" env HOME="$folder" "$bin/pg_ctl" -D "$folder/data" -l "$folder/data/log" -w -t 60 \
    -o "-c listen_addresses='' -c unix_socket_directories='$folder' -c fsync=off -c max_connections=100" start >/dev/null 2>&1 \
    || { cat "$folder/data/log" >&2 2>/dev/null || true; fail "the server does not start"; }
cd "$OLDPWD"

export GRIDTWIN_TEST_POSTGRES="postgres:///postgres?host=$folder&user=gridtwin"
"$@"
