//! Studies whose answers are tables: what there is, the tables in pieces and as files, and a column of one as values for the map.

use super::elements::natural;
use super::runs::{not_modified, value_bytes};
use crate::access::{Engineer, Viewer};
use crate::paging::{Page, Paging};
use crate::problem::Problem;
use crate::state::App;
use arrow_array::RecordBatch;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use network::Diagnostic;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::ops::ControlFlow;
use store::analyses::{self, Analysis, AnalysisTable, Cell};
use store::project::Project;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, remove))
        .routes(routes!(rows))
        .routes(routes!(file))
        .routes(routes!(values))
}

/// Which answers.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AnalysisQuery {
    /// `hosting_capacity`, `reliability`, …
    #[param(max_length = 100)]
    study: Option<String>,
    #[param(max_length = 1000)]
    network: Option<String>,
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    offset: Option<u64>,
}

/// An answer in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnalysisRow {
    /// That of the job that made it.
    pub id: String,
    pub study: String,
    pub network: String,
    pub version: u64,
    /// What was asked.
    #[schema(value_type = Object)]
    pub params: Value,
    pub author: String,
    /// RFC 3339.
    pub time_utc: String,
}

/// A column of a table.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnalysisColumnInfo {
    pub name: String,
    /// `text`, `number`, `count` or `flag`.
    pub kind: String,
    /// Empty where there is none.
    pub unit: String,
    pub meaning: String,
}

/// A table.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnalysisTableInfo {
    pub name: String,
    pub meaning: String,
    pub rows: u64,
    pub columns: Vec<AnalysisColumnInfo>,
    /// `bus` or `element` when its numbers can be shown on the map.
    pub of: Option<String>,
}

/// An answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnalysisDetail {
    #[serde(flatten)]
    pub row: AnalysisRow,
    pub engine_version: String,
    /// Figures of the whole.
    #[schema(value_type = Object)]
    pub summary: Value,
    /// What a reader should know before the figures.
    #[schema(value_type = Vec<Object>)]
    pub findings: Vec<Diagnostic>,
    pub tables: Vec<AnalysisTableInfo>,
}

fn row_of(a: Analysis) -> AnalysisRow {
    AnalysisRow {
        id: a.id,
        study: a.study,
        network: a.network,
        version: a.version,
        params: a.params,
        author: a.author,
        time_utc: a.time_utc,
    }
}

/// Column that names the things which a table's rows are about, whether they are elements, and what stands before their names.
fn key_of(table: &AnalysisTable) -> Option<(usize, bool, &'static str)> {
    let at = |name: &str| table.columns.iter().position(|c| c.name == name && c.kind == "text");
    let first = table.columns.first()?;
    match first.name.as_str() {
        "bus" => Some((0, false, "")),
        "element" => Some((0, true, "")),
        "load" => Some((0, true, "load.")),
        _ => at("element").map(|i| (i, true, "")),
    }
}

fn told(table: AnalysisTable) -> AnalysisTableInfo {
    let of = key_of(&table).map(|(_, of_element, _)| if of_element { "element" } else { "bus" }.to_owned());
    let columns = table.columns.into_iter();
    let columns = columns.map(|c| AnalysisColumnInfo { name: c.name, kind: c.kind, unit: c.unit, meaning: c.meaning }).collect();
    AnalysisTableInfo { name: table.name, meaning: table.meaning, rows: table.rows, columns, of }
}

fn unknown(what: &str, name: &str, hint: &str) -> Problem {
    let name: String = name.chars().take(60).collect();
    Problem::not_found(format!("There is no {what} \"{name}\"")).hint(hint.to_owned())
}

fn found(project: &Project, id: &str) -> Result<Analysis, Problem> {
    analyses::find(project.dir(), id)?.ok_or_else(|| unknown("answer", id, "List the project's analyses for those that there are."))
}

fn table_of<'a>(of: &'a Analysis, name: &str) -> Result<&'a AnalysisTable, Problem> {
    let names = || of.tables.iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(", ");
    of.tables.iter().find(|t| t.name == name).ok_or_else(|| unknown("table", name, &format!("The answer has {}.", names())))
}

