//! Capacitors, reactors, faults, and the two elements of geomagnetic studies.
//!
//! The first four have a second terminal that is the earth until another bus is named for it: naming
//! the first bus lays the second on the same bus's earth, unless it is already at a different bus.

use network::{CapacitorSize, Connection, Rating, ReactorImpedance, Reliability, XyCurveId};
use num_complex::Complex64;

use super::source::earth_side;
use super::{Context, END, Result, finish_rating, take_rows};
use crate::opendss::class::conversion::gic_line;
use crate::opendss::class::delivery::{capacitor, fault, gic_transformer, reactor};
use crate::opendss::class::enums;
use crate::opendss::object::{BusRef, Object, ObjectId, Value};

/// Most steps that a capacitor bank is taken to have.
const MAX_STEPS: usize = 1000;

/// The two buses of a shunt element.
#[derive(Clone, Default)]
struct ShuntBuses {
    buses: [Option<BusRef>; 2],
    /// The second bus is another one than the first.
    bus2_defined: bool,
}

impl ShuntBuses {
    /// As a new element has it: the second terminal is the earth of the element's own bus.
    fn new(object: &Object, n_earthed: usize) -> Self {
        let own = BusRef { name: format!("{}_1", object.name).into(), nodes: Box::default() };
        ShuntBuses { buses: [None, Some(earth_side(&own, n_earthed))], bus2_defined: false }
    }

    fn set_first(&mut self, bus: &BusRef, n_phases: usize, has_second: bool) {
        self.buses[0] = Some(bus.clone());
        if !self.bus2_defined && has_second {
            self.buses[1] = Some(earth_side(bus, n_phases.max(3)));
        }
    }

    fn set_second(&mut self, bus: &BusRef) {
        self.buses[1] = Some(bus.clone());
        let first = self.buses[0].as_ref().map(|b| &b.name);
        if first != Some(&bus.name) {
            self.bus2_defined = true;
        }
    }
}

fn connection(number: i32) -> Connection {
    if number == 1 { Connection::Delta } else { Connection::Wye }
}

/// Conductors of a terminal: a delta of one or two phases has one more than phases.
fn n_conductors(connection: Connection, n_phases: usize) -> usize {
    if connection == Connection::Delta && n_phases <= 2 { n_phases + 1 } else { n_phases }
}

/// Conductors after the number of phases was set. OpenDSS counts one more than phases where a delta is told the
/// number it already has, which opens the ring of a three-phase delta: `conn=delta phases=3`, in this order.
fn conductors_of_phases(connection: Connection, n_phases: usize, before: usize) -> Option<usize> {
    (connection == Connection::Delta && n_phases == before).then_some(n_phases + 1)
}

/// Rated voltage across a phase, kV.
fn phase_kv(kv: f64, connection: Connection, n_phases: usize) -> f64 {
    if connection == Connection::Wye && matches!(n_phases, 2 | 3) { kv / 3f64.sqrt() } else { kv }
}

#[derive(Clone, Copy, PartialEq)]
enum SizeFrom {
    Kvar,
    Microfarad,
    Matrix,
}

#[derive(Clone)]
struct Bank {
    ends: ShuntBuses,
    n_phases: usize,
    /// Conductors of a delta that are not what its phases ask for.
    n_conductors: Option<usize>,
    kvar: Vec<f64>,
    kv: f64,
    connection: Connection,
    c_matrix_uf: Option<Vec<f64>>,
    c_uf: Vec<f64>,
    r_ohm: Vec<f64>,
    x_l_ohm: Vec<f64>,
    harmonic: Vec<f64>,
    states: Vec<bool>,
    from: SizeFrom,
    tune: bool,
    normal_a: Option<f64>,
    emergency_a: Option<f64>,
    reliability: Reliability,
    base_frequency_hz: f64,
}

impl Bank {
    fn new(object: &Object) -> Self {
        let mut bank = Bank {
            ends: ShuntBuses::new(object, 3),
            n_phases: 3,
            n_conductors: None,
            kvar: vec![1200.0],
            kv: 12.47,
            connection: Connection::Wye,
            c_matrix_uf: None,
            c_uf: vec![0.0],
            r_ohm: vec![0.0],
            x_l_ohm: vec![0.0],
            harmonic: vec![0.0],
            states: vec![true],
            from: SizeFrom::Kvar,
            tune: false,
            normal_a: None,
            emergency_a: None,
            reliability: Reliability { fault_rate: 0.0005, permanent_pct: 100.0, repair_h: 3.0 },
            base_frequency_hz: object.defaults.base_frequency_hz,
        };
        bank.end_command();
        bank
    }

