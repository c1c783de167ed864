//! What `Set`, `Get` and the words after `Solve` may name, and what of it changes a power flow.

use std::collections::BTreeMap;
use std::sync::Arc;

use network::{Algorithm, ControlMode, EarthModel, LoadSolutionModel, RandomType, SolutionMode, SolutionOptions};

use super::class::{EnumDef, Usage, enums, starts_with_ignore_case};

/// How the text of an option is read.
#[derive(Debug, Clone, Copy)]
pub enum OptionKind {
    Real,
    Integer,
    Boolean,
    Text,
    Texts,
    Reals,
    Enum(&'static EnumDef),
    /// Seconds, with an optional unit letter.
    StepSize,
    /// Hour and second.
    Time,
    /// An output; a value written to it is ignored.
    ReadOnly,
}

#[derive(Debug)]
pub struct OptionDef {
    pub id: OptionId,
    pub name: &'static str,
    pub kind: OptionKind,
    pub usage: Usage,
    /// It can be set before there is a circuit.
    pub without_circuit: bool,
}

const MARKERS: Usage = Usage::NotNeeded("only plots read it");
const REPORTS: Usage = Usage::NotNeeded("only metering, logs and reports read it");
const AUTO_ADD: Usage = Usage::NotNeeded("only the AutoAdd mode reads it");
const REDUCTION: Usage = Usage::NotNeeded("only circuit reduction reads it, which is refused");
const MACHINE: Usage = Usage::NotNeeded("it says how OpenDSS uses the computer");
const HARMONIC: Usage = Usage::NotNeeded("only harmonic solutions read it");
const SELECTION: Usage = Usage::NotNeeded("it chooses the active object, which this reader follows");

/// Defines the enum of options and their table from lines in OpenDSS's order.
macro_rules! option_table {
    ($($id:ident, $name:literal, $kind:expr, $usage:expr $(, $before:literal)?;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum OptionId { $($id),* }

        /// All options in OpenDSS's order.
        pub static OPTIONS: &[OptionDef] = &[$(OptionDef {
            id: OptionId::$id,
            name: $name,
            kind: $kind,
            usage: $usage,
            without_circuit: false $(|| $before)?,
        }),*];
    };
}

use OptionKind::*;
use Usage::Used;

option_table! {
    Type, "type", Text, SELECTION;
    Element, "element", Text, SELECTION;
    Hour, "hour", Integer, Used;
    Sec, "sec", Real, Used;
    Year, "year", Integer, Used;
    Frequency, "frequency", Real, Used;
    StepSize, "stepsize", StepSize, Used;
    Mode, "mode", Enum(&enums::SOLUTION_MODE), Used;
    Random, "random", Enum(&enums::RANDOM_TYPE), Used;
    Number, "number", Integer, Used;
    Time, "time", Time, Used;
    Class, "class", Text, SELECTION;
    Object, "object", Text, SELECTION;
    Circuit, "circuit", Text, SELECTION;
    Editor, "editor", Text, REPORTS, true;
    Tolerance, "tolerance", Real, Used;
    MaxIterations, "maxiterations", Integer, Used;
    H, "h", StepSize, Used;
    LoadModel, "Loadmodel", Enum(&enums::LOAD_SOLUTION_MODEL), Used;
    LoadMult, "Loadmult", Real, Used;
    NormVMinPu, "normvminpu", Real, Used;
    NormVMaxPu, "normvmaxpu", Real, Used;
    EmergVMinPu, "emergvminpu", Real, Used;
    EmergVMaxPu, "emergvmaxpu", Real, Used;
    PctMean, "%mean", Real, Usage::NotNeeded("only Monte Carlo modes read it");
    PctStdDev, "%stddev", Real, Usage::NotNeeded("only Monte Carlo modes read it");
    LdCurve, "LDCurve", Text, Used;
    PctGrowth, "%growth", Real, Used;
    Genkw, "Genkw", Real, AUTO_ADD;
    Genpf, "Genpf", Real, AUTO_ADD;
    CapkVAR, "CapkVAR", Real, AUTO_ADD;
    Addtype, "Addtype", Enum(&enums::AUTOADD_DEVICE_TYPE), AUTO_ADD;
    AllowDuplicates, "Allowduplicates", Boolean, Used;
    ZoneLock, "Zonelock", Boolean, Used;
    UeWeight, "UEweight", Real, Used;
    LossWeight, "Lossweight", Real, Used;
    UEregs, "UEregs", Reals, AUTO_ADD;
    Lossregs, "Lossregs", Reals, AUTO_ADD;
    VoltageBases, "Voltagebases", Reals, Used;
    Algorithm, "Algorithm", Enum(&enums::SOLUTION_ALGORITHM), Used;
    Trapezoidal, "Trapezoidal", Boolean, Used;
    Autobuslist, "Autobuslist", Texts, AUTO_ADD;
    ControlMode, "Controlmode", Enum(&enums::CONTROL_MODE), Used;
    Tracecontrol, "Tracecontrol", Boolean, REPORTS;
    GenMult, "Genmult", Real, Used;
    DefaultDaily, "Defaultdaily", Text, Used;
    DefaultYearly, "Defaultyearly", Text, Used;
    AllocationFactors, "Allocationfactors", Real, Used;
    CktModel, "Cktmodel", Enum(&enums::CIRCUIT_MODEL), Used;
    PriceSignal, "Pricesignal", Real, Used;
    PriceCurve, "Pricecurve", Text, Used;
    Terminal, "Terminal", Integer, SELECTION;
    BaseFrequency, "Basefrequency", Real, Used;
    Harmonics, "Harmonics", Texts, HARMONIC;
    MaxControlIter, "Maxcontroliter", Integer, Used;
    Bus, "Bus", Text, SELECTION;
    DataPath, "Datapath", Text, Used, true;
    KeepList, "KeepList", Texts, REDUCTION;
    ReduceOption, "ReduceOption", Text, REDUCTION;
    DemandInterval, "DemandInterval", Boolean, REPORTS;
    PctNormal, "%Normal", Real, Usage::NotNeeded("it sets line ratings for reports");
    DIVerbose, "DIVerbose", Boolean, REPORTS;
    Casename, "Casename", Text, REPORTS;
    Markercode, "Markercode", Integer, MARKERS;
    Nodewidth, "Nodewidth", Integer, MARKERS;
    Log, "Log", Boolean, REPORTS;
    Recorder, "Recorder", Boolean, REPORTS, true;
    Overloadreport, "Overloadreport", Boolean, REPORTS;
    Voltexceptionreport, "Voltexceptionreport", Boolean, REPORTS;
    CFactors, "Cfactors", Real, Used;
    ShowExport, "ShowExport", Boolean, REPORTS;
    NumAllocIterations, "Numallociterations", Integer, Used;
    DefaultBaseFrequency, "DefaultBaseFrequency", Real, Used, true;
    Markswitches, "Markswitches", Boolean, MARKERS;
    Switchmarkercode, "Switchmarkercode", Integer, MARKERS;
    Daisysize, "Daisysize", Real, MARKERS;
    Marktransformers, "Marktransformers", Boolean, MARKERS;
    TransMarkerCode, "TransMarkerCode", Integer, MARKERS;
    TransMarkerSize, "TransMarkerSize", Integer, MARKERS;
    LoadShapeClass, "LoadShapeClass", Enum(&enums::LOAD_SHAPE_CLASS), Used;
    EarthModel, "EarthModel", Enum(&enums::EARTH_MODEL), Used;
    QueryLog, "QueryLog", Boolean, REPORTS;
    MarkCapacitors, "MarkCapacitors", Boolean, MARKERS;
    MarkRegulators, "MarkRegulators", Boolean, MARKERS;
    MarkPVSystems, "MarkPVSystems", Boolean, MARKERS;
    MarkStorage, "MarkStorage", Boolean, MARKERS;
    CapMarkerCode, "CapMarkerCode", Integer, MARKERS;
    RegMarkerCode, "RegMarkerCode", Integer, MARKERS;
    PVMarkerCode, "PVMarkerCode", Integer, MARKERS;
    StoreMarkerCode, "StoreMarkerCode", Integer, MARKERS;
    CapMarkerSize, "CapMarkerSize", Integer, MARKERS;
    RegMarkerSize, "RegMarkerSize", Integer, MARKERS;
    PVMarkerSize, "PVMarkerSize", Integer, MARKERS;
    StoreMarkerSize, "StoreMarkerSize", Integer, MARKERS;
    NeglectLoadY, "NeglectLoadY", Boolean, Used;
    MarkFuses, "MarkFuses", Boolean, MARKERS;
    FuseMarkerCode, "FuseMarkerCode", Integer, MARKERS;
    FuseMarkerSize, "FuseMarkerSize", Integer, MARKERS;
    MarkReclosers, "MarkReclosers", Boolean, MARKERS;
    RecloserMarkerCode, "RecloserMarkerCode", Integer, MARKERS;
    RecloserMarkerSize, "RecloserMarkerSize", Integer, MARKERS;
    RegistryUpdate, "RegistryUpdate", Boolean, MACHINE, true;
    MarkRelays, "MarkRelays", Boolean, MARKERS;
    RelayMarkerCode, "RelayMarkerCode", Integer, MARKERS;
    RelayMarkerSize, "RelayMarkerSize", Integer, MARKERS;
    ProcessTime, "ProcessTime", ReadOnly, MACHINE;
    TotalTime, "TotalTime", ReadOnly, MACHINE;
    StepTime, "StepTime", ReadOnly, MACHINE;
    SampleEnergyMeters, "SampleEnergyMeters", Boolean, REPORTS;
    MinIterations, "MinIterations", Integer, Used;
    DSSVisualizationTool, "DSSVisualizationTool", Text, MACHINE, true;
    KeepLoad, "KeepLoad", Boolean, REDUCTION;
    Zmag, "Zmag", Real, REDUCTION;
    SeasonRating, "SeasonRating", Boolean, REPORTS;
    SeasonSignal, "SeasonSignal", Text, REPORTS;
    LineTypes, "LineTypes", ReadOnly, MACHINE;
    EventLogDefault, "EventLogDefault", Boolean, REPORTS, true;
    LongLineCorrection, "LongLineCorrection", Boolean, Used;
    ShowReports, "ShowReports", Boolean, REPORTS;
    NumCPUs, "NumCPUs", ReadOnly, MACHINE;
    NumCores, "NumCores", ReadOnly, MACHINE;
    NumActors, "NumActors", ReadOnly, MACHINE;
    ActiveActor, "ActiveActor", Text, MACHINE, true;
    CPU, "CPU", Text, MACHINE, true;
    ActorProgress, "ActorProgress", ReadOnly, MACHINE;
    Parallel, "Parallel", Boolean, MACHINE, true;
    ConcatenateReports, "ConcatenateReports", Boolean, MACHINE, true;
    NUMANodes, "NUMANodes", ReadOnly, MACHINE;
}

/// The option called `name`, letters in either case: the one with exactly this name, else the
/// first that begins with it.
pub fn find(name: &str) -> Option<&'static OptionDef> {
    if name.is_empty() {
        return None;
    }
    let exact = OPTIONS.iter().find(|o| o.name.eq_ignore_ascii_case(name));
    exact.or_else(|| OPTIONS.iter().find(|o| starts_with_ignore_case(o.name, name)))
}

/// The options as a script left them.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Those of the solution. Its references to shapes are not filled in; the names are below.
    pub solution: SolutionOptions,
    pub default_daily: Arc<str>,
    pub default_yearly: Arc<str>,
    pub load_duration_curve: Option<Arc<str>>,
    pub price_curve: Option<Arc<str>>,
    /// A number of [`enums::LOAD_SHAPE_CLASS`].
    pub load_shape_class: i32,
    pub long_line_correction: bool,
    pub allow_duplicates: bool,
    pub seasonal_rating: bool,
    pub season_signal: Option<Arc<str>>,
    /// What new circuits and elements take as their base frequency, Hz.
    pub default_base_frequency_hz: f64,
    pub zones_locked: bool,
    /// What controls and load model return to when a mode is set.
    pub default_control_mode: ControlMode,
    pub default_load_model: LoadSolutionModel,
    pub percent_normal: f64,
    /// The next solution starts without voltages: a mode was set or `Init` was said. Whoever
    /// solves clears it.
    pub restart: bool,
    /// Last text of every option that was set, by name.
    pub texts: BTreeMap<&'static str, Arc<str>>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            solution: SolutionOptions {
                number: 100,
                voltage_bases_kv: vec![0.208, 0.480, 12.47, 24.9, 34.5, 115.0, 230.0],
                ..SolutionOptions::default()
            },
            default_daily: Arc::from("default"),
            default_yearly: Arc::from("default"),
            load_duration_curve: None,
            price_curve: None,
            load_shape_class: -1,
            long_line_correction: false,
            allow_duplicates: false,
            seasonal_rating: false,
            season_signal: None,
            default_base_frequency_hz: 60.0,
            zones_locked: false,
            default_control_mode: ControlMode::Static,
            default_load_model: LoadSolutionModel::PowerFlow,
            percent_normal: 100.0,
            restart: true,
            texts: BTreeMap::new(),
        }
    }
}

