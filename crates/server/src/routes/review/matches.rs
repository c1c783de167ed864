//! Networks matched to one another: what was matched, what there is to decide, and the decisions.

use super::cases::{Case, CaseState, cases};
use super::subjects::SubjectRow;
use super::{Count, DecisionRow, counts, short, words, wrong_sort};
use crate::access::Viewer;
use crate::paging::{Page, Paging};
use crate::problem::Problem;
use crate::routes::elements::natural;
use crate::state::{App, blocking};
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::project::decisions::{PairDecision, PairInForce, RECONCILIATION, pair_subject};
use store::project::{Project, ProjectError, ReconciledBrief, ReconciliationInfo, StoredConflict};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Parts of the scale of scores that a summary counts.
const BINS: usize = 20;
const SORTS: &str = "a, b, class, score, distance_m, conflicts, state";
const METHODS: [&str; 4] = ["identity", "place", "topology", "override"];

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(summary))
        .routes(routes!(matches))
        .routes(routes!(pair))
        .routes(routes!(subjects))
}

/// A kept result of matching two versions.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReconciliationRow {
    pub network: String,
    pub version: u64,
    pub with: String,
    pub with_version: u64,
    /// RFC 3339.
    pub time_utc: String,
    pub author: String,
    #[schema(value_type = Object)]
    pub options: Value,
    pub matches: u64,
    pub conflicts: u64,
    /// Subjects of either network without a partner.
    pub only_a: u64,
    pub only_b: u64,
    /// Newest versions of both: the result is old where they are others.
    pub newest_version: u64,
    pub newest_with_version: u64,
    /// Decisions in force about pairs of the two networks.
    pub decisions: u64,
}

fn row_of(project: &Project, info: &ReconciliationInfo) -> Result<ReconciliationRow, ProjectError> {
    let newest = |name: &str| project.version(Some(name), None).map(|v| v.number);
    Ok(ReconciliationRow {
        network: info.a.0.clone(),
        version: info.a.1,
        with: info.b.0.clone(),
        with_version: info.b.1,
        time_utc: info.time_utc.clone(),
        author: info.author.clone(),
        options: info.options.clone(),
        matches: info.matches,
        conflicts: info.conflicts,
        only_a: info.only_a,
        only_b: info.only_b,
        newest_version: newest(&info.a.0)?,
        newest_with_version: newest(&info.b.0)?,
        decisions: project.pairs_in_force(&info.a.0, &info.b.0)?.len() as u64,
    })
}

/// Networks that were matched to one another, the last matched first.
#[utoipa::path(get, path = "/api/projects/{project}/reconciliations", tag = "review",
    security(("session" = ["viewer"]), ("token" = ["viewer"])), params(("project" = String, Path), Paging),
    responses((status = 200, body = Page<ReconciliationRow>)))]
pub async fn list(
    State(app): State<App>,
    _: Viewer,
    Path(project): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<ReconciliationRow>>, Problem> {
    let paging = paging.check()?;
    app.with_project(&project, move |p| -> Result<_, Problem> {
        let mut kept = p.reconciliations()?;
        kept.sort_by(|x, y| (&y.time_utc, y.a.1, y.b.1, &x.a.0, &x.b.0).cmp(&(&x.time_utc, x.a.1, x.b.1, &y.a.0, &y.b.0)));
        let page = paging.of(kept)?;
        let items = page.items.iter().map(|info| row_of(p, info)).collect::<Result<_, _>>()?;
        Ok(Json(Page { items, total: page.total, next: page.next }))
    })
    .await
}

/// Which two networks.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct PairAt {
    /// Name of the project's folder.
    pub project: String,
    /// The network that was matched.
    pub network: String,
    /// The one that it was matched to.
    pub with: String,
}

/// Which versions of them.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Versions {
    /// Version of the network that was matched; with the other one, those matched last unless told.
    #[param(minimum = 1)]
    pub version: Option<u64>,
    #[param(minimum = 1)]
    pub with_version: Option<u64>,
}

/// The kept result and the decisions in force.
pub(super) struct Review {
    pub kept: ReconciledBrief,
    pub decisions: Vec<PairInForce>,
}

