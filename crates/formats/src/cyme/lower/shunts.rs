//! Shunt capacitors, shunt reactors and earthing transformers.

use super::super::codes::{Phases, WindingConnection, normalised};
use super::super::model::*;
use super::{Correction, Lowering, Place, Topology, lower_case};
use network::{
    BusId, Capacitor, CapacitorControl, CapacitorControlType, CapacitorSize, Connection, Diagnostic, ElementId, ElementKind,
    MonitoredPhase, Rating, Reactor, ReactorImpedance, Terminal,
};
use num_complex::Complex64;

/// Impedance that stands for none in the positive sequence of an earthing transformer, ohm.
const NO_PATH_OHM: f64 = 1e7;

fn is_delta(connection: Option<WindingConnection>) -> bool {
    matches!(
        connection,
        Some(WindingConnection::Delta | WindingConnection::ClosedDelta | WindingConnection::OpenDelta | WindingConnection::GroundedDelta)
    )
}

impl<'a> Lowering<'a> {
    pub(super) fn shunts(&mut self, topology: &Topology<'a>) {
        for d in &self.model.shunt_capacitors {
            if let Some(i) = topology.span_of(self, "capacitor", &d.section, &d.device_number, &d.source) {
                self.capacitor(topology, i, d);
            }
        }
        for d in &self.model.shunt_reactors {
            if let Some(i) = topology.span_of(self, "reactor", &d.section, &d.device_number, &d.source) {
                self.reactor(topology, i, d);
            }
        }
        for d in &self.model.grounding_transformers {
            if let Some(i) = topology.span_of(self, "reactor", &d.section, &d.device_number, &d.source) {
                self.grounding_transformer(topology, i, d);
            }
        }
    }

    /// kV across a can in wye, from the rated voltage of the study; with findings where it does not fit the node.
    fn capacitor_kv(&mut self, d: &ShuntCapacitorSetting, kv: f64, base_ln: Option<f64>, delta: bool) -> f64 {
        let Some(base) = base_ln else { return kv };
        let element = format!("capacitor.{}", lower_case(&d.device_number));
        let (ln, ll) = (kv / base, kv / base / 3f64.sqrt());
        let own = if delta { ll } else { ln };
        if (0.85..=1.15).contains(&own) {
            return kv;
        }
        let corrected = self.options.corrections.contains(&Correction::CapacitorKv);
        let fits_other = if delta { (0.9..=1.1).contains(&ln) } else { (0.9..=1.1).contains(&ll) };
        let node = if delta { base * 3f64.sqrt() } else { base };
        if corrected {
            self.converted(
                "shunt capacitor setting.kv",
                "the node's voltage instead of the rated one (correction capacitor-kv)",
                &d.source,
            );
            return node;
        }
        let at = |d: Diagnostic, source| d.element(element.clone()).at(source);
        if fits_other {
            let (read, looks) = if delta { ("line to line", "line to neutral") } else { ("line to neutral", "line to line") };
            self.find(
                at(
                    Diagnostic::warning(
                        "CYME.CAPACITOR.KV_READING",
                        format!("a rated voltage of {kv} kV looks {looks}, and is read as {read}"),
                    ),
                    &d.source,
                )
                .detail(format!(
                    "Nominal at the node are {base:.4} kV line to neutral, {:.4} kV line to line. The kvar are {:.0} % of the rated.",
                    base * 3f64.sqrt(),
                    own.powi(-2) * 100.0
                ))
                .hint("Correct KV in the study, or give the correction capacitor-kv."),
            );
        } else if !(0.5..=2.0).contains(&ln) && !(0.5..=2.0).contains(&ll) {
            self.find(
                at(Diagnostic::warning("CYME.CAPACITOR.KV", format!("a rated voltage of {kv} kV is none of its node's")), &d.source)
                    .detail(format!("Nominal at the node are {base:.4} kV line to neutral, {:.4} kV line to line. At them the bank gives {:.1} % of its rated kvar; the file's value is used.", base * 3f64.sqrt(), own.powi(-2) * 100.0))
                    .hint("Correct KV in the study, or give the correction capacitor-kv."),
            );
        } else {
            self.find(
                at(
                    Diagnostic::note("CYME.CAPACITOR.KV_OFF", format!("a rated voltage of {kv} kV is {:.0} % of its node's", own * 100.0)),
                    &d.source,
                )
                .detail("The file's value is used."),
            );
        }
        kv
    }

