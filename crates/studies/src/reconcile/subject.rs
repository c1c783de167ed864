//! What is matched: equipment of a network, whether it is known as an asset, as an element, or as both.

use network::{AssetKind, ElementId, ElementKind, LonLat, Network};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Subjects are matched within their class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Line,
    /// Switches, fuses, reclosers and breakers, which sources do not tell apart alike.
    Switch,
    Transformer,
    Capacitor,
    /// Loads, service points and meters.
    Load,
    Generator,
}

impl Class {
    pub fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Switch => "switch",
            Self::Transformer => "transformer",
            Self::Capacitor => "capacitor",
            Self::Load => "load",
            Self::Generator => "generator",
        }
    }
}

/// One piece of equipment as its source tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// `class:id`.
    pub key: String,
    pub class: Class,
    /// Ids and aliases, lower case; the first is its own.
    pub ids: Vec<String>,
    /// One point, or the two ends of a line.
    pub places: Vec<LonLat>,
    pub kv: Option<f64>,
    /// kVA, kvar or kW.
    pub size: Option<f64>,
    pub phases: Option<[bool; 3]>,
    pub length_m: Option<f64>,
    /// Buses at which it stands.
    pub buses: Vec<u32>,
    /// What it is in the network: an element (of a line in pieces the first), an asset's number among assets, or both.
    pub element: Option<ElementId>,
    pub asset: Option<usize>,
}

impl Subject {
    /// The middle of its places.
    pub fn middle(&self) -> Option<LonLat> {
        let n = self.places.len() as f64;
        let sum = self.places.iter().fold((0.0, 0.0), |s, p| (s.0 + p.lon_deg, s.1 + p.lat_deg));
        (!self.places.is_empty()).then(|| LonLat::new(sum.0 / n, sum.1 / n))
    }

    /// Distance to another, metres: of lines the mean of the ends', whichever way round they are drawn.
    pub fn distance_m(&self, other: &Subject) -> Option<f64> {
        match (self.places.as_slice(), other.places.as_slice()) {
            ([a, b], [c, d]) => {
                let straight = a.distance_m(*c) + b.distance_m(*d);
                let turned = a.distance_m(*d) + b.distance_m(*c);
                Some(0.5 * straight.min(turned))
            }
            ([], _) | (_, []) => None,
            // A point against a short line, such as a switch drawn one way and the other.
            _ => {
                let (a, b) = (self.middle()?, other.middle()?);
                Some(a.distance_m(b))
            }
        }
    }
}

/// Letters and digits, lower case, without zeros in front of numbers.
pub(super) fn plain(id: &str) -> String {
    let mut text = String::with_capacity(id.len());
    let mut in_number = false;
    for c in id.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase) {
        if c == '0' && !in_number {
            continue;
        }
        in_number = c.is_ascii_digit();
        text.push(c);
    }
    text
}

fn class_of_asset(kind: AssetKind) -> Option<Class> {
    Some(match kind {
        AssetKind::Conductor => Class::Line,
        AssetKind::Switch | AssetKind::Fuse | AssetKind::Recloser | AssetKind::Breaker => Class::Switch,
        AssetKind::Transformer => Class::Transformer,
        AssetKind::Capacitor => Class::Capacitor,
        AssetKind::Load | AssetKind::Meter => Class::Load,
        AssetKind::Generator => Class::Generator,
        AssetKind::Pole | AssetKind::Regulator | AssetKind::Substation | AssetKind::Bus | AssetKind::Other => return None,
    })
}

fn class_of_element(network: &Network, id: ElementId) -> Option<Class> {
    Some(match id.kind {
        ElementKind::Line if network.lines[id.index()].is_switch => Class::Switch,
        ElementKind::Line | ElementKind::AcBranch => Class::Line,
        // Units of a regulator bank are one thing elsewhere, and have a ratio of one.
        ElementKind::Transformer => {
            let t = &network.transformers[id.index()];
            let same = t.windings.windows(2).all(|w| w[0].kv == w[1].kv);
            if same {
                return None;
            }
            Class::Transformer
        }
        ElementKind::PowerTransformer => Class::Transformer,
        ElementKind::Capacitor => Class::Capacitor,
        ElementKind::Load | ElementKind::PowerLoad => Class::Load,
        ElementKind::Generator | ElementKind::PvSystem | ElementKind::Machine => Class::Generator,
        _ => return None,
    })
}

