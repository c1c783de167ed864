//! Lines, cables, joints and switches.
//!
//! # Line constants without positions
//! A spacing may tell mean distances and heights instead of positions. With `D_pp` between phases, `D_pn` to the neutral and
//! heights `h`, and `k = μ0 f` (ohm/m for `ω μ0/2π`),
//!
//! ```text
//! z_ii = r_i + π k/4 + j k ln(De/GMR_i)     z_ij = π k/4 + j k ln(De/D_ij)     De = 658.5 √(ρ/f) m
//! P_ii = ln(2 h_i/r_i)/(2π e0)              P_ij = ln(√(D² + 4 h_i h_j)/D)/(2π e0)
//! ```
//!
//! and the neutral is reduced out as an earthed conductor: `z_pp - z_pn z_nn⁻¹ z_np`, and the leading block of `P⁻¹`.
//! These are the first terms of Carson's series, which the lines with positions get too.

use super::super::codes::Phases;
use super::super::model::*;
use super::topology::{Link, Series, closed_phases};
use super::{Correction, JOINT_OHM, Lowering, Place, Topology, lower_case};
use network::{
    Conductor as Wire, ConductorId, Diagnostic, EarthModel, ElementId, ElementKind, Fuse, LengthUnit, Line, LineCode, LineCodeData,
    LineCodeId, LineImpedance, LineSpacing, LineSpacingId, Protection, Rating, Recloser, Reliability, SourceRef, SwitchControl,
    SwitchState, Terminal,
};
use num_complex::Complex64;
use std::collections::{HashMap, HashSet};
use std::f64::consts::{PI, TAU};

const MU0: f64 = 4e-7 * PI;
const E0: f64 = 8.854e-12;
/// Earth resistivity where none is told, ohm metre.
const RHO_OHM_M: f64 = 100.0;

/// Nanofarad for a susceptance in microsiemens.
fn nanofarad(b_us: f64, hz: f64) -> f64 {
    b_us * 1e-6 / (TAU * hz) * 1e9
}

fn rating(amps: Option<f64>, emergency: Option<f64>) -> Rating {
    let normal_a = amps.filter(|a| *a > 0.0).unwrap_or(0.0);
    Rating { normal_a, emergency_a: emergency.filter(|a| *a > 0.0).unwrap_or(normal_a), seasonal_a: Vec::new() }
}

/// Electrical data of a catalogue entry over phases A, B, C, per km.
pub(super) struct PhaseMatrix {
    pub z: [[Complex64; 3]; 3],
    /// Nodal susceptance, µS/km.
    pub b_us: [[f64; 3]; 3],
}

fn sequence_matrix(r1: f64, x1: f64, r0: f64, x0: f64, b1: f64, b0: f64) -> PhaseMatrix {
    let (z1, z0) = (Complex64::new(r1, x1), Complex64::new(r0, x0));
    let own = (z1 * 2.0 + z0) / 3.0;
    let mutual = (z0 - z1) / 3.0;
    let (b_own, b_mutual) = ((2.0 * b1 + b0) / 3.0, (b0 - b1) / 3.0);
    PhaseMatrix {
        z: std::array::from_fn(|i| std::array::from_fn(|j| if i == j { own } else { mutual })),
        b_us: std::array::from_fn(|i| std::array::from_fn(|j| if i == j { b_own } else { b_mutual })),
    }
}

fn unbalanced_matrix(l: &LineUnbalanced, mutual_r: Option<[f64; 3]>) -> PhaseMatrix {
    let v = |x: Option<f64>| x.unwrap_or(0.0);
    let mutual_r = mutual_r.unwrap_or([v(l.r_ab), v(l.r_bc), v(l.r_ca)]);
    let z_own = [Complex64::new(v(l.ra), v(l.xa)), Complex64::new(v(l.rb), v(l.xb)), Complex64::new(v(l.rc), v(l.xc))];
    let z_mutual = [Complex64::new(mutual_r[0], v(l.x_ab)), Complex64::new(mutual_r[1], v(l.x_bc)), Complex64::new(mutual_r[2], v(l.x_ca))];
    let b_own = [v(l.ba), v(l.bb), v(l.bc)];
    let b_mutual = [v(l.b_ab), v(l.b_bc), v(l.b_ca)];
    // Pairs AB, BC, CA.
    let pair = |i: usize, j: usize| match i.min(j) + i.max(j) {
        1 => 0,
        3 => 1,
        _ => 2,
    };
    PhaseMatrix {
        z: std::array::from_fn(|i| std::array::from_fn(|j| if i == j { z_own[i] } else { z_mutual[pair(i, j)] })),
        b_us: std::array::from_fn(|i| std::array::from_fn(|j| if i == j { b_own[i] } else { b_mutual[pair(i, j)] })),
    }
}

/// Whether all mutual resistances repeat the mutual reactances, as a faulty export writes them.
fn repeats_reactance(l: &LineUnbalanced) -> bool {
    let pairs = [(l.r_ab, l.x_ab), (l.r_bc, l.x_bc), (l.r_ca, l.x_ca)];
    let v = |x: Option<f64>| x.unwrap_or(0.0);
    pairs.iter().all(|(r, x)| v(*r) == v(*x)) && pairs.iter().any(|(r, _)| v(*r) != 0.0)
}

