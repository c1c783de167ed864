//! The tables of a time-series study: every column once, with its unit and its meaning.
//!
//! Each row type is a record batch's row; [`TABLES`] lists all of them for readers, and the same texts travel with the data as metadata of
//! the Arrow fields (`unit`, `meaning`) and of the schema (`table`, `meaning`). Hours are the model's clock at the end of a step, as
//! OpenDSS counts them: the first step of an hourly run that begins at 0 is hour 1, and stands for the hour before it.

use arrow_array::builder::{BooleanBuilder, PrimitiveBuilder, StringDictionaryBuilder};
use arrow_array::types::{Float64Type, Int32Type, UInt8Type, UInt32Type, UInt64Type};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use std::collections::HashMap;
use std::sync::Arc;

/// A name in a table; shared, since few names stand in many rows.
pub type Text = Arc<str>;

/// What a reader is told of one column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    /// Empty where there is none.
    pub unit: &'static str,
    pub meaning: &'static str,
}

/// What a reader is told of one table.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    pub name: &'static str,
    pub meaning: &'static str,
    pub columns: &'static [Column],
    pub schema: fn() -> SchemaRef,
}

/// A row of a table.
pub trait Row: Sized {
    const TABLE: &'static str;

    fn schema() -> SchemaRef;

    /// The rows as a record batch.
    fn batch(rows: &[Self]) -> RecordBatch;
}

/// A value of a cell.
pub trait Cell: Sized {
    const NULLABLE: bool = false;

    fn data_type() -> DataType;

    fn array<'a>(cells: impl ExactSizeIterator<Item = &'a Self>) -> ArrayRef
    where
        Self: 'a;
}

macro_rules! number_cells {
    ($($type:ty, $arrow:ident, $data:ident;)*) => {$(
        impl Cell for $type {
            fn data_type() -> DataType { DataType::$data }

            fn array<'a>(cells: impl ExactSizeIterator<Item = &'a Self>) -> ArrayRef {
                let mut builder = PrimitiveBuilder::<$arrow>::with_capacity(cells.len());
                cells.for_each(|&x| builder.append_value(x));
                Arc::new(builder.finish())
            }
        }

        impl Cell for Option<$type> {
            const NULLABLE: bool = true;

            fn data_type() -> DataType { DataType::$data }

            fn array<'a>(cells: impl ExactSizeIterator<Item = &'a Self>) -> ArrayRef {
                let mut builder = PrimitiveBuilder::<$arrow>::with_capacity(cells.len());
                cells.for_each(|&x| builder.append_option(x));
                Arc::new(builder.finish())
            }
        }
    )*};
}

number_cells! {
    f64, Float64Type, Float64;
    u8, UInt8Type, UInt8;
    u32, UInt32Type, UInt32;
    u64, UInt64Type, UInt64;
}

impl Cell for bool {
    fn data_type() -> DataType {
        DataType::Boolean
    }

    fn array<'a>(cells: impl ExactSizeIterator<Item = &'a Self>) -> ArrayRef {
        let mut builder = BooleanBuilder::with_capacity(cells.len());
        cells.for_each(|&x| builder.append_value(x));
        Arc::new(builder.finish())
    }
}

fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

impl Cell for Text {
    fn data_type() -> DataType {
        dictionary()
    }

    fn array<'a>(cells: impl ExactSizeIterator<Item = &'a Self>) -> ArrayRef {
        let mut builder = StringDictionaryBuilder::<Int32Type>::new();
        cells.for_each(|x| builder.append_value(&**x));
        Arc::new(builder.finish())
    }
}

impl Cell for Option<Text> {
    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        dictionary()
    }

    fn array<'a>(cells: impl ExactSizeIterator<Item = &'a Self>) -> ArrayRef {
        let mut builder = StringDictionaryBuilder::<Int32Type>::new();
        cells.for_each(|x| builder.append_option(x.as_deref()));
        Arc::new(builder.finish())
    }
}

fn field<C: Cell>(column: &Column) -> Field {
    let mut metadata = HashMap::from([("meaning".to_owned(), column.meaning.to_owned())]);
    if !column.unit.is_empty() {
        metadata.insert("unit".to_owned(), column.unit.to_owned());
    }
    Field::new(column.name, C::data_type(), C::NULLABLE).with_metadata(metadata)
}

