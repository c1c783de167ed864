//! Against closed forms, published matrices, and the stored answers of OpenDSS in `cases/line_constants`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;

const FT: f64 = 0.3048;
const INCH: f64 = 0.0254;
const MILE: f64 = 1609.344;

fn carson_60_hz() -> Settings {
    Settings { earth_model: EarthModel::Carson, ..Settings::default() }
}

/// A wire by resistance (ohm per mile), GMR (feet), diameter (inches) and place (feet), as feeder tables give it.
fn tabled_wire(r_ohm_per_mile: f64, gmr_ft: f64, diameter_in: f64, x_ft: f64, y_ft: f64) -> Conductor {
    Conductor {
        r_dc_ohm_per_m: r_ohm_per_mile / MILE,
        r_ac_ohm_per_m: r_ohm_per_mile / MILE,
        gmr_m: gmr_ft * FT,
        radius_m: diameter_in * INCH / 2.0,
        cap_radius_m: None,
        x_m: x_ft * FT,
        y_m: y_ft * FT,
        sheath: Sheath::Bare,
    }
}

fn ieee_601() -> Vec<Conductor> {
    let phase = |x_ft| tabled_wire(0.1859, 0.0313, 0.927, x_ft, 28.0);
    vec![phase(0.0), phase(2.5), phase(7.0), tabled_wire(0.592, 0.00814, 0.563, 4.0, 24.0)]
}

#[test]
fn two_wires_by_carsons_approximate_formula() {
    // W. H. Kersting's form for 60 Hz and 100 ohm metre, in ohm per mile with lengths in feet:
    // z_ii = r + 0.09530 + j 0.12134 (ln(1/GMR) + 7.93402), z_ij = 0.09530 + j 0.12134 (ln(1/D) + 7.93402).
    let wires = [tabled_wire(0.306, 0.0244, 0.721, 0.0, 29.0), tabled_wire(0.306, 0.0244, 0.721, 4.0, 26.0)];
    let z = line_constants(&wires, 2, &carson_60_hz()).unwrap().z_ohm_per_m;
    let own = Complex64::new(0.306 + 0.09530, 0.12134 * ((1.0_f64 / 0.0244).ln() + 7.93402));
    let mutual = Complex64::new(0.09530, 0.12134 * ((1.0_f64 / 5.0).ln() + 7.93402));
    assert!((z[(0, 0)] * MILE - own).norm() < 5e-4);
    assert!((z[(1, 0)] * MILE - mutual).norm() < 5e-4);
    assert_eq!(z[(0, 1)], z[(1, 0)]);
}

#[test]
fn one_wire_over_ground_has_the_capacitance_of_the_textbook() {
    let mut wire = Conductor::round_wire(1e-4, 0.01, 0.0, 12.0);
    wire.radius_m = 0.0125;
    let constants = line_constants(std::slice::from_ref(&wire), 1, &Settings::default()).unwrap();
    let expected = 2.0 * std::f64::consts::PI * E0 / (2.0 * 12.0 / 0.0125_f64).ln();
    assert!((constants.c_farad_per_m(0, 0) / expected - 1.0).abs() < 1e-10);
    wire.cap_radius_m = Some(0.05);
    let constants = line_constants(&[wire], 1, &Settings::default()).unwrap();
    let expected = 2.0 * std::f64::consts::PI * E0 / (2.0 * 12.0 / 0.05_f64).ln();
    assert!((constants.c_farad_per_m(0, 0) / expected - 1.0).abs() < 1e-10);
}

#[test]
fn configuration_601_has_the_published_matrices() {
    // IEEE 13 Node Test Feeder, overhead line configuration 601, phases B A C on the pole: ohm and microsiemens per mile.
    let constants = line_constants(&ieee_601(), 3, &carson_60_hz()).unwrap().reduced(3).unwrap();
    let published_z = [
        (1, 1, 0.3465, 1.0179),
        (1, 0, 0.1560, 0.5017),
        (1, 2, 0.1580, 0.4236),
        (0, 0, 0.3375, 1.0478),
        (0, 2, 0.1535, 0.3849),
        (2, 2, 0.3414, 1.0348),
    ];
    for (i, j, r, x) in published_z {
        let z = constants.z_ohm_per_m[(i, j)] * MILE;
        assert!((z.re - r).abs() < 1.01e-4, "r({i},{j}) {}", z.re);
        assert!((z.im - x).abs() < 1.01e-4, "x({i},{j}) {}", z.im);
    }
    let published_b = [(1, 1, 6.2998), (1, 0, -1.9958), (1, 2, -1.2595), (0, 0, 5.9597), (0, 2, -0.7417), (2, 2, 5.6386)];
    for (i, j, b) in published_b {
        let found = constants.y_siemens_per_m[(i, j)].im * MILE * 1e6;
        assert!((found - b).abs() < 0.02, "b({i},{j}) {found}");
    }
}

