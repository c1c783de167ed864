//! What the server tells a process that does a job, and what that process tells back: JSON, a line each.

use super::analyses::{ComparisonParams, HostingCapacityParams, MitigationParams, ReliabilityParams};
use super::learning::LearnParams;
use super::scenarios::{ScenarioDraftParams, ScenarioParams, ScenarioRef, SweepParams};
use super::switching::{ContingencyParams, ReconfigurationParams, RestorationParams};
use network::Diagnostic;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::PathBuf;
use store::server::NewJob;
use utoipa::ToSchema;

/// Largest number of steps of a study that is asked for over the wire: ten years of minutes.
pub const STEPS_MAX: u32 = 5_256_000;

/// One job, as its process reads it from the first line of its input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// Identity of the job; an import is kept under it.
    pub job: String,
    pub user: String,
    /// Counted from 1.
    pub attempt: u32,
    /// Folder of the project.
    pub project: Option<PathBuf>,
    /// Folder of an upload's files.
    pub upload: Option<PathBuf>,
    /// Folder for files that the job makes for people; not there before.
    pub files: PathBuf,
    pub task: Task,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "params", rename_all = "snake_case")]
pub enum Task {
    Import(ImportParams),
    SolveYear(SolveYearParams),
    Report(ReportParams),
    Quality(NetworkParams),
    /// Matches the equipment of one network to that of another.
    Reconcile(ReconcileParams),
    /// Finds the transformers of the project's meters.
    MeterMap(MeterMapParams),
    /// What each bus can host, as an answer of the project.
    HostingCapacity(Box<HostingCapacityParams>),
    /// Predicted reliability, as an answer of the project.
    Reliability(ReliabilityParams),
    /// What would mend the violations of a network, as an answer of the project.
    Mitigation(Box<MitigationParams>),
    /// What becomes of a network without each of its elements, as an answer of the project.
    Contingency(Box<ContingencyParams>),
    /// How supply comes back after an outage, as an answer of the project.
    Restoration(Box<RestorationParams>),
    /// The radial network with the least losses or overloads, as an answer of the project.
    Reconfiguration(Box<ReconfigurationParams>),
    /// What one study has that another has not, as an answer of the project.
    Comparison(ComparisonParams),
    /// A scenario laid upon a network, as an answer of the project.
    Scenario(ScenarioParams),
    /// A scenario solved for many values of its parameters, as an answer of the project.
    Sweep(SweepParams),
    /// Fits a module of learning or asks a kept model, as an answer of the project.
    Learn(Box<LearnParams>),
    Demo(DemoParams),
    /// Makes an upload ready: unpacks archives, says what it holds.
    Receive(ReceiveParams),
    /// Reads a model without keeping it.
    Preview(ImportParams),
    /// Measures how long a study would take.
    Trial(SolveYearParams),
    /// Solves a network as one moment.
    Snapshot(SnapshotParams),
    /// Solves one step of a study again.
    Hour(MomentParams),
    /// Solves a study again for the course of one thing.
    Series(MomentParams),
    /// Asks the lake.
    Sql(SqlParams),
    /// Looks at the text of a scenario.
    ScenarioDraft(ScenarioDraftParams),
}

/// Kinds of jobs that can be asked for.
pub const KINDS: &[&str] = &[
    "import",
    "solve_year",
    "report",
    "quality",
    "reconcile",
    "meter_map",
    "hosting_capacity",
    "reliability",
    "mitigation",
    "contingency",
    "restoration",
    "reconfiguration",
    "comparison",
    "scenario",
    "sweep",
    "learn",
    "demo",
];

impl Task {
    /// A task out of a request.
    ///
    /// # Errors
    /// What is wrong with the parameters, and the field at fault where one is known.
    pub fn parse(kind: &str, params: &Value) -> Result<Self, (String, Option<String>)> {
        if !KINDS.contains(&kind) {
            return Err((format!("\"{}\" is no kind of job", kind.chars().take(40).collect::<String>()), Some("kind".into())));
        }
        let params = match params {
            Value::Null => Value::Object(Map::new()),
            Value::Object(_) => params.clone(),
            // A list would be taken as the fields in their order.
            _ => return Err(("parameters are an object".into(), Some("params".into()))),
        };
        let task: Self = serde_json::from_value(serde_json::json!({ "kind": kind, "params": params }))
            .map_err(|e| (e.to_string(), Some("params".into())))?;
        task.check().map(|()| task).map_err(|(field, reason)| (reason, Some(format!("params.{field}"))))
    }

