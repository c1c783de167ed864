//! Results of other programs: what headers mean, in which unit, and where rows belong in a network.

use formats::MemoryFiles;
use formats::study_results::{Certainty, Mapping, SectionEnd, StudyResults, Unit, ValueColumn, read_file};
use formats::table::TableOptions;
use network::{Alias, Common, EarthModel, LengthUnit, Line, LineImpedance, Network, Quantity, StudyFigure, Terminal};
use std::path::Path;

fn read(text: &str, mapping: Option<&Mapping>) -> Result<StudyResults, String> {
    read_as("results.csv", text.as_bytes(), mapping)
}

fn read_as(name: &str, bytes: &[u8], mapping: Option<&Mapping>) -> Result<StudyResults, String> {
    let files = MemoryFiles::new().with(name, bytes);
    read_file(&files, Path::new(name), &TableOptions::default(), mapping).map_err(|e| e.diagnostics[0].code.clone())
}

fn figures(results: &StudyResults) -> Vec<(String, Option<u32>, Quantity, f64)> {
    results.unjoined().into_iter().map(|f| (f.subject, f.phase, f.quantity, f.value)).collect()
}

fn meaning<'a>(results: &'a StudyResults, header: &str) -> &'a str {
    results.guesses.iter().find(|g| g.header == header).map_or("", |g| g.meaning.as_str())
}

/// Two sections in series, 1 to 2 to 3, named in CYME's way.
fn network() -> Network {
    let mut network = Network::new("two");
    for name in ["n1", "n2", "n 3#b"] {
        let bus = network.bus_or_add(name);
        for node in 1..=3 {
            network.note_node(bus, node);
        }
    }
    for (name, section, from, to) in [("oh-1", "S1", "n1", "n2"), ("oh-2", "S2", "n2", "n 3#b")] {
        let mut common = Common::new(name, 3);
        for bus in [from, to] {
            common.terminals.push(Terminal::new(network.bus_id(bus).unwrap(), vec![1, 2, 3]));
        }
        common.aliases = vec![
            Alias { system: "cyme".to_owned(), id: name.to_uppercase() },
            Alias { system: "cyme_section".to_owned(), id: section.to_owned() },
        ];
        network.add(Line {
            common,
            length: 1.0,
            length_unit: LengthUnit::Kilometre,
            unit_factor: 1.0,
            impedance: LineImpedance::Matrix { z_ohm: Vec::new(), c_nf: Vec::new() },
            earth_r_ohm: 0.0,
            earth_x_ohm: 0.0,
            rho_ohm_m: 100.0,
            earth_model: EarthModel::Carson,
            is_switch: false,
            line_code: None,
            line_type: String::new(),
        });
    }
    network
}

const REPORT: &str = "\
Feeder Id,Section Id,Equipment Id,Code,Loading A(%),Thru Power A(kW),Thru Power A(kvar),VA(%),VB (%),Equipment No\n\
F1,S1,ACSR,OH,45.2,1200.5,300,99.5,98.1,OH-1\n\
F1,S2,ACSR,OH,12,,,97.25,-,OH-2\n";

#[test]
fn a_report_of_cyme_is_understood_from_its_headers() {
    let results = read(REPORT, None).unwrap();
    assert_eq!(meaning(&results, "Section Id"), "section");
    assert_eq!(meaning(&results, "Equipment No"), "device");
    assert_eq!(meaning(&results, "VA(%)"), "v_pu of phase 1, from %");
    assert_eq!(meaning(&results, "Thru Power A(kvar)"), "q_kvar of phase 1, from kvar");
    assert_eq!(results.unused, ["Equipment Id", "Code"]);
    assert_eq!((results.rejects.len(), results.diagnostics.len()), (0, 0));
    let joined = results.join(&network());
    let expected = [
        ("line.oh-1", Some(1), Quantity::LoadingPct, 45.2),
        ("line.oh-1", Some(1), Quantity::PKw, 1200.5),
        ("line.oh-1", Some(1), Quantity::QKvar, 300.0),
        ("n2", Some(1), Quantity::VPu, 0.995),
        ("n2", Some(2), Quantity::VPu, 0.981),
        ("line.oh-2", Some(1), Quantity::LoadingPct, 12.0),
        ("n 3#b", Some(1), Quantity::VPu, 0.9725),
    ];
    assert_eq!(joined.figures.len(), expected.len());
    for (figure, (subject, phase, quantity, value)) in joined.figures.iter().zip(expected) {
        assert_eq!((figure.subject.as_str(), figure.phase, figure.quantity), (subject, phase, quantity));
        assert!((figure.value - value).abs() < 1e-12, "{figure:?}");
    }
    assert_eq!((joined.matched, joined.unmatched, joined.rejects.len()), (2, 0, 0));
    // At which end a section's voltage is, is said.
    assert_eq!(joined.diagnostics[0].code, "CYME.RESULTS.SECTION_END");
}

