//! All loads of a circuit as arrays over their branches: the hottest loop of a solution.
//!
//! Per iteration a branch costs two gathers, one law and two scatters. Branches of one law stand together, so that the law is not
//! chosen branch by branch; what is outside its voltage limits, or rare, goes through the model of its load. A constant impedance
//! that stands in the matrix as it is needs no work at all and is left out when the bank is refreshed.

use super::load::{LoadModel, LoadState};
use super::power_law::{SERIES_REACH, TERMS, binomial, series_at};
use network::LoadModel as Law;
use num_complex::Complex64;

/// Branches of many loads, grouped by law.
#[derive(Clone, Debug, Default)]
pub struct LoadBank {
    power: Columns,
    current: Columns,
    zip: Columns,
    impedance: Columns,
    exponential: Columns,
    /// Series of P and Q of model 4, and which of them each row of `exponential` takes.
    series: Vec<Exponents>,
    series_of: Vec<u32>,
    other: Columns,
    /// Neutral nodes other than the earth: load and node.
    neutrals: Vec<(u32, u32)>,
}

/// One group. Rows are branches.
#[derive(Clone, Debug, Default)]
struct Columns {
    /// Number of the load in the slices of models and states.
    load: Vec<u32>,
    from: Vec<u32>,
    to: Vec<u32>,
    /// What the refresh fills, row by row.
    live: Vec<Row>,
}

/// The series of model 4 for P and Q, and the exponents they were made for.
#[derive(Clone, Debug)]
struct Exponents {
    of: (f64, f64),
    p: [f64; TERMS],
    q: [f64; TERMS],
}

impl Exponents {
    fn new(of: (f64, f64)) -> Self {
        Self { of, p: binomial(of.0), q: binomial(of.1) }
    }
}

/// What the loop reads of one branch.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    min_v2: f64,
    max_v2: f64,
    /// Admittance in the matrix less the law's constant part.
    y: Complex64,
    /// `P - jQ` of the part that goes with `1/|V|²`.
    s: Complex64,
    /// The same of the part that goes with `1/|V|`.
    t: Complex64,
}

/// Nothing of a branch that injects nothing may be computed.
const SILENT: Row = Row { min_v2: f64::INFINITY, max_v2: f64::INFINITY, y: Complex64::ZERO, s: Complex64::ZERO, t: Complex64::ZERO };

impl Columns {
    fn push(&mut self, load: usize, from: u32, to: u32) {
        self.load.push(load as u32);
        self.from.push(from);
        self.to.push(to);
        self.live.push(SILENT);
    }
}

impl LoadBank {
    /// Arranges the branches of `models`; `nodes[k]` are the nodes of the conductors of load `k`, and `None` leaves the load out.
    ///
    /// # Panics
    /// When a load has fewer nodes than conductors.
    pub fn new(models: &[LoadModel], nodes: &[Option<&[u32]>]) -> Self {
        let mut bank = Self::default();
        for (k, (model, nodes)) in models.iter().zip(nodes).enumerate() {
            let Some(nodes) = nodes else { continue };
            let group = match model.law {
                Law::ConstantPq => &mut bank.power,
                Law::ConstantI => &mut bank.current,
                // The cut-off is a factor on the whole law and is left to the model.
                Law::Zip if model.zipv[6] <= 0.0 => &mut bank.zip,
                Law::ConstantZ => &mut bank.impedance,
                Law::Cvr => &mut bank.exponential,
                _ => &mut bank.other,
            };
            for &(a, b) in &model.branches.pairs {
                group.push(k, nodes[a as usize], nodes[b as usize]);
            }
            let neutral = nodes[model.branches.n_conductors - 1];
            if model.branches.connection == network::Connection::Wye && neutral != 0 {
                bank.neutrals.push((k as u32, neutral));
            }
        }
        bank
    }

    /// Number of branches.
    pub fn len(&self) -> usize {
        [&self.power, &self.current, &self.zip, &self.impedance, &self.exponential, &self.other].iter().map(|g| g.load.len()).sum()
    }

