//! The figures of a study, worked out by hand, and the same from the views in SQL.

#[path = "common/mod.rs"]
mod made;
#[path = "common/study.rs"]
mod study;

use store::{Lake, StoreError, StudyReport, Value, study_report};

fn report() -> (tempfile::TempDir, StudyReport) {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_or_create(dir.path()).unwrap();
    study::write(&lake);
    let report = study_report(&lake, None).unwrap();
    (dir, report)
}

/// A figure of the row whose columns have these texts.
fn figure(report: &StudyReport, section: &str, keys: &[(&str, &str)], column: &str) -> Value {
    let section = report.section(section).unwrap();
    let at = |name: &str| section.column(name).unwrap_or_else(|| panic!("no column {name}"));
    let is = |row: &&Vec<Value>| keys.iter().all(|(name, text)| row[at(name)] == Value::from(*text));
    let rows: Vec<_> = section.rows.iter().filter(is).collect();
    assert_eq!(rows.len(), 1, "{keys:?} in {}", section.view.name);
    rows[0][at(column)].clone()
}

#[test]
fn figures_by_hand() {
    let (_dir, r) = report();
    assert_eq!((r.done, r.failed.len(), &r.unsettled), (2, 1, &vec![("feeder 001".to_owned(), 20)]));
    let bad = ("feeder", "feeder 001");
    let number = |section: &str, keys: &[(&str, &str)], column: &str| figure(&r, section, keys, column).number().unwrap();
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12 * b.abs().max(1.0), "{a} is not {b}");
    // 2000 kWh over 80 settled half-hours at a peak of 80 kW.
    close(number("feeder_scorecard", &[bad], "load_factor"), 2000.0 / (80.0 * 40.0));
    close(number("feeder_scorecard", &[bad], "losses_pct"), 5.0);
    close(number("feeder_scorecard", &[bad], "nodes_outside_a"), 3.0);
    close(number("feeder_scorecard", &[bad], "nodes_outside_b"), 1.0);
    close(number("feeder_scorecard", &[bad], "overload_hours"), 52.5);
    assert_eq!(figure(&r, "feeder_scorecard", &[bad], "worst_element"), Value::from("transformer.t1"));
    close(number("losses", &[bad], "load_losses_kwh"), 90.0);
    close(number("losses", &[("feeder", "feeder 000")], "line_losses_pct"), 0.75);
    let below_a = [bad, ("ansi_range", "A"), ("side", "below")];
    close(number("voltage_violations", &below_a, "nodes"), 2.0);
    close(number("voltage_violations", &below_a, "node_hours"), 80.0);
    close(number("voltage_violations", &below_a, "longest_hours"), 50.0);
    assert_eq!(figure(&r, "voltage_violations", &below_a, "worst_node"), Value::from("a.3"));
    let above_b = [bad, ("ansi_range", "B"), ("side", "above")];
    assert_eq!(figure(&r, "voltage_violations", &above_b, "worst_bus"), Value::from("b"));
    close(number("voltage_violations", &above_b, "worst_v_pu"), 1.06);
    assert_eq!(r.section("voltage_violations").unwrap().rows.len(), 3, "nothing below range B, nothing of the good feeder");
    let overloads = r.section("thermal_overloads").unwrap();
    let names: Vec<&Value> = overloads.rows.iter().map(|row| &row[2]).collect();
    assert_eq!(names, [&Value::from("transformer.t2"), &Value::from("transformer.t1"), &Value::from("line.l1")]);
    close(number("thermal_overloads", &[("element", "line.l1")], "rating"), 100.0);
    assert_eq!(figure(&r, "transformer_loading", &[("feeder", "feeder 000")], "loading_max_pct"), Value::Missing);
    close(number("voltage_profile", &[bad, ("bus", "b")], "v_mean_pu"), 0.995);
    assert_eq!(figure(&r, "voltage_profile", &[("bus", "dead")], "v_min_pu"), Value::Missing);
    assert!(r.absent.is_empty());
}

#[test]
fn what_was_not_kept_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_or_create(dir.path()).unwrap();
    assert!(matches!(study_report(&lake, None), Err(StoreError::StudyNotNamed { .. })));
    made::write_feeder(&made::begin(&lake, "base"), 0, 10);
    let report = study_report(&lake, Some("base")).unwrap();
    assert_eq!(report.sections.iter().map(|s| s.view.name).collect::<Vec<_>>(), ["losses"]);
    let (view, missing) = &report.absent[0];
    assert_eq!((view.name, missing.as_slice()), ("feeder_scorecard", ["node_statistics", "element_statistics"].as_slice()));
}

/// Every row of every view, against the row of the report.
#[cfg(feature = "sql")]
#[test]
fn views_say_the_same() {
    use store::sql::{Database, value_at};
    let (dir, report) = report();
    let database = Database::open(&Lake::open(dir.path()).unwrap()).unwrap();
    for view in store::views::VIEWS {
        let section = report.section(view.name).unwrap();
        let mut rows: Vec<Vec<Value>> = Vec::new();
        let schema = database
            .query(&format!("SELECT * FROM {}", view.name), None, &mut |batch| {
                for i in 0..batch.num_rows() {
                    rows.push(batch.columns().iter().map(|c| value_at(c.as_ref(), i)).collect::<Result<_, _>>()?);
                }
                Ok(())
            })
            .unwrap();
        let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names, view.columns().map(|c| c.name).collect::<Vec<_>>(), "{}", view.name);
        let key = |row: &Vec<Value>| format!("{:?}", row.iter().filter(|v| matches!(v, Value::Text(_))).collect::<Vec<_>>());
        let mut made = section.rows.clone();
        made.sort_by_key(key);
        rows.sort_by_key(key);
        assert_eq!(rows.len(), made.len(), "{}", view.name);
        for (sql, rust) in rows.iter().zip(&made) {
            for ((name, a), b) in names.iter().zip(sql).zip(rust) {
                match (a.number(), b.number()) {
                    (Some(x), Some(y)) => assert!((x - y).abs() <= 1e-12 * y.abs(), "{}.{name}: {x} and {y}", view.name),
                    _ => assert_eq!(a, b, "{}.{name}", view.name),
                }
            }
        }
    }
}
