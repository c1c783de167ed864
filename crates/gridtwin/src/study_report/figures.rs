//! Pictures of one feeder's results: where loadings and voltages are beyond their limits, the voltage along the feeder, and its load over
//! the hours. A picture is made of tables of the lake; where a run kept none of them, there is no picture.

use super::axis::Axis;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, RecordBatch};
use network::picture::drawing::{Anchor, CALM, CRITICAL, Colour, Drawing, GRID, HIGH, HIGH_EDGE, HIGH_V, INK, LOW_V, PALE_INK};
use std::collections::HashMap;
use store::{CommittedFile, StoreError};

/// Width of a picture, points: that of a page's text.
const WIDTH: f64 = 515.0;
/// Loading from which a line is told apart, and from which it is overloaded, %.
const NEAR_PCT: f64 = 80.0;
const OVER_PCT: f64 = 100.0;
/// Ranges of ANSI C84.1 at the service, pu: B low, A low, A high, B high.
const ANSI_PU: [f64; 4] = [0.9167, 0.95, 1.05, 1.0583];

/// Lowest and highest voltage of a bus over the run.
#[derive(Clone, Debug)]
struct BusFigures {
    at: Option<[f64; 2]>,
    distance_km: Option<f64>,
    /// Of all its nodes.
    v_min_pu: f64,
    v_max_pu: f64,
}

#[derive(Clone, Debug)]
struct BranchFigures {
    buses: [String; 2],
    loading_max_pct: Option<f64>,
}

/// What the pictures of a feeder are made of.
#[derive(Clone, Debug, Default)]
pub struct FeederFigures {
    buses: HashMap<String, BusFigures>,
    branches: Vec<BranchFigures>,
    /// Hour and power of the sources, kW, of the steps that settled.
    steps: Vec<(f64, f64)>,
}

fn numbers<'a>(batch: &'a RecordBatch, name: &str) -> impl Fn(usize) -> Option<f64> + use<'a> {
    let column = batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<Float64Type>()).cloned();
    move |row| column.as_ref().filter(|c| c.is_valid(row)).map(|c| c.value(row)).filter(|x| x.is_finite())
}

fn texts<'a>(batch: &'a RecordBatch, name: &str) -> impl Fn(usize) -> Option<String> + use<'a> {
    let column = batch.column_by_name(name).cloned();
    move |row| {
        let column = column.as_ref()?;
        let value = column.as_string_opt::<i32>().filter(|c| c.is_valid(row)).map(|c| c.value(row).to_owned());
        value.or_else(|| {
            let dictionary = column.as_any_dictionary_opt()?;
            let key = dictionary.normalized_keys().get(row).copied().filter(|_| column.is_valid(row))?;
            dictionary.values().as_string_opt::<i32>().map(|v| v.value(key).to_owned())
        })
    }
}

impl FeederFigures {
    /// Reads the tables of one feeder.
    ///
    /// # Errors
    /// A file that is torn.
    pub fn read(files: &[CommittedFile], feeder: &str) -> Result<Self, StoreError> {
        let mut figures = Self::default();
        for file in files.iter().filter(|f| f.feeder == feeder) {
            match file.record.table.as_str() {
                "node_statistics" => file.read(&mut |batch| {
                    figures.nodes(batch);
                    Ok(())
                })?,
                "element_statistics" => file.read(&mut |batch| {
                    figures.elements(batch);
                    Ok(())
                })?,
                "steps" => file.read(&mut |batch| {
                    let (hour, power) = (numbers(batch, "hour"), numbers(batch, "source_kw"));
                    figures.steps.extend((0..batch.num_rows()).filter_map(|i| Some((hour(i)?, power(i)?))));
                    Ok(())
                })?,
                _ => {}
            }
        }
        Ok(figures)
    }

    fn nodes(&mut self, batch: &RecordBatch) {
        let [x, y, km, low, high] = ["x", "y", "distance_km", "v_min_pu", "v_max_pu"].map(|n| numbers(batch, n));
        let bus = texts(batch, "bus");
        for i in 0..batch.num_rows() {
            let Some(bus) = bus(i) else { continue };
            let seen = self.buses.entry(bus).or_insert_with(|| BusFigures {
                at: x(i).zip(y(i)).map(|(x, y)| [x, y]),
                distance_km: km(i),
                v_min_pu: f64::INFINITY,
                v_max_pu: f64::NEG_INFINITY,
            });
            seen.v_min_pu = seen.v_min_pu.min(low(i).unwrap_or(f64::INFINITY));
            seen.v_max_pu = seen.v_max_pu.max(high(i).unwrap_or(f64::NEG_INFINITY));
        }
    }

