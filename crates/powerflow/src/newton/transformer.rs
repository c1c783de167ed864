//! Admittances of transmission transformers in every code of their data.
//!
//! Two windings, ideal ratios `t1` (with the phase shift `a`, winding 1 leading) at bus 1 and `t2` at bus 2, `y = 1 / z` between them and the
//! magnetising branch `ym` at bus 1, outside the ratio. With `T = t1 exp(j a)`:
//!
//! ```text
//! i1 = (y / t1² + ym) v1  -  y / (conj(T) t2) v2
//! i2 =  y / t2²       v2  -  y / (T t2)       v1
//! ```
//!
//! Three windings are three such legs with `t2 = 1` that meet in a star point; with the pair impedances `z12, z23, z31`
//!
//! ```text
//! z1 = (z12 + z31 - z23) / 2    z2 = (z12 + z23 - z31) / 2    z3 = (z23 + z31 - z12) / 2
//! ```
//!
//! of which one may be negative. Codes (the data format of PSS/E, its *Program Operation Manual*, "transformer data"):
//!
//! ```text
//! ratio       BusBase         t = ratio
//!             Kilovolt        t = ratio / kv_bus
//!             NominalVoltage  t = ratio kv_nominal / kv_bus
//! impedance   SystemBase      z = r + jx
//!             WindingBase     z = (r + jx) (s_base / s_winding)
//!             LossAndMagnitude  r_w = W / 1e6 / s_winding, x_w = sqrt(|z|² - r_w²), then as WindingBase
//! magnetising SystemBase      ym = mag1 + j mag2
//!             LossAndCurrent  g = W / 1e6 / s_base, |y| = current s_winding / s_base, b = -sqrt(|y|² - g²), times (kv_bus / kv_nominal)²
//! ```
//!
//! `z` stands between the two ratios, so that it is `z t²` of a bus's base seen from there. A winding at its nominal voltage has `t = kv_nominal / kv_bus`, and
//! an impedance per unit of that voltage is `z (kv_nominal / kv_bus)²` of the bus's base: the ratio has the square already, and the nominal voltage has no
//! other part in the impedance (`cases/transmission/windings_off_base`).
//!
//! A correction table multiplies the impedance by what it says at the present ratio or angle, linearly between its points and
//! constant beyond them.

use network::{
    ImpedanceCode, ImpedanceCorrection, MagnetisingCode, PowerTransformer, PowerWinding, RatioCode, TransformerStatus, WindingControlMode,
};
use num_complex::Complex64;

/// The four admittances of a two-port, per unit: currents into it at its two ends over the voltages there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoPort {
    pub y11: Complex64,
    pub y12: Complex64,
    pub y21: Complex64,
    pub y22: Complex64,
}

impl TwoPort {
    /// Series impedance `z`, shunts at the two ends.
    pub fn pi(z: Complex64, shunt_1: Complex64, shunt_2: Complex64) -> Self {
        let y = z.inv();
        Self { y11: y + shunt_1, y12: -y, y21: -y, y22: y + shunt_2 }
    }

    /// Powers into the two ends, per unit, at voltages `v1` and `v2`.
    pub fn powers(&self, v1: Complex64, v2: Complex64) -> [Complex64; 2] {
        [v1 * (self.y11 * v1 + self.y12 * v2).conj(), v2 * (self.y21 * v1 + self.y22 * v2).conj()]
    }
}

/// One leg with everything in per unit: what a tap changes is `ratio` and `angle_rad`.
#[derive(Clone, Debug, PartialEq)]
pub struct Leg {
    pub ratio: f64,
    pub angle_rad: f64,
    pub far_ratio: f64,
    /// At a correction factor of 1.
    pub z: Complex64,
    pub magnetising: Complex64,
    /// Index of its correction table.
    pub correction: Option<usize>,
}

