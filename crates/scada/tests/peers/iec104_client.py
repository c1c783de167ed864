"""c104 (lib60870) as the controlling station of a station of ours. Lines of JSON say what it saw; a line on its input lets it go on."""

import datetime
import json
import sys
import time

import c104

client = c104.Client(tick_rate_ms=50, command_timeout_ms=5000)
connection = client.add_connection(ip="127.0.0.1", port=int(sys.argv[1]), init=c104.Init.NONE)
station = connection.add_station(common_address=1)
T = c104.Type
points = {
    "single": station.add_point(1, T.M_SP_NA_1),
    "double": station.add_point(2, T.M_DP_NA_1),
    "step": station.add_point(3, T.M_ST_NA_1),
    "bits": station.add_point(4, T.M_BO_NA_1),
    "normalised": station.add_point(5, T.M_ME_NA_1),
    "scaled": station.add_point(6, T.M_ME_NB_1),
    "float": station.add_point(7, T.M_ME_NC_1),
    "counter": station.add_point(8, T.M_IT_NA_1),
}
event = station.add_point(20, T.M_ME_TF_1)
commands = {
    "single": station.add_point(101, T.C_SC_NA_1),
    "double": station.add_point(102, T.C_DC_NA_1, command_mode=c104.CommandMode.SELECT_AND_EXECUTE),
    "unselected": station.add_point(103, T.C_DC_NA_1),
    "step": station.add_point(104, T.C_RC_NA_1),
    "float": station.add_point(107, T.C_SE_NC_1),
    "nowhere": station.add_point(999, T.C_SC_NA_1),
}

unexpected = []


def on_unexpected(connection: c104.Connection, message: c104.IncomingMessage, cause: c104.Umc) -> None:
    unexpected.append(f"{message.type} {message.io_address} {cause}")


connection.on_unexpected_message(callable=on_unexpected)


def until(what, limit_s=10.0):
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def value(point):
    v = point.value
    if isinstance(v, (bool, float, int)):
        return v
    if isinstance(v, c104.Double):
        return v.name
    if isinstance(v, c104.Byte32):
        return int.from_bytes(bytes(v), "little")
    try:
        return float(v)
    except (TypeError, ValueError):
        return str(v)


client.start()
# Not when the connection is there, but when it is started. c104 notes the opening and the start in two threads; when they cross, it holds a
# started connection for a muted one until it is started again.
if not until(lambda: connection.state == c104.ConnectionState.OPEN, limit_s=3.0):
    connection.unmute()
assert until(lambda: connection.state == c104.ConnectionState.OPEN), f"no connection: {connection.state}"
seen = {
    "interrogation": connection.interrogation(common_address=1),
    "group": connection.interrogation(common_address=1, qualifier=c104.Qoi.GROUP_1),
    "counters": connection.counter_interrogation(common_address=1),
    "clock": connection.clock_sync(common_address=1),
    "test": connection.test(common_address=1),
    "values": {k: value(p) for k, p in points.items()},
    "qualities": {k: str(p.quality) for k, p in points.items()},
    "moving": points["step"].info.transient if hasattr(points["step"].info, "transient") else None,
}
print(json.dumps(seen))
sys.stdin.readline()
spontaneous = {"came": until(lambda: event.value is not None and abs(event.value - 42.5) < 1e-6)}
if event.recorded_at is not None:
    spontaneous["age_s"] = abs((datetime.datetime.now(datetime.timezone.utc) - event.recorded_at.astimezone(datetime.timezone.utc)).total_seconds())
print(json.dumps(spontaneous))
sys.stdin.readline()
commands["single"].value = True
commands["double"].value = c104.Double.ON
commands["unselected"].value = c104.Double.ON
commands["step"].value = c104.Step.HIGHER
commands["float"].value = 17.25
commands["nowhere"].value = True
outcome = {k: c.transmit(cause=c104.Cot.ACTIVATION) for k, c in commands.items()}
commands["float"].value = 1000.0
outcome["float_too_high"] = commands["float"].transmit(cause=c104.Cot.ACTIVATION)
outcome["read"] = points["float"].read()
# The library answers a read before its thread has put the value in place.
until(lambda: value(points["float"]) == 17.25)
outcome["float_read"] = value(points["float"])
outcome["unexpected"] = unexpected
print(json.dumps(outcome))
sys.stdin.readline()
client.stop()