impl<'a> Lowering<'a> {
    /// The whole catalogue of lines, conductors and spacings.
    pub(super) fn catalogue_entries(&mut self) {
        let model = self.model;
        for c in &model.conductors {
            if c.gmr_cm.is_some_and(|g| g > 0.0) && c.diameter_cm.is_some_and(|d| d > 0.0) && c.r25_ohm_per_km.is_some_and(|r| r > 0.0) {
                self.wire(c, 1, 0.0);
            }
        }
        for l in &model.line_types {
            if let (Some(r1), Some(x1)) = (l.r1, l.x1) {
                let data = LineCodeData::Sequence {
                    z1_ohm: Complex64::new(r1, x1),
                    z0_ohm: Complex64::new(l.r0.unwrap_or(r1), l.x0.unwrap_or(x1)),
                    c1_nf: nanofarad(l.b1.unwrap_or(0.0), self.frequency_hz),
                    c0_nf: nanofarad(l.b0.unwrap_or(0.0), self.frequency_hz),
                };
                self.line_code("line", &l.id, 3, data, rating(l.amps, l.amps_1), "oh");
            }
        }
        for c in &model.cables {
            if let (Some(r1), Some(x1)) = (c.r1, c.x1) {
                let data = LineCodeData::Sequence {
                    z1_ohm: Complex64::new(r1, x1),
                    z0_ohm: Complex64::new(c.r0.unwrap_or(r1), c.x0.unwrap_or(x1)),
                    c1_nf: nanofarad(c.b1.unwrap_or(0.0), self.frequency_hz),
                    c0_nf: nanofarad(c.b0.unwrap_or(0.0), self.frequency_hz),
                };
                self.line_code("cable", &c.id, 3, data, rating(c.amps, c.amps_1), "ug");
            }
        }
        for l in &model.lines_unbalanced {
            let m = unbalanced_matrix(l, self.told_mutual_r(&l.id));
            let phases: Vec<usize> = (0..3).filter(|&i| m.z[i][i].norm() > 0.0).collect();
            if phases.is_empty() {
                continue;
            }
            let z_ohm = phases.iter().flat_map(|&i| phases.iter().map(move |&j| (i, j))).map(|(i, j)| m.z[i][j]).collect();
            let c_nf = phases
                .iter()
                .flat_map(|&i| phases.iter().map(move |&j| (i, j)))
                .map(|(i, j)| nanofarad(m.b_us[i][j], self.frequency_hz))
                .collect();
            let amps = [l.amps_a, l.amps_b, l.amps_c].into_iter().flatten().filter(|a| *a > 0.0).reduce(f64::min);
            let first = [l.amps_a_1, l.amps_b_1, l.amps_c_1].into_iter().flatten().filter(|a| *a > 0.0).reduce(f64::min);
            self.line_code("unbalanced", &l.id, phases.len(), LineCodeData::Matrix { z_ohm, c_nf }, rating(amps, first), "oh");
        }
        self.transformer_catalogue();
        let mut unused: HashSet<String> =
            model.lines_unbalanced.iter().filter(|l| repeats_reactance(l)).map(|l| lower_case(&l.id)).collect();
        for device in &model.overhead_unbalanced {
            unused.remove(&lower_case(&device.line));
        }
        if !unused.is_empty() {
            let n = unused.len();
            self.find(
                Diagnostic::note(
                    "CYME.LINE.MUTUAL_RESISTANCE_UNUSED",
                    format!("{n} entries of LINE UNBALANCED that no line uses repeat mutual reactances as resistances"),
                )
                .hint("Exports of CYME 5 have this fault; do not use these entries."),
            );
        }
        let tables = model.cable_conductors.len() + model.cable_insulations.len() + model.cable_neutrals.len();
        if tables > 0 {
            let source = model.cable_conductors.first().map(|c| c.source.clone()).unwrap_or_default();
            self.dropped("cable.construction", "the sequence values of the cable are used", &source);
        }
    }

    fn line_code(&mut self, table: &str, id: &str, n_phases: usize, data: LineCodeData, rating: Rating, line_type: &str) {
        let key = format!("{table}:{}", lower_case(id));
        if self.line_codes.contains_key(&key) {
            return;
        }
        // A name in one table may come in another.
        let plain = lower_case(id);
        let name = if self.out.network.line_codes.iter().any(|c| c.name == plain) { format!("{plain}_{table}") } else { plain };
        let code = LineCode {
            name,
            n_phases,
            unit: LengthUnit::Kilometre,
            base_frequency_hz: self.frequency_hz,
            data,
            rating,
            reliability: Reliability::default(),
            earth_r_ohm: 0.0,
            earth_x_ohm: 0.0,
            rho_ohm_m: RHO_OHM_M,
            neutral: 0,
            line_type: line_type.to_owned(),
        };
        let id = LineCodeId::from(self.out.network.line_codes.len());
        self.out.network.line_codes.push(code);
        self.line_codes.insert(key, id);
    }

    fn told_mutual_r(&self, line: &str) -> Option<[f64; 3]> {
        self.options.corrections.iter().find_map(|c| match c {
            Correction::MutualResistance { line: l, ohm_per_km } if l.eq_ignore_ascii_case(line) => Some(*ohm_per_km),
            _ => None,
        })
    }

    /// A conductor of the catalogue, alone or as a bundle of `n` at a distance.
    fn wire(&mut self, c: &Conductor, n: usize, distance_m: f64) -> ConductorId {
        let key = if n > 1 { format!("{}_x{n}_{distance_m}", lower_case(&c.id)) } else { lower_case(&c.id) };
        if let Some(&id) = self.conductors.get(&key) {
            return id;
        }
        let (gmr, radius, r) = (c.gmr_cm.unwrap_or(0.0), c.diameter_cm.unwrap_or(0.0) / 2.0, c.r25_ohm_per_km.unwrap_or(0.0));
        // A bundle acts as one conductor of the geometric mean of its distances.
        let count = n as f64;
        let spread = |own_cm: f64| if n > 1 { (own_cm * (distance_m * 100.0).powf(count - 1.0)).powf(1.0 / count) } else { own_cm };
        let wire = Wire {
            name: key.clone(),
            r_dc_ohm: c.r_dc_ohm_per_km.filter(|r| *r > 0.0).unwrap_or(r) / count,
            r_ac_ohm: r / count,
            r_unit: LengthUnit::Kilometre,
            gmr: spread(gmr),
            gmr_unit: LengthUnit::Centimetre,
            radius: spread(radius),
            radius_unit: LengthUnit::Centimetre,
            capacitance_radius: -1.0,
            rating: {
                let mut all = rating(c.amps, c.amps_1);
                all.normal_a *= count;
                all.emergency_a *= count;
                all
            },
            cable: None,
        };
        let id = ConductorId::from(self.out.network.conductors.len());
        self.out.network.conductors.push(wire);
        self.conductors.insert(key, id);
        id
    }

    /// Makes the elements of all links, in the order of the sections.
    pub(super) fn links(&mut self, topology: &Topology<'a>) {
        let mut bends: HashMap<String, Vec<&'a IntermediateNode>> = HashMap::new();
        for node in &self.model.intermediate_nodes {
            bends.entry(lower_case(&node.section)).or_default().push(node);
        }
        for list in bends.values_mut() {
            list.sort_by(|a, b| a.sequence.unwrap_or(0.0).total_cmp(&b.sequence.unwrap_or(0.0)));
        }
        for link in &topology.links {
            let first = self.out.network.order.len();
            match link.series {
                Series::ByPhase(d) => self.by_phase(topology, link, d),
                Series::Unbalanced(d) => self.unbalanced(topology, link, d),
                Series::Line(d) => self.sequence_line(topology, link, d),
                Series::Cable(d) => self.cable(topology, link, d),
                Series::Switch(kind, d) => self.switch(topology, link, kind, d),
                Series::Joint => {
                    self.joint(topology, link, "", None, Rating::default(), false);
                }
                Series::Capacitor(d) => self.series_reactance(topology, link, d, true),
                Series::Reactor(d) => self.series_reactance(topology, link, d, false),
                Series::Transformer(d) => self.transformer(topology, link, d),
                Series::ByPhaseTransformer(d) => self.transformer_by_phase(topology, link, d),
                Series::ThreeWinding(d) => self.three_winding(topology, link, d),
                Series::Auto(d) => self.autotransformer(topology, link, d),
                Series::Regulator(d) => self.regulator(topology, link, d),
            }
            if self.options.lon_lat && link.share == 1.0 {
                let route = self.route(&bends, &topology.spans[link.span].section.id);
                if !route.is_empty()
                    && let Some(&id) = self.out.network.order.get(first)
                    && id.kind == ElementKind::Line
                {
                    self.out.network.common_mut(id).route = route;
                }
            }
        }
    }

