"""Remakes cases/monitors: what OpenDSS's monitors record over a series of steps.

Each case is a folder with `model.dss`, which ends with the mode and the number of steps but does not solve, `case.toml`, and one
`expected/NAME.csv` a monitor: header, then one row a step, as `export monitors` writes it but with all digits of the record, which
OpenDSS keeps in single precision. Mode 4 has no case: this OpenDSS ends with an error of memory access when it is to make flicker of
its record; tests of the flickermeter are with its code.

    python3 cases/tools/make_monitors.py                             (needs the package dss_python)
    python3 cases/tools/make_monitors.py --random 40 --seed 7 --out DIR      random circuits, for a differential run of the same test
"""

import argparse
import random
import shutil
from pathlib import Path

from dss import DSS, DSSException

OUT = Path(__file__).resolve().parents[1] / "monitors"

HEAD = """clear
set defaultbasefrequency=60
new circuit.c bus1=src basekv=12.47 pu=1.02 mvasc3=200 mvasc1=150
new loadshape.d npts=24 interval=1 mult=(0.3 0.31 0.3 0.35 0.4 0.5 0.6 0.7 0.8 0.85 0.9 0.92 0.85 0.8 0.81 0.9 1.0 1.1 1.02 0.9 0.7 0.6 0.5 0.4)
new loadshape.s npts=24 interval=1 mult=(0 0 0 0 0 0.05 0.2 0.4 0.6 0.8 0.95 1 1 0.95 0.8 0.6 0.4 0.2 0.05 0 0 0 0 0)
new loadshape.f npts=24 interval=1 mult=(-0.3 -0.31 -0.2 0 0 0 0 0.1 0.12 0.2 0.2 0.3 0.3 0 0 0 0.4 0.5 0.6 0.4 0 -0.1 -0.2 -0.4)
new tshape.t npts=24 interval=1 temp=(20 20 20 20 20 22 24 26 30 34 38 40 42 42 40 38 34 30 26 24 22 20 20 20)
new xycurve.eff npts=4 xarray=[0.1 0.2 0.4 1.0] yarray=[0.86 0.9 0.93 0.97]
new xycurve.pt npts=4 xarray=[0 25 75 100] yarray=[1.2 1 0.8 0.6]
""".splitlines()

FEEDER = """new line.l1 bus1=src bus2=a length=2 units=km r1=0.3 x1=0.6 r0=0.7 x0=1.9 c1=9 c0=4
new transformer.t1 windings=2 buses=(a b) kvs=(12.47 4.16) kvas=(3000 3000) xhl=6 conns=(delta wye)
new line.l2 bus1=b bus2=m length=1 units=km r1=0.1 x1=0.2 r0=0.3 x0=0.6 c1=9 c0=4
new line.l3 bus1=b.1.2 bus2=n.1.2 phases=2 length=1 units=km r1=0.3 x1=0.4 r0=0.5 x0=0.9 c1=9 c0=4
new load.u bus1=m.1.2.3.0 kv=4.16 kw=600 pf=0.92 daily=d
new load.v bus1=m.1 phases=1 kv=2.4 kw=150 pf=0.9 daily=d model=2
new load.w bus1=m phases=3 conn=delta kv=4.16 kw=200 pf=0.95 daily=d model=5
new load.x bus1=n.1.2 phases=1 conn=delta kv=4.16 kw=100 pf=0.95 daily=d model=4
new capacitor.k bus1=m kv=4.16 kvar=300 numsteps=3
new reactor.r bus1=m kv=4.16 kvar=50
""".splitlines()

END = ["set voltagebases=[12.47 8 4.16 0.208]", "calcvoltagebases", "set maxiterations=500 maxcontroliter=200 tolerance=1e-10"]


def daily(n=24, step="1h"):
    return [*END, f"set mode=daily number={n} stepsize={step} hour=0 sec=0"]


def monitors(elements, modes, options=("",)):
    """One monitor of each mode and option at each element, terminal after the colon."""
    lines = []
    for element in elements:
        name, _, terminal = element.partition(":")
        for mode in modes:
            for k, option in enumerate(options):
                label = f"{name.replace('.', '_')}_{terminal or 1}_m{mode}" + (f"_{chr(97 + k)}" if len(options) > 1 else "")
                lines.append(f"new monitor.{label} element={name} terminal={terminal or 1} mode={mode} {option}".rstrip())
    return lines


