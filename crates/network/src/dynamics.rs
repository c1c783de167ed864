//! Dynamic data of a transmission case: what a machine and its controls do when the grid is disturbed.
//!
//! A power flow needs a machine's power and voltage; a study of transient stability needs its inertia, reactances, time constants and controls
//! besides. These records say them, in the quantities of the standard block diagrams. A record names its machine as the case does, by the number of
//! its bus and its identifier; whether there is such a machine is a question for the study, which reports it as a finding.
//!
//! Conventions
//! * reactances and resistances per unit on the machine's own base ([`Machine::base_mva`](crate::Machine::base_mva)) and its bus's base voltage;
//! * power of governors per unit on the machine's base, speed and voltage per unit, time constants in seconds;
//! * field voltage in the non-reciprocal per unit system in which 1 gives rated voltage on the air-gap line;
//! * a time constant of 0 means that the block has no delay, where its diagram allows it.

use crate::{KeptRecord, SourceRef};
use serde::{Deserialize, Serialize};

/// Saturation of a machine: the field current needed beyond the air-gap line at two flux linkages, per unit of that on the line. Both 0: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineSaturation {
    /// At 1.0 per unit.
    pub s_10: f64,
    /// At 1.2 per unit.
    pub s_12: f64,
}

/// A machine seen as a constant electromotive force behind its transient reactance (GENCLS).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classical {
    /// Inertia constant, MW s/MVA. 0: an infinite bus, whose voltage behind its impedance and whose speed never change.
    pub h_s: f64,
    /// Damping torque per unit of speed deviation.
    pub d_pu: f64,
    /// Armature resistance and transient reactance; none: the source impedance that the power flow case tells.
    pub r_a_pu: Option<f64>,
    pub x_d_transient_pu: Option<f64>,
}

/// A machine by its transients in two axes (fourth order).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TwoAxis {
    pub h_s: f64,
    pub d_pu: f64,
    /// None: the real part of the source impedance of the power flow case.
    pub r_a_pu: Option<f64>,
    pub x_d_pu: f64,
    pub x_q_pu: f64,
    pub x_d_transient_pu: f64,
    pub x_q_transient_pu: f64,
    pub t_d0_transient_s: f64,
    /// 0: no winding in the quadrature axis, whose transient reactance is then the synchronous one.
    pub t_q0_transient_s: f64,
    pub saturation: MachineSaturation,
}

/// A machine with a round rotor, subtransients in both axes (GENROU).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundRotor {
    pub h_s: f64,
    pub d_pu: f64,
    pub r_a_pu: Option<f64>,
    pub x_d_pu: f64,
    pub x_q_pu: f64,
    pub x_d_transient_pu: f64,
    pub x_q_transient_pu: f64,
    /// Of both axes.
    pub x_subtransient_pu: f64,
    pub x_leakage_pu: f64,
    pub t_d0_transient_s: f64,
    pub t_d0_subtransient_s: f64,
    pub t_q0_transient_s: f64,
    pub t_q0_subtransient_s: f64,
    pub saturation: MachineSaturation,
}

/// A machine with salient poles, subtransients in both axes and no transient winding in the quadrature axis (GENSAL).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SalientPole {
    pub h_s: f64,
    pub d_pu: f64,
    pub r_a_pu: Option<f64>,
    pub x_d_pu: f64,
    pub x_q_pu: f64,
    pub x_d_transient_pu: f64,
    /// Of both axes.
    pub x_subtransient_pu: f64,
    pub x_leakage_pu: f64,
    pub t_d0_transient_s: f64,
    pub t_d0_subtransient_s: f64,
    pub t_q0_subtransient_s: f64,
    pub saturation: MachineSaturation,
}

/// What is told of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case")]
pub enum MachineModel {
    Classical(Classical),
    TwoAxis(TwoAxis),
    RoundRotor(RoundRotor),
    SalientPole(SalientPole),
}

