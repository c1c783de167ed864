//! A design looked over: all faults at once.

use super::ram::FailureDistribution;
use super::{Design, DesignBus};
use crate::Diagnostic;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Rated MVA may differ from MW over power factor by rounding, percent.
const MVA_TOLERANCE_PCT: f64 = 0.5;
/// Rated voltage against the bus's: beyond the first, in percent, it is worth a look, beyond the second a slip.
const KV_WARNING_PCT: f64 = 10.0;
const KV_ERROR_PCT: f64 = 50.0;

struct Check<'d> {
    design: &'d Design,
    findings: Vec<Diagnostic>,
}

/// What a number has to be.
#[derive(Clone, Copy, PartialEq)]
enum Must {
    Positive,
    NotNegative,
    Finite,
}

impl Design {
    /// Findings: empty when there is nothing to say. Errors keep the design from being used.
    pub fn check(&self) -> Vec<Diagnostic> {
        let mut check = Check { design: self, findings: Vec::new() };
        check.number("design", "frequency_hz", self.frequency_hz, Must::Positive);
        check.number("design", "s_base_mva", self.s_base_mva, Must::Positive);
        check.ids();
        check.buses();
        check.sources();
        check.branches();
        check.loads();
        check.breakers();
        check.components();
        check.blocks();
        check.failure_modes();
        check.islands();
        check.scenarios();
        check.findings
    }
}

