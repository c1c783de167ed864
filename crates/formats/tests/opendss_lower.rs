//! What becomes of raw objects, on small scripts. The expected numbers are those that DSS C-API 0.14.5 answers
//! to a query of the property (`? line.a.cmatrix`), after a solution where it works them out only then.

use std::path::Path;

use formats::opendss::{MemoryFiles, ReadError, ReadOptions, ReadOutcome, read};
use network::*;

const TOLERANCE: f64 = 1e-9;

/// Does what the test tells it to when it is asked to solve.
#[derive(Default)]
struct Scripted {
    /// Changes of each solve, in order.
    solves: Vec<Vec<(ElementId, ModeOfChange)>>,
    /// Networks it was given.
    seen: Vec<Network>,
    forgotten: usize,
}

impl Engine for Scripted {
    fn voltage_bases(&mut self, network: &Network) -> Result<Vec<f64>, EngineError> {
        Ok((0..network.buses.len()).map(|i| 7.0 + i as f64).collect())
    }

    fn solve(&mut self, network: &Network) -> Result<SolveReport, EngineError> {
        self.seen.push(network.clone());
        let changes = if self.solves.is_empty() { Vec::new() } else { self.solves.remove(0) };
        let operating_point = OperatingPoint { changes, hour: network.options.hour + 2, second: 90.0 };
        Ok(SolveReport { converged: true, operating_point, ..SolveReport::default() })
    }

    fn allocate_loads(&mut self, network: &Network) -> Result<SolveReport, EngineError> {
        self.solve(network)
    }

    fn forget_voltages(&mut self) {
        self.forgotten += 1;
    }

    fn reset(&mut self) {}
}

fn try_read(body: &str, engine: &mut Scripted, options: &ReadOptions) -> Result<ReadOutcome, ReadError> {
    let text = format!("clear\nnew circuit.c basekv=12.47 bus1=b0\n{body}");
    let files = MemoryFiles::new().with("m/master.dss", text);
    read(&files, Path::new("m/master.dss"), engine, options)
}

fn network(body: &str) -> Network {
    try_read(body, &mut Scripted::default(), &ReadOptions::default()).unwrap_or_else(|e| panic!("{body}\n{e}")).network
}

/// Code, line and message of the first error.
fn error(body: &str) -> (String, u32, String) {
    let error = try_read(body, &mut Scripted::default(), &ReadOptions::default()).unwrap_err();
    let d = error.diagnostics.into_iter().find(|d| d.severity == Severity::Error).unwrap();
    (d.code.clone(), d.source.as_ref().map_or(0, |s| s.line), format!("{} {}", d.element.unwrap_or_default(), d.message))
}

fn assert_close(actual: &[f64], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len(), "{actual:?} {expected:?}");
    for (a, e) in actual.iter().zip(expected) {
        assert!((a - e).abs() <= TOLERANCE * e.abs().max(1.0), "{actual:?} {expected:?}");
    }
}

