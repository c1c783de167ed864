//! Modules, answers and cards as people read them.

use crate::answer::short;
use crate::number::count;
use crate::text::{Style, Table as Lines, wrap};
use learning::module::{About, Answer, Better, Card, Input, InputKind, Metric, Setting, SettingKind};
use learning::modules::MODULES;
use store::models::ModelVersion;
use studies::table::{Kind, Table, Value};

/// Rows of a table that a terminal is shown.
const SHOWN: usize = 15;
/// Width of paragraphs.
const WIDTH: usize = 100;

pub fn modules() -> String {
    let mut lines = Lines::new(&["<module", "<answers"]);
    for about in MODULES.iter().map(|m| m.about()) {
        lines.row([about.id.to_owned(), about.question.to_owned()]);
    }
    lines.render() + "\n`gridtwin learn about MODULE` says what one asks for.\n"
}

fn unit(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(" [{unit}]") }
}

fn input(input: &Input) -> String {
    let when = match (input.needed_to_fit, input.needed_to_apply) {
        (true, true) => "needed",
        (true, false) => "needed to fit",
        (false, true) => "needed to use",
        (false, false) => "optional",
    };
    let mut text = format!("\n  {} ({when}): {}\n", input.name, input.meaning);
    if let InputKind::Table { columns, others } = input.kind {
        let mut lines = Lines::new(&["<    column", "<unit", "<", "<meaning"]);
        for c in columns {
            let needed = if c.needed { "needed" } else { "optional" };
            lines.row([format!("    {}", c.name), c.unit.to_owned(), needed.to_owned(), c.meaning.to_owned()]);
        }
        text += &lines.render();
        if !others.is_empty() {
            text += &format!("    Further columns of numbers: {others}.\n");
        }
    } else {
        text += "    A model in any format that is read, or a network of the project.\n";
    }
    text
}

fn range(setting: &Setting) -> String {
    match setting.kind {
        SettingKind::Number { low, high } => format!("{} to {}", short(low), short(high)),
        SettingKind::Count { low, high } => format!("{low} to {high}"),
        SettingKind::Choice { of } => of.join(" | "),
        SettingKind::Flag => "true | false".into(),
        SettingKind::Text => "text".into(),
    }
}

pub fn about(about: &About) -> String {
    let mut text = format!("{} ({})\n\n{}\n", about.title, about.id, paragraph(about.question));
    text += &format!("{}\n\nInputs\n", paragraph(&format!("Method: {}.", about.method.trim_end_matches('.'))));
    text.extend(about.inputs.iter().map(input));
    if !about.settings.is_empty() {
        text += "\nSettings\n\n";
        let mut lines = Lines::new(&["<setting", "<default", "<range", "<meaning"]);
        for s in about.settings {
            let default = s.default.map_or_else(|| "-".to_owned(), |d| format!("{d}{}", unit(s.unit)));
            lines.row([s.name.to_owned(), default, range(s), s.meaning.to_owned()]);
        }
        text += &lines.render();
    }
    let words: Vec<String> = about.inputs.iter().filter(|i| i.needed_to_fit).map(|i| format!(" {}=FILE", i.name)).collect();
    let keep = if about.keeps { " --project DIR --keep NAME" } else { "" };
    text + &format!(
        "\ngridtwin learn fit {}{}{keep}\nMethod, limits and measured figures: docs/methods/{}.md\n",
        about.id,
        words.concat(),
        about.page
    )
}

fn paragraph(text: &str) -> String {
    wrap(text, WIDTH).join("\n")
}

pub fn models(all: &[ModelVersion]) -> String {
    if all.is_empty() {
        return "The project keeps no models. Fit one with `gridtwin learn fit MODULE … --project DIR --keep NAME`.\n".into();
    }
    let mut lines = Lines::new(&["<model", ">version", "<module", "<made", "<held-out figure", ">value", ">baseline", "<approved by"]);
    for v in all {
        let card: Card = serde_json::from_value(v.card.clone()).unwrap_or_default();
        let first = card.metrics.first();
        lines.row([
            v.name.clone(),
            v.version.to_string(),
            card.module.clone(),
            format!("{} by {}", v.time_utc, v.author),
            first.map_or(String::new(), |m| format!("{}{}", m.name, unit(&m.unit))),
            first.map_or(String::new(), |m| short(m.value)),
            first.and_then(|m| m.baseline.as_ref()).map_or(String::new(), |b| format!("{} ({})", short(b.value), b.name)),
            v.approved.as_ref().map_or(String::new(), |a| a.by.clone()),
        ]);
    }
    lines.render()
}

fn metrics(metrics: &[Metric]) -> String {
    let mut lines = Lines::new(&["<figure", ">held out", "<95 % interval", "<better", ">baseline", "<of"]);
    for m in metrics {
        let better = match m.better {
            Better::Higher => "higher".to_owned(),
            Better::Lower => "lower".to_owned(),
            Better::Near => format!("near {}", m.target.map_or_else(String::new, short)),
        };
        lines.row([
            format!("{}{}", m.name, unit(&m.unit)),
            short(m.value),
            m.low.zip(m.high).map_or(String::new(), |(l, h)| format!("{} to {}", short(l), short(h))),
            better,
            m.baseline.as_ref().map_or(String::new(), |b| short(b.value)),
            m.baseline.as_ref().map_or(String::new(), |b| b.name.clone()),
        ]);
    }
    lines.render()
}

