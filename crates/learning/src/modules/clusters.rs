//! Where violations lie together ([`crate::spatial`]): groups on the map by feeder and kind, and whether chance would have made them.

use super::common::{SEED, partial};
use crate::module::{
    About, Answer, Figure, Frame, Input, InputKind, Model, Module, Question, Refused, Setting, SettingKind, Settings, Wanted, number, text,
    unfit_for,
};
use crate::spatial::{Place, Spatial, SpatialOptions, Verdict, project, spatial};
use network::Diagnostic;
use std::collections::{BTreeMap, HashMap};
use studies::table::{self, Column, Table, Value};

/// See the file's header.
pub struct ViolationClusters;

/// Among more places the usual reach, which looks at all pairs, would take minutes.
const MOST_PLACES: usize = 20_000;

const X: Wanted = number("x_m", "m", "place east, in a projection in metres").also(&["x"]).optional();
const Y: Wanted = number("y_m", "m", "place north").also(&["y"]).optional();
const LON: Wanted = number("longitude", "deg", "longitude, instead of x_m").also(&["lon", "longitude_deg"]).optional();
const LAT: Wanted = number("latitude", "deg", "latitude, instead of y_m").also(&["lat", "latitude_deg"]).optional();

static ABOUT: About = About {
    id: "violation-clusters",
    title: "Where violations lie together",
    question: "Which violations lie together, and has each feeder one cause to look for or single ones?",
    method: "DBSCAN (Ester and others 1996) on metres; mean nearest distance against draws of the feeder's own elements (Phipson and Smyth 2010)",
    inputs: &[
        Input {
            name: "violations",
            meaning: "elements in violation with their places; rows of severity 0 are elements without one",
            kind: InputKind::Table {
                columns: &[
                    text("element", "bus, line or transformer").also(&["bus"]),
                    text("kind", "kind of violation, such as low voltage; each kind is looked at alone").optional(),
                    number("severity", "", "how much, such as hours; 1 if left out; rows of one element and kind add up")
                        .also(&["hours"])
                        .optional(),
                    text("feeder", "feeder; each is looked at alone").optional(),
                    X,
                    Y,
                    LON,
                    LAT,
                ],
                others: "",
            },
            needed_to_fit: true,
            needed_to_apply: true,
        },
        Input {
            name: "places",
            meaning: "all elements of the feeders with their places, in violation or not: what violations are held against",
            kind: InputKind::Table {
                columns: &[text("element", "bus, line or transformer").also(&["bus"]), text("feeder", "feeder").optional(), X, Y, LON, LAT],
                others: "",
            },
            needed_to_fit: false,
            needed_to_apply: false,
        },
    ],
    settings: &[
        Setting {
            name: "reach_m",
            kind: SettingKind::Number { low: 0.1, high: 1e6 },
            default: None,
            unit: "m",
            meaning: "how near elements of one group are; half as much again as the usual distance of the feeder's own elements unless told",
        },
        Setting {
            name: "least",
            kind: SettingKind::Count { low: 2, high: 1000 },
            default: Some("3"),
            unit: "",
            meaning: "violations within reach of each other that make a group",
        },
        Setting {
            name: "draws",
            kind: SettingKind::Count { low: 19, high: 100_000 },
            default: Some("999"),
            unit: "",
            meaning: "draws of the test",
        },
        Setting {
            name: "level",
            kind: SettingKind::Number { low: 0.001, high: 0.5 },
            default: Some("0.05"),
            unit: "",
            meaning: "largest probability by chance of what is called systemic",
        },
        Setting {
            name: "by_kind",
            kind: SettingKind::Flag,
            default: Some("true"),
            unit: "",
            meaning: "whether each kind is looked at alone",
        },
        SEED,
    ],
    keeps: false,
    page: "learning-modules-tables",
};

/// Places of a table's rows as they were given; none for a row without.
struct Map {
    xy: Vec<Option<(f64, f64)>>,
    degrees: bool,
}

