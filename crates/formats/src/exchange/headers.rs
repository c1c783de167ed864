//! Which table this is and which column is which, by the words of the header.
//!
//! Case, blanks, underscores and signs do not count; a unit may be part of the word (`Voltage_pu`), in parentheses (`Voltage (pu)`) or a percent
//! sign. A unit that is not of the quantity is a fault: it is never ignored.

use serde::{Deserialize, Serialize};

/// What a table of results is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResultKind {
    LoadFlow,
    ShortCircuit,
    PowerFlow,
    Ram,
}

impl ResultKind {
    pub const ALL: [Self; 4] = [Self::ShortCircuit, Self::PowerFlow, Self::Ram, Self::LoadFlow];

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::LoadFlow => "ETAP load flow",
            Self::ShortCircuit => "ETAP short circuit",
            Self::PowerFlow => "PSS/E power flow",
            Self::Ram => "Windchill RAM",
        }
    }

    pub(super) fn fields(self) -> &'static [Field] {
        match self {
            Self::LoadFlow => LOAD_FLOW,
            Self::ShortCircuit => SHORT_CIRCUIT,
            Self::PowerFlow => POWER_FLOW,
            Self::Ram => RAM,
        }
    }
}

/// A column that is looked for.
pub(super) struct Field {
    pub name: &'static str,
    /// As the document writes its header.
    pub header: &'static str,
    pub required: bool,
    pub bases: &'static [&'static str],
    /// Units and their factors to ours; a first one that is empty: the word alone will do.
    pub units: &'static [(&'static str, f64)],
}

const TEXT: &[(&str, f64)] = &[("", 1.0)];
const POWER: &[(&str, f64)] = &[("mw", 1.0), ("kw", 1e-3), ("gw", 1e3)];
const VARS: &[(&str, f64)] = &[("mvar", 1.0), ("mvars", 1.0), ("kvar", 1e-3)];
const ANGLE: &[(&str, f64)] = &[("", 1.0), ("deg", 1.0), ("degrees", 1.0), ("degree", 1.0), ("°", 1.0), ("rad", 57.295_779_513_082_32)];
const PERCENT: &[(&str, f64)] = &[("", 1.0), ("%", 1.0), ("pct", 1.0), ("percent", 1.0)];
const PER_UNIT: &[(&str, f64)] = &[("pu", 1.0), ("perunit", 1.0), ("%", 0.01), ("pct", 0.01), ("percent", 0.01)];
const KILOVOLT: &[(&str, f64)] = &[("kv", 1.0), ("v", 1e-3)];
const KILOAMPERE: &[(&str, f64)] = &[("ka", 1.0), ("a", 1e-3)];
const HOURS: &[(&str, f64)] = &[
    ("hours", 1.0),
    ("hrs", 1.0),
    ("hour", 1.0),
    ("hr", 1.0),
    ("h", 1.0),
    ("minutes", 1.0 / 60.0),
    ("min", 1.0 / 60.0),
    ("days", 24.0),
    ("d", 24.0),
    ("years", 8760.0),
    ("yr", 8760.0),
    ("yrs", 8760.0),
];
const DOWNTIME: &[(&str, f64)] = &[
    ("hours", 1.0),
    ("hrs", 1.0),
    ("hour", 1.0),
    ("hr", 1.0),
    ("h", 1.0),
    ("hyr", 1.0),
    ("hryr", 1.0),
    ("hrsyr", 1.0),
    ("hoursyear", 1.0),
    ("minutes", 1.0 / 60.0),
    ("min", 1.0 / 60.0),
    ("minyr", 1.0 / 60.0),
    ("days", 24.0),
];

const fn field(
    name: &'static str,
    header: &'static str,
    required: bool,
    bases: &'static [&'static str],
    units: &'static [(&'static str, f64)],
) -> Field {
    Field { name, header, required, bases, units }
}

const SCENARIO: Field = field("scenario_id", "Scenario_ID", false, &["scenarioid", "scenario", "studycase"], TEXT);

