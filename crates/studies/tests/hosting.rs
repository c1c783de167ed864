//! Hosting capacity against closed forms, against trying every step, and over seeds and threads.

use formats::opendss::{FileSource, ReadOptions, read};
use network::SolutionMode;
use powerflow::{Session, State};
use std::path::{Path, PathBuf};
use studies::hands::Hands;
use studies::hosting::{
    BaseViolations, Criteria, Criterion, Der, HostingError, HostingOptions, HostingResult, Hours, Method, ProofOf, Relax, SeriesOf,
    SiteResult, Sizes, Stochastic, run, tables,
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

fn prepared(files: &Files, path: &Path, commands: &[&str], series: Option<SeriesOf>) -> State {
    let mut session = Session::new();
    let options = ReadOptions { lenient: false, commands: commands.iter().map(|&c| c.to_owned()).collect() };
    let mut network = read(files, path, &mut session, &options).map_err(|e| e.diagnostics).expect("the model can be read").network;
    let o = &mut network.options;
    (o.tolerance_pu, o.max_iterations, o.max_control_iterations) = (1e-8, 500, 100);
    (o.mode, o.hour, o.second) = (SolutionMode::Snapshot, 0, 0.0);
    if let Some(series) = series {
        (o.mode, o.step_s, o.number) = (series.mode, series.step_h * 3600.0, series.steps);
    }
    session.series_state(&network, true).expect("the model can be compiled")
}

fn script(text: &str) -> State {
    prepared(&Files(Some(text.to_owned())), Path::new("model.dss"), &[], None)
}

fn ieee(name: &str, commands: &[&str], series: Option<SeriesOf>) -> State {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models").join(name).join(format!("{name}.dss"));
    prepared(&Files(None), &path, commands, series)
}

fn one<'a>(result: &'a HostingResult, bus: &str) -> &'a SiteResult {
    result.sites.iter().find(|s| s.bus == bus).unwrap_or_else(|| panic!("no bus {bus}"))
}

/// A stiff source of 12.47 kV and a line of 1 + j1 ohm a phase.
const TWO_BUS: &str = "clear
new circuit.two bus1=a basekv=12.470765814495918 pu=1.0 r1=0 x1=0.000001 r0=0 x0=0.000001
new line.l bus1=a bus2=b phases=3 r1=1 x1=1 r0=1 x0=1 c1=0 c0=0 length=1 units=none normamps=200
set voltagebases=[12.470765814495918]
calcvoltagebases
";

const V_LN: f64 = 7200.0;

/// Steps of 10 kW that fit a size.
fn steps_of(kw: f64) -> f64 {
    (kw / 10.0).floor() * 10.0
}

/// Size at which the far end reaches `v_pu` of a stiff source's voltage, kW: with p a phase, `V1² = V2² - 2Rp + |z|²p²/V2²`.
fn size_at_voltage_kw(v_pu: f64) -> f64 {
    let (v1, v2) = (V_LN, v_pu * V_LN);
    let (a, b, c) = (2.0 / (v2 * v2), -2.0, v2 * v2 - v1 * v1);
    let p = (-b - (b * b - 4.0 * a * c).sqrt()) / (2.0 * a);
    3.0 * p / 1e3
}

#[test]
fn voltage_and_current_of_two_buses_are_those_of_the_closed_form() {
    for (v_pu, der, criterion) in [(1.05, Der::Generation, Criterion::OverVoltage), (0.95, Der::Load, Criterion::UnderVoltage)] {
        let options = HostingOptions { der, criteria: Criteria::of(&[criterion]), ..HostingOptions::default() };
        let result = run(script(TWO_BUS), &options).expect("a study");
        let b = one(&result, "b");
        let expected = steps_of(size_at_voltage_kw(v_pu).abs());
        assert_eq!(b.capacity_kw(), Some(expected), "{criterion:?}");
        let c = b.crossing().expect("it is limited");
        assert_eq!((c.criterion, result.name_of(c.reading.at).split('.').next()), (criterion, Some("b")));
        // The stiff source itself can take anything.
        assert_eq!(one(&result, "a").status(), "unlimited");
        assert!(result.mismatch_va.expect("certified") < 10.0, "{:?}", result.mismatch_va);
    }
    // 200 A: V2 = 200 R + sqrt((200 R)² - (200 |z|)² + V1²) for delivering, with R for -R for drawing.
    for (der, sign) in [(Der::Generation, 1.0), (Der::Load, -1.0)] {
        let v2 = sign * 200.0 + (200.0_f64.powi(2) - 2.0 * 200.0_f64.powi(2) + V_LN * V_LN).sqrt();
        let options = HostingOptions { der, criteria: Criteria::of(&[Criterion::ThermalLine]), ..HostingOptions::default() };
        let result = run(script(TWO_BUS), &options).expect("a study");
        assert_eq!(one(&result, "b").capacity_kw(), Some(steps_of(3.0 * 200.0 * v2 / 1e3)), "{der:?}");
        assert_eq!(result.name_of(one(&result, "b").crossing().unwrap().reading.at), "line.l");
    }
    // Either: the lesser of both.
    let options = HostingOptions { der: Der::Both, criteria: Criteria::of(&[Criterion::ThermalLine]), ..HostingOptions::default() };
    let result = run(script(TWO_BUS), &options).expect("a study");
    let v2 = -200.0 + (V_LN * V_LN - 200.0_f64.powi(2)).sqrt();
    assert_eq!(one(&result, "b").capacity_kw(), Some(steps_of(0.6 * v2)));
}

