"""Makes expected.csv: the feeder of this case stated in OpenDSS (dss_python 0.15.7)."""
import csv, math
from dss import DSS

sw = "r1=1e-5 x1=1e-5 r0=1e-5 x0=1e-5 c1=0 c0=0 length=1"
nf = 1e3 / (2 * math.pi * 60)  # nanofarad for a microsiemens


def rx(z, xr):
    r = z / math.sqrt(1 + xr * xr)
    return r, r * xr


r1, x1 = rx(5, 8)
r2, x2 = rx(2, 2)
ra, xa = rx(3, 10)
pairs = [rx(6, 10), rx(9, 10), rx(5, 10)]
rw = [(pairs[0][0] + pairs[1][0] - pairs[2][0]) / 2, (pairs[0][0] + pairs[2][0] - pairs[1][0]) / 2, (pairs[1][0] + pairs[2][0] - pairs[0][0]) / 2]
zb = 12.47**2 * 1000 / 500
rg = 0.2 * zb / math.sqrt(1 + 100)
zip_ = "model=8 zipv=[0.3 0.3 0.4 0.5 0.2 0.3 0.0]"
wide = "vminpu=0.5 vmaxpu=2 vlowpu=0.5"
ln = 12.47 / math.sqrt(3)
text = f"""
clear
new circuit.f1 bus1=n0 basekv=12.47 pu={7.3 / ln} model=ideal puZideal=[1e-9 1e-5]
new line.s1 bus1=n0 bus2=n1 {sw}
new line.rec bus1=n1 bus2=i1 {sw}
new line.s2a bus1=i1 bus2=i2 r1=0.3 x1=0.4 r0=0.6 x0=1.2 c1={4 * nf} c0={2 * nf} length=0.5
new line.s2b bus1=i2 bus2=n2 r1=0.3 x1=0.4 r0=0.6 x0=1.2 c1={4 * nf} c0={2 * nf} length=0.5
new line.s3a bus1=n2 bus2=i3 r1=0.2 x1=0.1 r0=0.5 x0=0.15 c1={200 * nf} c0={200 * nf} length=0.25
new line.s3b bus1=i3 bus2=n3 r1=0.2 x1=0.1 r0=0.5 x0=0.15 c1={200 * nf} c0={200 * nf} length=0.25
new line.s5 bus1=n4 bus2=n5 rmatrix=[0|0 0|0 0 0] xmatrix=[0.5|0 0.5|0 0 0.5] cmatrix=[0|0 0|0 0 0] length=1
new line.s7 bus1=n6 bus2=n7 rmatrix=[0.22|0.1 0.21|0.095 0.09 0.215] xmatrix=[0.63|0.31 0.65|0.26 0.24 0.64] cmatrix=[{4 * nf}|{-nf} {4 * nf}|{-0.9 * nf} {-0.8 * nf} {4 * nf}] length=0.4
new line.s8 phases=2 bus1=n2.1.3 bus2=n8.1.3 rmatrix=[1e-5|0 1e-5] xmatrix=[1e-5|0 1e-5] cmatrix=[0|0 0] length=1
new line.s13 bus1=n11 bus2=n13 {sw}
"""
for i, tap in ((1, 5), (2, -3), (3, 0)):
    text += f"new transformer.reg{i} phases=1 windings=2 buses=[n3.{i} n4.{i}] kvs=[{ln} {ln}] kvas=[10000 10000] xhl=0.001 %rs=[0 0] taps=[1 {1 + tap * 0.00625}]\n"
