//! Sources: voltages held at head nodes.
//!
//! For load flow the operating voltage stands at the node itself; the impedance behind it is kept for short circuits.

use super::super::model::*;
use super::{Lowering, Place, Topology, lower_case};
use crate::ImportError;
use network::{BusId, Diagnostic, ElementKind, SequenceType, Shapes, Terminal, VoltageSource};
use num_complex::Complex64;
use std::collections::HashSet;

/// Impedance of a held source, per unit of its kV and 100 MVA: next to nothing even where a source gives gigawatts.
const HELD_PU: Complex64 = Complex64::new(0.0, 1e-7);
/// Voltages that differ by less are one balanced system, per unit.
const BALANCED_PU: f64 = 1e-5;
/// Angles that differ by less, degrees.
const BALANCED_DEG: f64 = 1e-4;

impl<'a> Lowering<'a> {
    /// Makes the sources, and with them the first nominal voltages.
    ///
    /// Rows of SOURCE say where sources are. An equivalent without such a row (every feeder of a substation has one) counts
    /// only where its node is not supplied by another source.
    pub(super) fn sources(&mut self, topology: &Topology<'a>) -> Result<(), ImportError> {
        self.base_ln_kv = vec![0.0; self.out.network.buses.len()];
        let islands = topology.islands(self.out.network.buses.len());
        let mut supplied: HashSet<usize> = HashSet::new();
        let mut done: HashSet<BusId> = HashSet::new();
        let mut told: Vec<(BusId, Option<&Source>, Option<&SourceEquivalent>)> = Vec::new();
        for source in &self.model.sources {
            let Some(&bus) = topology.bus_of_node.get(&lower_case(&source.node)) else {
                if self.feeders.is_empty() {
                    self.find(
                        Diagnostic::warning(
                            "CYME.SOURCE.NO_NODE",
                            format!("a source stands at node {:?}, which no section has", source.node),
                        )
                        .at(&source.source),
                    );
                }
                continue;
            };
            if done.insert(bus) {
                supplied.insert(islands[bus.index()]);
                told.push((bus, Some(source), self.equivalent(&source.node)));
            }
        }
        let mut equivalents: Vec<&SourceEquivalent> = self.model.source_equivalents.iter().collect();
        // Substations and head nodes told first supply what follows them.
        let heads: HashSet<String> = self.model.head_nodes.iter().map(|h| lower_case(&h.node)).collect();
        equivalents.sort_by_key(|e| !heads.contains(&lower_case(&e.node)));
        for equivalent in equivalents {
            let Some(&bus) = topology.bus_of_node.get(&lower_case(&equivalent.node)) else { continue };
            if done.contains(&bus) || !std::ptr::eq(self.equivalent(&equivalent.node).unwrap_or(equivalent), equivalent) {
                continue;
            }
            done.insert(bus);
            if supplied.insert(islands[bus.index()]) {
                told.push((bus, None, Some(equivalent)));
            } else {
                self.dropped("source equivalent", "its node is supplied by another source", &equivalent.source);
            }
        }
        if told.is_empty() {
            let finding = Diagnostic::error("CYME.STUDY.NO_SOURCE", "no source stands at a node of the network that is read")
                .hint("The network file needs SOURCE or SOURCE EQUIVALENT rows for the head nodes.");
            let mut findings = std::mem::take(&mut self.out.diagnostics);
            findings.push(finding);
            return Err(ImportError::new(findings));
        }
        for (bus, source, equivalent) in told {
            self.source(bus, source, equivalent);
        }
        Ok(())
    }