impl Map {
    /// # Errors
    /// One of two coordinates alone, degrees beyond the globe. A table without any gives a map without places.
    fn of(input: &str, frame: &Frame) -> Result<Self, Refused> {
        let both = |a: &str, b: &str| frame.maybe_number(a).zip(frame.maybe_number(b));
        let (pair, degrees) = match (both("x_m", "y_m"), both("longitude", "latitude")) {
            (Some(p), _) => (Some(p), false),
            (None, Some(p)) => (Some(p), true),
            (None, None) => (None, false),
        };
        let Some((x, y)) = pair else {
            let alone = ["x_m", "y_m", "longitude", "latitude"].into_iter().find(|n| frame.maybe_number(n).is_some());
            return match alone {
                Some(name) => Err(unfit_for(input, &format!("there is {name} without its other coordinate"))),
                None => Ok(Self { xy: vec![None; frame.rows()], degrees: false }),
            };
        };
        if degrees && let Some(row) = (0..frame.rows()).find(|&i| x[i].abs() > 180.0 || y[i].abs() > 90.0) {
            return Err(unfit_for(input, &format!("longitude {} and latitude {} of row {row} are no degrees", x[row], y[row])));
        }
        let one = |(x, y): (&f64, &f64)| Some((*x, *y)).filter(|p| p.0.is_finite() && p.1.is_finite());
        Ok(Self { xy: x.iter().zip(y).map(one).collect(), degrees })
    }
}

/// An element with its place and what it violates.
struct Element {
    name: String,
    at: (f64, f64),
    severity: BTreeMap<String, f64>,
}

/// Elements by feeder, and whether those without violations are among them.
struct Feeders {
    of: BTreeMap<String, Vec<Element>>,
    degrees: bool,
    tested: bool,
    notes: Vec<Diagnostic>,
}

impl Feeders {
    fn read(question: &Question<'_>, by_kind: bool) -> Result<Self, Refused> {
        let violations = question.table("violations");
        let places = question.tables.get("places");
        let mut refused = Refused::new();
        let mut read = |name: &str, frame: Option<&Frame>| match frame.map(|f| Map::of(name, f)) {
            Some(Ok(map)) => Some(map),
            Some(Err(e)) => {
                refused.extend(e);
                None
            }
            None => None,
        };
        let (own, all) = (read("violations", Some(violations)), read("places", places));
        if violations.rows() == 0 {
            refused.extend(unfit_for("violations", &"there are no rows"));
        }
        let severity = violations.maybe_number("severity");
        if let Some(s) = severity
            && let Some(row) = (0..s.len()).find(|&i| !(s[i].is_finite() && s[i] >= 0.0))
        {
            refused.extend(unfit_for("violations", &format!("the severity of row {row} is {}; give its size, zero or more", s[row])));
        }
        let (Some(own), true) = (own, refused.is_empty()) else { return Err(refused) };
        let degrees = all.as_ref().map_or(own.degrees, |a| a.degrees);
        if all.is_some() && own.xy.iter().any(Option::is_some) && own.degrees != degrees {
            return Err(unfit_for("violations", &"its places are in other coordinates than those of places; leave them out there"));
        }
        let feeder = |frame: &Frame, row: usize| frame.maybe_text("feeder").map_or("", |f| f[row].as_str()).to_owned();
        // Where one table names feeders and the other does not, the places decide.
        let names_feeders = |frame: &Frame| frame.maybe_text("feeder").is_some();
        let own_feeder: Option<HashMap<&str, String>> = places
            .filter(|p| names_feeders(p) != names_feeders(violations))
            .map(|p| p.text("element").iter().enumerate().map(|(row, name)| (name.as_str(), feeder(p, row))).collect());
        let mut of: BTreeMap<String, Vec<Element>> = BTreeMap::new();
        let mut place: HashMap<(String, String), usize> = HashMap::new();
        let mut without = 0;
        if let (Some(frame), Some(map)) = (places, &all) {
            for (row, name) in frame.text("element").iter().enumerate() {
                let Some(at) = map.xy[row] else {
                    without += 1;
                    continue;
                };
                let list = of.entry(feeder(frame, row)).or_default();
                if place.insert((feeder(frame, row), name.clone()), list.len()).is_none() {
                    list.push(Element { name: name.clone(), at, severity: BTreeMap::new() });
                } else {
                    return Err(unfit_for("places", &format!("element \"{name}\" is there twice; keep one row for each")));
                }
            }
        }
        let mut lost = Vec::new();
        let mut quiet = 0;
        for (row, name) in violations.text("element").iter().enumerate() {
            let of_feeder = match &own_feeder {
                Some(known) => known.get(name.as_str()).cloned().unwrap_or_default(),
                None => feeder(violations, row),
            };
            let key = (of_feeder.clone(), name.clone());
            let at = match (place.get(&key), own.xy[row]) {
                (Some(&k), _) => k,
                // An element that is not among the feeder's own cannot be held against them.
                (None, Some(at)) if all.is_none() => {
                    let list = of.entry(of_feeder.clone()).or_default();
                    list.push(Element { name: name.clone(), at, severity: BTreeMap::new() });
                    place.insert(key, list.len() - 1);
                    list.len() - 1
                }
                _ => {
                    lost.push(name.as_str());
                    continue;
                }
            };
            let size = severity.map_or(1.0, |s| s[row]);
            quiet += usize::from(size == 0.0);
            let kind = violations.maybe_text("kind").filter(|_| by_kind).map_or("", |k| k[row].as_str());
            if size > 0.0 {
                *of.get_mut(&of_feeder).expect("just found")[at].severity.entry(kind.to_owned()).or_default() += size;
            }
        }
        let mut notes = Vec::new();
        if !lost.is_empty() {
            let what = format!("{} of {} rows have no place and are left out", lost.len(), violations.rows());
            notes.push(partial(
                what,
                format!("Such as {}.", lost[..lost.len().min(5)].join(", ")),
                "Give coordinates, or the element in places.",
            ));
        }
        if without > 0 {
            notes.push(partial(
                format!("{without} rows of places have no coordinates and are left out"),
                "They are in no draw.",
                "Give coordinates.",
            ));
        }
        Ok(Self { of, degrees, tested: all.is_some() || quiet > 0, notes })
    }
}

