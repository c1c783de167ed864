//! Transformers under their loads: hot spot, loss of life, what is left of it ([`crate::ageing`]).

use crate::ageing::{Ageing, AgeingOptions, USUAL_TAU_WINDING_H, ageing, ageing_table};
use crate::module::{
    About, Answer, Figure, Input, InputKind, Model, Module, Question, Refused, Setting, SettingKind, number, text, time, unfit_for,
};
use network::{Diagnostic, ThermalNameplate};
use powerflow::thermal::OilTime;
use std::collections::BTreeMap;

/// See the file's header.
pub struct TransformerAgeing;

static ABOUT: About = About {
    id: "transformer-ageing",
    title: "Transformer ageing",
    question: "How hot do transformers get under their loads, and how much of their life does it cost?",
    method: "IEEE C57.91-2011, clauses 5 and 7, in steps of a minute",
    inputs: &[Input {
        name: "loads",
        meaning: "load and ambient temperature of each transformer through time, at equal steps",
        kind: InputKind::Table {
            columns: &[
                time("time", "beginning of the step"),
                number("load_pu", "pu", "apparent power over the rating"),
                number("ambient_c", "C", "ambient temperature").also(&["ambient", "temperature_c"]),
                text("transformer", "which transformer; one if left out").optional().also(&["unit", "asset"]),
            ],
            others: "",
        },
        needed_to_fit: true,
        needed_to_apply: true,
    }],
    settings: &[
        rating("top_oil_rise_k", 20.0, 80.0, Some("55"), "K", "rise of top oil over ambient at rated load"),
        rating("hot_spot_gradient_k", 5.0, 60.0, Some("25"), "K", "rise of the hottest spot over top oil at rated load"),
        rating("loss_ratio", 0.5, 30.0, Some("5"), "", "load loss over no-load loss"),
        rating("tau_oil_h", 0.5, 20.0, Some("3"), "h", "time constant of oil"),
        rating("tau_winding_h", 0.01, 2.0, None, "h", "time constant of windings; 0.08 unless told"),
        rating("n", 0.3, 1.5, Some("0.8"), "", "oil exponent; 0.8 for ONAN"),
        rating("m", 0.3, 1.5, Some("0.8"), "", "winding exponent; 0.8 for ONAN"),
        rating("lost_so_far_pct", 0.0, 99.9, Some("0"), "%", "part of the normal life that is lost already"),
        Setting {
            name: "winding_rise",
            kind: SettingKind::Choice { of: &["65", "55"] },
            default: Some("65"),
            unit: "K",
            meaning: "average winding rise of the insulation, which says what hottest spot ages normally",
        },
    ],
    keeps: false,
    page: "learning-narratives",
};

const fn rating(
    name: &'static str,
    low: f64,
    high: f64,
    default: Option<&'static str>,
    unit: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting { name, kind: SettingKind::Number { low, high }, default, unit, meaning }
}

/// Rows of one transformer, by time.
struct Course {
    rows: Vec<usize>,
    step_h: f64,
}

