//! What direct-current links draw from the buses they join, as functions of the voltages there.
//!
//! **Line-commutated converters** (Kundur, *Power System Stability and Control*, ch. 10). With `N` bridges in series, commutating
//! resistance `Rc` and reactance `Xc` of a bridge, bus voltage `v` per unit, direct current `I`:
//!
//! ```text
//! E   = kv_base v ratio / tap                      valve side, line to line
//! Vd0 = N (3 √2 / π) E
//! rectifier  Vd = Vd0 cos α - N (3 Xc / π + 2 Rc) I
//! inverter   Vd = Vd0 cos γ - N (3 Xc / π - 2 Rc) I
//! overlap    cos(α + u) = cos α - √2 I Xc / E
//! tan φ = (2u + sin 2α - sin 2(α + u)) / (cos 2α - cos 2(α + u))
//! ```
//!
//! and the same with γ. Both kinds draw reactive power `|P| tan φ`. The inverter holds the scheduled voltage at the compounding point,
//! `Vdi + I Rcomp = Vsched`, the line adds `Vdr = Vdi + Rdc I`, and the ordered power or current gives `I`:
//!
//! ```text
//! power at the rectifier   (Vsched + (Rdc - Rcomp) I) I = P
//! power at the inverter    (Vsched - Rcomp I) I = P
//! ```
//!
//! Where the extinction angle would fall below its least value, the inverter stays there and the voltage follows; where the firing angle
//! would, the rectifier stays there and the inverter takes over the current at the order less its margin.
//!
//! **Several terminals**: the same converters on a network of resistances, one of them (or one a pole) holding the voltage.
//!
//! **Voltage-source converters**: one end holds the direct voltage, the other the power it exchanges with its bus. Each loses
//! `A + B |I|`, at least a minimum; the line loses `R I²`. Reactive power is that of the power factor, or whatever holds a voltage.

use super::small::solve_dense;
use network::{DcControl, LccConverter, MultiTerminalDc, TwoTerminalDc, VscDc};
use num_complex::Complex64;
use serde::Serialize;
use std::f64::consts::{PI, SQRT_2};

/// Why a link has no operating point.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DcFault {
    pub reason: String,
}

fn fault(reason: impl Into<String>) -> DcFault {
    DcFault { reason: reason.into() }
}

/// How a converter runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ConverterState {
    /// Power drawn from the bus, MW and Mvar.
    pub p_mw: f64,
    pub q_mvar: f64,
    /// Voltage and current of the direct-current side.
    pub v_dc_kv: f64,
    pub i_dc_a: f64,
    /// Firing or extinction angle, degrees; not for voltage-source converters.
    pub angle_deg: Option<f64>,
    /// The angle stands at its least value, or lies beyond its greatest.
    pub at_limit: bool,
    /// The voltage of the bus is too low for the order at any angle: a point on the way of an iteration, never of a solution.
    pub lacks_voltage: bool,
}

const OUT: ConverterState =
    ConverterState { p_mw: 0.0, q_mvar: 0.0, v_dc_kv: 0.0, i_dc_a: 0.0, angle_deg: None, at_limit: false, lacks_voltage: false };

/// A converter at a bus voltage.
struct Bridge {
    /// kV.
    e: f64,
    vd0: f64,
    n: f64,
    r: f64,
    x: f64,
    cos_at_least_angle: f64,
    cos_at_greatest_angle: f64,
}

impl Bridge {
    fn new(c: &LccConverter, tap: f64, v_pu: f64) -> Result<Self, DcFault> {
        let e = c.kv_base * v_pu * c.transformer_ratio / tap;
        let n = f64::from(c.n_bridges);
        if !(e > 0.0 && e.is_finite() && n > 0.0) {
            return Err(fault("a converter has no bridges, no base voltage or no transformer ratio"));
        }
        // With a commutating capacitor the angle at the bus may be smaller than that of the valves, which the limit is of.
        let least = if c.x_capacitor_ohm == 0.0 { c.angle_min_deg.to_radians().cos() } else { 1.0 };
        let greatest = c.angle_max_deg.to_radians().cos();
        Ok(Self {
            e,
            vd0: n * 3.0 * SQRT_2 / PI * e,
            n,
            r: c.r_ohm,
            x: c.x_ohm,
            cos_at_least_angle: least,
            cos_at_greatest_angle: greatest,
        })
    }

