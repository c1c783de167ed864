//! `gridtwin scenario sweep`: a scenario solved for many values of its parameters.
//!
//! ```text
//! --vary … ─► samples (grid or Latin hypercube) ─► each: scenario with these values, laid upon the model, stepped through time
//!          ─► DIR/samples.csv (a row a sample: values, key figures), DIR/response.csv (figures against each parameter)
//! ```
//!
//! Samples are independent and run on several threads; their rows stand in the order of the samples, so the files are the same whatever
//! the number of threads.

use crate::cli::{IterationArguments, ModelArguments};
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use crate::model_files::ModelFiles;
use crate::number::{count, fixed, g12};
use crate::qsts::feeder::{self, Question, Solved};
use crate::qsts::{interrupt, progress};
use crate::result_folder::write_whole;
use crate::text::{Table, shorten};
use clap::{Args, ValueEnum};
use network::scenario::Scenario;
use network::{ControlMode, Diagnostic, Imported, Network, Severity, SolutionMode};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use studies::scenario::Prepared;
use studies::synthetic::random::Random;
use studies::time_series::{Keep, TimeSeriesOptions, VoltageLimits};

/// How samples are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SweepMethod {
    /// Every combination of the values; a range counts with --samples values
    Grid,
    /// Latin hypercube: each parameter takes each of --samples strata once
    Lhs,
}

#[derive(Debug, Clone, Args)]
pub struct SweepArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Scenario file, YAML or JSON
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Parameter and its values: LAYER.PARAMETER=a,b,c or LAYER.PARAMETER=low..high; repeatable
    #[arg(long, required = true, value_name = "PATH=VALUES", value_parser = vary)]
    pub vary: Vec<Vary>,
    /// How samples are chosen
    #[arg(long, value_enum, default_value = "grid")]
    pub method: SweepMethod,
    /// Samples of a Latin hypercube, or values of a range in a grid
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub samples: u32,
    /// What the Latin hypercube is drawn by
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
    /// First hour of the year that is solved
    #[arg(long, value_name = "HOUR", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..8760))]
    pub from_hour: u32,
    /// Hours that are solved, in steps of the scenario
    #[arg(long, value_name = "N", default_value_t = 8760, value_parser = clap::value_parser!(u32).range(1..=8760))]
    pub hours: u32,
    /// Samples that run side by side [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    /// Run the samples on the workers of the cluster whose scheduler is there, df://HOST:PORT
    #[arg(long, value_name = "URL", conflicts_with = "threads")]
    pub cluster: Option<String>,
    /// Folder for samples.csv and response.csv
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// A parameter and the values that it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Vary {
    pub path: String,
    pub values: Values,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    List(Vec<String>),
    Range(f64, f64),
}

fn vary(text: &str) -> Result<Vary, String> {
    let (path, values) = text.split_once('=').ok_or("needs PATH=VALUES")?;
    let path = path.trim().to_owned();
    if path.is_empty() || values.trim().is_empty() {
        return Err("needs PATH=VALUES".to_owned());
    }
    if let Some((low, high)) = values.split_once("..") {
        let number = |t: &str| t.trim().parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(|| format!("\"{t}\" is no number"));
        let (low, high) = (number(low)?, number(high)?);
        if low >= high {
            return Err("the range ends before it begins".to_owned());
        }
        return Ok(Vary { path, values: Values::Range(low, high) });
    }
    let list: Vec<String> = values.split(',').map(|v| v.trim().to_owned()).collect();
    if list.iter().any(String::is_empty) { Err("a value is empty".to_owned()) } else { Ok(Vary { path, values: Values::List(list) }) }
}

/// Most samples of a grid.
const MAX_SAMPLES: usize = 100_000;

