//! Which column says what: from the header, and from a sample of rows where the header leaves it open.
//!
//! A guess is never silent: each is kept as a sentence, and what cannot be guessed is an error that tells the option to give.

use super::stamp::{self, DateOrder};
use network::Channel;
use std::collections::{BTreeMap, HashMap};

/// Which end of an interval its time names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampSide {
    Start,
    End,
}

/// What kind of series a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Amounts and means of intervals.
    Meter,
    /// Values at moments.
    Scada,
}

/// What a column is; what `--column ROLE=NAME` may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    Meter,
    Time,
    Date,
    Clock,
    Channel,
    Unit,
    Quality,
    Interval,
    Register,
    /// A value; which one its name says.
    Value,
    Ignore,
}

impl Role {
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.trim().to_ascii_lowercase().as_str() {
            "meter" | "device" => Self::Meter,
            "time" => Self::Time,
            "date" => Self::Date,
            "clock" => Self::Clock,
            "channel" => Self::Channel,
            "unit" => Self::Unit,
            "quality" => Self::Quality,
            "interval" => Self::Interval,
            "register" => Self::Register,
            "value" => Self::Value,
            "ignore" => Self::Ignore,
            _ => return None,
        })
    }
}

/// A quantity and its unit, before it is known whether a power stands for an energy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    Energy,
    ReactiveEnergy,
    Power,
    ReactivePower,
    Voltage,
    Current,
    Tap,
    Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Delivered,
    Received,
    Net,
}

/// How the values of a column, or of a row's unit and channel, become readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Meaning {
    pub channel: Channel,
    /// Factor to the channel's unit.
    pub scale: f64,
    /// A mean power of the interval: times its hours it is the channel's energy.
    pub power_to_energy: bool,
}

/// A column of values.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueColumn {
    pub column: usize,
    /// None: the row's own channel and unit say.
    pub meaning: Option<Meaning>,
    pub register: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeColumns {
    One(usize),
    DateAndClock(usize, usize),
}

/// A table of one row a reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Long {
    pub meter: usize,
    pub time: TimeColumns,
    pub values: Vec<ValueColumn>,
    pub channel: Option<usize>,
    pub unit: Option<usize>,
    pub quality: Option<usize>,
    pub interval: Option<usize>,
    pub register: Option<usize>,
}

/// A table of one row a meter, day and channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Wide {
    pub meter: usize,
    pub date: usize,
    pub channel: Option<usize>,
    pub unit: Option<usize>,
    pub quality: Option<usize>,
    pub register: Option<usize>,
    /// Column and beginning of its interval, s after midnight of the clock or of elapsed time.
    pub values: Vec<(usize, i64)>,
    pub interval_s: u32,
    /// Columns are numbered, not named by the clock.
    pub numbered: bool,
    pub default_meaning: Option<Meaning>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Long(Long),
    Wide(Wide),
}

/// A table that is understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub delimiter: u8,
    pub decimal_comma: bool,
    pub header: Vec<String>,
    pub shape: Shape,
    pub kind: Kind,
    pub side: StampSide,
    pub order: DateOrder,
    /// Of the rows whose own column does not say; 0 for moments.
    pub interval_s: u32,
    /// Times of a meter go down the file from the latest.
    pub descending: bool,
    /// What was guessed, a sentence each.
    pub guesses: Vec<Guess>,
}

/// One guess.
#[derive(Clone, Debug, PartialEq)]
pub struct Guess {
    pub what: String,
    /// Whether a wrong guess would change the numbers, and nothing in the file confirms it.
    pub risky: bool,
}

/// Why a table is not understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Unclear {
    NoHeader,
    NoColumn { role: &'static str, header: Vec<String> },
    NoSuchColumn { name: String, header: Vec<String> },
    Twice { channel: Channel, columns: Vec<String> },
    NoUnit { column: String },
    NoInterval,
    NotText,
    Empty,
}

/// What the caller says of a table.
#[derive(Clone, Debug, Default)]
pub struct Told {
    pub columns: Vec<(Role, String)>,
    pub side: Option<StampSide>,
    pub order: Option<DateOrder>,
    pub interval_s: Option<u32>,
    pub kind: Option<Kind>,
    pub unit: Option<String>,
}

