//! Coordinate reference systems as well-known text, turned into proj strings.
//!
//! Read are WKT 1 as OGC 01-009 and GDAL write it, Esri's flavour of it (.prj files and geodatabases), and the
//! parts of WKT 2 (ISO 19162) that say the same with other words. Names of methods and parameters are compared
//! by their letters and digits alone, because the flavours differ in blanks, underscores and case. Angles of
//! WKT 1 are in the unit of the geographic system, lengths in that of the projected one (where Esri and GDAL
//! agree); WKT 2 may give each value a unit of its own.

use std::collections::HashMap;

/// Longest text that is looked at, and deepest nesting.
const LONGEST: usize = 64 * 1024;
const DEEPEST: usize = 24;

/// A keyword with its arguments.
#[derive(Clone, Debug, Default)]
struct Node {
    keyword: String,
    texts: Vec<String>,
    numbers: Vec<f64>,
    nodes: Vec<Node>,
}

impl Node {
    fn child(&self, keywords: &[&str]) -> Option<&Node> {
        self.nodes.iter().find(|n| keywords.contains(&n.keyword.as_str()))
    }

    fn name(&self) -> &str {
        self.texts.first().map_or("", String::as_str)
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn rest(&mut self) -> &str {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        &self.text[self.at..]
    }

    fn next_is(&mut self, characters: &[char]) -> bool {
        self.rest().starts_with(characters)
    }

    fn node(&mut self, depth: usize) -> Option<Node> {
        if depth > DEEPEST {
            return None;
        }
        let word = self.word();
        if word.is_empty() || !self.next_is(&['[', '(']) {
            return None;
        }
        self.at += 1;
        let mut node = Node { keyword: word.to_ascii_uppercase(), ..Node::default() };
        loop {
            let rest = self.rest();
            match rest.chars().next()? {
                '"' => node.texts.push(self.quoted()?),
                c if c.is_ascii_digit() || matches!(c, '-' | '+' | '.') => {
                    let end = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E'))).unwrap_or(rest.len());
                    node.numbers.push(rest[..end].parse().ok().filter(|v: &f64| v.is_finite())?);
                    self.at += end;
                }
                ']' | ')' => {}
                _ => {
                    let start = self.at;
                    let word = self.word();
                    if word.is_empty() {
                        return None;
                    }
                    if self.next_is(&['[', '(']) {
                        self.at = start;
                        node.nodes.push(self.node(depth + 1)?);
                    } else {
                        node.texts.push(word);
                    }
                }
            }
            if self.next_is(&[',']) {
                self.at += 1;
            } else if self.next_is(&[']', ')']) {
                self.at += 1;
                return Some(node);
            } else {
                return None;
            }
        }
    }

    fn word(&mut self) -> String {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let word = rest[..end].to_owned();
        self.at += end;
        word
    }

    fn quoted(&mut self) -> Option<String> {
        let rest = self.rest().strip_prefix('"')?;
        let mut text = String::new();
        let mut at = 1;
        let mut parts = rest.split('"');
        loop {
            let part = parts.next()?;
            text.push_str(part);
            at += part.len() + 1;
            // Two quotes are one within the text.
            match rest.get(at - 1..at) {
                Some("\"") => {
                    text.push('"');
                    parts.next()?;
                    at += 1;
                }
                _ => break,
            }
        }
        if at > rest.len() + 1 {
            return None;
        }
        self.at += at;
        Some(text)
    }
}

/// Letters and digits in lower case.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// What a text declares.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Declared {
    pub name: String,
    pub epsg: Option<u32>,
    /// Projection, ellipsoid, meridian and units; none when the method is not known. Without a shift of datum.
    pub proj: Option<String>,
    /// Degrees in one unit of a geographic system.
    pub degrees_per_unit: f64,
    pub datum: String,
    /// Shift to WGS 84 that the text itself gives.
    pub towgs84: Option<String>,
}

/// What the text declares; none when it is no WKT of a horizontal system.
pub(crate) fn declared(text: &str) -> Option<Declared> {
    if text.len() > LONGEST {
        return None;
    }
    let mut parser = Parser { text, at: 0 };
    horizontal(&parser.node(0)?)
}

