//! Finding things by what people type: parts of names, identities, aliases and types, in any order.

use memchr::memmem;
use network::ElementKind;

/// Something that can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    Element(u32),
    Bus(u32),
    Asset(u32),
}

/// A thing that fits, and how well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub subject: Subject,
    /// 0 is the name itself; the larger, the looser.
    pub rank: u8,
}

/// Words of one search that are looked at.
const WORDS_MAX: usize = 8;

/// All texts behind one another, a line a thing: name, identity, and the rest, parted by tabs.
#[derive(Debug, Default)]
pub(super) struct Index {
    text: String,
    /// Where the line of each thing begins, and what it is.
    lines: Vec<(u32, Subject)>,
}

#[derive(Default)]
pub(super) struct Builder(Index);

fn push(text: &mut String, part: &str) {
    for c in part.chars() {
        match c {
            '\t' | '\n' | '\r' => text.push(' '),
            c => text.extend(c.to_lowercase()),
        }
    }
}

/// Tells each further part by which a subject is found.
type Parts<'a> = dyn FnMut(&mut dyn FnMut(&str)) + 'a;

impl Builder {
    pub(super) fn add(&mut self, subject: Subject, name: &str, identity: &str, more: &mut Parts) {
        let Ok(begin) = u32::try_from(self.0.text.len()) else { return };
        self.0.lines.push((begin, subject));
        let text = &mut self.0.text;
        push(text, name);
        text.push('\t');
        push(text, identity);
        more(&mut |part| {
            if !part.is_empty() {
                text.push('\t');
                push(text, part);
            }
        });
        text.push('\n');
    }

    pub(super) fn finish(self) -> Index {
        self.0
    }
}

impl Index {
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + self.lines.len() * 16
    }

    /// Every word has to be somewhere in a thing's texts.
    pub(super) fn find(&self, words: &str) -> Vec<Found> {
        let mut whole = String::new();
        push(&mut whole, words.trim());
        let mut wanted: Vec<&str> = whole.split_whitespace().take(WORDS_MAX).collect();
        // The longest word is the rarest: it is looked for in all of the text, the others in the lines that have it.
        wanted.sort_by_key(|w| std::cmp::Reverse(w.len()));
        let Some((first, others)) = wanted.split_first() else { return Vec::new() };
        let mut found = Vec::new();
        let mut from = 0;
        let finder = memmem::Finder::new(first.as_bytes());
        while let Some(at) = self.text.as_bytes().get(from..).and_then(|rest| finder.find(rest)) {
            let at = from + at;
            let line = self.lines.partition_point(|(begin, _)| *begin as usize <= at) - 1;
            let (begin, subject) = self.lines[line];
            let end = self.lines.get(line + 1).map_or(self.text.len(), |(next, _)| *next as usize);
            let text = &self.text[begin as usize..end - 1];
            if others.iter().all(|w| text.contains(w)) {
                found.push(Found { subject, rank: rank(text, &whole, first) });
            }
            from = end;
        }
        found.sort_by_key(|f| (f.rank, f.subject));
        found
    }
}

fn rank(line: &str, whole: &str, word: &str) -> u8 {
    let mut parts = line.split('\t');
    let (name, identity) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if name == whole || identity == whole {
        0
    } else if parts.any(|alias| alias == whole) {
        1
    } else if name.starts_with(whole) || identity.starts_with(whole) {
        2
    } else if name.split(|c: char| !c.is_alphanumeric()).any(|w| w.starts_with(word)) {
        3
    } else if name.contains(word) {
        4
    } else {
        5
    }
}

/// Words by which people look for a kind of element.
pub(super) fn word_of(kind: ElementKind) -> &'static str {
    use ElementKind as K;
    match kind {
        K::VoltageSource => "voltage source",
        K::CurrentSource => "current source",
        K::Line => "line",
        K::Transformer | K::PowerTransformer => "transformer",
        K::Capacitor => "capacitor",
        K::Reactor => "reactor",
        K::Fault => "fault",
        K::GicTransformer => "gic transformer",
        K::GicLine => "gic line",
        K::Load | K::PowerLoad => "load",
        K::Generator => "generator",
        K::Machine => "generator machine",
        K::PvSystem => "pv solar photovoltaic",
        K::Storage => "storage battery",
        K::InductionMachine => "induction machine motor",
        K::RegulatorControl => "voltage regulator control",
        K::CapacitorControl => "capacitor control",
        K::InverterControl => "inverter control",
        K::ExponentialControl => "exponential control",
        K::StorageController => "storage controller",
        K::SwitchControl => "switch control",
        K::Fuse => "fuse protection",
        K::Relay => "relay protection breaker",
        K::Recloser => "recloser protection",
        K::Monitor => "monitor",
        K::EnergyMeter => "energy meter",
        K::Sensor => "sensor",
        K::Unmodelled => "unmodelled",
        K::AcBranch => "line branch",
        K::FixedShunt => "fixed shunt",
        K::SwitchedShunt => "switched shunt",
        K::TwoTerminalDc | K::VscDc | K::MultiTerminalDc => "direct current dc line converter",
        K::FactsDevice => "facts device",
        K::PowerMotor => "motor",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Index {
        let mut b = Builder::default();
        for (i, (name, alias)) in [("650632", "OH-17"), ("Main St_1", ""), ("main", "x"), ("632633", "650632 old")].into_iter().enumerate()
        {
            b.add(Subject::Element(i as u32), name, &format!("line.{name}"), &mut |more| {
                more("line");
                more(alias);
            });
        }
        b.finish()
    }

    fn found(words: &str) -> Vec<u32> {
        let number = |f: Found| match f.subject {
            Subject::Element(i) | Subject::Bus(i) | Subject::Asset(i) => i,
        };
        index().find(words).into_iter().map(number).collect()
    }

    #[test]
    fn parts_of_names_in_any_order_and_case_are_found_best_first() {
        assert_eq!(found("MAIN"), [2, 1]);
        assert_eq!(found("st main"), [1]);
        assert_eq!(found("line.650632"), [0]);
        assert_eq!(found("650632"), [0, 3]);
        assert_eq!(found("oh-17"), [0]);
        assert_eq!(found("632"), [3, 0]);
        assert_eq!(
            found("line"),
            [1, 2, 0, 3].iter().copied().collect::<std::collections::BTreeSet<u32>>().into_iter().collect::<Vec<_>>()
        );
        assert!(found("nothing").is_empty() && found("").is_empty() && found(" \t\n").is_empty());
    }

    #[test]
    fn a_name_with_the_signs_of_the_index_does_no_harm() {
        let mut b = Builder::default();
        b.add(Subject::Bus(7), "a\tb\nc", "bus.a\tb\nc", &mut |_| {});
        b.add(Subject::Bus(8), "İstanbul", "bus.i", &mut |_| {});
        let index = b.finish();
        assert_eq!(index.find("a b c")[0].subject, Subject::Bus(7));
        assert_eq!(index.find("İSTANBUL")[0].subject, Subject::Bus(8));
    }
}
