"""Steps of a yearly series per second: GridTwin, OpenDSS and power-grid-model on the same feeders, in one run on one machine.

usage: python series_compare.py --gridtwin BINARY [--feeders DIR] [--rounds 2] [--steps N | --year] [--only PART,...] [--write]

Parts: opendss (ieee123, ckt5, ieee8500 of the reference folder against OpenDSS), power-grid-model (made-up feeders that all three express
exactly), threads (all cores), growth (time per node and step from 100 to 50,000 nodes). Each says whether its bars are met; the exit
status is 1 if a run fails or a bar is missed, 0 otherwise. How each figure is taken is told in README.md. --write keeps the tables in results.md.

Every timed run is a process of its own, and the clock is that process's CPU time, except with several threads, where it is wall time.
"""
import argparse
import csv
import json
import os
import pathlib
import sys
import tempfile
import threading
import time
import tomllib

from opendss_compare import ROOT, Failed, machine, per_s, spawn, stage, table, write_section

TOLERANCE, TIGHT = 1e-6, 1e-10
LIMITS = ("set maxiterations=500", "set maxcontroliter=200")
BARS = {("off", "default"): 8, ("static", "default"): 10, ("static", "tuned"): 6}
BAR_POWER_GRID_MODEL = 4
# Agreement is looked at over the first SAMPLED steps: totals of each, all nodes of every SAMPLE_EVERY-th.
SAMPLED, SAMPLE_EVERY = 48, 6


class Case:
    def __init__(self, name, master, commands, steps):
        self.name, self.master, self.commands, self.steps = name, master, commands, steps

    post = property(lambda self: self.commands)


def reference_feeders(shared):
    """The three reference feeders with the year that their references follow; steps by control mode."""
    cases = []
    for name, steps in (("ieee123", (8760, 8760)), ("ckt5", (744, 744)), ("ieee8500", (744, 168))):
        case = tomllib.loads((shared / name / "case.toml").read_text())["case"][0]
        year = case.get("yearly") or case["yearly_off"]
        cases.append(Case(name, shared / name / case["master"], [*case.get("post", []), *year["setup"]], dict(zip(("off", "static"), steps))))
    return cases


# ---------------------------------------------------------------- worker processes


def opendss_worker(job):
    """Compiles and runs a series in OpenDSS; prints one JSON object."""
    from dss import DSS

    DSS.AllowForms = False
    DSS.AllowEditor = False
    engines = [DSS] if job["threads"] == 1 else [DSS.NewContext() for _ in range(job["threads"])]
    for engine in engines:
        prepare_opendss(engine, job)
    solutions = [engine.ActiveCircuit.Solution for engine in engines]
    if job["nodes_out"]:
        return print(json.dumps(record_opendss(engines[0], job)))
    for s in solutions:
        s.Number = job["steps"]
    wall, cpu = time.perf_counter(), time.process_time()
    if len(engines) == 1:
        solutions[0].Solve()
    else:
        running = [threading.Thread(target=s.Solve) for s in solutions]
        for t in running:
            t.start()
        for t in running:
            t.join()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    hours = [s.dblHour for s in solutions]
    if any(abs(h - job["steps"]) > 1e-6 for h in hours):
        raise SystemExit(f"stopped at hour {hours} of {job['steps']}")
    print(json.dumps(dict(cpu_s=cpu, wall_s=wall, nodes=engines[0].ActiveCircuit.NumNodes, version=DSS.Version.split(" revision")[0])))


def prepare_opendss(engine, job):
    def run(text):
        engine.Text.Command = text

    run("clear")
    run("set DefaultBaseFrequency=60")
    run(f'compile "{job["master"]}"')
    for command in job["commands"]:
        run(command)
    circuit = engine.ActiveCircuit
    # Meters and monitors would be sampled inside Solve; GridTwin's timed run keeps nothing either.
    for name in circuit.AllElementNames:
        if name.lower().startswith(("energymeter.", "monitor.")):
            circuit.SetActiveElement(name)
            circuit.ActiveCktElement.Enabled = False
    run("set mode=yearly number=1 stepsize=1h hour=0 sec=0")
    for command in (f'set controlmode={job["controls"]}', f'set tolerance={job["tolerance"]:g}', *LIMITS):
        run(command)
    if job["tuned"]:
        circuit.Settings.LoadsTerminalCheck = False
        engine.YMatrix.SolverOptions = 3


