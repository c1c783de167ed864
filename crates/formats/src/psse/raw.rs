//! The frame of a RAW text file: header, groups, records of several lines.

use super::ReadOptions;
use super::layout::{self, Group, Layout};
use super::lex::{self, Item, Items};
use super::lower::Builder;
use super::record::Record;
use crate::import::ImportError;
use network::{Diagnostic, Imported, KeptRecord, SourceRef};
use std::collections::HashMap;
use std::sync::Arc;

/// Lines of one device of a user's model.
const MAX_GNE_LINES: usize = 1000;

/// What line 1 says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    pub adds: bool,
    pub s_base_mva: Option<f64>,
    pub version: Option<u32>,
    pub transformer_rating_code: i32,
    pub branch_rating_code: i32,
    pub frequency_hz: Option<f64>,
    /// The version that the comment tells.
    pub comment_version: Option<u32>,
    /// Nothing but defaults.
    pub blank: bool,
}

/// Header of these items; none when they cannot be one.
fn header(line: &Items<'_>) -> Option<Header> {
    let real = |i: usize| match line.items.get(i) {
        Some(item) if !item.empty => lex::number(&item.text).map(Some),
        _ => Some(None),
    };
    let integer = |i: usize| match line.items.get(i) {
        Some(item) if !item.empty => lex::integer(&item.text).map(Some),
        _ => Some(None),
    };
    if line.items.iter().any(|i| i.quoted) || line.items.len() > 12 {
        return None;
    }
    let change = integer(0)?.unwrap_or(0);
    let s_base_mva = real(1)?;
    let version = integer(2)?;
    if !(0..=1).contains(&change) || s_base_mva.is_some_and(|s| s <= 0.0) || version.is_some_and(|v| !(0..=99).contains(&v)) {
        return None;
    }
    Some(Header {
        adds: change == 1,
        s_base_mva,
        version: version.filter(|&v| v > 0).and_then(|v| u32::try_from(v).ok()),
        transformer_rating_code: i32::try_from(integer(3)?.unwrap_or(0)).ok()?,
        branch_rating_code: i32::try_from(integer(4)?.unwrap_or(0)).ok()?,
        frequency_hz: real(5)?.filter(|&f| f > 0.0),
        comment_version: line.comment.and_then(comment_version),
        blank: line.items.iter().all(|i| i.empty),
    })
}

/// `PSS/E-30.0`, `PSS(R)E 33`, `PSS(R)E Xplore-36.1`: the number after the program's name.
fn comment_version(comment: &str) -> Option<u32> {
    let upper = comment.to_uppercase();
    let after = ["PSS/E", "PSS(R)E", "PSSE"].iter().find_map(|name| upper.find(name).map(|at| at + name.len()))?;
    let rest = upper.get(after..)?;
    let rest = rest.trim_start_matches(|c: char| c == '-' || c == ' ' || c.is_alphabetic());
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|v| (20..=40).contains(v))
}

fn is_comment_line(line: &str) -> bool {
    line.trim_start().starts_with("@!")
}

/// The beginning of a file looks like a case.
pub fn looks_like(head: &str, named: bool) -> bool {
    let Some(first) = head.lines().find(|line| !is_comment_line(line)) else { return false };
    let items = lex::split(first);
    let Some(header) = header(&items) else { return false };
    let told = header.comment_version.is_some() || header.version.is_some_and(|v| (20..=40).contains(&v));
    // A table of numbers can begin alike: the version, or the file's name and a base power.
    if header.s_base_mva.is_some() && told {
        return named || items.items.len() >= 3 || header.comment_version.is_some();
    }
    named && (header.s_base_mva.is_some() || header.blank)
}

