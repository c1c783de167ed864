//! What a federation trains, as a document that people write: the columns of each site's table, the model, how it is trained.
//!
//! All hold the same beside the document of the federation. From it the coordinator has its first model, and a site makes rows of its table and its own model for
//! comparison. Features have agreed ranges ([`Scale`]): parameters of averaged models see values on the scale, trees see them raw.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::average::{AverageError, Averageable, Averaging, AveragingSite, LocalPlan, Score};
use super::coordinator::Training;
use super::dense::DenseNet;
use super::federation::{Federation, Site};
use super::linear::{Examples, LinearRegression, LogisticRegression, Scale};
use super::site::{Judgement, Model, Question, SiteError, SiteModel, Update};
use super::trees::{Growing, Plan, Target, TreeRows, TreeSite, in_one_place};
use crate::boosting::grow::Limits;
use crate::matrix::Matrix;

/// How averaged models are trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AverageTraining {
    /// Passes through the rows in a round.
    pub epochs: u32,
    /// Rows a step.
    pub batch: u32,
    /// Step length at the sites.
    pub learning_rate: f64,
    /// `mu` of FedProx; 0 for FedAvg.
    #[serde(default)]
    pub proximal: f64,
    /// Order of the rows and first weights.
    #[serde(default)]
    pub seed: u64,
    /// Step length of the coordinator.
    #[serde(default = "one")]
    pub server_learning_rate: f64,
    /// Momentum of the coordinator.
    #[serde(default)]
    pub server_momentum: f64,
}

fn one() -> f64 {
    1.0
}

impl AverageTraining {
    fn local(&self) -> LocalPlan {
        let Self { epochs, batch, learning_rate, proximal, seed, .. } = *self;
        LocalPlan { epochs, batch, learning_rate, proximal, seed }
    }
}

/// How trees are grown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TreeTraining {
    /// Cells a range is counted by.
    pub cells: u32,
    /// Bins a feature.
    pub bins: u32,
    /// Trees a class.
    pub trees: u32,
    /// What part of a tree counts.
    pub learning_rate: f64,
    /// Questions one after another.
    pub depth: usize,
    /// See [`Limits`].
    pub lambda: f64,
    /// See [`Limits`].
    pub gamma: f64,
    /// See [`Limits`].
    pub least_hessian: f64,
    /// Trees a class after which sites judge.
    pub trees_per_version: u32,
}

impl Default for TreeTraining {
    fn default() -> Self {
        Self {
            cells: 512,
            bins: 32,
            trees: 50,
            learning_rate: 0.1,
            depth: 4,
            lambda: 1.0,
            gamma: 0.0,
            least_hessian: 1.0,
            trees_per_version: 5,
        }
    }
}

/// What is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Method {
    /// A weighted sum of features.
    Linear {
        /// How.
        training: AverageTraining,
    },
    /// One of several classes by weighted sums.
    Logistic {
        /// How.
        training: AverageTraining,
    },
    /// A network of dense layers.
    Dense {
        /// Widths of its hidden layers.
        hidden: Vec<usize>,
        /// Greatest norm of the gradient of one row.
        #[serde(default)]
        example_norm: Option<f64>,
        /// How.
        training: AverageTraining,
    },
    /// Boosted trees from sums.
    Trees {
        /// How.
        #[serde(default)]
        training: TreeTraining,
    },
}

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Column of what is to be said.
    pub target: String,
    /// Its classes by their words in the table; none for a number.
    #[serde(default)]
    pub classes: Vec<String>,
    /// The range of a number: mapped to -1 and 1 for averaged models; for trees, values are taken from its middle.
    #[serde(default)]
    pub range: Option<[f64; 2]>,
    /// Columns of the features, with their agreed ranges.
    pub features: Vec<Scale>,
    /// Rounds of averaging; trees have as many as they need.
    #[serde(default = "rounds")]
    pub rounds: u64,
    /// What is trained.
    pub method: Method,
}

