"""Remakes cases/transformer_yprim/*/: one transformer each, the primitive admittance that OpenDSS (DSS C-API 0.14.5, package dss_python)
gives it, and what OpenDSS reports of its windings in a small solved circuit.

Each folder gets
  case.json     the transformer's values, the OpenDSS commands that say the same, and of the solved circuit: voltages of the conductors
                to earth (v, V), currents into them (i, A), voltages across each winding, currents into the ends of the windings phase by phase,
                losses (total, load, no-load; VA). Complex numbers are pairs.
  expected.csv  the primitive admittance, siemens: row, col, g, b (rows and columns of the conductors, terminal by terminal)
  README.md     what the case is for

Run from the root of the repository: python3 cases/tools/make_transformer_yprim.py
"""

import csv
import json
import pathlib

from dss import DSS

ROOT = pathlib.Path(__file__).resolve().parents[1] / "transformer_yprim"
CASES = {}


def winding(conn, kv, kva, bus, tap=1.0, r=0.5, rneut=-1.0, xneut=0.0):
    return dict(conn=conn, kv=kv, kva=kva, bus=bus, tap=tap, r_pct=r, r_neutral_ohm=rneut, x_neutral_ohm=xneut)


def case(name, title, phases, windings, x, cls="transformer", nll=0.25, imag=0.6, ppm=1.0, lead=False, frequency=60.0, xrconst=False, loads=(), setup=()):
    CASES[name] = dict(title=title, cls=cls, phases=phases, windings=windings, x=x, nll=nll, imag=imag, ppm=ppm, lead=lead,
                       frequency=frequency, xrconst=xrconst, loads=list(loads), setup=list(setup))


KV = {"w": 12.47, "d": 12.47}
CONN = {"w": "wye", "d": "delta"}
for a in "wd":
    for b in "wd":
        for lead in (False, True):
            case(f"three_phase_{CONN[a]}_{CONN[b]}_{'lead' if lead else 'lag'}", f"Two windings, {CONN[a]} to {CONN[b]}, high side first", 3,
                 [winding(CONN[a], 12.47, 5000, "hv"), winding(CONN[b], 4.16, 5000, "x")], [6.0], lead=lead,
                 loads=[f"bus1=x phases=3 conn={CONN[b]} kv=4.16 kw=2000 kvar=700", "bus1=x.1.2 phases=1 kv=4.16 kw=300"])
for a, b in (("delta", "wye"), ("wye", "delta")):
    case(f"step_up_{a}_{b}", f"Low side first, {a} to {b}", 3, [winding(a, 12.47, 5000, "hv"), winding(b, 69, 5000, "x")], [8.0],
         loads=[f"bus1=x phases=3 conn={b} kv=69 kw=2500 kvar=700"])
LOAD3 = ["bus1=x phases=3 kv=4.16 kw=1500 kvar=500", "bus1=x.1 phases=1 kv=2.4 kw=200"]
W, D = "wye", "delta"
case("default_values", "Nothing but buses and voltages", 3, [winding(W, 12.47, 1000, "hv", r=0.2), winding(W, 4.16, 1000, "x", r=0.2)], [7.0],
     nll=0.0, imag=0.0, loads=["bus1=x phases=3 kv=4.16 kw=500 kvar=100"])
case("taps_off_nominal", "Both taps off nominal", 3, [winding(D, 12.47, 5000, "hv", tap=0.975), winding(W, 4.16, 5000, "x", tap=1.04375)], [6.0], loads=LOAD3)
case("solid_neutral", "Neutral earthed through nothing", 3, [winding(D, 12.47, 5000, "hv"), winding(W, 4.16, 5000, "x.1.2.3.4", rneut=0.0)], [6.0], loads=LOAD3)
case("neutral_impedance", "Neutral earthed through an impedance", 3,
     [winding(D, 12.47, 5000, "hv"), winding(W, 4.16, 5000, "x.1.2.3.4", rneut=2.0, xneut=5.0)], [6.0], loads=LOAD3)
case("neutral_reactance", "Neutral earthed through a reactor", 3,
     [winding(W, 12.47, 5000, "hv"), winding(W, 4.16, 5000, "x.1.2.3.4", rneut=0.0, xneut=3.0)], [6.0], loads=LOAD3)
