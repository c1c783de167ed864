//! Geometries as well-known text, as tables carry them: `LINESTRING Z (1 2 3, 4 5 6)`, with `SRID=n;` before it
//! where PostGIS wrote it.

use crate::gis::geometry::{combine, fault, line_from_parts};
use crate::gis::layer::{Coord, Geometry, shorten};

/// Deepest nesting of collections.
const DEEPEST: usize = 8;

/// A geometry and what its text says beside it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parsed {
    /// None for an empty one.
    pub geometry: Option<Geometry>,
    pub srid: Option<u32>,
    /// Ordinates beyond the second were there.
    pub more: bool,
}

/// Whether a text begins as WKT does.
pub(crate) fn looks_like_wkt(text: &str) -> bool {
    let text = text.trim_start();
    let text = text.get(..5).filter(|t| t.eq_ignore_ascii_case("SRID=")).and_then(|_| text.split_once(';')).map_or(text, |(_, rest)| rest);
    let word: String = text.trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
    let rest = text.trim_start()[word.len()..].trim_start();
    let known = ["POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"];
    let upper = word.to_ascii_uppercase();
    known.iter().any(|k| upper == *k || upper.strip_prefix(k).is_some_and(|d| matches!(d, "Z" | "M" | "ZM")))
        && (rest.starts_with('(') || rest.chars().next().is_some_and(|c| "ZMEzme".contains(c)))
}

/// Reads a geometry.
///
/// # Errors
/// What is wrong, and after how many characters.
pub(crate) fn parse(text: &str) -> Result<Parsed, String> {
    let mut srid = None;
    let mut body = text;
    if let Some((head, rest)) = text.split_once(';')
        && let Some(number) = head.trim().to_ascii_uppercase().strip_prefix("SRID=")
    {
        srid = Some(number.trim().parse().map_err(|_| format!("the SRID {:?} is no number", shorten(number)))?);
        body = rest;
    }
    let mut parser = Parser { text: body, at: 0, more: false };
    let geometry = parser.geometry(0)?;
    if !parser.rest().is_empty() {
        return Err(parser.fault("text after the geometry"));
    }
    if let Some(fault) = geometry.as_ref().and_then(fault) {
        return Err(fault);
    }
    Ok(Parsed { geometry, srid: srid.filter(|n| *n > 0), more: parser.more })
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    more: bool,
}

