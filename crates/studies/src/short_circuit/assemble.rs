//! Makes the impedances of `grid` from nameplates, element by element; the formulas stand there.

use super::case::{Case, Element, Kind, StarPoint};
use super::grid::{
    Branch, Correction, CurrentSource, Extreme, Grid, Rules, Shunt, Source, Unit, by_ratio, fictitious_r_x, find, motor_z, voltage_factor,
};
use super::vector_group::{Connection, parse};
use num_complex::Complex64;

fn star(point: Option<StarPoint>, kv: f64) -> Complex64 {
    point.map_or(Complex64::default(), |p| 3.0 * Complex64::new(p.r_ohm, p.x_ohm) / (kv * kv))
}

fn complex(z: f64, r: f64) -> Complex64 {
    Complex64::new(r, (z * z - r * r).max(0.0).sqrt())
}

struct Builder<'a> {
    case: &'a Case,
    rules: Rules,
    grid: Grid,
    /// Unit and its generator's place, by transformer.
    unit_of: Vec<Option<usize>>,
}

/// Makes the impedances of a case that `check` has found sound.
pub(super) fn assemble(case: &Case, rules: Rules, with_motors: bool) -> Grid {
    let (node_of, kv) = nodes(case);
    let grid = Grid {
        node_of,
        clock: Vec::new(),
        kv,
        branches: Vec::new(),
        sources: Vec::new(),
        converters: Vec::new(),
        zero_branches: Vec::new(),
        zero_shunts: Vec::new(),
        units: Vec::new(),
        loop_open_at: None,
    };
    let mut b = Builder { case, rules, grid, unit_of: vec![None; case.transformers.len()] };
    b.units();
    b.feeders();
    b.lines();
    b.transformers();
    b.transformers3();
    b.generators();
    if with_motors {
        b.motors();
    }
    let converters = case.converters.iter().enumerate().filter(|(_, c)| c.in_service);
    let found = converters
        .filter_map(|(index, c)| Some(CurrentSource { element: Element { kind: Kind::Converter, index }, node: b.node(&c.bus)? }));
    b.grid.converters = found.collect();
    b.grid.auxiliaries(&b.unit_of);
    b.grid.clocks(case);
    b.grid
}

fn nodes(case: &Case) -> (Vec<Option<usize>>, Vec<f64>) {
    let mut parent: Vec<usize> = (0..case.buses.len()).collect();
    for c in case.couplers.iter().filter(|c| c.closed) {
        if let (Some(a), Some(b)) = (case.bus_index(&c.from), case.bus_index(&c.to))
            && case.buses[a].in_service
            && case.buses[b].in_service
        {
            let (a, b) = (find(&mut parent, a), find(&mut parent, b));
            parent[a.max(b)] = a.min(b);
        }
    }
    let mut node_of = vec![None; case.buses.len()];
    let mut kv = Vec::new();
    for i in 0..case.buses.len() {
        if !case.buses[i].in_service {
            continue;
        }
        let root = find(&mut parent, i);
        node_of[i] = node_of[root].or_else(|| {
            kv.push(case.buses[i].kv);
            Some(kv.len() - 1)
        });
    }
    (node_of, kv)
}

