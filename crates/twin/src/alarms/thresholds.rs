//! The simpler shape of an alert rule: a parameter of an asset, a comparison, a number, a severity; and alerts as lists of them show them.
//!
//! It is the shape of the threshold and alert routes. A threshold becomes one rule for each point that it fits; an alarm becomes one alert.

use super::maintenance::Entry;
use super::points::{PointIndex, PointTable};
use super::rule::{Condition, Priority, Rule, StateWord};
use super::view::AlarmView;
use network::Diagnostic;
use network::document::nearest;
use scada::point::ValueKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A number, or two of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ThresholdValue {
    One(f64),
    Two([f64; 2]),
}

/// A threshold as it is sent and told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    #[serde(alias = "id")]
    pub rule_id: String,
    /// All assets of this type; or [`Threshold::asset_id`], for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asset_id: Option<String>,
    /// Name of a point, or what is measured (`v_ll_kv`, `oil_c`).
    pub parameter: String,
    /// `>`, `<`, `=`, or `range`, which is to be kept to.
    pub condition: String,
    #[serde(alias = "threshold", alias = "value")]
    pub threshold_value: ThresholdValue,
    #[serde(alias = "priority")]
    pub severity: Priority,
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

/// An alarm in a list of alerts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alert {
    pub id: String,
    pub asset_id: Option<String>,
    pub severity: Priority,
    pub alert_type: String,
    pub message: String,
    /// RFC 3339, UTC; when it was raised, or last changed.
    pub timestamp: Option<String>,
    pub acknowledged: bool,
}

impl Alert {
    pub fn of(view: &AlarmView) -> Self {
        let at = view.raised_at.or(view.changed_at);
        Self {
            id: view.rule.to_string(),
            asset_id: view.asset.as_deref().map(str::to_owned),
            severity: view.priority,
            alert_type: view.class.as_deref().unwrap_or("alarm").to_owned(),
            message: view.text.to_string(),
            timestamp: at.and_then(|at| jiff::Timestamp::from_microsecond(at.us).ok()).map(|t| t.to_string()),
            acknowledged: !view.standing.wants_acknowledgement(),
        }
    }
}

/// An entry of the schedule as lists of maintenance show it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MaintenanceRow {
    pub schedule_id: u64,
    pub asset_id: String,
    pub maintenance_type: String,
    pub scheduled_date: Option<String>,
    pub performed_by: String,
}

impl MaintenanceRow {
    pub fn of(entry: &Entry) -> Self {
        Self {
            schedule_id: entry.id,
            asset_id: entry.asset.to_string(),
            maintenance_type: entry.kind.to_string(),
            scheduled_date: jiff::Timestamp::from_microsecond(entry.from.us).ok().map(|t| t.to_string()),
            performed_by: entry.who.to_string(),
        }
    }
}

/// The points that a threshold means.
fn points_of(threshold: &Threshold, points: &PointTable) -> Vec<PointIndex> {
    let same = |a: Option<&str>, b: &Option<String>| b.as_deref().is_none_or(|b| a.is_some_and(|a| a.eq_ignore_ascii_case(b)));
    let fits = |p: &PointIndex| {
        let entry = points.entry(*p);
        same(entry.asset.as_deref(), &threshold.asset_id) && same(entry.asset_type.as_deref(), &threshold.asset_type)
    };
    if let Some(point) = points.find(&threshold.parameter) {
        return vec![point].into_iter().filter(fits).collect();
    }
    let measures = |e: &super::points::PointEntry| e.quantity.as_deref().is_some_and(|q| q.eq_ignore_ascii_case(&threshold.parameter));
    points.entries().filter(|(_, e)| measures(e)).map(|(p, _)| p).filter(fits).collect()
}

