//! CYME text: grammar, units, traps, and input that is no study.

use formats::MemoryFiles;
use formats::cyme::{self, Options};
use network::{Imported, LineImpedance, Severity};
use std::path::Path;

const NETWORK: &str = "[GENERAL]\r\nCYME_VERSION=8.00\r\n\r\n[si]\r\n\r\n[NODE]\r\nFORMAT_NODE=NodeID,CoordX,CoordY\r\na,0,0\r\n\r\nb 1/#2,10,5\r\n\
[SOURCE EQUIVALENT]\r\nFORMAT_SOURCEEQUIVALENT=NodeID,Voltage,OperatingVoltage1,OperatingVoltage2,OperatingVoltage3\r\na,12.47,7.199558,7.199558,7.199558\r\n\
[OVERHEAD BYPHASE SETTING]\r\nFORMAT_OVERHEADBYPHASESETTING=SectionID,DeviceNumber,CondID_A,CondID_B,CondID_C,CondID_N1,CondID_N2,SpacingID,Length,ConnectionStatus,ConductorPosition,EarthResistivity\r\n\
1,L1,W,W,W,W,NONE,SP,1000,0,11\r\n\
[Section]\r\nFORMAT_SECTION=SectionID,FromNodeID,ToNodeID,Phase,ZoneID\r\nFORMAT_FEEDER=NetworkID,HeadNodeID,Description\r\nFEEDER=77,a,\r\n1,a,b 1/#2,ABC\r\n";
const EQUIPMENT: &str = "[GENERAL]\nCYME_VERSION=8.00\n[SI]\n[CONDUCTOR]\nFORMAT_CONDUCTOR=ID,Diameter,GMR,R25,R50,Amps,Amps_1,Comments\nW,1.8,0.7,0.2,0.2,500,600,a, comment, with commas\n\
[SPACING TABLE FOR LINE]\nFORMAT_SPACINGTABLEFORLINE=ID,PosOfCond1_X,PosOfCond1_Y,PosOfCond2_X,PosOfCond2_Y,PosOfCond3_X,PosOfCond3_Y,PosOfNeutralCond_X,PosOfNeutralCond_Y\nSP,0,8.5,0.8,8.5,2.1,8.5,1.2,7.3\n";
const LOAD: &str = "[GENERAL]\nCYME_VERSION=8.00\n[SI]\n[CUSTOMER CLASS]\nFORMAT_CUSTOMERCLASS=ID,IsExponentialModel,ConstantPowerPP,ConstantPowerPQ\nPQ,0,100,100\n\
[LOADS]\nFORMAT_LOADS=SectionID,DeviceNumber,LoadType,Connection,Location\n1,D1,SPOT,0,2\n\
[CUSTOMER LOADS]\nFORMAT_CUSTOMERLOADS=SectionID,DeviceNumber,LoadType,CustomerNumber,CustomerType,ConnectionStatus,Year,LoadModelID,ValueType,LoadPhase,Value1,Value2,ConnectedKVA,KWH,NumberOfCustomer\n\
1,D1,SPOT,C9,PQ,0,2010,1,0,A,40,20,0,900,3\n1,D1,SPOT,C9,PQ,0,2008,1,0,A,99,99,0,900,3\n";

fn files(network: &str, equipment: &str, load: &str) -> MemoryFiles {
    MemoryFiles::new()
        .with("s/any.txt", network.as_bytes())
        .with("s/other.txt", equipment.as_bytes())
        .with("s/third.txt", load.as_bytes())
        .with("s/readme.txt", "no study at all")
}

fn read(network: &str, equipment: &str, load: &str) -> Imported {
    cyme::text::read(&files(network, equipment, load), Path::new("s"), &Options::default()).expect("the study reads")
}

fn has(imported: &Imported, code: &str) -> bool {
    imported.diagnostics.iter().any(|d| d.code == code)
}

