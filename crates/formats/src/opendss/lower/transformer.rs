//! Transformers, autotransformers and transformer codes.
//!
//! The three classes share their windings' properties under the same names, so one state replays all
//! of them. `wdg` chooses the winding that single values mean; a list over the windings moves that
//! choice to the last one. The list of short-circuit reactances follows `xhl`, `xht` and `xlt` at the
//! end of each command that sets one of them, for up to three windings.

use network::{Connection, LeadLag, Rating, Reliability, TransformerCodeId, TransformerKind, TransformerThermal, Winding};

use super::{Context, END, Result, finish_rating, resize_ratings};
use crate::opendss::class::ClassId;
use crate::opendss::class::control::reg_control;
use crate::opendss::class::enums;
use crate::opendss::object::{Assignment, BusRef, Object, ObjectId, Value};

/// What a number of windings is taken for meant.
const MAX_WINDINGS: usize = 100;

/// What is given for a short-circuit reactance of zero: OpenDSS puts in its default, read as per unit.
const X_FOR_ZERO_PCT: [f64; 3] = [700.0, 3500.0, 3000.0];

#[derive(Clone)]
struct State {
    class: ClassId,
    n_phases: usize,
    windings: Vec<Winding>,
    r_dc_given: Vec<bool>,
    buses: Vec<Option<BusRef>>,
    active: usize,
    /// (1,2), (1,3), (2,3) as `xhl`, `xht`, `xlt`.
    x_pct: [f64; 3],
    x_changed: bool,
    x_sc_pct: Vec<f64>,
    load_loss_pct: f64,
    no_load_loss_pct: f64,
    magnetising_pct: f64,
    antifloat_ppm: f64,
    normal_kva: f64,
    emergency_kva: f64,
    ratings_kva: Vec<f64>,
    normal_a: Option<f64>,
    emergency_a: Option<f64>,
    thermal: TransformerThermal,
    lead: bool,
    x_over_r_constant: bool,
    core: i32,
    is_substation: bool,
    substation: String,
    bank: String,
    code: Option<ObjectId>,
    reliability: Reliability,
    base_frequency_hz: f64,
}

fn new_winding(class: ClassId, position: usize) -> Winding {
    Winding {
        connection: Connection::Wye,
        kv: if class == ClassId::AutoTrans && position == 0 { 115.0 } else { 12.47 },
        kva: 1000.0,
        tap_pu: 1.0,
        r_pct: 0.2,
        r_neutral_ohm: -1.0,
        x_neutral_ohm: 0.0,
        tap_min_pu: 0.9,
        tap_max_pu: 1.1,
        n_taps: 32,
        r_dc_ohm: 0.0,
    }
}

impl State {
    fn new(object: &Object) -> Self {
        let class = object.class;
        let x_hl = if class == ClassId::AutoTrans { 10.0 } else { 7.0 };
        State {
            class,
            n_phases: 3,
            windings: (0..2).map(|i| new_winding(class, i)).collect(),
            r_dc_given: vec![false; 2],
            buses: vec![None; 2],
            active: 0,
            x_pct: [x_hl, 35.0, 30.0],
            x_changed: false,
            // A code starts without a reactance between its windings until one is given.
            x_sc_pct: vec![if class == ClassId::XfmrCode { 0.0 } else { x_hl }],
            load_loss_pct: 0.4,
            no_load_loss_pct: 0.0,
            magnetising_pct: 0.0,
            antifloat_ppm: 1.0,
            normal_kva: 1100.0,
            emergency_kva: 1500.0,
            ratings_kva: vec![if class == ClassId::XfmrCode { 600.0 } else { 1100.0 }],
            normal_a: None,
            emergency_a: None,
            thermal: TransformerThermal { time_constant_h: 2.0, n: 0.8, m: 0.8, oil_rise_c: 65.0, hot_spot_rise_c: 15.0 },
            lead: false,
            x_over_r_constant: false,
            core: 0,
            is_substation: false,
            substation: String::new(),
            bank: String::new(),
            code: None,
            reliability: Reliability { fault_rate: 0.007, permanent_pct: 0.0, repair_h: 0.0 },
            base_frequency_hz: object.defaults.base_frequency_hz,
        }
    }

