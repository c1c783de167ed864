//! Charging sessions: when vehicles draw how much, and their sum as a course of mean powers.
//!
//! A vehicle drives a distance a day and comes home with a deficit. From arrival (or from the hour of its timer) it charges with the
//! charger's power until the deficit is gone or it departs; what is left waits for the next day, and what the battery could not hold is
//! charged elsewhere. The year is a circle: what a session of the last evening draws after midnight falls on its first morning, so that
//! the energy of the course is that of the sessions. Hours of arrival lie between 4 in the morning and 4 of the next.

use super::calendar::Calendar;
use crate::synthetic::maths::exp;
use crate::synthetic::random::Random;
use network::scenario::{ChargingStart, DAYS, EvLayer, FastChargingLayer};

/// One session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Session {
    /// Hours since the year began; may lie in the next year, which is this one's beginning.
    pub start_h: f64,
    pub duration_h: f64,
    pub power_kw: f64,
}

impl Session {
    pub fn energy_kwh(&self) -> f64 {
        self.duration_h * self.power_kw
    }
}

/// Adds a session to a course of mean powers, kW a step.
pub fn add(course: &mut [f64], session: &Session, step_h: f64) {
    let n = course.len();
    let (from, to) = (session.start_h / step_h, (session.start_h + session.duration_h) / step_h);
    let mut at = from;
    while at < to {
        let next = (at.floor() + 1.0).min(to);
        course[at.floor() as usize % n] += session.power_kw * (next - at);
        if next <= at {
            break;
        }
        at = next;
    }
}

/// What is added up over sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    pub sessions: u64,
    pub energy_kwh: f64,
    /// Charged elsewhere, or not at all.
    pub elsewhere_kwh: f64,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.sessions += other.sessions;
        self.energy_kwh += other.energy_kwh;
        self.elsewhere_kwh += other.elsewhere_kwh;
    }
}

/// An hour of the day by weights of the hours, or normal around the clock.
fn hour_of_day(random: &mut Random, weights: Option<&Vec<f64>>, mean: f64, sd: f64) -> f64 {
    match weights {
        Some(weights) => {
            let choices: Vec<(f64, usize)> = weights.iter().copied().zip(0..).collect();
            random.weighted(&choices) as f64 + random.unit()
        }
        None => (mean + sd * random.normal()).rem_euclid(24.0),
    }
}

/// Factor of the energy of a kilometre at a day's mean temperature.
pub fn season_factor(layer: &EvLayer, temperature_c: f64) -> f64 {
    let (cold, hot) = ((layer.mild_c - temperature_c).max(0.0), (temperature_c - layer.mild_c).max(0.0));
    1.0 + (layer.cold_pct_per_c * cold + layer.hot_pct_per_c * hot) / 100.0
}

/// The year of one vehicle, told session by session. `factor` is the season's, day by day.
pub fn vehicle(
    layer: &EvLayer,
    power_kw: f64,
    calendar: Calendar,
    factor: &[f64],
    random: &mut Random,
    tell: &mut dyn FnMut(&Session),
) -> Tally {
    let mut tally = Tally::default();
    let has_timer = layer.start == ChargingStart::Timer && random.chance(layer.timer_pct / 100.0);
    let (mut deficit, mut departed_h) = (0.0, 0.0f64);
    for day in 0..DAYS {
        let weekend = calendar.is_weekend(day);
        let spread = exp((layer.distance_sigma * random.normal()).clamp(-20.0, 20.0));
        // Nothing is drawn where every day is driven, so that the vehicles of such a scenario stay who they are.
        let drives = layer.days_driven_pct >= 100.0 || random.chance(layer.days_driven_pct / 100.0);
        let of_day = if weekend { layer.weekend_distance_factor } else { 1.0 };
        let distance = if drives { layer.distance_median_km * spread * of_day } else { 0.0 };
        deficit += distance * layer.consumption_kwh_per_km * factor[day];
        if deficit > layer.battery_kwh {
            tally.elsewhere_kwh += deficit - layer.battery_kwh;
            deficit = layer.battery_kwh;
        }
        let (weights, mean, sd) = if weekend {
            (&layer.arrival_weekend_weights, layer.arrival_weekend_mean_h, layer.arrival_weekend_sd_h)
        } else {
            (&layer.arrival_weekday_weights, layer.arrival_weekday_mean_h, layer.arrival_weekday_sd_h)
        };
        let hour = hour_of_day(random, weights.as_ref(), mean, sd);
        let midnight = 24.0 * day as f64;
        let arrival = (midnight + if hour < 4.0 { hour + 24.0 } else { hour }).max(departed_h + 0.25);
        let departure = (midnight + 24.0 + layer.departure_mean_h + layer.departure_sd_h * random.normal()).max(arrival + 0.25);
        departed_h = departure;
        let plugs_in = random.chance(layer.plug_in_pct / 100.0);
        if !plugs_in || deficit <= 0.0 {
            continue;
        }
        let timed = arrival + (layer.timer_h - arrival).rem_euclid(24.0);
        // A timer that would begin after the departure is of no use to the driver.
        let start = if has_timer && timed < departure { timed } else { arrival };
        let session = Session { start_h: start, duration_h: (deficit / power_kw).min(departure - start), power_kw };
        if session.duration_h > 0.0 {
            deficit = (deficit - session.energy_kwh()).max(0.0);
            tally.sessions += 1;
            tally.energy_kwh += session.energy_kwh();
            tell(&session);
        }
    }
    tally.elsewhere_kwh += deficit;
    tally
}

