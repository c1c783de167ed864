#!/usr/bin/env python3
"""Trajectories of rotor angles and speeds against ANDES.

ANDES (GPL, PyPI) runs in a virtual environment of its own and is no part of what ships:

    python3 -m venv .venv/andes && .venv/andes/bin/pip install andes
    cargo build -p studies --example stability
    .venv/andes/bin/python bench/stability/compare.py target/debug/examples/stability

Both programs read the same RAW and DYR files of cases/, both take loads as constant impedances, both step by the implicit trapezoidal rule with 2 ms.
Compared are angles against the centre of inertia and speeds, at every
sample outside of events, as the largest difference over the span of that quantity over all machines and times of the case.
"""

import csv
import io
import json
import pathlib
import subprocess
import sys

import andes
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEP = 0.002
# Reactance of the fault in both programs, per unit: ANDES finds no voltages with much less.
FAULT_X = 1e-4

CASES = [
    # name, folder, dynamic data, faulted bus, start, duration, branch opened at clearing, end
    ("nine buses, GENCLS", "stability-ieee9", "classical.dyr", 7, 1.0, 5 / 60, (5, 7), 6.0),
    ("nine buses, GENROU IEEET1 TGOV1", "stability-ieee9", "detailed.dyr", 7, 1.0, 5 / 60, (5, 7), 10.0),
    ("two areas, GENCLS", "stability-kundur", "classical.dyr", 8, 1.0, 0.05, (7, 8), 6.0),
    ("two areas, GENROU SEXS TGOV1", "stability-kundur", "sexs_tgov1.dyr", 8, 1.0, 0.05, (7, 8), 10.0),
]


def theirs(folder, dyr, bus, start, duration, branch, end):
    raw = ROOT / "cases" / folder / "network.raw"
    ss = andes.load(str(raw), addfile=str(ROOT / "cases" / folder / dyr), setup=False, no_output=True, default_config=True)
    line = next(i for i, a, b in zip(ss.Line.idx.v, ss.Line.bus1.v, ss.Line.bus2.v) if {int(a), int(b)} == set(branch))
    ss.add("Fault", dict(bus=bus, tf=start, tc=start + duration, xf=FAULT_X, rf=0.0))
    ss.add("Toggle", dict(model="Line", dev=line, t=start + duration))
    ss.setup()
    ss.PFlow.config.tol = 1e-10
    ss.PFlow.run()
    config = ss.TDS.config
    config.fixt, config.shrinkt, config.tstep, config.tf, config.tol = 1, 0, STEP, end, 1e-7
    config.no_tqdm = 1
    config.criteria = 0
    ss.TDS.run()
    t = np.array(ss.dae.ts.t)
    x = np.array(ss.dae.ts.x)
    out = {}
    for model in (ss.GENCLS, ss.GENROU):
        for k in range(model.n):
            weight = model.M.v[k]
            out[int(model.bus.v[k])] = (x[:, model.delta.a[k]], x[:, model.omega.a[k]], weight)
    return t, out


def ours(program, folder, dyr, bus, start, duration, branch, end):
    case = ROOT / "cases" / folder
    name = f"{branch[0]}-{branch[1]}-1"
    command = [program, case / "network.raw", case / dyr, "--fault-x", str(FAULT_X), "--fault", str(bus), str(start), str(duration)]
    command += ["--open", name, str(start + duration), "--duration", str(end), "--step", str(STEP), "--sample", str(STEP)]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True)
    rows = {}
    for row in csv.DictReader(io.StringIO(done.stdout)):
        bus = int(row["machine"].split(".")[1].split("-")[0])
        rows.setdefault(bus, []).append((float(row["t_s"]), float(row["angle_deg"]), float(row["speed_pu"])))
    return {bus: np.array(r) for bus, r in rows.items()}


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    andes.config_logger(stream_level=40)
    results = []
    for name, folder, dyr, *what in CASES:
        t, reference = theirs(folder, dyr, *what)
        mine = ours(program, folder, dyr, *what)
        start, duration = what[1], what[2]
        times = next(iter(mine.values()))[:, 0]
        # Away from events, where both have one value at a moment.
        keep = (np.abs(times - start) > STEP) & (np.abs(times - start - duration) > STEP) & (times <= t[-1])
        times = times[keep]
        weights = {bus: r[2] for bus, r in reference.items()}
        total = sum(weights.values())

        def centred(angles):
            coi = sum(weights[b] * angles[b] for b in angles) / total
            return {b: a - coi for b, a in angles.items()}

        theirs_angle = centred({b: np.interp(times, t, np.degrees(r[0])) for b, r in reference.items()})
        ours_angle = centred({b: r[keep, 1] for b, r in mine.items()})
        theirs_speed = {b: np.interp(times, t, r[1]) for b, r in reference.items()}
        ours_speed = {b: r[keep, 2] for b, r in mine.items()}
        row = {"case": name, "machines": len(mine), "end_s": what[4], "reached_s": float(t[-1])}
        for quantity, a, b in (("angle_deg", ours_angle, theirs_angle), ("speed_pu", ours_speed, theirs_speed)):
            largest = max(np.max(np.abs(a[k] - b[k])) for k in a)
            span = max(np.max(np.ptp(b[k])) for k in b)
            row[quantity] = {"largest": float(largest), "span": float(span), "percent": float(100 * largest / span)}
        results.append(row)
        print(f"{name}: angle {row['angle_deg']['largest']:.4f} deg of {row['angle_deg']['span']:.1f} ({row['angle_deg']['percent']:.3f} %), "
              f"speed {row['speed_pu']['largest']:.2e} of {row['speed_pu']['span']:.4f} ({row['speed_pu']['percent']:.3f} %)")
    print(json.dumps({"andes": andes.__version__, "step_s": STEP, "cases": results}, indent=1))
    worst = max(r[q]["percent"] for r in results for q in ("angle_deg", "speed_pu"))
    sys.exit(0 if worst < 1.0 else 1)


if __name__ == "__main__":
    main()
