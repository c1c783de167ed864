//! The history in PostgreSQL: it answers every question as the embedded one does, and keeps what it acknowledged.
//!
//! The server is the one of `GRIDTWIN_TEST_POSTGRES` (scripts/with-postgres.sh).

use network::Severity;
use scada::UtcTime;
use scada::point::{DoublePoint, Flags, Quality, Value};
use serde_json::{Map, Value as Json, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use twin::history::*;

/// The begin of a day in 2026.
const BASE_US: i64 = 20_717 * 86_400_000_000;
const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;

fn at(us: i64) -> UtcTime {
    UtcTime::from_us(BASE_US + us)
}

fn on_server<T>(url: &str, body: impl AsyncFnOnce(&mut PgConnection) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(url).await.expect("the server answers");
        let value = body(&mut connection).await;
        connection.close().await.unwrap();
        value
    })
}

/// A database of this test's own on the server, gone when it ends.
struct Database {
    server: String,
    name: String,
    url: String,
}

impl Database {
    fn new() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let server = std::env::var("GRIDTWIN_TEST_POSTGRES").ok().filter(|url| !url.is_empty());
        let Some(server) = server else {
            let is_set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0" && v != "false");
            assert!(
                !is_set("CI") && !is_set("GRIDTWIN_REQUIRE_POSTGRES"),
                "GRIDTWIN_TEST_POSTGRES names no PostgreSQL server, and this run must test with one; `make test` starts one"
            );
            eprintln!("NOT TESTED WITH POSTGRESQL: GRIDTWIN_TEST_POSTGRES names no server; `make test` starts one");
            return None;
        };
        let name = format!("twin_history_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let sql = format!("CREATE DATABASE {name}");
        on_server(&server, async |c| sqlx::query(AssertSqlSafe(sql)).execute(c).await.unwrap());
        let (head, query) = server.split_once('?').map_or((server.as_str(), ""), |(h, q)| (h, q));
        let head = head.rsplit_once('/').unwrap().0;
        let url = if query.is_empty() { format!("{head}/{name}") } else { format!("{head}/{name}?{query}") };
        Some(Self { server, name, url })
    }

    fn open(&self, options: Options) -> DatabaseHistory {
        DatabaseHistory::open(&self.url, options).unwrap_or_else(|e| panic!("{e}"))
    }

    fn count(&self, sql: &str) -> i64 {
        on_server(&self.url, async |c| sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(c).await.unwrap())
    }

    /// Ends the connections of the history, as a server that is started again does.
    fn cut_connections(&self) {
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()";
        let name = self.name.clone();
        let ended: i64 = on_server(&self.server, async |c| sqlx::query_scalar(sql).bind(name).fetch_one(c).await.unwrap());
        assert!(ended > 0);
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        on_server(&self.server, async |c| drop(sqlx::query(AssertSqlSafe(sql)).execute(c).await));
    }
}

