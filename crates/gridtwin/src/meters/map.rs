//! `gridtwin meters map`.

use super::arguments::MapArguments;
use super::{places, read_file, reader_options};
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use crate::number::count;
use crate::result_folder::cannot;
use formats::meters::{MeterReader, ReadingSink};
use network::{Channel, Diagnostic, ReadingIndex, Readings, Reject};
use serde_json::json;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use studies::meter_map::{
    Confidence, Confusion, MeterMap, MeterSite, Method, Options, Override, TransformerSite, Voltages, infer, sites_of,
};

/// Largest table of voltages, values.
const MAX_VOLTAGES: usize = 400_000_000;

/// Runs the command.
///
/// # Errors
/// Tables, models or readings that cannot be read; files that cannot be written.
pub fn run(a: &MapArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let (rows, mut findings, _) = places::meters(&a.meters)?;
    let (mut transformers, more) = match &a.transformers {
        Some(path) => places::transformers(path)?,
        None => (Vec::new(), Vec::new()),
    };
    findings.extend(more);
    let mut traced: HashMap<String, String> = HashMap::new();
    for path in &a.models {
        let model = Model::read_with(path, &[], false)?;
        let (sites, fed) = sites_of(&model.network, &model.network.name);
        if a.transformers.is_none() {
            transformers.extend(sites);
        }
        traced.extend(fed);
    }
    if transformers.is_empty() {
        return Err(Diagnostic::error("MAP.TRANSFORMER.NONE", "no transformer has a place")
            .hint("Give a table of transformers with lon and lat, or a model whose buses have longitude and latitude.")
            .into());
    }
    unique(&transformers)?;
    let mut meters: Vec<MeterSite> = Vec::with_capacity(rows.len());
    let mut named: Vec<Option<String>> = Vec::with_capacity(rows.len());
    for row in rows {
        let mut site = row.site;
        site.traced = (!row.bus.is_empty()).then(|| traced.get(&row.bus).cloned()).flatten();
        named.push(site.transformer.clone());
        if a.ignore_explicit {
            site.transformer = None;
        }
        meters.push(site);
    }
    let voltages = if a.voltages.is_empty() { None } else { read_voltages(a, &meters, &mut findings)? };
    let overrides = overrides(a)?;
    let options = Options { candidates: usize::from(a.candidates), max_distance_m: a.max_distance_m, ..Options::default() };
    let map = infer(&transformers, &meters, voltages.as_ref(), &options, &overrides);
    findings.extend(map.diagnostics.iter().cloned());

    let truth = truth(a, &meters, &transformers, &named)?;
    let confusion = truth.map(|t| Confusion::of(&map.assignments, &t));
    if let Some(path) = &a.out {
        write_whole(path, &csv(&map, &meters, &transformers))?;
    }
    if let Some(path) = &a.log {
        append_log(path, &map)?;
    }
    console.warn(&findings);
    if a.json {
        return console.json(&as_json(&map, &meters, &transformers, confusion.as_ref(), &findings));
    }
    console.print(&as_text(&map, &meters, &transformers, confusion.as_ref()))
}

pub(crate) fn unique(transformers: &[TransformerSite]) -> Result<(), Failure> {
    let mut seen = std::collections::HashSet::new();
    match transformers.iter().find(|t| !seen.insert(t.id.as_str())) {
        None => Ok(()),
        Some(twice) => Err(Diagnostic::error("MAP.TRANSFORMER.TWICE", format!("two transformers are called \"{}\"", twice.id))
            .hint("Names must be unique over all feeders: put the feeder in front.")
            .into()),
    }
}

/// Takes voltages of the meters of the table, from the first time on.
pub(crate) struct VoltageSink<'a> {
    meters: HashMap<&'a str, usize>,
    /// Meter of each series, none where it is no voltage or not asked for.
    series: Vec<Option<usize>>,
    steps: usize,
    start: Option<(i64, i64)>,
    rows: Vec<Option<usize>>,
    values: Vec<f32>,
    outside: u64,
}

