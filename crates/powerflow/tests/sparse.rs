//! The sparse kernels against dense elimination, against themselves, and at
//! the edges of what a grid matrix can be.

mod feeder;

use feeder::{Element, Random, assemble, feeder};
use num_complex::Complex64;
use powerflow::sparse::{
    Factor, Lanes, Ldlt, Lu, Matrix, Method, Pattern, PatternBuilder, PivotLu, Scalar, SparseError, Symbolic, Work,
    approximate_minimum_degree,
};
use proptest::prelude::*;
use std::sync::Arc;

fn c(re: f64, im: f64) -> Complex64 {
    Complex64::new(re, im)
}

/// Dense Gaussian elimination with partial pivoting.
fn dense_solve<S: Scalar>(matrix: &Matrix<S>, b: &[S]) -> Vec<S> {
    let n = b.len();
    let mut a: Vec<Vec<S>> = (0..n as u32).map(|i| (0..n as u32).map(|j| matrix.get(i, j)).collect()).collect();
    let mut x = b.to_vec();
    for k in 0..n {
        let p = (k..n).max_by(|&i, &j| a[i][k].size().total_cmp(&a[j][k].size())).unwrap();
        a.swap(k, p);
        x.swap(k, p);
        let inverse = a[k][k].reciprocal();
        for i in k + 1..n {
            let l = a[i][k] * inverse;
            for j in k..n {
                a[i][j] = a[i][j] - l * a[k][j];
            }
            x[i] = x[i] - l * x[k];
        }
    }
    for k in (0..n).rev() {
        for j in k + 1..n {
            x[k] = x[k] - a[k][j] * x[j];
        }
        x[k] = x[k] * a[k][k].reciprocal();
    }
    x
}

fn matrix_of<S: Scalar>(n: u32, entries: &[(u32, u32, S)]) -> (Arc<Symbolic>, Matrix<S>) {
    let pattern = Arc::new(Pattern::new(n, entries.iter().map(|e| (e.0, e.1))).unwrap());
    let mut matrix = Matrix::zeros(&pattern);
    for &(i, j, v) in entries {
        matrix.add(i, j, v).unwrap();
    }
    (Arc::new(Symbolic::new(&pattern).unwrap()), matrix)
}

/// A random pattern with random values; diagonally heavy unless `hollow`.
fn random_matrix(n: u32, edges: usize, symmetric: bool, hollow: bool, seed: u64) -> (Arc<Symbolic>, Matrix) {
    let mut random = Random::new(seed);
    let mut entries = Vec::new();
    for i in 0..n {
        let weight = if hollow { 0.0 } else { 8.0 };
        entries.push((i, i, random.complex() + weight));
    }
    for _ in 0..edges {
        let (i, j) = (random.below(n as usize) as u32, random.below(n as usize) as u32);
        if i != j {
            let v = random.complex();
            entries.push((i, j, v));
            entries.push((j, i, if symmetric { v } else { random.complex() }));
        }
    }
    matrix_of(n, &entries)
}

fn rhs(n: usize, seed: u64) -> Vec<Complex64> {
    let mut random = Random::new(seed);
    (0..n).map(|_| random.complex()).collect()
}

/// Largest difference over the largest value.
fn difference<S: Scalar>(x: &[S], y: &[S]) -> f64 {
    let scale = y.iter().fold(0.0f64, |m, v| m.max(v.size()));
    x.iter().zip(y).fold(0.0f64, |m, (&a, &b)| m.max((a - b).size())) / scale
}

fn check_against_dense(symbolic: &Arc<Symbolic>, matrix: &Matrix, expected: Method, limit: f64) {
    let factor = Factor::new(symbolic, matrix).unwrap();
    assert_eq!(factor.method(), Some(expected));
    let b = rhs(matrix.order(), 99);
    let mut x = b.clone();
    factor.solve_in_place(&mut x, &mut Work::new()).unwrap();
    let reference = dense_solve(matrix, &b);
    assert!(difference(&x, &reference) < limit, "{}", difference(&x, &reference));
    assert!(matrix.backward_error(&x, &b).unwrap() < 1e-12);
}

