//! From raw objects to the [`Network`]: replaying each object's log with OpenDSS's side effects.
//!
//! Every class has a function `lower(&mut Context, ObjectId) -> Result<()>` that replays the log of
//! one object, in order, into the class's own state, and adds what comes out to the network.
//!
//! Ids are known before anything is lowered: an object of a class becomes exactly one entry of one
//! vector of the network, so its place follows from the order of creation alone. References between
//! objects are therefore looked up by name at any time ([`Context::reference`],
//! [`Context::element`]), also to objects that come later.
//!
//! What a reference copies is another matter: a line takes its line code's numbers as they are when
//! the code is assigned, and `like` takes the other object's. Both replay the other object's log up to
//! the command that refers to it ([`Context::log_before`]).

pub mod conductor;
pub mod control_delivery;
pub mod control_der;
pub mod generator;
pub mod inverter;
pub mod line;
pub mod load;
pub mod machine;
pub mod meter;
pub mod options;
pub mod protection;
pub mod shape;
pub mod shunt;
pub mod source;
pub mod transformer;
mod typed;
pub mod unmodelled;

use std::collections::HashMap;

use network::{
    AnyElement, Common, ConductorId, Diagnostic, ElementId, ElementKind, LengthUnit, Network, Rating, Severity, SourceRef as NetworkSource,
    SpectrumId, Terminal,
};

use super::class::{ClassId, Kind};
use super::object::{Assignment, BusRef, Object, ObjectId, Rows, SourceRef, Sources, Store, Value};
use super::script::Model;

/// What lowering one object gives; the diagnostic is an error that the caller reports.
pub type Result<T> = std::result::Result<T, Box<Diagnostic>>;

/// A command number after every command.
pub const END: u32 = u32::MAX;

/// Choices of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LowerOptions {
    /// What would be refused is left out with a warning instead.
    pub lenient: bool,
}

/// State of one lowering: the raw objects, the network that grows, the findings.
pub struct Context<'a> {
    pub store: &'a Store,
    pub sources: &'a Sources,
    pub options: LowerOptions,
    pub network: Network,
    pub diagnostics: Vec<Diagnostic>,
    /// Place of each object in the vector of the network that its class goes to.
    places: Vec<u32>,
    file_names: Vec<std::sync::Arc<str>>,
    /// What lines told the geometries they are made from about the earth's resistivity.
    geometry_rho: line::GeometryRho,
    /// What the regulators' `tapnum` tell the transformers.
    tap_numbers: HashMap<ObjectId, Vec<transformer::TapNumber>>,
    active_windings: HashMap<ObjectId, usize>,
    /// Assignments that `like` may still replay.
    copies_left: std::cell::Cell<usize>,
}

/// Assignments that `like` may replay in one lowering. Chains of copies double what each one replays, so
/// that a short script could ask for more than any machine does.
const MAX_COPIES: usize = 10_000_000;

/// Most conductors of an element that are taken for meant.
pub const MAX_CONDUCTORS: usize = 100;

/// The length unit of a number of [`LENGTH_UNIT`](super::class::enums::LENGTH_UNIT).
pub fn length_unit(number: i32) -> LengthUnit {
    match number {
        1 => LengthUnit::Mile,
        2 => LengthUnit::Kilofoot,
        3 => LengthUnit::Kilometre,
        4 => LengthUnit::Metre,
        5 => LengthUnit::Foot,
        6 => LengthUnit::Inch,
        7 => LengthUnit::Centimetre,
        8 => LengthUnit::Millimetre,
        _ => LengthUnit::None,
    }
}

/// The word of a number of [`LINE_TYPE`](super::class::enums::LINE_TYPE).
pub fn line_type(number: i32) -> String {
    super::class::enums::LINE_TYPE.word(number).unwrap_or_default().to_owned()
}

/// A number of seasons: ratings beyond what was there are zero.
pub fn resize_ratings(ratings: &mut Vec<f64>, n: i32) {
    ratings.resize(usize::try_from(n).unwrap_or(0).min(MAX_CONDUCTORS), 0.0);
}

/// Ratings for the network: one rating for all the year is no seasonal rating.
pub fn finish_rating(mut rating: Rating) -> Rating {
    if rating.seasonal_a.len() <= 1 {
        rating.seasonal_a.clear();
    }
    rating
}