    /// Adds a line over `nodes` (node numbers in the order of the impedance).
    #[allow(clippy::too_many_arguments)]
    fn line(
        &mut self,
        topology: &Topology<'a>,
        link: &Link<'a>,
        device: &str,
        disconnected: bool,
        nodes: Vec<u32>,
        length_m: f64,
        impedance: LineImpedance,
        rating: Rating,
        rho: Option<f64>,
        line_type: &str,
        code: Option<LineCodeId>,
    ) -> ElementId {
        let section = topology.spans[link.span].section;
        let source = link.series.source().unwrap_or(&section.source);
        let place = Place { device, section: &section.id, network: &section.network, source };
        let wanted = if device.is_empty() { section.id.as_str() } else { device };
        let name = if link.half == 0 { wanted.to_owned() } else { format!("{wanted}_half2") };
        let ends = vec![Terminal::new(link.from, nodes.clone()), Terminal::new(link.to, nodes.clone())];
        let mut common = self.common(ElementKind::Line, &name, &place, nodes.len(), ends);
        common.enabled = !disconnected;
        common.rating = rating;
        let in_metres = matches!(impedance, LineImpedance::Spacing { .. } | LineImpedance::Geometry { .. });
        let length = length_m * link.share;
        let n_phases = common.n_phases;
        let line = Line {
            common,
            length: if in_metres { length } else { length / 1000.0 },
            length_unit: if in_metres { LengthUnit::Metre } else { LengthUnit::Kilometre },
            unit_factor: 1.0,
            impedance,
            earth_r_ohm: 0.0,
            earth_x_ohm: 0.0,
            rho_ohm_m: rho.filter(|r| *r > 0.0).unwrap_or(RHO_OHM_M),
            earth_model: EarthModel::Carson,
            is_switch: false,
            line_code: code.filter(|id| self.out.network.line_codes.get(id.index()).is_some_and(|c| c.n_phases == n_phases)),
            line_type: line_type.to_owned(),
        };
        self.add(line)
    }

    /// Two buses that are one, or a closed switch between them.
    fn joint(
        &mut self,
        topology: &Topology<'a>,
        link: &Link<'a>,
        device: &str,
        nodes: Option<Vec<u32>>,
        rating: Rating,
        disconnected: bool,
    ) -> ElementId {
        let nodes = nodes.unwrap_or_else(|| topology.spans[link.span].phases.nodes());
        let n = nodes.len();
        let z_ohm = (0..n * n).map(|k| if k / n == k % n { Complex64::new(JOINT_OHM, JOINT_OHM) } else { Complex64::ZERO }).collect();
        let impedance = LineImpedance::Matrix { z_ohm, c_nf: vec![0.0; n * n] };
        // One kilometre of the whole impedance.
        let whole =
            Link { share: 1.0, ..Link { span: link.span, from: link.from, to: link.to, series: link.series, share: 1.0, half: link.half } };
        let id = self.line(topology, &whole, device, disconnected, nodes, 1000.0, impedance, rating, None, "", None);
        let section = topology.spans[link.span].section;
        self.defaulted(
            "section.impedance",
            "1e-5 + j1e-5 ohm a phase",
            "a connection without a line, or a switch, has no impedance",
            &section.source,
        );
        id
    }

    /// The length of a line; none (with a finding or a joint) where it has none.
    fn length(
        &mut self,
        topology: &Topology<'a>,
        link: &Link<'a>,
        device: &str,
        length_m: Option<f64>,
        rating: &Rating,
        disconnected: bool,
    ) -> Option<f64> {
        match length_m {
            Some(m) if m > 0.0 => Some(m),
            Some(0.0) => {
                let id = self.joint(topology, link, device, None, rating.clone(), disconnected);
                if let Some(line) = self.out.network.lines.get_mut(id.index()) {
                    line.common.rating = rating.clone();
                }
                None
            }
            other => {
                let source = link.series.source().cloned().unwrap_or_default();
                self.find(
                    Diagnostic::error(
                        "CYME.LINE.LENGTH",
                        format!("the length of a line is {}", other.map_or("not told".to_owned(), |m| m.to_string())),
                    )
                    .element(format!("line.{}", lower_case(device)))
                    .at(&source),
                );
                self.reject(&source, "a line without a length", device);
                None
            }
        }
    }

