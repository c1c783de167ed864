//! The plan: `SolveExec(DataSourceExec(memory, one partition a job))`.
//!
//! The operator that works is unary, above a leaf that the scheduler knows. The scheduler gives each task its share of a plan by
//! restricting the leaves it knows to the task's partitions; a leaf of ours would be run whole by every task, and every row would come
//! back as many times as there are tasks, without a sign that something is wrong. [`crate::client`] checks all the same that each job
//! came back once.

use crate::query::{NamedWork, Query, Stop};
use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;
use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt32Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PhysicalExpr, PlanProperties,
    SendableRecordBatchStream,
};
use futures::TryStreamExt;
use std::fmt;
use std::sync::Arc;

/// Rows of jobs: number, text.
pub(crate) fn job_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("number", DataType::UInt32, false), Field::new("job", DataType::Utf8, false)]))
}

/// Rows of outcomes: number of the job, text, name of the worker.
pub(crate) fn outcome_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("number", DataType::UInt32, false),
        Field::new("outcome", DataType::Utf8, false),
        Field::new("worker", DataType::Utf8, false),
    ]))
}

/// The jobs of a query as a table whose rows are their outcomes.
#[derive(Clone, Debug)]
pub(crate) struct JobsTable {
    pub query: Arc<Query>,
    pub jobs: Arc<Vec<String>>,
    pub work: NamedWork,
}

#[async_trait]
impl TableProvider for JobsTable {
    fn schema(&self) -> SchemaRef {
        outcome_schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(&self, _: &dyn Session, projection: Option<&Vec<usize>>, _: &[Expr], _: Option<usize>) -> Result<Arc<dyn ExecutionPlan>> {
        let partitions: Vec<Vec<RecordBatch>> =
            self.jobs.iter().enumerate().map(|(i, job)| Ok(vec![job_batch(i as u32, job)?])).collect::<Result<_>>()?;
        let leaf = DataSourceExec::from_data_source(MemorySourceConfig::try_new(&partitions, job_schema(), None)?);
        let solve: Arc<dyn ExecutionPlan> = Arc::new(SolveExec::new(self.query.clone(), leaf, self.work.clone()));
        let Some(columns) = projection else { return Ok(solve) };
        let schema = solve.schema();
        let kept = columns.iter().map(|&i| {
            let name = schema.field(i).name();
            let column: Arc<dyn PhysicalExpr> = Arc::new(datafusion::physical_expr::expressions::Column::new(name, i));
            (column, name.clone())
        });
        Ok(Arc::new(ProjectionExec::try_new(kept.collect::<Vec<_>>(), solve)?))
    }
}

fn job_batch(number: u32, job: &str) -> Result<RecordBatch> {
    let columns: Vec<ArrayRef> = vec![Arc::new(UInt32Array::from(vec![number])), Arc::new(StringArray::from(vec![job]))];
    Ok(RecordBatch::try_new(job_schema(), columns)?)
}

/// Does each job of its input.
#[derive(Debug)]
pub(crate) struct SolveExec {
    pub query: Arc<Query>,
    input: Arc<dyn ExecutionPlan>,
    work: NamedWork,
    /// Shared by all that is made of this node, so that a task can be stopped that runs a later form of its plan.
    stop: Stop,
    properties: Arc<PlanProperties>,
}

impl SolveExec {
    pub fn new(query: Arc<Query>, input: Arc<dyn ExecutionPlan>, work: NamedWork) -> Self {
        Self::above(input, query, work, Stop::default())
    }

    /// What asks the jobs of this node to stop.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    fn above(input: Arc<dyn ExecutionPlan>, query: Arc<Query>, work: NamedWork, stop: Stop) -> Self {
        // As many partitions as the input has now, which a scheduler may have restricted.
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(outcome_schema()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { query, input, work, stop, properties: Arc::new(properties) }
    }
}

impl DisplayAs for SolveExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SolveExec: {}", self.query.study)
    }
}

impl ExecutionPlan for SolveExec {
    fn name(&self) -> &str {
        "SolveExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        // A job is a partition already.
        vec![false]
    }

    fn apply_expressions(&self, _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let [input] = <[_; 1]>::try_from(children).map_err(|_| DataFusionError::Plan("SolveExec has one input".to_owned()))?;
        Ok(Arc::new(Self::above(input, self.query.clone(), self.work.clone(), self.stop.clone())))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let (query, work) = (self.query.clone(), self.work.clone());
        let stop = self.stop.clone();
        let rows = input.and_then(move |batch| {
            let (query, work, stop) = (query.clone(), work.clone(), stop.clone());
            async move {
                // Solving takes seconds to hours: not on a thread that answers the scheduler.
                let solved = tokio::task::spawn_blocking(move || solve(&query, &work, &stop, &batch)).await;
                solved.map_err(|e| DataFusionError::Execution(format!("a job ended the thread that did it: {e}")))?
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(outcome_schema(), rows)))
    }
}

fn solve(query: &Query, work: &NamedWork, stop: &Stop, jobs: &RecordBatch) -> Result<RecordBatch> {
    let (numbers, texts) = (jobs.column(0).as_primitive::<UInt32Type>(), jobs.column(1).as_string::<i32>());
    let outcomes = texts.iter().map(|job| {
        let job = job.ok_or_else(|| DataFusionError::Execution("a job without text".to_owned()))?;
        work.run(query, job, stop).map_err(DataFusionError::Execution)
    });
    let outcomes: Vec<String> = outcomes.collect::<Result<_>>()?;
    let workers = vec![work.worker.as_ref(); outcomes.len()];
    let columns: Vec<ArrayRef> =
        vec![Arc::new(numbers.clone()), Arc::new(StringArray::from(outcomes)), Arc::new(StringArray::from(workers))];
    Ok(RecordBatch::try_new(outcome_schema(), columns)?)
}
