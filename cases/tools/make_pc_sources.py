"""Remakes cases/pc/sources.json: currents of OpenDSS generators, PV systems, storage and induction machines.

As in make_pc_loads.py each element stands at a bus whose nodes are held by stiff sources. A record holds the element as the crate
`network` writes it (JSON), the commands that made it in OpenDSS, and one entry a solution: clock, voltages, currents, and for
storage energy and state after the step.

    python3 cases/tools/make_pc_sources.py        (needs the package dss_python)
"""

import json
import math
import random
from pathlib import Path

from dss import DSS

from make_pc_loads import SHAPES, complexes, start

OUT = Path(__file__).resolve().parents[1] / "pc" / "sources.json"
SHAPES = dict(SHAPES)
SHAPES["swing"] = {"npts": 24, "p": [round(math.sin(0.5 * h) + 0.05, 6) for h in range(24)]}
SHAPES["sun"] = {"npts": 24, "p": [round(max(0.0, math.sin((h - 5) / 14 * math.pi)), 6) for h in range(24)]}
EFFICIENCY = [[0.1, 0.2, 0.4, 1.0], [0.86, 0.9, 0.93, 0.97]]
FALLING = [[0.1, 0.4, 1.0], [0.98, 0.97, 0.93]]
POWER_TEMPERATURE = [[0.0, 25.0, 75.0, 100.0], [1.2, 1.0, 0.8, 0.6]]
TEMPERATURES = [20.0 + h for h in range(24)]
NAMES = list(SHAPES)


class NoAnswer(Exception):
    """OpenDSS found no number: a draw whose vars exceed the rating has no watts."""


def default_shape():
    """The shape that the dispatch reference follows on the clock; OpenDSS has it from the start."""
    DSS.Text.Command = "? loadshape.default.mult"
    p = [float(x) for x in DSS.Text.Result.strip("[]() ").replace(",", " ").split()]
    assert len(p) == 24
    return {"npts": 24, "p": p}


def library():
    for name, s in SHAPES.items():
        text = f"new loadshape.{name} npts={s['npts']} interval=1 mult=({' '.join(map(str, s['p']))})"
        if "q" in s:
            text += f" qmult=({' '.join(map(str, s['q']))})"
        if s.get("actual"):
            text += " useactual=yes"
        yield text
    for name, (x, y) in [("eff", EFFICIENCY), ("falling", FALLING), ("pt", POWER_TEMPERATURE)]:
        yield f"new xycurve.{name} npts={len(x)} xarray=({' '.join(map(str, x))}) yarray=({' '.join(map(str, y))})"
    yield f"new tshape.t npts=24 interval=1 temp=({' '.join(map(str, TEMPERATURES))})"


def common(phases, nodes):
    return {
        "name": "e", "enabled": True, "n_phases": phases, "base_frequency_hz": 60.0,
        "terminals": [{"bus": 0, "nodes": nodes, "closed": [True] * len(nodes)}],
        "rating": {"normal_a": 0.0, "emergency_a": 0.0, "seasonal_a": []},
        "reliability": {"fault_rate": 0.0, "permanent_pct": 0.0, "repair_h": 0.0},
        "spectrum": None, "source": {"file": "", "line": 0},
    }


def place(rng, low=0.6, high=1.25, phases=None):
    """Phases, connection, nodes, kV and voltages."""
    phases = phases or rng.choice([1, 2, 3, 3])
    conn = rng.choice(["wye", "wye", "delta"])
    kv = 2.4 * math.sqrt(3) if conn == "delta" or phases > 1 else 2.4
    if conn == "wye":
        nodes = [1, 2, 3][:phases] + [rng.choice([0, 4])]
    else:
        nodes = [1, 2] if phases == 1 else [1, 2, 3]
    spread = [rng.uniform(low, high) if rng.random() < 0.5 else rng.uniform(0.96, 1.04) for _ in range(3)]
    volts = [(2400 * m, -120.0 * j + rng.uniform(-6, 6)) for j, m in enumerate(spread)]
    volts.append((2400 * rng.uniform(0.01, 0.05), rng.uniform(-180, 180)))
    return phases, conn, nodes, kv, volts


def number(x):
    return f"{x:.17g}"


