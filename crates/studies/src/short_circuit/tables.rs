//! Tables of a study, with what their columns mean.

use super::ansi::AnsiStudy;
use super::answer::Study;
use super::duty::Duty;
use crate::table::{Column, Table, Value, flag, number, text};

pub const FAULTS: &[Column] = &[
    text("bus", "faulted bus"),
    number("kv", "kV", "nominal voltage"),
    text("fault", "kind of fault"),
    number("ik_ka", "kA", "initial symmetrical short-circuit current Ik''"),
    number("earth_ka", "kA", "initial current into the earth, 3 I0"),
    number("sk_mva", "MVA", "√3 Un Ik''"),
    number("ip_ka", "kA", "peak current ip"),
    number("ip_b_ka", "kA", "peak by method b"),
    number("ip_c_ka", "kA", "peak by method c"),
    number("ib_ka", "kA", "symmetrical breaking current Ib at the least time"),
    number("ib_asymmetrical_ka", "kA", "with its dc part"),
    number("idc_ka", "kA", "dc part at the least time"),
    number("ik_steady_ka", "kA", "steady-state current Ik; empty where data for it are wanting"),
    number("ith_ka", "kA", "thermal equivalent current"),
    number("r1_ohm", "ohm", "resistance of the positive sequence seen from the fault"),
    number("x1_ohm", "ohm", "reactance of the positive sequence"),
    number("r0_ohm", "ohm", "resistance of the zero sequence; empty where nothing leads to earth"),
    number("x0_ohm", "ohm", "reactance of the zero sequence"),
    flag("meshed", "whether sources share ways to the fault"),
];

pub const PARTIALS: &[Column] = &[
    text("bus", "faulted bus"),
    text("fault", "kind of fault"),
    text("element", "element that brings the current"),
    number("terminal", "", "its end: 0 for the first bus, 1, 2"),
    flag("at_fault", "whether that end lies at the faulted bus"),
    number("a_ka", "kA", "current of phase a"),
    number("b_ka", "kA", "current of phase b"),
    number("c_ka", "kA", "current of phase c"),
];

pub const ANSI: &[Column] = &[
    text("bus", "faulted bus"),
    number("kv", "kV", "nominal voltage"),
    text("network", "first-cycle or interrupting"),
    text("fault", "kind of fault"),
    number("ik_ka", "kA", "symmetrical current E/Z"),
    number("e_over_x_ka", "kA", "E/X"),
    number("x_r", "", "X/R from separate networks"),
    number("x_r_complex", "", "X/R of the complex network"),
    number("peak_ka", "kA", "peak of the first cycle; empty in the interrupting network"),
    number("asymmetrical_ka", "kA", "asymmetrical rms at half a cycle; empty in the interrupting network"),
    number("remote_part", "", "part of the three-phase interrupting current that is not of local generators"),
];

pub const DUTIES: &[Column] = &[
    text("breaker", "circuit breaker"),
    text("bus", "its bus"),
    text("element", "what it switches; empty where it is judged by the whole bus"),
    text("quantity", "what is compared"),
    number("duty_ka", "kA", "what it has to do, with all factors"),
    number("rating_ka", "kA", "what it is rated for"),
    number("duty_pct", "%", "duty over rating"),
    number("margin_ka", "kA", "rating less duty"),
    text("fault", "kind of the fault that governs"),
    text("side", "where that fault is"),
    number("factor", "", "from the symmetrical initial current to the duty"),
    number("x_r", "", "X/R behind the factor, where it enters"),
];

impl Study {
    /// Faults, and partial currents.
    pub fn tables(&self) -> [Table; 2] {
        let mut faults = Vec::new();
        let mut partials = Vec::new();
        for b in &self.buses {
            for f in &b.faults {
                let mut row = vec![Value::text(&b.bus), Value::Number(b.kv), Value::text(f.kind.name())];
                let idc = f.dc.first().map_or(0.0, |d| d.dc_ka);
                row.extend(
                    [f.ik_ka, f.earth_ka, f.sk_mva, f.ip_ka, f.ip_b_ka, f.ip_c_ka, f.ib_ka, f.ib_asymmetrical_ka, idc].map(Value::Number),
                );
                row.push(Value::maybe(f.ik_steady_ka));
                row.extend([f.ith_ka, b.z1_ohm.re, b.z1_ohm.im].map(Value::Number));
                row.extend([b.z0_ohm.map(|z| z.re), b.z0_ohm.map(|z| z.im)].map(Value::maybe));
                row.push(Value::Flag(b.meshed));
                faults.push(row);
                partials.extend(f.partials.iter().map(|p| {
                    let mut row =
                        vec![Value::text(&b.bus), Value::text(f.kind.name()), Value::text(&p.id), Value::Number(f64::from(p.terminal))];
                    row.push(Value::Flag(p.at_fault));
                    row.extend(p.phases_ka.map(Value::Number));
                    row
                }));
            }
        }
        [
            Table { name: "short_circuit", meaning: "short-circuit currents by IEC 60909-0", columns: FAULTS, rows: faults },
            Table { name: "short_circuit_partial", meaning: "what each element brings to a fault", columns: PARTIALS, rows: partials },
        ]
    }
}

impl AnsiStudy {
    /// Faults in both networks.
    pub fn table(&self) -> Table {
        let mut rows = Vec::new();
        for b in &self.buses {
            for (network, faults) in [("first-cycle", &b.first_cycle), ("interrupting", &b.interrupting)] {
                for f in faults {
                    let mut row = vec![Value::text(&b.bus), Value::Number(b.kv), Value::text(network), Value::text(f.kind.name())];
                    row.extend([f.ik_ka, f.e_over_x_ka, f.x_r, f.x_r_complex].map(Value::Number));
                    let first = network == "first-cycle";
                    let of = |factor: f64| first.then_some(factor * f.ik_ka);
                    row.extend([of(super::ansi::peak_factor(f.x_r)), of(super::ansi::asymmetrical_factor(f.x_r, 0.5))].map(Value::maybe));
                    row.push(Value::Number(b.remote_part));
                    rows.push(row);
                }
            }
        }
        Table { name: "short_circuit_ansi", meaning: "short-circuit currents by ANSI/IEEE C37", columns: ANSI, rows }
    }
}

/// Comparisons of breakers, one a row.
pub fn duty_table(duties: &[Duty]) -> Table {
    let rows = duties.iter().flat_map(|d| {
        d.comparisons.iter().map(move |c| {
            let mut row = vec![Value::text(&d.breaker), Value::text(&d.bus), Value::text(d.element.clone().unwrap_or_default())];
            row.push(Value::text(c.quantity.name()));
            row.extend([c.duty_ka, c.rating_ka, c.duty_pct, c.margin_ka].map(Value::Number));
            row.extend([Value::text(c.fault.name()), Value::text(c.side.name()), Value::Number(c.factor), Value::maybe(c.x_r)]);
            row
        })
    });
    Table {
        name: "breaker_duty",
        meaning: "what breakers have to do, against what they are rated for",
        columns: DUTIES,
        rows: rows.collect(),
    }
}
