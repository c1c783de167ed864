use super::*;
use crate::layout::tests::{add_line, tree_network};
use crate::{Common, Terminal, Unmodelled};
use proptest::prelude::*;

fn drawn(network: &Network, root: usize, options: DiagramOptions) -> Diagram {
    let graph = Graph::new(network);
    let supply = graph.reach(&[BusId(0)]);
    diagram(network, &graph, &|b| supply.is_reached(b), BusId::from(root), options)
}

/// Something at one or more buses, of no kind that has a symbol.
fn add_at(network: &mut Network, name: &str, buses: &[usize]) {
    let mut common = Common::new(name, 3);
    common.terminals = buses.iter().map(|b| Terminal::new(BusId::from(*b), vec![1, 2, 3])).collect();
    network.add(Unmodelled { common, class: "box".into(), properties: Vec::new(), affects_power_flow: true });
}

/// Symbols and bars of a row keep apart; each line goes from symbol to symbol by straight strokes; no stroke passes a bar or symbol.
fn check(diagram: &Diagram) {
    let nodes = &diagram.nodes;
    for (i, a) in nodes.iter().enumerate() {
        assert!(a.x_from <= a.x && a.x <= a.x_to && a.x_from >= -1e-9);
        for b in nodes[i + 1..].iter().filter(|b| b.y == a.y) {
            assert!(a.x_to + 0.99 < b.x_from || b.x_to + 0.99 < a.x_from, "{} and {} in one row", a.label, b.label);
        }
    }
    for edge in &diagram.edges {
        let (first, last) = (edge.points[0], edge.points[edge.points.len() - 1]);
        let meets = |n: &DiagramNode, p: [f64; 2]| n.y == p[1] && n.x_from - 1e-9 <= p[0] && p[0] <= n.x_to + 1e-9;
        assert!(meets(&nodes[edge.from], first) && meets(&nodes[edge.to], last), "{edge:?}");
        for w in edge.points.windows(2) {
            assert!(w[0][0] == w[1][0] || w[0][1] == w[1][1], "a slanting stroke");
            let (low, high) = (w[0][1].min(w[1][1]), w[0][1].max(w[1][1]));
            let passes = |n: &DiagramNode| n.y > low && n.y < high && n.x_from <= w[0][0] && w[0][0] <= n.x_to;
            assert!(!nodes.iter().any(passes));
        }
    }
    // Upright strokes of one row stand apart unless they leave the same symbol.
    for (i, a) in diagram.edges.iter().enumerate() {
        for b in diagram.edges[i + 1..].iter().filter(|b| b.to != a.to && b.from != a.from) {
            let (p, q) = (a.points[a.points.len() - 1], b.points[b.points.len() - 1]);
            assert!(p[1] != q[1] || (p[0] - q[0]).abs() > 0.5);
        }
    }
}

proptest! {
    #[test]
    fn diagrams_of_trees_with_shunts_are_neat(
        choices in proptest::collection::vec(0.0..1.0_f64, 1..40), shunts in proptest::collection::vec(0.0..1.0_f64, 0..30),
        doubles in proptest::collection::vec(0.0..1.0_f64, 0..5), loops in proptest::collection::vec((0.0..1.0_f64, 0.0..1.0_f64), 0..4),
        root in 0.0..1.0_f64, depth in 1_u32..8
    ) {
        let parents: Vec<usize> = choices.iter().enumerate().map(|(i, c)| (c * (i + 1) as f64) as usize).collect();
        let n = parents.len() + 1;
        let mut network = tree_network(&parents);
        let pick = |c: f64| (c * n as f64) as usize;
        shunts.iter().enumerate().for_each(|(i, c)| add_at(&mut network, &format!("s{i}"), &[pick(*c)]));
        doubles.iter().for_each(|c| {
            let to = 1 + (c * parents.len() as f64) as usize;
            add_line(&mut network, parents[to - 1], to);
        });
        loops.iter().filter(|(a, b)| pick(*a) != pick(*b)).for_each(|(a, b)| add_line(&mut network, pick(*a), pick(*b)));
        check(&drawn(&network, pick(root), DiagramOptions { depth, symbols_max: 400 }));
        let whole = drawn(&network, 0, DiagramOptions { depth: 100, symbols_max: 10_000 });
        check(&whole);
        // Everything is there, once.
        prop_assert!(!whole.truncated);
        let buses: HashSet<BusId> = whole.nodes.iter().filter_map(|n| n.bus).collect();
        prop_assert_eq!(buses.len(), n);
        let mut elements: Vec<ElementId> = whole.nodes.iter().filter_map(|n| n.element).collect();
        elements.sort_unstable();
        let mut all: Vec<ElementId> = network.order.clone();
        all.sort_unstable();
        prop_assert_eq!(elements, all);
    }
}

#[test]
fn elements_in_parallel_stand_side_by_side() {
    let mut network = tree_network(&[0, 1]);
    add_line(&mut network, 0, 1);
    add_line(&mut network, 1, 0);
    let diagram = drawn(&network, 0, DiagramOptions::default());
    check(&diagram);
    let row: Vec<f64> = diagram.nodes.iter().filter(|n| n.y == 1.0).map(|n| n.x).collect();
    assert_eq!(row, [0.0, 1.0, 2.0]);
    let below = diagram.nodes.iter().find(|n| n.bus == Some(BusId(1))).unwrap();
    assert_eq!((below.x_from, below.x_to), (0.0, 2.0));
}

#[test]
fn three_windings_make_two_bars() {
    let mut network = tree_network(&[]);
    network.bus_or_add("b1");
    network.bus_or_add("b2");
    add_at(&mut network, "three", &[0, 1, 2]);
    let diagram = drawn(&network, 0, DiagramOptions::default());
    check(&diagram);
    assert_eq!(diagram.nodes.iter().filter(|n| n.element.is_some()).count(), 1);
    assert_eq!(diagram.nodes.iter().filter(|n| n.bus.is_some() && n.y == 2.0).count(), 2);
}

#[test]
fn a_loop_is_named_at_both_ends() {
    let mut network = tree_network(&[0, 0, 1, 2]);
    add_line(&mut network, 3, 4);
    network.lines[4].common.terminals[1].closed = vec![false; 3];
    let diagram = drawn(&network, 0, DiagramOptions::default());
    check(&diagram);
    let labels: Vec<&str> = diagram.nodes.iter().filter(|n| n.symbol == Symbol::Connector).map(|n| n.label.as_str()).collect();
    assert_eq!(labels.len(), 2);
    assert!(labels.contains(&"line.l3_4_4") && (labels.contains(&"b4") || labels.contains(&"b3")), "{labels:?}");
    let tie = diagram.nodes.iter().find(|n| n.label == "l3_4_4").unwrap();
    assert_eq!(tie.state, SymbolState::Open);
}

#[test]
fn what_is_beyond_the_depth_is_counted() {
    let network = tree_network(&[0, 1, 2, 2]);
    let diagram = drawn(&network, 0, DiagramOptions { depth: 2, symbols_max: 400 });
    check(&diagram);
    assert!(diagram.truncated);
    assert_eq!(diagram.nodes.iter().find(|n| n.bus == Some(BusId(2))).unwrap().more, 2);
    let small = drawn(&network, 0, DiagramOptions { depth: 50, symbols_max: 3 });
    assert!(small.truncated && small.nodes.len() <= 4);
}
