//! Photovoltaics, generators, batteries; motors and devices without a model.
//!
//! Active power of a plant is told per load model (DGGENERATIONMODEL), its rating by its converter or the catalogue.

use super::super::codes::{Phases, WindingConnection, normalised};
use super::super::model::*;
use super::{Lowering, Place, Topology, lower_case};
use network::{
    BusId, Connection, Diagnostic, DispatchMode, ElementKind, Generator, Inverter, PvSystem, Shapes, SourceRef, Storage, StorageMode,
    Terminal, Unmodelled,
};

impl<'a> Lowering<'a> {
    pub(super) fn generation(&mut self, topology: &Topology<'a>) {
        for d in &self.model.photovoltaics {
            if let Some(i) = topology.span_of(self, "pvsystem", &d.section, &d.device_number, &d.source) {
                self.photovoltaic(topology, i, d);
            }
        }
        for (kind, d) in &self.model.generators {
            if let Some(i) = topology.span_of(self, "generator", &d.section, &d.device_number, &d.source) {
                self.generator(topology, i, *kind, d);
            }
        }
        for d in &self.model.bess {
            if let Some(i) = topology.span_of(self, "storage", &d.section, &d.device_number, &d.source) {
                self.battery(topology, i, d);
            }
        }
        for (class, list) in
            [("cyme_inductionmotor", &self.model.induction_motors), ("cyme_synchronousmotor", &self.model.synchronous_motors)]
        {
            for d in list {
                if let Some(i) = topology.span_of(self, "motor", &d.section, &d.device_number, &d.source) {
                    let properties = [("equipment", d.equipment.clone()), ("status", d.motor_status.clone())];
                    let properties = properties.into_iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| (k.to_owned(), v)).collect();
                    self.unmodelled(topology, i, class, &d.device_number, properties, &d.source, !d.disconnected);
                }
            }
        }
        let others: Vec<(&'a String, &'a Vec<OtherRecord>)> = self.model.other_devices.iter().collect();
        for (table, records) in others {
            for record in records {
                let section = record.get("SectionID").unwrap_or_default();
                let device = record.get("DeviceNumber").unwrap_or(section);
                if section.is_empty() {
                    continue;
                }
                if let Some(i) = topology.span_of(self, "unmodelled", section, device, &record.source) {
                    let class = format!("cyme_{}", lower_case(table).replace([' ', '.'], ""));
                    // Instruments and arresters carry no current that a power flow counts.
                    let harmless = ["METER", "INDICATOR", "ARRESTER", "NOTE", "RELAY", "TAG", "MARKER", "FLAG", "EXTENSION"]
                        .iter()
                        .any(|w| table.contains(w));
                    self.unmodelled(topology, i, &class, device, record.fields.clone(), &record.source, !harmless);
                }
            }
        }
    }

    /// A device that is read whole but has no model.
    #[allow(clippy::too_many_arguments)]
    fn unmodelled(
        &mut self,
        topology: &Topology<'a>,
        span: usize,
        class: &str,
        device: &str,
        properties: Vec<(String, String)>,
        source: &SourceRef,
        matters: bool,
    ) {
        let section = topology.spans[span].section;
        let place = Place { device, section: &section.id, network: &section.network, source };
        let phases = topology.spans[span].phases;
        let terminals = vec![Terminal::new(topology.spans[span].to, phases.nodes())];
        let common = self.common(ElementKind::Unmodelled, device, &place, phases.count(), terminals);
        if matters {
            self.find(
                Diagnostic::warning(
                    "CYME.DEVICE.NOT_MODELLED",
                    format!("a device of class {class} is not modelled; the power flow leaves it out"),
                )
                .element(format!("{class}.{}", lower_case(device)))
                .at(source),
            );
        }
        self.out.ledger.record(
            class,
            network::Disposition::Dropped { reason: "kept as read; no electrical model".to_owned() },
            Some(source),
        );
        self.out.network.add(Unmodelled { common, class: class.to_owned(), properties, affects_power_flow: matters });
    }

    fn converter(&self, device: &str) -> Option<&'a Converter> {
        self.model.converters.iter().find(|c| c.device_number.eq_ignore_ascii_case(device))
    }

    /// Active power and power factor (percent) of a plant in the load model that is read.
    fn told_generation(&self, device: &str) -> Option<(f64, f64)> {
        let (id, name) = &self.load_model;
        let of = || self.model.generation_models.iter().filter(|g| g.device_number.eq_ignore_ascii_case(device));
        let chosen =
            of().find(|g| g.load_model.eq_ignore_ascii_case(name) || g.load_model.eq_ignore_ascii_case(id)).or_else(|| of().next())?;
        Some((chosen.active_kw?, chosen.power_factor_pct.unwrap_or(100.0)))
    }

    /// Terminal, phases and rated voltage of a plant.
    fn plant(
        &mut self,
        topology: &Topology<'a>,
        span: usize,
        bus: BusId,
        on: Option<Phases>,
        delta: bool,
        element: &str,
        source: &SourceRef,
    ) -> Option<(Phases, Terminal, f64, f64)> {
        let section = topology.spans[span].phases;
        let phases = on.filter(|p| !p.is_none()).unwrap_or(section);
        if !phases.without(section).is_none() {
            self.find(
                Diagnostic::error(
                    "CYME.GENERATION.PHASE",
                    format!("a plant is on phases {}, its section has {}", phases.letters(), section.letters()),
                )
                .element(element)
                .at(source),
            );
            return None;
        }
        let Some(base_ln) = self.base_ln(bus) else {
            self.find(
                Diagnostic::warning("CYME.GENERATION.NO_VOLTAGE", "no source reaches the node of a plant; it is left out")
                    .element(element)
                    .at(source),
            );
            self.reject(source, "the nominal voltage at the plant is not known", element);
            return None;
        };
        let n = phases.count();
        let mut nodes = phases.nodes();
        if !delta || n == 1 {
            nodes.push(0);
        }
        let kv = if n == 1 { base_ln } else { base_ln * 3f64.sqrt() };
        let base_v = if n > 1 { kv * 1000.0 / 3f64.sqrt() } else { kv * 1000.0 };
        Some((phases, Terminal::new(bus, nodes), kv, base_v))
    }

    fn reactive(&mut self, p_kw: f64, pf_pct: f64, element: &str, source: &SourceRef) -> Option<(f64, f64)> {
        let pf = pf_pct / 100.0;
        if pf == 0.0 || pf.abs() > 1.0 {
            self.find(
                Diagnostic::error("CYME.GENERATION.POWER_FACTOR", format!("a power factor of {pf_pct} % is none"))
                    .element(element)
                    .at(source)
                    .hint("Power factors are percent."),
            );
            return None;
        }
        Some((pf, p_kw * (1.0 / (pf * pf) - 1.0).max(0.0).sqrt() * pf.signum()))
    }

    fn photovoltaic(&mut self, topology: &Topology<'a>, span: usize, d: &'a PhotovoltaicSetting) {
        let element = format!("pvsystem.{}", lower_case(&d.device_number));
        let bus = topology.shunt_bus(span, d.location.unwrap_or_default());
        let Some((phases, terminal, kv, base_v)) = self.plant(topology, span, bus, d.phases, false, &element, &d.source) else { return };
        let panel = self.catalogue.photovoltaics.get(&lower_case(&d.equipment)).copied();
        let panels = panel
            .and_then(|p| Some(p.mpp_current_a? * p.mpp_voltage_v? / 1000.0))
            .zip(d.n_series.zip(d.n_parallel))
            .map(|(kw, (s, p))| kw * s * p)
            .filter(|kw| *kw > 0.0);
        let converter = self.converter(&d.device_number);
        let told = self.told_generation(&d.device_number);
        let kw = told.map(|(p, _)| p).or(panels);
        let rating = converter.and_then(|c| c.rating_kva.or(c.active_kw)).filter(|v| *v > 0.0).or(panels).or(kw);
        let (Some(kw), Some(kva)) = (kw.filter(|v| v.is_finite()), rating.filter(|v| *v > 0.0)) else {
            self.find(
                Diagnostic::error("CYME.GENERATION.POWER", "a photovoltaic plant tells neither its generation nor its panels")
                    .element(element)
                    .at(&d.source),
            );
            return;
        };
        if told.is_none() {
            self.converted("photovoltaic settings.ns", "power of the panels: NS · NP · MPPCurrent · MPPVoltage", &d.source);
        }
        let Some((pf, _)) = self.reactive(kw, told.map_or(100.0, |(_, pf)| pf), &element, &d.source) else { return };
        let section = topology.spans[span].section;
        let place = Place { device: &d.device_number, section: &section.id, network: &section.network, source: &d.source };
        let mut common = self.common(ElementKind::PvSystem, &d.device_number, &place, phases.count(), vec![terminal]);
        common.enabled = !d.disconnected;
        if self.model.converter_controls.iter().any(|c| {
            c.device_number.eq_ignore_ascii_case(&d.device_number)
                && !matches!(normalised(&c.control_type).as_str(), "" | "0" | "4" | "fixedpowerfactor" | "none")
        }) {
            self.find(
                Diagnostic::note("CYME.GENERATION.CONTROL", "the control of a converter is not modelled: it runs at fixed power factor")
                    .element(element)
                    .at(&d.source),
            );
            self.dropped("converter control setting", "converters run at fixed power factor", &d.source);
        }
        self.add(PvSystem {
            common,
            connection: Connection::Wye,
            kv,
            base_v,
            inverter: inverter(kva, pf),
            irradiance: 1.0,
            p_mpp_kw: kw,
            p_mpp_pct: 100.0,
            temperature_c: 25.0,
            p_t_curve: None,
            shapes: Shapes::default(),
            t_yearly: None,
            t_daily: None,
            t_duty: None,
            duty_start_h: 0.0,
            class: 1,
        });
        self.kept("photovoltaic settings");
    }

    fn generator(&mut self, topology: &Topology<'a>, span: usize, kind: GeneratorKind, d: &'a GeneratorSetting) {
        let element = format!("generator.{}", lower_case(&d.device_number));
        let bus = topology.shunt_bus(span, d.location.unwrap_or_default());
        let entry = self.catalogue.generators.get(&(kind, lower_case(&d.equipment))).copied();
        if entry.is_none() {
            return self.missing_equipment("generator", &d.device_number, &format!("{kind:?} generator"), &d.equipment, &d.source);
        }
        let told = self.told_generation(&d.device_number);
        let kw = told.map(|(p, _)| p).or(d.active_kw).or_else(|| entry.and_then(|e| e.active_kw));
        let pf_pct = told.map(|(_, pf)| pf).or(d.power_factor_pct).or_else(|| entry.and_then(|e| e.power_factor_pct)).unwrap_or(100.0);
        let Some(kw) = kw else {
            self.find(Diagnostic::error("CYME.GENERATION.POWER", "a generator tells no active power").element(element).at(&d.source));
            return;
        };
        let connection = d.connection.or_else(|| entry.and_then(|e| e.connection));
        let delta = connection == Some(WindingConnection::Delta);
        let Some((phases, terminal, kv, base_v)) = self.plant(topology, span, bus, d.phases, delta, &element, &d.source) else { return };
        let Some((pf, from_pf)) = self.reactive(kw, pf_pct, &element, &d.source) else { return };
        let control = normalised(&d.control_type);
        let holds_voltage = kind == GeneratorKind::Synchronous
            && (control.contains("voltage") || matches!(control.as_str(), "vc" | "1"))
            && d.desired_kv.is_some_and(|v| v > 0.0);
        // An induction generator draws its excitation.
        let q_kvar = d.reactive_kvar.unwrap_or(if kind == GeneratorKind::Induction { -from_pf.abs() } else { from_pf });
        let kva = self
            .converter(&d.device_number)
            .and_then(|c| c.rating_kva)
            .or_else(|| entry.and_then(|e| e.kva))
            .filter(|v| *v > 0.0)
            .unwrap_or_else(|| kw.hypot(q_kvar));
        let limit = |told: Option<f64>, listed: Option<f64>, otherwise: f64| told.or(listed).unwrap_or(otherwise);
        let section = topology.spans[span].section;
        let place = Place { device: &d.device_number, section: &section.id, network: &section.network, source: &d.source };
        let mut common = self.common(ElementKind::Generator, &d.device_number, &place, phases.count(), vec![terminal]);
        common.enabled = !d.disconnected;
        let n = phases.count() as f64;
        self.add(Generator {
            connection: if delta { Connection::Delta } else { Connection::Wye },
            base_v,
            power_factor: pf,
            model: if holds_voltage { 3 } else { 1 },
            v_min_pu: 0.5,
            v_max_pu: 2.0,
            v_target_pu: d.desired_kv.filter(|v| *v > 0.0).map_or(1.0, |v| if n > 1.0 { v / kv } else { v / kv / 3f64.sqrt() }),
            q_max_kvar: limit(d.max_kvar, entry.and_then(|e| e.max_kvar), kva),
            q_min_kvar: limit(d.min_kvar, entry.and_then(|e| e.min_kvar), -kva),
            ..Generator::constant_power(common, kv, kw, q_kvar, kva, Shapes::default())
        });
        if kind == GeneratorKind::Induction {
            self.converted("induction generator setting", "a generator of constant power that draws its vars", &d.source);
        }
        self.kept("generator setting");
    }

    fn battery(&mut self, topology: &Topology<'a>, span: usize, d: &'a BessSetting) {
        let element = format!("storage.{}", lower_case(&d.device_number));
        let bus = topology.shunt_bus(span, d.location.unwrap_or_default());
        let Some(&t) = self.catalogue.bess.get(&lower_case(&d.equipment)) else {
            return self.missing_equipment("storage", &d.device_number, "BESS", &d.equipment, &d.source);
        };
        let Some((phases, terminal, kv, base_v)) = self.plant(topology, span, bus, d.phases, false, &element, &d.source) else { return };
        let (Some(energy), Some(p_rated)) =
            (t.energy_kwh.filter(|e| *e > 0.0), t.max_discharging_kw.or(t.max_charging_kw).filter(|p| *p > 0.0))
        else {
            self.find(
                Diagnostic::error("CYME.GENERATION.POWER", format!("BESS {:?} lacks its energy or power", t.id))
                    .element(element)
                    .at(&t.source),
            );
            return;
        };
        let told = self.told_generation(&d.device_number);
        let kw = told.map_or(0.0, |(p, _)| p);
        let pf = told.map_or(100.0, |(_, pf)| pf);
        let Some((pf, _)) = self.reactive(kw, pf, &element, &d.source) else { return };
        let kva = self.converter(&d.device_number).and_then(|c| c.rating_kva).filter(|v| *v > 0.0).unwrap_or(p_rated);
        let section = topology.spans[span].section;
        let place = Place { device: &d.device_number, section: &section.id, network: &section.network, source: &d.source };
        let mut common = self.common(ElementKind::Storage, &d.device_number, &place, phases.count(), vec![terminal]);
        common.enabled = !d.disconnected;
        let share = |kw: f64, of: Option<f64>| of.filter(|v| *v > 0.0).map_or(0.0, |of| (kw.abs() / of * 100.0).min(100.0));
        let (mode, discharge_pct, charge_pct) = if kw > 0.0 {
            (StorageMode::Discharging, share(kw, Some(p_rated)), 100.0)
        } else if kw < 0.0 {
            (StorageMode::Charging, 100.0, share(kw, Some(p_rated)))
        } else {
            (StorageMode::Idling, 100.0, 100.0)
        };
        self.add(Storage {
            common,
            connection: Connection::Wye,
            kv,
            base_v,
            inverter: inverter(kva, pf),
            p_rated_kw: p_rated,
            p_rated_pct: 100.0,
            energy_rated_kwh: energy,
            energy_stored_kwh: energy * d.initial_soc_pct.unwrap_or(100.0).clamp(0.0, 100.0) / 100.0,
            reserve_pct: d.min_soc_pct.unwrap_or(20.0).clamp(0.0, 100.0),
            mode,
            p_kw: None,
            discharge_pct,
            charge_pct,
            charge_efficiency_pct: t.charge_efficiency_pct.filter(|v| *v > 0.0).unwrap_or(90.0),
            discharge_efficiency_pct: t.discharge_efficiency_pct.filter(|v| *v > 0.0).unwrap_or(90.0),
            idling_loss_pct: t.idling_kw.unwrap_or(0.0) / p_rated * 100.0,
            dispatch: DispatchMode::Default,
            discharge_trigger: 0.0,
            charge_trigger: 0.0,
            charge_time_h: 2.0,
            shapes: Shapes::default(),
            class: 1,
        });
        self.kept("bess settings");
    }
}

/// An inverter at fixed power factor.
fn inverter(kva: f64, power_factor: f64) -> Inverter {
    Inverter {
        kva,
        cut_in_pct: 0.0,
        cut_out_pct: 0.0,
        efficiency: None,
        var_follow_inverter: false,
        watt_priority: false,
        pf_priority: false,
        p_min_no_vars_pct: 0.0,
        p_min_kvar_max_pct: 0.0,
        q_max_kvar: kva,
        q_max_abs_kvar: kva,
        r_pct: 50.0,
        x_pct: 0.0,
        model: 1,
        v_min_pu: 0.5,
        v_max_pu: 2.0,
        balanced: false,
        limit_current: false,
        power_factor,
        q_kvar: 0.0,
        q_follows_pf: true,
        grid_forming: false,
        kv_dc: 8.0,
        safe_mode: false,
        safe_voltage_pct: 80.0,
        kp: 0.01,
        pi_tolerance: 0.0,
        amp_limit_a: -1.0,
        amp_limit_gain: 0.8,
    }
}
