//! Who does the parts of a study that do not touch each other: threads of this program, or hands elsewhere.
//!
//! ```text
//! study ─► … ─► Hands::map(n, work) ─┬─► threads: work(indices) on each, here
//!                                     └─► Elsewhere: work(indices) in other processes that run the same study up to this loop
//!          ◄─ results by index ◄──────┘      └─► their results as bytes ([`postcard`]: every number comes back bit by bit)
//! ```
//!
//! A study with several loops meets them in the same order wherever it runs: what a loop is about follows from the question and from the results of the
//! loops before it. So hands elsewhere need no more than the question, the results so far, and the indices that they are to do; nothing of the study's
//! inner state travels.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::{Arc, Mutex};

/// Threads at most.
const THREADS_MAX: usize = 256;

/// Who does the parts.
#[derive(Clone)]
pub enum Hands {
    /// So many threads of this program, at least one.
    Threads(usize),
    Elsewhere(Arc<dyn Elsewhere>),
}

impl Default for Hands {
    fn default() -> Self {
        Self::Threads(1)
    }
}

impl fmt::Debug for Hands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Threads(n) => write!(f, "Threads({n})"),
            Self::Elsewhere(_) => f.write_str("Elsewhere"),
        }
    }
}

/// Does parts by their indices; the results as bytes, in the order of the indices.
pub type Here<'a> = &'a (dyn Fn(&[usize]) -> Result<Vec<Vec<u8>>, PartFailed> + Sync);

