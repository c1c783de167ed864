//! One device through time: its state, its own rule, and what it does when it is told.
//!
//! Every class has one state `x` that follows one equation while its power `p` (kW, drawn positive) is constant:
//!
//! ```text
//! dx/dt = -k x + g + β p                            k in 1/h, g in units of x per hour, β in units of x per kWh
//! x(t)  = x∞ + (x0 - x∞) e^(-k t),   x∞ = (g + β p) / k       (k = 0: x0 + (g + β p) t)
//! ∫x dt = x∞ t + (x0 - x∞) (1 - e^(-k t)) / k                 (k = 0: x0 t + (g + β p) t² / 2)
//!
//! EV             x kWh charged     k = 0, g = 0,                          β = η
//! battery        x kWh stored      k = 0, g = 0,                          β = √η charging, 1/√η discharging
//! water heater   x °C              k = (UA + m c)/C, g = (UA T_room + m c T_inlet)/C,  β = 1/C
//! HVAC           x °C              k = 1/(R C),      g = T_out/(R C) + gains/C,        β = -COP/C cooling, COP/C heating
//! ```
//!
//! `m c` is the water that is taken, kW per kelvin, constant over a step like the temperature outside. A thermostat with a dead band switches within a
//! step, at the instants at which the exponential meets its thresholds: `t = -ln((threshold - x∞)/(x0 - x∞))/k`. So nothing depends on the step but the
//! inputs. The books of a step are electric energy put into the state and energy that has left through it,
//!
//! ```text
//! stored = (x1 - x0)/β        drained = (k ∫x dt - g t)/β        electric energy = stored + drained
//! ```
//!
//! and the last line is no definition: the right side is made of states, the left of powers.

use network::flexibility::{DAY_MIN, Day, Device, Draw, HvacMode, Unit, WATER_KWH_PER_LITRE_K};

/// The equation of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Law {
    pub k: f64,
    pub g: f64,
    /// While it draws, and while it delivers.
    pub beta: f64,
    pub beta_out: f64,
    /// Greatest power drawn over the step, kW, and greatest delivered.
    pub draw_kw: f64,
    pub deliver_kw: f64,
    /// Bounds that the device itself holds: a full battery, a vehicle that has what it needs.
    pub floor: f64,
    pub ceiling: f64,
    /// Bounds that an event respects.
    pub comfort_min: f64,
    pub comfort_max: f64,
}

/// State between steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Condition {
    pub x: f64,
    /// The thermostat calls.
    pub is_on: bool,
}

/// What became of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Done {
    /// Electric, from powers.
    pub energy_kwh: f64,
    pub stored_kwh: f64,
    pub drained_kwh: f64,
}

impl Law {
    fn beta_of(&self, p_kw: f64) -> f64 {
        if p_kw < 0.0 { self.beta_out } else { self.beta }
    }

    /// State and integral of the state after `t` hours at constant power.
    fn advance(&self, x0: f64, p_kw: f64, t: f64) -> (f64, f64) {
        let drive = self.g + self.beta_of(p_kw) * p_kw;
        if self.k == 0.0 {
            return (x0 + drive * t, x0 * t + drive * t * t / 2.0);
        }
        let rest = drive / self.k;
        // 1 - e^(-kt) without cancellation.
        let decayed = -(-self.k * t).exp_m1();
        (rest + (x0 - rest) * (1.0 - decayed), rest * t + (x0 - rest) * decayed / self.k)
    }

    /// Decay of a difference of states over `t` hours, and what a kilowatt more or less changes the state by.
    pub fn response(&self, t: f64) -> (f64, f64, f64) {
        let gain = if self.k == 0.0 { t } else { -(-self.k * t).exp_m1() / self.k };
        ((-self.k * t).exp(), self.beta * gain, self.beta_out * gain)
    }

    fn run(&self, c: &mut Condition, p_kw: f64, t: f64, done: &mut Done) {
        let (x1, integral) = self.advance(c.x, p_kw, t);
        let beta = self.beta_of(p_kw);
        done.energy_kwh += p_kw * t;
        done.stored_kwh += (x1 - c.x) / beta;
        done.drained_kwh += (self.k * integral - self.g * t) / beta;
        c.x = x1;
    }