    /// All windings start anew; reactances that are already there stay.
    fn set_n_windings(&mut self, n: usize) {
        self.windings = (0..n).map(|i| new_winding(self.class, i)).collect();
        self.r_dc_given = vec![false; n];
        self.buses.resize(n, None);
        self.x_sc_pct.resize(n * (n - 1) / 2, 30.0);
        self.active = self.active.min(n - 1);
    }

    fn update_load_loss(&mut self) {
        self.load_loss_pct = self.windings[0].r_pct + self.windings.get(1).map_or(0.0, |w| w.r_pct);
    }

    /// Ratings follow the first winding's when that is set.
    fn update_ratings(&mut self) {
        self.normal_kva = 1.1 * self.windings[0].kva;
        self.emergency_kva = 1.5 * self.windings[0].kva;
    }

    /// What OpenDSS does when a command has been read.
    fn end_command(&mut self) {
        if self.x_changed {
            if self.windings.len() <= 3 {
                for (to, from) in self.x_sc_pct.iter_mut().zip(self.x_pct) {
                    *to = from;
                }
            }
            self.x_changed = false;
        }
    }

    /// Takes the electrical data of a code or of another transformer; `whole` also takes what only a
    /// code hands on: magnetising current and anti-float factor.
    fn take(&mut self, other: &State, whole: bool) {
        self.n_phases = other.n_phases;
        self.buses.resize(other.windings.len(), None);
        self.windings = other.windings.clone();
        self.r_dc_given = other.r_dc_given.clone();
        self.active = self.active.min(self.windings.len() - 1);
        self.x_pct = other.x_pct;
        self.x_sc_pct = other.x_sc_pct.clone();
        self.thermal = other.thermal;
        self.load_loss_pct = other.load_loss_pct;
        self.no_load_loss_pct = other.no_load_loss_pct;
        self.normal_kva = other.normal_kva;
        self.emergency_kva = other.emergency_kva;
        self.ratings_kva = other.ratings_kva.clone();
        if whole {
            self.magnetising_pct = other.magnetising_pct;
            self.antifloat_ppm = other.antifloat_ppm;
        }
    }

    /// Rated voltage across a winding, V.
    fn winding_v(&self, i: usize) -> f64 {
        let three = matches!(self.n_phases, 2 | 3);
        let w = &self.windings[i];
        let kv = match (self.class, i) {
            (ClassId::AutoTrans, 0) => {
                let series = w.kv - self.windings.get(1).map_or(0.0, |c| c.kv);
                let series = if three { series / 3f64.sqrt() } else { series };
                if series == 0.0 { w.kv * 0.0001 } else { series }
            }
            _ if w.connection == Connection::Wye && three => w.kv / 3f64.sqrt(),
            _ => w.kv,
        };
        kv * 1000.0
    }
}

fn state_before(ctx: &Context<'_>, id: ObjectId, command: u32) -> Result<State> {
    let object = ctx.store.get(id);
    let mut state = State::new(object);
    let tap_numbers = ctx.tap_numbers.get(&id).map_or(&[][..], |v| v);
    let mut next_tap = 0;
    let log = ctx.log_before(object, command);
    for (i, a) in log.iter().enumerate() {
        while next_tap < tap_numbers.len() && tap_numbers[next_tap].command < a.command {
            tap_numbers[next_tap].apply(&mut state.windings);
            next_tap += 1;
        }
        set(ctx, object, a, &mut state)?;
        if log.get(i + 1).is_none_or(|next| next.command != a.command) {
            state.end_command();
        }
    }
    for number in &tap_numbers[next_tap..] {
        if number.command < command {
            number.apply(&mut state.windings);
        }
    }
    Ok(state)
}

