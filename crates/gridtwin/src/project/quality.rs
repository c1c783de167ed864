//! `gridtwin project quality`: the data of a whole project: every network, what records refer to, and where the energy of feeders goes.

use super::arguments::ProjectQualityArguments;
use super::meters::{SUMS, basis, meters_read, numbers, studies_of_readings, texts};
use crate::cli::{IterationArguments, Mode, QualityFormat};
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use crate::number::{count, fixed};
use crate::report::section;
use crate::solve;
use crate::text::{self, Style, Table};
use arrow_array::Array;
use arrow_array::types::{Float64Type, UInt32Type, UInt64Type};
use network::{Diagnostic, Network, OutageStep, Severity};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use store::Lake;
use store::project::{Project, VersionInfo};
use studies::quality::{Balance, Completeness, Energies, Quality, balance, quality};

/// Share of an interval for which a point must have had a value, percent.
const KNOWN_PCT: f64 = 99.9;
/// Names listed of what nothing is called.
const LISTED: usize = 10;

/// One network of the report.
#[derive(Clone, Debug, Serialize)]
pub struct NetworkQuality {
    pub network: String,
    pub version: u64,
    pub completeness: Vec<Completeness>,
    /// Records of the import that were not used.
    pub rejected: usize,
    pub findings: Vec<Diagnostic>,
}

/// The energy of one feeder.
#[derive(Clone, Debug, Serialize)]
pub struct FeederBalance {
    pub feeder: String,
    /// Point or meter at the head, and whether it was decided or goes by its name.
    pub head: String,
    pub decided: bool,
    pub hours: f64,
    /// Intervals of series of energy without a value.
    pub missing: u64,
    #[serde(flatten)]
    pub balance: Balance,
}

/// What the project keeps beside its networks.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Holdings {
    pub meters_placed: usize,
    pub meters_mapped: usize,
    pub meters_read: usize,
    pub outage_steps: usize,
    /// Rows of record imports that were not used.
    pub rejected: u64,
}

/// The report.
#[derive(Clone, Debug, Serialize)]
pub struct ProjectQuality {
    pub project: String,
    pub networks: Vec<NetworkQuality>,
    pub balances: Vec<FeederBalance>,
    pub holdings: Holdings,
    /// Of the project as a whole.
    pub findings: Vec<Diagnostic>,
}

/// Names of one network that records may use.
struct Known {
    name: String,
    feeders: HashSet<String>,
    things: HashSet<String>,
    transformers: HashSet<String>,
    /// Losses of a solved moment and the power at the head then, kW.
    losses_kw: Option<(f64, f64)>,
}

/// Looks at everything.
///
/// # Errors
/// A network, lake or database that cannot be read.
pub fn project_quality(project: &Project) -> Result<ProjectQuality, Failure> {
    let versions: Vec<VersionInfo> = project.info()?.networks;
    let lake = project.lake()?;
    let (mut networks, mut known) = (Vec::new(), Vec::new());
    for v in &versions {
        let stored = project.network(Some(&v.network), Some(v.number))?;
        let Quality { completeness, findings } = quality(&stored.imported.network);
        // The checks are made anew; what they found at the import would be told twice.
        let mut all: Vec<Diagnostic> = stored.imported.diagnostics.into_iter().filter(|d| !d.code.starts_with("CHECK.")).collect();
        all.extend(findings);
        all.sort_by_key(|d| std::cmp::Reverse(d.severity));
        networks.push(NetworkQuality {
            network: v.network.clone(),
            version: v.number,
            completeness,
            rejected: stored.imported.rejects.len(),
            findings: all,
        });
        known.push(Known::of(&v.network, stored.imported.network));
    }
    let mut findings = Vec::new();
    let outages = project.outages()?;
    outage_names(&outages, &known, &mut findings);
    let studies = studies_of_readings(project, &lake)?;
    let read = meters_read(&lake, &studies)?;
    let mut holdings = Holdings {
        meters_placed: project.meter_places()?.len(),
        meters_read: read.len(),
        outage_steps: outages.len(),
        rejected: project.record_imports()?.iter().map(|i| i.rejected).sum(),
        ..Holdings::default()
    };
    meter_names(project, &versions, &known, &read, &mut holdings, &mut findings)?;
    stale(project, &versions, &mut findings)?;
    let balances = energies(project, &lake, &studies, &known, &mut findings)?;
    findings.sort_by_key(|d| std::cmp::Reverse(d.severity));
    Ok(ProjectQuality { project: project.name().to_owned(), networks, balances, holdings, findings })
}