case("neutral_impedance_on_delta", "A neutral impedance at a delta winding has no effect", 3,
     [winding(D, 12.47, 5000, "hv", rneut=1.0), winding(W, 4.16, 5000, "x")], [6.0], loads=LOAD3)
case("open_neutral", "Open neutral on a node of its own", 3, [winding(W, 12.47, 5000, "hv.1.2.3.4"), winding(D, 4.16, 5000, "x")], [6.0],
     loads=["bus1=x phases=3 conn=delta kv=4.16 kw=1500 kvar=500"])
case("antifloat_zero", "No anti-float admittance", 3, [winding(D, 12.47, 5000, "hv"), winding(W, 4.16, 5000, "x")], [6.0], ppm=0.0, loads=LOAD3)
case("antifloat_large", "A large anti-float admittance", 3, [winding(D, 12.47, 5000, "hv"), winding(D, 4.16, 5000, "x")], [6.0], ppm=250.0,
     loads=["bus1=x phases=3 conn=delta kv=4.16 kw=1500 kvar=500"])
case("no_losses", "No resistance, no no-load branch", 3, [winding(W, 12.47, 5000, "hv", r=0.0), winding(W, 4.16, 5000, "x", r=0.0)], [6.0], nll=0, imag=0, loads=LOAD3)
case("different_winding_ratings", "Impedances refer to the rating of winding 1", 3,
     [winding(W, 12.47, 5000, "hv"), winding(W, 4.16, 5000, "x"), winding(D, 0.48, 500, "y")], [6.0, 11.0, 4.0], loads=LOAD3 + ["bus1=y phases=3 conn=delta kv=0.48 kw=200"])
case("three_windings_wye_wye_delta", "Tertiary in delta", 3, [winding(W, 12.47, 5000, "hv"), winding(W, 4.16, 5000, "x", tap=1.0125), winding(D, 0.48, 5000, "y")],
     [8.0, 12.0, 5.0], loads=LOAD3 + ["bus1=y phases=3 conn=delta kv=0.48 kw=200"])
case("three_windings_delta_wye_wye", "Two secondaries in wye", 3, [winding(D, 12.47, 5000, "hv"), winding(W, 4.16, 5000, "x"), winding(W, 0.48, 5000, "y", r=0.9)],
     [8.0, 12.0, 5.0], loads=LOAD3 + ["bus1=y phases=3 kv=0.48 kw=200"])
case("three_windings_wye_delta_wye_lead", "Delta in the middle, low side leads", 3,
     [winding(W, 12.47, 5000, "hv"), winding(D, 4.16, 5000, "x"), winding(W, 0.48, 5000, "y", rneut=0.1)], [8.0, 12.0, 5.0], lead=True,
     loads=["bus1=x phases=3 conn=delta kv=4.16 kw=1500 kvar=500", "bus1=y phases=3 kv=0.48 kw=200"])
case("four_windings", "Six short-circuit reactances", 3, [winding(W, 12.47, 5000, "hv"), winding(W, 4.16, 5000, "x"), winding(D, 2.4, 5000, "y"), winding(W, 0.48, 5000, "z")],
     [8.0, 9.0, 10.0, 7.0, 6.5, 5.5], loads=LOAD3 + ["bus1=y phases=3 conn=delta kv=2.4 kw=200", "bus1=z phases=3 kv=0.48 kw=100"])
case("single_phase", "One phase to earth", 1, [winding(W, 7.2, 50, "hv.2"), winding(W, 0.24, 50, "x.2")], [2.0], loads=["bus1=x.2 phases=1 kv=0.24 kw=30 kvar=10"])
case("single_phase_line_to_line", "One phase between two", 1, [winding(W, 12.47, 50, "hv.1.2"), winding(W, 0.24, 50, "x.1")], [2.0], loads=["bus1=x.1 phases=1 kv=0.24 kw=30 kvar=10"])
case("single_phase_delta_high", "One phase, high side called delta", 1, [winding(D, 12.47, 50, "hv.1.2"), winding(W, 0.24, 50, "x.1")], [2.0], loads=["bus1=x.1 phases=1 kv=0.24 kw=30 kvar=10"])
case("single_phase_delta_low", "One phase, low side called delta", 1, [winding(W, 7.2, 50, "hv.1"), winding(D, 0.24, 50, "x.1.2")], [2.0], loads=["bus1=x.1.2 phases=1 conn=delta kv=0.24 kw=30 kvar=10"])
case("single_phase_neutral_impedance", "One phase with a neutral impedance", 1, [winding(W, 7.2, 50, "hv.1"), winding(W, 0.24, 50, "x.1.4", rneut=0.5)], [2.0],
     loads=["bus1=x.1.4 phases=1 kv=0.24 kw=30 kvar=10"])
