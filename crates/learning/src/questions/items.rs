//! Atoms to items: the phrases of a question that mean something together, found from left to right, the longest rule first.

use super::form::{Adoption, Change, Charger, Event, Kind, Layer, Measure, MeasureUnit, Weather, Week};
use super::lexicon::{Atom, Extreme, Relation, Tech, Unit};

/// A piece of meaning. Where words can mean several things, all of them stand in the list.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item {
    Layers(Vec<Layer>),
    Charger(Charger),
    Filter(Relation, f64, Option<Unit>),
    Range(f64, f64, Option<Unit>),
    Days(String, String),
    Year(i32),
    LastYear,
    ThisYear,
    Week(Week),
    Hours(Vec<[f64; 2]>),
    Extreme(Extreme),
    /// The same, right before the measure that it is of.
    ExtremeOfMeasure(Extreme),
    Top,
    Longest,
    First,
    Limit(u32),
    Head(Kind, bool),
    Per(Kind),
    Measure(Measure),
    Voltage,
    Overloaded,
    Violations,
    Feeder(usize),
    Choice(usize),
    Element(usize),
    Study(usize),
    Compare,
    Count,
    HowLong,
    Sum,
    Mean,
    /// An element is lost; whether more than one is asked about.
    Outage(bool),
    Hits,
    Customers,
    Fix(bool),
    Mitigate,
    Cheapest,
    Budget(f64),
    Host,
    HowMuch,
    Tech(Tech),
    ChargerNoun,
    Rank,
    WhatIf,
    /// The unit that the answer is wanted in.
    InUnit(Unit),
    /// "with", "have": what follows is a property of what went before.
    With,
    /// Words that cannot be true together; why.
    Bad(String),
}

/// A share of something, as it was told.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Share {
    Percent(f64),
    Points(f64),
    Fraction(f64),
    /// A number without unit.
    Plain(f64),
}

impl Share {
    /// As a part of one.
    fn part(self) -> Option<f64> {
        match self {
            Self::Percent(x) => Some(x / 100.0),
            Self::Fraction(x) => Some(x),
            Self::Points(_) | Self::Plain(_) => None,
        }
    }
}

/// Items of a text, with where each lies in the atoms, and atoms that no rule uses.
pub(super) fn items(atoms: &[Atom]) -> (Vec<Item>, Vec<usize>) {
    let mut items = Vec::new();
    let mut unused = Vec::new();
    let mut i = 0;
    while i < atoms.len() {
        let rest = &atoms[i..];
        let before = i.checked_sub(1).map(|k| atoms[k]);
        if let Some((found, n)) = several(rest, before) {
            items.extend(found);
            i += n;
        } else {
            if !is_glue(rest) {
                unused.push(i);
            }
            i += 1;
        }
    }
    (items, unused)
}

/// Small words that may stand alone, by what follows them.
fn is_glue(rest: &[Atom]) -> bool {
    let next = rest.get(1);
    match rest[0] {
        Atom::Break | Atom::Of | Atom::On | Atom::In | Atom::For | Atom::At | Atom::And | Atom::With => true,
        // "is out of", "sort by losses".
        Atom::By => matches!(next, Some(Atom::Measure(_) | Atom::Voltage | Atom::Overloaded | Atom::Violations | Atom::Extreme(_))),
        Atom::From => matches!(next, Some(Atom::Feeder(_) | Atom::Choice(_))),
        // "difference between base and high_ev".
        Atom::Between => matches!(next, Some(Atom::Study(_))),
        // "over all feeders", "under a heat wave".
        Atom::Relation(Relation::Above) => matches!(next, Some(Atom::Kind(_, true))),
        Atom::Relation(Relation::Below) => matches!(next, Some(Atom::Event(_) | Atom::Tou | Atom::VoltVar)),
        // "when EV penetration doubles"; "when is the peak" asks for a time, which no query has.
        Atom::When => matches!(
            next,
            Some(
                Atom::Tech(_)
                    | Atom::Penetration
                    | Atom::Load
                    | Atom::Number(_)
                    | Atom::Fraction(_)
                    | Atom::Factor(_)
                    | Atom::It
                    | Atom::Element(_)
            )
        ),
        Atom::Own => matches!(next, Some(Atom::Extreme(_) | Atom::Number(_) | Atom::Relation(_))),
        _ => false,
    }
}

fn several(rest: &[Atom], before: Option<Atom>) -> Option<(Vec<Item>, usize)> {
    if let Some((layers, n)) = layer(rest) {
        return Some((vec![Item::Layers(layers)], n));
    }
    if let Some(found) = weather(rest) {
        return Some(found);
    }
    hours(rest).or_else(|| days(rest, before)).or_else(|| limits(rest)).or_else(|| ranks(rest)).or_else(|| single(rest))
}