pub(super) fn review(project: &Project, at: &PairAt, versions: Versions) -> Result<Review, Problem> {
    // Unknown names are told with those that are there.
    project.version(Some(&at.network), versions.version)?;
    project.version(Some(&at.with), versions.with_version)?;
    let fits = |r: &ReconciliationInfo| {
        r.a.0 == at.network
            && r.b.0 == at.with
            && versions.version.is_none_or(|v| v == r.a.1)
            && versions.with_version.is_none_or(|v| v == r.b.1)
    };
    let last =
        project.reconciliations()?.into_iter().filter(fits).max_by(|x, y| (&x.time_utc, x.a.1, x.b.1).cmp(&(&y.time_utc, y.a.1, y.b.1)));
    let not_matched = || {
        Problem::not_found(format!("\"{}\" has not been matched to \"{}\"", short(&at.network), short(&at.with)))
            .code("REVIEW.MATCHES.NONE")
            .hint("Begin a job of the kind `reconcile`; GET /api/projects/{project}/reconciliations lists what has been matched.")
    };
    let last = last.ok_or_else(not_matched)?;
    let a = project.version(Some(&at.network), Some(last.a.1))?;
    let b = project.version(Some(&at.with), Some(last.b.1))?;
    let kept = project.reconciliation_in_brief(&a, &b)?.ok_or_else(not_matched)?;
    let decisions = project.pairs_in_force(&at.network, &at.with)?;
    Ok(Review { kept, decisions })
}

/// A kept result with counts of what there is to decide.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReconciliationDetail {
    #[serde(flatten)]
    pub row: ReconciliationRow,
    /// Rows by state: `proposed`, `accepted`, `forced`, `rejected`, `overruled`, `waiting`, `only_a`, `only_b`.
    pub states: Vec<Count>,
    pub classes: Vec<Count>,
    /// Matches by what found them: `identity`, `place`, `topology`, `override`.
    pub methods: Vec<Count>,
    /// Proposed matches for which another candidate would do nearly as well.
    pub ties: u64,
    /// Matches whose sources do not agree.
    pub conflicted: u64,
    /// Rows whose decision is not in the kept result, or that was made with one that has been taken back.
    pub pending: u64,
    /// Proposed matches by score, in twenty equal parts of 0 to 1.
    pub scores: Vec<u64>,
}

pub(super) fn is_pending(all: &[Case]) -> u64 {
    all.iter().filter(|c| c.pending).count() as u64
}

/// What was matched, and how much there is to decide.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/reconciliations/{with}", tag = "review", params(PairAt, Versions),
    security(("session" = ["viewer"]), ("token" = ["viewer"])), responses((status = 200, body = ReconciliationDetail)))]
pub async fn summary(
    State(app): State<App>,
    _: Viewer,
    Path(at): Path<PairAt>,
    Query(versions): Query<Versions>,
) -> Result<Json<ReconciliationDetail>, Problem> {
    let name = at.project.clone();
    app.with_project(&name, move |p| -> Result<_, Problem> {
        let review = review(p, &at, versions)?;
        let all = cases(&review.kept, &review.decisions);
        let proposed = || all.iter().filter(|c| c.state == CaseState::Proposed);
        let mut scores = vec![0; BINS];
        for score in proposed().filter_map(|c| c.score).filter(|s| s.is_finite()) {
            scores[((score * BINS as f64) as usize).min(BINS - 1)] += 1;
        }
        Ok(Json(ReconciliationDetail {
            row: row_of(p, &review.kept.info)?,
            states: counts(&CaseState::NAMES, all.iter().map(|c| c.state.name())),
            classes: counts(&[], all.iter().map(|c| c.class.as_str())),
            methods: counts(&METHODS, all.iter().filter_map(|c| c.method.as_deref())),
            ties: proposed().filter(|c| c.tie.is_some()).count() as u64,
            conflicted: all.iter().filter(|c| c.conflicts > 0).count() as u64,
            pending: is_pending(&all),
            scores,
        }))
    })
    .await
}

