//! A reliability block diagram as a picture: what has to work stands on a way from left to right.
//!
//! Parts in series follow one another; of parts of which any or some are enough, each has a way of its own between two rails, and the right rail says how
//! many have to work. Many parts side by side are laid in several columns between the same two rails, so that the picture stays about as wide as high. Every
//! block with a name has a frame with it. Places follow from the sizes of the parts alone: each is measured first, then laid into the room that it asked for.

use super::drawing::{Anchor, CALM, Drawing, GRID, INK, PALE_INK};
use super::fitted;

/// What has to work of the parts of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// All of them.
    All,
    /// Any of them.
    Any,
    /// As the words say: `9 of 10`.
    Some(String),
    /// One runs, others wait.
    Standby(String),
}

/// A component, or a block of parts.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Unit {
        name: String,
        /// Under the name, as an availability.
        note: String,
        /// It stands in another place of the picture too, and is one and the same thing.
        is_shared: bool,
    },
    Group {
        name: String,
        note: String,
        rule: Rule,
        parts: Vec<Part>,
    },
}

const BOX_WIDTH: f64 = 108.0;
const BOX_HEIGHT: f64 = 30.0;
const GAP_X: f64 = 22.0;
const GAP_Y: f64 = 10.0;
/// From a rail to what lies between the rails.
const RAIL: f64 = 16.0;
const PAD: f64 = 8.0;
const TITLE: f64 = 14.0;
const NAME_SIZE: f64 = 8.5;
const NOTE_SIZE: f64 = 7.0;
/// So many ways under one another, before another column is begun.
const COLUMN: usize = 12;

/// A part with its size: `way` is the height of the way through it, from its top.
struct Measured<'p> {
    part: &'p Part,
    width: f64,
    height: f64,
    way: f64,
    inner: Inner<'p>,
}

enum Inner<'p> {
    Unit,
    Series(Vec<Measured<'p>>),
    /// Columns of ways between two rails.
    Parallel(Vec<Vec<Measured<'p>>>),
}

fn measure(part: &Part) -> Measured<'_> {
    let Part::Group { rule, parts, .. } = part else {
        return Measured { part, width: BOX_WIDTH, height: BOX_HEIGHT, way: BOX_HEIGHT / 2.0, inner: Inner::Unit };
    };
    let inner: Vec<Measured<'_>> = parts.iter().map(measure).collect();
    if *rule == Rule::All || inner.len() < 2 {
        let way = inner.iter().map(|m| m.way).fold(BOX_HEIGHT / 2.0, f64::max);
        let below = inner.iter().map(|m| m.height - m.way).fold(BOX_HEIGHT / 2.0, f64::max);
        let width = inner.iter().map(|m| m.width).sum::<f64>() + GAP_X * (inner.len() + 1) as f64;
        return Measured {
            part,
            width: width.max(BOX_WIDTH) + 2.0 * PAD,
            height: way + below + TITLE + 2.0 * PAD,
            way: way + TITLE + PAD,
            inner: Inner::Series(inner),
        };
    }
    let n_columns = inner.len().div_ceil(COLUMN);
    let per_column = inner.len().div_ceil(n_columns);
    let mut columns: Vec<Vec<Measured<'_>>> = Vec::new();
    for m in inner {
        match columns.last_mut() {
            Some(column) if column.len() < per_column => column.push(m),
            _ => columns.push(vec![m]),
        }
    }
    let height = columns.iter().map(|c| height_of(c)).fold(0.0, f64::max);
    let width: f64 =
        columns.iter().map(|c| width_of(c)).sum::<f64>() + (columns.len() - 1) as f64 * GAP_X + columns.len() as f64 * 2.0 * RAIL;
    // Between several columns a line above leads to the left rails, and one below from the right ones.
    let lanes = if columns.len() > 1 { GAP_Y } else { 0.0 };
    let (outer, way) = (height + 2.0 * lanes, height / 2.0 + lanes);
    Measured {
        part,
        width: width + 2.0 * GAP_X + 2.0 * PAD,
        height: outer + TITLE + 2.0 * PAD,
        way: way + TITLE + PAD,
        inner: Inner::Parallel(columns),
    }
}

