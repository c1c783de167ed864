//! Every stored reference solution, solved again and compared.
//!
//! Each folder of the reference feeders names its cases in `case.toml`. A case is read with its `post`
//! commands and solved as the references were made: `set mode=snapshot`, controls off and static, the
//! tolerance that `summary.json` tells, at most 2000 iterations and 500 control iterations. The cases of
//! `cases/power_flow` are run the same way; where the reference feeders are absent they are all there is.
//!
//! What is compared, and how near it must be
//! * node voltages: complex distance over the node's line-to-neutral base (over its own magnitude where
//!   it has none), 1e-6;
//! * element powers, conductor by conductor, and losses: 1e-6 of the circuit's power, which is the apparent
//!   power that the sources deliver, but at least 1 kVA (an idle circuit has no power to measure by, and a
//!   milliwatt is nobody's concern);
//! * total power: likewise; taps and capacitor steps: equal;
//! * short circuits: 1e-4 of the largest current, voltage or impedance in the row.
//!
//! The table also tells iterations (ours/the reference's) and the largest deviation of a current, in
//! 1e-6 of the circuit's current, which is not judged: the current of an earthed conductor has no power.
//!
//! A case that cannot meet its reference has a file `cases/exceptions/FOLDER.CASE.toml` with a reason,
//! the evidence and its own limits, or `floating = true`: voltages of a part of the network that nothing ties to earth
//! are then compared after the mean deviation of a bus's phases is taken out, which leaves the
//! line-to-line voltages. The table marks both.
//!
//! An argument that is no option picks the cases whose `folder/name` contains it.

mod common;

use gridtwin::cli::{Controls, IterationArguments, Mode};
use gridtwin::element_rows::element_rows;
use gridtwin::model::Model;
use gridtwin::{faults, solve};
use num_complex::Complex64;
use powerflow::fault_study::{FaultCases, FaultType};
use powerflow::{NodeRow, Solution, TerminalRow};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

const V_PU: f64 = 1e-6;
const S_PART: f64 = 1e-6;
const FAULT_PART: f64 = 1e-4;

/// Least power that deviations are measured by, kVA.
const LEAST_KVA: f64 = 1.0;

/// Longest time for one case.
const LIMIT: Duration = Duration::from_secs(300);

/// One case: what to read, and where its references are.
#[derive(Clone, Debug)]
struct Case {
    /// `folder/name`.
    name: String,
    master: PathBuf,
    post: Vec<String>,
    reference: PathBuf,
    controls: Vec<Controls>,
    /// Tolerance and reference figures by study, where a summary is stored.
    faults: bool,
    v_pu: f64,
    s_part: f64,
}

#[derive(Deserialize)]
struct FeederFile {
    case: Vec<FeederCase>,
}

#[derive(Deserialize)]
struct FeederCase {
    name: String,
    master: String,
    #[serde(default)]
    post: Vec<String>,
    #[serde(default)]
    studies: Vec<String>,
}

#[derive(Deserialize)]
struct OwnFile {
    model: String,
    controls: Vec<String>,
    tolerance: OwnTolerance,
}

#[derive(Deserialize)]
struct OwnTolerance {
    v_pu: f64,
    #[serde(default = "default_part")]
    s_part_of_total: f64,
}

fn default_part() -> f64 {
    S_PART
}

/// Why a case may miss its reference, and by how much.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    reason: String,
    evidence: String,
    #[serde(default)]
    floating: bool,
    /// Limits instead of the usual ones.
    v_pu: Option<f64>,
    s_part: Option<f64>,
    fault_part: Option<f64>,
    /// Limits of named elements (`class.name`), in parts of the circuit's power; all others keep theirs.
    #[serde(default)]
    element_part: HashMap<String, f64>,
    /// Limits of total power and of losses, in parts of the circuit's power.
    total_part: Option<f64>,
    losses_part: Option<f64>,
    /// Buses whose rows of `faultstudy.csv` bear the wrong node numbers: they are compared in their order.
    #[serde(default)]
    fault_rows_in_order: Vec<String>,
    /// Studies that are not compared at all: `off`, `static`, `faults`.
    #[serde(default)]
    skip: Vec<String>,
}

