//! Coordinate reference systems: what a source declares, and from there to longitude and latitude.
//!
//! A declaration (EPSG code, proj string, WKT) becomes a proj string, which `proj4rs` computes. Codes come from
//! `crs/epsg.txt`, a table made from the EPSG dataset; its header names the source. A shift between datums is a
//! Helmert transformation (three or seven parameters, position vector); grid files are not used, so that a shift
//! is as good as its published accuracy, which is told where it is worse than two metres.

use crate::ImportError;
use crate::gis::crs_wkt::{self, plain};
use crate::gis::layer::{Coord, Layer, shorten};
use network::{Diagnostic, LonLat};
use proj4rs::Proj;
use std::fmt;

/// "S|shift|accuracy", "D|datum|code" and "code|name|projection|shift" lines.
const EPSG: &str = include_str!("crs/epsg.txt");

/// A coordinate reference system as a source declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct Crs {
    /// The declaration: WKT, `EPSG:n`, or a proj string.
    pub definition: String,
    /// Name for people.
    pub name: String,
    pub epsg: Option<u32>,
    /// The same as a proj string; none when the declaration is not understood.
    pub proj: Option<String>,
    /// Degrees in one unit of a geographic system (0.9 where it counts in grads).
    pub degrees_per_unit: f64,
    /// How good the shift of its datum to WGS 84 is; none when no shift is known and none is made.
    pub shift_accuracy_m: Option<f64>,
}

/// A coordinate for which a projection has no place on the earth.
#[derive(Clone, Debug, PartialEq)]
pub struct Outside {
    pub coordinate: Coord,
    pub crs: String,
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the coordinate {}, {} lies outside {}", self.coordinate[0], self.coordinate[1], self.crs)
    }
}

impl std::error::Error for Outside {}

/// A line of the table of codes.
struct Row {
    name: &'static str,
    projection: &'static str,
    shift: Option<usize>,
}

fn row(code: u32) -> Option<Row> {
    let prefix = format!("{code}|");
    let line = EPSG.lines().find(|l| l.starts_with(&prefix))?;
    let mut cells = line.split('|').skip(1);
    let (name, projection, shift) = (cells.next()?, cells.next()?, cells.next()?);
    Some(Row { name, projection, shift: shift.parse().ok() })
}

/// Parameters of a shift, none when it is no shift at all, and its accuracy in metres.
fn shift(number: usize) -> Option<(Option<&'static str>, Option<f64>)> {
    let line = EPSG.lines().filter(|l| l.starts_with("S|")).nth(number)?;
    let mut cells = line.split('|').skip(1);
    let parameters = cells.next().filter(|p| *p != "0");
    Some((parameters, cells.next().and_then(|a| a.parse().ok())))
}

/// The shift of a datum by the name that WKT gives it.
fn shift_of_datum(datum: &str) -> Option<(Option<&'static str>, Option<f64>)> {
    let wanted = bare_datum(datum);
    let same_as = match wanted.as_str() {
        "europeanterrestrialreferencesystem1989" | "europeanterrestrialreferencesystem1989ensemble" => "etrs1989",
        "worldgeodeticsystem1984" | "worldgeodeticsystem1984ensemble" | "wgs84" => "wgs1984",
        "nad83" | "northamericandatum1983nad83" => "northamericandatum1983",
        "nad27" => "northamericandatum1927",
        other => other,
    };
    let line = EPSG.lines().filter_map(|l| l.strip_prefix("D|")).find(|l| l.split('|').next().is_some_and(|n| bare_datum(n) == same_as))?;
    let code = line.split('|').nth(1)?.parse().ok()?;
    shift(row(code)?.shift?)
}

fn bare_datum(name: &str) -> String {
    let bare = plain(name.strip_prefix("D_").unwrap_or(name));
    bare.strip_suffix("ensemble").map(str::to_owned).unwrap_or(bare)
}

impl Crs {
    /// Longitude and latitude in degrees on WGS 84.
    pub fn wgs84() -> Crs {
        Crs {
            definition: "EPSG:4326".to_owned(),
            name: "WGS 84".to_owned(),
            epsg: Some(4326),
            proj: Some("+proj=longlat +ellps=WGS84 +no_defs".to_owned()),
            degrees_per_unit: 1.0,
            shift_accuracy_m: Some(0.0),
        }
    }

