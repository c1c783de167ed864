//! Planted causes on a radial and on a meshed network: how often the first hypothesis, or one of the first three, is the one planted, and
//! whether "not enough data" is said where there is nothing to find.
//!
//! What loses its supply is found here by taking the element out of the network and walking the rest, apart from how the module does it. The
//! rates by which symptoms are drawn differ from those that the module assumes, and contributions scatter around the signatures.

use formats::MemoryFiles;
use formats::opendss::{FileSource, ReadOptions, read};
use learning::causes::{CAUSES, QUANTITIES, Scope};
use learning::module::{Answer, Frame, InputKind, Question, Refused, Settings, Values, fit};
use learning::modules::find;
use network::{BusId, ElementId, ElementKind, Graph, Network};
use powerflow::Session;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use studies::synthetic::random::Random;
use studies::table::Value;

struct Disk;

impl FileSource for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list_dir(&self, dir: &Path) -> std::io::Result<Vec<String>> {
        std::fs::read_dir(dir)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect()
    }
}

fn radial() -> Network {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/ieee34/ieee34.dss");
    read(&Disk, &path, &mut Session::new(), &ReadOptions::default()).map_err(|e| e.diagnostics).expect("the model can be read").network
}

/// A ring of six buses fed at two of them, a tie across, and from each bus a transformer with a street of three loads.
fn meshed() -> Network {
    let mut text = String::from(
        "clear
new circuit.ring bus1=b0 basekv=12.47 pu=1.0 r1=0.01 x1=0.1 r0=0.01 x0=0.1
new vsource.second bus1=b3 basekv=12.47 pu=1.0 r1=0.01 x1=0.1 r0=0.01 x0=0.1
new line.tie bus1=b1 bus2=b4 r1=0.2 x1=0.4 r0=0.4 x0=0.8 length=1
",
    );
    for k in 0..6 {
        text += &format!("new line.ring{k} bus1=b{k} bus2=b{} r1=0.2 x1=0.4 r0=0.4 x0=0.8 length=1\n", (k + 1) % 6);
        text +=
            &format!("new transformer.t{k} phases=3 windings=2 buses=[b{k} s{k}] conns=[delta wye] kvs=[12.47 0.4] kvas=[400 400] xhl=4\n");
        text += &format!("new capacitor.c{k} bus1=s{k} phases=3 kvar=50 kv=0.4\n");
        for j in 0..3 {
            let from = if j == 0 { format!("s{k}") } else { format!("s{k}_{}", j - 1) };
            text += &format!("new line.street{k}_{j} bus1={from} bus2=s{k}_{j} r1=0.05 x1=0.03 r0=0.1 x0=0.1 length=1\n");
            text += &format!("new load.l{k}_{j} bus1=s{k}_{j} phases=3 kv=0.4 kw=30 kvar=10\n");
        }
    }
    text += "set voltagebases=[12.47 0.4]\ncalcvoltagebases\nsolve\n";
    let files = MemoryFiles::new().with("ring.dss", text);
    read(&files, Path::new("ring.dss"), &mut Session::new(), &ReadOptions::default()).map_err(|e| e.diagnostics).expect("a model").network
}

/// Kinds that are watched at an element.
fn watched_at(id: ElementId) -> &'static [&'static str] {
    match id.kind {
        ElementKind::Load => &["voltage", "unbalance", "thd", "power_factor"],
        ElementKind::Transformer => &["temperature", "health"],
        _ => &[],
    }
}

fn may_be_at(cause: &str, id: ElementId) -> bool {
    use ElementKind as K;
    match cause {
        "voltage regulation" | "cooling" | "insulation" => id.kind == K::Transformer,
        "lost phase" | "overload" | "unbalanced load" => matches!(id.kind, K::Line | K::Transformer),
        "harmonic source" => id.kind == K::Load,
        "compensation" => id.kind == K::Capacitor,
        "meter" => !watched_at(id).is_empty(),
        _ => false,
    }
}