/// What the stored summary says of one study.
#[derive(Clone, Debug, Deserialize)]
struct Reference {
    iterations: u32,
    control_iterations: u32,
    total_kw: f64,
    total_kvar: f64,
    losses_kw: f64,
    losses_kvar: f64,
    tolerance: f64,
    taps: BTreeMap<String, f64>,
    capacitors: BTreeMap<String, Vec<u8>>,
}

/// Deviations of one study.
#[derive(Clone, Debug, Default)]
struct Deviation {
    v_pu: f64,
    v_at: String,
    /// Where the line-to-line comparison was used.
    line_to_line: bool,
    s_part: f64,
    i_part: f64,
    iterations: String,
    control_iterations: String,
    failures: Vec<String>,
}

/// All that is known of one case after it was run.
#[derive(Clone, Debug, Default)]
struct Outcome {
    nodes: usize,
    studies: Vec<(String, Deviation)>,
    failures: Vec<String>,
    exception: bool,
    seconds: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Test runners ask for a list of tests; this whole table is one.
    if arguments.iter().any(|a| a == "--list") {
        if !arguments.iter().any(|a| a == "--ignored") {
            println!("references: test");
        }
        return;
    }
    let filter = arguments.iter().find(|a| !a.starts_with('-') && *a != "references" && *a != "terse").cloned();
    let mut cases = own_cases();
    match common::feeders() {
        Some(dir) => cases.extend(feeder_cases(&dir)),
        None => println!("the reference feeders are not here (GRIDTWIN_FEEDERS names their folder): only cases/power_flow is run"),
    }
    let known: Vec<String> = cases.iter().map(|c| c.name.clone()).collect();
    let mut failed = stray_exceptions(&known);
    if let Some(filter) = &filter {
        cases.retain(|c| c.name.contains(filter.as_str()));
    }
    // The largest first, so that the last one to end is a small one.
    let size = |c: &Case| std::fs::metadata(c.reference.join("static.nodes.csv")).map_or(0, |m| m.len());
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(size(&cases[i])));
    let start = Instant::now();
    let outcomes = run_all(&cases, &order);
    print_table(&cases, &outcomes);
    let mut passed = 0;
    for outcome in &outcomes {
        let sound = outcome.failures.is_empty() && outcome.studies.iter().all(|(_, d)| d.failures.is_empty());
        if sound { passed += 1 } else { failed += 1 }
    }
    let excepted = outcomes.iter().filter(|o| o.exception).count();
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out; finished in {:.2}s ({excepted} with a documented exception)",
        start.elapsed().as_secs_f64()
    );
    if failed > 0 || (passed == 0 && filter.is_none()) {
        std::process::exit(101);
    }
}

/// Cases of the reference feeders, in the order of their folders.
fn feeder_cases(dir: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for folder in folders(dir) {
        let Ok(text) = std::fs::read_to_string(folder.join("case.toml")) else { continue };
        let file: FeederFile = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let folder_name = folder.file_name().unwrap().to_string_lossy().into_owned();
        for case in file.case {
            cases.push(Case {
                name: format!("{folder_name}/{}", case.name),
                master: folder.join(&case.master),
                reference: folder.join("ref").join(&case.name),
                post: case.post,
                controls: vec![Controls::Off, Controls::Static],
                faults: case.studies.iter().any(|s| s == "fault"),
                v_pu: V_PU,
                s_part: S_PART,
            });
        }
    }
    cases
}