impl Known {
    fn of(name: &str, network: Network) -> Self {
        let (mut things, mut feeders, mut transformers) = (HashSet::new(), HashSet::from([name.to_lowercase()]), HashSet::new());
        for &id in &network.order {
            let c = network.common(id);
            things.insert(c.name.to_lowercase());
            things.insert(network.full_name(id).to_lowercase());
            things.extend(c.aliases.iter().map(|a| a.id.to_lowercase()));
            if !c.feeder.is_empty() {
                feeders.insert(c.feeder.to_lowercase());
            }
        }
        for a in &network.assets {
            things.insert(a.id.to_lowercase());
            if !a.feeder.is_empty() {
                feeders.insert(a.feeder.to_lowercase());
            }
        }
        transformers.extend(network.transformers.iter().map(|t| t.common.name.to_lowercase()));
        // Losses belong to the network as a whole: of several feeders in one network no one knows whose they are.
        let own: HashSet<&str> = network.order.iter().map(|&id| network.common(id).feeder.as_str()).filter(|f| !f.is_empty()).collect();
        let single = own.len() <= 1 && !network.is_transmission();
        let losses_kw = if single { losses(name, network) } else { None };
        Self { name: name.to_lowercase(), feeders, things, transformers, losses_kw }
    }
}

/// Losses of a solved moment; a network that does not solve has none to tell, and its findings say why.
fn losses(name: &str, network: Network) -> Option<(f64, f64)> {
    let mut model = Model::from_imported(name.to_owned(), None, network::Imported { network, ..Default::default() });
    model.preflight(false).ok()?;
    solve::set_options(&mut model.network.options, Mode::Snapshot, None, &IterationArguments::default());
    let solution = solve::solve(&mut model).ok()?;
    let view = solve::view(&model, &solution);
    Some((view.power.losses_kw, view.power.sources.p_kw))
}

/// Devices and feeders of outages that nothing is called.
fn outage_names(steps: &[OutageStep], known: &[Known], findings: &mut Vec<Diagnostic>) {
    if known.is_empty() {
        return;
    }
    let mut unknown: BTreeMap<(&str, &str), (usize, &OutageStep)> = BTreeMap::new();
    for s in steps {
        let device = s.device.to_lowercase();
        if !device.is_empty() && !known.iter().any(|k| k.things.contains(&device)) {
            unknown.entry(("device", &s.device)).or_insert((0, s)).0 += 1;
        }
        let feeder = s.feeder.to_lowercase();
        if !feeder.is_empty() && !known.iter().any(|k| k.feeders.contains(&feeder)) {
            unknown.entry(("feeder", &s.feeder)).or_insert((0, s)).0 += 1;
        }
    }
    for ((what, name), (n, first)) in unknown {
        let steps = count(n, "outage step");
        let mut d = if what == "device" {
            Diagnostic::warning("QUALITY.OUTAGE.DEVICE_UNKNOWN", format!("{steps} name the device \"{name}\", which no network has"))
        } else {
            Diagnostic::warning("QUALITY.OUTAGE.FEEDER_UNKNOWN", format!("{steps} name the feeder \"{name}\", which no network has"))
        };
        d.place = first.place;
        findings.push(d.element(name).at(&first.source).hint("Correct the record, or import the network that has it."));
    }
}

