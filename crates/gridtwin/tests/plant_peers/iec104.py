"""c104 (lib60870) as the controlling station of the simulated plant: `iec104.py PORT MAP`, MAP a file of JSON with [name, object, kind] rows.

A line of JSON for each line of its input: `all` interrogates and tells every point; `double OBJECT 0|1` selects and executes, `plain OBJECT 0|1`
executes without a selection, `step OBJECT 0|1` goes down or up; `events` tells what came by itself since the last time: name, value, time.
"""

import datetime
import json
import math
import sys
import threading
import time

import c104

client = c104.Client(tick_rate_ms=50, command_timeout_ms=8000)
connection = client.add_connection(ip="127.0.0.1", port=int(sys.argv[1]), init=c104.Init.NONE)
station = connection.add_station(common_address=1)
T = c104.Type
TYPES = {"float": T.M_ME_NC_1, "single": T.M_SP_NA_1, "double": T.M_DP_NA_1, "step": T.M_ST_NA_1, "counter": T.M_IT_NA_1}
# With their time: what comes by itself.
STAMPED = (T.M_SP_TB_1, T.M_DP_TB_1)
with open(sys.argv[2]) as file:
    rows = json.load(file)
points = {name: station.add_point(number, TYPES[kind]) for name, number, kind in rows}
names = {number: name for name, number, _ in rows}
events = []
lock = threading.Lock()


def shown(value):
    if isinstance(value, c104.Double):
        return {"ON": 1.0, "OFF": 0.0}.get(value.name, 0.5)
    return float(value)


def on_unexpected(connection: c104.Connection, message: c104.IncomingMessage, cause: c104.Umc) -> None:
    # A point of c104 has one type, that of the interrogation; the same object with its time comes here, several in a telegram.
    if message.type not in STAMPED or message.cot != c104.Cot.SPONTANEOUS:
        return
    for k in range(message.number_of_objects):
        if k > 0:
            message.next()
        at = message.info.recorded_at
        with lock:
            events.append([names[message.io_address], shown(message.info.value), at.timestamp() if at is not None else None])


connection.on_unexpected_message(callable=on_unexpected)


def until(what, limit_s=10.0):
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


client.start()
# c104 notes the opening and the start in two threads; when they cross, it holds a started connection for a muted one until it is started again.
if not until(lambda: connection.state == c104.ConnectionState.OPEN, limit_s=3.0):
    connection.unmute()
assert until(lambda: connection.state == c104.ConnectionState.OPEN), f"no connection: {connection.state}"
commands = {}


def command(number, kind, mode=c104.CommandMode.DIRECT):
    key = (number, kind, mode)
    if key not in commands:
        if number in {n for n, _, _ in commands}:
            station.remove_point(number)
            commands.clear()
        commands[key] = station.add_point(number, kind, command_mode=mode)
    return commands[key]


for line in sys.stdin:
    asked = line.split()
    if asked[0] == "all":
        done = connection.interrogation(common_address=1) and connection.counter_interrogation(common_address=1)
        # The confirmation of the interrogation comes before its values.
        time.sleep(2.0)
        found = {}
        for name, point in points.items():
            x = shown(point.value)
            is_good = "Invalid" not in str(point.quality)
            found[name] = x if is_good and math.isfinite(x) and point.processed_at is not None else None
        print(json.dumps({"done": done, "values": found}), flush=True)
    elif asked[0] in ("double", "plain"):
        mode = c104.CommandMode.SELECT_AND_EXECUTE if asked[0] == "double" else c104.CommandMode.DIRECT
        point = command(int(asked[1]), T.C_DC_NA_1, mode)
        point.value = c104.Double.ON if asked[2] == "1" else c104.Double.OFF
        print(json.dumps({"done": point.transmit(cause=c104.Cot.ACTIVATION)}), flush=True)
    elif asked[0] == "step":
        point = command(int(asked[1]), T.C_RC_NA_1)
        point.value = c104.Step.HIGHER if asked[2] == "1" else c104.Step.LOWER
        print(json.dumps({"done": point.transmit(cause=c104.Cot.ACTIVATION)}), flush=True)
    elif asked[0] == "events":
        with lock:
            told, events[:] = list(events), []
        print(json.dumps(told), flush=True)
client.stop()
