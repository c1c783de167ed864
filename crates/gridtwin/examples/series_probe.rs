use cpu_time::ProcessTime;
use network::{ControlMode, SolutionMode};
use powerflow::{Observer, Step};
use std::ops::ControlFlow;
struct Sum { v: f64, worst: f64, taps: u64, ev: usize, log: Option<Vec<Vec<f64>>> }
impl Observer for Sum {
    fn step(&mut self, s: &Step<'_>) -> ControlFlow<()> {
        let v = s.state.voltages();
        self.v += v[1].norm();
        if !s.progress.settled() { self.worst += 1.0; }
        self.ev = s.state.events().len();
        if let Some(l) = &mut self.log { l.push(v[1..].iter().map(|v| v.norm()).collect()); }
        ControlFlow::Continue(())
    }
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let get = |k: &str, d: &str| a.iter().position(|x| x == k).map_or(d.to_owned(), |i| a[i + 1].clone());
    let dss: Vec<String> = a.iter().enumerate().filter(|(_, x)| *x == "--dss").map(|(i, _)| a[i + 1].clone()).collect();
    let mut m = gridtwin::model::Model::read_with(std::path::Path::new(&a[1]), &dss, false).unwrap_or_else(|f| panic!("{:?}", f.diagnostics));
    let o = &mut m.network.options;
    o.mode = SolutionMode::Yearly;
    o.control_mode = if get("--controls", "off") == "off" { ControlMode::Off } else { ControlMode::Static };
    o.tolerance_pu = get("--tol", "1e-6").parse().unwrap();
    o.max_iterations = 500; o.max_control_iterations = 200; o.hour = 0; o.second = 0.0; o.step_s = 3600.0;
    let n: u32 = get("--steps", "744").parse().unwrap();
    let run = |m: &mut gridtwin::model::Model, log: bool| {
        let mut state = m.session.series_state(&m.network, true).unwrap();
        let mut sum = Sum { v: 0.0, worst: 0.0, taps: 0, ev: 0, log: log.then(Vec::new) };
        let t = ProcessTime::now();
        let path = if std::env::var("STEPWISE").is_ok() { powerflow::series::SeriesPath::Stepwise } else { powerflow::series::SeriesPath::Batched };
        let r = powerflow::series::run_series_by(path, &mut state, n, &mut sum).unwrap();
        let s = t.elapsed().as_secs_f64();
        (r, s, sum, state)
    };
    let _ = run;
    let (r, s, sum, st) = run(&mut m, get("--check", "") != "");
    print!("{:?} ", st.circuit().factor_size());
    println!("{} nodes, {} steps {:.3} s, {:.0}/s; it {:.2} ctl {:.2} unsettled {} events {} {}", st.circuit().n_nodes(), r.steps, s, f64::from(r.steps) / s, r.iterations as f64 / r.steps as f64, r.control_iterations as f64 / r.steps as f64, sum.worst, sum.ev, sum.taps);
}
