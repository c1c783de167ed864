//! How good the data of a network are: what is there, what cannot be, what refers to nothing, and whether
//! the energy that goes in comes out.
//!
//! The checks of [`network::check`] ask whether a network can be solved; these ask whether it is the
//! grid that stands outside.
//!
//! # Energy balance
//!
//! Over a period, what enters at the feeder's head leaves through meters or is lost:
//!
//! ```text
//! E_head = E_delivered - E_received + E_losses + E_unaccounted
//! ```
//!
//! Losses follow from a solved moment: losses that grow with the square of the load, `p_peak` at the peak
//! `P_peak`, give over `T` hours, with the load factor `f = E_head / (P_peak T)`, the energy `p_peak T (k f + (1 - k) f^2)`
//! (the loss-factor formula of Buller and Woodrow, 1928; `k = 0.15` for distribution feeders after Gustafson, 1988).
//! A moment at another load than the peak is brought to it by the square of the ratio.

mod completeness;
mod plausible;

pub use completeness::Completeness;

use network::{AssetKind, BusId, Diagnostic, ElementId, LonLat, Network, Severity};
use std::collections::HashMap;

/// Share of the loss factor that grows with the load itself.
pub const LOSS_FACTOR_K: f64 = 0.15;

/// Unaccounted energy above this share of the head's is a warning, percent: meters of class 1 and an estimate of losses agree better.
pub const UNACCOUNTED_PCT: f64 = 5.0;

/// Energies of a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Energies {
    /// Entered at the head.
    pub head_kwh: f64,
    /// Highest power at the head.
    pub head_peak_kw: f64,
    pub hours: f64,
    pub delivered_kwh: f64,
    pub received_kwh: f64,
    /// Losses of a solved moment, and the power at the head then.
    pub losses_kw: Option<(f64, f64)>,
}

/// The balance of a period.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Balance {
    pub head_kwh: f64,
    pub meters_kwh: f64,
    /// None without a solved moment.
    pub losses_kwh: Option<f64>,
    pub load_factor: f64,
    pub unaccounted_kwh: f64,
    /// Of the head's energy.
    pub unaccounted_pct: f64,
}

/// Balances the energies of a period.
///
/// The finding, if any, says that meters and head do not fit.
pub fn balance(e: &Energies) -> (Balance, Option<Diagnostic>) {
    let load_factor = if e.head_peak_kw > 0.0 && e.hours > 0.0 { e.head_kwh / (e.head_peak_kw * e.hours) } else { 0.0 };
    let losses_kwh = e.losses_kw.filter(|&(_, p_kw)| p_kw.abs() > 0.0).map(|(losses_kw, p_kw)| {
        let at_peak = losses_kw * (e.head_peak_kw / p_kw).powi(2);
        at_peak * e.hours * (LOSS_FACTOR_K * load_factor + (1.0 - LOSS_FACTOR_K) * load_factor * load_factor)
    });
    let meters_kwh = e.delivered_kwh - e.received_kwh;
    let unaccounted_kwh = e.head_kwh - meters_kwh - losses_kwh.unwrap_or(0.0);
    let unaccounted_pct = if e.head_kwh.abs() > 0.0 { 100.0 * unaccounted_kwh / e.head_kwh.abs() } else { 0.0 };
    let balance = Balance { head_kwh: e.head_kwh, meters_kwh, losses_kwh, load_factor, unaccounted_kwh, unaccounted_pct };
    let lost = losses_kwh.map_or("losses not known".to_owned(), |l| format!("losses about {l:.0} kWh"));
    let detail = format!("Head {:.0} kWh, meters {meters_kwh:.0} kWh, {lost}.", e.head_kwh);
    let finding = if unaccounted_pct < -UNACCOUNTED_PCT {
        let what = Diagnostic::error(
            "QUALITY.ENERGY.MORE_OUT_THAN_IN",
            format!("meters and losses sum to {:.1} % more than enters at the head", -unaccounted_pct),
        );
        Some(what.detail(detail).hint("look for meters of other feeders in the map, for units, and for generation that is not metered"))
    } else if unaccounted_pct > UNACCOUNTED_PCT {
        let what =
            Diagnostic::warning("QUALITY.ENERGY.UNACCOUNTED", format!("{unaccounted_pct:.1} % of the energy at the head is in no meter"));
        Some(what.detail(detail).hint("look for meters that the map puts elsewhere, unmetered supply, gaps in readings, and theft"))
    } else {
        None
    };
    (balance, finding)
}

