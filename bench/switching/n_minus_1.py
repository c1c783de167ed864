"""Every line and transformer of a model out in turn, in OpenDSS, against what `gridtwin contingency` finds.

usage: python n_minus_1.py [--gridtwin BINARY] [--model MASTER.dss] [--kind lines|transformers] [--volt PU] [--pct PCT] [--write CASE_DIR]

An independent loop: nothing of GridTwin is used but its answer. For each element the model is compiled and solved, all terminals of the element are
opened, and the circuit is solved again from the taps and banks that it had. Then: lowest and highest voltage to earth of the nodes that have voltage
(above a tenth of the base), largest phase current of a line over its normal rating, largest apparent power of a transformer over its normal kVA,
and losses. Prints the largest differences, and every outage that differs by more than --volt or --pct, and exits 1 if there is one. With --write the
values of OpenDSS become the expected values of a case. Needs dss-python.
"""
import argparse
import csv
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS = ("v_min_pu", "v_max_pu", "line_pct", "transformer_pct", "losses_kw")


class Model:
    def __init__(self, master):
        from dss import DSS

        self.dss, self.master = DSS, master
        DSS.AllowForms = False

    def run(self, text):
        self.dss.Text.Command = text

    def compile(self):
        self.run("clear")
        self.run("set DefaultBaseFrequency=60")
        self.run(f'compile "{self.master}"')
        for command in ("set mode=snapshot", "set controlmode=static", "set tolerance=1e-9", "set maxiterations=2000", "set maxcontroliter=500"):
            self.run(command)
        self.circuit = self.dss.ActiveCircuit
        self.circuit.Solution.Solve()

    def names(self, kind):
        self.compile()
        names = self.circuit.Lines.AllNames if kind == "lines" else self.circuit.Transformers.AllNames
        found = []
        for name in names:
            self.circuit.SetActiveElement(f"{kind[:-1]}.{name}")
            e = self.circuit.ActiveCktElement
            if e.Enabled and not any(e.IsOpen(t, 0) for t in range(1, e.NumTerminals + 1)):
                found.append(name.lower())
        return found

    def without(self, kind, name):
        self.compile()
        element = f"{kind[:-1]}.{name}"
        self.circuit.SetActiveElement(element)
        for terminal in range(1, self.circuit.ActiveCktElement.NumTerminals + 1):
            self.run(f"open {element} {terminal}")
        self.circuit.Solution.Solve()
        if not self.circuit.Solution.Converged:
            return None
        return self.read()

    def read(self):
        c = self.circuit
        volts = []
        for name in c.AllBusNames:
            bus = c.Buses(name)
            if bus.kVBase <= 0:
                continue
            v = bus.Voltages
            for k, node in enumerate(bus.Nodes):
                if node in (1, 2, 3):
                    pu = abs(complex(v[2 * k], v[2 * k + 1])) / (bus.kVBase * 1e3)
                    if pu > 0.1:
                        volts.append((pu, f"{name}.{node}"))
        line = transformer = 0.0
        for name in c.Lines.AllNames:
            c.Lines.Name = name
            e = c.ActiveCktElement
            if not e.Enabled or c.Lines.NormAmps <= 0:
                continue
            i, n, per = e.CurrentsMagAng, c.Lines.Phases, e.NumConductors
            line = max(line, max(i[2 * (t * per + k)] for t in range(e.NumTerminals) for k in range(n)) / c.Lines.NormAmps * 100)
        for name in c.Transformers.AllNames:
            c.SetActiveElement(f"transformer.{name}")
            e = c.ActiveCktElement
            rating = float(e.Properties("normhkva").Val)
            if rating <= 0:
                continue
            s, per = e.Powers, e.NumConductors
            sums = [abs(sum(complex(s[2 * k], s[2 * k + 1]) for k in range(t * per, (t + 1) * per))) for t in range(e.NumTerminals)]
            transformer = max(transformer, max(sums) / rating * 100)
        low, high = min(volts), max(volts)
        return {"v_min_pu": low[0], "v_min_at": low[1], "v_max_pu": high[0], "v_max_at": high[1], "line_pct": line, "transformer_pct": transformer, "losses_kw": c.Losses[0] / 1e3}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--gridtwin", default=str(ROOT / "target/release/gridtwin"))
    p.add_argument("--model", default=str(ROOT / "models/ieee123/ieee123.dss"))
    p.add_argument("--kind", choices=("lines", "transformers"), default="lines")
    p.add_argument("--volt", type=float, default=2e-6)
    p.add_argument("--pct", type=float, default=1e-3)
    p.add_argument("--write")
    a = p.parse_args()
    # OpenDSS moves to the folder of the model.
    a.model, a.gridtwin = str(pathlib.Path(a.model).resolve()), str(pathlib.Path(a.gridtwin).resolve())
    a.write = a.write and str(pathlib.Path(a.write).resolve())
    model = Model(a.model)
    names = model.names(a.kind)
    with tempfile.TemporaryDirectory() as out:
        done = subprocess.run([a.gridtwin, "contingency", a.model, f"--{a.kind}", "--controls", "static", "--tolerance", "1e-9", "--out", out], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stderr)
        ours = {r["outage"].split(".", 1)[1]: r for r in csv.DictReader(open(pathlib.Path(out) / "contingencies.csv"))}
    worst, bad, rows = dict.fromkeys(COLUMNS, 0.0), [], []
    for name in names:
        theirs, our = model.without(a.kind, name), ours.get(name)
        if our is None or (theirs is None) != (our["solved"] != "solved"):
            bad.append(f"{name}: OpenDSS {'no solution' if theirs is None else 'solved'}, GridTwin {our and our['solved']}")
            continue
        if theirs is None:
            continue
        rows.append({"outage": f"{a.kind[:-1]}.{name}", **{c: f"{theirs[c]:.9g}" for c in COLUMNS}, "v_min_at": theirs["v_min_at"]})
        for c in COLUMNS:
            off = abs(float(our[c] or 0) - theirs[c])
            worst[c] = max(worst[c], off)
            if off > (a.volt if c.endswith("_pu") else a.pct):
                bad.append(f"{name}: {c} is {our[c]}, OpenDSS has {theirs[c]:.9g}")
    for line in bad:
        print(line)
    print(f"{len(names)} outages of {a.kind}; largest differences: " + ", ".join(f"{c} {x:.3g}" for c, x in worst.items()))
    if a.write:
        with open(pathlib.Path(a.write) / f"{a.kind}.csv", "w", newline="") as f:
            w = csv.DictWriter(f, ["outage", *COLUMNS, "v_min_at"], lineterminator="\n")
            w.writeheader()
            w.writerows(rows)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
