//! Energy meters: registers over a zone of the grid, integrated step by step.

/// One register of one meter, as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct MeterRow {
    pub meter: String,
    /// The name OpenDSS gives the register.
    pub register: String,
    pub value: f64,
}
