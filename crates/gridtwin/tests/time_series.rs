//! Every stored time series, stepped through again and compared, step by step.
//!
//! The reference feeders (`GRIDTWIN_FEEDERS`) name their series in `case.toml`, tables `daily*` and `yearly*` of a case; those of
//! this project lie in `cases/time_series`. A series is made as its reference was: the model is compiled, `post` and `setup`
//! commands are run, the mode is set with hour 0 and the step's length, and single steps follow each other in one state.
//!
//! What is compared at every step, and how near it must be
//! * lowest, highest and mean node voltage and the voltages of the probed nodes: 1e-6 pu;
//! * delivered power: 1e-6 of the step's apparent power, which counts as at least 1 kVA;
//! * losses: likewise, of the same power;
//! * taps and closed capacitor steps: equal; settled or not: equal.
//!
//! The table also tells the iterations and control iterations of the whole run (ours/the reference's), which are not judged, and the
//! largest deviation of losses in parts of the losses themselves (of at least 1e-4 of the power).
//!
//! Of the series with more than 744 steps the first 744 are run; with `--ignored`, or `GRIDTWIN_WHOLE_YEARS=1`, all of them. An
//! argument that is no option picks the series whose `folder/case/series` contains it.
//!
//! A case that cannot meet its reference has a file `cases/exceptions/time_series/FOLDER.CASE.SERIES.toml` with reason, evidence and its limits.

mod common;

use gridtwin::model::Model;
use network::{ElementId, ElementKind};
use num_complex::Complex64;
use powerflow::{Observer, State, Step, run_series};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

const V_PU: f64 = 1e-6;
const S_PART: f64 = 1e-6;

/// Least power that deviations are measured by, kVA.
const LEAST_KVA: f64 = 1.0;

/// Steps of a series that every run of the tests compares: a month of hours.
const SHORT_STEPS: usize = 744;

/// A month of the 8500-node feeder with controls takes longer than all other series together; this many steps of it are for every day.
const SHORT_STEPS_LARGE: usize = 168;
const LARGE_NODES: u64 = 8000;

/// Deviations of a case that are told one by one.
const TOLD: usize = 12;

#[derive(Clone, Debug, Deserialize)]
struct Series {
    #[serde(default)]
    setup: Vec<String>,
    #[serde(default = "daily")]
    mode: String,
    number: usize,
    #[serde(default = "one_hour")]
    stepsize: String,
    #[serde(default = "static_controls")]
    controlmode: String,
    #[serde(default = "tight")]
    tolerance: f64,
}

fn daily() -> String {
    "daily".into()
}

fn one_hour() -> String {
    "1h".into()
}

fn static_controls() -> String {
    "static".into()
}

fn tight() -> f64 {
    1e-9
}

#[derive(Deserialize)]
struct CaseFile {
    case: Vec<CaseTable>,
}

#[derive(Deserialize)]
struct CaseTable {
    name: String,
    master: String,
    #[serde(default)]
    post: Vec<String>,
    #[serde(default)]
    nodes: u64,
    #[serde(flatten)]
    rest: BTreeMap<String, toml::Value>,
}

/// One series: what to read, how to step, where its reference is.
#[derive(Clone, Debug)]
struct Case {
    /// `folder/case/series`.
    name: String,
    master: PathBuf,
    post: Vec<String>,
    nodes: u64,
    series: Series,
    reference: PathBuf,
}

/// Why a series may miss its reference, and by how much.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    reason: String,
    evidence: String,
    v_pu: Option<f64>,
    s_part: Option<f64>,
    losses_part: Option<f64>,
    /// Steps (from 1) that are not compared.
    #[serde(default)]
    skip_steps: Vec<usize>,
}

/// One step as it was solved.
#[derive(Clone, Debug, Default)]
struct Record {
    delivered_kva: Complex64,
    losses_kva: Complex64,
    v_min_pu: f64,
    v_max_pu: f64,
    v_mean_pu: f64,
    settled: bool,
    iterations: u32,
    control_iterations: u32,
    /// By tap, capacitor and probe of the reference, in its order.
    taps: Vec<f64>,
    capacitors: Vec<usize>,
    probes: Vec<f64>,
}

