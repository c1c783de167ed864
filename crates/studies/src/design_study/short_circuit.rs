//! Short circuits of a design by IEC 60909-0: its nameplates as a case, and rows as a table of results has them.

use crate::short_circuit::case::{Breaker, Bus, Converter, Feeder, Generator, Line, MachineKind, Motor, StarPoint, Transformer};
use crate::short_circuit::{AnsiOptions, Case, Duty, FaultKind, Options, Study, judge, run as solve};
use network::Diagnostic;
use network::design::results::{RowOrigin, ShortCircuitRow};
use network::design::{Design, Earthing, PrimeMover};

/// Contacts part so late where a breaker does not say: three cycles at 60 Hz.
const PARTING_S: f64 = 0.05;

/// The design as a case of nameplates.
pub fn case(design: &Design) -> Case {
    let star = |e: Earthing| match e {
        Earthing::Isolated => None,
        Earthing::Solid => Some(StarPoint::default()),
        Earthing::Impedance { r_ohm, x_ohm } => Some(StarPoint { r_ohm, x_ohm }),
    };
    Case {
        name: design.name.clone(),
        f_hz: Some(design.frequency_hz),
        buses: design.buses.iter().map(|b| Bus { id: b.id.clone(), kv: b.rated_kv, c_max: None, c_min: None, in_service: true }).collect(),
        feeders: design
            .grid_feeds
            .iter()
            .map(|g| Feeder {
                id: g.id.clone(),
                bus: g.bus.clone(),
                sk_max_mva: Some(g.s_sc_max_mva),
                sk_min_mva: Some(g.s_sc_min_mva),
                rx_max: Some(1.0 / g.x_r_ratio),
                z0_z1: Some(g.z0_z1_ratio),
                in_service: g.status.is_online(),
                ..Feeder::default()
            })
            .collect(),
        lines: design
            .cables
            .iter()
            .map(|c| Line {
                id: c.id.clone(),
                from: c.from_bus.clone(),
                to: c.to_bus.clone(),
                length_km: c.length_km,
                r_ohm_per_km: c.r1_ohm_per_km,
                x_ohm_per_km: c.x1_ohm_per_km,
                r0_ohm_per_km: c.r0_ohm_per_km,
                x0_ohm_per_km: c.x0_ohm_per_km,
                parallel: c.n_parallel,
                end_temperature_c: None,
                in_service: c.status.is_online(),
            })
            .collect(),
        transformers: design
            .transformers
            .iter()
            .map(|t| Transformer {
                id: t.id.clone(),
                hv: t.hv_bus.clone(),
                lv: t.lv_bus.clone(),
                sr_mva: t.rated_mva,
                ur_hv_kv: t.hv_kv,
                ur_lv_kv: t.lv_kv,
                ukr_pct: t.uk_pct,
                pkr_kw: Some(t.load_loss_kw),
                ukr0_pct: t.uk0_pct,
                vector_group: earthed(&t.vector_group, t.hv_earthing, t.lv_earthing),
                hv_star: star(t.hv_earthing),
                lv_star: star(t.lv_earthing),
                on_load_tap_changer: t.has_tap_changer,
                parallel: 1,
                in_service: t.status.is_online(),
                ..Transformer::default()
            })
            .collect(),
        generators: design
            .generators
            .iter()
            .map(|g| Generator {
                id: g.id.clone(),
                bus: g.bus.clone(),
                kind: match g.prime_mover {
                    PrimeMover::ReciprocatingEngine | PrimeMover::Hydro => MachineKind::SalientPole,
                    PrimeMover::GasTurbine | PrimeMover::SteamTurbine => MachineKind::Turbine,
                },
                sr_mva: g.mva(),
                ur_kv: g.rated_kv,
                xdpp_pu: g.xd_double_prime_pu,
                x2_pu: g.x2_pu,
                x0_pu: g.x0_pu,
                star: star(g.earthing),
                cos_phi: g.rated_pf,
                in_service: g.status.is_online(),
                ..Generator::default()
            })
            .collect(),
        motors: design
            .motors
            .iter()
            .map(|m| Motor {
                id: m.id.clone(),
                bus: m.bus.clone(),
                ur_kv: m.rated_kv,
                p_mw: Some(m.rated_mw),
                cos_phi: Some(m.rated_pf),
                efficiency: Some(m.efficiency),
                pole_pairs: m.n_pole_pairs,
                i_lr_ir: Some(m.locked_rotor_ratio),
                rx: Some(m.r_over_x),
                count: 1,
                in_service: m.status.is_online(),
                ..Motor::default()
            })
            .collect(),
        converters: converters(design),
        breakers: design
            .breakers
            .iter()
            .map(|b| Breaker {
                id: b.id.clone(),
                bus: b.bus.clone(),
                // One that stands before a load is judged by the whole bus: a load brings nothing.
                element: Some(b.protects.clone()).filter(|p| !p.is_empty() && !design.loads.iter().any(|l| l.id == *p)),
                rated_kv: b.rated_kv,
                interrupting_ka: b.breaking_ka,
                peak_ka: b.making_peak_ka,
                contact_parting_s: b.parting_ms.map_or(PARTING_S, |ms| ms / 1000.0),
                ..Breaker::default()
            })
            .collect(),
        ..Case::default()
    }
}