/// Watched elements that lose their supply without an element; without its bus where it stands at one.
fn below(network: &Network, id: ElementId) -> Vec<ElementId> {
    let mut rest = network.clone();
    let buses: BTreeSet<BusId> = network.common(id).terminals.iter().map(|t| t.bus).collect();
    for &other in &network.order {
        let touches = buses.len() == 1 && network.common(other).terminals.iter().any(|t| buses.contains(&t.bus));
        if other == id || touches {
            rest.common_mut(other).enabled = false;
        }
    }
    let tree = Graph::new(&rest).reach(&rest.supply_buses());
    let is_dark = |b: BusId| !tree.is_reached(b) || (buses.len() == 1 && buses.contains(&b));
    let all = network.order.iter().copied().filter(|&o| o != id && !watched_at(o).is_empty());
    all.filter(|&o| network.common(o).terminals.iter().all(|t| is_dark(t.bus))).collect()
}

/// A row of symptoms: element, kind, contributions.
type Row = (String, String, Vec<f64>);

fn contributions(random: &mut Random, quantities: &[(&str, f64)]) -> Vec<f64> {
    let named: f64 = quantities.iter().map(|q| q.1).sum();
    let rest = (1.0 - named) / (QUANTITIES.len() - quantities.len()) as f64;
    let share = |n: &str| quantities.iter().find(|q| q.0 == n).map_or(rest, |q| q.1);
    QUANTITIES.iter().map(|(n, _)| share(n) * random.log_normal(1.0, 0.8)).collect()
}

/// False alarms anywhere, each with contributions of its own kind.
fn false_alarms(network: &Network, random: &mut Random, rate: f64) -> Vec<Row> {
    let mut rows = Vec::new();
    for &id in &network.order {
        for kind in watched_at(id) {
            if random.chance(rate) {
                rows.push((network.full_name(id), (*kind).to_owned(), contributions(random, &[(kind, 0.5)])));
            }
        }
    }
    rows
}

/// Symptoms of a cause at an element.
fn symptoms(network: &Network, random: &mut Random, cause: usize, id: ElementId, detection: f64, rate: f64) -> Vec<Row> {
    let below = below(network, id);
    let mut rows = false_alarms(network, random, rate);
    let kinds: Vec<(&str, Scope)> = if CAUSES[cause].name == "meter" {
        // A meter errs in one thing.
        let of = watched_at(id);
        vec![(of[random.whole(0, of.len() as i32 - 1) as usize], Scope::Itself)]
    } else {
        CAUSES[cause].shows.to_vec()
    };
    for (kind, scope) in kinds {
        let own = (scope != Scope::Below).then_some(id);
        let places = below.iter().copied().filter(|_| scope != Scope::Itself).chain(own);
        for place in places.filter(|&p| watched_at(p).contains(&kind)) {
            if random.chance(detection) || CAUSES[cause].name == "meter" {
                rows.push((network.full_name(place), kind.to_owned(), contributions(random, CAUSES[cause].quantities)));
            }
        }
    }
    let mut seen = BTreeSet::new();
    rows.retain(|r| seen.insert((r.0.clone(), r.1.clone())));
    rows
}

/// A cause by its share, at an element where it may be.
fn planted(network: &Network, random: &mut Random) -> (usize, ElementId) {
    let weighted: Vec<(f64, usize)> = CAUSES.iter().enumerate().map(|(i, c)| (c.share, i)).collect();
    let cause = random.weighted(&weighted);
    let at: Vec<ElementId> = network.order.iter().copied().filter(|&id| may_be_at(CAUSES[cause].name, id)).collect();
    (cause, at[random.whole(0, at.len() as i32 - 1) as usize])
}

fn frame(input: usize, columns: BTreeMap<String, Values>) -> Frame {
    let InputKind::Table { columns: wanted, .. } = find("root-cause").unwrap().about().inputs[input].kind else { unreachable!() };
    Frame::new("table.csv", wanted, columns).unwrap()
}

fn with_contributions(mut columns: BTreeMap<String, Values>, rows: &[Row]) -> BTreeMap<String, Values> {
    for (q, (name, _)) in QUANTITIES.iter().enumerate() {
        columns.insert(format!("{name}_share"), Values::Number(rows.iter().map(|r| r.2[q]).collect()));
    }
    columns
}

