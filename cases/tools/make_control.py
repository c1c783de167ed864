"""Remakes cases/control: inverter, exponential and storage controls in OpenDSS, solution by solution.

Each case is a script, `NAME.dss`, of one feeder of two buses with PV systems, storage and their controls. `NAME.json` holds, for every
`solve` of the script, the number of control iterations and the complex node voltages (V). These controls stop within wide tolerances,
so the answers tell the whole path: the voltages agree only if every step does.

    python3 cases/tools/make_control.py        (needs the package dss_python)
"""

import json
from pathlib import Path

from dss import DSS

OUT = Path(__file__).resolve().parents[1] / "control"

BASE = """clear
set DefaultBaseFrequency=60
new circuit.c basekv=12.47 pu={pu} mvasc3=200 mvasc1=180 bus1=src
new xycurve.eff npts=4 xarray=[0.1 0.2 0.4 1.0] yarray=[0.86 0.9 0.93 0.97]
new xycurve.pt npts=4 xarray=[0 25 75 100] yarray=[1.2 1.0 0.8 0.6]
new loadshape.irr npts=24 interval=1 mult=[0 0 0 0 0 0 .1 .2 .3 .5 .8 .9 1.0 1.0 .99 .9 .7 .4 .1 0 0 0 0 0]
new loadshape.pk npts=24 interval=1 mult=[.4 .35 .3 .3 .35 .4 .5 .6 .7 .75 .8 .8 .85 .9 .95 1 1.1 1.2 1.3 1.2 1.0 .8 .6 .5]
new loadshape.sh npts=24 interval=1 mult=[-.3 -.3 -.2 0 0 0 0 .1 .1 .2 .2 .3 .3 0 0 0 .4 .5 .6 .4 0 -.1 -.2 -.4]
new xycurve.vv npts=6 xarray=[0.5 0.92 0.98 1.0 1.02 1.5] yarray=[1 1 0 0 -1 -1]
new xycurve.vvs npts=6 xarray=[0.5 0.92 0.98 1.02 1.08 1.5] yarray=[1 1 0 0 -1 -1]
new xycurve.vw npts=4 xarray=[0.5 1.0 1.05 1.5] yarray=[1 1 0 0]
new xycurve.vwc npts=4 xarray=[0.5 0.95 1.0 1.5] yarray=[0 0 1 1]
new xycurve.wpf npts=4 xarray=[0 0.2 0.5 1.0] yarray=[1 1 -0.95 -0.9]
new xycurve.wv npts=4 xarray=[0 0.25 0.75 1.0] yarray=[0.1 0.1 -0.6 -1]
new line.l1 bus1=src bus2=b1 r1=0.3 x1=0.6 r0=0.7 x0=1.9 c1=9 c0=4 length=8 units=km
new load.l bus1=b1 kv=12.47 kw=400 pf=0.9 daily=default
"""
END = ["set voltagebases=[12.47]", "calcvoltagebases"]
SNAPSHOT = ["set tolerance=1e-10 maxiterations=500 maxcontroliter=200", "set mode=snapshot", "solve"]

PV = "new pvsystem.p bus1=b1 kv=12.47 kva=2200 irradiance=1 pmpp=2000 pf=1 daily=irr"
PV_LINE_TO_LINE = (
    "new pvsystem.q bus1=b1.1.2 phases=1 kv=12.47 conn=delta kva=500 irradiance=1 pmpp=520 pf=1 daily=irr effcurve=eff p-tcurve=pt"
)
PV_DELTA = "new pvsystem.d bus1=b1 conn=delta kv=12.47 kva=1000 irradiance=1 pmpp=800 pf=1 daily=irr"
PV_ONE_PHASE = "new pvsystem.s bus1=b1.2 phases=1 kv=7.2 kva=600 irradiance=1 pmpp=500 pf=1 daily=irr effcurve=eff"
PV_SMALL = "new pvsystem.r bus1=b1 kv=12.47 kva=700 irradiance=1 pmpp=600 pf=1 daily=irr"
STORAGE = "new storage.t bus1=b1 kv=12.47 kva=1200 kwrated=1000 kwhrated=6000 kwhstored=4000"
DISCHARGING = STORAGE + " state=discharging %discharge=100"
STORAGE_ONE_PHASE = "new storage.u bus1=b1.1 phases=1 kv=7.2 kva=300 kwrated=250 kwhrated=900 kwhstored=500"
PEAK_LOAD = "new load.big bus1=b1 kv=12.47 kw=3000 pf=0.95 daily=pk"
FLEET = "new storagecontroller.s element=line.l1 terminal=1 "

