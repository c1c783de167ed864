//! `gridtwin comparison`: what studies of a results lake have that another has not.

use crate::cli::TableFormat;
use crate::console::Console;
use crate::failure::Failure;
use crate::number::{count, fixed};
use crate::report::{paragraph, section};
use crate::result_folder::ResultFolder;
use crate::study_tables;
use crate::text::{Style, Table as Lines};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt32Type};
use arrow_array::{Array, RecordBatch};
use clap::Args;
use network::Diagnostic;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use store::{CommittedFile, Lake, RunManifest, Status, StoreError};
use studies::comparison::{
    Became, Change, Episode, FeederComparison, Limit, Side, asset_table, bus_table, compare, element_table, feeder_table, hour_table,
    span_table,
};
use studies::table::Table;

/// Files that a comparison may write; the last one is the sign that all are whole.
const FILES: &[&str] = &[
    "assets.csv",
    "assets.parquet",
    "spans.csv",
    "spans.parquet",
    "hours.csv",
    "hours.parquet",
    "feeders.csv",
    "feeders.parquet",
    "elements.csv",
    "elements.parquet",
    "buses.csv",
    "buses.parquet",
    "summary.json",
];

/// Rows that a terminal is shown.
const SHOWN: usize = 20;

#[derive(Debug, Clone, Args)]
pub struct ComparisonArguments {
    /// Folder that runs wrote with --out, or a project
    pub dir: PathBuf,
    /// Study to compare with
    #[arg(long, value_name = "STUDY")]
    pub base: String,
    /// Study that is compared with it; repeatable
    #[arg(long, value_name = "STUDY", required = true)]
    pub with: Vec<String>,
    /// Only this feeder; repeatable
    #[arg(long, value_name = "NAME")]
    pub feeder: Vec<String>,
    /// Write tables and summary.json into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Form of the tables
    #[arg(long, value_enum, default_value = "csv")]
    pub format: TableFormat,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// What was found.
pub struct Answer {
    pub step_h: f64,
    /// Feeder by feeder, and of each case by case.
    pub found: Vec<FeederComparison>,
    pub findings: Vec<Diagnostic>,
    pub summary: Json,
}

impl Answer {
    /// All tables but that of spans, which comes in parts. Those of elements and buses are there when one feeder was compared.
    pub fn tables(&self) -> Vec<Table> {
        let (found, h) = (&self.found[..], self.step_h);
        let mut tables = vec![asset_table(found, h), hour_table(found, h), feeder_table(found, h)];
        if found.iter().all(|f| f.feeder == found[0].feeder) {
            tables.extend([element_table(found, h), bus_table(found, h)]);
        }
        tables
    }

    /// Times that are new, mended or remaining, a part a feeder and case.
    pub fn spans(&self) -> impl Iterator<Item = Table> + '_ {
        self.found.iter().map(|f| span_table(f, self.step_h))
    }
}

/// Runs the command.
///
/// # Errors
/// No lake or study there; studies that cannot be compared; a file that cannot be written.
pub fn run(arguments: &ComparisonArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let folder = arguments.out.as_deref().map(|dir| ResultFolder::prepare(dir, FILES)).transpose()?;
    let lake = Lake::open(&arguments.dir)?;
    let answer = study(&lake, &arguments.base, &arguments.with, &arguments.feeder)?;
    console.warn(&answer.findings);
    let mut written = String::new();
    if let (Some(folder), Some(dir)) = (&folder, &arguments.out) {
        let spans = study_tables::file_of("spans", answer.spans(), arguments.format)?;
        let spans = spans.map(|bytes| (study_tables::file_name("spans", arguments.format), bytes));
        let n = study_tables::write_with(folder, FILES, &answer.tables(), spans, &answer.summary, arguments.format)?;
        written = format!("wrote {} to {}\n", count(n, "file"), dir.display());
    }
    if arguments.json {
        return console.json(&answer.summary);
    }
    console.print(&(render(arguments, &answer, console.style) + &written))
}

fn refused(code: &str, what: String) -> Diagnostic {
    Diagnostic::error(code, what)
}