    fn unknown(definition: &str, name: String) -> Crs {
        Crs { definition: definition.to_owned(), name, epsg: None, proj: None, degrees_per_unit: 1.0, shift_accuracy_m: None }
    }

    /// The system of a declaration: `EPSG:25832` or its number alone, the URN or URL of a code, a proj string, or
    /// WKT. What is not understood has no `proj`, and a conversion with it is refused.
    pub fn parse(definition: &str) -> Crs {
        let text = definition.trim();
        let upper = text.to_ascii_uppercase();
        if matches!(upper.as_str(), "WGS84" | "WGS 84" | "CRS84" | "OGC:CRS84") || upper.ends_with(":CRS84") || upper.ends_with("/CRS84") {
            return Crs { definition: definition.to_owned(), ..Crs::wgs84() };
        }
        let is_code = upper.starts_with("EPSG:") || upper.starts_with("ESRI:") || upper.contains(":EPSG:") || upper.contains("/EPSG/");
        if is_code || (!text.is_empty() && text.len() < 8 && text.bytes().all(|b| b.is_ascii_digit())) {
            let number = upper.rsplit([':', '/']).next().and_then(|n| n.trim().parse::<u32>().ok());
            return match number {
                Some(number) => Crs { definition: definition.to_owned(), ..Crs::from_epsg(number) },
                None => Crs::unknown(definition, shorten(text)),
            };
        }
        if let Some(code) =
            upper.split_whitespace().find_map(|w| w.trim_start_matches('+').strip_prefix("INIT=EPSG:").and_then(|n| n.parse().ok()))
        {
            return Crs { definition: definition.to_owned(), ..Crs::from_epsg(code) };
        }
        if text.contains("proj=") && !text.contains('[') {
            return Crs::from_proj(text);
        }
        match crs_wkt::declared(text) {
            Some(declared) => Crs::from_declared(definition, declared),
            None => Crs::unknown(definition, shorten(text)),
        }
    }

    /// The system of a code of EPSG, or one of Esri's codes for web Mercator.
    pub fn from_epsg(code: u32) -> Crs {
        let code = if matches!(code, 102_100 | 102_113 | 900_913 | 3785) { 3857 } else { code };
        let definition = format!("EPSG:{code}");
        let Some(row) = row(code) else { return Crs::unknown(&definition, definition.clone()) };
        let mut crs = Crs { epsg: Some(code), name: format!("{} (EPSG:{code})", row.name), ..Crs::unknown(&definition, String::new()) };
        let mut proj = String::new();
        for (k, word) in row.projection.split(' ').enumerate() {
            match word.strip_prefix("unit_deg=") {
                Some(degrees) => crs.degrees_per_unit = degrees.parse().unwrap_or(1.0),
                None => proj.push_str(&format!("{}{word} ", if k == 0 { "+proj=" } else { "+" })),
            }
        }
        if !proj.contains("+k=") {
            proj.push_str("+k=1 ");
        }
        let (towgs84, accuracy) = row.shift.and_then(shift).unwrap_or((None, None));
        if let Some(towgs84) = towgs84 {
            proj.push_str(&format!("+towgs84={towgs84} "));
        }
        crs.shift_accuracy_m = accuracy;
        crs.proj = Some(proj.trim_end().to_owned());
        crs
    }

