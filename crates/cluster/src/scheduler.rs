//! The scheduler: hands jobs to workers and notices when one is gone.

use crate::codec::{LogicalCodec, PhysicalCodec};
use crate::error::ClusterError;
use crate::query::{NamedWork, NoOutcome, Query, Stop, Work};
use ballista::prelude::SessionConfigExt;
use ballista_core::ConfigProducer;
use ballista_core::config::TaskSchedulingPolicy;
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Seconds between two signs of life of a worker. The engine's own values (60, 180, 15) would leave the jobs of a killed worker lying for
/// three minutes.
pub(crate) const HEARTBEAT_S: u64 = 2;
/// Seconds without a sign of life after which a worker counts as gone: five signs missed.
const GONE_S: u64 = 10;
/// Seconds between two looks for workers that are gone.
const LOOK_S: u64 = 2;
/// Seconds that a study waits for a worker once all are gone.
const NO_WORKER_S: u64 = 60;
/// Largest message: a query carries all its jobs.
pub(crate) const MESSAGE_BYTES: usize = 256 << 20;

/// How a scheduler listens.
#[derive(Clone, Debug)]
pub struct SchedulerOptions {
    pub bind: IpAddr,
    /// Any free one when it is 0.
    pub port: u16,
    /// Name or address under which workers reach it.
    pub advertise: Option<String>,
}

/// The scheduler carries jobs and does none.
struct Carrier;

impl Work for Carrier {
    fn understands(&self) -> (&str, u32) {
        ("", 0)
    }

    fn run(&self, _: &Query, _: &str, _: &Stop) -> Result<String, NoOutcome> {
        Err(NoOutcome::Refused(Vec::new()))
    }
}

/// Work of a process that only carries plans.
pub(crate) fn carrier() -> NamedWork {
    NamedWork { worker: "scheduler".into(), work: Arc::new(Carrier) }
}

/// Settings of sessions: our codecs, messages that hold a query of many jobs.
pub(crate) fn session_config(work: &NamedWork) -> SessionConfig {
    SessionConfig::new_with_ballista()
        .with_ballista_logical_extension_codec(Arc::new(LogicalCodec::new(work.clone())))
        .with_ballista_physical_extension_codec(Arc::new(PhysicalCodec::new(work.clone())))
        .with_ballista_grpc_client_max_message_size(MESSAGE_BYTES)
        // The plan has one stage, with a partition a job; splitting or joining partitions would only move jobs about.
        .with_target_partitions(1)
}

pub(crate) fn config_producer(work: &NamedWork) -> ConfigProducer {
    let work = work.clone();
    Arc::new(move || session_config(&work))
}

/// Runs a scheduler until `stop` is ready. `ready` is told the address it listens on.
///
/// # Errors
/// A port that is taken, an address that is not the machine's.
pub fn run(options: &SchedulerOptions, ready: &mut dyn FnMut(SocketAddr), stop: impl Future<Output = ()>) -> Result<(), ClusterError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|e| ClusterError::Start { reason: e.to_string() })?;
    runtime.block_on(serve(options, ready, stop))
}

async fn serve(options: &SchedulerOptions, ready: &mut dyn FnMut(SocketAddr), stop: impl Future<Output = ()>) -> Result<(), ClusterError> {
    let wanted = SocketAddr::new(options.bind, options.port);
    let refused = |e: &dyn std::fmt::Display| ClusterError::CannotListen { address: wanted.to_string(), reason: e.to_string() };
    let listener = tokio::net::TcpListener::bind(wanted).await.map_err(|e| refused(&e))?;
    let bound = listener.local_addr().map_err(|e| refused(&e))?;
    let work = carrier();
    let host = options.advertise.clone().unwrap_or_else(|| reachable_host(options.bind));
    let config = SchedulerConfig {
        external_host: host,
        bind_host: bound.ip().to_string(),
        bind_port: bound.port(),
        scheduling_policy: TaskSchedulingPolicy::PushStaged,
        executor_timeout_seconds: GONE_S,
        expire_dead_executor_interval_seconds: LOOK_S,
        no_executors_grace_period_seconds: NO_WORKER_S,
        grpc_server_max_decoding_message_size: MESSAGE_BYTES as u32,
        grpc_server_max_encoding_message_size: MESSAGE_BYTES as u32,
        grpc_client_max_message_size: MESSAGE_BYTES as u32,
        override_logical_codec: Some(Arc::new(LogicalCodec::new(work.clone()))),
        override_physical_codec: Some(Arc::new(PhysicalCodec::new(work.clone()))),
        override_config_producer: Some(config_producer(&work)),
        override_session_builder: Some(Arc::new(session_state)),
        ..SchedulerConfig::default()
    };
    let started = |e: ballista_core::error::BallistaError| ClusterError::Start { reason: e.to_string() };
    config.validate().map_err(started)?;
    let cluster = BallistaCluster::new_memory(bound.to_string(), Arc::new(session_state), config_producer(&work));
    let server = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(config)).await.map_err(started)?;
    ready(bound);
    tokio::select! {
        ended = start_grpc_service_with_listener(listener, server) => ended.map_err(started),
        () = stop => Ok(()),
    }
}

fn session_state(config: SessionConfig) -> datafusion::common::Result<SessionState> {
    Ok(SessionStateBuilder::new().with_default_features().with_config(config).build())
}

/// The host by which workers reach a scheduler that listens on `bind`: the address itself, or the machine's name where that is all of them.
fn reachable_host(bind: IpAddr) -> String {
    match bind {
        ip if ip.is_unspecified() => host_name(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        IpAddr::V4(ip) => ip.to_string(),
    }
}

/// The machine's name, for messages and for others to reach it by.
pub fn host_name() -> String {
    let from_file = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|t| t.trim().to_owned());
    let from_environment = || ["HOSTNAME", "COMPUTERNAME"].iter().find_map(|k| std::env::var(k).ok());
    from_file().or_else(from_environment).filter(|h| !h.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}
