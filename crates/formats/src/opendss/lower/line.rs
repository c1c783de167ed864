//! Lines and line codes.
//!
//! A line's impedance has one of five sources, and each property that names one lets go of the
//! others: a line code (copied when it is assigned), symmetrical components, matrices, a geometry, a
//! spacing with wires. Components and matrices are kept beside each other as OpenDSS does: the
//! matrices follow the components when those change, and the last kind to be set is the one used.

use network::{ConductorId, EarthModel, LengthUnit, LineCodeData, LineCodeId, LineGeometryId, LineImpedance, LineSpacingId, Rating};
use num_complex::Complex64;

use super::conductor::{geometry_before, spacing_before, wire_rating};
use super::{Context, END, Result, finish_rating, length_unit, line_type, resize_ratings, take_rows};
use crate::opendss::class::ClassId;
use crate::opendss::class::delivery::line;
use crate::opendss::class::general::line_code;
use crate::opendss::object::{Assignment, BusRef, Object, ObjectId, Value};

/// Length in unit `to` of one unit `from`; 1 where either is not known.
fn conversion(from: LengthUnit, to: LengthUnit) -> f64 {
    if from == LengthUnit::None || to == LengthUnit::None { 1.0 } else { from.metres() / to.metres() }
}

/// Symmetrical components per unit of length; capacitances in nF.
#[derive(Clone, Copy)]
struct Sequence {
    z1: Complex64,
    z0: Complex64,
    c1: f64,
    c0: f64,
}

/// OpenDSS's default line, per kilofoot.
const DEFAULT_SEQUENCE: Sequence = Sequence { z1: Complex64::new(0.058, 0.1206), z0: Complex64::new(0.1784, 0.4047), c1: 3.4, c0: 1.6 };

/// Phase matrices per unit of length, row-major; capacitance in nF.
#[derive(Clone, Default)]
struct Matrices {
    n: usize,
    r: Vec<f64>,
    x: Vec<f64>,
    c: Vec<f64>,
}

impl Matrices {
    fn of(sequence: Sequence, n: usize) -> Self {
        let self_z = (2.0 * sequence.z1 + sequence.z0) / 3.0;
        let mutual_z = (sequence.z0 - sequence.z1) / 3.0;
        let self_c = (2.0 * sequence.c1 + sequence.c0) / 3.0;
        let mutual_c = (sequence.c0 - sequence.c1) / 3.0;
        let fill = |diagonal: f64, other: f64| -> Vec<f64> { (0..n * n).map(|i| if i / n == i % n { diagonal } else { other }).collect() };
        Matrices { n, r: fill(self_z.re, mutual_z.re), x: fill(self_z.im, mutual_z.im), c: fill(self_c, mutual_c) }
    }

    fn z(&self) -> Vec<Complex64> {
        self.r.iter().zip(&self.x).map(|(&r, &x)| Complex64::new(r, x)).collect()
    }
}

/// A line code under construction.
#[derive(Clone)]
struct Code {
    n_phases: usize,
    sequence: Sequence,
    matrices: Matrices,
    symmetric: bool,
    unit: LengthUnit,
    base_frequency_hz: f64,
    rating: Rating,
    reliability: network::Reliability,
    earth_r: f64,
    earth_x: f64,
    rho: f64,
    neutral: usize,
    line_type: i32,
}

impl Code {
    /// A capacitance matrix became susceptances when it was set: a base frequency named afterwards leaves those as
    /// they are. Components are worked out at the end of the command, with the frequency of then.
    fn set_base_frequency(&mut self, frequency_hz: f64) {
        if !self.symmetric && frequency_hz > 0.0 {
            let ratio = self.base_frequency_hz / frequency_hz;
            self.matrices.c.iter_mut().for_each(|c| *c *= ratio);
        }
        self.base_frequency_hz = frequency_hz;
    }
}

