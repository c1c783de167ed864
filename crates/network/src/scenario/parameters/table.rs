//! The table itself.

use super::{FileKind, Form, Parameter, Section};

const fn p(name: &'static str, form: Form, default: &'static str, meaning: &'static str, source: &'static str) -> Parameter {
    Parameter { name, form, default: Some(default), meaning, source }
}

const fn must(name: &'static str, form: Form, meaning: &'static str) -> Parameter {
    Parameter { name, form, default: None, meaning, source: "" }
}

const PCT: Form = Form::Number(0.0, 100.0);
const HOUR: Form = Form::Number(0.0, 24.0);
const CHOSEN: &str = "chosen";

const NAME: Parameter = p("name", Form::AnyText, "\"\"", "What the layer is called in ledgers; its kind where nothing is said.", "");
const PENETRATION: Parameter = p("penetration_pct", PCT, "null", "Share of the customers that the allocation admits, percent.", "");
const ADOPTION: Parameter = p(
    "adoption",
    Form::Objects(&ADOPTION_POINT),
    "[]",
    "Adoption curve instead of `penetration_pct`: the share in the scenario's `year`, straight between the points.",
    "",
);
const ALLOCATION: Parameter = p("allocation", Form::Object(&ALLOCATION_SECTION), "{}", "Which loads the layer is for.", "");
const HOW_MANY: &[&[&str]] = &[&["penetration_pct", "adoption"]];

const fn power_factor(source: &'static str) -> Parameter {
    p("power_factor", Form::Number(0.5, 1.0), "1", "Power factor, lagging.", source)
}

static ADOPTION_POINT: Section = Section {
    name: "adoption point",
    meaning: "A point of an adoption curve.",
    parameters: &[
        must("year", Form::Whole(1900, 2200), "The year."),
        must("penetration_pct", PCT, "Share of customers that have adopted by then."),
    ],
    one_of: &[],
};

static ALLOCATION_SECTION: Section = Section {
    name: "allocation",
    meaning: "Which loads a layer is for, and which of their customers adopt first. A list that is empty excludes nothing. Each customer has a \
              random key that depends on the seed, the feeder and the load's name alone, divided by its weight: the lowest keys adopt. So the \
              adopters of a low penetration are among those of a higher one, whatever the order of elements.",
    parameters: &[
        p("feeders", Form::Texts, "[]", "Patterns of the names of feeders or networks.", ""),
        p("transformers", Form::Texts, "[]", "Patterns of the names of the transformers that the loads hang on.", ""),
        p("loads", Form::Texts, "[]", "Patterns of the names of loads.", ""),
        p("classes", Form::Texts, "[]", "Customer classes.", ""),
        p("propensity", Form::Weights, "{}", "Weight by class; 1 where none is told, 0 never adopts.", ""),
        p("weights_csv", Form::File(FileKind::Weights), "null", "Weight by load: a table of two columns, load and weight.", ""),
    ],
    one_of: &[],
};

static WEATHER_SOURCE: Section = Section {
    name: "weather source",
    meaning: "Temperature and irradiance of the year.",
    parameters: &[
        p("file", Form::File(FileKind::Weather), "null", "A file that `gridtwin weather import` reads.", ""),
        p("year", Form::Whole(1900, 2200), "null", "Year to take of a file that holds several; the first whole one otherwise.", ""),
        p("synthetic_seed", Form::Whole(0, 9_007_199_254_740_991), "null", "Weather of the synthetic utility of this seed.", ""),
        p("latitude_deg", Form::Number(-90.0, 90.0), "null", "Place of the sun's position; that of the file otherwise.", ""),
        p("longitude_deg", Form::Number(-180.0, 180.0), "null", "Place of the sun's position; that of the file otherwise.", ""),
        p(
            "utc_offset_h",
            Form::Number(-14.0, 14.0),
            "null",
            "Clock of the load shapes against UTC, without summer time; that of the file otherwise.",
            "",
        ),
    ],
    one_of: &[&["file", "synthetic_seed"]],
};

