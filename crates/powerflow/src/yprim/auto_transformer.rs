//! Autotransformers: what differs from an ordinary transformer.
//!
//! Winding 1 is the series winding, from the high terminal to the low one; winding 2 is the common winding, from the low terminal to
//! the neutral. Further windings (a tertiary) are ordinary. A terminal has `2 n_phases` conductors: the first ends of its winding,
//! then the second ends. The second ends of the series winding *are* the first ends of the common winding: whoever assigns nodes
//! gives conductors `n_phases ..` of terminal 1 the nodes of terminal 2.
//!
//! Rated voltages and short-circuit reactances are those of the terminals (H, X, T), so they are brought to the windings
//! (Dommel, *EMTP Theory Book*, equations 6.45 to 6.50). With the series voltage `V_s = V_H - V_X` and the common `V_c = V_X`:
//!
//! ```text
//! Z_sc     = Z_HX (1 + V_c / V_s)²
//! X_st     = X_HX (V_s + V_c) V_c / V_s² + X_HT (V_s + V_c) / V_s - X_XT V_c / V_s
//! ```
//!
//! Resistances are taken as they are, except that `Z_sc` above scales those of windings 1 and 2 too.

use super::transformer::winding_base_v;
use network::Transformer;

/// Series voltage of an autotransformer whose two sides have the same rating, per unit of that rating.
const SMALLEST_SERIES_PU: f64 = 0.0001;

/// Rated voltage across each winding, V; the first is the series winding's.
pub(super) fn winding_bases_v(t: &Transformer) -> Vec<f64> {
    let n_phases = t.common.n_phases;
    let (high_kv, low_kv) = (t.windings[0].kv, t.windings[1].kv);
    let mut series_kv = if matches!(n_phases, 2 | 3) { (high_kv - low_kv) / 3f64.sqrt() } else { high_kv - low_kv };
    if series_kv == 0.0 {
        series_kv = high_kv * SMALLEST_SERIES_PU;
    }
    let others = t.windings[1..].iter().map(|w| winding_base_v(w, n_phases));
    std::iter::once(series_kv * 1000.0).chain(others).collect()
}

/// Reactance (per unit) and factor of the impedance between the series winding and winding `i + 1` (0-based).
pub(super) fn short_circuit_to_series(t: &Transformer, v_base_v: &[f64], i: usize) -> (f64, f64) {
    let (series, common) = (v_base_v[0], v_base_v[1]);
    let x_pu = |position: usize| t.x_sc_pct[position] / 100.0;
    match i {
        0 => {
            let ratio = 1.0 + common / series;
            (x_pu(0), ratio * ratio)
        }
        1 => {
            let x_st =
                x_pu(0) * (series + common) * common / series / series + x_pu(1) * (series + common) / series - x_pu(2) * common / series;
            (x_st, 1.0)
        }
        _ => (x_pu(i), 1.0),
    }
}