    fn n_steps(&self) -> usize {
        self.states.len()
    }

    /// Changes the number of steps. One step becomes several of the same total; several keep what
    /// they have, further ones being empty.
    fn set_n_steps(&mut self, n: usize) {
        let from_one = self.n_steps() == 1;
        let first = |v: &[f64]| v.first().copied().unwrap_or(0.0);
        let (kvar, c, r, x, h) = (first(&self.kvar), first(&self.c_uf), first(&self.r_ohm), first(&self.x_l_ohm), first(&self.harmonic));
        for list in [&mut self.kvar, &mut self.c_uf, &mut self.r_ohm, &mut self.x_l_ohm, &mut self.harmonic] {
            list.resize(n, 0.0);
        }
        self.states.resize(n, false);
        if !from_one {
            return;
        }
        match self.from {
            SizeFrom::Kvar => {
                self.kvar.fill(kvar / n as f64);
                self.r_ohm.fill(r * n as f64);
                self.x_l_ohm.fill(x * n as f64);
            }
            from => {
                if from == SizeFrom::Microfarad {
                    self.c_uf.fill(c);
                }
                self.r_ohm.fill(r);
                self.x_l_ohm.fill(x);
            }
        }
        self.states.fill(true);
        self.harmonic.fill(h);
    }

    /// Capacitance from the rating (every step has that of the first), reactances from the tuning.
    fn end_command(&mut self) {
        let omega = std::f64::consts::TAU * self.base_frequency_hz;
        if self.from == SizeFrom::Kvar {
            let v = phase_kv(self.kv, self.connection, self.n_phases);
            let c = self.kvar[0] / self.n_phases as f64 / (omega * v * v * 1000.0) * 1e6;
            self.c_uf.fill(c);
        }
        if self.tune {
            for i in 0..self.n_steps() {
                let h = self.harmonic[i];
                self.x_l_ohm[i] = if h == 0.0 { 0.0 } else { 1.0 / (omega * self.c_uf[i] * 1e-6) / (h * h) };
                if self.r_ohm[i] == 0.0 {
                    self.r_ohm[i] = self.x_l_ohm[i] / 1000.0;
                }
            }
        }
    }
}

fn fill_steps(list: &mut [f64], values: &[f64]) {
    list.iter_mut().zip(values).for_each(|(to, from)| *to = *from);
}

fn bank_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Bank> {
    use capacitor::Property as P;
    let object = ctx.store.get(id);
    let mut s = Bank::new(object);
    let log = ctx.log_before(object, command);
    for (i, a) in log.iter().enumerate() {
        match (P::of(a.property), &a.value) {
            (P::Bus1, Value::Bus(bus)) => s.ends.set_first(bus, s.n_phases, s.connection == Connection::Wye),
            (P::Bus2, Value::Bus(bus)) => s.ends.set_second(bus),
            (P::Phases, Value::Integer(n)) => {
                let n = ctx.phases(object, a, *n)?;
                s.n_conductors = conductors_of_phases(s.connection, n, s.n_phases);
                s.n_phases = n;
            }
            (P::Kvar, Value::Reals(x)) => {
                fill_steps(&mut s.kvar, x);
                s.from = SizeFrom::Kvar;
            }
            (P::KV, Value::Real(x)) => s.kv = *x,
            (P::Conn, Value::Enum(n)) => (s.connection, s.n_conductors) = (connection(*n), None),
            (P::CMatrix, Value::Matrix(rows)) => {
                s.c_matrix_uf = Some(take_rows(ctx, object, a, rows, s.n_phases)?);
                s.from = SizeFrom::Matrix;
            }
            (P::Cuf, Value::Reals(x)) => {
                fill_steps(&mut s.c_uf, x);
                s.from = SizeFrom::Microfarad;
            }
            (P::R, Value::Reals(x)) => fill_steps(&mut s.r_ohm, x),
            (P::XL, Value::Reals(x)) => {
                fill_steps(&mut s.x_l_ohm, x);
                for (r, x_l) in s.r_ohm.iter_mut().zip(&s.x_l_ohm) {
                    if *x_l != 0.0 && *r == 0.0 {
                        *r = x_l.abs() / 1000.0;
                    }
                }
                s.tune = false;
            }
            (P::Harm, Value::Reals(x)) => {
                fill_steps(&mut s.harmonic, x);
                s.tune = true;
            }
            (P::NumSteps, Value::Integer(n)) => match usize::try_from(*n) {
                Ok(n) if (1..=MAX_STEPS).contains(&n) => s.set_n_steps(n),
                _ => return Err(ctx.property_error(object, a, "READ.OPENDSS.BAD_VALUE", format!("{n} steps"))),
            },
            (P::States, Value::Integers(x)) => {
                // Steps past the end of the list are open.
                for (i, state) in s.states.iter_mut().enumerate() {
                    *state = x.get(i) == Some(&1);
                }
            }
            (P::NormAmps, Value::Real(x)) => s.normal_a = Some(*x),
            (P::EmergAmps, Value::Real(x)) => s.emergency_a = Some(*x),
            (P::FaultRate, Value::Real(x)) => s.reliability.fault_rate = *x,
            (P::PctPerm, Value::Real(x)) => s.reliability.permanent_pct = *x,
            (P::Repair, Value::Real(x)) => s.reliability.repair_h = *x,
            (P::BaseFreq, Value::Real(x)) => s.base_frequency_hz = *x,
            (P::Enabled, _) => {}
            (P::Like, _) => {
                if let Some(other) = ctx.like(object, a)? {
                    let own = s;
                    s = bank_before(ctx, other, a.command)?;
                    s.ends = own.ends;
                    // Reactances are copied; they do not follow the capacitance again.
                    s.tune = own.tune;
                    (s.normal_a, s.emergency_a) = (own.normal_a, own.emergency_a);
                }
            }
            _ => return Err(ctx.mismatch(object, a)),
        }
        if log.get(i + 1).is_none_or(|next| next.command != a.command) {
            s.end_command();
        }
    }
    Ok(s)
}