impl Builder<'_> {
    fn node(&self, bus: &str) -> Option<usize> {
        self.grid.node_of[self.case.bus_index(bus)?]
    }

    fn c_max(&self, bus: &str) -> f64 {
        self.case.bus_index(bus).map_or(1.0, |b| voltage_factor(self.case, b, Extreme::Max))
    }

    fn units(&mut self) {
        if self.rules == Rules::Ansi {
            return;
        }
        for (index, g) in self.case.generators.iter().enumerate().filter(|(_, g)| g.in_service) {
            let Some(name) = &g.unit_transformer else { continue };
            let Some(t) = self.case.transformers.iter().position(|t| t.in_service && t.id.eq_ignore_ascii_case(name)) else { continue };
            let Some(terminals) = self.node(&g.bus) else { continue };
            self.unit_of[t] = Some(self.grid.units.len());
            self.grid.units.push(Unit { generator: index, terminals, auxiliary: Vec::new() });
        }
    }

    /// Corrections of generator and transformer of a unit.
    fn unit_corrections(&self, unit: usize) -> (Correction, Correction) {
        let g = &self.case.generators[self.grid.units[unit].generator];
        let at = self.unit_of.iter().position(|u| *u == Some(unit)).expect("a unit has its transformer");
        let t = &self.case.transformers[at];
        let sin = (1.0 - g.cos_phi * g.cos_phi).max(0.0).sqrt();
        let c = self.c_max(&g.bus);
        let un = self.case.bus_index(&t.hv).map_or(t.ur_hv_kv, |b| self.case.buses[b].kv);
        let x_t = complex(t.ukr_pct, t.resistive_pct()).im / 100.0;
        let (p_g, p_t) = (g.p_g_pct / 100.0, t.p_t_pct.unwrap_or(0.0) / 100.0);
        let tr = t.ur_lv_kv / t.ur_hv_kv;
        let (k, inside) = if t.on_load_tap_changer {
            ((un / g.ur_kv * tr).powi(2) * c / (1.0 + (g.xdpp_pu - x_t).abs() * sin), 1.0)
        } else {
            (un / (g.ur_kv * (1.0 + p_g)) * tr * (1.0 - p_t) * c / (1.0 + g.xdpp_pu * sin), 1.0 / (1.0 + p_g))
        };
        let of_generator = inside * c / (1.0 + g.xdpp_pu * sin);
        let of_transformer = inside * c / (1.0 - x_t * sin);
        let unit = Some(unit);
        (
            Correction { network: k, terminals: of_generator, auxiliary: of_generator, unit },
            Correction { network: k, terminals: 1.0, auxiliary: of_transformer, unit },
        )
    }

    fn feeders(&mut self) {
        for (index, f) in self.case.feeders.iter().enumerate().filter(|(_, f)| f.in_service) {
            let Some(bus) = self.case.bus_index(&f.bus) else { continue };
            let Some(node) = self.grid.node_of[bus] else { continue };
            let kv = self.case.buses[bus].kv;
            let extreme = self.rules.extreme();
            let (ik, sk, r_x) = match extreme {
                Extreme::Max => (f.ik_max_ka, f.sk_max_mva, f.rx_max.unwrap_or(0.1)),
                Extreme::Min => (f.ik_min_ka, f.sk_min_mva, f.rx_min.or(f.rx_max).unwrap_or(0.1)),
            };
            let Some(mva) = sk.or_else(|| ik.map(|i| 3f64.sqrt() * kv * i)) else { continue };
            let c = if self.rules == Rules::Ansi { 1.0 } else { voltage_factor(self.case, bus, extreme) };
            // The coupled buses of a node have one nominal voltage.
            let z = by_ratio(c / mva, r_x);
            let element = Element { kind: Kind::Feeder, index };
            let k = Correction::fixed(1.0);
            let shunt = Shunt { element, node, terminal: Some(0), z, z_star: Complex64::default(), k };
            self.grid.sources.push(Source { positive: shunt, negative: z, peak: z, rated_ka: None, mw_per_pole_pair: None });
            let r0_x0 = f.r0_x0.unwrap_or(r_x);
            let z0 = match (f.z0_z1, f.x0_x1) {
                (Some(ratio), _) => by_ratio(ratio * z.norm(), r0_x0),
                (None, Some(ratio)) => Complex64::new(r0_x0 * ratio * z.im, ratio * z.im),
                (None, None) => continue,
            };
            self.grid.zero_shunts.push(Shunt { z: z0, ..shunt });
        }
    }

    fn lines(&mut self) {
        for (index, l) in self.case.lines.iter().enumerate().filter(|(_, l)| l.in_service) {
            let (Some(a), Some(b)) = (self.node(&l.from), self.node(&l.to)) else { continue };
            let kv = self.grid.kv[b];
            let warm = match (self.rules, l.end_temperature_c) {
                (Rules::Iec(Extreme::Min), Some(t)) => 1.0 + 0.004 * (t - 20.0),
                _ => 1.0,
            };
            let scale = l.length_km / f64::from(l.parallel) / (kv * kv);
            let z = Complex64::new(l.r_ohm_per_km * warm, l.x_ohm_per_km) * scale;
            let k = Correction::fixed(1.0);
            let element = Element { kind: Kind::Line, index };
            let (terminal_a, terminal_b) = (Some(0), Some(1));
            let branch = Branch {
                element,
                a,
                b,
                terminal_a,
                terminal_b,
                ratio: self.grid.kv[b] / self.grid.kv[a],
                z,
                z_star: Complex64::default(),
                k,
            };
            self.grid.branches.push(branch);
            if let (Some(r0), Some(x0)) = (l.r0_ohm_per_km, l.x0_ohm_per_km) {
                self.grid.zero_branches.push(Branch { z: Complex64::new(r0 * warm, x0) * scale, ..branch });
            }
        }
    }

    fn transformers(&mut self) {
        for (index, t) in self.case.transformers.iter().enumerate().filter(|(_, t)| t.in_service) {
            let (Some(a), Some(b)) = (self.node(&t.hv), self.node(&t.lv)) else { continue };
            let Ok(w) = parse(&t.vector_group, 2) else { continue };
            let (kv_a, kv_b) = (self.grid.kv[a], self.grid.kv[b]);
            let n = f64::from(t.parallel);
            let pct = complex(t.ukr_pct, t.resistive_pct());
            let k = match (self.rules, self.unit_of[index]) {
                (Rules::Iec(_), Some(unit)) => self.unit_corrections(unit).1,
                (Rules::Iec(Extreme::Max), None) => Correction::fixed(0.95 * self.c_max(&t.lv) / (1.0 + 0.6 * pct.im / 100.0)),
                _ => Correction::fixed(1.0),
            };
            let to_b = t.ur_lv_kv * t.ur_lv_kv / (100.0 * t.sr_mva * kv_b * kv_b) / n;
            let ratio = (t.ur_hv_kv / t.ur_lv_kv) / (kv_a / kv_b);
            let element = Element { kind: Kind::Transformer, index };
            let none = Complex64::default();
            let branch = Branch { element, a, b, terminal_a: Some(0), terminal_b: Some(1), ratio, z: pct * to_b, z_star: none, k };
            self.grid.branches.push(branch);
            let zero = complex(t.ukr0_pct.unwrap_or(t.ukr_pct), t.urr0_pct.unwrap_or_else(|| t.resistive_pct())) * to_b;
            let (star_a, star_b) = (star(t.hv_star, kv_a) / n, star(t.lv_star, kv_b) / n);
            let shunts = &mut self.grid.zero_shunts;
            match (w[0].connection, w[1].connection) {
                (Connection::StarEarthed, Connection::StarEarthed) => {
                    // The star point of `a` seen from `b`.
                    let z_star = star_b + star_a / (ratio * ratio);
                    self.grid.zero_branches.push(Branch { z: zero, z_star, ..branch });
                }
                (hv, lv) => {
                    let earths = |own: Connection, other: Connection| {
                        own == Connection::ZigzagEarthed || (own == Connection::StarEarthed && other == Connection::Delta)
                    };
                    if earths(hv, lv) {
                        let z = zero * (ratio * ratio);
                        shunts.push(Shunt { element, node: a, terminal: Some(0), z, z_star: star_a, k });
                    }
                    if earths(lv, hv) {
                        shunts.push(Shunt { element, node: b, terminal: Some(1), z: zero, z_star: star_b, k });
                    }
                }
            }
        }
    }

    fn transformers3(&mut self) {
        for (index, t) in self.case.transformers3.iter().enumerate().filter(|(_, t)| t.in_service) {
            let Ok(w) = parse(&t.vector_group, 3) else { continue };
            let ends = [self.node(&t.hv), self.node(&t.mv), self.node(&t.lv)];
            let Some(base) = self.case.bus_index(&t.hv).map(|b| self.case.buses[b].kv) else { continue };
            let centre = self.grid.kv.len();
            self.grid.kv.push(base);
            let rated = [t.ur_hv_kv, t.ur_mv_kv, t.ur_lv_kv];
            let smaller = [t.sr_hv_mva.min(t.sr_mv_mva), t.sr_mv_mva.min(t.sr_lv_mva), t.sr_hv_mva.min(t.sr_lv_mva)];
            let pairs = [complex(t.ukr_hm_pct, t.urr_hm_pct), complex(t.ukr_ml_pct, t.urr_ml_pct), complex(t.ukr_hl_pct, t.urr_hl_pct)];
            let lower = [&t.mv, &t.lv, &t.lv].map(|b| self.c_max(b));
            let k: [f64; 3] = std::array::from_fn(|i| match self.rules {
                Rules::Iec(Extreme::Max) => 0.95 * lower[i] / (1.0 + 0.6 * pairs[i].im / 100.0),
                _ => 1.0,
            });
            let zero: [Complex64; 3] = match (t.ukr0_pct, t.urr0_pct) {
                (Some(u), r) => std::array::from_fn(|i| complex(u[i], r.map_or(pairs[i].re.min(u[i]), |r| r[i]))),
                (None, _) => pairs,
            };
            let legs = |pct: [Complex64; 3]| {
                let z: [Complex64; 3] = std::array::from_fn(|i| pct[i] * k[i] * (rated[0] * rated[0] / (100.0 * smaller[i] * base * base)));
                // A leg may come out as nothing; it stays a branch.
                let least = Complex64::new(0.0, 1e-9 * (z[0].norm() + z[1].norm() + z[2].norm()));
                [z[0] + z[2] - z[1], z[0] + z[1] - z[2], z[1] + z[2] - z[0]]
                    .map(|l| if l.norm() < 2.0 * least.norm() { least } else { l / 2.0 })
            };
            let (positive, zero) = (legs(pairs), legs(zero));
            let stars = [t.hv_star, t.mv_star, t.lv_star];
            let element = Element { kind: Kind::Transformer3, index };
            let none = Complex64::default();
            let k = Correction::fixed(1.0);
            for i in 0..3 {
                let terminal = Some(i as u8);
                // A delta takes part in the zero sequence also where its bus is out of service.
                if w[i].connection == Connection::Delta {
                    self.grid.zero_shunts.push(Shunt { element, node: centre, terminal: None, z: zero[i], z_star: none, k });
                }
                let Some(b) = ends[i] else { continue };
                let kv = self.grid.kv[b];
                let ratio = (rated[0] / rated[i]) / (base / kv);
                let z = positive[i] / (ratio * ratio);
                let branch = Branch { element, a: centre, b, terminal_a: None, terminal_b: terminal, ratio, z, z_star: none, k };
                self.grid.branches.push(branch);
                if w[i].connection == Connection::StarEarthed {
                    self.grid.zero_branches.push(Branch { z: zero[i] / (ratio * ratio), z_star: star(stars[i], kv), ..branch });
                }
            }
        }
    }

    fn generators(&mut self) {
        for (index, g) in self.case.generators.iter().enumerate().filter(|(_, g)| g.in_service) {
            let Some(node) = self.node(&g.bus) else { continue };
            let kv = self.grid.kv[node];
            let unit = self.grid.units.iter().position(|u| u.generator == index);
            let sin = (1.0 - g.cos_phi * g.cos_phi).max(0.0).sqrt();
            let k = match (self.rules, unit) {
                (Rules::Ansi, _) => Correction::fixed(1.0),
                (_, Some(unit)) => self.unit_corrections(unit).0,
                (_, None) => {
                    let kg = kv / (g.ur_kv * (1.0 + g.p_g_pct / 100.0)) * self.c_max(&g.bus) / (1.0 + g.xdpp_pu * sin);
                    Correction::fixed(kg)
                }
            };
            let own = g.ur_kv * g.ur_kv / g.sr_mva;
            let fictitious = fictitious_r_x(g.ur_kv, g.sr_mva) * g.xdpp_pu * own;
            let r = g.r_ohm.unwrap_or(fictitious);
            let to = 1.0 / (kv * kv);
            let of = |r: f64, x_pu: f64| Complex64::new(r, x_pu * own) * to;
            let z = of(r, g.xdpp_pu);
            let shunt =
                Shunt { element: Element { kind: Kind::Generator, index }, node, terminal: Some(0), z, z_star: Complex64::default(), k };
            self.grid.sources.push(Source {
                positive: shunt,
                negative: of(r, g.x2_pu.unwrap_or(g.xdpp_pu)),
                peak: of(fictitious, g.xdpp_pu),
                rated_ka: Some(g.sr_mva / (3f64.sqrt() * g.ur_kv)),
                mw_per_pole_pair: None,
            });
            if let (Some(x0), true) = (g.x0_pu, g.star.is_some()) {
                self.grid.zero_shunts.push(Shunt { z: of(r, x0), z_star: star(g.star, kv), ..shunt });
            }
        }
    }

    fn motors(&mut self) {
        for (index, m) in self.case.motors.iter().enumerate().filter(|(_, m)| m.in_service) {
            let Some(node) = self.node(&m.bus) else { continue };
            let kv = self.grid.kv[node];
            let (n, s) = (f64::from(m.count), m.apparent_mva());
            let z = motor_z(m) * (m.ur_kv * m.ur_kv / (s * n * kv * kv));
            let element = Element { kind: Kind::Motor, index };
            let shunt = Shunt { element, node, terminal: Some(0), z, z_star: Complex64::default(), k: Correction::fixed(1.0) };
            self.grid.sources.push(Source {
                positive: shunt,
                negative: z,
                peak: z,
                rated_ka: Some(n * s / (3f64.sqrt() * m.ur_kv)),
                mw_per_pole_pair: Some(m.mechanical_mw() / f64::from(m.pole_pairs)),
            });
        }
    }
}
