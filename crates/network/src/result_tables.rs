//! The tables that studies make: names, columns, units, meanings.
//!
//! This is plain data, so that whoever makes rows and whoever keeps them on disk agree without knowing each other. One row of a table
//! belongs to one feeder of one study; the store puts the columns [`STUDY`] and [`FEEDER`] in front when it writes.
//!
//! Conventions
//! * `hour` counts from the start of the run's year, so that the step that ends the first hour of a yearly run is at hour 1;
//! * a step that did not settle has nulls in place of values, and enters no extreme, mean, percentile or energy;
//! * percentiles, means and hours weigh every settled step by its length;
//! * energies and powers have the sign of the network: positive into the element, positive out of the source into the feeder.

/// Kinds of values of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    Bool,
    U8,
    U32,
    U64,
    F64,
    /// UTF-8
    Text,
}

impl ColumnKind {
    /// The kind's name, as documents say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::U8 => "u8",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::F64 => "f64",
            Self::Text => "text",
        }
    }
}

/// One column of a [`ResultTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultColumn {
    pub name: &'static str,
    pub kind: ColumnKind,
    /// Unit of the values, empty for names, counts and flags.
    pub unit: &'static str,
    /// Whether a value may be missing.
    pub nullable: bool,
    /// One sentence without a full stop.
    pub meaning: &'static str,
}

/// One table that studies make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultTable {
    pub name: &'static str,
    /// What a row is.
    pub meaning: &'static str,
    pub columns: &'static [ResultColumn],
}

impl ResultTable {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&'static ResultColumn> {
        self.columns.iter().find(|c| c.name == name)
    }
}

const fn value(name: &'static str, kind: ColumnKind, unit: &'static str, meaning: &'static str) -> ResultColumn {
    ResultColumn { name, kind, unit, nullable: false, meaning }
}

const fn maybe(name: &'static str, kind: ColumnKind, unit: &'static str, meaning: &'static str) -> ResultColumn {
    ResultColumn { name, kind, unit, nullable: true, meaning }
}

use ColumnKind::{Bool, F64, Text, U8, U32, U64};

/// The study that a row belongs to; the store adds it to every table.
pub const STUDY: ResultColumn = value("study", Text, "", "name of the study that the run was given");
/// The feeder that a row belongs to; the store adds it to every table.
pub const FEEDER: ResultColumn = value("feeder", Text, "", "name of the feeder");

