"""A client made with libiec61850, for tests of the simulated device: `client.py PORT` does everything once and prints what it saw, a line each.

Between the steps that need the device to change something it prints `wait WORD` and goes on with the next line of standard input.
"""

import os
import sys
import threading
import time

import pyiec61850.pyiec61850 as iec

REPORTS = []
LOCK = threading.Lock()


def shown(value):
    """A value as a word; structures in brackets."""
    if value is None:
        return "-"
    kind = iec.MmsValue_getType(value)
    if kind in (iec.MMS_STRUCTURE, iec.MMS_ARRAY):
        return "[" + " ".join(shown(iec.MmsValue_getElement(value, i)) for i in range(iec.MmsValue_getArraySize(value))) + "]"
    if kind == iec.MMS_BOOLEAN:
        return "true" if iec.MmsValue_getBoolean(value) else "false"
    if kind == iec.MMS_FLOAT:
        return f"{iec.MmsValue_toFloat(value):g}"
    if kind == iec.MMS_INTEGER:
        return str(iec.MmsValue_toInt32(value))
    if kind == iec.MMS_UNSIGNED:
        return str(iec.MmsValue_toUint32(value))
    if kind == iec.MMS_BIT_STRING:
        return "b" + "".join(str(int(iec.MmsValue_getBitStringBit(value, i))) for i in range(iec.MmsValue_getBitStringSize(value)))
    if kind in (iec.MMS_VISIBLE_STRING, iec.MMS_STRING):
        return repr(iec.MmsValue_toString(value))
    if kind == iec.MMS_UTC_TIME:
        return "t"
    return f"kind{kind}"


class Listener(iec.RCBHandler):
    def __init__(self, name):
        iec.RCBHandler.__init__(self)
        self.name = name

    def trigger(self):
        report = self._client_report
        values = iec.ClientReport_getDataSetValues(report)
        found = []
        for i in range(iec.MmsValue_getArraySize(values)):
            reason = iec.ClientReport_getReasonForInclusion(report, i)
            if reason != 0:
                found.append(f"{i}:{reason}={shown(iec.MmsValue_getElement(values, i))}")
        with LOCK:
            REPORTS.append((self.name, iec.ClientReport_getSeqNum(report), iec.ClientReport_getConfRev(report), found))


def error_of(result):
    """The error of a call, which the bindings give alone or last in a tuple."""
    return result[-1] if isinstance(result, (tuple, list)) else result


def pause(word):
    print("wait", word, flush=True)
    if sys.stdin.readline() == "":
        sys.exit(1)


def names(linked):
    found = []
    element = iec.LinkedList_getNext(linked)
    while element:
        found.append(iec.toCharP(iec.LinkedList_getData(element)))
        element = iec.LinkedList_getNext(element)
    iec.LinkedList_destroy(linked)
    return found


def read(connection, reference, fc):
    value, error = iec.IedConnection_readObject(connection, reference, fc)
    # What is not there comes back as a value that is an error.
    if error != 0 or iec.MmsValue_getType(value) == iec.MMS_DATA_ACCESS_ERROR:
        return "error"
    return shown(value)


def show_reports(of_change=False, seconds=5.0):
    """Shows what came once there is a report; a general interrogation may be reported twice, so a change is waited for as such."""
    until = time.time() + seconds
    while time.time() < until:
        with LOCK:
            if any(not of_change or any(":16=" not in member for member in found) for *_, found in REPORTS):
                break
        time.sleep(0.02)
    with LOCK:
        for name, number, revision, found in REPORTS:
            print("report", name, number, revision, *found, flush=True)
        REPORTS.clear()


def enable(connection, block, identifier, keep):
    values = iec.ClientReportControlBlock_create(block)
    error = error_of(iec.IedConnection_getRCBValues(connection, block, values))
    print("block", block, error, iec.ClientReportControlBlock_getDataSetReference(values), flush=True)
    handler = Listener(block)
    subscriber = iec.RCBSubscriber()
    subscriber.setIedConnection(connection)
    subscriber.setRcbReference(block)
    subscriber.setRcbRptId(identifier)
    subscriber.setEventHandler(handler)
    subscriber.subscribe()
    keep.append((subscriber, handler))
    mask = iec.RCB_ELEMENT_RPT_ENA | iec.RCB_ELEMENT_GI
    if ".RP." in block:
        mask |= iec.RCB_ELEMENT_RESV
        iec.ClientReportControlBlock_setResv(values, True)
    iec.ClientReportControlBlock_setRptEna(values, True)
    iec.ClientReportControlBlock_setGI(values, True)
    error = error_of(iec.IedConnection_setRCBValues(connection, values, mask, True))
    print("enabled", block, error, flush=True)


