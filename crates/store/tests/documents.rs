//! The page of the lake against the schemas: its second half is made from them.

use network::RESULT_TABLES;
use network::result_tables::{FEEDER, STUDY};
use std::fmt::Write;
use std::path::Path;
use store::views::VIEWS;

const MARK: &str = "<!-- From here on made from the schemas; GRIDTWIN_UPDATE=1 cargo test -p store makes it anew. -->\n";

fn schemas() -> String {
    let mut text = "\n## Tables\n\nIn front of every table's columns stand two:\n\n| column | type | meaning |\n|---|---|---|\n".to_owned();
    for column in [STUDY, FEEDER] {
        writeln!(text, "| `{}` | {} | {} |", column.name, column.kind.name(), column.meaning).unwrap();
    }
    for table in RESULT_TABLES {
        write!(text, "\n### {}\n\n{}.\n\n| column | type | unit | meaning |\n|---|---|---|---|\n", table.name, table.meaning).unwrap();
        for c in table.columns {
            let null = if c.nullable { ", or none" } else { "" };
            writeln!(text, "| `{}` | {}{null} | {} | {} |", c.name, c.kind.name(), c.unit, c.meaning).unwrap();
        }
    }
    text += "\n## Views\n";
    for view in VIEWS {
        let needs = view.needs().map(|t| format!("`{t}`")).collect::<Vec<_>>().join(", ");
        write!(text, "\n### {}\n\n{} Made from {needs}.\n\n| column | unit | meaning |\n|---|---|---|\n", view.name, view.meaning())
            .unwrap();
        for c in view.columns() {
            writeln!(text, "| `{}` | {} | {} |", c.name, c.unit, c.meaning).unwrap();
        }
    }
    text
}

#[test]
fn the_page_of_the_lake_has_every_column() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/lake.md");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let (written, made) = page.split_once(MARK).expect("the mark is there");
    if std::env::var_os("GRIDTWIN_UPDATE").is_some_and(|v| v == "1") {
        std::fs::write(&path, format!("{written}{MARK}{}", schemas())).expect("the page can be written");
        return;
    }
    let differs = made.lines().zip(schemas().lines().map(str::to_owned)).find(|(a, b)| a != b);
    assert!(made == schemas(), "docs/lake.md is not what the schemas say, first here: {differs:?}");
}