/// Hours that a driver waits for a port before going elsewhere.
const PATIENCE_H: f64 = 1.0;

/// The year of a station of fast chargers.
pub fn station(layer: &FastChargingLayer, calendar: Calendar, random: &mut Random, tell: &mut dyn FnMut(&Session)) -> Tally {
    let mut tally = Tally::default();
    let ports = layer.ports_per_station.max(1) as usize;
    let (low, high) = layer.charger.power_range_kw();
    let total: f64 = layer.arrival_weights.iter().sum();
    // Log-normal of this mean and standard deviation.
    let variance = (1.0 + (layer.energy_sd_kwh / layer.energy_mean_kwh).powi(2)).ln();
    let median = layer.energy_mean_kwh / (1.0 + (layer.energy_sd_kwh / layer.energy_mean_kwh).powi(2)).sqrt();
    let mut free_at = vec![0.0f64; ports];
    for day in 0..DAYS {
        let of_day = layer.sessions_per_port_day * ports as f64 * if calendar.is_weekend(day) { layer.weekend_factor } else { 1.0 };
        for (hour, weight) in layer.arrival_weights.iter().enumerate() {
            let mut arrivals: Vec<f64> = (0..poisson(random, of_day * weight / total)).map(|_| random.unit()).collect();
            arrivals.sort_by(f64::total_cmp);
            for within in arrivals {
                let arrival = (24 * day + hour) as f64 + within;
                let energy = (median * exp((variance.sqrt() * random.normal()).clamp(-20.0, 20.0))).min(20.0 * layer.energy_mean_kwh);
                let power_kw = random.between(low, high);
                let port = (0..ports).min_by(|&a, &b| free_at[a].total_cmp(&free_at[b])).unwrap_or(0);
                let start_h = arrival.max(free_at[port]);
                if start_h - arrival > PATIENCE_H {
                    tally.elsewhere_kwh += energy;
                    continue;
                }
                let session = Session { start_h, duration_h: energy / power_kw, power_kw };
                free_at[port] = start_h + session.duration_h;
                tally.sessions += 1;
                tally.energy_kwh += session.energy_kwh();
                tell(&session);
            }
        }
    }
    tally
}

