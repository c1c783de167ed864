//! A feeder on the streets of its territory: poles, sections, services.
//!
//! Four feeders leave each substation, one to each side, and serve the quarter-plane before them. The
//! quarter is covered by a lattice of streets whose distances vary; some blocks have no street. The
//! feeder grows on it as a tree:
//!
//! ```text
//! substation ── express ──●──●──●──●──●──●   trunk: three phases, straight on with turns of a few blocks
//!                            │     │     │
//!                            ●──●  ●     ●   laterals: one, two or three phases along cross streets,
//!                            │           │   with branches at corners; service transformers along them
//! ```
//!
//! Laterals are added until the feeder has the number of nodes that was drawn for it; when the trunk has
//! no free corner left it grows on. A corner is served once, so the result is radial.

use super::catalogue::{ONE_PHASE_KVA, THREE_PHASE_KVA, TRIPLEX, rating_for};
use super::climate::CustomerClass;
use super::maths::round_to;
use super::random::Random;

/// How densely the territory is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    Urban,
    Suburban,
    Rural,
}

impl Area {
    pub fn name(self) -> &'static str {
        match self {
            Self::Urban => "urban",
            Self::Suburban => "suburban",
            Self::Rural => "rural",
        }
    }
}

/// What all feeders of a substation share.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    pub area: Area,
    /// Line to line, kV.
    pub kv: f64,
    /// Of the transmission or subtransmission line that feeds it, kV.
    pub source_kv: f64,
    /// Place in the utility, m east and north of its centre.
    pub east_m: f64,
    pub north_m: f64,
    /// Direction of the streets against east.
    pub turn_rad: f64,
    /// Peak of a house against the usual one.
    pub wealth: f64,
    /// Share of houses with electric heating.
    pub electric_share: f64,
}

impl Site {
    /// Substation `index` of the utility of `seed`.
    ///
    /// Substations lie on a sunflower spiral around the town, built up in its middle.
    pub fn new(seed: u64, index: u64) -> Self {
        use super::maths::{cos, sin};
        let mut random = Random::new(seed, 3, index);
        let area = random.weighted(&[(0.27, Area::Urban), (0.46, Area::Suburban), (0.27, Area::Rural)]);
        let kv = match area {
            Area::Urban => random.weighted(&[(0.16, 4.16), (0.58, 12.47), (0.26, 13.2)]),
            Area::Suburban => random.weighted(&[(0.66, 12.47), (0.18, 13.2), (0.11, 24.9), (0.05, 34.5)]),
            Area::Rural => random.weighted(&[(0.58, 12.47), (0.30, 24.9), (0.12, 34.5)]),
        };
        let source_kv = if random.chance(0.6) { 115.0 } else { 69.0 };
        let angle = 2.399_963_229_728_653 * index as f64 % std::f64::consts::TAU;
        let radius = 5200.0 * (index as f64 + 0.3).sqrt();
        Self {
            area,
            kv,
            source_kv,
            east_m: radius * cos(angle) + random.between(-600.0, 600.0),
            north_m: radius * sin(angle) + random.between(-600.0, 600.0),
            turn_rad: random.between(-0.35, 0.35),
            wealth: random.log_normal(1.0, 0.12),
            electric_share: random.between(0.05, 0.5),
        }
    }
}

/// Phases A, B, C as bits 1, 2, 4.
pub type Phases = u8;
pub const ABC: Phases = 7;

/// Node numbers of a set of phases.
pub fn nodes(phases: Phases) -> Vec<u32> {
    (0..3).filter(|p| phases & (1 << p) != 0).map(|p| p + 1).collect()
}

pub fn n_phases(phases: Phases) -> usize {
    phases.count_ones() as usize
}

/// What a section carries beside its conductors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    None,
    /// Fuse at the head of a lateral.
    Fuse,
    Recloser,
    /// Load-break switch.
    Switch,
    /// Three one-phase voltage regulators; set when voltages have been estimated.
    Regulator,
}

