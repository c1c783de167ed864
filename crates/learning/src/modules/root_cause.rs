//! From symptoms to ranked causes ([`crate::causes`]): what stands where in the network, which features and past events speak for what.

use crate::causes::{
    CAUSES, Candidate, Hypothesis, PastEvent, QUANTITIES, Ranking, Rates, Symptom, mean_shares, quantity_of, rank, symptom_kinds,
};
use crate::module::{
    About, Answer, Figure, Frame, Input, InputKind, Model, Module, Question, Refused, Setting, SettingKind, number, text, time, unfit_for,
};
use network::{BusId, Diagnostic, ElementId, ElementKind, Graph, Network};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use studies::table::{self, Column, Table, Value};

/// See the file's header.
pub struct RootCause;

static ABOUT: About = About {
    id: "root-cause",
    title: "Root cause",
    question: "Which fault explains the anomalies seen best, how sure is that, and what should be done?",
    method: "Bayes' rule over causes at elements: topology (what loses its supply), feature contributions, past events by a kernel",
    inputs: &[
        Input {
            name: "symptoms",
            meaning: "anomalies that belong together, a row each",
            kind: InputKind::Table {
                columns: &[
                    time("time", "when it was seen"),
                    text("element", "element as class.name, or bus, at which it was seen"),
                    text("kind", "voltage, unbalance, temperature, thd, power_factor or health"),
                    number("score", "", "how sure the detector is, 0 to 1; 1 where left out").optional().also(&["probability"]),
                ],
                others: "contributions of features to the score, by the words in their names: voltage, unbalance, temperature, thd, power_factor, load, health",
            },
            needed_to_fit: true,
            needed_to_apply: true,
        },
        Input {
            name: "network",
            meaning: "the network in which they were seen",
            kind: InputKind::Network,
            needed_to_fit: true,
            needed_to_apply: true,
        },
        Input {
            name: "monitored",
            meaning: "what is watched and would have shown a symptom; without it all elements of the classes that show one",
            kind: InputKind::Table {
                columns: &[
                    text("element", "element as class.name, or bus"),
                    text("kind", "kind of symptom that would be seen there; every kind that was seen, where left out").optional(),
                ],
                others: "",
            },
            needed_to_fit: false,
            needed_to_apply: false,
        },
        Input {
            name: "events",
            meaning: "past events whose cause is known, a row a symptom",
            kind: InputKind::Table {
                columns: &[
                    text("event", "name of the event"),
                    text("cause", "its cause, as this module names causes"),
                    text("kind", "kind of the symptom"),
                    number("score", "", "as in symptoms").optional(),
                ],
                others: "contributions of features, as in symptoms",
            },
            needed_to_fit: false,
            needed_to_apply: false,
        },
    ],
    settings: &[
        rate("detection", 0.05, 0.999, "0.8", "probability that a watched place shows a symptom of a cause that reaches it"),
        rate("false_alarm", 0.000_01, 0.5, "0.02", "probability that a watched place shows one otherwise"),
        rate("unknown_share", 0.001, 0.9, "0.1", "probability, before any data, that there is no common cause of a known kind"),
        rate("enough", 0.3, 0.99, "0.5", "probability that the first hypothesis must have for an answer"),
        rate("covers", 0.0, 1.0, "0.5", "share of the symptoms, by their scores, that it must explain more than for an answer"),
        Setting {
            name: "window_h",
            kind: SettingKind::Number { low: 0.01, high: 8784.0 },
            default: Some("24"),
            unit: "h",
            meaning: "symptoms that came longer than this before the last are left out",
        },
        Setting {
            name: "top",
            kind: SettingKind::Count { low: 1, high: 1000 },
            default: Some("10"),
            unit: "",
            meaning: "hypotheses in the table",
        },
    ],
    keeps: false,
    page: "learning-modules-network",
};

const fn rate(name: &'static str, low: f64, high: f64, default: &'static str, meaning: &'static str) -> Setting {
    Setting { name, kind: SettingKind::Number { low, high }, default: Some(default), unit: "", meaning }
}