impl ReadingSink for VoltageSink<'_> {
    fn readings(&mut self, index: &ReadingIndex, block: &Readings) -> Result<(), Diagnostic> {
        while self.series.len() < index.series.len() {
            let s = &index.series[self.series.len()];
            let wanted = s.channel == Channel::VoltageV && s.interval_s > 0;
            self.series.push(self.meters.get(&*index.meters[s.meter as usize]).copied().filter(|_| wanted));
        }
        for k in 0..block.len() {
            let Some(m) = self.series[block.series[k] as usize] else { continue };
            let step = i64::from(index.series[block.series[k] as usize].interval_s);
            let (start, step) = *self.start.get_or_insert((block.end_s[k], step));
            let at = (block.end_s[k] - start).div_euclid(step);
            let Some(at) = usize::try_from(at).ok().filter(|at| *at < self.steps) else {
                self.outside += 1;
                continue;
            };
            let row = match self.rows[m] {
                Some(r) => r,
                None => {
                    let r = self.values.len() / self.steps;
                    if self.values.len() + self.steps > MAX_VOLTAGES {
                        return Err(Diagnostic::error("MAP.VOLTAGE.TOO_MANY", "there are more voltages than memory is kept for")
                            .hint("Use fewer steps: --voltage-steps."));
                    }
                    self.values.resize(self.values.len() + self.steps, f32::NAN);
                    self.rows[m] = Some(r);
                    r
                }
            };
            self.values[row * self.steps + at] = block.value[k] as f32;
        }
        Ok(())
    }

    fn reject(&mut self, _: Reject) -> Result<(), Diagnostic> {
        Ok(())
    }
}

impl<'a> VoltageSink<'a> {
    /// For so many steps of voltages of these meters.
    pub(crate) fn new(meters: &'a [MeterSite], steps: usize) -> Self {
        Self {
            meters: meters.iter().enumerate().map(|(i, m)| (m.id.as_str(), i)).collect(),
            series: Vec::new(),
            steps,
            start: None,
            rows: vec![None; meters.len()],
            values: Vec::new(),
            outside: 0,
        }
    }

    /// What came; none when there was no voltage.
    pub(crate) fn finish(self, findings: &mut Vec<Diagnostic>) -> Option<Voltages> {
        if self.rows.iter().all(Option::is_none) {
            return None;
        }
        if self.outside > 0 {
            findings.push(
                Diagnostic::note("MAP.VOLTAGE.OUTSIDE", "voltages past the steps that are used are left out")
                    .detail(format!("{} values outside of {} steps from the first time.", self.outside, self.steps))
                    .hint("Use more steps: --voltage-steps."),
            );
        }
        Some(Voltages { steps: self.steps, row: self.rows, values: self.values })
    }
}

fn read_voltages(a: &MapArguments, meters: &[MeterSite], findings: &mut Vec<Diagnostic>) -> Result<Option<Voltages>, Failure> {
    let mut sink = VoltageSink::new(meters, a.voltage_steps as usize);
    let mut reader = MeterReader::new(reader_options(&a.reading)?);
    for path in &a.voltages {
        let summary = read_file(&mut reader, path, &mut sink)?;
        findings.extend(summary.diagnostics);
    }
    let voltages = sink.finish(findings);
    if voltages.is_none() {
        findings.push(
            Diagnostic::warning("MAP.VOLTAGE.NONE", "the readings hold no voltages of these meters")
                .hint("See whether a column of volts is there, and whether meters bear the same names."),
        );
    }
    Ok(voltages)
}

