//! `gridtwin reliability`: how often and how long supply will be interrupted, from failure rates over the topology.

use crate::cli::{ReliabilityArguments, TableFormat};
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use crate::number::{count, fixed};
use crate::result_folder::ResultFolder;
use crate::solve;
use crate::study_tables;
use crate::switching;
use crate::tables::RELIABILITY_FILES;
use crate::text::Table;
use network::{Diagnostic, ElementKind};
use serde_json::{Value, json};
use std::collections::HashSet;
use studies::reliability::predicted::{Prediction, PredictionError, PredictionOptions, predict, predict_checked};
use studies::switching::{Operator, RestoreOptions, restore, usual_criteria};

/// Rows of the table of elements that a terminal is shown.
const SHOWN: usize = 10;

/// More lasting failures of one element in a year are a slip of units, not equipment.
const PLAUSIBLE_PER_YR: f64 = 2.0;

/// Runs the command.
///
/// # Errors
/// A model that cannot be read, that a check refuses, or that has nobody to be interrupted; loadings that are asked for and do not settle.
pub fn run(arguments: &ReliabilityArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let folder = arguments.out.as_deref().map(|dir| ResultFolder::prepare(dir, RELIABILITY_FILES)).transpose()?;
    let mut model = Model::prepare(&arguments.model)?;
    let prediction = study(arguments, &mut model)?;
    let tables = prediction.tables(&model.network);
    if let Some(folder) = &folder {
        study_tables::write(folder, RELIABILITY_FILES, &tables, &summary(&model, &prediction), TableFormat::Csv)?;
    }
    console.warn(&model.diagnostics);
    if arguments.json { console.json(&summary(&model, &prediction)) } else { console.print(&render(&model, &prediction, arguments)) }
}

/// Predicts from a model that a check has let pass; what is found on the way stands in its findings.
///
/// # Errors
/// A model that has nobody to be interrupted, a class of elements that there is not, loadings that are asked for and do not settle.
pub fn study(arguments: &ReliabilityArguments, model: &mut Model) -> Result<Prediction, Failure> {
    let mut options = PredictionOptions {
        switching_h: arguments.switching_h,
        transfer: !arguments.no_transfer,
        fuses: !arguments.no_fuses,
        switches: !arguments.no_switches,
        ..PredictionOptions::default()
    };
    for (class, hours) in &arguments.repair_h {
        options.repair_h.push((kind_of(class)?, *hours));
    }
    if arguments.stress > 0.0 {
        options.stress = stress(model, arguments)?;
    }
    let prediction = if arguments.check_transfers { checked(model, arguments, &options)? } else { predict(&model.network, &options) };
    let prediction = prediction.map_err(|e| {
        Failure::from(
            Diagnostic::error("RELIABILITY.MODEL.REFUSED", e.to_string()).hint("Give loads numbers of customers, and the model a source."),
        )
    })?;
    warn(model, &prediction);
    Ok(prediction)
}

/// Predicts with transfers that power flows find within the limits, at the model's operating point.
fn checked(
    model: &mut Model,
    arguments: &ReliabilityArguments,
    options: &PredictionOptions,
) -> Result<Result<Prediction, PredictionError>, Failure> {
    let moments = switching::settled_as_told(model)?;
    let Some(at) = moments.first() else { return Err(switching::refused(model, Vec::new())) };
    let mut criteria = usual_criteria();
    arguments.limit.iter().for_each(|&(c, limit)| criteria.set(c, limit));
    let circuit_error = |e: powerflow::CircuitError| Failure::from(e.diagnostic());
    let operator = Operator::new(&at.state, &criteria, false).map_err(circuit_error)?;
    let of_restoring = RestoreOptions { told: 0, ..RestoreOptions::default() };
    let (mut failed, mut inexact, mut refused) = (None, 0_usize, 0_usize);
    let mut ask = |element| -> HashSet<network::ElementId> {
        match restore(&operator, &[element], &of_restoring) {
            Ok(r) => {
                inexact += usize::from(!r.is_exact && r.gap_kw > 0.0);
                refused += usize::from(r.restored.unserved_kw > r.faulted_kw + r.unreachable_kw + 1e-6);
                r.unserved_loads.into_iter().collect()
            }
            Err(e) => {
                failed.get_or_insert(e);
                HashSet::new()
            }
        }
    };
    let prediction = predict_checked(&model.network, options, Some(&mut ask));
    if let Some(e) = failed {
        return Err(switching::refused(model, vec![e.diagnostic()]));
    }
    if refused > 0 {
        let detail = if inexact > 0 { format!(" Of {inexact} the search was not exact.") } else { String::new() };
        model.diagnostics.push(
            Diagnostic::warning(
                "RELIABILITY.TRANSFER.REFUSED",
                format!("after failures in {} not all can be transferred within the limits", count(refused, "zone")),
            )
            .detail(format!("What cannot be waits for the repair.{detail}"))
            .hint("gridtwin restoration shows the limit, step by step; --limit sets others."),
        );
    }
    Ok(prediction)
}

