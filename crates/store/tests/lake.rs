//! The lake: what is committed is whole, what is torn is found, set aside and redone.

mod common;

use common::{VERSION, batch, begin, job, jobs, sums, tables, write_feeder};
use std::fs;
use std::path::{Path, PathBuf};
use store::{Cause, Job, Lake, RunManifest, Status, StoreError};

fn part(lake: &Lake, table: &str, feeder: usize) -> PathBuf {
    lake.root().join(format!("lake/{table}/study=base/feeder=feeder%20{feeder:03}/part.parquet"))
}

fn record(lake: &Lake, feeder: usize) -> PathBuf {
    lake.root().join(format!("runs/base/feeders/feeder%20{feeder:03}.json"))
}

fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).map_or(Vec::new(), |d| d.map(|e| e.unwrap().file_name().into_string().unwrap()).collect());
    names.sort();
    names
}

#[test]
fn what_is_written_is_read_back_with_study_and_feeder_in_front() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_or_create(dir.path()).unwrap();
    {
        let run = begin(&lake, "base");
        for i in 0..4 {
            write_feeder(&run, i, 300);
        }
        assert_eq!(run.plan(&jobs(5), false).unwrap().todo.iter().map(|t| t.job).collect::<Vec<_>>(), [4]);
    }
    let lake = Lake::open(dir.path()).unwrap();
    assert_eq!(lake.tables().unwrap().into_iter().collect::<Vec<_>>(), ["episodes", "feeder_totals", "steps"]);
    let mut rows = 0;
    lake.read("steps", Some("base"), &mut |b| {
        let names: Vec<_> = b.schema().fields().iter().take(3).map(|f| f.name().clone()).collect();
        assert_eq!(names, ["study", "feeder", "step"]);
        assert_eq!(b.schema().field_with_name("source_kw").unwrap().metadata()["unit"], "kW");
        rows += b.num_rows();
        Ok(())
    })
    .unwrap();
    assert_eq!(rows, 1200);
    assert_eq!(lake.checksum("episodes", None).unwrap().rows, 2);
    assert!(lake.check().unwrap().is_empty());
    assert_eq!(lake.records("base").unwrap()[3].summary["nodes"], 503);
}

#[test]
fn the_order_of_feeders_and_a_second_writing_do_not_show() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (Lake::open_or_create(one.path()).unwrap(), Lake::open_or_create(other.path()).unwrap());
    {
        let (ra, rb) = (begin(&a, "base"), begin(&b, "base"));
        (0..5).for_each(|i| write_feeder(&ra, i, 200));
        // Another result first, with a table that the final one does not have.
        rb.commit(&job(3), &tables(2, 50), serde_json::Value::Null).unwrap();
        (0..5).rev().for_each(|i| write_feeder(&rb, i, 200));
    }
    assert_eq!(sums(&a), sums(&b));
    assert!(b.check().unwrap().is_empty(), "{:?}", b.check());
    for i in 0..5 {
        assert_eq!(fs::read(part(&a, "steps", i)).unwrap(), fs::read(part(&b, "steps", i)).unwrap(), "bytes of feeder {i}");
        assert_eq!(fs::read(record(&a, i)).unwrap(), fs::read(record(&b, i)).unwrap());
    }
}

#[test]
fn a_plan_tells_why_a_feeder_is_to_be_solved() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_or_create(dir.path()).unwrap();
    {
        let run = begin(&lake, "base");
        (0..4).for_each(|i| write_feeder(&run, i, 20));
        run.fail(&job(4), "no source").unwrap();
        let mut changed = jobs(5);
        changed[0].input_hash = "another".into();
        changed[1].options_hash = "another".into();
        let plan = run.plan(&changed, false).unwrap();
        let causes: Vec<_> = plan.todo.iter().map(|t| (t.job, t.cause.clone())).collect();
        assert_eq!(causes, [(0, Cause::InputChanged), (1, Cause::OptionsChanged)]);
        assert_eq!((plan.done, plan.failed), (vec![2, 3], vec![(4, "no source".to_owned())]));
        let again = run.plan(&jobs(5), true).unwrap();
        assert_eq!(again.todo[0].cause, Cause::Failed { reason: "no source".into() });
        assert_eq!(run.plan(&jobs(3), false).unwrap().others, ["feeder 003", "feeder 004"]);
    }
    let newer = lake.begin(&RunManifest::new("base", "9.9.9")).unwrap();
    let plan = newer.plan(&jobs(1), false).unwrap();
    assert_eq!(plan.todo[0].cause, Cause::EngineChanged { from: VERSION.into() });
}