fn set(ctx: &Context<'_>, object: &Object, a: &Assignment, s: &mut State) -> Result<()> {
    let name = object.property(a).name;
    let n = s.windings.len();
    let active = s.active;
    let bad = |message: String| Err(ctx.property_error(object, a, "READ.OPENDSS.BAD_VALUE", message));
    match (name, &a.value) {
        ("Phases", Value::Integer(n)) => s.n_phases = ctx.phases(object, a, *n)?,
        ("Windings", Value::Integer(n)) => match usize::try_from(*n) {
            Ok(n) if (2..=MAX_WINDINGS).contains(&n) => s.set_n_windings(n),
            _ => return bad(format!("{n} windings")),
        },
        ("Wdg", Value::Integer(i)) => match usize::try_from(*i) {
            Ok(i) if (1..=n).contains(&i) => s.active = i - 1,
            _ => return bad(format!("winding {i} of {n}")),
        },
        ("Bus", Value::Bus(bus)) => s.buses[active] = Some(BusRef::clone(bus)),
        ("Conn", Value::Enum(c)) => s.windings[active].connection = connection(s.class, active, *c),
        ("kV", Value::Real(x)) => s.windings[active].kv = *x,
        ("kVA", Value::Real(x)) => {
            s.windings[active].kva = *x;
            if active == 0 {
                s.windings.iter_mut().for_each(|w| w.kva = *x);
                s.update_ratings();
            } else if n == 2 {
                s.windings[0].kva = *x;
            }
        }
        ("Tap", Value::Real(x)) => s.windings[active].tap_pu = *x,
        ("%R", Value::Real(x)) => {
            s.windings[active].r_pct = *x;
            s.update_load_loss();
        }
        ("RNeut", Value::Real(x)) => s.windings[active].r_neutral_ohm = *x,
        ("XNeut", Value::Real(x)) => s.windings[active].x_neutral_ohm = *x,
        ("Buses", Value::Buses(buses)) => {
            for (to, bus) in s.buses.iter_mut().zip(buses.iter()) {
                if !bus.name.is_empty() {
                    *to = Some(bus.clone());
                }
            }
            s.active = n - 1;
        }
        ("Conns", Value::Enums(numbers)) => {
            let class = s.class;
            for (i, (w, number)) in s.windings.iter_mut().zip(numbers.iter()).enumerate() {
                if let Some(number) = number {
                    w.connection = connection(class, i, *number);
                }
            }
            s.active = n - 1;
        }
        ("kVs" | "kVAs" | "Taps" | "%Rs", Value::Slots(values)) => {
            for (w, value) in s.windings.iter_mut().zip(values.iter()) {
                let Some(value) = value else { continue };
                match name {
                    "kVs" => w.kv = *value,
                    "kVAs" => w.kva = *value,
                    "Taps" => w.tap_pu = *value,
                    _ => w.r_pct = *value,
                }
            }
            match name {
                "kVAs" => s.update_ratings(),
                "%Rs" => s.update_load_loss(),
                _ => {}
            }
            s.active = n - 1;
        }
        ("XHL" | "X12" | "XHX", Value::Real(x)) => set_x(s, 0, *x),
        ("XHT" | "X13", Value::Real(x)) => set_x(s, 1, *x),
        ("XLT" | "X23" | "XXT", Value::Real(x)) => set_x(s, 2, *x),
        ("XSCArray", Value::Reals(x)) => s.x_sc_pct.iter_mut().zip(x.iter()).for_each(|(to, from)| *to = *from),
        ("Thermal", Value::Real(x)) => s.thermal.time_constant_h = *x,
        ("n", Value::Real(x)) => s.thermal.n = *x,
        ("m", Value::Real(x)) => s.thermal.m = *x,
        ("FLRise", Value::Real(x)) => s.thermal.oil_rise_c = *x,
        ("HSRise", Value::Real(x)) => s.thermal.hot_spot_rise_c = *x,
        ("%LoadLoss", Value::Real(x)) => {
            s.load_loss_pct = *x;
            s.windings.iter_mut().take(2).for_each(|w| w.r_pct = x / 2.0);
        }
        ("%NoLoadLoss", Value::Real(x)) => s.no_load_loss_pct = *x,
        ("%IMag", Value::Real(x)) => s.magnetising_pct = *x,
        ("ppm_Antifloat", Value::Real(x)) => s.antifloat_ppm = *x,
        ("NormHkVA", Value::Real(x)) => s.normal_kva = *x,
        ("EmergHkVA", Value::Real(x)) => s.emergency_kva = *x,
        ("Sub", Value::Boolean(b)) => s.is_substation = *b,
        ("MaxTap", Value::Real(x)) => s.windings[active].tap_max_pu = *x,
        ("MinTap", Value::Real(x)) => s.windings[active].tap_min_pu = *x,
        ("NumTaps", Value::Integer(n)) => s.windings[active].n_taps = u32::try_from(*n).unwrap_or(0),
        ("SubName", Value::Text(text)) => s.substation = text.to_string(),
        ("Bank", Value::Text(text)) => s.bank = text.to_string(),
        ("XfmrCode", _) => {
            s.code = ctx.referenced(object, a)?;
            if let Some(code) = s.code {
                let code = state_before(ctx, code, a.command)?;
                s.take(&code, true);
                s.end_command();
            }
        }
        ("XRConst", Value::Boolean(b)) => s.x_over_r_constant = *b,
        ("LeadLag", Value::Enum(n)) => s.lead = *n == 1,
        ("Core", Value::Enum(n)) => s.core = *n,
        ("RDCOhms", Value::Real(x)) => {
            s.windings[active].r_dc_ohm = *x;
            s.r_dc_given[active] = true;
        }
        ("Seasons", Value::Integer(n)) => resize_ratings(&mut s.ratings_kva, *n),
        ("Ratings", Value::Reals(x)) => s.ratings_kva = x.to_vec(),
        ("NormAmps", Value::Real(x)) => s.normal_a = Some(*x),
        ("EmergAmps", Value::Real(x)) => s.emergency_a = Some(*x),
        ("FaultRate", Value::Real(x)) => s.reliability.fault_rate = *x,
        ("pctPerm", Value::Real(x)) => s.reliability.permanent_pct = *x,
        ("Repair", Value::Real(x)) => s.reliability.repair_h = *x,
        ("BaseFreq", Value::Real(x)) => s.base_frequency_hz = *x,
        ("Enabled" | "WdgCurrents", _) => {}
        ("Like", _) => {
            if let Some(other) = ctx.like(object, a)? {
                let other = state_before(ctx, other, a.command)?;
                s.take(&other, false);
                s.x_over_r_constant = other.x_over_r_constant;
                if s.class != ClassId::XfmrCode {
                    s.bank = other.bank;
                    s.code = other.code;
                    s.reliability = other.reliability;
                    s.base_frequency_hz = other.base_frequency_hz;
                }
            }
        }
        _ => return Err(ctx.mismatch(object, a)),
    }
    Ok(())
}

