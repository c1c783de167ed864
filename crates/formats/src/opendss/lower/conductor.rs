//! Wires and cables, the spacings they hang in and the geometries made of both.
//!
//! Wire data derive what is missing from what is given, in the order of the script: a radius from a
//! geometric mean radius (GMR = 0.7788 radius, that of a solid round wire), the alternating-current
//! resistance from the direct-current one (factor 1.02), each unit from the other.

use network::{Cable, CableShield, Conductor, ConductorId, GeometryConductor, LengthUnit, LineSpacingId, Rating};

use super::{Context, END, Result, length_unit, resize_ratings};
use crate::opendss::class::ClassId;
use crate::opendss::class::general::{cn_data, line_geometry, line_spacing, ts_data, wire_data};
use crate::opendss::object::{Assignment, Object, ObjectId, Value};

/// GMR of a solid round wire over its radius.
const GMR_OVER_RADIUS: f64 = 0.7788;
/// Resistance to alternating over that to direct current, where only one is given.
const AC_OVER_DC: f64 = 1.02;

fn wire_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Conductor> {
    let object = ctx.store.get(id);
    let cable =
        |shield| Cable { relative_permittivity: 2.3, insulation_thickness: -1.0, insulation_diameter: -1.0, cable_diameter: -1.0, shield };
    let mut wire = Conductor {
        name: object.name.to_string(),
        r_dc_ohm: -1.0,
        r_ac_ohm: -1.0,
        r_unit: LengthUnit::None,
        gmr: -1.0,
        gmr_unit: LengthUnit::None,
        radius: -1.0,
        radius_unit: LengthUnit::None,
        capacitance_radius: -1.0,
        rating: Rating { normal_a: -1.0, emergency_a: -1.0, seasonal_a: vec![-1.0] },
        cable: match object.class {
            ClassId::CnData => {
                Some(cable(CableShield::ConcentricNeutral { n_strands: 2, strand_diameter: -1.0, strand_gmr: -1.0, strand_r_ohm: -1.0 }))
            }
            ClassId::TsData => Some(cable(CableShield::Tape { shield_diameter: -1.0, tape_thickness: -1.0, tape_lap_pct: 20.0 })),
            _ => None,
        },
    };
    for a in ctx.log_before(object, command) {
        // The properties that follow those of the cable are the same in the three classes.
        let shared = match object.class {
            ClassId::CnData => {
                use cn_data::Property as P;
                let Some(cable) = &mut wire.cable else { return Err(ctx.mismatch(object, a)) };
                let CableShield::ConcentricNeutral { n_strands, strand_diameter, strand_gmr, strand_r_ohm } = &mut cable.shield else {
                    return Err(ctx.mismatch(object, a));
                };
                match (P::of(a.property), &a.value) {
                    (P::K, Value::Integer(k)) if *k >= 2 => *n_strands = *k as u32,
                    (P::K, Value::Integer(k)) => {
                        return Err(ctx.property_error(
                            object,
                            a,
                            "READ.OPENDSS.BAD_VALUE",
                            format!("{k} strands; a concentric neutral has at least 2"),
                        ));
                    }
                    (P::DiaStrand, Value::Real(x)) => {
                        *strand_diameter = *x;
                        if *strand_gmr <= 0.0 {
                            *strand_gmr = GMR_OVER_RADIUS * 0.5 * x;
                        }
                    }
                    (P::GMRStrand, Value::Real(x)) => *strand_gmr = *x,
                    (P::RStrand, Value::Real(x)) => *strand_r_ohm = *x,
                    (P::EpsR, Value::Real(x)) => cable.relative_permittivity = *x,
                    (P::InsLayer, Value::Real(x)) => cable.insulation_thickness = *x,
                    (P::DiaIns, Value::Real(x)) => cable.insulation_diameter = *x,
                    (P::DiaCable, Value::Real(x)) => cable.cable_diameter = *x,
                    _ => {}
                }
                a.property.checked_sub(P::RDC as u16)
            }
            ClassId::TsData => {
                use ts_data::Property as P;
                let Some(cable) = &mut wire.cable else { return Err(ctx.mismatch(object, a)) };
                let CableShield::Tape { shield_diameter, tape_thickness, tape_lap_pct } = &mut cable.shield else {
                    return Err(ctx.mismatch(object, a));
                };
                match (P::of(a.property), &a.value) {
                    (P::DiaShield, Value::Real(x)) => *shield_diameter = *x,
                    (P::TapeLayer, Value::Real(x)) => *tape_thickness = *x,
                    (P::TapeLap, Value::Real(x)) => *tape_lap_pct = *x,
                    (P::EpsR, Value::Real(x)) => cable.relative_permittivity = *x,
                    (P::InsLayer, Value::Real(x)) => cable.insulation_thickness = *x,
                    (P::DiaIns, Value::Real(x)) => cable.insulation_diameter = *x,
                    (P::DiaCable, Value::Real(x)) => cable.cable_diameter = *x,
                    _ => {}
                }
                a.property.checked_sub(P::RDC as u16)
            }
            _ => Some(a.property),
        };
        if let Some(number) = shared {
            set_wire(ctx, object, a, wire_data::Property::of(number), &mut wire)?;
        }
    }
    Ok(wire)
}

