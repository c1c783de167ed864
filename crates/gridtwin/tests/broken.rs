//! Models that must be refused with a clear message: every folder of `cases/broken` (its README says how).

mod common;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    title: String,
    command: String,
    exit: i32,
    code_prefix: Option<String>,
    file: String,
    line: Option<u32>,
    #[serde(default)]
    mentions: Vec<String>,
}

/// What is wrong with what the program said about one folder.
fn complaints(name: &str, expected: &Expected) -> Vec<String> {
    let model = format!("cases/broken/{name}/network.dss");
    let output = common::gridtwin(&[&expected.command, &model]);
    let (out, errors) = (common::text(&output.stdout), common::text(&output.stderr));
    let mut wrong = Vec::new();
    if output.status.code() != Some(expected.exit) {
        wrong.push(format!("exit status {:?} instead of {}", output.status.code(), expected.exit));
    }
    if errors.contains("panicked at") {
        wrong.push("panicked".to_owned());
    }
    if !out.is_empty() {
        wrong.push("a result was printed".to_owned());
    }
    // The message of one finding: its head, and the indented lines under it.
    let mut blocks: Vec<String> = Vec::new();
    for line in errors.lines() {
        match blocks.last_mut() {
            Some(block) if line.starts_with(' ') => *block += &format!("\n{line}"),
            _ => blocks.push(line.to_owned()),
        }
    }
    let head = format!("error[{}", expected.code_prefix.as_deref().unwrap_or(""));
    let fits = |block: &&String| {
        let place = match expected.line {
            Some(line) => format!("{}:{line}", expected.file),
            None => expected.file.clone(),
        };
        let points = block.lines().any(|l| l.contains(&place) && !l.contains(&format!("{place}0")));
        let lower = block.to_lowercase();
        block.starts_with(&head)
            && (points || expected.line.is_none() && errors.contains(&place))
            && expected.mentions.iter().all(|m| lower.contains(&m.to_lowercase()))
    };
    if !blocks.iter().any(|b| fits(&b)) {
        wrong.push(format!("no finding {head}..] at {}:{:?} that mentions {:?}", expected.file, expected.line, expected.mentions));
    }
    if !wrong.is_empty() {
        wrong.push(format!("it said:\n{out}{errors}"));
    }
    wrong
}

#[test]
fn every_broken_model_is_refused_with_a_clear_message() {
    let dir = common::root().join("cases/broken");
    let mut names: Vec<String> = std::fs::read_dir(&dir)
        .expect("the cases are there")
        .filter_map(|e| e.unwrap().file_name().into_string().ok())
        .filter(|n| dir.join(n).join("expected.toml").is_file())
        .collect();
    names.sort();
    assert!(names.len() >= 18, "only {} cases were found", names.len());
    let mut failed = 0;
    for name in &names {
        let text = std::fs::read_to_string(dir.join(name).join("expected.toml")).unwrap();
        let expected: Expected = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let wrong = complaints(name, &expected);
        if !wrong.is_empty() {
            failed += 1;
            println!("{name} ({}):\n  {}\n", expected.title, wrong.join("\n  "));
        }
    }
    assert_eq!(failed, 0, "of {} broken models, {failed} are not refused as they should be", names.len());
}
