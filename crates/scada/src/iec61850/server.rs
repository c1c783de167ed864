//! A simulated device: a server of MMS with the model of a configuration file, whose values a plant sets and whose commands reach the plant.

use super::scl::{Scl, ServeError, served_model};
use iec61850_model::{DataAttribute, DataAttributeType, DoChild, FC, IedModel, MmsValue};
use iec61850_server::control::handler::OperateFuture;
use iec61850_server::control::{
    AlwaysAcceptWaitHandler, CheckHandler, ControlAction, ControlAddCause, ControlHandler, ControlObjectEntry, WaitForExecutionHandler,
};
use iec61850_server::reporting::{InMemoryReportBuffer, ReportBufferBackend};
use iec61850_server::{IedServer, IedServerConfig, ServerHandle, WriteAccessPolicies};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// A command that a client gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// `IEDLD/LN.DO`.
    pub object: String,
    /// None when an object is selected without a value.
    pub value: Option<MmsValue>,
    pub test: bool,
    pub interlock_check: bool,
    pub synchro_check: bool,
    pub originator_category: i32,
    pub originator: Vec<u8>,
    pub control_number: u8,
}

/// Cause for which a plant refuses a command: a number of `AddCause` ([`super::add_cause`]).
pub type Refusal = i32;

/// What stands behind the server.
pub trait Process: Send + Sync + 'static {
    /// Says whether a command may be given now: on selection, and again on operation. May block.
    fn check(&self, request: &Request) -> Result<(), Refusal>;

    /// Carries a command out and comes back when it is done, or has failed.
    fn operate(&self, request: Request) -> std::pin::Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + '_>>;
}

