"""Remakes cases/line_constants/*/: inputs in SI units, and what OpenDSS (DSS C-API 0.14.5, package dss_python) makes of them.

Each folder gets
  case.toml       title and number of phases
  conductors.csv  the cross section, phases first (columns of the sheath are empty for bare wires)
  settings.csv    earth model, frequency and earth resistivity of each run
  expected.csv    series impedance and capacitance of a metre of line, all conductors ("full") and phases only ("reduced")
  README.md       what the case is for

Run from the root of the repository: python3 cases/tools/make_line_constants.py
"""

import csv
import pathlib

from dss import DSS

ROOT = pathlib.Path(__file__).resolve().parents[1] / "line_constants"
FT = 0.3048
IN = 0.0254
MILE = 1609.344
KFT = 304.8

CONDUCTOR_COLUMNS = [
    "kind", "r_dc_ohm_per_m", "r_ac_ohm_per_m", "gmr_m", "radius_m", "cap_radius_m", "x_m", "y_m",
    "relative_permittivity", "layer_m", "diameter_m", "cable_diameter_m",
    "strands", "strand_diameter_m", "strand_gmr_m", "strand_r_ohm_per_m",
    "shield_diameter_m", "tape_layer_m", "tape_lap_pct",
]

ALL_SETTINGS = [
    (model, frequency, rho)
    for model in ("carson", "fullcarson", "deri")
    for frequency, rho in ((60.0, 100.0), (50.0, 31.0), (25.0, 250.0), (1500.0, 100.0))
]


def wire(r, gmr, radius, x, y, r_dc=None, cap_radius=None):
    return dict(kind="bare", r_dc_ohm_per_m=r_dc or r / 1.02, r_ac_ohm_per_m=r, gmr_m=gmr, radius_m=radius,
                cap_radius_m=cap_radius, x_m=x, y_m=y)


def acsr_336(x_ft, y_ft):
    """336.4 kcmil 26/7 ACSR of the IEEE test feeders."""
    return wire(0.306 / MILE, 0.0244 * FT, 0.721 * IN / 2, x_ft * FT, y_ft * FT)


def acsr_556(x_ft, y_ft):
    return wire(0.1859 / MILE, 0.0313 * FT, 0.927 * IN / 2, x_ft * FT, y_ft * FT)


def acsr_4_0(x_ft, y_ft):
    return wire(0.592 / MILE, 0.00814 * FT, 0.563 * IN / 2, x_ft * FT, y_ft * FT)


def copper_1_0(x_ft, y_ft):
    return wire(0.607 / MILE, 0.01113 * FT, 0.368 * IN / 2, x_ft * FT, y_ft * FT)


def concentric(x, y, strands=13):
    """250 kcmil AA cable with a one-third neutral, of the IEEE test feeders."""
    cable = wire(0.410 / MILE, 0.0171 * FT, 0.567 * IN / 2, x, y)
    cable.update(kind="concentric_neutral", relative_permittivity=2.3, layer_m=0.220 * IN, diameter_m=1.06 * IN,
                 cable_diameter_m=1.29 * IN, strands=strands, strand_diameter_m=0.0641 * IN,
                 strand_gmr_m=0.00208 * FT, strand_r_ohm_per_m=14.8722 / MILE)
    return cable


def tape(x, y):
    """1/0 AA cable with a 5 mil tape shield, of the IEEE test feeders."""
    cable = wire(0.97 / MILE, 0.0111 * FT, 0.368 * IN / 2, x, y)
    cable.update(kind="tape_shield", relative_permittivity=2.3, layer_m=0.220 * IN, diameter_m=0.82 * IN,
                 cable_diameter_m=1.06 * IN, shield_diameter_m=0.88 * IN, tape_layer_m=0.005 * IN, tape_lap_pct=20.0)
    return cable


CASES = {
    "overhead_one_wire": ("One wire over ground", 1, [acsr_336(0.0, 28.0)]),
    "overhead_ieee_601": ("Configuration 601 of the IEEE 13 and 34 node feeders: pole 500, three phases and neutral", 3,
                          [acsr_556(0.0, 28.0), acsr_556(2.5, 28.0), acsr_556(7.0, 28.0), acsr_4_0(4.0, 24.0)]),
    "overhead_double_circuit": ("Six phases and two ground wires on one tower, of unequal heights", 6,
                                [acsr_336(-8.0, 50.0), acsr_336(-9.0, 62.0), acsr_336(-8.5, 74.0),
                                 acsr_556(8.0, 50.0), acsr_556(9.0, 62.0), acsr_556(8.5, 74.0),
                                 acsr_4_0(-5.0, 90.0), acsr_4_0(5.0, 91.0)]),
    "overhead_bundle_cap_radius": ("Twin bundles as one conductor each: equivalent GMR, and a radius of its own for the capacitance", 3,
                                   [wire(3.0e-5, 0.0722, 0.0148, x, 14.0, r_dc=2.9e-5, cap_radius=0.0823) for x in (-9.0, 0.0, 9.0)]
                                   + [wire(1.9e-3, 0.0011, 0.0055, x, 21.0) for x in (-6.5, 6.5)]),
    "concentric_three_phases": ("Configuration 606 of the IEEE 13 node feeder: three cables with concentric neutrals", 3,
                                [concentric(i * 6 * IN, -1.2) for i in range(3)]),
    "concentric_with_bare_neutral": ("Three concentric-neutral cables and a bare copper neutral beside them", 3,
                                     [concentric(i * 6 * IN, -1.2) for i in range(3)] + [copper_1_0(1.5, -4.0)]),
    "concentric_neutral_cable": ("The neutral conductor is a cable too: its own sheath does not count", 2,
                                 [concentric(0.0, -0.9, 6), concentric(0.2, -0.9, 13), concentric(0.4, -0.9, 13)]),
    "concentric_above_ground": ("Cables on a bridge, above ground", 3,
                                [concentric(i * 0.1, 5.0 + 0.02 * i) for i in range(3)]),
    "tape_one_phase_bare_neutral": ("Configuration 607 of the IEEE 13 node feeder: one tape-shielded cable and a bare neutral", 1,
                                    [tape(0.0, -1.2), copper_1_0(0.25, -3.937)]),
    "tape_three_phases": ("Three cables with tape shields, unequal depths", 3,
                          [tape(0.0, -1.0), tape(0.15, -1.0), tape(0.075, -1.13)]),
}