/// Lines of data with their numbers, comments of the format left out.
struct Lines<'a> {
    lines: std::iter::Enumerate<std::str::Lines<'a>>,
    held: Option<(u32, &'a str)>,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { lines: text.trim_start_matches('\u{feff}').lines().enumerate(), held: None }
    }

    fn next(&mut self) -> Option<(u32, &'a str)> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        let (i, line) = self.lines.find(|(_, line)| !is_comment_line(line))?;
        Some((u32::try_from(i + 1).unwrap_or(u32::MAX), line))
    }

    fn hold(&mut self, line: (u32, &'a str)) {
        self.held = Some(line);
    }
}

/// What a line is.
enum Kind<'a> {
    /// Nothing on it.
    Blank,
    /// Only a comment.
    Remark(&'a str),
    /// Ends a group; its comment.
    End(&'a str),
    /// Ends the file.
    Quit,
    Data(Items<'a>),
}

fn kind(line: &str) -> Kind<'_> {
    let items = lex::split(line);
    match items.items.first() {
        None => match items.comment {
            Some(comment) => Kind::Remark(comment),
            None => Kind::Blank,
        },
        Some(first) if !first.quoted && first.text.eq_ignore_ascii_case("q") && items.items.len() == 1 => Kind::Quit,
        // `0` alone or with a comment; some writers leave the slash out before its words.
        Some(first) if !first.quoted && first.text == "0" && ends_group(&items) => {
            let comment = items.comment.unwrap_or_else(|| line.trim_start().trim_start_matches('0'));
            Kind::End(comment)
        }
        Some(_) => Kind::Data(items),
    }
}

fn ends_group(items: &Items<'_>) -> bool {
    items.items.len() == 1
        || items
            .items
            .get(1)
            .is_some_and(|second| !second.quoted && ["END", "BEGIN"].iter().any(|word| second.text.eq_ignore_ascii_case(word)))
}

/// What a terminator's comment says: the group that ends, the group that begins.
fn ends_and_begins(comment: &str) -> (Option<Group>, Option<Group>) {
    let upper = comment.to_uppercase();
    let (end, begin) = match upper.find("BEGIN") {
        Some(at) => (&upper[..at], Some(&upper[at + 5..])),
        None => (&upper[..], None),
    };
    let end = end.find("END OF").map(|at| &end[at + 6..]);
    (end.and_then(Group::of_words), begin.and_then(Group::of_words))
}

/// The group that a comment heads: a few words that end with `DATA`.
fn heading(comment: &str) -> Option<Group> {
    let upper = comment.to_uppercase();
    let words = &upper[..upper.find("DATA")?];
    if words.contains("END OF") || words.split_whitespace().count() > 4 { None } else { Group::of_words(words) }
}

/// Reads the text of a RAW file.
pub fn read(text: &str, file: &Arc<str>, name: &str, options: &ReadOptions) -> Result<Imported, ImportError> {
    let mut lines = Lines::new(text);
    let no_header = |line: u32, detail: String| {
        let finding = Diagnostic::error("RAW.FILE.HEADER", "the file does not begin like a case").at(&SourceRef::new(file.clone(), line));
        let finding = finding.detail(detail).hint("line 1 reads: IC, SBASE, REV, XFRRAT, NXFRAT, BASFRQ");
        ImportError::from(finding)
    };
    let Some((first_line, first)) = lines.next() else {
        return Err(no_header(1, "It holds nothing but comments.".into()));
    };
    let items = lex::split(first);
    let Some(mut head) = header(&items) else {
        let shown: String = first.chars().take(60).collect();
        return Err(no_header(first_line, format!("It begins: {shown}")));
    };
    let titles: Vec<String> = (0..2).filter_map(|_| lines.next()).map(|(_, line)| line.trim_end().to_owned()).collect();

    // What comes first tells where the version does not: an old bus record, a keyword, a heading.
    let mut peeked = None;
    while let Some(line) = lines.next() {
        match kind(line.1) {
            Kind::Blank => continue,
            _ => {
                peeked = Some(line);
                break;
            }
        }
    }
    let first_kind = peeked.map(|(_, line)| kind(line));
    let (version, finding) = version_of(&mut head, first_kind.as_ref(), file, first_line)?;
    if let Some(line) = peeked {
        lines.hold(line);
    }

    let mut builder = Builder::new(file.clone(), name, version, options);
    builder.header(&head, titles);
    builder.findings.extend(finding);
    let mut walk = Walk { lines, version, builder, layouts: HashMap::new() };
    walk.groups(first_kind.as_ref());
    walk.builder.finish()
}

/// The version of the layouts, and what is to be said about it.
fn version_of(head: &mut Header, first: Option<&Kind<'_>>, file: &Arc<str>, line: u32) -> Result<(u32, Option<Diagnostic>), ImportError> {
    let at = SourceRef::new(file.clone(), line);
    if let Some(told) = head.version {
        if told == 23 || (29..=36).contains(&told) {
            return Ok((told, None));
        }
        let finding = Diagnostic::error("RAW.FILE.VERSION", format!("version {told} of the format is not read")).at(&at);
        return Err(finding.hint("versions 23 and 29 to 36 are read; write the case in one of them").into());
    }
    let old_bus = match first {
        // The name of an old record stands near its end, of a new one behind the number.
        Some(Kind::Data(items)) => items.items.iter().position(|i| i.quoted) == Some(9),
        _ => false,
    };
    if old_bus {
        return Ok((23, None));
    }
    let begins_with_buses = match first {
        Some(Kind::Data(items)) => items.items.first().is_some_and(|i| i.quoted || lex::integer(&i.text).is_some()),
        Some(Kind::Remark(comment)) => heading(comment) == Some(Group::Bus),
        _ => false,
    };
    match head.comment_version {
        Some(told @ 29..=33) => Ok((told, None)),
        Some(told @ 34..=36) if !begins_with_buses => Ok((told, None)),
        Some(told) => {
            let message = format!("the first line says version {told} only in its comment, and the records are not of that version");
            let finding = Diagnostic::warning("RAW.FILE.DIALECT", message).at(&at);
            Ok((33, Some(finding.detail("They are read as version 33.").hint("write the version into line 1, third value"))))
        }
        None => {
            let finding = Diagnostic::warning("RAW.FILE.NO_VERSION", "the first line does not say the version of the format").at(&at);
            Ok((33, Some(finding.detail("It is read as version 33.").hint("write the version into line 1, third value"))))
        }
    }
}

struct Walk<'a> {
    lines: Lines<'a>,
    version: u32,
    builder: Builder,
    layouts: HashMap<Group, (Layout, Vec<Vec<usize>>)>,
}