CASES = {}


def series(n=24, step="1h", then=()):
    return [
        "set tolerance=1e-10 maxiterations=500 maxcontroliter=200",
        f"set mode=daily number=1 stepsize={step} hour=0 sec=0",
        *then,
        *["solve"] * n,
    ]


def case(name, elements, controls, runs=SNAPSHOT, pu=1.0):
    CASES[name] = [*BASE.format(pu=pu).splitlines(), *elements, *controls, *END, *runs]


def inverter_cases():
    case("volt_var", [PV], ["new invcontrol.c mode=voltvar vvc_curve1=vv"])
    case("volt_var_day", [PV], ["new invcontrol.c mode=voltvar vvc_curve1=vv"], series())
    case(
        "volt_var_all_vars",
        [PV],
        ["new invcontrol.c mode=voltvar vvc_curve1=vv deltaq_factor=0.3 refreactivepower=varmax varchangetolerance=0.001"],
        pu=0.94,
    )
    case("volt_var_exponential", [PV], ["new invcontrol.c mode=voltvar vvc_curve1=vv controlmodel=1 deltaq_factor=0.4"], series())
    case("volt_var_average", [PV], ["new invcontrol.c mode=voltvar vvc_curve1=vv voltage_curvex_ref=avg avgwindowlen=2h"], series())
    case(
        "volt_var_rated_average",
        [PV],
        ["new invcontrol.c mode=voltvar vvc_curve1=vv voltage_curvex_ref=ravg avgwindowlen=3h deltaq_factor=0.4"],
        series(),
    )
    case(
        "volt_var_average_of_seconds",
        [PV],
        ["new invcontrol.c mode=voltvar vvc_curve1=vv voltage_curvex_ref=avg avgwindowlen=5s"],
        series(30, "1s", ["set hour=8"]),
    )
    # Up to hour 22, which has the voltage of hour 21: whether it rose or fell is then a matter of the last bit.
    case(
        "volt_var_hysteresis",
        [PV],
        ["new invcontrol.c mode=voltvar vvc_curve1=vvs hysteresis_offset=-0.01 deltaq_factor=0.4"],
        series(22),
        pu=1.02,
    )
    case(
        "volt_var_hysteresis_of_two",
        [PV, PV_ONE_PHASE],
        [
            "new invcontrol.a derlist=[pvsystem.p] mode=voltvar vvc_curve1=vvs hysteresis_offset=-0.01",
            "new invcontrol.b derlist=[pvsystem.s] mode=voltvar vvc_curve1=vvs hysteresis_offset=-0.02",
        ],
        series(),
        pu=1.02,
    )
    case(
        "volt_var_four_units",
        [PV, PV_LINE_TO_LINE, PV_DELTA, PV_ONE_PHASE],
        ["new invcontrol.c mode=voltvar vvc_curve1=vvs deltaq_factor=0.5"],
        series(),
        pu=1.01,
    )
    for phase in ("max", "min", "2"):
        case(
            f"volt_var_phase_{phase}",
            [PV_DELTA, PV_ONE_PHASE],
            [f"new invcontrol.c mode=voltvar vvc_curve1=vvs monvoltagecalc={phase}"],
            pu=1.02,
        )
    case(
        "volt_var_monitored_buses",
        [PV, PV_ONE_PHASE, PV_SMALL],
        [
            "new invcontrol.a derlist=[pvsystem.p] mode=voltvar vvc_curve1=vvs monbus=[src.1 b1.2 b1.1.2]"
            " monbusesvbase=[7199.6 7199.6 12470] monvoltagecalc=1",
            "new invcontrol.c derlist=[pvsystem.s pvsystem.r] mode=voltvar vvc_curve1=vvs voltage_curvex_ref=ravg avgwindowlen=2h"
            " monbus=[src.1 b1.2] monbusesvbase=[7199.6 7199.6] monvoltagecalc=max",
        ],
        series(14),
        pu=1.02,
    )
    case(
        "volt_var_inverter_off",
        [PV + " varfollowinverter=yes"],
        ["new invcontrol.c mode=voltvar vvc_curve1=vvs deltaq_factor=0.4"],
        series(),
        pu=1.01,
    )
    for axis in ("pavailablepu", "pmpppu", "pctpmpppu", "kvaratingpu"):
        case(
            f"volt_watt_{axis}",
            [PV + " %pmpp=80 effcurve=eff"],
            [f"new invcontrol.c mode=voltwatt voltwatt_curve=vw voltwattyaxis={axis}"],
            series(16),
            pu=1.02,
        )
    case(
        "volt_watt_factor",
        [PV],
        ["new invcontrol.c mode=voltwatt voltwatt_curve=vw deltap_factor=0.4 activepchangetolerance=0.001"],
        series(16),
        pu=1.03,
    )
    case("volt_var_volt_watt", [PV], ["new invcontrol.c combimode=vv_vw vvc_curve1=vv voltwatt_curve=vw"], pu=1.02)
    case(
        "volt_var_volt_watt_priority",
        [PV + " wattpriority=yes kvarmax=700 kvarmaxabs=500"],
        [
            "new invcontrol.c combimode=vv_vw vvc_curve1=vv voltwatt_curve=vw refreactivepower=varmax deltaq_factor=0.3"
            " deltap_factor=0.3"
        ],
        series(),
        pu=1.03,
    )
    case(
        "combination_beside_mode",
        [PV],
        ["new invcontrol.c mode=voltvar combimode=vv_vw vvc_curve1=vv voltwatt_curve=vw"],
        ["set maxcontroliter=5", "solve"],
    )
    drc = "dbvmin=0.995 dbvmax=1.002 argralowv=20 argrahiv=20"
    case("dynamic_current", [PV], [f"new invcontrol.c mode=dynamicreaccurr {drc} dynreacavgwindowlen=7200s"], series())
    case(
        "dynamic_current_of_seconds",
        [PV],
        [f"new invcontrol.c mode=dynamicreaccurr {drc} dynreacavgwindowlen=10s"],
        series(20, "1s", ["set hour=9"]),
    )
    both = "dbvmin=0.995 dbvmax=1.002 argralowv=5 argrahiv=5 dynreacavgwindowlen=7200s deltaq_factor=0.4"
    case("volt_var_dynamic_current", [PV], [f"new invcontrol.c combimode=vv_drc vvc_curve1=vvs {both}"], series())
    case("watt_pf", [PV], ["new invcontrol.c mode=wattpf wattpf_curve=wpf"], series())
    case("watt_pf_watts_first", [PV + " wattpriority=yes"], ["new invcontrol.c mode=wattpf wattpf_curve=wpf"], series())
    case("watt_pf_ratio_first", [PV + " pfpriority=yes kva=2000"], ["new invcontrol.c mode=wattpf wattpf_curve=wpf"], series())
    case("watt_var", [PV], ["new invcontrol.c mode=wattvar wattvar_curve=wv refreactivepower=varmax"], series())
    case(
        "watt_var_limited",
        [PV + " kva=2000 kvarmax=900 kvarmaxabs=900"],
        ["new invcontrol.c mode=wattvar wattvar_curve=wv refreactivepower=varmax"],
        series(),
    )
    case("voltage_regulation", [PV], ["new invcontrol.c mode=avr vsetpoint=1.005"])
    for mode in ("lpf lpftau=4000", "risefall risefalllimit=0.0001"):
        name = "low_pass" if mode.startswith("lpf") else "rise_fall"
        rate = f"rateofchangemode={mode}"
        case(f"{name}_vars", [PV], [f"new invcontrol.c mode=voltvar vvc_curve1=vvs deltaq_factor=0.5 {rate}"], series(), pu=1.02)
        case(
            f"{name}_vars_and_watts",
            [PV],
            [f"new invcontrol.c combimode=vv_vw vvc_curve1=vvs voltwatt_curve=vw deltap_factor=0.5 deltaq_factor=0.5 {rate}"],
            series(),
            pu=1.02,
        )


