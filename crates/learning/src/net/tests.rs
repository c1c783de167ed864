use super::*;
use studies::synthetic::random::Random;

fn numbers(n: usize, index: u64) -> Vec<f64> {
    let mut random = Random::new(11, 3, index);
    (0..n).map(|_| random.normal()).collect()
}

fn layout(head: Head) -> Layout {
    let layer = |outputs, activation| Layer { outputs, activation };
    let layers =
        vec![layer(7, Activation::Relu), layer(6, Activation::Sigmoid), layer(5, Activation::Relu), layer(4, Activation::Identity)];
    Layout { inputs: 3, layers, head }
}

/// Targets that each loss can take, of 4 scores.
fn losses() -> Vec<(Loss, Vec<f64>)> {
    let rows = 9;
    let plain = numbers(rows * 4, 1);
    let probabilities: Vec<f64> = plain.iter().map(|&x| sigmoid(x)).collect();
    let mut shares = plain.clone();
    shares.chunks_exact_mut(4).for_each(softmax);
    vec![
        (Loss::Squared, plain.clone()),
        (Loss::Absolute, plain.clone()),
        (Loss::Quantiles(vec![0.1, 0.8]), plain[..rows * 2].to_vec()),
        (Loss::CrossEntropy, shares),
        (Loss::Logistic, probabilities),
    ]
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let rows = 9;
    let inputs = numbers(rows * 3, 2);
    let weights: Vec<f64> = numbers(rows, 3).iter().map(|w| w.abs()).collect();
    for (loss, targets) in losses() {
        let mut network = Network::<f64>::new(layout(Head::Identity), 5).unwrap();
        // Biases other than 0, so that their slopes are tried too.
        let start: Vec<f64> = network.parameters().iter().zip(numbers(network.parameters().len(), 4)).map(|(p, r)| p + 0.1 * r).collect();
        network.set_parameters(&start).unwrap();
        let examples = Examples { inputs: &inputs, targets: &targets, weights: Some(&weights) };
        let (value, gradient) = network.gradient(&loss, &examples).unwrap();
        assert!((value - network.loss(&loss, &examples).unwrap()).abs() < 1e-12);
        let h = 1e-6;
        let mut largest: f64 = 0.0;
        for i in 0..start.len() {
            let mut at = |step: f64| {
                let mut p = start.clone();
                p[i] += step;
                network.set_parameters(&p).unwrap();
                network.loss(&loss, &examples).unwrap()
            };
            let difference = (at(h) - at(-h)) / (2.0 * h);
            largest = largest.max(gradient[i].abs());
            assert!((difference - gradient[i]).abs() < 1e-7, "{loss:?} parameter {i}: {difference} {}", gradient[i]);
        }
        assert!(largest > 0.01, "{loss:?}: all slopes are nothing");
        // The gradients of the rows add up to that of all.
        network.set_parameters(&start).unwrap();
        let mut sum = vec![0.0; start.len()];
        network.gradient_of_each(&loss, &examples, |_, _, g| sum.iter_mut().zip(g).for_each(|(s, g)| *s += *g / rows as f64)).unwrap();
        assert!(sum.iter().zip(&gradient).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}

#[test]
fn slopes_of_inputs_are_those_of_finite_differences() {
    let layout = layout(Head::Identity);
    let parameters: Vec<f64> = layout.first_parameters(6);
    let (inputs, slopes) = (numbers(5 * 3, 7), numbers(5 * 4, 8));
    let mut tape = Tape::default();
    let mut at = |x: &[f64]| {
        layout.forward(&parameters, x, &mut tape);
        tape.scores().iter().zip(&slopes).map(|(a, b)| a * b).sum::<f64>()
    };
    let differences: Vec<f64> = (0..inputs.len())
        .map(|i| {
            let mut to = |step: f64| {
                let mut x = inputs.clone();
                x[i] += step;
                at(&x)
            };
            (to(1e-6) - to(-1e-6)) / 2e-6
        })
        .collect();
    let mut gradient = vec![0.0; parameters.len()];
    let mut found = Vec::new();
    layout.forward(&parameters, &inputs, &mut tape);
    layout.backward(&parameters, &mut tape, &slopes, &mut gradient, Some(&mut found));
    assert!(found.iter().zip(&differences).all(|(a, b)| (a - b).abs() < 1e-8), "{found:?} {differences:?}");
    assert!(found.iter().any(|d| d.abs() > 0.01));
}

/// Points in and outside a ring, which no line divides.
fn ring(n: usize, index: u64) -> (Vec<f32>, Vec<f32>) {
    let mut random = Random::new(3, 4, index);
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for _ in 0..n {
        let (x, y) = (random.between(-1.0, 1.0), random.between(-1.0, 1.0));
        inputs.extend([x as f32, y as f32]);
        let inside = (0.4..0.8).contains(&(x * x + y * y).sqrt());
        targets.extend(if inside { [1.0, 0.0] } else { [0.0, 1.0] });
    }
    (inputs, targets)
}

#[test]
fn a_ring_is_learnt_again_and_again_the_same() {
    let (inputs, targets) = ring(800, 1);
    let (new_inputs, new_targets) = ring(500, 2);
    let examples = Examples { inputs: &inputs, targets: &targets, weights: None };
    let options = TrainOptions { epochs: 80, batch_rows: 32, rate: 5e-3, falling_rate: true, clip: Some(5.0), ..TrainOptions::default() };
    let train = || {
        let mut network = Network::<f32>::new(Layout::rectified(2, &[32, 32], 2, Head::Softmax).unwrap(), 1).unwrap();
        let course = network.train_epochs(&Loss::CrossEntropy, &examples, None, &options, None).unwrap();
        (network, course)
    };
    let (network, course) = train();
    assert_eq!((network.clone(), course.clone()), train());
    assert!(course.losses[79] < 0.3 * course.losses[0], "{:?}", course.losses);
    let answers = network.predict(&new_inputs).unwrap();
    assert!(answers.chunks_exact(2).all(|p| (p[0] + p[1] - 1.0).abs() < 1e-6));
    let right = answers.chunks_exact(2).zip(new_targets.chunks_exact(2)).filter(|(a, t)| (a[0] > 0.5) == (t[0] > 0.5)).count();
    assert!(right >= 475, "{right} of 500");
    // What is written and read again answers with the same bits.
    let text = serde_json::to_string(&network).unwrap();
    let again: Network<f32> = serde_json::from_str(&text).unwrap();
    assert_eq!(again, network);
    assert_eq!(again.predict(&new_inputs).unwrap(), answers);
}

#[test]
fn a_line_is_fitted_as_least_squares_fits_it_and_a_pull_shrinks_it() {
    // Three points of y = 2 x - 1, and one off it.
    let (inputs, targets) = (vec![-1.0f64, 0.0, 1.0, 1.0], vec![-3.0, -1.0, 1.0, 3.0]);
    let examples = Examples { inputs: &inputs, targets: &targets, weights: None };
    let layout = Layout { inputs: 1, layers: vec![Layer { outputs: 1, activation: Activation::Identity }], head: Head::Identity };
    let options = TrainOptions { epochs: 2000, batch_rows: 4, method: Method::Sgd { momentum: 0.0 }, rate: 0.1, ..TrainOptions::default() };
    let fit = |proximal| {
        let mut network = Network::<f64>::new(layout.clone(), 1).unwrap();
        network.train_epochs(&Loss::Squared, &examples, None, &options, proximal).unwrap();
        network.parameters().to_vec()
    };
    // x̄ = 1/4, ȳ = 0, Sxx = 11/4, Sxy = 7.
    let slope = 7.0 / (11.0 / 4.0);
    let free = fit(None);
    assert!((free[0] - slope).abs() < 1e-9 && (free[1] + slope / 4.0).abs() < 1e-9, "{free:?}");
    // With mu/2 |p|² added to the mean of squares: (2/4) Xᵀ(Xp - y) + mu p = 0 for X of rows (x, 1).
    let mu = 1.0;
    let (a, b, c) = (0.5 * 3.0 + mu, 0.5 * 1.0, 0.5 * 4.0 + mu);
    let (u, v) = (0.5 * 7.0, 0.0);
    let det = a * c - b * b;
    let expected = [(u * c - b * v) / det, (a * v - b * u) / det];
    let pulled = fit(Some((&[0.0, 0.0], mu)));
    assert!((pulled[0] - expected[0]).abs() < 1e-9 && (pulled[1] - expected[1]).abs() < 1e-9, "{pulled:?} {expected:?}");
}

#[test]
fn training_ends_early_at_the_best_parameters() {
    // Targets without any law: rows held out only suffer from what is learnt by heart.
    let (inputs, targets) = (numbers(40 * 5, 20), numbers(40, 21));
    let (new_inputs, new_targets) = (numbers(40 * 5, 22), numbers(40, 23));
    let examples = Examples { inputs: &inputs, targets: &targets, weights: None };
    let held_out = Examples { inputs: &new_inputs, targets: &new_targets, weights: None };
    let options = TrainOptions { epochs: 400, batch_rows: 8, rate: 1e-2, patience: Some(10), ..TrainOptions::default() };
    let mut network = Network::<f64>::new(Layout::rectified(5, &[30], 1, Head::Identity).unwrap(), 2).unwrap();
    let course = network.train_epochs(&Loss::Squared, &examples, Some(&held_out), &options, None).unwrap();
    assert!(
        course.held_out.len() < 400 && course.held_out.len() == course.kept_epoch + 11,
        "{} {}",
        course.held_out.len(),
        course.kept_epoch
    );
    let least = course.held_out.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(network.loss(&Loss::Squared, &held_out).unwrap(), least);
    assert_eq!(course.held_out[course.kept_epoch], least);
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_changed() {
    let mut network = Network::<f32>::new(Layout::rectified(2, &[3], 2, Head::Identity).unwrap(), 1).unwrap();
    let before = network.clone();
    let loss = Loss::Squared;
    let run = |network: &mut Network<f32>, inputs: &[f32], targets: &[f32], options: &TrainOptions, proximal: Proximal<f32>| {
        network.train_epochs(&loss, &Examples { inputs, targets, weights: None }, None, options, proximal).unwrap_err()
    };
    let o = TrainOptions::default();
    let (x, y) = ([0.5f32, 1.0, 2.0, 3.0], [1.0f32, 2.0, 3.0, 4.0]);
    assert_eq!(run(&mut network, &x[..3], &y, &o, None), NetError::Length { what: "inputs", expected: 4, found: 3 });
    assert_eq!(run(&mut network, &x, &y[..2], &o, None), NetError::Length { what: "targets", expected: 4, found: 2 });
    assert_eq!(run(&mut network, &[], &[], &o, None), NetError::NoRows);
    assert_eq!(run(&mut network, &[0.0, 1.0, f32::NAN, 0.0], &y, &o, None), NetError::NotFinite { what: "inputs", row: 1 });
    assert_eq!(
        run(&mut network, &x, &y, &o, Some((&[0.0; 3], 1.0))),
        NetError::Length { what: "parameters to stay near", expected: 17, found: 3 }
    );
    let wild = TrainOptions { method: Method::Sgd { momentum: 0.9 }, rate: 1e6, epochs: 50, ..o };
    assert!(matches!(run(&mut network, &x, &y, &wild, None), NetError::Diverged { .. }));
    assert!(matches!(run(&mut network, &x, &y, &TrainOptions { rate: f64::NAN, ..o }, None), NetError::Option { what: "rate", .. }));
    assert!(matches!(run(&mut network, &x, &y, &TrainOptions { batch_rows: 0, ..o }, None), NetError::Option { what: "batch_rows", .. }));
    assert_eq!(network, before);
    assert!(network.set_parameters(&[0.0; 3]).is_err() && network.set_parameters(&[f32::INFINITY; 17]).is_err());
    assert!(network.predict(&x[..3]).is_err());
    assert!(Layout::rectified(2, &[0], 1, Head::Identity).is_err());
    assert!(network.loss(&Loss::Quantiles(vec![0.1, 0.5, 0.9]), &Examples { inputs: &x, targets: &y, weights: None }).is_err());
}