/// Which rows, in which order.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MatchQuery {
    /// Version of the network that was matched; with the other one, those matched last unless told.
    #[param(minimum = 1)]
    pub version: Option<u64>,
    #[param(minimum = 1)]
    pub with_version: Option<u64>,
    /// States, parted by commas: `proposed`, `accepted`, `forced`, `rejected`, `overruled`, `waiting`, `only_a`, `only_b`.
    #[param(max_length = 200)]
    pub state: Option<String>,
    /// Classes, parted by commas: `line`, `switch`, `transformer`, `capacitor`, `load`, `generator`.
    #[param(max_length = 200)]
    pub class: Option<String>,
    /// What found them, parted by commas: `identity`, `place`, `topology`, `override`.
    #[param(max_length = 200)]
    pub method: Option<String>,
    /// Part of the key of either subject.
    #[param(max_length = 200)]
    pub search: Option<String>,
    /// Least and largest score, 0 to 1.
    pub score_min: Option<f64>,
    pub score_max: Option<f64>,
    /// Only those for which another candidate would do nearly as well, or only the others.
    pub tie: Option<bool>,
    /// Only those on which the sources do not agree, or only the others.
    pub conflict: Option<bool>,
    /// Only those whose decision is not in the kept result, or only the others.
    pub pending: Option<bool>,
    /// `a`, `b`, `class`, `score`, `distance_m`, `conflicts` or `state`, with `-` in front for the reverse; what has no value comes last. The
    /// order of the first network unless told.
    #[param(pattern = "^-?(a|b|class|score|distance_m|conflicts|state)$")]
    pub sort: Option<String>,
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    pub offset: Option<u64>,
}

/// A pair, or a subject without a partner.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MatchRow {
    /// `class:id` in either network; none of a subject without a partner.
    pub a: Option<String>,
    pub b: Option<String>,
    pub class: String,
    /// What found it; none of what is not in the kept result.
    pub method: Option<String>,
    /// 0 to 1.
    pub score: Option<f64>,
    pub distance_m: Option<f64>,
    /// Another candidate of nearly the same score.
    pub tie: Option<String>,
    /// How many things the two do not agree on.
    pub conflicts: u64,
    pub state: CaseState,
    /// The kept result was made without this decision, or with one that was taken back: it changes when the two are matched again.
    pub pending: bool,
    /// The decision in force.
    pub decision: Option<DecisionRow>,
}

fn decision_row(d: &PairInForce) -> DecisionRow {
    let word = match d.decision {
        PairDecision::Accept => "accept",
        PairDecision::Reject => "reject",
        PairDecision::Force => "force",
    };
    DecisionRow { value: Some(word.to_owned()), author: d.author.clone(), note: d.note.clone(), time_utc: d.time_utc.clone() }
}

fn match_row(case: Case, decisions: &[PairInForce]) -> MatchRow {
    MatchRow {
        a: case.a,
        b: case.b,
        class: case.class,
        method: case.method,
        score: case.score.filter(|s| s.is_finite()),
        distance_m: case.distance_m,
        tie: case.tie,
        conflicts: case.conflicts,
        state: case.state,
        pending: case.pending,
        decision: case.decision.and_then(|k| decisions.get(k)).map(decision_row),
    }
}

