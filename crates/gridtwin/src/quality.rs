//! `gridtwin quality`: how good the data of a model are, as tables, JSON, or GeoJSON for a map.

use crate::cli::{Mode, QualityArguments, QualityFormat};
use crate::console::Console;
use crate::disk_files::DiskFiles;
use crate::failure::Failure;
use crate::model::Model;
use crate::number::fixed;
use crate::report::section;
use crate::result_folder::write_whole;
use crate::solve;
use crate::text::{self, Style, Table};
use formats::table::dates::{DateOrder, FoundOrder, date_order_of, moment};
use formats::table::{self, TableOptions};
use network::{Diagnostic, Severity};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use studies::quality::{Balance, Completeness, Energies, Quality, balance, quality};

/// The report.
#[derive(Clone, Debug, Serialize)]
pub struct QualityReport {
    pub model: String,
    pub completeness: Vec<Completeness>,
    pub balance: Option<Balance>,
    /// Records of the source that were not used.
    pub rejected: usize,
    pub findings: Vec<Diagnostic>,
}

/// Runs the command. Returns whether no finding is an error.
///
/// # Errors
/// A model or series that cannot be read; a stream or file that cannot be written.
pub fn run(arguments: &QualityArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let mut model = Model::read(&arguments.model)?;
    let Quality { completeness, findings } = quality(&model.network);
    let mut all = std::mem::take(&mut model.diagnostics);
    all.extend(findings);
    let balance = match (&arguments.head, &arguments.metered) {
        (Some(head), Some(metered)) => {
            let (found, finding) = balanced(&mut model, head, metered)?;
            all.extend(finding);
            Some(found)
        }
        _ => None,
    };
    all.sort_by_key(|d| std::cmp::Reverse(d.severity));
    if let Some(path) = &arguments.rejects {
        write_whole(path, &crate::outages::rejects_csv(&model.rejects.iter().collect::<Vec<_>>()))?;
    }
    let report = QualityReport { model: model.name, completeness, balance, rejected: model.rejects.len(), findings: all };
    match arguments.format {
        QualityFormat::Text => console.print(&report.render(console.style))?,
        QualityFormat::Json => console.json(&report)?,
        QualityFormat::Geojson => console.json(&report.geojson())?,
    }
    Ok(report.findings.iter().all(|d| d.severity != Severity::Error))
}

/// A series: mean power of each interval, kW, by the end of the interval.
fn read_series(path: &Path) -> Result<BTreeMap<i64, f64>, Failure> {
    let table = table::read(&DiskFiles::default(), path, &TableOptions::default())?;
    let fault = |what: &str, line: u32| Failure::from(Diagnostic::error("QUALITY.SERIES.UNREADABLE", what.to_owned()).at(&table.at(line)));
    let lower: Vec<String> = table.headers.iter().map(|h| h.to_lowercase()).collect();
    let time = lower
        .iter()
        .position(|h| h.contains("time") || h.contains("date") || h.contains("end"))
        .ok_or_else(|| fault("no column holds the times", 1))?;
    let unit = |h: &str| {
        let energy = h.contains("kwh");
        let factor = if h.contains("mw") { 1000.0 } else { 1.0 };
        (energy || h.contains("kw") || h.contains("mw")).then_some((energy, factor))
    };
    // Values of the high side or of all phases come first in tables of transformers and feeders.
    let value = lower.iter().enumerate().find_map(|(c, h)| unit(h).map(|u| (c, u)));
    let (column, (is_energy, factor)) = value.ok_or_else(|| fault("no column is in kW, MW or kWh", 1))?;
    let order = match date_order_of(&table.rows, time) {
        FoundOrder::Found(order) => order,
        FoundOrder::NotNeeded => DateOrder::MonthFirst,
        _ => return Err(fault("dates can be read with the month or with the day first", 2)),
    };
    let mut values = BTreeMap::new();
    for row in &table.rows {
        let end = row.cells[time].trim().parse::<i64>().ok().or_else(|| {
            let written = moment(&row.cells[time], order)?;
            let utc = jiff::tz::TimeZone::UTC.to_zoned(written.civil).ok()?.timestamp().as_second();
            Some(utc - i64::from(written.offset_s.unwrap_or(0)))
        });
        let value = row.cells[column].trim().parse::<f64>().ok().filter(|v| v.is_finite());
        let (Some(end), Some(value)) = (end, value) else { return Err(fault("a row has no time and number", row.line)) };
        values.insert(end, factor * value);
    }
    let step_s = values.keys().zip(values.keys().skip(1)).map(|(a, b)| b - a).min().unwrap_or(0);
    if step_s <= 0 {
        return Err(fault("fewer than two different times", 1));
    }
    if is_energy {
        values.values_mut().for_each(|v| *v *= 3600.0 / step_s as f64);
    }
    Ok(values)
}