#[test]
fn the_three_files_are_found_from_the_folder_and_from_any_of_them() {
    let files = files(NETWORK, EQUIPMENT, LOAD);
    let whole = cyme::text::read(&files, Path::new("s"), &Options::default()).expect("folder");
    for name in ["any", "other", "third"] {
        let one = cyme::text::read(&files, &Path::new("s").join(format!("{name}.txt")), &Options::default()).expect(name);
        assert_eq!(one.network.order, whole.network.order, "{name}");
    }
    let refused = cyme::text::read(&files, Path::new("s/readme.txt"), &Options::default()).unwrap_err();
    assert_eq!(refused.diagnostics[0].code, "CYME.FILES.NOT_CYME");
}

#[test]
fn grammar_names_and_customers() {
    let imported = read(NETWORK, EQUIPMENT, LOAD);
    let n = &imported.network;
    assert_eq!(n.buses.iter().map(|b| b.name.as_str()).collect::<Vec<_>>(), ["a", "b 1/#2"]);
    assert_eq!(n.buses[1].xy, Some((10.0, 5.0)));
    let line = &n.lines[0];
    assert_eq!((line.common.name.as_str(), line.common.feeder.as_str()), ("l1", "77"));
    // Positions B, A, C: the conductors go over the spacing in that order.
    assert_eq!(line.common.terminals[0].nodes, [2, 1, 3]);
    assert!(matches!(line.impedance, LineImpedance::Spacing { .. }));
    assert_eq!(line.common.rating.normal_a, 500.0);
    assert_eq!(n.loads.len(), 1, "one year of the customer");
    assert_eq!((n.loads[0].p_kw, n.loads[0].q_kvar, n.loads[0].n_customers), (40.0, 20.0, 3));
    assert!(has(&imported, "CYME.LOAD.YEARS"));
    assert_eq!(n.assets[0].attributes["kwh"], "900");
    assert!(n.loads[0].common.aliases.iter().any(|a| a.system == "cyme_customer" && a.id == "C9"));
}

#[test]
fn imperial_files_are_converted_file_by_file() {
    let imperial = EQUIPMENT
        .replace("[SI]", "[IMPERIAL]")
        .replace("W,1.8,0.7,0.2,0.2", &format!("W,{},{},{},{}", 1.8 / 2.54, 0.7 / 2.54, 0.2 * 1.609344, 0.2 * 1.609344))
        .replace(
            "SP,0,8.5,0.8,8.5,2.1,8.5,1.2,7.3",
            &format!("SP,0,{y},{},{y},{},{y},{},{}", 0.8 / 0.3048, 2.1 / 0.3048, 1.2 / 0.3048, 7.3 / 0.3048, y = 8.5 / 0.3048),
        );
    let (si, other) = (read(NETWORK, EQUIPMENT, LOAD), read(NETWORK, &imperial, LOAD));
    assert!(has(&other, "CYME.TEXT.UNITS_DIFFER"));
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-12 * a.abs().max(1.0), "{a} {b}");
    let (a, b) = (&si.network.conductors[0], &other.network.conductors[0]);
    near(a.gmr, b.gmr);
    near(a.radius, b.radius);
    near(a.r_ac_ohm, b.r_ac_ohm);
    for (a, b) in si.network.line_spacings[0].h.iter().zip(&other.network.line_spacings[0].h) {
        near(*a, *b);
    }
    let none = read(NETWORK, &EQUIPMENT.replace("[SI]\n", ""), LOAD);
    assert!(has(&none, "CYME.TEXT.UNIT_MISSING"));
}