/// Lower-case words of a name: `intervalKWh`, `KWH/hh` and `kWh delivered` split where people would.
pub fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut last_lower = false;
    for c in name.chars() {
        if c.is_alphanumeric() {
            if c.is_uppercase() && last_lower && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            last_lower = c.is_lowercase() || c.is_ascii_digit();
            word.extend(c.to_lowercase());
        } else {
            last_lower = false;
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    // kWh and kVArh have been torn apart at their capitals.
    let mut i = 0;
    while i + 1 < words.len() {
        if matches!(words[i].as_str(), "k" | "m") && matches!(words[i + 1].as_str(), "wh" | "w" | "varh" | "var" | "v" | "a" | "va" | "v_a")
        {
            let head = words.remove(i);
            words[i].insert_str(0, &head);
        }
        i += 1;
    }
    words
}

/// The unit that a word is, with the factor to kWh, kvarh, kW, kvar, V or A.
pub fn unit(word: &str) -> Option<(Measure, f64)> {
    Some(match word {
        "kwh" => (Measure::Energy, 1.0),
        "wh" => (Measure::Energy, 1e-3),
        "mwh" => (Measure::Energy, 1e3),
        "kvarh" => (Measure::ReactiveEnergy, 1.0),
        "varh" => (Measure::ReactiveEnergy, 1e-3),
        "mvarh" => (Measure::ReactiveEnergy, 1e3),
        "kw" => (Measure::Power, 1.0),
        "w" | "watts" | "watt" => (Measure::Power, 1e-3),
        "mw" => (Measure::Power, 1e3),
        "kvar" => (Measure::ReactivePower, 1.0),
        "var" | "vars" => (Measure::ReactivePower, 1e-3),
        "mvar" => (Measure::ReactivePower, 1e3),
        "v" | "volt" | "volts" | "voltage" | "vrms" => (Measure::Voltage, 1.0),
        "kv" => (Measure::Voltage, 1e3),
        "a" | "amp" | "amps" | "ampere" | "amperes" | "current" => (Measure::Current, 1.0),
        "ka" => (Measure::Current, 1e3),
        "tap" | "taps" => (Measure::Tap, 1.0),
        "status" | "state" | "position" => (Measure::Status, 1.0),
        _ => return None,
    })
}

/// The unit among words: the longest one, so that `V_kV` is in kV.
pub fn unit_among(words: &[String]) -> Option<(Measure, f64)> {
    let mut best: Option<&String> = None;
    for w in words.iter().filter(|w| unit(w).is_some()) {
        if best.is_none_or(|b| b.len() < w.len()) {
            best = Some(w);
        }
    }
    best.and_then(|w| unit(w))
}

pub fn direction(word: &str) -> Option<Direction> {
    Some(match word {
        "delivered" | "deliver" | "delivery" | "del" | "dlv" | "dlvd" | "import" | "imported" | "imp" | "consumption" | "consumed"
        | "con" | "cons" | "usage" | "forward" | "fwd" | "load" | "in" | "d" => Direction::Delivered,
        "received" | "receive" | "rec" | "rcv" | "rcvd" | "recv" | "export" | "exported" | "exp" | "generation" | "generated" | "gen"
        | "reverse" | "rev" | "injection" | "injected" | "feedin" | "out" | "solar" | "pv" | "r" => Direction::Received,
        "net" => Direction::Net,
        _ => return None,
    })
}

const REGISTER_WORDS: [&str; 9] = ["register", "index", "cumulative", "cum", "totalizer", "totaliser", "standing", "dial", "odometer"];

/// What a measure with a direction is as a channel.
pub fn meaning(measure: Measure, scale: f64, direction: Option<Direction>, register: bool, kind: Kind) -> Meaning {
    use Channel as C;
    let received = direction == Some(Direction::Received);
    let net = direction == Some(Direction::Net);
    let energy = if net {
        C::NetKwh
    } else if received {
        C::ReceivedKwh
    } else {
        C::DeliveredKwh
    };
    let reactive = if received { C::ReceivedKvarh } else { C::DeliveredKvarh };
    let plain = |channel| Meaning { channel, scale, power_to_energy: false };
    match (measure, kind) {
        (Measure::Energy, _) if register => plain(if received { C::ReceivedRegisterKwh } else { C::DeliveredRegisterKwh }),
        (Measure::Energy, _) => plain(energy),
        (Measure::ReactiveEnergy, _) => plain(reactive),
        (Measure::Power, Kind::Meter) => Meaning { channel: energy, scale, power_to_energy: true },
        (Measure::ReactivePower, Kind::Meter) => Meaning { channel: reactive, scale, power_to_energy: true },
        (Measure::Power, Kind::Scada) => plain(C::PKw),
        (Measure::ReactivePower, Kind::Scada) => plain(C::QKvar),
        (Measure::Voltage, Kind::Scada) => Meaning { channel: C::VoltageKv, scale: scale / 1e3, power_to_energy: false },
        (Measure::Voltage, Kind::Meter) => plain(C::VoltageV),
        (Measure::Current, _) => plain(C::CurrentA),
        (Measure::Tap, _) => plain(C::Tap),
        (Measure::Status, _) => plain(C::Status),
    }
}

/// A channel or unit as a row writes it: `delivered`, `kWh`, `E1`, `kvarh received`, `MW`.
pub fn meaning_of_words(texts: &[&str], kind: Kind) -> Option<Meaning> {
    let all: Vec<String> = texts.iter().flat_map(|t| words(t)).collect();
    let mut measure = unit_among(&all);
    let mut way = None;
    for w in &all {
        measure = measure.or(match w.as_str() {
            "energy" | "active" => Some((Measure::Energy, 1.0)),
            "p" => Some((Measure::Power, 1.0)),
            "q" => Some((Measure::ReactivePower, 1.0)),
            "reactive" => Some((Measure::ReactiveEnergy, 1.0)),
            _ => None,
        });
        way = way.or_else(|| direction(w)).or_else(|| nem_direction(w));
    }
    if way.is_none() {
        // E1 and B1 as the Australian market names its registers.
        way = texts.iter().find_map(|t| nem_direction(&t.trim().to_ascii_lowercase()));
    }
    let register = all.iter().any(|w| REGISTER_WORDS.contains(&w.as_str()));
    match (measure, way) {
        (Some((m, scale)), _) => Some(meaning(m, scale, way, register, kind)),
        (None, Some(_)) if kind == Kind::Meter => Some(meaning(Measure::Energy, 1.0, way, register, kind)),
        _ => None,
    }
}

fn nem_direction(text: &str) -> Option<Direction> {
    let (head, tail) = text.split_at_checked(1)?;
    if tail.is_empty() || tail.len() > 2 || !tail.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    match head {
        "e" => Some(Direction::Delivered),
        "b" => Some(Direction::Received),
        _ => None,
    }
}

/// The delimiter that splits the first lines most and most evenly.
fn sniff_delimiter(lines: &[&[u8]]) -> u8 {
    let count = |line: &[u8], d: u8| line.iter().filter(|b| **b == d).count();
    let mut best = (b',', 0usize);
    for d in [b',', b';', b'\t', b'|'] {
        let header = count(lines[0], d);
        let same = lines.iter().filter(|l| count(l, d) == header).count();
        let score = if header == 0 { 0 } else { header.min(40) * (1 + same) };
        if score > best.1 {
            best = (d, score);
        }
    }
    best.0
}

/// Fields of one line, quotes taken off; what a bare split gives where there are none.
pub fn fields(line: &[u8], delimiter: u8) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let mut field = Vec::new();
    let mut quoted = false;
    let mut i = 0;
    while i < line.len() {
        let b = line[i];
        if quoted {
            if b == b'"' && line.get(i + 1) == Some(&b'"') {
                field.push(b'"');
                i += 1;
            } else if b == b'"' {
                quoted = false;
            } else {
                field.push(b);
            }
        } else if b == b'"' && field.iter().all(u8::is_ascii_whitespace) {
            field.clear();
            quoted = true;
        } else if b == delimiter {
            out.push(std::mem::take(&mut field));
        } else {
            field.push(b);
        }
        i += 1;
    }
    out.push(field);
    out
}

