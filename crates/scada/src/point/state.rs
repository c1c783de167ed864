//! What came in for a point, and what is told of it.
//!
//! The order is: scaling, the checks that can make a good value questionable, substitution, deadband. A reading that the deadband keeps back
//! still is the newest one: [`PointState::current`] shows it, and its arrival keeps the point from growing old.
//!
//! The connection is not a value: when it is lost, [`PointState::lose`] changes the quality and nothing else.

use super::{DeadbandState, Flags, PointSpec, Quality, Validity, Value};
use crate::time::UtcTime;
use serde::{Deserialize, Serialize};

/// Why a device told a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Polled, cyclic or background.
    Periodic,
    /// The device told it because it changed.
    Spontaneous,
    /// Asked for: an interrogation, or the first reading of a connection.
    Interrogated,
    /// What a command led to.
    Commanded,
    /// Nothing came: the quality changed here, by age, by the loss or return of the connection, or by an operator.
    Supervision,
}

/// A value as a device gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Position of the point in its device.
    pub point: usize,
    /// `None` when the device gave a quality without a value (a Modbus exception).
    pub value: Option<Value>,
    pub quality: Quality,
    /// By the clock of the source.
    pub source_time: Option<UtcTime>,
    pub cause: Cause,
}

impl Reading {
    pub fn new(point: usize, value: Value, quality: Quality, cause: Cause) -> Self {
        Self { point, value: Some(value), quality, source_time: None, cause }
    }

    /// A quality without a value: the last value stays.
    pub fn failed(point: usize, quality: Quality) -> Self {
        Self { point, value: None, quality, source_time: None, cause: Cause::Periodic }
    }

    #[must_use]
    pub fn at(mut self, source_time: Option<UtcTime>) -> Self {
        self.source_time = source_time;
        self
    }
}

/// What is told to the rest of the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// Position of the point in its device.
    pub point: usize,
    /// In the unit of the point; `None` when none has ever come.
    pub value: Option<Value>,
    pub quality: Quality,
    /// What the process says, while somebody has put another value in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<(Option<Value>, Quality)>,
    /// When it was so: the time of the source, or the time of receipt where the source told none or its clock is wrong.
    pub time: UtcTime,
    /// As the source told it, right or wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_time: Option<UtcTime>,
    pub receive_time: UtcTime,
    pub cause: Cause,
}

/// The newest value of the process.
#[derive(Clone, Debug, PartialEq)]
struct Process {
    value: Option<Value>,
    /// As the device and the checks left it.
    quality: Quality,
    source_time: Option<UtcTime>,
    receive_time: UtcTime,
}

/// The live side of a point.
#[derive(Clone, Debug)]
pub struct PointState {
    /// Position in its device.
    point: usize,
    process: Process,
    substituted: Option<Value>,
    comm_lost: bool,
    is_old: bool,
    deadband: DeadbandState,
    /// What was last told: its value, quality and time.
    told: Option<(Option<Value>, Quality, UtcTime)>,
    /// Since when the measurement has been the same to the last bit.
    same_since: UtcTime,
    /// When a reading last came.
    heard: UtcTime,
}

impl PointState {
    /// A point of which nothing has come: invalid.
    pub fn new(point: usize, now: UtcTime) -> Self {
        Self {
            point,
            process: Process { value: None, quality: Quality::invalid(Flags::NONE), source_time: None, receive_time: now },
            substituted: None,
            comm_lost: true,
            is_old: false,
            deadband: DeadbandState::default(),
            told: None,
            same_since: now,
            heard: now,
        }
    }

    /// Takes a reading; the update is there when it is worth telling.
    pub fn accept(&mut self, spec: &PointSpec, reading: &Reading, now: UtcTime) -> Option<Update> {
        let mut quality = reading.quality;
        if let Some(raw) = &reading.value {
            let value = spec.scaling.to_unit(raw);
            self.check(spec, &value, reading, now, &mut quality);
            if self.process.value.as_ref() != Some(&value) {
                self.same_since = now;
            }
            self.process = Process { value: Some(value), quality, source_time: reading.source_time, receive_time: now };
            self.heard = now;
            self.is_old = false;
            self.comm_lost = false;
        } else {
            // The device answered, so that the connection stands, but the value is the one from before.
            self.process.quality = quality;
            self.comm_lost = false;
        }
        self.tell_if_worth(spec, reading.cause, now)
    }

