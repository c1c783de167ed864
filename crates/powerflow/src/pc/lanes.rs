//! The loads of `K` steps side by side.
//!
//! A branch draws `i = y V` with `y = P f_P(|V|²) - j Q f_Q(|V|²)`, where `P = p k_P` and `Q = q k_Q` are its power at the value 1 of its
//! shape times the shape's values, and `f` are real functions that depend on the load alone. So the steps of a batch differ by two factors a
//! shape and by their voltages, and one row of constants serves all lanes. With `b` the base voltage, `f` is
//!
//! * constant power `1/|V|²`, constant current `1/(b |V|)`, constant impedance `1/b²`; ZIP a mixture;
//! * model 4 `(|V|/b)^a / |V|²`, by its binomial series in `x = |V|²/b² - 1` where `|x|` is small;
//! * outside the voltage limits what [`super::load`] says, all of it multiples of `1/b²`.
//!
//! What is none of these goes lane by lane through the model of its load.

use super::Moment;
use super::load::{LoadModel, LoadState};
use super::power_law::{SERIES_REACH, TERMS, binomial};
use crate::sparse::Lanes;
use network::{LoadModel as Law, LoadShapeId};
use num_complex::Complex64;
use std::collections::HashMap;

/// Part of the voltage within which a load near a limit at which its law jumps is taken as undecided.
const JUMP_REACH: f64 = 0.003;

/// Constants of one branch.
#[derive(Clone, Copy, Debug)]
struct Row {
    from: u32,
    to: u32,
    load: u32,
    profile: u32,
    /// Admittance in the matrix, S.
    y: Complex64,
    /// Power at the value 1 of the profile, W and var.
    p: f64,
    q: f64,
    low_v: f64,
    low_v2: f64,
    min_v2: f64,
    max_v2: f64,
    /// `1/b²`, and the multiples of it that [`super::load`] names.
    unit: f64,
    max: f64,
    max_i: f64,
    slope: f64,
    slope_i: f64,
    /// `1/b`.
    inverse_b: f64,
}

/// The series of model 4 for P and Q, by load.
#[derive(Clone, Debug)]
struct Exponents {
    p: [f64; TERMS],
    q: [f64; TERMS],
}

/// Values that several loads share: the shape, and whether its vars are those of P.
type Profile = (Option<LoadShapeId>, bool);

/// Branches of all loads for lanes; nodes are rows of the lanes, 0 the earth.
#[derive(Clone, Debug, Default)]
pub struct LaneBank {
    profiles: Vec<Profile>,
    power: Vec<Row>,
    current: Vec<Row>,
    impedance: Vec<Row>,
    zip: Vec<(Row, [f64; 6])>,
    cvr: Vec<(Row, u32)>,
    series: Vec<Exponents>,
    /// Loads that go through their model: load, nodes by conductor.
    other: Vec<(u32, Box<[u32]>)>,
    /// Nodes of neutrals and what stands at them in the matrix, S.
    neutrals: Vec<(u32, Complex64)>,
}

/// Values of the profiles in each lane, and the states of the loads that go through their models.
#[derive(Clone, Debug)]
pub struct LaneValues<const K: usize> {
    factors: Vec<([f64; K], [f64; K])>,
    other: Vec<[LoadState; K]>,
}

impl<const K: usize> Default for LaneValues<K> {
    fn default() -> Self {
        Self { factors: Vec::new(), other: Vec::new() }
    }
}