#[test]
fn what_cannot_be_read_is_refused_with_its_line() {
    let refused = |network: &str, equipment: &str, load: &str| {
        cyme::text::read(&files(network, equipment, load), Path::new("s"), &Options::default()).unwrap_err().diagnostics
    };
    let found = refused(&NETWORK.replace("SP,1000", "SP,1ooo"), EQUIPMENT, LOAD);
    let finding = found.iter().find(|d| d.code == "CYME.TEXT.UNREADABLE").expect("a finding");
    assert_eq!(finding.severity, Severity::Error);
    assert_eq!(finding.source.as_ref().map(|s| (&*s.file, s.line)), Some(("s/any.txt", 16)));
    let found = refused(NETWORK, &EQUIPMENT.replace("W,1.8", "X,1.8"), LOAD);
    assert!(found.iter().any(|d| d.code == "CYME.EQUIPMENT.MISSING"));
    let found = refused(NETWORK, EQUIPMENT, &LOAD.replace("1,D1,SPOT,0,2", "9,D1,SPOT,0,2"));
    assert!(found.iter().any(|d| d.code == "CYME.DEVICE.NO_SECTION"));
    let found = refused(&NETWORK.replace("FEEDER=77,a,\r\n1,a,b 1/#2,ABC", "FEEDER=77,a,"), EQUIPMENT, LOAD);
    assert!(found.iter().any(|d| d.code == "CYME.STUDY.EMPTY"));
    let found = refused(&NETWORK.replace("a,12.47", "z,12.47"), EQUIPMENT, LOAD);
    assert!(found.iter().any(|d| d.code == "CYME.STUDY.NO_SOURCE"));
    // A catalogue entry that nothing uses may be wrong.
    let wrong = EQUIPMENT.replace("a, comment, with commas\n", "\nUNUSED,x,0.7,0.2,0.2,500,600,\n");
    let imported = read(NETWORK, &wrong, LOAD);
    assert_eq!(imported.rejects.len(), 1);
    let finding = imported.diagnostics.iter().find(|d| d.code == "CYME.TEXT.UNREADABLE").expect("a finding");
    assert_eq!(finding.severity, Severity::Warning);
}

#[test]
fn unknown_sections_are_counted_and_told() {
    let more = format!("{NETWORK}[FLUX CAPACITORS]\r\nFORMAT_FLUXCAPACITORS=ID,GW\r\nx,1.21\r\ny,1.21\r\n");
    let imported = read(&more, EQUIPMENT, LOAD);
    assert!(has(&imported, "CYME.TEXT.UNKNOWN_SECTION"));
    assert!(imported.counts.iter().any(|(name, n)| name == "FLUXCAPACITORS" && *n == 2));
    assert_eq!(imported.ledger.dropped().filter(|e| e.field.contains("FLUX")).count(), 1);
}

#[test]
fn one_feeder_of_a_study_is_read_alone() {
    let two = NETWORK.replace("1,a,b 1/#2,ABC\r\n", "1,a,b 1/#2,ABC\r\nFEEDER=78,a,\r\n2,a,c,ABC\r\n");
    let all = read(&two, EQUIPMENT, LOAD);
    assert_eq!(all.network.lines.len(), 2);
    let one = Options { feeders: vec!["78".into()], ..Options::default() };
    let one = cyme::text::read(&files(&two, EQUIPMENT, LOAD), Path::new("s"), &one).expect("one feeder");
    assert_eq!((one.network.lines.len(), one.network.loads.len()), (1, 0));
    let none = Options { feeders: vec!["79".into()], ..Options::default() };
    let refused = cyme::text::read(&files(&two, EQUIPMENT, LOAD), Path::new("s"), &none).unwrap_err();
    assert_eq!(refused.diagnostics[0].code, "CYME.FEEDER.UNKNOWN");
}

/// Numbers of a linear congruential generator (Knuth's constants).
struct Lcg(u64);

impl Lcg {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below.max(1)
    }
}