fn horizontal(node: &Node) -> Option<Declared> {
    match node.keyword.as_str() {
        "COMPD_CS" | "COMPOUNDCRS" => node.nodes.iter().find_map(horizontal),
        "BOUNDCRS" => horizontal(node.child(&["SOURCECRS"])?.nodes.first()?),
        "PROJCS" | "PROJCRS" | "PROJECTEDCRS" => projected(node),
        "GEOGCS" | "GEOGCRS" | "GEOGRAPHICCRS" | "GEODCRS" | "GEODETICCRS" => {
            let geographic = geographic(node)?;
            Some(Declared {
                name: node.name().to_owned(),
                epsg: code(node),
                proj: Some(format!("+proj=longlat {}", geographic.body)),
                degrees_per_unit: geographic.degrees_per_unit,
                datum: geographic.datum,
                towgs84: geographic.towgs84,
            })
        }
        _ => None,
    }
}

fn code(node: &Node) -> Option<u32> {
    let id = node.child(&["AUTHORITY", "ID"])?;
    if !id.name().eq_ignore_ascii_case("EPSG") {
        return None;
    }
    let number = id.numbers.first().map(|n| *n as u32);
    number.or_else(|| id.texts.get(1)?.trim().parse().ok()).filter(|n| *n > 0)
}

struct Geographic {
    /// Ellipsoid and meridian.
    body: String,
    degrees_per_unit: f64,
    datum: String,
    towgs84: Option<String>,
}

fn geographic(node: &Node) -> Option<Geographic> {
    let datum = node.child(&["DATUM", "GEODETICDATUM", "TRF", "ENSEMBLE"])?;
    let spheroid = datum.child(&["SPHEROID", "ELLIPSOID"])?;
    let (a, rf) = (*spheroid.numbers.first()?, spheroid.numbers.get(1).copied().unwrap_or(0.0));
    let a = a * spheroid.child(&["LENGTHUNIT", "UNIT"]).and_then(|u| u.numbers.first().copied()).unwrap_or(1.0);
    if !(1e5..1e8).contains(&a) || rf < 0.0 || (rf != 0.0 && rf < 50.0) {
        return None;
    }
    let unit = node.child(&["UNIT", "ANGLEUNIT"]).or_else(|| node.child(&["CS"]).and_then(|cs| cs.child(&["ANGLEUNIT", "UNIT"])));
    let unit = unit.or_else(|| node.child(&["AXIS"]).and_then(|axis| axis.child(&["ANGLEUNIT", "UNIT"])));
    let degrees_per_unit = match unit.and_then(|u| u.numbers.first()) {
        Some(radians) if *radians > 0.0 => snap_degrees(radians.to_degrees()),
        _ => 1.0,
    };
    let meridian = node.child(&["PRIMEM", "PRIMEMERIDIAN"]);
    let unit_of_meridian =
        meridian.and_then(|m| m.child(&["ANGLEUNIT", "UNIT"])).and_then(|u| u.numbers.first()).map(|r| snap_degrees(r.to_degrees()));
    let meridian_deg = meridian.and_then(|m| m.numbers.first()).map_or(0.0, |v| v * unit_of_meridian.unwrap_or(1.0));
    let mut body = if rf == 0.0 { format!("+a={a} +b={a}") } else { format!("+a={a} +rf={rf}") };
    if meridian_deg != 0.0 {
        body.push_str(&format!(" +pm={meridian_deg}"));
    }
    let shift = datum.child(&["TOWGS84"]).or_else(|| node.child(&["TOWGS84"])).map(|t| t.numbers.clone());
    let towgs84 = shift.filter(|n| matches!(n.len(), 3 | 7)).map(|n| n.iter().map(f64::to_string).collect::<Vec<_>>().join(","));
    Some(Geographic { body, degrees_per_unit, datum: datum.name().to_owned(), towgs84 })
}

/// Degrees, where rounding in the text has taken a few digits.
fn snap_degrees(degrees: f64) -> f64 {
    [1.0, 0.9].into_iter().find(|d| (degrees - d).abs() < 1e-9).unwrap_or(degrees)
}

