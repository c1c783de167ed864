//! The elements of a circuit as the solver sees them: a compiled model each,
//! and the part of it that a state changes.
//!
//! Linear elements are their primitive admittance (with transformers' taps and
//! capacitors' steps entering it); sources add an injected current; converters
//! (loads, generators, PV systems, storage, machines) are an admittance and an
//! injection that depends on voltage, see [`crate::pc`].

use crate::circuit::{Element, NodeNumber};
use crate::dense::CMatrix;
use crate::line_constants::{self, LineConstants, LineConstantsError};
use crate::pc::{self, Moment, PcError};
use crate::yprim::transformer::{TransformerError, TransformerModel};
use crate::yprim::{self, Primitive, YprimError};
use network::{CableShield, ElementId, ElementKind, LineImpedance, Network, SequenceType, Shapes, SolutionMode};
use num_complex::Complex64;
use std::collections::HashMap;

/// Why an element has no model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ElementError {
    #[error(transparent)]
    Primitive(#[from] YprimError),
    #[error(transparent)]
    Transformer(#[from] TransformerError),
    #[error(transparent)]
    LineConstants(#[from] LineConstantsError),
    #[error(transparent)]
    Converter(#[from] PcError),
    #[error("class {class} is not modelled and leaving it out changes the power flow")]
    NotModelled { class: String },
    #[error("{n_terminals} terminals with {n_conductors} conductors each do not fit a primitive admittance of order {order}")]
    Terminals { n_terminals: usize, n_conductors: usize, order: usize },
    #[error("its admittance is not a finite number: an impedance is zero or overflows")]
    NotFinite,
    #[error("impedance matrix has {found} entries, {expected} are needed for {n_phases} phases")]
    MatrixSize { found: usize, expected: usize, n_phases: usize },
}

/// A voltage behind an impedance, as a Norton source.
#[derive(Clone, Debug)]
pub struct SourceModel {
    pub primitive: CMatrix,
    /// Injected currents with all conductors closed, A, conductor by conductor.
    pub injection: Box<[Complex64]>,
    /// Voltages behind the impedance, V, conductor by conductor.
    pub emf_v: Box<[Complex64]>,
    /// The voltages follow a shape, of which these and the currents are one per unit.
    pub follows: Option<SourceShape>,
}

/// Fixed currents.
#[derive(Clone, Debug)]
pub struct CurrentSourceModel {
    pub injection: Box<[Complex64]>,
    /// The currents follow a shape.
    pub follows: Option<SourceShape>,
}

/// How a source follows its shapes in daily, yearly and duty mode.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SourceShape {
    shapes: Shapes,
    /// Scale in all other modes and without a shape of the mode.
    pub otherwise: f64,
    /// Volts of one per unit, by which a shape of actual kilovolts is divided; a current source's shape is always a factor.
    unit_v: Option<f64>,
}

impl SourceShape {
    fn new(shapes: Shapes, otherwise: f64, unit_v: Option<f64>) -> Option<Self> {
        let follows = shapes.yearly.is_some() || shapes.daily.is_some() || shapes.duty.is_some();
        follows.then_some(Self { shapes, otherwise, unit_v })
    }

    /// What the source's voltages or currents are multiplied by at the moment.
    pub fn scale(&self, moment: &Moment) -> f64 {
        let shape = match moment.mode {
            SolutionMode::Daily => self.shapes.daily,
            SolutionMode::Yearly => self.shapes.yearly,
            SolutionMode::DutyCycle => self.shapes.duty.or(self.shapes.daily),
            _ => None,
        };
        let Some(shape) = shape.map(|id| &moment.network.load_shapes[id.index()]) else { return self.otherwise };
        let value = shape.at(moment.hour).0;
        match self.unit_v {
            Some(unit_v) if shape.use_actual => 1000.0 * value / unit_v,
            _ => value,
        }
    }
}

/// The compiled model of an element.
#[derive(Clone, Debug)]
pub enum Model {
    Source(Box<SourceModel>),
    CurrentSource(Box<CurrentSourceModel>),
    /// Lines, reactors, faults: nothing about them changes but switch positions.
    Fixed(Box<Primitive>),
    Transformer(Box<TransformerModel>),
    Capacitor(Box<yprim::Capacitor>),
    /// Number of the load in the circuit's and the state's vectors of loads.
    Load(u32),
    Generator(Box<pc::GeneratorModel>),
    Pv(Box<pc::PvModel>),
    Storage(Box<pc::StorageModel>),
    InductionMachine(Box<pc::InductionMachineModel>),
}

/// What a state changes of an element.
#[derive(Clone, Debug)]
pub enum Varying {
    Nothing,
    /// Tap of each winding, per unit.
    Taps(Box<[f64]>),
    /// Closed steps.
    Steps(Box<[bool]>),
    /// Number of the load in the state's vector of loads.
    Load(u32),
    Generator(Box<pc::GeneratorState>),
    Pv(Box<pc::PvState>),
    Storage(Box<pc::StorageState>),
    InductionMachine(Box<pc::InductionMachineState>),
}

/// Results that elements share while a circuit is compiled.
#[derive(Default)]
pub struct Cache {
    /// Line constants by cross section, earth model (as number) and resistivity (as bits).
    constants: HashMap<(CrossSection, u8, u64), LineConstants>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum CrossSection {
    Geometry(u32),
    Spacing(u32, Vec<u32>),
}

/// Whether an element is part of the network equations.
pub fn carries_current(network: &Network, id: ElementId) -> bool {
    use ElementKind::*;
    match id.kind {
        VoltageSource | CurrentSource | Line | Transformer | Capacitor | Reactor | GicTransformer | GicLine | Load | Generator
        | PvSystem | Storage | InductionMachine => true,
        // A fault that strikes later is not there yet.
        Fault => network.faults[id.index()].on_time_s <= 0.0,
        Unmodelled => network.unmodelled[id.index()].affects_power_flow,
        // The unbalanced engine has no model of these, so that a circuit with one of them is refused.
        AcBranch | PowerTransformer | PowerLoad | FixedShunt | Machine | SwitchedShunt | TwoTerminalDc | VscDc | MultiTerminalDc
        | FactsDevice | PowerMotor => true,
        RegulatorControl | CapacitorControl | InverterControl | ExponentialControl | StorageController | SwitchControl | Fuse | Relay
        | Recloser | Monitor | EnergyMeter | Sensor => false,
    }
}

/// Compiles the model of one element.
///
/// # Errors
/// What about its data gives no admittance.
pub fn compile(
    network: &Network,
    id: ElementId,
    frequency_hz: f64,
    cache: &mut Cache,
    loads: &mut Vec<pc::LoadModel>,
) -> Result<Model, ElementError> {
    let i = id.index();
    let common = network.common(id);
    let base_frequency_hz = common.base_frequency_hz;
    let n_phases = common.n_phases;
    let fixed = |p: Primitive| Model::Fixed(Box::new(p));
    let model = match id.kind {
        ElementKind::VoltageSource => source(network, i, frequency_hz)?,
        ElementKind::CurrentSource => current_source(network, i, frequency_hz),
        ElementKind::Line => fixed(line(network, i, frequency_hz, cache)?),
        ElementKind::Transformer => Model::Transformer(Box::new(TransformerModel::compile(&network.transformers[i], frequency_hz)?)),
        ElementKind::Capacitor => Model::Capacitor(Box::new(capacitor(&network.capacitors[i], frequency_hz))),
        ElementKind::Reactor => fixed(reactor(network, i, frequency_hz)?),
        ElementKind::Fault => {
            let f = &network.faults[i];
            let is_shunt = f.common.terminals.get(1).is_none_or(|t| t.nodes.iter().all(|&n| n == 0));
            fixed(match &f.g_siemens {
                Some(g) => yprim::fault_matrix(n_phases, g, is_shunt)?,
                None => yprim::fault_conductance(n_phases, f.r_ohm, is_shunt),
            })
        }
        ElementKind::GicTransformer => {
            let g = &network.gic_transformers[i];
            let second = (common.terminals.len() > 2).then_some(g.r2_ohm);
            fixed(yprim::gic_transformer(n_phases, g.r1_ohm, second, g.winding_type.eq_ignore_ascii_case("gsu")))
        }
        ElementKind::GicLine => {
            let g = &network.gic_lines[i];
            let p = yprim::gic_line(n_phases, Complex64::new(g.r_ohm, g.x_ohm), g.c_uf, base_frequency_hz, frequency_hz)?;
            let v = yprim::voltage_source_phasors(g.volts / 1000.0, 1.0, g.angle_deg, 1, 1)[0];
            // The voltage is along the line at its own frequency, the same in every phase.
            let emf = if (g.frequency_hz - frequency_hz).abs() < 1e-6 { v } else { Complex64::ZERO };
            norton(p, n_phases, &vec![emf; n_phases], None)
        }
        ElementKind::Load => {
            loads.push(pc::LoadModel::compile(network, i)?);
            Model::Load(loads.len() as u32 - 1)
        }
        ElementKind::Generator => Model::Generator(Box::new(pc::GeneratorModel::compile(network, i)?)),
        ElementKind::PvSystem => Model::Pv(Box::new(pc::PvModel::compile(network, i)?)),
        ElementKind::Storage => Model::Storage(Box::new(pc::StorageModel::compile(network, i)?)),
        ElementKind::InductionMachine => Model::InductionMachine(Box::new(pc::InductionMachineModel::compile(network, i)?)),
        _ => return Err(ElementError::NotModelled { class: network.full_name(id) }),
    };
    Ok(model)
}

/// A source as its admittance and the current that admittance passes at the source's own voltage.
fn norton(p: Primitive, n_phases: usize, emf_v: &[Complex64], follows: Option<SourceShape>) -> Model {
    let order = p.total.rows();
    let mut v = vec![Complex64::ZERO; order];
    v[..n_phases].copy_from_slice(emf_v);
    let injection = p.total.mul_vec(&v).into();
    Model::Source(Box::new(SourceModel { primitive: p.total, injection, emf_v: v.into(), follows }))
}

fn sequence_number(s: SequenceType) -> i8 {
    match s {
        SequenceType::Positive => 1,
        SequenceType::Negative => -1,
        SequenceType::Zero | SequenceType::None => 0,
    }
}

/// A voltage source; one that follows a shape is compiled at one per unit.
fn source(network: &Network, i: usize, frequency_hz: f64) -> Result<Model, ElementError> {
    let s = &network.voltage_sources[i];
    let n = s.common.n_phases;
    let p = if s.ideal {
        let z = s.z_ideal_pu * (s.base_kv * s.base_kv / s.base_mva);
        yprim::ideal_voltage_source(z, n)?
    } else {
        let z = yprim::SequenceImpedance { z1_ohm: s.z1_ohm, z2_ohm: s.z2_ohm, z0_ohm: s.z0_ohm };
        yprim::voltage_source(&z, n, frequency_hz / s.common.base_frequency_hz)?
    };
    let at_frequency = (s.frequency_hz - frequency_hz).abs() < 1e-6 * frequency_hz;
    let phasors = |v_pu: f64| yprim::voltage_source_phasors(s.base_kv, v_pu, s.angle_deg, n, sequence_number(s.sequence));
    let unit_v = phasors(1.0).first().map_or(0.0, |v| v.norm());
    let follows = SourceShape::new(s.shapes, s.v_pu, Some(unit_v)).filter(|_| at_frequency);
    let emf = match (at_frequency, follows) {
        (false, _) => vec![Complex64::ZERO; n],
        (true, None) => phasors(s.v_pu),
        (true, Some(_)) => phasors(1.0),
    };
    Ok(norton(p, n, &emf, follows))
}

fn current_source(network: &Network, i: usize, frequency_hz: f64) -> Model {
    let s = &network.current_sources[i];
    let n = s.common.n_phases;
    let current = if (s.frequency_hz - frequency_hz).abs() < 1e-6 * frequency_hz {
        yprim::current_source_phasors(s.i_a, s.angle_deg, n, sequence_number(s.sequence))
    } else {
        vec![Complex64::ZERO; n]
    };
    // What enters the first terminal's nodes leaves those of the second.
    let injection = current.iter().copied().chain(current.iter().map(|c| -c)).take(n * s.common.terminals.len()).collect();
    Model::CurrentSource(Box::new(CurrentSourceModel { injection, follows: SourceShape::new(s.shapes, 1.0, None) }))
}

fn line(network: &Network, i: usize, frequency_hz: f64, cache: &mut Cache) -> Result<Primitive, ElementError> {
    let l = &network.lines[i];
    let n = l.common.n_phases;
    let data = match &l.impedance {
        LineImpedance::Sequence { z1_ohm, z0_ohm, c1_nf, c0_nf } => yprim::LineData::Sequence {
            z1_ohm: *z1_ohm,
            z0_ohm: *z0_ohm,
            c1_nf: *c1_nf,
            c0_nf: *c0_nf,
            long_line: network.options.long_line_correction,
        },
        LineImpedance::Matrix { z_ohm, c_nf } => {
            if z_ohm.len() != n * n {
                return Err(ElementError::MatrixSize { found: z_ohm.len(), expected: n * n, n_phases: n });
            }
            yprim::LineData::Matrix { z_ohm: CMatrix::from_fn(n, n, |r, c| z_ohm[r * n + c]), c_nf: c_nf.clone() }
        }
        LineImpedance::Geometry { .. } | LineImpedance::Spacing { .. } => {
            let constants = cache.line_constants(network, l, frequency_hz)?;
            // Of a geometry that is not reduced, every conductor is a phase.
            let reduced = constants.reduced(n)?;
            let length_m = l.length * l.length_unit.metres();
            yprim::LineData::Whole {
                z_ohm: reduced.z_ohm_per_m.scaled_real(length_m),
                y_siemens: reduced.y_siemens_per_m.scaled_real(length_m),
            }
        }
    };
    Ok(yprim::line(&yprim::LineInput {
        n_phases: n,
        length: l.length,
        unit_factor: l.unit_factor,
        data,
        earth: yprim::EarthReturn { r_ohm: l.earth_r_ohm, x_ohm: l.earth_x_ohm, rho_ohm_m: l.rho_ohm_m },
        base_frequency_hz: l.common.base_frequency_hz,
        frequency_hz,
    })?)
}

impl Cache {
    /// Line constants of a line's cross section, per metre, with all conductors.
    fn line_constants(&mut self, network: &Network, l: &network::Line, frequency_hz: f64) -> Result<LineConstants, ElementError> {
        let section = match &l.impedance {
            LineImpedance::Geometry { geometry } => CrossSection::Geometry(geometry.0),
            LineImpedance::Spacing { spacing, conductors } => CrossSection::Spacing(spacing.0, conductors.iter().map(|c| c.0).collect()),
            _ => unreachable!("only cross sections have line constants"),
        };
        let key = (section, l.earth_model as u8, l.rho_ohm_m.to_bits());
        if let Some(known) = self.constants.get(&key) {
            return Ok(known.clone());
        }
        let (conductors, n_phases) = match &l.impedance {
            LineImpedance::Geometry { geometry } => {
                let g = &network.line_geometries[geometry.index()];
                let list = g.conductors.iter().map(|c| (c.conductor, c.x * c.unit.metres(), c.h * c.unit.metres()));
                (list.map(|(id, x, h)| conductor(network, id, x, h)).collect::<Vec<_>>(), g.n_phases)
            }
            LineImpedance::Spacing { spacing, conductors } => {
                let s = &network.line_spacings[spacing.index()];
                let m = s.unit.metres();
                let list = conductors.iter().zip(s.x.iter().zip(&s.h)).map(|(&id, (&x, &h))| conductor(network, id, x * m, h * m));
                (list.collect(), s.n_phases)
            }
            _ => unreachable!("only cross sections have line constants"),
        };
        let settings = line_constants::Settings {
            frequency_hz,
            rho_ohm_m: l.rho_ohm_m,
            earth_model: match l.earth_model {
                network::EarthModel::Carson => line_constants::EarthModel::Carson,
                network::EarthModel::FullCarson => line_constants::EarthModel::FullCarson,
                network::EarthModel::Deri => line_constants::EarthModel::Deri,
            },
            compatibility: line_constants::Compatibility::Classic,
        };
        let constants = line_constants::line_constants(&conductors, n_phases, &settings)?;
        self.constants.insert(key, constants.clone());
        Ok(constants)
    }
}

/// A catalogue conductor at a position, in SI units.
fn conductor(network: &Network, id: network::ConductorId, x_m: f64, y_m: f64) -> line_constants::Conductor {
    let c = &network.conductors[id.index()];
    let (per_m, gmr, radius) = (c.r_unit.metres(), c.gmr_unit.metres(), c.radius_unit.metres());
    let sheath = match &c.cable {
        None => line_constants::Sheath::Bare,
        Some(cable) => {
            let insulation = line_constants::Insulation {
                relative_permittivity: cable.relative_permittivity,
                layer_m: cable.insulation_thickness * radius,
                diameter_m: cable.insulation_diameter * radius,
            };
            match cable.shield {
                CableShield::ConcentricNeutral { n_strands, strand_diameter, strand_gmr, strand_r_ohm } => {
                    line_constants::Sheath::ConcentricNeutral(line_constants::ConcentricNeutral {
                        insulation,
                        cable_diameter_m: cable.cable_diameter * radius,
                        strands: n_strands,
                        strand_diameter_m: strand_diameter * radius,
                        strand_gmr_m: strand_gmr * gmr,
                        strand_r_ohm_per_m: strand_r_ohm / per_m,
                    })
                }
                CableShield::Tape { shield_diameter, tape_thickness, tape_lap_pct } => {
                    line_constants::Sheath::TapeShield(line_constants::TapeShield {
                        insulation,
                        cable_diameter_m: cable.cable_diameter * radius,
                        shield_diameter_m: shield_diameter * radius,
                        tape_layer_m: tape_thickness * radius,
                        tape_lap_pct,
                    })
                }
            }
        }
    };
    line_constants::Conductor {
        r_dc_ohm_per_m: c.r_dc_ohm / per_m,
        r_ac_ohm_per_m: c.r_ac_ohm / per_m,
        gmr_m: c.gmr * gmr,
        radius_m: c.radius * radius,
        cap_radius_m: (c.capacitance_radius >= 0.0).then_some(c.capacitance_radius * radius),
        x_m,
        y_m,
        sheath,
    }
}

/// A delta on one conductor more than phases is an open one.
fn shunt_connection(connection: network::Connection, common: &network::Common) -> yprim::Connection {
    let is_open = common.n_phases > 2 && common.terminals.first().is_some_and(|t| t.nodes.len() > common.n_phases);
    match connection {
        network::Connection::Delta if is_open => yprim::Connection::OpenDelta,
        other => connection_of(other),
    }
}

fn capacitor(c: &network::Capacitor, frequency_hz: f64) -> yprim::Capacitor {
    let at = |values: &[f64], k: usize| values.get(k).copied().unwrap_or(0.0);
    let (size, n_steps) = match &c.size {
        network::CapacitorSize::Kvar(kvar) => (yprim::CapacitorSize::Kvar { kvar: kvar.clone(), kv: c.kv }, kvar.len()),
        network::CapacitorSize::Microfarad(c_uf) => (yprim::CapacitorSize::Microfarad(c_uf.clone()), c_uf.len()),
        network::CapacitorSize::Matrix(c_uf) => (yprim::CapacitorSize::Matrix(c_uf.clone()), c.steps.len().max(1)),
    };
    let step = |k: usize| yprim::CapacitorStep {
        r_ohm: at(&c.r_ohm, k),
        x_l_ohm: at(&c.x_l_ohm, k),
        harmonic: at(&c.harmonic, k),
        is_closed: c.steps.get(k).copied().unwrap_or(true),
    };
    yprim::Capacitor {
        n_phases: c.common.n_phases,
        connection: shunt_connection(c.connection, &c.common),
        size,
        steps: (0..n_steps).map(step).collect(),
        is_shunt: !c.bus2_defined,
        base_frequency_hz: c.common.base_frequency_hz,
        frequency_hz,
    }
}

fn reactor(network: &Network, i: usize, frequency_hz: f64) -> Result<Primitive, ElementError> {
    let r = &network.reactors[i];
    let impedance = match &r.impedance {
        network::ReactorImpedance::Kvar { kvar } => yprim::ReactorImpedance::Kvar { kvar: *kvar, kv: r.kv, r_ohm: 0.0 },
        network::ReactorImpedance::Rx { r_ohm, x_ohm } => yprim::ReactorImpedance::Rx { r_ohm: *r_ohm, x_ohm: *x_ohm },
        network::ReactorImpedance::Matrix { r_ohm, x_ohm } => {
            yprim::ReactorImpedance::Matrix { r_ohm: r_ohm.clone(), x_ohm: x_ohm.clone(), is_parallel: r.parallel }
        }
        network::ReactorImpedance::Sequence { z1_ohm, z2_ohm, z0_ohm } => {
            yprim::ReactorImpedance::Sequence { z1_ohm: *z1_ohm, z2_ohm: *z2_ohm, z0_ohm: *z0_ohm }
        }
    };
    let curve = |id: Option<network::XyCurveId>| id.map_or(1.0, |id| network.xy_curves[id.index()].y_at(frequency_hz));
    Ok(yprim::reactor(&yprim::Reactor {
        n_phases: r.common.n_phases,
        connection: shunt_connection(r.connection, &r.common),
        impedance,
        r_parallel_ohm: r.r_parallel_ohm,
        curve_factors: (curve(r.r_curve), curve(r.l_curve)),
        is_shunt: !r.bus2_defined,
        base_frequency_hz: r.common.base_frequency_hz,
        frequency_hz,
    })?)
}

impl Varying {
    /// As the network describes it.
    pub fn initial(network: &Network, e: &Element) -> Self {
        match &e.model {
            Model::Source(_) | Model::CurrentSource(_) | Model::Fixed(_) => Self::Nothing,
            Model::Transformer(_) => Self::Taps(network.transformers[e.id.index()].windings.iter().map(|w| w.tap_pu).collect()),
            Model::Capacitor(c) => Self::Steps(c.steps.iter().map(|s| s.is_closed).collect()),
            Model::Load(k) => Self::Load(*k),
            Model::Generator(m) => Self::Generator(Box::new(m.initial_state())),
            Model::Pv(m) => Self::Pv(Box::new(m.initial_state())),
            Model::Storage(m) => Self::Storage(Box::new(m.initial_state())),
            Model::InductionMachine(m) => Self::InductionMachine(Box::new(m.initial_state())),
        }
    }

    /// Brings a converter to the power of the moment; its admittance in the matrix stays.
    ///
    /// Returns whether it switched in a way that asks for another admittance in the matrix.
    pub fn update(&mut self, e: &Element, moment: &Moment) -> bool {
        match (&e.model, self) {
            (Model::Generator(m), Self::Generator(s)) => m.update(s, moment),
            (Model::Pv(m), Self::Pv(s)) => {
                m.update(s, moment);
                false
            }
            (Model::Storage(m), Self::Storage(s)) => m.update(s, moment),
            (Model::InductionMachine(m), Self::InductionMachine(s)) => {
                m.update(s, moment);
                false
            }
            _ => false,
        }
    }

    /// As [`Self::update`], and chooses the admittance that enters the matrix.
    pub fn linearise(&mut self, e: &Element, moment: &Moment) {
        match (&e.model, self) {
            (Model::Generator(m), Self::Generator(s)) => {
                m.linearise(s, moment);
            }
            (Model::Pv(m), Self::Pv(s)) => m.linearise(s, moment),
            (Model::Storage(m), Self::Storage(s)) => {
                m.linearise(s, moment);
            }
            (Model::InductionMachine(m), Self::InductionMachine(s)) => m.linearise(s, moment),
            _ => {}
        }
    }
}

/// A model and a state of different elements were mixed: a bug of the caller.
fn mixed() -> ! {
    unreachable!("an element's state belongs to another element")
}

impl Model {
    pub fn is_load(&self) -> bool {
        matches!(self, Self::Load(_))
    }

    /// Loads, generators, PV systems, storage, machines.
    pub fn is_converter(&self) -> bool {
        matches!(self, Self::Load(_) | Self::Generator(_) | Self::Pv(_) | Self::Storage(_) | Self::InductionMachine(_))
    }

    /// Injected currents of a source, A, conductor by conductor; nothing for other elements.
    pub fn source_injection(&self) -> &[Complex64] {
        match self {
            Self::Source(s) => &s.injection,
            Self::CurrentSource(s) => &s.injection,
            _ => &[],
        }
    }

    /// How a source follows shapes; `None` where it does not, and for other elements.
    pub fn follows(&self) -> Option<&SourceShape> {
        match self {
            Self::Source(s) => s.follows.as_ref(),
            Self::CurrentSource(s) => s.follows.as_ref(),
            _ => None,
        }
    }

    pub fn is_source(&self) -> bool {
        matches!(self, Self::Source(_) | Self::CurrentSource(_))
    }

    /// Primitive admittance with the present taps, steps and linearisation, all conductors closed.
    ///
    /// # Errors
    /// Data that give no admittance.
    pub fn primitive(&self, varying: &Varying, moment: &Moment, order: usize) -> Result<CMatrix, ElementError> {
        Ok(match (self, varying) {
            (Self::Source(s), _) => s.primitive.clone(),
            (Self::CurrentSource(_), _) => CMatrix::square(order),
            (Self::Fixed(p), _) => p.total.clone(),
            (Self::Transformer(m), Varying::Taps(taps)) => {
                let mut y = CMatrix::square(m.order());
                m.yprim(taps, &mut y);
                y
            }
            (Self::Capacitor(c), Varying::Steps(steps)) => Self::capacitor_primitive(c, steps)?.total,
            (Self::Generator(m), Varying::Generator(s)) => m.yprim(s, moment),
            (Self::Pv(m), Varying::Pv(s)) => m.yprim(s, moment),
            (Self::Storage(m), Varying::Storage(s)) => m.yprim(s, moment),
            (Self::InductionMachine(m), Varying::InductionMachine(s)) => m.yprim(s, moment),
            _ => mixed(),
        })
    }

    /// What the assignment of voltage bases sees of an element that is no converter: what joins its terminals, else a trace.
    ///
    /// # Errors
    /// As [`Self::primitive`].
    pub fn series_primitive(&self, varying: &Varying, moment: &Moment, order: usize) -> Result<CMatrix, ElementError> {
        Ok(match (self, varying) {
            (Self::Fixed(p), _) => p.series.clone(),
            (Self::Capacitor(c), Varying::Steps(steps)) => Self::capacitor_primitive(c, steps)?.series,
            (model, varying) => model.primitive(varying, moment, order)?,
        })
    }

    fn capacitor_primitive(c: &yprim::Capacitor, steps: &[bool]) -> Result<Primitive, ElementError> {
        let mut now = c.clone();
        for (step, &closed) in now.steps.iter_mut().zip(steps) {
            step.is_closed = closed;
        }
        Ok(yprim::capacitor(&now)?)
    }

    /// Currents into a converter at voltages `v` (by node number), A.
    pub fn currents(&self, varying: &Varying, nodes: &[NodeNumber], v: &[Complex64], i: &mut [Complex64]) {
        match (self, varying) {
            (Self::Generator(m), Varying::Generator(s)) => m.currents(s, nodes, v, i),
            (Self::Pv(m), Varying::Pv(s)) => m.currents(s, nodes, v, i),
            (Self::Storage(m), Varying::Storage(s)) => m.currents(s, nodes, v, i),
            (Self::InductionMachine(m), Varying::InductionMachine(s)) => m.currents(s, nodes, v, i),
            _ => mixed(),
        }
    }

    /// Adds what a converter injects beyond its linearisation.
    pub fn inject(&self, varying: &mut Varying, nodes: &[NodeNumber], v: &[Complex64], injection: &mut [Complex64]) {
        match (self, varying) {
            (Self::Generator(m), Varying::Generator(s)) => m.inject(s, nodes, v, injection),
            (Self::Pv(m), Varying::Pv(s)) => m.inject(s, nodes, v, injection),
            (Self::Storage(m), Varying::Storage(s)) => m.inject(s, nodes, v, injection),
            (Self::InductionMachine(m), Varying::InductionMachine(s)) => m.inject(s, nodes, v, injection),
            _ => mixed(),
        }
    }
}

fn connection_of(c: network::Connection) -> yprim::Connection {
    match c {
        network::Connection::Wye => yprim::Connection::Wye,
        network::Connection::Delta => yprim::Connection::Delta,
    }
}
