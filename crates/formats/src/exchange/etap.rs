//! Tables for ETAP's import of spreadsheets: equipment and scenarios, in the columns of document 000.
//!
//! ETAP publishes no layout: users pair the columns of any table with properties of its elements. The layout is therefore our own neutral one.

use super::sheet::{Cell, Sheet, at_least, fixed};
use network::design::{Design, Scenario};
use network::{Disposition, Ledger};

/// `Redundancy_Group` stands after the document's own columns.
pub const EQUIPMENT: [&str; 14] = [
    "ID",
    "Name",
    "Type",
    "Bus_ID",
    "Rated_kV",
    "Rated_MW",
    "Rated_MVA",
    "Rated_PF",
    "Xd_pu",
    "Xd_prime_pu",
    "Xd_double_prime_pu",
    "H_inertia_sec",
    "Status",
    "Redundancy_Group",
];

pub const SCENARIOS: [&str; 7] = ["Scenario_ID", "Name", "Type", "Load_MW", "Load_PF", "Tripped_Equipment", "Description"];

/// A row of equipment without machine data.
#[derive(Default)]
struct Plain<'a> {
    id: &'a str,
    name: &'a str,
    kind: &'static str,
    bus: &'a str,
    kv: Option<f64>,
    mw: Option<f64>,
    mva: Option<f64>,
    pf: Option<f64>,
    status: &'static str,
    group: &'a str,
}

impl Plain<'_> {
    fn cells(&self) -> Vec<Cell> {
        let number = |x: Option<f64>, n| x.map_or(Cell::Empty, |x| at_least(x, n));
        let head = [self.id, self.name, self.kind, self.bus].map(Cell::from);
        let rated = [number(self.kv, 1), number(self.mw, 1), self.mva.map_or(Cell::Empty, |x| fixed(x, 1)), number(self.pf, 2)];
        let machine = std::iter::repeat_n(Cell::Empty, 4);
        head.into_iter().chain(rated).chain(machine).chain([Cell::from(self.status), Cell::from(self.group)]).collect()
    }
}

/// Equipment, machines first.
pub fn equipment(design: &Design) -> Sheet {
    let mut rows: Vec<Vec<Cell>> = design
        .generators
        .iter()
        .map(|g| {
            let mut cells: Vec<Cell> = [g.id.as_str(), &g.name, "Synchronous Generator", &g.bus].map(Cell::from).into();
            // Rated MVA follows from MW and power factor, so that one decimal loses nothing.
            cells.extend([at_least(g.rated_kv, 1), at_least(g.rated_mw, 1), fixed(g.mva(), 1), at_least(g.rated_pf, 2)]);
            cells.extend([g.xd_pu, g.xd_prime_pu, g.xd_double_prime_pu].map(|x| at_least(x, 2)));
            cells.extend([at_least(g.h_inertia_s, 1), g.status.word().into(), g.redundancy_group.as_str().into()]);
            cells
        })
        .collect();
    let mut add = |plain: Plain<'_>| rows.push(plain.cells());
    for b in &design.batteries {
        add(Plain {
            id: &b.id,
            name: &b.name,
            kind: "Battery",
            bus: &b.bus,
            kv: Some(b.rated_kv),
            mw: Some(b.rated_mw),
            mva: Some(b.rated_mva),
            status: b.status.word(),
            group: &b.redundancy_group,
            ..Plain::default()
        });
    }
    for p in &design.pv_plants {
        let (kv, mw, mva) = (Some(p.rated_kv), Some(p.rated_mw), Some(p.rated_mva));
        add(Plain { id: &p.id, name: &p.name, kind: "PV Array", bus: &p.bus, kv, mw, mva, status: p.status.word(), ..Plain::default() });
    }
    for g in &design.grid_feeds {
        let (kv, mw, mva) = (Some(g.rated_kv), Some(g.rated_mw), Some(g.s_sc_max_mva));
        add(Plain { id: &g.id, name: &g.name, kind: "Power Grid", bus: &g.bus, kv, mw, mva, status: g.status.word(), ..Plain::default() });
    }
    for t in &design.transformers {
        let (kv, mva) = (Some(t.hv_kv), Some(t.rated_mva));
        add(Plain { id: &t.id, name: &t.name, kind: "Transformer", bus: &t.hv_bus, kv, mva, status: t.status.word(), ..Plain::default() });
    }
    for b in &design.buses {
        add(Plain { id: &b.id, name: &b.name, kind: "Bus", bus: &b.id, kv: Some(b.rated_kv), status: "Online", ..Plain::default() });
    }
    for l in &design.loads {
        let (kv, mw, mva, pf) = (design.bus(&l.bus).map(|b| b.rated_kv), Some(l.p_mw), Some(l.p_mw / l.pf), Some(l.pf));
        add(Plain { id: &l.id, name: &l.name, kind: "Load", bus: &l.bus, kv, mw, mva, pf, status: l.status.word(), ..Plain::default() });
    }
    for m in &design.motors {
        let mva = Some(m.rated_mw / m.efficiency / m.rated_pf);
        let (kv, mw, pf) = (Some(m.rated_kv), Some(m.rated_mw), Some(m.rated_pf));
        add(Plain {
            id: &m.id,
            name: &m.name,
            kind: "Induction Motor",
            bus: &m.bus,
            kv,
            mw,
            mva,
            pf,
            status: m.status.word(),
            ..Plain::default()
        });
    }
    for c in &design.cables {
        let kv = design.bus(&c.from_bus).map(|b| b.rated_kv);
        let mva = Some(c.rated_mva);
        add(Plain { id: &c.id, name: &c.name, kind: "Cable", bus: &c.from_bus, kv, mva, status: c.status.word(), ..Plain::default() });
    }
    Sheet { name: "Equipment", headers: EQUIPMENT.to_vec(), rows }
}