    fn elements(&mut self, batch: &RecordBatch) {
        let (first, second, loading) = (texts(batch, "bus_1"), texts(batch, "bus_2"), numbers(batch, "loading_max_pct"));
        for i in 0..batch.num_rows() {
            if let (Some(a), Some(b)) = (first(i), second(i)) {
                self.branches.push(BranchFigures { buses: [a, b], loading_max_pct: loading(i) });
            }
        }
    }

    /// Every picture that the tables give.
    pub fn drawings(&self, feeder: &str) -> Vec<Drawing> {
        [self.map(feeder), self.profile(feeder), self.hours(feeder), self.duration(feeder)].into_iter().flatten().collect()
    }

    /// The feeder on its coordinates; only what is near or beyond a limit has a colour.
    fn map(&self, feeder: &str) -> Option<Drawing> {
        let places: Vec<[f64; 2]> = self.buses.values().filter_map(|b| b.at).collect();
        let bounds = |axis: usize| {
            let values = places.iter().map(|p| p[axis]);
            (values.clone().fold(f64::INFINITY, f64::min), values.fold(f64::NEG_INFINITY, f64::max))
        };
        let ((left, right), (bottom, top)) = (bounds(0), bounds(1));
        if places.len() < 2 || !(right > left || top > bottom) {
            return None;
        }
        let (legend_height, margin, most_height) = (44.0, 8.0, 420.0);
        let scale = ((WIDTH - 2.0 * margin) / (right - left).max(1e-12)).min((most_height - 2.0 * margin) / (top - bottom).max(1e-12));
        let height = (top - bottom) * scale + 2.0 * margin + legend_height;
        let shift = (WIDTH - (right - left) * scale) / 2.0;
        let place = |[x, y]: [f64; 2]| [shift + (x - left) * scale, margin + (top - y) * scale];
        let caption = "Largest loading of each line and transformer and the extreme voltages of each bus over the run; coordinates as the model gives them.";
        let mut drawing = Drawing::new(WIDTH, height, format!("{feeder}: where limits are met"), caption);
        let mut classes: [Vec<Vec<[f64; 2]>>; 3] = Default::default();
        for branch in &self.branches {
            let ends = branch.buses.each_ref().map(|b| self.buses.get(b).and_then(|b| b.at).map(place));
            let [Some(a), Some(b)] = ends else { continue };
            let class = match branch.loading_max_pct {
                Some(pct) if pct > OVER_PCT => 2,
                Some(pct) if pct > NEAR_PCT => 1,
                _ => 0,
            };
            classes[class].push(vec![a, b]);
        }
        let counts = classes.each_ref().map(Vec::len);
        let [calm, near, over] = classes;
        drawing.lines(calm, CALM, 0.7);
        drawing.lines(near.clone(), HIGH_EDGE, 3.0);
        drawing.lines(near, HIGH, 1.8);
        drawing.lines(over, CRITICAL, 3.0);
        let mut low = 0;
        let mut high = 0;
        let mut marked: Vec<(&String, &BusFigures)> = self.buses.iter().collect();
        marked.sort_by(|a, b| a.0.cmp(b.0));
        for (_, bus) in marked {
            let Some(at) = bus.at.map(place) else { continue };
            if bus.v_min_pu < ANSI_PU[1] {
                low += 1;
                drawing.dot(at, 2.2, LOW_V, bus.v_min_pu >= ANSI_PU[0]);
            }
            if bus.v_max_pu.is_finite() && bus.v_max_pu > ANSI_PU[2] {
                high += 1;
                drawing.dot(at, 2.2, HIGH_V, bus.v_max_pu <= ANSI_PU[3]);
            }
        }
        let base = height - legend_height + 14.0;
        let mut x = margin;
        for (colour, edge, words) in [
            (CALM, None, format!("up to {NEAR_PCT} % of rating, or without one ({})", counts[0])),
            (HIGH, Some(HIGH_EDGE), format!("{NEAR_PCT} to {OVER_PCT} % ({})", counts[1])),
            (CRITICAL, None, format!("above {OVER_PCT} % ({})", counts[2])),
        ] {
            if let Some(edge) = edge {
                drawing.line(vec![[x, base - 3.0], [x + 18.0, base - 3.0]], edge, 3.0);
            }
            drawing.line(vec![[x, base - 3.0], [x + 18.0, base - 3.0]], colour, if colour == CALM { 0.7 } else { 1.8 });
            drawing.text([x + 23.0, base], 8.0, Anchor::Start, INK, words.clone());
            x += 40.0 + 4.3 * words.chars().count() as f64;
        }
        let base = base + 15.0;
        let mut x = margin;
        for (colour, words) in [
            (LOW_V, format!("below {} pu (filled: below {} pu) ({low} buses)", ANSI_PU[1], ANSI_PU[0])),
            (HIGH_V, format!("above {} pu (filled: above {} pu) ({high} buses)", ANSI_PU[2], ANSI_PU[3])),
        ] {
            drawing.dot([x + 5.0, base - 3.0], 2.2, colour, true);
            drawing.dot([x + 13.0, base - 3.0], 2.2, colour, false);
            drawing.text([x + 23.0, base], 8.0, Anchor::Start, INK, words.clone());
            x += 40.0 + 4.3 * words.chars().count() as f64;
        }
        Some(drawing)
    }

