//! The network itself: vectors of everything, and the order in which it came.

use crate::*;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A place in the grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bus {
    /// Lower case.
    pub name: String,
    /// Nodes that elements connect to, in the order they were met; without the earth.
    pub nodes: Vec<u32>,
    /// Base of the line-to-neutral voltage, kV; 0 when not assigned.
    pub kv_base_ln: f64,
    /// Position in the model's own coordinates.
    pub xy: Option<(f64, f64)>,
    pub latitude_longitude_deg: Option<(f64, f64)>,
    /// What a transmission case says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transmission: Option<Box<TransmissionBus>>,
}

impl Bus {
    /// Base voltage line to line, kV; none when it was not assigned. To the millivolt: the root of three would else leave
    /// 115.00000000000001.
    pub fn kv_base_ll(&self) -> Option<f64> {
        let of_case = self.transmission.as_ref().map(|t| t.kv_base_ll).filter(|kv| *kv > 0.0);
        let kv = of_case.or_else(|| (self.kv_base_ln > 0.0).then(|| self.kv_base_ln * 3f64.sqrt()))?;
        let rounded = (kv * 1e6).round() / 1e6;
        rounded.is_finite().then_some(rounded)
    }
}

macro_rules! elements {
    ($($field:ident: $kind:ident, $class:literal;)*) => {
        /// One grid: ground state only, nothing solved.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct Network {
            /// Lower case.
            pub name: String,
            pub buses: Vec<Bus>,
            $(pub $field: Vec<$kind>,)*
            /// Every element in the order of its creation, which is the order of controls and of reports.
            pub order: Vec<ElementId>,
            pub line_codes: Vec<LineCode>,
            pub line_geometries: Vec<LineGeometry>,
            pub line_spacings: Vec<LineSpacing>,
            pub conductors: Vec<Conductor>,
            pub transformer_codes: Vec<TransformerCode>,
            pub load_shapes: Vec<LoadShape>,
            pub temperature_shapes: Vec<TemperatureShape>,
            pub price_shapes: Vec<PriceShape>,
            pub growth_shapes: Vec<GrowthShape>,
            pub xy_curves: Vec<XyCurve>,
            pub tcc_curves: Vec<TccCurve>,
            pub spectra: Vec<Spectrum>,
            pub options: SolutionOptions,
            /// What a transmission case says besides buses and elements.
            pub transmission: Option<Box<TransmissionCase>>,
            /// Records of asset systems, with the elements and buses that they are.
            pub assets: Vec<Asset>,
            #[serde(skip)]
            bus_index: HashMap<String, BusId>,
        }

        impl Network {
            /// The common part of an element.
            ///
            /// # Panics
            /// When the id belongs to another network.
            pub fn common(&self, id: ElementId) -> &Common {
                match id.kind { $(ElementKind::$kind => &self.$field[id.index()].common,)* }
            }

            pub fn common_mut(&mut self, id: ElementId) -> &mut Common {
                match id.kind { $(ElementKind::$kind => &mut self.$field[id.index()].common,)* }
            }

            /// Serialises one element as its kind does.
            ///
            /// # Errors
            /// What the serialiser fails with.
            ///
            /// # Panics
            /// When the id belongs to another network.
            pub fn serialize_element<S: serde::Serializer>(&self, id: ElementId, serializer: S) -> Result<S::Ok, S::Error> {
                match id.kind { $(ElementKind::$kind => self.$field[id.index()].serialize(serializer),)* }
            }

            /// Number of elements of a kind.
            pub fn count(&self, kind: ElementKind) -> usize {
                match kind { $(ElementKind::$kind => self.$field.len(),)* }
            }
        }

        $(impl From<$kind> for AnyElement {
            fn from(element: $kind) -> Self { Self::$kind(Box::new(element)) }
        })*

        /// An element of any kind, on its way into a network.
        #[derive(Clone, Debug, PartialEq)]
        pub enum AnyElement { $($kind(Box<$kind>),)* }

        impl Network {
            /// Adds an element at the end of its vector and of the order.
            pub fn add(&mut self, element: impl Into<AnyElement>) -> ElementId {
                let id = match element.into() {
                    $(AnyElement::$kind(e) => {
                        self.$field.push(*e);
                        ElementId::new(ElementKind::$kind, self.$field.len() - 1)
                    })*
                };
                self.order.push(id);
                id
            }
        }

        impl ElementKind {
            /// Every kind, in the order of the network's vectors.
            pub const ALL: &'static [ElementKind] = &[$(ElementKind::$kind,)*];

            /// Class name as the distribution world writes it, lower case.
            pub fn class(self) -> &'static str {
                match self { $(ElementKind::$kind => $class,)* }
            }
        }
    };
}