/// Meters that are nowhere, transformers of the map that are not there, meters of the map that nobody reads.
fn meter_names(
    project: &Project,
    versions: &[VersionInfo],
    known: &[Known],
    read: &BTreeMap<String, String>,
    holdings: &mut Holdings,
    findings: &mut Vec<Diagnostic>,
) -> Result<(), Failure> {
    let Some((info, rows)) = project.meter_map(None)? else {
        if !read.is_empty() {
            let what = format!("{} have readings, and there is no map of meters", count(read.len(), "meter"));
            findings.push(Diagnostic::warning("QUALITY.METER.NOT_IN_MAP", what).hint("Make a map: `gridtwin project meters map PROJECT`."));
        }
        return Ok(());
    };
    holdings.meters_mapped = rows.iter().filter(|r| r.transformer.is_some()).count();
    let mut tell = |names: Vec<&str>, code: &'static str, what: &str, hint: &str| {
        if let Some(first) = names.first() {
            let more = if names.len() > LISTED { format!(", and {} more", names.len() - LISTED) } else { String::new() };
            let listed = names.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
            let d = Diagnostic::new(code, Severity::Warning, format!("{} {what}", count(names.len(), "meter")));
            findings.push(d.element(format!("meter.{first}")).detail(format!("{listed}{more}.")).hint(hint));
        }
    };
    let is_there = |id: &str| {
        let id = id.to_lowercase();
        // A name that two networks have is written with that of its network.
        known.iter().any(|k| {
            k.transformers.contains(&id)
                || id.strip_prefix(&k.name).and_then(|r| r.strip_prefix('/')).is_some_and(|r| k.transformers.contains(r))
        })
    };
    let gone = rows.iter().filter(|r| r.transformer.as_deref().is_some_and(|t| !is_there(t))).map(|r| r.meter.as_str()).collect();
    tell(
        gone,
        "QUALITY.METER.TRANSFORMER_UNKNOWN",
        "hang on a transformer that no network has now",
        "Make the map anew: `gridtwin project meters map`.",
    );
    let mapped: HashSet<&str> = rows.iter().map(|r| r.meter.as_str()).collect();
    let nowhere = read.keys().map(String::as_str).filter(|m| !mapped.contains(m)).collect();
    tell(
        nowhere,
        "QUALITY.METER.NOT_IN_MAP",
        "have readings and are not in the map",
        "Give their places: `gridtwin project meters places`.",
    );
    if !read.is_empty() {
        let silent = rows.iter().map(|r| r.meter.as_str()).filter(|m| !read.contains_key(*m)).collect();
        tell(silent, "QUALITY.METER.SILENT", "of the map have no readings", "See whether a file is missing.");
    }
    let newest: BTreeMap<&str, u64> = versions.iter().map(|v| (v.network.as_str(), v.number)).collect();
    let old: Vec<String> = info
        .versions
        .iter()
        .filter(|(n, number)| newest.get(n.as_str()).is_some_and(|new| new > number))
        .map(|(n, number)| format!("{n} version {number}"))
        .collect();
    if !old.is_empty() {
        let what = format!("meter map {} was made with older versions of networks", info.number);
        findings.push(
            Diagnostic::warning("QUALITY.METER.MAP_OLD", what)
                .detail(format!("{}.", old.join(", ")))
                .hint("Make it anew: `gridtwin project meters map PROJECT`; decisions stay."),
        );
    }
    Ok(())
}

/// Reconciliations of versions that are not the newest.
fn stale(project: &Project, versions: &[VersionInfo], findings: &mut Vec<Diagnostic>) -> Result<(), Failure> {
    let newest: HashMap<&str, u64> = versions.iter().map(|v| (v.network.as_str(), v.number)).collect();
    let mut last: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    for r in project.reconciliations()? {
        let pair = last.entry((r.a.0, r.b.0)).or_default();
        *pair = (*pair).max((r.a.1, r.b.1));
    }
    for ((a, b), (va, vb)) in last {
        let is_old = |name: &str, number: u64| newest.get(name).is_some_and(|new| *new > number);
        if is_old(&a, va) || is_old(&b, vb) {
            let what = format!("{a} and {b} have been reconciled in versions {va} and {vb}, and there are newer ones");
            findings.push(
                Diagnostic::note("QUALITY.MATCH.OLD", what)
                    .hint("Reconcile again: `gridtwin project reconcile PROJECT --network … --with …`; decisions stay."),
            );
        }
    }
    Ok(())
}

/// Mean powers of intervals by their end, and the length of the intervals.
#[derive(Default)]
struct Series {
    step_s: i64,
    kw: BTreeMap<i64, f64>,
}

impl Series {
    /// With the step that most ends are apart.
    fn new(kw: BTreeMap<i64, f64>) -> Option<Self> {
        let mut steps: BTreeMap<i64, usize> = BTreeMap::new();
        kw.keys().zip(kw.keys().skip(1)).for_each(|(a, b)| *steps.entry(b - a).or_default() += 1);
        let step_s = steps.into_iter().max_by_key(|(step, n)| (*n, -step))?.0;
        Some(Self { step_s, kw })
    }

