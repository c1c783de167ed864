//! Jobs of the server, on both databases.

mod project_support;

use project_support::{Site, everywhere};
use serde_json::{Value, json};
use store::server::{ATTEMPTS_MAX, JobFilter, JobState, LOG_MAX, NewJob, ServerDatabase, ServerError};

fn open(site: &Site) -> ServerDatabase {
    ServerDatabase::open_for(site.root(), site.url.as_deref()).expect("the server's database opens")
}

fn new(id: &str, lane: &str) -> NewJob {
    NewJob {
        id: id.into(),
        kind: "solve_year".into(),
        project: "north".into(),
        params: json!({ "hours": 24 }),
        lane: lane.into(),
        author: "ada".into(),
        request_key: None,
        now_ms: 1_000,
    }
}

fn id_of(claimed: Option<store::server::JobRecord>) -> Option<String> {
    claimed.map(|j| j.id)
}

#[test]
fn jobs_run_in_order_and_one_a_lane() {
    everywhere(|site| {
        let db = open(site);
        for (id, lane) in [("a", "lake:north"), ("b", "lake:north"), ("c", ""), ("d", "lake:south")] {
            assert!(db.add_job(&new(id, lane)).unwrap().1);
        }
        let a = db.claim_job(2_000).unwrap().unwrap();
        assert_eq!((a.id.as_str(), a.state, a.attempts, a.started_ms), ("a", JobState::Running, 1, Some(2_000)));
        assert_eq!(id_of(db.claim_job(2_001).unwrap()).as_deref(), Some("c"));
        assert_eq!(id_of(db.claim_job(2_002).unwrap()).as_deref(), Some("d"));
        assert_eq!(db.claim_job(2_003).unwrap(), None);
        assert!(db.note_progress("a", 1, 10, 24, "steps", "on").unwrap());
        assert!(!db.note_progress("a", 2, 11, 24, "steps", "on").unwrap(), "another attempt's progress");
        let ended = db.end_job("a", 1, JobState::Done, Some(&json!({ "study": "base" })), None, 3_000).unwrap();
        assert_eq!((ended.state, ended.done, ended.result), (JobState::Done, 24, Some(json!({ "study": "base" }))));
        // Too late: it stays as it ended.
        assert_eq!(db.end_job("a", 1, JobState::Failed, None, None, 3_001).unwrap().state, JobState::Done);
        assert_eq!(id_of(db.claim_job(3_002).unwrap()).as_deref(), Some("b"));

        let filter = JobFilter { state: Some(JobState::Running), ..JobFilter::default() };
        let (running, total) = db.jobs(&filter, 2, 0).unwrap();
        assert_eq!((running.iter().map(|j| j.id.as_str()).collect::<Vec<_>>(), total), (vec!["d", "c"], 3));
        let counts = db.count_jobs().unwrap();
        assert!(counts.contains(&(JobState::Running, 3)) && counts.contains(&(JobState::Done, 1)), "{counts:?}");
    });
}

#[test]
fn one_request_makes_one_job() {
    everywhere(|site| {
        let db = open(site);
        let request = |id: &str, author: &str| NewJob { request_key: Some("k".into()), author: author.into(), ..new(id, "") };
        let ids = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|i| {
                    scope.spawn({
                        let db = &db;
                        move || db.add_job(&request(&format!("a{i}"), "ada")).unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(ids.iter().filter(|(_, is_new)| *is_new).count(), 1);
        assert!(ids.iter().all(|(job, _)| job.id == ids[0].0.id));
        assert!(db.add_job(&request("b", "bob")).unwrap().1, "the key is one user's own");
        assert_eq!(db.jobs(&JobFilter::default(), 10, 0).unwrap().1, 2);
    });
}

#[test]
fn a_job_is_claimed_once() {
    everywhere(|site| {
        let db = open(site);
        for i in 0..20 {
            db.add_job(&new(&format!("j{i:02}"), "")).unwrap();
        }
        let mut claimed = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let mut mine = Vec::new();
                        while !db.count_jobs().unwrap().contains(&(JobState::Queued, 0)) {
                            mine.extend(db.claim_job(1).unwrap().map(|j| j.id));
                        }
                        mine
                    })
                })
                .collect();
            threads.into_iter().flat_map(|t| t.join().unwrap()).collect::<Vec<_>>()
        });
        claimed.sort();
        assert_eq!(claimed, (0..20).map(|i| format!("j{i:02}")).collect::<Vec<_>>());
    });
}