impl<'a> Walk<'a> {
    /// Walks through the groups to the end of the file.
    fn groups(&mut self, first: Option<&Kind<'_>>) {
        let order = layout::order(self.version);
        let mut position = 0;
        // Without its system-wide group a file begins with buses, whatever its version.
        if let (Some(Group::SystemWide), Some(Kind::Data(items))) = (order.first(), first)
            && items.items.first().is_some_and(|i| i.quoted || lex::integer(&i.text).is_some())
        {
            position = 1;
        }
        let mut group = order.get(position).copied();
        let mut ended = true;
        while let Some((line, text)) = self.lines.next() {
            match kind(text) {
                Kind::Blank => {}
                Kind::Quit => {
                    ended = true;
                    break;
                }
                Kind::Remark(comment) => {
                    // `/ BUS DATA`: a dialect heads its groups by comments.
                    let (_, begins) = ends_and_begins(comment);
                    if let Some(named) = begins.or_else(|| heading(comment)) {
                        group = Some(named);
                        position = order.iter().position(|g| *g == named).unwrap_or(position);
                        ended = true;
                    }
                }
                Kind::End(comment) => {
                    let (ends, begins) = ends_and_begins(comment);
                    self.check_terminator(group, ends, position, line);
                    // The comment knows better than the counting: some writers leave empty groups out.
                    if let Some(ends) = ends
                        && let Some(at) = order.iter().position(|g| *g == ends)
                        && at > position
                    {
                        position = at;
                    }
                    position += 1;
                    if let Some(at) = begins.and_then(|b| order.iter().position(|g| *g == b)) {
                        position = at;
                    }
                    group = match begins {
                        // A group that this version does not count is read all the same.
                        Some(named) if !order.contains(&named) => Some(named),
                        None if comment.to_uppercase().contains("BEGIN") => Some(Group::Unknown),
                        _ => order.get(position).copied(),
                    };
                    ended = true;
                }
                Kind::Data(items) => {
                    ended = false;
                    self.record(group.unwrap_or(Group::Unknown), line, text, items);
                    if self.builder.is_hopeless() {
                        return;
                    }
                }
            }
        }
        if !ended {
            let finding = Diagnostic::warning("RAW.FILE.NO_END", "the file ends within a group").at(&self.at(0));
            let name = group.unwrap_or(Group::Unknown).name();
            let finding = finding.detail(format!("The group is {name}; its terminator and all groups after it are missing."));
            self.builder.findings.push(finding.hint("copy the file again; a whole one ends each group with a line 0 and itself with Q"));
        }
    }

