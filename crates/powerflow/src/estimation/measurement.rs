//! Measurements: what is measured, where, how exactly; and their equations.
//!
//! A measurement is a function of one or two *signals*, each a linear form of the unknowns: a voltage to earth or between nodes, a current
//! of a conductor or of several. With `s` a signal in V or A,
//!
//! ```text
//! magnitude   h = |s|                  ∂h = Re(s* ∂s) / |s|
//!             h = |s|² / 6σ            ∂h = Re(s* ∂s) / 3σ         where it reads |z| < 3σ, which becomes z² / 6σ (0 where z < 0)
//! angle       h = arg s                ∂h = Im(s* ∂s) / |s|²
//! power       P + jQ = f Σ u i*        f = 3 where a node stands for three phases
//! ```
//!
//! A magnitude has no gradient at zero, and one that reads nothing has no direction; its square has both, and with the deviation of the
//! square at three σ it says no more than the magnitude does.

use super::grid::Grid;
use super::tableau::{NONE, Tableau, Unknown};
use crate::circuit::NodeNumber;
use num_complex::Complex64;
use std::f64::consts::{PI, TAU};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantity {
    /// V.
    VoltageMagnitude,
    /// rad, counted as the angles of the sources are.
    VoltageAngle,
    /// A.
    CurrentMagnitude,
    /// rad.
    CurrentAngle,
    /// W, positive into the element.
    ActivePower,
    /// var, positive into the element.
    ReactivePower,
}

impl Quantity {
    /// The word used in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::VoltageMagnitude => "v",
            Self::VoltageAngle => "v_angle",
            Self::CurrentMagnitude => "i",
            Self::CurrentAngle => "i_angle",
            Self::ActivePower => "p",
            Self::ReactivePower => "q",
        }
    }

    /// Unit of values at this interface.
    pub fn unit(self) -> &'static str {
        match self {
            Self::VoltageMagnitude => "V",
            Self::CurrentMagnitude => "A",
            Self::VoltageAngle | Self::CurrentAngle => "rad",
            Self::ActivePower => "W",
            Self::ReactivePower => "var",
        }
    }

    pub fn is_angle(self) -> bool {
        matches!(self, Self::VoltageAngle | Self::CurrentAngle)
    }

    pub fn is_voltage(self) -> bool {
        matches!(self, Self::VoltageMagnitude | Self::VoltageAngle)
    }
}

/// Where it is measured. Elements are positions in [`Grid::elements`], terminals and conductors count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Site {
    /// A node, to earth.
    Node(NodeNumber),
    /// Between two nodes.
    Between(NodeNumber, NodeNumber),
    /// One conductor of a terminal; a voltage there is that of its node to earth.
    Conductor { element: usize, terminal: usize, conductor: usize },
    /// All conductors of a terminal together.
    Terminal { element: usize, terminal: usize },
    /// All that devices draw from a node together.
    Drawn(NodeNumber),
}

/// One measurement, in SI units and radians.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Name of the point.
    pub name: String,
    pub quantity: Quantity,
    pub site: Site,
    pub value: f64,
    /// Standard deviation, in the unit of the value.
    pub sigma: f64,
    /// Not measured but taken from a load profile or a forecast.
    pub is_pseudo: bool,
}

/// A linear form of complex unknowns with real coefficients.
pub(super) type Signal = Vec<(Unknown, f64)>;

/// The equation of a measurement.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub quantity: Quantity,
    /// Voltage (or nothing) and current (or nothing) of each part.
    parts: Vec<(Signal, Signal)>,
    /// Real unknowns, without repetition; the gradient has their order.
    pub columns: Vec<u32>,
    /// Position in `columns` of each term of each signal, in reading order.
    places: Vec<u32>,
    factor: f64,
    /// Direction of the voltages where a current is measured, to start from.
    direction: Complex64,
}

/// Why a measurement takes no part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Its place is dead or at earth: what it should read there is zero.
    Dead,
    /// Value or deviation is no finite number, or the deviation is not positive.
    NoNumber,
    /// No such place, or the quantity does not exist there.
    NoPlace,
}