fn column_of(table: &AnalysisTable, name: &str, field: &str) -> Result<usize, Problem> {
    table.columns.iter().position(|c| c.name == name).ok_or_else(|| {
        let name: String = name.chars().take(60).collect();
        Problem::bad_request(format!("The table has no column \"{name}\""))
            .field(field.to_owned())
            .hint(format!("One of {}.", table.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ")))
    })
}

/// Answers of a project, newest first.
#[utoipa::path(get, path = "/api/projects/{p}/analyses", tag = "analyses", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), AnalysisQuery), responses((status = 200, body = Page<AnalysisRow>)))]
pub async fn list(
    State(app): State<App>,
    _: Viewer,
    Path(p): Path<String>,
    Query(query): Query<AnalysisQuery>,
) -> Result<Json<Page<AnalysisRow>>, Problem> {
    let paging = Paging { limit: query.limit, offset: query.offset }.check()?;
    app.with_project(&p, move |project| -> Result<_, Problem> {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|w| w.is_empty() || w == is);
        let all = analyses::list(project.dir())?.into_iter().filter(|a| fits(&query.study, &a.study) && fits(&query.network, &a.network));
        let page = paging.of(all)?;
        Ok(Json(Page { items: page.items.into_iter().map(row_of).collect(), total: page.total, next: page.next }))
    })
    .await
}

/// An answer: what was asked, its figures, which tables it has.
#[utoipa::path(get, path = "/api/projects/{p}/analyses/{a}", tag = "analyses", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("a" = String, Path)), responses((status = 200, body = AnalysisDetail)))]
pub async fn get(State(app): State<App>, _: Viewer, Path((p, a)): Path<(String, String)>) -> Result<Json<AnalysisDetail>, Problem> {
    app.with_project(&p, move |project| -> Result<_, Problem> {
        let mut of = found(project, &a)?;
        let (summary, engine_version) = (of.summary.take(), std::mem::take(&mut of.engine_version));
        let findings = std::mem::take(&mut of.findings);
        let tables = std::mem::take(&mut of.tables).into_iter().map(told).collect();
        Ok(Json(AnalysisDetail { row: row_of(of), engine_version, summary, findings, tables }))
    })
    .await
}

/// Removes an answer.
#[utoipa::path(delete, path = "/api/projects/{p}/analyses/{a}", tag = "analyses", security(("session" = ["engineer"]), ("token" = ["engineer"])),
    params(("p" = String, Path), ("a" = String, Path)), responses((status = 204)))]
pub async fn remove(
    State(app): State<App>,
    Engineer(caller): Engineer,
    Path((p, a)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let subject = format!("{p}/{a}");
    app.with_project(&p, move |project| -> Result<_, Problem> {
        found(project, &a)?;
        Ok(analyses::remove(project.dir(), &a)?)
    })
    .await?;
    caller.note(&app, "analysis.remove", &subject, Value::Null).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which rows of a table.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RowQuery {
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    offset: Option<u64>,
    /// Column, with `-` before it for falling order; as the study gives them unless told.
    #[param(max_length = 100)]
    sort: Option<String>,
    /// Rows with these words in any column of text.
    #[param(max_length = 200)]
    search: Option<String>,
    /// Rows with these values: `column=value`, several with commas; a comma within a value stands behind a backslash.
    #[param(max_length = 1000)]
    filter: Option<String>,
}

/// Rows of a table, each an object by the names of its columns.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnalysisRows {
    #[schema(value_type = Vec<Object>)]
    pub items: Vec<Value>,
    pub total: u64,
    /// `offset` of the next piece; none after the last.
    pub next: Option<u64>,
}

/// The rows that are wanted: batches, and which rows of which batch.
struct Chosen {
    batches: Vec<RecordBatch>,
    rows: Vec<(usize, usize)>,
}

fn shown(cell: Cell<'_>) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(t) => t.to_owned(),
        Cell::Number(x) => x.to_string(),
        Cell::Count(n) => n.to_string(),
        Cell::Flag(b) => b.to_string(),
    }
}

