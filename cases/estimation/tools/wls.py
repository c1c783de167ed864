"""Weighted least squares written from the equations, for `cases/estimation/*/model.json`: python3 wls.py FOLDER... writes expected/state.json.

Independent of GridTwin's method in every part: the state is magnitude and angle (of all buses but the first's angle), the gain is dense, gradients
are central differences, and devices' zero injections do not occur. Needs numpy.

    S_ij = v_i conj((v_i - v_j) / z_ij)        power into a branch at its first end
    S_i  = -v_i conj(sum_j Y_ij v_j)           power drawn at a bus
    x   <- x + (H' W H)^-1 H' W (z - h(x))     W = diag(1 / sigma^2)
    Cov(x) = (H' W H)^-1,  Omega = W^-1 - H Cov(x) H',  r_N = |r| / sqrt(diag Omega)
"""

import json
import pathlib
import sys

import numpy as np


def solve(model):
    buses = {name: k for k, name in enumerate(model["buses"])}
    n = len(buses)
    admittance = np.zeros((n, n), complex)
    branches = {}
    for b in model["branches"]:
        i, j, y = buses[b["from"]], buses[b["to"]], 1 / complex(b["r_pu"], b["x_pu"])
        branches[b["name"]] = (i, j, y)
        for a, c, sign in [(i, i, 1), (j, j, 1), (i, j, -1), (j, i, -1)]:
            admittance[a, c] += sign * y
    points = model["measurements"]

    def h(x):
        v = x[n - 1 :] * np.exp(1j * np.concatenate([[0.0], x[: n - 1]]))
        values = []
        for m in points:
            if m["quantity"] == "v":
                values.append(abs(v[buses[m["bus"]]]))
                continue
            if "branch" in m:
                i, j, y = branches[m["branch"]]
                s = v[i] * np.conj((v[i] - v[j]) * y)
            else:
                i = buses[m["bus"]]
                s = -v[i] * np.conj(admittance[i] @ v)
            values.append(s.real if m["quantity"] == "p" else s.imag)
        return np.array(values)

    z = np.array([m["value"] for m in points])
    sigma = np.array([m["sigma"] for m in points])
    x = np.concatenate([np.zeros(n - 1), np.ones(n)])

    def gradient():
        step = 1e-5 * np.eye(len(x))
        return np.array([(h(x + e) - h(x - e)) / 2e-5 for e in step]).T / sigma[:, None]

    for _ in range(50):
        a = gradient()
        move = np.linalg.lstsq(a, (z - h(x)) / sigma, rcond=None)[0]
        x = x + move
    assert abs(move).max() < 1e-11, move
    a = gradient()
    covariance = np.linalg.inv(a.T @ a)
    r = (z - h(x)) / sigma
    share = 1 - np.einsum("ij,jk,ik->i", a, covariance, a)
    deviations = np.sqrt(np.diag(covariance))
    angle = np.degrees(np.concatenate([[0.0], x[: n - 1]]))
    angle_sigma = np.degrees(np.concatenate([[0.0], deviations[: n - 1]]))
    return {
        "v_pu": x[n - 1 :].tolist(),
        "v_sigma_pu": deviations[n - 1 :].tolist(),
        "angle_deg": angle.tolist(),
        "angle_sigma_deg": angle_sigma.tolist(),
        "objective": float(r @ r),
        "degrees_of_freedom": len(z) - len(x),
        # None: nothing checks it.
        "normalised_residual": [float(abs(q) / np.sqrt(s)) if s > 1e-6 else None for q, s in zip(r, share)],
    }


for folder in map(pathlib.Path, sys.argv[1:]):
    state = solve(json.loads((folder / "model.json").read_text()))
    (folder / "expected").mkdir(exist_ok=True)
    (folder / "expected" / "state.json").write_text(json.dumps(state, indent=1) + "\n")
