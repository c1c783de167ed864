//! What is wrong with a diagram: all of it at once, each with its row and how to mend it.

use super::plan::{Cause, Means, Member, Plan, positions};
use network::availability::{Block, BlockKind, Component, Diagram, Lifetime, RepairTime};
use network::gamma::gamma;
use network::{Diagnostic, Severity, SourceRef};
use std::collections::{HashMap, HashSet};

/// Longest mean time that is taken for one, h: a hundred thousand years.
const TIME_MAX_H: f64 = 1e9;
/// Largest capacity that is taken for one, MW.
const CAPACITY_MAX_MW: f64 = 1e6;
/// Part by which the mean of a Weibull distribution may differ from the MTBF beside it.
const ETA_PART: f64 = 0.005;

/// Findings as they come.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub findings: Vec<Diagnostic>,
}

impl Faults {
    pub fn add(&mut self, d: Diagnostic, element: &str, source: &SourceRef) {
        self.findings.push(d.element(element.to_owned()).at(source));
    }

    pub fn is_grave(&self) -> bool {
        self.findings.iter().any(|d| d.severity == Severity::Error)
    }
}

/// All that is wrong with a diagram, warnings included; empty where nothing is.
pub fn check(diagram: &Diagram) -> Vec<Diagnostic> {
    match Plan::new(diagram) {
        Ok((_, findings)) | Err(findings) => findings,
    }
}

/// Resolves the names of a diagram; `None` where that makes no sense any more.
pub(super) fn resolve<'a>(diagram: &'a Diagram, faults: &mut Faults) -> Option<Plan<'a>> {
    let components = positions(diagram.components.iter().map(|c| c.id.as_str()));
    let blocks = positions(diagram.blocks.iter().map(|b| b.id.as_str()));
    ids(diagram, &components, faults);
    let means: Vec<Option<Means>> = diagram.components.iter().map(|c| component(c, faults)).collect();
    let names = Names { components: &components, blocks: &blocks };
    let mut members = Vec::new();
    let mut capacity_members = Vec::new();
    for b in &diagram.blocks {
        let first = names.resolve(b, &b.members, faults);
        let more = names.resolve(b, &b.capacity_members, faults);
        block(diagram, b, &first, &more, faults);
        members.push(first);
        capacity_members.push(more);
    }
    let order = order(diagram, &members, &capacity_members, faults);
    let pools = |what: &str, list: Vec<&'a str>, faults: &mut Faults| -> HashMap<&'a str, usize> {
        let mut seen = HashSet::new();
        for id in &list {
            if id.trim().is_empty() || !seen.insert(*id) {
                let d = Diagnostic::error("RAM.POOL.ID", format!("{what} without an id of their own"));
                faults.add(d.hint("Give each an id that no other has."), id, &SourceRef::default());
            }
        }
        positions(list.into_iter())
    };
    let crews = pools("crews", diagram.crews.iter().map(|c| c.id.as_str()).collect(), faults);
    let spares = pools("spares", diagram.spares.iter().map(|c| c.id.as_str()).collect(), faults);
    for c in &diagram.crews {
        if c.number == 0 {
            faults.add(
                Diagnostic::error("RAM.POOL.NUMBER", "nobody is in these crews, so nothing is ever repaired").hint("Give at least one."),
                &c.id,
                &SourceRef::default(),
            );
        }
    }
    for s in &diagram.spares {
        if !(s.lead_time_h >= 0.0 && s.lead_time_h <= TIME_MAX_H) {
            let d = Diagnostic::error("RAM.POOL.LEAD_TIME", format!("the lead time is {} h", s.lead_time_h));
            faults.add(d.hint("Give the hours from order to shelf, 0 or more."), &s.id, &SourceRef::default());
        }
    }
    let pool = |c: &Component, id: &Option<String>, of: &HashMap<&str, usize>, faults: &mut Faults| {
        let id = id.as_deref()?;
        let found = of.get(id).copied();
        if found.is_none() {
            let d = Diagnostic::error("RAM.POOL.UNKNOWN", format!("no crews or spares are called \"{id}\""));
            faults.add(d.hint("Correct the name, or add them to the diagram."), &c.id, &c.source);
        }
        found
    };
    let crew_of = diagram.components.iter().map(|c| pool(c, &c.crew, &crews, faults)).collect();
    let spares_of = diagram.components.iter().map(|c| pool(c, &c.spares, &spares, faults)).collect();
    let causes = causes(diagram, &components, &means, faults);
    let system = system(diagram, &blocks, &members, &capacity_members, faults);
    unused(diagram, &members, &capacity_members, faults);
    let mut causes_of = vec![Vec::new(); diagram.components.len()];
    for (g, cause) in causes.iter().enumerate() {
        cause.members.iter().for_each(|i| causes_of[*i].push(g));
    }
    let means: Vec<Means> = means.into_iter().collect::<Option<_>>()?;
    let own = |i: usize| match &causes_of[i][..] {
        [] => means[i],
        all => means[i].share(1.0 - all.iter().map(|g| causes[*g].beta).sum::<f64>()),
    };
    let own_means = (0..means.len()).map(own).collect();
    Some(Plan {
        diagram,
        members,
        capacity_members,
        order: order?,
        system: system?,
        own_means,
        means,
        causes,
        causes_of,
        crew_of,
        spares_of,
    })
}