    fn at(&self, line: u32) -> SourceRef {
        SourceRef::new(self.builder.file.clone(), line)
    }

    fn check_terminator(&mut self, group: Option<Group>, ends: Option<Group>, position: usize, line: u32) {
        let (Some(group), Some(ends)) = (group, ends) else { return };
        let order = layout::order(self.version);
        let at = order.iter().position(|g| *g == ends);
        // The comment may run ahead: groups left out are empty.
        if group == ends || group == Group::Unknown || at.is_some_and(|at| at > position) && self.builder.n_records(group) == 0 {
            return;
        }
        let message = format!("a group is ended by the terminator of another: {} by {}", group.name(), ends.name());
        let finding = Diagnostic::warning("RAW.GROUP.TERMINATOR", message).at(&self.at(line));
        self.builder.findings.push(finding.hint("see that no terminator is missing: records may have been read under the wrong group"));
    }

    /// The next line of a record, when there is one.
    fn continuation(&mut self) -> Option<(u32, &'a str, Items<'a>)> {
        loop {
            let (line, text) = self.lines.next()?;
            match kind(text) {
                Kind::Blank => {}
                Kind::Data(items) => return Some((line, text, items)),
                // A terminator in the middle of a record belongs to the group.
                _ => {
                    self.lines.hold((line, text));
                    return None;
                }
            }
        }
    }

    fn layout(&mut self, group: Group) -> &(Layout, Vec<Vec<usize>>) {
        let version = self.version;
        self.layouts.entry(group).or_insert_with(|| {
            let layout = layout::layout(group, version);
            let required = layout::last_required(group, version);
            let needed = |line: &Vec<&'static str>| required.iter().filter_map(|name| line.iter().position(|n| n == name)).collect();
            let needed = layout.lines.iter().map(needed).collect();
            (layout, needed)
        })
    }