const HYPOTHESES: &[Column] = &[
    table::count("rank", "from the most probable"),
    table::text("cause", "kind of cause"),
    table::text("element", "where; the first of those that the symptoms do not tell apart"),
    table::text("or", "the others of them"),
    table::number("probability", "", "by Bayes' rule over all hypotheses and that of no common cause"),
    table::text("confidence", "high from 0.9, medium from 0.7, low from what is enough; else not enough data"),
    table::count("explained", "symptoms that it explains"),
    table::count("unexplained", "symptoms that it does not"),
    table::count("contradicting", "watched places that should show a symptom and do not"),
    table::text("actions", "what to do"),
];

const EVIDENCE: &[Column] = &[
    table::count("rank", "of the hypothesis"),
    table::text("source", "prior, topology, features, past events"),
    table::number("log_odds", "", "natural logarithm of the odds that it gives, against no common cause"),
    table::text("evidence", "in words"),
];

const SIMILAR: &[Column] = &[
    table::text("event", "name"),
    table::text("cause", "its cause"),
    table::number("distance", "", "0 for the same symptoms, 1 for nothing in common"),
];

/// What can show a symptom: an element or a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    Element(ElementId),
    Bus(BusId),
}

/// The network with what hangs below what.
struct Map<'a> {
    network: &'a Network,
    graph: Graph,
    roots: Vec<BusId>,
    names: HashMap<String, ElementId>,
}

impl<'a> Map<'a> {
    fn new(network: &'a Network) -> Self {
        let names = network.order.iter().map(|&id| (network.full_name(id).to_lowercase(), id)).collect();
        Self { network, graph: Graph::new(network), roots: network.supply_buses(), names }
    }

    fn place(&self, name: &str) -> Option<Place> {
        let name = name.trim().to_lowercase();
        self.names.get(&name).map(|&id| Place::Element(id)).or_else(|| self.network.bus_id(&name).map(Place::Bus))
    }

    fn name(&self, place: Place) -> String {
        match place {
            Place::Element(id) => self.network.full_name(id),
            Place::Bus(bus) => format!("bus {}", self.network.bus(bus).name),
        }
    }

    fn buses(&self, place: Place) -> Vec<BusId> {
        match place {
            Place::Element(id) => {
                let own: Vec<BusId> = self.network.common(id).terminals.iter().map(|t| t.bus).collect();
                if own.is_empty() { self.network.subjects(id).iter().flat_map(|&s| self.buses(Place::Element(s))).collect() } else { own }
            }
            Place::Bus(bus) => vec![bus],
        }
    }

    /// Buses that have a supply without an element; of one that stands at a single bus, without that bus.
    fn supplied_without(&self, id: ElementId) -> Vec<bool> {
        let buses: BTreeSet<BusId> = self.buses(Place::Element(id)).into_iter().collect();
        let blocked = if buses.len() == 1 { buses.first().copied() } else { None };
        let roots: Vec<BusId> = self.roots.iter().copied().filter(|r| Some(*r) != blocked).collect();
        let may = |l: u32| {
            let link = &self.graph.links[l as usize];
            link.is_closed && link.element != id && Some(link.from) != blocked && Some(link.to) != blocked
        };
        let tree = self.graph.reach_by(&roots, may);
        (0..self.network.buses.len()).map(|b| tree.is_reached(BusId::from(b)) && Some(BusId::from(b)) != blocked).collect()
    }

    /// Elements on the way from a place to its supply, and what stands at the buses there.
    fn upstream(&self, places: &[Place]) -> HashSet<ElementId> {
        let tree = self.graph.reach(&self.roots);
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        let mut visit = |bus: BusId| {
            if seen.insert(bus) {
                found.extend_from_slice(self.graph.elements_at(bus));
            }
        };
        for &place in places {
            for bus in self.buses(place) {
                visit(bus);
                tree.to_root(bus).for_each(|(bus, _)| visit(bus));
            }
        }
        found.into_iter().collect()
    }
}

