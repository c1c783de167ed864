//! A run that writes into a lake: one at a time, a feeder at a time.
//!
//! A feeder's tables are streamed under temporary names, flushed to the disk and renamed; then the commit record is written the same
//! way. Killed before that record, the feeder is simply missing; what lies around is swept or overwritten by the next run.
//!
//! A run may have helpers in other processes ([`Run::join`]), which write feeders of it while the run itself holds the lock. Two helpers
//! may be given the same feeder, when one of them was thought dead: each writes under temporary names of its own, and what is committed
//! already is left as it is.

use crate::error::StoreError;
use crate::files::{self, PartialFile};
use crate::lake::{Lake, length_fault, verify};
use crate::record::{FeederRecord, FileRecord, Job, RunManifest, Status, read_json, to_json};
use crate::schema;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// File in which the holder of the lock says who it is.
const HOLDER: &str = "lock.json";

/// Rows after which a row group is closed, so that a long series needs bounded memory.
const ROW_GROUP_ROWS: usize = 1 << 18;

/// Why a feeder is to be solved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    NeverDone,
    /// It failed before, and failures are to be tried again.
    Failed {
        reason: String,
    },
    InputChanged,
    OptionsChanged,
    EngineChanged {
        from: String,
    },
    /// A file of it, or its record, is not as it was written; it has been set aside.
    Torn {
        path: PathBuf,
        reason: String,
    },
}

/// One feeder to be solved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Todo {
    /// Index into the jobs.
    pub job: usize,
    pub cause: Cause,
}

/// What is missing of a study.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub todo: Vec<Todo>,
    /// Jobs whose results are there and whole.
    pub done: Vec<usize>,
    /// Jobs that failed before and are not tried again, with the reason then.
    pub failed: Vec<(usize, String)>,
    /// Feeders of the study that are none of the jobs.
    pub others: Vec<String>,
}

/// A run that holds the lock of its lake until it is dropped. Threads share it.
#[derive(Debug)]
pub struct Run {
    lake: Lake,
    study: String,
    engine_version: String,
    /// Held by the run, not by its helpers.
    _lock: Option<File>,
    /// Tells the temporary files of a helper from those of others; empty for the run itself.
    writer: String,
}

impl Run {
    pub(crate) fn begin(lake: Lake, manifest: &RunManifest) -> Result<Self, StoreError> {
        let lock = take_lock(lake.root())?;
        lake.sweep()?;
        let path = lake.study_dir(&manifest.study).join("run.json");
        files::write_whole(&path, &to_json(manifest))?;
        Ok(Self {
            study: manifest.study.clone(),
            engine_version: manifest.engine_version.clone(),
            lake,
            _lock: Some(lock),
            writer: String::new(),
        })
    }

    /// Helps a run that holds the lock of this lake, from another process; `writer` is a name that no other helper has.
    ///
    /// # Errors
    /// [`StoreError::NotHeld`] when the lake is not held by `holder`, see [`Run::holder`]: the folder is another one than the run's, or
    /// the run is over.
    pub fn join(lake: Lake, study: &str, engine_version: &str, holder: &str, writer: &str) -> Result<Self, StoreError> {
        let found = fs::read_to_string(lake.root().join(HOLDER)).unwrap_or_default();
        if found != holder {
            return Err(StoreError::NotHeld { path: lake.root().to_owned() });
        }
        let writer = writer.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        Ok(Self { study: study.to_owned(), engine_version: engine_version.to_owned(), lake, _lock: None, writer })
    }

