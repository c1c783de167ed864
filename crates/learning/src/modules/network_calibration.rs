//! A distribution network held to its meters: phases, taps, impedance and load factors ([`crate::tuning`]).

use super::common::SEED;
use crate::module::{
    About, Answer, Figure, Frame, Input, InputKind, Model, Module, Question, Refused, Setting, SettingKind, number, text, time, unfit_for,
};
use crate::tuning::{Calibration, Finding, Options, Reading, Readings, Sought, Status, Taps, calibrate};
use network::{Diagnostic, Network};
use studies::table::{self, Column, Table, Value};

/// See the file's header.
pub struct NetworkCalibration;

static ABOUT: About = About {
    id: "network-calibration",
    title: "Network calibration",
    question: "Which phases, taps, impedances and load factors of the model explain what its meters read, and which do the readings not tell?",
    method: "power flows in the loop: phases by the course of voltages judged by likelihood, all else by Bayesian optimisation (Gaussian process, expected improvement)",
    inputs: &[
        Input {
            name: "network",
            meaning: "the distribution network as it is modelled",
            kind: InputKind::Network,
            needed_to_fit: true,
            needed_to_apply: true,
        },
        Input {
            name: "readings",
            meaning: "what meters and SCADA read, a row a meter and moment, all at the same moments",
            kind: InputKind::Table {
                columns: &[
                    time("time", "moment of the reading"),
                    text("bus", "bus of the meter, where it is no load's").optional(),
                    text("element", "load of the meter; or line or transformer whose first terminal the powers flow into")
                        .optional()
                        .also(&["load", "meter"]),
                    number("phase", "", "node at the bus, or phase of a load of several phases; mean or sum where left out")
                        .optional()
                        .also(&["node"]),
                    number("v_pu", "pu", "voltage over the load's rated voltage or the bus's base").optional(),
                    number("v_v", "V", "voltage, where it is not told per unit").optional().also(&["voltage_v"]),
                    number("p_kw", "kW", "active power").optional(),
                    number("q_kvar", "kvar", "reactive power; by the model's power factor where left out").optional(),
                ],
                others: "",
            },
            needed_to_fit: true,
            needed_to_apply: true,
        },
    ],
    settings: &[
        Setting {
            name: "class",
            kind: SettingKind::Number { low: 0.05, high: 3.0 },
            default: Some("0.5"),
            unit: "%",
            meaning: "limit of the error of the meters",
        },
        Setting {
            name: "confidence",
            kind: SettingKind::Number { low: 0.5, high: 0.999_999 },
            default: Some("0.99"),
            unit: "",
            meaning: "probability from which a finding counts as told by the readings",
        },
        Setting {
            name: "wrong_share",
            kind: SettingKind::Number { low: 0.000_1, high: 0.5 },
            default: Some("0.05"),
            unit: "",
            meaning: "share of single-phase loads and laterals whose phase is expected to be wrong",
        },
        Setting { name: "phases", kind: SettingKind::Flag, default: Some("true"), unit: "", meaning: "phases are sought" },
        Setting {
            name: "taps",
            kind: SettingKind::Choice { of: &["regulators", "all", "none"] },
            default: Some("regulators"),
            unit: "",
            meaning: "whose taps are sought: transformers with a regulator or a tap off the middle, all, none",
        },
        Setting {
            name: "impedances",
            kind: SettingKind::Flag,
            default: Some("true"),
            unit: "",
            meaning: "a factor of each line code is sought",
        },
        Setting {
            name: "load_factors",
            kind: SettingKind::Flag,
            default: Some("true"),
            unit: "",
            meaning: "a factor of the loads without readings is sought",
        },
        Setting {
            name: "moments",
            kind: SettingKind::Count { low: 12, high: 2000 },
            default: Some("96"),
            unit: "",
            meaning: "moments that are used, spread evenly over those that there are",
        },
        Setting {
            name: "evaluations",
            kind: SettingKind::Count { low: 3, high: 500 },
            default: Some("25"),
            unit: "",
            meaning: "most evaluations of one Bayesian optimisation, each a power flow of every moment",
        },
        SEED,
    ],
    keeps: false,
    page: "learning-modules-network",
};

