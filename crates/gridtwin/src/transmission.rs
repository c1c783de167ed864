//! `gridtwin solve` of a transmission case: the balanced power flow as a report, as JSON, or as result files.

use crate::cli::{Controls, Mode, SolveArguments};
use crate::console::Console;
use crate::failure::Failure;
use crate::model::Model;
use crate::number::{count, fixed};
use crate::report::{paragraph, section};
use crate::result_folder::ResultFolder;
use crate::tables::push_line;
use crate::text::{self, Style, Table};
use network::{Diagnostic, Network};
use powerflow::newton::{self, BusState, Options, Outcome, QState, Solution};
use serde::Serialize;

/// Files of `solve --out` for a transmission case; the last one is the sign that all are whole.
pub const FILES: &[&str] = &["buses.csv", "branches.csv", "transmission.json"];

/// Rows of a list of worst things.
const WORST: usize = 10;

/// How far the solution is from the one stored in the case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgainstStored {
    /// Buses compared.
    pub buses: usize,
    pub v_pu_max: f64,
    pub v_pu_bus: String,
    pub v_pu_rms: f64,
    pub angle_deg_max: f64,
    pub angle_deg_bus: String,
    /// Mismatch of the stored voltages themselves.
    pub stored_mismatch: Option<newton::StoredMismatch>,
}

/// A solved case.
#[derive(Clone, Debug, Serialize)]
pub struct View<'a> {
    pub model: &'a str,
    pub case: &'a str,
    pub s_base_mva: f64,
    pub frequency_hz: f64,
    pub controls: &'static str,
    pub against_stored: Option<AgainstStored>,
    #[serde(flatten)]
    pub solution: &'a Solution,
    pub diagnostics: &'a [Diagnostic],
}

/// Solves the case with the options of the command line.
///
/// # Errors
/// A case that cannot be set up, or that has no solution, with the evidence; options that only phase-by-phase solutions have.
pub fn solve(model: &Model, arguments: &SolveArguments) -> Result<Box<Solution>, Failure> {
    if arguments.mode == Mode::Direct {
        let what = Diagnostic::error("SOLVE.MODE.NOT_BALANCED", "a transmission case has no solution with loads as admittances");
        return Err(what.hint("leave --mode direct out; it is for models solved phase by phase").into());
    }
    let defaults = Options::default();
    let options = Options {
        controls: if arguments.controls == Some(Controls::Static) { newton::Controls::Active } else { newton::Controls::Locked },
        tolerance_pu: arguments.iteration.tolerance.unwrap_or(defaults.tolerance_pu),
        max_iterations: arguments.iteration.max_iterations.unwrap_or(defaults.max_iterations),
        max_control_rounds: arguments.iteration.max_control_iterations.unwrap_or(defaults.max_control_rounds),
        ..defaults
    };
    solve_network(&model.network, &options).map_err(|found| {
        let mut diagnostics = model.diagnostics.clone();
        diagnostics.extend(found);
        Failure::new(diagnostics)
    })
}

/// Solves from a flat start, and where that finds nothing from the angles of the linear power flow, the voltages of the linear network, and those stored.
///
/// # Errors
/// Findings that say why there is no solution.
pub fn solve_network(network: &Network, options: &Options) -> Result<Box<Solution>, Vec<Diagnostic>> {
    let mut failed = Vec::new();
    for start in [newton::Start::Flat, newton::Start::Dc, newton::Start::Linear, newton::Start::Stored] {
        let last = start == newton::Start::Stored;
        let options = Options { start, seek_solvable: options.seek_solvable && last, ..*options };
        match newton::solve(network, &options) {
            Ok(Outcome::Solved(solution)) => return Ok(solution),
            Ok(Outcome::Unsolved(unsolved)) => failed = unsolved.diagnostics,
            Err(error) => return Err(vec![error.diagnostic()]),
        }
    }
    Err(failed)
}

