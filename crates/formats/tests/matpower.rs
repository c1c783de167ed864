//! The cases of `cases/matpower`, each set against what its folder expects: rows, findings, values,
//! balance at the stored voltages; written and read again; and damaged in hundreds of ways.

mod round_trip;

use formats::MemoryFiles;
use formats::matpower::{ReadOptions, looks_like, read, write};
use network::*;
use num_complex::Complex64;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/matpower");
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    assert!(folders.len() >= 4);
    folders
}

fn read_text(text: &[u8], name: &str) -> Result<Imported, formats::ImportError> {
    read(&MemoryFiles::new().with(name, text), Path::new(name), &ReadOptions::default())
}

fn rows(path: &Path) -> Option<Vec<Vec<String>>> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.lines().skip(1).map(|l| l.split(',').map(str::to_owned).collect()).collect())
}

fn value(network: &Network, element: &str, quantity: &str) -> f64 {
    let id = network.find(element).unwrap_or_else(|| panic!("no {element}"));
    let i = id.index();
    let b = |b: bool| f64::from(u8::from(b));
    match (id.kind, quantity) {
        (_, "in_service") => b(network.common(id).enabled),
        (ElementKind::AcBranch, "r_pu") => network.ac_branches[i].r_pu,
        (ElementKind::AcBranch, "x_pu") => network.ac_branches[i].x_pu,
        (ElementKind::PowerLoad, "p_mw") => network.power_loads[i].p_mw,
        (ElementKind::PowerLoad, "q_mvar") => network.power_loads[i].q_mvar,
        (ElementKind::FixedShunt, "b_mvar") => network.fixed_shunts[i].b_mvar,
        (ElementKind::PowerTransformer, "tap") => network.power_transformers[i].windings[0].ratio,
        (ElementKind::PowerTransformer, "angle_deg") => network.power_transformers[i].windings[0].angle_deg,
        (ElementKind::Machine, "p_mw") => network.machines[i].p_mw,
        (ElementKind::Machine, "q_max_mvar") => network.machines[i].q_max_mvar,
        (ElementKind::Machine, "q_min_mvar") => network.machines[i].q_min_mvar,
        (ElementKind::Machine, "base_mva") => network.machines[i].base_mva,
        _ => panic!("{element} has no {quantity} here"),
    }
}

/// Power that leaves each bus and is not brought there, at the stored voltages; MVA.
///
/// A network read from this format has branches and transformers of per-unit values only.
fn imbalance(network: &Network) -> BTreeMap<u32, Complex64> {
    let case = network.transmission.as_ref().unwrap();
    let bus = |c: &Common, t: usize| network.bus(c.terminals[t].bus).transmission.as_ref().unwrap();
    let v = |b: &TransmissionBus| Complex64::from_polar(b.v_pu, b.angle_deg.to_radians());
    let mut s: BTreeMap<u32, Complex64> = BTreeMap::new();
    let mut add = |number: u32, power: Complex64| *s.entry(number).or_default() += power;
    for b in network.ac_branches.iter().filter(|b| b.in_service) {
        let (i, j) = (bus(&b.common, 0), bus(&b.common, 1));
        let (y, half) = (1.0 / Complex64::new(b.r_pu, b.x_pu), Complex64::new(0.0, b.b_pu / 2.0));
        add(i.number, v(i) * (y * (v(i) - v(j)) + half * v(i)).conj() * case.s_base_mva);
        add(j.number, v(j) * (y * (v(j) - v(i)) + half * v(j)).conj() * case.s_base_mva);
    }
    for t in network.power_transformers.iter().filter(|t| t.status == TransformerStatus::In) {
        let (i, j) = (bus(&t.common, 0), bus(&t.common, 1));
        let y = 1.0 / Complex64::new(t.impedances[0].r, t.impedances[0].x);
        let tap = Complex64::from_polar(t.windings[0].ratio, t.windings[0].angle_deg.to_radians());
        // Current through the impedance, and what the ideal tap makes of it.
        let current = y * (v(i) / tap - v(j));
        add(i.number, v(i) * (current / tap.conj()).conj() * case.s_base_mva);
        add(j.number, -v(j) * current.conj() * case.s_base_mva);
    }
    for l in network.power_loads.iter().filter(|l| l.in_service) {
        add(bus(&l.common, 0).number, Complex64::new(l.p_mw, l.q_mvar));
    }
    for f in network.fixed_shunts.iter().filter(|f| f.in_service) {
        let b = bus(&f.common, 0);
        add(b.number, Complex64::new(f.g_mw, -f.b_mvar) * (b.v_pu * b.v_pu));
    }
    for m in network.machines.iter().filter(|m| m.in_service) {
        add(bus(&m.common, 0).number, -Complex64::new(m.p_mw, m.q_mvar));
    }
    s.retain(|n, _| {
        network.bus_id(&n.to_string()).is_some_and(|b| network.bus(b).transmission.as_ref().unwrap().kind != BusKind::Isolated)
    });
    s
}

