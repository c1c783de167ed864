//! Generators.
//!
//! `kW` and `pf` set kvar from each other, `kvar` sets pf; each of the three sets the limits of
//! reactive power to twice the kvar, so limits count only when given after them. The rating is 1.2
//! times `kW` until `kVA` or `MVA` is given. The base voltage follows `kV` and `conn`, not `phases`. Source: `generator.pas` of DSS C-API; the tests hold the
//! answers of 0.14.5.

use network::{Connection, DispatchMode, FuelStock, Generator, Shapes};

use super::shape::load_shape_before;
use super::typed::{DEFAULT_SOURCE_BASE_V, Given, NO_SHAPES, n_conductors, source_base_v};
use super::{Context, END, Result};
use crate::opendss::class::ClassId;
use crate::opendss::class::conversion::generator::Property as P;
use crate::opendss::object::{BusRef, Object, ObjectId};

#[derive(Debug, Clone)]
struct State {
    n_phases: usize,
    bus: Option<BusRef>,
    kv: f64,
    base_v: f64,
    kw: f64,
    kvar: f64,
    pf: f64,
    kva: f64,
    kva_given: bool,
    model: u32,
    v_min_pu: f64,
    v_max_pu: f64,
    shapes: Shapes,
    dispatch: DispatchMode,
    dispatch_value: f64,
    connection: Connection,
    fixed: bool,
    class: i32,
    v_target_pu: f64,
    q_max_kvar: f64,
    q_min_kvar: f64,
    pv_factor: f64,
    forced_on: bool,
    xd_pu: f64,
    xdp_pu: f64,
    xdpp_pu: f64,
    h_s: f64,
    damping: f64,
    xr_dp: f64,
    duty_start_h: f64,
    balanced: bool,
    uses_fuel: bool,
    fuel: FuelStock,
    spectrum: Option<network::SpectrumId>,
    base_frequency_hz: f64,
}

impl State {
    fn new(ctx: &Context<'_>, object: &Object) -> Self {
        Self {
            n_phases: 3,
            bus: None,
            kv: 12.47,
            base_v: DEFAULT_SOURCE_BASE_V,
            kw: 1000.0,
            kvar: 60.0,
            pf: 0.88,
            kva: 1200.0,
            kva_given: false,
            model: 1,
            v_min_pu: 0.9,
            v_max_pu: 1.1,
            shapes: NO_SHAPES,
            dispatch: DispatchMode::Default,
            dispatch_value: 0.0,
            connection: Connection::Wye,
            fixed: false,
            class: 1,
            v_target_pu: 1.0,
            q_max_kvar: 120.0,
            q_min_kvar: -120.0,
            pv_factor: 0.1,
            forced_on: false,
            xd_pu: 1.0,
            xdp_pu: 0.28,
            xdpp_pu: 0.2,
            h_s: 1.0,
            damping: 1.0,
            xr_dp: 20.0,
            duty_start_h: 0.0,
            balanced: false,
            uses_fuel: false,
            fuel: FuelStock { capacity_kwh: 0.0, level_pct: 100.0, reserve_pct: 20.0 },
            spectrum: ctx.store.find(ClassId::Spectrum, "defaultgen").map(|id| ctx.place(id).into()),
            base_frequency_hz: object.defaults.base_frequency_hz,
        }
    }

    /// kvar from kW and power factor, its limits, and the rating unless one was given.
    fn follow_pf(&mut self) {
        let q = self.kw * (1.0 / (self.pf * self.pf) - 1.0).sqrt();
        self.q_max_kvar = 2.0 * q;
        self.q_min_kvar = -self.q_max_kvar;
        self.kvar = if self.pf < 0.0 { -q } else { q };
        if !self.kva_given {
            self.kva = self.kw * 1.2;
        }
    }

    fn set_kvar(&mut self, kvar: f64) {
        self.kvar = kvar;
        let kva = (self.kw * self.kw + kvar * kvar).sqrt();
        self.pf = if kva == 0.0 { 1.0 } else { self.kw / kva };
        if self.kw * kvar < 0.0 {
            self.pf = -self.pf;
        }
        self.q_max_kvar = 2.0 * kvar;
        self.q_min_kvar = -self.q_max_kvar;
    }

    fn take_actual(&mut self, given: &Given<'_, '_>) -> Result<()> {
        let Some(shape) = given.ctx.referenced(given.object, given.assignment)? else { return Ok(()) };
        let shape = load_shape_before(given.ctx, shape, given.assignment.command)?;
        if shape.use_actual {
            self.kw = shape.p_max;
            self.set_kvar(shape.q_max);
        }
        Ok(())
    }