/// Runs the command on a model that was read and checked.
///
/// # Errors
/// As [`solve`]; a file that cannot be written.
pub fn run(model: &Model, arguments: &SolveArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let solution = solve(model, arguments)?;
    let case = model.network.transmission.as_deref();
    let view = View {
        model: &model.name,
        case: &model.network.name,
        s_base_mva: case.map_or(0.0, |c| c.s_base_mva),
        frequency_hz: case.map_or(0.0, |c| c.frequency_hz),
        controls: if arguments.controls == Some(Controls::Static) { "active" } else { "as stored" },
        against_stored: against_stored(&model.network, &solution),
        solution: &solution,
        diagnostics: &model.diagnostics,
    };
    if let Some(dir) = &arguments.out {
        let summary = serde_json::to_string_pretty(&view).expect("a solution is plain data") + "\n";
        ResultFolder::prepare(dir, FILES)?.write(&[&buses_csv(&solution), &branches_csv(&solution), &summary])?;
    }
    if arguments.json {
        console.warn(&model.diagnostics);
        console.json(&view)
    } else if let Some(dir) = &arguments.out {
        console.warn(&model.diagnostics);
        let iterations = count(solution.certificate.iterations as usize, "iteration");
        console.print(&format!("{}: solved in {iterations}; wrote {} to {}\n", view.case, FILES.join(", "), dir.display()))
    } else {
        console.print(&render(&view, console.style))
    }
}

/// The solution against the voltages stored in the case; none where it stores none but a flat start.
pub fn against_stored(network: &Network, solution: &Solution) -> Option<AgainstStored> {
    let mut found = AgainstStored {
        buses: 0,
        v_pu_max: 0.0,
        v_pu_bus: String::new(),
        v_pu_rms: 0.0,
        angle_deg_max: 0.0,
        angle_deg_bus: String::new(),
        stored_mismatch: newton::stored_mismatch(network).ok(),
    };
    let mut stores_any = false;
    for row in &solution.buses {
        let (Some(v_pu), Some(angle_deg), Some(stored)) = (row.v_pu, row.angle_deg, &network.bus(row.id).transmission) else { continue };
        stores_any |= stored.angle_deg != 0.0;
        found.buses += 1;
        let dv = (v_pu - stored.v_pu).abs();
        let da = (angle_deg - stored.angle_deg + 180.0).rem_euclid(360.0) - 180.0;
        found.v_pu_rms += dv * dv;
        if dv > found.v_pu_max || found.v_pu_bus.is_empty() {
            (found.v_pu_max, found.v_pu_bus) = (dv, row.bus.clone());
        }
        if da.abs() > found.angle_deg_max || found.angle_deg_bus.is_empty() {
            (found.angle_deg_max, found.angle_deg_bus) = (da.abs(), row.bus.clone());
        }
    }
    found.v_pu_rms = (found.v_pu_rms / found.buses.max(1) as f64).sqrt();
    (stores_any && found.buses > 0).then_some(found)
}

/// `buses.csv`: voltage and powers of every bus; a bus without voltage has empty cells.
pub fn buses_csv(solution: &Solution) -> String {
    let mut text =
        String::from("bus,name,state,kv_base_ll,v_pu,angle_deg,generation_mw,generation_mvar,load_mw,load_mvar,shunt_mw,shunt_mvar\n");
    for r in &solution.buses {
        let state = state(r.state);
        match r.v_pu.zip(r.angle_deg) {
            Some((v, a)) => push_line(
                &mut text,
                &[&r.bus, r.name.trim(), state],
                [r.kv_base_ll, v, a, r.generation_mw, r.generation_mvar, r.load_mw, r.load_mvar, r.shunt_mw, r.shunt_mvar],
            ),
            None => {
                push_line(&mut text, &[&r.bus, r.name.trim(), state], [r.kv_base_ll]);
                text.truncate(text.len() - 1);
                text.push_str(",,,,,,,,\n");
            }
        }
    }
    text
}

/// `branches.csv`: powers into every end of branches and transformers; an end out of service has empty cells.
pub fn branches_csv(solution: &Solution) -> String {
    let mut text = String::from("element,terminal,bus,p_mw,q_mvar,s_mva,loading_pct\n");
    for r in &solution.branch_ends {
        let number = |x: Option<f64>| x.map_or(String::new(), crate::number::g12);
        let cells = [r.p_mw, r.q_mvar, r.s_mva, r.loading_pct].map(number);
        let mut words: Vec<&str> = vec![&r.element];
        let terminal = r.terminal.to_string();
        words.extend([terminal.as_str(), r.bus.as_str()]);
        words.extend(cells.iter().map(String::as_str));
        push_line(&mut text, &words, []);
    }
    text
}

