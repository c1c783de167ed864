#!/usr/bin/env python3
"""Exponential smoothing of statsmodels on series by formula: what cases/learning-ets holds as expected.

usage: ets_statsmodels.py [--write]

Needs Python with `pip install statsmodels==0.14.5`. Without --write the stored figures are compared with what statsmodels gives now.

y_t = 200 + 0.4 t + 30 sin(2πt/12) + 12 cos(4πt/12) + 6 u_t, times (1 + t/300) in the multiplicative case, with u_t even between -1 and 1 from the generator
x' = (1103515245 x + 12345) mod 2^31, x_0 = 42, u = x / 2^30 - 1.
"""

import json
import math
import pathlib
import sys

import numpy as np
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

CASES = pathlib.Path(__file__).resolve().parents[2] / "cases" / "learning-ets"
PERIOD, N, HORIZON = 12, 168, 24
FORMS = {"additive": ("add", False), "damped": ("add", True), "multiplicative": ("mul", False)}


def series(multiplicative):
    x, out = 42, []
    for t in range(N):
        x = (1103515245 * x + 12345) % 2**31
        season = 30 * math.sin(2 * math.pi * t / 12) + 12 * math.cos(4 * math.pi * t / 12)
        y = 200 + 0.4 * t + season + 6 * (x / 2**30 - 1)
        out.append(round(y * (1 + t / 300 if multiplicative else 1), 6))
    return out


def expected(y, seasonal, damped):
    model = ETSModel(np.array(y), error="add", trend="add", damped_trend=damped, seasonal=seasonal, seasonal_periods=PERIOD)
    fit = model.fit(disp=False, maxiter=5000)
    p = dict(zip(model.param_names, fit.params))
    season = [p[f"initial_seasonal.{i}"] for i in range(PERIOD)]
    # The first of them is that of the step before the first value; the season of the first value comes last.
    result = {
        "alpha": p["smoothing_level"],
        "beta": p["smoothing_trend"],
        "gamma": p["smoothing_seasonal"],
        "phi": p.get("damping_trend", 1.0),
        "level": p["initial_level"],
        "slope": p["initial_trend"],
        "season": season[::-1],
        "sse": float(np.sum(fit.resid**2)),
        "forecast": [float(v) for v in fit.forecast(HORIZON)],
    }
    # A sum from the equations as they are published; statsmodels' smoother has a multiplicative season a little otherwise (3e-4 of the sum here).
    apart = abs(recursion(y, result, seasonal) / result["sse"] - 1)
    assert apart < (1e-9 if seasonal == "add" else 1e-3), f"{seasonal}: the recursion gives a sum {apart:.1e} off"
    return result


def recursion(y, r, seasonal):
    level, slope, season, sse = r["level"], r["slope"], list(r["season"]), 0.0
    for v in y:
        base, s = level + r["phi"] * slope, season.pop(0)
        e = v - (base * s if seasonal == "mul" else base + s)
        over_s, over_base = (1 / s, 1 / base) if seasonal == "mul" else (1, 1)
        level, slope = base + r["alpha"] * e * over_s, r["phi"] * slope + r["beta"] * e * over_s
        season.append(s + r["gamma"] * e * over_base)
        sse += e * e
    return sse


def main():
    worst = 0.0
    for name, (seasonal, damped) in FORMS.items():
        folder = CASES / name
        y = series(seasonal == "mul")
        found = expected(y, seasonal, damped)
        if "--write" in sys.argv:
            (folder / "expected").mkdir(parents=True, exist_ok=True)
            (folder / "series.csv").write_text("value\n" + "".join(f"{v!r}\n" for v in y))
            (folder / "expected" / "statsmodels.json").write_text(json.dumps(found, indent=1) + "\n")
        stored = json.loads((folder / "expected" / "statsmodels.json").read_text())
        apart = abs(stored["sse"] / found["sse"] - 1)
        worst = max(worst, apart)
        print(f"{name}: SSE {found['sse']:.6f}, stored {stored['sse']:.6f}; alpha {found['alpha']:.4f} beta {found['beta']:.4f} gamma {found['gamma']:.4f} phi {found['phi']:.4f}")
    sys.exit(worst > 1e-4)


if __name__ == "__main__":
    main()