    /// Who holds the lake, as the run has written it there: what helpers know the folder by.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn holder(&self) -> Result<String, StoreError> {
        let path = self.lake.root().join(HOLDER);
        fs::read_to_string(&path).map_err(|e| StoreError::io("read", &path, e))
    }

    /// Removes what helpers that were killed left half-written.
    ///
    /// # Errors
    /// Files that cannot be listed or removed.
    pub fn sweep(&self) -> Result<(), StoreError> {
        self.lake.sweep()
    }

    /// The record of a feeder that is done with the job's model and options by this version, and whose files are as long as it says.
    ///
    /// # Errors
    /// A record that cannot be opened.
    pub fn committed(&self, job: &Job) -> Result<Option<FeederRecord>, StoreError> {
        let record = self.lake.record(&self.study, &job.feeder)?;
        let whole = |f: &FileRecord| length_fault(&self.lake.part_path(&f.table, &self.study, &job.feeder), f).is_none();
        Ok(record.filter(|r| self.is_of(r, job) && r.files.iter().all(whole)))
    }

    /// Whether a record says that the job is done: its model with its options, by this version.
    pub fn is_of(&self, record: &FeederRecord, job: &Job) -> bool {
        let r = record;
        matches!(r.status, Status::Done)
            && (&r.feeder, &r.input_hash, &r.options_hash) == (&job.feeder, &job.input_hash, &job.options_hash)
            && (&r.study, &r.engine_version) == (&self.study, &self.engine_version)
    }

    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    pub fn study(&self) -> &str {
        &self.study
    }

    /// Writes the manifest again, once a run knows the hashes of all its inputs.
    ///
    /// # Errors
    /// A disk that takes no more.
    pub fn write_manifest(&self, manifest: &RunManifest) -> Result<(), StoreError> {
        files::write_whole(&self.lake.study_dir(&self.study).join("run.json"), &to_json(manifest))
    }

    /// Compares the jobs with what the lake holds. Torn files are set aside and their feeders are to be solved again.
    ///
    /// # Errors
    /// Two jobs of one name; files that cannot be read or set aside.
    pub fn plan(&self, jobs: &[Job], retry_failed: bool) -> Result<Plan, StoreError> {
        self.plan_by(jobs, retry_failed, &|path, record| verify(path, record))
    }

    /// As [`Run::plan`], where `whole` says of a table's file what is wrong with it: for a lake whose tables are elsewhere.
    ///
    /// # Errors
    /// As [`Run::plan`].
    pub fn plan_by(
        &self,
        jobs: &[Job],
        retry_failed: bool,
        whole: &dyn Fn(&Path, &FileRecord) -> Result<(), String>,
    ) -> Result<Plan, StoreError> {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for job in jobs {
            if let Some(first) = seen.insert(job.feeder.to_lowercase(), &job.feeder) {
                return Err(StoreError::SameName { first: first.to_owned(), second: job.feeder.clone() });
            }
        }
        let mut plan = Plan::default();
        for (i, job) in jobs.iter().enumerate() {
            match self.judge(job, retry_failed, whole)? {
                Verdict::Todo(cause) => plan.todo.push(Todo { job: i, cause }),
                Verdict::Done => plan.done.push(i),
                Verdict::Failed(reason) => plan.failed.push((i, reason)),
            }
        }
        let named: BTreeSet<&str> = jobs.iter().map(|j| j.feeder.as_str()).collect();
        plan.others = self.lake.records(&self.study)?.into_iter().map(|r| r.feeder).filter(|f| !named.contains(f.as_str())).collect();
        Ok(plan)
    }

    fn judge(
        &self,
        job: &Job,
        retry_failed: bool,
        whole: &dyn Fn(&Path, &FileRecord) -> Result<(), String>,
    ) -> Result<Verdict, StoreError> {
        let path = self.lake.record_path(&self.study, &job.feeder);
        let record: FeederRecord = match read_json(&path) {
            Ok(Some(record)) => record,
            Ok(None) => return Ok(Verdict::Todo(Cause::NeverDone)),
            Err(StoreError::Record { reason, .. }) => {
                self.lake.set_aside(&path, &reason)?;
                return Ok(Verdict::Todo(Cause::Torn { path, reason }));
            }
            Err(other) => return Err(other),
        };
        if record.feeder != job.feeder || record.study != self.study {
            let reason = format!("it is the record of feeder \"{}\" of study \"{}\"", record.feeder, record.study);
            self.lake.set_aside(&path, &reason)?;
            return Ok(Verdict::Todo(Cause::Torn { path, reason }));
        }
        if record.input_hash != job.input_hash {
            return Ok(Verdict::Todo(Cause::InputChanged));
        }
        if record.options_hash != job.options_hash {
            return Ok(Verdict::Todo(Cause::OptionsChanged));
        }
        if record.engine_version != self.engine_version {
            return Ok(Verdict::Todo(Cause::EngineChanged { from: record.engine_version }));
        }
        if let Status::Failed { reason } = &record.status {
            let reason = reason.clone();
            return Ok(if retry_failed { Verdict::Todo(Cause::Failed { reason }) } else { Verdict::Failed(reason) });
        }
        for file in &record.files {
            let part = self.lake.part_path(&file.table, &self.study, &job.feeder);
            if let Err(reason) = whole(&part, file) {
                // The record goes first: killed in between, the feeder is missing, which is the truth.
                files::remove(&path)?;
                if part.exists() {
                    self.lake.set_aside(&part, &reason)?;
                }
                return Ok(Verdict::Todo(Cause::Torn { path: part, reason }));
            }
        }
        Ok(Verdict::Done)
    }

    /// Begins to write a feeder. Nothing of it counts before [`FeederWriter::commit`].
    ///
    /// # Errors
    /// None yet: files are made by the first row of each table, and what stands in their way is told there.
    pub fn feeder(&self, job: &Job) -> Result<FeederWriter<'_>, StoreError> {
        Ok(FeederWriter { run: self, job: job.clone(), tables: BTreeMap::new() })
    }

    /// Writes a whole feeder at once.
    ///
    /// # Errors
    /// As [`FeederWriter::append`] and [`FeederWriter::commit`].
    pub fn commit(&self, job: &Job, tables: &[(String, Vec<RecordBatch>)], summary: Value) -> Result<FeederRecord, StoreError> {
        let mut writer = self.feeder(job)?;
        for (table, batches) in tables {
            for batch in batches {
                writer.append(table, batch)?;
            }
        }
        writer.commit(summary)
    }

    /// Records that a feeder failed; tables of an earlier run of it are removed.
    ///
    /// # Errors
    /// Files that cannot be removed or written.
    pub fn fail(&self, job: &Job, reason: &str) -> Result<FeederRecord, StoreError> {
        self.retract(job, &BTreeSet::new())?;
        self.record(job, Status::Failed { reason: reason.to_owned() }, Vec::new(), Value::Null)
    }

    /// Takes a feeder out of the study: its record first, then its files.
    ///
    /// # Errors
    /// Files that cannot be removed.
    pub fn remove(&self, feeder: &str) -> Result<(), StoreError> {
        self.retract(&Job::new(feeder, "", ""), &BTreeSet::new())
    }

    /// Takes back the feeder's record, then the files of tables that the new result does not have.
    fn retract(&self, job: &Job, kept: &BTreeSet<&str>) -> Result<(), StoreError> {
        files::remove(&self.lake.record_path(&self.study, &job.feeder))?;
        for table in self.lake.table_folders()? {
            if !kept.contains(table.as_str()) {
                let part = self.lake.part_path(&table, &self.study, &job.feeder);
                if files::remove(&part)? {
                    // Only if nothing else lies there.
                    let _ = part.parent().map(fs::remove_dir);
                }
            }
        }
        Ok(())
    }

    fn record(&self, job: &Job, status: Status, files: Vec<FileRecord>, summary: Value) -> Result<FeederRecord, StoreError> {
        let record = FeederRecord {
            study: self.study.clone(),
            feeder: job.feeder.clone(),
            status,
            input_hash: job.input_hash.clone(),
            options_hash: job.options_hash.clone(),
            engine_version: self.engine_version.clone(),
            files,
            summary,
        };
        files::write_whole_beside(&self.lake.record_path(&self.study, &job.feeder), &self.writer, &to_json(&record))?;
        Ok(record)
    }
}