/// The symmetric matrix that rows give for `order` phases.
pub fn take_rows(ctx: &Context<'_>, object: &Object, assignment: &Assignment, rows: &Rows, order: usize) -> Result<Vec<f64>> {
    rows.symmetric(order).ok_or_else(|| {
        ctx.property_error(object, assignment, "READ.OPENDSS.BAD_MATRIX", format!("a row has more numbers than the {order} phases"))
    })
}

/// The vector of the network that a class's objects become part of.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Vector {
    Element(ElementKind),
    Conductors,
    Class(ClassId),
}

fn vector_of(class: ClassId) -> Vector {
    use ClassId::*;
    let kind = match class {
        WireData | CnData | TsData => return Vector::Conductors,
        LineCode | LoadShape | TShape | PriceShape | XyCurve | GrowthShape | TccCurve | Spectrum | LineSpacing | LineGeometry
        | XfmrCode | DynamicExp => return Vector::Class(class),
        Line => ElementKind::Line,
        Vsource => ElementKind::VoltageSource,
        Isource => ElementKind::CurrentSource,
        Load => ElementKind::Load,
        Transformer | AutoTrans => ElementKind::Transformer,
        RegControl => ElementKind::RegulatorControl,
        Capacitor => ElementKind::Capacitor,
        Reactor => ElementKind::Reactor,
        CapControl => ElementKind::CapacitorControl,
        Fault => ElementKind::Fault,
        Generator => ElementKind::Generator,
        Storage => ElementKind::Storage,
        StorageController => ElementKind::StorageController,
        Relay => ElementKind::Relay,
        Recloser => ElementKind::Recloser,
        Fuse => ElementKind::Fuse,
        SwtControl => ElementKind::SwitchControl,
        PvSystem => ElementKind::PvSystem,
        IndMach012 => ElementKind::InductionMachine,
        InvControl => ElementKind::InverterControl,
        ExpControl => ElementKind::ExponentialControl,
        GicLine => ElementKind::GicLine,
        GicTransformer => ElementKind::GicTransformer,
        Monitor => ElementKind::Monitor,
        EnergyMeter => ElementKind::EnergyMeter,
        Sensor => ElementKind::Sensor,
        Vccs | GenDispatcher | Upfc | UpfcControl | EspvlControl | GicSource | VsConverter => ElementKind::Unmodelled,
    };
    Vector::Element(kind)
}

/// What [`lower`] gives.
#[derive(Debug, Clone)]
pub struct Lowered {
    pub network: Network,
    /// Warnings and notes, and errors that leniency turned into warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// The winding (from 1) that `wdg` has chosen last, of each transformer.
    pub active_windings: HashMap<ObjectId, usize>,
    /// The object behind each element of `network.order`.
    objects: Vec<ObjectId>,
    /// Position in `network.order` of each element.
    positions: HashMap<ElementId, usize>,
}

impl Lowered {
    /// The object that became an element.
    pub fn object_of(&self, id: ElementId) -> Option<ObjectId> {
        self.positions.get(&id).map(|&i| self.objects[i])
    }
}

/// Takes options, voltage bases and coordinates of a model whose objects have not changed.
pub fn refresh(network: &mut Network, model: &Model) {
    options::renew(network, model);
    describe_buses(network, model);
}

/// Lowers all objects of a script in the order of their creation.
///
/// Buses stand in the order in which OpenDSS numbers them: as enabled elements name them, then those
/// that only disabled elements name.
///
/// # Errors
/// All errors found, with the warnings, when there is at least one.
pub fn lower(model: &Model, options: LowerOptions) -> std::result::Result<Lowered, Vec<Diagnostic>> {
    let mut ctx = Context::new(model.circuit.as_deref().unwrap_or_default(), &model.objects, &model.sources, options);
    ctx.network.options = options::lower(model, &mut ctx.diagnostics);
    transformer::collect_tap_numbers(&mut ctx);
    for (id, _) in model.objects.iter() {
        if let Err(diagnostic) = lower_object(&mut ctx, id) {
            ctx.diagnostics.push(*diagnostic);
        }
    }
    if ctx.diagnostics.iter().any(|d| d.severity == Severity::Error) {
        return Err(ctx.diagnostics);
    }
    line::settle_geometry_rho(&mut ctx);
    protection::open_switched(&mut ctx.network);
    ctx.settle_buses();
    describe_buses(&mut ctx.network, model);
    let positions = ctx.network.order.iter().enumerate().map(|(i, &id)| (id, i)).collect();
    let objects = model.objects.iter().map(|(id, _)| id).filter(|&id| ctx.element_id(id).is_some()).collect();
    Ok(Lowered { network: ctx.network, diagnostics: ctx.diagnostics, active_windings: ctx.active_windings, objects, positions })
}