    fn capacitor(&mut self, topology: &Topology<'a>, span: usize, d: &'a ShuntCapacitorSetting) {
        let element = format!("capacitor.{}", lower_case(&d.device_number));
        let bus = topology.shunt_bus(span, d.location.unwrap_or_default());
        let section = topology.spans[span].section;
        let section_phases = topology.spans[span].phases;
        let delta = is_delta(d.connection);
        if d.connection == Some(WindingConnection::Wye) {
            self.find(
                Diagnostic::note("CYME.CAPACITOR.FLOATING", "a capacitor in wye without earth is solved as earthed")
                    .element(element.clone())
                    .at(&d.source),
            );
            self.converted("shunt capacitor setting.connection", "a wye without earth is earthed", &d.source);
        }
        let v = |x: Option<f64>| x.unwrap_or(0.0);
        let mut fixed = [v(d.fixed_kvar_a), v(d.fixed_kvar_b), v(d.fixed_kvar_c)];
        let mut switched = [v(d.switched_kvar_a), v(d.switched_kvar_b), v(d.switched_kvar_c)];
        let control = normalised(&d.control);
        let has_control = !matches!(control.as_str(), "" | "0" | "none" | "manual" | "fixed");
        let mut switched_closed = d.currently_closed.or(d.initially_closed).unwrap_or(Phases::NONE);
        let old = fixed.iter().chain(&switched).all(|q| *q == 0.0);
        if old {
            let phases = d.phases.filter(|p| !p.is_none()).unwrap_or(section_phases);
            let per_phase = match (d.kvar_per_phase.filter(|q| *q != 0.0), d.three_phase_kvar.filter(|q| *q != 0.0)) {
                (Some(q), _) => q,
                (None, Some(q)) => q / phases.count() as f64,
                (None, None) => 0.0,
            };
            let kvar: [f64; 3] = std::array::from_fn(|i| if phases.0[i] { per_phase } else { 0.0 });
            if has_control {
                switched = kvar;
                let closed = matches!(normalised(&d.switched_status).as_str(), "1" | "closed" | "on");
                switched_closed = if closed { Phases::ABC } else { Phases::NONE };
            } else {
                fixed = kvar;
            }
        }
        let entry = self.catalogue.capacitors.get(&lower_case(&d.equipment)).copied();
        if fixed.iter().chain(&switched).all(|q| *q == 0.0) {
            match entry.and_then(|e| e.kvar).filter(|q| *q > 0.0) {
                Some(q) if old && d.kvar_per_phase.is_none() && d.three_phase_kvar.is_none() => {
                    fixed = std::array::from_fn(|i| if section_phases.0[i] { q } else { 0.0 });
                    self.defaulted("shunt capacitor setting.kvar", "that of the catalogue a phase", "not told", &d.source);
                }
                _ => {
                    self.find(Diagnostic::note("CYME.CAPACITOR.EMPTY", "a capacitor has no kvar").element(element).at(&d.source));
                    self.reject(&d.source, "a capacitor without kvar", d.device_number.clone());
                    return;
                }
            }
        }
        if fixed.iter().chain(&switched).any(|q| *q < 0.0) {
            self.find(Diagnostic::error("CYME.CAPACITOR.NEGATIVE", "a capacitor has negative kvar").element(element).at(&d.source));
            return;
        }
        let base_ln = self.base_ln(bus);
        let Some(kv) = d.kv.filter(|kv| *kv > 0.0).or_else(|| entry.and_then(|e| e.kv).filter(|kv| *kv > 0.0)).or(base_ln) else {
            self.find(Diagnostic::error("CYME.CAPACITOR.NO_VOLTAGE", "a capacitor tells no rated voltage").element(element).at(&d.source));
            return;
        };
        let kv = self.capacitor_kv(d, kv, base_ln, delta);
        let losses = v(d.losses_kw) + v(d.three_phase_losses_kw) + v(d.fixed_losses_b_kw) + v(d.fixed_losses_c_kw);
        if losses != 0.0 {
            self.dropped("shunt capacitor setting.losses", "losses of capacitors are not modelled", &d.source);
        }
        let place = Place { device: &d.device_number, section: &section.id, network: &section.network, source: &d.source };
        for i in 0..3 {
            if (fixed[i] > 0.0 || switched[i] > 0.0) && !section_phases.0[i] {
                self.find(
                    Diagnostic::error(
                        "CYME.CAPACITOR.PHASE",
                        format!("a capacitor has kvar on phase {}, which its section does not have", ["A", "B", "C"][i]),
                    )
                    .element(element.clone())
                    .at(&d.source),
                );
                return;
            }
        }
        self.capacitor_banks(bus, &d.device_number, &place, fixed, kv, delta, Phases::ABC, d.disconnected);
        if switched.iter().any(|q| *q > 0.0) {
            let name = if fixed.iter().any(|q| *q > 0.0) { format!("{}_switched", d.device_number) } else { d.device_number.clone() };
            let banks = self.capacitor_banks(bus, &name, &place, switched, kv, delta, switched_closed, d.disconnected);
            self.capacitor_controls(topology, d, &place, &name, &control, banks, base_ln);
        }
        self.kept("shunt capacitor setting");
    }