/// A share that begins here.
fn share(rest: &[Atom]) -> Option<(Share, usize)> {
    match *rest {
        [Atom::Number(a), Atom::In, Atom::Number(b), Atom::Customers(_), ..] if a < b => Some((Share::Fraction(a / b), 3)),
        [Atom::Number(a), Atom::Fraction(f), ..] => Some((Share::Fraction(a * f), 2)),
        [Atom::Number(x), Atom::Unit(Unit::Percent), ..] => Some((Share::Percent(x), 2)),
        [Atom::Number(x), Atom::Unit(Unit::Points), ..] => Some((Share::Points(x), 2)),
        [Atom::Fraction(f), ..] => Some((Share::Fraction(f), 1)),
        [Atom::Number(x), ..] => Some((Share::Plain(x), 1)),
        _ => None,
    }
}

/// Customers and their class.
fn customers(rest: &[Atom]) -> Option<(Option<&'static str>, usize)> {
    let skipped = rest.iter().take_while(|a| matches!(a, Atom::Of)).count();
    match rest.get(skipped) {
        Some(Atom::Customers(class)) => Some((*class, skipped + 1)),
        _ => None,
    }
}

/// A technology, and whether it is named as a penetration, which is a share itself.
fn tech(rest: &[Atom]) -> Option<(Tech, bool, usize)> {
    match *rest {
        [Atom::Penetration, Atom::Of, Atom::Tech(t), ..] => Some((t, true, 3)),
        [Atom::Tech(t), Atom::Penetration, ..] => Some((t, true, 2)),
        [Atom::Tech(t), ..] => Some((t, false, 1)),
        _ => None,
    }
}

/// A charger by its level or by its power.
fn charger(rest: &[Atom]) -> Option<(Charger, usize)> {
    match *rest {
        [Atom::Charger(c), Atom::ChargerNoun, ..] => Some((c, 2)),
        [Atom::Charger(c), ..] => Some((c, 1)),
        [Atom::Number(kw), Atom::Unit(Unit::Kilowatt), Atom::ChargerNoun, ..] => {
            // Powers of SAE J1772, as scenario files have them.
            let known = [(1.4, Charger::Level1), (7.2, Charger::Level2), (11.5, Charger::Level2At48A)];
            known.iter().find(|(p, _)| (p - kw).abs() < 1e-9).map(|(_, c)| (*c, 3))
        }
        _ => None,
    }
}

fn adoption(tech: Tech, change: Change, charger: Option<Charger>, class: Option<&'static str>) -> Layer {
    let a = Adoption { change, charger, classes: class.map(str::to_owned).into_iter().collect() };
    match tech {
        Tech::Ev => Layer::Ev(a),
        Tech::Solar => Layer::Solar(a),
        Tech::Storage => Layer::Storage(a),
        Tech::Electrification => Layer::Electrification(a),
    }
}

/// Readings of "more" or "less" of a technology by a share. Of a penetration, which is told in percent itself, "by 15 %" may be points.
fn changed(tech: Tech, is_penetration: bool, share: Share, sign: f64) -> Option<Vec<Layer>> {
    let layer = |change| adoption(tech, change, None, None);
    match share {
        Share::Points(x) => Some(vec![layer(Change::Points(sign * x))]),
        Share::Percent(x) if is_penetration => Some(vec![layer(Change::Times(1.0 + sign * x / 100.0)), layer(Change::Points(sign * x))]),
        _ => share.part().map(|part| vec![layer(Change::Times(1.0 + sign * part))]),
    }
}

fn growth(part: f64) -> Vec<Layer> {
    vec![Layer::Growth { change_pct: tidy(100.0 * part) }]
}

/// Without the last bits that turning percent to fractions and back leaves.
fn tidy(x: f64) -> f64 {
    (x * 1e9).round() / 1e9
}

fn layer(rest: &[Atom]) -> Option<(Vec<Layer>, usize)> {
    layer_by_share(rest).or_else(|| layer_by_tech(rest)).or_else(|| layer_by_word(rest))
}