impl Module for ViolationClusters {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn fit(&self, question: &Question<'_>) -> Result<Answer, Refused> {
        let s = question.settings;
        let mut feeders = Feeders::read(question, s.flag("by_kind"))?;
        if !feeders.tested && s.maybe_number("reach_m").is_none() {
            return Err(unfit_for(
                "violations",
                &"only elements in violation are known, so that nothing tells how near elements usually are; give all elements as places, or reach_m",
            ));
        }
        let mut found: Vec<Found> = Vec::new();
        let mut refused = Refused::new();
        for (feeder, elements) in &feeders.of {
            let mut kinds: Vec<&String> = elements.iter().flat_map(|e| e.severity.keys()).collect();
            kinds.sort();
            kinds.dedup();
            if elements.len() > MOST_PLACES && s.maybe_number("reach_m").is_none() {
                let why = format!("feeder \"{feeder}\" has {} elements, beyond {MOST_PLACES} reach_m has to be given", elements.len());
                refused.extend(unfit_for("violations", &why));
                continue;
            }
            let given: Vec<(f64, f64)> = elements.iter().map(|e| e.at).collect();
            let metres = if feeders.degrees { project(&given) } else { given };
            for kind in kinds {
                let place = |(e, m): (&Element, &(f64, f64))| Place {
                    bus: e.name.clone(),
                    x_m: m.0,
                    y_m: m.1,
                    hours: e.severity.get(kind).copied().unwrap_or(0.0),
                };
                let places: Vec<Place> = elements.iter().zip(&metres).map(place).collect();
                match spatial(&places, &options(s)) {
                    Ok(answer) => found.push(Found { feeder: feeder.clone(), kind: kind.clone(), places, answer }),
                    Err(why) => refused.extend(unfit_for(&format!("violations of feeder \"{feeder}\""), &why)),
                }
            }
        }
        if !refused.is_empty() {
            return Err(refused);
        }
        if !feeders.tested {
            let what = "only elements in violation are known: whether chance made the groups is not told".to_owned();
            feeders.notes.push(partial(what, "Groups are those of the reach that was given.", "Give all elements as places=FILE."));
        }
        Ok(answer(&feeders, &found))
    }

