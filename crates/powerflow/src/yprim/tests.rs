//! Against the stored answers of OpenDSS in `cases/yprim`, and against what must hold for any element.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::*;

/// The values of a `case.toml`: text, or all numbers of the value in order.
struct Case {
    name: String,
    text: BTreeMap<String, String>,
    numbers: BTreeMap<String, Vec<f64>>,
}

impl Case {
    fn read(folder: &Path) -> Self {
        let mut case =
            Self { name: folder.file_name().unwrap().to_string_lossy().into_owned(), text: BTreeMap::new(), numbers: BTreeMap::new() };
        for line in std::fs::read_to_string(folder.join("case.toml")).unwrap().lines() {
            let (key, value) = line.split_once(" = ").expect("key = value");
            if value.contains('"') {
                case.text.insert(key.to_owned(), value.trim_matches('"').to_owned());
                continue;
            }
            let value = value.replace("true", "1").replace("false", "0");
            let numbers = value
                .split(['[', ']', ',', ' '])
                .filter(|part| !part.is_empty())
                .map(|part| part.parse().unwrap_or_else(|_| panic!("{}: {key} {part}", case.name)))
                .collect();
            case.numbers.insert(key.to_owned(), numbers);
        }
        case
    }

    fn has(&self, key: &str) -> bool {
        self.numbers.contains_key(key)
    }

    fn list(&self, key: &str) -> Vec<f64> {
        self.numbers.get(key).unwrap_or_else(|| panic!("{}: {key}", self.name)).clone()
    }

    fn number(&self, key: &str) -> f64 {
        self.list(key)[0]
    }

    fn number_or(&self, key: &str, otherwise: f64) -> f64 {
        self.numbers.get(key).map_or(otherwise, |values| values[0])
    }

    fn count(&self, key: &str) -> usize {
        self.number(key) as usize
    }

    fn complexes(&self, key: &str) -> Vec<Complex64> {
        self.list(key).chunks(2).map(|pair| Complex64::new(pair[0], pair[1])).collect()
    }

    fn complex(&self, key: &str) -> Complex64 {
        self.complexes(key)[0]
    }

    fn connection(&self) -> Connection {
        match self.text["connection"].as_str() {
            "wye" => Connection::Wye,
            "delta" => Connection::Delta,
            other => panic!("{}: connection {other}", self.name),
        }
    }

    /// Whether the OpenDSS command names a second bus, other than the first.
    fn is_shunt(&self) -> bool {
        let command = &self.text["opendss"];
        !command.contains("bus2=b")
    }

    fn primitive(&self) -> Result<Primitive, YprimError> {
        match self.text["element"].as_str() {
            "line" => line(&self.line_input()),
            "capacitor" => capacitor(&self.capacitor_input()),
            "reactor" => reactor(&self.reactor_input()),
            "fault" if self.has("g_siemens") => fault_matrix(self.count("n_phases"), &self.list("g_siemens"), self.is_shunt()),
            "fault" => Ok(fault_conductance(self.count("n_phases"), self.number("r_ohm"), self.is_shunt())),
            "vsource" => self.source_primitive(),
            "isource" => Ok(Primitive::joining(CMatrix::square(2 * self.count("n_phases")))),
            "gicline" => gic_line(
                self.count("n_phases"),
                self.complex("z_ohm_phase"),
                self.number("c_uf"),
                self.number("base_frequency_hz"),
                self.number("frequency_hz"),
            ),
            "gictransformer" => {
                let r = self.list("r_windings_ohm");
                Ok(gic_transformer(self.count("n_phases"), r[0], r.get(1).copied(), true))
            }
            other => panic!("{}: element {other}", self.name),
        }
    }

