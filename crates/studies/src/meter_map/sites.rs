//! Transformers of a network as candidates, and where its secondary conductors lead.

use super::TransformerSite;
use network::{LonLat, Network};
use std::collections::HashMap;

/// Highest line-to-line voltage of a side to which customers are connected, kV.
const SERVICE_KV: f64 = 1.0;

/// Service transformers of a network with a place, and for each bus on their secondary side the transformer that feeds it.
///
/// Banks of one-phase units that share a bus are told apart by their names only; a bus that two transformers feed leads to none.
pub fn sites_of(network: &Network, feeder: &str) -> (Vec<TransformerSite>, HashMap<String, String>) {
    let place = |bus: network::BusId| network.bus(bus).latitude_longitude_deg.map(|(lat, lon)| LonLat::new(lon, lat));
    let mut sites = Vec::new();
    let mut fed: HashMap<usize, Option<usize>> = HashMap::new();
    for t in &network.transformers {
        let low = (0..t.windings.len()).min_by(|&a, &b| t.windings[a].kv.total_cmp(&t.windings[b].kv));
        let Some(low) = low else { continue };
        if t.windings[low].kv > SERVICE_KV || !t.common.enabled {
            continue;
        }
        let (Some(first), Some(last)) = (t.common.terminals.first(), t.common.terminals.get(low)) else { continue };
        let Some(at) = place(last.bus).or_else(|| place(first.bus)) else { continue };
        let phases = first.nodes.iter().filter(|n| (1..=3).contains(*n)).fold(0u8, |p, n| p | 1 << (n - 1));
        let name = t.common.name.clone();
        let own = t.common.feeder.as_str();
        let feeder = if own.is_empty() { feeder } else { own };
        let index = sites.len();
        sites.push(TransformerSite { id: name, place: at, feeder: feeder.to_owned(), phases, kva: t.windings.first().map(|w| w.kva) });
        for terminal in t.common.terminals.iter().skip(1) {
            let slot = fed.entry(terminal.bus.index()).or_insert(Some(index));
            if *slot != Some(index) {
                *slot = None;
            }
        }
    }
    // Lines carry the name on, from bus to bus.
    let mut beside: HashMap<usize, Vec<usize>> = HashMap::new();
    for line in network.lines.iter().filter(|l| l.common.enabled) {
        if let [a, b, ..] = line.common.terminals.as_slice() {
            beside.entry(a.bus.index()).or_default().push(b.bus.index());
            beside.entry(b.bus.index()).or_default().push(a.bus.index());
        }
    }
    let mut open: Vec<usize> = fed.keys().copied().collect();
    open.sort_unstable();
    while let Some(bus) = open.pop() {
        let owner = fed[&bus];
        for &next in beside.get(&bus).into_iter().flatten() {
            match fed.get(&next) {
                None => {
                    fed.insert(next, owner);
                    open.push(next);
                }
                Some(other) if other.is_some() && *other != owner => {
                    fed.insert(next, None);
                    open.push(next);
                }
                Some(_) => {}
            }
        }
    }
    let traced = fed
        .into_iter()
        .filter_map(|(bus, t)| {
            let t: &TransformerSite = &sites[t?];
            Some((network.buses.get(bus)?.name.clone(), t.id.clone()))
        })
        .collect();
    (sites, traced)
}