/// Compares studies of a lake, all feeders that they share or those that are named.
///
/// # Errors
/// No such study or feeder; studies whose steps are not the same times; studies that kept no episodes; torn files.
pub fn study(lake: &Lake, base: &str, with: &[String], feeders: &[String]) -> Result<Answer, Failure> {
    let of_base = lake.study(Some(base))?;
    let mut found = Vec::new();
    let mut findings = Vec::new();
    let mut cases = Vec::new();
    let step_h = of_base.options["step_h"].as_f64().unwrap_or(1.0);
    for case in with {
        let of_case = lake.study(Some(case))?;
        let end = comparable(&of_base, &of_case, &mut findings)?;
        let shared = shared(lake, &of_base, &of_case, feeders, &mut findings)?;
        let begun = found.len();
        for feeder in &shared {
            found.push(compare(feeder, case, &side(lake, &of_base, feeder)?, &side(lake, &of_case, feeder)?, end));
        }
        cases.push(summary_of(lake, &of_base, &of_case, &shared, &found[begun..], step_h)?);
    }
    // Feeder by feeder, as the tables have them.
    found.sort_by(|a, b| a.feeder.cmp(&b.feeder));
    let summary = json!({ "base": base, "step_h": step_h, "cases": cases });
    Ok(Answer { step_h, found, findings, summary })
}

/// Steps that two studies share, counted from the first; an error where their steps are not the same times.
fn comparable(base: &RunManifest, case: &RunManifest, findings: &mut Vec<Diagnostic>) -> Result<u32, Failure> {
    let number = |m: &RunManifest, key: &str| m.options[key].as_f64();
    for (key, what) in [("step_h", "length of a step"), ("start_hour", "hour of the beginning")] {
        let (b, c) = (number(base, key), number(case, key));
        if b.zip(c).is_some_and(|(b, c)| (b - c).abs() > 1e-9) {
            let [b, c] = [b, c].map(|x| x.unwrap_or_default());
            return Err(refused(
                "COMPARISON.STUDIES.TIMES",
                format!("the steps of {} and {} are not the same times", base.study, case.study),
            )
            .detail(format!("The {what} is {b} h in one and {c} h in the other."))
            .hint("Run one of them again with the other's --step and --hours.")
            .into());
        }
    }
    for key in ["range_a_pu", "range_b_pu"] {
        let (b, c) = (&base.options[key], &case.options[key]);
        if b != c {
            findings.push(
                Diagnostic::warning("COMPARISON.STUDIES.LIMITS", format!("{} and {} have other limits of voltage", base.study, case.study))
                    .detail(format!("{b} and {c}: what is new may be new because of the limit."))
                    .hint("Run one of them again with the other's ranges."),
            );
        }
    }
    let steps = |m: &RunManifest| m.options["steps"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(u32::MAX - 1);
    let (b, c) = (steps(base), steps(case));
    if b != c {
        let length = format!("{b} and {c} steps: the first {} count.", b.min(c));
        findings.push(
            Diagnostic::warning("COMPARISON.STUDIES.LENGTH", format!("{} and {} are not of the same length", base.study, case.study))
                .detail(length)
                .hint("Run both over the same time."),
        );
    }
    let start = number(base, "start_hour").unwrap_or(0.0) / number(base, "step_h").unwrap_or(1.0);
    // An episode is told by the end of its steps, and the first step ends one step after the beginning.
    Ok((start.round() as u32).saturating_add(b.min(c)).saturating_add(1))
}

/// Feeders that both studies finished, of those that are wanted.
fn shared(
    lake: &Lake,
    base: &RunManifest,
    case: &RunManifest,
    wanted: &[String],
    findings: &mut Vec<Diagnostic>,
) -> Result<Vec<String>, Failure> {
    let done = |m: &RunManifest| -> Result<BTreeSet<String>, StoreError> {
        Ok(lake.records(&m.study)?.into_iter().filter(|r| r.status == Status::Done).map(|r| r.feeder).collect())
    };
    let (b, c) = (done(base)?, done(case)?);
    let both: Vec<String> = b.intersection(&c).cloned().collect();
    let shown = |names: &mut dyn Iterator<Item = &String>| names.take(10).cloned().collect::<Vec<_>>().join(", ");
    if let Some(unknown) = wanted.iter().find(|w| !both.contains(w)) {
        return Err(refused(
            "COMPARISON.FEEDER.UNKNOWN",
            format!("{} and {} have no results of a feeder {unknown} together", base.study, case.study),
        )
        .hint(format!("They share {}.", shown(&mut both.iter())))
        .into());
    }
    if both.is_empty() {
        return Err(refused("COMPARISON.STUDIES.NOTHING", format!("{} and {} have no feeder together", base.study, case.study))
            .hint("Run both studies on the same networks.")
            .into());
    }
    let alone: Vec<&String> = b.symmetric_difference(&c).collect();
    if !alone.is_empty() && wanted.is_empty() {
        findings.push(
            Diagnostic::warning(
                "COMPARISON.FEEDER.ALONE",
                format!("{} only in one of {} and {}", count(alone.len(), "feeder"), base.study, case.study),
            )
            .detail(format!("Not compared: {}.", shown(&mut alone.into_iter())))
            .hint("Run the missing ones with --resume."),
        );
    }
    Ok(both.into_iter().filter(|f| wanted.is_empty() || wanted.contains(f)).collect())
}

fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a arrow_array::StringArray> {
    batch.column_by_name(name).and_then(|c| c.as_any().downcast_ref())
}

fn numbers<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a arrow_array::Float64Array> {
    batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<Float64Type>())
}

