//! What a bus is to the grid around it: features that hosting capacity and short circuits follow from, out of one model.
//!
//! With `Z_sc` the short-circuit impedance between the `n` nodes of a bus and `V_oc` their open-circuit voltages ([`powerflow::fault_study`]),
//!
//! ```text
//! r + j x            = mean of the diagonal of Z_sc, ohm        what one phase sees to the sources, transformers and earth included
//! short_circuit_mva  = sum |V_oc| |Z_sc^-1 V_oc| / 1e6
//! v_pu               = mean |V_oc| / (nominal kV / sqrt 3)      loads stand as admittances
//! ```
//!
//! A generator of power `P` at a bus raises its voltage by about `r P / V^2`, so that `r` bounds what voltage allows, and the smallest rating on the
//! way to the source what currents allow. Downstream of a bus is what is reached through it along the tree of closed links with the fewest links
//! from the sources; in a mesh that is a choice.

use network::graph::{Graph, nominal_kv_ll};
use network::{BusId, ElementKind, Network};
use powerflow::CircuitError;
use powerflow::fault_study::fault_study;
use std::collections::BTreeMap;

/// Names of the features, with unit last.
pub const NAMES: [&str; 9] =
    ["distance_km", "base_kv", "phases", "r_ohm", "x_ohm", "short_circuit_mva", "v_pu", "downstream_load_kw", "upstream_rating_kva"];

/// A bus and its features; NaN where one cannot be had (no rating on the way).
#[derive(Clone, Debug, PartialEq)]
pub struct BusFeatures {
    pub bus: String,
    /// Feeder of the element that it is reached through, as the model names it; empty where it names none.
    pub feeder: String,
    /// Part of the tree that it lies in, for holding out what is near together.
    pub branch: usize,
    pub values: [f64; NAMES.len()],
}

/// Features of all buses that the sources reach, in the order of the network's buses. Buses whose short-circuit impedance cannot be inverted are
/// left out.
///
/// `branches` is into how many parts the tree is cut at most.
///
/// # Errors
/// A network that cannot be factored.
pub fn bus_features(network: &Network, branches: usize) -> Result<Vec<BusFeatures>, CircuitError> {
    let graph = Graph::new(network);
    let tree = graph.reach(&network.supply_buses());
    let kv_ll = nominal_kv_ll(network, &graph);
    let distance = network::distance::distances_km(network);
    let n = network.buses.len();
    let mut load = vec![0.0; n];
    for l in network.loads.iter().filter(|l| l.common.enabled) {
        if let Some(t) = l.common.terminals.first().filter(|t| t.bus.index() < n) {
            load[t.bus.index()] += l.p_kw;
        }
    }
    for &bus in tree.order.iter().rev() {
        if let Some((parent, _)) = tree.parent[bus.index()] {
            load[parent.index()] += load[bus.index()];
        }
    }
    let mut rating = vec![f64::INFINITY; n];
    let mut feeder = vec![String::new(); n];
    for &bus in &tree.order {
        let Some((parent, link)) = tree.parent[bus.index()] else { continue };
        let element = graph.links[link as usize].element;
        rating[bus.index()] = rating[parent.index()].min(rating_kva(network, element, kv_ll[bus.index()]).unwrap_or(f64::INFINITY));
        let own = &network.common(element).feeder;
        feeder[bus.index()] = if own.is_empty() { feeder[parent.index()].clone() } else { own.clone() };
    }
    let branch = cut(&tree, n, branches);
    let place: BTreeMap<&str, usize> = network.buses.iter().enumerate().map(|(i, b)| (b.name.as_str(), i)).collect();
    let faults = fault_study(network, None)?;
    let of = |f: &powerflow::fault_study::BusFault| -> Option<BusFeatures> {
        let i = *place.get(f.bus.as_str())?;
        let bus = BusId::from(i);
        let currents = f.i_sc_all_a.as_ref().filter(|_| tree.is_reached(bus))?;
        let (nodes, own) = (f.nodes.len() as f64, (0..f.nodes.len()).map(|k| f.z_sc_ohm.row(k)[k]));
        let z = own.fold((0.0, 0.0), |s, z| (s.0 + z.re / nodes, s.1 + z.im / nodes));
        let mva = f.v_oc.iter().zip(currents).map(|(v, i)| v.norm() * i.norm()).sum::<f64>() / 1e6;
        let nominal_v = 1000.0 * kv_ll[i] / 3f64.sqrt();
        let v_pu = f.v_oc.iter().map(|v| v.norm()).sum::<f64>() / nodes / nominal_v;
        let phases = f.nodes.iter().filter(|n| (1..=3).contains(*n)).count() as f64;
        let number = |x: f64| if x.is_finite() { x } else { f64::NAN };
        let km = distance[i].unwrap_or(f64::NAN);
        let values = [km, kv_ll[i], phases, z.0, z.1, mva, v_pu, load[i], rating[i]].map(number);
        Some(BusFeatures { bus: f.bus.clone(), feeder: feeder[i].clone(), branch: branch[i], values })
    };
    Ok(faults.iter().filter_map(of).collect())
}

