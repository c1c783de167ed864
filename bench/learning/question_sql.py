"""Runs the SQL of questions on a made-up lake and sets its values against counting hour by hour.

    cargo run -q -p learning --example question_sql > questions.json
    pip install datafusion==55.0.0 pyarrow
    python bench/learning/question_sql.py questions.json

The tables have the columns of docs/lake.md, the views are those of crates/store/src/views.
"""

import glob
import json
import os
import random
import re
import sys

import datafusion
import pyarrow as pa

random.seed(5)
R = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "")
md = open(R + "docs/lake.md").read()
# schemas
tables = {}
for m in re.finditer(r"\n### (\w+)\n(.*?)(?=\n### |\n## )", md, re.S):
    cols = [(c.group(1), c.group(2)) for c in re.finditer(r"^\| `(\w+)` \| (text|f64|u32|u64|u8|bool)", m.group(2), re.M)]
    if cols:
        tables[m.group(1)] = cols
T = {"text": pa.string(), "f64": pa.float64(), "u32": pa.uint32(), "u64": pa.uint64(), "u8": pa.uint8(), "bool": pa.bool_()}
feeders = ["F1", "F2", "F3"]
studies = ["base", "alt"]
data = {t: [] for t in tables}
H = 8760
step_h = 1.0
for st in studies:
    for f in feeders:
        ft = {c: 0 for c, _ in tables["feeder_totals"]}
        ft.update(
            study=st,
            feeder=f,
            nodes=6,
            step_h=step_h,
            steps=H,
            unsettled=2,
            peak_kw=random.uniform(500, 900),
            energy_kwh=1e6,
            losses_kwh=random.uniform(1e4, 5e4),
            line_losses_kwh=5e3,
            transformer_losses_kwh=6e3,
            no_load_losses_kwh=1e3,
            load_energy_kwh=9e5,
            line_km=random.uniform(1, 9),
            v_min_node="b",
            v_max_node="c",
            control_actions=random.randint(0, 9),
        )
        data["feeder_totals"].append(ft)
        for s in range(H):
            data["steps"].append(
                dict(
                    study=st,
                    feeder=f,
                    step=s,
                    hour=(s + 1) * step_h,
                    converged=random.random() > 0.001,
                    iterations=3,
                    control_iterations=1,
                    source_kw=random.uniform(-50, 800),
                    source_kvar=1.0,
                    load_kw=1.0,
                    losses_kw=random.uniform(1, 9),
                    line_losses_kw=random.uniform(0, 5),
                    transformer_losses_kw=random.uniform(0, 5),
                    no_load_losses_kw=0.5,
                    v_min_pu=random.uniform(0.9, 1),
                    v_min_node="x",
                    v_max_pu=random.uniform(1, 1.08),
                    v_max_node="y",
                    worst_node=None,
                    control_actions=random.randint(0, 2),
                )
            )
        for k, kind in enumerate(["line", "line", "transformer", "transformer", "reactor"]):
            e = {c: random.uniform(0, 150) for c, t in tables["element_statistics"] if t == "f64"}
            name = f"{kind}.{'t' if kind == 'transformer' else 'l'}{k - 1 if kind == 'transformer' else k}"
            e.update(study=st, feeder=f, element=name, kind=kind, bus_1="a", bus_2="b")
            if kind == "reactor":
                e["loading_max_pct"] = None
            data["element_statistics"].append(e)
            t = 1
            while t < H - 100:
                L = random.choice([1, 3, 7, 30])
                lim = random.choice(["overload", "over_emergency"])
                if kind != "reactor":
                    data["episodes"].append(
                        dict(
                            study=st,
                            feeder=f,
                            kind=lim,
                            asset=name,
                            start_hour=float(t),
                            hours=float(L),
                            worst_value=random.uniform(101, 180),
                            worst_hour=float(t + random.randint(0, L - 1)),
                            limit_value=100.0,
                        )
                    )
                t += L + random.randint(1, 400)
        for b in ["b1", "b2", "b3"]:
            for ph in (1, 2):
                n = {c: random.uniform(0.9, 1.08) for c, t in tables["node_statistics"] if t == "f64"}
                n.update(study=st, feeder=f, node=f"{b}.{ph}", bus=b, phase=ph, steps=H)
                for h in ("hours_below_a", "hours_above_a", "hours_below_b", "hours_above_b"):
                    n[h] = float(random.randint(0, 300))
                data["node_statistics"].append(n)
                t = 1
                while t < H - 100:
                    L = random.choice([1, 3, 7, 30])
                    data["episodes"].append(
                        dict(
                            study=st,
                            feeder=f,
                            kind=random.choice(["below_a", "above_a", "below_b"]),
                            asset=f"{b}.{ph}",
                            start_hour=float(t),
                            hours=float(L),
                            worst_value=0.94,
                            worst_hour=float(t),
                            limit_value=0.95,
                        )
                    )
                    t += L + random.randint(1, 300)
ctx = datafusion.SessionContext()
for t in ("feeder_totals", "steps", "element_statistics", "episodes", "node_statistics"):
    cols = [("study", "text"), ("feeder", "text")] + tables[t]
    arrays = [pa.array([(r.get(c) if r.get(c) is not None else (None)) for r in data[t]], T[ty]) for c, ty in cols]
    ctx.from_arrow(pa.table(arrays, names=[c for c, _ in cols]), name=t)
