//! Projects: what is kept and given back, on SQLite and on PostgreSQL alike.

mod project_support;

use network::{
    BusId, Diagnostic, Disposition, ElementId, ElementKind, Imported, Ledger, LonLat, Quantity, Reject, SourceRef, StudyFigure, Terminal,
};
use project_support::{NOON, everywhere, feeder, imported, line, sampler};
use serde_json::json;
use std::time::{Duration, Instant};
use store::project::{ChangeKind, Creation, Equipment, NewVersion, Override, Project, ProjectError, RunRecord, SCHEMA, SourceFile};

fn version<'a>(network: &str, imported: &'a Imported) -> NewVersion<'a> {
    NewVersion::new(network, imported, NOON)
}

#[test]
fn every_kind_of_thing_comes_back_as_it_was() {
    everywhere(|site| {
        let project = site.project("all kinds");
        for seed in 0..3 {
            let whole = imported(sampler::network(seed));
            let kept = project.import(&version(&format!("sample {seed}"), &whole)).unwrap();
            assert_eq!((kept.elements as usize, kept.buses as usize), (ElementKind::ALL.len() * sampler::ENTRIES, sampler::ENTRIES));
            let back = project.network(Some(&kept.network), None).unwrap();
            assert!(back.imported.network == whole.network, "sample {seed} came back changed");
        }
        assert!(project.check().unwrap().is_empty());
    });
}

#[test]
fn what_a_reader_found_comes_back_with_the_network() {
    everywhere(|site| {
        let source = SourceRef::new("a \"quoted\", name.txt", 7);
        let mut ledger = Ledger::default();
        ledger.record("line.length", Disposition::Kept, Some(&source));
        ledger.record("line.r", Disposition::Converted { formula: "ohm/mile / 1.609".into() }, None);
        ledger.record("load.kv", Disposition::Defaulted { value: "0.24".into(), reason: "none is given".into() }, Some(&source));
        ledger.record("pole.class", Disposition::Dropped { reason: "no current flows in it".into() }, Some(&source));
        let all = Imported {
            network: feeder(3),
            diagnostics: vec![
                Diagnostic::warning("CHECK.LOAD.KV_BASE", "rated voltage does not fit its bus")
                    .element("load.d1")
                    .at(&source)
                    .hint("Set kV."),
                Diagnostic::error("A.B.C", "message").place(LonLat::new(7.5, 45.25)).detail("Two\nlines."),
                Diagnostic::note("A.B.D", "nothing else"),
            ],
            ledger,
            rejects: vec![
                Reject { source: source.clone(), reason: "too few columns".into(), text: "1,2,\"x\ny\"".into() },
                Reject { source: SourceRef::new("b.csv", 2), reason: "a zero character".into(), text: "a\0b".into() },
            ],
            counts: vec![("LINES".into(), 3), ("LOADS".into(), 0)],
            figures: vec![
                StudyFigure { subject: "b1".into(), phase: Some(2), quantity: Quantity::VPu, value: 0.1 + 0.2, source: source.clone() },
                StudyFigure { subject: "line.l1".into(), phase: None, quantity: Quantity::LossKw, value: -0.0, source },
            ],
        };
        let project = site.project("found");
        let sources = vec![SourceFile { path: "b.csv".into(), sha256: "00ff".into(), bytes: 12 }];
        let new = NewVersion {
            importer: "cyme".into(),
            model: "north.sxst".into(),
            program: "0.1.0".into(),
            author: "Ada".into(),
            note: "first".into(),
            options: json!({ "lenient": true }),
            sources: sources.clone(),
            ..version("north", &all)
        };
        let kept = project.import(&new).unwrap();
        assert_eq!((kept.errors, kept.warnings, kept.rejects), (1, 1, 2));
        let mut back = site.open("found").network(None, None).unwrap();
        assert_eq!(back.info, kept);
        assert_eq!(
            (&back.info.author, &back.info.importer, &back.info.options),
            (&"Ada".into(), &"cyme".into(), &json!({ "lenient": true }))
        );
        assert_eq!(back.sources, sources);
        // PostgreSQL keeps no zero character; both show it as its picture.
        assert_eq!(back.imported.rejects[1].text, "a\u{2400}b");
        back.imported.rejects[1].text = "a\0b".into();
        assert_eq!(back.imported, all);
        let csv = std::fs::read_to_string(site.dir("found").join("rejects/north-v1.csv")).unwrap();
        assert_eq!(
            csv,
            "file,line,reason,record\n\"a \"\"quoted\"\", name.txt\",7,too few columns,\"1,2,\"\"x\ny\"\"\"\nb.csv,2,a zero character,a\u{2400}b\n"
        );
    });
}