fn asked(network: &Network, rows: &[Row], events: &[(String, &'static str, Vec<Row>)]) -> Result<Answer, Refused> {
    let text = |f: &dyn Fn(&Row) -> String| Values::Text(rows.iter().map(f).collect());
    let columns = BTreeMap::from([
        ("time".to_owned(), Values::Time((0..rows.len() as i64).collect())),
        ("element".to_owned(), text(&|r| r.0.clone())),
        ("kind".to_owned(), text(&|r| r.1.clone())),
    ]);
    let pairs: Vec<(String, String)> =
        network.order.iter().flat_map(|&id| watched_at(id).iter().map(move |k| (network.full_name(id), (*k).to_owned()))).collect();
    let monitored = BTreeMap::from([
        ("element".to_owned(), Values::Text(pairs.iter().map(|p| p.0.clone()).collect())),
        ("kind".to_owned(), Values::Text(pairs.iter().map(|p| p.1.clone()).collect())),
    ]);
    let mut tables = BTreeMap::from([
        ("symptoms".to_owned(), frame(0, with_contributions(columns, rows))),
        ("monitored".to_owned(), frame(2, monitored)),
    ]);
    if !events.is_empty() {
        let all: Vec<(&str, &str, &Row)> = events.iter().flat_map(|(n, c, rows)| rows.iter().map(move |r| (n.as_str(), *c, r))).collect();
        let of = |f: &dyn Fn(&(&str, &str, &Row)) -> String| Values::Text(all.iter().map(f).collect());
        let columns = BTreeMap::from([
            ("event".to_owned(), of(&|e| e.0.to_owned())),
            ("cause".to_owned(), of(&|e| e.1.to_owned())),
            ("kind".to_owned(), of(&|e| e.2.1.clone())),
        ]);
        let rows: Vec<Row> = all.iter().map(|e| e.2.clone()).collect();
        tables.insert("events".to_owned(), frame(3, with_contributions(columns, &rows)));
    }
    let module = find("root-cause").unwrap();
    let settings = Settings::read(module.about().settings, &BTreeMap::new()).unwrap();
    fit(module, &Question { tables, networks: BTreeMap::from([("network".to_owned(), network.clone())]), settings: &settings })
}

fn figure(answer: &Answer, name: &str) -> f64 {
    answer.figures.iter().find(|f| f.name == name).unwrap().value
}

/// Rank of the hypothesis of a cause at an element; none where it is not in the table.
fn rank_of(answer: &Answer, cause: &str, element: &str) -> Option<usize> {
    let word = |v: &Value| if let Value::Text(t) = v { t.clone() } else { String::new() };
    answer.tables[0]
        .rows
        .iter()
        .position(|r| word(&r[1]) == cause && (word(&r[2]) == element || word(&r[3]).split(", ").any(|e| e == element)))
}

#[derive(Debug, Default)]
struct Score {
    cases: usize,
    top_1: usize,
    top_3: usize,
    /// Where an answer was given: how many, and how many of those were right.
    answered: usize,
    right: usize,
    /// Sum of the probabilities of the first hypotheses, to hold against how many were right.
    said: f64,
    /// Cases without a cause, and how many of them were called "not enough data".
    nothing: usize,
    nothing_said: usize,
}

fn score(network: &Network, name: &str, seeds: u64, with_events: bool) -> Score {
    let mut s = Score::default();
    for seed in 0..seeds {
        let mut random = Random::new(seed, 5, 0);
        let mut events = Vec::new();
        for e in 0..if with_events { 30 } else { 0 } {
            let (cause, id) = planted(network, &mut random);
            let rows = symptoms(network, &mut random, cause, id, 0.7, 0.005);
            if !rows.is_empty() {
                events.push((format!("event {e}"), CAUSES[cause].name, rows));
            }
        }
        let (cause, id) = planted(network, &mut random);
        let rows = symptoms(network, &mut random, cause, id, 0.7, 0.005);
        // A cause without a symptom is nothing that anybody asks about.
        if !rows.is_empty() {
            let answer = asked(network, &rows, &events).unwrap();
            let rank = rank_of(&answer, CAUSES[cause].name, &network.full_name(id));
            s.cases += 1;
            s.top_1 += usize::from(rank == Some(0));
            s.top_3 += usize::from(rank.is_some_and(|r| r < 3));
            s.said += figure(&answer, "probability");
            if figure(&answer, "enough") == 1.0 {
                s.answered += 1;
                s.right += usize::from(rank == Some(0));
            }
        }
        // No cause: two to four false alarms and nothing else.
        let mut alarms = Vec::new();
        while !(2..=4).contains(&alarms.len()) {
            alarms = false_alarms(network, &mut random, 0.02);
        }
        let answer = asked(network, &alarms, &events).unwrap();
        s.nothing += 1;
        s.nothing_said += usize::from(figure(&answer, "enough") == 0.0);
    }
    let of = |n: usize| 100.0 * n as f64 / s.cases as f64;
    println!(
        "{name}, {} past events: {} causes, first {:.0} %, first three {:.0} %; answered {} and of those right {:.0} %; first said to be {:.0} % probable on average; \
         no cause: {} of {} \"not enough data\"",
        if with_events { 30 } else { 0 },
        s.cases,
        of(s.top_1),
        of(s.top_3),
        s.answered,
        100.0 * s.right as f64 / s.answered.max(1) as f64,
        100.0 * s.said / s.cases as f64,
        s.nothing_said,
        s.nothing
    );
    s
}

#[test]
fn planted_causes_on_a_radial_feeder_are_ranked_first() {
    let network = radial();
    for with_events in [false, true] {
        let s = score(&network, "radial (IEEE 34)", 100, with_events);
        assert!(s.top_1 * 100 >= s.cases * 60 && s.top_3 * 100 >= s.cases * 80, "{s:?}");
        assert!(s.nothing_said * 100 >= s.nothing * 80 && s.right * 100 >= s.answered * 80, "{s:?}");
    }
}

#[test]
fn planted_causes_on_a_meshed_network_are_ranked_first() {
    let network = meshed();
    for with_events in [false, true] {
        let s = score(&network, "meshed (two sources, ring with tie)", 100, with_events);
        assert!(s.top_1 * 100 >= s.cases * 60 && s.top_3 * 100 >= s.cases * 80, "{s:?}");
        assert!(s.nothing_said * 100 >= s.nothing * 80 && s.right * 100 >= s.answered * 80, "{s:?}");
    }
}

/// All loads behind a transformer, and none elsewhere, have low voltage: its regulation, with each place named.
#[test]
fn the_transformer_above_all_symptoms_and_nothing_else_is_named() {
    let network = meshed();
    let rows: Vec<Row> = (0..3)
        .map(|j| (format!("load.l2_{j}"), "voltage".to_owned(), contributions(&mut Random::new(1, 1, j), &[("voltage", 0.9)])))
        .collect();
    let answer = asked(&network, &rows, &[]).unwrap();
    println!("{}", answer.headline);
    let row = &answer.tables[0].rows[0];
    assert_eq!((&row[1], &row[2]), (&Value::Text("voltage regulation".into()), &Value::Text("transformer.t2".into())), "{answer:#?}");
    assert_eq!((&row[6], &row[7], &row[8]), (&Value::Count(3), &Value::Count(0), &Value::Count(0)));
    // With one of them silent the transformer is contradicted once.
    let answer = asked(&network, &rows[..2], &[]).unwrap();
    let rank = rank_of(&answer, "voltage regulation", "transformer.t2").unwrap();
    assert_eq!(answer.tables[0].rows[rank][8], Value::Count(1));
}

#[test]
fn what_is_wrong_with_symptoms_is_said_all_at_once() {
    let rows =
        vec![("load.nowhere".to_owned(), "voltage".to_owned(), vec![0.0; 7]), ("load.l0_0".to_owned(), "noise".to_owned(), vec![0.0; 7])];
    let faults = asked(&meshed(), &rows, &[]).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(asked(&meshed(), &[], &[]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn no_table_makes_it_panic(rows in proptest::collection::vec((0usize..5, 0usize..4, prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(0.0), -2.0..2.0f64]), 0..20)) {
        let network = meshed();
        let elements = ["load.l0_0", "transformer.t1", "b3", "line.tie", ""];
        let kinds = ["voltage", "temperature", "thd", "?"];
        let rows: Vec<Row> = rows.iter().map(|&(e, k, x)| (elements[e].to_owned(), kinds[k].to_owned(), vec![x; 7])).collect();
        let _ = asked(&network, &rows, &[]);
    }
}