impl Options {
    /// Those of a new circuit, which keep what OpenDSS keeps past `Clear`: the base frequency.
    pub fn cleared(&self) -> Options {
        let mut new = Options { default_base_frequency_hz: self.default_base_frequency_hz, ..Options::default() };
        new.set_base_frequency(self.default_base_frequency_hz);
        new
    }

    pub fn set_base_frequency(&mut self, hz: f64) {
        self.solution.base_frequency_hz = hz;
        self.solution.frequency_hz = hz;
    }

    /// Sets the mode with all that OpenDSS sets along with it: the clock returns to zero, controls
    /// and load model to the script's own, and some modes bring a step and a number of steps.
    pub fn set_mode(&mut self, mode: SolutionMode) {
        use SolutionMode::*;
        let s = &mut self.solution;
        s.mode = mode;
        s.hour = if mode == LoadDuration2 { 1 } else { 0 };
        s.second = 0.0;
        s.trapezoidal = matches!(mode, LoadDuration1 | LoadDuration2);
        s.control_mode = self.default_control_mode;
        s.load_model = self.default_load_model;
        match mode {
            Daily | PeakDay => (s.step_s, s.number) = (3600.0, 24),
            Yearly => (s.step_s, s.number) = (3600.0, 8760),
            GeneralTime => (s.step_s, s.number) = (3600.0, 1),
            LoadDuration1 | MonteCarlo2 => s.step_s = 3600.0,
            DutyCycle => {
                s.step_s = 1.0;
                s.control_mode = ControlMode::Time;
            }
            Dynamics => {
                s.step_s = 0.001;
                s.control_mode = ControlMode::Time;
            }
            Snapshot => s.number = 1,
            _ => {}
        }
        self.restart = true;
    }
}