/// A number of events of a Poisson process: exponential waits until one is used up, a unit of the mean at a time.
fn poisson(random: &mut Random, mean: f64) -> u32 {
    let (mut left, mut n) = (mean.min(1000.0), 0);
    loop {
        left += crate::synthetic::maths::ln((1.0 - random.unit()).max(1e-300));
        if left < 0.0 {
            return n;
        }
        n += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{empty, layer};
    use super::*;
    use network::scenario::LayerKind;

    fn ev(text: &str) -> EvLayer {
        match layer(text) {
            LayerKind::Ev(l) => *l,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn steps_get_the_energy_of_the_session_around_the_years_end_too() {
        let mut course = vec![0.0; 8760];
        for (start_h, duration_h) in [(10.25, 2.5), (8759.5, 1.75), (100.0, 1.0), (8761.0, 0.5)] {
            add(&mut course, &Session { start_h, duration_h, power_kw: 4.0 }, 1.0);
        }
        assert_eq!(&course[10..13], &[3.0, 4.0, 3.0]);
        assert_eq!((course[8759], course[0], course[1], course[100], course[101]), (2.0, 4.0, 3.0, 4.0, 0.0));
        assert!((course.iter().sum::<f64>() - 4.0 * 5.75).abs() < 1e-12);
        let mut quarter = vec![0.0; 35_040];
        add(&mut quarter, &Session { start_h: 10.25, duration_h: 2.5, power_kw: 4.0 }, 0.25);
        assert!((quarter.iter().sum::<f64>() * 0.25 - 10.0).abs() < 1e-12);
    }

    #[test]
    fn a_fleet_charges_what_it_drives() {
        let l = ev("ev: {penetration_pct: 1}");
        let calendar = Calendar::new(&empty());
        let (mut total, mut course) = (Tally::default(), vec![0.0; 8760]);
        let vehicles = 300;
        for i in 0..vehicles {
            let mut random = Random::new(1, 2, i);
            let mut own = 0.0;
            let tally = vehicle(&l, 7.2, calendar, &[1.0; DAYS], &mut random, &mut |s| {
                own += s.energy_kwh();
                add(&mut course, s, 1.0);
            });
            assert!((own - tally.energy_kwh).abs() < 1e-9);
            total.add(&tally);
        }
        assert!((course.iter().sum::<f64>() / total.energy_kwh - 1.0).abs() < 1e-12);
        // Mean distance of a log-normal: 39.5 exp(0.88²/2) km.
        let driven = 39.5 * (0.88f64 * 0.88 / 2.0).exp() * 0.19 * 365.0 * vehicles as f64;
        assert!(((total.energy_kwh + total.elsewhere_kwh) / driven - 1.0).abs() < 0.02, "{total:?} {driven}");
        assert!(total.elsewhere_kwh < 0.03 * driven);
        // Far fewer than all draw at once, most in the evening.
        let peak = course.iter().copied().fold(0.0, f64::max);
        assert!(peak < 0.4 * 7.2 * vehicles as f64 && peak > 0.1 * 7.2 * vehicles as f64, "{peak}");
        let of = |hour: usize| course.iter().skip(hour).step_by(24).sum::<f64>();
        assert!(of(18) > 3.0 * of(6), "{} {}", of(18), of(6));
    }

    /// The energy is in proportion to the days that are driven; a parked vehicle draws nothing.
    #[test]
    fn days_without_a_trip_take_no_energy() {
        let energy = |pct: u32| {
            let l = ev(&format!("ev: {{penetration_pct: 1, days_driven_pct: {pct}}}"));
            let tallies = (0..300).map(|i| vehicle(&l, 7.2, Calendar::new(&empty()), &[1.0; DAYS], &mut Random::new(1, 2, i), &mut |_| {}));
            tallies.map(|t| t.energy_kwh + t.elsewhere_kwh).sum::<f64>()
        };
        let every = energy(100);
        assert_eq!(energy(0), 0.0);
        for pct in [25, 70] {
            let share = energy(pct) / every;
            assert!((share - f64::from(pct) / 100.0).abs() < 0.02, "{pct} % of the days take {share} of the energy");
        }
    }

    #[test]
    fn timers_move_the_start() {
        let l = ev("ev: {penetration_pct: 1, start: timer, timer_h: 0}");
        let mut course = vec![0.0; 8760];
        for i in 0..100 {
            vehicle(&l, 7.2, Calendar::new(&empty()), &[1.0; DAYS], &mut Random::new(1, 2, i), &mut |s| add(&mut course, s, 1.0));
        }
        let of = |hour: usize| course.iter().skip(hour).step_by(24).sum::<f64>();
        assert!(of(0) > 20.0 * of(19), "{} {}", of(0), of(19));
    }

    #[test]
    fn cold_costs_energy() {
        let l = ev("ev: {penetration_pct: 1}");
        assert_eq!(season_factor(&l, 23.9), 1.0);
        assert!((season_factor(&l, -6.7) - 1.0 / 0.59).abs() < 0.02);
        assert!((season_factor(&l, 35.0) - 1.0 / 0.83).abs() < 0.02);
    }

    #[test]
    fn stations_serve_as_many_as_come() {
        let l = match layer("fast_charging: {stations: 1}") {
            LayerKind::FastCharging(l) => *l,
            other => panic!("{other:?}"),
        };
        let mut most = vec![0.0; 8760];
        let tally = station(&l, Calendar::new(&empty()), &mut Random::new(3, 0, 0), &mut |s| add(&mut most, s, 1.0));
        let expected = 6.0 * 4.0 * (365.0 + 0.1 * 104.0);
        // Five standard deviations of a Poisson number.
        assert!((tally.sessions as f64 - expected).abs() < 5.0 * f64::sqrt(expected) + 0.02 * expected, "{tally:?}");
        assert!((tally.energy_kwh / tally.sessions as f64 - 32.0).abs() < 1.5, "{tally:?}");
        assert!(most.iter().all(|p| *p <= 4.0 * 150.0));
        let mut random = Random::new(1, 1, 1);
        let mean = (0..20_000).map(|_| f64::from(poisson(&mut random, 2.5))).sum::<f64>() / 20_000.0;
        assert!((mean - 2.5).abs() < 5.0 * (2.5f64 / 20_000.0).sqrt(), "{mean}");
    }
}
