//! Text to tokens, tokens to atoms: numbers, names of the project, phrases of the lexicon, words with a slip of the pen.

use super::Context;
use super::form::Kind;
use super::lexicon::{self, Atom, FALSE_FRIENDS};
use std::collections::HashMap;
use std::sync::OnceLock;

/// A piece of the text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    /// In lower case.
    pub(super) text: String,
    /// As it was written.
    pub(super) written: String,
    number: Option<f64>,
    /// Hours of a time such as 17:30.
    clock: Option<f64>,
    /// A word that was joined to the one before by a hyphen.
    joined: bool,
}

/// A text as atoms.
#[derive(Debug, Default)]
pub(super) struct Atoms {
    pub(super) atoms: Vec<Atom>,
    /// Where each atom begins and ends in the tokens.
    pub(super) spans: Vec<(usize, usize)>,
    pub(super) tokens: Vec<Token>,
    /// Feeders that a number may mean.
    pub(super) choices: Vec<Vec<usize>>,
    pub(super) notes: Vec<String>,
    /// Names that the project does not have.
    pub(super) strangers: Vec<String>,
}

/// Longest question, characters.
pub(super) const MAX_LENGTH: usize = 400;

type Phrases = HashMap<&'static str, Vec<(Vec<&'static str>, Atom)>>;

/// Phrases by their first word, the longest first.
fn phrases() -> &'static Phrases {
    static PHRASES: OnceLock<Phrases> = OnceLock::new();
    PHRASES.get_or_init(|| {
        let mut map: Phrases = HashMap::new();
        for (words, atom) in lexicon::entries() {
            map.entry(words[0]).or_default().push((words, atom));
        }
        map.values_mut().for_each(|v| v.sort_by_key(|(w, _)| std::cmp::Reverse(w.len())));
        map
    })
}

/// All words of the lexicon.
fn words() -> &'static [&'static str] {
    static WORDS: OnceLock<Vec<&'static str>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let mut all: Vec<&str> = lexicon::entries().flat_map(|(w, _)| w).collect();
        all.sort_unstable();
        all.dedup();
        all
    })
}

/// Letters and digits of a name in lower case: what is compared.
fn bare(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Cuts a text into words, numbers and marks.
///
/// Digits and letters stay together where the letters come first (`FDR-12`, `l2`); a unit that follows digits is a word of its own (`4MW`).
pub(super) fn cut(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut i = 0;
    let mut after_hyphen = false;
    while i < chars.len() {
        let c = chars[i];
        if c.is_whitespace() {
            i += 1;
            after_hyphen = false;
            continue;
        }
        let start = i;
        let (mut number, mut clock) = (None, None);
        let digit_at = |k: usize| chars.get(k).is_some_and(char::is_ascii_digit);
        if c.is_ascii_digit() || (c == '.' && digit_at(i + 1)) {
            let mut digits = String::new();
            while i < chars.len() {
                let d = chars[i];
                // A comma between groups of three digits parts thousands.
                let thousands = d == ',' && (1..=3).all(|k| digit_at(i + k)) && !digit_at(i + 4) && !digits.contains('.');
                let point = d == '.' && digit_at(i + 1) && !digits.contains('.');
                if d.is_ascii_digit() || point {
                    digits.push(d);
                } else if !thousands {
                    break;
                }
                i += 1;
            }
            number = digits.parse().ok();
            // 95th, 2nd: an ordinal is a word.
            let ending: String = chars[i..].iter().take(2).collect::<String>().to_lowercase();
            let ends = !chars.get(i + 2).is_some_and(|c| c.is_alphanumeric());
            if ends && matches!(ending.as_str(), "st" | "nd" | "rd" | "th") {
                number = None;
                i += 2;
            }
            if chars.get(i) == Some(&':') && digit_at(i + 1) && digit_at(i + 2) && !digit_at(i + 3) {
                let minutes: String = chars[i + 1..i + 3].iter().collect();
                let hours = number.take().zip(minutes.parse::<f64>().ok());
                // Beyond 59 minutes no clock: 99 hours are refused later.
                clock = hours.map(|(h, m): (f64, f64)| if m < 60.0 { h + m / 60.0 } else { 99.0 });
                i += 3;
            }
        } else if c.is_alphabetic() || c == '_' || c == '°' {
            while i < chars.len() {
                let d = chars[i];
                let inside = matches!(d, '.' | '\'' | '’') && chars.get(i + 1).is_some_and(|n| n.is_alphabetic());
                if d.is_alphanumeric() || d == '_' || d == '°' || inside {
                    i += 1;
                } else {
                    break;
                }
            }
        } else if matches!(c, '>' | '<') && chars.get(i + 1) == Some(&'=') {
            i += 2;
        } else {
            i += 1;
        }
        let written: String = chars[start..i].iter().collect();
        let text = written.to_lowercase().replace('’', "'");
        let text = if matches!(text.as_str(), "–" | "—" | "−") { "-".to_owned() } else { text };
        let hyphen = text == "-";
        let word_before = start > 0 && chars[start - 1].is_alphanumeric();
        let word_after = chars.get(i).is_some_and(|c| c.is_alphanumeric());
        if hyphen && word_before && word_after && !(chars[start - 1].is_ascii_digit() && digit_at(i)) {
            // Within a word: volt-var, FDR-12, 5-day.
            after_hyphen = true;
            continue;
        }
        tokens.push(Token { text, written, number, clock, joined: after_hyphen });
        after_hyphen = false;
    }
    tokens
}

/// Number words up to ninety-nine, and hundred.
fn number_words(tokens: &[Token]) -> Option<(f64, usize)> {
    const SMALL: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
    let small = |t: Option<&Token>| t.and_then(|t| SMALL.iter().position(|w| *w == t.text));
    let first = tokens.first()?;
    let (mut value, mut used) = if let Some(tens) = TENS.iter().position(|w| *w == first.text) {
        let ones = small(tokens.get(1)).filter(|x| (1..10).contains(x));
        (20 + 10 * tens + ones.unwrap_or(0), 1 + usize::from(ones.is_some()))
    } else {
        (small(Some(first)).filter(|x| *x > 0)?, 1)
    };
    if value < 10 && tokens.get(used).is_some_and(|t| t.text == "hundred") {
        (value, used) = (100 * value, used + 1);
    }
    Some((value as f64, used))
}

/// The names of a project, made ready for comparison.
struct Names<'a> {
    context: &'a Context,
    by_bare: HashMap<String, Atom>,
}