elements! {
    voltage_sources: VoltageSource, "vsource";
    current_sources: CurrentSource, "isource";
    lines: Line, "line";
    transformers: Transformer, "transformer";
    capacitors: Capacitor, "capacitor";
    reactors: Reactor, "reactor";
    faults: Fault, "fault";
    gic_transformers: GicTransformer, "gictransformer";
    gic_lines: GicLine, "gicline";
    loads: Load, "load";
    generators: Generator, "generator";
    pv_systems: PvSystem, "pvsystem";
    storages: Storage, "storage";
    induction_machines: InductionMachine, "indmach012";
    regulator_controls: RegulatorControl, "regcontrol";
    capacitor_controls: CapacitorControl, "capcontrol";
    inverter_controls: InverterControl, "invcontrol";
    exponential_controls: ExponentialControl, "expcontrol";
    storage_controllers: StorageController, "storagecontroller";
    switch_controls: SwitchControl, "swtcontrol";
    fuses: Fuse, "fuse";
    relays: Relay, "relay";
    reclosers: Recloser, "recloser";
    monitors: Monitor, "monitor";
    energy_meters: EnergyMeter, "energymeter";
    sensors: Sensor, "sensor";
    unmodelled: Unmodelled, "unmodelled";
    ac_branches: AcBranch, "branch";
    power_transformers: PowerTransformer, "powertransformer";
    power_loads: PowerLoad, "powerload";
    fixed_shunts: FixedShunt, "fixedshunt";
    machines: Machine, "machine";
    switched_shunts: SwitchedShunt, "switchedshunt";
    two_terminal_dcs: TwoTerminalDc, "twoterminaldc";
    vsc_dcs: VscDc, "vscdc";
    multi_terminal_dcs: MultiTerminalDc, "multiterminaldc";
    facts_devices: FactsDevice, "facts";
    power_motors: PowerMotor, "powermotor";
}