impl Parser<'_> {
    fn rest(&mut self) -> &str {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        &self.text[self.at..]
    }

    fn fault(&self, what: &str) -> String {
        format!("the WKT has {what} at character {}", self.text[..self.at].chars().count() + 1)
    }

    fn eat(&mut self, c: char) -> bool {
        let is = self.rest().starts_with(c);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        if self.eat(c) { Ok(()) } else { Err(self.fault(&format!("no {c:?}"))) }
    }

    fn word(&mut self) -> String {
        let word: String = self.rest().chars().take_while(char::is_ascii_alphabetic).collect();
        self.at += word.len();
        word.to_ascii_uppercase()
    }

    fn geometry(&mut self, depth: usize) -> Result<Option<Geometry>, String> {
        if depth > DEEPEST {
            return Err(self.fault("too deep a nesting"));
        }
        let word = self.word();
        let (kind, mut suffix) = match word.as_str() {
            w if w.ends_with("ZM") => (&w[..w.len() - 2], true),
            w if w.ends_with('Z') || w.ends_with('M') => (&w[..w.len() - 1], true),
            w => (w, false),
        };
        if !suffix {
            let start = self.at;
            suffix = matches!(self.word().as_str(), "Z" | "M" | "ZM");
            if !suffix {
                self.at = start;
            }
        }
        let start = self.at;
        if self.word() == "EMPTY" {
            return Ok(None);
        }
        self.at = start;
        Ok(match kind {
            "POINT" => {
                self.expect('(')?;
                let p = self.position()?;
                self.expect(')')?;
                Some(Geometry::Point(p))
            }
            "MULTIPOINT" => {
                // Points may have brackets of their own.
                let points = self.list(|p| {
                    let own = p.eat('(');
                    let point = p.position()?;
                    if own {
                        p.expect(')')?;
                    }
                    Ok(point)
                })?;
                Some(Geometry::MultiPoint(points))
            }
            "LINESTRING" => Some(Geometry::LineString(self.list(Self::position)?)),
            "MULTILINESTRING" => line_from_parts(self.list(|p| p.list(Self::position))?),
            "POLYGON" => Some(Geometry::Polygon(self.list(|p| p.list(Self::position))?)),
            "MULTIPOLYGON" => Some(Geometry::MultiPolygon(self.list(|p| p.list(|p| p.list(Self::position)))?)),
            "GEOMETRYCOLLECTION" => {
                let members = self.list(|p| p.geometry(depth + 1))?;
                combine(members.into_iter().flatten().collect())?
            }
            _ => return Err(format!("the kind of geometry {:?} is unknown", shorten(&word))),
        })
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T, String>) -> Result<Vec<T>, String> {
        self.expect('(')?;
        let mut items = vec![item(self)?];
        while self.eat(',') {
            items.push(item(self)?);
        }
        self.expect(')')?;
        Ok(items)
    }

    fn position(&mut self) -> Result<Coord, String> {
        let mut ordinates = [0.0; 4];
        let mut count = 0;
        loop {
            let rest = self.rest();
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(rest.len());
            if end == 0 {
                break;
            }
            let number = rest[..end].parse::<f64>().ok();
            let (Some(number), Some(slot)) = (number, ordinates.get_mut(count)) else {
                return Err(self.fault("no number"));
            };
            *slot = number;
            count += 1;
            self.at += end;
        }
        if count < 2 {
            return Err(self.fault("a position of less than two numbers"));
        }
        self.more |= count > 2;
        Ok([ordinates[0], ordinates[1]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_their_flavours_are_read() {
        let of = |text: &str| parse(text).unwrap().geometry;
        assert_eq!(of("POINT(1 2)"), Some(Geometry::Point([1.0, 2.0])));
        assert_eq!(of(" point z ( 1e0 -2.5 3 ) "), Some(Geometry::Point([1.0, -2.5])));
        assert_eq!(of("LINESTRINGZM(0 0 1 2,1 1 1 2)"), Some(Geometry::LineString(vec![[0.0, 0.0], [1.0, 1.0]])));
        assert_eq!(of("MULTIPOINT((0 0),(1 1))"), of("MULTIPOINT(0 0,1 1)"));
        assert_eq!(of("MULTILINESTRING((0 0,1 1))"), Some(Geometry::LineString(vec![[0.0, 0.0], [1.0, 1.0]])));
        assert_eq!(of("POLYGON EMPTY"), None);
        assert!(matches!(of("MULTIPOLYGON(((0 0,1 0,1 1,0 0)),((5 5,6 5,6 6,5 5)))"), Some(Geometry::MultiPolygon(p)) if p.len() == 2));
        assert_eq!(of("GEOMETRYCOLLECTION(POINT(0 0),POINT(1 1))"), of("MULTIPOINT(0 0,1 1)"));
        let ewkt = parse("SRID=25832;POINT(1 2 3)").unwrap();
        assert_eq!((ewkt.srid, ewkt.more), (Some(25832), true));
    }

    #[test]
    fn faults_say_where() {
        for text in [
            "",
            "POINT",
            "POINT(1)",
            "POINT(1 x)",
            "POINT(1 2",
            "POINT(1 2) 3",
            "CIRCLE(1 2)",
            "LINESTRING(1 2)",
            "SRID=x;POINT(1 2)",
            "POINT(1 2 3 4 5)",
            "POINT(inf 1)",
            "POINT(nan 1)",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"GEOMETRYCOLLECTION(".repeat(5000)).unwrap_err().contains("too deep"));
        assert_eq!(parse("LINESTRING(0 0,1 a)").unwrap_err(), "the WKT has no number at character 18");
    }

    #[test]
    fn only_wkt_looks_like_it() {
        assert!(looks_like_wkt("LINESTRING (1 2, 3 4)") && looks_like_wkt("srid=4326; Point Z(1 2 3)") && looks_like_wkt("POINT EMPTY"));
        assert!(!looks_like_wkt("Point Reyes") && !looks_like_wkt("POINT") && !looks_like_wkt("POLE(1)") && !looks_like_wkt(""));
    }
}