/// What a study says of a feeder.
fn side(lake: &Lake, manifest: &RunManifest, feeder: &str) -> Result<Side, Failure> {
    let study = manifest.study.as_str();
    let Some(record) = lake.record(study, feeder)? else {
        return Err(refused("COMPARISON.FEEDER.UNKNOWN", format!("{study} has no feeder {feeder}"))
            .hint("gridtwin report lists them.")
            .into());
    };
    let step_h = manifest.options["step_h"].as_f64().unwrap_or(1.0);
    let files: Vec<CommittedFile> = record
        .files
        .iter()
        .map(|f| CommittedFile {
            study: study.to_owned(),
            feeder: feeder.to_owned(),
            path: lake.part_path(&f.table, study, feeder),
            record: f.clone(),
        })
        .collect();
    let file = |table: &str| files.iter().find(|f| f.record.table == table);
    // Without a single violation there may be no file; then the statistics, which go with it, are there.
    if file("episodes").is_none() && manifest.options["keep"]["episodes"] != json!(true) {
        return Err(refused("COMPARISON.EPISODES.NONE", format!("{study} kept no times beyond limits"))
            .hint("Run it again with --keep episodes (or without --keep).")
            .into());
    }
    let mut side = Side::default();
    if let Some(f) = file("episodes") {
        f.read(&mut |batch| {
            let (Some(kind), Some(asset)) = (texts(batch, "kind"), texts(batch, "asset")) else { return Ok(()) };
            let columns = ["start_hour", "hours", "worst_value", "worst_hour", "limit_value"].map(|n| numbers(batch, n));
            let [Some(start), Some(hours), Some(worst), Some(worst_hour), Some(limit)] = columns else { return Ok(()) };
            for i in 0..batch.num_rows() {
                let Some(of) = Limit::of_name(kind.value(i)) else { continue };
                side.episodes.push(Episode {
                    limit: of,
                    asset: asset.value(i).to_owned(),
                    first: (start.value(i) / step_h).round() as u32,
                    steps: (hours.value(i) / step_h).round() as u32,
                    worst: worst.value(i),
                    worst_step: (worst_hour.value(i) / step_h).round() as u32,
                    limit_value: limit.value(i),
                });
            }
            Ok(())
        })?;
    }
    if let Some(f) = file("unsettled_steps") {
        f.read(&mut |batch| {
            if let Some(hour) = numbers(batch, "hour") {
                side.unsettled.extend(hour.values().iter().map(|h| (h / step_h).round() as u32));
            }
            Ok(())
        })?;
    }
    if let (Some(nodes), Some(elements)) = (file("node_statistics"), file("element_statistics")) {
        let mut assets = HashSet::new();
        for (f, column) in [(nodes, "node"), (elements, "element")] {
            f.read(&mut |batch| {
                if let Some(names) = texts(batch, column) {
                    assets.extend(names.iter().flatten().map(str::to_owned));
                }
                Ok(())
            })?;
        }
        side.assets = Some(assets);
    }
    Ok(side)
}

