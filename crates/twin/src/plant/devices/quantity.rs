//! What a point measures, in the fixed words that devices' documents have (`docs/scada.md`), with the unit last.
//!
//! The words of a point's name are taken apart into quantity and phase: `V.AB` is `v_ll_kv` of phase A (the first of the pair), `I2T.B` is
//! `i2t_ka2s` of phase B, `GAS.H2` is `gas_h2_ul_per_l` of no phase.

/// Quantities whose word is not made from the point's own.
const NAMED: [(&str, &str); 16] = [
    ("V_ANGLE", "v_angle_deg"),
    ("V0", "v0_ln_kv"),
    ("V1", "v1_ln_kv"),
    ("V2", "v2_ln_kv"),
    ("I", "i_a"),
    ("I0", "i0_a"),
    ("I1", "i1_a"),
    ("I2", "i2_a"),
    ("3I0", "i_residual_a"),
    ("P", "p_kw"),
    ("Q", "q_kvar"),
    ("S", "s_kva"),
    ("PF", "power_factor"),
    ("LOSSES_KW", "losses_kw"),
    ("SUPPLY_KW", "supply_kw"),
    ("TAP_POSITION", "tap_position"),
];

/// A unit as the end of a word; empty for what has none.
fn unit_word(unit: &str) -> String {
    match unit {
        "" | "1" | "pf" => String::new(),
        "%" => "pct".to_owned(),
        other => other.to_lowercase().replace('/', "_per_"),
    }
}

/// Word and phase of what a point's name says after its place.
pub fn quantity_of(words: &str, unit: &str) -> (String, Option<char>) {
    let (stem, phase) = match words.rsplit_once('.') {
        Some((stem, "A" | "AB")) => (stem, Some('A')),
        Some((stem, "B" | "BC")) => (stem, Some('B')),
        Some((stem, "C" | "CA")) => (stem, Some('C')),
        _ => (words, None),
    };
    if stem == "V" {
        // The last part of the name is one phase or a pair of them.
        let is_pair = words.len() == "V.AB".len();
        return (if is_pair { "v_ll_kv" } else { "v_ln_kv" }.to_owned(), phase);
    }
    if let Some((_, word)) = NAMED.iter().find(|(w, _)| *w == stem) {
        return ((*word).to_owned(), phase);
    }
    let (mut word, unit) = (stem.to_lowercase().replace('.', "_"), unit_word(unit));
    if !unit.is_empty() && !word.ends_with(&format!("_{unit}")) {
        word = format!("{word}_{unit}");
    }
    (word, phase)
}

#[cfg(test)]
mod tests {
    use super::quantity_of;

    #[test]
    fn words_have_their_unit_last_and_phases_apart() {
        for (words, unit, word, phase) in [
            ("V.A", "kV", "v_ln_kv", Some('A')),
            ("V.CA", "kV", "v_ll_kv", Some('C')),
            ("V_ANGLE.B", "deg", "v_angle_deg", Some('B')),
            ("V_UNBALANCE", "%", "v_unbalance_pct", None),
            ("I2", "A", "i2_a", None),
            ("3I0", "A", "i_residual_a", None),
            ("P.C", "kW", "p_kw", Some('C')),
            ("PF", "pf", "power_factor", None),
            ("LOSSES_KVAR", "kvar", "losses_kvar", None),
            ("ROCOF", "Hz/s", "rocof_hz_per_s", None),
            ("ENERGY_IN", "kWh", "energy_in_kwh", None),
            ("CLOSED", "", "closed", None),
            ("OPERATIONS", "1", "operations", None),
            ("SF6_20C", "bar", "sf6_20c_bar", None),
            ("I2T.B", "kA2s", "i2t_ka2s", Some('B')),
            ("TOP_OIL", "C", "top_oil_c", None),
            ("LOADING", "%", "loading_pct", None),
            ("LOSS_OF_LIFE", "%", "loss_of_life_pct", None),
            ("GAS.H2", "ul/l", "gas_h2_ul_per_l", None),
            ("GAS_RATE.CO", "ul/l/a", "gas_rate_co_ul_per_l_per_a", None),
            ("VIBRATION_2F", "mm/s2", "vibration_2f_mm_per_s2", None),
            ("TAP_RATIO", "pu", "tap_ratio_pu", None),
            ("TAP_POSITION", "1", "tap_position", None),
            ("87T_A.PICKUP", "", "87t_a_pickup", None),
            ("21_ZONE_1.SEEN", "ohm", "21_zone_1_seen_ohm", None),
            ("I_DIFF.A", "pu", "i_diff_pu", Some('A')),
        ] {
            assert_eq!(quantity_of(words, unit), (word.to_owned(), phase), "{words}");
        }
    }
}
