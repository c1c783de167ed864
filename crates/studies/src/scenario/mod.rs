//! Scenarios: layers stacked upon a network and its load shapes, which gives a new network that every study runs on unchanged.
//!
//! ```text
//! Scenario, data ─► Prepared (weather, waves, panels: once for all networks) ─► check(network): what does not fit
//!                                                                          └─► apply(network): Stacked { network, ledger, findings }
//! ```
//!
//! Vehicles and heat pumps become loads with a course in kW, photovoltaics PV systems whose irradiance shape is their AC power a kW of
//! panels, batteries storage that follows a schedule; what weather, tariffs and growth do to the present loads becomes new shapes. So the
//! ledger can say for every step what each layer adds to the nominal load: see [`StackLedger::residual`].

mod allocation;
mod calendar;
mod changes;
mod check;
mod courses;
mod customers;
mod ledger;
mod prepare;
pub mod pv;
mod response;
mod sessions;
mod stack;
pub(crate) mod storage;
mod tables;
mod tariff;
mod weather;
mod weather_layers;

pub use calendar::Calendar;
pub use check::OF_ONE_NETWORK;
pub use customers::{Site, Sites};
pub use ledger::{LayerRecord, LedgerRow, StackLedger, peak};
pub use prepare::{Prepared, panel_year};
pub use response::{Fitter, Response, slopes};
pub use sessions::Session;
pub use stack::Stacked;
pub use weather::{Wave, YearWeather, base as base_weather};

#[cfg(test)]
mod tests;
