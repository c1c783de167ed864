//! The one way by which a command reaches a device.
//!
//! ```text
//! order ─► the point is there, takes commands, the value fits ─► interlock ─► device ─► confirmed ─► (read back) ─► record
//! ```
//!
//! Whatever becomes of it, a [`Record`] comes back that says who asked for what, what the point showed before and after, and how it ended:
//! the log is written from it, also of commands that were refused.

use crate::device::{Command, CommandError, Confirmation};
use crate::point::{Control, PointSpec, Quality, Value, ValueKind};
use crate::supervision::{DeviceHandle, Supervisor};
use crate::time::UtcTime;
use network::document::nearest;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Time that a command may take beyond the limit of its point: a selection, an execution and a reading back each have that limit.
const ALLOWANCE: Duration = Duration::from_secs(2);
/// How long a point that was commanded may take to show it, until the record is closed with what it shows: a confirmation comes before the
/// report of the new value, and says nothing of it.
const SHOWS_WITHIN: Duration = Duration::from_millis(500);
/// Between two looks at the point meanwhile.
const LOOK: Duration = Duration::from_millis(10);

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Originator {
    pub user: String,
    /// In the user's words.
    pub reason: String,
}

/// A command as somebody gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub point: String,
    /// In the unit of the point.
    pub value: Value,
    pub by: Originator,
}

/// What is asked before a command goes out.
pub trait Interlock: Send + Sync {
    /// # Errors
    /// Why it must not be carried out, for people.
    fn check(&self, point: &PointSpec, value: &Value) -> impl Future<Output = Result<(), String>> + Send;
}

/// Lets everything through, for devices that have their own interlocks.
#[derive(Clone, Copy, Debug)]
pub struct NoInterlock;

impl Interlock for NoInterlock {
    async fn check(&self, _: &PointSpec, _: &Value) -> Result<(), String> {
        Ok(())
    }
}

/// What the log keeps of a command.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    pub asked: UtcTime,
    pub ended: UtcTime,
    pub by: Originator,
    pub point: String,
    pub device: Option<Arc<str>>,
    pub wanted: Value,
    pub before: Option<(Option<Value>, Quality)>,
    /// What the point showed in the end: the new value, or after half a second still the old one, as of what takes its time.
    pub after: Option<(Option<Value>, Quality)>,
    /// The device's last word.
    pub said: Option<String>,
    /// Why it failed, for people.
    pub failure: Option<String>,
    #[serde(skip)]
    pub outcome: Result<(), CommandError>,
}

/// All points that there are, by name, with the way to their devices.
pub struct Telecontrol<I> {
    points: HashMap<String, (DeviceHandle, usize)>,
    interlock: I,
}

impl<I: Interlock> Telecontrol<I> {
    pub fn new(supervisor: &Supervisor, interlock: I) -> Self {
        let mut points = HashMap::new();
        for handle in supervisor.handles().values() {
            for (i, point) in handle.outbox.points().iter().enumerate() {
                points.insert(point.name.to_lowercase(), (handle.clone(), i));
            }
        }
        Self { points, interlock }
    }

    /// Carries out a command, and returns when it is known what became of it.
    pub async fn execute(&self, order: Order) -> Record {
        let asked = UtcTime::now();
        let found = self.points.get(&order.point.to_lowercase());
        let shown = || found.and_then(|(h, i)| h.outbox.current(*i)).map(|u| (u.value, u.quality));
        let before = shown();
        let outcome = match found {
            Some((handle, i)) => self.send(handle, *i, &order).await,
            None => Err(self.unknown(&order.point)),
        };
        let ended = UtcTime::now();
        if let (Ok(_), Some((handle, i))) = (&outcome, found) {
            let spec = handle.outbox.points().get(*i);
            let has_come = || {
                let now = shown();
                now != before || spec.zip(now.and_then(|(value, _)| value)).is_some_and(|(spec, seen)| shows(spec, &seen, &order.value))
            };
            let until = tokio::time::Instant::now() + SHOWS_WITHIN;
            while !has_come() && tokio::time::Instant::now() < until {
                tokio::time::sleep(LOOK).await;
            }
        }
        Record {
            asked,
            ended,
            point: order.point,
            device: found.map(|(h, _)| h.outbox.device().clone()),
            wanted: order.value,
            before,
            after: shown(),
            said: outcome.as_ref().ok().map(|c| c.said.clone()),
            failure: outcome.as_ref().err().map(ToString::to_string),
            outcome: outcome.map(|_| ()),
            by: order.by,
        }
    }

    fn unknown(&self, name: &str) -> CommandError {
        let names: Vec<&str> = self.points.keys().map(String::as_str).collect();
        CommandError::UnknownPoint { name: name.to_owned(), nearest: nearest(name, &names).map(str::to_owned) }
    }

