//! Generation adequacy: published indices by convolution, the same by simulation, brute force on small systems.

use super::{case, figure, rows, text};
use studies::availability::adequacy::{GeneratingUnit, LoadModel, OutageTable, Season, adequacy};
use studies::availability::adequacy_sequence::simulate_adequacy;
use studies::hands::Hands;
use studies::synthetic::random::Random;

fn units(name: &str) -> Vec<GeneratingUnit> {
    let text = text(&case(name).join("units.csv"));
    let of = |r: Vec<&str>| GeneratingUnit {
        id: r[0].to_owned(),
        capacity_mw: r[1].parse().unwrap(),
        forced_outage_rate: r[2].parse().unwrap(),
        mttr_h: Some(r[3].parse().unwrap()),
    };
    rows(&text).into_iter().map(of).collect()
}

fn load(name: &str) -> Vec<f64> {
    let toml = text(&case(name).join("case.toml"));
    let from = toml.lines().find_map(|l| l.strip_prefix("load = ")).unwrap().trim_matches('"').to_owned();
    let folder = case(name).join(from);
    let numbers = |file: &str| -> Vec<f64> { rows(&text(&folder.join(file))).iter().map(|r| r[1].parse().unwrap()).collect() };
    let mut seasons: Vec<Season> = Vec::new();
    for r in rows(&text(&folder.join("hourly.csv"))) {
        let hours: Vec<f64> = r[3..].iter().map(|h| h.parse().unwrap()).collect();
        let hours: [f64; 24] = hours.try_into().unwrap();
        if r[2] == "weekday" {
            let weeks = r[1].split(';').flat_map(|span| {
                let (a, b) = span.split_once('-').unwrap();
                a.parse::<u32>().unwrap()..=b.parse().unwrap()
            });
            seasons.push(Season { weeks: weeks.collect(), weekday_pct: hours, weekend_pct: [0.0; 24] });
        } else {
            seasons.last_mut().unwrap().weekend_pct = hours;
        }
    }
    let model = LoadModel { weekly_pct: numbers("weekly.csv"), daily_pct: numbers("daily.csv").try_into().unwrap(), seasons };
    model.hours(figure(&toml, "peak_mw")).unwrap()
}

const SYSTEMS: [&str; 2] = ["adequacy-rts79", "adequacy-rbts"];

#[test]
fn published_indices_come_out_to_their_last_digit() {
    for name in SYSTEMS {
        let toml = text(&case(name).join("case.toml"));
        let load = load(name);
        assert_eq!(load.len(), 8736);
        let a = adequacy(&units(name), &load).unwrap();
        println!("{name}: {a:?}");
        let near = |x: f64, value: &str, half: &str| {
            let (v, h) = (figure(&toml, value), figure(&toml, half));
            assert!((x - v).abs() <= h * (1.0 + 1e-9), "{name} {value}: {x}");
        };
        assert_eq!(a.capacity_mw, figure(&toml, "capacity_mw"));
        assert!((a.energy_mwh / figure(&toml, "energy_mwh") - 1.0).abs() < 1e-8, "{}", a.energy_mwh);
        near(a.lole_h_per_year, "lole_h_per_year", "lole_h_half_unit");
        near(a.loee_mwh_per_year, "loee_mwh_per_year", "loee_mwh_half_unit");
        near(a.lole_d_per_year.unwrap(), "lole_d_per_year", "lole_d_half_unit");
        near(a.lole_h_per_year, "printed_lole_h", "printed_lole_h_half_unit");
        near(a.loee_mwh_per_year, "printed_loee_mwh", "printed_loee_mwh_half_unit");
        near(a.lole_d_per_year.unwrap(), "printed_lole_d", "printed_lole_d_half_unit");
    }
}

