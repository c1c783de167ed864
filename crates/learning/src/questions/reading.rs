//! Items to a query: which measure of which objects, and everything that speaks against it.
//!
//! Each item must find its place; what has none, or two that exclude each other, is a reason not to read the question.

use super::Context;
use super::form::{Bound, Change, Der, Filter, Kind, Layer, Measure, MeasureUnit, Order, Query, Statistic, Window};
use super::items::Item;
use super::lexicon::{Extreme, Relation, Tech, Unit};

/// Most readings that are worked out.
const MAX_READINGS: usize = 16;

/// A query, or why there is none.
pub(super) type Read = Result<(Query, Vec<String>), String>;

/// All readings of the items: every choice of those that have several meanings.
pub(super) fn readings(items: &[Item], choices: &[Vec<usize>], context: &Context) -> Vec<Read> {
    let mut variants: Vec<Vec<Item>> = vec![Vec::new()];
    for item in items {
        let options: Vec<Item> = match item {
            Item::Layers(l) => l.iter().map(|l| Item::Layers(vec![l.clone()])).collect(),
            Item::Hours(h) => h.iter().map(|h| Item::Hours(vec![*h])).collect(),
            Item::Choice(i) => choices[*i].iter().map(|f| Item::Feeder(*f)).collect(),
            Item::Voltage => voltages(items).into_iter().map(Item::Measure).collect(),
            other => vec![other.clone()],
        };
        let longer = |v: &Vec<Item>| options.iter().map(|o| [v.clone(), vec![o.clone()]].concat()).collect::<Vec<_>>();
        variants = variants.iter().flat_map(longer).collect();
        if variants.len() > MAX_READINGS {
            return vec![Err("it can be read in too many ways".to_owned())];
        }
    }
    variants.iter().map(|v| Gathered::new(v, context).and_then(|g| g.query(context))).collect()
}

/// Which voltage is meant: the lowest or the highest, as an order or a limit says.
fn voltages(items: &[Item]) -> Vec<Measure> {
    let mut found: Vec<Measure> = items
        .iter()
        .filter_map(|i| match i {
            Item::Extreme(Extreme::Lowest) | Item::ExtremeOfMeasure(Extreme::Lowest) => Some(Measure::VMinPu),
            Item::Extreme(Extreme::Highest) | Item::ExtremeOfMeasure(Extreme::Highest) => Some(Measure::VMaxPu),
            Item::Filter(Relation::Above | Relation::AtLeast, ..) => Some(Measure::VMaxPu),
            Item::Filter(Relation::Below | Relation::AtMost, ..) => Some(Measure::VMinPu),
            _ => None,
        })
        .collect();
    found.sort_by_key(|m| *m as usize);
    found.dedup();
    if found.len() == 1 { found } else { vec![Measure::VMinPu, Measure::VMaxPu] }
}

/// What the items hold, by its place in a query.
#[derive(Default)]
struct Gathered {
    layers: Vec<Layer>,
    filters: Vec<(Relation, f64, Option<Unit>)>,
    window: Option<Window>,
    extreme: Option<(Extreme, bool)>,
    top: bool,
    first: bool,
    rank: bool,
    limit: Option<u32>,
    head: Option<(Kind, bool)>,
    per: Option<Kind>,
    measures: Vec<Measure>,
    overloaded: bool,
    violations: bool,
    feeders: Vec<usize>,
    elements: Vec<usize>,
    studies: Vec<usize>,
    compare: bool,
    count: bool,
    how_long: bool,
    sum: bool,
    mean: bool,
    outage: bool,
    hits: bool,
    customers: bool,
    mends: bool,
    fixes: bool,
    cheapest: bool,
    budget: Option<f64>,
    host: bool,
    how_much: bool,
    technologies: Vec<Der>,
    what_if: bool,
    in_unit: Option<Unit>,
    /// "with" right before a measure.
    has: bool,
    notes: Vec<String>,
}