/// Text of any encoding that has ASCII in it.
pub fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(t) => t.trim().to_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.trim().to_owned(),
    }
}

/// Names of the column of identities, the likeliest first.
const METER_NAMES: [&str; 40] = [
    "meter_id",
    "meterid",
    "meter",
    "lclid",
    "nmi",
    "mpan",
    "mprn",
    "esiid",
    "esi_id",
    "sp_id",
    "service_point_id",
    "service_point",
    "usage_point",
    "usage_point_id",
    "premise_id",
    "premise",
    "meter_number",
    "meter_no",
    "meter_num",
    "meter_name",
    "meter_serial_number",
    "serial_number",
    "device_id",
    "device",
    "device_name",
    "point_id",
    "point",
    "point_name",
    "tag",
    "tag_name",
    "signal",
    "rtu",
    "feeder",
    "feeder_id",
    "equipment",
    "equipment_id",
    "account_id",
    "customer_id",
    "id",
    "name",
];
/// Of these, names that only telecontrol uses.
const SCADA_NAMES: [&str; 12] =
    ["device_id", "device", "device_name", "point_id", "point", "point_name", "tag", "tag_name", "signal", "rtu", "feeder", "feeder_id"];

const TIME_NAMES: [&str; 30] = [
    "interval_end",
    "interval_ending",
    "end_time",
    "time_end",
    "period_end",
    "interval_end_time",
    "end",
    "read_time",
    "reading_time",
    "read_date_time",
    "timestamp",
    "time_stamp",
    "date_time",
    "datetime",
    "interval_start",
    "start_time",
    "time_start",
    "period_start",
    "interval_begin",
    "begin_time",
    "start",
    "interval_start_time",
    "interval_time",
    "utc",
    "time_utc",
    "timestamp_utc",
    "ts",
    "epoch",
    "local_time",
    "time",
];

