//! Short-circuit study of a case on standard input, as JSON on standard output: `short_circuit < question.json`.
//!
//! The question is `{"case": …, "options": …}` with the fields of `studies::short_circuit::Case` and `Options`; with `"ansi": {…}` also the ANSI
//! networks, and the duty of the case's breakers where it has any. A case that cannot be computed gives its findings and ends with 1.

use serde::Deserialize;
use std::io::{Read, Write};
use studies::short_circuit::{AnsiOptions, Case, Options, Refused, ansi, judge, run};

#[derive(Deserialize)]
struct Question {
    case: Case,
    #[serde(default)]
    options: Options,
    ansi: Option<AnsiOptions>,
}

fn answer(q: &Question) -> Result<serde_json::Value, Refused> {
    let study = run(&q.case, &q.options)?;
    let other = q.ansi.as_ref().map(|o| ansi::run(&q.case, o)).transpose()?;
    let duties = judge(&q.case, &q.options, q.ansi.as_ref().unwrap_or(&AnsiOptions::default()))?;
    Ok(serde_json::json!({ "iec": study, "ansi": other, "duties": duties }))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let question: Question = serde_json::from_str(&text)?;
    match answer(&question) {
        Ok(found) => serde_json::to_writer(std::io::stdout().lock(), &found)?,
        Err(refused) => {
            serde_json::to_writer(std::io::stderr().lock(), &refused.findings)?;
            std::process::exit(1);
        }
    }
    std::io::stdout().flush()?;
    Ok(())
}
