//! What a Modbus device answers in ranges of its tables. Modbus has no list of what there is: one can only try.

use super::map::{Table, parse_address};
use crate::device::DeviceError;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_modbus::Slave;
use tokio_modbus::client::{Context, Reader, tcp};

/// Places that one request asks for.
const AT_ONCE: u16 = 100;

/// Places of a table, from and to, both tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub table: Table,
    pub first: u16,
    pub last: u16,
}

impl Range {
    /// Reads `holding:0-99`, or `input:7`.
    ///
    /// # Errors
    /// Why it is no range.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text.split_once(':').map_or(text, |(_, at)| at)));
        let at = parse_address(first).map_err(|e| e.why)?;
        if at.bit.is_some() {
            return Err("a range is of whole registers".to_owned());
        }
        let last: u16 = last.parse().map_err(|_| format!("\"{last}\" is no offset from 0 to 65535"))?;
        if last < at.offset {
            return Err(format!("it ends at {last}, before it begins"));
        }
        Ok(Self { table: at.table, first: at.offset, last })
    }
}

/// What came of one place: its word, or the code of an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Browsed {
    pub table: Table,
    pub offset: u16,
    pub word: Result<u16, u8>,
}

/// Reads ranges, in requests of a hundred places, and place by place where a request is refused.
///
/// # Errors
/// Nobody there, or a connection that breaks; a device that refuses is no error.
pub async fn browse(address: &str, unit: u8, ranges: &[Range], timeout_s: f64) -> Result<Vec<Browsed>, DeviceError> {
    let limit = Duration::from_secs_f64(timeout_s);
    let stream = match timeout(limit, TcpStream::connect(address)).await {
        Err(_) => return Err(DeviceError::Timeout { what: "connecting", limit_s: timeout_s }),
        Ok(Err(source)) => return Err(DeviceError::Connect { address: address.to_owned(), source }),
        Ok(Ok(stream)) => stream,
    };
    let mut context = tcp::attach_slave(stream, Slave(unit));
    let mut found = Vec::new();
    for range in ranges {
        let mut at = u32::from(range.first);
        while at <= u32::from(range.last) {
            let count = (u32::from(range.last) - at + 1).min(u32::from(AT_ONCE)) as u16;
            let start = at as u16;
            match read(&mut context, range.table, start, count, limit).await? {
                Ok(words) => {
                    found.extend((0..count).zip(words).map(|(k, w)| Browsed { table: range.table, offset: start + k, word: Ok(w) }))
                }
                Err(_) => {
                    for offset in (0..count).map(|k| start + k) {
                        let word = read(&mut context, range.table, offset, 1, limit).await?;
                        let word = word.and_then(|w| w.first().copied().ok_or(4));
                        found.push(Browsed { table: range.table, offset, word });
                    }
                }
            }
            at += u32::from(count);
        }
    }
    Ok(found)
}

async fn read(context: &mut Context, table: Table, start: u16, count: u16, limit: Duration) -> Result<Result<Vec<u16>, u8>, DeviceError> {
    let bits = |answer: Result<Vec<bool>, _>| answer.map(|b: Vec<bool>| b.into_iter().map(u16::from).collect::<Vec<u16>>());
    let asked = async {
        match table {
            Table::Coil => context.read_coils(start, count).await.map(bits),
            Table::Discrete => context.read_discrete_inputs(start, count).await.map(bits),
            Table::Holding => context.read_holding_registers(start, count).await,
            Table::Input => context.read_input_registers(start, count).await,
        }
    };
    match timeout(limit, asked).await {
        Err(_) => Err(DeviceError::Timeout { what: "an answer", limit_s: limit.as_secs_f64() }),
        Ok(Ok(answer)) => Ok(answer.map_err(u8::from)),
        Ok(Err(tokio_modbus::Error::Transport(source))) => Err(DeviceError::Io { source }),
        Ok(Err(e)) => Err(DeviceError::Protocol { protocol: "Modbus TCP", what: e.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(Range::parse("holding:0-99"), Ok(Range { table: Table::Holding, first: 0, last: 99 }));
        assert_eq!(Range::parse("input:7"), Ok(Range { table: Table::Input, first: 7, last: 7 }));
        for wrong in ["holding", "holding:9-3", "holding:a-b", "holding:0-70000", "holding:1.3-5"] {
            assert!(Range::parse(wrong).is_err(), "{wrong}");
        }
    }
}
