//! A design with more or fewer of its own units.
//!
//! A unit brings its bay: the buses that serve it alone, the cable or transformer behind each, up to the first bus that others share, with the breakers
//! there, the reliability data of all of them. A copy gets numbers that are free; units that are there keep theirs.

use network::Diagnostic;
use network::design::{Design, DesignBattery, DesignBreaker, DesignGenerator, DesignGridFeed, DesignPv, DesignTransformer};
use std::collections::{HashMap, HashSet};

/// What a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnitKind {
    Generator,
    Battery,
    Pv,
    GridFeed,
    Transformer,
}

/// A kind of unit in a design.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub kind: UnitKind,
    /// Units with its plate, the pattern among them, in the design's order.
    pub units: Vec<String>,
    pub bays: Vec<Bay>,
    pub rated_mw: f64,
    /// MTBF / (MTBF + MTTR); 1 where nothing is known.
    pub availability: f64,
}

/// What serves one unit alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bay {
    pub buses: Vec<String>,
    /// Cables and transformers.
    pub branches: Vec<String>,
    pub breakers: Vec<String>,
    /// Components of all of them, the unit's first.
    pub components: Vec<String>,
}

/// The pattern of a name in a design; `None` where the design has no such unit.
pub(super) fn pattern(design: &Design, like: &str) -> Option<Pattern> {
    macro_rules! of {
        ($list:ident, $kind:expr, $same:expr, $mw:expr) => {
            if let Some(p) = design.$list.iter().find(|u| u.id == like) {
                let units: Vec<String> = design.$list.iter().filter(|u| $same(p, u)).map(|u| u.id.clone()).collect();
                let bays = units.iter().map(|u| bay(design, u)).collect();
                let component = design.components.iter().find(|c| c.component_id == like);
                let availability = component.map_or(1.0, |c| c.availability());
                return Some(Pattern { kind: $kind, units, bays, rated_mw: $mw(p), availability });
            }
        };
    }
    // Equal but for names and places.
    let generator = |p: &DesignGenerator, u: &DesignGenerator| {
        *p == DesignGenerator {
            id: p.id.clone(),
            name: p.name.clone(),
            short_name: p.short_name.clone(),
            bus: p.bus.clone(),
            status: p.status,
            ..u.clone()
        }
    };
    let battery = |p: &DesignBattery, u: &DesignBattery| {
        *p == DesignBattery { id: p.id.clone(), name: p.name.clone(), bus: p.bus.clone(), status: p.status, ..u.clone() }
    };
    let pv = |p: &DesignPv, u: &DesignPv| {
        *p == DesignPv { id: p.id.clone(), name: p.name.clone(), bus: p.bus.clone(), status: p.status, ..u.clone() }
    };
    let feed = |p: &DesignGridFeed, u: &DesignGridFeed| {
        *p == DesignGridFeed { id: p.id.clone(), name: p.name.clone(), bus: p.bus.clone(), status: p.status, ..u.clone() }
    };
    of!(generators, UnitKind::Generator, generator, |p: &DesignGenerator| p.rated_mw);
    of!(batteries, UnitKind::Battery, battery, |p: &DesignBattery| p.rated_mw);
    of!(pv_plants, UnitKind::Pv, pv, |p: &DesignPv| p.rated_mw);
    of!(grid_feeds, UnitKind::GridFeed, feed, |p: &DesignGridFeed| p.rated_mw);
    of!(transformers, UnitKind::Transformer, same_transformer, |_: &DesignTransformer| 0.0);
    None
}

/// Equal but for names; of transformers that stand between buses of their own, as those of units do, the buses may differ.
fn same_transformer(p: &DesignTransformer, u: &DesignTransformer) -> bool {
    let renamed = DesignTransformer {
        id: p.id.clone(),
        name: p.name.clone(),
        hv_bus: p.hv_bus.clone(),
        lv_bus: p.lv_bus.clone(),
        status: p.status,
        ..u.clone()
    };
    *p == renamed
}

/// Transformers with the plate of one.
pub(super) fn transformers_like(design: &Design, like: &str) -> Vec<usize> {
    let Some(p) = design.transformers.iter().find(|t| t.id == like) else { return Vec::new() };
    (0..design.transformers.len()).filter(|&i| same_transformer(p, &design.transformers[i])).collect()
}

/// Cables with the plate of one; their lengths may differ.
pub(super) fn cables_like(design: &Design, like: &str) -> Vec<usize> {
    let Some(p) = design.cables.iter().find(|c| c.id == like) else { return Vec::new() };
    let plate = |c: &network::design::DesignCable| {
        let r0 = c.r0_ohm_per_km.zip(c.x0_ohm_per_km);
        (c.r1_ohm_per_km, c.x1_ohm_per_km, r0, c.c1_nf_per_km, c.n_parallel, c.rated_mva)
    };
    (0..design.cables.len()).filter(|&i| plate(&design.cables[i]) == plate(p)).collect()
}

