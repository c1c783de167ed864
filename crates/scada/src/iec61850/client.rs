//! A client of one device: association, browsing, reading and writing, data sets, reports, commands.
//!
//! The protocol stack is the `iec61850-client` library; here is what keeps an association honest. Every request ends within its limit, a
//! command whose outcome is not known is told as such, and a report that is lost, of another revision or of another length never passes for
//! a whole one. Requests and reports share one connection: somebody has to call [`Client::pump`] for reports to come in.

use iec61850_client::mms_compat::mms_data_to_mms_value;
use iec61850_client::rcb::{RcbHandle, RcbWriteMask, TriggerOptions};
use iec61850_client::report::ReportOptFlds;
use iec61850_client::{
    AccessResult, AcsiClass, ClientError, ControlModel as LibraryModel, ControlOutcome, DataSetMember, IedConnection, OriginValue,
    ReportCallback,
};
use iec61850_mms::mms::client::MmsClientBuilder;
use iec61850_model::{FC, MmsValue};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

use super::add_cause::add_cause_words;
use super::scl::ControlModel;

/// Reports that wait for their reader; more than these are told as lost.
const REPORTS_WAITING: usize = 4096;

/// Limits of an association.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientOptions {
    pub connect_s: f64,
    /// For one request; a command may take this and its termination on top.
    pub request_s: f64,
    /// Who commands, as the device logs it.
    pub originator: String,
    /// `orCat` of commands: 3 is remote control.
    pub originator_category: i32,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self { connect_s: 10.0, request_s: 5.0, originator: "GridTwin".to_owned(), originator_category: 3 }
    }
}

/// Why something asked of a device did not come about.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("no association with {address}: {reason}")]
    Connect { address: String, reason: String },
    #[error("{what} took longer than {limit_s} s")]
    Timeout { what: String, limit_s: f64 },
    #[error("the association is gone: {reason}")]
    Lost { reason: String },
    #[error("the device refused {what}: {reason}")]
    Refused { what: String, reason: String },
    #[error("{what} cannot be asked: {reason}")]
    Argument { what: String, reason: String },
    #[error(
        "{block} has data set \"{found}\" of revision {found_revision}; revision {expected_revision} was expected. Import its configuration again"
    )]
    Revision { block: String, found: String, found_revision: u32, expected_revision: u32 },
    #[error("data set {data_set} has {found} members on the device; {expected} were expected. Import its configuration again")]
    Length { data_set: String, found: usize, expected: usize },
    #[error("{block} is in use by another client")]
    InUse { block: String },
    /// The command was sent and nothing is known of its outcome.
    #[error("no confirmation of the command to {object} within {limit_s} s; whether it was carried out is not known")]
    Unconfirmed { object: String, limit_s: f64 },
    #[error("the device did not carry out the command to {object}: {reason}")]
    CommandRefused { object: String, add_cause: i32, reason: String },
}

impl Error {
    /// True when the association cannot be used any more.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Connect { .. })
    }
}

/// Who a device says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    pub vendor: String,
    pub model: String,
    pub revision: String,
}

/// What a device has, as it says itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Browsed {
    pub devices: Vec<BrowsedDevice>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrowsedDevice {
    /// Name of the logical device on the wire.
    pub domain: String,
    /// Every variable: `LN`, `LN$FC`, `LN$FC$DO` … down to the leaves.
    pub variables: Vec<String>,
    /// Data sets as `LD/LN.name`.
    pub data_sets: Vec<String>,
    /// Report control blocks as `LD/LN.RP.name` and `LD/LN.BR.name`.
    pub reports: Vec<String>,
}

/// A data set as `LD/LN.name`, and its members in their order.
pub type Directory = (String, Vec<(String, FC)>);

/// A report control block to be listened to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Subscription {
    /// `IEDLD/LLN0.RP.name01` or `IEDLD/LLN0.BR.name01`.
    pub block: String,
    /// Data set that the block must have, as `LD/LN.name`; the one it has when empty.
    pub data_set: String,
    /// Revision that the configuration has; any when none.
    pub conf_rev: Option<u32>,
    /// Members that the configuration has; any when none.
    pub members: Option<usize>,
    /// Members of the block's data set where they have just been read on this association; read anew when none, or when the block has
    /// another data set by now.
    pub directory: Option<Directory>,
    /// Milliseconds between integrity reports; the device's setting when none.
    pub integrity_ms: Option<u32>,
    /// The last entry that was read of a buffered block: what came after it is asked for.
    pub resume_after: Option<Vec<u8>>,
}

