//! What each module of learning has in common: what it asks for, what it gives, and the card of a model that is kept.
//!
//! ```text
//! tables, networks, settings ─► Question ─► Module::fit ─► Answer (figures, tables, notes) + Model (card, body)
//!                                  Model ─► Module::apply ─► Answer
//! ```
//!
//! The command line, jobs, the server and its pages know modules only by their [`About`]: a module that is named in [`crate::modules::MODULES`] has
//! all of them. Nothing here opens a file: whoever asks has read the tables ([`Frame`]) and keeps the model.

mod card;
mod frame;
mod settings;

pub use card::{Baseline, Better, Card, Feature, HeldOut, Made, Metric, Model, Reliable};
pub use frame::{Frame, FrameError, Values};
pub use settings::{Setting, SettingKind, SettingValue, Settings};

use crate::guard::{Border, Drift, DriftLimits, FitError, Since};
use crate::matrix::Matrix;
use crate::modules::common::day;
use network::{Diagnostic, Network};
use serde::Serialize;
use std::collections::BTreeMap;
use studies::table::Table;

/// What a column of an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    Number,
    Text,
    /// Seconds since 1970, UTC.
    Time,
}

/// A column that a module looks for in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Wanted {
    pub name: &'static str,
    pub kind: ColumnKind,
    /// Empty where there is none.
    pub unit: &'static str,
    pub needed: bool,
    pub meaning: &'static str,
    /// Other headers that mean it.
    pub aliases: &'static [&'static str],
}

/// A column of numbers that has to be there.
pub const fn number(name: &'static str, unit: &'static str, meaning: &'static str) -> Wanted {
    Wanted { name, kind: ColumnKind::Number, unit, needed: true, meaning, aliases: &[] }
}

/// A column of words that has to be there.
pub const fn text(name: &'static str, meaning: &'static str) -> Wanted {
    Wanted { name, kind: ColumnKind::Text, unit: "", needed: true, meaning, aliases: &[] }
}

/// A column of moments that has to be there.
pub const fn time(name: &'static str, meaning: &'static str) -> Wanted {
    Wanted { name, kind: ColumnKind::Time, unit: "", needed: true, meaning, aliases: &["timestamp", "datetime", "time_utc"] }
}

impl Wanted {
    /// The same, not needed.
    pub const fn optional(mut self) -> Self {
        self.needed = false;
        self
    }

    /// The same, also under these headers.
    pub const fn also(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }
}

/// What an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum InputKind {
    /// A table with these columns.
    Table {
        columns: &'static [Wanted],
        /// What further columns of numbers are taken for; empty where they are passed over.
        others: &'static str,
    },
    /// A model of a grid.
    Network,
}

/// One thing that a module works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Input {
    pub name: &'static str,
    pub meaning: &'static str,
    #[serde(flatten)]
    pub kind: InputKind,
    pub needed_to_fit: bool,
    pub needed_to_apply: bool,
}

/// What a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct About {
    /// Name in commands and addresses: lower case, words joined by hyphens.
    pub id: &'static str,
    pub title: &'static str,
    /// The question that it answers, a sentence.
    pub question: &'static str,
    /// Method in a few words, with its source.
    pub method: &'static str,
    pub inputs: &'static [Input],
    pub settings: &'static [Setting],
    /// Whether a fit gives a model that is kept and asked again.
    pub keeps: bool,
    /// Page of its method under `docs/methods/`, without `.md`.
    pub page: &'static str,
}

/// What is asked of a module.
#[derive(Debug)]
pub struct Question<'a> {
    pub tables: BTreeMap<String, Frame>,
    pub networks: BTreeMap<String, Network>,
    pub settings: &'a Settings,
}

impl Question<'_> {
    /// A table that the module needs.
    ///
    /// # Panics
    /// When it is not there though needed, which [`check`] has refused before.
    pub fn table(&self, name: &str) -> &Frame {
        &self.tables[name]
    }

    /// A network that the module needs.
    ///
    /// # Panics
    /// As [`Question::table`].
    pub fn network(&self, name: &str) -> &Network {
        &self.networks[name]
    }
}