/// Hands that are not threads of this program, or that serve another one.
pub trait Elsewhere: Send + Sync {
    /// Returns the results of the `n` parts of the next loop in their order. `here` does parts in this process, for whoever is asked to.
    ///
    /// # Errors
    /// [`HandsError`]: what kept the parts from being done.
    fn parts(&self, n: usize, here: Here<'_>) -> Result<Vec<Vec<u8>>, HandsError>;
}

/// A part could not be done; the study itself knows why, and says so when it ends.
#[derive(Clone, Copy, Debug)]
pub struct PartFailed;

/// Parts were not done.
#[derive(Clone, Debug, Default, thiserror::Error)]
#[error("{}", findings.first().map_or("a part of the study was not done", |d| d.message.as_str()))]
pub struct HandsError {
    pub findings: Vec<network::Diagnostic>,
}

impl HandsError {
    /// Results that are not what the study takes them for.
    fn form(reason: &str) -> Self {
        let what = network::Diagnostic::error("CLUSTER.OUTCOME.FORM", "results of parts that were done elsewhere cannot be read");
        Self { findings: vec![what.detail(reason.to_owned()).hint("Run the same version on all machines.")] }
    }
}

impl Hands {
    /// The results of `work` for `0..n`, in their order. `work` is given indices in ascending order and returns a result for each.
    ///
    /// # Errors
    /// Those of `work`; [`HandsError`] where parts that went elsewhere were not done.
    pub(crate) fn map<R, E>(&self, n: usize, work: impl Fn(&[usize]) -> Result<Vec<R>, E> + Sync) -> Result<Vec<R>, E>
    where
        R: Serialize + DeserializeOwned + Send,
        E: From<HandsError> + Send,
    {
        match self {
            Self::Threads(threads) => side_by_side(n, (*threads).clamp(1, THREADS_MAX), work),
            Self::Elsewhere(elsewhere) => {
                let failed = Mutex::new(None);
                let here = |indices: &[usize]| match work(indices) {
                    Ok(results) => results.iter().map(|r| postcard::to_allocvec(r).map_err(|_| PartFailed)).collect(),
                    Err(e) => {
                        failed.lock().unwrap_or_else(|p| p.into_inner()).get_or_insert(e);
                        Err(PartFailed)
                    }
                };
                let done = elsewhere.parts(n, &here);
                if let Some(e) = failed.into_inner().unwrap_or_else(|p| p.into_inner()) {
                    return Err(e);
                }
                let done = done?;
                if done.len() != n {
                    return Err(HandsError::form(&format!("There are {} of {n}.", done.len())).into());
                }
                done.iter().map(|bytes| postcard::from_bytes(bytes).map_err(|e| HandsError::form(&format!("{e}.")).into())).collect()
            }
        }
    }
}

/// Runs parts on threads of this program.
fn side_by_side<R: Send, E: Send>(n: usize, threads: usize, work: impl Fn(&[usize]) -> Result<Vec<R>, E> + Sync) -> Result<Vec<R>, E> {
    let threads = threads.min(n).max(1);
    // Dealt out in turn, so that neighbours, which cost alike, are spread.
    let parts: Vec<Vec<usize>> = (0..threads).map(|t| (t..n).step_by(threads).collect()).collect();
    if let [all] = &parts[..] {
        return work(all);
    }
    let done: Vec<Result<Vec<R>, E>> = std::thread::scope(|scope| {
        let work = &work;
        let started: Vec<_> = parts.iter().map(|part| scope.spawn(move || work(part))).collect();
        started.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let mut parts = Vec::with_capacity(threads);
    for part in done {
        parts.push(part?.into_iter());
    }
    Ok((0..n).filter_map(|i| parts[i % threads].next()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Debug, thiserror::Error)]
    enum Failed {
        #[error("part {0}")]
        Part(usize),
        #[error(transparent)]
        Hands(#[from] HandsError),
    }

    /// Does parts in pieces of three, last piece first, as others might.
    struct Pieces {
        lose: usize,
        asked: AtomicUsize,
    }

    impl Elsewhere for Pieces {
        fn parts(&self, n: usize, here: Here<'_>) -> Result<Vec<Vec<u8>>, HandsError> {
            let all: Vec<usize> = (0..n).collect();
            let mut results = vec![Vec::new(); n];
            for piece in all.chunks(3).rev() {
                self.asked.fetch_add(1, Ordering::Relaxed);
                let done = here(piece).map_err(|PartFailed| HandsError::default())?;
                piece.iter().zip(done).for_each(|(&i, r)| results[i] = r);
            }
            results.truncate(n - self.lose);
            Ok(results)
        }
    }

    /// Numbers that text forms lose.
    fn number(i: usize) -> (f64, Option<String>) {
        let value = match i % 4 {
            0 => f64::NAN,
            1 => f64::NEG_INFINITY,
            2 => -0.0,
            _ => 0.1 + i as f64,
        };
        (value, (i.is_multiple_of(2)).then(|| format!("{i}")))
    }

    fn numbers(hands: &Hands, n: usize) -> Result<Vec<(u64, Option<String>)>, Failed> {
        let done: Vec<(f64, Option<String>)> = hands.map(n, |part| Ok::<_, Failed>(part.iter().map(|&i| number(i)).collect()))?;
        Ok(done.into_iter().map(|(v, s)| (v.to_bits(), s)).collect())
    }

    #[test]
    fn results_are_the_same_whoever_does_the_parts() {
        for n in [0, 1, 2, 7, 20] {
            let one = numbers(&Hands::Threads(1), n).unwrap();
            assert_eq!(one.len(), n);
            assert_eq!(numbers(&Hands::Threads(3), n).unwrap(), one);
            let pieces = Arc::new(Pieces { lose: 0, asked: AtomicUsize::new(0) });
            assert_eq!(numbers(&Hands::Elsewhere(pieces.clone()), n).unwrap(), one);
            assert_eq!(pieces.asked.load(Ordering::Relaxed), n.div_ceil(3));
        }
    }

    #[test]
    fn a_part_that_fails_fails_the_study_with_its_own_reason() {
        for hands in [Hands::Threads(2), Hands::Elsewhere(Arc::new(Pieces { lose: 0, asked: AtomicUsize::new(0) }))] {
            let work = |part: &[usize]| if part.contains(&4) { Err(Failed::Part(4)) } else { Ok(vec![0_u8; part.len()]) };
            assert!(matches!(hands.map(8, work), Err(Failed::Part(4))), "{hands:?}");
        }
    }

    #[test]
    fn results_that_are_lost_are_no_results() {
        let hands = Hands::Elsewhere(Arc::new(Pieces { lose: 1, asked: AtomicUsize::new(0) }));
        let Err(Failed::Hands(e)) = numbers(&hands, 5) else { panic!("four of five are no answer") };
        assert_eq!(e.findings[0].code, "CLUSTER.OUTCOME.FORM");
    }
}
