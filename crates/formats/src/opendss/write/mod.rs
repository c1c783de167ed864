//! From a [`Network`] to an OpenDSS script that reads back as the same network.
//!
//! ```text
//! Network ─► circuit and its source ─► catalogue ─► elements in their order ─► bases, switching, coordinates, options
//! ```
//!
//! A network holds resolved values, so the script says every value outright: a line has its matrices
//! unless its line code gives just these, a transformer its windings and no code. Properties at
//! OpenDSS's default are left unsaid. Order matters twice: elements keep theirs, because controls act
//! in it and buses are numbered by it; properties stand so that none undoes another that OpenDSS
//! derives from it (a rating after the power, a kvar after the kW).
//!
//! Nothing is left out in silence: what has no form in a script is a [`WriteError`], and what is
//! written in another form or left out because nothing in it changes a solution is in the ledger.

mod catalogue;
mod control;
mod conversion;
mod delivery;
mod resources;
mod text;

use std::path::Path;

use network::{
    Algorithm, Common, ControlMode, Disposition, EarthModel, ElementId, ElementKind, Ledger, LoadSolutionModel, Network, RandomType,
    ShapeClass, SolutionMode, Terminal,
};

use super::lower::{self, LowerOptions};
use super::script::{ReadOptions, Reader, RecordingHost};
use crate::files::MemoryFiles;
use text::{Command, number, word};

/// Name of the file of bus coordinates beside the master file.
pub const COORDINATES_FILE: &str = "buscoords.csv";

/// Where the points of the shape of this name are, relative to the master file; `None` for in the master file itself.
/// A path that ends in `.dbl` is a file of doubles (little-endian), any other one of one number a line.
pub type ShapeFile<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Name of the constant shape that stands for no default shape.
const NO_SHAPE: &str = "no_default_shape";

/// Choices of the caller.
#[derive(Default)]
pub struct WriteOptions<'a> {
    /// Files of load and temperature shapes; without it all points stand in the master file.
    pub shape_file: Option<ShapeFile<'a>>,
}

/// What writing gives.
#[derive(Debug, Clone)]
pub struct Written {
    /// The master file.
    pub master: String,
    /// The file [`COORDINATES_FILE`], which the master file names when there is one.
    pub coordinates: Option<String>,
    /// What became of the network's values.
    pub ledger: Ledger,
}

/// Why a network cannot be written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// Every OpenDSS circuit begins with this source.
    #[error("the network does not begin with the voltage source \"source\", as every OpenDSS circuit does; it begins with {found}")]
    NoSource { found: String },
    /// Nothing in a script says this.
    #[error("{object}: {property} cannot be written: {what}")]
    Unwritable { object: String, property: String, what: String },
    /// The class has no writer.
    #[error("{object}: elements of class {class} cannot be written to an OpenDSS script; remove it or disable its export")]
    UnsupportedClass { object: String, class: &'static str },
    /// The network refers to something it does not have.
    #[error("{object}: it refers to {what}, which the network does not have")]
    Dangling { object: String, what: String },
}

type Result<T> = std::result::Result<T, WriteError>;

/// Writes a network as an OpenDSS master file, with a file of coordinates where it has any.
///
/// # Errors
/// The first thing that no script can say; nothing is written in part.
///
/// # Method and source
/// Property meanings are those of DSS C-API 0.14.5, by way of this crate's reader. Checked by reading back: the same snapshot
/// solution within 1e-9 pu and the same control actions on the reference feeders (`tests/opendss_write.rs`).
pub fn write(network: &Network, options: &WriteOptions<'_>) -> Result<Written> {
    let mut writer = Writer { network, options, base_hz: network.options.base_frequency_hz, out: String::new(), ledger: Ledger::default() };
    writer.circuit()?;
    writer.catalogue()?;
    for &id in network.order.iter().skip(1) {
        writer.element(id)?;
    }
    writer.switching()?;
    writer.bases()?;
    let coordinates = writer.coordinates()?;
    writer.options()?;
    Ok(Written { master: writer.out, coordinates, ledger: writer.ledger })
}