    /// Ohms by which the direct voltage falls with the current.
    fn drop(&self, rectifier: bool) -> f64 {
        self.n * (3.0 * self.x / PI + if rectifier { 2.0 * self.r } else { -2.0 * self.r })
    }

    /// The operating point at `vd` kV and `i` kA; `cosine` of the angle where it is known to stand at its limit.
    fn state(&self, rectifier: bool, vd: f64, i: f64, cosine: Option<f64>) -> Result<ConverterState, DcFault> {
        let cosine_free = (vd + self.drop(rectifier) * i) / self.vd0;
        let cosine = cosine.unwrap_or(cosine_free);
        if !(-1.0..=1.0).contains(&cosine) {
            return Err(fault(format!("a converter would need an angle whose cosine is {cosine:.3}")));
        }
        let alpha = cosine.acos();
        let after = cosine - SQRT_2 * i * self.x / self.e;
        if after < -1.0 {
            return Err(fault("the commutation of a converter does not end within half a cycle"));
        }
        let u = after.acos() - alpha;
        let tan_phi = if u > 1e-6 {
            (2.0 * u + (2.0 * alpha).sin() - (2.0 * (alpha + u)).sin()) / ((2.0 * alpha).cos() - (2.0 * (alpha + u)).cos())
        } else {
            alpha.tan()
        };
        // The commutating resistance lies between the bus and the direct side; two valves carry the current in every bridge.
        let p = if rectifier { vd * i + 2.0 * self.n * self.r * i * i } else { vd * i - 2.0 * self.n * self.r * i * i };
        let at_limit = cosine >= self.cos_at_least_angle - 1e-12 || cosine < self.cos_at_greatest_angle - 1e-9;
        Ok(ConverterState {
            p_mw: if rectifier { p } else { -p },
            q_mvar: (p * tan_phi).abs(),
            v_dc_kv: vd,
            i_dc_a: i * 1e3,
            angle_deg: Some(alpha.to_degrees()),
            at_limit,
            lacks_voltage: false,
        })
    }
}

/// Smaller current of `a i² + b i = p`, kA.
fn current_of_power(a: f64, b: f64, p: f64) -> Result<f64, DcFault> {
    let square = b * b + 4.0 * a * p;
    if !(square >= 0.0 && b > 0.0) {
        return Err(fault("the ordered power exceeds what the line can carry at the scheduled voltage"));
    }
    Ok(2.0 * p / (b + square.sqrt()))
}

