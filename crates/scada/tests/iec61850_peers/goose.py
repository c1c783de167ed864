"""GOOSE made with libiec61850, for tests: `goose.py publish INTERFACE` or `goose.py listen INTERFACE [BLOCK APPID]`.

The publisher sends a state for every line of standard input (`1 12.5`: contact and number), each three times. The listener prints a line for
every message: state, sequence, whether it is valid, revision, values.
"""

import os
import sys
import threading
import time

import pyiec61850.pyiec61850 as iec

BLOCK = "PEERLD0/LLN0$GO$gcb"
SET = "PEERLD0/LLN0$Events"


def publish(interface):
    parameters = iec.CommParameters()
    parameters.appId = 0x1000
    parameters.vlanId = 5
    parameters.vlanPriority = 4
    iec.CommParameters_setDstAddress(parameters, 0x01, 0x0C, 0xCD, 0x01, 0x00, 0x01)
    publisher = iec.GoosePublisher_create(parameters, interface)
    iec.GoosePublisher_setGoCbRef(publisher, BLOCK)
    iec.GoosePublisher_setGoID(publisher, "peer")
    iec.GoosePublisher_setDataSetRef(publisher, SET)
    iec.GoosePublisher_setConfRev(publisher, 2)
    iec.GoosePublisher_setTimeAllowedToLive(publisher, 500)
    print("ready", flush=True)
    for line in sys.stdin:
        words = line.split()
        if not words or words[0] == "quit":
            break
        values = iec.LinkedList_create()
        iec.LinkedList_add(values, iec.MmsValue_newBoolean(words[0] == "1"))
        iec.LinkedList_add(values, iec.MmsValue_newFloat(float(words[1])))
        iec.GoosePublisher_increaseStNum(publisher)
        for _ in range(3):
            iec.GoosePublisher_publish(publisher, values)
            time.sleep(0.02)
        print("sent", line.strip(), flush=True)
    sys.stdout.flush()
    os._exit(0)


class Listener(iec.GooseHandler):
    def __init__(self):
        iec.GooseHandler.__init__(self)

    def trigger(self):
        subscriber = self._libiec61850_goose_subscriber
        values = iec.GooseSubscriber_getDataSetValues(subscriber)
        shown = []
        for i in range(iec.MmsValue_getArraySize(values)):
            value = iec.MmsValue_getElement(values, i)
            kind = iec.MmsValue_getType(value)
            if kind == iec.MMS_BOOLEAN:
                shown.append("true" if iec.MmsValue_getBoolean(value) else "false")
            elif kind == iec.MMS_FLOAT:
                shown.append(f"{iec.MmsValue_toFloat(value):g}")
            elif kind == iec.MMS_BIT_STRING:
                bits = range(iec.MmsValue_getBitStringSize(value))
                shown.append("b" + "".join(str(int(iec.MmsValue_getBitStringBit(value, k))) for k in bits))
            else:
                shown.append(f"kind{kind}")
        print(
            "message",
            iec.GooseSubscriber_getStNum(subscriber),
            iec.GooseSubscriber_getSqNum(subscriber),
            int(iec.GooseSubscriber_isValid(subscriber)),
            iec.GooseSubscriber_getConfRev(subscriber),
            *shown,
            flush=True,
        )


def listen(interface, block=BLOCK, app_id="0x1000"):
    receiver = iec.GooseReceiver_create()
    iec.GooseReceiver_setInterfaceId(receiver, interface)
    subscriber = iec.GooseSubscriber_create(block, None)
    iec.GooseSubscriber_setAppId(subscriber, int(app_id, 0))
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


if __name__ == "__main__":
    {"publish": publish, "listen": listen}[sys.argv[1]](*sys.argv[2:])