#[test]
fn what_does_not_change_is_kept_once() {
    everywhere(|site| {
        let project = site.project("once");
        let mut network = feeder(50);
        project.import(&version("f", &imported(network.clone()))).unwrap();
        let first = project.info().unwrap();
        for k in 0..4 {
            network.loads[k].p_kw += 1.0;
            project.import(&version("f", &imported(network.clone()))).unwrap();
        }
        let last = project.info().unwrap();
        assert_eq!(last.items, first.items + 4, "four loads changed, one in each version");
        assert_eq!(last.version_items, 5 * first.version_items);
        assert_eq!(last.networks[0].number, 5);
        // Another network of the same things keeps none of them again.
        project.import(&version("copy", &imported(network))).unwrap();
        assert_eq!(project.info().unwrap().items, last.items);
    });
}

#[test]
fn a_change_is_told_field_by_field_and_a_shift_is_none() {
    everywhere(|site| {
        let project = site.project("changes");
        let before = feeder(4);
        project.import(&version("f", &imported(before.clone()))).unwrap();

        // A bus more in front of all others, and every line of the file one further down: nothing else has changed.
        let mut shifted = before.clone();
        let last = shifted.bus_or_add("new");
        let mut order: Vec<BusId> = (0..last.index()).map(BusId::from).collect();
        order.insert(0, last);
        shifted.renumber_buses(&order);
        for id in shifted.order.clone() {
            shifted.common_mut(id).source.line += 1;
        }
        project.import(&version("f", &imported(shifted.clone()))).unwrap();
        let of = |number| project.version(Some("f"), Some(number)).unwrap();
        let found = project.diff(&of(1), &of(2)).unwrap();
        let subjects: Vec<_> = found.changes.iter().map(|c| (c.change, c.subject.as_str())).collect();
        assert_eq!(subjects, [(ChangeKind::Added, "bus.new")]);

        // A load goes, a line comes, values change; a bus moves, and with it the geometry of what hangs on it, which is told once.
        let mut after = shifted;
        after.loads.remove(1);
        after.order.retain(|id| *id != ElementId::new(ElementKind::Load, 3));
        let mut common = network::Common::new("tie", 3);
        let bus = |network: &network::Network, name: &str| network.bus_id(name).unwrap();
        common.terminals = vec![
            Terminal::new(bus(&after, "b0"), vec![1, 2, 3]),
            Terminal { closed: vec![false; 3], ..Terminal::new(bus(&after, "b3"), vec![1, 2, 3]) },
        ];
        after.add(line(common, 12.5));
        after.lines[2].length = 250.0;
        after.lines[2].common.terminals[1] = Terminal::new(bus(&after, "new"), vec![1, 2, 3]);
        after.options.load_multiplier = 0.8;
        let moved = bus(&after, "b3").index();
        after.buses[moved].latitude_longitude_deg = Some((46.0, 7.5));
        project.import(&version("f", &imported(after))).unwrap();
        let found = project.diff(&of(2), &of(3)).unwrap();
        let told: Vec<String> = found
            .changes
            .iter()
            .map(|c| {
                let fields: Vec<String> = c.fields.iter().map(|f| format!("{}: {} -> {}", f.field, f.old, f.new)).collect();
                format!("{:?} {} {}", c.change, c.subject, fields.join(", "))
            })
            .collect();
        assert_eq!(
            told,
            [
                "Changed bus.b3 latitude_longitude_deg: [45.03,7.5] -> [46.0,7.5]",
                "Removed load.d1 ",
                "Changed line.l2 terminals[2].bus: \"b2\" -> \"new\", length: 100.0 -> 250.0",
                "Added line.tie ",
                "Changed network.options load_multiplier: 1.0 -> 0.8",
            ]
        );
        assert_eq!(found.changes[3].buses, ["b0", "b3"]);
        // And backwards.
        let back = project.diff(&of(3), &of(2)).unwrap();
        assert_eq!((back.count(ChangeKind::Added), back.count(ChangeKind::Removed), back.count(ChangeKind::Changed)), (1, 1, 3));
        assert!(project.diff(&of(3), &of(3)).unwrap().changes.is_empty());
        assert_eq!(project.version_before(&of(3)).unwrap(), Some(of(2)));
    });
}

