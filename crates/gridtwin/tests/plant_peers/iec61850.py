"""libiec61850 as a client of the simulated plant: `iec61850.py PORT MAP`, MAP a file of JSON with [name, object, attribute, constraint] rows.

A line of JSON for each line of its input: `all` reads every point; `pos OBJECT 0|1` selects and operates, `direct OBJECT N` operates a whole number.
"""

import json
import os
import sys
import time

import pyiec61850.pyiec61850 as iec

FC = {"MX": iec.IEC61850_FC_MX, "ST": iec.IEC61850_FC_ST}


def error_of(result):
    return result[-1] if isinstance(result, (tuple, list)) else result


def value_of(mms):
    kind = iec.MmsValue_getType(mms)
    if kind == iec.MMS_BOOLEAN:
        return 1.0 if iec.MmsValue_getBoolean(mms) else 0.0
    if kind == iec.MMS_FLOAT:
        return iec.MmsValue_toFloat(mms)
    if kind == iec.MMS_INTEGER:
        return float(iec.MmsValue_toInt64(mms))
    if kind == iec.MMS_BIT_STRING:
        bits = [int(iec.MmsValue_getBitStringBit(mms, i)) for i in range(iec.MmsValue_getBitStringSize(mms))]
        return {(1, 0): 1.0, (0, 1): 0.0}.get(tuple(bits), 0.5)
    raise SystemExit(f"type {kind}")


def point(connection, reference, attribute, fc):
    """The value of an object in one request with its quality; none when it is invalid."""
    whole, error = iec.IedConnection_readObject(connection, reference, FC[fc])
    if error != 0 or iec.MmsValue_getType(whole) != iec.MMS_STRUCTURE:
        raise SystemExit(f"{reference}: error {error}")
    first = iec.MmsValue_getElement(whole, 0)
    if attribute == "mag.f":
        first = iec.MmsValue_getElement(first, 0)
    quality = iec.MmsValue_getElement(whole, 1)
    validity = [int(iec.MmsValue_getBitStringBit(quality, i)) for i in range(2)]
    found = value_of(first) if validity == [0, 0] else None
    iec.MmsValue_delete(whole)
    return found


def operate(connection, name, mms):
    control = iec.ControlObjectClient_create(name, connection)
    if not control:
        return {"control": None}
    model = iec.ControlObjectClient_getControlModel(control)
    iec.ControlObjectClient_setOrigin(control, "peer", 3)
    selected = True
    if model == iec.CONTROL_MODEL_SBO_ENHANCED:
        selected = bool(iec.ControlObjectClient_selectWithValue(control, mms))
    done = bool(iec.ControlObjectClient_operate(control, mms, 0)) if selected else False
    cause = iec.ControlObjectClient_getLastApplError(control).addCause
    told = {"model": int(model), "selected": selected, "operated": done, "cause": int(cause)}
    # The end of the command comes by itself.
    time.sleep(0.5)
    iec.ControlObjectClient_destroy(control)
    return told


def main():
    connection = iec.IedConnection_create()
    error = error_of(iec.IedConnection_connect(connection, "127.0.0.1", int(sys.argv[1])))
    assert error == 0, error
    with open(sys.argv[2]) as file:
        rows = json.load(file)
    for line in sys.stdin:
        asked = line.split()
        if asked[0] == "all":
            print(json.dumps({name: point(connection, reference, attribute, fc) for name, reference, attribute, fc in rows}), flush=True)
        elif asked[0] == "pos":
            print(json.dumps(operate(connection, asked[1], iec.MmsValue_newBoolean(asked[2] == "1"))), flush=True)
        elif asked[0] == "direct":
            print(json.dumps(operate(connection, asked[1], iec.MmsValue_newIntegerFromInt32(int(asked[2])))), flush=True)
    sys.stdout.flush()
    # The library frees what the bindings hold; the process is at its end anyway.
    os._exit(0)


if __name__ == "__main__":
    main()
