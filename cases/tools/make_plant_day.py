"""Computes a day of a transformer for cases/plant/c57_91_day, from the equations of IEEE C57.91-2011 clause 7 and nothing of this project.

The program under test goes from hour to hour by the closed exponential. This integrates the differential equations behind it,
tau d(rise)/dt = ultimate - rise, by the classical Runge-Kutta method in 4000 steps an hour (error below 1e-11 of a rise). Ageing is that at the
hour's end, as the case says. The standard's own worked example is not used: its figures are not at hand.

Without an argument it compares; --write writes expected.csv and prints mean_ageing and loss_of_life_pct for case.toml.
"""

import csv
import math
import sys
import tomllib
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "plant" / "c57_91_day"
STEPS = 4000
NORMAL_LIFE_H = 180_000


def hour(rise, ultimate, tau_h):
    """The rise an hour on, K."""
    h = 1.0 / STEPS

    def slope(y):
        return (ultimate - y) / tau_h

    for _ in range(STEPS):
        k1 = slope(rise)
        k2 = slope(rise + h / 2 * k1)
        k3 = slope(rise + h / 2 * k2)
        k4 = slope(rise + h * k3)
        rise += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return rise


def main():
    case = tomllib.loads((FOLDER / "case.toml").read_text())
    with open(FOLDER / "expected.csv", newline="") as f:
        old = list(csv.DictReader(f))

    def oil_u(k):
        return case["top_oil_rise_k"] * ((k * k * case["loss_ratio"] + 1) / (case["loss_ratio"] + 1)) ** case["n"]

    def winding_u(k):
        return case["hot_spot_gradient_k"] * k ** (2 * case["m"])

    # The first day's start is forgotten after thirty days: exp(-720/3).
    oil = winding = 0.0
    for _ in range(case["days"]):
        rows = []
        for row in old:
            k, ambient = float(row["load_pu"]), float(row["ambient_c"])
            oil = hour(oil, oil_u(k), case["tau_oil_h"])
            winding = hour(winding, winding_u(k), case["tau_winding_h"])
            hot = ambient + oil + winding
            rows.append((row, ambient + oil, hot, math.exp(15000 / 383 - 15000 / (hot + 273))))
    mean = math.fsum(r[3] for r in rows) / 24
    lost = 100 * 24 * mean / NORMAL_LIFE_H
    new = [[r["hour_end"], r["load_pu"], r["ambient_c"], f"{o:.4f}", f"{h:.4f}", f"{a:.6f}"] for r, o, h, a in rows]
    print(f"mean_ageing = {mean!r}\nloss_of_life_pct = {lost!r}")
    if "--write" in sys.argv:
        with open(FOLDER / "expected.csv", "w", newline="") as f:
            csv.writer(f, lineterminator="\n").writerows([list(old[0])] + new)
        return 0
    wrong = [n for n, o in zip(new, old) if n != list(o.values())]
    wrong += [k for k, v in (("mean_ageing", mean), ("loss_of_life_pct", lost)) if abs(v / case[k] - 1) > 1e-9]
    print(f"{len(wrong)} differ: {wrong}" if wrong else "all as in the case")
    return 1 if wrong else 0


sys.exit(main())