#[test]
fn the_profile_that_a_guess_gives_reads_the_same() {
    let guessed = read(REPORT, None).unwrap();
    let text = guessed.mapping.to_yaml().unwrap();
    let profile = Mapping::from_yaml(&text).unwrap();
    assert_eq!(profile, guessed.mapping);
    let told = read(REPORT, Some(&profile)).unwrap();
    assert_eq!(figures(&told), figures(&guessed));
    assert!(told.guesses.iter().all(|g| g.certainty == Certainty::Told));
    assert_eq!(told.unused, guessed.unused);
}

#[test]
fn a_profile_says_what_headers_do_not() {
    let text = "Place;X1;X2\nS1;7,1;0,5\nS2;6,9;0,4\n";
    assert_eq!(read(text, None).unwrap_err(), "CYME.RESULTS.NO_KEY");
    let profile = Mapping::from_yaml(
        "section: Place\nsection_end: from\nvalues:\n  X1: { quantity: v_volt, phase: 3, unit: kV }\n  X2: { quantity: i_a, unit: kA }\n",
    )
    .unwrap();
    assert_eq!(
        (profile.section_end, profile.values["X1"]),
        (SectionEnd::From, ValueColumn { quantity: Quantity::VVolt, phase: Some(3), unit: Unit::Kilovolt })
    );
    let joined = read(text, Some(&profile)).unwrap().join(&network());
    let found: Vec<(&str, Option<u32>, f64)> =
        joined.figures.iter().map(|f: &StudyFigure| (f.subject.as_str(), f.phase, f.value)).collect();
    assert_eq!(found, [("n1", Some(3), 7100.0), ("line.oh-1", None, 500.0), ("n2", Some(3), 6900.0), ("line.oh-2", None, 400.0)]);
    for (wrong, code) in [
        ("section: Place\nvalues:\n  X9: { quantity: i_a, unit: A }\n", "CYME.RESULTS.NO_COLUMN"),
        ("section: Place\nvalues:\n  X1: { quantity: i_a, unit: kV }\n", "CYME.RESULTS.UNIT_MISFIT"),
        ("section: Place\nvalues:\n  X1: { quantity: i_a, phase: 7, unit: A }\n", "CYME.RESULTS.PROFILE"),
    ] {
        assert_eq!(read(text, Some(&Mapping::from_yaml(wrong).unwrap())).unwrap_err(), code);
    }
    assert_eq!(Mapping::from_yaml("colour: red").unwrap_err().diagnostics[0].code, "CYME.RESULTS.PROFILE");
}

#[test]
fn phases_may_stand_in_rows() {
    let results = read(
        "node,phase,computed_vpu,computed_angle_deg,published_vpu\nn1,A,1.0,0.0,1.0\nN2,b,0.98,-120.4,\n\"n 3#b\",C,0.95,119,0.94\n",
        None,
    )
    .unwrap();
    assert_eq!(results.guesses.iter().filter(|g| g.certainty == Certainty::Guess).count(), 2);
    // The second column that tells the same is named, not mixed in.
    assert_eq!(results.unused, ["published_vpu"]);
    let joined = results.join(&network());
    let volts: Vec<_> =
        joined.figures.iter().filter(|f| f.quantity == Quantity::VPu).map(|f| (f.subject.as_str(), f.phase, f.value)).collect();
    assert_eq!(volts, [("n1", Some(1), 1.0), ("n2", Some(2), 0.98), ("n 3#b", Some(3), 0.95)]);
    assert_eq!(joined.figures.len(), 6);
}