def record_opendss(engine, job):
    """Single steps; per-step power and losses, node voltages at every SAMPLE_EVERY-th."""
    circuit = engine.ActiveCircuit
    base = {name.lower(): circuit.Buses(name).kVBase for name in circuit.AllBusNames}
    rows, iterations, unsettled = [], 0, 0
    with open(job["nodes_out"], "w") as f:
        f.write("step,node,kvbase_ln,v_re,v_im\n")
        for step in range(1, job["steps"] + 1):
            circuit.Solution.Solve()
            iterations += circuit.Solution.Iterations
            unsettled += not circuit.Solution.Converged
            rows.append((-circuit.TotalPower[0], circuit.Losses[0] / 1e3))
            if step % SAMPLE_EVERY == 0:
                v = circuit.YNodeVarray
                for k, node in enumerate(circuit.YNodeOrder):
                    node = node.lower()
                    f.write(f"{step},{node},{base[node.rsplit('.', 1)[0]]:.17g},{v[2 * k]:.17g},{v[2 * k + 1]:.17g}\n")
    return dict(rows=rows, iterations=iterations, unsettled=unsettled)


def power_grid_model_worker(job):
    """Runs a series on a made-up feeder in power-grid-model, in batches of at most 1000 steps; prints one JSON object."""
    import numpy as np
    from importlib.metadata import version

    import three_phase_feeder as made

    f = made.make(job["buses"])
    model, load, names = made.power_grid_model(f)
    options = dict(symmetric=False, calculation_method="iterative_current", error_tolerance=job["tolerance"], max_iterations=100)
    if job["nodes_out"]:
        hours = range(SAMPLE_EVERY, job["steps"] + 1, SAMPLE_EVERY)
        result = model.calculate_power_flow(update_data=made.load_update(f, load, hours), **options)["node"]
        with open(job["nodes_out"], "w") as out:
            out.write("step,node,kvbase_ln,v_re,v_im\n")
            for h, row in zip(hours, result):
                for k, name in enumerate(names):
                    base = (made.KV if name[0] == "b" else made.KV_LOW) / np.sqrt(3)
                    for phase in range(3):
                        v = row["u_pu"][k, phase] * base * 1e3 * np.exp(1j * row["u_angle"][k, phase])
                        out.write(f"{h},{name}.{phase + 1},{base:.17g},{v.real:.17g},{v.imag:.17g}\n")
        return print("{}")
    total, cpu, wall = job["steps"] * job["threads"], 0.0, 0.0
    # A first batch builds what later ones reuse.
    model.calculate_power_flow(update_data=made.load_update(f, load, range(1, 3)), **options)
    for start in range(0, total, 1000):
        data = made.load_update(f, load, range(start + 1, min(start + 1000, total) + 1))
        w, c = time.perf_counter(), time.process_time()
        # The least that can be asked for, so that writing results out does not count.
        model.calculate_power_flow(update_data=data, threading=job["threads"] if job["threads"] > 1 else -1,
                                   output_component_types={"source": ["p"]}, **options)
        cpu, wall = cpu + time.process_time() - c, wall + time.perf_counter() - w
    print(json.dumps(dict(cpu_s=cpu, wall_s=wall, nodes=3 * len(names), version=f"power-grid-model {version('power-grid-model')}")))


WORKERS = {"--opendss": opendss_worker, "--power-grid-model": power_grid_model_worker}


# ---------------------------------------------------------------- the three programs, as seen from here


def opendss(case, controls, steps, tolerance=TOLERANCE, tuned=False, threads=1, nodes_out=None):
    job = dict(master=str(case.master), commands=case.commands, controls=controls, steps=steps, tolerance=tolerance, tuned=tuned,
               threads=threads, nodes_out=nodes_out and str(nodes_out))
    return worker("--opendss", job)


