//! Which outages are studied.

use super::{Case, ContingencyError, severity};
use network::{ElementId, ElementKind, Network};
use powerflow::State;
use serde::{Deserialize, Serialize};

/// Kinds of elements, each a switch of its own, and elements by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    pub lines: bool,
    /// Regulators among them.
    pub transformers: bool,
    /// Supplies: voltage sources; of a transmission case none, its machines are generators.
    pub sources: bool,
    /// Generators, PV systems and storage; machines of a transmission case.
    pub generators: bool,
    /// `class.name`, in any case.
    pub elements: Vec<String>,
}

impl Selection {
    /// All kinds.
    pub fn all() -> Self {
        Self { lines: true, transformers: true, sources: true, generators: true, elements: Vec::new() }
    }

    fn has(&self, kind: ElementKind) -> bool {
        use ElementKind as K;
        match kind {
            K::Line | K::AcBranch => self.lines,
            K::Transformer | K::PowerTransformer => self.transformers,
            K::VoltageSource => self.sources,
            K::Generator | K::PvSystem | K::Storage | K::Machine => self.generators,
            _ => false,
        }
    }
}

/// The elements of a name, or all of its name without a class.
///
/// # Errors
/// No such element.
pub fn find(network: &Network, name: &str) -> Result<ElementId, ContingencyError> {
    let wanted = name.trim().to_lowercase();
    let unknown = || ContingencyError::UnknownElement { name: name.trim().to_owned() };
    if let Some(id) = network.find(&wanted) {
        return Ok(id);
    }
    if wanted.is_empty() || wanted.contains('.') {
        return Err(unknown());
    }
    // A name without class is taken where it is one element's alone.
    let mut found = network.order.iter().copied().filter(|&id| network.common(id).name == wanted && carries(id.kind));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        _ => Err(unknown()),
    }
}

fn carries(kind: ElementKind) -> bool {
    Selection::all().has(kind) || matches!(kind, ElementKind::Reactor | ElementKind::Capacitor | ElementKind::Load)
}

/// Names that are most like one, by the edits that lead from one to the other; at most five.
pub fn nearest(network: &Network, name: &str) -> Vec<String> {
    let wanted = name.trim().to_lowercase();
    let has_class = wanted.contains('.');
    let mut all: Vec<(usize, String)> = network
        .order
        .iter()
        .filter(|id| carries(id.kind))
        .map(|&id| {
            let full = network.full_name(id);
            let own = if has_class { full.as_str() } else { network.common(id).name.as_str() };
            (edits(&wanted, own), full)
        })
        .collect();
    all.sort();
    let most = (wanted.chars().count() / 2).max(2);
    all.into_iter().filter(|(n, _)| *n <= most).take(5).map(|(_, name)| name).collect()
}

/// Least number of letters put in, taken out or changed (Levenshtein).
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// The outages of single elements: those selected that carry current and of which a node is fed, in the order of the model.
///
/// # Errors
/// A name that no element has; nothing selected.
pub fn singles(state: &State, selection: &Selection) -> Result<Vec<ElementId>, ContingencyError> {
    let circuit = state.circuit();
    let network = circuit.network();
    let fed = state.fed_nodes();
    let mut found: Vec<ElementId> = Vec::new();
    for name in &selection.elements {
        let id = find(network, name)?;
        if !found.contains(&id) {
            found.push(id);
        }
    }
    let is_closed = |id: ElementId| {
        let common = network.common(id);
        let n = common.n_phases.min(common.n_conductors());
        (0..common.terminals.len()).all(|t| (0..n).any(|c| state.is_closed(id, t, c)))
    };
    for &id in network.order.iter().filter(|id| selection.has(id.kind)) {
        let Some(index) = circuit.index_of(id) else { continue };
        let is_fed = circuit.elements()[index].nodes.iter().any(|&n| fed[n as usize]);
        if is_fed && is_closed(id) && !found.contains(&id) {
            found.push(id);
        }
    }
    if found.is_empty() { Err(ContingencyError::Nothing) } else { Ok(found) }
}

/// Names with a plus between them.
pub fn name(network: &Network, elements: &[ElementId]) -> String {
    elements.iter().map(|&id| network.full_name(id)).collect::<Vec<_>>().join(" + ")
}

/// The first pairs of single outages, in ascending order of the sum of their places in the order of severity.
pub fn pairs(singles: &[&Case], most: usize) -> Vec<Vec<ElementId>> {
    let mut order: Vec<usize> = (0..singles.len()).collect();
    order.sort_by(|&a, &b| match (singles[a].worst(), singles[b].worst()) {
        (Some(x), Some(y)) => severity(x.end(), y.end()).then(a.cmp(&b)),
        _ => a.cmp(&b),
    });
    let n = order.len();
    let mut found = Vec::new();
    for sum in 1..(2 * n).max(1) {
        for i in 0..=(sum / 2) {
            let j = sum - i;
            if i < j && j < n {
                if found.len() >= most {
                    return found;
                }
                found.push(singles[order[i]].elements.iter().chain(&singles[order[j]].elements).copied().collect());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::edits;

    #[test]
    fn edits_of_known_words() {
        for (a, b, n) in [("", "", 0), ("kitten", "sitting", 3), ("line.l1", "line.l10", 1), ("abc", "", 3), ("flaw", "lawn", 2)] {
            assert_eq!(edits(a, b), n, "{a} {b}");
        }
    }
}
