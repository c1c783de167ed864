//! Regular expressions as `BatchEdit` takes them: found anywhere in a name, letters in either case.
//!
//! Literals, `.`, `[…]`, `\d \w \s` and their opposites, `^ $`, groups, `|`, and the counts
//! `* + ? {m,n}`. The expression becomes a small machine whose states are followed side by side, so
//! that no pattern takes more than (its length) times (the name's length) steps.

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Pattern {
    program: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    One(Set),
    Start,
    End,
    /// Go on at both.
    Split(usize, usize),
    Jump(usize),
    Match,
}

#[derive(Debug, Clone, PartialEq)]
struct Set {
    negated: bool,
    ranges: Vec<(char, char)>,
}

#[derive(Debug, Clone)]
enum Node {
    Empty,
    One(Set),
    Start,
    End,
    Sequence(Vec<Node>),
    Either(Vec<Node>),
    Repeat { node: Box<Node>, least: u32, most: Option<u32> },
}

/// Longest machine; a pattern like `((a{99}){99}){99}` would need more.
const MAX_STEPS: usize = 10_000;
const MAX_DEPTH: u32 = 50;

impl Pattern {
    /// Compiles an expression; the error says what it lacks.
    pub fn new(pattern: &str) -> Result<Pattern, &'static str> {
        let chars: Vec<char> = pattern.to_lowercase().chars().collect();
        let mut parser = Parser { chars: &chars, at: 0 };
        let node = parser.either(0)?;
        if parser.at < chars.len() {
            return Err("a closing bracket without an opening one");
        }
        let mut program = Vec::new();
        emit(&node, &mut program)?;
        program.push(Step::Match);
        Ok(Pattern { program })
    }

    /// Whether it is found somewhere in `text`.
    pub fn is_in(&self, text: &str) -> bool {
        let chars: Vec<char> = text.to_lowercase().chars().collect();
        let mut now: Vec<usize> = Vec::new();
        let mut next: Vec<usize> = Vec::new();
        let mut seen = vec![usize::MAX; self.program.len()];
        for at in 0..=chars.len() {
            // A match may begin at every place.
            self.follow(0, at, chars.len(), &mut now, &mut seen);
            for &step in &now {
                match &self.program[step] {
                    Step::Match => return true,
                    Step::One(set) if at < chars.len() && set.has(chars[at]) => next.push(step + 1),
                    _ => {}
                }
            }
            now.clear();
            for step in next.drain(..) {
                self.follow(step, at + 1, chars.len(), &mut now, &mut seen);
            }
        }
        now.iter().any(|&step| matches!(self.program[step], Step::Match))
    }

    /// Adds the states that are reached from `step` without reading a character.
    fn follow(&self, step: usize, at: usize, length: usize, states: &mut Vec<usize>, seen: &mut [usize]) {
        let mut open = vec![step];
        while let Some(step) = open.pop() {
            if seen[step] == at {
                continue;
            }
            seen[step] = at;
            match self.program[step] {
                Step::Split(a, b) => open.extend([b, a]),
                Step::Jump(a) => open.push(a),
                Step::Start if at == 0 => open.push(step + 1),
                Step::End if at == length => open.push(step + 1),
                Step::Start | Step::End => {}
                Step::One(_) | Step::Match => states.push(step),
            }
        }
    }
}

impl Set {
    fn has(&self, c: char) -> bool {
        self.ranges.iter().any(|&(a, b)| (a..=b).contains(&c)) != self.negated
    }

    fn class(letter: char) -> Option<Set> {
        let ranges = match letter.to_ascii_lowercase() {
            'd' => vec![('0', '9')],
            'w' => vec![('a', 'z'), ('0', '9'), ('_', '_')],
            's' => vec![(' ', ' '), ('\t', '\t')],
            _ => return None,
        };
        Some(Set { negated: false, ranges })
    }

    fn literal(c: char) -> Set {
        Set { negated: false, ranges: vec![(c, c)] }
    }
}