#[test]
fn two_by_two_by_hand() {
    // [2 1; 1 3]: d = 2, 2.5; solution of (1, 2) is (0.2, 0.6).
    let (symbolic, matrix) = matrix_of(2, &[(0, 0, 2.0), (0, 1, 1.0), (1, 0, 1.0), (1, 1, 3.0)]);
    let factor = Factor::new(&symbolic, &matrix).unwrap();
    assert_eq!(factor.method(), Some(Method::Ldlt));
    let mut x = [1.0, 2.0];
    factor.solve_in_place(&mut x, &mut Work::new()).unwrap();
    assert!((x[0] - 0.2).abs() < 1e-15 && (x[1] - 0.6).abs() < 1e-15);
}

#[test]
fn symmetric_is_not_hermitian() {
    // With j off the diagonal the Hermitian reading would give another matrix.
    let (symbolic, matrix) = matrix_of(2, &[(0, 0, c(1.0, 1.0)), (0, 1, c(0.0, 2.0)), (1, 0, c(0.0, 2.0)), (1, 1, c(3.0, 0.0))]);
    check_against_dense(&symbolic, &matrix, Method::Ldlt, 1e-14);
}

#[test]
fn random_matrices_match_dense_elimination() {
    for seed in 0..40 {
        let n = 3 + 5 * seed as u32 % 120;
        for (symmetric, method) in [(true, Method::Ldlt), (false, Method::Lu)] {
            let (symbolic, matrix) = random_matrix(n, 2 * n as usize, symmetric, false, seed);
            check_against_dense(&symbolic, &matrix, method, 1e-10);
        }
    }
}

#[test]
fn pivoting_matches_dense_elimination() {
    for seed in 0..40 {
        let n = 5 + 4 * seed as u32;
        let (symbolic, matrix) = random_matrix(n, 3 * n as usize, false, true, seed);
        let factor = PivotLu::new(&symbolic, &matrix).unwrap();
        let b = rhs(n as usize, seed);
        let mut x = b.clone();
        factor.solve_in_place(&mut x, &mut Work::new()).unwrap();
        assert!(matrix.backward_error(&x, &b).unwrap() < 1e-11, "seed {seed}");
        assert!(difference(&x, &dense_solve(&matrix, &b)) < 1e-7, "seed {seed}");
    }
}

#[test]
fn zero_diagonals_need_row_pivots() {
    // A permutation of three rows, and a saddle point: regular, no pivots on
    // the diagonal.
    let one = c(1.0, 0.0);
    let (symbolic, matrix) = matrix_of(2, &[(0, 1, one), (1, 0, one)]);
    check_against_dense(&symbolic, &matrix, Method::PivotLu, 1e-15);
    let (symbolic, matrix) = matrix_of(3, &[(0, 1, one), (1, 2, one), (2, 0, one)]);
    check_against_dense(&symbolic, &matrix, Method::PivotLu, 1e-15);
}

#[test]
fn inaccurate_fixed_pivots_are_noticed() {
    // The first pivot is tiny but not noise; eliminating with it loses the 1.
    let (big, one) = (c(1.0, 0.0), c(1.0, 0.0));
    let (symbolic, matrix) = matrix_of(2, &[(0, 0, c(1e-17, 0.0)), (0, 1, big), (1, 0, big), (1, 1, one)]);
    let order = Arc::new(Symbolic::with_order(matrix.pattern(), &[0, 1]).unwrap());
    check_against_dense(&order, &matrix, Method::PivotLu, 1e-14);
    check_against_dense(&symbolic, &matrix, Factor::new(&symbolic, &matrix).unwrap().method().unwrap(), 1e-14);
    // The same happens in a refactorisation of a factor that began well.
    let mut good = matrix.clone();
    good.values_mut()[0] = c(5.0, 0.0);
    let mut factor = Factor::new(&order, &good).unwrap();
    assert_eq!(factor.method(), Some(Method::Ldlt));
    factor.refactor(&matrix).unwrap();
    assert_eq!(factor.method(), Some(Method::PivotLu));
    factor.refactor(&good).unwrap();
    assert_eq!(factor.method(), Some(Method::Ldlt));
}