/// Cases of `cases/power_flow` and `cases/regression`.
fn own_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let groups = ["power_flow", "regression"].map(|group| (group, common::root().join("cases").join(group)));
    let folders = groups.iter().filter(|(_, dir)| dir.is_dir()).flat_map(|(group, dir)| folders(dir).into_iter().map(move |f| (group, f)));
    for (group, folder) in folders {
        let Ok(text) = std::fs::read_to_string(folder.join("case.toml")) else { continue };
        let file: OwnFile = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let controls = file.controls.iter().map(|c| if c == "off" { Controls::Off } else { Controls::Static }).collect();
        cases.push(Case {
            name: format!("{group}/{}", folder.file_name().unwrap().to_string_lossy()),
            master: folder.join(&file.model),
            post: Vec::new(),
            reference: folder.join("expected"),
            controls,
            faults: false,
            v_pu: file.tolerance.v_pu,
            s_part: file.tolerance.s_part_of_total,
        });
    }
    cases
}

fn folders(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut folders: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    folders
}

fn exceptions_dir() -> PathBuf {
    common::root().join("cases/exceptions")
}

/// The documented exception of a case, if there is one.
fn exception(case: &str) -> Option<Exception> {
    let path = exceptions_dir().join(format!("{}.toml", case.replace('/', ".")));
    let text = std::fs::read_to_string(&path).ok()?;
    let exception: Exception = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert!(exception.reason.len() > 20 && exception.evidence.len() > 20, "{}: reason and evidence are needed", path.display());
    Some(exception)
}

/// Exceptions of cases that do not exist hide nothing, but they are wrong.
fn stray_exceptions(known: &[String]) -> usize {
    let Ok(entries) = std::fs::read_dir(exceptions_dir()) else { return 0 };
    let all_known = common::feeders().is_some();
    let mut stray = 0;
    for name in entries.flatten().filter_map(|e| e.file_name().into_string().ok()) {
        let Some(case) = name.strip_suffix(".toml") else { continue };
        if all_known && !known.iter().any(|k| k.replace('/', ".") == case) {
            println!("cases/exceptions/{name}: there is no such case");
            stray += 1;
        }
    }
    stray
}

/// Runs the cases on every processor, each guarded against panics and hangs.
fn run_all(cases: &[Case], order: &[usize]) -> Vec<Outcome> {
    let messages = Arc::new(Mutex::new(HashMap::new()));
    let into = Arc::clone(&messages);
    std::panic::set_hook(Box::new(move |info| {
        into.lock().unwrap().insert(std::thread::current().id(), info.to_string().replace('\n', " "));
    }));
    let next = AtomicUsize::new(0);
    let outcomes: Vec<Mutex<Outcome>> = cases.iter().map(|_| Mutex::default()).collect();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers.min(cases.len()) {
            scope.spawn(|| {
                while let Some(&i) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    *outcomes[i].lock().unwrap() = run_guarded(&cases[i], &messages);
                }
            });
        }
    });
    let _ = std::panic::take_hook();
    outcomes.into_iter().map(|o| o.into_inner().unwrap()).collect()
}

type Messages = Mutex<HashMap<std::thread::ThreadId, String>>;

fn run_guarded(case: &Case, messages: &Messages) -> Outcome {
    let (sender, receiver) = mpsc::channel();
    let start = Instant::now();
    let own = case.clone();
    let thread = std::thread::Builder::new()
        .stack_size(32 << 20)
        .spawn(move || {
            // The receiver may have stopped waiting.
            let _ = sender.send(run_case(&own));
        })
        .expect("a thread starts");
    let id = thread.thread().id();
    let mut outcome = match receiver.recv_timeout(LIMIT) {
        Ok(outcome) => outcome,
        Err(mpsc::RecvTimeoutError::Timeout) => {
            Outcome { failures: vec![format!("not done after {} s", LIMIT.as_secs())], ..Default::default() }
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            let _ = thread.join();
            let message = messages.lock().unwrap().remove(&id).unwrap_or_default();
            Outcome { failures: vec![format!("panicked: {message}")], ..Default::default() }
        }
    };
    outcome.seconds = start.elapsed().as_secs_f64();
    outcome
}