impl Leg {
    pub fn two_port(&self, tables: &[ImpedanceCorrection]) -> TwoPort {
        let factor = self.correction.and_then(|i| tables.get(i)).map_or(Complex64::ONE, |t| self.factor(t));
        let y = (self.z * factor).inv();
        let t = Complex64::from_polar(self.ratio, self.angle_rad);
        TwoPort {
            y11: y / (self.ratio * self.ratio) + self.magnetising,
            y12: -y / (t.conj() * self.far_ratio),
            y21: -y / (t * self.far_ratio),
            y22: y / (self.far_ratio * self.far_ratio),
        }
    }

    fn factor(&self, table: &ImpedanceCorrection) -> Complex64 {
        correction_factor(table, if is_of_angle(table) { self.angle_rad.to_degrees() } else { self.ratio })
    }
}

/// What is wrong with the data of a transformer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransformerFault {
    #[error("the base voltage of bus {bus} is needed for its ratio or impedance and is not given")]
    NoBaseVoltage { bus: String },
    #[error("the ratio of winding {winding} is not a positive number")]
    Ratio { winding: usize },
    #[error("the impedance between windings {from} and {to} is zero")]
    ZeroImpedance { from: usize, to: usize },
    #[error("the load loss between windings {from} and {to} exceeds what its impedance allows")]
    LossExceedsImpedance { from: usize, to: usize },
    #[error("the no-load loss exceeds what the exciting current allows")]
    LossExceedsCurrent,
    #[error("it has {windings} windings and {impedances} impedances")]
    Shape { windings: usize, impedances: usize },
    #[error("winding {winding} names the impedance correction table {table}, which does not exist")]
    NoTable { winding: usize, table: u32 },
    #[error("a value of it is not a finite number")]
    NotFinite,
}

/// Bus of a winding, as far as its codes ask.
#[derive(Clone, Debug)]
pub struct WindingBus {
    pub name: String,
    pub kv: f64,
}

/// Legs of a transformer: one of two windings, or three that meet in the star point. A leg of a winding that is out is none.
///
/// # Errors
/// `TransformerFault` when the codes cannot be carried out.
pub fn legs(
    t: &PowerTransformer,
    buses: &[WindingBus],
    s_base_mva: f64,
    tables: &[ImpedanceCorrection],
) -> Result<Vec<Option<Leg>>, TransformerFault> {
    let n = t.windings.len();
    let shape = TransformerFault::Shape { windings: n, impedances: t.impedances.len() };
    if !(n == 2 && !t.impedances.is_empty() || n == 3 && t.impedances.len() == 3) || buses.len() != n {
        return Err(shape);
    }
    let ratios = t.windings.iter().zip(buses).enumerate().map(|(i, (w, b))| ratio(t, i, w, b)).collect::<Result<Vec<f64>, _>>()?;
    let corrections = t.windings.iter().enumerate().map(|(i, w)| table_of(i, w, tables)).collect::<Result<Vec<_>, _>>()?;
    let magnetising = magnetising(t, buses, s_base_mva)?;
    if n == 2 {
        let z = pair(t, 0, s_base_mva)?;
        if z == Complex64::ZERO {
            return Err(TransformerFault::ZeroImpedance { from: 1, to: 2 });
        }
        // Winding 2 may carry an angle of its own in other formats; both act in the same way.
        let angle = (t.windings[0].angle_deg - t.windings[1].angle_deg).to_radians();
        let leg = Leg { ratio: ratios[0], angle_rad: angle, far_ratio: ratios[1], z, magnetising, correction: corrections[0] };
        return finite(vec![(t.status != TransformerStatus::Out).then_some(leg)]);
    }
    let mut z = [pair(t, 0, s_base_mva)?, pair(t, 1, s_base_mva)?, pair(t, 2, s_base_mva)?];
    let mut leg_corrections = corrections;
    if t.correct_pairs {
        for (i, c) in leg_corrections.iter_mut().enumerate() {
            if let Some(table) = c.take().and_then(|k| tables.get(k)) {
                let key = if is_of_angle(table) { t.windings[i].angle_deg } else { ratios[i] };
                z[i] *= correction_factor(table, key);
            }
        }
    }
    let star = [(z[0] + z[2] - z[1]) / 2.0, (z[0] + z[1] - z[2]) / 2.0, (z[1] + z[2] - z[0]) / 2.0];
    let out = match t.status {
        TransformerStatus::Out => return Ok(vec![None, None, None]),
        TransformerStatus::In => usize::MAX,
        TransformerStatus::WindingOut(w) => usize::from(w).wrapping_sub(1),
    };
    let legs = (0..3).map(|i| {
        // A leg of no impedance joins its bus to the star point; a trace of reactance keeps the two apart without being seen in the flows.
        let z = if star[i].norm() < LEAST_STAR_LEG { Complex64::new(0.0, LEAST_STAR_LEG) } else { star[i] };
        let magnetising = if i == 0 { magnetising } else { Complex64::ZERO };
        (i != out).then_some(Leg {
            ratio: ratios[i],
            angle_rad: t.windings[i].angle_deg.to_radians(),
            far_ratio: 1.0,
            z,
            magnetising,
            correction: leg_corrections[i],
        })
    });
    finite(legs.collect())
}