def storage_inverter_cases():
    vv = "new invcontrol.c mode=voltvar vvc_curve1=vvs deltaq_factor=0.4"
    vw = "new invcontrol.c mode=voltwatt voltwatt_curve=vw voltwattch_curve=vwc deltap_factor=0.4"
    case("storage_volt_var", [DISCHARGING], [vv], pu=1.02)
    case("storage_idle_volt_var", [STORAGE], [vv], pu=1.03)
    case("storage_volt_watt", [DISCHARGING], [vw], pu=1.03)
    case("storage_charging_volt_watt", [STORAGE + " state=charging %charge=100"], [vw], pu=0.98)
    case("storage_available_power", [DISCHARGING + " effcurve=eff"], [vw + " voltwattyaxis=pavailablepu"], pu=1.03)
    case(
        "storage_volt_var_volt_watt",
        [DISCHARGING],
        ["new invcontrol.c combimode=vv_vw vvc_curve1=vvs voltwatt_curve=vw voltwattch_curve=vwc deltap_factor=0.4 deltaq_factor=0.4"],
        pu=1.03,
    )
    case("storage_voltage_regulation", [DISCHARGING], ["new invcontrol.c mode=avr vsetpoint=1.005"])
    case("storage_and_pv", [STORAGE + " dispmode=follow daily=irr", PV], [vv], series(), pu=1.01)