def head(cls, phases, conn, nodes, kv):
    return f"new {cls}.e phases={phases} bus1=b{''.join(f'.{n}' for n in nodes)} conn={conn} kv={number(kv)}"


def shape(name):
    return None if name is None else NAMES.index(name)


def shapes(rng, pool, share=0.7):
    return {kind: (rng.choice(pool) if rng.random() < share else None) for kind in ["yearly", "daily", "duty"]}


def shape_text(chosen):
    return "".join(f" {kind}={name}" for kind, name in chosen.items() if name)


def solve(cls, mode, steps, options, price=25.0, load_multiplier=1.0):
    text = DSS.Text
    sol = DSS.ActiveCircuit.Solution
    timed = mode not in ("snapshot", "direct")
    text.Command = f"set mode={mode}" + (" number=1 stepsize=1h" if timed else "")
    for option in options:
        text.Command = option
    out = []
    for _ in range(steps):
        text.Command = "solve"
        if not sol.Converged:
            raise NoAnswer
        circuit = DSS.ActiveCircuit
        v = dict(zip(circuit.YNodeOrder, complexes(circuit.YNodeVarray)))
        circuit.SetActiveElement(f"{cls}.e")
        element = circuit.ActiveCktElement
        step = {
            "moment": {"mode": mode, "hour": sol.dblHour, "price": price, "load_multiplier": load_multiplier},
            "v": [v.get(f"B.{n}", [0.0, 0.0]) for n in range(1, 5)],
            "i": complexes(element.Currents),
        }
        if not out:
            step["yprim"] = complexes(element.Yprim)
        if cls == "storage":
            values = dict(zip(element.AllVariableNames, element.AllVariableValues))
            step["kwh"] = float(values["kWh"])
            step["state"] = int(values["State"])
        out.append(step)
    return out


def generator(rng, k):
    model = [1, 2, 4, 5, 7, 3, 1, 7][k % 8]
    phases, conn, nodes, kv, volts = place(rng)
    p = {
        "p_kw": rng.uniform(50, 500), "q_kvar": rng.uniform(-100, 200), "kva": rng.uniform(500, 900), "model": model,
        "v_min_pu": rng.choice([0.9, 0.8, 0.95]), "v_max_pu": rng.choice([1.1, 1.05, 1.2]),
        "fixed": rng.random() < 0.2, "forced_on": rng.random() < 0.2, "balanced": rng.random() < 0.4,
        "dispatch": rng.choice(["default", "default", "load_level", "price"]), "dispatch_value": rng.choice([0.0, 0.5, 1.2, 30.0]),
    }
    chosen = shapes(rng, ["a", "b", "kw", "kwq"])
    mode = rng.choice(["snapshot", "snapshot", "daily", "yearly", "duty"])
    if model == 3:
        # Its vars follow the iteration and the system matrix; here at the bound that a stiff source drives them to.
        conn, nodes, phases, kv = "wye", [1, 2, 3, 0], 3, 2.4 * math.sqrt(3)
    command = (
        f"{head('generator', phases, conn, nodes, kv)} kw={number(p['p_kw'])} kvar={number(p['q_kvar'])} kva={number(p['kva'])} "
        f"model={model} vminpu={p['v_min_pu']} vmaxpu={p['v_max_pu']} status={'fixed' if p['fixed'] else 'variable'} "
        f"forceon={p['forced_on']} balanced={p['balanced']} dispmode={p['dispatch'].replace('_', '').replace('loadlevel', 'load')} "
        f"dispvalue={p['dispatch_value']} maxkvar=220 minkvar=-110" + shape_text(chosen)
    )
    start(volts)
    for line in [*library(), command]:
        DSS.Text.Command = line
    steps = solve("generator", mode, 3 if mode != "snapshot" else 1, ["set loadmult=0.9", "set genmult=0.8", "set price=25"], 25.0, 0.9)
    DSS.ActiveCircuit.SetActiveElement("generator.e")
    prop = lambda name: float(DSS.ActiveCircuit.ActiveCktElement.Properties(name).Val)
    element = {
        "common": common(phases, nodes), "connection": conn, "kv": kv, **p, "power_factor": 1.0, "v_target_pu": 1.0,
        "p_kw": prop("kw"), "q_kvar": prop("kvar"), "q_max_kvar": prop("maxkvar"), "q_min_kvar": prop("minkvar"), "pv_factor": 0.1,
        "class": 1, "shapes": {kind: shape(name) for kind, name in chosen.items()}, "duty_start_h": 0.0, "xd_pu": 1.0, "xdp_pu": 0.28,
        "xdpp_pu": 0.2, "xr_dp": 20.0, "h_s": 1.0, "damping": 1.0,
    }
    return {"class": "generator", "command": command, "element": element, "steps": steps}


