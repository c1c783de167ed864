//! Shapes over time and curves over a quantity.
//!
//! The number of points comes first in OpenDSS: it is the room that arrays and files are read into.
//! Arrays are cut at it and filled up with zeros to it, files may lower it, and without it there are
//! no points at all.

use std::sync::Arc;

use network::{GrowthShape, Interpolation, LoadShape, PriceShape, Spectrum, TccCurve, TemperatureShape, XyCurve};

use super::typed::Given;
use super::{Context, END, Result};
use crate::opendss::class::general::{growth_shape, load_shape, price_shape, spectrum, t_shape, tcc_curve, xy_curve};
use crate::opendss::object::{Assignment, DataFile, ObjectId, Value};

/// `values` cut or filled with zeros to `n`.
fn sized(values: &[f64], n: usize) -> Vec<f64> {
    let mut values = values[..values.len().min(n)].to_vec();
    values.resize(n, 0.0);
    values
}

/// Changes the length of an array that is there.
fn resize(values: &mut Option<Vec<f64>>, n: usize) {
    if let Some(values) = values {
        values.resize(n, 0.0);
    }
}

/// `width` numbers a row from a file, at most `n` rows. A text row that is too short is filled with
/// zeros; a binary file is one stream of numbers.
fn rows(file: &DataFile, width: usize, n: usize) -> Vec<Vec<f64>> {
    let take = |row: &[f64]| sized(row, width);
    if file.columns > 1 {
        file.numbers.chunks(file.columns).take(n).map(take).collect()
    } else {
        file.numbers.chunks_exact(width).take(n).map(take).collect()
    }
}

/// Rows of a text file, each as many columns as the file has.
fn text_rows(file: &DataFile, width: usize, n: usize) -> Vec<Vec<f64>> {
    file.numbers.chunks(file.columns.max(1)).take(n).map(|row| sized(row, width)).collect()
}

fn column(rows: &[Vec<f64>], i: usize) -> Vec<f64> {
    rows.iter().map(|row| row[i]).collect()
}

fn file<'a>(ctx: &Context<'_>, object: &crate::opendss::object::Object, a: &'a Assignment) -> Result<&'a DataFile> {
    match &a.value {
        Value::File(file) => Ok(file),
        _ => Err(ctx.mismatch(object, a)),
    }
}

fn count(given: &Given<'_, '_>) -> Result<usize> {
    Ok(given.integer()?.max(0) as usize)
}

/// Mean and standard deviation of evenly spaced values: of a sample, hence divided by n - 1; those
/// of one value are both the value.
pub(crate) fn even_statistics(values: &[f64]) -> (f64, f64) {
    match values {
        [] => (0.0, 0.0),
        [one] => (*one, *one),
        _ => {
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
            (mean, (squares / (n - 1.0)).sqrt())
        }
    }
}

/// Mean and standard deviation of values at given hours, by trapezoids over the time between the first and the last.
pub(crate) fn timed_statistics(hours: &[f64], values: &[f64]) -> (f64, f64) {
    let n = hours.len().min(values.len());
    if n <= 1 {
        return even_statistics(&values[..n]);
    }
    let integral = |of: &dyn Fn(f64) -> f64| -> f64 {
        (1..n).map(|i| 0.5 * (of(values[i - 1]) + of(values[i])) * (hours[i] - hours[i - 1])).sum::<f64>() / (hours[n - 1] - hours[0])
    };
    let mean = integral(&|v| v);
    (mean, integral(&|v| (v - mean) * (v - mean)).sqrt())
}

/// A load shape as its log builds it.
#[derive(Debug, Clone)]
pub(super) struct LoadShapeState {
    n: usize,
    interval_h: f64,
    hours: Option<Vec<f64>>,
    p: Option<Vec<f64>>,
    q: Option<Vec<f64>>,
    /// The values are held in single precision, as a file of singles leaves them.
    single: bool,
    pub use_actual: bool,
    p_base: f64,
    q_base: f64,
    pub p_max: f64,
    pub q_max: f64,
    q_max_set: bool,
    mean: Option<f64>,
    stddev: Option<f64>,
    interpolation: Interpolation,
}

impl Default for LoadShapeState {
    fn default() -> Self {
        Self {
            n: 0,
            interval_h: 1.0,
            hours: None,
            p: None,
            q: None,
            single: false,
            use_actual: false,
            p_base: 0.0,
            q_base: 0.0,
            p_max: 1.0,
            q_max: 0.0,
            q_max_set: false,
            mean: None,
            stddev: None,
            interpolation: Interpolation::Average,
        }
    }
}

