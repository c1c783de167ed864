//! Small transmission cases, built by hand.

use network::*;
use num_complex::Complex64;

pub struct Builder {
    pub network: Network,
}

impl Builder {
    pub fn new() -> Self {
        let mut network = Network::new("case");
        network.transmission = Some(Box::new(TransmissionCase { s_base_mva: 100.0, frequency_hz: 60.0, ..Default::default() }));
        Self { network }
    }

    pub fn bus(&mut self, number: u32, kind: BusKind, v_pu: f64) -> BusId {
        let id = self.network.bus_or_add(&number.to_string());
        self.network.buses[id.index()].transmission = Some(Box::new(TransmissionBus {
            number,
            name: format!("BUS {number}"),
            kv_base_ll: 132.0,
            kind,
            area: 1,
            zone: 1,
            owner: 1,
            v_pu,
            angle_deg: 0.0,
            v_max_normal_pu: 1.1,
            v_min_normal_pu: 0.9,
            v_max_emergency_pu: 1.1,
            v_min_emergency_pu: 0.9,
            source: SourceRef::default(),
        }));
        id
    }

    pub fn id(&self, number: u32) -> BusId {
        self.network.bus_id(&number.to_string()).expect("a bus of the case")
    }

    pub fn common(&self, name: &str, buses: &[u32]) -> Common {
        let mut common = Common::new(name, 3);
        common.terminals = buses.iter().map(|&b| Terminal::new(self.id(b), vec![1, 2, 3])).collect();
        common
    }

    pub fn branch(&mut self, from: u32, to: u32, r_pu: f64, x_pu: f64, b_pu: f64) -> ElementId {
        let common = self.common(&format!("{from}-{to}-1"), &[from, to]);
        self.network.add(AcBranch {
            common,
            circuit: "1".into(),
            label: String::new(),
            r_pu,
            x_pu,
            b_pu,
            y_from_pu: Complex64::ZERO,
            y_to_pu: Complex64::ZERO,
            ratings_mva: vec![100.0],
            in_service: true,
            metered: MeteredEnd::From,
            length: 0.0,
            owners: Vec::new(),
            switching: None,
            normally_closed: true,
            rating_set: String::new(),
        })
    }

    pub fn control() -> WindingControl {
        WindingControl::fixed()
    }

    pub fn winding(ratio: f64, angle_deg: f64) -> PowerWinding {
        PowerWinding { ratio, kv_nominal: 0.0, angle_deg, ratings_mva: vec![100.0], control: Self::control(), correction: 0 }
    }

    pub fn transformer(&mut self, from: u32, to: u32, r: f64, x: f64, ratio: f64) -> ElementId {
        let common = self.common(&format!("{from}-{to}-t"), &[from, to]);
        self.network.add(PowerTransformer {
            common,
            circuit: "1".into(),
            label: String::new(),
            ratio_code: RatioCode::BusBase,
            impedance_code: ImpedanceCode::SystemBase,
            magnetising_code: MagnetisingCode::SystemBase,
            mag1: 0.0,
            mag2: 0.0,
            metered: MeteredEnd::From,
            status: TransformerStatus::In,
            owners: Vec::new(),
            vector_group: String::new(),
            correct_pairs: false,
            impedances: vec![PairImpedance { r, x, s_base_mva: 100.0 }],
            v_star_pu: 1.0,
            angle_star_deg: 0.0,
            windings: vec![Self::winding(ratio, 0.0), Self::winding(1.0, 0.0)],
        })
    }

    pub fn load(&mut self, bus: u32, p_mw: f64, q_mvar: f64) -> ElementId {
        let common = self.common(&format!("{bus}-l{}", self.network.power_loads.len()), &[bus]);
        self.network.add(PowerLoad {
            common,
            id: "1".into(),
            label: String::new(),
            in_service: true,
            area: 1,
            zone: 1,
            owner: 1,
            p_mw,
            q_mvar,
            p_current_mw: 0.0,
            q_current_mvar: 0.0,
            p_admittance_mw: 0.0,
            q_admittance_mvar: 0.0,
            scalable: true,
            interruptible: false,
            dg_p_mw: 0.0,
            dg_q_mvar: 0.0,
            dg_in_service: false,
            load_type: String::new(),
        })
    }

    pub fn shunt(&mut self, bus: u32, b_mvar: f64) -> ElementId {
        let common = self.common(&format!("{bus}-s"), &[bus]);
        self.network.add(FixedShunt { common, id: "1".into(), label: String::new(), in_service: true, g_mw: 0.0, b_mvar })
    }