def inverter(rng, kva, rated):
    pf_given = rng.random() < 0.5
    i = {
        "kva": kva, "cut_in_pct": rng.choice([8.0, 20.0, 25.0]), "cut_out_pct": rng.choice([0.0, 4.0, 8.0]),
        "efficiency": rng.choice([None, 0, 1]), "var_follow_inverter": rng.random() < 0.4, "watt_priority": rng.random() < 0.4,
        "pf_priority": rng.random() < 0.4, "p_min_no_vars_pct": rng.choice([-1.0, 15.0]), "p_min_kvar_max_pct": rng.choice([-1.0, 40.0]),
        "q_max_kvar": kva * rng.choice([1.0, 0.4]), "q_max_abs_kvar": kva * rng.choice([1.0, 0.3]), "r_pct": 50.0, "x_pct": 0.0,
        "model": rng.choice([1, 1, 1, 2]), "v_min_pu": rng.choice([0.9, 0.8]), "v_max_pu": rng.choice([1.1, 1.2]),
        "balanced": rng.random() < 0.3, "limit_current": rng.random() < 0.3,
        "power_factor": rng.choice([1.0, 0.9, -0.8, 0.7]) if pf_given else 1.0,
        "q_kvar": 0.0 if pf_given else rng.uniform(-0.8, 0.8) * kva, "q_follows_pf": pf_given, "grid_forming": False, "kv_dc": 8.0,
        "safe_mode": False, "safe_voltage_pct": 80.0, "kp": 0.01, "pi_tolerance": 0.0, "amp_limit_a": -1.0, "amp_limit_gain": 0.8,
    }
    # The limit of vars beyond the rating has no answer in watts.
    text = (
        f" kva={number(kva)} %cutin={i['cut_in_pct']} %cutout={i['cut_out_pct']} varfollowinverter={i['var_follow_inverter']} "
        f"wattpriority={i['watt_priority']} pfpriority={i['pf_priority']} kvarmax={number(i['q_max_kvar'])} "
        f"kvarmaxabs={number(i['q_max_abs_kvar'])} model={i['model']} vminpu={i['v_min_pu']} vmaxpu={i['v_max_pu']} "
        f"balanced={i['balanced']} limitcurrent={i['limit_current']} "
        + (f"pf={i['power_factor']}" if pf_given else f"kvar={number(i['q_kvar'])}")
    )
    if i["efficiency"] is not None:
        text += f" effcurve={['eff', 'falling'][i['efficiency']]}"
    if i["p_min_no_vars_pct"] > 0:
        text += f" %pminnovars={i['p_min_no_vars_pct']}"
    if i["p_min_kvar_max_pct"] > 0:
        text += f" %pminkvarmax={i['p_min_kvar_max_pct']}"
    return i, text


def pv_system(rng, k):
    phases, conn, nodes, kv, volts = place(rng)
    kva = rng.uniform(200, 600)
    p = {"irradiance": rng.uniform(0.1, 1.2), "p_mpp_kw": kva * rng.uniform(0.7, 1.3), "p_mpp_pct": rng.choice([100.0, 100.0, 80.0]), "temperature_c": rng.choice([25.0, 50.0])}
    inv, text = inverter(rng, kva, p["p_mpp_kw"])
    chosen = shapes(rng, ["sun", "a", "b"])
    curve = rng.random() < 0.5
    temps = {kind: rng.random() < 0.5 for kind in ["tyearly", "tdaily", "tduty"]}
    mode = rng.choice(["snapshot", "snapshot", "daily", "yearly", "duty"])
    command = (
        f"{head('pvsystem', phases, conn, nodes, kv)} irradiance={number(p['irradiance'])} pmpp={number(p['p_mpp_kw'])} "
        f"%pmpp={p['p_mpp_pct']} temperature={p['temperature_c']}" + text + shape_text(chosen)
        + (" p-tcurve=pt" if curve else "") + "".join(f" {kind}=t" for kind, on in temps.items() if on)
    )
    start(volts)
    for line in [*library(), command]:
        DSS.Text.Command = line
    steps = solve("pvsystem", mode, 24 if mode != "snapshot" else 1, [])
    element = {
        "common": common(phases, nodes), "connection": conn, "kv": kv, "inverter": inv, **p, "p_t_curve": 2 if curve else None,
        "shapes": {kind: shape(name) for kind, name in chosen.items()}, "t_yearly": 0 if temps["tyearly"] else None,
        "t_daily": 0 if temps["tdaily"] else None, "t_duty": 0 if temps["tduty"] else None, "duty_start_h": 0.0, "class": 1,
    }
    return {"class": "pvsystem", "command": command, "element": element, "steps": steps}