#[test]
fn units_are_told_guessed_or_asked_for() {
    let values = |text: &str| {
        read(text, None)
            .map(|r| (r.figures[0].quantity, r.figures[0].value, r.diagnostics.iter().map(|d| d.code.clone()).collect::<Vec<_>>()))
    };
    let guessed = || vec!["CYME.RESULTS.UNIT_GUESSED".to_owned()];
    assert_eq!(values("Node,VA\nx,98\ny,99\n"), Ok((Quantity::VPu, 0.98, guessed())));
    assert_eq!(values("Node,VA\nx,0.98\ny,0.99\n"), Ok((Quantity::VPu, 0.98, guessed())));
    assert_eq!(values("Node,VA\nx,7200\ny,7100\n").unwrap_err(), "CYME.RESULTS.UNIT_UNKNOWN");
    assert_eq!(values("Node,VA (kV)\nx,7.2\n"), Ok((Quantity::VVolt, 7200.0, vec![])));
    assert_eq!(values("Node,KWA\nx,12\n"), Ok((Quantity::PKw, 12.0, vec![])));
    assert_eq!(values("Node,P (MW)\nx,12\n"), Ok((Quantity::PKw, 12_000.0, vec![])));
    // Percent by the header, per unit by the values: said, not mended.
    let doubtful = values("Node,VA (%)\nx,0.98\ny,0.99\n").unwrap();
    assert!((doubtful.1 - 0.0098).abs() < 1e-15);
    assert_eq!(doubtful.2, ["CYME.RESULTS.UNIT_DOUBTFUL"]);
}

#[test]
fn decimal_commas_are_found_and_doubt_is_an_error() {
    assert_eq!(read("Node;VA (%)\nx;98,25\n", None).unwrap().figures[0].value, 0.9825);
    assert_eq!(read("Node;P (kW)\nx;1.234,5\n", None).unwrap().figures[0].value, 1234.5);
    assert_eq!(read("Node;P (kW)\nx;1,234.5\n", None).unwrap().figures[0].value, 1234.5);
    assert_eq!(read("Node;P (kW)\nx;1,234\n", None).unwrap_err(), "CYME.RESULTS.DECIMAL_SIGN");
    let told = Mapping { decimal_comma: Some(true), ..Mapping::default() };
    assert_eq!(read("Node;P (kW)\nx;1,234\n", Some(&told)).unwrap().figures[0].value, 1.234);
}

#[test]
fn what_cannot_be_read_is_put_aside_with_its_reason() {
    let results = read("Section Id,Phase,V (pu)\nS1,A,1.0\nS1,Q,1.0\nS1,B,high\n,,1.0\nS9,C,0.9\n", None).unwrap();
    let reasons: Vec<(u32, &str)> = results.rejects.iter().map(|r| (r.source.line, r.reason.as_str())).collect();
    assert_eq!(
        reasons,
        [(3, "the phase cannot be read: `Q`"), (4, "V (pu) cannot be read: `high`"), (5, "nothing says what the row is about")]
    );
    assert_eq!(results.figures.len(), 2);
    let joined = results.join(&network());
    assert_eq!((joined.matched, joined.unmatched, joined.rejects.len()), (1, 1, 1));
    assert!(joined.diagnostics.iter().any(|d| d.code == "CYME.RESULTS.UNMATCHED"));
    assert_eq!(read("Section Id,Comment\nS1,ok\n", None).unwrap_err(), "CYME.RESULTS.NO_VALUE");
    let strange = read("Node,V (pu)\nelsewhere,1.0\n", None).unwrap().join(&network());
    assert_eq!(strange.diagnostics[0].code, "CYME.RESULTS.NOTHING_MATCHED");
}