fn ids(diagram: &Diagram, components: &HashMap<&str, usize>, faults: &mut Faults) {
    if diagram.blocks.is_empty() {
        let d = Diagnostic::error("RAM.DIAGRAM.EMPTY", "the diagram has no block");
        faults.findings.push(d.hint("Add a block that says which components have to work."));
    }
    let mut seen: HashMap<&str, &SourceRef> = HashMap::new();
    let all = diagram.components.iter().map(|c| (&c.id, &c.source, "component"));
    for (id, source, what) in all.chain(diagram.blocks.iter().map(|b| (&b.id, &b.source, "block"))) {
        if id.trim().is_empty() {
            faults.add(Diagnostic::error("RAM.ID.EMPTY", format!("a {what} has no id")).hint("Give it one."), id, source);
        } else if let Some(first) = seen.get(id.as_str()) {
            let other = if what == "block" && components.contains_key(id.as_str()) { "component or block" } else { what };
            let d = Diagnostic::error("RAM.ID.DUPLICATE", format!("another {other} has this id already"));
            let d = if first.is_known() { d.detail(format!("The first one stands at {first}.")) } else { d };
            faults.add(d.hint("Give each component and block an id of its own; components and blocks share one set of ids."), id, source);
        } else {
            seen.insert(id, source);
        }
    }
}

