//! Tasks that end when they are cancelled.
//!
//! The engine cancels a task by dropping what waits for it; the plan itself goes on in tasks of its own and would solve feeders that nobody
//! waits for, while their slots count as free. Here the drop asks the operators of the plan to stop.

use crate::operator::SolveExec;
use crate::query::Stop;
use ballista_core::JobId;
use ballista_core::serde::protobuf::{RuntimeStatsReport, ShuffleWritePartition, TaskColumnStats, WindowStateReport};
use ballista_executor::execution_engine::{DefaultExecutionEngine, ExecutionEngine, QueryStageExecutor};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::prelude::SessionConfig;
use std::fmt;
use std::sync::Arc;

/// The engine's own, with tasks that end when they are cancelled.
#[derive(Default)]
pub(crate) struct StoppingEngine {
    inner: DefaultExecutionEngine,
}

impl ExecutionEngine for StoppingEngine {
    fn create_query_stage_exec(
        &self,
        job_id: JobId,
        stage_id: usize,
        task_id: usize,
        global_output_partition_ids: Vec<usize>,
        plan: Arc<dyn ExecutionPlan>,
        work_dir: &str,
        config: &SessionConfig,
    ) -> Result<Arc<dyn QueryStageExecutor>> {
        let mut stops = Vec::new();
        collect(plan.as_ref(), &mut stops);
        let inner = self.inner.create_query_stage_exec(job_id, stage_id, task_id, global_output_partition_ids, plan, work_dir, config)?;
        Ok(Arc::new(StoppingTask { inner, stops }))
    }
}

/// How the operators of a plan are asked to stop.
fn collect(plan: &dyn ExecutionPlan, stops: &mut Vec<Stop>) {
    stops.extend(plan.downcast_ref::<SolveExec>().map(SolveExec::stop));
    plan.children().into_iter().for_each(|child| collect(child.as_ref(), stops));
}

#[derive(Debug)]
struct StoppingTask {
    inner: Arc<dyn QueryStageExecutor>,
    stops: Vec<Stop>,
}

impl fmt::Display for StoppingTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Asks to stop when it is dropped.
struct StopOnDrop<'a>(&'a [Stop]);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.iter().for_each(Stop::ask);
    }
}

#[async_trait::async_trait]
impl QueryStageExecutor for StoppingTask {
    async fn execute_query_stage(&self, task_id: usize, context: Arc<TaskContext>) -> Result<Vec<ShuffleWritePartition>> {
        let _guard = StopOnDrop(&self.stops);
        self.inner.execute_query_stage(task_id, context).await
    }

    fn collect_plan_metrics(&self) -> Vec<MetricsSet> {
        self.inner.collect_plan_metrics()
    }

    fn collect_runtime_stats_reports(&self) -> Vec<RuntimeStatsReport> {
        self.inner.collect_runtime_stats_reports()
    }

    fn collect_window_state_reports(&self) -> Result<Vec<WindowStateReport>> {
        self.inner.collect_window_state_reports()
    }

    fn collect_column_stats(&self) -> Vec<TaskColumnStats> {
        self.inner.collect_column_stats()
    }
}