    /// Reads one record that begins at a line, its further lines too.
    fn record(&mut self, group: Group, line: u32, text: &'a str, items: Items<'a>) {
        match group {
            Group::Transformer => self.transformer(line, text, items),
            Group::TwoTerminalDc | Group::VscDc => self.lines_of_record(group, &[0, 1, 2], line, text, items),
            Group::ImpedanceCorrection => self.correction(line, text, items),
            Group::MultiTerminalDc => self.multi_terminal(line, text, items),
            Group::Gne => self.gne(line, text, &items),
            Group::Substation | Group::SubstationNode | Group::SubstationSwitch | Group::SubstationTerminal => {
                self.substation(line, text, items);
            }
            Group::SystemWide => {
                self.builder.count(group);
                self.builder.system_wide(text);
                self.keep(group, line, vec![text.trim_end().to_owned()]);
            }
            Group::VoltageDroop | Group::LoadType | Group::Interface | Group::InterfaceElement => {
                self.builder.count(group);
                self.keep(group, line, vec![text.trim_end().to_owned()]);
            }
            Group::RatingSet => {
                self.builder.count(group);
                self.keep(group, line, vec![text.trim_end().to_owned()]);
                self.lines_of_record(group, &[0], line, text, items);
            }
            Group::Unknown => {
                self.builder.count(group);
                let finding = Diagnostic::warning("RAW.GROUP.UNKNOWN", "a record belongs to no known group").at(&self.at(line));
                self.builder.findings.push(finding.hint("the record is kept as text and takes no part in the model"));
                self.keep(group, line, vec![text.trim_end().to_owned()]);
            }
            Group::Branch if self.version >= 36 => self.lines_of_record(group, &[0], line, text, branch_items(items)),
            _ => self.lines_of_record(group, &[0], line, text, items),
        }
    }

    fn keep(&mut self, group: Group, line: u32, lines: Vec<String>) {
        let source = self.at(line);
        self.builder.case.kept.push(KeptRecord { group: group.name().to_owned(), lines, source });
    }

    /// Joins the lines of a record, each filled up to its own fields, and hands it on.
    fn lines_of_record(&mut self, group: Group, lines: &[usize], line: u32, text: &'a str, items: Items<'a>) {
        if group != Group::RatingSet {
            self.builder.count(group);
        }
        let mut parts = vec![(line, text, items)];
        for _ in 1..lines.len() {
            match self.continuation() {
                Some(next) => parts.push(next),
                None => break,
            }
        }
        self.hand_on(group, lines, parts);
    }

    fn hand_on(&mut self, group: Group, lines: &[usize], parts: Vec<(u32, &'a str, Items<'a>)>) {
        let Some(line) = parts.first().map(|p| p.0) else { return };
        let text: Vec<&str> = parts.iter().map(|p| p.1).collect();
        if parts.len() < lines.len() {
            let message = format!("a {} record ends after {} of its {} lines", group.name(), parts.len(), lines.len());
            let finding = Diagnostic::error("RAW.RECORD.SHORT", message);
            self.builder.refuse(group, line, &text.join("\n"), finding.hint("complete the record; a line may have been lost"));
            return;
        }
        let (layout, needed) = self.layout(group).clone();
        let mut names: Vec<&str> = Vec::new();
        let mut all: Vec<Item<'a>> = Vec::new();
        for (index, (number, line_text, items)) in lines.iter().zip(parts) {
            let (Some(fields), Some(needed)) = (layout.lines.get(*index), needed.get(*index)) else { continue };
            if items.open_quote {
                let finding = Diagnostic::error("RAW.RECORD.QUOTE", format!("a quote of a {} record is not closed", group.name()));
                self.builder.refuse(group, number, line_text, finding.hint("close the quote"));
                return;
            }
            if let Some(&missing) = needed.iter().find(|&&field| field >= items.items.len()) {
                let field = fields.get(missing).copied().unwrap_or_default().to_uppercase();
                let message = format!("a {} record is too short: it ends before {field}", group.name());
                let detail = format!("It has {} values; {field} is value {}.", items.items.len(), missing + 1);
                let finding = Diagnostic::error("RAW.RECORD.SHORT", message).detail(detail);
                let hint = "complete the record; commas hold the place of values that take their default";
                self.builder.refuse(group, number, &text.join("\n"), finding.hint(hint));
                return;
            }
            let beyond = items.items.iter().skip(fields.len()).filter(|i| !i.empty).count();
            if beyond > 0 {
                self.builder.note_beyond(group, number, beyond);
            }
            names.extend(fields);
            all.extend(items.items.into_iter().chain(std::iter::repeat(Item::EMPTY)).take(fields.len()));
        }
        let record = Record::new(group, &names, all, line);
        self.builder.take(&record, &text.join("\n"));
    }

