//! The sparse kernels against KLU, the circuit-matrix solver of SuiteSparse.
//!
//! Needs an installed `libklu` and is therefore off by default:
//! `cargo test -p powerflow --features klu-oracle --test klu`.
#![cfg(feature = "klu-oracle")]

mod feeder;

use feeder::{Random, feeder};
use num_complex::Complex64;
use powerflow::sparse::{Factor, Matrix, Method, Symbolic, Work};
use std::ffi::{c_int, c_void};
use std::sync::Arc;

/// `klu_common` of SuiteSparse 5 has fewer than 200 bytes; only KLU looks in.
#[repr(C, align(16))]
struct Common([u8; 1024]);

#[link(name = "klu")]
unsafe extern "C" {
    fn klu_defaults(common: *mut Common) -> c_int;
    fn klu_analyze(n: c_int, ap: *const c_int, ai: *const c_int, c: *mut Common) -> *mut c_void;
    fn klu_z_factor(ap: *const c_int, ai: *const c_int, ax: *const f64, symbolic: *mut c_void, c: *mut Common) -> *mut c_void;
    fn klu_z_solve(symbolic: *mut c_void, numeric: *mut c_void, ldim: c_int, nrhs: c_int, b: *mut f64, c: *mut Common) -> c_int;
    fn klu_z_free_numeric(numeric: *mut *mut c_void, c: *mut Common) -> c_int;
    fn klu_free_symbolic(symbolic: *mut *mut c_void, c: *mut Common) -> c_int;
}

/// Solves with KLU; `None` when it finds the matrix singular.
fn klu_solve(matrix: &Matrix, b: &[Complex64]) -> Option<Vec<Complex64>> {
    let n = matrix.order();
    let pattern = matrix.pattern();
    let (mut ap, mut ai, mut ax) = (vec![0 as c_int], Vec::new(), Vec::new());
    for j in 0..n as u32 {
        for &i in pattern.row(j) {
            // Stored zeros are left out: with zeros on the diagonal of a cycle KLU 5.12
            // returned solutions whose residual was as large as the right-hand side.
            let value = matrix.get(i, j);
            if value != Complex64::new(0.0, 0.0) {
                ai.push(i as c_int);
                ax.push(value);
            }
        }
        ap.push(ai.len() as c_int);
    }
    let mut x = b.to_vec();
    let mut common = Common([0; 1024]);
    // SAFETY: the arrays form a compressed-column matrix of order `n`, complex
    // values are pairs of doubles as in C, and handles are freed once.
    let done = unsafe {
        klu_defaults(&mut common);
        let mut symbolic = klu_analyze(n as c_int, ap.as_ptr(), ai.as_ptr(), &mut common);
        assert!(!symbolic.is_null());
        let values = ax.as_ptr().cast();
        let mut numeric = klu_z_factor(ap.as_ptr(), ai.as_ptr(), values, symbolic, &mut common);
        let done = !numeric.is_null() && klu_z_solve(symbolic, numeric, n as c_int, 1, x.as_mut_ptr().cast(), &mut common) == 1;
        if !numeric.is_null() {
            klu_z_free_numeric(&mut numeric, &mut common);
        }
        klu_free_symbolic(&mut symbolic, &mut common);
        done
    };
    done.then_some(x)
}

fn compare(matrix: &Matrix, method: Method, limit: f64, what: &str) {
    let symbolic = Arc::new(Symbolic::new(matrix.pattern()).unwrap());
    let factor = Factor::new(&symbolic, matrix).unwrap();
    assert_eq!(factor.method(), Some(method), "{what}");
    let mut random = Random::new(31);
    let b: Vec<_> = (0..matrix.order()).map(|_| random.complex()).collect();
    let mut x = b.clone();
    factor.solve_in_place(&mut x, &mut Work::new()).unwrap();
    let reference = klu_solve(matrix, &b).unwrap();
    let scale = reference.iter().fold(0.0f64, |m, v| m.max(v.norm()));
    let worst = x.iter().zip(&reference).fold(0.0f64, |m, (a, b)| m.max((a - b).norm())) / scale;
    println!("{what}: {worst:.1e} of the largest value");
    assert!(worst < limit, "{what}: {worst:e}");
}

#[test]
fn feeders_match_klu() {
    for (nodes, ties) in [(50, 0), (1000, 0), (8500, 0), (8500, 40), (3000, 300)] {
        let what = format!("{nodes} nodes, {ties} ties");
        let grid = feeder(nodes, ties, nodes as u64);
        compare(&grid.matrix, Method::Ldlt, 1e-9, &what);
        let mut unsymmetric = grid.matrix.clone();
        let mut random = Random::new(2);
        for value in unsymmetric.values_mut() {
            *value *= 1.0 + 0.01 * random.complex();
        }
        // Unequal perturbation weakens or strengthens the tiny shunts only.
        compare(&unsymmetric, Method::Lu, 1e-8, &format!("{what}, unsymmetric"));
    }
}

#[test]
fn row_pivots_match_klu() {
    for seed in 0..20 {
        let n = 30 + 10 * seed as usize;
        let mut random = Random::new(seed);
        let mut elements = Vec::new();
        for i in 0..n as u32 {
            // A cycle of off-diagonal pivots keeps the matrix regular.
            let other = (i + 1) % n as u32;
            let (zero, big) = (Complex64::new(0.0, 0.0), 5.0 + random.complex());
            elements.push(feeder::Element { nodes: vec![i, other], y: vec![zero, big, 0.1 * random.complex(), zero] });
        }
        let matrix = feeder::assemble(n as u32, elements, Vec::new()).matrix;
        compare(&matrix, Method::PivotLu, 1e-10, &format!("cycle of {n}"));
    }
}