def exponential_cases():
    case("exponential_day", [PV], ["new expcontrol.e vreg=1.0 slope=22 vregtau=3000 tresponse=5"], series())
    case(
        "exponential_in_time",
        [PV],
        ["new expcontrol.e vreg=1.0 slope=22 vregtau=300 tresponse=5"],
        series(20, "1s", ["set hour=9 controlmode=time"]),
    )
    case(
        "exponential_vars_first",
        [PV + " varfollowinverter=yes"],
        ["new expcontrol.e vreg=0 slope=30 vregtau=3000 preferq=yes qbias=-0.4 qmaxlead=0.6 deltaq_factor=0.5"],
        series(),
    )


def fleet_cases():
    def fleet(name, control, elements=(STORAGE,), runs=None):
        case(name, [PEAK_LOAD, *elements], [FLEET + control], runs or series())

    both = (STORAGE, STORAGE_ONE_PHASE)
    fleet("fleet_snapshot", "modedischarge=peakshave kwtarget=2800 elementlist=[t]", runs=SNAPSHOT)
    fleet("fleet_peak_shave", "modedischarge=peakshave kwtarget=2800 kwband=50 modecharge=time timechargetrigger=2 %ratecharge=40")
    fleet("fleet_valley", "modedischarge=peakshave kwtarget=3200 kwtargetlow=1500 modecharge=peakshavelow elementlist=[t]")
    low = "modedischarge=peakshave kwtarget=3200 kwtargetlow=1700 modecharge=peakshavelow elementlist=[t u]"
    fleet("fleet_weights", low + " %kwbandlow=4 weights=[3 1] dispfactor=0.7", both)
    for phase in ("avg", "min", "2"):
        fleet(f"fleet_phase_{phase}", low + f" monphase={phase}", both)
    fleet("fleet_current", "modedischarge=i-peakshave kwtarget=0.15 kwtargetlow=0.08 modecharge=i-peakshavelow elementlist=[t]")
    fleet(
        "fleet_current_bands",
        "kwtarget=0.15 kwtargetlow=0.08 modedischarge=i-peakshave modecharge=i-peakshavelow kwband=0.004 kwbandlow=0.004"
        " elementlist=[t u]",
        both,
    )
    fleet("fleet_follow", "modedischarge=follow timedischargetrigger=14 kwtarget=2500 modecharge=time timechargetrigger=3")
    fleet("fleet_shape", "modedischarge=loadshape modecharge=loadshape daily=sh elementlist=[t]")
    fleet(
        "fleet_time",
        "modedischarge=time timedischargetrigger=17 %ratekw=60 modecharge=time timechargetrigger=1 %ratecharge=30 %reserve=35",
    )
    fleet(
        "fleet_schedule",
        "modedischarge=schedule timedischargetrigger=15 tup=1.5 tflat=2 tdn=1 %ratekw=70 modecharge=time timechargetrigger=2",
        runs=series(48, "30m"),
    )
    fleet(
        "fleet_cut_in",
        "modedischarge=peakshave kwtarget=3200 kwtargetlow=1700 modecharge=peakshavelow elementlist=[t]",
        (STORAGE + " effcurve=eff %cutin=5 %cutout=4",),
    )
    fleet(
        "fleet_in_time",
        "modedischarge=peakshave kwtarget=2800 kwband=50 modecharge=time timechargetrigger=2 %ratecharge=40 inhibittime=3",
        runs=series(24, "1h", ["set controlmode=time"]),
    )
    support = FLEET.replace("line.l1", "pvsystem.g") + "modedischarge=support kwtarget=400 kwband=30 modecharge=time timechargetrigger=3"
    case("fleet_support", [PEAK_LOAD, "new pvsystem.g bus1=b1 kv=12.47 kva=900 pmpp=900 daily=irr", STORAGE], [support], series())
    case(
        "two_fleets",
        [PEAK_LOAD, STORAGE, STORAGE_ONE_PHASE],
        [
            FLEET + "modedischarge=peakshave kwtarget=2800 elementlist=[t]",
            FLEET.replace(".s ", ".r ") + "modedischarge=time timedischargetrigger=18 modecharge=time timechargetrigger=4",
        ],
        series(),
    )
    case(
        "fleet_with_volt_var",
        [PEAK_LOAD, STORAGE],
        [
            FLEET + "modedischarge=peakshave kwtarget=3000 kwtargetlow=1500 modecharge=peakshavelow elementlist=[t]",
            "new invcontrol.v mode=voltvar vvc_curve1=vvs deltaq_factor=0.4 derlist=[storage.t]",
        ],
        series(),
    )


def answers(commands):
    """Control iterations and node voltages after every solve."""
    solves = []
    for command in commands:
        limit = None
        try:
            DSS.Text.Command = command
        except Exception as error:  # noqa: BLE001: the limit of control iterations is an answer too
            if "(#485)" not in str(error):
                raise
            limit = True
        if command != "solve":
            continue
        circuit = DSS.ActiveCircuit
        v = [float(x) for x in circuit.AllBusVolts]
        nodes = {name.lower(): [round(v[2 * i], 7), round(v[2 * i + 1], 7)] for i, name in enumerate(circuit.AllNodeNames)}
        solves.append({"control_iterations": circuit.Solution.ControlIterations, "at_limit": bool(limit), "v": nodes})
    return solves


def main():
    DSS.AllowForms = False
    OUT.mkdir(exist_ok=True)
    inverter_cases()
    storage_inverter_cases()
    exponential_cases()
    fleet_cases()
    for name, commands in CASES.items():
        (OUT / f"{name}.dss").write_text("\n".join(commands) + "\n")
        lines = ",\n".join(json.dumps(s) for s in answers(commands))
        (OUT / f"{name}.json").write_text(f"[\n{lines}\n]\n")
    print(len(CASES), "cases")


if __name__ == "__main__":
    main()