fn projected(node: &Node) -> Option<Declared> {
    let base = node.child(&["GEOGCS", "BASEGEOGCRS", "BASEGEODCRS", "GEOGCRS", "GEODCRS"])?;
    let base = geographic(base)?;
    let conversion = node.child(&["CONVERSION", "DERIVINGCONVERSION"]);
    let holder = conversion.unwrap_or(node);
    let method = holder.child(&["PROJECTION", "METHOD"])?;
    let method = plain(method.name());
    let unit = node.child(&["UNIT", "LENGTHUNIT"]).or_else(|| node.child(&["CS"]).and_then(|cs| cs.child(&["LENGTHUNIT", "UNIT"])));
    let unit = unit.or_else(|| node.child(&["AXIS"]).and_then(|axis| axis.child(&["LENGTHUNIT", "UNIT"])));
    let to_metre = unit.and_then(|u| u.numbers.first().copied()).filter(|f| *f > 0.0).unwrap_or(1.0);
    let mut parameters = HashMap::new();
    for p in holder.nodes.iter().filter(|n| n.keyword == "PARAMETER") {
        let value = *p.numbers.first()?;
        let name = plain(p.name());
        let own = p.child(&["ANGLEUNIT", "LENGTHUNIT", "SCALEUNIT", "UNIT"]).and_then(|u| u.numbers.first().copied());
        let is_length = name.contains("easting") || name.contains("northing");
        let is_ratio = name.contains("scale") || name.contains("type") || name == "option";
        let value = match (own, is_length, is_ratio) {
            (Some(unit), true, _) => value * unit,
            (Some(_), _, true) | (None, _, true) => value,
            (Some(unit), ..) => value * snap_degrees(unit.to_degrees()),
            (None, true, _) => value * to_metre,
            (None, false, false) => value * base.degrees_per_unit,
        };
        parameters.insert(name, value);
    }
    let extension = node.nodes.iter().find(|n| n.keyword == "EXTENSION" && n.name() == "PROJ4").and_then(|n| n.texts.get(1)).cloned();
    let proj = match extension {
        Some(text) => Some(text),
        None => method_to_proj(&method, &Parameters(parameters), node).map(|head| {
            let mut body = base.body.clone();
            if matches!(method.as_str(), "mercatorauxiliarysphere" | "popularvisualisationpseudomercator") {
                // The sphere of the map has the large axis of the ellipsoid; the datum stays WGS 84.
                body = "+a=6378137 +b=6378137".to_owned();
            }
            let units = if (to_metre - 1.0).abs() < 1e-12 { "+units=m".to_owned() } else { format!("+to_meter={to_metre}") };
            format!("+proj={head} {body} {units}")
        }),
    };
    Some(Declared { name: node.name().to_owned(), epsg: code(node), proj, degrees_per_unit: 1.0, datum: base.datum, towgs84: base.towgs84 })
}

/// Values in degrees and metres by plain name.
struct Parameters(HashMap<String, f64>);

impl Parameters {
    fn any(&self, names: &[&str]) -> Option<f64> {
        names.iter().find_map(|n| self.0.get(*n)).copied()
    }

    fn lat_0(&self) -> f64 {
        let names = [
            "latitudeoforigin",
            "latitudeofcenter",
            "latitudeofcentre",
            "centralparallel",
            "latitudeofnaturalorigin",
            "latitudeoffalseorigin",
            "latitudeofprojectioncentre",
        ];
        self.any(&names).unwrap_or(0.0)
    }

    fn lon_0(&self) -> f64 {
        let names = [
            "centralmeridian",
            "longitudeoforigin",
            "longitudeofcenter",
            "longitudeofcentre",
            "longitudeofnaturalorigin",
            "longitudeoffalseorigin",
            "longitudeofprojectioncentre",
            "straightverticallongitudefrompole",
        ];
        self.any(&names).unwrap_or(0.0)
    }

    fn scale(&self) -> Option<f64> {
        self.any(&[
            "scalefactor",
            "scalefactoratnaturalorigin",
            "scalefactoroninitialline",
            "scalefactoroftheprojectioncentre",
            "scalefactoronpseudostandardparallel",
        ])
    }

    fn lat_1(&self) -> Option<f64> {
        self.any(&["standardparallel1", "latitudeof1ststandardparallel", "latitudeofstandardparallel", "standardparallel"])
    }

    fn lat_2(&self) -> Option<f64> {
        self.any(&["standardparallel2", "latitudeof2ndstandardparallel"])
    }

    fn shift(&self) -> String {
        let x = self.any(&["falseeasting", "eastingatfalseorigin", "eastingatprojectioncentre"]).unwrap_or(0.0);
        let y = self.any(&["falsenorthing", "northingatfalseorigin", "northingatprojectioncentre"]).unwrap_or(0.0);
        format!("+x_0={x} +y_0={y}")
    }
}