/// Operating point of a two-terminal link: rectifier, inverter. `taps` are those of its converters, `v_pu` the voltages of their buses.
pub fn two_terminal(dc: &TwoTerminalDc, taps: [f64; 2], v_pu: [f64; 2]) -> Result<[ConverterState; 2], DcFault> {
    if dc.control == DcControl::Blocked || dc.set_point == 0.0 {
        return Ok([OUT; 2]);
    }
    let r = Bridge::new(&dc.rectifier, taps[0], v_pu[0])?;
    let i = Bridge::new(&dc.inverter, taps[1], v_pu[1])?;
    let order = dc.set_point.abs();
    let by_current = dc.control == DcControl::Current;
    let compounding = dc.r_compounding_ohm;
    let order_current = |v_schedule: f64, rectifier_slope: f64, inverter_slope: f64| {
        if by_current {
            Ok(order / 1e3)
        } else {
            current_of_power(if dc.set_point > 0.0 { rectifier_slope } else { inverter_slope }, v_schedule, order)
        }
    };
    let mut current = order_current(dc.v_schedule_kv, dc.r_ohm - compounding, -compounding)?;
    let mut vdi = dc.v_schedule_kv - compounding * current;
    let mut inverter_cosine = None;
    if (vdi + i.drop(false) * current) / i.vd0 > i.cos_at_least_angle {
        // The schedule is out of reach: least extinction angle.
        let v0 = i.vd0 * i.cos_at_least_angle;
        current = order_current(v0, dc.r_ohm - i.drop(false), -i.drop(false))?;
        vdi = v0 - i.drop(false) * current;
        inverter_cosine = Some(i.cos_at_least_angle);
    }
    if !by_current && vdi < dc.v_mode_switch_kv {
        // Too low a voltage to hold the power: the current that the power asks for at the scheduled voltage is held instead.
        current = order / dc.v_schedule_kv;
        vdi = if inverter_cosine.is_some() {
            i.vd0 * i.cos_at_least_angle - i.drop(false) * current
        } else {
            dc.v_schedule_kv - compounding * current
        };
    }
    let vdr = vdi + dc.r_ohm * current;
    if (vdr + r.drop(true) * current) / r.vd0 > r.cos_at_least_angle {
        // The rectifier cannot drive the order: least firing angle, and the inverter holds the current at the order less its margin.
        let current = current * (1.0 - dc.current_margin.clamp(0.0, 1.0));
        let vdr = r.vd0 * r.cos_at_least_angle - r.drop(true) * current;
        let vdi = vdr - dc.r_ohm * current;
        if vdi <= 0.0 {
            return Err(fault("the rectifier's voltage does not reach across the line"));
        }
        // Where the inverter lacks voltage too, nothing holds the current.
        let lacks_voltage = (vdi + i.drop(false) * current) / i.vd0 > i.cos_at_least_angle + 1e-9;
        let cosine = lacks_voltage.then_some(i.cos_at_least_angle);
        let inverter = i.state(false, vdi, current, cosine)?;
        return Ok([r.state(true, vdr, current, Some(r.cos_at_least_angle))?, ConverterState { lacks_voltage, ..inverter }]);
    }
    Ok([r.state(true, vdr, current, None)?, i.state(false, vdi, current, inverter_cosine)?])
}

/// Tap at which the angle of a converter comes within its range at the direct voltage `v_wish_kv`, or nothing where it is in range or no tap can.
pub fn better_tap(c: &LccConverter, tap: f64, v_pu: f64, v_wish_kv: f64, state: &ConverterState) -> Option<f64> {
    let angle = state.angle_deg?;
    if !state.at_limit || c.tap_step <= 0.0 || state.i_dc_a <= 0.0 {
        return None;
    }
    let rectifier = state.p_mw > 0.0;
    let bridge = Bridge::new(c, tap, v_pu).ok()?;
    let goal = if angle <= c.angle_min_deg + 1e-6 { bridge.cos_at_least_angle } else { bridge.cos_at_greatest_angle };
    let needed = (v_wish_kv.max(state.v_dc_kv) + bridge.drop(rectifier) * state.i_dc_a / 1e3) / goal;
    let wish = tap * bridge.vd0 / needed;
    // At the least angle more voltage is wanted, which is a smaller tap; beyond the greatest one a larger tap.
    let steps = (wish - c.tap_min) / c.tap_step;
    let steps = if angle <= c.angle_min_deg + 1e-6 {
        (steps - 1e-9).floor().min(((tap - c.tap_min) / c.tap_step).round() - 1.0)
    } else {
        (steps + 1e-9).ceil()
    };
    let new = (c.tap_min + steps * c.tap_step).clamp(c.tap_min.min(c.tap_max), c.tap_max.max(c.tap_min));
    ((new - tap).abs() > 1e-9).then_some(new)
}