/// Guesses the layout of a table from its first bytes.
///
/// # Errors
/// What is missing or ambiguous, so that the caller can name the option to give.
pub fn understand(sample: &[u8], whole: bool, told: &Told) -> Result<Layout, Unclear> {
    let mut lines: Vec<&[u8]> = sample.split(|b| *b == b'\n').map(|l| l.strip_suffix(b"\r").unwrap_or(l)).collect();
    if !whole {
        // The last line of a sample is cut off.
        lines.pop();
    }
    lines.retain(|l| !l.trim_ascii().is_empty());
    let Some(first) = lines.first() else { return Err(Unclear::Empty) };
    if sample.iter().take(4096).any(|b| *b == 0) {
        return Err(Unclear::NotText);
    }
    let delimiter = sniff_delimiter(&lines[..lines.len().min(20)]);
    let header: Vec<String> = fields(first, delimiter).iter().map(|f| text(f)).collect();
    let looks_like_data = |f: &String| {
        stamp::parse(f.as_bytes(), DateOrder::MonthFirst).is_some_and(|_| f.len() > 8)
            || f.contains(':') && stamp::parse(f.as_bytes(), DateOrder::DayFirst).is_some()
    };
    if header.len() < 2 || header.iter().any(looks_like_data) {
        return Err(Unclear::NoHeader);
    }
    let decimal_comma = delimiter != b',' && lines[1..lines.len().min(50)].iter().any(|l| decimal_commas(l, delimiter));
    let mut guesses = Vec::new();
    let mut roles = assign(&header, told, &mut guesses)?;
    let day_columns = day_columns(&header, &roles);
    let rows = || lines[1..].iter().map(|l| fields(l, delimiter));

    let meter = roles.meter.ok_or_else(|| Unclear::NoColumn { role: "meter", header: header.clone() })?;
    let named = words(&header[meter]).join("_");
    let measures: Vec<Measure> = roles.values.iter().filter_map(|&c| unit_among(&words(&header[c]))).map(|m| m.0).collect();
    let kilo = roles.values.iter().any(|&c| words(&header[c]).iter().any(|w| matches!(w.as_str(), "mw" | "mvar" | "kv" | "tap" | "taps")));
    let kind = told.kind.unwrap_or_else(|| {
        let energy = measures.iter().any(|m| matches!(m, Measure::Energy | Measure::ReactiveEnergy));
        if !energy && day_columns.is_none() && (kilo || SCADA_NAMES.contains(&named.as_str())) { Kind::Scada } else { Kind::Meter }
    });
    if kind == Kind::Scada && told.kind.is_none() {
        guesses.push(Guess { what: "the values are taken as values at moments, as SCADA gives them".to_owned(), risky: false });
    }
    let assumed_unit = |column: &str| -> Result<Meaning, Unclear> {
        match &told.unit {
            Some(u) => meaning_of_words(&[u], kind).ok_or_else(|| Unclear::NoUnit { column: column.to_owned() }),
            None => Err(Unclear::NoUnit { column: column.to_owned() }),
        }
    };

    if let Some((values, interval_s, numbered, side)) = day_columns {
        let date = roles.date.or(roles.time).ok_or_else(|| Unclear::NoColumn { role: "date", header: header.clone() })?;
        let prefix_unit = values.iter().take(1).find_map(|v| unit_among(&words(&header[v.0])));
        let others = roles.values.iter().find_map(|&c| unit_among(&words(&header[c])));
        let default_meaning = match (&told.unit, prefix_unit.or(others)) {
            (Some(_), _) => Some(assumed_unit("the values")?),
            (None, Some((m, scale))) => Some(meaning(m, scale, None, false, kind)),
            (None, None) if roles.unit.is_none() => {
                guesses.push(Guess { what: "no unit is told; the values are taken as kWh".to_owned(), risky: true });
                Some(meaning(Measure::Energy, 1.0, None, false, kind))
            }
            (None, None) => None,
        };
        let order = order_of_dates(rows().filter_map(|r| r.get(date).cloned()), told, &mut guesses);
        let wide = Wide {
            meter,
            date,
            channel: roles.channel,
            unit: roles.unit,
            quality: roles.quality,
            register: roles.register,
            values: values.iter().map(|&(c, at)| (c, at)).collect(),
            interval_s,
            numbered,
            default_meaning,
        };
        return Ok(Layout {
            delimiter,
            decimal_comma,
            header,
            shape: Shape::Wide(wide),
            kind,
            side,
            order,
            interval_s,
            descending: false,
            guesses,
        });
    }

    let time = match (roles.time, roles.date, roles.clock) {
        (_, Some(d), Some(c)) => TimeColumns::DateAndClock(d, c),
        (Some(t), _, _) => TimeColumns::One(t),
        (None, Some(d), None) => TimeColumns::One(d),
        _ => return Err(Unclear::NoColumn { role: "time", header }),
    };
    let mut values = Vec::new();
    for &column in &roles.values {
        let all = words(&header[column]);
        let measure = unit_among(&all);
        let way = all.iter().find_map(|w| direction(w));
        let register = all.iter().any(|w| REGISTER_WORDS.contains(&w.as_str()));
        let own = match measure {
            Some((m, scale)) => {
                if way.is_none() && matches!(m, Measure::Energy) && roles.channel.is_none() {
                    guesses.push(Guess {
                        what: format!("column \"{}\" names no direction; it is taken as delivered to the customer", header[column]),
                        risky: false,
                    });
                }
                Some(meaning(m, scale, way, register, kind))
            }
            None if roles.unit.is_some() || (roles.channel.is_some() && told.unit.is_none()) => None,
            None if told.unit.is_some() => {
                let of_unit = assumed_unit(&header[column])?;
                Some(match (of_unit.channel, way) {
                    (Channel::DeliveredKwh, Some(d)) => Meaning {
                        power_to_energy: of_unit.power_to_energy,
                        ..meaning(Measure::Energy, of_unit.scale, Some(d), register, kind)
                    },
                    _ => of_unit,
                })
            }
            None if way.is_some() || all.iter().any(|w| w == "energy") => {
                guesses.push(Guess { what: format!("column \"{}\" tells no unit; it is taken as kWh", header[column]), risky: true });
                Some(meaning(Measure::Energy, 1.0, way, register, kind))
            }
            None => return Err(Unclear::NoUnit { column: header[column].clone() }),
        };
        // With a channel in the row, a column of plain energy has the row's direction.
        let own = own.filter(|m| {
            !(roles.channel.is_some() && way.is_none() && m.channel.is_energy() && values.is_empty() && roles.values.len() == 1)
        });
        values.push(ValueColumn { column, meaning: own, register: String::new() });
    }
    if values.is_empty() {
        return Err(Unclear::NoColumn { role: "value", header });
    }
    let mut by_channel: BTreeMap<Channel, Vec<usize>> = BTreeMap::new();
    for (i, v) in values.iter().enumerate() {
        if let Some(m) = v.meaning {
            by_channel.entry(m.channel).or_default().push(i);
        }
    }
    for (channel, list) in by_channel {
        if list.len() > 1 {
            if channel.is_energy() || channel.is_register() {
                let columns = list.iter().map(|&i| header[values[i].column].clone()).collect();
                return Err(Unclear::Twice { channel, columns });
            }
            for i in list {
                values[i].register = header[values[i].column].clone();
            }
        }
    }
    let date_column = match time {
        TimeColumns::One(c) | TimeColumns::DateAndClock(c, _) => c,
    };
    let order = order_of_dates(rows().filter_map(|r| r.get(date_column).cloned()), told, &mut guesses);
    let long = Long {
        meter,
        time,
        values,
        channel: roles.channel,
        unit: roles.unit,
        quality: roles.quality,
        interval: roles.interval,
        register: roles.register,
    };
    let found = steps(rows(), &long, order);
    let per_half_hour = roles.values.iter().any(|&c| {
        let all = words(&header[c]);
        all.iter().any(|w| w == "hh") || (all.iter().any(|w| w == "half") && all.iter().any(|w| w == "hour"))
    });
    let needs_interval = kind == Kind::Meter;
    let interval_s = match (told.interval_s, found.step_s) {
        (Some(s), _) => s,
        _ if !needs_interval => 0,
        (None, _) if per_half_hour => 1800,
        (None, _) if roles.interval.is_some() => 0,
        (None, Some(s)) => {
            guesses
                .push(Guess { what: format!("intervals of {} minutes, from the times of the first rows", s as f64 / 60.0), risky: false });
            s as u32
        }
        (None, None) => return Err(Unclear::NoInterval),
    };
    // The standing of a register is that of a moment, the end of the interval before it.
    let standings = long.values.iter().all(|v| v.meaning.is_some_and(|m| m.channel.is_register()));
    let side = side_of(&header, &long, told, found.first_s, interval_s, needs_interval && !standings, &mut guesses);
    roles.values.clear();
    Ok(Layout {
        delimiter,
        decimal_comma,
        header,
        shape: Shape::Long(long),
        kind,
        side,
        order,
        interval_s,
        descending: found.descending,
        guesses,
    })
}

