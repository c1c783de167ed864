//! Availability of plants against closed forms, brute force, published indices, and against itself by simulation.

mod adequacy;
mod brute;
mod checks;
mod documents;
mod exact;
mod simulation;

use network::availability::{Block, BlockKind, Component, Crews, Diagram, Lifetime, Printed};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases").join(name)
}

pub fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Rows below the header.
pub fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines().skip(1).map(|l| l.split(',').collect()).collect()
}

/// A number of a `case.toml`.
pub fn figure(toml: &str, name: &str) -> f64 {
    let line = toml.lines().find(|l| l.split('=').next().is_some_and(|k| k.trim() == name)).unwrap_or_else(|| panic!("no {name}"));
    line.split('=').nth(1).unwrap().trim().parse().unwrap()
}

fn number(text: &str) -> Option<f64> {
    (!text.is_empty()).then(|| text.parse().unwrap())
}

/// The diagrams of `cases/availability-diagrams`, by name.
pub fn diagrams() -> BTreeMap<String, Diagram> {
    let folder = case("availability-diagrams");
    let mut found: BTreeMap<String, Diagram> = BTreeMap::new();
    for row in rows(&text(&folder.join("components.csv"))) {
        let [diagram, id, mtbf, mttr, availability, beta, eta, capacity, crews] = row[..] else { panic!("{row:?}") };
        let d = found.entry(diagram.to_owned()).or_default();
        if let (Some(n), true) = (number(crews), d.crews.is_empty()) {
            d.crews.push(Crews { id: "crew".to_owned(), number: n as u32 });
        }
        d.components.push(Component {
            id: id.to_owned(),
            mtbf_h: number(mtbf),
            mttr_h: number(mttr),
            availability: Printed::parse(availability),
            lifetime: number(beta).map_or(Lifetime::Exponential, |beta| Lifetime::Weibull { beta, eta_h: number(eta) }),
            capacity_mw: number(capacity),
            crew: (!crews.is_empty()).then(|| "crew".to_owned()),
            ..Component::default()
        });
    }
    for row in rows(&text(&folder.join("blocks.csv"))) {
        let [diagram, id, kind, members, k, need, more] = row[..] else { panic!("{row:?}") };
        let words = |t: &str| t.split_whitespace().map(str::to_owned).collect();
        found.get_mut(diagram).unwrap().blocks.push(Block {
            id: id.to_owned(),
            kind: *BlockKind::ALL.iter().find(|b| b.word() == kind).unwrap(),
            members: words(members),
            k_required: number(k).map(|k| k as u32),
            capacity_required_mw: number(need),
            capacity_members: words(more),
            ..Block::default()
        });
    }
    if let Some(d) = found.get_mut("common_cause") {
        let members = vec!["a".to_owned(), "b".to_owned()];
        d.common_causes.push(network::availability::CommonCause { id: "both".to_owned(), beta: 0.05, members });
    }
    found
}

pub fn component(id: &str, mtbf_h: f64, mttr_h: f64) -> Component {
    Component { id: id.to_owned(), mtbf_h: Some(mtbf_h), mttr_h: Some(mttr_h), ..Component::default() }
}

pub fn block(id: &str, kind: BlockKind, members: &[&str]) -> Block {
    Block { id: id.to_owned(), kind, members: members.iter().map(|m| (*m).to_owned()).collect(), ..Block::default() }
}