impl LaneBank {
    /// Arranges the branches; `nodes[k]` are the rows of the conductors of load `k`, `None` leaves it out.
    ///
    /// The states hold the admittances that stand in the matrix; what is open is left out. The moment tells mode, year and multipliers, which
    /// must stay while the bank is used.
    pub fn new(models: &[LoadModel], states: &[LoadState], nodes: &[Option<Box<[u32]>>], moment: &Moment) -> Self {
        let mut bank = Self::default();
        let mut profile_of: HashMap<Profile, u32> = HashMap::new();
        let mut series_of: HashMap<(u64, u64), u32> = HashMap::new();
        for (k, ((model, state), nodes)) in models.iter().zip(states).zip(nodes).enumerate() {
            let Some(nodes) = nodes.as_ref().filter(|_| !state.open) else { continue };
            let neutral = nodes[model.branches.n_conductors - 1];
            if model.branches.connection == network::Connection::Wye && neutral != 0 {
                bank.neutrals.push((neutral, model.neutral_admittance(state)));
            }
            let (factor, shape) = model.scaling(moment);
            let at_one = model.at_one(factor, shape.map(|id| &moment.network.load_shapes[id.index()]));
            let plain = match model.law {
                Law::ConstantPq | Law::ConstantI | Law::ConstantZ => true,
                Law::Zip => model.zipv[6] <= 0.0,
                Law::Cvr => model.moving_exponents(moment).is_none(),
                _ => false,
            };
            let Some((p, q, vars_follow_p)) = at_one.filter(|_| plain) else {
                bank.other.push((k as u32, nodes.clone()));
                continue;
            };
            let profile = (shape, vars_follow_p);
            let profile = *profile_of.entry(profile).or_insert_with(|| {
                bank.profiles.push(profile);
                bank.profiles.len() as u32 - 1
            });
            let (l, u) = (&model.limits, &model.unit);
            for &(a, b) in &model.branches.pairs {
                let row = Row {
                    from: nodes[a as usize],
                    to: nodes[b as usize],
                    load: k as u32,
                    profile,
                    y: state.y_matrix,
                    p,
                    q,
                    low_v: l.low_v,
                    low_v2: l.low_v2,
                    min_v2: l.min_v2,
                    max_v2: l.max_v2,
                    unit: u.y,
                    max: u.max,
                    max_i: u.max_i,
                    slope: u.slope,
                    slope_i: u.slope_i,
                    inverse_b: 1.0 / model.base_v(),
                };
                match model.law {
                    Law::ConstantPq => bank.power.push(row),
                    Law::ConstantI => bank.current.push(row),
                    Law::ConstantZ => bank.impedance.push(row),
                    Law::Zip => bank.zip.push((row, std::array::from_fn(|i| model.zipv[i]))),
                    _ => {
                        let (a, b) = state.cvr_exponents;
                        let series = *series_of.entry((a.to_bits(), b.to_bits())).or_insert_with(|| {
                            bank.series.push(Exponents { p: binomial(a), q: binomial(b) });
                            bank.series.len() as u32 - 1
                        });
                        bank.cvr.push((row, series));
                    }
                }
            }
        }
        // Rows in the order of their nodes: voltages and injections are then met in the order of memory.
        for group in [&mut bank.power, &mut bank.current, &mut bank.impedance] {
            group.sort_by_key(|r| r.from);
        }
        bank.zip.sort_by_key(|(r, _)| r.from);
        bank.cvr.sort_by_key(|(r, _)| r.from);
        bank
    }

    /// Sets one lane to a moment.
    pub fn set_lane<const K: usize>(
        &self,
        values: &mut LaneValues<K>,
        lane: usize,
        models: &[LoadModel],
        states: &[LoadState],
        moment: &Moment,
    ) {
        values.factors.resize(self.profiles.len(), ([0.0; K], [0.0; K]));
        for (&(shape, vars_follow_p), (p, q)) in self.profiles.iter().zip(&mut values.factors) {
            let (at_p, at_q) = shape.map_or((1.0, 1.0), |id| moment.network.load_shapes[id.index()].at(moment.hour));
            p[lane] = at_p;
            q[lane] = if vars_follow_p { at_p } else { at_q };
        }
        if values.other.len() != self.other.len() {
            values.other = self.other.iter().map(|(k, _)| std::array::from_fn(|_| states[*k as usize].clone())).collect();
        }
        for ((k, _), lanes) in self.other.iter().zip(&mut values.other) {
            lanes[lane].clone_from(&states[*k as usize]);
            models[*k as usize].update(&mut lanes[lane], moment);
        }
    }

    /// Marks lanes in which a load sits so near a voltage limit that its power may settle on either side of it.
    ///
    /// The laws of models 3, 4, 6 and 7 jump at their limits (model 4 by 4 percent at 1.05 per unit). Within the jump's own effect on the
    /// voltage both sides are solutions, and which one a series takes depends on the step before.
    pub fn mark_ambiguous<const K: usize>(&self, models: &[LoadModel], v: &[Lanes<K>], marked: &mut [bool; K]) {
        let near = |v2: f64, limit_v2: f64| (v2 - limit_v2).abs() < 2.0 * JUMP_REACH * limit_v2;
        let mut look = |from: u32, to: u32, model: &LoadModel| {
            let (a, b) = (&v[from as usize], &v[to as usize]);
            for (t, marked) in marked.iter_mut().enumerate() {
                let (re, im) = (a.re[t] - b.re[t], a.im[t] - b.im[t]);
                let v2 = re * re + im * im;
                *marked |= near(v2, model.limits.min_v2) || near(v2, model.limits.max_v2);
            }
        };
        for (row, _) in &self.cvr {
            look(row.from, row.to, &models[row.load as usize]);
        }
        for (k, nodes) in &self.other {
            let model = &models[*k as usize];
            for &(a, b) in &model.branches.pairs {
                look(nodes[a as usize], nodes[b as usize], model);
            }
        }
    }

