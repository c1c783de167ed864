//! Photovoltaics against pvlib on the same weather: `cases/solar`.

use formats::MemoryFiles;
use network::scenario::{LayerKind, ScenarioData};
use network::{LonLat, WeatherQuantity};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use studies::scenario::pv::irradiance::Plane;
use studies::scenario::{base_weather, panel_year, pv};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../cases/solar");
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    found.sort();
    found
}

fn text(case: &Path, name: &str) -> String {
    std::fs::read_to_string(case.join(name)).unwrap_or_else(|e| panic!("{}: {e}", case.join(name).display()))
}

fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines().skip(1).map(|l| l.split(',').collect()).collect()
}

/// A figure of `case.toml`.
fn tolerance(case: &Path, name: &str) -> f64 {
    let toml = text(case, "case.toml");
    let line = toml.lines().find(|l| l.starts_with(name)).unwrap();
    line.split('=').nth(1).unwrap().trim().parse().unwrap()
}

#[test]
fn the_sun_stands_where_pvlib_says() {
    assert!(cases().len() >= 2);
    for case in cases() {
        let weather = text(&case, "weather.csv");
        let first: Vec<f64> = rows(&weather)[0][..2].iter().map(|v| v.parse().unwrap()).collect();
        let place = LonLat::new(first[1], first[0]);
        let expected = text(&case, "expected/sun.csv");
        for row in rows(&expected) {
            let [utc_s, zenith, azimuth]: [f64; 3] = std::array::from_fn(|i| row[i].parse().unwrap());
            let found = pv::sun::position(place, utc_s);
            let limit = tolerance(&case, "sun_deg");
            assert!((found.zenith_deg - zenith).abs() < limit, "{}: {row:?} {found:?}", case.display());
            // Around the zenith a step to the side turns the azimuth.
            let turn = ((found.azimuth_deg - azimuth + 540.0).rem_euclid(360.0) - 180.0).abs() * zenith.to_radians().sin();
            assert!(turn < limit, "{}: {row:?} {found:?}", case.display());
        }
    }
}

#[test]
fn annual_energy_is_pvlibs_within_a_percent() {
    for case in cases() {
        let expected = text(&case, "expected/energy.csv");
        let mut panels: BTreeMap<&str, Vec<Vec<&str>>> = BTreeMap::new();
        for row in rows(&expected) {
            panels.entry(row[0]).or_default().push(row);
        }
        assert!(panels.len() >= 7, "{}", case.display());
        for (panel, months) in panels {
            let (tilt, azimuth, transposition, light) = (months[0][1], months[0][2], months[0][3], months[0][4]);
            let scenario = format!(
                "scenario: x\nweather: {{file: weather.csv}}\nlayers:\n- solar: {{penetration_pct: 1, transposition: {transposition}, orientations: [{{tilt_deg: {tilt}, azimuth_deg: {azimuth}}}]}}\n"
            );
            let files = MemoryFiles::new().with("s.yaml", scenario).with("weather.csv", text(&case, "weather.csv"));
            let import = formats::scenario::read(&files, Path::new("s.yaml"));
            assert!(import.is_sound(), "{:#?}", import.diagnostics);
            let scenario = import.scenario.unwrap();
            let mut data: ScenarioData = import.data;
            if light == "ghi" {
                let columns = &mut data.weather.get_mut("weather.csv").unwrap().columns;
                columns.retain(|c| !matches!(c.quantity, WeatherQuantity::DniWM2 | WeatherQuantity::DhiWM2));
            }
            let weather = base_weather(&scenario, &data).unwrap().unwrap();
            assert_eq!(weather.dni_w_per_m2.is_some(), light == "measured");
            let LayerKind::Solar(layer) = &scenario.layers[0].what else { panic!() };
            let plane = Plane { tilt_deg: tilt.parse().unwrap(), azimuth_deg: azimuth.parse().unwrap() };
            let hours = panel_year(layer, &weather, plane, 1);
            let (mut ours, mut theirs) = (0.0, 0.0);
            let mut begin = 0;
            for (row, days) in months.iter().zip([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
                let month: f64 = hours[begin..begin + 24 * days].iter().sum();
                begin += 24 * days;
                let expected: f64 = row[6].parse().unwrap();
                let limit = tolerance(&case, "monthly_relative");
                assert!((month / expected - 1.0).abs() < limit, "{} {panel} month {}: {month} against {expected}", case.display(), row[5]);
                (ours, theirs) = (ours + month, theirs + expected);
            }
            let difference = ours / theirs - 1.0;
            println!("{} {panel}: {ours:.2} kWh/kW against {theirs:.2}, {:+.3} %", case.display(), 100.0 * difference);
            assert!(difference.abs() < tolerance(&case, "annual_relative"), "{} {panel}: {ours} against {theirs}", case.display());
        }
    }
}
