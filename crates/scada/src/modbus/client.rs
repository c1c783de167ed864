//! A Modbus device, polled.
//!
//! One request is under way at a time. A request that times out ends the connection: its answer could come later and be taken for that of
//! another request. Commands go between two requests.

use super::blocks::{Block, plan};
use super::codec::{decode, encode};
use super::map::{ModbusPoint, ModbusSpec, RegisterType, Table};
use crate::device::{Command, CommandError, Confirmation, Device, DeviceError, Link, SessionFuture};
use crate::point::{Cause, PointSpec, Quality, Reading, Value};
use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_modbus::client::{Context, Reader, Writer, tcp};
use tokio_modbus::{ExceptionCode, Slave};

#[derive(Debug)]
pub struct ModbusDevice {
    id: String,
    points: Vec<PointSpec>,
    spec: ModbusSpec,
    timeout_s: f64,
    /// Points by the seconds between two polls.
    classes: Vec<(f64, Vec<usize>)>,
}

impl ModbusDevice {
    /// `points` and `spec.points` belong together by position; `timeout_s` is for a connection and for each answer.
    pub fn new(id: impl Into<String>, points: Vec<PointSpec>, spec: ModbusSpec, timeout_s: f64) -> Self {
        let mut classes: Vec<(f64, Vec<usize>)> = Vec::new();
        for (i, point) in spec.points.iter().enumerate() {
            match classes.iter_mut().find(|(s, _)| *s == point.poll_s) {
                Some((_, which)) => which.push(i),
                None => classes.push((point.poll_s, vec![i])),
            }
        }
        Self { id: id.into(), points, spec, timeout_s, classes }
    }
}

impl Device for ModbusDevice {
    fn id(&self) -> &str {
        &self.id
    }

    fn points(&self) -> &[PointSpec] {
        &self.points
    }

    fn session<'a>(&'a self, address: &'a str, link: Link<'a>) -> SessionFuture<'a> {
        Box::pin(async move {
            match self.run(address, link).await {
                Ok(never) => match never {},
                Err(why) => why,
            }
        })
    }
}

/// What a class reads, and when it is due.
struct Poll {
    due: Instant,
    every: Duration,
    which: Vec<usize>,
    blocks: Vec<Block>,
}

impl ModbusDevice {
    async fn run(&self, address: &str, mut link: Link<'_>) -> Result<std::convert::Infallible, DeviceError> {
        let limit = Duration::from_secs_f64(self.timeout_s);
        let stream = match timeout(limit, TcpStream::connect(address)).await {
            Err(_) => return Err(DeviceError::Timeout { what: "connecting", limit_s: self.timeout_s }),
            Ok(Err(source)) => return Err(DeviceError::Connect { address: address.to_owned(), source }),
            Ok(Ok(stream)) => stream,
        };
        // Small requests that wait for their answers gain nothing from being gathered.
        stream.set_nodelay(true).map_err(|source| DeviceError::Io { source })?;
        let mut context = tcp::attach_slave(stream, Slave(self.spec.unit));
        let now = Instant::now();
        let mut polls: Vec<Poll> = self
            .classes
            .iter()
            .map(|(s, which)| Poll { due: now, every: Duration::from_secs_f64(*s), which: which.clone(), blocks: plan(&self.spec, which) })
            .collect();
        let mut first_round = polls.len();
        loop {
            let Some(next) = (0..polls.len()).min_by_key(|i| polls[*i].due) else {
                // Nothing to read: the connection is all there is to watch.
                link.connected();
                link.recovered();
                let command = link.next_command().await;
                self.command(&mut context, command, &link).await?;
                continue;
            };
            let poll = &mut polls[next];
            tokio::select! {
                biased;
                command = link.next_command() => {
                    self.command(&mut context, command, &link).await?;
                    continue;
                }
                () = sleep_until(poll.due) => {}
            }
            let cause = if first_round > 0 { Cause::Interrogated } else { Cause::Periodic };
            self.poll(&mut context, poll, cause, &mut link).await?;
            // A round that was missed is not made up for, and the beat is kept.
            let now = Instant::now();
            while poll.due <= now {
                poll.due += poll.every;
            }
            if first_round > 0 {
                first_round -= 1;
                if first_round == 0 {
                    link.recovered();
                }
            }
        }
    }

