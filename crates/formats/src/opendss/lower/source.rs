//! Voltage and current sources.
//!
//! A voltage source's impedance comes from short-circuit powers, from short-circuit currents or from
//! impedances, whichever was set last. With `k` the kV line to line (a one-phase source: its own):
//!
//! ```text
//! X1 = k² / MVAsc3 / sqrt(1 + 1 / (X1/R1)²),   R1 = X1 / (X1/R1),   X0 = R0 (X0/R0)
//! R0: (1 + (X0/R0)²) R0² + 4 (R1 + X1 (X0/R0)) R0 + 4 |Z1|² - (3 Vln / Isc1)² = 0, the larger root
//! ```
//!
//! Numbers that a command leaves behind are where the next one starts, so they are worked out after each.

use network::{SequenceType, Shapes};
use num_complex::Complex64;

use super::{Context, END, Result};
use crate::opendss::class::conversion::{isource, vsource};
use crate::opendss::object::{BusRef, Object, ObjectId, Value};

/// The bus of the other side when none is named: the same bus, all conductors to earth.
pub(super) fn earth_side(bus: &BusRef, n_phases: usize) -> BusRef {
    BusRef { name: bus.name.clone(), nodes: vec![0; n_phases].into_boxed_slice() }
}

#[derive(Clone, Copy, PartialEq)]
enum ImpedanceFrom {
    Power,
    Current,
    Impedance,
}

#[derive(Clone)]
struct Voltage {
    buses: [Option<BusRef>; 2],
    bus2_given: bool,
    n_phases: usize,
    base_kv: f64,
    v_pu: f64,
    angle_deg: f64,
    frequency_hz: f64,
    mva_sc3: f64,
    mva_sc1: f64,
    x1_r1: f64,
    x0_r0: f64,
    i_sc3: f64,
    i_sc1: f64,
    z1: Complex64,
    z2: Complex64,
    z0: Complex64,
    z2_given: bool,
    z0_given: bool,
    z1_pu: Option<Complex64>,
    z2_pu: Complex64,
    z0_pu: Complex64,
    z2_pu_given: bool,
    z0_pu_given: bool,
    from: ImpedanceFrom,
    base_mva: f64,
    scan: SequenceType,
    sequence: SequenceType,
    shapes: Shapes,
    ideal: bool,
    z_ideal_pu: Complex64,
    base_frequency_hz: f64,
}

impl Voltage {
    fn new(object: &Object) -> Self {
        let zero = Complex64::ZERO;
        let mut source = Voltage {
            buses: [None, None],
            bus2_given: false,
            n_phases: 3,
            base_kv: 115.0,
            v_pu: 1.0,
            angle_deg: 0.0,
            frequency_hz: object.defaults.base_frequency_hz,
            mva_sc3: 2000.0,
            mva_sc1: 2100.0,
            x1_r1: 4.0,
            x0_r0: 3.0,
            i_sc3: 10000.0,
            i_sc1: 10540.0,
            z1: zero,
            z2: zero,
            z0: zero,
            z2_given: false,
            z0_given: false,
            z1_pu: None,
            z2_pu: zero,
            z0_pu: zero,
            z2_pu_given: false,
            z0_pu_given: false,
            from: ImpedanceFrom::Power,
            base_mva: 100.0,
            scan: SequenceType::Positive,
            sequence: SequenceType::Positive,
            shapes: Shapes::default(),
            ideal: false,
            z_ideal_pu: Complex64::new(1e-6, 0.001),
            base_frequency_hz: object.defaults.base_frequency_hz,
        };
        source.update_impedance();
        source.reset_pu();
        source
    }

    fn z_base(&self) -> f64 {
        self.base_kv * self.base_kv / self.base_mva
    }

    /// Until one is given, per-unit impedances mirror those in ohm.
    fn reset_pu(&mut self) {
        if self.z1_pu.is_none() && !self.z2_pu_given && !self.z0_pu_given && self.z_base() > 0.0 {
            (self.z2_pu, self.z0_pu) = (self.z2 / self.z_base(), self.z0 / self.z_base());
        }
    }