fn chosen(mut all: Vec<Case>, q: &MatchQuery) -> Result<Vec<Case>, Problem> {
    let (states, classes, methods) = (words(q.state.as_deref()), words(q.class.as_deref()), words(q.method.as_deref()));
    let among = |of: &Option<Vec<String>>, name: Option<&str>| of.as_ref().is_none_or(|o| name.is_some_and(|n| o.iter().any(|w| w == n)));
    let search: Vec<String> = q.search.as_deref().unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
    all.retain(|c| {
        let has = |w: &String| [&c.a, &c.b].into_iter().flatten().any(|key| key.contains(w.as_str()));
        among(&states, Some(c.state.name()))
            && among(&classes, Some(&c.class))
            && among(&methods, c.method.as_deref())
            && search.iter().all(has)
            && q.score_min.is_none_or(|m| c.score.is_some_and(|s| s >= m))
            && q.score_max.is_none_or(|m| c.score.is_some_and(|s| s <= m))
            && q.tie.is_none_or(|is| is == c.tie.is_some())
            && q.conflict.is_none_or(|is| is == (c.conflicts > 0))
            && q.pending.is_none_or(|is| is == c.pending)
    });
    let Some(sort) = q.sort.as_deref() else { return Ok(all) };
    let (key, is_reverse) = sort.strip_prefix('-').map_or((sort, false), |key| (key, true));
    let number = |c: &Case| match key {
        "score" => c.score.filter(|s| s.is_finite()),
        "distance_m" => c.distance_m,
        "conflicts" => Some(c.conflicts as f64),
        _ => Some(f64::from(c.state as u8)),
    };
    match key {
        "a" | "b" | "class" => {
            let text = |c: &Case| {
                let text = match key {
                    "a" => c.a.as_deref(),
                    "b" => c.b.as_deref(),
                    _ => Some(c.class.as_str()),
                };
                (text.is_none(), natural(text.unwrap_or_default()))
            };
            all.sort_by_cached_key(text);
            if is_reverse {
                let n_known = all.iter().filter(|c| !text(c).0).count();
                all[..n_known].reverse();
            }
        }
        "score" | "distance_m" | "conflicts" | "state" => all.sort_by(|x, y| match (number(x), number(y)) {
            (Some(x), Some(y)) if is_reverse => y.total_cmp(&x),
            (Some(x), Some(y)) => x.total_cmp(&y),
            (x, y) => x.is_none().cmp(&y.is_none()),
        }),
        _ => return Err(wrong_sort(key, SORTS)),
    }
    Ok(all)
}

/// Pairs and subjects without a partner, with what was decided about them.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/reconciliations/{with}/matches", tag = "review",
    security(("session" = ["viewer"]), ("token" = ["viewer"])), params(PairAt, MatchQuery), responses((status = 200, body = Page<MatchRow>)))]
pub async fn matches(
    State(app): State<App>,
    _: Viewer,
    Path(at): Path<PairAt>,
    Query(query): Query<MatchQuery>,
) -> Result<Json<Page<MatchRow>>, Problem> {
    let paging = Paging { limit: query.limit, offset: query.offset }.check()?;
    let name = at.project.clone();
    app.with_project(&name, move |p| -> Result<_, Problem> {
        let review = review(p, &at, Versions { version: query.version, with_version: query.with_version })?;
        let page = paging.of(chosen(cases(&review.kept, &review.decisions), &query)?)?;
        let items = page.items.into_iter().map(|c| match_row(c, &review.decisions)).collect();
        Ok(Json(Page { items, total: page.total, next: page.next }))
    })
    .await
}

/// Which pair.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PairQuery {
    /// Version of the network that was matched; with the other one, those matched last unless told.
    #[param(minimum = 1)]
    pub version: Option<u64>,
    #[param(minimum = 1)]
    pub with_version: Option<u64>,
    /// `class:id` in the first network.
    #[param(max_length = 1000)]
    pub a: Option<String>,
    /// `class:id` in the second network.
    #[param(max_length = 1000)]
    pub b: Option<String>,
}

/// One thing that speaks for or against a match.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct ReasonRow {
    /// `identity`, `place`, `topology`, `phases`, `size`, `length`, `voltage`, `name`, `override`.
    pub what: String,
    /// 0 against, 1 for.
    pub score: Option<f64>,
    pub text: String,
}

/// Something that the two sources do not agree on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConflictRow {
    /// `phases`, `length`, `rating`, `voltage`, `connectivity`, `place`.
    pub kind: String,
    pub value_a: String,
    pub value_b: String,
}

impl From<&StoredConflict> for ConflictRow {
    fn from(c: &StoredConflict) -> Self {
        Self { kind: c.kind.clone(), value_a: c.value_a.clone(), value_b: c.value_b.clone() }
    }
}

/// Everything about a pair, or about a subject without a partner.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PairDetail {
    /// How it stands; none of two subjects that are neither matched nor decided about.
    pub row: Option<MatchRow>,
    /// None where the network does not have it (any more).
    pub a: Option<SubjectRow>,
    pub b: Option<SubjectRow>,
    pub reasons: Vec<ReasonRow>,
    pub conflicts: Vec<ConflictRow>,
    /// All that was ever decided about the pair, oldest first.
    pub decisions: Vec<DecisionRow>,
}