fn code_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Code> {
    use line_code::Property as P;
    let object = ctx.store.get(id);
    let mut code = Code {
        n_phases: 3,
        sequence: DEFAULT_SEQUENCE,
        matrices: Matrices::of(DEFAULT_SEQUENCE, 3),
        symmetric: true,
        unit: LengthUnit::None,
        base_frequency_hz: object.defaults.base_frequency_hz,
        rating: Rating { normal_a: 400.0, emergency_a: 600.0, seasonal_a: vec![400.0] },
        reliability: network::Reliability { fault_rate: 0.1, permanent_pct: 20.0, repair_h: 0.0 },
        earth_r: 0.01805,
        earth_x: 0.155081,
        rho: 100.0,
        neutral: 3,
        line_type: 1,
    };
    let log = ctx.log_before(object, command);
    for (i, a) in log.iter().enumerate() {
        let property = P::of(a.property);
        match (property, &a.value) {
            (P::NPhases, Value::Integer(n)) => {
                let n = ctx.phases(object, a, *n)?;
                if n != code.n_phases {
                    code.n_phases = n;
                    code.neutral = n;
                    code.matrices = Matrices::of(code.sequence, n);
                }
                code.symmetric = true;
            }
            (P::R1, Value::Real(x)) => (code.sequence.z1.re, code.symmetric) = (*x, true),
            (P::X1, Value::Real(x)) => (code.sequence.z1.im, code.symmetric) = (*x, true),
            (P::R0, Value::Real(x)) => (code.sequence.z0.re, code.symmetric) = (*x, true),
            (P::X0, Value::Real(x)) => (code.sequence.z0.im, code.symmetric) = (*x, true),
            (P::C1, Value::Real(x)) => (code.sequence.c1, code.symmetric) = (*x, true),
            // Alone among the components, c0 does not call the matrices off.
            (P::C0, Value::Real(x)) => code.sequence.c0 = *x,
            (P::B1, Value::Real(x)) => (code.sequence.c1, code.symmetric) = (capacitance_nf(*x, code.base_frequency_hz), true),
            (P::B0, Value::Real(x)) => (code.sequence.c0, code.symmetric) = (capacitance_nf(*x, code.base_frequency_hz), true),
            (P::Units, Value::Enum(n)) => code.unit = length_unit(*n),
            (P::RMatrix | P::XMatrix | P::CMatrix, Value::Matrix(rows)) => {
                let matrix = take_rows(ctx, object, a, rows, code.n_phases)?;
                match property {
                    P::RMatrix => code.matrices.r = matrix,
                    P::XMatrix => code.matrices.x = matrix,
                    _ => code.matrices.c = matrix,
                }
                code.symmetric = false;
            }
            (P::BaseFreq, Value::Real(x)) => code.set_base_frequency(*x),
            (P::NormAmps, Value::Real(x)) => code.rating.normal_a = *x,
            (P::EmergAmps, Value::Real(x)) => code.rating.emergency_a = *x,
            (P::FaultRate, Value::Real(x)) => code.reliability.fault_rate = *x,
            (P::PctPerm, Value::Real(x)) => code.reliability.permanent_pct = *x,
            (P::Repair, Value::Real(x)) => code.reliability.repair_h = *x,
            (P::Kron, Value::Boolean(reduce)) => {
                if *reduce {
                    eliminate_neutral(ctx, object, a, &mut code)?;
                }
            }
            (P::Rg, Value::Real(x)) => code.earth_r = *x,
            (P::Xg, Value::Real(x)) => code.earth_x = *x,
            (P::Rho, Value::Real(x)) => code.rho = *x,
            (P::Neutral, Value::Integer(n)) => {
                code.neutral = usize::try_from(*n).ok().filter(|&n| n <= code.n_phases).ok_or_else(|| {
                    ctx.property_error(object, a, "READ.OPENDSS.BAD_VALUE", format!("conductor {n} of {}", code.n_phases))
                })?;
            }
            (P::Seasons, Value::Integer(n)) => resize_ratings(&mut code.rating.seasonal_a, *n),
            (P::Ratings, Value::Reals(x)) => code.rating.seasonal_a = x.to_vec(),
            (P::LineType, Value::Enum(n)) => code.line_type = *n,
            (P::Like, _) => {
                if let Some(other) = ctx.like(object, a)? {
                    // Unit, line type, seasonal ratings and the kind of data stay this code's own.
                    let other = code_before(ctx, other, a.command)?;
                    code = Code {
                        symmetric: code.symmetric,
                        unit: code.unit,
                        line_type: code.line_type,
                        rating: Rating { seasonal_a: code.rating.seasonal_a, ..other.rating },
                        ..other
                    };
                }
            }
            _ => return Err(ctx.mismatch(object, a)),
        }
        let last_of_command = log.get(i + 1).is_none_or(|next| next.command != a.command);
        if last_of_command && code.symmetric {
            code.matrices = Matrices::of(code.sequence, code.n_phases);
        }
    }
    Ok(code)
}

