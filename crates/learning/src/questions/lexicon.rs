//! Words and phrases that questions are made of, as data.
//!
//! The list is closed: a word that is not here, no name of the project and no number makes a question not understood. A phrase that is longer
//! goes before one that is shorter. Words are in lower case, hyphens are spaces.

use super::form::{Charger, Event, Kind, Measure, Week};

/// What a word or phrase may be for the rules.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Atom {
    Number(f64),
    /// A part of one: half, a third.
    Fraction(f64),
    Unit(Unit),
    /// Kind of object, and whether in the plural.
    Kind(Kind, bool),
    Measure(Measure),
    /// Voltage without a word on lowest or highest.
    Voltage,
    Overloaded,
    Extreme(Extreme),
    /// "lose the most energy".
    LosesMost,
    /// Highest length.
    Longest,
    /// "top" before a number.
    Top,
    Relation(Relation),
    More,
    Less,
    Tech(Tech),
    Penetration,
    Load,
    Growth,
    /// doubles, twice, half as much
    Factor(f64),
    /// rises, falls
    Rise,
    Drop,
    None,
    /// Customers, and their class.
    Customers(Option<&'static str>),
    /// have, get, install, drive
    Own,
    /// To charge, which is what vehicles do.
    Charge,
    Charger(Charger),
    /// The word "charger" alone.
    ChargerNoun,
    Event(Event),
    AboveNormal,
    Hotter,
    Colder,
    Day(bool),
    Month(u8),
    /// First and last month.
    Season(u8, u8),
    LastYear,
    ThisYear,
    Year,
    Week(Week),
    Am,
    Pm,
    /// A time such as 17:30, hours.
    Clock(f64),
    Noon,
    Midnight,
    OClock,
    /// Place in the project's feeders, elements and studies.
    Feeder(usize),
    Element(usize),
    Study(usize),
    /// A feeder's number that several feeders have; place in a list of choices.
    Choice(usize),
    Compare,
    Versus,
    HowMany,
    HowLong,
    Sum,
    Mean,
    Lose,
    Outage(bool),
    Hits,
    Fix(bool),
    Mitigate,
    Cheapest,
    Budget,
    Host,
    HowMuch,
    Tou,
    VoltVar,
    FastStations,
    First,
    Rank,
    WhatIf,
    Violations,
    With,
    In,
    Of,
    On,
    By,
    Per,
    To,
    And,
    Or,
    At,
    For,
    From,
    Between,
    Against,
    When,
    /// Words that mean two things; nothing uses them.
    Unclear,
    It,
    Break,
    /// Says nothing of its own.
    Filler,
    /// Place in the tokens.
    Unknown(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Percent,
    Points,
    Kilowatt,
    Megawatt,
    Watt,
    KilowattHour,
    MegawattHour,
    Kilovoltampere,
    PerUnit,
    Volt,
    Kilovolt,
    Celsius,
    Fahrenheit,
    /// Degrees of an unnamed scale.
    Degree,
    Hour,
    Minute,
    Kilometre,
    Mile,
    Money,
    Ampere,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extreme {
    Highest,
    Lowest,
    Worst,
    Best,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Above,
    Below,
    AtLeast,
    AtMost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tech {
    Ev,
    Solar,
    Storage,
    Electrification,
}

const RESIDENTIAL: Option<&str> = Some("residential");
const COMMERCIAL: Option<&str> = Some("commercial");
const INDUSTRIAL: Option<&str> = Some("industrial");

/// Phrases with what they are; several phrases of one meaning stand together, parted by `|`.
pub(super) const PHRASES: &[(&str, Atom)] = &[
    // Kinds of objects.
    ("feeder|circuit", Atom::Kind(Kind::Feeder, false)),
    ("feeders|circuits", Atom::Kind(Kind::Feeder, true)),
    ("transformer|trafo|xfmr", Atom::Kind(Kind::Transformer, false)),
    ("transformers|trafos|xfmrs", Atom::Kind(Kind::Transformer, true)),
    ("line|line section|conductor", Atom::Kind(Kind::Line, false)),
    ("lines|line sections|conductors", Atom::Kind(Kind::Line, true)),
    ("element|asset", Atom::Kind(Kind::Element, false)),
    ("elements|assets", Atom::Kind(Kind::Element, true)),
    ("bus|node", Atom::Kind(Kind::Bus, false)),
    ("buses|busses|nodes", Atom::Kind(Kind::Bus, true)),
    // Measures.
    ("loading|loadings|loaded|utilisation|utilization", Atom::Measure(Measure::LoadingPct)),
    ("maximum loading|max loading|peak loading", Atom::Measure(Measure::LoadingPct)),
    ("mean loading|average loading|avg loading", Atom::Measure(Measure::LoadingMeanPct)),
    ("95th percentile loading|p95 loading|95th percentile of loading", Atom::Measure(Measure::LoadingP95Pct)),
    (
        "overload hours|overloaded hours|hours of overload|hours overloaded|hours above rating|hours over rating|hours of overloads|overload time",
        Atom::Measure(Measure::OverloadH),
    ),
    ("overload duration|overload durations", Atom::Measure(Measure::OverloadH)),
    ("overloaded|overload|overloads|overloading|thermal violations|thermal overloads", Atom::Overloaded),
    ("voltage|voltages", Atom::Voltage),
    (
        "voltage violations|voltage violation|voltage problems|voltage violation hours|voltage issues|hours of voltage violation|hours of voltage violations",
        Atom::Measure(Measure::VoltageViolationH),
    ),
    ("undervoltage|undervoltages|under voltage|under voltages|low voltages", Atom::Measure(Measure::UndervoltageH)),
    (
        "undervoltage hours|low voltage hours|hours of undervoltage|hours of low voltage|undervoltage violations|low voltage violations",
        Atom::Measure(Measure::UndervoltageH),
    ),
    ("overvoltage|overvoltages|over voltage|over voltages|high voltages", Atom::Measure(Measure::OvervoltageH)),
    (
        "overvoltage hours|high voltage hours|hours of overvoltage|hours of high voltage|overvoltage violations|high voltage violations",
        Atom::Measure(Measure::OvervoltageH),
    ),
    ("violations|violation|violation hours|limit violations|problems|hours of violation|hours of violations", Atom::Violations),
    ("losses|loss|energy losses|total energy losses|energy lost|lost energy", Atom::Measure(Measure::LossesKwh)),
    ("lose the most energy|lose most energy|loses the most energy|lose the most|loses the most", Atom::LosesMost),
    ("percent losses|percentage losses|% losses|pct losses|loss percentage|loss percent|losses in percent", Atom::Measure(Measure::LossesPct)),
    ("losses in %|losses percent|losses pct|relative losses|loss rate", Atom::Measure(Measure::LossesPct)),
    ("line losses", Atom::Measure(Measure::LineLossesKwh)),
    ("transformer losses", Atom::Measure(Measure::TransformerLossesKwh)),
    ("no load losses|no load loss|iron losses|core losses", Atom::Measure(Measure::NoLoadLossesKwh)),
    ("peak|peak load|peak demand|peaks|peak loads|maximum demand|max demand|peak power|peaking|maximum load", Atom::Measure(Measure::PeakKw)),
    ("energy|energy supplied|energy delivered|annual energy", Atom::Measure(Measure::EnergyKwh)),
    ("load factor|load factors", Atom::Measure(Measure::LoadFactor)),
    ("reverse flow|reverse power flow|reverse power|reverse energy|backfeed|back feed|reverse flows", Atom::Measure(Measure::ReverseKwh)),
    ("unbalance|imbalance|current unbalance|phase unbalance|phase imbalance", Atom::Measure(Measure::UnbalancePct)),
    (
        "control actions|tap operations|tap changes|regulator operations|control operations|tap changer operations",
        Atom::Measure(Measure::ControlActions),
    ),
    (
        "did not converge|not converge|did not settle|unsettled steps|unconverged steps|do not converge|non converged steps|did not solve",
        Atom::Measure(Measure::UnsettledSteps),
    ),
    ("line length|length|line kilometres|circuit length", Atom::Measure(Measure::LineKm)),
    ("hosting capacity|hosting capacities|hosting", Atom::Measure(Measure::HostingCapacityKw)),
    ("saidi", Atom::Measure(Measure::SaidiH)),
    ("saifi", Atom::Measure(Measure::Saifi)),
    ("energy not supplied|unserved energy|ens|energy not served", Atom::Measure(Measure::UnservedKwh)),
    ("n 1|contingency|contingencies|contingency analysis|n 1 analysis", Atom::Measure(Measure::LostLoadKw)),
    ("lost load|load lost", Atom::Measure(Measure::LostLoadKw)),
    // Order.
    ("highest|largest|greatest|biggest|most|maximum|max|heaviest|most heavily", Atom::Extreme(Extreme::Highest)),
    ("lowest|smallest|least|fewest|minimum|min|lightest", Atom::Extreme(Extreme::Lowest)),
    ("worst|most critical|most problematic", Atom::Extreme(Extreme::Worst)),
    ("best", Atom::Extreme(Extreme::Best)),
    ("longest", Atom::Longest),
    ("top", Atom::Top),
    ("first", Atom::First),
    ("rank|sort|order|ranked|sorted|ranking of|ranking", Atom::Rank),
    // Limits.
    ("above|over|more than|exceeding|exceed|exceeds|greater than|higher than|beyond|>|larger than|longer than", Atom::Relation(Relation::Above)),
    ("below|under|less than|lower than|fewer than|smaller than|<|beneath", Atom::Relation(Relation::Below)),
    ("at least|no less than|>=|not less than|minimum of", Atom::Relation(Relation::AtLeast)),
    ("at most|no more than|<=|not more than|up to|maximum of", Atom::Relation(Relation::AtMost)),
    ("more|additional|extra|higher|greater|larger", Atom::More),
    ("less|fewer|lower|smaller", Atom::Less),
    // What customers get.
    (
        "ev|evs|electric vehicle|electric vehicles|electric car|electric cars|e cars|vehicle|vehicles|ev charging|vehicle electrification",
        Atom::Tech(Tech::Ev),
    ),
    ("solar|pv|photovoltaics|photovoltaic|rooftop solar|rooftop pv|solar panels|solar pv|pv systems|pvs|panels", Atom::Tech(Tech::Solar)),
    ("battery|batteries|storage|home battery|home batteries|battery storage|home storage", Atom::Tech(Tech::Storage)),
    ("heat pump|heat pumps|electrification|electric heating|electrified heating", Atom::Tech(Tech::Electrification)),
    ("penetration|adoption|share|uptake|penetrations|penetration level", Atom::Penetration),
    ("load|demand|loads|consumption", Atom::Load),
    ("growth|load growth|demand growth", Atom::Growth),
    ("doubles|double|doubled|twice|is doubled|doubling|twice as much|twice as many|two times", Atom::Factor(2.0)),
    ("triples|triple|tripled|three times|threefold|is tripled|three times as much|three times as many", Atom::Factor(3.0)),
    ("quadruples|quadruple|quadrupled|four times|fourfold|four times as much|four times as many", Atom::Factor(4.0)),
    ("halves|halved|is halved|half as much|half as many|halve|halving", Atom::Factor(0.5)),
    (
        "rises|rise|grows|grow|increases|increase|goes up|go up|climbs|increased|up|growing|rising|increasing|raised|raise|went up",
        Atom::Rise,
    ),
    ("falls|fall|drops|drop|decreases|decrease|goes down|go down|shrinks|decreased|reduced|declines|decline|down", Atom::Drop),
    ("no|without|without any|zero", Atom::None),
    ("customers|customer", Atom::Customers(None)),
    (
        "homes|home|households|household|houses|house|residential customers|residential|dwellings|residences|residential customer",
        Atom::Customers(RESIDENTIAL),
    ),
    ("commercial customers|commercial|businesses|shops|offices|commercial customer", Atom::Customers(COMMERCIAL)),
    ("industrial customers|industrial|factories", Atom::Customers(INDUSTRIAL)),
    ("have|has|had|get|gets|install|installs|installed|drive|drives|own|owns|adopt|adopts|buy|buys|having|got|use|uses|switch to", Atom::Own),
    ("charge|charges|charging|charged", Atom::Charge),
    ("level 1|level one|level1|l1|level 1 charger|level 1 chargers|level 1 charging", Atom::Charger(Charger::Level1)),
    ("level 2|level two|level2|l2|level 2 charger|level 2 chargers|level 2 charging", Atom::Charger(Charger::Level2)),
    ("charger|chargers|ev charger|ev chargers|charging stations|charging points|charge points", Atom::ChargerNoun),
    // Weather.
    ("hot day|hottest day|heat day|hot summer day|very hot day|extreme heat day", Atom::Event(Event::HotDay)),
    ("heat wave|heatwave|hot spell|heat dome|heat event|heat waves", Atom::Event(Event::HeatWave)),
    ("cold day|coldest day|cold winter day", Atom::Event(Event::ColdDay)),
    ("cold snap|cold wave|cold spell|cold front|polar vortex", Atom::Event(Event::ColdSnap)),
    ("above normal|over normal|above average|above seasonal", Atom::AboveNormal),
    ("hotter|warmer|hotter than normal|warmer than normal|hotter than usual|warmer than usual", Atom::Hotter),
    ("colder|cooler|colder than normal|cooler than normal|below normal|colder than usual", Atom::Colder),
    ("day", Atom::Day(false)),
    ("days", Atom::Day(true)),
    // Time.
    ("january|jan", Atom::Month(1)),
    ("february|feb", Atom::Month(2)),
    ("march|mar", Atom::Month(3)),
    ("april|apr", Atom::Month(4)),
    ("may", Atom::Month(5)),
    ("june|jun", Atom::Month(6)),
    ("july|jul", Atom::Month(7)),
    ("august|aug", Atom::Month(8)),
    ("september|sep|sept", Atom::Month(9)),
    ("october|oct", Atom::Month(10)),
    ("november|nov", Atom::Month(11)),
    ("december|dec", Atom::Month(12)),
    ("spring", Atom::Season(3, 5)),
    ("summer|summertime", Atom::Season(6, 8)),
    ("autumn", Atom::Season(9, 11)),
    ("winter|wintertime", Atom::Season(12, 2)),
    ("last year|previous year|past year", Atom::LastYear),
    ("this year|current year", Atom::ThisYear),
    ("year", Atom::Year),
    ("weekdays|weekday|workdays|working days|monday to friday", Atom::Week(Week::Weekdays)),
    ("weekends|weekend|saturdays and sundays", Atom::Week(Week::Weekends)),
    ("am|a.m", Atom::Am),
    ("pm|p.m", Atom::Pm),
    ("noon|midday", Atom::Noon),
    ("midnight", Atom::Midnight),
    ("o'clock|oclock", Atom::OClock),
    // What is asked.
    ("compare|comparison of|comparison|difference in|difference between|difference|differences", Atom::Compare),
    ("compared with|compared to|versus|vs|relative to|vs.", Atom::Versus),
    ("against", Atom::Against),
    ("how many|count|count of|number of|the number of", Atom::HowMany),
    ("how long|how many hours|for how long|how many hours per year", Atom::HowLong),
    ("total|sum|sum of|summed|altogether|in total|overall", Atom::Sum),
    ("average|mean|avg|on average", Atom::Mean),
    ("lose|losing|we lose", Atom::Lose),
    ("outage|failure|loss of supply|outage of|failure of|fails|trips|is out|goes out", Atom::Outage(false)),
    ("outages|failures", Atom::Outage(true)),
    ("hits|affects|drops off|interrupts|disconnects|hit|affect|interrupt", Atom::Hits),
    ("fix|remedy|mitigation|upgrade", Atom::Fix(false)),
    ("fixes|remedies|mitigations|upgrades|mitigation options|mitigation measures", Atom::Fix(true)),
    ("mitigate|solve|cure|resolve|remove|eliminate|fixing|mitigating", Atom::Mitigate),
    ("cheapest|least cost|lowest cost|least expensive", Atom::Cheapest),
    ("budget|budget of|a budget of", Atom::Budget),
    ("host|take|accommodate|accept|absorb|hosts|connect", Atom::Host),
    ("how much", Atom::HowMuch),
    ("time of use tariff|time of use tariffs|time of use|tou|tou tariff|time of use rate|time of use rates|tou rate|tou rates", Atom::Tou),
    ("volt var|volt var control|voltvar|volt var inverters|smart inverters", Atom::VoltVar),
    (
        "fast charging stations|fast charging station|fast chargers|dc fast chargers|dc fast charging stations|fast charger",
        Atom::FastStations,
    ),
    ("what if|what happens if|what would happen if|what happens when|suppose|assume|what happens with|imagine", Atom::WhatIf),
    ("what would happen with|what about|what would happen under|what happens under|effect of|impact of", Atom::WhatIf),
    // Units.
    ("%|percent|pct|per cent|percentage", Atom::Unit(Unit::Percent)),
    ("percentage points|percentage point|points|pp|percent points|% points", Atom::Unit(Unit::Points)),
    ("kw|kilowatt|kilowatts", Atom::Unit(Unit::Kilowatt)),
    ("mw|megawatt|megawatts", Atom::Unit(Unit::Megawatt)),
    ("w|watt|watts", Atom::Unit(Unit::Watt)),
    ("kwh|kilowatt hours|kilowatt hour", Atom::Unit(Unit::KilowattHour)),
    ("mwh|megawatt hours|megawatt hour", Atom::Unit(Unit::MegawattHour)),
    ("kva", Atom::Unit(Unit::Kilovoltampere)),
    ("pu|p.u|per unit|p.u.", Atom::Unit(Unit::PerUnit)),
    ("v|volt|volts", Atom::Unit(Unit::Volt)),
    ("kv|kilovolt|kilovolts", Atom::Unit(Unit::Kilovolt)),
    ("°c|degrees celsius|degrees c|deg c|celsius|degree celsius|° c|degc", Atom::Unit(Unit::Celsius)),
    ("°f|degrees fahrenheit|degrees f|deg f|fahrenheit|degree fahrenheit|° f|degf", Atom::Unit(Unit::Fahrenheit)),
    ("degrees|degree|°|deg", Atom::Unit(Unit::Degree)),
    ("hours|hour|h|hrs|hr", Atom::Unit(Unit::Hour)),
    ("minutes|minute", Atom::Unit(Unit::Minute)),
    ("km|kilometres|kilometers|kilometre|kilometer", Atom::Unit(Unit::Kilometre)),
    ("miles|mile|mi", Atom::Unit(Unit::Mile)),
    ("$|dollars|usd|dollar", Atom::Unit(Unit::Money)),
    ("amps|amperes|amp|ampere", Atom::Unit(Unit::Ampere)),
    // Parts of one.
    ("half|a half|one half|half of", Atom::Fraction(0.5)),
    ("a third|one third|a third of", Atom::Fraction(1.0 / 3.0)),
    ("third|thirds", Atom::Fraction(1.0 / 3.0)),
    ("a quarter|one quarter|quarter|quarters", Atom::Fraction(0.25)),
    ("a fifth|one fifth|fifth|fifths", Atom::Fraction(0.2)),
    ("a tenth|one tenth|tenth|tenths", Atom::Fraction(0.1)),
    ("every second|every other", Atom::Fraction(0.5)),
    // Small words that rules look at.
    ("with|having a|including", Atom::With),
    ("in|during|within", Atom::In),
    ("of", Atom::Of),
    ("on|along", Atom::On),
    ("by", Atom::By),
    ("per|for each|on each|for every|on every|of each|of every|each|every|at each|in each", Atom::Per),
    ("to|until|till|through|-", Atom::To),
    ("and|&", Atom::And),
    ("or", Atom::Or),
    ("at|@", Atom::At),
    ("for", Atom::For),
    ("from|since", Atom::From),
    ("between", Atom::Between),
    ("when", Atom::When),
    (
        "highest voltage violations|lowest voltage violations|highest voltage violation|lowest voltage violation|maximum voltage violations|minimum voltage violations|highest voltage problems|lowest voltage problems",
        Atom::Unclear,
    ),
    ("it|the temperature|temperature|outside temperature", Atom::It),
    (",|;|:|?|!|.", Atom::Break),
    // Words that say nothing of their own.
    (
        "show|me|list|give|us|the|a|an|all|our|which|what|are|is|was|were|be|been|would|will|do|does|please|pls|plz|i|want|see|display|find|tell|there|can|could|we|that|where|how|if|then|run|case|study|scenario|simulate|calculate|compute|print|as|its|their|this|these|those|need|go|goes|happens|happen|reach|reaches|under a|under the|across|as is|my|same|values|value|shown|like|to see|let|look|also|now|hey|hi|thanks|question|query|report|whole|entire|network|grid|system|hours of the day|so|too|become|becomes|get to|come|comes|did|results|result|figures|figure",
        Atom::Filler,
    ),
];

/// Words that are near a word of the list and mean something else: they are not read as that word.
pub(super) const FALSE_FRIENDS: &[&str] = &[
    "leading", "landing", "lending", "changer", "changers", "charter", "lossless", "unloaded", "offloaded", "reverted", "solarium", "battled",
    "weakest", "lightly", "unbalanced", "balance", "balanced", "reserve", "personal", "heating", "cooling", "closest", "longer", "shorter",
    "transferred", "transfers", "transformed", "conductance", "installer", "energies", "charged", "average-sized", "houseboat",
    "powerful", "factor", "hosted", "voltmeter", "loadshape", "capacity", "capacities", "capacitor", "capacitors", "regulator", "regulators",
    "switches", "protection", "penetrates", "comparing", "compares", "commerce", "industry", "residents", "customs", "customise", "number",
    "numbers", "better", "bitter", "letter", "latter", "matter", "wetter", "winner", "dinner", "spring-loaded", "sprint", "string", "strong",
];

/// The phrases one by one: words, what they are.
pub(super) fn entries() -> impl Iterator<Item = (Vec<&'static str>, Atom)> {
    PHRASES.iter().flat_map(|(words, atom)| words.split('|').map(move |w| (w.split(' ').filter(|x| !x.is_empty()).collect(), *atom)))
}
