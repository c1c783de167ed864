"""c104 (lib60870) as a station. The port is the first argument; each line of input is one thing to do, answered by a line of JSON."""

import json
import sys

import c104

server = c104.Server(ip="127.0.0.1", port=int(sys.argv[1]), tick_rate_ms=50)
station = server.add_station(common_address=1)
T = c104.Type
single = station.add_point(1, T.M_SP_NA_1)
double = station.add_point(2, T.M_DP_NA_1)
step = station.add_point(3, T.M_ST_NA_1)
bits = station.add_point(4, T.M_BO_NA_1)
normalised = station.add_point(5, T.M_ME_NA_1)
scaled = station.add_point(6, T.M_ME_NB_1)
short = station.add_point(7, T.M_ME_NC_1)
timed = station.add_point(9, T.M_SP_TB_1)
mistyped = station.add_point(10, T.M_ME_NC_1)
stray = station.add_point(77, T.M_ME_NC_1)
single.value = True
double.value = c104.Double.ON
step.value = c104.Int7(-5)
bits.value = c104.Byte32(0xDEADBEEF)
normalised.value = c104.NormalizedFloat(-0.5)
scaled.info = c104.ScaledInfo(actual=c104.Int16(-1234), quality=c104.Quality.Substituted | c104.Quality.NonTopical)
short.value = 49.98
mistyped.value = 1.0
stray.value = 2.0

breaker = station.add_point(102, T.C_DC_NA_1, command_mode=c104.CommandMode.SELECT_AND_EXECUTE)
refuser = station.add_point(103, T.C_SC_NA_1)
setpoint = station.add_point(107, T.C_SE_NC_1)
got = []


def on_breaker(point: c104.Point, previous_info: c104.Information, message: c104.IncomingMessage) -> c104.ResponseState:
    if not message.is_select_command:
        got.append(["breaker", point.value.name])
        double.value = point.value
        double.transmit(cause=c104.Cot.RETURN_INFO_REMOTE)
    return c104.ResponseState.SUCCESS


def on_refuser(point: c104.Point, previous_info: c104.Information, message: c104.IncomingMessage) -> c104.ResponseState:
    return c104.ResponseState.FAILURE


def on_setpoint(point: c104.Point, previous_info: c104.Information, message: c104.IncomingMessage) -> c104.ResponseState:
    got.append(["setpoint", point.value])
    short.value = point.value
    return c104.ResponseState.SUCCESS


breaker.on_receive(callable=on_breaker)
refuser.on_receive(callable=on_refuser)
setpoint.on_receive(callable=on_setpoint)
server.start()
print(json.dumps({"ready": True}))
for line in sys.stdin:
    match line.strip():
        case "change":
            short.value = 51.25
            short.transmit(cause=c104.Cot.SPONTANEOUS)
            timed.value = True
            timed.transmit(cause=c104.Cot.SPONTANEOUS)
            print(json.dumps({"done": True}))
        case "got":
            print(json.dumps(got))