impl<'a> Names<'a> {
    fn new(context: &'a Context) -> Self {
        let mut by_bare = HashMap::new();
        for (i, e) in context.elements.iter().enumerate() {
            by_bare.insert(bare(&e.name), Atom::Element(i));
        }
        for (i, s) in context.studies.iter().enumerate() {
            by_bare.insert(bare(s), Atom::Study(i));
        }
        for (i, f) in context.feeders.iter().enumerate() {
            by_bare.insert(bare(f), Atom::Feeder(i));
        }
        Self { context, by_bare }
    }

    /// A name that begins here, of up to five tokens, the longest first.
    fn at(&self, tokens: &[Token]) -> Option<(Atom, usize)> {
        (1..=tokens.len().min(5)).rev().find_map(|n| {
            let part = &tokens[..n];
            // A name of several words holds no marks, but for the hyphen that was within it.
            let plain = part.iter().all(|t| t.text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.'));
            if !plain || (n == 1 && part[0].number.is_some()) {
                return None;
            }
            let text: String = part.iter().map(|t| t.text.as_str()).collect();
            self.by_bare.get(&bare(&text)).map(|a| (*a, n))
        })
    }

    /// Feeders whose name ends with this number.
    fn numbered(&self, number: f64) -> Vec<usize> {
        let ends = |name: &str| {
            let digits: String = name.chars().rev().take_while(char::is_ascii_digit).collect::<String>().chars().rev().collect();
            digits.parse::<f64>().ok() == Some(number)
        };
        (0..self.context.feeders.len()).filter(|i| ends(&self.context.feeders[*i])).collect()
    }
}

/// Whether a token looks like a name: letters and digits together, or joined to digits by a hyphen.
fn looks_like_a_name(tokens: &[Token]) -> Option<usize> {
    let first = &tokens[0];
    let letters = first.text.chars().any(char::is_alphabetic);
    if letters && first.number.is_none() && first.text.chars().any(|c| c.is_ascii_digit()) && !first.text.chars().next()?.is_ascii_digit() {
        return Some(1);
    }
    let joined = tokens[1..].iter().take_while(|t| t.joined).count();
    let digits = tokens[1..=joined].iter().any(|t| t.text.chars().any(|c| c.is_ascii_digit()));
    (letters && digits).then_some(1 + joined)
}

/// Optimal string alignment distance: insertions, deletions, substitutions, swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut d = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    d.iter_mut().enumerate().for_each(|(i, row)| row[0] = i);
    d[0].iter_mut().enumerate().for_each(|(j, x)| *x = j);
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            d[i][j] = (d[i - 1][j] + 1).min(d[i][j - 1] + 1).min(d[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                d[i][j] = d[i][j].min(d[i - 2][j - 2] + 1);
            }
        }
    }
    d[a.len()][b.len()]
}

