//! What the readers of geometries share: rings made into polygons, parts made into one geometry.

use crate::gis::layer::{Coord, Geometry};

/// Largest product of holes and outer rings whose nesting is looked for point by point.
const MOST_NESTING_TESTS: usize = 4_000_000;

/// Twice the signed area of a closed ring: positive when it runs counter-clockwise.
pub(crate) fn double_area(ring: &[Coord]) -> f64 {
    // Relative to the first point, so that large eastings do not drown the area.
    let Some(o) = ring.first() else { return 0.0 };
    ring.windows(2).map(|w| (w[0][0] - o[0]) * (w[1][1] - o[1]) - (w[1][0] - o[0]) * (w[0][1] - o[1])).sum()
}

/// Whether a point lies within a closed ring (crossing number).
fn contains(ring: &[Coord], p: Coord) -> bool {
    let mut inside = false;
    for w in ring.windows(2) {
        let (a, b) = (w[0], w[1]);
        if (a[1] > p[1]) != (b[1] > p[1]) && p[0] < (b[0] - a[0]) * (p[1] - a[1]) / (b[1] - a[1]) + a[0] {
            inside = !inside;
        }
    }
    inside
}

/// Polygons from the rings of one record, outer rings clockwise and holes counter-clockwise (Esri's rule).
/// A hole goes to the smallest outer ring that holds its first point; one that no outer ring holds is an outer
/// ring drawn the wrong way round. Rings are closed where they are not.
pub(crate) fn polygons_from_rings(mut rings: Vec<Vec<Coord>>) -> Option<Geometry> {
    rings.retain(|r| !r.is_empty());
    for ring in &mut rings {
        if ring.first() != ring.last() {
            ring.push(ring[0]);
        }
    }
    if rings.is_empty() {
        return None;
    }
    if rings.len() == 1 {
        return Some(Geometry::Polygon(rings));
    }
    let (outers, holes): (Vec<_>, Vec<_>) = rings.into_iter().partition(|r| double_area(r) <= 0.0);
    let mut polygons: Vec<(f64, Vec<Vec<Coord>>)> = outers.into_iter().map(|r| (double_area(&r).abs(), vec![r])).collect();
    let tested = polygons.len().saturating_mul(holes.len()) <= MOST_NESTING_TESTS;
    for hole in holes {
        let p = hole[0];
        let home = if tested {
            let around = polygons.iter().enumerate().filter(|(_, (_, rings))| rings[0].len() > 2 && contains(&rings[0], p));
            around.min_by(|a, b| a.1.0.total_cmp(&b.1.0)).map(|(at, _)| at)
        } else {
            polygons.len().checked_sub(1)
        };
        match home {
            Some(at) => polygons[at].1.push(hole),
            None => polygons.push((double_area(&hole).abs(), vec![hole])),
        }
    }
    let mut polygons: Vec<Vec<Vec<Coord>>> = polygons.into_iter().map(|(_, rings)| rings).collect();
    match polygons.len() {
        1 => polygons.pop().map(Geometry::Polygon),
        _ => Some(Geometry::MultiPolygon(polygons)),
    }
}

/// Footprint of a surface in space (MultiPatch): the triangles of strips (kind 0), of fans (1) and alone (6), and the rings (2 to 5)
/// of its parts, as polygons. Heights are left out.
pub(crate) fn footprint(parts: Vec<(u32, Vec<Coord>)>) -> Result<Option<Geometry>, String> {
    let mut polygons: Vec<Vec<Vec<Coord>>> = Vec::new();
    for (kind, run) in parts {
        match kind {
            0 => polygons.extend(run.windows(3).map(|t| vec![vec![t[0], t[1], t[2], t[0]]])),
            1 => polygons.extend(run.iter().skip(1).zip(run.iter().skip(2)).map(|(a, b)| vec![vec![run[0], *a, *b, run[0]]])),
            6 => polygons.extend(run.chunks_exact(3).map(|t| vec![vec![t[0], t[1], t[2], t[0]]])),
            // 2 and 4 begin a polygon, 3 and 5 go on with it.
            2..=5 => {
                let mut ring = run;
                if ring.first() != ring.last() {
                    ring.extend(ring.first().copied());
                }
                match polygons.last_mut() {
                    Some(last) if kind == 3 || kind == 5 => last.push(ring),
                    _ => polygons.push(vec![ring]),
                }
            }
            _ => return Err(format!("a part of its surface is of a kind ({kind}) that is not known")),
        }
    }
    polygons.retain(|p| p.iter().all(|r| r.len() > 3));
    combine(polygons.into_iter().map(Geometry::Polygon).collect())
}

