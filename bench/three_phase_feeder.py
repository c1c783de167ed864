"""A made-up three-phase feeder that OpenDSS, GridTwin and power-grid-model can all express exactly.

A radial tree behind a source impedance: transposed lines of one conductor type, at one load in three a grounded-wye transformer, three
unequal single-phase loads of constant power at three buses of four, ten shapes of 8760 hours. Every size has the same estimated voltage
drop at full load (lines are made as long as that takes), so that iterations do not grow with size.
"""
import dataclasses
import pathlib

import numpy as np

KV, KV_LOW, SOURCE_PU, SHORT_CIRCUIT_MVA, X_OVER_R = 12.47, 0.416, 1.03, 500.0, 10.0
LINE = dict(r1=0.15, x1=0.35, c1_nf=10.0, r0=0.4, x0=1.1, c0_nf=5.0)  # ohm and nF per km
TRANSFORMER_PERCENT = dict(r=1.0, x=4.0)
DROP_PU = 0.06
TOTAL_KW = 5000.0
HOURS = 8760


@dataclasses.dataclass
class Feeder:
    parent: np.ndarray  # bus of the other end, by bus; bus 0 is the source
    length_km: np.ndarray  # of the line to the parent, by bus
    kva: np.ndarray  # of the bus's transformer; 0 where loads stand on the bus itself, by bus
    p_kw: np.ndarray  # (bus, phase)
    q_kvar: np.ndarray
    shape: np.ndarray  # number of the shape, by bus
    shapes: np.ndarray  # (shape, hour)

    @property
    def nodes(self):
        return 3 * (len(self.parent) + int((self.kva > 0).sum()))

    @property
    def loaded(self):
        return np.flatnonzero(self.p_kw.sum(axis=1))


def make(buses, seed=1):
    rng = np.random.default_rng(seed)
    parent = np.zeros(buses, int)
    for i in range(1, buses):
        parent[i] = i - 1 if rng.random() < 0.6 else rng.integers(max(0, i - 30), i)
    length = rng.uniform(0.03, 0.2, buses)
    loaded = rng.random(buses) < 0.75
    loaded[0], loaded[-1] = False, True
    p = np.where(loaded[:, None], rng.uniform(0.3, 1.7, (buses, 3)), 0.0)
    p *= TOTAL_KW / p.sum()
    q = p * np.tan(np.arccos(rng.uniform(0.85, 0.98, (buses, 3))))
    kva = np.where(loaded & (rng.random(buses) < 1 / 3), np.ceil(2.0 * p.sum(axis=1)), 0.0)
    # Drop to each bus with the power beyond it flowing at nominal voltage, phases alike.
    flow_p, flow_q = p.sum(axis=1), q.sum(axis=1)
    for i in range(buses - 1, 0, -1):
        flow_p[parent[i]] += flow_p[i]
        flow_q[parent[i]] += flow_q[i]
    drop = np.zeros(buses)
    for i in range(1, buses):
        drop[i] = drop[parent[i]] + length[i] * (LINE["r1"] * flow_p[i] + LINE["x1"] * flow_q[i]) * 1e-3 / KV**2
    length *= DROP_PU / drop.max()
    t = np.arange(HOURS)
    shapes = np.array([0.35 + 0.65 * (0.5 + 0.3 * np.sin(2 * np.pi * (t / 24 + k / 10)) + 0.2 * np.sin(2 * np.pi * (t / HOURS + k / 7))
                                      + 0.05 * rng.standard_normal(HOURS)) for k in range(10)])
    return Feeder(parent, length, kva, p, q, rng.integers(0, 10, buses), np.clip(shapes, 0.1, 1.1))