    /// When its intervals end, within their length.
    fn phase(&self) -> i64 {
        self.kw.keys().next().map_or(0, |end| end.rem_euclid(self.step_s))
    }

    /// Means over the intervals of `step_s` that end at `phase`, of those whose parts are all there; none when the intervals do not fit.
    fn at(&self, step_s: i64, phase: i64) -> Option<BTreeMap<i64, f64>> {
        if step_s % self.step_s != 0 || phase.rem_euclid(self.step_s) != self.phase() {
            return None;
        }
        let parts = step_s / self.step_s;
        let mut sums: BTreeMap<i64, (i64, f64)> = BTreeMap::new();
        for (&end, &kw) in self.kw.iter().filter(|(end, _)| end.rem_euclid(self.step_s) == self.phase()) {
            let sum = sums.entry(phase + (end - phase + step_s - 1).div_euclid(step_s) * step_s).or_default();
            *sum = (sum.0 + 1, sum.1 + kw);
        }
        Some(sums.into_iter().filter(|(_, (n, _))| *n == parts).map(|(end, (_, sum))| (end, sum / parts as f64)).collect())
    }
}

/// Power of a point, or of a meter of that name, later imports over earlier ones.
fn head_series(lake: &Lake, studies: &[String], point: &str) -> Result<Option<Series>, Failure> {
    let mut kw: BTreeMap<i64, f64> = BTreeMap::new();
    let mut of_meters: BTreeMap<(i64, bool), f64> = BTreeMap::new();
    for study in studies {
        let mut of_study: BTreeMap<(i64, bool), f64> = BTreeMap::new();
        for file in lake.committed(Some(study))? {
            match file.record.table.as_str() {
                "point_intervals" => file.read(&mut |batch| {
                    let (device, channel) = (texts(batch, &file, "device")?, texts(batch, &file, "channel")?);
                    let (end_s, mean) = (numbers::<UInt64Type>(batch, &file, "end_s")?, numbers::<Float64Type>(batch, &file, "mean")?);
                    let known_pct = numbers::<Float64Type>(batch, &file, "known_pct")?;
                    for i in 0..batch.num_rows() {
                        if device.value(i).eq_ignore_ascii_case(point) && channel.value(i) == "p_kw" && known_pct.value(i) >= KNOWN_PCT {
                            kw.insert(end_s.value(i) as i64, mean.value(i));
                        }
                    }
                    Ok(())
                })?,
                "meter_intervals" => file.read(&mut |batch| {
                    let (meter, channel) = (texts(batch, &file, "meter")?, texts(batch, &file, "channel")?);
                    let (end_s, value) = (numbers::<UInt64Type>(batch, &file, "end_s")?, numbers::<Float64Type>(batch, &file, "value")?);
                    for i in 0..batch.num_rows() {
                        if !meter.value(i).eq_ignore_ascii_case(point) || value.is_null(i) {
                            continue;
                        }
                        let received = match channel.value(i) {
                            "delivered_kwh" | "delivered_register_kwh" | "net_kwh" => false,
                            "received_kwh" | "received_register_kwh" => true,
                            _ => continue,
                        };
                        // Several registers of one meter add up.
                        *of_study.entry((end_s.value(i) as i64, received)).or_default() += value.value(i);
                    }
                    Ok(())
                })?,
                _ => {}
            }
        }
        of_meters.extend(of_study);
    }
    if kw.is_empty() {
        let mut kwh: BTreeMap<i64, f64> = BTreeMap::new();
        of_meters.into_iter().for_each(|((end, received), v)| *kwh.entry(end).or_default() += if received { -v } else { v });
        return Ok(Series::new(kwh).map(|s| {
            let hours = s.step_s as f64 / 3600.0;
            Series { step_s: s.step_s, kw: s.kw.into_iter().map(|(end, e)| (end, e / hours)).collect() }
        }));
    }
    Ok(Series::new(kw))
}

