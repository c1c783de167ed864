#!/usr/bin/env python3
"""Epsilon of Gaussian noise by Google's accountant: what cases/learning-privacy holds as expected.

usage: privacy.py [--write]

Needs Python with `pip install dp-accounting==0.4.3`. Without --write the stored figures are compared with what dp-accounting gives now. Two of its
accountants answer: that of Renyi divergences, on the orders it takes by itself, and that of privacy loss distributions (PLD), which is tighter and a lower
bound for the former up to its grid. Versions 0.4.4 and 0.5.0 leave the signs of the binomial coefficients out of the series for broken orders under
sampling, so their figures are too large there (by up to 4 % of epsilon); 0.4.3 is right, as an integration of the moments with 30 digits shows.
"""

import argparse
import csv
import io
import pathlib
import sys

import dp_accounting
from dp_accounting import pld, rdp

FILE = pathlib.Path(__file__).resolve().parent.parent.parent / "cases" / "learning-privacy" / "rounds" / "expected" / "epsilon.csv"
# Rounds, noise multiplier, probability of being in a round, delta.
CASES = [
    (rounds, noise, rate, delta)
    for rate, noises in [(1.0, [0.7, 1.0, 2.0, 4.0, 10.0]), (0.5, [0.8, 1.5, 4.0]), (0.1, [0.7, 1.1, 3.0]), (0.01, [0.6, 1.0, 2.0])]
    for noise in noises
    for rounds in [1, 10, 100, 1000]
    for delta in [1e-3, 1e-5, 1e-8]
]


def event(rounds, noise, rate):
    gaussian = dp_accounting.GaussianDpEvent(noise)
    one = gaussian if rate == 1.0 else dp_accounting.PoissonSampledDpEvent(rate, gaussian)
    return dp_accounting.SelfComposedDpEvent(one, rounds)


def table():
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["rounds", "noise_multiplier", "rate", "delta", "epsilon_rdp", "epsilon_pld"])
    for rounds, noise, rate, delta in CASES:
        renyi = rdp.RdpAccountant().compose(event(rounds, noise, rate)).get_epsilon(delta)
        exact = ""
        # Where it takes seconds, not minutes.
        if rounds <= 100 and noise >= 0.7:
            exact = f"{pld.PLDAccountant(value_discretization_interval=1e-3).compose(event(rounds, noise, rate)).get_epsilon(delta):.8g}"
        writer.writerow([rounds, noise, rate, delta, f"{renyi:.12g}", exact])
    return out.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    text = table()
    if arguments.write:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text(text)
    elif text != FILE.read_text():
        sys.exit("dp-accounting gives other figures than the stored ones")
    print(f"{len(CASES)} cases")


if __name__ == "__main__":
    main()