pub(crate) fn solution_mode(number: i32) -> SolutionMode {
    use SolutionMode::*;
    match number {
        1 => Daily,
        2 => Yearly,
        3 => MonteCarlo1,
        4 => LoadDuration1,
        5 => PeakDay,
        6 => DutyCycle,
        7 => Direct,
        8 => MonteFault,
        9 => FaultStudy,
        10 => MonteCarlo2,
        11 => MonteCarlo3,
        12 => LoadDuration2,
        13 => AutoAdd,
        14 => Dynamics,
        15 => Harmonics,
        16 => GeneralTime,
        17 => HarmonicsT,
        _ => Snapshot,
    }
}

pub(crate) fn control_mode(number: i32) -> ControlMode {
    match number {
        -1 => ControlMode::Off,
        1 => ControlMode::Event,
        2 => ControlMode::Time,
        3 => ControlMode::MultiRate,
        _ => ControlMode::Static,
    }
}

pub(crate) fn load_model(number: i32) -> LoadSolutionModel {
    if number == 2 { LoadSolutionModel::Admittance } else { LoadSolutionModel::PowerFlow }
}

pub(crate) fn algorithm(number: i32) -> Algorithm {
    if number == 1 { Algorithm::Newton } else { Algorithm::Normal }
}

pub(crate) fn random_type(number: i32) -> RandomType {
    match number {
        1 => RandomType::Gaussian,
        2 => RandomType::Uniform,
        3 => RandomType::LogNormal,
        _ => RandomType::None,
    }
}

