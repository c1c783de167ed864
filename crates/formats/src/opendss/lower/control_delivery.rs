//! Controls of what delivers power: voltage regulators and capacitor controls.

use network::{CapacitorControl, CapacitorControlType, ElementId, MonitoredPhase, RegulatorControl, RegulatorSetting, RemoteBus};

use super::transformer::regulated;
use super::{Context, END, Result};
use crate::opendss::class::control::{cap_control, reg_control};
use crate::opendss::object::{Assignment, BusRef, Object, ObjectId, Value};

fn monitored_phase(ctx: &Context<'_>, object: &Object, a: &Assignment, number: i32) -> Result<MonitoredPhase> {
    match number {
        -3 => Ok(MonitoredPhase::Min),
        -2 => Ok(MonitoredPhase::Max),
        -1 => Ok(MonitoredPhase::Average),
        n if n >= 1 => Ok(MonitoredPhase::Phase(n as usize)),
        n => Err(ctx.property_error(object, a, "READ.OPENDSS.BAD_VALUE", format!("phase {n}; phases count from 1"))),
    }
}

/// A terminal or winding, counted from 1 in the script and from 0 here.
fn position(ctx: &Context<'_>, object: &Object, a: &Assignment, number: i32) -> Result<usize> {
    match usize::try_from(number) {
        Ok(n) if n >= 1 => Ok(n - 1),
        _ => Err(ctx.property_error(object, a, "READ.OPENDSS.BAD_VALUE", format!("{number}; terminals and windings count from 1"))),
    }
}

fn remote_bus(ctx: &mut Context<'_>, bus: Option<&BusRef>) -> Option<RemoteBus> {
    let bus = bus.filter(|b| !b.name.is_empty())?;
    let nodes: Vec<u32> = bus.nodes.iter().filter_map(|&n| u32::try_from(n).ok()).collect();
    let mut text = bus.name.to_string();
    for node in &nodes {
        text.push_str(&format!(".{node}"));
    }
    Some(RemoteBus { bus: ctx.network.bus_or_add(&bus.name), nodes, text })
}

/// A regulator under construction; the remote bus is resolved when all is known.
#[derive(Clone)]
struct Regulator {
    control: RegulatorControl,
    transformer: Option<ObjectId>,
    bus: Option<BusRef>,
}

fn regulator_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Regulator> {
    use reg_control::Property as P;
    let object = ctx.store.get(id);
    let setting = RegulatorSetting { v_target_v: 120.0, band_v: 3.0, ldc_r_v: 0.0, ldc_x_v: 0.0, ldc_z_v: 0.0 };
    let mut s = Regulator {
        transformer: None,
        bus: None,
        control: RegulatorControl {
            common: ctx.common(object, 3),
            transformer: None,
            winding: 0,
            tap_winding: 0,
            forward: setting,
            reverse: setting,
            pt_ratio: 60.0,
            remote_pt_ratio: 60.0,
            ct_primary_a: 300.0,
            pt_phase: MonitoredPhase::Phase(1),
            remote_bus: None,
            delay_s: 15.0,
            tap_delay_s: 2.0,
            max_tap_change: 16,
            inverse_time: false,
            v_limit_v: 0.0,
            reversible: false,
            reverse_neutral: false,
            reverse_threshold_kw: 100.0,
            reverse_delay_s: 60.0,
            cogeneration: false,
        },
    };
    for a in ctx.log_before(object, command) {
        let c = &mut s.control;
        match (P::of(a.property), &a.value) {
            (P::Transformer, value) => {
                let Some(name) = value.as_text() else { return Err(ctx.mismatch(object, a)) };
                s.transformer = match regulated(ctx, name) {
                    Some(id) => Some(id),
                    None => return Err(ctx.undefined(object, a, &format!("transformer {name}"))),
                };
            }
            // The tap moves at the winding that is watched, unless told after it.
            (P::Winding, Value::Integer(n)) => {
                c.winding = position(ctx, object, a, *n)?;
                c.tap_winding = c.winding;
            }
            (P::TapWinding, Value::Integer(n)) => c.tap_winding = position(ctx, object, a, *n)?,
            (P::VReg, Value::Real(x)) => c.forward.v_target_v = *x,
            (P::Band, Value::Real(x)) => c.forward.band_v = *x,
            (P::PTRatio, Value::Real(x)) => (c.pt_ratio, c.remote_pt_ratio) = (*x, *x),
            (P::RemotePTRatio, Value::Real(x)) => c.remote_pt_ratio = *x,
            (P::CTPrim, Value::Real(x)) => c.ct_primary_a = *x,
            (P::R, Value::Real(x)) => c.forward.ldc_r_v = *x,
            (P::X, Value::Real(x)) => c.forward.ldc_x_v = *x,
            (P::LDCZ, Value::Real(x)) => c.forward.ldc_z_v = *x,
            (P::Bus, Value::Bus(bus)) => s.bus = Some(BusRef::clone(bus)),
            (P::Delay, Value::Real(x)) => c.delay_s = *x,
            (P::Reversible, Value::Boolean(b)) => c.reversible = *b,
            (P::RevVReg, Value::Real(x)) => c.reverse.v_target_v = *x,
            (P::RevBand, Value::Real(x)) => c.reverse.band_v = *x,
            (P::RevR, Value::Real(x)) => c.reverse.ldc_r_v = *x,
            (P::RevX, Value::Real(x)) => c.reverse.ldc_x_v = *x,
            (P::RevZ, Value::Real(x)) => c.reverse.ldc_z_v = *x,
            (P::TapDelay, Value::Real(x)) => c.tap_delay_s = *x,
            (P::MaxTapChange, Value::Integer(n)) => c.max_tap_change = (*n).max(0),
            (P::InverseTime, Value::Boolean(b)) => c.inverse_time = *b,
            (P::VLimit, Value::Real(x)) => c.v_limit_v = *x,
            (P::PTPhase, Value::Enum(n)) => c.pt_phase = monitored_phase(ctx, object, a, *n)?,
            (P::RevThreshold, Value::Real(x)) => c.reverse_threshold_kw = *x,
            (P::RevDelay, Value::Real(x)) => c.reverse_delay_s = *x,
            (P::RevNeutral, Value::Boolean(b)) => c.reverse_neutral = *b,
            (P::Cogen, Value::Boolean(b)) => c.cogeneration = *b,
            (P::BaseFreq, Value::Real(x)) => c.common.base_frequency_hz = *x,
            // The transformer has taken the tap number; a reset ends what a solution has pending.
            (P::TapNum | P::Reset | P::DebugTrace | P::EventLog | P::Enabled, _) => {}
            (P::Like, _) => {
                if let Some(other) = ctx.like(object, a)? {
                    let (common, v_limit_v) = (s.control.common, s.control.v_limit_v);
                    s = regulator_before(ctx, other, a.command)?;
                    (s.control.common, s.control.v_limit_v) = (common, v_limit_v);
                }
            }
            _ => return Err(ctx.mismatch(object, a)),
        }
    }
    Ok(s)
}

