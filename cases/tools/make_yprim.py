"""Remakes cases/yprim/*/: one element each, and the primitive admittance that OpenDSS (DSS C-API 0.14.5, package dss_python) gives it.

Each folder gets
  case.toml     the element's values as the engine takes them, and the OpenDSS command that says the same
  expected.csv  the primitive admittance, siemens: row, col, g, b (rows and columns of the conductors, terminal by terminal)
  README.md     what the case is for

Run from the root of the repository: python3 cases/tools/make_yprim.py
"""

import csv
import pathlib

from dss import DSS

ROOT = pathlib.Path(__file__).resolve().parents[1] / "yprim"

# name: (what for, OpenDSS commands, element of which the matrix is taken, values for the engine)
CASES = {}


def case(name, title, commands, full_name, **values):
    if isinstance(commands, str):
        commands = [commands]
    CASES[name] = (title, commands, full_name, values)


def line(name, title, text, frequency_hz=60.0, setup=(), **values):
    case(name, title, [*setup, f"new line.x {text}"], "line.x", element="line", base_frequency_hz=60.0, frequency_hz=frequency_hz,
         earth_r_ohm=0.01805, earth_x_ohm=0.155081, rho_ohm_m=100.0, **values)


SEQ = dict(z1_ohm=[0.306, 0.627], z0_ohm=[0.592, 1.401], c1_nf=9.3, c0_nf=4.1)
SEQ_TEXT = "r1=0.306 x1=0.627 r0=0.592 x0=1.401 c1=9.3 c0=4.1"
Z3 = [[0.3465, 1.0179], [0.156, 0.5017], [0.158, 0.4236], [0.156, 0.5017], [0.3375, 1.0478], [0.1535, 0.3849],
      [0.158, 0.4236], [0.1535, 0.3849], [0.3414, 1.0348]]
C3 = [16.7, -5.3, -3.3, -5.3, 15.8, -2.0, -3.3, -2.0, 15.0]
MATRIX_TEXT = ("rmatrix=[0.3465|0.156 0.3375|0.158 0.1535 0.3414] xmatrix=[1.0179|0.5017 1.0478|0.4236 0.3849 1.0348] "
               "cmatrix=[16.7|-5.3 15.8|-3.3 -2.0 15.0]")
B33 = "bus1=a bus2=b"

line("line_sequence", "Three phases by sequence values", f"{B33} {SEQ_TEXT} length=2.5", n_phases=3, length=2.5, unit_factor=1.0, **SEQ)
line("line_default", "A line without any data", f"{B33}", n_phases=3, length=1.0, unit_factor=1.0,
     z1_ohm=[0.058, 0.1206], z0_ohm=[0.1784, 0.4047], c1_nf=3.4, c0_nf=1.6)
line("line_one_phase", "One phase takes positive-sequence values only", f"bus1=a.2 bus2=b.2 phases=1 {SEQ_TEXT} length=0.7",
     n_phases=1, length=0.7, unit_factor=1.0, **SEQ)
line("line_two_phases", "Two phases by sequence values", f"bus1=a.1.3 bus2=b.1.3 phases=2 {SEQ_TEXT} length=0.7",
     n_phases=2, length=0.7, unit_factor=1.0, **SEQ)
line("line_matrix", "Three phases by matrices", f"{B33} {MATRIX_TEXT} length=1.25", n_phases=3, length=1.25, unit_factor=1.0, z_ohm=Z3, c_nf=C3)
line("line_code_units", "A code in ohm per mile, a length in feet", f"{B33} linecode=c length=2000 units=ft",
     setup=[f"new linecode.c nphases=3 units=mi {MATRIX_TEXT}"], n_phases=3, length=2000.0, unit_factor=0.3048 / 1609.344, z_ohm=Z3, c_nf=C3)
line("line_switch", "A switch is a line of 0.001", f"{B33} switch=yes", n_phases=3, length=0.001, unit_factor=1.0,
     z1_ohm=[1.0, 1.0], z0_ohm=[1.0, 1.0], c1_nf=1.1, c0_nf=1.0)