/// The samples: a value a parameter.
///
/// # Errors
/// A grid of too many combinations.
pub fn samples(vary: &[Vary], method: SweepMethod, n: u32, seed: u64) -> Result<Vec<Vec<String>>, Diagnostic> {
    match method {
        SweepMethod::Grid => {
            let lists: Vec<Vec<String>> = vary
                .iter()
                .map(|v| match &v.values {
                    Values::List(list) => list.clone(),
                    Values::Range(low, high) if n == 1 => vec![g12((low + high) / 2.0)],
                    Values::Range(low, high) => (0..n).map(|i| g12(low + (high - low) * f64::from(i) / f64::from(n - 1))).collect(),
                })
                .collect();
            let total = lists.iter().try_fold(1usize, |t, l| t.checked_mul(l.len())).filter(|t| *t <= MAX_SAMPLES);
            let Some(total) = total else {
                return Err(Diagnostic::error("SCENARIO.SWEEP.TOO_MANY", format!("the grid has more than {MAX_SAMPLES} combinations"))
                    .hint("vary less, or take --method lhs"));
            };
            Ok((0..total)
                .map(|mut k| {
                    let mut row: Vec<String> = lists
                        .iter()
                        .rev()
                        .map(|l| {
                            let value = l[k % l.len()].clone();
                            k /= l.len();
                            value
                        })
                        .collect();
                    row.reverse();
                    row
                })
                .collect())
        }
        SweepMethod::Lhs => {
            let n = n as usize;
            let columns: Vec<Vec<String>> = vary
                .iter()
                .enumerate()
                .map(|(i, v)| {
                    let mut random = Random::new(seed, 0x6c68_7321, i as u64);
                    let mut strata: Vec<usize> = (0..n).collect();
                    // Fisher and Yates.
                    for k in (1..n).rev() {
                        strata.swap(k, random.whole(0, k as i32) as usize);
                    }
                    strata
                        .into_iter()
                        .map(|s| {
                            let u = (s as f64 + random.unit()) / n as f64;
                            match &v.values {
                                Values::Range(low, high) => g12(low + (high - low) * u),
                                Values::List(list) => list[((u * list.len() as f64) as usize).min(list.len() - 1)].clone(),
                            }
                        })
                        .collect()
                })
                .collect();
            Ok((0..n).map(|k| columns.iter().map(|c| c[k].clone()).collect()).collect())
        }
    }
}

/// Titles of the key figures.
pub(crate) const FIGURES: [&str; 13] = [
    "nominal_peak_kw",
    "peak_kw",
    "energy_kwh",
    "losses_kwh",
    "v_min_pu",
    "v_max_pu",
    "nodes_outside_a",
    "node_hours_below_a",
    "node_hours_above_a",
    "elements_overloaded",
    "overload_hours",
    "loading_max_pct",
    "unsettled_steps",
];

fn figures(solved: &Solved) -> [Option<f64>; FIGURES.len()] {
    let (r, t) = (&solved.result, &solved.result.totals);
    let nominal = solved.stacked.as_ref().and_then(|s| s["stacked"]["peak_kw"].as_f64());
    let below: f64 = r.nodes.iter().map(|n| n.hours_below_a).sum();
    let above: f64 = r.nodes.iter().map(|n| n.hours_above_a).sum();
    let outside = r.nodes.iter().filter(|n| n.hours_below_a + n.hours_above_a > 0.0).count();
    let over = r.elements.iter().filter(|e| e.hours_above_normal > 0.0);
    [
        nominal,
        t.peak_kw,
        Some(t.energy_kwh),
        Some(t.losses_kwh),
        t.v_min_pu,
        t.v_max_pu,
        Some(outside as f64),
        Some(below),
        Some(above),
        Some(over.clone().count() as f64),
        Some(over.map(|e| e.hours_above_normal).sum()),
        r.elements.iter().filter_map(|e| e.loading_max_pct).reduce(f64::max),
        Some(f64::from(t.unsettled)),
    ]
}

/// One sample's outcome: figures, or why there are none.
pub(crate) type Row = Result<[Option<f64>; FIGURES.len()], Failure>;

/// What a sweep found.
pub struct SweepAnswer {
    /// Values of each sample, in the order of what varies.
    pub rows: Vec<Vec<String>>,
    results: Vec<Row>,
    responses: Vec<Response>,
    network: String,
}

impl SweepAnswer {
    /// Samples that could not be solved.
    pub fn failed(&self) -> usize {
        self.results.iter().filter(|r| r.is_err()).count()
    }

    /// Why the first of them could not be.
    pub fn first_failure(&self) -> Option<&Failure> {
        self.results.iter().find_map(|r| r.as_ref().err())
    }