fn largest(imbalance: &BTreeMap<u32, Complex64>, network: &Network) -> (f64, f64) {
    let not_swing = |n: &u32| network.bus(network.bus_id(&n.to_string()).unwrap()).transmission.as_ref().unwrap().kind != BusKind::Swing;
    let all = || imbalance.iter().filter(|(n, _)| not_swing(n)).map(|(_, s)| s);
    (all().map(|s| s.re.abs()).fold(0.0, f64::max), all().map(|s| s.im.abs()).fold(0.0, f64::max))
}

#[test]
fn cases_are_read_as_their_folders_expect() {
    for folder in folders() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read(folder.join("network.m")).unwrap();
        assert!(looks_like(&text, "network.m") || name == "odd_syntax", "{name}");
        let imported = read_text(&text, "network.m").unwrap_or_else(|e| panic!("{name}: {e}"));
        let expected = rows(&folder.join("expected/counts.csv")).unwrap();
        let got: Vec<Vec<String>> = imported.counts.iter().map(|(t, n)| vec![t.clone(), n.to_string()]).collect();
        assert_eq!(got, expected, "{name}");
        let expected = rows(&folder.join("expected/findings.csv")).unwrap();
        let line = |d: &Diagnostic| d.source.as_ref().map_or(0, |s| s.line).to_string();
        let got: Vec<Vec<String>> = imported.diagnostics.iter().map(|d| vec![d.code.clone(), line(d)]).collect();
        assert_eq!(got, expected, "{name}: {:?}", imported.diagnostics);
        for row in rows(&folder.join("expected/values.csv")).unwrap_or_default() {
            let (wanted, got) = (row[2].parse::<f64>().unwrap(), value(&imported.network, &row[0], &row[1]));
            assert!((wanted - got).abs() <= 1e-12 * wanted.abs().max(1e-3), "{name}: {} {} is {got}, not {wanted}", row[0], row[1]);
        }
        if let Some(row) = rows(&folder.join("expected/mismatch.csv")) {
            let (p, q) = largest(&imbalance(&imported.network), &imported.network);
            println!("{name}: largest imbalance {p:.3} MW, {q:.3} Mvar");
            assert!(p <= row[0][0].parse().unwrap() && q <= row[0][1].parse().unwrap(), "{name}: {p} MW, {q} Mvar");
        }
    }
}

#[test]
fn what_is_written_is_electrically_the_same() {
    for folder in folders() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let imported = read_text(&std::fs::read(folder.join("network.m")).unwrap(), "network.m").unwrap();
        let (text, _) = write(&imported.network, &name).unwrap();
        let again = read_text(text.as_bytes(), "network.m").unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
        assert!(again.diagnostics.is_empty() && again.rejects.is_empty(), "{name}: {:?}", again.diagnostics);
        let (before, after) = (imbalance(&imported.network), imbalance(&again.network));
        for (bus, s) in &before {
            assert!((s - after[bus]).norm() < 1e-9, "{name}: bus {bus}: {s} and {}", after[bus]);
        }
        let kept = |i: &Imported| {
            i.network.transmission.as_ref().unwrap().kept.iter().map(|k| (k.group.clone(), k.lines.clone())).collect::<Vec<_>>()
        };
        assert_eq!(kept(&imported), kept(&again), "{name}");
        // As RAW, too, the case stays what it is.
        for version in [33, 34, 35] {
            round_trip::check(&format!("{name}.m"), &imported, version);
        }
    }
}

