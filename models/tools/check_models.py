"""Checks the shipped feeders with OpenDSS, and makes the node voltages stored under cases/power_flow.

usage: python check_models.py [--references DIR] [--write] [NAME ...]

Needs `pip install dss_python==0.15.7`. For each model two questions are asked:

  reference   does it agree with the independent OpenDSS model of the same feeder in the reference folder?
              (default ../shared/feeders beside the repository; skipped, and said so, where that is missing)
  stored      does it still give what cases/power_flow/NAME/expected holds?

A distance is |V - V_ref| in per unit of the node's line-to-neutral base, complex, so that angles count.
Exit status 1 if a distance exceeds the limit, a node is missing, or a tap differs. --write makes the stored
files anew from the models (not those of the closed-form cases, which come from cases/tools/closed_form.py).
"""
import argparse
import atexit
import csv
import json
import math
import pathlib
import re
import shutil
import sys
import tempfile
import tomllib

from dss import DSS

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = ROOT / "cases" / "power_flow"
LIMIT_PU = 1e-6
STORED_LIMIT_PU = 1e-9
STAGE = pathlib.Path(tempfile.mkdtemp(prefix="check_models_"))  # OpenDSS makes the folder it compiles its own; it stays until the end
atexit.register(shutil.rmtree, STAGE, ignore_errors=True)
TIGHT = (1e-10, 1e-9, 1e-8, 1e-7, 1e-6)

# Reference of each model: folder, whether its script leaves the regulators in neutral (it does not solve), and
# the nodes that only the reference has (ends of open ties, drawn there as buses of their own).
REFERENCES = {
    "ieee13": ("ieee13", False, ()),
    "ieee34": ("ieee34_mod2", True, ()),
    "ieee37": ("ieee37", False, ()),
    "ieee123": ("ieee123", True, ("300_open.1", "300_open.2", "300_open.3", "94_open.1")),
}


def run(text):
    DSS.Text.Command = text


def compile_model(master, post=()):
    """Compiles a temporary copy of the model's folder, so that nothing is written beside the model."""
    folder = STAGE / master.parent.name
    if not folder.exists():
        shutil.copytree(master.parent, folder)
    run("clear")
    run("set DefaultBaseFrequency=60")
    run(f'compile "{folder / master.name}"')
    for command in post:
        run(command)


def solve(master, controls, post=(), neutral_taps=False):
    """Solves one snapshot as tightly as it will go; returns the tolerance that was reached."""
    for tolerance in TIGHT:
        compile_model(master, post)
        if neutral_taps:
            transformers = DSS.ActiveCircuit.Transformers
            for name in DSS.ActiveCircuit.RegControls.AllNames:
                transformers.Name = name  # each control bears its transformer's name
                transformers.Wdg = 2
                transformers.Tap = 1.0
        run("set mode=snapshot")
        run(f"set controlmode={controls}")
        run(f"set tolerance={tolerance:g}")
        run("set maxiterations=2000")
        run("set maxcontroliter=500")
        run("solve")
        if DSS.ActiveCircuit.Solution.Converged:
            return tolerance
    raise SystemExit(f"{master}: OpenDSS does not converge")


def node_rows():
    circuit = DSS.ActiveCircuit
    base = {name.lower(): circuit.Buses(name).kVBase for name in circuit.AllBusNames}
    v = circuit.YNodeVarray
    for k, node in enumerate(circuit.YNodeOrder):
        node = node.lower()
        yield node, base[node.rsplit(".", 1)[0]], complex(v[2 * k], v[2 * k + 1])