/// What a block was found to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscribed {
    pub block: String,
    pub data_set: String,
    pub members: Vec<(String, FC)>,
    pub conf_rev: u32,
    pub buffered: bool,
    /// False when a buffered block no longer had the entry to resume after: events before now may be lost.
    pub resumed: bool,
    /// Settings that the device did not take, in its words.
    pub remarks: Vec<String>,
}

/// Why a value is in a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reason {
    pub data_change: bool,
    pub quality_change: bool,
    pub data_update: bool,
    pub integrity: bool,
    pub general_interrogation: bool,
}

/// A report, or a segment of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub block: String,
    pub sequence: Option<u16>,
    /// Reports between the last one and this did not arrive.
    pub gap: bool,
    /// The device's buffer ran over before this report.
    pub buffer_overflow: bool,
    /// Milliseconds since 1970 at which the entry was made.
    pub time_ms: Option<u64>,
    pub entry_id: Option<Vec<u8>>,
    pub conf_rev: Option<u32>,
    pub data_set: Option<String>,
    /// Position in the data set, value and reason of every member that it carries.
    pub values: Vec<(usize, MmsValue, Option<Reason>)>,
    /// True when more segments of the same report follow.
    pub more: bool,
}

/// How a command is to be given.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// `IEDLD/LN.DO`.
    pub object: String,
    pub model: ControlModel,
    pub value: MmsValue,
    pub test: bool,
    pub interlock_check: bool,
    pub synchro_check: bool,
}

/// What the device said to a command that it carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// The request was accepted; a model of normal security tells no more.
    Accepted,
    /// The device told the end of the command.
    Terminated,
}

/// An association.
pub struct Client {
    connection: Arc<IedConnection>,
    options: ClientOptions,
    address: String,
    reports_in: mpsc::Receiver<Report>,
    reports_out: mpsc::Sender<Report>,
    /// Reports that found no place.
    overrun: Arc<Mutex<u64>>,
    /// Report identifiers in use, which is all that tells reports of different blocks apart.
    identifiers: HashMap<String, String>,
    last_heard: Instant,
}

