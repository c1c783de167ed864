"""Makes the references of cases/time_series with OpenDSS (dss_python 0.15.7, DSS C-API 0.14.5).

usage: python make_time_series.py [FOLDER ...]

Every folder has a case.toml: [[case]] with name, master, post (commands after the compile), and tables daily*, yearly*, duty*, time* with
setup (commands), mode, number, stepsize, controlmode, tolerance. Each series becomes ref/CASE/SERIES.csv: one row a step, with powers
delivered, losses, lowest, highest and mean node voltage, iterations, taps, capacitor steps closed and the voltages of up to `probes` nodes.
"""
import csv
import pathlib
import sys
import tomllib

import numpy as np
from dss import DSS

DSS.AllowForms = False
HERE = pathlib.Path(__file__).resolve().parent.parent / "time_series"
KINDS = ("daily", "yearly", "duty", "time")


def commands(lines):
    for line in lines:
        DSS.Text.Command = line


def positions(circuit):
    taps, steps = {}, {}
    controls, transformers, capacitors = circuit.RegControls, circuit.Transformers, circuit.Capacitors
    at = controls.First
    while at:
        transformers.Name = controls.Transformer
        transformers.Wdg = controls.TapWinding or controls.Winding
        taps[controls.Name.lower()] = round(transformers.Tap, 9)
        at = controls.Next
    at = capacitors.First
    while at:
        steps[capacitors.Name.lower()] = sum(capacitors.States)
        at = capacitors.Next
    return taps, steps


def series(folder, case, settings, path):
    circuit = DSS.ActiveCircuit
    commands(["clear", "set DefaultBaseFrequency=60", f'compile "{folder / case["master"]}"'])
    commands([*case.get("post", []), *settings.get("setup", []), f"set mode={settings.get('mode', 'daily')}"])
    commands([
        f"set number=1 stepsize={settings.get('stepsize', '1h')} hour=0 sec=0",
        f"set controlmode={settings.get('controlmode', 'static')}",
        f"set tolerance={settings.get('tolerance', 1e-9):g}",
        "set maxiterations=500",
        "set maxcontroliter=200",
    ])
    rows, header = [], None
    for step in range(1, settings["number"] + 1):
        commands(["solve"])
        names = [n.lower() for n in circuit.YNodeOrder]
        pairs = np.array(circuit.YNodeVarray)
        v = np.hypot(pairs[0::2], pairs[1::2])
        base = np.array([1e3 * circuit.Buses(n.rsplit(".", 1)[0]).kVBase for n in names])
        based = np.flatnonzero(base > 0)
        v_pu = v[based] / base[based]
        taps, steps = positions(circuit)
        if header is None:
            probes = np.unique(np.linspace(0, len(based) - 1, min(settings.get("probes", 12), len(based))).astype(int))
            header = ["step", "p_kw", "q_kvar", "loss_kw", "loss_kvar", "vmin_pu", "vmax_pu", "vmean_pu", "converged", "iterations",
                      "control_iterations", *("tap:" + t for t in taps), *("cap:" + c for c in steps),
                      *("vpu:" + names[based[k]] for k in probes)]
        power, losses, solution = circuit.TotalPower, circuit.Losses, circuit.Solution
        figures = [-power[0], -power[1], losses[0] / 1e3, losses[1] / 1e3, v_pu.min(), v_pu.max(), v_pu.mean()]
        rows.append([step, *map("{:.10g}".format, figures), int(solution.Converged), solution.Iterations, solution.ControlIterations,
                     *taps.values(), *steps.values(), *map("{:.10g}".format, v_pu[probes])])
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def main():
    folders = [pathlib.Path(a).resolve() for a in sys.argv[1:]] or sorted(p for p in HERE.iterdir() if p.is_dir())
    for folder in folders:
        for case in tomllib.loads((folder / "case.toml").read_text())["case"]:
            for key, settings in case.items():
                if key.startswith(KINDS):
                    series(folder, case, settings, folder / "ref" / case["name"] / f"{key}.csv")
                    print(folder.name, case["name"], key, flush=True)


if __name__ == "__main__":
    main()