def command(connection, name, value, cancel=False):
    control = iec.ControlObjectClient_create(name, connection)
    if not control:
        print("control", name, "none", flush=True)
        return
    model = iec.ControlObjectClient_getControlModel(control)
    iec.ControlObjectClient_setOrigin(control, "peer", 3)
    mms = iec.MmsValue_newBoolean(value)
    selected = "-"
    if model == iec.CONTROL_MODEL_SBO_NORMAL:
        selected = int(iec.ControlObjectClient_select(control))
    elif model == iec.CONTROL_MODEL_SBO_ENHANCED:
        selected = int(iec.ControlObjectClient_selectWithValue(control, mms))
    if cancel:
        done = int(iec.ControlObjectClient_cancel(control))
    else:
        done = int(iec.ControlObjectClient_operate(control, mms, 0))
    cause = iec.ControlObjectClient_getLastApplError(control).addCause
    print("control", name, "model", model, "selected", selected, "cancelled" if cancel else "operated", done, "cause", cause if not done else 0, flush=True)
    time.sleep(0.1)
    iec.ControlObjectClient_destroy(control)


def main():
    port = int(sys.argv[1])
    connection = iec.IedConnection_create()
    error = error_of(iec.IedConnection_connect(connection, "127.0.0.1", port))
    print("connected", error, flush=True)
    if error != 0:
        return 1
    devices, error = iec.IedConnection_getLogicalDeviceList(connection)
    print("devices", *names(devices), flush=True)
    nodes, error = iec.IedConnection_getLogicalDeviceDirectory(connection, "PLANTCTRL")
    print("nodes", *names(nodes), flush=True)
    print("read", read(connection, "PLANTMEAS/MMXU1.An6.mag.f", iec.IEC61850_FC_MX), flush=True)
    print("read", read(connection, "PLANTCTRL/CSWI1.Pos", iec.IEC61850_FC_ST), flush=True)
    print("read", read(connection, "PLANTCTRL/CSWI1.Nothing", iec.IEC61850_FC_ST), flush=True)
    error = error_of(iec.IedConnection_writeObject(connection, "PLANTMEAS/MMXU1.An6.d", iec.IEC61850_FC_DC, iec.MmsValue_newVisibleString("by the peer")))
    print("written", error, read(connection, "PLANTMEAS/MMXU1.An6.d", iec.IEC61850_FC_DC), flush=True)
    error = error_of(iec.IedConnection_writeObject(connection, "PLANTCTRL/CSWI1.Pos.stVal", iec.IEC61850_FC_ST, iec.MmsValue_newBitString(2)))
    print("forbidden", int(error != 0), flush=True)
    keep = []
    enable(connection, "PLANTMEAS/LLN0.RP.urcbMeas101", "PLANTMEAS/Meas1", keep)
    show_reports()
    pause("measured")
    show_reports(of_change=True)
    enable(connection, "PLANTCTRL/LLN0.BR.brcbStat101", "PLANTCTRL/Stat1", keep)
    show_reports()
    pause("state")
    show_reports(of_change=True)
    for name, value in [("PLANTCTRL/GGIO1.SPCSO1", True), ("PLANTCTRL/GGIO2.SPCSO1", True), ("PLANTCTRL/GGIO3.SPCSO1", True), ("PLANTCTRL/CSWI1.Pos", True)]:
        command(connection, name, value)
    command(connection, "PLANTCTRL/CSWI2.Pos", True, cancel=True)
    command(connection, "PLANTCTRL/CSWI3.Pos", True)
    iec.IedConnection_close(connection)
    print("closed", flush=True)
    # The bindings free the handlers and the library frees them again; the process is at its end anyway.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