const LOAD_FLOW: &[Field] = &[
    field("bus_id", "Bus_ID", true, &["busid", "bus", "id"], TEXT),
    field("bus_name", "Bus_Name", false, &["busname", "name"], TEXT),
    field("voltage_pu", "Voltage_pu", false, &["voltage", "busvoltage", "v", "vm", "voltagemag", "voltagemagnitude"], PER_UNIT),
    field("voltage_kv", "Voltage_kV", false, &["voltage", "busvoltage", "v", "voltagemag", "voltagemagnitude"], KILOVOLT),
    field("angle_deg", "Angle_deg", false, &["angle", "voltageangle", "busangle", "vangle"], ANGLE),
    field("p_mw", "P_MW", false, &["p", "activepower", "netp"], POWER),
    field("q_mvar", "Q_MVAR", false, &["q", "reactivepower", "netq"], VARS),
    field("loading_pct", "Loading_pct", false, &["loading", "load", "percentloading"], PERCENT),
    SCENARIO,
];

const SHORT_CIRCUIT: &[Field] = &[
    field("bus_id", "Bus_ID", true, &["busid", "bus", "id", "faultedbus", "faultbus"], TEXT),
    field("bus_name", "Bus_Name", false, &["busname", "name"], TEXT),
    field("fault_type", "Fault_Type", true, &["faulttype", "fault"], TEXT),
    field("isc_ka", "Isc_kA", true, &["isc", "ik", "iksymm", "iscsymm", "faultcurrent", "shortcircuitcurrent"], KILOAMPERE),
    field("x_r_ratio", "X_R_Ratio", false, &["xrratio", "xr", "xoverr"], TEXT),
    field(
        "breaker_rating_ka",
        "Breaker_Rating_kA",
        false,
        &["breakerrating", "cbrating", "devicerating", "interruptingrating"],
        KILOAMPERE,
    ),
    field("duty_pct", "Duty_pct", false, &["duty", "breakerduty", "deviceduty"], PERCENT),
    field("isc_mva", "Isc_MVA", false, &["isc", "ssc", "sk", "faultlevel"], &[("mva", 1.0), ("gva", 1e3)]),
    SCENARIO,
];

const POWER_FLOW: &[Field] = &[
    field("bus", "BUS", true, &["bus", "busnumber", "busno", "i", "busid"], TEXT),
    field("name", "NAME", false, &["name", "busname"], TEXT),
    field("vm_pu", "VM_PU", true, &["vm"], &[("pu", 1.0), ("perunit", 1.0), ("", 1.0)]),
    field("va_deg", "VA_DEG", true, &["va"], ANGLE),
    field("p_gen_mw", "P_GEN_MW", false, &["pgen", "pg"], POWER),
    field("q_gen_mvar", "Q_GEN_MVAR", false, &["qgen", "qg"], VARS),
    field("p_load_mw", "P_LOAD_MW", false, &["pload", "pl"], POWER),
    field("q_load_mvar", "Q_LOAD_MVAR", false, &["qload", "ql"], VARS),
    field("base_kv", "BASKV", false, &["baskv", "basekv"], &[("", 1.0), ("kv", 1.0)]),
    SCENARIO,
];

const RAM: &[Field] = &[
    field("block_id", "Block_ID", true, &["blockid", "block", "id"], TEXT),
    field("block_name", "Block_Name", false, &["blockname", "name"], TEXT),
    field("availability", "Availability", true, &["availability"], &[("", 1.0), ("%", 1.0), ("pct", 1.0), ("percent", 1.0)]),
    field("mtbf_h", "MTBF_Hours", false, &["mtbf", "mtbffailure"], HOURS),
    field("mttr_h", "MTTR_Hours", false, &["mttr"], HOURS),
    field("annual_downtime_h", "Annual_Downtime_Hours", false, &["annualdowntime", "downtime", "downtimeperyear"], DOWNTIME),
    field("failures_per_year", "Failures_Per_Year", false, &["failuresperyear", "failuresyear"], TEXT),
];

