//! Rows of the tables of a time-series study, and record batches of them.
//!
//! Names, units and meanings of the columns are those of [`network::result_tables`]; they travel with the data as metadata of the Arrow
//! fields (`unit`, `meaning`).

use arrow_array::builder::{BooleanBuilder, PrimitiveBuilder};
use arrow_array::types::{Float64Type, UInt8Type, UInt32Type, UInt64Type};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use network::result_tables::{ResultTable, result_table};
use std::collections::HashMap;
use std::sync::Arc;

/// A name in a table; shared, since few names stand in many rows.
pub type Text = Arc<str>;

/// A row of a table.
pub trait Row: Sized {
    const TABLE: &'static str;

    /// Columns of the row: name, type, whether a value may be missing.
    const COLUMNS: &'static [ColumnType];

    /// Schema of a batch of rows.
    fn schema() -> SchemaRef {
        let described = result_table(Self::TABLE).expect("every table is described");
        schema(described, Self::COLUMNS)
    }

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

impl Cell for Text {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn array<'a>(cells: impl ExactSizeIterator<Item = &'a Self>) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(cells))
    }
}

impl Cell for Option<Text> {
    const NULLABLE: bool = true;

    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn array<'a>(cells: impl ExactSizeIterator<Item = &'a Self>) -> ArrayRef {
        Arc::new(cells.map(|x| x.as_deref()).collect::<StringArray>())
    }
}

/// A column as rows have it.
#[derive(Clone, Copy)]
pub struct ColumnType {
    pub name: &'static str,
    pub data_type: fn() -> DataType,
    pub nullable: bool,
}