#[test]
fn elements_stand_in_columns() {
    everywhere(|site| {
        let project = site.project("columns");
        project.import(&version("f", &imported(feeder(2)))).unwrap();
        let rows = project.elements(None, None).unwrap();
        let names: Vec<String> = rows.iter().map(|r| format!("{}.{}", r.class, r.name)).collect();
        assert_eq!(names, ["bus.head", "bus.b0", "bus.b1", "line.l0", "load.d0", "line.l1", "load.d1"]);
        let l1 = &rows[5];
        assert_eq!(
            (l1.buses.as_slice(), l1.phases.as_str(), l1.feeder.as_str()),
            (&["head".to_owned(), "b1".to_owned()][..], "1.2.3", "north")
        );
        assert_eq!((rows[6].phases.as_str(), rows[6].wkt.as_deref()), ("2", Some("POINT(7.5 45.01)")));
        assert_eq!(rows[6].kv_ll, Some(4.156922), "2.4 kV times the root of three, to the millivolt");
        if let Some(url) = &site.url
            && project.info().unwrap().spatial.is_some()
        {
            // Division by zero unless the geometry is where the text says.
            let near =
                "SELECT 1 / COUNT(*) FROM items WHERE name = 'd1' AND ST_DWithin(geom::geography, ST_MakePoint(7.5, 45.01)::geography, 1)";
            project_support::statement(url, near);
        }
    });
}

#[test]
fn names_and_numbers_that_are_not_there() {
    everywhere(|site| {
        let project = site.project("names");
        assert!(matches!(project.network(None, None), Err(ProjectError::NetworkNotNamed { known }) if known.is_empty()));
        project.import(&version("a", &imported(feeder(1)))).unwrap();
        assert_eq!(project.network(None, None).unwrap().info.number, 1);
        project.import(&version("b", &imported(feeder(1)))).unwrap();
        assert!(matches!(project.network(None, None), Err(ProjectError::NetworkNotNamed { known }) if known == ["a", "b"]));
        assert!(matches!(project.network(Some("c"), None), Err(ProjectError::UnknownNetwork { .. })));
        assert!(matches!(project.network(Some("a"), Some(2)), Err(ProjectError::UnknownVersion { newest: 1, .. })));
        for name in ["", " ", "a\nb", " a", &"x".repeat(201)] {
            assert!(matches!(project.import(&version(name, &imported(feeder(1)))), Err(ProjectError::Name { .. })), "{name:?}");
        }
        let same = Project::create(&site.dir("names"), &site.creation("names"));
        assert!(matches!(same, Err(ProjectError::Exists { .. })), "{same:?}");
        std::fs::create_dir(site.dir("empty")).unwrap();
        for name in ["empty", "nowhere"] {
            assert!(matches!(Project::open(&site.dir(name)), Err(ProjectError::NotAProject { .. })));
        }
    });
}

#[test]
fn a_network_that_contradicts_itself_is_refused_whole() {
    everywhere(|site| {
        let project = site.project("wrong");
        let mut dangling = feeder(2);
        dangling.lines[1].common.terminals[0].bus = BusId(77);
        let mut twice = feeder(2);
        twice.order[1] = twice.order[0];
        let mut missing = feeder(2);
        missing.order.pop();
        let mut code = feeder(2);
        code.lines[0].line_code = Some(network::LineCodeId(0));
        for network in [dangling, twice, missing, code] {
            let refused = project.import(&version("f", &imported(network)));
            assert!(matches!(refused, Err(ProjectError::Inconsistent { .. })), "{refused:?}");
        }
        assert!(project.history(None).unwrap().is_empty() && project.networks().unwrap().is_empty());
        assert_eq!(project.import(&version("f", &imported(feeder(2)))).unwrap().number, 1);
    });
}

