"""Hosting capacity of every bus by trying step after step in OpenDSS, against what GridTwin finds by searching.

usage: python brute_force.py [--gridtwin BINARY] [--model MASTER.dss] [--der generation|load] [--step KW] [--max KW] [--bus BUS ...]
                             [--limit NAME=VALUE ...] [--not-worse] [--post COMMAND ...] [--out FILE.csv] [--processes N]

An independent loop: nothing of GridTwin is used but its answer. For each bus the model is compiled, a generator of constant power
(model=1, vminpu=0.5, vmaxpu=1.5) is added at the bus with no power, and the circuit is solved: that is the base. Then for each step, from the base's
taps and capacitor steps:

  1. controls off, solve: changes of voltage against the base;
  2. controls static, solve: voltages, unbalance, line currents, transformer powers.

With --not-worse a limit that the base crosses is the base's value and a thousandth of the limit beyond.
The first step that crosses a limit ends the bus; its capacity is the step before. Prints every bus that differs, and exits 1 if one differs by more
than a step. Needs dss-python.
"""
import argparse
import csv
import json
import math
import multiprocessing
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMITS = {
    "over-voltage": 1.05,
    "under-voltage": 0.95,
    "voltage-deviation": 0.03,
    "voltage-deviation-lv": 0.05,
    "voltage-unbalance": 3.0,
    "thermal-line": 100.0,
    "thermal-transformer": 100.0,
}
SQRT3 = math.sqrt(3.0)