enum Verdict {
    Todo(Cause),
    Done,
    Failed(String),
}

/// The tables of one feeder while they are written. Dropped before it is committed, it leaves nothing.
pub struct FeederWriter<'a> {
    run: &'a Run,
    job: Job,
    tables: BTreeMap<String, OpenTable>,
}

struct OpenTable {
    schema: SchemaRef,
    writer: ArrowWriter<PartialFile>,
    rows: u64,
}

impl FeederWriter<'_> {
    /// Writes rows of a table, without the columns of study and feeder.
    ///
    /// # Errors
    /// Columns that are not the table's; a disk that takes no more ([`StoreError::NoSpace`]).
    pub fn append(&mut self, table: &str, batch: &RecordBatch) -> Result<(), StoreError> {
        if !self.tables.contains_key(table) {
            let open = self.open(table, batch)?;
            self.tables.insert(table.to_owned(), open);
        }
        let open = self.tables.get_mut(table).expect("it has just been opened");
        // In slices, so that the columns of study and feeder stay small beside a long series.
        let mut at = 0;
        while at < batch.num_rows() {
            let rows = (batch.num_rows() - at).min(1 << 16);
            let stored = schema::stored_batch(table, &open.schema, &batch.slice(at, rows), &self.run.study, &self.job.feeder)?;
            if let Err(e) = open.writer.write(&stored) {
                return Err(open.writer.inner_mut().failed(e));
            }
            at += rows;
        }
        open.rows += batch.num_rows() as u64;
        Ok(())
    }

    fn open(&self, table: &str, batch: &RecordBatch) -> Result<OpenTable, StoreError> {
        let schema = schema::schema_for(table, &batch.schema())?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_created_by("gridtwin".to_owned())
            .build();
        let place = self.run.lake.part_path(table, &self.run.study, &self.job.feeder);
        let file = PartialFile::create_beside(&place, &self.run.writer)?;
        let writer = ArrowWriter::try_new(file, schema.clone(), Some(properties))
            .map_err(|e| StoreError::Parquet { path: place, reason: e.to_string() })?;
        Ok(OpenTable { schema, writer, rows: 0 })
    }

    /// Puts all tables in their places, then the record that makes them count.
    ///
    /// # Errors
    /// A disk that takes no more; files that cannot be renamed.
    pub fn commit(self, summary: Value) -> Result<FeederRecord, StoreError> {
        let mut whole = Vec::new();
        for (table, mut open) in self.tables {
            if let Err(e) = open.writer.finish() {
                return Err(open.writer.inner_mut().failed(e));
            }
            whole.push((table, open.rows, open.writer.inner_mut().take().finish()?));
        }
        // Another helper may have been quicker with the same feeder. Its files are these very files, so that taking them back would only
        // leave a moment in which the feeder is not there.
        if let Some(record) = self.run.committed(&self.job)?
            && record.summary == summary
            && record.files.len() == whole.len()
            && record.files.iter().zip(&whole).all(|(f, (table, rows, file))| {
                (f.table.as_str(), f.rows, f.bytes, f.sha256.as_str()) == (table.as_str(), *rows, file.bytes, file.sha256.as_str())
            })
        {
            return Ok(record);
        }
        let kept = whole.iter().map(|(table, ..)| table.as_str()).collect();
        self.run.retract(&self.job, &kept)?;
        let mut records = Vec::new();
        for (table, rows, file) in whole {
            records.push(FileRecord { table, rows, bytes: file.bytes, sha256: file.sha256.clone() });
            file.rename()?;
        }
        self.run.record(&self.job, Status::Done, records, summary)
    }
}

