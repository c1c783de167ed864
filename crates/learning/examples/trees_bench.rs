//! One run of a tree model on a table, for `bench/learning/compare.py`: reads a CSV file, fits, predicts, writes what it predicts and the processor
//! time of both.
//!
//! usage: trees_bench TASK TABLE OUT SEED
//!
//! TASK is forest-number, forest-class, isolation, boosting-number or boosting-class. TABLE has a column `test` (0: fit, 1: predict), a column `y`,
//! and features. OUT becomes a number a line, one for each test row. Printed: a line of JSON.

use learning::boosting::{Boosting, Objective, Options as BoostingOptions};
use learning::forest::{ClassForest, Forest, Options as ForestOptions};
use learning::guard::{FitError, PredictError};
use learning::isolation::{IsolationForest, Options as IsolationOptions};
use learning::matrix::Matrix;
use std::fmt::Write as _;
use std::time::Instant;

/// What is quick is done again and again, for so long.
const LEAST_S: f64 = 0.3;

struct Clock {
    start: Instant,
}

impl Clock {
    /// Seconds of processor time of this thread, which waiting for others does not count in; the clock on the wall where the system does not
    /// tell.
    fn now_s(&self) -> f64 {
        std::fs::read_to_string("/proc/self/schedstat")
            .ok()
            .and_then(|t| t.split_whitespace().next()?.parse::<f64>().ok())
            .map_or_else(|| self.start.elapsed().as_secs_f64(), |ns| ns * 1e-9)
    }

    /// What a call gives and how long it takes on the mean.
    fn time<T>(&self, mut call: impl FnMut() -> T) -> (f64, T) {
        let from = self.now_s();
        let mut calls = 0;
        loop {
            let done = call();
            calls += 1;
            let spent = self.now_s() - from;
            if spent >= LEAST_S {
                return (spent / f64::from(calls), done);
            }
        }
    }

    fn run<M>(
        &self,
        fit: impl Fn() -> Result<M, FitError>,
        score: impl Fn(&M) -> Result<Vec<f64>, PredictError>,
    ) -> Result<(f64, f64, Vec<f64>), Box<dyn std::error::Error>> {
        let (fit_s, model) = self.time(fit);
        let model = model?;
        let (score_s, said) = self.time(|| score(&model));
        Ok((fit_s, score_s, said?))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [task, table, out, seed] = &arguments[..] else { return Err("usage: trees_bench TASK TABLE OUT SEED".into()) };
    let seed: u64 = seed.parse()?;
    let mut reader = csv::Reader::from_path(table)?;
    let columns = reader.headers()?.len() - 2;
    let (mut x, mut y) = ([Matrix::new(columns), Matrix::new(columns)], [Vec::new(), Vec::new()]);
    for record in reader.records() {
        let values = record?.iter().map(|v| if v.is_empty() { Ok(f64::NAN) } else { v.parse() }).collect::<Result<Vec<f64>, _>>()?;
        let side = usize::from(values[0] == 1.0);
        y[side].push(values[1]);
        x[side].push(&values[2..]);
    }
    let [x, x_test] = x;
    let [y, _] = y;
    let clock = Clock { start: Instant::now() };
    let (fit_s, score_s, said) = match task.as_str() {
        "forest-number" => clock
            .run(|| Forest::fit(&x, &y, &ForestOptions { seed, ..ForestOptions::numbers() }), |model| Ok(model.predict(&x_test)?.values))?,
        "forest-class" => clock.run(
            || ClassForest::fit(&x, &y, 2, &ForestOptions { seed, ..ForestOptions::classes() }),
            |model| Ok(model.predict(&x_test)?.0.column(1).collect()),
        )?,
        "isolation" => clock.run(
            || IsolationForest::fit(&x, &IsolationOptions { seed, ..IsolationOptions::default() }),
            |model| Ok(model.score(&x_test)?.values),
        )?,
        "boosting-number" | "boosting-class" => {
            let objective = if task == "boosting-class" { Objective::Logistic } else { Objective::SquaredError };
            clock.run(
                || Boosting::fit(&x, &y, &BoostingOptions { seed, ..BoostingOptions::new(objective) }),
                |model| Ok(model.predict(&x_test)?.values),
            )?
        }
        other => return Err(format!("no task {other}").into()),
    };
    let mut text = String::new();
    for v in said {
        writeln!(text, "{v}")?;
    }
    std::fs::write(out, text)?;
    println!("{{\"fit_s\": {fit_s}, \"score_s\": {score_s}}}");
    Ok(())
}
