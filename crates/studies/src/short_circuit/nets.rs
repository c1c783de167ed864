//! The networks of one place of the fault, factored: sequences, peak and dc networks, and the flow that a fault draws through each element.

use super::case::Element;
use super::grid::{Branch, Grid, Place, Shunt};
use super::matrix::{Net, Series};
use num_complex::Complex64;
use powerflow::sparse::SparseError;
use std::collections::BTreeMap;

/// Currents of three sequences (positive, negative, zero).
pub(super) type Sequences = [Complex64; 3];

/// What flows out of an element into a node, by element and terminal.
pub(super) type Flows = BTreeMap<(Element, u8), (usize, Sequences)>;

/// Networks for faults at one place.
#[derive(Debug)]
pub(super) struct Nets {
    pub positive: Net,
    /// None where it is the positive one.
    pub negative: Option<Net>,
    pub zero: Net,
    /// At the equivalent frequency for peaks, with fictitious resistances.
    pub peak: Net,
    /// At equivalent frequencies for dc parts, one a ratio.
    pub dc: Vec<(f64, Net)>,
    /// Without motors, for the steady state; none where there are none.
    pub steady: Option<Net>,
}

fn at_frequency(z: Complex64, ratio: f64) -> Complex64 {
    Complex64::new(z.re, z.im * ratio)
}

pub(super) fn impedance(b: &Branch, place: Place) -> Complex64 {
    b.z * b.k.at(place) + b.z_star
}

pub(super) fn to_earth(s: &Shunt, place: Place) -> Complex64 {
    s.z * s.k.at(place) + s.z_star
}

fn series(branches: &[Branch], place: Place, frequency: f64) -> Vec<Series> {
    let one = |b: &Branch| Series { a: b.a, b: b.b, ratio: b.ratio, z: at_frequency(impedance(b, place), frequency) };
    branches.iter().map(one).collect()
}

/// Equivalent frequency over the nominal one for peaks: 20 Hz of 50, 24 Hz of 60.
pub(super) const PEAK_FREQUENCY: f64 = 0.4;

impl Nets {
    /// Factors the networks; `dc` are the equivalent frequencies asked for.
    ///
    /// # Errors
    /// As [`Net::new`].
    pub(super) fn new(grid: &Grid, place: Place, dc: &[f64], needs_steady: bool) -> Result<Self, SparseError> {
        let n = grid.kv.len();
        let plain = series(&grid.branches, place, 1.0);
        let source = |z: &dyn Fn(&super::grid::Source) -> Complex64, frequency: f64| -> Vec<(usize, Complex64)> {
            grid.sources.iter().map(|s| (s.positive.node, at_frequency(z(s) * s.positive.k.at(place), frequency))).collect()
        };
        let positive = Net::new(n, &plain, &source(&|s| s.positive.z, 1.0))?;
        let differs = grid.sources.iter().any(|s| s.negative != s.positive.z);
        let negative = differs.then(|| Net::new(n, &plain, &source(&|s| s.negative, 1.0))).transpose()?;
        let zero_shunts: Vec<_> = grid.zero_shunts.iter().map(|s| (s.node, to_earth(s, place))).collect();
        let zero = Net::new(n, &series(&grid.zero_branches, place, 1.0), &zero_shunts)?;
        let slow = series(&grid.branches, place, PEAK_FREQUENCY);
        let peak = Net::new(n, &slow, &source(&|s| s.peak, PEAK_FREQUENCY))?;
        let dc = dc.iter().map(|&ratio| {
            let slow = series(&grid.branches, place, ratio);
            Ok((ratio, Net::new(n, &slow, &source(&|s| s.positive.z, ratio))?))
        });
        let dc = dc.collect::<Result<Vec<_>, SparseError>>()?;
        let motors = grid.sources.iter().any(|s| s.mw_per_pole_pair.is_some());
        let steady = if needs_steady && motors {
            let others = grid.sources.iter().filter(|s| s.mw_per_pole_pair.is_none());
            let shunts: Vec<_> = others.map(|s| (s.positive.node, s.positive.z * s.positive.k.at(place))).collect();
            Some(Net::new(n, &plain, &shunts)?)
        } else {
            None
        };
        Ok(Self { positive, negative, zero, peak, dc, steady })
    }
}

