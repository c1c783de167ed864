//! The transmission case of a design: positive sequence, per unit.
//!
//! * A cable: z = (r1 + j x1) l / n / Zb, b = 2 pi f c l n Zb, with Zb = kV^2 / S_base of its buses.
//! * A transformer: R = load loss / rated MVA and X = sqrt(uk^2 - R^2) per unit on its rating and voltages; the magnetising branch by no-load loss
//!   and exciting current; ratio = rated voltages over the buses' base voltages. Its vector group is kept as a word: no phase shift is put into the
//!   angles, as they are compared with those of the swing bus.
//! * A generator: MBASE its rating, source impedance ra + j X''d. A grid feed: Z = 1 / S_sc per unit on S_sc, split by X/R.
//! * A battery or PV plant at power factor 1 is a negative load, so that every tool sees the same fixed power; a battery that holds the voltage is
//!   a machine with reactive limits sqrt(S^2 - P^2).
//!
//! The swing bus is that of the largest source; every other bus with a source online holds its voltage.

use super::scenario::load_mvar;
use super::{Design, Dispatch, Status};
use crate::*;
use num_complex::Complex64;
use std::collections::HashMap;

/// Limits of voltage that a case has to name; they judge nothing here.
const V_LIMITS_PU: (f64, f64) = (0.95, 1.05);

struct Builder<'d> {
    design: &'d Design,
    network: Network,
    bus: HashMap<&'d str, (BusId, u32)>,
    /// Identifiers given out at each bus or pair of buses.
    given: HashMap<(u32, u32, char), u32>,
}

impl Design {
    /// The network of the design in its base case, dispatched by the rule of `scenario`.
    ///
    /// # Errors
    /// What [`Design::check`] finds to be errors; no source that could hold the voltage.
    pub fn network(&self) -> Result<Network, Vec<Diagnostic>> {
        let mut faults: Vec<Diagnostic> = self.check().into_iter().filter(|d| d.severity == Severity::Error).collect();
        if faults.is_empty() && self.swing_bus().is_none() {
            let what = Diagnostic::error("EXCHANGE.DESIGN.NO_SOURCE", "no generator, grid feed or voltage-holding battery is online");
            faults.push(what.hint("put at least one online"));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut network = Network::new(&self.name);
        network.transmission = Some(Box::new(TransmissionCase {
            s_base_mva: self.s_base_mva,
            frequency_hz: self.frequency_hz,
            titles: vec![self.name.clone(), format!("design {}", &self.fingerprint()[..16])],
            version: 35,
            zero_impedance_pu: 1e-4,
            areas: vec![Area { number: 1, swing: None, p_desired_mw: 0.0, p_tolerance_mw: 10.0, name: "PLANT".into() }],
            zones: vec![Numbered { number: 1, name: "PLANT".into() }],
            owners: vec![Numbered { number: 1, name: "PLANT".into() }],
            ..TransmissionCase::default()
        }));
        let mut builder = Builder { design: self, network, bus: HashMap::new(), given: HashMap::new() };
        let (_, generators, batteries) = self.dispatch();
        builder.buses();
        builder.sources(&generators, &batteries);
        builder.loads();
        builder.branches();
        Ok(builder.network)
    }

    /// What the base dispatch comes to.
    pub fn base_dispatch(&self) -> Dispatch {
        self.dispatch().0
    }
}

impl Builder<'_> {
    fn buses(&mut self) {
        let swing = self.design.swing_bus();
        let holding = self.design.sources_by_rank();
        for b in &self.design.buses {
            // Checked before: every bus has a number of its own.
            let Some(number) = b.case_number() else { continue };
            let id = self.network.bus_or_add(&number.to_string());
            for node in 1..=3 {
                self.network.note_node(id, node);
            }
            let kind = match () {
                () if swing == Some(b.id.as_str()) => BusKind::Swing,
                () if holding.iter().any(|(h, _)| *h == b.id) => BusKind::Generator,
                () => BusKind::Load,
            };
            let bus = &mut self.network.buses[id.index()];
            bus.kv_base_ln = b.rated_kv / 3f64.sqrt();
            bus.transmission = Some(Box::new(TransmissionBus {
                number,
                name: b.raw_name.as_deref().unwrap_or(&b.name).chars().take(12).collect(),
                kv_base_ll: b.rated_kv,
                kind,
                area: 1,
                zone: 1,
                owner: 1,
                v_pu: self.design.held_pu(&b.id).unwrap_or(1.0),
                angle_deg: 0.0,
                v_max_normal_pu: V_LIMITS_PU.1,
                v_min_normal_pu: V_LIMITS_PU.0,
                v_max_emergency_pu: V_LIMITS_PU.1,
                v_min_emergency_pu: V_LIMITS_PU.0,
                source: SourceRef::default(),
            }));
            self.bus.insert(&b.id, (id, number));
        }
    }

