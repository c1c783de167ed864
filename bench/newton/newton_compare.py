#!/usr/bin/env python3
"""Flat-start power flows of transmission cases beside pandapower and lightsim2grid.

usage: newton_compare.py --gridtwin BINARY CASE.raw [CASE.raw ...] [--rounds N] [--write RESULTS.md]

All programs solve the same equations: `gridtwin bench --equations-out` writes admittance matrix, injections and the flat start (1 per unit, or the
voltage that is held; the angle of the swing bus). Tolerance 1e-8 per unit, one thread, CPU time by each process's own clock.

* lightsim2grid: its Newton-Raphson solver on KLU for one slack bus, given the matrix and vectors as numpy and scipy objects; twice: as it comes
  (`solve` again, which keeps the analysis where it can) and with `reset` before every solve. The lesser of CPU time and the solver's own clock.
* pandapower: a net of buses, impedances between them, shunts, loads, generators and an external grid that gives the same matrix; `runpp` with numba, flat
  start. Its whole call is timed, with building the matrix and writing result tables; beside it the time that it reports for its solver alone.

Voltages are compared node by node; above 1e-6 per unit the run fails.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import pandas as pd
from scipy.sparse import csc_matrix


def read_equations(folder):
    y = pd.read_csv(folder / "admittance.csv")
    nodes = pd.read_csv(folder / "nodes.csv")
    n = len(nodes)
    matrix = csc_matrix((y.g_pu + 1j * y.b_pu, (y.row, y.column)), shape=(n, n))
    return {
        "y": matrix,
        "held": nodes.held.to_numpy(),
        "s": (nodes.p_pu + 1j * nodes.q_pu).to_numpy(),
        "v0": (nodes.start_re + 1j * nodes.start_im).to_numpy(),
        "v": (nodes.v_re + 1j * nodes.v_im).to_numpy(),
    }


def measure(solve, rounds, least_s=1.0):
    """Best and median CPU time of a solve, s."""
    solve()
    times = []
    for _ in range(rounds):
        count, start = 0, time.process_time()
        while True:
            solve()
            count += 1
            spent = time.process_time() - start
            if spent > least_s / rounds and count >= 2:
                break
        times.append(spent / count)
    return min(times), float(np.median(times))


def lightsim(eq, rounds, reset):
    from lightsim2grid.algorithm import NRSing_KLU

    solver = NRSing_KLU()
    index = np.arange(len(eq["s"]))
    slack = index[eq["held"] == "swing"].astype(np.int32)
    pv = index[eq["held"] == "generator"].astype(np.int32)
    pq = index[eq["held"] == "load"].astype(np.int32)
    weights = np.zeros(len(index))
    weights[slack] = 1.0 / len(slack)
    y, s = eq["y"].tocsc(), eq["s"].astype(complex)
    y.sort_indices()
    inside = []

    def solve():
        if reset:
            solver.reset()
        if not solver.solve(y, eq["v0"].copy(), s, slack, weights, pv, pq, 30, 1e-8):
            raise RuntimeError("lightsim2grid did not converge")
        inside.append(solver.get_timers()[-1])

    best, median = measure(solve, rounds)
    # Its own clock counts no Python and no check of the arguments; what is less of the two is taken.
    return (min(best, min(inside)), median), np.array(solver.get_V(), copy=True), solver.get_nb_iter()


def pandapower_net(eq):
    import pandapower as pp

    n = len(eq["s"])
    net = pp.create_empty_network(sn_mva=100.0, f_hz=50.0)
    pp.create_buses(net, n, vn_kv=100.0)
    coo = eq["y"].tocoo()
    upper = {}
    for i, j, value in zip(coo.row, coo.col, coo.data):
        if i != j and value != 0:
            upper.setdefault((min(i, j), max(i, j)), {})[i < j] = value
    diagonal = eq["y"].diagonal().copy()
    rows = []
    for (i, j), pair in upper.items():
        zft, ztf = -1 / pair[True], -1 / pair[False]
        rows.append((i, j, zft, ztf))
        diagonal[i] += pair[True]
        diagonal[j] += pair[False]
    frame = pd.DataFrame(
        {
            "name": None,
            "from_bus": np.array([r[0] for r in rows], dtype=np.uint32),
            "to_bus": np.array([r[1] for r in rows], dtype=np.uint32),
            "rft_pu": [r[2].real for r in rows],
            "xft_pu": [r[2].imag for r in rows],
            "rtf_pu": [r[3].real for r in rows],
            "xtf_pu": [r[3].imag for r in rows],
            "gf_pu": 0.0,
            "bf_pu": 0.0,
            "gt_pu": 0.0,
            "bt_pu": 0.0,
            "sn_mva": 100.0,
            "in_service": True,
        }
    )
    net.impedance = frame
    # What is left of the diagonal, as shunts: MW and Mvar drawn at 1 per unit.
    some = np.flatnonzero(np.abs(diagonal) > 0)
    pp.create_shunts(net, some, q_mvar=-diagonal[some].imag * 100, p_mw=diagonal[some].real * 100)
    loads = np.flatnonzero((eq["held"] == "load") & (eq["s"] != 0))
    pp.create_loads(net, loads, p_mw=-eq["s"][loads].real * 100, q_mvar=-eq["s"][loads].imag * 100)
    generators = np.flatnonzero(eq["held"] == "generator")
    pp.create_gens(net, generators, p_mw=eq["s"][generators].real * 100, vm_pu=np.abs(eq["v0"][generators]))
    for i in np.flatnonzero(eq["held"] == "swing"):
        pp.create_ext_grid(net, i, vm_pu=float(abs(eq["v0"][i])), va_degree=float(np.degrees(np.angle(eq["v0"][i]))))
    return net


def pandapower(eq, rounds):
    import pandapower as pp

    net = pandapower_net(eq)
    # The same angle everywhere is what a flat start means; pandapower's is zero, so angles are taken from the swing bus.
    inner = []

    def solve():
        pp.runpp(net, algorithm="nr", init="flat", numba=True, tolerance_mva=1e-6, max_iteration=30, calculate_voltage_angles=True, enforce_q_lims=False)
        inner.append(net["_ppc"]["et"])

    best = measure(solve, rounds, least_s=2.0)
    v = net.res_bus.vm_pu.to_numpy() * np.exp(1j * np.radians(net.res_bus.va_degree.to_numpy()))
    return best, min(inner), v, net["_ppc"]["iterations"]


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--gridtwin", required=True)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--write")
    arguments.add_argument("--profile", default="release")
    arguments.add_argument("cases", nargs="+")
    options = arguments.parse_args()
    head = (
        f"| {'case':<18} | nodes | it. | GridTwin us | lightsim2grid us | reset us | pandapower solver us | runpp us | "
        "lightsim2grid / GridTwin | runpp / GridTwin | solver of pandapower / GridTwin | apart, pu |"
    )
    lines = [head, "| --- " + "| ---: " * 11 + "|"]
    failed = False
    for case in options.cases:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)

            def ours(solves, *more):
                command = [options.gridtwin, "bench", case, "--lenient", "--json", "--solves", str(solves), *more]
                return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

            first = ours(20, "--equations-out", str(folder))
            eq = read_equations(folder)
            solves = max(20, int(0.3e6 / first["us_per_solve"]))
            # Programs take turns, since a busy machine slows them all.
            us, ls, ls_reset, pp_all, pp_inner = [], [], [], [], []
            for _ in range(options.rounds):
                us.append(ours(solves)["us_per_solve"])
                (best, _), v_ls, it_ls = lightsim(eq, 1, reset=False)
                ls.append(best * 1e6)
                (best, _), v_ls, it_ls = lightsim(eq, 1, reset=True)
                ls_reset.append(best * 1e6)
                (best, _), inner, v_pp, it_pp = pandapower(eq, 1)
                pp_all.append(best * 1e6)
                pp_inner.append(inner * 1e6)
        apart = max(np.abs(v_ls - eq["v"]).max(), np.abs(v_pp - eq["v"]).max())
        failed |= not apart < 1e-6
        best = [min(x) for x in (us, ls, ls_reset, pp_inner, pp_all)]
        name = pathlib.Path(case).name.split(".")[0]
        lines.append(
            f"| {name:<18} | {first['nodes']} | {first['iterations']}/{it_ls}/{it_pp} | {best[0]:,.1f} | {best[1]:,.1f} | {best[2]:,.1f} | {best[3]:,.0f} | {best[4]:,.0f} | "
            f"{best[1] / best[0]:.1f} | {best[4] / best[0]:.0f} | {best[3] / best[0]:.1f} | {apart:.1e} |"
        )
        print(lines[-1], flush=True)
    versions = []
    for package in ("pandapower", "lightsim2grid", "numba"):
        versions.append(f"{package} {__import__(package).__version__}")
    text = "\n".join(
        [
            f"# Transmission cases: power flows from a flat start, {time.strftime('%Y-%m-%d')}",
            "",
            f"{', '.join(versions)}; GridTwin built with the {options.profile} profile. {options.rounds} alternating rounds, one thread each, best CPU time of a solve; iterations in "
            "the order GridTwin, lightsim2grid, pandapower.",
            "",
            *lines,
            "",
        ]
    )
    print(text)
    if options.write:
        path = pathlib.Path(options.write)
        old = path.read_text() if path.exists() else ""
        parts = [p for p in old.split("\n# ") if p.strip() and not p.lstrip("# ").startswith("Transmission cases: power flows")]
        parts = [p if k == 0 and p.startswith("# ") else "# " + p for k, p in enumerate(parts)]
        path.write_text("\n".join([p.rstrip("\n") + "\n" for p in parts] + [text]))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
