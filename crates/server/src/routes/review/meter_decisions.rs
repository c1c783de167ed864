//! Decisions about meters.

use super::kept::{Review, decisions};
use super::{Decided, check_size, short, unfit};
use crate::access::Engineer;
use crate::moment::{now_ms, rfc3339};
use crate::problem::Problem;
use crate::state::App;
use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::project::decisions::{Decision, Signed};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(decide))
}

/// What is decided about a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MeterWord {
    /// It hangs on the transformer that is named.
    Set,
    /// It hangs on none of them.
    None,
    /// What was decided about it is taken back.
    Withdraw,
}

/// One decision about a meter.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeterDecisionRequest {
    #[schema(max_length = 1000)]
    pub meter: String,
    pub decision: MeterWord,
    /// With `set`: the transformer, as the map names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub transformer: Option<String>,
}

/// Decisions that are kept together or not at all.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeterDecisions {
    #[schema(min_items = 1, max_items = 1000)]
    pub decisions: Vec<MeterDecisionRequest>,
    /// Why, kept with each.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub note: String,
}

fn checked(review: &Review, wanted: &[MeterDecisionRequest]) -> Result<(), Problem> {
    for (i, d) in wanted.iter().enumerate() {
        if d.decision != MeterWord::Withdraw && review.kept.row(&d.meter).is_none() {
            return Err(unfit(format!("The map has no meter \"{}\".", short(&d.meter)), format!("decisions[{i}].meter"))
                .hint("GET /api/projects/{project}/meter-map/meters lists those that it has."));
        }
        let field = format!("decisions[{i}].transformer");
        match (d.decision, d.transformer.as_deref()) {
            (MeterWord::Set, Some(t)) if review.kept.known.contains(t) => {}
            (MeterWord::Set, None) => return Err(unfit("No transformer is named.", field)),
            (MeterWord::Set, Some(t)) => {
                return Err(unfit(format!("Meters of the map cannot hang on \"{}\".", short(t)), field)
                    .hint("GET /api/projects/{project}/meter-map/transformers lists those that they can."));
            }
            (_, Some(_)) => return Err(unfit("A transformer is named where none is meant.", field)),
            (_, None) => {}
        }
    }
    Ok(())
}

/// Keeps decisions about meters. They hold for every later map.
#[utoipa::path(post, path = "/api/projects/{project}/meter-map/decisions", tag = "review",
    security(("session" = ["engineer"]), ("token" = ["engineer"])), params(("project" = String, Path)), request_body = MeterDecisions,
    responses((status = 200, body = Decided), (status = 409, body = Problem, description = "Nothing is decided that could be taken back")))]
pub async fn decide(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Path(project): Path<String>,
    Json(request): Json<MeterDecisions>,
) -> Result<Json<Decided>, Problem> {
    check_size(request.decisions.len(), &request.note)?;
    let (author, shared) = (caller.user.clone(), app.clone());
    let (decided, request) = app
        .with_project(&project, move |p| -> Result<_, Problem> {
            let mut review = Review::read(&shared.meter_maps, p, None)?;
            checked(&review, &request.decisions)?;
            let signed = |d: &MeterDecisionRequest| Signed {
                decision: Decision::Meter {
                    meter: d.meter.clone(),
                    transformer: match d.decision {
                        MeterWord::Set => d.transformer.clone(),
                        MeterWord::None => Some(String::new()),
                        MeterWord::Withdraw => None,
                    },
                },
                author: author.clone(),
                note: request.note.clone(),
            };
            let all: Vec<Signed> = request.decisions.iter().map(signed).collect();
            p.decide(&all, &rfc3339(now_ms()))?;
            let withdrawn = request.decisions.iter().filter(|d| d.decision == MeterWord::Withdraw).count();
            review.decisions = decisions(p)?;
            let decided = Decided { kept: (all.len() - withdrawn) as u64, withdrawn: withdrawn as u64, pending: review.pending() };
            Ok((decided, request))
        })
        .await?;
    caller.note(&app, "review.meters", &project, json!({ "note": request.note, "decisions": request.decisions })).await?;
    Ok(Json(decided))
}

#[cfg(test)]
mod tests {
    use super::super::kept::tests::review;
    use super::*;

    #[test]
    fn decisions_that_could_never_apply_are_refused() {
        let review = review(&[]);
        let one = |meter: &str, decision: MeterWord, transformer: Option<&str>| MeterDecisionRequest {
            meter: meter.into(),
            decision,
            transformer: transformer.map(str::to_owned),
        };
        assert!(checked(&review, &[one("m3", MeterWord::Set, Some("t2")), one("m4", MeterWord::None, None)]).is_ok());
        assert!(checked(&review, &[one("gone", MeterWord::Withdraw, None)]).is_ok());
        for (d, field) in [
            (one("m9", MeterWord::None, None), "decisions[0].meter"),
            (one("m3", MeterWord::Set, Some("t9")), "decisions[0].transformer"),
            (one("m3", MeterWord::Set, None), "decisions[0].transformer"),
            (one("m3", MeterWord::None, Some("t1")), "decisions[0].transformer"),
        ] {
            assert_eq!(checked(&review, &[d]).unwrap_err().field.as_deref(), Some(field));
        }
    }
}