line("line_frequency_180", "Sequence values at the third harmonic: earth return corrected", f"{B33} {SEQ_TEXT} length=2.5", frequency_hz=180.0,
     n_phases=3, length=2.5, unit_factor=1.0, **SEQ)
line("line_matrix_frequency_50", "A 60 Hz line in a 50 Hz solution", f"{B33} {MATRIX_TEXT} length=1.25", frequency_hz=50.0,
     n_phases=3, length=1.25, unit_factor=1.0, z_ohm=Z3, c_nf=C3)
line("line_gic", "Below 0.51 Hz: positive-sequence resistance only", f"{B33} {SEQ_TEXT} length=2.5", frequency_hz=0.1,
     n_phases=3, length=2.5, unit_factor=1.0, **SEQ)
line("line_long", "Long-line correction", f"{B33} {SEQ_TEXT} length=250", setup=["set longlinecorrection=yes"],
     n_phases=3, length=250.0, unit_factor=1.0, long_line=True, **SEQ)
line("line_long_one_phase", "Long-line correction of one phase", f"bus1=a.1 bus2=b.1 phases=1 {SEQ_TEXT} length=400",
     setup=["set longlinecorrection=yes"], n_phases=1, length=400.0, unit_factor=1.0, long_line=True, **SEQ)
line("line_open_one_end", "Phase 2 open at the far end", f"{B33} {SEQ_TEXT} length=2.5", setup=[], n_phases=3, length=2.5, unit_factor=1.0,
     open=[0, 0, 0, 0, 1, 0], **SEQ)
line("line_open_three", "All of one end and a phase of the other open", f"{B33} {MATRIX_TEXT} length=1.25", n_phases=3, length=1.25,
     unit_factor=1.0, open=[1, 0, 0, 1, 1, 1], z_ohm=Z3, c_nf=C3)


def capacitor(name, title, text, frequency_hz=60.0, **values):
    values = {"connection": "wye", "r_ohm": [0.0], "x_l_ohm": [0.0], "is_closed": [1], "n_phases": 3, "kv": 12.47, **values}
    case(name, title, f"new capacitor.x {text}", "capacitor.x", element="capacitor", base_frequency_hz=60.0, frequency_hz=frequency_hz, **values)


capacitor("capacitor_wye", "Rated kvar in grounded wye", "bus1=a kv=12.47 kvar=600", kvar=[600.0])
capacitor("capacitor_default", "A capacitor without any data", "bus1=a", kvar=[1200.0])
capacitor("capacitor_delta", "Rated kvar in delta", "bus1=a kv=12.47 kvar=600 conn=delta", kvar=[600.0], connection="delta")
capacitor("capacitor_one_phase", "One phase, line to neutral", "bus1=a.2 phases=1 kv=7.2 kvar=200", kvar=[200.0], n_phases=1, kv=7.2)
capacitor("capacitor_two_phases", "Two phases in wye are rated line to line", "bus1=a.1.2 phases=2 kv=12.47 kvar=200", kvar=[200.0], n_phases=2)
capacitor("capacitor_one_phase_delta", "One phase in delta has two conductors", "bus1=a.1.2 phases=1 kv=12.47 kvar=200 conn=delta",
          kvar=[200.0], n_phases=1, connection="delta")
capacitor("capacitor_two_phase_delta", "Two phases in delta are an open delta on three conductors", "bus1=a phases=2 kv=12.47 kvar=200 conn=delta",
          kvar=[200.0], n_phases=2, connection="delta")
capacitor("capacitor_four_phase_delta", "Four phases in delta are a ring", "bus1=a.1.2.3.4 phases=4 kv=12.47 kvar=200 conn=delta",
          kvar=[200.0], n_phases=4, connection="delta")
