"""Short-circuit currents of GridTwin against pandapower, bus by bus, on the IEC/TR 60909-4 network and on random ones.

usage: python compare.py --binary target/debug/examples/short_circuit [--networks N] [--seed S] [--limit 1e-6] [--keep DIR] [--as-it-comes]

The generator writes a case in our form; `net_of` makes the pandapower network of the same case, element by element. Compared, at every bus that is fed:
Ik'' three-phase, line-line and line-earth, largest and smallest; Zk and Z0; ip of method C, of three-phase faults at buses that are not fed through meshes
also by R/X of Zk alone; Ith with n = 1 where the fault is fed through meshes; where nothing leads to earth, that both say so. Prints the largest relative
difference of each and where it is, and exits 1 when one is above --limit or not a number. Needs pandapower (BSD-3-Clause; seen with 3.5.6).

Two of pandapower's numerical devices are taken out, since what they return is not the answer of its own equations (--as-it-comes leaves them in):
* It inverts the zero sequence as one matrix. A part without a way to earth, such as a 20 kV network behind a delta winding, makes that matrix singular but for
  rounding, and what comes out is noise at all buses. Here each part that hangs together is inverted by itself, and one that is singular has no Z0. The count of
  matrices whose inverse is none (|Y Z - 1| above 1e-6) is printed.
* It closes the zero sequence of every generator by 1000 + j1000 per unit, so that no part with a generator is singular. Star points are open here.

Left out, because pandapower computes something else there: converters in unsymmetrical faults (it adds the three-phase share), machines of two kinds at
one bus (its peak network keeps the generator only), two feeders at one bus (it adds their admittances before it takes them to 20 Hz; with 5000 and 1000 MVA of
R/X 0.1 and 0.4 its ip at 110 kV is 73.092 kA, where the closed form and we have 74.509), impedances at star points of three-winding transformers (it has none: line-earth faults are
compared with those points earthed solidly in both), a magnetising impedance (it always has one in YNyn and Yyn), method B in meshes (it asks R/X of each
way, we ask R/X of Zk), Ith at 60 Hz (its m is that of 50 Hz), Ib and Ik (it has none).
"""
import argparse
import json
import logging
import math
import pathlib
import random
import subprocess
import sys
import time
import warnings

import numpy as np
import pandapower as pp
import pandapower.pd2ppc_zero
import pandapower.shortcircuit as sc
from scipy.sparse.csgraph import connected_components

warnings.filterwarnings("ignore")
# It says of every network that Ith near generators is not implemented; Ith is compared with n = 1 alone.
logging.disable(logging.WARNING)
ROOT = pathlib.Path(__file__).resolve().parents[2]


SINGULAR = {"matrices": 0, "inverses that are none": 0}


def inverse_by_parts(_, ppci):
    """Zbus of each part that hangs together; not a number in a part that leads nowhere."""
    y = ppci["internal"]["Ybus"].toarray()
    with np.errstate(all="ignore"):
        try:
            apart = np.abs(y @ np.linalg.inv(y) - np.eye(len(y))).max()
        except np.linalg.LinAlgError:
            apart = math.inf
    SINGULAR["matrices"] += 1
    SINGULAR["inverses that are none"] += not apart <= 1e-6
    z = np.zeros_like(y)
    # Windings that do not conduct are branches of 1e-20 per unit, a real one is above 1e-3.
    n, part = connected_components(np.abs(y) > 1e-12, directed=False)
    for p in range(n):
        at = np.flatnonzero(part == p)
        block = y[np.ix_(at, at)]
        grounded = np.abs(block).max() > 1e-12 and np.linalg.cond(block) < 1e12
        z[np.ix_(at, at)] = np.linalg.inv(block) if grounded else math.nan
    ppci["internal"]["Zbus"] = z


def take_devices_out():
    sys.modules["pandapower.shortcircuit.calc_sc"]._calc_zbus = inverse_by_parts
    pandapower.pd2ppc_zero._add_gen_sc_impedance_zero = lambda *_: None


def letters(group):
    return "".join(c for c in group if not c.isdigit())