/// Takes the lock of a folder. The system frees it when the process ends, however it ends.
pub(crate) fn take_lock(root: &Path) -> Result<File, StoreError> {
    let path = root.join("lock");
    let holder = root.join(HOLDER);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(|e| StoreError::io("open", &path, e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let told = read_json::<Value>(&holder).ok().flatten().unwrap_or_default();
            let text = |key: &str| told[key].as_str().map_or_else(|| told[key].to_string(), str::to_owned);
            let holder = if told.is_object() {
                format!("process {} on {}, since {}", text("pid"), text("host"), text("since"))
            } else {
                "it has not said who it is".to_owned()
            };
            return Err(StoreError::Locked { path: root.to_owned(), holder });
        }
        Err(TryLockError::Error(e)) => return Err(StoreError::io("lock", &path, e)),
    }
    // The moment tells this run from an earlier one of the same process.
    let moment = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    let told = json!({ "pid": std::process::id(), "host": host(), "since": utc_now(), "moment": moment });
    files::write_whole(&holder, &to_json(&told))?;
    Ok(file)
}

fn host() -> String {
    let from_file = || fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|t| t.trim().to_owned());
    let from_environment = || ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|k| std::env::var(k).ok());
    from_file().or_else(from_environment).filter(|h| !h.is_empty()).unwrap_or_else(|| "a machine without a name".to_owned())
}

/// The time now, as `2026-01-31T12:00:00Z`.
fn utc_now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (year, month, day) = civil_date(seconds / 86_400);
    let second = seconds % 86_400;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar.
fn civil_date(mut days: u64) -> (u64, u64, u64) {
    let leap = |y: u64| y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::civil_date;

    #[test]
    fn dates_of_days() {
        assert_eq!(civil_date(0), (1970, 1, 1));
        assert_eq!(civil_date(11_016), (2000, 2, 29));
        assert_eq!(civil_date(20_453), (2025, 12, 31));
        assert_eq!(civil_date(20_454), (2026, 1, 1));
    }
}