/// What holds the voltage and what the power of a link of voltage-source converters, and what the ends exchange with their buses.
///
/// `q_mvar` is what each end injects where it holds a voltage; it enters no loss.
pub fn voltage_source(dc: &VscDc) -> Result<[ConverterState; 2], DcFault> {
    let c = &dc.converters;
    if c.iter().all(|c| c.dc_mode == 0) {
        return Ok([OUT; 2]);
    }
    let mut states = [OUT; 2];
    if c.iter().all(|c| c.dc_mode != 0) {
        let (holder, other) = match (c[0].dc_mode, c[1].dc_mode) {
            (1, 2) => (0, 1),
            (2, 1) => (1, 0),
            _ => return Err(fault("one of its ends must hold the direct voltage and the other the power")),
        };
        let v = c[holder].dc_set;
        if !(v > 0.0 && v.is_finite()) {
            return Err(fault("the direct voltage that it is to hold is not positive"));
        }
        let loss_mw =
            |k: usize, i_ka: f64| ((c[k].loss_fixed_kw + c[k].loss_kw_per_a * i_ka.abs() * 1e3) / 1e3).max(c[k].loss_min_kw / 1e3);
        // Current from the end that holds the power to the other one; losses depend on it weakly.
        let mut i = 0.0f64;
        for _ in 0..100 {
            let into_line = -c[other].dc_set - loss_mw(other, i);
            let square = v * v + 4.0 * dc.r_ohm * into_line;
            if square < 0.0 {
                return Err(fault("its resistance does not let the ordered power through"));
            }
            let next = 2.0 * into_line / (v + square.sqrt());
            let change = (next - i).abs();
            i = next;
            if change < 1e-12 * (1.0 + i.abs()) {
                break;
            }
        }
        states[other] = ConverterState { p_mw: -c[other].dc_set, v_dc_kv: v + dc.r_ohm * i, i_dc_a: i * 1e3, ..OUT };
        states[holder] = ConverterState { p_mw: -(v * i - loss_mw(holder, i)), v_dc_kv: v, i_dc_a: -i * 1e3, ..OUT };
    }
    for (s, c) in states.iter_mut().zip(c) {
        if c.dc_mode != 0 && c.ac_mode == 2 {
            if !(c.ac_set.abs() <= 1.0 && c.ac_set != 0.0) {
                return Err(fault(format!("a power factor of {} is none", c.ac_set)));
            }
            // A positive factor gives and takes reactive power in the direction of the active, as a load does.
            let q = -s.p_mw * c.ac_set.abs().acos().tan() * c.ac_set.signum();
            let q_in_range = if c.q_min_mvar <= c.q_max_mvar { q.clamp(c.q_min_mvar, c.q_max_mvar) } else { q };
            s.q_mvar = -q_in_range;
            s.at_limit = q_in_range != q;
        }
        let s_mva = s.p_mw.hypot(s.q_mvar);
        s.at_limit |= c.s_max_mva > 0.0 && s_mva > c.s_max_mva;
    }
    Ok(states)
}

