//! Loads.
//!
//! OpenDSS keeps which of its size properties came last and derives the others at the end of every
//! command:
//!
//! ```text
//! kW                        kvar = kW sqrt(1/pf² - 1), signed as pf
//! kvar                      pf = kW / sqrt(kW² + kvar²), negative where P and Q differ in sign
//! kVA                       kW = kVA |pf|, kvar from kW and pf
//! xfkVA, allocationfactor   kW = xfkVA factor |pf| at once, kvar from kW and pf
//! kWh, kWhdays, Cfactor     kW = kWh / (24 days) Cfactor at once, kvar from kW and pf
//! ```
//!
//! A `pf` after `kvar` therefore changes nothing, and a `pf` after `xfkVA` in the same command leaves kW
//! as it was. Source: `Load.pas` of DSS C-API; the tests hold the answers of 0.14.5.

use network::{Connection, GrowthShapeId, Load, LoadBasis, LoadModel, LoadShapeId, LoadStatus, Shapes};

use super::shape::load_shape_before;
use super::typed::{Given, NO_SHAPES, n_conductors};
use super::{Context, END, Result};
use crate::opendss::class::conversion::load::Property as P;
use crate::opendss::object::{Assignment, BusRef, Object, ObjectId, Value};

/// Which properties say how large the load is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Size {
    KwPf,
    KwKvar,
    KvaPf,
    TransformerKva,
    Energy,
}

#[derive(Debug, Clone)]
struct State {
    n_phases: usize,
    bus: Option<BusRef>,
    kv: f64,
    kw: f64,
    kvar: f64,
    kva: f64,
    pf: f64,
    /// The power factor was given, and no kvar since.
    pf_given: bool,
    /// The power factor was given in the present command.
    pf_changed: bool,
    size: Size,
    transformer_kva: f64,
    allocation_factor: f64,
    kwh: f64,
    days: f64,
    c_factor: f64,
    model: LoadModel,
    shapes: Shapes,
    growth: Option<GrowthShapeId>,
    cvr_curve: Option<LoadShapeId>,
    connection: Connection,
    r_neutral_ohm: f64,
    x_neutral_ohm: f64,
    status: LoadStatus,
    class: i32,
    n_customers: i32,
    v_min_pu: f64,
    v_max_pu: f64,
    v_low_pu: f64,
    v_min_normal_pu: f64,
    v_min_emergency_pu: f64,
    mean_pct: f64,
    stddev_pct: f64,
    cvr_p: f64,
    cvr_q: f64,
    zipv: Option<[f64; 7]>,
    series_rl_pct: f64,
    relative_weight: f64,
    x_harmonic_pu: f64,
    xr_harmonic: f64,
    spectrum: Option<network::SpectrumId>,
    base_frequency_hz: f64,
}

impl State {
    fn new(ctx: &Context<'_>, object: &Object) -> Self {
        let mut state = Self {
            n_phases: 3,
            bus: None,
            kv: 12.47,
            kw: 10.0,
            kvar: 5.0,
            kva: 10.0 / 0.88,
            pf: 0.88,
            pf_given: false,
            pf_changed: false,
            size: Size::KwPf,
            transformer_kva: 0.0,
            allocation_factor: 0.5,
            kwh: 0.0,
            days: 30.0,
            c_factor: 4.0,
            model: LoadModel::ConstantPq,
            shapes: NO_SHAPES,
            growth: None,
            cvr_curve: None,
            connection: Connection::Wye,
            r_neutral_ohm: -1.0,
            x_neutral_ohm: 0.0,
            status: LoadStatus::Variable,
            class: 1,
            n_customers: 1,
            v_min_pu: 0.95,
            v_max_pu: 1.05,
            v_low_pu: 0.5,
            v_min_normal_pu: 0.0,
            v_min_emergency_pu: 0.0,
            mean_pct: 50.0,
            stddev_pct: 10.0,
            cvr_p: 1.0,
            cvr_q: 2.0,
            zipv: None,
            series_rl_pct: 50.0,
            relative_weight: 1.0,
            x_harmonic_pu: 0.0,
            xr_harmonic: 6.0,
            spectrum: ctx.store.find(crate::opendss::class::ClassId::Spectrum, "defaultload").map(|id| ctx.place(id).into()),
            base_frequency_hz: object.defaults.base_frequency_hz,
        };
        state.end_command();
        state
    }

    fn kvar_of_pf(&self) -> f64 {
        let kvar = self.kw * (1.0 / (self.pf * self.pf) - 1.0).sqrt();
        if self.pf < 0.0 { -kvar } else { kvar }
    }

