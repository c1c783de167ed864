#!/usr/bin/env python3
"""Photovoltaics of pvlib on typical years of weather: what cases/solar holds as expected.

usage: pvlib_compare.py [--write]

Needs Python with `pip install pvlib==0.16.1`, which carries the two TMY3 files (NREL, public domain). Without --write the stored
figures are compared with what pvlib gives now. The chain is the one that GridTwin's solar layer describes: position of the sun by SPA in
the middle of each hour, Erbs where GHI alone is given, isotropic or Hay-Davies transposition, ASHRAE's incidence, Faiman's cells, PVWatts'
DC model, losses and inverter.
"""

import argparse
import csv
import io
import pathlib
import sys

import pandas as pd
import pvlib

CASES = pathlib.Path(__file__).resolve().parent.parent / "cases" / "solar"
DATA = pathlib.Path(pvlib.__file__).parent / "data"
SITES = {"greensboro": "723170TYA.CSV", "sand_point": "703165TY.csv"}
# Name, tilt, azimuth, transposition, components of the light: measured, or from GHI by Erbs.
PANELS = [
    ("flat", 0, 180, "hay_davies", "measured"),
    ("south", 20, 180, "hay_davies", "measured"),
    ("south_isotropic", 20, 180, "isotropic", "measured"),
    ("south_ghi", 20, 180, "hay_davies", "ghi"),
    ("east_ghi", 20, 90, "hay_davies", "ghi"),
    ("west_ghi", 20, 270, "isotropic", "ghi"),
    ("steep_south_ghi", 60, 180, "hay_davies", "ghi"),
]
ALBEDO, GAMMA, LOSSES, DC_AC, ETA, U0, U1, B = 0.2, -0.0037, 0.1408, 1.2, 0.96, 25.0, 6.84, 0.05
YEAR = 2023


def weather(name):
    """Hours of a typical year as if they were those of 2023, local standard time, each the mean of the hour that begins there."""
    data, meta = pvlib.iotools.read_tmy3(DATA / SITES[name], coerce_year=None, map_variables=True)
    assert len(data) == 8760
    index = pd.date_range(f"{YEAR}-01-01 00:00", periods=8760, freq="h", tz=int(round(meta["TZ"])) * 3600)
    columns = {"temperature_c": "temp_air", "wind_speed_m_s": "wind_speed", "ghi_w_m2": "ghi", "dni_w_m2": "dni", "dhi_w_m2": "dhi"}
    return pd.DataFrame({ours: data[theirs].to_numpy() for ours, theirs in columns.items()}, index=index), meta


def energy(table, meta, tilt, azimuth, transposition, light):
    """AC energy of a kW of panels by hour, kWh."""
    middle = table.index + pd.Timedelta(minutes=30)
    sun = pvlib.solarposition.get_solarposition(middle, meta["latitude"], meta["longitude"], altitude=meta["altitude"])
    zenith = sun["zenith"].to_numpy()
    e0 = pvlib.irradiance.get_extra_radiation(middle.dayofyear, method="spencer", solar_constant=1366.1)
    ghi, dni, dhi = (table[c].to_numpy() for c in ("ghi_w_m2", "dni_w_m2", "dhi_w_m2"))
    if light == "ghi":
        apart = pvlib.irradiance.erbs(ghi, zenith, middle.dayofyear)
        dni, dhi = apart["dni"], apart["dhi"]
    model = {"hay_davies": "haydavies", "isotropic": "isotropic"}[transposition]
    plane = pvlib.irradiance.get_total_irradiance(
        tilt, azimuth, zenith, sun["azimuth"].to_numpy(), dni, ghi, dhi, dni_extra=e0.to_numpy(), albedo=ALBEDO, model=model
    )
    aoi = pvlib.irradiance.aoi(tilt, azimuth, zenith, sun["azimuth"].to_numpy())
    direct, diffuse = pd.Series(plane["poa_direct"]).fillna(0), pd.Series(plane["poa_diffuse"]).fillna(0)
    effective = direct * pvlib.iam.ashrae(aoi, b=B) + diffuse
    cell = pvlib.temperature.faiman(direct + diffuse, table["temperature_c"].to_numpy(), table["wind_speed_m_s"].to_numpy(), u0=U0, u1=U1)
    dc = pvlib.pvsystem.pvwatts_dc(effective, cell, 1.0, GAMMA) * (1 - LOSSES)
    ac = pvlib.inverter.pvwatts(dc.clip(lower=0), 1 / DC_AC / ETA, eta_inv_nom=ETA)
    return pd.Series(ac.to_numpy(), index=table.index).fillna(0)


def text(rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true", help="store what pvlib gives")
    write = arguments.parse_args().write
    differ = False
    for name in SITES:
        table, meta = weather(name)
        rows = [["panel", "tilt_deg", "azimuth_deg", "transposition", "light", "month", "energy_kwh_per_kw"]]
        for panel, tilt, azimuth, transposition, light in PANELS:
            hours = energy(table, meta, tilt, azimuth, transposition, light)
            for month in range(1, 13):
                rows.append([panel, tilt, azimuth, transposition, light, month, f"{hours[hours.index.month == month].sum():.6f}"])
            print(f"{name:12} {panel:18} {hours.sum():9.3f} kWh/kW a year, largest {hours.max():.4f} kW")
        moments = table.index[[12 * 24 * k + k % 24 for k in range(30)]] + pd.Timedelta(minutes=30)
        sun = pvlib.solarposition.get_solarposition(moments, meta["latitude"], meta["longitude"], altitude=meta["altitude"])
        suns = [["utc_s", "zenith_deg", "azimuth_deg"]]
        suns += [[int(m.timestamp()), f"{z:.5f}", f"{a:.5f}"] for m, z, a in zip(moments, sun["zenith"], sun["azimuth"])]
        series = [["latitude_deg", "longitude_deg", "time_utc", *table.columns]]
        for begin, row in zip(table.index, table.itertuples(index=False)):
            # GridTwin's tables name the end of the hour that a mean is of.
            end = (begin + pd.Timedelta(hours=1)).tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
            series.append([meta["latitude"], meta["longitude"], end, *(f"{v:g}" for v in row)])
        folder = CASES / name
        files = {"weather.csv": text(series), "expected/energy.csv": text(rows), "expected/sun.csv": text(suns)}
        for path, content in files.items():
            at = folder / path
            if write:
                at.parent.mkdir(parents=True, exist_ok=True)
                at.write_text(content)
            elif at.read_text() != content:
                print(f"{at} differs")
                differ = True
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