fn decimal_commas(line: &[u8], delimiter: u8) -> bool {
    fields(line, delimiter).iter().any(|f| {
        let f = f.trim_ascii();
        let f = f.strip_prefix(b"-").unwrap_or(f);
        let commas = f.iter().filter(|b| **b == b',').count();
        commas == 1 && f.len() > 2 && f.iter().all(|b| b.is_ascii_digit() || *b == b',')
    })
}

#[derive(Default)]
struct Roles {
    meter: Option<usize>,
    time: Option<usize>,
    date: Option<usize>,
    clock: Option<usize>,
    channel: Option<usize>,
    unit: Option<usize>,
    quality: Option<usize>,
    interval: Option<usize>,
    register: Option<usize>,
    values: Vec<usize>,
    ignored: Vec<usize>,
}

fn assign(header: &[String], told: &Told, guesses: &mut Vec<Guess>) -> Result<Roles, Unclear> {
    let mut roles = Roles::default();
    let mut taken = vec![false; header.len()];
    for (role, name) in &told.columns {
        let at = header
            .iter()
            .position(|h| h.eq_ignore_ascii_case(name.trim()))
            .or_else(|| name.trim().parse::<usize>().ok().filter(|n| (1..=header.len()).contains(n)).map(|n| n - 1))
            .ok_or_else(|| Unclear::NoSuchColumn { name: name.clone(), header: header.to_vec() })?;
        taken[at] = true;
        match role {
            Role::Meter => roles.meter = Some(at),
            Role::Time => roles.time = Some(at),
            Role::Date => roles.date = Some(at),
            Role::Clock => roles.clock = Some(at),
            Role::Channel => roles.channel = Some(at),
            Role::Unit => roles.unit = Some(at),
            Role::Quality => roles.quality = Some(at),
            Role::Interval => roles.interval = Some(at),
            Role::Register => roles.register = Some(at),
            Role::Value => roles.values.push(at),
            Role::Ignore => roles.ignored.push(at),
        }
    }
    let all: Vec<Vec<String>> = header.iter().map(|h| words(h)).collect();
    let joined: Vec<String> = all.iter().map(|w| w.join("_")).collect();
    let has = |i: usize, list: &[&str]| all[i].iter().any(|w| list.contains(&w.as_str()));
    let by_names = |names: &[&str], taken: &[bool]| names.iter().find_map(|n| (0..header.len()).find(|&i| !taken[i] && joined[i] == *n));
    let take = |slot: &mut Option<usize>, found: Option<usize>, taken: &mut Vec<bool>| {
        if slot.is_none()
            && let Some(i) = found
        {
            *slot = Some(i);
            taken[i] = true;
        }
    };
    let values_told = !roles.values.is_empty();
    let meter = by_names(&METER_NAMES, &taken).or_else(|| {
        (0..header.len())
            .find(|&i| !taken[i] && has(i, &["meter", "nmi", "device", "point", "tag"]) && all[i].iter().all(|w| unit(w).is_none()))
    });
    take(&mut roles.meter, meter, &mut taken);
    // A date and a time of day apart, or one column with both.
    if roles.time.is_none() && roles.date.is_none() {
        let date = by_names(&["date", "read_date", "reading_date", "interval_date", "day", "usage_date"], &taken);
        let clock = by_names(&["time", "read_time", "clock", "time_of_day", "interval_time", "hour", "end_time", "start_time"], &taken);
        if let (Some(d), Some(c)) = (date, clock) {
            (roles.date, roles.clock) = (Some(d), Some(c));
            (taken[d], taken[c]) = (true, true);
        } else {
            take(&mut roles.time, by_names(&TIME_NAMES, &taken), &mut taken);
            if roles.time.is_none() {
                take(&mut roles.date, date, &mut taken);
            }
        }
    }
    if roles.time.is_none() && roles.date.is_none() {
        let any = (0..header.len()).find(|&i| !taken[i] && has(i, &["time", "timestamp", "datetime", "date"]));
        take(&mut roles.time, any, &mut taken);
    }
    let quality = by_names(
        &[
            "quality",
            "quality_flag",
            "quality_code",
            "quality_method",
            "flag",
            "read_quality",
            "estimated",
            "est",
            "validation",
            "qc",
            "reading_type",
        ],
        &taken,
    )
    .or_else(|| (0..header.len()).find(|&i| !taken[i] && has(i, &["quality", "estimated", "flag", "validation"])));
    take(&mut roles.quality, quality, &mut taken);
    take(&mut roles.unit, by_names(&["unit", "units", "uom", "unit_of_measure", "measure_unit"], &taken), &mut taken);
    let channel = by_names(
        &[
            "channel",
            "direction",
            "flow",
            "flow_direction",
            "channel_name",
            "quantity",
            "measurement",
            "con_gen",
            "measure",
            "suffix",
            "nmi_suffix",
            "commodity",
            "variable",
        ],
        &taken,
    );
    take(&mut roles.channel, channel, &mut taken);
    let interval = by_names(
        &["interval_min", "interval_minutes", "interval_length", "interval_length_min", "interval", "duration_min", "minutes", "duration"],
        &taken,
    )
    .filter(|_| roles.values.is_empty());
    take(&mut roles.interval, interval, &mut taken);
    take(&mut roles.register, by_names(&["register_id", "register", "channel_number", "channel_no", "channel_id"], &taken), &mut taken);
    if !values_told {
        for i in 0..header.len() {
            if !taken[i]
                && (all[i].iter().any(|w| unit(w).is_some())
                    || has(i, &["consumption", "usage", "energy", "generation", "delivered", "received"]))
            {
                // An identity or a time may hold such a word, too.
                if !has(i, &["id", "name", "serial", "number", "date", "type", "tariff", "nominal", "rated"]) {
                    roles.values.push(i);
                    taken[i] = true;
                }
            }
        }
        if roles.values.is_empty()
            && let Some(i) = by_names(&["value", "reading", "read_value", "reading_value", "val", "amount", "interval_value"], &taken)
        {
            roles.values.push(i);
            taken[i] = true;
        }
    }
    let unused: Vec<&str> = (0..header.len()).filter(|&i| !taken[i] && !roles.ignored.contains(&i)).map(|i| header[i].as_str()).collect();
    if !unused.is_empty() && unused.len() < 20 {
        guesses.push(Guess { what: format!("columns not used: {}", unused.join(", ")), risky: false });
    }
    Ok(roles)
}