/// What is known of a network's data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quality {
    pub completeness: Vec<Completeness>,
    /// Gravest first; those with a place bear it.
    pub findings: Vec<Diagnostic>,
}

/// Looks at the data of a network.
pub fn quality(network: &Network) -> Quality {
    let mut findings = network::check::check(network);
    plausible::find(network, &mut findings);
    references(network, &mut findings);
    let completeness = completeness::of(network);
    for c in completeness.iter().filter(|c| c.matters && c.have < c.of) {
        let what = Diagnostic::warning("QUALITY.VALUE.MISSING", format!("{} of {} {}s have no {}", c.of - c.have, c.of, c.class, c.value));
        findings.push(what.detail(format!("First: {}.", c.first_without.join(", "))));
    }
    place(network, &mut findings);
    findings.sort_by_key(|d| std::cmp::Reverse(d.severity));
    Quality { completeness, findings }
}

/// Two things that claim to be the same, and things that refer to nothing.
fn references(network: &Network, findings: &mut Vec<Diagnostic>) {
    let mut owners: HashMap<(&str, &str, &str), ElementId> = HashMap::new();
    for &id in &network.order {
        for alias in &network.common(id).aliases {
            // A section of a study has several elements, a record of a map is one thing.
            if alias.system != "gis" {
                continue;
            }
            if let Some(first) = owners.insert((id.kind.class(), &alias.system, &alias.id), id) {
                let what = Diagnostic::warning(
                    "QUALITY.IDENTITY.REPEATED",
                    format!("{} and {} are both \"{}\" of {}", network.full_name(first), network.full_name(id), alias.id, alias.system),
                );
                findings.push(what.element(network.full_name(id)).at(&network.common(id).source));
            }
        }
    }
    let electrical = |kind: AssetKind| !matches!(kind, AssetKind::Pole | AssetKind::Other | AssetKind::Substation);
    let any_joined = network.assets.iter().any(|a| a.element.is_some());
    for asset in network.assets.iter().filter(|a| any_joined && electrical(a.kind) && a.element.is_none() && a.bus.is_none()) {
        let mut what =
            Diagnostic::new("QUALITY.ASSET.NOT_IN_MODEL", Severity::Note, format!("asset \"{}\" is no element of the network", asset.id))
                .at(&asset.source);
        if let Some(&place) = asset.route.first() {
            what = what.place(place);
        }
        findings.push(what);
    }
}

/// Where a bus stands.
pub(crate) fn place_of(network: &Network, bus: BusId) -> Option<LonLat> {
    network.bus(bus).latitude_longitude_deg.map(|(lat_deg, lon_deg)| LonLat { lon_deg, lat_deg })
}

/// Findings about an element stand where its first bus with a place does.
fn place(network: &Network, findings: &mut [Diagnostic]) {
    if network.buses.iter().all(|b| b.latitude_longitude_deg.is_none()) {
        return;
    }
    let names: HashMap<String, ElementId> = network.order.iter().map(|&id| (network.full_name(id), id)).collect();
    for finding in findings.iter_mut().filter(|d| d.place.is_none()) {
        let id = finding.element.as_ref().and_then(|name| names.get(name));
        let Some(&id) = id else { continue };
        finding.place = network.common(id).terminals.iter().find_map(|t| place_of(network, t.bus));
    }
}

#[cfg(test)]
mod tests;