struct Parser<'a> {
    chars: &'a [char],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn either(&mut self, depth: u32) -> Result<Node, &'static str> {
        if depth > MAX_DEPTH {
            return Err("groups nest too deeply");
        }
        let mut choices = vec![self.sequence(depth)?];
        while self.peek() == Some('|') {
            self.at += 1;
            choices.push(self.sequence(depth)?);
        }
        Ok(if choices.len() == 1 { choices.remove(0) } else { Node::Either(choices) })
    }

    fn sequence(&mut self, depth: u32) -> Result<Node, &'static str> {
        let mut nodes = Vec::new();
        while let Some(c) = self.peek() {
            if c == '|' || c == ')' {
                break;
            }
            let atom = self.atom(depth)?;
            nodes.push(self.counted(atom)?);
        }
        Ok(if nodes.is_empty() { Node::Empty } else { Node::Sequence(nodes) })
    }

    fn atom(&mut self, depth: u32) -> Result<Node, &'static str> {
        Ok(match self.take().ok_or("nothing to match")? {
            '.' => Node::One(Set { negated: true, ranges: Vec::new() }),
            '^' => Node::Start,
            '$' => Node::End,
            '(' => {
                let node = self.either(depth + 1)?;
                if self.take() != Some(')') {
                    return Err("a group is not closed");
                }
                node
            }
            '[' => Node::One(self.set()?),
            '\\' => {
                let c = self.take().ok_or("nothing after a back-slash")?;
                Node::One(Set::class(c).unwrap_or_else(|| Set::literal(c)))
            }
            '*' | '+' | '?' => return Err("a count without something to count"),
            c => Node::One(Set::literal(c)),
        })
    }

    fn counted(&mut self, node: Node) -> Result<Node, &'static str> {
        let simple = match self.peek() {
            Some('*') => Some((0, None)),
            Some('+') => Some((1, None)),
            Some('?') => Some((0, Some(1))),
            _ => None,
        };
        let (least, most) = match simple {
            Some(counts) => {
                self.at += 1;
                counts
            }
            None if self.peek() == Some('{') => match self.braces() {
                Some(counts) => counts,
                None => return Ok(node),
            },
            None => return Ok(node),
        };
        // A lazy count matches the same names.
        if self.peek() == Some('?') {
            self.at += 1;
        }
        if matches!(self.peek(), Some('*' | '+')) {
            return Err("a count of a count");
        }
        Ok(Node::Repeat { node: Box::new(node), least, most })
    }

    /// Counts in braces; braces that hold none stand for themselves.
    fn braces(&mut self) -> Option<(u32, Option<u32>)> {
        let end = self.chars[self.at..].iter().position(|&c| c == '}')? + self.at;
        let inside: String = self.chars[self.at + 1..end].iter().collect();
        let counts = match inside.split_once(',') {
            None => inside.parse().ok().map(|n| (n, Some(n))),
            Some((least, "")) => least.parse().ok().map(|n| (n, None)),
            Some((least, most)) => Some((least.parse().ok()?, Some(most.parse().ok()?))),
        };
        match counts {
            Some(counts) => {
                self.at = end + 1;
                Some(counts)
            }
            None => None,
        }
    }

    fn set(&mut self) -> Result<Set, &'static str> {
        const OPEN: &str = "a set of characters is not closed";
        let negated = self.peek() == Some('^');
        if negated {
            self.at += 1;
        }
        let mut ranges = Vec::new();
        let mut first = true;
        loop {
            let c = self.take().ok_or(OPEN)?;
            if c == ']' && !first {
                return Ok(Set { negated, ranges });
            }
            first = false;
            let escaped = c == '\\';
            let c = if escaped { self.take().ok_or(OPEN)? } else { c };
            if escaped && let Some(class) = Set::class(c) {
                ranges.extend(class.ranges);
                continue;
            }
            if self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|&c| c != ']') {
                self.at += 1;
                let last = self.take().ok_or(OPEN)?;
                if last < c {
                    return Err("a range of characters runs backwards");
                }
                ranges.push((c, last));
            } else {
                ranges.push((c, c));
            }
        }
    }
}

fn emit(node: &Node, program: &mut Vec<Step>) -> Result<(), &'static str> {
    if program.len() > MAX_STEPS {
        return Err("it is too long");
    }
    match node {
        Node::Empty => {}
        Node::One(set) => program.push(Step::One(set.clone())),
        Node::Start => program.push(Step::Start),
        Node::End => program.push(Step::End),
        Node::Sequence(nodes) => {
            for node in nodes {
                emit(node, program)?;
            }
        }
        Node::Either(choices) => {
            let mut ends = Vec::new();
            for (i, choice) in choices.iter().enumerate() {
                if i + 1 < choices.len() {
                    let split = program.len();
                    program.push(Step::Split(split + 1, 0));
                    emit(choice, program)?;
                    ends.push(program.len());
                    program.push(Step::Jump(0));
                    program[split] = Step::Split(split + 1, program.len());
                } else {
                    emit(choice, program)?;
                }
            }
            let end = program.len();
            for jump in ends {
                program[jump] = Step::Jump(end);
            }
        }
        Node::Repeat { node, least, most } => {
            for _ in 0..*least {
                emit(node, program)?;
                if matches!(**node, Node::Empty) {
                    break;
                }
            }
            match most {
                None => {
                    let split = program.len();
                    program.push(Step::Split(split + 1, 0));
                    emit(node, program)?;
                    program.push(Step::Jump(split));
                    program[split] = Step::Split(split + 1, program.len());
                }
                Some(most) => {
                    for _ in *least..*most {
                        let split = program.len();
                        program.push(Step::Split(split + 1, 0));
                        emit(node, program)?;
                        program[split] = Step::Split(split + 1, program.len());
                        if matches!(**node, Node::Empty) {
                            break;
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let compiled = Pattern::new(pattern).unwrap();
        for text in yes {
            assert!(compiled.is_in(text), "{pattern} in {text}");
        }
        for text in no {
            assert!(!compiled.is_in(text), "{pattern} not in {text}");
        }
    }

    #[test]
    fn patterns_are_found_anywhere_in_either_case() {
        check("a2", &["xA2y"], &["a1"]);
        check(".*", &["", "x"], &[]);
        check("^l[0-9]+$", &["l12"], &["l", "xl1", "l1x"]);
        check("[^ab]c", &["dc"], &["ac", "bc", "c"]);
        check("x|yz", &["ayz", "x"], &["y"]);
        check("(ab){2,3}$", &["abab", "cababab"], &["ab"]);
        check("a\\.b\\d?", &["a.b", "a.b7"], &["axb"]);
        check("[\\d]", &["4"], &["d"]);
        check("", &["anything"], &[]);
    }

    #[test]
    fn broken_and_overlong_patterns_are_refused() {
        for pattern in ["[", "(", ")", "*", "a**b(", "\\", "((a{999}){999}){999}", "[z-a]"] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
        assert!(Pattern::new(&"(".repeat(100_000)).is_err());
    }

    #[test]
    fn no_pattern_takes_long() {
        let pattern = Pattern::new("(a*)*(a*)*(a|a)*$b").unwrap();
        assert!(!pattern.is_in(&"a".repeat(2_000)));
    }
}