struct Writer<'a> {
    network: &'a Network,
    options: &'a WriteOptions<'a>,
    /// The frequency that elements have when nothing else is said, Hz.
    base_hz: f64,
    out: String,
    ledger: Ledger,
}

/// Catalogue objects that every circuit has.
fn built_in() -> Network {
    let files = MemoryFiles::new().with("built_in.dss", "clear\nnew circuit.built_in\n");
    let mut host = RecordingHost::default();
    let mut reader = Reader::new(&files, ReadOptions::default(), &mut host);
    // A circuit of nothing but the built-in objects always reads.
    let _ = reader.compile(Path::new("built_in.dss"));
    let (model, _) = reader.finish();
    lower::lower(&model, LowerOptions::default()).map(|l| l.network).unwrap_or_default()
}

/// The word of a bus with the nodes that its conductors go to; those that would be taken anyway are left unsaid.
fn bus_text(network: &Network, terminal: &Terminal, n_phases: usize) -> String {
    let default = |i: usize| if i < n_phases { i as u32 + 1 } else { 0 };
    let said = (0..terminal.nodes.len()).rev().find(|&i| terminal.nodes[i] != default(i)).map_or(0, |i| i + 1);
    let mut text = network.bus(terminal.bus).name.clone();
    for node in &terminal.nodes[..said] {
        text.push_str(&format!(".{node}"));
    }
    text
}

impl<'a> Writer<'a> {
    fn push(&mut self, command: Command) -> Result<()> {
        self.out.push_str(&command.finish()?);
        self.out.push('\n');
        Ok(())
    }

    fn say(&mut self, line: impl AsRef<str>) {
        self.out.push_str(line.as_ref());
        self.out.push('\n');
    }

    fn kept(&mut self, field: &str) {
        self.ledger.record(field, Disposition::Kept, None);
    }

    fn converted(&mut self, field: &str, formula: &str) {
        self.ledger.record(field, Disposition::Converted { formula: formula.to_owned() }, None);
    }

    fn dropped(&mut self, field: &str, reason: &str) {
        self.ledger.record(field, Disposition::Dropped { reason: reason.to_owned() }, None);
    }

