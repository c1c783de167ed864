//! A generating unit: a machine with its exciter and governor as one set of states.
//!
//! ```text
//! M x' = f(x, V)          I = g(x, V)
//! ```
//!
//! `x` holds the machine's states, then the exciter's, then the governor's; `M` is diagonal and has zeros where a block has no delay. `V` and `I` are
//! phasors in the network's frame, `V` per unit, `I` per unit on the system base.

use super::control::{Exciter, Governor, LimitAtStart};
use super::machine::{MACHINE_STATES, Machine, to_network, to_rotor};
use network::dynamics::{ExciterModel, GovernorModel, MachineModel};
use network::{BusId, ElementId};
use num_complex::Complex64;

/// Largest number of states of a unit: a round rotor with IEEET1 and GAST.
pub(super) const STATES: usize = MACHINE_STATES + 4 + 3;

/// Limits below and above.
pub(super) type Bounds = Option<(f64, f64)>;

/// A unit at work.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub element: ElementId,
    pub name: String,
    pub bus: BusId,
    pub base_mva: f64,
    /// Machine base over system base.
    scale: f64,
    pub machine: Machine,
    exciter: Exciter,
    governor: Governor,
    pub masses: Vec<f64>,
    pub limits: Vec<Bounds>,
    /// Where the exciter's and the governor's states begin.
    at: [usize; 2],
}

/// What a unit gives at a state and voltage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    /// Into the network, per unit on the system base.
    pub current: Complex64,
    /// Electrical and mechanical torque, per unit on the machine's base.
    pub electrical: f64,
    pub mechanical: f64,
    pub efd: f64,
}

/// Records and place of a unit to be started.
pub(super) struct Parts<'a> {
    pub element: ElementId,
    pub name: String,
    pub bus: BusId,
    pub base_mva: f64,
    pub z_source_pu: Complex64,
    pub machine: &'a MachineModel,
    pub exciter: Option<&'a ExciterModel>,
    pub governor: Option<&'a GovernorModel>,
}

impl Unit {
    /// The unit at rest with voltage `v` and current `i` (per unit on the system base), and its states.
    pub fn start(parts: Parts<'_>, s_base: f64, omega_0: f64, v: Complex64, i: Complex64) -> Result<(Self, Vec<f64>), Vec<LimitAtStart>> {
        let scale = parts.base_mva / s_base;
        let machine = Machine::new(parts.machine, parts.z_source_pu, omega_0);
        let start = machine.start(v, i / scale);
        let (exciter, governor) = match (Exciter::start(parts.exciter, start.efd, v.norm()), Governor::start(parts.governor, start.torque))
        {
            (Ok(e), Ok(g)) => (e, g),
            (e, g) => return Err(e.err().into_iter().chain(g.err()).collect()),
        };
        let mut x = start.x;
        let mut masses = machine.masses();
        let mut limits: Vec<Bounds> = vec![None; x.len()];
        let mut at = [0; 2];
        for (k, (shape, own)) in [(exciter.0.shape(), exciter.1), (governor.0.shape(), governor.1)].into_iter().enumerate() {
            at[k] = x.len();
            x.extend(own);
            masses.extend(shape.masses);
            limits.extend(shape.limits);
        }
        let unit = Self {
            element: parts.element,
            name: parts.name,
            bus: parts.bus,
            base_mva: parts.base_mva,
            scale,
            machine,
            exciter: exciter.0,
            governor: governor.0,
            masses,
            limits,
            at,
        };
        Ok((unit, x))
    }

    pub fn n(&self) -> usize {
        self.masses.len()
    }

    /// `f` and `g`; `f` has room for all states.
    pub fn evaluate(&self, x: &[f64], v: Complex64, f: &mut [f64]) -> Given {
        let [e, g] = self.at;
        let stator = self.machine.stator(x, to_rotor(v, x[0]));
        let efd = self.exciter.efd(&x[e..g]);
        let mechanical = self.governor.torque(&x[g..], x[1]);
        self.machine.rates(x, &stator, efd, mechanical, &mut f[..e]);
        self.exciter.rates(&x[e..g], v.norm(), &mut f[e..g]);
        self.governor.rates(&x[g..], x[1], &mut f[g..self.masses.len()]);
        let current = to_network(Complex64::new(stator.i_d, stator.i_q), x[0]) * self.scale;
        Given { current, electrical: stator.torque, mechanical, efd }
    }
}