/// The series and common windings of an autotransformer are always connected as such.
fn connection(class: ClassId, winding: usize, number: i32) -> Connection {
    if number == 1 && !(class == ClassId::AutoTrans && winding < 2) { Connection::Delta } else { Connection::Wye }
}

fn set_x(s: &mut State, position: usize, x_pct: f64) {
    let trapped = x_pct == 0.0 && s.class == ClassId::Transformer;
    s.x_pct[position] = if trapped { X_FOR_ZERO_PCT[position] } else { x_pct };
    s.x_changed = true;
}

/// A tap position that a regulator's `tapnum` gave a winding of its transformer.
pub struct TapNumber {
    command: u32,
    /// 0-based.
    winding: usize,
    number: i32,
}

impl TapNumber {
    /// Steps from the middle of the range, within the range.
    fn apply(&self, windings: &mut [Winding]) {
        if let Some(w) = windings.get_mut(self.winding) {
            let middle = (w.tap_max_pu + w.tap_min_pu) / 2.0;
            let tap = f64::from(self.number) * w.tap_step_pu() + middle;
            w.tap_pu = if tap < w.tap_min_pu { w.tap_min_pu } else { tap.min(w.tap_max_pu) };
        }
    }
}

/// The transformer or autotransformer that a regulator names, with or without its class.
pub fn regulated(ctx: &Context<'_>, name: &str) -> Option<ObjectId> {
    match name.split_once('.') {
        Some((class, name)) => match ClassId::find(class)? {
            class @ (ClassId::Transformer | ClassId::AutoTrans) => ctx.store.find(class, name),
            _ => None,
        },
        None => ctx.store.find(ClassId::Transformer, name).or_else(|| ctx.store.find(ClassId::AutoTrans, name)),
    }
}