#[test]
fn deviation_and_flows_backwards_are_those_of_the_closed_form() {
    // Without a regulator the deviation is the rise over 1 pu.
    let criteria = Criteria::of(&[Criterion::VoltageDeviation]);
    let result = run(script(TWO_BUS), &HostingOptions { criteria, ..HostingOptions::default() }).expect("a study");
    assert_eq!(one(&result, "b").capacity_kw(), Some(steps_of(size_at_voltage_kw(1.03))));
    // 900 kW of load behind the line, no power back: the source is left with the losses of the difference.
    let with_load = format!("{TWO_BUS}new load.d bus1=b phases=3 kv=12.47 kw=905 pf=1 vminpu=0.7\n");
    let criteria = Criteria::of(&[Criterion::ReverseFlowHead]);
    let result = run(script(&with_load), &HostingOptions { criteria, ..HostingOptions::default() }).expect("a study");
    assert_eq!(one(&result, "b").capacity_kw(), Some(900.0));
}

#[test]
fn faults_follow_the_impedances() {
    // At b: Z = 1 + j(1 + 1e-6) ohm, so that a fault carries 7200/sqrt(2) A; a resource of P adds 1.2 P / (3 * 7200 V).
    let criteria = Criteria::of(&[Criterion::FaultCurrentRise]);
    let result = run(script(TWO_BUS), &HostingOptions { criteria, ..HostingOptions::default() }).expect("a study");
    let at_b_a = V_LN / 2.0_f64.sqrt();
    let kw = 0.1 * at_b_a * 3.0 * V_LN / 1.2 / 1e3;
    assert_eq!(one(&result, "b").capacity_kw(), Some(steps_of(kw)));
    // Three buses in a row, a resource in the middle, a fault at the end: the middle's impedance Zm feeds the fault through Ze, so the head
    // loses I Ze/(Zm + Ze) of its V/(Zm + Ze): with equal impedances, I |z| / V of it.
    let more = "new line.m bus1=b bus2=c phases=3 r1=1 x1=1 r0=1 x0=1 c1=0 c0=0 length=1 units=none\nset voltagebases";
    let row = TWO_BUS.replace("set voltagebases", more);
    let criteria = Criteria::of(&[Criterion::ReachReduction]);
    let result = run(script(&row), &HostingOptions { criteria, ..HostingOptions::default() }).expect("a study");
    let kw = 0.1 * V_LN / 2.0_f64.sqrt() * 3.0 * V_LN / 1.2 / 1e3;
    assert_eq!(one(&result, "b").capacity_kw(), Some(steps_of(kw)));
    // At the end itself it takes nothing from the head.
    assert_eq!(one(&result, "c").status(), "unlimited");
}