/// Means of a component, and what is wrong with its numbers.
fn component(c: &Component, faults: &mut Faults) -> Option<Means> {
    let mut sound = true;
    let mut fault = |d: Diagnostic| {
        sound &= d.severity != Severity::Error;
        faults.add(d, &c.id, &c.source);
    };
    let is_time = |t: f64| t > 0.0 && t <= TIME_MAX_H;
    if let Some(t) = c.mtbf_h.filter(|t| !is_time(*t)) {
        let d = Diagnostic::error("RAM.COMPONENT.MTBF", format!("the mean time between failures is {t} h"));
        fault(d.hint("Give hours above 0, up to 1e9."));
    }
    if let Some(t) = c.mttr_h.filter(|t| !is_time(*t)) {
        let d = Diagnostic::error("RAM.COMPONENT.MTTR", format!("the mean time to repair is {t} h"));
        fault(d.hint("Give hours above 0, up to 1e9."));
    }
    if let Some(r) = c.failure_rate_per_h.filter(|r| !(r.value > 0.0 && is_time(1.0 / r.value))) {
        let d = Diagnostic::error("RAM.COMPONENT.RATE", format!("the failure rate is {} per hour", r.value));
        fault(d.hint("Give a rate above 0, or leave it out."));
    }
    if let Some(a) = c.availability.filter(|a| !(a.value > 0.0 && a.value <= 1.0)) {
        let d = Diagnostic::error("RAM.COMPONENT.AVAILABILITY", format!("the availability is {}, outside of 0 to 1", a.value));
        fault(d.hint("Give the part of time that it is able to work, above 0 and not above 1; a percentage needs its sign."));
    }
    if let Some(mw) = c.capacity_mw.filter(|mw| !(*mw >= 0.0 && *mw <= CAPACITY_MAX_MW)) {
        let d = Diagnostic::error("RAM.COMPONENT.CAPACITY", format!("the capacity is {mw} MW"));
        fault(d.hint("Give MW, 0 or more."));
    }
    let mtbf = c.mtbf_h.or(c.failure_rate_per_h.map(|r| 1.0 / r.value)).filter(|t| is_time(*t));
    let mttr = c.mttr_h.filter(|t| is_time(*t));
    let says_time = c.mtbf_h.is_some() || c.failure_rate_per_h.is_some();
    if says_time && c.mttr_h.is_none() {
        let d = Diagnostic::error("RAM.COMPONENT.NO_MTTR", "how often it fails is given, and not how long a repair takes");
        fault(d.hint("Give the mean time to repair."));
    }
    if !says_time && c.mttr_h.is_some() {
        let d = Diagnostic::error("RAM.COMPONENT.NO_MTBF", "how long a repair takes is given, and not how often it fails");
        fault(d.hint("Give the mean time between failures."));
    }
    if !says_time && c.mttr_h.is_none() && c.availability.is_none() {
        let d = Diagnostic::error("RAM.COMPONENT.NO_DATA", "nothing says how often it fails");
        fault(d.hint("Give MTBF and MTTR, or the availability alone."));
    }
    if let (Some(t), Some(r)) = (c.mtbf_h.filter(|t| is_time(*t)), c.failure_rate_per_h)
        && !r.agrees(1.0 / t)
    {
        let d = Diagnostic::error("RAM.COMPONENT.RATE_DIFFERS", "failure rate and MTBF contradict one another");
        let d = d.detail(format!("1 / {t} h is {:.4e} per hour, and {:e} is given.", 1.0 / t, r.value));
        fault(d.hint("Correct the one that is wrong, or leave the rate out."));
    }
    if let (Some(f), Some(r), Some(a)) = (mtbf, mttr, c.availability)
        && !a.agrees(f / (f + r))
    {
        let d = Diagnostic::error("RAM.COMPONENT.AVAILABILITY_DIFFERS", "the availability is not that of MTBF and MTTR");
        let d = d.detail(format!("{f} / ({f} + {r}) is {:.8}, and {} is given.", f / (f + r), a.value));
        fault(d.hint("Correct the one that is wrong, or leave the availability out."));
    }
    if let Lifetime::Weibull { beta, eta_h } = c.lifetime {
        if !(0.2..=20.0).contains(&beta) {
            let d = Diagnostic::error("RAM.COMPONENT.SHAPE", format!("the shape of the Weibull distribution is {beta}"));
            fault(d.hint("Give a beta from 0.2 to 20; 1 is the exponential distribution."));
        } else if let Some(eta) = eta_h {
            let mean = eta * gamma(1.0 + 1.0 / beta);
            if !is_time(eta) {
                let d = Diagnostic::error("RAM.COMPONENT.SHAPE", format!("the scale of the Weibull distribution is {eta} h"));
                fault(d.hint("Give an eta above 0, or leave it out: it follows from MTBF and beta."));
            } else if let Some(t) = mtbf.filter(|t| (mean / t - 1.0).abs() > ETA_PART) {
                let d = Diagnostic::warning(
                    "RAM.COMPONENT.ETA_DIFFERS",
                    "the scale of the Weibull distribution gives another mean than the MTBF",
                );
                let d = d.detail(format!("It gives {mean:.1} h, and {t} h is given. Availability follows the MTBF, simulation the scale."));
                fault(d.hint("Leave the scale out, or correct the MTBF."));
            }
        }
    }
    if let RepairTime::LogNormal { sigma } = c.repair
        && !(sigma > 0.0 && sigma <= 5.0)
    {
        let d = Diagnostic::error("RAM.COMPONENT.REPAIR", format!("the spread of the repair time is {sigma}"));
        fault(d.hint("Give the standard deviation of its logarithm, above 0 and up to 5."));
    }
    if let Some(m) = c.maintenance {
        let first = m.first_h.unwrap_or(0.0);
        let good = is_time(m.interval_h) && is_time(m.duration_h) && m.duration_h < m.interval_h && (0.0..=TIME_MAX_H).contains(&first);
        if !good {
            let d = Diagnostic::error("RAM.COMPONENT.MAINTENANCE", "the planned maintenance does not fit its interval");
            let d = d.detail(format!("It takes {} h every {} h, first at {first} h.", m.duration_h, m.interval_h));
            fault(d.hint("Give an interval that is longer than the maintenance."));
        }
    }
    if !sound {
        return None;
    }
    match (mtbf, mttr, c.availability) {
        (Some(f), Some(r), _) => Some(Means::of_times(f, r)),
        (_, _, Some(a)) => Some(Means { availability: a.value, unavailability: 1.0 - a.value, times_h: None }),
        _ => None,
    }
}