const FINDINGS: &[Column] = &[
    table::text("name", "load, first element of a lateral, transformer, line code"),
    table::text("kind", "phase, tap, impedance, load factor, source"),
    table::text("status", "changed; confirmed; not identifiable: the readings do not tell, and the model keeps what it has"),
    table::text("before", "value of the model"),
    table::text("after", "value found"),
    table::number(
        "error_before_pct",
        "%",
        "root mean square of the voltage residuals with the value of before and all else as found; of a phase at its meters",
    ),
    table::number("error_after_pct", "%", "the same with the value found"),
    table::text("second", "second best value"),
    table::number("margin", "", "chi-squared of the second best over that of the value found"),
    table::number("probability", "", "of the value found"),
    table::number("sd", "", "standard deviation, of a tap in steps, of a factor as such"),
    table::text("evidence", "on what it rests"),
];

const CHANGES: &[Column] = &[
    table::text("element", "class and name"),
    table::text("property", "what changes"),
    table::text("before", "as the model has it"),
    table::text("after", "as it was found"),
];

/// Rows of the table as readings.
fn rows_of(frame: &Frame) -> Vec<Reading> {
    let words = |name: &str, i: usize| frame.maybe_text(name).map_or_else(String::new, |v| v[i].trim().to_owned());
    let numbers = |name: &str, i: usize| frame.maybe_number(name).map_or(f64::NAN, |v| v[i]);
    let times = frame.time("time");
    let row = |i: usize| {
        let phase = numbers("phase", i);
        Reading {
            time_s: times[i],
            bus: words("bus", i),
            element: words("element", i),
            // What is no whole number becomes a phase that there is not.
            phase: phase.is_finite().then(|| if phase.fract() == 0.0 && (0.0..1e6).contains(&phase) { phase as u32 } else { u32::MAX }),
            v_pu: numbers("v_pu", i),
            v_v: numbers("v_v", i),
            p_kw: numbers("p_kw", i),
            q_kvar: numbers("q_kvar", i),
        }
    };
    (0..frame.rows()).map(row).collect()
}

fn options(question: &Question<'_>) -> Options {
    let s = question.settings;
    Options {
        class_pct: s.number("class"),
        confidence: s.number("confidence"),
        wrong_share: s.number("wrong_share"),
        phases: s.flag("phases"),
        sought: Sought {
            taps: match s.text("taps") {
                "all" => Taps::All,
                "none" => Taps::None,
                _ => Taps::Regulators,
            },
            impedances: s.flag("impedances"),
            load_factors: s.flag("load_factors"),
        },
        evaluations: s.count("evaluations"),
        seed: s.count("seed") as u64,
    }
}

impl Module for NetworkCalibration {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn fit(&self, question: &Question<'_>) -> Result<Answer, Refused> {
        let network: &Network = question.network("network");
        let rows = rows_of(question.table("readings"));
        if network.is_transmission() {
            return Err(unfit_for("network", &"a transmission case has no phases to calibrate; give a distribution network"));
        }
        let readings = Readings::new(network, &rows, question.settings.count("moments"))
            .map_err(|faults| faults.iter().flat_map(|f| unfit_for("readings", f)).collect::<Refused>())?;
        let found = calibrate(network, &readings, &options(question)).map_err(|why| unfit_for("readings", &why))?;
        Ok(answer(&found))
    }

    fn apply(&self, _: &Model, question: &Question<'_>) -> Result<Answer, Refused> {
        self.fit(question)
    }
}

