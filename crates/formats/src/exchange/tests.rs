use super::*;
use crate::table::{self, TableOptions};
use network::design::Status;

const DESIGN: &str = include_str!("../../../../models/exchange/design.yaml");

macro_rules! document {
    ($file:literal) => {
        include_str!(concat!("../../../../models/exchange/document/", $file))
    };
}
macro_rules! result {
    ($mode:literal, $file:literal) => {
        ResultFile { name: $file, bytes: include_bytes!(concat!("../../../../models/exchange/results/", $mode, "/", $file)) }
    };
}

fn sample() -> Design {
    let (design, findings) = read_design(DESIGN, "design.yaml").unwrap();
    assert_eq!(findings, []);
    design
}

fn exported(tool: Tool) -> Export {
    export(&sample(), tool, &ExportOptions::default()).unwrap()
}

fn text(export: &Export, name: &str) -> String {
    let file = export.files.iter().find(|f| f.name == name).unwrap_or_else(|| panic!("{name}"));
    String::from_utf8(file.bytes.clone()).unwrap()
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|l| !l.is_empty()).collect()
}

/// Every line of the document's fragment stands in our file; ours may have more columns at the end.
fn begins_with(ours: &str, document: &str) {
    for line in lines(document) {
        assert!(lines(ours).iter().any(|l| *l == line || l.starts_with(&format!("{line},"))), "{line}\nnot in\n{ours}");
    }
}

#[test]
fn a_design_comes_back_from_its_document() {
    let design = sample();
    assert_eq!(read_design(&write_design(&design), "d.json").unwrap().0, design);
    assert_eq!((design.generators.len(), design.load_mw(), design.scenarios().len()), (10, 200.0, 3 + 11 + 1));
    assert!((design.load_pf() - 0.95).abs() < 1e-12);
    let criteria = network::design::criteria::Criteria::default();
    assert_eq!(read_criteria(&write_criteria(&criteria), "c.json").unwrap(), criteria);
    let changed = read_criteria("duty_pct: {warning: 70, fail: 90}\n", "c.yaml").unwrap();
    assert_eq!((changed.duty_pct.fail, changed.loading_pct), (90.0, criteria.loading_pct));
    for (text, code) in [
        ("duty_pct: {warning: 95, fail: 90}", "EXCHANGE.CRITERIA.VALUE"),
        ("duty: 3", "EXCHANGE.CRITERIA.UNREADABLE"),
        ("ram: {availability_min: 99.95, downtime_h_max: 4.38}", "EXCHANGE.CRITERIA.VALUE"),
    ] {
        assert_eq!(read_criteria(text, "c").unwrap_err().diagnostics[0].code, code, "{text}");
    }
    for text in ["", "buses: 3", "nonsense: 1", ": [", "name: x\nbuses:\n- {id: B}"] {
        assert!(read_design(text, "d").is_err(), "{text}");
    }
}

#[test]
fn the_documents_tables_come_out_to_the_digit() {
    let etap = exported(Tool::Etap);
    begins_with(&text(&etap, "ETAP_Equipment_Import.csv"), document!("ETAP_Equipment_Import.csv"));
    begins_with(&text(&etap, "ETAP_Scenarios.csv"), document!("ETAP_Scenarios.csv"));
    let ram = exported(Tool::Windchill);
    begins_with(&text(&ram, "RAM_Component_Data.csv"), document!("RAM_Component_Data.csv"));
    // Its first block has an ellipsis, which is no data: the list stands in its place.
    let blocks = text(&ram, "RAM_RBD_Structure.csv");
    let document: Vec<&str> = lines(document!("RAM_RBD_Structure.csv")).into_iter().filter(|l| !l.contains("...")).collect();
    assert_eq!(document.len(), 3);
    begins_with(&blocks, &document.join("\n"));
    let all = (1..=8).map(|i| format!("GEN_RECIP_{i:02}")).chain(["GEN_GT_01".into(), "GEN_GT_02".into()]).collect::<Vec<_>>().join(",");
    let first = format!("THERMAL_GEN,Thermal Generation,PARALLEL_K_OF_N,\"{all}\",9,10,N-1 redundancy");
    begins_with(&blocks, &first);
    // The document's machine and branch of the RAW sample: base 21.53 MVA, limits 10.75 and -6.45, set point 1.01, 0.001 + j 0.01.
    let network = sample().network().unwrap();
    let m = &network.machines[0];
    assert_eq!((format!("{:.2}", m.base_mva).as_str(), m.q_max_mvar, m.q_min_mvar, m.v_set_pu), ("21.53", 10.75, -6.45, 1.01));
    let b = &network.ac_branches[0];
    assert_eq!((format!("{:.5}", b.r_pu), format!("{:.5}", b.x_pu), b.ratings_mva[0]), ("0.00100".into(), "0.01000".into(), 100.0));
    assert_eq!(network.buses[0].transmission.as_ref().unwrap().name, "RECIP_01");
}