/// All tables, in the order in which documents list them.
pub const RESULT_TABLES: &[ResultTable] = &[
    ResultTable {
        name: "feeder_totals",
        meaning: "One feeder over the whole run",
        columns: &[
            value("nodes", U32, "", "nodes that the engine solves"),
            value("buses", U32, "", "buses"),
            value("elements", U32, "", "elements in service that carry current"),
            value("lines", U32, "", "lines in service"),
            value("transformers", U32, "", "transformers in service"),
            value("loads", U32, "", "loads in service"),
            value("line_km", F64, "km", "length of the lines in service but switches; a length without unit counts as metres"),
            value("transformer_kva", F64, "kVA", "rated power of the transformers in service, first windings"),
            value("step_h", F64, "h", "length of a step"),
            value("steps", U32, "", "steps that were solved, settled or not"),
            value("unsettled", U32, "", "steps that did not settle"),
            maybe("peak_kw", F64, "kW", "largest active power of the sources"),
            maybe("peak_hour", F64, "h", "hour of the largest active power of the sources"),
            maybe("lowest_kw", F64, "kW", "smallest active power of the sources, negative when power flows back"),
            value("energy_kwh", F64, "kWh", "energy from the sources, taken back energy subtracted"),
            value("load_energy_kwh", F64, "kWh", "energy of the loads"),
            value("losses_kwh", F64, "kWh", "losses of all elements between buses"),
            value("line_losses_kwh", F64, "kWh", "losses of the lines"),
            value("transformer_losses_kwh", F64, "kWh", "losses of the transformers, no-load losses included"),
            value("no_load_losses_kwh", F64, "kWh", "no-load losses of the transformers"),
            maybe("v_min_pu", F64, "pu", "lowest voltage of a supplied node"),
            maybe("v_min_node", Text, "", "node of the lowest voltage"),
            maybe("v_min_hour", F64, "h", "hour of the lowest voltage"),
            maybe("v_max_pu", F64, "pu", "highest node voltage"),
            maybe("v_max_node", Text, "", "node of the highest voltage"),
            maybe("v_max_hour", F64, "h", "hour of the highest voltage"),
            value("iterations", U64, "", "iterations of all power flows"),
            value("control_iterations", U64, "", "rounds of controls of all steps"),
            value("control_actions", U64, "", "actions of all controls, each step of a tap move counted"),
        ],
    },
    ResultTable {
        name: "node_statistics",
        meaning: "One node over the whole run",
        columns: &[
            value("node", Text, "", "bus and number of the node, as `bus.1`"),
            value("bus", Text, "", "bus of the node"),
            value("phase", U8, "", "number of the node at its bus"),
            value("kv_base_ln", F64, "kV", "voltage base, line to neutral"),
            maybe("x", F64, "", "first coordinate of the bus, as the model gives it"),
            maybe("y", F64, "", "second coordinate of the bus, as the model gives it"),
            maybe("distance_km", F64, "km", "shortest way to a source along closed lines; a length without unit counts as metres"),
            value("steps", U32, "", "settled steps in which the node carried at least 0.05 pu; nothing else counts"),
            maybe("v_min_pu", F64, "pu", "lowest voltage"),
            maybe("v_min_hour", F64, "h", "hour of the lowest voltage"),
            maybe("v_max_pu", F64, "pu", "highest voltage"),
            maybe("v_max_hour", F64, "h", "hour of the highest voltage"),
            maybe("v_mean_pu", F64, "pu", "mean voltage"),
            maybe("v_p01_pu", F64, "pu", "voltage that 1 % of the time is below, from bins of 0.0002 pu between 0.8 and 1.2 pu"),
            maybe("v_p05_pu", F64, "pu", "voltage that 5 % of the time is below"),
            maybe("v_p50_pu", F64, "pu", "median voltage"),
            maybe("v_p95_pu", F64, "pu", "voltage that 95 % of the time is below"),
            maybe("v_p99_pu", F64, "pu", "voltage that 99 % of the time is below"),
            value("hours_below_a", F64, "h", "time below range A of ANSI C84.1"),
            value("hours_above_a", F64, "h", "time above range A of ANSI C84.1"),
            value("hours_below_b", F64, "h", "time below range B of ANSI C84.1, which is below range A, too"),
            value("hours_above_b", F64, "h", "time above range B of ANSI C84.1, which is above range A, too"),
        ],
    },
    ResultTable {
        name: "element_statistics",
        meaning: "One line, transformer or other element between buses over the whole run",
        columns: &[
            value("element", Text, "", "class and name, as `line.l1`"),
            value("kind", Text, "", "class of the element: `line`, `transformer`, `reactor` or `capacitor`"),
            value("bus_1", Text, "", "bus of the first terminal"),
            maybe("bus_2", Text, "", "bus of the second terminal"),
            maybe("rating_a", F64, "A", "normal rating of a line"),
            maybe("rating_kva", F64, "kVA", "rated power of a transformer's first winding"),
            maybe("emergency_pct", F64, "%", "emergency rating, as a share of the normal rating"),
            maybe(
                "loading_max_pct",
                F64,
                "%",
                "largest loading: largest phase current at any end over normal rating, or largest terminal's apparent power of all phases over rating",
            ),
            maybe("loading_max_hour", F64, "h", "hour of the largest loading"),
            maybe("loading_mean_pct", F64, "%", "mean loading"),
            maybe("loading_p50_pct", F64, "%", "median loading, from bins of 0.25 % up to 250 %"),
            maybe("loading_p95_pct", F64, "%", "loading that 95 % of the time is below"),
            maybe("loading_p99_pct", F64, "%", "loading that 99 % of the time is below"),
            value("hours_above_normal", F64, "h", "time above the rating; 0 without one"),
            value("hours_above_emergency", F64, "h", "time above the emergency rating; 0 without one"),
            value("energy_kwh", F64, "kWh", "energy into terminal 1 while power flows in"),
            value("energy_reverse_kwh", F64, "kWh", "energy out of terminal 1 while power flows out"),
            value("losses_kwh", F64, "kWh", "losses"),
            value("no_load_losses_kwh", F64, "kWh", "no-load losses, part of the losses"),
            value("s_max_kva", F64, "kVA", "largest apparent power of a terminal, all phases"),
            value("i_max_a", F64, "A", "largest phase current at any end, of a transformer at terminal 1"),
            maybe(
                "winding_current_max_pct",
                F64,
                "%",
                "largest phase current of any winding over that winding's rated current; of a line its largest loading",
            ),
            maybe(
                "unbalance_max_pct",
                F64,
                "%",
                "largest deviation of a phase current at terminal 1 from the mean of the phases, over that mean, while it is at least 10 % of the rating",
            ),
            maybe("unbalance_mean_pct", F64, "%", "mean of that deviation"),
        ],
    },
    ResultTable {
        name: "episodes",
        meaning: "An unbroken time that one asset spends beyond one limit",
        columns: &[
            value("kind", Text, "", "`overload`, `over_emergency`, `below_a`, `above_a`, `below_b` or `above_b`"),
            value("asset", Text, "", "node or element"),
            value("start_hour", F64, "h", "hour of the first step beyond the limit"),
            value("hours", F64, "h", "length"),
            value("worst_value", F64, "% or pu", "value farthest beyond the limit"),
            value("worst_hour", F64, "h", "hour of that value"),
            value("limit_value", F64, "% or pu", "the limit"),
        ],
    },
    ResultTable {
        name: "control_statistics",
        meaning: "One control over the whole run",
        columns: &[
            value("control", Text, "", "class and name, as `regcontrol.r1`"),
            maybe("element", Text, "", "element that it controls; missing where that is several"),
            value("kind", Text, "", "class of the control"),
            value("actions", U32, "", "actions taken, each step of a tap move counted"),
            maybe(
                "lowest",
                F64,
                "",
                "lowest position at the end of a step: tap steps from neutral, steps in service, or 0 open and 1 closed",
            ),
            maybe("highest", F64, "", "highest position"),
            maybe("final", F64, "", "position at the end of the run"),
        ],
    },
    ResultTable {
        name: "steps",
        meaning: "One step of a feeder",
        columns: &[
            value("step", U32, "", "number of the step within the run, from 0"),
            value("hour", F64, "h", "time at the end of the step"),
            value("converged", Bool, "", "whether the step settled, controls included"),
            value("iterations", U32, "", "iterations of the step's power flows"),
            value("control_iterations", U32, "", "rounds of controls"),
            maybe("source_kw", F64, "kW", "active power from the sources"),
            maybe("source_kvar", F64, "kvar", "reactive power from the sources"),
            maybe("load_kw", F64, "kW", "active power of the loads"),
            maybe("losses_kw", F64, "kW", "losses of all elements between buses"),
            maybe("line_losses_kw", F64, "kW", "losses of the lines"),
            maybe("transformer_losses_kw", F64, "kW", "losses of the transformers, no-load losses included"),
            maybe("no_load_losses_kw", F64, "kW", "no-load losses of the transformers"),
            maybe("v_min_pu", F64, "pu", "lowest voltage of a supplied node"),
            maybe("v_min_node", Text, "", "node of the lowest voltage"),
            maybe("v_max_pu", F64, "pu", "highest node voltage"),
            maybe("v_max_node", Text, "", "node of the highest voltage"),
            maybe("worst_node", Text, "", "node with the largest power mismatch, of a step that did not settle"),
            value("control_actions", U32, "", "actions of controls within the step, each step of a tap move counted"),
        ],
    },
    ResultTable {
        name: "unsettled_steps",
        meaning: "One step that did not settle",
        columns: &[
            value("step", U32, "", "number of the step within the run, from 0"),
            value("hour", F64, "h", "time at the end of the step"),
            value("iterations", U32, "", "iterations of the step's power flows"),
            value("control_iterations", U32, "", "rounds of controls"),
            maybe("worst_node", Text, "", "node with the largest power mismatch"),
        ],
    },
    ResultTable {
        name: "meters",
        meaning: "One register of an energy meter at the end of the run",
        columns: &[
            value("meter", Text, "", "name of the meter"),
            value("register_number", U32, "", "place of the register in the meter's list, from 1"),
            value("register", Text, "", "name of the register, its unit included"),
            value("value", F64, "as the register", "what the register holds"),
        ],
    },
    ResultTable {
        name: "monitors",
        meaning: "One value that a monitor recorded",
        columns: &[
            value("monitor", Text, "", "name of the monitor"),
            value("column", Text, "", "heading of the value, its unit included"),
            value("step", U32, "", "number of the sample, from 0"),
            value("hour", F64, "h", "time of the sample"),
            value("value", F64, "as the column", "what was recorded"),
        ],
    },
    ResultTable {
        name: "node_series",
        meaning: "The voltage of one node in one step",
        columns: &[
            value("step", U32, "", "number of the step within the run, from 0"),
            value("hour", F64, "h", "time at the end of the step"),
            value("node", Text, "", "bus and number of the node, as `bus.1`"),
            maybe("v_pu", F64, "pu", "voltage"),
            value("angle_deg", F64, "deg", "angle of the voltage"),
        ],
    },
    ResultTable {
        name: "element_series",
        meaning: "One conductor of one terminal of an element in one step",
        columns: &[
            value("step", U32, "", "number of the step within the run, from 0"),
            value("hour", F64, "h", "time at the end of the step"),
            value("element", Text, "", "class and name, as `line.l1`"),
            value("terminal", U8, "", "terminal, from 1"),
            value("conductor", U8, "", "conductor of the terminal, from 1"),
            value("i_a", F64, "A", "current"),
            value("p_kw", F64, "kW", "active power into the conductor"),
            value("q_kvar", F64, "kvar", "reactive power into the conductor"),
        ],
    },
    ResultTable {
        name: "meter_intervals",
        meaning: "One interval of one channel of one meter, after validation, estimation and editing",
        columns: &[
            value("meter", Text, "", "name of the meter"),
            value("channel", Text, "", "what is measured, with its unit, as `delivered_kwh`"),
            value("end_s", U64, "s", "end of the interval, seconds since 1970 UTC"),
            maybe("value", F64, "", "value in the unit of the channel"),
            value("flag", Text, "", "`validated`, `estimated`, `edited` or `missing`"),
            value("rule", Text, "", "rule that made an estimated or edited value, empty otherwise"),
        ],
    },
    ResultTable {
        name: "transformer_intervals",
        meaning: "One interval of all meters of one transformer",
        columns: &[
            value("transformer", Text, "", "name of the transformer"),
            value("end_s", U64, "s", "end of the interval, seconds since 1970 UTC"),
            maybe("p_kw", F64, "kW", "mean power, delivered less received, of the meters that have a value"),
            value("delivered_kwh", F64, "kWh", "energy to customers"),
            value("received_kwh", F64, "kWh", "energy from customers"),
            value("delivered_kvarh", F64, "kvarh", "reactive energy, delivered less received"),
            value("measured", U32, "", "series of energy with a validated value"),
            value("estimated", U32, "", "series of energy with an estimated or edited value"),
            value("missing", U32, "", "series of energy in service without a value"),
        ],
    },
    ResultTable {
        name: "feeder_intervals",
        meaning: "One interval of all meters of one feeder",
        columns: &[
            value("end_s", U64, "s", "end of the interval, seconds since 1970 UTC"),
            maybe("p_kw", F64, "kW", "mean power, delivered less received, of the meters that have a value"),
            value("delivered_kwh", F64, "kWh", "energy to customers"),
            value("received_kwh", F64, "kWh", "energy from customers"),
            value("delivered_kvarh", F64, "kvarh", "reactive energy, delivered less received"),
            value("measured", U32, "", "series of energy with a validated value"),
            value("estimated", U32, "", "series of energy with an estimated or edited value"),
            value("missing", U32, "", "series of energy in service without a value"),
        ],
    },
    ResultTable {
        name: "point_intervals",
        meaning: "One interval of a SCADA point: its values are held until the next one comes",
        columns: &[
            value("device", Text, "", "name of the device or point"),
            value("channel", Text, "", "what is measured, with its unit, as `p_kw`"),
            value("end_s", U64, "s", "end of the interval, seconds since 1970 UTC"),
            value("mean", F64, "", "mean over the time for which a value stood"),
            value("min", F64, "", "smallest value"),
            value("max", F64, "", "largest value"),
            value("last", F64, "", "value at the end"),
            value("known_pct", F64, "%", "share of the interval for which a value stood"),
        ],
    },
    ResultTable {
        name: "meter_quality",
        meaning: "What was found in one series of one meter",
        columns: &[
            value("meter", Text, "", "name of the meter"),
            maybe("transformer", Text, "", "transformer that the map names"),
            value("channel", Text, "", "what is measured, with its unit"),
            value("register", Text, "", "register of the meter, empty when there is one"),
            value("interval_s", U32, "s", "length of the intervals"),
            value("first_s", U64, "s", "end of the first interval, seconds since 1970 UTC"),
            value("last_s", U64, "s", "end of the last interval, seconds since 1970 UTC"),
            value("expected", U64, "", "intervals from the first to the last"),
            value("validated", U64, "", "intervals whose value passed"),
            value("estimated", U64, "", "intervals whose value was estimated, here or by who delivered it"),
            value("edited", U64, "", "intervals whose value was put in place of a reading"),
            value("missing", U64, "", "intervals that stay without a value"),
            value("gaps", U64, "", "runs of intervals without a reading"),
            value("duplicates", U64, "", "readings that came again with the same value"),
            value("conflicts", U64, "", "readings that came again with another value"),
            value("off_grid", U64, "", "readings whose times do not fit the intervals; they are not used"),
            value("negative", U64, "", "readings below zero of a channel that cannot be"),
            value("spikes", U64, "", "readings above the service rating"),
            value("suspects", U64, "", "readings above ten times the 99th percentile; they are kept"),
            value("flat", U64, "", "intervals within a day or more of one and the same value above zero; they are kept"),
            value("zeros", U64, "", "intervals within a week or more of zeros; they are kept"),
            value("resets", U64, "", "times that a register began again or went round"),
            value("unit_slips", U64, "", "days on which the level changes by a factor like that of another unit; the values are kept"),
            value("sum", F64, "", "sum of the values of an energy, mean of others"),
        ],
    },
];