def power_grid_model(buses, steps, tolerance=TOLERANCE, threads=1, nodes_out=None):
    return worker("--power-grid-model", dict(buses=buses, steps=steps, tolerance=tolerance, threads=threads, nodes_out=nodes_out and str(nodes_out)))


def worker(kind, job):
    text, cpu, _ = spawn([sys.executable, __file__, kind, json.dumps(job)])
    return json.loads(text.splitlines()[-1]) | {"process_cpu_s": cpu}


def gridtwin(binary, case, controls, steps, tolerance=TOLERANCE, threads=1, stepwise=False, nodes_out=None):
    command = [binary, "bench", str(case.master), "--steps", str(steps), "--controls", controls, "--tolerance", f"{tolerance:g}",
               "--max-iterations", "500", "--max-control-iterations", "200", "--threads", str(threads), "--json"]
    command += [x for c in case.commands for x in ("--dss", c)]
    command += ["--stepwise"] if stepwise else []
    if nodes_out:
        command += ["--nodes-out", str(nodes_out), "--sample-every", str(SAMPLE_EVERY), "--out-series", f"{nodes_out}.series"]
    text, cpu, _ = spawn(command)
    result = json.loads(text) | {"process_cpu_s": cpu}
    if result["steps"] != steps or result["cpu_s"] > cpu + 0.02:
        raise Failed(f"gridtwin did {result['steps']} steps of {steps} and reports {result['cpu_s']} CPU s of {cpu}")
    if nodes_out:
        with open(f"{nodes_out}.series") as f:
            result["rows"] = [(float(r["source_kw"]), float(r["losses_kw"])) for r in csv.DictReader(f)]
    return result


def read_samples(path):
    with open(path) as f:
        return {(r["step"], r["node"].lower()): (float(r["kvbase_ln"]), complex(float(r["v_re"]), float(r["v_im"]))) for r in csv.DictReader(f)}


def apart(a, b):
    """Worst distance of node voltages over all samples, per unit."""
    if set(a) != set(b):
        raise Failed(f"samples on one side only: {sorted(set(a) ^ set(b))[:5]}")
    return max(abs(a[n][1] - b[n][1]) / (kv * 1e3) for n, (kv, _) in a.items() if kv)


# ---------------------------------------------------------------- parts


class Report:
    def __init__(self):
        self.parts, self.failures, self.missed = [], [], []

    def show(self, text=""):
        self.parts.append(text)
        print(text, flush=True)

    def attempt(self, what, call):
        """The row of one measurement; a failure is kept and the others go on."""
        try:
            return [call()]
        except (Failed, OSError, ValueError, KeyError, IndexError) as e:
            self.failures.append(f"{what}: {e}")
            return []

    def judge(self, what, ratio, bar):
        if ratio < bar:
            self.missed.append(f"{what}: {ratio:.1f} instead of {bar}")


def rounds_of(runs, rounds):
    """Alternating rounds of several runs; of each the fastest by CPU time."""
    best = {}
    for _ in range(rounds):
        for name, run in runs.items():
            now = run()
            if name not in best or now["cpu_s"] < best[name]["cpu_s"]:
                best[name] = now
    return best