capacitor("capacitor_two_phase_delta_reactor", "Reactance in series with an open delta", "bus1=a phases=2 kv=12.47 kvar=200 conn=delta r=1 xl=3",
          kvar=[200.0], n_phases=2, connection="delta", r_ohm=[1.0], x_l_ohm=[3.0])
capacitor("capacitor_unequal_steps", "Steps of unequal rating: all have the first one's capacitance", "bus1=a kv=12.47 numsteps=2 kvar=[300 600]",
          kvar=[300.0, 600.0], r_ohm=[0.0] * 2, x_l_ohm=[0.0] * 2, is_closed=[1, 1])
capacitor("capacitor_series", "Between two buses", "bus1=a bus2=b kv=12.47 kvar=6000", kvar=[6000.0])
capacitor("capacitor_microfarad", "By microfarad", "bus1=a kv=12.47 cuf=25", c_uf=[25.0])
capacitor("capacitor_matrix", "By capacitance matrix", "bus1=a kv=12.47 cmatrix=[20 | -2 25 | -3 -1 30]",
          c_matrix_uf=[20.0, -2.0, -3.0, -2.0, 25.0, -1.0, -3.0, -1.0, 30.0])
capacitor("capacitor_three_steps", "Three equal steps, the middle one open", "bus1=a kv=12.47 numsteps=3 kvar=[300 300 300] states=[1 0 1]",
          kvar=[300.0, 300.0, 300.0], r_ohm=[0.0] * 3, x_l_ohm=[0.0] * 3, is_closed=[1, 0, 1])
capacitor("capacitor_tuned", "Tuned to a harmonic, at 240 Hz", "bus1=a kv=12.47 kvar=600 harm=4.7", kvar=[600.0], harmonic=4.7, frequency_hz=240.0)
capacitor("capacitor_reactor", "Resistance and reactance in series", "bus1=a kv=12.47 kvar=600 r=0.5 xl=12", kvar=[600.0], r_ohm=[0.5], x_l_ohm=[12.0])
capacitor("capacitor_delta_reactor", "Reactance in series with a delta", "bus1=a kv=12.47 kvar=600 conn=delta r=0.5 xl=12",
          kvar=[600.0], r_ohm=[0.5], x_l_ohm=[12.0], connection="delta")


def reactor(name, title, text, frequency_hz=60.0, **values):
    values = {"connection": "wye", "n_phases": 3, "r_parallel_ohm": 0.0, **values}
    case(name, title, f"new reactor.x {text}", "reactor.x", element="reactor", base_frequency_hz=60.0, frequency_hz=frequency_hz, **values)


R9 = [1.0, 0.2, 0.1, 0.2, 1.2, 0.3, 0.1, 0.3, 0.9]
X9 = [10.0, 2.0, 1.0, 2.0, 12.0, 3.0, 1.0, 3.0, 9.0]
RX_TEXT = "rmatrix=[1|0.2 1.2|0.1 0.3 0.9] xmatrix=[10|2 12|1 3 9]"
reactor("reactor_kvar", "Rated kvar in wye", "bus1=a kv=12.47 kvar=500", kvar=500.0, kv=12.47, r_ohm=0.0)
reactor("reactor_kvar_r", "Rated kvar and a resistance", "bus1=a kvar=500 kv=12.47 r=3", kvar=500.0, kv=12.47, r_ohm=3.0)
reactor("reactor_delta", "Rated kvar in delta", "bus1=a kv=12.47 kvar=500 conn=delta", kvar=500.0, kv=12.47, r_ohm=0.0, connection="delta")
reactor("reactor_one_phase_delta", "Rated kvar of one phase in delta", "bus1=a.2.3 phases=1 kv=12.47 kvar=500 conn=delta", n_phases=1, kvar=500.0,
        kv=12.47, r_ohm=0.0, connection="delta")
reactor("reactor_rx", "R and X between buses", "bus1=a bus2=b r=0.5 x=4", r_ohm=0.5, x_ohm=4.0)
reactor("reactor_rx_parallel_r", "R and X with a resistance in parallel, at 300 Hz", "bus1=a r=0.5 x=4 rp=200", frequency_hz=300.0,
        r_ohm=0.5, x_ohm=4.0, r_parallel_ohm=200.0)
