//! Units of fields, from their names: a unit stands last in the name of a field of the network.

/// Endings of names and what they mean; longer ones before those that end them.
const ENDINGS: &[(&str, &str)] = &[
    ("ohm_per_km", "Ω/km"),
    ("ohm_m", "Ω·m"),
    ("kw_per_a", "kW/A"),
    ("kv_ll_1", "kV"),
    ("kv_ll_2", "kV"),
    ("kv_ll", "kV"),
    ("kv_ln", "kV"),
    ("kvar", "kvar"),
    ("mvar", "Mvar"),
    ("kwh", "kWh"),
    ("kva", "kVA"),
    ("mva", "MVA"),
    ("kw", "kW"),
    ("mw", "MW"),
    ("kv", "kV"),
    ("ohm", "Ω"),
    ("siemens", "S"),
    ("ppm", "ppm"),
    ("deg", "°"),
    ("pct", "%"),
    ("mh", "mH"),
    ("nf", "nF"),
    ("uf", "µF"),
    ("hz", "Hz"),
    ("km", "km"),
    ("pu", "pu"),
    ("kg", "kg"),
    ("a", "A"),
    ("c", "°C"),
    ("h", "h"),
    ("m", "m"),
    ("s", "s"),
    ("v", "V"),
];

/// Whole names whose unit their ending does not tell, and beginnings of names that say it first.
const NAMES: &[(&str, &str)] = &[
    ("base_kv", "kV"),
    ("kv_base", "kV"),
    ("kv_base_ln", "kV"),
    ("kv_base_ll", "kV"),
    ("kv_nominal", "kV"),
    ("kv_rated", "kV"),
    ("kv_dc", "kV"),
    ("kv_normal", "kV"),
    ("kva_normal", "kVA"),
    ("kva_emergency", "kVA"),
    ("kw_target", "kW"),
    ("kw_target_low", "kW"),
    ("kw_threshold", "kW"),
    ("kvar", "kvar"),
    ("kvar_max", "kvar"),
    ("microfarad", "µF"),
    ("irradiance", "kW/m²"),
    ("volts", "V"),
    ("fault_rate", "1/a"),
    ("days", "d"),
    ("latitude_deg", "°"),
    ("longitude_deg", "°"),
];

/// The ending of a field's name that says its unit, and the unit; none for a number that has none or tells it beside itself.
pub(super) fn ending_of(field: &str) -> Option<(&'static str, &'static str)> {
    if let Some((name, unit)) = NAMES.iter().find(|(name, _)| *name == field) {
        return Some((name, unit));
    }
    // Numbers in a row are counted, and their unit stands before the number.
    let field = field.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_');
    ENDINGS
        .iter()
        .find(|(ending, _)| field.strip_suffix(ending).is_some_and(|rest| rest.ends_with('_') || (rest.is_empty() && ending.len() > 1)))
        .copied()
}

/// Unit of a field, by the last part of its path.
pub fn unit_of(field: &str) -> Option<&'static str> {
    ending_of(field).map(|(_, unit)| unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_units() {
        for (field, unit) in [
            ("p_kw", Some("kW")),
            ("kv", Some("kV")),
            ("kva", Some("kVA")),
            ("normal_a", Some("A")),
            ("v_min_pu", Some("pu")),
            ("x_sc_pct", Some("%")),
            ("z1_ohm", Some("Ω")),
            ("rho_ohm_m", Some("Ω·m")),
            ("base_kv", Some("kV")),
            ("kv_ll_1", Some("kV")),
            ("c_nf", Some("nF")),
            ("oil_rise_c", Some("°C")),
            ("n_taps", None),
            ("h", None),
            ("m", None),
            ("class", None),
            ("length", None),
            ("model", None),
        ] {
            assert_eq!(unit_of(field), unit, "{field}");
        }
    }
}