/// Scenarios, in their order.
pub fn scenarios(scenarios: &[Scenario]) -> Sheet {
    let row = |s: &Scenario| {
        let words = [s.scenario_id.as_str(), &s.name, s.kind.word()].map(Cell::from);
        let figures = [at_least(s.load_mw, 1), at_least(s.load_pf, 2)];
        let rest = [Cell::from(s.tripped_equipment.join(",")), Cell::from(s.description.as_str())];
        words.into_iter().chain(figures).chain(rest).collect()
    };
    Sheet { name: "Scenarios", headers: SCENARIOS.to_vec(), rows: scenarios.iter().map(row).collect() }
}

/// What the columns have no place for.
pub fn ledger(design: &Design, ledger: &mut Ledger) {
    let no_column = |what: &str| Disposition::Dropped { reason: format!("the equipment table has no column for {what}") };
    let mut drop = |n: usize, field: &str, what: &str| {
        for _ in 0..n {
            ledger.record(field, no_column(what), None);
        }
    };
    drop(design.generators.len(), "generator.x2, x0, ra, limits, earthing", "sequence values, limits and earthing");
    drop(design.batteries.len(), "battery.energy, set point, short-circuit current", "storage");
    drop(
        design.grid_feeds.len(),
        "grid feed.x/r, least short-circuit power",
        "a source's impedance; Rated_MVA is its largest short-circuit power",
    );
    drop(design.transformers.len(), "transformer.lv side, impedance, losses, vector group", "the second bus and impedances");
    drop(design.cables.len(), "cable.to bus, length, impedances", "the second bus and impedances");
    drop(design.motors.len(), "motor.efficiency, locked-rotor data", "motor data");
    drop(design.breakers.len(), "breaker", "breakers");
    for g in design.generators.iter().filter(|g| g.rated_mva.is_none()) {
        let formula = "Rated_MVA = Rated_MW / Rated_PF, one decimal".to_owned();
        ledger.record("generator.rated_mva", Disposition::Converted { formula }, Some(&network::SourceRef::new(g.id.as_str(), 0)));
    }
}