    async fn poll(&self, context: &mut Context, poll: &mut Poll, cause: Cause, link: &mut Link<'_>) -> Result<(), DeviceError> {
        let mut places: HashMap<(Table, u32), u16> = HashMap::new();
        let mut refused: Vec<(Table, u32, u32, u8)> = Vec::new();
        let mut i = 0;
        while i < poll.blocks.len() {
            tokio::select! {
                biased;
                command = link.next_command() => self.command(context, command, link).await?,
                () = std::future::ready(()) => {}
            }
            let block = &poll.blocks[i];
            match self.read(context, block.table, block.start, block.count).await? {
                Ok(words) => {
                    places.extend(words.into_iter().enumerate().map(|(k, w)| ((block.table, u32::from(block.start) + k as u32), w)))
                }
                Err(code) => {
                    let code = u8::from(code);
                    // One place that the device does not have must not take its neighbours along.
                    if (1..=3).contains(&code) && block.spans.len() > 1 {
                        link.remark(format!(
                            "{} {} to {} are refused together (exception {code}); they are read one by one from now on",
                            block.table.name(),
                            block.start,
                            u32::from(block.start) + u32::from(block.count) - 1
                        ));
                        let parts = block.split();
                        poll.blocks.splice(i..=i, parts);
                        continue;
                    }
                    refused.extend(block.spans.iter().map(|(a, b)| (block.table, *a, *b, code)));
                }
            }
            link.connected();
            i += 1;
        }
        let readings: Vec<Reading> = poll
            .which
            .iter()
            .map(|&p| {
                let mut reading = reading(p, &self.spec.points[p], &places, &refused);
                reading.cause = cause;
                reading
            })
            .collect();
        link.read(&readings);
        Ok(())
    }