case("center_tap", "120/240 V service with a centre tap", 1, [winding(W, 7.2, 25, "hv.1", r=0.6), winding(W, 0.12, 25, "x.1.0", r=1.2), winding(W, 0.12, 25, "x.0.2", r=1.2)],
     [2.04, 2.04, 1.36], loads=["bus1=x.1 phases=1 kv=0.12 kw=6", "bus1=x.2 phases=1 kv=0.12 kw=3", "bus1=x.1.2 phases=1 conn=delta kv=0.24 kw=5"])
case("two_phase_wye_wye", "Two phases in wye: rated line to line of three", 2, [winding(W, 12.47, 500, "hv.1.3"), winding(W, 4.16, 500, "x.1.3")], [5.0],
     loads=["bus1=x.1 phases=1 kv=2.4 kw=100", "bus1=x.3 phases=1 kv=2.4 kw=80"])
for lead in (False, True):
    case(f"open_wye_open_delta_{'lead' if lead else 'lag'}", "Two phases in wye to an open delta", 2,
         [winding(W, 12.47, 500, "hv.1.2.0"), winding(D, 0.24, 500, "x.1.2.3")], [3.0], lead=lead,
         loads=["bus1=x phases=3 conn=delta kv=0.24 kw=100"])
    case(f"open_delta_open_wye_{'lead' if lead else 'lag'}", "An open delta to two phases in wye", 2,
         [winding(D, 12.47, 500, "hv.1.2.3"), winding(W, 0.48, 500, "x.1.2.0")], [3.0], lead=lead, loads=["bus1=x.1 phases=1 kv=0.277 kw=50"])
case("open_delta_regulator", "Open delta to open delta", 2, [winding(D, 12.47, 500, "hv.1.2.3"), winding(D, 12.47, 500, "x.1.2.3", tap=1.05)], [3.0],
     loads=["bus1=x phases=3 conn=delta kv=12.47 kw=100"])
case("six_phase_wye", "Six phases in wye", 6, [winding(W, 7.2, 500, "six.1.2.3.4.5.6"), winding(W, 0.48, 500, "x.1.2.3.4.5.6")], [3.0])
case("five_phase_delta_wye", "Five phases, delta to wye", 5, [winding(D, 7.2, 500, "six.1.2.3.4.5"), winding(W, 0.48, 500, "x.1.2.3.4.5")], [3.0])
case("four_phase_delta_delta", "Four phases in delta", 4, [winding(D, 7.2, 500, "six.1.2.3.4"), winding(D, 0.48, 500, "x.1.2.3.4")], [3.0])
case("third_harmonic", "At 180 Hz", 3, [winding(D, 12.47, 5000, "hv"), winding(W, 4.16, 5000, "x", rneut=1.0, xneut=1.0)], [6.0], frequency=180.0)
case("third_harmonic_constant_ratio", "At 180 Hz with X/R kept", 3, [winding(D, 12.47, 5000, "hv"), winding(W, 4.16, 5000, "x", rneut=1.0, xneut=1.0)], [6.0],
     frequency=180.0, xrconst=True)