    /// Ranges that the types leave open.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        match self {
            Self::SolveYear(p) | Self::Trial(p) => p.check(),
            Self::Snapshot(p) if p.tolerance_pu.is_some_and(|t| !(t > 0.0 && t < 1.0)) => {
                Err(("tolerance_pu", "a tolerance is above 0 and below 1 per unit".into()))
            }
            Self::Snapshot(p) if p.load_factor.is_some_and(|f| !(0.0..=100.0).contains(&f)) => {
                Err(("load_factor", "a load factor is 0 to 100".into()))
            }
            Self::Reconcile(p) => p.check(),
            Self::MeterMap(p) => p.check(),
            Self::Mitigation(p) => p.check(),
            Self::Restoration(p) => p.check(),
            Self::Comparison(p) => p.check(),
            Self::Learn(p) => p.check(),
            Self::Scenario(p) => p.check(),
            Self::Sweep(p) => p.check(),
            Self::ScenarioDraft(p) => p.check(),
            Self::Demo(p) if !(1..=1000).contains(&p.feeders) => Err(("feeders", "a demonstration has 1 to 1000 feeders".into())),
            _ => Ok(()),
        }
    }

    /// Network and version that a study with tables as its answer is of.
    pub fn studied(&mut self) -> Option<(&mut Option<String>, &mut Option<u64>)> {
        match self {
            Self::HostingCapacity(p) => Some((&mut p.network, &mut p.version)),
            Self::Reliability(p) => Some((&mut p.network, &mut p.version)),
            Self::Mitigation(p) => Some((&mut p.network, &mut p.version)),
            Self::Contingency(p) => Some((&mut p.network, &mut p.version)),
            Self::Restoration(p) => Some((&mut p.network, &mut p.version)),
            Self::Reconfiguration(p) => Some((&mut p.network, &mut p.version)),
            Self::Scenario(p) => Some((&mut p.network, &mut p.version)),
            Self::Sweep(p) => Some((&mut p.network, &mut p.version)),
            _ => None,
        }
    }

    /// The scenario that it is about.
    pub fn scenario(&mut self) -> Option<&mut ScenarioRef> {
        match self {
            Self::Scenario(p) => Some(&mut p.scenario),
            Self::Sweep(p) => Some(&mut p.scenario),
            Self::SolveYear(p) | Self::Trial(p) => p.scenario.as_mut(),
            _ => None,
        }
    }

    /// The upload that it reads.
    pub fn upload(&self) -> Option<&str> {
        match self {
            Self::Import(p) | Self::Preview(p) => Some(&p.upload),
            Self::Learn(p) => p.upload.as_deref(),
            _ => None,
        }
    }

    /// The job of it, as the database keeps one. Jobs of one lane run one after another.
    pub(crate) fn job(&self, project: &str, author: String, request_key: Option<String>) -> NewJob {
        let mut value = serde_json::to_value(self).expect("tasks are plain data");
        let lane = if self.writes_lake() {
            format!("lake:{project}")
        } else if matches!(self, Self::Import(_) | Self::Reconcile(_) | Self::MeterMap(_)) {
            format!("project:{project}")
        } else {
            String::new()
        };
        NewJob {
            id: crate::random::hex(8),
            kind: value["kind"].as_str().unwrap_or_default().to_owned(),
            project: project.to_owned(),
            params: value["params"].take(),
            lane,
            author,
            request_key,
            now_ms: crate::moment::now_ms(),
        }
    }

    /// Whether it writes into the results lake, of which one process at a time may.
    pub fn writes_lake(&self) -> bool {
        matches!(self, Self::SolveYear(_) | Self::Demo(_))
    }
}

/// An import, or a look at what one would give.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportParams {
    /// Identity of the upload.
    pub upload: String,
    /// The model within the upload: a file or folder; the one that was detected unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Name of the network; that of the circuit unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    #[serde(default)]
    pub options: ImportOptions,
}

/// What the files of a model leave open.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImportOptions {
    /// Go on where the model says something that cannot be honoured.
    pub lenient: bool,
    /// Keep nothing of a model in which a check finds errors.
    pub strict: bool,
    /// Script commands to run after an OpenDSS model is read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dss: Vec<String>,
    /// Which layer and field of a map is what: a mapping as the preview gave it, corrected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub mapping: Option<Value>,
    /// Reference system of map layers that declare none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crs: Option<String>,
    /// Only these feeders of a CYME study.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub feeders: Vec<String>,
    /// Load model of a CYME study.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_model: Option<String>,
    /// Known slips of a CYME study to correct.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fix: Vec<String>,
    /// Regulators and switched capacitors of a CYME study act.
    pub controls_act: bool,
    /// Coordinates of a CYME study are longitude and latitude.
    pub lon_lat: bool,
}