UNITS = """new generator.g bus1=m kv=4.16 kw=200 pf=0.9 model=1 daily=d
new generator.h bus1=m.2 phases=1 kv=2.4 kw=30 pf=0.95 daily=d basefreq=50
new pvsystem.p bus1=m kv=4.16 kva=400 pmpp=380 irradiance=0.98 pf=0.98 daily=s tdaily=t effcurve=eff p-tcurve=pt
new pvsystem.q bus1=m.3 phases=1 kv=2.4 kva=50 pmpp=60 pf=1 daily=s effcurve=eff %cutin=10 %cutout=8 kvdc=0.6
new storage.s bus1=m kv=4.16 kwrated=150 kva=160 kwhrated=600 kwhstored=300 dispmode=default dischargetrigger=0.85 chargetrigger=0.4 daily=d effcurve=eff %idlingkw=2
new storage.z bus1=n.1.2 phases=1 conn=delta kv=4.16 kwrated=80 kva=80 kwhrated=250 kwhstored=120 dispmode=follow daily=f %effcharge=88 %effdischarge=92 pf=0.97
new indmach012.i bus1=b kv=4.16 kva=200 kw=120 daily=d
new indmach012.j bus1=b kv=4.16 kva=100 kw=60 conn=delta slip=0.01 slipoption=fixedslip
""".splitlines()

CURVES = """new xycurve.vv npts=4 xarray=[0.5 0.95 1.05 1.5] yarray=[1 1 -1 -1]
new xycurve.vw npts=4 xarray=[0.5 1.0 1.05 1.5] yarray=[1 1 0.2 0.2]
new xycurve.wpf npts=4 xarray=[0 0.2 0.5 1.0] yarray=[1 1 -0.95 -0.9]
new xycurve.wv npts=4 xarray=[0 0.25 0.75 1.0] yarray=[0.1 0.1 -0.6 -1]
""".splitlines()

INVERTERS = """new line.l1 bus1=src bus2=m length=6 units=km r1=0.3 x1=0.6 r0=0.7 x0=1.9 c1=9 c0=4
new load.u bus1=m kv=12.47 kw=900 pf=0.92 daily=d
new pvsystem.p bus1=m kv=12.47 kva=1500 pmpp=1600 irradiance=0.98 pf=1 daily=s tdaily=t effcurve=eff p-tcurve=pt
new pvsystem.q bus1=m.2 phases=1 kv=7.2 kva=300 pmpp=280 daily=s effcurve=eff kvarmax=120 kvarmaxabs=90
new storage.s bus1=m kv=12.47 kwrated=500 kva=600 kwhrated=3000 kwhstored=2500 dispmode=follow daily=f effcurve=eff
""".splitlines()

CONTROLS = {
    "volt_var": "mode=voltvar vvc_curve1=vv",
    "volt_watt": "mode=voltwatt voltwatt_curve=vw",
    "watt_pf": "mode=wattpf wattpf_curve=wpf",
    "watt_var": "mode=wattvar wattvar_curve=wv",
    "dynamic_current": "mode=dynamicreaccurr dbvmin=1 dbvmax=1 argralowv=5 argrahiv=5 dynreacavgwindowlen=2h",
    "volt_var_volt_watt": "combimode=vv_vw vvc_curve1=vv voltwatt_curve=vw",
    "volt_var_dynamic_current": "combimode=vv_drc vvc_curve1=vv dbvmin=1 dbvmax=1 argralowv=5 argrahiv=5 dynreacavgwindowlen=2h",
}


ALL = ["line.l1", "line.l1:2", "transformer.t1:2", "line.l3", "load.u", "load.v", "load.w", "load.x", "capacitor.k", "reactor.r", "vsource.source"]
VI = ["", "vipolar=no", "residual=yes", "residual=yes vipolar=no"]
P = ["", "ppolar=no"]

