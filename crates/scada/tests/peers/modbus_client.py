"""pymodbus as the client of a device of ours: reads every table, writes, asks for what is not there. Says what it saw as one line of JSON."""

import json
import sys

from pymodbus.client import ModbusTcpClient


def told(answer):
    if answer.isError():
        return {"exception": answer.exception_code}
    return answer.registers or [bool(b) for b in answer.bits]


client = ModbusTcpClient("127.0.0.1", port=int(sys.argv[1]))
assert client.connect()
unit = 3
seen = {
    "float": told(client.read_holding_registers(100, count=2, device_id=unit)),
    "block": told(client.read_holding_registers(100, count=4, device_id=unit)),
    "inputs": told(client.read_input_registers(0, count=1, device_id=unit)),
    "coils": told(client.read_coils(5, count=1, device_id=unit)),
    "discrete": told(client.read_discrete_inputs(8, count=2, device_id=unit)),
    "gap": told(client.read_holding_registers(104, count=3, device_id=unit)),
    "too_many": told(client.read_holding_registers(100, count=125, device_id=unit)),
    "invalid": told(client.read_input_registers(50, count=1, device_id=unit)),
    "wrong_unit": told(client.read_holding_registers(100, count=2, device_id=9)),
    "set": client.write_register(200, 42, device_id=unit).isError(),
    "set_seen": told(client.read_holding_registers(200, count=1, device_id=unit)),
    "set_too_high": told(client.write_register(200, 101, device_id=unit)),
    "set_read_only": told(client.write_register(102, 1, device_id=unit)),
    "set_half": told(client.write_register(202, 1, device_id=unit)),
    "set_whole": client.write_registers(202, [0x42F6, 0xE979], device_id=unit).isError(),
    "coil": client.write_coil(5, True, device_id=unit).isError(),
    "coil_seen": told(client.read_coils(5, count=1, device_id=unit)),
}
client.close()
print(json.dumps(seen))