struct Names<'n, 'a> {
    components: &'n HashMap<&'a str, usize>,
    blocks: &'n HashMap<&'a str, usize>,
}

impl Names<'_, '_> {
    fn resolve(&self, b: &Block, members: &[String], faults: &mut Faults) -> Vec<Member> {
        let mut found = Vec::new();
        for id in members {
            if let Some(i) = self.components.get(id.as_str()) {
                found.push(Member::Component(*i));
            } else if let Some(i) = self.blocks.get(id.as_str()) {
                found.push(Member::Block(*i));
            } else if id.trim().chars().all(|c| c == '.' || c == '…') && !id.trim().is_empty() {
                let d = Diagnostic::error("RAM.BLOCK.ELLIPSIS", "the members are not all named: \"...\" stands among them");
                faults.add(d.hint("Name each member; which ones are meant cannot be known."), &b.id, &b.source);
            } else {
                let d = Diagnostic::error("RAM.BLOCK.MEMBER_UNKNOWN", format!("no component or block is called \"{id}\""));
                let near = self.components.keys().chain(self.blocks.keys()).filter(|k| k.trim().eq_ignore_ascii_case(id.trim())).min();
                let d = match near {
                    Some(near) => d.hint(format!("Write \"{near}\".")),
                    None => d.hint("Correct the name, or add the component."),
                };
                faults.add(d, &b.id, &b.source);
            }
        }
        found
    }
}