#[test]
fn radial_and_meshed_feeders() {
    for (ties, limit) in [(0, 1e-10), (12, 1e-10)] {
        let grid = feeder(400, ties, 5);
        let symbolic = Arc::new(Symbolic::new(&grid.pattern).unwrap());
        check_against_dense(&symbolic, &grid.matrix, Method::Ldlt, limit);
    }
}

#[test]
fn a_radial_feeder_fills_in_nothing_but_its_phases() {
    // A tree of scalar nodes has an ordering without any fill.
    let mut random = Random::new(3);
    let edges = (1..500u32).map(|i| (i, random.below(i as usize) as u32));
    let pattern = Arc::new(Pattern::new(500, edges).unwrap());
    assert_eq!(Symbolic::new(&pattern).unwrap().factor_entries(), 499);
    // Three-phase buses: L holds no more than the coupled blocks of A.
    let grid = feeder(3000, 0, 8);
    let symbolic = Symbolic::new(&grid.pattern).unwrap();
    let below = (grid.pattern.entries() - grid.pattern.order()) / 2;
    assert_eq!(symbolic.factor_entries(), below);
}

#[test]
fn ordering_of_a_grid_beats_the_natural_order_and_repeats() {
    let side = 40u32;
    let mut entries = Vec::new();
    for i in 0..side {
        for j in 0..side {
            if i > 0 {
                entries.push((i * side + j, (i - 1) * side + j));
            }
            if j > 0 {
                entries.push((i * side + j, i * side + j - 1));
            }
        }
    }
    let pattern = Arc::new(Pattern::new(side * side, entries).unwrap());
    let natural: Vec<u32> = (0..side * side).collect();
    let banded = Symbolic::with_order(&pattern, &natural).unwrap();
    let ordered = Symbolic::new(&pattern).unwrap();
    assert!(banded.factor_entries() > 60_000);
    assert!(ordered.factor_entries() < 22_000, "{}", ordered.factor_entries());
    assert_eq!(approximate_minimum_degree(&pattern), approximate_minimum_degree(&pattern));
}

#[test]
fn dense_rows_come_last() {
    // A star with a hub of 2,000 arms and a second hub.
    let n = 2002u32;
    let arms = (2..n).flat_map(|i| [(0, i), (1, i)]);
    let pattern = Arc::new(Pattern::new(n, arms).unwrap());
    let order = approximate_minimum_degree(&pattern);
    let mut hubs = order[n as usize - 2..].to_vec();
    hubs.sort_unstable();
    assert_eq!(hubs, [0, 1]);
    assert_eq!(Symbolic::new(&pattern).unwrap().factor_entries(), 4001);
}

#[test]
fn empty_rows_and_floating_groups_are_named() {
    let y = c(2.0, -5.0);
    // Node 2 of 4 has no entry at all.
    let line = |i: u32, j: u32| [(i, i, y), (i, j, -y), (j, i, -y), (j, j, y)];
    let mut entries = line(0, 1).to_vec();
    entries.push((0, 0, y));
    entries.push((3, 3, y));
    let (symbolic, matrix) = matrix_of(4, &entries);
    assert_eq!(Factor::new(&symbolic, &matrix).unwrap_err(), SparseError::Singular { row: 2 });
    // Nodes 2 and 3 hang on each other and on nothing else.
    let mut entries = line(0, 1).to_vec();
    entries.push((0, 0, y));
    entries.extend(line(2, 3));
    let (symbolic, matrix) = matrix_of(4, &entries);
    let Err(SparseError::Singular { row }) = Factor::new(&symbolic, &matrix) else {
        panic!("floating group not found");
    };
    assert!(row == 2 || row == 3);
    // A zero row whose column is not zero.
    let (symbolic, matrix) = matrix_of(2, &[(0, 0, y), (0, 1, y)]);
    assert_eq!(Factor::new(&symbolic, &matrix).unwrap_err(), SparseError::Singular { row: 1 });
}

