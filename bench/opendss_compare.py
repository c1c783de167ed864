"""Speed and agreement of GridTwin and OpenDSS on the same feeders, in one run on one machine.

usage: python opendss_compare.py [--gridtwin BINARY] [--feeders DIR] [--rounds 3] [--solves N] [--tuned] [--write] [MASTER.dss ...]

Feeders: the masters given; else ieee123, ckt5 and ieee8500 of the reference folder (default
../shared/feeders beside the repository); else the shipped models/ieee123. How each figure is taken is told in README.md. --write also writes the tables to results.md.
Exit status 1 if a run fails, 0 otherwise; the ratios are printed, not judged.

This process stays small and imports no solver: each OpenDSS round runs in a worker process (this file with --worker),
each GridTwin round in a process of its own, so neither can warm or burden the other, and peak memory is theirs alone.
"""
import argparse
import csv
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[1]
CYCLE = (0.97, 1.0, 1.03)
# The iteration limits are lifted in both programs alike: at their defaults (15 and 10) the larger feeders stop short.
LIMITS = {1e-4: ("set maxiterations=100", "set maxcontroliter=100"), 1e-8: ("set maxiterations=1000", "set maxcontroliter=100")}
SINGLE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}


@dataclasses.dataclass
class Feeder:
    name: str
    master: pathlib.Path
    post: list
    solves: dict  # by control mode


def default_feeders(shared):
    found = []
    for name, solves in (("ieee123", (9000, 3000)), ("ckt5", (600, 450)), ("ieee8500", (300, 60))):
        if (shared / name / "case.toml").exists():
            case = tomllib.loads((shared / name / "case.toml").read_text())["case"][0]
            found.append(Feeder(name, shared / name / case["master"], case.get("post", []), dict(zip(("off", "static"), solves))))
    if not found:
        found.append(Feeder("ieee123 (shipped)", ROOT / "models/ieee123/ieee123.dss", [], {"off": 9000, "static": 3000}))
    return found


def stage(feeders, tmp):
    """Works on copies: a master may hold commands that write files beside it."""
    for k, f in enumerate(feeders):
        folder = tmp / f"{k}"
        shutil.copytree(f.master.parent, folder, ignore=shutil.ignore_patterns("ref"))
        f.master = folder / f.master.name


# ---------------------------------------------------------------- OpenDSS worker process


def worker(job):
    """One OpenDSS round: compile, solve, then the timed solves. Prints one JSON object."""
    from dss import DSS

    DSS.AllowForms = False
    DSS.AllowEditor = False

    def run(text):
        DSS.Text.Command = text

    start = time.process_time()
    run("clear")
    run("set DefaultBaseFrequency=60")
    run(f'compile "{job["master"]}"')
    for command in job["post"]:
        run(command)
    run("set mode=snapshot")
    for command in (f'set controlmode={job["controls"]}', f'set tolerance={job["tolerance"]:g}', *job["limits"]):
        run(command)
    if job["tuned"]:
        DSS.ActiveCircuit.Settings.LoadsTerminalCheck = False
        DSS.YMatrix.SolverOptions = 3
    circuit = DSS.ActiveCircuit
    solution = circuit.Solution
    solution.Solve()
    out = {"first_cpu_s": time.process_time() - start, "converged": bool(solution.Converged)}
    iterations = control_iterations = unconverged = 0
    if job["solves"]:
        start = time.process_time()
        for k in range(job["solves"]):
            solution.LoadMult = CYCLE[k % len(CYCLE)]
            solution.Solve()
            iterations += solution.Iterations
            control_iterations += solution.ControlIterations
            unconverged += not solution.Converged
        out["cpu_s"] = time.process_time() - start
    out |= {"solves": job["solves"], "iterations": iterations, "control_iterations": control_iterations,
            "unconverged": unconverged, "nodes": circuit.NumNodes, "version": DSS.Version.split(" revision")[0]}
    base = {name.lower(): circuit.Buses(name).kVBase for name in circuit.AllBusNames}
    v = circuit.YNodeVarray
    with open(job["nodes_out"], "w") as f:
        f.write("node,kvbase_ln,v_re,v_im\n")
        for k, node in enumerate(circuit.YNodeOrder):
            node = node.lower()
            f.write(f"{node},{base[node.rsplit('.', 1)[0]]:.12g},{v[2 * k]:.12g},{v[2 * k + 1]:.12g}\n")
    out["vmhwm_mb"] = next(int(l.split()[1]) for l in open("/proc/self/status") if l.startswith("VmHWM")) / 1024
    print(json.dumps(out))


# ---------------------------------------------------------------- the two sides, as seen from here