CASES = {
    "voltages_and_currents": (
        "Mode 0 with 16, 32 and 64, polar and not, with residual",
        [*HEAD, *FEEDER, *monitors(ALL, [0]), *monitors(["load.u", "load.x"], [0, 16, 32, 48, 64, 80, 96, 112], VI), *daily(6, "4h")],
    ),
    "powers": (
        "Mode 1 with 16, 32 and 64, polar and not",
        [*HEAD, *FEEDER, *monitors(ALL, [1]), *monitors(["load.u", "load.x"], [1, 17, 33, 49, 65, 81, 97, 113], P), *daily(6, "4h")],
    ),
    "transformers": (
        "Taps, winding currents and voltages, losses, all terminals",
        [
            *HEAD,
            *FEEDER,
            "new transformer.t2 phases=1 windings=3 buses=(a.1 x.1.0 x.0.2) kvs=(7.2 0.12 0.12) kvas=(50 50 50) xhl=2 xht=2 xlt=1.5",
            "new transformer.t3 windings=3 buses=(a y z) kvs=(12.47 4.16 0.48) kvas=(2000 2000 500) conns=(wye delta wye) xhl=5 xht=6 xlt=4 %loadloss=1 %noloadloss=0.3 %imag=0.5",
            "new autotrans.at windings=2 buses=(a w) kvs=(12.47 8) kvas=(2000 2000) xhx=5",
            "new load.t2 bus1=x.1.2 phases=1 conn=delta kv=0.24 kw=20 pf=0.95 daily=d",
            "new load.t3 bus1=z kv=0.48 kw=200 pf=0.9 daily=d",
            "new load.at bus1=w kv=8 kw=500 pf=0.95 daily=d",
            "new regcontrol.r transformer=t1 winding=2 vreg=121 band=2 ptratio=20",
            *monitors(["transformer.t1", "transformer.t2", "transformer.t3", "autotrans.at"], [8, 9, 10, 11]),
            *monitors(["transformer.t1:2", "transformer.t2:3", "transformer.t3:2", "autotrans.at:2"], [0, 1, 2]),
            *monitors(["autotrans.at"], [0, 1]),
            *daily(),
        ],
    ),
    "terminals_and_losses": (
        "Modes 9, 11 and 12 of lines and what stands to earth",
        [*HEAD, *FEEDER, *monitors([e for e in ALL if ":" not in e], [9, 11]), *monitors(["load.w"], [12]), *daily(6, "4h")],
    ),
    "state_variables": (
        "Mode 3 of every converter, mode 7 of storage",
        [
            *HEAD,
            *FEEDER,
            *UNITS,
            *monitors(
                ["generator.g", "generator.h", "pvsystem.p", "pvsystem.q", "storage.s", "storage.z", "indmach012.i", "indmach012.j", "load.u"], [3]
            ),
            *monitors(["storage.s", "storage.z"], [7]),
            *monitors(["generator.g", "pvsystem.p", "pvsystem.q", "storage.s", "storage.z", "indmach012.i", "indmach012.j"], [0, 1, 9]),
            *daily(),
        ],
    ),
    "capacitor_steps": (
        "Mode 6 with a control that moves the steps",
        [
            *HEAD,
            *FEEDER,
            "new capcontrol.c element=line.l2 capacitor=k type=kvar onsetting=150 offsetting=-80 delay=10 delayoff=10",
            *monitors(["capacitor.k"], [0, 1, 6, 9]),
            *daily(),
        ],
    ),
    "solution": ("Mode 5 with a tap changer", [*HEAD, *FEEDER, *monitors(["line.l1"], [5]), *daily()]),
    "exponential_control": (
        "Mode 3 of a PV system under exponential control",
        [*HEAD, *INVERTERS, "new expcontrol.c vreg=1.01 slope=20 vregtau=7200 pvsystemlist=(p)", *monitors(["pvsystem.p", "pvsystem.q"], [3]), *daily()],
    ),
    **{
        f"inverter_{name}": (
            f"Mode 3 of inverters under control ({name.replace('_', ' ')})",
            [
                *HEAD,
                *CURVES,
                *INVERTERS,
                f"new invcontrol.c {control}",
                *monitors(["pvsystem.p", "pvsystem.q", "storage.s"], [3]),
                *monitors(["storage.s"], [7]),
                *daily(),
            ],
        )
        for name, control in CONTROLS.items()
    },
}