#[test]
fn what_is_exported_reads_back() {
    for tool in [Tool::Etap, Tool::Psse, Tool::Windchill] {
        let all = exported(tool);
        assert_eq!(all.manifest.files.len(), all.files.len());
        assert_eq!(all.findings.iter().map(|d| d.code.as_str()).collect::<Vec<_>>(), ["EXCHANGE.SCENARIO.SHORTFALL"], "both turbines lost");
        for f in all.files.iter().filter(|f| f.name.ends_with(".csv")) {
            let table = table::read_bytes(&f.bytes, &f.name, &TableOptions::default()).unwrap();
            let Preview::Table { headers, rows, n_rows } = &f.preview else { panic!("{}", f.name) };
            assert_eq!((&table.headers, table.rows.len()), (headers, *n_rows), "{}", f.name);
            for (read, shown) in table.rows.iter().zip(rows) {
                assert_eq!(&read.cells, shown, "{}", f.name);
            }
        }
        assert_eq!(read_manifest(all.manifest_text().as_bytes(), MANIFEST).unwrap(), all.manifest);
        assert_eq!(all.zip(), exported(tool).zip());
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(all.zip())).unwrap();
        assert_eq!(zip.len(), all.files.len() + 1);
        for f in &all.manifest.files {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut zip.by_name(&f.name).unwrap(), &mut bytes).unwrap();
            assert_eq!((sha256_hex(&bytes), bytes.len() as u64), (f.sha256.clone(), f.bytes), "{}", f.name);
        }
    }
    // The workbook's sheets are the CSV files.
    let etap = exported(Tool::Etap);
    let book = &etap.files.iter().find(|f| f.name.ends_with(".xlsx")).unwrap().bytes;
    let sheet = |name: &str| table::read_bytes(book, "b", &TableOptions { sheet: Some(name.into()), ..TableOptions::default() }).unwrap();
    let csv = table::read_bytes(text(&etap, "ETAP_Equipment_Import.csv").as_bytes(), "c", &TableOptions::default()).unwrap();
    for (a, b) in sheet("Equipment").rows.iter().zip(&csv.rows) {
        for (a, b) in a.cells.iter().zip(&b.cells) {
            assert!(a == b || a.parse::<f64>().unwrap() == b.parse::<f64>().unwrap(), "{a} {b}");
        }
    }
    assert_eq!(sheet("Scenarios").rows.len(), 15);
    // Components and blocks are the design's again.
    let design = sample();
    let ram = exported(Tool::Windchill);
    assert_eq!(ram_tables::read_components(text(&ram, "RAM_Component_Data.csv").as_bytes(), "c").unwrap(), design.components);
    assert_eq!(ram_tables::read_blocks(text(&ram, "RAM_RBD_Structure.csv").as_bytes(), "b").unwrap(), design.blocks);
    let tree = windchill::tree(&design);
    let column = |c: usize| tree.rows.iter().map(|r| r[c].text().to_owned()).collect::<Vec<_>>();
    assert_eq!(
        (tree.rows.len(), &column(0)[..3], &column(7)[..3]),
        (15, &["1".into(), "2".into(), "3".into()][..], &["".into(), "SYSTEM".into(), "THERMAL_GEN".into()][..])
    );
}

#[test]
fn a_design_with_faults_is_not_exported() {
    let mut design = sample();
    design.generators[0].bus = "BUS_999".into();
    design.generators[1].rated_mw = -1.0;
    let faults = export(&design, Tool::Etap, &ExportOptions::default()).unwrap_err();
    assert!(faults.len() >= 2, "{faults:?}");
    let version = export(&sample(), Tool::Psse, &ExportOptions { version: 32, ..ExportOptions::default() }).unwrap_err();
    assert_eq!(version[0].code, "RAW.WRITE.VERSION");
    let mut design = sample();
    design.generators.iter_mut().for_each(|g| g.status = Status::Offline);
    assert!(export(&design, Tool::Psse, &ExportOptions::default()).unwrap_err().iter().any(|d| d.code == "EXCHANGE.SCENARIO.ALL_TRIPPED"));
}