    /// Name and terminals of an element between buses, and the identifier that is free there. `mark` keeps kinds apart.
    fn common(&mut self, mark: char, buses: &[&str]) -> (Common, String) {
        let at: Vec<(BusId, u32)> = buses.iter().filter_map(|b| self.bus.get(b).copied()).collect();
        let numbers: Vec<u32> = at.iter().map(|(_, n)| *n).collect();
        let (low, high) = (numbers.iter().min().copied().unwrap_or(0), numbers.iter().max().copied().unwrap_or(0));
        let n = self.given.entry((low, high, mark)).or_insert(0);
        *n += 1;
        let id = circuit(*n);
        let mut name: Vec<String> = numbers.iter().map(u32::to_string).collect();
        name.push(id.to_lowercase());
        let mut common = Common::new(name.join("-"), 3);
        common.base_frequency_hz = self.design.frequency_hz;
        common.terminals = at.iter().map(|(bus, _)| Terminal::new(*bus, vec![1, 2, 3])).collect();
        (common, id)
    }

    fn machine(&mut self, bus: &str, label: &str, status: Status, p_mw: f64, base_mva: f64, v_set_pu: f64, z: Complex64) -> Machine {
        let (mut common, id) = self.common('g', &[bus]);
        common.enabled = status.is_online();
        Machine {
            common,
            id,
            label: label.to_owned(),
            in_service: status.is_online(),
            p_mw,
            q_mvar: 0.0,
            q_max_mvar: 0.0,
            q_min_mvar: 0.0,
            p_max_mw: base_mva,
            p_min_mw: 0.0,
            v_set_pu,
            regulated_bus: None,
            regulated_node: 0,
            base_mva,
            z_source_pu: z,
            z_step_up_pu: Complex64::ZERO,
            step_up_ratio: 1.0,
            share_pct: 100.0,
            owners: vec![Ownership { owner: 1, share: 1.0 }],
            wind_mode: 0,
            wind_power_factor: 1.0,
            base_load: 0,
            droop: String::new(),
        }
    }

    fn sources(&mut self, generators: &[f64], batteries: &[f64]) {
        let design = self.design;
        for (g, &p_mw) in design.generators.iter().zip(generators) {
            let z = Complex64::new(g.ra_pu, g.xd_double_prime_pu);
            let m = self.machine(&g.bus, &g.id, g.status, p_mw, g.mva(), g.v_set_pu, z);
            self.network.add(Machine {
                q_max_mvar: g.q_max_mvar,
                q_min_mvar: g.q_min_mvar,
                p_max_mw: g.rated_mw,
                p_min_mw: g.p_min_mw,
                ..m
            });
        }
        for (b, &p_mw) in design.batteries.iter().zip(batteries) {
            if b.holds_voltage {
                let q = (b.rated_mva * b.rated_mva - p_mw * p_mw).max(0.0).sqrt();
                // A converter's current is limited: the reactance that gives this current at a short circuit.
                let z = Complex64::new(0.0, 1.0 / b.i_sc_pu.max(1e-3));
                let m = self.machine(&b.bus, &b.id, b.status, p_mw, b.rated_mva, b.v_set_pu, z);
                self.network.add(Machine { q_max_mvar: q, q_min_mvar: -q, p_max_mw: b.rated_mw, p_min_mw: -b.rated_mw, ..m });
            } else {
                self.load(&b.bus, &b.id, b.status, -p_mw, 0.0, false);
            }
        }
        let grid = design.dispatch().0.grid_mw;
        let online: f64 = design.grid_feeds.iter().filter(|g| g.status.is_online()).map(|g| g.rated_mw).sum();
        for g in &design.grid_feeds {
            let share = if online > 0.0 && g.status.is_online() { g.rated_mw / online } else { 0.0 };
            let x = (1.0 + g.x_r_ratio.powi(-2)).sqrt().recip();
            let m = self.machine(&g.bus, &g.id, g.status, grid * share, g.s_sc_max_mva, g.v_set_pu, Complex64::new(x / g.x_r_ratio, x));
            let q = g.s_sc_max_mva;
            self.network.add(Machine { q_max_mvar: q, q_min_mvar: -q, p_max_mw: g.rated_mw, p_min_mw: -g.rated_mw, ..m });
        }
        for p in &design.pv_plants {
            self.load(&p.bus, &p.id, p.status, -p.p_mw, 0.0, false);
        }
    }

    fn load(&mut self, bus: &str, label: &str, status: Status, p_mw: f64, q_mvar: f64, scalable: bool) {
        let (mut common, id) = self.common('l', &[bus]);
        common.enabled = status.is_online();
        self.network.add(PowerLoad {
            common,
            id,
            label: label.to_owned(),
            in_service: status.is_online(),
            area: 1,
            zone: 1,
            owner: 1,
            p_mw,
            q_mvar,
            p_current_mw: 0.0,
            q_current_mvar: 0.0,
            p_admittance_mw: 0.0,
            q_admittance_mvar: 0.0,
            scalable,
            interruptible: false,
            dg_p_mw: 0.0,
            dg_q_mvar: 0.0,
            dg_in_service: false,
            load_type: String::new(),
        });
    }