/// Which elements are looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Partials {
    None,
    /// Those with an end at the faulted bus.
    #[default]
    AtFault,
    /// Also every source.
    Sources,
    /// Every element at every end.
    All,
}

/// Voltages that a fault makes, per unit, in the three sequences; and converters' currents by node.
pub(super) struct Voltages<'a> {
    pub u: [Option<Vec<Complex64>>; 3],
    pub converters: &'a [Complex64],
}

/// Per-unit flows into the nodes out of every element that is looked at.
pub(super) fn flows(grid: &Grid, place: Place, fault: usize, which: Partials, v: &Voltages<'_>) -> Flows {
    let mut flows = Flows::new();
    let mut add = |element: Element, terminal: Option<u8>, node: usize, sequence: usize, i: Complex64| {
        if let Some(terminal) = terminal
            && (which == Partials::All || node == fault || (which == Partials::Sources && element.kind.is_source()))
        {
            flows.entry((element, terminal)).or_insert((node, Sequences::default())).1[sequence] += i;
        }
    };
    let lists: [&[Branch]; 3] = [&grid.branches, &grid.branches, &grid.zero_branches];
    for (sequence, list) in lists.into_iter().enumerate() {
        let Some(u) = &v.u[sequence] else { continue };
        for b in list.iter().filter(|b| which == Partials::All || b.a == fault || b.b == fault) {
            let i = (u[b.a] / b.ratio - u[b.b]) / impedance(b, place);
            add(b.element, b.terminal_b, b.b, sequence, i);
            add(b.element, b.terminal_a, b.a, sequence, -i / b.ratio);
        }
    }
    for s in &grid.sources {
        let p = &s.positive;
        let k = p.k.at(place);
        for (sequence, z) in [(0, p.z), (1, s.negative)] {
            if let Some(u) = &v.u[sequence] {
                add(p.element, p.terminal, p.node, sequence, -u[p.node] / (z * k));
            }
        }
    }
    for (c, &i) in grid.converters.iter().zip(v.converters) {
        add(c.element, Some(0), c.node, 0, i);
    }
    if let Some(u) = &v.u[2] {
        for s in &grid.zero_shunts {
            add(s.element, s.terminal, s.node, 2, -u[s.node] / to_earth(s, place));
        }
    }
    flows
}

/// What feeds a fault from one side: the sources that hang together when the faulted node is taken away.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    /// Places in `Grid::sources`.
    pub sources: Vec<usize>,
    pub has_converter: bool,
    /// Elements at the faulted node that lead to it, with their terminal.
    pub elements: Vec<(Element, u8)>,
}

/// The sides of a fault that have a source.
pub(super) fn sides(grid: &Grid, fault: usize) -> Vec<Side> {
    let mut parent: Vec<usize> = (0..grid.kv.len()).collect();
    for b in grid.branches.iter().filter(|b| b.a != fault && b.b != fault) {
        let (x, y) = (super::grid::find(&mut parent, b.a), super::grid::find(&mut parent, b.b));
        parent[x] = y;
    }
    let mut by_root: BTreeMap<usize, Side> = BTreeMap::new();
    let mut own = Vec::new();
    for (i, s) in grid.sources.iter().enumerate() {
        if s.positive.node == fault {
            own.push(Side { sources: vec![i], has_converter: false, elements: vec![(s.positive.element, 0)] });
        } else {
            by_root.entry(super::grid::find(&mut parent, s.positive.node)).or_default().sources.push(i);
        }
    }
    for c in &grid.converters {
        if c.node == fault {
            own.push(Side { sources: Vec::new(), has_converter: true, elements: vec![(c.element, 0)] });
        } else {
            by_root.entry(super::grid::find(&mut parent, c.node)).or_default().has_converter = true;
        }
    }
    for b in &grid.branches {
        let (terminal, other) = match () {
            () if b.a == fault => (b.terminal_a, b.b),
            () if b.b == fault => (b.terminal_b, b.a),
            () => continue,
        };
        if let (Some(side), Some(t)) = (by_root.get_mut(&super::grid::find(&mut parent, other)), terminal) {
            side.elements.push((b.element, t));
        }
    }
    // What is not reached from the fault feeds nothing into it.
    own.into_iter().chain(by_root.into_values()).filter(|s| !s.elements.is_empty()).collect()
}