    fn from_proj(text: &str) -> Crs {
        let mut proj = String::new();
        let mut accuracy = None;
        let mut grids = false;
        for word in text.split_whitespace() {
            let bare = word.trim_start_matches('+');
            match bare.split_once('=') {
                // proj4rs has this datum by its grids only.
                Some(("datum", "NAD27")) => {
                    proj.push_str("+ellps=clrk66 +towgs84=-8,160,176 ");
                    accuracy = Some(10.0);
                    continue;
                }
                Some(("datum", "WGS84" | "NAD83")) => accuracy = Some(1.0),
                Some(("datum", _) | ("towgs84", _)) => accuracy = Some(5.0),
                Some(("nadgrids", "@null")) => {
                    accuracy = Some(0.0);
                    continue;
                }
                Some(("nadgrids" | "geoidgrids", _)) => grids = true,
                Some(("ellps", "GRS80" | "WGS84")) => accuracy = accuracy.or(Some(2.0)),
                _ => {}
            }
            if !matches!(bare, "no_defs" | "wktext" | "type=crs") {
                proj.push_str(&format!("+{bare} "));
            }
        }
        // GRS 80 and WGS 84 without a shift are the same place to a tenth of a millimetre.
        let proj = proj.trim_end().replace("+datum=WGS84", "+ellps=WGS84").replace("+datum=NAD83", "+ellps=GRS80");
        let known = !grids && Proj::from_proj_string(&proj).is_ok();
        Crs { proj: known.then_some(proj), shift_accuracy_m: accuracy, ..Crs::unknown(text, shorten(text)) }
    }

    fn from_declared(definition: &str, declared: crs_wkt::Declared) -> Crs {
        let name = match declared.epsg {
            Some(code) => format!("{} (EPSG:{code})", declared.name),
            None => declared.name.clone(),
        };
        let mut crs = Crs { epsg: declared.epsg, degrees_per_unit: declared.degrees_per_unit, ..Crs::unknown(definition, shorten(&name)) };
        let by_code = declared.epsg.map(Crs::from_epsg).filter(|c| c.proj.is_some());
        let Some(mut proj) = declared.proj else {
            // A method that is not known by its name, under a code that is known.
            return match by_code {
                Some(by_code) => Crs { definition: definition.to_owned(), ..by_code },
                None => crs,
            };
        };
        if proj.contains("nadgrids=@null") || proj.contains("datum=") {
            let extension = Crs::from_proj(&proj);
            crs.proj = extension.proj;
            crs.shift_accuracy_m = extension.shift_accuracy_m;
            return crs;
        }
        let own = declared.towgs84.filter(|t| t.split(',').any(|v| v.parse::<f64>().is_ok_and(|v| v != 0.0)));
        let (towgs84, accuracy) = match (own, by_code) {
            (Some(own), _) => (Some(own), Some(5.0)),
            (None, Some(by_code)) => {
                let towgs84 = by_code.proj.as_deref().and_then(|p| p.split_once("+towgs84=")).map(|(_, t)| t.to_owned());
                (towgs84, by_code.shift_accuracy_m)
            }
            (None, None) => {
                let (towgs84, accuracy) = shift_of_datum(&declared.datum).unwrap_or((None, None));
                (towgs84.map(str::to_owned), accuracy)
            }
        };
        if let Some(towgs84) = towgs84.filter(|_| !proj.contains("+a=6378137 +b=6378137")) {
            proj.push_str(&format!(" +towgs84={towgs84}"));
        }
        crs.shift_accuracy_m = accuracy;
        crs.proj = Proj::from_proj_string(&proj).is_ok().then_some(proj);
        crs
    }

    /// Whether coordinates are longitudes and latitudes.
    pub fn is_geographic(&self) -> bool {
        self.proj.as_deref().is_some_and(|p| p.contains("+proj=longlat") || p.contains("+proj=latlong"))
    }

    /// How to convert coordinates.
    ///
    /// # Errors
    /// `GIS.CRS.UNKNOWN` when the declaration is not understood.
    pub fn projection(&self) -> Result<Projection, ImportError> {
        let unknown = |detail: String| {
            Diagnostic::error("GIS.CRS.UNKNOWN", format!("the coordinate reference system {:?} is not known", self.name))
                .detail(detail)
                .hint("give the right one with --crs: an EPSG code such as EPSG:25832, a proj string, or WKT")
        };
        let text = self.proj.as_deref().ok_or_else(|| unknown(format!("It is declared as {:?}.", shorten(&self.definition))))?;
        let target = if text.contains("+towgs84=") || text.contains("+datum=") {
            "+proj=longlat +datum=WGS84"
        } else {
            "+proj=longlat +ellps=WGS84"
        };
        let plain = text == "+proj=longlat +ellps=WGS84"
            || text == "+proj=longlat +ellps=GRS80 +k=1"
            || text == "+proj=longlat +ellps=WGS84 +no_defs";
        let same = self.is_geographic() && (plain || (!text.contains("+towgs84=") && !text.contains("+pm=") && !text.contains("+datum=")));
        let source = Proj::from_proj_string(text).map_err(|e| unknown(format!("{text:?}: {e}.")))?;
        let target = Proj::from_proj_string(target).map_err(|e| unknown(e.to_string()))?;
        Ok(Projection {
            name: self.name.clone(),
            geographic: self.is_geographic(),
            same,
            is_wgs84: self.epsg == Some(4326),
            degrees_per_unit: self.degrees_per_unit,
            source,
            target,
        })
    }
}