def net_of(case):
    net = pp.create_empty_network(f_hz=case.get("f_hz", 50.0), sn_mva=1.0)
    at = {b["id"]: pp.create_bus(net, vn_kv=b["kv"], name=b["id"]) for b in case["buses"]}
    kv = {b["id"]: b["kv"] for b in case["buses"]}
    for f in case.get("feeders", []):
        s = lambda which: f.get(f"sk_{which}_mva") or math.sqrt(3) * kv[f["bus"]] * f.get(f"ik_{which}_ka", f.get("ik_max_ka"))
        pp.create_ext_grid(net, at[f["bus"]], s_sc_max_mva=s("max"), s_sc_min_mva=s("min"), rx_max=f["rx_max"], rx_min=f.get("rx_min", f["rx_max"]),
                           x0x_max=f["x0_x1"], r0x0_max=f["r0_x0"], x0x_min=f["x0_x1"], r0x0_min=f["r0_x0"])
    for l in case.get("lines", []):
        pp.create_line_from_parameters(net, at[l["from"]], at[l["to"]], length_km=l["length_km"], r_ohm_per_km=l["r_ohm_per_km"],
                                       x_ohm_per_km=l["x_ohm_per_km"], c_nf_per_km=0, max_i_ka=1, r0_ohm_per_km=l["r0_ohm_per_km"],
                                       x0_ohm_per_km=l["x0_ohm_per_km"], c0_nf_per_km=0, parallel=l.get("parallel", 1),
                                       endtemp_degree=l.get("end_temperature_c", 20.0), in_service=l.get("in_service", True))
    trafo = {}
    units = {g["unit_transformer"] for g in case.get("generators", []) if "unit_transformer" in g}
    for t in case.get("transformers", []):
        star = t.get("hv_star") or t.get("lv_star") or {"r_ohm": 0.0, "x_ohm": 0.0}
        trafo[t["id"]] = pp.create_transformer_from_parameters(
            net, at[t["hv"]], at[t["lv"]], sn_mva=t["sr_mva"], vn_hv_kv=t["ur_hv_kv"], vn_lv_kv=t["ur_lv_kv"], vk_percent=t["ukr_pct"], vkr_percent=t["urr_pct"],
            pfe_kw=0, i0_percent=0, vk0_percent=t["ukr0_pct"], vkr0_percent=t["urr0_pct"], mag0_percent=10000, mag0_rx=0, si0_hv_partial=0.5,
            vector_group=letters(t["vector_group"]), parallel=t.get("parallel", 1), oltc=t.get("on_load_tap_changer", False), pt_percent=t.get("p_t_pct", 0.0),
            power_station_unit=t["id"] in units, xn_ohm=star["x_ohm"], rn_ohm=star["r_ohm"])
    for t in case.get("transformers3", []):
        zero = t.get("ukr0_pct"), t.get("urr0_pct")
        names = ("hv", "mv", "lv")
        pairs = dict(zip(names, ("hm", "ml", "hl")))
        pp.create_transformer3w_from_parameters(
            net, at[t["hv"]], at[t["mv"]], at[t["lv"]], pfe_kw=0, i0_percent=0, vector_group=letters(t["vector_group"]),
            **{f"vn_{n}_kv": t[f"ur_{n}_kv"] for n in names}, **{f"sn_{n}_mva": t[f"sr_{n}_mva"] for n in names},
            **{f"vk_{n}_percent": t[f"ukr_{pairs[n]}_pct"] for n in names}, **{f"vkr_{n}_percent": t[f"urr_{pairs[n]}_pct"] for n in names},
            **{f"vk0_{n}_percent": zero[0][i] for i, n in enumerate(names)}, **{f"vkr0_{n}_percent": zero[1][i] for i, n in enumerate(names)})
    for g in case.get("generators", []):
        unit = trafo[g["unit_transformer"]] if "unit_transformer" in g else np.nan
        pp.create_gen(net, at[g["bus"]], p_mw=0, sn_mva=g["sr_mva"], vn_kv=g["ur_kv"], xdss_pu=g["xdpp_pu"], rdss_ohm=g["r_ohm"], cos_phi=g["cos_phi"],
                      pg_percent=g.get("p_g_pct", 0.0), power_station_trafo=unit)
    for m in case.get("motors", []):
        for _ in range(m.get("count", 1)):
            pp.create_motor(net, at[m["bus"]], pn_mech_mw=m["p_mw"], cos_phi=m["cos_phi"], cos_phi_n=m["cos_phi"], efficiency_n_percent=100 * m["efficiency"],
                            vn_kv=m["ur_kv"], rx=m["rx"], lrc_pu=m["i_lr_ir"])
    return net, at