fn span(span_s: Option<[i64; 2]>) -> String {
    let day = |s: i64| jiff::Timestamp::from_second(s).map_or_else(|_| s.to_string(), |t| t.to_string());
    span_s.map_or(String::new(), |[from, to]| format!(", {} to {}", day(from), day(to)))
}

fn body(card: &Card) -> String {
    let mut text = format!("Trained on {}{}\n", count(card.rows, "row"), span(card.span_s));
    for made in &card.made_of {
        text += &format!(
            "  {} from {} ({}), sha256 {}\n",
            made.name,
            made.from,
            count(made.rows, "row"),
            &made.sha256[..made.sha256.len().min(16)]
        );
    }
    if !card.says.is_empty() {
        text += &format!("Says: {}\n", card.says);
    }
    if !card.metrics.is_empty() {
        let held = &card.held_out;
        text += &format!(
            "\nHeld out: {} ({}{})\n\n{}",
            held.how.trim_end_matches('.'),
            count(held.rows, "row"),
            span(held.span_s),
            metrics(&card.metrics)
        );
    }
    if !card.features.is_empty() {
        text += "\nFeatures\n\n";
        let mut lines = Lines::new(&["<feature", "<unit", ">from", ">to", ">importance"]);
        for f in card.features.iter().take(SHOWN) {
            let number = |x: Option<f64>| x.map_or(String::new(), short);
            let share = f.importance.map_or(String::new(), |x| format!("{:.1} %", 100.0 * x));
            lines.row([f.name.clone(), f.unit.clone(), number(f.low), number(f.high), share]);
        }
        text += &lines.render();
        if card.features.len() > SHOWN {
            text += &format!("  and {} more\n", card.features.len() - SHOWN);
        }
    }
    if !card.calibration.is_empty() {
        text += "\nCalibration\n\n";
        let mut lines = Lines::new(&[">said", ">came", ">rows"]);
        for c in &card.calibration {
            lines.row([short(c.said), short(c.came), c.rows.to_string()]);
        }
        text += &lines.render();
    }
    if !card.limits.is_empty() {
        text += "\nLimits\n\n";
        for limit in &card.limits {
            text += &format!("  - {}\n", wrap(limit, WIDTH).join("\n    "));
        }
    }
    text
}

pub fn card(of: &ModelVersion, style: Style) -> String {
    let card: Card = serde_json::from_value(of.card.clone()).unwrap_or_default();
    let mut text = format!("{}\n\n", style.bold(&format!("{}, version {}", of.name, of.version)));
    text += &format!("{} ({}): {}\nMethod: {}\n", card.title, card.module, card.question, card.method);
    text += &format!("Made {} by {} with gridtwin {}; sha256 {}\n", of.time_utc, of.author, of.engine_version, of.sha256);
    match &of.approved {
        Some(a) => text += &format!("Approved {} by {}: {}\n", a.time_utc, a.by, a.note),
        None => text += "Nobody has approved it.\n",
    }
    if !card.settings.is_empty() {
        let settings: Vec<String> =
            card.settings.iter().map(|(k, v)| format!("{k}={}", v.as_str().map_or_else(|| v.to_string(), str::to_owned))).collect();
        text += &format!("Settings: {}\n", settings.join(" "));
    }
    text + "\n" + &body(&card)
}

fn table(table: &Table) -> String {
    let heads: Vec<String> = table
        .columns
        .iter()
        .map(|c| format!("{}{}{}", if matches!(c.kind, Kind::Number | Kind::Count) { '>' } else { '<' }, c.name, unit(c.unit)))
        .collect();
    let mut lines = Lines::new(&heads.iter().map(String::as_str).collect::<Vec<_>>());
    for row in table.rows.iter().take(SHOWN) {
        let cell = |v: &Value| match v {
            Value::Empty => String::new(),
            Value::Text(t) => t.clone(),
            Value::Number(x) => short(*x),
            Value::Count(n) => n.to_string(),
            Value::Flag(b) => if *b { "yes" } else { "no" }.to_owned(),
        };
        lines.cells(row.iter().map(cell).collect());
    }
    let mut text = format!("\n{}: {} ({})\n\n{}", table.name, table.meaning, count(table.rows.len(), "row"), lines.render());
    if table.rows.len() > SHOWN {
        text += &format!("  and {} more; all of them with --out DIR\n", table.rows.len() - SHOWN);
    }
    text
}

pub fn answer(answer: &Answer, kept: Option<&ModelVersion>, style: Style) -> String {
    let mut text = format!("{}\n", style.bold(&answer.headline));
    if !answer.figures.is_empty() {
        let mut lines = Lines::new(&["<figure", ">value", "<unit", "<meaning"]);
        for f in &answer.figures {
            lines.row([f.name.to_owned(), short(f.value), f.unit.to_owned(), f.meaning.to_owned()]);
        }
        text += &format!("\n{}", lines.render());
    }
    text.extend(answer.tables.iter().map(table));
    if let Some(model) = &answer.model {
        text += &format!("\n{}", body(&model.card));
        match kept {
            Some(v) => text += &format!("\nkept as {} version {}\n", v.name, v.version),
            None => text += "\nNot kept; keep it with --project DIR --keep NAME.\n",
        }
    }
    text
}