#[test]
fn a_failed_factor_recovers() {
    let y = c(2.0, -5.0);
    let (symbolic, good) = matrix_of(2, &[(0, 0, y + y), (0, 1, -y), (1, 0, -y), (1, 1, y)]);
    let mut floating = good.clone();
    floating.add(0, 0, -y).unwrap();
    let mut factor = Factor::new(&symbolic, &good).unwrap();
    assert!(matches!(factor.refactor_changed(&floating, &[0]), Err(SparseError::Singular { .. })));
    let mut x = [y, y];
    let mut work = Work::new();
    assert_eq!(factor.solve_in_place(&mut x, &mut work), Err(SparseError::NotFactored));
    factor.refactor_changed(&good, &[0]).unwrap();
    factor.solve_in_place(&mut x, &mut work).unwrap();
    assert!((x[0] - c(2.0, 0.0)).norm() < 1e-14 && (x[1] - c(3.0, 0.0)).norm() < 1e-14);
}

#[test]
fn values_that_are_not_finite_are_named() {
    let grid = feeder(60, 2, 4);
    let symbolic = Arc::new(Symbolic::new(&grid.pattern).unwrap());
    let mut factor = Factor::new(&symbolic, &grid.matrix).unwrap();
    for bad in [f64::NAN, f64::INFINITY] {
        for slot in 0..grid.pattern.entries() {
            let mut matrix = grid.matrix.clone();
            matrix.values_mut()[slot].im = bad;
            let row = (0..grid.pattern.order() as u32).find(|&i| grid.pattern.row_slots(i).unwrap().contains(&slot)).unwrap();
            assert_eq!(factor.refactor(&matrix), Err(SparseError::NonFinite { row }));
        }
    }
}

#[test]
fn wrong_input_is_refused() {
    let grid = feeder(30, 0, 1);
    let other = feeder(60, 0, 1);
    let symbolic = Arc::new(Symbolic::new(&grid.pattern).unwrap());
    assert_eq!(Factor::new(&symbolic, &other.matrix).unwrap_err(), SparseError::OtherPattern);
    let mut factor = Factor::new(&symbolic, &grid.matrix).unwrap();
    let n = grid.pattern.order();
    assert!(matches!(factor.solve_in_place(&mut vec![c(0.0, 0.0); n + 1], &mut Work::new()), Err(SparseError::Length { .. })));
    assert!(matches!(factor.refactor_changed(&grid.matrix, &[n as u32]), Err(SparseError::OutOfRange { .. })));
    assert_eq!(factor.method(), Some(Method::Ldlt));
    assert!(Pattern::new(2, [(0, 2)]).is_err());
    assert!(Symbolic::with_order(&grid.pattern, &vec![0; n]).is_err());
    let mut lone = grid.matrix.clone();
    let slot = grid.pattern.slot(0, 1).unwrap();
    lone.values_mut()[slot as usize] = c(9.0, 0.0);
    assert!(matches!(Ldlt::new(&symbolic, &lone), Err(SparseError::Unsymmetric { .. })));
}

#[test]
fn orders_zero_and_one() {
    let empty = Arc::new(PatternBuilder::new(0).build().unwrap());
    let symbolic = Arc::new(Symbolic::new(&empty).unwrap());
    let factor = Factor::new(&symbolic, &Matrix::<Complex64>::zeros(&empty)).unwrap();
    factor.solve_in_place(&mut [], &mut Work::new()).unwrap();
    let (symbolic, matrix) = matrix_of(1, &[(0, 0, c(0.0, 4.0))]);
    let mut x = [c(8.0, 0.0)];
    let factor = Factor::new(&symbolic, &matrix).unwrap();
    factor.solve_in_place(&mut x, &mut Work::new()).unwrap();
    assert_eq!(x[0], c(0.0, -2.0));
}