fn no_subject(key: &str, field: &'static str) -> Problem {
    Problem::not_found("There is no such equipment")
        .detail(format!("The network has nothing called \"{}\".", short(key)))
        .hint("Keys are class:id, as the list of matches has them.")
        .field(field)
}

/// One pair: both subjects, why they were matched, where their sources do not agree, what was decided.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/reconciliations/{with}/pair", tag = "review",
    security(("session" = ["viewer"]), ("token" = ["viewer"])), params(PairAt, PairQuery), responses((status = 200, body = PairDetail)))]
pub async fn pair(
    State(app): State<App>,
    _: Viewer,
    Path(at): Path<PairAt>,
    Query(query): Query<PairQuery>,
) -> Result<Json<PairDetail>, Problem> {
    let key = |text: &Option<String>| text.as_deref().map(|t| t.trim().to_lowercase()).filter(|t| !t.is_empty());
    let (a, b) = (key(&query.a), key(&query.b));
    if a.is_none() && b.is_none() {
        return Err(Problem::bad_request("No subject is named").hint("Name one with `a`, `b`, or both.").field("a"));
    }
    let versions = Versions { version: query.version, with_version: query.with_version };
    let (name, asked) = (at.project.clone(), (a.clone(), b.clone()));
    let (at_pair, of_pair) = (at.clone(), (a.clone(), b.clone()));
    let (info, mut detail) = app
        .with_project(&name, move |p| -> Result<_, Problem> {
            let (a, b) = of_pair;
            let review = review(p, &at_pair, versions)?;
            let case = cases(&review.kept, &review.decisions).into_iter().find(|c| c.a == a && c.b == b);
            let mut detail = PairDetail { row: None, a: None, b: None, reasons: Vec::new(), conflicts: Vec::new(), decisions: Vec::new() };
            if let Some(position) = case.as_ref().and_then(|c| c.position) {
                detail.reasons = serde_json::from_value(p.match_reasons(&review.kept.info, position)?).unwrap_or_default();
            }
            if let (Some(a), Some(b)) = (&a, &b) {
                let of_pair = |c: &&StoredConflict| c.a == *a && c.b == *b;
                detail.conflicts = review.kept.conflicts.iter().filter(of_pair).map(ConflictRow::from).collect();
                let subject = pair_subject((&at_pair.network, a), (&at_pair.with, b));
                detail.decisions = p.override_history(RECONCILIATION, &subject)?.into_iter().map(DecisionRow::from).collect();
            }
            detail.row = case.map(|c| match_row(c, &review.decisions));
            Ok((review.kept.info, detail))
        })
        .await?;
    let index_a = app.subjects.get(&app, &at.project, &at.network, info.a.1).await?;
    let index_b = app.subjects.get(&app, &at.project, &at.with, info.b.1).await?;
    detail.a = asked.0.as_deref().and_then(|k| index_a.get(k));
    detail.b = asked.1.as_deref().and_then(|k| index_b.get(k));
    if detail.row.is_none() {
        // Two that nobody has brought together may be looked at beside each other, as long as they are there.
        if let Some(key) = asked.0.as_deref().filter(|_| detail.a.is_none()) {
            return Err(no_subject(key, "a"));
        }
        if let Some(key) = asked.1.as_deref().filter(|_| detail.b.is_none()) {
            return Err(no_subject(key, "b"));
        }
    }
    Ok(Json(detail))
}

/// Sides of a reconciliation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The network that was matched.
    A,
    /// The one that it was matched to.
    B,
}

/// Which subjects.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SubjectQuery {
    /// Version of the network that was matched; with the other one, those matched last unless told.
    #[param(minimum = 1)]
    pub version: Option<u64>,
    #[param(minimum = 1)]
    pub with_version: Option<u64>,
    /// Network whose subjects are sought: `a` or `b`.
    #[param(inline)]
    pub side: Side,
    /// Only this class.
    #[param(max_length = 100)]
    pub class: Option<String>,
    /// Words that are parts of ids or aliases.
    #[param(max_length = 200)]
    pub search: Option<String>,
    /// Subject of the other network: the nearest to it come first.
    #[param(max_length = 1000)]
    pub near: Option<String>,
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    #[param(maximum = 4294967295_u64)]
    pub offset: Option<u64>,
}