    fn unbalanced(&mut self, topology: &Topology<'a>, link: &Link<'a>, d: &'a OverheadUnbalanced) {
        let Some(&entry) = self.catalogue.unbalanced.get(&lower_case(&d.line)) else {
            return self.missing_equipment("line", &d.device_number, "LINE UNBALANCED", &d.line, &d.source);
        };
        let phases = topology.spans[link.span].phases;
        let amps = phases.indices().filter_map(|i| [entry.amps_a, entry.amps_b, entry.amps_c][i]).filter(|a| *a > 0.0).reduce(f64::min);
        let first =
            phases.indices().filter_map(|i| [entry.amps_a_1, entry.amps_b_1, entry.amps_c_1][i]).filter(|a| *a > 0.0).reduce(f64::min);
        let rating = rating(amps, first);
        let Some(length) = self.length(topology, link, &d.device_number, d.length_m, &rating, d.disconnected) else { return };
        let told = self.told_mutual_r(&entry.id);
        if phases.count() > 1 && repeats_reactance(entry) && link.half == 0 {
            match told {
                Some(_) => self.converted("line unbalanced.mutualresistance", "replaced by the values given as a correction", &entry.source),
                None => self.find(
                    Diagnostic::warning("CYME.LINE.MUTUAL_RESISTANCE", format!("LINE UNBALANCED {:?} repeats its mutual reactances as mutual resistances", entry.id))
                        .element(format!("line.{}", lower_case(&d.device_number)))
                        .at(&entry.source)
                        .detail(format!("Both are {:?}, {:?}, {:?} ohm/km; the values of the file are used.", entry.x_ab.unwrap_or(0.0), entry.x_bc.unwrap_or(0.0), entry.x_ca.unwrap_or(0.0)))
                        .hint("Text exports of CYME 5 have this fault. Take the resistances from the database or an XML study and give them as the correction mutual-resistance."),
                ),
            }
        }
        let mut m = unbalanced_matrix(entry, told);
        let conducting: Vec<usize> = (0..3).filter(|&i| m.z[i][i].norm() > 0.0).collect();
        for i in phases.indices() {
            if m.z[i][i].norm() > 0.0 {
                continue;
            }
            let letter = ["A", "B", "C"][i];
            let others: Vec<usize> = conducting.iter().copied().filter(|&c| !phases.0[c]).collect();
            match others.as_slice() {
                [one] => {
                    self.find(
                        Diagnostic::warning(
                            "CYME.LINE.PHASE_NOT_IN_CONFIGURATION",
                            format!("LINE UNBALANCED {:?} has no conductor on phase {letter} of its section", entry.id),
                        )
                        .element(format!("line.{}", lower_case(&d.device_number)))
                        .at(&d.source)
                        .detail(format!("The self impedance of phase {letter} is zero; that of phase {} is used.", ["A", "B", "C"][*one]))
                        .hint("Choose a configuration that has the phases of the section."),
                    );
                    self.converted("line unbalanced.self", "impedance of the conducting phase for a phase without a conductor", &d.source);
                    m.z[i][i] = m.z[*one][*one];
                    m.b_us[i][i] = m.b_us[*one][*one];
                }
                _ => {
                    self.find(
                        Diagnostic::error(
                            "CYME.LINE.ZERO_IMPEDANCE",
                            format!("LINE UNBALANCED {:?} has no impedance for phase {letter} of its section", entry.id),
                        )
                        .element(format!("line.{}", lower_case(&d.device_number)))
                        .at(&d.source)
                        .hint("Choose a configuration that has the phases of the section."),
                    );
                    self.reject(&d.source, "a phase without impedance", d.device_number.clone());
                    return;
                }
            }
        }
        let code = self.line_codes.get(&format!("unbalanced:{}", lower_case(&d.line))).copied();
        self.matrix_line(topology, link, &d.device_number, d.disconnected, length, &m, phases, rating, "oh", code);
        self.kept("overheadlineunbalanced setting");
    }

    #[allow(clippy::too_many_arguments)]
    fn matrix_line(
        &mut self,
        topology: &Topology<'a>,
        link: &Link<'a>,
        device: &str,
        disconnected: bool,
        length_m: f64,
        m: &PhaseMatrix,
        phases: Phases,
        rating: Rating,
        line_type: &str,
        code: Option<LineCodeId>,
    ) {
        let used: Vec<usize> = phases.indices().collect();
        let cells = || used.iter().flat_map(|&i| used.iter().map(move |&j| (i, j)));
        let z_ohm = cells().map(|(i, j)| m.z[i][j]).collect();
        let c_nf = cells().map(|(i, j)| nanofarad(m.b_us[i][j], self.frequency_hz)).collect();
        let impedance = LineImpedance::Matrix { z_ohm, c_nf };
        self.line(topology, link, device, disconnected, phases.nodes(), length_m, impedance, rating, None, line_type, code);
    }

    /// A line by sequence values per km.
    #[allow(clippy::too_many_arguments)]
    fn by_sequence(
        &mut self,
        topology: &Topology<'a>,
        link: &Link<'a>,
        device: &str,
        disconnected: bool,
        length_m: f64,
        (z1, z0, b1, b0): (Complex64, Complex64, f64, f64),
        rating: Rating,
        line_type: &str,
        code: Option<LineCodeId>,
    ) {
        let phases = topology.spans[link.span].phases;
        if phases.count() == 3 {
            let hz = self.frequency_hz;
            let impedance = LineImpedance::Sequence { z1_ohm: z1, z0_ohm: z0, c1_nf: nanofarad(b1, hz), c0_nf: nanofarad(b0, hz) };
            self.line(topology, link, device, disconnected, phases.nodes(), length_m, impedance, rating, None, line_type, code);
        } else {
            let m = sequence_matrix(z1.re, z1.im, z0.re, z0.im, b1, b0);
            self.matrix_line(topology, link, device, disconnected, length_m, &m, phases, rating, line_type, code);
        }
    }

    fn sequence_values(
        &mut self,
        device: &str,
        what: &str,
        values: [Option<f64>; 6],
        source: &SourceRef,
    ) -> Option<(Complex64, Complex64, f64, f64)> {
        let [r1, x1, r0, x0, b1, b0] = values;
        let (Some(r1), Some(x1)) = (r1, x1) else {
            self.find(
                Diagnostic::error("CYME.LINE.NO_IMPEDANCE", format!("{what} has no positive-sequence impedance"))
                    .element(format!("line.{}", lower_case(device)))
                    .at(source)
                    .hint("Let CYME compute the impedances of the entry (or give them) and export again."),
            );
            self.reject(source, format!("{what} has no impedance"), device);
            return None;
        };
        let z1 = Complex64::new(r1, x1);
        let z0 = match (r0, x0) {
            (Some(r0), Some(x0)) => Complex64::new(r0, x0),
            _ => {
                self.defaulted("line.z0", "the positive-sequence impedance", "not told", source);
                z1
            }
        };
        if z1.re < 0.0 || z0.re < 0.0 {
            self.find(
                Diagnostic::warning("CYME.LINE.NEGATIVE_RESISTANCE", format!("{what} has a negative resistance"))
                    .element(format!("line.{}", lower_case(device)))
                    .at(source)
                    .detail(format!("R1 = {}, R0 = {} ohm/km; they are used as written.", z1.re, z0.re)),
            );
        }
        Some((z1, z0, b1.unwrap_or(0.0), b0.unwrap_or(0.0)))
    }