reactor("reactor_one_phase", "Neutral reactor", "bus1=a.4 phases=1 r=0.1 x=3", n_phases=1, r_ohm=0.1, x_ohm=3.0)
reactor("reactor_z", "A complex impedance", "bus1=a bus2=b z=[0.7, 2.2]", r_ohm=0.7, x_ohm=2.2)
reactor("reactor_millihenry", "By inductance, at 120 Hz", "bus1=a bus2=b r=0.2 lmh=15", frequency_hz=120.0, r_ohm=0.2, x_ohm=15e-3 * 376.99111843077515)
reactor("reactor_matrix", "R and X matrices in series, at 180 Hz", f"bus1=a bus2=b {RX_TEXT}", frequency_hz=180.0, r_matrix_ohm=R9, x_matrix_ohm=X9)
reactor("reactor_matrix_parallel", "R and X matrices in parallel, at 180 Hz", f"bus1=a bus2=b {RX_TEXT} parallel=yes", frequency_hz=180.0,
        r_matrix_ohm=R9, x_matrix_ohm=X9, parallel=True)
reactor("reactor_sequence", "Three different sequence impedances", "bus1=a bus2=b z1=[0.5, 4] z2=[0.6, 3] z0=[1, 9]",
        z1_ohm=[0.5, 4.0], z2_ohm=[0.6, 3.0], z0_ohm=[1.0, 9.0])
reactor("reactor_sequence_two_phases", "Sequence impedances of two phases", "bus1=a.1.2 bus2=b.1.2 phases=2 z1=[0.5, 4] z0=[1, 9]", n_phases=2,
        z1_ohm=[0.5, 4.0], z2_ohm=[0.5, 4.0], z0_ohm=[1.0, 9.0])
reactor("reactor_sequence_one_phase", "Sequence impedance of one phase", "bus1=a.1 bus2=b.1 phases=1 z1=[0.5, 4]", n_phases=1,
        z1_ohm=[0.5, 4.0], z2_ohm=[0.5, 4.0], z0_ohm=[0.5, 4.0])
reactor("reactor_gic", "No resistance given, below 0.51 Hz", "bus1=a bus2=b r=0 x=4", frequency_hz=0.1, r_ohm=0.0, x_ohm=4.0)


def fault(name, title, text, **values):
    case(name, title, f"new fault.x {text}", "fault.x", element="fault", frequency_hz=60.0, **values)


fault("fault_default", "One phase to earth", "bus1=a.1", n_phases=1, r_ohm=0.0001)
fault("fault_three_phases", "Three phases with resistance", "bus1=a phases=3 r=0.25", n_phases=3, r_ohm=0.25)
fault("fault_phase_to_phase", "Between two phases", "bus1=a.1 bus2=a.2 phases=1 r=2", n_phases=1, r_ohm=2.0)
fault("fault_matrix", "By conductance matrix", "bus1=a phases=2 gmatrix=[5 | -1 4]", n_phases=2, g_siemens=[5.0, -1.0, -1.0, 4.0])
fault("fault_zero", "Zero resistance", "bus1=a phases=3 r=0", n_phases=3, r_ohm=0.0)


def source(name, title, text, frequency_hz=60.0, **values):
    values = {"n_phases": 3, "kv": 115.0, "v_pu": 1.0, "angle_deg": 0.0, "sequence": 1, **values}
    case(name, title, f"new vsource.x bus1=a {text}", "vsource.x", element="vsource", base_frequency_hz=60.0, frequency_hz=frequency_hz, **values)


source("source_default", "A source without any data", "", mva=[2000.0, 2100.0, 4.0, 3.0])
source("source_power", "Short-circuit powers", "basekv=12.47 pu=1.03 angle=30 mvasc3=200 mvasc1=150 x1r1=6 x0r0=2", kv=12.47,
       v_pu=1.03, angle_deg=30.0, mva=[200.0, 150.0, 6.0, 2.0])