fn place_of_bus(network: &Network, bus: network::BusId) -> Option<LonLat> {
    network.bus(bus).latitude_longitude_deg.map(|(lat, lon)| LonLat::new(lon, lat))
}

/// Phases by the nodes 1 to 3 of the first terminal.
fn phases_of(network: &Network, id: ElementId) -> Option<[bool; 3]> {
    let terminal = network.common(id).terminals.first()?;
    let phases: [bool; 3] = std::array::from_fn(|p| terminal.nodes.contains(&(p as u32 + 1)));
    phases.iter().any(|p| *p).then_some(phases)
}

/// Rating or power of an element; length of a line in metres; voltage.
fn figures(network: &Network, id: ElementId) -> (Option<f64>, Option<f64>, Option<f64>) {
    let i = id.index();
    let kv_of_bus = || {
        let base = network.bus(network.common(id).terminals.first()?.bus).kv_base_ln;
        (base > 0.0).then(|| base * 3f64.sqrt())
    };
    match id.kind {
        ElementKind::Line => {
            let line = &network.lines[i];
            let told = line.length_unit != network::LengthUnit::None && !line.is_switch;
            (None, told.then(|| line.length * line.length_unit.metres()), kv_of_bus())
        }
        ElementKind::Transformer => (network.transformers[i].windings.first().map(|w| w.kva), None, kv_of_bus()),
        ElementKind::Capacitor => match &network.capacitors[i].size {
            network::CapacitorSize::Kvar(steps) => (Some(steps.iter().sum()), None, kv_of_bus()),
            _ => (None, None, kv_of_bus()),
        },
        ElementKind::Load => (Some(network.loads[i].p_kw), None, kv_of_bus()),
        ElementKind::Generator => (Some(network.generators[i].p_kw), None, kv_of_bus()),
        ElementKind::PvSystem => (Some(network.pv_systems[i].p_mpp_kw), None, kv_of_bus()),
        _ => (None, None, kv_of_bus()),
    }
}

/// Phases as attributes have them: letters, or the mask A=4, B=2, C=1.
fn phases_of_text(text: &str) -> Option<[bool; 3]> {
    if let Ok(mask @ 1..=7) = text.trim().parse::<u32>() {
        return Some([mask & 4 != 0, mask & 2 != 0, mask & 1 != 0]);
    }
    let upper = text.to_uppercase();
    let known = upper.chars().filter(|c| c.is_alphanumeric()).all(|c| "ABCN".contains(c));
    let phases = ['A', 'B', 'C'].map(|c| upper.contains(c));
    (known && phases.iter().any(|p| *p)).then_some(phases)
}