#[derive(Clone, Debug, Default)]
struct Outcome {
    steps: usize,
    v_pu: f64,
    s_part: f64,
    loss_part: f64,
    /// In parts of the losses themselves.
    own_loss_part: f64,
    positions: usize,
    iterations: [u64; 2],
    control_iterations: [u64; 2],
    failures: Vec<String>,
    exception: bool,
    seconds: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--list") {
        if !arguments.iter().any(|a| a == "--ignored") {
            println!("time_series: test");
        }
        return;
    }
    let whole = arguments.iter().any(|a| a == "--ignored" || a == "--include-ignored")
        || std::env::var_os("GRIDTWIN_WHOLE_YEARS").is_some_and(|v| v == "1");
    let filter = arguments.iter().find(|a| !a.starts_with('-') && *a != "time_series" && *a != "terse");
    let mut cases = cases_of(&common::root().join("cases/time_series"));
    match common::feeders() {
        Some(dir) => cases.extend(cases_of(&dir)),
        None => println!("the reference feeders are not here (GRIDTWIN_FEEDERS names their folder): only cases/time_series is run"),
    }
    if let Some(filter) = filter {
        cases.retain(|c| c.name.contains(filter.as_str()));
    }
    let start = Instant::now();
    let outcomes = run_all(&cases, whole);
    print_table(&cases, &outcomes);
    let failed = outcomes.iter().filter(|o| !o.failures.is_empty()).count();
    let passed = outcomes.len() - failed;
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out; finished in {:.2}s",
        start.elapsed().as_secs_f64()
    );
    if failed > 0 || (passed == 0 && filter.is_none()) {
        std::process::exit(101);
    }
}

/// The series of all folders in `dir` whose reference is there, in the order of their names.
fn cases_of(dir: &Path) -> Vec<Case> {
    let entries = std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let mut folders: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).filter(|p| p.join("case.toml").is_file()).collect();
    folders.sort();
    let mut cases = Vec::new();
    for folder in folders {
        let text = std::fs::read_to_string(folder.join("case.toml")).unwrap();
        let file: CaseFile = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let folder_name = folder.file_name().unwrap().to_string_lossy().into_owned();
        for case in file.case {
            for (key, value) in case.rest {
                let is_series = ["daily", "yearly", "duty", "time"].iter().any(|kind| key.starts_with(kind));
                let reference = folder.join("ref").join(&case.name).join(format!("{key}.csv"));
                if !is_series || !reference.is_file() {
                    continue;
                }
                let name = format!("{folder_name}/{}/{key}", case.name);
                let series = value.try_into().unwrap_or_else(|e| panic!("{name}: {e}"));
                let (master, post) = (folder.join(&case.master), case.post.clone());
                cases.push(Case { name, master, post, nodes: case.nodes, series, reference });
            }
        }
    }
    cases
}

fn exception(case: &str) -> Option<Exception> {
    let path = common::root().join("cases/exceptions/time_series").join(format!("{}.toml", case.replace('/', ".")));
    let text = std::fs::read_to_string(&path).ok()?;
    let exception: Exception = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert!(exception.reason.len() > 20 && exception.evidence.len() > 20, "{}: reason and evidence are needed", path.display());
    Some(exception)
}

/// Runs the series on every processor, the largest first.
fn run_all(cases: &[Case], whole: bool) -> Vec<Outcome> {
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(cases[i].nodes * cases[i].series.number as u64));
    let next = AtomicUsize::new(0);
    let outcomes: Vec<Mutex<Outcome>> = cases.iter().map(|_| Mutex::default()).collect();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers.min(cases.len()) {
            scope.spawn(|| {
                while let Some(&i) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let start = Instant::now();
                    let run = std::panic::AssertUnwindSafe(|| run_case(&cases[i], whole));
                    let failed = |failure: String| Outcome { failures: vec![failure], ..Default::default() };
                    let mut outcome = match std::panic::catch_unwind(run) {
                        Ok(Ok(outcome)) => outcome,
                        Ok(Err(failure)) => failed(failure),
                        Err(_) => failed("panicked".into()),
                    };
                    outcome.seconds = start.elapsed().as_secs_f64();
                    *outcomes[i].lock().unwrap() = outcome;
                }
            });
        }
    });
    outcomes.into_iter().map(|o| o.into_inner().unwrap()).collect()
}

/// A stored table: its column names and its rows.
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<f64>>,
}