/// Collects what the regulators' `tapnum` tell the transformers, by transformer in order of command.
pub fn collect_tap_numbers(ctx: &mut Context<'_>) {
    use reg_control::Property as P;
    for (_, object) in ctx.store.of_class(ClassId::RegControl) {
        let (mut transformer, mut tap_winding) = (None, 0);
        for a in &object.log {
            match (P::of(a.property), &a.value) {
                (P::Transformer, value) => transformer = value.as_text().and_then(|name| regulated(ctx, name)),
                (P::Winding | P::TapWinding, Value::Integer(n)) => tap_winding = usize::try_from(*n).unwrap_or(1).max(1) - 1,
                (P::TapNum, Value::Integer(number)) => {
                    if let Some(id) = transformer {
                        let numbers = ctx.tap_numbers.entry(id).or_default();
                        numbers.push(TapNumber { command: a.command, winding: tap_winding, number: *number });
                    }
                }
                _ => {}
            }
        }
    }
    ctx.tap_numbers.values_mut().for_each(|numbers| numbers.sort_by_key(|n| n.command));
}

pub fn lower(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let object = ctx.store.get(id);
    let mut s = state_before(ctx, id, END)?;
    ctx.active_windings.insert(id, s.active + 1);
    let is_auto = object.class == ClassId::AutoTrans;
    let n_conductors = if is_auto { 2 * s.n_phases } else { s.n_phases + 1 };
    let mut common = ctx.common(object, s.n_phases);
    common.base_frequency_hz = s.base_frequency_hz;
    for (i, bus) in s.buses.iter().enumerate() {
        let mut terminal = ctx.terminal(object, i, bus.as_ref(), s.n_phases, n_conductors)?;
        // The common winding has one neutral: all its second ends go where the first one goes.
        if is_auto && i == 1 && terminal.nodes[s.n_phases] != 0 {
            let neutral = terminal.nodes[s.n_phases];
            terminal.nodes[s.n_phases..].fill(neutral);
        }
        common.terminals.push(terminal);
    }
    check(ctx, object, &s);

    // Normal current: rated power over the first winding's voltage to neutral.
    let first_kv = s.winding_v(0) / 1000.0;
    let to_neutral_kv = match (s.windings[0].connection, s.n_phases) {
        (Connection::Wye, _) | (Connection::Delta, 1) => first_kv,
        (Connection::Delta, 2 | 3) => first_kv / 3f64.sqrt(),
        (Connection::Delta, n) => first_kv * 0.5 / (std::f64::consts::PI / n as f64).sin(),
    };
    let amps = |kva: f64| kva / s.n_phases as f64 / to_neutral_kv;
    common.rating = finish_rating(Rating {
        normal_a: s.normal_a.unwrap_or_else(|| amps(s.normal_kva)),
        emergency_a: s.emergency_a.unwrap_or_else(|| amps(s.emergency_kva)),
        seasonal_a: s.ratings_kva.iter().map(|&kva| amps(1.1 * kva)).collect(),
    });
    common.reliability = s.reliability;
    settle_r_dc(&mut s);
    let element = network::Transformer {
        common,
        kind: if is_auto { TransformerKind::Auto } else { TransformerKind::Ordinary },
        windings: s.windings,
        x_sc_pct: s.x_sc_pct,
        no_load_loss_pct: s.no_load_loss_pct,
        load_loss_pct: s.load_loss_pct,
        magnetising_pct: s.magnetising_pct,
        antifloat_ppm: s.antifloat_ppm,
        lead_lag: if s.lead { LeadLag::Lead } else { LeadLag::Lag },
        normal_kva: s.normal_kva,
        emergency_kva: s.emergency_kva,
        thermal: s.thermal,
        is_substation: s.is_substation,
        substation: s.substation,
        bank: s.bank,
        code: s.code.map(|id| TransformerCodeId::from(ctx.place(id))),
        x_over_r_constant: s.x_over_r_constant,
        core: enums::CORE_TYPE.word(s.core).unwrap_or_default().to_owned(),
        ratings_kva: s.ratings_kva,
    };
    ctx.add(id, element);
    Ok(())
}