def storage(rng, k):
    phases, conn, nodes, kv, volts = place(rng, 0.8, 1.15)
    rated = rng.uniform(100, 300)
    kva = rated * rng.choice([1.0, 1.1, 0.8])
    inv, text = inverter(rng, kva, rated)
    dispatch = rng.choice(["default", "default", "load_level", "price", "follow", "follow", "external"])
    p = {
        "p_rated_kw": rated, "p_rated_pct": rng.choice([100.0, 100.0, 75.0]), "energy_rated_kwh": rated * rng.uniform(2, 5),
        "reserve_pct": rng.choice([20.0, 10.0]), "mode": rng.choice(["charging", "idling", "discharging"]), "p_kw": None,
        "discharge_pct": rng.choice([100.0, 60.0]), "charge_pct": rng.choice([100.0, 40.0]), "charge_efficiency_pct": 92.0,
        "discharge_efficiency_pct": 91.0, "idling_loss_pct": rng.choice([1.0, 0.0, 2.5]), "dispatch": dispatch,
        "discharge_trigger": rng.choice([0.0, 0.6, 0.8]), "charge_trigger": rng.choice([0.0, 0.2, 0.4]),
        "charge_time_h": rng.choice([2.0, -1.0, 15.0]),
    }
    if dispatch == "price":
        p["discharge_trigger"], p["charge_trigger"] = 20.0, 10.0
    p["energy_stored_kwh"] = p["energy_rated_kwh"] * rng.choice([1.0, 0.7, 0.4])
    chosen = shapes(rng, ["swing", "a"])
    mode = rng.choice(["snapshot", "daily", "daily", "yearly", "duty"])
    command = (
        f"{head('storage', phases, conn, nodes, kv)} kwrated={number(rated)} %kwrated={p['p_rated_pct']} "
        f"kwhrated={number(p['energy_rated_kwh'])} kwhstored={number(p['energy_stored_kwh'])} %reserve={p['reserve_pct']} "
        f"state={p['mode']} %discharge={p['discharge_pct']} %charge={p['charge_pct']} %effcharge=92 %effdischarge=91 "
        f"%idlingkw={p['idling_loss_pct']} dispmode={dispatch.replace('_', '').replace('loadlevel', 'load')} "
        f"dischargetrigger={p['discharge_trigger']} chargetrigger={p['charge_trigger']} timechargetrig={p['charge_time_h']}"
        + text + shape_text(chosen)
    )
    start(volts)
    for line in [*library(), command]:
        DSS.Text.Command = line
    steps = solve("storage", mode, 24 if mode != "snapshot" else 1, ["set loadmult=0.9", "set price=25"], 25.0, 0.9)
    element = {
        "common": common(phases, nodes), "connection": conn, "kv": kv, "inverter": inv, **p,
        "shapes": {kind: shape(name) for kind, name in chosen.items()}, "class": 1,
    }
    return {"class": "storage", "command": command, "element": element, "steps": steps}