def command(text):
    DSS.Text.Command = text


def build(conductors, n_phases, reduce, model, frequency, rho):
    command("clear")
    command(f"set defaultbasefrequency={frequency!r}")
    command("new circuit.case basekv=12.47 phases=3")
    command(f"set earthmodel={model}")
    for index, c in enumerate(conductors, 1):
        data = {"bare": "wiredata", "concentric_neutral": "cndata", "tape_shield": "tsdata"}[c["kind"]]
        text = (f"new {data}.w{index} runits=m rdc={c['r_dc_ohm_per_m']!r} rac={c['r_ac_ohm_per_m']!r} gmrunits=m gmrac={c['gmr_m']!r} "
                f"radunits=m radius={c['radius_m']!r}")
        if c["cap_radius_m"] is not None:
            text += f" capradius={c['cap_radius_m']!r}"
        if c["kind"] != "bare":
            text += (f" epsr={c['relative_permittivity']!r} inslayer={c['layer_m']!r} diains={c['diameter_m']!r} "
                     f"diacable={c['cable_diameter_m']!r}")
        if c["kind"] == "concentric_neutral":
            text += (f" k={c['strands']} diastrand={c['strand_diameter_m']!r} gmrstrand={c['strand_gmr_m']!r} "
                     f"rstrand={c['strand_r_ohm_per_m']!r}")
        if c["kind"] == "tape_shield":
            text += f" diashield={c['shield_diameter_m']!r} tapelayer={c['tape_layer_m']!r} tapelap={c['tape_lap_pct']!r}"
        command(text)
    n = len(conductors)
    command(f"new linegeometry.g nconds={n} nphases={n_phases} reduce={'yes' if reduce else 'no'}")
    for index, c in enumerate(conductors, 1):
        kind = {"bare": "wire", "concentric_neutral": "cncable", "tape_shield": "tscable"}[c["kind"]]
        command(f"~ cond={index} {kind}=w{index} x={c['x_m']!r} h={c['y_m']!r} units=m")
    order = n_phases if reduce else n
    nodes = "".join(f".{i}" for i in range(1, order + 1))
    command(f"new line.l bus1=a{nodes} bus2=b{nodes} geometry=g rho={rho!r} length=1 units=m")
    command("solve mode=direct")
    lines = DSS.ActiveCircuit.Lines
    lines.Name = "l"
    r, x, c = list(lines.Rmatrix), list(lines.Xmatrix), list(lines.Cmatrix)
    assert len(r) == order * order, (len(r), order)
    for i in range(order):
        for j in range(order):
            at = i * order + j
            yield i, j, r[at], x[at], c[at]


def main():
    DSS.AllowForms = False
    assert "0.14.5" in DSS.Version, DSS.Version
    for name, (title, n_phases, conductors) in CASES.items():
        folder = ROOT / name
        folder.mkdir(parents=True, exist_ok=True)
        for c in conductors:
            for column in CONDUCTOR_COLUMNS:
                c.setdefault(column, None)
        (folder / "case.toml").write_text(f'title = "{title}"\nn_phases = {n_phases}\n')
        (folder / "README.md").write_text(
            f"# {name}\n\n{title}.\n\nInputs in `conductors.csv` and `settings.csv`; `expected.csv` is what OpenDSS (DSS C-API 0.14.5) gives for "
            "a metre of\nthe line. Remade by `cases/tools/make_line_constants.py`. Agreement asked for: 1e-9 relative to the magnitude of the entry.\n")
        with open(folder / "conductors.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(CONDUCTOR_COLUMNS)
            for c in conductors:
                writer.writerow(["" if c[k] is None else c[k] for k in CONDUCTOR_COLUMNS])
        with open(folder / "settings.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["earth_model", "frequency_hz", "rho_ohm_m"])
            writer.writerows(ALL_SETTINGS)
        with open(folder / "expected.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["setting", "matrix", "row", "col", "r_ohm_per_m", "x_ohm_per_m", "c_nf_per_m"])
            for number, setting in enumerate(ALL_SETTINGS):
                for matrix in ("full", "reduced"):
                    for i, j, r, x, c in build(conductors, n_phases, matrix == "reduced", *setting):
                        if j <= i:
                            writer.writerow([number, matrix, i, j, f"{r:.17g}", f"{x:.17g}", f"{c:.17g}"])
        print(name)


if __name__ == "__main__":
    main()
