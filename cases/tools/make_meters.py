"""Remakes cases/meters: registers of energy meters, as OpenDSS counts them.

Each case is a folder with a `case.toml`: the model, the commands after it and a number of steps. The steps are solved in one go from a
fresh compile, and `expected/registers.csv` holds every register of every meter.

    python3 cases/tools/make_meters.py [NAME ...]        (needs the package dss_python)
"""

import csv
import os
import sys
import tomllib
from pathlib import Path

from dss import DSS

CASES = Path(__file__).resolve().parents[1] / "meters"


def registers(folder, case):
    """Rows of meter, register and value."""

    def command(text):
        DSS.Text.Command = text

    command("clear")
    command("set DefaultBaseFrequency=60")
    command(f'compile "{(folder / case["model"]).resolve()}"')
    for text in case["setup"]:
        command(text)
    command(f"set number={case['steps']}")
    command("solve")
    assert DSS.ActiveCircuit.Solution.Converged, folder.name
    meters = DSS.ActiveCircuit.Meters
    more = meters.First
    while more:
        for name, value in zip(meters.RegisterNames, meters.RegisterValues):
            yield meters.Name, name, f"{value:.12g}"
        more = meters.Next


def main():
    DSS.AllowForms = False
    wanted = set(sys.argv[1:])
    for folder in sorted(p.parent for p in CASES.glob("*/case.toml")):
        if wanted and folder.name not in wanted:
            continue
        case = tomllib.loads((folder / "case.toml").read_text())
        here = os.getcwd()
        rows = list(registers(folder, case))
        os.chdir(here)
        (folder / "expected").mkdir(exist_ok=True)
        with open(folder / "expected" / "registers.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["meter", "register", "value"])
            writer.writerows(rows)
        print(f"{folder.name:30} {len(rows)} registers")


if __name__ == "__main__":
    main()