/// Whether a kind of cause can be at an element.
fn may_be_at(cause: &str, id: ElementId) -> bool {
    use ElementKind as K;
    match cause {
        "voltage regulation" => matches!(id.kind, K::Transformer | K::PowerTransformer | K::VoltageSource),
        "lost phase" | "overload" | "unbalanced load" => matches!(id.kind, K::Line | K::Transformer | K::AcBranch | K::PowerTransformer),
        "cooling" | "insulation" => matches!(id.kind, K::Transformer | K::PowerTransformer),
        "harmonic source" => matches!(id.kind, K::Load | K::PvSystem | K::Generator | K::Storage | K::PowerLoad),
        "compensation" => matches!(id.kind, K::Capacitor | K::FixedShunt | K::SwitchedShunt),
        _ => false,
    }
}

/// Rows of symptoms, merged: (place, kind) with weight and shares of quantities.
type Merged = BTreeMap<(usize, String), (f64, Option<Vec<f64>>)>;

/// Shares of quantities in a row's contributions; none where there are none.
fn shares_of(columns: &[(usize, &[f64])], row: usize) -> Option<Vec<f64>> {
    let mut shares = vec![0.0; QUANTITIES.len()];
    for (quantity, values) in columns {
        if values[row].is_finite() {
            shares[*quantity] += values[row].abs();
        }
    }
    let sum: f64 = shares.iter().sum();
    (sum > 0.0 && sum.is_finite()).then(|| shares.into_iter().map(|s| s / sum).collect())
}

/// Columns of contributions with their quantity, and names of those that belong to none.
fn contributions(frame: &Frame) -> (Vec<(usize, &[f64])>, Vec<String>) {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (name, values) in frame.others() {
        match quantity_of(name) {
            Some(q) => known.push((q, values)),
            None => unknown.push(name.to_owned()),
        }
    }
    (known, unknown)
}

/// A kind as this module writes it.
fn kind_of(word: &str) -> String {
    let word = word.trim().to_lowercase().replace([' ', '-'], "_");
    match word.as_str() {
        "power_factor" | "pf" => "power_factor".into(),
        "harmonics" | "harmonic" => "thd".into(),
        _ => word,
    }
}

