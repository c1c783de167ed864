//! The table of parameters as a page of documentation.

use network::scenario::parameters::{Form, LAYERS, Parameter, SCENARIO, Section};
use std::fmt::Write;

/// `docs/scenario-parameters.md`.
pub fn parameter_page() -> String {
    let mut out = String::from(
        "# Parameters of scenario files\n\nWritten from the table that the reader checks files against (`network::scenario::parameters`). How \
         scenarios work: [scenarios.md](scenarios.md).\n\nA unit stands last in a name. A quantity may also be written with a unit, which is \
         turned into that one: `power_kw: 7200 W`. Defaults whose source says *chosen* are judgements: replace them by your own figures.\n",
    );
    let mut done: Vec<&Section> = Vec::new();
    table(&SCENARIO, "## The file", &mut out, &mut done);
    out.push_str(
        "\n`include` names other files (one path or a list): their layers come first, their values count where this file says none. `layers` is the \
         list of layers, each written as `- KIND:` with its parameters below.\n",
    );
    for layer in LAYERS {
        table(layer, &format!("## Layer `{}`", layer.name), &mut out, &mut done);
    }
    out
}

fn table(section: &'static Section, title: &str, out: &mut String, done: &mut Vec<&'static Section>) {
    if done.contains(&section) {
        return;
    }
    done.push(section);
    let _ = write!(
        out,
        "\n{title}\n\n{}\n\n| parameter | value | default | meaning | source of the default |\n| --- | --- | --- | --- | --- |\n",
        section.meaning
    );
    for p in section.parameters {
        let default = match p.default {
            None => "must be told".to_owned(),
            Some("null" | "\"\"" | "[]" | "{}") => "none".to_owned(),
            Some(text) if text.len() > 40 => "see the schema".to_owned(),
            Some(text) => format!("`{}`", text.trim_matches('"')),
        };
        let source = if p.source.is_empty() { "-" } else { p.source };
        let _ = writeln!(out, "| `{}` | {} | {default} | {} | {source} |", p.name, form(p), p.meaning.replace('|', "\\|"));
    }
    for group in section.one_of {
        let names: Vec<String> = group.iter().map(|n| format!("`{n}`")).collect();
        let _ = write!(out, "\nOne of {} must be told.\n", names.join(", "));
    }
    for p in section.parameters {
        if let Form::Object(inner) | Form::Objects(inner) = p.form {
            table(inner, &format!("### {}", capital(inner.name)), out, done);
        }
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().collect::<String>() + &letters.as_str().replace('_', " "))
}

fn form(p: &Parameter) -> String {
    let unit = p.unit().map_or(String::new(), |u| format!(" {}", u.shown));
    match p.form {
        Form::Number(low, high) => format!("{low} to {high}{unit}"),
        Form::Above(low, high) => format!("above {low} to {high}{unit}"),
        Form::Whole(low, high) if high > 1_000_000_000 => format!("whole, {low} and more"),
        Form::Whole(low, high) => format!("whole, {low} to {high}"),
        Form::Flag => "true, false".to_owned(),
        Form::Text | Form::AnyText => "text".to_owned(),
        Form::Choice(choices) => choices.join(", "),
        Form::Day => "MM-DD".to_owned(),
        Form::File(_) => "path".to_owned(),
        Form::Numbers { lengths, min, max } => {
            let n: Vec<String> = lengths.iter().map(usize::to_string).collect();
            format!("{} numbers, {min} to {max}{unit}", n.join(" or "))
        }
        Form::Wholes => "list of whole numbers".to_owned(),
        Form::Texts => "list of patterns".to_owned(),
        Form::Weights => "number by class".to_owned(),
        Form::Object(inner) => format!("[{}](#{})", inner.name.replace('_', " "), inner.name.replace([' ', '_'], "-")),
        Form::Objects(inner) => format!("list of [{}](#{})", inner.name.replace('_', " "), inner.name.replace([' ', '_'], "-")),
    }
}