fn state(state: BusState) -> &'static str {
    match state {
        BusState::Swing => "swing",
        BusState::Generator => "generator",
        BusState::Load => "load",
        BusState::Dead => "dead",
        BusState::Isolated => "isolated",
    }
}

/// The report for people.
pub fn render(view: &View<'_>, style: Style) -> String {
    let s = view.solution;
    let c = &s.certificate;
    let mut out = style.bold(&format!("{}  ({})", view.case, view.model)) + "\n";
    let of = |wanted: BusState| s.buses.iter().filter(|b| b.state == wanted).count();
    paragraph(
        &mut out,
        &format!(
            "transmission case, balanced: {} ({} swing, {} holding voltage, {} isolated, {} dead), {} of branches; {} MVA base, {} Hz",
            count(s.buses.len(), "bus"),
            of(BusState::Swing),
            of(BusState::Generator),
            of(BusState::Isolated),
            of(BusState::Dead),
            count(s.branch_ends.len(), "end"),
            view.s_base_mva,
            view.frequency_hz
        ),
    );
    section(&mut out, style, "Solution", |out| {
        let mut table = Table::new(&["<", "<"]);
        let rounds = count(c.control_rounds as usize, "control round");
        table.row([
            "solved in".into(),
            format!("{}, {rounds}; Newton-Raphson to {:e} pu", count(c.iterations as usize, "iteration"), c.tolerance_pu),
        ]);
        let controls = match view.controls {
            "active" => "active: set points, reactive limits, taps, shifts and banks act",
            _ => "as stored: voltages, taps, shifts and banks as in the file (--controls static lets them act)",
        };
        table.row(["controls".into(), controls.into()]);
        table.row([
            "largest mismatch".into(),
            format!(
                "{:.1e} MW at {}, {:.1e} Mvar at {}, recomputed from scratch",
                c.mismatch_mw, c.mismatch_mw_bus, c.mismatch_mvar, c.mismatch_mvar_bus
            ),
        ]);
        if let Some(a) = &view.against_stored {
            table.row([
                "against the stored".into(),
                format!("{:.1e} pu at {}, {:.1e} degrees at {} at most", a.v_pu_max, a.v_pu_bus, a.angle_deg_max, a.angle_deg_bus),
            ]);
            if let Some(m) = &a.stored_mismatch {
                table.row([
                    "the stored itself".into(),
                    format!("{:.3} MW at {}, {:.3} Mvar at {} out of balance", m.p_mw, m.p_bus, m.q_mvar, m.q_bus),
                ]);
            }
        }
        out.push_str(&table.render());
        for hit in c.limits_hit.iter().take(WORST) {
            paragraph(out, &format!("at its limit: {}, {}", hit.element, hit.limit));
        }
        if c.limits_hit.len() > WORST {
            paragraph(out, &format!("and {} more at their limits", c.limits_hit.len() - WORST));
        }
        if !c.hunting.is_empty() {
            paragraph(out, &format!("controls that still wanted to act: {}", c.hunting.join(", ")));
        }
    });
    section(&mut out, style, "Power", |out| {
        let mut table = Table::new(&["<", ">MW", ">Mvar"]);
        for (what, p, q) in [
            ("generation", c.generation_mw, c.generation_mvar),
            ("loads", c.load_mw, c.load_mvar),
            ("shunts", c.shunt_mw, c.shunt_mvar),
            ("losses", c.losses_mw, c.losses_mvar),
            ("left over", c.balance_mw, c.balance_mvar),
        ] {
            let digits = if what == "left over" { 6 } else { 3 };
            table.row([what.into(), fixed(p, digits), fixed(q, digits)]);
        }
        out.push_str(&table.render());
    });
    section(&mut out, style, "Voltages", |out| voltages(out, s));
    section(&mut out, style, "Loading", |out| loading(out, s));
    machines(&mut out, style, s);
    if !s.dc.is_empty() {
        section(&mut out, style, "Direct current", |out| {
            let mut table = Table::new(&["<link", "<bus", ">MW drawn", ">Mvar drawn"]);
            for d in &s.dc {
                table.row([d.element.clone(), d.bus.clone(), fixed(d.state.p_mw, 3), fixed(d.state.q_mvar, 3)]);
            }
            out.push_str(&table.render());
        });
    }
    if !s.moves.is_empty() {
        section(&mut out, style, "Controls that moved", |out| {
            let mut table = Table::new(&["<element", "<what", ">from", ">to"]);
            for m in s.moves.iter().take(3 * WORST) {
                table.row([m.element.clone(), m.quantity.to_owned(), fixed(m.before, 5), fixed(m.after, 5)]);
            }
            out.push_str(&table.render());
            if s.moves.len() > 3 * WORST {
                paragraph(out, &format!("and {} more; --json lists all", s.moves.len() - 3 * WORST));
            }
        });
    }
    let findings: Vec<Diagnostic> = view.diagnostics.iter().chain(&s.notes).cloned().collect();
    if !findings.is_empty() {
        section(&mut out, style, &format!("Findings: {}", text::tally(&findings)), |out| {
            out.push_str(&text::diagnostics(&findings, style))
        });
    }
    out
}