/// Why a simulated device does not run, or takes no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    #[error(transparent)]
    Model(#[from] ServeError),
    #[error("the server of IED \"{ied}\" cannot be made: {reason}")]
    Start { ied: String, reason: String },
    #[error("the model has no attribute {reference}")]
    UnknownAttribute { reference: String },
    #[error("{reference} is {expected}, not {found}")]
    Kind { reference: String, expected: String, found: &'static str },
    #[error("{reference} could not be set: {reason}")]
    Refused { reference: String, reason: String },
}

/// A server that runs; it ends when it is stopped or dropped.
pub struct Server {
    server: IedServer,
    handle: Option<ServerHandle>,
    /// Where its tasks run, and end.
    runtime: tokio::runtime::Handle,
    /// Leaves by `IEDLD/LN$FC$DO$DA`.
    leaves: HashMap<String, DataAttribute>,
    /// Objects that have been given a process.
    pub controllable: usize,
    pub address: SocketAddr,
    /// Only one batch of values is set at a time.
    setting: Mutex<()>,
}

/// Entries that a buffered report keeps for a client that is away: a disturbance tells ten times a second, and a wire may be cut for minutes.
const BUFFERED_ENTRIES: usize = 4096;

/// Gives every buffered block its room; that of the library is 64 entries.
fn widen_buffers(server: &IedServer) -> iec61850_server::Result<()> {
    let engine = server.reporting_engine();
    let engine = engine.lock().unwrap_or_else(PoisonError::into_inner);
    for block in engine.brcb_paths().iter().filter_map(|path| engine.get_brcb(path)) {
        let mut buffer: Box<dyn ReportBufferBackend> = Box::new(InMemoryReportBuffer::new(BUFFERED_ENTRIES));
        buffer.set_dropped_counter(engine.engine_metrics().dropped_buffer_full.clone());
        *block.lock_buffer()? = buffer;
    }
    Ok(())
}

impl Server {
    /// Serves one device of a configuration at an address (port 0 for any that is free).
    ///
    /// # Errors
    /// [`ServerError::Model`] when the file has no such device, [`ServerError::Start`] when the address is taken.
    pub async fn start(scl: &Scl, ied: &str, address: SocketAddr, process: Arc<dyn Process>) -> Result<Self, ServerError> {
        let model = Arc::new(served_model(scl, ied)?);
        let fail = |reason: String| ServerError::Start { ied: ied.to_owned(), reason };
        let mut config = IedServerConfig::default();
        let mut policies = WriteAccessPolicies::default();
        // What a device's configuration and set-points are: a client may change them.
        for fc in [FC::Cf, FC::Dc, FC::Sp] {
            policies.set(fc, true);
        }
        config.write_access_policies = policies;
        config.vendor_name = Some("GridTwin".to_owned());
        config.model_name = Some("simulated device".to_owned());
        config.revision = Some(env!("CARGO_PKG_VERSION").to_owned());
        // A port that the system chooses is known only once it is bound.
        let server = IedServer::builder().model(model.clone()).bind(address).config(config).build().map_err(|e| fail(e.to_string()))?;
        server.register_from_model().map_err(|e| fail(e.to_string()))?;
        widen_buffers(&server).map_err(|e| fail(e.to_string()))?;
        let controllable = attach(&server, &model, process);
        let handle = server.start().await.map_err(|e| fail(e.to_string()))?;
        let address = handle.bound_addr;
        let runtime = tokio::runtime::Handle::current();
        Ok(Self { leaves: leaves_of(&model), server, handle: Some(handle), runtime, controllable, address, setting: Mutex::new(()) })
    }

    /// Clients that are associated.
    pub fn clients(&self) -> usize {
        self.server.connection_count()
    }

    /// Breaks every association off, as a device does that restarts its communication.
    pub fn abort_clients(&self) -> usize {
        self.server.abort_all_connections()
    }

    /// Names of all leaves: `IEDLD/LN$FC$DO$DA`.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.leaves.keys().map(String::as_str)
    }

    /// What an attribute holds.
    pub fn get(&self, item: &str) -> Result<MmsValue, ServerError> {
        Ok(self.leaf(item)?.snapshot())
    }

    /// Sets attributes as one batch: each report that they trigger carries them all.
    ///
    /// # Errors
    /// The first attribute that is not there or of another kind; those before it are set.
    pub fn set<'a>(&self, values: impl IntoIterator<Item = (&'a str, MmsValue)>) -> Result<(), ServerError> {
        let _one = self.setting.lock().unwrap_or_else(PoisonError::into_inner);
        let guard =
            self.server.lock_data_model().map_err(|e| ServerError::Refused { reference: "the model".into(), reason: e.to_string() })?;
        let mut outcome = Ok(());
        for (item, value) in values {
            outcome = self.set_one(item, value);
            if outcome.is_err() {
                break;
            }
        }
        drop(guard);
        outcome
    }

    fn leaf(&self, item: &str) -> Result<&DataAttribute, ServerError> {
        self.leaves.get(item).ok_or_else(|| ServerError::UnknownAttribute { reference: item.to_owned() })
    }

    fn set_one(&self, item: &str, value: MmsValue) -> Result<(), ServerError> {
        let leaf = self.leaf(item)?;
        let wrong = || ServerError::Kind { reference: item.to_owned(), expected: leaf.ty.type_name().to_owned(), found: value.type_name() };
        let server = &self.server;
        let done = match &value {
            MmsValue::Boolean(v) => server.update_boolean(leaf, *v),
            MmsValue::Integer(v) => server.update_int64(leaf, *v),
            MmsValue::Unsigned(v) => server.update_unsigned(leaf, u32::try_from(*v).map_err(|_| wrong())?),
            MmsValue::Float32(v) => server.update_float32(leaf, *v),
            MmsValue::Float64(v) => server.update_float64(leaf, *v),
            MmsValue::VisibleString(v) => server.update_visible_string(leaf, v.clone()),
            MmsValue::BitString { padding, data } => server.update_bit_string(leaf, data, *padding),
            // A time triggers nothing by itself: it goes with the value that it stamps.
            MmsValue::UtcTime(_) if leaf.ty == DataAttributeType::Timestamp => {
                leaf.store(value);
                return Ok(());
            }
            _ => return Err(wrong()),
        };
        done.map_err(|e| ServerError::Refused { reference: item.to_owned(), reason: e.to_string() })
    }

    /// Ends the server and its associations.
    pub async fn stop(mut self) {
        if let Some(handle) = self.handle.take() {
            handle.stop().await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A handle that is only dropped leaves its clients with the last values, and its loops turning without rest.
        if let Some(handle) = self.handle.take() {
            self.runtime.spawn(handle.stop());
        }
    }
}