fn block(diagram: &Diagram, b: &Block, members: &[Member], more: &[Member], faults: &mut Faults) {
    let mut fault = |d: Diagnostic| faults.add(d, &b.id, &b.source);
    let n = b.members.len();
    if n == 0 {
        fault(Diagnostic::error("RAM.BLOCK.EMPTY", "the block has no members").hint("Name the components or blocks that it is made of."));
        return;
    }
    let mut seen = HashSet::new();
    for id in b.members.iter().chain(&b.capacity_members) {
        if !seen.insert(id) && !id.trim().chars().all(|c| c == '.' || c == '…') {
            let d = Diagnostic::error("RAM.BLOCK.MEMBER_TWICE", format!("\"{id}\" is named twice in one block"));
            fault(d.hint("Name it once: the same thing cannot stand in for itself."));
        }
    }
    if let Some(total) = b.n_total.filter(|t| *t as usize != n) {
        let d = Diagnostic::error("RAM.BLOCK.N_TOTAL", format!("n is {total}, and {n} members are named"));
        fault(d.hint("Correct the number, or name the members that are missing."));
    }
    let k = b.k_required.map(|k| k as usize);
    match b.kind {
        BlockKind::Series if k.is_some_and(|k| k != n) => {
            let d = Diagnostic::error("RAM.BLOCK.K", format!("k is {}, and a series needs all {n} of its members", k.unwrap_or(0)));
            fault(d.hint("Leave k out, or make it a block of k out of n."));
        }
        BlockKind::Parallel if k.is_some_and(|k| k != 1) => {
            let d = Diagnostic::error("RAM.BLOCK.K", format!("k is {}, and of parallel members any one is enough", k.unwrap_or(0)));
            fault(d.hint("Leave k out, or make it a block of k out of n."));
        }
        _ => {
            if let Some(k) = k.filter(|k| *k > n || *k == 0) {
                let d = Diagnostic::error("RAM.BLOCK.K", format!("{k} of {n} members are required"));
                fault(d.hint("Require at least one, and no more than there are."));
            }
        }
    }
    if b.kind == BlockKind::ParallelKOfN && b.k_required.is_none() && b.capacity_required_mw.is_none() {
        let d = Diagnostic::error("RAM.BLOCK.K", "nothing says how many members are required");
        fault(d.hint("Give k, or the capacity that is required in MW."));
    }
    capacities(diagram, b, members, more, &mut fault);
    if b.kind == BlockKind::Standby {
        if members.iter().any(|m| matches!(m, Member::Block(_))) {
            let d = Diagnostic::error("RAM.STANDBY.MEMBER", "a block is a member of a standby block");
            fault(d.hint("Name components: what waits and is switched in has to have one life of its own."));
        }
        let s = b.switching.unwrap_or_default();
        let manual = s.manual_h.is_none_or(|t| t > 0.0 && t <= TIME_MAX_H);
        if !((0.0..=1.0).contains(&s.success) && (0.0..=1.0).contains(&s.standby_factor) && manual) {
            let d = Diagnostic::error("RAM.STANDBY.SWITCHING", "the switching of the standby block makes no sense");
            let d = d.detail(format!("success {}, factor {}, by hand {:?} h", s.success, s.standby_factor, s.manual_h));
            fault(d.hint("Give success and factor from 0 to 1, and hours above 0."));
        }
    } else if b.switching.is_some() {
        let d = Diagnostic::warning("RAM.STANDBY.UNUSED", "switching is given for a block whose members do not stand by");
        fault(d.hint("Make it a standby block, or leave it out."));
    }
}

fn capacities(diagram: &Diagram, b: &Block, members: &[Member], more: &[Member], fault: &mut impl FnMut(Diagnostic)) {
    if let Some(mw) = b.capacity_mw.filter(|mw| !(*mw >= 0.0 && *mw <= CAPACITY_MAX_MW)) {
        let d = Diagnostic::error("RAM.BLOCK.CAPACITY", format!("the capacity of the block is {mw} MW"));
        fault(d.hint("Give MW, 0 or more."));
    }
    let Some(need) = b.capacity_required_mw else {
        if !b.capacity_members.is_empty() {
            let d = Diagnostic::error("RAM.BLOCK.CAPACITY", "members for the capacity are named, and no capacity is required");
            fault(d.hint("Give the capacity that is required in MW."));
        }
        return;
    };
    if b.kind != BlockKind::ParallelKOfN {
        let d = Diagnostic::error("RAM.BLOCK.CAPACITY", format!("a capacity is required of a block of kind {}", b.kind.word()));
        fault(d.hint("Make it a block of k out of n, which may ask for capacity."));
        return;
    }
    if !(need > 0.0 && need <= CAPACITY_MAX_MW) {
        let d = Diagnostic::error("RAM.BLOCK.CAPACITY", format!("the capacity that is required is {need} MW"));
        fault(d.hint("Give MW above 0."));
        return;
    }
    let mut sum_w = 0;
    let mut missing = Vec::new();
    for m in members.iter().chain(more) {
        let (id, mw) = match m {
            Member::Component(i) => (&diagram.components[*i].id, diagram.components[*i].capacity_mw),
            Member::Block(i) => (&diagram.blocks[*i].id, diagram.blocks[*i].capacity_mw),
        };
        match mw {
            Some(mw) if mw.is_finite() => sum_w += super::plan::watts(mw.clamp(0.0, CAPACITY_MAX_MW)),
            _ => missing.push(id.as_str()),
        }
    }
    if !missing.is_empty() {
        let d = Diagnostic::error("RAM.BLOCK.CAPACITY_MISSING", "members of a block that asks for capacity have none");
        fault(d.detail(format!("They are {}.", missing.join(", "))).hint("Give their capacity in MW."));
    } else if sum_w < super::plan::watts(need) && members.len() == b.members.len() {
        let d = Diagnostic::error(
            "RAM.BLOCK.CAPACITY",
            format!("all members together have {} MW, and {need} MW are required", sum_w as f64 / 1e6),
        );
        fault(d.hint("Require less, or add members."));
    }
}