/// Names of SCADA points that have a power.
fn points(lake: &Lake, studies: &[String]) -> Result<BTreeSet<String>, Failure> {
    let mut found = BTreeSet::new();
    for study in studies {
        for file in lake.committed(Some(study))?.iter().filter(|f| f.record.table == "point_intervals") {
            file.read(&mut |batch| {
                let (device, channel) = (texts(batch, file, "device")?, texts(batch, file, "channel")?);
                for i in (0..batch.num_rows()).filter(|&i| channel.value(i) == "p_kw") {
                    if !found.contains(device.value(i)) {
                        found.insert(device.value(i).to_owned());
                    }
                }
                Ok(())
            })?;
        }
    }
    Ok(found)
}

/// Delivered and received power of the meters of each feeder, and intervals of series without a value.
struct FeederMeters {
    delivered: Series,
    received: Series,
    missing: BTreeMap<i64, u64>,
}

fn feeder_meters(lake: &Lake) -> Result<BTreeMap<String, FeederMeters>, Failure> {
    let mut feeders = BTreeMap::new();
    for file in
        lake.committed(Some(SUMS))?.iter().filter(|f| f.record.table == "feeder_intervals" && f.feeder != studies::metering::UNMAPPED)
    {
        let (mut delivered, mut received, mut missing) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        file.read(&mut |batch| {
            let end_s = numbers::<UInt64Type>(batch, file, "end_s")?;
            let (d, r) = (numbers::<Float64Type>(batch, file, "delivered_kwh")?, numbers::<Float64Type>(batch, file, "received_kwh")?);
            let (n, e) = (numbers::<UInt32Type>(batch, file, "measured")?, numbers::<UInt32Type>(batch, file, "estimated")?);
            let m = numbers::<UInt32Type>(batch, file, "missing")?;
            for i in (0..batch.num_rows()).filter(|&i| n.value(i) + e.value(i) > 0) {
                let end = end_s.value(i) as i64;
                delivered.insert(end, d.value(i));
                received.insert(end, r.value(i));
                missing.insert(end, u64::from(m.value(i)));
            }
            Ok(())
        })?;
        let power = |kwh: BTreeMap<i64, f64>| {
            Series::new(kwh).map(|s| {
                let hours = s.step_s as f64 / 3600.0;
                Series { step_s: s.step_s, kw: s.kw.into_iter().map(|(end, e)| (end, e / hours)).collect() }
            })
        };
        if let (Some(delivered), Some(received)) = (power(delivered), power(received)) {
            feeders.insert(file.feeder.clone(), FeederMeters { delivered, received, missing });
        }
    }
    Ok(feeders)
}

