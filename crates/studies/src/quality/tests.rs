use super::*;
use network::{Common, Line, LineImpedance, Terminal};

fn line(network: &mut Network, name: &str, length: f64, ends: [(&str, f64); 2]) {
    let mut common = Common::new(name, 3);
    for (bus, lon_deg) in ends {
        let id = network.bus_or_add(bus);
        network.buses[id.index()].latitude_longitude_deg = Some((0.0, lon_deg));
        common.terminals.push(Terminal::new(id, vec![1, 2, 3]));
    }
    network.add(Line {
        common,
        length,
        length_unit: network::LengthUnit::Metre,
        unit_factor: 1.0,
        impedance: LineImpedance::Sequence {
            z1_ohm: num_complex::Complex64::new(1e-4, 2e-4),
            z0_ohm: num_complex::Complex64::new(1e-4, 2e-4),
            c1_nf: 0.0,
            c0_nf: 0.0,
        },
        earth_r_ohm: 0.0,
        earth_x_ohm: 0.0,
        rho_ohm_m: 100.0,
        earth_model: network::EarthModel::Deri,
        is_switch: false,
        line_code: None,
        line_type: String::new(),
    });
}

#[test]
fn lengths_are_held_against_the_map() {
    let mut network = Network::new("n");
    // 0.01 degrees of longitude at the equator are 1112 m.
    line(&mut network, "fits", 1150.0, [("a", 0.0), ("b", 0.01)]);
    line(&mut network, "feet", 1112.0 * 0.3048, [("b", 0.01), ("c", 0.02)]);
    line(&mut network, "far", 8000.0, [("c", 0.02), ("d", 0.03)]);
    let found = quality(&network);
    let lengths: Vec<(&str, &str, LonLat)> = found
        .findings
        .iter()
        .filter(|d| d.code.starts_with("QUALITY.LENGTH"))
        .map(|d| (d.code.as_str(), d.element.as_deref().unwrap(), d.place.unwrap()))
        .collect();
    assert_eq!(
        lengths,
        [
            ("QUALITY.LENGTH.SHORTER_THAN_MAP", "line.feet", LonLat::new(0.01, 0.0)),
            ("QUALITY.LENGTH.LONGER_THAN_MAP", "line.far", LonLat::new(0.02, 0.0)),
        ]
    );
    let rating = found.completeness.iter().find(|c| c.value == "current rating").unwrap();
    assert_eq!((rating.have, rating.of), (0, 3));
    assert!(found.findings.iter().any(|d| d.code == "QUALITY.VALUE.MISSING"));
}

#[test]
fn energy_is_balanced_with_losses() {
    // 1000 h at half of the peak of 100 kW; losses 4 kW at 80 kW are 6.25 kW at the peak: loss factor 0.15/2 + 0.85/4 = 0.2875.
    let energies = Energies {
        head_kwh: 50_000.0,
        head_peak_kw: 100.0,
        hours: 1000.0,
        delivered_kwh: 49_000.0,
        received_kwh: 500.0,
        losses_kw: Some((4.0, 80.0)),
    };
    let (b, finding) = balance(&energies);
    assert!((b.load_factor - 0.5).abs() < 1e-12 && (b.losses_kwh.unwrap() - 6.25 * 1000.0 * 0.2875).abs() < 1e-9);
    assert!((b.unaccounted_kwh - (50_000.0 - 48_500.0 - 1796.875)).abs() < 1e-9);
    assert_eq!(finding, None);
    let code = |delivered_kwh| balance(&Energies { delivered_kwh, losses_kw: None, ..energies }).1.map(|d| d.code);
    assert_eq!(code(40_000.0).as_deref(), Some("QUALITY.ENERGY.UNACCOUNTED"));
    assert_eq!(code(60_000.0).as_deref(), Some("QUALITY.ENERGY.MORE_OUT_THAN_IN"));
}
