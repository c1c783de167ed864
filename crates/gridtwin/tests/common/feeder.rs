//! A small feeder whose matches and meters can be told by hand.

/// A feeder of two service transformers 111 m apart, three customers on the first and two on the second.
pub const FEEDER: &str = "clear
new circuit.north basekv=12.47 pu=1.0 bus1=head mvasc3=200 mvasc1=200
new linecode.ug nphases=3 r1=0.2 x1=0.3 r0=0.5 x0=0.9 c1=0 c0=0 units=km
new linecode.service nphases=1 r1=0.5 x1=0.1 r0=0.5 x0=0.1 c1=0 c0=0 units=km
new line.main bus1=head bus2=p1 linecode=ug length=0.5 units=km
new line.end bus1=p1 bus2=p2 linecode=ug length=0.111 units=km
new transformer.t1 phases=1 windings=2 buses=(p1.1, s1.1) kvs=(7.2, 0.24) kvas=(50, 50) xhl=2 %loadloss=1
new transformer.t2 phases=1 windings=2 buses=(p2.1, s2.1) kvs=(7.2, 0.24) kvas=(50, 50) xhl=2 %loadloss=1
new line.d1 bus1=s1.1 bus2=c1.1 phases=1 linecode=service length=0.02 units=km
new line.d2 bus1=s2.1 bus2=c2.1 phases=1 linecode=service length=0.02 units=km
new load.m1 bus1=s1.1 phases=1 kv=0.24 kw=4 pf=0.95
new load.m2 bus1=s1.1 phases=1 kv=0.24 kw=4 pf=0.95
new load.m3 bus1=c1.1 phases=1 kv=0.24 kw=4 pf=0.95
new load.m4 bus1=s2.1 phases=1 kv=0.24 kw=4 pf=0.95
new load.m5 bus1=c2.1 phases=1 kv=0.24 kw=4 pf=0.95
latlongcoords coords.csv
set voltagebases=[12.47, 0.4157]
calcvoltagebases
";

/// Places of its buses.
pub const COORDINATES: &str = "head,45.0,7.4936
p1,45.0,7.5
p2,45.0,7.50141
s1,45.0,7.5
s2,45.0,7.50141
c1,45.0001,7.5
c2,45.0001,7.50141
";