/// Capacitance in nF from a susceptance in µS at a frequency.
fn capacitance_nf(b_us: f64, frequency_hz: f64) -> f64 {
    b_us * 1e-6 / (std::f64::consts::TAU * frequency_hz) * 1e9
}

/// Kron reduction of the neutral: the impedance for no voltage along it, the capacitance for none
/// against earth, which is that of the remaining part of the potential coefficients' inverse.
fn eliminate_neutral(ctx: &Context<'_>, object: &Object, a: &Assignment, code: &mut Code) -> Result<()> {
    let n = code.n_phases;
    if code.symmetric || code.neutral == 0 || n < 2 {
        return Ok(());
    }
    let k = code.neutral - 1;
    let z = code.matrices.z();
    let kept: Vec<usize> = (0..n).filter(|&i| i != k).collect();
    let pairs: Vec<(usize, usize)> = kept.iter().flat_map(|&i| kept.iter().map(move |&j| (i, j))).collect();
    let singular = || ctx.property_error(object, a, "READ.LINE.SINGULAR_IMPEDANCE", "the neutral cannot be eliminated");
    if z[k * n + k].norm() == 0.0 {
        return Err(singular());
    }
    let reduced: Vec<Complex64> = pairs.iter().map(|&(i, j)| z[i * n + j] - z[i * n + k] * z[k * n + j] / z[k * n + k]).collect();
    // Reducing the inverse and inverting back drops the neutral's row and column.
    let c: Vec<f64> = pairs.iter().map(|&(i, j)| code.matrices.c[i * n + j]).collect();
    if is_singular(&code.matrices.c.iter().map(|&c| Complex64::new(c, 0.0)).collect::<Vec<_>>(), n) {
        return Err(singular());
    }
    code.matrices = Matrices { n: n - 1, r: reduced.iter().map(|z| z.re).collect(), x: reduced.iter().map(|z| z.im).collect(), c };
    code.n_phases = n - 1;
    code.neutral = 0;
    Ok(())
}

pub fn lower_code(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let object = ctx.store.get(id);
    let code = code_before(ctx, id, END)?;
    let data = if code.symmetric {
        let Sequence { z1, z0, c1, c0 } = code.sequence;
        LineCodeData::Sequence { z1_ohm: z1, z0_ohm: z0, c1_nf: c1, c0_nf: c0 }
    } else {
        LineCodeData::Matrix { z_ohm: code.matrices.z(), c_nf: code.matrices.c }
    };
    ctx.network.line_codes.push(network::LineCode {
        name: object.name.to_string(),
        n_phases: code.n_phases,
        unit: code.unit,
        base_frequency_hz: code.base_frequency_hz,
        data,
        rating: finish_rating(code.rating),
        reliability: code.reliability,
        earth_r_ohm: code.earth_r,
        earth_x_ohm: code.earth_x,
        rho_ohm_m: code.rho,
        neutral: code.neutral,
        line_type: line_type(code.line_type),
    });
    Ok(())
}