#[test]
fn mutated_studies_never_panic() {
    let mut random = Lcg(20_260_101);
    let words = ["", "NONE", "-1", "1e308", "NULL", "nan", "ABC", "0", ",,,,", "[SECTION]", "FEEDER=", "FORMAT_X=", "\u{0}", "é"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/cyme/devices");
    let device = |name: &str| std::fs::read_to_string(root.join(name)).expect("a case of the project");
    let studies =
        [[NETWORK.to_owned(), EQUIPMENT.to_owned(), LOAD.to_owned()], [device("network.txt"), device("equipment.txt"), device("load.txt")]];
    let mut read = 0;
    for round in 0..400 {
        let mut study = studies[round % 2].clone();
        for _ in 0..1 + random.next(4) {
            let which = random.next(3);
            let lines: Vec<String> = study[which].lines().map(str::to_owned).collect();
            let mut lines = lines;
            let at = random.next(lines.len());
            match random.next(4) {
                0 => drop(lines.remove(at)),
                1 => {
                    let other = lines[random.next(lines.len())].clone();
                    lines.insert(at, other);
                }
                2 => {
                    let mut cells: Vec<String> = lines[at].split(',').map(str::to_owned).collect();
                    let cell = random.next(cells.len());
                    cells[cell] = words[random.next(words.len())].to_owned();
                    lines[at] = cells.join(",");
                }
                _ => {
                    let keep = random.next(lines[at].chars().count() + 1);
                    lines[at] = lines[at].chars().take(keep).collect();
                }
            }
            study[which] = lines.join("\n");
        }
        let lenient = Options { lenient: round % 3 == 0, controls_act: round % 5 == 0, ..Options::default() };
        read += usize::from(cyme::text::read(&files(&study[0], &study[1], &study[2]), Path::new("s"), &lenient).is_ok());
    }
    assert!(read > 40, "most mutations leave something that reads: {read}");
}

/// A system of tens of thousands of sections reads in seconds.
#[test]
fn large_systems_read_quickly() {
    let n = 20_000;
    let mut network = String::from(
        "[GENERAL]\nCYME_VERSION=8.00\n[SI]\n[SOURCE EQUIVALENT]\nFORMAT_SOURCEEQUIVALENT=NodeID,Voltage,OperatingVoltage1,OperatingVoltage2,OperatingVoltage3\nn0,12.47,7.2,7.2,7.2\n[OVERHEADLINE SETTING]\nFORMAT_OVERHEADLINESETTING=SectionID,DeviceNumber,LineCableID,Length,ConnectionStatus\n",
    );
    for i in 0..n {
        network.push_str(&format!("s{i},l{i},OH,10,0\n"));
    }
    network.push_str(
        "[SECTION]\nFORMAT_SECTION=SectionID,FromNodeID,ToNodeID,Phase,ZoneID\nFORMAT_FEEDER=NetworkID,HeadNodeID\nFEEDER=F,n0\n",
    );
    for i in 0..n {
        network.push_str(&format!("s{i},n{},n{},ABC,\n", i / 2, i + 1));
    }
    let mut load = LOAD.split("[LOADS]").next().unwrap_or_default().to_owned();
    load.push_str("[LOADS]\nFORMAT_LOADS=SectionID,DeviceNumber,LoadType,Connection,Location\n");
    for i in 0..n {
        load.push_str(&format!("s{i},d{i},SPOT,0,2\n"));
    }
    load.push_str("[CUSTOMER LOADS]\nFORMAT_CUSTOMERLOADS=SectionID,DeviceNumber,LoadType,CustomerNumber,CustomerType,ConnectionStatus,Year,LoadModelID,ValueType,LoadPhase,Value1,Value2\n");
    for i in 0..n {
        load.push_str(&format!("s{i},d{i},SPOT,c{i},PQ,0,2020,1,0,A,1,0.5\n"));
    }
    let equipment = "[GENERAL]\nCYME_VERSION=8.00\n[SI]\n[LINE]\nFORMAT_LINE=ID,R1,R0,X1,X0,B1,B0,Amps\nOH,0.3,0.6,0.4,1.2,4,2,400\n";
    let imported = read(&network, equipment, &load);
    assert_eq!((imported.network.lines.len(), imported.network.loads.len()), (n, n));
}
