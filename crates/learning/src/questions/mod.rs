//! Questions in plain words, read into a form that is shown, edited and then run.
//!
//! ```text
//! text ─► tokens ─► atoms (names of the project, numbers, phrases of the lexicon) ─► items (rules, longest first)
//!      ─► readings ─► one: the query, in words, as SQL, as a scenario file    several: all are offered    none: why
//! ```
//!
//! **Nothing is guessed.** The lexicon is closed and every content word must be used by the reading: a word that is not known, a name that the
//! project does not have, a unit that does not fit or two things that exclude each other make a question *not understood*, with the reason.
//! Where words can mean two things, both readings are given and none is chosen. A slip of the pen is read as the one word of the lexicon that
//! is clearly nearest, and that is told. What a reading takes for granted (what "worst" means) stands in its notes.
//!
//! The reader draws on no model that was trained: the same question is read alike for ever. Method, limits and measured figures:
//! `docs/methods/learning-questions.md`.

mod form;
mod items;
mod lexicon;
mod reading;
mod scenario;
mod sql;
mod tokens;
mod words;

pub use form::{
    Adoption, Bound, Change, Charger, Der, Event, Filter, Kind, Layer, Measure, MeasureUnit, Order, Query, Statistic, Weather, Week, Window,
};
pub use scenario::{ExtremeDay, Installed, NoScenario, Present, scenario_file};
pub use sql::{Answer, Calendar, NoSql, Run, sql};
pub use words::{in_words, layer_in_words};

use serde::{Deserialize, Serialize};

/// What a project holds that questions refer to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    pub feeders: Vec<String>,
    /// Transformers, lines and buses that can be named.
    pub elements: Vec<Named>,
    /// Studies that were run. The one called `base` is what others are compared with.
    pub studies: Vec<String>,
    /// The day of today, `YYYY-MM-DD`, for "last year"; such words are not understood without it.
    pub today: Option<String>,
}

impl Context {
    fn today_year(&self) -> Option<i32> {
        self.today.as_ref()?.split('-').next()?.parse().ok()
    }
}

/// An object by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub kind: Kind,
    pub name: String,
}

/// A way to read a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    pub query: Query,
    /// The query in English, as it will be run.
    pub words: String,
    /// What the reading takes for granted, and which words it took for others.
    pub notes: Vec<String>,
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
// There is one of them a question.
#[allow(clippy::large_enum_variant)]
pub enum Outcome {
    Understood(Reading),
    /// All readings; the user chooses.
    Ambiguous(Vec<Reading>),
    NotUnderstood(NotUnderstood),
}

/// Why a question has no reading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotUnderstood {
    /// Words that nothing uses, as they were written.
    pub words: Vec<String>,
    /// Names that the project does not have.
    pub names: Vec<String>,
    pub reasons: Vec<String>,
}

/// Reads a question.
///
/// # Inputs
/// * `text` - the question, up to 400 characters, in English.
/// * `context` - names of the project; a name that is not there is not understood.
///
/// Never panics, whatever the text; never chooses between two readings.
pub fn read(text: &str, context: &Context) -> Outcome {
    let fail = |why: &str| Outcome::NotUnderstood(NotUnderstood { reasons: vec![why.to_owned()], ..NotUnderstood::default() });
    if text.chars().count() > tokens::MAX_LENGTH {
        return fail("the question is longer than 400 characters");
    }
    let found = tokens::atoms(text, context);
    let meaning = |a: &&(usize, lexicon::Atom)| a.1 != lexicon::Atom::Filler;
    let kept: Vec<(usize, lexicon::Atom)> = found.atoms.iter().copied().enumerate().collect();
    let kept: Vec<(usize, lexicon::Atom)> = kept.iter().filter(meaning).copied().collect();
    let atoms: Vec<lexicon::Atom> = kept.iter().map(|a| a.1).collect();
    let (items, unused) = items::items(&atoms);
    let mut no = NotUnderstood { names: found.strangers.clone(), ..NotUnderstood::default() };
    for i in unused {
        let (from, to) = found.spans[kept[i].0];
        no.words.push(found.tokens[from..to].iter().map(|t| t.written.as_str()).collect::<Vec<_>>().join(" "));
    }
    no.words.dedup();
    if !no.words.is_empty() || !no.names.is_empty() {
        return Outcome::NotUnderstood(no);
    }
    let mut good: Vec<Reading> = Vec::new();
    for read in reading::readings(&items, &found.choices, context) {
        match read {
            Ok((query, notes)) => {
                let notes = found.notes.iter().cloned().chain(notes).collect();
                let reading = Reading { words: in_words(&query), query, notes };
                if !good.iter().any(|r| r.query == reading.query) {
                    good.push(reading);
                }
            }
            Err(why) if !no.reasons.contains(&why) => no.reasons.push(why),
            Err(_) => {}
        }
    }
    match good.len() {
        0 => Outcome::NotUnderstood(no),
        1 => Outcome::Understood(good.remove(0)),
        _ => Outcome::Ambiguous(good),
    }
}
