//! The sender's rules.
//!
//! A change raises `stNum`, sets `sqNum` to 0 and is sent at once. It is sent again after `T1`, then after twice that, and so on up to `T0`,
//! with `sqNum` one higher each time:
//!
//! ```text
//! change      T1   2·T1     4·T1            …            T0              T0
//!   │──────────│──────│────────────│─────── … ───────────│───────────────│
//! sqNum 0      1      2            3
//! ```
//!
//! Each message says how long it may be taken for true: [`TTL_FACTOR`] times the wait until the next, so that two lost messages in a row do
//! not make receivers give up. Numbers go on with 1 after the largest (IEC 61850-8-1: 0 is for the first of a state only).

use super::settings::GooseSettings;
use iec61850_goose::{GooseFrame, GooseFrameHeader, GoosePdu, VlanPriority, VlanTag};
use iec61850_model::MmsValue;
use std::time::{Duration, Instant};

/// Times the wait until the next message that a message holds.
const TTL_FACTOR: u32 = 3;
/// No message says less than this: schedulers of ordinary computers are late by some milliseconds.
const TTL_MIN_MS: u32 = 20;
/// Waits when the file gives none.
const T1_MS: u32 = 4;
const T0_MS: u32 = 1000;

/// First and longest wait between two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    pub first: Duration,
    pub longest: Duration,
}

/// One control block that is sent.
#[derive(Clone, Debug)]
pub struct Publisher {
    settings: GooseSettings,
    times: Times,
    values: Vec<MmsValue>,
    /// Seconds (4 octets), fraction (3) and quality (1) of the last change.
    changed_at: [u8; 8],
    state: u32,
    sequence: u32,
    wait: Duration,
    due: Instant,
    pub simulation: bool,
    source: [u8; 6],
}

impl Publisher {
    /// Begins with the start values of the settings as state 1; the first message is due at once.
    ///
    /// `source` is the address of the interface, `utc` the time in the octets of the protocol ([`crate::iec61850::utc_octets`]).
    pub fn new(settings: GooseSettings, source: [u8; 6], utc: [u8; 8], now: Instant) -> Self {
        let ms = |given: Option<u32>, usual: u32| Duration::from_millis(u64::from(given.filter(|t| *t > 0).unwrap_or(usual)));
        let first = ms(settings.address.min_time_ms, T1_MS);
        let times = Times { first, longest: ms(settings.address.max_time_ms, T0_MS).max(first) };
        let values = settings.members.clone();
        Self { settings, times, values, changed_at: utc, state: 1, sequence: 0, wait: times.first, due: now, simulation: false, source }
    }

    pub fn times(&self) -> Times {
        self.times
    }

    /// Takes new values. Values that are the same change nothing; false when they do not have the shape of the data set.
    pub fn change(&mut self, values: Vec<MmsValue>, utc: [u8; 8], now: Instant) -> bool {
        if values.len() != self.values.len() || !values.iter().zip(&self.values).all(|(a, b)| same_shape(a, b)) {
            return false;
        }
        if values != self.values {
            self.values = values;
            self.changed_at = utc;
            self.state = following(self.state);
            self.sequence = 0;
            self.wait = self.times.first;
            self.due = now;
        }
        true
    }

    /// When the next message is due.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// The message that is due, if one is.
    pub fn poll(&mut self, now: Instant) -> Option<Vec<u8>> {
        if now < self.due {
            return None;
        }
        let frame = self.frame();
        self.sequence = following(self.sequence);
        self.due = now + self.wait;
        self.wait = (self.wait * 2).min(self.times.longest);
        Some(frame)
    }

    fn frame(&self) -> Vec<u8> {
        let settings = &self.settings;
        let mut pdu = GoosePdu::new(&settings.control_block, &settings.data_set, self.values.clone());
        if !settings.go_id.is_empty() {
            pdu.go_id.clone_from(&settings.go_id);
        }
        let wait_ms = u32::try_from(self.wait.as_millis()).unwrap_or(u32::MAX);
        pdu.time_allowed_to_live = wait_ms.saturating_mul(TTL_FACTOR).max(TTL_MIN_MS);
        pdu.t = iec61850_model::utc_time::UtcTime::try_from(self.changed_at).unwrap_or(iec61850_model::utc_time::UtcTime::NULL);
        pdu.st_num = self.state;
        pdu.sq_num = self.sequence;
        pdu.simulation = self.simulation;
        pdu.conf_rev = settings.conf_rev;
        let mut header = GooseFrameHeader::new(settings.address.mac, self.source, settings.address.app_id);
        header.simulation = self.simulation;
        header.vlan =
            VlanPriority::new(settings.address.vlan_priority).ok().map(|priority| VlanTag { priority, vlan_id: settings.address.vlan_id });
        let mut bytes = bytes::BytesMut::new();
        // Lengths beyond a frame are the only fault that there can be; such a message is not sent.
        if pdu.encode_ber(&mut bytes).is_err() {
            return Vec::new();
        }
        let mut out = bytes::BytesMut::new();
        match GooseFrame::new(header, bytes.to_vec()).encode(&mut out) {
            Ok(_) => out.to_vec(),
            Err(_) => Vec::new(),
        }
    }
}

/// The number after a number: 1 after the largest.
fn following(number: u32) -> u32 {
    number.checked_add(1).unwrap_or(1)
}

/// True when two values have the same types throughout.
pub(super) fn same_shape(a: &MmsValue, b: &MmsValue) -> bool {
    match (a, b) {
        (MmsValue::Structure(x), MmsValue::Structure(y)) | (MmsValue::Array(x), MmsValue::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same_shape(x, y))
        }
        (MmsValue::BitString { padding: p, data: x }, MmsValue::BitString { padding: q, data: y }) => {
            x.len() * 8 - usize::from(*p) == y.len() * 8 - usize::from(*q)
        }
        // Some senders write unsigned numbers as signed ones.
        (MmsValue::Integer(_) | MmsValue::Unsigned(_), MmsValue::Integer(_) | MmsValue::Unsigned(_)) => true,
        _ => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}