/// "30 % of homes charge at level 2", "20 % more solar", "25 % EV", "ten percent load growth".
fn layer_by_share(rest: &[Atom]) -> Option<(Vec<Layer>, usize)> {
    let (share, mut p) = share(rest)?;
    if let Some((class, n)) = customers(&rest[p..]) {
        let pct = tidy(100.0 * share.part()?);
        p += n;
        let (mut found, mut level, mut charges) = (None, None, false);
        // What they have: a technology, a charger, or both, in either order.
        while let Some(atom) = rest.get(p) {
            if let Some((c, n)) = charger(&rest[p..]) {
                level = Some(c);
                p += n;
            } else if let Atom::Tech(t) = atom
                && found.is_none()
            {
                found = Some(*t);
                p += 1;
            } else if matches!(atom, Atom::Charge) || (matches!(atom, Atom::ChargerNoun) && level.is_none()) {
                charges = true;
                p += 1;
            } else if matches!(atom, Atom::Own | Atom::With | Atom::On | Atom::At) && joins(&rest[p + 1..]) {
                p += 1;
            } else {
                break;
            }
        }
        let tech = found.or((charges || level.is_some()).then_some(Tech::Ev))?;
        if tech != Tech::Ev && (charges || level.is_some()) {
            return None;
        }
        return Some((vec![adoption(tech, Change::ToPct(pct), level, class)], p));
    }
    let sign = match rest.get(p) {
        Some(Atom::More) => 1.0,
        Some(Atom::Less) => -1.0,
        _ => 0.0,
    };
    if sign != 0.0 {
        if matches!(rest.get(p + 1), Some(Atom::Load)) {
            return Some((growth(sign * share.part()?), p + 2));
        }
        let (t, penetration, n) = tech(&rest[p + 1..])?;
        return Some((changed(t, penetration, share, sign)?, p + 1 + n));
    }
    if let Some((t, penetration, n)) = tech(&rest[p..]) {
        p += n;
        match rest.get(p) {
            Some(Atom::Growth | Atom::Rise) => return Some((changed(t, penetration, share, 1.0)?, p + 1)),
            Some(Atom::Drop) => return Some((changed(t, penetration, share, -1.0)?, p + 1)),
            _ => {}
        }
        let Share::Percent(pct) = share else { return None };
        let mut level = None;
        if let Some(at) = rest.get(p).filter(|a| matches!(a, Atom::At | Atom::With | Atom::On))
            && let Some((c, n)) = charger(&rest[p + 1..])
            && t == Tech::Ev
        {
            let _ = at;
            level = Some(c);
            p += 1 + n;
        }
        return Some((vec![adoption(t, Change::ToPct(pct), level, None)], p));
    }
    match rest[p..] {
        [Atom::Growth, ..] => Some((growth(share.part()?), p + 1)),
        [Atom::Load, Atom::Rise | Atom::Growth, ..] => Some((growth(share.part()?), p + 2)),
        [Atom::Load, Atom::Drop, ..] => Some((growth(-share.part()?), p + 2)),
        _ => None,
    }
}

/// Whether what follows a "with" or "have" is what customers can have.
fn joins(rest: &[Atom]) -> bool {
    matches!(rest.first(), Some(Atom::Tech(_) | Atom::ChargerNoun | Atom::Charge | Atom::Own)) || charger(rest).is_some()
}

/// "EV penetration doubles", "solar at 35 % of homes", "EVs rise by 20 %", "level 2 chargers in 30 % of homes".
fn layer_by_tech(rest: &[Atom]) -> Option<(Vec<Layer>, usize)> {
    let (t, penetration, mut p, level) = match tech(rest) {
        Some((t, penetration, n)) => (t, penetration, n, None),
        None => charger(rest).map(|(c, n)| (Tech::Ev, false, n, Some(c)))?,
    };
    match rest.get(p) {
        Some(Atom::Factor(f)) if level.is_none() => return Some((vec![adoption(t, Change::Times(*f), None, None)], p + 1)),
        Some(Atom::Rise | Atom::Drop) if level.is_none() => {
            let sign = if matches!(rest[p], Atom::Rise) { 1.0 } else { -1.0 };
            p += 1;
            if matches!(rest.get(p), Some(Atom::To)) {
                let (share, n) = share(&rest[p + 1..])?;
                return Some((vec![adoption(t, Change::ToPct(tidy(100.0 * share.part()?)), None, None)], p + 1 + n));
            }
            p += usize::from(matches!(rest.get(p), Some(Atom::By)));
            if let Some(Atom::Factor(f)) = rest.get(p) {
                let _ = f;
                return None;
            }
            let (share, n) = share(&rest[p..])?;
            return Some((changed(t, penetration, share, sign)?, p + n));
        }
        _ => {}
    }
    let joined = matches!(rest.get(p), Some(Atom::Of | Atom::At | Atom::To | Atom::In | Atom::On | Atom::Break));
    p += usize::from(joined);
    let (share, n) = share(&rest[p..])?;
    p += n;
    // "EV penetration is half": of what it was, or of all.
    if let Share::Fraction(f) = share
        && !joined
        && customers(&rest[p..]).is_none()
    {
        let both = [Change::Times(f), Change::ToPct(tidy(100.0 * f))];
        return Some((both.map(|c| adoption(t, c, level, None)).to_vec(), p));
    }
    let pct = match share {
        // "EV penetration of 0.3": a share without unit is a part of one.
        Share::Plain(x) if penetration && x > 0.0 && x < 1.0 => 100.0 * x,
        other => 100.0 * other.part()?,
    };
    match rest.get(p) {
        Some(Atom::More | Atom::Rise) if level.is_none() => return Some((changed(t, penetration, share, 1.0)?, p + 1)),
        Some(Atom::Less | Atom::Drop) if level.is_none() => return Some((changed(t, penetration, share, -1.0)?, p + 1)),
        _ => {}
    }
    // "solar, 20 % more load" is no penetration of solar.
    if matches!(rest.get(p), Some(Atom::Tech(_) | Atom::Growth | Atom::Load)) {
        return None;
    }
    let class = customers(&rest[p..]);
    if level.is_some() && class.is_none() {
        return None;
    }
    let (class, n) = class.unwrap_or((None, 0));
    Some((vec![adoption(t, Change::ToPct(tidy(pct)), level, class)], p + n))
}

