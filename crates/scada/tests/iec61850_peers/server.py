"""A device made with libiec61850, for tests of the client: listens on the port of its first argument.

Lines on standard input set values (`f 12.5`, `s 1`, `q 2` for an invalid quality) make it refuse
commands (`refuse 1`), or end it (`quit`); it prints `ready` when it listens,
and a line for every command that it carries out.
"""

import os
import sys
import time

import pyiec61850.pyiec61850 as iec

REPORT_FIELDS = 1 + 2 + 4 + 8 + 128  # sequence, time, reason, data set, revision


REFUSING = False
ADD_CAUSE_BLOCKED_BY_INTERLOCKING = 10


class Operate(iec.ControlHandlerForPython):
    """Carries a command out: the status follows the value."""

    def __init__(self, name, status, server):
        iec.ControlHandlerForPython.__init__(self)
        self.name, self.status, self.server = name, status, server

    def trigger(self):
        if REFUSING:
            iec.ControlAction_setAddCause(self._libiec61850_control_action, ADD_CAUSE_BLOCKED_BY_INTERLOCKING)
            self._libiec61850_control_handler_result = iec.CONTROL_RESULT_FAILED
            return
        on = iec.MmsValue_getBoolean(self._libiec61850_mms_value)
        iec.IedServer_updateBooleanAttributeValue(self.server, self.status, on)
        self._libiec61850_control_handler_result = iec.CONTROL_RESULT_OK
        print("operated", self.name, int(on), flush=True)


def main():
    port = int(sys.argv[1])
    model = iec.IedModel_create("PEER")
    device = iec.LogicalDevice_create("LD0", model)
    zero = iec.LogicalNode_create("LLN0", device)
    mod = iec.CDC_ENS_create("Mod", iec.toModelNode(zero), 0)
    ggio = iec.LogicalNode_create("GGIO1", device)
    node = iec.toModelNode(ggio)
    measured = iec.CDC_MV_create("AnIn1", node, 0, False)
    single = iec.CDC_SPS_create("Ind1", node, 0)
    none = 0
    models = [
        ("SPCSO1", iec.CDC_CTL_MODEL_DIRECT_NORMAL),
        ("SPCSO2", iec.CDC_CTL_MODEL_SBO_NORMAL | iec.CDC_CTL_MODEL_HAS_CANCEL),
        ("SPCSO3", iec.CDC_CTL_MODEL_DIRECT_ENHANCED),
        ("SPCSO4", iec.CDC_CTL_MODEL_SBO_ENHANCED | iec.CDC_CTL_MODEL_HAS_CANCEL),
    ]
    objects = [(name, iec.CDC_SPC_create(name, node, none, flags)) for name, flags in models]
    dataset = iec.DataSet_create("Events", zero)
    for path in ["GGIO1$MX$AnIn1$mag$f", "GGIO1$ST$Ind1$stVal", "GGIO1$ST$Ind1$q", "GGIO1$MX$AnIn1"]:
        iec.DataSetEntry_create(dataset, path, -1, None)
    triggers = 1 + 2 + 8 + 16
    iec.ReportControlBlock_create("urcb01", zero, "events", False, "Events", 3, triggers, REPORT_FIELDS, 20, 0)
    iec.ReportControlBlock_create("brcb01", zero, "events", True, "Events", 3, triggers, REPORT_FIELDS + 32 + 64, 20, 0)
    server = iec.IedServer_create(model)
    value = iec.toDataAttribute(iec.ModelNode_getChild(iec.toModelNode(measured), "mag.f"))
    state = iec.toDataAttribute(iec.ModelNode_getChild(iec.toModelNode(single), "stVal"))
    quality = iec.toDataAttribute(iec.ModelNode_getChild(iec.toModelNode(single), "q"))
    stamp = iec.toDataAttribute(iec.ModelNode_getChild(iec.toModelNode(single), "t"))
    keep = []
    for number, (name, data_object) in enumerate(objects):
        status = iec.toDataAttribute(iec.ModelNode_getChild(iec.toModelNode(data_object), "stVal"))
        model_attribute = iec.toDataAttribute(iec.ModelNode_getChild(iec.toModelNode(data_object), "ctlModel"))
        iec.IedServer_updateInt32AttributeValue(server, model_attribute, number + 1)
        subscriber = iec.ControlSubscriberForPython()
        subscriber.setIedServer(server)
        subscriber.setControlObject(data_object)
        handler = Operate(name, status, server)
        subscriber.setControlHandler(handler)
        subscriber.subscribe()
        keep.append((subscriber, handler))
    iec.IedServer_start(server, port)
    if not iec.IedServer_isRunning(server):
        print("cannot listen", flush=True)
        return 1
    print("ready", flush=True)
    for line in sys.stdin:
        words = line.split()
        if not words or words[0] == "quit":
            break
        if words[0] == "refuse":
            global REFUSING
            REFUSING = words[1] == "1"
        iec.IedServer_lockDataModel(server)
        if words[0] == "f":
            iec.IedServer_updateFloatAttributeValue(server, value, float(words[1]))
        elif words[0] == "s":
            iec.IedServer_updateUTCTimeAttributeValue(server, stamp, int(time.time() * 1000))
            iec.IedServer_updateBooleanAttributeValue(server, state, words[1] == "1")
        elif words[0] == "q":
            iec.IedServer_updateQuality(server, quality, int(words[1]))
        iec.IedServer_unlockDataModel(server)
        print("done", line.strip(), flush=True)
    iec.IedServer_stop(server)
    # The bindings free the handlers and the library frees them again; the process is at its end anyway.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