case("fifty_hertz", "A 60 Hz transformer at 50 Hz", 3, [winding(D, 12.47, 5000, "hv"), winding(W, 4.16, 5000, "x")], [6.0], frequency=50.0)
case("geomagnetic", "At 0.1 Hz: resistances only", 3, [winding(D, 12.47, 5000, "hv"), winding(W, 4.16, 5000, "x.1.2.3.4", rneut=0.5)], [6.0], frequency=0.1)
A = "autotrans"
LOADA = ["bus1=x phases=3 kv=4.16 kw=1500 kvar=500", "bus1=x.2 phases=1 kv=2.4 kw=200"]
case("auto_two_windings", "Autotransformer", 3, [winding(W, 12.47, 5000, "hv"), winding(W, 4.16, 5000, "x")], [8.0], cls=A, loads=LOADA)
case("auto_delta_tertiary", "Autotransformer with a tertiary in delta, taps off nominal", 3,
     [winding(W, 12.47, 5000, "hv", tap=1.0125), winding(W, 4.16, 5000, "x", tap=0.975), winding(D, 0.48, 1000, "y")], [8.0, 30.0, 20.0], cls=A, loads=LOADA + ["bus1=y phases=3 conn=delta kv=0.48 kw=200"])
case("auto_wye_tertiary", "Autotransformer with a tertiary in wye", 3, [winding(W, 12.47, 5000, "hv"), winding(W, 4.16, 5000, "x"), winding(W, 0.48, 1000, "y")],
     [8.0, 30.0, 20.0], cls=A, loads=LOADA + ["bus1=y phases=3 kv=0.48 kw=200"])
case("auto_same_voltage", "Both sides of one rating: a tiny series winding", 3, [winding(W, 12.47, 5000, "hv"), winding(W, 12.47, 5000, "x")], [8.0], cls=A,
     loads=["bus1=x phases=3 kv=12.47 kw=1500 kvar=500"])
case("auto_step_up", "Autotransformer that raises the voltage", 3, [winding(W, 14.4, 5000, "x"), winding(W, 12.47, 5000, "hv")], [8.0], cls=A, loads=["bus1=x phases=3 kv=14.4 kw=1000"])
case("auto_single_phase", "One phase", 1, [winding(W, 7.2, 500, "hv.1"), winding(W, 2.4, 500, "x.1")], [8.0], cls=A, loads=["bus1=x.1 phases=1 kv=2.4 kw=200"])
case("auto_two_phase", "Two phases", 2, [winding(W, 12.47, 500, "hv.1.2"), winding(W, 4.16, 500, "x.1.2")], [8.0], cls=A, loads=["bus1=x.1 phases=1 kv=2.4 kw=200"])
case("auto_third_harmonic", "Autotransformer at 180 Hz with X/R kept", 3, [winding(W, 12.47, 5000, "hv"), winding(W, 4.16, 5000, "x"), winding(D, 0.48, 1000, "y")],
     [8.0, 30.0, 20.0], cls=A, frequency=180.0, xrconst=True)
case("auto_four_windings", "Autotransformer with two more windings", 3,
     [winding(W, 12.47, 5000, "hv"), winding(W, 4.16, 5000, "x"), winding(D, 2.4, 1000, "y"), winding(W, 0.48, 1000, "z")],
     [8.0, 30.0, 28.0, 20.0, 19.0, 15.0], cls=A, loads=LOADA + ["bus1=y phases=3 conn=delta kv=2.4 kw=200", "bus1=z phases=3 kv=0.48 kw=50"])


def commands(c):
    n = len(c["windings"])
    new = f"new {c['cls']}.x phases={c['phases']} windings={n}"
    lines = [new]
    for i, w in enumerate(c["windings"], 1):
        text = f"~ wdg={i} bus={w['bus']} kv={w['kv']} kva={w['kva']} %r={w['r_pct']} tap={w['tap']}"
        if not (c["cls"] == "autotrans" and i <= 2):
            text += f" conn={w['conn']}"
        if c["cls"] == "transformer":
            text += f" rneut={w['r_neutral_ohm']} xneut={w['x_neutral_ohm']}"
        lines.append(text)
    names = ("xhx", "xht", "xxt") if c["cls"] == "autotrans" else ("xhl", "xht", "xlt")
    if len(c["x"]) <= 3:
        reactances = " ".join(f"{k}={v}" for k, v in zip(names, c["x"]))
    else:
        reactances = "xscarray=[" + " ".join(map(str, c["x"])) + "]"
    lines.append(f"~ {reactances} %noloadloss={c['nll']} %imag={c['imag']} ppm_antifloat={c['ppm']} leadlag={'lead' if c['lead'] else 'lag'}"
                 f" xrconst={'yes' if c['xrconst'] else 'no'}")
    return lines + [f"new load.l{i} {text}" for i, text in enumerate(c["loads"])] + c["setup"]