#[test]
fn other_schemas_are_told() {
    everywhere(|site| {
        drop(site.project("schema"));
        let open = || Project::open_at(&site.dir("schema"), site.url.as_deref());
        site.statement("schema", "UPDATE meta SET value = '99' WHERE key = 'schema'");
        assert!(matches!(open(), Err(ProjectError::SchemaNewer { found: 99, known: SCHEMA, .. })));
        assert!(matches!(Project::upgrade(&site.dir("schema"), site.url.as_deref()), Err(ProjectError::SchemaNewer { .. })));
        // As the first schema left it.
        for table in [
            "baseline_figures",
            "baselines",
            "weather_values",
            "weather_places",
            "outage_steps",
            "meter_map_sites",
            "meter_map_rows",
            "meter_map_versions",
            "meter_maps",
            "meter_places",
            "record_rejects",
            "record_imports",
            "unmatched",
            "conflicts",
            "matches",
            "reconciliations",
            "run_files",
            "runs",
            "overrides",
            "equipment",
        ] {
            site.statement("schema", &format!("DROP TABLE {table}"));
        }
        site.statement("schema", "UPDATE meta SET value = '1' WHERE key = 'schema'");
        let refused = open().unwrap_err();
        assert!(matches!(refused, ProjectError::SchemaOlder { found: 1, .. }));
        assert_eq!(refused.diagnostic().code, "PROJECT.SCHEMA.OLDER");
        assert_eq!(Project::upgrade(&site.dir("schema"), site.url.as_deref()).unwrap(), (1, SCHEMA));
        let project = open().unwrap();
        project.import(&version("f", &imported(feeder(1)))).unwrap();
        assert!(project.equipment(None).unwrap().is_empty());
        site.statement("schema", "UPDATE meta SET value = 'something else' WHERE key = 'format'");
        assert!(matches!(open(), Err(ProjectError::Refused { .. })));
    });
}

#[test]
fn damage_is_found() {
    everywhere(|site| {
        let project = site.project("damage");
        project.import(&version("f", &imported(feeder(3)))).unwrap();
        project.import(&version("g", &imported(feeder(2)))).unwrap();
        assert!(project.check().unwrap().is_empty());
        let statements = [
            "UPDATE items SET content = REPLACE(content, '100.0', '100.5') WHERE name = 'l2'",
            "UPDATE version_items SET item = (SELECT hash FROM items WHERE name = 'l0') WHERE item_key = 'line.l2'",
            "UPDATE version_items SET sources = '0:999' WHERE item_key = 'line.l2'",
            "DELETE FROM version_items WHERE item_key = 'line.l2'",
        ];
        for sql in statements {
            site.statement("damage", sql);
            let found = project.check().unwrap();
            let codes: Vec<&str> = found.iter().map(|d| d.code.as_str()).collect();
            assert_eq!(codes, ["PROJECT.VERSION.DAMAGED"], "{sql}");
            assert!(matches!(project.network(Some("f"), None), Err(ProjectError::VersionDamaged { number: 1, .. })));
            assert!(project.network(Some("g"), None).is_ok());
        }
    });
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("project.db"), "no database, but long enough to be looked at".repeat(200)).unwrap();
    let refused = Project::open(dir.path()).unwrap_err();
    assert!(matches!(refused, ProjectError::Damaged { .. }), "{refused:?}");
    std::fs::write(dir.path().join("project.db"), "").unwrap();
    assert!(matches!(Project::open(dir.path()), Err(ProjectError::NotAProject { .. })));
    // What an interrupted command left is taken up again.
    Project::create(dir.path(), &Creation::new("again", NOON)).unwrap();
    std::fs::write(dir.path().join("project.json"), "{}").unwrap();
    assert!(matches!(Project::open(dir.path()), Err(ProjectError::NotAProject { .. })));
    for url in ["mysql://host/db", "postgres://", "postgres://127.0.0.1:1/nobody?connect_timeout=1"] {
        let creation = Creation { database: Some(url.into()), ..Creation::new("p", NOON) };
        let refused = Project::create(&dir.path().join("p"), &creation).unwrap_err();
        assert!(matches!(refused, ProjectError::Url { .. } | ProjectError::Unreachable { .. }), "{url}: {refused:?}");
    }
}