/// A line of one part or of several; none when there is no part.
pub(crate) fn line_from_parts(mut parts: Vec<Vec<Coord>>) -> Option<Geometry> {
    match parts.len() {
        0 => None,
        1 => parts.pop().map(Geometry::LineString),
        _ => Some(Geometry::MultiLineString(parts)),
    }
}

/// One geometry from the members of a collection of one dimension.
///
/// # Errors
/// When points, lines and polygons are mixed: a feature of a layer has one kind of place.
pub(crate) fn combine(members: Vec<Geometry>) -> Result<Option<Geometry>, String> {
    let kinds: Vec<&str> = members.iter().map(Geometry::kind).collect();
    let (mut points, mut lines, mut polygons) = (Vec::new(), Vec::new(), Vec::new());
    for member in members {
        match member {
            Geometry::Point(p) => points.push(p),
            Geometry::MultiPoint(p) => points.extend(p),
            Geometry::LineString(l) => lines.push(l),
            Geometry::MultiLineString(l) => lines.extend(l),
            Geometry::Polygon(p) => polygons.push(p),
            Geometry::MultiPolygon(p) => polygons.extend(p),
        }
    }
    match (points.is_empty(), lines.is_empty(), polygons.is_empty()) {
        (true, true, true) => Ok(None),
        (false, true, true) => Ok(Some(if points.len() == 1 { Geometry::Point(points[0]) } else { Geometry::MultiPoint(points) })),
        (true, false, true) => Ok(line_from_parts(lines)),
        (true, true, false) => Ok(Some(if polygons.len() == 1 {
            Geometry::Polygon(polygons.pop().unwrap_or_default())
        } else {
            Geometry::MultiPolygon(polygons)
        })),
        _ => Err(format!("a collection mixes {}", kinds.join(", "))),
    }
}

/// Why a geometry makes no sense, if it does not: an ordinate that is no number, a line of one point, a ring
/// that encloses nothing.
pub(crate) fn fault(geometry: &Geometry) -> Option<String> {
    if geometry.coords().any(|c| !c[0].is_finite() || !c[1].is_finite()) {
        return Some("an ordinate is not a finite number".to_owned());
    }
    for part in geometry.parts() {
        match geometry {
            Geometry::LineString(_) | Geometry::MultiLineString(_) if part.len() < 2 => {
                return Some(format!("a line has {} point", part.len()));
            }
            Geometry::Polygon(_) | Geometry::MultiPolygon(_) if part.len() < 4 => {
                return Some(format!("a ring has {} points, and needs at least 4 with its end", part.len()));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: f64, y: f64, side: f64, clockwise: bool) -> Vec<Coord> {
        let mut ring = vec![[x, y], [x, y + side], [x + side, y + side], [x + side, y], [x, y]];
        if !clockwise {
            ring.reverse();
        }
        ring
    }

    #[test]
    fn holes_go_to_the_smallest_ring_around_them() {
        let rings =
            vec![square(0.0, 0.0, 10.0, true), square(1.0, 1.0, 1.0, false), square(4.0, 4.0, 4.0, false), square(5.0, 5.0, 2.0, true)];
        let Some(Geometry::MultiPolygon(polygons)) = polygons_from_rings(rings) else { panic!("two polygons") };
        assert_eq!(polygons.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn a_ring_the_wrong_way_round_alone_is_a_polygon() {
        let rings = vec![square(0.0, 0.0, 1.0, false), square(5.0, 0.0, 1.0, false)];
        let Some(Geometry::MultiPolygon(polygons)) = polygons_from_rings(rings) else { panic!("two polygons") };
        assert_eq!(polygons.len(), 2);
    }

    #[test]
    fn mixed_collections_are_refused() {
        let mixed = vec![Geometry::Point([0.0, 0.0]), Geometry::LineString(vec![[0.0, 0.0], [1.0, 1.0]])];
        assert!(combine(mixed).unwrap_err().contains("Point, LineString"));
        let points = vec![Geometry::Point([0.0, 0.0]), Geometry::MultiPoint(vec![[1.0, 1.0]])];
        assert_eq!(combine(points).unwrap(), Some(Geometry::MultiPoint(vec![[0.0, 0.0], [1.0, 1.0]])));
    }
}