class Failed(Exception):
    pass


def spawn(command):
    """Runs a program alone; returns (standard output, CPU seconds, peak resident MB) of that process."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        p = subprocess.Popen(command, stdout=out, stderr=err, env={**os.environ, **SINGLE_THREAD})
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if p.returncode:
            tail = err.read().decode(errors="replace").strip().splitlines()[-3:]
            raise Failed(f"{pathlib.Path(command[0]).name} exits {p.returncode}: {' / '.join(tail)}")
        return out.read().decode(), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def opendss(feeder, controls, tolerance, solves, nodes_out, tuned=False):
    job = dict(master=str(feeder.master), post=feeder.post, controls=controls, tolerance=tolerance, solves=solves,
               limits=LIMITS[tolerance], nodes_out=str(nodes_out), tuned=tuned)
    text, _, _ = spawn([sys.executable, __file__, "--worker", json.dumps(job)])
    return json.loads(text.splitlines()[-1])


def commands(feeder, tolerance):
    return [x for command in (*feeder.post, *LIMITS[tolerance]) for x in ("--dss", command)]


def gridtwin(binary, feeder, controls, tolerance, solves, nodes_out):
    text, cpu, _ = spawn([binary, "bench", str(feeder.master), "--controls", controls, "--loadmult", ",".join(map(str, CYCLE)),
                          "--solves", str(solves), "--tolerance", f"{tolerance:g}", "--json", "--nodes-out", str(nodes_out),
                          *commands(feeder, tolerance)])
    result = json.loads(text)
    if result["solves"] != solves:
        raise Failed(f"gridtwin did {result['solves']} solves instead of {solves}")
    # The program times its own loop; the operating system's figure for the whole process is a ceiling for it.
    if result["cpu_s"] > cpu + 0.02:
        raise Failed(f"gridtwin reports {result['cpu_s']} CPU s, the process had {cpu}")
    return result


def read_nodes(path):
    with open(path) as f:
        return {r["node"].lower(): (float(r["kvbase_ln"]), complex(float(r["v_re"]), float(r["v_im"]))) for r in csv.DictReader(f)}


def distance(a, b):
    """Worst complex node-voltage distance in per unit and its node; every node must be on both sides."""
    a, b = read_nodes(a), read_nodes(b)
    if set(a) != set(b):
        raise Failed(f"nodes on one side only: {sorted(set(a) ^ set(b))[:5]}")
    return max((abs(a[n][1] - b[n][1]) / (kv * 1e3), n) for n, (kv, _) in a.items() if kv)


# ---------------------------------------------------------------- tables


def table(head, rows):
    """A Markdown table with aligned columns, so that it reads well on a terminal too."""
    rows = [[str(x) for x in r] for r in (head, *rows)]
    width = [max(len(r[k]) for r in rows) for k in range(len(head))]
    fit = lambda r: "| " + " | ".join(x.ljust(w) if k < 2 else x.rjust(w) for k, (x, w) in enumerate(zip(r, width))) + " |"
    rule = "| " + " | ".join("-" * w if k < 2 else "-" * (w - 1) + ":" for k, w in enumerate(width)) + " |"
    return "\n".join([fit(rows[0]), rule, *map(fit, rows[1:])])


def per_s(x):
    return f"{x:,.0f}" if x >= 100 else f"{x:.1f}"


def warm(binary, feeder, controls, tolerance, solves, rounds, tmp, tuned):
    """Alternating rounds of both programs; one row of the warm-solve table."""
    times, last = {"o": [], "g": []}, {}
    for _ in range(rounds):
        last["o"] = opendss(feeder, controls, tolerance, solves, tmp / "o.csv", tuned)
        times["o"].append(last["o"]["cpu_s"])
        if binary:
            last["g"] = gridtwin(binary, feeder, controls, tolerance, solves, tmp / "g.csv")
            times["g"].append(last["g"]["cpu_s"])
    o = last["o"]
    rate = lambda side, pick: solves / pick(times[side])
    row = [feeder.name, controls, o["nodes"], per_s(rate("o", min)), per_s(rate("o", statistics.median))]
    per_solve = lambda r: f"{r['iterations'] / solves:.2f}/{r['control_iterations'] / solves:.2f}"
    if binary:
        g = last["g"]
        worst, node = distance(tmp / "o.csv", tmp / "g.csv")
        row += [per_s(rate("g", min)), per_s(rate("g", statistics.median)), f"{rate('g', min) / rate('o', min):.1f}",
                f"{rate('g', statistics.median) / rate('o', statistics.median):.1f}",
                per_solve(o), per_solve(g), f"{worst:.1e}", node]
    else:
        row += ["-", "-", "-", "-", per_solve(o), "-", "-", "-"]
    if o["unconverged"]:
        row[1] += f" ({o['unconverged']} OpenDSS solves unconverged)"
    return row


def first(binary, feeder, rounds, tmp):
    """From file to first solution with controls; one row."""
    ot, gt, om, gm = [], [], [], []
    for _ in range(rounds):
        o = opendss(feeder, "static", 1e-4, 0, tmp / "o.csv")
        ot.append(o["first_cpu_s"])
        om.append(o["vmhwm_mb"])
        if binary:
            _, cpu, rss = spawn([binary, "solve", str(feeder.master), "--out", str(tmp / "out"), "--controls", "static",
                                 *commands(feeder, 1e-4)])
            gt.append(cpu)
            gm.append(rss)
    row = [feeder.name, "static", f"{min(ot):.3f}", f"{statistics.median(ot):.3f}", f"{max(om):.0f}"]
    return row + ([f"{min(gt):.3f}", f"{statistics.median(gt):.3f}", f"{max(gm):.0f}", f"{min(ot) / min(gt):.1f}"] if binary else ["-"] * 4)


def machine():
    return f"{platform.system()} {platform.machine()}"


def write_section(title, text, path=ROOT / "bench" / "results.md"):
    """Puts a section into results.md in place of the one that has its title, dated; the other sections stay."""
    sections = re.split(r"(?m)^(?=# )", path.read_text()) if path.exists() else []
    head = lambda s: s.split("\n", 1)[0].removeprefix("# ").rsplit(", ", 1)[0]
    kept = [s.rstrip() for s in sections if s.strip() and head(s) != title]
    new = f"# {title}, {datetime.date.today()}\n\n{text.strip()}"
    path.write_text("\n\n".join(sorted([*kept, new], key=head)) + "\n")


def main():
    if sys.argv[1:2] == ["--worker"]:
        return worker(json.loads(sys.argv[2]))
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("masters", nargs="*", type=pathlib.Path)
    ap.add_argument("--gridtwin", help="the release binary; without it only OpenDSS is measured")
    ap.add_argument("--feeders", type=pathlib.Path, default=ROOT.parent / "shared" / "feeders", help="folder of reference feeders")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--solves", type=int, help="warm solves per round (default: by feeder)")
    ap.add_argument("--tuned", action="store_true", help="give OpenDSS its speed options (matrix reuse, no load terminal check)")
    ap.add_argument("--write", action="store_true", help="also write results.md")
    a = ap.parse_args()
    feeders = default_feeders(a.feeders)
    if a.masters:
        feeders = [Feeder(m.stem, m.resolve(), [], {"off": 300, "static": 100}) for m in a.masters]
    parts, failures = [], []

    def show(text=""):
        parts.append(text)
        print(text, flush=True)

    with tempfile.TemporaryDirectory(prefix="bench_") as tmp:
        tmp = pathlib.Path(tmp)
        stage(feeders, tmp)
        version = opendss(feeders[0], "off", 1e-4, 0, tmp / "o.csv")["version"]
        show(f"{machine()}. {version}{', tuned' if a.tuned else ''}. {a.rounds} alternating rounds, one thread each.")
        for tolerance in LIMITS:
            rows = []
            for f in feeders:
                for controls in ("off", "static"):
                    solves = a.solves or f.solves[controls] // (1 if tolerance == 1e-4 else 3)
                    try:
                        rows.append(warm(a.gridtwin, f, controls, tolerance, solves, a.rounds, tmp, a.tuned))
                    except (Failed, OSError, ValueError, KeyError) as e:
                        failures.append(f"{f.name}, {controls}, {tolerance:g}: {e}")
            show(f"\nWarm solves per CPU second, tolerance {tolerance:g}\n")
            show(table(["feeder", "controls", "nodes", "OpenDSS best", "median", "GridTwin best", "median", "ratio best", "median",
                        "OpenDSS it/ctrl", "GridTwin it/ctrl", "apart, pu", "at node"], rows))
        rows = []
        for f in feeders:
            try:
                rows.append(first(a.gridtwin, f, a.rounds, tmp))
            except (Failed, OSError, ValueError, KeyError) as e:
                failures.append(f"{f.name}, first solution: {e}")
        show("\nFrom file to first solution: CPU seconds and peak resident MB\n")
        show(table(["feeder", "controls", "OpenDSS best", "median", "MB", "GridTwin best", "median", "MB", "ratio"], rows))
    for f in failures:
        show(f"\nFAILED {f}")
    if a.write:
        write_section("Against OpenDSS: single solves", "\n".join(parts))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
