//! A case, written and read again, is the same case but for what its version cannot hold. What that
//! is stands here a second time, said of the network instead of the text.

use formats::MemoryFiles;
use formats::psse::{ReadOptions, WriteOptions, read, write};
use network::*;
use num_complex::Complex64;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Debug;
use std::path::Path;

fn no_source(common: &mut Common) {
    common.source = SourceRef::default();
}

/// The network without what does not belong to the case: places in files, order between kinds.
fn plain(network: &Network) -> Network {
    let mut n = network.clone();
    for kind in ElementKind::ALL {
        for id in n.ids(*kind) {
            no_source(n.common_mut(id));
        }
    }
    n.order.clear();
    for bus in n.buses.iter_mut().filter_map(|b| b.transmission.as_mut()) {
        bus.source = SourceRef::default();
    }
    let case = n.transmission.as_mut().unwrap();
    case.version = 0;
    case.kept.iter_mut().for_each(|k| k.source = SourceRef::default());
    n.ac_branches.sort_by(|a, b| a.common.name.cmp(&b.common.name));
    n.fixed_shunts.sort_by(|a, b| a.common.name.cmp(&b.common.name));
    n
}

/// The network as a version can hold it.
pub fn as_version(network: &Network, version: u32) -> Network {
    let mut n = network.clone();
    for id in n.order.clone() {
        // An element is out of service by its own status alone.
        assert!(n.common(id).terminals.iter().all(Terminal::all_closed));
    }
    for bus in n.buses.iter_mut().filter_map(|b| b.transmission.as_mut()) {
        bus.name = bus.name.chars().take(12).collect();
    }
    for l in &mut n.power_loads {
        l.label.clear();
        if version < 35 {
            l.load_type.clear();
        }
        if version < 34 {
            if l.dg_in_service {
                l.p_mw -= l.dg_p_mw;
                l.q_mvar -= l.dg_q_mvar;
            }
            (l.dg_p_mw, l.dg_q_mvar, l.dg_in_service) = (0.0, 0.0, false);
        }
    }
    n.fixed_shunts.iter_mut().for_each(|s| s.label.clear());
    for m in &mut n.machines {
        m.label.clear();
        m.droop.clear();
        if version < 35 {
            m.base_load = 0;
        }
        if version < 34 {
            m.regulated_node = 0;
        }
    }
    for b in &mut n.ac_branches {
        let bare = b.r_pu == 0.0 && b.b_pu == 0.0 && b.y_from_pu == Complex64::ZERO && b.y_to_pu == Complex64::ZERO;
        b.rating_set.clear();
        if version < 34 {
            b.label.clear();
            b.ratings_mva.truncate(3);
            b.normally_closed = true;
            if let Some(device) = b.switching {
                let disconnect = device == SwitchingDevice::Disconnect;
                if !b.circuit.starts_with(['@', '*']) {
                    let old = b.circuit.clone();
                    b.circuit = format!("{}{}", if disconnect { '*' } else { '@' }, &old[..1]);
                    b.common.name = b.common.name.replace(&format!("-{}", old.to_lowercase()), &format!("-{}", b.circuit));
                }
                b.switching = Some(if b.circuit.starts_with('*') { SwitchingDevice::Disconnect } else { SwitchingDevice::Breaker });
                if b.x_pu == 0.0 && b.r_pu == 0.0 {
                    b.x_pu = 1e-4;
                }
            }
        } else if b.switching.is_some() && bare {
            b.owners.clear();
            b.length = 0.0;
        }
    }
    for t in &mut n.power_transformers {
        if version < 34 {
            t.label = t.label.chars().take(12).collect::<String>().trim().to_owned();
            t.correct_pairs = false;
            for w in &mut t.windings {
                w.ratings_mva.truncate(3);
                w.control.node = 0;
            }
        }
    }
    let mut with_shunt = HashSet::new();
    let mut second = Vec::new();
    n.switched_shunts.retain_mut(|s| {
        s.label.clear();
        let first = with_shunt.insert(s.common.terminals[0].bus);
        if version >= 35 {
            return true;
        }
        if !first {
            second.push(s.clone());
            return false;
        }
        s.blocks.retain(|b| b.in_service);
        let bus = s.common.name.split('-').next().unwrap().to_owned();
        s.common.name = format!("{bus}-1");
        s.id = "1".into();
        if version < 34 {
            s.regulated_node = 0;
        }
        true
    });
    for s in second {
        let taken = |id: &str| n.fixed_shunts.iter().any(|f| f.id == id && f.common.terminals == s.common.terminals);
        let id = std::iter::once(s.id.clone()).chain((1..100).map(|i| i.to_string())).find(|id| !taken(id)).unwrap();
        let mut common = s.common.clone();
        common.name = format!("{}-{}", common.name.split('-').next().unwrap(), id.to_lowercase());
        n.add(FixedShunt { common, id, label: String::new(), in_service: s.in_service, g_mw: 0.0, b_mvar: s.b_mvar });
    }
    for d in &mut n.two_terminal_dcs {
        if version < 34 {
            (d.rectifier.firing_node, d.inverter.firing_node) = (0, 0);
        }
    }
    if version < 34 {
        n.vsc_dcs.iter_mut().flat_map(|d| &mut d.converters).for_each(|c| c.regulated_node = 0);
        n.facts_devices.iter_mut().for_each(|d| d.regulated_node = 0);
    }
    n.power_motors.iter_mut().for_each(|m| m.label.clear());
    let case = n.transmission.as_mut().unwrap();
    case.kept.retain(|k| k.group == "gne" || (k.group == "system-wide" && version >= 34));
    if version < 34 {
        case.zero_impedance_pu = 1e-4;
        case.substations.clear();
        for table in &mut case.corrections {
            table.points.truncate(11);
            table.points.iter_mut().for_each(|(_, f)| f.im = 0.0);
        }
        n.buses.iter_mut().for_each(|b| b.latitude_longitude_deg = None);
    } else if case.zero_impedance_pu != 1e-4 && !case.kept.iter().any(|k| k.lines[0].trim_start().starts_with("GENERAL")) {
        let lines = vec![format!("GENERAL, THRSHZ={:?}", case.zero_impedance_pu)];
        case.kept.insert(0, KeptRecord { group: "system-wide".into(), lines, source: SourceRef::default() });
    }
    n
}