impl MachineModel {
    /// Name of the record that tells it in a DYR file. `TWOAXIS` is this project's own: the format has no record of that model.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Classical(_) => "GENCLS",
            Self::TwoAxis(_) => "TWOAXIS",
            Self::RoundRotor(_) => "GENROU",
            Self::SalientPole(_) => "GENSAL",
        }
    }

    /// Inertia constant, MW s/MVA.
    pub fn h_s(&self) -> f64 {
        match self {
            Self::Classical(m) => m.h_s,
            Self::TwoAxis(m) => m.h_s,
            Self::RoundRotor(m) => m.h_s,
            Self::SalientPole(m) => m.h_s,
        }
    }
}

/// Saturation of an exciter: what its field needs beyond the air-gap line.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "law", rename_all = "snake_case")]
pub enum ExciterSaturation {
    /// `S(E)` at two field voltages; between and beyond `B (E - A)^2 / E`, nothing below `A`. All 0: none.
    Points { e_1: f64, s_1: f64, e_2: f64, s_2: f64 },
    /// `a exp(b E)`, as textbooks have it.
    Exponential { a: f64, b: f64 },
}

/// A simplified excitation system (SEXS): lead-lag, amplifier with a limited lag.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sexs {
    /// Ratio of the lead to the lag time constant.
    pub t_a_over_t_b: f64,
    pub t_b_s: f64,
    pub k: f64,
    pub t_e_s: f64,
    /// Non-windup limits of the field voltage.
    pub efd_min_pu: f64,
    pub efd_max_pu: f64,
}

/// The rotating exciter of IEEE type 1 (1968, IEEET1).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IeeeType1 {
    /// Of the voltage transducer; 0: none.
    pub t_r_s: f64,
    pub k_a: f64,
    /// Of the regulator; 0: none.
    pub t_a_s: f64,
    /// Non-windup limits of the regulator.
    pub v_r_max_pu: f64,
    pub v_r_min_pu: f64,
    /// 0: such that the regulator starts at 0.
    pub k_e: f64,
    pub t_e_s: f64,
    /// Rate feedback of the field voltage.
    pub k_f: f64,
    pub t_f_s: f64,
    pub saturation: ExciterSaturation,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case")]
pub enum ExciterModel {
    Sexs(Sexs),
    IeeeType1(IeeeType1),
}

impl ExciterModel {
    /// Name of the record that tells it in a DYR file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sexs(_) => "SEXS",
            Self::IeeeType1(_) => "IEEET1",
        }
    }
}

/// A steam turbine and its governor (TGOV1).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tgov1 {
    /// Permanent droop, per unit of speed on the machine's base.
    pub r_pu: f64,
    /// Of the valve.
    pub t_1_s: f64,
    /// Non-windup limits of the valve.
    pub v_max_pu: f64,
    pub v_min_pu: f64,
    /// Lead and lag of the turbine with reheat: `t_2 / t_3` is the share of the high-pressure part.
    pub t_2_s: f64,
    pub t_3_s: f64,
    pub d_turbine_pu: f64,
}

/// A gas turbine and its governor (GAST).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gast {
    pub r_pu: f64,
    /// Of the fuel valve.
    pub t_1_s: f64,
    /// Of the turbine.
    pub t_2_s: f64,
    /// Of the measured exhaust temperature.
    pub t_3_s: f64,
    /// Ambient temperature load limit.
    pub a_t_pu: f64,
    pub k_t: f64,
    /// Non-windup limits of the valve.
    pub v_max_pu: f64,
    pub v_min_pu: f64,
    pub d_turbine_pu: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case")]
pub enum GovernorModel {
    Tgov1(Tgov1),
    Gast(Gast),
}

impl GovernorModel {
    /// Name of the record that tells it in a DYR file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tgov1(_) => "TGOV1",
            Self::Gast(_) => "GAST",
        }
    }
}

/// A record of a machine or control, with the machine that it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DynamicRecord<M> {
    /// Number of the machine's bus.
    pub bus: u32,
    /// Identifier of the machine at its bus.
    pub id: String,
    pub model: M,
    pub source: SourceRef,
}

/// The dynamic data of a case.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dynamics {
    pub machines: Vec<DynamicRecord<MachineModel>>,
    pub exciters: Vec<DynamicRecord<ExciterModel>>,
    pub governors: Vec<DynamicRecord<GovernorModel>>,
    /// Records of models that are not carried, as written; the group is the model's name.
    pub kept: Vec<KeptRecord>,
}
