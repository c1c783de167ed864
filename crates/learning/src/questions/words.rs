//! A query in English, as it will be run: what the user is shown before anything runs.

use super::form::{Adoption, Bound, Change, Der, Event, Kind, Layer, Measure, MeasureUnit, Order, Query, Statistic, Week, Window};

/// A number without needless digits.
pub(super) fn figure(x: f64) -> String {
    let rounded = (x * 1e4).round() / 1e4;
    format!("{rounded}")
}

fn measure_words(m: Measure) -> &'static str {
    match m {
        Measure::LoadingPct => "largest loading",
        Measure::LoadingMeanPct => "mean loading",
        Measure::LoadingP95Pct => "loading that 95 % of the time is below",
        Measure::OverloadH => "hours above the normal rating",
        Measure::VMinPu => "lowest voltage",
        Measure::VMaxPu => "highest voltage",
        Measure::VoltageViolationH => "hours outside voltage range A",
        Measure::UndervoltageH => "hours below voltage range A",
        Measure::OvervoltageH => "hours above voltage range A",
        Measure::ViolationH => "hours beyond limits of loading and voltage",
        Measure::LossesKwh => "losses",
        Measure::LossesPct => "losses in percent of the energy supplied",
        Measure::LineLossesKwh => "losses of the lines",
        Measure::TransformerLossesKwh => "losses of the transformers",
        Measure::NoLoadLossesKwh => "no-load losses",
        Measure::PeakKw => "peak power",
        Measure::EnergyKwh => "energy supplied",
        Measure::LoadFactor => "load factor",
        Measure::ReverseKwh => "energy that flows back",
        Measure::UnbalancePct => "unbalance of the currents",
        Measure::ControlActions => "actions of controls",
        Measure::UnsettledSteps => "steps that did not settle",
        Measure::LineKm => "length of lines",
        Measure::HostingCapacityKw => "hosting capacity",
        Measure::SaidiH => "SAIDI",
        Measure::Saifi => "SAIFI",
        Measure::UnservedKwh => "energy not supplied",
        Measure::LostLoadKw => "load without supply after an outage",
        Measure::LostCustomers => "customers without supply after an outage",
        Measure::MitigationCost => "cost of changes that take violations away",
    }
}

fn unit_words(m: Measure) -> &'static str {
    match m.unit() {
        MeasureUnit::Percent => " %",
        MeasureUnit::Fraction | MeasureUnit::Count | MeasureUnit::Cost => "",
        MeasureUnit::PerUnit => " pu",
        MeasureUnit::Hours => " h",
        MeasureUnit::Kilowatt => " kW",
        MeasureUnit::KilowattHour => " kWh",
        MeasureUnit::Kilometre => " km",
    }
}

fn kind_words(k: Kind, plural: bool) -> &'static str {
    match (k, plural) {
        (Kind::Feeder, false) => "feeder",
        (Kind::Feeder, true) => "feeders",
        (Kind::Transformer, false) => "transformer",
        (Kind::Transformer, true) => "transformers",
        (Kind::Line, false) => "line",
        (Kind::Line, true) => "lines",
        (Kind::Element, false) => "line or transformer",
        (Kind::Element, true) => "lines and transformers",
        (Kind::Bus, false) => "bus",
        (Kind::Bus, true) => "buses",
    }
}

fn window_words(w: &Window) -> String {
    let mut parts = Vec::new();
    if let Some([a, b]) = &w.days {
        parts.push(if a == b { format!("on {a}") } else { format!("from {a} to {b}") });
    }
    if let Some(y) = w.year {
        parts.push(format!("of {y}"));
    }
    match w.week {
        Some(Week::Weekdays) => parts.push("on Mondays to Fridays".to_owned()),
        Some(Week::Weekends) => parts.push("on Saturdays and Sundays".to_owned()),
        None => {}
    }
    if let Some([a, b]) = w.hours {
        let clock = |h: f64| format!("{:02}:{:02}", h.trunc(), ((h - h.trunc()) * 60.0).round());
        parts.push(format!("between {} and {}", clock(a), clock(b)));
    }
    parts.join(", ")
}

fn adoption_words(name: &str, a: &Adoption) -> String {
    let change = match a.change {
        Change::ToPct(x) => format!("{name} penetration {} %", figure(x)),
        Change::Times(f) => format!("{name} penetration × {}", figure(f)),
        Change::Points(x) if x < 0.0 => format!("{name} penetration − {} percentage points", figure(-x)),
        Change::Points(x) => format!("{name} penetration + {} percentage points", figure(x)),
    };
    let classes = if a.classes.is_empty() { String::new() } else { format!(" of {} customers", a.classes.join(" and ")) };
    let charger = a.charger.map_or(String::new(), |c| format!(", chargers {}", c.word()));
    format!("{change}{classes}{charger}")
}