pub fn lower_regulator(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let object = ctx.store.get(id);
    let Regulator { mut control, transformer, bus } = regulator_before(ctx, id, END)?;
    control.transformer = transformer.and_then(|id| ctx.element_id(id));
    if object.enabled {
        let Some(transformer) = control.transformer else {
            return Err(ctx.error(object, object.source, "READ.OPENDSS.UNDEFINED_REFERENCE", "Transformer: none is named"));
        };
        check_terminal(ctx, object, transformer, control.winding, "winding")?;
        check_terminal(ctx, object, transformer, control.tap_winding, "winding")?;
    }
    control.remote_bus = remote_bus(ctx, bus.as_ref());
    ctx.add(id, control);
    Ok(())
}

/// A terminal that the element must have. Elements that come later in the script are not checked.
fn check_terminal(ctx: &Context<'_>, object: &Object, element: ElementId, terminal: usize, what: &str) -> Result<()> {
    if element.index() >= ctx.network.count(element.kind) {
        return Ok(());
    }
    let n = ctx.network.common(element).terminals.len();
    if terminal < n || n == 0 {
        return Ok(());
    }
    let message = format!("{what} {} of {}, which has {n}", terminal + 1, ctx.network.full_name(element));
    Err(ctx.error(object, object.source, "READ.OPENDSS.UNDEFINED_REFERENCE", message))
}

#[derive(Clone)]
struct CapacitorSwitch {
    control: CapacitorControl,
    /// Settings on and off given while the type was power factor; they are kept apart from the others.
    power_factor: (f64, f64),
    v_bus: Option<BusRef>,
}