pub fn lower_capacitor(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let object = ctx.store.get(id);
    let s = bank_before(ctx, id, END)?;
    let mut common = ctx.common(object, s.n_phases);
    common.base_frequency_hz = s.base_frequency_hz;
    let n_terminals = if s.connection == Connection::Delta { 1 } else { 2 };
    for (i, bus) in s.ends.buses.iter().take(n_terminals).enumerate() {
        let n = s.n_conductors.unwrap_or_else(|| n_conductors(s.connection, s.n_phases));
        common.terminals.push(ctx.terminal(object, i, bus.as_ref(), s.n_phases, n)?);
    }
    if object.enabled && s.from == SizeFrom::Kvar && s.kv == 0.0 {
        ctx.fault(object, object.source, "READ.CAPACITOR.NO_RATING", "kV: a rating of 0 kV gives no capacitance");
    }
    let omega = std::f64::consts::TAU * s.base_frequency_hz;
    let (total_kvar, kv) = match s.from {
        SizeFrom::Kvar => (s.kvar.iter().sum(), phase_kv(s.kv, s.connection, s.n_phases)),
        SizeFrom::Microfarad => {
            let kv = phase_kv(s.kv, s.connection, s.n_phases);
            (s.c_uf.iter().map(|c| omega * c * 1e-6 * kv * kv / 1000.0).sum(), kv)
        }
        SizeFrom::Matrix => (0.0, 1.0),
    };
    let normal_a: f64 = total_kvar / s.n_phases as f64 / kv * 1.35;
    common.rating = Rating {
        normal_a: s.normal_a.unwrap_or(normal_a),
        emergency_a: s.emergency_a.unwrap_or(normal_a * 1.8 / 1.35),
        seasonal_a: Vec::new(),
    };
    common.reliability = s.reliability;
    let size = match (s.from, s.c_matrix_uf) {
        (SizeFrom::Kvar, _) => CapacitorSize::Kvar(s.kvar),
        (SizeFrom::Matrix, Some(c)) if c.len() == s.n_phases * s.n_phases => CapacitorSize::Matrix(c),
        (SizeFrom::Matrix, _) => {
            return Err(ctx.error(
                object,
                object.source,
                "READ.OPENDSS.BAD_MATRIX",
                format!("the capacitance matrix does not fit {} phases", s.n_phases),
            ));
        }
        (SizeFrom::Microfarad, _) => CapacitorSize::Microfarad(s.c_uf),
    };
    let element = network::Capacitor {
        common,
        connection: s.connection,
        kv: s.kv,
        size,
        r_ohm: s.r_ohm,
        x_l_ohm: s.x_l_ohm,
        harmonic: s.harmonic,
        steps: s.states,
        bus2_defined: s.ends.bus2_defined,
    };
    ctx.add(id, element);
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum ReactorFrom {
    Kvar,
    Rx,
    Matrix,
    Sequence,
}

#[derive(Clone)]
struct ReactorState {
    ends: ShuntBuses,
    n_phases: usize,
    /// Conductors of a delta that are not what its phases ask for.
    n_conductors: Option<usize>,
    kvar: f64,
    kv: f64,
    connection: Connection,
    r_matrix: Vec<f64>,
    x_matrix: Vec<f64>,
    parallel: bool,
    r: f64,
    x: f64,
    r_parallel: f64,
    z1: Complex64,
    z2: Complex64,
    z0: Complex64,
    z2_given: bool,
    z0_given: bool,
    r_curve: Option<XyCurveId>,
    l_curve: Option<XyCurveId>,
    from: ReactorFrom,
    /// Currents that the rating gave, while it tells the impedance.
    rated_a: f64,
    normal_a: Option<f64>,
    emergency_a: Option<f64>,
    reliability: Reliability,
    base_frequency_hz: f64,
}

fn reactor_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<ReactorState> {
    use reactor::Property as P;
    let object = ctx.store.get(id);
    let mut s = ReactorState {
        ends: ShuntBuses::new(object, 3),
        n_phases: 3,
        n_conductors: None,
        kvar: 100.0,
        kv: 12.47,
        connection: Connection::Wye,
        r_matrix: Vec::new(),
        x_matrix: Vec::new(),
        parallel: false,
        r: 0.0,
        x: 12.47 * 12.47 * 10.0,
        r_parallel: 0.0,
        z1: Complex64::ZERO,
        z2: Complex64::ZERO,
        z0: Complex64::ZERO,
        z2_given: false,
        z0_given: false,
        r_curve: None,
        l_curve: None,
        from: ReactorFrom::Kvar,
        rated_a: 100.0 / 3.0 / (12.47 / 3f64.sqrt()),
        normal_a: None,
        emergency_a: None,
        reliability: Reliability { fault_rate: 0.0005, permanent_pct: 100.0, repair_h: 3.0 },
        base_frequency_hz: object.defaults.base_frequency_hz,
    };
    let log = ctx.log_before(object, command);
    for (i, a) in log.iter().enumerate() {
        let property = P::of(a.property);
        match (property, &a.value) {
            (P::Bus1, Value::Bus(bus)) => s.ends.set_first(bus, s.n_phases, s.connection == Connection::Wye),
            (P::Bus2, Value::Bus(bus)) => s.ends.set_second(bus),
            (P::Phases, Value::Integer(n)) => {
                let n = ctx.phases(object, a, *n)?;
                s.n_conductors = conductors_of_phases(s.connection, n, s.n_phases);
                s.n_phases = n;
            }
            (P::Kvar, Value::Real(x)) => (s.kvar, s.from) = (*x, ReactorFrom::Kvar),
            (P::KV, Value::Real(x)) => s.kv = *x,
            (P::Conn, Value::Enum(n)) => (s.connection, s.n_conductors) = (connection(*n), None),
            (P::RMatrix | P::XMatrix, Value::Matrix(rows)) => {
                let matrix = take_rows(ctx, object, a, rows, s.n_phases)?;
                if property == P::RMatrix {
                    s.r_matrix = matrix
                } else {
                    s.x_matrix = matrix
                }
                s.from = ReactorFrom::Matrix;
            }
            (P::Parallel, Value::Boolean(b)) => s.parallel = *b,
            (P::R, Value::Real(x)) => s.r = *x,
            (P::X, Value::Real(x)) => (s.x, s.from) = (*x, ReactorFrom::Rx),
            (P::Rp, Value::Real(x)) => s.r_parallel = *x,
            (P::Z1, Value::Complex(z)) => {
                (s.z1, s.from) = (*z, ReactorFrom::Sequence);
                if !s.z2_given {
                    s.z2 = *z;
                }
                if !s.z0_given {
                    s.z0 = *z;
                }
            }
            (P::Z2, Value::Complex(z)) => (s.z2, s.z2_given) = (*z, true),
            (P::Z0, Value::Complex(z)) => (s.z0, s.z0_given) = (*z, true),
            (P::Z, Value::Complex(z)) => (s.r, s.x, s.from) = (z.re, z.im, ReactorFrom::Rx),
            (P::RCurve, _) => s.r_curve = ctx.reference(object, a)?,
            (P::LCurve, _) => s.l_curve = ctx.reference(object, a)?,
            (P::LmH, Value::Real(x)) => {
                (s.x, s.from) = (x * 1e-3 * std::f64::consts::TAU * s.base_frequency_hz, ReactorFrom::Rx);
            }
            (P::NormAmps, Value::Real(x)) => s.normal_a = Some(*x),
            (P::EmergAmps, Value::Real(x)) => s.emergency_a = Some(*x),
            (P::FaultRate, Value::Real(x)) => s.reliability.fault_rate = *x,
            (P::PctPerm, Value::Real(x)) => s.reliability.permanent_pct = *x,
            (P::Repair, Value::Real(x)) => s.reliability.repair_h = *x,
            (P::BaseFreq, Value::Real(x)) => s.base_frequency_hz = *x,
            (P::Enabled, _) => {}
            (P::Like, _) => {
                if let Some(other) = ctx.like(object, a)? {
                    let ends = s.ends;
                    s = reactor_before(ctx, other, a.command)?;
                    s.ends = ends;
                }
            }
            _ => return Err(ctx.mismatch(object, a)),
        }
        let end_of_command = log.get(i + 1).is_none_or(|next| next.command != a.command);
        if end_of_command && s.from == ReactorFrom::Kvar {
            let kv = phase_kv(s.kv, s.connection, s.n_phases);
            let kvar = s.kvar / s.n_phases as f64;
            s.x = kv * kv * 1000.0 / kvar;
            s.rated_a = kvar / kv;
        }
    }
    Ok(s)
}

pub fn lower_reactor(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let object = ctx.store.get(id);
    let s = reactor_before(ctx, id, END)?;
    let mut common = ctx.common(object, s.n_phases);
    common.base_frequency_hz = s.base_frequency_hz;
    let n_terminals = if s.connection == Connection::Delta { 1 } else { 2 };
    for (i, bus) in s.ends.buses.iter().take(n_terminals).enumerate() {
        let n = s.n_conductors.unwrap_or_else(|| n_conductors(s.connection, s.n_phases));
        common.terminals.push(ctx.terminal(object, i, bus.as_ref(), s.n_phases, n)?);
    }
    common.rating = Rating {
        normal_a: s.normal_a.unwrap_or(s.rated_a),
        emergency_a: s.emergency_a.unwrap_or(s.rated_a * 1.35),
        seasonal_a: Vec::new(),
    };
    common.reliability = s.reliability;
    let impedance = match s.from {
        ReactorFrom::Kvar | ReactorFrom::Rx => ReactorImpedance::Rx { r_ohm: s.r, x_ohm: s.x },
        ReactorFrom::Matrix => {
            let order = s.n_phases * s.n_phases;
            let whole = |m: Vec<f64>| if m.is_empty() { vec![0.0; order] } else { m };
            let (r_ohm, x_ohm) = (whole(s.r_matrix), whole(s.x_matrix));
            if r_ohm.len() != order || x_ohm.len() != order {
                return Err(ctx.error(
                    object,
                    object.source,
                    "READ.OPENDSS.BAD_MATRIX",
                    format!("the impedance matrices do not fit {} phases", s.n_phases),
                ));
            }
            ReactorImpedance::Matrix { r_ohm, x_ohm }
        }
        ReactorFrom::Sequence => ReactorImpedance::Sequence { z1_ohm: s.z1, z2_ohm: s.z2, z0_ohm: s.z0 },
    };
    let no_impedance = match &impedance {
        ReactorImpedance::Rx { r_ohm, x_ohm } => (*r_ohm == 0.0 && *x_ohm == 0.0) || !x_ohm.is_finite(),
        ReactorImpedance::Sequence { z1_ohm, .. } => z1_ohm.norm() == 0.0,
        _ => false,
    };
    if no_impedance && object.enabled {
        ctx.fault(object, object.source, "READ.REACTOR.SINGULAR_IMPEDANCE", "impedance is zero or not a number (singular)");
    }
    let element = network::Reactor {
        common,
        connection: s.connection,
        kv: s.kv,
        kvar: s.kvar,
        impedance,
        parallel: s.parallel,
        r_parallel_ohm: s.r_parallel,
        r_curve: s.r_curve,
        l_curve: s.l_curve,
        bus2_defined: s.ends.bus2_defined,
    };
    ctx.add(id, element);
    Ok(())
}

#[derive(Clone)]
struct FaultState {
    ends: ShuntBuses,
    n_phases: usize,
    r_ohm: f64,
    g_siemens: Option<Vec<f64>>,
    by_matrix: bool,
    stddev_pct: f64,
    on_time_s: f64,
    temporary: bool,
    min_a: f64,
    rating: Rating,
    reliability: Reliability,
    base_frequency_hz: f64,
}

fn fault_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<FaultState> {
    use fault::Property as P;
    let object = ctx.store.get(id);
    let mut s = FaultState {
        ends: ShuntBuses::new(object, 1),
        n_phases: 1,
        r_ohm: 0.0001,
        g_siemens: None,
        by_matrix: false,
        stddev_pct: 0.0,
        on_time_s: 0.0,
        temporary: false,
        min_a: 5.0,
        rating: Rating::default(),
        reliability: Reliability { fault_rate: 0.0, permanent_pct: 100.0, repair_h: 0.0 },
        base_frequency_hz: object.defaults.base_frequency_hz,
    };
    for a in ctx.log_before(object, command) {
        match (P::of(a.property), &a.value) {
            (P::Bus1, Value::Bus(bus)) => s.ends.set_first(bus, s.n_phases, true),
            (P::Bus2, Value::Bus(bus)) => s.ends.set_second(bus),
            (P::Phases, Value::Integer(n)) => s.n_phases = ctx.phases(object, a, *n)?,
            // No resistance at all is taken as 0.1 milliohm.
            (P::R, Value::Real(x)) => (s.r_ohm, s.by_matrix) = (if *x == 0.0 { 0.0001 } else { *x }, false),
            (P::PctStdDev, Value::Real(x)) => s.stddev_pct = *x,
            (P::GMatrix, Value::Matrix(rows)) => {
                (s.g_siemens, s.by_matrix) = (Some(take_rows(ctx, object, a, rows, s.n_phases)?), true);
            }
            (P::OnTime, Value::Real(x)) => s.on_time_s = *x,
            (P::Temporary, Value::Boolean(b)) => s.temporary = *b,
            (P::MinAmps, Value::Real(x)) => s.min_a = *x,
            (P::NormAmps, Value::Real(x)) => s.rating.normal_a = *x,
            (P::EmergAmps, Value::Real(x)) => s.rating.emergency_a = *x,
            (P::FaultRate, Value::Real(x)) => s.reliability.fault_rate = *x,
            (P::PctPerm, Value::Real(x)) => s.reliability.permanent_pct = *x,
            (P::Repair, Value::Real(x)) => s.reliability.repair_h = *x,
            (P::BaseFreq, Value::Real(x)) => s.base_frequency_hz = *x,
            (P::Enabled, _) => {}
            (P::Like, _) => {
                if let Some(other) = ctx.like(object, a)? {
                    let ends = s.ends;
                    s = fault_before(ctx, other, a.command)?;
                    s.ends = ends;
                }
            }
            _ => return Err(ctx.mismatch(object, a)),
        }
    }
    Ok(s)
}

pub fn lower_fault(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let object = ctx.store.get(id);
    let s = fault_before(ctx, id, END)?;
    let mut common = ctx.common(object, s.n_phases);
    common.base_frequency_hz = s.base_frequency_hz;
    for (i, bus) in s.ends.buses.iter().enumerate() {
        common.terminals.push(ctx.terminal(object, i, bus.as_ref(), s.n_phases, s.n_phases)?);
    }
    (common.rating, common.reliability) = (finish_rating(s.rating), s.reliability);
    let g_siemens = if s.by_matrix { s.g_siemens } else { None };
    if g_siemens.as_ref().is_some_and(|g| g.len() != s.n_phases * s.n_phases) {
        return Err(ctx.error(
            object,
            object.source,
            "READ.OPENDSS.BAD_MATRIX",
            format!("the conductance matrix does not fit {} phases", s.n_phases),
        ));
    }
    let element = network::Fault {
        common,
        r_ohm: s.r_ohm,
        g_siemens,
        stddev_pct: s.stddev_pct,
        on_time_s: s.on_time_s,
        temporary: s.temporary,
        min_a: s.min_a,
    };
    ctx.add(id, element);
    Ok(())
}

#[derive(Clone)]
struct GicTransformerState {
    buses: [Option<BusRef>; 4],
    n_phases: usize,
    /// 1 generator step-up, 2 autotransformer, 3 wye-wye.
    kind: i32,
    r: [f64; 2],
    pct: [f64; 2],
    by_pct: bool,
    kv_ll: [f64; 2],
    mva: f64,
    k: f64,
    var_curve: Option<XyCurveId>,
    rating: Rating,
    reliability: Reliability,
    base_frequency_hz: f64,
}

fn gic_transformer_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<GicTransformerState> {
    use gic_transformer::Property as P;
    let object = ctx.store.get(id);
    let own = BusRef { name: format!("{}_1", object.name).into(), nodes: Box::default() };
    let mut s = GicTransformerState {
        buses: [None, Some(earth_side(&own, 1)), None, None],
        n_phases: 3,
        kind: 1,
        r: [0.0001, 0.0001],
        pct: [0.2, 0.2],
        by_pct: true,
        kv_ll: [500.0, 138.0],
        mva: 100.0,
        k: 2.2,
        var_curve: None,
        rating: Rating::default(),
        reliability: Reliability { fault_rate: 0.0, permanent_pct: 100.0, repair_h: 0.0 },
        base_frequency_hz: object.defaults.base_frequency_hz,
    };
    for a in ctx.log_before(object, command) {
        match (P::of(a.property), &a.value) {
            (P::BusH, Value::Bus(bus)) => {
                s.buses[0] = Some(BusRef::clone(bus));
                s.buses[1] = Some(earth_side(bus, s.n_phases));
            }
            (P::BusNH, Value::Bus(bus)) => s.buses[1] = Some(BusRef::clone(bus)),
            (P::BusX, Value::Bus(bus)) => {
                s.buses[2] = Some(BusRef::clone(bus));
                s.buses[3] = Some(earth_side(bus, s.n_phases));
                // The series winding of an autotransformer ends at the low side.
                if s.kind == 2 {
                    s.buses[1] = Some(BusRef::clone(bus));
                }
            }
            (P::BusNX, Value::Bus(bus)) => s.buses[3] = Some(BusRef::clone(bus)),
            (P::Phases, Value::Integer(n)) => s.n_phases = ctx.phases(object, a, *n)?,
            (P::Type, Value::Enum(n)) => {
                s.kind = *n;
                if s.kind == 2
                    && let Some(low) = s.buses[2].clone()
                {
                    s.buses[1] = Some(low);
                }
            }
            (P::R1, Value::Real(x)) => {
                settle_gic(&mut s);
                (s.r[0], s.by_pct) = (*x, false);
            }
            (P::R2, Value::Real(x)) => {
                settle_gic(&mut s);
                (s.r[1], s.by_pct) = (*x, false);
            }
            (P::PctR1, Value::Real(x)) => (s.pct[0], s.by_pct) = (*x, true),
            (P::PctR2, Value::Real(x)) => (s.pct[1], s.by_pct) = (*x, true),
            (P::KVLL1, Value::Real(x)) => s.kv_ll[0] = *x,
            (P::KVLL2, Value::Real(x)) => s.kv_ll[1] = *x,
            (P::MVA, Value::Real(x)) => s.mva = *x,
            (P::VarCurve, _) => s.var_curve = ctx.reference(object, a)?,
            (P::K, Value::Real(x)) => s.k = *x,
            (P::NormAmps, Value::Real(x)) => s.rating.normal_a = *x,
            (P::EmergAmps, Value::Real(x)) => s.rating.emergency_a = *x,
            (P::FaultRate, Value::Real(x)) => s.reliability.fault_rate = *x,
            (P::PctPerm, Value::Real(x)) => s.reliability.permanent_pct = *x,
            (P::Repair, Value::Real(x)) => s.reliability.repair_h = *x,
            (P::BaseFreq, Value::Real(x)) => s.base_frequency_hz = *x,
            (P::Enabled, _) => {}
            (P::Like, _) => {
                if let Some(other) = ctx.like(object, a)? {
                    let buses = s.buses;
                    s = gic_transformer_before(ctx, other, a.command)?;
                    s.buses = buses;
                }
            }
            _ => return Err(ctx.mismatch(object, a)),
        }
    }
    settle_gic(&mut s);
    Ok(s)
}

/// Resistances from percentages on the rating.
fn settle_gic(s: &mut GicTransformerState) {
    if s.by_pct {
        for i in 0..2 {
            s.r[i] = s.kv_ll[i] * s.kv_ll[i] / s.mva * s.pct[i] / 100.0;
        }
    }
}

pub fn lower_gic_transformer(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let object = ctx.store.get(id);
    let s = gic_transformer_before(ctx, id, END)?;
    let mut common = ctx.common(object, s.n_phases);
    common.base_frequency_hz = s.base_frequency_hz;
    let n_terminals = if s.kind == 1 { 2 } else { 4 };
    for (i, bus) in s.buses.iter().take(n_terminals).enumerate() {
        common.terminals.push(ctx.terminal(object, i, bus.as_ref(), s.n_phases, s.n_phases)?);
    }
    (common.rating, common.reliability) = (finish_rating(s.rating), s.reliability);
    let element = network::GicTransformer {
        common,
        winding_type: enums::GICTRANSFORMER_TYPE.word(s.kind).unwrap_or("GSU").to_owned(),
        r1_ohm: s.r[0],
        r2_ohm: s.r[1],
        kv_ll_1: s.kv_ll[0],
        kv_ll_2: s.kv_ll[1],
        mva: s.mva,
        k_factor: s.k,
        var_curve: s.var_curve,
    };
    ctx.add(id, element);
    Ok(())
}

#[derive(Clone)]
struct GicLineState {
    buses: [Option<BusRef>; 2],
    n_phases: usize,
    volts: Option<f64>,
    angle_deg: f64,
    frequency_hz: f64,
    r_ohm: f64,
    x_ohm: f64,
    c_uf: f64,
    /// Geoelectric field, north and east, V/km.
    field: (f64, f64),
    /// Latitude and longitude of both ends, degrees.
    from: (f64, f64),
    to: (f64, f64),
    base_frequency_hz: f64,
}

impl GicLineState {
    /// Voltage that the field induces along the line: kilometres a degree of latitude and longitude on
    /// the WGS84 ellipsoid, at the mean latitude.
    fn induced_volts(&self) -> f64 {
        let mean = ((self.from.0 + self.to.0) / 2.0).to_radians();
        let north_km = (111.133 - 0.56 * (2.0 * mean).cos()) * (self.to.0 - self.from.0);
        let east_km = (111.5065 - 0.1872 * (2.0 * mean).cos()) * mean.cos() * (self.to.1 - self.from.1);
        north_km * self.field.0 + east_km * self.field.1
    }
}

fn gic_line_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<GicLineState> {
    use gic_line::Property as P;
    let object = ctx.store.get(id);
    let mut s = GicLineState {
        buses: [None, None],
        n_phases: 3,
        volts: None,
        angle_deg: 0.0,
        frequency_hz: 0.1,
        r_ohm: 1.0,
        x_ohm: 0.0,
        c_uf: 0.0,
        field: (1.0, 1.0),
        from: (33.613499, -87.373673),
        to: (33.547885, -86.074605),
        base_frequency_hz: object.defaults.base_frequency_hz,
    };
    for a in ctx.log_before(object, command) {
        let property = P::of(a.property);
        match (property, &a.value) {
            (P::Bus1, Value::Bus(bus)) => s.buses[0] = Some(BusRef::clone(bus)),
            (P::Bus2, Value::Bus(bus)) => s.buses[1] = Some(BusRef::clone(bus)),
            (P::Volts, Value::Real(x)) => s.volts = Some(*x),
            (P::Angle, Value::Real(x)) => {
                s.angle_deg = *x;
                s.volts = Some(s.volts.unwrap_or_else(|| s.induced_volts()));
            }
            (P::Frequency, Value::Real(x)) => s.frequency_hz = *x,
            (P::Phases, Value::Integer(n)) => s.n_phases = ctx.phases(object, a, *n)?,
            (P::R, Value::Real(x)) => s.r_ohm = *x,
            (P::X, Value::Real(x)) => s.x_ohm = *x,
            (P::C, Value::Real(x)) => s.c_uf = *x,
            (P::EN | P::EE | P::Lat1 | P::Lon1 | P::Lat2 | P::Lon2, Value::Real(x)) => {
                match property {
                    P::EN => s.field.0 = *x,
                    P::EE => s.field.1 = *x,
                    P::Lat1 => s.from.0 = *x,
                    P::Lon1 => s.from.1 = *x,
                    P::Lat2 => s.to.0 = *x,
                    _ => s.to.1 = *x,
                }
                s.volts = None;
            }
            (P::BaseFreq, Value::Real(x)) => s.base_frequency_hz = *x,
            (P::Spectrum | P::Enabled, _) => {}
            (P::Like, _) => {
                if let Some(other) = ctx.like(object, a)? {
                    let buses = s.buses;
                    s = gic_line_before(ctx, other, a.command)?;
                    s.buses = buses;
                }
            }
            _ => return Err(ctx.mismatch(object, a)),
        }
    }
    Ok(s)
}

pub fn lower_gic_line(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let object = ctx.store.get(id);
    let s = gic_line_before(ctx, id, END)?;
    let mut common = ctx.common(object, s.n_phases);
    common.base_frequency_hz = s.base_frequency_hz;
    for (i, bus) in s.buses.iter().enumerate() {
        common.terminals.push(ctx.terminal(object, i, bus.as_ref(), s.n_phases, s.n_phases)?);
    }
    common.spectrum = ctx.spectrum(object, gic_line::Property::Spectrum as u16, "default")?;
    let element = network::GicLine {
        common,
        volts: s.volts.unwrap_or_else(|| s.induced_volts()),
        angle_deg: s.angle_deg,
        frequency_hz: s.frequency_hz,
        r_ohm: s.r_ohm,
        x_ohm: s.x_ohm,
        c_uf: s.c_uf,
    };
    ctx.add(id, element);
    Ok(())
}