/// Least impedance of a star leg, per unit.
const LEAST_STAR_LEG: f64 = 1e-7;

fn finite(legs: Vec<Option<Leg>>) -> Result<Vec<Option<Leg>>, TransformerFault> {
    let fine = |l: &Leg| l.z.is_finite() && l.magnetising.is_finite() && l.angle_rad.is_finite();
    if legs.iter().flatten().all(fine) { Ok(legs) } else { Err(TransformerFault::NotFinite) }
}

fn ratio(t: &PowerTransformer, i: usize, w: &PowerWinding, bus: &WindingBus) -> Result<f64, TransformerFault> {
    let ratio = match t.ratio_code {
        RatioCode::BusBase => w.ratio,
        RatioCode::Kilovolt => w.ratio / base_kv(bus)?,
        RatioCode::NominalVoltage if w.kv_nominal > 0.0 => w.ratio * w.kv_nominal / base_kv(bus)?,
        RatioCode::NominalVoltage => w.ratio,
    };
    if ratio > 0.0 && ratio.is_finite() { Ok(ratio) } else { Err(TransformerFault::Ratio { winding: i + 1 }) }
}

/// Ratio per unit of one step of a control that counts in the unit of the ratio code.
pub fn control_unit(t: &PowerTransformer, w: &PowerWinding, bus: &WindingBus) -> f64 {
    match t.ratio_code {
        RatioCode::BusBase => 1.0,
        RatioCode::Kilovolt if bus.kv > 0.0 => 1.0 / bus.kv,
        RatioCode::NominalVoltage if w.kv_nominal > 0.0 && bus.kv > 0.0 => w.kv_nominal / bus.kv,
        _ => 1.0,
    }
}

fn base_kv(bus: &WindingBus) -> Result<f64, TransformerFault> {
    if bus.kv > 0.0 { Ok(bus.kv) } else { Err(TransformerFault::NoBaseVoltage { bus: bus.name.clone() }) }
}

/// `(kv_nominal / kv_bus)²`; 1 where the winding's voltage is the bus's base.
fn voltage_square(w: &PowerWinding, bus: &WindingBus) -> Result<f64, TransformerFault> {
    if w.kv_nominal > 0.0 { Ok((w.kv_nominal / base_kv(bus)?).powi(2)) } else { Ok(1.0) }
}