/// "twice the solar", "no solar", "load grows by 15 %", "two fast charging stations", tariffs.
fn layer_by_word(rest: &[Atom]) -> Option<(Vec<Layer>, usize)> {
    match *rest {
        [Atom::Factor(f), Atom::Load, ..] | [Atom::Load, Atom::Factor(f), ..] => Some((growth(f - 1.0), 2)),
        [Atom::Factor(f), ..] => {
            let (t, _, n) = tech(&rest[1..])?;
            Some((vec![adoption(t, Change::Times(f), None, None)], 1 + n))
        }
        [Atom::None, ..] => {
            let (t, _, n) = tech(&rest[1..])?;
            Some((vec![adoption(t, Change::ToPct(0.0), None, None)], 1 + n))
        }
        [Atom::Load, way @ (Atom::Rise | Atom::Drop), ..] => {
            let sign = if way == Atom::Rise { 1.0 } else { -1.0 };
            let by = usize::from(matches!(rest.get(2), Some(Atom::By)));
            let (share, n) = share(&rest[2 + by..])?;
            Some((growth(sign * share.part()?), 2 + by + n))
        }
        [Atom::Growth, ..] => {
            let of = usize::from(matches!(rest.get(1), Some(Atom::Of)));
            let (share, n) = share(&rest[1 + of..])?;
            Some((growth(share.part()?), 1 + of + n))
        }
        [Atom::Number(x), Atom::FastStations, ..] if x.fract() == 0.0 && (0.0..=1000.0).contains(&x) => {
            let per = usize::from(matches!(rest[2..], [Atom::Per, Atom::Kind(Kind::Feeder, _), ..])) * 2;
            Some((vec![Layer::FastCharging { stations: x as u32 }], 2 + per))
        }
        [Atom::Tou, ..] => Some((vec![Layer::Tou {}], 1)),
        [Atom::VoltVar, ..] => Some((vec![Layer::VoltVar {}], 1)),
        _ => None,
    }
}

/// A temperature, as the temperatures in C that its words may mean, and as differences in K.
fn temperature(rest: &[Atom]) -> Option<(Vec<f64>, Vec<f64>, usize)> {
    let [Atom::Number(x), Atom::Unit(unit), ..] = *rest else { return None };
    let from_f = [tidy((x - 32.0) / 1.8), tidy(x / 1.8)];
    match unit {
        Unit::Celsius => Some((vec![x], vec![x], 2)),
        Unit::Fahrenheit => Some((vec![from_f[0]], vec![from_f[1]], 2)),
        Unit::Degree => Some((vec![x, from_f[0]], vec![x, from_f[1]], 2)),
        _ => None,
    }
}

fn year(atom: Option<&Atom>) -> Option<i32> {
    match atom {
        Some(Atom::Number(y)) if y.fract() == 0.0 && (1950.0..=2100.0).contains(y) => Some(*y as i32),
        _ => None,
    }
}

/// "heat wave of 8 °C for 5 days", "2023 heat day", "it is 40 °C".
fn weather(rest: &[Atom]) -> Option<(Vec<Item>, usize)> {
    let item = |layers: Vec<Weather>, n| {
        let mut layers: Vec<Layer> = layers.into_iter().map(Layer::Weather).collect();
        layers.dedup();
        Some((vec![Item::Layers(layers)], n))
    };
    let plain = |event| Weather { event, year: None, amplitude_c: None, peak_c: None, length_d: None };
    // A day of a temperature.
    let at = usize::from(matches!(rest[0], Atom::It));
    if let Some((absolute, _, n)) = temperature(&rest[at..]) {
        let day = matches!(rest.get(at + n), Some(Atom::Day(false)));
        let changed = matches!(rest.get(at + n), Some(Atom::Hotter | Atom::Colder | Atom::AboveNormal));
        if (at == 1 && !changed) || day {
            let hot = absolute.iter().filter(|c| (25.0..=55.0).contains(*c)).map(|c| (Event::HotDay, *c));
            let cold = absolute.iter().filter(|c| (-50.0..=5.0).contains(*c)).map(|c| (Event::ColdDay, *c));
            let found: Vec<Weather> = hot.chain(cold).map(|(e, c)| Weather { peak_c: Some(c), ..plain(e) }).collect();
            return (!found.is_empty()).then(|| item(found, at + n + usize::from(day))).flatten();
        }
    }
    let (mut readings, mut p) = match *rest {
        [Atom::Event(e), ..] => (vec![plain(e)], 1),
        [Atom::Number(_), Atom::Event(e), ..] => (vec![Weather { year: Some(year(rest.first())?), ..plain(e) }], 2),
        [Atom::Number(d), Atom::Day(_), Atom::Event(e), ..] => (vec![Weather { length_d: Some(d), ..plain(e) }], 3),
        [Atom::Number(_), Atom::Unit(_), Atom::Event(e), ..] => {
            let (absolute, change, n) = temperature(rest)?;
            (of_degrees(e, &absolute, &change, false).into_iter().map(|w| Weather { event: e, ..w }).collect(), n + 1)
        }
        _ => return None,
    };
    let event = readings.first()?.event;
    loop {
        let joined = usize::from(matches!(rest.get(p), Some(Atom::Of | Atom::For | Atom::In | Atom::With)));
        let after = &rest[p + joined..];
        if let Some(y) = year(after.first())
            && !matches!(after.get(1), Some(Atom::Unit(_)))
        {
            if readings.iter().any(|w| w.year.is_some()) {
                break;
            }
            readings.iter_mut().for_each(|w| w.year = Some(y));
            p += joined + 1;
        } else if let [Atom::Number(d), Atom::Day(_), ..] = *after {
            if readings.iter().any(|w| w.length_d.is_some()) {
                break;
            }
            readings.iter_mut().for_each(|w| w.length_d = Some(d));
            p += joined + 2;
        } else if let Some((absolute, change, n)) = temperature(after) {
            if readings.iter().any(|w| w.amplitude_c.is_some() || w.peak_c.is_some()) {
                break;
            }
            let above = matches!(after.get(n), Some(Atom::AboveNormal | Atom::Hotter | Atom::Colder));
            let found = of_degrees(event, &absolute, &change, above);
            let all = |w: &Weather| -> Vec<Weather> {
                found.iter().map(|f| Weather { amplitude_c: f.amplitude_c, peak_c: f.peak_c, ..w.clone() }).collect()
            };
            readings = readings.iter().flat_map(all).collect();
            p += joined + n + usize::from(above);
        } else {
            break;
        }
    }
    // When a wave comes is not part of the form: it is laid upon the hottest or coldest day.
    if let [Atom::In | Atom::On | Atom::From, Atom::Month(_) | Atom::Season(..), ..]
    | [Atom::In | Atom::On | Atom::From, Atom::Number(_), Atom::Month(_), ..] = rest[p..]
    {
        return Some((vec![Item::Bad("the time of a wave cannot be chosen: it is laid upon the hottest or coldest day".to_owned())], p));
    }
    if readings.iter().any(|w| w.length_d.is_some_and(|d| !(d > 0.0 && d <= 365.0))) {
        return Some((vec![Item::Bad("a wave lasts up to 365 days".to_owned())], p));
    }
    item(readings, p)
}

