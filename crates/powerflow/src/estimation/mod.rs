//! State estimation: the voltages and currents that measurements make most likely.
//!
//! ```text
//! State -> Grid -> Estimator::new(grid, measurements) -> estimate -> Outcome -> nodes, flows, losses, gross errors
//!                  equations, pattern, order               Gauss-Newton, tests
//! ```
//!
//! Measurements `z_i` with independent errors of deviation `σ_i` are functions `h_i(x)` of the state; `C x = 0` holds exactly. Wanted is
//!
//! ```text
//! min  J(x) = Σ ((z_i - h_i(x)) / σ_i)²      with  C x = 0
//! ```
//!
//! `tableau` says what `x` and `C` are, `measurement` what `h` is, `system` how a step is solved. A step from `x` takes `h` as linear
//! (Gauss-Newton). At rest:
//!
//! * **Covariance.** `Cov(x) = N (Nᵀ Hᵀ H N)⁻¹ Nᵀ` with `N` a basis of `C x = 0`; of what is derived from x, by its gradient.
//! * **Observability.** Directions that neither equations nor measurements determine are looked for themselves, by inverse iteration for the
//!   eigenvalue 0 of the gain. A value that such a direction moves is not given.
//! * **Redundancy.** The residual of measurement i keeps the share `S_ii = 1 - H_i Cov Hᵢᵀ` of its variance. One with none is *critical*:
//!   the state follows it whatever it says.
//! * **Plausibility.** `J` is distributed as chi-square with `Σ S_ii` degrees of freedom.
//! * **Gross errors.** With one measurement in error the largest of `|r_i| / √S_ii` is its own, whatever the noise of the others
//!   brings. It is left out, the rest is estimated again, until none exceeds the limit. What was left out on the way and agrees with
//!   the rest at the end comes back.
//! * **Switches.** The equation of a switch (`v1 = v2`, or `i = 0`) is exact but may be told wrongly. Its multiplier over the
//!   deviation of the multiplier is distributed as a normalised residual. The larger of both decides; a doubted switch
//!   loses its equation and the measurements say what flows through it.
//!
//! Sources: Schweppe and others, *IEEE Trans. PAS-89* (1970); Monticelli, *State Estimation in Electric Power Systems* (1999); Abur and
//! Gómez Expósito, *Power System State Estimation* (2004), chapters 2 to 5 and 8; Clements and Simões Costa, *IEEE Trans. Power Systems* 3
//! (1988), for the multipliers.

mod estimator;
mod grid;
mod measurement;
mod meter_class;
mod results;
mod simulate;
mod statistics;
mod system;
mod tableau;

pub use estimator::{EstimationError, Estimator, Options};
pub use grid::{Grid, GridElement};
pub use measurement::{Idle, Measurement, Quantity, Site};
pub use meter_class::{CurrentClass, MeterClass, VoltageClass};
pub use results::{
    Estimate, EstimateCertificate, Flow, FlowEstimate, GrossError, LossEstimate, MeasurementResult, NodeEstimate, Outcome, ResidualRow,
    Role, Status, SwitchDoubt, Unsettled, Unsettling,
};
pub use simulate::{Plan, Random, simulate};
pub use statistics::{chi_square_beyond, chi_square_limit, normal_beyond, normal_limit};
