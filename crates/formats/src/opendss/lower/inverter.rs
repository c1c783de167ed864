//! PV systems and storage: what stands behind an inverter.
//!
//! The greatest kvar, in each direction, is the kVA until a limit is given; a given one stays when
//! the kVA changes. A storage unit's kVA is its rated kW until one is given, and then its limits of
//! kvar do not follow: they stay at the 25 kvar that OpenDSS begins with. Its energy is full whenever
//! its capacity is set, and the reserve in kWh is worked out only when capacity or reserve is set.
//! `kW` of a storage unit becomes a percentage of the rated power of that moment and a state.
//! Checked against DSS C-API 0.14.5.

use network::{Connection, DispatchMode, Inverter, PvSystem, Shapes, Storage, StorageMode, TemperatureShapeId, XyCurveId};

use super::typed::{DEFAULT_SOURCE_BASE_V, Given, NO_SHAPES, n_conductors, source_base_v};
use super::{Context, END, Result};
use crate::opendss::class::conversion::{pv_system, storage};
use crate::opendss::object::{BusRef, Object, ObjectId};

/// What the two classes have in common.
#[derive(Debug, Clone)]
struct Unit {
    n_phases: usize,
    bus: Option<BusRef>,
    kv: f64,
    base_v: f64,
    connection: Connection,
    inverter: Inverter,
    q_max_given: bool,
    q_max_abs_given: bool,
    shapes: Shapes,
    class: i32,
    spectrum: Option<network::SpectrumId>,
    base_frequency_hz: f64,
}

impl Unit {
    fn new(object: &Object, kva: f64, cut_pct: f64, r_pct: f64, x_pct: f64) -> Self {
        Self {
            n_phases: 3,
            bus: None,
            kv: 12.47,
            base_v: DEFAULT_SOURCE_BASE_V,
            connection: Connection::Wye,
            inverter: Inverter {
                kva,
                cut_in_pct: cut_pct,
                cut_out_pct: cut_pct,
                efficiency: None,
                var_follow_inverter: false,
                watt_priority: false,
                pf_priority: false,
                p_min_no_vars_pct: 0.0,
                p_min_kvar_max_pct: 0.0,
                q_max_kvar: kva,
                q_max_abs_kvar: kva,
                r_pct,
                x_pct,
                model: 1,
                v_min_pu: 0.9,
                v_max_pu: 1.1,
                balanced: false,
                limit_current: false,
                power_factor: 1.0,
                q_kvar: 0.0,
                q_follows_pf: true,
                grid_forming: false,
                kv_dc: 8.0,
                safe_mode: false,
                safe_voltage_pct: 80.0,
                kp: 0.01,
                pi_tolerance: 0.0,
                amp_limit_a: -1.0,
                amp_limit_gain: 0.8,
            },
            q_max_given: false,
            q_max_abs_given: false,
            shapes: NO_SHAPES,
            class: 1,
            spectrum: None,
            base_frequency_hz: object.defaults.base_frequency_hz,
        }
    }

    /// The base voltage as OpenDSS works it out: for PV systems whenever phases, rated voltage or connection are set, for
    /// storage with the last two only.
    fn follow_voltage(&mut self) {
        self.base_v = source_base_v(self.kv, self.n_phases);
    }

    fn set_kva(&mut self, kva: f64) {
        self.inverter.kva = kva;
        if !self.q_max_given {
            self.inverter.q_max_kvar = kva;
        }
        if !(self.q_max_given || self.q_max_abs_given) {
            self.inverter.q_max_abs_kvar = kva;
        }
    }

    fn set_q_max(&mut self, kvar: f64) {
        self.inverter.q_max_kvar = kvar;
        self.q_max_given = true;
        // One limit holds both ways until the other is given.
        if !self.q_max_abs_given {
            self.inverter.q_max_abs_kvar = kvar.abs();
        }
    }

    fn set_q_max_abs(&mut self, kvar: f64) {
        self.inverter.q_max_abs_kvar = kvar;
        self.q_max_abs_given = true;
    }

    fn set_kvar(&mut self, kvar: f64) {
        self.inverter.q_kvar = kvar;
        self.inverter.q_follows_pf = false;
    }

    fn set_pf(&mut self, pf: f64) {
        self.inverter.power_factor = pf;
        self.inverter.q_follows_pf = true;
    }

