//! What the module `load-forecast` chooses, on series of a file.
//!
//!     load_forecast FILE.csv [SETTING=VALUE …] [hours=N]
//!
//! Columns of the file are series of hours, the first line their names; the first hour is taken for a Monday's. `hours` takes the first hours alone. Told are
//! the methods of each series at the origins that choose and in the part after them, which nobody chose by; a star marks what is kept, the mean of several where they are
//! level.

use learning::module::{Frame, InputKind, Question, Settings, Values, fit};
use std::collections::BTreeMap;
use studies::table::{Table, Value};

/// Monday, 2 January 2023, 00:00 UTC, hours since 1970.
const MONDAY_H: i64 = 464_616;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let file = words.next().ok_or("no file is named")?;
    let mut told: BTreeMap<String, String> =
        words.filter_map(|w| w.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))).collect();
    let most = told.remove("hours").map_or(Ok(usize::MAX), |n| n.parse())?;
    let text = std::fs::read_to_string(&file)?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().ok_or("an empty file")?.split(',').collect();
    let mut series: Vec<Vec<f64>> = vec![Vec::new(); names.len()];
    for line in lines.take(most) {
        for (column, value) in series.iter_mut().zip(line.split(',')) {
            column.push(value.parse()?);
        }
    }
    let module = learning::modules::find("load-forecast").map_err(|e| format!("{e:?}"))?;
    let settings = Settings::read(module.about().settings, &told).map_err(|e| format!("{e:?}"))?;
    let InputKind::Table { columns, .. } = module.about().inputs[0].kind else { return Err("loads are a table".into()) };
    println!(
        "{:<14} {:<24} {:>13} {:>8} {:>8} {:>7} {:>10}",
        "series", "method", "MASE choosing", "behind", "origins", "MASE", "against %"
    );
    let (mut chosen_mase, mut naive_mase) = (0.0, 0.0);
    for (name, values) in names.iter().zip(series) {
        let times = (0..values.len() as i64).map(|h| 3600 * (MONDAY_H + h)).collect();
        let values = BTreeMap::from([("time".to_owned(), Values::Time(times)), ("kw".to_owned(), Values::Number(values))]);
        let loads = Frame::new(&file, columns, values)?;
        let question = Question { tables: BTreeMap::from([("loads".to_owned(), loads)]), networks: BTreeMap::new(), settings: &settings };
        let answer = fit(module, &question).map_err(|e| format!("{e:?}"))?;
        let methods = answer.tables.iter().find(|t| t.name == "methods").ok_or("no methods")?;
        for row in &methods.rows {
            let number = |column: &str| match &row[place(methods, column)] {
                Value::Number(x) => format!("{x:.3}"),
                Value::Count(n) => format!("{n}"),
                _ => "-".to_owned(),
            };
            let (method, chosen) = (&row[place(methods, "method")], row[place(methods, "chosen")] == Value::Flag(true));
            let (Value::Text(method), mase) = (method, number("mase").parse::<f64>().unwrap_or(f64::NAN)) else { continue };
            chosen_mase += if chosen { mase } else { 0.0 };
            naive_mase += if method == "seasonal-naive" { mase } else { 0.0 };
            println!(
                "{name:<14} {:<24} {:>13} {:>8} {:>8} {:>7} {:>10}",
                format!("{method}{}", if chosen { " *" } else { "" }),
                number("mase_choosing"),
                number("surely_behind"),
                number("origins_choosing"),
                number("mase"),
                number("against_week_before_pct")
            );
        }
        let card = answer.model.map(|m| m.card).unwrap_or_default();
        for m in card.metrics {
            println!(
                "{name:<14}   {} {:.3} ({} {:.3})",
                m.name,
                m.value,
                m.baseline.as_ref().map_or("target", |b| &b.name),
                m.baseline.as_ref().map_or(m.target.unwrap_or(f64::NAN), |b| b.value)
            );
        }
    }
    let n = names.len() as f64;
    println!("mean of {n} series: chosen {:.4}, week before {:.4}", chosen_mase / n, naive_mase / n);
    Ok(())
}

fn place(table: &Table, column: &str) -> usize {
    table.columns.iter().position(|c| c.name == column).expect("a column of the table")
}