    /// A row a sample, and each figure against each parameter.
    pub fn tables(&self, paths: &[String]) -> [studies::table::Table; 2] {
        use studies::table::{Table, Value};
        let sample = |(k, (row, result)): (usize, (&Vec<String>, &Row))| {
            let values: Vec<String> = paths.iter().zip(row).map(|(p, v)| format!("{p}={v}")).collect();
            let mut cells = vec![Value::Count(k as u64 + 1), Value::text(values.join(", "))];
            let figures = result.as_ref().map_or([None; FIGURES.len()], |r| *r);
            cells.extend(figures.map(Value::maybe));
            cells
        };
        let rows = self.rows.iter().zip(&self.results).enumerate().map(sample).collect();
        let samples = Table { name: "samples", meaning: "key figures of each sample", columns: SAMPLES, rows };
        let of = |r: &Response| {
            let figure = |(name, values): (&&str, &Option<(f64, f64, f64)>)| {
                values.map(|(mean, low, high)| {
                    vec![
                        Value::text(r.path.clone()),
                        Value::text(r.at.clone()),
                        Value::maybe(r.at.parse().ok()),
                        Value::Count(r.n as u64),
                        Value::text(*name),
                        Value::Number(mean),
                        Value::Number(low),
                        Value::Number(high),
                    ]
                })
            };
            FIGURES.iter().zip(&r.figures).filter_map(figure).collect::<Vec<_>>()
        };
        let rows = self.responses.iter().flat_map(of).collect();
        [
            samples,
            Table { name: "responses", meaning: "each figure against each parameter, over all that else varies", columns: RESPONSES, rows },
        ]
    }
}

const SAMPLES: &[studies::table::Column] = {
    use studies::table::{count, number, text};
    &[
        count("sample", "number of the sample"),
        text("values", "values of the parameters that vary"),
        number("nominal_peak_kw", "kW", "largest nominal load of the stacked network"),
        number("peak_kw", "kW", "largest active power of the sources"),
        number("energy_kwh", "kWh", "energy from the sources"),
        number("losses_kwh", "kWh", "losses"),
        number("v_min_pu", "pu", "lowest voltage"),
        number("v_max_pu", "pu", "highest voltage"),
        number("nodes_outside_a", "", "nodes that are ever outside range A"),
        number("node_hours_below_a", "h", "hours below range A, summed over nodes"),
        number("node_hours_above_a", "h", "hours above range A, summed over nodes"),
        number("elements_overloaded", "", "elements that are ever above their normal rating"),
        number("overload_hours", "h", "hours above the normal rating, summed over elements"),
        number("loading_max_pct", "%", "largest loading"),
        number("unsettled_steps", "", "steps that did not settle, which are in no figure"),
    ]
};

const RESPONSES: &[studies::table::Column] = {
    use studies::table::{count, number, text};
    &[
        text("parameter", "what varies"),
        text("at", "its value, or the bounds of a bin"),
        number("value", "", "its value, where it is a number"),
        count("samples", "samples with this value"),
        text("figure", "name of the figure, its unit at the end"),
        number("mean", "", "mean of the samples, in the unit of the figure"),
        number("least", "", "smallest of the samples"),
        number("largest", "", "largest of the samples"),
    ]
};

/// Runs the command; false when a sample could not be solved.
///
/// # Errors
/// A scenario or model that cannot be read, a path or value that is none, a file that cannot be written.
pub fn run(arguments: &SweepArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let begun = Instant::now();
    let loaded = super::load(&arguments.file)?;
    let (mut model, model_hash) = Model::read_hashed(&ModelFiles::default(), &arguments.model)?;
    model.preflight(arguments.model.lenient)?;
    console.warn(&loaded.findings);
    let prepared = make_ready(arguments, &loaded, &mut model, model_hash)?;
    console.warn(&prepared.findings);
    let answer = match &arguments.cluster {
        Some(cluster) => {
            interrupt::watch();
            let results = crate::cluster::samples(cluster, &prepared.asked, &prepared.rows, console)?;
            finish(arguments, prepared, results)?
        }
        None => solve(arguments, prepared, &|_, _| {})?,
    };
    if let Some(first) = answer.first_failure() {
        console.warn(&first.diagnostics);
    }
    let mut text = format!("{} of {}: {}\n", loaded.prepared.scenario.name, answer.network, count(answer.rows.len(), "sample"));
    if answer.failed() > 0 {
        text += &format!("{} could not be solved; the first is told above\n", answer.failed());
    }
    text += &response_table(&answer.responses);
    if let Some(dir) = &arguments.out {
        std::fs::create_dir_all(dir).map_err(|e| crate::result_folder::cannot("make the folder", dir, &e))?;
        let samples = samples_csv(&arguments.vary, &answer.rows, &answer.results);
        for (name, content) in [("response.csv", response_csv(&answer.responses)), ("samples.csv", samples)] {
            write_whole(&dir.join(name), &content)?;
            text += &format!("wrote {}\n", dir.join(name).display());
        }
    }
    text += &format!("wall time {}, peak memory {}\n", progress::duration(begun.elapsed()), crate::qsts::memory());
    console.print(&text)?;
    Ok(answer.failed() == 0)
}