/// Balance over the times that both series have.
fn balanced(model: &mut Model, head: &Path, metered: &Path) -> Result<(Balance, Option<Diagnostic>), Failure> {
    let (head_kw, metered_kw) = (read_series(head)?, read_series(metered)?);
    let shared: Vec<(i64, f64, f64)> = head_kw.iter().filter_map(|(t, h)| metered_kw.get(t).map(|m| (*t, *h, *m))).collect();
    let step_s = shared.windows(2).map(|w| w[1].0 - w[0].0).min().filter(|&s| s > 0).ok_or_else(|| {
        let what = Diagnostic::error("QUALITY.SERIES.UNREADABLE", "head and meters have no two times in common");
        Failure::from(what.hint("both tables name the end of the interval, in the same time zone"))
    })?;
    let hours = step_s as f64 / 3600.0;
    let sum = |f: &dyn Fn(&(i64, f64, f64)) -> f64| shared.iter().map(f).sum::<f64>() * hours;
    // A network that does not solve has no losses to tell; its findings say why.
    let losses_kw = if model.network.is_transmission() {
        None
    } else {
        solve::set_options(&mut model.network.options, Mode::Snapshot, None, &crate::cli::IterationArguments::default());
        solve::solve(model).ok().map(|s| {
            let view = solve::view(model, &s);
            (view.power.losses_kw, view.power.sources.p_kw)
        })
    };
    let energies = Energies {
        head_kwh: sum(&|s| s.1),
        head_peak_kw: shared.iter().map(|s| s.1).fold(0.0, f64::max),
        hours: shared.len() as f64 * hours,
        delivered_kwh: sum(&|s| s.2.max(0.0)),
        received_kwh: sum(&|s| (-s.2).max(0.0)),
        losses_kw,
    };
    Ok(balance(&energies))
}

impl QualityReport {
    /// The text for people.
    pub fn render(&self, style: Style) -> String {
        let mut out = style.bold(&format!("Data quality of {}", self.model)) + "\n";
        section(&mut out, style, "Completeness", |out| {
            let mut table = Table::new(&["<class", "<value", ">have it", ">of", ">%"]);
            for c in &self.completeness {
                table.row([
                    c.class.clone(),
                    c.value.to_owned(),
                    c.have.to_string(),
                    c.of.to_string(),
                    fixed(100.0 * c.have as f64 / c.of.max(1) as f64, 1),
                ]);
            }
            out.push_str(&table.render());
        });
        if let Some(b) = &self.balance {
            section(&mut out, style, "Energy", |out| {
                let mut table = Table::new(&["<", ">kWh"]);
                table.row(["entered at the head".into(), fixed(b.head_kwh, 1)]);
                table.row(["in meters, delivered less received".into(), fixed(b.meters_kwh, 1)]);
                table.row(["losses, from a solved moment".into(), b.losses_kwh.map_or("not known".into(), |l| fixed(l, 1))]);
                table.row([format!("unaccounted ({} %)", fixed(b.unaccounted_pct, 2)), fixed(b.unaccounted_kwh, 1)]);
                out.push_str(&table.render());
            });
        }
        let mut by_code: BTreeMap<(std::cmp::Reverse<Severity>, &str), usize> = BTreeMap::new();
        for d in &self.findings {
            *by_code.entry((std::cmp::Reverse(d.severity), d.code.as_str())).or_default() += 1;
        }
        section(&mut out, style, &format!("Findings: {}", text::tally(&self.findings)), |out| {
            let mut table = Table::new(&["<severity", "<code", ">findings"]);
            for ((severity, code), n) in &by_code {
                table.row([format!("{:?}", severity.0).to_lowercase(), (*code).to_owned(), n.to_string()]);
            }
            if !table.is_empty() {
                out.push_str(&table.render());
                out.push('\n');
            }
            out.push_str(&text::diagnostics(&self.findings, style));
        });
        if self.rejected > 0 {
            out.push_str(&format!("\n{} records of the source were not used; --rejects FILE writes them\n", self.rejected));
        }
        out
    }

    /// Findings as features; one without a place has no geometry.
    pub fn geojson(&self) -> Value {
        let features: Vec<Value> = self
            .findings
            .iter()
            .map(|d| {
                let geometry = d.place.map(|p| json!({ "type": "Point", "coordinates": [p.lon_deg, p.lat_deg] }));
                json!({ "type": "Feature", "geometry": geometry, "properties": d })
            })
            .collect();
        json!({ "type": "FeatureCollection", "features": features })
    }
}