    fn transformer(&mut self, line: u32, text: &'a str, items: Items<'a>) {
        // Two windings leave K out or 0.
        let third = items.items.get(2).filter(|k| !k.empty);
        let two = third.is_none_or(|k| if k.quoted { k.text.trim().is_empty() } else { lex::integer(&k.text) == Some(0) });
        let all: &[usize] = if two { &[0, 1, 2, 3] } else { &[0, 1, 2, 3, 4] };
        self.lines_of_record(Group::Transformer, all, line, text, items);
    }

    /// Up to version 33 one line of pairs; later triples over several lines, ended by one of zeros.
    fn correction(&mut self, line: u32, text: &'a str, items: Items<'a>) {
        self.builder.count(Group::ImpedanceCorrection);
        let mut texts = vec![text];
        let mut values: Vec<Item<'a>> = items.items;
        let complex = self.version >= 34;
        if complex {
            let ended = |values: &[Item<'_>]| {
                let numbers: Vec<Option<f64>> =
                    values.iter().skip(1).map(|i| if i.empty { Some(0.0) } else { lex::number(&i.text) }).collect();
                numbers.chunks(3).any(|triple| triple.iter().all(|n| *n == Some(0.0)))
            };
            // Twelve points and the zeros fit on three lines; a file that lacks the zeros must not swallow the next table.
            while !ended(&values) && values.len() < 1 + 3 * 13 {
                let Some((next, next_text)) = self.lines.next() else { break };
                match kind(next_text) {
                    Kind::Blank => {}
                    Kind::Data(items) => {
                        texts.push(next_text);
                        values.extend(items.items);
                    }
                    // A line that begins with 0 may be a triple; one that is 0 alone is none.
                    _ => {
                        self.lines.hold((next, next_text));
                        break;
                    }
                }
            }
        }
        self.builder.correction(&values, complex, line, &texts.join("\n"));
    }

    fn multi_terminal(&mut self, line: u32, text: &'a str, items: Items<'a>) {
        let counts: Vec<Option<i64>> = (1..4).map(|i| items.items.get(i).and_then(|item| lex::integer(&item.text))).collect();
        self.lines_of_record(Group::MultiTerminalDc, &[0], line, text, items);
        let Some(dc) = self.builder.last_multi_terminal(line) else {
            // The lines of a network that was refused go with it.
            let n: i64 = counts.iter().flatten().filter(|n| (0..=1000).contains(*n)).sum();
            for _ in 0..n {
                if self.continuation().is_none() {
                    break;
                }
            }
            return;
        };
        let groups = [Group::MultiTerminalConverter, Group::MultiTerminalBus, Group::MultiTerminalLink];
        let refused_before = self.builder.n_refused();
        for (group, n) in groups.into_iter().zip(counts) {
            for _ in 0..n.unwrap_or(0).clamp(0, 1000) {
                let Some((line, text, items)) = self.continuation() else {
                    let message = format!("a multi-terminal dc network ends within its {} records", group.name());
                    let finding =
                        Diagnostic::error("RAW.RECORD.SHORT", message).hint("complete it, or correct the numbers in its first line");
                    self.builder.refuse(group, line, text, finding);
                    self.builder.drop_multi_terminal(dc, line, text);
                    return;
                };
                self.builder.multi_terminal_target = Some(dc);
                self.builder.count(group);
                self.hand_on(group, &[0], vec![(line, text, items)]);
            }
        }
        if self.builder.n_refused() > refused_before {
            self.builder.drop_multi_terminal(dc, line, text);
        }
    }

