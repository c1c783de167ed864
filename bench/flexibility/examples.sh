#!/usr/bin/env bash
# Every example of document 002 as it stands there, against a server (default http://localhost:5000): address, status, what was done.
#
# usage: examples.sh [ADDRESS]
set -euo pipefail
at=${1:-http://localhost:5000}
failed=0
call() {
    local method=$1 path=$2
    shift 2
    local answer status
    answer=$(curl -sS -X "$method" -H "Content-Type: application/json" "$@" -w '\n%{http_code}' "$at$path")
    status=${answer##*$'\n'}
    printf '%-6s %-28s %s  %s\n' "$method" "$path" "$status" "$(python3 -c 'import json,sys; a=json.loads(sys.argv[1]); print(a.get("message") or a.get("title") or "%d buses, %.3f kW" % (len(a["buses"]), a["total_power_kw"]))' "${answer%$'\n'*}")"
    [ "$status" = 200 ] || failed=1
}
call POST /run_simulation
call GET /get_state
call POST /modify_load_neighbourhood -d '{"neighbourhood": 1, "factor": 0.8}'
call POST /modify_load_household -d '{"bus_name": "1", "load_name": "Load_1", "new_kw": 5.0, "new_kvar": 1.0}'
call POST /add_generator -d '{"bus_name": "1", "kv": 0.48, "kw": 50.0, "kvar": 10.0, "model": 1, "vmin_pu": 0.9, "vmax_pu": 1.1}'
call POST /add_device -d '{"bus_name": "1", "device_name": "EV_Charger_1", "kw": 7.2, "kvar": 1.4, "pf": 0.98}'
call POST /disconnect_device -d '{"bus_name": "1", "device_name": "EV_Charger_1"}'
call POST /register_dfp -d '{"name": "peak_shaving", "min_power_kw": 100.0, "target_pf": 0.95}'
call PUT /update_dfp -d '{"name": "peak_shaving", "min_power_kw": 120.0, "target_pf": 0.98}'
call POST /subscribe_dfp -d '{"bus_name": "1", "dfp_number": 1}'
call POST /execute_dfp -d '{"dfp_name": "peak_shaving"}'
call POST /unsubscribe_dfp -d '{"bus_name": "1", "dfp_number": 1}'
call DELETE /delete_dfp -d '{"name": "peak_shaving"}'
call POST /modify_load_household -d '{"bus_name": "1", "factor": 0.9}'
call POST /add_generator -d '{"bus_name": "1", "kw": 100, "phases": 3}'
call POST /add_device -d '{"bus_name": "1", "device_name": "EV_Charger_1", "kw": 7.5, "phases": 1}'
call POST /run_simulation
exit $failed