    fn assign(&mut self, given: &Given<'_, '_>) -> Result<()> {
        match P::of(given.assignment.property) {
            P::Phases => self.n_phases = given.phases()?,
            P::Bus1 => self.bus = Some(given.bus()?),
            P::KV => {
                self.kv = given.real()?;
                self.base_v = source_base_v(self.kv, self.n_phases);
            }
            P::KW => {
                self.kw = given.real()?;
                self.follow_pf();
            }
            P::PF => {
                self.pf = given.real()?;
                self.follow_pf();
            }
            P::Kvar => self.set_kvar(given.real()?),
            P::Model => self.model = given.integer()?.max(0) as u32,
            P::VMinpu => self.v_min_pu = given.real()?,
            P::VMaxpu => self.v_max_pu = given.real()?,
            P::Yearly => {
                self.shapes.yearly = given.shape()?;
                self.take_actual(given)?;
            }
            P::Daily => {
                self.shapes.daily = given.shape()?;
                self.take_actual(given)?;
            }
            P::Duty => {
                self.shapes.duty = given.shape()?;
                self.take_actual(given)?;
            }
            P::DispMode => {
                self.dispatch = match given.integer()? {
                    1 => DispatchMode::LoadLevel,
                    2 => DispatchMode::Price,
                    _ => DispatchMode::Default,
                }
            }
            P::DispValue => self.dispatch_value = given.real()?,
            P::Conn => {
                self.connection = given.connection()?;
                self.base_v = source_base_v(self.kv, self.n_phases);
            }
            P::Status => self.fixed = given.integer()? == 1,
            P::Class => self.class = given.integer()?,
            P::Vpu => self.v_target_pu = given.real()?,
            P::Maxkvar => self.q_max_kvar = given.real()?,
            P::Minkvar => self.q_min_kvar = given.real()?,
            P::PVFactor => self.pv_factor = given.real()?,
            P::ForceOn => self.forced_on = given.boolean()?,
            P::KVA => {
                self.kva = given.real()?;
                self.kva_given = true;
            }
            P::MVA => {
                self.kva = given.real()? * 1000.0;
                self.kva_given = true;
            }
            P::Xd => self.xd_pu = given.real()?,
            P::Xdp => self.xdp_pu = given.real()?,
            P::Xdpp => self.xdpp_pu = given.real()?,
            P::H => self.h_s = given.real()?,
            P::D => self.damping = given.real()?,
            P::XRdp => self.xr_dp = given.real()?,
            P::DutyStart => self.duty_start_h = given.real()?,
            P::Balanced => self.balanced = given.boolean()?,
            P::UseFuel => self.uses_fuel = given.boolean()?,
            P::FuelkWh => self.fuel.capacity_kwh = given.real()?,
            P::PctFuel => self.fuel.level_pct = given.real()?,
            P::PctReserve => self.fuel.reserve_pct = given.real()?,
            P::Refuel => {
                if given.boolean()? {
                    self.fuel.level_pct = 100.0;
                }
            }
            // Compiled models are refused where the log is checked; the rest acts in time-domain solutions or reports.
            P::UserModel | P::UserData | P::ShaftModel | P::ShaftData | P::DebugTrace | P::DynamicEq | P::DynOut => {}
            P::Spectrum => self.spectrum = given.reference()?,
            P::BaseFreq => self.base_frequency_hz = given.real()?,
            P::Enabled => {}
            P::Like => {
                if let Some(other) = given.ctx.like(given.object, given.assignment)? {
                    let other = before(given.ctx, other, given.assignment.command)?;
                    *self = Self { bus: self.bus.take(), pv_factor: self.pv_factor, balanced: self.balanced, ..other };
                }
            }
        }
        Ok(())
    }
}

fn before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<State> {
    let object = ctx.store.get(id);
    let mut state = State::new(ctx, object);
    for a in ctx.log_before(object, command) {
        state.assign(&Given { ctx, object, assignment: a })?;
    }
    Ok(state)
}

pub fn lower_generator(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let s = before(ctx, id, END)?;
    let object = ctx.store.get(id);
    let fault = if !s.kw.is_finite() || !s.kvar.is_finite() {
        Some("the generator's reactive power cannot be worked out: its power factor is zero")
    } else if s.kv == 0.0 {
        Some("the rated voltage of a generator cannot be zero")
    } else {
        None
    };
    if let Some(message) = fault {
        return Err(ctx.error(object, object.source, "READ.OPENDSS.BAD_VALUE", message));
    }
    let mut common = ctx.common(object, s.n_phases);
    common.base_frequency_hz = s.base_frequency_hz;
    common.spectrum = s.spectrum;
    common.terminals = vec![ctx.terminal(object, 0, s.bus.as_ref(), s.n_phases, n_conductors(s.connection, s.n_phases))?];
    ctx.add(
        id,
        Generator {
            common,
            connection: s.connection,
            kv: s.kv,
            base_v: s.base_v,
            p_kw: s.kw,
            q_kvar: s.kvar,
            power_factor: s.pf,
            kva: s.kva,
            model: s.model,
            v_min_pu: s.v_min_pu,
            v_max_pu: s.v_max_pu,
            v_target_pu: s.v_target_pu,
            q_max_kvar: s.q_max_kvar,
            q_min_kvar: s.q_min_kvar,
            pv_factor: s.pv_factor,
            dispatch: s.dispatch,
            dispatch_value: s.dispatch_value,
            fixed: s.fixed,
            forced_on: s.forced_on,
            balanced: s.balanced,
            class: s.class,
            shapes: s.shapes,
            duty_start_h: s.duty_start_h,
            xd_pu: s.xd_pu,
            xdp_pu: s.xdp_pu,
            xdpp_pu: s.xdpp_pu,
            xr_dp: s.xr_dp,
            h_s: s.h_s,
            damping: s.damping,
            fuel: s.uses_fuel.then_some(s.fuel),
        },
    );
    Ok(())
}
