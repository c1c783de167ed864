//! How a transformer ages under a load through time: hot spot, loss of life, what is left of it (IEEE C57.91-2011, clauses 5 and 7).
//!
//! The equations stand in [`powerflow::thermal`]. Here they are stepped through a series:
//!
//! ```text
//! each step of the series ─► pieces of a minute ─► Thermal::advance ─► F_AA of the piece's end
//! F_EQA = mean of F_AA        loss of life = F_EQA t / 180000 h        remaining = (100 % - lost) / loss a year
//! ```
//!
//! **Pieces.** Ageing is exponential in the temperature, so sampling it at the ends of hours counts too much while it rises: 9 % in the example
//! of `cases/learning-ageing`. Pieces of a minute are within 0.2 % of ever shorter ones there.
//!
//! **What it is not.** Loss of life is that of paper under normal moisture and oxygen; 180 000 h is a convention for comparing loads, not the
//! day of a failure. Above 140 °C bubbles may form and break down the insulation at once, which no loss of life tells; those hours are counted.

use network::{ThermalNameplate, Transformer};
use powerflow::thermal::{NORMAL_LIFE_H, OilTime, REFERENCE_65_C, Thermal, ageing_acceleration_from};
use serde::{Deserialize, Serialize};
use studies::table::{Column, Table, Value, number, text};
use thiserror::Error;

/// Hours of a year.
const YEAR_H: f64 = 8760.0;
/// Time constant of windings that a model does not give: about five minutes, h.
pub const USUAL_TAU_WINDING_H: f64 = 0.08;
/// Hottest spot above which bubbles are to be feared, C (C57.91, clause 9).
pub const BUBBLES_C: f64 = 140.0;

/// How ageing is worked out.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgeingOptions {
    pub oil_time: OilTime,
    /// Hottest spot of normal ageing, C: 110 of a winding rise of 65 K, 95 of 55 K.
    pub reference_c: f64,
    /// Longest piece that a step is taken in, minutes.
    pub piece_min: f64,
    /// Times that the series is run before it counts, so that it begins with the temperatures that it ends with.
    pub warm_up_runs: u32,
    /// Part of the normal life that is lost already, percent.
    pub lost_so_far_pct: f64,
}

impl Default for AgeingOptions {
    fn default() -> Self {
        Self { oil_time: OilTime::Constant, reference_c: REFERENCE_65_C, piece_min: 1.0, warm_up_runs: 1, lost_so_far_pct: 0.0 }
    }
}

/// What a series does to a transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ageing {
    pub hours: f64,
    pub hot_spot_max_c: f64,
    /// Hour at the end of the piece of the hottest spot.
    pub hot_spot_max_hour: f64,
    pub top_oil_max_c: f64,
    /// Equivalent ageing factor: mean of the ageing acceleration.
    pub f_eqa: f64,
    /// Lost part of the normal life over the series, percent.
    pub loss_of_life_pct: f64,
    /// The same for a year of such series.
    pub loss_per_year_pct: f64,
    /// Time with the hottest spot above that of normal ageing.
    pub hours_above_reference: f64,
    /// Time above 140 °C.
    pub hours_above_140: f64,
    /// Until the normal life is used up if every year is like this; none where that is more than 200 years.
    pub remaining_years: Option<f64>,
}