/// Balances of the feeders for which both sides are there.
fn energies(
    project: &Project,
    lake: &Lake,
    studies: &[String],
    known: &[Known],
    findings: &mut Vec<Diagnostic>,
) -> Result<Vec<FeederBalance>, Failure> {
    if !studies.is_empty() {
        let made = project.runs()?.into_iter().find(|r| r.name == SUMS);
        let now = json!(basis(project, lake)?);
        let old = match &made {
            None => Some("the readings have not been added up"),
            Some(run) if run.options["basis"] != now => Some("readings or the map are newer than the sums of meters"),
            Some(_) => None,
        };
        if let Some(what) = old {
            findings
                .push(Diagnostic::warning("QUALITY.ENERGY.SUMS_OLD", what).hint("Add up: `gridtwin project meters aggregate PROJECT`."));
        }
    }
    let feeders = feeder_meters(lake)?;
    let heads = project.heads_in_force()?;
    let points = if feeders.is_empty() { BTreeSet::new() } else { points(lake, studies)? };
    let mut balances = Vec::new();
    for (feeder, of_meters) in &feeders {
        let decided = heads.iter().find(|(f, _)| f.eq_ignore_ascii_case(feeder)).map(|(_, p)| p.clone());
        let head = decided.clone().or_else(|| points.iter().find(|p| p.eq_ignore_ascii_case(feeder)).cloned());
        let Some(head) = head else {
            let what = format!("nothing is known to measure the head of feeder \"{feeder}\", so that its energy cannot be balanced");
            findings.push(
                Diagnostic::note("QUALITY.ENERGY.NO_HEAD", what)
                    .hint("Name the point or meter that does: `gridtwin project decide PROJECT --head FEEDER=POINT`."),
            );
            continue;
        };
        let refuse = |why: String| {
            Diagnostic::warning("QUALITY.ENERGY.NO_SERIES", format!("feeder \"{feeder}\" cannot be balanced: {why}"))
                .hint("Import readings of both sides over the same time.")
        };
        let Some(head_kw) = head_series(lake, studies, &head)? else {
            findings.push(refuse(format!("\"{head}\" has no power or energy in the lake")));
            continue;
        };
        let coarse = if head_kw.step_s > of_meters.delivered.step_s { &head_kw } else { &of_meters.delivered };
        let (step_s, phase) = (coarse.step_s, coarse.phase());
        let at = |s: &Series| s.at(step_s, phase);
        let all = at(&head_kw).zip(at(&of_meters.delivered)).zip(at(&of_meters.received));
        let Some(((head_kw, delivered), received)) = all else {
            findings.push(refuse(format!("intervals of {} s and {} s do not fit", head_kw.step_s, of_meters.delivered.step_s)));
            continue;
        };
        let shared: Vec<(i64, f64, f64, f64)> =
            head_kw.iter().filter_map(|(t, h)| Some((*t, *h, *delivered.get(t)?, *received.get(t)?))).collect();
        let (Some(first), Some(last)) = (shared.first(), shared.last()) else {
            findings.push(refuse(format!("\"{head}\" and its meters have no interval in common")));
            continue;
        };
        let hours = step_s as f64 / 3600.0;
        let sum = |f: fn(&(i64, f64, f64, f64)) -> f64| shared.iter().map(f).sum::<f64>() * hours;
        let name = feeder.to_lowercase();
        let network = known.iter().find(|k| k.name == name).or_else(|| known.iter().find(|k| k.feeders.contains(&name)));
        let energies = Energies {
            head_kwh: sum(|s| s.1),
            head_peak_kw: shared.iter().map(|s| s.1).fold(0.0, f64::max),
            hours: shared.len() as f64 * hours,
            delivered_kwh: sum(|s| s.2),
            received_kwh: sum(|s| s.3),
            losses_kw: network.and_then(|k| k.losses_kw),
        };
        let (found, finding) = balance(&energies);
        findings.extend(finding.map(|d| d.element(format!("feeder.{feeder}"))));
        let missing = of_meters.missing.range(first.0 - step_s + 1..=last.0).map(|(_, n)| n).sum();
        balances.push(FeederBalance {
            feeder: feeder.clone(),
            head,
            decided: decided.is_some(),
            hours: energies.hours,
            missing,
            balance: found,
        });
    }
    Ok(balances)
}

pub(super) fn run(a: &ProjectQualityArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let report = project_quality(&Project::open(&a.dir)?)?;
    match a.format {
        QualityFormat::Text => console.print(&report.render(console.style))?,
        QualityFormat::Json => console.json(&report)?,
        QualityFormat::Geojson => console.json(&report.geojson())?,
    }
    Ok(report.all().all(|(_, d)| d.severity != Severity::Error))
}

impl ProjectQuality {
    /// All findings, with the network that they are about.
    fn all(&self) -> impl Iterator<Item = (Option<&str>, &Diagnostic)> {
        let of_networks = self.networks.iter().flat_map(|n| n.findings.iter().map(move |d| (Some(n.network.as_str()), d)));
        of_networks.chain(self.findings.iter().map(|d| (None, d)))
    }