/// A figure of an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    pub name: &'static str,
    pub unit: &'static str,
    pub value: f64,
    pub meaning: &'static str,
}

/// What a module gives.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The answer in one sentence with its figures and units.
    pub headline: String,
    pub figures: Vec<Figure>,
    pub tables: Vec<Table>,
    /// What a reader should know before the figures: drift, rows that were not answered, what was left out.
    pub notes: Vec<Diagnostic>,
    /// Of a fit, when the module keeps one.
    pub model: Option<Model>,
}

/// Why a module gives nothing: each fault with what, where, and how to mend it.
pub type Refused = Vec<Diagnostic>;

/// One module.
pub trait Module: Sync {
    fn about(&self) -> &'static About;

    /// Learns from the inputs. A module that keeps nothing answers at once.
    ///
    /// # Errors
    /// Data that a model cannot be fitted to.
    fn fit(&self, question: &Question<'_>) -> Result<Answer, Refused>;

    /// Asks a kept model. Rows outside of what it was trained on are not answered, and counted in a note.
    ///
    /// # Errors
    /// Inputs that are not those of the model.
    fn apply(&self, model: &Model, question: &Question<'_>) -> Result<Answer, Refused>;
}

/// Refuses a question that names what the module does not know, or lacks what it needs. All faults at once.
///
/// # Errors
/// As said.
pub fn check(about: &About, question: &Question<'_>, applies: bool) -> Result<(), Refused> {
    let mut faults = Refused::new();
    for input in about.inputs {
        let is_there = match input.kind {
            InputKind::Table { .. } => question.tables.contains_key(input.name),
            InputKind::Network => question.networks.contains_key(input.name),
        };
        if !is_there && if applies { input.needed_to_apply } else { input.needed_to_fit } {
            let what = Diagnostic::error("LEARN.INPUT.MISSING", format!("{} needs {}", about.id, input.name));
            faults.push(what.detail(format!("{}.", input.meaning)).hint(format!("Give {}=FILE.", input.name)));
        }
    }
    let known = |name: &str| about.inputs.iter().any(|i| i.name == name);
    for name in question.tables.keys().chain(question.networks.keys()).filter(|n| !known(n)) {
        let what = Diagnostic::error("LEARN.INPUT.UNKNOWN", format!("{} takes no \"{name}\"", about.id));
        let names: Vec<&str> = about.inputs.iter().map(|i| i.name).collect();
        faults.push(what.detail(format!("It takes {}.", names.join(", "))).hint("Leave it out."));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// Learns, and completes the card with what it was made of.
///
/// # Errors
/// A question that lacks something, data that a model cannot be fitted to.
pub fn fit(module: &dyn Module, question: &Question<'_>) -> Result<Answer, Refused> {
    let about = module.about();
    check(about, question, false)?;
    let mut answer = module.fit(question)?;
    if let Some(model) = &mut answer.model {
        model.card.module = about.id.to_owned();
        model.card.title = about.title.to_owned();
        model.card.question = about.question.to_owned();
        model.card.method = about.method.to_owned();
        model.card.settings = question.settings.shown();
        model.card.made_of = question
            .tables
            .iter()
            .map(|(name, f)| Made { name: name.clone(), from: f.name.clone(), rows: f.rows(), sha256: f.sha256() })
            .collect();
    }
    Ok(answer)
}

/// Asks a kept model.
///
/// # Errors
/// A model of another module; a question that lacks something.
pub fn apply(module: &dyn Module, model: &Model, question: &Question<'_>) -> Result<Answer, Refused> {
    let about = module.about();
    if model.card.module != about.id {
        let what = format!("the model is of module {}, not of {}", model.card.module, about.id);
        return Err(vec![Diagnostic::error("LEARN.MODEL.OTHER", what).hint("Name a model of this module.")]);
    }
    check(about, question, true)?;
    module.apply(model, question)
}

/// What the guard found, as findings about an input.
pub fn unfit(input: &str, error: &FitError, names: &[&str]) -> Refused {
    let finding = |fault: &crate::guard::Fault| {
        Diagnostic::error("LEARN.DATA.UNFIT", format!("no model can be fitted to {input}")).detail(sentence(&fault.text(names)))
    };
    error.faults.iter().map(finding).collect()
}

/// Any other reason for which the data of an input do not do.
pub fn unfit_for(input: &str, why: &dyn std::fmt::Display) -> Refused {
    vec![Diagnostic::error("LEARN.DATA.UNFIT", format!("no model can be fitted to {input}")).detail(sentence(&why.to_string()))]
}

/// The note about rows that are outside of what a model was trained on; none where there are none.
pub fn outside_note(rows: usize, of: usize) -> Option<Diagnostic> {
    (rows > 0).then(|| {
        Diagnostic::warning("LEARN.DATA.OUTSIDE", format!("{rows} of {of} rows are outside of what the model was trained on"))
            .detail("They are not answered.")
            .hint("Train the model on data that hold such rows.")
    })
}

/// Whether the rows of now are still like those of training: one note for all features that drifted.
pub fn drift_note(model: &Model, now: &Matrix) -> Option<Diagnostic> {
    drift_note_in_time(model, now, || (Matrix::new(now.columns()), Vec::new()))
}

/// The same, with when each feature began to drift: told by the rows (of the same features) that `course` gives with their moments, s since 1970 UTC. They are
/// asked for only when something drifted.
pub fn drift_note_in_time(model: &Model, now: &Matrix, course: impl FnOnce() -> (Matrix, Vec<i64>)) -> Option<Diagnostic> {
    let reference = model.reference.as_ref()?;
    let drifts = reference.drift(now, &DriftLimits::default()).ok()?;
    let gone: Vec<&Drift> = drifts.iter().filter(|d| d.drifted).collect();
    if gone.is_empty() {
        return None;
    }
    let (course, times_s) = course();
    let since: Vec<Option<Since>> = gone.iter().map(|d| reference.since(&course, &times_s, d.column, &DriftLimits::default())).collect();
    let one = |(d, since): (&&Drift, &Option<Since>)| {
        let name = model.card.features.get(d.column).map_or_else(|| format!("column {}", d.column), |f| f.name.clone());
        format!("{name} (stability index {:.2}, distance {:.2}{})", d.psi, d.ks, since.as_ref().map_or_else(String::new, since_words))
    };
    let list: Vec<String> = gone.iter().zip(&since).map(one).collect();
    let told = since.iter().any(Option::is_some);
    let hedge = if told {
        " Times are told by the course of the feature's distribution and move with a season that it has of its own."
    } else {
        ""
    };
    Some(
        Diagnostic::warning("LEARN.DATA.DRIFTED", format!("{} of {} features have drifted since training", gone.len(), drifts.len()))
            .detail(format!("{}.{hedge}", list.join(", ")))
            .hint("Train a new version, and compare its held-out figures with those of this one."),
    )
}

fn since_words(s: &Since) -> String {
    let border =
        |b: Border| if b.low_s == b.high_s { day(b.at_s) } else { format!("{} ({} to {})", day(b.at_s), day(b.low_s), day(b.high_s)) };
    let period = match s.period_s / 86_400 {
        1 => "day".to_owned(),
        7 => "week".to_owned(),
        days => format!("{} weeks", days / 7),
    };
    match (s.from.map(border), s.until.map(border)) {
        (Some(from), Some(until)) => format!("; from {from} to {until}, by the {period}"),
        (Some(from), None) => format!("; since {from}, by the {period}"),
        (None, Some(until)) => format!("; until {until}, by the {period}"),
        (None, None) => "; no beginning within these rows".to_owned(),
    }
}

/// A text that begins with a capital and ends with a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.trim().trim_end_matches('.').chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}