/// Puts a value where none was, or refuses a second one that differs.
fn once<T: PartialEq>(place: &mut Option<T>, value: T, what: &str) -> Result<(), String> {
    match place {
        Some(old) if *old != value => Err(format!("{what} is told twice, and not alike")),
        _ => {
            *place = Some(value);
            Ok(())
        }
    }
}

impl Gathered {
    fn new(items: &[Item], context: &Context) -> Result<Self, String> {
        let mut g = Self::default();
        let mut charger = None;
        for (i, item) in items.iter().enumerate() {
            let mut window = g.window.take().unwrap_or_default();
            let before = window.clone();
            match item {
                Item::Bad(why) => return Err(why.clone()),
                Item::Layers(l) => g.layers.extend(l.iter().cloned()),
                Item::Charger(c) => once(&mut charger, *c, "the charger")?,
                Item::Filter(Relation::Below | Relation::AtMost, x, Some(Unit::Money)) => once(&mut g.budget, *x, "the budget")?,
                Item::Filter(r, x, u) => g.filters.push((*r, *x, *u)),
                Item::Range(a, b, u) => g.filters.extend([(Relation::AtLeast, *a, *u), (Relation::AtMost, *b, *u)]),
                Item::Days(a, b) => once(&mut window.days, [a.clone(), b.clone()], "the time of the year")?,
                Item::Year(y) => once(&mut window.year, *y, "the year")?,
                Item::LastYear | Item::ThisYear => {
                    let this = context.today_year().ok_or("the day of today is not known, which a relative year needs")?;
                    once(&mut window.year, this - i32::from(*item == Item::LastYear), "the year")?;
                }
                Item::Week(w) => once(&mut window.week, *w, "the part of the week")?,
                Item::Hours(h) => once(&mut window.hours, h[0], "the time of the day")?,
                Item::Extreme(e) => once(&mut g.extreme.map(|x| x.0), *e, "the order").map(|()| g.extreme = Some((*e, false)))?,
                Item::ExtremeOfMeasure(e) => once(&mut g.extreme.map(|x| x.0), *e, "the order").map(|()| g.extreme = Some((*e, true)))?,
                Item::Top => g.top = true,
                Item::Longest => {
                    once(&mut g.extreme, (Extreme::Highest, false), "the order")?;
                    g.measures.push(Measure::LineKm);
                }
                Item::First => g.first = true,
                Item::Limit(n) => once(&mut g.limit, *n, "how many")?,
                Item::Head(k, plural) => match g.head {
                    Some((old, _)) if old != *k => return Err("two kinds of objects are asked for".to_owned()),
                    Some((_, old)) => g.head = Some((*k, old || *plural)),
                    None => g.head = Some((*k, *plural)),
                },
                Item::Per(k) => once(&mut g.per, *k, "what it is told for")?,
                Item::Measure(m) => {
                    if !g.measures.contains(m) {
                        g.measures.push(*m);
                    }
                    g.has |= i > 0 && items[i - 1] == Item::With;
                }
                Item::Overloaded => g.overloaded = true,
                Item::Violations => {
                    g.violations = true;
                    g.has |= i > 0 && items[i - 1] == Item::With;
                }
                Item::Feeder(f) => g.feeders.push(*f),
                Item::Element(e) => g.elements.push(*e),
                Item::Study(s) => g.studies.push(*s),
                Item::Compare => g.compare = true,
                Item::Count => g.count = true,
                Item::HowLong => g.how_long = true,
                Item::Sum => g.sum = true,
                Item::Mean => g.mean = true,
                Item::Outage(_) => g.outage = true,
                Item::Hits => g.hits = true,
                Item::Customers => g.customers = true,
                Item::Fix(plural) => {
                    g.mends = true;
                    g.fixes = *plural;
                }
                Item::Mitigate => g.mends = true,
                Item::Cheapest => g.cheapest = true,
                Item::Budget(x) => once(&mut g.budget, *x, "the budget")?,
                Item::Host => g.host = true,
                Item::HowMuch => g.how_much = true,
                Item::Tech(Tech::Solar) => g.technologies.push(Der::Generation),
                Item::Tech(Tech::Ev | Tech::Electrification) | Item::ChargerNoun => g.technologies.push(Der::Load),
                Item::Tech(Tech::Storage) => return Err("of storage nothing is told that can be done".to_owned()),
                Item::Rank => g.rank = true,
                Item::WhatIf => g.what_if = true,
                Item::InUnit(u) => once(&mut g.in_unit, *u, "the unit")?,
                Item::With => {}
                Item::Voltage | Item::Choice(_) => return Err("it can be read in several ways".to_owned()),
            }
            g.window = if window == Window::default() && before == window { None } else { Some(window) };
        }
        g.settle_layers(charger)?;
        Ok(g)
    }

