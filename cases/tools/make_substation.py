"""Remakes cases/substation: load flow and faults of the 400/220 kV substation in several switching states, by OpenDSS.

Each state is a folder: case.toml names it with its commands, expected/ holds nodes.csv (complex volts), elements.csv (power of every
conductor of every element), taps.csv and faults.csv (currents into the fault, controls off, taps as the model's own solution left them).

    python3 cases/tools/make_substation.py        (needs `pip install dss_python==0.15.7`)
"""

import csv
import pathlib

from dss import DSS

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "cases" / "substation"
MODEL = ROOT / "models" / "ehv-400-220.dss"
FAULTED = ["bb41", "bb42", "bb21", "bb22", "bb31", "bb32"]

# Bays whose bus isolators change from busbar 1 to busbar 2.
ON_BUSBAR_1 = ["l41", "t2h", "t1l", "d1h", "f21", "r21"]

STATES = {
    "base": ("Everything in service, couplers and bus section closed", []),
    "coupler_400_open": ("400 kV busbars apart: busbar 2 and the reactor hang on transformer 1, which is fed backwards", ["open line.q0_bc4 1"]),
    "coupler_220_open": ("220 kV busbars apart: each transformer feeds its own, joined by the 33 kV side alone", ["open line.q0_bc2 1"]),
    "transformer_1_out": ("Transformer 1 switched off on both sides", ["open line.q0_t1h 1", "open line.q0_t1l 1"]),
    "busbars_1_out": (
        "All bays on busbar 2 at 400 and 220 kV, busbars 1 dead",
        [f"close line.q2_{b} 1" for b in ON_BUSBAR_1] + [f"open line.q1_{b} 1" for b in ON_BUSBAR_1] + ["open line.q0_bc4 1", "open line.q0_bc2 1"],
    ),
    "section_open": ("33 kV bus section open, capacitor 1 off", ["open line.q0_bs3 1", "open line.q0_c31 1"]),
}


def run(text):
    DSS.Text.Command = text


def compile_state(commands):
    run("clear")
    run(f'compile "{MODEL}"')
    for command in commands:
        run(command)


def solve(controls):
    run(f"set mode=snapshot controlmode={controls} tolerance=1e-10 maxiterations=2000 maxcontroliter=500")
    run("solve")
    if not DSS.ActiveCircuit.Solution.Converged:
        raise SystemExit("OpenDSS does not converge")


def write(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(header)
        w.writerows([f"{x:.12g}" if isinstance(x, float) else x for x in row] for row in rows)


def node_rows():
    circuit = DSS.ActiveCircuit
    base = {name.lower(): circuit.Buses(name).kVBase for name in circuit.AllBusNames}
    v = circuit.YNodeVarray
    return [[n.lower(), float(base[n.lower().rsplit(".", 1)[0]]), float(v[2 * k]), float(v[2 * k + 1])] for k, n in enumerate(circuit.YNodeOrder)]


def element_rows():
    circuit = DSS.ActiveCircuit
    for name in circuit.AllElementNames:
        circuit.SetActiveElement(name)
        e = circuit.ActiveCktElement
        # A control is an element to OpenDSS, and carries nothing.
        if e.Enabled and not name.lower().startswith("regcontrol."):
            s, n = list(e.Powers), e.NumConductors
            for k in range(len(s) // 2):
                yield [name.lower(), k // n + 1, k % n + 1, float(s[2 * k]), float(s[2 * k + 1])]


def tap_rows():
    transformers = DSS.ActiveCircuit.Transformers
    for name in transformers.AllNames:
        transformers.Name = name
        transformers.Wdg = 2
        yield [name.lower(), float(transformers.Tap)]


def fault_rows(commands):
    for bus in FAULTED:
        kinds = [("slg", [p]) for p in (1, 2, 3)] + [(k, p) for k in ("ll", "llg") for p in ([1, 2], [2, 3], [3, 1])] + [("3ph", [1, 2, 3])]
        for kind, at in kinds:
            compile_state(commands)
            nodes = ".".join(map(str, at))
            far = f"bus2={bus}.{at[1]} phases=1" if kind == "ll" else f"phases={len(at)}"
            run(f"new fault.f bus1={bus}.{at[0] if kind == 'll' else nodes} {far} r=0.0001")
            run("set mode=snapshot controlmode=off tolerance=1e-9 maxiterations=500")
            run("solve")
            circuit = DSS.ActiveCircuit
            circuit.SetActiveElement("fault.f")
            i = list(circuit.ActiveCktElement.Currents)[: 2 * (1 if kind == "ll" else len(at))]
            yield [bus, kind, nodes, int(circuit.Solution.Converged), *map(float, i)]


def main():
    DSS.AllowForms = False
    for name, (why, commands) in STATES.items():
        folder = OUT / name
        listed = "".join(f'  "{c}",\n' for c in commands)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "case.toml").write_text(
            f'title = "400/220 kV substation, {name.replace("_", " ")}"\nwhy = "{why}."\n'
            f'source = "models/ehv-400-220, see its README"\ntool = "{DSS.Version.splitlines()[0].split(" revision")[0]} (dss_python 0.15.7)"\n'
            f'made_by = "cases/tools/make_substation.py"\nmodel = "../../../models/ehv-400-220.dss"\n'
            f"commands = [\n{listed}]\n\n[tolerance]\n"
            "# Both sides are solved to 1e-10 pu; complex distance over the node's line-to-neutral base.\nv_pu = 1e-6\n"
            "# As a part of the apparent power that the source delivers.\ns_part_of_total = 1e-6\n"
            "# As a part of the largest current of the fault. Faults were solved to 1e-9 pu.\nfault_part = 1e-4\n"
        )
        for controls in ("off", "static"):
            compile_state(commands)
            solve(controls)
            write(folder / "expected" / f"{controls}.nodes.csv", ["node", "kvbase_ln", "v_re", "v_im"], node_rows())
            write(folder / "expected" / f"{controls}.elements.csv", ["element", "terminal", "conductor", "p_kw", "q_kvar"], element_rows())
            write(folder / "expected" / f"{controls}.taps.csv", ["transformer", "tap_pu"], tap_rows())
        rows = list(fault_rows(commands))
        write(folder / "expected" / "faults.csv", ["bus", "type", "nodes", "converged", "i_re,i_im per branch of the fault"], rows)
        print(name, len(rows), "faults,", sum(1 for r in rows if not r[3]), "did not converge")


if __name__ == "__main__":
    main()