fn run_case(case: &Case) -> Outcome {
    let exception = exception(&case.name);
    let skip = |study: &str| exception.as_ref().is_some_and(|e| e.skip.iter().any(|s| s == study));
    let mut outcome = Outcome { exception: exception.is_some(), ..Default::default() };
    for &controls in &case.controls {
        let study = if controls == Controls::Off { "off" } else { "static" };
        if skip(study) {
            continue;
        }
        let deviation = match run_study(case, study, controls, exception.as_ref(), &mut outcome.nodes) {
            Ok(deviation) => deviation,
            Err(failure) => Deviation { failures: vec![failure], ..Default::default() },
        };
        outcome.studies.push((study.to_owned(), deviation));
    }
    if case.faults && !skip("faults") {
        let deviation = match run_faults(case, exception.as_ref()) {
            Ok(deviation) => deviation,
            Err(failure) => Deviation { failures: vec![failure], ..Default::default() },
        };
        outcome.studies.push(("faults".to_owned(), deviation));
    }
    outcome
}

fn read(case: &Case) -> Result<Model, String> {
    let mut model = Model::read_with(&case.master, &case.post, false).map_err(|e| first_error("read", &e))?;
    model.preflight(false).map_err(|e| first_error("check", &e))?;
    Ok(model)
}

fn first_error(stage: &str, failure: &gridtwin::failure::Failure) -> String {
    let errors: Vec<String> = failure.errors().map(|d| d.to_string().replace('\n', " ")).collect();
    format!("{stage}: {} errors, the first: {}", errors.len(), errors.first().map_or("", String::as_str))
}

fn run_study(case: &Case, study: &str, controls: Controls, exception: Option<&Exception>, nodes: &mut usize) -> Result<Deviation, String> {
    let reference = summary(case, study)?;
    let mut model = read(case)?;
    let tolerance = reference.as_ref().map_or(1e-10, |r| r.tolerance);
    let iteration = IterationArguments {
        tolerance: Some(tolerance),
        max_iterations: Some(solve::MAX_ITERATIONS),
        max_control_iterations: Some(solve::MAX_CONTROL_ITERATIONS),
    };
    solve::set_options(&mut model.network.options, Mode::Snapshot, Some(controls), &iteration);
    let solution = solve::solve(&mut model).map_err(|e| first_error("solve", &e))?;
    let mut d = Deviation::default();
    let rows = solution.nodes();
    *nodes = rows.len();
    let v_limit = exception.and_then(|e| e.v_pu).unwrap_or(case.v_pu);
    let s_limit = exception.and_then(|e| e.s_part).unwrap_or(case.s_part);
    compare_voltages(case, study, &rows, exception.is_some_and(|e| e.floating), v_limit, &mut d)?;
    let delivered = solution.delivered_kva();
    let total = reference.as_ref().map_or(delivered, |r| Complex64::new(r.total_kw, r.total_kvar));
    let base_kva = total.norm().max(LEAST_KVA);
    let no_limits = HashMap::new();
    let limits = Limits { all: s_limit, of_element: exception.map_or(&no_limits, |e| &e.element_part) };
    compare_elements(case, study, &element_rows(&model.network, &solution), &rows, base_kva, &limits, &mut d)?;
    match &reference {
        Some(reference) => {
            let of = |part: fn(&Exception) -> Option<f64>| exception.and_then(part).unwrap_or(s_limit);
            compare_summary(&solution, reference, base_kva, [of(|e| e.total_part), of(|e| e.losses_part)], &mut d);
        }
        None => {
            d.iterations = solution.certificate().iterations.to_string();
            d.control_iterations = solution.certificate().control_iterations.to_string();
        }
    }
    let c = solution.certificate();
    if c.mismatch_relative > 1e-5 {
        d.failures.push(format!("{study}: the certificate's mismatch is {:.1e} at {}", c.mismatch_relative, c.mismatch_node));
    }
    Ok(d)
}