    fn loads(&mut self) {
        let design = self.design;
        for l in &design.loads {
            self.load(&l.bus, &l.id, l.status, l.p_mw, load_mvar(l), !l.auxiliary);
        }
        for m in &design.motors {
            let p = m.rated_mw / m.efficiency;
            self.load(&m.bus, &m.id, m.status, p, super::reactive_mvar(p, m.rated_pf), false);
        }
    }

    fn branches(&mut self) {
        let design = self.design;
        for c in &design.cables {
            let kv = design.bus(&c.from_bus).map_or(1.0, |b| b.rated_kv);
            let z_base = kv * kv / design.s_base_mva;
            let n = f64::from(c.n_parallel);
            let (mut common, circuit) = self.common('b', &[&c.from_bus, &c.to_bus]);
            common.enabled = c.status.is_online();
            self.network.add(AcBranch {
                common,
                circuit,
                label: c.id.clone(),
                r_pu: c.r1_ohm_per_km * c.length_km / n / z_base,
                x_pu: c.x1_ohm_per_km * c.length_km / n / z_base,
                b_pu: 2.0 * std::f64::consts::PI * design.frequency_hz * c.c1_nf_per_km * 1e-9 * c.length_km * n * z_base,
                y_from_pu: Complex64::ZERO,
                y_to_pu: Complex64::ZERO,
                ratings_mva: ratings(c.rated_mva),
                in_service: c.status.is_online(),
                metered: MeteredEnd::From,
                length: c.length_km,
                owners: vec![Ownership { owner: 1, share: 1.0 }],
                switching: None,
                normally_closed: true,
                rating_set: String::new(),
            });
        }
        for t in &design.transformers {
            let (mut common, circuit) = self.common('b', &[&t.hv_bus, &t.lv_bus]);
            common.enabled = t.status.is_online();
            let kv = |bus: &str| design.bus(bus).map_or(1.0, |b| b.rated_kv);
            let r = t.load_loss_kw / 1000.0 / t.rated_mva;
            let x = ((t.uk_pct / 100.0).powi(2) - r * r).max(0.0).sqrt();
            let winding = |ratio: f64, kv_nominal: f64| PowerWinding {
                ratio,
                kv_nominal,
                angle_deg: 0.0,
                ratings_mva: ratings(t.rated_mva),
                control: WindingControl::fixed(),
                correction: 0,
            };
            self.network.add(PowerTransformer {
                common,
                circuit,
                label: t.id.clone(),
                ratio_code: RatioCode::BusBase,
                impedance_code: ImpedanceCode::WindingBase,
                magnetising_code: MagnetisingCode::LossAndCurrent,
                mag1: t.no_load_loss_kw * 1000.0,
                mag2: t.i0_pct / 100.0,
                metered: MeteredEnd::From,
                status: if t.status.is_online() { TransformerStatus::In } else { TransformerStatus::Out },
                owners: vec![Ownership { owner: 1, share: 1.0 }],
                vector_group: t.vector_group.clone(),
                correct_pairs: false,
                impedances: vec![PairImpedance { r, x, s_base_mva: t.rated_mva }],
                v_star_pu: 1.0,
                angle_star_deg: 0.0,
                windings: vec![
                    winding(t.hv_kv * (1.0 + t.tap_pct / 100.0) / kv(&t.hv_bus), t.hv_kv),
                    winding(t.lv_kv / kv(&t.lv_bus), t.lv_kv),
                ],
            });
        }
    }
}

impl Design {
    /// Voltage that the sources at a bus hold, per unit: that of the first.
    fn held_pu(&self, bus: &str) -> Option<f64> {
        let feeds = self.grid_feeds.iter().filter(|g| g.bus == bus && g.status.is_online()).map(|g| g.v_set_pu);
        let machines = self.generators.iter().filter(|g| g.bus == bus && g.status.is_online()).map(|g| g.v_set_pu);
        let held = self.batteries.iter().filter(|b| b.bus == bus && b.status.is_online() && b.holds_voltage);
        feeds.chain(machines).chain(held.map(|b| b.v_set_pu)).next()
    }
}

/// Three ratings, as every version of the case format has them.
fn ratings(mva: f64) -> Vec<f64> {
    vec![mva; 3]
}

/// Two characters: 1 to 99, then letters.
fn circuit(n: u32) -> String {
    if n < 100 {
        return n.to_string();
    }
    let n = n - 100;
    let letter = |i: u32| char::from(b'A' + (i % 26) as u8);
    format!("{}{}", letter(n / 26), letter(n))
}