    /// An item of a catalogue by its id.
    fn item<T>(&self, items: &'a [T], index: usize, object: &str, what: &str) -> Result<&'a T> {
        items.get(index).ok_or_else(|| WriteError::Dangling { object: object.to_owned(), what: format!("{what} number {index}") })
    }

    /// `class.name` of an element that another refers to.
    fn reference(&self, id: ElementId, object: &str) -> Result<String> {
        if id.index() >= self.network.count(id.kind) {
            return Err(WriteError::Dangling { object: object.to_owned(), what: format!("{} number {}", id.kind.class(), id.index()) });
        }
        Ok(self.network.full_name(id))
    }

    fn bus(&self, common: &Common, terminal: usize, n_phases: usize) -> Result<String> {
        match common.terminals.get(terminal) {
            Some(t) if t.bus.index() < self.network.buses.len() => Ok(bus_text(self.network, t, n_phases)),
            _ => Err(WriteError::Dangling { object: common.name.clone(), what: format!("the bus of terminal {}", terminal + 1) }),
        }
    }

    /// What all elements end with.
    fn tail(&mut self, command: &mut Command, common: &Common, built_in_spectrum: Option<&str>) {
        if let (Some(id), Some(default)) = (common.spectrum, built_in_spectrum)
            && let Some(spectrum) = self.network.spectra.get(id.index())
        {
            command.word_unless("spectrum", &spectrum.name, default);
        }
        command.flag_unless("enabled", common.enabled, true);
    }

    fn circuit(&mut self) -> Result<()> {
        let source = match self.network.order.first() {
            Some(id) if id.kind == ElementKind::VoltageSource && self.network.common(*id).name == "source" => {
                &self.network.voltage_sources[id.index()]
            }
            Some(&id) => return Err(WriteError::NoSource { found: self.network.full_name(id) }),
            None => return Err(WriteError::NoSource { found: "nothing".into() }),
        };
        self.say("Clear");
        self.say(format!("Set DefaultBaseFrequency={}", number(self.base_hz)));
        if self.network.options.earth_model != EarthModel::Deri {
            self.dropped("set.earthmodel", "every line says its own");
        }
        let mut command = Command::new("New", "circuit", &self.network.name);
        self.source_properties(&mut command, source)?;
        self.push(command)
    }

    fn element(&mut self, id: ElementId) -> Result<()> {
        let (network, i) = (self.network, id.index());
        let unsupported = || Err(WriteError::UnsupportedClass { object: network.full_name(id), class: id.kind.class() });
        match id.kind {
            ElementKind::VoltageSource => self.voltage_source(&network.voltage_sources[i]),
            ElementKind::CurrentSource => self.current_source(&network.current_sources[i]),
            ElementKind::Line => self.line(&network.lines[i]),
            ElementKind::Transformer => self.transformer(&network.transformers[i]),
            ElementKind::Capacitor => self.capacitor(&network.capacitors[i]),
            ElementKind::Reactor => self.reactor(&network.reactors[i]),
            ElementKind::Load => self.load(&network.loads[i]),
            ElementKind::Generator => self.generator(&network.generators[i]),
            ElementKind::PvSystem => self.pv_system(&network.pv_systems[i]),
            ElementKind::Storage => self.storage(&network.storages[i]),
            ElementKind::Fault => self.fault(&network.faults[i]),
            ElementKind::InverterControl => self.inverter_control(&network.inverter_controls[i]),
            ElementKind::ExponentialControl => self.exponential_control(&network.exponential_controls[i]),
            ElementKind::RegulatorControl => self.regulator_control(&network.regulator_controls[i]),
            ElementKind::CapacitorControl => self.capacitor_control(&network.capacitor_controls[i]),
            ElementKind::SwitchControl => self.switch_control(&network.switch_controls[i]),
            ElementKind::Fuse => self.fuse(&network.fuses[i]),
            ElementKind::Recloser => self.recloser(&network.reclosers[i]),
            ElementKind::Monitor => self.monitor(&network.monitors[i]),
            ElementKind::EnergyMeter => self.energy_meter(&network.energy_meters[i]),
            ElementKind::GicTransformer
            | ElementKind::GicLine
            | ElementKind::InductionMachine
            | ElementKind::StorageController
            | ElementKind::Relay
            | ElementKind::Sensor
            | ElementKind::Unmodelled
            | ElementKind::AcBranch
            | ElementKind::PowerTransformer
            | ElementKind::PowerLoad
            | ElementKind::FixedShunt
            | ElementKind::Machine
            | ElementKind::SwitchedShunt
            | ElementKind::TwoTerminalDc
            | ElementKind::VscDc
            | ElementKind::MultiTerminalDc
            | ElementKind::FactsDevice
            | ElementKind::PowerMotor => return unsupported(),
        }?;
        self.kept(id.kind.class());
        Ok(())
    }

    /// Conductors that are open.
    fn switching(&mut self) -> Result<()> {
        for &id in &self.network.order {
            for (t, terminal) in self.network.common(id).terminals.iter().enumerate() {
                if terminal.all_closed() {
                    continue;
                }
                let name = self.network.full_name(id);
                let Some(name) = word(&name) else {
                    return Err(WriteError::Unwritable { object: name, property: "name".into(), what: "it cannot be quoted".into() });
                };
                for (c, _) in terminal.closed.iter().enumerate().filter(|(_, closed)| !**closed) {
                    self.out.push_str(&format!("Open {name} {} {}\n", t + 1, c + 1));
                }
            }
        }
        Ok(())
    }

    /// Voltage bases, bus by bus: those of the network need not be what OpenDSS would work out.
    fn bases(&mut self) -> Result<()> {
        let bases: Vec<String> = self.network.options.voltage_bases_kv.iter().map(|&kv| number(kv)).collect();
        self.say(format!("Set VoltageBases=[{}]", bases.join(" ")));
        if self.network.buses.iter().all(|b| b.kv_base_ln == 0.0) {
            return Ok(());
        }
        self.say("MakeBusList");
        for bus in self.network.buses.iter().filter(|b| b.kv_base_ln != 0.0) {
            let name = word(&bus.name).filter(|_| bus.kv_base_ln.is_finite()).ok_or_else(|| WriteError::Unwritable {
                object: format!("bus {}", bus.name),
                property: "kVLN".into(),
                what: format!("base {} kV", bus.kv_base_ln),
            })?;
            self.out.push_str(&format!("SetkVBase bus={name} kVLN={}\n", number(bus.kv_base_ln)));
            self.ledger.record("bus.kvln", Disposition::Kept, None);
        }
        Ok(())
    }

    fn coordinates(&mut self) -> Result<Option<String>> {
        let mut text = String::new();
        // One file and one command: places on the earth where these are all that is known, else the model's own coordinates.
        let on_earth = |b: &network::Bus| b.latitude_longitude_deg.is_some_and(|(lat, lon)| b.xy.is_none_or(|xy| xy == (lon, lat)));
        let mut placed = self.network.buses.iter().filter(|b| b.xy.is_some() || b.latitude_longitude_deg.is_some()).peekable();
        let is_earth = placed.peek().is_some() && placed.all(on_earth);
        for bus in &self.network.buses {
            let place = if is_earth { bus.latitude_longitude_deg } else { bus.xy };
            let Some((x, y)) = place else { continue };
            let name = word(&bus.name).filter(|_| x.is_finite() && y.is_finite()).ok_or_else(|| WriteError::Unwritable {
                object: format!("bus {}", bus.name),
                property: "coordinates".into(),
                what: format!("{x}, {y}"),
            })?;
            text.push_str(&format!("{name},{},{}\n", number(x), number(y)));
            let field = if is_earth { "bus.latitude_longitude_deg" } else { "bus.xy" };
            self.ledger.record(field, Disposition::Kept, None);
        }
        if text.is_empty() {
            return Ok(None);
        }
        self.say(format!("{} {COORDINATES_FILE}", if is_earth { "LatLongCoords" } else { "Buscoords" }));
        Ok(Some(text))
    }

    fn options(&mut self) -> Result<()> {
        let o = &self.network.options;
        let mode = match o.mode {
            SolutionMode::Snapshot => "snap",
            SolutionMode::Daily => "daily",
            SolutionMode::Yearly => "yearly",
            SolutionMode::DutyCycle => "dutycycle",
            SolutionMode::GeneralTime => "time",
            SolutionMode::Direct => "direct",
            SolutionMode::FaultStudy => "faultstudy",
            SolutionMode::PeakDay => "peakday",
            SolutionMode::LoadDuration1 => "ld1",
            SolutionMode::LoadDuration2 => "ld2",
            SolutionMode::MonteCarlo1 => "m1",
            SolutionMode::MonteCarlo2 => "m2",
            SolutionMode::MonteCarlo3 => "m3",
            SolutionMode::MonteFault => "mf",
            SolutionMode::Dynamics => "dynamic",
            SolutionMode::Harmonics => "harmonic",
            SolutionMode::HarmonicsT => "harmonict",
            SolutionMode::AutoAdd => "autoadd",
        };
        if o.default_daily.is_none() || o.default_yearly.is_none() {
            self.say(format!("New loadshape.{NO_SHAPE} npts=1 interval=1 mult=[1]"));
            self.converted("set.defaultdaily", "no default shape is a constant one");
        }
        // The mode comes first: it sets clock, step and controls.
        let mut c = Command::bare("Set");
        c.raw("mode", mode);
        let control = match o.control_mode {
            ControlMode::Off => "off",
            ControlMode::Static => "static",
            ControlMode::Event => "event",
            ControlMode::Time => "time",
            ControlMode::MultiRate => "multirate",
        };
        c.raw("controlmode", control);
        if o.algorithm == Algorithm::Newton {
            c.raw("algorithm", "newton");
        }
        if o.load_model == LoadSolutionModel::Admittance {
            c.raw("loadmodel", "admittance");
        }
        c.real("stepsize", o.step_s).raw("number", o.number);
        c.raw("hour", o.hour).real_unless("sec", o.second, 0.0).integer_unless("year", i64::from(o.year), 0);
        c.real_unless("frequency", o.frequency_hz, self.base_hz);
        c.real_unless("tolerance", o.tolerance_pu, 1e-4).integer_unless("miniterations", i64::from(o.min_iterations), 2);
        if o.max_iterations_given || o.max_iterations != 15 {
            c.raw("maxiterations", o.max_iterations);
        }
        if o.max_control_iterations_given || o.max_control_iterations != 10 {
            c.raw("maxcontroliter", o.max_control_iterations);
        }
        c.real_unless("loadmult", o.load_multiplier, 1.0).real_unless("genmult", o.generation_multiplier, 1.0);
        c.real_unless("%growth", o.default_growth_rate_pct, 2.5).real_unless("pricesignal", o.price, 25.0);
        for (property, id) in [("defaultdaily", o.default_daily), ("defaultyearly", o.default_yearly)] {
            match id {
                Some(id) => {
                    let name = &self.item(&self.network.load_shapes, id.index(), "set", "load shape")?.name;
                    c.word_unless(property, name, "default");
                }
                // A circuit always has one; a constant says that there is none.
                None => {
                    c.raw(property, NO_SHAPE);
                }
            }
        }
        if let Some(id) = o.load_duration_curve {
            c.word("ldcurve", &self.item(&self.network.load_shapes, id.index(), "set", "load shape")?.name);
        }
        if let Some(id) = o.price_curve {
            c.word("pricecurve", &self.item(&self.network.price_shapes, id.index(), "set", "price shape")?.name);
        }
        match o.load_shape_class {
            ShapeClass::None => {}
            ShapeClass::Daily => drop(c.raw("loadshapeclass", "daily")),
            ShapeClass::Yearly => drop(c.raw("loadshapeclass", "yearly")),
            ShapeClass::Duty => drop(c.raw("loadshapeclass", "duty")),
        }
        match o.random {
            RandomType::Gaussian => {}
            RandomType::None => drop(c.raw("random", "none")),
            RandomType::Uniform => drop(c.raw("random", "uniform")),
            RandomType::LogNormal => drop(c.raw("random", "lognormal")),
        }
        c.real_unless("normvminpu", o.v_min_normal_pu, 0.95).real_unless("normvmaxpu", o.v_max_normal_pu, 1.05);
        c.real_unless("emergvminpu", o.v_min_emergency_pu, 0.90).real_unless("emergvmaxpu", o.v_max_emergency_pu, 1.08);
        c.flag_unless("neglectloady", o.neglect_load_admittance, false);
        if o.positive_sequence {
            c.raw("cktmodel", "positive");
        }
        c.real_unless("ueweight", o.ue_weight, 1.0).real_unless("lossweight", o.loss_weight, 1.0);
        c.integer_unless("numallociterations", i64::from(o.allocation_iterations), 2);
        if o.trapezoidal != matches!(o.mode, SolutionMode::LoadDuration1 | SolutionMode::LoadDuration2) {
            c.raw("trapezoidal", if o.trapezoidal { "yes" } else { "no" });
        }
        if o.long_line_correction {
            c.raw("longlinecorrection", "yes");
        }
        if o.seed != 1 {
            self.dropped("set.seed", "OpenDSS draws its own random numbers");
        }
        self.push(c)?;
        self.kept("set");
        Ok(())
    }
}
