//! What a plant may be made of, what it costs, and what it has to do: the document that sizing starts from.

use super::Design;
use crate::{Diagnostic, Severity};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Most of one kind; more make the programme long and no plant.
const UNITS_MAX: u32 = 40;
const LAYOUTS_MAX: usize = 20;
const CHOICES_MAX: usize = 20;
const CLASSES_MAX: usize = 20;

/// The document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizingBrief {
    pub name: String,
    #[serde(default)]
    pub description: String,
    /// Ways to lay the plant out; each is a design whose units are the patterns of what may be built.
    pub layouts: Vec<Layout>,
    pub units: Vec<UnitChoice>,
    #[serde(default)]
    pub breakers: Vec<BreakerChoice>,
    #[serde(default)]
    pub transformers: Vec<TransformerChoice>,
    #[serde(default)]
    pub cables: Vec<CableChoice>,
    #[serde(default)]
    pub taps: Vec<TapChoice>,
    #[serde(default)]
    pub requirements: Requirements,
    #[serde(default)]
    pub economics: Economics,
}

/// A way to lay the plant out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layout {
    pub id: String,
    #[serde(default)]
    pub name: String,
    /// The design itself, or the file that has it, beside the brief.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub design: Option<Design>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What it costs besides what is chosen.
    #[serde(default)]
    pub capital_cost: f64,
}

/// How many of a unit: a generator, battery, PV plant, grid feed, or transformer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitChoice {
    pub id: String,
    /// Identifier of the pattern in the designs. Units with the same plate are of the same kind.
    pub like: String,
    #[serde(default)]
    pub min: u32,
    pub max: u32,
    /// Of one, with its bay.
    pub capital_cost: f64,
    #[serde(default)]
    pub fixed_cost_per_year: f64,
    /// Fuel, wear, or the price of what is bought. Absent: it gives no energy of its own, as a battery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_cost_per_mwh: Option<f64>,
    /// Share of its rating over the year at most, where the wind or the sun decides.
    #[serde(default = "one")]
    pub capacity_factor: f64,
    /// Then it is bought anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life_years: Option<f64>,
    /// It counts for load, reserve and the loss of units. A battery is empty before an engine is mended: it does not unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firm: Option<bool>,
    /// Of a transformer: how many have to work.
    #[serde(default = "one_unit")]
    pub needed: u32,
}

fn one() -> f64 {
    1.0
}

fn one_unit() -> u32 {
    1
}

/// Breakers of a voltage: one class for all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerChoice {
    pub id: String,
    pub rated_kv: f64,
    /// Rising.
    pub classes: Vec<BreakerClass>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerClass {
    pub breaking_ka: f64,
    /// Of one.
    pub cost: f64,
}

/// Size of all transformers with the plate of the pattern; losses and impedance in ohms follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerChoice {
    pub id: String,
    pub like: String,
    /// Rising.
    pub classes: Vec<TransformerClass>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransformerClass {
    pub rated_mva: f64,
    pub cost: f64,
}

/// Circuits in parallel of all cables with the plate of the pattern.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CableChoice {
    pub id: String,
    pub like: String,
    /// Rising.
    pub classes: Vec<CableClass>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CableClass {
    pub n_parallel: u32,
    pub cost: f64,
}

/// Position of the taps of all transformers with the plate of the pattern. It costs nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TapChoice {
    pub id: String,
    pub like: String,
    /// Percent of the rated voltage of the high side, rising.
    pub tap_pct: Vec<f64>,
}

/// What the plant has to do, besides the criteria of the studies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Requirements {
    /// Firm power over the demand with all units, percent.
    pub reserve_pct: f64,
    /// The demand is met with so many of the largest units lost.
    pub n_k: u32,
    /// Warnings are good enough.
    pub accept_warnings: bool,
}

impl Default for Requirements {
    fn default() -> Self {
        Self { reserve_pct: 0.0, n_k: 1, accept_warnings: false }
    }
}