    /// One bank where all its phases are alike, else one a phase.
    #[allow(clippy::too_many_arguments)]
    fn capacitor_banks(
        &mut self,
        bus: BusId,
        name: &str,
        place: &Place<'_>,
        kvar: [f64; 3],
        kv: f64,
        delta: bool,
        closed: Phases,
        disconnected: bool,
    ) -> Vec<(ElementId, Phases)> {
        let used = Phases(std::array::from_fn(|i| kvar[i] > 0.0));
        if used.is_none() {
            return Vec::new();
        }
        let first = used.indices().next().unwrap_or(0);
        let alike = used.indices().all(|i| kvar[i] == kvar[first] && closed.0[i] == closed.0[first]) && (used.count() == 3 || !delta);
        let groups: Vec<Phases> =
            if alike && (used.count() == 3 || used.count() == 1) { vec![used] } else { used.indices().map(Phases::single).collect() };
        let many = groups.len() > 1;
        groups
            .into_iter()
            .map(|phases| {
                let i = phases.indices().next().unwrap_or(0);
                let n = phases.count();
                let rated_kv = if n == 3 && !delta { kv * 3f64.sqrt() } else { kv };
                let nodes = if delta && n == 1 { vec![i as u32 + 1, ((i + 1) % 3) as u32 + 1] } else { phases.nodes() };
                let mut terminals = vec![Terminal::new(bus, nodes)];
                if !delta {
                    terminals.push(Terminal::new(bus, vec![0; n]));
                }
                let name = if many { format!("{name}_{}", ["a", "b", "c"][i]) } else { name.to_owned() };
                let mut common = self.common(ElementKind::Capacitor, &name, place, n, terminals);
                common.enabled = !disconnected;
                let total: f64 = phases.indices().map(|i| kvar[i]).sum();
                let amps = kvar[i] / kv * 1.35;
                common.rating = Rating { normal_a: amps, emergency_a: amps * 1.8 / 1.35, seasonal_a: Vec::new() };
                let id = self.add(Capacitor {
                    common,
                    connection: if delta { Connection::Delta } else { Connection::Wye },
                    kv: rated_kv,
                    size: CapacitorSize::Kvar(vec![total]),
                    r_ohm: vec![0.0],
                    x_l_ohm: vec![0.0],
                    harmonic: vec![0.0],
                    steps: vec![closed.0[i]],
                    bus2_defined: false,
                });
                (id, phases)
            })
            .collect()
    }