impl LoadShapeState {
    /// Takes rows of a file: hours first where the interval is 0, then P, then Q if the file has it.
    fn take_file(&mut self, file: &DataFile, with_q: bool, text: bool) {
        let timed = self.interval_h == 0.0;
        let width = usize::from(timed) + 1 + usize::from(with_q);
        let rows = if text { text_rows(file, width, self.n) } else { rows(file, width, self.n) };
        self.n = rows.len();
        let first = usize::from(timed);
        if timed {
            self.hours = Some(column(&rows, 0));
        }
        self.p = Some(column(&rows, first));
        if with_q {
            self.q = Some(column(&rows, first + 1));
        }
        self.new_values();
    }

    /// Statistics are worked out afresh after new values.
    fn new_values(&mut self) {
        self.mean = None;
        self.stddev = None;
        resize(&mut self.hours, self.n);
        resize(&mut self.p, self.n);
        resize(&mut self.q, self.n);
    }

    fn normalise(&mut self) {
        let scale = |values: &mut [f64], base: f64, single: bool| {
            let mut divisor = base;
            if divisor <= 0.0 {
                divisor = values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            }
            if divisor == 0.0 {
                divisor = 1.0;
            }
            for v in values {
                *v /= divisor;
                if single {
                    *v = f64::from(*v as f32);
                }
            }
        };
        if let Some(p) = &mut self.p {
            scale(p, self.p_base, self.single);
        }
        if let Some(q) = &mut self.q {
            scale(q, self.q_base, self.single);
        }
        self.mean = None;
        self.stddev = None;
        self.use_actual = false;
    }

    /// What the end of a command settles: P of greatest magnitude, and Q at that point.
    fn end_command(&mut self) {
        let Some(p) = self.p.as_deref().filter(|p| !p.is_empty()) else { return };
        let mut at = 0;
        for (i, v) in p.iter().enumerate() {
            if v.abs() > p[at].abs() {
                at = i;
            }
        }
        self.p_max = p[at];
        if !self.q_max_set {
            self.q_max = self.q.as_ref().map_or(0.0, |q| q[at]);
        }
    }

    fn statistics(&self) -> (f64, f64) {
        let p = self.p.as_deref().unwrap_or(&[]);
        let worked_out = || match &self.hours {
            Some(hours) if self.interval_h <= 0.0 => timed_statistics(hours, p),
            _ => even_statistics(p),
        };
        match (self.mean, self.stddev) {
            (None, None) => worked_out(),
            // One given statistic stops the other from being worked out.
            (mean, stddev) => (mean.unwrap_or(0.0), stddev.unwrap_or(0.0)),
        }
    }
}

/// A load shape as it stood before `command`.
pub(super) fn load_shape_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<LoadShapeState> {
    use load_shape::Property as P;
    let object = ctx.store.get(id);
    let mut s = LoadShapeState::default();
    let log = ctx.log_before(object, command);
    for (i, a) in log.iter().enumerate() {
        if i > 0 && log[i - 1].command != a.command {
            s.end_command();
        }
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::NPts => {
                s.n = count(&given)?;
                resize(&mut s.hours, s.n);
                resize(&mut s.p, s.n);
                resize(&mut s.q, s.n);
            }
            P::Interval => s.interval_h = given.real()?,
            P::SInterval => s.interval_h = given.real()? / 3600.0,
            P::MInterval => s.interval_h = given.real()? / 60.0,
            P::Mult | P::PMult => {
                s.single = false;
                s.p = Some(sized(given.reals()?, s.n));
                s.new_values();
            }
            P::QMult => {
                s.single = false;
                s.q = Some(sized(given.reals()?, s.n));
                s.new_values();
            }
            P::Hour => {
                s.single = false;
                s.hours = Some(sized(given.reals()?, s.n));
                s.interval_h = 0.0;
            }
            P::Mean => {
                s.mean = Some(given.real()?);
            }
            P::StdDev => {
                s.stddev = Some(given.real()?);
            }
            P::CSVFile => s.take_file(file(ctx, object, a)?, false, true),
            P::PQCSVFile => s.take_file(file(ctx, object, a)?, true, true),
            P::DblFile => s.take_file(file(ctx, object, a)?, false, false),
            P::SngFile => {
                s.single = s.q.is_none();
                s.take_file(file(ctx, object, a)?, false, false);
            }
            P::Action => {
                // The other actions write files.
                if given.integer()? == 0 {
                    s.normalise();
                }
            }
            P::UseActual => s.use_actual = given.boolean()?,
            P::PMax => s.p_max = given.real()?,
            P::QMax => {
                s.q_max = given.real()?;
                s.q_max_set = true;
            }
            P::PBase => s.p_base = given.real()?,
            P::QBase => s.q_base = given.real()?,
            P::MemoryMapping => {}
            P::Interpolation => s.interpolation = if given.integer()? == 1 { Interpolation::Edge } else { Interpolation::Average },
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    s = load_shape_before(ctx, other, a.command)?;
                    s.q_max_set = false;
                }
            }
        }
    }
    s.end_command();
    Ok(s)
}