/// A winding's resistance to direct current is 0.85 of its series resistance unless it was given.
fn settle_r_dc(s: &mut State) {
    let va = s.windings[0].kva * 1000.0;
    for i in 0..s.windings.len() {
        if !s.r_dc_given[i] {
            let ohm = (0.85 * s.windings[i].r_pct / 100.0).abs() * s.winding_v(i).powi(2) / va;
            s.windings[i].r_dc_ohm = if ohm.is_finite() { ohm } else { 0.0 };
        }
    }
}

/// Reports what leaves the transformer without an admittance.
fn check(ctx: &mut Context<'_>, object: &Object, s: &State) {
    if !object.enabled {
        return;
    }
    let first_kva = s.windings[0].kva;
    if !(first_kva > 0.0 && first_kva.is_finite()) {
        let message = format!("kVA: the first winding is rated {first_kva} kVA, so its impedances have no base");
        ctx.fault(object, object.source, "READ.TRANSFORMER.NO_RATING", message);
    }
    for (i, w) in s.windings.iter().enumerate() {
        if !(w.kv > 0.0 && w.kv.is_finite()) {
            let message = format!("kV: winding {} is rated {} kV", i + 1, w.kv);
            ctx.fault(object, object.source, "READ.TRANSFORMER.NO_RATING", message);
        }
    }
    for (i, &x) in s.x_sc_pct.iter().enumerate().take(s.windings.len() - 1) {
        if x == 0.0 && s.windings[0].r_pct + s.windings[i + 1].r_pct == 0.0 {
            let message = format!("impedance between windings 1 and {} is zero (singular)", i + 2);
            ctx.fault(object, object.source, "READ.TRANSFORMER.SINGULAR_IMPEDANCE", message);
        }
    }
}

pub fn lower_code(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let object = ctx.store.get(id);
    let mut s = state_before(ctx, id, END)?;
    settle_r_dc(&mut s);
    ctx.network.transformer_codes.push(network::TransformerCode {
        name: object.name.to_string(),
        n_phases: s.n_phases,
        windings: s.windings,
        x_sc_pct: s.x_sc_pct,
        no_load_loss_pct: s.no_load_loss_pct,
        load_loss_pct: s.load_loss_pct,
        magnetising_pct: s.magnetising_pct,
        antifloat_ppm: s.antifloat_ppm,
        normal_kva: s.normal_kva,
        emergency_kva: s.emergency_kva,
        thermal: s.thermal,
    });
    Ok(())
}