fn is_equal(cell: Cell<'_>, wanted: &str) -> bool {
    match cell {
        Cell::Text(t) => t.eq_ignore_ascii_case(wanted),
        // 7 is 7.0.
        Cell::Number(x) => wanted.parse::<f64>().is_ok_and(|w| w == x),
        other => shown(other) == wanted,
    }
}

/// A comma within a value stands behind a backslash.
fn filters(table: &AnalysisTable, text: Option<&str>) -> Result<Vec<(usize, String)>, Problem> {
    let (mut parts, mut part, mut taken_as_it_is) = (Vec::new(), String::new(), false);
    for c in text.unwrap_or_default().chars() {
        match c {
            '\\' if !taken_as_it_is => taken_as_it_is = true,
            ',' if !taken_as_it_is => parts.push(std::mem::take(&mut part)),
            c => {
                part.push(c);
                taken_as_it_is = false;
            }
        }
    }
    parts.push(part);
    let of = |part: &str| {
        let (name, value) = part.split_once('=').ok_or_else(|| {
            Problem::bad_request("A filter is a column and a value")
                .field("filter")
                .hint("Write it as column=value, several with commas; a comma within a value stands behind a backslash.")
        })?;
        Ok((column_of(table, name.trim(), "filter")?, value.trim().to_owned()))
    };
    parts.iter().map(|p| p.trim()).filter(|p| !p.is_empty()).map(of).collect()
}

impl Chosen {
    fn of(project: &Project, of: &Analysis, table: &AnalysisTable, query: &RowQuery) -> Result<Self, Problem> {
        Self::with(project, of, table, query, &filters(table, query.filter.as_deref())?)
    }

    /// The rows with these values; what the query says of filters is left aside.
    fn with(
        project: &Project,
        of: &Analysis,
        table: &AnalysisTable,
        query: &RowQuery,
        filters: &[(usize, String)],
    ) -> Result<Self, Problem> {
        let words: Vec<String> = query.search.as_deref().unwrap_or_default().split_whitespace().map(str::to_lowercase).collect();
        let sort = query.sort.as_deref().filter(|s| !s.is_empty());
        let sort = sort.map(|s| s.strip_prefix('-').map_or((s, false), |s| (s, true)));
        let sort = sort.map(|(name, down)| Ok::<_, Problem>((column_of(table, name, "sort")?, down))).transpose()?;
        let (mut batches, mut rows) = (Vec::new(), Vec::new());
        let is_wanted = |batch: &RecordBatch, row: usize| {
            let has = |word: &String| {
                (0..batch.num_columns())
                    .any(|c| matches!(analyses::cell(batch, c, row), Cell::Text(t) if t.to_lowercase().contains(word.as_str())))
            };
            filters.iter().all(|(c, wanted)| is_equal(analyses::cell(batch, *c, row), wanted)) && words.iter().all(has)
        };
        analyses::each_batch(project.dir(), of, &table.name, &mut |batch| {
            let at = batches.len();
            let before = rows.len();
            rows.extend((0..batch.num_rows()).filter(|&r| is_wanted(batch, r)).map(|r| (at, r)));
            if rows.len() > before {
                batches.push(batch.clone());
            }
            ControlFlow::Continue(())
        })?;
        if let Some((column, down)) = sort {
            let cell = |&(b, r): &(usize, usize)| analyses::cell(&batches[b], column, r);
            let is_text = table.columns[column].kind == "text";
            if is_text {
                rows.sort_by_cached_key(|at| natural(&shown(cell(at))));
            } else {
                let number = |at: &(usize, usize)| match cell(at) {
                    Cell::Number(x) => x,
                    Cell::Count(n) => n as f64,
                    Cell::Flag(b) => f64::from(u8::from(b)),
                    _ => f64::NAN,
                };
                rows.sort_by(|a, b| number(a).total_cmp(&number(b)));
            }
            // What is missing stands last either way.
            let is_there = |at: &(usize, usize)| !matches!(cell(at), Cell::Empty);
            let (mut there, gone): (Vec<_>, Vec<_>) = rows.iter().copied().partition(is_there);
            if down {
                there.reverse();
            }
            there.extend(gone);
            rows = there;
        }
        Ok(Self { batches, rows })
    }
}