impl Module for TransformerAgeing {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn fit(&self, question: &Question<'_>) -> Result<Answer, Refused> {
        let (loads, s) = (question.table("loads"), question.settings);
        let plate = ThermalNameplate {
            top_oil_rise_k: s.number("top_oil_rise_k"),
            hot_spot_gradient_k: s.number("hot_spot_gradient_k"),
            loss_ratio: s.number("loss_ratio"),
            tau_oil_h: s.number("tau_oil_h"),
            tau_winding_h: s.maybe_number("tau_winding_h").unwrap_or(USUAL_TAU_WINDING_H),
            n: s.number("n"),
            m: s.number("m"),
            n_natural: s.number("n"),
            m_natural: s.number("m"),
            natural_share: 1.0,
            // One stage of cooling: fans that never start.
            fans_on_c: f64::MAX,
            fans_off_c: f64::MAX,
            oil_litre: 0.0,
        };
        let options = AgeingOptions {
            oil_time: OilTime::Constant,
            reference_c: if s.text("winding_rise") == "55" { 95.0 } else { 110.0 },
            lost_so_far_pct: s.number("lost_so_far_pct"),
            ..AgeingOptions::default()
        };
        let (load, ambient) = (loads.number("load_pu"), loads.number("ambient_c"));
        let mut answers: Vec<(String, Ageing)> = Vec::new();
        let mut faults = Refused::new();
        for (name, course) in courses(loads.time("time"), loads.maybe_text("transformer"))? {
            let of = |values: &[f64]| course.rows.iter().map(|&i| values[i]).collect::<Vec<f64>>();
            match ageing(&plate, &of(load), &of(ambient), course.step_h, &options) {
                Ok(answer) => answers.push((name, answer)),
                Err(why) => faults.extend(unfit_for(&format!("transformer \"{name}\""), &why)),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let hottest = answers.iter().max_by(|a, b| a.1.hot_spot_max_c.total_cmp(&b.1.hot_spot_max_c)).expect("there are rows");
        let fast = answers.iter().filter(|(_, a)| a.f_eqa > 1.0).count();
        let headline = format!(
            "{fast} of {} transformers age faster than normal; the hottest is {} with {:.1} C.",
            answers.len(),
            hottest.0,
            hottest.1.hot_spot_max_c
        );
        let bubbles = answers.iter().filter(|(_, a)| a.hours_above_140 > 0.0).count();
        let mut notes = Vec::new();
        if bubbles > 0 {
            notes.push(
                Diagnostic::warning("LEARN.AGEING.BUBBLES", format!("{bubbles} transformers exceed 140 C"))
                    .detail("Gas bubbles may form there and break the insulation down at once, which no loss of life tells."),
            );
        }
        let figures = vec![
            Figure { name: "hot_spot_max_c", unit: "C", value: hottest.1.hot_spot_max_c, meaning: "hottest spot of all" },
            Figure { name: "ageing_fast", unit: "", value: fast as f64, meaning: "transformers that age faster than normal" },
        ];
        Ok(Answer { headline, figures, tables: vec![ageing_table(&answers)], notes, model: None })
    }

    fn apply(&self, _: &Model, question: &Question<'_>) -> Result<Answer, Refused> {
        self.fit(question)
    }
}

/// The rows of each transformer by time. Gaps and steps of several lengths are refused: a transformer cools in a gap, and nobody knows how far.
fn courses(times_s: &[i64], names: Option<&[String]>) -> Result<BTreeMap<String, Course>, Refused> {
    let mut rows: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for i in 0..times_s.len() {
        rows.entry(names.map_or_else(|| "transformer".to_owned(), |n| n[i].clone())).or_default().push(i);
    }
    let (mut courses, mut faults) = (BTreeMap::new(), Refused::new());
    if rows.is_empty() {
        faults.extend(unfit_for("loads", &"there are no rows"));
    }
    for (name, mut rows) in rows {
        rows.sort_by_key(|&i| times_s[i]);
        let steps: Vec<i64> = rows.windows(2).map(|w| times_s[w[1]] - times_s[w[0]]).collect();
        match steps.iter().min().copied() {
            None => faults.extend(unfit_for(&format!("transformer \"{name}\""), &"one row has no step; give at least two")),
            Some(step) if step <= 0 => {
                faults.extend(unfit_for(&format!("transformer \"{name}\""), &"a time is there twice; keep one row a time"))
            }
            Some(step) => match steps.iter().position(|&s| s != step) {
                Some(at) => faults.extend(unfit_for(
                    &format!("transformer \"{name}\""),
                    &format!("after {} s the next row is {} s on, elsewhere {step} s; fill the gaps first", times_s[rows[at]], steps[at]),
                )),
                None => drop(courses.insert(name, Course { rows, step_h: step as f64 / 3600.0 })),
            },
        }
    }
    if faults.is_empty() { Ok(courses) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::{Frame, Settings, Values, fit};

    fn asked(load_pu: Vec<f64>, times_s: Vec<i64>) -> Result<Answer, Refused> {
        let n = load_pu.len();
        let InputKind::Table { columns, .. } = ABOUT.inputs[0].kind else { unreachable!() };
        let values = BTreeMap::from([
            ("time".to_owned(), Values::Time(times_s)),
            ("load_pu".to_owned(), Values::Number(load_pu)),
            ("ambient_c".to_owned(), Values::Number(vec![30.0; n])),
        ]);
        let settings = Settings::read(ABOUT.settings, &BTreeMap::new()).unwrap();
        let loads = Frame::new("loads.csv", columns, values).unwrap();
        fit(
            &TransformerAgeing,
            &Question { tables: BTreeMap::from([("loads".to_owned(), loads)]), networks: BTreeMap::new(), settings: &settings },
        )
    }

    /// Rated load at 30 C for ever is normal ageing of insulation of 65 K: 30 + 55 + 25 = 110 C, and the factor is 1.
    #[test]
    fn rated_load_at_thirty_degrees_ages_normally() {
        let answer = asked(vec![1.0; 48], (0..48).map(|h| h * 3600).collect()).unwrap();
        assert!((answer.figures[0].value - 110.0).abs() < 1e-6, "{answer:?}");
        let factor = answer.tables[0].columns.iter().position(|c| c.name == "f_eqa").unwrap();
        assert!(matches!(answer.tables[0].rows[0][factor], studies::table::Value::Number(f) if (f - 1.0).abs() < 1e-6));
    }

    #[test]
    fn a_gap_is_refused_with_its_place() {
        let faults = asked(vec![0.5; 3], vec![0, 3600, 10800]).unwrap_err();
        assert_eq!(faults[0].code, "LEARN.DATA.UNFIT");
        assert!(faults[0].detail.as_ref().unwrap().contains("3600 s the next row is 7200 s on"), "{faults:?}");
    }
}