#[test]
fn matrices_are_exactly_symmetric() {
    let constants = line_constants(&ieee_601(), 3, &Settings::default()).unwrap();
    assert!(constants.z_ohm_per_m.is_symmetric(0.0));
    assert!(constants.y_siemens_per_m.is_symmetric(0.0));
    assert!(constants.reduced(3).unwrap().z_ohm_per_m.is_symmetric(0.0));
}

fn concentric_cable(x_m: f64) -> Conductor {
    Conductor {
        sheath: Sheath::ConcentricNeutral(ConcentricNeutral {
            insulation: Insulation { relative_permittivity: 2.3, layer_m: 0.220 * INCH, diameter_m: 1.06 * INCH },
            cable_diameter_m: 1.29 * INCH,
            strands: 13,
            strand_diameter_m: 0.0641 * INCH,
            strand_gmr_m: 0.00208 * FT,
            strand_r_ohm_per_m: 14.8722 / MILE,
        }),
        x_m,
        y_m: -1.2,
        ..tabled_wire(0.410, 0.0171, 0.567, 0.0, 0.0)
    }
}

fn tape_cable(x_m: f64) -> Conductor {
    Conductor {
        sheath: Sheath::TapeShield(TapeShield {
            insulation: Insulation { relative_permittivity: 2.3, layer_m: 0.220 * INCH, diameter_m: 0.82 * INCH },
            shield_diameter_m: 0.88 * INCH,
            tape_layer_m: 0.005 * INCH,
            tape_lap_pct: 20.0,
            cable_diameter_m: 1.06 * INCH,
        }),
        x_m,
        y_m: -1.2,
        ..tabled_wire(0.97, 0.0111, 0.368, 0.0, 0.0)
    }
}

#[test]
fn epri_10_differs_in_two_constants_only() {
    let both = |conductors: &[Conductor], n_phases, earth_model| {
        [Compatibility::Classic, Compatibility::Epri10].map(|compatibility| {
            let settings = Settings { earth_model, compatibility, ..Settings::default() };
            line_constants(conductors, n_phases, &settings).unwrap()
        })
    };
    // The depth of Carson's first terms.
    let [classic, epri] = both(&ieee_601(), 3, EarthModel::Carson);
    let shift = epri.z_ohm_per_m[(0, 0)] - classic.z_ohm_per_m[(0, 0)];
    let expected = MU0 * 60.0 * (658.85_f64 / 658.5).ln();
    assert!((shift - Complex64::new(0.0, expected)).norm() < 1e-6 * expected);
    assert_eq!(classic.y_siemens_per_m, epri.y_siemens_per_m);
    // The insulation below a concentric neutral; the two engines print 238.6 and 216.6 nF/km for this cable 1.16 in over the strands.
    let mut cable = concentric_cable(0.0);
    if let Sheath::ConcentricNeutral(neutral) = &mut cable.sheath {
        neutral.cable_diameter_m = 1.16 * INCH;
    }
    let [classic, epri] = both(&[cable], 1, EarthModel::Deri);
    assert!((classic.c_farad_per_m(0, 0) * 1e12 - 238.6).abs() < 0.06);
    assert!((epri.c_farad_per_m(0, 0) * 1e12 - 216.6).abs() < 0.06);
    assert_eq!(classic.z_ohm_per_m, epri.z_ohm_per_m);
    let [classic, epri] = both(&[tape_cable(0.0)], 1, EarthModel::Deri);
    assert_eq!(classic, epri);
}