/// A line under construction.
#[derive(Clone)]
struct Line {
    buses: [Option<BusRef>; 2],
    n_phases: usize,
    sequence: Sequence,
    matrices: Matrices,
    /// The components are the ones used, rather than the matrices.
    symmetric: bool,
    /// The components changed after the matrices were made from them.
    components_changed: bool,
    /// What the capacitances in use count for, since susceptances were made of them at an earlier base frequency.
    capacitance_factor: f64,
    /// `ln(658.5 √(ρ/f))` of the earth's return path when its reactance or resistivity was last set.
    earth_depth_ln: f64,
    capacitance_given: bool,
    code: Option<ObjectId>,
    code_unit: LengthUnit,
    geometry: Option<ObjectId>,
    spacing: Option<(ObjectId, usize, usize)>,
    wires: Vec<Option<ObjectId>>,
    /// The phase conductors of the spacing are cables, so wires are neutrals beside them.
    cables: bool,
    length: f64,
    unit: LengthUnit,
    /// Length in `unit` of one unit of the per-length data.
    units_convert: f64,
    earth_r: f64,
    earth_x: f64,
    rho: f64,
    rho_given: bool,
    rating: Rating,
    rating_given_after_wires: bool,
    reliability: network::Reliability,
    base_frequency_hz: f64,
    earth_model: i32,
    is_switch: bool,
    line_type: i32,
}

impl Line {
    fn new(object: &Object) -> Self {
        Line {
            buses: [None, None],
            n_phases: 3,
            sequence: DEFAULT_SEQUENCE,
            matrices: Matrices::of(DEFAULT_SEQUENCE, 3),
            symmetric: true,
            components_changed: false,
            capacitance_factor: 1.0,
            earth_depth_ln: depth_ln(100.0, object.defaults.base_frequency_hz),
            capacitance_given: false,
            code: None,
            code_unit: LengthUnit::None,
            geometry: None,
            spacing: None,
            wires: Vec::new(),
            cables: false,
            length: 1.0,
            unit: LengthUnit::None,
            units_convert: 1.0,
            earth_r: 0.01805,
            earth_x: 0.155081,
            rho: 100.0,
            rho_given: false,
            rating: Rating { normal_a: 400.0, emergency_a: 600.0, seasonal_a: vec![400.0] },
            rating_given_after_wires: false,
            reliability: network::Reliability { fault_rate: 0.1, permanent_pct: 20.0, repair_h: 3.0 },
            base_frequency_hz: object.defaults.base_frequency_hz,
            earth_model: object.defaults.earth_model,
            is_switch: false,
            line_type: 1,
        }
    }

    /// Makes the matrices from the components; one phase has only one sequence.
    fn update_matrices(&mut self) {
        if self.n_phases == 1 {
            self.sequence.z0 = self.sequence.z1;
            self.sequence.c0 = self.sequence.c1;
        }
        self.matrices = Matrices::of(self.sequence, self.n_phases);
        self.components_changed = false;
        self.capacitance_factor = 1.0;
    }

    /// The frequency of data that are already there as susceptances, or as the earth's return path, stays what it was.
    fn set_base_frequency(&mut self, frequency_hz: f64) {
        if frequency_hz > 0.0 {
            self.capacitance_factor *= self.base_frequency_hz / frequency_hz;
        }
        self.base_frequency_hz = frequency_hz;
    }

    fn update_earth_depth(&mut self) {
        self.earth_depth_ln = depth_ln(self.rho, self.base_frequency_hz);
    }

    fn drop_spacing(&mut self) {
        self.spacing = None;
        self.wires.clear();
        self.cables = false;
    }

    fn reset_unit(&mut self) {
        self.units_convert = 1.0;
        self.unit = LengthUnit::None;
    }

    /// A component was set: it replaces whatever else told the impedance.
    fn use_components(&mut self) {
        self.code = None;
        self.geometry = None;
        self.drop_spacing();
        self.reset_unit();
        self.components_changed = true;
        self.symmetric = true;
    }
}

/// `ln(658.5 √(ρ/f))`, which the reactance of the earth's return path is divided by for other frequencies.
fn depth_ln(rho_ohm_m: f64, frequency_hz: f64) -> f64 {
    (658.5 * (rho_ohm_m / frequency_hz).sqrt()).ln()
}

/// Command and resistivity of each time a line told a geometry its resistivity.
pub type GeometryRho = Vec<(ObjectId, u32, f64)>;