/// What time and money are worth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Economics {
    /// Of all costs; a word, nothing is converted.
    pub currency: String,
    pub years: f64,
    /// A year, real.
    pub discount_pct: f64,
    /// Mean over largest demand.
    pub load_factor: f64,
}

impl Default for Economics {
    fn default() -> Self {
        Self { currency: "USD".to_owned(), years: 20.0, discount_pct: 7.0, load_factor: 1.0 }
    }
}

impl Economics {
    /// Present value of one a year at the ends of the years: (1 - (1 + r)^-n) / r.
    pub fn annuity(&self) -> f64 {
        let r = self.discount_pct / 100.0;
        if r.abs() < 1e-12 { self.years } else { (1.0 - (1.0 + r).powf(-self.years)) / r }
    }

    /// Present value of buying for one now and again whenever a life ends before the years do; nothing is left over at the end.
    pub fn purchases(&self, life_years: Option<f64>) -> f64 {
        let r = self.discount_pct / 100.0;
        let Some(life) = life_years else { return 1.0 };
        let again = (1..).map(|n| f64::from(n) * life).take_while(|t| *t < self.years - 1e-9);
        1.0 + again.map(|t| (1.0 + r).powf(-t)).sum::<f64>()
    }
}

/// What findings call a layout.
pub fn layout_element(id: &str) -> String {
    format!("sizing.{id}")
}

struct Check(Vec<Diagnostic>);

impl Check {
    fn expect(&mut self, right: bool, about: &str, what: &str, hint: &str) {
        if !right {
            self.0.push(Diagnostic::error("EXCHANGE.SIZING.VALUE", format!("{about}: {what}")).element("sizing").hint(hint));
        }
    }

    fn number(&mut self, about: &str, field: &str, value: f64, above_zero: bool) {
        let right = value.is_finite() && if above_zero { value > 0.0 } else { value >= 0.0 };
        let hint = if above_zero { "a number above 0 is expected" } else { "a number of 0 or more is expected" };
        self.expect(right, about, &format!("{field} is {value}"), hint);
    }

    fn rising(&mut self, about: &str, list: &[f64], signed: bool) {
        self.expect(!list.is_empty() && list.len() <= CLASSES_MAX, about, &format!("{} classes", list.len()), "1 to 20 are expected");
        let right = list.iter().all(|x| x.is_finite() && (signed || *x > 0.0)) && list.windows(2).all(|w| w[0] < w[1]);
        self.expect(right, about, "its classes do not rise", "list them from the smallest to the largest, each once");
    }
}