#[test]
fn sheaths_of_both_kinds_in_one_trench() {
    let mixed = [concentric_cable(0.0), tape_cable(0.2)];
    let constants = line_constants(&mixed, 2, &Settings::default()).unwrap();
    // The capacitance of each cable is its own, whatever lies beside it.
    for (i, cable) in mixed.iter().enumerate() {
        let alone = line_constants(std::slice::from_ref(cable), 1, &Settings::default()).unwrap();
        assert_eq!(alone.y_siemens_per_m[(0, 0)], constants.y_siemens_per_m[(i, i)]);
    }
    // Far apart, the two sheaths hardly see each other, and the own impedances are those of each cable alone but for the
    // coupling through the earth, which moves less than a tenth.
    let alone = line_constants(&mixed[..1], 1, &Settings::default()).unwrap();
    let change = (constants.z_ohm_per_m[(0, 0)] - alone.z_ohm_per_m[(0, 0)]).norm();
    assert!(change > 0.0 && change < 0.1 * alone.z_ohm_per_m[(0, 0)].norm());
}

fn error_of(conductors: &[Conductor], n_phases: usize) -> LineConstantsError {
    line_constants(conductors, n_phases, &Settings::default()).unwrap_err()
}

#[test]
fn errors_name_the_conductor() {
    let good = ieee_601();
    let with = |index: usize, change: fn(&mut Conductor)| {
        let mut conductors = good.clone();
        change(&mut conductors[index]);
        error_of(&conductors, 3)
    };
    assert!(matches!(with(1, |c| c.gmr_m = 0.0), LineConstantsError::Quantity { conductor: 1, quantity: "gmr_m", .. }));
    assert!(matches!(with(2, |c| c.gmr_m = -1.0), LineConstantsError::Quantity { conductor: 2, quantity: "gmr_m", .. }));
    assert!(matches!(with(3, |c| c.radius_m = f64::NAN), LineConstantsError::Quantity { conductor: 3, quantity: "radius_m", .. }));
    assert!(matches!(with(0, |c| c.r_dc_ohm_per_m = -1e-4), LineConstantsError::Quantity { conductor: 0, quantity: "r_dc_ohm_per_m", .. }));
    assert_eq!(with(2, |c| c.y_m = 0.0), LineConstantsError::NotAboveGround { conductor: 2, y_m: 0.0 });
    assert!(matches!(with(1, |c| c.x_m = 0.0), LineConstantsError::SameSpace { first: 0, second: 1, .. }));
    assert_eq!(error_of(&good, 5), LineConstantsError::PhaseCount { n_phases: 5, n_conductors: 4 });
    assert_eq!(error_of(&[], 0), LineConstantsError::PhaseCount { n_phases: 0, n_conductors: 0 });
    let mut cables = vec![concentric_cable(0.0), concentric_cable(0.2)];
    cables[1].sheath = Sheath::Bare;
    assert_eq!(error_of(&cables, 2), LineConstantsError::BarePhaseAmongCables { conductor: 1 });
    // Two cables nearer than their strands: no mean distance exists.
    let cables = [concentric_cable(0.0), concentric_cable(0.0152)];
    assert!(matches!(error_of(&cables, 2), LineConstantsError::SameSpace { first: 0, second: 1, .. }));
    let no_earth = Settings { rho_ohm_m: 0.0, ..Settings::default() };
    assert_eq!(line_constants(&good, 3, &no_earth).unwrap_err(), LineConstantsError::Setting { quantity: "rho_ohm_m", found: 0.0 });
}

// The stored cases.

type Record = BTreeMap<String, String>;

fn read_csv(path: &Path) -> Vec<Record> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("header").split(',').collect();
    lines
        .map(|line| {
            let fields = line.split(',').map(str::to_owned);
            header.iter().map(|h| (*h).to_owned()).zip(fields).collect()
        })
        .collect()
}

fn number(record: &Record, column: &str) -> f64 {
    record[column].parse().unwrap_or_else(|_| panic!("{column}: {}", record[column]))
}

