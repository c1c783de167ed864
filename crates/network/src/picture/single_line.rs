//! A single-line diagram as a picture: the symbols of IEC 60617 at the places that [`crate::diagram`] gave them, with names and notes beside them.
//!
//! A column is as wide as the names in it need, within bounds, so that no name runs into its neighbour; a name that is longer is cut, and the whole stands in
//! the table beside the picture.

use super::drawing::{Anchor, CALM, Colour, Drawing, INK, PALE_INK, PAPER, Shape};
use super::fitted;
use crate::diagram::{Diagram, DiagramNode, Symbol, SymbolState};

/// Words beside a symbol: its name, and lines of notes.
pub type Words = (String, Vec<String>);

const ROW: f64 = 62.0;
const COLUMN_LEAST: f64 = 56.0;
const COLUMN_MOST: f64 = 120.0;
const MARGIN: f64 = 30.0;
const NAME_SIZE: f64 = 7.5;
const NOTE_SIZE: f64 = 6.5;
/// From the middle of a symbol to its words.
const BESIDE: f64 = 13.0;

/// The picture of a diagram; `words` are what stands beside a symbol.
pub fn drawing(diagram: &Diagram, words: &dyn Fn(&DiagramNode) -> Words, title: &str, caption: &str) -> Drawing {
    let widest = diagram.nodes.iter().filter(|n| n.symbol != Symbol::Bus).map(|n| {
        let (name, notes) = words(n);
        let letters = notes.iter().map(|t| t.chars().count() as f64 * NOTE_SIZE).fold(name.chars().count() as f64 * NAME_SIZE, f64::max);
        BESIDE + 0.52 * letters + 16.0
    });
    let column = widest.fold(COLUMN_LEAST, f64::max).min(COLUMN_MOST);
    let place = |x: f64, y: f64| [MARGIN + (x + 0.5) * column, MARGIN + (y + 0.5) * ROW];
    let mut d = Drawing::new(2.0 * MARGIN + (diagram.width + 1.5) * column, 2.0 * MARGIN + (diagram.height + 1.0) * ROW, title, caption);
    for edge in &diagram.edges {
        let points = edge.points.iter().map(|[x, y]| place(*x, *y)).collect();
        d.line(points, if edge.supplied { INK } else { CALM }, 1.1);
    }
    for node in &diagram.nodes {
        let (name, notes) = words(node);
        let [x, y] = place(node.x, node.y);
        let is_dead = !node.supplied || matches!(node.state, SymbolState::Open | SymbolState::OutOfService);
        let ink = if is_dead { CALM } else { INK };
        if node.symbol == Symbol::Bus {
            let ([left, _], [right, _]) = (place(node.x_from, node.y), place(node.x_to, node.y));
            let (left, right) = (left.min(x - 14.0), right.max(x + 14.0));
            d.line(vec![[left, y], [right, y]], ink, 3.2);
            let more = if node.more > 0 { format!(" (and {} more)", node.more) } else { String::new() };
            let all = std::iter::once(format!("{name}{more}")).chain(notes).collect::<Vec<_>>().join(", ");
            // Above the bar, beside the line that comes down onto it.
            let room = (right - x).max(column) - 6.0;
            d.text([x + 5.0, y - 5.0], NAME_SIZE, Anchor::Start, INK, fitted(&all, NAME_SIZE, room));
            continue;
        }
        symbol(&mut d, node.symbol, [x, y], ink, !matches!(node.state, SymbolState::Open | SymbolState::OutOfService));
        let room = column - BESIDE - 4.0;
        d.text([x + BESIDE, y - 1.0], NAME_SIZE, Anchor::Start, INK, fitted(&name, NAME_SIZE, room));
        for (i, note) in notes.iter().take(2).enumerate() {
            d.text([x + BESIDE, y + 8.0 + 8.0 * i as f64], NOTE_SIZE, Anchor::Start, PALE_INK, fitted(note, NOTE_SIZE, room));
        }
        if matches!(node.state, SymbolState::OutOfService) {
            d.text([x + BESIDE, y - 9.0], NOTE_SIZE, Anchor::Start, PALE_INK, "out of service");
        }
    }
    d
}