    /// Adds `Yprim v - i(v)` of all loads to `x`, lane by lane; row 0 is the earth.
    pub fn inject<const K: usize>(&self, values: &LaneValues<K>, models: &[LoadModel], v: &[Lanes<K>], x: &mut [Lanes<K>]) {
        #[cfg(target_arch = "x86_64")]
        {
            if K.is_multiple_of(8) && std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("fma") {
                // SAFETY: the processor has the features.
                return unsafe { self.inject_avx512(values, models, v, x) };
            }
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                // SAFETY: the processor has the features.
                return unsafe { self.inject_avx2(values, models, v, x) };
            }
        }
        self.inject_with(values, models, v, x);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx2,fma")]
    unsafe fn inject_avx512<const K: usize>(&self, values: &LaneValues<K>, models: &[LoadModel], v: &[Lanes<K>], x: &mut [Lanes<K>]) {
        self.inject_with(values, models, v, x);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn inject_avx2<const K: usize>(&self, values: &LaneValues<K>, models: &[LoadModel], v: &[Lanes<K>], x: &mut [Lanes<K>]) {
        self.inject_with(values, models, v, x);
    }

    #[inline(always)]
    fn inject_with<const K: usize>(&self, values: &LaneValues<K>, models: &[LoadModel], v: &[Lanes<K>], x: &mut [Lanes<K>]) {
        for row in &self.power {
            let (dv, v2) = across(row, v);
            let f = if within(row, &v2) { each(|t| 1.0 / v2[t]) } else { each(|t| power_outside(row, v2[t])) };
            let (kp, kq) = &values.factors[row.profile as usize];
            add(row, &dv, &f, &f, kp, kq, x);
        }
        for row in &self.current {
            let (dv, v2) = across(row, v);
            let f = if within(row, &v2) { each(|t| row.inverse_b / v2[t].sqrt()) } else { each(|t| current_outside(row, v2[t])) };
            let (kp, kq) = &values.factors[row.profile as usize];
            add(row, &dv, &f, &f, kp, kq, x);
        }
        for row in &self.impedance {
            let (dv, _) = across(row, v);
            let f = [row.unit; K];
            let (kp, kq) = &values.factors[row.profile as usize];
            add(row, &dv, &f, &f, kp, kq, x);
        }
        for (row, z) in &self.zip {
            let (dv, v2) = across(row, v);
            let (i, p) = if within(row, &v2) {
                (each::<K>(|t| row.inverse_b / v2[t].sqrt()), each::<K>(|t| 1.0 / v2[t]))
            } else {
                (each::<K>(|t| current_outside(row, v2[t])), each::<K>(|t| power_outside(row, v2[t])))
            };
            // At and below the low voltage all of it is an impedance.
            let share =
                |k: usize| each(|t| if v2[t] <= row.low_v2 { row.unit } else { z[k] * row.unit + z[k + 1] * i[t] + z[k + 2] * p[t] });
            let (kp, kq) = &values.factors[row.profile as usize];
            add(row, &dv, &share(0), &share(3), kp, kq, x);
        }
        for (row, series) in &self.cvr {
            let (dv, v2) = across(row, v);
            let model = &models[row.load as usize];
            let c = &self.series[*series as usize];
            let (mut p, mut q) = ([c.p[TERMS - 1]; K], [c.q[TERMS - 1]; K]);
            for k in (0..TERMS - 1).rev() {
                for t in 0..K {
                    let at = v2[t] * row.unit - 1.0;
                    p[t] = p[t] * at + c.p[k];
                    q[t] = q[t] * at + c.q[k];
                }
            }
            let (mut fp, mut fq) = (each(|t| p[t] * row.unit), each(|t| q[t] * row.unit));
            let mut near = true;
            for v2 in &v2 {
                near &= (v2 * row.unit - 1.0).abs() <= SERIES_REACH;
            }
            if !(near && within(row, &v2)) {
                exponential_outside(row, model, &v2, &mut fp, &mut fq);
            }
            let (kp, kq) = &values.factors[row.profile as usize];
            add(row, &dv, &fp, &fq, kp, kq, x);
        }
        for ((k, nodes), states) in self.other.iter().zip(&values.other) {
            let model = &models[*k as usize];
            for &(a, b) in &model.branches.pairs {
                let (a, b) = (nodes[a as usize] as usize, nodes[b as usize] as usize);
                for t in 0..K {
                    let dv = v[a].get(t) - v[b].get(t);
                    let i = (states[t].y_matrix - model.admittance(&states[t], dv.norm_sqr())) * dv;
                    x[a].set(t, x[a].get(t) + i);
                    x[b].set(t, x[b].get(t) - i);
                }
            }
        }
        for &(n, y) in &self.neutrals {
            let v = v[n as usize];
            let x = &mut x[n as usize];
            for t in 0..K {
                x.re[t] += y.re * v.re[t] - y.im * v.im[t];
                x.im[t] += y.re * v.im[t] + y.im * v.re[t];
            }
        }
    }
}

#[inline(always)]
fn each<const K: usize>(value: impl Fn(usize) -> f64) -> [f64; K] {
    let mut out = [0.0; K];
    for (t, out) in out.iter_mut().enumerate() {
        *out = value(t);
    }
    out
}

/// Voltage across a branch, and its square.
#[inline(always)]
fn across<const K: usize>(row: &Row, v: &[Lanes<K>]) -> (Lanes<K>, [f64; K]) {
    let (a, b) = (&v[row.from as usize], &v[row.to as usize]);
    let mut dv = Lanes::ZERO;
    let mut v2 = [0.0; K];
    for t in 0..K {
        dv.re[t] = a.re[t] - b.re[t];
        dv.im[t] = a.im[t] - b.im[t];
        v2[t] = dv.re[t] * dv.re[t] + dv.im[t] * dv.im[t];
    }
    (dv, v2)
}

/// Whether all lanes are within the voltage limits.
#[inline(always)]
fn within<const K: usize>(row: &Row, v2: &[f64; K]) -> bool {
    let floor = row.min_v2.max(row.low_v2);
    let mut inside = true;
    for t in 0..K {
        inside &= (v2[t] > floor) & (v2[t] <= row.max_v2);
    }
    inside
}

/// `f` of constant power at any voltage.
#[inline(always)]
fn power_outside(row: &Row, v2: f64) -> f64 {
    if v2 <= row.low_v2 {
        row.unit
    } else if v2 <= row.min_v2 {
        let v = v2.sqrt();
        row.unit * (row.low_v + row.slope * (v - row.low_v)) / v
    } else if v2 > row.max_v2 {
        row.unit * row.max
    } else {
        1.0 / v2
    }
}

/// `f` of constant current at any voltage.
#[inline(always)]
fn current_outside(row: &Row, v2: f64) -> f64 {
    let v = v2.sqrt();
    if v2 <= row.low_v2 {
        row.unit
    } else if v2 <= row.min_v2 {
        row.unit * (row.low_v + row.slope_i * (v - row.low_v)) / v
    } else if v2 > row.max_v2 {
        row.unit * row.max_i
    } else {
        row.inverse_b / v
    }
}

/// Corrects `f` of P and of Q of model 4 in lanes outside the voltage limits or the reach of the series.
#[inline(always)]
fn exponential_outside<const K: usize>(row: &Row, model: &LoadModel, v2: &[f64; K], fp: &mut [f64; K], fq: &mut [f64; K]) {
    let floor = row.min_v2.max(row.low_v2);
    for t in 0..K {
        if !(v2[t] > floor && v2[t] <= row.max_v2) {
            fp[t] = power_outside(row, v2[t]);
            fq[t] = fp[t];
        } else if (v2[t] * row.unit - 1.0).abs() > SERIES_REACH {
            let (a, b) = model.cvr_exponents;
            let r2 = v2[t] * row.unit;
            (fp[t], fq[t]) = (r2.powf(a / 2.0) / v2[t], r2.powf(b / 2.0) / v2[t]);
        }
    }
}

/// Adds `(y - (P f_P - j Q f_Q)) dv` to the branch's nodes.
#[inline(always)]
fn add<const K: usize>(row: &Row, dv: &Lanes<K>, fp: &[f64; K], fq: &[f64; K], kp: &[f64; K], kq: &[f64; K], x: &mut [Lanes<K>]) {
    let mut i = Lanes::<K>::ZERO;
    for t in 0..K {
        let g = row.y.re - row.p * kp[t] * fp[t];
        let b = row.y.im + row.q * kq[t] * fq[t];
        i.re[t] = g * dv.re[t] - b * dv.im[t];
        i.im[t] = g * dv.im[t] + b * dv.re[t];
    }
    let to = &mut x[row.from as usize];
    for t in 0..K {
        to.re[t] += i.re[t];
        to.im[t] += i.im[t];
    }
    if row.to != 0 {
        let to = &mut x[row.to as usize];
        for t in 0..K {
            to.re[t] -= i.re[t];
            to.im[t] -= i.im[t];
        }
    }
}