impl Module for RootCause {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn fit(&self, question: &Question<'_>) -> Result<Answer, Refused> {
        let (table, network, s) = (question.table("symptoms"), question.network("network"), question.settings);
        let rates = Rates { detection: s.number("detection"), false_alarm: s.number("false_alarm"), unknown: s.number("unknown_share") };
        let (mut faults, mut notes) = (Refused::new(), Vec::new());
        if rates.detection <= rates.false_alarm {
            faults.extend(unfit_for("symptoms", &"detection must be greater than false_alarm, or a symptom tells nothing"));
        }
        let map = Map::new(network);
        if map.roots.is_empty() {
            faults.extend(unfit_for(
                "network",
                &"nothing supplies it, so that nothing is upstream of anything; give a network with a source",
            ));
        }
        let known_kinds = symptom_kinds();
        let mut places: Vec<Place> = Vec::new();
        let mut numbers: HashMap<Place, usize> = HashMap::new();
        let mut number_of = |place: Place, places: &mut Vec<Place>| {
            *numbers.entry(place).or_insert_with(|| {
                places.push(place);
                places.len() - 1
            })
        };
        // Symptoms.
        let (elements, kinds, times) = (table.text("element"), table.text("kind"), table.time("time"));
        let scores = table.maybe_number("score");
        let (columns, strange) = contributions(table);
        let last = times.iter().max().copied().unwrap_or(0);
        let window_s = (s.number("window_h") * 3600.0) as i64;
        let (mut merged, mut earlier) = (Merged::new(), 0);
        for i in 0..table.rows() {
            if faults.len() >= 20 {
                break;
            }
            let row = i + 1;
            let kind = kind_of(&kinds[i]);
            let place = map.place(&elements[i]);
            if place.is_none() {
                faults.extend(unfit_for(
                    "symptoms",
                    &format!("row {row} names \"{}\", which is no element or bus of the network; write class.name", elements[i]),
                ));
            }
            if !known_kinds.contains(kind.as_str()) {
                let list: Vec<&str> = known_kinds.iter().copied().collect();
                faults.extend(unfit_for("symptoms", &format!("row {row} has kind \"{}\"; kinds are {}", kinds[i], list.join(", "))));
            }
            let score = scores.map_or(1.0, |s| if s[i].is_nan() { 1.0 } else { s[i] });
            if !(0.0..=1.0).contains(&score) {
                faults.extend(unfit_for("symptoms", &format!("row {row} has score {score}; scores are from 0 to 1")));
            }
            let Some(place) = place.filter(|_| faults.is_empty()) else { continue };
            if last.saturating_sub(times[i]) > window_s {
                earlier += 1;
                continue;
            }
            let shares = shares_of(&columns, i);
            let one = merged.entry((number_of(place, &mut places), kind)).or_insert((0.0, None));
            if score >= one.0 {
                *one = (score, shares.or_else(|| one.1.take()));
            }
        }
        if table.rows() == 0 {
            faults.extend(unfit_for("symptoms", &"there are no rows"));
        }
        // Past events.
        let past = match question.tables.get("events") {
            Some(events) => past_events(events, &mut faults),
            None => Vec::new(),
        };
        // What is watched.
        let mut watched: BTreeSet<(usize, String)> = merged.keys().cloned().collect();
        let seen_kinds: BTreeSet<String> = merged.keys().map(|(_, k)| k.clone()).collect();
        if let Some(monitored) = question.tables.get("monitored") {
            let kinds = monitored.maybe_text("kind");
            for (i, element) in monitored.text("element").iter().enumerate() {
                let Some(place) = map.place(element) else {
                    if faults.len() < 20 {
                        faults.extend(unfit_for(
                            "monitored",
                            &format!("row {} names \"{element}\", which is no element or bus of the network", i + 1),
                        ));
                    }
                    continue;
                };
                let n = number_of(place, &mut places);
                match kinds.map(|k| kind_of(&k[i])).filter(|k| !k.is_empty()) {
                    Some(kind) => drop(watched.insert((n, kind))),
                    None => watched.extend(seen_kinds.iter().map(|k| (n, k.clone()))),
                }
            }
        } else {
            let pairs: BTreeSet<(Option<ElementKind>, String)> = merged
                .keys()
                .map(|(p, k)| match places[*p] {
                    Place::Element(id) => (Some(id.kind), k.clone()),
                    Place::Bus(_) => (None, k.clone()),
                })
                .collect();
            for (kind, symptom) in pairs {
                let all: Vec<Place> = match kind {
                    Some(kind) => network.ids(kind).filter(|&id| network.in_service(id)).map(Place::Element).collect(),
                    None => (0..network.buses.len()).map(|b| Place::Bus(BusId::from(b))).collect(),
                };
                for place in all {
                    watched.insert((number_of(place, &mut places), symptom.clone()));
                }
            }
            notes.push(
                Diagnostic::warning("LEARN.DATA.PARTIAL", "it was not told what is watched")
                    .detail("Every element of the classes that show symptoms counts as watched, so that one without a symptom speaks against what is above it.")
                    .hint("Give the table monitored with what is really watched."),
            );
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        if earlier > 0 {
            notes.push(
                Diagnostic::warning(
                    "LEARN.DATA.PARTIAL",
                    format!("{earlier} symptoms came more than {} h before the last", s.number("window_h")),
                )
                .detail("They were left out, as if they belonged to another event.")
                .hint("Give a longer window_h if they belong to this one."),
            );
        }
        if !strange.is_empty() {
            notes.push(
                Diagnostic::warning("LEARN.DATA.PARTIAL", format!("{} columns belong to no quantity", strange.len()))
                    .detail(format!("{}.", strange.join(", ")))
                    .hint("Name contributions after voltage, unbalance, temperature, thd, power_factor, load or health."),
            );
        }
        let symptoms: Vec<Symptom> =
            merged.into_iter().map(|((place, kind), (weight, shares))| Symptom { place, kind, weight, shares }).collect();
        let candidates = candidates(&map, &places, &symptoms);
        let ranking = rank(&symptoms, &watched, &candidates, &past, &rates);
        Ok(answer(&map, &places, &symptoms, &past, &ranking, (s.number("enough"), s.number("covers"), s.count("top")), notes))
    }

    fn apply(&self, _: &Model, question: &Question<'_>) -> Result<Answer, Refused> {
        self.fit(question)
    }
}

fn past_events(table: &Frame, faults: &mut Refused) -> Vec<PastEvent> {
    let (names, causes, kinds) = (table.text("event"), table.text("cause"), table.text("kind"));
    let scores = table.maybe_number("score");
    let (columns, _) = contributions(table);
    let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (i, name) in names.iter().enumerate() {
        rows.entry(name).or_default().push(i);
    }
    let mut events = Vec::new();
    for (name, rows) in rows {
        let cause = causes[rows[0]].trim();
        if let Some(&i) = rows.iter().find(|&&i| causes[i].trim() != cause) {
            faults.extend(unfit_for("events", &format!("event \"{name}\" has causes \"{cause}\" and \"{}\"; give it one", causes[i])));
        }
        if !CAUSES.iter().any(|c| c.name.eq_ignore_ascii_case(cause)) {
            let list: Vec<&str> = CAUSES.iter().map(|c| c.name).collect();
            faults.extend(unfit_for("events", &format!("event \"{name}\" has cause \"{cause}\"; causes are {}", list.join(", "))));
        }
        let shares: Vec<(Vec<f64>, f64)> = rows
            .iter()
            .filter_map(|&i| Some((shares_of(&columns, i)?, scores.map_or(1.0, |s| if (0.0..=1.0).contains(&s[i]) { s[i] } else { 1.0 }))))
            .collect();
        events.push(PastEvent {
            name: name.to_owned(),
            cause: cause.to_owned(),
            kinds: rows.iter().map(|&i| kind_of(&kinds[i])).collect(),
            shares: mean_shares(shares.iter().map(|(s, w)| (s.as_slice(), *w))),
        });
    }
    faults.truncate(40);
    events
}

fn candidates(map: &Map<'_>, places: &[Place], symptoms: &[Symptom]) -> Vec<Candidate> {
    let seen: BTreeSet<&str> = symptoms.iter().map(|s| s.kind.as_str()).collect();
    let at: BTreeSet<usize> = symptoms.iter().map(|s| s.place).collect();
    let of_symptoms: Vec<Place> = at.iter().map(|&p| places[p]).collect();
    let buses: Vec<Vec<BusId>> = places.iter().map(|&p| map.buses(p)).collect();
    let among: Vec<usize> = CAUSES
        .iter()
        .map(|c| map.network.order.iter().filter(|&&id| map.network.in_service(id) && may_be_at(c.name, id)).count())
        .collect();
    let mut found = Vec::new();
    let upstream = map.upstream(&of_symptoms);
    // In the order of the model, so that the same question has the same answer.
    for &id in map.network.order.iter().filter(|id| upstream.contains(*id)) {
        if !map.network.in_service(id) {
            continue;
        }
        let causes: Vec<usize> =
            (0..CAUSES.len()).filter(|&c| may_be_at(CAUSES[c].name, id) && CAUSES[c].shows.iter().any(|(k, _)| seen.contains(k))).collect();
        if causes.is_empty() {
            continue;
        }
        let supplied = map.supplied_without(id);
        let itself = places.iter().position(|p| *p == Place::Element(id));
        let below: BTreeSet<usize> = (0..places.len())
            .filter(|&p| Some(p) != itself && !buses[p].is_empty() && buses[p].iter().all(|b| !supplied[b.index()]))
            .collect();
        let element = map.network.full_name(id);
        found.extend(causes.into_iter().map(|cause| Candidate {
            cause,
            element: element.clone(),
            itself,
            below: below.clone(),
            among: among[cause],
        }));
    }
    let meter = CAUSES.iter().position(|c| c.name == "meter").expect("a kind of cause");
    found.extend(at.into_iter().map(|p| Candidate {
        cause: meter,
        element: map.name(places[p]),
        itself: Some(p),
        below: BTreeSet::new(),
        among: places.len(),
    }));
    found
}

fn confidence(probability: f64, enough: f64) -> &'static str {
    match probability {
        p if p < enough => "not enough data",
        p if p >= 0.9 => "high",
        p if p >= 0.7 => "medium",
        _ => "low",
    }
}