    /// A device of a user's model: its name, its model, and values on further lines. Files differ in
    /// what stands on the first line, so the record goes on to the next line that begins like one.
    fn gne(&mut self, line: u32, text: &'a str, items: &Items<'a>) {
        self.builder.count(Group::Gne);
        let mut lines = vec![text.trim_end().to_owned()];
        while let Some((next, next_text)) = self.lines.next() {
            match kind(next_text) {
                Kind::Blank => {}
                Kind::Data(items) if !begins_gne(&items) && lines.len() < MAX_GNE_LINES => lines.push(next_text.trim_end().to_owned()),
                _ => {
                    self.lines.hold((next, next_text));
                    break;
                }
            }
        }
        let name = items.items.first().map(|i| i.text.trim().to_owned()).unwrap_or_default();
        let message = format!("a device of a user's model has no effect: {name}");
        let finding = Diagnostic::warning("RAW.GNE.KEPT", message).at(&self.at(line));
        self.builder.findings.push(finding.hint("it is kept as text; model it by loads or machines if it matters"));
        self.keep(Group::Gne, line, lines);
    }

    /// A substation and the blocks within it; inner zeros do not end the group.
    fn substation(&mut self, line: u32, text: &'a str, items: Items<'a>) {
        self.builder.count(Group::Substation);
        let before = self.builder.case.substations.len();
        self.hand_on(Group::Substation, &[0], vec![(line, text, items)]);
        let station = (self.builder.case.substations.len() > before).then_some(before);
        for group in [Group::SubstationNode, Group::SubstationSwitch, Group::SubstationTerminal] {
            loop {
                let Some((line, text)) = self.lines.next() else {
                    let finding = Diagnostic::warning("RAW.FILE.NO_END", "the file ends within a substation").at(&self.at(line));
                    self.builder.findings.push(finding.hint("copy the file again"));
                    return;
                };
                match kind(text) {
                    Kind::Blank | Kind::Remark(_) => {}
                    Kind::Quit => {
                        self.lines.hold((line, text));
                        return;
                    }
                    Kind::End(comment) => {
                        let (ends, _) = ends_and_begins(comment);
                        if ends == Some(Group::Substation) {
                            // The group ends where a block was left out.
                            self.lines.hold((line, text));
                            return;
                        }
                        break;
                    }
                    Kind::Data(_) if self.builder.is_hopeless() => return,
                    Kind::Data(items) => {
                        self.builder.count(group);
                        let Some(station) = station else {
                            let finding = Diagnostic::error("RAW.SUBSTATION.REFUSED", "the substation of this record was refused");
                            self.builder.refuse(group, line, text, finding.hint("correct the substation's own record"));
                            continue;
                        };
                        self.builder.substation_target = Some(station);
                        let items = if group == Group::SubstationTerminal { terminal_items(items) } else { items };
                        self.hand_on(group, &[0], vec![(line, text, items)]);
                    }
                }
            }
        }
    }
}

/// A line begins a device of a user's model: two names, then how many terminals, then a bus.
fn begins_gne(items: &Items<'_>) -> bool {
    let word = |i: usize| items.items.get(i).is_some_and(|item| item.quoted || (!item.empty && lex::number(&item.text).is_none()));
    let whole = |i: usize| items.items.get(i).and_then(|item| if item.quoted { None } else { lex::integer(&item.text) });
    word(0) && word(1) && whole(2).is_some_and(|n| (1..=2).contains(&n)) && whole(3).is_some()
}

/// Version 36 writes a value between STAT and MET that its own headings do not name. Owners come in
/// pairs, so that an even number of values says that it is absent.
fn branch_items(mut items: Items<'_>) -> Items<'_> {
    const PLACE: usize = 24;
    if items.items.len() > PLACE && items.items.len().is_multiple_of(2) {
        items.items.insert(PLACE, Item::EMPTY);
    }
    items
}

/// Puts the items of a terminal record into the places of `I, NI, TYP, J, K, ID`: absent buses are
/// left out there, and the identifier is always last.
fn terminal_items(mut items: Items<'_>) -> Items<'_> {
    let n = items.items.len();
    if (4..6).contains(&n) {
        let id = items.items.remove(n - 1);
        items.items.resize(5, Item::EMPTY);
        items.items.push(id);
    }
    items
}
