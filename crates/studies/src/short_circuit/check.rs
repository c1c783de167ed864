//! What is wrong with a case, all at once, before anything is computed.

use super::case::{BreakerStandard, Case, Kind, StarPoint};
use super::grid::Extreme;
use super::vector_group::{Connection, Winding, parse};
use network::Diagnostic;
use std::collections::HashMap;

/// Faults of a case. An error means that no current is computed; warnings and notes come with the results.
///
/// Cost: linear in the elements.
pub fn check(case: &Case, extreme: Extreme) -> Vec<Diagnostic> {
    let mut c = Checker { case, extreme, bus: HashMap::new(), found: Vec::new() };
    c.identities();
    c.buses();
    c.sources();
    c.lines();
    c.transformers();
    c.transformers3();
    c.generators();
    c.motors();
    c.couplers();
    c.breakers();
    c.found
}

struct Checker<'a> {
    case: &'a Case,
    extreme: Extreme,
    bus: HashMap<String, usize>,
    found: Vec<Diagnostic>,
}

/// How far a rated voltage may lie from the nominal one of its bus before it is taken for a slip: matched taps and old nominal voltages stay
/// within a fifth.
const VOLTAGE_SLACK: f64 = 0.25;

impl Checker<'_> {
    fn identities(&mut self) {
        for (i, b) in self.case.buses.iter().enumerate() {
            if self.bus.insert(b.id.to_lowercase(), i).is_some() {
                let d =
                    Diagnostic::error("SHORT.BUS.DUPLICATE", format!("two buses are named \"{}\"", b.id)).element(format!("bus.{}", b.id));
                self.found.push(d.hint("give each bus an id of its own; capitals do not count"));
            }
        }
        let c = self.case;
        let lists: [(&str, Vec<&str>); 9] = [
            ("feeder", c.feeders.iter().map(|x| x.id.as_str()).collect()),
            ("line", c.lines.iter().map(|x| x.id.as_str()).collect()),
            ("transformer", c.transformers.iter().map(|x| x.id.as_str()).collect()),
            ("transformer3", c.transformers3.iter().map(|x| x.id.as_str()).collect()),
            ("generator", c.generators.iter().map(|x| x.id.as_str()).collect()),
            ("motor", c.motors.iter().map(|x| x.id.as_str()).collect()),
            ("converter", c.converters.iter().map(|x| x.id.as_str()).collect()),
            ("coupler", c.couplers.iter().map(|x| x.id.as_str()).collect()),
            ("breaker", c.breakers.iter().map(|x| x.id.as_str()).collect()),
        ];
        // Breakers name what they switch by id alone, so that ids are compared over all kinds that carry current.
        let mut seen: HashMap<String, &str> = HashMap::new();
        for (kind, ids) in lists {
            if kind == "coupler" || kind == "breaker" {
                seen.clear();
            }
            for id in ids {
                let Some(before) = seen.insert(id.to_lowercase(), kind) else { continue };
                let d = Diagnostic::error("SHORT.ELEMENT.DUPLICATE", format!("a {before} is named \"{id}\" too"))
                    .element(format!("{kind}.{id}"));
                self.found.push(d.hint("give each element an id of its own; capitals do not count"));
            }
        }
    }

    fn known(&mut self, element: &str, bus: &str) -> Option<usize> {
        let at = self.bus.get(&bus.to_lowercase()).copied();
        if at.is_none() {
            let d = Diagnostic::error("SHORT.BUS.UNKNOWN", format!("bus \"{bus}\" does not exist")).element(element);
            self.found.push(d.hint("correct the name, or add the bus"));
        }
        at
    }

    /// Finds a value that has to be above zero and is not.
    fn positive(&mut self, element: &str, what: &str, value: f64) {
        if !(value > 0.0 && value.is_finite()) {
            self.bad(element, what, value, "greater than zero");
        }
    }

    fn not_negative(&mut self, element: &str, what: &str, value: f64) {
        if !(value >= 0.0 && value.is_finite()) {
            self.bad(element, what, value, "zero or greater");
        }
    }

    fn bad(&mut self, element: &str, what: &str, value: f64, due: &str) {
        let d = Diagnostic::error("SHORT.ELEMENT.BAD_VALUE", format!("{what} is {value}")).element(element);
        self.found.push(d.detail(format!("It has to be {due}.")).hint("correct the value, and see that its unit is that of the name"));
    }

    fn impedance(&mut self, element: &str, what: &str, r: f64, x: f64) {
        if !(r >= 0.0 && x >= 0.0 && r + x > 0.0 && (r + x).is_finite()) {
            let d = Diagnostic::error("SHORT.ELEMENT.BAD_IMPEDANCE", format!("{what} is {r} + j{x}")).element(element);
            self.found.push(
                d.detail("An impedance is zero, negative or not finite.").hint("correct it; for a switch without impedance use a coupler"),
            );
        }
    }

    fn rated_against_bus(&mut self, element: &str, what: &str, rated_kv: f64, bus: Option<usize>) {
        let Some(kv) = bus.map(|b| self.case.buses[b].kv) else { return };
        let off = (rated_kv / kv - 1.0).abs();
        if off > VOLTAGE_SLACK && rated_kv > 0.0 && kv > 0.0 {
            let d = Diagnostic::error("SHORT.VOLTAGE.MISMATCH", format!("{what} is {rated_kv} kV on a bus of {kv} kV")).element(element);
            self.found.push(d.hint("correct the rated or the nominal voltage, or the bus; both are line to line"));
        }
    }

    fn star(&mut self, element: &str, what: &str, point: Option<StarPoint>, is_earthed: bool) {
        let Some(p) = point else { return };
        self.not_negative(element, &format!("r_ohm of {what}"), p.r_ohm);
        self.not_negative(element, &format!("x_ohm of {what}"), p.x_ohm);
        if !is_earthed {
            let d = Diagnostic::warning(
                "SHORT.VECTOR_GROUP.STAR_UNUSED",
                format!("{what} has an impedance, and its vector group has no earthed star point"),
            );
            self.found.push(d.element(element).hint("write N in the vector group, or remove the impedance"));
        }
    }

    fn buses(&mut self) {
        let case = self.case;
        if case.f_hz.is_some_and(|f| !(f > 0.0 && f.is_finite())) {
            self.bad("case", "f_hz", case.f_hz.unwrap_or_default(), "50 or 60");
        }
        if case.lv_tolerance_pct.is_some_and(|t| t != 6.0 && t != 10.0) {
            self.bad("case", "lv_tolerance_pct", case.lv_tolerance_pct.unwrap_or_default(), "6 or 10");
        }
        for b in &case.buses {
            let element = format!("bus.{}", b.id);
            self.positive(&element, "kv", b.kv);
            for (what, c) in [("c_max", b.c_max), ("c_min", b.c_min)] {
                if let Some(c) = c {
                    self.positive(&element, what, c);
                }
            }
        }
    }

    fn sources(&mut self) {
        let case = self.case;
        for f in &case.feeders {
            let element = format!("feeder.{}", f.id);
            self.known(&element, &f.bus);
            let values = [f.ik_max_ka, f.sk_max_mva, f.ik_min_ka, f.sk_min_mva, f.z0_z1, f.x0_x1];
            let names = ["ik_max_ka", "sk_max_mva", "ik_min_ka", "sk_min_mva", "z0_z1", "x0_x1"];
            for (what, v) in names.into_iter().zip(values) {
                if let Some(v) = v {
                    self.positive(&element, what, v);
                }
            }
            for (what, v) in [("rx_max", f.rx_max), ("rx_min", f.rx_min), ("r0_x0", f.r0_x0)] {
                if let Some(v) = v {
                    self.not_negative(&element, what, v);
                }
            }
            let both = [
                f.ik_max_ka.is_some() && f.sk_max_mva.is_some(),
                f.ik_min_ka.is_some() && f.sk_min_mva.is_some(),
                f.z0_z1.is_some() && f.x0_x1.is_some(),
            ];
            if both.contains(&true) {
                let d = Diagnostic::error("SHORT.FEEDER.TWICE", "one thing is told in two ways").element(&element);
                self.found.push(d.hint("give current or power, and Z0/Z1 or X0/X1, not both"));
            }
            let has = match self.extreme {
                Extreme::Max => f.ik_max_ka.is_some() || f.sk_max_mva.is_some(),
                Extreme::Min => f.ik_min_ka.is_some() || f.sk_min_mva.is_some(),
            };
            if f.in_service && !has {
                let (largest, names) = match self.extreme {
                    Extreme::Max => ("largest", "ik_max_ka or sk_max_mva"),
                    Extreme::Min => ("smallest", "ik_min_ka or sk_min_mva"),
                };
                let d =
                    Diagnostic::error("SHORT.FEEDER.NO_POWER", format!("the {largest} short-circuit power is not told")).element(&element);
                self.found.push(d.hint(format!("give {names}, or take the feeder out of service")));
            }
        }
        for s in &case.converters {
            let element = format!("converter.{}", s.id);
            self.known(&element, &s.bus);
            self.not_negative(&element, "i_3ph_ka", s.i_3ph_ka);
            for (what, v) in [("i_2ph_ka", s.i_2ph_ka), ("i_1ph_ka", s.i_1ph_ka), ("i_min_ka", s.i_min_ka)] {
                if let Some(v) = v {
                    self.not_negative(&element, what, v);
                }
            }
        }
        let machines = case.generators.iter().any(|g| g.in_service);
        let motors = self.extreme == Extreme::Max && case.motors.iter().any(|m| m.in_service);
        if !case.feeders.iter().any(|f| f.in_service) && !machines && !motors {
            let d = Diagnostic::error("SHORT.CASE.NO_SOURCE", "no feeder or machine is in service, so that no fault is fed");
            self.found.push(
                d.detail("Converters alone do not make a short-circuit power; motors do not count for smallest currents.")
                    .hint("add a source"),
            );
        }
    }

    fn lines(&mut self) {
        for l in &self.case.lines {
            let element = format!("line.{}", l.id);
            let (a, b) = (self.known(&element, &l.from), self.known(&element, &l.to));
            self.positive(&element, "length_km", l.length_km);
            self.impedance(&element, "r + jx a km", l.r_ohm_per_km, l.x_ohm_per_km);
            self.positive(&element, "parallel", f64::from(l.parallel));
            match (l.r0_ohm_per_km, l.x0_ohm_per_km) {
                (Some(r), Some(x)) => self.impedance(&element, "r0 + jx0 a km", r, x),
                (None, None) => {}
                _ => {
                    let d = Diagnostic::error("SHORT.ELEMENT.HALF_ZERO_SEQUENCE", "only one of r0 and x0 is told").element(&element);
                    self.found.push(d.hint("give both, or neither where no zero-sequence current can flow"));
                }
            }
            if let Some(t) = l.end_temperature_c
                && !(20.0..=500.0).contains(&t)
            {
                self.bad(&element, "end_temperature_c", t, "between 20 and 500");
            }
            if let (Some(a), Some(b)) = (a, b) {
                let (ka, kb) = (self.case.buses[a].kv, self.case.buses[b].kv);
                if a == b {
                    self.same_bus(&element, &l.from);
                } else if ka != kb {
                    let d = Diagnostic::error("SHORT.VOLTAGE.LINE", format!("it joins {ka} kV with {kb} kV")).element(&element);
                    self.found.push(d.hint("give both buses one nominal voltage, or put a transformer there"));
                }
            }
        }
    }

    fn same_bus(&mut self, element: &str, bus: &str) {
        let d = Diagnostic::error("SHORT.ELEMENT.SAME_BUS", format!("two of its ends lie at bus \"{bus}\"")).element(element);
        self.found.push(d.hint("correct one of its buses"));
    }

    fn resistive(&mut self, element: &str, what: &str, resistive: f64, whole: f64) {
        if !(0.0..whole).contains(&resistive) {
            let d =
                Diagnostic::error("SHORT.TRANSFORMER.RESISTANCE", format!("the resistive part of {what} is {resistive} % of {whole} %"))
                    .element(element);
            self.found.push(d.hint("correct load losses or resistive part; it has to lie below the short-circuit voltage"));
        }
    }

    fn group(&mut self, element: &str, text: &str, windings: usize) -> Option<Vec<Winding>> {
        match parse(text, windings) {
            Ok(w) => {
                if w.iter().any(|w| !w.clock_given) {
                    let d = Diagnostic::note("SHORT.VECTOR_GROUP.NO_CLOCK", format!("\"{text}\" has no clock number")).element(element);
                    let d = d.detail("0 is taken between alike windings, 5 between star and delta: phase currents beyond it depend on it, fault currents do not.");
                    self.found.push(d.hint("write the clock number, such as Dyn11"));
                }
                Some(w)
            }
            Err(why) => {
                let d =
                    Diagnostic::error("SHORT.VECTOR_GROUP.UNREADABLE", format!("vector group \"{text}\" cannot be read")).element(element);
                self.found.push(d.detail(format!("{why}.")).hint("write one like Dyn11, YNd5 or YNyn0d5"));
                None
            }
        }
    }

    fn transformers(&mut self) {
        for t in &self.case.transformers {
            let element = format!("transformer.{}", t.id);
            let (hv, lv) = (self.known(&element, &t.hv), self.known(&element, &t.lv));
            if hv.is_some() && hv == lv {
                self.same_bus(&element, &t.hv);
            }
            for (what, v) in [("sr_mva", t.sr_mva), ("ur_hv_kv", t.ur_hv_kv), ("ur_lv_kv", t.ur_lv_kv), ("ukr_pct", t.ukr_pct)] {
                self.positive(&element, what, v);
            }
            self.positive(&element, "parallel", f64::from(t.parallel));
            self.resistive(&element, "ukr_pct", t.resistive_pct(), t.ukr_pct);
            let zero = t.ukr0_pct.unwrap_or(t.ukr_pct);
            self.positive(&element, "ukr0_pct", zero);
            self.resistive(&element, "ukr0_pct", t.urr0_pct.unwrap_or_else(|| t.resistive_pct()), zero);
            self.rated_against_bus(&element, "ur_hv_kv", t.ur_hv_kv, hv);
            self.rated_against_bus(&element, "ur_lv_kv", t.ur_lv_kv, lv);
            if let Some(w) = self.group(&element, &t.vector_group, 2) {
                self.star(&element, "hv_star", t.hv_star, w[0].connection.is_earthed());
                self.star(&element, "lv_star", t.lv_star, w[1].connection.is_earthed());
            }
        }
    }

    fn transformers3(&mut self) {
        for t in &self.case.transformers3 {
            let element = format!("transformer3.{}", t.id);
            let ends = [&t.hv, &t.mv, &t.lv].map(|b| self.known(&element, b));
            for (i, j) in [(0, 1), (1, 2), (0, 2)] {
                if ends[i].is_some() && ends[i] == ends[j] {
                    self.same_bus(&element, [&t.hv, &t.mv, &t.lv][i]);
                }
            }
            let plate = [("sr_hv_mva", t.sr_hv_mva), ("sr_mv_mva", t.sr_mv_mva), ("sr_lv_mva", t.sr_lv_mva)];
            let kv = [("ur_hv_kv", t.ur_hv_kv), ("ur_mv_kv", t.ur_mv_kv), ("ur_lv_kv", t.ur_lv_kv)];
            let u = [("ukr_hm_pct", t.ukr_hm_pct), ("ukr_ml_pct", t.ukr_ml_pct), ("ukr_hl_pct", t.ukr_hl_pct)];
            for (what, v) in plate.into_iter().chain(kv).chain(u) {
                self.positive(&element, what, v);
            }
            for ((what, rated), bus) in kv.into_iter().zip(ends) {
                self.rated_against_bus(&element, what, rated, bus);
            }
            let r = [t.urr_hm_pct, t.urr_ml_pct, t.urr_hl_pct];
            for (i, (what, v)) in u.into_iter().enumerate() {
                self.resistive(&element, what, r[i], v);
                if let Some(zero) = t.ukr0_pct {
                    self.resistive(&element, "ukr0_pct", t.urr0_pct.map_or(0.0, |r| r[i]), zero[i]);
                }
            }
            let Some(w) = self.group(&element, &t.vector_group, 3) else { continue };
            if w.iter().any(|w| matches!(w.connection, Connection::Zigzag | Connection::ZigzagEarthed)) {
                let d = Diagnostic::error("SHORT.VECTOR_GROUP.ZIGZAG3", "a zigzag winding of a three-winding transformer is not modelled")
                    .element(&element);
                self.found.push(d.hint("give the windings as two transformers"));
            }
            for ((what, point), winding) in [("hv_star", t.hv_star), ("mv_star", t.mv_star), ("lv_star", t.lv_star)].into_iter().zip(w) {
                self.star(&element, what, point, winding.connection.is_earthed());
            }
        }
    }

    fn generators(&mut self) {
        let mut owner: HashMap<String, String> = HashMap::new();
        for g in &self.case.generators {
            let element = format!("generator.{}", g.id);
            let bus = self.known(&element, &g.bus);
            for (what, v) in [("sr_mva", g.sr_mva), ("ur_kv", g.ur_kv), ("xdpp_pu", g.xdpp_pu)] {
                self.positive(&element, what, v);
            }
            for (what, v) in
                [("x2_pu", g.x2_pu), ("x0_pu", g.x0_pu), ("xd_sat_pu", g.xd_sat_pu), ("excitation_ceiling", g.excitation_ceiling)]
            {
                if let Some(v) = v {
                    self.positive(&element, what, v);
                }
            }
            if let Some(r) = g.r_ohm {
                self.not_negative(&element, "r_ohm", r);
            }
            if !(g.cos_phi > 0.0 && g.cos_phi <= 1.0) {
                self.bad(&element, "cos_phi", g.cos_phi, "above 0 and at most 1");
            }
            if !(g.p_g_pct > -50.0 && g.p_g_pct < 50.0) {
                self.bad(&element, "p_g_pct", g.p_g_pct, "a few percent");
            }
            self.rated_against_bus(&element, "ur_kv", g.ur_kv, bus);
            let Some(name) = &g.unit_transformer else { continue };
            let Some(t) = self.case.transformers.iter().find(|t| t.id.eq_ignore_ascii_case(name)) else {
                let d = Diagnostic::error("SHORT.UNIT.UNKNOWN_TRANSFORMER", format!("unit transformer \"{name}\" does not exist"))
                    .element(&element);
                self.found.push(d.hint("name a two-winding transformer of the case"));
                continue;
            };
            if !t.lv.eq_ignore_ascii_case(&g.bus) {
                let d = Diagnostic::error(
                    "SHORT.UNIT.OTHER_BUS",
                    format!("the low-voltage side of \"{name}\" is at \"{}\", not at \"{}\"", t.lv, g.bus),
                );
                self.found.push(d.element(&element).hint("a unit is a generator at the low-voltage side of its transformer"));
            }
            if let Some(other) = owner.insert(name.to_lowercase(), g.id.clone())
                && g.in_service
            {
                let d = Diagnostic::error("SHORT.UNIT.SHARED", format!("\"{name}\" is the unit transformer of \"{other}\" too"))
                    .element(&element);
                self.found.push(d.hint("the standard's factors are for one generator and its transformer: give one equivalent generator"));
            }
        }
    }

    fn motors(&mut self) {
        for m in &self.case.motors {
            let element = format!("motor.{}", m.id);
            let bus = self.known(&element, &m.bus);
            self.positive(&element, "ur_kv", m.ur_kv);
            self.rated_against_bus(&element, "ur_kv", m.ur_kv, bus);
            self.positive(&element, "pole_pairs", f64::from(m.pole_pairs));
            self.positive(&element, "count", f64::from(m.count));
            let plate = [("p_mw", m.p_mw), ("cos_phi", m.cos_phi), ("efficiency", m.efficiency), ("sr_mva", m.sr_mva)];
            for (what, v) in plate.into_iter().chain([("i_lr_ir", m.i_lr_ir), ("x_pu", m.x_pu)]) {
                if let Some(v) = v {
                    self.positive(&element, what, v);
                }
            }
            for (what, v) in [("cos_phi", m.cos_phi), ("efficiency", m.efficiency)] {
                if v.is_some_and(|v| v > 1.0) {
                    self.bad(&element, what, v.unwrap_or_default(), "at most 1");
                }
            }
            if let Some(r) = m.rx {
                self.not_negative(&element, "rx", r);
            }
            if m.apparent_mva().is_nan() {
                let d = Diagnostic::error("SHORT.MOTOR.NO_POWER", "its rated apparent power is not told").element(&element);
                self.found.push(d.hint("give sr_mva, or p_mw with cos_phi and efficiency"));
            }
            if m.i_lr_ir.is_some() == m.x_pu.is_some() {
                let d = Diagnostic::error("SHORT.MOTOR.NO_REACTANCE", "its locked-rotor current or reactance is told not once")
                    .element(&element);
                self.found.push(d.hint("give one of i_lr_ir and x_pu"));
            }
        }
    }

    fn couplers(&mut self) {
        for c in &self.case.couplers {
            let element = format!("coupler.{}", c.id);
            let (a, b) = (self.known(&element, &c.from), self.known(&element, &c.to));
            let (Some(a), Some(b)) = (a, b) else { continue };
            let (ka, kb) = (self.case.buses[a].kv, self.case.buses[b].kv);
            if ka != kb {
                let d = Diagnostic::error("SHORT.VOLTAGE.COUPLER", format!("it joins {ka} kV with {kb} kV")).element(&element);
                self.found.push(d.hint("give both buses one nominal voltage"));
            }
        }
    }

    fn breakers(&mut self) {
        for b in &self.case.breakers {
            let element = format!("breaker.{}", b.id);
            let bus = self.known(&element, &b.bus);
            for (what, v) in [("rated_kv", b.rated_kv), ("interrupting_ka", b.interrupting_ka)] {
                self.positive(&element, what, v);
            }
            self.not_negative(&element, "contact_parting_s", b.contact_parting_s);
            let more =
                [("peak_ka", b.peak_ka), ("short_time_ka", b.short_time_ka), ("short_time_s", b.short_time_s), ("test_x_r", b.test_x_r)];
            for (what, v) in more {
                if let Some(v) = v {
                    self.positive(&element, what, v);
                }
            }
            if let Some(kv) = bus.map(|i| self.case.buses[i].kv)
                && b.rated_kv < kv
            {
                let d =
                    Diagnostic::warning("SHORT.BREAKER.VOLTAGE", format!("rated {} kV on a bus of {kv} kV", b.rated_kv)).element(&element);
                self.found.push(d.hint("choose a breaker for the voltage; its duty is told all the same"));
            }
            if b.standard == BreakerStandard::AnsiLowVoltage && b.rated_kv > 1.0 {
                let d = Diagnostic::warning("SHORT.BREAKER.NOT_LOW_VOLTAGE", format!("rated {} kV by a low-voltage standard", b.rated_kv))
                    .element(&element);
                self.found.push(d.hint("correct rated voltage or standard"));
            }
            let Some(name) = &b.element else { continue };
            let Some(e) = self.case.element(name) else {
                let d = Diagnostic::error("SHORT.BREAKER.UNKNOWN_ELEMENT", format!("\"{name}\" does not exist")).element(&element);
                self.found.push(d.hint("name the line, transformer, machine or feeder in series with it, or leave it out"));
                continue;
            };
            if bus.is_some_and(|at| !self.case.buses_of(e).contains(&at)) {
                let kind = if e.kind == Kind::Line { "line" } else { "element" };
                let d = Diagnostic::error("SHORT.BREAKER.OTHER_BUS", format!("the {kind} \"{name}\" has no end at bus \"{}\"", b.bus))
                    .element(&element);
                self.found.push(d.hint("correct the bus or the element"));
            }
        }
    }
}