#[test]
fn a_failed_feeder_has_no_rows() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_or_create(dir.path()).unwrap();
    let run = begin(&lake, "base");
    write_feeder(&run, 0, 20);
    run.fail(&job(0), "does not settle").unwrap();
    assert!(lake.tables().unwrap().is_empty());
    assert!(lake.check().unwrap().is_empty());
    assert_eq!(lake.records("base").unwrap()[0].status, Status::Failed { reason: "does not settle".into() });
    write_feeder(&run, 0, 20);
    assert_eq!(lake.checksum("steps", None).unwrap().rows, 20);
}

/// Ways to spoil a committed feeder, and what the plan must say of it.
#[test]
fn torn_and_foreign_files_are_set_aside_and_redone() {
    type Spoil = fn(&Lake);
    let cut: Spoil = |l| {
        let bytes = fs::read(part(l, "steps", 1)).unwrap();
        fs::write(part(l, "steps", 1), &bytes[..bytes.len() - 7]).unwrap();
    };
    let flip: Spoil = |l| {
        let mut bytes = fs::read(part(l, "steps", 1)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(part(l, "steps", 1), bytes).unwrap();
    };
    let empty: Spoil = |l| fs::write(part(l, "steps", 1), "").unwrap();
    let foreign: Spoil = |l| {
        fs::copy(part(l, "steps", 0), part(l, "steps", 1)).unwrap();
    };
    let gone: Spoil = |l| fs::remove_file(part(l, "steps", 1)).unwrap();
    let torn_record: Spoil = |l| {
        let text = fs::read_to_string(record(l, 1)).unwrap();
        fs::write(record(l, 1), &text[..text.len() / 2]).unwrap();
    };
    let foreign_record: Spoil = |l| {
        fs::copy(record(l, 0), record(l, 1)).unwrap();
    };
    let reasons = ["bytes", "checksum", "bytes", "bytes", "cannot be opened", "EOF", "feeder 000"];
    for (spoil, reason) in [cut, flip, empty, foreign, gone, torn_record, foreign_record].into_iter().zip(reasons) {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::open_or_create(dir.path()).unwrap();
        {
            let run = begin(&lake, "base");
            (0..3).for_each(|i| write_feeder(&run, i, 400));
        }
        let whole = sums(&lake);
        spoil(&lake);
        assert!(!lake.check().unwrap().is_empty(), "{reason}");
        let run = begin(&lake, "base");
        let plan = run.plan(&jobs(3), false).unwrap();
        assert_eq!((plan.todo.len(), plan.todo[0].job, plan.done), (1, 1, vec![0, 2]));
        let Cause::Torn { reason: told, .. } = &plan.todo[0].cause else { panic!("{:?}", plan.todo) };
        assert!(told.contains(reason), "{told}");
        let aside = files(&dir.path().join("aside"));
        if reason == "cannot be opened" {
            assert!(aside.is_empty());
        } else {
            assert_eq!(aside.len(), 2, "{aside:?}");
            let text = fs::read_to_string(dir.path().join("aside").join(&aside[1])).unwrap();
            assert!(text.contains(reason), "{text}");
        }
        // Asked again before it is redone, the feeder is still missing.
        assert_eq!(run.plan(&jobs(3), false).unwrap().todo.len(), 1);
        write_feeder(&run, 1, 400);
        assert!(run.plan(&jobs(3), false).unwrap().todo.is_empty());
        assert_eq!(sums(&lake), whole);
        assert!(lake.check().unwrap().is_empty());
    }
}

#[test]
fn reading_a_torn_table_is_an_error_not_fewer_rows() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_or_create(dir.path()).unwrap();
    write_feeder(&begin(&lake, "base"), 0, 100);
    let bytes = fs::read(part(&lake, "steps", 0)).unwrap();
    fs::write(part(&lake, "steps", 0), &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(lake.checksum("steps", None), Err(StoreError::Torn { .. })));
    fs::write(part(&lake, "steps", 0), vec![7; bytes.len()]).unwrap();
    assert!(matches!(lake.checksum("steps", None), Err(StoreError::Parquet { .. })));
}