impl Row {
    /// The equation of a measurement.
    ///
    /// # Errors
    /// Why it has none.
    pub fn new(grid: &Grid, tableau: &Tableau, m: &Measurement) -> Result<Self, Idle> {
        if !(m.value.is_finite() && m.sigma.is_finite() && m.sigma > 0.0) {
            return Err(Idle::NoNumber);
        }
        let voltage = |node: NodeNumber| -> Result<Signal, Idle> {
            let known = tableau.voltage.get(node as usize).ok_or(Idle::NoPlace)?;
            Ok(if *known == NONE { Vec::new() } else { vec![(*known, tableau.unit[*known as usize])] })
        };
        let current = |element: usize, k: usize| -> Signal {
            let i = tableau.current[element][k];
            if i == NONE { Vec::new() } else { vec![(i, tableau.unit[i as usize])] }
        };
        let conductors = |element: usize, terminal: usize, one: Option<usize>| -> Result<Vec<usize>, Idle> {
            let e = grid.elements.get(element).ok_or(Idle::NoPlace)?;
            if terminal >= e.n_terminals() || one.is_some_and(|c| c >= e.n_conductors) {
                return Err(Idle::NoPlace);
            }
            let first = terminal * e.n_conductors;
            Ok(one.map_or_else(|| (first..first + e.n_conductors).collect(), |c| vec![first + c]))
        };
        let mut direction = Complex64::ONE;
        // Node and current signal of every conductor that counts.
        let pairs: Vec<(NodeNumber, Signal)> = match m.site {
            Site::Node(node) => vec![(node, Vec::new())],
            Site::Between(..) => Vec::new(),
            Site::Conductor { element, terminal, conductor } => {
                let at = conductors(element, terminal, Some(conductor))?;
                at.into_iter().map(|k| (grid.elements[element].nodes[k], current(element, k))).collect()
            }
            Site::Terminal { element, terminal } => {
                let at = conductors(element, terminal, None)?;
                at.into_iter().map(|k| (grid.elements[element].nodes[k], current(element, k))).collect()
            }
            Site::Drawn(node) => {
                let devices = grid.elements.iter().enumerate().filter(|(_, e)| e.y.is_none());
                devices.flat_map(|(i, e)| (0..e.nodes.len()).filter(|&k| e.nodes[k] == node).map(move |k| (node, current(i, k)))).collect()
            }
        };
        if let Some(start) = pairs.iter().map(|(node, _)| grid.start[*node as usize]).find(|v| v.norm() > 0.0) {
            direction = start / start.norm();
        }
        let one_voltage = || match (m.site, pairs.as_slice()) {
            (Site::Between(a, b), _) => {
                let (a, b) = (voltage(a)?, voltage(b)?);
                Ok(a.into_iter().chain(b.into_iter().map(|(u, c)| (u, -c))).collect())
            }
            (Site::Node(_) | Site::Conductor { .. }, [(node, _)]) => voltage(*node),
            _ => Err(Idle::NoPlace),
        };
        let has_current = !matches!(m.site, Site::Node(_) | Site::Between(..));
        let parts: Vec<(Signal, Signal)> = match m.quantity {
            Quantity::VoltageMagnitude | Quantity::VoltageAngle => vec![(one_voltage()?, Vec::new())],
            _ if !has_current => return Err(Idle::NoPlace),
            Quantity::CurrentMagnitude | Quantity::CurrentAngle => {
                vec![(Vec::new(), pairs.into_iter().flat_map(|(_, i)| i).collect())]
            }
            Quantity::ActivePower | Quantity::ReactivePower => {
                pairs.into_iter().map(|(node, i)| voltage(node).map(|u| (u, i))).collect::<Result<_, _>>()?
            }
        };
        let is_power = matches!(m.quantity, Quantity::ActivePower | Quantity::ReactivePower);
        let parts: Vec<_> = parts
            .into_iter()
            .filter(|(u, i)| if is_power { !u.is_empty() && !i.is_empty() } else { !u.is_empty() || !i.is_empty() })
            .collect();
        if parts.is_empty() {
            return Err(Idle::Dead);
        }
        let mut columns: Vec<u32> = parts.iter().flat_map(|(u, i)| u.iter().chain(i)).flat_map(|t| [2 * t.0, 2 * t.0 + 1]).collect();
        columns.sort_unstable();
        columns.dedup();
        let place = |unknown: Unknown| columns.iter().position(|&c| c == 2 * unknown).unwrap_or(0) as u32;
        let places = parts.iter().flat_map(|(u, i)| u.iter().chain(i)).map(|t| place(t.0)).collect();
        Ok(Self { quantity: m.quantity, parts, columns, places, factor: grid.phase_factor, direction })
    }