pub fn lower_load_shape(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let s = load_shape_before(ctx, id, END)?;
    let object = ctx.store.get(id);
    let (mean, stddev) = s.statistics();
    if s.p.as_ref().is_some_and(|p| p.len() > 1) && s.interval_h <= 0.0 && s.hours.is_none() {
        return Err(ctx.error(
            object,
            object.source,
            "READ.OPENDSS.SHAPE_WITHOUT_TIMES",
            "the interval is 0, which asks for the hour of every point, and none are given",
        ));
    }
    ctx.network.load_shapes.push(LoadShape {
        name: object.name.to_string(),
        interval_h: s.interval_h,
        hours: s.hours.map(Arc::from),
        p: s.p.unwrap_or_default().into(),
        q: s.q.map(Arc::from),
        use_actual: s.use_actual,
        p_base: s.p_base,
        q_base: s.q_base,
        p_max: s.p_max,
        q_max: s.q_max,
        mean,
        stddev,
        interpolation: s.interpolation,
    });
    Ok(())
}

/// A temperature or price shape as its log builds it.
#[derive(Debug, Clone, Default)]
struct Series {
    n: usize,
    interval_h: f64,
    hours: Option<Vec<f64>>,
    values: Option<Vec<f64>>,
    mean: Option<f64>,
    stddev: Option<f64>,
}

impl Series {
    fn new() -> Self {
        Self { interval_h: 1.0, ..Self::default() }
    }

    fn set_count(&mut self, n: usize) {
        self.n = n;
        resize(&mut self.hours, n);
        resize(&mut self.values, n);
    }

    fn set_values(&mut self, values: &[f64]) {
        self.values = Some(sized(values, self.n));
        self.mean = None;
        self.stddev = None;
    }

    fn take_file(&mut self, file: &DataFile, text: bool) {
        let timed = self.interval_h == 0.0;
        let width = 1 + usize::from(timed);
        let rows = if text { text_rows(file, width, self.n) } else { rows(file, width, self.n) };
        self.n = rows.len();
        if timed {
            self.hours = Some(column(&rows, 0));
        }
        self.set_values(&column(&rows, width - 1));
    }

    /// An error when hours are wanted and missing.
    fn finish(self, ctx: &Context<'_>, id: ObjectId) -> Result<Finished> {
        let object = ctx.store.get(id);
        let values = self.values.unwrap_or_default();
        if values.len() > 1 && self.interval_h <= 0.0 && self.hours.is_none() {
            return Err(ctx.error(
                object,
                object.source,
                "READ.OPENDSS.SHAPE_WITHOUT_TIMES",
                "the interval is 0, which asks for the hour of every point, and none are given",
            ));
        }
        let (mean, stddev) = match (self.mean, self.stddev, &self.hours) {
            (None, None, Some(hours)) if self.interval_h <= 0.0 => timed_statistics(hours, &values),
            (None, None, _) => even_statistics(&values),
            (mean, stddev, _) => (mean.unwrap_or(0.0), stddev.unwrap_or(0.0)),
        };
        Ok(Finished { hours: self.hours.map(Arc::from), values: values.into(), mean, stddev })
    }
}

/// A series as the network holds it.
struct Finished {
    hours: Option<Arc<[f64]>>,
    values: Arc<[f64]>,
    mean: f64,
    stddev: f64,
}