/// A feeder with a regulator, one-phase laterals, an overload-prone transformer and a delta winding without earth.
const FEEDER: &str = "clear
new circuit.f bus1=src basekv=12.47 pu=1.01 r1=0.05 x1=0.5 r0=0.1 x0=0.6
new line.l1 bus1=src bus2=n1 phases=3 r1=0.3 x1=0.6 r0=0.7 x0=1.9 c1=8 c0=4 length=2 units=km normamps=300
new transformer.reg phases=3 windings=2 buses=[n1 n1r] conns=[wye wye] kvs=[12.47 12.47] kvas=[8000 8000] xhl=0.5 %loadloss=0.01
new regcontrol.reg transformer=reg winding=2 vreg=121 band=2 ptratio=60 ctprim=300 r=2 x=3
new line.l2 bus1=n1r bus2=n2 phases=3 r1=0.4 x1=0.7 r0=0.8 x0=2.0 c1=8 c0=4 length=3 units=km normamps=250
new line.l3 bus1=n2 bus2=n3 phases=3 r1=0.5 x1=0.7 r0=0.9 x0=2.1 c1=8 c0=4 length=3 units=km normamps=150
new line.lat bus1=n2.2 bus2=n4.2 phases=1 r1=1.1 x1=0.9 r0=1.1 x0=0.9 c1=5 c0=5 length=2 units=km normamps=80
new transformer.small phases=1 windings=2 buses=[n4.2 n5.2] conns=[wye wye] kvs=[7.2 0.24] kvas=[50 50] xhl=2 %loadloss=1.5
new transformer.dd phases=3 windings=2 buses=[n3 n6] conns=[delta delta] kvs=[12.47 0.48] kvas=[300 300] xhl=4 %loadloss=1
new capacitor.c bus1=n3 phases=3 kvar=300 kv=12.47
new load.a bus1=n3 phases=3 kv=12.47 kw=1200 pf=0.95
new load.b bus1=n2.1 phases=1 kv=7.2 kw=200 pf=0.95
new load.c bus1=n5.2 phases=1 kv=0.24 kw=20 pf=0.98
new load.d bus1=n6 phases=3 conn=delta kv=0.48 kw=120 pf=0.9
new line.open bus1=n3 bus2=n7 phases=3 r1=0.5 x1=0.7 r0=0.9 x0=2.1 c1=8 c0=4 length=3 units=km enabled=no
new load.e bus1=n7 phases=3 kv=12.47 kw=1
set voltagebases=[12.47 0.48 0.415692]
calcvoltagebases
set maxcontroliter=50
solve
";

/// The IEEE 123-node feeder has lines above their ampacity and voltages just below 1.05 pu without any resource.
fn of_ieee123() -> HostingOptions {
    let mut criteria = Criteria::default();
    criteria.set(Criterion::OverVoltage, 1.058);
    HostingOptions { criteria, base_violations: BaseViolations::NotWorse, ..HostingOptions::default() }
}

fn capacities(result: &HostingResult) -> Vec<(String, Option<f64>, Option<Criterion>)> {
    result.sites.iter().map(|s| (s.bus.clone(), s.capacity_kw(), s.crossing().map(|c| c.criterion))).collect()
}

#[test]
fn searching_and_trying_every_step_agree() {
    for der in [Der::Generation, Der::Load, Der::Both] {
        let sizes = Sizes { step_kw: Some(20.0), max_kw: Some(6000.0) };
        let options = HostingOptions { der, sizes, hands: Hands::Threads(2), ..HostingOptions::default() };
        let fast = run(script(FEEDER), &options).expect("a study");
        let slow = run(script(FEEDER), &HostingOptions { proof: ProofOf::EveryStep, ..options }).expect("a study");
        assert_eq!(capacities(&fast), capacities(&slow), "{der:?}");
        assert!(fast.n_solved * 3 < slow.n_solved, "{} against {}", fast.n_solved, slow.n_solved);
        assert_eq!(one(&fast, "n7").status(), "isolated");
        assert_eq!(one(&fast, "n6").site.as_ref().unwrap().joined.word(), "delta");
        assert_eq!(one(&fast, "n4").site.as_ref().unwrap().phase_letters(), "b");
        assert!(fast.sites.iter().filter_map(SiteResult::capacity_kw).any(|kw| kw > 0.0));
    }
}

#[test]
fn a_regulator_that_acts_does_not_hide_smaller_sizes() {
    // A narrow limit that the voltage crosses until the regulator steps down, and keeps again thereafter.
    let sizes = Sizes { step_kw: Some(5.0), max_kw: Some(4000.0) };
    for limit in [1.021, 1.023, 1.025, 1.028, 1.03, 1.034, 1.038] {
        let mut criteria = Criteria::of(&[Criterion::OverVoltage]);
        criteria.set(Criterion::OverVoltage, limit);
        let options = HostingOptions { criteria, sizes, hands: Hands::Threads(2), ..HostingOptions::default() };
        let fast = run(script(FEEDER), &options).expect("a study");
        let slow = run(script(FEEDER), &HostingOptions { proof: ProofOf::EveryStep, ..options }).expect("a study");
        assert_eq!(capacities(&fast), capacities(&slow), "{limit}");
    }
}