/// The projection and its parameters as proj writes them; none for a method that is not known here.
fn method_to_proj(method: &str, p: &Parameters, node: &Node) -> Option<String> {
    let (lat_0, lon_0, shift) = (p.lat_0(), p.lon_0(), p.shift());
    let k = p.scale().unwrap_or(1.0);
    let both = || format!("+lat_0={lat_0} +lon_0={lon_0}");
    Some(match method {
        "transversemercator" | "gausskruger" | "transversemercatorcomplex" | "transversemercatorzonedgridsystem" => {
            format!("tmerc {} +k={k} {shift}", both())
        }
        "transversemercatorsouthorientated" | "transversemercatorsouthoriented" => format!("tmerc +axis=wsu {} +k={k} {shift}", both()),
        "lambertconformalconic"
        | "lambertconformalconic2sp"
        | "lambertconicconformal2sp"
        | "lambertconformalconic1sp"
        | "lambertconicconformal1sp" => match (p.lat_1(), p.lat_2()) {
            (Some(lat_1), Some(lat_2)) => format!("lcc +lat_1={lat_1} +lat_2={lat_2} {} +k_0={k} {shift}", both()),
            (Some(lat_1), None) => format!("lcc +lat_1={lat_1} {} +k_0={k} {shift}", both()),
            (None, _) if method != "lambertconformalconic2sp" && method != "lambertconicconformal2sp" => {
                format!("lcc +lat_1={lat_0} {} +k_0={k} {shift}", both())
            }
            _ => return None,
        },
        "mercator1sp" | "mercator" | "mercator2sp" | "mercatorvarianta" | "mercatorvariantb" => match p.lat_1() {
            Some(lat_ts) => format!("merc +lat_ts={lat_ts} +lon_0={lon_0} {shift}"),
            None if lat_0 == 0.0 => format!("merc +lon_0={lon_0} +k={k} {shift}"),
            None => return None,
        },
        "mercatorauxiliarysphere" | "popularvisualisationpseudomercator" => {
            if p.any(&["auxiliaryspheretype"]).unwrap_or(0.0) != 0.0 || p.lat_1().unwrap_or(0.0) != 0.0 {
                return None;
            }
            format!("merc +lon_0={lon_0} +k=1 {shift}")
        }
        "albers" | "albersconicequalarea" | "albersequalarea" | "albersequalareaconic" => {
            format!("aea +lat_1={} +lat_2={} {} {shift}", p.lat_1()?, p.lat_2()?, both())
        }
        "obliquestereographic" | "doublestereographic" => format!("sterea {} +k={k} {shift}", both()),
        "stereographic" => format!("stere {} +k={k} {shift}", both()),
        "polarstereographic"
        | "stereographicnorthpole"
        | "stereographicsouthpole"
        | "polarstereographicvarianta"
        | "polarstereographicvariantb" => {
            let parallel = p.lat_1().or_else(|| (lat_0.abs() < 90.0 && lat_0 != 0.0).then_some(lat_0));
            let south = method == "stereographicsouthpole" || parallel.is_some_and(|l| l < 0.0) || lat_0 < 0.0;
            let pole = if south { -90 } else { 90 };
            match parallel {
                Some(lat_ts) if lat_ts.abs() < 90.0 => format!("stere +lat_0={pole} +lat_ts={lat_ts} +lon_0={lon_0} {shift}"),
                _ => format!("stere +lat_0={pole} +lon_0={lon_0} +k={k} {shift}"),
            }
        }
        "polyconic" | "americanpolyconic" => format!("poly {} {shift}", both()),
        "hotineobliquemercatorvarianta"
        | "hotineobliquemercator"
        | "hotineobliquemercatorazimuthnaturalorigin"
        | "rectifiedskeworthomorphicnaturalorigin"
        | "hotineobliquemercatorvariantb"
        | "obliquemercator"
        | "hotineobliquemercatorazimuthcenter"
        | "rectifiedskeworthomorphiccenter" => {
            let alpha = p.any(&["azimuth", "azimuthofinitialline", "azimuthatprojectioncentre"])?;
            let gamma = p.any(&["rectifiedgridangle", "xyplanerotation", "anglefromrectifiedtoskewgrid"]).unwrap_or(alpha);
            let centre = matches!(
                method,
                "hotineobliquemercatorvariantb"
                    | "obliquemercator"
                    | "hotineobliquemercatorazimuthcenter"
                    | "rectifiedskeworthomorphiccenter"
            );
            if centre && (alpha - 90.0).abs() < 1e-9 && (gamma - 90.0).abs() < 1e-9 {
                format!("somerc {} +k_0={k} {shift}", both())
            } else {
                let no_uoff = if centre { "" } else { "+no_uoff " };
                format!("omerc {no_uoff}+lat_0={lat_0} +lonc={lon_0} +alpha={alpha} +gamma={gamma} +k={k} {shift}")
            }
        }
        "swissobliquecylindrical" | "swissobliquemercator" => format!("somerc {} +k_0={k} {shift}", both()),
        "krovak" | "krovaknorthorientated" => {
            let alpha = p.any(&["azimuth", "colatitudeofconeaxis"]).unwrap_or(30.288_139_752_777_8);
            // Esri's scale and rotation of the axes, or axes that go south and west, tell which way it is drawn; the method alone means south and west.
            let esri_east =
                p.any(&["xscale"]).is_some_and(|s| s < 0.0) && p.any(&["xyplanerotation"]).is_some_and(|r| (r - 90.0).abs() < 1e-9);
            let axes: Vec<String> =
                node.nodes.iter().filter(|n| n.keyword == "AXIS").filter_map(|n| n.texts.get(1)).map(|t| plain(t)).collect();
            let south_west = method == "krovak"
                && !esri_east
                && (p.any(&["xscale"]).is_some() || axes.first().map_or(!plain(node.name()).contains("east"), |a| a == "south"));
            let axis = if south_west { "+axis=swu " } else { "" };
            format!("krovak {axis}+lat_0={lat_0} +lon_0={lon_0} +alpha={alpha} +k={k} {shift}")
        }
        "cassinisoldner" | "cassini" => format!("cass {} {shift}", both()),
        "lambertazimuthalequalarea" => format!("laea {} {shift}", both()),
        "azimuthalequidistant" | "modifiedazimuthalequidistant" => format!("aeqd {} {shift}", both()),
        "equidistantconic" => format!("eqdc +lat_1={} +lat_2={} {} {shift}", p.lat_1()?, p.lat_2()?, both()),
        "equidistantcylindrical" | "platecarree" | "equirectangular" => {
            format!("eqc +lat_ts={} {} {shift}", p.lat_1().unwrap_or(0.0), both())
        }
        "cylindricalequalarea" | "lambertcylindricalequalarea" => {
            format!("cea +lat_ts={} +lon_0={lon_0} {shift}", p.lat_1().unwrap_or(0.0))
        }
        "sinusoidal" => format!("sinu +lon_0={lon_0} {shift}"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn esri_and_ogc_say_the_same() {
        let esri = r#"PROJCS["NAD_1983_StatePlane_Texas_Central_FIPS_4203_Feet",GEOGCS["GCS_North_American_1983",DATUM["D_North_American_1983",SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Lambert_Conformal_Conic"],PARAMETER["False_Easting",2296583.333333333],PARAMETER["False_Northing",9842500.0],PARAMETER["Central_Meridian",-100.3333333333333],PARAMETER["Standard_Parallel_1",30.11666666666667],PARAMETER["Standard_Parallel_2",31.88333333333333],PARAMETER["Latitude_Of_Origin",29.66666666666667],UNIT["Foot_US",0.3048006096012192]]"#;
        let got = declared(esri).unwrap();
        assert_eq!(got.datum, "D_North_American_1983");
        let proj = got.proj.unwrap();
        assert!(
            proj.starts_with(
                "+proj=lcc +lat_1=30.11666666666667 +lat_2=31.88333333333333 +lat_0=29.66666666666667 +lon_0=-100.3333333333333"
            ),
            "{proj}"
        );
        assert!(proj.contains("+x_0=700000.0") || proj.contains("+x_0=699999.999"), "{proj}");
        assert!(proj.ends_with("+to_meter=0.3048006096012192"), "{proj}");
    }

    #[test]
    fn what_is_no_system_is_none() {
        for text in [
            "",
            "PROJCS",
            "PROJCS[",
            "PROJCS[\"x\"",
            "LOCAL_CS[\"x\",UNIT[\"m\",1]]",
            "GEOGCS[\"x\",DATUM[\"d\",SPHEROID[\"s\",1,2]]]",
            "A[\"\"\"]",
        ] {
            assert_eq!(declared(text), None, "{text}");
        }
        assert_eq!(declared(&"A[".repeat(10_000)), None);
    }
}
