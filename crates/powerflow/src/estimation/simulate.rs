//! Measurements made from a solved network, for trials: true values, deviations of a meter class, seeded noise.

use super::grid::Grid;
use super::measurement::{Measurement, Quantity, Site};
use super::meter_class::{MeterClass, preferred_rated_a};
use crate::state::State;
use num_complex::Complex64;
use std::collections::HashMap;

/// Repeatable random numbers (xorshift64*, Marsaglia 2003 and Vigna 2016).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        // Seeds that differ little give sequences that differ much (the finaliser of splitmix64).
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((z ^ (z >> 31)) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Uniform in 0..1, 0 excluded.
    pub fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// Below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        ((self.uniform() * n as f64) as usize).min(n.saturating_sub(1))
    }

    /// Standard normal (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    pub class: MeterClass,
    /// Magnitude to earth at every live node.
    pub voltages: bool,
    /// Active and reactive power of every conductor at the first terminal of elements between buses, or at all of them.
    pub flows: bool,
    pub both_ends: bool,
    /// Magnitude of the current where flows are measured.
    pub currents: bool,
    /// Active and reactive power of every conductor of loads, generators, sources and shunts.
    pub injections: bool,
}

impl Plan {
    /// All of it.
    pub fn full(class: MeterClass) -> Self {
        Self { class, voltages: true, flows: true, both_ends: true, currents: true, injections: true }
    }
}

/// The measurements of a plan in a solved state, without noise: value by value what it should read, and its deviation.
///
/// Conductors at earth are not measured. A current transformer is rated by the preferred value next above the largest current that its
/// element carries, and not for less than a twentieth of the largest current on its level of voltage: nobody builds one for the
/// charging current of an idle bay. `grid` is that of the state.
pub fn simulate(grid: &Grid, state: &State, plan: &Plan) -> Vec<Measurement> {
    let v = state.voltages();
    let mut all = Vec::new();
    if plan.voltages {
        for &n in grid.reported.iter().filter(|&&n| grid.is_live(n)) {
            let value = v[n as usize].norm();
            // A transformer is chosen for the voltage of its bus.
            let sigma = plan.class.sigma_v(value.max(0.1 * grid.v_base[n as usize]));
            let name = format!("v {}", grid.names[n as usize]);
            all.push(Measurement { name, quantity: Quantity::VoltageMagnitude, site: Site::Node(n), value, sigma, is_pseudo: false });
        }
    }
    let mut largest_a: HashMap<u64, f64> = HashMap::new();
    for (k, e) in grid.elements.iter().enumerate() {
        for (&n, i) in e.nodes.iter().zip(state.element_currents(k)).filter(|(n, _)| **n != 0) {
            let largest = largest_a.entry(grid.v_base[n as usize].to_bits()).or_insert(0.0);
            *largest = largest.max(i.norm());
        }
    }
    for (k, e) in grid.elements.iter().enumerate() {
        let between = e.is_series && e.y.is_some();
        let terminals = match between {
            true if !plan.flows => 0,
            false if !plan.injections => 0,
            true if plan.both_ends => e.n_terminals(),
            // The second terminal of what stands at one bus goes to earth.
            _ => 1,
        };
        let currents: Vec<Complex64> = state.element_currents(k);
        for (at, &node) in e.nodes.iter().enumerate().filter(|(at, n)| at / e.n_conductors < terminals && grid.is_live(**n)) {
            let (terminal, conductor) = (at / e.n_conductors, at % e.n_conductors);
            let (u, i) = (v[node as usize], currents[at]);
            let s = u * i.conj() * grid.phase_factor;
            let of_terminal = &currents[terminal * e.n_conductors..(terminal + 1) * e.n_conductors];
            let of_element = of_terminal.iter().map(|i| i.norm()).fold(0.0, f64::max);
            let of_level = largest_a.get(&grid.v_base[node as usize].to_bits()).copied().unwrap_or(0.0);
            let rated_a = preferred_rated_a(of_element.max(of_level / 20.0));
            let (p, q) = plan.class.sigma_pq(s.re, s.im, u.norm() * grid.phase_factor, i.norm(), rated_a);
            let site = Site::Conductor { element: k, terminal, conductor };
            let place = format!("{} {}.{}", e.name, terminal + 1, conductor + 1);
            let mut add = |quantity: Quantity, value: f64, sigma: f64| {
                let name = format!("{} {place}", quantity.word());
                all.push(Measurement { name, quantity, site, value, sigma, is_pseudo: false });
            };
            add(Quantity::ActivePower, s.re, p);
            add(Quantity::ReactivePower, s.im, q);
            if plan.currents && between {
                add(Quantity::CurrentMagnitude, i.norm(), plan.class.sigma_i(i.norm(), rated_a));
            }
        }
    }
    all
}