fn temperature_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Series> {
    use t_shape::Property as P;
    let object = ctx.store.get(id);
    let mut s = Series::new();
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::NPts => s.set_count(count(&given)?),
            P::Interval => s.interval_h = given.real()?,
            P::SInterval => s.interval_h = given.real()? / 3600.0,
            P::MInterval => s.interval_h = given.real()? / 60.0,
            P::Temp => s.set_values(given.reals()?),
            P::Hour => s.hours = Some(sized(given.reals()?, s.n)),
            P::Mean => s.mean = Some(given.real()?),
            P::StdDev => s.stddev = Some(given.real()?),
            P::CSVFile => s.take_file(file(ctx, object, a)?, true),
            P::SngFile | P::DblFile => s.take_file(file(ctx, object, a)?, false),
            P::Action => {}
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    s = temperature_before(ctx, other, a.command)?;
                }
            }
        }
    }
    Ok(s)
}

pub fn lower_temperature_shape(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let s = temperature_before(ctx, id, END)?;
    let interval_h = s.interval_h;
    let Finished { hours, values: temperature_c, mean, stddev } = s.finish(ctx, id)?;
    let name = ctx.store.get(id).name.to_string();
    ctx.network.temperature_shapes.push(TemperatureShape { name, interval_h, hours, temperature_c, mean, stddev });
    Ok(())
}

fn price_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Series> {
    use price_shape::Property as P;
    let object = ctx.store.get(id);
    let mut s = Series::new();
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::NPts => s.set_count(count(&given)?),
            P::Interval => s.interval_h = given.real()?,
            P::SInterval => s.interval_h = given.real()? / 3600.0,
            P::MInterval => s.interval_h = given.real()? / 60.0,
            P::Price => s.set_values(given.reals()?),
            P::Hour => {
                s.hours = Some(sized(given.reals()?, s.n));
                s.interval_h = 0.0;
            }
            P::Mean => s.mean = Some(given.real()?),
            P::StdDev => s.stddev = Some(given.real()?),
            P::CSVFile => s.take_file(file(ctx, object, a)?, true),
            P::SngFile | P::DblFile => s.take_file(file(ctx, object, a)?, false),
            P::Action => {}
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    s = price_before(ctx, other, a.command)?;
                }
            }
        }
    }
    Ok(s)
}

pub fn lower_price_shape(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let s = price_before(ctx, id, END)?;
    let interval_h = s.interval_h;
    let Finished { hours, values: price, mean, stddev } = s.finish(ctx, id)?;
    let name = ctx.store.get(id).name.to_string();
    ctx.network.price_shapes.push(PriceShape { name, interval_h, hours, price, mean, stddev });
    Ok(())
}

/// Two arrays of one length, as curves have them.
#[derive(Debug, Clone, Default)]
struct Pairs {
    n: usize,
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Pairs {
    fn set_count(&mut self, n: usize) {
        self.n = n;
        self.x.resize(n, 0.0);
        self.y.resize(n, 0.0);
    }

    fn set_x(&mut self, x: &[f64]) {
        self.x = sized(x, self.n);
    }

    fn set_y(&mut self, y: &[f64]) {
        self.y = sized(y, self.n);
    }

    fn take(&mut self, rows: &[Vec<f64>]) {
        self.n = rows.len();
        self.x = column(rows, 0);
        self.y = column(rows, 1);
    }
}

#[derive(Debug, Clone)]
struct CurveState {
    points: Pairs,
    shift: (f64, f64),
    scale: (f64, f64),
}

fn curve_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<CurveState> {
    use xy_curve::Property as P;
    let object = ctx.store.get(id);
    let mut s = CurveState { points: Pairs::default(), shift: (0.0, 0.0), scale: (1.0, 1.0) };
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::NPts => s.points.set_count(count(&given)?),
            // Pairs bring their own number.
            P::Points => {
                let rows: Vec<Vec<f64>> = given.reals()?.chunks_exact(2).map(<[f64]>::to_vec).collect();
                s.points.take(&rows);
            }
            P::XArray => s.points.set_x(given.reals()?),
            P::YArray => s.points.set_y(given.reals()?),
            P::CSVFile => {
                let n = s.points.n;
                s.points.take(&text_rows(file(ctx, object, a)?, 2, n));
            }
            P::SngFile | P::DblFile => {
                let n = s.points.n;
                s.points.take(&rows(file(ctx, object, a)?, 2, n));
            }
            // These ask the curve a question.
            P::X | P::Y => {}
            P::XShift => s.shift.0 = given.real()?,
            P::YShift => s.shift.1 = given.real()?,
            P::XScale => s.scale.0 = given.real()?,
            P::YScale => s.scale.1 = given.real()?,
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    s = curve_before(ctx, other, a.command)?;
                }
            }
        }
    }
    Ok(s)
}

