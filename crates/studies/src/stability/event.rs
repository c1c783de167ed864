//! What disturbs the grid, and what the grid looks like after it.
//!
//! An unbalanced fault is seen by the positive sequence as an impedance from its point to earth, made of the negative- and zero-sequence impedances
//! `Z_2`, `Z_0` that the network shows at that point:
//!
//! ```text
//! three-phase            Z_f
//! line to earth          Z_2 + Z_0 + 3 Z_f
//! line to line           Z_2 + Z_f
//! two lines to earth     Z_2 (Z_0 + 3 Z_f) / (Z_2 + Z_0 + 3 Z_f)
//! ```
//!
//! Source: Anderson and Fouad, *Power System Control and Stability* (2nd ed. 2003), ch. 2; Kundur (1994), section 13.4.

use network::{BusId, ElementId};
use num_complex::Complex64;

/// Where a fault is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place {
    Bus(BusId),
    /// On a line ([`network::AcBranch`]), at this share of its length from its first terminal; 0 < `fraction` < 1.
    Line {
        branch: ElementId,
        fraction: f64,
    },
}

/// Which conductors a fault joins; sequence impedances of the network at its place, per unit on the system base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaultKind {
    ThreePhase,
    LineEarth { z_2_pu: Complex64, z_0_pu: Complex64 },
    LineLine { z_2_pu: Complex64 },
    LineLineEarth { z_2_pu: Complex64, z_0_pu: Complex64 },
}

impl FaultKind {
    /// Impedance that stands for the fault in the positive sequence, per unit on the system base; `z_fault_pu` is that of the fault itself.
    pub fn shunt_pu(&self, z_fault_pu: Complex64) -> Complex64 {
        match *self {
            Self::ThreePhase => z_fault_pu,
            Self::LineEarth { z_2_pu, z_0_pu } => z_2_pu + z_0_pu + 3.0 * z_fault_pu,
            Self::LineLine { z_2_pu } => z_2_pu + z_fault_pu,
            Self::LineLineEarth { z_2_pu, z_0_pu } => {
                let other = z_0_pu + 3.0 * z_fault_pu;
                z_2_pu * other / (z_2_pu + other)
            }
        }
    }
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// A fault comes. `z_fault_pu` 0: bolted.
    Fault { place: Place, kind: FaultKind, z_fault_pu: Complex64 },
    /// All faults at a place go.
    Clear { place: Place },
    /// A branch or transformer opens at all its ends. A fault on it stays with it.
    Open { branch: ElementId },
    /// It closes again.
    Close { branch: ElementId },
    /// A machine is disconnected for good.
    TripMachine { machine: ElementId },
    /// A bus draws this much more, in the option's model of loads at the voltage of the start.
    LoadStep { bus: BusId, p_mw: f64, q_mvar: f64 },
}

/// An action and its moment, seconds from the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    pub t_s: f64,
    pub action: Action,
}

/// A three-phase fault at a bus from `t_s` that is cleared after `duration_s` by opening `branch`, where there is one.
pub fn bus_fault(bus: BusId, t_s: f64, duration_s: f64, branch: Option<ElementId>) -> Vec<Event> {
    let place = Place::Bus(bus);
    let fault = Action::Fault { place, kind: FaultKind::ThreePhase, z_fault_pu: Complex64::ZERO };
    let cleared = t_s + duration_s;
    let mut events = vec![Event { t_s, action: fault }, Event { t_s: cleared, action: Action::Clear { place } }];
    events.extend(branch.map(|branch| Event { t_s: cleared, action: Action::Open { branch } }));
    events
}

/// A three-phase fault on a line from `t_s` that is cleared after `duration_s` by opening the line.
pub fn line_fault(branch: ElementId, fraction: f64, t_s: f64, duration_s: f64) -> Vec<Event> {
    let fault = Action::Fault { place: Place::Line { branch, fraction }, kind: FaultKind::ThreePhase, z_fault_pu: Complex64::ZERO };
    vec![Event { t_s, action: fault }, Event { t_s: t_s + duration_s, action: Action::Open { branch } }]
}

/// A fault that is there: its place and the impedance that stands for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ActiveFault {
    pub place: Place,
    pub z_pu: Complex64,
}

/// What differs from the grid of the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Topology {
    pub open: Vec<ElementId>,
    /// Branches out of service at the start that were closed.
    pub closed: Vec<ElementId>,
    pub faults: Vec<ActiveFault>,
    /// Machines that were tripped.
    pub tripped: Vec<ElementId>,
    /// Additional draw at buses: MW, Mvar.
    pub steps: Vec<(BusId, Complex64)>,
}

impl Topology {
    pub fn apply(&mut self, action: &Action) {
        match *action {
            Action::Fault { place, kind, z_fault_pu } => self.faults.push(ActiveFault { place, z_pu: kind.shunt_pu(z_fault_pu) }),
            Action::Clear { place } => self.faults.retain(|f| f.place != place),
            Action::Open { branch } => {
                self.closed.retain(|b| *b != branch);
                if !self.open.contains(&branch) {
                    self.open.push(branch);
                }
            }
            Action::Close { branch } => {
                self.open.retain(|b| *b != branch);
                if !self.closed.contains(&branch) {
                    self.closed.push(branch);
                }
            }
            Action::TripMachine { machine } => self.tripped.push(machine),
            Action::LoadStep { bus, p_mw, q_mvar } => self.steps.push((bus, Complex64::new(p_mw, q_mvar))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unbalanced_faults_by_their_sequence_impedances() {
        let (z_2_pu, z_0_pu) = (Complex64::new(0.0, 0.2), Complex64::new(0.0, 0.3));
        let f = Complex64::new(0.1, 0.0);
        assert_eq!(FaultKind::ThreePhase.shunt_pu(f), f);
        assert_eq!(FaultKind::LineLine { z_2_pu }.shunt_pu(f), Complex64::new(0.1, 0.2));
        assert!((FaultKind::LineEarth { z_2_pu, z_0_pu }.shunt_pu(f) - Complex64::new(0.3, 0.5)).norm() < 1e-15);
        // 0.2 parallel to 0.3 is 0.12.
        let two = FaultKind::LineLineEarth { z_2_pu, z_0_pu }.shunt_pu(Complex64::ZERO);
        assert!((two - Complex64::new(0.0, 0.12)).norm() < 1e-15);
    }
}
