//! Transformers and regulators.
//!
//! # Impedance
//! `Z` percent on the rated power and the ratio `XR` give `R = Z/√(1 + XR²)`, `X = XR · R`; half of `R` in each winding. Taps are
//! percent of the rated voltage. Three-winding impedances are pairs on the primary's rating; their resistances go to the
//! windings as `r1 = (r12 + r13 - r23)/2` and so on.
//!
//! # Phase shift
//! Between a wye and a delta, shift 1 (330 degrees) lets the secondary lag by 30 degrees, shift 2 (30 degrees) lead. The network
//! says it from the high side: the low side lags when the secondary does and is the low side.
//!
//! # Open banks
//! A bank with a phase missing is made of one-phase units, each over its own nodes. With the secondary lagging, the unit of
//! phase A stands on the secondary between A and B, those of B and C follow.

use super::super::codes::{Phases, RegulatorOption, Side, TransformerConnection, WindingConnection, normalised};
use super::super::model::*;
use super::topology::{Link, Series};
use super::{Correction, Lowering, Place, Topology, lower_case};
use network::{
    BusId, Connection, Diagnostic, ElementId, ElementKind, LeadLag, MonitoredPhase, Rating, RegulatorControl, RegulatorSetting as SetPoint,
    Reliability, SourceRef, Terminal, Transformer, TransformerCode, TransformerCodeId, TransformerKind, TransformerThermal, Winding,
};

/// Reactance given to a transformer without impedance, percent.
const LEAST_X_PCT: f64 = 0.001;
/// Reactance of a regulator, percent on [`REGULATOR_KVA`]: next to nothing.
const REGULATOR_X_PCT: f64 = 0.001;
/// Power that a regulator's reactance refers to, kVA a phase.
const REGULATOR_KVA: f64 = 10_000.0;

const THERMAL: TransformerThermal = TransformerThermal { time_constant_h: 2.0, n: 0.8, m: 0.8, oil_rise_c: 65.0, hot_spot_rise_c: 15.0 };

fn winding(connection: Connection, kv: f64, kva: f64) -> Winding {
    Winding {
        connection,
        kv,
        kva,
        tap_pu: 1.0,
        r_pct: 0.0,
        r_neutral_ohm: -1.0,
        x_neutral_ohm: 0.0,
        tap_min_pu: 0.9,
        tap_max_pu: 1.1,
        n_taps: 32,
        r_dc_ohm: 0.0,
    }
}

/// Resistance to direct current that a network takes where none is known: 0.85 of the series resistance.
fn settle_r_dc(windings: &mut [Winding], n_phases: usize) {
    let kva = windings.first().map_or(1.0, |w| w.kva);
    for w in windings {
        let v = if w.connection == Connection::Wye && n_phases > 1 { w.kv / 3f64.sqrt() } else { w.kv } * 1000.0;
        let ohm = (0.85 * w.r_pct / 100.0).abs() * v * v / (kva * 1000.0);
        w.r_dc_ohm = if ohm.is_finite() { ohm } else { 0.0 };
    }
}

/// Short-circuit data of a two-winding transformer, percent.
struct Leakage {
    r_pct: f64,
    x_pct: f64,
}

/// A unit of a bank, or a three-phase transformer, on its way into the network.
struct Unit<'b> {
    name: String,
    terminals: Vec<Terminal>,
    windings: Vec<Winding>,
    x_sc_pct: Vec<f64>,
    n_phases: usize,
    no_load_loss_pct: f64,
    magnetising_pct: f64,
    lead_lag: LeadLag,
    bank: &'b str,
    disconnected: bool,
    code: Option<TransformerCodeId>,
    reliability: Reliability,
}

/// Degrees of a phase shift as CYME writes them: 0, 1 (330 degrees), 2 (30 degrees), or words such as `330deg`.
fn shift_deg(text: &str) -> Option<i32> {
    match normalised(text).as_str() {
        "" => None,
        "0" | "0deg" => Some(0),
        "1" | "330deg" | "330" | "30lag" => Some(-30),
        "2" | "30deg" | "30" => Some(30),
        other => other.strip_suffix("deg").unwrap_or(other).parse::<i32>().ok().map(|d| (d + 180).rem_euclid(360) - 180),
    }
}

/// Whether the catalogue says a one-phase unit.
fn is_single_phase(kind: &str) -> bool {
    matches!(normalised(kind).as_str(), "1" | "singlephase" | "onephase")
}

impl<'a> Lowering<'a> {
    /// Nominal line-to-neutral voltage on the other side of a link, kV, from that at `bus`.
    pub(super) fn voltage_across(&self, topology: &Topology<'a>, link: &Link<'a>, bus: BusId, here_ln: f64) -> f64 {
        let (kv_1, kv_2, single) = match link.series {
            Series::Transformer(d) => match self.catalogue.transformers.get(&lower_case(&d.equipment)) {
                Some(t) => (t.kv_primary, t.kv_secondary, is_single_phase(&t.kind) || is_ln(&t.voltage_unit)),
                None => return 0.0,
            },
            Series::ByPhaseTransformer(d) => {
                let id = [&d.equipment_1, &d.equipment_2, &d.equipment_3]
                    .into_iter()
                    .find_map(|id| self.catalogue.transformers.get(&lower_case(id)));
                match id {
                    Some(t) => (t.kv_primary, t.kv_secondary, true),
                    None => return 0.0,
                }
            }
            Series::Auto(d) => match self.catalogue.autotransformers.get(&lower_case(&d.equipment)) {
                Some(t) => (t.kv_primary, t.kv_secondary, false),
                None => return 0.0,
            },
            Series::ThreeWinding(d) => match self.catalogue.three_winding.get(&lower_case(&d.equipment)) {
                Some(t) => (t.kv_1, t.kv_2, false),
                None => return 0.0,
            },
            _ => return here_ln,
        };
        let (Some(kv_1), Some(kv_2)) = (kv_1, kv_2) else { return 0.0 };
        let primary = if self.is_reversed(topology, link) { link.to } else { link.from };
        let (own, other) = if bus == primary { (kv_1, kv_2) } else { (kv_2, kv_1) };
        // One-phase units may be told by their own voltages instead of those of their system.
        if single && looks_line_to_neutral(own, here_ln) { other } else { other / 3f64.sqrt() }
    }

    /// Whether winding 1 is at the link's second bus.
    fn is_reversed(&self, topology: &Topology<'a>, link: &Link<'a>) -> bool {
        let section = topology.spans[link.span].section;
        let node = link.series.first_node();
        !node.is_empty() && node.eq_ignore_ascii_case(&section.to_node) && !node.eq_ignore_ascii_case(&section.from_node)
    }

