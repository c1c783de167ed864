"""libiec61850 as a listener of the plant's GOOSE: `goose.py INTERFACE`. A line for every message: state, sequence, whether it is valid, values."""

import os
import sys

import pyiec61850.pyiec61850 as iec


def shown(value):
    kind = iec.MmsValue_getType(value)
    if kind == iec.MMS_BOOLEAN:
        return "1" if iec.MmsValue_getBoolean(value) else "0"
    if kind == iec.MMS_BIT_STRING:
        return "b" + "".join(str(int(iec.MmsValue_getBitStringBit(value, i))) for i in range(iec.MmsValue_getBitStringSize(value)))
    return f"kind{kind}"


class Listener(iec.GooseHandler):
    def __init__(self):
        iec.GooseHandler.__init__(self)

    def trigger(self):
        subscriber = self._libiec61850_goose_subscriber
        values = iec.GooseSubscriber_getDataSetValues(subscriber)
        print(
            "message",
            iec.GooseSubscriber_getStNum(subscriber),
            iec.GooseSubscriber_getSqNum(subscriber),
            int(iec.GooseSubscriber_isValid(subscriber)),
            *[shown(iec.MmsValue_getElement(values, i)) for i in range(iec.MmsValue_getArraySize(values))],
            flush=True,
        )


receiver = iec.GooseReceiver_create()
iec.GooseReceiver_setInterfaceId(receiver, sys.argv[1])
subscriber = iec.GooseSubscriber_create("PLANTPROT/LLN0$GO$gcbTrips", None)
iec.GooseSubscriber_setAppId(subscriber, 0x0001)
handler = Listener()
python = iec.GooseSubscriberForPython()
python.setLibiec61850GooseSubscriber(subscriber)
python.setEventHandler(handler)
python.subscribe()
iec.GooseReceiver_addSubscriber(receiver, subscriber)
iec.GooseReceiver_start(receiver)
print("ready" if iec.GooseReceiver_isRunning(receiver) else "cannot listen", flush=True)
sys.stdin.readline()
sys.stdout.flush()
os._exit(0)