/// Subjects of one of the two networks, to find another partner.
#[utoipa::path(get, path = "/api/projects/{project}/networks/{network}/reconciliations/{with}/subjects", tag = "review",
    security(("session" = ["viewer"]), ("token" = ["viewer"])), params(PairAt, SubjectQuery), responses((status = 200, body = Page<SubjectRow>)))]
pub async fn subjects(
    State(app): State<App>,
    _: Viewer,
    Path(at): Path<PairAt>,
    Query(query): Query<SubjectQuery>,
) -> Result<Json<Page<SubjectRow>>, Problem> {
    let limit = crate::paging::limit(query.limit)? as usize;
    let versions = Versions { version: query.version, with_version: query.with_version };
    let (name, at_pair) = (at.project.clone(), at.clone());
    let info = app.with_project(&name, move |p| review(p, &at_pair, versions).map(|r| r.kept.info)).await?;
    let index_a = app.subjects.get(&app, &at.project, &at.network, info.a.1).await?;
    let index_b = app.subjects.get(&app, &at.project, &at.with, info.b.1).await?;
    let (own, other) = if query.side == Side::A { (index_a, index_b) } else { (index_b, index_a) };
    blocking(move || {
        let near = query.near.as_deref().map(|k| k.trim().to_lowercase()).filter(|k| !k.is_empty());
        if let Some(key) = near.as_deref().filter(|k| !other.has(k)) {
            return Err(no_subject(key, "near"));
        }
        let class = query.class.as_deref().map(|c| c.trim().to_lowercase()).filter(|c| !c.is_empty());
        let offset = usize::try_from(query.offset.unwrap_or(0)).unwrap_or(usize::MAX);
        let near = near.as_deref().map(|k| (&*other, k));
        let (items, total) = own.find(class.as_deref(), query.search.as_deref().unwrap_or_default(), near, offset, limit);
        let end = (offset as u64).saturating_add(limit as u64);
        Ok(Json(Page { items, total, next: (end < total).then_some(end) }))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(a: &str, score: Option<f64>, state: CaseState) -> Case {
        Case {
            position: None,
            a: Some(a.to_owned()),
            b: None,
            class: a.split(':').next().unwrap_or_default().to_owned(),
            method: score.map(|_| "place".to_owned()),
            score,
            distance_m: None,
            tie: None,
            conflicts: 0,
            state,
            pending: false,
            decision: None,
        }
    }

    #[test]
    fn rows_are_chosen_and_sorted_with_what_has_no_value_last() {
        let all = vec![
            case("line:l10", Some(0.6), CaseState::Proposed),
            case("line:l2", None, CaseState::OnlyA),
            case("load:m1", Some(0.9), CaseState::Accepted),
        ];
        let keys = |q: MatchQuery| -> Vec<String> { chosen(all.clone(), &q).unwrap().into_iter().filter_map(|c| c.a).collect() };
        let text = |t: &str| Some(t.to_owned());
        assert_eq!(keys(MatchQuery { sort: text("a"), ..Default::default() }), ["line:l2", "line:l10", "load:m1"]);
        assert_eq!(keys(MatchQuery { sort: text("-score"), ..Default::default() }), ["load:m1", "line:l10", "line:l2"]);
        assert_eq!(keys(MatchQuery { sort: text("score"), ..Default::default() }), ["line:l10", "load:m1", "line:l2"]);
        assert_eq!(keys(MatchQuery { state: text("only_a, accepted"), ..Default::default() }), ["line:l2", "load:m1"]);
        assert_eq!(keys(MatchQuery { class: text("line"), score_min: Some(0.1), ..Default::default() }), ["line:l10"]);
        assert_eq!(keys(MatchQuery { method: text("place"), score_max: Some(0.7), ..Default::default() }), ["line:l10"]);
        assert_eq!(keys(MatchQuery { search: text("L1 line"), ..Default::default() }), ["line:l10"]);
        assert!(keys(MatchQuery { tie: Some(true), ..Default::default() }).is_empty());
        assert_eq!(chosen(all.clone(), &MatchQuery { sort: text("colour"), ..Default::default() }).unwrap_err().status, 400);
    }
}