fn line_before(ctx: &Context<'_>, id: ObjectId, command: u32, rho_events: &mut GeometryRho) -> Result<Line> {
    use line::Property as P;
    let object = ctx.store.get(id);
    let mut line = Line::new(object);
    for a in ctx.log_before(object, command) {
        let property = P::of(a.property);
        match (property, &a.value) {
            (P::Bus1, Value::Bus(bus)) => line.buses[0] = Some(BusRef::clone(bus)),
            (P::Bus2, Value::Bus(bus)) => line.buses[1] = Some(BusRef::clone(bus)),
            (P::LineCode, _) => {
                line.code = ctx.referenced(object, a)?;
                if let Some(code) = line.code {
                    take_code(ctx, &mut line, code, a.command)?;
                }
            }
            (P::Length, Value::Real(x)) => line.length = *x,
            (P::Phases, Value::Integer(n)) => {
                let n = ctx.phases(object, a, *n)?;
                if n != line.n_phases {
                    if line.geometry.is_some() || !line.symmetric {
                        return Err(ctx.property_error(
                            object,
                            a,
                            "READ.LINE.PHASES_CHANGED",
                            format!("{n} phases, but its impedance was given for {}", line.n_phases),
                        ));
                    }
                    line.n_phases = n;
                    line.update_matrices();
                }
            }
            (P::R1 | P::X1 | P::R0 | P::X0 | P::C1 | P::C0 | P::B1 | P::B0, Value::Real(x)) => {
                let capacitance = capacitance_nf(*x, line.base_frequency_hz);
                match property {
                    P::R1 => line.sequence.z1.re = *x,
                    P::X1 => line.sequence.z1.im = *x,
                    P::R0 => line.sequence.z0.re = *x,
                    P::X0 => line.sequence.z0.im = *x,
                    P::C1 => line.sequence.c1 = *x,
                    P::C0 => line.sequence.c0 = *x,
                    P::B1 => line.sequence.c1 = capacitance,
                    _ => line.sequence.c0 = capacitance,
                }
                line.capacitance_given |= matches!(property, P::C1 | P::C0 | P::B1 | P::B0);
                line.use_components();
            }
            (P::RMatrix | P::XMatrix | P::CMatrix, Value::Matrix(rows)) => {
                let matrix = take_rows(ctx, object, a, rows, line.n_phases)?;
                if line.matrices.n != line.n_phases {
                    line.matrices = Matrices::of(line.sequence, line.n_phases);
                }
                match property {
                    P::RMatrix => line.matrices.r = matrix,
                    P::XMatrix => line.matrices.x = matrix,
                    _ => (line.matrices.c, line.capacitance_given, line.capacitance_factor) = (matrix, true, 1.0),
                }
                line.code = None;
                line.symmetric = false;
                line.reset_unit();
                line.geometry = None;
                line.drop_spacing();
            }
            (P::Switch, Value::Boolean(on)) => {
                line.is_switch = *on;
                if *on {
                    line.components_changed = true;
                    line.code = None;
                    line.geometry = None;
                    line.drop_spacing();
                    line.sequence = Sequence { z1: Complex64::new(1.0, 1.0), z0: Complex64::new(1.0, 1.0), c1: 1.1, c0: 1.0 };
                    line.length = 0.001;
                    line.reset_unit();
                }
            }
            (P::Rg, Value::Real(x)) => line.earth_r = *x,
            (P::Xg, Value::Real(x)) => {
                line.earth_x = *x;
                line.update_earth_depth();
            }
            (P::Rho, Value::Real(x)) => {
                (line.rho, line.rho_given) = (*x, true);
                line.update_earth_depth();
                if let Some(geometry) = line.geometry {
                    rho_events.push((geometry, a.command, *x));
                }
            }
            (P::Geometry, _) => {
                line.geometry = ctx.referenced(object, a)?;
                if let Some(id) = line.geometry {
                    let geometry = geometry_before(ctx, id, a.command)?;
                    line.code = None;
                    line.drop_spacing();
                    if line.rho_given {
                        rho_events.push((id, a.command, line.rho));
                    }
                    line.n_phases = geometry.n_line_conductors();
                    line.rating = geometry.rating;
                    line.line_type = geometry.line_type;
                    line.symmetric = false;
                    line.components_changed = false;
                    if line.n_phases == 0 {
                        return Err(ctx.property_error(object, a, "READ.OPENDSS.BAD_VALUE", "the geometry has no phases"));
                    }
                }
            }
            (P::Units, Value::Enum(n)) => {
                let unit = length_unit(*n);
                line.units_convert = match line.code {
                    Some(_) => conversion(line.code_unit, unit),
                    None => line.units_convert * conversion(line.unit, unit),
                };
                line.unit = unit;
            }
            (P::Spacing, _) => {
                match ctx.referenced(object, a)? {
                    Some(id) => {
                        let spacing = spacing_before(ctx, id, a.command)?;
                        line.code = None;
                        line.geometry = None;
                        line.n_phases = ctx.phases(object, a, spacing.n_phases as i32)?;
                        line.spacing = Some((id, spacing.n_conductors, spacing.n_phases));
                        line.wires = vec![None; spacing.n_conductors];
                    }
                    None => line.drop_spacing(),
                }
                strung(&mut line);
            }
            (P::Wires | P::CNCables | P::TSCables, Value::Objects(names)) => {
                string_wires(ctx, object, a, property, names, &mut line)?;
                strung(&mut line);
            }
            (P::EarthModel, Value::Enum(n)) => line.earth_model = *n,
            (P::Seasons, Value::Integer(n)) => {
                resize_ratings(&mut line.rating.seasonal_a, *n);
                line.rating_given_after_wires = true;
            }
            (P::Ratings, Value::Reals(x)) => (line.rating.seasonal_a, line.rating_given_after_wires) = (x.to_vec(), true),
            (P::NormAmps, Value::Real(x)) => (line.rating.normal_a, line.rating_given_after_wires) = (*x, true),
            (P::EmergAmps, Value::Real(x)) => (line.rating.emergency_a, line.rating_given_after_wires) = (*x, true),
            (P::LineType, Value::Enum(n)) => line.line_type = *n,
            (P::FaultRate, Value::Real(x)) => line.reliability.fault_rate = *x,
            (P::PctPerm, Value::Real(x)) => line.reliability.permanent_pct = *x,
            (P::Repair, Value::Real(x)) => line.reliability.repair_h = *x,
            (P::BaseFreq, Value::Real(x)) => line.set_base_frequency(*x),
            (P::Enabled, _) => {}
            (P::Like, _) => {
                if let Some(other) = ctx.like(object, a)? {
                    let other = line_before(ctx, other, a.command, &mut Vec::new())?;
                    if other.geometry.is_some() || other.spacing.is_some() {
                        return Err(ctx.property_error(
                            object,
                            a,
                            "READ.OPENDSS.UNSUPPORTED_PROPERTY",
                            "a line made from a geometry or spacing cannot be copied: name the geometry itself",
                        ));
                    }
                    line.n_phases = other.n_phases;
                    line.matrices = other.matrices;
                    line.sequence = other.sequence;
                    line.length = other.length;
                    line.symmetric = other.symmetric;
                    line.components_changed = other.components_changed;
                    line.capacitance_given = other.capacitance_given;
                    line.set_base_frequency(other.base_frequency_hz);
                    line.capacitance_factor = other.capacitance_factor;
                    line.rating = Rating { seasonal_a: line.rating.seasonal_a, ..other.rating };
                    line.reliability = other.reliability;
                }
            }
            _ => return Err(ctx.mismatch(object, a)),
        }
    }
    Ok(line)
}

