//! Monitors, energy meters and sensors. One without an element watches the circuit's first source.

use network::{Connection, ElementId, ElementKind, EnergyMeter, Monitor, Sensor};

use super::typed::Given;
use super::{Context, END, Result};
use crate::opendss::class::meter::{energy_meter, monitor, sensor};
use crate::opendss::object::ObjectId;

fn first_source(ctx: &Context<'_>) -> Option<ElementId> {
    (ctx.store.count(crate::opendss::class::ClassId::Vsource) > 0).then(|| ElementId::new(ElementKind::VoltageSource, 0))
}

fn monitor_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Monitor> {
    use monitor::Property as P;
    let object = ctx.store.get(id);
    let mut s = Monitor {
        common: ctx.common(object, 3),
        element: first_source(ctx),
        terminal: 0,
        mode: 0,
        residual: false,
        vi_polar: true,
        p_polar: true,
    };
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::Element => s.element = ctx.element(object, a)?,
            P::Terminal => s.terminal = given.position()?,
            P::Mode => s.mode = given.integer()?.max(0) as u32,
            P::Residual => s.residual = given.boolean()?,
            P::VIPolar => s.vi_polar = given.boolean()?,
            P::PPolar => s.p_polar = given.boolean()?,
            P::BaseFreq => s.common.base_frequency_hz = given.real()?,
            P::Action | P::Enabled => {}
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    // How numbers are shown is not copied.
                    let before = s;
                    s = monitor_before(ctx, other, a.command)?;
                    (s.vi_polar, s.p_polar) = (before.vi_polar, before.p_polar);
                    let base_frequency_hz = s.common.base_frequency_hz;
                    s.common = network::Common { base_frequency_hz, ..before.common };
                }
            }
        }
    }
    Ok(s)
}

pub fn lower_monitor(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let monitor = monitor_before(ctx, id, END)?;
    ctx.add(id, monitor);
    Ok(())
}

/// Registers of an energy meter.
const N_REGISTERS: usize = 67;

fn energy_meter_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<EnergyMeter> {
    use energy_meter::Property as P;
    let object = ctx.store.get(id);
    let mut s = EnergyMeter {
        common: ctx.common(object, 3),
        element: first_source(ctx),
        terminal: 0,
        peak_current_a: vec![400.0; 3],
        options: ["e", "r", "c"].map(String::from).to_vec(),
        kva_normal: 0.0,
        kva_emergency: 0.0,
        local_only: false,
        mask: vec![1.0; N_REGISTERS],
        losses: true,
        line_losses: true,
        transformer_losses: true,
        sequence_losses: true,
        three_phase_losses: true,
        voltage_base_losses: true,
        phase_voltage_report: false,
        zone_list: Vec::new(),
    };
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::Element => s.element = ctx.element(object, a)?,
            P::Terminal => s.terminal = given.position()?,
            P::Option => {
                // Each word chooses one of two by its first letter.
                for word in given.texts()? {
                    let letter = word.chars().next().map(|c| c.to_ascii_lowercase());
                    let place = match letter {
                        Some('e' | 't') => 0,
                        Some('r' | 'm') => 1,
                        Some('c' | 'v') => 2,
                        _ => continue,
                    };
                    s.options[place] = letter.map(String::from).unwrap_or_default();
                }
            }
            P::KVANormal => s.kva_normal = given.real()?,
            P::KVAEmerg => s.kva_emergency = given.real()?,
            P::PeakCurrent => {
                let n = s.peak_current_a.len();
                s.peak_current_a = given.reals()?.to_vec();
                s.peak_current_a.resize(n, 0.0);
            }
            P::ZoneList => s.zone_list = given.texts()?.iter().map(|t| t.to_lowercase()).collect(),
            P::LocalOnly => s.local_only = given.boolean()?,
            P::Mask => s.mask.iter_mut().zip(given.reals()?).for_each(|(to, from)| *to = *from),
            P::Losses => s.losses = given.boolean()?,
            P::LineLosses => s.line_losses = given.boolean()?,
            P::XfmrLosses => s.transformer_losses = given.boolean()?,
            P::SeqLosses => s.sequence_losses = given.boolean()?,
            P::ThreePhaseLosses => s.three_phase_losses = given.boolean()?,
            P::VBaseLosses => s.voltage_base_losses = given.boolean()?,
            P::PhaseVoltageReport => s.phase_voltage_report = given.boolean()?,
            P::BaseFreq => s.common.base_frequency_hz = given.real()?,
            P::Action | P::IntRate | P::IntDuration | P::SAIFI | P::SAIFIkW | P::SAIDI | P::CAIDI | P::CustInterrupts | P::Enabled => {}
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    let own = std::mem::replace(&mut s, energy_meter_before(ctx, other, a.command)?);
                    // Not among what is copied, besides what all elements keep: mask, peak currents, radial or meshed zone.
                    s.options[1].clone_from(&own.options[1]);
                    (s.common, s.mask, s.peak_current_a) = (own.common, own.mask, own.peak_current_a);
                }
            }
        }
    }
    Ok(s)
}

pub fn lower_energy_meter(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let meter = energy_meter_before(ctx, id, END)?;
    ctx.add(id, meter);
    Ok(())
}

fn sensor_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Sensor> {
    use sensor::Property as P;
    let object = ctx.store.get(id);
    let mut s = Sensor {
        common: ctx.common(object, 3),
        element: None,
        terminal: 0,
        kv_base: 12.47,
        v_kv: None,
        i_a: None,
        p_kw: None,
        q_kvar: None,
        delta: false,
        delta_direction: 1,
        error_pct: 1.0,
        weight: 1.0,
    };
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::Element => s.element = ctx.element(object, a)?,
            P::Terminal => s.terminal = given.position()?,
            P::KVBase => s.kv_base = given.real()?,
            P::Clear => {
                if given.boolean()? {
                    (s.v_kv, s.i_a, s.p_kw, s.q_kvar) = (None, None, None, None);
                }
            }
            P::KVs => s.v_kv = Some(given.reals()?.to_vec()),
            P::Currents => {
                let i_a = given.reals()?.to_vec();
                // The command that places the sensor clears its currents when it ends, as OpenDSS does.
                let lost = ctx.log_before(object, command).iter().any(|b| P::of(b.property) == P::Element && b.command == a.command);
                s.i_a = Some(if lost { vec![0.0; i_a.len()] } else { i_a });
            }
            P::KWs => s.p_kw = Some(given.reals()?.to_vec()),
            P::Kvars => s.q_kvar = Some(given.reals()?.to_vec()),
            P::Conn => s.delta = given.connection()? == Connection::Delta,
            P::DeltaDirection => s.delta_direction = if given.integer()? < 0 { -1 } else { 1 },
            P::PctError => s.error_pct = given.real()?,
            P::Weight => s.weight = given.real()?,
            P::BaseFreq => s.common.base_frequency_hz = given.real()?,
            P::Enabled => {}
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    let common = s.common;
                    s = sensor_before(ctx, other, a.command)?;
                    s.common = common;
                }
            }
        }
    }
    Ok(s)
}

pub fn lower_sensor(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let sensor = sensor_before(ctx, id, END)?;
    ctx.add(id, sensor);
    Ok(())
}
