"""pymodbus as a device. Its registers are those that the test's document maps; the port is the first argument."""

import asyncio
import json
import struct
import sys

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice


def words(form, value, order="ABCD"):
    """The registers of a value."""
    octets = struct.pack(">" + form, value)
    parts = [octets[i : i + 2] for i in range(0, len(octets), 2)]
    if order in ("CDAB", "DCBA"):
        parts.reverse()
    if order in ("BADC", "DCBA"):
        parts = [p[::-1] for p in parts]
    return [int.from_bytes(p, "big") for p in parts]


async def main():
    holding = (
        words("f", 123.456)
        + words("f", -1.5, "CDAB")
        + words("i", -70000, "BADC")
        + words("I", 3000000000, "DCBA")
        + words("h", -250)
        + words("d", 0.1)
        + words("h", 2305)
        + words("h", -1)
        + [0b1010]
        + [0]
    )
    device = SimDevice(
        3,
        simdata=(
            [SimData(0, values=[False, True, False, False], datatype=DataType.BITS)],
            [SimData(0, values=[False, True, True, False], datatype=DataType.BITS)],
            [SimData(100, values=holding, datatype=DataType.REGISTERS)],
            [SimData(7, values=[65535], datatype=DataType.REGISTERS)],
        ),
    )
    server = ModbusTcpServer(device, address=("127.0.0.1", int(sys.argv[1])))
    await server.listen()
    print(json.dumps({"ready": True}))
    await asyncio.Event().wait()


asyncio.run(main())