fn summary(case: &Case, study: &str) -> Result<Option<Reference>, String> {
    let path = case.reference.join("summary.json");
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(None) };
    let json: serde_json::Value = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    if json[study]["converged"] != true {
        return Err(format!("{}: the reference did not converge", path.display()));
    }
    serde_json::from_value(json[study].clone()).map(Some).map_err(|e| format!("{}: {e}", path.display()))
}

/// Rows of a comma-separated file without its head.
fn table(path: &Path) -> Result<Vec<Vec<String>>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(text.lines().skip(1).map(|l| l.split(',').map(str::to_owned).collect()).collect())
}

fn number(row: &[String], column: usize) -> Result<f64, String> {
    row.get(column).and_then(|c| c.parse().ok()).ok_or_else(|| format!("column {} of {row:?} is no number", column + 1))
}

fn compare_voltages(case: &Case, study: &str, rows: &[NodeRow], floating: bool, limit: f64, d: &mut Deviation) -> Result<(), String> {
    let mine: HashMap<&str, Complex64> = rows.iter().map(|r| (r.node.as_str(), r.v_v)).collect();
    // Difference per unit of the base, bus by bus.
    let mut by_bus: BTreeMap<String, Vec<(String, Complex64)>> = BTreeMap::new();
    let reference = table(&case.reference.join(format!("{study}.nodes.csv")))?;
    if reference.is_empty() {
        return Err(format!("{study}.nodes.csv is empty"));
    }
    for row in &reference {
        let node = row[0].to_lowercase();
        let (kv, v) = (number(row, 1)?, Complex64::new(number(row, 2)?, number(row, 3)?));
        let Some(found) = mine.get(node.as_str()) else {
            d.failures.push(format!("{study}: node {node} is missing"));
            continue;
        };
        let base = if kv > 0.0 { kv * 1e3 } else { v.norm().max(1.0) };
        let bus = node.rsplit_once('.').map_or(node.as_str(), |(bus, _)| bus).to_owned();
        by_bus.entry(bus).or_default().push((node, (found - v) / base));
        let known = rows.iter().find(|r| r.node == row[0]).map_or(0.0, |r| r.kv_base_ln);
        if (known - kv).abs() > 1e-6 * kv.max(1e-3) {
            d.failures.push(format!("{study}: the base of {} is {known} kV instead of {kv} kV", row[0]));
        }
    }
    if mine.len() > reference.len() {
        d.failures.push(format!("{study}: {} nodes instead of {}", mine.len(), reference.len()));
    }
    for nodes in by_bus.values_mut() {
        let is_phase = |node: &str| matches!(node.rsplit_once('.').map(|(_, n)| n), Some("1" | "2" | "3"));
        let plain = nodes.iter().map(|(_, x)| x.norm()).fold(0.0, f64::max);
        if floating && plain > limit {
            let phases: Vec<Complex64> = nodes.iter().filter(|(n, _)| is_phase(n)).map(|(_, x)| *x).collect();
            if phases.len() > 1 {
                let mean = phases.iter().sum::<Complex64>() / phases.len() as f64;
                nodes.iter_mut().filter(|(n, _)| is_phase(n)).for_each(|(_, x)| *x -= mean);
                d.line_to_line = true;
            }
        }
        for (node, x) in nodes {
            // Not `max`: a distance that is not a number is the worst there is.
            if x.norm() > d.v_pu || x.norm().is_nan() {
                (d.v_pu, d.v_at) = (x.norm(), node.clone());
            }
        }
    }
    if d.v_pu > limit || d.v_pu.is_nan() {
        let over = by_bus.values().flatten().filter(|(_, x)| x.norm() > limit || x.norm().is_nan()).count();
        d.failures.push(format!("{study}: voltage off by {:.2e} pu at {}, {over} nodes over {limit:e}", d.v_pu, d.v_at));
    }
    Ok(())
}

