//! The commands, in OpenDSS's order: an abbreviation means the first that begins with it.

use super::class::starts_with_ignore_case;
use super::script::{Request, Step};

/// What a command makes the reader do.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    New,
    Edit,
    More,
    Select,
    BatchEdit,
    Enable,
    Disable,
    Open,
    Close,
    Set,
    Solve,
    Redirect,
    Compile,
    Clear,
    Reset,
    Next,
    Init,
    SetKvBase,
    BusCoordinates {
        latitude_first: bool,
    },
    ChangeFolder,
    Variables,
    Comment,
    /// Answers nobody, but makes the object that it names the active one.
    Query,
    /// Handed to the host.
    Request(Request),
    /// Accepted and reported: it shows, plots, exports or tells, and changes no result.
    NotExecuted,
    /// It would change the model in a way that is not supported.
    Refused(&'static str),
}

/// One command of the language.
#[derive(Debug)]
pub struct CommandDef {
    pub name: &'static str,
    pub action: Action,
    /// It needs no circuit.
    pub without_circuit: bool,
}

use Action::*;

const REWRITES: &str = "it rewrites the circuit";

const fn with(name: &'static str, action: Action) -> CommandDef {
    CommandDef { name, action, without_circuit: false }
}

const fn free(name: &'static str, action: Action) -> CommandDef {
    CommandDef { name, action, without_circuit: true }
}