    fn update_impedance(&mut self) {
        let root3 = 3f64.sqrt();
        let factor = if self.n_phases == 1 { 1.0 } else { root3 };
        match self.from {
            ImpedanceFrom::Power => {
                self.i_sc3 = self.mva_sc3 * 1000.0 / (root3 * self.base_kv);
                self.i_sc1 = self.mva_sc1 * 1000.0 / (factor * self.base_kv);
            }
            ImpedanceFrom::Current => {
                self.mva_sc3 = root3 * self.base_kv * self.i_sc3 / 1000.0;
                self.mva_sc1 = factor * self.base_kv * self.i_sc1 / 1000.0;
            }
            ImpedanceFrom::Impedance => {
                if let Some(z1_pu) = self.z1_pu {
                    let z_base = self.z_base();
                    (self.z1, self.z2, self.z0) = (z1_pu * z_base, self.z2_pu * z_base, self.z0_pu * z_base);
                }
                if self.n_phases == 1 {
                    (self.z2, self.z0) = (self.z1, self.z1);
                }
                let z_self = (2.0 * self.z1 + self.z0) / 3.0;
                self.i_sc3 = self.base_kv * 1000.0 / root3 / self.z1.norm();
                self.i_sc1 = self.base_kv * 1000.0 / factor / z_self.norm();
                self.mva_sc3 = root3 * self.base_kv * self.i_sc3 / 1000.0;
                self.mva_sc1 = factor * self.base_kv * self.i_sc1 / 1000.0;
                return;
            }
        }
        let x1 = self.base_kv * self.base_kv / self.mva_sc3 / (1.0 + 1.0 / (self.x1_r1 * self.x1_r1)).sqrt();
        self.z1 = Complex64::new(x1 / self.x1_r1, x1);
        self.z2 = self.z1;
        let reach = 3.0 * self.base_kv * 1000.0 / factor / self.i_sc1;
        let r0 = larger_root(
            1.0 + self.x0_r0 * self.x0_r0,
            4.0 * (self.z1.re + self.z1.im * self.x0_r0),
            4.0 * self.z1.norm_sqr() - reach * reach,
        );
        self.z0 = Complex64::new(r0, r0 * self.x0_r0);
    }
}

/// Larger root of `a x² + b x + c`; not a number if there is none.
fn larger_root(a: f64, b: f64, c: f64) -> f64 {
    let root = (b * b - 4.0 * a * c).sqrt();
    ((-b + root) / (2.0 * a)).max((-b - root) / (2.0 * a))
}

fn sequence_type(number: i32, is_scan: bool) -> SequenceType {
    match number {
        1 => SequenceType::Positive,
        0 => SequenceType::Zero,
        _ if is_scan => SequenceType::None,
        _ => SequenceType::Negative,
    }
}

