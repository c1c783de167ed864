"""pymodbus as a client of the simulated plant: `modbus.py PORT MAP`, MAP a file of JSON with [name, table, offset, kind] rows.

A line of JSON for each line of its input: `all` reads every point, `coil OFFSET 0|1` and `register OFFSET N` write one.
"""

import json
import math
import struct
import sys

from pymodbus.client import ModbusTcpClient

client = ModbusTcpClient("127.0.0.1", port=int(sys.argv[1]), timeout=5)
assert client.connect()
with open(sys.argv[2]) as file:
    rows = json.load(file)
SIZES = {"float32": 2, "uint32": 2, "int16": 1, "bool": 1}
READS = {
    "input": (client.read_input_registers, 120),
    "holding": (client.read_holding_registers, 120),
    "coil": (client.read_coils, 1000),
    "discrete": (client.read_discrete_inputs, 1000),
}


def words(table):
    """All words of a table, in as few requests as its gaps allow."""
    wanted = sorted((offset, offset + SIZES[kind]) for _, t, offset, kind in rows if t == table)
    read, most = READS[table]
    found = {}
    start = end = None
    for first, last in wanted + [(1 << 20, 1 << 20)]:
        if start is not None and (first != end or last - start > most):
            answer = read(start, count=end - start, device_id=1)
            if answer.isError():
                raise SystemExit(f"{table} {start} to {end}: {answer}")
            values = answer.registers or answer.bits
            found.update((start + i, values[i]) for i in range(end - start))
            start = first
        elif start is None:
            start = first
        end = last
    return found


def value(table, offset, kind, found):
    if kind == "bool":
        return 1.0 if found[offset] else 0.0
    if kind == "int16":
        return float(struct.unpack(">h", struct.pack(">H", found[offset]))[0])
    both = struct.pack(">HH", found[offset], found[offset + 1])
    x = struct.unpack(">f" if kind == "float32" else ">I", both)[0]
    return None if isinstance(x, float) and math.isnan(x) else float(x)


for line in sys.stdin:
    asked = line.split()
    if asked[0] == "all":
        tables = {t: words(t) for t in {row[1] for row in rows}}
        print(json.dumps({name: value(t, offset, kind, tables[t]) for name, t, offset, kind in rows}), flush=True)
    elif asked[0] == "coil":
        answer = client.write_coil(int(asked[1]), asked[2] == "1", device_id=1)
        print(json.dumps({"exception": answer.exception_code if answer.isError() else None}), flush=True)
    elif asked[0] == "register":
        answer = client.write_register(int(asked[1]), int(asked[2]), device_id=1)
        print(json.dumps({"exception": answer.exception_code if answer.isError() else None}), flush=True)