fn schema(described: &ResultTable, columns: &[ColumnType]) -> SchemaRef {
    let field = |column: &ColumnType| {
        let mut metadata = HashMap::new();
        if let Some(known) = described.column(column.name) {
            metadata.insert("meaning".to_owned(), known.meaning.to_owned());
            if !known.unit.is_empty() {
                metadata.insert("unit".to_owned(), known.unit.to_owned());
            }
        }
        Field::new(column.name, (column.data_type)(), column.nullable).with_metadata(metadata)
    };
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

macro_rules! tables {
    ($($(#[$doc:meta])* $row:ident $name:literal { $($field:ident $column:literal: $type:ty;)+ })+) => {
        $(
            $(#[$doc])*
            ///
            /// Columns are described in [`network::result_tables`].
            #[derive(Clone, Debug, PartialEq)]
            pub struct $row {
                $(pub $field: $type,)+
            }

            impl Row for $row {
                const TABLE: &'static str = $name;

                const COLUMNS: &'static [ColumnType] =
                    &[$(ColumnType { name: $column, data_type: <$type as Cell>::data_type, nullable: <$type as Cell>::NULLABLE },)+];

                fn batch(rows: &[Self]) -> RecordBatch {
                    let arrays: Vec<ArrayRef> = vec![$(<$type as Cell>::array(rows.iter().map(|r| &r.$field)),)+];
                    RecordBatch::try_new(Self::schema(), arrays).expect("columns are made by their schema")
                }
            }
        )+

        /// Every table of a time-series study and its columns.
        pub const TABLES: &[(&str, &[ColumnType])] = &[$(($name, <$row as Row>::COLUMNS),)+];
    };
}

pub(crate) use tables;

tables! {
    /// One row a time step; values are null where the step did not settle.
    StepRow "steps" {
        step "step": u32;
        hour "hour": f64;
        converged "converged": bool;
        iterations "iterations": u32;
        control_iterations "control_iterations": u32;
        source_kw "source_kw": Option<f64>;
        source_kvar "source_kvar": Option<f64>;
        load_kw "load_kw": Option<f64>;
        losses_kw "losses_kw": Option<f64>;
        line_losses_kw "line_losses_kw": Option<f64>;
        transformer_losses_kw "transformer_losses_kw": Option<f64>;
        no_load_losses_kw "no_load_losses_kw": Option<f64>;
        v_min_pu "v_min_pu": Option<f64>;
        v_min_node "v_min_node": Option<Text>;
        v_max_pu "v_max_pu": Option<f64>;
        v_max_node "v_max_node": Option<Text>;
        worst_node "worst_node": Option<Text>;
        control_actions "control_actions": u32;
    }

    /// Voltages of every node over the settled steps in which it was supplied.
    NodeStatistics "node_statistics" {
        node "node": Text;
        bus "bus": Text;
        phase "phase": u8;
        kv_base_ln "kv_base_ln": f64;
        x "x": Option<f64>;
        y "y": Option<f64>;
        distance_km "distance_km": Option<f64>;
        steps "steps": u32;
        v_min_pu "v_min_pu": Option<f64>;
        v_min_hour "v_min_hour": Option<f64>;
        v_max_pu "v_max_pu": Option<f64>;
        v_max_hour "v_max_hour": Option<f64>;
        v_mean_pu "v_mean_pu": Option<f64>;
        v_p01_pu "v_p01_pu": Option<f64>;
        v_p05_pu "v_p05_pu": Option<f64>;
        v_p50_pu "v_p50_pu": Option<f64>;
        v_p95_pu "v_p95_pu": Option<f64>;
        v_p99_pu "v_p99_pu": Option<f64>;
        hours_below_a "hours_below_a": f64;
        hours_above_a "hours_above_a": f64;
        hours_below_b "hours_below_b": f64;
        hours_above_b "hours_above_b": f64;
    }

    /// Loading, energy and losses of every element between buses over the settled steps.
    ElementStatistics "element_statistics" {
        element "element": Text;
        kind "kind": Text;
        bus_1 "bus_1": Text;
        bus_2 "bus_2": Option<Text>;
        rating_a "rating_a": Option<f64>;
        rating_kva "rating_kva": Option<f64>;
        emergency_pct "emergency_pct": Option<f64>;
        loading_max_pct "loading_max_pct": Option<f64>;
        loading_max_hour "loading_max_hour": Option<f64>;
        loading_mean_pct "loading_mean_pct": Option<f64>;
        loading_p50_pct "loading_p50_pct": Option<f64>;
        loading_p95_pct "loading_p95_pct": Option<f64>;
        loading_p99_pct "loading_p99_pct": Option<f64>;
        hours_above_normal "hours_above_normal": f64;
        hours_above_emergency "hours_above_emergency": f64;
        energy_kwh "energy_kwh": f64;
        energy_reverse_kwh "energy_reverse_kwh": f64;
        losses_kwh "losses_kwh": f64;
        no_load_losses_kwh "no_load_losses_kwh": f64;
        s_max_kva "s_max_kva": f64;
        i_max_a "i_max_a": f64;
        winding_current_max_pct "winding_current_max_pct": Option<f64>;
        unbalance_max_pct "unbalance_max_pct": Option<f64>;
        unbalance_mean_pct "unbalance_mean_pct": Option<f64>;
    }

    /// Runs of steps in which an asset is beyond a limit; a step that did not settle ends a run.
    EpisodeRow "episodes" {
        kind "kind": Text;
        asset "asset": Text;
        start_hour "start_hour": f64;
        hours "hours": f64;
        worst_value "worst_value": f64;
        worst_hour "worst_hour": f64;
        limit "limit_value": f64;
    }

    /// One step that did not settle.
    UnsettledRow "unsettled_steps" {
        step "step": u32;
        hour "hour": f64;
        iterations "iterations": u32;
        control_iterations "control_iterations": u32;
        worst_node "worst_node": Option<Text>;
    }

    /// What every control did.
    ControlStatistics "control_statistics" {
        control "control": Text;
        element "element": Option<Text>;
        kind "kind": Text;
        actions "actions": u32;
        lowest "lowest": Option<f64>;
        highest "highest": Option<f64>;
        last "final": Option<f64>;
    }

    /// One row a feeder: its size, and the run in sums.
    FeederTotals "feeder_totals" {
        nodes "nodes": u32;
        buses "buses": u32;
        elements "elements": u32;
        lines "lines": u32;
        transformers "transformers": u32;
        loads "loads": u32;
        line_km "line_km": f64;
        transformer_kva "transformer_kva": f64;
        step_h "step_h": f64;
        steps "steps": u32;
        unsettled "unsettled": u32;
        peak_kw "peak_kw": Option<f64>;
        peak_hour "peak_hour": Option<f64>;
        lowest_kw "lowest_kw": Option<f64>;
        energy_kwh "energy_kwh": f64;
        load_energy_kwh "load_energy_kwh": f64;
        losses_kwh "losses_kwh": f64;
        line_losses_kwh "line_losses_kwh": f64;
        transformer_losses_kwh "transformer_losses_kwh": f64;
        no_load_losses_kwh "no_load_losses_kwh": f64;
        v_min_pu "v_min_pu": Option<f64>;
        v_min_node "v_min_node": Option<Text>;
        v_min_hour "v_min_hour": Option<f64>;
        v_max_pu "v_max_pu": Option<f64>;
        v_max_node "v_max_node": Option<Text>;
        v_max_hour "v_max_hour": Option<f64>;
        iterations "iterations": u64;
        control_iterations "control_iterations": u64;
        control_actions "control_actions": u64;
    }

    /// Registers of the model's energy meters at the end of the run.
    MeterRow "meters" {
        meter "meter": Text;
        register_number "register_number": u32;
        register "register": Text;
        value "value": f64;
    }

    /// Records of the model's monitors.
    MonitorRow "monitors" {
        monitor "monitor": Text;
        column "column": Text;
        step "step": u32;
        hour "hour": f64;
        value "value": f64;
    }

    /// Voltages of chosen nodes, step by step; steps that did not settle are left out.
    NodeSeriesRow "node_series" {
        step "step": u32;
        hour "hour": f64;
        node "node": Text;
        v_pu "v_pu": Option<f64>;
        angle_deg "angle_deg": f64;
    }

    /// Currents and powers of chosen elements, step by step; steps that did not settle are left out.
    ElementSeriesRow "element_series" {
        step "step": u32;
        hour "hour": f64;
        element "element": Text;
        terminal "terminal": u8;
        conductor "conductor": u8;
        i_a "i_a": f64;
        p_kw "p_kw": f64;
        q_kvar "q_kvar": f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::result_tables::{ColumnKind, RESULT_TABLES};

    #[test]
    fn rows_have_the_columns_that_are_described() {
        let all = || TABLES.iter().chain(crate::metering::tables::TABLES);
        for (name, columns) in all() {
            let described = result_table(name).unwrap_or_else(|| panic!("{name} is not described"));
            let names: Vec<&str> = columns.iter().map(|c| c.name).collect();
            let wanted: Vec<&str> = described.columns.iter().map(|c| c.name).collect();
            assert_eq!(names, wanted, "{name}");
            for (column, described) in columns.iter().zip(described.columns) {
                let kind = match (column.data_type)() {
                    DataType::Boolean => ColumnKind::Bool,
                    DataType::UInt8 => ColumnKind::U8,
                    DataType::UInt32 => ColumnKind::U32,
                    DataType::UInt64 => ColumnKind::U64,
                    DataType::Float64 => ColumnKind::F64,
                    DataType::Utf8 => ColumnKind::Text,
                    other => panic!("{name}.{}: {other}", column.name),
                };
                assert_eq!((kind, column.nullable), (described.kind, described.nullable), "{name}.{}", column.name);
            }
        }
        assert_eq!(all().count(), RESULT_TABLES.len());
    }
}
