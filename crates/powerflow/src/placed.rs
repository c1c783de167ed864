//! Power placed at nodes without an element: what a study adds to a compiled circuit to see what becomes of it.
//!
//! A [`PlacedPower`] delivers the complex power `s` into the branch between two nodes, whatever the voltage `v` across it:
//!
//! ```text
//! i = (s / v)*                  while  0.5 v_base <= |v| <= 1.5 v_base
//! i = s* / (limit v_base)^2  v  beyond these limits, an admittance that joins on without a jump
//! ```
//!
//! which is the law of a generator of constant power with these voltage limits (OpenDSS: `model=1 Vminpu=0.5 Vmaxpu=1.5`). A negative
//! power is a load. Nothing of it stands in the system matrix, so that one factor serves any number of places and sizes. The certificate
//! of a solution counts it like an element's current.
//!
//! What belongs to trying out many sizes stands here as well: a state goes back to where it started ([`State::restore`]), tells and takes
//! the positions of taps, banks and switches ([`Positions`]), and answers injected currents by the linear network alone
//! ([`State::response`]).

use crate::circuit::NodeNumber;
use crate::element::Varying;
use crate::error::CircuitError;
use crate::solve::Progress;
use crate::state::State;
use num_complex::Complex64;

const ZERO: Complex64 = Complex64 { re: 0.0, im: 0.0 };

/// Voltages, per unit of the branch's base, between which the power is constant.
const V_MIN_PU: f64 = 0.5;
const V_MAX_PU: f64 = 1.5;

/// Constant power into the branch between two nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlacedPower {
    /// The current flows into the network at `from` and back out of it at `to`; 0 is the earth.
    pub from: NodeNumber,
    pub to: NodeNumber,
    /// Base of the voltage across the branch, V.
    pub base_v: f64,
    /// Delivered to the network, VA; negative where it is drawn.
    pub s_va: Complex64,
}

impl PlacedPower {
    /// Current delivered at node voltages `v`, A.
    fn current(&self, v: &[Complex64]) -> Complex64 {
        let across = v[self.from as usize] - v[self.to as usize];
        let pu = across.norm() / self.base_v;
        if (V_MIN_PU..=V_MAX_PU).contains(&pu) {
            (self.s_va / across).conj()
        } else {
            let limit_v = self.base_v * if pu < V_MIN_PU { V_MIN_PU } else { V_MAX_PU };
            self.s_va.conj() / (limit_v * limit_v) * across
        }
    }
}

/// Where taps, banks and switches stand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Positions {
    taps: Vec<(u32, Box<[f64]>)>,
    steps: Vec<(u32, Box<[bool]>)>,
    closed: Vec<(u32, Box<[bool]>)>,
}

impl State {
    /// Places powers in the circuit, in the stead of those placed before; none with an empty list.
    pub fn place(&mut self, powers: &[PlacedPower]) {
        self.placed.clear();
        self.placed.extend_from_slice(powers);
    }

    pub fn placed(&self) -> &[PlacedPower] {
        &self.placed
    }

    /// Adds what the placed powers inject at the present voltages.
    pub(crate) fn add_placed(&self, injection: &mut [Complex64]) {
        for p in &self.placed {
            let i = p.current(&self.v);
            injection[p.from as usize] += i;
            injection[p.to as usize] -= i;
        }
    }

    /// Goes back to `from`, a state of the same circuit that this one was cloned from, without its placed powers.
    ///
    /// Where the matrix was not touched since, voltages and the memory of controls and converters are all that is copied. The state is
    /// the same to the last bit either way.
    pub fn restore(&mut self, from: &Self) {
        if self.revision != from.revision || !self.stale.is_empty() || !from.stale.is_empty() {
            self.clone_from(from);
            self.placed.clear();
            return;
        }
        self.options.clone_from(&from.options);
        self.v.copy_from_slice(&from.v);
        self.magnitude.clone_from(&from.magnitude);
        self.has_profile = from.has_profile;
        self.needs_update = from.needs_update;
        self.controls.clone_from(&from.controls);
        self.events.clone_from(&from.events);
        self.events_before = from.events_before;
        for k in 0..self.circuit.converters().len() {
            let i = self.circuit.converters()[k] as usize;
            self.varying[i].clone_from(&from.varying[i]);
        }
        self.curve_places.clone_from(&from.curve_places);
        self.placed.clear();
    }