#[test]
fn a_second_writer_waits_or_is_told_and_readers_go_on() {
    everywhere(|site| {
        let project = site.project("busy");
        project.import(&version("f", &imported(feeder(2)))).unwrap();
        let url = site.url.clone().unwrap_or_else(|| format!("sqlite://{}", site.dir("busy").join("project.db").display()));
        let hold = |seconds: f64| {
            let url = url.clone();
            let (held, is_held) = std::sync::mpsc::channel();
            let thread = std::thread::spawn(move || {
                use sqlx::{Connection, PgConnection, SqliteConnection};
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    if url.starts_with("sqlite") {
                        let mut c = SqliteConnection::connect(&url).await.unwrap();
                        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut c).await.unwrap();
                        held.send(()).unwrap();
                        std::thread::sleep(Duration::from_secs_f64(seconds));
                        sqlx::raw_sql("ROLLBACK").execute(&mut c).await.unwrap();
                        c.close().await.unwrap();
                    } else {
                        let mut c = PgConnection::connect(&url).await.unwrap();
                        sqlx::raw_sql("BEGIN; SELECT id FROM projects FOR UPDATE").execute(&mut c).await.unwrap();
                        held.send(()).unwrap();
                        std::thread::sleep(Duration::from_secs_f64(seconds));
                        sqlx::raw_sql("ROLLBACK").execute(&mut c).await.unwrap();
                        c.close().await.unwrap();
                    }
                });
            });
            is_held.recv().unwrap();
            thread
        };
        let holder = hold(2.5);
        let start = Instant::now();
        let reader = site.open("busy");
        assert_eq!(reader.network(None, None).unwrap().info.number, 1);
        assert!(start.elapsed() < Duration::from_secs(2), "a reader waited");
        project.set_wait(1).unwrap();
        let refused = project.import(&version("f", &imported(feeder(3))));
        assert!(matches!(refused, Err(ProjectError::Busy { waited_s: 1, .. })), "{refused:?}");
        holder.join().unwrap();
        project.set_wait(20).unwrap();
        let holder = hold(1.0);
        assert_eq!(project.import(&version("f", &imported(feeder(3)))).unwrap().number, 2);
        holder.join().unwrap();
    });
}

#[test]
fn writers_side_by_side_give_one_version_each() {
    everywhere(|site| {
        drop(site.project("many"));
        std::thread::scope(|scope| {
            for t in 0..4 {
                scope.spawn(move || {
                    let project = site.open("many");
                    for k in 0..5 {
                        let mut network = feeder(10);
                        network.loads[t].p_kw = 100.0 + k as f64;
                        project.import(&version("f", &imported(network))).unwrap();
                    }
                });
            }
        });
        let project = site.open("many");
        let numbers: Vec<u64> = project.history(Some("f")).unwrap().iter().map(|v| v.number).collect();
        assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
        assert!(project.check().unwrap().is_empty());
    });
}

#[test]
fn the_latest_decision_holds_and_the_earlier_stay() {
    everywhere(|site| {
        let project = site.project("decisions");
        let decide = |subject: &str, value: Option<serde_json::Value>, note: &str| Override {
            kind: "meter_map".into(),
            subject: subject.into(),
            value,
            author: "Ada".into(),
            note: note.into(),
            time_utc: NOON.into(),
        };
        project
            .add_overrides(&[decide("m1", Some(json!("transformer.t1")), ""), decide("m2", Some(json!({ "transformer": "t2" })), "seen")])
            .unwrap();
        project.add_overrides(&[decide("m1", Some(json!("transformer.t9")), "moved"), decide("m2", None, "withdrawn")]).unwrap();
        let other = Override { kind: "reconciliation".into(), ..decide("m1", Some(json!(1)), "") };
        project.add_overrides(std::slice::from_ref(&other)).unwrap();
        let held = site.open("decisions").overrides("meter_map").unwrap();
        assert_eq!(held, [decide("m1", Some(json!("transformer.t9")), "moved")]);
        assert_eq!(project.override_history("meter_map", "m2").unwrap().len(), 2);
        assert_eq!(project.overrides("reconciliation").unwrap(), [other]);
        assert_eq!(project.info().unwrap().overrides, [("meter_map".to_owned(), 1), ("reconciliation".to_owned(), 1)]);

        let entry = |name: &str, ampacity: f64| Equipment {
            class: "wiredata".into(),
            name: name.into(),
            content: json!({ "normal_a": ampacity }),
            origin: "catalogue 2025".into(),
            time_utc: NOON.into(),
        };
        project.put_equipment(&[entry("4/0", 300.0), entry("4/0", 340.0), entry("1/0", 230.0)]).unwrap();
        assert_eq!(project.equipment(Some("wiredata")).unwrap(), [entry("1/0", 230.0), entry("4/0", 340.0)]);
        assert!(project.equipment(Some("xfmrcode")).unwrap().is_empty());

        let kept = project.import(&version("f", &imported(feeder(1)))).unwrap();
        let mut run = RunRecord {
            name: "base".into(),
            kind: "qsts".into(),
            version: Some(("f".into(), 1)),
            options: json!({ "steps": 24 }),
            time_utc: NOON.into(),
            files: vec![SourceFile { path: "lake/steps/part.parquet".into(), sha256: "ab".into(), bytes: 3 }],
        };
        project.put_run(&run, Some(&kept)).unwrap();
        run.files.clear();
        project.put_run(&run, Some(&kept)).unwrap();
        assert_eq!(project.runs().unwrap(), [run]);
    });
}