fn set_wire(ctx: &Context<'_>, object: &Object, a: &Assignment, property: wire_data::Property, wire: &mut Conductor) -> Result<()> {
    use wire_data::Property as P;
    match (property, &a.value) {
        (P::RDC, Value::Real(x)) => {
            wire.r_dc_ohm = *x;
            if wire.r_ac_ohm < 0.0 {
                wire.r_ac_ohm = AC_OVER_DC * x;
            }
        }
        (P::RAC, Value::Real(x)) => {
            wire.r_ac_ohm = *x;
            if wire.r_dc_ohm < 0.0 {
                wire.r_dc_ohm = x / AC_OVER_DC;
            }
        }
        (P::RUnits, Value::Enum(n)) => wire.r_unit = length_unit(*n),
        (P::GMRAC, Value::Real(x)) => {
            wire.gmr = *x;
            if wire.radius < 0.0 {
                wire.radius = x / GMR_OVER_RADIUS;
            }
        }
        (P::GMRUnits, Value::Enum(n)) => {
            wire.gmr_unit = length_unit(*n);
            if wire.radius_unit == LengthUnit::None {
                wire.radius_unit = wire.gmr_unit;
            }
        }
        (P::Radius | P::Diam, Value::Real(x)) => {
            wire.radius = if property == P::Diam { x / 2.0 } else { *x };
            if wire.gmr < 0.0 {
                wire.gmr = GMR_OVER_RADIUS * wire.radius;
            }
            if wire.capacitance_radius < 0.0 {
                wire.capacitance_radius = wire.radius;
            }
        }
        (P::RadUnits, Value::Enum(n)) => {
            wire.radius_unit = length_unit(*n);
            if wire.gmr_unit == LengthUnit::None {
                wire.gmr_unit = wire.radius_unit;
            }
        }
        (P::NormAmps, Value::Real(x)) => {
            wire.rating.normal_a = *x;
            if wire.rating.emergency_a < 0.0 {
                wire.rating.emergency_a = 1.5 * x;
            }
        }
        (P::EmergAmps, Value::Real(x)) => {
            wire.rating.emergency_a = *x;
            if wire.rating.normal_a < 0.0 {
                wire.rating.normal_a = x / 1.5;
            }
        }
        (P::Seasons, Value::Integer(n)) => resize_ratings(&mut wire.rating.seasonal_a, *n),
        (P::Ratings, Value::Reals(x)) => wire.rating.seasonal_a = x.to_vec(),
        (P::CapRadius, Value::Real(x)) => wire.capacitance_radius = *x,
        (P::Like, _) => {
            if let Some(other) = ctx.like(object, a)? {
                let other = wire_before(ctx, other, a.command)?;
                let own = std::mem::replace(wire, other);
                wire.name = own.name;
                wire.rating.seasonal_a = own.rating.seasonal_a;
            }
        }
        _ => return Err(ctx.mismatch(object, a)),
    }
    Ok(())
}

/// Lowers wire, concentric-neutral and tape-shield data.
pub fn lower_wire(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let wire = wire_before(ctx, id, END)?;
    ctx.network.conductors.push(wire);
    Ok(())
}

