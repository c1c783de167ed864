//! The mapping file: which layer is what equipment, which field which attribute.
//!
//! A [`Mapping`] is YAML that people write and edit; a layer or field that it leaves out is guessed
//! ([`super::mapping_guess`]), and the mapping as it was used in the end can be written out again. Values are
//! brought to the units of [`Quantity`] here, so that what builds the network knows one unit for each
//! attribute. A value that is there but does not read is an error of its record and never a default.
//!
//! `docs/formats/gis.md` describes the file for its users.

use super::layer::{Domain, Field, Value};
use crate::ImportError;
use network::Diagnostic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the mapping file that is read and written.
pub const MAPPING_VERSION: u32 = 1;

/// Longest mapping file that is read, bytes.
const MAPPING_BYTES: usize = 4 << 20;

/// What the layers of a utility are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    pub version: u32,
    /// Name of the network; that of the file where it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Name of the asset system, under which ids become aliases of elements.
    #[serde(default = "gis", skip_serializing_if = "is_gis")]
    pub system: String,
    /// Frequency of the grid and of its reactances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frequency_hz: Option<f64>,
    /// Layers and fields that are not listed are guessed.
    #[serde(default = "yes")]
    pub guess: bool,
    #[serde(default)]
    pub connectivity: Connectivity,
    /// Zero-sequence data of lines that have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zero_sequence: Option<ZeroSequence>,
    /// Further tables, in files beside the mapping file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerMapping>,
    /// Kinds of lines: impedances and ratings by the value of a line's `type`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub line_types: Vec<Catalogue>,
    /// Kinds of transformers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transformer_types: Vec<Catalogue>,
    /// Series over time by the value of a load's or generator's `profile`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<ProfileTable>,
}

fn gis() -> String {
    "gis".to_owned()
}

fn is_gis(system: &String) -> bool {
    system == "gis"
}

fn yes() -> bool {
    true
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            version: MAPPING_VERSION,
            name: None,
            system: gis(),
            frequency_hz: None,
            guess: true,
            connectivity: Connectivity::default(),
            zero_sequence: None,
            tables: Vec::new(),
            layers: Vec::new(),
            line_types: Vec::new(),
            transformer_types: Vec::new(),
            profiles: Vec::new(),
        }
    }
}

/// How coordinates join what no attribute joins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Connectivity {
    /// Points closer than this are one place, metres.
    pub tolerance_m: f64,
    /// Ends that miss a neighbour by less than this are listed, metres.
    pub near_miss_m: f64,
    /// An end or a device that lies on a line between its ends is joined to it there.
    pub split_lines: bool,
}

impl Default for Connectivity {
    fn default() -> Self {
        Self { tolerance_m: 0.3, near_miss_m: 2.0, split_lines: true }
    }
}

/// Zero-sequence data as multiples of those of the positive sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZeroSequence {
    pub r0_over_r1: f64,
    pub x0_over_x1: f64,
    pub c0_over_c1: f64,
    pub reason: String,
}

/// A table in a file of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableFile {
    pub name: String,
    /// Seen from the folder of the mapping file; `.csv`, also within `.gz`.
    pub path: String,
}

/// What a layer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerKind {
    /// Places by name, with their voltage.
    Bus,
    Line,
    Switch,
    Fuse,
    Recloser,
    Breaker,
    Transformer,
    Regulator,
    Capacitor,
    Load,
    /// Service points: loads where they carry a power, assets in any case.
    Meter,
    Generator,
    Pv,
    Source,
    Pole,
    /// Manholes, vaults, pads and what else stands without carrying current.
    Structure,
    Substation,
    /// Assets without an electrical meaning.
    Other,
    /// Not read.
    Ignore,
}

impl LayerKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bus => "bus",
            Self::Line => "line",
            Self::Switch => "switch",
            Self::Fuse => "fuse",
            Self::Recloser => "recloser",
            Self::Breaker => "breaker",
            Self::Transformer => "transformer",
            Self::Regulator => "regulator",
            Self::Capacitor => "capacitor",
            Self::Load => "load",
            Self::Meter => "meter",
            Self::Generator => "generator",
            Self::Pv => "pv",
            Self::Source => "source",
            Self::Pole => "pole",
            Self::Structure => "structure",
            Self::Substation => "substation",
            Self::Other => "other",
            Self::Ignore => "ignore",
        }
    }

    /// Carries current from one bus to another.
    pub fn is_branch(self) -> bool {
        matches!(self, Self::Line | Self::Transformer | Self::Regulator) || self.is_switching()
    }

    /// Opens and closes.
    pub fn is_switching(self) -> bool {
        matches!(self, Self::Switch | Self::Fuse | Self::Recloser | Self::Breaker)
    }

    /// Stands at one bus.
    pub fn is_shunt(self) -> bool {
        matches!(self, Self::Load | Self::Meter | Self::Generator | Self::Pv | Self::Source | Self::Capacitor)
    }
}