/// Operating points of the converters of a multi-terminal network, in their order.
pub fn multi_terminal(dc: &MultiTerminalDc, v_pu: &[f64]) -> Result<Vec<ConverterState>, DcFault> {
    let n_converters = dc.converters.len();
    if dc.control == DcControl::Blocked {
        return Ok(vec![OUT; n_converters]);
    }
    if dc.common.terminals.len() < n_converters || v_pu.len() < n_converters {
        return Err(fault("a converter has no bus"));
    }
    let index_of = |number: u32| dc.buses.iter().position(|b| b.number == number);
    let n_buses = dc.buses.len();
    // Where each converter stands: its bus, and the bus of its other pole, which is the earth unless told.
    let mut place = Vec::with_capacity(n_converters);
    let mut is_return = vec![false; n_buses];
    for t in &dc.common.terminals[..n_converters] {
        let at = dc
            .buses
            .iter()
            .position(|b| b.ac_bus == Some(t.bus))
            .ok_or_else(|| fault("a converter stands at no bus of the direct-current network"))?;
        let second = match dc.buses[at].second_bus {
            0 => None,
            number => {
                let k = index_of(number).ok_or_else(|| fault(format!("bus {number} of the direct-current network does not exist")))?;
                is_return[k] = true;
                Some(k)
            }
        };
        place.push((at, second));
    }
    // Unknowns: bus voltages (kV), then converter currents into the first bus (kA).
    let n = n_buses + n_converters;
    let mut y = vec![0.0; n_buses * n_buses];
    for l in &dc.links {
        let (a, b) = match (index_of(l.from), index_of(l.to)) {
            (Some(a), Some(b)) if a != b => (a, b),
            _ => return Err(fault(format!("line {}-{} of the direct-current network joins no two of its buses", l.from, l.to))),
        };
        if !(l.r_ohm > 0.0 && l.r_ohm.is_finite()) {
            return Err(fault(format!("line {}-{} of the direct-current network has no resistance", l.from, l.to)));
        }
        let g = 1.0 / l.r_ohm;
        y[a * n_buses + a] += g;
        y[b * n_buses + b] += g;
        y[a * n_buses + b] -= g;
        y[b * n_buses + a] -= g;
    }
    let mut solid = vec![false; n_buses];
    for (k, b) in dc.buses.iter().enumerate() {
        if is_return[k] {
            if b.r_ground_ohm > 0.0 { y[k * n_buses + k] += 1.0 / b.r_ground_ohm } else { solid[k] = true }
        }
    }
    let holds = |k: usize| {
        let bus = dc.common.terminals[k].bus;
        dc.voltage_bus == Some(bus) || dc.negative_voltage_bus == Some(bus)
    };
    let scheduled = (0..n_converters).filter(|&k| holds(k)).map(|k| dc.converters[k].set_point.abs()).fold(0.0, f64::max);
    if scheduled <= 0.0 {
        return Err(fault("no converter holds the direct voltage"));
    }
    let mut x = vec![0.0; n];
    for (k, value) in x[..n_buses].iter_mut().enumerate() {
        *value = if solid[k] || is_return[k] { 0.0 } else { scheduled };
    }
    // Signs of a pole: where the negative pole's holder says a negative voltage, its pole starts there.
    for k in (0..n_converters).filter(|&k| holds(k)) {
        x[place[k].0] = dc.converters[k].set_point;
    }
    for k in 0..n_converters {
        let v = x[place[k].0] - place[k].1.map_or(0.0, |s| x[s]);
        x[n_buses + k] = if holds(k) || v == 0.0 { 0.0 } else { dc.converters[k].set_point / v };
    }
    let mut settled = false;
    for _ in 0..50 {
        let mut jacobian = vec![0.0; n * n];
        let mut f = vec![0.0; n];
        for a in 0..n_buses {
            if solid[a] {
                jacobian[a * n + a] = 1.0;
                f[a] = x[a];
                continue;
            }
            for b in 0..n_buses {
                jacobian[a * n + b] += y[a * n_buses + b];
                f[a] += y[a * n_buses + b] * x[b];
            }
        }
        for (k, c) in dc.converters.iter().enumerate() {
            let (at, second) = place[k];
            let row = n_buses + k;
            let (v, i) = (x[at] - second.map_or(0.0, |s| x[s]), x[row]);
            if !solid[at] {
                f[at] -= i;
                jacobian[at * n + row] -= 1.0;
            }
            if let Some(s) = second.filter(|&s| !solid[s]) {
                f[s] += i;
                jacobian[s * n + row] += 1.0;
            }
            let (by_v, by_i, value) = if holds(k) {
                (1.0, 0.0, v - c.set_point)
            } else if dc.control == DcControl::Current {
                (0.0, 1.0, i - c.set_point / 1e3)
            } else {
                (i, v, v * i - c.set_point)
            };
            f[row] = value;
            jacobian[row * n + at] += by_v;
            if let Some(s) = second {
                jacobian[row * n + s] -= by_v;
            }
            jacobian[row * n + row] += by_i;
        }
        settled = f.iter().all(|f| f.abs() < 1e-10 * (1.0 + scheduled));
        if settled {
            break;
        }
        f.iter_mut().for_each(|f| *f = -*f);
        if !solve_dense(&mut jacobian, &mut f) {
            return Err(fault(
                "the direct-current network has no solution: a part of it has no earth or no converter that holds the voltage",
            ));
        }
        x.iter_mut().zip(&f).for_each(|(x, dx)| *x += dx);
    }
    if !settled {
        return Err(fault("the direct-current network did not settle"));
    }
    let mut states = Vec::with_capacity(n_converters);
    for (k, c) in dc.converters.iter().enumerate() {
        let (at, second) = place[k];
        let v = x[at] - second.map_or(0.0, |s| x[s]);
        let i = x[n_buses + k];
        let rectifier = v * i >= 0.0;
        let bridge = Bridge::new(&c.converter, c.converter.tap, v_pu[k])?;
        let cosine = (v.abs() + bridge.drop(rectifier) * i.abs()) / bridge.vd0;
        let beyond = cosine > bridge.cos_at_least_angle;
        let lacks_voltage = cosine > 1.0;
        let mut state = bridge.state(rectifier, v.abs(), i.abs(), lacks_voltage.then_some(bridge.cos_at_least_angle))?;
        state.lacks_voltage = lacks_voltage;
        state.v_dc_kv = v;
        state.i_dc_a = i * 1e3;
        state.at_limit |= beyond;
        states.push(state);
    }
    Ok(states)
}