def element_rows():
    circuit = DSS.ActiveCircuit
    for name in circuit.AllElementNames:
        circuit.SetActiveElement(name)
        e = circuit.ActiveCktElement
        if not e.Enabled:
            continue
        i, s, order, n = list(e.Currents), list(e.Powers), list(e.NodeOrder), e.NumConductors
        buses = [b.split(".")[0].lower() for b in e.BusNames]
        for k in range(len(i) // 2):
            bus = buses[k // n] if k // n < len(buses) else ""
            node = order[k] if k < len(order) else 0
            yield [name.lower(), k // n + 1, k % n + 1, f"{bus}.{node}", *i[2 * k : 2 * k + 2], *s[2 * k : 2 * k + 2]]


def control_state():
    circuit, taps, capacitors = DSS.ActiveCircuit, {}, {}
    for name in circuit.RegControls.AllNames:
        if name.lower() == "none":  # how an empty list is told
            continue
        circuit.RegControls.Name = name
        circuit.Transformers.Name = circuit.RegControls.Transformer
        circuit.Transformers.Wdg = circuit.RegControls.TapWinding or circuit.RegControls.Winding
        taps[name.lower()] = round(circuit.Transformers.Tap, 9)
    for name in circuit.Capacitors.AllNames:
        if name.lower() == "none":
            continue
        circuit.Capacitors.Name = name
        capacitors[name.lower()] = [int(x) for x in circuit.Capacitors.States]
    return taps, capacitors


def summary(controls, tolerance):
    circuit = DSS.ActiveCircuit
    s, p, l = circuit.Solution, list(circuit.TotalPower), list(circuit.Losses)
    taps, capacitors = control_state()
    pu = [abs(v) / (kv * 1e3) for _, kv, v in node_rows() if kv]
    return dict(converged=bool(s.Converged), iterations=int(s.Iterations), control_iterations=int(s.ControlIterations),
                total_kw=-p[0], total_kvar=-p[1], losses_kw=l[0] / 1e3, losses_kvar=l[1] / 1e3, tolerance=tolerance,
                controlmode=controls, taps=taps, capacitors=capacitors, vmin_pu=min(pu), vmax_pu=max(pu))


def write_csv(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(header)
        w.writerows([f"{x:.12g}" if isinstance(x, float) else x for x in r] for r in rows)


def write_nodes(path):
    rows = []
    for node, kv, v in node_rows():
        pu = abs(v) / (kv * 1e3) if kv else 0.0
        rows.append([node, float(kv), v.real, v.imag, pu, math.degrees(math.atan2(v.imag, v.real))])
    write_csv(path, ["node", "kvbase_ln", "v_re", "v_im", "v_pu", "angle_deg"], rows)


def read_nodes(path):
    with open(path) as f:
        return {r["node"].lower(): (float(r["kvbase_ln"]), complex(float(r["v_re"]), float(r["v_im"])))
                for r in csv.DictReader(f)}


def reference_name(node):
    """Name in the reference of a node of ours: m802_806 (middle of a cut segment) is mid806 there."""
    return re.sub(r"^m\d+_(\d+)\.", r"mid\1.", node)


def distance(expected, ignore=(), rename=lambda n: n):
    """Worst distance to the expected nodes, where, and the names found on one side only."""
    mine = {rename(node): (kv, v) for node, kv, v in node_rows()}
    missing = sorted((set(expected) - set(ignore)) ^ set(mine))
    worst = max(((abs(mine[n][1] - v) / (kv * 1e3), n) for n, (kv, v) in expected.items() if n in mine and kv),
                default=(math.inf, ""))
    return *worst, missing


def cases():
    for path in sorted(CASES.glob("*/case.toml")):
        case = tomllib.loads(path.read_text())
        case["folder"] = path.parent
        case["master"] = (path.parent / case["model"]).resolve()
        case["name"] = path.parent.name
        yield case


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("names", nargs="*")
    ap.add_argument("--references", type=pathlib.Path, default=ROOT.parent / "shared" / "feeders")
    ap.add_argument("--write", action="store_true")
    a = ap.parse_args()
    DSS.AllowForms = False
    DSS.AllowEditor = False
    bad = 0
    print(f"{'case':<32} {'against':<10} {'controls':<8} {'nodes':>5} {'worst, pu':>10}  where")

    def report(name, against, controls, worst, where, missing, limit, taps_equal=True):
        nonlocal bad
        ok = worst <= limit and not missing and taps_equal
        bad += not ok
        note = ("" if ok else "  FAILS") + (f"  not on both sides: {missing[:4]}" if missing else "")
        note += "" if taps_equal else "  taps differ"
        print(f"{name:<32} {against:<10} {controls:<8} {DSS.ActiveCircuit.NumNodes:>5} {worst:>10.1e}  {where}{note}")

    for case in cases():
        name = case["name"]
        if a.names and name not in a.names:
            continue
        shipped = name in REFERENCES
        if shipped:
            folder, neutral, ignore = REFERENCES[name]
            ref = a.references / folder / "ref" / folder
            for controls in ("off", "static"):
                file = ref / f"{controls}.nodes.csv"
                if not file.exists():
                    print(f"{name:<32} {'reference':<10} {controls:<8} no {file}, skipped")
                    continue
                solve(case["master"], controls, neutral_taps=neutral)
                taps = sorted(control_state()[0].values())
                want = sorted(json.loads((ref / "summary.json").read_text())[controls]["taps"].values())
                report(name, "reference", controls, *distance(read_nodes(file), ignore, reference_name), LIMIT_PU, taps == want)
        made = {"engine": DSS.Version.splitlines()[0]}
        for controls in case["controls"]:
            tolerance = solve(case["master"], controls, case.get("post", ()))
            made[controls] = summary(controls, tolerance)
            file = case["folder"] / "expected" / f"{controls}.nodes.csv"
            if a.write and shipped:
                write_nodes(file)
                if controls == "static":
                    write_csv(case["folder"] / "expected" / "static.elements.csv",
                              ["element", "terminal", "conductor", "node", "i_re", "i_im", "p_kw", "q_kvar"], element_rows())
            limit = STORED_LIMIT_PU if shipped else case["tolerance"]["v_pu"]
            report(name, "stored", controls, *distance(read_nodes(file)), limit)
        made["nodes"] = DSS.ActiveCircuit.NumNodes
        made["elements"] = len(DSS.ActiveCircuit.AllElementNames)
        if a.write and shipped:
            (case["folder"] / "expected" / "summary.json").write_text(json.dumps(made, indent=1) + "\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
