//! Reconfiguration, restoration and contingencies against published optima, closed forms and whole enumeration.

use formats::opendss::{FileSource, ReadOptions, read};
use network::{ElementId, Network, SolutionMode};
use powerflow::{Session, State};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use studies::contingency::{At, ContingencyOptions, ContingencyResult, Selection, Series, When, moments, run, transmission};
use studies::hands::Hands;
use studies::hosting::Criterion;
use studies::switching::{
    Aim, Hour, Isolation, Operation, Operator, Reason, Reconfiguration, ReconfigureError, ReconfigureOptions, RestoreOptions, Search,
    Solved, Switches, Zones, reconfigure, restore, usual_criteria,
};

/// Files of a model: one script in memory, or a folder on disk.
struct Files(Option<String>);

impl FileSource for Files {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        match &self.0 {
            Some(text) => Ok(text.clone().into_bytes()),
            None => std::fs::read(path),
        }
    }

    fn list_dir(&self, dir: &Path) -> std::io::Result<Vec<String>> {
        if self.0.is_some() {
            return Ok(vec!["model.dss".to_owned()]);
        }
        std::fs::read_dir(dir)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned())).collect()
    }
}

fn settled(network: &mut Network, session: &mut Session) -> State {
    let o = &mut network.options;
    (o.tolerance_pu, o.max_iterations, o.max_control_iterations) = (1e-9, 500, 100);
    (o.mode, o.hour, o.second) = (SolutionMode::Snapshot, 0, 0.0);
    let mut state = session.series_state(network, true).expect("the model can be compiled");
    assert!(state.solve_moment().expect("a circuit").settled());
    state
}