/// All solutions of a factor as bits.
fn bits(factor: &Factor, n: usize) -> Vec<(u64, u64)> {
    let mut x = rhs(n, 17);
    factor.solve_in_place(&mut x, &mut Work::new()).unwrap();
    x.iter().map(|v| (v.re.to_bits(), v.im.to_bits())).collect()
}

#[test]
fn partial_refactorisation_gives_the_same_bits() {
    for ties in [0, 20] {
        let grid = feeder(900, ties, 6);
        let n = grid.pattern.order();
        let symbolic = Arc::new(Symbolic::new(&grid.pattern).unwrap());
        let mut matrix = grid.matrix.clone();
        let mut partial = Factor::new(&symbolic, &matrix).unwrap();
        let mut random = Random::new(12);
        for step in 0..60 {
            let e = random.below(grid.elements.len());
            let factor = 1.0 + 0.5 * random.signed();
            let element = &grid.elements[e];
            let change: Vec<_> = element.y.iter().map(|y| y * factor).collect();
            matrix.add_at(&grid.slots[e], &change);
            // Every tenth step breaks the symmetry, the next one restores it.
            let k = element.nodes.len();
            if k > 1 && step % 10 == 3 {
                matrix.add(element.nodes[0], element.nodes[1], c(1.0, 0.0)).unwrap();
            }
            partial.refactor_changed(&matrix, &element.nodes).unwrap();
            let full = Factor::new(&symbolic, &matrix).unwrap();
            assert_eq!(partial.method(), full.method());
            assert_eq!(bits(&partial, n), bits(&full, n), "step {step}");
            if k > 1 && step % 10 == 3 {
                assert_eq!(partial.method(), Some(Method::Lu));
                matrix.add(element.nodes[0], element.nodes[1], c(-1.0, 0.0)).unwrap();
                let slot = grid.pattern.slot(element.nodes[0], element.nodes[1]).unwrap();
                let mirror = grid.pattern.mirror_slots()[slot as usize];
                matrix.values_mut()[slot as usize] = matrix.values()[mirror as usize];
                partial.refactor_changed(&matrix, &element.nodes).unwrap();
                assert_eq!(partial.method(), Some(Method::Ldlt));
            }
        }
    }
}

#[test]
fn either_end_of_a_changed_entry_is_enough() {
    let grid = feeder(300, 6, 2);
    let n = grid.pattern.order();
    let symbolic = Arc::new(Symbolic::new(&grid.pattern).unwrap());
    let start = Factor::new(&symbolic, &grid.matrix).unwrap();
    for i in 0..n as u32 {
        for &j in grid.pattern.row(i) {
            let mut matrix = grid.matrix.clone();
            matrix.add(i, j, c(0.3, 0.1)).unwrap();
            if i != j {
                matrix.add(j, i, c(0.3, 0.1)).unwrap();
            }
            let mut partial = start.clone();
            partial.refactor_changed(&matrix, &[i]).unwrap();
            let full = Factor::new(&symbolic, &matrix).unwrap();
            assert_eq!(bits(&partial, n), bits(&full, n), "entry {i} {j}");
        }
    }
}

fn check_lanes<const K: usize>(factor: &Factor, n: usize) {
    let mut block = vec![Lanes::<K>::ZERO; n];
    let singles: Vec<_> = (0..K).map(|lane| rhs(n, lane as u64 + 50)).collect();
    for i in 0..n {
        for lane in 0..K {
            block[i].set(lane, singles[lane][i]);
        }
    }
    factor.solve_many(&mut block, &mut Work::new()).unwrap();
    for (lane, single) in singles.iter().enumerate() {
        let mut x = single.clone();
        factor.solve_in_place(&mut x, &mut Work::new()).unwrap();
        let lane: Vec<_> = block.iter().map(|row| row.get(lane)).collect();
        assert!(difference(&lane, &x) < 1e-12);
    }
}