/// The earth model of a number of [`enums::EARTH_MODEL`].
pub fn earth_model(number: i32) -> EarthModel {
    match number {
        1 => EarthModel::Carson,
        2 => EarthModel::FullCarson,
        _ => EarthModel::Deri,
    }
}

pub(crate) fn earth_model_number(model: EarthModel) -> i32 {
    match model {
        EarthModel::Carson => 1,
        EarthModel::FullCarson => 2,
        EarthModel::Deri => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abbreviations_mean_the_first_option_that_fits() {
        let check = |name: &str, expected: Option<OptionId>| assert_eq!(find(name).map(|o| o.id), expected, "{name}");
        check("TOL", Some(OptionId::Tolerance));
        check("maxiter", Some(OptionId::MaxIterations));
        check("h", Some(OptionId::H));
        check("contr", Some(OptionId::ControlMode));
        check("zzz", None);
        check("", None);
    }

    /// OpenDSS 0.14.5 after `set controlmode=off number=7 hour=9 stepsize=17` and a mode.
    #[test]
    fn a_mode_brings_its_steps() {
        let check = |mode: SolutionMode, number: u32, step_s: f64, control: ControlMode| {
            let mut options = Options { default_control_mode: ControlMode::Off, ..Options::default() };
            options.solution.number = 7;
            options.solution.hour = 9;
            options.solution.step_s = 17.0;
            options.set_mode(mode);
            let s = &options.solution;
            assert_eq!((s.number, s.step_s, s.control_mode), (number, step_s, control), "{mode:?}");
        };
        check(SolutionMode::Snapshot, 1, 17.0, ControlMode::Off);
        check(SolutionMode::Daily, 24, 3600.0, ControlMode::Off);
        check(SolutionMode::Yearly, 8760, 3600.0, ControlMode::Off);
        check(SolutionMode::DutyCycle, 7, 1.0, ControlMode::Time);
        check(SolutionMode::LoadDuration1, 7, 3600.0, ControlMode::Off);
        check(SolutionMode::GeneralTime, 1, 3600.0, ControlMode::Off);
        check(SolutionMode::FaultStudy, 7, 17.0, ControlMode::Off);
    }
}