pub static COMMANDS: &[CommandDef] = &[
    free("New", New),
    with("Edit", Edit),
    with("More", More),
    with("M", More),
    with("~", More),
    with("Select", Select),
    with("Save", NotExecuted),
    with("Show", NotExecuted),
    with("Solve", Solve),
    with("Enable", Enable),
    with("Disable", Disable),
    with("Plot", NotExecuted),
    with("Reset", Reset),
    free("Compile", Compile),
    free("Set", Set),
    with("Dump", NotExecuted),
    with("Open", Open),
    with("Close", Close),
    free("//", Comment),
    free("Redirect", Redirect),
    free("Help", NotExecuted),
    free("Quit", NotExecuted),
    with("?", Query),
    with("Next", Next),
    free("Panel", NotExecuted),
    with("Sample", Action::Request(Request::Sample)),
    free("Clear", Clear),
    free("About", NotExecuted),
    with("Calcvoltagebases", Action::Request(Request::CalcVoltageBases)),
    with("SetkVBase", SetKvBase),
    with("BuildY", Action::Request(Request::BuildY)),
    free("Get", NotExecuted),
    with("Init", Init),
    with("Export", NotExecuted),
    free("Fileedit", NotExecuted),
    with("Voltages", NotExecuted),
    with("Currents", NotExecuted),
    with("Powers", NotExecuted),
    with("Seqvoltages", NotExecuted),
    with("Seqcurrents", NotExecuted),
    with("Seqpowers", NotExecuted),
    with("Losses", NotExecuted),
    with("Phaselosses", NotExecuted),
    with("Cktlosses", NotExecuted),
    with("Allocateloads", Action::Request(Request::AllocateLoads)),
    with("Formedit", NotExecuted),
    with("Totals", NotExecuted),
    with("Capacity", Refused("it raises the loads until something overloads")),
    free("Classes", NotExecuted),
    free("Userclasses", NotExecuted),
    with("Zsc", NotExecuted),
    with("Zsc10", NotExecuted),
    with("ZscRefresh", NotExecuted),
    with("Ysc", NotExecuted),
    with("puvoltages", NotExecuted),
    with("VarValues", NotExecuted),
    with("Varnames", NotExecuted),
    with("Buscoords", BusCoordinates { latitude_first: false }),
    with("MakeBusList", Action::Request(Request::MakeBusList)),
    with("MakePosSeq", Refused(REWRITES)),
    with("Reduce", Refused(REWRITES)),
    with("Interpolate", NotExecuted),
    free("AlignFile", NotExecuted),
    with("TOP", NotExecuted),
    with("Rotate", NotExecuted),
    with("Vdiff", NotExecuted),
    with("Summary", NotExecuted),
    with("Distribute", NotExecuted),
    free("DI_plot", NotExecuted),
    free("Comparecases", NotExecuted),
    free("YearlyCurves", NotExecuted),
    free("CD", ChangeFolder),
    with("Visualize", NotExecuted),
    with("CloseDI", NotExecuted),
    free("DOScmd", NotExecuted),
    with("Estimate", Action::Request(Request::Estimate)),
    with("Reconductor", Refused(REWRITES)),
    with("_InitSnap", Action::Request(Request::Step(Step::InitSnapshot))),
    with("_SolveNoControl", Action::Request(Request::Step(Step::SolveNoControl))),
    with("_SampleControls", Action::Request(Request::Step(Step::SampleControls))),
    with("_DoControlActions", Action::Request(Request::Step(Step::DoControlActions))),
    with("_ShowControlQueue", NotExecuted),
    with("_SolveDirect", Action::Request(Request::Step(Step::SolveDirect))),
    with("_SolvePFlow", Action::Request(Request::Step(Step::SolvePowerFlow))),
    with("AddBusMarker", NotExecuted),
    with("Uuids", NotExecuted),
    with("SetLoadAndGenKV", Refused("it gives loads and generators the voltages of their buses")),
    free("CvrtLoadshapes", NotExecuted),
    with("NodeDiff", NotExecuted),
    with("Rephase", NotExecuted),
    with("SetBusXY", NotExecuted),
    with("UpdateStorage", Action::Request(Request::UpdateStorage)),
    with("Obfuscate", Refused("it renames everything")),
    with("LatLongCoords", BusCoordinates { latitude_first: true }),
    with("BatchEdit", BatchEdit),
    with("Pstcalc", NotExecuted),
    with("Variable", NotExecuted),
    with("ReprocessBuses", Action::Request(Request::MakeBusList)),
    with("ClearBusMarkers", NotExecuted),
    with("RelCalc", NotExecuted),
    free("var", Variables),
    with("Cleanup", Action::Request(Request::Step(Step::Cleanup))),
    with("FinishTimeStep", Action::Request(Request::Step(Step::FinishTimeStep))),
    with("NodeList", NotExecuted),
    with("Connect", NotExecuted),
    with("Disconnect", NotExecuted),
    with("Remove", Refused(REWRITES)),
    with("CalcIncMatrix", NotExecuted),
    with("CalcIncMatrix_O", NotExecuted),
    with("Refine_BusLevels", NotExecuted),
    with("CalcLaplacian", NotExecuted),
    with("ExportOverloads", NotExecuted),
    with("ExportVViolations", NotExecuted),
    with("Zsc012", NotExecuted),
    with("AllPCEatBus", NotExecuted),
    with("AllPDEatBus", NotExecuted),
    with("TotalPowers", NotExecuted),
    with("GISCoords", NotExecuted),
    free("ClearAll", Clear),
    free("COMHelp", NotExecuted),
    free("NewActor", Refused("a second circuit side by side is not supported")),
    free("Wait", NotExecuted),
    with("SolveAll", Solve),
    with("Abort", NotExecuted),
    with("Clone", Refused("a second circuit side by side is not supported")),
];

/// The command called `name`: exactly, or else the first that begins with it.
pub fn find(name: &str) -> Option<&'static CommandDef> {
    let exact = COMMANDS.iter().find(|c| c.name.eq_ignore_ascii_case(name));
    exact.or_else(|| COMMANDS.iter().find(|c| starts_with_ignore_case(c.name, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abbreviation_means_the_first_command_that_fits() {
        let check = |name: &str, expected: Option<&str>| assert_eq!(find(name).map(|c| c.name), expected, "{name}");
        check("ne", Some("New"));
        check("e", Some("Edit"));
        check("m", Some("M"));
        check("mor", Some("More"));
        check("s", Some("Select"));
        check("so", Some("Solve"));
        check("cal", Some("Calcvoltagebases"));
        check("SET", Some("Set"));
        check("setk", Some("SetkVBase"));
        check("frobnicate", None);
    }
}