/// Sums of a study over feeders.
fn totals(lake: &Lake, study: &str, feeders: &[String]) -> Result<Json, Failure> {
    let (mut energy, mut losses, mut peak, mut low, mut high, mut unsettled) =
        (0.0, 0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0_u64);
    let wanted: HashSet<&String> = feeders.iter().collect();
    for file in lake.committed(Some(study))?.iter().filter(|f| f.record.table == "feeder_totals" && wanted.contains(&f.feeder)) {
        file.read(&mut |batch| {
            let each = |name: &str, take: &mut dyn FnMut(f64)| {
                if let Some(c) = numbers(batch, name) {
                    c.iter().flatten().for_each(take);
                }
            };
            each("energy_kwh", &mut |x| energy += x);
            each("losses_kwh", &mut |x| losses += x);
            each("peak_kw", &mut |x| peak = x.max(peak));
            each("v_min_pu", &mut |x| low = x.min(low));
            each("v_max_pu", &mut |x| high = x.max(high));
            if let Some(c) = batch.column_by_name("unsettled").and_then(|c| c.as_primitive_opt::<UInt32Type>()) {
                unsettled += c.iter().flatten().map(u64::from).sum::<u64>();
            }
            Ok(())
        })?;
    }
    let told = |x: f64| x.is_finite().then_some(x);
    Ok(json!({
        "energy_kwh": energy, "losses_kwh": losses, "largest_peak_kw": told(peak), "v_min_pu": told(low), "v_max_pu": told(high), "unsettled": unsettled,
    }))
}

fn summary_of(
    lake: &Lake,
    base: &RunManifest,
    case: &RunManifest,
    feeders: &[String],
    found: &[FeederComparison],
    step_h: f64,
) -> Result<Json, Failure> {
    let changes = || found.iter().flat_map(|f| &f.changes);
    let of_limit = |limit: Limit| {
        let of = |became: Became| changes().filter(|c| c.limit == limit && c.became == became).count();
        let sum =
            |n: &dyn Fn(&Change) -> u32| changes().filter(|c| c.limit == limit).map(|c| f64::from(n(c))).fold(0.0, |a, b| a + b) * step_h;
        let mut row: serde_json::Map<String, Json> = Became::ALL.iter().map(|b| (b.name().to_owned(), json!(of(*b)))).collect();
        row.insert("base_h".into(), json!(sum(&|c| c.base_steps)));
        row.insert("case_h".into(), json!(sum(&|c| c.case_steps)));
        row.insert("new_h".into(), json!(sum(&|c| c.new.len())));
        row.insert("mended_h".into(), json!(sum(&|c| c.mended.len())));
        (limit.name().to_owned(), Json::Object(row))
    };
    let limits: BTreeMap<String, Json> = Limit::ALL.into_iter().map(of_limit).collect();
    // Sums of runs of different length say nothing of one another.
    let is_as_long = base.options["steps"] == case.options["steps"];
    let totals = |study: &str| if is_as_long { totals(lake, study, feeders) } else { Ok(Json::Null) };
    Ok(json!({
        "case": case.study,
        "scenario": case.options["scenario"]["name"],
        "feeders": feeders.len(),
        "steps_left_out": found.iter().map(|f| f.steps_left_out).sum::<usize>(),
        "limits": limits,
        "totals_base": totals(&base.study)?,
        "totals_case": totals(&case.study)?,
    }))
}

/// Names of limits for people.
pub fn limit_words(limit: &str) -> &'static str {
    match limit {
        "overload" => "above the normal rating",
        "over_emergency" => "above the emergency rating",
        "below_a" => "below range A",
        "above_a" => "above range A",
        "below_b" => "below range B",
        "above_b" => "above range B",
        _ => "beyond another limit",
    }
}

/// Rows of the figures that two studies came to: what, unit, base, case.
pub fn figures(case: &Json) -> Vec<(&'static str, &'static str, Option<f64>, Option<f64>)> {
    [
        ("energy", "energy_kwh", "kWh"),
        ("losses", "losses_kwh", "kWh"),
        ("largest peak of a feeder", "largest_peak_kw", "kW"),
        ("lowest voltage", "v_min_pu", "pu"),
        ("highest voltage", "v_max_pu", "pu"),
        ("steps not settled", "unsettled", ""),
    ]
    .map(|(words, key, unit)| (words, unit, case["totals_base"][key].as_f64(), case["totals_case"][key].as_f64()))
    .to_vec()
}