#[test]
fn base_violations_give_zero_or_are_not_made_worse() {
    let low = FEEDER.replace("%loadloss=1.5", "%loadloss=1.5 normhkva=10");
    let criteria = Criteria::of(&[Criterion::ThermalTransformer]);
    let options = HostingOptions { criteria, ..HostingOptions::default() };
    let result = run(script(&low), &options).expect("a study");
    for s in result.sites.iter().filter(|s| s.site.is_some()) {
        assert_eq!((s.capacity_kw(), s.status()), (Some(0.0), "base-violates"));
        let c = s.crossing().unwrap();
        assert_eq!((c.criterion, result.name_of(c.reading.at).as_str()), (Criterion::ThermalTransformer, "transformer.small"));
    }
    let tolerant = HostingOptions { base_violations: BaseViolations::NotWorse, ..options };
    let result = run(script(&low), &tolerant).expect("a study");
    // Elsewhere generation does not load that transformer more; behind it, it relieves it until it feeds back as much.
    assert!(one(&result, "n5").capacity_kw().unwrap() > 20.0);
    assert!(one(&result, "n2").capacity_kw().unwrap() >= 0.0);
}

#[test]
fn hours_bind_as_the_load_says() {
    let day = "new loadshape.day npts=4 interval=1 mult=[1.0 0.3 0.7 1.2]\nbatchedit load..* daily=day\n";
    let series = SeriesOf { mode: SolutionMode::Daily, steps: 4, step_h: 1.0 };
    let with_day = format!("{FEEDER}{day}");
    let start = || prepared(&Files(Some(with_day.clone())), Path::new("model.dss"), &[], Some(series));
    let sizes = Sizes { step_kw: Some(20.0), max_kw: Some(6000.0) };
    let options =
        HostingOptions { sizes, series, hours: Hours::All, envelope: true, hands: Hands::Threads(2), ..HostingOptions::default() };
    let all = run(start(), &options).expect("a study");
    let n3 = one(&all, "n3").found.as_ref().unwrap();
    assert_eq!(n3.envelope.len(), 4);
    let least = n3.envelope.iter().map(|e| e.1).min().unwrap();
    assert_eq!(least, n3.k, "the static capacity is the least of the envelope");
    let chosen = HostingOptions { hours: Hours::Chosen(vec![1, 2, 3, 4]), envelope: false, ..options.clone() };
    assert_eq!(capacities(&run(start(), &chosen).expect("a study")), capacities(&all));
    let threads = HostingOptions { hands: Hands::Threads(5), ..options.clone() };
    let again = run(start(), &threads).expect("a study");
    assert!(again.tables() == all.tables(), "the number of threads changes the tables");
    assert!(again.envelopes().eq(all.envelopes()), "the number of threads changes the envelope");
    let parts: Vec<_> = all.envelopes().collect();
    assert!(parts.iter().all(|p| p.rows.len() == 4 && p.batch().num_rows() == 4));
    let binding = run(start(), &HostingOptions { hours: Hours::Binding, envelope: false, ..options.clone() }).expect("a study");
    assert!(binding.moments.iter().any(|m| m.moment.step == Some(2) && m.why.contains(&"lowest net load")));
    assert_eq!(binding.sites.len(), all.sites.len());
    let late = HostingOptions { hours: Hours::Chosen(vec![5]), ..options };
    assert!(matches!(run(start(), &late), Err(HostingError::UnknownStep { step: 5, steps: 4 })));
}

#[test]
fn draws_are_those_of_the_seed_whatever_the_threads() {
    let stochastic = Stochastic { seed: 7, draws: 40, ..Stochastic::default() };
    let options = HostingOptions { method: Method::Stochastic, stochastic, hands: Hands::Threads(1), ..of_ieee123() };
    let a = run(ieee("ieee123", &[], None), &options).expect("a study");
    let b = run(ieee("ieee123", &[], None), &HostingOptions { hands: Hands::Threads(3), ..options.clone() }).expect("a study");
    assert!(a.tables() == b.tables(), "the number of threads changes the draws");
    let other = Stochastic { seed: 8, ..stochastic };
    let c = run(ieee("ieee123", &[], None), &HostingOptions { stochastic: other, hands: Hands::Threads(2), ..options }).expect("a study");
    assert!(a.tables() != c.tables(), "the seed changes nothing");
    let d = a.draws.as_ref().unwrap();
    assert_eq!(d.factors.iter().map(|f| f.1).sum::<usize>(), 40);
    let figure = |name: &str| d.figures.iter().find(|f| f.0 == name).unwrap().1;
    assert!(figure("p5").value <= figure("p50").value && figure("p50").value <= figure("p95").value);
    for d in &d.draws {
        let sum: f64 = d.at_site_kw.iter().map(|p| p.1).sum();
        assert!((sum - d.capacity_kw).abs() < 1e-9);
    }
}