def write_dss(f, folder):
    """Writes the feeder for OpenDSS and GridTwin; gives the master file."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    x = KV**2 / SHORT_CIRCUIT_MVA / np.sqrt(1 + X_OVER_R**-2)
    z = f"{x / X_OVER_R:.17g}", f"{x:.17g}"
    c = LINE
    out = ["clear", "set DefaultBaseFrequency=60",
           f"new circuit.made bus1=b0 basekv={KV} pu={SOURCE_PU} r1={z[0]} x1={z[1]} r0={z[0]} x0={z[1]}",
           f"new linecode.lc nphases=3 r1={c['r1']} x1={c['x1']} r0={c['r0']} x0={c['x0']} c1={c['c1_nf']} c0={c['c0_nf']} units=km"]
    for k, s in enumerate(f.shapes):
        np.savetxt(folder / f"s{k}.csv", s, fmt="%.17g")
        out.append(f"new loadshape.s{k} npts={HOURS} interval=1 mult=(file=s{k}.csv)")
    for i in range(1, len(f.parent)):
        out.append(f"new line.l{i} bus1=b{f.parent[i]} bus2=b{i} linecode=lc length={f.length_km[i]:.17g} units=km")
    for i in f.loaded:
        bus, kv = (f"t{i}", KV_LOW) if f.kva[i] else (f"b{i}", KV)
        if f.kva[i]:
            out.append(f"new transformer.t{i} phases=3 windings=2 buses=(b{i},t{i}) conns=(wye,wye) kvs=({KV},{KV_LOW}) kvas=({f.kva[i]:g},{f.kva[i]:g}) "
                       f"%rs=({TRANSFORMER_PERCENT['r'] / 2},{TRANSFORMER_PERCENT['r'] / 2}) xhl={TRANSFORMER_PERCENT['x']} ppm_antifloat=0")
        for phase in range(3):
            out.append(f"new load.d{i}_{phase + 1} bus1={bus}.{phase + 1} phases=1 kv={kv / np.sqrt(3):.17g} kw={f.p_kw[i, phase]:.17g} "
                       f"kvar={f.q_kvar[i, phase]:.17g} model=1 vminpu=0.5 vmaxpu=1.5 yearly=s{f.shape[i]}")
    out += [f"set voltagebases=[{KV},{KV_LOW}]", "calcvoltagebases"]
    (folder / "master.dss").write_text("\n".join(out) + "\n")
    return folder / "master.dss"


def power_grid_model(f):
    """The feeder as a PowerGridModel, with the ids of its loads and the names of its nodes, bus by bus."""
    from power_grid_model import BranchSide, LoadGenType, PowerGridModel, WindingType, initialize_array

    n, loaded = len(f.parent), f.loaded
    low = np.flatnonzero(f.kva)
    low_id = dict(zip(low, n + np.arange(len(low))))
    node = initialize_array("input", "node", n + len(low))
    node["id"] = np.arange(len(node))
    node["u_rated"] = np.where(node["id"] < n, KV, KV_LOW) * 1e3
    first = len(node)
    line = initialize_array("input", "line", n - 1)
    line["id"], line["from_node"], line["to_node"] = first + np.arange(n - 1), f.parent[1:], np.arange(1, n)
    line["from_status"] = line["to_status"] = 1
    for key in ("r1", "x1", "r0", "x0"):
        line[key] = LINE[key] * f.length_km[1:]
    line["c1"], line["c0"] = LINE["c1_nf"] * 1e-9 * f.length_km[1:], LINE["c0_nf"] * 1e-9 * f.length_km[1:]
    line["tan1"] = line["tan0"] = 0
    line["i_n"] = 1000
    first += n - 1
    t = initialize_array("input", "transformer", len(low))
    t["id"], t["from_node"], t["to_node"] = first + np.arange(len(low)), low, [low_id[i] for i in low]
    t["from_status"] = t["to_status"] = 1
    t["u1"], t["u2"], t["sn"] = KV * 1e3, KV_LOW * 1e3, f.kva[low] * 1e3
    r, x = TRANSFORMER_PERCENT["r"] / 100, TRANSFORMER_PERCENT["x"] / 100
    t["uk"], t["pk"] = np.hypot(r, x), r * f.kva[low] * 1e3
    t["i0"] = t["p0"] = 0
    t["winding_from"] = t["winding_to"] = WindingType.wye_n
    t["clock"] = t["tap_pos"] = t["tap_min"] = t["tap_max"] = t["tap_size"] = t["tap_nom"] = 0
    t["tap_side"] = BranchSide.from_side
    first += len(low)
    load = initialize_array("input", "asym_load", len(loaded))
    load["id"], load["node"], load["status"], load["type"] = first + np.arange(len(loaded)), [low_id.get(i, i) for i in loaded], 1, LoadGenType.const_power
    load["p_specified"], load["q_specified"] = f.p_kw[loaded] * 1e3, f.q_kvar[loaded] * 1e3
    first += len(loaded)
    source = initialize_array("input", "source", 1)
    source["id"], source["node"], source["status"], source["u_ref"] = first, 0, 1, SOURCE_PU
    source["sk"], source["rx_ratio"], source["z01_ratio"] = SHORT_CIRCUIT_MVA * 1e6, 1 / X_OVER_R, 1.0
    model = PowerGridModel({"node": node, "line": line, "transformer": t, "asym_load": load, "source": source}, system_frequency=60.0)
    return model, load, [f"b{i}" for i in range(n)] + [f"t{i}" for i in low]


def load_update(f, load, hours):
    """What the loads draw at these hours (1 is the first), as update data of a batch."""
    from power_grid_model import initialize_array

    u = initialize_array("update", "asym_load", (len(hours), len(load)))
    u["id"] = load["id"]
    multiplier = f.shapes[f.shape[f.loaded]][:, (np.asarray(hours) - 1) % HOURS].T[:, :, None]
    u["p_specified"], u["q_specified"] = load["p_specified"] * multiplier, load["q_specified"] * multiplier
    return {"asym_load": u}
