//! Decisions about pairs.

use super::cases::cases;
use super::matches::{PairAt, Versions, is_pending, review};
use super::{Decided, check_size, short, unfit};
use crate::access::Engineer;
use crate::moment::{now_ms, rfc3339};
use crate::problem::Problem;
use crate::state::App;
use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashSet;
use store::project::ReconciledBrief;
use store::project::decisions::{Decision, PairDecision, Signed};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(decide))
}

/// What is decided about a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PairWord {
    /// The proposed match is right.
    Accept,
    /// The two are not the same.
    Reject,
    /// The two are the same, whatever their data say: how a subject is given another partner.
    Force,
    /// What was decided about the pair is taken back.
    Withdraw,
}

/// One decision about a pair.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PairDecisionRequest {
    pub decision: PairWord,
    /// `class:id` in the first network.
    #[schema(max_length = 1000)]
    pub a: String,
    /// `class:id` in the second network.
    #[schema(max_length = 1000)]
    pub b: String,
}

/// Decisions that are kept together or not at all.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PairDecisions {
    #[schema(min_items = 1, max_items = 1000)]
    pub decisions: Vec<PairDecisionRequest>,
    /// Why, kept with each.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub note: String,
}

fn checked(kept: &ReconciledBrief, wanted: &[PairDecisionRequest]) -> Result<(), Problem> {
    let of_matches = |side: fn(&store::project::MatchBrief) -> &String| kept.matches.iter().map(move |m| side(m).as_str());
    let known_a: HashSet<&str> = of_matches(|m| &m.a).chain(kept.only_a.iter().map(String::as_str)).collect();
    let known_b: HashSet<&str> = of_matches(|m| &m.b).chain(kept.only_b.iter().map(String::as_str)).collect();
    for (i, d) in wanted.iter().enumerate().filter(|(_, d)| d.decision != PairWord::Withdraw) {
        for (key, known, network, side) in [(&d.a, &known_a, &kept.info.a.0, "a"), (&d.b, &known_b, &kept.info.b.0, "b")] {
            if !known.contains(key.as_str()) {
                return Err(unfit(format!("\"{network}\" has no \"{}\".", short(key)), format!("decisions[{i}].{side}"))
                    .hint("Keys are class:id, as the list of matches has them."));
            }
        }
        let class = |key: &str| key.split(':').next().unwrap_or_default().to_owned();
        if d.decision == PairWord::Accept && class(&d.a) != class(&d.b) {
            let what = format!("\"{}\" and \"{}\" are of unlike classes, so that no match can be proposed.", short(&d.a), short(&d.b));
            return Err(unfit(what, format!("decisions[{i}].decision")).hint("Use `force` where they are the same nevertheless."));
        }
    }
    Ok(())
}

/// Keeps decisions about pairs. They hold for every later matching of the two networks, whichever is matched to which.
#[utoipa::path(post, path = "/api/projects/{project}/networks/{network}/reconciliations/{with}/decisions", tag = "review",
    security(("session" = ["engineer"]), ("token" = ["engineer"])), params(PairAt), request_body = PairDecisions,
    responses((status = 200, body = Decided), (status = 409, body = Problem, description = "Nothing is decided that could be taken back")))]
pub async fn decide(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Path(at): Path<PairAt>,
    Json(mut request): Json<PairDecisions>,
) -> Result<Json<Decided>, Problem> {
    check_size(request.decisions.len(), &request.note)?;
    for d in &mut request.decisions {
        (d.a, d.b) = (d.a.trim().to_lowercase(), d.b.trim().to_lowercase());
    }
    let (name, at_pair, author) = (at.project.clone(), at.clone(), caller.user.clone());
    let (decided, request) = app
        .with_project(&name, move |p| -> Result<_, Problem> {
            let review = review(p, &at_pair, Versions::default())?;
            checked(&review.kept, &request.decisions)?;
            let signed = |d: &PairDecisionRequest| Signed {
                decision: Decision::Pair {
                    networks: (at_pair.network.clone(), at_pair.with.clone()),
                    a: d.a.clone(),
                    b: d.b.clone(),
                    decision: match d.decision {
                        PairWord::Accept => Some(PairDecision::Accept),
                        PairWord::Reject => Some(PairDecision::Reject),
                        PairWord::Force => Some(PairDecision::Force),
                        PairWord::Withdraw => None,
                    },
                },
                author: author.clone(),
                note: request.note.clone(),
            };
            let all: Vec<Signed> = request.decisions.iter().map(signed).collect();
            p.decide(&all, &rfc3339(now_ms()))?;
            let withdrawn = request.decisions.iter().filter(|d| d.decision == PairWord::Withdraw).count();
            let pending = is_pending(&cases(&review.kept, &p.pairs_in_force(&at_pair.network, &at_pair.with)?));
            Ok((Decided { kept: (all.len() - withdrawn) as u64, withdrawn: withdrawn as u64, pending }, request))
        })
        .await?;
    let detail = json!({ "network": at.network, "with": at.with, "note": request.note, "decisions": request.decisions });
    caller.note(&app, "review.matches", &at.project, detail).await?;
    Ok(Json(decided))
}