impl Check<'_> {
    fn error(&mut self, code: &str, element: &str, message: String, hint: &str) {
        self.findings.push(Diagnostic::error(code, message).element(element).hint(hint));
    }

    fn warn(&mut self, code: &str, element: &str, message: String, hint: &str) {
        self.findings.push(Diagnostic::warning(code, message).element(element).hint(hint));
    }

    fn number(&mut self, element: &str, field: &str, value: f64, must: Must) {
        let (right, words) = match must {
            Must::Positive => (value.is_finite() && value > 0.0, "above 0"),
            Must::NotNegative => (value.is_finite() && value >= 0.0, "0 or more"),
            Must::Finite => (value.is_finite(), "finite"),
        };
        if !right {
            self.error("EXCHANGE.DESIGN.VALUE", element, format!("{field} is {value}"), &format!("a number {words} is expected"));
        }
    }

    fn numbers(&mut self, element: &str, fields: &[(&str, f64, Must)]) {
        for (field, value, must) in fields {
            self.number(element, field, *value, *must);
        }
    }

    fn at_bus(&mut self, element: &str, field: &str, bus: &str) -> Option<f64> {
        match self.design.bus(bus) {
            Some(b) => Some(b.rated_kv),
            None => {
                let known: Vec<&str> = self.design.buses.iter().map(|b| b.id.as_str()).take(8).collect();
                let what = format!("{field} is \"{bus}\", which is no bus of the design");
                self.error("EXCHANGE.DESIGN.BUS_UNKNOWN", element, what, &format!("buses: {}", known.join(", ")));
                None
            }
        }
    }

    /// At a bus, at about its voltage.
    fn at_voltage(&mut self, element: &str, field: &str, bus: &str, rated_kv: f64) {
        let Some(bus_kv) = self.at_bus(element, field, bus) else { return };
        self.number(element, "rated_kv", rated_kv, Must::Positive);
        let off = (rated_kv / bus_kv - 1.0).abs() * 100.0;
        let what = format!("it is rated {rated_kv} kV at a bus of {bus_kv} kV");
        if off > KV_ERROR_PCT {
            self.error("EXCHANGE.DESIGN.VOLTAGE", element, what, "put a transformer between, or correct the voltage (kV, line to line)");
        } else if off > KV_WARNING_PCT {
            self.warn("EXCHANGE.DESIGN.VOLTAGE", element, what, "correct the voltage (kV, line to line) if it is a slip");
        }
    }

    /// Every identifier once over all kinds, and none empty.
    fn ids(&mut self) {
        let d = self.design;
        let mut all: Vec<(&str, &str)> = d.buses.iter().map(|b| ("bus", b.id.as_str())).collect();
        macro_rules! gather { ($($list:ident $kind:literal),*) => {$(all.extend(d.$list.iter().map(|e| ($kind, e.id.as_str())));)*} }
        gather!(generators "generator", batteries "battery", pv_plants "PV plant", grid_feeds "grid feed", transformers "transformer", cables "cable",
            loads "load", motors "motor", breakers "breaker");
        let mut seen: HashMap<&str, &str> = HashMap::new();
        for (kind, id) in all {
            if id.trim().is_empty() || id != id.trim() || id.contains([',', '"', '\n', '\r', '\'']) {
                let hint = "letters, digits, - and _; no commas or quotes, as lists of identifiers are parted by commas";
                self.error("EXCHANGE.DESIGN.ID", kind, format!("a {kind} has the identifier \"{id}\""), hint);
            } else if let Some(other) = seen.insert(id, kind) {
                self.error(
                    "EXCHANGE.DESIGN.ID_REPEATED",
                    id,
                    format!("it stands for a {other} and for a {kind}"),
                    "give every item an identifier of its own",
                );
            }
        }
        let mut numbers: HashMap<u32, &DesignBus> = HashMap::new();
        for b in &d.buses {
            match b.case_number() {
                None => self.error(
                    "EXCHANGE.DESIGN.BUS_NUMBER",
                    &b.id,
                    "the bus has no number for the transmission case".to_owned(),
                    "give it a `number` from 1 to 999997, or digits in its identifier",
                ),
                Some(n) => {
                    if let Some(other) = numbers.insert(n, b) {
                        let what = format!("its number {n} is that of {} too", other.id);
                        self.error("EXCHANGE.DESIGN.BUS_NUMBER", &b.id, what, "give one of them another `number`");
                    }
                }
            }
        }
        if d.buses.is_empty() {
            self.error("EXCHANGE.DESIGN.EMPTY", "design", "it has no bus".to_owned(), "begin with `buses:`");
        }
    }

    fn buses(&mut self) {
        for b in &self.design.buses {
            self.number(&b.id, "rated_kv", b.rated_kv, Must::Positive);
        }
    }

    fn sources(&mut self) {
        use Must::{Finite, NotNegative, Positive};
        for g in &self.design.generators {
            self.at_voltage(&g.id, "bus", &g.bus, g.rated_kv);
            self.numbers(
                &g.id,
                &[
                    ("rated_mw", g.rated_mw, Positive),
                    ("p_min_mw", g.p_min_mw, NotNegative),
                    ("q_max_mvar", g.q_max_mvar, Finite),
                    ("q_min_mvar", g.q_min_mvar, Finite),
                    ("v_set_pu", g.v_set_pu, Positive),
                    ("ra_pu", g.ra_pu, NotNegative),
                    ("xd_pu", g.xd_pu, Positive),
                    ("xd_prime_pu", g.xd_prime_pu, Positive),
                    ("xd_double_prime_pu", g.xd_double_prime_pu, Positive),
                    ("x2_pu", g.x2_pu.unwrap_or(1.0), Positive),
                    ("x0_pu", g.x0_pu.unwrap_or(1.0), Positive),
                    ("h_inertia_s", g.h_inertia_s, Positive),
                ],
            );
            self.power_factor(&g.id, "rated_pf", g.rated_pf);
            if let Some(mva) = g.rated_mva {
                self.number(&g.id, "rated_mva", mva, Positive);
                let by_pf = g.rated_mw / g.rated_pf;
                if (mva / by_pf - 1.0).abs() * 100.0 > MVA_TOLERANCE_PCT {
                    let what = format!("rated_mva is {mva}, but {} MW at power factor {} are {by_pf:.3} MVA", g.rated_mw, g.rated_pf);
                    self.error("EXCHANGE.DESIGN.RATING", &g.id, what, "correct one of the three, or leave rated_mva out");
                }
            }
            if !(g.xd_double_prime_pu <= g.xd_prime_pu && g.xd_prime_pu <= g.xd_pu) {
                let what = format!("X''d {}, X'd {}, Xd {} do not rise", g.xd_double_prime_pu, g.xd_prime_pu, g.xd_pu);
                self.warn("EXCHANGE.DESIGN.REACTANCE", &g.id, what, "look whether columns were exchanged");
            }
            if g.q_min_mvar > g.q_max_mvar || g.p_min_mw > g.rated_mw {
                let what = "its least power is above its largest".to_owned();
                self.error("EXCHANGE.DESIGN.LIMITS", &g.id, what, "exchange the two limits");
            }
        }
        for b in &self.design.batteries {
            self.at_voltage(&b.id, "bus", &b.bus, b.rated_kv);
            let own = [("rated_mw", b.rated_mw, Positive), ("rated_mva", b.rated_mva, Positive), ("energy_mwh", b.energy_mwh, Positive)];
            self.numbers(&b.id, &own);
            self.numbers(&b.id, &[("p_mw", b.p_mw, Finite), ("v_set_pu", b.v_set_pu, Positive), ("i_sc_pu", b.i_sc_pu, NotNegative)]);
            if b.p_mw.abs() > b.rated_mw || b.rated_mw > b.rated_mva {
                let what = format!("{} MW set, {} MW and {} MVA rated", b.p_mw, b.rated_mw, b.rated_mva);
                self.error("EXCHANGE.DESIGN.LIMITS", &b.id, what, "p_mw within rated_mw, rated_mw within rated_mva");
            }
        }
        for p in &self.design.pv_plants {
            self.at_voltage(&p.id, "bus", &p.bus, p.rated_kv);
            self.numbers(&p.id, &[("rated_mw", p.rated_mw, Positive), ("rated_mva", p.rated_mva, Positive), ("p_mw", p.p_mw, NotNegative)]);
            if p.p_mw > p.rated_mw {
                let what = format!("{} MW set, {} MW rated", p.p_mw, p.rated_mw);
                self.error("EXCHANGE.DESIGN.LIMITS", &p.id, what, "p_mw within rated_mw");
            }
        }
        for g in &self.design.grid_feeds {
            self.at_voltage(&g.id, "bus", &g.bus, g.rated_kv);
            self.numbers(&g.id, &[("rated_mw", g.rated_mw, NotNegative), ("s_sc_max_mva", g.s_sc_max_mva, Positive)]);
            self.numbers(&g.id, &[("s_sc_min_mva", g.s_sc_min_mva, Positive), ("x_r_ratio", g.x_r_ratio, Positive)]);
            self.numbers(&g.id, &[("z0_z1_ratio", g.z0_z1_ratio, Positive), ("v_set_pu", g.v_set_pu, Positive)]);
            if g.s_sc_min_mva > g.s_sc_max_mva {
                let what = "its least short-circuit power is above its largest".to_owned();
                self.error("EXCHANGE.DESIGN.LIMITS", &g.id, what, "exchange the two");
            }
        }
    }

    fn power_factor(&mut self, element: &str, field: &str, pf: f64) {
        if !(pf > 0.0 && pf <= 1.0) {
            self.error("EXCHANGE.DESIGN.VALUE", element, format!("{field} is {pf}"), "a power factor is above 0 and at most 1");
        }
    }

    fn branches(&mut self) {
        use Must::{NotNegative, Positive};
        for c in &self.design.cables {
            let from = self.at_bus(&c.id, "from_bus", &c.from_bus);
            let to = self.at_bus(&c.id, "to_bus", &c.to_bus);
            self.numbers(&c.id, &[("length_km", c.length_km, Positive), ("r1_ohm_per_km", c.r1_ohm_per_km, NotNegative)]);
            self.numbers(&c.id, &[("x1_ohm_per_km", c.x1_ohm_per_km, Positive), ("c1_nf_per_km", c.c1_nf_per_km, NotNegative)]);
            self.numbers(&c.id, &[("rated_mva", c.rated_mva, Positive), ("n_parallel", f64::from(c.n_parallel), Positive)]);
            let zero = [
                ("r0_ohm_per_km", c.r0_ohm_per_km.unwrap_or(0.0), NotNegative),
                ("x0_ohm_per_km", c.x0_ohm_per_km.unwrap_or(1.0), Positive),
            ];
            self.numbers(&c.id, &zero);
            if let (Some(a), Some(b)) = (from, to)
                && (a / b - 1.0).abs() > 1e-6
            {
                self.error("EXCHANGE.DESIGN.VOLTAGE", &c.id, format!("it joins buses of {a} and {b} kV"), "put a transformer between");
            }
            if c.from_bus == c.to_bus {
                self.error("EXCHANGE.DESIGN.ENDS", &c.id, "both ends are at one bus".to_owned(), "correct one of the buses");
            }
        }
        for t in &self.design.transformers {
            self.at_voltage(&t.id, "hv_bus", &t.hv_bus, t.hv_kv);
            self.at_voltage(&t.id, "lv_bus", &t.lv_bus, t.lv_kv);
            self.numbers(
                &t.id,
                &[("rated_mva", t.rated_mva, Positive), ("uk_pct", t.uk_pct, Positive), ("load_loss_kw", t.load_loss_kw, NotNegative)],
            );
            self.numbers(&t.id, &[("no_load_loss_kw", t.no_load_loss_kw, NotNegative), ("i0_pct", t.i0_pct, NotNegative)]);
            self.numbers(&t.id, &[("uk0_pct", t.uk0_pct.unwrap_or(1.0), Positive), ("tap_pct", t.tap_pct, Must::Finite)]);
            if t.load_loss_kw / 1000.0 / t.rated_mva > t.uk_pct / 100.0 {
                let what = format!("load losses of {} kW are more than uk {} % of {} MVA allows", t.load_loss_kw, t.uk_pct, t.rated_mva);
                self.error("EXCHANGE.DESIGN.TRANSFORMER", &t.id, what, "look at the units: kW, percent, MVA");
            }
            if t.hv_kv < t.lv_kv || t.hv_bus == t.lv_bus {
                let what = "its high side is not above its low side".to_owned();
                self.error("EXCHANGE.DESIGN.ENDS", &t.id, what, "exchange hv and lv, or correct the buses");
            }
        }
    }

    fn loads(&mut self) {
        for l in &self.design.loads {
            self.at_bus(&l.id, "bus", &l.bus);
            self.number(&l.id, "p_mw", l.p_mw, Must::NotNegative);
            self.power_factor(&l.id, "pf", l.pf);
        }
        for m in &self.design.motors {
            self.at_voltage(&m.id, "bus", &m.bus, m.rated_kv);
            self.numbers(&m.id, &[("rated_mw", m.rated_mw, Must::Positive), ("locked_rotor_ratio", m.locked_rotor_ratio, Must::Positive)]);
            self.numbers(
                &m.id,
                &[("r_over_x", m.r_over_x, Must::NotNegative), ("n_pole_pairs", f64::from(m.n_pole_pairs), Must::Positive)],
            );
            self.power_factor(&m.id, "rated_pf", m.rated_pf);
            self.power_factor(&m.id, "efficiency", m.efficiency);
        }
    }

    fn breakers(&mut self) {
        let units: BTreeSet<&str> = self.design.unit_ids().chain(self.design.loads.iter().map(|l| l.id.as_str())).collect();
        let units: BTreeSet<&str> = units.into_iter().chain(self.design.motors.iter().map(|m| m.id.as_str())).collect();
        for b in &self.design.breakers {
            self.at_voltage(&b.id, "bus", &b.bus, b.rated_kv);
            self.numbers(&b.id, &[("rated_a", b.rated_a, Must::Positive), ("breaking_ka", b.breaking_ka, Must::Positive)]);
            self.number(&b.id, "making_peak_ka", b.making_peak_ka.unwrap_or(1.0), Must::Positive);
            self.number(&b.id, "parting_ms", b.parting_ms.unwrap_or(1.0), Must::Positive);
            if !b.protects.is_empty() && !units.contains(b.protects.as_str()) {
                let what = format!("it protects \"{}\", which the design does not have", b.protects);
                self.error("EXCHANGE.DESIGN.UNIT_UNKNOWN", &b.id, what, "name equipment by its identifier, or leave `protects` out");
            }
        }
    }

    fn components(&mut self) {
        let mut seen = HashSet::new();
        for c in &self.design.components {
            let id = c.component_id.as_str();
            if id.trim().is_empty() || id.contains([',', '"']) || id.contains("...") {
                let what = format!("a component has the identifier \"{id}\"");
                self.error("EXCHANGE.DESIGN.ID", "component", what, "letters, digits, - and _; no commas, quotes or dots");
            } else if !seen.insert(id) {
                self.error("EXCHANGE.DESIGN.ID_REPEATED", id, "two components have this identifier".to_owned(), "give one of them another");
            }
            self.numbers(
                id,
                &[
                    ("mtbf_h", c.mtbf_h, Must::Positive),
                    ("mttr_h", c.mttr_h, Must::Positive),
                    ("weibull_beta", c.weibull_beta, Must::Positive),
                ],
            );
            self.numbers(id, &[("weibull_eta_h", c.weibull_eta_h.unwrap_or(1.0), Must::Positive)]);
            self.numbers(id, &[("capacity_mw", c.capacity_mw.unwrap_or(0.0), Must::NotNegative)]);
            self.numbers(id, &[("operating_hours_per_year", c.operating_hours_per_year, Must::Positive)]);
            self.numbers(id, &[("pm_interval_h", c.pm_interval_h.unwrap_or(1.0), Must::Positive)]);
            if c.distribution == FailureDistribution::Exponential && c.weibull_beta != 1.0 {
                let what = format!("its distribution is exponential, but its shape is {}", c.weibull_beta);
                self.error("EXCHANGE.DESIGN.DISTRIBUTION", id, what, "say weibull, or a shape of 1");
            }
        }
    }

    fn blocks(&mut self) {
        let blocks = &self.design.blocks;
        let components: HashSet<&str> = self.design.components.iter().map(|c| c.component_id.as_str()).collect();
        let mut index: HashMap<&str, usize> = HashMap::new();
        for (i, b) in blocks.iter().enumerate() {
            let id = b.block_id.as_str();
            if components.contains(id) || index.insert(id, i).is_some() {
                self.error(
                    "EXCHANGE.DESIGN.ID_REPEATED",
                    id,
                    "a block or component has this identifier already".to_owned(),
                    "give one another",
                );
            }
        }
        for b in blocks {
            if let Some(what) = b.count_fault() {
                self.error("EXCHANGE.DESIGN.BLOCK_COUNT", &b.block_id, what, "K_Required and N_Total have to fit the list of components");
            }
            let mut seen = HashSet::new();
            for part in &b.components {
                if !components.contains(part.as_str()) && !index.contains_key(part.as_str()) {
                    let what = format!("its part \"{part}\" is neither a component nor a block");
                    self.error("EXCHANGE.DESIGN.BLOCK_PART", &b.block_id, what, "list identifiers one by one, without an ellipsis");
                }
                if !seen.insert(part) {
                    self.error(
                        "EXCHANGE.DESIGN.BLOCK_PART",
                        &b.block_id,
                        format!("its part \"{part}\" is listed twice"),
                        "list each part once",
                    );
                }
            }
        }
        if let Some(cycle) = cycle(blocks) {
            let what = format!("blocks contain one another: {}", cycle.join(" > "));
            self.error("EXCHANGE.DESIGN.BLOCK_CYCLE", &cycle[0], what, "a block may list only blocks below it");
        }
    }

    fn failure_modes(&mut self) {
        let components: HashSet<&str> = self.design.components.iter().map(|c| c.component_id.as_str()).collect();
        for m in &self.design.failure_modes {
            let id = format!("{} {}", m.component_id, m.failure_mode);
            if !components.contains(m.component_id.as_str()) {
                let what = format!("a failure mode is of \"{}\", which is no component", m.component_id);
                self.error("EXCHANGE.DESIGN.UNIT_UNKNOWN", &id, what, "name a component by its identifier");
            }
            for (field, score) in [("severity", m.severity), ("occurrence", m.occurrence), ("detection", m.detection)] {
                if !(1..=10).contains(&score) {
                    self.error("EXCHANGE.DESIGN.SCORE", &id, format!("{field} is {score}"), "each is judged from 1 to 10");
                }
            }
        }
    }

    /// Buses that no branch online joins to the swing bus.
    fn islands(&mut self) {
        let d = self.design;
        let Some(swing) = d.swing_bus() else { return };
        let ends = d.cables.iter().filter(|c| c.status.is_online()).map(|c| (c.from_bus.as_str(), c.to_bus.as_str()));
        let windings = d.transformers.iter().filter(|t| t.status.is_online()).map(|t| (t.hv_bus.as_str(), t.lv_bus.as_str()));
        let ends: Vec<(&str, &str)> = ends.chain(windings).collect();
        let mut reached: HashSet<&str> = HashSet::from([swing]);
        let mut grew = true;
        while grew {
            grew = false;
            for &(a, b) in &ends {
                if reached.contains(a) != reached.contains(b) {
                    reached.insert(a);
                    reached.insert(b);
                    grew = true;
                }
            }
        }
        for b in d.buses.iter().filter(|b| !reached.contains(b.id.as_str())) {
            let what = format!("no cable or transformer online joins it to {swing}, the bus of the reference");
            self.warn("EXCHANGE.DESIGN.ISLAND", &b.id, what, "join it, or take it out");
        }
    }

    fn scenarios(&mut self) {
        let rules = &self.design.scenario_rules;
        for pct in &rules.base_load_pct {
            self.number("scenario_rules", "base_load_pct", *pct, Must::Positive);
        }
        let mut seen = HashSet::new();
        for s in self.design.scenarios() {
            if !seen.insert(s.scenario_id.clone()) {
                let what = "two scenarios have this identifier".to_owned();
                self.error("EXCHANGE.DESIGN.ID_REPEATED", &s.scenario_id, what, "give the one of `also` another, or leave it out");
            }
        }
        for s in &rules.also {
            if let Err(faults) = self.design.in_scenario(s) {
                self.findings.extend(faults);
            }
        }
    }
}

