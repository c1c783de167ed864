//! What a control tells of an inverter, for whoever records it.

/// Values of the last look, `None` where the control tells nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct InverterReport {
    /// Voltage that the control works with, per unit.
    pub v_pu: Option<f64>,
    /// Moving average of dynamic reactive current, per unit.
    pub v_average_pu: Option<f64>,
    /// How far volt-var, volt-watt, dynamic reactive current, volt-var with it, watt-pf and watt-var are at work: for vars +1 generating,
    /// −1 absorbing, a fifth of it while a limit holds them, 0 at rest; for watts 1 while they are limited.
    pub operation: [Option<f64>; 6],
}
