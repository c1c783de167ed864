//! `gridtwin ask`: questions in plain words, shown as they were read before anything runs.
//!
//! ```text
//! words ─► reading (learning::questions) ─► in English, as SQL over the lake, as a scenario file ─► with --run, the answer
//! ```

use crate::cli::{AnswerFormat, SqlArguments};
use crate::console::Console;
use crate::failure::Failure;
use crate::result_folder::write_whole;
use clap::Args;
use learning::questions::{NoSql, NotUnderstood, Outcome, Present, Reading, Run, in_words, read, scenario_file, sql};
use network::Diagnostic;
use serde_json::json;
use server::questions::{calendar, context, only_study};
use std::path::{Path, PathBuf};
use store::Lake;

/// A day in the form that a context has.
const DAY: &str = "YYYY-MM-DD";

#[derive(Debug, Clone, Args)]
pub struct AskArguments {
    /// The question in English; quote it, or write the words one after another
    #[arg(required = true, num_args = 1.., value_name = "WORDS")]
    pub words: Vec<String>,
    /// Results lake whose feeders, elements and studies the question may name
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub project: PathBuf,
    /// Study that is asked where the question names none [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub study: Option<String>,
    /// Calendar year that the study's series are of, for questions about a year or weekdays
    #[arg(long, value_name = "YEAR")]
    pub year: Option<i32>,
    /// The day of today, for "last year" [default: the clock's]
    #[arg(long, value_name = DAY)]
    pub today: Option<String>,
    /// Which reading is meant, of several
    #[arg(long, value_name = "N")]
    pub reading: Option<usize>,
    /// Answer the question from the lake
    #[arg(long)]
    pub run: bool,
    /// Write the scenario of the question into this file
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// Seed of the scenario's draws
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// The reading as JSON
    #[arg(long, conflicts_with = "run")]
    pub json: bool,
}

/// Reads the question and shows what it was read as; with `--run` answers it.
///
/// # Errors
/// A question that is not understood, or has several readings and none was chosen; one whose answer is not in the lake, when it is to be run.
pub fn run(arguments: &AskArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let lake = lake_of(arguments)?;
    let context = context(lake.as_ref(), today(arguments)?)?;
    let text = arguments.words.join(" ");
    let reading = match read(&text, &context) {
        Outcome::Understood(reading) => reading,
        Outcome::Ambiguous(readings) => chosen(readings, arguments)?,
        Outcome::NotUnderstood(why) => return Err(not_understood(&why, lake.is_some()).into()),
    };
    let study = arguments.study.as_deref().or(only_study(&context)).unwrap_or("base").to_owned();
    let answer = sql(&reading.query, &study, calendar(arguments.year));
    let scenario =
        (!reading.query.scenario.is_empty()).then(|| scenario_file(&reading.query, &Present::default(), "asked", arguments.seed));
    if arguments.json {
        let shown = json!({
            "reading": reading,
            "sql": answer.as_ref().ok().map(|a| a.sql.clone()),
            "sql_notes": answer.as_ref().ok().map(|a| a.notes.clone()),
            // Of a study that has not run the scenario the SQL would answer another question.
            "needs_scenario": !reading.query.scenario.is_empty(),
            "no_sql": answer.as_ref().err().map(ToString::to_string),
            "scenario": scenario.as_ref().and_then(|s| s.as_ref().ok()),
            "no_scenario": scenario.as_ref().and_then(|s| s.as_ref().err()).map(ToString::to_string),
        });
        console.json(&shown)?;
    } else {
        console.print(&told(&reading, &answer, scenario.as_ref().map(|s| s.as_ref().map_err(ToString::to_string))))?;
    }
    if let Some(place) = &arguments.scenario {
        let Some(scenario) = scenario else {
            return Err(Diagnostic::error("ASK.SCENARIO.NONE", "the question has no scenario to write")
                .hint("Leave --scenario out.")
                .into());
        };
        let text = scenario.map_err(|why| {
            Diagnostic::error("ASK.SCENARIO.UNKNOWN", "the scenario cannot be written").detail(format!("{}.", sentence(&why.to_string())))
        })?;
        write_whole(place, &text)?;
        console.note(&format!("wrote {}", place.display()));
    }
    if !arguments.run {
        return Ok(());
    }
    if !reading.query.scenario.is_empty() {
        return Err(Diagnostic::error("ASK.RUN.SCENARIO", "the question is about a scenario that has to be run first")
            .detail("What the lake holds is of studies that were run.")
            .hint("Write it with --scenario FILE, run it with `gridtwin qsts MODEL --scenario FILE --study NAME --out DIR`, and ask that study with --study.")
            .into());
    }
    let query = answer.map_err(|why| refused(&why))?.sql;
    crate::sql::run(
        &SqlArguments {
            query: Some(query),
            project: arguments.project.clone(),
            tables: false,
            format: AnswerFormat::Table,
            out: None,
            limit: None,
        },
        console,
    )
}