    /// Each thing once, within its limits, and a charger with its vehicles.
    fn settle_layers(&mut self, charger: Option<super::form::Charger>) -> Result<(), String> {
        self.layers.dedup();
        let mut seen = Vec::new();
        for layer in &self.layers {
            let kind = std::mem::discriminant(layer);
            if seen.contains(&kind) {
                return Err("the scenario says two things about the same".to_owned());
            }
            seen.push(kind);
            match layer {
                Layer::Ev(a) | Layer::Solar(a) | Layer::Storage(a) | Layer::Electrification(a) => match a.change {
                    Change::ToPct(x) if !(0.0..=100.0).contains(&x) => {
                        return Err(format!("a penetration lies between 0 and 100 %, not at {x} %"));
                    }
                    Change::Points(x) if !(-100.0..=100.0).contains(&x) => return Err(format!("{x} points are no change of a share")),
                    Change::Times(f) if !(0.0..=1000.0).contains(&f) => return Err(format!("{f} is no factor of a penetration")),
                    _ => {}
                },
                Layer::Growth { change_pct } if !(-100.0..=1000.0).contains(change_pct) => {
                    return Err(format!("loads change by -100 to 1000 %, not by {change_pct} %"));
                }
                Layer::Weather(w) if w.amplitude_c.is_some_and(|a| a.abs() > 40.0) => {
                    return Err("weather changes by 40 °C at most".to_owned());
                }
                _ => {}
            }
        }
        if let Some(c) = charger {
            let mut ev = self.layers.iter_mut().filter_map(|l| if let Layer::Ev(a) = l { Some(a) } else { None });
            match ev.next() {
                Some(a) if a.charger.is_none() || a.charger == Some(c) => a.charger = Some(c),
                _ => return Err("a charger is told without vehicles that use it".to_owned()),
            }
        }
        Ok(())
    }

    fn query(mut self, context: &Context) -> Read {
        let measure = self.measure()?;
        let of = self.kind(measure, context)?;
        let mut q = Query::new(measure, of);
        q.feeders = self.feeders.iter().map(|f| context.feeders[*f].clone()).collect();
        q.feeders.dedup();
        q.names = self.elements.iter().map(|e| context.elements[*e].name.clone()).collect();
        q.scenario = std::mem::take(&mut self.layers);
        q.window = self.window.take();
        q.budget = self.budget;
        if q.budget.is_some() && measure != Measure::MitigationCost {
            return Err("a budget is for mitigation".to_owned());
        }
        // Answers come in the measure's own unit; another one is not promised.
        if let Some(unit) = self.in_unit
            && (unit == Unit::Points || in_unit_of(measure, 1.0, Some(unit)) != Ok(1.0))
        {
            return Err("the answer is wanted in a unit that the measure is not told in".to_owned());
        }
        self.hosting(&mut q)?;
        self.limits(&mut q)?;
        self.statistic(&mut q)?;
        self.order(&mut q)?;
        self.studies(&mut q, context)?;
        if let (Some(asked), Some(this)) = (q.window.as_ref().and_then(|w| w.year), context.today_year())
            && asked > this
        {
            return Err(format!("{asked} has not been yet; say by how much loads or shares will have grown by then"));
        }
        if q.window.is_some() && !has_time(measure) {
            return Err("what is asked for has no time of the year".to_owned());
        }
        if !measure.fits(q.of) {
            return Err("there is no such measure of such objects".to_owned());
        }
        Ok((q, self.notes))
    }

