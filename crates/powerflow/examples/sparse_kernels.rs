//! Times the sparse kernels on the admittance matrix of a made-up radial
//! three-phase feeder of 8,500 nodes, and again with 40 ties.
//!
//! ```sh
//! cargo run -p powerflow --release --example sparse_kernels
//! ```

#[path = "../tests/feeder/mod.rs"]
mod feeder;

use feeder::{Random, feeder};
use num_complex::Complex64;
use powerflow::sparse::{Factor, Lanes, Symbolic, Work};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

/// The least time of `runs` calls, in microseconds.
fn least_us<T>(runs: usize, mut call: impl FnMut() -> T) -> f64 {
    (0..runs)
        .map(|_| {
            let start = Instant::now();
            black_box(call());
            start.elapsed().as_secs_f64() * 1e6
        })
        .fold(f64::INFINITY, f64::min)
}

fn measure(ties: usize) -> Result<(), powerflow::sparse::SparseError> {
    let grid = feeder(8500, ties, 1);
    let n = grid.pattern.order();
    let symbolic = Arc::new(Symbolic::new(&grid.pattern)?);
    println!("\n{n} nodes, {} entries, {ties} ties, {} entries in L", grid.pattern.entries(), symbolic.factor_entries());
    let report = |what: &str, us: f64| println!("{what:<40}{us:>10.1} us");
    report("analyze", least_us(20, || Symbolic::new(&grid.pattern)));
    report("first factor, with check", least_us(20, || Factor::new(&symbolic, &grid.matrix)));
    let mut factor = Factor::new(&symbolic, &grid.matrix)?;
    report("refactor", least_us(300, || factor.refactor(&grid.matrix)));

    let mut total = 0.0;
    let mut random = Random::new(7);
    for _ in 0..50 {
        let bus = grid.buses[random.below(grid.buses.len())];
        total += least_us(20, || factor.refactor_changed(&grid.matrix, &[bus]));
    }
    report("refactor one changed bus (mean of 50)", total / 50.0);

    let b: Vec<Complex64> = (0..n).map(|_| random.complex()).collect();
    let mut x = b.clone();
    let mut work = Work::new();
    report(
        "solve, 1 right-hand side",
        least_us(300, || {
            x.copy_from_slice(&b);
            factor.solve_in_place(&mut x, &mut work)
        }),
    );
    let error = grid.matrix.backward_error(&x, &b)?;
    fn many<const K: usize>(factor: &Factor, n: usize) -> f64 {
        let mut random = Random::new(3);
        let mut rhs = vec![Lanes::<K>::ZERO; n];
        for row in &mut rhs {
            for lane in 0..K {
                row.set(lane, random.complex());
            }
        }
        let b = rhs.clone();
        let mut work = Work::new();
        let mut least = f64::INFINITY;
        for _ in 0..200 {
            rhs.copy_from_slice(&b);
            least = least.min(least_us(1, || factor.solve_many(&mut rhs, &mut work)));
        }
        least / K as f64
    }
    report("solve, per right-hand side of 4", many::<4>(&factor, n));
    report("solve, per right-hand side of 8", many::<8>(&factor, n));
    report("solve, per right-hand side of 16", many::<16>(&factor, n));
    println!("backward error {error:.1e}");
    Ok(())
}

fn main() -> Result<(), powerflow::sparse::SparseError> {
    measure(0)?;
    measure(40)
}