/// Everything of a network that can have a counterpart, in a fixed order.
///
/// An asset that is an element is one subject; pieces of one line (elements that share an alias) are one subject too.
pub fn subjects(network: &Network) -> Vec<Subject> {
    let mut found: Vec<Subject> = Vec::new();
    let mut by_element: HashMap<ElementId, usize> = HashMap::new();
    let mut by_alias: HashMap<(Class, String), usize> = HashMap::new();
    for (number_of_asset, asset) in network.assets.iter().enumerate() {
        let Some(class) = class_of_asset(asset.kind) else { continue };
        let number = |names: &[&str]| {
            let of =
                |n: &&str| asset.attributes.iter().find(|(k, _)| k.eq_ignore_ascii_case(n)).and_then(|(_, v)| v.trim().parse::<f64>().ok());
            names.iter().find_map(of).filter(|v| v.is_finite() && *v > 0.0)
        };
        let text = |name: &str| asset.attributes.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
        let mut places = match asset.route.as_slice() {
            [] => Vec::new(),
            [p] => vec![*p],
            [first, .., last] => vec![*first, *last],
        };
        let id = asset.id.to_lowercase();
        let mut ids = vec![id.clone()];
        ids.extend(text("alias").map(str::to_lowercase));
        let mut buses: Vec<u32> = asset.bus.iter().map(|b| b.0).collect();
        let (mut size, mut length_m, mut kv) = (number(&["kva", "kvar", "p_kw"]), number(&["length"]), number(&["kv"]));
        let mut phases = text("phases").and_then(phases_of_text);
        if let Some(element) = asset.element {
            by_element.insert(element, found.len());
            let common = network.common(element);
            ids.extend(common.aliases.iter().map(|a| a.id.to_lowercase()));
            buses.extend(common.terminals.iter().map(|t| t.bus.0));
            let own = figures(network, element);
            (size, length_m, kv) = (own.0.or(size), length_m.or(own.1), own.2.or(kv));
            phases = phases_of(network, element).or(phases);
            if places.is_empty() {
                places = common.terminals.iter().filter_map(|t| place_of_bus(network, t.bus)).take(2).collect();
            }
        }
        if places.is_empty() {
            places.extend(asset.bus.and_then(|b| place_of_bus(network, b)));
        }
        by_alias.entry((class, id.clone())).or_insert(found.len());
        found.push(Subject {
            key: format!("{}:{id}", class.name()),
            class,
            ids,
            places,
            kv,
            size,
            phases,
            length_m,
            buses,
            element: asset.element,
            asset: Some(number_of_asset),
        });
    }
    for &id in &network.order {
        if by_element.contains_key(&id) {
            continue;
        }
        let Some(class) = class_of_element(network, id) else {
            // A further piece of a line without electrical data still joins its buses.
            if id.kind == ElementKind::Unmodelled
                && let Some(alias) = network.common(id).aliases.first()
                && let Some(&s) = [Class::Line, Class::Switch].iter().find_map(|c| by_alias.get(&(*c, alias.id.to_lowercase())))
            {
                found[s].buses.extend(network.common(id).terminals.iter().map(|t| t.bus.0));
            }
            continue;
        };
        let common = network.common(id);
        let (size, length_m, kv) = figures(network, id);
        if let Some(alias) = common.aliases.first()
            && let Some(&s) = by_alias.get(&(class, alias.id.to_lowercase()))
        {
            found[s].buses.extend(common.terminals.iter().map(|t| t.bus.0));
            continue;
        }
        let name = common.name.to_lowercase();
        let mut ids = vec![name.clone()];
        ids.extend(common.aliases.iter().map(|a| a.id.to_lowercase()));
        let mut buses: Vec<u32> = common.terminals.iter().filter(|t| t.nodes.iter().any(|&n| n != 0)).map(|t| t.bus.0).collect();
        buses.dedup();
        let places: Vec<LonLat> = match (common.route.as_slice(), class) {
            ([first, .., last], _) => vec![*first, *last],
            // A transformer stands at one place, that of its first winding.
            (_, Class::Transformer) => buses.first().and_then(|&b| place_of_bus(network, network::BusId(b))).into_iter().collect(),
            _ => buses.iter().filter_map(|&b| place_of_bus(network, network::BusId(b))).take(2).collect(),
        };
        by_alias.entry((class, name.clone())).or_insert(found.len());
        found.push(Subject {
            key: format!("{}:{name}", class.name()),
            class,
            ids,
            places,
            kv,
            size,
            phases: phases_of(network, id),
            length_m,
            buses,
            element: Some(id),
            asset: None,
        });
    }
    for s in &mut found {
        s.buses.sort_unstable();
        s.buses.dedup();
        s.ids.dedup();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_compared_by_letters_and_numbers() {
        assert_eq!(plain("XFMR-0042/a"), plain("xfmr 42A"));
        assert_ne!(plain("T100"), plain("T10"));
        assert_eq!(plain("000"), "");
    }

    #[test]
    fn phases_of_attributes_are_letters_or_a_mask() {
        assert_eq!(phases_of_text("5"), Some([true, false, true]));
        assert_eq!(phases_of_text("a b n"), Some([true, true, false]));
        assert_eq!(phases_of_text("three"), None);
    }
}