    /// What OpenDSS derives when a command on the load ends.
    fn end_command(&mut self) {
        match self.size {
            Size::KwPf => {
                self.kvar = self.kvar_of_pf();
                self.kva = self.kw.hypot(self.kvar);
            }
            Size::KwKvar => {
                self.kva = (self.kw * self.kw + self.kvar * self.kvar).sqrt();
                if self.kva > 0.0 {
                    self.pf = self.kw / self.kva;
                    if self.kvar != 0.0 {
                        let product = self.kw * self.kvar;
                        self.pf *= if product == 0.0 { 0.0 } else { product.signum() };
                    }
                }
            }
            Size::KvaPf => {
                self.kw = self.kva * self.pf.abs();
                self.kvar = self.kvar_of_pf();
            }
            Size::TransformerKva | Size::Energy => {
                if self.pf_changed {
                    self.kvar = self.kvar_of_pf();
                }
            }
        }
        self.pf_changed = false;
    }

    /// Works the size out of the transformer's rating or the energy, as each of their properties does.
    fn allocate(&mut self) {
        match self.size {
            Size::TransformerKva if self.transformer_kva > 0.0 => {
                self.kw = self.transformer_kva * self.allocation_factor * self.pf.abs();
                self.kvar = self.kvar_of_pf();
            }
            Size::Energy => {
                self.kw = self.kwh / (self.days * 24.0) * self.c_factor;
                self.kvar = self.kvar_of_pf();
            }
            _ => {}
        }
    }

    /// A shape of actual values gives the load its size.
    fn take_actual(&mut self, given: &Given<'_, '_>) -> Result<()> {
        let Some(shape) = given.ctx.referenced(given.object, given.assignment)? else { return Ok(()) };
        let shape = load_shape_before(given.ctx, shape, given.assignment.command)?;
        if shape.use_actual {
            (self.kw, self.kvar) = (shape.p_max, shape.q_max);
            self.size = if self.pf_given { Size::KwPf } else { Size::KwKvar };
        }
        Ok(())
    }

    fn assign(&mut self, given: &Given<'_, '_>) -> Result<()> {
        match P::of(given.assignment.property) {
            P::Phases => self.n_phases = given.phases()?,
            P::Bus1 => self.bus = Some(given.bus()?),
            P::KV => self.kv = given.real()?,
            P::KW => {
                self.kw = given.real()?;
                self.size = Size::KwPf;
            }
            P::PF => {
                self.pf = given.real()?;
                self.pf_given = true;
                self.pf_changed = true;
            }
            P::Model => self.model = model(given.integer()?),
            P::Yearly => {
                self.shapes.yearly = given.shape()?;
                self.take_actual(given)?;
            }
            P::Daily => {
                self.shapes.daily = given.shape()?;
                self.take_actual(given)?;
                if self.shapes.yearly.is_none() {
                    self.shapes.yearly = self.shapes.daily;
                }
            }
            P::Duty => {
                self.shapes.duty = given.shape()?;
                self.take_actual(given)?;
            }
            P::Growth => self.growth = given.reference()?,
            P::Conn => self.connection = given.connection()?,
            P::Kvar => {
                self.kvar = given.real()?;
                self.size = Size::KwKvar;
                self.pf_given = false;
            }
            P::RNeut => self.r_neutral_ohm = given.real()?,
            P::XNeut => self.x_neutral_ohm = given.real()?,
            P::Status => {
                self.status = match given.integer()? {
                    1 => LoadStatus::Fixed,
                    2 => LoadStatus::Exempt,
                    _ => LoadStatus::Variable,
                }
            }
            P::Class => self.class = given.integer()?,
            P::VMinpu => self.v_min_pu = given.real()?,
            P::VMaxpu => self.v_max_pu = given.real()?,
            P::VMinNorm => self.v_min_normal_pu = given.real()?,
            P::VMinEmerg => self.v_min_emergency_pu = given.real()?,
            P::XfkVA => {
                self.transformer_kva = given.real()?;
                self.size = Size::TransformerKva;
                self.allocate();
            }
            P::AllocationFactor => {
                self.allocation_factor = given.real()?;
                self.size = Size::TransformerKva;
                self.allocate();
            }
            P::KVA => {
                self.kva = given.real()?;
                self.size = Size::KvaPf;
            }
            P::PctMean => self.mean_pct = given.real()?,
            P::PctStdDev => self.stddev_pct = given.real()?,
            P::CVRWatts => self.cvr_p = given.real()?,
            P::CVRVars => self.cvr_q = given.real()?,
            P::KWh => {
                self.kwh = given.real()?;
                self.size = Size::Energy;
                self.allocate();
            }
            P::KWhDays => {
                self.days = given.real()?;
                self.size = Size::Energy;
                self.allocate();
            }
            P::CFactor => {
                self.c_factor = given.real()?;
                self.size = Size::Energy;
                self.allocate();
            }
            P::CVRCurve => self.cvr_curve = given.shape()?,
            P::NumCust => self.n_customers = given.integer()?,
            P::ZIPV => {
                let mut zipv = self.zipv.unwrap_or_default();
                zipv.iter_mut().zip(given.reals()?).for_each(|(to, from)| *to = *from);
                self.zipv = Some(zipv);
            }
            P::PctSeriesRL => self.series_rl_pct = given.real()?,
            P::RelWeight => self.relative_weight = given.real()?,
            P::VLowpu => self.v_low_pu = given.real()?,
            P::PuXHarm => self.x_harmonic_pu = given.real()?,
            P::XRHarm => self.xr_harmonic = given.real()?,
            P::Spectrum => self.spectrum = given.reference()?,
            P::BaseFreq => self.base_frequency_hz = given.real()?,
            P::Enabled => {}
            P::Like => {
                if let Some(other) = given.ctx.like(given.object, given.assignment)? {
                    let other = before(given.ctx, other, given.assignment.command)?;
                    *self = Self {
                        bus: self.bus.take(),
                        pf_given: self.pf_given,
                        pf_changed: self.pf_changed,
                        kwh: self.kwh,
                        days: self.days,
                        c_factor: self.c_factor,
                        v_min_normal_pu: self.v_min_normal_pu,
                        v_min_emergency_pu: self.v_min_emergency_pu,
                        mean_pct: self.mean_pct,
                        stddev_pct: self.stddev_pct,
                        x_harmonic_pu: self.x_harmonic_pu,
                        xr_harmonic: self.xr_harmonic,
                        ..other
                    };
                }
            }
        }
        Ok(())
    }
}