fn solved(files: &Files, path: &Path) -> State {
    let mut session = Session::new();
    let mut network = read(files, path, &mut session, &ReadOptions::default()).map_err(|e| e.diagnostics).expect("a model").network;
    settled(&mut network, &mut session)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn case(name: &str) -> State {
    solved(&Files(None), &root().join("cases/switching").join(name).join(format!("{name}.dss")))
}

fn script(text: &str) -> State {
    solved(&Files(Some(text.to_owned())), Path::new("model.dss"))
}

fn element(state: &State, name: &str) -> ElementId {
    state.circuit().network().find(name).unwrap_or_else(|| panic!("no {name}"))
}

fn find(state: &State, options: &ReconfigureOptions) -> Result<Reconfiguration, ReconfigureError> {
    let operator = Operator::new(state, &usual_criteria(), false).expect("a circuit");
    reconfigure(&mut [Hour { label: "snapshot".into(), hours: 1.0, operator }], options)
}

#[test]
fn the_three_feeder_system_has_its_published_optimum() {
    let state = case("civanlar_16");
    let r = find(&state, &ReconfigureOptions::default()).expect("a radial network");
    assert!(r.is_exact);
    assert_eq!(r.n_trees, 190.0);
    assert!((r.today.losses_kwh - 511.4).abs() < 0.05, "{}", r.today.losses_kwh);
    assert!((r.found.losses_kwh - 466.1).abs() < 0.05, "{}", r.found.losses_kwh);
    assert_eq!(r.open_found, ["line.s17", "line.s19", "line.s26"]);
    // Every descent by itself, without the enumeration behind it.
    assert_eq!(r.descents.len(), 6);
    assert!(r.descents.iter().all(|d| (d.to.losses_kwh - r.found.losses_kwh).abs() < 1e-6), "{:?}", r.descents);
}

#[test]
fn the_33_bus_system_has_its_published_optimum() {
    let state = case("baran_wu_33");
    let r = find(&state, &ReconfigureOptions { max_trees: 0, ..ReconfigureOptions::default() }).expect("a radial network");
    assert_eq!(r.n_trees, 50_751.0);
    assert!((r.today.losses_kwh - 202.68).abs() < 0.005, "{}", r.today.losses_kwh);
    assert!((r.found.losses_kwh - 139.55).abs() < 0.005, "{}", r.found.losses_kwh);
    assert_eq!(r.open_found, ["line.s7", "line.s9", "line.s14", "line.s32", "line.s37"]);
}

#[test]
fn a_limit_of_operations_holds_and_costs() {
    let state = case("civanlar_16");
    let free = find(&state, &ReconfigureOptions::default()).expect("a radial network");
    let tied = find(&state, &ReconfigureOptions { max_operations: Some(2), ..ReconfigureOptions::default() }).expect("a radial network");
    assert_eq!((free.moves.len(), tied.moves.len()), (4, 2));
    assert!(tied.is_exact && tied.found.losses_kwh > free.found.losses_kwh + 1.0 && tied.found.losses_kwh < tied.today.losses_kwh);
    // Every step is solved, and the last one is the network found.
    for r in [&free, &tied] {
        assert!(r.moves.iter().all(|m| m.conditions.iter().all(|c| c.solved == Solved::Yes)));
        assert!((r.moves.last().unwrap().losses_kwh.unwrap() - r.found.losses_kwh).abs() < 1e-6);
        assert!(r.moves.chunks(2).all(|pair| pair[0].operation.close && !pair[1].operation.close));
    }
}

#[test]
fn what_is_no_question_of_reconfiguration_is_refused() {
    let state = case("civanlar_16");
    let mut closed = state.clone();
    closed.set_closed(element(&state, "line.s15"), 0, None, true);
    assert!(closed.solve_moment().unwrap().settled());
    assert!(matches!(find(&closed, &ReconfigureOptions::default()), Err(ReconfigureError::NotRadial { .. })));
    let no_tie =
        script(&feeder().replace("Open Line.t1 1", "Edit Line.t1 Enabled=no").replace("Open Line.t2 1", "Edit Line.t2 Enabled=no"));
    assert!(matches!(find(&no_tie, &ReconfigureOptions::default()), Err(ReconfigureError::NoTie)));
}

#[test]
fn overload_is_relieved_before_losses() {
    // The short way has 60 A and carries two loads of 46 A; the long one has 200 A.
    let text = "Clear
New Circuit.two Bus1=s BasekV=12.47 pu=1.0 R1=0 X1=1e-4 R0=0 X0=1e-4
New Line.short Bus1=s Bus2=m Switch=yes Phases=3 R1=0.1 X1=0.1 R0=0.1 X0=0.1 C1=0 C0=0 Length=1 NormAmps=60
New Line.long Bus1=s Bus2=n Switch=yes Phases=3 R1=1.5 X1=1.5 R0=1.5 X0=1.5 C1=0 C0=0 Length=1 NormAmps=200
New Line.tie Bus1=m Bus2=n Switch=yes Phases=3 R1=0.1 X1=0.1 R0=0.1 X0=0.1 C1=0 C0=0 Length=1 NormAmps=200
New Load.m Bus1=m Phases=3 kV=12.47 kW=1000 kvar=0 Vminpu=0.5
New Load.n Bus1=n Phases=3 kV=12.47 kW=1000 kvar=0 Vminpu=0.5
Open Line.long 1
Set VoltageBases=[12.47]
CalcVoltageBases
";
    let state = script(text);
    let losses = find(&state, &ReconfigureOptions { keep_limits: false, ..ReconfigureOptions::default() }).unwrap();
    let overload = find(&state, &ReconfigureOptions { aim: Aim::Overload, ..ReconfigureOptions::default() }).unwrap();
    // 92.6 A of two megawatts at 12.47 kV, over 60 A.
    assert!((losses.today.overload_pct - (2000.0 / 3f64.sqrt() / 12.47 / 60.0 * 100.0 - 100.0)).abs() < 0.5, "{:?}", losses.today);
    assert_eq!(losses.open_found, ["line.long"], "over the short way little is lost");
    assert_eq!((overload.open_found.as_slice(), overload.found.overload_pct), (["line.tie".to_owned()].as_slice(), 0.0));
    assert!(overload.found.losses_kwh > losses.found.losses_kwh);
}

/// Three loads of 46 A in a row behind a fault, and two ties of 60 A to other sources, at the last and the middle one.
fn feeder() -> String {
    "Clear
New Circuit.row Bus1=a BasekV=12.47 pu=1.0 R1=0 X1=1e-4 R0=0 X0=1e-4
New Vsource.two Bus1=x BasekV=12.47 pu=1.0 R1=0 X1=1e-4 R0=0 X0=1e-4
New Vsource.three Bus1=y BasekV=12.47 pu=1.0 R1=0 X1=1e-4 R0=0 X0=1e-4
New Line.ab Bus1=a Bus2=b Switch=yes Phases=3 R1=0.1 X1=0.2 R0=0.1 X0=0.2 C1=0 C0=0 Length=1 NormAmps=400
New Line.bc Bus1=b Bus2=c Switch=yes Phases=3 R1=0.1 X1=0.2 R0=0.1 X0=0.2 C1=0 C0=0 Length=1 NormAmps=400
New Line.cd Bus1=c Bus2=d Switch=yes Phases=3 R1=0.1 X1=0.2 R0=0.1 X0=0.2 C1=0 C0=0 Length=1 NormAmps=400
New Line.t1 Bus1=x Bus2=d Switch=yes Phases=3 R1=0.1 X1=0.2 R0=0.1 X0=0.2 C1=0 C0=0 Length=1 NormAmps=60
New Line.t2 Bus1=y Bus2=c Switch=yes Phases=3 R1=0.1 X1=0.2 R0=0.1 X0=0.2 C1=0 C0=0 Length=1 NormAmps=60
New Load.b Bus1=b Phases=3 kV=12.47 kW=1000 kvar=0 Vminpu=0.5 numcust=10
New Load.c Bus1=c Phases=3 kV=12.47 kW=1000 kvar=0 Vminpu=0.5 numcust=20
New Load.d Bus1=d Phases=3 kV=12.47 kW=1000 kvar=0 Vminpu=0.5 numcust=30
Open Line.t1 1
Open Line.t2 1
Set VoltageBases=[12.47]
CalcVoltageBases
"
    .to_owned()
}

/// The least power unserved over all positions of the switches named, of radial networks that keep the limits.
fn least_unserved(operator: &mut Operator, out: &[Operation], switches: &[ElementId]) -> f64 {
    let mut least = f64::INFINITY;
    for positions in 0..1_u32 << switches.len() {
        let moved = switches.iter().enumerate().map(|(k, &element)| Operation { element, terminal: 0, close: positions >> k & 1 == 1 });
        let all: Vec<Operation> = out.iter().copied().chain(moved).collect();
        let zones = Zones::new(&operator.switched(&all), Switches::Marked, &HashSet::new());
        if zones.loop_switch().is_some() {
            continue;
        }
        let c = operator.ask(&all).expect("a circuit");
        if c.is_feasible() {
            least = least.min(c.unserved_kw);
        }
    }
    least
}

#[test]
fn restoration_serves_all_that_any_position_of_the_switches_could() {
    // With the ties at 60 A each takes one load, at 120 A one of them two; at 160 A one takes all.
    for (amps, unserved_kw, n_operations) in [(40.0, 3000.0, 0), (60.0, 1000.0, 4), (120.0, 0.0, 3), (160.0, 0.0, 1)] {
        let state = script(&feeder().replace("NormAmps=60", &format!("NormAmps={amps}")));
        let mut operator = Operator::new(&state, &usual_criteria(), false).unwrap();
        let out = element(&state, "line.ab");
        for isolation in [Isolation::Element, Isolation::Switches] {
            // A fault on the line takes the bus behind it: its switch stands at the other end.
            let options = RestoreOptions { isolation, search: Search::Exact, told: 100, ..RestoreOptions::default() };
            let r = restore(&operator, &[out], &options).unwrap();
            assert!(r.is_exact && r.gap_kw == 0.0);
            assert!((r.isolated.unserved_kw - 3000.0).abs() < 1.0);
            let opened: Vec<Operation> = r.outage.iter().chain(&r.isolation).copied().collect();
            if isolation == Isolation::Element {
                assert!((r.restored.unserved_kw - unserved_kw).abs() < 1.0, "{amps} A: {}", r.restored.unserved_kw);
                assert_eq!(r.operations.len(), n_operations, "{amps} A: {:?}", r.operations);
                let others = ["line.bc", "line.cd", "line.t1", "line.t2"].map(|n| element(&state, n));
                let least = least_unserved(&mut operator, &opened, &others);
                assert!((r.restored.unserved_kw - least).abs() < 1e-3, "{amps} A: {} for {least}", r.restored.unserved_kw);
            } else {
                assert!((r.faulted_kw - 1000.0).abs() < 1.0 && r.faulted_customers == 10.0);
                let least = if amps < 46.0 { 3000.0 } else { 1000.0 };
                assert!((r.restored.unserved_kw - least).abs() < 1.0, "{amps} A: {}", r.restored.unserved_kw);
            }
            // Everything between the steps keeps the limits, and the steps are the operations.
            assert!(r.steps.iter().all(|s| s.is_within));
            assert_eq!(r.steps.len(), r.isolation.len() + r.operations.len());
            if amps < 100.0 && isolation == Isolation::Element {
                let overloads =
                    r.refused.iter().filter(|x| matches!(x.reason, Reason::Violates(v, _) if v.criterion == Criterion::ThermalLine));
                assert!(overloads.count() >= 1, "{:?}", r.refused);
            }
            // The heuristic is feasible, no better, and its gap covers what it misses.
            let h = restore(&operator, &[out], &RestoreOptions { search: Search::Heuristic, ..options }).unwrap();
            assert!(!h.is_exact || h.restored.unserved_kw == 0.0 || r.restored.unserved_kw == h.restored.unserved_kw);
            let missed = h.restored.unserved_kw - r.restored.unserved_kw;
            assert!(missed > -1e-3 && missed <= h.gap_kw + 1e-3, "{amps} A: misses {missed}, says {}", h.gap_kw);
        }
    }
}

#[test]
fn a_tie_of_one_phase_serves_one_phase() {
    let text = feeder()
        .replace("New Line.t1 Bus1=x Bus2=d Switch=yes Phases=3", "New Line.t1 Bus1=x.1 Bus2=d.1 Switch=yes Phases=1")
        .replace("Open Line.t2 1", "Edit Line.t2 Enabled=no")
        .replace("New Load.d Bus1=d Phases=3 kV=12.47 kW=1000", "New Load.d Bus1=d.1 Phases=1 kV=7.2 kW=100")
        // Phases coupled as those of real lines: a dead phase beside a live one is no phase with supply.
        .replace("R0=0.1 X0=0.2 C1=0 C0=0", "R0=0.4 X0=0.9 C1=10 C0=4")
        .replace("NormAmps=60", "NormAmps=400");
    let state = script(&text);
    let operator = Operator::new(&state, &usual_criteria(), false).unwrap();
    let options = RestoreOptions { isolation: Isolation::Element, ..RestoreOptions::default() };
    let r = restore(&operator, &[element(&state, "line.ab")], &options).unwrap();
    // Two phases of the loads at b and c stay without supply.
    assert!((r.isolated.unserved_kw - 2100.0).abs() < 1.0);
    assert!((r.restored.unserved_kw - 2.0 / 3.0 * 2000.0).abs() < 1.0, "{}", r.restored.unserved_kw);
    assert_eq!(r.restored.unserved_customers, 30.0);
}

fn at(state: &State) -> Vec<At> {
    moments(state.clone(), &When::Snapshot, Series { mode: SolutionMode::Daily, steps: 24, step_h: 1.0 }).expect("it settles")
}

fn outages(state: &State, selection: Selection, more: impl FnOnce(&mut ContingencyOptions)) -> ContingencyResult {
    let mut options = ContingencyOptions {
        selection,
        pairs: 0,
        criteria: usual_criteria(),
        own_voltage_limits: true,
        emergency: false,
        isolation: Isolation::Element,
        restore: None,
        hands: Hands::Threads(1),
    };
    more(&mut options);
    run(&at(state), &options).expect("a study")
}

#[test]
fn outages_take_what_hangs_on_them_and_pairs_take_both() {
    let state = script(&feeder());
    let lines = Selection { lines: true, ..Selection::default() };
    let r = outages(&state, lines.clone(), |o| o.pairs = 100);
    let of = |name: &str| &r.cases.iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no {name}")).at[0].condition;
    for (name, kw, customers) in
        [("line.ab", 3000.0, 60.0), ("line.bc", 2000.0, 50.0), ("line.cd", 1000.0, 30.0), ("line.bc + line.cd", 2000.0, 50.0)]
    {
        assert!((of(name).unserved_kw - kw).abs() < 1.0 && of(name).unserved_customers == customers, "{name}: {:?}", of(name));
        assert_eq!(of(name).solved, Solved::Yes);
    }
    // Three singles and their three pairs; open ties carry nothing and are none.
    assert_eq!((r.cases.len(), r.n_pairs), (6, 3));
    assert_eq!(r.cases[0].at[0].condition.unserved_kw.round(), 3000.0, "the worst first");
    // A load that is out itself is without supply.
    let l = outages(&state, Selection { elements: vec!["load.c".into()], ..Selection::default() }, |_| {});
    let c = &l.cases[0].at[0].condition;
    assert!((c.unserved_kw - 1000.0).abs() < 1.0 && c.unserved_customers == 20.0, "{c:?}");
    // Sources and generators are taken out; without any source nothing is fed.
    let s = outages(&state, Selection { sources: true, ..Selection::default() }, |_| {});
    let first = s.cases.iter().find(|c| c.name == "vsource.source").expect("the source of the circuit");
    assert!((first.at[0].condition.unserved_kw - 3000.0).abs() < 1.0);
    let alone = script(&feeder().lines().filter(|l| !l.contains("Vsource") && !l.contains("Line.t")).collect::<Vec<_>>().join("\n"));
    let s = outages(&alone, Selection { sources: true, ..Selection::default() }, |_| {});
    assert_eq!((s.cases[0].at[0].condition.solved, s.cases[0].at[0].condition.unserved_customers), (Solved::Dead, 60.0));
    // Restored.
    let r = outages(&state, lines, |o| o.restore = Some(RestoreOptions::default()));
    let ab = r.cases.iter().find(|c| c.name == "line.ab").unwrap();
    assert!((ab.at[0].end().unserved_kw - 1000.0).abs() < 1.0);
}

#[test]
fn a_dead_phase_beside_a_live_one_is_without_supply() {
    let state = solved(&Files(None), &root().join("models/ieee123/ieee123.dss"));
    let r = outages(&state, Selection { elements: vec!["transformer.reg3a".into()], ..Selection::default() }, |_| {});
    let c = &r.cases[0].at[0].condition;
    // Phase A behind the regulator, by the model's own list; phase C of the same lines stays alive.
    let network = state.circuit().network();
    let behind = ["26", "27", "31", "32", "33"];
    let expected: f64 = network
        .loads
        .iter()
        .filter(|l| {
            let t = &l.common.terminals[0];
            behind.contains(&network.bus(t.bus).name.as_str()) && t.nodes[0] == 1
        })
        .map(|l| l.p_kw)
        .sum();
    assert!(expected > 30.0 && (c.unserved_kw - expected).abs() < 0.1 * expected, "{} for {expected}", c.unserved_kw);
    assert!(c.lowest_v.unwrap().0 > 0.9, "{:?}", c.lowest_v);
}

#[test]
fn threads_change_nothing_and_limits_of_today_are_not_counted_again() {
    let state = solved(&Files(None), &root().join("models/ieee123/ieee123.dss"));
    let lines = Selection { lines: true, transformers: true, ..Selection::default() };
    let one = outages(&state, lines.clone(), |_| {});
    let three = outages(&state, lines, |o| o.hands = Hands::Threads(3));
    let figures = |r: &ContingencyResult| r.cases.iter().map(|c| (c.name.clone(), c.at[0].condition.clone())).collect::<Vec<_>>();
    assert_eq!(figures(&one), figures(&three));
    assert!(one.cases.len() > 120, "{}", one.cases.len());
    for (name, c) in figures(&one) {
        assert_eq!(c.solved, Solved::Yes, "{name}");
        assert!(c.mismatch_va.unwrap() < 50.0, "{name}: {:?}", c.mismatch_va);
        for v in &c.violations {
            assert!(v.before.is_none_or(|b| v.criterion.margin(v.value, b) < 0.0), "{name}: {v:?}");
        }
    }
}

#[test]
fn what_has_no_solution_says_so_and_nothing_else() {
    // Two lines of 16 ohm side by side carry V^2 / 2 X = 9.7 MW at most, one alone 4.9 MW; the load draws 6 MW.
    let text = "Clear
New Circuit.weak Bus1=a BasekV=12.47 pu=1.0 R1=0 X1=1e-4 R0=0 X0=1e-4
New Line.one Bus1=a Bus2=b Phases=3 R1=0.01 X1=16 R0=0.01 X0=16 C1=0 C0=0 Length=1
New Line.two Bus1=a Bus2=b Phases=3 R1=0.01 X1=16 R0=0.01 X0=16 C1=0 C0=0 Length=1
New Load.b Bus1=b Phases=3 kV=12.47 kW=6000 kvar=0 Vminpu=0.001 Vlowpu=0.0005
Set VoltageBases=[12.47]
CalcVoltageBases
";
    let state = script(text);
    let r = outages(&state, Selection { lines: true, ..Selection::default() }, |_| {});
    for case in &r.cases {
        let c = &case.at[0].condition;
        assert_eq!(c.solved, Solved::No, "{c:?}");
        assert!(
            c.lowest_v.is_none() && c.line_pct.is_none() && c.losses_kw.is_none() && c.mismatch_va.is_none() && c.violations.is_empty()
        );
    }
}

#[test]
fn a_transmission_case_without_a_branch_is_the_case_without_it() {
    use powerflow::newton::{self, Options, Outcome};
    let path = root().join("cases/matpower/ieee14");
    let file =
        std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()).find(|p| p.extension().is_some_and(|e| e == "m")).expect("a case");
    let network = formats::model::read(formats::ModelFormat::Matpower, &Files(None), &file, &formats::ModelOptions::default())
        .expect("a case")
        .network;
    let options = ContingencyOptions {
        selection: Selection::all(),
        pairs: 5,
        criteria: usual_criteria(),
        own_voltage_limits: true,
        emergency: false,
        isolation: Isolation::Element,
        restore: None,
        hands: Hands::Threads(2),
    };
    let solver = Options::default();
    let r = transmission::run(&network, &solver, &options).expect("a study");
    let mut compared = 0;
    for case in r.cases.iter().filter(|c| c.elements.len() == 1 && c.name.starts_with("branch.")) {
        let mut without = network.clone();
        without.ac_branches[case.elements[0].index()].in_service = false;
        let c = &case.at[0].condition;
        match newton::solve(&without, &Options { seek_solvable: false, ..solver }).expect("a case") {
            Outcome::Solved(s) => {
                let lowest = s.buses.iter().filter_map(|b| b.v_pu).fold(f64::INFINITY, f64::min);
                assert!((c.lowest_v.unwrap().0 - lowest).abs() < 1e-7, "{}: {:?} for {lowest}", case.name, c.lowest_v);
                assert!((c.losses_kw.unwrap() - s.certificate.losses_mw * 1e3).abs() < 1e-2);
                compared += 1;
            }
            Outcome::Unsolved(_) => assert_eq!(c.solved, Solved::No),
        }
    }
    assert!(compared >= 10, "{compared}");
    assert_eq!(r.cases.iter().filter(|c| c.elements.len() == 2).count(), 5);
    // The machine at the swing bus is out: another bus takes its place, and the losses are others.
    let swing = r.cases.iter().find(|c| c.at[0].note.contains("swing")).expect("an outage of the swing machine");
    assert_eq!(swing.at[0].condition.solved, Solved::Yes);
}