/// What an element carries, kVA; none without a rating.
fn rating_kva(network: &Network, element: network::ElementId, kv_ll: f64) -> Option<f64> {
    let common = network.common(element);
    let kva = match element.kind {
        ElementKind::Transformer => {
            let t = &network.transformers[element.index()];
            if t.normal_kva > 0.0 { t.normal_kva } else { t.windings.first()?.kva }
        }
        _ => common.rating.normal_a * common.n_phases as f64 * kv_ll / 3f64.sqrt(),
    };
    Some(kva).filter(|k| k.is_finite() && *k > 0.0)
}

/// The tree in at most so many parts of like size: the largest is cut at its top again and again, its top going with the largest child.
fn cut(tree: &network::graph::Tree, n: usize, parts: usize) -> Vec<usize> {
    let children = tree.children();
    let mut size = vec![1usize; n];
    for &bus in tree.order.iter().rev() {
        if let Some((parent, _)) = tree.parent[bus.index()] {
            size[parent.index()] += size[bus.index()];
        }
    }
    // Tops of parts. A part is a subtree less the parts that were cut from below it.
    let mut tops: Vec<BusId> = tree.order.iter().copied().filter(|b| tree.parent[b.index()].is_none()).collect();
    let mut left = size.clone();
    while tops.len() < parts {
        let Some(&top) = tops.iter().max_by_key(|b| left[b.index()]).filter(|b| left[b.index()] > 1) else { break };
        // Down to where the part forks; all but the largest child become parts of their own.
        let mut at = top;
        let fork = loop {
            let mut below: Vec<BusId> = children[at.index()].iter().copied().filter(|c| !tops.contains(c)).collect();
            below.sort_by_key(|c| std::cmp::Reverse(size[c.index()]));
            match below.as_slice() {
                [] => break None,
                [only] => at = *only,
                [largest, second, ..] => {
                    // Twigs of a bus or two are no parts.
                    if size[second.index()] * 4 * parts >= size[top.index()] {
                        break Some(*second);
                    }
                    at = *largest;
                }
            }
        };
        match fork {
            Some(new) => {
                left[top.index()] = left[top.index()].saturating_sub(size[new.index()]);
                left[new.index()] = size[new.index()];
                tops.push(new);
            }
            None => left[top.index()] = 1,
        }
    }
    let mut part = vec![0; n];
    for &bus in &tree.order {
        part[bus.index()] = match (tops.iter().position(|t| *t == bus), tree.parent[bus.index()]) {
            (Some(own), _) => own,
            (None, Some((parent, _))) => part[parent.index()],
            (None, None) => 0,
        };
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use formats::opendss::{FileSource, ReadOptions, read};
    use std::path::Path;

    struct Script(String);

    impl FileSource for Script {
        fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
            Ok(self.0.clone().into_bytes())
        }

        fn list_dir(&self, _: &Path) -> std::io::Result<Vec<String>> {
            Ok(vec!["model.dss".to_owned()])
        }
    }

    /// A stiff source and three lines in a row with a lateral: impedances add up along the way, loads from below, ratings are the least.
    #[test]
    fn features_of_a_radial_feeder_are_those_by_hand() {
        let line = |name: &str, from: &str, to: &str, km: f64, amps: f64| {
            format!(
                "new line.{name} bus1={from} bus2={to} r1=0.3 x1=0.4 r0=0.3 x0=0.4 c1=0 c0=0 normamps={amps} emergamps={amps} length={km} units=km\n"
            )
        };
        let text = [
            "clear\nnew circuit.c bus1=s basekv=12.47 pu=1.0 r1=0 x1=0.000001 r0=0 x0=0.000001\n".to_owned(),
            line("a", "s", "p", 2.0, 400.0),
            line("b", "p", "q", 1.0, 200.0),
            line("d", "p", "t", 4.0, 100.0),
            "new load.q bus1=q kv=12.47 kw=1 kvar=0\nnew load.t bus1=t kv=12.47 kw=2 kvar=0\nset voltagebases=[12.47]\ncalcv\n".to_owned(),
        ]
        .concat();
        let options = ReadOptions { lenient: false, commands: Vec::new() };
        let network = read(&Script(text), Path::new("model.dss"), &mut powerflow::Session::new(), &options)
            .map_err(|e| e.diagnostics)
            .unwrap()
            .network;
        let all = bus_features(&network, 4).unwrap();
        let of = |bus: &str, name: &str| {
            let at = NAMES.iter().position(|n| *n == name).unwrap();
            all.iter().find(|b| b.bus == bus).unwrap().values[at]
        };
        let near = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-3, "{a} {b}");
        // Equal sequence impedances: no coupling between phases, 0.3 + j 0.4 ohm a km.
        near(of("q", "r_ohm"), 0.9);
        near(of("q", "x_ohm"), 1.2);
        near(of("t", "r_ohm"), 1.8);
        near(of("t", "short_circuit_mva"), 12.47 * 12.47 / 3.0);
        near(of("q", "v_pu"), 1.0);
        near(of("q", "distance_km"), 3.0);
        assert_eq!((of("p", "downstream_load_kw"), of("t", "downstream_load_kw"), of("q", "phases")), (3.0, 2.0, 3.0));
        near(of("p", "upstream_rating_kva"), 400.0 * 12.47 * 3f64.sqrt());
        near(of("t", "upstream_rating_kva"), 100.0 * 12.47 * 3f64.sqrt());
        assert!(of("s", "upstream_rating_kva").is_nan());
        let branch = |bus: &str| all.iter().find(|b| b.bus == bus).unwrap().branch;
        assert_ne!(branch("q"), branch("t"));
    }
}