/// Columns that are the intervals of a day: each with its beginning, the interval, whether numbered, and which side names it.
type DayColumns = (Vec<(usize, i64)>, u32, bool, StampSide);

fn day_columns(header: &[String], roles: &Roles) -> Option<DayColumns> {
    let used = [roles.meter, roles.time, roles.date, roles.channel, roles.unit, roles.quality];
    let free = |i: &usize| !used.contains(&Some(*i));
    // By the clock.
    let mut clocks: Vec<(usize, i64, bool)> = Vec::new();
    for i in (0..header.len()).filter(free) {
        let name = header[i].trim();
        let tail = name.rsplit_once(' ').map_or(name, |(_, t)| t);
        let (first, range) = match tail.split_once('-') {
            Some((a, b)) if stamp::parse_clock(b.as_bytes()).is_some() => (a, true),
            _ => (tail, false),
        };
        if let Some(s) = stamp::parse_clock(first.as_bytes()) {
            clocks.push((i, s, range));
        }
    }
    if clocks.len() >= 24 && 86_400 % clocks.len() as i64 == 0 {
        let step = 86_400 / clocks.len() as i64;
        let range = clocks.iter().all(|c| c.2);
        let starts = clocks.iter().enumerate().all(|(k, c)| c.1 == k as i64 * step);
        let ends = clocks.iter().enumerate().all(|(k, c)| c.1 == ((k as i64 + 1) * step) % 86_400 || c.1 == (k as i64 + 1) * step);
        if starts || ends {
            let side = if starts || range { StampSide::Start } else { StampSide::End };
            let columns = clocks.iter().enumerate().map(|(k, c)| (c.0, k as i64 * step)).collect();
            return Some((columns, step as u32, false, side));
        }
    }
    // By number: the same letters before 0, 1, 2 … .
    let mut groups: HashMap<String, Vec<(usize, u32)>> = HashMap::new();
    for i in (0..header.len()).filter(free) {
        let name = header[i].trim();
        let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
        if digits == 0 || digits > 3 {
            continue;
        }
        let (head, number) = name.split_at(name.len() - digits);
        if let Ok(n) = number.parse() {
            groups.entry(head.to_lowercase()).or_default().push((i, n));
        }
    }
    let mut best: Option<Vec<(usize, u32)>> = None;
    for group in groups.into_values() {
        let first = group[0].1;
        if first <= 1
            && group.iter().enumerate().all(|(k, g)| g.1 == first + k as u32)
            && best.as_ref().is_none_or(|b| b.len() < group.len())
        {
            best = Some(group);
        }
    }
    let group = best?;
    let per_day = match group.len() {
        24 | 25 => 24,
        48 | 50 => 48,
        96 | 100 => 96,
        144 | 150 => 144,
        288 | 300 => 288,
        _ => return None,
    };
    let step = 86_400 / per_day;
    let columns = group.iter().enumerate().map(|(k, g)| (g.0, k as i64 * step)).collect();
    Some((columns, step as u32, true, StampSide::Start))
}

