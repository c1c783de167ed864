//! A made-up neighbourhood on a hot day: devices of all classes on the loads of a network, three programs, an event. The same seed gives the same document.
//!
//! Sizes are drawn from ranges of the order of those in Mathieu, Koch and Callaway, "State Estimation and Control of Electric Loads to Manage
//! Real-Time Energy Imbalance", IEEE Transactions on Power Systems 28 (2013), for cooling and hot water (R about 2 K/kW, C about 2 kWh/K, COP 2.5; tanks of
//! 150 to 300 litres with elements of 4.5 kW), and are nameplates of the trade for chargers (7.2 kW) and home batteries (5 kW, 13.5 kWh). The day is
//! a cosine, 30 + 8 cos(2π (h - 16)/24) °C, and stands for no place; the multiplier of loads is a residential day with a peak in the evening.

use crate::synthetic::random::Random;
use network::flexibility::{
    Battery, ClockTime, Day, Device, DeviceClass, Draw, Ev, Event, FlexibilityCase, Hvac, HvacMode, PastDay, Program, Target, Unit,
    WaterHeater, Weekday, Window,
};
use network::{ElementKind, Network};
use std::f64::consts::TAU;

/// Purpose of the random numbers (see `synthetic::random`).
const PURPOSE: u64 = 0x666c_6578;

/// What is made.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleOptions {
    pub n_devices: usize,
    pub seed: u64,
    pub step_min: u32,
    /// All devices stand at this bus; else they are spread over the loads of the model by their size.
    pub bus: Option<String>,
    /// Target of the event, see `network::flexibility::Target`; no event without one.
    pub target: Option<Target>,
}

/// Multipliers of loads, hour by hour.
const PROFILE_PU: [f64; 24] = [
    0.40, 0.37, 0.35, 0.34, 0.35, 0.38, 0.45, 0.52, 0.53, 0.52, 0.52, 0.53, 0.54, 0.54, 0.55, 0.57, 0.61, 0.66, 0.70, 0.71, 0.69, 0.63,
    0.54, 0.46,
];

/// Temperatures of the days before over those of the day, latest last; the day is a Thursday.
const PAST_SHIFT_K: [f64; 16] = [-6.0, -4.5, -3.0, -5.0, -2.0, -7.0, -4.0, -3.5, -1.0, -2.5, -5.5, -4.0, -1.5, -3.0, -2.0, -0.5];

fn rounded(x: f64, digits: i32) -> f64 {
    let scale = 10f64.powi(digits);
    (x * scale).round() / scale
}

fn clock(minute: i32) -> ClockTime {
    ClockTime::from_minute(u32::try_from(minute).unwrap_or(0))
}

fn program(name: &str, classes: &[DeviceClass], priority: u32, incentive_per_kwh: f64) -> Program {
    Program {
        name: name.to_owned(),
        min_power_kw: None,
        target_pf: Some(0.98),
        windows: vec![Window { days: Vec::new(), from: clock(14 * 60), to: clock(22 * 60) }],
        notice_min: 120,
        max_duration_min: Some(240),
        max_events_per_day: Some(1),
        max_events_per_season: Some(15),
        events_this_season: 3,
        min_rest_min: 240,
        priority,
        classes: classes.to_vec(),
        incentive_per_kwh,
        incentive_per_event: 0.5,
        penalty_per_kwh: 0.1,
    }
}

/// The document. Loads without power take no device; a network without loads and no bus gives no devices.
pub fn sample(network: &Network, options: &SampleOptions) -> FlexibilityCase {
    let temperature_c = (0..24).map(|h| rounded(30.0 + 8.0 * (TAU * (f64::from(h) - 16.0) / 24.0).cos(), 1)).collect();
    let week =
        [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday, Weekday::Saturday, Weekday::Sunday];
    let n = PAST_SHIFT_K.len();
    let past = |(i, shift): (usize, &f64)| PastDay {
        weekday: week[(3 + 7 * n - (n - i)) % 7],
        is_holiday: false,
        is_event_day: i + 3 == n,
        temperature_shift_k: *shift,
    };
    let past_days = PAST_SHIFT_K.iter().enumerate().map(past).collect();
    let programs = vec![
        program("batteries", &[DeviceClass::Battery], 0, 0.4),
        program("hot_water_and_vehicles", &[DeviceClass::Ev, DeviceClass::WaterHeater], 0, 0.2),
        program("cooling", &[DeviceClass::Hvac], 1, 0.5),
    ];
    let loads: Vec<(f64, &str)> =
        network.loads.iter().filter(|l| l.common.enabled && l.p_kw > 0.0).map(|l| (l.p_kw, l.common.name.as_str())).collect();
    let n_devices = if options.bus.is_none() && loads.is_empty() { 0 } else { options.n_devices };
    let devices = (0..n_devices)
        .map(|i| {
            let mut random = Random::new(options.seed, PURPOSE, i as u64);
            let (load, bus) = match &options.bus {
                Some(bus) => (None, Some(bus.clone())),
                None => (Some(random.weighted(&loads).to_owned()), None),
            };
            device(i, load, bus, &mut random)
        })
        .collect();
    let events = options.target.iter().map(|target| Event {
        name: "hot_evening".to_owned(),
        programs: programs.iter().map(|p| p.name.clone()).collect(),
        start: clock(17 * 60),
        duration_min: 180,
        announced: Some(clock(12 * 60)),
        target: target.clone(),
        prepare_min: 0,
        recovery_min: 120,
    });
    let is_transformer =
        |t: &Target| t.element.as_ref().and_then(|e| network.find(e)).is_some_and(|id| id.kind == ElementKind::Transformer);
    let name = match &options.target {
        Some(t) if is_transformer(t) => format!("hot day, {} devices, a transformer", options.n_devices),
        _ => format!("hot day, {} devices", options.n_devices),
    };
    let day = Day {
        weekday: Weekday::Thursday,
        step_min: options.step_min,
        temperature_c,
        load_profile_pu: Some(PROFILE_PU.to_vec()),
        past_days,
    };
    FlexibilityCase { name, events: events.collect(), programs, devices, day }
}

