//! Usual failure modes by kind of component, as a first draft of an analysis.
//!
//! The marks are common engineering judgement and stand in no standard: each row says "typical, unverified". A kind that is not among these gets the row of a
//! component in general.

use network::availability::FailureMode;

/// What every row says of its marks.
pub const BASIS: &str = "typical, unverified";

/// Words of a kind, and its modes: mode, cause, effect there, effect on the plant, severity, occurrence, detection, what is done about it.
type Mode = (&'static str, &'static str, &'static str, &'static str, [u32; 3], &'static str);
type Kind = (&'static [&'static str], &'static [Mode]);

const KINDS: &[Kind] = &[
    (
        &["RECIP", "ENGINE", "DIESEL"],
        &[
            (
                "fails to start",
                "starting air or battery, fuel supply, control",
                "unit is not there when called",
                "reserve missing",
                [7, 4, 4],
                "monthly start test",
            ),
            (
                "trips while running",
                "fuel, cooling, lubrication, protection",
                "output of the unit lost",
                "reserve is used",
                [5, 6, 2],
                "condition monitoring, reserve of one unit",
            ),
            (
                "mechanical damage",
                "bearing, crankshaft, valve train",
                "unit out for weeks",
                "reserve gone for long",
                [8, 2, 5],
                "oil analysis, vibration monitoring",
            ),
        ],
    ),
    (
        &["TURBINE"],
        &[
            (
                "trips while running",
                "flame out, vibration, control, fuel gas",
                "output of the unit lost",
                "reserve is used; frequency falls",
                [6, 5, 2],
                "spinning reserve, load shedding",
            ),
            (
                "hot section damage",
                "wear, fuel quality, cooling",
                "unit out for weeks",
                "reserve gone for long",
                [8, 2, 5],
                "borescope inspection by operating hours",
            ),
        ],
    ),
    (
        &["TRANSFORMER", "XFMR"],
        &[
            (
                "winding fault",
                "ageing of insulation, overvoltage, through faults",
                "tripped by its protection",
                "all that it supplies is lost unless there is another",
                [9, 2, 6],
                "dissolved gas analysis, second transformer",
            ),
            (
                "tap changer fault",
                "contact wear, drive",
                "voltage is not held or trip",
                "voltage out of limits",
                [6, 3, 5],
                "maintenance by operations",
            ),
            (
                "bushing failure",
                "moisture, cracks",
                "flashover, fire",
                "loss with damage to neighbours",
                [10, 2, 6],
                "power factor test, fire wall",
            ),
        ],
    ),
    (
        &["SWITCHGEAR", "SWGR", "BUSBAR", "BUS"],
        &[
            (
                "busbar fault",
                "insulation, pollution, foreign objects, work",
                "all feeders of the section tripped",
                "section is lost",
                [9, 2, 7],
                "partial discharge monitoring, sections with coupler",
            ),
            (
                "control supply lost",
                "battery, charger, fuses",
                "breakers cannot trip",
                "fault is cleared by others, later",
                [9, 2, 4],
                "supervised double supply",
            ),
        ],
    ),
    (
        &["BREAKER"],
        &[
            (
                "fails to open",
                "mechanism, trip coil, control supply",
                "fault is not cleared here",
                "breaker failure protection trips the section",
                [9, 2, 6],
                "timing tests, trip circuit supervision",
            ),
            ("fails to close", "mechanism, spring motor", "circuit stays out", "transfer is not made", [6, 3, 5], "regular operation"),
        ],
    ),
    (
        &["BATTERY", "BESS", "STORAGE"],
        &[
            (
                "converter trips",
                "control, cooling, grid disturbance",
                "no power from the battery",
                "reserve missing while it lasts",
                [6, 5, 2],
                "redundant converters",
            ),
            (
                "capacity faded",
                "ageing, cell imbalance",
                "less energy than counted on",
                "bridging time too short",
                [6, 4, 5],
                "capacity test each year",
            ),
            (
                "thermal runaway",
                "cell defect, overcharge",
                "fire in a container",
                "loss of the container, danger to people",
                [10, 1, 5],
                "gas detection, spacing",
            ),
        ],
    ),
    (
        &["INVERTER", "PV", "SOLAR", "CONVERTER"],
        &[
            (
                "inverter trips",
                "power electronics, cooling, grid disturbance",
                "output of the inverter lost",
                "small loss of power",
                [3, 6, 2],
                "many small inverters, monitoring",
            ),
            ("string fault", "connector, insulation", "part of the output lost", "small loss of energy", [2, 5, 5], "string monitoring"),
        ],
    ),
    (
        &["GENERATOR", "ALTERNATOR"],
        &[
            (
                "excitation fails",
                "regulator, rotating diodes",
                "trip or loss of reactive power",
                "reserve is used",
                [6, 3, 3],
                "spare regulator",
            ),
            (
                "stator fault",
                "ageing of insulation",
                "unit out for weeks",
                "reserve gone for long",
                [8, 2, 5],
                "partial discharge measurement",
            ),
        ],
    ),
    (
        &["CABLE", "LINE", "FEEDER"],
        &[(
            "insulation fault",
            "joint, digging, ageing",
            "circuit tripped",
            "loss unless there is another way",
            [7, 3, 6],
            "route marking, second circuit",
        )],
    ),
    (
        &["UPS", "STS"],
        &[
            (
                "fails to transfer",
                "static switch, control",
                "load drops when the mains fails",
                "critical load is lost",
                [9, 2, 5],
                "second independent path",
            ),
            (
                "battery fails on load",
                "ageing of cells",
                "no bridging time",
                "critical load is lost",
                [9, 3, 5],
                "impedance measurement, load test",
            ),
        ],
    ),
    (
        &["GRID", "UTILITY", "SOURCE"],
        &[(
            "supply lost",
            "faults of the network, switching",
            "import is zero",
            "own units carry the load alone",
            [6, 5, 1],
            "units that run on when parted from the grid",
        )],
    ),
];

const GENERAL: &[Mode] =
    &[("fails", "not analysed yet", "function lost", "as the block diagram says", [5, 5, 5], "go through its failure modes")];

/// Rows for a component of a kind.
pub(super) fn rows(id: &str, kind: &str) -> Vec<FailureMode> {
    let upper = kind.to_ascii_uppercase();
    // Whole words or their beginnings, so that "SUBSTATION" is no bus.
    let words: Vec<&str> = upper.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let is = |names: &[&str]| names.iter().any(|n| words.iter().any(|w| w == n || (n.len() > 3 && w.starts_with(n))));
    // A turbine is named before a generator: "GAS_TURBINE_GENERATOR".
    let modes = KINDS.iter().find(|(names, _)| is(names)).map_or(GENERAL, |(_, modes)| modes);
    let row = |m: &Mode| FailureMode {
        component_id: id.to_owned(),
        failure_mode: m.0.to_owned(),
        cause: m.1.to_owned(),
        local_effect: m.2.to_owned(),
        system_effect: m.3.to_owned(),
        severity: m.4[0],
        occurrence: m.4[1],
        detection: m.4[2],
        rpn: Some(m.4.iter().product()),
        recommended_action: m.5.to_owned(),
        basis: BASIS.to_owned(),
        ..FailureMode::default()
    };
    modes.iter().map(row).collect()
}