    /// One request, with its time limit. An exception of the device is no failure of the connection.
    async fn ask<T, F>(&self, request: F) -> Result<Result<T, ExceptionCode>, DeviceError>
    where
        F: Future<Output = tokio_modbus::Result<T>>,
    {
        match timeout(Duration::from_secs_f64(self.timeout_s), request).await {
            Err(_) => Err(DeviceError::Timeout { what: "an answer", limit_s: self.timeout_s }),
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(tokio_modbus::Error::Transport(source))) => match source.kind() {
                std::io::ErrorKind::InvalidData => Err(protocol(source.to_string())),
                std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::UnexpectedEof => Err(DeviceError::Closed),
                _ => Err(DeviceError::Io { source }),
            },
            Ok(Err(tokio_modbus::Error::Protocol(fault))) => Err(protocol(fault.to_string())),
        }
    }

    async fn read(
        &self,
        context: &mut Context,
        table: Table,
        start: u16,
        count: u16,
    ) -> Result<Result<Vec<u16>, ExceptionCode>, DeviceError> {
        let words = |bits: Vec<bool>| bits.into_iter().map(u16::from).collect::<Vec<_>>();
        let answer = match table {
            Table::Coil => self.ask(context.read_coils(start, count)).await?.map(words),
            Table::Discrete => self.ask(context.read_discrete_inputs(start, count)).await?.map(words),
            Table::Holding => self.ask(context.read_holding_registers(start, count)).await?,
            Table::Input => self.ask(context.read_input_registers(start, count)).await?,
        };
        match answer {
            Ok(words) if words.len() != usize::from(count) => Err(protocol(format!("asked for {count} places, it gave {}", words.len()))),
            other => Ok(other),
        }
    }

    async fn command(&self, context: &mut Context, command: Command, link: &Link<'_>) -> Result<(), DeviceError> {
        let Command { point: number, raw, control, reply } = command;
        let Some(point) = self.spec.points.get(number) else {
            let _ = reply.send(Err(CommandError::Refused { reason: "the device has no such point".to_owned() }));
            return Ok(());
        };
        let outcome = self.write(context, point, &raw).await;
        let outcome = match outcome {
            Ok(Ok(said)) if control.read_back => match self.read_back(context, number, point).await {
                Ok(reading) => {
                    let shown = reading.value.clone();
                    link.read(&[reading]);
                    match shown {
                        Some(value) => Ok(Ok(Confirmation { said, read_back: Some(value) })),
                        None => Ok(Err(CommandError::Refused { reason: "it was written, and cannot be read back".to_owned() })),
                    }
                }
                Err(fault) => Err(fault),
            },
            Ok(Ok(said)) => Ok(Ok(Confirmation { said, read_back: None })),
            Ok(Err(refused)) => Ok(Err(refused)),
            Err(fault) => Err(fault),
        };
        match outcome {
            Ok(answer) => {
                // Whoever asked may have stopped waiting.
                let _ = reply.send(answer);
                Ok(())
            }
            Err(fault) => {
                let _ = reply.send(Err(CommandError::Unconfirmed { limit_s: self.timeout_s }));
                Err(fault)
            }
        }
    }

    async fn write(&self, context: &mut Context, point: &ModbusPoint, raw: &Value) -> Result<Result<String, CommandError>, DeviceError> {
        let exponent = match point.scale_register {
            None => None,
            Some(register) => match self.read(context, Table::Holding, register, 1).await? {
                Ok(words) => words.first().map(|w| *w as i16),
                Err(code) => return Ok(Err(refused(code))),
            },
        };
        let Some(words) = encode(point, raw, exponent) else {
            return Ok(Err(CommandError::WrongKind { name: self.id.clone(), value: raw.clone() }));
        };
        let at = point.at.offset;
        let answer = match (point.at.table, point.register_type, point.at.bit) {
            (Table::Coil, RegisterType::Bool, _) => self.ask(context.write_single_coil(at, words[0] != 0)).await?,
            (Table::Holding, RegisterType::Bool, Some(bit)) => {
                let mask = 1u16 << bit;
                self.ask(context.masked_write_register(at, !mask, if words[0] != 0 { mask } else { 0 })).await?
            }
            (Table::Holding, ..) if words.len() == 1 => self.ask(context.write_single_register(at, words[0])).await?,
            (Table::Holding, t, _) if !t.is_of_bits() => self.ask(context.write_multiple_registers(at, &words)).await?,
            _ => return Ok(Err(CommandError::Refused { reason: point.why_not_writable().unwrap_or("it cannot be written").to_owned() })),
        };
        Ok(match answer {
            Ok(()) => Ok(format!("{} {at} was written", point.at.table.name())),
            Err(code) => Err(refused(code)),
        })
    }

    async fn read_back(&self, context: &mut Context, number: usize, point: &ModbusPoint) -> Result<Reading, DeviceError> {
        let only = ModbusSpec { points: vec![*point], ..self.spec.clone() };
        let mut places = HashMap::new();
        let mut refused = Vec::new();
        for block in plan(&only, &[0]) {
            match self.read(context, block.table, block.start, block.count).await? {
                Ok(words) => {
                    places.extend(words.into_iter().enumerate().map(|(k, w)| ((block.table, u32::from(block.start) + k as u32), w)))
                }
                Err(code) => refused.extend(block.spans.iter().map(|(a, b)| (block.table, *a, *b, u8::from(code)))),
            }
        }
        let mut reading = reading(number, point, &places, &refused);
        reading.cause = Cause::Commanded;
        Ok(reading)
    }
}

fn protocol(what: String) -> DeviceError {
    DeviceError::Protocol { protocol: "Modbus TCP", what }
}

fn refused(code: ExceptionCode) -> CommandError {
    CommandError::Refused { reason: format!("exception {}: {code}", u8::from(code)) }
}

/// What the places that came say of a point, or the exception that came in place of them.
fn reading(number: usize, point: &ModbusPoint, places: &HashMap<(Table, u32), u16>, refused: &[(Table, u32, u32, u8)]) -> Reading {
    let exception = |table: Table, from: u32, to: u32| refused.iter().find(|(t, a, b, _)| *t == table && *a < to && from < *b).map(|r| r.3);
    let (from, to) = point.span();
    let scale = point.scale_register.map(u32::from);
    let code = exception(point.at.table, from, to).or_else(|| scale.and_then(|s| exception(Table::Holding, s, s + 1)));
    if let Some(code) = code {
        return Reading::failed(number, Quality::from_modbus_exception(code));
    }
    let words: Vec<u16> = (from..to).filter_map(|p| places.get(&(point.at.table, p)).copied()).collect();
    let exponent = scale.and_then(|s| places.get(&(Table::Holding, s))).map(|w| *w as i16);
    let (value, quality) = decode(point, &words, exponent);
    Reading { point: number, value, quality, source_time: None, cause: Cause::Periodic }
}