#[test]
fn xml_is_read_by_its_repeating_element() {
    let xml = "<?xml version=\"1.0\"?>\n<Report><Title>Load flow</Title><Rows>\n\
        <Row><SectionId>S1</SectionId><VpuA>0.99</VpuA><IA>100</IA></Row>\n<Row><SectionId>S2</SectionId><IA>50</IA><VpuA>0.98</VpuA></Row>\n</Rows></Report>";
    let results = read_as("r.xml", xml.as_bytes(), None).unwrap();
    assert_eq!(
        results.figures.iter().map(|f| (f.source.line, f.quantity, f.value)).collect::<Vec<_>>(),
        [(3, Quantity::VPu, 0.99), (3, Quantity::IA, 100.0), (4, Quantity::VPu, 0.98), (4, Quantity::IA, 50.0)]
    );
    let attributes = "<data><row NodeId='n1' VpuA='0.99'/><row NodeId='n2' VpuA='0.97'/></data>";
    assert_eq!(read_as("r.xml", attributes.as_bytes(), None).unwrap().join(&network()).figures.len(), 2);
    let code = |text: &str| read_as("r.xml", text.as_bytes(), None).unwrap_err();
    assert_eq!(code("<a><b>1</b>"), "CYME.RESULTS.MALFORMED");
    assert_eq!(code("<!DOCTYPE x [<!ENTITY e 'x'>]><a>&e;</a>"), "CYME.RESULTS.MALFORMED");
    assert_eq!(code("<a><b>1</b></a>"), "CYME.RESULTS.NO_ROWS");
    assert_eq!(code(&"<a>".repeat(1000)), "CYME.RESULTS.TOO_DEEP");
}

#[test]
fn our_own_result_files_and_opendss_exports_are_known() {
    let own = "node,kvbase_ln,v_re,v_im,v_pu,angle_deg\nn1.1,7.2,7200,0,1,0\nn2.2,7.2,-3000,-4000,0.694,-126.9\nn2.3,0,30,40,0,53.1\n";
    let joined = read_as("nodes.csv", own.as_bytes(), None).unwrap().join(&network());
    let found: Vec<_> = joined.figures.iter().map(|f| (f.subject.as_str(), f.phase.unwrap(), f.quantity, f.value)).collect();
    use Quantity::{VAngleDeg, VPu, VVolt};
    assert_eq!(
        found,
        [
            ("n1", 1, VVolt, 7200.0),
            ("n1", 1, VAngleDeg, 0.0),
            ("n1", 1, VPu, 1.0),
            ("n2", 2, VVolt, 5000.0),
            ("n2", 2, VAngleDeg, -126.9),
            ("n2", 2, VPu, 0.694),
            // Without a base there is no figure in per unit.
            ("n2", 3, VVolt, 50.0),
            ("n2", 3, VAngleDeg, 53.1)
        ]
    );
    let opendss = "Bus, BasekV, Node1, Magnitude1, Angle1, pu1, Node2, Magnitude2, Angle2, pu2, Node3, Magnitude3, Angle3, pu3\n\
        \"N1\", 12.47, 1, 7199.6, 0.0, 1.0, 2, 7199.6, -120.0, 1.0, 3, 7199.6, 120.0, 1.0\n\"N2\", 12.47, 2, 7100, -120.5, 0.986\n";
    let joined = read_as("ieee_EXP_VOLTAGES.csv", opendss.as_bytes(), None).unwrap().join(&network());
    assert_eq!((joined.figures.len(), joined.unmatched), (12, 0));
    let last: Vec<_> = joined.figures[9..].iter().map(|f| (f.subject.as_str(), f.phase, f.quantity, f.value)).collect();
    assert_eq!(last, [("n2", Some(2), VVolt, 7100.0), ("n2", Some(2), VAngleDeg, -120.5), ("n2", Some(2), VPu, 0.986)]);
}

#[test]
fn mutated_tables_never_panic() {
    let mut seed = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap()
    };
    let network = network();
    let mut read_well = 0;
    for round in 0..400 {
        let mut bytes = if round % 2 == 0 {
            REPORT.as_bytes().to_vec()
        } else {
            b"<r><a><SectionId>S1</SectionId><VpuA>1</VpuA></a><a><SectionId>S2</SectionId><VpuA>1</VpuA></a></r>".to_vec()
        };
        for _ in 0..1 + next() % 4 {
            let at = next() % bytes.len();
            match next() % 3 {
                0 => bytes[at] = u8::try_from(next() % 256).unwrap(),
                1 => {
                    bytes.remove(at);
                }
                _ => bytes.insert(at, b",;\n<>&\"."[next() % 8]),
            }
        }
        if let Ok(results) = read_as("r", &bytes, None) {
            read_well += 1;
            let _ = results.join(&network);
        }
    }
    assert!(read_well > 50, "{read_well}");
}