for v in glob.glob(R + "crates/store/src/views/*.sql"):
    ctx.sql(f"CREATE VIEW {os.path.basename(v)[:-4]} AS " + open(v).read())
qs = json.load(open(sys.argv[1]))
ok = err = 0
none = {}
res = {}
for q in qs:
    if "err" in q:
        none[q["err"]] = none.get(q["err"], 0) + 1
        continue
    s = q["sql"]
    if isinstance(s, dict):
        if "Err" in s:
            print("noSQL", q["ask"], s)
            continue
        s = s["Ok"]
    try:
        t = ctx.sql(s).to_arrow_table().to_pylist()
        ok += 1
        res[q.get("ask") or (q["m"], q["k"], q["w"], q["against"], q["s"])] = t
    except Exception as e:
        err += 1
        print("FAIL", q.get("ask") or (q["m"], q["k"], q["w"], q["s"]), str(e)[:300])
        if err > 6:
            break
print("ran", ok, "failed", err, "refused", none)


# brute force
def inwin(h, w):  # h start hour
    d = int(h // 24)
    hod = h - 24 * d
    if w == 0:
        return True
    if w == 1:
        return 2 <= d <= 7 and 17 <= hod < 21
    if w == 2:
        return (6 + d) % 7 >= 5
    if w == 3:
        return (d >= 363 or d <= 1) and (hod >= 22 or hod < 6)


def near(a, b):
    return a is not None and abs(a - b) <= 1e-9 * max(1, abs(a), abs(b))


checked = 0
for w in range(1, 4):
    for f in feeders:
        st = [r for r in data["steps"] if r["study"] == "base" and r["feeder"] == f and inwin(r["hour"] - 1, w)]
        exp = {
            "peak_kw": max(r["source_kw"] for r in st),
            "energy_kwh": sum(r["source_kw"] for r in st),
            "losses_kwh": sum(r["losses_kw"] for r in st),
            "reverse_kwh": sum(max(-r["source_kw"], 0) for r in st),
            "v_min_pu": min(r["v_min_pu"] for r in st),
            "v_max_pu": max(r["v_max_pu"] for r in st),
            "unsettled_steps": sum(not r["converged"] for r in st),
            "control_actions": sum(r["control_actions"] for r in st),
            "load_factor": sum(r["source_kw"] for r in st) / len(st) / max(r["source_kw"] for r in st),
            "losses_pct": 100 * sum(r["losses_kw"] for r in st) / sum(r["source_kw"] for r in st),
        }
        for m, x in exp.items():
            got = [r["value"] for r in res[(m, "feeder", w, False, "each")] if r["feeder"] == f][0]
            assert near(got, x), (m, w, f, got, x)
            checked += 1

        # episodes hour by hour
        def hours(asset, kinds):
            n = 0
            for e in data["episodes"]:
                if e["study"] == "base" and e["feeder"] == f and e["asset"] == asset and e["kind"] in kinds:
                    n += sum(inwin(e["start_hour"] - 1 + k, w) for k in range(int(e["hours"])))
            return n

        for m, kinds in [("undervoltage_h", ["below_a"]), ("overvoltage_h", ["above_a"]), ("voltage_violation_h", ["below_a", "above_a"])]:
            rows = {r["object"]: r["value"] for r in res[(m, "bus", w, False, "each")] if r["feeder"] == f}
            tot = 0
            for b in ["b1", "b2", "b3"]:
                hs = [hours(f"{b}.{p}", kinds) for p in (1, 2)]
                tot += sum(hs)
                x = max(hs)
                assert near(rows[b], x), (m, w, f, b, rows.get(b), x)
                checked += 1
            fr = [r["value"] for r in res[(m, "feeder", w, False, "each")] if r["feeder"] == f]
            assert near(fr[0], tot), (m, w, f, fr, tot)
            checked += 1
        rows = {r["object"]: r["value"] for r in res[("overload_h", "element", w, False, "each")] if r["feeder"] == f}
        for e in [r["element"] for r in data["element_statistics"] if r["study"] == "base" and r["feeder"] == f]:
            assert near(rows[e], hours(e, ["overload"])), (w, f, e)
            checked += 1
        vt = sum(hours(f"{b}.{p}", ["below_a", "above_a"]) for b in ["b1", "b2", "b3"] for p in (1, 2)) + sum(
            hours(e, ["overload"]) for e in rows
        )
        got = [r["value"] for r in res[("violation_h", "feeder", w, False, "each")] if r["feeder"] == f]
        assert near(got[0], vt)
        checked += 1
        ld = {r["object"]: r["value"] for r in res[("loading_pct", "element", w, False, "each")] if r["feeder"] == f}
        for e in [r["element"] for r in data["element_statistics"] if r["study"] == "base" and r["feeder"] == f]:
            eps = [x for x in data["episodes"] if x["study"] == "base" and x["feeder"] == f and x["asset"] == e and x["kind"] == "overload"]
            over = [x for x in eps if any(inwin(x["start_hour"] - 1 + k, w) for k in range(int(x["hours"])))]
            assert (e in ld) == bool(over), (e, w)
            vals = [x["worst_value"] for x in over if inwin(x["worst_hour"] - 1, w)]
            assert (ld.get(e) is None) == (not vals) if over else True
            if vals:
                assert near(ld[e], max(vals)), (e, w, ld[e], max(vals))
            checked += 1
print("values checked", checked)
sys.exit(1 if err or checked < 250 else 0)