/// A layer or table and what it means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerMapping {
    /// Name of the layer, in any case; `*` stands for any run of characters.
    pub layer: String,
    pub kind: LayerKind,
    /// Only features that meet all of these.
    #[serde(default, rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Columns of other tables, joined before anything else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joins: Vec<Join>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<Attribute, FieldSpec>,
    /// Why this was guessed, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guess: Option<Guess>,
}

impl LayerMapping {
    pub fn new(layer: impl Into<String>, kind: LayerKind) -> Self {
        Self { layer: layer.into(), kind, conditions: Vec::new(), joins: Vec::new(), fields: BTreeMap::new(), guess: None }
    }
}

/// Why something is taken as it is, and how surely.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guess {
    pub reason: String,
    /// 0 to 1.
    pub confidence: f64,
}

/// Which features are taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    pub field: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub is: Vec<Scalar>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not: Vec<Scalar>,
}

impl Condition {
    /// Whether a value, or what its domain says of it, is wanted.
    pub fn holds(&self, value: &Value, meaning: Option<&str>) -> bool {
        let is = |wanted: &Scalar| wanted.matches(value) || meaning.is_some_and(|m| wanted.text().eq_ignore_ascii_case(m));
        (self.is.is_empty() || self.is.iter().any(is)) && !self.not.iter().any(is)
    }
}

/// Columns of the row of another table whose `on` has the value of `key`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Join {
    pub table: String,
    /// Field of this layer, or one that an earlier join brought.
    pub key: String,
    /// Column of the table.
    pub on: String,
    /// New field name: column of the table.
    pub take: BTreeMap<String, String>,
}

/// Entries of a catalogue: from a table, written out here, or both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// Layer or table whose rows are entries; `id` among `fields` names an entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<Attribute, FieldSpec>,
    /// Entries by name: attributes in the units that the page names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub entries: BTreeMap<String, BTreeMap<Attribute, Scalar>>,
}

/// A table of series, one column a profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileTable {
    pub table: String,
    /// Kinds of layers that it is for; all when empty. Loads and plants may have profiles of the same name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<LayerKind>,
    /// Column of the time, which is not a profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Hours from one row to the next.
    pub interval_h: f64,
    /// What follows a profile's name in the column of its active power.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub p_suffix: String,
    /// What follows it in the column of reactive power; without it P's series holds for Q.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q_suffix: Option<String>,
}

/// A value in the mapping file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    Boolean(bool),
    Integer(i64),
    Real(f64),
    Text(String),
}

impl Scalar {
    pub fn text(&self) -> String {
        match self {
            Self::Boolean(b) => b.to_string(),
            Self::Integer(i) => i.to_string(),
            Self::Real(r) => r.to_string(),
            Self::Text(t) => t.clone(),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Boolean(b) => Value::Boolean(*b),
            Self::Integer(i) => Value::Integer(*i),
            Self::Real(r) => Value::Real(*r),
            Self::Text(t) => Value::text(t.as_str()),
        }
    }

    fn matches(&self, value: &Value) -> bool {
        match (self.value().number(), value.number()) {
            (Some(a), Some(b)) => a == b,
            _ => self.text().eq_ignore_ascii_case(value.to_string().trim()),
        }
    }
}

/// Where an attribute comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FieldSpec {
    /// Fields of the layer; the first that has a value counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub field: Vec<String>,
    /// Unit of the values; the attribute's own where it is not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Values as the layer has them, and what they stand for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, Scalar>,
    /// Taken where there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Scalar>,
    /// Why the default is right; a default needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guess: Option<Guess>,
}

impl FieldSpec {
    pub fn of(field: impl Into<String>) -> Self {
        Self { field: vec![field.into()], ..Self::default() }
    }

    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = Some(unit.into());
        self
    }
}