def part_opendss(a, cases, report, tmp):
    rows, agreement = [], []
    for case in cases:
        for controls in ("off", "static"):
            steps = a.steps or case.steps[controls]
            runs = {"default": lambda: opendss(case, controls, steps), "tuned": lambda: opendss(case, controls, steps, tuned=True),
                    "gridtwin": lambda: gridtwin(a.gridtwin, case, controls, steps),
                    "stepwise": lambda: gridtwin(a.gridtwin, case, controls, steps, stepwise=True)}

            def measure():
                best = rounds_of(runs, a.rounds)
                g = best["gridtwin"]
                rate = {k: steps / r["cpu_s"] for k, r in best.items()}
                for (mode, engine), bar in BARS.items():
                    if mode == controls:
                        report.judge(f"{case.name}, {controls}, against OpenDSS {engine}", rate["gridtwin"] / rate[engine], bar)
                return [case.name, controls, g["nodes"], steps, per_s(rate["default"]), per_s(rate["tuned"]), per_s(rate["stepwise"]), per_s(rate["gridtwin"]),
                        f"{rate['gridtwin'] / rate['default']:.1f}", f"{rate['gridtwin'] / rate['tuned']:.1f}", f"{g['iterations'] / steps:.1f}",
                        f"{g['control_iterations'] / steps:.2f}", f"{100 * g['batched_share']:.0f} %", g["unsettled"], per_s(g["limit_steps_per_s"]),
                        f"{100 * g['share_of_limit']:.1f} %", f"{1e-9 * g['flop_per_s']:.0f}"]

            rows += report.attempt(f"{case.name}, {controls}", measure)
            agreement += report.attempt(f"{case.name}, {controls}, agreement", lambda: agree(a, case, controls, tmp))
    report.show(f"\nSteps per CPU second, one thread, tolerance {TOLERANCE:g}, no meters sampled\n")
    report.show(table(["feeder", "controls", "nodes", "steps", "OpenDSS", "OpenDSS tuned", "GridTwin stepwise", "GridTwin", "ratio", "to tuned",
                       "iterations", "control it.", "batched", "unsettled", "limit", "of it", "Gflop/s"], rows))
    report.show(f"\nAgreement over the first {SAMPLED} steps: worst distance of any node's complex voltage from GridTwin's stepwise solution at "
                f"{TIGHT:g}, pu, and energies\n")
    report.show(table(["feeder", "controls", f"GridTwin {TOLERANCE:g}", f"OpenDSS {TOLERANCE:g}", "OpenDSS 1e-9", "OpenDSS kWh", "GridTwin kWh", "losses kWh",
                       "losses kWh", "losses apart"], agreement))


def agree(a, case, controls, tmp):
    files = {name: tmp / f"{name}.csv" for name in ("tight", "mine", "theirs", "theirs_tight")}
    gridtwin(a.gridtwin, case, controls, SAMPLED, TIGHT, stepwise=True, nodes_out=files["tight"])
    mine = gridtwin(a.gridtwin, case, controls, SAMPLED, nodes_out=files["mine"])
    theirs = opendss(case, controls, SAMPLED, nodes_out=files["theirs"])
    opendss(case, controls, SAMPLED, tolerance=1e-9, nodes_out=files["theirs_tight"])
    v = {name: read_samples(f) for name, f in files.items()}
    energy = lambda rows, k: sum(r[k] for r in rows)
    losses = [energy(r["rows"], 1) for r in (theirs, mine)]
    return [case.name, controls, *(f"{apart(v['tight'], v[k]):.1e}" for k in ("mine", "theirs", "theirs_tight")),
            *(f"{energy(r['rows'], 0):,.1f}" for r in (theirs, mine)), *(f"{x:,.2f}" for x in losses), f"{abs(losses[1] / losses[0] - 1):.1e}"]


def made_case(buses, tmp):
    import three_phase_feeder as made

    f = made.make(buses)
    return Case(f"made-up, {f.nodes} nodes", made.write_dss(f, tmp / f"made{buses}"), [], None)