#[test]
fn projects_are_listed() {
    everywhere(|site| {
        for name in ["one", "two"] {
            let project = site.project(name);
            project.import(&version("f", &imported(feeder(1)))).unwrap();
        }
        std::fs::create_dir(site.dir("something else")).unwrap();
        match &site.url {
            None => {
                let listed = Project::list_folder(site.root()).unwrap();
                let names: Vec<_> = listed.iter().map(|p| p.as_ref().unwrap().name.as_str()).collect();
                assert_eq!(names, ["one", "two"]);
                assert_eq!(Project::list_folder(&site.dir("two")).unwrap().len(), 1);
            }
            Some(url) => {
                let listed = Project::list_database(url).unwrap();
                let told: Vec<_> = listed.iter().map(|p| (p.name.as_str(), p.networks, p.versions)).collect();
                assert_eq!(told, [("one", 1, 1), ("two", 1, 1)]);
                // A second folder on the same project.
                let taken = Project::create(&site.dir("else"), &site.creation("one"));
                assert!(matches!(taken, Err(ProjectError::NameTaken { .. })));
                let joined = Project::create(&site.dir("else"), &Creation { join: true, ..site.creation("one") }).unwrap();
                assert_eq!(joined.history(None).unwrap().len(), 1);
                let pointer = std::fs::read_to_string(site.dir("else").join("project.json")).unwrap();
                assert!(!pointer.contains("password"), "{pointer}");
            }
        }
    });
}

/// What is committed is in the file as soon as the project is no longer held, so that a copy of the file is a copy of the project.
#[test]
fn a_closed_project_is_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let network = imported(feeder(20));
    let beside = |dir: &std::path::Path| ["project.db-wal", "project.db-shm"].into_iter().filter(|f| dir.join(f).exists()).count();
    let way = |n: u32, dir: &std::path::Path| {
        let project = Project::create(dir, &Creation::new("p", NOON)).unwrap();
        project.import(&version("f", &network)).unwrap();
        assert!(beside(dir) > 0, "it is open");
        match n % 3 {
            0 => drop(project),
            // Where one may not wait.
            1 => tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async move { drop(project) }),
            // A panic passes through.
            _ => {
                let passed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
                    let _held = project;
                    std::panic::resume_unwind(Box::new("expected"));
                }));
                assert!(passed.is_err());
            }
        }
    };
    for n in 0..12 {
        let dir = folder.path().join(format!("p{n}"));
        way(n, &dir);
        assert_eq!(beside(&dir), 0, "way {} leaves files beside the database", n % 3);
        let copy = folder.path().join(format!("copy{n}"));
        std::fs::create_dir(&copy).unwrap();
        std::fs::copy(dir.join("project.db"), copy.join("project.db")).unwrap();
        assert!(Project::open(&copy).unwrap().network(None, None).unwrap().imported == network);
        // Opening and reading leaves none either, nor does what is refused.
        assert_eq!(beside(&copy), 0);
        assert!(Project::create(&copy, &Creation::new("p", NOON)).is_err());
        assert_eq!(beside(&copy), 0);
    }
}

/// A network of a hundred thousand elements and fifty thousand buses, imported twice and compared: what it takes is printed.
#[test]
#[ignore = "takes a minute; `make soak` runs it"]
fn a_large_network() {
    everywhere(|site| {
        let project = site.project("large");
        let mut whole = imported(feeder(50_000));
        let clock = Instant::now();
        project.import(&version("f", &whole)).unwrap();
        let first_s = clock.elapsed().as_secs_f64();
        whole.network.loads[7].p_kw += 1.0;
        let clock = Instant::now();
        project.import(&version("f", &whole)).unwrap();
        let second_s = clock.elapsed().as_secs_f64();
        let of = |number| project.version(None, Some(number)).unwrap();
        let clock = Instant::now();
        assert_eq!(project.diff(&of(1), &of(2)).unwrap().changes.len(), 1);
        let diff_s = clock.elapsed().as_secs_f64();
        let clock = Instant::now();
        assert!(project.network(None, None).unwrap().imported == whole);
        let read_s = clock.elapsed().as_secs_f64();
        let kind = if site.url.is_some() { "PostgreSQL" } else { "SQLite" };
        println!("{kind}: import {first_s:.1} s, again {second_s:.1} s, diff {diff_s:.1} s, read back {read_s:.1} s");
    });
}