/// A layer in English.
pub fn layer_in_words(layer: &Layer) -> String {
    match layer {
        Layer::Ev(a) => adoption_words("EV", a),
        Layer::Solar(a) => adoption_words("solar", a),
        Layer::Storage(a) => adoption_words("storage", a),
        Layer::Electrification(a) => adoption_words("heat pump", a),
        Layer::Growth { change_pct } if *change_pct < 0.0 => format!("load − {} %", figure(-change_pct)),
        Layer::Growth { change_pct } => format!("load + {} %", figure(*change_pct)),
        Layer::Weather(w) => {
            let mut words = match w.event {
                Event::HotDay => "the hottest day",
                Event::HeatWave => "a heat wave",
                Event::ColdDay => "the coldest day",
                Event::ColdSnap => "a cold snap",
            }
            .to_owned();
            if let Some(y) = w.year {
                words += &format!(" of {y}");
            }
            if let Some(a) = w.amplitude_c {
                words += &format!(" of {} °C {} the year's weather", figure(a.abs()), if a < 0.0 { "below" } else { "above" });
            }
            if let Some(c) = w.peak_c {
                words += &format!(" that reaches {} °C", figure(c));
            }
            if let Some(d) = w.length_d {
                words += &format!(", {} days", figure(d));
            }
            words
        }
        Layer::FastCharging { stations } => format!("{stations} fast-charging stations on each feeder"),
        Layer::Tou {} => "a time-of-use tariff".to_owned(),
        Layer::VoltVar {} => "volt-var control of inverters".to_owned(),
    }
}

/// A query in English: every field of it that is not at its default.
pub fn in_words(q: &Query) -> String {
    let measure = match (q.measure, q.der) {
        (Measure::HostingCapacityKw, Some(Der::Generation)) => "hosting capacity for generation",
        (Measure::HostingCapacityKw, Some(Der::Load)) => "hosting capacity for load",
        (m, _) => measure_words(m),
    };
    // "the buses with the lowest voltage", not "with the lowest lowest voltage".
    let ordered = match (q.measure, q.order) {
        (Measure::LoadingPct, Some(_)) => "loading",
        (Measure::VMinPu, Some(Order::Lowest)) | (Measure::VMaxPu, Some(Order::Highest)) => "voltage",
        _ => measure,
    };
    let end = |order: Order| if order == Order::Highest { "highest" } else { "lowest" };
    let named = if q.names.is_empty() { String::new() } else { format!("{} {}", kind_words(q.of, q.names.len() > 1), q.names.join(", ")) };
    let mut words = match (q.statistic, q.order, q.limit) {
        (Statistic::Count, ..) => format!("The number of {}", kind_words(q.of, true)),
        (Statistic::Sum, ..) => format!("The sum of the {measure} of the {}", kind_words(q.of, true)),
        (Statistic::Mean, ..) => format!("The mean over {} of the {measure}", kind_words(q.of, true)),
        (_, Some(order), Some(1)) => format!("The {} with the {} {ordered}", kind_words(q.of, false), end(order)),
        (_, Some(order), Some(n)) => format!("The {n} {} with the {} {ordered}", kind_words(q.of, true), end(order)),
        (_, Some(order), None) => format!("The {measure} of all {}, {} first", kind_words(q.of, true), end(order)),
        (_, None, _) if !named.is_empty() => format!("The {measure} of {named}"),
        (_, None, _) if q.of == Kind::Feeder && !q.feeders.is_empty() => format!("The {measure} of"),
        (_, None, _) => format!("The {measure} of each {}", kind_words(q.of, false)),
    };
    if !q.feeders.is_empty() {
        let list = q.feeders.join(", ");
        words += if words.ends_with(" of") { " feeder " } else { ", on feeder " };
        words += &list;
    }
    for f in &q.filters {
        let relation = match f.bound {
            Bound::Above(_) => "above",
            Bound::Below(_) => "below",
            Bound::AtLeast(_) => "of at least",
            Bound::AtMost(_) => "of at most",
        };
        words += &format!(", with {} {relation} {}{}", measure_words(f.measure), figure(f.bound.value()), unit_words(f.measure));
    }
    if let Some(w) = &q.window {
        words += &format!(", {}", window_words(w));
    }
    if let Some(by) = q.by {
        words += &format!(", by {}", kind_words(by, false));
    }
    if let Some(budget) = q.budget {
        words += &format!(", for at most {} in the currency of the catalogue", figure(budget));
    }
    if let Some(study) = &q.study {
        words += &format!(", in study {study}");
    }
    if !q.scenario.is_empty() {
        words += &format!(", under: {}", q.scenario.iter().map(layer_in_words).collect::<Vec<_>>().join("; "));
    }
    if let Some(base) = &q.against {
        words += &format!(", compared with study {base}");
    }
    words + "."
}