impl SizingBrief {
    /// What is wrong with the document, all at once: empty when nothing is. Layouts need their designs.
    pub fn check(&self) -> Vec<Diagnostic> {
        let mut check = Check(Vec::new());
        check.expect(
            (1..=LAYOUTS_MAX).contains(&self.layouts.len()),
            "layouts",
            &format!("there are {}", self.layouts.len()),
            "1 to 20 are expected",
        );
        check.expect(
            (1..=CHOICES_MAX).contains(&self.units.len()),
            "units",
            &format!("there are {}", self.units.len()),
            "1 to 20 are expected",
        );
        let ids = self.layouts.iter().map(|l| &l.id).chain(self.units.iter().map(|u| &u.id)).chain(self.breakers.iter().map(|b| &b.id));
        let ids = ids.chain(self.transformers.iter().map(|t| &t.id)).chain(self.cables.iter().map(|c| &c.id));
        let mut seen = HashSet::new();
        for id in ids.chain(self.taps.iter().map(|t| &t.id)) {
            check.expect(!id.trim().is_empty() && seen.insert(id), id, "this identifier is empty or stands twice", "give each its own");
        }
        for l in &self.layouts {
            check.number(&l.id, "capital_cost", l.capital_cost, false);
            match &l.design {
                None => check.0.push(
                    Diagnostic::error("EXCHANGE.SIZING.NO_DESIGN", format!("{}: it has no design", l.id))
                        .element(layout_element(&l.id))
                        .hint("give `design`, or `file` with a design beside the brief"),
                ),
                Some(design) => {
                    for d in design.check().into_iter().filter(|d| d.severity == Severity::Error) {
                        let message = format!("{}: {}", l.id, d.message);
                        check.0.push(Diagnostic { message, ..d });
                    }
                }
            }
        }
        for u in &self.units {
            check.number(&u.id, "capital_cost", u.capital_cost, false);
            check.number(&u.id, "fixed_cost_per_year", u.fixed_cost_per_year, false);
            check.number(&u.id, "energy_cost_per_mwh", u.energy_cost_per_mwh.unwrap_or(0.0), false);
            check.expect((0.0..=1.0).contains(&u.capacity_factor), &u.id, "capacity_factor is not from 0 to 1", "a share of the rating");
            check.number(&u.id, "life_years", u.life_years.unwrap_or(1.0), true);
            check.expect(u.life_years.is_none_or(|l| l >= 0.5), &u.id, "life_years is below half a year", "years are expected");
            let hint = "min at most max, max from 1 to 40";
            check.expect(u.min <= u.max && (1..=UNITS_MAX).contains(&u.max), &u.id, &format!("from {} to {} units", u.min, u.max), hint);
            check.expect(u.needed >= 1 && u.needed <= u.max, &u.id, &format!("{} are needed", u.needed), "from 1 to max");
        }
        for b in &self.breakers {
            check.number(&b.id, "rated_kv", b.rated_kv, true);
            check.rising(&b.id, &b.classes.iter().map(|c| c.breaking_ka).collect::<Vec<_>>(), false);
            b.classes.iter().for_each(|c| check.number(&b.id, "cost", c.cost, false));
        }
        for t in &self.transformers {
            check.rising(&t.id, &t.classes.iter().map(|c| c.rated_mva).collect::<Vec<_>>(), false);
            t.classes.iter().for_each(|c| check.number(&t.id, "cost", c.cost, false));
        }
        for c in &self.cables {
            check.rising(&c.id, &c.classes.iter().map(|c| f64::from(c.n_parallel)).collect::<Vec<_>>(), false);
            c.classes.iter().for_each(|class| check.number(&c.id, "cost", class.cost, false));
        }
        self.taps.iter().for_each(|t| check.rising(&t.id, &t.tap_pct, true));
        check.number("requirements", "reserve_pct", self.requirements.reserve_pct, false);
        check.expect(self.requirements.n_k <= 3, "requirements", &format!("n_k is {}", self.requirements.n_k), "0 to 3 units are lost");
        let e = &self.economics;
        check.number("economics", "years", e.years, true);
        check.expect(e.years <= 100.0, "economics", "more than 100 years", "up to 100");
        check.expect((0.0..100.0).contains(&e.discount_pct), "economics", &format!("discount_pct is {}", e.discount_pct), "0 to 100");
        check.expect(
            e.load_factor > 0.0 && e.load_factor <= 1.0,
            "economics",
            &format!("load_factor is {}", e.load_factor),
            "above 0 up to 1",
        );
        check.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn present_values_are_those_of_the_closed_form() {
        let e = Economics { years: 20.0, discount_pct: 7.0, ..Economics::default() };
        // 10.5940142455 of standard annuity tables.
        assert!((e.annuity() - 10.594_014_245_5).abs() < 1e-9);
        assert_eq!(Economics { discount_pct: 0.0, ..e.clone() }.annuity(), 20.0);
        let sum: f64 = (1..=20).map(|n| 1.07f64.powi(-n)).sum();
        assert!((e.annuity() - sum).abs() < 1e-12);
        // A battery of 10 years is bought twice in 20, one of 20 years once.
        assert!((e.purchases(Some(10.0)) - (1.0 + 1.07f64.powi(-10))).abs() < 1e-12);
        assert_eq!((e.purchases(Some(20.0)), e.purchases(None)), (1.0, 1.0));
    }
}