fn rounds() -> u64 {
    30
}

/// What is wrong with a task or a table.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum TaskFault {
    /// A setting.
    #[error("{0}")]
    Setting(String),
    /// A column that the table does not have.
    #[error("the table has no column \"{column}\"; it has {}", has.join(", "))]
    Column {
        /// As the task names it.
        column: String,
        /// Headers of the table.
        has: Vec<String>,
    },
    /// Cells that are not what their column takes.
    #[error("{count} cells of column \"{column}\" are not {needed}; the first is \"{cell}\" in line {line}")]
    Cells {
        /// The column.
        column: String,
        /// What they should be.
        needed: String,
        /// The first of them.
        cell: String,
        /// Its line, from 1.
        line: usize,
        /// How many.
        count: usize,
    },
    /// Too few rows.
    #[error("{rows} rows; a site needs {needed} at least, some of them kept apart to judge by")]
    Rows {
        /// How many there are.
        rows: usize,
        /// How many are needed.
        needed: usize,
    },
}

/// Fewer rows than these of a site teach nothing and judge nothing.
pub const LEAST_ROWS: usize = 10;

/// A site's rows as the task takes them: raw features (NaN where a cell is empty), targets as classes or on the scale of the task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRows {
    features: Matrix,
    target: Vec<f64>,
}

impl TaskRows {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.target.len()
    }

    /// The first rows, and the last `part` of them, which are to judge: of a table in the order of time, the latest.
    pub fn split(&self, part: f64) -> (Self, Self) {
        let last = ((self.count() as f64 * part.clamp(0.0, 1.0)).round() as usize).clamp(1, self.count().saturating_sub(1).max(1));
        let of = |rows: std::ops::Range<usize>| Self {
            features: self.features.select(&rows.clone().collect::<Vec<_>>()),
            target: self.target[rows].to_vec(),
        };
        let from = self.count() - last;
        (of(0..from), of(from..self.count()))
    }
}

/// A site's model, whatever it is.
pub type AnySite = Box<dyn SiteModel + Send>;

impl SiteModel for AnySite {
    fn update(&mut self, federation: &Federation, me: Site, round: u64, question: &Question) -> Result<Update, SiteError> {
        (**self).update(federation, me, round, question)
    }

    fn judge(&mut self, candidate: &Model) -> Result<Judgement, SiteError> {
        (**self).judge(candidate)
    }

    fn release(&mut self, model: &Model) -> Result<(), SiteError> {
        (**self).release(model)
    }
}

impl Task {
    /// Everything that is wrong with it, at once.
    pub fn faults(&self) -> Vec<TaskFault> {
        let mut faults = Vec::new();
        let mut say = |fits: bool, what: String| {
            if !fits {
                faults.push(TaskFault::Setting(what));
            }
        };
        say(!self.features.is_empty(), "features: there is none; list columns with name, low and high".to_owned());
        for (i, scale) in self.features.iter().enumerate() {
            let ascends =
                scale.low.is_finite() && scale.high.is_finite() && scale.low < scale.high && (!scale.logarithmic || scale.low > 0.0);
            let range = format!("{} to {}", scale.low, scale.high);
            say(
                ascends,
                format!("feature \"{}\": {range} is no range; low has to be below high, and above 0 where logarithmic", scale.name),
            );
            say(!self.features[..i].iter().any(|s| s.name == scale.name), format!("feature \"{}\" stands twice", scale.name));
            say(scale.name != self.target, format!("\"{}\" is both a feature and the target", scale.name));
        }
        let (is_class, distinct) = (!self.classes.is_empty(), self.classes.iter().collect::<std::collections::BTreeSet<_>>().len());
        say(!is_class || distinct == self.classes.len(), "classes: one stands twice".to_owned());
        say(!is_class || self.classes.len() >= 2, "classes: there have to be two at least, or none for a number".to_owned());
        say(is_class || self.range.is_some(), "range: a number needs one, as [low, high]; or list classes".to_owned());
        if let Some([low, high]) = self.range {
            say(low.is_finite() && high.is_finite() && low < high, format!("range: {low} to {high} does not ascend"));
        }
        say(self.rounds >= 1, "rounds: 1 or more".to_owned());
        match &self.method {
            Method::Linear { .. } => say(!is_class, "a linear model says a number; leave classes out, or take logistic".to_owned()),
            Method::Logistic { .. } => say(is_class, "a logistic model says a class; list classes, or take linear".to_owned()),
            _ => {}
        }
        if faults.is_empty()
            && let Err(more) = self.training()
        {
            faults.extend(more);
        }
        faults
    }