/// Overrides of the file, and those of the command line, which are added to it.
fn overrides(a: &MapArguments) -> Result<Vec<Override>, Failure> {
    let Some(path) = &a.overrides else { return Ok(Vec::new()) };
    let there = path.exists();
    if !there && a.set.is_empty() {
        return Err(super::cannot_open(path, &std::io::ErrorKind::NotFound.into()));
    }
    let mut all = if there { places::overrides(path)? } else { Vec::new() };
    let mut added = String::new();
    for text in &a.set {
        let Some((meter, transformer)) = text.split_once('=') else {
            return Err(Diagnostic::error("MAP.OVERRIDE.UNREADABLE", format!("\"{text}\" is no override"))
                .hint("Write METER=TRANSFORMER; nothing after the sign for none.")
                .into());
        };
        let o =
            Override { meter: meter.trim().into(), transformer: transformer.trim().into(), who: a.who.clone(), reason: a.reason.clone() };
        writeln!(added, "{},{},{},{}", quoted(&o.meter), quoted(&o.transformer), quoted(&o.who), quoted(&o.reason))
            .expect("writing to a string");
        all.push(o);
    }
    if !added.is_empty() {
        let before = if there {
            let mut text = std::fs::read_to_string(path).map_err(|e| super::cannot_open(path, &e))?;
            if !text.ends_with('\n') {
                text.push('\n');
            }
            let header: Vec<String> = text.lines().next().unwrap_or_default().split(',').map(|h| h.trim().to_lowercase()).collect();
            if header != ["meter", "transformer", "who", "reason"] {
                return Err(Diagnostic::error(
                    "MAP.OVERRIDE.UNREADABLE",
                    "decisions can be added only to a file of the columns meter,transformer,who,reason",
                )
                .hint("Name another file, or rename its columns.")
                .into());
            }
            text
        } else {
            "meter,transformer,who,reason\n".to_owned()
        };
        write_whole(path, &(before + &added))?;
    }
    Ok(all)
}