fn voltages(out: &mut String, s: &Solution) {
    let mut rows: Vec<_> = s.buses.iter().filter_map(|b| b.v_pu.map(|v| (v, b))).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut table = Table::new(&["<", ">bus", "<name", ">base kV", ">pu", ">degrees"]);
    let mut list = |what: &str, rows: &mut dyn Iterator<Item = &(f64, &newton::BusRow)>| {
        for (i, (v, b)) in rows.take(WORST / 2).enumerate() {
            let head = if i == 0 { what.to_owned() } else { String::new() };
            let angle = b.angle_deg.map_or(String::new(), |a| fixed(a, 3));
            table.row([head, b.bus.clone(), b.name.trim().to_owned(), fixed(b.kv_base_ll, 2), fixed(*v, 5), angle]);
        }
    };
    list("lowest", &mut rows.iter());
    list("highest", &mut rows.iter().rev());
    out.push_str(&table.render());
}

fn loading(out: &mut String, s: &Solution) {
    let mut rows: Vec<_> = s.branch_ends.iter().filter_map(|b| b.loading_pct.map(|l| (l, b))).collect();
    if rows.is_empty() {
        paragraph(out, "no branch has a rating");
        return;
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let over = rows.iter().filter(|r| r.0 > 100.0).count();
    let mut table = Table::new(&["<element", ">terminal", ">bus", ">MVA", ">% of rating"]);
    for (l, b) in rows.iter().take(WORST) {
        table.row([b.element.clone(), b.terminal.to_string(), b.bus.clone(), b.s_mva.map_or(String::new(), |x| fixed(x, 2)), fixed(*l, 1)]);
    }
    out.push_str(&table.render());
    paragraph(out, &format!("{} above the rating", count(over, "end")));
}

fn machines(out: &mut String, style: Style, s: &Solution) {
    let at_limit: Vec<_> = s.machines.iter().filter(|m| matches!(m.state, QState::AtMaximum | QState::AtMinimum)).collect();
    let outside: Vec<_> = s
        .machines
        .iter()
        .filter(|m| m.state == QState::Holding && (m.q_mvar > m.q_max_mvar + 1e-3 || m.q_mvar < m.q_min_mvar - 1e-3))
        .collect();
    if at_limit.is_empty() && outside.is_empty() {
        return;
    }
    section(out, style, "Machines at or past their reactive limits", |out| {
        let mut table = Table::new(&["<machine", "<bus", ">MW", ">Mvar", ">least", ">most"]);
        for m in at_limit.iter().chain(&outside).take(2 * WORST) {
            table.row([
                m.element.clone(),
                m.bus.clone(),
                fixed(m.p_mw, 2),
                fixed(m.q_mvar, 2),
                fixed(m.q_min_mvar, 2),
                fixed(m.q_max_mvar, 2),
            ]);
        }
        out.push_str(&table.render());
        let n = at_limit.len() + outside.len();
        if n > 2 * WORST {
            paragraph(out, &format!("and {} more; --json lists all", n - 2 * WORST));
        }
    });
}