fn same<T: PartialEq + Debug>(what: &str, wanted: &[T], got: &[T]) {
    for (wanted, got) in wanted.iter().zip(got) {
        assert!(wanted == got, "{what}\n wanted {wanted:?}\n got    {got:?}");
    }
    assert_eq!(wanted.len(), got.len(), "{what}: how many");
}

/// Every list of two networks, element by element.
pub fn assert_same(what: &str, wanted: &Network, got: &Network) {
    let (wanted, got) = (plain(wanted), plain(got));
    macro_rules! lists {
        ($($list:ident),* $(,)?) => {$(same(&format!("{what}: {}", stringify!($list)), &wanted.$list, &got.$list);)*};
    }
    lists!(
        buses,
        power_loads,
        fixed_shunts,
        machines,
        ac_branches,
        power_transformers,
        two_terminal_dcs,
        vsc_dcs,
        multi_terminal_dcs,
        facts_devices,
        switched_shunts,
        power_motors,
    );
    assert_eq!(wanted.transmission, got.transmission, "{what}");
    assert_eq!(wanted.options, got.options, "{what}");
}

/// Writes a case in a version, reads it, and sets it against what the version can hold. What was
/// lost stands in the ledger.
pub fn check(name: &str, imported: &Imported, version: u32) {
    let what = format!("{name} as version {version}");
    let (text, ledger) = write(&imported.network, &WriteOptions { version }).unwrap_or_else(|e| panic!("{what}: {e}"));
    let stem = Path::new(name).file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_owned();
    let path = format!("{stem}.raw");
    let again = read(&MemoryFiles::new().with(&path, text.clone()), Path::new(&path), &ReadOptions::default()).unwrap();
    assert!(again.rejects.is_empty(), "{what}: {:?}", again.rejects.first());
    let strict = again
        .diagnostics
        .iter()
        .find(|d| d.code.starts_with("RAW.RECORD") || d.code.starts_with("RAW.GROUP") || d.code.starts_with("RAW.FILE"));
    assert_eq!(strict, None, "{what}");
    let held = as_version(&imported.network, version);
    assert_same(&what, &held, &again.network);
    let lost = plain(&held) != plain(&imported.network);
    let told: BTreeMap<&str, usize> = ledger.entries.iter().map(|e| (e.field.as_str(), e.count)).collect();
    assert!(!lost || !told.is_empty(), "{what}: something was lost, and the ledger does not say it");
    if ledger.entries.is_empty() {
        assert_same(&what, &imported.network, &again.network);
    }
    // Once written, the case stays what it is.
    let (second, _) = write(&again.network, &WriteOptions { version }).unwrap();
    assert!(second == text, "{what}: the second writing differs");
}