fn imported(files: &[ResultFile<'_>]) -> ImportedResults {
    read_results(&sample(), files, None).unwrap_or_else(|e| panic!("{:#?}", e.diagnostics))
}

fn codes(files: &[ResultFile<'_>]) -> Vec<(String, u32)> {
    let error = read_results(&sample(), files, None).unwrap_err();
    let errors = error.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    errors.map(|d| (d.code.trim_start_matches("EXCHANGE.RESULT.").to_owned(), d.source.as_ref().map_or(0, |s| s.line))).collect()
}

fn csv(text: &str) -> [ResultFile<'_>; 1] {
    [ResultFile { name: "r.csv", bytes: text.as_bytes() }]
}

#[test]
fn the_sample_results_are_read() {
    let all = imported(&[
        result!("all_pass", "ETAP_LoadFlow_Results.csv"),
        result!("all_pass", "ETAP_ShortCircuit_Results.csv"),
        result!("all_pass", "PSSe_PowerFlow_Results.csv"),
        result!("all_pass", "RAM_Results.csv"),
    ]);
    assert_eq!(all.findings, []);
    let r = all.results;
    let lists = (r.load_flow.unwrap(), r.short_circuit.unwrap(), r.power_flow.unwrap(), r.ram.unwrap());
    assert_eq!((lists.0.len(), lists.1.len(), lists.2.len(), lists.3.len()), (13, 13, 13, 3));
    assert_eq!((lists.0[11].bus_id.as_str(), lists.0[11].p_mw, lists.0[11].origin.source.line), ("BUS_200", Some(-200.0), 13));
    assert_eq!((lists.3[2].availability, lists.3[2].annual_downtime_h), (0.99972, Some(2.45)));
    // The document's own fragments.
    for (name, text) in [
        ("a", document!("ETAP_LoadFlow_Results.csv")),
        ("b", document!("ETAP_ShortCircuit_Results.csv")),
        ("c", document!("PSSe_PowerFlow_Results.csv")),
        ("d", document!("RAM_Results.csv")),
    ] {
        imported(&[ResultFile { name, bytes: text.as_bytes() }]);
    }
}

#[test]
fn headers_may_be_written_in_many_ways() {
    let expected = imported(&csv("Bus_ID,Voltage_pu,P_MW,Loading_pct\nBUS_200,0.98,-200,75.5\n")).results.load_flow.unwrap();
    for text in [
        "loading %;BUS ID;Voltage (pu);P (kW)\n75,5;bus_200;0,98;-200000\n",
        "\u{feff}Bus Id,VOLTAGE (%),p mw,Loading (%)\n BUS_200 ,98,-200.0,75.5\n",
        "Load Flow Report\n\nbus_id,Voltage [kV],P_GW,Loading\nBUS_200,13.524,-0.2,75.5 %\n",
    ] {
        let got = imported(&csv(text)).results.load_flow.unwrap();
        assert_eq!(got[0].bus_id, expected[0].bus_id, "{text}");
        assert!((got[0].voltage_pu - 0.98).abs() < 1e-12, "{text}: {}", got[0].voltage_pu);
        assert_eq!((got[0].p_mw, got[0].loading_pct), (expected[0].p_mw, expected[0].loading_pct), "{text}");
    }
    let extra = imported(&csv("Bus_ID,Voltage_pu,Remark\nBUS_200,0.98,hot\n"));
    assert_eq!(extra.results.load_flow.unwrap()[0].origin.extra["Remark"], "hot");
    let ram = imported(&csv("BLOCK ID,Availability (%),MTBF (years),Downtime (min)\nSYSTEM,99.972,4.0,147\n")).results.ram.unwrap();
    assert!((ram[0].availability - 0.99972).abs() < 1e-12 && (ram[0].availability_rounding - 5e-6).abs() < 1e-15);
    assert!(ram[0].mtbf_h == Some(35040.0) && (ram[0].annual_downtime_h.unwrap() - 2.45).abs() < 1e-12);
}

#[test]
fn workbooks_are_read_by_their_sheets() {
    let rows = |text: &str| -> Vec<Vec<Cell>> { text.lines().skip(1).map(|l| l.split(',').map(Cell::from).collect()).collect() };
    let flow = "Bus_ID,Voltage_pu,Loading_pct\nBUS_200,0.98,75.5";
    let sheets = [
        Sheet { name: "Cover", headers: vec!["Report", "of"], rows: vec![vec!["a".into(), "b".into()]] },
        // Numbers as text.
        Sheet { name: "Flow", headers: vec!["Bus_ID", "Voltage_pu", "Loading_pct"], rows: rows(flow) },
        Sheet { name: "RAM", headers: vec!["Block_ID", "Availability"], rows: vec![vec!["SYSTEM".into(), Cell::Number("0.9997".into())]] },
    ];
    let book = workbook(&sheets);
    let all = imported(&[ResultFile { name: "r.xlsx", bytes: &book }]);
    assert_eq!(
        all.found.iter().map(|(n, k)| (n.as_str(), *k)).collect::<Vec<_>>(),
        [("r.xlsx#Flow", ResultKind::LoadFlow), ("r.xlsx#RAM", ResultKind::Ram)]
    );
    assert_eq!(all.results.load_flow.unwrap()[0].voltage_pu, 0.98);
    // A header merged over two rows.
    let merged = Sheet {
        name: "Flow",
        headers: vec!["Bus_ID", "Voltage", "", "Loading"],
        rows: vec![
            vec!["".into(), "pu".into(), "kV".into(), "%".into()],
            vec!["BUS_200".into(), Cell::Number("1".into()), Cell::Number("13.8".into()), Cell::Number("3".into())],
        ],
    };
    assert_eq!(codes(&[ResultFile { name: "r.xlsx", bytes: &workbook(&[merged]) }]), [("MERGED_HEADER".to_owned(), 2)]);
    assert!(read_results(&sample(), &[ResultFile { name: "r.xlsx", bytes: b"PK\x03\x04broken" }], None).is_err());
}

#[test]
fn all_faults_come_at_once_with_their_rows() {
    let text = "Bus_ID,Voltage_pu,P_MW,Loading_pct,Scenario_ID\nBUS_999,1.0,1,2,\nBUS_200,NaN,1,2,\nBUS_200,1.0,\"1,5\",-2,\nBUS_100,,1,2,\nBUS_101,1.0,1,2,NOWHERE\nBUS_200,1.0,1,2,\n";
    let found = codes(&csv(text));
    let expected =
        [("BUS_UNKNOWN", 2), ("NUMBER", 3), ("NUMBER", 4), ("NEGATIVE", 4), ("CELL_EMPTY", 5), ("SCENARIO_UNKNOWN", 6), ("REPEATED", 7)];
    assert_eq!(found, expected.map(|(c, l)| (c.to_owned(), l)));
    for (text, code) in [
        ("Bus_ID,Isc_kA,Fault_Type,Breaker_Rating_kA\nBUS_200,42.8,3-Phase,-63\n", "NEGATIVE"),
        ("Bus_ID,Isc_kA,Fault_Type,Breaker_Rating_kA\nBUS_200,42.8,3-Phase,0\n", "RATING"),
        ("Bus_ID,Isc_kA,Fault_Type\nBUS_200,42.8,3-Phase\nBUS_200,40,3-phase\n", "REPEATED"),
        ("Bus_ID,Voltage\nBUS_200,13.8\n", "UNKNOWN"),
        ("Bus_ID,Voltage (pu),P (hp)\nBUS_200,1,2\n", "UNIT"),
        ("Bus_ID,Voltage_pu,Voltage (%)\nBUS_200,1,100\n", "COLUMN_REPEATED"),
        ("Bus_ID,Isc (hp),Fault_Type\nBUS_200,1,3-Phase\n", "COLUMN_MISSING"),
        ("Block_ID,Availability\nSYSTEM,1.2\n", "AVAILABILITY"),
        ("Block_ID,Availability\nSYSTEM,0\n", "AVAILABILITY"),
        ("Block_ID,Availability\nELSEWHERE,0.9\n", "BLOCK_UNKNOWN"),
        ("BUS,VM_PU,VA_DEG\n77,1,0\n", "BUS_UNKNOWN"),
        ("BUS,VM_PU,VA_DEG,BASKV\n200,1,0,138\n", "BASE_KV"),
        ("Bus_ID,Voltage_pu\n", "EMPTY"),
        ("Bus_ID;Voltage_pu\nBUS_200;1.000,5\n", "NUMBER"),
    ] {
        let found = codes(&csv(text));
        assert!(found.iter().any(|(c, _)| c == code), "{text}: {found:?}");
    }
    let flow = ResultFile { name: "a.csv", bytes: b"Bus_ID,Voltage_pu\nBUS_200,1\n" };
    assert_eq!(codes(&[flow.clone(), ResultFile { name: "b.csv", ..flow.clone() }])[0].0, "KIND_REPEATED");
    assert_eq!(codes(&[])[0].0, "NONE");
    // One bad file and nothing of the good one comes in; a manifest of another design is told.
    let mut other = sample();
    other.loads[0].p_mw = 190.0;
    let manifest = export(&other, Tool::Etap, &ExportOptions::default()).unwrap().manifest_text();
    assert_eq!(
        codes(&[flow.clone(), ResultFile { name: "x/manifest.json", bytes: manifest.as_bytes() }]),
        [("OTHER_DESIGN".to_owned(), 0)]
    );
    let manifest = exported(Tool::Etap).manifest_text();
    imported(&[flow, ResultFile { name: "manifest.json", bytes: manifest.as_bytes() }]);
}