/// Impedance of pair `k` per unit on the system base, between the ratios.
fn pair(t: &PowerTransformer, k: usize, s_base_mva: f64) -> Result<Complex64, TransformerFault> {
    let p = &t.impedances[k];
    let s = if p.s_base_mva > 0.0 { p.s_base_mva } else { s_base_mva };
    let z = match t.impedance_code {
        ImpedanceCode::SystemBase => return Ok(Complex64::new(p.r, p.x)),
        ImpedanceCode::WindingBase => Complex64::new(p.r, p.x),
        ImpedanceCode::LossAndMagnitude => {
            let r = p.r / 1e6 / s;
            let square = p.x * p.x - r * r;
            if square < 0.0 {
                return Err(TransformerFault::LossExceedsImpedance { from: k + 1, to: (k + 1) % t.windings.len() + 1 });
            }
            Complex64::new(r, square.sqrt().copysign(p.x))
        }
    };
    Ok(z * (s_base_mva / s))
}

fn magnetising(t: &PowerTransformer, buses: &[WindingBus], s_base_mva: f64) -> Result<Complex64, TransformerFault> {
    match t.magnetising_code {
        MagnetisingCode::SystemBase => Ok(Complex64::new(t.mag1, t.mag2)),
        MagnetisingCode::LossAndCurrent => {
            let s = t.impedances.first().map_or(0.0, |p| p.s_base_mva);
            let s = if s > 0.0 { s } else { s_base_mva };
            let g = t.mag1 / 1e6 / s_base_mva;
            let y = t.mag2 * s / s_base_mva;
            let square = y * y - g * g;
            if square < -1e-12 * g * g {
                return Err(TransformerFault::LossExceedsCurrent);
            }
            Ok(Complex64::new(g, -square.max(0.0).sqrt()) / voltage_square(&t.windings[0], &buses[0])?)
        }
    }
}

fn table_of(i: usize, w: &PowerWinding, tables: &[ImpedanceCorrection]) -> Result<Option<usize>, TransformerFault> {
    match w.correction {
        0 => Ok(None),
        number => match tables.iter().position(|t| t.number == number) {
            Some(k) => Ok(Some(k)),
            None => Err(TransformerFault::NoTable { winding: i + 1, table: number }),
        },
    }
}

/// A table over ratios stays near one; one over degrees does not.
fn is_of_angle(table: &ImpedanceCorrection) -> bool {
    table.points.iter().any(|&(key, _)| !(0.0..=3.0).contains(&key))
}

fn correction_factor(table: &ImpedanceCorrection, key: f64) -> Complex64 {
    let points = &table.points;
    match points.iter().position(|p| p.0 > key) {
        None => points.last().map_or(Complex64::ONE, |p| p.1),
        Some(0) => points[0].1,
        Some(i) => {
            let ((k0, f0), (k1, f1)) = (points[i - 1], points[i]);
            if k1 > k0 { f0 + (f1 - f0) * ((key - k0) / (k1 - k0)) } else { f1 }
        }
    }
}