/// What degrees of a hot or cold event may be: how far from the normal, or the temperature that is reached.
fn of_degrees(event: Event, absolute: &[f64], change: &[f64], above_normal: bool) -> Vec<Weather> {
    let plain = Weather { event, year: None, amplitude_c: None, peak_c: None, length_d: None };
    let sign = if event.is_cold() { -1.0 } else { 1.0 };
    let is_day = matches!(event, Event::HotDay | Event::ColdDay);
    let mut found = Vec::new();
    for (absolute, change) in absolute.iter().zip(change) {
        // Nobody's heat wave is 20 K above normal, none reaches less than 25 C.
        if above_normal || (!is_day && change.abs() <= 20.0) {
            found.push(Weather { amplitude_c: Some(sign * change.abs()), ..plain.clone() });
        }
        let extreme = if event.is_cold() { *absolute <= 5.0 } else { (25.0..=55.0).contains(absolute) };
        if !above_normal && extreme {
            found.push(Weather { peak_c: Some(*absolute), ..plain.clone() });
        }
    }
    found
}

/// A time of the day as told, and whether words say that it is one.
#[derive(Clone, Copy)]
struct Told {
    hour: f64,
    mark: Mark,
}

#[derive(Clone, Copy, PartialEq)]
enum Mark {
    None,
    Am,
    Pm,
    OClock,
    Exact,
}

fn time(rest: &[Atom]) -> Option<(Told, usize)> {
    let told = |hour, mark, n| Some((Told { hour, mark }, n));
    match *rest {
        [Atom::Clock(h), Atom::Pm, ..] => told(h, Mark::Pm, 2),
        [Atom::Clock(h), Atom::Am, ..] => told(h, Mark::Am, 2),
        [Atom::Clock(h), ..] => told(h, Mark::Exact, 1),
        [Atom::Noon, ..] => told(12.0, Mark::Exact, 1),
        [Atom::Midnight, ..] => told(24.0, Mark::Exact, 1),
        [Atom::Number(h), Atom::Am, ..] => told(h, Mark::Am, 2),
        [Atom::Number(h), Atom::Pm, ..] => told(h, Mark::Pm, 2),
        [Atom::Number(h), Atom::OClock, ..] => told(h, Mark::OClock, 2),
        [Atom::Number(h), Atom::Unit(Unit::Hour), ..] => told(h, Mark::OClock, 2),
        [Atom::Number(h), ..] => told(h, Mark::None, 1),
        _ => None,
    }
}

/// Hour of the day, 0 to 24.
fn hour(t: Told) -> Option<f64> {
    match t.mark {
        Mark::Am if t.hour == 12.0 => Some(0.0),
        Mark::Am if t.hour < 12.0 => Some(t.hour),
        Mark::Pm if t.hour == 12.0 => Some(12.0),
        Mark::Pm if t.hour < 12.0 && t.hour >= 1.0 => Some(t.hour + 12.0),
        Mark::Am | Mark::Pm => None,
        _ => (t.hour <= 24.0).then_some(t.hour),
    }
}