impl Table {
    fn read(path: &Path, most: usize) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut lines = text.lines();
        let columns: Vec<String> = lines.next().unwrap_or_default().split(',').map(str::to_owned).collect();
        let number = |word: &str| word.parse::<f64>().map_err(|e| format!("{}: {word}: {e}", path.display()));
        let rows = lines.take(most).map(|l| l.split(',').map(number).collect()).collect::<Result<Vec<Vec<f64>>, _>>()?;
        if rows.is_empty() || rows.iter().any(|r| r.len() != columns.len()) {
            return Err(format!("{}: rows of {} columns are expected", path.display(), columns.len()));
        }
        Ok(Self { columns, rows })
    }

    fn column(&self, name: &str) -> Result<usize, String> {
        self.columns.iter().position(|c| c == name).ok_or_else(|| format!("the reference has no column {name}"))
    }

    /// Columns and what follows `prefix` in their names.
    fn named(&self, prefix: &str) -> Vec<(usize, &str)> {
        self.columns.iter().enumerate().filter_map(|(k, c)| Some((k, c.strip_prefix(prefix)?))).collect()
    }
}

/// Keeps of every step what the reference has of it.
struct Witness {
    /// Number and inverse base (1/V) of the nodes that have one.
    based: Vec<(usize, f64)>,
    taps: Vec<(ElementId, usize)>,
    capacitors: Vec<ElementId>,
    probes: Vec<(usize, f64)>,
    records: Vec<Record>,
}

impl Witness {
    fn new(state: &State, table: &Table) -> Result<Self, String> {
        let circuit = state.circuit();
        let network = circuit.network();
        let base = |n: u32| circuit.kv_base_ln(n) * 1e3;
        let based = circuit.reported().iter().filter(|&&n| base(n) > 0.0).map(|&n| (n as usize, 1.0 / base(n))).collect();
        let mut taps = Vec::new();
        for (_, name) in table.named("tap:") {
            let control = network.regulator_controls.iter().find(|c| c.common.name == name);
            let control = control.ok_or_else(|| format!("there is no regulator control {name}"))?;
            taps.push((control.transformer.ok_or_else(|| format!("{name} has no transformer"))?, control.tap_winding));
        }
        let mut capacitors = Vec::new();
        for (_, name) in table.named("cap:") {
            let id = network.ids(ElementKind::Capacitor).find(|&id| network.common(id).name == name);
            capacitors.push(id.ok_or_else(|| format!("there is no capacitor {name}"))?);
        }
        let mut probes = Vec::new();
        for (_, name) in table.named("vpu:") {
            let node = circuit.reported().iter().find(|&&n| circuit.node_name(n) == name);
            let &node = node.ok_or_else(|| format!("there is no node {name}"))?;
            probes.push((node as usize, 1.0 / base(node)));
        }
        Ok(Self { based, taps, capacitors, probes, records: Vec::with_capacity(table.rows.len()) })
    }
}