/// Identifiers of units, loads and motors at a bus.
fn at_bus<'d>(d: &'d Design, bus: &str) -> Vec<&'d str> {
    let mut all: Vec<&str> = Vec::new();
    macro_rules! gather { ($($list:ident),*) => {$(all.extend(d.$list.iter().filter(|e| e.bus == bus).map(|e| e.id.as_str()));)*} }
    gather!(generators, batteries, pv_plants, grid_feeds, loads, motors);
    all
}

/// Branches at a bus with the bus at their other end.
fn branches_at<'d>(d: &'d Design, bus: &str) -> Vec<(&'d str, &'d str)> {
    let cables = d.cables.iter().map(|c| (c.id.as_str(), c.from_bus.as_str(), c.to_bus.as_str()));
    let all = cables.chain(d.transformers.iter().map(|t| (t.id.as_str(), t.hv_bus.as_str(), t.lv_bus.as_str())));
    all.filter_map(|(id, a, b)| match () {
        () if a == bus => Some((id, b)),
        () if b == bus => Some((id, a)),
        () => None,
    })
    .collect()
}

fn bay(design: &Design, unit: &str) -> Bay {
    let mut found = Bay::default();
    macro_rules! start { ($($list:ident),*) => { None$(.or_else(|| design.$list.iter().find(|u| u.id == unit).map(|u| u.bus.clone())))* } }
    let mut next: Option<String> = start!(generators, batteries, pv_plants, grid_feeds);
    while let Some(bus) = next.take() {
        let alone = at_bus(design, &bus).iter().all(|id| *id == unit);
        let onward: Vec<(&str, &str)> =
            branches_at(design, &bus).into_iter().filter(|(id, _)| !found.branches.iter().any(|b| b == id)).collect();
        if let (true, [(branch, other)]) = (alone && found.buses.len() < design.buses.len(), &onward[..]) {
            found.branches.push((*branch).to_owned());
            next = Some((*other).to_owned());
            found.buses.push(bus);
        }
    }
    let own = |id: &String| id == unit || found.branches.contains(id);
    let breakers = design.breakers.iter().filter(|b| found.buses.contains(&b.bus) || own(&b.protects)).map(|b| b.id.clone());
    found.breakers = breakers.collect();
    let ids = std::iter::once(unit).chain(found.branches.iter().map(String::as_str)).chain(found.breakers.iter().map(String::as_str));
    let components = ids.filter(|id| design.components.iter().any(|c| c.component_id == **id)).map(str::to_owned);
    found.components = components.collect();
    found
}

/// Gives a design `n` units of a pattern, and the names of what stands for each in the reliability diagram: components of its bay.
///
/// # Errors
/// No number is free for a bus.
pub(super) fn set_count(design: &mut Design, pattern: &Pattern, n: u32) -> Result<Vec<(String, Vec<String>)>, Diagnostic> {
    let n = n as usize;
    let mut all: Vec<(String, Vec<String>)> =
        pattern.units.iter().cloned().zip(pattern.bays.iter().map(|b| b.components.clone())).collect();
    for i in (n..pattern.units.len()).rev() {
        remove(design, &pattern.units[i], &pattern.bays[i]);
    }
    all.truncate(n);
    for i in pattern.units.len()..n {
        // In turn, so that units spread over bus sections as those that are there do.
        let from = i % pattern.units.len();
        all.push(copy(design, &pattern.units[from], &pattern.bays[from], i + 1)?);
    }
    Ok(all)
}

fn remove(design: &mut Design, unit: &str, bay: &Bay) {
    let gone: HashSet<&str> =
        std::iter::once(unit).chain(bay.branches.iter().map(String::as_str)).chain(bay.breakers.iter().map(String::as_str)).collect();
    design.buses.retain(|b| !bay.buses.contains(&b.id));
    macro_rules! drop { ($($list:ident),*) => {$(design.$list.retain(|e| !gone.contains(e.id.as_str()));)*} }
    drop!(generators, batteries, pv_plants, grid_feeds, transformers, cables, breakers);
    design.components.retain(|c| !gone.contains(c.component_id.as_str()));
    design.failure_modes.retain(|m| !gone.contains(m.component_id.as_str()));
    design.scenario_rules.also.retain(|s| !s.tripped_equipment.iter().any(|t| gone.contains(t.as_str())));
    for block in &mut design.blocks {
        let before = block.components.len();
        block.components.retain(|c| !gone.contains(c.as_str()));
        let lost = (before - block.components.len()) as u32;
        block.n_total = block.n_total.saturating_sub(lost);
        block.k_required = match block.k_of_type() {
            Some(k) => k,
            None => block.k_required.min(block.n_total),
        };
    }
    design.blocks.retain(|b| !b.components.is_empty());
}

/// A text with its last number replaced; with the number behind it where it has none.
fn numbered(text: &str, ordinal: usize) -> String {
    let end = text.rfind(|c: char| c.is_ascii_digit()).map(|i| i + 1);
    let Some(end) = end else { return format!("{text}_{ordinal}") };
    let start = text[..end].rfind(|c: char| !c.is_ascii_digit()).map_or(0, |i| i + text[i..].chars().next().map_or(1, char::len_utf8));
    let width = end - start;
    format!("{}{ordinal:0width$}{}", &text[..start], &text[end..])
}