    fn line_input(&self) -> LineInput {
        let n_phases = self.count("n_phases");
        let data = if self.has("z_ohm") {
            LineData::Matrix {
                z_ohm: CMatrix::from_row_major(n_phases, n_phases, self.complexes("z_ohm")).unwrap(),
                c_nf: self.list("c_nf"),
            }
        } else {
            LineData::Sequence {
                z1_ohm: self.complex("z1_ohm"),
                z0_ohm: self.complex("z0_ohm"),
                c1_nf: self.number("c1_nf"),
                c0_nf: self.number("c0_nf"),
                long_line: self.number_or("long_line", 0.0) == 1.0,
            }
        };
        LineInput {
            n_phases,
            length: self.number("length"),
            unit_factor: self.number("unit_factor"),
            data,
            earth: EarthReturn {
                r_ohm: self.number("earth_r_ohm"),
                x_ohm: self.number("earth_x_ohm"),
                rho_ohm_m: self.number("rho_ohm_m"),
            },
            base_frequency_hz: self.number("base_frequency_hz"),
            frequency_hz: self.number("frequency_hz"),
        }
    }

    fn capacitor_input(&self) -> Capacitor {
        let (r_ohm, x_l_ohm) = (self.list("r_ohm"), self.list("x_l_ohm"));
        let steps = self
            .list("is_closed")
            .iter()
            .enumerate()
            .map(|(i, closed)| CapacitorStep {
                r_ohm: r_ohm[i],
                x_l_ohm: x_l_ohm[i],
                harmonic: self.number_or("harmonic", 0.0),
                is_closed: *closed == 1.0,
            })
            .collect();
        Capacitor {
            n_phases: self.count("n_phases"),
            connection: self.connection(),
            size: if self.has("c_matrix_uf") {
                CapacitorSize::Matrix(self.list("c_matrix_uf"))
            } else if self.has("c_uf") {
                CapacitorSize::Microfarad(self.list("c_uf"))
            } else {
                CapacitorSize::Kvar { kvar: self.list("kvar"), kv: self.number("kv") }
            },
            steps,
            is_shunt: self.is_shunt(),
            base_frequency_hz: self.number("base_frequency_hz"),
            frequency_hz: self.number("frequency_hz"),
        }
    }

    fn reactor_input(&self) -> Reactor {
        let impedance = if self.has("r_matrix_ohm") {
            ReactorImpedance::Matrix {
                r_ohm: self.list("r_matrix_ohm"),
                x_ohm: self.list("x_matrix_ohm"),
                is_parallel: self.number_or("parallel", 0.0) == 1.0,
            }
        } else if self.has("z1_ohm") {
            ReactorImpedance::Sequence { z1_ohm: self.complex("z1_ohm"), z2_ohm: self.complex("z2_ohm"), z0_ohm: self.complex("z0_ohm") }
        } else if self.has("kvar") {
            ReactorImpedance::Kvar { kvar: self.number("kvar"), kv: self.number("kv"), r_ohm: self.number("r_ohm") }
        } else {
            ReactorImpedance::Rx { r_ohm: self.number("r_ohm"), x_ohm: self.number("x_ohm") }
        };
        Reactor {
            n_phases: self.count("n_phases"),
            connection: self.connection(),
            impedance,
            r_parallel_ohm: self.number("r_parallel_ohm"),
            curve_factors: (1.0, 1.0),
            is_shunt: self.is_shunt(),
            base_frequency_hz: self.number("base_frequency_hz"),
            frequency_hz: self.number("frequency_hz"),
        }
    }

    fn source_primitive(&self) -> Result<Primitive, YprimError> {
        let n_phases = self.count("n_phases");
        if self.has("ideal_z_ohm") {
            return ideal_voltage_source(self.complex("ideal_z_ohm"), n_phases);
        }
        let strength = if self.has("mva") {
            let v = self.list("mva");
            ShortCircuit::Power { mva_3ph: v[0], mva_1ph: v[1], x1_over_r1: v[2], x0_over_r0: v[3] }
        } else if self.has("amperes") {
            let v = self.list("amperes");
            ShortCircuit::Current { isc_3ph_a: v[0], isc_1ph_a: v[1], x1_over_r1: v[2], x0_over_r0: v[3] }
        } else if self.has("z1_pu") {
            ShortCircuit::PerUnit {
                z1_pu: self.complex("z1_pu"),
                z2_pu: self.complex("z2_pu"),
                z0_pu: self.complex("z0_pu"),
                base_mva: self.number("base_mva"),
            }
        } else {
            ShortCircuit::Ohm(SequenceImpedance {
                z1_ohm: self.complex("z1_ohm"),
                z2_ohm: self.complex("z2_ohm"),
                z0_ohm: self.complex("z0_ohm"),
            })
        };
        let impedance = strength.impedance(self.number("kv"), n_phases)?;
        let ratio = self.number("frequency_hz") / self.number("base_frequency_hz");
        voltage_source(&impedance, n_phases, ratio)
    }
}