    /// Lowest and highest voltages over the distance from the source.
    fn profile(&self, feeder: &str) -> Option<Drawing> {
        let mut points: Vec<(f64, f64, f64)> = self
            .buses
            .values()
            .filter(|b| b.v_min_pu.is_finite() && b.v_max_pu.is_finite())
            .filter_map(|b| Some((b.distance_km?, b.v_min_pu, b.v_max_pu)))
            .collect();
        if points.len() < 2 {
            return None;
        }
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2)));
        let caption = "Lowest (blue) and highest (brown) voltage of each bus over the run, by its distance from the source along closed lines. \
                       Dashed: range A of ANSI C84.1.";
        let mut drawing = Drawing::new(WIDTH, 230.0, format!("{feeder}: voltage along the feeder"), caption);
        let most_km = points.last().map_or(1.0, |p| p.0);
        let least = points.iter().map(|p| p.1).fold(ANSI_PU[1], f64::min);
        let most = points.iter().map(|p| p.2).fold(ANSI_PU[2], f64::max);
        let frame = Frame::new(&mut drawing, (0.0, most_km, "distance, km"), (least, most, "voltage, pu"));
        for limit in [ANSI_PU[1], ANSI_PU[2]] {
            let y = frame.y.place(limit);
            drawing.dashed(vec![[frame.x.at[0], y], [frame.x.at[1], y]], PALE_INK, 0.8);
        }
        for (km, low, high) in &points {
            drawing.dot([frame.x.place(*km), frame.y.place(*high)], 1.2, HIGH_V, false);
            drawing.dot([frame.x.place(*km), frame.y.place(*low)], 1.2, LOW_V, false);
        }
        Some(drawing)
    }

    /// Power of the sources by hour of the day and day.
    fn hours(&self, feeder: &str) -> Option<Drawing> {
        if self.steps.len() < 24 * 7 {
            return None;
        }
        // The mean of the steps that end in an hour of a day.
        let mut cells: HashMap<(u32, u32), (f64, u32)> = HashMap::new();
        for (hour, kw) in &self.steps {
            let index = (hour - 1e-9).max(0.0).floor();
            let cell = cells.entry(((index / 24.0) as u32, (index % 24.0) as u32)).or_default();
            cell.0 += kw;
            cell.1 += 1;
        }
        let mean = |c: &(f64, u32)| c.0 / f64::from(c.1);
        let least = cells.values().map(mean).fold(f64::INFINITY, f64::min);
        let most = cells.values().map(mean).fold(f64::NEG_INFINITY, f64::max);
        let first = cells.keys().map(|k| k.0).min()?;
        let days = cells.keys().map(|k| k.0).max()? - first + 1;
        let (left, top, right, cell_height) = (44.0, 6.0, 60.0, 5.5);
        let cell_width = (WIDTH - left - right) / f64::from(days);
        let height = top + 24.0 * cell_height + 30.0;
        let caption = "Mean power of the sources, kW, by day of the run and hour of the day. White: no settled step.";
        let mut drawing = Drawing::new(WIDTH, height, format!("{feeder}: power of the source through the days"), caption);
        // One path a colour keeps a year's 8760 cells a small picture.
        let mut shades: Vec<Vec<(u32, u32)>> = vec![Vec::new(); SHADES];
        for (key, cell) in &cells {
            let share = if most > least { (mean(cell) - least) / (most - least) } else { 0.0 };
            shades[((share * SHADES as f64) as usize).min(SHADES - 1)].push(*key);
        }
        for (shade, keys) in shades.iter_mut().enumerate() {
            keys.sort_unstable();
            let corners = keys.iter().map(|(day, hour)| {
                let x = left + f64::from(day - first) * cell_width;
                let y = top + f64::from(23 - hour) * cell_height;
                // A hair wider than the cell, so that no white shows between neighbours.
                vec![[x, y], [x + cell_width + 0.1, y], [x + cell_width + 0.1, y + cell_height + 0.1], [x, y + cell_height + 0.1]]
            });
            let pieces: Vec<Vec<[f64; 2]>> = corners.collect();
            if !pieces.is_empty() {
                drawing.shapes.push(network::picture::drawing::Shape::Path {
                    pieces,
                    colour: shade_of(shade),
                    width: 0.0,
                    filled: true,
                    dashed: false,
                });
            }
        }
        for hour in [0, 6, 12, 18] {
            let y = top + (24.0 - f64::from(hour)) * cell_height;
            drawing.text([left - 4.0, y], 7.5, Anchor::End, PALE_INK, format!("{hour:02} h"));
        }
        let step = [1, 2, 5, 10, 20, 30, 60, 90].into_iter().find(|s| days / s <= 13).unwrap_or(90);
        for day in (0..days).step_by(step as usize) {
            let x = left + f64::from(day) * cell_width;
            drawing.text([x, top + 24.0 * cell_height + 10.0], 7.5, Anchor::Start, PALE_INK, format!("{}", first + day + 1));
        }
        drawing.text([left + (WIDTH - left - right) / 2.0, height - 6.0], 8.0, Anchor::Middle, INK, "day of the run");
        let bar = WIDTH - right + 12.0;
        let bar_height = 24.0 * cell_height;
        for shade in 0..SHADES {
            let part = bar_height / SHADES as f64;
            drawing.rectangle([bar, top + bar_height - (shade + 1) as f64 * part], 8.0, part + 0.1, shade_of(shade));
        }
        drawing.text([bar + 11.0, top + 6.0], 7.5, Anchor::Start, INK, crate::number::fixed(most, 0));
        drawing.text([bar + 11.0, top + bar_height], 7.5, Anchor::Start, INK, crate::number::fixed(least, 0));
        drawing.text([bar + 11.0, top + bar_height / 2.0], 7.5, Anchor::Start, PALE_INK, "kW");
        Some(drawing)
    }

    /// Power of the sources, ordered: for how many hours it was at least so much.
    fn duration(&self, feeder: &str) -> Option<Drawing> {
        if self.steps.len() < 24 {
            return None;
        }
        let mut powers: Vec<f64> = self.steps.iter().map(|s| s.1).collect();
        powers.sort_by(|a, b| b.total_cmp(a));
        let n = powers.len();
        let caption = "Share of the settled steps in which the sources gave at least so much power.";
        let mut drawing = Drawing::new(WIDTH, 190.0, format!("{feeder}: duration of the power"), caption);
        let frame = Frame::new(&mut drawing, (0.0, 100.0, "share of the time, %"), (powers[n - 1].min(0.0), powers[0], "power, kW"));
        // More points than the paper has dots tell nothing.
        let stride = n.div_ceil(1000);
        let mut points: Vec<[f64; 2]> =
            (0..n).step_by(stride).map(|i| [frame.x.place(100.0 * i as f64 / (n - 1) as f64), frame.y.place(powers[i])]).collect();
        points.push([frame.x.place(100.0), frame.y.place(powers[n - 1])]);
        drawing.line(points, LOW_V, 1.4);
        Some(drawing)
    }
}