    /// Limits, rate, flat line and clock: a value that fails is questionable.
    fn check(&self, spec: &PointSpec, value: &Value, reading: &Reading, now: UtcTime, quality: &mut Quality) {
        let (checks, source_time) = (&spec.checks, reading.source_time);
        if let Some(x) = value.as_f64() {
            let below = checks.low.is_some_and(|low| x < low);
            let above = checks.high.is_some_and(|high| x > high);
            if below || above {
                *quality = quality.worsened(Validity::Questionable, Flags::OUT_OF_RANGE);
            }
            if x.is_nan() || x.is_infinite() {
                *quality = quality.worsened(Validity::Invalid, Flags::OVERFLOW);
            }
            if let Some(before) = self.process.value.as_ref().and_then(Value::as_f64) {
                let earlier = self.process.source_time.zip(source_time);
                let dt_s = earlier.map_or_else(|| now.seconds_since(self.process.receive_time), |(a, b)| b.seconds_since(a));
                // Two values of one instant have no rate.
                if let Some(limit) = checks.rate_per_s
                    && dt_s > 0.0
                    && (x - before).abs() > limit * dt_s
                {
                    *quality = quality.worsened(Validity::Questionable, Flags::JUMP);
                }
                if let Some(limit_s) = checks.flat_s
                    && value.is_measurement()
                    && self.process.value.as_ref() == Some(value)
                    && now.seconds_since(self.same_since) > limit_s
                {
                    *quality = quality.worsened(Validity::Questionable, Flags::FLAT);
                }
            }
        }
        if let Some(source) = source_time {
            let is_ahead = checks.clock_s.is_some_and(|limit_s| source.seconds_since(now) > limit_s);
            let goes_back = self.process.source_time.is_some_and(|last| source < last);
            // Events come late where they were kept for us; asked for, a value may have stood for long. A measurement told because it changed
            // just now did not change an hour ago.
            let is_news = reading.cause == Cause::Spontaneous && value.is_measurement();
            let is_behind = is_news && checks.late_s.is_some_and(|limit_s| now.seconds_since(source) > limit_s);
            if is_ahead || goes_back || is_behind {
                *quality = quality.worsened(Validity::Questionable, Flags::BAD_CLOCK);
            }
        }
    }

    /// The connection is lost: the value stays, its quality says so at once.
    pub fn lose(&mut self, spec: &PointSpec, now: UtcTime) -> Option<Update> {
        self.comm_lost = true;
        self.tell_if_worth(spec, Cause::Supervision, now)
    }

    /// Looks at the age of the value. To be called about once a second.
    pub fn tick(&mut self, spec: &PointSpec, now: UtcTime) -> Option<Update> {
        let is_old = spec.stale_s().is_some_and(|limit_s| now.seconds_since(self.heard) > limit_s);
        if is_old == self.is_old && !self.is_integrity_due(spec, now) {
            return None;
        }
        self.is_old = is_old;
        self.tell_if_worth(spec, Cause::Supervision, now)
    }

    /// Puts a value in the place of that of the process, or with `None` takes it away. The value is in the unit of the point.
    pub fn substitute(&mut self, spec: &PointSpec, value: Option<Value>, now: UtcTime) -> Option<Update> {
        self.substituted = value;
        self.tell_if_worth(spec, Cause::Supervision, now)
    }

    /// What holds now, told or not.
    pub fn current(&self, cause: Cause) -> Update {
        let quality = self.process_quality();
        let clock_is_good = !quality.flags.has(Flags::BAD_CLOCK);
        let receive_time = self.process.receive_time;
        let (value, told_quality, process) = match &self.substituted {
            Some(value) => {
                (Some(value.clone()), Quality::new(Validity::Good, Flags::SUBSTITUTED), Some((self.process.value.clone(), quality)))
            }
            None => (self.process.value.clone(), quality, None),
        };
        Update {
            point: self.point,
            value,
            quality: told_quality,
            process,
            time: self.process.source_time.filter(|_| clock_is_good).unwrap_or(receive_time),
            source_time: self.process.source_time,
            receive_time,
            cause,
        }
    }

    fn process_quality(&self) -> Quality {
        let mut quality = self.process.quality;
        if self.comm_lost {
            quality = quality.worsened(Validity::Questionable, Flags::COMM_LOST | Flags::OLD);
        }
        if self.is_old {
            quality = quality.worsened(Validity::Questionable, Flags::OLD);
        }
        if self.process.value.is_none() {
            quality = quality.worsened(Validity::Invalid, Flags::NONE);
        }
        quality
    }

    fn is_integrity_due(&self, spec: &PointSpec, now: UtcTime) -> bool {
        let told = self.told.as_ref().map(|(.., at)| *at);
        spec.integrity_s.zip(told).is_some_and(|(period_s, at)| now.seconds_since(at) >= period_s)
    }