def machine(rng, k):
    conn = rng.choice(["wye", "delta"])
    kv = 2.4 * math.sqrt(3)
    volts = [(2400 * rng.uniform(0.93, 1.05), -120.0 * j + rng.uniform(-2, 2)) for j in range(3)] + [(24.0, 0.0)]
    kva = rng.uniform(200, 600)
    p = {
        "p_kw": kva * rng.uniform(0.3, 0.9) * rng.choice([1, 1, -1]), "kva": kva, "r_stator_pu": 0.0053, "x_stator_pu": 0.106,
        "r_rotor_pu": rng.choice([0.007, 0.01]), "x_rotor_pu": 0.12, "x_magnetising_pu": rng.choice([4.0, 3.0]),
        "slip": rng.choice([0.007, 0.01]), "slip_max": 0.1, "slip_fixed": rng.random() < 0.4,
    }
    chosen = shapes(rng, ["a"])
    mode = rng.choice(["snapshot", "daily", "yearly"])
    command = (
        f"{head('indmach012', 3, conn, [1, 2, 3], kv)} kw={number(p['p_kw'])} kva={number(kva)} purs=0.0053 puxs=0.106 "
        f"purr={p['r_rotor_pu']} puxr=0.12 puxm={p['x_magnetising_pu']} slip={p['slip']} maxslip=0.1 "
        f"slipoption={'fixedslip' if p['slip_fixed'] else 'variableslip'}" + shape_text(chosen)
    )
    start(volts)
    for line in [*library(), command]:
        DSS.Text.Command = line
    steps = solve("indmach012", mode, 1, ["set maxiterations=1000", "set miniterations=100"])
    element = {
        "common": common(3, [1, 2, 3]), "connection": conn, "kv": kv, **p, "h_s": 1.0, "damping": 1.0,
        "shapes": {kind: shape(name) for kind, name in chosen.items()},
    }
    return {"class": "indmach012", "command": command, "element": element, "steps": steps}


def fault(rng, k):
    """A unit before and in a fault study, behind sources of 1 + j2 ohm at each node."""
    make = [generator, generator, pv_system, storage, machine][k % 5]
    while True:
        try:
            record = make(rng, 0 if k % 10 < 5 else 4)
        except NoAnswer:
            continue
        e = record["element"]
        running = record["steps"][0]["moment"]["mode"] == "snapshot" and (record["class"] != "storage" or record["steps"][0]["state"] == 1)
        if running and e["common"]["n_phases"] != 2:
            break
    volts = [(2400 * rng.uniform(0.97, 1.03), -120.0 * j + rng.uniform(-3, 3)) for j in range(3)] + [(30.0, 20.0)]
    start(volts)
    text, circuit = DSS.Text, DSS.ActiveCircuit
    for j in range(1, 5):
        text.Command = f"edit vsource.{'source' if j == 1 else f's{j}'} r1=1 x1=2 r0=1 x0=2"
    for line in [*library(), record["command"], "set loadmult=0.9", "set genmult=0.8", "set price=25", "set maxiterations=2000", "solve"]:
        text.Command = line
    assert circuit.Solution.Converged
    v = dict(zip(circuit.YNodeOrder, complexes(circuit.YNodeVarray)))
    text.Command = "set mode=faultstudy"
    text.Command = "solve"
    circuit.SetActiveBus("b")
    bus = circuit.ActiveBus
    voc = dict(zip([int(n) for n in bus.Nodes], complexes(bus.Voc)))
    circuit.SetActiveElement(f"{record['class']}.e")
    return {
        "class": record["class"], "command": record["command"], "element": record["element"],
        "sources": [[m * math.cos(math.radians(a)), m * math.sin(math.radians(a))] for m, a in volts],
        "v": [v.get(f"B.{n}", [0.0, 0.0]) for n in range(1, 5)],
        "voc": [voc[n] for n in range(1, 5)], "yprim": complexes(circuit.ActiveCktElement.Yprim),
        "moment": record["steps"][0]["moment"],
    }


def main():
    rng = random.Random(11)
    records = []
    for make, n in [(generator, 96), (pv_system, 60), (storage, 60), (machine, 24)]:
        for k in range(n):
            try:
                records.append(make(rng, k))
            except NoAnswer:
                pass
    faults = [fault(rng, k) for k in range(40)]
    shapes_and_default = {**SHAPES, "default": default_shape()}
    curves = [EFFICIENCY, FALLING, POWER_TEMPERATURE]
    data = {"made_with": f"DSS C-API {DSS.Version}", "shapes": shapes_and_default, "curves": curves, "temperatures": TEMPERATURES, "records": records, "faults": faults}
    OUT.write_text(json.dumps(data).replace('{"class"', '\n{"class"') + "\n")
    print(OUT, len(records), OUT.stat().st_size)


if __name__ == "__main__":
    main()