/// Blocks with members first; names every cycle.
fn order(diagram: &Diagram, members: &[Vec<Member>], more: &[Vec<Member>], faults: &mut Faults) -> Option<Vec<usize>> {
    let n = members.len();
    let below = |b: usize, at: usize| {
        members[b].iter().chain(&more[b]).filter_map(|m| if let Member::Block(i) = m { Some(*i) } else { None }).nth(at)
    };
    let (mut state, mut order, mut sound) = (vec![0_u8; n], Vec::with_capacity(n), true);
    for start in 0..n {
        if state[start] != 0 {
            continue;
        }
        state[start] = 1;
        let mut way = vec![(start, 0)];
        while let Some((b, at)) = way.last_mut() {
            let b = *b;
            match below(b, *at) {
                Some(next) => {
                    *at += 1;
                    if state[next] == 0 {
                        state[next] = 1;
                        way.push((next, 0));
                    } else if state[next] == 1 {
                        sound = false;
                        let from = way.iter().position(|(x, _)| *x == next).unwrap_or(0);
                        let path = way[from..].iter().map(|(x, _)| *x).chain([next]);
                        let path: Vec<&str> = path.map(|x| diagram.blocks[x].id.as_str()).collect();
                        let d = Diagnostic::error("RAM.BLOCK.CYCLE", "a block is made of itself").detail(format!("{}.", path.join(" > ")));
                        faults.add(
                            d.hint("Take one of these out of the members of the one before it."),
                            path[0],
                            &diagram.blocks[next].source,
                        );
                    }
                }
                None => {
                    state[b] = 2;
                    order.push(b);
                    way.pop();
                }
            }
        }
    }
    sound.then_some(order)
}

fn system(
    diagram: &Diagram,
    blocks: &HashMap<&str, usize>,
    members: &[Vec<Member>],
    more: &[Vec<Member>],
    faults: &mut Faults,
) -> Option<usize> {
    if let Some(id) = &diagram.system {
        let found = blocks.get(id.as_str()).copied();
        if found.is_none() {
            let d = Diagnostic::error("RAM.DIAGRAM.SYSTEM", format!("the block \"{id}\", which is to be the plant, does not exist"));
            faults.findings.push(d.hint("Name a block of the diagram."));
        }
        return found;
    }
    let within: HashSet<usize> =
        members.iter().chain(more).flatten().filter_map(|m| if let Member::Block(i) = m { Some(*i) } else { None }).collect();
    let top: Vec<usize> = (0..members.len()).filter(|b| !within.contains(b)).collect();
    if let [one] = top[..] {
        return Some(one);
    }
    if top.len() > 1 {
        let names: Vec<&str> = top.iter().map(|b| diagram.blocks[*b].id.as_str()).collect();
        let d =
            Diagnostic::error("RAM.DIAGRAM.SYSTEM", "several blocks are members of no other one, so that nothing says which is the plant");
        faults
            .findings
            .push(d.detail(format!("They are {}.", names.join(", "))).hint("Name the one that is the plant, or join them in a block."));
    }
    None
}