    /// Buses of the first and the second side, with a finding when the device names a node of neither end.
    fn sides(&mut self, topology: &Topology<'a>, link: &Link<'a>, class: &str) -> (BusId, BusId) {
        let section = topology.spans[link.span].section;
        let node = link.series.first_node();
        if !node.is_empty() && !node.eq_ignore_ascii_case(&section.from_node) && !node.eq_ignore_ascii_case(&section.to_node) {
            let (_, device, _) = link.series.identity();
            self.find(
                Diagnostic::warning(
                    "CYME.TRANSFORMER.FROM_NODE",
                    format!("FromNodeID {node:?} is no end of section {:?}; its first end is taken", section.id),
                )
                .element(format!("{class}.{}", lower_case(device)))
                .at(link.series.source().unwrap_or(&section.source)),
            );
        }
        if self.is_reversed(topology, link) { (link.to, link.from) } else { (link.from, link.to) }
    }

    /// A node of a bus that nothing else uses: a neutral that is not solidly earthed.
    fn neutral_node(&mut self, bus: BusId) -> u32 {
        let used = self.out.network.bus(bus).nodes.iter().copied().max().unwrap_or(3).max(3);
        self.out.network.note_node(bus, used + 1);
        used + 1
    }

    /// Short-circuit impedance; findings for what no transformer has.
    fn leakage(&mut self, what: &str, element: &str, z_pct: Option<f64>, xr: Option<f64>, source: &SourceRef) -> Leakage {
        let z = z_pct.unwrap_or(0.0);
        let ratio = xr.unwrap_or(0.0);
        if z <= 0.0 {
            self.find(
                Diagnostic::warning("CYME.TRANSFORMER.NO_IMPEDANCE", format!("{what} has an impedance of {z} %"))
                    .element(element)
                    .at(source)
                    .detail(format!("It is solved with a reactance of {LEAST_X_PCT} %.")),
            );
            self.defaulted("transformer.z1", "0.001 %", "zero or not told", source);
            return Leakage { r_pct: 0.0, x_pct: LEAST_X_PCT };
        }
        if ratio <= 0.0 {
            self.find(
                Diagnostic::warning("CYME.TRANSFORMER.XR_ZERO", format!("{what} has an X/R ratio of {ratio}: it is a pure resistance"))
                    .element(element)
                    .at(source)
                    .hint("Give the X/R ratio of the transformer."),
            );
            return Leakage { r_pct: z, x_pct: 0.0 };
        }
        let r_pct = z / (1.0 + ratio * ratio).sqrt();
        Leakage { r_pct, x_pct: r_pct * ratio }
    }

    fn tap(&mut self, pct: Option<f64>, element: &str, source: &SourceRef) -> f64 {
        match pct {
            None => 1.0,
            Some(pct) if (50.0..=200.0).contains(&pct) => pct / 100.0,
            Some(pct) => {
                self.find(
                    Diagnostic::warning("CYME.TRANSFORMER.TAP", format!("a tap of {pct} % is none; the rated voltage is taken"))
                        .element(element)
                        .at(source)
                        .hint("Taps are percent of the rated voltage, 100 being nominal."),
                );
                self.defaulted("transformer setting.tap", "100 %", "not between 50 and 200 %", source);
                1.0
            }
        }
    }

