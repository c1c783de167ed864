//! Induction machines in symmetrical components.
//!
//! The rating does not follow the power. A slip is limited to the greatest slip of the moment in
//! which it is given. Checked against DSS C-API 0.14.5.

use network::{Connection, InductionMachine};

use super::typed::{Given, NO_SHAPES};
use super::{Context, END, Result};
use crate::opendss::class::ClassId;
use crate::opendss::class::conversion::ind_mach_012::Property as P;
use crate::opendss::object::{BusRef, ObjectId};

fn before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<(InductionMachine, Option<BusRef>)> {
    let object = ctx.store.get(id);
    let mut common = ctx.common(object, 3);
    common.spectrum = ctx.store.find(ClassId::Spectrum, "default").map(|id| ctx.place(id).into());
    let mut bus = None;
    let mut s = InductionMachine {
        common,
        connection: Connection::Delta,
        kv: 12.47,
        p_kw: 1000.0,
        kva: 1200.0,
        r_stator_pu: 0.0053,
        x_stator_pu: 0.106,
        r_rotor_pu: 0.007,
        x_rotor_pu: 0.12,
        x_magnetising_pu: 4.0,
        slip: 0.007,
        slip_max: 0.1,
        slip_fixed: false,
        h_s: 1.0,
        damping: 1.0,
        shapes: NO_SHAPES,
    };
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::Phases => s.common.n_phases = given.phases()?,
            P::Bus1 => bus = Some(given.bus()?),
            P::KV => s.kv = given.real()?,
            P::KW => s.p_kw = given.real()?,
            P::Conn => s.connection = given.connection()?,
            P::KVA => s.kva = given.real()?,
            P::H => s.h_s = given.real()?,
            P::D => s.damping = given.real()?,
            P::PuRs => s.r_stator_pu = given.real()?,
            P::PuXs => s.x_stator_pu = given.real()?,
            P::PuRr => s.r_rotor_pu = given.real()?,
            P::PuXr => s.x_rotor_pu = given.real()?,
            P::PuXm => s.x_magnetising_pu = given.real()?,
            P::Slip => {
                let limit = s.slip_max.abs();
                s.slip = given.real()?.clamp(-limit, limit);
            }
            P::MaxSlip => s.slip_max = given.real()?,
            P::SlipOption => s.slip_fixed = given.integer()? == 1,
            P::Yearly => s.shapes.yearly = given.shape()?,
            P::Daily => s.shapes.daily = given.shape()?,
            P::Duty => s.shapes.duty = given.shape()?,
            P::Spectrum => s.common.spectrum = given.reference()?,
            P::BaseFreq => s.common.base_frequency_hz = given.real()?,
            P::PF | P::DebugTrace | P::Enabled => {}
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    let (other, _) = before(ctx, other, a.command)?;
                    let mut common = s.common;
                    common.n_phases = other.common.n_phases;
                    common.base_frequency_hz = other.common.base_frequency_hz;
                    s = InductionMachine {
                        common,
                        connection: s.connection,
                        slip: s.slip,
                        slip_fixed: s.slip_fixed,
                        shapes: s.shapes,
                        ..other
                    };
                }
            }
        }
    }
    Ok((s, bus))
}

pub fn lower_induction_machine(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let (mut s, bus) = before(ctx, id, END)?;
    let object = ctx.store.get(id);
    let n_phases = s.common.n_phases;
    if s.kva <= 0.0 || s.kv == 0.0 {
        return Err(ctx.error(object, object.source, "READ.OPENDSS.BAD_VALUE", "kV and kVA of an induction machine must not be zero"));
    }
    // A wye has no neutral conductor of its own here.
    let n_conductors = if s.connection == Connection::Delta && n_phases < 3 { n_phases + 1 } else { n_phases };
    s.common.terminals = vec![ctx.terminal(object, 0, bus.as_ref(), n_phases, n_conductors)?];
    ctx.add(id, s);
    Ok(())
}
