use super::*;
use crate::synthetic::Utility;
use crate::synthetic::random::Random;

fn transformer(id: &str, east_m: f64, feeder: &str) -> TransformerSite {
    TransformerSite { id: id.into(), place: at(east_m, 0.0), feeder: feeder.into(), phases: 1, kva: Some(25.0) }
}

fn at(east_m: f64, north_m: f64) -> LonLat {
    LonLat::new(-98.9 + east_m / (111_195.0 * 39.6f64.to_radians().cos()), 39.6 + north_m / 111_195.0)
}

fn meter(id: &str, east_m: f64, feeder: &str) -> MeterSite {
    MeterSite {
        id: id.into(),
        place: Some(at(east_m, 0.0)),
        feeder: feeder.into(),
        phases: 0,
        transformer: None,
        traced: None,
        demand_kw: None,
    }
}

fn infer_plain(t: &[TransformerSite], m: &[MeterSite]) -> MeterMap {
    infer(t, m, None, &Options::default(), &[])
}

#[test]
fn the_nearest_of_the_own_feeder_wins_and_an_identity_wins_over_all() {
    let t = [transformer("a", 0.0, "f1"), transformer("b", 100.0, "f1"), transformer("c", 30.0, "f2")];
    let mut meters = vec![meter("m1", 10.0, "f1"), meter("m2", 50.0, "f1"), meter("m3", 28.0, "f1"), meter("m4", 2000.0, "f1")];
    meters[3].transformer = Some("a".into());
    meters.push(MeterSite { transformer: Some("zz".into()), place: None, ..meter("m5", 0.0, "") });
    let map = infer_plain(&t, &meters);
    let of = |m: usize| (map.assignments[m].transformer, map.assignments[m].confidence, map.assignments[m].method);
    assert_eq!(of(0), (Some(0), Confidence::High, Method::Inferred));
    // Half way: nobody can tell.
    assert_eq!(of(1).1, Confidence::Low);
    assert_eq!(of(2).0, Some(0));
    assert_eq!(of(3), (Some(0), Confidence::Medium, Method::Explicit));
    assert_eq!(of(4), (None, Confidence::Low, Method::None));
    let codes: Vec<&str> = map.diagnostics.iter().map(|d| d.code.as_str()).collect();
    assert_eq!(codes, ["MAP.EXPLICIT.UNKNOWN", "MAP.METER.NO_PLACE"]);
}

#[test]
fn phases_conductors_and_capacity_count() {
    let mut t = [transformer("a", 0.0, "f1"), transformer("b", 30.0, "f1")];
    t[1].phases = 2;
    let mut m = meter("m", 12.0, "f1");
    assert_eq!(infer_plain(&t, &[m.clone()]).assignments[0].transformer, Some(0));
    m.phases = 2;
    assert_eq!(infer_plain(&t, &[m.clone()]).assignments[0].transformer, Some(1));
    m.phases = 0;
    m.traced = Some("b".into());
    let traced = infer_plain(&t, &[m.clone()]).assignments.remove(0);
    assert_eq!((traced.transformer, traced.method, traced.confidence), (Some(1), Method::Traced, Confidence::High));
    // Ten meters of 9 kW half way, slightly nearer to the first, do not all fit its 25 kVA.
    let crowd: Vec<MeterSite> = (0..10).map(|i| MeterSite { demand_kw: Some(9.0), ..meter(&format!("m{i}"), 14.9, "f1") }).collect();
    let map = infer_plain(&t, &crowd);
    let second = map.assignments.iter().filter(|a| a.transformer == Some(1)).count();
    assert!((2..=8).contains(&second), "{second}");
    assert!(map.assignments.iter().all(|a| a.confidence < Confidence::High));
}

#[test]
fn overrides_are_applied_and_logged() {
    let t = [transformer("a", 0.0, "f1"), transformer("b", 100.0, "f1")];
    let over = |meter: &str, transformer: &str| Override {
        meter: meter.into(),
        transformer: transformer.into(),
        who: "jo".into(),
        reason: "seen".into(),
    };
    let list = [over("m", "b"), over("x", "a"), over("m", "zz"), over("n", "")];
    let map = infer(&t, &[meter("m", 1.0, "f1"), meter("n", 1.0, "f1")], None, &Options::default(), &list);
    assert_eq!((map.assignments[0].transformer, map.assignments[0].method), (Some(1), Method::Override));
    assert_eq!(map.assignments[1].transformer, None);
    assert_eq!((map.log.len(), map.log[0].before.as_str(), map.log[0].after.as_str()), (2, "a", "b"));
    let codes: Vec<&str> = map.diagnostics.iter().map(|d| d.code.as_str()).collect();
    assert_eq!(codes, ["MAP.OVERRIDE.UNKNOWN_METER", "MAP.OVERRIDE.UNKNOWN_TRANSFORMER"]);
}

/// A synthetic utility as its files would say it: every customer a meter, places off by some metres, some labels wrong.
struct Noisy {
    transformers: Vec<TransformerSite>,
    meters: Vec<MeterSite>,
    truth: Vec<Option<usize>>,
}