    async fn send(&self, handle: &DeviceHandle, point: usize, order: &Order) -> Result<Confirmation, CommandError> {
        let outbox = &handle.outbox;
        let spec = outbox.points().get(point).ok_or_else(|| self.unknown(&order.point))?;
        let control = spec.control.ok_or_else(|| CommandError::NotControllable { name: spec.name.to_string() })?;
        check_value(spec, control, &order.value)?;
        let not_connected = || CommandError::NotConnected { device: outbox.device().to_string() };
        if !outbox.is_connected() {
            return Err(not_connected());
        }
        self.interlock.check(spec, &order.value).await.map_err(|reason| CommandError::Interlocked { reason })?;
        let (reply, answer) = oneshot::channel();
        let command = Command { point, raw: spec.scaling.to_raw(&order.value), control, reply };
        handle.commands.try_send(command).map_err(|fault| match fault {
            tokio::sync::mpsc::error::TrySendError::Full(_) => CommandError::Busy { device: outbox.device().to_string() },
            tokio::sync::mpsc::error::TrySendError::Closed(_) => not_connected(),
        })?;
        let limit = Duration::from_secs_f64(3.0 * control.timeout_s) + ALLOWANCE;
        let unconfirmed = CommandError::Unconfirmed { limit_s: limit.as_secs_f64() };
        let confirmation = match tokio::time::timeout(limit, answer).await {
            Ok(Ok(answer)) => answer?,
            // The device's task ended, or it never came to it: it may have been sent.
            Ok(Err(_)) | Err(_) => return Err(unconfirmed),
        };
        if let Some(raw) = &confirmation.read_back {
            let seen = spec.scaling.to_unit(raw);
            if !shows(spec, &seen, &order.value) {
                return Err(CommandError::NotSeen { wanted: order.value.clone(), shown: seen });
            }
        }
        Ok(confirmation)
    }
}

fn check_value(spec: &PointSpec, control: Control, value: &Value) -> Result<(), CommandError> {
    let wrong = || CommandError::WrongKind { name: spec.name.to_string(), value: value.clone() };
    let is_position = matches!(spec.kind, ValueKind::Bool | ValueKind::DoublePoint | ValueKind::Step);
    if is_position {
        return if value.as_bool().is_some() { Ok(()) } else { Err(wrong()) };
    }
    if spec.kind == ValueKind::Bits && matches!(value, Value::Bits(_)) {
        return Ok(());
    }
    let is_number = matches!(value, Value::Integer(_) | Value::Float(_));
    let number = value.as_f64().filter(|x| x.is_finite() && is_number).ok_or_else(wrong)?;
    let (low, high) = (control.low.unwrap_or(f64::NEG_INFINITY), control.high.unwrap_or(f64::INFINITY));
    if (low..=high).contains(&number) {
        Ok(())
    } else {
        Err(CommandError::OutOfRange { name: spec.name.to_string(), value: number, low, high })
    }
}

/// Whether what was read back is what was wanted: exactly for positions, within half a count of the device, or the precision of a single,
/// for numbers.
fn shows(spec: &PointSpec, seen: &Value, wanted: &Value) -> bool {
    match (seen.as_bool(), wanted.as_bool()) {
        (Some(a), Some(b)) => return a == b,
        (None, Some(_)) => return false,
        _ => {}
    }
    match (seen.as_f64(), wanted.as_f64()) {
        (Some(a), Some(b)) => {
            let count = if spec.kind == ValueKind::Integer { 0.5 * spec.scaling.scale.abs() } else { 0.0 };
            (a - b).abs() <= count.max(b.abs() * f64::from(f32::EPSILON)) * (1.0 + 1e-9)
        }
        _ => seen == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(kind: ValueKind) -> PointSpec {
        PointSpec::new("p", kind)
    }

    fn control() -> Control {
        Control { selection: crate::point::Selection::Direct, low: Some(0.0), high: Some(100.0), timeout_s: 1.0, read_back: true }
    }

    #[test]
    fn only_what_a_point_takes_goes_out() {
        let float = spec(ValueKind::Float);
        assert_eq!(check_value(&float, control(), &Value::Float(100.0)), Ok(()));
        assert!(matches!(check_value(&float, control(), &Value::Float(100.1)), Err(CommandError::OutOfRange { .. })));
        for value in [Value::Float(f64::NAN), Value::Bool(true), Value::Text("5".into())] {
            assert!(matches!(check_value(&float, control(), &value), Err(CommandError::WrongKind { .. })), "{value}");
        }
        let breaker = spec(ValueKind::DoublePoint);
        assert_eq!(check_value(&breaker, control(), &Value::Bool(true)), Ok(()));
        assert!(check_value(&breaker, control(), &Value::Float(1.0)).is_err());
        assert!(check_value(&breaker, control(), &Value::DoublePoint(crate::point::DoublePoint::Bad)).is_err());
    }

    #[test]
    fn what_was_read_back_is_compared_as_the_device_counts() {
        let mut tenth = spec(ValueKind::Integer);
        tenth.scaling.scale = 0.1;
        assert!(shows(&tenth, &Value::Float(25.0), &Value::Float(25.04)));
        assert!(!shows(&tenth, &Value::Float(25.0), &Value::Float(25.06)));
        let float = spec(ValueKind::Float);
        assert!(shows(&float, &Value::Float(f64::from(0.1f32)), &Value::Float(0.1)));
        assert!(!shows(&float, &Value::Float(0.2), &Value::Float(0.1)));
        assert!(!shows(&spec(ValueKind::DoublePoint), &Value::DoublePoint(crate::point::DoublePoint::Intermediate), &Value::Bool(true)));
    }
}