/// Rows of a table, a piece of them.
#[utoipa::path(get, path = "/api/projects/{p}/analyses/{a}/tables/{t}", tag = "analyses", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("a" = String, Path), ("t" = String, Path), RowQuery), responses((status = 200, body = AnalysisRows)))]
pub async fn rows(
    State(app): State<App>,
    _: Viewer,
    Path((p, a, t)): Path<(String, String, String)>,
    Query(query): Query<RowQuery>,
) -> Result<Json<AnalysisRows>, Problem> {
    let paging = Paging { limit: query.limit, offset: query.offset }.check()?;
    app.with_project(&p, move |project| -> Result<_, Problem> {
        let of = found(project, &a)?;
        let table = table_of(&of, &t)?;
        let chosen = Chosen::of(project, &of, table, &query)?;
        let object = |(b, r): (usize, usize)| -> Value {
            let value = |c: usize| match analyses::cell(&chosen.batches[b], c, r) {
                Cell::Empty => Value::Null,
                Cell::Text(t) => json!(t),
                Cell::Number(x) => json!(x),
                Cell::Count(n) => json!(n),
                Cell::Flag(f) => json!(f),
            };
            table.columns.iter().enumerate().map(|(c, column)| (column.name.clone(), value(c))).collect::<Map<_, _>>().into()
        };
        let page = paging.of(chosen.rows.iter().copied())?;
        Ok(Json(AnalysisRows { items: page.items.into_iter().map(object).collect(), total: page.total, next: page.next }))
    })
    .await
}

/// A form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TableForm {
    Csv,
    Parquet,
}

/// Which form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    /// `csv` unless told.
    #[param(inline)]
    form: Option<TableForm>,
}

fn push_field(text: &mut String, field: &str) {
    if field.contains(['"', ',', '\n', '\r']) {
        let _ = write!(text, "\"{}\"", field.replace('"', "\"\""));
    } else {
        text.push_str(field);
    }
}

/// A whole table as a file.
#[utoipa::path(get, path = "/api/projects/{p}/analyses/{a}/tables/{t}/file", tag = "analyses",
    security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("a" = String, Path), ("t" = String, Path), FileQuery),
    responses((status = 200, description = "The file", content((String = "text/csv"), (Vec<u8> = "application/vnd.apache.parquet")))))]
pub async fn file(
    State(app): State<App>,
    _: Viewer,
    Path((p, a, t)): Path<(String, String, String)>,
    Query(query): Query<FileQuery>,
) -> Result<Response, Problem> {
    if query.form == Some(TableForm::Parquet) {
        let (place, name) = app
            .with_project(&p, move |project| -> Result<_, Problem> {
                let of = found(project, &a)?;
                table_of(&of, &t)?;
                let place =
                    analyses::table_path(project.dir(), &of, &t).ok_or_else(|| unknown("table", &t, "List the answer's tables."))?;
                Ok((place, format!("{}_{t}.parquet", of.network)))
            })
            .await?;
        return super::jobs::send(place, &name).await;
    }
    let (text, name) = app
        .with_project(&p, move |project| -> Result<_, Problem> {
            let of = found(project, &a)?;
            let table = table_of(&of, &t)?;
            let mut text = table.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(",");
            text.push('\n');
            analyses::each_batch(project.dir(), &of, &t, &mut |batch| {
                for row in 0..batch.num_rows() {
                    for column in 0..batch.num_columns() {
                        if column > 0 {
                            text.push(',');
                        }
                        push_field(&mut text, &shown(analyses::cell(batch, column, row)));
                    }
                    text.push('\n');
                }
                ControlFlow::Continue(())
            })?;
            Ok((text, format!("{}_{t}.csv", of.network)))
        })
        .await?;
    let safe: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
    let head = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{safe}\"")),
    ];
    Ok((head, text).into_response())
}