    /// What `like` leaves alone of the common part.
    fn keep(&mut self, other: Unit, priorities_too: bool) {
        let own = &self.inverter;
        let inverter = Inverter {
            watt_priority: if priorities_too { other.inverter.watt_priority } else { own.watt_priority },
            pf_priority: if priorities_too { other.inverter.pf_priority } else { own.pf_priority },
            q_kvar: own.q_kvar,
            q_follows_pf: own.q_follows_pf,
            pi_tolerance: own.pi_tolerance,
            amp_limit_a: own.amp_limit_a,
            amp_limit_gain: own.amp_limit_gain,
            ..other.inverter
        };
        *self = Unit { bus: self.bus.take(), inverter, ..other };
    }

    fn common(&self, ctx: &mut Context<'_>, object: &Object) -> Result<network::Common> {
        if self.kv == 0.0 {
            return Err(ctx.error(object, object.source, "READ.OPENDSS.BAD_VALUE", "the rated voltage cannot be zero"));
        }
        let mut common = ctx.common(object, self.n_phases);
        common.base_frequency_hz = self.base_frequency_hz;
        common.spectrum = self.spectrum;
        let n = n_conductors(self.connection, self.n_phases);
        common.terminals = vec![ctx.terminal(object, 0, self.bus.as_ref(), self.n_phases, n)?];
        Ok(common)
    }
}

#[derive(Debug, Clone)]
struct PvState {
    unit: Unit,
    irradiance: f64,
    p_mpp_kw: f64,
    p_mpp_pct: f64,
    temperature_c: f64,
    p_t_curve: Option<XyCurveId>,
    t_yearly: Option<TemperatureShapeId>,
    t_daily: Option<TemperatureShapeId>,
    t_duty: Option<TemperatureShapeId>,
    duty_start_h: f64,
}

fn pv_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<PvState> {
    use pv_system::Property as P;
    let object = ctx.store.get(id);
    let mut s = PvState {
        unit: Unit::new(object, 500.0, 20.0, 50.0, 0.0),
        irradiance: 1.0,
        p_mpp_kw: 500.0,
        p_mpp_pct: 100.0,
        temperature_c: 25.0,
        p_t_curve: None,
        t_yearly: None,
        t_daily: None,
        t_duty: None,
        duty_start_h: 0.0,
    };
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        let unit = &mut s.unit;
        match P::of(a.property) {
            P::Phases => {
                unit.n_phases = given.phases()?;
                unit.follow_voltage();
            }
            P::Bus1 => unit.bus = Some(given.bus()?),
            P::KV => {
                unit.kv = given.real()?;
                unit.follow_voltage();
            }
            P::Irradiance => s.irradiance = given.real()?,
            P::Pmpp => s.p_mpp_kw = given.real()?,
            P::PctPmpp => s.p_mpp_pct = given.real()?,
            P::Temperature => s.temperature_c = given.real()?,
            P::PF => unit.set_pf(given.real()?),
            P::Conn => {
                unit.connection = given.connection()?;
                unit.follow_voltage();
            }
            P::Kvar => unit.set_kvar(given.real()?),
            P::KVA => unit.set_kva(given.real()?),
            P::PctCutIn => unit.inverter.cut_in_pct = given.real()?,
            P::PctCutOut => unit.inverter.cut_out_pct = given.real()?,
            P::EffCurve => unit.inverter.efficiency = given.curve()?,
            P::PtCurve => s.p_t_curve = given.curve()?,
            P::PctR => unit.inverter.r_pct = given.real()?,
            P::PctX => unit.inverter.x_pct = given.real()?,
            P::Model => unit.inverter.model = given.integer()?.max(0) as u32,
            P::VMinpu => unit.inverter.v_min_pu = given.real()?,
            P::VMaxpu => unit.inverter.v_max_pu = given.real()?,
            P::Balanced => unit.inverter.balanced = given.boolean()?,
            P::LimitCurrent => unit.inverter.limit_current = given.boolean()?,
            P::Yearly => unit.shapes.yearly = given.shape()?,
            P::Daily => unit.shapes.daily = given.shape()?,
            P::Duty => unit.shapes.duty = given.shape()?,
            P::TYearly => s.t_yearly = given.reference()?,
            P::TDaily => s.t_daily = given.reference()?,
            P::TDuty => s.t_duty = given.reference()?,
            P::Class => unit.class = given.integer()?,
            P::VarFollowInverter => unit.inverter.var_follow_inverter = given.boolean()?,
            P::DutyStart => s.duty_start_h = given.real()?,
            P::WattPriority => unit.inverter.watt_priority = given.boolean()?,
            P::PFPriority => unit.inverter.pf_priority = given.boolean()?,
            P::PctPMinNoVars => unit.inverter.p_min_no_vars_pct = given.real()?,
            P::PctPMinkvarMax => unit.inverter.p_min_kvar_max_pct = given.real()?,
            P::KvarMax => unit.set_q_max(given.real()?),
            P::KvarMaxAbs => unit.set_q_max_abs(given.real()?),
            P::KVDC => unit.inverter.kv_dc = given.real()?,
            P::Kp => unit.inverter.kp = given.real()?,
            P::PITol => unit.inverter.pi_tolerance = given.real()?,
            P::SafeVoltage => unit.inverter.safe_voltage_pct = given.real()?,
            P::ControlMode => unit.inverter.grid_forming = given.integer()? == 1,
            P::AmpLimit => unit.inverter.amp_limit_a = given.real()?,
            P::AmpLimitGain => unit.inverter.amp_limit_gain = given.real()?,
            // Compiled models are refused where the log is checked; the rest acts in time-domain solutions or reports.
            P::UserModel | P::UserData | P::DebugTrace | P::SafeMode | P::DynamicEq | P::DynOut => {}
            P::Spectrum => unit.spectrum = given.reference()?,
            P::BaseFreq => unit.base_frequency_hz = given.real()?,
            P::Enabled => {}
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    let other = pv_before(ctx, other, a.command)?;
                    let own = unit.inverter.clone();
                    unit.keep(other.unit, false);
                    unit.inverter.kv_dc = own.kv_dc;
                    unit.inverter.kp = own.kp;
                    unit.inverter.safe_voltage_pct = own.safe_voltage_pct;
                    unit.inverter.grid_forming = own.grid_forming;
                    s = PvState { unit: s.unit, p_mpp_pct: s.p_mpp_pct, ..other };
                }
            }
        }
    }
    Ok(s)
}