    fn plan(&self, training: &TreeTraining) -> Plan {
        let TreeTraining { cells, bins, trees, learning_rate, depth, lambda, gamma, least_hessian, trees_per_version } = *training;
        // On the scale of the task numbers are within 1 of 0, and an answer is off by 2 at most before it has learnt worse.
        let target = if self.classes.is_empty() { Target::Number { limit: 2.0 } } else { Target::Classes(self.classes.len() as u32) };
        let limits = Limits { depth, lambda, gamma, least_hessian };
        Plan { scales: self.features.clone(), cells, bins, target, trees, learning_rate, limits, trees_per_version }
    }

    fn dense(&self, hidden: &[usize], example_norm: Option<f64>, seed: u64) -> Result<DenseNet, AverageError> {
        let (features, classes) = (self.features.len(), self.classes.len());
        let net =
            if classes == 0 { DenseNet::regressor(features, hidden, seed) } else { DenseNet::classifier(features, hidden, classes, seed) }?;
        example_norm.map_or(Ok(net.clone()), |norm| net.bounded(norm))
    }

    /// What the coordinator begins with.
    ///
    /// # Errors
    ///
    /// `Setting`, all that the model finds.
    pub fn training(&self) -> Result<Training, Vec<TaskFault>> {
        let setting = |e: AverageError| vec![TaskFault::Setting(e.to_string())];
        let begin = |parameters: Vec<f64>, t: &AverageTraining| {
            Averaging::new(parameters, t.local(), t.server_learning_rate, t.server_momentum).map(Training::from).map_err(setting)
        };
        match &self.method {
            Method::Linear { training } => begin(LinearRegression::new(self.features.len()).parameters(), training),
            Method::Logistic { training } => begin(LogisticRegression::new(self.features.len(), self.classes.len()).parameters(), training),
            Method::Dense { hidden, example_norm, training } => {
                begin(self.dense(hidden, *example_norm, training.seed).map_err(setting)?.parameters(), training)
            }
            Method::Trees { training } => Growing::new(self.plan(training))
                .map(Training::from)
                .map_err(|faults| faults.iter().map(|f| TaskFault::Setting(f.to_string())).collect()),
        }
    }