/// The rules that a threshold stands for: its own id where it fits one point, and the id with the point's name behind it where it fits several.
///
/// # Errors
/// Findings, all at once: no such comparison, a value that does not fit it, no point that fits.
pub fn rules_of(threshold: &Threshold, points: &PointTable) -> Result<Vec<Rule>, Vec<Diagnostic>> {
    let mut faults = Vec::new();
    let of = format!("threshold \"{}\"", threshold.rule_id);
    if threshold.rule_id.trim().is_empty() {
        faults.push(Diagnostic::error("ALARM.KEY.MISSING", "a threshold has no \"rule_id\"").hint("give it one"));
    }
    let comparison = threshold.condition.trim();
    if !["<", ">", "=", "range"].contains(&comparison) {
        let finding =
            Diagnostic::error("ALARM.VALUE.UNKNOWN_WORD", format!("the condition of {of} is \"{comparison}\", which is no choice"));
        faults.push(finding.hint("choose from >, <, = and range"));
    } else if matches!(threshold.threshold_value, ThresholdValue::Two(_)) != (comparison == "range") {
        let finding = Diagnostic::error("ALARM.VALUE.KIND", format!("the value of {of} does not fit its condition \"{comparison}\""));
        faults.push(finding.hint("give one number for >, < and =, and [low, high] for range"));
    }
    let is_finite = match threshold.threshold_value {
        ThresholdValue::One(x) => x.is_finite(),
        ThresholdValue::Two([low, high]) => low.is_finite() && high.is_finite() && low < high,
    };
    if !is_finite {
        let finding = Diagnostic::error("ALARM.LIMIT.CONTRADICTION", format!("the value of {of} is no number, or an empty range"));
        faults.push(finding.hint("give a number, or the lower one first"));
    }
    let found = points_of(threshold, points);
    if found.is_empty() {
        let known: BTreeSet<&str> = points.entries().flat_map(|(_, e)| [Some(&*e.name), e.quantity.as_deref()]).flatten().collect();
        let known: Vec<&str> = known.into_iter().collect();
        let near = nearest(&threshold.parameter, &known).map_or(String::new(), |n| format!("; the nearest is \"{n}\""));
        let what = format!("{of} fits no point: none has the parameter \"{}\" at such an asset{near}", threshold.parameter);
        faults.push(Diagnostic::error("ALARM.POINT.UNKNOWN", what).hint("correct the parameter, the asset or its type"));
    }
    let mut rules = Vec::new();
    for &point in &found {
        let entry = points.entry(point);
        let needs_number = comparison != "=";
        if needs_number && !entry.is_number() {
            let what = format!("point \"{}\" of {of} is {:?}, which has no limits", entry.name, entry.kind);
            faults.push(Diagnostic::error("ALARM.POINT.KIND", what).hint("use `=` with a state, 0 or 1"));
            continue;
        }
        let condition = match (comparison, threshold.threshold_value) {
            (">", ThresholdValue::One(limit)) => Condition::High { point, limit, deadband: 0.0 },
            ("<", ThresholdValue::One(limit)) => Condition::Low { point, limit, deadband: 0.0 },
            ("range", ThresholdValue::Two([low, high])) => Condition::Outside { point, low, high, deadband: 0.0 },
            ("=", ThresholdValue::One(x)) => {
                let word = match entry.kind {
                    ValueKind::Bool | ValueKind::DoublePoint if x == 0.0 => StateWord::Off,
                    ValueKind::Bool | ValueKind::DoublePoint if x == 1.0 => StateWord::On,
                    _ if x.fract() == 0.0 && x.abs() < 9e15 && entry.can_be(&StateWord::Number(0)) => StateWord::Number(x as i64),
                    _ => {
                        let what = format!("point \"{}\" of {of} can never be exactly {x}", entry.name);
                        faults
                            .push(Diagnostic::error("ALARM.POINT.KIND", what).hint("compare with a state, a whole number, or use > or <"));
                        continue;
                    }
                };
                Condition::State { point, one_of: vec![word] }
            }
            _ => continue,
        };
        let id = if found.len() == 1 { threshold.rule_id.clone() } else { format!("{}.{}", threshold.rule_id, entry.name) };
        let unit = entry.unit.as_ref().map_or(String::new(), |u| format!(" {u}"));
        let value = match threshold.threshold_value {
            ThresholdValue::One(x) => format!("{x}{unit}"),
            ThresholdValue::Two([low, high]) => format!("{low} to {high}{unit}"),
        };
        let text = match comparison {
            "range" => format!("{} is not within {value}", entry.name),
            _ => format!("{} {comparison} {value}", entry.name),
        };
        let mut rule = Rule::new(id, text, condition);
        (rule.priority, rule.enabled) = (threshold.severity, threshold.enabled);
        rule.class = Some("threshold".into());
        (rule.asset, rule.element) = (entry.asset.clone(), entry.element.clone());
        rules.push(rule);
    }
    if faults.is_empty() { Ok(rules) } else { Err(faults) }
}

/// The threshold that a rule is; `None` of one that says more than a threshold can.
pub fn threshold_of(rule: &Rule, points: &PointTable) -> Option<Threshold> {
    let (point, condition, value) = match &rule.condition {
        Condition::High { point, limit, .. } => (*point, ">", ThresholdValue::One(*limit)),
        Condition::Low { point, limit, .. } => (*point, "<", ThresholdValue::One(*limit)),
        Condition::Outside { point, low, high, .. } => (*point, "range", ThresholdValue::Two([*low, *high])),
        Condition::State { point, one_of } => match one_of[..] {
            [StateWord::On] => (*point, "=", ThresholdValue::One(1.0)),
            [StateWord::Off] => (*point, "=", ThresholdValue::One(0.0)),
            [StateWord::Number(n)] => (*point, "=", ThresholdValue::One(n as f64)),
            _ => return None,
        },
        _ => return None,
    };
    let entry = points.entry(point);
    Some(Threshold {
        rule_id: rule.id.to_string(),
        asset_type: entry.asset_type.as_deref().map(str::to_owned),
        asset_id: entry.asset.as_deref().map(str::to_owned),
        parameter: entry.name.to_string(),
        condition: condition.to_owned(),
        threshold_value: value,
        severity: rule.priority,
        enabled: rule.enabled,
    })
}
