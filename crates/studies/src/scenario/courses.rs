//! The courses of loads through the year, shared by loads that follow the same shape.

use super::calendar::Calendar;
use network::{Interpolation, Load, LoadShape, LoadStatus, Network};
use std::collections::HashMap;
use std::sync::Arc;

/// Multipliers of a load, or kW of it, step by step.
#[derive(Clone, Debug)]
pub struct Course {
    pub p: Arc<[f64]>,
    /// Multipliers of Q where they are not those of P.
    pub q: Option<Arc<[f64]>>,
    /// kW and kvar rather than multipliers.
    pub actual: bool,
    /// The course of the base network that it came from.
    pub origin: usize,
    pub name: String,
}

/// All courses, and which load follows which.
#[derive(Clone, Debug, Default)]
pub struct Courses {
    pub all: Vec<Course>,
    /// Present course of each load.
    pub of_load: Vec<usize>,
    /// Course of each load in the base network.
    pub base_of_load: Vec<usize>,
}

/// Values of a shape at the ends of the steps, as the engine asks for them.
fn sampled(shape: &LoadShape, calendar: Calendar) -> (Vec<f64>, Vec<f64>) {
    let step_h = calendar.step_h();
    (0..calendar.n_steps()).map(|k| shape.at((k + 1) as f64 * step_h)).unzip()
}

/// A shape of these values.
pub fn shape(name: String, p: Arc<[f64]>, q: Option<Arc<[f64]>>, actual: bool, step_h: f64) -> LoadShape {
    let n = p.len() as f64;
    let mean = p.iter().sum::<f64>() / n;
    let variance = p.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0).max(1.0);
    let (at, p_max) = super::ledger::peak(&p);
    LoadShape {
        name,
        interval_h: step_h,
        hours: None,
        q_max: q.as_ref().map_or(0.0, |q| q[at]),
        p,
        q,
        use_actual: actual,
        p_base: 0.0,
        q_base: 0.0,
        p_max,
        mean,
        stddev: variance.sqrt(),
        interpolation: Interpolation::Average,
    }
}

/// What a load's multipliers are multiplied by in a yearly run, kW; 1 where the course is in kW.
pub fn factor_kw(network: &Network, load: &Load, actual: bool) -> f64 {
    if actual {
        return 1.0;
    }
    let o = &network.options;
    let growth = match (o.year, load.growth) {
        (0, _) => 1.0,
        (year, Some(id)) => network.growth_shapes[id.index()].factor(year),
        (year, None) => (1.0 + o.default_growth_rate_pct / 100.0).powi(year - 1),
    };
    let multiplier = if load.status == LoadStatus::Fixed { 1.0 } else { o.load_multiplier };
    load.p_kw * growth * multiplier
}

impl Courses {
    pub fn new(network: &Network, calendar: Calendar) -> Self {
        let mut all: Vec<Course> = Vec::new();
        let mut known: HashMap<Option<u32>, usize> = HashMap::new();
        let mut of_load = Vec::with_capacity(network.loads.len());
        for load in &network.loads {
            let id = load.shapes.yearly.filter(|_| load.status != LoadStatus::Fixed);
            let course = *known.entry(id.map(|id| id.0)).or_insert_with(|| {
                let (p, q, actual, name) = match id.map(|id| &network.load_shapes[id.index()]) {
                    Some(shape) => {
                        let (p, q) = sampled(shape, calendar);
                        // Vars that follow watts need no course of their own.
                        let own_q = shape.q.is_some();
                        (p, own_q.then(|| Arc::from(q)), shape.use_actual, shape.name.clone())
                    }
                    None => (vec![1.0; calendar.n_steps()], None, false, "constant".to_owned()),
                };
                all.push(Course { p: p.into(), q, actual, origin: all.len(), name });
                all.len() - 1
            });
            of_load.push(course);
        }
        Self { all, base_of_load: of_load.clone(), of_load }
    }

    /// Puts `loads` on other courses: `make` gives the new values of a course. Returns the pairs of old and new course with their loads.
    pub fn change(&mut self, loads: &[usize], mut make: impl FnMut(&Course) -> Vec<f64>) -> Vec<(usize, usize, Vec<usize>)> {
        let mut pairs: Vec<(usize, usize, Vec<usize>)> = Vec::new();
        for &load in loads {
            let old = self.of_load[load];
            if let Some(pair) = pairs.iter_mut().find(|p| p.0 == old) {
                pair.2.push(load);
                self.of_load[load] = pair.1;
                continue;
            }
            let course = &self.all[old];
            let p: Arc<[f64]> = make(course).into();
            if *p == *course.p {
                pairs.push((old, old, vec![load]));
                continue;
            }
            // Vars of their own keep their ratio to the watts of the step.
            let q = course.q.as_ref().map(|q| {
                let scaled = |k: usize| if course.p[k] != 0.0 { q[k] * p[k] / course.p[k] } else { q[k] };
                (0..p.len()).map(scaled).collect::<Arc<[f64]>>()
            });
            let new = Course { p, q, actual: course.actual, origin: course.origin, name: course.name.clone() };
            self.all.push(new);
            let new = self.all.len() - 1;
            self.of_load[load] = new;
            pairs.push((old, new, vec![load]));
        }
        pairs
    }
}

/// Nominal load of a network in a yearly run, kW a step: all loads in service, counted from its own elements and shapes.
pub fn nominal_load_kw(network: &Network, calendar: Calendar) -> Vec<f64> {
    let courses = Courses::new(network, calendar);
    let mut weight = vec![0.0; courses.all.len()];
    for (i, load) in network.loads.iter().enumerate().filter(|(_, l)| l.common.enabled) {
        let course = courses.of_load[i];
        weight[course] += factor_kw(network, load, courses.all[course].actual);
    }
    let mut out = vec![0.0; calendar.n_steps()];
    for (course, weight) in courses.all.iter().zip(weight) {
        for (o, p) in out.iter_mut().zip(course.p.iter()) {
            *o += weight * p;
        }
    }
    out
}
