//! Geometries of a file geodatabase.
//!
//! A geometry is its kind and flags (z, m, curves), then for lines and polygons the numbers of points, parts and
//! curves, a box of four numbers, the points of every part but the last, and the coordinates as differences of
//! whole numbers on the grid of the table. Heights and measures follow, and are not read. Curves come last: each
//! replaces the segment that begins at its point. Circular arcs are drawn in steps of at most four degrees and
//! Bézier curves in sixteen steps; other curves are refused, because a chord in their place would be a wrong line.

use crate::gis::filegdb_table::{Cursor, Grid};
use crate::gis::geometry::{fault, footprint, line_from_parts, polygons_from_rings};
use crate::gis::layer::{Coord, Geometry};
use std::f64::consts::{PI, TAU};

const HAS_Z: u64 = 0x8000_0000;
const HAS_M: u64 = 0x4000_0000;
const HAS_CURVES: u64 = 0x2000_0000;
/// Largest angle of a step along an arc.
const ARC_STEP: f64 = PI / 45.0;
const BEZIER_STEPS: usize = 16;

/// A geometry and what was left out of it.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    pub geometry: Option<Geometry>,
    pub z: bool,
    pub m: bool,
    /// Curves that are drawn as short lines.
    pub curves: usize,
}

/// Decodes a geometry.
///
/// # Errors
/// Why it is none, in words for a reject.
pub(crate) fn decode(bytes: &[u8], grid: &Grid) -> Result<Decoded, String> {
    let cut = || "its geometry is cut off".to_owned();
    let mut c = Cursor::new(bytes, 0);
    let kind = c.var_u64().ok_or_else(cut)?;
    let base = kind & 0xff;
    let mut decoded = Decoded {
        z: kind & HAS_Z != 0 || matches!(base, 9 | 10 | 11 | 13 | 15 | 18 | 19 | 20),
        m: kind & HAS_M != 0 || matches!(base, 11 | 13 | 18 | 21 | 23 | 25 | 28),
        ..Decoded::default()
    };
    // Of the older kinds: 9 PointZ, 11 PointZM, 21 PointM; 10 ArcZ, 13 ArcZM, 23 ArcM; 19 PolygonZ, 15 PolygonZM,
    // 25 PolygonM; 20 MultiPointZ, 18 MultiPointZM, 28 MultiPointM. 50 to 53 are those with flags.
    let geometry = match base {
        0 => None,
        1 | 9 | 11 | 21 | 52 => {
            let (x, y) = (c.var_u64().ok_or_else(cut)?, c.var_u64().ok_or_else(cut)?);
            // Ordinates count from one; zero means that there is none.
            if x == 0 || y == 0 { None } else { Some(Geometry::Point(grid.coord(x as i128 - 1, y as i128 - 1))) }
        }
        8 | 18 | 20 | 28 | 53 => {
            let count = c.var_len().ok_or_else(cut)?;
            if count == 0 {
                None
            } else {
                for _ in 0..4 {
                    c.var_u64().ok_or_else(cut)?;
                }
                let mut last = (0, 0);
                Some(Geometry::MultiPoint(points(&mut c, count, grid, &mut last).ok_or_else(cut)?))
            }
        }
        3 | 10 | 13 | 23 | 50 | 5 | 15 | 19 | 25 | 51 => {
            let is_line = matches!(base, 3 | 10 | 13 | 23 | 50);
            let runs = runs(&mut c, grid, kind & HAS_CURVES != 0, &mut decoded)?;
            if is_line { line_from_parts(runs) } else { polygons_from_rings(runs) }
        }
        31 | 32 | 54 => {
            decoded.z = true;
            patch(&mut c, grid)?
        }
        _ => return Err(format!("the kind of geometry {kind:#x} is unknown")),
    };
    if let Some(fault) = geometry.as_ref().and_then(fault) {
        return Err(fault);
    }
    decoded.z &= geometry.is_some();
    decoded.m &= geometry.is_some();
    decoded.geometry = geometry;
    Ok(decoded)
}

impl Grid {
    fn coord(&self, x: i128, y: i128) -> Coord {
        [x as f64 / self.scale + self.x_origin, y as f64 / self.scale + self.y_origin]
    }
}

fn points(c: &mut Cursor<'_>, count: usize, grid: &Grid, last: &mut (i128, i128)) -> Option<Vec<Coord>> {
    // A point takes two bytes at least.
    if count > c.left() / 2 {
        return None;
    }
    let mut points = Vec::with_capacity(count);
    for _ in 0..count {
        last.0 += i128::from(c.var_i64()?);
        last.1 += i128::from(c.var_i64()?);
        points.push(grid.coord(last.0, last.1));
    }
    Some(points)
}