fn noisy(seed: u64, feeders: u64, off_m: f64, phases_known: f64) -> Noisy {
    let utility = Utility::new(seed);
    let mut random = Random::new(seed, 77, 0);
    let mut out = Noisy { transformers: Vec::new(), meters: Vec::new(), truth: Vec::new() };
    let names: Vec<String> = (0..feeders).map(|f| format!("f{:04}", f + 1)).collect();
    for f in 0..feeders {
        let network = utility.feeder(f).network;
        let (sites, traced) = sites_of(&network, &names[f as usize]);
        let base = out.transformers.len();
        let by_id: HashMap<String, usize> = sites.iter().enumerate().map(|(i, t)| (t.id.clone(), base + i)).collect();
        for load in &network.loads {
            let bus = network.bus(load.common.terminals[0].bus);
            let (lat, lon) = bus.latitude_longitude_deg.unwrap();
            let own = by_id[&traced[&bus.name]];
            let customers = load.n_customers.max(1) as usize;
            for c in 0..customers {
                let mut place = LonLat::new(lon, lat);
                move_by(&mut place, random.normal() * off_m, random.normal() * off_m);
                let wrong = random.chance(0.02) && feeders > 1;
                let other = (f as usize + 1 + random.whole(0, feeders as i32 - 2).max(0) as usize) % feeders as usize;
                let true_phases = sites[own - base].phases;
                let phases =
                    if random.chance(phases_known) { if random.chance(0.02) { 1 << random.whole(0, 2) } else { true_phases } } else { 0 };
                out.meters.push(MeterSite {
                    id: format!("{}-{}-{c}", names[f as usize], load.common.name),
                    place: Some(place),
                    feeder: names[if wrong { other } else { f as usize }].clone(),
                    phases,
                    transformer: None,
                    traced: None,
                    demand_kw: Some(load.p_kw / customers as f64),
                });
                out.truth.push(Some(own));
            }
        }
        for mut site in sites {
            site.id = format!("{}.{}", names[f as usize], site.id);
            move_by(&mut site.place, random.normal() * off_m, random.normal() * off_m);
            out.transformers.push(site);
        }
    }
    out
}

fn move_by(place: &mut LonLat, east_m: f64, north_m: f64) {
    place.lon_deg += east_m / (111_195.0 * place.lat_deg.to_radians().cos());
    place.lat_deg += north_m / 111_195.0;
}

/// Two weeks of quarter-hours of voltages: the feeder's own course, less the drop over the transformer and over the service by
/// everyone's random demand (240 V, ohms of a 25 kVA transformer and of 30 m of triplex), read to 0.1 V.
fn voltages(n: &Noisy, seed: u64) -> Voltages {
    let steps = 14 * 96;
    let mut random = Random::new(seed, 78, 0);
    let mut feeders: HashMap<String, Vec<f64>> = HashMap::new();
    let course = |random: &mut Random| {
        let mut v = 0.0;
        (0..steps)
            .map(|_| {
                v = 0.95 * v + 0.3 * random.normal();
                v
            })
            .collect::<Vec<f64>>()
    };
    for t in &n.transformers {
        if !feeders.contains_key(&t.feeder) {
            let c = course(&mut random);
            feeders.insert(t.feeder.clone(), c);
        }
    }
    let mut total = vec![vec![0.0f64; steps]; n.transformers.len()];
    let mut own: Vec<Vec<f64>> = Vec::new();
    for (m, meter) in n.meters.iter().enumerate() {
        let kw = meter.demand_kw.unwrap();
        let mut on = 0.0;
        let p: Vec<f64> = (0..steps)
            .map(|_| {
                // Appliances switch on and off.
                if random.chance(0.2) {
                    on = if random.chance(0.35) { random.unit() * kw } else { 0.1 * kw };
                }
                on
            })
            .collect();
        let t = n.truth[m].unwrap();
        total[t].iter_mut().zip(&p).for_each(|(s, x)| *s += x);
        own.push(p);
    }
    let mut values = Vec::new();
    for (m, p) in own.iter().enumerate() {
        let t = n.truth[m].unwrap();
        let site = &n.transformers[t];
        let base = &feeders[&site.feeder];
        // 1.5 % resistance on the transformer's rating; a drop of V = R P / U.
        let per_kw = 240.0 * 0.015 / site.kva.unwrap_or(25.0);
        for k in 0..steps {
            let v = 240.0 + base[k] - per_kw * total[t][k] - 0.02 * 1000.0 / 240.0 * p[k];
            values.push(((v * 10.0).round() / 10.0) as f32);
        }
    }
    Voltages { steps, row: (0..n.meters.len()).map(Some).collect(), values }
}

#[test]
fn high_confidence_is_right_on_synthetic_utilities() {
    let mut all = Confusion::default();
    for (seed, off_m) in [(1, 3.0), (2, 5.0), (3, 8.0)] {
        let n = noisy(seed, 6, off_m, 0.5);
        let map = infer_plain(&n.transformers, &n.meters);
        let c = Confusion::of(&map.assignments, &n.truth);
        println!(
            "seed {seed}, places off by {off_m} m (standard deviation of each coordinate), {} meters, {} rounds\n{}",
            n.meters.len(),
            map.rounds,
            c.table()
        );
        assert!(c.high.right_pct() >= 95.0, "{}", c.table());
        all.high.right += c.high.right;
        all.high.wrong += c.high.wrong;
        all.low.right += c.low.total() + c.medium.total();
    }
    // High confidence is worth little if it is rare.
    assert!(all.high.total() * 2 > all.low.right, "{} of {}", all.high.total(), all.low.right);
}

#[test]
fn voltages_tell_more() {
    let n = noisy(4, 2, 8.0, 0.5);
    let plain = Confusion::of(&infer_plain(&n.transformers, &n.meters).assignments, &n.truth);
    let v = voltages(&n, 4);
    let map = infer(&n.transformers, &n.meters, Some(&v), &Options::default(), &[]);
    let with = Confusion::of(&map.assignments, &n.truth);
    println!(
        "{} meters, without voltages\n{}with voltages of two weeks, {} rounds\n{}",
        n.meters.len(),
        plain.table(),
        map.rounds,
        with.table()
    );
    let right = |c: &Confusion| c.high.right + c.medium.right + c.low.right;
    assert!(with.high.right_pct() >= 95.0);
    assert!(right(&with) > right(&plain));
}