pub fn lower_pv_system(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let s = pv_before(ctx, id, END)?;
    let object = ctx.store.get(id);
    let common = s.unit.common(ctx, object)?;
    ctx.add(
        id,
        PvSystem {
            common,
            connection: s.unit.connection,
            kv: s.unit.kv,
            base_v: s.unit.base_v,
            inverter: s.unit.inverter,
            irradiance: s.irradiance,
            p_mpp_kw: s.p_mpp_kw,
            p_mpp_pct: s.p_mpp_pct,
            temperature_c: s.temperature_c,
            p_t_curve: s.p_t_curve,
            shapes: s.unit.shapes,
            t_yearly: s.t_yearly,
            t_daily: s.t_daily,
            t_duty: s.t_duty,
            duty_start_h: s.duty_start_h,
            class: s.unit.class,
        },
    );
    Ok(())
}

#[derive(Debug, Clone)]
struct StorageState {
    unit: Unit,
    kva_given: bool,
    p_rated_kw: f64,
    p_rated_pct: f64,
    energy_rated_kwh: f64,
    energy_stored_kwh: f64,
    reserve_pct: f64,
    /// What the unit stops discharging at.
    reserve_kwh: f64,
    mode: StorageMode,
    discharge_pct: f64,
    charge_pct: f64,
    charge_efficiency_pct: f64,
    discharge_efficiency_pct: f64,
    idling_loss_pct: f64,
    dispatch: DispatchMode,
    discharge_trigger: f64,
    charge_trigger: f64,
    charge_time_h: f64,
}

impl StorageState {
    fn new(object: &Object) -> Self {
        Self {
            unit: Unit::new(object, 25.0, 0.0, 0.0, 50.0),
            kva_given: false,
            p_rated_kw: 25.0,
            p_rated_pct: 100.0,
            energy_rated_kwh: 50.0,
            energy_stored_kwh: 50.0,
            reserve_pct: 20.0,
            reserve_kwh: 0.0,
            mode: StorageMode::Idling,
            discharge_pct: 100.0,
            charge_pct: 100.0,
            charge_efficiency_pct: 90.0,
            discharge_efficiency_pct: 90.0,
            idling_loss_pct: 1.0,
            dispatch: DispatchMode::Default,
            discharge_trigger: 0.0,
            charge_trigger: 0.0,
            charge_time_h: 2.0,
        }
    }

