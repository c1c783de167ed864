//! Lines and what they are made of: line codes, geometries, spacings, wires and cables.

use network::LengthUnit;

use super::{Context, END, Result};
use crate::opendss::class::general::line_spacing;
use crate::opendss::object::{ObjectId, Value};

/// The length unit of a number of [`LENGTH_UNIT`](crate::opendss::class::enums::LENGTH_UNIT).
pub fn length_unit(number: i32) -> LengthUnit {
    match number {
        1 => LengthUnit::Mile,
        2 => LengthUnit::Kilofoot,
        3 => LengthUnit::Kilometre,
        4 => LengthUnit::Metre,
        5 => LengthUnit::Foot,
        6 => LengthUnit::Inch,
        7 => LengthUnit::Centimetre,
        8 => LengthUnit::Millimetre,
        _ => LengthUnit::None,
    }
}

/// A spacing of `object` as it stood before `command`.
fn spacing_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<network::LineSpacing> {
    use line_spacing::Property as P;
    let object = ctx.store.get(id);
    let mut spacing = network::LineSpacing {
        name: object.name.to_string(),
        n_conductors: 3,
        n_phases: 3,
        unit: LengthUnit::Foot,
        x: vec![0.0; 3],
        h: vec![0.0; 3],
    };
    for a in ctx.log_before(object, command) {
        match (P::of(a.property), &a.value) {
            (P::NConds, Value::Integer(n)) => {
                spacing.n_conductors = (*n).max(0) as usize;
                spacing.x = vec![0.0; spacing.n_conductors];
                spacing.h = vec![0.0; spacing.n_conductors];
                spacing.unit = LengthUnit::Foot;
            }
            (P::NPhases, Value::Integer(n)) => spacing.n_phases = (*n).max(0) as usize,
            (P::X, Value::Reals(x)) => spacing.x.iter_mut().zip(x.iter()).for_each(|(to, from)| *to = *from),
            (P::H, Value::Reals(h)) => spacing.h.iter_mut().zip(h.iter()).for_each(|(to, from)| *to = *from),
            (P::Units, Value::Enum(n)) => spacing.unit = length_unit(*n),
            (P::Like, Value::Object(_) | Value::Text(_)) => {
                if let Some(other) = ctx.like(object, a)? {
                    let name = spacing.name;
                    spacing = spacing_before(ctx, other, a.command)?;
                    spacing.name = name;
                }
            }
            _ => return Err(ctx.mismatch(object, a)),
        }
    }
    Ok(spacing)
}

pub fn lower_spacing(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let spacing = spacing_before(ctx, id, END)?;
    ctx.network.line_spacings.push(spacing);
    Ok(())
}