/// A folder in memory, where a flush costs nothing.
fn folder() -> tempfile::TempDir {
    let place = Path::new("/dev/shm");
    if place.is_dir() { tempfile::tempdir_in(place).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Both histories, told the same and asked the same.
struct Both {
    embedded: History,
    database: DatabaseHistory,
    site: Database,
    folder: tempfile::TempDir,
    options: Options,
}

impl Both {
    fn new(options: Options) -> Option<Self> {
        let site = Database::new()?;
        let folder = folder();
        let embedded = History::open(folder.path(), options.clone()).unwrap();
        Some(Self { embedded, database: site.open(options.clone()), site, folder, options })
    }

    /// Closed and opened again.
    fn again(self) -> Self {
        let Self { embedded, database, site, folder, options } = self;
        drop((embedded, database));
        let embedded = History::open(folder.path(), options.clone()).unwrap();
        let database = site.open(options.clone());
        Self { embedded, database, site, folder, options }
    }

    fn same<T: PartialEq + std::fmt::Debug>(&self, what: &str, ask: impl Fn(&dyn Historian) -> T) -> T {
        let (a, b) = (ask(&self.embedded), ask(&self.database));
        assert!(a == b, "{what}: the embedded history says\n{a:?}\nand the database\n{b:?}");
        a
    }

    fn point(&self, name: &str, unit: &str) -> PointId {
        self.same("the number of a point", |h| h.point(name, unit).unwrap())
    }

    fn put(&self, samples: &[Sample], now: UtcTime) -> Receipt {
        self.same("the receipt", |h| {
            let ticket = h.append(samples.to_vec(), now).unwrap();
            let mut receipt = ticket.wait().unwrap();
            // How many batches there were before is the history's own matter.
            receipt.sequence = 0;
            (ticket.refused.iter().map(|r| (r.position, r.why)).collect::<Vec<_>>(), receipt)
        })
        .1
    }

    fn series(&self, query: &Query) -> Vec<Series> {
        self.same(&format!("{query:?}"), |h| {
            let answer = h.query(query).unwrap();
            (answer.resolution, Bits(answer.series))
        })
        .1
        .0
    }
}

/// Series that are equal in every bit: not a number is itself.
#[derive(Debug)]
struct Bits(Vec<Series>);

impl PartialEq for Bits {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(a, b)| {
                a.point == b.point
                    && a.gaps == b.gaps
                    && match (&a.rows, &b.rows) {
                        (Rows::Raw(a), Rows::Raw(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same_bits(b)),
                        (Rows::Buckets(a), Rows::Buckets(b)) => format!("{a:?}") == format!("{b:?}"),
                        _ => false,
                    }
            })
    }
}

/// A stream of numbers that looks random and is always the same.
struct Draw(u64);

impl Draw {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

fn drawn(draw: &mut Draw, points: &[PointId], hours: i64) -> Vec<Sample> {
    let mut samples = Vec::new();
    for p in points {
        let mut us = draw.next(300_000_000) as i64;
        while us < hours * HOUR_US {
            let x = draw.next(1000) as f64 / 7.0 - 50.0;
            let (value, quality) = match draw.next(12) {
                0 => (Some(Value::Float(x)), Quality::invalid(Flags::COMM_LOST)),
                1 => (Some(Value::Float(f64::NAN)), Quality::GOOD),
                2 => (None, Quality::invalid(Flags::OLD)),
                3 => (Some(Value::Bool(x > 0.0)), Quality::GOOD),
                _ => (Some(Value::Float(x)), Quality::GOOD),
            };
            samples.push(Sample { point: *p, entry: Entry { time: at(us), value, quality } });
            us += match draw.next(20) {
                0 => 400_000_000,
                _ => 1 + draw.next(60_000_000) as i64,
            };
        }
    }
    for i in (1..samples.len()).rev() {
        samples.swap(i, draw.next(i as u64 + 1) as usize);
    }
    samples
}

/// Every question, over ranges that begin and end anywhere.
fn ask_everything(both: &Both, points: &[PointId], hours: i64, draw: &mut Draw) {
    let end = hours * HOUR_US;
    let now = at(end + 3 * HOUR_US);
    let resolutions = [
        Resolution::Raw,
        Resolution::SECOND,
        Resolution::Every(Duration::from_secs(600)),
        Resolution::Every(Duration::from_secs(7200)),
        Resolution::Hourly,
        Resolution::Daily,
        Resolution::Auto { values: 100 },
    ];
    for resolution in resolutions {
        for _ in 0..4 {
            let from = draw.next(end as u64) as i64;
            let width = if resolution == Resolution::SECOND { HOUR_US } else { end };
            let to = from + 1 + draw.next(width as u64) as i64;
            both.series(&Query { points: points.to_vec(), from: at(from), to: at(to), resolution, now });
        }
    }
    // In the middle of what stands.
    both.series(&Query { points: points.to_vec(), from: at(0), to: at(end), resolution: Resolution::Hourly, now: at(end / 2) });
    for _ in 0..5 {
        let then = at(draw.next(end as u64) as i64);
        both.same("what stood", |h| {
            let states = h.states_at(then).unwrap();
            states.points.into_iter().map(|(p, s)| (p, format!("{s:?}"))).collect::<Vec<_>>()
        });
    }
    for p in points {
        both.same("the newest", |h| format!("{:?}", h.last(*p)));
    }
}

#[test]
fn both_histories_answer_every_question_alike_before_and_after_sums_and_late_values() {
    let Some(both) = Both::new(Options::default()) else { return };
    let points: Vec<PointId> = ["a", "b", "c"].iter().map(|n| both.point(n, "MW")).collect();
    let (mut draw, hours) = (Draw(11), 28);
    let now = at((hours + 3) * HOUR_US);
    let samples = drawn(&mut draw, &points, hours);
    let (late, early) = samples.split_at(60);
    for batch in early.chunks(500) {
        both.put(batch, now);
    }
    ask_everything(&both, &points, hours, &mut draw);
    let done = both.database.maintain(now).unwrap();
    both.embedded.maintain(now).unwrap();
    assert!(done.hours_summed >= 28 && done.days_summed == 1, "{done:?}");
    assert_eq!(both.database.maintain(now).unwrap(), Maintained::default());
    ask_everything(&both, &points, hours, &mut draw);
    // Late values, and the same times again: what was summed up before is not taken for the sums of now.
    both.put(late, now);
    let again: Vec<Sample> = early[..50].iter().map(|s| Sample::new(s.point, s.entry.time, Value::Integer(3), Quality::GOOD)).collect();
    both.put(&again, now);
    ask_everything(&both, &points, hours, &mut draw);
    let done = both.database.maintain(now).unwrap();
    both.embedded.maintain(now).unwrap();
    assert!(done.hours_summed > 5 && done.days_summed == 1, "{done:?}");
    ask_everything(&both, &points, hours, &mut draw);
    let both = both.again();
    ask_everything(&both, &points, hours, &mut draw);
}

#[test]
fn every_kind_of_value_comes_back_in_every_bit_and_the_same_is_refused() {
    let Some(both) = Both::new(Options::default()) else { return };
    let p = both.point("a", "");
    let kinds = [
        None,
        Some(Value::Bool(true)),
        Some(Value::DoublePoint(DoublePoint::Bad)),
        Some(Value::DoublePoint(DoublePoint::Intermediate)),
        Some(Value::Integer(i64::MIN)),
        Some(Value::Integer(i64::MAX)),
        Some(Value::Float(-0.0)),
        Some(Value::Float(f64::from_bits(0x7ff8_0000_dead_beef))),
        Some(Value::Float(f64::NEG_INFINITY)),
        Some(Value::Float(f64::MIN_POSITIVE / 4.0)),
        Some(Value::Step { position: -17, moving: true }),
        Some(Value::Bits(u32::MAX)),
        Some(Value::Counter { count: -5, sequence: 31, carry: true, adjusted: false }),
        Some(Value::Counter { count: i64::MAX, sequence: 0, carry: false, adjusted: true }),
        Some(Value::Text("a\0b \"c\" \\ äß\n".into())),
        Some(Value::Text("plain".into())),
        Some(Value::Text("".into())),
    ];
    let quality = |i: usize| match i % 3 {
        0 => Quality::GOOD,
        1 => Quality::questionable(Flags::OLD),
        _ => Quality::invalid(Flags(0x7fff)),
    };
    let entry = |(i, value): (usize, &Option<Value>)| Entry { time: at(i as i64), value: value.clone(), quality: quality(i) };
    let mut samples: Vec<Sample> = kinds.iter().enumerate().map(|e| Sample { point: p, entry: entry(e) }).collect();
    both.put(&samples, at(0));
    let series = both.series(&Query::one(p, at(0), at(100), Resolution::Raw, at(100)));
    let Rows::Raw(rows) = &series[0].rows else { panic!("raw values were asked for") };
    assert!(rows.len() == kinds.len() && rows.iter().zip(&samples).all(|(a, b)| a.same_bits(&b.entry)), "{rows:?}");
    samples = vec![
        Sample::new(PointId(99), at(0), Value::Float(2.0), Quality::GOOD),
        Sample::new(p, at(2 * HOUR_US), Value::Float(3.0), Quality::GOOD),
        Sample::new(p, at(-8 * DAY_US), Value::Float(4.0), Quality::GOOD),
        Sample::new(p, UtcTime::from_us(-5), Value::Float(5.0), Quality::GOOD),
        Sample::new(p, at(50), Value::Text("x".repeat(TEXT_MAX + 1).into()), Quality::GOOD),
        Sample::new(p, at(51), Value::Float(6.0), Quality::GOOD),
    ];
    assert_eq!(both.put(&samples, at(0)).recorded, 1);
    both.same("another unit", |h| h.point("a", "V").unwrap_err().to_string());
    both.same("no name", |h| h.point("a\nb", "V").unwrap_err().to_string());
    both.same("an empty range", |h| h.query(&Query::one(p, at(5), at(5), Resolution::Raw, at(9))).unwrap_err().to_string());
    both.same("an unknown point", |h| h.query(&Query::one(PointId(7), at(5), at(6), Resolution::Raw, at(9))).unwrap_err().to_string());
    let both = both.again();
    both.same("points", |h| h.points());
    assert_eq!(both.point("b", "A"), PointId(1));
}

#[test]
fn raw_values_go_after_their_time_and_leave_sums_and_the_last_value() {
    let retention =
        Retention { raw: Duration::from_secs(24 * 3600), hourly: Duration::from_secs(2 * 86_400), daily: Duration::from_secs(5 * 86_400) };
    let Some(both) = Both::new(Options { retention, ..Options::default() }) else { return };
    let (breaker, p) = (both.point("breaker", ""), both.point("a", "kV"));
    both.put(&[Sample::new(breaker, at(0), Value::Bool(true), Quality::GOOD)], at(0));
    for hour in 0..8 * 24 {
        let now = at((hour + 1) * HOUR_US);
        let float = |i: i64| Sample::new(p, at(hour * HOUR_US + i * 300_000_000), Value::Float((hour * 12 + i) as f64), Quality::GOOD);
        both.put(&(0..12).map(float).collect::<Vec<_>>(), now);
        if hour % 7 == 6 {
            both.embedded.maintain(now).unwrap();
            both.database.maintain(now).unwrap();
        }
    }
    let now = at(8 * DAY_US);
    both.embedded.maintain(now).unwrap();
    let done = both.database.maintain(now).unwrap();
    assert!(done.findings.is_empty());
    let both = both.again();
    // Days go as wholes: a day and some hours are left, and the partitions of the rest are gone.
    let tables = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'twin_samples'::regclass";
    assert!(both.site.count(tables) <= 3, "{} partitions are left", both.site.count(tables));
    both.series(&Query::one(p, at(7 * DAY_US), now, Resolution::Raw, now));
    both.series(&Query::one(p, at(6 * DAY_US), now, Resolution::Hourly, now));
    let days = both.series(&Query::one(p, at(3 * DAY_US), now, Resolution::Daily, now));
    assert!(matches!(&days[0].rows, Rows::Buckets(b) if b.len() == 5 && b[0].count == 288));
    both.same("the first days", |h| h.query(&Query::one(p, at(0), at(2 * DAY_US), Resolution::Daily, now)).unwrap().series);
    let told = both.database.query(&Query::one(p, at(0), at(DAY_US), Resolution::Raw, now)).unwrap();
    assert!(matches!(&told.series[0].rows, Rows::Raw(r) if r.is_empty()));
    assert_eq!(told.findings.iter().map(|f| f.code.as_str()).collect::<Vec<_>>(), ["HISTORY.RANGE.EXPIRED"]);
    let then = both.same("what stood", |h| h.states_at(now).unwrap().points);
    assert!(!then[&breaker].stands && then[&breaker].age == Duration::from_secs(8 * 86_400), "told once, eight days ago");
    both.same("what auto chooses", |h| {
        h.query(&Query::one(p, at(3 * DAY_US), now, Resolution::Auto { values: 1000 }, now)).unwrap().resolution
    });
}

fn event(i: i64) -> Event {
    let mut fields = Map::new();
    fields.insert("who".into(), json!(["ana", "ben \u{0}", "Cé"][i as usize % 3]));
    fields.insert("value".into(), json!(0.1 + i as f64));
    fields.insert("z".into(), Json::Null);
    fields.insert("a".into(), json!({"deep": [i]}));
    Event {
        // Not in the order of their numbers.
        time: at((i * 7919 % 500) * 1_000_000),
        kind: ["alarm", "control", "comms"][i as usize % 3].into(),
        severity: [Severity::Note, Severity::Warning, Severity::Error][i as usize % 3],
        subject: (i % 4 != 0).then(|| format!("line.l{}", i % 5)),
        message: format!("Event {i} of \"Öl\" 'x' % _ \u{0} {}", if i % 10 == 0 { "Zehner" } else { "" }),
        fields,
    }
}

#[test]
fn events_are_found_alike_by_range_kind_severity_subject_words_and_fields() {
    let Some(both) = Both::new(Options::default()) else { return };
    for batch in (0..500).collect::<Vec<_>>().chunks(37) {
        let events: Vec<Event> = batch.iter().map(|i| event(*i)).collect();
        both.same("numbers of events", |h| h.append_events(&events).unwrap().wait().unwrap());
    }
    let filters = [
        EventFilter::default(),
        EventFilter { kinds: vec!["alarm".into(), "comms".into()], ..EventFilter::default() },
        EventFilter { from: Some(at(100_000_000)), to: Some(at(200_000_000)), ..EventFilter::default() },
        EventFilter { severity: Some(Severity::Warning), ..EventFilter::default() },
        EventFilter { subject: Some("line.l3".into()), ..EventFilter::default() },
        EventFilter { text: Some("ÖL zehner ANA".into()), ..EventFilter::default() },
        EventFilter { text: Some("% _".into()), severity: Some(Severity::Error), ..EventFilter::default() },
        EventFilter { fields: vec![("who".into(), json!("ben \u{0}"))], kinds: vec!["control".into()], ..EventFilter::default() },
        EventFilter { fields: vec![("value".into(), json!(10.1))], ..EventFilter::default() },
        EventFilter { text: Some("nothing of this".into()), ..EventFilter::default() },
    ];
    let check = |both: &Both| {
        for filter in &filters {
            for page in [
                Page::After { sequence: 0, limit: 1000 },
                Page::After { sequence: 250, limit: 7 },
                Page::Before { sequence: u64::MAX, limit: 1 },
                Page::Before { sequence: 300, limit: 20 },
                Page::After { sequence: 500, limit: 5 },
            ] {
                both.same(&format!("{filter:?} {page:?}"), |h| h.events(filter, page).unwrap());
            }
        }
    };
    check(&both);
    let mut long = event(1);
    long.message = "x".repeat(EVENT_MAX + 1);
    both.same("an event that is too long", |h| h.append_events(std::slice::from_ref(&long)).unwrap_err().to_string().len());
    let both = both.again();
    check(&both);
    both.same("the next number", |h| h.append_events(&[event(1)]).unwrap().wait().unwrap());
}

#[test]
fn what_was_acknowledged_survives_lost_connections_and_nothing_is_written_twice() {
    let Some(site) = Database::new() else { return };
    let history = site.open(Options { retry: Duration::from_millis(20), ..Options::default() });
    let p = history.point("a", "kV").unwrap();
    let now = at(HOUR_US);
    let float = |i: i64| Sample::new(p, at(i * 1_000), Value::Float(i as f64), Quality::GOOD);
    for round in 0..20 {
        let ticket = history.append((0..100).map(|i| float(round * 100 + i)).collect(), now).unwrap();
        let events = history.append_events(&[event(round)]).unwrap();
        if round % 4 == 1 {
            site.cut_connections();
        }
        ticket.wait_for(Duration::from_secs(30)).unwrap();
        let numbers = events.wait_for(Duration::from_secs(30)).unwrap();
        assert_eq!(numbers, round as u64 + 1..round as u64 + 2);
        // Committed, whoever looks.
        assert_eq!(site.count("SELECT count(*) FROM twin_samples"), (round + 1) * 100);
        assert_eq!(site.count("SELECT max(sequence) FROM twin_events"), round + 1);
    }
    assert!(matches!(history.condition(), Condition::Recording { waiting: 0 }));
    // Reading finds its way back, too: at once, or at the second attempt.
    site.cut_connections();
    let query = Query::one(p, at(0), now, Resolution::Raw, now);
    let answer = history.query(&query).or_else(|_| history.query(&query)).unwrap();
    assert!(matches!(&answer.series[0].rows, Rows::Raw(rows) if rows.len() == 2000));
}

#[test]
fn one_program_at_a_time_and_a_database_that_refuses_is_told() {
    let Some(site) = Database::new() else { return };
    let options = Options { retry: Duration::from_millis(20), backlog: 250, ..Options::default() };
    let history = site.open(options.clone());
    assert!(history.findings()[0].message.contains("PostgreSQL"), "{:?}", history.findings());
    assert!(matches!(DatabaseHistory::open(&site.url, options.clone()), Err(HistoryError::DatabaseLocked { .. })));
    let p = history.point("a", "kV").unwrap();
    // Another takes the table away from it for a while.
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let (locked, is_locked) = std::sync::mpsc::channel::<()>();
    let url = site.url.clone();
    let other = std::thread::spawn(move || {
        on_server(&url, async |c| {
            sqlx::query("ALTER TABLE twin_samples RENAME TO twin_samples_hidden").execute(&mut *c).await.unwrap();
            locked.send(()).unwrap();
            wait.recv().unwrap();
            sqlx::query("ALTER TABLE twin_samples_hidden RENAME TO twin_samples").execute(&mut *c).await.unwrap();
        });
    });
    is_locked.recv().unwrap();
    let ticket = history.append((0..200).map(|i| Sample::new(p, at(i), Value::Float(1.0), Quality::GOOD)).collect(), at(0)).unwrap();
    assert!(matches!(ticket.wait_for(Duration::from_millis(300)), Err(HistoryError::NotYet { .. })), "nothing is acknowledged");
    let Condition::Stalled { trouble, waiting: 200 } = history.condition() else { panic!("{:?}", history.condition()) };
    assert_eq!(trouble.diagnostic().code, "HISTORY.DATABASE.FAILED");
    assert!(trouble.to_string().contains("twin_samples") && !trouble.to_string().contains("password"), "{trouble}");
    let more = (0..100).map(|i| Sample::new(p, at(1000 + i), Value::Float(1.0), Quality::GOOD)).collect();
    assert!(matches!(history.append(more, at(0)), Err(HistoryError::QueueFull { .. })), "a bounded number waits");
    done.send(()).unwrap();
    other.join().unwrap();
    assert_eq!(ticket.wait_for(Duration::from_secs(20)).unwrap().recorded, 200);
    let begun = Instant::now();
    while !matches!(history.condition(), Condition::Recording { waiting: 0 }) {
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", history.condition());
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(history);
    // The lock is free again.
    drop(site.open(options.clone()));
    let nowhere = DatabaseHistory::open("postgres://u:secret@127.0.0.1:1/none", options).unwrap_err();
    assert!(matches!(nowhere, HistoryError::Database { .. }) && !nowhere.to_string().contains("secret"), "{nowhere}");
}
