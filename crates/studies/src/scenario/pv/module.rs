//! Panel and inverter.
//!
//! ```text
//! cells      T = T_air + G / (u0 + u1 v)                                 Faiman (2008)
//! DC         p = G_eff/1000 (1 + γ (T - 25)) (1 - losses)                PVWatts, a kW of panels
//! inverter   ζ = p / p_dc0,  p_dc0 = p_ac0/η_nom,  η = η_nom/0.9637 (-0.0162 ζ - 0.0059/ζ + 0.9858)
//!            AC = min(η p, p_ac0)                                         PVWatts 5 (Dobos, NREL/TP-6A20-62641)
//! ```

/// Reference efficiency of the inverter curve.
const REFERENCE: f64 = 0.9637;

/// What panels and inverter are made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Module {
    /// Change of DC power for a degree, per unit.
    pub temperature_per_c: f64,
    pub losses: f64,
    pub dc_ac_ratio: f64,
    pub inverter_efficiency: f64,
    pub u0_w_per_m2_c: f64,
    pub u1_w_s_per_m3_c: f64,
}

impl Module {
    /// Temperature of the cells, °C, in `g` W/m² on the plane.
    pub fn cell_c(&self, g_w_per_m2: f64, air_c: f64, wind_m_per_s: f64) -> f64 {
        air_c + g_w_per_m2 / (self.u0_w_per_m2_c + self.u1_w_s_per_m3_c * wind_m_per_s)
    }

    /// DC power of a kW of panels, kW; `effective` is the irradiance that reaches the cells.
    pub fn dc_kw(&self, effective_w_per_m2: f64, cell_c: f64) -> f64 {
        (effective_w_per_m2 / 1000.0 * (1.0 + self.temperature_per_c * (cell_c - 25.0)) * (1.0 - self.losses)).max(0.0)
    }

    /// AC power of the inverter of a kW of panels, kW.
    pub fn ac_kw(&self, dc_kw: f64) -> f64 {
        let limit = 1.0 / self.dc_ac_ratio;
        let zeta = dc_kw / (limit / self.inverter_efficiency);
        if zeta <= 0.0 {
            return 0.0;
        }
        let efficiency = self.inverter_efficiency / REFERENCE * (-0.0162 * zeta - 0.0059 / zeta + 0.9858);
        (efficiency * dc_kw).clamp(0.0, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: Module = Module {
        temperature_per_c: -0.004,
        losses: 0.1,
        dc_ac_ratio: 1.25,
        inverter_efficiency: 0.96,
        u0_w_per_m2_c: 25.0,
        u1_w_s_per_m3_c: 6.84,
    };

    #[test]
    fn worked_by_hand() {
        // 800 / (25 + 6.84 · 2) = 20.68 above the air.
        assert!((MODULE.cell_c(800.0, 20.0, 2.0) - 40.682_523).abs() < 1e-6);
        assert!((MODULE.dc_kw(800.0, 45.0) - 0.8 * 0.92 * 0.9).abs() < 1e-12);
        // Full sun on cold cells is clipped at 0.8 kW; a tenth of the inverter's input: η = 0.96/0.9637 (-0.00162 - 0.059 + 0.9858).
        assert_eq!(MODULE.ac_kw(1.0), 0.8);
        let dc = 0.1 * 0.8 / 0.96;
        assert!((MODULE.ac_kw(dc) / dc - 0.96 / 0.9637 * 0.92518).abs() < 1e-12);
        assert_eq!(MODULE.ac_kw(0.0), 0.0);
        assert_eq!(MODULE.ac_kw(1e-4), 0.0);
    }
}