/// The lake of the project; none where nobody named a folder and there is none here.
fn lake_of(arguments: &AskArguments) -> Result<Option<Lake>, Failure> {
    match Lake::open(&arguments.project) {
        Ok(lake) => Ok(Some(lake)),
        Err(_) if arguments.project == Path::new(".") && !arguments.run && !arguments.project.join("lake.json").exists() => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// The day of today, as told or by the clock.
fn today(arguments: &AskArguments) -> Result<String, Failure> {
    if let Some(day) = arguments.today.as_ref().filter(|d| d.parse::<jiff::civil::Date>().is_err()) {
        return Err(Diagnostic::error("ASK.TODAY.UNREADABLE", format!("\"{day}\" is no day")).hint(format!("Write it as {DAY}.")).into());
    }
    Ok(arguments.today.clone().unwrap_or_else(|| jiff::Zoned::now().date().to_string()))
}

fn chosen(mut readings: Vec<Reading>, arguments: &AskArguments) -> Result<Reading, Failure> {
    let all = readings.iter().enumerate().map(|(k, r)| format!("{}: {}", k + 1, r.words)).collect::<Vec<_>>().join(". ");
    match arguments.reading {
        Some(n) if (1..=readings.len()).contains(&n) => Ok(readings.swap_remove(n - 1)),
        Some(n) => {
            Err(Diagnostic::error("ASK.READING.UNKNOWN", format!("there is no reading {n} of {}", readings.len())).detail(all + ".").into())
        }
        None => Err(Diagnostic::error("ASK.QUESTION.AMBIGUOUS", format!("the question can be read in {} ways", readings.len()))
            .detail(all + ".")
            .hint("Choose with --reading N, or say it otherwise.")
            .into()),
    }
}

/// Begins with a capital letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn not_understood(why: &NotUnderstood, has_lake: bool) -> Diagnostic {
    let mut detail = Vec::new();
    let quoted = |all: &[String]| all.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ");
    if !why.words.is_empty() {
        detail.push(format!("Nothing uses {}.", quoted(&why.words)));
    }
    if !why.names.is_empty() {
        detail.push(format!("The project has no {}.", quoted(&why.names)));
    }
    detail.extend(why.reasons.iter().map(|r| format!("{}.", sentence(r))));
    let hint = match has_lake {
        true => "Ask for one measure of feeders, transformers, lines or buses; docs/methods/learning-questions.md has what words mean.",
        false => {
            "Name the results with --project, so that feeders and studies can be named; docs/methods/learning-questions.md has what words mean."
        }
    };
    Diagnostic::error("ASK.QUESTION.NOT_UNDERSTOOD", "the question is not understood").detail(detail.join(" ")).hint(hint)
}

fn command_of(run: Run) -> &'static str {
    match run {
        Run::HostingCapacity => "gridtwin hosting-capacity",
        Run::Reliability => "gridtwin reliability",
        Run::Contingency => "gridtwin contingency",
        Run::Mitigation => "gridtwin mitigate",
    }
}

fn refused(why: &NoSql) -> Diagnostic {
    let finding =
        Diagnostic::error("ASK.RUN.NOT_IN_LAKE", "the results lake has no answer").detail(format!("{}.", sentence(&why.to_string())));
    match why {
        NoSql::OtherStudy(run) => finding.hint(format!("Run `{}`.", command_of(*run))),
        NoSql::YearUnknown { .. } | NoSql::WeekdayUnknown => finding.hint("Say with --year of which year the series are."),
        _ => finding.hint("Ask for the whole year, for hours beyond a limit, or for feeders."),
    }
}

/// What the question was read as, for people.
fn told(reading: &Reading, answer: &Result<learning::questions::Answer, NoSql>, scenario: Option<Result<&String, String>>) -> String {
    let mut text = format!("{}\n", in_words(&reading.query));
    let mut notes = reading.notes.clone();
    notes.extend(answer.iter().flat_map(|a| a.notes.clone()));
    for note in notes {
        text.push_str(&format!("  {note}\n"));
    }
    // A study that has not run the scenario would answer, and with other figures than those asked for.
    let heading = if scenario.is_some() { "SQL, for a study that has run the scenario (--study names it)" } else { "SQL" };
    if let Some(scenario) = scenario {
        match scenario {
            Ok(file) => text.push_str(&format!("\nScenario\n\n{}", indented(file))),
            Err(why) => text.push_str(&format!("\nScenario: cannot be written, since {why}\n")),
        }
    }
    match answer {
        Ok(answer) => text.push_str(&format!("\n{heading}\n\n{}", indented(&answer.sql))),
        Err(NoSql::OtherStudy(run)) => text.push_str(&format!("\nAnswered by `{}`\n", command_of(*run))),
        Err(why) => text.push_str(&format!("\nNo SQL: {why}\n")),
    }
    text
}

fn indented(text: &str) -> String {
    text.lines().map(|l| if l.is_empty() { "\n".to_owned() } else { format!("  {l}\n") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use learning::questions::Context;

    #[test]
    fn a_reading_is_shown_with_its_sql() {
        let context = Context { feeders: vec!["FDR-1".into()], ..Context::default() };
        let Outcome::Understood(reading) = read("show me the 3 worst feeders", &context) else { panic!("it is understood") };
        assert_eq!(serde_json::to_value(&reading).expect("JSON")["query"]["limit"], 3);
        let text = told(&reading, &sql(&reading.query, "base", calendar(None)), None);
        assert!(text.contains("SELECT") && text.contains("LIMIT 3"), "{text}");
    }
}