fn voltage_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Voltage> {
    use vsource::Property as P;
    let object = ctx.store.get(id);
    let mut s = Voltage::new(object);
    let log = ctx.log_before(object, command);
    for (i, a) in log.iter().enumerate() {
        let property = P::of(a.property);
        match (property, &a.value) {
            (P::Bus1, Value::Bus(bus)) => {
                s.buses[0] = Some(BusRef::clone(bus));
                if !s.bus2_given {
                    s.buses[1] = Some(earth_side(bus, s.n_phases));
                }
            }
            (P::Bus2, Value::Bus(bus)) => (s.buses[1], s.bus2_given) = (Some(BusRef::clone(bus)), true),
            (P::BasekV, Value::Real(x)) => s.base_kv = *x,
            (P::Pu, Value::Real(x)) => s.v_pu = *x,
            (P::Angle, Value::Real(x)) => s.angle_deg = *x,
            (P::Frequency, Value::Real(x)) => s.frequency_hz = *x,
            (P::Phases, Value::Integer(n)) => s.n_phases = ctx.phases(object, a, *n)?,
            (P::MVASC3, Value::Real(x)) => (s.mva_sc3, s.from) = (*x, ImpedanceFrom::Power),
            (P::MVASC1, Value::Real(x)) => (s.mva_sc1, s.from) = (*x, ImpedanceFrom::Power),
            (P::X1R1, Value::Real(x)) => s.x1_r1 = *x,
            (P::X0R0, Value::Real(x)) => s.x0_r0 = *x,
            (P::Isc3, Value::Real(x)) => (s.i_sc3, s.from) = (*x, ImpedanceFrom::Current),
            (P::Isc1, Value::Real(x)) => (s.i_sc1, s.from) = (*x, ImpedanceFrom::Current),
            (P::R1, Value::Real(x)) => (s.z1.re, s.z2.re, s.from) = (*x, *x, ImpedanceFrom::Impedance),
            (P::X1, Value::Real(x)) => (s.z1.im, s.z2.im, s.from) = (*x, *x, ImpedanceFrom::Impedance),
            (P::R0, Value::Real(x)) => (s.z0.re, s.from) = (*x, ImpedanceFrom::Impedance),
            (P::X0, Value::Real(x)) => (s.z0.im, s.from) = (*x, ImpedanceFrom::Impedance),
            (P::ScanType, Value::Enum(n)) => s.scan = sequence_type(*n, true),
            (P::Sequence, Value::Enum(n)) => s.sequence = sequence_type(*n, false),
            (P::Z1 | P::Z0 | P::Z2 | P::PuZ1 | P::PuZ0 | P::PuZ2, Value::Complex(z)) => {
                s.from = ImpedanceFrom::Impedance;
                match property {
                    P::Z1 => {
                        s.z1 = *z;
                        if !s.z2_given {
                            s.z2 = *z;
                        }
                        if !s.z0_given {
                            s.z0 = *z;
                        }
                    }
                    P::Z0 => (s.z0, s.z0_given) = (*z, true),
                    P::Z2 => (s.z2, s.z2_given) = (*z, true),
                    P::PuZ1 => {
                        s.z1_pu = Some(*z);
                        if !s.z2_pu_given {
                            s.z2_pu = *z;
                        }
                        if !s.z0_pu_given {
                            s.z0_pu = *z;
                        }
                    }
                    P::PuZ0 => (s.z0_pu, s.z0_pu_given) = (*z, true),
                    _ => (s.z2_pu, s.z2_pu_given) = (*z, true),
                }
            }
            (P::BaseMVA, Value::Real(x)) => s.base_mva = *x,
            (P::Yearly, _) => s.shapes.yearly = ctx.reference(object, a)?,
            (P::Daily, _) => {
                s.shapes.daily = ctx.reference(object, a)?;
                s.shapes.yearly = s.shapes.yearly.or(s.shapes.daily);
            }
            (P::Duty, _) => s.shapes.duty = ctx.reference(object, a)?,
            (P::Model, Value::Enum(n)) => s.ideal = *n == 1,
            (P::PuZIdeal, Value::Complex(z)) => s.z_ideal_pu = *z,
            (P::BaseFreq, Value::Real(x)) => s.base_frequency_hz = *x,
            (P::Spectrum | P::Enabled, _) => {}
            (P::Like, _) => {
                if let Some(other) = ctx.like(object, a)? {
                    let own = s;
                    s = voltage_before(ctx, other, a.command)?;
                    s.buses = own.buses;
                }
            }
            _ => return Err(ctx.mismatch(object, a)),
        }
        if log.get(i + 1).is_none_or(|next| next.command != a.command) {
            s.update_impedance();
            s.reset_pu();
        }
    }
    Ok(s)
}