    /// Hours until the state meets a threshold at constant power; `None` when it never does.
    fn hours_to(&self, x0: f64, p_kw: f64, threshold: f64) -> Option<f64> {
        let rest = (self.g + self.beta_of(p_kw) * p_kw) / self.k;
        let ratio = (threshold - rest) / (x0 - rest);
        (ratio > 0.0 && ratio <= 1.0).then(|| -ratio.ln() / self.k)
    }

    /// A step at a power that it is told, as far as its bounds let it.
    pub fn told(&self, c: &mut Condition, p_kw: f64, t: f64) -> Done {
        let (_, into, out) = self.response(t);
        let mut p = p_kw.clamp(-self.deliver_kw, self.draw_kw);
        if self.ceiling.is_finite() && p > 0.0 {
            p = p.min(((self.ceiling - c.x) / into).max(0.0));
        }
        if self.floor.is_finite() && p < 0.0 {
            p = p.max(((self.floor - c.x) / out).min(0.0));
        }
        let mut done = Done::default();
        self.run(c, p, t, &mut done);
        done
    }
}

/// How a device runs itself.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    /// Full power until the level is there.
    Fill(f64),
    /// Modulated to meet the level at the end of each step.
    Hold(f64),
    /// On at the first threshold, off at the second.
    Switch { on: f64, off: f64 },
}

/// A device with its inputs of the day.
#[derive(Clone, Debug)]
pub(super) struct Model {
    rule: Rule,
    pub start: Condition,
    /// One a step.
    pub laws: Vec<Law>,
    pub step_h: f64,
    /// Step after which the vehicle is gone, and how much it may then lack.
    pub leaves: Option<(usize, f64)>,
    pub level: f64,
}

/// Minutes that two spans share.
fn overlap(a: (u32, u32), b: (u32, u32)) -> f64 {
    f64::from(a.1.min(b.1).saturating_sub(a.0.max(b.0)))
}

/// Minutes of a step in which a vehicle is plugged in; a departure on the next day lies past the end of this one.
fn plugged_min(arrival: u32, departure: u32, step: (u32, u32)) -> f64 {
    overlap((arrival, if departure > arrival { departure } else { DAY_MIN }), step)
}

/// Litres of a step.
fn taken_litres(draws: &[Draw], step: (u32, u32)) -> f64 {
    draws.iter().map(|d| d.litres * overlap((d.at.minute(), d.at.minute() + d.duration_min), step) / f64::from(d.duration_min)).sum()
}