    /// The one measure that is asked for.
    fn measure(&mut self) -> Result<Measure, String> {
        let mut found = self.measures.clone();
        let outage_measure = if self.customers { Measure::LostCustomers } else { Measure::LostLoadKw };
        if self.outage {
            let of_what = self.head.is_some() || !self.elements.is_empty() || self.extreme.is_some();
            if !of_what && !self.feeders.is_empty() {
                return Err("a whole feeder is no single outage".to_owned());
            }
            found.retain(|m| *m != Measure::LostLoadKw);
            found.push(outage_measure);
        }
        if self.customers && !(self.outage && (self.hits || self.extreme.is_some())) || self.hits && !self.outage {
            return Err("what customers are hit by is not told".to_owned());
        }
        if self.mends || self.cheapest {
            if !self.mends {
                return Err("the cheapest of what is not told".to_owned());
            }
            if self.overloaded || !found.is_empty() {
                return Err("mitigation looks at all violations together".to_owned());
            }
            self.violations = false;
            found.push(Measure::MitigationCost);
        }
        if (self.host || self.how_much) && !found.contains(&Measure::HostingCapacityKw) {
            if !self.host {
                return Err("how much of it is not told to be hosted".to_owned());
            }
            found.push(Measure::HostingCapacityKw);
        }
        if self.violations {
            found.push(Measure::ViolationH);
        }
        if self.overloaded {
            let in_hours = self.filters.iter().any(|f| matches!(f.2, Some(Unit::Hour)));
            found.push(if self.how_long || in_hours { Measure::OverloadH } else { Measure::LoadingPct });
            if found.last() == Some(&Measure::OverloadH) {
                self.overloaded = false;
            }
        }
        found.dedup();
        // Losses above some percent are those in percent.
        if found == [Measure::LossesKwh] && self.filters.iter().any(|f| f.2 == Some(Unit::Percent)) {
            found = vec![Measure::LossesPct];
        }
        if found.len() > 1 {
            return Err("more than one measure is asked for".to_owned());
        }
        if let Some(m) = found.first() {
            if self.how_long && m.unit() != MeasureUnit::Hours {
                return Err("how long is a matter of hours beyond a limit".to_owned());
            }
            return Ok(*m);
        }
        if self.how_long {
            return Err("how long what lasted is not told".to_owned());
        }
        self.measure_by_limit().or_else(|| self.measure_by_order()).or_else(|| self.measure_of_scenario()).ok_or_else(|| {
            if self.what_if { "what happens is not told".to_owned() } else { "what is to be measured is not told".to_owned() }
        })
    }

    /// "transformers above 90 %", "buses below 0.95 pu".
    fn measure_by_limit(&self) -> Option<Measure> {
        let (relation, value, unit) = *self.filters.first()?;
        let above = matches!(relation, Relation::Above | Relation::AtLeast);
        match (unit, self.head?.0) {
            (Some(Unit::Percent), Kind::Transformer | Kind::Line | Kind::Element) => Some(Measure::LoadingPct),
            (Some(Unit::Pu), Kind::Bus) => Some(if above { Measure::VMaxPu } else { Measure::VMinPu }),
            (None, Kind::Bus) if (0.5..=1.5).contains(&value) => Some(if above { Measure::VMaxPu } else { Measure::VMinPu }),
            _ => None,
        }
    }