/// A place where primary conductors end or meet, with the section that feeds it.
#[derive(Clone, Debug)]
pub struct Pole {
    /// m in the lattice's own directions.
    pub x: f64,
    pub y: f64,
    /// The pole before it; `None` of the first, which is the substation's bus.
    pub parent: Option<usize>,
    pub phases: Phases,
    pub trunk: bool,
    pub underground: bool,
    pub length_km: f64,
    pub device: Device,
    /// Index of the section's conductor, chosen when flows are known.
    pub wire: usize,
}

/// Customers at the end of one service drop.
#[derive(Clone, Debug)]
pub struct Drop {
    pub length_km: f64,
    /// Index in [`TRIPLEX`].
    pub wire: usize,
    pub customers: u32,
    pub class: CustomerClass,
    /// At the class's peak.
    pub peak_kw: f64,
    pub power_factor: f64,
    /// Panels on the roofs, kW.
    pub pv_kw: f64,
}

/// A service transformer and what hangs on it.
#[derive(Clone, Debug)]
pub struct Service {
    pub pole: usize,
    pub phases: Phases,
    pub kva: f64,
    /// Line to line of a three-phase secondary; 0.24 of a centre-tapped one.
    pub kv: f64,
    /// A three-phase service has one "drop", its own bus bar.
    pub drops: Vec<Drop>,
}

impl Service {
    pub fn three_phase(&self) -> bool {
        self.phases == ABC
    }
}

/// The plan of a feeder: everything but electrical sizes that follow from flows.
#[derive(Clone, Debug)]
pub struct Plan {
    pub site: Site,
    /// Which side of the substation, 0 to 3, in quarter turns.
    pub side: u8,
    /// Parents come before their children.
    pub poles: Vec<Pole>,
    pub services: Vec<Service>,
}

/// Extent of the lattice: columns ahead, and rows to each side.
const COLUMNS: i32 = 400;
const ROWS: i32 = 200;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Cell {
    i: i32,
    j: i32,
}

/// Directions of travel on the lattice.
const AHEAD: (i32, i32) = (1, 0);

struct Growth<'a> {
    random: &'a mut Random,
    site: Site,
    plan: Plan,
    /// Positions of columns and rows, m.
    column_x: Vec<f64>,
    row_y: Vec<f64>,
    taken: Vec<bool>,
    /// Cell of each pole that stands on a corner.
    corner: Vec<Option<Cell>>,
    nodes: usize,
    /// Connected load by phase, kW, for balance.
    phase_kw: [f64; 3],
    pv_share: f64,
}

/// Draws a feeder of about `n_nodes` nodes.
pub fn grow(random: &mut Random, site: Site, side: u8, n_nodes: usize) -> Plan {
    let mut growth = Growth::new(random, site, side);
    growth.run(n_nodes);
    growth.plan
}

impl<'a> Growth<'a> {
    fn new(random: &'a mut Random, site: Site, side: u8) -> Self {
        let mut line = |n: usize, low: f64, high: f64| -> Vec<f64> {
            let usual = random.between(low, high);
            let mut at = 0.0;
            (0..n)
                .map(|_| {
                    let here = at;
                    at += usual * random.between(0.8, 1.25);
                    here
                })
                .collect()
        };
        let (across, along) = match site.area {
            Area::Urban => ((85.0, 120.0), (120.0, 190.0)),
            Area::Suburban => ((120.0, 190.0), (180.0, 290.0)),
            Area::Rural => ((260.0, 520.0), (380.0, 760.0)),
        };
        let column_x = line(COLUMNS as usize, along.0, along.1);
        let rows = line(2 * ROWS as usize + 1, across.0, across.1);
        let middle = rows[ROWS as usize];
        let row_y = rows.iter().map(|y| y - middle).collect();
        let pv_share = match random.weighted(&[(0.55, 0), (0.32, 1), (0.09, 2), (0.04, 3)]) {
            0 => 0.0,
            1 => random.between(0.01, 0.05),
            2 => random.between(0.06, 0.18),
            _ => random.between(0.3, 0.6),
        };
        Self {
            random,
            site,
            plan: Plan { site, side, poles: Vec::new(), services: Vec::new() },
            column_x,
            row_y,
            taken: vec![false; (COLUMNS * (2 * ROWS + 1)) as usize],
            corner: Vec::new(),
            nodes: 0,
            phase_kw: [0.0; 3],
            pv_share,
        }
    }