fn answer(
    map: &Map<'_>,
    places: &[Place],
    symptoms: &[Symptom],
    past: &[PastEvent],
    ranking: &Ranking,
    (enough, covers, top): (f64, f64, usize),
    mut notes: Vec<Diagnostic>,
) -> Answer {
    let all: f64 = symptoms.iter().map(|s| s.weight).sum();
    let covered = |h: &Hypothesis| h.explained.iter().map(|&i| symptoms[i].weight).sum::<f64>() / all;
    let is_enough = |h: &Hypothesis| h.probability >= enough && h.probability > ranking.no_common_cause && covered(h) > covers;
    let first = ranking.hypotheses.first().filter(|h| is_enough(h));
    let headline = match (first, ranking.hypotheses.first()) {
        (Some(h), _) => format!(
            "{} at {} explains {} of {} symptoms with probability {:.2} ({} confidence){}.",
            sentence_case(CAUSES[h.cause].name),
            h.elements[0],
            h.explained.len(),
            symptoms.len(),
            h.probability,
            confidence(h.probability, enough),
            if h.elements.len() > 1 { format!("; {} other elements would explain the same", h.elements.len() - 1) } else { String::new() }
        ),
        (None, Some(h)) if h.probability >= enough && covered(h) <= covers => format!(
            "Not enough data: {} at {} has probability {:.2} but explains only {} of {} symptoms, which may have no cause in common.",
            CAUSES[h.cause].name,
            h.elements[0],
            h.probability,
            h.explained.len(),
            symptoms.len()
        ),
        (None, Some(h)) => format!(
            "Not enough data: the most probable cause, {} at {}, has probability {:.2}, no common cause {:.2}, and {enough} is asked for.",
            CAUSES[h.cause].name, h.elements[0], h.probability, ranking.no_common_cause
        ),
        (None, None) => "Not enough data: no known cause explains any of the symptoms.".to_owned(),
    };
    if first.is_none() {
        notes.push(
            Diagnostic::warning("LEARN.DATA.PARTIAL", "there is not enough data for a cause")
                .detail(format!("{} symptoms, {} past events.", symptoms.len(), past.len()))
                .hint("Add contributions of features, past events whose cause is known, or readings at places that tell the first hypotheses apart."),
        );
    }
    let figures = vec![
        Figure {
            name: "probability",
            unit: "",
            value: ranking.hypotheses.first().map_or(0.0, |h| h.probability),
            meaning: "of the first hypothesis",
        },
        Figure {
            name: "no_common_cause",
            unit: "",
            value: ranking.no_common_cause,
            meaning: "probability that no known cause is common to the symptoms",
        },
        Figure {
            name: "enough",
            unit: "",
            value: f64::from(u8::from(first.is_some())),
            meaning: "1 where there is an answer, 0 for not enough data",
        },
        Figure { name: "symptoms", unit: "", value: symptoms.len() as f64, meaning: "symptoms that were used" },
    ];
    let mut rows = Vec::new();
    let mut evidence = Vec::new();
    for (i, h) in ranking.hypotheses.iter().take(top).enumerate() {
        let cause = &CAUSES[h.cause];
        let others = h.elements[1..].iter().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
        rows.push(vec![
            Value::Count(i as u64 + 1),
            Value::text(cause.name),
            Value::text(&*h.elements[0]),
            Value::text(others),
            Value::Number(h.probability),
            Value::text(confidence(h.probability, enough)),
            Value::Count(h.explained.len() as u64),
            Value::Count(h.unexplained.len() as u64),
            Value::Count(h.contradicting.len() as u64),
            Value::text(cause.actions),
        ]);
        for (source, log_odds, words) in words_of(map, places, symptoms, past, ranking, h) {
            evidence.push(vec![Value::Count(i as u64 + 1), Value::text(source), Value::maybe(Some(log_odds)), Value::text(words)]);
        }
    }
    let similar =
        ranking.similar.iter().take(top).map(|&(d, e)| vec![Value::text(&*past[e].name), Value::text(&*past[e].cause), Value::Number(d)]);
    let tables = vec![
        Table { name: "hypotheses", meaning: "causes from the most probable", columns: HYPOTHESES, rows },
        Table { name: "evidence", meaning: "what speaks for and against each", columns: EVIDENCE, rows: evidence },
        Table { name: "similar", meaning: "past events by how alike their symptoms are", columns: SIMILAR, rows: similar.collect() },
    ];
    Answer { headline, figures, tables, notes, model: None }
}