/// Between a reference system and longitude and latitude on WGS 84.
#[derive(Clone, Debug)]
pub struct Projection {
    name: String,
    geographic: bool,
    /// Longitude and latitude that need no shift.
    same: bool,
    is_wgs84: bool,
    degrees_per_unit: f64,
    source: Proj,
    target: Proj,
}

impl Projection {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether coordinates are angles.
    pub fn is_geographic(&self) -> bool {
        self.geographic
    }

    /// Whether coordinates stay as they are.
    pub fn is_wgs84(&self) -> bool {
        self.is_wgs84
    }

    /// Changes a coordinate of the system to longitude and latitude in degrees.
    ///
    /// # Errors
    /// When the coordinate has no place on the earth.
    pub fn to_lon_lat(&self, c: &mut Coord) -> Result<(), Outside> {
        let outside = || Outside { coordinate: *c, crs: self.name.clone() };
        let mut p = (c[0], c[1], 0.0);
        if self.geographic {
            p = (c[0] * self.degrees_per_unit, c[1] * self.degrees_per_unit, 0.0);
            if !(p.0.abs() <= 360.0 && p.1.abs() <= 90.0 + 1e-9) {
                return Err(outside());
            }
            if !self.same {
                p = (p.0.to_radians(), p.1.to_radians(), 0.0);
                proj4rs::transform::transform(&self.source, &self.target, &mut p).map_err(|_| outside())?;
                p = (p.0.to_degrees(), p.1.to_degrees(), 0.0);
            }
        } else {
            proj4rs::transform::transform(&self.source, &self.target, &mut p).map_err(|_| outside())?;
            p = (p.0.to_degrees(), p.1.to_degrees(), 0.0);
        }
        if !(p.0.is_finite() && p.1.is_finite() && p.1.abs() <= 90.0 + 1e-9) {
            return Err(outside());
        }
        let lon = if p.0 > 180.0 {
            p.0 - 360.0
        } else if p.0 < -180.0 {
            p.0 + 360.0
        } else {
            p.0
        };
        *c = [lon, p.1];
        Ok(())
    }

    /// Changes longitude and latitude in degrees to a coordinate of the system.
    ///
    /// # Errors
    /// When the projection does not reach there.
    pub fn from_lon_lat(&self, c: &mut Coord) -> Result<(), Outside> {
        let outside = || Outside { coordinate: *c, crs: self.name.clone() };
        let mut p = (c[0].to_radians(), c[1].to_radians(), 0.0);
        if !self.same {
            proj4rs::transform::transform(&self.target, &self.source, &mut p).map_err(|_| outside())?;
        }
        if self.geographic {
            p = (p.0.to_degrees() / self.degrees_per_unit, p.1.to_degrees() / self.degrees_per_unit, 0.0);
        }
        if !(p.0.is_finite() && p.1.is_finite()) {
            return Err(outside());
        }
        *c = [p.0, p.1];
        Ok(())
    }
}