/// The footprint of a surface: points, a number that says nothing here, parts, a box, the points of every part but
/// the last, the kind of every part, coordinates.
fn patch(c: &mut Cursor<'_>, grid: &Grid) -> Result<Option<Geometry>, String> {
    let cut = || "its geometry is cut off".to_owned();
    let count = c.var_len().ok_or_else(cut)?;
    if count == 0 {
        return Ok(None);
    }
    c.var_u64().ok_or_else(cut)?;
    let parts = c.var_len().filter(|n| *n <= count).ok_or_else(cut)?;
    if parts == 0 {
        return Ok(None);
    }
    for _ in 0..4 {
        c.var_u64().ok_or_else(cut)?;
    }
    let mut counts = Vec::with_capacity(parts);
    let mut left = count;
    for _ in 1..parts {
        let n = c.var_len().ok_or_else(cut)?;
        left = left.checked_sub(n).ok_or("its parts have more points than it")?;
        counts.push(n);
    }
    counts.push(left);
    let mut kinds = Vec::with_capacity(parts);
    for _ in 0..parts {
        // The kind is in the lowest bits; the others tell of materials.
        kinds.push(c.var_u64().ok_or_else(cut)? as u32 & 0xf);
    }
    let mut last = (0, 0);
    let mut runs = Vec::with_capacity(parts);
    for (kind, n) in kinds.into_iter().zip(counts) {
        runs.push((kind, points(c, n, grid, &mut last).ok_or_else(cut)?));
    }
    footprint(runs)
}

fn runs(c: &mut Cursor<'_>, grid: &Grid, has_curves: bool, decoded: &mut Decoded) -> Result<Vec<Vec<Coord>>, String> {
    let cut = || "its geometry is cut off".to_owned();
    let count = c.var_len().ok_or_else(cut)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    let parts = c.var_len().ok_or_else(cut)?;
    let curves = if has_curves { c.var_len().ok_or_else(cut)? } else { 0 };
    if parts == 0 {
        return Ok(Vec::new());
    }
    if parts > count || curves > c.left() {
        return Err(format!("it tells {parts} parts and {curves} curves for {count} points"));
    }
    for _ in 0..4 {
        c.var_u64().ok_or_else(cut)?;
    }
    let mut counts = Vec::with_capacity(parts);
    let mut left = count;
    for _ in 1..parts {
        let n = c.var_len().ok_or_else(cut)?;
        left = left.checked_sub(n).ok_or("its parts have more points than it")?;
        counts.push(n);
    }
    counts.push(left);
    let mut last = (0, 0);
    let mut runs = Vec::with_capacity(parts);
    for n in &counts {
        runs.push(points(c, *n, grid, &mut last).ok_or_else(cut)?);
    }
    if curves > 0 {
        for has in [decoded.z, decoded.m] {
            // A lone 66 in place of the measures says that there are none.
            if has && c.left() > 0 && c.bytes.get(c.at) == Some(&66) && c.left() < count {
                c.at += 1;
            } else if has {
                for _ in 0..count {
                    c.var_i64().ok_or_else(cut)?;
                }
            }
        }
        let mut drawn: Vec<(usize, Vec<Coord>)> = Vec::with_capacity(curves);
        for _ in 0..curves {
            let start = c.var_len().ok_or_else(cut)?;
            let (part, at) = place(&counts, start).ok_or_else(|| format!("a curve begins at point {start} of {count}"))?;
            let run = &runs[part];
            let (Some(&from), Some(&to)) = (run.get(at), run.get(at + 1)) else {
                return Err(format!("a curve begins at point {start}, the last of its part"));
            };
            drawn.push((start, curve(c, from, to)?));
        }
        drawn.sort_by_key(|(start, _)| *start);
        decoded.curves = drawn.iter().filter(|(_, between)| !between.is_empty()).count();
        // From the back, so that earlier places stay.
        for (start, between) in drawn.into_iter().rev() {
            if let Some((part, at)) = place(&counts, start) {
                runs[part].splice(at + 1..at + 1, between);
            }
        }
    }
    runs.retain(|r| !r.is_empty());
    Ok(runs)
}

/// Part and place in it of a point counted over all parts.
fn place(counts: &[usize], point: usize) -> Option<(usize, usize)> {
    let mut before = 0;
    for (part, n) in counts.iter().enumerate() {
        if point < before + n {
            return Some((part, point - before));
        }
        before += n;
    }
    None
}