impl Model {
    /// `shift_k` is added to the temperatures of the day.
    pub fn new(device: &Device, day: &Day, shift_k: f64) -> Self {
        let h = day.step_h();
        let open = Law {
            k: 0.0,
            g: 0.0,
            beta: 1.0,
            beta_out: 1.0,
            draw_kw: device.rated_kw(),
            deliver_kw: 0.0,
            floor: f64::NEG_INFINITY,
            ceiling: f64::INFINITY,
            comfort_min: f64::NEG_INFINITY,
            comfort_max: f64::INFINITY,
        };
        let span = |s: usize| (s as u32 * day.step_min, (s as u32 + 1) * day.step_min);
        let laws = |law: &dyn Fn(usize) -> Law| (0..day.n_steps()).map(law).collect::<Vec<_>>();
        match &device.unit {
            Unit::Ev(u) => {
                let (arrival, departure) = (u.arrival.minute(), u.departure.minute());
                let law = |s: usize| Law {
                    beta: u.efficiency,
                    beta_out: u.efficiency,
                    draw_kw: u.charger_kw * plugged_min(arrival, departure, span(s)) / f64::from(day.step_min),
                    floor: 0.0,
                    ceiling: u.energy_needed_kwh,
                    comfort_max: u.energy_needed_kwh,
                    ..open
                };
                let last = if departure > arrival { departure.div_ceil(day.step_min) as usize } else { day.n_steps() };
                // Past midnight the hours until the departure still count for what may be missing at 24:00.
                let later_h = if departure > arrival { 0.0 } else { f64::from(departure) / 60.0 };
                let lack = u.shortfall_max_kwh + u.efficiency * u.charger_kw * later_h;
                Self {
                    rule: Rule::Fill(u.energy_needed_kwh),
                    start: Condition { x: 0.0, is_on: false },
                    laws: laws(&law),
                    step_h: h,
                    leaves: Some((last, lack)),
                    level: u.energy_needed_kwh,
                }
            }
            Unit::Battery(u) => {
                let way = u.efficiency.sqrt();
                let law = Law {
                    beta: way,
                    beta_out: 1.0 / way,
                    deliver_kw: u.power_kw,
                    floor: u.reserve_kwh,
                    ceiling: u.energy_kwh,
                    comfort_min: u.reserve_kwh,
                    comfort_max: u.energy_kwh,
                    ..open
                };
                Self {
                    rule: Rule::Fill(u.initial_kwh),
                    start: Condition { x: u.initial_kwh, is_on: false },
                    laws: laws(&|_| law),
                    step_h: h,
                    leaves: None,
                    level: u.initial_kwh,
                }
            }
            Unit::WaterHeater(u) => {
                let c = u.litres * WATER_KWH_PER_LITRE_K;
                let ua = u.loss_w_per_k / 1000.0;
                let law = |s: usize| {
                    let mc = taken_litres(&u.draws, span(s)) * WATER_KWH_PER_LITRE_K / h;
                    Law {
                        k: (ua + mc) / c,
                        g: (ua * u.ambient_c + mc * u.inlet_c) / c,
                        beta: 1.0 / c,
                        beta_out: 1.0 / c,
                        comfort_min: u.comfort_min_c,
                        comfort_max: u.set_point_c,
                        ..open
                    }
                };
                let x = u.initial_c.unwrap_or(u.set_point_c);
                let rule = thermostat(u.set_point_c, u.set_point_c - u.dead_band_k, u.set_point_c);
                Self { rule, start: Condition { x, is_on: false }, laws: laws(&law), step_h: h, leaves: None, level: u.set_point_c }
            }
            Unit::Hvac(u) => {
                let sign = if u.mode == HvacMode::Cooling { -1.0 } else { 1.0 };
                let law = |s: usize| {
                    let outside = day.temperature_at(s) + shift_k;
                    Law {
                        k: 1.0 / (u.r_k_per_kw * u.c_kwh_per_k),
                        g: outside / (u.r_k_per_kw * u.c_kwh_per_k) + u.gains_kw / u.c_kwh_per_k,
                        beta: sign * u.cop / u.c_kwh_per_k,
                        beta_out: sign * u.cop / u.c_kwh_per_k,
                        comfort_min: u.comfort_min_c,
                        comfort_max: u.comfort_max_c,
                        ..open
                    }
                };
                let half = u.dead_band_k / 2.0;
                let rule = thermostat(u.set_point_c, u.set_point_c - sign * half, u.set_point_c + sign * half);
                let x = u.initial_c.unwrap_or(u.set_point_c);
                Self { rule, start: Condition { x, is_on: false }, laws: laws(&law), step_h: h, leaves: None, level: u.set_point_c }
            }
        }
    }

    /// A step by its own rule.
    pub fn own(&self, step: usize, c: &mut Condition) -> Done {
        let law = &self.laws[step];
        match self.rule {
            Rule::Fill(level) => {
                let (_, into, _) = law.response(self.step_h);
                law.told(c, ((level - c.x) / into).clamp(0.0, law.draw_kw), self.step_h)
            }
            Rule::Hold(level) => {
                let (_, into, _) = law.response(self.step_h);
                let (free, _) = law.advance(c.x, 0.0, self.step_h);
                law.told(c, ((level - free) / into).clamp(0.0, law.draw_kw), self.step_h)
            }
            Rule::Switch { on, off } => {
                let mut done = Done::default();
                let mut left = self.step_h;
                // Towards `off` while it runs: upwards for heat, downwards for cold.
                let up = off > on;
                let past = |x: f64, threshold: f64, upwards: bool| if upwards { x >= threshold } else { x <= threshold };
                while left > 0.0 {
                    if c.is_on && past(c.x, off, up) {
                        c.is_on = false;
                    } else if !c.is_on && past(c.x, on, !up) {
                        c.is_on = true;
                    }
                    let (p, goal) = if c.is_on { (law.draw_kw, off) } else { (0.0, on) };
                    match law.hours_to(c.x, p, goal).filter(|t| *t < left) {
                        Some(t) => {
                            law.run(c, p, t, &mut done);
                            // Rounding must not leave it on this side of the threshold, or the loop would not end.
                            c.x = goal;
                            c.is_on = !c.is_on;
                            left -= t;
                        }
                        None => {
                            law.run(c, p, left, &mut done);
                            left = 0.0;
                        }
                    }
                }
                done
            }
        }
    }
}

