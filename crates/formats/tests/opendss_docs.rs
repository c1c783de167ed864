//! `docs/opendss-properties.md` is written from the tables of the reader. `GRIDTWIN_UPDATE=1` writes
//! it again; otherwise a page that differs fails.

use std::fmt::Write;
use std::path::Path;

use formats::opendss::class::{CLASSES, Kind, Range, Usage};
use formats::opendss::command::{Action, COMMANDS};
use formats::opendss::options::{OPTIONS, OptionKind};

fn kind(kind: &Kind) -> String {
    let range = |range: &Range| match range {
        Range::Any => "",
        Range::NonNegative => ", zero or more",
        Range::NonPositive => ", zero or less",
        Range::NonZero => ", not zero",
        Range::Positive => ", more than zero",
        Range::AtLeastTwo => ", more than one",
        Range::PowerFactor => ", power factor",
    };
    let words = |set: &formats::opendss::class::EnumDef| {
        let words: Vec<&str> = set.words.iter().map(|w| w.0).collect();
        words.join(" / ")
    };
    match kind {
        Kind::Real(r) => format!("number{}", range(r)),
        Kind::Integer(r) => format!("integer{}", range(r)),
        Kind::Seconds => "seconds (s, m or h)".into(),
        Kind::Boolean | Kind::BooleanAction => "yes / no".into(),
        Kind::Text => "text".into(),
        Kind::Enum(set) | Kind::Action(set) => words(set),
        Kind::IntegerEnum(set) => {
            let words: Vec<String> = set.words.iter().map(|w| format!("{} {}", w.1, w.0)).collect();
            words.join(" / ")
        }
        Kind::Reals => "numbers or file of numbers".into(),
        Kind::Vector => "numbers".into(),
        Kind::Slots => "numbers, one a winding".into(),
        Kind::Integers => "integers".into(),
        Kind::Enums(set) => format!("list of {}", words(set)),
        Kind::Texts => "names".into(),
        Kind::Bus => "bus".into(),
        Kind::Buses => "buses, one a winding".into(),
        Kind::Complex => "complex number".into(),
        Kind::Matrix => "matrix rows".into(),
        Kind::Object(class) => format!("{} name", class.name()),
        Kind::Objects(class) => format!("{} names", class.name()),
        Kind::Element => "element name".into(),
        Kind::Regulated => "Transformer or AutoTrans name".into(),
        Kind::DataFile => "file of numbers".into(),
        Kind::Like => "name of another".into(),
        Kind::ReadOnly => "output".into(),
        Kind::Deprecated => "withdrawn".into(),
    }
}

fn usage(usage: &Usage) -> String {
    match usage {
        Usage::Used => "used".into(),
        Usage::NotNeeded(reason) => format!("read, not used: {reason}"),
        Usage::Refused(reason) => format!("refused: {reason}"),
    }
}

/// Text that cannot be taken for the bars of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn page() -> String {
    let mut page = String::from(
        "# What the OpenDSS reader takes\n\n\
         Every class and property, option and command of OpenDSS (DSS C-API 0.14.5), in its order, and what becomes of it.\n\
         *Used*: it is part of the model. *Read, not used*: it is checked and kept, and cannot change a power flow for the reason\n\
         given. *Refused*: it would change the answer and is not supported; reading fails, unless `--lenient` leaves it out.\n\n\
         This page is written from the reader's tables; a test keeps it so (`GRIDTWIN_UPDATE=1` writes it again).\n",
    );
    for class in CLASSES {
        let _ = write!(page, "\n## {}\n\n| property | value | use |\n| --- | --- | --- |\n", class.name);
        for p in class.properties {
            let _ = writeln!(page, "| `{}` | {} | {} |", p.name, cell(&kind(&p.kind)), usage(&p.usage));
        }
    }
    page.push_str("\n## Options (`Set`)\n\n| option | value | use |\n| --- | --- | --- |\n");
    for o in OPTIONS {
        let value = match o.kind {
            OptionKind::Real => "number".to_string(),
            OptionKind::Integer => "integer".into(),
            OptionKind::Boolean => "yes / no".into(),
            OptionKind::Text => "text".into(),
            OptionKind::Texts => "names".into(),
            OptionKind::Reals => "numbers".into(),
            OptionKind::Enum(set) => set.words.iter().map(|w| w.0).collect::<Vec<_>>().join(" / "),
            OptionKind::StepSize => "seconds (s, m or h)".into(),
            OptionKind::Time => "hour and second".into(),
            OptionKind::ReadOnly => "output".into(),
        };
        let _ = writeln!(page, "| `{}` | {} | {} |", o.name, cell(&value), usage(&o.usage));
    }
    page.push_str("\n## Commands\n\n| command | use |\n| --- | --- |\n");
    for c in COMMANDS {
        let text = match c.action {
            Action::NotExecuted | Action::Query => "accepted, reported as not executed".to_string(),
            Action::Refused(reason) => format!("refused: {reason}"),
            _ => "carried out".into(),
        };
        let _ = writeln!(page, "| `{}` | {text} |", c.name);
    }
    page
}

#[test]
fn the_page_says_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/opendss-properties.md");
    let wanted = page();
    if std::env::var_os("GRIDTWIN_UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "{} differs from the tables; run this test with GRIDTWIN_UPDATE=1", path.display());
}
