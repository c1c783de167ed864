//! From a sized plan to a [`Network`].

use super::catalogue::{TRIPLEX, line_codes};
use super::climate::{Climate, CustomerClass, IRRADIANCE_SHAPE, PANEL_TEMPERATURE_SHAPE};
use super::elements::{
    capacitor, capacitor_control, common, energy_meter, line, load, protection, pv_system, regulator_control, source, switch, transformer,
    winding,
};
use super::layout::{Device, Plan, Service, nodes};
use super::maths::{cos, round_to, sin};
use super::sizing::{Plant, Sizes, TARGET_PU, line_code_name};
use super::{ORIGIN_LATITUDE_DEG, ORIGIN_LONGITUDE_DEG};
use network::{
    BusId, CapacitorControlType, Connection, ElementId, Fuse, Interpolation, LineCode, LineCodeId, LoadShape, LoadShapeId, MonitoredPhase,
    Network, Recloser, Shapes, TccCurve, TccCurveId, TemperatureShape, TemperatureShapeId, Terminal, XyCurve, XyCurveId,
};
use num_complex::Complex64;
use std::collections::HashMap;
use std::sync::Arc;

/// Load and temperature shapes, shared by all feeders of a utility.
#[derive(Clone, Debug)]
pub struct SharedShapes {
    pub loads: Vec<LoadShape>,
    pub temperatures: Vec<TemperatureShape>,
}

impl SharedShapes {
    pub fn new(climate: &Climate) -> Self {
        let mut loads: Vec<LoadShape> = CustomerClass::ALL.iter().map(|&c| load_shape(c.shape_name(), climate.of(c))).collect();
        loads.push(load_shape(IRRADIANCE_SHAPE, &climate.irradiance));
        let (mean, stddev) = statistics(&climate.panel_temperature_c);
        let panel = TemperatureShape {
            name: PANEL_TEMPERATURE_SHAPE.to_owned(),
            interval_h: 1.0,
            hours: None,
            temperature_c: Arc::from(climate.panel_temperature_c.as_slice()),
            mean,
            stddev,
        };
        Self { loads, temperatures: vec![panel] }
    }
}

/// The day that loads without a shape of their own follow in every OpenDSS circuit.
pub(crate) const DEFAULT_DAY: [f64; 24] = [
    0.677, 0.6256, 0.6087, 0.5833, 0.58028, 0.6025, 0.657, 0.7477, 0.832, 0.88, 0.94, 0.989, 0.985, 0.98, 0.9898, 0.999, 1.0, 0.958, 0.936,
    0.913, 0.876, 0.876, 0.828, 0.756,
];

/// Hourly multipliers as a shape.
pub(crate) fn load_shape(name: &str, p: &[f64]) -> LoadShape {
    let (mean, stddev) = statistics(p);
    LoadShape {
        name: name.to_owned(),
        interval_h: 1.0,
        hours: None,
        p: Arc::from(p),
        q: None,
        use_actual: false,
        p_base: 0.0,
        q_base: 0.0,
        p_max: p.iter().copied().fold(0.0, f64::max),
        q_max: 0.0,
        mean,
        stddev,
        interpolation: Interpolation::Average,
    }
}

/// Mean and standard deviation of a sample.
fn statistics(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0)).sqrt())
}

/// Efficiency of an inverter over its loading, and power of a panel over its temperature: those of the example in
/// OpenDSS's manual of the PVSystem element.
const EFFICIENCY: [(f64, f64); 4] = [(0.1, 0.86), (0.2, 0.9), (0.4, 0.93), (1.0, 0.97)];
const POWER_OVER_TEMPERATURE: [(f64, f64); 4] = [(0.0, 1.2), (25.0, 1.0), (75.0, 0.8), (100.0, 0.6)];

struct Builder<'a> {
    plan: &'a Plan,
    sizes: &'a Sizes,
    shared: &'a SharedShapes,
    network: Network,
    codes: HashMap<String, LineCodeId>,
    all_codes: Vec<LineCode>,
    shapes: HashMap<&'static str, LoadShapeId>,
    /// Line that feeds each pole.
    sections: Vec<Option<ElementId>>,
    regulators: Vec<(usize, [ElementId; 3])>,
    v_ln: f64,
}