fn thermostat(level: f64, on: f64, off: f64) -> Rule {
    if on == off { Rule::Hold(level) } else { Rule::Switch { on, off } }
}

/// What a device did in steps that follow each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace {
    pub done: Vec<Done>,
    /// At the beginning of each step, and at the end of the last.
    pub at: Vec<Condition>,
}

impl Trace {
    pub fn new(start: Condition) -> Self {
        Self { done: Vec::new(), at: vec![start] }
    }

    pub fn condition(&self) -> Condition {
        self.at[self.at.len() - 1]
    }

    /// Goes on until `end`, told the powers of `told` (by step) where there are any.
    pub fn go_on(&mut self, model: &Model, end: usize, told: impl Fn(usize) -> Option<f64>) {
        for step in self.done.len()..end {
            let mut c = self.condition();
            let done = match told(step) {
                Some(p_kw) => model.laws[step].told(&mut c, p_kw, model.step_h),
                None => model.own(step, &mut c),
            };
            self.done.push(done);
            self.at.push(c);
        }
    }

    /// The trace up to a step.
    pub fn until(&self, step: usize) -> Self {
        Self { done: self.done[..step].to_vec(), at: self.at[..=step].to_vec() }
    }

    /// Mean power of a step, kW.
    pub fn power_kw(&self, step: usize, step_h: f64) -> f64 {
        self.done[step].energy_kwh / step_h
    }

    /// Electric energy of each step, kWh.
    pub fn energies_kwh(&self) -> Vec<f64> {
        self.done.iter().map(|d| d.energy_kwh).collect()
    }

