use super::*;
use studies::synthetic::climate::{Climate, CustomerClass};
use studies::synthetic::random::Random;

const PLACE: LonLat = LonLat { lon_deg: -98.9, lat_deg: 39.6 };

struct Year {
    climate: Climate,
    ghi: Vec<f64>,
}

impl Year {
    fn new() -> Self {
        let climate = Climate::new(7);
        let ghi = climate.irradiance.iter().map(|g| 1000.0 * g).collect();
        Self { climate, ghi }
    }

    fn sky<'a>(&'a self, ghi: &'a [f64]) -> Sky<'a> {
        // 2023-01-01T00:00 by the sun of the place; the climate's year begins on a Monday.
        let first_utc_s = 1_672_531_200 + (-PLACE.lon_deg / 15.0 * 3600.0) as i64;
        Sky { place: PLACE, first_utc_s, first_hour_of_week: 0, temperature_c: &self.climate.temperature_c, ghi_w_per_m2: ghi }
    }

    /// A house: the course of its class with habits of its own that last some hours, and kettles and ovens.
    fn house(&self, index: u64) -> Vec<f64> {
        let mut random = Random::new(21, 1, index);
        let class =
            [CustomerClass::ResidentialGas, CustomerClass::ResidentialElectric, CustomerClass::ResidentialSmall][index as usize % 3];
        let peak_kw = random.between(3.0, 7.0);
        let mut habit = 0.0;
        self.climate
            .of(class)
            .iter()
            .map(|shape| {
                habit = 0.7 * habit + 0.25 * random.normal();
                let spike = if random.chance(0.06) { random.between(0.5, 2.5) } else { 0.0 };
                peak_kw * shape * f64::exp(habit) + spike
            })
            .collect()
    }

    /// Panels whose plane, losses and clouds are not those that the estimate takes for granted.
    fn panels(&self, capacity_kw: f64, index: u64) -> (Vec<f64>, Plane) {
        let mut random = Random::new(22, 1, index);
        let plane = Plane { tilt_deg: random.between(8.0, 45.0), azimuth_deg: random.between(90.0, 270.0) };
        let module = Module {
            losses: random.between(0.10, 0.18),
            temperature_per_c: random.between(-0.0045, -0.003),
            dc_ac_ratio: random.between(1.05, 1.3),
            ..MODULE
        };
        let ghi: Vec<f64> = self.ghi.iter().map(|g| g * (1.0 + 0.1 * random.normal()).clamp(0.6, 1.3)).collect();
        (unit_power_kw(&self.sky(&ghi), plane, &module).iter().map(|p| capacity_kw * p).collect(), plane)
    }
}

fn quantile(values: &mut [f64], q: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * q).round() as usize]
}

#[test]
fn energy_is_found_by_capacity_and_houses_without_panels_are_told() {
    let year = Year::new();
    let place = Disaggregator::new(&year.sky(&year.ghi)).unwrap();
    let customers = 40;
    for (i, capacity_kw) in [2.0, 3.0, 4.0, 6.0, 8.0, 12.0].into_iter().enumerate() {
        let (mut energy, mut capacity, mut turned) = (Vec::new(), Vec::new(), Vec::new());
        let mut missed = 0;
        for k in 0..customers {
            let index = 1000 * (i as u64 + 1) + k;
            let (pv, plane) = year.panels(capacity_kw, index);
            let net: Vec<f64> = year.house(index).iter().zip(&pv).map(|(l, p)| l - p).collect();
            let found = place.estimate(&net).unwrap();
            let Some(estimate) = found.pv else {
                missed += 1;
                continue;
            };
            let truth: f64 = pv.iter().sum();
            energy.push((estimate.energy_kwh / truth - 1.0).abs());
            capacity.push((estimate.capacity_kw / capacity_kw - 1.0).abs());
            turned.push((estimate.azimuth_deg - plane.azimuth_deg).abs());
            // What the meter shows is load less panels, whatever was found.
            assert!(net.iter().zip(&found.load_kw).zip(&found.pv_kw).all(|((n, l), p)| (l - p - n).abs() < 1e-9));
        }
        let (middle, tail) = (quantile(&mut energy, 0.5), quantile(&mut energy, 0.9));
        println!(
            "{capacity_kw:>4} kW: energy error {:.1} % in the middle, {:.1} % at the ninth tenth; capacity {:.1} %; azimuth {:.0}°; {missed} of {customers} missed",
            100.0 * middle,
            100.0 * tail,
            100.0 * quantile(&mut capacity, 0.5),
            quantile(&mut turned, 0.5),
        );
        let (most_middle, most_tail, most_missed) = if capacity_kw < 4.0 { (0.10, 0.25, 4) } else { (0.06, 0.15, 0) };
        assert!(middle < most_middle && tail < most_tail && missed <= most_missed, "{capacity_kw} kW: {middle} {tail} {missed}");
    }
    let without = 300;
    let told: Vec<f64> =
        (0..without).map(|k| place.estimate(&year.house(50_000 + k)).unwrap()).filter(|f| f.pv.is_some()).map(|f| f.t).collect();
    println!("panels told at {} of {without} houses without any", told.len());
    assert!(told.len() <= 3, "{told:?}");
}

#[test]
fn panels_without_noise_are_found_to_the_kilowatt() {
    let year = Year::new();
    let place = Disaggregator::new(&year.sky(&year.ghi)).unwrap();
    let plane = Plane { tilt_deg: 30.0, azimuth_deg: 150.0 };
    let pv = unit_power_kw(&year.sky(&year.ghi), plane, &MODULE);
    // A load by hour and day of the week alone.
    let net: Vec<f64> = pv.iter().enumerate().map(|(t, p)| 1.0 + 0.3 * f64::from(u8::from(t % 24 > 16)) - 5.0 * p).collect();
    let found = place.estimate(&net).unwrap();
    let estimate = found.pv.unwrap();
    assert!((estimate.capacity_kw - 5.0).abs() < 1e-9 && (estimate.tilt_deg, estimate.azimuth_deg) == (30.0, 150.0), "{estimate:?}");
    assert!((estimate.energy_kwh - 5.0 * pv.iter().sum::<f64>()).abs() < 1e-6 && found.least_net_kw < 0.0);
}

#[test]
fn what_cannot_be_told_is_refused() {
    let year = Year::new();
    let sky = year.sky(&year.ghi);
    let place = Disaggregator::new(&sky).unwrap();
    assert!(matches!(place.estimate(&[1.0; 10]), Err(FitError::Length { expected: 8760, found: 10, .. })));
    assert!(matches!(place.estimate(&[1.0; 8760]), Err(FitError::Constant { .. })));
    let mut broken = year.house(1);
    broken[3] = f64::NAN;
    assert!(matches!(place.estimate(&broken), Err(FitError::NotFinite { index: 3, .. })));
    assert!(Disaggregator::new(&Sky { ghi_w_per_m2: &year.ghi[..500], ..sky }).is_err());
    assert!(Disaggregator::new(&Sky { ghi_w_per_m2: &[0.0; 8760], ..sky }).is_err());
    assert!(Disaggregator::new(&Sky { temperature_c: &year.climate.temperature_c[1..], ..sky }).is_err());
}