def part_power_grid_model(a, report, tmp):
    rows, version = [], ""
    for buses, steps in ((75, 8760), (915, 2000), (2275, 1000)):
        case, steps = made_case(buses, tmp), a.steps or steps

        def measure():
            nonlocal version
            files = {k: tmp / f"{k}.csv" for k in ("tight", "theirs_tight", "g", "p", "o")}
            gridtwin(a.gridtwin, case, "off", SAMPLED, TIGHT, stepwise=True, nodes_out=files["tight"])
            gridtwin(a.gridtwin, case, "off", SAMPLED, nodes_out=files["g"])
            power_grid_model(buses, SAMPLED, TIGHT, nodes_out=files["theirs_tight"])
            power_grid_model(buses, SAMPLED, nodes_out=files["p"])
            opendss(case, "off", SAMPLED, TIGHT, nodes_out=files["o"])
            v = {k: read_samples(f) for k, f in files.items()}
            same = max(apart(v["tight"], v["theirs_tight"]), apart(v["tight"], v["o"]))
            if same > 1e-6:
                raise Failed(f"the three do not express the same feeder: {same:.1e} pu")
            runs = {"opendss": lambda: opendss(case, "off", steps), "power-grid-model": lambda: power_grid_model(buses, steps),
                    "gridtwin": lambda: gridtwin(a.gridtwin, case, "off", steps)}
            best = rounds_of(runs, a.rounds)
            version = best["power-grid-model"]["version"]
            rate = {k: steps / r["cpu_s"] for k, r in best.items()}
            g = best["gridtwin"]
            ratio = rate["gridtwin"] / rate["power-grid-model"]
            report.judge(f"{case.name}, against power-grid-model", ratio, BAR_POWER_GRID_MODEL)
            return [g["nodes"], steps, per_s(rate["opendss"]), per_s(rate["power-grid-model"]), per_s(rate["gridtwin"]), f"{rate['gridtwin'] / rate['opendss']:.1f}",
                    f"{ratio:.1f}", f"{same:.1e}", *(f"{apart(v['tight'], v[k]):.1e}" for k in "pg"), f"{g['iterations'] / steps:.1f}",
                    f"{100 * g['share_of_limit']:.1f} %"]

        rows += report.attempt(case.name, measure)
    report.show(f"\nMade-up feeders, steps per CPU second, one thread, tolerance {TOLERANCE:g}; {version}, iterative current, batches of 1000\n")
    report.show(table(["nodes", "steps", "OpenDSS", "power-grid-model", "GridTwin", "to OpenDSS", "to power-grid-model", f"apart at {TIGHT:g}, pu",
                       "power-grid-model from it", "GridTwin from it", "iterations", "of limit"], rows))