    /// What the measurement would read at the unknowns `x`, and its gradient by `columns`.
    ///
    /// `measured` decides which form a magnitude has. With `first` a current that is still zero is looked for along the voltages, so that the
    /// first iteration has a direction to go: then the gradient alone is changed.
    pub fn evaluate(&self, x: &[f64], measured: &Measurement, first: bool, gradient: &mut [f64]) -> Computed {
        gradient.fill(0.0);
        let value = |s: &Signal| s.iter().map(|&(u, c)| Complex64::new(x[2 * u as usize], x[2 * u as usize + 1]) * c).sum::<Complex64>();
        match self.quantity {
            Quantity::ActivePower | Quantity::ReactivePower => {
                let mut total = Complex64::ZERO;
                let mut at = self.places.iter();
                for (u_signal, i_signal) in &self.parts {
                    let (u, i) = (value(u_signal), value(i_signal));
                    total += u * i.conj() * self.factor;
                    // dS = du i* + u di*; of a real part of du that is i*, of an imaginary one j i*.
                    for &(_, c) in u_signal {
                        let k = at.next().map_or(0, |&k| k as usize);
                        let d = i.conj() * (c * self.factor);
                        let (re, im) = self.pick(d, d * Complex64::I);
                        gradient[k] += re;
                        gradient[k + 1] += im;
                    }
                    for &(_, c) in i_signal {
                        let k = at.next().map_or(0, |&k| k as usize);
                        let d = u * (c * self.factor);
                        let (re, im) = self.pick(d, -d * Complex64::I);
                        gradient[k] += re;
                        gradient[k + 1] += im;
                    }
                }
                let h = if self.quantity == Quantity::ActivePower { total.re } else { total.im };
                Computed { h, difference: measured.value - h }
            }
            quantity => {
                let (u, i) = &self.parts[0];
                let signal = if u.is_empty() { i } else { u };
                let s = value(signal);
                let (z, sigma) = (measured.value, measured.sigma);
                let (d, h, difference) = if quantity.is_angle() {
                    let size = s.norm_sqr().max(1e-300);
                    // The shorter way round.
                    (Complex64::new(-s.im, s.re) / size, s.arg(), (z - s.arg() + PI).rem_euclid(TAU) - PI)
                } else if z.abs() < 3.0 * sigma {
                    (s / (3.0 * sigma), s.norm(), (z.max(0.0).powi(2) - s.norm_sqr()) / (6.0 * sigma))
                } else {
                    let along = if first && s.norm() < 0.01 * z { self.direction * z } else { s };
                    (along / along.norm().max(1e-300), s.norm(), z - s.norm())
                };
                for (&(_, c), &k) in signal.iter().zip(&self.places) {
                    gradient[k as usize] += d.re * c;
                    gradient[k as usize + 1] += d.im * c;
                }
                Computed { h, difference }
            }
        }
    }

    /// The part of a complex derivative that this power has, for a real and an imaginary change.
    fn pick(&self, re: Complex64, im: Complex64) -> (f64, f64) {
        if self.quantity == Quantity::ActivePower { (re.re, im.re) } else { (re.im, im.im) }
    }
}

/// What a measurement should read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Computed {
    pub h: f64,
    /// Measured less computed, in the form that is weighed by σ.
    pub difference: f64,
}