/// The network of a feeder.
pub fn build(name: &str, plan: &Plan, sizes: &Sizes, shared: &SharedShapes) -> Network {
    let mut b = Builder {
        plan,
        sizes,
        shared,
        network: Network::new(name),
        codes: HashMap::new(),
        all_codes: line_codes(),
        shapes: HashMap::new(),
        sections: vec![None; plan.poles.len()],
        regulators: Vec::new(),
        v_ln: plan.site.kv * 1000.0 / 3f64.sqrt(),
    };
    b.options();
    b.substation();
    for i in 1..plan.poles.len() {
        b.section(i);
    }
    for (k, service) in plan.services.iter().enumerate() {
        b.service(k, service);
    }
    for plant in &sizes.plants {
        b.plant(plant);
    }
    b.capacitors();
    b.controls();
    b.protection();
    if let Some(first) = b.sections.iter().flatten().next() {
        b.network.add(energy_meter("head".into(), *first));
    }
    b.network
}

fn pole_name(i: usize) -> String {
    if i == 0 { "sub".to_owned() } else { format!("p{i}") }
}

impl Builder<'_> {
    fn options(&mut self) {
        let site = &self.plan.site;
        let default = load_shape("default", &DEFAULT_DAY);
        self.network.load_shapes.push(default);
        let o = &mut self.network.options;
        (o.default_daily, o.default_yearly) = (Some(LoadShapeId(0)), Some(LoadShapeId(0)));
        o.voltage_bases_kv = vec![site.source_kv, site.kv, 0.48, 0.208];
        (o.max_iterations, o.max_iterations_given) = (100, true);
        (o.max_control_iterations, o.max_control_iterations_given) = (100, true);
    }

    fn bus(&mut self, name: &str, kv_base_ln: f64, x: f64, y: f64) -> BusId {
        let id = self.network.bus_or_add(name);
        let (longitude, latitude) = self.place(x, y);
        let bus = &mut self.network.buses[id.index()];
        bus.kv_base_ln = kv_base_ln;
        bus.xy = Some((longitude, latitude));
        bus.latitude_longitude_deg = Some((latitude, longitude));
        id
    }

    fn primary_bus(&mut self, name: &str, x: f64, y: f64) -> BusId {
        self.bus(name, self.v_ln / 1000.0, x, y)
    }

    fn terminal(&mut self, bus: BusId, nodes: Vec<u32>) -> Terminal {
        for &node in &nodes {
            self.network.note_node(bus, node);
        }
        Terminal::new(bus, nodes)
    }

    /// Longitude and latitude of a point of the lattice: streets are bent a little, then turned to the feeder's side.
    ///
    /// Six decimals of a degree are a tenth of a metre.
    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        let site = &self.plan.site;
        let bend = 0.06;
        let bent_x = x + bend * 640.0 * sin(y / 640.0 + site.wealth * 9.0);
        let bent_y = y + bend * 900.0 * (sin(x / 900.0 + site.electric_share * 7.0) - sin(site.electric_share * 7.0));
        let angle = site.turn_rad + f64::from(self.plan.side) * std::f64::consts::FRAC_PI_2;
        let east = site.east_m + bent_x * cos(angle) - bent_y * sin(angle);
        let north = site.north_m + bent_x * sin(angle) + bent_y * cos(angle);
        let metres_per_degree = 6_371_000.0 * std::f64::consts::PI / 180.0;
        let latitude = ORIGIN_LATITUDE_DEG + north / metres_per_degree;
        let longitude = ORIGIN_LONGITUDE_DEG + east / metres_per_degree / cos(ORIGIN_LATITUDE_DEG.to_radians());
        (round_to(longitude, 6), round_to(latitude, 6))
    }

    fn code(&mut self, name: &str) -> LineCodeId {
        if let Some(&id) = self.codes.get(name) {
            return id;
        }
        let id = LineCodeId::from(self.network.line_codes.len());
        if let Some(code) = self.all_codes.iter().find(|c| c.name == name) {
            self.network.line_codes.push(code.clone());
        }
        self.codes.insert(name.to_owned(), id);
        id
    }

    fn shape(&mut self, name: &'static str) -> Option<LoadShapeId> {
        if let Some(&id) = self.shapes.get(name) {
            return Some(id);
        }
        let shape = self.shared.loads.iter().find(|s| s.name == name)?;
        let id = LoadShapeId::from(self.network.load_shapes.len());
        self.network.load_shapes.push(shape.clone());
        self.shapes.insert(name, id);
        Some(id)
    }

    fn substation(&mut self) {
        let site = self.plan.site;
        let high = self.bus("source", site.source_kv / 3f64.sqrt(), -12.0, 0.0);
        let low = self.primary_bus("sub", 0.0, 0.0);
        let high_terminal = self.terminal(high, vec![1, 2, 3]);
        // 1500 MVA of three phases, 1200 of one, X/R 8.
        let x1 = site.source_kv * site.source_kv / 1500.0;
        let x0 = 3.0 * site.source_kv * site.source_kv / 1200.0 - 2.0 * x1;
        let z = |x: f64| Complex64::new(round_to(x / 8.0, 5), round_to(x, 5));
        self.network.add(source(high, site.source_kv, 1.02, z(x1), z(x0)));
        let kva = self.sizes.substation_kva;
        let windings = vec![winding(site.source_kv, kva, Connection::Delta, 0.35), winding(site.kv, kva, Connection::Wye, 0.35)];
        let terminals = vec![Terminal::new(high_terminal.bus, vec![1, 2, 3, 0]), self.terminal(low, vec![1, 2, 3, 0])];
        let mut t = transformer("substation".into(), 3, terminals, windings, vec![8.0], 0.12, 0.3);
        t.is_substation = true;
        let id = self.network.add(t);
        let mut control = regulator_control("ltc".into(), id, round_to(TARGET_PU * 120.0, 2), 2.0, self.pt_ratio(), 30.0);
        control.ct_primary_a = 600.0;
        self.network.add(control);
    }

    fn pt_ratio(&self) -> f64 {
        round_to(self.v_ln / 120.0, 4)
    }

    fn section(&mut self, i: usize) {
        let plan = self.plan;
        let pole = &plan.poles[i];
        let Some(parent) = pole.parent else { return };
        let before = &plan.poles[parent];
        let from = self.primary_bus(&pole_name(parent), before.x, before.y);
        let code_name = line_code_name(pole.wire, pole.phases, pole.underground);
        let code = self.code(&code_name);
        // A device stands at the head of its section, ten metres along.
        let share = (10.0 / ((pole.x - before.x).abs() + (pole.y - before.y).abs()).max(20.0)).min(0.5);
        let beside = (before.x + share * (pole.x - before.x), before.y + share * (pole.y - before.y));
        let start = match pole.device {
            Device::Switch => {
                let middle = self.primary_bus(&format!("{}s", pole_name(i)), beside.0, beside.1);
                let terminals = (self.terminal(from, vec![1, 2, 3]), self.terminal(middle, vec![1, 2, 3]));
                self.network.add(switch(format!("sw{i}"), terminals.0, terminals.1, 600.0));
                middle
            }
            Device::Regulator => {
                let middle = self.primary_bus(&format!("{}r", pole_name(i)), beside.0, beside.1);
                let kva = self.sizes.regulator_kva.iter().find(|r| r.0 == i).map_or(250.0, |r| r.1);
                let kv = self.v_ln / 1000.0;
                let units = [1, 2, 3].map(|phase| {
                    let terminals = vec![self.terminal(from, vec![phase, 0]), self.terminal(middle, vec![phase, 0])];
                    let windings = vec![winding(kv, kva, Connection::Wye, 0.005), winding(kv, kva, Connection::Wye, 0.005)];
                    let mut unit =
                        transformer(format!("reg{i}{}", ["a", "b", "c"][phase as usize - 1]), 1, terminals, windings, vec![0.01], 0.0, 0.0);
                    unit.bank = format!("reg{i}");
                    self.network.add(unit)
                });
                self.regulators.push((i, units));
                middle
            }
            Device::None | Device::Fuse | Device::Recloser => from,
        };
        let to = self.primary_bus(&pole_name(i), pole.x, pole.y);
        let phases = nodes(pole.phases);
        let terminals = (self.terminal(start, phases.clone()), self.terminal(to, phases));
        let data = self.network.line_codes[code.index()].clone();
        let id = self.network.add(line(format!("l{i}"), terminals.0, terminals.1, code, &data, pole.length_km));
        self.sections[i] = Some(id);
    }

    fn class_shapes(&mut self, class: CustomerClass) -> Shapes {
        let id = self.shape(class.shape_name());
        Shapes { yearly: id, daily: id, duty: None }
    }

    fn service(&mut self, k: usize, service: &Service) {
        let plan = self.plan;
        let pole = &plan.poles[service.pole];
        let primary = self.primary_bus(&pole_name(service.pole), pole.x, pole.y);
        let name = format!("s{k}");
        let kva = service.kva;
        if service.three_phase() {
            let bus = self.bus(&name, service.kv / 3f64.sqrt(), pole.x + 9.0, pole.y + 7.0);
            let terminals = vec![self.terminal(primary, vec![1, 2, 3, 0]), self.terminal(bus, vec![1, 2, 3, 0])];
            let windings = vec![winding(plan.site.kv, kva, Connection::Wye, 0.5), winding(service.kv, kva, Connection::Wye, 0.5)];
            let x = if kva < 300.0 { 3.0 } else { 5.0 };
            self.network.add(transformer(format!("t{k}"), 3, terminals, windings, vec![x], 0.18, 0.5));
            for drop in &service.drops {
                let shapes = self.class_shapes(drop.class);
                let terminal = self.terminal(bus, vec![1, 2, 3, 0]);
                self.network.add(load(format!("c{k}"), terminal, 3, service.kv, drop.peak_kw, drop.power_factor, drop.customers, shapes));
            }
            return;
        }
        let node = nodes(service.phases)[0];
        let bus = self.bus(&name, 0.12, pole.x + 5.0, pole.y + 4.0);
        // Impedances of a centre-tapped transformer as the IEEE 8500-node feeder has them: %R split between the windings.
        let windings = vec![
            winding(round_to(self.v_ln / 1000.0, 3), kva, Connection::Wye, 0.6),
            winding(0.12, kva, Connection::Wye, 1.2),
            winding(0.12, kva, Connection::Wye, 1.2),
        ];
        let terminals = vec![self.terminal(primary, vec![node, 0]), self.terminal(bus, vec![1, 0]), self.terminal(bus, vec![0, 2])];
        self.network.add(transformer(format!("t{k}"), 1, terminals, windings, vec![2.04, 2.04, 1.36], 0.2, 0.5));
        for (d, drop) in service.drops.iter().enumerate() {
            let (side, along) = (if d % 2 == 0 { 1.0 } else { -1.0 }, f64::from((d / 2) as u32) * 12.0);
            let metres = drop.length_km * 1000.0;
            let at = self.bus(&format!("{name}_{d}"), 0.12, pole.x + along + 0.45 * metres * side, pole.y + 0.8 * metres * side);
            let code = self.code(TRIPLEX[drop.wire].0.name);
            let data = self.network.line_codes[code.index()].clone();
            let terminals = (self.terminal(bus, vec![1, 2]), self.terminal(at, vec![1, 2]));
            self.network.add(line(format!("d{k}_{d}"), terminals.0, terminals.1, code, &data, drop.length_km));
            let shapes = self.class_shapes(drop.class);
            let terminal = self.terminal(at, vec![1, 2]);
            self.network.add(load(format!("c{k}_{d}"), terminal.clone(), 1, 0.24, drop.peak_kw, drop.power_factor, drop.customers, shapes));
            if drop.pv_kw > 0.0 {
                self.solar(format!("pv{k}_{d}"), terminal, 1, 0.24, drop.pv_kw);
            }
        }
    }

    fn solar(&mut self, name: String, terminal: Terminal, n_phases: usize, kv: f64, kw: f64) {
        let shape = self.shape(IRRADIANCE_SHAPE);
        if self.network.xy_curves.is_empty() {
            for (name, points) in [("inverter_efficiency", EFFICIENCY), ("panel_power", POWER_OVER_TEMPERATURE)] {
                let (x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
                let curve = XyCurve { name: name.into(), x: x.into(), y: y.into(), x_shift: 0.0, y_shift: 0.0, x_scale: 1.0, y_scale: 1.0 };
                self.network.xy_curves.push(curve);
            }
            self.network.temperature_shapes.clone_from(&self.shared.temperatures);
        }
        let mut pv = pv_system(name, terminal, n_phases, kv, kw, kw);
        pv.inverter.efficiency = Some(XyCurveId(0));
        pv.p_t_curve = Some(XyCurveId(1));
        pv.shapes = Shapes { yearly: shape, daily: shape, duty: None };
        (pv.t_yearly, pv.t_daily) = (Some(TemperatureShapeId(0)), Some(TemperatureShapeId(0)));
        self.network.add(pv);
    }

    fn plant(&mut self, plant: &Plant) {
        let plan = self.plan;
        let pole = &plan.poles[plant.pole];
        let primary = self.primary_bus(&pole_name(plant.pole), pole.x, pole.y);
        let bus = self.bus("solar", 0.48 / 3f64.sqrt(), pole.x + 60.0, pole.y + 60.0);
        let kva = round_to(1.1 * plant.kw, 0);
        let terminals = vec![self.terminal(primary, vec![1, 2, 3, 0]), self.terminal(bus, vec![1, 2, 3, 0])];
        let windings = vec![winding(plan.site.kv, kva, Connection::Wye, 0.5), winding(0.48, kva, Connection::Wye, 0.5)];
        self.network.add(transformer("solar".into(), 3, terminals, windings, vec![5.75], 0.15, 0.5));
        let terminal = self.terminal(bus, vec![1, 2, 3, 0]);
        self.solar("solar".into(), terminal, 3, 0.48, plant.kw);
    }

    fn capacitors(&mut self) {
        for bank in &self.sizes.banks {
            let pole = &self.plan.poles[bank.pole];
            let bus = self.primary_bus(&pole_name(bank.pole), pole.x, pole.y);
            self.terminal(bus, vec![1, 2, 3]);
            self.network.add(capacitor(format!("cap{}", bank.pole), bus, self.plan.site.kv, bank.kvar));
        }
    }

    fn controls(&mut self) {
        for (order, &(i, units)) in self.regulators.clone().iter().enumerate() {
            for (unit, letter) in units.into_iter().zip(["a", "b", "c"]) {
                let delay_s = 45.0 + 15.0 * order as f64;
                let control =
                    regulator_control(format!("reg{i}{letter}"), unit, round_to(TARGET_PU * 120.0, 2), 2.0, self.pt_ratio(), delay_s);
                self.network.add(control);
            }
        }
        for (k, bank) in self.sizes.banks.iter().enumerate() {
            let (Some(control_type), Some(watched)) = (bank.control, self.sections[bank.pole]) else { continue };
            let settings = match control_type {
                // More between the two than the bank itself makes, so that it does not hunt.
                CapacitorControlType::Kvar => (round_to(0.6 * bank.kvar, 1), round_to(-0.65 * bank.kvar, 1)),
                CapacitorControlType::Voltage => (119.0, 126.0),
                // Hours of the day.
                _ => (9.0, 22.0),
            };
            let capacitor = ElementId::new(network::ElementKind::Capacitor, k);
            let delay_s = 60.0 + 15.0 * k as f64;
            let mut control =
                capacitor_control(format!("cap{}", bank.pole), control_type, capacitor, watched, self.pt_ratio(), settings, delay_s);
            control.pt_phase = MonitoredPhase::Phase(1);
            self.network.add(control);
        }
    }

    /// The time-current curve of this name: those that every OpenDSS circuit has.
    fn curve(&mut self, name: &str) -> TccCurveId {
        if let Some(i) = self.network.tcc_curves.iter().position(|c| c.name == name) {
            return TccCurveId::from(i);
        }
        let (current, time_s): (&[f64], &[f64]) = match name {
            "a" => (&[1.0, 2.5, 4.5, 8.0, 14.0], &[0.15, 0.07, 0.05, 0.045, 0.045]),
            "d" => (&[1.0, 2.5, 4.5, 8.0, 14.0], &[6.0, 0.7, 0.2, 0.06, 0.02]),
            _ => (&[2.0, 2.1, 3.0, 4.0, 6.0, 22.0, 50.0], &[300.0, 100.0, 10.1, 4.0, 1.4, 0.1, 0.02]),
        };
        self.network.tcc_curves.push(TccCurve { name: name.to_owned(), current: current.to_vec(), time_s: time_s.to_vec() });
        TccCurveId::from(self.network.tcc_curves.len() - 1)
    }

    fn protection(&mut self) {
        for i in 1..self.plan.poles.len() {
            let pole = &self.plan.poles[i];
            let Some(section) = self.sections[i] else { continue };
            let amps = self.sizes.amps[i];
            match pole.device {
                Device::Fuse => {
                    let rated_a = [6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 65.0, 80.0, 100.0, 140.0, 200.0]
                        .into_iter()
                        .find(|&r| r >= 2.0 * amps)
                        .unwrap_or(200.0);
                    let curve = self.curve("tlink");
                    let n = self.network.common(section).n_phases;
                    let common = common(format!("f{i}"), 3, Vec::new());
                    debug_assert!(n <= 3, "a fuse has a state for each of three phases");
                    self.network.add(Fuse { common, protection: protection(section, 3), curve: Some(curve), rated_a });
                }
                Device::Recloser => {
                    let (fast, delayed) = (self.curve("a"), self.curve("d"));
                    let recloser = Recloser {
                        common: common(format!("rc{i}"), 3, Vec::new()),
                        protection: protection(section, 1),
                        phase_fast: Some(fast),
                        phase_delayed: Some(delayed),
                        ground_fast: None,
                        ground_delayed: None,
                        // Twice the load and at least 100 A.
                        phase_trip: round_to((2.0 * amps).max(100.0), 0),
                        ground_trip: round_to(amps.max(50.0), 0),
                        phase_instantaneous: 0.0,
                        ground_instantaneous: 0.0,
                        n_fast: 1,
                        shots: 4,
                        reclose_intervals_s: vec![0.5, 2.0, 2.0],
                        settings: Vec::new(),
                    };
                    self.network.add(recloser);
                }
                Device::None | Device::Switch | Device::Regulator => {}
            }
        }
    }
}