    fn place<'b>(topology: &'b Topology<'a>, link: &Link<'a>, device: &'b str, source: &'b SourceRef) -> Place<'b> {
        let section = topology.spans[link.span].section;
        Place { device, section: &section.id, network: &section.network, source }
    }

    fn unit(&mut self, place: &Place<'_>, mut unit: Unit<'_>) -> ElementId {
        let mut common = self.common(ElementKind::Transformer, &unit.name, place, unit.n_phases, unit.terminals);
        common.enabled = !unit.disconnected;
        let kva = unit.windings.first().map_or(0.0, |w| w.kva);
        let ln = unit.windings.first().map_or(1.0, |w| if unit.n_phases > 1 { w.kv / 3f64.sqrt() } else { w.kv });
        let amps = kva / unit.n_phases as f64 / ln;
        common.rating = Rating { normal_a: amps, emergency_a: amps, seasonal_a: Vec::new() };
        common.reliability = unit.reliability;
        settle_r_dc(&mut unit.windings, unit.n_phases);
        self.add(Transformer {
            common,
            kind: TransformerKind::Ordinary,
            load_loss_pct: unit.windings.iter().map(|w| w.r_pct).sum(),
            windings: unit.windings,
            x_sc_pct: unit.x_sc_pct,
            no_load_loss_pct: unit.no_load_loss_pct,
            magnetising_pct: unit.magnetising_pct,
            antifloat_ppm: 1.0,
            lead_lag: unit.lead_lag,
            normal_kva: kva,
            emergency_kva: kva,
            thermal: THERMAL,
            is_substation: false,
            substation: String::new(),
            bank: unit.bank.to_owned(),
            code: unit.code,
            x_over_r_constant: false,
            core: "shell".into(),
            ratings_kva: vec![kva],
        })
    }

    /// Catalogue entries as transformer codes.
    pub(super) fn transformer_catalogue(&mut self) {
        for t in &self.model.transformer_types {
            let (Some(kva), Some(kv_1), Some(kv_2)) =
                (t.kva.filter(|v| *v > 0.0), t.kv_primary.filter(|v| *v > 0.0), t.kv_secondary.filter(|v| *v > 0.0))
            else {
                continue;
            };
            let (z, ratio) = (t.z1_pct.unwrap_or(0.0), t.xr1.unwrap_or(0.0));
            let r = z / (1.0 + ratio * ratio).sqrt();
            let n_phases = if is_single_phase(&t.kind) { 1 } else { 3 };
            let scale = if n_phases == 1 { 1.0 / 3f64.sqrt() } else { 1.0 };
            let side = |side: Option<Side>| if side.is_some_and(Side::is_delta) { Connection::Delta } else { Connection::Wye };
            let connection = t.connection;
            let mut windings = vec![
                winding(side(connection.map(|c| c.primary)), kv_1 * scale, kva),
                winding(side(connection.map(|c| c.secondary)), kv_2 * scale, kva),
            ];
            windings.iter_mut().for_each(|w| w.r_pct = r / 2.0);
            settle_r_dc(&mut windings, n_phases);
            let key = lower_case(&t.id);
            if self.transformer_codes.contains_key(&key) {
                continue;
            }
            let id = TransformerCodeId::from(self.out.network.transformer_codes.len());
            self.out.network.transformer_codes.push(TransformerCode {
                name: key.clone(),
                n_phases,
                windings,
                x_sc_pct: vec![if z > 0.0 { r * ratio } else { LEAST_X_PCT }],
                no_load_loss_pct: t.no_load_losses_kw.unwrap_or(0.0) / kva * 100.0,
                load_loss_pct: r,
                magnetising_pct: t.magnetizing_current_pct.unwrap_or(0.0),
                antifloat_ppm: 1.0,
                normal_kva: kva,
                emergency_kva: t.limit_1_kva.filter(|v| *v > 0.0).unwrap_or(kva),
                thermal: THERMAL,
            });
            self.transformer_codes.insert(key, id);
        }
    }

    pub(super) fn transformer(&mut self, topology: &Topology<'a>, link: &Link<'a>, d: &'a TransformerSetting) {
        let element = format!("transformer.{}", lower_case(&d.device_number));
        let Some(&t) = self.catalogue.transformers.get(&lower_case(&d.equipment)) else {
            return self.missing_equipment("transformer", &d.device_number, "TRANSFORMER", &d.equipment, &d.source);
        };
        let (bus_1, bus_2) = self.sides(topology, link, "transformer");
        let phases = topology.spans[link.span].phases;
        let phases = match d.phases {
            Some(on) if !on.and(phases).is_none() => on.and(phases),
            _ => phases,
        };
        let Some(connection) = d.connection.or(t.connection) else {
            self.find(
                Diagnostic::error("CYME.TRANSFORMER.CONNECTION", "the connection of the windings is not told")
                    .element(element)
                    .at(&d.source),
            );
            return;
        };
        let open = normalised(&d.open_phase);
        let open_phase = match open.as_str() {
            "a" | "1" => Some(0),
            "b" | "2" => Some(1),
            "c" | "3" => Some(2),
            _ => None,
        };
        let connection = if connection.primary == Side::OpenWye && open_phase.is_none() && phases == Phases::ABC {
            self.find(
                Diagnostic::warning(
                    "CYME.TRANSFORMER.OPEN_WITHOUT_PHASE",
                    "an open-wye to open-delta connection without an open phase is taken as earthed wye to delta",
                )
                .element(element.clone())
                .at(&d.source)
                .detail("Exports of CYME 8 write code 6 for Yg_D.")
                .hint("Check the connection in the study."),
            );
            self.converted("transformer setting.conn", "code 6 without an open phase: Yg_D", &d.source);
            TransformerConnection { primary: Side::GroundedWye, secondary: Side::Delta }
        } else {
            connection
        };
        let tap_1 = self.tap(d.primary_tap_pct, &element, &d.source);
        let tap_2 = self.tap(d.secondary_tap_pct, &element, &d.source);
        if t.is_ltc && !d.setting_option.is_empty() {
            self.find(
                Diagnostic::warning("CYME.TRANSFORMER.LTC", "the settings of a load tap changer are not modelled: its fixed taps are used")
                    .element(element.clone())
                    .at(&d.source),
            );
            self.dropped(
                "transformer setting.settingoption",
                "load tap changers of transformers are solved with their fixed taps",
                &d.source,
            );
        }
        let earth = Earthing {
            primary: (d.rg_primary_ohm.or(t.rg_primary_ohm).unwrap_or(0.0), d.xg_primary_ohm.or(t.xg_primary_ohm).unwrap_or(0.0)),
            secondary: (d.rg_secondary_ohm.or(t.rg_secondary_ohm).unwrap_or(0.0), d.xg_secondary_ohm.or(t.xg_secondary_ohm).unwrap_or(0.0)),
        };
        let shift = shift_deg(&d.phase_shift).or_else(|| shift_deg(&t.phase_shift));
        let bank = Bank {
            device: &d.device_number,
            source: &d.source,
            disconnected: d.disconnected,
            connection,
            shift,
            open_phase,
            taps: [tap_1, tap_2],
            earth,
        };
        let units = [Some(t); 3];
        self.bank(topology, link, &bank, units, phases, bus_1, bus_2);
        self.kept("transformer setting");
    }

    pub(super) fn transformer_by_phase(&mut self, topology: &Topology<'a>, link: &Link<'a>, d: &'a TransformerByPhase) {
        let element = format!("transformer.{}", lower_case(&d.device_number));
        let (bus_1, bus_2) = self.sides(topology, link, "transformer");
        let section_phases = topology.spans[link.span].phases;
        let mut units = [None; 3];
        let mut phases = Phases::NONE;
        for (i, id) in [&d.equipment_1, &d.equipment_2, &d.equipment_3].into_iter().enumerate() {
            if id.is_empty() || id.eq_ignore_ascii_case("none") {
                continue;
            }
            match self.catalogue.transformers.get(&lower_case(id)) {
                Some(t) => {
                    units[i] = Some(*t);
                    phases.0[i] = true;
                }
                None => return self.missing_equipment("transformer", &d.device_number, "TRANSFORMER", id, &d.source),
            }
        }
        let connection = d.connection.or_else(|| units.iter().flatten().next().and_then(|t| t.connection));
        let (Some(connection), false) = (connection, phases.is_none()) else {
            self.find(
                Diagnostic::error("CYME.TRANSFORMER.CONNECTION", "the units or the connection of the windings are not told")
                    .element(element)
                    .at(&d.source),
            );
            return;
        };
        let taps_1 = [d.primary_tap_1_pct, d.primary_tap_2_pct, d.primary_tap_3_pct];
        let taps_2 = [d.secondary_tap_1_pct, d.secondary_tap_2_pct, d.secondary_tap_3_pct];
        let earth = Earthing {
            primary: (d.rg_primary_ohm.unwrap_or(0.0), d.xg_primary_ohm.unwrap_or(0.0)),
            secondary: (d.rg_secondary_ohm.unwrap_or(0.0), d.xg_secondary_ohm.unwrap_or(0.0)),
        };
        // Units differ, so each is an element of its own.
        let open_phase = (0..3).find(|i| !phases.0[*i]);
        let shift = units.iter().flatten().find_map(|t| shift_deg(&t.phase_shift));
        for i in phases.indices() {
            let tap_1 = self.tap(taps_1[i], &element, &d.source);
            let tap_2 = self.tap(taps_2[i], &element, &d.source);
            let bank = Bank {
                device: &d.device_number,
                source: &d.source,
                disconnected: d.disconnected,
                connection,
                shift,
                open_phase,
                taps: [tap_1, tap_2],
                earth: Earthing { ..earth },
            };
            if let Some(t) = units[i] {
                let needed = if connection.primary.is_delta() {
                    Phases(std::array::from_fn(|k| k == i || k == (i + 1) % 3))
                } else {
                    Phases::single(i)
                };
                if !needed.without(section_phases).is_none() {
                    self.find(
                        Diagnostic::error(
                            "CYME.TRANSFORMER.PHASES",
                            format!("a unit stands on phase {}, which the section does not have", needed.letters()),
                        )
                        .element(element.clone())
                        .at(&d.source),
                    );
                    return;
                }
                self.one_phase_unit(topology, link, &bank, t, i, bus_1, bus_2, true);
            }
        }
        self.kept("transformer byphase setting");
    }

    /// A three-phase transformer, or a bank of one-phase units.
    #[allow(clippy::too_many_arguments)]
    fn bank(
        &mut self,
        topology: &Topology<'a>,
        link: &Link<'a>,
        bank: &Bank<'_>,
        units: [Option<&'a TransformerType>; 3],
        phases: Phases,
        bus_1: BusId,
        bus_2: BusId,
    ) {
        let element = format!("transformer.{}", lower_case(bank.device));
        let Some(t) = units[0] else { return };
        let TransformerConnection { primary, secondary } = bank.connection;
        if matches!(primary, Side::Zigzag) || matches!(secondary, Side::Zigzag) {
            self.find(
                Diagnostic::error("CYME.TRANSFORMER.ZIGZAG", "transformers with a zigzag winding are not modelled")
                    .element(element)
                    .at(bank.source)
                    .hint("Replace it by an earthed wye and an earthing transformer."),
            );
            return;
        }
        let single = is_single_phase(&t.kind);
        let plain = |side: Side| matches!(side, Side::GroundedWye | Side::Wye | Side::Delta);
        if phases == Phases::ABC && plain(primary) && plain(secondary) && bank.open_phase.is_none() {
            if single {
                self.find(
                    Diagnostic::note(
                        "CYME.TRANSFORMER.BANK_OF_UNITS",
                        format!("the one-phase transformer {:?} on three phases is a bank of three", t.id),
                    )
                    .element(element)
                    .at(bank.source)
                    .detail("Its kVA is that of one unit."),
                );
            }
            self.three_phase(topology, link, bank, t, single, bus_1, bus_2);
            return;
        }
        let closed_delta = primary == Side::Delta || secondary == Side::Delta;
        match bank.open_phase {
            _ if phases.count() == 1 || (!closed_delta && !primary.is_delta() && !secondary.is_delta()) => {
                for i in phases.indices() {
                    self.one_phase_unit(topology, link, bank, t, i, bus_1, bus_2, phases.count() > 1);
                }
            }
            Some(open) => {
                for i in (0..3).filter(|i| *i != open) {
                    self.one_phase_unit(topology, link, bank, t, i, bus_1, bus_2, true);
                }
            }
            None if phases.count() == 2 => {
                // One unit between the two phases.
                let i = match phases.0 {
                    [true, true, false] => 0,
                    [false, true, true] => 1,
                    _ => 2,
                };
                self.one_phase_unit(topology, link, bank, t, i, bus_1, bus_2, false);
            }
            None => {
                self.find(
                    Diagnostic::error("CYME.TRANSFORMER.OPEN_PHASE", "an open bank does not tell which phase is open")
                        .element(element)
                        .at(bank.source)
                        .hint("Set ODPrimPh to the phase without a unit."),
                );
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn three_phase(
        &mut self,
        topology: &Topology<'a>,
        link: &Link<'a>,
        bank: &Bank<'_>,
        t: &'a TransformerType,
        single: bool,
        bus_1: BusId,
        bus_2: BusId,
    ) {
        let element = format!("transformer.{}", lower_case(bank.device));
        let Some((kva_unit, mut kv_1, mut kv_2)) = self.rated(t, &element) else { return };
        let kva = if single { 3.0 * kva_unit } else { kva_unit };
        if (single || is_ln(&t.voltage_unit)) && self.base_ln(bus_1).is_some_and(|base| looks_line_to_neutral(kv_1, base)) {
            self.note_line_to_neutral(t, &element);
            kv_1 *= 3f64.sqrt();
            kv_2 *= 3f64.sqrt();
        }
        let leakage = self.leakage(&format!("TRANSFORMER {:?}", t.id), &element, t.z1_pct, t.xr1, &t.source);
        let TransformerConnection { primary, secondary } = bank.connection;
        let mut make = |side: Side, bus: BusId, kv: f64, tap: f64, earth: (f64, f64)| {
            let mut w = winding(if side.is_delta() { Connection::Delta } else { Connection::Wye }, kv, kva);
            w.tap_pu = tap;
            w.r_pct = leakage.r_pct / 2.0;
            let neutral = match side {
                Side::Wye => self.neutral_node(bus),
                Side::GroundedWye if earth != (0.0, 0.0) => {
                    (w.r_neutral_ohm, w.x_neutral_ohm) = earth;
                    self.neutral_node(bus)
                }
                _ => 0,
            };
            (w, Terminal::new(bus, vec![1, 2, 3, neutral]))
        };
        let (w1, end_1) = make(primary, bus_1, kv_1, bank.taps[0], bank.earth.primary);
        let (w2, end_2) = make(secondary, bus_2, kv_2, bank.taps[1], bank.earth.secondary);
        let lead_lag = self.lead_lag(bank, primary.is_delta() != secondary.is_delta(), kv_1 >= kv_2, &element);
        let no_load = t.no_load_losses_kw.unwrap_or(0.0) / kva_unit * 100.0;
        let code = self.transformer_codes.get(&lower_case(&t.id)).copied().filter(|_| !single);
        let unit = Unit {
            name: bank.device.to_owned(),
            terminals: vec![end_1, end_2],
            windings: vec![w1, w2],
            x_sc_pct: vec![leakage.x_pct],
            n_phases: 3,
            no_load_loss_pct: no_load,
            magnetising_pct: t.magnetizing_current_pct.unwrap_or(0.0),
            lead_lag,
            bank: "",
            disconnected: bank.disconnected,
            code,
            reliability: Reliability { fault_rate: t.fail_rate.unwrap_or(0.0), permanent_pct: 100.0, repair_h: t.repair_h.unwrap_or(0.0) },
        };
        let place = Self::place(topology, link, bank.device, bank.source);
        self.unit(&place, unit);
    }

    /// Which way the low side turns.
    fn lead_lag(&mut self, bank: &Bank<'_>, turns: bool, secondary_is_low: bool, element: &str) -> LeadLag {
        let lags = match (turns, bank.shift) {
            (false, None | Some(0)) => return LeadLag::Lag,
            (true, Some(-30)) => true,
            (true, Some(30)) => false,
            (true, None) => {
                self.defaulted("transformer setting.phaseshifttype", "330 degrees", "not told", bank.source);
                true
            }
            (turns, Some(deg)) => {
                let what = if turns { "between a wye and a delta" } else { "between windings of one kind" };
                let finding = Diagnostic::new(
                    "CYME.TRANSFORMER.PHASE_SHIFT",
                    network::Severity::Warning,
                    format!(
                        "a phase shift of {deg} degrees {what} is not possible; {} is taken",
                        if turns { "330 degrees" } else { "none" }
                    ),
                );
                self.find(finding.element(element).at(bank.source));
                self.defaulted(
                    "transformer setting.phaseshifttype",
                    "330 degrees or none",
                    "not possible with the connection",
                    bank.source,
                );
                true
            }
        };
        if lags == secondary_is_low { LeadLag::Lag } else { LeadLag::Lead }
    }

    /// Rated power and voltages; a finding where one is missing.
    fn rated(&mut self, t: &'a TransformerType, element: &str) -> Option<(f64, f64, f64)> {
        let positive = |v: Option<f64>| v.filter(|v| *v > 0.0);
        let unit = normalised(&t.voltage_unit);
        match (positive(t.kva), positive(t.kv_primary), positive(t.kv_secondary)) {
            (Some(kva), Some(kv_1), Some(kv_2)) if matches!(unit.as_str(), "" | "0" | "kvll" | "kvln" | "1") => Some((kva, kv_1, kv_2)),
            (Some(_), Some(_), Some(_)) => {
                self.find(
                    Diagnostic::error(
                        "CYME.TRANSFORMER.VOLTAGE_UNIT",
                        format!("TRANSFORMER {:?} has its voltages in unit {:?}, which is not known", t.id, t.voltage_unit),
                    )
                    .element(element)
                    .at(&t.source)
                    .hint("Set the voltage unit of the entry to kV line to line."),
                );
                None
            }
            _ => {
                self.find(
                    Diagnostic::error("CYME.TRANSFORMER.RATING", format!("TRANSFORMER {:?} lacks its kVA or a voltage", t.id))
                        .element(element)
                        .at(&t.source),
                );
                None
            }
        }
    }

    fn note_line_to_neutral(&mut self, t: &TransformerType, element: &str) {
        self.find(
            Diagnostic::note(
                "CYME.TRANSFORMER.LINE_TO_NEUTRAL",
                format!("the voltages of TRANSFORMER {:?} are taken as line to neutral", t.id),
            )
            .element(element)
            .at(&t.source)
            .detail("They fit the line-to-neutral voltage of the node, and the entry is a one-phase unit."),
        );
    }

    /// One unit of a bank over its own nodes. `of_many`: its name gets its phase.
    #[allow(clippy::too_many_arguments)]
    fn one_phase_unit(
        &mut self,
        topology: &Topology<'a>,
        link: &Link<'a>,
        bank: &Bank<'_>,
        t: &'a TransformerType,
        i: usize,
        bus_1: BusId,
        bus_2: BusId,
        of_many: bool,
    ) {
        let element = format!("transformer.{}", lower_case(bank.device));
        let Some((kva, mut kv_1, mut kv_2)) = self.rated(t, &element) else { return };
        // A three-phase entry on fewer phases gives each its third.
        let kva = if is_single_phase(&t.kind) {
            kva
        } else {
            self.converted("transformer.kva", "a third of a three-phase rating for a one-phase unit", bank.source);
            kva / 3.0
        };
        let single = is_single_phase(&t.kind) || is_ln(&t.voltage_unit);
        let TransformerConnection { primary, secondary } = bank.connection;
        let line_to_neutral = single && self.base_ln(bus_1).is_some_and(|base| looks_line_to_neutral(kv_1, base)) && !primary.is_delta();
        if line_to_neutral {
            self.note_line_to_neutral(t, &element);
        } else {
            // System voltages: across a wye winding line to neutral.
            if !primary.is_delta() {
                kv_1 /= 3f64.sqrt();
            }
            if !secondary.is_delta() && secondary != Side::CentreTap {
                kv_2 /= 3f64.sqrt();
            }
        }
        let leakage = self.leakage(&format!("TRANSFORMER {:?}", t.id), &element, t.z1_pct, t.xr1, &t.source);
        let lag = bank.shift.unwrap_or(-30) <= 0;
        let nodes = |side: Side, lag: bool| {
            let next = if lag { (i + 1) % 3 } else { (i + 2) % 3 };
            match side {
                Side::Delta | Side::OpenDelta => vec![i as u32 + 1, next as u32 + 1],
                _ => vec![i as u32 + 1, 0],
            }
        };
        if secondary == Side::CentreTap {
            self.find(
                Diagnostic::note(
                    "CYME.TRANSFORMER.CENTRE_TAP",
                    "the two legs of a centre-tapped secondary are one node at half its voltage",
                )
                .element(element.clone())
                .at(bank.source)
                .detail("Loads of both legs are taken together; an unequal load of the legs is not told apart."),
            );
            self.converted("transformer setting.conn", "centre-tapped secondary as one winding of half its voltage", bank.source);
            kv_2 /= 2.0;
        }
        // On one side a delta turns the phase; where both are deltas they stand between the same phases.
        let both = primary.is_delta() && secondary.is_delta();
        let span = topology.spans[link.span].phases;
        let (end_1, end_2) = match (primary.is_delta(), secondary.is_delta()) {
            // On two phases there is but one pair.
            (true, _) | (_, true) if span.count() == 2 && !of_many => {
                let side = |side: Side| if side.is_delta() { span.nodes() } else { vec![span.nodes()[0], 0] };
                (side(primary), side(secondary))
            }
            // The primary's unit between A and B feeds the secondary phase that lags by 30 degrees: A; leading, B, reversed.
            (true, false) if lag => (vec![i as u32 + 1, ((i + 2) % 3) as u32 + 1], nodes(secondary, lag)),
            (true, false) => (vec![i as u32 + 1, ((i + 1) % 3) as u32 + 1], nodes(secondary, lag)),
            _ => (nodes(primary, lag || both), nodes(secondary, lag || both)),
        };
        let floating = |side: Side| side == Side::Wye;
        let mut neutral = |side: Side, bus: BusId, mut nodes: Vec<u32>| {
            if floating(side) && of_many && nodes.len() == 2 && nodes[1] == 0 {
                // Units of a bank share their floating neutral.
                let shared = self.out.network.bus(bus).nodes.iter().copied().filter(|n| *n > 3).max();
                nodes[1] = match shared {
                    Some(node) => node,
                    None => self.neutral_node(bus),
                };
            }
            Terminal::new(bus, nodes)
        };
        let terminals = vec![neutral(primary, bus_1, end_1), neutral(secondary, bus_2, end_2)];
        let mut windings = vec![winding(Connection::Wye, kv_1, kva), winding(Connection::Wye, kv_2, kva)];
        for (w, tap) in windings.iter_mut().zip(bank.taps) {
            w.r_pct = leakage.r_pct / 2.0;
            w.tap_pu = tap;
        }
        if bank.earth.primary != (0.0, 0.0) || bank.earth.secondary != (0.0, 0.0) {
            self.find(
                Diagnostic::warning(
                    "CYME.TRANSFORMER.UNIT_EARTHING",
                    "the earthing impedance of a bank of one-phase units is not modelled: it is earthed solidly",
                )
                .element(element.clone())
                .at(bank.source),
            );
            self.dropped("transformer setting.rgprim", "earthing impedances of banks of one-phase units", bank.source);
        }
        let name = if of_many { format!("{}_{}", bank.device, ["a", "b", "c"][i]) } else { bank.device.to_owned() };
        let bank_name = if of_many { lower_case(bank.device) } else { String::new() };
        let unit = Unit {
            name,
            terminals,
            windings,
            x_sc_pct: vec![leakage.x_pct],
            n_phases: 1,
            no_load_loss_pct: t.no_load_losses_kw.unwrap_or(0.0) / t.kva.unwrap_or(kva) * 100.0,
            magnetising_pct: t.magnetizing_current_pct.unwrap_or(0.0),
            lead_lag: LeadLag::Lag,
            bank: &bank_name,
            disconnected: bank.disconnected,
            code: None,
            reliability: Reliability { fault_rate: t.fail_rate.unwrap_or(0.0), permanent_pct: 100.0, repair_h: t.repair_h.unwrap_or(0.0) },
        };
        let place = Self::place(topology, link, bank.device, bank.source);
        self.unit(&place, unit);
    }

    pub(super) fn autotransformer(&mut self, topology: &Topology<'a>, link: &Link<'a>, d: &'a AutoTransformerSetting) {
        let element = format!("transformer.{}", lower_case(&d.device_number));
        let Some(&t) = self.catalogue.autotransformers.get(&lower_case(&d.equipment)) else {
            return self.missing_equipment("transformer", &d.device_number, "AUTOTRANSFORMER", &d.equipment, &d.source);
        };
        let (bus_1, bus_2) = self.sides(topology, link, "transformer");
        let phases = topology.spans[link.span].phases;
        let positive = |v: Option<f64>| v.filter(|v| *v > 0.0);
        let (Some(kva), Some(kv_1), Some(kv_2)) = (positive(t.kva), positive(t.kv_primary), positive(t.kv_secondary)) else {
            self.find(
                Diagnostic::error("CYME.TRANSFORMER.RATING", format!("AUTOTRANSFORMER {:?} lacks its kVA or a voltage", t.id))
                    .element(element)
                    .at(&t.source),
            );
            return;
        };
        let earth = (d.rg_ohm.or(t.rg_ohm).unwrap_or(0.0), d.xg_ohm.or(t.xg_ohm).unwrap_or(0.0));
        let connection = d.connection.or(t.connection).unwrap_or(WindingConnection::GroundedWye);
        if connection != WindingConnection::GroundedWye || earth != (0.0, 0.0) {
            self.find(
                Diagnostic::warning(
                    "CYME.TRANSFORMER.AUTO_NEUTRAL",
                    "an autotransformer whose neutral is not solidly earthed is solved as if it were",
                )
                .element(element.clone())
                .at(&d.source),
            );
            self.dropped("autotransformer setting.rg", "autotransformers are earthed solidly", &d.source);
        }
        let leakage = self.leakage(&format!("AUTOTRANSFORMER {:?}", t.id), &element, t.z1_pct, t.xr1, &t.source);
        let tap_1 = self.tap(d.primary_tap_pct, &element, &d.source);
        let tap_2 = self.tap(d.secondary_tap_pct, &element, &d.source);
        let n = phases.count();
        let across = |kv: f64| if n == 1 { kv / 3f64.sqrt() } else { kv };
        let kva = kva * n as f64 / 3.0;
        let mut windings = vec![winding(Connection::Wye, across(kv_1), kva), winding(Connection::Wye, across(kv_2), kva)];
        for (w, tap) in windings.iter_mut().zip([tap_1, tap_2]) {
            w.r_pct = leakage.r_pct / 2.0;
            w.tap_pu = tap;
        }
        let ends = |bus: BusId| {
            let mut nodes = phases.nodes();
            nodes.push(0);
            Terminal::new(bus, nodes)
        };
        let unit = Unit {
            name: d.device_number.clone(),
            terminals: vec![ends(bus_1), ends(bus_2)],
            windings,
            x_sc_pct: vec![leakage.x_pct],
            n_phases: n,
            no_load_loss_pct: t.no_load_losses_kw.unwrap_or(0.0) / t.kva.unwrap_or(kva) * 100.0,
            magnetising_pct: t.magnetizing_current_pct.unwrap_or(0.0),
            lead_lag: LeadLag::Lag,
            bank: "",
            disconnected: d.disconnected,
            code: None,
            reliability: Reliability::default(),
        };
        let place = Self::place(topology, link, &d.device_number, &d.source);
        self.unit(&place, unit);
        self.converted(
            "autotransformer setting",
            "two windings in earthed wye: with a solidly earthed neutral the same equations",
            &d.source,
        );
    }

    pub(super) fn three_winding(&mut self, topology: &Topology<'a>, link: &Link<'a>, d: &'a ThreeWindingSetting) {
        let element = format!("transformer.{}", lower_case(&d.device_number));
        let Some(&t) = self.catalogue.three_winding.get(&lower_case(&d.equipment)) else {
            return self.missing_equipment("transformer", &d.device_number, "THREE WINDING TRANSFORMER", &d.equipment, &d.source);
        };
        let (bus_1, bus_2) = self.sides(topology, link, "transformer");
        let positive = |v: Option<f64>| v.filter(|v| *v > 0.0);
        let rated = (positive(t.kva_1), positive(t.kv_1), positive(t.kv_2), positive(t.kv_3));
        let (Some(kva), Some(kv_1), Some(kv_2), Some(kv_3)) = rated else {
            self.find(
                Diagnostic::error("CYME.TRANSFORMER.RATING", format!("THREE WINDING TRANSFORMER {:?} lacks its kVA or a voltage", t.id))
                    .element(element)
                    .at(&t.source),
            );
            return;
        };
        if topology.spans[link.span].phases != Phases::ABC {
            self.find(
                Diagnostic::error("CYME.TRANSFORMER.PHASES", "a three-winding transformer stands on a section of fewer than three phases")
                    .element(element)
                    .at(&d.source),
            );
            return;
        }
        let bus_3 = match topology.bus_of_node.get(&lower_case(&d.tertiary_node)) {
            Some(&bus) if !d.tertiary_node.is_empty() => bus,
            _ => {
                let name = format!("{}_tertiary", lower_case(&d.device_number).replace('.', "_"));
                self.converted(
                    "three winding transformer setting.tertiary",
                    "a tertiary without a node ends at a bus of its own",
                    &d.source,
                );
                self.out.network.bus_or_add(&name)
            }
        };
        let kv = [kv_1, kv_2, kv_3];
        let taps = [d.primary_tap_pct, d.secondary_tap_pct, d.tertiary_tap_pct];
        let earth = [(t.rg_1_ohm, t.xg_1_ohm), (t.rg_2_ohm, t.xg_2_ohm), (t.rg_3_ohm, t.xg_3_ohm)];
        let connections = [t.connection_1, t.connection_2, t.connection_3];
        let pairs = [(t.z12_pct, t.xr12), (t.z13_pct, t.xr13), (t.z23_pct, t.xr23)];
        let mut r = [0.0; 3];
        let mut x_sc_pct = Vec::with_capacity(3);
        for (k, (z, xr)) in pairs.into_iter().enumerate() {
            let leakage = self.leakage(&format!("THREE WINDING TRANSFORMER {:?}", t.id), &element, z, xr, &t.source);
            r[k] = leakage.r_pct;
            x_sc_pct.push(leakage.x_pct);
        }
        let r_winding = [(r[0] + r[1] - r[2]) / 2.0, (r[0] + r[2] - r[1]) / 2.0, (r[1] + r[2] - r[0]) / 2.0];
        let mut windings = Vec::with_capacity(3);
        let mut terminals = Vec::with_capacity(3);
        for (k, bus) in [bus_1, bus_2, bus_3].into_iter().enumerate() {
            let connection = connections[k].unwrap_or(if k == 2 { WindingConnection::Delta } else { WindingConnection::GroundedWye });
            let delta = matches!(connection, WindingConnection::Delta | WindingConnection::GroundedDelta | WindingConnection::ClosedDelta);
            if !delta && !matches!(connection, WindingConnection::GroundedWye | WindingConnection::Wye) {
                self.find(
                    Diagnostic::error(
                        "CYME.TRANSFORMER.CONNECTION",
                        format!("winding {} of a three-winding transformer is {connection:?}", k + 1),
                    )
                    .element(element)
                    .at(&t.source),
                );
                return;
            }
            let mut w = winding(if delta { Connection::Delta } else { Connection::Wye }, kv[k], kva);
            w.tap_pu = self.tap(taps[k], &element, &d.source);
            w.r_pct = r_winding[k];
            let (rg, xg) = (earth[k].0.unwrap_or(0.0), earth[k].1.unwrap_or(0.0));
            let neutral = match connection {
                WindingConnection::Wye => self.neutral_node(bus),
                WindingConnection::GroundedWye if (rg, xg) != (0.0, 0.0) => {
                    (w.r_neutral_ohm, w.x_neutral_ohm) = (rg, xg);
                    self.neutral_node(bus)
                }
                _ => 0,
            };
            terminals.push(Terminal::new(bus, vec![1, 2, 3, neutral]));
            windings.push(w);
        }
        if self.base_ln_kv.len() < self.out.network.buses.len() {
            self.base_ln_kv.resize(self.out.network.buses.len(), 0.0);
        }
        if self.base_ln_kv[bus_3.index()] == 0.0 {
            self.base_ln_kv[bus_3.index()] = kv_3 / 3f64.sqrt();
        }
        let shift = shift_deg(&t.shift_12).or_else(|| shift_deg(&t.shift_13));
        let no_connection = TransformerConnection { primary: Side::GroundedWye, secondary: Side::GroundedWye };
        let bank = Bank {
            device: &d.device_number,
            source: &d.source,
            disconnected: d.disconnected,
            connection: no_connection,
            shift,
            open_phase: None,
            taps: [1.0; 2],
            earth: Earthing { primary: (0.0, 0.0), secondary: (0.0, 0.0) },
        };
        let kinds: Vec<bool> = windings.iter().map(|w| w.connection == Connection::Delta).collect();
        let turns = kinds.iter().any(|k| *k != kinds[0]);
        let lead_lag = self.lead_lag(&bank, turns && shift.is_none_or(|s| s != 0), kv_1 >= kv_2, &element);
        let unit = Unit {
            name: d.device_number.clone(),
            terminals,
            windings,
            x_sc_pct,
            n_phases: 3,
            no_load_loss_pct: t.no_load_losses_kw.unwrap_or(0.0) / kva * 100.0,
            magnetising_pct: t.magnetizing_current_pct.unwrap_or(0.0),
            lead_lag,
            bank: "",
            disconnected: d.disconnected,
            code: None,
            reliability: Reliability::default(),
        };
        let place = Self::place(topology, link, &d.device_number, &d.source);
        self.unit(&place, unit);
        self.kept("three winding transformer setting");
    }

    pub(super) fn regulator(&mut self, topology: &Topology<'a>, link: &Link<'a>, d: &'a RegulatorSetting) {
        let element = format!("transformer.{}", lower_case(&d.device_number));
        let entry = self.catalogue.regulators.get(&lower_case(&d.equipment)).copied();
        let Some(entry) = entry else {
            return self.missing_equipment("transformer", &d.device_number, "REGULATOR", &d.equipment, &d.source);
        };
        let (bus_1, bus_2) = self.sides(topology, link, "transformer");
        let phases = topology.spans[link.span].phases;
        if !matches!(d.connection, None | Some(WindingConnection::GroundedWye | WindingConnection::Wye)) {
            self.find(
                Diagnostic::error("CYME.REGULATOR.DELTA", "regulators connected line to line are not modelled")
                    .element(element)
                    .at(&d.source)
                    .hint("Replace it by units in wye, or read leniently to leave it out."),
            );
            return;
        }
        let boost = d.max_boost_pct.or(entry.max_boost_pct).filter(|b| *b > 0.0);
        let buck = d.max_buck_pct.or(entry.max_buck_pct).filter(|b| *b > 0.0);
        let n_taps = entry.n_taps.filter(|n| *n >= 2.0 && *n <= 1000.0);
        let (Some(boost), Some(n_taps)) = (boost.or(buck), n_taps) else {
            self.find(
                Diagnostic::error("CYME.REGULATOR.RANGE", format!("REGULATOR {:?} tells no range or no number of taps", entry.id))
                    .element(element)
                    .at(&entry.source),
            );
            return;
        };
        let buck = buck.unwrap_or(boost);
        let step_pct = boost / (n_taps / 2.0);
        let Some(base_ln) = self.base_ln(bus_1).or_else(|| self.base_ln(bus_2)).or(entry.kvln.filter(|kv| *kv > 0.0)) else {
            self.find(
                Diagnostic::error("CYME.REGULATOR.NO_VOLTAGE", "the nominal voltage at a regulator is not known")
                    .element(element)
                    .at(&d.source),
            );
            return;
        };
        let on = d.phases.unwrap_or(phases);
        let three_phase = phases == Phases::ABC;
        let partial = three_phase && on != phases && on.count() == 1;
        let ganged = partial && self.options.corrections.contains(&Correction::GangedRegulators);
        if partial && !ganged {
            let lead = on.indices().next().unwrap_or(0);
            self.find(
                Diagnostic::warning(
                    "CYME.REGULATOR.GANGED",
                    format!("a three-phase regulator is controlled on phase {} alone", on.letters()),
                )
                .element(element.clone())
                .at(&d.source)
                .detail(format!(
                    "Only phase {} has its tap ({}); the others are at neutral.",
                    ["A", "B", "C"][lead],
                    [d.tap_a, d.tap_b, d.tap_c][lead].unwrap_or(0.0)
                ))
                .hint(
                    "A ganged regulator moves all its phases with the controlled one: give the correction ganged-regulators if it is one.",
                ),
            );
        }
        let told = self.options.corrections.iter().find_map(|c| match c {
            Correction::RegulatorTaps { device, taps } if device.eq_ignore_ascii_case(&d.device_number) => Some(*taps),
            _ => None,
        });
        let mut taps = [d.tap_a.unwrap_or(0.0), d.tap_b.unwrap_or(0.0), d.tap_c.unwrap_or(0.0)];
        for i in phases.indices() {
            if !on.0[i] {
                taps[i] = 0.0;
            }
        }
        if ganged && let Some(lead) = on.indices().next() {
            taps = [taps[lead]; 3];
            self.converted(
                "regulator setting.tap",
                "all phases take the tap of the controlled phase (correction ganged-regulators)",
                &d.source,
            );
        }
        if let Some(told) = told {
            for (tap, told) in taps.iter_mut().zip(told) {
                *tap = told.map_or(*tap, f64::from);
            }
            self.converted("regulator setting.tap", "taps given as a correction", &d.source);
        }
        for i in phases.indices() {
            if taps[i].fract() != 0.0 || taps[i].abs() > n_taps / 2.0 {
                self.find(
                    Diagnostic::warning(
                        "CYME.REGULATOR.TAP",
                        format!("tap {} of phase {} is none of the {} positions", taps[i], ["A", "B", "C"][i], n_taps + 1.0),
                    )
                    .element(element.clone())
                    .at(&d.source)
                    .detail("It is used as written."),
                );
            }
        }
        let fixed = d.option == Some(RegulatorOption::FixedTap);
        if !fixed && !self.options.controls_act {
            let all: Vec<String> = phases.indices().map(|i| format!("{} {}", ["A", "B", "C"][i], taps[i])).collect();
            self.find(
                Diagnostic::note("CYME.REGULATOR.STORED_TAPS", "the taps are those that the study was saved with")
                    .element(element.clone())
                    .at(&d.source)
                    .detail(format!("Taps {}; its control is kept but does not act.", all.join(", ")))
                    .hint("Let controls act to have the taps recomputed."),
            );
        }
        let place = Self::place(topology, link, &d.device_number, &d.source);
        let units: Vec<Phases> = if ganged { vec![phases] } else { phases.indices().map(Phases::single).collect() };
        let extension = self.model.tap_changing.iter().find(|t| t.device_number.eq_ignore_ascii_case(&d.device_number));
        for unit_phases in units {
            let first = unit_phases.indices().next().unwrap_or(0);
            let n = unit_phases.count();
            let kv = if n > 1 { base_ln * 3f64.sqrt() } else { base_ln };
            let kva = REGULATOR_KVA * n as f64;
            let mut windings = vec![winding(Connection::Wye, kv, kva), winding(Connection::Wye, kv, kva)];
            windings[1].tap_pu = 1.0 + taps[first] * step_pct / 100.0;
            windings[1].tap_min_pu = 1.0 - buck / 100.0;
            windings[1].tap_max_pu = 1.0 + boost / 100.0;
            windings[1].n_taps = n_taps as u32;
            let ends = |bus: BusId| {
                let mut nodes = unit_phases.nodes();
                nodes.push(0);
                Terminal::new(bus, nodes)
            };
            let suffix = ["a", "b", "c"][first];
            let name = if n == 1 && phases.count() > 1 { format!("{}_{suffix}", d.device_number) } else { d.device_number.clone() };
            let bank = lower_case(&d.device_number);
            let unit = Unit {
                name: name.clone(),
                terminals: vec![ends(bus_1), ends(bus_2)],
                windings,
                x_sc_pct: vec![REGULATOR_X_PCT],
                n_phases: n,
                no_load_loss_pct: 0.0,
                magnetising_pct: 0.0,
                lead_lag: LeadLag::Lag,
                bank: if n == 1 { &bank } else { "" },
                disconnected: d.disconnected,
                code: None,
                reliability: Reliability::default(),
            };
            let transformer = self.unit(&place, unit);
            if let Some(amps) = entry
                .max_current_a
                .filter(|a| *a > 0.0)
                .or_else(|| entry.kva.zip(entry.kvln).map(|(kva, kv)| kva / (kv * boost / 100.0)).filter(|a| a.is_finite() && *a > 0.0))
            {
                let common = &mut self.out.network.transformers[transformer.index()].common;
                common.rating = Rating { normal_a: amps, emergency_a: amps, seasonal_a: Vec::new() };
            }
            let by_phase = |a: Option<f64>, b: Option<f64>, c: Option<f64>| [a, b, c][first];
            let Some(v_target_v) = by_phase(d.v_set_a, d.v_set_b, d.v_set_c).filter(|v| *v > 0.0) else { continue };
            let forward = SetPoint {
                v_target_v,
                band_v: by_phase(d.bandwidth_a, d.bandwidth_b, d.bandwidth_c).or(entry.bandwidth).unwrap_or(2.0),
                ldc_r_v: if d.option == Some(RegulatorOption::LineDrop) {
                    by_phase(d.r_set_a, d.r_set_b, d.r_set_c).unwrap_or(0.0)
                } else {
                    0.0
                },
                ldc_x_v: if d.option == Some(RegulatorOption::LineDrop) {
                    by_phase(d.x_set_a, d.x_set_b, d.x_set_c).unwrap_or(0.0)
                } else {
                    0.0
                },
                ldc_z_v: 0.0,
            };
            let reverse = SetPoint { v_target_v: d.reverse_v_set_a.filter(|v| *v > 0.0).unwrap_or(v_target_v), ..forward };
            let mut common = self.common(ElementKind::RegulatorControl, &name, &place, n, Vec::new());
            common.enabled = self.options.controls_act && !fixed && !d.disconnected && on.0[first];
            let pt = d.pt_ratio.or(entry.pt_ratio).filter(|v| *v > 0.0).unwrap_or(base_ln * 1000.0 / 120.0);
            self.add(RegulatorControl {
                common,
                transformer: Some(transformer),
                winding: 1,
                tap_winding: 1,
                forward,
                reverse,
                pt_ratio: pt,
                remote_pt_ratio: pt,
                ct_primary_a: d.ct_primary_a.or(entry.ct_primary_a).filter(|v| *v > 0.0).unwrap_or(300.0),
                pt_phase: MonitoredPhase::Phase(1),
                remote_bus: None,
                delay_s: extension.and_then(|e| e.delay_first_s).unwrap_or(15.0),
                tap_delay_s: extension.and_then(|e| e.delay_next_s).unwrap_or(2.0),
                max_tap_change: 16,
                inverse_time: extension.is_some_and(|e| e.inverse_time),
                v_limit_v: 0.0,
                reversible: d.reversible,
                reverse_neutral: false,
                reverse_threshold_kw: d.reverse_threshold.filter(|v| *v > 0.0).unwrap_or(100.0),
                reverse_delay_s: 60.0,
                cogeneration: false,
            });
        }
        self.converted(
            "regulator setting",
            "a one-phase transformer a phase with ratio 1 + tap · boost/(taps/2), 0.001 % reactance on 10 MVA",
            &d.source,
        );
    }
}

/// The voltages are line to neutral by the word of the catalogue.
fn is_ln(unit: &str) -> bool {
    matches!(normalised(unit).as_str(), "kvln" | "1")
}

/// A rated voltage that fits the line-to-neutral voltage of its node and not the line-to-line one.
fn looks_line_to_neutral(kv: f64, base_ln_kv: f64) -> bool {
    base_ln_kv > 0.0 && (kv / base_ln_kv - 1.0).abs() < 0.12
}

struct Earthing {
    primary: (f64, f64),
    secondary: (f64, f64),
}

/// What the units of a transformer share.
struct Bank<'b> {
    device: &'b str,
    source: &'b SourceRef,
    disconnected: bool,
    connection: TransformerConnection,
    shift: Option<i32>,
    open_phase: Option<usize>,
    taps: [f64; 2],
    earth: Earthing,
}