fn truth(
    a: &MapArguments,
    meters: &[MeterSite],
    transformers: &[TransformerSite],
    named: &[Option<String>],
) -> Result<Option<Vec<Option<usize>>>, Failure> {
    let by_id: HashMap<&str, usize> = transformers.iter().enumerate().map(|(i, t)| (t.id.as_str(), i)).collect();
    if let Some(path) = &a.truth {
        let (map, _) = places::map(path)?;
        let of: HashMap<&str, &str> = map.iter().map(|p| (p.meter.as_str(), p.transformer.as_str())).collect();
        return Ok(Some(meters.iter().map(|m| of.get(m.id.as_str()).and_then(|t| by_id.get(t)).copied()).collect()));
    }
    if a.ignore_explicit {
        return Ok(Some(named.iter().map(|t| t.as_deref().and_then(|t| by_id.get(t)).copied()).collect()));
    }
    Ok(None)
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

fn write_whole(path: &Path, text: &str) -> Result<(), Failure> {
    let name = path.file_name().map_or_else(|| "map".into(), |n| n.to_string_lossy().into_owned());
    let partial = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
    std::fs::write(&partial, text).map_err(|e| cannot("write", &partial, &e))?;
    std::fs::rename(&partial, path).map_err(|e| cannot("rename to", path, &e))
}

/// The map, a row a meter.
pub(crate) fn csv(map: &MeterMap, meters: &[MeterSite], transformers: &[TransformerSite]) -> String {
    let mut text = String::from(
        "meter,transformer,feeder,method,confidence,probability,distance_m,second_transformer,second_probability,second_distance_m,correlation,reasons\n",
    );
    let number = |x: Option<f64>, digits: usize| x.map_or_else(String::new, |x| crate::number::fixed(x, digits));
    for (m, a) in meters.iter().zip(&map.assignments) {
        let site = a.transformer.map(|t| &transformers[t]);
        let feeder = site.map(|t| t.feeder.as_str()).filter(|f| !f.is_empty()).unwrap_or(m.feeder.as_str());
        let second = a.second.map(|s| (transformers[s.0].id.as_str(), s.1, s.2));
        writeln!(
            text,
            "{},{},{},{},{},{},{},{},{},{},{},{}",
            quoted(&m.id),
            quoted(site.map_or("", |t| t.id.as_str())),
            quoted(feeder),
            a.method.name(),
            a.confidence.name(),
            number(Some(a.probability), 4),
            number(a.distance_m, 1),
            quoted(second.map_or("", |s| s.0)),
            number(second.map(|s| s.1), 4),
            number(second.map(|s| s.2), 1),
            number(a.correlation, 3),
            quoted(&a.reasons.join("; ")),
        )
        .expect("writing to a string");
    }
    text
}

fn append_log(path: &Path, map: &MeterMap) -> Result<(), Failure> {
    if map.log.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    if !path.exists() {
        text += "time,meter,before,after,who,reason\n";
    }
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    for e in &map.log {
        writeln!(text, "{now},{},{},{},{},{}", quoted(&e.meter), quoted(&e.before), quoted(&e.after), quoted(&e.who), quoted(&e.reason))
            .expect("writing to a string");
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(|e| cannot("write", path, &e))?;
    file.write_all(text.as_bytes()).map_err(|e| cannot("write", path, &e))
}

fn counts(map: &MeterMap) -> [(Confidence, usize); 3] {
    [Confidence::High, Confidence::Medium, Confidence::Low].map(|c| (c, map.assignments.iter().filter(|a| a.confidence == c).count()))
}

fn methods(map: &MeterMap) -> Vec<(Method, usize)> {
    [Method::Explicit, Method::Traced, Method::Inferred, Method::Override, Method::None]
        .into_iter()
        .map(|m| (m, map.assignments.iter().filter(|a| a.method == m).count()))
        .filter(|(_, n)| *n > 0)
        .collect()
}

pub(crate) fn as_text(map: &MeterMap, meters: &[MeterSite], transformers: &[TransformerSite], confusion: Option<&Confusion>) -> String {
    let mut text = format!(
        "{} and {}, settled after {}\n",
        count(meters.len(), "meter"),
        count(transformers.len(), "transformer"),
        count(map.rounds, "round")
    );
    let confidences: Vec<String> = counts(map).iter().map(|(c, n)| format!("{} {n}", c.name())).collect();
    let by_method: Vec<String> = methods(map).iter().map(|(m, n)| format!("{} {n}", m.name())).collect();
    writeln!(text, "confidence: {}\nmethod: {}", confidences.join(", "), by_method.join(", ")).expect("writing to a string");
    let mut doubtful: Vec<usize> = (0..meters.len()).filter(|&m| map.assignments[m].confidence == Confidence::Low).collect();
    doubtful.sort_by(|&a, &b| map.assignments[a].probability.total_cmp(&map.assignments[b].probability));
    if !doubtful.is_empty() {
        text.push_str("\nleast sure\n");
        let mut table = crate::text::Table::new(&["meter", "transformer", "probability", "reasons"]);
        for &m in doubtful.iter().take(10) {
            let a = &map.assignments[m];
            let id = a.transformer.map_or("-", |t| transformers[t].id.as_str());
            table.row([meters[m].id.clone(), id.to_owned(), crate::number::fixed(a.probability, 3), a.reasons.join("; ")]);
        }
        text += &table.render();
    }
    if let Some(c) = confusion {
        text.push_str("\nagainst the truth\n");
        text += &c.table();
        if c.unknown > 0 {
            writeln!(text, "{} meters have no known truth", c.unknown).expect("writing to a string");
        }
    }
    text
}

pub(crate) fn as_json(
    map: &MeterMap,
    meters: &[MeterSite],
    transformers: &[TransformerSite],
    confusion: Option<&Confusion>,
    findings: &[Diagnostic],
) -> serde_json::Value {
    let rows: Vec<_> = meters
        .iter()
        .zip(&map.assignments)
        .map(|(m, a)| {
            json!({
                "meter": m.id, "transformer": a.transformer.map(|t| &transformers[t].id), "feeder": a.transformer.map(|t| &transformers[t].feeder),
                "method": a.method.name(), "confidence": a.confidence.name(), "probability": a.probability, "distance_m": a.distance_m,
                "second": a.second.map(|s| json!({ "transformer": transformers[s.0].id, "probability": s.1, "distance_m": s.2 })),
                "correlation": a.correlation, "reasons": a.reasons,
            })
        })
        .collect();
    let outcome = |o: studies::meter_map::Outcome| json!({ "meters": o.total(), "right": o.right, "wrong": o.wrong, "none": o.none, "right_pct": o.right_pct() });
    json!({
        "rounds": map.rounds,
        "confidence": counts(map).iter().map(|(c, n)| (c.name().to_owned(), json!(n))).collect::<serde_json::Map<_, _>>(),
        "confusion": confusion.map(|c| json!({ "high": outcome(c.high), "medium": outcome(c.medium), "low": outcome(c.low), "unknown": c.unknown })),
        "overrides": map.log.iter().map(|e| json!({ "meter": e.meter, "before": e.before, "after": e.after, "who": e.who, "reason": e.reason })).collect::<Vec<_>>(),
        "meters": rows,
        "diagnostics": findings,
    })
}