    pub fn energy_kwh(&self) -> f64 {
        self.done.iter().map(|d| d.energy_kwh).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::flexibility::{ClockTime, Hvac, WaterHeater, Weekday};

    fn day(step_min: u32) -> Day {
        let temperature_c = (0..24).map(|h| 38.0 - 8.0 * (std::f64::consts::TAU * (f64::from(h) - 15.0) / 24.0).cos().abs()).collect();
        Day { weekday: Weekday::Monday, step_min, temperature_c, load_profile_pu: None, past_days: Vec::new() }
    }

    fn of(unit: Unit) -> Device {
        Device {
            name: "d".to_owned(),
            load: None,
            bus: Some("a".to_owned()),
            phases: Vec::new(),
            pf: 1.0,
            program: None,
            curtailment_cost_per_kwh: 0.0,
            unit,
        }
    }

    fn house(dead_band_k: f64) -> Device {
        of(Unit::Hvac(Hvac {
            mode: HvacMode::Cooling,
            r_k_per_kw: 2.0,
            c_kwh_per_k: 3.0,
            cop: 3.0,
            rated_kw: 3.5,
            set_point_c: 23.0,
            dead_band_k,
            comfort_min_c: 20.0,
            comfort_max_c: 26.0,
            gains_kw: 0.5,
            initial_c: None,
        }))
    }

    fn tank() -> Device {
        let draw = |h: u32, litres| Draw { at: ClockTime::from_minute(h * 60 + 10), litres, duration_min: 25 };
        of(Unit::WaterHeater(WaterHeater {
            litres: 200.0,
            element_kw: 4.5,
            set_point_c: 55.0,
            dead_band_k: 3.0,
            loss_w_per_k: 1.8,
            ambient_c: 20.0,
            inlet_c: 12.0,
            draws: vec![draw(7, 60.0), draw(18, 80.0), draw(18, 10.0)],
            comfort_min_c: 45.0,
            initial_c: None,
        }))
    }

    /// The closed form against Euler's method with steps of 0.2 s, which errs by its step: a thermostat, two thresholds, draws and weather. The day is hot
    /// enough that no threshold is met at a snail's pace, where a little error of either makes a large one of the instant.
    #[test]
    fn thermostats_follow_their_equation() {
        for device in [house(1.0), tank()] {
            let day = day(15);
            let model = Model::new(&device, &day, 0.0);
            let mut trace = Trace::new(model.start);
            trace.go_on(&model, day.n_steps(), |_| None);
            let Rule::Switch { on, off } = model.rule else { panic!("a thermostat was asked for") };
            let (mut x, mut is_on, mut energy) = (model.start.x, false, 0.0);
            let dt = 0.2 / 3600.0;
            let up = off > on;
            let mut worst: f64 = 0.0;
            for (step, law) in model.laws.iter().enumerate() {
                for _ in 0..(0.25_f64 / dt).round() as usize {
                    if is_on && (if up { x >= off } else { x <= off }) {
                        is_on = false;
                    } else if !is_on && (if up { x <= on } else { x >= on }) {
                        is_on = true;
                    }
                    let p = if is_on { law.draw_kw } else { 0.0 };
                    energy += p * dt;
                    x += (-law.k * x + law.g + law.beta * p) * dt;
                }
                worst = worst.max((trace.at[step + 1].x - x).abs());
            }
            assert!(worst < 0.02, "{worst} K apart");
            assert!(energy > 5.0 && (trace.energy_kwh() - energy).abs() < 0.01, "{energy} and {}", trace.energy_kwh());
        }
    }

    /// A finer step changes nothing but the inputs: with inputs that are constant, nothing at all.
    #[test]
    fn the_step_does_not_matter() {
        let mut coarse = day(60);
        coarse.temperature_c = vec![34.0; 24];
        let mut fine = coarse.clone();
        fine.step_min = 5;
        let [a, b] = [&coarse, &fine].map(|day| {
            let model = Model::new(&house(1.0), day, 0.0);
            let mut trace = Trace::new(model.start);
            trace.go_on(&model, day.n_steps(), |_| None);
            (trace.energy_kwh(), trace.condition().x)
        });
        assert!((a.0 - b.0).abs() < 1e-9 && (a.1 - b.1).abs() < 1e-9, "{a:?} {b:?}");
        // Far from the thresholds the mean power is what the house gains: (34 - 23)/2 + 0.5 = 6 kW of heat, 2 kW electric.
        assert!((a.0 / 24.0 - 2.0).abs() < 0.1, "{}", a.0 / 24.0);
    }

    #[test]
    fn held_temperatures_cost_what_the_balance_says() {
        let mut day = day(15);
        day.temperature_c = vec![35.0; 24];
        let model = Model::new(&house(0.0), &day, 0.0);
        let mut trace = Trace::new(model.start);
        trace.go_on(&model, day.n_steps(), |_| None);
        // ((35 - 23)/2 + 0.5)/3 kW for 24 h.
        assert!((trace.energy_kwh() - 24.0 * 6.5 / 3.0).abs() < 1e-9, "{}", trace.energy_kwh());
        assert!(trace.at.iter().all(|c| (c.x - 23.0).abs() < 1e-9));
    }

    #[test]
    fn told_powers_obey_bounds_and_balance() {
        let day = day(15);
        let battery = of(Unit::Battery(network::flexibility::Battery {
            power_kw: 5.0,
            energy_kwh: 10.0,
            efficiency: 0.81,
            reserve_kwh: 2.0,
            initial_kwh: 8.0,
        }));
        let model = Model::new(&battery, &day, 0.0);
        let mut trace = Trace::new(model.start);
        trace.go_on(&model, day.n_steps(), |s| (s < 20).then_some(-7.0));
        // 6 kWh over the reserve give 5.4 kWh at the grid; refilling takes 6/0.9.
        let given: f64 = trace.done[..20].iter().map(|d| d.energy_kwh).sum();
        assert!((given + 5.4).abs() < 1e-12, "{given}");
        assert!((trace.energy_kwh() - (6.0 / 0.9 - 5.4)).abs() < 1e-12);
        assert!((trace.condition().x - 8.0).abs() < 1e-12);
        assert!(
            trace.done.iter().all(|d| (d.energy_kwh - d.stored_kwh - d.drained_kwh).abs() < 1e-12 && d.energy_kwh.abs() <= 1.25 + 1e-12)
        );
    }
}