def record(folder, title, lines):
    """Writes a case: the script, and what OpenDSS recorded when it was solved; false where it has a monitor of the solution and a step that
    did not converge."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "expected").mkdir(parents=True)
    (folder / "model.dss").write_text("\n".join(lines) + "\n")
    (folder / "case.toml").write_text(
        f'title = "{title}"\n'
        'why = "a column that is missing, out of order or read of the wrong moment shows here"\n'
        'source = "written for this project"\n'
        'tool = "OpenDSS, DSS C-API 0.14.5 (dss_python 0.15.7)"\n'
        'made_by = "cases/tools/make_monitors.py: the script, then `solve`"\n'
        'model = "model.dss"\n'
        "\n[tolerance]\n"
        "# Part of the largest value of the same kind in the monitor. Single precision leaves 6e-8.\n"
        "relative = 1e-5\n"
    )
    for line in lines:
        DSS.Text.Command = line
    DSS.Text.Command = "solve"
    recorded = DSS.ActiveCircuit.Monitors
    # Mode `time` leaves the last records in a buffer.
    recorded.SaveAll()
    converged = True
    going = recorded.First
    while going:
        n_columns = recorded.RecordSize
        header = ["hour", "t(sec)", *(recorded.Header if n_columns else [])]
        rows = recorded.AsMatrix()
        if recorded.Mode == 5:
            converged = all(row[2 + header[2:].index("Converged")] for row in rows)
        with (folder / "expected" / f"{recorded.Name}.csv").open("w") as out:
            out.write(",".join(header) + "\n")
            for row in rows:
                out.write(",".join(f"{value:.9g}" for value in row) + "\n")
        going = recorded.Next
    return converged


def random_case(rng):
    """A small circuit of every class, with monitors of every mode that each element takes."""
    pick = rng.choice
    basefreq = pick([60, 60, 50])
    phases = ["", ".1", ".2", ".3", ".1.2", ".3.1"]
    lines = [line.replace("defaultbasefrequency=60", f"defaultbasefrequency={basefreq}") for line in HEAD]
    lines.append(f"new line.l1 bus1=src bus2=a length={rng.uniform(0.5, 4):.2f} units=km r1=0.3 x1=0.6 r0=0.7 x0=1.9 c1=9 c0=4")
    conns = pick(["(delta wye)", "(wye wye)"])
    lines.append(
        f"new transformer.t1 windings=2 buses=(a b) kvs=(12.47 4.16) kvas=(4000 4000) xhl={rng.uniform(3, 8):.2f} conns={conns} "
        f"%loadloss={rng.uniform(0.2, 2):.2f} %noloadloss={rng.uniform(0, 0.5):.2f} %imag={rng.uniform(0, 1):.2f} taps=(1 {pick([0.975, 1.0, 1.0125, 1.025])})"
    )
    lines.append(f"new line.l2 bus1=b bus2=m length={rng.uniform(0.2, 1):.2f} units=km r1=0.1 x1=0.2 r0=0.3 x0=0.6 c1=9 c0=4")
    elements = ["line.l1", "line.l2", "transformer.t1", "vsource.source"]
    kinds = rng.sample(["load", "load", "load", "generator", "pv", "storage", "machine", "capacitor", "reactor", "split", "auto", "current"], 8)
    for k, kind in enumerate(kinds):
        spec = pick(phases)
        n = 3 if spec == "" else spec.count(".")
        conn = "delta" if n == 2 else pick(["wye", "delta"]) if n == 3 else "wye"
        at = f"bus1=m{spec} phases={1 if n == 2 else n} conn={conn} kv={2.4 if n == 1 else 4.16}"
        if kind == "load":
            model = pick([1, 1, 2, 3, 4, 5, 6, 7, 8])
            zip_ = " zipv=(0.4 0.3 0.3 0.5 0.3 0.2 0.6)" if model == 8 else ""
            lines.append(f"new load.e{k} {at} kw={rng.uniform(20, 250):.1f} pf={rng.uniform(0.8, 1):.3f} daily=d model={model}{zip_}")
            elements.append(f"load.e{k}")
        elif kind == "generator":
            lines.append(f"new generator.e{k} {at} kw={rng.uniform(20, 100):.1f} pf={rng.uniform(0.85, 1):.3f} daily=d model={pick([1, 2, 4, 5])}")
            elements.append(f"generator.e{k}")
        elif kind == "pv":
            lines.append(
                f"new pvsystem.e{k} {at} kva={rng.uniform(40, 150):.1f} pmpp={rng.uniform(40, 150):.1f} pf={rng.uniform(0.9, 1):.3f} daily=s tdaily=t effcurve=eff p-tcurve=pt"
            )
            elements.append(f"pvsystem.e{k}")
        elif kind == "storage":
            rated = rng.uniform(40, 150)
            mode = pick(["dispmode=default dischargetrigger=0.8 chargetrigger=0.45 daily=d", "dispmode=follow daily=f"])
            lines.append(
                f"new storage.e{k} {at} kwrated={rated:.1f} kva={rated * rng.uniform(1, 1.3):.1f} kwhrated={rated * 5:.1f} kwhstored={rated * rng.uniform(1, 5):.1f} {mode} "
                f"%idlingkw={rng.uniform(0, 3):.2f} %effcharge={rng.uniform(80, 100):.1f} %effdischarge={rng.uniform(80, 100):.1f} {pick(['', 'effcurve=eff'])}"
            )
            elements.append(f"storage.e{k}")
        elif kind == "machine":
            lines.append(f"new indmach012.e{k} bus1=m kv=4.16 conn={pick(['wye', 'delta'])} kva=150 kw={rng.uniform(30, 120):.1f} daily=d")
            elements.append(f"indmach012.e{k}")
        elif kind == "capacitor":
            lines.append(f"new capacitor.e{k} {at} kvar={rng.uniform(30, 200):.1f} numsteps={pick([1, 2, 4])} states=[1 0]")
            elements.append(f"capacitor.e{k}")
        elif kind == "reactor":
            lines.append(f"new reactor.e{k} bus1=m bus2=o{k} r={rng.uniform(0.01, 0.1):.3f} x={rng.uniform(0.05, 0.5):.3f}")
            lines.append(f"new load.o{k} bus1=o{k} kv=4.16 kw=60 daily=d")
            elements.append(f"reactor.e{k}")
        elif kind == "split":
            lines.append(
                f"new transformer.e{k} phases=1 windings=3 buses=(m.{pick([1, 2, 3])} x{k}.1.0 x{k}.0.2) kvs=(2.4 0.12 0.12) kvas=(75 75 75) xhl=2 xht=2 xlt=1.5"
            )
            lines.append(f"new load.x{k} bus1=x{k}.1.2 phases=1 conn=delta kv=0.24 kw=30 daily=d")
            lines.append(f"new load.y{k} bus1=x{k}.1 phases=1 kv=0.12 kw=10 daily=d")
            elements.append(f"transformer.e{k}")
        elif kind == "auto":
            lines.append(f"new autotrans.e{k} windings=2 buses=(a w{k}) kvs=(12.47 8) kvas=(2000 2000) xhx=5 taps=(1 {pick([1.0, 1.025])})")
            lines.append(f"new load.w{k} bus1=w{k} kv=8 kw=300 daily=d")
            elements.append(f"autotrans.e{k}")
        elif kind == "current":
            lines.append(f"new isource.e{k} bus1=m amps={rng.uniform(1, 10):.2f} angle={rng.uniform(-180, 180):.1f}")
            elements.append(f"isource.e{k}")
    if pick([True, False]):
        lines.append("new regcontrol.r transformer=t1 winding=2 vreg=120 band=2 ptratio=20")
    modes, steps = ["daily", "yearly", "duty", "time"], ["3h", "1h", "15m", "40s"]
    if any(e.startswith(("pvsystem", "storage")) for e in elements) and pick([True, False]):
        # Where nothing changes from step to step, a control that chooses its own factor answers to the rounding of the solution:
        # OpenDSS itself then changes with its tolerance.
        modes, steps = modes[:2], steps[:2]
        lines += CURVES
        lines.append(f"new invcontrol.c {pick(list(CONTROLS.values()))} {pick(['', 'deltaq_factor=0.3 deltap_factor=0.4', 'refreactivepower=varmax', 'eventlog=no'])}")
    for element in dict.fromkeys(elements):
        kind = element.split(".")[0]
        terminals = {"transformer": 2, "autotrans": 2, "line": 2}.get(kind, 1)
        t = rng.randint(1, terminals)
        options = [pick(VI) + " " + pick(P)]
        watched = [*rng.sample([0, 16, 32, 48, 64, 80, 96, 112], 3), *rng.sample([1, 17, 33, 49, 65, 81, 97, 113], 3), 9, 11]
        if "residual" in options[0]:
            watched = [m for m in watched if m % 16 != 1]
        if kind in ("transformer", "autotrans"):
            watched += [2, 8, 10]
        if kind in ("generator", "pvsystem", "storage", "indmach012"):
            watched.append(3)
        if kind == "capacitor":
            watched.append(6)
        if kind == "storage":
            watched.append(7)
        lines += monitors([f"{element}:{t}"], watched, options)
    lines.append("new monitor.sol element=line.l1 mode=5")
    mode = pick(modes)
    if mode == "yearly":
        lines = [line.replace("daily=", "yearly=") if line.startswith("new") else line for line in lines]
    start = pick(["hour=0 sec=0", "hour=5 sec=1800"])
    return [*lines, *END, f"set mode={mode} number=8 stepsize={pick(steps)} {start}"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--random", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    DSS.AllowForms = False
    if args.random:
        rng = random.Random(args.seed)
        for k in range(args.random):
            folder = args.out / f"random_{args.seed}_{k}"
            try:
                converged = record(folder, "A random circuit", random_case(rng))
            except DSSException as error:
                # Controls that do not come to rest stop a series.
                print(folder.name, error)
                converged = False
            if not converged:
                shutil.rmtree(folder)
        return
    for name, (title, lines) in CASES.items():
        record(args.out / name, title, lines)


main()