/// A star point that is not earthed has no `N`, whatever the plate says; one that is has.
fn earthed(group: &str, hv: Earthing, lv: Earthing) -> String {
    // Without a plate the usual one of a plant: the high side in delta, which blocks its zero sequence.
    let group = if group.trim().is_empty() { "Dyn11" } else { group.trim() };
    let digits: String = group.chars().filter(char::is_ascii_digit).collect();
    let mut letters = group.chars().filter(|c| c.is_ascii_alphabetic());
    let high = letters.next().unwrap_or('D');
    let low = letters.find(char::is_ascii_lowercase).filter(|c| *c != 'n').unwrap_or('y');
    let star = |letter: char, e: Earthing, n: &str| {
        let n = if !letter.eq_ignore_ascii_case(&'d') && e != Earthing::Isolated { n } else { "" };
        format!("{letter}{n}")
    };
    format!("{}{}{digits}", star(high, hv, "N"), star(low, lv, "n"))
}

fn converters(design: &Design) -> Vec<Converter> {
    let one = |id: &str, bus: &str, i_sc_pu: f64, mva: f64, kv: f64, online: bool| Converter {
        id: id.to_owned(),
        bus: bus.to_owned(),
        i_3ph_ka: i_sc_pu * mva / (3f64.sqrt() * kv),
        in_service: online,
        ..Converter::default()
    };
    let batteries = design.batteries.iter().map(|b| one(&b.id, &b.bus, b.i_sc_pu, b.rated_mva, b.rated_kv, b.status.is_online()));
    let pv = design.pv_plants.iter().map(|p| one(&p.id, &p.bus, p.i_sc_pu, p.rated_mva, p.rated_kv, p.status.is_online()));
    batteries.chain(pv).collect()
}

/// Words of result tables for kinds of faults.
fn word(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::ThreePhase => "3-Phase",
        FaultKind::LineLine => "L-L",
        FaultKind::LineLineEarth => "L-L-G",
        FaultKind::LineEarth => "L-G",
    }
}

/// Largest currents at all buses; nothing, with the reasons among the findings, where the case is refused.
pub(super) fn run(design: &Design, findings: &mut Vec<Diagnostic>) -> Option<(Study, Vec<Duty>, Vec<ShortCircuitRow>)> {
    let case = case(design);
    let options = Options { faults: vec![FaultKind::ThreePhase, FaultKind::LineEarth], t_min_s: PARTING_S, ..Options::default() };
    let study = match solve(&case, &options) {
        Ok(study) => study,
        Err(refused) => {
            findings.extend(refused.findings);
            return None;
        }
    };
    let duties = match judge(&case, &options, &AnsiOptions::default()) {
        Ok(duties) => duties,
        Err(refused) => {
            findings.extend(refused.findings);
            Vec::new()
        }
    };
    let mut rows = Vec::new();
    for at in &study.buses {
        let Some(bus) = design.bus(&at.bus) else { continue };
        let rating = design.breakers.iter().filter(|b| b.bus == bus.id).map(|b| b.breaking_ka).min_by(f64::total_cmp);
        for fault in &at.faults {
            let z = match (fault.kind, at.z0_ohm) {
                (FaultKind::LineEarth, Some(z0)) => at.z1_ohm + at.z2_ohm + z0,
                // Nothing flows to earth.
                (FaultKind::LineEarth, None) => continue,
                _ => at.z1_ohm,
            };
            rows.push(ShortCircuitRow {
                origin: RowOrigin::default(),
                bus_id: bus.id.clone(),
                bus_name: bus.name.clone(),
                fault_type: word(fault.kind).to_owned(),
                isc_ka: fault.ik_ka,
                x_r_ratio: (z.re > 0.0).then(|| z.im / z.re),
                breaker_rating_ka: rating,
                duty_pct: rating.map(|r| 100.0 * fault.ik_ka / r),
                isc_mva: Some(fault.sk_mva),
            });
        }
    }
    findings.extend(study.findings.iter().cloned());
    Some((study, duties, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_point_is_earthed_as_the_design_says() {
        let z = Earthing::Impedance { r_ohm: 1.0, x_ohm: 0.0 };
        for (group, hv, lv, expected) in [
            ("Dyn11", Earthing::Isolated, Earthing::Solid, "Dyn11"),
            ("Dyn11", Earthing::Isolated, Earthing::Isolated, "Dy11"),
            ("YNd5", z, Earthing::Isolated, "YNd5"),
            ("YNd5", Earthing::Isolated, Earthing::Isolated, "Yd5"),
            ("Yy0", Earthing::Solid, z, "YNyn0"),
            ("", Earthing::Isolated, Earthing::Solid, "Dyn11"),
            ("Dzn0", Earthing::Isolated, Earthing::Solid, "Dzn0"),
        ] {
            assert_eq!(earthed(group, hv, lv), expected, "{group} {hv:?} {lv:?}");
        }
    }
}