pub fn lower_voltage(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let object = ctx.store.get(id);
    let s = voltage_before(ctx, id, END)?;
    let bad_impedance = !(s.z1.is_finite() && s.z2.is_finite() && s.z0.is_finite());
    if object.enabled && (bad_impedance || (s.z1.norm() == 0.0 && !s.ideal)) {
        return Err(ctx.error(
            object,
            object.source,
            "READ.SOURCE.IMPEDANCE",
            format!("impedance cannot be worked out or is singular: Z1 = {}, Z0 = {} ohm", s.z1, s.z0),
        ));
    }
    let mut common = ctx.common(object, s.n_phases);
    common.base_frequency_hz = s.base_frequency_hz;
    for (i, bus) in s.buses.iter().enumerate() {
        common.terminals.push(ctx.terminal(object, i, bus.as_ref(), s.n_phases, s.n_phases)?);
    }
    common.spectrum = ctx.spectrum(object, vsource::Property::Spectrum as u16, "defaultvsource")?;
    let element = network::VoltageSource {
        common,
        base_kv: s.base_kv,
        v_pu: s.v_pu,
        angle_deg: s.angle_deg,
        frequency_hz: s.frequency_hz,
        z1_ohm: s.z1,
        z2_ohm: s.z2,
        z0_ohm: s.z0,
        ideal: s.ideal,
        z_ideal_pu: s.z_ideal_pu,
        base_mva: s.base_mva,
        scan: s.scan,
        sequence: s.sequence,
        shapes: s.shapes,
    };
    ctx.add(id, element);
    Ok(())
}

#[derive(Clone)]
struct Current {
    buses: [Option<BusRef>; 2],
    n_phases: usize,
    i_a: f64,
    angle_deg: f64,
    frequency_hz: f64,
    scan: SequenceType,
    sequence: SequenceType,
    shapes: Shapes,
    base_frequency_hz: f64,
}

fn current_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Current> {
    use isource::Property as P;
    let object = ctx.store.get(id);
    let mut s = Current {
        buses: [None, None],
        n_phases: 3,
        i_a: 0.0,
        angle_deg: 0.0,
        frequency_hz: object.defaults.base_frequency_hz,
        scan: SequenceType::Positive,
        sequence: SequenceType::Positive,
        shapes: Shapes::default(),
        base_frequency_hz: object.defaults.base_frequency_hz,
    };
    for a in ctx.log_before(object, command) {
        match (P::of(a.property), &a.value) {
            (P::Bus1, Value::Bus(bus)) => s.buses = [Some(BusRef::clone(bus)), Some(earth_side(bus, s.n_phases))],
            (P::Bus2, Value::Bus(bus)) => s.buses[1] = Some(BusRef::clone(bus)),
            (P::Amps, Value::Real(x)) => s.i_a = *x,
            (P::Angle, Value::Real(x)) => s.angle_deg = *x,
            (P::Frequency, Value::Real(x)) => s.frequency_hz = *x,
            (P::Phases, Value::Integer(n)) => s.n_phases = ctx.phases(object, a, *n)?,
            (P::ScanType, Value::Enum(n)) => s.scan = sequence_type(*n, true),
            (P::Sequence, Value::Enum(n)) => s.sequence = sequence_type(*n, false),
            (P::Yearly, _) => s.shapes.yearly = ctx.reference(object, a)?,
            (P::Daily, _) => {
                s.shapes.daily = ctx.reference(object, a)?;
                s.shapes.yearly = s.shapes.yearly.or(s.shapes.daily);
            }
            (P::Duty, _) => s.shapes.duty = ctx.reference(object, a)?,
            (P::BaseFreq, Value::Real(x)) => s.base_frequency_hz = *x,
            (P::Spectrum | P::Enabled, _) => {}
            (P::Like, _) => {
                if let Some(other) = ctx.like(object, a)? {
                    let own = s;
                    s = current_before(ctx, other, a.command)?;
                    s.buses = own.buses;
                }
            }
            _ => return Err(ctx.mismatch(object, a)),
        }
    }
    Ok(s)
}

pub fn lower_current(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let object = ctx.store.get(id);
    let s = current_before(ctx, id, END)?;
    let mut common = ctx.common(object, s.n_phases);
    common.base_frequency_hz = s.base_frequency_hz;
    for (i, bus) in s.buses.iter().enumerate() {
        common.terminals.push(ctx.terminal(object, i, bus.as_ref(), s.n_phases, s.n_phases)?);
    }
    common.spectrum = ctx.spectrum(object, isource::Property::Spectrum as u16, "default")?;
    let element = network::CurrentSource {
        common,
        i_a: s.i_a,
        angle_deg: s.angle_deg,
        frequency_hz: s.frequency_hz,
        scan: s.scan,
        sequence: s.sequence,
        shapes: s.shapes,
    };
    ctx.add(id, element);
    Ok(())
}