fn lower_object(ctx: &mut Context<'_>, id: ObjectId) -> Result<()> {
    let object = ctx.store.get(id);
    match object.class {
        ClassId::LineCode => line::lower_code(ctx, id),
        ClassId::WireData | ClassId::CnData | ClassId::TsData => conductor::lower_wire(ctx, id),
        ClassId::LineSpacing => conductor::lower_spacing(ctx, id),
        ClassId::LineGeometry => conductor::lower_geometry(ctx, id),
        ClassId::Line => line::lower(ctx, id),
        ClassId::RegControl => control_delivery::lower_regulator(ctx, id),
        ClassId::CapControl => control_delivery::lower_capacitor_control(ctx, id),
        ClassId::Vsource => source::lower_voltage(ctx, id),
        ClassId::Isource => source::lower_current(ctx, id),
        ClassId::Capacitor => shunt::lower_capacitor(ctx, id),
        ClassId::Reactor => shunt::lower_reactor(ctx, id),
        ClassId::Fault => shunt::lower_fault(ctx, id),
        ClassId::GicTransformer => shunt::lower_gic_transformer(ctx, id),
        ClassId::GicLine => shunt::lower_gic_line(ctx, id),
        ClassId::XfmrCode => transformer::lower_code(ctx, id),
        ClassId::Transformer | ClassId::AutoTrans => transformer::lower(ctx, id),
        ClassId::LoadShape => shape::lower_load_shape(ctx, id),
        ClassId::TShape => shape::lower_temperature_shape(ctx, id),
        ClassId::PriceShape => shape::lower_price_shape(ctx, id),
        ClassId::XyCurve => shape::lower_xy_curve(ctx, id),
        ClassId::GrowthShape => shape::lower_growth_shape(ctx, id),
        ClassId::TccCurve => shape::lower_tcc_curve(ctx, id),
        ClassId::Spectrum => shape::lower_spectrum(ctx, id),
        ClassId::Load => load::lower_load(ctx, id),
        ClassId::Generator => generator::lower_generator(ctx, id),
        ClassId::PvSystem => inverter::lower_pv_system(ctx, id),
        ClassId::Storage => inverter::lower_storage(ctx, id),
        ClassId::IndMach012 => machine::lower_induction_machine(ctx, id),
        ClassId::InvControl => control_der::lower_inverter_control(ctx, id),
        ClassId::ExpControl => control_der::lower_exponential_control(ctx, id),
        ClassId::StorageController => control_der::lower_storage_controller(ctx, id),
        ClassId::SwtControl => protection::lower_switch_control(ctx, id),
        ClassId::Fuse => protection::lower_fuse(ctx, id),
        ClassId::Relay => protection::lower_relay(ctx, id),
        ClassId::Recloser => protection::lower_recloser(ctx, id),
        ClassId::Monitor => meter::lower_monitor(ctx, id),
        ClassId::EnergyMeter => meter::lower_energy_meter(ctx, id),
        ClassId::Sensor => meter::lower_sensor(ctx, id),
        ClassId::Vccs
        | ClassId::GenDispatcher
        | ClassId::Upfc
        | ClassId::UpfcControl
        | ClassId::EspvlControl
        | ClassId::GicSource
        | ClassId::VsConverter => unmodelled::lower_unmodelled(ctx, id),
        // Equations of time-domain solutions, which no element of the network refers to.
        ClassId::DynamicExp => Ok(()),
    }
}

impl<'a> Context<'a> {
    fn new(name: &str, store: &'a Store, sources: &'a Sources, options: LowerOptions) -> Self {
        let mut next: HashMap<Vector, u32> = HashMap::new();
        let places = store
            .iter()
            .map(|(_, object)| {
                let place = next.entry(vector_of(object.class)).or_insert(0);
                *place += 1;
                *place - 1
            })
            .collect();
        Context {
            store,
            sources,
            options,
            network: Network::new(name),
            diagnostics: Vec::new(),
            places,
            file_names: sources.paths.clone(),
            geometry_rho: Vec::new(),
            tap_numbers: HashMap::new(),
            active_windings: HashMap::new(),
            copies_left: std::cell::Cell::new(MAX_COPIES),
        }
    }

    /// The network's form of a place in the source.
    pub fn source(&self, source: SourceRef) -> NetworkSource {
        match self.file_names.get(source.file.0 as usize) {
            Some(file) => NetworkSource::new(file.clone(), source.line),
            None => NetworkSource::default(),
        }
    }