    /// The equivalent at a node, of the chosen load model where there are several.
    fn equivalent(&self, node: &str) -> Option<&'a SourceEquivalent> {
        let (id, name) = &self.load_model;
        let at = || self.model.source_equivalents.iter().filter(|e| e.node.eq_ignore_ascii_case(node));
        at().find(|e| e.load_model.eq_ignore_ascii_case(name) || e.load_model.eq_ignore_ascii_case(id)).or_else(|| at().next())
    }

    fn source(&mut self, bus: BusId, source: Option<&Source>, equivalent: Option<&SourceEquivalent>) {
        let substation = source.and_then(|s| self.catalogue.substations.get(&lower_case(&s.id)).copied());
        let origin = source.map(|s| s.source.clone()).or_else(|| equivalent.map(|e| e.source.clone())).unwrap_or_default();
        let positive = |kv: Option<f64>| kv.filter(|kv| *kv > 0.0);
        let root3 = 3f64.sqrt();
        let node = self.out.network.bus(bus).name.clone();
        let desired = source.and_then(|s| positive(s.desired_kv)).or_else(|| substation.and_then(|s| positive(s.kv_ll_desired)));
        let nominal_ll = equivalent
            .and_then(|e| positive(e.kv_ll))
            .or_else(|| substation.and_then(|s| positive(s.kv_ll)))
            .or(desired)
            .or_else(|| equivalent.and_then(|e| positive(e.kv_1)).map(|kv| kv * root3))
            .or_else(|| source.and_then(|s| positive(s.kv_a)).map(|kv| kv * root3));
        let Some(nominal_ll) = nominal_ll else {
            self.find(
                Diagnostic::error("CYME.SOURCE.NO_VOLTAGE", format!("the source at node {node:?} tells no voltage"))
                    .at(&origin)
                    .hint("Give Voltage and OperatingVoltage1..3 in SOURCE EQUIVALENT, or DesiredVoltage in SOURCE."),
            );
            return;
        };
        let from_equivalent = equivalent.and_then(|e| Some([positive(e.kv_1)?, positive(e.kv_2)?, positive(e.kv_3)?]));
        let from_source = source.and_then(|s| Some([positive(s.kv_a)?, positive(s.kv_b)?, positive(s.kv_c)?]));
        let kv = match (from_equivalent, from_source) {
            (Some(kv), _) | (None, Some(kv)) => kv,
            (None, None) => {
                let ll = desired.unwrap_or(nominal_ll);
                self.defaulted("source equivalent.operatingvoltage", "the desired or nominal voltage", "not told", &origin);
                [ll / root3; 3]
            }
        };
        for (i, v) in kv.iter().enumerate() {
            let pu = v * root3 / nominal_ll;
            if !(0.8..=1.2).contains(&pu) {
                self.find(
                    Diagnostic::warning(
                        "CYME.SOURCE.VOLTAGE",
                        format!("phase {} of the source at node {node:?} is at {pu:.3} per unit", ["A", "B", "C"][i]),
                    )
                    .at(&origin)
                    .detail(format!("{v} kV line to neutral, nominal {nominal_ll} kV line to line."))
                    .hint("OperatingVoltage is line to neutral, Voltage line to line."),
                );
                break;
            }
        }
        let shift = substation.and_then(|s| s.angle_deg).unwrap_or(0.0);
        let angles = equivalent.and_then(|e| Some([e.angle_1_deg?, e.angle_2_deg?, e.angle_3_deg?])).unwrap_or([
            shift,
            shift - 120.0,
            shift + 120.0,
        ]);
        self.base_ln_kv[bus.index()] = nominal_ll / root3;
        let ohm_base = |base_mva: Option<f64>| nominal_ll * nominal_ll / base_mva.filter(|b| *b > 0.0).unwrap_or(100.0);
        let z = |r: Option<f64>, x: Option<f64>| Complex64::new(r.unwrap_or(0.0), x.unwrap_or(0.0));
        let (mut z1, mut z2, mut z0) = match (equivalent, substation) {
            (Some(e), _) => {
                let scale = if is_per_unit(&e.impedance_unit) { ohm_base(e.base_mva) } else { 1.0 };
                let z1 = z(e.r1, e.x1) * scale;
                (z1, if e.r2.is_some() || e.x2.is_some() { z(e.r2, e.x2) * scale } else { z1 }, z(e.r0, e.x0) * scale)
            }
            (None, Some(s)) => {
                let scale = if is_per_unit(&s.impedance_unit) { ohm_base(s.base_mva) } else { 1.0 };
                let z1 = z(s.r1, s.x1) * scale;
                (z1, if s.r2.is_some() || s.x2.is_some() { z(s.r2, s.x2) * scale } else { z1 }, z(s.r0, s.x0) * scale)
            }
            (None, None) => (Complex64::ZERO, Complex64::ZERO, Complex64::ZERO),
        };
        if z1.norm() == 0.0 {
            let trace = Complex64::new(1e-6, 1e-5);
            (z1, z2, z0) = (trace, trace, trace);
            self.defaulted(
                "source equivalent.impedance",
                "1e-6 + j1e-5 ohm",
                "it is zero or not told; only short circuits use it",
                &origin,
            );
        }
        if z2.norm() == 0.0 {
            z2 = z1;
        }
        if z0.norm() == 0.0 {
            z0 = z1;
        }
        let network = source.map(|s| s.network.clone()).unwrap_or_default();
        let network = if network.is_empty() {
            let head = self.model.head_nodes.iter().find(|h| lower_case(&h.node) == node);
            head.map(|h| h.network.clone()).unwrap_or_default()
        } else {
            network
        };
        let first = self.out.network.voltage_sources.is_empty();
        let name = if first { "source".to_owned() } else { format!("source_{node}") };
        let device = source.map(|s| if s.device_number.is_empty() { s.id.clone() } else { s.device_number.clone() }).unwrap_or_default();
        let place = Place { device: &device, section: "", network: &network, source: &origin };
        let mean = (kv[0] + kv[1] + kv[2]) / 3.0;
        let spread = kv.iter().map(|v| (v / mean - 1.0).abs()).fold(0.0, f64::max);
        let turned = |a: f64| (a + 180.0).rem_euclid(360.0) - 180.0;
        let skew = turned(angles[1] - angles[0] + 120.0).abs().max(turned(angles[2] - angles[0] - 120.0).abs());
        let make = |common: network::Common, base_kv: f64, v_pu: f64, angle_deg: f64, frequency_hz: f64| VoltageSource {
            common,
            base_kv,
            v_pu,
            angle_deg,
            frequency_hz,
            z1_ohm: z1,
            z2_ohm: z2,
            z0_ohm: z0,
            ideal: true,
            z_ideal_pu: HELD_PU,
            base_mva: 100.0,
            scan: SequenceType::Positive,
            sequence: SequenceType::Positive,
            shapes: Shapes::default(),
        };
        let hz = self.frequency_hz;
        if spread < BALANCED_PU && skew < BALANCED_DEG {
            let ends = vec![Terminal::new(bus, vec![1, 2, 3]), Terminal::new(bus, vec![0, 0, 0])];
            let common = self.common(ElementKind::VoltageSource, &name, &place, 3, ends);
            let v_pu = mean * root3 / nominal_ll;
            // Written voltages have six digits: 2.401777 is 4.16 over the square root of three.
            let v_pu = if (v_pu - 1.0).abs() < 1e-6 { 1.0 } else { v_pu };
            self.add(make(common, nominal_ll, v_pu, angles[0], hz));
        } else {
            for i in 0..3 {
                let phase = i as u32 + 1;
                let name = if i == 0 { name.clone() } else { format!("{name}_{}", ["a", "b", "c"][i]) };
                let ends = vec![Terminal::new(bus, vec![phase]), Terminal::new(bus, vec![0])];
                let common = self.common(ElementKind::VoltageSource, &name, &place, 1, ends);
                let base = nominal_ll / root3;
                self.add(make(common, base, kv[i] / base, angles[i], hz));
            }
            self.converted("source equivalent", "unbalanced voltages become a source a phase", &origin);
        }
        self.kept("source equivalent.operatingvoltage");
        self.converted("source equivalent.impedance", "the voltage is held at the node; the impedance counts in short circuits", &origin);
    }
}

fn is_per_unit(unit: &str) -> bool {
    matches!(super::super::codes::normalised(unit).as_str(), "1" | "pu" | "perunit")
}