/// Why ageing cannot be told.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum AgeingError {
    #[error("the series has no steps")]
    Empty,
    #[error("there are {loads} loads and {ambients} ambient temperatures")]
    Lengths { loads: usize, ambients: usize },
    #[error("step {step}: the load is {value}; give a number of 0 to 10 times the rating, and fill gaps before")]
    Load { step: usize, value: f64 },
    #[error("step {step}: the ambient temperature is {value} °C; give -60 to 70 °C, and fill gaps before")]
    Ambient { step: usize, value: f64 },
    #[error("{what} is {value}, which is no length of time")]
    Length { what: &'static str, value: f64 },
    #[error("{what} of the nameplate is {value}")]
    Nameplate { what: &'static str, value: f64 },
    #[error("the model gives no no-load loss, so the ratio of load to no-load loss is not known; give it")]
    NoLossRatio,
    #[error("{value} % of the life is lost; give 0 to less than 100")]
    LostSoFar { value: f64 },
}

/// The nameplate of a transformer in the model: rises and exponents as it gives them, one cooling stage.
///
/// `loss_ratio` is the load loss over the no-load loss where the model has no no-load loss; `tau_winding_h` is not in models
/// ([`USUAL_TAU_WINDING_H`]).
pub fn nameplate_of(transformer: &Transformer, loss_ratio: Option<f64>, tau_winding_h: f64) -> Result<ThermalNameplate, AgeingError> {
    let t = &transformer.thermal;
    let of_model = transformer.load_loss_pct / transformer.no_load_loss_pct;
    let loss_ratio = if transformer.no_load_loss_pct > 0.0 { of_model } else { loss_ratio.ok_or(AgeingError::NoLossRatio)? };
    let plate = ThermalNameplate {
        top_oil_rise_k: t.oil_rise_c,
        hot_spot_gradient_k: t.hot_spot_rise_c,
        loss_ratio,
        tau_oil_h: t.time_constant_h,
        tau_winding_h,
        n: t.n,
        m: t.m,
        n_natural: t.n,
        m_natural: t.m,
        natural_share: 1.0,
        // One stage: fans that never start.
        fans_on_c: f64::MAX,
        fans_off_c: f64::MAX,
        oil_litre: 0.0,
    };
    check_nameplate(&plate)?;
    Ok(plate)
}

fn check_nameplate(p: &ThermalNameplate) -> Result<(), AgeingError> {
    let within = |what, value: f64, low: f64, high: f64| {
        if value.is_finite() && value > low && value <= high { Ok(()) } else { Err(AgeingError::Nameplate { what, value }) }
    };
    within("the top-oil rise, K,", p.top_oil_rise_k, 0.0, 200.0)?;
    within("the hot-spot gradient, K,", p.hot_spot_gradient_k, -1e-12, 200.0)?;
    within("the loss ratio", p.loss_ratio, -1e-12, 1e6)?;
    within("the oil's time constant, h,", p.tau_oil_h, 0.0, 100.0)?;
    within("the windings' time constant, h,", p.tau_winding_h, 0.0, 10.0)?;
    for (what, value) in [("the exponent n", p.n), ("the exponent m", p.m), ("the natural n", p.n_natural), ("the natural m", p.m_natural)]
    {
        within(what, value, 0.0, 2.0)?;
    }
    within("the share without fans", p.natural_share, 0.0, 1.0)
}

fn check(plate: &ThermalNameplate, load_pu: &[f64], ambient_c: &[f64], step_h: f64, options: &AgeingOptions) -> Result<(), AgeingError> {
    check_nameplate(plate)?;
    if load_pu.is_empty() {
        return Err(AgeingError::Empty);
    }
    if load_pu.len() != ambient_c.len() {
        return Err(AgeingError::Lengths { loads: load_pu.len(), ambients: ambient_c.len() });
    }
    let length = |what, value: f64, high: f64| {
        if value.is_finite() && value > 0.0 && value <= high { Ok(()) } else { Err(AgeingError::Length { what, value }) }
    };
    length("the step, h,", step_h, 24.0)?;
    length("the piece, min,", options.piece_min, 24.0 * 60.0)?;
    if let Some((step, value)) = load_pu.iter().copied().enumerate().find(|(_, x)| !(0.0..=10.0).contains(x)) {
        return Err(AgeingError::Load { step, value });
    }
    if let Some((step, value)) = ambient_c.iter().copied().enumerate().find(|(_, x)| !(-60.0..=70.0).contains(x)) {
        return Err(AgeingError::Ambient { step, value });
    }
    if !(0.0..100.0).contains(&options.lost_so_far_pct) {
        return Err(AgeingError::LostSoFar { value: options.lost_so_far_pct });
    }
    if !(50.0..=150.0).contains(&options.reference_c) {
        return Err(AgeingError::Nameplate { what: "the hot spot of normal ageing, C,", value: options.reference_c });
    }
    Ok(())
}

/// What a series of loads and ambient temperatures does to a transformer.
///
/// # Inputs
/// * `plate` - rises at rated load (K), loss ratio, time constants (h), exponents.
/// * `load_pu`, `ambient_c` - a value a step: load over the rating (per unit), temperature (C). No gaps.
/// * `step_h` - length of a step, h.
///
/// # Errors
/// [`AgeingError`], which says what value is at fault and where.
pub fn ageing(
    plate: &ThermalNameplate,
    load_pu: &[f64],
    ambient_c: &[f64],
    step_h: f64,
    options: &AgeingOptions,
) -> Result<Ageing, AgeingError> {
    check(plate, load_pu, ambient_c, step_h, options)?;
    let mut state = Thermal::settled(plate, load_pu[0], ambient_c[0]);
    for _ in 0..options.warm_up_runs {
        run(plate, load_pu, ambient_c, 1.0, step_h, options, &mut state);
    }
    Ok(run(plate, load_pu, ambient_c, 1.0, step_h, options, &mut state))
}

/// One run through the series with its loads times `scale`; the state goes on.
fn run(
    plate: &ThermalNameplate,
    load_pu: &[f64],
    ambient_c: &[f64],
    scale: f64,
    step_h: f64,
    options: &AgeingOptions,
    state: &mut Thermal,
) -> Ageing {
    let pieces = (step_h * 60.0 / options.piece_min - 1e-9).ceil().max(1.0);
    let dt_h = step_h / pieces;
    state.loss_of_life_pct = 0.0;
    let (mut hot, mut hot_hour, mut oil) = (f64::MIN, 0.0, f64::MIN);
    let (mut factor, mut above, mut bubbles, mut n) = (0.0, 0_u64, 0_u64, 0_u64);
    for (load, ambient) in load_pu.iter().zip(ambient_c) {
        for _ in 0..pieces as u32 {
            state.advance_by(plate, options.oil_time, options.reference_c, scale * load, *ambient, dt_h);
            n += 1;
            let h = state.hot_spot_c();
            if h > hot {
                (hot, hot_hour) = (h, n as f64 * dt_h);
            }
            oil = oil.max(state.top_oil_c());
            factor += ageing_acceleration_from(options.reference_c, h);
            above += u64::from(h > options.reference_c);
            bubbles += u64::from(h > BUBBLES_C);
        }
    }
    let hours = n as f64 * dt_h;
    let f_eqa = factor / n as f64;
    let loss_of_life_pct = 100.0 * f_eqa * hours / NORMAL_LIFE_H;
    let loss_per_year_pct = 100.0 * f_eqa * YEAR_H / NORMAL_LIFE_H;
    let years = (100.0 - options.lost_so_far_pct) / loss_per_year_pct;
    Ageing {
        hours,
        hot_spot_max_c: hot,
        hot_spot_max_hour: hot_hour,
        top_oil_max_c: oil,
        f_eqa,
        loss_of_life_pct,
        loss_per_year_pct,
        hours_above_reference: above as f64 * dt_h,
        hours_above_140: bubbles as f64 * dt_h,
        remaining_years: (years <= 200.0).then_some(years),
    }
}

/// What is left of the life where the loads grow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemainingLife {
    /// Years until the normal life is used up; none within the years that were run.
    pub years: Option<f64>,
    /// Lost part of the life at the end of each year, percent; the last year is the one in which it ends.
    pub lost_pct: Vec<f64>,
    /// Highest hot spot of each year, C.
    pub hot_spot_max_c: Vec<f64>,
}