    fn tell_if_worth(&mut self, spec: &PointSpec, cause: Cause, now: UtcTime) -> Option<Update> {
        let mut update = self.current(cause);
        let is_new = match &self.told {
            None => true,
            Some((value, quality, _)) => {
                *quality != update.quality
                    || self.is_integrity_due(spec, now)
                    || match (&update.value, value) {
                        (Some(new), Some(_)) if new.is_measurement() => {
                            new.as_f64().is_some_and(|x| self.deadband.passes(spec.deadband, x, now))
                        }
                        (new, old) => new != old,
                    }
                    // Two events of one position are two events when the source gave each its own time.
                    || (cause == Cause::Spontaneous && update.value.as_ref().is_some_and(|v| !v.is_measurement()))
            }
        };
        if !is_new {
            return None;
        }
        if let Some(x) = update.value.as_ref().and_then(Value::as_f64) {
            self.deadband.tell(x, now);
        }
        self.told = Some((update.value.clone(), update.quality, now));
        if cause == Cause::Supervision {
            // The value is as old as it was; that its quality changed, is new.
            update.time = now;
        }
        Some(update)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::point::{Checks, Deadband, Scaling, ValueKind};

    fn at(s: f64) -> UtcTime {
        UtcTime::from_us((s * 1e6) as i64)
    }

    fn float(x: f64) -> Reading {
        Reading::new(0, Value::Float(x), Quality::GOOD, Cause::Periodic)
    }

    fn voltage() -> PointSpec {
        let mut spec = PointSpec::new("v", ValueKind::Float);
        spec.scaling = Scaling { scale: 0.1, offset: 0.0 };
        spec.deadband = Deadband::Absolute(1.0);
        spec.poll_s = Some(1.0);
        spec
    }

    #[test]
    fn a_loss_keeps_the_value_and_says_so_once() {
        let spec = voltage();
        let mut state = PointState::new(0, at(0.0));
        let first = state.accept(&spec, &float(2200.0), at(1.0)).unwrap();
        assert_eq!((first.value, first.quality), (Some(Value::Float(220.0)), Quality::GOOD));
        let lost = state.lose(&spec, at(2.0)).unwrap();
        assert_eq!(lost.value, Some(Value::Float(220.0)));
        assert_eq!(lost.quality, Quality::questionable(Flags::COMM_LOST | Flags::OLD));
        assert_eq!(lost.receive_time, at(1.0));
        assert_eq!(state.lose(&spec, at(3.0)), None);
        let back = state.accept(&spec, &float(2200.0), at(4.0)).unwrap();
        assert_eq!(back.quality, Quality::GOOD, "the return is told even without a change of value");
    }

    #[test]
    fn nothing_is_frozen_in_silence() {
        let spec = voltage();
        let mut state = PointState::new(0, at(0.0));
        state.accept(&spec, &float(2200.0), at(1.0)).unwrap();
        assert_eq!(state.tick(&spec, at(4.0)), None);
        assert_eq!(state.tick(&spec, at(4.1)).unwrap().quality, Quality::questionable(Flags::OLD));
        // Three polls are shorter than a limit of ten seconds.
        let mut patient = voltage();
        patient.checks.stale_s = Some(10.0);
        let mut state = PointState::new(0, at(0.0));
        state.accept(&patient, &float(2200.0), at(1.0)).unwrap();
        assert_eq!(state.tick(&patient, at(11.0)), None);
        assert!(state.tick(&patient, at(11.1)).is_some());
    }

    #[test]
    fn a_refused_reading_grows_old_too() {
        let spec = voltage();
        let mut state = PointState::new(0, at(0.0));
        state.accept(&spec, &float(2200.0), at(1.0)).unwrap();
        let refused = state.accept(&spec, &Reading::failed(0, Quality::from_modbus_exception(6)), at(2.0)).unwrap();
        assert_eq!(refused.value, Some(Value::Float(220.0)));
        assert_eq!(refused.quality, Quality::questionable(Flags::OLD));
        assert_eq!(refused.receive_time, at(1.0));
    }

    #[test]
    fn the_deadband_keeps_small_changes_back_and_shows_them_when_asked() {
        let spec = voltage();
        let mut state = PointState::new(0, at(0.0));
        state.accept(&spec, &float(2200.0), at(1.0)).unwrap();
        assert_eq!(state.accept(&spec, &float(2205.0), at(2.0)), None);
        assert_eq!(state.current(Cause::Periodic).value, Some(Value::Float(220.5)));
        assert!(state.accept(&spec, &float(2210.0), at(3.0)).is_some());
    }

    #[test]
    fn substitution_keeps_the_process_in_sight() {
        let spec = voltage();
        let mut state = PointState::new(0, at(0.0));
        state.accept(&spec, &float(2200.0), at(1.0)).unwrap();
        let put = state.substitute(&spec, Some(Value::Float(225.0)), at(2.0)).unwrap();
        assert_eq!(put.value, Some(Value::Float(225.0)));
        assert_eq!(put.quality, Quality::new(Validity::Good, Flags::SUBSTITUTED));
        state.accept(&spec, &float(1900.0), at(3.0));
        let seen = state.current(Cause::Periodic);
        assert_eq!(seen.process, Some((Some(Value::Float(190.0)), Quality::GOOD)));
        let taken = state.substitute(&spec, None, at(4.0)).unwrap();
        assert_eq!((taken.value, taken.quality, taken.process), (Some(Value::Float(190.0)), Quality::GOOD, None));
    }

    #[test]
    fn what_cannot_be_is_questionable_and_not_bad() {
        let mut spec = voltage();
        spec.checks = Checks { high: Some(300.0), rate_per_s: Some(5.0), flat_s: Some(10.0), ..Checks::default() };
        let mut state = PointState::new(0, at(0.0));
        assert_eq!(state.accept(&spec, &float(2200.0), at(1.0)).unwrap().quality, Quality::GOOD);
        assert_eq!(state.accept(&spec, &float(2300.0), at(2.0)).unwrap().quality, Quality::questionable(Flags::JUMP));
        let high = state.accept(&spec, &float(3100.0), at(100.0)).unwrap();
        assert_eq!(high.quality, Quality::questionable(Flags::OUT_OF_RANGE));
        state.accept(&spec, &float(2200.0), at(200.0));
        assert_eq!(state.accept(&spec, &float(2200.0), at(210.0)), None);
        assert_eq!(state.accept(&spec, &float(2200.0), at(210.5)).unwrap().quality, Quality::questionable(Flags::FLAT));
        assert_eq!(state.accept(&spec, &float(2210.0), at(215.0)).unwrap().quality, Quality::GOOD);
    }

    #[test]
    fn a_clock_that_cannot_be_right_is_not_used() {
        let mut spec = PointSpec::new("cb", ValueKind::Bool);
        spec.checks.clock_s = Some(5.0);
        let event = |on, s| Reading::new(0, Value::Bool(on), Quality::GOOD, Cause::Spontaneous).at(Some(at(s)));
        let mut state = PointState::new(0, at(0.0));
        assert_eq!(state.accept(&spec, &event(true, 99.0), at(100.0)).unwrap().time, at(99.0));
        let ahead = state.accept(&spec, &event(false, 200.0), at(101.0)).unwrap();
        assert_eq!((ahead.quality, ahead.time), (Quality::questionable(Flags::BAD_CLOCK), at(101.0)));
        assert_eq!(ahead.source_time, Some(at(200.0)));
        let back = state.accept(&spec, &event(true, 50.0), at(102.0)).unwrap();
        assert_eq!(back.quality, Quality::questionable(Flags::BAD_CLOCK), "going back in time");
        assert_eq!(back.value, Some(Value::Bool(true)), "but taken, lest the point stand still");
    }

    #[test]
    fn a_measurement_that_is_news_is_not_an_hour_old() {
        let mut spec = PointSpec::new("v", ValueKind::Float);
        spec.checks.late_s = Some(60.0);
        let read = |x, s, cause| Reading::new(0, Value::Float(x), Quality::GOOD, cause).at(Some(at(s)));
        let mut state = PointState::new(0, at(0.0));
        assert_eq!(state.accept(&spec, &read(1.0, 400.0, Cause::Interrogated), at(4000.0)).unwrap().quality, Quality::GOOD);
        let stale = state.accept(&spec, &read(2.0, 401.0, Cause::Spontaneous), at(4001.0)).unwrap();
        assert_eq!((stale.quality, stale.time), (Quality::questionable(Flags::BAD_CLOCK), at(4001.0)));
        assert_eq!(state.accept(&spec, &read(3.0, 3999.0, Cause::Spontaneous), at(4002.0)).unwrap().quality, Quality::GOOD);
        // A breaker that opened while nobody was connected is told afterwards, and rightly.
        let mut event = PointSpec::new("cb", ValueKind::Bool);
        event.checks.late_s = Some(60.0);
        let opened = Reading::new(0, Value::Bool(false), Quality::GOOD, Cause::Spontaneous).at(Some(at(400.0)));
        assert_eq!(PointState::new(0, at(0.0)).accept(&event, &opened, at(4000.0)).unwrap().quality, Quality::GOOD);
    }
}