    fn at(&self, cell: Cell) -> (f64, f64) {
        (self.column_x[cell.i as usize], self.row_y[(cell.j + ROWS) as usize])
    }

    fn index(cell: Cell) -> usize {
        (cell.i * (2 * ROWS + 1) + cell.j + ROWS) as usize
    }

    /// Whether a corner lies in the feeder's own quarter and is not served yet.
    fn free(&self, cell: Cell) -> bool {
        let inside = (1..COLUMNS).contains(&cell.i) && cell.j.abs() <= ROWS && {
            let (x, y) = self.at(cell);
            y.abs() <= x
        };
        inside && !self.taken[Self::index(cell)]
    }

    fn add_pole(&mut self, pole: Pole, corner: Option<Cell>) -> usize {
        self.nodes += n_phases(pole.phases);
        if let Some(cell) = corner {
            self.taken[Self::index(cell)] = true;
        }
        self.plan.poles.push(pole);
        self.corner.push(corner);
        self.plan.poles.len() - 1
    }

    /// A section from `from` to a point, along streets.
    fn section(&mut self, from: usize, (x, y): (f64, f64), phases: Phases, trunk: bool, underground: bool, corner: Option<Cell>) -> usize {
        let p = &self.plan.poles[from];
        let metres = (x - p.x).abs() + (y - p.y).abs();
        let pole = Pole {
            x,
            y,
            parent: Some(from),
            phases,
            trunk,
            underground,
            length_km: round_to((metres / 1000.0).max(0.01), 4),
            device: Device::None,
            wire: 0,
        };
        self.add_pole(pole, corner)
    }

    fn run(&mut self, n_nodes: usize) {
        // Substation bus, and the source's.
        let start = Pole {
            x: 0.0,
            y: 0.0,
            parent: None,
            phases: ABC,
            trunk: true,
            underground: false,
            length_km: 0.0,
            device: Device::None,
            wire: 0,
        };
        self.add_pole(start, Some(Cell { i: 0, j: 0 }));
        self.nodes += 3;
        let express = match self.site.area {
            Area::Urban => self.random.whole(1, 5),
            Area::Suburban => self.random.whole(1, 8),
            Area::Rural => self.random.whole(1, 6),
        };
        let first = Cell { i: express, j: 0 };
        for i in 1..express {
            self.taken[Self::index(Cell { i, j: 0 })] = true;
        }
        let mut tip = self.section(0, self.at(first), ABC, true, false, Some(first));
        let mut heading = 0;
        let blocks = (0.72 * (n_nodes as f64).sqrt() * self.random.between(0.75, 1.3)) as usize;
        let mut open: Vec<usize> = vec![tip];
        (tip, heading) = self.extend_trunk(tip, heading, blocks.max(3), n_nodes / 2, &mut open);
        while self.nodes < n_nodes {
            if open.is_empty() {
                let before = tip;
                (tip, heading) = self.extend_trunk(tip, heading, 4, n_nodes, &mut open);
                if tip == before {
                    // The quarter is full.
                    break;
                }
                continue;
            }
            let pick = self.random.whole(0, open.len() as i32 - 1) as usize;
            let root = open[pick];
            if !self.lateral_from_trunk(root, n_nodes, &mut open) {
                open.swap_remove(pick);
            }
        }
    }