/// The power that a state injects into its bus, per unit.
pub fn injection(state: &ConverterState, s_base_mva: f64) -> Complex64 {
    -Complex64::new(state.p_mw, state.q_mvar) / s_base_mva
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::{Common, VscConverter};

    fn converter(angle_min_deg: f64, x_ohm: f64, kv_base: f64, ratio: f64, tap: f64) -> LccConverter {
        LccConverter {
            n_bridges: 2,
            angle_max_deg: 25.0,
            angle_min_deg,
            r_ohm: 0.0,
            x_ohm,
            kv_base,
            transformer_ratio: ratio,
            tap,
            tap_max: 1.2,
            tap_min: 0.8,
            tap_step: 0.00625,
            firing_bus: None,
            firing_node: 0,
            transformer: None,
            x_capacitor_ohm: 0.0,
        }
    }

    fn link() -> TwoTerminalDc {
        TwoTerminalDc {
            common: Common::new("dc", 3),
            label: String::new(),
            control: DcControl::Power,
            r_ohm: 5.0,
            set_point: 400.0,
            v_schedule_kv: 400.0,
            v_mode_switch_kv: 0.0,
            r_compounding_ohm: 0.0,
            current_margin: 0.1,
            metered: 'I',
            v_min_kv: 0.0,
            ccc_max_iterations: 20,
            ccc_acceleration: 1.0,
            rectifier: converter(8.0, 6.0, 400.0, 0.4, 1.0),
            inverter: converter(15.0, 6.0, 400.0, 0.42, 1.0),
        }
    }

    #[test]
    fn a_link_balances_and_obeys_its_orders() {
        let dc = link();
        let [r, i] = two_terminal(&dc, [1.0, 1.0], [1.0, 1.0]).unwrap();
        assert!((r.p_mw - 400.0).abs() < 1e-9, "{r:?}");
        assert!((i.v_dc_kv - 400.0).abs() < 1e-9);
        let current = r.i_dc_a / 1e3;
        assert!((r.p_mw + i.p_mw - 5.0 * current * current).abs() < 1e-9);
        assert!(r.q_mvar > 0.0 && i.q_mvar > 0.0 && !r.at_limit && !i.at_limit, "{r:?} {i:?}");
        let mut at_inverter = dc.clone();
        at_inverter.set_point = -400.0;
        assert!((two_terminal(&at_inverter, [1.0, 1.0], [1.0, 1.0]).unwrap()[1].p_mw + 400.0).abs() < 1e-9);
        let mut by_current = dc;
        (by_current.control, by_current.set_point) = (DcControl::Current, 900.0);
        assert!((two_terminal(&by_current, [1.0, 1.0], [1.0, 1.0]).unwrap()[0].i_dc_a - 900.0).abs() < 1e-9);
    }

    /// Without overlap the current lags by the firing angle; with it the power factor is about the mean of both cosines.
    #[test]
    fn power_factor_of_a_converter() {
        let mut dc = link();
        (dc.rectifier.x_ohm, dc.inverter.x_ohm) = (0.0, 0.0);
        let [r, _] = two_terminal(&dc, [1.0, 1.0], [1.0, 1.0]).unwrap();
        assert!((r.q_mvar / r.p_mw - r.angle_deg.unwrap().to_radians().tan()).abs() < 1e-9);
        let dc = link();
        let [r, _] = two_terminal(&dc, [1.0, 1.0], [1.0, 1.0]).unwrap();
        let e = 400.0 * 0.4;
        let cosine = r.angle_deg.unwrap().to_radians().cos();
        let mean = (cosine + cosine - SQRT_2 * r.i_dc_a / 1e3 * 6.0 / e) / 2.0;
        let factor = r.p_mw / r.p_mw.hypot(r.q_mvar);
        assert!((factor - mean).abs() < 0.01, "{factor} {mean}");
    }

    #[test]
    fn low_voltage_moves_the_control_to_the_least_angles() {
        let dc = link();
        let [r, i] = two_terminal(&dc, [1.0, 1.0], [1.0, 0.9]).unwrap();
        assert!((i.angle_deg.unwrap() - 15.0).abs() < 1e-9 && i.at_limit);
        assert!(i.v_dc_kv < 400.0 && (r.p_mw - 400.0).abs() < 1e-9);
        let [r, i] = two_terminal(&dc, [1.0, 1.0], [0.93, 1.0]).unwrap();
        assert!((r.angle_deg.unwrap() - 8.0).abs() < 1e-9 && r.at_limit);
        assert!(r.i_dc_a < 0.95e3 && i.v_dc_kv < 400.0);
        assert!(better_tap(&dc.rectifier, 1.0, 0.93, 405.0, &r).unwrap() < 1.0);
        // The inverter takes its voltage down to hold the current, far beyond its angles, and that is told.
        let [r, i] = two_terminal(&dc, [1.0, 1.0], [0.3, 1.0]).unwrap();
        assert!(r.at_limit && i.at_limit && i.angle_deg.unwrap() > 60.0 && i.v_dc_kv < 0.4 * 400.0);
        assert!(two_terminal(&dc, [1.0, 1.0], [0.01, 1.0]).is_err());
        assert!(two_terminal(&dc, [1.0, 1.0], [0.9, 0.5]).unwrap()[1].q_mvar > 0.0);
    }

    fn vsc(dc_mode: i32, dc_set: f64) -> VscConverter {
        VscConverter {
            dc_mode,
            ac_mode: 2,
            dc_set,
            ac_set: 0.95,
            loss_fixed_kw: 1161.0,
            loss_kw_per_a: 3.08,
            loss_min_kw: 0.0,
            s_max_mva: 0.0,
            i_max_a: 0.0,
            power_weight: 1.0,
            q_max_mvar: 9999.0,
            q_min_mvar: -9999.0,
            regulated_bus: None,
            regulated_node: 0,
            share_pct: 100.0,
        }
    }

    #[test]
    fn voltage_source_ends_lose_what_their_data_say() {
        let dc = VscDc {
            common: Common::new("v", 3),
            label: String::new(),
            in_service: true,
            r_ohm: 0.0,
            owners: Vec::new(),
            converters: [vsc(2, -100.0), vsc(1, 640.0)],
        };
        let [a, b] = voltage_source(&dc).unwrap();
        assert!((a.p_mw - 100.0).abs() < 1e-12);
        // Two ends at about 155 A: 1161 kW and 3.08 kW/A each.
        let i = a.i_dc_a;
        assert!((a.p_mw + b.p_mw - 2.0 * (1.161 + 3.08e-3 * i)).abs() < 1e-9, "{a:?} {b:?}");
        assert!((i - (100.0 - 1.161 - 3.08e-3 * i) / 640.0 * 1e3).abs() < 1e-6);
        assert!((a.q_mvar - 100.0 * 0.95f64.acos().tan()).abs() < 1e-9);
        let both = VscDc { converters: [vsc(2, -100.0), vsc(2, 100.0)], ..dc };
        assert!(voltage_source(&both).is_err());
    }
}