source("source_current", "Short-circuit currents", "basekv=12.47 isc3=9000 isc1=7000 x1r1=6 x0r0=2", kv=12.47, amperes=[9000.0, 7000.0, 6.0, 2.0])
source("source_one_phase", "One phase by powers", "basekv=7.2 phases=1 mvasc3=200 mvasc1=150", kv=7.2, n_phases=1, mva=[200.0, 150.0, 4.0, 3.0])
source("source_one_phase_current", "One phase by currents", "basekv=7.2 phases=1 isc3=9000 isc1=7000", kv=7.2, n_phases=1, amperes=[9000.0, 7000.0, 4.0, 3.0])
source("source_ohm", "Z1 and Z0", "basekv=12.47 z1=[0.3, 1.2] z0=[0.5, 2.5]", kv=12.47, z1_ohm=[0.3, 1.2], z2_ohm=[0.3, 1.2], z0_ohm=[0.5, 2.5])
source("source_r_x", "R1, X1, R0, X0", "basekv=12.47 r1=0.3 x1=1.2 r0=0.5 x0=2.5", kv=12.47, z1_ohm=[0.3, 1.2], z2_ohm=[0.3, 1.2], z0_ohm=[0.5, 2.5])
source("source_three_impedances", "Z2 differs from Z1: unsymmetric, at 120 Hz", "basekv=12.47 z1=[0.3, 1.2] z2=[0.2, 0.9] z0=[0.5, 2.5]", frequency_hz=120.0,
       kv=12.47, z1_ohm=[0.3, 1.2], z2_ohm=[0.2, 0.9], z0_ohm=[0.5, 2.5])
source("source_per_unit", "Per-unit impedances", "basekv=12.47 basemva=50 puz1=[0.01, 0.08] puz0=[0.02, 0.1]", kv=12.47, base_mva=50.0,
       z1_pu=[0.01, 0.08], z2_pu=[0.01, 0.08], z0_pu=[0.02, 0.1])
source("source_one_phase_ohm", "One phase by impedances: Z1 only", "basekv=7.2 phases=1 z1=[0.3, 1.2] z0=[0.5, 2.5]", kv=7.2, n_phases=1,
       z1_ohm=[0.3, 1.2], z2_ohm=[0.3, 1.2], z0_ohm=[0.5, 2.5])
source("source_two_phases", "Two phases", "basekv=12.47 phases=2 z1=[0.3, 1.2] z0=[0.5, 2.5]", kv=12.47, n_phases=2,
       z1_ohm=[0.3, 1.2], z2_ohm=[0.3, 1.2], z0_ohm=[0.5, 2.5])
source("source_negative_sequence", "Phases in reverse order", "basekv=12.47 pu=0.98 angle=-15 sequence=neg", kv=12.47, v_pu=0.98, angle_deg=-15.0, sequence=-1,
       mva=[2000.0, 2100.0, 4.0, 3.0])
source("source_zero_sequence", "All phases alike", "basekv=12.47 sequence=zero", kv=12.47, sequence=0, mva=[2000.0, 2100.0, 4.0, 3.0])
source("source_ideal", "A nearly ideal source", "basekv=12.47 basemva=100 model=ideal", kv=12.47, ideal_z_ohm=[1e-6 * 12.47 ** 2 / 100, 1e-3 * 12.47 ** 2 / 100])

case("isource", "A current source admits nothing", "new isource.x bus1=a amps=10 angle=20", "isource.x", element="isource", n_phases=3,
     i_a=10.0, angle_deg=20.0, sequence=1, frequency_hz=60.0)
case("isource_two_phases_negative", "Two phases in reverse order", "new isource.x bus1=a.1.2 phases=2 amps=10 angle=20 sequence=neg", "isource.x",
     element="isource", n_phases=2, i_a=10.0, angle_deg=20.0, sequence=-1, frequency_hz=60.0)