    /// Lets the trunk grow by some blocks; gives its new end and heading (rows a block: -1, 0 or 1).
    fn extend_trunk(&mut self, mut tip: usize, mut heading: i32, blocks: usize, n_nodes: usize, open: &mut Vec<usize>) -> (usize, i32) {
        for _ in 0..blocks {
            if self.nodes >= n_nodes {
                break;
            }
            let Some(cell) = self.corner[tip] else { break };
            heading = match heading {
                0 if self.random.chance(0.16) => {
                    if self.random.chance(0.5) {
                        1
                    } else {
                        -1
                    }
                }
                0 => 0,
                _ if self.random.chance(0.5) => 0,
                h => h,
            };
            let ways = [if heading == 0 { AHEAD } else { (0, heading) }, AHEAD];
            let next = ways.iter().map(|w| Cell { i: cell.i + w.0, j: cell.j + w.1 }).find(|&c| self.free(c));
            let Some(next) = next else { break };
            tip = self.section(tip, self.at(next), ABC, true, false, Some(next));
            open.push(tip);
            if self.random.chance(0.42) {
                self.trunk_service(tip);
            }
        }
        (tip, heading)
    }

    /// Starts a lateral at a trunk pole, into a street that is still free; false when there is none.
    fn lateral_from_trunk(&mut self, root: usize, n_nodes: usize, open: &mut Vec<usize>) -> bool {
        let Some(cell) = self.corner[root] else { return false };
        let mut ways = [(0, 1), (0, -1), AHEAD, (-1, 0)];
        if self.random.chance(0.5) {
            ways.swap(0, 1);
        }
        let Some(&way) = ways.iter().find(|w| self.free(Cell { i: cell.i + w.0, j: cell.j + w.1 })) else { return false };
        let three = self.random.chance(match self.site.area {
            Area::Urban => 0.16,
            Area::Suburban => 0.10,
            Area::Rural => 0.12,
        });
        let phases = if three {
            ABC
        } else if self.random.chance(0.08) {
            ABC & !(1 << self.heaviest())
        } else {
            1 << self.lightest(ABC)
        };
        let length = match self.site.area {
            Area::Urban => self.random.whole(2, 6),
            Area::Suburban => self.random.whole(2, 7),
            Area::Rural => self.random.whole(2, 9),
        };
        let underground = !three
            && n_phases(phases) == 1
            && match self.site.area {
                Area::Urban => self.random.chance(0.25),
                Area::Suburban => self.random.chance(0.45),
                Area::Rural => self.random.chance(0.04),
            };
        let before = self.plan.poles.len();
        self.lateral(root, way, phases, length, underground, 0, n_nodes);
        if three {
            // A three-phase branch serves its own laterals.
            open.extend((before..self.plan.poles.len()).filter(|&p| self.plan.poles[p].phases == ABC && self.corner[p].is_some()));
        } else if self.plan.poles.len() > before {
            self.plan.poles[before].device = Device::Fuse;
        }
        self.plan.poles.len() > before
    }

    /// Runs along a street for some blocks, with services and branches.
    fn lateral(&mut self, root: usize, way: (i32, i32), phases: Phases, length: i32, underground: bool, depth: u32, n_nodes: usize) {
        let mut from = root;
        for block in 0..length {
            let Some(cell) = self.corner[from] else { return };
            let next = Cell { i: cell.i + way.0, j: cell.j + way.1 };
            // Some blocks have no street; the first of a lateral has.
            if !self.free(next) || self.nodes >= n_nodes || (block > 0 && self.random.chance(0.07)) {
                return;
            }
            let (a, b) = ((self.plan.poles[from].x, self.plan.poles[from].y), self.at(next));
            let services = match self.site.area {
                Area::Urban => self.random.weighted(&[(0.15, 0), (0.5, 1), (0.35, 2)]),
                Area::Suburban => self.random.weighted(&[(0.15, 0), (0.5, 1), (0.35, 2)]),
                Area::Rural => self.random.weighted(&[(0.35, 0), (0.5, 1), (0.15, 2)]),
            };
            if phases == ABC {
                from = self.section(from, b, phases, false, underground, Some(next));
                if services > 0 {
                    self.trunk_service(from);
                }
            } else {
                for s in 0..services {
                    let share = (f64::from(s) + self.random.between(0.3, 0.7)) / f64::from(services);
                    let point = (a.0 + share * (b.0 - a.0), a.1 + share * (b.1 - a.1));
                    from = self.section(from, point, phases, false, underground, None);
                    self.lateral_service(from);
                }
                from = self.section(from, b, phases, false, underground, Some(next));
                if services == 0 || self.random.chance(0.25) {
                    self.lateral_service(from);
                }
            }
            if depth < 2 && self.random.chance(if depth == 0 { 0.34 } else { 0.2 }) {
                let side = if self.random.chance(0.5) { 1 } else { -1 };
                let turned = if way.0 == 0 { (side, 0) } else { (0, side) };
                let branch_phases = if n_phases(phases) == 1 { phases } else { 1 << self.lightest(phases) };
                let length = self.random.whole(1, 3);
                let before = self.plan.poles.len();
                self.lateral(from, turned, branch_phases, length, underground, depth + 1, n_nodes);
                if phases == ABC && self.plan.poles.len() > before {
                    self.plan.poles[before].device = Device::Fuse;
                }
            }
        }
    }