    /// At the end of a command a full unit stops charging and an empty one discharging.
    fn end_command(&mut self) {
        let stops = match self.mode {
            StorageMode::Charging => self.energy_stored_kwh >= self.energy_rated_kwh,
            StorageMode::Discharging => self.energy_stored_kwh <= self.reserve_kwh,
            StorageMode::Idling => false,
        };
        if stops {
            self.mode = StorageMode::Idling;
        }
    }

    fn set_kw(&mut self, kw: f64) {
        if kw > 0.0 {
            self.mode = StorageMode::Discharging;
            self.discharge_pct = kw / self.p_rated_kw * 100.0;
        } else if kw < 0.0 {
            self.mode = StorageMode::Charging;
            self.charge_pct = kw.abs() / self.p_rated_kw * 100.0;
        } else {
            self.mode = StorageMode::Idling;
        }
    }
}

fn storage_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<StorageState> {
    use storage::Property as P;
    let object = ctx.store.get(id);
    let mut s = StorageState::new(object);
    let log = ctx.log_before(object, command);
    for (i, a) in log.iter().enumerate() {
        if i > 0 && log[i - 1].command != a.command {
            s.end_command();
        }
        let given = Given { ctx, object, assignment: a };
        let unit = &mut s.unit;
        match P::of(a.property) {
            P::Phases => unit.n_phases = given.phases()?,
            P::Bus1 => unit.bus = Some(given.bus()?),
            P::KV => {
                unit.kv = given.real()?;
                unit.follow_voltage();
            }
            P::Conn => {
                unit.connection = given.connection()?;
                unit.follow_voltage();
            }
            P::KW => s.set_kw(given.real()?),
            P::Kvar => unit.set_kvar(given.real()?),
            P::PF => unit.set_pf(given.real()?),
            P::KVA => {
                unit.set_kva(given.real()?);
                s.kva_given = true;
            }
            P::PctCutIn => unit.inverter.cut_in_pct = given.real()?,
            P::PctCutOut => unit.inverter.cut_out_pct = given.real()?,
            P::EffCurve => unit.inverter.efficiency = given.curve()?,
            P::VarFollowInverter => unit.inverter.var_follow_inverter = given.boolean()?,
            P::KvarMax => unit.set_q_max(given.real()?),
            P::KvarMaxAbs => unit.set_q_max_abs(given.real()?),
            P::WattPriority => unit.inverter.watt_priority = given.boolean()?,
            P::PFPriority => unit.inverter.pf_priority = given.boolean()?,
            P::PctPMinNoVars => unit.inverter.p_min_no_vars_pct = given.real()?,
            P::PctPMinkvarMax => unit.inverter.p_min_kvar_max_pct = given.real()?,
            P::KWRated => {
                s.p_rated_kw = given.real()?;
                if !s.kva_given {
                    unit.inverter.kva = s.p_rated_kw;
                }
            }
            P::PctkWRated => s.p_rated_pct = given.real()?,
            P::KWhRated => {
                s.energy_rated_kwh = given.real()?;
                s.energy_stored_kwh = s.energy_rated_kwh;
                s.reserve_kwh = s.energy_rated_kwh * s.reserve_pct * 0.01;
            }
            P::KWhStored => s.energy_stored_kwh = given.real()?,
            P::PctStored => s.energy_stored_kwh = given.real()? * 0.01 * s.energy_rated_kwh,
            P::PctReserve => {
                s.reserve_pct = given.real()?;
                s.reserve_kwh = s.energy_rated_kwh * s.reserve_pct * 0.01;
            }
            P::State => {
                s.mode = match given.integer()? {
                    -1 => StorageMode::Charging,
                    1 => StorageMode::Discharging,
                    _ => StorageMode::Idling,
                }
            }
            P::PctDischarge => s.discharge_pct = given.real()?,
            P::PctCharge => s.charge_pct = given.real()?,
            P::PctEffCharge => s.charge_efficiency_pct = given.real()?,
            P::PctEffDischarge => s.discharge_efficiency_pct = given.real()?,
            P::PctIdlingkW => s.idling_loss_pct = given.real()?,
            P::PctR => unit.inverter.r_pct = given.real()?,
            P::PctX => unit.inverter.x_pct = given.real()?,
            P::Model => unit.inverter.model = given.integer()?.max(0) as u32,
            P::VMinpu => unit.inverter.v_min_pu = given.real()?,
            P::VMaxpu => unit.inverter.v_max_pu = given.real()?,
            P::Balanced => unit.inverter.balanced = given.boolean()?,
            P::LimitCurrent => unit.inverter.limit_current = given.boolean()?,
            P::Yearly => unit.shapes.yearly = given.shape()?,
            P::Daily => unit.shapes.daily = given.shape()?,
            P::Duty => unit.shapes.duty = given.shape()?,
            P::DispMode => {
                s.dispatch = match given.integer()? {
                    1 => DispatchMode::LoadLevel,
                    2 => DispatchMode::Price,
                    3 => DispatchMode::External,
                    4 => DispatchMode::Follow,
                    _ => DispatchMode::Default,
                }
            }
            P::DischargeTrigger => s.discharge_trigger = given.real()?,
            P::ChargeTrigger => s.charge_trigger = given.real()?,
            P::TimeChargeTrig => s.charge_time_h = given.real()?,
            P::Class => unit.class = given.integer()?,
            P::KVDC => unit.inverter.kv_dc = given.real()?,
            P::Kp => unit.inverter.kp = given.real()?,
            P::PITol => unit.inverter.pi_tolerance = given.real()?,
            P::SafeVoltage => unit.inverter.safe_voltage_pct = given.real()?,
            P::ControlMode => unit.inverter.grid_forming = given.integer()? == 1,
            P::AmpLimit => unit.inverter.amp_limit_a = given.real()?,
            P::AmpLimitGain => unit.inverter.amp_limit_gain = given.real()?,
            // Compiled models are refused where the log is checked; the rest acts in time-domain solutions or reports.
            P::DynaDLL | P::DynaData | P::UserModel | P::UserData | P::DebugTrace | P::SafeMode | P::DynamicEq | P::DynOut => {}
            P::PctIdlingkvar => {}
            P::Spectrum => unit.spectrum = given.reference()?,
            P::BaseFreq => unit.base_frequency_hz = given.real()?,
            P::Enabled => {}
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    let other = storage_before(ctx, other, a.command)?;
                    unit.keep(other.unit, false);
                    s = StorageState { unit: s.unit, p_rated_pct: s.p_rated_pct, ..other };
                }
            }
        }
    }
    s.end_command();
    Ok(s)
}