/// A field by its name alone, or with all that is to be said of it.
#[derive(Deserialize)]
#[serde(untagged)]
enum FieldSpecText {
    Name(String),
    Whole(FieldSpecWhole),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldSpecWhole {
    #[serde(default)]
    field: Option<OneOrMore>,
    unit: Option<String>,
    #[serde(default)]
    values: BTreeMap<CodedValue, Scalar>,
    default: Option<Scalar>,
    reason: Option<String>,
    guess: Option<Guess>,
}

/// A coded value as a mapping writes it, a number as a rule: YAML's keys are not all texts.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct CodedValue(String);

impl<'de> Deserialize<'de> for CodedValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = CodedValue;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number or a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<CodedValue, E> {
                Ok(CodedValue(text.to_owned()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<CodedValue, E> {
                Ok(CodedValue(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<CodedValue, E> {
                Ok(CodedValue(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<CodedValue, E> {
                Ok(CodedValue(number.to_string()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<CodedValue, E> {
                Ok(CodedValue(value.to_string()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl<'de> Deserialize<'de> for FieldSpec {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match FieldSpecText::deserialize(deserializer)? {
            FieldSpecText::Name(name) => FieldSpec::of(name),
            FieldSpecText::Whole(w) => FieldSpec {
                field: match w.field {
                    None => Vec::new(),
                    Some(OneOrMore::One(name)) => vec![name],
                    Some(OneOrMore::More(names)) => names,
                },
                unit: w.unit,
                values: w.values.into_iter().map(|(key, value)| (key.0, value)).collect(),
                default: w.default,
                reason: w.reason,
                guess: w.guess,
            },
        })
    }
}

/// What kind of value an attribute is; numbers are kept in the unit named here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    Text,
    /// kV
    Voltage,
    /// m
    Length,
    /// ohm/km
    OhmPerLength,
    /// nF/km
    CapacitancePerLength,
    /// ohm
    Ohm,
    /// A
    Current,
    /// kW, kvar, kVA
    Power,
    /// %
    Percent,
    /// degrees
    Angle,
    /// A plain number.
    Number,
}

impl Quantity {
    /// The unit in which values of this kind are kept.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Voltage => "kV",
            Self::Length => "m",
            Self::OhmPerLength => "ohm/km",
            Self::CapacitancePerLength => "nF/km",
            Self::Ohm => "ohm",
            Self::Current => "A",
            Self::Power => "kW, kvar or kVA",
            Self::Percent => "%",
            Self::Angle => "deg",
            Self::Number => "number",
        }
    }
}

macro_rules! attributes {
    ($($(#[$doc:meta])* $name:ident $key:literal $quantity:ident;)*) => {
        /// What is known of a piece of equipment.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Attribute { $($(#[$doc])* #[serde(rename = $key)] $name,)* }

        impl Attribute {
            pub const ALL: &'static [Attribute] = &[$(Attribute::$name,)*];

            /// The word of the mapping file.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $key,)* }
            }

            pub fn quantity(self) -> Quantity {
                match self { $(Self::$name => Quantity::$quantity,)* }
            }
        }
    };
}

attributes! {
    /// Identity in its source; the name of the element.
    Id "id" Text;
    /// A further identity, such as a global id.
    Alias "alias" Text;
    Feeder "feeder" Text;
    /// Place of a row of a table, WGS 84.
    Lon "lon" Angle;
    Lat "lat" Angle;
    /// Bus of the first and of the second end.
    From "from" Text;
    To "to" Text;
    /// Bus of what stands at one.
    Bus "bus" Text;
    /// Letters, digits 1 to 3, or the bit mask A=4, B=2, C=1.
    Phases "phases" Text;
    /// Line to line.
    Kv "kv" Voltage;
    /// Line to neutral: an alternative to `kv`.
    KvLn "kv_ln" Voltage;
    /// Second winding, line to line.
    Kv2 "kv2" Voltage;
    Kv2Ln "kv2_ln" Voltage;
    Length "length" Length;
    /// Key of a catalogue.
    Type "type" Text;
    R1 "r1" OhmPerLength;
    X1 "x1" OhmPerLength;
    C1 "c1" CapacitancePerLength;
    R0 "r0" OhmPerLength;
    X0 "x0" OhmPerLength;
    C0 "c0" CapacitancePerLength;
    RatingA "rating_a" Current;
    EmergencyA "emergency_a" Current;
    Kva "kva" Power;
    /// Magnitude of the short-circuit impedance.
    ZPct "z_pct" Percent;
    /// Its resistive part.
    RPct "r_pct" Percent;
    /// Losses at rated current: an alternative to `r_pct`.
    LoadLossKw "load_loss_kw" Power;
    NoLoadLossKw "no_load_loss_kw" Power;
    NoLoadLossPct "no_load_loss_pct" Percent;
    NoLoadCurrentPct "no_load_current_pct" Percent;
    /// Such as Dyn5; a word of the text that is one counts.
    VectorGroup "vector_group" Text;
    /// The second side lags by this.
    PhaseShiftDeg "phase_shift_deg" Angle;
    TapSide "tap_side" Text;
    TapPosition "tap_position" Number;
    TapNeutral "tap_neutral" Number;
    TapMin "tap_min" Number;
    TapMax "tap_max" Number;
    TapStepPct "tap_step_pct" Percent;
    /// Ratio of the tapped winding, instead of a position.
    TapPu "tap_pu" Number;
    /// `open` or `closed`, 0 or 1, yes or no.
    NormalPosition "normal_position" Text;
    NormalPositionA "normal_position_a" Text;
    NormalPositionB "normal_position_b" Text;
    NormalPositionC "normal_position_c" Text;
    /// Whether the switch at an end of a line is closed.
    ClosedFrom "closed_from" Text;
    ClosedTo "closed_to" Text;
    /// In service, proposed, abandoned.
    Status "status" Text;
    PKw "p_kw" Power;
    QKvar "q_kvar" Power;
    SKva "s_kva" Power;
    PowerFactor "power_factor" Number;
    Customers "customers" Number;
    Profile "profile" Text;
    /// How a load or plant of three phases is joined: `wye` (earthed) or `delta`.
    Connection "connection" Text;
    /// Id of the transformer that feeds a meter or load.
    Transformer "transformer" Text;
    Kvar "kvar" Power;
    VPu "v_pu" Number;
    AngleDeg "angle_deg" Angle;
    ShortCircuitMva "short_circuit_mva" Number;
    XOverR "x_over_r" Number;
    /// A source that holds its voltage whatever the current.
    Stiff "stiff" Text;
    /// Regulator: volts on a base of 120, and its band.
    VTarget "v_target_120" Number;
    VBand "v_band_120" Number;
}

impl Mapping {
    /// Reads a mapping file.
    ///
    /// # Errors
    /// `GIS.MAPPING.SYNTAX` with line and column, `GIS.MAPPING.VALUE` for what reads but cannot be meant.
    pub fn from_yaml(text: &str, file: &str) -> Result<Mapping, ImportError> {
        if text.len() > MAPPING_BYTES {
            return Err(Diagnostic::error("GIS.MAPPING.SYNTAX", format!("{file} is longer than {MAPPING_BYTES} bytes")).into());
        }
        let mapping: Mapping = serde_saphyr::from_str(text).map_err(|e| {
            let line = e.location().map_or(0, |l| u32::try_from(l.line()).unwrap_or(0));
            let words = e.to_string();
            let first = words.lines().next().unwrap_or("the mapping file does not read").to_owned();
            Diagnostic::error("GIS.MAPPING.SYNTAX", first)
                .at(&network::SourceRef::new(file, line))
                .detail(words)
                .hint("docs/formats/gis.md lists the words of a mapping file.")
        })?;
        let faults = mapping.faults();
        if faults.is_empty() {
            return Ok(mapping);
        }
        let source = network::SourceRef::new(file, 0);
        Err(ImportError::new(faults.into_iter().map(|f| Diagnostic::error("GIS.MAPPING.VALUE", f).at(&source)).collect()))
    }

    /// The mapping as a file that [`Mapping::from_yaml`] reads.
    ///
    /// # Errors
    /// When the serialiser refuses a value, which a number that is not finite makes it do.
    pub fn to_yaml(&self) -> Result<String, ImportError> {
        serde_saphyr::to_string(self)
            .map_err(|e| Diagnostic::error("GIS.MAPPING.VALUE", format!("the mapping cannot be written: {e}")).into())
    }

    /// What reads but cannot be meant.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.version != MAPPING_VERSION {
            faults.push(format!("version {} of the mapping file is not known; this is version {MAPPING_VERSION}", self.version));
        }
        if self.frequency_hz.is_some_and(|f| !(f.is_finite() && (10.0..=400.0).contains(&f))) {
            faults.push("frequency_hz is not between 10 and 400".to_owned());
        }
        let c = &self.connectivity;
        if !(c.tolerance_m.is_finite() && (0.0..=100.0).contains(&c.tolerance_m)) {
            faults.push("connectivity.tolerance_m is not between 0 and 100".to_owned());
        }
        if !(c.near_miss_m.is_finite() && (0.0..=1000.0).contains(&c.near_miss_m)) {
            faults.push("connectivity.near_miss_m is not between 0 and 1000".to_owned());
        }
        if let Some(z) = &self.zero_sequence
            && ![z.r0_over_r1, z.x0_over_x1, z.c0_over_c1].iter().all(|v| v.is_finite() && *v >= 0.0)
        {
            faults.push("a factor of zero_sequence is negative or no number".to_owned());
        }
        for p in &self.profiles {
            if !(p.interval_h.is_finite() && p.interval_h > 0.0) {
                faults.push(format!("interval_h of profiles in {} is not above 0", p.table));
            }
        }
        let layers = self.layers.iter().map(|l| (l.layer.as_str(), &l.fields));
        let catalogues =
            self.line_types.iter().chain(&self.transformer_types).map(|c| (c.table.as_deref().unwrap_or("(catalogue)"), &c.fields));
        for (name, fields) in layers.chain(catalogues) {
            for (attribute, spec) in fields {
                let place = format!("{name}.{}", attribute.name());
                if spec.field.is_empty() && spec.default.is_none() {
                    faults.push(format!("{place} has neither a field nor a default"));
                }
                if spec.default.is_some() && spec.reason.as_deref().is_none_or(|r| r.trim().is_empty()) {
                    faults.push(format!("the default of {place} has no reason"));
                }
                if let Some(unit) = &spec.unit
                    && unit_factor(attribute.quantity(), unit, 50.0).is_none()
                {
                    faults.push(format!("{unit:?} is no unit of {place}, which is kept in {}", attribute.quantity().unit()));
                }
            }
        }
        for c in self.line_types.iter().chain(&self.transformer_types) {
            if c.table.is_some() && !c.fields.contains_key(&Attribute::Id) {
                faults.push(format!("the catalogue {} does not say which field is the id", c.table.as_deref().unwrap_or_default()));
            }
        }
        faults
    }
}

/// Factor from `unit` to the unit in which a quantity is kept; none where it is no unit of it.
///
/// Foot and mile are the international ones (0.3048 m, 1609.344 m), `usft` the US survey foot (1200/3937 m).
pub fn unit_factor(quantity: Quantity, unit: &str, frequency_hz: f64) -> Option<f64> {
    let unit = unit.trim().to_lowercase().replace(['µ', 'μ'], "u").replace('Ω', "ohm").replace("ω", "ohm");
    let metres = |name: &str| {
        Some(match name.trim() {
            "m" | "metre" | "metres" | "meter" | "meters" => 1.0,
            "km" | "kilometre" | "kilometres" | "kilometer" | "kilometers" => 1000.0,
            "cm" => 0.01,
            "mm" => 0.001,
            "ft" | "foot" | "feet" => 0.3048,
            "usft" | "us-ft" | "us_ft" | "ftus" | "us survey foot" => 1200.0 / 3937.0,
            "kft" | "1000ft" | "kilofoot" | "mft" => 304.8,
            "mi" | "mile" | "miles" => 1609.344,
            "yd" | "yard" | "yards" => 0.9144,
            _ => return None,
        })
    };
    let per_km = |name: &str| metres(name).map(|m| 1000.0 / m);
    match quantity {
        Quantity::Text => None,
        Quantity::Voltage => match unit.as_str() {
            "kv" => Some(1.0),
            "v" => Some(1e-3),
            "mv" => None,
            _ => None,
        },
        Quantity::Length => metres(&unit),
        Quantity::OhmPerLength => {
            let (ohm, length) = unit.split_once('/')?;
            let scale = match ohm.trim() {
                "ohm" | "ohms" => 1.0,
                "mohm" => 1e-3,
                _ => return None,
            };
            Some(scale * per_km(length)?)
        }
        Quantity::CapacitancePerLength => {
            let (what, length) = unit.split_once('/')?;
            let susceptance_to_nf = 1e9 / (2.0 * std::f64::consts::PI * frequency_hz);
            let scale = match what.trim() {
                "nf" => 1.0,
                "uf" => 1e3,
                "pf" => 1e-3,
                "f" => 1e9,
                "us" => 1e-6 * susceptance_to_nf,
                "s" => susceptance_to_nf,
                _ => return None,
            };
            Some(scale * per_km(length)?)
        }
        Quantity::Ohm => match unit.as_str() {
            "ohm" | "ohms" => Some(1.0),
            "mohm" => Some(1e-3),
            _ => None,
        },
        Quantity::Current => match unit.as_str() {
            "a" | "amp" | "amps" => Some(1.0),
            "ka" => Some(1e3),
            _ => None,
        },
        Quantity::Power => match unit.as_str() {
            "w" | "va" | "var" => Some(1e-3),
            "kw" | "kva" | "kvar" => Some(1.0),
            "mw" | "mva" | "mvar" => Some(1e3),
            _ => None,
        },
        Quantity::Percent => match unit.as_str() {
            "%" | "pct" | "percent" => Some(1.0),
            "pu" | "p.u." => Some(100.0),
            _ => None,
        },
        Quantity::Angle => match unit.as_str() {
            "deg" | "degree" | "degrees" => Some(1.0),
            "rad" => Some(180.0 / std::f64::consts::PI),
            _ => None,
        },
        Quantity::Number => (unit == "number" || unit == "1").then_some(1.0),
    }
}

/// An attribute's value in the unit of its quantity.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    Number(f64),
    Text(String),
}

/// Why a value does not read.
#[derive(Clone, Debug, PartialEq)]
pub struct Unreadable {
    pub attribute: Attribute,
    pub field: String,
    pub value: String,
    pub expected: &'static str,
}

/// The attributes of one record, whatever they came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Attributes {
    values: Vec<Option<Reading>>,
}

impl Default for Attributes {
    fn default() -> Self {
        Self { values: vec![None; Attribute::ALL.len()] }
    }
}

impl Attributes {
    pub fn get(&self, attribute: Attribute) -> Option<&Reading> {
        self.values.get(attribute as usize)?.as_ref()
    }

    pub fn has(&self, attribute: Attribute) -> bool {
        self.get(attribute).is_some()
    }

    pub fn number(&self, attribute: Attribute) -> Option<f64> {
        match self.get(attribute)? {
            Reading::Number(v) => Some(*v),
            Reading::Text(_) => None,
        }
    }

    pub fn text(&self, attribute: Attribute) -> Option<&str> {
        match self.get(attribute)? {
            Reading::Text(t) => Some(t),
            Reading::Number(_) => None,
        }
    }

    pub fn set(&mut self, attribute: Attribute, reading: Reading) {
        if let Some(slot) = self.values.get_mut(attribute as usize) {
            *slot = Some(reading);
        }
    }

    /// Takes from `other` what is missing here.
    pub fn fill_from(&mut self, other: &Attributes) {
        for (mine, theirs) in self.values.iter_mut().zip(&other.values) {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
    }
}

/// Reads a value of a field as an attribute.
///
/// A value that the mapping lists stands for what it lists; else the meaning that the field's domain gives the
/// code, if that reads as the attribute; else the value itself. `None` where there is no value.
///
/// # Errors
/// When the value is there and does not read as the attribute's quantity.
pub fn read_value(
    attribute: Attribute,
    spec: &FieldSpec,
    field: &Field,
    value: &Value,
    meaning: Option<&str>,
    frequency_hz: f64,
) -> Result<Option<Reading>, Unreadable> {
    if value.is_null() || is_null_word(value) {
        return Ok(None);
    }
    let quantity = attribute.quantity();
    let unreadable = || Unreadable { attribute, field: field.name.clone(), value: value.to_string(), expected: quantity.unit() };
    let factor = match &spec.unit {
        Some(unit) => unit_factor(quantity, unit, frequency_hz).unwrap_or(1.0),
        None => 1.0,
    };
    let listed = spec.values.iter().find(|(key, _)| {
        let key = Scalar::Text((*key).clone());
        key.matches(value) || meaning.is_some_and(|m| key.text().eq_ignore_ascii_case(m))
    });
    if let Some((_, stands_for)) = listed {
        return match quantity {
            Quantity::Text => Ok(Some(Reading::Text(stands_for.text()))),
            _ => stands_for.value().number().map(|v| Some(Reading::Number(v * factor))).ok_or_else(unreadable),
        };
    }
    if quantity == Quantity::Text {
        // The mask of phases is a code in its own right, whatever a domain calls it, but letters say it better.
        let text = match meaning {
            Some(meaning) => meaning.to_owned(),
            None => value.to_string(),
        };
        return Ok(Some(Reading::Text(text.trim().to_owned())));
    }
    if let Some(meaning) = meaning
        && let Some(v) = number_with_unit(quantity, meaning, factor, frequency_hz)
    {
        return Ok(Some(Reading::Number(v)));
    }
    let number = match value {
        Value::Text(text) => number_with_unit(quantity, text, factor, frequency_hz),
        other => other.number().filter(|v| v.is_finite()).map(|v| v * factor),
    };
    number.map(|v| Some(Reading::Number(v))).ok_or_else(unreadable)
}

/// Words that tables write for "no value".
fn is_null_word(value: &Value) -> bool {
    matches!(value, Value::Text(t) if ["null", "<null>", "none", "n/a", "nan"].contains(&t.trim().to_lowercase().as_str()))
}

/// A number, alone (then in the unit of `factor`) or followed by a unit of its quantity.
fn number_with_unit(quantity: Quantity, text: &str, factor: f64, frequency_hz: f64) -> Option<f64> {
    let text = text.trim();
    if let Ok(v) = text.parse::<f64>() {
        return v.is_finite().then_some(v * factor);
    }
    let end = text.find(|c: char| !(c.is_ascii_digit() || ['.', '-', '+'].contains(&c)))?;
    let (number, unit) = text.split_at(end);
    let v: f64 = number.trim().parse().ok()?;
    Some(v * unit_factor(quantity, unit, frequency_hz)?)
}

/// The default of a field as a reading.
pub fn read_default(attribute: Attribute, default: &Scalar, unit: Option<&str>, frequency_hz: f64) -> Option<Reading> {
    if attribute.quantity() == Quantity::Text {
        return Some(Reading::Text(default.text()));
    }
    let factor = unit.and_then(|u| unit_factor(attribute.quantity(), u, frequency_hz)).unwrap_or(1.0);
    match default {
        Scalar::Text(t) => number_with_unit(attribute.quantity(), t, factor, frequency_hz).map(Reading::Number),
        other => other.value().number().map(|v| Reading::Number(v * factor)),
    }
}

/// Phases A, B, C as a text or number says them; none where it does not.
///
/// A number is the bit mask A=4, B=2, C=1 of the Esri and ArcFM models. Text is letters (`A`, `bc`, `ABCN`, with
/// blanks, commas or hyphens), `RST`, `RYB`, `L1L2L3`, or `3` digits such as `123`.
pub fn read_phases(text: &str) -> Option<[bool; 3]> {
    let text: String = text.trim().to_uppercase().chars().filter(|c| !matches!(c, ' ' | ',' | '-' | '.' | '/' | '_' | '+' | '&')).collect();
    if text.is_empty() {
        return None;
    }
    if let Ok(mask) = text.parse::<u32>() {
        return match mask {
            1..=7 => Some([mask & 4 != 0, mask & 2 != 0, mask & 1 != 0]),
            12 => Some([true, true, false]),
            13 => Some([true, false, true]),
            23 => Some([false, true, true]),
            123 => Some([true; 3]),
            _ => None,
        };
    }
    let named = match text.as_str() {
        "THREEPHASE" | "3PHASE" | "3PH" | "L1L2L3" | "RST" | "RYB" | "UVW" | "XYZ" => Some([true; 3]),
        "L1" => Some([true, false, false]),
        "L2" => Some([false, true, false]),
        "L3" => Some([false, false, true]),
        "L1L2" => Some([true, true, false]),
        "L1L3" => Some([true, false, true]),
        "L2L3" => Some([false, true, true]),
        _ => None,
    };
    if named.is_some() {
        return named;
    }
    let mut phases = [false; 3];
    for c in text.chars() {
        match c {
            'A' | 'R' => phases[0] = true,
            'B' | 'S' => phases[1] = true,
            'C' | 'T' => phases[2] = true,
            'N' | 'G' => {}
            _ => return None,
        }
    }
    phases.iter().any(|p| *p).then_some(phases)
}

/// Whether a text says closed; none where it says neither.
pub fn read_closed(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "1" | "1.0" | "closed" | "close" | "c" | "true" | "yes" | "y" | "on" | "in" | "nc" | "normally closed" => Some(true),
        "0" | "0.0" | "open" | "opened" | "o" | "false" | "no" | "n" | "off" | "out" | "no_" | "normally open" => Some(false),
        _ => None,
    }
}

/// Whether a text says that something stands in the field and works; none where it is not understood.
pub fn read_in_service(text: &str) -> Option<bool> {
    let text = text.trim().to_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| text == *w);
    if has(&[
        "in service",
        "inservice",
        "in_service",
        "existing",
        "energized",
        "energised",
        "active",
        "built",
        "as built",
        "asbuilt",
        "as-built",
        "in use",
        "is",
        "a",
        "1",
        "5",
        "true",
        "yes",
        "y",
        "on",
    ]) {
        return Some(true);
    }
    if has(&[
        "proposed",
        "planned",
        "abandoned",
        "retired",
        "removed",
        "out of service",
        "decommissioned",
        "disconnected",
        "inactive",
        "idle",
        "to be removed",
        "removal",
        "de-energized",
        "deenergized",
        "not in service",
        "under construction",
        "future",
        "deactivated",
        "0",
        "false",
        "no",
        "n",
        "off",
        "oos",
    ]) {
        return Some(false);
    }
    None
}

/// How the windings of a two-winding transformer are joined, and by how many twelfths of a turn the second lags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VectorGroup {
    pub delta: [bool; 2],
    /// Neutral led out and earthed.
    pub earthed: [bool; 2],
    pub clock: u8,
}

/// The vector group in a text: the first word that is one, such as the last of "25 MVA 110/20 kV YNd5".
///
/// # Returns
/// `Ok(None)` where no word is one.
///
/// # Errors
/// The word, when it is a group with a zigzag winding.
pub fn read_vector_group(text: &str) -> Result<Option<VectorGroup>, String> {
    for word in text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')')) {
        let mut rest = word;
        let mut windings = Vec::new();
        while let Some(c) = rest.chars().next() {
            let delta = match c {
                'D' | 'd' => true,
                'Y' | 'y' => false,
                'Z' | 'z' if !windings.is_empty() => {
                    if rest[1..].trim_start_matches(['n', 'N']).parse::<u8>().is_ok() {
                        return Err(word.to_owned());
                    }
                    break;
                }
                _ => break,
            };
            rest = &rest[1..];
            let earthed = rest.starts_with(['n', 'N']);
            if earthed {
                rest = &rest[1..];
            }
            windings.push((delta, earthed));
        }
        if let [(d1, n1), (d2, n2)] = windings[..]
            && let Ok(clock @ 0..=11) = rest.parse::<u8>()
        {
            return Ok(Some(VectorGroup { delta: [d1, d2], earthed: [n1, n2], clock }));
        }
    }
    Ok(None)
}

/// Whether a name is what a pattern says: without regard to case, `*` for any run of characters.
pub fn name_matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    let parts: Vec<&str> = pattern.split('*').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return pattern == name };
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What a domain says of the value of a field, if it is coded.
pub fn meaning_in(domain: Option<&Domain>, value: &Value) -> Option<String> {
    domain.and_then(|d| d.meaning(value)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gis::layer::FieldKind;

    #[test]
    fn a_mapping_reads_and_is_written_the_same() {
        let text = "
version: 1
frequency_hz: 50
connectivity: {tolerance_m: 0.5, near_miss_m: 3}
tables:
  - {name: Load, path: csv/Load.csv}
layers:
  - layer: lines
    kind: line
    where: [{field: STATUS, not: [Proposed, 7]}]
    joins:
      - {table: Line, key: line_id, on: id, take: {node_a: nodeA}}
    fields:
      id: line_id
      from: {field: [from_bus, node_a]}
      length: {field: length_km, unit: km}
      phases: {default: ABC, reason: the grid is balanced}
      kv: {field: V, values: {3: 12.47, 4: 24.9}}
line_types:
  - table: LineType
    fields: {id: id, r1: r, c1: {field: b, unit: uS/km}}
  - entries: {ACSR 336: {r1: 0.19, x1: 0.4}}
";
        let mapping = Mapping::from_yaml(text, "m.yaml").unwrap();
        assert_eq!(mapping.layers[0].fields[&Attribute::From].field, ["from_bus", "node_a"]);
        assert_eq!(mapping.layers[0].fields[&Attribute::Kv].values["3"], Scalar::Real(12.47));
        assert_eq!(Mapping::from_yaml(&mapping.to_yaml().unwrap(), "again").unwrap(), mapping);
    }

    #[test]
    fn faults_are_told() {
        for (text, code) in [
            ("version: 1\nlayers: [{layer: a, kind: lime}]", "GIS.MAPPING.SYNTAX"),
            ("version: 1\nlayrs: []", "GIS.MAPPING.SYNTAX"),
            ("version: 2", "GIS.MAPPING.VALUE"),
            ("version: 1\nlayers: [{layer: a, kind: line, fields: {phases: {default: ABC}}}]", "GIS.MAPPING.VALUE"),
            ("version: 1\nlayers: [{layer: a, kind: line, fields: {length: {field: L, unit: parsec}}}]", "GIS.MAPPING.VALUE"),
        ] {
            let error = Mapping::from_yaml(text, "m.yaml").unwrap_err();
            assert_eq!(error.diagnostics[0].code, code, "{text}");
        }
    }

    #[test]
    fn values_read_in_their_units() {
        let field = Field::new("f", FieldKind::Text);
        let read =
            |attribute, spec: &FieldSpec, value: Value, meaning: Option<&str>| read_value(attribute, spec, &field, &value, meaning, 50.0);
        let feet = FieldSpec::of("f").unit("ft");
        assert_eq!(read(Attribute::Length, &feet, Value::Integer(1000), None), Ok(Some(Reading::Number(304.8))));
        let plain = FieldSpec::of("f");
        assert_eq!(read(Attribute::Kv, &plain, Value::text("12470 V"), None), Ok(Some(Reading::Number(12.47))));
        assert_eq!(read(Attribute::Kv, &plain, Value::Integer(3), Some("24.9 kV")), Ok(Some(Reading::Number(24.9))));
        assert!(read(Attribute::Kv, &plain, Value::text("high"), None).is_err());
        assert!(read(Attribute::Kv, &plain, Value::text("12,47"), None).is_err());
        assert_eq!(read(Attribute::Kv, &plain, Value::text(" "), None), Ok(None));
        let b = FieldSpec::of("f").unit("uS/km");
        let Ok(Some(Reading::Number(c))) = read(Attribute::C1, &b, Value::Real(100.0), None) else { panic!("reads") };
        assert!((c - 318.309_886).abs() < 1e-5, "{c}");
    }

    #[test]
    fn phases_and_positions_and_groups() {
        assert_eq!(read_phases("7"), Some([true; 3]));
        assert_eq!(read_phases("4"), Some([true, false, false]));
        assert_eq!(read_phases("A-C N"), Some([true, false, true]));
        assert_eq!(read_phases("8"), None);
        assert_eq!(read_phases("Q"), None);
        assert_eq!(read_closed("Normally Open"), Some(false));
        assert_eq!(read_closed("maybe"), None);
        let group = read_vector_group("25 MVA 110/20 kV YNd5").unwrap().unwrap();
        assert_eq!(group, VectorGroup { delta: [false, true], earthed: [true, false], clock: 5 });
        assert_eq!(read_vector_group("0.16 MVA DOTE 160/20  SGB"), Ok(None));
        assert!(read_vector_group("Yzn5").is_err());
    }

    #[test]
    fn names_match_with_stars() {
        assert!(name_matches("*Primary*Line", "Town_PRIMARY_OH_line"));
        assert!(!name_matches("lines", "lines2"));
        assert!(name_matches("lines*", "lines2"));
    }
}