#[test]
fn lanes_agree_with_single_solves() {
    let grid = feeder(500, 5, 9);
    let n = grid.pattern.order();
    let symbolic = Arc::new(Symbolic::new(&grid.pattern).unwrap());
    let mut unsymmetric = grid.matrix.clone();
    unsymmetric.values_mut()[1] += c(3.0, 1.0);
    let (hollow_symbolic, hollow) = matrix_of(2, &[(0, 1, c(2.0, 1.0)), (1, 0, c(1.0, 0.0))]);
    for (symbolic, matrix, method) in
        [(&symbolic, &grid.matrix, Method::Ldlt), (&symbolic, &unsymmetric, Method::Lu), (&hollow_symbolic, &hollow, Method::PivotLu)]
    {
        let factor = Factor::new(symbolic, matrix).unwrap();
        assert_eq!(factor.method(), Some(method));
        let n = n.min(matrix.order());
        check_lanes::<4>(&factor, n);
        check_lanes::<8>(&factor, n);
        check_lanes::<16>(&factor, n);
        check_lanes::<3>(&factor, n);
    }
}

#[test]
fn switches_of_1e9_and_couplings_of_1e_minus_9_in_one_matrix() {
    let grid = feeder(240, 3, 11);
    let mut elements: Vec<Element> = grid.elements;
    let n = grid.pattern.order() as u32;
    let closed = c(1e9, 0.0);
    // A closed switch into an island, which a line and an earth coupling of
    // 1e-9 S continue behind a delta winding.
    for (i, j, y) in [(5, n, closed), (n, n + 1, c(3.0, -7.0)), (n + 2, n + 3, c(400.0, -900.0))] {
        elements.push(Element { nodes: vec![i, j], y: vec![y, -y, -y, y] });
    }
    for (node, y) in [(n + 2, c(0.0, -1e-9)), (n + 3, c(0.0, -1e-9)), (n + 4, c(1e-12, 0.0))] {
        elements.push(Element { nodes: vec![node], y: vec![y] });
    }
    let grid = assemble(n + 5, elements, Vec::new());
    let symbolic = Arc::new(Symbolic::new(&grid.pattern).unwrap());
    let factor = Factor::new(&symbolic, &grid.matrix).unwrap();
    let quality = factor.quality(&grid.matrix).unwrap();
    assert!(quality.backward_error < 1e-13);
    let (ratio, row) = quality.weakest.unwrap();
    assert!(ratio < 1e-11 && (row == n + 2 || row == n + 3), "{ratio} {row}");
    // No current into the nodes beyond the switch: their voltage is that of
    // node 5. None into the delta island either: its voltage is zero.
    let mut x = rhs(n as usize + 5, 1);
    x[n as usize..].fill(c(0.0, 0.0));
    let b = x.clone();
    let error = factor.solve_refined(&grid.matrix, &mut x, &mut Work::new()).unwrap();
    assert!(error < 1e-15);
    assert!(grid.matrix.backward_error(&x, &b).unwrap() <= error);
    for k in [n, n + 1] {
        assert!((x[k as usize] - x[5]).norm() < 1e-6 * x[5].norm());
    }
    assert_eq!(x[n as usize + 3], c(0.0, 0.0));
}