fn causes(diagram: &Diagram, components: &HashMap<&str, usize>, means: &[Option<Means>], faults: &mut Faults) -> Vec<Cause> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut sum = vec![0.0; diagram.components.len()];
    let nowhere = SourceRef::default();
    for c in &diagram.common_causes {
        let mut fault = |d: Diagnostic| faults.add(d, &c.id, &nowhere);
        if c.id.trim().is_empty() || !seen.insert(&c.id) {
            fault(Diagnostic::error("RAM.CAUSE.ID", "a common cause has no id of its own").hint("Give each an id that no other has."));
        }
        if !(c.beta > 0.0 && c.beta < 1.0) {
            let d = Diagnostic::error("RAM.CAUSE.BETA", format!("the beta factor is {}", c.beta));
            fault(d.hint("Give the part of failures that are common, above 0 and below 1."));
        }
        let mut members: Vec<usize> = Vec::new();
        for id in &c.members {
            match components.get(id.as_str()) {
                Some(i) if members.contains(i) => {
                    let d = Diagnostic::error("RAM.CAUSE.MEMBER", format!("\"{id}\" is named twice in one common cause"));
                    fault(d.hint("Name it once."));
                }
                Some(i) => members.push(*i),
                None => {
                    let d = Diagnostic::error("RAM.CAUSE.MEMBER", format!("no component is called \"{id}\""));
                    fault(d.hint("Name components; a common cause takes out no blocks."));
                }
            }
        }
        if c.members.is_empty() {
            let in_group = |c2: &Component| c2.redundancy_group.as_deref() == Some(c.id.as_str());
            members = (0..diagram.components.len()).filter(|i| in_group(&diagram.components[*i])).collect();
        }
        if members.len() < 2 && c.members.len() < 2 {
            let d = Diagnostic::error("RAM.CAUSE.MEMBER", "a common cause has fewer than two components");
            fault(d.hint("Name them, or give them the redundancy group of this id."));
        }
        members.iter().for_each(|i| sum[*i] += c.beta);
        let all: Option<Vec<Means>> = members.iter().map(|i| means[*i]).collect();
        if let Some(all) = all.filter(|all| !all.is_empty()) {
            found.push(Cause { id: c.id.clone(), beta: c.beta, members, means: common(&all).share(c.beta) });
        }
    }
    for (i, _) in sum.iter().enumerate().filter(|(_, s)| **s >= 1.0) {
        let d = Diagnostic::error("RAM.CAUSE.BETA", "the beta factors of its common causes sum to 1 or more");
        faults.add(d.hint("Give smaller ones."), &diagram.components[i].id, &diagram.components[i].source);
    }
    found
}

/// Means that stand for several components: geometric, so that all times may be scaled alike.
fn common(all: &[Means]) -> Means {
    if all.iter().all(|m| *m == all[0]) {
        return all[0];
    }
    let mean = |of: &dyn Fn(&Means) -> Option<f64>| -> Option<f64> {
        let logs: Option<Vec<f64>> = all.iter().map(|m| of(m).map(f64::ln)).collect();
        logs.map(|l| (l.iter().sum::<f64>() / l.len() as f64).exp())
    };
    let u = mean(&|m| Some(m.unavailability)).unwrap_or(0.0);
    let times = mean(&|m| m.times_h.map(|t| t.1)).filter(|_| u > 0.0).map(|mttr| (mttr * (1.0 - u) / u, mttr));
    Means { availability: 1.0 - u, unavailability: u, times_h: times }
}

fn unused(diagram: &Diagram, members: &[Vec<Member>], more: &[Vec<Member>], faults: &mut Faults) {
    let used: HashSet<Member> = members.iter().chain(more).flatten().copied().collect();
    for (i, c) in diagram.components.iter().enumerate() {
        if !used.contains(&Member::Component(i)) && !c.id.trim().is_empty() {
            let d = Diagnostic::warning("RAM.COMPONENT.UNUSED", "no block names this component, so it counts for nothing");
            faults.add(d.hint("Name it in a block, or take it out."), &c.id, &c.source);
        }
    }
}
