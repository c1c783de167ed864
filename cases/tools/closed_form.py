"""Writes the expected node voltages of the closed-form power-flow cases.

usage: python closed_form.py

Each function below is one case of cases/power_flow (the last of cases/conversions): the formula worked in that case's README with the values of its
network.dss, and nothing else; no power-flow program is involved. Needs only Python.
"""
import cmath
import csv
import math
import pathlib

CASES = pathlib.Path(__file__).resolve().parents[1] / "power_flow"
ROOT3 = math.sqrt(3)
BASE_KV = 12.47 / ROOT3  # line to neutral; the sources stand at 7.2 kV, a trifle above it


def load_impedance(kv, kw, kvar):
    """Impedance in ohm that draws kw + j kvar at kv."""
    return (kv * 1e3) ** 2 / complex(kw * 1e3, -kvar * 1e3)


def two_bus_closed_form():
    e, z_source, z_line = 7200.0, 0.1 + 0.4j, 0.9 + 1.6j
    z_load = load_impedance(7.2, 600, 200)
    i = e / (z_source + z_line + z_load)
    return [("src.1", BASE_KV, e - z_source * i), ("load.1", BASE_KV, z_load * i)]


def two_bus_constant_power():
    e, z_source, z, s = 7200.0, 0.1 + 0.4j, 1.0 + 2.0j, 600e3 + 200e3j
    a = (z * s.conjugate()).real  # RP + XQ
    b = (z * s.conjugate()).imag  # XP - RQ
    w = (e * e - 2 * a + math.sqrt((e * e - 2 * a) ** 2 - 4 * abs(z * s) ** 2)) / 2
    v = cmath.rect(math.sqrt(w), -math.atan2(b, w + a))
    return [("src.1", BASE_KV, e - z_source * (s / v).conjugate()), ("load.1", BASE_KV, v)]


def balanced_delta_wye_30_degrees():
    z_source = (0.05 + 0.5j) / (12.47**2 / 0.5)  # pu on 500 kVA, 12.47 kV
    z_transformer = 0.01 + 0.05j
    z_load = 500 / (240 - 120j)
    i = 1 / (z_source + z_transformer + z_load)
    rows = []
    for bus, kv, v in (("hv", 12.47, 1 - z_source * i), ("lv", 0.48, z_load * i * cmath.rect(1, -math.pi / 6))):
        for node in (1, 2, 3):
            turn = cmath.rect(1, -2 * math.pi / 3 * (node - 1))
            rows.append((f"{bus}.{node}", kv / ROOT3, v * turn * kv * 1e3 / ROOT3))
    return rows


def single_phase_return():
    e, z_source = 7200.0, 0.1j
    z11, z12, z22 = 0.6 + 1.2j, 0.1 + 0.5j, 0.8 + 1.4j
    i = e / (z_source + z11 + z22 - 2 * z12 + load_impedance(7.2, 600, 200))
    return [("src.1", BASE_KV, e - z_source * i), ("load.1", BASE_KV, e - (z_source + z11 - z12) * i), ("load.2", BASE_KV, (z22 - z12) * i)]


def capacitor_rise():
    e, z_source, z_line = 7200.0, 0.1 + 0.4j, 0.9 + 1.6j
    z_capacitor = -1j * 7200**2 / 600e3
    i = e / (z_source + z_line + z_capacitor)
    return [("src.1", BASE_KV, e - z_source * i), ("cap.1", BASE_KV, z_capacitor * i)]


def mutual_coupling():
    z1, z0 = 0.6 + 1.2j, 1.5 + 3.6j  # source and line together
    s1, s0 = 0.1 + 0.2j, 0.3 + 0.6j  # source alone
    e = [cmath.rect(7200.0, -2 * math.pi / 3 * k) for k in range(3)]
    i = e[0] / ((2 * z1 + z0) / 3 + load_impedance(7.2, 600, 200))
    rows = []
    for bus, a, b in (("src", s1, s0), ("load", z1, z0)):
        for k in range(3):
            z = (2 * a + b) / 3 if k == 0 else (b - a) / 3
            rows.append((f"{bus}.{k + 1}", BASE_KV, e[k] - z * i))
    return rows


def balanced_feeder():
    """Of cases/conversions: one phase of everything, folded to the bus of the load of constant power."""
    e, z_source = 1.02 * 69e3 / ROOT3, 0.5 + 4j
    n = 12.47 * 1.025 / 69  # substation, at its tap
    z_substation = (0.01 + 0.08j) * (12.47 * 1.025) ** 2 / 10
    z_line = 3 * (0.3 + 0.6j)
    y_line = 1j * 2 * math.pi * 60 * 3 * 300e-9 / 2  # at each end
    y_mid = y_line + (1j * 0.6 + 1.5 - 0.5j) / 12.47**2
    m = 0.24 / (7.2 * 0.975)  # unit of the bank, at its tap
    z_unit = (0.012 + 0.02j) * 0.24**2 / 0.5
    s = 300e3 + 100e3j

    z = z_source * n**2 + z_substation
    e_feeder, z = e * n / (1 + z * y_line), z / (1 + z * y_line) + z_line
    e_mid, z = e_feeder / (1 + z * y_mid), z / (1 + z * y_mid)
    e_low, z_low = e_mid * m, z * m**2 + z_unit
    # v conj(v) + z conj(s) = e conj(v), with e turned to the real axis.
    a, b, size = (z_low * s.conjugate()).real, (z_low * s.conjugate()).imag, abs(e_low)
    w = complex((size + math.sqrt(size**2 - 4 * (a + (b / size) ** 2))) / 2, -b / size)
    low = w * e_low / size
    i = (s / low).conjugate() * m
    mid = e_mid - z * i
    i += y_mid * mid
    feeder = mid + z_line * i
    i += y_line * feeder
    sub = e - z_source * i * n
    turn = cmath.rect(1, -math.pi / 6)
    return [("sub", 69 / ROOT3, sub), ("feeder", BASE_KV, feeder * turn), ("mid", BASE_KV, mid * turn), ("low", 0.24, low * turn)]


def write_conversions():
    path = CASES.parent / "conversions" / "balanced_feeder" / "expected" / "buses.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(["bus", "kvbase_ln", "v_pu", "angle_deg"])
        for bus, kv, v in balanced_feeder():
            w.writerow([bus, *(f"{x:.12g}" for x in (kv, abs(v) / (kv * 1e3), math.degrees(cmath.phase(v))))])


def main():
    write_conversions()
    for case in (two_bus_closed_form, two_bus_constant_power, balanced_delta_wye_30_degrees, single_phase_return, capacitor_rise,
                 mutual_coupling):
        for controls in ("off", "static"):
            path = CASES / case.__name__ / "expected" / f"{controls}.nodes.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "w", newline="") as f:
                w = csv.writer(f, lineterminator="\n")
                w.writerow(["node", "kvbase_ln", "v_re", "v_im", "v_pu", "angle_deg"])
                for node, kv, v in case():
                    v = complex(v)
                    w.writerow([node, *(f"{x:.12g}" for x in (kv, v.real, v.imag, abs(v) / (kv * 1e3), math.degrees(cmath.phase(v))))])


if __name__ == "__main__":
    main()