#[test]
fn searching_ieee123_finds_what_trying_every_step_finds() {
    let sizes = Sizes { step_kw: Some(25.0), max_kw: Some(3000.0) };
    // 1.0505 pu in steps of 5 kW: at bus 68 a tap rests one higher from 1410 to 1415 kW than below and above, and the limit is crossed there alone.
    for (der, limit, step) in
        [(Der::Generation, 1.058, 25.0), (Der::Generation, 1.0505, 5.0), (Der::Generation, 1.053, 10.0), (Der::Load, 1.058, 25.0)]
    {
        let sizes = Sizes { step_kw: Some(step), ..sizes };
        let mut options = HostingOptions { der, sizes, hands: Hands::Threads(2), ..of_ieee123() };
        if step == 5.0 {
            options.criteria = Criteria::of(&[Criterion::OverVoltage]);
        }
        options.criteria.set(Criterion::OverVoltage, limit);
        let fast = run(ieee("ieee123", &[], None), &options).expect("a study");
        let slow = run(ieee("ieee123", &[], None), &HostingOptions { proof: ProofOf::EveryStep, ..options }).expect("a study");
        let differing: Vec<_> = capacities(&fast).into_iter().zip(capacities(&slow)).filter(|(a, b)| a != b).collect();
        assert!(differing.is_empty(), "{der:?} {limit}: {differing:?}");
        println!("{der:?} {limit}: {} and {} power flows", fast.n_solved, slow.n_solved);
    }
}

/// Relative differences of the streamlined from the iterative capacities, sorted.
fn differences(commands: &[&str]) -> Vec<f64> {
    let sizes = Sizes { step_kw: Some(10.0), max_kw: Some(20_000.0) };
    let mut options = HostingOptions { sizes, hands: Hands::Threads(2), ..of_ieee123() };
    // Next to a limit that is crossed without resources, the last digits of a current decide.
    options.criteria.set(Criterion::ThermalLine, 130.0);
    let exact = run(ieee("ieee123", commands, None), &options).expect("a study");
    let fast = run(ieee("ieee123", commands, None), &HostingOptions { method: Method::Streamlined, ..options }).expect("a study");
    assert!(fast.n_solved <= fast.sites.len() as u64, "one triangular solution a bus");
    let mut off = Vec::new();
    for (e, f) in exact.sites.iter().zip(&fast.sites) {
        assert_eq!(e.bus, f.bus);
        if let (Some(e), Some(f)) = (e.capacity_kw(), f.capacity_kw()) {
            off.push((f - e) / e.max(100.0));
        }
    }
    off.sort_by(f64::total_cmp);
    off
}

#[test]
fn superposition_is_near_the_solution_on_ieee123() {
    // With controls held both ask the same grid; what is left is the bend of the power flow.
    let held = differences(&["set controlmode=off"]);
    let n = held.len();
    println!("held: lowest {:.3} median {:.3} highest {:.3}", held[0], held[n / 2], held[n - 1]);
    let near = held.iter().filter(|x| x.abs() < 0.15).count();
    assert!(held[n / 2].abs() < 0.1 && 10 * near > 9 * n, "{near} of {n} within 15 %, median {}", held[n / 2]);
    // With controls that act it misses what regulators give: mostly too low.
    let free = differences(&[]);
    println!("free: lowest {:.3} median {:.3} highest {:.3}", free[0], free[n / 2], free[n - 1]);
}