fn answer(found: &Calibration) -> Answer {
    let of = |status: Status| found.findings.iter().filter(|f| f.status == status).count();
    let (changed, confirmed, untold) = (of(Status::Changed), of(Status::Confirmed), of(Status::NotIdentifiable));
    let phases = found.findings.iter().filter(|f| f.status == Status::Changed && f.kind == "phase").count();
    let taps = found.findings.iter().filter(|f| f.status == Status::Changed && f.kind == "tap").count();
    let headline = format!(
        "{changed} parameters change ({phases} phases, {taps} taps), {confirmed} are confirmed, {untold} the readings do not tell; the voltages then fit to {:.2} % instead of {:.2} %.",
        found.error_after_pct, found.error_before_pct
    );
    let figures = vec![
        Figure {
            name: "error_before_pct",
            unit: "%",
            value: found.error_before_pct,
            meaning: "root mean square of the voltage residuals of the model as it was",
        },
        Figure { name: "error_after_pct", unit: "%", value: found.error_after_pct, meaning: "the same with the changes" },
        Figure {
            name: "error_free_pct",
            unit: "%",
            value: found.error_free_pct,
            meaning: "the same with what is not identifiable at its most likely value as well",
        },
        Figure { name: "changed", unit: "", value: changed as f64, meaning: "parameters that change" },
        Figure { name: "confirmed", unit: "", value: confirmed as f64, meaning: "parameters that the readings confirm" },
        Figure { name: "not_identifiable", unit: "", value: untold as f64, meaning: "parameters that the readings do not tell" },
        Figure { name: "moments", unit: "", value: found.moments as f64, meaning: "moments used" },
        Figure { name: "power_flows", unit: "", value: found.solves as f64, meaning: "power flows solved" },
    ];
    let row = |f: &Finding| {
        vec![
            Value::text(&*f.name),
            Value::text(f.kind),
            Value::text(f.status.word()),
            Value::text(&*f.before),
            Value::text(&*f.after),
            Value::maybe(f.error_before_pct),
            Value::maybe(f.error_after_pct),
            Value::text(&*f.second),
            Value::maybe(f.margin),
            Value::maybe(f.probability),
            Value::maybe(f.sd),
            Value::text(&*f.evidence),
        ]
    };
    // What changes comes first, then what is not told.
    let mut order: Vec<&Finding> = found.findings.iter().collect();
    order.sort_by_key(|f| match f.status {
        Status::Changed => 0,
        Status::NotIdentifiable => 1,
        Status::Confirmed => 2,
    });
    let mut notes = Vec::new();
    if !found.left_out.is_empty() {
        let first: Vec<&str> = found.left_out.iter().take(5).map(String::as_str).collect();
        notes.push(
            Diagnostic::warning(
                "LEARN.DATA.PARTIAL",
                format!("{} generators, PV systems and storage units were left out", found.left_out.len()),
            )
            .detail(format!(
                "{}{}. Readings of a load are taken as net of what feeds in behind its meter.",
                first.join(", "),
                if found.left_out.len() > 5 { " and others" } else { "" }
            ))
            .hint("Put a load in the model for each unit that has a meter of its own, and give its readings with negative power."),
        );
    }
    if changed > 0 && found.error_after_pct > found.error_free_pct * 1.2 + 0.01 {
        notes.push(
            Diagnostic::warning("LEARN.DATA.PARTIAL", "part of the error could not be attributed")
                .detail(format!(
                    "With every parameter free the voltages would fit to {:.2} % instead of {:.2} %, but the readings do not tell which of the parameters that are not identifiable is the cause.",
                    found.error_free_pct, found.error_after_pct
                ))
                .hint("Read voltages on both sides of the transformers and at both ends of the lines in question."),
        );
    }
    if found.error_after_pct >= found.error_before_pct && changed > 0 {
        notes.push(
            Diagnostic::warning("LEARN.MODEL.NO_BETTER", "the changes do not make the voltages fit better")
                .detail(format!("{:.3} % instead of {:.3} %.", found.error_after_pct, found.error_before_pct)),
        );
    }
    let changes = found
        .edits
        .iter()
        .map(|e| vec![Value::text(&*e.element), Value::text(e.property), Value::text(&*e.before), Value::text(&*e.after)]);
    let tables = vec![
        Table {
            name: "findings",
            meaning: "parameters with what the readings tell of them",
            columns: FINDINGS,
            rows: order.into_iter().map(row).collect(),
        },
        Table { name: "changes", meaning: "values of the model to change", columns: CHANGES, rows: changes.collect() },
    ];
    Answer { headline, figures, tables, notes, model: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::{Settings, Values, fit};
    use formats::MemoryFiles;
    use formats::opendss::{ReadOptions, read};
    use powerflow::Session;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::path::Path;

    const STREET: &str = "clear
new circuit.street bus1=a basekv=12.47 pu=1.02 r1=0.1 x1=0.5 r0=0.1 x0=0.5
new line.one bus1=a bus2=b phases=3 r1=0.3 x1=0.6 r0=0.9 x0=1.8 c1=0 c0=0 length=1
new line.side bus1=b.2 bus2=c.2 phases=1 r1=0.5 x1=0.5 r0=0.5 x0=0.5 c1=0 c0=0 length=1
new load.p bus1=b.1 phases=1 kv=7.2 kw=300 kvar=100
new load.q bus1=c.2 phases=1 kv=7.2 kw=200 kvar=60
set voltagebases=[12.47]
calcvoltagebases
solve
";

    fn street() -> Network {
        let files = MemoryFiles::new().with("street.dss", STREET);
        read(&files, Path::new("street.dss"), &mut Session::new(), &ReadOptions::default()).map_err(|e| e.diagnostics).unwrap().network
    }

    fn asked(network: &Network, columns: BTreeMap<String, Values>) -> Result<Answer, Refused> {
        let InputKind::Table { columns: wanted, .. } = ABOUT.inputs[1].kind else { unreachable!() };
        let frame = Frame::new("readings.csv", wanted, columns).unwrap();
        let settings = Settings::read(ABOUT.settings, &BTreeMap::new()).unwrap();
        fit(
            &NetworkCalibration,
            &Question {
                tables: BTreeMap::from([("readings".to_owned(), frame)]),
                networks: BTreeMap::from([("network".to_owned(), network.clone())]),
                settings: &settings,
            },
        )
    }

    #[test]
    fn what_is_wrong_with_the_readings_is_said_all_at_once() {
        let columns = BTreeMap::from([
            ("time".to_owned(), Values::Time((0..20).collect())),
            ("element".to_owned(), Values::Text((0..20).map(|i| if i == 3 { "load.x".into() } else { "load.p".into() }).collect())),
            ("v_pu".to_owned(), Values::Number((0..20).map(|i| if i == 7 { 240.0 } else { 1.0 }).collect())),
        ]);
        let faults = asked(&street(), columns).unwrap_err();
        let text: Vec<&str> = faults.iter().filter_map(|f| f.detail.as_deref()).collect();
        assert!(faults.len() == 2 && text[0].contains("load.x") && text[1].contains("240"), "{faults:?}");
    }

    /// Without load every voltage is that of the source: its level is told, and nothing else.
    #[test]
    fn readings_without_a_course_tell_the_level_of_the_source_alone() {
        let columns = BTreeMap::from([
            ("time".to_owned(), Values::Time((0..40).map(|i| i / 2 * 900).collect())),
            ("element".to_owned(), Values::Text((0..40).map(|i| if i % 2 == 0 { "load.p".into() } else { "q".into() }).collect())),
            ("v_pu".to_owned(), Values::Number(vec![1.0; 40])),
            ("p_kw".to_owned(), Values::Number(vec![0.0; 40])),
        ]);
        let answer = asked(&street(), columns).unwrap();
        let text = |v: &Value| if let Value::Text(t) = v { t.clone() } else { String::new() };
        let findings: Vec<(String, String)> = answer.tables[0].rows.iter().map(|r| (text(&r[1]), text(&r[2]))).collect();
        assert!(findings.iter().all(|(kind, status)| (status == "changed") == (kind == "source")), "{findings:?}");
        assert_eq!(answer.tables[1].rows.iter().map(|r| text(&r[0])).collect::<Vec<_>>(), ["vsource.source"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        #[test]
        fn no_table_makes_it_panic(
            rows in proptest::collection::vec((0i64..30, 0usize..6, prop_oneof![Just(f64::NAN), Just(f64::INFINITY), 0.0..1.3f64],
                prop_oneof![Just(f64::NAN), -1e9..1e9f64, 0.0..300.0f64], prop_oneof![Just(f64::NAN), 0.0..5.0f64]), 0..60)
        ) {
            let names = ["load.p", "q", "", "line.one", "vsource.source", "nothing"];
            let columns = BTreeMap::from([
                ("time".to_owned(), Values::Time(rows.iter().map(|r| r.0 * 900).collect())),
                ("element".to_owned(), Values::Text(rows.iter().map(|r| names[r.1].to_owned()).collect())),
                ("bus".to_owned(), Values::Text(rows.iter().map(|r| if r.1 == 2 { "b".to_owned() } else { String::new() }).collect())),
                ("v_pu".to_owned(), Values::Number(rows.iter().map(|r| r.2).collect())),
                ("p_kw".to_owned(), Values::Number(rows.iter().map(|r| r.3).collect())),
                ("phase".to_owned(), Values::Number(rows.iter().map(|r| r.4.floor()).collect())),
            ]);
            let _ = asked(&street(), columns);
        }
    }
}