static CLASS_RULE: Section = Section {
    name: "class rule",
    meaning: "Says which loads are of a class. A load that several rules fit is of the first one's class; one that none fits is of the class that \
              the name of its yearly shape begins with (residential, commercial, industrial, agricultural; office, retail, food and school are \
              commercial, irrigation and dairy agricultural), else of class `unknown`.",
    parameters: &[
        must("class", Form::Text, "Name of the class."),
        p("loads", Form::Texts, "[]", "Patterns of the names of loads.", ""),
        p("shapes", Form::Texts, "[]", "Patterns of the names of yearly shapes.", ""),
        p("numbers", Form::Wholes, "[]", "Class numbers that the model gives loads.", ""),
    ],
    one_of: &[&["loads", "shapes", "numbers"]],
};

static CUSTOMERS: Section = Section {
    name: "customers",
    meaning: "How many customers there are, and of which class.",
    parameters: &[
        p(
            "kw_per_customer",
            Form::Above(0.0, 1e6),
            "null",
            "Where the model counts one customer for a load: a customer's peak, from which their number follows.",
            "",
        ),
        p("classes", Form::Objects(&CLASS_RULE), "[]", "Rules that say which loads are of a class.", ""),
    ],
    one_of: &[],
};

/// The file itself.
pub static SCENARIO: Section = Section {
    name: "scenario",
    meaning: "Layers that are stacked in order onto a network and its load shapes.",
    parameters: &[
        must("scenario", Form::Text, "Name of the scenario."),
        p("description", Form::AnyText, "\"\"", "What it is about.", ""),
        p("seed", Form::Whole(0, 9_007_199_254_740_991), "1", "All that is random follows from it.", ""),
        p("year", Form::Whole(1900, 2200), "null", "Year in which adoption curves are read.", ""),
        p(
            "first_weekday",
            Form::Choice(&["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]),
            "\"monday\"",
            "Weekday of the first day of the load shapes.",
            "that of the synthetic utility",
        ),
        p("step_min", Form::Whole(1, 60), "60", "Length of a step; a divisor of 60 minutes.", "load shapes are hourly"),
        p("weather", Form::Object(&WEATHER_SOURCE), "null", "Weather of the year.", ""),
        p("customers", Form::Object(&CUSTOMERS), "{}", "How many customers there are, and of which class.", ""),
    ],
    one_of: &[],
};

static EV: Section = Section {
    name: "ev",
    meaning: "Electric vehicles that charge where their customers are. Each vehicle drives a random distance a day and charges in sessions \
              between arrival and departure; what does not fit waits in the battery. Diversity comes from the sessions.",
    parameters: &[
        NAME,
        PENETRATION,
        ADOPTION,
        p("vehicles_per_adopter", Form::Whole(1, 20), "1", "Vehicles of a customer that has any.", CHOSEN),
        p(
            "charger",
            Form::Choice(&["level1", "level2", "level2_48a"]),
            "\"level2\"",
            "Level 1 (1.4 kW), level 2 (7.2 kW) or level 2 with 48 A (11.5 kW).",
            "SAE J1772: 12 A at 120 V, 30 A and 48 A at 240 V",
        ),
        p("power_kw", Form::Above(0.0, 1000.0), "null", "Power of a charger instead of its kind's.", ""),
        p("power_factor", Form::Number(0.5, 1.0), "0.99", "Power factor, lagging.", "chosen; SAE J2894/1 asks for 0.95 at least"),
        p(
            "profile_csv",
            Form::File(FileKind::Profile),
            "null",
            "kW of a vehicle instead of sessions: a day, a week from Monday or a year of steps; two columns of a day are workday and weekend.",
            "",
        ),
        p(
            "distance_median_km",
            Form::Above(0.0, 1000.0),
            "39.5",
            "Median of the distance of a day, log-normal.",
            "exp(3.2) miles, fit to the NHTS 2001 that charging studies use",
        ),
        p("distance_sigma", Form::Number(0.0, 3.0), "0.88", "Standard deviation of its logarithm.", "the same fit"),
        p("weekend_distance_factor", Form::Number(0.0, 10.0), "1", "Distance of Saturdays and Sundays against workdays.", CHOSEN),
        p(
            "days_driven_pct",
            Form::Number(0.0, 100.0),
            "100",
            "Days on which a vehicle drives at all.",
            "chosen: every day, which is the larger energy; the fit of distances is of days with trips",
        ),
        p(
            "consumption_kwh_per_km",
            Form::Above(0.0, 10.0),
            "0.19",
            "Energy from the grid for a kilometre in mild weather.",
            "labels of the US EPA, which count the charger's losses: about 30 kWh on 100 miles",
        ),
        p(
            "cold_pct_per_c",
            Form::Number(0.0, 20.0),
            "2.3",
            "More energy for each degree below `mild_c`.",
            "AAA 2019: 41 % less range at -6.7 °C than at 23.9 °C",
        ),
        p(
            "hot_pct_per_c",
            Form::Number(0.0, 20.0),
            "1.8",
            "More energy for each degree above `mild_c`.",
            "AAA 2019: 17 % less range at 35 °C than at 23.9 °C",
        ),
        p("mild_c", Form::Number(-40.0, 50.0), "23.9", "Temperature at which the consumption is told.", "AAA 2019"),
        p(
            "battery_kwh",
            Form::Above(0.0, 2000.0),
            "75",
            "What may wait to be charged; more is charged elsewhere.",
            "chosen, as of present cars",
        ),
        p(
            "arrival_weekday_mean_h",
            HOUR,
            "17.6",
            "Mean hour of arrival on workdays; normal, around the clock.",
            "fit to the NHTS 2001 that charging studies use",
        ),
        p("arrival_weekday_sd_h", Form::Number(0.0, 12.0), "3.4", "Standard deviation.", "the same fit"),
        p("arrival_weekend_mean_h", HOUR, "16.5", "Mean hour of arrival on Saturdays and Sundays.", "chosen: earlier than on workdays"),
        p("arrival_weekend_sd_h", Form::Number(0.0, 12.0), "4", "Standard deviation.", "chosen: wider than on workdays"),
        p(
            "arrival_weekday_weights",
            Form::Numbers { lengths: &[24], min: 0.0, max: 1e9 },
            "null",
            "Weight of each hour of the day instead of the normal distribution.",
            "",
        ),
        p(
            "arrival_weekend_weights",
            Form::Numbers { lengths: &[24], min: 0.0, max: 1e9 },
            "null",
            "The same for Saturdays and Sundays.",
            "",
        ),
        p("departure_mean_h", HOUR, "7.5", "Mean hour of departure the next day.", CHOSEN),
        p("departure_sd_h", Form::Number(0.0, 12.0), "1", "Standard deviation.", CHOSEN),
        p("plug_in_pct", Form::Number(0.0, 100.0), "100", "Share of the days on which the vehicle is plugged in.", "chosen: every day"),
        p("start", Form::Choice(&["on_arrival", "timer"]), "\"on_arrival\"", "When a session begins.", ""),
        p("timer_h", HOUR, "0", "Hour at which vehicles with a timer begin.", "chosen: midnight"),
        p("timer_pct", PCT, "100", "With `start: timer`: share of the vehicles that have one.", CHOSEN),
        ALLOCATION,
    ],
    one_of: HOW_MANY,
};

static FAST_CHARGING: Section = Section {
    name: "fast_charging",
    meaning: "Public stations of fast chargers, each with a transformer of its own at a three-phase primary bus. Cars come at random; one that \
              finds all ports taken waits.",
    parameters: &[
        NAME,
        must("stations", Form::Whole(0, 1000), "Stations on each feeder."),
        p("buses", Form::Texts, "[]", "Patterns of the buses where they may stand; any three-phase primary bus otherwise.", ""),
        p(
            "charger",
            Form::Choice(&["dcfc_150", "dcfc_350"]),
            "\"dcfc_150\"",
            "Ports of 50 to 150 kW or of 150 to 350 kW, evenly.",
            "IEC 61851-23 and the ranges on the market",
        ),
        p("ports_per_station", Form::Whole(1, 100), "4", "Ports of a station.", "NEVI standard, 23 CFR 680.106: four at least"),
        p("sessions_per_port_day", Form::Number(0.0, 100.0), "6", "Cars a port and day, a Poisson process.", CHOSEN),
        p("weekend_factor", Form::Number(0.0, 10.0), "1.1", "Cars of Saturdays and Sundays against workdays.", CHOSEN),
        p("energy_mean_kwh", Form::Above(0.0, 1000.0), "32", "Mean energy of a session, log-normal.", CHOSEN),
        p("energy_sd_kwh", Form::Number(0.0, 1000.0), "18", "Standard deviation.", CHOSEN),
        p(
            "arrival_weights",
            Form::Numbers { lengths: &[24], min: 0.0, max: 1e9 },
            "[1,0.7,0.5,0.5,0.6,1,2,3,4,5,5.8,6.4,6.8,6.8,6.8,7,7.2,7.2,6.6,5.6,4.6,3.6,2.6,1.7]",
            "Weight of each hour of the day.",
            "chosen: a hump in the afternoon",
        ),
        power_factor("chosen: rectifiers with power factor correction"),
        p("transformer_kv", Form::Above(0.0, 1.0), "0.48", "Voltage of the station, line to line.", "usual in North America"),
        ALLOCATION,
    ],
    one_of: &[],
};

static ORIENTATION: Section = Section {
    name: "orientation",
    meaning: "A share of systems that faces one way.",
    parameters: &[
        must("tilt_deg", Form::Number(0.0, 90.0), "From the horizontal."),
        must("azimuth_deg", Form::Number(0.0, 360.0), "Clockwise from north: 180 is south."),
        p("weight", Form::Above(0.0, 1e9), "1", "Weight among the orientations.", CHOSEN),
    ],
    one_of: &[],
};

static SOLAR: Section = Section {
    name: "solar",
    meaning: "Photovoltaics on customers' roofs, driven by the weather: position of the sun, irradiance on the panel, temperature of the cells, \
              inverter.",
    parameters: &[
        NAME,
        PENETRATION,
        ADOPTION,
        p(
            "size_median_kw",
            Form::Above(0.0, 1e5),
            "7",
            "Median DC power of a system, log-normal.",
            "near the residential medians of Tracking the Sun, LBNL",
        ),
        p("size_sigma", Form::Number(0.0, 3.0), "0.4", "Standard deviation of its logarithm.", CHOSEN),
        p("size_min_kw", Form::Above(0.0, 1e5), "1", "Least DC power.", CHOSEN),
        p("size_max_kw", Form::Above(0.0, 1e5), "25", "Largest DC power.", CHOSEN),
        p(
            "size_of_peak_pct",
            Form::Above(0.0, 10_000.0),
            "null",
            "DC power in percent of the customer's nominal load instead of the distribution of sizes; its limits hold.",
            "",
        ),
        p(
            "orientations",
            Form::Objects(&ORIENTATION),
            "[{\"tilt_deg\":20,\"azimuth_deg\":180,\"weight\":2},{\"tilt_deg\":20,\"azimuth_deg\":90,\"weight\":1},\
              {\"tilt_deg\":20,\"azimuth_deg\":270,\"weight\":1}]",
            "How systems face; each has one of these at random.",
            "chosen: half south, a quarter east and west each",
        ),
        p("transposition", Form::Choice(&["isotropic", "hay_davies"]), "\"hay_davies\"", "Model of the diffuse sky.", ""),
        p("albedo_pct", PCT, "20", "Share of light that the ground throws back.", "grass, PVWatts"),
        p(
            "temperature_pct_per_c",
            Form::Number(-2.0, 0.0),
            "-0.37",
            "Change of DC power for a degree of the cells above 25 °C.",
            "PVWatts 8, standard module",
        ),
        p("losses_pct", Form::Number(0.0, 99.0), "14.08", "Soiling, shading, mismatch, wiring and the like.", "PVWatts 5"),
        p("dc_ac_ratio", Form::Number(0.5, 3.0), "1.2", "DC power over the inverter's AC rating.", "PVWatts 5"),
        p("inverter_efficiency_pct", Form::Number(50.0, 100.0), "96", "Nominal efficiency of the inverter.", "PVWatts 5"),
        p("faiman_u0_w_per_m2_c", Form::Above(0.0, 200.0), "25", "Heat that cells lose in still air.", "Faiman 2008"),
        p("faiman_u1_w_s_per_m3_c", Form::Number(0.0, 100.0), "6.84", "Heat that wind takes.", "Faiman 2008"),
        p("wind_speed_m_per_s", Form::Number(0.0, 50.0), "1", "Wind where the weather has none.", "chosen: light air"),
        p("incidence_b", Form::Number(0.0, 0.5), "0.05", "Loss at flat incidence, b0 of ASHRAE's formula; 0 for none.", "glass, ASHRAE 93"),
        ALLOCATION,
    ],
    one_of: HOW_MANY,
};

static STORAGE: Section = Section {
    name: "storage",
    meaning: "Batteries of customers, with a schedule that follows from the customer's own load and sun or from hours of the day.",
    parameters: &[
        NAME,
        PENETRATION,
        ADOPTION,
        p("with_solar_only", Form::Flag, "false", "Only customers to whom this scenario gives photovoltaics.", ""),
        p("power_kw", Form::Above(0.0, 1e5), "5", "Charging and discharging power at the terminals.", "as of present home batteries"),
        p("energy_kwh", Form::Above(0.0, 1e6), "13.5", "Usable energy.", "as of present home batteries"),
        p("reserve_pct", PCT, "20", "Charge that is never taken.", CHOSEN),
        p(
            "round_trip_pct",
            Form::Above(0.0, 100.0),
            "88",
            "Energy out over energy in; half of the loss each way.",
            "chosen, near data sheets",
        ),
        p("strategy", Form::Choice(&["self_consumption", "time_of_use"]), "\"self_consumption\"", "What the battery is for.", ""),
        p("charge_from_h", HOUR, "0", "With `time_of_use`: charging begins.", CHOSEN),
        p("charge_to_h", HOUR, "6", "With `time_of_use`: charging ends.", CHOSEN),
        p("discharge_from_h", HOUR, "16", "With `time_of_use`: discharging begins.", "peak hours of the tariff"),
        p("discharge_to_h", HOUR, "21", "With `time_of_use`: discharging ends.", "peak hours of the tariff"),
        ALLOCATION,
    ],
    one_of: HOW_MANY,
};

static ELECTRIFICATION: Section = Section {
    name: "electrification",
    meaning: "Heat pumps in houses that were heated by other means. Heat is the loss of the house below the balance temperature; electric power \
              is heat over the coefficient of performance, which falls with the temperature, and what the pump cannot give comes from resistances.",
    parameters: &[
        NAME,
        PENETRATION,
        ADOPTION,
        p(
            "heat_loss_kw_per_c",
            Form::Above(0.0, 1000.0),
            "0.2",
            "Median heat loss of a house, log-normal.",
            "chosen: 7 kW at 35 °C of difference",
        ),
        p("heat_loss_sigma", Form::Number(0.0, 3.0), "0.3", "Standard deviation of its logarithm.", CHOSEN),
        p(
            "balance_c",
            Form::Number(-20.0, 30.0),
            "16",
            "Outside temperature from which no heat is needed.",
            "chosen, near degree-day bases",
        ),
        p(
            "capacity_kw",
            Form::Above(0.0, 1e5),
            "10",
            "Heat that the pump gives at 8.3 °C, for a house of median loss; others in proportion.",
            CHOSEN,
        ),
        p(
            "cop_at_8_3_c",
            Form::Number(1.0, 10.0),
            "3.5",
            "Coefficient of performance at 8.3 °C (47 °F).",
            "chosen, near AHRI 210/240 ratings",
        ),
        p(
            "cop_at_minus_8_3_c",
            Form::Number(1.0, 10.0),
            "2.4",
            "Coefficient of performance at -8.3 °C (17 °F).",
            "chosen, near AHRI 210/240 ratings",
        ),
        p("cop_min", Form::Number(1.0, 10.0), "1.3", "Least coefficient of performance.", CHOSEN),
        p(
            "capacity_pct_per_c",
            Form::Number(0.0, 5.0),
            "1.5",
            "Heat that the pump loses for a degree below 8.3 °C.",
            "chosen, near AHRI 210/240 ratings",
        ),
        p("backup", Form::Flag, "true", "Resistances give what the pump cannot.", ""),
        p("power_factor", Form::Number(0.5, 1.0), "0.97", "Power factor, lagging.", CHOSEN),
        ALLOCATION,
    ],
    one_of: HOW_MANY,
};

static WEATHER: Section = Section {
    name: "weather",
    meaning: "A heat or cold wave: made up, or taken from a file of another year. It moves the loads through how their shapes answer to \
              temperature, and what vehicles, heat pumps and panels do. There is one weather: all weather layers count before any other layer, \
              wherever they stand; where two overlap the later one holds.",
    parameters: &[
        NAME,
        p("start", Form::Day, "null", "First day. With `file` and without it, the days are those of the extreme that is picked.", ""),
        p("length_d", Form::Above(0.0, 365.0), "5", "Length.", CHOSEN),
        p("amplitude_c", Form::Number(-40.0, 40.0), "null", "Greatest change of temperature; negative for a cold wave.", ""),
        p(
            "night_share_pct",
            PCT,
            "70",
            "Share of it that holds at night's coldest hour, three in the morning.",
            "chosen: waves warm days more",
        ),
        p("form", Form::Choice(&["trapezoid", "step", "half_sine"]), "\"trapezoid\"", "Course of the wave.", ""),
        p("file", Form::File(FileKind::Weather), "null", "A file of weather whose temperatures replace those of the year.", ""),
        p("file_year", Form::Whole(1900, 2200), "null", "Year to take of it.", ""),
        p("pick", Form::Choice(&["hottest", "coldest"]), "null", "Takes the hottest or coldest `length_d` of the file.", ""),
        p(
            "cooling_pct_per_c",
            Form::Number(0.0, 100.0),
            "2",
            "Load for a degree above `cooling_above_c`, of the shape's mean, where nothing can be fitted.",
            CHOSEN,
        ),
        p(
            "heating_pct_per_c",
            Form::Number(0.0, 100.0),
            "0.5",
            "Load for a degree below `heating_below_c`, of the shape's mean, where nothing can be fitted.",
            CHOSEN,
        ),
        p("cooling_above_c", Form::Number(-20.0, 50.0), "20", "Balance temperature of cooling where nothing can be fitted.", CHOSEN),
        p("heating_below_c", Form::Number(-40.0, 40.0), "15", "Balance temperature of heating where nothing can be fitted.", CHOSEN),
        p("fit", Form::Flag, "true", "Fit the answer of each shape to the year's temperature.", ""),
        ALLOCATION,
    ],
    one_of: &[&["amplitude_c", "file"]],
};

static TOU: Section = Section {
    name: "tou",
    meaning: "A time-of-use tariff. On each day it holds, the ratio of peak to other energy changes by the price ratio to the power of the \
              negative elasticity of substitution; the day's energy stays unless `energy_elasticity` says otherwise.",
    parameters: &[
        p("peak_from_h", HOUR, "16", "Peak price begins.", "usual in North American tariffs"),
        p("peak_to_h", HOUR, "21", "Peak price ends.", "usual in North American tariffs"),
        p("weekdays_only", Form::Flag, "true", "Saturdays and Sundays have no peak price.", ""),
        p("first_month", Form::Whole(1, 12), "1", "First month in which it holds.", ""),
        p("last_month", Form::Whole(1, 12), "12", "Last month in which it holds; may lie before the first.", ""),
        p("price_ratio", Form::Above(0.0, 100.0), "3", "Peak price over the price of other hours.", CHOSEN),
        p("participation_pct", PCT, "100", "Share of the load under the tariff.", CHOSEN),
        p(
            "substitution_elasticity",
            Form::Number(0.0, 5.0),
            "0.076",
            "Elasticity of substitution between peak and other hours.",
            "California Statewide Pricing Pilot, 2003 to 2004",
        ),
        p(
            "energy_elasticity",
            Form::Number(-5.0, 0.0),
            "0",
            "Elasticity of the day's energy to its mean price, which rises from 1 to that of the tariff; 0 keeps the energy.",
            "chosen: energy stays",
        ),
        p("shift_pct", PCT, "null", "Share of the peak energy that moves to other hours, instead of the elasticity.", ""),
        p(
            "ev_shift_pct",
            PCT,
            "0",
            "Share of the peak energy of the vehicles of earlier layers that moves to other hours.",
            "chosen: none",
        ),
    ],
    one_of: &[],
};

static MANDATE: Section = Section {
    name: "mandate",
    meaning: "Raises the penetration of the layers of a kind to a least value.",
    parameters: &[
        must("layer", Form::Choice(&["ev", "solar", "storage", "electrification"]), "Kind of layer."),
        must("penetration_pct", PCT, "Least penetration."),
    ],
    one_of: &[],
};

static CAP: Section = Section {
    name: "interconnection_cap",
    meaning: "Limits the AC power of the scenario's photovoltaics, of layers before and after. What is beyond is not built: systems with the \
              highest keys go first.",
    parameters: &[
        p("per_customer_kw", Form::Number(0.0, 1e6), "null", "Largest AC power of a system, which is made smaller.", ""),
        p("per_transformer_pct", Form::Number(0.0, 1e4), "null", "Largest sum on a transformer, of its rating.", ""),
        p("per_feeder_peak_pct", Form::Number(0.0, 1e4), "null", "Largest sum on a feeder, of the peak of its nominal load.", ""),
    ],
    one_of: &[&["per_customer_kw", "per_transformer_pct", "per_feeder_peak_pct"]],
};

static VOLT_VAR: Section = Section {
    name: "volt_var",
    meaning: "Volt-var function of the inverters of the scenario's photovoltaics and batteries, with vars before watts.",
    parameters: &[
        p(
            "v_pu",
            Form::Numbers { lengths: &[4], min: 0.5, max: 1.5 },
            "[0.92,0.98,1.02,1.08]",
            "Voltages of the curve, rising.",
            "IEEE 1547-2018, table 8, category B",
        ),
        p(
            "q_pct",
            Form::Numbers { lengths: &[4], min: -100.0, max: 100.0 },
            "[44,0,0,-44]",
            "Vars of the curve, of the apparent power; positive are given.",
            "IEEE 1547-2018, table 8, category B",
        ),
        p("existing", Form::Flag, "false", "Also the photovoltaics and batteries that the model has.", ""),
    ],
    one_of: &[],
};

static POLICY: Section = Section {
    name: "policy",
    meaning: "Tariffs and rules.",
    parameters: &[
        NAME,
        p("tou", Form::Object(&TOU), "null", "A time-of-use tariff.", ""),
        p("mandate", Form::Object(&MANDATE), "null", "A share of customers that a rule asks for.", ""),
        p("interconnection_cap", Form::Object(&CAP), "null", "Limits on what may be connected.", ""),
        p("volt_var", Form::Object(&VOLT_VAR), "null", "Volt-var function of inverters.", ""),
        ALLOCATION,
    ],
    one_of: &[&["tou", "mandate", "interconnection_cap", "volt_var"]],
};

static GROWTH: Section = Section {
    name: "growth",
    meaning: "Growth or decline of the loads that the model has.",
    parameters: &[NAME, must("change_pct", Form::Number(-100.0, 1000.0), "Change of the loads, P and Q alike."), ALLOCATION],
    one_of: &[],
};

static RECONDUCTOR: Section = Section {
    name: "reconductor",
    meaning: "Lines get the impedance and rating of a line code of the model.",
    parameters: &[
        must("lines", Form::Texts, "Patterns of the names of lines."),
        must("line_code", Form::Text, "Line code of as many phases as the lines have."),
    ],
    one_of: &[],
};

static NEW_TRANSFORMER: Section = Section {
    name: "transformer",
    meaning: "Transformers are replaced by others of the same kind: impedances and losses in percent stay.",
    parameters: &[
        must("transformers", Form::Texts, "Patterns of the names of transformers."),
        must("kva", Form::Above(0.0, 1e7), "Rating of all windings."),
    ],
    one_of: &[],
};

static NEW_CAPACITOR: Section = Section {
    name: "capacitor",
    meaning: "A bank of shunt capacitors in wye, always closed, at all phases of a bus.",
    parameters: &[must("bus", Form::Text, "Bus."), must("kvar", Form::Above(0.0, 1e6), "Rating of the whole bank.")],
    one_of: &[],
};

static NEW_REGULATOR: Section = Section {
    name: "regulator",
    meaning: "Regulators of 32 steps of 5/8 %, one a phase, at the sending end of a line.",
    parameters: &[
        must("line", Form::Text, "Line."),
        must("kva", Form::Above(0.0, 1e6), "Rating of a unit: voltage to neutral times current."),
        p("v_target_v", Form::Number(90.0, 150.0), "122", "Voltage at 120 V base.", "chosen, as in the IEEE test feeders"),
        p("band_v", Form::Above(0.0, 20.0), "2", "Bandwidth.", "usual"),
    ],
    one_of: &[],
};

static NEW_BATTERY: Section = Section {
    name: "battery",
    meaning: "A battery at all phases of a bus that keeps the flow of an element at or below a target.",
    parameters: &[
        must("bus", Form::Text, "Bus."),
        must("power_kw", Form::Above(0.0, 1e6), "Power."),
        must("energy_kwh", Form::Above(0.0, 1e7), "Energy."),
        must("watch", Form::Text, "`class.name` of the element whose flow is watched, such as the first line of the feeder."),
        must("target_kw", Form::Above(0.0, 1e7), "The battery discharges when the flow is above it."),
        must("charge_below_kw", Form::Number(-1e7, 1e7), "The battery charges when the flow is below it."),
    ],
    one_of: &[],
};

static TRANSFER: Section = Section {
    name: "transfer",
    meaning: "Lines and switches that are opened and closed.",
    parameters: &[
        p("open", Form::Texts, "[]", "Names of lines that are opened at their first terminal.", ""),
        p("close", Form::Texts, "[]", "Names of lines that are closed.", ""),
    ],
    one_of: &[&["open", "close"]],
};

static CHANGES: Section = Section {
    name: "changes",
    meaning: "Changes of the network itself.",
    parameters: &[
        NAME,
        p("reconductor", Form::Objects(&RECONDUCTOR), "[]", "Lines with other conductors.", ""),
        p("transformers", Form::Objects(&NEW_TRANSFORMER), "[]", "Transformers of another size.", ""),
        p("capacitors", Form::Objects(&NEW_CAPACITOR), "[]", "New capacitors.", ""),
        p("regulators", Form::Objects(&NEW_REGULATOR), "[]", "New regulators.", ""),
        p("batteries", Form::Objects(&NEW_BATTERY), "[]", "New batteries.", ""),
        p("transfer", Form::Object(&TRANSFER), "null", "Switching.", ""),
    ],
    one_of: &[&["reconductor", "transformers", "capacitors", "regulators", "batteries", "transfer"]],
};

/// The kinds of layers.
pub static LAYERS: &[&Section] = &[&EV, &FAST_CHARGING, &SOLAR, &STORAGE, &ELECTRIFICATION, &WEATHER, &POLICY, &GROWTH, &CHANGES];
