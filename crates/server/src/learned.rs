//! Risk scores that a fitted model gave: the latest answer of the learning module that foretells outages.

use crate::problem::Problem;
use network::Network;
use network::graph::Graph;
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::path::Path;
use store::analyses::{self, Analysis, Cell, cell};

/// Table of an answer that has a probability of failure for each piece of equipment.
const TABLE: &str = "risks";

/// Scores of a network's edges and buses, by the names that `studies::operations` gives them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Learned {
    /// Words for where they are from; empty where there are none.
    pub words: String,
    pub scores: BTreeMap<String, f64>,
}

/// The scores of an answer, or of the latest one that has some for this network; none where there is none.
///
/// # Errors
/// An answer that is named and not there, or has no scores for this network; files that cannot be read.
pub fn of_project(project: &Path, network: &Network, id: Option<&str>) -> Result<Learned, Problem> {
    let fault = |what: String| {
        let problem = Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, what).code("OPERATIONS.OPTION.VALUE").field("risk");
        Err(problem.hint("Name an answer of the module outage_risk, \"latest\", or \"rules\" for scores by the rule only."))
    };
    let names = names(network);
    let all = match id {
        Some(id) => match analyses::find(project, id)? {
            Some(of) => vec![of],
            None => return fault(format!("there is no answer \"{}\"", id.chars().take(60).collect::<String>())),
        },
        None => analyses::list(project)?,
    };
    for of in all.iter().filter(|a| a.tables.iter().any(|t| t.name == TABLE)) {
        let found = read(project, of, &names)?;
        if !found.scores.is_empty() {
            return Ok(found);
        }
    }
    match id {
        Some(_) => fault("the answer has no risk of this network's equipment".into()),
        None => Ok(Learned::default()),
    }
}

/// Names under which equipment may be told: as `class.name`, by its name alone where that is one only, buses by theirs.
fn names(network: &Network) -> HashMap<String, String> {
    let full: Vec<String> = Graph::new(network).links.iter().map(|l| network.full_name(l.element)).collect();
    let mut names: HashMap<String, String> = network.buses.iter().map(|b| (b.name.to_lowercase(), b.name.clone())).collect();
    let mut short: HashMap<String, Vec<&String>> = HashMap::new();
    for name in &full {
        if let Some((_, own)) = name.split_once('.') {
            short.entry(own.to_lowercase()).or_default().push(name);
        }
    }
    for (own, of) in short {
        // A name that an edge and a bus share is no one's.
        match (&of[..], names.contains_key(&own)) {
            ([only], false) => drop(names.insert(own, (*only).clone())),
            (_, true) => drop(names.remove(&own)),
            _ => {}
        }
    }
    names.extend(full.iter().map(|n| (n.to_lowercase(), n.clone())));
    names
}

fn read(project: &Path, of: &Analysis, names: &HashMap<String, String>) -> Result<Learned, Problem> {
    let table = of.tables.iter().find(|t| t.name == TABLE);
    let at = |name: &str| table.and_then(|t| t.columns.iter().position(|c| c.name == name));
    let (Some(equipment), Some(time), Some(probability)) = (at("equipment"), at("time"), at("probability")) else {
        return Ok(Learned::default());
    };
    // The latest period of each piece of equipment.
    let mut latest: BTreeMap<String, (String, f64)> = BTreeMap::new();
    analyses::each_batch(project, of, TABLE, &mut |batch| {
        for row in 0..batch.num_rows() {
            let (Cell::Text(name), Cell::Text(at), Cell::Number(p)) =
                (cell(batch, equipment, row), cell(batch, time, row), cell(batch, probability, row))
            else {
                continue;
            };
            let Some(name) = names.get(&name.to_lowercase()) else { continue };
            if (0.0..=1.0).contains(&p) && latest.get(name).is_none_or(|(known, _)| known.as_str() < at) {
                latest.insert(name.clone(), (at.to_owned(), p));
            }
        }
        ControlFlow::Continue(())
    })?;
    let words = format!("answer {} of {}", of.id, of.time_utc);
    Ok(Learned { words, scores: latest.into_iter().map(|(name, (_, p))| (name, p)).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Float64Array, RecordBatch, StringArray};
    use arrow_schema::{DataType, Field, Schema};
    use serde_json::Value;
    use std::sync::Arc;

    fn network() -> Network {
        let script = "clear\nnew circuit.c basekv=12.47\nnew line.l1 bus1=sourcebus bus2=a\nnew line.l2 bus1=a bus2=b\nnew line.b bus1=a bus2=d\nsolve";
        let mut files = formats::MemoryFiles::new();
        files.add("c.dss", script.as_bytes().to_vec());
        let options = formats::opendss::ReadOptions::default();
        formats::opendss::read(&files, Path::new("c.dss"), &mut powerflow::Session::new(), &options).unwrap().network
    }

    #[test]
    fn the_latest_period_counts_and_names_that_two_have_are_no_ones() {
        let dir = tempfile::tempdir().unwrap();
        let n = network();
        assert_eq!(of_project(dir.path(), &n, None).unwrap(), Learned::default());
        let schema = Schema::new(vec![
            Field::new("equipment", DataType::Utf8, true),
            Field::new("time", DataType::Utf8, true),
            Field::new("probability", DataType::Float64, true),
        ]);
        let rows =
            [("L1", "2026-02", 0.4), ("line.l1", "2026-01", 0.9), ("l2", "2026-01", 0.2), ("b", "2026-01", 0.3), ("x", "2026-01", 0.1)];
        let batch = RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.0))),
                Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.1))),
                Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| r.2))),
            ],
        )
        .unwrap();
        let mut writer = analyses::Writer::begin(dir.path(), "a1").unwrap();
        writer.table(TABLE, "", [batch]).unwrap();
        let of = Analysis {
            format: 0,
            id: "a1".into(),
            study: "outage_risk".into(),
            network: String::new(),
            version: 0,
            params: Value::Null,
            author: "ada".into(),
            time_utc: "2026-03-01T00:00:00Z".into(),
            engine_version: "0".into(),
            summary: Value::Null,
            findings: Vec::new(),
            tables: Vec::new(),
        };
        writer.commit(of).unwrap();
        let found = of_project(dir.path(), &n, None).unwrap();
        assert_eq!(found.scores, BTreeMap::from([("line.l1".to_owned(), 0.4), ("line.l2".to_owned(), 0.2)]));
        assert_eq!(of_project(dir.path(), &n, Some("a1")).unwrap(), found);
        assert_eq!(of_project(dir.path(), &n, Some("a2")).unwrap_err().field.as_deref(), Some("risk"));
    }
}
