//! The modules: what each asks for, fits, and answers. What they have in common is [`crate::module`]; their mathematics is elsewhere in this
//! crate.

mod ageing;
mod anomalies;
mod clusters;
pub(crate) mod common;
mod growth;
mod health;
mod hosting;
mod hourly;
mod load_forecast;
mod load_shapes;
mod network_calibration;
mod outage;
mod pv_disaggregation;
mod recommendation;
mod root_cause;
mod rows;
mod weather_load;

use crate::module::{Module, Refused};
use network::Diagnostic;

/// All modules, in the order in which they are listed.
pub static MODULES: &[&dyn Module] = &[
    &load_forecast::LoadForecast,
    &weather_load::LoadAndWeather,
    &growth::LoadGrowth,
    &load_shapes::LoadShapes,
    &pv_disaggregation::PvDisaggregation,
    &anomalies::MeterAnomalies,
    &network_calibration::NetworkCalibration,
    &hosting::HostingSurrogate,
    &outage::OutageRisk,
    &health::HealthForecast,
    &root_cause::RootCause,
    &ageing::TransformerAgeing,
    &clusters::ViolationClusters,
    &recommendation::ScenarioRecommendation,
];

/// The module of a name.
///
/// # Errors
/// A name that no module has.
pub fn find(id: &str) -> Result<&'static dyn Module, Refused> {
    MODULES.iter().copied().find(|m| m.about().id == id).ok_or_else(|| {
        let ids: Vec<&str> = MODULES.iter().map(|m| m.about().id).collect();
        vec![
            Diagnostic::error("LEARN.MODULE.UNKNOWN", format!("there is no module \"{id}\""))
                .detail(format!("Modules: {}.", ids.join(", ")))
                .hint("Look at them with `gridtwin learn modules`."),
        ]
    })
}