    fn sequence_line(&mut self, topology: &Topology<'a>, link: &Link<'a>, d: &'a OverheadLine) {
        let Some(&entry) = self.catalogue.lines.get(&lower_case(&d.line)) else {
            // Old exports use this setting for entries of the unbalanced table too.
            if self.catalogue.unbalanced.contains_key(&lower_case(&d.line)) {
                self.find(
                    Diagnostic::error("CYME.EQUIPMENT.OTHER_TABLE", format!("{:?} is an entry of LINE UNBALANCED, not of LINE", d.line))
                        .element(format!("line.{}", lower_case(&d.device_number)))
                        .at(&d.source),
                );
            }
            return self.missing_equipment("line", &d.device_number, "LINE", &d.line, &d.source);
        };
        let rating = rating(entry.amps, entry.amps_1);
        let Some(length) = self.length(topology, link, &d.device_number, d.length_m, &rating, d.disconnected) else { return };
        let values = [entry.r1, entry.x1, entry.r0, entry.x0, entry.b1, entry.b0];
        let Some(values) = self.sequence_values(&d.device_number, &format!("LINE {:?}", entry.id), values, &d.source) else { return };
        if values.0.norm() == 0.0 {
            self.find(
                Diagnostic::warning("CYME.LINE.NO_OHMS", format!("LINE {:?} has no impedance: the line joins its nodes", entry.id))
                    .element(format!("line.{}", lower_case(&d.device_number)))
                    .at(&d.source),
            );
            self.joint(topology, link, &d.device_number, None, rating, d.disconnected);
            return;
        }
        let code = self.line_codes.get(&format!("line:{}", lower_case(&d.line))).copied();
        self.by_sequence(topology, link, &d.device_number, d.disconnected, length, values, rating, "oh", code);
        self.kept("overheadline setting");
    }

    fn cable(&mut self, topology: &Topology<'a>, link: &Link<'a>, d: &'a UndergroundLine) {
        let Some(&entry) = self.catalogue.cables.get(&lower_case(&d.cable)) else {
            return self.missing_equipment("line", &d.device_number, "CABLE", &d.cable, &d.source);
        };
        let parallel = match d.n_parallel {
            Some(n) if n >= 1.0 && n.fract() == 0.0 && n <= 100.0 => n,
            None | Some(0.0) => 1.0,
            Some(n) => {
                self.find(
                    Diagnostic::error("CYME.LINE.PARALLEL_CABLES", format!("{n} cables in parallel"))
                        .element(format!("line.{}", lower_case(&d.device_number)))
                        .at(&d.source),
                );
                return;
            }
        };
        let mut amps = rating(d.amps.filter(|a| *a > 0.0).or(entry.amps), d.amps_1.filter(|a| *a > 0.0).or(entry.amps_1));
        amps.normal_a *= parallel;
        amps.emergency_a *= parallel;
        let Some(length) = self.length(topology, link, &d.device_number, d.length_m, &amps, d.disconnected) else { return };
        let values = [entry.r1, entry.x1, entry.r0, entry.x0, entry.b1, entry.b0];
        let Some((z1, z0, b1, b0)) = self.sequence_values(&d.device_number, &format!("CABLE {:?}", entry.id), values, &d.source) else {
            return;
        };
        if z1.norm() == 0.0 {
            self.find(
                Diagnostic::warning("CYME.LINE.NO_OHMS", format!("CABLE {:?} has no impedance: the cable joins its nodes", entry.id))
                    .element(format!("line.{}", lower_case(&d.device_number)))
                    .at(&d.source),
            );
            self.joint(topology, link, &d.device_number, None, amps, d.disconnected);
            return;
        }
        let code = if parallel == 1.0 { self.line_codes.get(&format!("cable:{}", lower_case(&d.cable))).copied() } else { None };
        if parallel > 1.0 {
            self.converted(
                "undergroundline setting.numberofcableinparallel",
                "impedance over n, susceptance and rating times n",
                &d.source,
            );
        }
        let values = (z1 / parallel, z0 / parallel, b1 * parallel, b0 * parallel);
        self.by_sequence(topology, link, &d.device_number, d.disconnected, length, values, amps, "ug", code);
        self.kept("undergroundline setting");
    }