impl Network {
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into().to_lowercase(), ..Self::default() }
    }

    /// The bus of this name, made if there is none yet.
    pub fn bus_or_add(&mut self, name: &str) -> BusId {
        let key = name.to_lowercase();
        if let Some(&id) = self.bus_index.get(&key) {
            return id;
        }
        let id = BusId::from(self.buses.len());
        self.buses.push(Bus {
            name: key.clone(),
            nodes: Vec::new(),
            kv_base_ln: 0.0,
            xy: None,
            latitude_longitude_deg: None,
            transmission: None,
        });
        self.bus_index.insert(key, id);
        id
    }

    /// Makes the index of names anew, of a network whose buses were filled in directly. Of two buses of one name the first is found.
    pub fn index_buses(&mut self) {
        self.bus_index.clear();
        for (i, bus) in self.buses.iter().enumerate() {
            self.bus_index.entry(bus.name.to_lowercase()).or_insert(BusId::from(i));
        }
    }

    /// The bus of this name, in any case.
    pub fn bus_id(&self, name: &str) -> Option<BusId> {
        self.bus_index.get(name).or_else(|| self.bus_index.get(&name.to_lowercase())).copied()
    }

    pub fn bus(&self, id: BusId) -> &Bus {
        &self.buses[id.index()]
    }

    /// Puts the buses into another order: `order` lists every present id once, in the new order.
    ///
    /// # Panics
    /// When `order` is not a permutation of the buses.
    pub fn renumber_buses(&mut self, order: &[BusId]) {
        assert_eq!(order.len(), self.buses.len(), "every bus once");
        let mut new_id = vec![None; order.len()];
        for (i, id) in order.iter().enumerate() {
            assert!(new_id[id.index()].replace(BusId::from(i)).is_none(), "every bus once");
        }
        let renumber = |id: &mut BusId| *id = new_id[id.index()].expect("every bus once");
        let mut old: Vec<Option<Bus>> = std::mem::take(&mut self.buses).into_iter().map(Some).collect();
        self.buses = order.iter().map(|id| old[id.index()].take().expect("every bus once")).collect();
        self.bus_index.values_mut().for_each(renumber);
        for i in 0..self.order.len() {
            self.common_mut(self.order[i]).terminals.iter_mut().for_each(|t| renumber(&mut t.bus));
        }
        self.regulator_controls.iter_mut().filter_map(|c| c.remote_bus.as_mut()).for_each(|r| renumber(&mut r.bus));
        self.capacitor_controls.iter_mut().filter_map(|c| c.v_bus.as_mut()).for_each(|r| renumber(&mut r.bus));
        self.inverter_controls.iter_mut().flat_map(|c| &mut c.monitored_buses).for_each(|r| renumber(&mut r.bus));
        self.assets.iter_mut().filter_map(|a| a.bus.as_mut()).for_each(renumber);
        self.remote_buses_mut().into_iter().for_each(renumber);
    }

    /// Buses that transmission elements and tables name besides their terminals.
    fn remote_buses_mut(&mut self) -> Vec<&mut BusId> {
        let mut found: Vec<&mut BusId> = Vec::new();
        found.extend(self.machines.iter_mut().filter_map(|m| m.regulated_bus.as_mut()));
        found.extend(self.power_transformers.iter_mut().flat_map(|t| &mut t.windings).filter_map(|w| w.control.bus.as_mut()));
        found.extend(self.switched_shunts.iter_mut().filter_map(|s| s.regulated_bus.as_mut()));
        found.extend(self.facts_devices.iter_mut().filter_map(|d| d.regulated_bus.as_mut()));
        found.extend(self.vsc_dcs.iter_mut().flat_map(|d| &mut d.converters).filter_map(|c| c.regulated_bus.as_mut()));
        let lcc = self.two_terminal_dcs.iter_mut().flat_map(|d| [&mut d.rectifier, &mut d.inverter]);
        let mut named = Vec::new();
        for d in &mut self.multi_terminal_dcs {
            named.extend(d.voltage_bus.as_mut().into_iter().chain(d.negative_voltage_bus.as_mut()));
            named.extend(d.buses.iter_mut().filter_map(|b| b.ac_bus.as_mut()));
            for c in &mut d.converters {
                named.extend(c.converter.buses_mut());
            }
        }
        found.extend(lcc.flat_map(LccConverter::buses_mut));
        found.extend(named);
        if let Some(case) = &mut self.transmission {
            found.extend(case.areas.iter_mut().filter_map(|a| a.swing.as_mut()));
            for line in &mut case.multi_section_lines {
                found.extend([&mut line.from, &mut line.to]);
                found.extend(&mut line.through);
            }
            for station in &mut case.substations {
                found.extend(station.nodes.iter_mut().filter_map(|n| n.bus.as_mut()));
                found.extend(station.terminals.iter_mut().flat_map(|t| [&mut t.bus, &mut t.to, &mut t.third]).flatten());
            }
        }
        found
    }

    /// Notes that elements use `node` at `bus`; the earth is not noted.
    pub fn note_node(&mut self, bus: BusId, node: u32) {
        let nodes = &mut self.buses[bus.index()].nodes;
        if node != 0 && !nodes.contains(&node) {
            nodes.push(node);
        }
    }

    /// `class.name` of an element; an autotransformer or an unmodelled element says its own class.
    pub fn full_name(&self, id: ElementId) -> String {
        let class = match id.kind {
            ElementKind::Transformer if self.transformers[id.index()].kind == TransformerKind::Auto => "autotrans",
            ElementKind::Unmodelled => &self.unmodelled[id.index()].class,
            kind => kind.class(),
        };
        format!("{class}.{}", self.common(id).name)
    }

    /// The element called `class.name`, in any case. Linear in the number of elements of the class.
    pub fn find(&self, full_name: &str) -> Option<ElementId> {
        let full_name = full_name.to_lowercase();
        self.order.iter().copied().find(|&id| full_name.ends_with(&self.common(id).name) && self.full_name(id) == full_name)
    }

    /// The network is a transmission case: balanced, for the positive-sequence power flow.
    pub fn is_transmission(&self) -> bool {
        self.transmission.is_some()
    }

    /// Ids of all elements of a kind.
    pub fn ids(&self, kind: ElementKind) -> impl Iterator<Item = ElementId> + use<> {
        (0..self.count(kind)).map(move |i| ElementId::new(kind, i))
    }
}
