//! Decisions by hand in a project: kept with who, when and why, applied whenever what they are about is worked out again.
//!
//! A decision is a row that is never changed; a later one about the same subject takes its place, and one without a value takes it back.
//! Subjects are names of the sources (`class:id`, a meter's number, a feeder), so that a decision finds what it is about after every
//! import. What it is about and is not there now is told, and the decision waits.

use super::Project;
use super::error::ProjectError;
use super::reconciliations::lock;
use super::records::{Override, add_overrides, overrides_in_force};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};

/// Kinds of decisions, as the table `overrides` has them.
pub const RECONCILIATION: &str = "reconciliation";
pub const METER_MAP: &str = "meter_map";
pub const FEEDER_HEAD: &str = "feeder_head";

/// What is decided about a pair of subjects of two networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairDecision {
    /// The proposed match is right.
    Accept,
    /// The two are not the same.
    Reject,
    /// The two are the same, whatever their data say.
    Force,
}

/// One decision on its way in.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// About a pair of subjects of two networks; none takes back.
    Pair { networks: (String, String), a: String, b: String, decision: Option<PairDecision> },
    /// The transformer of a meter, empty for none of them; none takes back.
    Meter { meter: String, transformer: Option<String> },
    /// The point or meter that stands at a feeder's head; none takes back.
    Head { feeder: String, point: Option<String> },
}

impl Decision {
    fn kind(&self) -> &'static str {
        match self {
            Self::Pair { .. } => RECONCILIATION,
            Self::Meter { .. } => METER_MAP,
            Self::Head { .. } => FEEDER_HEAD,
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::Pair { networks: (na, nb), a, b, .. } => pair_subject((na, a), (nb, b)),
            Self::Meter { meter, .. } => meter.clone(),
            Self::Head { feeder, .. } => feeder.clone(),
        }
    }

    /// What is kept; none takes back.
    pub fn value(&self) -> Option<Value> {
        match self {
            Self::Pair { decision, .. } => decision.map(|d| json!(d)),
            Self::Meter { transformer, .. } => transformer.as_ref().map(|t| json!(t)),
            Self::Head { point, .. } => point.as_ref().map(|p| json!(p)),
        }
    }
}

/// The subject of a decision about a pair of `(network, class:id)`: both networks with their subjects, in the order of the networks'
/// names, so that it does not matter which one is matched to which.
pub fn pair_subject((na, a): (&str, &str), (nb, b): (&str, &str)) -> String {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let turned = (nb, &b) < (na, &a);
    let sides = if turned { [nb, &b, na, &a] } else { [na, &a, nb, &b] };
    json!(sides).to_string()
}

/// A subject as people read it.
pub fn told(kind: &str, subject: &str) -> String {
    match serde_json::from_str::<[String; 4]>(subject) {
        Ok([na, a, nb, b]) if kind == RECONCILIATION => format!("{a} of {na} and {b} of {nb}"),
        _ => subject.to_owned(),
    }
}

/// A decision with who made it; an empty author is the one of all.
#[derive(Clone, Debug)]
pub struct Signed {
    pub decision: Decision,
    pub author: String,
    pub note: String,
}

/// A decision about a pair that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PairInForce {
    pub decision: PairDecision,
    /// `class:id` on either side.
    pub a: String,
    pub b: String,
    pub author: String,
    pub note: String,
    /// RFC 3339.
    pub time_utc: String,
}

/// A decision about a meter that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MeterInForce {
    pub meter: String,
    /// Empty: the meter hangs on none.
    pub transformer: String,
    pub author: String,
    pub note: String,
    /// RFC 3339.
    pub time_utc: String,
}

fn unreadable(o: &Override) -> ProjectError {
    ProjectError::DecisionDamaged { about: told(&o.kind, &o.subject) }
}

fn text_of(o: &Override) -> Result<String, ProjectError> {
    o.value.as_ref().and_then(Value::as_str).map(str::to_owned).ok_or_else(|| unreadable(o))
}

impl Project {
    /// Keeps decisions, all or none.
    ///
    /// # Errors
    /// One that takes back what nobody has decided; a database that cannot be written.
    pub fn decide(&self, decisions: &[Signed], time_utc: &str) -> Result<(), ProjectError> {
        self.database().write(|database| {
            lock(database, self.id)?;
            let mut in_force: BTreeMap<&str, HashSet<String>> = BTreeMap::new();
            let mut rows = Vec::new();
            for signed in decisions {
                let (kind, subject, value) = (signed.decision.kind(), signed.decision.subject(), signed.decision.value());
                if !in_force.contains_key(kind) {
                    in_force.insert(kind, overrides_in_force(database, self.id, kind)?.into_iter().map(|o| o.subject).collect());
                }
                let known = in_force.entry(kind).or_default();
                if value.is_some() {
                    known.insert(subject.clone());
                } else if !known.remove(&subject) {
                    return Err(ProjectError::NotDecided { about: told(kind, &subject) });
                }
                rows.push(Override {
                    kind: kind.to_owned(),
                    subject,
                    value,
                    author: signed.author.clone(),
                    note: signed.note.clone(),
                    time_utc: time_utc.to_owned(),
                });
            }
            add_overrides(database, self.id, &rows)
        })
    }

    /// Decisions about pairs of two networks, in the order in which they were made.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn pairs_in_force(&self, a: &str, b: &str) -> Result<Vec<PairInForce>, ProjectError> {
        let mut found = Vec::new();
        for o in self.overrides_in_order(RECONCILIATION)? {
            let sides: [String; 4] = serde_json::from_str(&o.subject).map_err(|_| unreadable(&o))?;
            let decision = o.value.clone().and_then(|v| serde_json::from_value(v).ok()).ok_or_else(|| unreadable(&o))?;
            let [na, id_a, nb, id_b] = sides;
            let (id_a, id_b) = if (na.as_str(), nb.as_str()) == (a, b) {
                (id_a, id_b)
            } else if (nb.as_str(), na.as_str()) == (a, b) {
                (id_b, id_a)
            } else {
                continue;
            };
            found.push(PairInForce { decision, a: id_a, b: id_b, author: o.author, note: o.note, time_utc: o.time_utc });
        }
        Ok(found)
    }

    /// Decisions about meters, in the order in which they were made.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn meters_in_force(&self) -> Result<Vec<MeterInForce>, ProjectError> {
        let one = |o: Override| {
            let transformer = text_of(&o)?;
            Ok(MeterInForce { meter: o.subject, transformer, author: o.author, note: o.note, time_utc: o.time_utc })
        };
        self.overrides_in_order(METER_MAP)?.into_iter().map(one).collect()
    }

    /// Points at the heads of feeders, by feeder.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn heads_in_force(&self) -> Result<BTreeMap<String, String>, ProjectError> {
        let one = |o: Override| text_of(&o).map(|point| (o.subject, point));
        self.overrides_in_order(FEEDER_HEAD)?.into_iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_the_same_whichever_side_comes_first() {
        let one = pair_subject(("gis", "line:L1"), ("study", "line:l2"));
        assert_eq!(one, pair_subject(("study", "LINE:l2"), ("gis", "line:l1")));
        assert_ne!(one, pair_subject(("gis", "line:l2"), ("study", "line:l1")));
        assert_eq!(told(RECONCILIATION, &one), "line:l1 of gis and line:l2 of study");
    }
}
