//! `gridtwin cluster` and `--cluster`: studies on several machines.
//!
//! ```text
//! qsts, sweep: plan ─► jobs (carried) ─► cluster::client ─► scheduler ─► workers: work ─► the function that does it here too
//!                                             outcomes ◄──────────────────────┘   └─► lake
//! hosting-capacity, contingency, mitigate: a loop's parts ─► client ─► … ─► work ─► processes ─► the same study, up to that loop (parts)
//! reliability, restoration, reconfigure: the command line ─► client ─► … ─► work ─► processes ─► the same command
//! ```
//!
//! What differs between a run here and on a cluster is who calls [`crate::qsts::feeder_task::FeederTask::run`] and its like.

pub mod arguments;
#[cfg(feature = "cluster")]
mod carried;
#[cfg(feature = "cluster")]
mod command;
#[cfg(feature = "cluster")]
mod copy;
#[cfg(feature = "cluster")]
mod feeders;
#[cfg(feature = "cluster")]
mod parts;
#[cfg(feature = "cluster")]
mod processes;
#[cfg(feature = "cluster")]
mod samples;
#[cfg(feature = "cluster")]
mod work;

#[cfg(feature = "cluster")]
pub use command::run;
#[cfg(feature = "cluster")]
pub use feeders::feeders;
#[cfg(feature = "cluster")]
pub use parts::{hands, parts, whole};
#[cfg(feature = "cluster")]
pub use samples::samples;

#[cfg(not(feature = "cluster"))]
pub use not_built::{feeders, hands, parts, run, samples, whole};

#[cfg(not(feature = "cluster"))]
mod not_built {
    use super::arguments::{ClusterArguments, PartsArguments};
    use crate::console::Console;
    use crate::failure::Failure;
    use crate::qsts::lake_run::{Asked, Attempt, Watch};
    use crate::scenario::sweep::{Row, SweepAsked};
    use network::Diagnostic;
    use studies::hands::Hands;

    fn refused() -> Failure {
        Diagnostic::error("CLUSTER.PROGRAM.NOT_BUILT", "this program was built without clusters")
            .detail("They need the cargo feature \"cluster\", which makes the build several times longer.")
            .hint("Build it with `cargo build --release -p gridtwin --features cluster`, or leave --cluster out.")
            .into()
    }

    /// # Errors
    /// Always: the program was built without clusters.
    pub fn run(_: &ClusterArguments, _: &mut Console<'_>) -> Result<(), Failure> {
        Err(refused())
    }

    /// # Errors
    /// Always: the program was built without clusters.
    pub fn hands(_: &str, _: &str) -> Result<Hands, Failure> {
        Err(refused())
    }

    /// # Errors
    /// Always: the program was built without clusters.
    pub fn whole(_: &str, _: &mut Console<'_>) -> Result<u8, Failure> {
        Err(refused())
    }

    /// Refuses: the program was built without clusters.
    pub fn parts(_: &PartsArguments) -> u8 {
        eprintln!("{}", refused());
        1
    }

    /// Refuses: the program was built without clusters.
    pub fn feeders(_: &str, _: &Asked<'_>, _: &mut dyn Watch) -> Attempt {
        Attempt { fatal: Some(refused()), ..Attempt::default() }
    }

    /// # Errors
    /// Always: the program was built without clusters.
    pub fn samples(_: &str, _: &SweepAsked, _: &[Vec<String>], _: &mut Console<'_>) -> Result<Vec<Row>, Failure> {
        Err(refused())
    }
}