    /// "worst feeders": what bad means for each kind.
    fn measure_by_order(&mut self) -> Option<Measure> {
        let judged = matches!(self.extreme, Some((Extreme::Worst | Extreme::Best, _))) || (self.top && self.extreme.is_none());
        if !judged || !self.filters.is_empty() {
            return None;
        }
        let (measure, words) = match self.head?.0 {
            Kind::Feeder => (Measure::ViolationH, "hours beyond limits of loading and voltage, summed over the feeder's assets"),
            Kind::Bus => (Measure::VoltageViolationH, "hours outside range A"),
            _ => (Measure::LoadingPct, "the largest loading"),
        };
        self.notes.push(format!("worst is told by {words}"));
        Some(measure)
    }

    /// A bare scenario or comparison: what becomes of the limits.
    fn measure_of_scenario(&mut self) -> Option<Measure> {
        let about = !self.layers.is_empty() || self.compare;
        let bare = self.extreme.is_none() && !self.top && self.filters.is_empty() && !self.count && !self.sum && !self.mean && !self.rank;
        // "feeders without solar" are some of the feeders, which no scenario chooses.
        let all = self.head.is_none() && self.elements.is_empty();
        if !(about && bare && all) {
            return None;
        }
        self.notes.push("no measure is told: hours beyond limits of loading and voltage".to_owned());
        Some(Measure::ViolationH)
    }

    fn kind(&self, measure: Measure, context: &Context) -> Result<Kind, String> {
        let mut named = self.elements.iter().map(|e| context.elements[*e].kind);
        if let Some(first) = named.next() {
            if named.any(|k| k != first) {
                return Err("the named objects are of several kinds".to_owned());
            }
            if self.head.is_some_and(|h| h.0 != first && h.0 != Kind::Element) {
                return Err("what is named is of another kind".to_owned());
            }
            return Ok(first);
        }
        if self.count {
            return Ok(self.head.map_or(measure.usual_kind(), |h| h.0));
        }
        match (self.head, self.per) {
            (Some((k, _)), Some(per)) if k != per => Err("two kinds of objects are asked for".to_owned()),
            (Some((k, _)), _) => Ok(k),
            (None, Some(per)) => Ok(per),
            (None, None) => Ok(measure.usual_kind()),
        }
    }

    fn hosting(&mut self, q: &mut Query) -> Result<(), String> {
        self.technologies.dedup();
        if q.measure != Measure::HostingCapacityKw {
            return if self.technologies.is_empty() { Ok(()) } else { Err("of a technology nothing is told that can be done".to_owned()) };
        }
        match self.technologies.as_slice() {
            [] => {}
            [one] => q.der = Some(*one),
            _ => return Err("hosting capacity is of generation or of load".to_owned()),
        }
        if self.host && q.der.is_none() {
            return Err("what is to be hosted is not told".to_owned());
        }
        Ok(())
    }

    fn limits(&mut self, q: &mut Query) -> Result<(), String> {
        for (relation, value, unit) in &self.filters {
            let value = in_unit_of(q.measure, *value, *unit)?;
            let bound = match relation {
                Relation::Above => Bound::Above(value),
                Relation::Below => Bound::Below(value),
                Relation::AtLeast => Bound::AtLeast(value),
                Relation::AtMost => Bound::AtMost(value),
            };
            q.filters.push(Filter { measure: q.measure, bound });
        }
        let low = |b: &Bound| matches!(b, Bound::Above(_) | Bound::AtLeast(_));
        let (lows, highs): (Vec<Bound>, Vec<Bound>) = q.filters.iter().map(|f| f.bound).partition(low);
        if lows.len() > 1 || highs.len() > 1 {
            return Err("a limit is told twice".to_owned());
        }
        if let (Some(a), Some(b)) = (lows.first(), highs.first())
            && a.value() >= b.value()
        {
            return Err(format!("nothing is above {} and below {}", a.value(), b.value()));
        }
        if self.overloaded && q.filters.is_empty() {
            q.filters.push(Filter { measure: Measure::LoadingPct, bound: Bound::Above(100.0) });
            self.notes.push("overloaded is a loading above 100 % of the normal rating".to_owned());
        }
        let counts_from_zero = matches!(q.measure.unit(), MeasureUnit::Hours) && q.measure != Measure::SaidiH
            || matches!(q.measure, Measure::ReverseKwh | Measure::UnsettledSteps);
        let of_a_head = self.head.is_some() && self.extreme.is_none() && !self.top && self.per.is_none() && !self.rank;
        let asks_which = self.count || (of_a_head && (self.has || q.measure == Measure::UnsettledSteps));
        if counts_from_zero && asks_which && q.filters.is_empty() {
            q.filters.push(Filter { measure: q.measure, bound: Bound::Above(0.0) });
        }
        Ok(())
    }