case("gic_line", "Resistance and reactance", "new gicline.x bus1=a bus2=b r=2.5 x=20 volts=50", "gicline.x", element="gicline", n_phases=3,
     z_ohm_phase=[2.5, 20.0], c_uf=0.0, base_frequency_hz=60.0, frequency_hz=60.0)
case("gic_line_blocked", "A series capacitor", "new gicline.x bus1=a bus2=b r=2.5 x=20 c=300 volts=50", "gicline.x", element="gicline", n_phases=3,
     z_ohm_phase=[2.5, 20.0], c_uf=300.0, base_frequency_hz=60.0, frequency_hz=60.0)
case("gic_transformer_gsu", "One winding to earth", "new gictransformer.x busH=a type=gsu r1=0.12", "gictransformer.x", element="gictransformer",
     n_phases=3, r_windings_ohm=[0.12], frequency_hz=60.0)
case("gic_transformer_auto", "Series and common winding", "new gictransformer.x busH=a busX=b type=auto r1=0.12 r2=0.21", "gictransformer.x",
     element="gictransformer", n_phases=3, r_windings_ohm=[0.12, 0.21], frequency_hz=60.0)
case("gic_transformer_yy", "Two windings to earth", "new gictransformer.x busH=a busX=b type=yy r1=0.12 r2=0.21", "gictransformer.x",
     element="gictransformer", n_phases=3, r_windings_ohm=[0.12, 0.21], frequency_hz=60.0)


def toml(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ", ".join(toml(v) for v in value) + "]"
    if isinstance(value, str):
        return f'"{value}"'
    return repr(value)


def command(text):
    DSS.Text.Command = text


def matrix(commands, full_name, values):
    command("clear")
    command("set defaultbasefrequency=60")
    command("new circuit.case basekv=12.47 phases=3 bus1=slack")
    command("new line.tie bus1=slack bus2=a length=0.1")
    command("new line.tie_b bus1=slack bus2=b length=0.1")
    for text in commands:
        command(text)
    for index, is_open in enumerate(values.get("open", [])):
        if is_open:
            n = values["n_phases"]
            command(f"open {full_name} {index // n + 1} {index % n + 1}")
    command("solve mode=direct")
    if values["frequency_hz"] != 60.0:
        command(f"set frequency={values['frequency_hz']!r}")
        command("solve mode=direct")
    DSS.ActiveCircuit.SetActiveElement(full_name)
    element = DSS.ActiveCircuit.ActiveCktElement
    assert element.Name.lower() == full_name, (element.Name, full_name)
    flat = list(element.Yprim)
    order = round((len(flat) / 2) ** 0.5)
    # The values come column by column.
    for i in range(order):
        for j in range(order):
            at = 2 * (j * order + i)
            yield i, j, flat[at], flat[at + 1]


def main():
    DSS.AllowForms = False
    assert "0.14.5" in DSS.Version, DSS.Version
    for name, (title, commands, full_name, values) in CASES.items():
        try:
            entries = list(matrix(commands, full_name, values))
        except Exception as error:  # name the case before giving up
            raise SystemExit(f"{name}: {error}") from error
        folder = ROOT / name
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "case.toml", "w") as file:
            file.write(f'title = "{title}"\nopendss = {toml(commands)}\n')
            for key, value in values.items():
                file.write(f"{key} = {toml(value)}\n")
        (folder / "README.md").write_text(
            f"# {name}\n\n{title}.\n\nValues in `case.toml`; `expected.csv` is the primitive admittance that OpenDSS (DSS C-API 0.14.5) gives, in siemens. "
            "Remade by\n`cases/tools/make_yprim.py`.\n")
        with open(folder / "expected.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["row", "col", "g_siemens", "b_siemens"])
            for i, j, g, b in entries:
                writer.writerow([i, j, f"{g:.17g}", f"{b:.17g}"])
    print(len(CASES), "cases")


if __name__ == "__main__":
    main()