class Feeder:
    """One compiled circuit with a generator at a bus."""

    def __init__(self, master, post):
        from dss import DSS

        self.dss, self.master, self.post = DSS, master, post
        DSS.AllowForms = False

    def run(self, text):
        self.dss.Text.Command = text

    def compile(self):
        self.run("clear")
        self.run("set DefaultBaseFrequency=60")
        self.run(f'compile "{self.master}"')
        for command in self.post:
            self.run(command)
        for command in ("set mode=snapshot", "set controlmode=static", "set tolerance=1e-7", "set maxiterations=2000", "set maxcontroliter=500"):
            self.run(command)

    def buses(self):
        """Name, phase nodes, line-to-neutral base and whether anything ties the bus to earth."""
        self.compile()
        circuit = self.dss.ActiveCircuit
        circuit.Solution.Solve()
        found = []
        for name in circuit.AllBusNames:
            bus = circuit.Buses(name)
            nodes = sorted(n for n in bus.Nodes if n in (1, 2, 3))
            if not nodes or bus.kVBase <= 0 or max(abs(v) for v in bus.VMagAngle[::2]) == 0:
                continue
            untied = False
            if len(nodes) > 1:
                circuit.SetActiveBus(name)
                circuit.ActiveBus.ZscRefresh()
                z0, z1 = (abs(complex(*z)) for z in (circuit.ActiveBus.Zsc0, circuit.ActiveBus.Zsc1))
                untied = z1 > 0 and z0 / z1 > 1000
            found.append((name.lower(), nodes, bus.kVBase, untied))
        return found

    def prepare(self, bus, nodes, kv_ln, untied):
        self.compile()
        at = bus + "".join(f".{n}" for n in nodes)
        n = len(nodes)
        if untied:
            spec = f"phases={3 if n == 3 else 1} conn=delta kv={kv_ln * SQRT3:.9g}"
        else:
            spec = f"phases={n} conn=wye kv={kv_ln * (SQRT3 if n > 1 else 1):.9g}"
        self.run(f"new generator.hosted bus1={at} {spec} kw=0 pf=1 model=1 vminpu=0.5 vmaxpu=1.5")
        circuit = self.dss.ActiveCircuit
        circuit.Solution.Solve()
        if not circuit.Solution.Converged:
            raise RuntimeError("the base does not converge")
        self.watched = self.sensors()
        self.base_v = self.magnitudes()
        self.taps = []
        for name in circuit.Transformers.AllNames:
            circuit.Transformers.Name = name
            for w in range(1, circuit.Transformers.NumWindings + 1):
                circuit.Transformers.Wdg = w
                self.taps.append((name, w, circuit.Transformers.Tap))
        self.steps = []
        for name in circuit.Capacitors.AllNames:
            if name == "NONE":
                continue
            circuit.Capacitors.Name = name
            self.steps.append((name, list(circuit.Capacitors.States)))

    def sensors(self):
        """Node pairs with their base and whether it is low, by position among the node voltages; earth is None."""
        circuit = self.dss.ActiveCircuit
        order = {n.lower(): i for i, n in enumerate(circuit.YNodeOrder)}
        watched, self.triples = [], []
        for name, nodes, kv_ln, untied in self.known:
            at = [order[f"{name}.{n}"] for n in nodes]
            low = kv_ln * SQRT3 <= 1.0
            if untied:
                pairs = [(0, 1), (1, 2), (2, 0)] if len(at) == 3 else [(0, 1)]
                watched += [(at[a], at[b], kv_ln * 1e3 * SQRT3, low, f"{name}.{nodes[a]}") for a, b in pairs]
            else:
                watched += [(a, None, kv_ln * 1e3, low, f"{name}.{n}") for a, n in zip(at, nodes)]
            if len(at) == 3:
                self.triples.append((name, at))
        self.lines, self.transformers = [], []
        circuit.Lines.First
        for name in circuit.Lines.AllNames:
            circuit.Lines.Name = name
            if circuit.ActiveCktElement.Enabled and circuit.Lines.NormAmps > 0:
                self.lines.append((name, circuit.Lines.NormAmps, circuit.Lines.Phases))
        for name in circuit.Transformers.AllNames:
            circuit.SetActiveElement(f"transformer.{name}")
            rating = float(circuit.ActiveCktElement.Properties("normhkva").Val)
            if rating > 0:
                self.transformers.append((name, rating))
        return watched

    def voltages(self):
        v = self.dss.ActiveCircuit.YNodeVarray
        return [complex(v[2 * i], v[2 * i + 1]) for i in range(len(v) // 2)]

    def magnitudes(self):
        v = self.voltages()
        return [abs(v[a] - (v[b] if b is not None else 0)) / base for a, b, base, _, _ in self.watched]

    def restore(self):
        circuit = self.dss.ActiveCircuit
        for name, w, tap in self.taps:
            circuit.Transformers.Name = name
            circuit.Transformers.Wdg = w
            if circuit.Transformers.Tap != tap:
                circuit.Transformers.Tap = tap
        for name, states in self.steps:
            circuit.Capacitors.Name = name
            if list(circuit.Capacitors.States) != states:
                circuit.Capacitors.States = states

    def loosened(self, limits):
        """Limits with those that the base crosses moved to its value and a little beyond."""
        worst = {}
        for name, value, _ in self.readings(0.0, dict.fromkeys(limits)) or []:
            worst[name] = min(worst.get(name, math.inf), value) if name == "under-voltage" else max(worst.get(name, -math.inf), value)
        moved = {}
        for name, limit in limits.items():
            slack, value = 1e-3 * abs(limit), worst.get(name, limit)
            moved[name] = (value - slack if value < limit else limit) if name == "under-voltage" else (value + slack if value > limit else limit)
        return moved

    def crossed(self, kw, limits):
        """The first limit, of those that are crossed, in the order of the criteria: name, value and place; None where all are kept."""
        readings = self.readings(kw, limits)
        if readings is None:
            return ("solution", math.nan, "")
        bad = [r for r in readings if (r[1] < limits[r[0]] if r[0] == "under-voltage" else r[1] > limits[r[0]])]
        return bad[0] if bad else None

    def readings(self, kw, limits):
        """Every value of every criterion: name, value and place; None where the power flow does not converge."""
        circuit = self.dss.ActiveCircuit
        self.restore()
        self.run(f"generator.hosted.kw={float(kw)!r}")
        self.run("set controlmode=off")
        circuit.Solution.Solve()
        if not circuit.Solution.Converged:
            return None
        found = []
        if "voltage-deviation" in limits or "voltage-deviation-lv" in limits:
            for now, was, (_, _, _, low, name) in zip(self.magnitudes(), self.base_v, self.watched):
                found.append(("voltage-deviation-lv" if low else "voltage-deviation", abs(now - was), name))
        self.run("set controlmode=static")
        circuit.Solution.Solve()
        if not circuit.Solution.Converged:
            return None
        for pu, (_, _, _, _, name) in zip(self.magnitudes(), self.watched):
            found += [("over-voltage", pu, name), ("under-voltage", pu, name)]
        if "voltage-unbalance" in limits:
            v = self.voltages()
            for name, (a, b, c) in self.triples:
                sides = [abs(v[a] - v[b]), abs(v[b] - v[c]), abs(v[c] - v[a])]
                mean = sum(sides) / 3
                found.append(("voltage-unbalance", 100 * max(abs(s - mean) for s in sides) / mean if mean else 0.0, name))
        if "thermal-line" in limits:
            for name, amps, phases in self.lines:
                circuit.Lines.Name = name
                i = circuit.ActiveCktElement.CurrentsMagAng[::2]
                conductors = len(i) // 2
                largest = max(max(i[:phases]), max(i[conductors:conductors + phases]))
                found.append(("thermal-line", 100 * largest / amps, f"line.{name}"))
        if "thermal-transformer" in limits:
            for name, kva in self.transformers:
                circuit.SetActiveElement(f"transformer.{name}")
                e = circuit.ActiveCktElement
                p, n, terminals = e.Powers, e.NumConductors, e.NumTerminals
                sums = [abs(complex(sum(p[2 * t * n:2 * (t + 1) * n:2]), sum(p[2 * t * n + 1:2 * (t + 1) * n:2]))) for t in range(terminals)]
                found.append(("thermal-transformer", 100 * max(sums) / kva, f"transformer.{name}"))
        return [f for f in found if f[0] in limits]


def one_bus(job):
    args, known, (bus, nodes, kv_ln, untied) = job
    feeder = Feeder(args.model, args.post)
    feeder.known = known
    feeder.prepare(bus, nodes, kv_ln, untied)
    sign = 1 if args.der == "generation" else -1
    limits = feeder.loosened(args.limits) if args.not_worse else args.limits
    if (crossed := feeder.crossed(0.0, limits)) is not None:
        return bus, 0.0, crossed
    k = 0
    while (k + 1) * args.step <= args.max + 1e-9:
        if (crossed := feeder.crossed(sign * (k + 1) * args.step, limits)) is not None:
            return bus, k * args.step, crossed
        k += 1
    return bus, k * args.step, None


def gridtwin(args):
    with tempfile.TemporaryDirectory() as out:
        command = [args.gridtwin, "hosting-capacity", str(args.model), "--der", args.der, "--step", f"{args.step:g}", "--max", f"{args.max:g}",
                   "--criteria", ",".join(args.limits), "--relax", "none", "--out", out]
        command += ["--base-violations", "not-worse"] if args.not_worse else []
        command += [x for name, value in args.limits.items() for x in ("--limit", f"{name}={value}")]
        command += [x for bus in args.bus for x in ("--bus", bus)] + [x for c in args.post for x in ("--dss", c)]
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        wall_s = time.perf_counter() - begin
        rows = list(csv.DictReader(open(pathlib.Path(out) / "hosting_capacity.csv")))
        summary = json.loads((pathlib.Path(out) / "summary.json").read_text())
    return rows, summary["results"][0]["solved"], wall_s


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gridtwin", default=str(ROOT / "target/release/gridtwin"))
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "models/ieee123/ieee123.dss")
    parser.add_argument("--der", choices=["generation", "load"], default="generation")
    parser.add_argument("--step", type=float, default=10.0)
    parser.add_argument("--max", type=float, default=20000.0)
    parser.add_argument("--bus", action="append", default=[])
    parser.add_argument("--limit", action="append", default=[], help="replaces the usual limits by those named")
    parser.add_argument("--not-worse", action="store_true")
    parser.add_argument("--post", action="append", default=[])
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--processes", type=int, default=1)
    args = parser.parse_args()
    args.model = args.model.resolve()
    args.limits = {n: float(v) for n, v in (text.split("=") for text in args.limit)} or dict(LIMITS)
    rows, solved, wall_s = gridtwin(args)
    known = Feeder(args.model, args.post).buses()
    wanted = [b for b in known if not args.bus or b[0] in args.bus]
    begin = time.perf_counter()
    with multiprocessing.Pool(args.processes) as pool:
        brute = {bus: (kw, crossed) for bus, kw, crossed in pool.imap_unordered(one_bus, [(args, known, b) for b in wanted])}
    brute_s = time.perf_counter() - begin
    found = {r["bus"]: r for r in rows if r["hosting_capacity_kw"]}
    if args.out:
        with open(args.out, "w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["bus", "brute_force_kw", "brute_force_criterion", "brute_force_element", "gridtwin_kw", "gridtwin_criterion"])
            for bus, (kw, crossed) in sorted(brute.items()):
                r = found.get(bus, {})
                name, _, at = crossed or ("", 0, "")
                out.writerow([bus, f"{kw:g}", name, at, r.get("hosting_capacity_kw"), r.get("criterion")])
    differing = far = 0
    for bus, (kw, crossed) in sorted(brute.items()):
        r = found.get(bus)
        ours = float(r["hosting_capacity_kw"]) if r else math.nan
        if ours != kw:
            differing += 1
            far += not abs(ours - kw) <= args.step * 1.000001
            what = f"{crossed[0]} {crossed[1]:.6g} at {crossed[2]}" if crossed else "no limit"
            print(f"{bus}: OpenDSS {kw:g} kW ({what}), GridTwin {ours:g} kW ({r and r['criterion']} at {r and r['element']})")
    missing = sorted(set(found) - set(brute))
    print(f"{len(brute)} buses: {len(brute) - differing} equal, {differing} differ, {far} by more than a step of {args.step:g} kW"
          + (f"; only in GridTwin: {', '.join(missing)}" if missing else ""))
    print(f"OpenDSS, step by step: {brute_s:.1f} s; GridTwin: {wall_s:.2f} s with the reading of the model, {solved} power flows")
    return 1 if far or missing else 0


if __name__ == "__main__":
    sys.exit(main())
