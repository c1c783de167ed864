//! `gridtwin ask` as people meet it, on a study whose figures are worked out by hand.

mod common;
#[path = "../../store/tests/common/mod.rs"]
mod made;
#[path = "../../store/tests/common/study.rs"]
mod study;

use common::{gridtwin, text};
use serde_json::Value;
use store::Lake;

fn lake() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    study::write(&Lake::open_or_create(dir.path()).unwrap());
    let path = dir.path().to_str().unwrap().to_owned();
    (dir, path)
}

#[test]
fn a_question_is_shown_as_it_was_read() {
    let (dir, path) = lake();
    let asked = |more: &[&str]| {
        let output = gridtwin(&[&["ask", "--project", &path, "--today", "2024-03-15"], more].concat());
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, told, errors) = asked(&["which", "transformers", "are", "overloaded"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(told.contains("loading of each transformer") && told.contains("SELECT") && told.contains("study = 'base'"), "{told}");
    let (code, told, _) = asked(&["--json", "the 3 worst feeders if EV penetration is 30 percent"]);
    assert_eq!(code, Some(0));
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["reading"]["query"]["limit"], 3);
    let scenario = told["scenario"].as_str().expect("a scenario");
    assert!(scenario.contains("ev"), "{scenario}");
    let place = dir.path().join("asked.yaml");
    let (code, _, errors) = asked(&["--scenario", place.to_str().unwrap(), "the 3 worst feeders if EV penetration is 30 percent"]);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(std::fs::read_to_string(&place).unwrap(), scenario);
    let checked = gridtwin(&["scenario", "check", place.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    for (question, code, part) in [
        (vec!["bake me a cake"], "ASK.QUESTION.NOT_UNDERSTOOD", "cake"),
        (vec!["losses of feeder XYZ-9"], "ASK.QUESTION.NOT_UNDERSTOOD", "XYZ-9"),
        (vec!["which feeders are worst if EV penetration rises by 15 percent"], "ASK.QUESTION.AMBIGUOUS", "--reading"),
        (vec!["--reading", "9", "which feeders are worst if EV penetration rises by 15 percent"], "ASK.READING.UNKNOWN", "9"),
        (vec!["--run", "the 3 worst feeders if EV penetration is 30 percent"], "ASK.RUN.SCENARIO", "qsts"),
        (vec!["--run", "hosting capacity of all feeders"], "ASK.RUN.NOT_IN_LAKE", "gridtwin hosting-capacity"),
        (vec!["--scenario", "x.yaml", "which transformers are overloaded"], "ASK.SCENARIO.NONE", "--scenario"),
    ] {
        let (status, _, errors) = asked(&question);
        assert_eq!(status, Some(1), "{question:?}");
        assert!(errors.contains(code) && errors.contains(part), "{question:?}: {errors}");
    }
    let output = gridtwin(&["ask", "--project", &path, "--today", "yesterday", "which transformers are overloaded"]);
    assert!(text(&output.stderr).contains("ASK.TODAY.UNREADABLE"));
    let output = gridtwin(&["ask", "--project", "/nowhere/at/all", "which transformers are overloaded"]);
    assert_eq!(output.status.code(), Some(1));
}

/// Every query that a question becomes is one that the engine takes, and gives what the report of the same lake says.
#[cfg(feature = "sql")]
#[test]
fn answers_are_those_of_the_lake() {
    let (_dir, path) = lake();
    let answer = |question: &str| {
        let output = gridtwin(&["ask", "--project", &path, "--run", question]);
        assert_eq!(output.status.code(), Some(0), "{question}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    // The figures are those of the study made by hand (crates/store/tests/common/study.rs).
    for (question, rows) in [
        ("which transformers are overloaded", vec!["feeder 001  transformer.t1", "feeder 001  transformer.t2"]),
        ("losses by feeder, highest first", vec!["feeder 001  feeder 001", "feeder 000  feeder 000"]),
        ("how many feeders have losses over 1 percent", vec!["    2"]),
        ("total energy of all feeders", vec![" 4000"]),
        ("buses with the lowest voltage", vec!["feeder 001  a        0.93", "feeder 000  a        0.97"]),
        ("lines loaded above 50 percent", vec!["feeder 000  line.l1     55", "feeder 001  line.l1    104"]),
        ("peak of each feeder", vec!["feeder 000  feeder 000     80", "feeder 001  feeder 001     80"]),
        ("hours of overload by transformer", vec!["feeder 001  transformer.t1    0.5", "feeder 001  transformer.t2     40"]),
    ] {
        let told = answer(question);
        println!("{question}\n{told}");
        for row in rows {
            assert!(told.lines().any(|l| l.starts_with(row)), "{question}: no row {row:?} in\n{told}");
        }
    }
}