    /// Whether there is no branch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes over powers and admittances of the states. To be called after any `update` or `linearise` of a load.
    pub fn refresh(&mut self, models: &[LoadModel], states: &[LoadState]) {
        let fill = |group: &mut Columns, row: &dyn Fn(&LoadModel, &LoadState) -> Row| {
            for (k, live) in group.load.iter().zip(&mut group.live) {
                let state = &states[*k as usize];
                *live = if state.open { SILENT } else { row(&models[*k as usize], state) };
            }
        };
        let limits = |m: &LoadModel| Row { min_v2: m.limits.min_v2.max(m.limits.low_v2), max_v2: m.limits.max_v2, ..Row::default() };
        fill(&mut self.power, &|m, s| Row { y: s.y_matrix, s: Complex64::new(s.p_w, -s.q_var), ..limits(m) });
        fill(&mut self.current, &|m, s| Row { y: s.y_matrix, t: Complex64::new(s.p_w, -s.q_var) / m.base_v, ..limits(m) });
        fill(&mut self.zip, &|m, s| {
            let [zp, ip, pp, zq, iq, pq, _] = m.zipv;
            Row {
                y: s.y_matrix - Complex64::new(s.at.y.re * zp, s.at.y.im * zq),
                s: Complex64::new(s.p_w * pp, -s.q_var * pq),
                t: Complex64::new(s.p_w * ip, -s.q_var * iq) / m.base_v,
                ..limits(m)
            }
        });
        // Of model 4 `s` is the power over b², and the real part of `t` is 1/b².
        fill(&mut self.exponential, &|m, s| Row {
            y: s.y_matrix,
            s: Complex64::new(s.p_w, -s.q_var) * m.unit.y,
            t: Complex64::new(m.unit.y, 0.0),
            ..limits(m)
        });
        self.find_series(states);
        fill(&mut self.impedance, &|_, s| Row { y: s.y_matrix - s.at.y, ..SILENT });
    }

    /// Gives every row of model 4 the series of its exponents; rows share them, as loads share their exponents.
    fn find_series(&mut self, states: &[LoadState]) {
        /// Where many loads have exponents of their own, looking for equal ones costs more than another series.
        const LOOKED_AT: usize = 8;
        self.series_of.clear();
        let mut used = 0;
        for &k in &self.exponential.load {
            let of = states[k as usize].cvr_exponents;
            let known = self.series[..used].iter().rev().take(LOOKED_AT).position(|s| s.of == of).map(|back| used - 1 - back);
            let at = known.unwrap_or_else(|| {
                // What stood here in the last refresh is as a rule the same.
                match self.series.get_mut(used) {
                    Some(series) if series.of == of => {}
                    Some(series) => *series = Exponents::new(of),
                    None => self.series.push(Exponents::new(of)),
                }
                used += 1;
                used - 1
            });
            self.series_of.push(at as u32);
        }
    }

    /// Adds `Yprim v - i(v)` of all loads to `injection`, A by node; `v` in V by node, `v[0]` the earth.
    ///
    /// Equal to [`LoadModel::inject`] of every load, but for rounding.
    pub fn inject_all(&self, models: &[LoadModel], states: &[LoadState], v: &[Complex64], injection: &mut [Complex64]) {
        let by_model = |g: &Columns, r: usize, v2: f64| {
            let k = g.load[r] as usize;
            let (model, state) = (&models[k], &states[k]);
            if state.open { Complex64::ZERO } else { state.y_matrix - model.admittance(state, v2) }
        };
        run(&self.power, v, injection, |r, row, v2| {
            if v2 > row.min_v2 && v2 <= row.max_v2 { row.y - row.s * v2.recip() } else { by_model(&self.power, r, v2) }
        });
        run(&self.current, v, injection, |r, row, v2| {
            if v2 > row.min_v2 && v2 <= row.max_v2 { row.y - row.t * v2.sqrt().recip() } else { by_model(&self.current, r, v2) }
        });
        run(&self.zip, v, injection, |r, row, v2| {
            if v2 > row.min_v2 && v2 <= row.max_v2 {
                row.y - row.s * v2.recip() - row.t * v2.sqrt().recip()
            } else {
                by_model(&self.zip, r, v2)
            }
        });
        if self.impedance.live.iter().any(|row| row.y != Complex64::ZERO) {
            run(&self.impedance, v, injection, |_, row, _| row.y);
        }
        run(&self.exponential, v, injection, |r, row, v2| {
            let x = v2 * row.t.re - 1.0;
            if v2 > row.min_v2 && v2 <= row.max_v2 && x.abs() <= SERIES_REACH {
                let c = &self.series[self.series_of[r] as usize];
                Complex64::new(row.y.re - row.s.re * series_at(&c.p, x), row.y.im - row.s.im * series_at(&c.q, x))
            } else {
                by_model(&self.exponential, r, v2)
            }
        });
        run(&self.other, v, injection, |r, _, v2| by_model(&self.other, r, v2));
        for &(k, n) in &self.neutrals {
            let state = &states[k as usize];
            if !state.open {
                injection[n as usize] += models[k as usize].neutral_admittance(state) * v[n as usize];
            }
        }
    }
}

/// One group: `law` gives the admittance to inject by, from the row and the squared voltage.
#[inline(always)]
fn run(g: &Columns, v: &[Complex64], injection: &mut [Complex64], law: impl Fn(usize, &Row, f64) -> Complex64) {
    for (r, ((&a, &b), row)) in g.from.iter().zip(&g.to).zip(&g.live).enumerate() {
        let (a, b) = (a as usize, b as usize);
        let voltage = v[a] - v[b];
        let current = law(r, row, voltage.norm_sqr()) * voltage;
        injection[a] += current;
        injection[b] -= current;
    }
}
