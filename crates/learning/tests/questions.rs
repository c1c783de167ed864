//! The 150 phrasings of `cases/learning-questions`: read right, not understood, or read wrong, of which there must be none.

use learning::questions::{Context, Kind, Named, Outcome, Query, read};
use serde::Deserialize;
use serde_json::Value;
use std::path::PathBuf;

#[derive(Deserialize)]
struct Questions {
    question: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    ask: String,
    query: Option<String>,
    refused: Option<String>,
}

#[derive(Deserialize)]
struct Names {
    today: String,
    feeders: Vec<String>,
    transformers: Vec<String>,
    lines: Vec<String>,
    buses: Vec<String>,
    studies: Vec<String>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../cases/learning-questions")
}

fn text(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

fn context() -> Context {
    let n: Names = toml::from_str(&text("context.toml")).unwrap();
    let of = |kind: Kind, names: Vec<String>| names.into_iter().map(move |name| Named { kind, name });
    let elements = of(Kind::Transformer, n.transformers).chain(of(Kind::Line, n.lines)).chain(of(Kind::Bus, n.buses)).collect();
    Context { feeders: n.feeders, elements, studies: n.studies, today: Some(n.today) }
}

/// Equal but for the last bits of numbers.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w))),
        _ => a == b,
    }
}

/// Right, not understood, wrong; of the questions with an answer, and of those without one.
#[derive(Debug, Default, PartialEq)]
struct Count {
    answered: usize,
    right: usize,
    not_understood: usize,
    wrong: usize,
    to_refuse: usize,
    refused: usize,
}

fn count(file: &str) -> Count {
    let questions: Questions = toml::from_str(&text(file)).unwrap();
    let context = context();
    let mut n = Count::default();
    for q in &questions.question {
        let outcome = read(&q.ask, &context);
        let got = match &outcome {
            Outcome::Understood(r) => Some(serde_json::to_value(&r.query).unwrap()),
            _ => None,
        };
        match (&q.query, &q.refused) {
            (Some(expected), None) => {
                n.answered += 1;
                // Through the form itself, so that a field which the form has not is seen.
                let expected: Query = serde_json::from_str(expected).unwrap_or_else(|e| panic!("{}: {e}", q.ask));
                let expected = serde_json::to_value(expected).unwrap();
                match got {
                    Some(got) if same(&got, &expected) => n.right += 1,
                    Some(got) => {
                        n.wrong += 1;
                        println!("WRONG {}\n  expected {expected}\n  got      {got}", q.ask);
                    }
                    None => {
                        n.not_understood += 1;
                        println!("NOT UNDERSTOOD {}\n  {}", q.ask, serde_json::to_string(&outcome).unwrap());
                    }
                }
            }
            (None, Some(why)) => {
                n.to_refuse += 1;
                match got {
                    None => n.refused += 1,
                    Some(got) => {
                        n.wrong += 1;
                        println!("READ, should be refused ({why}) {}\n  got {got}", q.ask);
                    }
                }
            }
            _ => panic!("{} has neither a form nor a refusal, or both", q.ask),
        }
    }
    println!("{file}: {n:?}");
    n
}

fn is_good(n: &Count) {
    assert_eq!((n.answered, n.to_refuse), (60, 15));
    assert_eq!(n.wrong, 0, "{n:?}");
    assert_eq!(n.refused, n.to_refuse, "{n:?}");
    assert!(n.right * 100 >= n.answered * 90, "{n:?}");
}

#[test]
fn the_development_half_is_read() {
    is_good(&count("development.toml"));
}

#[test]
fn the_held_out_half_is_read() {
    is_good(&count("held_out.toml"));
}

/// What looks like a question that can be read and is not one.
#[test]
fn traps_are_refused() {
    let n = count("traps.toml");
    assert!(n.to_refuse >= 60 && n.refused == n.to_refuse && n.answered == 0, "{n:?}");
}
