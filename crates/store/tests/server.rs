//! What the server keeps: users, sessions, tokens, settings, the audit log, on both databases.

mod project_support;

use project_support::{Site, everywhere, statement};
use serde_json::json;
use store::server::{AuditFilter, Entry, NewToken, ServerDatabase, ServerError};

fn open(site: &Site) -> ServerDatabase {
    ServerDatabase::open_for(site.root(), site.url.as_deref()).expect("the server's database opens")
}

fn address(site: &Site) -> String {
    site.url.clone().unwrap_or_else(|| format!("sqlite://{}", site.root().join("gridtwin.db").display()))
}

#[test]
fn users_keep_an_administrator() {
    everywhere(|site| {
        let db = open(site);
        assert!(!db.has_users().unwrap());
        db.add_first_admin("ada", "h1", 10).unwrap();
        assert!(matches!(db.add_first_admin("eve", "h2", 11), Err(ServerError::NotFirst)));
        assert!(matches!(db.add_user("ada", "viewer", "h", 12), Err(ServerError::UserTaken { .. })));
        db.add_user("bob", "viewer", "h3", 12).unwrap();
        assert!(matches!(db.set_role("ada", "viewer"), Err(ServerError::LastAdmin { .. })));
        assert!(matches!(db.remove_user("ada"), Err(ServerError::LastAdmin { .. })));
        assert!(matches!(db.set_role("carl", "viewer"), Err(ServerError::UserUnknown { .. })));
        db.set_role("bob", "admin").unwrap();
        db.remove_user("ada").unwrap();
        assert!(matches!(db.remove_user("bob"), Err(ServerError::LastAdmin { .. })));
        // Opened anew, it is as it was.
        let again = open(site);
        let names: Vec<(String, String)> = again.users().unwrap().into_iter().map(|u| (u.name, u.role)).collect();
        assert_eq!(names, [("bob".to_owned(), "admin".to_owned())]);
        assert!(!format!("{:?}", again.users().unwrap()).contains("h3"), "a hash is printed");
    });
}

#[test]
fn two_administrators_cannot_remove_each_other_at_once() {
    everywhere(|site| {
        let db = open(site);
        for round in 0..5 {
            let names = [format!("a{round}"), format!("b{round}")];
            for name in &names {
                db.add_user(name, "admin", "h", 1).unwrap();
            }
            for other in db.users().unwrap().iter().filter(|u| !names.contains(&u.name)) {
                db.remove_user(&other.name).unwrap();
            }
            let removed = std::thread::scope(|scope| {
                let threads: Vec<_> = names.iter().map(|n| scope.spawn(|| db.remove_user(n).is_ok())).collect();
                threads.into_iter().filter_map(|t| t.join().unwrap().then_some(())).count()
            });
            assert_eq!((removed, db.users().unwrap().len()), (1, 1));
        }
    });
}

#[test]
fn sessions_follow_their_user() {
    everywhere(|site| {
        let db = open(site);
        let id = db.add_user("ada", "engineer", "h", 0).unwrap();
        for hash in ["one", "two"] {
            db.add_session(hash, id, "127.0.0.1", 100, 1_000).unwrap();
        }
        db.touch_session("one", 500).unwrap();
        db.touch_session("one", 400).unwrap();
        let session = db.session("one").unwrap().expect("a session");
        assert_eq!((session.user.as_str(), session.role.as_str(), session.seen_ms), ("ada", "engineer", 500));
        db.set_role("ada", "viewer").unwrap();
        assert_eq!(db.session("one").unwrap().unwrap().role, "viewer");
        db.set_password("ada", "h2", Some("two"), 600).unwrap();
        assert!(db.session("one").unwrap().is_none() && db.session("two").unwrap().is_some());
        assert_eq!(db.end_old_sessions(700, 99).unwrap(), 0);
        assert_eq!(db.end_old_sessions(700, 101).unwrap(), 1, "unused for too long");
        db.add_session("three", id, "", 700, 800).unwrap();
        assert_eq!(db.end_old_sessions(801, 0).unwrap(), 1, "past its end");
        db.add_session("four", id, "", 700, 8_000).unwrap();
        db.add_user("root", "admin", "h", 0).unwrap();
        db.remove_user("ada").unwrap();
        assert!(db.session("four").unwrap().is_none());
        assert_eq!(db.count_sessions().unwrap(), 0);
    });
}

#[test]
fn tokens_belong_to_their_user() {
    everywhere(|site| {
        let db = open(site);
        for user in ["ada", "bob"] {
            db.add_user(user, "engineer", "h", 0).unwrap();
        }
        let new = |user: &str, hash: &str| NewToken {
            user: user.into(),
            name: "pipeline".into(),
            role: "viewer".into(),
            hash: hash.into(),
            created_ms: 5,
            expires_ms: None,
        };
        let id = db.add_token(&new("ada", "t1")).unwrap();
        db.add_token(&new("bob", "t2")).unwrap();
        assert!(matches!(db.add_token(&new("eve", "t3")), Err(ServerError::UserUnknown { .. })));
        assert_eq!(db.tokens(None).unwrap().len(), 2);
        assert_eq!(db.tokens(Some("ada")).unwrap().len(), 1);
        db.touch_token(id, 77).unwrap();
        let found = db.token("t1").unwrap().unwrap();
        assert_eq!((found.info.used_ms, found.user_role.as_str()), (Some(77), "engineer"));
        assert!(matches!(db.remove_token(id, Some("bob")), Err(ServerError::TokenUnknown { .. })));
        db.remove_token(id, Some("ada")).unwrap();
        assert!(db.token("t1").unwrap().is_none());
        assert!(matches!(db.remove_token(id, None), Err(ServerError::TokenUnknown { .. })));
    });
}

