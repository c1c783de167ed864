//! What a layer is and what its fields mean, from their names and values.
//!
//! Names come from what utilities deliver: the ArcFM and Utility Network models of Esri, their ten-character
//! forms in shapefiles, SimBench, and plain names. Every guess carries its reason and a confidence, is written
//! into the mapping, and is told in a finding. Nothing that is missing is made up here: a field that no name
//! tells stays unmapped.

use super::layer::{Field, Geometry, Layer, Value};
use super::mapping::{Attribute, FieldSpec, Guess, LayerKind, LayerMapping, Mapping, name_matches};
use network::Diagnostic;
use std::collections::HashSet;

/// Features that are looked at to judge values.
const LOOKED_AT: usize = 2_000;

/// Names of a field for an attribute; letters and digits only, lower case. With the unit that the name tells.
type FieldNames = (Attribute, Option<&'static str>, &'static [&'static str]);

/// Names that mean the same for every kind of equipment. Earlier ones win.
const COMMON: &[FieldNames] = &[
    (
        Attribute::Id,
        None,
        &[
            "id",
            "facilityid",
            "assetid",
            "equipid",
            "equipmentid",
            "deviceid",
            "elementid",
            "name",
            "globalid",
            "guid",
            "objectid",
            "fid",
            "gid",
        ],
    ),
    (Attribute::Alias, None, &["globalid", "guid", "mrid"]),
    (
        Attribute::Feeder,
        None,
        &[
            "feederid",
            "feeder",
            "feederid1",
            "circuitid",
            "circuit",
            "feedername",
            "circuitname",
            "feedercode",
            "subnet",
            "networkid",
            "subnetworkname",
        ],
    ),
    (
        Attribute::Phases,
        None,
        &[
            "phasedesignation",
            "phasedesig",
            "phases",
            "phase",
            "phasecode",
            "phaseconfiguration",
            "phasescurrent",
            "normalphases",
            "phasesnormal",
            "phasesnorm",
            "phasescurr",
        ],
    ),
    (Attribute::Kv, Some("kV"), &["kv", "nominalkv", "operatingkv", "basekv", "vnkv", "voltagekv", "ratedkv", "kvll", "kvnom"]),
    (
        Attribute::Kv,
        None,
        &["nominalvoltage", "nominalvol", "operatingvoltage", "operatingv", "voltage", "ratedvoltage", "ratedvolta", "vmr", "voltagelevel"],
    ),
    (
        Attribute::Status,
        None,
        &["status", "lifecyclestatus", "lifecycles", "constructionstatus", "constructi", "servicestatus", "assetstatus"],
    ),
    (Attribute::Bus, None, &["busid", "bus", "node", "nodeid", "connectivitynode", "busname"]),
    (Attribute::Profile, None, &["profile", "loadprofile", "profileid", "profilename"]),
];

const BRANCH: &[FieldNames] = &[
    (
        Attribute::From,
        None,
        &[
            "frombus",
            "fromnode",
            "fromnodeid",
            "bus1",
            "node1",
            "nodea",
            "startnode",
            "fromid",
            "busfrom",
            "upstreamnode",
            "fnode",
            "frombusid",
            "fromsection",
            "hvbus",
            "nodehv",
            "primarybus",
        ],
    ),
    (
        Attribute::To,
        None,
        &[
            "tobus",
            "tonode",
            "tonodeid",
            "bus2",
            "node2",
            "nodeb",
            "endnode",
            "toid",
            "busto",
            "downstreamnode",
            "tnode",
            "tobusid",
            "tosection",
            "lvbus",
            "nodelv",
            "secondarybus",
        ],
    ),
    (
        Attribute::NormalPosition,
        None,
        &[
            "normalposition",
            "normalposi",
            "normalstatus",
            "normalstat",
            "normallyopen",
            "switchstatus",
            "position",
            "cond",
            "currentposition",
            "deviceposition",
            "openclosed",
            "closed",
        ],
    ),
    (Attribute::NormalPositionA, None, &["normalpositiona", "normalpositionphasea", "presentpositiona"]),
    (Attribute::NormalPositionB, None, &["normalpositionb", "normalpositionphaseb", "presentpositionb"]),
    (Attribute::NormalPositionC, None, &["normalpositionc", "normalpositionphasec", "presentpositionc"]),
    (Attribute::RatingA, Some("kA"), &["maxika", "imaxka", "ratingka"]),
    (
        Attribute::RatingA,
        Some("A"),
        &[
            "ampacity",
            "ratinga",
            "ratedcurrent",
            "normalamps",
            "imaxa",
            "imax",
            "amps",
            "ratedamps",
            "maxcurrent",
            "currentrating",
            "normampsa",
            "normamps",
        ],
    ),
    (Attribute::EmergencyA, Some("A"), &["emergencyamps", "emergamps", "emergencyratinga", "emergencyrating"]),
];

const LINE: &[FieldNames] = &[
    (Attribute::Length, Some("km"), &["lengthkm", "lenkm"]),
    (Attribute::Length, Some("m"), &["lengthm", "lenm", "lengthmetres", "lengthmeters"]),
    (Attribute::Length, Some("ft"), &["lengthft", "lenft", "measuredlengthft", "lengthfeet", "measuredlength", "measuredle"]),
    (Attribute::Length, Some("mi"), &["lengthmi", "lengthmiles"]),
    (
        Attribute::Type,
        None,
        &[
            "stdtype",
            "linetype",
            "linecode",
            "conductortype",
            "conductortypecode",
            "conductorcode",
            "conductorsize",
            "cabletype",
            "wiretype",
            "linemodel",
            "conductor",
            "phaseconductor",
        ],
    ),
    (Attribute::R1, Some("ohm/km"), &["rohmkm", "rohmperkm", "r1ohmkm", "r1ohmperkm", "rkm"]),
    (Attribute::X1, Some("ohm/km"), &["xohmkm", "xohmperkm", "x1ohmkm", "x1ohmperkm", "xkm"]),
    (Attribute::C1, Some("nF/km"), &["cnfkm", "cnfperkm", "c1nfkm", "c1nfperkm"]),
    (Attribute::R0, Some("ohm/km"), &["r0ohmkm", "r0ohmperkm"]),
    (Attribute::X0, Some("ohm/km"), &["x0ohmkm", "x0ohmperkm"]),
    (Attribute::C0, Some("nF/km"), &["c0nfkm", "c0nfperkm"]),
    (Attribute::R1, Some("ohm/mi"), &["rohmmi", "r1ohmmi", "r1ohmpermile"]),
    (Attribute::X1, Some("ohm/mi"), &["xohmmi", "x1ohmmi", "x1ohmpermile"]),
];

const TRANSFORMER: &[FieldNames] = &[
    (Attribute::Kva, Some("MVA"), &["mva", "snmva", "ratedmva", "smva"]),
    (
        Attribute::Kva,
        Some("kVA"),
        &["kva", "ratedkva", "kvarating", "ratingkva", "nameplatekva", "bankkva", "unitkva", "totalkva", "sizekva", "transformerkva"],
    ),
    (Attribute::Kv, Some("kV"), &["hvkv", "vnhvkv", "primarykv", "kvprimary", "highkv"]),
    (Attribute::Kv2, Some("kV"), &["lvkv", "vnlvkv", "secondarykv", "kvsecondary", "lowkv"]),
    (Attribute::Kv, None, &["primaryvoltage", "highsidevoltage", "highvoltage", "primaryvol"]),
    (Attribute::Kv2, None, &["secondaryvoltage", "lowsidevoltage", "lowvoltage", "secondaryv", "lowsidevol"]),
    (
        Attribute::ZPct,
        Some("%"),
        &["vkpct", "vkpercent", "zpct", "zpercent", "percentz", "impedancepct", "percentimpedance", "impedance", "percentimp"],
    ),
    (Attribute::RPct, Some("%"), &["vkrpct", "vkrpercent", "rpct", "rpercent", "percentr"]),
    (Attribute::LoadLossKw, Some("kW"), &["loadlosskw", "pcukw", "copperlosskw"]),
    (Attribute::NoLoadLossKw, Some("kW"), &["pfekw", "noloadlosskw", "ironlosskw", "corelosskw"]),
    (Attribute::NoLoadCurrentPct, Some("%"), &["i0pct", "i0percent", "noloadcurrentpct"]),
    (Attribute::VectorGroup, None, &["vectorgroup", "vectorgrou", "connection", "windingconnection"]),
    (Attribute::PhaseShiftDeg, Some("deg"), &["shiftdeg", "shiftdegree", "phaseshift", "phaseshiftdeg"]),
    (Attribute::TapPosition, None, &["tappos", "tapposition"]),
    (Attribute::Type, None, &["stdtype", "transformertype", "xfmrtype", "trafotype", "unittype"]),
    (Attribute::VTarget, None, &["vtarget", "voltagesetpoint", "vreg", "setvoltage"]),
    (Attribute::VBand, None, &["bandwidth", "vband"]),
];

const SHUNT: &[FieldNames] = &[
    (Attribute::PKw, Some("MW"), &["pmw", "loadmw", "mw"]),
    (Attribute::QKvar, Some("Mvar"), &["qmvar", "loadmvar", "mvar"]),
    (Attribute::PKw, Some("kW"), &["pkw", "kw", "loadkw", "peakkw", "demandkw", "ratedkw", "installedkw"]),
    (Attribute::QKvar, Some("kvar"), &["qkvar", "loadkvar"]),
    (Attribute::SKva, Some("MVA"), &["snmva", "smva", "mva"]),
    (Attribute::SKva, Some("kVA"), &["skva", "kva", "inverterkva"]),
    (Attribute::PowerFactor, None, &["pf", "powerfactor", "cosphi"]),
    (Attribute::Customers, None, &["customers", "customercount", "ncustomers", "custcount", "numcustomers", "customerco"]),
    (
        Attribute::Transformer,
        None,
        &["transformerid", "xfmrid", "tlm", "transformer", "transforme", "xfmr", "servingtransformer", "transformerfacilityid", "tlmid"],
    ),
];

const CAPACITOR: &[FieldNames] =
    &[(Attribute::Kvar, Some("kvar"), &["kvar", "totalkvar", "ratedkvar", "sizekvar", "bankkvar", "kvarrating"])];

const SOURCE: &[FieldNames] = &[
    (Attribute::VPu, None, &["vpu", "vmpu", "vmsetp", "vsetpu", "voltagepu"]),
    (Attribute::ShortCircuitMva, None, &["mvasc", "mvasc3", "shortcircuitmva", "sscmva"]),
    (Attribute::XOverR, None, &["xr", "xoverr", "x1r1"]),
];

/// Parts of a layer's name and the kind that they tell. Earlier ones win.
const KINDS: &[(&[&str], LayerKind)] = &[
    (
        &["substationboundary", "annotation", "label", "dimension", "boundary", "landbase", "parcel", "road", "street", "contour"],
        LayerKind::Other,
    ),
    (&["regulator", "vreg"], LayerKind::Regulator),
    (&["capacitor", "capbank", "shuntcap"], LayerKind::Capacitor),
    (&["recloser"], LayerKind::Recloser),
    (&["circuitbreaker", "breaker"], LayerKind::Breaker),
    (&["fuse", "cutout"], LayerKind::Fuse),
    (&["switch", "sectionali", "disconnect", "isolator", "elbow"], LayerKind::Switch),
    (&["transformer", "xfmr", "trafo", "xfrmr"], LayerKind::Transformer),
    (&["servicepoint", "servicelocation", "meter", "usagepoint", "premise", "svcpoint"], LayerKind::Meter),
    (&["photovolt", "solar", "pvsystem", "pvplant"], LayerKind::Pv),
    (&["generator", "generation", "sgen", "windpark", "distributedenergy"], LayerKind::Generator),
    (
        &[
            "conductor",
            "cable",
            "overheadline",
            "undergroundline",
            "linesegment",
            "powerline",
            "span",
            "wire",
            "primaryoh",
            "primaryug",
            "lines",
            "line",
            "electricline",
        ],
        LayerKind::Line,
    ),
    (
        &["structurejunction", "manhole", "vault", "handhole", "surfacestructure", "padmount", "duct", "conduit", "trench"],
        LayerKind::Structure,
    ),
    (&["pole", "supportstructure", "tower", "mast"], LayerKind::Pole),
    (&["feederhead", "externalgrid", "externalnet", "slack", "source", "gridsupply", "extgrid"], LayerKind::Source),
    (&["substation"], LayerKind::Substation),
    (&["load", "customer", "consumer", "energyconsumer"], LayerKind::Load),
    (&["buses", "busbar", "bus", "node", "junction"], LayerKind::Bus),
];

/// Whole names that are too short to look for within others.
const SHORT: &[(&str, LayerKind)] = &[
    ("pv", LayerKind::Pv),
    ("res", LayerKind::Generator),
    ("der", LayerKind::Generator),
    ("wind", LayerKind::Generator),
    ("cb", LayerKind::Breaker),
    ("oh", LayerKind::Line),
    ("ug", LayerKind::Line),
    ("cap", LayerKind::Capacitor),
];

/// Letters and digits, lower case.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// What shapes a layer has: lines, points, areas, in this order of counting.
fn shape_of(layer: &Layer) -> &'static str {
    let (mut lines, mut points, mut areas) = (0, 0, 0);
    for g in layer.features.iter().take(LOOKED_AT).filter_map(|f| f.geometry.as_ref()) {
        match g {
            Geometry::LineString(_) | Geometry::MultiLineString(_) => lines += 1,
            Geometry::Point(_) | Geometry::MultiPoint(_) => points += 1,
            Geometry::Polygon(_) | Geometry::MultiPolygon(_) => areas += 1,
        }
    }
    match (lines, points, areas) {
        (0, 0, 0) => "none",
        (l, p, a) if l >= p && l >= a => "lines",
        (_, p, a) if p >= a => "points",
        _ => "areas",
    }
}

/// The kind of a layer by its name and shapes.
fn guess_kind(layer: &Layer) -> Option<(LayerKind, Guess)> {
    let name = plain(&layer.name);
    let shape = shape_of(layer);
    let told = |kind: LayerKind, word: &str, mut confidence: f64| {
        let fits = match kind {
            LayerKind::Line => shape == "lines" || shape == "none",
            LayerKind::Bus | LayerKind::Meter | LayerKind::Load | LayerKind::Capacitor | LayerKind::Pole => shape != "lines",
            _ => true,
        };
        if !fits {
            confidence *= 0.3;
        }
        let reason = format!("the name has \"{word}\", its shapes are {shape}");
        (kind, Guess { reason, confidence })
    };
    if let Some((word, kind)) = SHORT.iter().find(|(word, _)| name == *word) {
        return Some(told(*kind, word, 0.8));
    }
    for (words, kind) in KINDS {
        for word in *words {
            if name.contains(word) {
                let share = word.len() as f64 / name.len().max(1) as f64;
                let found = told(*kind, word, if share > 0.6 { 0.95 } else { 0.8 });
                // A line layer that a name calls a bus or a pole is something else.
                if found.1.confidence >= 0.5 {
                    return Some(found);
                }
            }
        }
    }
    (shape != "none").then(|| (LayerKind::Other, Guess { reason: "its name tells no equipment".into(), confidence: 0.3 }))
}

/// Fields that may tell an attribute of a kind, by their names.
fn names_for(kind: LayerKind) -> Vec<&'static [FieldNames]> {
    match kind {
        LayerKind::Line => vec![LINE, BRANCH, COMMON],
        LayerKind::Switch | LayerKind::Fuse | LayerKind::Recloser | LayerKind::Breaker => vec![BRANCH, COMMON],
        LayerKind::Transformer | LayerKind::Regulator => vec![TRANSFORMER, BRANCH, COMMON],
        LayerKind::Capacitor => vec![CAPACITOR, COMMON],
        LayerKind::Load | LayerKind::Meter | LayerKind::Generator | LayerKind::Pv => vec![SHUNT, COMMON],
        LayerKind::Source => vec![SOURCE, COMMON],
        _ => vec![COMMON],
    }
}

