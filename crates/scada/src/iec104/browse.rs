//! What a station of IEC 60870-5-104 has: everything that an interrogation and a counter interrogation bring.

use super::asdu::{self, Asdu, BROADCAST, Header, Object, cause};
use super::link::{Connection, LinkEvent, Parameters, Role};
use crate::device::DeviceError;
use crate::point::{Quality, Value};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

const QOI_STATION: u8 = 20;
const QCC_GENERAL: u8 = 5;
const C_IC: u8 = 100;
const C_CI: u8 = 101;
/// Other stations behind the same connection may still answer when the first has ended.
const AFTER_THE_FIRST: Duration = Duration::from_millis(700);

/// An object that a station told.
#[derive(Clone, Debug, PartialEq)]
pub struct Browsed {
    pub station: u16,
    pub object: u32,
    /// Type of the telegram.
    pub type_id: u8,
    pub value: Value,
    pub quality: Quality,
}

/// Interrogates all stations behind an address, or one, and returns their objects in the order of their addresses.
///
/// # Errors
/// Nobody there, a connection that breaks, a station that refuses, an interrogation that does not end within ten times `timeout_s`.
pub async fn browse(address: &str, station: Option<u16>, timeout_s: f64) -> Result<Vec<Browsed>, DeviceError> {
    let limit = Duration::from_secs_f64(timeout_s);
    let stream = match timeout(limit, TcpStream::connect(address)).await {
        Err(_) => return Err(DeviceError::Timeout { what: "connecting", limit_s: timeout_s }),
        Ok(Err(source)) => return Err(DeviceError::Connect { address: address.to_owned(), source }),
        Ok(Ok(stream)) => stream,
    };
    let mut connection = Connection::new(stream, Role::Controlling, Parameters::default());
    connection.start();
    let asked = station.unwrap_or(BROADCAST);
    let mut found = BTreeMap::new();
    let mut may_lack = false;
    for (type_id, object) in [(C_IC, Object::Interrogate { qualifier: QOI_STATION }), (C_CI, Object::Counters { qualifier: QCC_GENERAL })] {
        let request = Asdu { header: Header::new(type_id, cause::ACTIVATION, 0, asked), objects: vec![(0, object)] };
        if let Some(octets) = asdu::encode(&request) {
            connection.send(octets, 0);
        }
        let mut until = Instant::now() + 10 * limit;
        let mut has_ended = false;
        loop {
            let event = match timeout_at(until, connection.next()).await {
                Ok(event) => event?,
                Err(_) if has_ended || may_lack => break,
                Err(_) => return Err(DeviceError::Timeout { what: "an interrogation", limit_s: 10.0 * timeout_s }),
            };
            let LinkEvent::Asdu(octets) = event else { continue };
            // Telegrams that are not known are passed over, as they are by a client.
            let Ok(telegram) = asdu::decode(&octets) else { continue };
            let h = telegram.header;
            // Stations that were not asked tell what changes all the same.
            if station.is_some_and(|s| s != h.station) {
                continue;
            }
            let is_unknown = h.cause == cause::UNKNOWN_STATION;
            if h.type_id == C_IC && station.is_some() && (h.is_negative || is_unknown) {
                let why = if is_unknown { "is not known at this address" } else { "refuses to be interrogated" };
                return Err(DeviceError::Protocol { protocol: "IEC 60870-5-104", what: format!("station {asked} {why}") });
            }
            if h.type_id == type_id && (h.cause == cause::TERMINATION || h.is_negative) {
                has_ended = true;
                until = until.min(Instant::now() + AFTER_THE_FIRST);
            }
            for (object, content) in telegram.objects {
                let Object::Measured { value, quality, .. } = content else { continue };
                let browsed = Browsed { station: h.station, object, type_id: h.type_id, value, quality };
                // The type that an interrogation tells is the object's own; what changes meanwhile comes as another one, with its time.
                if (cause::INTERROGATED..=cause::COUNTERS_LAST).contains(&h.cause) {
                    found.insert((h.station, object), browsed);
                } else {
                    found.entry((h.station, object)).or_insert(browsed);
                }
            }
        }
        // A station without counters need not answer the second question.
        may_lack = true;
    }
    Ok(found.into_values().collect())
}