    fn lightest(&self, among: Phases) -> usize {
        let candidates = (0..3).filter(|p| among & (1 << p) != 0);
        candidates.min_by(|&a, &b| self.phase_kw[a].total_cmp(&self.phase_kw[b])).unwrap_or(0)
    }

    fn heaviest(&self) -> usize {
        (0..3).max_by(|&a, &b| self.phase_kw[a].total_cmp(&self.phase_kw[b])).unwrap_or(0)
    }

    /// A service at a three-phase pole: mostly trade and industry.
    fn trunk_service(&mut self, pole: usize) {
        use CustomerClass as C;
        let (three_phase, industry) = match self.site.area {
            Area::Urban => (0.62, 0.05),
            Area::Suburban => (0.50, 0.06),
            Area::Rural => (0.42, 0.05),
        };
        if !self.random.chance(three_phase) {
            self.house_service(pole);
            return;
        }
        let rural = self.site.area == Area::Rural;
        let class = if self.random.chance(industry) {
            self.random.weighted(&[(0.6, C::IndustrialOneShift), (0.4, C::IndustrialThreeShift)])
        } else if rural && self.random.chance(0.45) {
            self.random.weighted(&[(0.7, C::Irrigation), (0.3, C::Dairy)])
        } else {
            self.random.weighted(&[(0.34, C::Office), (0.36, C::Retail), (0.22, C::Food), (0.08, C::School)])
        };
        // Low voltages of the primary serve the small customers of old towns.
        let low_voltage = self.site.kv < 5.0;
        let (median, sigma, most) = match class {
            C::IndustrialOneShift | C::IndustrialThreeShift if low_voltage => (120.0, 0.4, 250.0),
            C::IndustrialOneShift | C::IndustrialThreeShift => (420.0, 0.55, 1300.0),
            C::Irrigation => (42.0, 0.35, 90.0),
            C::Dairy => (38.0, 0.4, 110.0),
            C::School => (160.0, 0.5, 420.0),
            _ if low_voltage => (32.0, 0.6, 120.0),
            _ => (75.0, 0.8, 750.0),
        };
        let peak_kw = self.random.log_normal(median, sigma).clamp(12.0, most);
        let power_factor = round_to(
            match class {
                C::IndustrialOneShift | C::IndustrialThreeShift | C::Irrigation => self.random.between(0.84, 0.91),
                _ => self.random.between(0.89, 0.95),
            },
            3,
        );
        let kva = rating_for(&THREE_PHASE_KVA, peak_kw / power_factor / self.random.between(0.55, 0.95));
        let customers = if matches!(class, C::Office | C::Retail) { 1 + (peak_kw / 80.0) as u32 } else { 1 };
        let drop = Drop { length_km: 0.0, wire: 0, customers, class, peak_kw: round_to(peak_kw, 2), power_factor, pv_kw: 0.0 };
        self.phase_kw.iter_mut().for_each(|kw| *kw += peak_kw / 3.0);
        let kv = if kva > 300.0 || matches!(class, C::IndustrialOneShift | C::IndustrialThreeShift | C::Irrigation) { 0.48 } else { 0.208 };
        self.nodes += 3;
        self.plan.services.push(Service { pole, phases: ABC, kva, kv, drops: vec![drop] });
    }