fn kind_of(class: &str) -> Result<ElementKind, Failure> {
    let wanted = class.trim().to_lowercase();
    ElementKind::ALL.iter().copied().find(|k| k.class() == wanted).ok_or_else(|| {
        Failure::from(
            Diagnostic::error("RELIABILITY.OPTION.CLASS", format!("there is no class \"{class}\" of elements"))
                .hint("Name a class as the model does: line, transformer, capacitor."),
        )
    })
}

/// Factors on failure rates from the loadings of one power flow: `1 + slope × (loading − threshold)`, per unit, where that is above 1.
fn stress(model: &mut Model, arguments: &ReliabilityArguments) -> Result<std::collections::HashMap<network::ElementId, f64>, Failure> {
    let solution = solve::solve(model)?;
    let by_name: std::collections::HashMap<String, network::ElementId> =
        model.network.order.iter().map(|id| (model.network.full_name(*id).to_lowercase(), *id)).collect();
    let mut factors = std::collections::HashMap::new();
    for row in solution.loadings() {
        let above = (row.loading_pct - arguments.stress_above) / 100.0;
        if above > 0.0
            && let Some(id) = by_name.get(&row.element.to_lowercase())
        {
            let factor = factors.entry(*id).or_insert(1.0_f64);
            *factor = factor.max(1.0 + arguments.stress * above);
        }
    }
    Ok(factors)
}

fn warn(model: &mut Model, prediction: &Prediction) {
    if prediction.regions <= 1 {
        model.diagnostics.push(
            Diagnostic::warning(
                "RELIABILITY.PROTECTION.NONE",
                "no fuse, recloser or relay parts the network: every failure interrupts everyone",
            )
            .hint("Put the devices into the model, at least one at the head of each feeder."),
        );
    }
    if prediction.customers_unsupplied > 0.0 {
        model.diagnostics.push(
            Diagnostic::warning(
                "RELIABILITY.SUPPLY.NONE",
                format!("{} customers have no supply as the switches stand", prediction.customers_unsupplied),
            )
            .detail("They are in no index.".to_owned())
            .hint("Close the switch that supplies them."),
        );
    }
    let often: Vec<_> = prediction.contributions.iter().filter(|c| c.failures_per_yr > PLAUSIBLE_PER_YR).collect();
    if let Some(most) = often.iter().max_by(|a, b| a.failures_per_yr.total_cmp(&b.failures_per_yr)) {
        model.diagnostics.push(
            Diagnostic::warning(
                "RELIABILITY.RATES.HIGH",
                format!("{} more than {PLAUSIBLE_PER_YR} times a year, which no equipment does", if often.len() == 1 { "one element fails".to_owned() } else { format!("{} elements fail", often.len()) }),
            )
            .element(model.network.full_name(most.element))
            .detail(format!(
                "It fails {:.1} times a year. Where a model says nothing, OpenDSS takes 0.1 failures a year for each unit of length, whatever the unit: a foot as well as a mile.",
                most.failures_per_yr
            ))
            .hint("Give the lines of the model their rates (faultrate, for the unit of their length) before any index is used."),
        );
    }
    if prediction.contributions.is_empty() {
        model.diagnostics.push(
            Diagnostic::warning("RELIABILITY.RATES.NONE", "no element of the model fails: all indices are zero")
                .hint("Give elements failure rates and repair times, as OpenDSS's faultrate, pctperm and repair."),
        );
    }
}