fn sentence_case(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

/// The evidence of a hypothesis: source, logarithm of odds, words.
fn words_of(
    map: &Map<'_>,
    places: &[Place],
    symptoms: &[Symptom],
    past: &[PastEvent],
    ranking: &Ranking,
    h: &Hypothesis,
) -> Vec<(&'static str, f64, String)> {
    let some = |names: Vec<String>| {
        let n = names.len();
        let list = names.into_iter().take(5).collect::<Vec<_>>().join(", ");
        if n > 5 { format!("{list} and {} more", n - 5) } else { list }
    };
    let of = |i: &usize| format!("{} at {}", symptoms[*i].kind, map.name(places[symptoms[*i].place]));
    let mut topology = format!("explains {}", some(h.explained.iter().map(of).collect()));
    if !h.contradicting.is_empty() {
        let silent = h.contradicting.iter().map(|(p, k)| format!("no {k} at {}", map.name(places[*p]))).collect();
        topology += &format!("; contradicted by {}", some(silent));
    }
    if !h.unexplained.is_empty() {
        topology += &format!("; does not explain {}", some(h.unexplained.iter().map(of).collect()));
    }
    let shares = mean_shares(h.explained.iter().filter_map(|&i| symptoms[i].shares.as_deref().map(|s| (s, symptoms[i].weight))));
    let features = shares.map_or_else(
        || "no contributions were given".to_owned(),
        |shares| {
            let mut order: Vec<usize> = (0..shares.len()).collect();
            order.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]));
            let top: Vec<String> = order.iter().take(3).map(|&q| format!("{} {:.0} %", QUANTITIES[q].0, 100.0 * shares[q])).collect();
            format!("contributions: {}", top.join(", "))
        },
    );
    let alike: Vec<String> = ranking
        .similar
        .iter()
        .filter(|(d, e)| *d < 0.5 && past[*e].cause.eq_ignore_ascii_case(CAUSES[h.cause].name))
        .map(|(d, e)| format!("{} (distance {d:.2})", past[*e].name))
        .collect();
    let events = match (past.is_empty(), alike.is_empty()) {
        (true, _) => "no past events were given".to_owned(),
        (_, true) => "no past event with this cause has like symptoms".to_owned(),
        _ => format!("like {}", some(alike)),
    };
    vec![
        ("topology", h.topology, topology),
        ("features", h.features, features),
        ("past events", h.events, events),
        ("prior", h.prior, format!("{:.0} % of causes, over the elements where it may be", 100.0 * CAUSES[h.cause].share)),
    ]
}
