"""Writes the closed-form cases of cases/transmission: the RAW file and the voltages worked in ohms and kilovolts.

usage: python make_transmission.py

windings_off_base: four transformers at one stiff bus, rated 110/20 kV and 110/20/10 kV where the bus bases are 115, 21 and 10.5 kV, each feeding a
shunt. A short-circuit impedance is per unit of the winding's own rated voltage, so at 20 kV it is z 20² / S ohms, whatever the bases are and whatever
the code says; nothing per unit of a bus is used in working the voltages. Needs only Python.
"""
import csv
import math
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "transmission/windings_off_base"
BASE_KV = {1: 115.0, 2: 21.0, 3: 21.0, 4: 21.0, 5: 21.0, 6: 10.5}
RATED_KV = {5: 20.0, 6: 10.0}
TAP_KV = 112.2  # where winding 1 of 110 kV stands
SHUNT = {2: (20.0, -8.0), 3: (20.0, -8.0), 4: (20.0, -8.0), 5: (15.0, -6.0), 6: (8.0, -3.0)}  # MW and Mvar at the bus's base voltage
S_MVA, Z_PCT, LOSS_W = 40.0, 12.0, 160e3
R = LOSS_W / 1e6 / S_MVA
Z = complex(R, math.sqrt((Z_PCT / 100) ** 2 - R * R))
# Pairs 1-2, 2-3, 3-1 of the three windings: per unit of rated voltage and of MVA.
PAIRS = ((0.003 + 0.1j, 63.0), (0.004 + 0.06j, 40.0), (0.005 + 0.14j, 40.0))


def two_windings(winding_1_kv, bus):
    e_kv = BASE_KV[1] * 20.0 / winding_1_kv
    z_ohm = Z * 20.0**2 / S_MVA
    p, q = SHUNT[bus]
    y = complex(p, q) / BASE_KV[bus] ** 2
    return e_kv / (1 + z_ohm * y)


def three_windings():
    # Per MVA of 1, so that a leg at kV is z kV² ohms.
    z12, z23, z31 = (z / s for z, s in PAIRS)
    legs = (z12 + z31 - z23) / 2, (z12 + z23 - z31) / 2, (z23 + z31 - z12) / 2
    e = BASE_KV[1] / TAP_KV
    y = [complex(*SHUNT[b]) / BASE_KV[b] ** 2 * RATED_KV[b] ** 2 for b in (5, 6)]
    to_earth = [y[k] / (1 + legs[k + 1] * y[k]) for k in range(2)]
    star = e / (1 + legs[0] * sum(to_earth))
    return [star * RATED_KV[b] / (1 + legs[k + 1] * y[k]) for k, b in enumerate((5, 6))]


def raw():
    tail = "1, 1.0, 0, 1.0, 0, 1.0, 0, 1.0"
    lines = ["0, 100.0, 33, 0, 0, 50.0 / PSS(R)E-33", "Transformers rated off the bases of their buses", "110/20 kV and 110/20/10 kV at 115, 21 and 10.5 kV"]
    lines += [f"{b}, 'B{b}', {kv}, {3 if b == 1 else 1}, 1, 1, 1, 1.0, 0.0" for b, kv in BASE_KV.items()]
    lines += ["0 / END OF BUS DATA, BEGIN LOAD DATA", "0 / END OF LOAD DATA, BEGIN FIXED SHUNT DATA"]
    lines += [f"{b}, '1', 1, {p}, {q}" for b, (p, q) in SHUNT.items()]
    lines += ["0 / END OF FIXED SHUNT DATA, BEGIN GENERATOR DATA", "1, '1', 0.0, 0.0, 999.0, -999.0, 1.0, 0, 100.0", "0 / END OF GENERATOR DATA, BEGIN BRANCH DATA"]
    lines += ["0 / END OF BRANCH DATA, BEGIN TRANSFORMER DATA"]
    regulation = "0.0, 0, 0, 0, 0, 0"
    for bus, cw, cz, windv1, windv2, r, x in (
        (2, 2, 2, TAP_KV, 20.0, Z.real, Z.imag),
        (3, 3, 3, TAP_KV / 110.0, 1.0, LOSS_W, Z_PCT / 100),
        (4, 1, 2, 1.0, 20.0 / BASE_KV[4], Z.real, Z.imag),
    ):
        lines += [f"1, {bus}, 0, '1', {cw}, {cz}, 1, 0.0, 0.0, 2, 'T{bus}', 1, {tail}", f"{r!r}, {x!r}, {S_MVA}"]
        lines += [f"{windv1!r}, 110.0, {regulation}", f"{windv2!r}, 20.0"]
    lines += [f"1, 5, 6, '1', 2, 2, 1, 0.0, 0.0, 2, 'T5', 1, {tail}", ", ".join(f"{z.real}, {z.imag}, {s}" for z, s in PAIRS) + ", 1.0, 0.0"]
    lines += [f"{TAP_KV}, 110.0, {regulation}", f"20.0, 20.0, {regulation}", f"10.0, 10.0, {regulation}"]
    lines += ["0 / END OF TRANSFORMER DATA, BEGIN AREA DATA", "Q"]
    return "\n".join(lines) + "\n"


def main():
    kv = {1: complex(BASE_KV[1]), 2: two_windings(TAP_KV, 2), 3: two_windings(TAP_KV, 3), 4: two_windings(BASE_KV[1], 4)}
    kv[5], kv[6] = three_windings()
    (FOLDER / "network.raw").write_text(raw())
    (FOLDER / "expected").mkdir(exist_ok=True)
    with (FOLDER / "expected/buses.csv").open("w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(["bus", "v_pu", "angle_deg"])
        for b, v in kv.items():
            out.writerow([b, repr(abs(v) / BASE_KV[b]), repr(math.degrees(math.atan2(v.imag, v.real)))])


if __name__ == "__main__":
    main()