/// The figures of the whole.
pub fn summary(model: &Model, p: &Prediction) -> Value {
    let network = &model.network;
    json!({
        "circuit": network.name,
        "customers": p.customers,
        "customers_unsupplied": p.customers_unsupplied,
        "zones": p.zones,
        "regions": p.regions,
        "saifi_per_yr": p.saifi_per_yr,
        "saidi_h_per_yr": p.saidi_h_per_yr,
        "caidi_h": p.caidi_h(),
        "asai": p.asai(),
        "maifi_per_yr": p.maifi_per_yr,
        "ens_kwh_per_yr": p.ens_kwh_per_yr,
        "aens_kwh_per_yr": p.aens_kwh(),
        "load_points": p.load_points.iter().map(|l| json!({
            "load": network.common(l.load).name,
            "bus": network.bus(l.bus).name,
            "customers": l.customers,
            "mean_kw": l.mean_kw,
            "interruptions_per_yr": l.interruptions_per_yr,
            "unavailability_h_per_yr": l.unavailability_h_per_yr,
            "momentary_per_yr": l.momentary_per_yr,
            "is_supplied": !l.is_unsupplied,
        })).collect::<Vec<_>>(),
    })
}

fn render(model: &Model, p: &Prediction, arguments: &ReliabilityArguments) -> String {
    let network = &model.network;
    let mut text = format!(
        "{}: {} customers at {}, {}, {}\n\n",
        network.name,
        p.customers,
        count(p.load_points.len(), "load"),
        count(p.zones, "zone"),
        count(p.regions, "protected region")
    );
    let mut table = Table::new(&["<index", ">value", "<unit"]);
    for (name, value, unit) in [
        ("SAIFI", fixed(p.saifi_per_yr, 5), "interruptions a customer and year"),
        ("SAIDI", fixed(p.saidi_h_per_yr, 5), "h a customer and year"),
        ("CAIDI", p.caidi_h().map_or_else(|| "none".to_owned(), |h| fixed(h, 4)), "h an interruption"),
        ("ASAI", fixed(p.asai(), 6), "share of the year with supply"),
        ("MAIFI", fixed(p.maifi_per_yr, 5), "momentary interruptions a customer and year"),
        ("ENS", fixed(p.ens_kwh_per_yr, 1), "kWh a year not supplied"),
        ("AENS", fixed(p.aens_kwh(), 4), "kWh a customer and year"),
    ] {
        table.row([name.to_owned(), value, unit.to_owned()]);
    }
    text.push_str(&table.render());
    if !p.contributions.is_empty() {
        text.push_str("\nElements whose failures cost most\n");
        let mut table = Table::new(&["<element", ">failures/yr", ">repair h", ">interruptions/yr", ">customer h/yr", ">kWh/yr"]);
        for c in p.contributions.iter().take(SHOWN) {
            table.row([
                network.full_name(c.element),
                fixed(c.failures_per_yr, 5),
                fixed(c.repair_h, 1),
                fixed(c.customer_interruptions_per_yr, 3),
                fixed(c.customer_hours_per_yr, 3),
                fixed(c.energy_kwh_per_yr, 1),
            ]);
        }
        text.push_str(&table.render());
        if p.contributions.len() > SHOWN {
            text.push_str(&format!("  … and {} more; --out DIR writes them all\n", p.contributions.len() - SHOWN));
        }
    }
    if let Some(dir) = &arguments.out {
        text.push_str(&format!("\nwrote {} to {}\n", RELIABILITY_FILES.join(", "), dir.display()));
    }
    text
}