#[test]
fn jobs_of_a_killed_server_wait_again() {
    everywhere(|site| {
        let db = open(site);
        let problem = json!({ "title": "lost" });
        for id in ["a", "b"] {
            db.add_job(&new(id, "")).unwrap();
        }
        for attempt in 1..=ATTEMPTS_MAX {
            assert_eq!(db.claim_job(1).unwrap().unwrap().attempts, attempt);
            let again = open(site);
            let left = again.requeue_jobs(&problem, 5).unwrap();
            let expected = if attempt < ATTEMPTS_MAX { JobState::Queued } else { JobState::Failed };
            assert_eq!((left.len(), left[0].id.as_str(), left[0].state), (1, "a", expected));
        }
        assert_eq!(db.job("a").unwrap().unwrap().problem, Some(problem.clone()));
        // One that was to be cancelled is.
        assert_eq!(db.claim_job(6).unwrap().unwrap().id, "b");
        assert!(db.cancel_job("b", 7).unwrap().cancel_asked);
        assert_eq!(db.job("b").unwrap().unwrap().state, JobState::Running);
        db.requeue_jobs(&problem, 8).unwrap();
        assert_eq!(db.job("b").unwrap().unwrap().state, JobState::Cancelled);
        // Both may be tried again, with as many attempts as at first; the log stays.
        let (job, is_back) = db.retry_job("a").unwrap();
        assert_eq!((job.state, job.problem, is_back), (JobState::Queued, None, true));
        assert!(!db.retry_job("a").unwrap().1, "it waits already");
        assert_eq!(db.claim_job(9).unwrap().unwrap().attempts, ATTEMPTS_MAX + 1);
        db.release_job("a", ATTEMPTS_MAX + 1).unwrap();
        assert_eq!(db.job("a").unwrap().unwrap().state, JobState::Queued);
        assert_eq!(db.cancel_job("a", 10).unwrap().state, JobState::Cancelled);
        assert!(matches!(db.cancel_job("none", 10), Err(ServerError::JobUnknown { .. })));
    });
}

#[test]
fn logs_are_paged_and_bounded() {
    everywhere(|site| {
        let db = open(site);
        db.add_job(&new("a", "")).unwrap();
        let line = |n: i64| (n, "info".to_owned(), format!("line {n}"));
        assert_eq!(db.append_log("a", &[line(1), line(2)]).unwrap(), 2);
        assert_eq!(db.append_log("a", &[line(3)]).unwrap(), 3);
        let lines = db.job_log("a", 1, 10).unwrap();
        assert_eq!(lines.iter().map(|l| (l.position, l.text.as_str())).collect::<Vec<_>>(), [(2, "line 2"), (3, "line 3")]);
        db.append_log("a", &(0..LOG_MAX + 10).map(line).collect::<Vec<_>>()).unwrap();
        db.append_log("a", &[line(1)]).unwrap();
        let lines = db.job_log("a", LOG_MAX as u64 - 1, 10).unwrap();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].text.contains("not kept"));
        assert_eq!(db.append_log("none", &[line(1)]).unwrap(), 0);
        assert_eq!(db.job("a").unwrap().unwrap().params, json!({ "hours": 24 }));
        assert_eq!(db.job("none").unwrap().map(|j| j.result), None::<Option<Value>>);
    });
}