/// Whether day or month comes first, from the dates of a sample.
fn order_of_dates(dates: impl Iterator<Item = Vec<u8>>, told: &Told, guesses: &mut Vec<Guess>) -> DateOrder {
    let mut open = false;
    let (mut first_over, mut second_over) = (false, false);
    let (mut firsts, mut seconds) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    for date in dates {
        if let Some((a, b)) = stamp::ambiguous_parts(&date) {
            open = true;
            first_over |= a > 12;
            second_over |= b > 12;
            firsts.insert(a);
            seconds.insert(b);
        }
    }
    if let Some(order) = told.order {
        return order;
    }
    if !open {
        return DateOrder::MonthFirst;
    }
    let (order, reason, risky) = match (first_over, second_over) {
        (true, false) => (DateOrder::DayFirst, "some first numbers are above 12", false),
        (false, true) => (DateOrder::MonthFirst, "some second numbers are above 12", false),
        // Days change more often than months.
        (false, false) if firsts.len() > seconds.len() && firsts.len() > 2 => {
            (DateOrder::DayFirst, "the first number changes more often", true)
        }
        (false, false) if firsts.len() < seconds.len() => (DateOrder::MonthFirst, "the second number changes more often", false),
        _ => (DateOrder::MonthFirst, "nothing in the first rows tells", true),
    };
    let words = if order == DateOrder::DayFirst { "day before month" } else { "month before day" };
    guesses.push(Guess { what: format!("dates are read {words}, because {reason}"), risky });
    order
}

struct Steps {
    step_s: Option<i64>,
    descending: bool,
    first_s: Option<i64>,
}

