//! How the plan travels: its two nodes as JSON behind a mark, all others as the engine writes them.

use crate::operator::{JobsTable, SolveExec};
use crate::query::{NamedWork, Query};
use arrow_schema::SchemaRef;
use ballista_core::serde::{BallistaLogicalExtensionCodec, BallistaPhysicalExtensionCodec};
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Extension, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Begins each node of ours.
const MARK: &[u8] = b"gridtwin-jobs\n";

#[derive(Serialize, Deserialize)]
struct Table {
    query: Query,
    jobs: Vec<String>,
}

fn write<T: Serialize>(value: &T, buf: &mut Vec<u8>) -> Result<()> {
    buf.extend_from_slice(MARK);
    serde_json::to_writer(buf, value).map_err(|e| DataFusionError::Internal(format!("jobs cannot be written: {e}")))
}

/// A node of ours; nothing when it is none.
fn read<T: for<'a> Deserialize<'a>>(buf: &[u8]) -> Option<Result<T>> {
    let json = buf.strip_prefix(MARK)?;
    Some(
        serde_json::from_slice(json)
            .map_err(|e| DataFusionError::Plan(format!("the jobs cannot be read, they may be of another version of the program: {e}"))),
    )
}

/// Reads and writes logical plans.
#[derive(Debug)]
pub(crate) struct LogicalCodec {
    others: BallistaLogicalExtensionCodec,
    work: NamedWork,
}

impl LogicalCodec {
    pub fn new(work: NamedWork) -> Self {
        Self { others: BallistaLogicalExtensionCodec::default(), work }
    }
}

impl LogicalExtensionCodec for LogicalCodec {
    fn try_decode(&self, buf: &[u8], inputs: &[LogicalPlan], ctx: &TaskContext) -> Result<Extension> {
        self.others.try_decode(buf, inputs, ctx)
    }

    fn try_encode(&self, node: &Extension, buf: &mut Vec<u8>) -> Result<()> {
        self.others.try_encode(node, buf)
    }

    fn try_decode_table_provider(
        &self,
        buf: &[u8],
        table_ref: &TableReference,
        schema: SchemaRef,
        ctx: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        match read::<Table>(buf) {
            Some(table) => {
                let Table { query, jobs } = table?;
                Ok(Arc::new(JobsTable { query: Arc::new(query), jobs: Arc::new(jobs), work: self.work.clone() }))
            }
            None => self.others.try_decode_table_provider(buf, table_ref, schema, ctx),
        }
    }

    fn try_encode_table_provider(&self, table_ref: &TableReference, node: Arc<dyn TableProvider>, buf: &mut Vec<u8>) -> Result<()> {
        match node.downcast_ref::<JobsTable>() {
            Some(table) => write(&Table { query: (*table.query).clone(), jobs: (*table.jobs).clone() }, buf),
            None => self.others.try_encode_table_provider(table_ref, node, buf),
        }
    }
}

/// Reads and writes physical plans.
#[derive(Debug)]
pub(crate) struct PhysicalCodec {
    others: BallistaPhysicalExtensionCodec,
    work: NamedWork,
}

impl PhysicalCodec {
    pub fn new(work: NamedWork) -> Self {
        Self { others: BallistaPhysicalExtensionCodec::default(), work }
    }
}

impl PhysicalExtensionCodec for PhysicalCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match read::<Query>(buf) {
            Some(query) => {
                let [input] = inputs else { return Err(DataFusionError::Plan("SolveExec has one input".to_owned())) };
                Ok(Arc::new(SolveExec::new(Arc::new(query?), input.clone(), self.work.clone())))
            }
            None => self.others.try_decode(buf, inputs, ctx, converter),
        }
    }

    fn try_encode(&self, node: Arc<dyn ExecutionPlan>, buf: &mut Vec<u8>, converter: &dyn PhysicalProtoConverterExtension) -> Result<()> {
        match node.downcast_ref::<SolveExec>() {
            Some(solve) => write(&*solve.query, buf),
            None => self.others.try_encode(node, buf, converter),
        }
    }
}