fn render(arguments: &ComparisonArguments, answer: &Answer, style: Style) -> String {
    let mut text = String::new();
    for case in answer.summary["cases"].as_array().into_iter().flatten() {
        let name = case["case"].as_str().unwrap_or_default();
        text += &format!("{}\n", style.bold(&format!("{name} against {}", arguments.base)));
        let scenario = case["scenario"].as_str().map_or(String::new(), |s| format!(", scenario {s}"));
        paragraph(&mut text, &format!("{}{scenario}", count(case["feeders"].as_u64().unwrap_or(0) as usize, "feeder")));
        let figures = if case["totals_base"].is_null() { Vec::new() } else { figures(case) };
        section(&mut text, style, "Figures", |out| {
            if figures.is_empty() {
                return out.push_str("  none: the studies are not of the same length\n");
            }
            let mut table = Lines::new(&["<", ">base", ">case", ">change", "<unit"]);
            for (words, unit, base, with) in figures {
                let digits = match unit {
                    "pu" => 4,
                    "" => 0,
                    _ => 1,
                };
                let cell = |x: Option<f64>| x.map_or_else(|| "none".to_owned(), |x| fixed(x, digits));
                let change = base.zip(with).map(|(b, c)| c - b);
                table.row([words.to_owned(), cell(base), cell(with), cell(change), unit.to_owned()]);
            }
            out.push_str(&table.render());
        });
        section(&mut text, style, "Limits passed: assets, and their hours", |out| {
            let mut table = Lines::new(&[
                "<limit",
                ">new",
                ">worsened",
                ">added",
                ">same",
                ">eased",
                ">mended",
                ">gone",
                ">base h",
                ">case h",
                ">new h",
                ">mended h",
            ]);
            for limit in Limit::ALL.map(Limit::name) {
                let of = &case["limits"][limit];
                let n = |key: &str| of[key].as_u64().unwrap_or(0).to_string();
                let h = |key: &str| fixed(of[key].as_f64().unwrap_or(0.0), 1);
                table.row([
                    limit_words(limit).to_owned(),
                    n("new"),
                    n("worsened"),
                    n("added"),
                    n("same"),
                    n("eased"),
                    n("mended"),
                    n("gone"),
                    h("base_h"),
                    h("case_h"),
                    h("new_h"),
                    h("mended_h"),
                ]);
            }
            out.push_str(&table.render());
        });
        let mut changes: Vec<(&FeederComparison, &Change)> =
            answer.found.iter().filter(|f| f.case == name).flat_map(|f| f.changes.iter().map(move |c| (f, c))).collect();
        changes.retain(|(_, c)| c.became != Became::Same);
        changes.sort_by(|(_, a), (_, b)| {
            let moved = |c: &Change| c.new.len() + c.mended.len();
            a.became.cmp(&b.became).then(moved(b).cmp(&moved(a)))
        });
        if changes.is_empty() {
            paragraph(&mut text, "Nothing is new, worse, less or mended.");
        } else {
            section(&mut text, style, "Changes, what is new first", |out| {
                let mut table =
                    Lines::new(&["<feeder", "<asset", "<limit", "<became", ">base h", ">case h", ">worst base", ">worst case", "<unit"]);
                for (f, c) in changes.iter().take(SHOWN) {
                    let digits = if c.limit.is_thermal() { 1 } else { 4 };
                    let worst = |x: Option<f64>| x.map_or_else(String::new, |x| fixed(x, digits));
                    let hours = |n: u32| fixed(f64::from(n) * answer.step_h, 1);
                    table.row([
                        f.feeder.clone(),
                        c.asset.clone(),
                        limit_words(c.limit.name()).to_owned(),
                        c.became.name().to_owned(),
                        hours(c.base_steps),
                        hours(c.case_steps),
                        worst(c.worst_base),
                        worst(c.worst_case),
                        c.limit.unit().to_owned(),
                    ]);
                }
                out.push_str(&table.render());
                if changes.len() > SHOWN {
                    out.push_str(&format!("  … and {} more; --out DIR writes them all\n", changes.len() - SHOWN));
                }
            });
        }
        text.push('\n');
    }
    text
}
