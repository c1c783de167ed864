//! Values of assignments as the types that lowering works with.
//!
//! The reader gives every value the type of its property, so a mismatch here is an error of the
//! program; it is reported like one of the model, without a panic.

use std::sync::Arc;

use network::{Connection, LoadShapeId, Shapes, XyCurveId};

use super::{Context, Result};
use crate::opendss::object::{Assignment, BusRef, Object, Value};

/// One assignment with what is needed to read it.
#[derive(Clone, Copy)]
pub(super) struct Given<'c, 'a> {
    pub ctx: &'c Context<'a>,
    pub object: &'c Object,
    pub assignment: &'c Assignment,
}

impl Given<'_, '_> {
    fn or_mismatch<T>(&self, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| self.ctx.mismatch(self.object, self.assignment))
    }

    pub fn real(&self) -> Result<f64> {
        self.or_mismatch(self.assignment.value.as_real())
    }

    pub fn integer(&self) -> Result<i32> {
        self.or_mismatch(self.assignment.value.as_integer())
    }

    pub fn boolean(&self) -> Result<bool> {
        self.or_mismatch(self.assignment.value.as_boolean())
    }

    /// Numbers, written out or from a file of one column.
    pub fn reals(&self) -> Result<&[f64]> {
        match &self.assignment.value {
            Value::File(file) => Ok(&file.numbers),
            value => self.or_mismatch(value.as_reals()),
        }
    }

    pub fn texts(&self) -> Result<&[Arc<str>]> {
        match &self.assignment.value {
            Value::Texts(texts) | Value::Objects(texts) => Ok(texts),
            _ => Err(self.ctx.mismatch(self.object, self.assignment)),
        }
    }

    pub fn bus(&self) -> Result<BusRef> {
        self.or_mismatch(self.assignment.value.as_bus()).cloned()
    }

    /// A number of phases: at least one.
    pub fn phases(&self) -> Result<usize> {
        Ok(self.integer()?.max(1) as usize)
    }

    /// A number counted from 1, as a position.
    pub fn position(&self) -> Result<usize> {
        Ok(self.integer()?.max(1) as usize - 1)
    }

    pub fn connection(&self) -> Result<Connection> {
        Ok(if self.integer()? == 1 { Connection::Delta } else { Connection::Wye })
    }

    pub fn reference<T: From<usize>>(&self) -> Result<Option<T>> {
        self.ctx.reference(self.object, self.assignment)
    }

    pub fn shape(&self) -> Result<Option<LoadShapeId>> {
        self.reference()
    }

    pub fn curve(&self) -> Result<Option<XyCurveId>> {
        self.reference()
    }
}

/// Conductors of a terminal of a class that knows the connections wye and delta: one more than the
/// phases, but as many in a delta of three phases or more.
pub(super) fn n_conductors(connection: Connection, n_phases: usize) -> usize {
    match connection {
        Connection::Delta if n_phases > 2 => n_phases,
        _ => n_phases + 1,
    }
}

/// No shapes.
pub(super) const NO_SHAPES: Shapes = Shapes { yearly: None, daily: None, duty: None };

/// Base voltage of generators, PV systems and storage before anything is set, V: a rounded 12.47 kV over √3.
pub const DEFAULT_SOURCE_BASE_V: f64 = 7200.0;

/// Base voltage of generators, PV systems and storage, V: line to neutral for two and three phases, as given otherwise.
pub fn source_base_v(kv: f64, n_phases: usize) -> f64 {
    if matches!(n_phases, 2 | 3) { kv * (1000.0 / 3f64.sqrt()) } else { kv * 1000.0 }
}