fn height_of(column: &[Measured<'_>]) -> f64 {
    column.iter().map(|m| m.height).sum::<f64>() + GAP_Y * column.len().saturating_sub(1) as f64
}

fn width_of(column: &[Measured<'_>]) -> f64 {
    column.iter().map(|m| m.width).fold(0.0, f64::max)
}

/// The picture of a diagram. `title` and `caption` are what is read out.
pub fn drawing(part: &Part, title: &str, caption: &str) -> Drawing {
    let measured = measure(part);
    let margin = 24.0;
    let mut d = Drawing::new(measured.width + 2.0 * margin, measured.height + 2.0 * margin, title, caption);
    let y = margin + measured.way;
    d.line(vec![[4.0, y], [margin, y]], INK, 1.2);
    d.line(vec![[margin + measured.width, y], [2.0 * margin + measured.width - 4.0, y]], INK, 1.2);
    for x in [4.0, 2.0 * margin + measured.width - 4.0] {
        d.dot([x, y], 2.5, INK, false);
    }
    lay(&mut d, &measured, margin, margin);
    d
}

fn frame(d: &mut Drawing, [left, top]: [f64; 2], width: f64, height: f64) {
    let (right, bottom) = (left + width, top + height);
    d.dashed(vec![[left, top], [right, top], [right, bottom], [left, bottom], [left, top]], CALM, 0.7);
}

/// Draws a part with its top left corner there; its way goes from its left edge to its right one.
fn lay(d: &mut Drawing, m: &Measured<'_>, left: f64, top: f64) {
    let y = top + m.way;
    match m.part {
        Part::Unit { name, note, is_shared } => {
            d.rectangle([left, top], m.width, m.height, GRID);
            let (right, bottom) = (left + m.width, top + m.height);
            d.line(vec![[left, top], [right, top], [right, bottom], [left, bottom], [left, top]], INK, 0.9);
            let name = if *is_shared { format!("{name} *") } else { name.clone() };
            let middle = left + m.width / 2.0;
            let room = m.width - 8.0;
            if note.is_empty() {
                d.text([middle, y + 3.0], NAME_SIZE, Anchor::Middle, INK, fitted(&name, NAME_SIZE, room));
            } else {
                d.text([middle, y - 2.0], NAME_SIZE, Anchor::Middle, INK, fitted(&name, NAME_SIZE, room));
                d.text([middle, y + 9.0], NOTE_SIZE, Anchor::Middle, PALE_INK, fitted(note, NOTE_SIZE, room));
            }
        }
        Part::Group { name, note, rule, .. } => {
            frame(d, [left, top], m.width, m.height);
            let words = match rule {
                Rule::All => String::new(),
                Rule::Any => ", any of them".to_owned(),
                Rule::Some(k) => format!(", {k}"),
                Rule::Standby(k) => format!(", standby {k}"),
            };
            let both = if note.is_empty() { format!("{name}{words}") } else { format!("{name}{words}: {note}") };
            d.text([left + PAD, top + TITLE - 2.0], NAME_SIZE, Anchor::Start, INK, fitted(&both, NAME_SIZE, m.width - 2.0 * PAD));
            match &m.inner {
                Inner::Series(parts) => in_series(d, parts, [left, left + m.width], y),
                Inner::Parallel(columns) => in_parallel(d, m, columns, left, top),
                Inner::Unit => {}
            }
        }
    }
}

fn in_series(d: &mut Drawing, parts: &[Measured<'_>], [left, right]: [f64; 2], y: f64) {
    let used = parts.iter().map(|p| p.width).sum::<f64>();
    let gap = (right - left - used) / (parts.len() + 1) as f64;
    let mut x = left;
    for part in parts {
        d.line(vec![[x, y], [x + gap, y]], INK, 1.2);
        x += gap;
        lay(d, part, x, y - part.way);
        x += part.width;
    }
    d.line(vec![[x, y], [right, y]], INK, 1.2);
}

fn in_parallel(d: &mut Drawing, m: &Measured<'_>, columns: &[Vec<Measured<'_>>], left: f64, top: f64) {
    let y = top + m.way;
    let (from, to) = (left + PAD, left + m.width - PAD);
    let several = columns.len() > 1;
    let lane = if several { GAP_Y } else { 0.0 };
    let (upper, lower) = (top + TITLE + PAD, top + m.height - PAD);
    let room = lower - upper - 2.0 * lane;
    let mut x = from + GAP_X;
    let mut rails: Vec<[f64; 2]> = Vec::new();
    for column in columns {
        let (wide, high) = (width_of(column), height_of(column));
        let (rail, back) = (x, x + wide + 2.0 * RAIL);
        let mut at = upper + lane + (room - high) / 2.0;
        let mut ways = Vec::new();
        for part in column {
            let way = at + part.way;
            // Narrow parts stand in the middle of the column.
            let begin = rail + RAIL + (wide - part.width) / 2.0;
            d.line(vec![[rail, way], [begin, way]], INK, 1.2);
            lay(d, part, begin, at);
            d.line(vec![[begin + part.width, way], [back, way]], INK, 1.2);
            ways.push(way);
            at += part.height + GAP_Y;
        }
        let (mut low, mut high) = (ways[0], ways[ways.len() - 1]);
        if several {
            (low, high) = (upper, lower);
            d.line(vec![[rail, low], [rail, ways[ways.len() - 1]]], INK, 1.2);
            d.line(vec![[back, ways[0]], [back, high]], INK, 1.2);
        } else {
            (low, high) = (low.min(y), high.max(y));
            d.line(vec![[rail, low], [rail, high]], INK, 1.2);
            d.line(vec![[back, low], [back, high]], INK, 1.2);
        }
        rails.push([rail, back]);
        x = back + GAP_X;
    }
    let (first, last) = (rails[0], rails[rails.len() - 1]);
    if several {
        // In along the upper lane, out along the lower one.
        d.line(vec![[left, y], [from, y], [from, upper], [last[0], upper]], INK, 1.2);
        d.line(vec![[first[1], lower], [to, lower], [to, y], [left + m.width, y]], INK, 1.2);
    } else {
        d.line(vec![[left, y], [first[0], y]], INK, 1.2);
        d.line(vec![[first[1], y], [left + m.width, y]], INK, 1.2);
    }
}

#[cfg(test)]
mod tests {
    use super::super::drawing::Shape;
    use super::*;

    fn unit(i: usize) -> Part {
        Part::Unit { name: format!("GEN_RECIP_{i:02}"), note: "A 0.9973".to_owned(), is_shared: false }
    }

    fn group(rule: Rule, parts: Vec<Part>) -> Part {
        Part::Group { name: "B".to_owned(), note: String::new(), rule, parts }
    }

    /// Filled boxes, as left, top, right, bottom.
    fn boxes(d: &Drawing) -> Vec<[f64; 4]> {
        let mut found = Vec::new();
        for shape in &d.shapes {
            if let Shape::Path { pieces, filled: true, .. } = shape {
                let points: Vec<[f64; 2]> = pieces.iter().flatten().copied().collect();
                let of = |f: fn(f64, f64) -> f64, i: usize, from: f64| points.iter().map(|p| p[i]).fold(from, f);
                found.push([of(f64::min, 0, f64::MAX), of(f64::min, 1, f64::MAX), of(f64::max, 0, f64::MIN), of(f64::max, 1, f64::MIN)]);
            }
        }
        found
    }

    fn none_overlap(d: &Drawing) -> bool {
        let boxes = boxes(d);
        boxes.iter().enumerate().all(|(i, a)| {
            boxes[..i].iter().all(|b| a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1])
                && a[0] >= 0.0
                && a[1] >= 0.0
                && a[2] <= d.width
                && a[3] <= d.height
        })
    }

    #[test]
    fn every_component_has_a_box_of_its_own_within_the_picture() {
        let thermal = group(Rule::Some("9 of 10".to_owned()), (0..10).map(unit).collect());
        let electrical = group(Rule::All, vec![unit(20), group(Rule::Any, vec![unit(21), unit(22)])]);
        let whole = group(Rule::All, vec![thermal, electrical]);
        let d = drawing(&whole, "t", "c");
        assert_eq!(boxes(&d).len(), 13);
        assert!(none_overlap(&d));
        // Two hundred, in blocks of many sizes.
        let many: Vec<Part> =
            (0..8).map(|g| group(if g % 3 == 0 { Rule::Any } else { Rule::Some("k of n".into()) }, (0..25).map(unit).collect())).collect();
        let d = drawing(&group(Rule::All, many), "t", "c");
        assert_eq!(boxes(&d).len(), 200);
        assert!(none_overlap(&d));
        let d =
            drawing(&group(Rule::Any, vec![group(Rule::Any, (0..30).map(unit).collect()), unit(0), group(Rule::All, vec![])]), "t", "c");
        assert_eq!(boxes(&d).len(), 31);
        assert!(none_overlap(&d));
    }

    #[test]
    fn what_is_in_series_is_on_one_way_and_what_is_in_parallel_is_not() {
        let d = drawing(&group(Rule::All, vec![unit(0), unit(1), unit(2)]), "t", "c");
        let middles: Vec<f64> = boxes(&d).iter().map(|b| (b[1] + b[3]) / 2.0).collect();
        assert!(middles.windows(2).all(|w| (w[0] - w[1]).abs() < 1e-9), "{middles:?}");
        let d = drawing(&group(Rule::Any, vec![unit(0), unit(1), unit(2)]), "t", "c");
        let lefts: Vec<f64> = boxes(&d).iter().map(|b| b[0]).collect();
        assert!(lefts.windows(2).all(|w| (w[0] - w[1]).abs() < 1e-9), "{lefts:?}");
    }
}