fn schema(table: &str, meaning: &str, fields: Vec<Field>) -> SchemaRef {
    let metadata = HashMap::from([("table".to_owned(), table.to_owned()), ("meaning".to_owned(), meaning.to_owned())]);
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

macro_rules! tables {
    ($($row:ident $name:literal $meaning:literal {
        $($field:ident $column:literal: $type:ty, $unit:literal, $text:literal;)+
    })+) => {
        $(
            #[doc = $meaning]
            #[derive(Clone, Debug, PartialEq)]
            pub struct $row {
                $(#[doc = $text] pub $field: $type,)+
            }

            impl $row {
                const COLUMNS: &'static [Column] = &[$(Column { name: $column, unit: $unit, meaning: $text },)+];
            }

            impl Row for $row {
                const TABLE: &'static str = $name;

                fn schema() -> SchemaRef {
                    let mut columns = Self::COLUMNS.iter();
                    let fields = vec![$(field::<$type>(columns.next().expect(stringify!($field))),)+];
                    schema($name, $meaning, fields)
                }

                fn batch(rows: &[Self]) -> RecordBatch {
                    let arrays: Vec<ArrayRef> = vec![$(<$type as Cell>::array(rows.iter().map(|r| &r.$field)),)+];
                    RecordBatch::try_new(Self::schema(), arrays).expect("columns are made by their schema")
                }
            }
        )+

        /// Every table of a time-series study.
        pub const TABLES: &[Table] = &[
            $(Table { name: $name, meaning: $meaning, columns: $row::COLUMNS, schema: <$row as Row>::schema },)+
        ];
    };
}

tables! {
    StepRow "steps" "One row a time step; values are null where the step did not settle." {
        step "step": u32, "", "number of the step within the run, from 0";
        hour "hour": f64, "h", "clock at the end of the step";
        converged "converged": bool, "", "voltages and controls settled";
        iterations "iterations": u32, "", "iterations of the power flow, over all control iterations";
        control_iterations "control_iterations": u32, "", "rounds of control actions";
        source_kw "source_kw": Option<f64>, "kW", "active power that the sources deliver";
        source_kvar "source_kvar": Option<f64>, "kvar", "reactive power that the sources deliver";
        load_kw "load_kw": Option<f64>, "kW", "active power that the loads draw";
        losses_kw "losses_kw": Option<f64>, "kW", "losses of all elements between buses";
        line_losses_kw "line_losses_kw": Option<f64>, "kW", "losses of lines";
        transformer_losses_kw "transformer_losses_kw": Option<f64>, "kW", "losses of transformers, no-load losses included";
        no_load_losses_kw "no_load_losses_kw": Option<f64>, "kW", "losses in the no-load branches of transformers";
        v_min_pu "v_min_pu": Option<f64>, "pu", "lowest voltage of a supplied node";
        v_min_node "v_min_node": Option<Text>, "", "the node with the lowest voltage, bus.node";
        v_max_pu "v_max_pu": Option<f64>, "pu", "highest voltage of a node";
        v_max_node "v_max_node": Option<Text>, "", "the node with the highest voltage, bus.node";
        worst_node "worst_node": Option<Text>, "", "of a step that did not settle: the node with the largest power mismatch";
        control_actions "control_actions": u32, "", "control actions; a tap move of several steps counts each";
    }

    NodeStatistics "node_statistics" "Voltages of every node over the settled steps in which it was supplied." {
        node "node": Text, "", "bus.node";
        bus "bus": Text, "", "name of the bus";
        phase "phase": u8, "", "number of the node at its bus";
        kv_base_ln "kv_base_ln": f64, "kV", "base voltage, line to neutral";
        x "x": Option<f64>, "", "coordinate of the bus as the model has it";
        y "y": Option<f64>, "", "coordinate of the bus as the model has it";
        steps "steps": u32, "", "settled steps in which the node carried at least 0.05 pu";
        v_min_pu "v_min_pu": Option<f64>, "pu", "lowest voltage";
        v_min_hour "v_min_hour": Option<f64>, "h", "hour of the lowest voltage, the first of several";
        v_max_pu "v_max_pu": Option<f64>, "pu", "highest voltage";
        v_max_hour "v_max_hour": Option<f64>, "h", "hour of the highest voltage, the first of several";
        v_mean_pu "v_mean_pu": Option<f64>, "pu", "mean voltage";
        v_p01_pu "v_p01_pu": Option<f64>, "pu", "voltage not reached in 1 % of the steps; from bins of 0.0002 pu between 0.8 and 1.2 pu";
        v_p05_pu "v_p05_pu": Option<f64>, "pu", "the same, 5 %";
        v_p50_pu "v_p50_pu": Option<f64>, "pu", "the same, 50 %";
        v_p95_pu "v_p95_pu": Option<f64>, "pu", "the same, 95 %";
        v_p99_pu "v_p99_pu": Option<f64>, "pu", "the same, 99 %";
        hours_below_a "hours_below_a": f64, "h", "time below range A";
        hours_above_a "hours_above_a": f64, "h", "time above range A";
        hours_below_b "hours_below_b": f64, "h", "time below range B; it counts as below range A, too";
        hours_above_b "hours_above_b": f64, "h", "time above range B; it counts as above range A, too";
    }

    ElementStatistics "element_statistics" "Loading, energy and losses of every element between buses over the settled steps." {
        element "element": Text, "", "class.name";
        kind "kind": Text, "", "class of the element";
        rating_a "rating_a": Option<f64>, "A", "normal rating of a line, a conductor";
        rating_kva "rating_kva": Option<f64>, "kVA", "rated power of a transformer's first winding";
        emergency_pct "emergency_pct": Option<f64>, "%", "emergency rating, of the rating";
        loading_max_pct "loading_max_pct": Option<f64>, "%",
            "highest loading: largest phase current of a line over its rating, largest terminal's apparent power of a transformer over its rating";
        loading_max_hour "loading_max_hour": Option<f64>, "h", "hour of the highest loading, the first of several";
        loading_mean_pct "loading_mean_pct": Option<f64>, "%", "mean loading";
        loading_p50_pct "loading_p50_pct": Option<f64>, "%", "loading not reached in 50 % of the steps; from bins of 0.25 % up to 250 %";
        loading_p95_pct "loading_p95_pct": Option<f64>, "%", "the same, 95 %";
        loading_p99_pct "loading_p99_pct": Option<f64>, "%", "the same, 99 %";
        hours_above_normal "hours_above_normal": Option<f64>, "h", "time above 100 % of the rating";
        hours_above_emergency "hours_above_emergency": Option<f64>, "h", "time above the emergency rating";
        energy_kwh "energy_kwh": f64, "kWh", "energy into terminal 1";
        energy_reverse_kwh "energy_reverse_kwh": f64, "kWh", "energy out of terminal 1";
        losses_kwh "losses_kwh": f64, "kWh", "losses";
        no_load_losses_kwh "no_load_losses_kwh": f64, "kWh", "losses in the no-load branch of a transformer; part of the losses";
        s_max_kva "s_max_kva": f64, "kVA", "largest apparent power of a terminal";
        i_max_a "i_max_a": f64, "A", "largest phase current; of a transformer, at terminal 1";
        winding_current_max_pct "winding_current_max_pct": Option<f64>, "%",
            "largest phase current of any winding over the winding's rated current; of a line as its loading";
        unbalance_max_pct "unbalance_max_pct": Option<f64>, "%",
            "largest deviation of a phase current at terminal 1 from the phases' mean, of the mean; over steps with a mean of at least 10 % of the rating";
        unbalance_mean_pct "unbalance_mean_pct": Option<f64>, "%", "mean of the same";
    }

    EpisodeRow "episodes" "Runs of steps in which an asset is beyond a limit; a step that did not settle ends a run." {
        kind "kind": Text, "", "overload, over_emergency (elements), below_a, above_a, below_b, above_b (nodes)";
        asset "asset": Text, "", "class.name of an element, bus.node of a node";
        start_hour "start_hour": f64, "h", "hour of the first step";
        hours "hours": f64, "h", "length: number of steps times the step length";
        worst_value "worst_value": f64, "% or pu", "highest loading, lowest or highest voltage";
        worst_hour "worst_hour": f64, "h", "hour of the worst value";
        limit "limit": f64, "% or pu", "the limit";
    }

    ControlStatistics "control_statistics" "What every control did." {
        control "control": Text, "", "class.name";
        element "element": Option<Text>, "", "what it acts on; null where that is several units";
        kind "kind": Text, "", "class of the control";
        actions "actions": u32, "", "actions; a tap move of several steps counts each";
        lowest "lowest": Option<f64>, "",
            "lowest position at the end of a step: tap steps from neutral, capacitor steps in service, 1 of a closed switch and 0 of an open one";
        highest "highest": Option<f64>, "", "highest position";
        last "final": Option<f64>, "", "position at the end of the run";
    }

    FeederTotals "feeder_totals" "One row a feeder: its size, and the run in sums." {
        nodes "nodes": u32, "", "nodes of the circuit, without the earth";
        buses "buses": u32, "", "buses";
        elements "elements": u32, "", "enabled elements that carry current";
        lines "lines": u32, "", "enabled lines";
        transformers "transformers": u32, "", "enabled transformers";
        loads "loads": u32, "", "enabled loads";
        line_km "line_km": f64, "km", "length of the enabled lines; a length without unit counts as metres";
        transformer_kva "transformer_kva": f64, "kVA", "rated power of the enabled transformers";
        steps "steps": u32, "", "steps that were solved, settled or not";
        step_h "step_h": f64, "h", "length of a step";
        unsettled "unsettled": u32, "", "steps that did not settle; they count in nothing else but iterations and actions";
        peak_kw "peak_kw": Option<f64>, "kW", "highest power that the sources deliver";
        peak_hour "peak_hour": Option<f64>, "h", "its hour, the first of several";
        lowest_kw "lowest_kw": Option<f64>, "kW", "lowest power that the sources deliver; negative when power flows back";
        energy_kwh "energy_kwh": f64, "kWh", "energy that the sources deliver, less what flows back";
        load_energy_kwh "load_energy_kwh": f64, "kWh", "energy that the loads draw";
        losses_kwh "losses_kwh": f64, "kWh", "losses of all elements between buses";
        line_losses_kwh "line_losses_kwh": f64, "kWh", "losses of lines";
        transformer_losses_kwh "transformer_losses_kwh": f64, "kWh", "losses of transformers, no-load losses included";
        no_load_losses_kwh "no_load_losses_kwh": f64, "kWh", "losses in the no-load branches of transformers";
        v_min_pu "v_min_pu": Option<f64>, "pu", "lowest voltage of a supplied node";
        v_min_node "v_min_node": Option<Text>, "", "its node";
        v_min_hour "v_min_hour": Option<f64>, "h", "its hour";
        v_max_pu "v_max_pu": Option<f64>, "pu", "highest voltage of a node";
        v_max_node "v_max_node": Option<Text>, "", "its node";
        v_max_hour "v_max_hour": Option<f64>, "h", "its hour";
        iterations "iterations": u64, "", "iterations of the power flow";
        control_iterations "control_iterations": u64, "", "rounds of control actions";
        control_actions "control_actions": u64, "", "control actions; a tap move of several steps counts each";
    }

    MeterRow "meters" "Registers of the model's energy meters at the end of the run." {
        meter "meter": Text, "", "name of the meter";
        register_number "register_number": u32, "", "number of the register, from 1";
        register "register": Text, "", "name of the register, with its unit";
        value "value": f64, "as the register says", "value";
    }

    MonitorRow "monitors" "Records of the model's monitors." {
        monitor "monitor": Text, "", "name of the monitor";
        column "column": Text, "", "name of the channel, with its unit";
        step "step": u32, "", "number of the step within the run, from 0";
        hour "hour": f64, "h", "clock at the end of the step";
        value "value": f64, "as the channel says", "value";
    }

    NodeSeriesRow "node_series" "Voltages of chosen nodes, step by step; steps that did not settle are left out." {
        step "step": u32, "", "number of the step within the run, from 0";
        hour "hour": f64, "h", "clock at the end of the step";
        node "node": Text, "", "bus.node";
        v_pu "v_pu": Option<f64>, "pu", "voltage; null where the bus has no base";
        angle_deg "angle_deg": f64, "degree", "angle of the voltage";
    }

    ElementSeriesRow "element_series" "Currents and powers of chosen elements, step by step; steps that did not settle are left out." {
        step "step": u32, "", "number of the step within the run, from 0";
        hour "hour": f64, "h", "clock at the end of the step";
        element "element": Text, "", "class.name";
        terminal "terminal": u8, "", "terminal, from 1";
        conductor "conductor": u8, "", "conductor, from 1";
        i_a "i_a": f64, "A", "current, magnitude";
        p_kw "p_kw": f64, "kW", "active power into the element";
        q_kvar "q_kvar": f64, "kvar", "reactive power into the element";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn schemas_say_what_the_descriptions_say() {
        let mut names = BTreeSet::new();
        for table in TABLES {
            assert!(names.insert(table.name), "{} twice", table.name);
            let schema = (table.schema)();
            assert_eq!(schema.metadata()["meaning"], table.meaning);
            assert_eq!(schema.fields().len(), table.columns.len());
            let mut columns = BTreeSet::new();
            for (field, column) in schema.fields().iter().zip(table.columns) {
                assert!(columns.insert(column.name), "{}.{} twice", table.name, column.name);
                assert_eq!(field.name(), column.name);
                assert_eq!(field.metadata()["meaning"], column.meaning);
                assert_eq!(field.metadata().get("unit").map_or("", |u| u), column.unit);
                // A unit stands last in the name of its column.
                let unit = match column.unit {
                    "h" if column.name == "hours" || column.name == "hour" || column.name.starts_with("hours_") => "hour",
                    "h" if column.name.ends_with("_hour") => "_hour",
                    "kW" | "kWh" | "kvar" | "kVA" | "A" | "pu" | "km" | "h" => column.unit,
                    "%" => "_pct",
                    "degree" => "_deg",
                    _ => "",
                };
                let has_unit = unit.is_empty() || column.name.contains(&unit.to_lowercase()) || column.name == "kv_base_ln";
                assert!(has_unit, "{}.{} in {}", table.name, column.name, column.unit);
            }
        }
        assert_eq!(TABLES.len(), 10);
    }
}
