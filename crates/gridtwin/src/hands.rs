//! Who does the parts of a study: threads of this program, or the workers of a cluster.

use crate::failure::Failure;
use clap::Args;
use studies::hands::Hands;

#[derive(Debug, Clone, Args)]
pub struct HandsArguments {
    /// Threads [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
    /// Have the parts done by the workers of the cluster whose scheduler is there, df://HOST:PORT
    #[arg(long, value_name = "URL", conflicts_with = "threads")]
    pub cluster: Option<String>,
}

impl HandsArguments {
    /// Threads of this program.
    pub fn here(&self) -> Hands {
        Hands::Threads(self.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from))
    }

    /// The hands asked for. `digest` tells the files that the study has read from others of the same names.
    ///
    /// # Errors
    /// A cluster that cannot be asked.
    pub fn hands(&self, digest: &str) -> Result<Hands, Failure> {
        match &self.cluster {
            Some(url) => crate::cluster::hands(url, digest),
            None => Ok(self.here()),
        }
    }
}

/// Of studies that have no parts: each of their steps follows from the one before.
#[derive(Debug, Clone, Args)]
pub struct WholeArguments {
    /// Have the study done by a worker of the cluster whose scheduler is there, df://HOST:PORT
    #[arg(long, value_name = "URL")]
    pub cluster: Option<String>,
}

/// Gives a study its hands, once it is known what it has read.
pub type GiveHands<'a> = &'a mut dyn FnMut(&str) -> Result<Hands, Failure>;