    fn by_phase(&mut self, topology: &Topology<'a>, link: &Link<'a>, d: &'a OverheadByPhase) {
        let span = &topology.spans[link.span];
        let element = format!("line.{}", lower_case(&d.device_number));
        let is_none = |id: &str| id.is_empty() || id.eq_ignore_ascii_case("none");
        let ids = [&d.conductor_a, &d.conductor_b, &d.conductor_c];
        let mut phases = span.phases;
        for i in span.phases.indices() {
            if is_none(ids[i]) {
                self.find(
                    Diagnostic::error(
                        "CYME.LINE.MISSING_CONDUCTOR",
                        format!("phase {} of section {:?} has no conductor", ["A", "B", "C"][i], span.section.id),
                    )
                    .element(element.clone())
                    .at(&d.source)
                    .hint("Give the phase a conductor, or take the phase out of the section."),
                );
                phases.0[i] = false;
            }
        }
        if phases.is_none() {
            return;
        }
        let mut amps: Option<f64> = None;
        let mut emergency: Option<f64> = None;
        let mut wires: HashMap<usize, &'a Conductor> = HashMap::new();
        for i in phases.indices() {
            let Some(&c) = self.catalogue.conductors.get(&lower_case(ids[i])) else {
                return self.missing_equipment("line", &d.device_number, "CONDUCTOR", ids[i], &d.source);
            };
            let least = |a: Option<f64>, b: Option<f64>| [a, b].into_iter().flatten().filter(|v| *v > 0.0).reduce(f64::min);
            amps = least(amps, c.amps);
            emergency = least(emergency, c.amps_1);
            wires.insert(i, c);
        }
        let rating = rating(amps, emergency);
        let Some(length) = self.length(topology, link, &d.device_number, d.length_m, &rating, d.disconnected) else { return };
        let Some(&spacing) = self.catalogue.spacings.get(&lower_case(&d.spacing)) else {
            return self.missing_equipment("line", &d.device_number, "SPACING TABLE FOR LINE", &d.spacing, &d.source);
        };
        let mut neutrals: Vec<(usize, &'a Conductor)> = Vec::new();
        for (k, id) in [&d.neutral_1, &d.neutral_2].into_iter().enumerate() {
            if is_none(id) {
                continue;
            }
            match self.catalogue.conductors.get(&lower_case(id)) {
                Some(c) => neutrals.push((k, c)),
                None => return self.missing_equipment("line", &d.device_number, "CONDUCTOR", id, &d.source),
            }
        }
        for c in wires.values().copied().chain(neutrals.iter().map(|(_, c)| *c)) {
            let positive = |v: Option<f64>| v.is_some_and(|v| v > 0.0);
            if !positive(c.gmr_cm) || !positive(c.diameter_cm) || !positive(c.r25_ohm_per_km) {
                self.find(
                    Diagnostic::error("CYME.LINE.CONDUCTOR_DATA", format!("conductor {:?} lacks its GMR, diameter or resistance", c.id))
                        .element(element.clone())
                        .at(&c.source)
                        .detail(format!("GMR {:?} cm, diameter {:?} cm, R25 {:?} ohm/km.", c.gmr_cm, c.diameter_cm, c.r25_ohm_per_km)),
                );
                self.reject(&d.source, format!("conductor {:?} cannot be used", c.id), d.device_number.clone());
                return;
            }
            if c.gmr_cm.unwrap_or(0.0) > c.diameter_cm.unwrap_or(0.0) / 2.0 * 1.0001 && link.half == 0 {
                self.find(
                    Diagnostic::warning("CYME.LINE.GMR", format!("conductor {:?} has a GMR larger than its radius", c.id))
                        .element(element.clone())
                        .at(&c.source)
                        .detail(format!(
                            "GMR {} cm, diameter {} cm; both are used as written.",
                            c.gmr_cm.unwrap_or(0.0),
                            c.diameter_cm.unwrap_or(0.0)
                        )),
                );
            }
        }
        let rho = match d.earth_resistivity_ohm_m {
            Some(rho) if rho > 0.0 => rho,
            _ => {
                self.defaulted("overhead byphase setting.earthresistivity", "100 ohm m", "0 or not told", &d.source);
                RHO_OHM_M
            }
        };
        let at = [(spacing.x1_m, spacing.y1_m), (spacing.x2_m, spacing.y2_m), (spacing.x3_m, spacing.y3_m)];
        let place = |p: (Option<f64>, Option<f64>)| p.0.zip(p.1);
        if at.iter().all(|p| place(*p).is_none()) {
            return self.by_mean_distances(topology, link, d, spacing, phases, &wires, &neutrals, rho, length, rating);
        }
        // The order of the phases over the positions; without one, A, B, C over those there are.
        let order: Vec<usize> = match &d.position {
            Some(position) => position.0.clone(),
            None => (0..3).collect(),
        };
        let mut order: Vec<(usize, usize)> = order.into_iter().enumerate().map(|(position, phase)| (phase, position)).collect();
        if phases.indices().any(|p| !order.iter().any(|(phase, _)| *phase == p)) {
            self.find(
                Diagnostic::error(
                    "CYME.LINE.POSITION",
                    format!("the conductor positions of section {:?} do not name all its phases", span.section.id),
                )
                .element(element.clone())
                .at(&d.source)
                .detail(format!(
                    "Section {}, positions {:?}.",
                    span.phases.letters(),
                    d.position.as_ref().map(|p| p.0.iter().map(|&i| ["A", "B", "C"][i]).collect::<String>())
                )),
            );
            return;
        }
        order.retain(|(phase, _)| phases.0[*phase]);
        let neutral_at = [(spacing.xn_m, spacing.yn_m), (spacing.xn2_m, spacing.yn2_m)];
        let mut places: Vec<(f64, f64)> = Vec::new();
        let mut key = lower_case(&spacing.id);
        let mut used: Vec<&'a Conductor> = Vec::new();
        for (phase, position) in &order {
            let Some(p) = at.get(*position).copied().and_then(place) else {
                return self.no_position(&element, spacing, &format!("position {}", position + 1), d);
            };
            places.push(p);
            key.push_str(&format!("_{}", position + 1));
            used.extend(wires.get(phase).copied());
        }
        for (k, c) in &neutrals {
            let Some(p) = place(neutral_at[*k]) else {
                return self.no_position(&element, spacing, &format!("neutral position {}", k + 1), d);
            };
            places.push(p);
            key.push_str(&format!("_n{}", k + 1));
            used.push(c);
        }
        if let Some((_, y)) = places.iter().find(|(_, y)| *y <= 0.0) {
            self.find(
                Diagnostic::error("CYME.LINE.HEIGHT", format!("spacing {:?} has a conductor at a height of {y} m", spacing.id))
                    .element(element.clone())
                    .at(&spacing.source),
            );
            return;
        }
        if places.iter().any(|(_, y)| *y > 100.0) {
            self.find(
                Diagnostic::warning(
                    "CYME.LINE.TALL_TOWER",
                    format!("spacing {:?} has a conductor more than 100 m above ground", spacing.id),
                )
                .element(element.clone())
                .at(&spacing.source)
                .hint("Check the unit system of the equipment file."),
            );
        }
        for i in 0..places.len() {
            for j in 0..i {
                let distance = (places[i].0 - places[j].0).hypot(places[i].1 - places[j].1);
                let radii = (used[i].diameter_cm.unwrap_or(0.0) + used[j].diameter_cm.unwrap_or(0.0)) / 200.0;
                if distance <= radii {
                    self.find(
                        Diagnostic::error(
                            "CYME.LINE.SAME_PLACE",
                            format!("two conductors of spacing {:?} are in the same place", spacing.id),
                        )
                        .element(element.clone())
                        .at(&spacing.source),
                    );
                    return;
                }
            }
        }
        let n_bundle = spacing.n_per_bundle.filter(|n| *n >= 2.0 && *n <= 8.0).map_or(1, |n| n as usize);
        let bundle_m = spacing.bundle_distance_m.filter(|m| *m > 0.0).unwrap_or(0.0);
        let n_phases = order.len();
        let conductors: Vec<ConductorId> = used
            .iter()
            .enumerate()
            .map(
                |(i, c)| {
                    if i < n_phases && n_bundle > 1 && bundle_m > 0.0 { self.wire(c, n_bundle, bundle_m) } else { self.wire(c, 1, 0.0) }
                },
            )
            .collect();
        let spacing_id = self.spacing(key, n_phases, &places);
        let nodes: Vec<u32> = order.iter().map(|(phase, _)| *phase as u32 + 1).collect();
        let impedance = LineImpedance::Spacing { spacing: spacing_id, conductors };
        self.line(topology, link, &d.device_number, d.disconnected, nodes, length, impedance, rating, Some(rho), "oh", None);
        self.kept("overhead byphase setting");
    }

    fn no_position(&mut self, element: &str, spacing: &Spacing, what: &str, d: &OverheadByPhase) {
        self.find(
            Diagnostic::error("CYME.LINE.NO_POSITION", format!("spacing {:?} has no {what}, where the line has a conductor", spacing.id))
                .element(element)
                .at(&d.source)
                .hint("Give the spacing the position, or correct ConductorPosition."),
        );
        self.reject(&d.source, "a conductor without a position", d.device_number.clone());
    }

    fn spacing(&mut self, key: String, n_phases: usize, places: &[(f64, f64)]) -> LineSpacingId {
        if let Some(&id) = self.spacings.get(&key) {
            return id;
        }
        let id = LineSpacingId::from(self.out.network.line_spacings.len());
        self.out.network.line_spacings.push(LineSpacing {
            name: key.clone(),
            n_conductors: places.len(),
            n_phases,
            unit: LengthUnit::Metre,
            x: places.iter().map(|p| p.0).collect(),
            h: places.iter().map(|p| p.1).collect(),
        });
        self.spacings.insert(key, id);
        id
    }

    /// A line whose spacing tells mean distances and heights.
    #[allow(clippy::too_many_arguments)]
    fn by_mean_distances(
        &mut self,
        topology: &Topology<'a>,
        link: &Link<'a>,
        d: &'a OverheadByPhase,
        spacing: &'a Spacing,
        phases: Phases,
        wires: &HashMap<usize, &'a Conductor>,
        neutrals: &[(usize, &'a Conductor)],
        rho: f64,
        length_m: f64,
        rating: Rating,
    ) {
        let positive = |v: Option<f64>| v.filter(|v| *v > 0.0);
        let (Some(d_pp), Some(h)) = (positive(spacing.gmd_phase_phase_m), positive(spacing.phase_height_m)) else {
            return self.no_position(&format!("line.{}", lower_case(&d.device_number)), spacing, "positions and no mean distances", d);
        };
        let (d_pn, h_n) = (positive(spacing.gmd_phase_neutral_m), positive(spacing.neutral_height_m));
        let neutral = neutrals.first().map(|(_, c)| *c);
        if neutral.is_some() && (d_pn.is_none() || h_n.is_none()) {
            return self.no_position(
                &format!("line.{}", lower_case(&d.device_number)),
                spacing,
                "mean distance or height of the neutral",
                d,
            );
        }
        let (d_pn, h_n) = (d_pn.unwrap_or(d_pp), h_n.unwrap_or(h));
        let hz = self.frequency_hz;
        let k = MU0 * hz;
        let de = 658.5 * (rho / hz).sqrt();
        let used: Vec<usize> = phases.indices().collect();
        let mut conductors: Vec<(&Conductor, f64)> = used.iter().filter_map(|i| wires.get(i).map(|c| (*c, h))).collect();
        conductors.extend(neutral.map(|c| (c, h_n)));
        let n = conductors.len();
        let p = used.len();
        let distance = |i: usize, j: usize| if i >= p || j >= p { d_pn } else { d_pp };
        let cm = |v: Option<f64>| v.unwrap_or(0.0) / 100.0;
        let z: Vec<Vec<Complex64>> = (0..n)
            .map(|i| {
                (0..n)
                    .map(|j| {
                        let (c, _) = conductors[i];
                        if i == j {
                            Complex64::new(c.r25_ohm_per_km.unwrap_or(0.0) / 1000.0 + PI * k / 4.0, k * (de / cm(c.gmr_cm)).ln())
                        } else {
                            Complex64::new(PI * k / 4.0, k * (de / distance(i, j)).ln())
                        }
                    })
                    .collect()
            })
            .collect();
        let potential: Vec<Vec<f64>> = (0..n)
            .map(|i| {
                (0..n)
                    .map(|j| {
                        let ((c, hi), (_, hj)) = (conductors[i], conductors[j]);
                        let ln = if i == j {
                            (2.0 * hi / (cm(c.diameter_cm) / 2.0)).ln()
                        } else {
                            let dist = distance(i, j);
                            ((dist * dist + 4.0 * hi * hj).sqrt() / dist).ln()
                        };
                        ln / (TAU * E0)
                    })
                    .collect()
            })
            .collect();
        let z_phase = |i: usize, j: usize| if n > p { z[i][j] - z[i][p] * z[p][j] / z[p][p] } else { z[i][j] };
        let Some(c_farad) = invert(&potential) else {
            return self.no_position(&format!("line.{}", lower_case(&d.device_number)), spacing, "usable mean distances", d);
        };
        let cells = || (0..p).flat_map(|i| (0..p).map(move |j| (i, j)));
        let impedance = LineImpedance::Matrix {
            z_ohm: cells().map(|(i, j)| z_phase(i, j) * 1000.0).collect(),
            c_nf: cells().map(|(i, j)| c_farad[i][j] * 1e12).collect(),
        };
        self.converted(
            "spacing table for line.gmd",
            "impedances from mean distances by the first terms of Carson's series",
            &spacing.source,
        );
        self.line(topology, link, &d.device_number, d.disconnected, phases.nodes(), length_m, impedance, rating, Some(rho), "oh", None);
    }

    fn switch(&mut self, topology: &Topology<'a>, link: &Link<'a>, kind: SwitchKind, d: &'a SwitchSetting) {
        let span = &topology.spans[link.span];
        let phases = span.phases;
        let entry = self.catalogue.switches.get(&(kind, lower_case(&d.equipment))).copied();
        if entry.is_none() && !d.equipment.is_empty() && kind != SwitchKind::Miscellaneous {
            self.find(
                Diagnostic::warning(
                    "CYME.EQUIPMENT.NO_RATING",
                    format!("the catalogue has no {kind:?} {:?}; the device has no rating", d.equipment),
                )
                .element(format!("line.{}", lower_case(&d.device_number)))
                .at(&d.source),
            );
        }
        let rating = entry.map(|e| rating(e.amps, e.amps_1)).unwrap_or_default();
        let rated_a = rating.normal_a;
        let id = self.joint(topology, link, &d.device_number, Some(phases.nodes()), rating, false);
        let closed = if kind == SwitchKind::Miscellaneous { Phases::ABC } else { closed_phases(d) };
        let closed = if d.disconnected { Phases::NONE } else { closed };
        let line = &mut self.out.network.lines[id.index()];
        line.is_switch = kind != SwitchKind::Miscellaneous;
        line.line_type = match kind {
            SwitchKind::Switch | SwitchKind::Miscellaneous => "",
            SwitchKind::Fuse => "swt_fuse",
            SwitchKind::Recloser => "swt_rec",
            SwitchKind::Breaker | SwitchKind::LvBreaker => "swt_brk",
            SwitchKind::Sectionalizer => "swt_sect",
            SwitchKind::NetworkProtector => "swt_disc",
        }
        .to_owned();
        if let Some(e) = entry {
            line.common.reliability =
                Reliability { fault_rate: e.fail_rate.unwrap_or(0.0), permanent_pct: 0.0, repair_h: e.repair_h.unwrap_or(0.0) };
        }
        let states: Vec<bool> = phases.indices().map(|i| closed.0[i]).collect();
        line.common.terminals[0].closed.clone_from(&states);
        self.kept("switch setting");
        if kind == SwitchKind::Miscellaneous {
            return;
        }
        let stray = closed.without(phases);
        if d.closed_phase.is_some_and(|p| !p.without(phases).is_none() && p != Phases::ABC) {
            self.find(
                Diagnostic::note(
                    "CYME.SWITCH.CLOSED_PHASE",
                    format!("closed phases {} are not in the section ({})", stray.letters(), phases.letters()),
                )
                .element(format!("line.{}", lower_case(&d.device_number)))
                .at(&d.source),
            );
        }
        let state = |closed: bool| if closed { SwitchState::Closed } else { SwitchState::Open };
        let normal = d.normally_open.map_or(states.iter().all(|c| *c), |open| !open);
        if let Some(open) = d.normally_open
            && open == states.iter().any(|c| *c)
            && d.closed_phase.is_some()
        {
            self.find(
                Diagnostic::note(
                    "CYME.SWITCH.NOT_NORMAL",
                    format!(
                        "the switch is {}, normally it is {}",
                        if open { "closed" } else { "open" },
                        if open { "open" } else { "closed" }
                    ),
                )
                .element(format!("line.{}", lower_case(&d.device_number)))
                .at(&d.source),
            );
        }
        let place = Place { device: &d.device_number, section: &span.section.id, network: &span.section.network, source: &d.source };
        let n = states.len();
        let protection = Protection {
            monitored: Some(id),
            monitored_terminal: 0,
            switched: Some(id),
            switched_terminal: 0,
            normal: vec![state(normal); n],
            state: states.iter().map(|c| state(*c)).collect(),
            delay_s: 0.0,
        };
        let settings = || {
            let value = |v: Option<f64>| v.map(|v| v.to_string()).unwrap_or_default();
            let all = [
                ("phpickup", value(d.phase_pickup_a)),
                ("grdpickup", value(d.ground_pickup_a)),
                ("tccid", d.tcc.clone()),
                ("rc", d.remote_controlled.to_string()),
                ("automated", d.automated.to_string()),
                ("locked", d.locked.to_string()),
                ("strategic", d.strategic.to_string()),
            ];
            all.into_iter().filter(|(_, v)| !v.is_empty() && v != "false").map(|(k, v)| (k.to_owned(), v)).collect::<Vec<_>>()
        };
        // A control of a switch has one state for all phases; where they differ the line alone tells them.
        let mixed = states.iter().any(|c| *c != states[0]);
        match kind {
            SwitchKind::Fuse => {
                let mut common = self.common(ElementKind::Fuse, &d.device_number, &place, n, Vec::new());
                // Without a time curve it never acts.
                common.enabled = false;
                self.add(Fuse { common, protection, curve: None, rated_a });
            }
            SwitchKind::Recloser => {
                let mut common = self.common(ElementKind::Recloser, &d.device_number, &place, n, Vec::new());
                common.enabled = false;
                self.add(Recloser {
                    common,
                    protection,
                    phase_fast: None,
                    phase_delayed: None,
                    ground_fast: None,
                    ground_delayed: None,
                    phase_trip: d.phase_pickup_a.unwrap_or(0.0),
                    ground_trip: d.ground_pickup_a.unwrap_or(0.0),
                    phase_instantaneous: 0.0,
                    ground_instantaneous: 0.0,
                    n_fast: 1,
                    shots: 4,
                    reclose_intervals_s: vec![0.5, 2.0, 2.0],
                    settings: settings(),
                });
            }
            _ if mixed => self.converted("switch setting.closedphase", "phases that are open are open at the line's first end", &d.source),
            _ => {
                let mut common = self.common(ElementKind::SwitchControl, &d.device_number, &place, n, Vec::new());
                // An active control brings its switch to the normal state when a study starts; the study's state is the present one.
                common.enabled = states.first().copied().unwrap_or(true) == normal;
                self.add(SwitchControl {
                    common,
                    switched: Some(id),
                    terminal: 0,
                    normal: state(normal),
                    state: state(states.first().copied().unwrap_or(true)),
                    command: state(states.first().copied().unwrap_or(true)),
                    locked: d.locked,
                    delay_s: 0.0,
                });
            }
        }
    }

    fn series_reactance(&mut self, topology: &Topology<'a>, link: &Link<'a>, d: &'a SeriesSetting, capacitor: bool) {
        let table = if capacitor { &self.catalogue.series_capacitors } else { &self.catalogue.series_reactors };
        let name = if capacitor { "SERIE CAPACITOR" } else { "SERIE REACTOR" };
        let Some(&entry) = table.get(&lower_case(&d.equipment)) else {
            return self.missing_equipment("line", &d.device_number, name, &d.equipment, &d.source);
        };
        let Some(x) = entry.reactance_ohm.filter(|x| *x != 0.0) else {
            self.find(
                Diagnostic::error("CYME.SERIES.NO_REACTANCE", format!("{name} {:?} has no reactance", entry.id))
                    .element(format!("line.{}", lower_case(&d.device_number)))
                    .at(&d.source),
            );
            return;
        };
        let phases = topology.spans[link.span].phases;
        let n = phases.count();
        let x = if capacitor { -x.abs() } else { x.abs() };
        let z_ohm = (0..n * n).map(|k| if k / n == k % n { Complex64::new(0.0, x) } else { Complex64::ZERO }).collect();
        let impedance = LineImpedance::Matrix { z_ohm, c_nf: vec![0.0; n * n] };
        self.line(
            topology,
            link,
            &d.device_number,
            d.disconnected,
            phases.nodes(),
            1000.0,
            impedance,
            rating(entry.amps, entry.amps_1),
            None,
            "",
            None,
        );
        self.converted("serie setting", "a line of the whole reactance", &d.source);
    }
}

/// Inverse of a small real matrix by Gauss-Jordan elimination with row exchange; none when it is singular.
fn invert(a: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let n = a.len();
    let mut m: Vec<Vec<f64>> =
        a.iter().enumerate().map(|(i, row)| row.iter().copied().chain((0..n).map(|j| f64::from(u8::from(i == j)))).collect()).collect();
    for column in 0..n {
        let pivot = (column..n).max_by(|&i, &j| m[i][column].abs().total_cmp(&m[j][column].abs()))?;
        if m[pivot][column] == 0.0 || !m[pivot][column].is_finite() {
            return None;
        }
        m.swap(column, pivot);
        let scale = m[column][column];
        m[column].iter_mut().for_each(|v| *v /= scale);
        for row in 0..n {
            if row != column && m[row][column] != 0.0 {
                let factor = m[row][column];
                let source = m[column].clone();
                m[row].iter_mut().zip(&source).for_each(|(v, s)| *v -= factor * s);
            }
        }
    }
    Some(m.into_iter().map(|row| row[n..].to_vec()).collect())
}