#[test]
fn simulation_holds_the_convolution() {
    for (name, years, seeds) in [("adequacy-rts79", 400, 40_u64), ("adequacy-rbts", 1500, 40)] {
        let (units, load) = (units(name), load(name));
        let a = adequacy(&units, &load).unwrap();
        let mut held = [0; 3];
        for seed in 0..seeds {
            let s = simulate_adequacy(&units, &load, years, seed, &Hands::Threads(2)).unwrap();
            held[0] += usize::from(s.lole_h_per_year.holds(a.lole_h_per_year));
            held[1] += usize::from(s.loee_mwh_per_year.holds(a.loee_mwh_per_year));
            held[2] += usize::from(s.lole_d_per_year.unwrap().holds(a.lole_d_per_year.unwrap()));
            if seed == 0 {
                println!("{name}, {years} years: LOLE {:?} h, LOEE {:?} MWh", s.lole_h_per_year, s.loee_mwh_per_year);
                let other = simulate_adequacy(&units, &load, years, seed, &Hands::Threads(3)).unwrap();
                assert_eq!(other.years, s.years);
            }
        }
        println!("{name}: {held:?} of {seeds} intervals of 95 % hold LOLE, LOEE, LOLE by days");
        // Years are skewed, most without any loss, so that the intervals hold a little less than they say.
        assert!(held.iter().all(|h| *h >= 33), "{name}: {held:?}");
    }
}

#[test]
fn small_systems_are_what_all_their_states_say() {
    let mut random = Random::new(22, 0, 0);
    for _ in 0..100 {
        let n = random.whole(1, 9) as usize;
        let units: Vec<GeneratingUnit> = (0..n)
            .map(|i| GeneratingUnit {
                id: format!("u{i}"),
                capacity_mw: f64::from(random.whole(1, 40)) * 2.5,
                forced_outage_rate: random.between(0.0, 0.5),
                mttr_h: None,
            })
            .collect();
        let sum: f64 = units.iter().map(|u| u.capacity_mw).sum();
        // Loads between and exactly on sums of capacities, and above all of them.
        let load: Vec<f64> = (0..24)
            .map(|i| if i % 2 == 0 { (random.between(0.0, 1.2) * sum / 2.5).round() * 2.5 } else { random.between(0.0, 1.2) * sum })
            .collect();
        let (mut lole, mut loee) = (0.0, 0.0);
        for state in 0..1_u32 << n {
            let is_there = |i: &usize| state >> i & 1 == 1;
            let p: f64 =
                (0..n).map(|i| if is_there(&i) { 1.0 - units[i].forced_outage_rate } else { units[i].forced_outage_rate }).product();
            let there: f64 = (0..n).filter(is_there).map(|i| units[i].capacity_mw).sum();
            for l in load.iter().filter(|l| **l > there) {
                lole += p;
                loee += p * (l - there);
            }
        }
        let a = adequacy(&units, &load).unwrap();
        assert!((a.lole_h_per_year - lole).abs() < 1e-11 && (a.loee_mwh_per_year - loee).abs() < 1e-8, "{a:?} {lole} {loee}");
        let table = OutageTable::new(&units).unwrap();
        assert!((table.out_at_least(0.0) - 1.0).abs() < 1e-14 && table.out_at_least(sum + 1.0) == 0.0);
        let rows = table.table().rows;
        assert!(rows.len() <= 1 << n && !rows.is_empty());
    }
}

#[test]
fn units_and_loads_that_make_no_sense_are_refused_at_once() {
    let unit = |id: &str, capacity_mw, forced_outage_rate| GeneratingUnit { id: id.into(), capacity_mw, forced_outage_rate, mttr_h: None };
    let units = [unit("a", 10.0, 0.1), unit("a", -1.0, 0.1), unit("b", 10.0, 1.0), unit("c", 10.000_000_1, 0.1)];
    let e = adequacy(&units, &[1.0, f64::NAN]).unwrap_err();
    let codes: Vec<&str> = e.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["RAM.ADEQUACY.UNIT", "RAM.ADEQUACY.UNIT", "RAM.ADEQUACY.UNIT", "RAM.ADEQUACY.UNIT", "RAM.ADEQUACY.LOAD"]);
    let e = simulate_adequacy(&[unit("a", 10.0, 0.1)], &[5.0], 5, 1, &Hands::Threads(1)).unwrap_err();
    assert_eq!(e.findings.iter().map(|f| f.code.as_str()).collect::<Vec<_>>(), ["RAM.ADEQUACY.NO_MTTR", "RAM.ADEQUACY.YEARS"]);
}