/// Points between the ends of a curved segment.
fn curve(c: &mut Cursor<'_>, from: Coord, to: Coord) -> Result<Vec<Coord>, String> {
    let cut = || "its curves are cut off".to_owned();
    match c.var_u64().ok_or_else(cut)? {
        1 => {
            let middle = [c.f64().ok_or_else(cut)?, c.f64().ok_or_else(cut)?];
            let bits = c.u32().ok_or_else(cut)?;
            arc(from, to, middle, bits)
        }
        4 => {
            let mut control = [[0.0; 2]; 2];
            for p in &mut control {
                *p = [c.f64().ok_or_else(cut)?, c.f64().ok_or_else(cut)?];
            }
            if control.iter().flatten().any(|v| !v.is_finite()) {
                return Err("a curve has a control point that is no place".to_owned());
            }
            let at = |t: f64, k: usize| {
                let s = 1.0 - t;
                s * s * s * from[k] + 3.0 * s * s * t * control[0][k] + 3.0 * s * t * t * control[1][k] + t * t * t * to[k]
            };
            Ok((1..BEZIER_STEPS).map(|n| n as f64 / BEZIER_STEPS as f64).map(|t| [at(t, 0), at(t, 1)]).collect())
        }
        5 => Err("it has an elliptic arc, which is not read".to_owned()),
        other => Err(format!("it has a curve of a kind ({other}) that is not known")),
    }
}

/// A circular arc. Bits: 1 empty, 8 counter-clockwise, 16 at most a half circle, 32 a line, 64 a point, 128 the
/// given place is one between the ends, and else the centre.
fn arc(from: Coord, to: Coord, given: Coord, bits: u32) -> Result<Vec<Coord>, String> {
    if bits & (1 | 32 | 64) != 0 {
        return Ok(Vec::new());
    }
    if given.iter().any(|v| !v.is_finite()) {
        return Err("an arc has a centre that is no place".to_owned());
    }
    let full = from == to;
    let (centre, ccw) = if bits & 128 != 0 {
        if full {
            // The given place lies across.
            ([f64::midpoint(from[0], given[0]), f64::midpoint(from[1], given[1])], bits & 8 != 0)
        } else {
            let (b, d) = ([given[0] - from[0], given[1] - from[1]], [to[0] - from[0], to[1] - from[1]]);
            let cross = 2.0 * (b[0] * d[1] - b[1] * d[0]);
            let (bb, dd) = (b[0] * b[0] + b[1] * b[1], d[0] * d[0] + d[1] * d[1]);
            if cross.abs() <= 1e-12 * (bb + dd) {
                return Ok(vec![given]);
            }
            let centre = [from[0] + (d[1] * bb - b[1] * dd) / cross, from[1] + (b[0] * dd - d[0] * bb) / cross];
            // Through the middle on the left of the chord it runs clockwise.
            (centre, cross > 0.0)
        }
    } else {
        (given, bits & 8 != 0)
    };
    let radius = (from[0] - centre[0]).hypot(from[1] - centre[1]);
    let far = (to[0] - centre[0]).hypot(to[1] - centre[1]);
    if radius <= 0.0 || !radius.is_finite() || (far - radius).abs() > 0.01 * radius.max(far) {
        return Err(format!("an arc has ends at {radius} and {far} from its centre"));
    }
    let angle = |p: Coord| (p[1] - centre[1]).atan2(p[0] - centre[0]);
    let start = angle(from);
    let mut sweep = if full { TAU } else { (angle(to) - start).rem_euclid(TAU) };
    if !ccw {
        sweep = if full { -TAU } else { sweep - TAU };
    }
    let steps = ((sweep.abs() / ARC_STEP).ceil() as usize).max(1);
    Ok((1..steps)
        .map(|n| {
            let t = n as f64 / steps as f64;
            // The radius goes from one end's to the other's, which differ by the rounding of the grid.
            let r = radius + (far - radius) * t;
            let (sin, cos) = (start + sweep * t).sin_cos();
            [centre[0] + r * cos, centre[1] + r * sin]
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn farthest_from_unit(points: &[Coord]) -> f64 {
        points.iter().map(|p| (p[0].hypot(p[1]) - 1.0).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn arcs_lie_on_their_circle_on_the_right_side() {
        let quarter = arc([1.0, 0.0], [0.0, 1.0], [0.0, 0.0], 8).unwrap();
        assert!(quarter.iter().all(|p| p[0] > 0.0 && p[1] > 0.0) && farthest_from_unit(&quarter) < 1e-12);
        let rest = arc([1.0, 0.0], [0.0, 1.0], [0.0, 0.0], 0).unwrap();
        assert_eq!(rest.len(), 67);
        let half: f64 = 0.5_f64.sqrt();
        for (middle, positive) in [([half, half], true), ([-half, -half], false)] {
            let through = arc([1.0, 0.0], [0.0, 1.0], middle, 128).unwrap();
            assert!(farthest_from_unit(&through) < 1e-12);
            assert_eq!(through.iter().all(|p| p[0] > 0.0 && p[1] > 0.0), positive);
        }
        let circle = arc([1.0, 0.0], [1.0, 0.0], [0.0, 0.0], 8).unwrap();
        assert!(circle.len() == 89 && farthest_from_unit(&circle) < 1e-12);
        assert!(arc([1.0, 0.0], [5.0, 0.0], [0.0, 0.0], 8).is_err());
        assert_eq!(arc([1.0, 0.0], [5.0, 0.0], [0.0, 0.0], 32).unwrap(), Vec::<Coord>::new());
    }
}
