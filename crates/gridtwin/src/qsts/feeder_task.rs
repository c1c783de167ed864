//! One feeder of a run into a lake: read, solved, committed. The same whoever does it, a thread of this program or a worker of a cluster.

use super::feeder::{self, Question, Solved};
use super::files::HashCache;
use super::models::ModelRef;
use crate::failure::Failure;
use crate::lake_place::LakePlace;
use network::{Diagnostic, Severity};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use store::{FeederWriter, Job, Run};

/// A feeder that is to be done.
pub struct FeederTask<'a> {
    pub place: &'a LakePlace,
    pub run: &'a Run,
    pub model: &'a ModelRef,
    pub job: &'a Job,
    pub question: &'a Question,
    pub cache: &'a HashCache,
}

/// How a feeder ended.
#[derive(Debug)]
pub enum FeederEnd {
    /// Committed.
    Done,
    /// Recorded as failed, for this reason.
    Failed(Failure),
    /// Asked to end on the way; nothing was written.
    Stopped,
}

impl FeederTask<'_> {
    /// Does it. `watch` hears how many steps were solved since it last heard, and may break.
    ///
    /// # Errors
    /// A lake that cannot be written. What is wrong with the feeder is no error of the run.
    pub fn run(&self, watch: &mut dyn FnMut(u32) -> ControlFlow<()>) -> Result<FeederEnd, Failure> {
        catch_unwind(AssertUnwindSafe(|| self.solve(watch))).unwrap_or_else(|_| {
            // A fault of the program in one feeder must not cost the others.
            let failure = Failure::from(
                Diagnostic::error("RUN.FEEDER.PANIC", "the program failed within this feeder").hint("Please report it with the model."),
            );
            self.fail(self.job, failure)
        })
    }

    fn solve(&self, watch: &mut dyn FnMut(u32) -> ControlFlow<()>) -> Result<FeederEnd, Failure> {
        let read = feeder::read(self.model, self.question, self.cache);
        let job = Job { input_hash: read.input_hash, ..self.job.clone() };
        let ready = match read.ready {
            Ok(ready) => ready,
            Err(failure) => return self.fail(&job, failure),
        };
        if self.place.committed(self.run, &job)?.is_some() {
            // Done by a worker that was thought dead, or lost only its answer.
            return Ok(FeederEnd::Done);
        }
        let mut writer = self.run.feeder(&job)?;
        let mut broken = None;
        let mut counted = 0;
        let mut count = |done: u32| {
            let new = done - counted;
            counted = done;
            watch(new)
        };
        let solved = ready.run(self.question, &mut count, &mut |batches| {
            for b in batches {
                if let Err(error) = writer.append(b.table, &b.batch) {
                    broken = Some(error);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        if let Some(error) = broken {
            return Err(error.into());
        }
        match solved {
            Err(failure) => self.fail(&job, failure),
            Ok(solved) if solved.result.stopped => Ok(FeederEnd::Stopped),
            Ok(solved) => self.commit(writer, &solved, read.files),
        }
    }

    /// Records a failure.
    fn fail(&self, job: &Job, failure: Failure) -> Result<FeederEnd, Failure> {
        let texts: Vec<String> = failure.errors().take(3).map(ToString::to_string).collect();
        let record = self.run.fail(job, &texts.join("\n"))?;
        self.place.publish(self.run, &record)?;
        Ok(FeederEnd::Failed(failure))
    }

    fn commit(&self, mut writer: FeederWriter<'_>, solved: &Solved, files: Value) -> Result<FeederEnd, Failure> {
        for b in solved.result.tables(&self.question.options.keep) {
            writer.append(b.table, &b.batch)?;
        }
        let record = writer.commit(record(solved, self.question, files))?;
        self.place.publish(self.run, &record)?;
        Ok(FeederEnd::Done)
    }
}

/// What the record of a feeder tells without its tables.
fn record(solved: &Solved, question: &Question, files: Value) -> Value {
    let (r, t) = (&solved.result, &solved.result.totals);
    let kept = question.options.keep.statistics;
    let nodes = |is: &dyn Fn(&studies::time_series::tables::NodeStatistics) -> bool| kept.then(|| r.nodes.iter().filter(|n| is(n)).count());
    let mut all = json!({
        "circuit": solved.circuit,
        "controls": solved.controls,
        "tolerance_pu": solved.tolerance_pu,
        "nodes": t.nodes,
        "loads": t.loads,
        "steps": t.steps,
        "unsettled": t.unsettled,
        "first_unsettled": r.unsettled.first().map(|u| json!({ "hour": u.hour, "node": u.worst_node })),
        "energy_kwh": t.energy_kwh,
        "losses_kwh": t.losses_kwh,
        "peak_kw": t.peak_kw,
        "v_min_pu": t.v_min_pu,
        "v_max_pu": t.v_max_pu,
        "nodes_outside_a": nodes(&|n| n.hours_below_a + n.hours_above_a > 0.0),
        "nodes_outside_b": nodes(&|n| n.hours_below_b + n.hours_above_b > 0.0),
        "elements_overloaded": kept.then(|| r.elements.iter().filter(|e| e.hours_above_normal > 0.0).count()),
        "warnings": solved.findings.iter().filter(|d| d.severity == Severity::Warning).count(),
        "files": files,
    });
    if let Some(stacked) = &solved.stacked {
        all["scenario"] = stacked.clone();
    }
    all
}