/// Length of a step: hours, or a text with its unit as `15m`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum StepLength {
    Hours(f64),
    Text(String),
}

impl StepLength {
    /// Hours; none when it is no length.
    pub fn hours(&self) -> Option<f64> {
        let hours = match self {
            Self::Hours(h) => *h,
            Self::Text(text) => {
                let text = text.trim();
                let (number, per_hour) = match text.chars().last()? {
                    'h' => (&text[..text.len() - 1], 1.0),
                    'm' => (&text[..text.len() - 1], 60.0),
                    's' => (&text[..text.len() - 1], 3600.0),
                    _ => (text, 1.0),
                };
                number.trim().parse::<f64>().ok()? / per_hour
            }
        };
        (hours.is_finite() && hours > 0.0 && hours <= 8784.0).then_some(hours)
    }
}

/// How controls act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ControlsParam {
    Off,
    Static,
    Time,
}

/// Which shapes the elements follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModeParam {
    Yearly,
    Daily,
    Duty,
    Time,
}

/// A study through time, into the project's lake.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SolveYearParams {
    /// Name of the study; a free one unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub study: Option<String>,
    /// Network to solve; all of the project unless `network` or `networks` say otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// Version of the network; the newest unless told. Only with one network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Scenario of the project that is laid upon the networks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scenario: Option<ScenarioRef>,
    /// Length of the study; 8760 unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hours: Option<f64>,
    /// Length of the study in steps, instead of hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,
    /// Length of a step; an hour unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepLength>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<ModeParam>,
    /// As the model says unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controls: Option<ControlsParam>,
    /// Largest change of a voltage between two iterations, per unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance_pu: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_iterations: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_control_iterations: Option<u32>,
    /// What to keep: `steps`, `statistics`, `episodes`, `meters`, `monitors`, `series:NAME`, `series`, `all`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
    /// Voltages of range A, per unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range_a: Option<[f64; 2]>,
    /// Voltages of range B, per unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range_b: Option<[f64; 2]>,
    /// Feeders side by side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<u16>,
    /// Go on where a model says something that a check refuses.
    pub lenient: bool,
    /// Go on with a study that is there: only what is missing, changed or torn is run.
    pub resume: bool,
    /// With `resume`: try feeders that failed once more.
    pub retry_failed: bool,
}

impl SolveYearParams {
    /// Hours of a step; 1 unless told.
    pub fn step_h(&self) -> Option<f64> {
        self.step.as_ref().map_or(Some(1.0), StepLength::hours)
    }

    /// Number of steps, when it is a whole one.
    pub fn n_steps(&self) -> Option<u32> {
        if let Some(steps) = self.steps {
            return Some(steps);
        }
        let steps = self.hours.unwrap_or(8760.0) / self.step_h()?;
        let whole = (steps - steps.round()).abs() <= 1e-6 * steps && steps.round() >= 1.0 && steps <= f64::from(u32::MAX);
        whole.then_some(steps.round() as u32)
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        let fault = |field, reason: &str| Err((field, reason.to_owned()));
        if self.step_h().is_none() {
            return fault("step", "a step is a number of hours, or a text as 1h, 15m or 30s; at most a year");
        }
        if self.hours.is_some() && self.steps.is_some() {
            return fault("steps", "the length is told as hours or as steps, not as both");
        }
        if self.hours.is_some_and(|h| !(h.is_finite() && h > 0.0)) {
            return fault("hours", "the length is no number of hours above 0");
        }
        match self.n_steps() {
            None => return fault("hours", "the length is no whole number of steps"),
            Some(0) => return fault("steps", "a study has at least one step"),
            Some(n) if n > STEPS_MAX => return Err(("steps", format!("a study has at most {STEPS_MAX} steps"))),
            Some(_) => {}
        }
        if self.network.is_some() && !self.networks.is_empty() {
            return fault("networks", "networks are named by `network` or by `networks`, not by both");
        }
        if self.version.is_some() && self.network.is_none() && self.networks.len() != 1 {
            return fault("version", "a version is that of one network; name it");
        }
        if let Some(scenario) = &self.scenario {
            scenario.check()?;
            if self.mode.is_some_and(|m| m != ModeParam::Yearly) {
                return fault("mode", "a scenario is about the course of a year");
            }
        }
        if self.tolerance_pu.is_some_and(|t| !(t > 0.0 && t < 1.0)) {
            return fault("tolerance_pu", "a tolerance is above 0 and below 1 per unit");
        }
        if self.max_iterations == Some(0) || self.max_control_iterations == Some(0) {
            return fault("max_iterations", "a limit is at least 1");
        }
        for (field, range) in [("range_a", self.range_a), ("range_b", self.range_b)] {
            if range.is_some_and(|[low, high]| !(low > 0.0 && low < high && high.is_finite())) {
                return fault(field, "a range has two voltages, the lower one first");
            }
        }
        if self.threads.is_some_and(|t| !(1..=256).contains(&t)) {
            return fault("threads", "feeders side by side are 1 to 256");
        }
        let kept = ["steps", "statistics", "episodes", "meters", "monitors", "series", "all"];
        if self
            .keep
            .iter()
            .any(|k| k.contains(',') || !(kept.contains(&k.as_str()) || k.strip_prefix("series:").is_some_and(|n| !n.is_empty())))
        {
            return Err(("keep", format!("what is kept is one of {}, or series:NAME", kept.join(", "))));
        }
        let is_name = |s: &str| !s.trim().is_empty() && s.trim() == s && s.chars().count() <= 100 && !s.chars().any(char::is_control);
        if self.study.as_deref().is_some_and(|s| !is_name(s)) {
            return fault("study", "a name has 1 to 100 characters, none of them a control character or a blank at an end");
        }
        Ok(())
    }
}

/// Forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReportForm {
    Pdf,
    Xlsx,
    Html,
    Md,
    Txt,
    Csv,
}

impl ReportForm {
    /// Ending of the file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Xlsx => "xlsx",
            Self::Html => "html",
            Self::Md => "md",
            Self::Txt => "txt",
            Self::Csv => "csv",
        }
    }
}

/// A report of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportParams {
    /// Name of the study.
    pub run: String,
    /// Study that it is set against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    pub format: ReportForm,
    /// These feeders only; all of them when there is none.
    #[serde(default)]
    pub feeders: Vec<String>,
}

/// A network of the project.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkParams {
    /// The only one unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The newest unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// Two networks of the project to be matched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReconcileParams {
    pub network: String,
    /// The other one.
    pub with: String,
    /// The newest unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_version: Option<u64>,
    /// Candidates by place lie within this, m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub radius_m: Option<f64>,
    /// Least score of a match, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least_score: Option<f64>,
}

impl ReconcileParams {
    fn check(&self) -> Result<(), (&'static str, String)> {
        let fault = |field, reason: &str| Err((field, reason.to_owned()));
        if self.network.is_empty() {
            return fault("network", "the network to be matched is not named");
        }
        if self.with.is_empty() {
            return fault("with", "the network to be matched to is not named");
        }
        if self.network == self.with {
            return fault("with", "a network is not matched to itself; its versions are compared instead");
        }
        if self.radius_m.is_some_and(|r| !(r > 0.0 && r <= 100_000.0)) {
            return fault("radius_m", "a radius is above 0 and at most 100,000 m");
        }
        if self.least_score.is_some_and(|s| !(0.0..=1.0).contains(&s)) {
            return fault("least_score", "a score is 0 to 1");
        }
        Ok(())
    }
}

/// How the transformers of meters are found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MeterMapParams {
    /// Networks whose transformers are used; all of them unless told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub networks: Vec<String>,
    /// Transformers that are looked at for each meter, the nearest; 8 unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidates: Option<u16>,
    /// Transformers further away are none of them, m; 400 unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_distance_m: Option<f64>,
    /// Infer although the data name a transformer.
    pub ignore_explicit: bool,
    /// Leave voltages of the lake aside.
    pub no_voltages: bool,
}

impl MeterMapParams {
    fn check(&self) -> Result<(), (&'static str, String)> {
        if self.candidates == Some(0) || self.candidates.is_some_and(|n| n > 1000) {
            return Err(("candidates", "candidates are 1 to 1000".into()));
        }
        if self.max_distance_m.is_some_and(|d| !(d > 0.0 && d <= 100_000.0)) {
            return Err(("max_distance_m", "a distance is above 0 and at most 100,000 m".into()));
        }
        Ok(())
    }
}

/// How a moment is solved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SnapshotParams {
    /// Set by the address of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(read_only)]
    pub network: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(read_only)]
    pub version: Option<u64>,
    /// As the model says unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controls: Option<ControlsParam>,
    /// Factor of all loads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_factor: Option<f64>,
    /// Largest change of a voltage between two iterations, per unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance_pu: Option<f64>,
    /// Go on where a check refuses.
    pub lenient: bool,
}