text += f"""
new transformer.trf phases=3 windings=2 buses=[n5 n6.1.2.3.4] conns=[delta wye] kvs=[12.47 4.16] kvas=[2000 2000] xhl={x1} %rs=[{r1 / 2} {r1 / 2}] taps=[1 1.025] %noloadloss=0.2 %imag=0.5 wdg=2 rneut=0.2 xneut=0.1
new transformer.opna phases=1 windings=2 buses=[n2.1.0 n9.1.2] kvs=[{ln} 0.24] kvas=[50 50] xhl={x2} %rs=[{r2 / 2} {r2 / 2}]
new transformer.opnb phases=1 windings=2 buses=[n2.2.0 n9.2.3] kvs=[{ln} 0.24] kvas=[50 50] xhl={x2} %rs=[{r2 / 2} {r2 / 2}]
new transformer.aut phases=3 windings=2 buses=[n3 n10] kvs=[12.47 8.32] kvas=[1500 1500] xhl={xa} %rs=[{ra / 2} {ra / 2}]
new transformer.thr phases=3 windings=3 buses=[n3 n11 ter] conns=[wye wye delta] kvs=[12.47 4.16 0.48] kvas=[3000 3000 3000] xhl={pairs[0][1]} xht={pairs[1][1]} xlt={pairs[2][1]} %rs=[{rw[0]} {rw[1]} {rw[2]}]
new reactor.gnd phases=3 bus1=n3 z1=[0 1e7] z2=[0 1e7] z0=[{rg} {rg * 10}]
new capacitor.cap bus1=n7 kv={2.4018 * math.sqrt(3)} kvar=450
"""
for i in (1, 2, 3):
    text += f"new reactor.shr{i} phases=1 bus1=n2.{i} kv=7.2 kvar=20\n"
for i, p, q in ((1, 200, 80), (2, 150, 60), (3, 180, 70)):
    text += f"new load.zip{i} phases=1 bus1=i2.{i} kv={ln} kw={p} kvar={q} {zip_} {wide}\n"
for i, p, q in ((1, 60, 20), (3, 40, 10)):
    text += f"new load.dis{i} phases=1 bus1=i3.{i} kv={ln} kw={p} kvar={q} model=1 {wide}\n"
s = math.sqrt(1 - 0.81)
text += f"new load.exp phases=3 bus1=n7 kv=4.16 kw={900 * 0.9} kvar={900 * s} model=4 cvrwatts=1.2 cvrvars=2.6 {wide}\n"
text += f"new load.del phases=1 bus1=n8.3.1 kv=12.47 kw=120 kvar={120 * math.tan(math.acos(0.9))} model=1 {wide}\n"
for a, b, p, q in ((1, 2, 10, 4), (2, 3, 12, 5), (3, 1, 8, 3)):
    text += f"new load.low{a} phases=1 bus1=n9.{a}.{b} kv=0.24 kw={p} kvar={q} model=1 {wide}\n"
amp = 20 * 8.32 / math.sqrt(3)
text += f"new load.amp phases=1 bus1=n10.1 kv={8.32 / math.sqrt(3)} kw={amp * 0.95} kvar={amp * math.sqrt(1 - 0.95**2)} model=1 {wide}\n"
text += f"new load.thl phases=3 bus1=n13 kv=4.16 kw=600 kvar=200 model=1 {wide}\n"
for name, bus, kv, p, q in (
    ("pv", "n7", 4.16, 200, 0),
    ("ecg", "n2", 12.47, 150, 150 * math.tan(math.acos(0.95))),
    ("syn", "n3", 12.47, 120, 120 * math.tan(math.acos(0.9))),
    ("ind", "n10", 8.32, 60, -60 * math.tan(math.acos(0.8))),
    ("bat", "n6", 4.16, 100, 0),
):
    text += f"new generator.{name} phases=3 bus1={bus} kv={kv} kw={p} kvar={q} model=1 vminpu=0.5 vmaxpu=2\n"
text += "set tolerance=1e-10 maxiterations=500 controlmode=off\nsolve\n"
for line in text.strip().splitlines():
    DSS.Text.Command = line
assert DSS.ActiveCircuit.Solution.Converged
bases = dict(n6=4.16, n7=4.16, n9=0.24, n10=8.32, n11=4.16, n13=4.16)
with open("expected.csv", "w", newline="") as f:
    out = csv.writer(f, lineterminator="\n")
    out.writerow(["bus", "node", "v_pu", "angle_deg"])
    for n in ["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9", "n10", "n11", "n13"]:
        DSS.ActiveCircuit.SetActiveBus(n)
        bus = DSS.ActiveCircuit.ActiveBus
        v = list(bus.VMagAngle)
        for node, m, a in zip(bus.Nodes, v[::2], v[1::2]):
            # Behind the open delta only line-to-line voltages are determined.
            if node <= 3 and n != "n9":
                out.writerow([n, node, f"{m / (bases.get(n, 12.47) * 1000 / math.sqrt(3)):.9f}", f"{a:.6f}"])