/// Terminals lie 12 points above and below the middle.
fn symbol(d: &mut Drawing, symbol: Symbol, [x, y]: [f64; 2], ink: Colour, is_closed: bool) {
    let mut line = |points: &[[f64; 2]]| d.line(points.iter().map(|[a, b]| [x + a, y + b]).collect(), ink, 1.1);
    let ring = |cx: f64, cy: f64, r: f64| -> Vec<[f64; 2]> {
        (0..=32).map(|i| f64::from(i) * std::f64::consts::TAU / 32.0).map(|t| [cx + r * t.cos(), cy + r * t.sin()]).collect()
    };
    let square = |r: f64| [[-r, -r], [r, -r], [r, r], [-r, r], [-r, -r]];
    let letter = match symbol {
        Symbol::Bus => None,
        Symbol::Line | Symbol::DcLine => {
            line(&[[0.0, -12.0], [0.0, 12.0]]);
            (symbol == Symbol::DcLine).then_some("=")
        }
        Symbol::Source => {
            line(&ring(0.0, 0.0, 9.0));
            line(&[[0.0, 9.0], [0.0, 12.0]]);
            line(
                &(0..=16)
                    .map(|i| -5.0 + f64::from(i) * 0.625)
                    .map(|t| [t, -4.0 * (t * std::f64::consts::PI / 5.0).sin()])
                    .collect::<Vec<_>>(),
            );
            None
        }
        Symbol::Breaker | Symbol::Recloser | Symbol::Fuse => {
            line(&[[0.0, -12.0], [0.0, -6.0]]);
            line(&[[0.0, 6.0], [0.0, 12.0]]);
            line(&square(6.0));
            if is_closed {
                line(&[[-6.0, -6.0], [6.0, 6.0]]);
                line(&[[-6.0, 6.0], [6.0, -6.0]]);
            }
            None
        }
        Symbol::Switch => {
            line(&[[0.0, -12.0], [0.0, -7.0]]);
            line(&[[-4.0, -7.0], [4.0, -7.0]]);
            line(&[[0.0, 12.0], [0.0, 7.0], if is_closed { [0.0, -7.0] } else { [8.0, -6.0] }]);
            None
        }
        Symbol::TransformerTwoWindings | Symbol::Autotransformer | Symbol::Regulator => {
            line(&ring(0.0, -4.0, 6.0));
            line(&ring(0.0, 4.0, 6.0));
            line(&[[0.0, -12.0], [0.0, -10.0]]);
            line(&[[0.0, 10.0], [0.0, 12.0]]);
            if symbol == Symbol::Regulator {
                line(&[[-9.0, 8.0], [9.0, -8.0]]);
            }
            None
        }
        Symbol::TransformerThreeWindings => {
            line(&ring(0.0, -5.0, 5.5));
            line(&ring(-4.0, 3.0, 5.5));
            line(&ring(4.0, 3.0, 5.5));
            line(&[[0.0, -12.0], [0.0, -10.5]]);
            None
        }
        Symbol::ShuntCapacitor | Symbol::SeriesCapacitor => {
            line(&[[0.0, -12.0], [0.0, -2.5]]);
            line(&[[-9.0, -2.5], [9.0, -2.5]]);
            line(&[[-9.0, 2.5], [9.0, 2.5]]);
            line(&[[0.0, 2.5], [0.0, 12.0]]);
            None
        }
        Symbol::ShuntReactor | Symbol::SeriesReactor => {
            line(&[[0.0, -12.0], [0.0, -7.0]]);
            line(&ring(0.0, 0.0, 7.0));
            line(&[[0.0, 7.0], [0.0, 12.0]]);
            None
        }
        Symbol::Load => {
            line(&[[0.0, -12.0], [0.0, 10.0]]);
            line(&[[-5.0, 1.0], [0.0, 10.0], [5.0, 1.0]]);
            None
        }
        Symbol::Generator | Symbol::Motor | Symbol::CurrentSource => {
            line(&ring(0.0, 1.0, 9.0));
            line(&[[0.0, -12.0], [0.0, -8.0]]);
            Some(match symbol {
                Symbol::Generator => "G",
                Symbol::Motor => "M",
                _ => "I",
            })
        }
        Symbol::Pv => {
            line(&square(8.0));
            line(&[[-8.0, -8.0], [0.0, 1.0], [8.0, -8.0]]);
            line(&[[0.0, -12.0], [0.0, -8.0]]);
            None
        }
        Symbol::Storage => {
            line(&[[0.0, -12.0], [0.0, -5.0]]);
            for (half, at) in [(9.0, -5.0), (5.0, 0.0), (9.0, 5.0), (5.0, 10.0)] {
                line(&[[-half, at], [half, at]]);
            }
            None
        }
        Symbol::Fault => {
            line(&[[2.0, -12.0], [-4.0, 1.0], [3.0, 1.0], [-2.0, 12.0]]);
            None
        }
        Symbol::Connector => {
            line(&[[0.0, -12.0], [0.0, -4.0]]);
            line(&[[-5.0, -4.0], [5.0, -4.0], [0.0, 5.0], [-5.0, -4.0]]);
            None
        }
        Symbol::Facts | Symbol::Other => {
            line(&[[0.0, -12.0], [0.0, -7.0]]);
            line(&square(7.0));
            None
        }
    };
    if let Some(letter) = letter {
        // What is below a letter shows through nowhere.
        if symbol == Symbol::DcLine {
            d.shapes.push(Shape::Dot { at: [x, y], radius: 5.0, colour: PAPER, hollow: false });
        }
        d.text([x, y + 4.5], 9.0, Anchor::Middle, ink, letter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagram::{DiagramOptions, diagram};
    use crate::graph::Graph;
    use crate::layout::tests::tree_network;
    use crate::{BusId, Common, Network, Terminal, Unmodelled};

    fn add(network: &mut Network, name: String, bus: usize) {
        let mut common = Common::new(name, 3);
        common.terminals = vec![Terminal::new(BusId::from(bus), vec![1, 2, 3])];
        network.add(Unmodelled { common, class: "box".into(), properties: Vec::new(), affects_power_flow: true });
    }

    #[test]
    fn words_stand_within_the_picture_and_do_not_run_into_one_another() {
        let mut network = tree_network(&[0, 0, 0, 0, 1, 1]);
        for bus in 0..7 {
            add(&mut network, format!("load{bus}"), bus);
            add(&mut network, format!("a_generator_with_a_very_long_name_{bus}"), bus);
        }
        let found = diagram(&network, &Graph::new(&network), &|_| true, BusId(0), DiagramOptions::default());
        let d = drawing(&found, &|n| (n.label.clone(), n.notes.clone()), "t", "c");
        let texts: Vec<([f64; 2], f64, &str)> = d
            .shapes
            .iter()
            .filter_map(|s| match s {
                Shape::Text { at, size, text, .. } => Some((*at, *size, text.as_str())),
                _ => None,
            })
            .collect();
        assert!(texts.iter().any(|t| t.2.starts_with("load3")) && texts.iter().any(|t| t.2.ends_with('…')));
        for (i, (a, size, text)) in texts.iter().enumerate() {
            let end = a[0] + 0.52 * size * text.chars().count() as f64;
            assert!(end <= d.width && a[1] <= d.height, "{text} leaves the picture");
            let hit = texts[..i].iter().chain(&texts[i + 1..]).find(|(b, ..)| (a[1] - b[1]).abs() < 5.0 && b[0] > a[0] && b[0] < end - 1.0);
            assert!(hit.is_none(), "{text} runs into {hit:?}");
        }
    }
}