impl Observer for Witness {
    fn step(&mut self, step: &Step<'_>) -> ControlFlow<()> {
        let (state, v) = (step.state, step.state.voltages());
        let (mut least, mut most, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
        for &(n, inverse_base) in &self.based {
            let v_pu = v[n].norm() * inverse_base;
            least = least.min(v_pu);
            most = most.max(v_pu);
            sum += v_pu;
        }
        let network = state.circuit().network();
        let closed_steps = |id: ElementId| {
            let steps = state.capacitor_steps(id).unwrap_or(&network.capacitors[id.index()].steps);
            steps.iter().filter(|s| **s).count()
        };
        self.records.push(Record {
            delivered_kva: state.delivered_kva(),
            losses_kva: state.losses_kva(),
            v_min_pu: least,
            v_max_pu: most,
            v_mean_pu: sum / self.based.len() as f64,
            settled: step.progress.settled(),
            iterations: step.progress.iterations,
            control_iterations: step.progress.control_iterations,
            taps: self.taps.iter().map(|&(id, winding)| state.taps(id).map_or(f64::NAN, |t| t[winding])).collect(),
            capacitors: self.capacitors.iter().map(|&id| closed_steps(id)).collect(),
            probes: self.probes.iter().map(|&(n, inverse_base)| v[n].norm() * inverse_base).collect(),
        });
        ControlFlow::Continue(())
    }
}

fn run_case(case: &Case, whole: bool) -> Result<Outcome, String> {
    let s = &case.series;
    let most = match whole {
        true => s.number,
        false if case.nodes > LARGE_NODES => s.number.min(SHORT_STEPS_LARGE),
        false => s.number.min(SHORT_STEPS),
    };
    let table = Table::read(&case.reference, most)?;
    let mut commands = case.post.clone();
    commands.extend(s.setup.iter().cloned());
    commands.push(format!("set mode={}", s.mode));
    commands.push(format!("set number=1 stepsize={} hour=0 sec=0", s.stepsize));
    commands.push(format!("set controlmode={}", s.controlmode));
    commands.push(format!("set tolerance={:e}", s.tolerance));
    commands.push("set maxiterations=500".into());
    commands.push("set maxcontroliter=200".into());
    let told = |stage: &str, failure: gridtwin::failure::Failure| {
        let errors: Vec<String> = failure.errors().map(|d| d.to_string().replace('\n', " ")).collect();
        format!("{stage}: {} errors, the first: {}", errors.len(), errors.first().map_or("", String::as_str))
    };
    let mut model = Model::read_with(&case.master, &commands, false).map_err(|e| told("read", e))?;
    model.preflight(false).map_err(|e| told("check", e))?;
    let mut state = model.session.series_state(&model.network, true).map_err(|e| e.to_string())?;
    let mut witness = Witness::new(&state, &table)?;
    run_series(&mut state, table.rows.len() as u32, &mut witness).map_err(|e| e.to_string())?;
    if let Some(dir) = std::env::var_os("GRIDTWIN_SERIES_OUT") {
        write_records(Path::new(&dir), case, &table, &witness.records);
    }
    compare(case, &table, &witness.records)
}

/// Our own steps in the columns of the reference, for whoever looks for a deviation.
fn write_records(dir: &Path, case: &Case, table: &Table, records: &[Record]) {
    let mut text = table.columns.join(",") + "\n";
    for (k, r) in records.iter().enumerate() {
        let (s, l) = (r.delivered_kva, r.losses_kva);
        let mut row = vec![s.re, s.im, l.re, l.im, r.v_min_pu, r.v_max_pu, r.v_mean_pu, f64::from(u8::from(r.settled))];
        row.extend([f64::from(r.iterations), f64::from(r.control_iterations)]);
        row.extend(r.taps.iter().copied());
        row.extend(r.capacitors.iter().map(|&c| c as f64));
        row.extend(r.probes.iter().copied());
        text += &format!("{},{}\n", k + 1, row.iter().map(|x| x.to_string()).collect::<Vec<_>>().join(","));
    }
    std::fs::create_dir_all(dir).expect("the folder can be made");
    std::fs::write(dir.join(case.name.replace('/', ".") + ".csv"), text).expect("the table can be written");
}

fn compare(case: &Case, table: &Table, records: &[Record]) -> Result<Outcome, String> {
    let exception = exception(&case.name);
    let limit_of = |usual: f64, f: fn(&Exception) -> Option<f64>| exception.as_ref().and_then(f).unwrap_or(usual);
    let (v_limit, s_limit, losses_limit) =
        (limit_of(V_PU, |e| e.v_pu), limit_of(S_PART, |e| e.s_part), limit_of(S_PART, |e| e.losses_part));
    let skip = exception.as_ref().map_or(&[][..], |e| &e.skip_steps);
    let column = |name: &str| table.column(name);
    let (p, q, lp, lq) = (column("p_kw")?, column("q_kvar")?, column("loss_kw")?, column("loss_kvar")?);
    let v_columns = [column("vmin_pu")?, column("vmax_pu")?, column("vmean_pu")?];
    let (settled, iterations, control_iterations) = (column("converged")?, column("iterations")?, column("control_iterations")?);
    let (taps, capacitors, probes) = (table.named("tap:"), table.named("cap:"), table.named("vpu:"));
    let mut o = Outcome { steps: records.len(), exception: exception.is_some(), ..Default::default() };
    if records.len() != table.rows.len() {
        o.failures.push(format!("{} steps instead of {}", records.len(), table.rows.len()));
    }
    // Not `max`: a deviation that is not a number is the worst there is.
    let raise = |worst: &mut f64, x: f64| {
        if x > *worst || x.is_nan() {
            *worst = x;
        }
    };
    for (k, (r, row)) in records.iter().zip(&table.rows).enumerate() {
        let step = k + 1;
        if skip.contains(&step) {
            continue;
        }
        let mut bad = Vec::new();
        if r.settled != (row[settled] != 0.0) {
            bad.push(format!("settled {} instead of {}", r.settled, row[settled]));
        }
        let s = Complex64::new(row[p], row[q]);
        let losses = Complex64::new(row[lp], row[lq]);
        let base_kva = s.norm().max(LEAST_KVA);
        let s_part = (r.delivered_kva - s).norm() / base_kva;
        let loss_part = (r.losses_kva - losses).norm() / base_kva;
        raise(&mut o.s_part, s_part);
        raise(&mut o.loss_part, loss_part);
        raise(&mut o.own_loss_part, (r.losses_kva - losses).norm() / losses.norm().max(1e-4 * base_kva));
        if s_part > s_limit || s_part.is_nan() {
            bad.push(format!("{:.6} kVA instead of {s:.6}", r.delivered_kva));
        }
        if loss_part > losses_limit || loss_part.is_nan() {
            bad.push(format!("losses of {:.6} kVA instead of {losses:.6}", r.losses_kva));
        }
        let of_all = v_columns.iter().copied().zip([r.v_min_pu, r.v_max_pu, r.v_mean_pu]);
        for (c, v_pu) in of_all.chain(probes.iter().map(|p| p.0).zip(r.probes.iter().copied())) {
            let distance = (v_pu - row[c]).abs();
            raise(&mut o.v_pu, distance);
            if distance > v_limit || distance.is_nan() {
                bad.push(format!("{} {v_pu:.9} instead of {}", table.columns[c], row[c]));
            }
        }
        for (&(c, name), tap) in taps.iter().zip(&r.taps) {
            if (tap - row[c]).abs() > 1e-8 || tap.is_nan() {
                o.positions += 1;
                bad.push(format!("tap of {name} {tap} instead of {}", row[c]));
            }
        }
        for (&(c, name), &n) in capacitors.iter().zip(&r.capacitors) {
            if n as f64 != row[c] {
                o.positions += 1;
                bad.push(format!("{n} steps of {name} closed instead of {}", row[c]));
            }
        }
        o.iterations[0] += u64::from(r.iterations);
        o.iterations[1] += row[iterations] as u64;
        o.control_iterations[0] += u64::from(r.control_iterations);
        o.control_iterations[1] += row[control_iterations] as u64;
        o.failures.extend(bad.into_iter().map(|b| format!("step {step}: {b}")));
    }
    Ok(o)
}

fn print_table(cases: &[Case], outcomes: &[Outcome]) {
    println!(
        "\n{:<52} {:>5} {:>9} {:>9} {:>9} {:>9} {:>5} {:>15} {:>12} {:>7}",
        "series", "steps", "dV pu", "dS part", "dL part", "dL own", "taps", "iterations", "controls", "time s"
    );
    for (case, o) in cases.iter().zip(outcomes) {
        println!(
            "{:<52} {:>5} {:>9.1e} {:>9.1e} {:>9.1e} {:>9.1e} {:>5} {:>15} {:>12} {:>7.2}{}",
            format!("{}{}", case.name, if o.exception { " *" } else { "" }),
            o.steps,
            o.v_pu,
            o.s_part,
            o.loss_part,
            o.own_loss_part,
            o.positions,
            format!("{}/{}", o.iterations[0], o.iterations[1]),
            format!("{}/{}", o.control_iterations[0], o.control_iterations[1]),
            o.seconds,
            if o.failures.is_empty() { "" } else { "  FAILED" }
        );
    }
    println!(
        "\n* documented exception (cases/exceptions/time_series). dS, dL: power and losses in parts of the step's power; dL own: in parts of the losses"
    );
    println!("(not judged). taps: tap and capacitor positions that differ. iterations, controls: ours/reference.");
    for (case, o) in cases.iter().zip(outcomes).filter(|(_, o)| !o.failures.is_empty()) {
        println!("\n{}:", case.name);
        for failure in o.failures.iter().take(TOLD) {
            println!("  {failure}");
        }
        if o.failures.len() > TOLD {
            println!("  and {} more", o.failures.len() - TOLD);
        }
    }
}