impl Client {
    /// Associates with the device at `host` and `port` (102 unless it says otherwise).
    ///
    /// # Errors
    /// [`Error::Connect`] with the reason, within the limit of the options.
    pub async fn connect(host: &str, port: u16, options: ClientOptions) -> Result<Self, Error> {
        let address = format!("{host}:{port}");
        let ms = |s: f64| (s.clamp(0.001, 3600.0) * 1000.0) as u64;
        let client = MmsClientBuilder::new()
            .connect_timeout_ms(ms(options.connect_s))
            .request_timeout_ms(ms(options.request_s))
            .max_pending_unconfirmed(REPORTS_WAITING)
            .build();
        let connection = Arc::new(IedConnection::with_mms_client(client));
        let fail = |reason: String| Error::Connect { address: address.clone(), reason };
        // The library limits each step; together they must not take longer than twice that.
        let limit = Duration::from_millis(ms(options.connect_s) * 2);
        match tokio::time::timeout(limit, connection.connect(host, port)).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => return Err(fail(e.to_string())),
            Err(_) => return Err(fail(format!("nothing within {} s", limit.as_secs_f64()))),
        }
        let (reports_out, reports_in) = mpsc::channel(REPORTS_WAITING);
        Ok(Self {
            connection,
            options,
            address,
            reports_in,
            reports_out,
            overrun: Arc::default(),
            identifiers: HashMap::new(),
            last_heard: Instant::now(),
        })
    }

    pub fn is_connected(&self) -> bool {
        self.connection.is_connected()
    }

    /// Seconds since the device last answered or reported.
    pub fn silent_s(&self) -> f64 {
        self.last_heard.elapsed().as_secs_f64()
    }

    /// Runs one request with its limit, and tells its failure in our words.
    async fn bounded<T>(&mut self, what: &str, request: impl Future<Output = Result<T, ClientError>>) -> Result<T, Error> {
        let limit_s = self.options.request_s * 2.0;
        let outcome = tokio::time::timeout(Duration::from_secs_f64(limit_s), request).await;
        if !matches!(outcome, Err(_) | Ok(Err(ClientError::NotConnected | ClientError::ConnectionLost | ClientError::Timeout { .. }))) {
            self.last_heard = Instant::now();
        }
        match outcome {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(e)) => Err(told(what, e)),
            Err(_) => Err(Error::Timeout { what: what.to_owned(), limit_s }),
        }
    }

    /// Asks for vendor, model and revision.
    pub async fn identity(&mut self) -> Result<Identity, Error> {
        let connection = &self.connection;
        let limit = Duration::from_secs_f64(self.options.request_s * 2.0);
        let asked = tokio::time::timeout(limit, connection.get_server_identity()).await;
        let found = asked
            .map_err(|_| Error::Timeout { what: "identify".into(), limit_s: limit.as_secs_f64() })?
            .map_err(|e| told("identify", e))?;
        self.last_heard = Instant::now();
        Ok(Identity { vendor: found.vendor, model: found.model, revision: found.revision })
    }

    /// A request that shows whether the device still answers.
    pub async fn keep_alive(&mut self) -> Result<(), Error> {
        match self.identity().await {
            // A device without the service answers by refusing it, which is an answer.
            Err(Error::Refused { .. }) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Reads the names of everything in the device.
    pub async fn browse(&mut self) -> Result<Browsed, Error> {
        let mut browsed = self.names().await?;
        let connection = self.connection.clone();
        for found in &mut browsed.devices {
            for node in found.variables.iter().filter(|v| !v.contains('$')) {
                let reference = format!("{}/{node}", found.domain);
                let sets = self.bounded("the data sets", connection.get_logical_node_directory(&reference, AcsiClass::DataSet)).await?;
                found.data_sets.extend(sets.into_iter().map(|s| format!("{reference}.{s}")));
            }
        }
        Ok(browsed)
    }

    /// Reads the names of the variables of the device, with the report control blocks among them; data sets are left out.
    pub async fn names(&mut self) -> Result<Browsed, Error> {
        let mut browsed = Browsed::default();
        let connection = self.connection.clone();
        // A device of many names sends them in many pages: each has the limit of a request, not all together.
        let model = connection.get_device_model_from_server().await.map_err(|e| told("its names", e))?;
        self.last_heard = Instant::now();
        for device in model.logical_devices {
            let mut found = BrowsedDevice { domain: device.name.clone(), variables: device.variables, ..BrowsedDevice::default() };
            for variable in &found.variables {
                let mut parts = variable.split('$');
                if let (Some(node), Some(fc @ ("RP" | "BR")), Some(name), None) = (parts.next(), parts.next(), parts.next(), parts.next()) {
                    found.reports.push(format!("{}/{node}.{fc}.{name}", device.name));
                }
            }
            browsed.devices.push(found);
        }
        Ok(browsed)
    }

    /// The type of a variable.
    pub async fn type_of(&mut self, reference: &str, fc: FC) -> Result<iec61850_client::TypeSpecification, Error> {
        let connection = self.connection.clone();
        self.bounded(&format!("the type of {reference}"), connection.get_variable_specification(reference, fc)).await
    }

    /// The data set of a report control block, as `LD/LN.name`; none when it has none.
    pub async fn data_set_of(&mut self, block: &str) -> Result<Option<String>, Error> {
        let connection = self.connection.clone();
        let found = self.bounded(block, connection.get_rcb_values(block)).await?;
        Ok(found.data_set_reference().filter(|d| !d.is_empty()).map(|d| d.replace('$', ".")))
    }

    /// Reads one variable: `IEDLD/LN.DO.DA`.
    pub async fn read(&mut self, reference: &str, fc: FC) -> Result<MmsValue, Error> {
        let connection = self.connection.clone();
        self.bounded(reference, connection.read_object(reference, fc)).await
    }

    /// Reads many variables with one request; each has its own outcome, the error in words.
    pub async fn read_many(&mut self, targets: &[(&str, FC)]) -> Result<Vec<Result<MmsValue, String>>, Error> {
        let connection = self.connection.clone();
        let found = self.bounded("values", connection.read_objects(targets)).await?;
        if found.len() != targets.len() {
            return Err(Error::Refused { what: "values".into(), reason: format!("it sent {} of {}", found.len(), targets.len()) });
        }
        Ok(found.into_iter().map(outcome_of).collect())
    }

    /// Writes one variable.
    pub async fn write(&mut self, reference: &str, fc: FC, value: MmsValue) -> Result<(), Error> {
        let connection = self.connection.clone();
        self.bounded(&format!("to write {reference}"), connection.write_object(reference, fc, value)).await
    }

    /// Members of a data set `LD/LN.name` in their order, as references with functional constraints.
    pub async fn data_set(&mut self, reference: &str) -> Result<Vec<(String, FC)>, Error> {
        let connection = self.connection.clone();
        let found = self.bounded(&format!("data set {reference}"), connection.get_data_set_directory(reference)).await?;
        Ok(found.members.into_iter().map(|m| (m.reference, m.fc)).collect())
    }

    /// Values of a data set in the order of its members.
    pub async fn data_set_values(&mut self, reference: &str) -> Result<Vec<Result<MmsValue, String>>, Error> {
        let connection = self.connection.clone();
        let found = self.bounded(&format!("values of {reference}"), connection.get_data_set_values(reference)).await?;
        Ok(found.into_iter().map(outcome_of).collect())
    }

    /// Makes a data set of one's own: `LD/LN.name`, or `@name` for the time of the association.
    pub async fn create_data_set(&mut self, reference: &str, members: &[(String, FC)]) -> Result<(), Error> {
        let members: Vec<DataSetMember> = members.iter().map(|(r, fc)| DataSetMember::new(r.clone(), *fc)).collect();
        let connection = self.connection.clone();
        self.bounded(&format!("data set {reference}"), connection.create_data_set(reference, &members)).await
    }

    /// Removes a data set of one's own; false when the device keeps it.
    pub async fn delete_data_set(&mut self, reference: &str) -> Result<bool, Error> {
        let connection = self.connection.clone();
        self.bounded(&format!("to delete {reference}"), connection.delete_data_set(reference)).await
    }

    /// Enables a report control block, after it was compared with what is expected of it, and asks for a general interrogation.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Revision`], [`Error::Length`] before anything is changed; [`Error::Refused`] when the device does not
    /// enable it.
    pub async fn subscribe(&mut self, wanted: &Subscription) -> Result<Subscribed, Error> {
        let connection = self.connection.clone();
        let block = wanted.block.as_str();
        let mut found = self.bounded(block, connection.get_rcb_values(block)).await?;
        let buffered = found.is_buffered();
        if found.rpt_ena() || (!buffered && found.resv()) {
            return Err(Error::InUse { block: block.to_owned() });
        }
        let mut remarks = Vec::new();
        if !buffered {
            let mut reserve = handle(block)?;
            reserve.set_resv(true);
            self.bounded(block, connection.set_rcb_values(&reserve, RcbWriteMask::RESV, false)).await.map_err(|e| match e {
                Error::Refused { .. } => Error::InUse { block: block.to_owned() },
                other => other,
            })?;
        }
        let set_by_device = found.data_set_reference().unwrap_or_default().replace('$', ".");
        if !wanted.data_set.is_empty() && set_by_device != wanted.data_set {
            let mut change = handle(block)?;
            change.set_data_set_reference(&wanted.data_set.replace('.', "$"));
            self.bounded(
                &format!("data set {} for {block}", wanted.data_set),
                connection.set_rcb_values(&change, RcbWriteMask::DAT_SET, false),
            )
            .await?;
            found = self.bounded(block, connection.get_rcb_values(block)).await?;
        }
        let data_set = found.data_set_reference().unwrap_or_default().replace('$', ".");
        if data_set.is_empty() {
            return Err(Error::Argument { what: block.to_owned(), reason: "it has no data set, and none is named".into() });
        }
        if let Some(expected_revision) = wanted.conf_rev.filter(|r| *r != found.conf_rev()) {
            return Err(Error::Revision { block: block.to_owned(), found: data_set, found_revision: found.conf_rev(), expected_revision });
        }
        let members = match &wanted.directory {
            Some((of, members)) if *of == data_set => members.clone(),
            _ => self.data_set(&data_set).await?,
        };
        if let Some(expected) = wanted.members.filter(|m| *m != members.len()) {
            return Err(Error::Length { data_set, found: members.len(), expected });
        }
        self.settings(&found, wanted, &mut remarks).await?;
        let resumed = match &wanted.resume_after {
            Some(entry) if buffered => {
                let mut resume = handle(block)?;
                resume.set_entry_id(Some(entry.clone())).map_err(|e| told(block, e))?;
                match self.bounded(block, connection.set_rcb_values(&resume, RcbWriteMask::ENTRY_ID, false)).await {
                    Ok(()) => true,
                    Err(Error::Refused { reason, .. }) => {
                        remarks.push(format!("the entry to resume after is not in the buffer any more ({reason})"));
                        false
                    }
                    Err(other) => return Err(other),
                }
            }
            _ => false,
        };
        let identifier = self.identify_block(block, found.rpt_id().unwrap_or_default(), &mut remarks).await?;
        self.listen(block, &identifier, buffered, members.len()).await?;
        let mut enable = handle(block)?;
        enable.set_rpt_ena(true);
        self.bounded(&format!("to enable {block}"), connection.set_rcb_values(&enable, RcbWriteMask::RPT_ENA, false)).await?;
        let subscribed = Subscribed { block: block.to_owned(), data_set, members, conf_rev: found.conf_rev(), buffered, resumed, remarks };
        self.interrogate(block).await?;
        Ok(subscribed)
    }

    /// Writes the settings that differ from what reports are to carry; one that is refused is remarked upon.
    async fn settings(&mut self, found: &RcbHandle, wanted: &Subscription, remarks: &mut Vec<String>) -> Result<(), Error> {
        let block = wanted.block.as_str();
        let connection = self.connection.clone();
        let mut fields = ReportOptFlds::SEQUENCE_NUMBER
            | ReportOptFlds::REPORT_TIMESTAMP
            | ReportOptFlds::REASON_FOR_INCLUSION
            | ReportOptFlds::DATA_SET_NAME
            | ReportOptFlds::CONF_REV;
        if found.is_buffered() {
            fields |= ReportOptFlds::BUFFER_OVERFLOW | ReportOptFlds::ENTRY_ID;
        }
        let mut triggers = TriggerOptions::DATA_CHANGED | TriggerOptions::QUALITY_CHANGED | TriggerOptions::GI;
        triggers |= found.trg_ops() & TriggerOptions::DATA_UPDATE;
        let period = wanted.integrity_ms.unwrap_or(found.intg_pd_ms());
        if period > 0 {
            triggers |= TriggerOptions::INTEGRITY;
        }
        let mut change = handle(block)?;
        change.set_opt_flds(fields);
        change.set_trg_ops(triggers);
        change.set_intg_pd_ms(period);
        for (differs, mask, what) in [
            (found.opt_flds() & fields != fields, RcbWriteMask::OPT_FLDS, "the fields of reports"),
            (found.trg_ops() != triggers, RcbWriteMask::TRG_OPS, "the triggers"),
            (found.intg_pd_ms() != period, RcbWriteMask::INTG_PD, "the integrity period"),
        ] {
            if !differs {
                continue;
            }
            match self.bounded(block, connection.set_rcb_values(&change, mask, false)).await {
                Ok(()) => {}
                Err(Error::Refused { reason, .. }) => remarks.push(format!("{what} stay as the device has them ({reason})")),
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    /// The identifier that reports of a block carry; a block that shares one with another is given its own.
    async fn identify_block(&mut self, block: &str, found: &str, remarks: &mut Vec<String>) -> Result<String, Error> {
        let own = block.replace('.', "$");
        let identifier = if found.is_empty() { own.clone() } else { found.to_owned() };
        let taken = self.identifiers.get(&identifier).is_some_and(|other| other != block);
        let identifier = if taken {
            let connection = self.connection.clone();
            let mut change = handle(block)?;
            change.set_rpt_id(&own);
            self.bounded(
                &format!("an identifier of its own for {block}, which shares \"{identifier}\" with another"),
                connection.set_rcb_values(&change, RcbWriteMask::RPT_ID, false),
            )
            .await?;
            remarks.push(format!("reports are identified as {own}, because another block has \"{identifier}\" too"));
            own
        } else {
            identifier
        };
        self.identifiers.insert(identifier.clone(), block.to_owned());
        Ok(identifier)
    }

    async fn listen(&mut self, block: &str, identifier: &str, buffered: bool, members: usize) -> Result<(), Error> {
        let connection = self.connection.clone();
        let out = self.reports_out.clone();
        let overrun = self.overrun.clone();
        let name = block.to_owned();
        let sequence = Mutex::new(Sequence { buffered, last: None });
        let take: ReportCallback = Arc::new(move |snapshot| {
            let reason = |i: usize| {
                use iec61850_client::ReasonForInclusion as R;
                snapshot.reasons.get(i).map(|r| Reason {
                    data_change: r.contains(R::DATA_CHANGE),
                    quality_change: r.contains(R::QUALITY_CHANGE),
                    data_update: r.contains(R::DATA_UPDATE),
                    integrity: r.contains(R::INTEGRITY),
                    general_interrogation: r.contains(R::GI),
                })
            };
            let values = snapshot
                .included
                .iter()
                .enumerate()
                .filter(|(_, included)| **included)
                .filter_map(|(i, _)| snapshot.data_set_values.get(i)?.clone().map(|v| (i, v, reason(i))))
                .collect();
            let first_segment = snapshot.segmentation.as_ref().is_none_or(|s| s.sub_seq_num == 0);
            let gap = match (snapshot.seq_num, sequence.lock()) {
                (Some(number), Ok(mut sequence)) => sequence.follows(number, first_segment),
                _ => false,
            };
            let report = Report {
                block: name.clone(),
                sequence: snapshot.seq_num,
                gap,
                buffer_overflow: snapshot.buf_ovfl.unwrap_or(false),
                time_ms: snapshot.timestamp_ms,
                entry_id: snapshot.entry_id.clone(),
                conf_rev: snapshot.conf_rev,
                data_set: snapshot.data_set_name.clone(),
                values,
                more: snapshot.segmentation.as_ref().is_some_and(|s| s.more_segments_follow),
            };
            if out.try_send(report).is_err()
                && let Ok(mut lost) = overrun.lock()
            {
                *lost += 1;
            }
        });
        let mut directory = iec61850_client::DatasetDirectory::default();
        directory.expected_size = Some(members);
        let installed = connection.install_report_handler(Some(identifier.to_owned()), block, Some(directory), take);
        self.bounded(block, installed).await
    }

    /// Asks a block that is enabled for all its values.
    pub async fn interrogate(&mut self, block: &str) -> Result<(), Error> {
        let connection = self.connection.clone();
        self.bounded(&format!("an interrogation of {block}"), connection.trigger_grefcb(block)).await
    }

    /// Disables a block and gives it free.
    pub async fn unsubscribe(&mut self, block: &str) -> Result<(), Error> {
        let connection = self.connection.clone();
        let mut change = handle(block)?;
        change.set_rpt_ena(false);
        self.bounded(block, connection.set_rcb_values(&change, RcbWriteMask::RPT_ENA, false)).await?;
        if !change.is_buffered() {
            change.set_resv(false);
            self.bounded(block, connection.set_rcb_values(&change, RcbWriteMask::RESV, false)).await?;
        }
        self.identifiers.retain(|_, b| b != block);
        self.bounded(block, connection.uninstall_report_handler(block)).await
    }

    /// Waits for what the device sends of its own accord, up to `wait`; the reports that came in are then in [`Self::next_report`].
    ///
    /// # Errors
    /// [`Error::Lost`] when the association is gone.
    pub async fn pump(&mut self, wait: Duration) -> Result<(), Error> {
        match self.connection.poll_reports(wait).await {
            Ok(0) => Ok(()),
            Ok(_) => {
                self.last_heard = Instant::now();
                Ok(())
            }
            Err(e) => Err(told("reports", e)),
        }
    }

    /// The next report that has come in.
    pub fn next_report(&mut self) -> Option<Report> {
        self.reports_in.try_recv().ok()
    }

    /// Reports that found no place since this was last asked; the values they had are to be asked for again.
    pub fn take_overrun(&mut self) -> u64 {
        self.overrun.lock().map_or(0, |mut lost| std::mem::take(&mut lost))
    }

    /// What the device says of how an object is commanded.
    pub async fn control_model(&mut self, object: &str) -> Result<ControlModel, Error> {
        match self.read(&format!("{object}.ctlModel"), FC::Cf).await? {
            MmsValue::Integer(n) => ControlModel::from_number(n)
                .ok_or_else(|| Error::Refused { what: format!("{object}.ctlModel"), reason: format!("it has the unknown model {n}") }),
            other => Err(Error::Refused { what: format!("{object}.ctlModel"), reason: format!("it is {}", other.type_name()) }),
        }
    }

    /// Gives a command as its control model wants it: selection first where there is one, then operation, then its end where that is told.
    ///
    /// # Errors
    /// [`Error::CommandRefused`] with the device's cause in words; [`Error::Unconfirmed`] when nothing is known of the outcome.
    pub async fn command(&mut self, command: &Command) -> Result<Confirmed, Error> {
        let control = self.control(command)?;
        match command.model {
            ControlModel::StatusOnly => {
                return Err(Error::Argument { what: command.object.clone(), reason: "its control model is status-only".into() });
            }
            ControlModel::SboNormal => self.step(&command.object, "selection", control.select()).await?,
            ControlModel::SboEnhanced => self.step(&command.object, "selection", control.select_with_value(command.value.clone())).await?,
            ControlModel::DirectNormal | ControlModel::DirectEnhanced => {}
        }
        self.step(&command.object, "operation", control.operate(command.value.clone())).await?;
        Ok(if command.model.is_enhanced() { Confirmed::Terminated } else { Confirmed::Accepted })
    }

    /// Selects an object and cancels the selection; for tests of a device, and for operators that think again.
    pub async fn select_and_cancel(&mut self, command: &Command) -> Result<(), Error> {
        let control = self.control(command)?;
        match command.model {
            ControlModel::SboNormal => self.step(&command.object, "selection", control.select()).await?,
            ControlModel::SboEnhanced => self.step(&command.object, "selection", control.select_with_value(command.value.clone())).await?,
            _ => return Err(Error::Argument { what: command.object.clone(), reason: "it is not selected before it is operated".into() }),
        }
        self.step(&command.object, "cancelling", control.cancel(command.value.clone())).await
    }

    fn control(&self, command: &Command) -> Result<iec61850_client::ControlObjectClient, Error> {
        let model = match command.model {
            ControlModel::StatusOnly => LibraryModel::StatusOnly,
            ControlModel::DirectNormal => LibraryModel::DirectNormal,
            ControlModel::SboNormal => LibraryModel::SboNormal,
            ControlModel::DirectEnhanced => LibraryModel::DirectEnhanced,
            ControlModel::SboEnhanced => LibraryModel::SboEnhanced,
        };
        let mut control = self.connection.create_control_object(&command.object, model).map_err(|e| told(&command.object, e))?;
        let ident: Vec<u8> = self.options.originator.bytes().take(64).collect();
        control.set_origin(OriginValue { or_cat: self.options.originator_category, or_ident: ident });
        control.set_test(command.test);
        control.set_interlock_check(command.interlock_check);
        control.set_synchro_check(command.synchro_check);
        Ok(control)
    }

    async fn step(
        &mut self,
        object: &str,
        what: &str,
        request: impl Future<Output = Result<ControlOutcome, ClientError>>,
    ) -> Result<(), Error> {
        // The library waits five seconds for the end of a command, beside the request itself.
        let limit_s = self.options.request_s * 2.0 + 5.0;
        let unconfirmed = |limit_s: f64| match what {
            "operation" => Error::Unconfirmed { object: object.to_owned(), limit_s },
            _ => Error::Timeout { what: format!("{what} of {object}"), limit_s },
        };
        match tokio::time::timeout(Duration::from_secs_f64(limit_s), request).await {
            Ok(Ok(outcome)) => {
                self.last_heard = Instant::now();
                match outcome.add_cause() {
                    None => Ok(()),
                    Some(cause) => {
                        let reason = match outcome.last_appl_error() {
                            Some(_) => format!("{what}: {}", add_cause_words(cause as i32)),
                            None => format!("{what} was refused without a cause"),
                        };
                        Err(Error::CommandRefused { object: object.to_owned(), add_cause: cause as i32, reason })
                    }
                }
            }
            Ok(Err(ClientError::Timeout { after_ms, .. } | ClientError::CommandTerminationTimeout { after_ms, .. })) => {
                Err(unconfirmed(after_ms as f64 / 1000.0))
            }
            // Sent or not, the answer can no longer come.
            Ok(Err(ClientError::ConnectionLost | ClientError::ReleasedByPeer)) if what == "operation" => Err(unconfirmed(0.0)),
            Ok(Err(e)) => Err(told(&format!("{what} of {object}"), e)),
            Err(_) => Err(unconfirmed(limit_s)),
        }
    }

    /// Ends the association in good order, within the limit of a request; the connection is gone afterwards in any case.
    pub async fn close(self) -> Result<(), Error> {
        let limit_s = self.options.request_s;
        match tokio::time::timeout(Duration::from_secs_f64(limit_s), self.connection.disconnect()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => Err(told("the end of the association", e)),
            Err(_) => Err(Error::Timeout { what: format!("the end of the association with {}", self.address), limit_s }),
        }
    }
}

/// Sequence numbers of one block.
struct Sequence {
    buffered: bool,
    last: Option<u16>,
}

impl Sequence {
    /// Says whether reports are missing before this one.
    fn follows(&mut self, number: u16, first_segment: bool) -> bool {
        let last = self.last.replace(number);
        match last {
            None => false,
            Some(last) if !first_segment => number != last,
            // Unbuffered blocks count in eight bits by the standard, in sixteen by some devices.
            Some(255) if !self.buffered => number != 0 && number != 256,
            Some(last) => number != last.wrapping_add(1),
        }
    }
}

fn handle(block: &str) -> Result<RcbHandle, Error> {
    RcbHandle::new(block).map_err(|e| told(block, e))
}

fn outcome_of(result: AccessResult) -> Result<MmsValue, String> {
    match result {
        AccessResult::Success(value) => Ok(mms_data_to_mms_value(&value)),
        AccessResult::Failure(why) => Err(access_words(why as u8).to_owned()),
    }
}

/// What a data access error says.
pub fn access_words(code: u8) -> &'static str {
    match code {
        0 => "the object has been invalidated",
        1 => "hardware fault",
        2 => "temporarily unavailable",
        3 => "access denied",
        4 => "not defined",
        5 => "invalid address",
        6 => "its type is not supported",
        7 => "its type is another one",
        8 => "its attributes are inconsistent",
        9 => "this access is not supported",
        10 => "it does not exist",
        11 => "its value is not valid",
        _ => "an unknown reason",
    }
}

fn told(what: &str, error: ClientError) -> Error {
    let refused = |reason: String| Error::Refused { what: what.to_owned(), reason };
    match error {
        ClientError::NotConnected | ClientError::ConnectionLost | ClientError::ReleasedByPeer | ClientError::Transport(_) => {
            Error::Lost { reason: error.to_string() }
        }
        ClientError::Timeout { after_ms, .. } => Error::Timeout { what: what.to_owned(), limit_s: after_ms as f64 / 1000.0 },
        ClientError::DataAccessError(why) => refused(access_words(why as u8).to_owned()),
        ClientError::InvalidArgument(reason) => Error::Argument { what: what.to_owned(), reason },
        other => refused(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_report_is_seen_and_the_wrap_is_not() {
        let mut unbuffered = Sequence { buffered: false, last: None };
        let gaps: Vec<bool> = [253, 254, 255, 0, 1, 3].into_iter().map(|n| unbuffered.follows(n, true)).collect();
        assert_eq!(gaps, [false, false, false, false, false, true]);
        let mut buffered = Sequence { buffered: true, last: None };
        let gaps: Vec<bool> = [255, 256, 65535, 0].into_iter().map(|n| buffered.follows(n, true)).collect();
        assert_eq!(gaps, [false, false, true, false]);
        let mut eight = Sequence { buffered: true, last: Some(255) };
        assert!(eight.follows(0, true), "a buffered block counts on to 256");
        let mut segments = Sequence { buffered: false, last: None };
        assert!(!segments.follows(7, true) && !segments.follows(7, false) && segments.follows(9, true));
    }
}
