//! One parameter of a scenario set to another value, as a sweep does, with the checks of a file.

use super::read::check_value;
use network::document::nearest;
use network::scenario::Scenario;
use network::scenario::parameters::{Form, LAYERS, Parameter, SCENARIO, Section};
use network::{Diagnostic, SourceRef};
use serde_json::Value;

/// A part of a path: a word, and the position in a list that may follow it.
fn parts(path: &str) -> Option<Vec<(&str, Option<usize>)>> {
    path.split('.')
        .map(|part| match part.split_once('[') {
            None => (!part.is_empty()).then_some((part, None)),
            Some((word, rest)) => {
                let position = rest.strip_suffix(']')?.parse().ok()?;
                (!word.is_empty()).then_some((word, Some(position)))
            }
        })
        .collect()
}

fn unknown(path: &str, word: &str, names: &[&str]) -> Diagnostic {
    let what = Diagnostic::error("SCENARIO.SWEEP.PATH", format!("{path}: the scenario has no \"{word}\""));
    match nearest(word, names) {
        Some(near) => what.hint(format!("\"{near}\" is nearest")),
        None => what.detail(format!("There are: {}.", names.join(", "))).hint("write LAYER.PARAMETER, or a parameter of the file itself"),
    }
}

/// The parameter that a path leads to, and where it stands in the scenario as JSON.
fn find(scenario: &Scenario, path: &str) -> Result<(&'static Parameter, Vec<String>), Diagnostic> {
    let shape =
        || Diagnostic::error("SCENARIO.SWEEP.PATH", format!("{path} is no path")).hint("write LAYER.PARAMETER, such as ev.penetration_pct");
    let parts = parts(path).ok_or_else(shape)?;
    let mut at: Vec<String> = Vec::new();
    let (mut section, mut rest): (&'static Section, _) = (&SCENARIO, &parts[..]);
    let (first, position) = parts[0];
    let layer = match (first, position) {
        ("layers", Some(i)) => scenario.layers.get(i).map(|l| (i, l)),
        (name, None) => scenario.layers.iter().enumerate().find(|(_, l)| l.name == name),
        _ => None,
    };
    if SCENARIO.parameter(first).is_none() || layer.is_some() {
        let Some((i, layer)) = layer else {
            let names: Vec<&str> =
                scenario.layers.iter().map(|l| l.name.as_str()).chain(SCENARIO.parameters.iter().map(|p| p.name)).collect();
            return Err(unknown(path, first, &names));
        };
        let kind = layer.what.name();
        section = LAYERS.iter().copied().find(|l| l.name == kind).ok_or_else(shape)?;
        at.extend(["layers".to_owned(), i.to_string(), "what".to_owned(), kind.to_owned()]);
        rest = &parts[1..];
        // A layer that is named by its position may say its kind after it, as places do.
        if rest.first().is_some_and(|(word, _)| *word == kind) {
            rest = &rest[1..];
        }
    }
    while let Some(((word, position), after)) = rest.split_first() {
        let names: Vec<&str> = section.parameters.iter().map(|p| p.name).collect();
        let Some(parameter) = section.parameter(word) else { return Err(unknown(path, word, &names)) };
        at.push(if at.is_empty() && *word == "scenario" { "name".to_owned() } else { (*word).to_owned() });
        match (parameter.form, position) {
            (Form::Object(inner), None) if !after.is_empty() => section = inner,
            (Form::Objects(inner), Some(i)) if !after.is_empty() => {
                at.push(i.to_string());
                section = inner;
            }
            (_, None) if after.is_empty() => return Ok((parameter, at)),
            _ => return Err(shape()),
        }
        rest = after;
    }
    Err(shape())
}

/// The scenario with one parameter set to what a text says, checked as if it stood in a file. A path is `LAYER.PARAMETER`, farther in
/// with more dots (`policy.tou.price_ratio`, `solar.orientations[0].tilt_deg`), or a parameter of the file itself (`seed`).
///
/// # Errors
/// A path that leads nowhere, a value that the parameter cannot have.
pub fn vary(scenario: &Scenario, path: &str, value: &str) -> Result<Scenario, Vec<Diagnostic>> {
    let (parameter, at) = find(scenario, path).map_err(|e| vec![e])?;
    let place = SourceRef::new(format!("{path}={value}"), 0);
    if matches!(parameter.form, Form::File(_) | Form::Object(_) | Form::Objects(_)) {
        let what = Diagnostic::error("SCENARIO.SWEEP.PATH", format!("{path} is no single value"));
        return Err(vec![what.at(&place).hint("vary a number, a word or a list of numbers")]);
    }
    let new = check_value(parameter, value, &place)?;
    let mut all = serde_json::to_value(scenario).unwrap_or(Value::Null);
    let mut here = &mut all;
    for (i, word) in at.iter().enumerate() {
        let next = match word.parse::<usize>() {
            Ok(position) => here.get_mut(position),
            Err(_) => here.get_mut(word),
        };
        let Some(next) = next else {
            let what = Diagnostic::error("SCENARIO.SWEEP.PATH", format!("{path}: the scenario does not say {}", at[i]));
            return Err(vec![what.at(&place).hint("say it in the file first")]);
        };
        here = next;
    }
    *here = new;
    serde_json::from_value(all).map_err(|e| {
        let what = Diagnostic::error("SCENARIO.SWEEP.PATH", format!("{path} cannot be {value}"));
        vec![what.at(&place).detail(format!("{e}."))]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryFiles;
    use network::scenario::LayerKind;

    fn scenario() -> Scenario {
        let text = "scenario: x\nweather: {synthetic_seed: 1}\nlayers:\n- ev: {penetration_pct: 10, name: cars}\n- solar: {penetration_pct: 5}\n- policy: {tou: {}}\n";
        super::super::read(&MemoryFiles::new().with("s", text), std::path::Path::new("s")).scenario.unwrap()
    }

    #[test]
    fn values_are_set_by_path_and_checked() {
        let s = scenario();
        let LayerKind::Ev(ev) = vary(&s, "cars.penetration_pct", "35 %").unwrap().layers[0].what.clone() else { panic!() };
        assert_eq!(ev.penetration_pct, Some(35.0));
        let LayerKind::Ev(ev) = vary(&s, "layers[0].ev.charger", "level1").unwrap().layers[0].what.clone() else { panic!() };
        assert_eq!(ev.charger.power_kw(), 1.4);
        let LayerKind::Solar(solar) = vary(&s, "solar.orientations[1].tilt_deg", "35").unwrap().layers[1].what.clone() else { panic!() };
        assert_eq!(solar.orientations[1].tilt_deg, 35.0);
        let LayerKind::Policy(p) = vary(&s, "policy.tou.price_ratio", "5").unwrap().layers[2].what.clone() else { panic!() };
        assert_eq!(p.tou.unwrap().price_ratio, 5.0);
        assert_eq!(vary(&s, "seed", "9").unwrap().seed, 9);
        let refused = |path: &str, value: &str| vary(&s, path, value).unwrap_err()[0].code.clone();
        assert_eq!(refused("cars.penetration_pct", "130"), "SCENARIO.VALUE.RANGE");
        assert_eq!(refused("cars.charger", "level9"), "SCENARIO.VALUE.UNKNOWN");
        for path in [
            "cars.penetraton_pct",
            "trucks.penetration_pct",
            "cars",
            "",
            "cars..x",
            "solar.orientations[9].tilt_deg",
            "cars.allocation",
            "seed[1]",
            "a][",
        ] {
            assert_eq!(refused(path, "1"), "SCENARIO.SWEEP.PATH", "{path}");
        }
        assert_eq!(vary(&s, "cars.penetraton_pct", "1").unwrap_err()[0].hint.as_deref(), Some("\"penetration_pct\" is nearest"));
    }
}