pub fn lower_storage(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let s = storage_before(ctx, id, END)?;
    let object = ctx.store.get(id);
    if !(s.p_rated_kw.is_finite() && s.discharge_pct.is_finite() && s.charge_pct.is_finite()) {
        return Err(ctx.error(object, object.source, "READ.OPENDSS.BAD_VALUE", "kW is given for a unit whose rated kW is zero"));
    }
    let common = s.unit.common(ctx, object)?;
    ctx.add(
        id,
        Storage {
            common,
            connection: s.unit.connection,
            kv: s.unit.kv,
            base_v: s.unit.base_v,
            inverter: s.unit.inverter,
            p_rated_kw: s.p_rated_kw,
            p_rated_pct: s.p_rated_pct,
            energy_rated_kwh: s.energy_rated_kwh,
            energy_stored_kwh: s.energy_stored_kwh,
            // The reserve that acts, which is zero until capacity or reserve is set.
            reserve_pct: if s.energy_rated_kwh > 0.0 { s.reserve_kwh / s.energy_rated_kwh * 100.0 } else { s.reserve_pct },
            mode: s.mode,
            p_kw: None,
            discharge_pct: s.discharge_pct,
            charge_pct: s.charge_pct,
            charge_efficiency_pct: s.charge_efficiency_pct,
            discharge_efficiency_pct: s.discharge_efficiency_pct,
            idling_loss_pct: s.idling_loss_pct,
            dispatch: s.dispatch,
            discharge_trigger: s.discharge_trigger,
            charge_trigger: s.charge_trigger,
            charge_time_h: s.charge_time_h,
            shapes: s.unit.shapes,
            class: s.unit.class,
        },
    );
    Ok(())
}
