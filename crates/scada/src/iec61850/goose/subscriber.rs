//! The receiver's rules: whether a message is the one expected, in order, and still alive.
//!
//! A message counts when address, APPID, control block, identifier, data set, revision, number and types of its members are those of the
//! configuration, it does not need commissioning, and it is simulated only where simulation is accepted (`LPHD.Sim`). Then its numbers:
//!
//! | stNum | sqNum | is |
//! |---|---|---|
//! | higher | any | a new state; those between were lost |
//! | the same | higher | the same state again; those between were lost |
//! | the same | not higher | a copy, of no effect |
//! | 1, or any after silence | any | the sender has started again |
//! | lower | any | an old message, of no effect |
//!
//! Without a message for as long as the last one said, what it said is not to be trusted any more.

use super::publisher::same_shape;
use super::settings::GooseSettings;
use iec61850_goose::{GooseFrame, GoosePdu};
use iec61850_model::MmsValue;
use std::time::{Duration, Instant};

/// Why a message is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    #[error("its data set is \"{found}\", not \"{expected}\"")]
    DataSet { found: String, expected: String },
    #[error("its identifier is \"{found}\", not \"{expected}\"")]
    Identifier { found: String, expected: String },
    #[error("its revision is {found}, not {expected}: import its configuration again")]
    Revision { found: u32, expected: u32 },
    #[error("it has {found} members, not {expected}")]
    Members { found: usize, expected: usize },
    #[error("member {position} is {found}, not {expected}")]
    Kind { position: usize, found: &'static str, expected: &'static str },
    #[error("the sender needs commissioning")]
    NeedsCommissioning,
    #[error("it is simulated, and simulation is not accepted here")]
    Simulated,
    #[error("state {found} is older than {last}")]
    Old { found: u32, last: u32 },
    #[error("its time to live is 0")]
    NoLife,
    #[error("it cannot be decoded: {reason}")]
    Malformed { reason: String },
}

/// A message that counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub state: u32,
    pub sequence: u32,
    /// True for a new state.
    pub changed: bool,
    /// The sender has started again.
    pub restarted: bool,
    /// Messages, or states, that did not arrive since the last one.
    pub lost: u32,
    /// Time of the last change in the octets of the protocol.
    pub time: [u8; 8],
    pub simulated: bool,
    pub values: Vec<MmsValue>,
    pub time_to_live: Duration,
}

/// What comes of a frame, or of silence.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Message(Message),
    /// Meant for us by its address and control block, and not taken.
    Fault(Fault),
    /// Nothing came within the time that the last message said.
    Stale,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    state: u32,
    sequence: u32,
    until: Instant,
    stale: bool,
}

/// One control block that is listened to.
#[derive(Clone, Debug)]
pub struct Subscriber {
    settings: GooseSettings,
    /// Whether simulated messages are taken, and then only they.
    pub simulation: bool,
    last: Option<Last>,
}

impl Subscriber {
    pub fn new(settings: GooseSettings) -> Self {
        Self { settings, simulation: false, last: None }
    }

    pub fn settings(&self) -> &GooseSettings {
        &self.settings
    }

    /// When silence becomes [`Event::Stale`]; none before the first message and after it was told.
    pub fn deadline(&self) -> Option<Instant> {
        self.last.filter(|l| !l.stale).map(|l| l.until)
    }

    /// True while the last message may be taken for true.
    pub fn is_alive(&self, now: Instant) -> bool {
        self.last.is_some_and(|l| !l.stale && now <= l.until)
    }

    /// Tells once that nothing came in time.
    pub fn tick(&mut self, now: Instant) -> Option<Event> {
        let last = self.last.as_mut().filter(|l| !l.stale && now > l.until)?;
        last.stale = true;
        Some(Event::Stale)
    }