#[test]
fn half_written_files_are_nobodys() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_or_create(dir.path()).unwrap();
    {
        let run = begin(&lake, "base");
        write_feeder(&run, 0, 100);
        let mut writer = run.feeder(&job(1)).unwrap();
        for (table, batches) in tables(1, 100) {
            writer.append(&table, &batches[0]).unwrap();
        }
        assert!(part(&lake, "steps", 1).with_file_name("part.parquet.partial").exists());
        drop(writer);
        assert!(!part(&lake, "steps", 1).with_file_name("part.parquet.partial").exists());
        assert_eq!(lake.checksum("steps", None).unwrap().rows, 100);
    }
    // As a killed process leaves them: a temporary file, and a table that came to its place before the record did.
    fs::create_dir_all(part(&lake, "steps", 1).parent().unwrap()).unwrap();
    fs::copy(part(&lake, "steps", 0), part(&lake, "steps", 1)).unwrap();
    fs::write(part(&lake, "steps", 1).with_file_name("part.parquet.partial"), "half").unwrap();
    assert_eq!(lake.checksum("steps", None).unwrap().rows, 100);
    let run = begin(&lake, "base");
    assert!(!part(&lake, "steps", 1).with_file_name("part.parquet.partial").exists());
    assert_eq!(run.plan(&jobs(2), false).unwrap().todo[0].cause, Cause::NeverDone);
}

#[test]
fn a_folder_takes_one_run_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_or_create(dir.path()).unwrap();
    let first = begin(&lake, "base");
    let refused = lake.begin(&RunManifest::new("another", VERSION)).unwrap_err();
    let StoreError::Locked { holder, .. } = &refused else { panic!("{refused}") };
    assert!(holder.contains(&format!("process {}", std::process::id())) && holder.contains("since 20"), "{holder}");
    drop(first);
    drop(begin(&lake, "another"));
    assert_eq!(lake.studies().unwrap().len(), 2);
    assert!(matches!(lake.study(None), Err(StoreError::StudyNotNamed { .. })));
    assert!(lake.study(Some("nothing")).unwrap_err().hint().contains("another, base"));
}

#[test]
fn lakes_of_other_versions_and_other_makers_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Lake::open(dir.path()), Err(StoreError::NotALake { .. })));
    for (text, refusal) in [
        ("{\"format\": \"gridtwin lake\", \"version\": 2}", "version 2"),
        ("{\"format\": \"gridtwin lake\"}", "names no version"),
        ("{\"format\": \"delta\"}", "not ours"),
        ("{\"form", "cannot be read"),
    ] {
        fs::write(dir.path().join("lake.json"), text).unwrap();
        for result in [Lake::open(dir.path()), Lake::open_or_create(dir.path())] {
            let told = result.unwrap_err();
            assert!(told.to_string().contains(refusal), "{told}");
        }
        assert_eq!(fs::read_to_string(dir.path().join("lake.json")).unwrap(), text, "left as it is");
    }
    fs::remove_file(dir.path().join("lake.json")).unwrap();
    fs::create_dir_all(dir.path().join("lake/something")).unwrap();
    assert!(Lake::open_or_create(dir.path()).unwrap_err().to_string().contains("not ours"));
}

#[test]
fn feeders_are_told_apart_whatever_they_are_called() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_or_create(dir.path()).unwrap();
    let run = begin(&lake, "Ünïcode / study");
    let names = ["a", "a/b", "../../a", "", "a b", "x=1", "100%", "Süd"];
    let odd: Vec<Job> = names.iter().map(|n| Job::new(*n, "i", "o")).collect();
    for (i, job) in odd.iter().enumerate() {
        run.commit(job, &tables(i, 10), serde_json::Value::Null).unwrap();
    }
    assert_eq!(run.plan(&odd, false).unwrap().done.len(), names.len());
    assert_eq!(lake.checksum("steps", None).unwrap().rows, 10 * names.len() as u64);
    assert!(lake.check().unwrap().is_empty());
    let twice = [Job::new("North", "i", "o"), Job::new("north", "i", "o")];
    assert!(matches!(run.plan(&twice, false), Err(StoreError::SameName { .. })));
}

#[test]
fn columns_that_are_not_the_tables_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let lake = Lake::open_or_create(dir.path()).unwrap();
    let run = begin(&lake, "base");
    let steps = common::steps(0, 3);
    let refuse = |table: &str, batch| {
        let mut writer = run.feeder(&job(0)).unwrap();
        writer.append(table, &batch).unwrap_err().to_string()
    };
    assert!(refuse("meters", steps.clone()).contains("table meters, column meter"));
    assert!(refuse("steps", steps.project(&[0, 1, 2]).unwrap()).contains("column iterations"));
    assert!(refuse("../steps", steps.clone()).contains("no name of a table"));
    // A missing value in a column that has none.
    let null = batch("steps", &[vec![("hour", common::Cell::Null)]]);
    assert!(refuse("steps", null).contains("table steps"));
    // A table that is not documented keeps the columns that it comes with.
    run.commit(&job(0), &[("my_table".to_owned(), vec![steps])], serde_json::Value::Null).unwrap();
    assert_eq!(lake.checksum("my_table", None).unwrap().rows, 3);
}