    fn apply(&self, _: &Model, question: &Question<'_>) -> Result<Answer, Refused> {
        self.fit(question)
    }
}

fn options(s: &Settings) -> SpatialOptions {
    SpatialOptions {
        reach_m: s.maybe_number("reach_m"),
        least: s.count("least"),
        draws: s.count("draws") as u32,
        level: s.number("level"),
        seed: s.count("seed") as u64,
    }
}

/// What was found of one feeder and kind.
struct Found {
    feeder: String,
    kind: String,
    places: Vec<Place>,
    answer: Spatial,
}

impl Found {
    fn verdict(&self, tested: bool) -> &'static str {
        match (self.answer.verdict, tested) {
            (Verdict::Isolated, _) => "isolated",
            (_, false) => "untested",
            (Verdict::Systemic, true) => "systemic",
            (Verdict::Undecided, true) => "undecided",
        }
    }

    /// The verdict's reason in a sentence.
    fn reason(&self, tested: bool) -> String {
        let a = &self.answer;
        let bad = self.places.iter().filter(|p| p.hours > 0.0).count();
        let near = a.nearest_m.map_or_else(String::new, |d| format!("{bad} violations lie {d:.0} m from the next on average"));
        let drawn = match (a.p, a.drawn_m) {
            (Some(p), Some(m)) => format!(
                ", as many of the feeder's {} elements by chance {m:.0} m (as near in {:.1} % of draws)",
                self.places.len(),
                100.0 * p
            ),
            _ => String::new(),
        };
        match self.verdict(tested) {
            "isolated" if bad == 1 => "It is the only one of its kind.".into(),
            "isolated" => format!("No group within {:.0} m of each other: {near}{drawn}. Mend each by itself.", a.reach_m),
            "systemic" if a.p.is_none() => format!("All {bad} elements of the feeder are in violation. Look for one cause at its head."),
            "systemic" => format!("{near}{drawn}. Look for one cause of each group."),
            "undecided" => format!("A group was found, but {near}{drawn}. Chance may have made it."),
            _ => format!("{near}; whether chance made the groups is not known."),
        }
    }
}

const VERDICTS: &[Column] = &[
    table::text("feeder", "feeder, where known"),
    table::text("kind", "kind of violation, where known"),
    table::text("verdict", "systemic, isolated, undecided; untested where only elements in violation are known"),
    table::text("reason", "why"),
    table::count("violations", "elements in violation"),
    table::count("elements", "elements that they are held against, themselves included"),
    table::count("groups", "groups"),
    table::count("alone", "violations in no group"),
    table::number("p", "", "probability that chance puts as many elements as near; empty where it was not tested"),
    table::number("nearest_m", "m", "mean distance of a violation to the next"),
    table::number("drawn_m", "m", "the same of elements drawn by chance"),
    table::number("reach_m", "m", "how near elements of one group are"),
];

const GROUPS: &[Column] = &[
    table::text("feeder", "feeder, where known"),
    table::text("kind", "kind of violation, where known"),
    table::count("group", "number of the group within its feeder and kind, the gravest first"),
    table::count("violations", "elements of it"),
    table::number("severity", "", "sum of its severities"),
    table::number("x", "", "mean place: x_m, or longitude"),
    table::number("y", "", "mean place: y_m, or latitude"),
    table::number("radius_m", "m", "farthest element from there"),
    table::text("elements", "its elements, the gravest first"),
];

const MEMBERS: &[Column] = &[
    table::text("element", "element in violation"),
    table::text("feeder", "feeder, where known"),
    table::text("kind", "kind of violation, where known"),
    table::count("group", "its group; empty for one that lies alone"),
    table::number("severity", "", "severity"),
];