    /// Takes a frame from the wire; none for what is not meant for this subscriber, and for copies.
    pub fn accept(&mut self, frame: &[u8], now: Instant) -> Option<Event> {
        // Another protocol, or a frame for another group.
        if !is_goose_to(frame, self.settings.address.mac) {
            return None;
        }
        let malformed = |e: iec61850_goose::GooseError| Some(Event::Fault(Fault::Malformed { reason: e.to_string() }));
        let frame = match GooseFrame::decode(frame) {
            Ok(frame) => frame,
            Err(e) => return malformed(e),
        };
        if frame.header.app_id != self.settings.address.app_id {
            return None;
        }
        let pdu = match GoosePdu::decode_ber(&frame.pdu_bytes) {
            Ok(pdu) => pdu,
            Err(e) => return malformed(e),
        };
        if pdu.gocb_ref != self.settings.control_block {
            return None;
        }
        if let Err(fault) = self.check(&pdu, frame.header.simulation) {
            return Some(Event::Fault(fault));
        }
        self.order(pdu, frame.header.simulation, now)
    }

    fn check(&self, pdu: &GoosePdu, header_simulated: bool) -> Result<(), Fault> {
        let expected = &self.settings;
        let simulated = pdu.simulation || header_simulated;
        if simulated && !self.simulation {
            return Err(Fault::Simulated);
        }
        if pdu.nds_com {
            return Err(Fault::NeedsCommissioning);
        }
        if pdu.conf_rev != expected.conf_rev {
            return Err(Fault::Revision { found: pdu.conf_rev, expected: expected.conf_rev });
        }
        if pdu.dat_set != expected.data_set {
            return Err(Fault::DataSet { found: pdu.dat_set.clone(), expected: expected.data_set.clone() });
        }
        if !expected.go_id.is_empty() && pdu.go_id != expected.go_id {
            return Err(Fault::Identifier { found: pdu.go_id.clone(), expected: expected.go_id.clone() });
        }
        if pdu.all_data.len() != expected.members.len() {
            return Err(Fault::Members { found: pdu.all_data.len(), expected: expected.members.len() });
        }
        if let Some(position) = (0..pdu.all_data.len()).find(|i| !same_shape(&pdu.all_data[*i], &expected.members[*i])) {
            let (found, expected) = (pdu.all_data[position].type_name(), expected.members[position].type_name());
            return Err(Fault::Kind { position, found, expected });
        }
        if pdu.time_allowed_to_live == 0 {
            return Err(Fault::NoLife);
        }
        Ok(())
    }

    fn order(&mut self, pdu: GoosePdu, header_simulated: bool, now: Instant) -> Option<Event> {
        let mut message = Message {
            state: pdu.st_num,
            sequence: pdu.sq_num,
            changed: true,
            restarted: false,
            lost: 0,
            time: pdu.t.into(),
            simulated: pdu.simulation || header_simulated,
            values: pdu.all_data,
            time_to_live: Duration::from_millis(u64::from(pdu.time_allowed_to_live)),
        };
        if let Some(last) = self.last {
            let was_silent = last.stale || now > last.until;
            if pdu.st_num > last.state {
                message.lost = pdu.st_num - last.state - 1;
            } else if pdu.st_num == last.state {
                let wrapped = last.sequence == u32::MAX && pdu.sq_num == 1;
                if pdu.sq_num > last.sequence || wrapped {
                    message.changed = false;
                    message.lost = if wrapped { 0 } else { pdu.sq_num - last.sequence - 1 };
                } else if was_silent || (pdu.st_num == 1 && pdu.sq_num == 0 && last.sequence > 0) {
                    message.restarted = true;
                } else {
                    return None;
                }
            } else if pdu.st_num == 1 || was_silent {
                // State 1 after the largest number is no new start, but counting on.
                message.restarted = last.state != u32::MAX;
            } else {
                return Some(Event::Fault(Fault::Old { found: pdu.st_num, last: last.state }));
            }
        }
        self.last = Some(Last { state: message.state, sequence: message.sequence, until: now + message.time_to_live, stale: false });
        Some(Event::Message(message))
    }
}

/// Ethertype of GOOSE, with or without a tag, to this address.
fn is_goose_to(frame: &[u8], mac: [u8; 6]) -> bool {
    let kind = |at: usize| frame.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]]));
    let ethertype = match kind(12) {
        Some(0x8100) => kind(16),
        other => other,
    };
    frame.get(..6) == Some(&mac[..]) && ethertype == Some(0x88B8)
}