    /// A service on a lateral: houses, with the odd shop or farm.
    fn lateral_service(&mut self, pole: usize) {
        use CustomerClass as C;
        let class = match self.site.area {
            Area::Rural if self.random.chance(0.14) => Some(self.random.weighted(&[(0.55, C::Irrigation), (0.45, C::Dairy)])),
            Area::Urban if self.random.chance(0.12) => Some(self.random.weighted(&[(0.5, C::Retail), (0.5, C::Food)])),
            Area::Suburban if self.random.chance(0.04) => Some(C::Retail),
            _ => None,
        };
        match class {
            Some(class) => {
                let peak_kw = round_to(self.random.log_normal(14.0, 0.4).clamp(5.0, 45.0), 2);
                let power_factor = round_to(self.random.between(0.88, 0.95), 3);
                self.one_phase_service(pole, vec![(1, class, peak_kw, power_factor)]);
            }
            None => self.house_service(pole),
        }
    }

    /// A service for houses or flats.
    fn house_service(&mut self, pole: usize) {
        use CustomerClass as C;
        let n = match self.site.area {
            Area::Urban => self.random.whole(2, 4),
            Area::Suburban => self.random.whole(1, 3),
            Area::Rural => self.random.whole(1, 2),
        } as u32;
        let flats = self.site.area == Area::Urban && self.random.chance(0.35);
        let n_drops = (1 + u32::from(self.random.chance(0.5)) + u32::from(self.random.chance(0.15))).min(n);
        let electric = self.random.chance(self.site.electric_share);
        let groups = (0..n_drops)
            .map(|d| {
                let customers = n / n_drops + u32::from(d < n % n_drops);
                let (class, each_kw) = match (flats, electric) {
                    (true, _) => (C::ResidentialSmall, 2.4),
                    (false, true) => (C::ResidentialElectric, 5.0),
                    (false, false) => (C::ResidentialGas, 4.1),
                };
                // Few customers share little diversity.
                let diversity = 1.0 + 0.55 / f64::from(customers).sqrt();
                let kw = f64::from(customers) * each_kw * self.site.wealth * diversity / 1.25 * self.random.log_normal(1.0, 0.18);
                (customers, class, round_to(kw, 2), round_to(self.random.between(0.92, 0.98), 3))
            })
            .collect();
        self.one_phase_service(pole, groups);
    }

    fn one_phase_service(&mut self, pole: usize, groups: Vec<(u32, CustomerClass, f64, f64)>) {
        let phase = self.lightest(self.plan.poles[pole].phases);
        let total_kva: f64 = groups.iter().map(|g| g.2 / g.3).sum();
        let kva = rating_for(&ONE_PHASE_KVA, total_kva / self.random.between(0.55, 1.1));
        let longest = match self.site.area {
            Area::Urban => 30.0,
            Area::Suburban => 40.0,
            Area::Rural => 55.0,
        };
        let drops: Vec<Drop> = groups
            .into_iter()
            .map(|(customers, class, peak_kw, power_factor)| {
                let amps = peak_kw / power_factor / 0.24;
                let houses_with_pv =
                    (0..customers).filter(|_| class.sector() == "residential" && self.random.chance(self.pv_share)).count();
                Drop {
                    length_km: round_to(self.random.between(12.0, longest) / 1000.0, 4),
                    wire: TRIPLEX.iter().position(|t| t.0.rating_a >= 1.6 * amps).unwrap_or(TRIPLEX.len() - 1),
                    customers,
                    class,
                    peak_kw,
                    power_factor,
                    pv_kw: round_to(houses_with_pv as f64 * self.random.between(3.5, 7.5), 1),
                }
            })
            .collect();
        self.phase_kw[phase] += drops.iter().map(|d| d.peak_kw).sum::<f64>();
        self.nodes += 2 + 2 * drops.len();
        self.plan.services.push(Service { pole, phases: 1 << phase, kva, kv: 0.24, drops });
    }
}