fn answer(feeders: &Feeders, found: &[Found]) -> Answer {
    let (mut verdicts, mut groups, mut members) = (Vec::new(), Vec::new(), Vec::new());
    for f in found {
        let a = &f.answer;
        let own = || [Value::text(f.feeder.as_str()), Value::text(f.kind.as_str())];
        let bad = f.places.iter().filter(|p| p.hours > 0.0).count();
        let mut cells = own().to_vec();
        cells.extend([Value::text(f.verdict(feeders.tested)), Value::text(f.reason(feeders.tested))]);
        cells.extend([bad, f.places.len(), a.groups.len(), a.alone.len()].map(|n| Value::Count(n as u64)));
        let drawn = |v: Option<f64>| Value::maybe(v.filter(|_| feeders.tested));
        cells.extend([drawn(a.p), Value::maybe(a.nearest_m), drawn(a.drawn_m), Value::Number(a.reach_m)]);
        verdicts.push(cells);
        let at = |i: usize| feeders.of[&f.feeder][i].at;
        for (k, g) in a.groups.iter().enumerate() {
            let mut order = g.members.clone();
            order.sort_by(|&x, &y| f.places[y].hours.total_cmp(&f.places[x].hours).then(x.cmp(&y)));
            let n = order.len() as f64;
            let (x, y) = order.iter().fold((0.0, 0.0), |s, &i| (s.0 + at(i).0 / n, s.1 + at(i).1 / n));
            let names: Vec<&str> = order.iter().map(|&i| f.places[i].bus.as_str()).collect();
            let mut cells = own().to_vec();
            cells.extend([Value::Count(k as u64 + 1), Value::Count(order.len() as u64)]);
            cells.extend([g.hours, x, y, g.radius_m].map(Value::Number));
            cells.push(Value::text(names.join(", ")));
            groups.push(cells);
        }
        for i in (0..f.places.len()).filter(|&i| f.places[i].hours > 0.0) {
            let group = a.groups.iter().position(|g| g.members.contains(&i)).map_or(Value::Empty, |k| Value::Count(k as u64 + 1));
            let [feeder, kind] = own();
            members.push(vec![Value::text(f.places[i].bus.as_str()), feeder, kind, group, Value::Number(f.places[i].hours)]);
        }
    }
    let of = |word: &str| found.iter().filter(|f| f.verdict(feeders.tested) == word).count();
    let headline = if found.is_empty() {
        "There is no violation.".into()
    } else {
        format!(
            "{} groups of violations; of {} feeders and kinds {} are systemic, {} isolated, {} undecided, {} untested.",
            groups.len(),
            found.len(),
            of("systemic"),
            of("isolated"),
            of("undecided"),
            of("untested")
        )
    };
    let figures = vec![
        Figure { name: "groups", unit: "", value: groups.len() as f64, meaning: "groups of violations" },
        Figure {
            name: "systemic",
            unit: "",
            value: of("systemic") as f64,
            meaning: "feeders and kinds with violations together beyond chance",
        },
        Figure { name: "isolated", unit: "", value: of("isolated") as f64, meaning: "feeders and kinds without a group" },
    ];
    let tables = vec![
        Table { name: "verdicts", meaning: "each feeder and kind: one cause, or single violations", columns: VERDICTS, rows: verdicts },
        Table { name: "groups", meaning: "violations that lie together", columns: GROUPS, rows: groups },
        Table { name: "members", meaning: "violations with their group", columns: MEMBERS, rows: members },
    ];
    Answer { headline, figures, tables, notes: feeders.notes.clone(), model: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::module::Values;
    use crate::modules::common::tests::{fitted, frame};
    use crate::modules::rows::tests::column;
    use proptest::prelude::*;
    use studies::synthetic::random::Random;

    type Columns = Vec<(&'static str, Values)>;

    /// A street grid of 20 by 20 elements, 50 m apart; a block of low voltage, overloads far from each other.
    fn town() -> (Columns, Columns) {
        let name = |i: usize, j: usize| format!("b{i}_{j}");
        let all: Vec<(usize, usize)> = (0..400).map(|k| (k % 20, k / 20)).collect();
        let places = vec![
            ("element", Values::Text(all.iter().map(|p| name(p.0, p.1)).collect())),
            ("x_m", Values::Number(all.iter().map(|p| 50.0 * p.0 as f64).collect())),
            ("y_m", Values::Number(all.iter().map(|p| 50.0 * p.1 as f64).collect())),
        ];
        let low = |p: &&(usize, usize)| (3..6).contains(&p.0) && (4..8).contains(&p.1);
        let over = |p: &&(usize, usize)| p.0 % 6 == 1 && p.1 % 6 == 1;
        let (mut element, mut kind) = (Vec::new(), Vec::new());
        for (word, chosen) in [("low voltage", all.iter().filter(low).collect::<Vec<_>>()), ("overload", all.iter().filter(over).collect())]
        {
            element.extend(chosen.iter().map(|p| name(p.0, p.1)));
            kind.extend(vec![word.to_owned(); chosen.len()]);
        }
        let severity = Values::Number(vec![10.0; element.len()]);
        (vec![("element", Values::Text(element)), ("kind", Values::Text(kind)), ("severity", severity)], places)
    }

    fn tables(violations: Vec<(&str, Values)>, places: Option<Vec<(&str, Values)>>) -> Vec<(&'static str, Frame)> {
        let mut all = vec![("violations", frame(&ABOUT, "violations", violations))];
        all.extend(places.map(|p| ("places", frame(&ABOUT, "places", p))));
        all
    }

    #[test]
    fn a_block_is_systemic_and_spread_ones_are_isolated() {
        let (violations, places) = town();
        let answer = fitted(&ViolationClusters, tables(violations, Some(places)), &[]).unwrap();
        println!("{}", answer.headline);
        column(&answer, "verdicts", "reason").iter().for_each(|r| println!("{r:?}"));
        let words: Vec<_> = column(&answer, "verdicts", "verdict").into_iter().cloned().collect();
        assert_eq!(words, [Value::Text("systemic".into()), Value::Text("isolated".into())]);
        assert_eq!(*column(&answer, "verdicts", "p")[0], Value::Number(0.001));
        assert_eq!(answer.tables[1].rows.len(), 1);
        let cell = |name: &str| column(&answer, "groups", name)[0].clone();
        assert_eq!(
            (cell("violations"), cell("severity"), cell("x"), cell("y")),
            (Value::Count(12), Value::Number(120.0), Value::Number(200.0), Value::Number(275.0))
        );
        assert_eq!(answer.tables[2].rows.len(), 12 + 16);
        assert!(answer.notes.is_empty() && answer.model.is_none());
    }

    /// The same town in degrees at 60 north is the same town.
    #[test]
    fn degrees_give_the_same_groups() {
        let (violations, mut places) = town();
        let metre = 1.0 / 111_195.08;
        for (name, column) in &mut places[1..] {
            let Values::Number(v) = column else { unreachable!() };
            let (new, from, scale) = if *name == "x_m" { ("longitude", 10.0, metre / 0.5) } else { ("latitude", 60.0, metre) };
            *name = new;
            v.iter_mut().for_each(|m| *m = from + *m * scale);
        }
        let answer = fitted(&ViolationClusters, tables(violations, Some(places)), &[]).unwrap();
        let words: Vec<_> = column(&answer, "verdicts", "verdict").into_iter().cloned().collect();
        assert_eq!(words, [Value::Text("systemic".into()), Value::Text("isolated".into())]);
        assert!(matches!(column(&answer, "verdicts", "nearest_m")[0], Value::Number(m) if (m - 50.0).abs() < 0.2));
        assert!(matches!(column(&answer, "groups", "x")[0], Value::Number(x) if (x - 10.0 - 200.0 * metre / 0.5).abs() < 1e-9));
    }

    /// Feeders that only the places name are the feeders of the violations.
    #[test]
    fn feeders_are_found_by_the_places() {
        let (violations, mut places) = town();
        places.push(("feeder", Values::Text((0..400).map(|k| if k % 20 < 10 { "west" } else { "east" }.to_owned()).collect())));
        let answer = fitted(&ViolationClusters, tables(violations, Some(places)), &[]).unwrap();
        let feeders: Vec<_> = column(&answer, "verdicts", "feeder").into_iter().cloned().collect();
        assert_eq!(feeders, ["east", "west", "west"].map(|f| Value::Text(f.into())));
        assert!(answer.notes.is_empty());
    }

    /// Without the others there is no verdict by chance, and no reach that could be told.
    #[test]
    fn violations_alone_are_grouped_but_not_tested() {
        let (mut violations, places) = town();
        let Values::Text(names) = &violations[0].1 else { unreachable!() };
        let Values::Text(all) = &places[0].1 else { unreachable!() };
        let rows: Vec<usize> = names.iter().map(|n| all.iter().position(|a| a == n).unwrap()).collect();
        for (name, column) in &places[1..] {
            let Values::Number(v) = column else { unreachable!() };
            violations.push((name, Values::Number(rows.iter().map(|&i| v[i]).collect())));
        }
        let refused = fitted(&ViolationClusters, tables(violations.clone(), None), &[]).unwrap_err();
        assert!(refused[0].detail.as_ref().unwrap().contains("or reach_m"), "{refused:?}");
        let answer = fitted(&ViolationClusters, tables(violations, None), &[("reach_m", "75")]).unwrap();
        assert_eq!(*column(&answer, "verdicts", "verdict")[0], Value::Text("untested".into()));
        assert_eq!(*column(&answer, "verdicts", "p")[0], Value::Empty);
        assert_eq!(answer.notes[0].code, "LEARN.DATA.PARTIAL");
    }

    #[test]
    fn lost_elements_are_told_and_impossible_ones_refused() {
        let (mut violations, places) = town();
        let Values::Text(names) = &mut violations[0].1 else { unreachable!() };
        names[0] = "nowhere".into();
        let answer = fitted(&ViolationClusters, tables(violations.clone(), Some(places.clone())), &[]).unwrap();
        assert!(answer.notes[0].message.contains("1 of 28 rows have no place"), "{:?}", answer.notes);
        let Values::Number(size) = &mut violations[2].1 else { unreachable!() };
        size[3] = -2.0;
        let mut half = places;
        half.remove(2);
        let refused = fitted(&ViolationClusters, tables(violations, Some(half)), &[]).unwrap_err();
        assert_eq!(refused.len(), 2, "{refused:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(80))]
        #[test]
        fn odd_tables_end_in_an_answer_or_a_refusal(rows in 0usize..60, seed in 0u64..1000, odd in 0u8..6, degrees: bool, reach: bool) {
            let mut r = Random::new(seed, 0, 0);
            let value = |r: &mut Random| match odd {
                1 if r.chance(0.3) => f64::NAN,
                2 if r.chance(0.05) => f64::INFINITY,
                3 => 1.0,
                4 => 1e300 * r.normal(),
                _ => 50.0 * r.normal(),
            };
            let [x, y] = if degrees { ["longitude", "latitude"] } else { ["x_m", "y_m"] };
            let columns = vec![
                ("element", Values::Text((0..rows).map(|i| format!("e{}", if odd == 5 { i / 2 } else { i })).collect())),
                ("severity", Values::Number((0..rows).map(|_| if r.chance(0.5) { 0.0 } else { 1.0 }).collect())),
                (x, Values::Number((0..rows).map(|_| value(&mut r)).collect())),
                (y, Values::Number((0..rows).map(|_| value(&mut r)).collect())),
            ];
            let told: &[(&str, &str)] = if reach { &[("reach_m", "10"), ("draws", "19")] } else { &[("draws", "19")] };
            if let Ok(answer) = fitted(&ViolationClusters, tables(columns, None), told) {
                prop_assert!(answer.tables[2].rows.len() <= rows);
            }
        }
    }
}
