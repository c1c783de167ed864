//! Rules against each other and against what their points can be.

use super::super::rule::{Condition, Priority, Rule};
use super::read::Context;
use network::Diagnostic;
use std::collections::BTreeMap;

/// A limit of a rule that looks at nothing else.
struct Limit<'a> {
    line: u32,
    rule: &'a Rule,
    value: f64,
    deadband: f64,
}

pub(super) fn rules(context: &Context, rules: &[(u32, Rule)]) {
    let mut highs: BTreeMap<u32, Vec<Limit>> = BTreeMap::new();
    let mut lows: BTreeMap<u32, Vec<Limit>> = BTreeMap::new();
    for (line, rule) in rules {
        rule.condition.leaves(&mut |leaf| reachable(context, *line, rule, leaf));
        if rule.response.is_none() && rule.priority >= Priority::High {
            let finding =
                Diagnostic::warning("ALARM.RULE.NO_RESPONSE", format!("alarm \"{}\" does not say what the operator has to do", rule.id));
            let finding = finding
                .detail(format!("Its priority is {}; without an answer to it, it is no alarm after IEC 62682.", rule.priority.name()));
            context.findings.add(finding.hint("add `response:`, or let it be an event of low priority"), *line);
        }
        if !rule.enabled {
            continue;
        }
        // Under a condition of its own, a rule may contradict others that hold at other times.
        if rule.suppress_if.is_some() {
            continue;
        }
        let limit = |value: f64, deadband: f64| Limit { line: *line, rule, value, deadband };
        match &rule.condition {
            Condition::High { point, limit: at, deadband } => highs.entry(point.0).or_default().push(limit(*at, *deadband)),
            Condition::Low { point, limit: at, deadband } => lows.entry(point.0).or_default().push(limit(*at, *deadband)),
            Condition::Outside { point, low, high, deadband } => {
                highs.entry(point.0).or_default().push(limit(*high, *deadband));
                lows.entry(point.0).or_default().push(limit(*low, *deadband));
            }
            _ => {}
        }
    }
    for (point, highs) in &highs {
        let name = &context.points.entry(super::super::points::PointIndex(*point)).name;
        for low in lows.get(point).into_iter().flatten() {
            for high in highs.iter().filter(|h| low.value > h.value) {
                let what = format!("alarms \"{}\" and \"{}\" leave no value of \"{name}\" without alarm", low.rule.id, high.rule.id);
                let detail = format!("One is raised below {}, the other above {}.", low.value, high.value);
                let finding = Diagnostic::error("ALARM.LIMIT.CONTRADICTION", what).detail(detail);
                context.findings.add(finding.hint("let the low limit be below the high one"), low.line.max(high.line));
            }
        }
        order(context, highs, name, |a, b| a < b);
    }
    for (point, lows) in &lows {
        let name = &context.points.entry(super::super::points::PointIndex(*point)).name;
        order(context, lows, name, |a, b| a > b);
    }
}

/// Of two limits on one side, the graver one lies further out, and no two are the same.
fn order(context: &Context, limits: &[Limit], point: &str, is_before: impl Fn(f64, f64) -> bool) {
    for (k, a) in limits.iter().enumerate() {
        for b in &limits[k + 1..] {
            let line = a.line.max(b.line);
            if a.value == b.value && a.deadband == b.deadband && a.rule.on_delay_s == b.rule.on_delay_s {
                let what = format!("alarms \"{}\" and \"{}\" are raised at the same value of \"{point}\"", a.rule.id, b.rule.id);
                let finding = Diagnostic::warning("ALARM.LIMIT.SAME", what).detail(format!("The limit of both is {}.", a.value));
                context.findings.add(finding.hint("keep one of them"), line);
                continue;
            }
            let (graver, other) = if a.rule.priority >= b.rule.priority { (a, b) } else { (b, a) };
            if graver.rule.priority > other.rule.priority && is_before(graver.value, other.value) {
                let what = format!("alarm \"{}\" comes before \"{}\", which is less grave", graver.rule.id, other.rule.id);
                let detail = format!(
                    "On \"{point}\", {} at {} is passed before {} at {}.",
                    graver.rule.priority.name(),
                    graver.value,
                    other.rule.priority.name(),
                    other.value
                );
                let finding = Diagnostic::warning("ALARM.LIMIT.ORDER", what).detail(detail);
                context.findings.add(finding.hint("let the graver alarm have the limit further out, or swap the priorities"), line);
            }
        }
    }
}

/// A limit that no good value can pass: beyond the checks of its point a value is questionable, which raises nothing.
fn reachable(context: &Context, line: u32, rule: &Rule, leaf: &Condition) {
    let Some(point) = leaf.point() else { return };
    let entry = context.points.entry(point);
    let high = match leaf {
        Condition::High { limit, .. } => Some(*limit),
        Condition::Outside { high, .. } => Some(*high),
        _ => None,
    };
    let low = match leaf {
        Condition::Low { limit, .. } => Some(*limit),
        Condition::Outside { low, .. } => Some(*low),
        _ => None,
    };
    let beyond = |limit: Option<f64>, check: Option<f64>, is_beyond: fn(f64, f64) -> bool, side: &str| {
        if let (Some(limit), Some(check)) = (limit, check)
            && is_beyond(limit, check)
        {
            let what = format!("alarm \"{}\" can never be raised by \"{}\"", rule.id, entry.name);
            let detail = format!("Its {side} limit is {limit}, and a value beyond {check} is questionable by the checks of the point.");
            let finding = Diagnostic::error("ALARM.LIMIT.UNREACHABLE", what).detail(detail);
            context.findings.add(finding.hint("correct the limit, or widen what the point can be"), line);
        }
    };
    beyond(high, entry.high, |limit, check| limit >= check, "high");
    beyond(low, entry.low, |limit, check| limit <= check, "low");
}
