//! The page of parameters and the schema are what the table of parameters makes of them. `GRIDTWIN_UPDATE=1` stores them anew.

use std::fs;
use std::path::Path;

fn is_stored(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("GRIDTWIN_UPDATE").is_some() {
        fs::write(&path, made).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    let first = stored.lines().zip(made.lines()).position(|(a, b)| a != b);
    assert!(stored == made, "docs/{name} is not what the table makes, from line {:?}; GRIDTWIN_UPDATE=1 stores it", first.map(|l| l + 1));
}

#[test]
fn the_page_is_of_the_table() {
    is_stored("scenario-parameters.md", &formats::scenario::parameter_page());
}

#[test]
fn the_schema_is_of_the_table() {
    is_stored("scenario.schema.json", &(serde_json::to_string_pretty(&formats::scenario::json_schema()).unwrap() + "\n"));
}