    /// An error about an object at a place in the source.
    pub fn error(&self, object: &Object, at: SourceRef, code: &str, message: impl Into<String>) -> Box<Diagnostic> {
        Box::new(Diagnostic::error(code, message).element(object.full_name().to_lowercase()).at(&self.source(at)))
    }

    /// An error about one assignment; the message names the property.
    pub fn property_error(&self, object: &Object, assignment: &Assignment, code: &str, message: impl std::fmt::Display) -> Box<Diagnostic> {
        let property = object.property(assignment).name;
        self.error(object, assignment.source, code, format!("{property}: {message}"))
    }

    /// Reports a warning about an object at a place in the source.
    pub fn warn(&mut self, object: &Object, at: SourceRef, code: &str, message: impl Into<String>) {
        let mut diagnostic = *self.error(object, at, code, message);
        diagnostic.severity = Severity::Warning;
        self.diagnostics.push(diagnostic);
    }

    /// Reports something that cannot be solved as it stands: an error, a warning when lenient.
    pub fn fault(&mut self, object: &Object, at: SourceRef, code: &str, message: impl Into<String>) {
        let mut diagnostic = *self.error(object, at, code, message);
        if self.options.lenient {
            diagnostic.severity = Severity::Warning;
        }
        self.diagnostics.push(diagnostic);
    }

    /// A number of phases.
    ///
    /// # Errors
    /// `READ.OPENDSS.IMPOSSIBLE_PHASES` below 1 or beyond [`MAX_CONDUCTORS`].
    pub fn phases(&self, object: &Object, assignment: &Assignment, n: i32) -> Result<usize> {
        match usize::try_from(n) {
            Ok(n) if (1..=MAX_CONDUCTORS).contains(&n) => Ok(n),
            _ => Err(self.property_error(object, assignment, "READ.OPENDSS.IMPOSSIBLE_PHASES", format!("{n} phases"))),
        }
    }

    /// Reports what would change the answer and is not supported: an error, a warning when lenient.
    pub fn refuse(&mut self, object: &Object, assignment: &Assignment, reason: impl std::fmt::Display) {
        let mut diagnostic = *self.property_error(object, assignment, "READ.OPENDSS.UNSUPPORTED_PROPERTY", reason);
        if self.options.lenient {
            diagnostic.severity = Severity::Warning;
        } else {
            diagnostic.hint = Some("Remove the property, or read with --lenient to go on without it.".into());
        }
        self.diagnostics.push(diagnostic);
    }

