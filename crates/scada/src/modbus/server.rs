//! The device side of Modbus TCP: answers from whatever keeps registers.

use super::map::{MAX_READ_BITS, MAX_READ_REGISTERS, Table};
use std::future::Ready;
use std::io;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_modbus::server::tcp::Server;
use tokio_modbus::server::{Service, Terminated};
use tokio_modbus::{ExceptionCode, Request, Response, SlaveRequest};
use tokio_util::sync::CancellationToken;

/// Registers, and bits, that one request may write.
const MAX_WRITE_REGISTERS: usize = 123;
const MAX_WRITE_BITS: usize = 1968;

/// Where a request reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    pub unit: u8,
    pub table: Table,
    pub start: u16,
}

/// What answers. Bits are words of 0 or 1. An error is the code of a Modbus exception.
pub trait Registers: Send + Sync + 'static {
    /// # Errors
    /// 2 for places that are not there, 4 for values that are invalid, and so on.
    fn read(&self, access: Access, count: u16) -> Result<Vec<u16>, u8>;

    /// Writes all of `words` or nothing.
    ///
    /// # Errors
    /// As for reading, and 3 for a value that is not allowed.
    fn write(&self, access: Access, words: &[u16]) -> Result<(), u8>;
}

struct Answers<R>(Arc<R>);

impl<R: Registers> Answers<R> {
    fn answer(&self, unit: u8, request: Request<'static>) -> Result<Response, u8> {
        let at = |table, start| Access { unit, table, start };
        let read = |table: Table, start: u16, count: u16| {
            let limit = if table.is_bits() { MAX_READ_BITS } else { MAX_READ_REGISTERS };
            if count == 0 || count > limit {
                return Err(3);
            }
            if u32::from(start) + u32::from(count) > 65_536 {
                return Err(2);
            }
            let words = self.0.read(at(table, start), count)?;
            // Fewer or more would be another answer than was asked for.
            if words.len() == usize::from(count) { Ok(words) } else { Err(4) }
        };
        let write = |table: Table, start: u16, words: &[u16]| {
            let limit = if table.is_bits() { MAX_WRITE_BITS } else { MAX_WRITE_REGISTERS };
            if words.is_empty() || words.len() > limit {
                return Err(3);
            }
            if usize::from(start) + words.len() > 65_536 {
                return Err(2);
            }
            self.0.write(at(table, start), words)
        };
        let bits = |words: Vec<u16>| words.into_iter().map(|w| w != 0).collect::<Vec<bool>>();
        match request {
            Request::ReadCoils(start, count) => Ok(Response::ReadCoils(bits(read(Table::Coil, start, count)?))),
            Request::ReadDiscreteInputs(start, count) => Ok(Response::ReadDiscreteInputs(bits(read(Table::Discrete, start, count)?))),
            Request::ReadHoldingRegisters(start, count) => Ok(Response::ReadHoldingRegisters(read(Table::Holding, start, count)?)),
            Request::ReadInputRegisters(start, count) => Ok(Response::ReadInputRegisters(read(Table::Input, start, count)?)),
            Request::WriteSingleCoil(start, on) => {
                write(Table::Coil, start, &[u16::from(on)])?;
                Ok(Response::WriteSingleCoil(start, on))
            }
            Request::WriteMultipleCoils(start, coils) => {
                let words: Vec<u16> = coils.iter().map(|c| u16::from(*c)).collect();
                write(Table::Coil, start, &words)?;
                Ok(Response::WriteMultipleCoils(start, words.len() as u16))
            }
            Request::WriteSingleRegister(start, word) => {
                write(Table::Holding, start, &[word])?;
                Ok(Response::WriteSingleRegister(start, word))
            }
            Request::WriteMultipleRegisters(start, words) => {
                write(Table::Holding, start, &words)?;
                Ok(Response::WriteMultipleRegisters(start, words.len() as u16))
            }
            Request::MaskWriteRegister(start, and, or) => {
                let old = read(Table::Holding, start, 1)?[0];
                write(Table::Holding, start, &[(old & and) | (or & !and)])?;
                Ok(Response::MaskWriteRegister(start, and, or))
            }
            Request::ReadWriteMultipleRegisters(start, count, write_start, words) => {
                write(Table::Holding, write_start, &words)?;
                Ok(Response::ReadWriteMultipleRegisters(read(Table::Holding, start, count)?))
            }
            _ => Err(1),
        }
    }
}

impl<R: Registers> Service for Answers<R> {
    type Request = SlaveRequest<'static>;
    type Response = Response;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Response, ExceptionCode>>;

    fn call(&self, request: Self::Request) -> Self::Future {
        std::future::ready(self.answer(request.slave, request.request).map_err(ExceptionCode::new))
    }
}

/// Serves until told to stop; then every connection ends.
///
/// # Errors
/// When the listener fails. What a single client does wrong ends only its own connection.
pub async fn serve<R: Registers>(listener: TcpListener, registers: Arc<R>, stop: CancellationToken) -> io::Result<()> {
    let connected = |stream: TcpStream, _| {
        let service = Answers(registers.clone());
        async move {
            let _ = stream.set_nodelay(true);
            Ok(Some((service, stream)))
        }
    };
    match Server::new(listener).serve_until(&connected, |_| (), stop.cancelled_owned()).await? {
        Terminated::Finished | Terminated::Aborted => Ok(()),
    }
}