fn device(i: usize, load: Option<String>, bus: Option<String>, random: &mut Random) -> Device {
    let class = random.weighted(&[
        (0.45, DeviceClass::Hvac),
        (0.25, DeviceClass::WaterHeater),
        (0.22, DeviceClass::Ev),
        (0.08, DeviceClass::Battery),
    ]);
    let mut between = |low: f64, high: f64, digits: i32| rounded(random.between(low, high), digits);
    let (program, pf, cost, unit) = match class {
        DeviceClass::Hvac => {
            let set_point_c = between(22.0, 25.0, 1);
            let hvac = Hvac {
                mode: HvacMode::Cooling,
                r_k_per_kw: between(1.8, 2.6, 2),
                c_kwh_per_k: between(1.5, 2.5, 2),
                cop: 2.5,
                rated_kw: between(4.0, 5.5, 1),
                set_point_c,
                dead_band_k: between(0.5, 1.0, 2),
                comfort_min_c: rounded(set_point_c - 2.0, 1),
                comfort_max_c: rounded(set_point_c + 2.0, 1),
                gains_kw: between(0.2, 0.8, 1),
                // Anywhere in the narrowest dead band, so that thermostats do not switch together.
                initial_c: Some(rounded(set_point_c + between(-0.25, 0.25, 2), 2)),
            };
            ("cooling", 0.95, between(0.1, 0.6, 2), Unit::Hvac(hvac))
        }
        DeviceClass::WaterHeater => {
            let litres = between(150.0, 300.0, 0);
            let draws = [(6.25, 8.0, 30.0, 80.0), (12.0, 13.5, 5.0, 20.0), (17.5, 20.5, 30.0, 90.0)];
            let draws = draws.map(|(from, to, low, high)| Draw {
                at: clock((between(from, to, 2) * 60.0) as i32),
                litres: between(low, high, 0),
                duration_min: 20,
            });
            let tank = WaterHeater {
                litres,
                element_kw: 4.5,
                set_point_c: between(50.0, 56.0, 0),
                dead_band_k: between(2.0, 4.0, 1),
                loss_w_per_k: between(1.2, 2.2, 2),
                ambient_c: 24.0,
                inlet_c: 16.0,
                draws: draws.to_vec(),
                comfort_min_c: 42.0,
                initial_c: None,
            };
            ("hot_water_and_vehicles", 1.0, between(0.02, 0.1, 2), Unit::WaterHeater(tank))
        }
        DeviceClass::Ev => {
            let ev = Ev {
                charger_kw: 7.2,
                energy_needed_kwh: between(6.0, 22.0, 1),
                arrival: clock((between(16.5, 20.0, 2) * 60.0) as i32),
                departure: clock((between(6.5, 8.0, 2) * 60.0) as i32),
                efficiency: 0.92,
                shortfall_max_kwh: 0.0,
            };
            ("hot_water_and_vehicles", 0.99, between(0.02, 0.1, 2), Unit::Ev(ev))
        }
        DeviceClass::Battery => {
            let battery =
                Battery { power_kw: 5.0, energy_kwh: 13.5, efficiency: 0.9, reserve_kwh: 2.7, initial_kwh: between(8.0, 13.5, 1) };
            ("batteries", 1.0, between(0.05, 0.15, 2), Unit::Battery(battery))
        }
    };
    Device {
        name: format!("{}_{:03}", class.word(), i + 1),
        load,
        bus,
        phases: Vec::new(),
        pf,
        program: Some(program.to_owned()),
        curtailment_cost_per_kwh: cost,
        unit,
    }
}