/// A header cut into its word and its unit.
struct Word {
    key: String,
    unit: Option<String>,
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric() || *c == '°').flat_map(char::to_lowercase).collect()
}

fn word(header: &str) -> Word {
    let mut unit = None;
    let mut rest = String::new();
    let mut inside: Option<String> = None;
    for c in header.chars() {
        match (c, &mut inside) {
            ('(' | '[', None) => inside = Some(String::new()),
            (')' | ']', Some(text)) => {
                unit = Some(if text.contains('%') { "%".to_owned() } else { letters(text) });
                inside = None;
            }
            (c, Some(text)) => text.push(c),
            ('%', None) => unit = Some("%".to_owned()),
            (c, None) => rest.push(c),
        }
    }
    // A parenthesis that never closes is part of the word.
    if let Some(text) = inside {
        rest.push_str(&text);
    }
    Word { key: letters(&rest), unit: unit.filter(|u| !u.is_empty()) }
}

/// How a header goes with a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Match {
    No,
    /// With the factor to our unit.
    Yes(f64),
    /// The word is the field's but the unit is not of its quantity.
    Unit(String),
}

fn matches(field: &Field, header: &str) -> Match {
    let word = word(header);
    let factor = |unit: &str| field.units.iter().find(|(u, _)| *u == unit).map(|(_, f)| *f);
    let mut wrong = Match::No;
    for base in field.bases {
        let Some(rest) = word.key.strip_prefix(base) else { continue };
        match &word.unit {
            // Voltage (pu), also Voltage_pu (pu).
            Some(unit) if rest.is_empty() || rest == unit || (factor(rest).is_some() && factor(rest) == factor(unit)) => match factor(unit)
            {
                Some(f) => return Match::Yes(f),
                None => wrong = Match::Unit(unit.clone()),
            },
            Some(_) => {}
            None => {
                if let Some(f) = factor(rest) {
                    return Match::Yes(f);
                }
            }
        }
    }
    wrong
}