#[test]
fn failures_are_counted_until_a_login() {
    everywhere(|site| {
        let db = open(site);
        db.add_user("ada", "viewer", "h", 0).unwrap();
        let mut locked = Vec::new();
        for n in 1..=4 {
            let found = db.note_failure("ada", 1_000 * n, |failures| if failures < 3 { 0 } else { 100 * failures as i64 }).unwrap();
            locked.push((found.failures, found.locked_ms));
        }
        assert_eq!(locked, [(1, 0), (2, 0), (3, 3_300), (4, 4_400)]);
        let ada = db.user("ada").unwrap().unwrap();
        db.note_login(&ada, 9_000).unwrap();
        assert_eq!(db.failures("ada").unwrap().failures, 0);
        assert_eq!(db.user("ada").unwrap().unwrap().login_ms, Some(9_000));
        db.note_failure("nobody", 1, |_| 0).unwrap();
        assert!(db.unlock("nobody").unwrap() && !db.unlock("nobody").unwrap());
        db.note_failure("nobody", 1, |_| 0).unwrap();
        db.note_failure("ada", 2 * 24 * 3600 * 1000, |_| 0).unwrap();
        assert_eq!(db.failures("nobody").unwrap().failures, 0, "failures of long ago are forgotten");
    });
}

#[test]
fn settings_are_replaced() {
    everywhere(|site| {
        let db = open(site);
        assert!(db.settings().unwrap().is_empty());
        db.put_settings(&[("a".to_owned(), json!({"x": 1})), ("b".to_owned(), json!("two"))].into(), "ada", 1).unwrap();
        db.put_settings(&[("b".to_owned(), json!(null))].into(), "ada", 2).unwrap();
        assert_eq!(db.settings().unwrap(), [("a".to_owned(), json!({"x": 1})), ("b".to_owned(), json!(null))].into());
    });
}

fn entry(n: i64, author: &str, action: &str) -> Entry {
    let detail = json!({ "before": n, "after": "zero \u{0} within" });
    Entry { author: author.into(), address: "::1".into(), action: action.into(), subject: format!("s{n}"), detail, ..Entry::at(n) }
}

#[test]
fn the_audit_log_is_append_only() {
    everywhere(|site| {
        let db = open(site);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let db = &db;
                scope.spawn(move || {
                    for n in 0..10 {
                        db.note(&entry(100 * thread + n, if n % 2 == 0 { "ada" } else { "bob" }, "login.ok")).unwrap();
                    }
                });
            }
        });
        db.note(&entry(1_000, "ada", "user.add")).unwrap();
        assert_eq!(db.check_audit().unwrap(), (41, None));
        let all = AuditFilter { limit: 100, ..AuditFilter::default() };
        let count = |filter: AuditFilter| db.audit(&filter).unwrap().len();
        assert_eq!(count(all.clone()), 41);
        assert_eq!(count(AuditFilter { limit: 7, ..all.clone() }), 7);
        assert_eq!(count(AuditFilter { author: Some("bob".into()), ..all.clone() }), 20);
        assert_eq!(count(AuditFilter { action: Some("login.".into()), ..all.clone() }), 40);
        assert_eq!(count(AuditFilter { action: Some("login".into()), ..all.clone() }), 0);
        assert_eq!(count(AuditFilter { action: Some("l%".into()), ..all.clone() }), 0);
        assert_eq!(count(AuditFilter { from_ms: Some(300), to_ms: Some(1_000), ..all.clone() }), 10);
        let newest = db.audit(&AuditFilter { limit: 1, ..all.clone() }).unwrap().remove(0);
        assert_eq!((newest.entry.action.as_str(), newest.entry.detail["before"].as_i64()), ("user.add", Some(1_000)));
        assert_eq!(count(AuditFilter { before: Some(newest.id), ..all.clone() }), 40);

        let url = address(site);
        let forbidden = ["UPDATE server_audit SET author = 'eve'", "DELETE FROM server_audit", "TRUNCATE server_audit"];
        for sql in forbidden.iter().filter(|sql| site.url.is_some() || !sql.starts_with("TRUNCATE")) {
            let result = std::panic::catch_unwind(|| statement(&url, sql));
            assert!(result.is_err(), "{sql} was allowed");
        }
        assert_eq!(db.check_audit().unwrap(), (41, None));

        // Whoever owns the database can take the triggers away; the chain tells of it.
        let drop = if site.url.is_some() {
            "DROP TRIGGER server_audit_keeps_rows ON server_audit"
        } else {
            "DROP TRIGGER server_audit_keeps_rows"
        };
        statement(&url, drop);
        statement(&url, "UPDATE server_audit SET author = 'eve' WHERE id = 12");
        assert_eq!(db.check_audit().unwrap(), (11, Some(12)));
    });
}

#[test]
fn tables_of_a_newer_program_are_left_alone() {
    everywhere(|site| {
        drop(open(site));
        statement(&address(site), "UPDATE server_meta SET value = '9999' WHERE key = 'schema'");
        let error = ServerDatabase::open_for(site.root(), site.url.as_deref()).expect_err("a newer schema");
        assert!(error.to_string().contains("9999"), "{error}");
    });
}