/// A wire's ratings as they stood before `command`.
pub(super) fn wire_rating(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Rating> {
    Ok(wire_before(ctx, id, command)?.rating)
}

/// A spacing as it stood before `command`.
pub(super) fn spacing_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<network::LineSpacing> {
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
                spacing.n_conductors = count(ctx, object, a, *n)?;
                spacing.x = vec![0.0; spacing.n_conductors];
                spacing.h = vec![0.0; spacing.n_conductors];
                spacing.unit = LengthUnit::Foot;
            }
            (P::NPhases, Value::Integer(n)) => spacing.n_phases = count(ctx, object, a, *n)?,
            (P::X, Value::Reals(x)) => spacing.x.iter_mut().zip(x.iter()).for_each(|(to, from)| *to = *from),
            (P::H, Value::Reals(h)) => spacing.h.iter_mut().zip(h.iter()).for_each(|(to, from)| *to = *from),
            (P::Units, Value::Enum(n)) => spacing.unit = length_unit(*n),
            (P::Like, _) => {
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

/// A number of conductors or phases.
fn count(ctx: &Context<'_>, object: &Object, a: &Assignment, n: i32) -> Result<usize> {
    match usize::try_from(n) {
        Ok(n) if n <= super::MAX_CONDUCTORS => Ok(n),
        _ => Err(ctx.property_error(object, a, "READ.OPENDSS.BAD_VALUE", format!("{n} is no number of conductors"))),
    }
}

pub fn lower_spacing(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let spacing = spacing_before(ctx, id, END)?;
    ctx.network.line_spacings.push(spacing);
    Ok(())
}

/// What stands at one position of a geometry under construction.
#[derive(Clone)]
struct Position {
    wire: Option<ObjectId>,
    x: f64,
    h: f64,
    /// `None` until it is chosen; then the unit last used.
    unit: Option<LengthUnit>,
}

/// A geometry under construction.
#[derive(Clone)]
pub(super) struct Geometry {
    pub n_phases: usize,
    positions: Vec<Position>,
    active: usize,
    last_unit: LengthUnit,
    reduce: bool,
    pub rating: Rating,
    spacing: Option<ObjectId>,
    pub line_type: i32,
}

impl Geometry {
    /// Conductors of a line of this geometry.
    pub fn n_line_conductors(&self) -> usize {
        if self.reduce { self.n_phases.min(self.positions.len()) } else { self.positions.len() }
    }

    /// The ratings of the wire at the first position are those of the geometry, where it has none.
    fn adopt_rating(&mut self, ctx: &Context<'_>, wire: ObjectId, command: u32) -> Result<()> {
        let rating = wire_rating(ctx, wire, command)?;
        if rating.normal_a > 0.0 && self.rating.normal_a == 0.0 {
            self.rating.normal_a = rating.normal_a;
        }
        if rating.emergency_a > 0.0 && self.rating.emergency_a == 0.0 {
            self.rating.emergency_a = rating.emergency_a;
        }
        if rating.seasonal_a.len() > 1 && self.rating.seasonal_a.len() == 1 {
            self.rating.seasonal_a = rating.seasonal_a;
        }
        Ok(())
    }
}

/// A geometry as it stood before `command`.
pub(super) fn geometry_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Geometry> {
    use line_geometry::Property as P;
    let object = ctx.store.get(id);
    let mut g = Geometry {
        n_phases: 0,
        positions: Vec::new(),
        active: 0,
        last_unit: LengthUnit::Foot,
        reduce: false,
        rating: Rating { normal_a: 0.0, emergency_a: 0.0, seasonal_a: vec![0.0] },
        spacing: None,
        line_type: 1,
    };
    for a in ctx.log_before(object, command) {
        let property = P::of(a.property);
        let no_position = |active: usize, n: usize| {
            ctx.property_error(object, a, "READ.OPENDSS.BAD_VALUE", format!("conductor {} of {n}; NConds comes first", active + 1))
        };
        match (property, &a.value) {
            (P::NConds, Value::Integer(n)) => {
                let n = count(ctx, object, a, *n)?;
                g.positions = vec![Position { wire: None, x: 0.0, h: 0.0, unit: None }; n];
                g.active = 0;
                g.last_unit = LengthUnit::Foot;
            }
            (P::NPhases, Value::Integer(n)) => g.n_phases = count(ctx, object, a, *n)?,
            (P::Cond, Value::Integer(n)) => {
                if *n < 1 || *n as usize > g.positions.len() {
                    return Err(ctx.property_error(object, a, "READ.OPENDSS.BAD_VALUE", format!("conductor {n} of {}", g.positions.len())));
                }
                g.active = *n as usize - 1;
                let last_unit = g.last_unit;
                g.positions[g.active].unit.get_or_insert(last_unit);
            }
            (P::Wire | P::CNCable | P::TSCable, _) => {
                let wire = ctx.referenced(object, a)?;
                let active = g.active;
                let n = g.positions.len();
                g.positions.get_mut(active).ok_or_else(|| no_position(active, n))?.wire = wire;
                if let (0, Some(wire)) = (active, wire) {
                    g.adopt_rating(ctx, wire, a.command)?;
                }
            }
            (P::X | P::H | P::Units, value) => {
                let active = g.active;
                if active >= g.positions.len() {
                    return Err(no_position(active, g.positions.len()));
                }
                let position = &mut g.positions[active];
                match (property, value) {
                    (P::X, Value::Real(x)) => position.x = *x,
                    (P::H, Value::Real(h)) => position.h = *h,
                    (P::Units, Value::Enum(n)) => {
                        position.unit = Some(length_unit(*n));
                        g.last_unit = length_unit(*n);
                    }
                    _ => return Err(ctx.mismatch(object, a)),
                }
            }
            (P::NormAmps, Value::Real(x)) => g.rating.normal_a = *x,
            (P::EmergAmps, Value::Real(x)) => g.rating.emergency_a = *x,
            (P::Reduce, Value::Boolean(b)) => g.reduce = *b,
            (P::Spacing, _) => {
                g.spacing = ctx.referenced(object, a)?;
                if let Some(id) = g.spacing {
                    let spacing = spacing_before(ctx, id, a.command)?;
                    if spacing.n_conductors != g.positions.len() {
                        return Err(ctx.property_error(
                            object,
                            a,
                            "READ.OPENDSS.BAD_VALUE",
                            format!("the spacing has {} positions, the geometry {}", spacing.n_conductors, g.positions.len()),
                        ));
                    }
                    g.last_unit = spacing.unit;
                    for (i, position) in g.positions.iter_mut().enumerate() {
                        (position.x, position.h, position.unit) = (spacing.x[i], spacing.h[i], Some(spacing.unit));
                    }
                }
            }
            (P::Wires | P::CNCables | P::TSCables, Value::Objects(names)) => {
                let class = match property {
                    P::Wires => ClassId::WireData,
                    P::CNCables => ClassId::CnData,
                    _ => ClassId::TsData,
                };
                // Wires beside cables are bare neutrals: they follow the phases.
                let over_cables = property == P::Wires
                    && g.positions.get(g.active).and_then(|p| p.wire).is_some_and(|id| ctx.store.get(id).class != ClassId::WireData);
                let first = if over_cables { g.n_phases } else { 0 };
                let last = if over_cables || property == P::Wires { g.positions.len() } else { g.n_phases.min(g.positions.len()) };
                for (position, name) in (first..).zip(names.iter()) {
                    if position >= g.positions.len() {
                        return Err(ctx.property_error(
                            object,
                            a,
                            "READ.OPENDSS.BAD_VALUE",
                            format!("{} conductors for positions {} to {}", names.len(), first + 1, last),
                        ));
                    }
                    g.positions[position].wire = ctx.named(object, a, class, name)?;
                    g.active = position;
                }
                if first == 0
                    && let Some(wire) = g.positions.first().and_then(|p| p.wire)
                {
                    g.adopt_rating(ctx, wire, a.command)?;
                }
            }
            (P::Seasons, Value::Integer(n)) => resize_ratings(&mut g.rating.seasonal_a, *n),
            (P::Ratings, Value::Reals(x)) => g.rating.seasonal_a = x.to_vec(),
            (P::LineType, Value::Enum(n)) => g.line_type = *n,
            (P::Like, _) => {
                if let Some(other) = ctx.like(object, a)? {
                    let seasonal_a = std::mem::take(&mut g.rating.seasonal_a);
                    g = geometry_before(ctx, other, a.command)?;
                    g.rating.seasonal_a = seasonal_a;
                }
            }
            _ => return Err(ctx.mismatch(object, a)),
        }
    }
    Ok(g)
}

pub fn lower_geometry(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let object = ctx.store.get(id);
    let g = geometry_before(ctx, id, END)?;
    let mut conductors = Vec::with_capacity(g.positions.len());
    for (i, position) in g.positions.iter().enumerate() {
        let Some(wire) = position.wire else {
            return Err(ctx.error(
                object,
                object.source,
                "READ.OPENDSS.MISSING_CONDUCTOR",
                format!("position {} of {} has no wire or cable", i + 1, g.positions.len()),
            ));
        };
        conductors.push(GeometryConductor {
            conductor: ConductorId::from(ctx.place(wire)),
            x: position.x,
            h: position.h,
            unit: position.unit.unwrap_or(LengthUnit::None),
        });
    }
    ctx.network.line_geometries.push(network::LineGeometry {
        name: object.name.to_string(),
        n_conductors: conductors.len(),
        n_phases: g.n_phases.min(conductors.len()),
        conductors,
        reduce: g.reduce,
        rating: g.rating,
        spacing: g.spacing.map(|id| LineSpacingId::from(ctx.place(id))),
        line_type: super::line_type(g.line_type),
    });
    Ok(())
}