/// Copies a line code as it stood before `command`.
fn take_code(ctx: &Context<'_>, line: &mut Line, id: ObjectId, command: u32) -> Result<()> {
    let code = code_before(ctx, id, command)?;
    line.base_frequency_hz = code.base_frequency_hz;
    line.symmetric = code.symmetric;
    line.n_phases = code.n_phases;
    (line.earth_r, line.earth_x, line.rho) = (code.earth_r, code.earth_x, code.rho);
    line.update_earth_depth();
    line.capacitance_factor = 1.0;
    line.code_unit = code.unit;
    line.units_convert = conversion(code.unit, line.unit);
    line.rating = code.rating;
    line.line_type = code.line_type;
    if code.symmetric {
        line.sequence = code.sequence;
        line.update_matrices();
    } else {
        line.matrices = code.matrices;
    }
    line.drop_spacing();
    line.geometry = None;
    Ok(())
}

/// After a spacing or its wires were set: they tell the impedance.
fn strung(line: &mut Line) {
    if line.spacing.is_some() {
        line.symmetric = false;
        line.components_changed = false;
        line.geometry = None;
        line.rating_given_after_wires = false;
    }
}

fn string_wires(
    ctx: &Context<'_>,
    object: &Object,
    a: &Assignment,
    property: line::Property,
    names: &[std::sync::Arc<str>],
    line: &mut Line,
) -> Result<()> {
    use line::Property as P;
    let Some((_, n_conductors, n_phases)) = line.spacing else {
        return Err(ctx.property_error(object, a, "READ.OPENDSS.BAD_VALUE", "the spacing must be named before what hangs in it"));
    };
    let class = match property {
        P::Wires => ClassId::WireData,
        P::CNCables => ClassId::CnData,
        _ => ClassId::TsData,
    };
    line.code = None;
    line.geometry = None;
    let first = if class == ClassId::WireData && line.cables { n_phases.min(n_conductors) } else { 0 };
    let expected = n_conductors - first;
    let fits = if class == ClassId::WireData { names.len() == expected } else { names.len() <= expected };
    if !fits {
        return Err(ctx.property_error(
            object,
            a,
            "READ.OPENDSS.BAD_VALUE",
            format!("{} conductors for {expected} positions of the spacing", names.len()),
        ));
    }
    let mut seasonal_a: Vec<f64> = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let wire = ctx.named(object, a, class, name)?;
        line.wires[first + i] = wire;
        if let (ClassId::WireData, Some(wire)) = (class, wire) {
            let rating = wire_rating(ctx, wire, a.command)?;
            if rating.seasonal_a.len() > seasonal_a.len().max(1) {
                seasonal_a = rating.seasonal_a;
            }
            (line.rating.normal_a, line.rating.emergency_a) = (rating.normal_a, rating.emergency_a);
        }
    }
    if !seasonal_a.is_empty() {
        line.rating.seasonal_a = seasonal_a;
    }
    line.cables |= class != ClassId::WireData;
    Ok(())
}