    fn statistic(&mut self, q: &mut Query) -> Result<(), String> {
        use MeasureUnit as U;
        let told = [self.count, self.sum, self.mean].iter().filter(|x| **x).count();
        if told > 1 {
            return Err("count, sum and mean exclude each other".to_owned());
        }
        if told == 1 && (self.extreme.is_some() || self.top || self.rank || self.limit.is_some()) {
            return Err("a single figure has no order".to_owned());
        }
        if self.count {
            if q.filters.is_empty() {
                return Err("what is to be counted is not told".to_owned());
            }
            q.statistic = Statistic::Count;
            match self.per {
                Some(Kind::Feeder) if q.of == Kind::Feeder => return Err("each feeder has one feeder".to_owned()),
                Some(Kind::Feeder) => q.by = Some(Kind::Feeder),
                Some(_) => return Err("counts are grouped by feeder only".to_owned()),
                None => {}
            }
        } else if self.sum {
            if !matches!(q.measure.unit(), U::Hours | U::KilowattHour | U::Kilometre | U::Count)
                || matches!(q.measure, Measure::SaidiH | Measure::Saifi)
                || self.per.is_some()
            {
                return Err("there is no sum of this measure".to_owned());
            }
            q.statistic = Statistic::Sum;
        } else if self.mean {
            if matches!(q.measure, Measure::LoadingPct | Measure::VMinPu | Measure::VMaxPu | Measure::MitigationCost) || self.per.is_some()
            {
                return Err("a mean of this measure can be meant in several ways".to_owned());
            }
            q.statistic = Statistic::Mean;
        }
        Ok(())
    }

    fn order(&mut self, q: &mut Query) -> Result<(), String> {
        if self.cheapest {
            if self.extreme.is_some() || self.top {
                return Err("the order is told twice".to_owned());
            }
            q.order = Some(Order::Lowest);
            q.limit = self.limit.or((!self.fixes).then_some(1));
            return Ok(());
        }
        let bad_first = if q.measure.high_is_bad() { Order::Highest } else { Order::Lowest };
        let good_first = if q.measure.high_is_bad() { Order::Lowest } else { Order::Highest };
        q.order = match self.extreme.map(|e| e.0) {
            Some(Extreme::Highest) => Some(Order::Highest),
            Some(Extreme::Lowest) => Some(Order::Lowest),
            Some(Extreme::Worst) => Some(bad_first),
            Some(Extreme::Best) => Some(good_first),
            None if self.top && bad_first == Order::Lowest => {
                return Err("the top of this measure may be its high or its low end".to_owned());
            }
            None if self.top || self.rank => Some(Order::Highest),
            None => None,
        };
        if self.top && self.extreme.is_some_and(|e| e.0 == Extreme::Lowest) {
            return Err("top and lowest exclude each other".to_owned());
        }
        if q.order.is_none() {
            return match (self.limit, self.first) {
                (None, false) => Ok(()),
                (Some(n), _) => Err(format!("by which order {n} are to be chosen is not told")),
                (None, true) => Err("which is to come first is not told".to_owned()),
            };
        }
        q.limit = self.limit;
        let violations = matches!(q.measure, Measure::ViolationH | Measure::VoltageViolationH) || self.overloaded;
        let one = match self.head {
            Some((_, plural)) => !plural,
            None => self.per.is_none() && !violations,
        };
        if q.limit.is_none() && one && !self.first && !self.rank {
            q.limit = Some(1);
        }
        // The lowest voltage of each feeder, or of one bus, is a figure and no order.
        let of_measure = self.extreme.is_some_and(|e| e.1) && matches!(q.measure, Measure::VMinPu | Measure::VMaxPu);
        let is_one = !q.names.is_empty() || (q.of == Kind::Feeder && q.feeders.len() == 1);
        if self.limit.is_none() && ((of_measure && self.head.is_none() && self.per.is_some()) || is_one) {
            (q.order, q.limit) = (None, None);
        }
        Ok(())
    }