fn ids(design: &Design) -> HashSet<String> {
    let mut all: HashSet<String> = HashSet::new();
    macro_rules! gather { ($($list:ident),*) => {$(all.extend(design.$list.iter().map(|e| e.id.clone()));)*} }
    gather!(buses, generators, batteries, pv_plants, grid_feeds, transformers, cables, loads, motors, breakers);
    all.extend(design.components.iter().map(|c| c.component_id.clone()));
    all.extend(design.blocks.iter().map(|b| b.block_id.clone()));
    all
}

fn copy(design: &mut Design, unit: &str, bay: &Bay, ordinal: usize) -> Result<(String, Vec<String>), Diagnostic> {
    let taken = ids(design);
    let mut names: HashMap<String, String> = HashMap::new();
    for id in std::iter::once(unit).chain(bay.branches.iter().map(String::as_str)).chain(bay.breakers.iter().map(String::as_str)) {
        let is_free = |name: &String| !taken.contains(name) && !names.values().any(|n| n == name);
        let mut candidates = (ordinal..ordinal + taken.len() + names.len() + 1).map(|k| numbered(id, k));
        // Among so many numbers one is free.
        let name = candidates.find(is_free).unwrap_or_else(|| format!("{id}_{ordinal}_{}", names.len()));
        names.insert(id.to_owned(), name);
    }
    // A bus is known by its number everywhere: a new one behind all others.
    let mut number = design.buses.iter().filter_map(|b| b.case_number()).max().unwrap_or(0);
    for id in &bay.buses {
        let Some(pattern) = design.bus(id).cloned() else { continue };
        let digits = pattern.number.is_none();
        let name = loop {
            number += 1;
            if number > 999_997 {
                let what = Diagnostic::error("EXCHANGE.SIZING.NUMBERS", "no bus number is free behind the largest one");
                return Err(what.element(id.as_str()).hint("give the design's buses smaller numbers"));
            }
            let name = if digits { format!("BUS_{number}") } else { numbered(id, number as usize) };
            if !taken.contains(&name) && !names.values().any(|n| *n == name) {
                break name;
            }
        };
        let mut new = pattern;
        new.name = numbered(&new.name, ordinal);
        new.raw_name = new.raw_name.map(|n| numbered(&n, ordinal));
        new.number = if digits { None } else { Some(number) };
        new.id.clone_from(&name);
        names.insert(id.clone(), name);
        design.buses.push(new);
    }
    let map = |id: &str| names.get(id).cloned().unwrap_or_else(|| id.to_owned());
    macro_rules! units {
        ($($list:ident),*) => {$(
            if let Some(mut u) = design.$list.iter().find(|u| u.id == unit).cloned() {
                u.id = map(&u.id);
                u.name = numbered(&u.name, ordinal);
                u.bus = map(&u.bus);
                design.$list.push(u);
            }
        )*};
    }
    units!(batteries, pv_plants, grid_feeds);
    if let Some(mut g) = design.generators.iter().find(|g| g.id == unit).cloned() {
        g.id = map(&g.id);
        g.name = numbered(&g.name, ordinal);
        g.short_name = g.short_name.map(|n| numbered(&n, ordinal));
        g.bus = map(&g.bus);
        design.generators.push(g);
    }
    for id in bay.branches.iter().map(String::as_str).chain([unit]) {
        if let Some(mut c) = design.cables.iter().find(|c| c.id == id).cloned() {
            c.id = map(&c.id);
            c.name = numbered(&c.name, ordinal);
            c.from_bus = map(&c.from_bus);
            c.to_bus = map(&c.to_bus);
            design.cables.push(c);
        }
        if let Some(mut t) = design.transformers.iter().find(|t| t.id == id).cloned() {
            t.id = map(&t.id);
            t.name = numbered(&t.name, ordinal);
            t.hv_bus = map(&t.hv_bus);
            t.lv_bus = map(&t.lv_bus);
            design.transformers.push(t);
        }
    }
    for id in &bay.breakers {
        let Some(b) = design.breakers.iter().find(|b| b.id == *id).cloned() else { continue };
        design.breakers.push(DesignBreaker {
            id: map(&b.id),
            name: numbered(&b.name, ordinal),
            bus: map(&b.bus),
            protects: if b.protects.is_empty() { String::new() } else { map(&b.protects) },
            ..b
        });
    }
    for id in &bay.components {
        let Some(mut c) = design.components.iter().find(|c| c.component_id == *id).cloned() else { continue };
        c.component_id = map(id);
        c.component_name = numbered(&c.component_name, ordinal);
        design.components.push(c);
    }
    Ok((map(unit), bay.components.iter().map(|c| map(c)).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_of_a_name_is_the_unit_s() {
        for (text, expected) in [
            ("GEN_RECIP_01", "GEN_RECIP_11"),
            ("RECIP_1_BUS", "RECIP_11_BUS"),
            ("Engine 18.3 MW no 4", "Engine 18.3 MW no 11"),
            ("XFMR_MAIN", "XFMR_MAIN_11"),
            ("Gerät 2", "Gerät 11"),
        ] {
            assert_eq!(numbered(text, 11), expected);
        }
    }
}