/// A sweep that may be solved: every value is checked before anything runs.
pub struct ReadySweep {
    asked: SweepAsked,
    sweep: Sweep,
    rows: Vec<Vec<String>>,
    scenarios: Vec<Scenario>,
    /// What of the scenario does not fit the network, but for errors.
    pub findings: Vec<Diagnostic>,
}

/// Checks a sweep of a model that a check has let pass.
///
/// # Errors
/// A scenario that does not fit the model, a path or value that is none, all at once.
pub fn make_ready(
    arguments: &SweepArguments,
    loaded: &super::Loaded,
    model: &mut Model,
    model_hash: String,
) -> Result<ReadySweep, Failure> {
    let findings = loaded.prepared.check(&model.network);
    if findings.iter().any(|d| d.severity == Severity::Error) {
        return Err(Failure::new(findings));
    }
    let rows = samples(&arguments.vary, arguments.method, arguments.samples, arguments.seed)?;
    let asked = SweepAsked {
        model: arguments.model.clone(),
        file: arguments.file.clone(),
        paths: arguments.vary.iter().map(|v| v.path.clone()).collect(),
        from_hour: arguments.from_hour,
        hours: arguments.hours,
        model_hash,
        scenario_hash: loaded.digest.clone(),
    };
    let sweep = Sweep::new(&asked, loaded.prepared.clone(), std::mem::take(&mut model.network));
    let mut scenarios: Vec<Scenario> = Vec::with_capacity(rows.len());
    let mut faults: Vec<Diagnostic> = Vec::new();
    for row in &rows {
        match sweep.scenario(row) {
            Ok(scenario) => scenarios.push(scenario),
            Err(found) => faults.extend(found.into_iter().filter(|f| !faults.contains(f)).collect::<Vec<_>>()),
        }
    }
    if faults.is_empty() { Ok(ReadySweep { asked, sweep, rows, scenarios, findings }) } else { Err(Failure::new(faults)) }
}

/// Solves all samples here; `watch` is told how many of them are done.
///
/// # Errors
/// A sweep that was interrupted.
pub fn solve(arguments: &SweepArguments, ready: ReadySweep, watch: &(dyn Fn(usize, usize) + Sync)) -> Result<SweepAnswer, Failure> {
    interrupt::watch();
    let results = solve_all(arguments, &ready.sweep, &ready.scenarios, watch);
    finish(arguments, ready, results)
}

fn finish(arguments: &SweepArguments, ready: ReadySweep, results: Vec<Row>) -> Result<SweepAnswer, Failure> {
    if interrupt::asked() {
        return Err(Diagnostic::error("SCENARIO.SWEEP.INTERRUPTED", "the sweep was interrupted").hint("nothing was written").into());
    }
    let responses = responses(&arguments.vary, &ready.rows, &results);
    Ok(SweepAnswer { rows: ready.rows, results, responses, network: ready.sweep.network.name.clone() })
}

/// What every sample of a sweep is asked, so that another process can be asked it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SweepAsked {
    pub model: ModelArguments,
    /// The scenario.
    pub file: PathBuf,
    /// Parameters that vary.
    pub paths: Vec<String>,
    pub from_hour: u32,
    pub hours: u32,
    /// Of the files of the model and of the scenario.
    pub model_hash: String,
    pub scenario_hash: String,
}

/// What the samples of a sweep share.
pub struct Sweep {
    question: Question,
    prepared: Arc<Prepared>,
    network: Network,
    paths: Vec<String>,
}

impl Sweep {
    pub fn new(asked: &SweepAsked, prepared: Arc<Prepared>, network: Network) -> Self {
        let question = Question {
            options: TimeSeriesOptions {
                mode: SolutionMode::Yearly,
                steps: (f64::from(asked.hours) / prepared.scenario.step_h()).round() as u32,
                step_h: prepared.scenario.step_h(),
                start_hour: i64::from(asked.from_hour),
                controls: Some(ControlMode::Static),
                tolerance_pu: None,
                keep: Keep { steps: false, episodes: false, meters: false, ..Keep::default() },
                limits: VoltageLimits::default(),
            },
            iteration: IterationArguments::default(),
            dss: Vec::new(),
            lenient: asked.model.lenient,
            prints_steps: false,
            scenario: None,
        };
        Self { question, prepared, network, paths: asked.paths.clone() }
    }