    /// Rows of a table: of each its line, from 1, and its cells. An empty cell of a feature is a missing value, which trees take and averaged models do not.
    ///
    /// # Errors
    ///
    /// `Column`, `Cells`, `Rows`: all at once.
    pub fn rows<'a>(&self, headers: &[String], rows: impl IntoIterator<Item = (usize, &'a [String])>) -> Result<TaskRows, Vec<TaskFault>> {
        let mut faults = Vec::new();
        let mut place = |column: &str| {
            let at = headers.iter().position(|h| h.trim() == column);
            if at.is_none() {
                faults.push(TaskFault::Column { column: column.to_owned(), has: headers.to_vec() });
            }
            at
        };
        let columns: Vec<Option<usize>> = self.features.iter().map(|s| place(&s.name)).collect();
        let of_target = place(&self.target);
        let (Some(columns), Some(of_target)) = (columns.into_iter().collect::<Option<Vec<usize>>>(), of_target) else { return Err(faults) };
        let takes_missing = matches!(self.method, Method::Trees { .. });
        // By column: the first bad cell, its line, and how many there are.
        let mut bad: Vec<Option<(String, usize, usize)>> = vec![None; columns.len() + 1];
        let mut spoil = |k: usize, cell: &str, line: usize| match &mut bad[k] {
            Some((_, _, count)) => *count += 1,
            first => *first = Some((cell.to_owned(), line, 1)),
        };
        let (mut features, mut target) = (Matrix::new(columns.len()), Vec::new());
        let mut row = vec![0.0; columns.len()];
        for (line, cells) in rows {
            let cell = |at: usize| cells.get(at).map_or("", |c| c.trim());
            for (k, &at) in columns.iter().enumerate() {
                row[k] = match cell(at) {
                    "" if takes_missing => f64::NAN,
                    text => text.parse().ok().filter(|v: &f64| v.is_finite()).unwrap_or_else(|| {
                        spoil(k, text, line);
                        0.0
                    }),
                };
            }
            let text = cell(of_target);
            let said = if self.classes.is_empty() {
                text.parse().ok().filter(|v: &f64| v.is_finite()).map(|v| self.on_scale(v))
            } else {
                self.classes.iter().position(|c| c == text).map(|k| k as f64)
            };
            if said.is_none() {
                spoil(columns.len(), text, line);
            }
            features.push(&row);
            target.push(said.unwrap_or(0.0));
        }
        let names = self.features.iter().map(|s| &s.name).chain([&self.target]);
        for (k, (column, bad)) in names.zip(bad).enumerate() {
            if let Some((cell, line, count)) = bad {
                let needed = if k == columns.len() && !self.classes.is_empty() {
                    format!("one of the classes {}", self.classes.join(", "))
                } else if takes_missing && k < columns.len() {
                    "finite numbers or empty".to_owned()
                } else {
                    "finite numbers".to_owned()
                };
                faults.push(TaskFault::Cells { column: column.clone(), needed, cell, line, count });
            }
        }
        if target.len() < LEAST_ROWS {
            faults.push(TaskFault::Rows { rows: target.len(), needed: LEAST_ROWS });
        }
        if faults.is_empty() { Ok(TaskRows { features, target }) } else { Err(faults) }
    }

    /// A number on the scale of the task.
    pub fn on_scale(&self, value: f64) -> f64 {
        self.range.map_or(value, |[low, high]| 2.0 * (value - low) / (high - low) - 1.0)
    }

    /// A number from the scale of the task.
    pub fn from_scale(&self, value: f64) -> f64 {
        self.range.map_or(value, |[low, high]| low + (value + 1.0) / 2.0 * (high - low))
    }

    fn examples(&self, rows: &TaskRows) -> Result<Examples, AverageError> {
        let mut features = Matrix::new(self.features.len());
        for i in 0..rows.count() {
            let scaled: Vec<f64> = rows.features.row(i).iter().zip(&self.features).map(|(v, scale)| scale.apply(*v)).collect();
            features.push(&scaled);
        }
        Examples::new(features, rows.target.clone())
    }

    fn averaging_site<M>(&self, first: M, training: &AverageTraining, rows: &TaskRows, held_out: &TaskRows) -> Result<AnySite, AverageError>
    where
        M: Averageable<Rows = Examples> + Send + 'static,
    {
        let (rows, held_out) = (self.examples(rows)?, self.examples(held_out)?);
        let mut alone = first.clone();
        let epochs = training.epochs.saturating_mul(u32::try_from(self.rounds).unwrap_or(u32::MAX)).min(100_000);
        // As many passes as the federation will make, by itself.
        alone.local_train(&rows, &LocalPlan { epochs, proximal: 0.0, ..training.local() }, training.seed)?;
        let score = alone.score(&held_out)?;
        Ok(Box::new(AveragingSite::new(first, rows, held_out, Some(score))))
    }

    /// A site with rows to train on and rows to judge by. It trains its own model first, for comparison.
    ///
    /// # Errors
    ///
    /// In words, when the rows are none that the model takes.
    pub fn site(&self, rows: &TaskRows, held_out: &TaskRows) -> Result<AnySite, SiteError> {
        let (features, classes) = (self.features.len(), self.classes.len());
        match &self.method {
            Method::Linear { training } => Ok(self.averaging_site(LinearRegression::new(features), training, rows, held_out)?),
            Method::Logistic { training } => {
                Ok(self.averaging_site(LogisticRegression::new(features, classes), training, rows, held_out)?)
            }
            Method::Dense { hidden, example_norm, training } => {
                let first = self.dense(hidden, *example_norm, training.seed)?;
                Ok(self.averaging_site(first, training, rows, held_out)?)
            }
            Method::Trees { training } => {
                let plan = self.plan(training);
                let of = |rows: &TaskRows| TreeRows::new(&plan, rows.features.clone(), rows.target.clone());
                let (rows, held_out) = (of(rows)?, of(held_out)?);
                // Too few rows for trees of its own: a site can take part all the same.
                let alone: Option<Score> = in_one_place(&plan, &rows, 2f64.powi(-30)).ok().and_then(|model| model.score(&held_out).ok());
                Ok(Box::new(TreeSite::new(plan, rows, held_out, alone)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGISTIC: &str = r#"
target = "state"
classes = ["healthy", "faulty"]
rounds = 8

[[features]]
name = "h2_ppm"
low = 1.0
high = 10000.0
logarithmic = true

[[features]]
name = "load_pct"
low = 0.0
high = 150.0

[method]
kind = "logistic"
training = { epochs = 5, batch = 8, learning_rate = 0.3 }
"#;

    fn table(rows: usize) -> (Vec<String>, Vec<Vec<String>>) {
        let mut random = studies::synthetic::random::Random::new(1, 1, 1);
        let headers = ["asset", "h2_ppm", "load_pct", "state"].map(str::to_owned).to_vec();
        let row = |i: usize| {
            let faulty = i.is_multiple_of(3);
            let gas = random.log_normal(if faulty { 500.0 } else { 20.0 }, 0.4);
            [format!("t{i}"), format!("{gas:.3}"), format!(" {} ", 40 + i % 50), if faulty { "faulty" } else { "healthy" }.to_owned()]
                .to_vec()
        };
        (headers, (0..rows).map(row).collect())
    }

    fn rows(task: &Task, table: &(Vec<String>, Vec<Vec<String>>)) -> Result<TaskRows, Vec<TaskFault>> {
        task.rows(&table.0, table.1.iter().enumerate().map(|(i, r)| (i + 2, r.as_slice())))
    }

    #[test]
    fn every_method_makes_a_training_and_a_site() {
        let task: Task = toml::from_str(LOGISTIC).unwrap();
        assert_eq!(task.faults(), []);
        for method in [
            "kind = \"dense\"\nhidden = [6]\nexample_norm = 2.0\ntraining = { epochs = 5, batch = 8, learning_rate = 0.3, proximal = 0.01 }",
            "kind = \"trees\"\ntraining = { trees = 10, learning_rate = 0.3, trees_per_version = 1 }",
            "kind = \"trees\"",
            "kind = \"logistic\"\ntraining = { epochs = 5, batch = 8, learning_rate = 0.3, server_momentum = 0.5 }",
        ] {
            let head = LOGISTIC.split("[method]").next().unwrap();
            let task: Task = toml::from_str(&format!("{head}[method]\n{method}\n")).unwrap();
            assert_eq!(task.faults(), [], "{method}");
            let (own, held_out) = rows(&task, &table(120)).unwrap().split(0.25);
            assert_eq!((own.count(), held_out.count()), (90, 30));
            let mut site = task.site(&own, &held_out).unwrap();
            let first = match task.training().unwrap() {
                Training::Average(averaging) => Model::Parameters(averaging.parameters().to_vec()),
                Training::Trees(growing) => growing.model(),
            };
            let judged = site.judge(&first).unwrap();
            assert_eq!(judged.before.examples, 30);
            assert!(judged.alone.unwrap().accuracy > 0.9, "{method}: {:?}", judged.alone);
        }
    }

    #[test]
    fn a_number_goes_to_its_scale_and_back() {
        let head = LOGISTIC.split("[method]").next().unwrap().replace("classes = [\"healthy\", \"faulty\"]", "range = [0.0, 200.0]");
        let head = head.replace("\"state\"", "\"load2_pct\"");
        for method in ["kind = \"trees\"", "kind = \"linear\"\ntraining = { epochs = 20, batch = 8, learning_rate = 0.3 }"] {
            let task: Task = toml::from_str(&format!("{head}[method]\n{method}\n")).unwrap();
            assert_eq!(task.faults(), [], "{method}");
            assert_eq!((task.on_scale(50.0), task.from_scale(-0.5)), (-0.5, 50.0));
            let (mut headers, mut cells) = table(120);
            headers.push("load2_pct".to_owned());
            cells.iter_mut().for_each(|row| {
                let load: f64 = row[2].trim().parse().unwrap();
                row.push((1.5 * load).to_string());
            });
            let (own, held_out) = rows(&task, &(headers, cells)).unwrap().split(0.25);
            let mut site = task.site(&own, &held_out).unwrap();
            let first = match task.training().unwrap() {
                Training::Average(averaging) => Model::Parameters(averaging.parameters().to_vec()),
                Training::Trees(growing) => growing.model(),
            };
            assert!(site.judge(&first).unwrap().alone.unwrap().accuracy > 0.9, "{method}");
        }
    }

    #[test]
    fn faults_are_told_together() {
        let mut task: Task = toml::from_str(LOGISTIC).unwrap();
        task.features[1].name = "h2_ppm".to_owned();
        task.features[0].low = 0.0;
        task.classes = vec!["a".to_owned(), "a".to_owned()];
        task.rounds = 0;
        assert_eq!(task.faults().len(), 4, "{:?}", task.faults());
        let mut task: Task = toml::from_str(LOGISTIC).unwrap();
        task.classes.clear();
        assert_eq!(task.faults().len(), 2, "{:?}", task.faults());
        let Method::Logistic { training } = &mut task.method else { panic!() };
        training.learning_rate = f64::NAN;
        task.classes = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(task.faults().len(), 1, "{:?}", task.faults());
        assert!(toml::from_str::<Task>(&LOGISTIC.replace("rounds", "ronuds")).is_err());
        assert!(toml::from_str::<Task>(&LOGISTIC.replace("epochs = 5", "epoch = 5")).is_err());

        let task: Task = toml::from_str(LOGISTIC).unwrap();
        let (headers, mut cells) = table(30);
        let other: Vec<String> = headers.iter().map(|h| h.replace("load_pct", "load")).collect();
        assert!(
            matches!(rows(&task, &(other, cells.clone())).unwrap_err().as_slice(), [TaskFault::Column { column, .. }] if column == "load_pct")
        );
        cells[3][1] = "NaN".to_owned();
        cells[4][1] = String::new();
        cells[7][3] = "broken".to_owned();
        cells[9].truncate(2);
        let faults = rows(&task, &(headers.clone(), cells.clone())).unwrap_err();
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults.len(), 3, "{told:#?}");
        assert!(told[0].contains("2 cells of column \"h2_ppm\"") && told[0].contains("line 5"), "{}", told[0]);
        assert!(told[2].contains("healthy, faulty"));
        cells.truncate(2);
        assert!(matches!(rows(&task, &(headers, cells)).unwrap_err().as_slice(), [TaskFault::Rows { rows: 2, .. }]));
    }
}
