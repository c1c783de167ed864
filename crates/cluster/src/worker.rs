//! A worker: takes jobs from the scheduler and does them.

use crate::address::Address;
use crate::codec::{LogicalCodec, PhysicalCodec};
use crate::engine::StoppingEngine;
use crate::error::ClusterError;
use crate::query::{NamedWork, Work};
use crate::scheduler::{HEARTBEAT_S, MESSAGE_BYTES, config_producer, host_name};
use ballista_core::config::TaskSchedulingPolicy;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Seconds after which what a worker keeps of a finished query is removed, and between two looks for it.
const KEPT_S: u64 = 86_400;
const LOOK_S: u64 = 600;

/// How a worker listens and what it offers.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// What messages call it; no two workers have the same, see [`name`].
    pub name: String,
    pub scheduler: Address,
    /// Jobs side by side.
    pub slots: usize,
    pub bind: IpAddr,
    /// The first of two ports; any free ones when it is 0.
    pub port: u16,
    /// Name or address under which scheduler and clients reach it; without, the address that the scheduler sees.
    pub advertise: Option<String>,
    /// Folder for what it hands back; a temporary one without.
    pub work_dir: Option<PathBuf>,
    /// How long it tries to reach the scheduler at the start.
    pub wait: Duration,
}

/// A name for the worker of this process: host and process.
pub fn name() -> String {
    format!("{}/{}", host_name(), std::process::id())
}

/// A folder that is removed with its value.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn make(named: Option<&Path>) -> Result<Self, ClusterError> {
        let temporary = named.is_none();
        let path = named.map_or_else(|| std::env::temp_dir().join(format!("gridtwin-worker-{}", std::process::id())), Path::to_path_buf);
        std::fs::create_dir_all(&path).map_err(|e| ClusterError::Folder { path: path.clone(), reason: e.to_string() })?;
        Ok(Self { path, temporary })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary {
            // Best effort: it lies among the system's temporary files.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Runs a worker until it is told to end by a signal. `ready` is told when the scheduler answers.
///
/// # Errors
/// No scheduler within the wait; ports that are taken; a folder that cannot be made.
pub fn run(options: &WorkerOptions, work: Arc<dyn Work>, ready: &mut dyn FnMut()) -> Result<(), ClusterError> {
    wait_for_scheduler(options)?;
    let folder = Folder::make(options.work_dir.as_deref())?;
    let (port, grpc_port) = ports(options)?;
    let work = NamedWork { worker: options.name.as_str().into(), work };
    let config = ExecutorProcessConfig {
        bind_host: match options.bind {
            IpAddr::V6(ip) => format!("[{ip}]"),
            IpAddr::V4(ip) => ip.to_string(),
        },
        external_host: options.advertise.clone(),
        port,
        grpc_port,
        scheduler_host: if options.scheduler.host.contains(':') {
            format!("[{}]", options.scheduler.host)
        } else {
            options.scheduler.host.clone()
        },
        scheduler_port: options.scheduler.port,
        vcores: options.slots,
        task_scheduling_policy: TaskSchedulingPolicy::PushStaged,
        work_dir: Some(folder.path.to_string_lossy().into_owned()),
        job_data_ttl_seconds: KEPT_S,
        job_data_clean_up_interval_seconds: LOOK_S,
        grpc_max_decoding_message_size: MESSAGE_BYTES as u32,
        grpc_max_encoding_message_size: MESSAGE_BYTES as u32,
        executor_heartbeat_interval_seconds: HEARTBEAT_S,
        // The engine's own operators hold a few rows; what solving needs is not counted there.
        memory_pool_size: Some(0),
        override_execution_engine: Some(Arc::new(StoppingEngine::default())),
        override_config_producer: Some(config_producer(&work)),
        override_logical_codec: Some(Arc::new(LogicalCodec::new(work.clone()))),
        override_physical_codec: Some(Arc::new(PhysicalCodec::new(work.clone()))),
        ..ExecutorProcessConfig::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|e| ClusterError::Start { reason: e.to_string() })?;
    ready();
    let ended = runtime.block_on(start_executor_process(Arc::new(config)));
    // Jobs under way are told to end by their streams; they are not waited for longer than a step takes.
    runtime.shutdown_timeout(Duration::from_secs(5));
    ended.map_err(|e| ClusterError::Start { reason: e.to_string() })
}

/// Tries to reach the scheduler until the wait is over.
fn wait_for_scheduler(options: &WorkerOptions) -> Result<(), ClusterError> {
    let begun = Instant::now();
    loop {
        match answers(&options.scheduler) {
            Ok(()) => return Ok(()),
            Err(reason) if begun.elapsed() >= options.wait => {
                return Err(ClusterError::NoScheduler { address: options.scheduler.clone(), reason });
            }
            Err(_) => std::thread::sleep(Duration::from_millis(250)),
        }
    }
}

/// Whether something listens at an address.
fn answers(address: &Address) -> Result<(), String> {
    use std::net::{TcpStream, ToSocketAddrs};
    let all = (address.host.as_str(), address.port).to_socket_addrs().map_err(|e| format!("The host cannot be found: {e}."))?;
    let mut reason = "The host has no address.".to_owned();
    for one in all {
        match TcpStream::connect_timeout(&one, Duration::from_secs(5)) {
            Ok(_) => return Ok(()),
            Err(e) => reason = format!("The system says: {e}."),
        }
    }
    Err(reason)
}

/// The two ports, both free now.
fn ports(options: &WorkerOptions) -> Result<(u16, u16), ClusterError> {
    let bind = |port: u16| {
        let address = SocketAddr::new(options.bind, port);
        std::net::TcpListener::bind(address)
            .map_err(|e| ClusterError::CannotListen { address: address.to_string(), reason: format!("The system says: {e}.") })
    };
    let second = if options.port == 0 {
        0
    } else {
        options.port.checked_add(1).ok_or_else(|| ClusterError::CannotListen {
            address: format!("{}:{}", options.bind, options.port),
            reason: "A worker needs this port and the next one, and there is none.".to_owned(),
        })?
    };
    let (first, second) = (bind(options.port)?, bind(second)?);
    let port = |l: &std::net::TcpListener| l.local_addr().map_or(0, |a| a.port());
    Ok((port(&first), port(&second)))
}