/// The projection of a layer, with findings about what its system and coordinates tell.
///
/// # Errors
/// `GIS.CRS.MISSING` when the layer declares no system and its coordinates are not plainly longitudes and
/// latitudes, `GIS.CRS.UNKNOWN` when it declares one that is not understood, `GIS.CRS.NOT_DEGREES` when it is
/// geographic and latitudes are beyond the poles.
pub(crate) fn projection_of(layer: &Layer) -> Result<(Projection, Vec<Diagnostic>), ImportError> {
    let mut findings = Vec::new();
    let coords = || layer.features.iter().filter_map(|f| f.geometry.as_ref()).flat_map(|g| g.coords());
    let Some(crs) = &layer.crs else {
        if coords().next().is_none() {
            return Ok((Crs::wgs84().projection()?, findings));
        }
        let extent = extent_text(layer);
        if !plainly_lon_lat(coords()) {
            return Err(Diagnostic::error(
                "GIS.CRS.MISSING",
                format!("the layer {:?} declares no coordinate reference system", layer.name),
            )
            .at(&layer.source)
            .detail(format!("Its coordinates go {extent}, so they are no longitudes and latitudes."))
            .hint("give it with --crs, such as --crs EPSG:25832, or put the .prj file beside the shapefile")
            .into());
        }
        findings.push(
            Diagnostic::warning(
                "GIS.CRS.ASSUMED",
                format!("the layer {:?} declares no coordinate reference system; longitude and latitude on WGS 84 are assumed", layer.name),
            )
            .at(&layer.source)
            .detail(format!("Its coordinates go {extent}."))
            .hint("give the system with --crs if this is wrong"),
        );
        return Ok((Crs::wgs84().projection()?, findings));
    };
    let projection = crs.projection().map_err(|e| ImportError::new(e.diagnostics.into_iter().map(|d| d.at(&layer.source)).collect()))?;
    if crs.is_geographic() {
        let limit = 90.0 / crs.degrees_per_unit;
        let beyond = coords().filter(|c| c[1].abs() > limit + 1e-9).count();
        if beyond > 0 {
            let swapped = coords().all(|c| c[0].abs() <= limit && c[1].abs() <= 2.0 * limit);
            let why = if swapped { "Longitude and latitude look swapped." } else { "They look like metres or feet." };
            return Err(Diagnostic::error(
                "GIS.CRS.NOT_DEGREES",
                format!("{beyond} coordinates of the layer {:?} have a latitude beyond a pole", layer.name),
            )
            .at(&layer.source)
            .detail(format!("The system is {}, and the coordinates go {}. {why}", crs.name, extent_text(layer)))
            .hint(if swapped {
                "swap the ordinates in the source"
            } else {
                "give the true system with --crs and override the declared one"
            })
            .into());
        }
    } else if coords().next().is_some() && coords().all(|c| c[0].abs() <= 180.0 && c[1].abs() <= 90.0) {
        findings.push(
            Diagnostic::warning(
                "GIS.CRS.LOOKS_LIKE_DEGREES",
                format!("the coordinates of the layer {:?} look like degrees, and its system is projected", layer.name),
            )
            .at(&layer.source)
            .detail(format!("The system is {}, and the coordinates go {}. They are taken as declared.", crs.name, extent_text(layer)))
            .hint("if they are degrees, give --crs EPSG:4326 and override the declared system"),
        );
    }
    let alike = crs.proj.as_deref().is_some_and(|p| p.contains("ellps=WGS84") || p.contains("ellps=GRS80") || p.contains("+a=6378137"));
    match crs.shift_accuracy_m {
        None if !alike && coords().next().is_some() => findings.push(
            Diagnostic::warning("GIS.CRS.SHIFT_UNKNOWN", format!("no shift from the datum of {} to WGS 84 is known", crs.name))
                .at(&layer.source)
                .detail("Places may be off by up to some hundred metres; within the layer they fit.")
                .hint("give --crs as a proj string with +towgs84"),
        ),
        Some(accuracy) if accuracy > 2.0 && crs.proj.as_deref().is_some_and(|p| p.contains("+towgs84=")) => findings.push(
            Diagnostic::note(
                "GIS.CRS.SHIFT_ACCURACY",
                format!("the shift from the datum of {} to WGS 84 is good to {accuracy} m", crs.name),
            )
            .at(&layer.source),
        ),
        _ => {}
    }
    Ok((projection, findings))
}