fn read_expected(folder: &Path) -> CMatrix {
    let text = std::fs::read_to_string(folder.join("expected.csv")).unwrap();
    let data: Vec<Complex64> = text
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
            Complex64::new(fields[2], fields[3])
        })
        .collect();
    let order = data.len().isqrt();
    CMatrix::from_row_major(order, order, data).unwrap()
}

fn folders() -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../cases/yprim");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

#[test]
fn stored_cases_agree_with_opendss() {
    let folders = folders();
    assert!(folders.len() >= 60, "only {} cases", folders.len());
    let mut failed = Vec::new();
    for folder in folders {
        let case = Case::read(&folder);
        let expected = read_expected(&folder);
        let mut primitive = case.primitive().unwrap_or_else(|e| panic!("{}: {e}", case.name));
        if case.has("open") {
            let is_open: Vec<bool> = case.list("open").iter().map(|v| *v == 1.0).collect();
            primitive.open(&is_open).unwrap();
        }
        if primitive.total.rows() != expected.rows() {
            failed.push(format!("{}: order {} for {}", case.name, primitive.total.rows(), expected.rows()));
            continue;
        }
        // Each entry against the largest of its matrix, and own entries against themselves.
        let scale = expected.max_abs().max(f64::MIN_POSITIVE);
        let mut worst = (&primitive.total - &expected).max_abs() / scale;
        for i in 0..expected.rows() {
            let own = expected[(i, i)];
            if own.norm() > 1e-9 * scale {
                worst = worst.max((primitive.total[(i, i)] - own).norm() / own.norm());
            }
        }
        println!("{:32} {:2} conductors, worst relative deviation {worst:.1e}", case.name, expected.rows());
        if worst.is_nan() || worst > 1e-9 {
            failed.push(format!("{}: {worst:.1e}\n{:?}\n{expected:?}", case.name, primitive.total));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn series_parts_do_not_float_and_hold_no_shunt() {
    for folder in folders() {
        let case = Case::read(&folder);
        let primitive = case.primitive().unwrap();
        let kind = case.text["element"].as_str();
        let trace_factor = match kind {
            "line" => continue,
            "capacitor" | "reactor" if case.is_shunt() => {
                if kind == "reactor" && case.count("n_phases") == 1 {
                    1.0
                } else {
                    1e-10
                }
            }
            "fault" | "gictransformer" if case.is_shunt() => 0.0,
            _ => {
                assert_eq!(primitive.series, primitive.total, "{}", case.name);
                continue;
            }
        };
        for i in 0..primitive.total.rows() {
            for j in 0..primitive.total.rows() {
                let expected = if i == j { primitive.total[(i, j)] * trace_factor } else { Complex64::ZERO };
                assert_eq!(primitive.series[(i, j)], expected, "{} {i} {j}", case.name);
            }
        }
    }
}

fn sequence_line(length: f64) -> LineInput {
    LineInput {
        n_phases: 3,
        length,
        unit_factor: 1.0,
        data: LineData::Sequence {
            z1_ohm: Complex64::new(0.3, 0.6),
            z0_ohm: Complex64::new(0.6, 1.4),
            c1_nf: 9.0,
            c0_nf: 4.0,
            long_line: false,
        },
        earth: EarthReturn { r_ohm: 0.01805, x_ohm: 0.155081, rho_ohm_m: 100.0 },
        base_frequency_hz: 60.0,
        frequency_hz: 60.0,
    }
}

#[test]
fn series_part_of_a_line_lacks_its_capacitance() {
    let primitive = line(&sequence_line(2.0)).unwrap();
    // Equal voltages at all conductors drive no current through the series impedance.
    let ones = vec![Complex64::ONE; 6];
    for current in primitive.series.mul_vec(&ones) {
        assert!((current - Complex64::new(0.0, 4.2e-8)).norm() < 1e-14);
    }
    // Zero-sequence charging: half of c0 at each end.
    let half_c0 = std::f64::consts::TAU * 60.0 * 4.0e-9 * 2.0 / 2.0;
    for current in primitive.total.mul_vec(&ones) {
        assert!((current - Complex64::new(0.0, half_c0)).norm() < 1e-14);
    }
}

#[test]
fn the_long_line_correction_vanishes_for_a_short_line() {
    let mut input = sequence_line(0.5);
    let plain = line(&input).unwrap().total;
    let LineData::Sequence { long_line, .. } = &mut input.data else { unreachable!() };
    *long_line = true;
    let corrected = line(&input).unwrap().total;
    assert!((&plain - &corrected).max_abs() < 1e-6 * plain.max_abs());
}

#[test]
fn short_circuit_levels_come_back_from_the_impedance() {
    let strength = ShortCircuit::Power { mva_3ph: 200.0, mva_1ph: 150.0, x1_over_r1: 6.0, x0_over_r0: 2.0 };
    let kv: f64 = 12.47;
    let z = strength.impedance(kv, 3).unwrap();
    assert!((kv * kv / z.z1_ohm.norm() - 200.0).abs() < 1e-9);
    let isc_1ph_a = 3.0 * (kv * 1000.0 / 3.0_f64.sqrt()) / (z.z1_ohm * 2.0 + z.z0_ohm).norm();
    assert!((isc_1ph_a * 3.0_f64.sqrt() * kv / 1000.0 - 150.0).abs() < 1e-9);
}

#[test]
fn source_phasors() {
    let v = voltage_source_phasors(12.47, 1.05, 30.0, 3, 1);
    assert!((v[0].norm() - 1.05 * 12_470.0 / 3.0_f64.sqrt()).abs() < 1e-5);
    assert!((v[0].arg().to_degrees() - 30.0).abs() < 1e-6);
    assert!((v[1].arg().to_degrees() + 90.0).abs() < 1e-6);
    assert!(((v[0] - v[1]).norm() - 1.05 * 12_470.0).abs() < 1e-5);
    let negative = voltage_source_phasors(12.47, 1.05, 30.0, 3, -1);
    assert!((negative[1] - v[2]).norm() < 1e-5);
    let zero = voltage_source_phasors(12.47, 1.05, 30.0, 3, 0);
    assert!((zero[2] - v[0]).norm() < 1e-5);
    assert!((voltage_source_phasors(7.2, 1.0, 0.0, 1, 1)[0] - 7200.0).norm() < 1e-5);
    // Two phases of a voltage source stand opposite each other; those of a current source are a part of three phases.
    let two = voltage_source_phasors(10.0, 1.0, 0.0, 2, 1);
    assert!((two[0] + two[1]).norm() < 1e-6 && (two[0].re - 5000.0).abs() < 1e-6);
    let currents = current_source_phasors(10.0, 20.0, 2, -1);
    assert!((currents[1].arg().to_degrees() - 140.0).abs() < 1e-6);
}

#[test]
fn source_phasors_turn_by_the_degrees_of_opendss() {
    // Voltages that OpenDSS (DSS C-API 0.14.5) gives an unloaded source of 12.47 kV, 1.03 pu, 30 degrees.
    let opendss = [
        Complex64::new(6422.04999864228, 3707.772298600874),
        Complex64::new(1.879_921_287_137_265_3e-6, -7415.544592498471),
        Complex64::new(-6422.050000522199, 3707.772295344758),
    ];
    for (found, expected) in voltage_source_phasors(12.47, 1.03, 30.0, 3, 1).iter().zip(opendss) {
        assert!((found - expected).norm() < 1e-10, "{found} {expected}");
    }
}

#[test]
fn opening_a_conductor_carries_no_current_there() {
    let mut primitive = line(&sequence_line(2.0)).unwrap();
    let before = primitive.total.clone();
    primitive.open(&[false, false, false, false, true, false]).unwrap();
    let v: Vec<Complex64> = (0..6).map(|i| Complex64::from_polar(7200.0 + 10.0 * f64::from(i), -2.0 * f64::from(i))).collect();
    let i_open = primitive.total.mul_vec(&v);
    assert!(i_open[4].norm() < 1e-8);
    // The same as leaving the end free: its voltage follows from zero current, the rest from the whole matrix.
    let known: Complex64 = (0..6).filter(|j| *j != 4).map(|j| before[(4, j)] * v[j]).sum();
    let mut free = v.clone();
    free[4] = -known / before[(4, 4)];
    let i_free = before.mul_vec(&free);
    for at in [0, 1, 2, 3, 5] {
        assert!((i_open[at] - i_free[at]).norm() < 1e-6);
    }
    let wrong = primitive.open(&[true; 4]);
    assert_eq!(wrong, Err(YprimError::Count { quantity: "is_open", expected: 6, found: 4 }));
}

#[test]
fn impossible_elements_are_errors() {
    assert!(matches!(line(&sequence_line(0.0)), Err(YprimError::Matrix(_))));
    let mut odd = sequence_line(1.0);
    odd.data = LineData::Matrix { z_ohm: CMatrix::identity(2), c_nf: vec![0.0; 9] };
    assert_eq!(line(&odd).unwrap_err(), YprimError::Count { quantity: "z_ohm", expected: 3, found: 2 });
    let none = ReactorImpedance::Rx { r_ohm: 0.0, x_ohm: 0.0 };
    let input = Reactor {
        n_phases: 3,
        connection: Connection::Wye,
        impedance: none,
        r_parallel_ohm: 0.0,
        curve_factors: (1.0, 1.0),
        is_shunt: true,
        base_frequency_hz: 60.0,
        frequency_hz: 60.0,
    };
    assert!(matches!(reactor(&input), Err(YprimError::Quantity { .. })));
    let weak = ShortCircuit::Power { mva_3ph: 0.0, mva_1ph: 1.0, x1_over_r1: 4.0, x0_over_r0: 3.0 };
    assert!(matches!(weak.impedance(12.47, 3), Err(YprimError::Quantity { .. })));
    let mut bank = Capacitor {
        n_phases: 3,
        connection: Connection::Wye,
        size: CapacitorSize::Kvar { kvar: vec![0.0], kv: 12.47 },
        steps: vec![CapacitorStep::CLOSED],
        is_shunt: true,
        base_frequency_hz: 60.0,
        frequency_hz: 60.0,
    };
    assert!(matches!(capacitor(&bank), Err(YprimError::Quantity { quantity: "kvar", .. })));
    bank.size = CapacitorSize::Microfarad(vec![1.0, 2.0]);
    assert_eq!(capacitor(&bank).unwrap_err(), YprimError::Count { quantity: "microfarad", expected: 1, found: 2 });
    bank.size = CapacitorSize::Matrix(vec![1.0; 9]);
    bank.connection = Connection::Delta;
    assert!(matches!(capacitor(&bank), Err(YprimError::NoDelta { .. })));
    // A capacitance matrix between two terminals cannot be inverted to take a reactor in series.
    bank.connection = Connection::Wye;
    bank.steps[0].r_ohm = 1.0;
    assert!(matches!(capacitor(&bank), Err(YprimError::Matrix(_))));
    assert!(gic_line(3, Complex64::ZERO, 0.0, 60.0, 60.0).is_err());
}