/// R, X and C of the first two entries of a line's matrices, per unit of length.
fn self_and_mutual(line: &Line) -> [f64; 6] {
    match &line.impedance {
        LineImpedance::Sequence { z1_ohm, z0_ohm, c1_nf, c0_nf } => {
            let (s, m) = ((2.0 * z1_ohm + z0_ohm) / 3.0, (z0_ohm - z1_ohm) / 3.0);
            [s.re, m.re, s.im, m.im, (2.0 * c1_nf + c0_nf) / 3.0, (c0_nf - c1_nf) / 3.0]
        }
        LineImpedance::Matrix { z_ohm, c_nf } => [z_ohm[0].re, z_ohm[1].re, z_ohm[0].im, z_ohm[1].im, c_nf[0], c_nf[1]],
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_line_takes_the_code_as_it_stood_when_it_was_named() {
    let n = network("new linecode.l r1=1 x1=2 units=mi\nnew line.a bus1=b0 bus2=x linecode=l length=100 units=ft\nedit linecode.l r1=99");
    let line = &n.lines[0];
    // OpenDSS shows these times the unit factor, 1 / 5280.
    let f = line.unit_factor;
    assert_close(&[f], &[1.0 / 5280.0]);
    let shown = [0.00013752525252525252, -0.000051868686868686, 0.0002780744949494949, -0.00010071338383838383];
    let [rs, rm, xs, xm, ..] = self_and_mutual(line);
    assert_close(&[rs * f, rm * f, xs * f, xm * f], &shown);
    assert!(matches!(n.line_codes[0].data, LineCodeData::Sequence { z1_ohm, .. } if z1_ohm.re == 99.0));
}

#[test]
fn default_capacitance_is_per_kilofoot_whatever_the_unit() {
    let n = network(
        "new line.a bus1=b0 bus2=x r1=1 x1=1 units=km\nnew line.b bus1=b0 bus2=y switch=y units=km\nnew line.d bus1=b0 bus2=z b1=5 b0=3 units=km",
    );
    assert_close(&self_and_mutual(&n.lines[0])[4..], &[9.186351706036744, -1.9685039370078734]);
    assert_close(&self_and_mutual(&n.lines[1]), &[1.0, 0.0, 1.0, 0.0, 3.499562554680665, -0.10936132983377067]);
    assert_close(&[n.lines[1].length], &[0.001]);
    assert_close(&self_and_mutual(&n.lines[2])[4..], &[11.494523667747998, -1.7683882565766151]);
}

#[test]
fn like_copies_what_each_class_copies() {
    let n = network(
        "new linecode.l nphases=2 rmatrix=[1|.1 1] xmatrix=[2|.2 2] units=mi normamps=7 emergamps=9 rho=50\n\
         new line.b linecode=l length=3 units=km bus1=b0 bus2=y\nnew line.a like=b bus1=b0 bus2=z\nnew linecode.m like=l",
    );
    let a = &n.lines[1];
    assert_eq!((a.common.n_phases, a.length, a.length_unit, a.line_code, a.unit_factor), (2, 3.0, LengthUnit::None, None, 1.0));
    assert_close(&[a.common.rating.normal_a, a.common.rating.emergency_a, a.rho_ohm_m], &[7.0, 9.0, 100.0]);
    assert_close(&self_and_mutual(a), &[1.0, 0.1, 2.0, 0.2, 2.8, -0.6]);
    // A code copies the numbers but not that matrices were given: its own components rule.
    assert!(matches!(n.line_codes[1].data, LineCodeData::Sequence { z1_ohm, .. } if z1_ohm.re == 0.058));
}

#[test]
fn kron_reduction_of_a_code() {
    let n = network(
        "new linecode.a nphases=3 rmatrix=[1|.1 1|.1 .1 1] xmatrix=[2|.2 2|.2 .2 2] cmatrix=[3|0 3|0 0 3] kron=y\n\
         new line.l bus1=b0.1.2 bus2=x.1.2 linecode=a",
    );
    assert_eq!(n.lines[0].common.n_phases, 2);
    assert_close(&self_and_mutual(&n.lines[0]), &[0.99, 0.09, 1.98, 0.18, 3.0, 0.0]);
}

#[test]
fn lines_of_one_geometry_share_the_resistivity_last_told() {
    let n = network(
        "new wiredata.w rac=.3 gmrac=.02 gmrunits=ft diam=.7 radunits=in normamps=100 runits=mi\n\
         new linegeometry.g nconds=3 nphases=2 cond=1 wire=w x=0 h=20 units=ft cond=2 wire=w x=1 h=20 cond=3 wire=w x=.5 h=15 reduce=y\n\
         new line.b geometry=g rho=500 length=1 bus1=b0 bus2=x\nnew line.a geometry=g length=100 units=ft bus1=b0 bus2=y",
    );
    assert_close(&[n.lines[0].rho_ohm_m, n.lines[1].rho_ohm_m], &[500.0, 500.0]);
    assert_eq!(n.lines[1].common.n_phases, 2);
    assert_close(&[n.lines[1].common.rating.normal_a, n.lines[1].common.rating.emergency_a], &[100.0, 150.0]);
    let wire = &n.conductors[0];
    assert_close(&[wire.r_dc_ohm, wire.radius, wire.capacitance_radius], &[0.3 / 1.02, 0.35, 0.35]);
}

#[test]
fn transformer_values_act_in_the_order_they_are_set() {
    let n = network(
        "new transformer.a kva=500 %loadloss=3 wdg=2 kva=400 rdcohms=5 buses=[b0 x]\n\
         new transformer.b windings=3 buses=[b0 y z] kvs=[12 4 .4] kvas=[100 90 80] conns=[d y y] wdg=2 %r=1 rneut=0\n\
         new transformer.d buses=[b0 w] xhl=0\n\
         new xfmrcode.k phases=1 windings=3\nnew transformer.e xfmrcode=k buses=[b0.1 u.1 v.1] xht=9",
    );
    let [a, b, d, e] = &n.transformers[..] else { panic!() };
    assert_close(&[a.windings[0].kva, a.windings[1].kva, a.normal_kva, a.emergency_kva], &[400.0, 400.0, 550.0, 750.0]);
    assert_close(&[a.windings[0].r_pct, a.common.rating.normal_a, a.windings[1].r_dc_ohm], &[1.5, 25.4645267084438, 5.0]);
    assert_close(&b.x_sc_pct, &[7.0, 30.0, 30.0]);
    assert_close(&[b.load_loss_pct, b.windings[1].r_neutral_ohm, b.windings[2].r_neutral_ohm], &[1.2, 0.0, -1.0]);
    assert_close(&[b.common.rating.normal_a, b.windings[1].r_dc_ohm], &[5.29237746757157, 0.85 * 0.01 * 16.0 / 3.0 / 0.1]);
    assert_eq!(b.windings[0].connection, Connection::Delta);
    // OpenDSS puts its default in place of zero, a hundredfold.
    assert_close(&d.x_sc_pct, &[700.0]);
    assert_close(&e.x_sc_pct, &[7.0, 9.0, 30.0]);
    assert_eq!(e.common.terminals[0].nodes, [1, 0]);
}

#[test]
fn a_tap_number_moves_the_tap_within_its_range() {
    let n = network(
        "new transformer.t buses=[b0 x] wdg=2 maxtap=1.2\nnew regcontrol.r transformer=t winding=2 tapnum=4 ptratio=20\n\
         new transformer.s buses=[b0 y]\nnew regcontrol.q transformer=s winding=2 tapnum=40",
    );
    assert_close(&[n.transformers[0].windings[1].tap_pu, n.transformers[1].windings[1].tap_pu], &[1.0875, 1.1]);
    let r = &n.regulator_controls[0];
    assert_eq!((r.tap_winding, r.transformer), (1, Some(ElementId::new(ElementKind::Transformer, 0))));
    assert_close(&[r.remote_pt_ratio], &[20.0]);
}

#[test]
fn capacitors_divide_into_steps_and_go_to_earth() {
    let n = network(
        "new capacitor.a bus1=b0.2 phases=1 kvar=300 r=1 xl=2 numsteps=3\nnew capacitor.b bus1=b0 numsteps=2 kvar=[100 200] states=[1 0]\n\
         new capacitor.d bus1=b0 bus2=x.1.2.3 kvar=300 numsteps=3 harm=[5 5 5]\nnew capacitor.e bus1=b0.1.2 phases=1 conn=delta",
    );
    let [a, b, d, e] = &n.capacitors[..] else { panic!() };
    assert_eq!(a.size, CapacitorSize::Kvar(vec![100.0; 3]));
    assert_close(&[a.r_ohm[2], a.x_l_ohm[2]], &[3.0, 6.0]);
    assert_eq!((&a.common.terminals[0].nodes[..], &a.common.terminals[1].nodes[..]), (&[2][..], &[0][..]));
    assert_eq!(a.common.terminals[0].bus, a.common.terminals[1].bus);
    assert_eq!((&b.steps[..], b.bus2_defined, d.bus2_defined), (&[true, false][..], false, true));
    assert_close(&[b.common.rating.normal_a], &[18.7511514853086]);
    assert_close(&[d.x_l_ohm[0], d.r_ohm[0]], &[62.20036, 0.06220036]);
    assert_eq!((e.common.terminals.len(), &e.common.terminals[0].nodes[..]), (1, &[1, 2][..]));
}

#[test]
fn source_impedance_follows_what_was_set_last() {
    let n = network(
        "new vsource.a bus1=x basekv=12.47 isc3=5000 isc1=4000\nnew vsource.b bus1=y basekv=12.47 r1=1 x1=2\nnew vsource.d bus1=z puz1=[1 2] basekv=12.47 puz0=[3 4]",
    );
    let flat = |s: &VoltageSource| [s.z1_ohm.re, s.z1_ohm.im, s.z0_ohm.re, s.z0_ohm.im];
    assert_close(&flat(&n.voltage_sources[1]), &[0.3492298529565857, 1.3969194118263428, 0.7980983395767579, 2.394295018730274]);
    // The zero sequence is still that of the defaults, 115 kV.
    assert_close(&flat(&n.voltage_sources[2]), &[1.0, 2.0, 1.7960358301233548, 5.388107490370064]);
    assert_close(&flat(&n.voltage_sources[3]), &[1.555009, 3.110018, 4.665027, 6.220036]);
}

#[test]
fn buses_stand_in_the_order_of_enabled_elements() {
    let n = network(
        "new line.a bus1=far bus2=farther enabled=no\nnew line.b bus1=b0 bus2=near.3.1.2\nnew load.l bus1=near.2 phases=1 kv=7.2 kw=1",
    );
    let names: Vec<&str> = n.buses.iter().map(|b| b.name.as_str()).collect();
    assert_eq!(names, ["b0", "near", "far", "farther"]);
    assert_eq!((&n.buses[1].nodes[..], &n.buses[2].nodes[..]), (&[3, 1, 2][..], &[][..]));
    assert_eq!(n.bus_id("farther"), Some(BusId(3)));
    assert_eq!(n.lines[0].common.terminals[1].bus, BusId(3));
}

#[test]
fn opened_conductors_are_open() {
    let n = network("new line.a bus1=b0 bus2=x\nopen line.a 2 3\nopen line.a 1\nclose line.a 1 2");
    let closed: Vec<&[bool]> = n.lines[0].common.terminals.iter().map(|t| &t.closed[..]).collect();
    assert_eq!(closed, [&[false, true, false][..], &[true, true, false][..]]);
}

#[test]
fn what_a_solution_changed_is_what_later_lines_edit() {
    let transformer = ElementId::new(ElementKind::Transformer, 0);
    let capacitor = ElementId::new(ElementKind::Capacitor, 0);
    let line = ElementId::new(ElementKind::Line, 0);
    let mut engine = Scripted {
        solves: vec![vec![
            (transformer, ModeOfChange::Tap { winding: 1, tap_pu: 1.05 }),
            (capacitor, ModeOfChange::CapacitorSteps(vec![true, false])),
            (line, ModeOfChange::Closed { terminal: 1, closed: vec![true, false, true] }),
        ]],
        ..Scripted::default()
    };
    let body = "new transformer.t buses=[b0 x] wdg=1\nnew capacitor.k bus1=x numsteps=2\nnew line.l bus1=x bus2=y\nset voltagebases=[12.47]\n\
                calcvoltagebases\nset hour=5\nsolve\nsolve\nedit transformer.t tap=0.95\nset mode=snapshot\nsolve";
    let options = ReadOptions { commands: vec!["capacitor.k.kv=4.8".to_owned()], ..ReadOptions::default() };
    let outcome = try_read(body, &mut engine, &options).unwrap();
    assert_eq!(engine.seen.len(), 3);
    assert_eq!(engine.seen[0].transformers[0].windings[1].tap_pu, 1.0);
    for n in [&engine.seen[1], &outcome.network] {
        assert_eq!(n.transformers[0].windings[1].tap_pu, 1.05);
        assert_eq!(n.capacitors[0].steps, [true, false]);
        assert_eq!(n.lines[0].common.terminals[1].closed, [true, false, true]);
    }
    // Writing the tap back has left the script's choice of winding alone.
    assert_eq!(outcome.network.transformers[0].windings[0].tap_pu, 0.95);
    assert_eq!(outcome.network.capacitors[0].kv, 4.8);
    assert_eq!((engine.seen[1].options.hour, engine.seen[1].options.second), (7, 90.0));
    // The first solve and the one after `set mode` start without voltages.
    assert_eq!(engine.forgotten, 2);
    assert_eq!(outcome.network.buses.iter().map(|b| b.kv_base_ln).collect::<Vec<_>>(), [7.0, 8.0, 9.0]);
    assert!(outcome.last_solve.is_some());
}

#[test]
fn what_cannot_be_is_an_error_with_its_place() {
    let cases = [
        ("new line.a bus1=b0 bus2=x linecode=nope", "READ.OBJECT.UNKNOWN", "nope"),
        ("new transformer.a xfmrcode=nope", "READ.OBJECT.UNKNOWN", "nope"),
        ("new line.a bus1=b0 bus2=x geometry=g", "READ.OBJECT.UNKNOWN", "\"g\""),
        ("new regcontrol.r transformer=t winding=2", "READ.OBJECT.UNKNOWN", "\"t\""),
        ("new capcontrol.c capacitor=k", "READ.OBJECT.UNKNOWN", "\"k\""),
        ("new regcontrol.r winding=2", "READ.OPENDSS.UNDEFINED_REFERENCE", "regcontrol.r"),
        ("new line.a bus1=b0 bus2=x length=0", "READ.LINE.ZERO_LENGTH", "line.a length"),
        ("new line.a bus1=b0 bus2=x rmatrix=[1|1 1|1 1 1] xmatrix=[2|2 2|2 2 2]", "READ.LINE.SINGULAR_IMPEDANCE", "singular"),
        ("new line.a bus1=b0 bus2=x r1=0 x1=0", "READ.LINE.SINGULAR_IMPEDANCE", "line.a"),
        ("new line.a bus1=b0 bus2=x rmatrix=[1|.1 1|.1 .1 1] phases=1", "READ.LINE.PHASES_CHANGED", "1 phases"),
        ("new transformer.a buses=[b0 x] wdg=3", "READ.OPENDSS.BAD_VALUE", "winding 3 of 2"),
        ("new transformer.a buses=[b0 x] kvs=[12 0]", "READ.TRANSFORMER.NO_RATING", "winding 2"),
        ("new transformer.a buses=[b0 x] kva=0", "READ.TRANSFORMER.NO_RATING", "0 kVA"),
        ("new linespacing.s nconds=3\nnew line.a bus1=b0 bus2=x spacing=s", "READ.OPENDSS.MISSING_CONDUCTOR", "position 1"),
        ("new linegeometry.g nconds=2 nphases=2", "READ.OPENDSS.MISSING_CONDUCTOR", "position 1 of 2"),
    ];
    for (body, code, text) in cases {
        let (found, line, message) = error(body);
        assert_eq!(found, code, "{body}: {message}");
        assert!(message.contains(text), "{body}: {message}");
        assert_eq!(line as usize, 2 + body.lines().count(), "{body}");
    }
}

#[test]
fn leniency_makes_warnings_of_what_cannot_be_solved() {
    let options = ReadOptions { lenient: true, ..ReadOptions::default() };
    let outcome = try_read("new line.a bus1=b0 bus2=x length=0", &mut Scripted::default(), &options).unwrap();
    assert_eq!(outcome.report.diagnostics[0].code, "READ.LINE.ZERO_LENGTH");
    assert_eq!(outcome.report.diagnostics[0].severity, Severity::Warning);
}

#[test]
fn copies_of_copies_end() {
    // Each line doubles what a replay of `a` would take.
    let mut body = String::from("new line.z0 bus1=b0 bus2=x\n");
    for i in 1..40 {
        body.push_str(&format!("new line.z{i} bus1=b0 bus2=x like=z{0} like=z{0}\n", i - 1));
    }
    assert_eq!(error(&body).0, "READ.OPENDSS.TOO_MANY_COPIES");
}