def part_threads(a, cases, report, tmp):
    rows, threads = [], a.threads

    def row(name, controls, steps, runs):
        best = {}
        for _ in range(a.rounds):
            for key, run in runs.items():
                now = run()
                if key not in best or now["wall_s"] < best[key]["wall_s"]:
                    best[key] = now
        rate = {k: threads * steps / r["wall_s"] for k, r in best.items()}
        cell = lambda k: per_s(rate[k]) if k in rate else "-"
        others = ("default", "tuned", "power-grid-model")
        by_cpu = lambda k: f"{best[k]['cpu_s'] / best['gridtwin']['cpu_s']:.1f}" if k in best else "-"
        busy = lambda k: f"{best[k]['cpu_s'] / best[k]['wall_s']:.2f}"
        return [name, controls, steps, *(cell(k) for k in (*others, "gridtwin")),
                *(f"{rate['gridtwin'] / rate[k]:.1f}" if k in rate else "-" for k in others), *(by_cpu(k) for k in others),
                "/".join(busy(k) for k in (*others, "gridtwin") if k in best)]

    for case in cases:
        for controls in ("off", "static"):
            steps = a.steps or max(case.steps[controls] // 2, 48)
            runs = {"default": lambda: opendss(case, controls, steps, threads=threads),
                    "tuned": lambda: opendss(case, controls, steps, tuned=True, threads=threads),
                    "gridtwin": lambda: gridtwin(a.gridtwin, case, controls, steps, threads=threads)}
            rows += report.attempt(f"{case.name}, {controls}, {threads} threads", lambda: row(case.name, controls, steps, runs))
    case, steps = made_case(915, tmp), a.steps or 2000
    runs = {"default": lambda: opendss(case, "off", steps, threads=threads), "power-grid-model": lambda: power_grid_model(915, steps, threads=threads),
            "gridtwin": lambda: gridtwin(a.gridtwin, case, "off", steps, threads=threads)}
    rows += report.attempt(f"{case.name}, {threads} threads", lambda: row(case.name, "off", steps, runs))
    report.show(f"\nSteps per second of wall time on {threads} threads, a copy of the series on each (OpenDSS: a context on each)\n\nThe last column tells "
                "how many processors each run had: where that is less than the threads, the machine did other things, and only the ratios by CPU time stand.\n")
    report.show(table(["feeder", "controls", "steps each", "OpenDSS", "OpenDSS tuned", "power-grid-model", "GridTwin", "to OpenDSS", "to tuned",
                       "to power-grid-model", "by CPU: to OpenDSS", "to tuned", "to power-grid-model", "CPU/wall"], rows))


def part_growth(a, report, tmp):
    rows, costs = [], []
    for buses in (27, 80, 270, 800, 2700, 6700, 13350):
        case = made_case(buses, tmp)
        steps = max(64, min(8760, 4_000_000 // buses))

        def measure():
            best = rounds_of({"g": lambda: gridtwin(a.gridtwin, case, "off", steps)}, a.rounds)["g"]
            cost = best["cpu_s"] / steps / best["nodes"]
            costs.append(cost)
            return [best["nodes"], steps, per_s(steps / best["cpu_s"]), f"{1e9 * cost:.1f}", f"{best['iterations'] / steps:.2f}",
                    f"{best['swept_entries'] / (best['nodes'] - best['quiet_nodes']):.2f}", f"{100 * best['share_of_limit']:.1f} %"]

        rows += report.attempt(case.name, measure)
    report.show("\nGrowth with size, made-up feeders, controls off, one thread\n")
    report.show(table(["nodes", "steps", "steps per CPU s", "ns per node and step", "iterations", "factor entries per swept node", "of limit"], rows))
    if costs:
        spread = max(costs) / min(costs)
        report.show(f"\nLargest over smallest cost per node and step: {spread:.2f} (bar: 2).")
        if spread > 2:
            report.missed.append(f"growth: {spread:.2f} instead of at most 2")


def main():
    if sys.argv[1:2] and sys.argv[1] in WORKERS:
        return WORKERS[sys.argv[1]](json.loads(sys.argv[2]))
    if sys.argv[1:2] == ["--keep-text"]:  # TITLE FILE: what another script printed, kept in results.md
        return write_section(sys.argv[2], "```text\n" + pathlib.Path(sys.argv[3]).read_text().strip() + "\n```")
    parts = ("opendss", "power-grid-model", "threads", "growth")
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--gridtwin", required=True, help="the release binary")
    ap.add_argument("--feeders", type=pathlib.Path, default=ROOT.parent / "shared" / "feeders", help="folder of reference feeders")
    ap.add_argument("--case", action="append", help="only this reference feeder; repeatable")
    ap.add_argument("--rounds", type=int, default=2, help="alternating rounds, of which the fastest counts")
    ap.add_argument("--steps", type=int, help="steps of every series (default: by feeder)")
    ap.add_argument("--year", action="store_const", dest="steps", const=8760, help="the whole year on every feeder")
    ap.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of the part `threads` (default: all cores)")
    ap.add_argument("--only", type=lambda t: t.split(","), default=parts, help=f"parts to run, of {', '.join(parts)}")
    ap.add_argument("--write", action="store_true", help="also write the tables into results.md")
    a = ap.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="bench_") as tmp:
        tmp = pathlib.Path(tmp)
        cases = [c for c in reference_feeders(a.feeders) if not a.case or c.name in a.case] if a.feeders.exists() else []
        stage(cases, tmp)
        report.show(f"{machine()}. The fastest of {a.rounds} alternating rounds.")
        if "opendss" in a.only:
            part_opendss(a, cases, report, tmp)
        if "power-grid-model" in a.only:
            part_power_grid_model(a, report, tmp)
        if "threads" in a.only:
            part_threads(a, cases, report, tmp)
        if "growth" in a.only:
            part_growth(a, report, tmp)
    for text in report.failures:
        report.show(f"\nFAILED {text}")
    for text in report.missed:
        report.show(f"\nMISSED {text}")
    if not report.failures and not report.missed:
        report.show("\nEvery bar is met.")
    if a.write:
        write_section("Time series", "\n".join(report.parts))
    return 1 if report.failures or report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