/// The table of this name.
pub fn result_table(name: &str) -> Option<&'static ResultTable> {
    RESULT_TABLES.iter().find(|t| t.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_can_be_written_without_quotes() {
        let plain = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let mut tables = BTreeSet::new();
        for table in RESULT_TABLES {
            assert!(tables.insert(table.name) && plain(table.name), "{}", table.name);
            let mut columns = BTreeSet::from([STUDY.name, FEEDER.name]);
            for column in table.columns {
                assert!(columns.insert(column.name) && plain(column.name), "{}.{}", table.name, column.name);
                assert!(!column.meaning.is_empty() && !column.meaning.ends_with('.'), "{}.{}", table.name, column.name);
            }
        }
    }

    #[test]
    fn a_unit_in_a_name_is_the_unit_of_the_column() {
        let units = [
            ("_kw", "kW"),
            ("_kwh", "kWh"),
            ("_kvar", "kvar"),
            ("_kva", "kVA"),
            ("_pu", "pu"),
            ("_pct", "%"),
            ("_a", "A"),
            ("_h", "h"),
            ("_km", "km"),
            ("_deg", "deg"),
        ];
        let mut seen = 0;
        for table in RESULT_TABLES {
            for column in table.columns {
                // `_a` and `_b` of the voltage ranges are names, not units.
                if column.name.starts_with("hours_") {
                    assert_eq!(column.unit, "h", "{}.{}", table.name, column.name);
                    continue;
                }
                for (_, unit) in units.iter().filter(|(suffix, _)| column.name.ends_with(suffix)) {
                    assert_eq!(column.unit, *unit, "{}.{}", table.name, column.name);
                    seen += 1;
                }
            }
        }
        assert!(seen > 40, "{seen}");
    }
}
