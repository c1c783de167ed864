//! The page about telecontrol says what is so.

use scada::document;
use scada::iec104::map::InformationType;
use scada::modbus::map::RegisterType;
use std::path::Path;

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/scada.md")).expect("the page is there")
}

#[test]
fn its_example_is_a_sound_document() {
    let page = page();
    let example = page.split("```yaml\n").nth(1).and_then(|t| t.split("```").next()).expect("an example");
    let document = document::read(example, "docs/scada.md");
    assert!(document.is_sound(), "{:#?}", document.diagnostics);
    assert_eq!(document.devices.iter().map(|d| d.points.len()).collect::<Vec<_>>(), [4, 2]);
}

#[test]
fn it_names_every_type() {
    let page = page();
    let types = RegisterType::ALL.iter().map(|(n, _)| *n).chain(InformationType::ALL.iter().map(|(n, _)| *n));
    for name in types {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}