    /// Controls by voltage, whose quantity and units are known; other kinds are kept as words.
    #[allow(clippy::too_many_arguments)]
    fn capacitor_controls(
        &mut self,
        topology: &Topology<'a>,
        d: &'a ShuntCapacitorSetting,
        place: &Place<'_>,
        name: &str,
        control: &str,
        banks: Vec<(ElementId, Phases)>,
        base_ln: Option<f64>,
    ) {
        let by_voltage = matches!(control, "voltage" | "volt" | "voltagecontrol" | "v");
        for (id, phases) in banks {
            let i = phases.indices().next().unwrap_or(0);
            let on = [d.on_a, d.on_b, d.on_c][i].or(d.on_a);
            let off = [d.off_a, d.off_b, d.off_c][i].or(d.off_a);
            let (Some(on), Some(off), true) = (on.filter(|v| *v > 0.0), off.filter(|v| *v > 0.0), by_voltage) else {
                self.find(
                    Diagnostic::note(
                        "CYME.CAPACITOR.CONTROL",
                        format!("the control {:?} of a switched capacitor is not modelled; its present state is kept", d.control),
                    )
                    .element(format!("capacitor.{}", lower_case(name)))
                    .at(&d.source),
                );
                self.dropped("shunt capacitor setting.control", "controls other than by voltage are not modelled", &d.source);
                continue;
            };
            // Settings are volts on a base of 120, or kV or volts of the primary; the first is told by its size.
            let Some(base) = base_ln else { continue };
            let pt_ratio = if (60.0..=200.0).contains(&on) { base * 1000.0 / 120.0 } else { 1.0 };
            let watched = topology.bus_of_node.get(&lower_case(&d.controlled_node)).filter(|_| !d.controlled_node.is_empty()).copied();
            let mut common = self.common(ElementKind::CapacitorControl, name, place, phases.count(), Vec::new());
            common.enabled = self.options.controls_act && !d.disconnected;
            self.add(CapacitorControl {
                common,
                control_type: CapacitorControlType::Voltage,
                capacitor: Some(id),
                element: Some(id),
                terminal: 0,
                pt_ratio,
                ct_ratio: 60.0,
                pt_phase: MonitoredPhase::Phase(1),
                ct_phase: MonitoredPhase::Phase(1),
                on_setting: on,
                off_setting: off,
                delay_s: 15.0,
                delay_off_s: 15.0,
                dead_time_s: 300.0,
                v_override: d.voltage_override,
                v_min_v: d.override_on.unwrap_or(115.0),
                v_max_v: d.override_off.unwrap_or(126.0),
                v_bus: watched.map(|bus| network::RemoteBus { bus, nodes: phases.nodes(), text: d.controlled_node.clone() }),
                min_kvar_pct: 50.0,
                control_signal: None,
            });
            self.converted(
                "shunt capacitor setting.control",
                "voltage control with settings on a base of 120 V where they are near it",
                &d.source,
            );
        }
    }

