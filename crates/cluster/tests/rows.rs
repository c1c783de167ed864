//! Every job of a query comes back once, whoever does it, and what a worker refuses comes back as it was told.

use cluster::client::{self, Progress};
use cluster::query::{NoOutcome, Stop};
use cluster::scheduler::{self, SchedulerOptions};
use cluster::worker::{self, WorkerOptions};
use cluster::{Address, ClusterError, Query, Work};
use network::Diagnostic;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Says what it was asked, counts how often, and waits when it is told to.
#[derive(Default)]
struct Echo {
    done: AtomicUsize,
    stopped: AtomicUsize,
}

impl Work for Echo {
    fn understands(&self) -> (&str, u32) {
        ("1.2.3", 7)
    }

    fn run(&self, query: &Query, job: &str, stop: &Stop) -> Result<String, NoOutcome> {
        match query.study.as_str() {
            "echo" => {
                self.done.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(20));
                Ok(format!("{}{job}", query.question))
            }
            "wait" => {
                while !stop.asked() {
                    std::thread::sleep(Duration::from_millis(10));
                }
                self.stopped.fetch_add(1, Ordering::Relaxed);
                Err(NoOutcome::Stopped)
            }
            _ => Err(NoOutcome::Refused(vec![Diagnostic::error("A.B.C", "it's \"so\"").detail("[x]").hint("mend it")])),
        }
    }
}

/// A scheduler and so many workers of one slot, on threads that end with the process.
fn start(workers: usize) -> (Address, Vec<Arc<Echo>>) {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let options = SchedulerOptions { bind: LOOPBACK, port: 0, advertise: None };
        scheduler::run(&options, &mut |bound| tell.send(bound).unwrap(), std::future::pending()).unwrap();
    });
    let bound = told.recv_timeout(Duration::from_secs(30)).expect("the scheduler listens");
    let address: Address = bound.to_string().parse().unwrap();
    let all: Vec<Arc<Echo>> = (0..workers).map(|_| Arc::new(Echo::default())).collect();
    for (i, echo) in all.iter().enumerate() {
        let options = WorkerOptions {
            name: format!("w{i}"),
            scheduler: address.clone(),
            slots: 1,
            bind: LOOPBACK,
            port: 0,
            advertise: None,
            work_dir: None,
            wait: Duration::from_secs(30),
        };
        let work: Arc<dyn Work> = echo.clone();
        std::thread::spawn(move || worker::run(&options, work, &mut || {}));
    }
    (address, all)
}

fn query(study: &str) -> Query {
    Query { version: "1.2.3".into(), payload: 7, study: study.into(), question: "\"é\"\n ".into() }
}

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn wait_for_workers(address: &Address, n: usize) {
    let begun = Instant::now();
    loop {
        let mut seen = 0;
        client::run(address, &query("echo"), (0..8).map(|i| i.to_string()).collect(), &mut |p| {
            seen = p.workers;
            ControlFlow::Continue(())
        })
        .unwrap();
        if seen == n {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{seen} workers");
    }
}

#[test]
fn every_job_comes_back_once() {
    let (address, workers) = start(2);
    wait_for_workers(&address, 2);
    let before: usize = workers.iter().map(|w| w.done.load(Ordering::Relaxed)).sum();
    let jobs: Vec<String> = (0..60).map(|i| format!("job {i}")).collect();
    let mut seen = Vec::new();
    let outcomes = client::run(&address, &query("echo"), jobs.clone(), &mut |progress| {
        seen.push(progress);
        ControlFlow::Continue(())
    })
    .unwrap();
    let texts: Vec<String> = outcomes.iter().map(|o| o.text.clone()).collect();
    assert_eq!(texts, jobs.iter().map(|j| format!("\"é\"\n {j}")).collect::<Vec<_>>());
    // Each was done once: a leaf that the scheduler cannot cut would have every task do all of them.
    let done: usize = workers.iter().map(|w| w.done.load(Ordering::Relaxed)).sum();
    assert_eq!(done - before, jobs.len());
    let by = |name: &str| outcomes.iter().filter(|o| o.worker == name).count();
    assert!(by("w0") >= 15 && by("w1") >= 15 && by("w0") + by("w1") == 60, "{} and {}", by("w0"), by("w1"));
    assert!(seen.windows(2).all(|w| w[0].done <= w[1].done) && seen.iter().all(|p| p.done <= 60 && p.workers == 2), "{seen:?}");

    let refused = |query: &Query| match client::run(&address, query, vec!["x".into()], &mut go_on) {
        Err(ClusterError::Refused { refusal }) => *refusal,
        other => panic!("{other:?}"),
    };
    let told = refused(&query("unheard of"));
    assert_eq!(told.findings, [Diagnostic::error("A.B.C", "it's \"so\"").detail("[x]").hint("mend it")]);
    assert!(["w0", "w1"].contains(&told.worker.as_str()), "{}", told.worker);
    for other in [Query { version: "1.2.4".into(), ..query("echo") }, Query { payload: 8, ..query("echo") }] {
        let told = refused(&other).findings.remove(0);
        assert_eq!(told.code, "CLUSTER.WORKER.VERSION");
        let detail = told.detail.clone().unwrap_or_default();
        assert!(detail.contains("1.2.3") && detail.contains(&other.version), "{told}");
    }

    assert!(seen.iter().any(|p| p.done > 0), "{seen:?}");

    // A break cancels the query, and with it the jobs under way; the workers are free again.
    let begun = Instant::now();
    let ended = client::run(&address, &query("wait"), vec!["a".into(), "b".into()], &mut |_| {
        if begun.elapsed() > Duration::from_secs(3) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(ended, Err(ClusterError::Interrupted)), "{ended:?}");
    let stopped = || workers.iter().map(|w| w.stopped.load(Ordering::Relaxed)).sum::<usize>();
    while stopped() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{} jobs were stopped", stopped());
        std::thread::sleep(Duration::from_millis(20));
    }
    let again = client::run(&address, &query("echo"), vec!["x".into(); 4], &mut go_on).unwrap();
    assert_eq!(again.len(), 4);
}