def run(text):
    DSS.Text.Command = text


def pairs(values):
    return [float(v) for v in values]


def solve(c):
    run("clear")
    run("set defaultbasefrequency=60")
    run("new circuit.case basekv=12.47 phases=3 bus1=slack mvasc3=100 mvasc1=90")
    run("new line.tie bus1=slack bus2=hv length=0.1")
    run("new vsource.six basekv=7.2 phases=6 bus1=six")
    for text in commands(c):
        run(text)
    run("set tolerance=1e-10 maxiterations=500")
    run("solve")
    if c["frequency"] != 60.0:
        run(f"set frequency={c['frequency']!r}")
        run("solve mode=direct")
    circuit = DSS.ActiveCircuit
    circuit.SetActiveElement(f"{c['cls']}.x")
    element = circuit.ActiveCktElement
    assert element.Name.lower() == f"{c['cls']}.x"
    assert circuit.Solution.Converged, "not converged"
    flat = pairs(element.Yprim)
    order = round((len(flat) / 2) ** 0.5)
    matrix = [(i, j, flat[2 * (j * order + i)], flat[2 * (j * order + i) + 1]) for i in range(order) for j in range(order)]
    out = dict(v=pairs(element.Voltages), i=pairs(element.Currents))
    out["winding_voltages"] = []
    # What OpenDSS's interface tells of windings it tells of the class Transformer only.
    if c["cls"] == "transformer":
        circuit.Transformers.Name = "x"
        for w in range(len(c["windings"])):
            circuit.Transformers.Wdg = w + 1
            out["winding_voltages"].append(pairs(circuit.Transformers.WdgVoltages))
        out["winding_currents"] = pairs(circuit.Transformers.WdgCurrents)
        circuit.SetActiveElement("transformer.x")
        out["losses"] = pairs(circuit.Transformers.LossesByType)
        # The interface rounds nothing; losses of an element come in VA.
    volts, amps = element.Voltages, element.Currents
    power = sum(abs(complex(volts[2 * k], volts[2 * k + 1]) * complex(amps[2 * k], -amps[2 * k + 1])) for k in range(order))
    out["power_va"] = float(power)
    rdc = []
    for w in range(len(c["windings"])):
        run(f"select {c['cls']}.x")
        run(f"{c['cls']}.x.wdg={w + 1}")
        run(f"? {c['cls']}.x.rdcohms")
        rdc.append(float(DSS.Text.Result))
    return matrix, out, rdc


def main():
    DSS.AllowForms = False
    assert "0.14.5" in DSS.Version, DSS.Version
    for name, c in CASES.items():
        try:
            matrix, out, rdc = solve(c)
        except Exception as error:  # name the case before giving up
            raise SystemExit(f"{name}: {error}") from error
        folder = ROOT / name
        folder.mkdir(parents=True, exist_ok=True)
        windings = [{**w, "r_dc_ohm": r} for w, r in zip(c["windings"], rdc)]
        values = dict(title=c["title"], opendss=commands(c), **{"class": c["cls"]}, phases=c["phases"], base_frequency_hz=60.0,
                      frequency_hz=c["frequency"], x_sc_pct=c["x"], no_load_loss_pct=c["nll"], magnetising_pct=c["imag"],
                      antifloat_ppm=c["ppm"], lead=c["lead"], x_over_r_constant=c["xrconst"], windings=windings, **out)
        (folder / "case.json").write_text(json.dumps(values, indent=1) + "\n")
        (folder / "README.md").write_text(
            f"# {name}\n\n{c['title']}.\n\nValues and the solved circuit in `case.json`; `expected.csv` is the primitive admittance that OpenDSS (DSS C-API 0.14.5) gives, in\n"
            "siemens. Remade by `cases/tools/make_transformer_yprim.py`.\n")
        with open(folder / "expected.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["row", "col", "g_siemens", "b_siemens"])
            for i, j, g, b in matrix:
                writer.writerow([i, j, f"{g:.17g}", f"{b:.17g}"])
    print(len(CASES), "cases")


if __name__ == "__main__":
    main()