/// Whether coordinates can be nothing but degrees: within their range, and not all within the first metre of a
/// projected system.
fn plainly_lon_lat(coords: impl Iterator<Item = Coord>) -> bool {
    let mut beyond_one = false;
    for c in coords {
        if !(c[0].abs() <= 180.0 && c[1].abs() <= 90.0) {
            return false;
        }
        beyond_one |= c[0].abs() > 1.0 || c[1].abs() > 1.0;
    }
    beyond_one
}

fn extent_text(layer: &Layer) -> String {
    let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    for c in layer.features.iter().filter_map(|f| f.geometry.as_ref()).flat_map(|g| g.coords()) {
        for k in 0..2 {
            low[k] = low[k].min(c[k]);
            high[k] = high[k].max(c[k]);
        }
    }
    format!("from {} to {} and from {} to {}", low[0], high[0], low[1], high[1])
}

/// Length of a line on the ellipsoid of WGS 84 in metres; its points are longitudes and latitudes in degrees.
pub fn length_m(line: &[Coord]) -> f64 {
    line.windows(2).map(|w| distance_m(w[0], w[1])).sum()
}

/// Length of the geodesic between two places in metres, after T. Vincenty, Direct and inverse solutions of
/// geodesics on the ellipsoid, Survey Review 176 (1975). Where his iteration does not settle (nearly opposite
/// places) the great circle is given, which is right to half a percent.
///
/// With reduced latitudes U, tan U = (1 − f) tan φ, and λ the difference of longitude on the auxiliary sphere:
/// sin²σ = (cos U2 sin λ)² + (cos U1 sin U2 − sin U1 cos U2 cos λ)², and so on to s = b A (σ − Δσ).
pub fn distance_m(from: Coord, to: Coord) -> f64 {
    const A: f64 = 6_378_137.0;
    const F: f64 = 1.0 / 298.257_223_563;
    const B: f64 = A * (1.0 - F);
    if from == to {
        return 0.0;
    }
    let l = (to[0] - from[0]).to_radians();
    let (su1, cu1) = ((1.0 - F) * from[1].to_radians().tan()).atan().sin_cos();
    let (su2, cu2) = ((1.0 - F) * to[1].to_radians().tan()).atan().sin_cos();
    let mut lambda = l;
    for _ in 0..100 {
        let (sl, cl) = lambda.sin_cos();
        let sin_sigma = (cu2 * sl).hypot(cu1 * su2 - su1 * cu2 * cl);
        if sin_sigma == 0.0 {
            return 0.0;
        }
        let cos_sigma = su1 * su2 + cu1 * cu2 * cl;
        let sigma = sin_sigma.atan2(cos_sigma);
        let sin_alpha = cu1 * cu2 * sl / sin_sigma;
        let cos2_alpha = 1.0 - sin_alpha * sin_alpha;
        let cos_2m = if cos2_alpha > 1e-14 { cos_sigma - 2.0 * su1 * su2 / cos2_alpha } else { 0.0 };
        let c = F / 16.0 * cos2_alpha * (4.0 + F * (4.0 - 3.0 * cos2_alpha));
        let next = l + (1.0 - c) * F * sin_alpha * (sigma + c * sin_sigma * (cos_2m + c * cos_sigma * (2.0 * cos_2m * cos_2m - 1.0)));
        if (next - lambda).abs() < 1e-13 {
            let u2 = cos2_alpha * (A * A - B * B) / (B * B);
            let a = 1.0 + u2 / 16384.0 * (4096.0 + u2 * (-768.0 + u2 * (320.0 - 175.0 * u2)));
            let b = u2 / 1024.0 * (256.0 + u2 * (-128.0 + u2 * (74.0 - 47.0 * u2)));
            let m2 = cos_2m * cos_2m;
            let delta = b
                * sin_sigma
                * (cos_2m
                    + b / 4.0 * (cos_sigma * (2.0 * m2 - 1.0) - b / 6.0 * cos_2m * (4.0 * sin_sigma * sin_sigma - 3.0) * (4.0 * m2 - 3.0)));
            return B * a * (sigma - delta);
        }
        lambda = next;
    }
    LonLat::new(from[0], from[1]).distance_m(LonLat::new(to[0], to[1]))
}