/// The word that names of a kind's own id begin with, such as `line_id`.
fn own_words(kind: LayerKind) -> &'static [&'static str] {
    match kind {
        LayerKind::Line => &["line", "conductor", "section", "segment", "cable"],
        LayerKind::Transformer => &["xfmr", "transformer", "trafo"],
        LayerKind::Bus => &["bus", "node"],
        LayerKind::Load => &["load", "customer"],
        LayerKind::Meter => &["meter", "servicepoint"],
        LayerKind::Generator | LayerKind::Pv => &["gen", "generator", "res", "pv", "sgen", "der"],
        LayerKind::Pole => &["pole", "structure"],
        LayerKind::Capacitor => &["cap", "capacitor"],
        LayerKind::Regulator => &["regulator", "reg"],
        k if k.is_switching() => &["switch", "fuse", "device", "breaker", "recloser"],
        _ => &[],
    }
}

/// Numbers of a field, some of them.
fn numbers(layer: &Layer, field: usize) -> Vec<f64> {
    layer.features.iter().take(LOOKED_AT).filter_map(|f| f.values.get(field)).filter(|v| !v.is_null()).filter_map(Value::number).collect()
}

/// The fields of a layer that tell attributes of its kind.
fn guess_fields(layer: &Layer, mapping: &mut LayerMapping) -> Vec<String> {
    let kind = mapping.kind;
    let mut told = Vec::new();
    let mut used: HashSet<String> = mapping.fields.values().flat_map(|s| &s.field).map(|f| f.to_lowercase()).collect();
    let mut take = |mapping: &mut LayerMapping, attribute: Attribute, field: &Field, unit: Option<&str>, guess: Guess| {
        told.push(format!(
            "{} from {}{} ({:.2}, {})",
            attribute.name(),
            field.name,
            unit.map(|u| format!(" in {u}")).unwrap_or_default(),
            guess.confidence,
            guess.reason
        ));
        let spec = FieldSpec { unit: unit.map(str::to_owned), guess: Some(guess), ..FieldSpec::of(field.name.as_str()) };
        mapping.fields.insert(attribute, spec);
    };
    // `line_id` is the id of a line before any other name.
    if !mapping.fields.contains_key(&Attribute::Id) {
        let own = layer
            .fields
            .iter()
            .find(|f| own_words(kind).iter().any(|w| [format!("{w}id"), format!("{w}name"), format!("{w}no")].contains(&plain(&f.name))));
        if let Some(field) = own.filter(|f| !used.contains(&f.name.to_lowercase())) {
            used.insert(field.name.to_lowercase());
            take(mapping, Attribute::Id, field, None, Guess { reason: "the name of the kind with id".into(), confidence: 0.95 });
        }
    }
    for list in names_for(kind) {
        for (attribute, unit, names) in list {
            if mapping.fields.contains_key(attribute) {
                continue;
            }
            let mut best: Option<(f64, usize, String)> = None;
            for (i, field) in layer.fields.iter().enumerate() {
                if used.contains(&field.name.to_lowercase()) {
                    continue;
                }
                let name = plain(&field.name);
                let alias = field.alias.as_deref().map(plain).unwrap_or_default();
                for (rank, candidate) in names.iter().enumerate() {
                    let order = 0.001 * rank as f64;
                    // Ten characters are what a shapefile keeps of a name.
                    let cut = field.name.len() == 10 && candidate.len() > name.len() && name.len() >= 7 && candidate.starts_with(&name);
                    let (confidence, reason) = if name == *candidate {
                        (0.95 - order, format!("the name is {candidate}"))
                    } else if cut {
                        (0.8 - order, format!("ten characters of {candidate}"))
                    } else if alias == *candidate {
                        (0.9 - order, format!("the alias is {candidate}"))
                    } else {
                        continue;
                    };
                    if best.as_ref().is_none_or(|(c, ..)| confidence > *c) {
                        best = Some((confidence, i, reason));
                    }
                }
            }
            let Some((confidence, i, reason)) = best else { continue };
            let field = &layer.fields[i];
            let mut guess = Guess { reason, confidence };
            let mut unit = *unit;
            if matches!(attribute, Attribute::Kv | Attribute::Kv2) && unit.is_none() {
                let mut values = numbers(layer, i);
                values.sort_by(f64::total_cmp);
                match values.get(values.len() / 2) {
                    Some(&m) if m >= 90.0 => (unit, guess.reason) = (Some("V"), format!("{}; the middle value is {m}", guess.reason)),
                    Some(&m) if m > 0.0 && field.domain.is_none() => {
                        (unit, guess.reason) = (Some("kV"), format!("{}; the middle value is {m}", guess.reason))
                    }
                    _ => guess.confidence *= 0.7,
                }
            }
            // What is not unique is no id.
            if *attribute == Attribute::Id && !unique(layer, i) {
                continue;
            }
            used.insert(field.name.to_lowercase());
            take(mapping, *attribute, field, unit, guess);
        }
    }
    told
}

