"""RAW files that GridTwin writes, read and solved by two other programs; and files that those write, read and solved by GridTwin.

usage: python raw_round_trip.py --binary target/debug/gridtwin [--limit 1e-8] [--keep DIR] [MODEL ...]

Out: the shipped design with every scenario of it, and each MODEL (a RAW case, or whatever `gridtwin convert` reads; without one, those of the project), in
versions 33, 34 and 35. Each file is
solved by GridTwin, by VeraGrid and by PowSyBl's open load flow, each with its own reader and its own Newton solver. Back: what VeraGrid and PowSyBl write of
the same networks, in the versions that they write, read and solved by GridTwin. Compared are the complex voltage of every bus, per unit, and the power into
both ends of every branch and transformer, per unit of the system base. Prints the largest difference of each model, version and reader, and exits 1 when one is
above --limit and not among those of `KNOWN`. Needs veragridengine (MPL-2.0; seen with 6.7.20) and pypowsybl (MPL-2.0; seen with 1.16.1).

All three solve what the file holds: controls are off, reactive limits are not kept, and machines at buses of kind 2 and 3 hold the voltage that the file stores
for their bus, which is what `gridtwin solve` does (the other two take a machine without a reactive range for one of constant reactive power). Each starts flat, and where it does not converge so, at the stored voltages, and then to 1e-9 instead of 1e-11 (next to branches of
1e-6 per unit no better can be had).

VeraGrid shares the magnetising admittance of a transformer out to both ends; in PSS/E it is a shunt at the bus of winding 1. It is moved there before VeraGrid
solves, with the values that VeraGrid has read. --magnetising-as-read leaves it.
"""
import argparse
import cmath
import csv
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
ROOT = pathlib.Path(__file__).resolve().parents[2]


# Without models on the command line.
OWN = ("models/ehv-400-220.dss", "cases/transmission/windings_off_base/network.raw")

POSITION = "it takes a ratio to the nearest position of its tap changer"
SECTION = "it takes a switched shunt to the nearest whole section"
SCALED = "it scales the impedance of two windings by the square of rated over base voltage"
NO_MAGNETISING = "it leaves out the magnetising branch of three windings"
# What the other program does not hold as the file does: model, reader, limits of voltage and power in our file, why. Its own file holds what it took.
KNOWN = {
    ("IEEE_39_bus", "PowSyBl"): (2e-6, 2e-4, POSITION),
    ("Illinois200", "PowSyBl"): (1e-2, 0.2, SECTION),
    ("ACTIVSg2000", "PowSyBl"): (5e-2, 1.2, SECTION),
    ("ehv-400-220", "VeraGrid"): (1e-7, 5e-6, NO_MAGNETISING),
    ("windings_off_base", "VeraGrid"): (6e-3, 2e-3, SCALED),
    ("three_winding_mag_test", "VeraGrid"): (2e-3, 0.0, NO_MAGNETISING),
}


class Solution:
    """Voltages by bus number; powers into ends by (buses and circuit of an element, terminal); buses that hold a voltage."""

    def __init__(self, swing, v, s, held=()):
        self.swing, self.v, self.s, self.held = swing, v, s, held


class Left(Exception):
    """Why a reader has no solution of a file."""


# ── GridTwin ─────────────────────────────────────────────────────────────────────────────────────