def add_converters(case, net, at):
    for c in case.get("converters", []):
        sn = math.sqrt(3) * net.bus.vn_kv[at[c["bus"]]] * c["i_3ph_ka"]
        pp.create_sgen(net, at[c["bus"]], p_mw=0, sn_mva=sn, k=1.0, current_source=True)


def without_star_points(case):
    """Its three-winding transformers have solidly earthed star points or open ones."""
    bare = [{k: v for k, v in t.items() if not k.endswith("_star")} for t in case.get("transformers3", [])]
    return {**case, "transformers3": bare, "converters": []}


def random_case(seed):
    r = random.Random(seed)
    meshed = seed % 2 == 1
    case = {"name": f"random {seed}", "f_hz": 50.0 if seed % 3 else 60.0, "buses": [], "feeders": [], "lines": [], "transformers": [], "transformers3": [],
            "generators": [], "motors": [], "converters": []}

    def bus(kv):
        case["buses"].append({"id": f"b{len(case['buses'])}", "kv": kv})
        return case["buses"][-1]["id"]

    def line(a, b, r1, x1):
        case["lines"].append({"id": f"l{len(case['lines'])}", "from": a, "to": b, "length_km": r.uniform(0.3, 12), "r_ohm_per_km": r1 * r.uniform(0.7, 1.4),
                              "x_ohm_per_km": x1 * r.uniform(0.8, 1.2), "r0_ohm_per_km": r1 * r.uniform(2, 4), "x0_ohm_per_km": x1 * r.uniform(2.5, 4),
                              "parallel": r.choice([1, 1, 2]), "end_temperature_c": r.choice([20.0, 80.0, 160.0]), "in_service": True})

    def transformer(hv, lv, sr, kv_hv, kv_lv, group, **more):
        u = r.uniform(4, 16)
        t = {"id": f"t{len(case['transformers'])}", "hv": hv, "lv": lv, "sr_mva": sr, "ur_hv_kv": kv_hv, "ur_lv_kv": kv_lv, "ukr_pct": u,
             "urr_pct": r.uniform(0.3, 1.2), "ukr0_pct": u * r.uniform(0.8, 1.0), "urr0_pct": r.uniform(0.3, 1.2), "vector_group": group}
        t.update(more)
        case["transformers"].append(t)
        return t["id"]

    def tree(kv, root, n, r1, x1):
        nodes = [root]
        for _ in range(n):
            b = bus(kv)
            line(r.choice(nodes), b, r1, x1)
            nodes.append(b)
        if meshed:
            for _ in range(1 + n // 3):
                a, b = r.sample(nodes, 2)
                line(a, b, r1, x1)
        return nodes

    def motor(b, kv):
        case["motors"].append({"id": f"m{len(case['motors'])}", "bus": b, "ur_kv": kv, "p_mw": r.uniform(0.05, 2.0) * (0.1 if kv < 1 else 1), "cos_phi": r.uniform(0.8, 0.9),
                               "efficiency": r.uniform(0.9, 0.97), "pole_pairs": r.choice([1, 2, 3]), "i_lr_ir": r.uniform(4, 7), "rx": r.choice([0.1, 0.15, 0.42]),
                               "count": r.choice([1, 3])})

    def generator(b, kv, sr, **more):
        case["generators"].append({"id": f"g{len(case['generators'])}", "bus": b, "sr_mva": sr, "ur_kv": kv, "xdpp_pu": r.uniform(0.1, 0.25), "r_ohm": r.uniform(0.001, 0.02),
                                   "cos_phi": r.uniform(0.8, 0.95), **more})

    high = tree(110.0, bus(110.0), r.randint(3, 12), 0.12, 0.39)
    for _ in range(r.choice([1, 1, 2]) if meshed else 1):
        sk = r.uniform(800, 6000)
        free = [b for b in high if all(f["bus"] != b for f in case["feeders"])]
        case["feeders"].append({"id": f"q{len(case['feeders'])}", "bus": r.choice(free if meshed else high[:1]), "sk_max_mva": sk, "sk_min_mva": sk * r.uniform(0.4, 0.9),
                                "rx_max": r.uniform(0.05, 0.2), "rx_min": r.uniform(0.05, 0.3), "x0_x1": r.uniform(1, 3.5), "r0_x0": r.uniform(0.1, 0.4)})
    for _ in range(r.randint(1, 3)):
        b = bus(20.0)
        zn = {"r_ohm": r.choice([0.0, 5.0]), "x_ohm": r.choice([0.0, 8.0])}
        for _ in range(r.choice([1, 2])):
            transformer(r.choice(high), b, r.choice([16, 25, 40]), r.choice([110.0, 115.0]), r.choice([20.0, 21.0]), "Dyn5", lv_star=zn)
        middle = tree(20.0, b, r.randint(2, 15), 0.2, 0.15)
        for hv in r.sample(middle, min(3, len(middle))):
            low = bus(0.4)
            transformer(hv, low, r.choice([0.4, 0.63, 1.0]), r.choice([20.0, 21.0]), r.choice([0.4, 0.41]), "Dyn5")
            if r.random() < 0.6:
                motor(low, 0.4)
        motor(r.choice(middle[1:]), 20.0)
    for _ in range(r.randint(0, 2)):
        b = bus(10.0)
        transformer(r.choice(high), b, 31.5, 115.0, 10.5, "YNd5", hv_star={"r_ohm": r.choice([0.0, 3.0]), "x_ohm": r.choice([0.0, 22.0])})
        nodes = tree(10.0, b, r.randint(1, 4), 0.15, 0.1)
        generator(r.choice(nodes), 10.5, r.uniform(2, 20), p_g_pct=r.choice([0.0, 5.0]))
    for _ in range(r.randint(0, 2)):
        b = bus(10.0)
        sr = r.choice([60, 120, 150])
        tap = r.random() < 0.5
        more = {"on_load_tap_changer": True} if tap else {"p_t_pct": r.choice([0.0, 5.0])}
        t = transformer(r.choice(high), b, sr, r.choice([115.0, 120.0]), 10.5, "YNd5", hv_star={"r_ohm": 0.0, "x_ohm": r.choice([0.0, 22.0])}, **more)
        generator(b, 10.5, sr, unit_transformer=t, p_g_pct=0.0 if tap else r.choice([0.0, 7.5]))
    for _ in range(r.randint(0, 2)):
        mv, lv = bus(20.0), bus(10.0)
        u = [r.uniform(8, 14), r.uniform(5, 8), r.uniform(8, 14)]
        rr = [r.uniform(0.2, 0.5) for _ in range(3)]
        case["transformers3"].append({"id": f"w{len(case['transformers3'])}", "hv": r.choice(high), "mv": mv, "lv": lv, "ur_hv_kv": 115.0, "ur_mv_kv": 21.0, "ur_lv_kv": 10.5,
                                      "sr_hv_mva": 63.0, "sr_mv_mva": 40.0, "sr_lv_mva": 25.0, "ukr_hm_pct": u[0], "ukr_ml_pct": u[1], "ukr_hl_pct": u[2],
                                      "urr_hm_pct": rr[0], "urr_ml_pct": rr[1], "urr_hl_pct": rr[2], "ukr0_pct": [0.9 * x for x in u], "urr0_pct": rr,
                                      "vector_group": r.choice(["YNyn0d5", "YNy0d5", "YNd5d5"])})
        tree(20.0, mv, r.randint(1, 4), 0.2, 0.15)
        motor(lv, 10.0)
    spare = [b["id"] for b in case["buses"] if b["kv"] == 20.0]
    case["converters"].append({"id": "pv", "bus": r.choice(spare), "i_3ph_ka": r.uniform(0.02, 0.4)})
    return case


def ours(binary, case, options):
    question = json.dumps({"case": case, "options": {"partials": "none", "n": 1.0, **options}})
    done = subprocess.run([binary], input=question, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{case['name']}: {done.stderr}")
    return {b["bus"]: b for b in json.loads(done.stdout)["iec"]["buses"]}


class Largest:
    def __init__(self):
        self.seen = {}

    def add(self, what, a, b, where):
        difference = abs(a - b) / max(abs(b), 1e-12)
        # Not a number is no agreement, and compares as smaller than everything.
        difference = math.inf if math.isnan(difference) else difference
        count, worst, at = self.seen.get(what, (0, -1.0, ""))
        self.seen[what] = (count + 1, max(worst, difference), where if difference > worst else at)


def compare(binary, case, extremes, largest, as_it_comes):
    name = case["name"]
    net, at = net_of(case)
    # Converters go in last: the network is built once, which takes longer than all of its faults.
    for kind, theirs in (("line_line", "2ph"), ("line_earth", "1ph"), ("three_phase", "3ph")):
        three_phase = kind == "three_phase"
        if three_phase:
            add_converters(case, net, at)
        asked = case if three_phase else without_star_points(case)
        for extreme in extremes:
            mine = ours(binary, asked, {"extreme": extreme, "faults": [kind]})
            question = dict(fault=theirs, case=extreme, ip=True, ith=True, tk_s=1.0, lv_tol_percent=10)
            sc.calc_sc(net, kappa_method="C", **question)
            result = net.res_bus_sc.copy()
            if three_phase:
                sc.calc_sc(net, kappa_method="B", topology="radial", **question)
                by_ratio = net.res_bus_sc.ip_ka.copy()
            for bus, index in at.items():
                row = result.loc[index]
                if bus not in mine:
                    continue
                b, f = mine[bus], mine[bus]["faults"][0]
                where = f"{name}, bus {bus}"
                if kind == "line_earth" and b["z0_ohm"] is None:
                    if not as_it_comes:
                        largest.add(f"no way to earth {extreme}", f["ik_ka"], 0.0 if math.isnan(row.ikss_ka) else row.ikss_ka, where)
                    continue
                largest.add(f"Ik'' {kind} {extreme}", f["ik_ka"], row.ikss_ka, where)
                if kind == "line_earth":
                    largest.add(f"Z0 {extreme}", complex(*b["z0_ohm"]), complex(row.rk0_ohm, row.xk0_ohm), where)
                else:
                    largest.add(f"ip (C) {kind} {extreme}", f["ip_c_ka"], row.ip_ka, where)
                if three_phase:
                    largest.add(f"Zk {extreme}", complex(*b["z1_ohm"]), complex(row.rk_ohm, row.xk_ohm), where)
                    if not b["meshed"]:
                        largest.add(f"ip by R/X of Zk {extreme}", f["ip_b_ka"], by_ratio[index], where)
                    if b["meshed"] and f["kappa_c"] < 1.99 and case["f_hz"] == 50 and f["of_converters_ka"] == 0:
                        largest.add(f"Ith, n = 1 {extreme}", f["ith_ka"], row.ith_ka, where)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", default=str(ROOT / "target/debug/examples/short_circuit"))
    p.add_argument("--networks", type=int, default=40)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--limit", type=float, default=1e-6)
    p.add_argument("--keep", help="folder for the random cases")
    p.add_argument("--as-it-comes", action="store_true", help="pandapower with its inverse of singular matrices and its closed generators")
    a = p.parse_args()
    if not a.as_it_comes:
        take_devices_out()
    largest, began = Largest(), time.monotonic()
    published = json.loads((ROOT / "cases/short-circuit-iec60909-4/network.json").read_text())
    compare(a.binary, published, ["max"], largest, a.as_it_comes)
    for seed in range(a.seed, a.seed + a.networks):
        case = random_case(seed)
        if a.keep:
            folder = pathlib.Path(a.keep)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"random_{seed}.json").write_text(json.dumps(case, indent=1))
        compare(a.binary, case, ["max", "min"], largest, a.as_it_comes)
        print(f"{seed}: {len(case['buses'])} buses, {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(f"pandapower {pp.__version__}, {a.networks} random networks from seed {a.seed} on, and the published one: {time.monotonic() - began:.0f} s")
    for what, (count, worst, where) in sorted(largest.seen.items()):
        print(f"{what:32} {count:6} values, largest relative difference {worst:.2e} ({where})")
    if not a.as_it_comes:
        print(f"{SINGULAR['inverses that are none']} of {SINGULAR['matrices']} matrices have an inverse in pandapower that is none")
    return 0 if all(worst <= a.limit for _, worst, _ in largest.seen.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