/// Steps of the one-hue scale.
const SHADES: usize = 16;

/// From pale to dark blue, even in lightness.
fn shade_of(shade: usize) -> Colour {
    let t = shade as f64 / (SHADES - 1) as f64;
    let mix = |from: f64, to: f64| (from + (to - from) * t).round() as u8;
    [mix(232.0, 8.0), mix(238.0, 48.0), mix(244.0, 107.0)]
}

/// The two axes of a chart, drawn with their grid.
struct Frame {
    x: Axis,
    y: Axis,
}

impl Frame {
    fn new(drawing: &mut Drawing, (x_least, x_most, x_name): (f64, f64, &str), (y_least, y_most, y_name): (f64, f64, &str)) -> Self {
        let (left, right, top, bottom) = (52.0, drawing.width - 8.0, 8.0, drawing.height - 32.0);
        let x = Axis::around(x_least, x_most, 8, [left, right]);
        let y = Axis::around(y_least, y_most, 6, [bottom, top]);
        for tick in y.ticks() {
            let at = y.place(tick);
            drawing.line(vec![[left, at], [right, at]], GRID, 0.5);
            drawing.text([left - 5.0, at + 2.7], 7.5, Anchor::End, PALE_INK, y.label(tick));
        }
        for tick in x.ticks() {
            let at = x.place(tick);
            drawing.line(vec![[at, bottom], [at, bottom + 3.0]], PALE_INK, 0.5);
            drawing.text([at, bottom + 12.0], 7.5, Anchor::Middle, PALE_INK, x.label(tick));
        }
        drawing.line(vec![[left, bottom], [right, bottom]], PALE_INK, 0.7);
        drawing.text([f64::midpoint(left, right), bottom + 25.0], 8.0, Anchor::Middle, INK, x_name);
        drawing.turned_text([12.0, f64::midpoint(top, bottom)], 8.0, Anchor::Middle, INK, y_name);
        Self { x, y }
    }
}
