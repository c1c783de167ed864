//! Headers of a monitor's columns, in the order in which its values come.

use super::{Quantity, Scope, Watch, variables};
use network::Network;

/// Adds a header with a suffix for each of two numbers.
fn pair(out: &mut Vec<String>, first: String, second: String) {
    out.push(first);
    out.push(second);
}

/// Headers of magnitude and angle, as they stand over all terminals and windings.
fn magnitude_and_angle(out: &mut Vec<String>, name: String) {
    pair(out, name, "Deg".to_owned());
}

impl Watch {
    pub(super) fn headers(&self, network: &Network) -> Vec<String> {
        let mut out = Vec::new();
        match self.quantity {
            Quantity::VoltageCurrent { sequence, scope, polar, residual } => {
                self.voltage_current_headers(&mut out, sequence, scope, polar, residual);
            }
            Quantity::Power { sequence, scope, polar } => self.power_headers(&mut out, sequence, scope, polar),
            Quantity::Tap => out.push("Tap (pu)".to_owned()),
            Quantity::Variables => out.extend(variables::names(self.element.kind).iter().map(|&n| n.to_owned())),
            Quantity::Flicker { .. } => (1..=self.n_phases).for_each(|k| pair(&mut out, format!("Flk{k}"), format!("Pst{k}"))),
            Quantity::Solution => out.extend(SOLUTION.iter().map(|&n| n.to_owned())),
            Quantity::Steps => {
                let n_steps = network.capacitors[self.element.index()].steps.len();
                out.extend((1..=n_steps).map(|k| format!("Step_{k}")));
            }
            Quantity::Storage => out.extend(STORAGE.iter().map(|&n| n.to_owned())),
            Quantity::WindingCurrents | Quantity::WindingVoltages => {
                for phase in 1..=self.n_phases {
                    (1..=self.n_terminals).for_each(|winding| magnitude_and_angle(&mut out, format!("P{phase}W{winding}")));
                }
            }
            Quantity::Losses => pair(&mut out, "watts".to_owned(), "vars".to_owned()),
            Quantity::Terminals => {
                self.terminal_headers(&mut out, 'V');
                self.terminal_headers(&mut out, 'I');
            }
            Quantity::LineToLine => {
                for t in 1..=self.n_terminals {
                    (1..=self.n_phases).for_each(|k| magnitude_and_angle(&mut out, format!("V{k}-{}T{t}", k % self.n_phases + 1)));
                }
                self.terminal_headers(&mut out, 'I');
            }
        }
        out
    }

    /// Numbers by which conductors or sequence components are called.
    fn numbers(&self, sequence: bool) -> std::ops::Range<usize> {
        if sequence { 0..3 } else { 1..self.n_conductors + 1 }
    }

    fn voltage_current_headers(&self, out: &mut Vec<String>, sequence: bool, scope: Scope, polar: bool, residual: bool) {
        match scope {
            Scope::Whole => {
                for letter in ['V', 'I'] {
                    for k in self.numbers(sequence) {
                        match polar {
                            true => pair(out, format!("{letter}{k}"), format!("{letter}Angle{k}")),
                            false => pair(out, format!("{letter}{k}.re"), format!("{letter}{k}.im")),
                        }
                    }
                    if residual {
                        match polar {
                            true => pair(out, format!("{letter}N"), format!("{letter}NAngle")),
                            false => pair(out, format!("{letter}N.re"), format!("{letter}N.im")),
                        }
                    }
                }
            }
            Scope::Magnitudes => {
                // Components are counted from 1 here.
                let n = self.numbers(sequence).len();
                for (letter, unit) in [('V', "volts"), ('I', "amps")] {
                    out.extend((1..=n).map(|k| format!("|{letter}|{k} ({unit})")));
                    if residual {
                        out.push(format!("|{letter}N| ({unit})"));
                    }
                }
            }
            Scope::Positive => {
                for letter in ['V', 'I'] {
                    match polar {
                        true => pair(out, format!("{letter}1"), format!("{letter}1ang")),
                        false => pair(out, format!("{letter}1.re"), format!("{letter}1.im")),
                    }
                }
            }
            Scope::PositiveMagnitude => out.extend(["V", "I"].map(str::to_owned)),
        }
    }

    fn power_headers(&self, out: &mut Vec<String>, sequence: bool, scope: Scope, polar: bool) {
        let first = |k: usize| if polar { format!("S{k} (kVA)") } else { format!("P{k} (kW)") };
        match scope {
            Scope::Whole => {
                for k in self.numbers(sequence) {
                    pair(out, first(k), if polar { format!("Ang{k}") } else { format!("Q{k} (kvar)") });
                }
            }
            Scope::Magnitudes => out.extend((1..=self.numbers(sequence).len()).map(first)),
            Scope::Positive => pair(out, first(1), if polar { "Ang".to_owned() } else { "Q1 (kvar)".to_owned() }),
            Scope::PositiveMagnitude => out.push(first(1)),
        }
    }

    fn terminal_headers(&self, out: &mut Vec<String>, letter: char) {
        for t in 1..=self.n_terminals {
            (1..=self.n_conductors).for_each(|k| magnitude_and_angle(out, format!("{letter}{k}T{t}")));
        }
    }
}

const SOLUTION: [&str; 12] = [
    "TotalIterations",
    "ControlIteration",
    "MaxIterations",
    "MaxControlIterations",
    "Converged",
    "IntervalHrs",
    "SolutionCount",
    "Mode",
    "Frequency",
    "Year",
    "SolveSnap_uSecs",
    "TimeStep_uSecs",
];

const STORAGE: [&str; 5] = ["kW output", "kvar output", "kW Stored", "%kW Stored", "State"];
