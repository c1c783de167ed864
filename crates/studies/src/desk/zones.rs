//! Neighbourhoods of a network: whether they do, and those that its transformers make.

use network::neighbourhood::{Neighbourhood, Neighbourhoods};
use network::{BusId, Diagnostic, Graph, Network, graph::nominal_kv_ll};
use std::collections::{BTreeMap, HashMap};

/// What is wrong with neighbourhoods for a network, all at once.
pub fn check(network: &Network, of: &Neighbourhoods) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut add = |subject: String, message: String, hint: &str| {
        findings.push(Diagnostic::error("DESK.NEIGHBOURHOOD.VALUE", message).element(subject).hint(hint));
    };
    let (mut numbers, mut owner) = (BTreeMap::new(), HashMap::new());
    let l = of.limits;
    for (name, value, least, most) in [
        ("v_max_pu", l.v_max_pu, 0.5, 2.0),
        ("reverse_max_kw", l.reverse_max_kw, 0.0, f64::MAX),
        ("power_factor_min", l.power_factor_min, f64::MIN_POSITIVE, 1.0),
    ] {
        if !(least..=most).contains(&value) {
            add(
                "limits".into(),
                format!("{name} is {value}"),
                "give a voltage of 0.5 to 2 pu, a power of 0 kW or more, a power factor above 0 and at most 1",
            );
        }
    }
    for z in &of.neighbourhoods {
        let subject = format!("neighbourhood {}", z.pincode);
        if numbers.insert(z.pincode, ()).is_some() {
            add(subject.clone(), format!("{subject} is there twice"), "give each a number of its own");
        }
        if z.buses.is_empty() {
            add(subject.clone(), format!("{subject} has no bus"), "name its buses, or leave it out");
        }
        for bus in z.buses.iter().chain([&z.transformer_bus]) {
            if network.bus_id(&bus.to_lowercase()).is_none() {
                add(
                    subject.clone(),
                    format!("{subject} names bus \"{bus}\", which the model does not have"),
                    "name buses as the model does",
                );
            }
        }
        for bus in &z.buses {
            if let Some(other) = owner.insert(bus.to_lowercase(), z.pincode) {
                add(subject.clone(), format!("bus {bus} is in neighbourhoods {other} and {}", z.pincode), "a bus is in one of them, once");
            }
        }
        if let Some(name) = &z.transformer
            && network.find(&format!("transformer.{}", name.to_lowercase())).is_none()
        {
            add(
                subject.clone(),
                format!("{subject} names transformer \"{name}\", which the model does not have"),
                "leave it out, or name it without its class",
            );
        }
        if let Some(kva) = z.kva.filter(|k| !(k.is_finite() && *k > 0.0)) {
            add(subject, format!("the rating is {kva} kVA"), "give a rating above 0");
        }
    }
    findings
}

/// A neighbourhood for each transformer that steps down to buses with loads: what hangs below it, without what hangs below another. Numbered
/// from 1 in the order of the model. Single-phase units that feed one bus are told by the first; their ratings are added.
pub fn of_transformers(network: &Network) -> Neighbourhoods {
    let graph = Graph::new(network);
    let kv = nominal_kv_ll(network, &graph);
    let steps_down = |i: usize| {
        let t = &network.transformers[i];
        let ends: Vec<BusId> = t.common.terminals.iter().map(|t| t.bus).collect();
        let high = ends.first().copied()?;
        let low = ends.iter().copied().skip(1).min_by(|a, b| kv[a.index()].total_cmp(&kv[b.index()]))?;
        (t.common.enabled && kv[low.index()] > 0.0 && kv[low.index()] < 0.9 * kv[high.index()]).then_some((high, low))
    };
    let units: Vec<(usize, BusId, BusId)> =
        (0..network.transformers.len()).filter_map(|i| steps_down(i).map(|(high, low)| (i, high, low))).collect();
    let supply = network.supply_buses();
    let loads: Vec<bool> = {
        let mut at = vec![false; network.buses.len()];
        network.loads.iter().filter(|l| l.common.enabled).for_each(|l| at[l.common.terminals[0].bus.index()] = true);
        at
    };
    let is_unit: Vec<bool> =
        graph.links.iter().map(|l| units.iter().any(|(_, h, w)| (l.from, l.to) == (*h, *w) || (l.to, l.from) == (*h, *w))).collect();
    let mut below: BTreeMap<BusId, (usize, BusId, f64)> = BTreeMap::new();
    for &(i, high, low) in &units {
        let t = &network.transformers[i];
        let kva = if t.normal_kva > 0.0 { t.normal_kva } else { t.windings[0].kva };
        below.entry(low).and_modify(|b| b.2 += kva).or_insert((i, high, kva));
    }
    let mut neighbourhoods = Vec::new();
    for (low, (i, high, kva)) in below {
        let tree = graph.reach_by(&[low], |link| !is_unit[link as usize] && graph.links[link as usize].is_closed);
        if supply.iter().any(|s| tree.is_reached(*s)) || !tree.order.iter().any(|b| loads[b.index()]) {
            continue;
        }
        let units_here = units.iter().filter(|u| u.2 == low).count();
        neighbourhoods.push((
            i,
            Neighbourhood {
                pincode: 0,
                buses: tree.order.iter().map(|b| network.bus(*b).name.clone()).collect(),
                transformer_bus: network.bus(high).name.clone(),
                // A bank is judged by what it supplies; one unit by its own flow.
                transformer: (units_here == 1).then(|| network.transformers[i].common.name.clone()),
                kva: Some(kva),
            },
        ));
    }
    neighbourhoods.sort_by_key(|(i, _)| *i);
    let numbered = (1..).zip(neighbourhoods).map(|(pincode, (_, n))| Neighbourhood { pincode, ..n }).collect();
    Neighbourhoods { neighbourhoods: numbered, ..Neighbourhoods::default() }
}