/// Years of the same series with loads that grow by `growth_pct` a year, until the life is used up or `years` are over.
///
/// The series stands for a year, however long it is. Within the year in which the life ends it is used up evenly.
///
/// # Errors
/// As [`ageing`]; a growth that is no number or would make a load negative is a fault of the nameplate's use.
pub fn remaining_life(
    plate: &ThermalNameplate,
    load_pu: &[f64],
    ambient_c: &[f64],
    step_h: f64,
    growth_pct: f64,
    years: u32,
    options: &AgeingOptions,
) -> Result<RemainingLife, AgeingError> {
    check(plate, load_pu, ambient_c, step_h, options)?;
    if !(growth_pct.is_finite() && (-100.0..=100.0).contains(&growth_pct)) {
        return Err(AgeingError::Nameplate { what: "the growth of the loads, percent a year,", value: growth_pct });
    }
    let mut state = Thermal::settled(plate, load_pu[0], ambient_c[0]);
    for _ in 0..options.warm_up_runs {
        run(plate, load_pu, ambient_c, 1.0, step_h, options, &mut state);
    }
    let mut life = RemainingLife { years: None, lost_pct: Vec::new(), hot_spot_max_c: Vec::new() };
    let mut lost = options.lost_so_far_pct;
    for year in 0..years {
        let scale = (1.0 + growth_pct / 100.0).powi(year as i32);
        let a = run(plate, load_pu, ambient_c, scale, step_h, options, &mut state);
        let end = lost + a.loss_per_year_pct;
        life.lost_pct.push(end);
        life.hot_spot_max_c.push(a.hot_spot_max_c);
        if end >= 100.0 {
            life.years = Some(f64::from(year) + (100.0 - lost) / a.loss_per_year_pct);
            break;
        }
        lost = end;
    }
    Ok(life)
}

const COLUMNS: &[Column] = &[
    text("transformer", "transformer"),
    number("hot_spot_max_c", "C", "highest hottest-spot temperature"),
    number("hot_spot_max_hour", "h", "hour of it"),
    number("top_oil_max_c", "C", "highest top-oil temperature"),
    number("f_eqa", "", "equivalent ageing factor, 1 is normal ageing"),
    number("loss_of_life_pct", "%", "part of the normal life (180 000 h) lost over the series"),
    number("loss_per_year_pct", "%", "the same for a year"),
    number("hours_above_reference", "h", "time with the hottest spot above that of normal ageing"),
    number("hours_above_140", "h", "time above 140 C, where bubbles are to be feared"),
    number("remaining_years", "yr", "until the normal life is used up at this load; empty beyond 200 years"),
];

/// Transformers with what a series does to them, as a table.
pub fn ageing_table(rows: &[(String, Ageing)]) -> Table {
    let row = |(name, a): &(String, Ageing)| {
        vec![
            Value::text(name.clone()),
            Value::Number(a.hot_spot_max_c),
            Value::Number(a.hot_spot_max_hour),
            Value::Number(a.top_oil_max_c),
            Value::Number(a.f_eqa),
            Value::Number(a.loss_of_life_pct),
            Value::Number(a.loss_per_year_pct),
            Value::Number(a.hours_above_reference),
            Value::Number(a.hours_above_140),
            Value::maybe(a.remaining_years),
        ]
    };
    Table { name: "ageing", meaning: "ageing of transformers by IEEE C57.91", columns: COLUMNS, rows: rows.iter().map(row).collect() }
}