#[test]
fn changes_relax_what_binds() {
    let criteria = Criteria::of(&[Criterion::OverVoltage]);
    let options = HostingOptions { criteria, relax: Relax::All, ..HostingOptions::default() };
    let result = run(script(TWO_BUS), &options).expect("a study");
    let b = one(&result, "b");
    let by = |part: &str| b.relaxed.iter().find(|r| r.change.contains(part)).unwrap_or_else(|| panic!("no {part}: {:?}", b.relaxed));
    // A second circuit halves the impedance: twice the size, to the step.
    let twice = steps_of(2.0 * size_at_voltage_kw(1.05));
    assert_eq!(by("second circuit").capacity_kw, twice);
    assert!(by("power factor").gain_kw > 0.0);
    // Volt-var at 1.05 pu absorbs f = 0.44/2 of the rating: q = -f p k a phase, and V1² = V2² - 2(Rp + Xq) + |z|²|s|²/V2².
    let k = 1.0 / (1.0_f64 - 0.44 * 0.44).sqrt();
    let f = 0.22 * k;
    let v2 = 1.05 * V_LN;
    let (a, b2, c) = (2.0 * (1.0 + f * f) / (v2 * v2), -2.0 * (1.0 - f), v2 * v2 - V_LN * V_LN);
    let p = (-b2 - (b2 * b2 - 4.0 * a * c).sqrt()) / (2.0 * a);
    let expected = 3.0 * p / 1e3;
    assert!((by("volt-var").capacity_kw - expected).abs() <= 20.0, "{} {expected}", by("volt-var").capacity_kw);
    // Loading: the second circuit carries half.
    let criteria = Criteria::of(&[Criterion::ThermalLine]);
    let options = HostingOptions { criteria, relax: Relax::Worst(1), ..HostingOptions::default() };
    let result = run(script(TWO_BUS), &options).expect("a study");
    let b = one(&result, "b");
    let relaxed = b.relaxed.iter().find(|r| r.change.contains("second circuit")).expect("tried");
    assert!((relaxed.capacity_kw / b.capacity_kw().unwrap() - 2.0).abs() < 0.05, "{relaxed:?}");
}

#[test]
fn each_criterion_alone_is_no_less_than_all_together() {
    let sizes = Sizes { step_kw: Some(20.0), max_kw: Some(6000.0) };
    let options = HostingOptions { sizes, each_criterion: true, hands: Hands::Threads(2), ..HostingOptions::default() };
    let result = run(script(FEEDER), &options).expect("a study");
    let mut compared = 0;
    for s in result.sites.iter().filter(|s| s.found.is_some()) {
        let f = s.found.as_ref().unwrap();
        let first = f.alone.iter().filter_map(|a| a.1).min();
        if let (Some(c), Some(first)) = (s.crossing(), first)
            && c.criterion != Criterion::Solution
        {
            assert_eq!(first.saturating_sub(1), f.k, "{}", s.bus);
            compared += 1;
        }
    }
    assert!(compared > 4, "{compared}");
}

#[test]
fn options_that_no_study_can_have_are_refused() {
    let refuse = |options: HostingOptions| run(script(TWO_BUS), &options).map(|_| ()).expect_err("refused");
    assert!(matches!(
        refuse(HostingOptions { buses: vec!["zz".to_owned()], ..HostingOptions::default() }),
        HostingError::UnknownBus { .. }
    ));
    assert!(matches!(refuse(HostingOptions { power_factor: 0.0, ..HostingOptions::default() }), HostingError::Option { .. }));
    assert!(matches!(
        refuse(HostingOptions { profile: Some("no".to_owned()), ..HostingOptions::default() }),
        HostingError::UnknownProfile { .. }
    ));
    assert!(matches!(refuse(HostingOptions { method: Method::Stochastic, ..HostingOptions::default() }), HostingError::NoCustomer));
    let sizes = Sizes { step_kw: Some(f64::NAN), max_kw: None };
    assert!(matches!(refuse(HostingOptions { sizes, ..HostingOptions::default() }), HostingError::Option { .. }));
}

#[test]
fn every_column_is_documented() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/methods/hosting-capacity.md")).expect("the page");
    let all = tables::ALL.iter().copied();
    let maps = [("map_california", studies::hosting::maps::CALIFORNIA), ("map_new_york", studies::hosting::maps::NEW_YORK)];
    for (name, columns) in all.chain(maps) {
        assert!(page.contains(&format!("`{name}`")), "table {name}");
        for c in columns {
            assert!(page.contains(&format!("`{}`", c.name)), "column {} of {name}", c.name);
        }
    }
    for c in Criterion::ALL {
        assert!(page.contains(&format!("`{}`", c.name())), "criterion {}", c.name());
    }
}