/// Whether a control moves the phase shift rather than the ratio.
pub fn shifts_phase(mode: WindingControlMode) -> bool {
    matches!(mode, WindingControlMode::ActiveFlow | WindingControlMode::AsymmetricActiveFlow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::{Common, PairImpedance, WindingControl};

    fn winding(ratio: f64, kv_nominal: f64, angle_deg: f64) -> PowerWinding {
        let control = WindingControl::fixed();
        PowerWinding { ratio, kv_nominal, angle_deg, ratings_mva: Vec::new(), control, correction: 0 }
    }

    fn transformer(windings: Vec<PowerWinding>, impedances: Vec<PairImpedance>) -> PowerTransformer {
        PowerTransformer {
            common: Common::new("t", 3),
            circuit: "1".into(),
            label: String::new(),
            ratio_code: RatioCode::BusBase,
            impedance_code: ImpedanceCode::SystemBase,
            magnetising_code: MagnetisingCode::SystemBase,
            mag1: 0.0,
            mag2: 0.0,
            metered: Default::default(),
            status: TransformerStatus::In,
            owners: Vec::new(),
            vector_group: String::new(),
            correct_pairs: false,
            impedances,
            v_star_pu: 1.0,
            angle_star_deg: 0.0,
            windings,
        }
    }

    fn buses(kv: &[f64]) -> Vec<WindingBus> {
        kv.iter().enumerate().map(|(i, &kv)| WindingBus { name: i.to_string(), kv }).collect()
    }

    fn close(a: Complex64, b: Complex64) {
        assert!((a - b).norm() < 1e-12 * (1.0 + b.norm()), "{a} {b}");
    }

    /// One transformer, 110/20 kV, 40 MVA, uk 12 %, 160 kW load loss, tapped to 112.2 kV, said in every code.
    #[test]
    fn every_code_says_the_same_transformer() {
        let r_winding: f64 = 160e3 / 1e6 / 40.0;
        let x_winding = (0.12f64 * 0.12 - r_winding * r_winding).sqrt();
        let b = buses(&[115.0, 21.0]);
        let z = Complex64::new(r_winding, x_winding) * 100.0 / 40.0;
        let g = 30e3 / 1e6 / 100.0 * (115.0f64 / 110.0).powi(2);
        let y_exciting = 0.008 * 40.0 / 100.0 * (115.0f64 / 110.0).powi(2);
        let b_exciting = -(y_exciting * y_exciting - g * g).sqrt();

        let mut plain = transformer(
            vec![winding(112.2 / 115.0, 0.0, 30.0), winding(20.0 / 21.0, 0.0, 0.0)],
            vec![PairImpedance { r: z.re, x: z.im, s_base_mva: 40.0 }],
        );
        plain.mag1 = g;
        plain.mag2 = b_exciting;
        let expected = legs(&plain, &b, 100.0, &[]).unwrap()[0].clone().unwrap();

        let mut kilovolt = plain.clone();
        kilovolt.ratio_code = RatioCode::Kilovolt;
        kilovolt.windings = vec![winding(112.2, 110.0, 30.0), winding(20.0, 20.0, 0.0)];
        kilovolt.impedance_code = ImpedanceCode::WindingBase;
        kilovolt.impedances[0] = PairImpedance { r: r_winding, x: x_winding, s_base_mva: 40.0 };
        kilovolt.magnetising_code = MagnetisingCode::LossAndCurrent;
        (kilovolt.mag1, kilovolt.mag2) = (30e3, 0.008);

        let mut nominal = kilovolt.clone();
        nominal.ratio_code = RatioCode::NominalVoltage;
        nominal.windings = vec![winding(1.02, 110.0, 30.0), winding(1.0, 20.0, 0.0)];
        nominal.impedance_code = ImpedanceCode::LossAndMagnitude;
        nominal.impedances[0] = PairImpedance { r: 160e3, x: 0.12, s_base_mva: 40.0 };

        for t in [kilovolt, nominal] {
            let leg = legs(&t, &b, 100.0, &[]).unwrap()[0].clone().unwrap();
            let (a, e) = (leg.two_port(&[]), expected.two_port(&[]));
            close(a.y11, e.y11);
            close(a.y12, e.y12);
            close(a.y21, e.y21);
            close(a.y22, e.y22);
        }
        // With winding 1 short, winding 2 shows 12 % of 20² / 40 ohms.
        assert!((expected.two_port(&[]).y22.inv().norm() * 21.0 * 21.0 / 100.0 - 0.12 * 20.0 * 20.0 / 40.0).abs() < 1e-12);
        // Winding 1 leads: without load the far voltage lags by the shift.
        let p = expected.two_port(&[]);
        let v2 = -p.y21 / p.y22;
        assert!((v2.arg().to_degrees() + 30.0).abs() < 1e-9);
        assert!((v2.norm() - (20.0 / 21.0) / (112.2 / 115.0)).abs() < 1e-12);
    }

    #[test]
    fn star_legs_give_back_the_pair_impedances_and_windings_go_out_of_service() {
        let z = [Complex64::new(0.001, 0.02), Complex64::new(0.002, 0.05), Complex64::new(0.003, 0.02)];
        let mut t = transformer(
            (0..3).map(|_| winding(1.0, 0.0, 0.0)).collect(),
            z.iter().map(|z| PairImpedance { r: z.re, x: z.im, s_base_mva: 100.0 }).collect(),
        );
        let b = buses(&[100.0; 3]);
        let all = legs(&t, &b, 100.0, &[]).unwrap();
        let star: Vec<Complex64> = all.iter().map(|l| l.as_ref().unwrap().z).collect();
        assert!(star[0].im < 0.0, "a negative leg is legal");
        for k in 0..3 {
            close(star[k] + star[(k + 1) % 3], z[k]);
        }
        for w in 1..=3u8 {
            t.status = TransformerStatus::WindingOut(w);
            let some: Vec<bool> = legs(&t, &b, 100.0, &[]).unwrap().iter().map(Option::is_some).collect();
            assert_eq!(some, (1..=3).map(|i| i != w).collect::<Vec<_>>());
        }
        t.status = TransformerStatus::Out;
        assert!(legs(&t, &b, 100.0, &[]).unwrap().iter().all(Option::is_none));
    }

    #[test]
    fn corrections_interpolate_over_ratio_or_angle() {
        let of_ratio = ImpedanceCorrection { number: 3, points: vec![(0.9, Complex64::new(1.2, 0.0)), (1.1, Complex64::new(0.8, 0.0))] };
        let of_angle = ImpedanceCorrection {
            number: 4,
            points: vec![(-30.0, Complex64::new(1.5, 0.1)), (0.0, Complex64::ONE), (30.0, Complex64::new(1.5, 0.0))],
        };
        let tables = [of_ratio, of_angle];
        let mut t =
            transformer(vec![winding(0.95, 0.0, -15.0), winding(1.0, 0.0, 0.0)], vec![PairImpedance { r: 0.0, x: 0.1, s_base_mva: 0.0 }]);
        t.windings[0].correction = 3;
        let port = legs(&t, &buses(&[1.0, 1.0]), 100.0, &tables).unwrap()[0].clone().unwrap().two_port(&tables);
        close(port.y22, Complex64::new(0.0, 0.1 * 1.1).inv());
        t.windings[0].correction = 4;
        let port = legs(&t, &buses(&[1.0, 1.0]), 100.0, &tables).unwrap()[0].clone().unwrap().two_port(&tables);
        close(port.y22, (Complex64::new(0.0, 0.1) * Complex64::new(1.25, 0.05)).inv());
        t.windings[0].correction = 5;
        assert_eq!(legs(&t, &buses(&[1.0, 1.0]), 100.0, &tables), Err(TransformerFault::NoTable { winding: 1, table: 5 }));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let pair = PairImpedance { r: 0.0, x: 0.0, s_base_mva: 0.0 };
        let t = transformer(vec![winding(1.0, 0.0, 0.0), winding(1.0, 0.0, 0.0)], vec![pair]);
        assert_eq!(legs(&t, &buses(&[1.0, 1.0]), 100.0, &[]), Err(TransformerFault::ZeroImpedance { from: 1, to: 2 }));
        let mut t = transformer(vec![winding(0.0, 0.0, 0.0), winding(1.0, 0.0, 0.0)], vec![PairImpedance { x: 0.1, ..pair }]);
        assert_eq!(legs(&t, &buses(&[1.0, 1.0]), 100.0, &[]), Err(TransformerFault::Ratio { winding: 1 }));
        t.windings[0].ratio = 110.0;
        t.ratio_code = RatioCode::Kilovolt;
        assert_eq!(legs(&t, &buses(&[0.0, 1.0]), 100.0, &[]), Err(TransformerFault::NoBaseVoltage { bus: "0".into() }));
        t.impedances.push(pair);
        t.windings.truncate(1);
        assert!(matches!(legs(&t, &buses(&[1.0]), 100.0, &[]), Err(TransformerFault::Shape { .. })));
    }
}