pub fn lower(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let object = ctx.store.get(id);
    let mut rho_events = Vec::new();
    let mut line = line_before(ctx, id, END, &mut rho_events)?;
    ctx.geometry_rho.append(&mut rho_events);
    if line.components_changed {
        // The default capacitance is per kilofoot, whatever the unit of length.
        if !line.capacitance_given {
            let scale = conversion(LengthUnit::Kilofoot, line.unit);
            line.sequence.c1 /= scale;
            line.sequence.c0 /= scale;
        }
        line.update_matrices();
    }

    line.sequence.c1 *= line.capacitance_factor;
    line.sequence.c0 *= line.capacitance_factor;
    line.matrices.c.iter_mut().for_each(|c| *c *= line.capacitance_factor);

    let mut common = ctx.common(object, line.n_phases);
    common.base_frequency_hz = line.base_frequency_hz;
    for (i, bus) in line.buses.iter().enumerate() {
        common.terminals.push(ctx.terminal(object, i, bus.as_ref(), line.n_phases, line.n_phases)?);
    }
    common.reliability = line.reliability;
    let mut singular = false;
    let impedance = if let Some(geometry) = line.geometry {
        LineImpedance::Geometry { geometry: LineGeometryId::from(ctx.place(geometry)) }
    } else if let Some((spacing, ..)) = line.spacing {
        let mut conductors = Vec::with_capacity(line.wires.len());
        for (i, wire) in line.wires.iter().enumerate() {
            let Some(wire) = wire else {
                return Err(ctx.error(
                    object,
                    object.source,
                    "READ.OPENDSS.MISSING_CONDUCTOR",
                    format!("position {} of the spacing has no wire or cable", i + 1),
                ));
            };
            conductors.push(ConductorId::from(ctx.place(*wire)));
        }
        if !line.rating_given_after_wires
            && let Some(Some(first)) = line.wires.first()
        {
            let rating = wire_rating(ctx, *first, END)?;
            (line.rating.normal_a, line.rating.emergency_a) = (rating.normal_a, rating.emergency_a);
        }
        LineImpedance::Spacing { spacing: LineSpacingId::from(ctx.place(spacing)), conductors }
    } else if line.symmetric {
        let Sequence { z1, z0, c1, c0 } = line.sequence;
        singular = is_singular(&line.matrices.z(), line.n_phases);
        LineImpedance::Sequence { z1_ohm: z1, z0_ohm: z0, c1_nf: c1, c0_nf: c0 }
    } else {
        let z = line.matrices.z();
        singular = is_singular(&z, line.n_phases);
        LineImpedance::Matrix { z_ohm: z, c_nf: line.matrices.c }
    };
    if line.length == 0.0 && object.enabled {
        let at = object.last(line::Property::Length as u16).map_or(object.source, |a| a.source);
        ctx.fault(object, at, "READ.LINE.ZERO_LENGTH", "length is zero, so the line has no impedance");
    } else if singular && object.enabled {
        ctx.fault(object, object.source, "READ.LINE.SINGULAR_IMPEDANCE", "impedance matrix is singular");
    }
    if !line.length.is_finite() {
        return Err(ctx.error(object, object.source, "READ.OPENDSS.BAD_VALUE", "length is not a finite number"));
    }
    common.rating = finish_rating(line.rating);
    let element = network::Line {
        common,
        length: line.length,
        length_unit: line.unit,
        unit_factor: 1.0 / line.units_convert,
        impedance,
        earth_r_ohm: line.earth_r,
        // The ratio of the reactance to the depth's logarithm is what matters; it is that of when they were set.
        earth_x_ohm: line.earth_x * depth_ln(line.rho, line.base_frequency_hz) / line.earth_depth_ln,
        // A geometry's resistivity is settled when all lines are read: they share it.
        rho_ohm_m: if line.spacing.is_some() && !line.rho_given { 100.0 } else { line.rho },
        earth_model: earth_model(line.earth_model),
        is_switch: line.is_switch,
        line_code: line.code.map(|id| LineCodeId::from(ctx.place(id))),
        line_type: line_type(line.line_type),
    };
    ctx.add(id, element);
    Ok(())
}