    /// The scenario of a sample.
    ///
    /// # Errors
    /// Every path and value that is none.
    pub fn scenario(&self, row: &[String]) -> Result<Scenario, Vec<Diagnostic>> {
        let mut scenario = (*self.prepared.scenario).clone();
        let mut faults = Vec::new();
        for (path, value) in self.paths.iter().zip(row) {
            match formats::scenario::vary(&scenario, path, value) {
                Ok(varied) => scenario = varied,
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() { Ok(scenario) } else { Err(faults) }
    }

    /// Solves a sample, until it is told to stop.
    pub fn sample(&self, scenario: &Scenario, stop: &dyn Fn() -> bool) -> Row {
        let prepared = Prepared::new(scenario.clone(), self.prepared.data.clone()).map_err(Failure::new)?;
        let loaded = super::Loaded { prepared: Arc::new(prepared), findings: Vec::new(), digest: String::new(), path: PathBuf::new() };
        let question = Question { scenario: Some(loaded), ..self.question.clone() };
        let imported = Imported { network: self.network.clone(), ..Imported::default() };
        let ready = feeder::prepare(Model::from_imported(self.network.name.clone(), None, imported), &question)?;
        let mut watch = |_| if stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let solved = ready.run(&question, &mut watch, &mut |_| ControlFlow::Continue(()))?;
        Ok(figures(&solved))
    }
}

fn solve_all(arguments: &SweepArguments, sweep: &Sweep, scenarios: &[Scenario], watch: &(dyn Fn(usize, usize) + Sync)) -> Vec<Row> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Row)>> = Mutex::new(Vec::new());
    let threads = arguments.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(scenarios.len()) {
            scope.spawn(|| {
                loop {
                    let k = next.fetch_add(1, Ordering::Relaxed);
                    let Some(scenario) = scenarios.get(k).filter(|_| !interrupt::asked()) else { break };
                    let row = sweep.sample(scenario, &interrupt::asked);
                    let mut done = done.lock().unwrap_or_else(|e| e.into_inner());
                    done.push((k, row));
                    watch(done.len(), scenarios.len());
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(|e| e.into_inner());
    done.sort_by_key(|(k, _)| *k);
    done.into_iter().map(|(_, row)| row).collect()
}

fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

fn samples_csv(vary: &[Vary], rows: &[Vec<String>], results: &[Row]) -> String {
    let mut text = String::from("sample");
    vary.iter().for_each(|v| text += &format!(",{}", cell(&v.path)));
    text += &format!(",{}\n", FIGURES.join(","));
    for (k, (row, result)) in rows.iter().zip(results).enumerate() {
        let _ = write!(text, "{}", k + 1);
        row.iter().for_each(|v| text += &format!(",{}", cell(v)));
        let values = result.as_ref().map_or([None; FIGURES.len()], |r| *r);
        values.iter().for_each(|v| text += &format!(",{}", v.map_or(String::new(), g12)));
        text.push('\n');
    }
    text
}

/// A figure against a parameter, over all that else varies.
struct Response {
    path: String,
    /// A value, or the bounds of a bin.
    at: String,
    n: usize,
    /// Mean, least and largest of each figure.
    figures: Vec<Option<(f64, f64, f64)>>,
}

/// Bins of a parameter that takes many values.
const BINS: usize = 10;

fn responses(vary: &[Vary], rows: &[Vec<String>], results: &[Row]) -> Vec<Response> {
    let mut out = Vec::new();
    for (i, v) in vary.iter().enumerate() {
        let mut values: Vec<&String> = rows.iter().map(|r| &r[i]).collect();
        values.sort();
        values.dedup();
        let numbers: Option<Vec<f64>> = values.iter().map(|t| t.parse().ok()).collect();
        let groups: Vec<(String, Vec<usize>)> = match (&v.values, numbers) {
            (Values::Range(low, high), Some(_)) if values.len() > BINS => (0..BINS)
                .map(|b| {
                    let edge = |b: usize| low + (high - low) * b as f64 / BINS as f64;
                    let inside = |x: f64| ((x - low) / (high - low) * BINS as f64) as usize == b || (b == BINS - 1 && x >= *high);
                    let members = (0..rows.len()).filter(|&k| rows[k][i].parse().is_ok_and(inside)).collect();
                    (format!("{} to {}", fixed(edge(b), 3), fixed(edge(b + 1), 3)), members)
                })
                .collect(),
            (_, numbers) => {
                let mut order: Vec<usize> = (0..values.len()).collect();
                if let Some(numbers) = numbers {
                    order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
                }
                order.into_iter().map(|j| (values[j].clone(), (0..rows.len()).filter(|&k| &rows[k][i] == values[j]).collect())).collect()
            }
        };
        for (at, members) in groups {
            let of = |f: usize| {
                let found: Vec<f64> = members.iter().filter_map(|&k| results.get(k)?.as_ref().ok()?[f]).collect();
                let (low, high) = found.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
                (!found.is_empty()).then(|| (found.iter().sum::<f64>() / found.len() as f64, low, high))
            };
            out.push(Response { path: v.path.clone(), at, n: members.len(), figures: (0..FIGURES.len()).map(of).collect() });
        }
    }
    out
}

fn response_csv(responses: &[Response]) -> String {
    let mut text = String::from("parameter,at,samples,figure,mean,least,largest\n");
    for r in responses {
        for (figure, values) in FIGURES.iter().zip(&r.figures) {
            if let Some((mean, low, high)) = values {
                let _ = writeln!(text, "{},{},{},{figure},{},{},{}", cell(&r.path), cell(&r.at), r.n, g12(*mean), g12(*low), g12(*high));
            }
        }
    }
    text
}

/// The means that matter most, for people.
fn response_table(responses: &[Response]) -> String {
    // Position among the figures, and digits.
    let shown = [(1, 1), (3, 0), (4, 4), (5, 4), (6, 1), (9, 1), (11, 1)];
    let mut table = Table::new(&[
        "<parameter",
        "<at",
        ">samples",
        ">peak kW",
        ">losses kWh",
        ">lowest pu",
        ">highest pu",
        ">nodes beyond A",
        ">overloaded",
        ">loading",
    ]);
    for r in responses {
        let mean = |i: usize| r.figures[shown[i].0].map_or("-".to_owned(), |(mean, ..)| fixed(mean, shown[i].1));
        table.row([shorten(&r.path, 36), r.at.clone(), r.n.to_string(), mean(0), mean(1), mean(2), mean(3), mean(4), mean(5), mean(6)]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_lists_or_ranges() {
        assert_eq!(
            vary("ev.penetration_pct=10,20").unwrap(),
            Vary { path: "ev.penetration_pct".into(), values: Values::List(vec!["10".into(), "20".into()]) }
        );
        assert_eq!(vary("seed=1..9").unwrap().values, Values::Range(1.0, 9.0));
        for text in ["x", "x=", "=1", "x=1,,2", "x=5..1", "x=a..b"] {
            assert!(vary(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_grid_has_every_combination_and_a_hypercube_every_stratum() {
        let v = [vary("a=1,2,3").unwrap(), vary("b=0..1").unwrap()];
        let grid = samples(&v, SweepMethod::Grid, 3, 1).unwrap();
        assert_eq!(grid.len(), 9);
        assert_eq!((grid[0].join(" "), grid[5].join(" "), grid[8].join(" ")), ("1 0".into(), "2 1".into(), "3 1".into()));
        let n = 40;
        let lhs = samples(&[vary("a=0..40").unwrap(), vary("b=x,y").unwrap()], SweepMethod::Lhs, n, 7).unwrap();
        let mut strata: Vec<usize> = lhs.iter().map(|r| r[0].parse::<f64>().unwrap() as usize).collect();
        strata.sort_unstable();
        assert_eq!(strata, (0..n as usize).collect::<Vec<_>>());
        assert_eq!(lhs.iter().filter(|r| r[1] == "x").count(), 20);
        assert_eq!(lhs, samples(&[vary("a=0..40").unwrap(), vary("b=x,y").unwrap()], SweepMethod::Lhs, n, 7).unwrap());
        let many = [vary("a=0..1").unwrap(), vary("b=0..1").unwrap(), vary("c=0..1").unwrap()];
        assert_eq!(samples(&many, SweepMethod::Grid, 1000, 1).unwrap_err().code, "SCENARIO.SWEEP.TOO_MANY");
    }
}