fn leaves_of(model: &IedModel) -> HashMap<String, DataAttribute> {
    fn shared(a: &DataAttribute) -> DataAttribute {
        DataAttribute::with_shared_value(a.name.clone(), a.fc, a.ty, a.trg_ops, a.value.clone())
    }
    fn attribute(a: &DataAttribute, node: &str, path: &str, found: &mut HashMap<String, DataAttribute>) {
        // Elements of arrays are not set one by one.
        if a.is_array() {
            return;
        }
        let path = format!("{path}${}", a.name);
        match a.ty {
            DataAttributeType::Constructed => a.children.iter().for_each(|c| attribute(c, node, &path, found)),
            _ => {
                found.insert(format!("{node}${}{path}", a.fc), shared(a));
            }
        }
    }
    fn object(o: &iec61850_model::DataObject, node: &str, path: &str, found: &mut HashMap<String, DataAttribute>) {
        if o.is_array() {
            return;
        }
        let path = format!("{path}${}", o.name);
        for child in &o.children {
            match child {
                DoChild::Da(a) => attribute(a, node, &path, found),
                DoChild::SubDo(sub) => object(sub, node, &path, found),
            }
        }
    }
    let mut found = HashMap::new();
    for device in &model.lds {
        let domain = device.domain_name(&model.ied_name);
        for node in &device.lns {
            let name = format!("{domain}/{}", node.full_name());
            node.dos.iter().for_each(|o| object(o, &name, "", &mut found));
        }
    }
    found
}

/// Gives every object that can be commanded the process behind it.
fn attach(server: &IedServer, model: &IedModel, process: Arc<dyn Process>) -> usize {
    let registry = server.control_objects();
    let mut count = 0;
    for device in &model.lds {
        let domain = device.domain_name(&model.ied_name);
        for node in &device.lns {
            let name = node.full_name();
            for object in &node.dos {
                let Some(entry) = registry.lookup(&domain, &name, &object.name) else { continue };
                let behind = Arc::new(Behind { object: format!("{domain}/{name}.{}", object.name), process: process.clone() });
                let entry: ControlObjectEntry = entry
                    .with_check(behind.clone() as Arc<dyn CheckHandler>)
                    .with_wait(Arc::new(AlwaysAcceptWaitHandler) as Arc<dyn WaitForExecutionHandler>)
                    .with_operate(behind as Arc<dyn ControlHandler>);
                registry.register(entry);
                count += 1;
            }
        }
    }
    count
}

struct Behind {
    object: String,
    process: Arc<dyn Process>,
}

impl Behind {
    fn request(&self, action: &ControlAction, value: Option<&MmsValue>, test: bool, interlock_check: bool) -> Request {
        Request {
            object: self.object.clone(),
            value: value.cloned(),
            test,
            interlock_check,
            synchro_check: action.synchro_check(),
            originator_category: action.origin().or_cat,
            originator: action.origin().or_ident.clone(),
            control_number: action.ctl_num(),
        }
    }
}

impl CheckHandler for Behind {
    fn check(&self, action: &ControlAction, value: Option<&MmsValue>, test: bool, interlock_check: bool) -> Result<(), ControlAddCause> {
        self.process.check(&self.request(action, value, test, interlock_check)).map_err(ControlAddCause::from_i32)
    }
}

impl ControlHandler for Behind {
    fn operate<'a>(&'a self, action: &'a ControlAction, value: &'a MmsValue, test: bool) -> OperateFuture<'a> {
        let request = self.request(action, Some(value), test, action.interlock_check());
        Box::pin(async move { self.process.operate(request).await.map_err(ControlAddCause::from_i32) })
    }
}