/// Columns of a table by the fields of a kind.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub kind: ResultKind,
    /// Field by field: column and factor.
    pub columns: Vec<Option<(usize, f64)>>,
    /// Columns of no field.
    pub unused: Vec<usize>,
    /// Faults: a field and what is wrong.
    pub repeated: Vec<(&'static str, Vec<String>)>,
    pub units: Vec<(String, String, &'static str)>,
    pub missing: Vec<&'static str>,
}

impl Layout {
    pub(super) fn of(kind: ResultKind, headers: &[String]) -> Self {
        let fields = kind.fields();
        let mut layout = Self {
            kind,
            columns: vec![None; fields.len()],
            unused: Vec::new(),
            repeated: Vec::new(),
            units: Vec::new(),
            missing: Vec::new(),
        };
        let mut taken: Vec<Option<usize>> = vec![None; headers.len()];
        for (f, field) in fields.iter().enumerate() {
            let fits = |c: &usize| matches!(matches(field, &headers[*c]), Match::Yes(_));
            // The first words are the likeliest: "Bus_ID" before "ID".
            let rank = |c: &usize| field.bases.iter().position(|b| word(&headers[*c]).key.starts_with(b)).unwrap_or(usize::MAX);
            let mut found: Vec<usize> = (0..headers.len()).filter(|c| taken[*c].is_none()).filter(fits).collect();
            found.sort_by_key(rank);
            let Some(&first) = found.first() else { continue };
            let alike: Vec<usize> = found.iter().copied().filter(|c| rank(c) == rank(&first)).collect();
            if alike.len() > 1 {
                layout.repeated.push((field.header, alike.iter().map(|c| headers[*c].clone()).collect()));
            }
            if let Match::Yes(factor) = matches(field, &headers[first]) {
                layout.columns[f] = Some((first, factor));
                taken[first] = Some(f);
            }
        }
        for (c, header) in headers.iter().enumerate().filter(|(c, _)| taken[*c].is_none()) {
            layout.unused.push(c);
            let alien = fields.iter().enumerate().filter(|(f, _)| layout.columns[*f].is_none());
            if let Some((unit, field)) = alien.filter_map(|(_, f)| if let Match::Unit(u) = matches(f, header) { Some((u, f)) } else { None }).next()
                // A unit that another field of the same word understands is no fault of this one.
                && !fields.iter().any(|f| matches!(matches(f, header), Match::Yes(_)))
            {
                layout.units.push((header.clone(), unit, field.header));
            }
        }
        layout.missing = fields.iter().zip(&layout.columns).filter(|(f, c)| f.required && c.is_none()).map(|(f, _)| f.header).collect();
        if kind == ResultKind::LoadFlow && layout.column("voltage_pu").is_none() && layout.column("voltage_kv").is_none() {
            layout.missing.push("Voltage_pu");
        }
        layout
    }

    pub(super) fn column(&self, name: &str) -> Option<(usize, f64)> {
        let f = self.kind.fields().iter().position(|f| f.name == name)?;
        self.columns[f]
    }

    /// The kind of a table: one all of whose required columns are there.
    pub(super) fn find(headers: &[String]) -> Option<Self> {
        ResultKind::ALL.into_iter().map(|k| Self::of(k, headers)).find(|l| l.missing.is_empty())
    }

    /// The kind that a table is nearest to, for saying what it lacks.
    pub(super) fn nearest(headers: &[String]) -> Option<Self> {
        let found = |l: &Self| l.columns.iter().flatten().count();
        let all = ResultKind::ALL.into_iter().map(|k| Self::of(k, headers)).filter(|l| found(l) + l.units.len() >= 2);
        all.max_by(|a, b| (found(a) + a.units.len()).cmp(&(found(b) + b.units.len())).then(b.missing.len().cmp(&a.missing.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(headers: &str) -> Option<Layout> {
        Layout::find(&headers.split(',').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn tables_are_known_by_their_headers() {
        for (headers, kind) in [
            ("Bus_ID,Bus_Name,Voltage_kV,Voltage_pu,Angle_deg,P_MW,Q_MVAR,Loading_pct", ResultKind::LoadFlow),
            ("loading %,BUS ID,voltage (PU)", ResultKind::LoadFlow),
            ("Bus_ID,Bus_Name,Fault_Type,Isc_kA,X_R_Ratio,Breaker_Rating_kA,Duty_pct", ResultKind::ShortCircuit),
            ("BUS,NAME,VM_PU,VA_DEG,P_GEN_MW,Q_GEN_MVAR,P_LOAD_MW,Q_LOAD_MVAR", ResultKind::PowerFlow),
            ("Block_ID,Block_Name,Availability,MTBF_Hours,MTTR_Hours,Annual_Downtime_Hours", ResultKind::Ram),
        ] {
            let found = layout(headers).unwrap_or_else(|| panic!("{headers}"));
            assert_eq!(found.kind, kind, "{headers}");
            assert!(found.repeated.is_empty() && found.units.is_empty() && found.unused.is_empty(), "{found:?}");
        }
        assert!(layout("Component_ID,MTBF_Hours").is_none());
    }

    #[test]
    fn units_are_converted_or_told() {
        let found = layout("Bus ID,Voltage (%),P (kW),Angle (rad),Voltage (V)").unwrap();
        assert_eq!(
            (found.column("voltage_pu"), found.column("p_mw"), found.column("voltage_kv")),
            (Some((1, 0.01)), Some((2, 1e-3)), Some((4, 1e-3)))
        );
        assert!((found.column("angle_deg").unwrap().1 - 180.0 / std::f64::consts::PI).abs() < 1e-12);
        let wrong = layout("Bus ID,Voltage (pu),P (hp)").unwrap();
        assert_eq!(wrong.units, [("P (hp)".to_owned(), "hp".to_owned(), "P_MW")]);
        // A voltage without a unit could be either.
        assert!(layout("Bus ID,Voltage").is_none());
        let twice = layout("Bus_ID,Voltage_pu,Voltage (%)").unwrap();
        assert_eq!(twice.repeated.len(), 1);
    }
}