    pub fn machine(&mut self, bus: u32, p_mw: f64, v_set_pu: f64, q_min_mvar: f64, q_max_mvar: f64) -> ElementId {
        let common = self.common(&format!("{bus}-g{}", self.network.machines.len()), &[bus]);
        self.network.add(Machine {
            common,
            id: "1".into(),
            label: String::new(),
            in_service: true,
            p_mw,
            q_mvar: 0.0,
            q_max_mvar,
            q_min_mvar,
            p_max_mw: 9999.0,
            p_min_mw: -9999.0,
            v_set_pu,
            regulated_bus: None,
            regulated_node: 0,
            base_mva: 100.0,
            z_source_pu: Complex64::new(0.0, 1.0),
            z_step_up_pu: Complex64::ZERO,
            step_up_ratio: 1.0,
            share_pct: 100.0,
            owners: Vec::new(),
            wind_mode: 0,
            wind_power_factor: 1.0,
            base_load: 0,
            droop: String::new(),
        })
    }
}

/// The nine-bus system of the Western Systems Coordinating Council: P. M. Anderson and A. A. Fouad, *Power System Control and Stability*, fig. 2.18.
pub fn wscc9() -> Builder {
    let mut b = Builder::new();
    b.bus(1, BusKind::Swing, 1.04);
    b.bus(2, BusKind::Generator, 1.025);
    b.bus(3, BusKind::Generator, 1.025);
    for n in 4..=9 {
        b.bus(n, BusKind::Load, 1.0);
    }
    b.machine(1, 0.0, 1.04, -300.0, 300.0);
    b.machine(2, 163.0, 1.025, -300.0, 300.0);
    b.machine(3, 85.0, 1.025, -300.0, 300.0);
    b.transformer(1, 4, 0.0, 0.0576, 1.0);
    b.transformer(2, 7, 0.0, 0.0625, 1.0);
    b.transformer(3, 9, 0.0, 0.0586, 1.0);
    b.branch(4, 5, 0.010, 0.085, 0.176);
    b.branch(4, 6, 0.017, 0.092, 0.158);
    b.branch(5, 7, 0.032, 0.161, 0.306);
    b.branch(6, 9, 0.039, 0.170, 0.358);
    b.branch(7, 8, 0.0085, 0.072, 0.149);
    b.branch(8, 9, 0.0119, 0.1008, 0.209);
    b.load(5, 125.0, 50.0);
    b.load(6, 90.0, 30.0);
    b.load(8, 100.0, 35.0);
    b
}

/// The IEEE 14-bus test system, in the common format of the University of Washington's archive.
pub fn ieee14() -> Builder {
    let mut b = Builder::new();
    b.bus(1, BusKind::Swing, 1.06);
    for n in 2..=14 {
        let v = match n {
            2 => 1.045,
            3 => 1.01,
            6 => 1.07,
            8 => 1.09,
            _ => 1.0,
        };
        b.bus(n, if v == 1.0 { BusKind::Load } else { BusKind::Generator }, v);
    }
    b.machine(1, 232.4, 1.06, -999.0, 999.0);
    b.machine(2, 40.0, 1.045, -40.0, 50.0);
    b.machine(3, 0.0, 1.01, 0.0, 40.0);
    b.machine(6, 0.0, 1.07, -6.0, 24.0);
    b.machine(8, 0.0, 1.09, -6.0, 24.0);
    for (from, to, r, x, c) in [
        (1, 2, 0.01938, 0.05917, 0.0528),
        (1, 5, 0.05403, 0.22304, 0.0492),
        (2, 3, 0.04699, 0.19797, 0.0438),
        (2, 4, 0.05811, 0.17632, 0.0340),
        (2, 5, 0.05695, 0.17388, 0.0346),
        (3, 4, 0.06701, 0.17103, 0.0128),
        (4, 5, 0.01335, 0.04211, 0.0),
        (6, 11, 0.09498, 0.19890, 0.0),
        (6, 12, 0.12291, 0.25581, 0.0),
        (6, 13, 0.06615, 0.13027, 0.0),
        (7, 8, 0.0, 0.17615, 0.0),
        (7, 9, 0.0, 0.11001, 0.0),
        (9, 10, 0.03181, 0.08450, 0.0),
        (9, 14, 0.12711, 0.27038, 0.0),
        (10, 11, 0.08205, 0.19207, 0.0),
        (12, 13, 0.22092, 0.19988, 0.0),
        (13, 14, 0.17093, 0.34802, 0.0),
    ] {
        b.branch(from, to, r, x, c);
    }
    b.transformer(4, 7, 0.0, 0.20912, 0.978);
    b.transformer(4, 9, 0.0, 0.55618, 0.969);
    b.transformer(5, 6, 0.0, 0.25202, 0.932);
    for (bus, p, q) in [
        (2, 21.7, 12.7),
        (3, 94.2, 19.0),
        (4, 47.8, -3.9),
        (5, 7.6, 1.6),
        (6, 11.2, 7.5),
        (9, 29.5, 16.6),
        (10, 9.0, 5.8),
        (11, 3.5, 1.8),
        (12, 6.1, 1.6),
        (13, 13.5, 5.8),
        (14, 14.9, 5.0),
    ] {
        b.load(bus, p, q);
    }
    b.shunt(9, 19.0);
    b
}