/// How near element powers must be, in parts of the circuit's power.
struct Limits<'a> {
    all: f64,
    of_element: &'a HashMap<String, f64>,
}

impl Limits<'_> {
    fn of(&self, element: &str) -> f64 {
        self.of_element.get(element).copied().unwrap_or(self.all)
    }
}

fn compare_elements(
    case: &Case,
    study: &str,
    rows: &[TerminalRow],
    nodes: &[NodeRow],
    base_kva: f64,
    limits: &Limits<'_>,
    d: &mut Deviation,
) -> Result<(), String> {
    let path = case.reference.join(format!("{study}.elements.csv"));
    if !path.is_file() {
        return Ok(());
    }
    let key = |element: &str, terminal: &str, conductor: &str| format!("{element},{terminal},{conductor}");
    let mine: HashMap<String, &TerminalRow> =
        rows.iter().map(|r| (key(&r.element, &r.terminal.to_string(), &r.conductor.to_string()), r)).collect();
    let kv_of_bus: HashMap<&str, f64> = nodes.iter().map(|n| (n.bus.as_str(), n.kv_base_ln)).collect();
    let (mut worst, mut at, mut missing, mut over, mut over_at) = (0.0_f64, String::new(), Vec::new(), 0, None);
    let reference = table(&path)?;
    for row in &reference {
        let key = key(&row[0], &row[1], &row[2]);
        let Some(found) = mine.get(&key) else {
            missing.push(key);
            continue;
        };
        if found.node != row[3] {
            d.failures.push(format!("{study}: {key} is at {} instead of {}", found.node, row[3]));
        }
        let s = Complex64::new(number(row, 6)?, number(row, 7)?);
        let part = (Complex64::new(found.p_kw, found.q_kvar) - s).norm() / base_kva;
        let limit = limits.of(&row[0]);
        if part > limit || part.is_nan() {
            over += 1;
            over_at.get_or_insert_with(|| key.clone());
        }
        if part > worst || part.is_nan() {
            (worst, at) = (part, key);
        }
        let kv = found.node.rsplit_once('.').and_then(|(bus, _)| kv_of_bus.get(bus)).copied().unwrap_or(0.0);
        let i = Complex64::new(number(row, 4)?, number(row, 5)?);
        d.i_part = d.i_part.max((found.i_a - i).norm() * kv / base_kva);
    }
    d.s_part = d.s_part.max(worst);
    if !missing.is_empty() {
        d.failures.push(format!("{study}: {} conductors are missing, such as {}", missing.len(), missing[0]));
    }
    if mine.len() > reference.len() {
        let known: std::collections::HashSet<String> = reference.iter().map(|r| key(&r[0], &r[1], &r[2])).collect();
        let more: Vec<&String> = mine.keys().filter(|k| !known.contains(*k)).collect();
        d.failures.push(format!("{study}: {} conductors too many, such as {:?}", more.len(), more.first()));
    }
    for element in limits.of_element.keys().filter(|e| !reference.iter().any(|r| r[0] == **e)) {
        d.failures.push(format!("{study}: the exception names {element}, which is not there"));
    }
    if let Some(first) = over_at {
        d.failures.push(format!(
            "{study}: power off by up to {worst:.2e} of {base_kva:.1} kVA at {at}; {over} conductors over their limit, the first {first}"
        ));
    }
    Ok(())
}