    /// The text for people.
    pub fn render(&self, style: Style) -> String {
        let mut out = style.bold(&format!("Data quality of project {}", self.project)) + "\n";
        section(&mut out, style, "Networks", |out| {
            let mut table = Table::new(&["<network", ">version", ">errors", ">warnings", ">notes", ">rejects", "<least complete"]);
            for n in &self.networks {
                let severity = |s: Severity| n.findings.iter().filter(|d| d.severity == s).count().to_string();
                let share = |c: &Completeness| c.have as f64 / c.of.max(1) as f64;
                let worst = n.completeness.iter().filter(|c| c.have < c.of).min_by(|a, b| share(a).total_cmp(&share(b)));
                table.row([
                    n.network.clone(),
                    n.version.to_string(),
                    severity(Severity::Error),
                    severity(Severity::Warning),
                    severity(Severity::Note),
                    n.rejected.to_string(),
                    worst.map_or(String::new(), |c| format!("{} of {}: {} of {}", c.value, c.class, c.have, c.of)),
                ]);
            }
            out.push_str(&table.render());
        });
        section(&mut out, style, "Records", |out| {
            let h = &self.holdings;
            let mut table = Table::new(&["<", ">"]);
            for (what, n) in [
                ("meters with a place in the table", h.meters_placed as u64),
                ("meters of the map on a transformer", h.meters_mapped as u64),
                ("meters with readings", h.meters_read as u64),
                ("steps of outages", h.outage_steps as u64),
                ("rows that were not used", h.rejected),
            ] {
                table.row([what.to_owned(), n.to_string()]);
            }
            out.push_str(&table.render());
        });
        if !self.balances.is_empty() {
            section(&mut out, style, "Energy, kWh", |out| {
                let mut table =
                    Table::new(&["<feeder", "<head", ">hours", ">entered", ">meters", ">losses", ">unaccounted", ">%", ">missing"]);
                for f in &self.balances {
                    let b = &f.balance;
                    table.row([
                        f.feeder.clone(),
                        format!("{}{}", f.head, if f.decided { "" } else { " (by its name)" }),
                        fixed(f.hours, 1),
                        fixed(b.head_kwh, 1),
                        fixed(b.meters_kwh, 1),
                        b.losses_kwh.map_or("not known".into(), |l| fixed(l, 1)),
                        fixed(b.unaccounted_kwh, 1),
                        fixed(b.unaccounted_pct, 2),
                        f.missing.to_string(),
                    ]);
                }
                out.push_str(&table.render());
            });
        }
        let mut by_code: BTreeMap<(std::cmp::Reverse<Severity>, &str, &str), usize> = BTreeMap::new();
        for (network, d) in self.all() {
            *by_code.entry((std::cmp::Reverse(d.severity), d.code.as_str(), network.unwrap_or(""))).or_default() += 1;
        }
        let everything: Vec<Diagnostic> = self.all().map(|(_, d)| d.clone()).collect();
        section(&mut out, style, &format!("Findings: {}", text::tally(&everything)), |out| {
            let mut table = Table::new(&["<severity", "<code", "<network", ">findings"]);
            for ((severity, code, network), n) in &by_code {
                table.row([format!("{:?}", severity.0).to_lowercase(), (*code).to_owned(), (*network).to_owned(), n.to_string()]);
            }
            if !table.is_empty() {
                out.push_str(&table.render());
                out.push('\n');
            }
            out.push_str(&text::diagnostics(&self.findings, style));
            for n in self.networks.iter().filter(|n| !n.findings.is_empty()) {
                out.push_str(&format!("{}\n", style.bold(&n.network)));
                out.push_str(&text::diagnostics(&n.findings, style));
            }
        });
        out
    }

    /// Findings as features with the network that they are about; one without a place has no geometry.
    pub fn geojson(&self) -> Value {
        let features: Vec<Value> = self
            .all()
            .map(|(network, d)| {
                let geometry = d.place.map(|p| json!({ "type": "Point", "coordinates": [p.lon_deg, p.lat_deg] }));
                let mut properties = json!(d);
                properties["network"] = json!(network);
                json!({ "type": "Feature", "geometry": geometry, "properties": properties })
            })
            .collect();
        json!({ "type": "FeatureCollection", "features": features })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(first_s: i64, step_s: i64, values: &[f64]) -> Series {
        Series::new(values.iter().enumerate().map(|(i, v)| (first_s + i as i64 * step_s, *v)).collect()).unwrap()
    }

    #[test]
    fn longer_intervals_are_means_of_whole_ones() {
        let fine = series(900, 900, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        let hours: Vec<(i64, f64)> = fine.at(3600, 0).unwrap().into_iter().collect();
        assert_eq!(hours, [(3600, 2.5), (7200, 6.5)], "the ninth quarter is no hour");
        let shifted: Vec<(i64, f64)> = fine.at(3600, 1800).unwrap().into_iter().collect();
        assert_eq!(shifted, [(5400, 4.5)], "hours that end at half past");
        assert_eq!(fine.at(900, 0).unwrap().len(), 9);
        assert!(fine.at(3600, 300).is_none() && fine.at(1000, 0).is_none(), "what does not fit is told");
    }
}