/// A step of a study, or the course of one thing in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MomentParams {
    pub network: String,
    pub version: u64,
    /// Parameters of the study.
    pub study: SolveYearParams,
    /// Step, from 1.
    pub step: u32,
    /// Element, bus or node of which the course is wanted.
    pub name: String,
}

/// A question to the lake.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SqlParams {
    pub query: String,
    pub limit: usize,
    /// `json`, `csv` or `parquet`.
    pub format: String,
}

/// A demonstration: synthetic feeders, imported and solved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DemoParams {
    pub feeders: u32,
    pub seed: u64,
    /// Hours of the study.
    pub hours: u32,
}

impl Default for DemoParams {
    fn default() -> Self {
        Self { feeders: 3, seed: 1, hours: 8760 }
    }
}

/// What is to be done with the files of an upload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReceiveParams {
    /// Most bytes that archives may unpack to.
    pub unpacked_max: u64,
    /// Most files that the upload may have in the end.
    pub files_max: usize,
}

/// What a job's process tells, a line each.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Progress(Progress),
    Log {
        level: String,
        text: String,
    },
    /// It is done; nothing comes after.
    Result(Value),
    /// It failed; nothing comes after.
    Problem {
        findings: Vec<Diagnostic>,
    },
}

/// How far a job is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    pub done: u64,
    /// 0 while it is not known.
    pub total: u64,
    /// What is counted: `steps`, `files`.
    pub unit: String,
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parameters_are_checked_before_a_job_is_made() {
        let solve = |params: Value| Task::parse("solve_year", &params);
        assert!(solve(Value::Null).is_ok());
        assert!(solve(json!({ "network": "a", "version": 2, "hours": 24, "step": "15m", "controls": "static" })).is_ok());
        for (params, field) in [
            (json!({ "hours": -1 }), "params.hours"),
            (json!({ "hours": 1, "step": "7m" }), "params.hours"),
            (json!({ "step": "x" }), "params.step"),
            (json!({ "step": "ä" }), "params.step"),
            (json!({ "steps": 0 }), "params.steps"),
            (json!({ "steps": 4294967295_u64 }), "params.steps"),
            (json!({ "version": 1 }), "params.version"),
            (json!({ "keep": ["everything"] }), "params.keep"),
            (json!({ "range_a": [1.05, 0.95] }), "params.range_a"),
            (json!({ "study": " x" }), "params.study"),
            (json!({ "stduy": "x" }), "params"),
            (json!({ "controls": "sometimes" }), "params"),
            (json!([]), "params"),
        ] {
            let (reason, at) = solve(params.clone()).expect_err(&params.to_string());
            assert_eq!(at.as_deref(), Some(field), "{params}: {reason}");
        }
        assert_eq!(Task::parse("preview", &json!({ "upload": "x" })).unwrap_err().1.as_deref(), Some("kind"));
        assert_eq!(Task::parse("import", &json!({})).unwrap_err().1.as_deref(), Some("params"));
        assert!(Task::parse("reconcile", &json!({ "network": "gis", "with": "study", "radius_m": 80 })).is_ok());
        assert!(Task::parse("meter_map", &Value::Null).is_ok());
        for (kind, params, field) in [
            ("reconcile", json!({ "with": "study" }), "params.network"),
            ("reconcile", json!({ "network": "gis", "with": "gis" }), "params.with"),
            ("reconcile", json!({ "network": "gis", "with": "study", "least_score": 1.5 }), "params.least_score"),
            ("reconcile", json!({ "network": "gis", "with": "study", "radius_m": 0 }), "params.radius_m"),
            ("meter_map", json!({ "candidates": 0 }), "params.candidates"),
            ("meter_map", json!({ "max_distance_m": -1 }), "params.max_distance_m"),
        ] {
            assert_eq!(Task::parse(kind, &params).unwrap_err().1.as_deref(), Some(field), "{params}");
        }
        let params = SolveYearParams { step: Some(StepLength::Text("15m".into())), ..Default::default() };
        assert_eq!((params.step_h(), params.n_steps()), (Some(0.25), Some(35_040)));
    }

    #[test]
    fn a_task_comes_back_as_it_was_sent() {
        let task = Task::parse("import", &json!({ "upload": "ab", "options": { "lenient": true, "mapping": { "version": 1 } } })).unwrap();
        let text = serde_json::to_string(&task).unwrap();
        assert!(!text.contains('\n'));
        assert_eq!(serde_json::from_str::<Task>(&text).unwrap(), task);
        assert_eq!(task.upload(), Some("ab"));
    }
}
