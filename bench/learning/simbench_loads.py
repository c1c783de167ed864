#!/usr/bin/env python3
"""Hourly load profiles of SimBench, per unit of each profile's base, from the PyPI package simbench.

usage: simbench_loads.py OUT.csv [PROFILE ...]

Fetches the package with `pip download` (nothing is installed) and averages the quarter hours of 2016 of the active-power profiles named (Meinecke et al.,
SimBench: a benchmark dataset of electric power systems, Energies 13, 2020). The data are under the Open Database License: they are written to OUT.csv and are
not kept in the repository. Without names: the aggregates of voltage levels, a household, a business and a farm.
"""

import csv
import io
import pathlib
import subprocess
import sys
import tempfile
import zipfile

VERSION = "1.6.3"
FILE = "simbench/networks/1-complete_data-mixed-all-0-sw/LoadProfile.csv"
PROFILES = "lv_rural1 lv_semiurb4 lv_urban6 mv_rural mv_semiurb mv_urban mv_comm hv_mixed1 hv_urban H0-A G0-A L0-A".split()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__.splitlines()[2])
    profiles = sys.argv[2:] or PROFILES
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, f"simbench=={VERSION}"], check=True)
        wheel = next(pathlib.Path(folder).glob("simbench-*.whl"))
        text = zipfile.ZipFile(wheel).read(FILE).decode()
    rows = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    columns = [[float(row[f"{name}_pload"]) for row in rows] for name in profiles]
    assert len(rows) == 366 * 96, len(rows)
    hours = [[sum(column[k : k + 4]) / 4 for column in columns] for k in range(0, len(rows), 4)]
    out = pathlib.Path(sys.argv[1])
    out.write_text(",".join(profiles) + "\n" + "".join(",".join(f"{v:.6f}" for v in hour) + "\n" for hour in hours))
    print(f"simbench {VERSION}: {len(profiles)} profiles of {len(hours)} hours")


if __name__ == "__main__":
    main()