    /// The assignments of `object` made by commands before `command` ([`END`] for all), in order.
    ///
    /// The result does not borrow from the context, so the context may be changed while it is read.
    pub fn log_before(&self, object: &'a Object, command: u32) -> &'a [Assignment] {
        let n = object.log.partition_point(|a| a.command < command);
        &object.log[..n]
    }

    /// The object that an assignment names, by the class that the property's kind says.
    ///
    /// `None` when the text is empty or `none`, which takes a reference away.
    ///
    /// # Errors
    /// `READ.OPENDSS.UNDEFINED_REFERENCE` when there is no such object.
    pub fn referenced(&self, object: &Object, assignment: &Assignment) -> Result<Option<ObjectId>> {
        let (Kind::Object(class), Value::Object(name)) = (object.property(assignment).kind, &assignment.value) else {
            return Err(self.mismatch(object, assignment));
        };
        self.named(object, assignment, class, name)
    }

    /// The object of a class called `name`, for an assignment that says it.
    pub fn named(&self, object: &Object, assignment: &Assignment, class: ClassId, name: &str) -> Result<Option<ObjectId>> {
        if name.is_empty() || name.eq_ignore_ascii_case("none") {
            return Ok(None);
        }
        // A class in front of the name is allowed where it is the right one.
        let bare = match name.split_once('.') {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case(class.name()) => rest,
            _ => name,
        };
        match self.store.find(class, bare) {
            Some(id) => Ok(Some(id)),
            None => Err(self.undefined(object, assignment, &format!("{}.{bare}", class.name()))),
        }
    }

    /// As [`Context::referenced`], as a typed id of the network's catalogue.
    pub fn reference<T: From<usize>>(&self, object: &Object, assignment: &Assignment) -> Result<Option<T>> {
        Ok(self.referenced(object, assignment)?.map(|id| T::from(self.place(id))))
    }

    /// The object that a `like` copies, to be replayed up to the assignment's command; `None` when it
    /// is the object itself, which changes nothing.
    pub fn like(&self, object: &Object, assignment: &Assignment) -> Result<Option<ObjectId>> {
        let Some(name) = assignment.value.as_text() else {
            return Err(self.mismatch(object, assignment));
        };
        let other = self.named(object, assignment, object.class, name)?;
        let Some(other) = other.filter(|&id| self.store.get(id).name != object.name) else { return Ok(None) };
        let replayed = self.store.get(other).log.len() + 1;
        match self.copies_left.get().checked_sub(replayed) {
            Some(left) => {
                self.copies_left.set(left);
                Ok(Some(other))
            }
            None => Err(self.property_error(object, assignment, "READ.OPENDSS.TOO_MANY_COPIES", "copies of copies without end")),
        }
    }

    /// The spectrum of an element: the last one assigned, else the built-in one of its class.
    pub fn spectrum(&self, object: &Object, property: u16, built_in: &str) -> Result<Option<SpectrumId>> {
        match object.last(property) {
            Some(assignment) => self.reference(object, assignment),
            None => Ok(self.store.find(ClassId::Spectrum, built_in).map(|id| SpectrumId::from(self.place(id)))),
        }
    }

    /// The network's ids of a list of conductors of `class`.
    pub fn conductors(
        &self,
        object: &Object,
        assignment: &Assignment,
        names: &[std::sync::Arc<str>],
        class: ClassId,
    ) -> Result<Vec<ConductorId>> {
        names
            .iter()
            .map(|name| match self.named(object, assignment, class, name)? {
                Some(id) => Ok(ConductorId::from(self.place(id))),
                None => Err(self.undefined(object, assignment, &format!("{}.{name}", class.name()))),
            })
            .collect()
    }

    /// The element that `class.name` means; `None` for an empty text.
    ///
    /// # Errors
    /// `READ.OPENDSS.UNDEFINED_REFERENCE` when there is no such element.
    pub fn element(&self, object: &Object, assignment: &Assignment) -> Result<Option<ElementId>> {
        let Some(text) = assignment.value.as_text() else {
            return Err(self.mismatch(object, assignment));
        };
        if text.is_empty() || text.eq_ignore_ascii_case("none") {
            return Ok(None);
        }
        match self.find_element(text) {
            Some(id) => Ok(Some(id)),
            None => Err(self.undefined(object, assignment, text)),
        }
    }

    /// The element called `class.name`, letters in either case.
    pub fn find_element(&self, full_name: &str) -> Option<ElementId> {
        let (class, name) = full_name.split_once('.')?;
        let id = self.store.find(ClassId::find(class)?, name)?;
        self.element_id(id)
    }

    /// The network's id of an element; `None` for catalogue objects.
    pub fn element_id(&self, id: ObjectId) -> Option<ElementId> {
        match vector_of(self.store.get(id).class) {
            Vector::Element(kind) => Some(ElementId::new(kind, self.place(id))),
            _ => None,
        }
    }

    /// Place of an object in the vector of the network that its class goes to.
    pub fn place(&self, id: ObjectId) -> usize {
        self.places[id.0 as usize] as usize
    }

    /// An error: a name that nothing bears.
    pub fn undefined(&self, object: &Object, assignment: &Assignment, name: &str) -> Box<Diagnostic> {
        let mut diagnostic =
            self.property_error(object, assignment, "READ.OPENDSS.UNDEFINED_REFERENCE", format!("there is no \"{}\"", name.to_lowercase()));
        diagnostic.hint = Some("Define it before it is used, or correct the name.".into());
        diagnostic
    }

    /// An error: the value has another type than its property. The reader never makes one.
    pub fn mismatch(&self, object: &Object, assignment: &Assignment) -> Box<Diagnostic> {
        self.property_error(object, assignment, "READ.OPENDSS.BAD_VALUE", "value of an unexpected type")
    }

    /// What all elements have, for `object`; the terminals are still to come.
    pub fn common(&self, object: &Object, n_phases: usize) -> Common {
        let mut common = Common::new(&*object.name, n_phases);
        common.enabled = object.enabled;
        common.base_frequency_hz = object.defaults.base_frequency_hz;
        common.source = self.source(object.source);
        common
    }

    /// The terminal of `object` at position `index` (0-based) with OpenDSS's default nodes.
    ///
    /// Conductor `i` goes to the node written at its place; where none is written the phases go to
    /// nodes 1 to `n_phases` and further conductors to the earth. An unnamed bus is the element's
    /// own, `name_1` for the first terminal. Conductors that the script has opened are open.
    ///
    /// # Errors
    /// `READ.OPENDSS.IMPOSSIBLE_NODES` for a negative node.
    pub fn terminal(
        &mut self,
        object: &Object,
        index: usize,
        bus: Option<&BusRef>,
        n_phases: usize,
        n_conductors: usize,
    ) -> Result<Terminal> {
        let own_name;
        let (name, written): (&str, &[i32]) = match bus {
            Some(bus) if !bus.name.is_empty() => (&bus.name, &bus.nodes),
            _ => {
                own_name = format!("{}_{}", object.name, index + 1);
                (&own_name, &[])
            }
        };
        // Whatever made the number, a class without a check of its own included.
        if n_conductors > MAX_CONDUCTORS {
            return Err(self.error(
                object,
                object.source,
                "READ.OPENDSS.IMPOSSIBLE_PHASES",
                format!("{n_phases} phases make {n_conductors} conductors at bus \"{name}\"; at most {MAX_CONDUCTORS} are possible"),
            ));
        }
        if let Some(bad) = written.iter().find(|&&n| n < 0) {
            return Err(self.error(
                object,
                object.source,
                "READ.OPENDSS.IMPOSSIBLE_NODES",
                format!("bus \"{name}\" is asked for node {bad}; nodes count from 0, the earth"),
            ));
        }
        if let Some(extra) = written.iter().skip(n_conductors).find(|&&n| n != 0) {
            let message = format!(
                "bus \"{name}\" is given {} nodes for {n_conductors} conductors; node {extra} and what follows is not connected",
                written.len()
            );
            self.warn(object, object.source, "READ.OPENDSS.TOO_MANY_NODES", message);
        }
        let nodes: Vec<u32> = (0..n_conductors)
            .map(|i| match written.get(i) {
                Some(&node) => node as u32,
                None if i < n_phases => i as u32 + 1,
                None => 0,
            })
            .collect();
        let bus = self.network.bus_or_add(name);
        let mut terminal = Terminal::new(bus, nodes);
        for switching in &object.switching {
            if usize::from(switching.terminal) != index + 1 {
                continue;
            }
            match switching.conductor {
                0 => terminal.closed.iter_mut().for_each(|c| *c = !switching.open),
                c => {
                    if let Some(closed) = terminal.closed.get_mut(usize::from(c) - 1) {
                        *closed = !switching.open;
                    }
                }
            }
        }
        Ok(terminal)
    }

    /// Adds the element that `id` becomes.
    pub fn add(&mut self, id: ObjectId, element: impl Into<AnyElement>) {
        let added = self.network.add(element);
        debug_assert!(self.has_errors() || self.element_id(id) == Some(added), "{} is not at its place", self.store.get(id).full_name());
    }

    fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// Orders the buses and notes their nodes as OpenDSS does: enabled elements in the order of
    /// creation, terminal by terminal.
    fn settle_buses(&mut self) {
        let mut order = Vec::with_capacity(self.network.buses.len());
        let mut seen = vec![false; self.network.buses.len()];
        for enabled in [true, false] {
            for id in self.network.order.clone() {
                let common = self.network.common(id);
                if common.enabled != enabled {
                    continue;
                }
                for terminal in &common.terminals {
                    if !std::mem::replace(&mut seen[terminal.bus.index()], true) {
                        order.push(terminal.bus);
                    }
                }
            }
        }
        order.extend((0..seen.len()).filter(|&i| !seen[i]).map(network::BusId::from));
        self.network.renumber_buses(&order);
        for id in self.network.order.clone() {
            if !self.network.common(id).enabled {
                continue;
            }
            let terminals = self.network.common(id).terminals.clone();
            for terminal in terminals {
                for node in terminal.nodes {
                    self.network.note_node(terminal.bus, node);
                }
            }
        }
    }
}

/// Bases and coordinates of the buses, by name.
fn describe_buses(network: &mut Network, model: &Model) {
    for bus in &mut network.buses {
        bus.kv_base_ln = model.buses.base_kv_ln.get(bus.name.as_str()).copied().unwrap_or(0.0);
        let place = model.buses.coordinates.get(bus.name.as_str());
        bus.xy = place.map(|p| p.xy);
        bus.latitude_longitude_deg = place.filter(|p| p.is_on_earth).map(|p| (p.xy.1, p.xy.0));
    }
}