fn model(number: i32) -> LoadModel {
    match number {
        1 => LoadModel::ConstantPq,
        3 => LoadModel::Motor,
        4 => LoadModel::Cvr,
        5 => LoadModel::ConstantI,
        6 => LoadModel::ConstantPFixedQ,
        7 => LoadModel::ConstantPFixedX,
        8 => LoadModel::Zip,
        _ => LoadModel::ConstantZ,
    }
}

/// A load as it stood before `command`.
fn before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<State> {
    let object = ctx.store.get(id);
    let mut state = State::new(ctx, object);
    let log = ctx.log_before(object, command);
    for (i, a) in log.iter().enumerate() {
        if i > 0 && log[i - 1].command != a.command {
            state.end_command();
        }
        state.assign(&Given { ctx, object, assignment: a })?;
    }
    state.end_command();
    Ok(state)
}

/// Whether the log gives a value that cannot be one, such as a power factor of zero.
fn impossible(log: &[Assignment], state: &State) -> Option<(Assignment, &'static str)> {
    let last = |p: P| log.iter().rev().find(|a| a.property == p as u16).cloned();
    if !state.kw.is_finite() || !state.kvar.is_finite() {
        let at = last(P::PF).or_else(|| last(P::KWhDays)).or_else(|| log.last().cloned())?;
        return Some((at, "the load's size cannot be worked out: its power factor or its days are zero"));
    }
    if let Some(a) = last(P::KV)
        && matches!(a.value, Value::Real(kv) if kv == 0.0)
    {
        return Some((a, "the rated voltage of a load cannot be zero"));
    }
    None
}

pub fn lower_load(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let s = before(ctx, id, END)?;
    let object = ctx.store.get(id);
    if let Some((assignment, message)) = impossible(&object.log, &s) {
        return Err(ctx.property_error(object, &assignment, "READ.OPENDSS.BAD_VALUE", message));
    }
    let mut common = ctx.common(object, s.n_phases);
    common.base_frequency_hz = s.base_frequency_hz;
    common.spectrum = s.spectrum;
    common.terminals = vec![ctx.terminal(object, 0, s.bus.as_ref(), s.n_phases, n_conductors(s.connection, s.n_phases))?];
    let basis = match s.size {
        Size::TransformerKva => LoadBasis::TransformerKva { kva: s.transformer_kva, allocation_factor: s.allocation_factor },
        Size::Energy => LoadBasis::Energy { kwh: s.kwh, days: s.days, c_factor: s.c_factor },
        Size::KwPf | Size::KwKvar | Size::KvaPf => LoadBasis::Given,
    };
    ctx.add(
        id,
        Load {
            common,
            connection: s.connection,
            kv: s.kv,
            p_kw: s.kw,
            q_kvar: s.kvar,
            power_factor: s.pf,
            q_follows_pf: s.pf_given,
            model: s.model,
            unknown_model: None,
            basis,
            status: s.status,
            class: s.class,
            n_customers: s.n_customers.max(0) as u32,
            v_min_pu: s.v_min_pu,
            v_max_pu: s.v_max_pu,
            v_low_pu: s.v_low_pu,
            v_min_normal_pu: s.v_min_normal_pu,
            v_min_emergency_pu: s.v_min_emergency_pu,
            cvr_p_exponent: s.cvr_p,
            cvr_q_exponent: s.cvr_q,
            cvr_curve: s.cvr_curve,
            zipv: s.zipv,
            r_neutral_ohm: s.r_neutral_ohm,
            x_neutral_ohm: s.x_neutral_ohm,
            shapes: s.shapes,
            growth: s.growth,
            mean_pct: s.mean_pct,
            stddev_pct: s.stddev_pct,
            series_rl_pct: s.series_rl_pct,
            relative_weight: s.relative_weight,
            x_harmonic_pu: s.x_harmonic_pu,
            xr_harmonic: s.xr_harmonic,
        },
    );
    Ok(())
}