    /// Lets the controls act on a settled solution that was found with all of them held, as [`State::solve_moment`] would after its first power
    /// flow; the control mode is the one to go on with.
    ///
    /// # Errors
    /// As [`State::solve_moment`].
    pub fn release_controls(&mut self, held: Progress) -> Result<Progress, CircuitError> {
        if self.options.max_control_iterations <= 1 {
            return Ok(Progress { controls_settled: false, ..held });
        }
        if self.iterate_controls(1) {
            self.refresh()?;
            return Ok(Progress { control_iterations: 1, controls_settled: held.convergence.settled, ..held });
        }
        self.go_on_with_controls(Progress { control_iterations: 1, ..held })
    }

    /// How often the system matrix was factored anew since the state was made: what shows whether it was touched.
    pub fn matrix_revision(&self) -> u64 {
        self.revision
    }

    /// Positions of taps, banks and switches.
    pub fn positions(&self) -> Positions {
        let mut found = Positions::default();
        for (i, varying) in self.varying.iter().enumerate() {
            match varying {
                Varying::Taps(taps) => found.taps.push((i as u32, taps.clone())),
                Varying::Steps(steps) => found.steps.push((i as u32, steps.clone())),
                _ => {}
            }
            if let Some(closed) = &self.closed[i] {
                found.closed.push((i as u32, closed.clone()));
            }
        }
        found
    }

    /// Moves taps, banks and switches to positions told by a state of this circuit, or of one whose first elements are this one's.
    pub fn set_positions(&mut self, positions: &Positions) {
        for (i, taps) in &positions.taps {
            let i = *i as usize;
            if let Some(Varying::Taps(present)) = self.varying.get_mut(i)
                && present.len() == taps.len()
                && present != taps
            {
                present.copy_from_slice(taps);
                self.mark_stale(i);
            }
        }
        for (i, steps) in &positions.steps {
            let i = *i as usize;
            if let Some(Varying::Steps(present)) = self.varying.get_mut(i)
                && present.len() == steps.len()
                && present != steps
            {
                present.copy_from_slice(steps);
                self.mark_stale(i);
            }
        }
        for (i, closed) in &positions.closed {
            let i = *i as usize;
            if i < self.closed.len() && self.circuit.elements()[i].nodes.len() == closed.len() && self.closed[i].as_ref() != Some(closed) {
                self.closed[i] = Some(closed.clone());
                self.mark_stale(i);
            }
        }
    }

    /// Voltages by node number, V, that injected currents (node, A) cause in the linear network as it stands: sources at rest, converters
    /// by their admittance in the matrix.
    ///
    /// # Errors
    /// As [`State::build`].
    pub fn response(&mut self, injected: &[(NodeNumber, Complex64)]) -> Result<Vec<Complex64>, CircuitError> {
        self.refresh()?;
        let before = self.v.clone();
        self.injection.fill(ZERO);
        for &(node, i) in injected {
            self.injection[node as usize] += i;
        }
        self.solve_linear()?;
        let answer = std::mem::replace(&mut self.v, before);
        Ok(answer)
    }

    /// As [`State::element_currents`], into a slice of the element's conductors.
    pub fn read_currents(&self, index: usize, i: &mut [Complex64]) {
        self.element_currents_into(index, i);
    }

    /// What powers of a model that stands for three phases are multiplied by: 3, else 1.
    pub fn phases_for_one(&self) -> f64 {
        self.phase_factor()
    }

    /// Lowest node number of each node's island, by node number.
    pub fn island_labels(&self) -> Vec<u32> {
        match &self.islands {
            Some(islands) => islands.label.clone(),
            None => self.circuit.islands(&self.primitives).label,
        }
    }

    /// Whether a source feeds each node, by node number; the earth is not fed.
    pub fn fed_nodes(&self) -> Vec<bool> {
        let mut fed = match &self.islands {
            Some(islands) => islands.is_fed.clone(),
            None => self.circuit.islands(&self.primitives).is_fed,
        };
        fed[0] = false;
        fed
    }
}