#[test]
fn refinement_recovers_from_a_factor_of_a_nearby_matrix() {
    let grid = feeder(200, 0, 13);
    let symbolic = Arc::new(Symbolic::new(&grid.pattern).unwrap());
    let factor = Factor::new(&symbolic, &grid.matrix).unwrap();
    let mut near = grid.matrix.clone();
    for &slot in grid.pattern.diagonal_slots() {
        near.values_mut()[slot as usize] *= 1.0 + 1e-7;
    }
    let b = rhs(grid.pattern.order(), 2);
    let mut plain = b.clone();
    let mut work = Work::new();
    factor.solve_in_place(&mut plain, &mut work).unwrap();
    assert!(near.backward_error(&plain, &b).unwrap() > 1e-9);
    let mut x = b.clone();
    assert!(factor.solve_refined(&near, &mut x, &mut work).unwrap() < 1e-14);
}

#[test]
fn real_jacobians_use_the_same_code() {
    let mut random = Random::new(21);
    let mut entries = Vec::new();
    for i in 0..80u32 {
        entries.push((i, i, 6.0 + random.signed()));
        let j = random.below(80) as u32;
        if i != j {
            entries.push((i, j, random.signed()));
            entries.push((j, i, random.signed()));
        }
    }
    let (symbolic, matrix) = matrix_of(80, &entries);
    let factor = Factor::new(&symbolic, &matrix).unwrap();
    assert_eq!(factor.method(), Some(Method::Lu));
    let b: Vec<f64> = (0..80).map(|_| random.signed()).collect();
    let mut x = b.clone();
    factor.solve_in_place(&mut x, &mut Work::new()).unwrap();
    assert!(difference(&x, &dense_solve(&matrix, &b)) < 1e-13);
}

#[test]
fn products_and_slots_read_as_the_dense_matrix() {
    let (_, matrix) = random_matrix(40, 90, false, false, 3);
    let x = rhs(40, 4);
    let mut y = vec![c(0.0, 0.0); 40];
    matrix.mul(&x, &mut y).unwrap();
    for i in 0..40 {
        let dense: Complex64 = (0..40).map(|j| matrix.get(i, j) * x[j as usize]).sum();
        assert!((dense - y[i as usize]).norm() < 1e-13);
        for (slot, &j) in matrix.pattern().row_slots(i).unwrap().zip(matrix.pattern().row(i)) {
            assert_eq!(matrix.pattern().slot(i, j), Some(slot as u32));
            let mirror = matrix.pattern().mirror_slots()[slot];
            assert_eq!(matrix.pattern().slot(j, i), Some(mirror));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_pattern_orders_to_a_permutation_and_solves(
        n in 1u32..60,
        pairs in prop::collection::vec((0u32..60, 0u32..60), 0..240),
        seed in any::<u64>(),
        symmetric in any::<bool>(),
    ) {
        let mut random = Random::new(seed);
        let mut entries: Vec<_> = (0..n).map(|i| (i, i, random.complex() + 12.0)).collect();
        for (i, j) in pairs {
            let (i, j) = (i % n, j % n);
            let v = random.complex();
            entries.push((i, j, v));
            entries.push((j, i, if symmetric { v } else { random.complex() }));
        }
        let (symbolic, matrix) = matrix_of(n, &entries);
        let mut rows = symbolic.permutation().to_vec();
        rows.sort_unstable();
        prop_assert_eq!(rows, (0..n).collect::<Vec<_>>());
        for k in 0..n {
            prop_assert!(symbolic.parent(k).is_none_or(|p| p > k));
        }
        if let Ok(factor) = Factor::new(&symbolic, &matrix) {
            let b = rhs(n as usize, seed);
            let mut x = b.clone();
            factor.solve_in_place(&mut x, &mut Work::new()).unwrap();
            prop_assert!(matrix.backward_error(&x, &b).unwrap() < 1e-9);
            if let Ok(lu) = Lu::new(&symbolic, &matrix) {
                let mut y = b.clone();
                lu.solve_in_place(&mut y).unwrap();
                prop_assert!(matrix.backward_error(&y, &b).unwrap() < 1e-6);
            }
        } else {
            // Twelve on the diagonal and at most a few units around it.
            prop_assert!(false, "a regular matrix was refused");
        }
    }
}