/// A column of a table's rows by the numbers of the map.
struct ColumnOf<'a> {
    table: &'a AnalysisTable,
    column: usize,
    /// Rows with these values.
    filters: Vec<(usize, String)>,
}

impl ColumnOf<'_> {
    fn values(&self, app: &App, project: &Project, of: &Analysis) -> Result<Vec<f32>, Problem> {
        let (table, column) = (self.table, self.column);
        let Some((key, of_element, before)) = key_of(table) else {
            return Err(Problem::conflict("The rows of this table are not about things on the map").field("table"));
        };
        let numbers = app.results.numbers(project, &of.network, of.version)?;
        let chosen = Chosen::with(project, of, table, &RowQuery::default(), &self.filters)?;
        let (n_elements, n_buses) = numbers.counts();
        let mut values = vec![f32::NAN; if of_element { n_elements } else { n_buses }];
        let mut is_told = vec![false; values.len()];
        for &(b, r) in &chosen.rows {
            let batch = &chosen.batches[b];
            let Cell::Text(name) = analyses::cell(batch, key, r) else { continue };
            let number = if of_element { numbers.element(&format!("{before}{name}")) } else { numbers.bus(name) };
            let Some(i) = number.map(|i| i as usize) else { continue };
            if std::mem::replace(&mut is_told[i], true) {
                let name: String = name.chars().take(60).collect();
                return Err(Problem::conflict(format!("The table has several rows about \"{name}\""))
                    .field("filter")
                    .hint("Name the rows that are wanted, such as der=generation."));
            }
            values[i] = match analyses::cell(batch, column, r) {
                Cell::Number(x) => x as f32,
                Cell::Count(n) => n as f32,
                Cell::Flag(f) => f32::from(u8::from(f)),
                _ => f32::NAN,
            };
        }
        Ok(values)
    }
}

/// What of an answer is a layer of the map: study, table, column, a column whose words part the rows, what it is called.
const LAYERS: &[(&str, &str, &str, Option<&str>, &str)] = &[
    ("hosting_capacity", "hosting_capacity", "hosting_capacity_kw", Some("der"), "Hosting capacity"),
    ("hosting_capacity", "places", "mean_kw", Some("der"), "Hosted at the limit, mean of the draws"),
    ("reliability", "load_points", "interruptions_per_yr", None, "Predicted interruptions"),
    ("reliability", "load_points", "unavailability_h_per_yr", None, "Predicted time without supply"),
    ("reliability", "elements", "customer_hours_per_yr", None, "Risk: customer hours lost by failures here"),
    ("mitigation", "violations", "hours", Some("kind"), "Hours of violation"),
    ("mitigation", "violations", "hours_after", Some("kind"), "Hours of violation with the portfolio"),
    ("contingency", "elements", "lost_kw", None, "Power lost by an outage here"),
    ("contingency", "elements", "unserved_kw", None, "Power unserved in the end after an outage here"),
    ("contingency", "elements", "violations", None, "Limits crossed by an outage here"),
    ("contingency", "overloads", "worst_pct", None, "Largest loading over all outages, where overloaded"),
    ("scenario", "loads", "units", Some("layer"), "Units of the layer"),
    ("scenario", "loads", "energy_kwh", Some("layer"), "Energy that the layer adds"),
    ("comparison", "elements", "change_h", Some("case"), "Overload hours against the base"),
    ("comparison", "buses", "change_h", Some("case"), "Hours outside range A against the base"),
];

/// Answers of one study whose layers are offered, the newest.
const OFFERED: usize = 5;

/// A layer that an answer gives.
pub(super) struct Layer {
    pub name: String,
    pub label: String,
    pub unit: String,
    pub of_element: bool,
    pub values: Vec<f32>,
}