fn compare_summary(solution: &Solution, reference: &Reference, base_kva: f64, limits: [f64; 2], d: &mut Deviation) {
    let summary = solution.summary();
    for (what, found, expected, limit) in [
        ("total power", (summary.total_kw, summary.total_kvar), (reference.total_kw, reference.total_kvar), limits[0]),
        ("losses", (summary.losses_kw, summary.losses_kvar), (reference.losses_kw, reference.losses_kvar), limits[1]),
    ] {
        let part = Complex64::new(found.0 - expected.0, found.1 - expected.1).norm() / base_kva;
        if part > limit || part.is_nan() {
            d.failures
                .push(format!("{what}: {:.6} kW {:.6} kvar instead of {:.6} kW {:.6} kvar", found.0, found.1, expected.0, expected.1));
        }
        d.s_part = d.s_part.max(part);
    }
    for (name, expected) in &reference.taps {
        match summary.taps.get(name) {
            Some(found) if (found - expected).abs() < 1e-8 => {}
            found => d.failures.push(format!("tap of {name}: {found:?} instead of {expected}")),
        }
    }
    if summary.taps.len() > reference.taps.len() {
        d.failures.push(format!("{} taps instead of {}", summary.taps.len(), reference.taps.len()));
    }
    for (name, expected) in &reference.capacitors {
        match summary.capacitors.get(name) {
            Some(found) if found == expected => {}
            found => d.failures.push(format!("steps of {name}: {found:?} instead of {expected:?}")),
        }
    }
    d.iterations = format!("{}/{}", summary.iterations, reference.iterations);
    d.control_iterations = format!("{}/{}", summary.control_iterations, reference.control_iterations);
}

/// Impedances and currents of `faultstudy.csv`, currents of `faults.csv`.
fn run_faults(case: &Case, exception: Option<&Exception>) -> Result<Deviation, String> {
    let limit = exception.and_then(|e| e.fault_part).unwrap_or(FAULT_PART);
    let mut d = Deviation::default();
    let mut judge = |what: String, part: f64| {
        if part > d.s_part || part.is_nan() {
            d.s_part = part;
        }
        if part > limit || part.is_nan() {
            d.failures.push(format!("{what}: off by {part:.2e}"));
        }
    };
    let model = read(case)?;
    let study = faults::study(&model).map_err(|e| first_error("fault study", &e))?;
    let buses: HashMap<&str, _> = study.iter().map(|b| (b.bus.as_str(), b)).collect();
    let in_order = |bus: &str| exception.is_some_and(|e| e.fault_rows_in_order.iter().any(|b| b == bus));
    let mut seen: HashMap<String, usize> = HashMap::new();
    for row in table(&case.reference.join("faultstudy.csv"))? {
        let position = seen.entry(row[0].clone()).and_modify(|k| *k += 1).or_insert(0);
        let complex = |column: usize| Ok::<_, String>(Complex64::new(number(&row, column)?, number(&row, column + 1)?));
        let at = format!("fault study at {}.{}", row[0], row[1]);
        let found = buses.get(row[0].as_str()).and_then(|b| match in_order(&row[0]) {
            true => Some((b, *position)).filter(|_| *position < b.nodes.len()),
            false => Some((b, b.nodes.iter().position(|n| n.to_string() == row[1])?)),
        });
        let Some((bus, k)) = found else {
            judge(format!("{at} is missing"), f64::NAN);
            continue;
        };
        let v = complex(2)?;
        judge(format!("{at}, open-circuit voltage"), (bus.v_oc[k] - v).norm() / v.norm());
        let i = complex(4)?;
        let found = bus.i_sc_all_a.as_ref().map_or(Complex64::new(f64::NAN, 0.0), |i| i[k]);
        judge(format!("{at}, current"), (found - i).norm() / i.norm());
        let n = bus.nodes.len();
        if row.len() != 6 + 2 * n {
            judge(format!("{at}, {} columns for {n} nodes", row.len()), f64::NAN);
            continue;
        }
        let z: Vec<Complex64> = (0..n).map(|c| complex(6 + 2 * c)).collect::<Result<_, _>>()?;
        let largest = z.iter().map(|z| z.norm()).fold(0.0, f64::max);
        for (c, z) in z.iter().enumerate() {
            judge(format!("{at}, impedance {}", c + 1), (bus.z_sc_ohm[(k, c)] - z).norm() / largest);
        }
    }
    let mut model = read(case)?;
    let rows = faults::solve(&mut model, &FaultCases::default()).map_err(|e| first_error("faults", &e))?;
    let mine: HashMap<(String, FaultWord, String), _> = rows
        .iter()
        .map(|r| ((r.bus.clone(), r.fault.word().to_owned(), r.nodes.iter().map(u32::to_string).collect::<Vec<_>>().join(".")), r))
        .collect();
    let reference = table(&case.reference.join("faults.csv"))?;
    for row in &reference {
        let at = format!("{} fault at {}.{}", row[1], row[0], row[2]);
        assert!(FaultType::of_word(&row[1]).is_some(), "{at}");
        let Some(found) = mine.get(&(row[0].clone(), row[1].clone(), row[2].clone())) else {
            judge(format!("{at} is missing"), f64::NAN);
            continue;
        };
        let i: Vec<Complex64> =
            (4..row.len()).step_by(2).map(|c| Ok(Complex64::new(number(row, c)?, number(row, c + 1)?))).collect::<Result<_, String>>()?;
        if !found.converged || found.i_a.len() != i.len() {
            judge(format!("{at}: converged {}, {} currents for {}", found.converged, found.i_a.len(), i.len()), f64::NAN);
            continue;
        }
        let largest = i.iter().map(|i| i.norm()).fold(0.0, f64::max);
        let apart = i.iter().zip(&found.i_a).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max);
        judge(at, apart / largest);
    }
    judge(format!("{} faults instead of {}", mine.len(), reference.len()), if mine.len() == reference.len() { 0.0 } else { f64::NAN });
    Ok(d)
}