#[test]
fn solved_cases_of_another_format_balance_after_conversion() {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/formats");
    let folder = std::env::var_os("GRIDTWIN_FORMATS").map_or_else(default, PathBuf::from);
    let Ok(table) = std::fs::read_to_string(folder.join("psse/check.csv")) else {
        println!("skipped: no sample files in {}", folder.display());
        return;
    };
    let mut n = 0;
    for row in table.lines().skip(1).map(|l| l.split(',').collect::<Vec<_>>()) {
        let (Ok(p_limit), Ok(q_limit)) = (row[21].parse::<f64>(), row[22].parse::<f64>()) else { continue };
        let files = MemoryFiles::new().with(row[0], std::fs::read(folder.join(row[0])).unwrap());
        let imported = formats::psse::read(&files, Path::new(row[0]), &formats::psse::ReadOptions::default()).unwrap();
        // Branches of no impedance turn the rounding of stored angles into any power.
        let zero = imported.network.transmission.as_ref().unwrap().zero_impedance_pu;
        if imported.network.ac_branches.iter().any(|b| b.r_pu == 0.0 && b.x_pu.abs() <= zero) {
            continue;
        }
        let Ok((text, _)) = write(&imported.network, "sample") else { continue };
        let again = read_text(text.as_bytes(), "sample.m").unwrap();
        let (p, q) = largest(&imbalance(&again.network), &again.network);
        // PV buses have whatever reactive power the machines say: stored too.
        println!("{}: {p:.3} MW of {p_limit}, {q:.3} Mvar of {q_limit}", row[0]);
        assert!(p <= p_limit * 1.05 + 0.02, "{}: {p} MW instead of {p_limit}", row[0]);
        assert!(q <= q_limit * 1.05 + 0.05, "{}: {q} Mvar instead of {q_limit}", row[0]);
        n += 1;
    }
    assert!(n >= 20, "only {n} cases were set against their list");
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let good = "mpc.version = '2';\nmpc.baseMVA = 100;\nmpc.bus = [\n1 3 0 0 0 0 1 1 0 110 1 1.1 0.9;\n2 1 5 1 0 0 1 1 0 110 1 1.1 0.9;\n];\n\
                mpc.gen = [1 5 0 9 -9 1 100 1 9 0];\nmpc.branch = [1 2 0.01 0.1 0 0 0 0 0 0 1 -360 360];\n";
    assert!(read_text(good.as_bytes(), "a.m").unwrap().diagnostics.is_empty());
    for (old, new, code, line) in [
        ("2 1 5 1 0 0", "1 1 5 1 0 0", "MATPOWER.BUS.DUPLICATE", 5),
        ("2 1 5 1 0 0", "2 5 5 1 0 0", "MATPOWER.VALUE.BAD", 5),
        ("2 1 5 1 0 0", "2 1 NaN 1 0 0", "MATPOWER.VALUE.BAD", 5),
        ("[1 2 0.01", "[1 7 0.01", "MATPOWER.BUS.UNKNOWN", 8),
        ("[1 2 0.01", "[1 1 0.01", "MATPOWER.BRANCH.SAME_BUS", 8),
        ("1 1.1 0.9;\n];", "1 1.1;\n];", "MATPOWER.ROW.LENGTH", 5),
        ("[1 5 0 9 -9", "[5 0 9 -9", "MATPOWER.ROW.LENGTH", 7),
        ("mpc.gen = [1", "mpc.gen = costs(2) + [1", "MATPOWER.STATEMENT.REFUSED", 7),
    ] {
        let text = good.replace(old, new);
        assert_ne!(text, good, "{new}");
        let imported = read_text(text.as_bytes(), "a.m").unwrap();
        let found = imported.diagnostics.iter().find(|d| d.severity == Severity::Error).unwrap_or_else(|| panic!("{new}"));
        assert_eq!((found.code.as_str(), found.source.as_ref().unwrap().line), (code, line), "{new}: {found}");
    }
    for (text, code) in [
        ("mpc.version = '2';\nmpc.baseMVA = 100;\n", "MATPOWER.TABLE.MISSING"),
        ("function [baseMVA, bus, gen] = old\nbaseMVA = 100;\n", "MATPOWER.TABLE.MISSING"),
        ("mpc.version = '1';\nmpc.baseMVA = 100;\nmpc.bus = [1];\n", "MATPOWER.FILE.VERSION"),
    ] {
        let error = read_text(text.as_bytes(), "a.m").unwrap_err();
        assert!(error.diagnostics.iter().any(|d| d.code == code), "{error}");
    }
}

#[test]
fn damaged_cases_never_panic() {
    let mut seed = 0x2545_f491_u64;
    let mut random = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n.max(1)
    };
    let texts: Vec<Vec<u8>> = folders().iter().map(|f| std::fs::read(f.join("network.m")).unwrap()).collect();
    const PIECES: [&[u8]; 12] = [b"[", b"]", b"'", b"\n", b" -", b"1e999", b"NaN", b"...", b"%{\n", b"mpc.bus(:, 1) = ", b"{", b"^(("];
    for round in 0..400 {
        let mut text = texts[round % texts.len()].clone();
        for _ in 0..=random(6) {
            let at = random(text.len());
            match random(4) {
                0 => text.truncate(at),
                1 => text[at] = random(256) as u8,
                2 => drop(text.drain(at..(at + random(40)).min(text.len()))),
                _ => drop(text.splice(at..at, PIECES[random(PIECES.len())].iter().copied())),
            }
            if text.is_empty() {
                break;
            }
        }
        match read_text(&text, "network.m") {
            Ok(imported) => {
                let _ = write(&imported.network, "damaged");
            }
            Err(error) => assert!(!error.diagnostics.is_empty()),
        }
    }
}