/// Every value of a field is there, and nearly every one differs from the others, as far as was looked: one in a hundred (or
/// one alone) may be a slip, which is found as a duplicate.
fn unique(layer: &Layer, field: usize) -> bool {
    let mut seen = HashSet::new();
    let looked_at = layer.features.len().min(LOOKED_AT);
    let all_there = layer.features.iter().take(LOOKED_AT).all(|f| {
        f.values.get(field).is_some_and(|v| {
            seen.insert(v.to_string());
            !v.is_null()
        })
    });
    all_there && seen.len() + (looked_at / 100).max(1) >= looked_at
}

/// The mapping with guesses for what it leaves out, and findings that tell them.
pub fn complete(mapping: &Mapping, layers: &[Layer]) -> (Mapping, Vec<Diagnostic>) {
    let mut mapping = mapping.clone();
    let mut findings = Vec::new();
    if !mapping.guess {
        return (mapping, findings);
    }
    let mut tables: HashSet<String> = HashSet::new();
    tables.extend(mapping.tables.iter().map(|t| t.name.to_lowercase()));
    tables.extend(mapping.layers.iter().flat_map(|l| &l.joins).map(|j| j.table.to_lowercase()));
    tables.extend(mapping.line_types.iter().chain(&mapping.transformer_types).filter_map(|c| c.table.as_ref()).map(|t| t.to_lowercase()));
    for layer in layers {
        let mut listed = false;
        for m in mapping.layers.iter_mut().filter(|m| name_matches(&m.layer, &layer.name)) {
            listed = true;
            // A pattern for several layers, or one with joins, says all that it means.
            if m.kind == LayerKind::Ignore || m.layer.contains('*') || !m.joins.is_empty() {
                continue;
            }
            let told = guess_fields(layer, m);
            if !told.is_empty() {
                let d = Diagnostic::note(
                    "GIS.MAPPING.GUESSED",
                    format!("fields of layer {} that the mapping does not list were guessed", layer.name),
                );
                findings.push(
                    d.at(&layer.source)
                        .detail(format!("{}.", told.join("; ")))
                        .hint("Write the mapping out, correct it, and read with it."),
                );
            }
        }
        if listed || tables.contains(&layer.name.to_lowercase()) || layer.features.is_empty() {
            continue;
        }
        let Some((kind, guess)) = guess_kind(layer) else { continue };
        let mut m = LayerMapping::new(layer.name.as_str(), kind);
        let what = format!("layer {} is taken as {} ({:.2}, {})", layer.name, kind.name(), guess.confidence, guess.reason);
        let unsure = guess.confidence < 0.6;
        m.guess = Some(guess);
        let told = guess_fields(layer, &mut m);
        let detail = if told.is_empty() { "No field was recognised.".to_owned() } else { format!("{}.", told.join("; ")) };
        let hint = "Write the mapping out, correct it, and read with it.";
        findings.push(match unsure {
            true => Diagnostic::warning("GIS.MAPPING.UNSURE", what).at(&layer.source).detail(detail).hint(hint),
            false => Diagnostic::note("GIS.MAPPING.GUESSED", what).at(&layer.source).detail(detail).hint(hint),
        });
        mapping.layers.push(m);
    }
    (mapping, findings)
}