pub fn lower_xy_curve(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let s = curve_before(ctx, id, END)?;
    let object = ctx.store.get(id);
    if s.points.x.windows(2).any(|w| w[1] < w[0]) {
        ctx.warn(
            object,
            object.source,
            "READ.OPENDSS.CURVE_NOT_ASCENDING",
            "the values of x go down along the curve, so what it gives there depends on what was asked before",
        );
    }
    ctx.network.xy_curves.push(XyCurve {
        name: object.name.to_string(),
        x: s.points.x.into(),
        y: s.points.y.into(),
        x_shift: s.shift.0,
        y_shift: s.shift.1,
        x_scale: s.scale.0,
        y_scale: s.scale.1,
    });
    Ok(())
}

fn growth_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Pairs> {
    use growth_shape::Property as P;
    let object = ctx.store.get(id);
    let mut s = Pairs::default();
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::NPts => s.set_count(count(&given)?),
            P::Year => s.set_x(given.reals()?),
            P::Mult => s.set_y(given.reals()?),
            P::CSVFile => {
                let n = s.n;
                s.take(&text_rows(file(ctx, object, a)?, 2, n));
            }
            P::SngFile | P::DblFile => {
                let n = s.n;
                s.take(&rows(file(ctx, object, a)?, 2, n));
            }
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    s = growth_before(ctx, other, a.command)?;
                }
            }
        }
    }
    Ok(s)
}

pub fn lower_growth_shape(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let s = growth_before(ctx, id, END)?;
    ctx.network.growth_shapes.push(GrowthShape {
        name: ctx.store.get(id).name.to_string(),
        // A float is cut to the range of the integer, so no year can overflow.
        years: s.x.iter().map(|y| y.round_ties_even() as i32).collect(),
        multipliers: s.y,
    });
    Ok(())
}

fn tcc_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<Pairs> {
    use tcc_curve::Property as P;
    let object = ctx.store.get(id);
    let mut s = Pairs::default();
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::NPts => s.set_count(count(&given)?),
            P::CArray => s.set_x(given.reals()?),
            P::TArray => s.set_y(given.reals()?),
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    s = tcc_before(ctx, other, a.command)?;
                }
            }
        }
    }
    Ok(s)
}

pub fn lower_tcc_curve(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let s = tcc_before(ctx, id, END)?;
    ctx.network.tcc_curves.push(TccCurve { name: ctx.store.get(id).name.to_string(), current: s.x, time_s: s.y });
    Ok(())
}

#[derive(Debug, Clone, Default)]
struct SpectrumState {
    n: usize,
    harmonic: Vec<f64>,
    magnitude_pct: Vec<f64>,
    angle_deg: Vec<f64>,
}

fn spectrum_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<SpectrumState> {
    use spectrum::Property as P;
    let object = ctx.store.get(id);
    let mut s = SpectrumState::default();
    for a in ctx.log_before(object, command) {
        let given = Given { ctx, object, assignment: a };
        match P::of(a.property) {
            P::NumHarm => {
                s.n = count(&given)?;
                s.angle_deg.resize(s.n, 0.0);
                s.harmonic.truncate(s.n);
                s.magnitude_pct.truncate(s.n);
            }
            P::Harmonic => s.harmonic = sized(given.reals()?, s.n),
            P::PctMag => s.magnitude_pct = sized(given.reals()?, s.n),
            P::Angle => s.angle_deg = sized(given.reals()?, s.n),
            P::CSVFile => {
                let rows = text_rows(file(ctx, object, a)?, 3, s.n);
                s.n = rows.len();
                (s.harmonic, s.magnitude_pct, s.angle_deg) = (column(&rows, 0), column(&rows, 1), column(&rows, 2));
            }
            P::Like => {
                if let Some(other) = ctx.like(object, a)? {
                    s = spectrum_before(ctx, other, a.command)?;
                }
            }
        }
    }
    Ok(s)
}

pub fn lower_spectrum(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let s = spectrum_before(ctx, id, END)?;
    ctx.network.spectra.push(Spectrum {
        name: ctx.store.get(id).name.to_string(),
        harmonic: s.harmonic,
        magnitude_pct: s.magnitude_pct,
        angle_deg: s.angle_deg,
    });
    Ok(())
}