/// The one word of the lexicon that a slip of the pen most likely meant: of six letters at least, with the same first letter, one slip away,
/// or two of a word of eight letters and more, and no other word as near.
pub(super) fn nearest_word(word: &str) -> Option<&'static str> {
    let n = word.chars().count();
    let plain = word.chars().all(|c| c.is_alphabetic());
    if n < 6 || !plain || FALSE_FRIENDS.contains(&word) {
        return None;
    }
    let reach = if n >= 8 { 2 } else { 1 };
    let first = word.chars().next();
    let near = |w: &&&str| w.chars().count() >= 5 && w.chars().next() == first;
    let mut found: Vec<(usize, &str)> = words().iter().filter(near).map(|w| (distance(word, w), *w)).filter(|(d, _)| *d <= reach).collect();
    found.sort_unstable();
    match found.as_slice() {
        [(_, w)] => Some(w),
        [(d, w), (e, _), ..] if d < e => Some(w),
        _ => None,
    }
}

/// Reads tokens as atoms.
pub(super) fn atoms(text: &str, context: &Context) -> Atoms {
    let mut tokens = cut(text);
    let names = Names::new(context);
    let mut out = Atoms::default();
    // Slips of the pen first, so that phrases are found; names and their parts stay.
    for i in 0..tokens.len() {
        let t = &tokens[i];
        let known = t.number.is_some()
            || t.clock.is_some()
            || words().binary_search(&t.text.as_str()).is_ok()
            || number_words(&tokens[i..]).is_some();
        let named = (0..=i.min(4)).any(|back| names.at(&tokens[i - back..]).is_some_and(|(_, n)| n > back));
        if known || named || t.joined || tokens.get(i + 1).is_some_and(|t| t.joined) {
            continue;
        }
        if let Some(w) = nearest_word(&t.text) {
            out.notes.push(format!("read '{}' as '{w}'", t.written));
            tokens[i].text = w.to_owned();
        }
    }
    let mut i = 0;
    while i < tokens.len() {
        let rest = &tokens[i..];
        let (atom, used) = atom_at(rest, &names, &mut out, i);
        out.atoms.push(atom);
        out.spans.push((i, i + used));
        i += used;
    }
    out.tokens = tokens;
    out
}

fn atom_at(rest: &[Token], names: &Names<'_>, out: &mut Atoms, place: usize) -> (Atom, usize) {
    let phrase = phrases().get(rest[0].text.as_str()).and_then(|candidates| {
        let fits = |w: &[&str]| w.len() <= rest.len() && w.iter().zip(rest).all(|(w, t)| *w == t.text);
        candidates.iter().find(|(w, _)| fits(w)).map(|(w, a)| (*a, w.len()))
    });
    let name = names.at(rest);
    // A name that is also a phrase counts where it is the longer one or has a digit or an underscore.
    if let Some((atom, n)) = name {
        let marked = rest[..n].iter().any(|t| t.text.chars().any(|c| c.is_ascii_digit() || c == '_'));
        if phrase.is_none_or(|(_, m)| n > m || marked) {
            return (atom, n);
        }
    }
    // "feeder 7", "circuit 12": the number is part of the name.
    if let Some((Atom::Kind(Kind::Feeder, false), n)) = phrase
        && let Some(number) = rest.get(n).and_then(|t| t.number)
        && number.fract() == 0.0
        && !rest.get(n + 1).is_some_and(|t| matches!(t.text.as_str(), "%" | "percent" | "pct" | "kw" | "mw" | "kwh" | "mwh"))
    {
        let found = names.numbered(number);
        let atom = match found.as_slice() {
            [] => {
                out.strangers.push(format!("{} {}", rest[0].written, rest[n].written));
                Atom::Filler
            }
            [one] => Atom::Feeder(*one),
            _ => {
                out.choices.push(found);
                Atom::Choice(out.choices.len() - 1)
            }
        };
        return (atom, n + 1);
    }
    if let Some(found) = phrase.filter(|(_, n)| *n > 1 || number_words(rest).is_none()) {
        return found;
    }
    if let Some(x) = rest[0].clock {
        return (Atom::Clock(x), 1);
    }
    if let Some(x) = rest[0].number {
        return (Atom::Number(x), 1);
    }
    if let Some((x, n)) = number_words(rest) {
        return (Atom::Number(x), n);
    }
    if let Some(found) = phrase {
        return found;
    }
    if let Some(n) = looks_like_a_name(rest) {
        let written: Vec<&str> = rest[..n].iter().map(|t| t.written.as_str()).collect();
        out.strangers.push(written.join("-"));
        return (Atom::Filler, n);
    }
    (Atom::Unknown(place), 1)
}