/// The first ring of blocks that contain one another, closed by its first member.
pub(super) fn cycle(blocks: &[super::ram::Block]) -> Option<Vec<String>> {
    let index: HashMap<&str, usize> = blocks.iter().enumerate().map(|(i, b)| (b.block_id.as_str(), i)).collect();
    // 0 not met, 1 on the path, 2 done; a stack of its own, as files may nest deeper than the program's.
    let mut state = vec![0u8; blocks.len()];
    for start in 0..blocks.len() {
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        if state[start] != 0 {
            continue;
        }
        state[start] = 1;
        while let Some((at, next)) = path.last_mut() {
            let at = *at;
            match blocks[at].components.get(*next) {
                None => {
                    state[at] = 2;
                    path.pop();
                }
                Some(part) => {
                    *next += 1;
                    let Some(&to) = index.get(part.as_str()) else { continue };
                    if state[to] == 1 {
                        let from = path.iter().position(|(i, _)| *i == to).unwrap_or(0);
                        let ring = path[from..].iter().map(|(i, _)| *i).chain([to]);
                        return Some(ring.map(|i| blocks[i].block_id.clone()).collect());
                    }
                    if state[to] == 0 {
                        state[to] = 1;
                        path.push((to, 0));
                    }
                }
            }
        }
    }
    None
}
