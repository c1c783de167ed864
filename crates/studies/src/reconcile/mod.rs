//! Assets of one source matched to the elements of another.
//!
//! ```text
//! network A ─► subjects ─┐                                    ┌─► matches with score and reasons
//!                        ├─► candidates ─► scores ─► assignment ─► conflicts
//! network B ─► subjects ─┘   identity, place, topology        └─► what only one side has
//!                  overrides ───────────────────────────────►
//! ```
//!
//! # Scores
//!
//! A pair of subjects of one class is judged by what both sides tell:
//!
//! ```text
//! identity   1 equal ids or aliases, 0.9 equal when only letters and digits count
//! place      exp(-(d / d0)²)                    d: distance, of a line the mean of its ends'; d0: `place_scale_m`
//! topology   agreeing / (matched neighbours)    a neighbour agrees when its partner is the partner's neighbour
//! attributes mean of: phases (1 equal, ½ one within the other, 0), size and length (smaller over larger), voltage,
//!            names (shared pairs of letters, Dice)
//! ```
//!
//! With an identity the score is `0.8 I + 0.2 m`, `m` being the mean of the others that are known, and halved when the two lie
//! farther apart than `identity_limit_m`. Without one it is the weighted mean of place (0.5), topology (0.2) and attributes
//! (0.3), over those that are known; place or topology has to be. Matches are made from the highest score down, each subject
//! once; when another candidate comes within `tie` of the chosen one, the match says so. Topology is worked out again from the
//! matches of the round before, so that a chain of anonymous elements is matched from its known ends.
//!
//! Ids in results and overrides are `class:id`, which stay the same when a source is read again.

mod assign;
mod subject;

pub use assign::reconcile;
pub use subject::{Class, Subject, subjects};

use network::{Diagnostic, LonLat};
use serde::{Deserialize, Serialize};

/// How subjects are matched.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Candidates by place lie within this, metres.
    pub radius_m: f64,
    /// Distance at which the score of place is 1/e, metres.
    pub place_scale_m: f64,
    /// Beyond this distance equal ids are doubted, metres.
    pub identity_limit_m: f64,
    /// Least score of a match.
    pub least_score: f64,
    /// Candidates closer than this in score are a tie.
    pub tie: f64,
    /// Candidates by place of one subject.
    pub candidates: usize,
    /// Rounds of topology.
    pub rounds: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { radius_m: 60.0, place_scale_m: 15.0, identity_limit_m: 500.0, least_score: 0.55, tie: 0.02, candidates: 12, rounds: 3 }
    }
}

/// What a person decided about a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The proposed match is right.
    Accept,
    /// The two are not the same.
    Reject,
    /// The two are the same, whatever their data say.
    Force,
}

/// A decision, kept with the project and applied whenever the sources are read again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Override {
    pub decision: Decision,
    /// `class:id` on either side.
    pub a: String,
    pub b: String,
    #[serde(default)]
    pub reason: String,
}

/// How a match came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    Override,
    Identity,
    Place,
    Topology,
}

/// One thing that speaks for or against a match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// `identity`, `place`, `topology`, `phases`, `size`, `length`, `voltage`, `name`, `override`.
    pub what: String,
    /// 0 against, 1 for.
    pub score: f64,
    pub text: String,
}

/// Two subjects taken for the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Match {
    pub a: String,
    pub b: String,
    pub class: Class,
    /// 0 to 1.
    pub score: f64,
    pub method: Method,
    pub reasons: Vec<Reason>,
    pub distance_m: Option<f64>,
    /// Another candidate of nearly the same score.
    pub tie: Option<String>,
}

/// What two matched subjects do not agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictKind {
    Phases,
    Length,
    Rating,
    Voltage,
    Connectivity,
    Place,
}

/// A disagreement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conflict {
    pub kind: ConflictKind,
    pub a: String,
    pub b: String,
    pub value_a: String,
    pub value_b: String,
    pub place: Option<LonLat>,
}

/// What came of reconciling.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reconciliation {
    /// In the order of A's subjects.
    pub matches: Vec<Match>,
    pub conflicts: Vec<Conflict>,
    /// Subjects without a partner.
    pub only_a: Vec<String>,
    pub only_b: Vec<String>,
    /// Overrides that name what is not there any more.
    pub orphans: Vec<Override>,
    pub diagnostics: Vec<Diagnostic>,
}
