//! A plant without a solver: a test says what is measured, as a function of taps, steps and switches.

use super::{Clock, Control, ControlEvent, ControlQueue, Plant};
use network::*;
use num_complex::Complex64;
use std::collections::HashMap;

/// What is measured at one terminal (or winding).
#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub v: Vec<Complex64>,
    pub i: Vec<Complex64>,
}

pub struct FakePlant {
    pub network: Network,
    pub clock: Clock,
    pub taps: HashMap<(ElementId, usize), f64>,
    pub steps: HashMap<ElementId, Vec<bool>>,
    pub open: HashMap<(ElementId, usize, usize), bool>,
    pub terminals: HashMap<(ElementId, usize), Measured>,
    pub windings: HashMap<(ElementId, usize), Vec<Complex64>>,
    pub buses: HashMap<(BusId, u32), Complex64>,
    pub events: Vec<ControlEvent>,
}

impl FakePlant {
    pub fn new(network: Network) -> Self {
        let clock = Clock {
            hour: 0,
            second: 0.0,
            step_s: 1.0,
            mode: SolutionMode::Snapshot,
            control_mode: ControlMode::Static,
            control_iteration: 1,
        };
        Self {
            network,
            clock,
            taps: HashMap::new(),
            steps: HashMap::new(),
            open: HashMap::new(),
            terminals: HashMap::new(),
            windings: HashMap::new(),
            buses: HashMap::new(),
            events: Vec::new(),
        }
    }

    /// Static control iterations until nothing is left to do; `solve` measures anew before each. Returns their number.
    pub fn settle<C: Control>(
        &mut self,
        control: &C,
        state: &mut C::State,
        queue: &mut ControlQueue,
        mut solve: impl FnMut(&mut Self),
    ) -> usize {
        for n in 1..100 {
            solve(self);
            control.sample(state, self, queue);
            let Some((hour, second)) = queue.next_time() else { return n };
            while let Some(action) = queue.pop_due(hour, second) {
                control.act(state, &action, self, queue);
            }
        }
        panic!("the control does not come to rest");
    }
}

impl Plant for FakePlant {
    fn network(&self) -> &Network {
        &self.network
    }

    fn clock(&self) -> Clock {
        self.clock
    }

    fn terminal_voltages(&self, id: ElementId, terminal: usize, out: &mut Vec<Complex64>) {
        out.clear();
        out.extend_from_slice(&self.terminals[&(id, terminal)].v);
    }

    fn terminal_currents(&self, id: ElementId, terminal: usize, out: &mut Vec<Complex64>) {
        out.clear();
        out.extend_from_slice(&self.terminals[&(id, terminal)].i);
    }

    fn winding_voltages(&self, transformer: ElementId, winding: usize, out: &mut Vec<Complex64>) {
        out.clear();
        out.extend_from_slice(&self.windings[&(transformer, winding)]);
    }

    fn bus_voltages(&self, bus: BusId, nodes: &[u32], out: &mut Vec<Complex64>) {
        out.clear();
        out.extend(nodes.iter().map(|&n| self.buses.get(&(bus, n)).copied().unwrap_or_default()));
    }

    fn bus_kv_base_ln(&self, _bus: BusId) -> f64 {
        0.0
    }

    fn tap(&self, transformer: ElementId, winding: usize) -> f64 {
        self.taps.get(&(transformer, winding)).copied().unwrap_or(1.0)
    }

    fn set_tap(&mut self, transformer: ElementId, winding: usize, tap_pu: f64) {
        self.taps.insert((transformer, winding), tap_pu);
    }

    fn capacitor_steps(&self, capacitor: ElementId) -> &[bool] {
        &self.steps[&capacitor]
    }

    fn set_capacitor_steps(&mut self, capacitor: ElementId, steps: &[bool]) {
        self.steps.insert(capacitor, steps.to_vec());
    }

    fn is_closed(&self, id: ElementId, terminal: usize, conductor: usize) -> bool {
        !self.open.get(&(id, terminal, conductor)).copied().unwrap_or(false)
    }

    fn set_closed(&mut self, id: ElementId, terminal: usize, conductor: Option<usize>, closed: bool) {
        let conductors = conductor.map_or(0..3, |c| c..c + 1);
        for c in conductors {
            self.open.insert((id, terminal, c), !closed);
        }
    }

    fn set_time(&mut self, hour: i64, second: f64) {
        (self.clock.hour, self.clock.second) = (hour, second);
    }

    fn log(&mut self, event: ControlEvent) {
        self.events.push(event);
    }
}

/// `magnitude` at three phases, A first.
pub fn three_phases(magnitude: f64, angle_deg: f64) -> Vec<Complex64> {
    [0.0, -120.0, 120.0].iter().map(|turn| Complex64::from_polar(magnitude, (angle_deg + turn).to_radians())).collect()
}

fn common(name: &str, n_phases: usize, buses: &[BusId], n_conductors: usize) -> Common {
    let mut common = Common::new(name, n_phases);
    common.terminals = buses.iter().map(|&bus| Terminal::new(bus, (1..=n_conductors as u32).collect())).collect();
    common
}