type FaultWord = String;

fn print_table(cases: &[Case], outcomes: &[Outcome]) {
    println!(
        "\n{:<46} {:>6} {:<7} {:>9} {:>9} {:>9} {:>11} {:>9} {:>8}",
        "case", "nodes", "study", "dV pu", "dS part", "dI part", "iterations", "controls", "time s"
    );
    for (case, outcome) in cases.iter().zip(outcomes) {
        let mark = if outcome.exception { " *" } else { "" };
        let mut first = true;
        for (study, d) in &outcome.studies {
            let v = format!("{:.1e}{}", d.v_pu, if d.line_to_line { "L" } else { "" });
            let (name, nodes, seconds) = if first {
                (format!("{}{mark}", case.name), outcome.nodes.to_string(), format!("{:.2}", outcome.seconds))
            } else {
                Default::default()
            };
            let word = if d.failures.is_empty() { "" } else { "  FAILED" };
            println!(
                "{name:<46} {nodes:>6} {study:<7} {v:>9} {:>9.1e} {:>9.1e} {:>11} {:>9} {seconds:>8}{word}",
                d.s_part, d.i_part, d.iterations, d.control_iterations
            );
            first = false;
        }
        if first {
            println!("{:<46} {:>6} {:<7} {:>60.2}", format!("{}{mark}", case.name), outcome.nodes, "-", outcome.seconds);
        }
    }
    println!("\n* documented exception (cases/exceptions); L: compared line to line. dS in parts of the circuit's power,");
    println!("dI in parts of the circuit's current at the element's voltage (not judged). iterations, controls: ours/reference.");
    for (case, outcome) in cases.iter().zip(outcomes) {
        let failures: Vec<&String> = outcome.failures.iter().chain(outcome.studies.iter().flat_map(|(_, d)| &d.failures)).collect();
        if !failures.is_empty() {
            println!("\n{}:", case.name);
            for failure in failures.iter().take(8) {
                println!("  {failure}");
            }
            if failures.len() > 8 {
                println!("  and {} more", failures.len() - 8);
            }
        }
    }
}