def gridtwin(binary, *words):
    done = subprocess.run([binary, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise Left(" ".join(done.stderr.split())[:300])
    return done.stdout


def ours(binary, raw):
    with tempfile.TemporaryDirectory() as folder:
        gridtwin(binary, "solve", raw, "--tolerance", "1e-11", "--out", folder)
        folder = pathlib.Path(folder)
        s_base = json.loads((folder / "transmission.json").read_text())["s_base_mva"]
        v, s, swing, held = {}, {}, None, set()
        for row in csv.DictReader((folder / "buses.csv").open()):
            if row["state"] in ("swing", "generator"):
                held.add(int(row["bus"]))
            if row["v_pu"]:
                v[int(row["bus"])] = cmath.rect(float(row["v_pu"]), math.radians(float(row["angle_deg"])))
            if row["state"] == "swing" and swing is None:
                swing = int(row["bus"])
        for row in csv.DictReader((folder / "branches.csv").open()):
            kind, _, name = row["element"].partition(".")
            if row["p_mw"]:
                s[name, int(row["terminal"])] = complex(float(row["p_mw"]), float(row["q_mvar"])) / s_base
        return Solution(swing, v, s, held), s_base


# ── VeraGrid ─────────────────────────────────────────────────────────────────────────────────────


class VeraGrid:
    name = "VeraGrid"
    versions = (33, 34, 35)

    def __init__(self, magnetising_as_read):
        import VeraGridEngine
        from VeraGridEngine.__version__ import __VeraGridEngine_VERSION__ as version

        self.api, self.version, self.magnetising_as_read = VeraGridEngine, version, magnetising_as_read

    def read(self, raw):
        grid = self.api.open_file(str(raw))
        if grid is None or not grid.buses:
            raise Left("not read")
        return grid

    def solve(self, grid, held):
        from VeraGridEngine.enumerations import GeneratorControlMode, ShuntControlMode

        vge = self.api
        at_first_end = {}
        for g in grid.generators:
            g.control_bus, g.Vset = g.bus, g.bus.Vm0
            if g.bus.code.isdigit() and int(g.bus.code) in held:
                g.control_mode = GeneratorControlMode.V
        for shunt in grid.controllable_shunts:
            shunt.control_mode = ShuntControlMode.Locked
        if not self.magnetising_as_read:
            for t in grid.transformers2w:
                if t.active and (t.G or t.B):
                    # Per unit of the system base at 1 per unit of voltage: MW and Mvar of a shunt.
                    y = complex(t.G, t.B)
                    t.G = t.B = 0.0
                    grid.add_shunt(t.bus_from, vge.Shunt(name=f"m_{t.code}", G=y.real * grid.Sbase, B=y.imag * grid.Sbase))
                    at_first_end[t.code] = y
        for stored, eps in ((False, 1e-11), (True, 1e-11), (True, 1e-9)):
            options = vge.PowerFlowOptions(vge.SolverType.NR, tolerance=eps, max_iter=60, use_stored_guess=stored, retry_with_other_methods=False,
                                           control_q=False, control_taps_modules=False, control_taps_phase=False, control_remote_voltage=False)
            r = vge.power_flow(grid, options)
            if r.converged:
                break
        else:
            raise Left(f"not solved, {r.error:.1e}")
        number, v, s, swing = {}, {}, {}, None
        for bus, u in zip(grid.buses, r.voltage):
            if bus.code.isdigit() and bus.active:
                v[int(bus.code)] = complex(u)
                number[bus.idtag] = int(bus.code)
                swing = int(bus.code) if bus.is_slack and swing is None else swing
        for e, s1, s2 in zip(grid.get_branches(), r.Sf, r.St):
            if e.active and e.bus_from.idtag in number and e.bus_to.idtag in number:
                name = e.code.replace("_", "-")
                at_v = abs(v[number[e.bus_from.idtag]])
                s[name, 1] = complex(s1) / grid.Sbase + at_v**2 * at_first_end.get(e.code, 0j).conjugate()
                s[name, 2] = complex(s2) / grid.Sbase
        return Solution(swing, v, s)

    def write(self, grid, version, path):
        from VeraGridEngine.IO.raw.raw_parser_writer import write_raw
        from VeraGridEngine.IO.raw.veragrid_to_raw import veragrid_to_raw
        from VeraGridEngine.basic_structures import Logger

        write_raw(str(path), veragrid_to_raw(grid, version, Logger()), version=version)


# ── PowSyBl ──────────────────────────────────────────────────────────────────────────────────────


class PowSyBl:
    name = "PowSyBl"
    # Its importer takes 32, 33 and 35, the exporter writes what it has read.
    versions = (33, 35)

    def __init__(self):
        import pypowsybl
        import pypowsybl.loadflow

        self.api, self.version = pypowsybl, pypowsybl.__version__

    def read(self, raw):
        try:
            return self.api.network.load(str(raw))
        except Exception as e:
            raise Left(str(e).splitlines()[0][:200]) from e

    def solve(self, net, held):
        lf = self.api.loadflow
        kv = net.get_voltage_levels()["nominal_v"]
        buses = net.get_bus_breaker_view_buses()
        base = {b: kv[row.voltage_level_id] for b, row in buses.iterrows()}
        machines = net.get_generators(all_attributes=True)
        stored = {m: buses.v_mag[row.bus_breaker_bus_id] for m, row in machines.iterrows()}
        if len(stored):
            ids = list(stored)
            holds = [row.bus_breaker_bus_id[1:].isdigit() and int(row.bus_breaker_bus_id[1:]) in held for _, row in machines.iterrows()]
            net.update_generators(id=ids, regulated_element_id=ids, target_v=[stored[m] for m in ids], voltage_regulator_on=holds, min_q=[-1e5] * len(ids),
                                  max_q=[1e5] * len(ids))
        for start, eps in ((lf.VoltageInitMode.UNIFORM_VALUES, "1e-12"), (lf.VoltageInitMode.PREVIOUS_VALUES, "1e-12"), (lf.VoltageInitMode.PREVIOUS_VALUES, "1e-9")):
            parameters = lf.Parameters(distributed_slack=False, use_reactive_limits=False, read_slack_bus=True, transformer_voltage_control_on=False,
                                       shunt_compensator_voltage_control_on=False, phase_shifter_regulation_on=False, voltage_init_mode=start,
                                       provider_parameters={"newtonRaphsonConvEpsPerEq": eps, "slackBusPMaxMismatch": "1e-6", "maxNewtonRaphsonIterations": "60",
                                                            "minPlausibleTargetVoltage": "0.5", "maxPlausibleTargetVoltage": "1.5"})
            r = lf.run_ac(net, parameters)[0]
            if r.status == lf.ComponentStatus.CONVERGED:
                break
        else:
            raise Left(f"not solved, {r.status_text}")
        v, s = {}, {}
        buses = net.get_bus_breaker_view_buses()
        for b, row in buses.iterrows():
            if row.connected_component == 0 and b[0] == "B" and b[1:].isdigit() and not math.isnan(row.v_mag):
                v[int(b[1:])] = cmath.rect(row.v_mag / base[b], math.radians(row.v_angle))
        for frame, ends in ((net.get_lines(), 2), (net.get_2_windings_transformers(), 2), (net.get_3_windings_transformers(), 3)):
            for e, row in frame.iterrows():
                for end in range(1, ends + 1):
                    p, q = row[f"p{end}"], row[f"q{end}"]
                    if not math.isnan(p):
                        s[e.partition("-")[2].strip(), end] = complex(p, q)
        return Solution(r.reference_bus_id, v, s)

    def write(self, net, version, path):
        net.save(str(path.with_suffix("")), format="PSS/E")


# ── comparison ───────────────────────────────────────────────────────────────────────────────────


def apart(mine, theirs, s_base_of_theirs):
    """Largest difference of voltages and powers, with where; what only one of both has."""
    both = mine.v.keys() & theirs.v.keys()
    if mine.swing not in both:
        raise Left(f"swing bus {mine.swing} is not in both")
    turn = mine.v[mine.swing] / theirs.v[mine.swing]
    turn /= abs(turn)
    dv = max((abs(mine.v[b] - theirs.v[b] * turn), str(b)) for b in both)
    ends = mine.s.keys() & theirs.s.keys()
    ds = max(((abs(mine.s[e] - theirs.s[e] / s_base_of_theirs), f"{e[0]}, end {e[1]}") for e in ends), default=(0.0, ""))
    lacking = len(mine.v.keys() ^ theirs.v.keys()), len(mine.s.keys() - theirs.s.keys())
    return len(both), dv, len(ends), ds, lacking


class Worst:
    """The worst of several files, one line of what is printed."""

    def __init__(self):
        self.files, self.buses, self.ends, self.dv, self.ds, self.lacking, self.left = 0, 0, 0, (0.0, ""), (0.0, ""), (0, 0), []

    def add(self, file, compared):
        buses, dv, ends, ds, lacking = compared
        self.files += 1
        self.buses += buses
        self.ends += ends
        # Not a number is worse than everything.
        key = lambda d: math.inf if math.isnan(d[0]) else d[0]
        self.dv = max(self.dv, (dv[0], f"{file}, bus {dv[1]}"), key=key)
        self.ds = max(self.ds, (ds[0], f"{file}, {ds[1]}"), key=key)
        self.lacking = max(self.lacking, lacking)

    def within(self, limit_v, limit_s):
        return not self.left and self.files > 0 and self.dv[0] <= limit_v and self.ds[0] <= limit_s and self.lacking[0] == 0

    def line(self):
        if not self.files:
            return "; ".join(self.left)
        text = f"{self.files:3} files {self.buses:6} buses {self.dv[0]:.1e} pu ({self.dv[1]}), {self.ends:6} ends {self.ds[0]:.1e} pu ({self.ds[1]})"
        if any(self.lacking):
            text += f"; up to {self.lacking[0]} buses and {self.lacking[1]} ends a file in one only"
        return "; ".join([text, *self.left])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", default=str(ROOT / "target/debug/gridtwin"))
    p.add_argument("--limit", type=float, default=1e-8)
    p.add_argument("--keep", help="folder for all files")
    p.add_argument("--magnetising-as-read", action="store_true")
    p.add_argument("models", nargs="*")
    a = p.parse_args()
    readers = [VeraGrid(a.magnetising_as_read), PowSyBl()]
    print(", ".join(f"{r.name} {r.version}" for r in readers))
    worst = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(a.keep or scratch)
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for version in (33, 34, 35):
            out = folder / f"design_{version}"
            gridtwin(a.binary, "exchange", "export", "psse", "--version", version, "--scenario-cases", "--out", out)
            files += [("design", version, f) for f in sorted(out.glob("*.raw"))]
            for model in a.models or [ROOT / m for m in OWN]:
                path = pathlib.Path(model)
                name = path.parent.name if path.stem == "network" else path.name.split(".")[0]
                raw = folder / f"{name}_v{version}.raw"
                gridtwin(a.binary, "convert", model, "--to", f"raw{version}", "--out", raw)
                files.append((name, version, raw))
        for source, version, raw in files:
            try:
                mine, s_base = ours(a.binary, raw)
            except Left as why:
                worst.setdefault((source, version, "GridTwin", "our file"), Worst()).left.append(str(why))
                continue
            for reader in readers:
                if version not in reader.versions:
                    continue
                unit = s_base if reader.name == "PowSyBl" else 1.0
                out, back = (worst.setdefault((source, version, reader.name, way), Worst()) for way in ("our file", "its file"))
                try:
                    out.add(raw.stem, apart(mine, reader.solve(reader.read(raw), mine.held), unit))
                except Left as why:
                    out.left.append(f"{raw.stem}: {why}")
                    continue
                try:
                    theirs = folder / f"{raw.stem}_by_{reader.name}.raw"
                    reader.write(reader.read(raw), version, theirs)
                    again = ours(a.binary, theirs)[0]
                    back.add(theirs.stem, apart(again, reader.solve(reader.read(theirs), again.held), unit))
                except Left as why:
                    back.left.append(f"{theirs.stem}: {why}")
    good = True
    for (source, version, reader, way), w in worst.items():
        verdict = ""
        if not w.within(a.limit, a.limit):
            limit_v, limit_s, why = KNOWN.get((source, reader), (0.0, 0.0, ""))
            is_known = way == "our file" and w.within(limit_v, limit_s)
            verdict = f"  known: {why}" if is_known else "  ABOVE"
            good = good and is_known
        print(f"{source:18} v{version} {reader:8} {way} {w.line()}{verdict}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
