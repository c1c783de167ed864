//! What tells two designs apart: the SHA-256 of a canonical text of what matters to a result.
//!
//! Names, descriptions and the order of lists do not enter; numbers enter with the fewest digits that read back as the same value. The electrical
//! fingerprint covers all that a power flow or a short-circuit study sees, that of reliability the components and blocks.

use super::{Design, sha256_hex};
use crate::design::ram::ComponentData;
use std::fmt::Debug;

/// A line of the text: the parts of one item.
fn line(parts: &[&dyn Debug]) -> String {
    parts.iter().map(|p| format!("{p:?}")).collect::<Vec<_>>().join("|")
}

fn hash(title: &str, mut lines: Vec<String>) -> String {
    lines.sort();
    sha256_hex(format!("{title}\n{}", lines.join("\n")).as_bytes())
}

impl Design {
    /// Fingerprint of what is electrically relevant, 64 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let mut lines = vec![line(&[&"frequency", &self.frequency_hz]), line(&[&"base", &self.s_base_mva])];
        lines.extend(self.buses.iter().map(|b| line(&[&"bus", &b.id, &b.case_number(), &b.rated_kv])));
        lines.extend(self.generators.iter().map(|g| {
            line(&[
                &"generator",
                &g.id,
                &g.bus,
                &g.rated_kv,
                &g.rated_mw,
                &g.mva(),
                &g.rated_pf,
                &g.p_min_mw,
                &g.q_max_mvar,
                &g.q_min_mvar,
                &g.v_set_pu,
                &g.ra_pu,
                &g.xd_pu,
                &g.xd_prime_pu,
                &g.xd_double_prime_pu,
                &g.x2_pu,
                &g.x0_pu,
                &g.h_inertia_s,
                &g.earthing,
                &g.status,
            ])
        }));
        lines.extend(self.batteries.iter().map(|b| {
            line(&[
                &"battery",
                &b.id,
                &b.bus,
                &b.rated_kv,
                &b.rated_mw,
                &b.rated_mva,
                &b.energy_mwh,
                &b.p_mw,
                &b.holds_voltage,
                &b.v_set_pu,
                &b.i_sc_pu,
                &b.status,
            ])
        }));
        let pv =
            |p: &super::DesignPv| line(&[&"pv", &p.id, &p.bus, &p.rated_kv, &p.rated_mw, &p.rated_mva, &p.p_mw, &p.i_sc_pu, &p.status]);
        lines.extend(self.pv_plants.iter().map(pv));
        lines.extend(self.grid_feeds.iter().map(|g| {
            line(&[
                &"grid",
                &g.id,
                &g.bus,
                &g.rated_kv,
                &g.rated_mw,
                &g.s_sc_max_mva,
                &g.s_sc_min_mva,
                &g.x_r_ratio,
                &g.z0_z1_ratio,
                &g.v_set_pu,
                &g.status,
            ])
        }));
        lines.extend(self.transformers.iter().map(|t| {
            line(&[
                &"transformer",
                &t.id,
                &t.hv_bus,
                &t.lv_bus,
                &t.rated_mva,
                &t.hv_kv,
                &t.lv_kv,
                &t.uk_pct,
                &t.load_loss_kw,
                &t.no_load_loss_kw,
                &t.i0_pct,
                &t.uk0_pct,
                &t.vector_group,
                &t.tap_pct,
                &t.has_tap_changer,
                &t.hv_earthing,
                &t.lv_earthing,
                &t.status,
            ])
        }));
        lines.extend(self.cables.iter().map(|c| {
            line(&[
                &"cable",
                &c.id,
                &c.from_bus,
                &c.to_bus,
                &c.length_km,
                &c.r1_ohm_per_km,
                &c.x1_ohm_per_km,
                &c.r0_ohm_per_km,
                &c.x0_ohm_per_km,
                &c.c1_nf_per_km,
                &c.n_parallel,
                &c.rated_mva,
                &c.status,
            ])
        }));
        lines.extend(self.loads.iter().map(|l| line(&[&"load", &l.id, &l.bus, &l.p_mw, &l.pf, &l.auxiliary, &l.status])));
        lines.extend(self.motors.iter().map(|m| {
            line(&[
                &"motor",
                &m.id,
                &m.bus,
                &m.rated_kv,
                &m.rated_mw,
                &m.efficiency,
                &m.rated_pf,
                &m.locked_rotor_ratio,
                &m.r_over_x,
                &m.n_pole_pairs,
                &m.status,
            ])
        }));
        lines.extend(self.breakers.iter().map(|b| {
            line(&[&"breaker", &b.id, &b.bus, &b.protects, &b.rated_kv, &b.rated_a, &b.breaking_ka, &b.making_peak_ka, &b.parting_ms])
        }));
        hash("gridtwin design 1 electrical", lines)
    }

    /// Fingerprint of components and blocks, 64 hexadecimal digits.
    pub fn ram_fingerprint(&self) -> String {
        let component = |c: &ComponentData| {
            line(&[
                &"component",
                &c.component_id,
                &c.mtbf_h,
                &c.mttr_h,
                &c.distribution,
                &c.weibull_beta,
                &c.weibull_eta_h,
                &c.redundancy_group,
                &c.capacity_mw,
                &c.operating_hours_per_year,
                &c.pm_interval_h,
            ])
        };
        let mut lines: Vec<String> = self.components.iter().map(component).collect();
        lines.extend(self.blocks.iter().map(|b| {
            let mut parts = b.components.clone();
            parts.sort();
            line(&[&"block", &b.block_id, &b.block_type, &parts, &b.k_required, &b.n_total])
        }));
        hash("gridtwin design 1 reliability", lines)
    }
}