    fn studies(&mut self, q: &mut Query, context: &Context) -> Result<(), String> {
        let mut names: Vec<&String> = self.studies.iter().map(|s| &context.studies[*s]).collect();
        names.dedup();
        if !self.compare {
            return match names.as_slice() {
                [] => Ok(()),
                [one] => {
                    q.study = Some((*one).clone());
                    if q.scenario.is_empty() { Ok(()) } else { Err("a study that was run has its scenario already".to_owned()) }
                }
                _ => Err("several studies are named, and nothing says that they are to be compared".to_owned()),
            };
        }
        match (names.as_slice(), q.scenario.is_empty()) {
            ([base], false) => q.against = Some((*base).clone()),
            ([a, b], true) => {
                let is_base = |n: &&String| n.eq_ignore_ascii_case("base");
                let (base, other) = match (is_base(a), is_base(b)) {
                    (true, false) => (a, b),
                    (false, true) => (b, a),
                    _ => return Err(format!("{a} may be compared with {b}, or {b} with {a}")),
                };
                q.against = Some((*base).clone());
                q.study = Some((*other).clone());
            }
            _ => return Err("a comparison needs a study and a scenario, or two studies".to_owned()),
        }
        Ok(())
    }
}

/// Whether a measure has values at times of the year.
fn has_time(m: Measure) -> bool {
    !matches!(
        m,
        Measure::HostingCapacityKw
            | Measure::SaidiH
            | Measure::Saifi
            | Measure::UnservedKwh
            | Measure::LostLoadKw
            | Measure::LostCustomers
            | Measure::MitigationCost
            | Measure::LineKm
    )
}

/// A limit's value in the unit of its measure.
fn in_unit_of(measure: Measure, value: f64, unit: Option<Unit>) -> Result<f64, String> {
    use MeasureUnit as U;
    let found = match (measure.unit(), unit) {
        (U::Percent, Some(Unit::Percent)) => Some(value),
        (U::Percent, Some(Unit::Pu)) if measure != Measure::LossesPct => Some(100.0 * value),
        (U::Fraction, Some(Unit::Percent)) => Some(value / 100.0),
        (U::Fraction, None) => Some(value),
        (U::PerUnit, Some(Unit::Pu) | None) if (0.5..=1.5).contains(&value) => Some(value),
        (U::PerUnit, Some(Unit::Percent)) if (50.0..=150.0).contains(&value) => Some(value / 100.0),
        (U::Hours, Some(Unit::Hour)) => Some(value),
        (U::Hours, Some(Unit::Minute)) => Some(value / 60.0),
        (U::Kilowatt, Some(Unit::Kilowatt)) | (U::KilowattHour, Some(Unit::KilowattHour)) => Some(value),
        (U::Kilowatt, Some(Unit::Megawatt)) | (U::KilowattHour, Some(Unit::MegawattHour)) => Some(1000.0 * value),
        (U::Kilometre, Some(Unit::Kilometre)) => Some(value),
        (U::Kilometre, Some(Unit::Mile)) => Some(1.609_344 * value),
        (U::Count, None) => Some(value),
        (U::Cost, Some(Unit::Money)) => Some(value),
        _ => None,
    };
    let fits = found.filter(|x| measure.unit() != U::Fraction || (0.0..=1.0).contains(x));
    fits.ok_or_else(|| format!("the limit {value} is in a unit that the measure is not told in, or in none"))
}