/// The earth model of a number of [`EARTH_MODEL`](crate::opendss::class::enums::EARTH_MODEL).
pub fn earth_model(number: i32) -> EarthModel {
    match number {
        1 => EarthModel::Carson,
        2 => EarthModel::FullCarson,
        _ => EarthModel::Deri,
    }
}

/// Gives lines of a geometry the resistivity that the last line told the geometry; 100 ohm m if none did.
pub fn settle_geometry_rho(ctx: &mut Context<'_>) {
    let mut rho = vec![(0, 100.0); ctx.network.line_geometries.len()];
    for &(geometry, command, value) in &ctx.geometry_rho {
        let place = ctx.place(geometry);
        if command >= rho[place].0 {
            rho[place] = (command, value);
        }
    }
    for line in &mut ctx.network.lines {
        if let LineImpedance::Geometry { geometry } = line.impedance {
            line.rho_ohm_m = rho[geometry.index()].1;
        }
    }
}

/// Whether a square matrix has no inverse, by elimination with row exchanges; a pivot counts as zero
/// when it is 1e-13 of the largest entry.
fn is_singular(matrix: &[Complex64], n: usize) -> bool {
    let mut a = matrix.to_vec();
    let scale = a.iter().map(|z| z.norm()).fold(0.0, f64::max);
    if !(scale > 0.0 && scale.is_finite()) {
        return true;
    }
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[i * n + k].norm().total_cmp(&a[j * n + k].norm())).unwrap_or(k);
        if a[pivot * n + k].norm() <= 1e-13 * scale {
            return true;
        }
        for j in 0..n {
            a.swap(k * n + j, pivot * n + j);
        }
        for i in k + 1..n {
            let factor = a[i * n + k] / a[k * n + k];
            for j in k..n {
                let above = a[k * n + j];
                a[i * n + j] -= factor * above;
            }
        }
    }
    false
}