fn conductor_from(record: &Record) -> Conductor {
    let get = |column: &str| number(record, column);
    let insulation =
        || Insulation { relative_permittivity: get("relative_permittivity"), layer_m: get("layer_m"), diameter_m: get("diameter_m") };
    let sheath = match record["kind"].as_str() {
        "bare" => Sheath::Bare,
        "concentric_neutral" => Sheath::ConcentricNeutral(ConcentricNeutral {
            insulation: insulation(),
            cable_diameter_m: get("cable_diameter_m"),
            strands: record["strands"].parse().unwrap(),
            strand_diameter_m: get("strand_diameter_m"),
            strand_gmr_m: get("strand_gmr_m"),
            strand_r_ohm_per_m: get("strand_r_ohm_per_m"),
        }),
        "tape_shield" => Sheath::TapeShield(TapeShield {
            insulation: insulation(),
            shield_diameter_m: get("shield_diameter_m"),
            tape_layer_m: get("tape_layer_m"),
            tape_lap_pct: get("tape_lap_pct"),
            cable_diameter_m: get("cable_diameter_m"),
        }),
        other => panic!("kind {other}"),
    };
    Conductor {
        r_dc_ohm_per_m: get("r_dc_ohm_per_m"),
        r_ac_ohm_per_m: get("r_ac_ohm_per_m"),
        gmr_m: get("gmr_m"),
        radius_m: get("radius_m"),
        cap_radius_m: record["cap_radius_m"].parse().ok(),
        x_m: get("x_m"),
        y_m: get("y_m"),
        sheath,
    }
}

fn settings_from(record: &Record) -> Settings {
    Settings {
        frequency_hz: number(record, "frequency_hz"),
        rho_ohm_m: number(record, "rho_ohm_m"),
        earth_model: match record["earth_model"].as_str() {
            "carson" => EarthModel::Carson,
            "fullcarson" => EarthModel::FullCarson,
            "deri" => EarthModel::Deri,
            other => panic!("earth model {other}"),
        },
        compatibility: Compatibility::Classic,
    }
}

fn n_phases_of(folder: &Path) -> usize {
    let text = std::fs::read_to_string(folder.join("case.toml")).unwrap();
    let line = text.lines().find(|l| l.starts_with("n_phases")).unwrap();
    line.split('=').nth(1).unwrap().trim().parse().unwrap()
}

/// Compares one case in all its settings; returns the number of entries and the worst relative deviation.
fn compare_with_opendss(folder: &Path) -> (usize, f64) {
    let conductors: Vec<Conductor> = read_csv(&folder.join("conductors.csv")).iter().map(conductor_from).collect();
    let n_phases = n_phases_of(folder);
    let computed: Vec<[LineConstants; 2]> = read_csv(&folder.join("settings.csv"))
        .iter()
        .map(|record| {
            let full = line_constants(&conductors, n_phases, &settings_from(record)).unwrap();
            let reduced = full.reduced(n_phases).unwrap();
            [full, reduced]
        })
        .collect();
    let expected = read_csv(&folder.join("expected.csv"));
    let mut worst = 0.0_f64;
    for record in &expected {
        let setting = number(record, "setting") as usize;
        let constants = &computed[setting][usize::from(record["matrix"] == "reduced")];
        let at = (number(record, "row") as usize, number(record, "col") as usize);
        let z = Complex64::new(number(record, "r_ohm_per_m"), number(record, "x_ohm_per_m"));
        let z_deviation = (constants.z_ohm_per_m[at] - z).norm() / z.norm();
        let c_nf_per_m = number(record, "c_nf_per_m");
        let c_found = constants.c_farad_per_m(at.0, at.1) * 1e9;
        let c_deviation = if c_nf_per_m == 0.0 { c_found.abs() } else { (c_found / c_nf_per_m - 1.0).abs() };
        worst = worst.max(z_deviation).max(c_deviation);
        assert!(
            z_deviation < 1e-9 && c_deviation < 1e-9,
            "{}: setting {setting} {} {at:?}: z {} expected {z}, c {c_found} expected {c_nf_per_m} nF/m",
            folder.display(),
            record["matrix"],
            constants.z_ohm_per_m[at],
        );
    }
    (expected.len(), worst)
}

#[test]
fn stored_cases_agree_with_opendss() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../cases/line_constants");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    assert!(folders.len() >= 10, "only {} cases", folders.len());
    for folder in folders {
        let (entries, worst) = compare_with_opendss(&folder);
        assert!(entries > 0, "{}", folder.display());
        let name = folder.file_name().unwrap().to_string_lossy();
        println!("{name:32} {entries:5} entries, worst relative deviation {worst:.1e}");
    }
}