/// "between 5 and 9 pm", "17:00-21:00", "from noon to 6 pm".
fn hours(rest: &[Atom]) -> Option<(Vec<Item>, usize)> {
    let mut p = usize::from(matches!(rest[0], Atom::Between | Atom::From));
    let (from, n) = time(&rest[p..])?;
    p += n;
    let joint = rest.get(p);
    let joined = matches!(joint, Some(Atom::To)) || (matches!(rest[0], Atom::Between) && matches!(joint, Some(Atom::And)));
    if !joined {
        return None;
    }
    let (to, n) = time(&rest[p + 1..])?;
    p += 1 + n;
    if from.mark == Mark::None && to.mark == Mark::None {
        return None;
    }
    // "between 80 and 100 hours" is a length, "from 17 to 21 h" is not.
    if to.hour > 30.0 {
        return None;
    }
    let bad = |why: &str| Some((vec![Item::Bad(why.to_owned())], p));
    let from = if from.mark == Mark::None { Told { mark: to.mark, ..from } } else { from };
    let to = if to.mark == Mark::None { Told { mark: from.mark, ..to } } else { to };
    let (Some(a), Some(b)) = (hour(from), hour(to)) else { return bad("a day has 24 hours") };
    let shared = from.mark == to.mark;
    if a == b {
        return bad("the time begins where it ends");
    }
    if shared && matches!(from.mark, Mark::Pm | Mark::Am) && a > b {
        return bad("of two times with one am or pm the first must be the earlier");
    }
    let mut readings = vec![[a, b]];
    if shared && from.mark == Mark::OClock && a <= 12.0 && b <= 12.0 {
        readings.push([a + 12.0, b + 12.0]);
    }
    Some((vec![Item::Hours(readings)], p))
}

