"""Remakes cases/pc/loads.json: currents of OpenDSS loads at imposed voltages.

Every record is one load at the nodes 1 to 4 of a bus; each node is held by a stiff one-phase source of its own. What is stored
are the voltages that OpenDSS found there, so that the source's impedance does not matter, and the load's currents and primitive
admittance at them.

    python3 cases/tools/make_pc_loads.py        (needs the package dss_python)
"""

import json
import math
import random
from pathlib import Path

from dss import DSS

DSS.AllowForms = False
OUT = Path(__file__).resolve().parents[1] / "pc" / "loads.json"
CONN = ["wye", "delta"]


def start(volts):
    """A circuit with four stiff sources; `volts` are (magnitude V, angle deg) at nodes 1 to 4."""
    text = DSS.Text
    text.Command = "clear"
    text.Command = "set defaultbasefreq=60"
    for k, (v, a) in enumerate(volts, 1):
        new = "new circuit.c" if k == 1 else f"new vsource.s{k}"
        text.Command = (
            f"{new} bus1=b.{k} phases=1 basekv={v / 1000:.17g} pu=1 angle={a:.17g} r1=1e-6 x1=1e-6 r0=1e-6 x0=1e-6"
        )
    text.Command = "set tolerance=1e-12 maxiterations=200"


def complexes(flat):
    return [[float(flat[i]), float(flat[i + 1])] for i in range(0, len(flat), 2)]


def record(element, params, nodes, volts, setup=(), script=(), solve="solve"):
    start(volts)
    for line in [*setup, *script]:
        DSS.Text.Command = line
    DSS.Text.Command = solve
    circuit = DSS.ActiveCircuit
    assert DSS.Error.Description == "" and circuit.Solution.Converged, (script, DSS.Error.Description)
    names = circuit.YNodeOrder
    v = dict(zip(names, complexes(circuit.YNodeVarray)))
    circuit.SetActiveElement(element)
    return {
        "script": [*setup, *script, solve],
        "params": params,
        "nodes": nodes,
        "v": [v.get(f"B.{n}", [0.0, 0.0]) for n in nodes],
        "i": complexes(circuit.ActiveCktElement.Currents),
        "yprim": complexes(circuit.ActiveCktElement.Yprim),
    }


def random_load(rng, k):
    phases = rng.choice([1, 1, 2, 3, 3])
    conn = rng.choice(CONN)
    model = k % 8 + 1
    ln = 2400.0
    base = ln * math.sqrt(3) if conn == "delta" or phases > 1 else ln
    conductors = phases + 1 if conn == "wye" or phases < 3 else phases
    start_at = rng.choice([1, 2, 3])
    ring = [(start_at - 1 + j) % 3 + 1 for j in range(3)]
    if conn == "wye":
        nodes = ring[:phases] + [rng.choice([0, 4])]
    elif phases == 1:
        nodes = [ring[0], ring[1]]
    else:
        nodes = ring
    assert len(nodes) == conductors
    volts = []
    for j in range(3):
        volts.append((ln * rng.choice([rng.uniform(0.3, 1.3), rng.uniform(0.94, 1.06)]), -120.0 * j + rng.uniform(-8, 8)))
    volts.append((ln * rng.uniform(0.01, 0.08), rng.uniform(-180, 180)))
    p = {
        "connection": conn,
        "phases": phases,
        "kv": base / 1000,
        "p_kw": rng.uniform(-50, 300),
        "q_kvar": rng.uniform(-100, 150),
        "model": model,
        "vminpu": rng.choice([0.95, 0.95, 0.8, 0.7]),
        "vmaxpu": rng.choice([1.05, 1.05, 1.2]),
        "vlowpu": rng.choice([0.5, 0.5, 0.4]),
        "cvrwatts": rng.choice([1.0, 0.8, 1.3]),
        "cvrvars": rng.choice([2.0, 3.0, 2.7]),
        "rneut": rng.choice([-1.0, -1.0, 0.0, 5.0]),
        "xneut": rng.choice([0.0, 2.0]),
    }
    if model == 8:
        p["zipv"] = [rng.uniform(-0.5, 1) for _ in range(6)] + [rng.choice([0.0, 0.5, 0.7])]
    return p, nodes, volts


def command(p, nodes):
    dots = "".join(f".{n}" for n in nodes)
    text = (
        f"new load.l phases={p['phases']} bus1=b{dots} conn={p['connection']} kv={p['kv']:.17g} kw={p['p_kw']:.17g} "
        f"kvar={p['q_kvar']:.17g} model={p['model']} vminpu={p['vminpu']} vmaxpu={p['vmaxpu']} vlowpu={p['vlowpu']} "
        f"cvrwatts={p['cvrwatts']} cvrvars={p['cvrvars']} rneut={p['rneut']} xneut={p['xneut']}"
    )
    if "zipv" in p:
        text += " zipv=(" + " ".join(f"{z:.17g}" for z in p["zipv"]) + ")"
    return text


