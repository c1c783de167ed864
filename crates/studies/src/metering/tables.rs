//! Rows of the tables of meter data; names, units and meanings are in [`network::result_tables`].

use crate::time_series::tables::{Cell, ColumnType, Row, Text, tables};
use arrow_array::{ArrayRef, RecordBatch};

tables! {
    /// One interval of one channel of one meter.
    MeterInterval "meter_intervals" {
        meter "meter": Text;
        channel "channel": Text;
        end_s "end_s": u64;
        value "value": Option<f64>;
        flag "flag": Text;
        rule "rule": Text;
    }

    /// One interval of all meters of a transformer.
    TransformerInterval "transformer_intervals" {
        transformer "transformer": Text;
        end_s "end_s": u64;
        p_kw "p_kw": Option<f64>;
        delivered_kwh "delivered_kwh": f64;
        received_kwh "received_kwh": f64;
        delivered_kvarh "delivered_kvarh": f64;
        measured "measured": u32;
        estimated "estimated": u32;
        missing "missing": u32;
    }

    /// One interval of all meters of a feeder.
    FeederInterval "feeder_intervals" {
        end_s "end_s": u64;
        p_kw "p_kw": Option<f64>;
        delivered_kwh "delivered_kwh": f64;
        received_kwh "received_kwh": f64;
        delivered_kvarh "delivered_kvarh": f64;
        measured "measured": u32;
        estimated "estimated": u32;
        missing "missing": u32;
    }

    /// One interval of a SCADA point.
    PointInterval "point_intervals" {
        device "device": Text;
        channel "channel": Text;
        end_s "end_s": u64;
        mean "mean": f64;
        min "min": f64;
        max "max": f64;
        last "last": f64;
        known_pct "known_pct": f64;
    }

    /// What was found in a series.
    SeriesQuality "meter_quality" {
        meter "meter": Text;
        transformer "transformer": Option<Text>;
        channel "channel": Text;
        register "register": Text;
        interval_s "interval_s": u32;
        first_s "first_s": u64;
        last_s "last_s": u64;
        expected "expected": u64;
        validated "validated": u64;
        estimated "estimated": u64;
        edited "edited": u64;
        missing "missing": u64;
        gaps "gaps": u64;
        duplicates "duplicates": u64;
        conflicts "conflicts": u64;
        off_grid "off_grid": u64;
        negative "negative": u64;
        spikes "spikes": u64;
        suspects "suspects": u64;
        flat "flat": u64;
        zeros "zeros": u64;
        resets "resets": u64;
        unit_slips "unit_slips": u64;
        sum "sum": f64;
    }
}