/// Layers that the project's answers about a version give; of all of them, or of the one that is called so, the values.
pub(super) fn layers(app: &App, project: &Project, network: &str, version: u64, only: Option<&str>) -> Result<Vec<Layer>, Problem> {
    let mut out = Vec::new();
    let mut told: Vec<(String, usize)> = Vec::new();
    for of in analyses::list(project.dir())?.into_iter().filter(|a| a.network == network && a.version == version) {
        let n = match told.iter_mut().find(|(study, _)| *study == of.study) {
            Some((_, n)) => {
                *n += 1;
                *n
            }
            None => {
                told.push((of.study.clone(), 1));
                1
            }
        };
        if n > OFFERED {
            continue;
        }
        let when = if n == 1 { String::new() } else { format!(", {}", of.time_utc.get(..16).unwrap_or_default().replace('T', " ")) };
        for (study, table, column, parted, label) in LAYERS {
            let Some(table) = of.tables.iter().find(|t| *study == of.study && t.name == *table) else { continue };
            let Some(c) = table.columns.iter().position(|k| k.name == *column) else { continue };
            let parts: Vec<Option<String>> = match parted {
                None => vec![None],
                Some(key) => {
                    let k = column_of(table, key, "table")?;
                    let mut words = Vec::new();
                    analyses::each_batch(project.dir(), &of, &table.name, &mut |batch| {
                        for r in 0..batch.num_rows() {
                            if let Cell::Text(t) = analyses::cell(batch, k, r)
                                && !words.iter().any(|w: &Option<String>| w.as_deref() == Some(t))
                            {
                                words.push(Some(t.to_owned()));
                            }
                        }
                        ControlFlow::Continue(())
                    })?;
                    words
                }
            };
            for part in parts {
                let name = [Some(of.id.as_str()), Some(table.name.as_str()), Some(*column), part.as_deref()].into_iter().flatten();
                let name = name.collect::<Vec<_>>().join("~");
                if only.is_some_and(|wanted| wanted != name) {
                    continue;
                }
                let filters = match (&part, parted) {
                    (Some(value), Some(key)) => vec![(column_of(table, key, "table")?, value.clone())],
                    _ => Vec::new(),
                };
                let label = part.as_ref().map_or_else(|| (*label).to_owned(), |p| format!("{label}, {p}"));
                out.push(Layer {
                    name,
                    label: format!("{label}{when}"),
                    unit: table.columns[c].unit.clone(),
                    of_element: key_of(table).is_some_and(|(_, of_element, _)| of_element),
                    values: ColumnOf { table, column: c, filters }.values(app, project, &of)?,
                });
            }
        }
    }
    Ok(out)
}

/// Which column.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ColumnQuery {
    #[param(max_length = 100)]
    table: String,
    /// A column of numbers.
    #[param(max_length = 100)]
    column: String,
    /// Rows with these values: `column=value`, several with commas; a comma within a value stands behind a backslash.
    #[param(max_length = 1000)]
    filter: Option<String>,
}

/// A column of a table for colouring a map: 32-bit floats, little endian, one an element (by its number) or one a bus, as the table's `of`
/// says; not a number where there is none.
#[utoipa::path(get, path = "/api/projects/{p}/analyses/{a}/values", tag = "analyses", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    params(("p" = String, Path), ("a" = String, Path), ColumnQuery),
    responses((status = 200, description = "The values", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "As before"), (status = 409, body = Problem)))]
pub async fn values(
    State(app): State<App>,
    _: Viewer,
    Path((p, a)): Path<(String, String)>,
    Query(query): Query<ColumnQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let shared = app.clone();
    app.with_project(&p, move |project| -> Result<_, Problem> {
        let of = found(project, &a)?;
        let table = table_of(&of, &query.table)?;
        let column = column_of(table, &query.column, "column")?;
        if table.columns[column].kind == "text" {
            return Err(Problem::bad_request("The column has words, not numbers").field("column"));
        }
        // An answer never changes.
        let tag = format!("{}\n{}\n{}\n{}", of.id, query.table, query.column, query.filter.as_deref().unwrap_or_default());
        let etag = format!("\"{}\"", &store::sha256_hex(tag.as_bytes())[..24]);
        if let Some(known) = not_modified(&headers, &etag) {
            return Ok(known);
        }
        let wanted = ColumnOf { table, column, filters: filters(table, query.filter.as_deref())? };
        let values = wanted.values(&shared, project, &of)?;
        value_bytes(&values, &etag)
    })
    .await
}