fn capacitor_control_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<CapacitorSwitch> {
    use cap_control::Property as P;
    let object = ctx.store.get(id);
    let mut s = CapacitorSwitch {
        v_bus: None,
        power_factor: (0.95, 1.05),
        control: CapacitorControl {
            common: ctx.common(object, 3),
            control_type: CapacitorControlType::Current,
            capacitor: None,
            element: None,
            terminal: 0,
            pt_ratio: 60.0,
            ct_ratio: 60.0,
            pt_phase: MonitoredPhase::Phase(1),
            ct_phase: MonitoredPhase::Phase(1),
            on_setting: 300.0,
            off_setting: 200.0,
            delay_s: 15.0,
            delay_off_s: 15.0,
            dead_time_s: 300.0,
            v_override: false,
            v_min_v: 115.0,
            v_max_v: 126.0,
            v_bus: None,
            min_kvar_pct: 50.0,
            control_signal: None,
        },
    };
    for a in ctx.log_before(object, command) {
        let property = P::of(a.property);
        let c = &mut s.control;
        match (property, &a.value) {
            (P::Element, _) => c.element = ctx.element(object, a)?,
            (P::Terminal, Value::Integer(n)) => c.terminal = position(ctx, object, a, *n)?,
            (P::Capacitor, _) => c.capacitor = ctx.referenced(object, a)?.and_then(|id| ctx.element_id(id)),
            (P::Type, Value::Enum(n)) => {
                c.control_type = match n {
                    1 => CapacitorControlType::Voltage,
                    2 => CapacitorControlType::Kvar,
                    3 => CapacitorControlType::Time,
                    4 => CapacitorControlType::PowerFactor,
                    5 => CapacitorControlType::Follow,
                    _ => CapacitorControlType::Current,
                };
            }
            (P::PTRatio, Value::Real(x)) => c.pt_ratio = *x,
            (P::CTRatio, Value::Real(x)) => c.ct_ratio = *x,
            (P::OnSetting | P::OffSetting, Value::Real(x)) => {
                let by_power_factor = c.control_type == CapacitorControlType::PowerFactor;
                if by_power_factor && !(-1.0..=1.0).contains(x) {
                    return Err(ctx.property_error(object, a, "READ.OPENDSS.BAD_VALUE", format!("{x} is no power factor")));
                }
                match (by_power_factor, property == P::OnSetting) {
                    (true, true) => s.power_factor.0 = *x,
                    (true, false) => s.power_factor.1 = *x,
                    (false, true) => c.on_setting = *x,
                    (false, false) => c.off_setting = *x,
                }
            }
            (P::Delay, Value::Real(x)) => c.delay_s = *x,
            (P::VoltOverride, Value::Boolean(b)) => c.v_override = *b,
            (P::VMax, Value::Real(x)) => c.v_max_v = *x,
            (P::VMin, Value::Real(x)) => c.v_min_v = *x,
            (P::DelayOff, Value::Real(x)) => c.delay_off_s = *x,
            (P::DeadTime, Value::Real(x)) => c.dead_time_s = *x,
            (P::CTPhase, Value::Enum(n)) => c.ct_phase = monitored_phase(ctx, object, a, *n)?,
            (P::PTPhase, Value::Enum(n)) => c.pt_phase = monitored_phase(ctx, object, a, *n)?,
            (P::VBus, Value::Bus(bus)) => s.v_bus = Some(BusRef::clone(bus)),
            (P::PctMinkvar, Value::Real(x)) => c.min_kvar_pct = *x,
            (P::ControlSignal, _) => c.control_signal = ctx.reference(object, a)?,
            (P::BaseFreq, Value::Real(x)) => c.common.base_frequency_hz = *x,
            (P::UserModel | P::UserData | P::Reset | P::EventLog | P::Enabled, _) => {}
            (P::Like, _) => {
                if let Some(other) = ctx.like(object, a)? {
                    // Delays, dead time and the limits of the override stay this control's own.
                    let own = s.control;
                    s = capacitor_control_before(ctx, other, a.command)?;
                    let c = &mut s.control;
                    c.common = own.common;
                    (c.delay_s, c.delay_off_s, c.dead_time_s) = (own.delay_s, own.delay_off_s, own.dead_time_s);
                    (c.v_min_v, c.v_max_v) = (own.v_min_v, own.v_max_v);
                }
            }
            _ => return Err(ctx.mismatch(object, a)),
        }
    }
    Ok(s)
}

pub fn lower_capacitor_control(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let object = ctx.store.get(id);
    let CapacitorSwitch { mut control, power_factor, v_bus } = capacitor_control_before(ctx, id, END)?;
    if control.control_type == CapacitorControlType::PowerFactor {
        (control.on_setting, control.off_setting) = power_factor;
    }
    if object.enabled {
        if control.capacitor.is_none() {
            return Err(ctx.error(object, object.source, "READ.OPENDSS.UNDEFINED_REFERENCE", "Capacitor: none is named"));
        }
        match control.element {
            Some(element) => check_terminal(ctx, object, element, control.terminal, "terminal")?,
            // A clock or a shape decides, so there is nothing to watch but the capacitor itself.
            None if matches!(control.control_type, CapacitorControlType::Time | CapacitorControlType::Follow) && !control.v_override => {
                (control.element, control.terminal) = (control.capacitor, 0);
            }
            None => {
                return Err(ctx.error(object, object.source, "READ.OPENDSS.UNDEFINED_REFERENCE", "Element: none is named to be watched"));
            }
        }
    }
    control.v_bus = remote_bus(ctx, v_bus.as_ref());
    ctx.add(id, control);
    Ok(())
}