/// The distance of times that is met most often within a meter, or between all times of the sample.
fn steps(rows: impl Iterator<Item = Vec<Vec<u8>>>, long: &Long, order: DateOrder) -> Steps {
    let mut last: HashMap<Vec<u8>, i64> = HashMap::new();
    let mut counts: HashMap<i64, usize> = HashMap::new();
    let mut all = std::collections::BTreeSet::new();
    let (mut up, mut down) = (0usize, 0usize);
    let mut first_s = None;
    for row in rows.take(200_000) {
        let get = |c: usize| row.get(c).map(Vec::as_slice);
        let local = match long.time {
            TimeColumns::One(c) => get(c).and_then(|t| stamp::parse(t, order)).map(|s| s.local_s),
            TimeColumns::DateAndClock(d, c) => {
                let day = get(d).and_then(|t| stamp::parse(t, order)).map(|s| s.local_s);
                day.zip(get(c).and_then(stamp::parse_clock)).map(|(d, c)| d + c)
            }
        };
        let (Some(local), Some(meter)) = (local, get(long.meter)) else { continue };
        first_s = first_s.or(Some(local));
        all.insert(local);
        let mut key = meter.to_vec();
        for c in [long.channel, long.unit, long.register].into_iter().flatten() {
            key.push(0);
            key.extend_from_slice(get(c).unwrap_or_default());
        }
        if let Some(before) = last.insert(key, local) {
            let d = local - before;
            match d.cmp(&0) {
                std::cmp::Ordering::Greater => up += 1,
                std::cmp::Ordering::Less => down += 1,
                std::cmp::Ordering::Equal => continue,
            }
            *counts.entry(d.abs()).or_default() += 1;
        }
    }
    if counts.is_empty() {
        for (a, b) in all.iter().zip(all.iter().skip(1)) {
            *counts.entry(b - a).or_default() += 1;
        }
    }
    let plausible = |s: &i64| (60..=86_400).contains(s) && 86_400 % s == 0;
    let step_s = counts.iter().filter(|(s, _)| plausible(s)).max_by_key(|(s, n)| (**n, -**s)).map(|(s, _)| *s);
    // A step that is rare among the others is an accident.
    let total: usize = counts.values().sum();
    let step_s = step_s.filter(|s| counts[s] * 2 >= total);
    Steps { step_s, descending: down > up, first_s }
}

/// Whether times name the beginning or the end of intervals.
fn side_of(
    header: &[String],
    long: &Long,
    told: &Told,
    first_s: Option<i64>,
    interval_s: u32,
    matters: bool,
    guesses: &mut Vec<Guess>,
) -> StampSide {
    if let Some(side) = told.side {
        return side;
    }
    if !matters {
        return StampSide::End;
    }
    let named = match long.time {
        TimeColumns::One(c) => words(&header[c]),
        TimeColumns::DateAndClock(_, c) => words(&header[c]),
    };
    if named.iter().any(|w| matches!(w.as_str(), "end" | "ending" | "ended" | "to" | "until" | "stop")) {
        return StampSide::End;
    }
    if named.iter().any(|w| matches!(w.as_str(), "start" | "starting" | "begin" | "beginning" | "from")) {
        return StampSide::Start;
    }
    let of_day = first_s.map(|s| s.rem_euclid(86_400));
    let (side, reason) = match of_day {
        Some(0) => (StampSide::Start, "the first one is midnight"),
        Some(s) if s == i64::from(interval_s) => (StampSide::End, "the first one is an interval after midnight"),
        _ => (StampSide::End, "nothing tells, and this is usual"),
    };
    let end = if side == StampSide::End { "end" } else { "beginning" };
    guesses.push(Guess { what: format!("times are taken as the {end} of their intervals, because {reason}"), risky: true });
    side
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_where_people_would() {
        for (name, want) in [
            ("KWH/hh (per half hour) ", "kwh hh per half hour"),
            ("intervalKWh", "interval kwh"),
            ("kVArh_Delivered", "kvarh delivered"),
            ("MeterID", "meter id"),
            ("kWh", "kwh"),
        ] {
            assert_eq!(words(name).join(" "), want);
        }
    }

    #[test]
    fn channels_of_rows() {
        let of = |texts: &[&str], kind| meaning_of_words(texts, kind).map(|m| (m.channel, m.scale, m.power_to_energy));
        assert_eq!(of(&["received", "kWh"], Kind::Meter), Some((Channel::ReceivedKwh, 1.0, false)));
        assert_eq!(of(&["E1", "Wh"], Kind::Meter), Some((Channel::DeliveredKwh, 1e-3, false)));
        assert_eq!(of(&["Consumption"], Kind::Meter), Some((Channel::DeliveredKwh, 1.0, false)));
        assert_eq!(of(&["kW"], Kind::Meter), Some((Channel::DeliveredKwh, 1.0, true)));
        assert_eq!(of(&["P", "MW"], Kind::Scada).map(|m| m.0), Some(Channel::PKw));
        assert_eq!(of(&["V", "kV"], Kind::Scada).map(|m| m.0), Some(Channel::VoltageKv));
        assert_eq!(of(&["colour"], Kind::Meter), None);
    }
}