/// A network with a regulator transformer (7.2 kV to 7.2 kV a phase, three phases in wye, 32 taps of 0.00625), its first element.
pub fn regulator_network(change: impl FnOnce(&mut RegulatorControl)) -> Network {
    let mut network = Network::new("fake");
    let buses = [network.bus_or_add("source"), network.bus_or_add("load")];
    let winding = Winding {
        connection: Connection::Wye,
        kv: 7.2 * 3f64.sqrt(),
        kva: 1000.0,
        tap_pu: 1.0,
        r_pct: 0.1,
        r_neutral_ohm: -1.0,
        x_neutral_ohm: 0.0,
        tap_min_pu: 0.9,
        tap_max_pu: 1.1,
        n_taps: 32,
        r_dc_ohm: 0.0,
    };
    let transformer = network.add(Transformer {
        common: common("t", 3, &buses, 4),
        kind: TransformerKind::Ordinary,
        windings: vec![winding.clone(), winding],
        x_sc_pct: vec![2.0],
        no_load_loss_pct: 0.0,
        load_loss_pct: 0.0,
        magnetising_pct: 0.0,
        antifloat_ppm: 1.0,
        lead_lag: LeadLag::Lag,
        normal_kva: 1100.0,
        emergency_kva: 1500.0,
        thermal: TransformerThermal { time_constant_h: 2.0, n: 0.8, m: 0.8, oil_rise_c: 65.0, hot_spot_rise_c: 15.0 },
        is_substation: false,
        substation: String::new(),
        bank: String::new(),
        code: None,
        x_over_r_constant: false,
        core: String::new(),
        ratings_kva: Vec::new(),
    });
    let setting = RegulatorSetting { v_target_v: 120.0, band_v: 2.0, ldc_r_v: 0.0, ldc_x_v: 0.0, ldc_z_v: 0.0 };
    let mut control = RegulatorControl {
        common: common("r", 3, &buses[1..], 3),
        transformer: Some(transformer),
        winding: 1,
        tap_winding: 1,
        forward: setting,
        reverse: setting,
        pt_ratio: 60.0,
        remote_pt_ratio: 60.0,
        ct_primary_a: 300.0,
        pt_phase: MonitoredPhase::First,
        remote_bus: None,
        delay_s: 15.0,
        tap_delay_s: 2.0,
        max_tap_change: 16,
        inverse_time: false,
        v_limit_v: 0.0,
        reversible: false,
        reverse_neutral: false,
        reverse_threshold_kw: 100.0,
        reverse_delay_s: 60.0,
        cogeneration: false,
    };
    change(&mut control);
    network.add(control);
    network
}

/// A line from bus `a` to bus `b`, three phases.
fn line(network: &mut Network, buses: &[BusId]) -> ElementId {
    network.add(Line {
        common: common("l", 3, buses, 3),
        length: 1.0,
        length_unit: LengthUnit::None,
        unit_factor: 1.0,
        impedance: LineImpedance::Sequence { z1_ohm: Complex64::new(0.1, 0.3), z0_ohm: Complex64::new(0.3, 0.9), c1_nf: 0.0, c0_nf: 0.0 },
        earth_r_ohm: 0.0,
        earth_x_ohm: 0.0,
        rho_ohm_m: 100.0,
        earth_model: EarthModel::Deri,
        is_switch: false,
        line_code: None,
        line_type: String::new(),
    })
}

/// A network of one line, its first element.
pub fn line_network() -> (Network, ElementId) {
    let mut network = Network::new("fake");
    let buses = [network.bus_or_add("source"), network.bus_or_add("load")];
    let id = line(&mut network, &buses);
    (network, id)
}

/// A network of a line and a capacitor bank at its end (12.47 kV, three phases in wye) with a control that watches the line.
pub fn capacitor_network(kvar: &[f64], change: impl FnOnce(&mut CapacitorControl)) -> (Network, ElementId, ElementId) {
    let mut network = Network::new("fake");
    let buses = [network.bus_or_add("source"), network.bus_or_add("load")];
    for node in 1..=3 {
        network.note_node(buses[1], node);
    }
    let line = line(&mut network, &buses);
    let capacitor = network.add(Capacitor {
        common: common("c", 3, &buses[1..], 3),
        connection: Connection::Wye,
        kv: 12.47,
        size: CapacitorSize::Kvar(kvar.to_vec()),
        r_ohm: vec![0.0; kvar.len()],
        x_l_ohm: vec![0.0; kvar.len()],
        harmonic: vec![0.0; kvar.len()],
        steps: vec![true; kvar.len()],
        bus2_defined: false,
    });
    let mut control = CapacitorControl {
        common: common("k", 3, &buses[1..], 3),
        control_type: CapacitorControlType::Current,
        capacitor: Some(capacitor),
        element: Some(line),
        terminal: 0,
        pt_ratio: 60.0,
        ct_ratio: 60.0,
        pt_phase: MonitoredPhase::First,
        ct_phase: MonitoredPhase::First,
        on_setting: 300.0,
        off_setting: 200.0,
        delay_s: 15.0,
        delay_off_s: 15.0,
        dead_time_s: 300.0,
        v_override: false,
        v_min_v: 115.0,
        v_max_v: 126.0,
        v_bus: None,
        min_kvar_pct: 50.0,
        control_signal: None,
    };
    change(&mut control);
    network.add(control);
    (network, line, capacitor)
}