    fn reactor(&mut self, topology: &Topology<'a>, span: usize, d: &'a ShuntReactorSetting) {
        let element = format!("reactor.{}", lower_case(&d.device_number));
        let bus = topology.shunt_bus(span, d.location.unwrap_or_default());
        let section = topology.spans[span].section;
        let phases = d.phases.filter(|p| !p.is_none()).unwrap_or(topology.spans[span].phases).and(topology.spans[span].phases);
        let entry = self.catalogue.reactors.get(&lower_case(&d.equipment)).copied();
        let v = |x: Option<f64>| x.filter(|q| *q != 0.0);
        let told = [v(d.kvar_a), v(d.kvar_b), v(d.kvar_c)];
        let per_phase = v(d.kvar_per_phase)
            .or_else(|| v(d.three_phase_kvar).map(|q| q / phases.count().max(1) as f64))
            .or_else(|| entry.and_then(|e| v(e.kvar)));
        let kv = v(d.kv).or_else(|| entry.and_then(|e| v(e.kv))).or(self.base_ln(bus));
        let Some(kv) = kv else {
            self.find(
                Diagnostic::error("CYME.REACTOR.NO_VOLTAGE", "a shunt reactor tells no rated voltage").element(element).at(&d.source),
            );
            return;
        };
        let delta = is_delta(d.connection);
        let place = Place { device: &d.device_number, section: &section.id, network: &section.network, source: &d.source };
        let mut any = false;
        for i in phases.indices() {
            let Some(kvar) = told[i].or(per_phase).filter(|q| *q > 0.0) else { continue };
            any = true;
            let nodes = if delta { vec![i as u32 + 1, ((i + 1) % 3) as u32 + 1] } else { vec![i as u32 + 1] };
            let mut terminals = vec![Terminal::new(bus, nodes)];
            if !delta {
                terminals.push(Terminal::new(bus, vec![0]));
            }
            let name = if phases.count() > 1 { format!("{}_{}", d.device_number, ["a", "b", "c"][i]) } else { d.device_number.clone() };
            let mut common = self.common(ElementKind::Reactor, &name, &place, 1, terminals);
            common.enabled = !d.disconnected;
            self.add(Reactor {
                common,
                connection: if delta { Connection::Delta } else { Connection::Wye },
                kv,
                kvar,
                impedance: ReactorImpedance::Kvar { kvar },
                parallel: false,
                r_parallel_ohm: 0.0,
                r_curve: None,
                l_curve: None,
                bus2_defined: false,
            });
        }
        if !any {
            self.find(Diagnostic::note("CYME.REACTOR.EMPTY", "a shunt reactor has no kvar").element(element).at(&d.source));
            self.reject(&d.source, "a reactor without kvar", d.device_number.clone());
        }
    }

    fn grounding_transformer(&mut self, topology: &Topology<'a>, span: usize, d: &'a GroundingTransformerSetting) {
        let element = format!("reactor.{}", lower_case(&d.device_number));
        let Some(&t) = self.catalogue.grounding.get(&lower_case(&d.equipment)) else {
            return self.missing_equipment("reactor", &d.device_number, "GROUNDING TRANSFORMER", &d.equipment, &d.source);
        };
        let bus = topology.shunt_bus(span, d.location.unwrap_or_default());
        let section = topology.spans[span].section;
        let positive = |v: Option<f64>| v.filter(|v| *v > 0.0);
        let (Some(kva), Some(kv), Some(z0)) = (positive(t.kva), positive(t.kv), positive(t.z0_pct)) else {
            self.find(
                Diagnostic::error("CYME.EARTHING.DATA", format!("GROUNDING TRANSFORMER {:?} lacks its rating or impedance", t.id))
                    .element(element)
                    .at(&t.source),
            );
            return;
        };
        if topology.spans[span].phases != Phases::ABC {
            self.find(
                Diagnostic::error("CYME.EARTHING.PHASES", "an earthing transformer stands on a section of fewer than three phases")
                    .element(element)
                    .at(&d.source),
            );
            return;
        }
        let base = kv * kv * 1000.0 / kva;
        let ratio = t.xr0.filter(|r| *r > 0.0).unwrap_or(10.0);
        let r = z0 / 100.0 * base / (1.0 + ratio * ratio).sqrt();
        let z0_ohm = Complex64::new(r + 3.0 * d.rg_ohm.unwrap_or(0.0), r * ratio + 3.0 * d.xg_ohm.unwrap_or(0.0));
        let none = Complex64::new(0.0, NO_PATH_OHM);
        let place = Place { device: &d.device_number, section: &section.id, network: &section.network, source: &d.source };
        let ends = vec![Terminal::new(bus, vec![1, 2, 3]), Terminal::new(bus, vec![0, 0, 0])];
        let mut common = self.common(ElementKind::Reactor, &d.device_number, &place, 3, ends);
        common.enabled = !d.disconnected;
        self.add(Reactor {
            common,
            connection: Connection::Wye,
            kv,
            kvar: 0.0,
            impedance: ReactorImpedance::Sequence { z1_ohm: none, z2_ohm: none, z0_ohm },
            parallel: false,
            r_parallel_ohm: 0.0,
            r_curve: None,
            l_curve: None,
            bus2_defined: false,
        });
        self.converted(
            "grounding transformer setting",
            "a shunt with zero-sequence impedance Z0 + 3 Zg and 10 Mohm in the others",
            &d.source,
        );
    }
}