SHAPES = {
    "a": {"npts": 24, "p": [round(0.3 + 0.7 * abs(math.sin(0.4 * h)), 6) for h in range(24)]},
    "b": {
        "npts": 24,
        "p": [round(0.2 + 0.03 * h, 6) for h in range(24)],
        "q": [round(0.9 - 0.02 * h, 6) for h in range(24)],
    },
    "kw": {"npts": 24, "p": [round(40.0 + 3 * h, 6) for h in range(24)], "actual": True},
    "kwq": {
        "npts": 24,
        "p": [round(40.0 + 3 * h, 6) for h in range(24)],
        "q": [round(10.0 + h, 6) for h in range(24)],
        "actual": True,
    },
}


def shape_commands():
    for name, s in SHAPES.items():
        text = f"new loadshape.{name} npts={s['npts']} interval=1 mult=({' '.join(map(str, s['p']))})"
        if "q" in s:
            text += f" qmult=({' '.join(map(str, s['q']))})"
        if s.get("actual"):
            text += " useactual=yes"
        yield text
    yield "new growthshape.g npts=3 year=(1 3 6) mult=(1.02 1.05 1.01)"


def timed(rng, k):
    """A constant-power load in some mode, with shapes, multipliers and growth."""
    mode = ["snapshot", "daily", "yearly", "duty", "direct", "ld1", "peakday", "snapshot"][k % 8]
    volts = [(2400 * rng.uniform(0.97, 1.03), -120.0 * j) for j in range(3)] + [(24.0, 10.0)]
    p = {
        "connection": "wye", "phases": 3, "kv": 4.16, "p_kw": rng.uniform(50, 300), "q_kvar": rng.uniform(-20, 150),
        "model": rng.choice([1, 1, 4]), "vminpu": 0.95, "vmaxpu": 1.05, "vlowpu": 0.5, "cvrwatts": 0.8, "cvrvars": 2.0,
        "rneut": -1.0, "xneut": 0.0, "status": rng.choice(["variable", "variable", "fixed", "exempt"]),
    }
    for kind in ["daily", "yearly", "duty"]:
        if rng.random() < 0.7:
            p[kind] = rng.choice(["a", "b", "kw", "kwq"])
    # The script's order matters: daily also sets yearly where there is none, a shape in kW replaces the size.
    extra = "".join(f" {kind}={p[kind]}" for kind in ["yearly", "daily", "duty"] if kind in p)
    if p["model"] == 4 and rng.random() < 0.5:
        p["cvrcurve"] = "b"
        extra += " cvrcurve=b"
    if rng.random() < 0.5:
        p["growth"] = True
        extra += " growth=g"
    pf = rng.random() < 0.5
    nodes = [1, 2, 3, 0]
    text = command(p, nodes) + extra + f" status={p['status']}"
    if pf:
        value = rng.choice([0.9, -0.95])
        text += f" kw={p['p_kw']:.17g} pf={value}"
        p["pf"] = value
    year, mult, hour = rng.choice([0, 1, 2, 5, 9]), rng.choice([1.0, 0.8]), rng.randrange(0, 30)
    number = "" if mode in ("snapshot", "direct", "ld1") else " number=1"
    setup = [*shape_commands(), "new loadshape.ld npts=1 interval=1 mult=(1)", "set ldcurve=ld"]
    script = [text, f"set mode={mode}{number}", f"set year={year} loadmult={mult} hour={hour} sec=0"]
    if number:
        script.append("set stepsize=1h")
    r = record("load.l", p, nodes, volts, setup, script)
    sol = DSS.ActiveCircuit.Solution
    DSS.ActiveCircuit.Loads.Name = "l"
    p["p_kw"], p["q_kvar"] = DSS.ActiveCircuit.Loads.kW, DSS.ActiveCircuit.Loads.kvar
    p["shapes"] = {"yearly": DSS.ActiveCircuit.Loads.Yearly, "daily": DSS.ActiveCircuit.Loads.daily, "duty": DSS.ActiveCircuit.Loads.duty}
    r["moment"] = {"mode": mode, "hour": sol.dblHour, "year": year, "load_multiplier": sol.LoadMult}
    return r


def main():
    rng = random.Random(7)
    laws = []
    for k in range(240):
        p, nodes, volts = random_load(rng, k)
        laws.append(record("load.l", p, nodes, volts, script=[command(p, nodes)]))
    moments = [timed(rng, k) for k in range(96)]
    OUT.write_text(
        json.dumps({"made_with": f"DSS C-API {DSS.Version}", "shapes": SHAPES, "laws": laws, "moments": moments}, indent=None)
        .replace('{"script"', '\n{"script"') + "\n"
    )
    print(OUT, len(laws), len(moments), OUT.stat().st_size)


if __name__ == "__main__":
    main()