const LENGTHS: [u8; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

fn first_of(month: u8) -> String {
    format!("{month:02}-01")
}

fn last_of(month: u8) -> String {
    format!("{month:02}-{:02}", LENGTHS[usize::from(month) - 1])
}

/// A day of a month: "1 June", "June 1", "1st of June" has no number and is none.
fn date(rest: &[Atom]) -> Option<(u8, u8, usize)> {
    let (month, day, n) = match *rest {
        [Atom::Number(d), Atom::Of, Atom::Month(m), ..] => (m, d, 3),
        [Atom::Number(d), Atom::Month(m), ..] => (m, d, 2),
        [Atom::Month(m), Atom::Number(d), ..] => (m, d, 2),
        _ => return None,
    };
    (day.fract() == 0.0 && day >= 1.0 && day <= f64::from(LENGTHS[usize::from(month) - 1])).then_some((month, day as u8, n))
}

/// Parts of the year.
fn days(rest: &[Atom], before: Option<Atom>) -> Option<(Vec<Item>, usize)> {
    let led = matches!(rest[0], Atom::In | Atom::On | Atom::For | Atom::From | Atom::Between | Atom::Of | Atom::At);
    let p = usize::from(led);
    let joins = |a: Option<&Atom>| matches!(a, Some(Atom::To)) || (matches!(rest[0], Atom::Between) && matches!(a, Some(Atom::And)));
    let a = &rest[p..];
    let with_year = |mut items: Vec<Item>, mut n: usize| {
        let of = usize::from(matches!(rest.get(n), Some(Atom::In | Atom::Of | Atom::Break)));
        if let Some(y) = year(rest.get(n + of)).filter(|_| !matches!(rest.get(n + of + 1), Some(Atom::Unit(_) | Atom::Event(_)))) {
            items.push(Item::Year(y));
            n += of + 1;
        } else if let Some(word) = rest.get(n + of).filter(|a| matches!(a, Atom::LastYear | Atom::ThisYear)) {
            items.push(if *word == Atom::LastYear { Item::LastYear } else { Item::ThisYear });
            n += of + 1;
        }
        Some((items, n))
    };
    let day = |m: u8, d: u8| format!("{m:02}-{d:02}");
    if let Some((m, d, n)) = date(a) {
        if joins(a.get(n))
            && let Some((m2, d2, n2)) = date(&a[n + 1..])
        {
            return with_year(vec![Item::Days(day(m, d), day(m2, d2))], p + n + 1 + n2);
        }
        if !matches!(rest[0], Atom::From | Atom::Between) {
            return with_year(vec![Item::Days(day(m, d), day(m, d))], p + n);
        }
    }
    match *a {
        [Atom::Month(m), ref to, Atom::Month(m2), ..] if joins(Some(to)) => with_year(vec![Item::Days(first_of(m), last_of(m2))], p + 3),
        // "may" is a verb, too: alone it counts only behind "in", at the end, or before a year.
        [Atom::Month(5), ref rest_of_it @ ..]
            if !led && !rest_of_it.is_empty() && year(rest_of_it.first()).is_none() && !matches!(before, Some(Atom::In)) =>
        {
            None
        }
        // "july heat wave": its time cannot be chosen.
        [Atom::Month(_) | Atom::Season(..), Atom::Event(_), ..] => None,
        [Atom::Month(m), ..] if !matches!(rest[0], Atom::From | Atom::Between) => {
            with_year(vec![Item::Days(first_of(m), last_of(m))], p + 1)
        }
        [Atom::Season(m, m2), ..] if !matches!(rest[0], Atom::From | Atom::Between) => {
            with_year(vec![Item::Days(first_of(m), last_of(m2))], p + 1)
        }
        [Atom::Week(w), ..] => Some((vec![Item::Week(w)], p + 1)),
        [Atom::LastYear, ..] => Some((vec![Item::LastYear], p + 1)),
        [Atom::ThisYear, ..] => Some((vec![Item::ThisYear], p + 1)),
        [Atom::Year, ref y, ..] if year(Some(y)).is_some() => Some((vec![Item::Year(year(Some(y))?)], p + 2)),
        [ref y, ref next @ ..]
            if year(Some(y)).is_some()
                && !matches!(next.first(), Some(Atom::Unit(_) | Atom::Kind(..) | Atom::Event(_) | Atom::Customers(_))) =>
        {
            // Behind "above" it is a limit.
            (!matches!(before, Some(Atom::Relation(_) | Atom::Top | Atom::Extreme(_)))).then_some((vec![Item::Year(year(Some(y))?)], p + 1))
        }
        _ => None,
    }
}

/// "above 90 %", "between 80 and 100 %", "100 % or more".
fn limits(rest: &[Atom]) -> Option<(Vec<Item>, usize)> {
    let unit = |k: usize| match rest.get(k) {
        Some(Atom::Unit(u)) => (Some(*u), 1),
        _ => (None, 0),
    };
    match *rest {
        [Atom::Relation(r), Atom::Unit(Unit::Money), Atom::Number(x), ..] => Some((vec![Item::Filter(r, x, Some(Unit::Money))], 3)),
        // "more than 200 hours of overload": the unit is part of the measure's name.
        [Atom::Relation(r), Atom::Number(x), Atom::Measure(m), ..] if m.unit() == MeasureUnit::Hours => {
            Some((vec![Item::Filter(r, x, Some(Unit::Hour)), Item::Measure(m)], 3))
        }
        [Atom::Relation(r), Atom::Number(x), ..] => {
            let (u, n) = unit(2);
            Some((vec![Item::Filter(r, x, u)], 2 + n))
        }
        [Atom::Between, Atom::Number(a), ..] => {
            let (first, n) = unit(2);
            let [Atom::And | Atom::To, Atom::Number(b), ..] = rest[2 + n..] else { return None };
            let (second, m) = unit(2 + n + 2);
            let same = first.is_none() || first == second;
            let item = if same { Item::Range(a, b, second) } else { Item::Bad("the ends of a range have different units".to_owned()) };
            Some((vec![item], 4 + n + m))
        }
        [Atom::At, Atom::Number(_), ..] | [Atom::Number(_), ..] => {
            let at = usize::from(matches!(rest[0], Atom::At));
            let Atom::Number(x) = rest[at] else { return None };
            let (u, n) = unit(at + 1);
            let relation = match rest.get(at + 1 + n..)? {
                [Atom::Or | Atom::And, Atom::More | Atom::Relation(Relation::Above), ..] => Relation::AtLeast,
                [Atom::Or | Atom::And, Atom::Less | Atom::Relation(Relation::Below), ..] => Relation::AtMost,
                _ => return None,
            };
            Some((vec![Item::Filter(relation, x, u)], at + 1 + n + 2))
        }
        _ => None,
    }
}

fn whole(x: f64) -> Option<u32> {
    (x.fract() == 0.0 && (1.0..=10_000.0).contains(&x)).then_some(x as u32)
}

/// "the 3 worst", "top 10", "highest first", a budget.
fn ranks(rest: &[Atom]) -> Option<(Vec<Item>, usize)> {
    let extreme = |e: Extreme, next: Option<&Atom>| match next {
        Some(Atom::Measure(_) | Atom::Voltage | Atom::Violations) => Item::ExtremeOfMeasure(e),
        _ => Item::Extreme(e),
    };
    match *rest {
        [Atom::Top, Atom::Number(x), ..] => Some((vec![Item::Top, Item::Limit(whole(x)?)], 2)),
        [Atom::Number(x), Atom::Top, ..] => Some((vec![Item::Top, Item::Limit(whole(x)?)], 2)),
        [Atom::Extreme(e), Atom::Number(x), ref next, ..] if !matches!(next, Atom::Unit(_)) => {
            Some((vec![extreme(e, Some(next)), Item::Limit(whole(x)?)], 2))
        }
        [Atom::Number(x), Atom::Extreme(e), ..] => Some((vec![extreme(e, rest.get(2)), Item::Limit(whole(x)?)], 2)),
        [Atom::Number(x), Atom::Longest, ..] | [Atom::Longest, Atom::Number(x), ..] => {
            Some((vec![Item::Longest, Item::Limit(whole(x)?)], 2))
        }
        [Atom::Number(x), Atom::Cheapest, ..] => Some((vec![Item::Cheapest, Item::Limit(whole(x)?)], 2)),
        [Atom::Number(x), Atom::Kind(k, true), ..] => Some((vec![Item::Limit(whole(x)?), Item::Head(k, true)], 2)),
        [Atom::Extreme(e), Atom::First, ..] => Some((vec![Item::Extreme(e), Item::First], 2)),
        [Atom::Extreme(Extreme::Highest), Atom::Customers(None), ..] => Some((vec![Item::Extreme(Extreme::Highest), Item::Customers], 2)),
        [Atom::Extreme(e), ref after @ ..] => Some((vec![extreme(e, after.first())], 1)),
        [Atom::Budget, ref after @ ..] => {
            let skip = after.iter().take_while(|a| matches!(a, Atom::Of)).count();
            match after[skip..] {
                [Atom::Unit(Unit::Money), Atom::Number(x), ..] | [Atom::Number(x), Atom::Unit(Unit::Money), ..] => {
                    Some((vec![Item::Budget(x)], 1 + skip + 2))
                }
                [Atom::Number(_), Atom::Unit(_), ..] => None,
                [Atom::Number(x), ..] => Some((vec![Item::Budget(x)], 1 + skip + 1)),
                _ => None,
            }
        }
        [Atom::Unit(Unit::Money), Atom::Number(x), Atom::Budget, ..] | [Atom::Number(x), Atom::Unit(Unit::Money), Atom::Budget, ..] => {
            Some((vec![Item::Budget(x)], 3))
        }
        [Atom::Per | Atom::By, Atom::Kind(k, _), ..] => Some((vec![Item::Per(k)], 2)),
        [Atom::For | Atom::On | Atom::In | Atom::At | Atom::Of, Atom::Per, Atom::Kind(k, _), ..] => Some((vec![Item::Per(k)], 3)),
        // "which feeder has", "transformers with".
        [Atom::Kind(k, plural), Atom::With | Atom::Own, ..] => Some((vec![Item::Head(k, plural), Item::With], 2)),
        [Atom::Kind(k, plural), Atom::Element(e), ..] => {
            let _ = plural;
            Some((vec![Item::Head(k, false), Item::Element(e)], 2))
        }
        [Atom::LosesMost, ..] => Some((vec![Item::Extreme(Extreme::Highest), Item::Measure(Measure::LossesKwh)], 1)),
        // "can feeder 12 host 2 MW": so much at least.
        [Atom::Host, Atom::Number(x), Atom::Unit(u), ..] => Some((vec![Item::Host, Item::Filter(Relation::AtLeast, x, Some(u))], 3)),
        [Atom::Kind(Kind::Feeder, _), Atom::Feeder(f), ..] => Some((vec![Item::Feeder(f)], 2)),
        _ => None,
    }
}

fn single(rest: &[Atom]) -> Option<(Vec<Item>, usize)> {
    let item = match rest[0] {
        Atom::Charger(_) => {
            let (c, n) = charger(rest)?;
            return Some((vec![Item::Charger(c)], n));
        }
        Atom::At | Atom::With | Atom::On if rest.get(1).is_some_and(|a| matches!(a, Atom::Charger(_))) => {
            let (c, n) = charger(&rest[1..])?;
            return Some((vec![Item::Charger(c)], n + 1));
        }
        Atom::Charge if rest.get(1).is_some_and(|a| matches!(a, Atom::At | Atom::With | Atom::On)) => {
            let (c, n) = charger(&rest[2..])?;
            return Some((vec![Item::Charger(c)], n + 2));
        }
        Atom::Kind(k, plural) => Item::Head(k, plural),
        Atom::Measure(m) => Item::Measure(m),
        Atom::Voltage => Item::Voltage,
        Atom::Overloaded => Item::Overloaded,
        Atom::Violations => Item::Violations,
        Atom::Feeder(i) => Item::Feeder(i),
        Atom::Choice(i) => Item::Choice(i),
        Atom::Element(i) => Item::Element(i),
        Atom::Study(i) => Item::Study(i),
        Atom::Compare | Atom::Versus | Atom::Against => Item::Compare,
        Atom::HowMany => Item::Count,
        Atom::HowLong => Item::HowLong,
        Atom::Sum => Item::Sum,
        Atom::Mean => Item::Mean,
        Atom::Lose => Item::Outage(false),
        Atom::Outage(plural) => Item::Outage(plural),
        Atom::Hits => Item::Hits,
        Atom::Fix(plural) => Item::Fix(plural),
        Atom::Mitigate => Item::Mitigate,
        Atom::Cheapest => Item::Cheapest,
        Atom::Host => Item::Host,
        Atom::HowMuch => Item::HowMuch,
        Atom::Tech(t) => Item::Tech(t),
        Atom::ChargerNoun => Item::ChargerNoun,
        Atom::Unit(u) => Item::InUnit(u),
        Atom::Longest => Item::Longest,
        Atom::First => Item::First,
        Atom::Rank => Item::Rank,
        Atom::WhatIf => Item::WhatIf,
        Atom::Own | Atom::With if matches!(rest.get(1), Some(Atom::Measure(_) | Atom::Overloaded | Atom::Violations)) => Item::With,
        _ => return None,
    };
    Some((vec![item], 1))
}
