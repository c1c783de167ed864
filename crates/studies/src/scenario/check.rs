//! What only a network can tell of a scenario, before anything runs.

use super::changes::named;
use super::customers::Sites;
use super::prepare::Prepared;
use network::scenario::{Allocation, ChangesLayer, LayerKind};
use network::{Diagnostic, ElementKind, Network};

/// Mean peak of a customer above which a count of customers is doubted, kW.
const DOUBTED_KW: f64 = 25.0;

/// Findings that say that a network lacks something that another of several may have.
pub const OF_ONE_NETWORK: [&str; 2] = ["SCENARIO.ALLOCATION.NOBODY", "SCENARIO.ELEMENT.UNKNOWN"];

impl Prepared {
    /// What of the scenario does not fit the network, all at once: classes, feeders, loads and transformers that nobody has, buses and
    /// elements that do not exist, mandates without a layer. Errors of [`OF_ONE_NETWORK`] count for a run over several networks only when
    /// all of them have them.
    pub fn check(&self, network: &Network) -> Vec<Diagnostic> {
        let sites = Sites::new(network, &self.scenario);
        let mut findings = Vec::new();
        let error =
            |code: &str, at, what: String, detail: String, hint: &str| Diagnostic::error(code, what).at(&at).detail(detail).hint(hint);
        for (i, layer) in self.scenario.layers.iter().enumerate() {
            if let Some(a) = layer.what.allocation() {
                self.allocation(i, a, network, &sites, &mut findings);
            }
            if let LayerKind::Changes(l) = &layer.what {
                self.elements(i, l, network, &mut findings);
            }
            if let LayerKind::Policy(p) = &layer.what
                && let Some(m) = p.mandate
            {
                let is_of = |l: &LayerKind| l.name() == m.layer.name();
                if !self.scenario.layers.iter().any(|l| is_of(&l.what)) {
                    let what = format!("the mandate is about {}, but there is no such layer", m.layer.name());
                    let at = self.scenario.place_in(i, "mandate.layer");
                    findings.push(error(
                        "SCENARIO.MANDATE.NO_LAYER",
                        at,
                        what,
                        "A mandate raises the penetration of layers.".into(),
                        "add the layer",
                    ));
                }
            }
        }
        let customers = sites.customers();
        let kw: f64 = sites.all.iter().map(|s| network.loads[s.load].p_kw.abs()).sum();
        if self.scenario.customers.kw_per_customer.is_none() && customers > 0 && kw / f64::from(customers) > DOUBTED_KW {
            let what = format!("{} counts {customers} customers for {kw:.0} kW", network.name);
            let detail = format!("That is {:.0} kW a customer. A penetration is a share of the customers.", kw / f64::from(customers));
            let d = Diagnostic::warning("SCENARIO.CUSTOMERS.FEW", what).at(&self.scenario.place("customers")).detail(detail);
            findings.push(d.hint("say `customers: {kw_per_customer: 5}`, or how much a customer's peak is"));
        }
        findings
    }

    fn allocation(&self, index: usize, a: &Allocation, network: &Network, sites: &Sites, findings: &mut Vec<Diagnostic>) {
        let mut nobody = |path: String, what: String, detail: String| {
            let at = self.scenario.place_in(index, &path);
            findings.push(
                Diagnostic::error("SCENARIO.ALLOCATION.NOBODY", what).at(&at).detail(detail).hint("correct the word, or leave it out"),
            );
        };
        let listed = |words: Vec<String>| {
            let more = words.len().saturating_sub(12);
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("There are: {}{rest}.", words.into_iter().take(12).collect::<Vec<_>>().join(", "))
        };
        let classes = sites.classes();
        let shown = || listed(classes.iter().map(|(c, n)| format!("{c} ({n} customers)")).collect());
        for (k, class) in a.classes.iter().enumerate() {
            if !classes.keys().any(|c| c.eq_ignore_ascii_case(class)) {
                nobody(format!("allocation.classes[{k}]"), format!("nobody is of class \"{class}\""), shown());
            }
        }
        for class in a.propensity.keys() {
            if !classes.keys().any(|c| c.eq_ignore_ascii_case(class)) {
                nobody(format!("allocation.propensity.{class}"), format!("nobody is of class \"{class}\""), shown());
            }
        }
        let alone = |feeders: &[String], loads: &[String], transformers: &[String]| Allocation {
            feeders: feeders.to_vec(),
            loads: loads.to_vec(),
            transformers: transformers.to_vec(),
            classes: Vec::new(),
            propensity: std::collections::BTreeMap::new(),
            weights_csv: None,
        };
        for (k, p) in a.feeders.iter().enumerate() {
            if sites.admitted(network, &alone(std::slice::from_ref(p), &[], &[])).is_empty() {
                let there = listed(sites.feeders().into_iter().map(str::to_owned).collect());
                nobody(format!("allocation.feeders[{k}]"), format!("no feeder fits \"{p}\""), there);
            }
        }
        for (k, p) in a.loads.iter().enumerate() {
            if sites.admitted(network, &alone(&[], std::slice::from_ref(p), &[])).is_empty() {
                let there = listed(sites.all.iter().map(|s| s.name.clone()).collect());
                nobody(format!("allocation.loads[{k}]"), format!("no load fits \"{p}\""), there);
            }
        }
        for (k, p) in a.transformers.iter().enumerate() {
            if sites.admitted(network, &alone(&[], &[], std::slice::from_ref(p))).is_empty() {
                let mut there: Vec<String> =
                    sites.all.iter().filter_map(|s| s.transformer).map(|t| network.transformers[t].common.name.clone()).collect();
                there.sort();
                there.dedup();
                nobody(format!("allocation.transformers[{k}]"), format!("no load hangs on a transformer that fits \"{p}\""), listed(there));
            }
        }
        if findings.is_empty() && sites.admitted(network, a).is_empty() && !sites.all.is_empty() {
            let at = self.scenario.place_in(index, "allocation");
            let what = Diagnostic::error("SCENARIO.ALLOCATION.NOBODY", "the allocation admits no load");
            findings.push(what.at(&at).detail("Each of its lists fits some load, but no load fits all of them.").hint("leave a list out"));
        }
    }

    fn elements(&self, index: usize, l: &ChangesLayer, network: &Network, findings: &mut Vec<Diagnostic>) {
        let mut unknown = |path: String, what: String, hint: &str| {
            let at = self.scenario.place_in(index, &path);
            findings.push(Diagnostic::error("SCENARIO.ELEMENT.UNKNOWN", what).at(&at).hint(hint));
        };
        let has = |kind: ElementKind, pattern: &String| !named(network, kind, std::slice::from_ref(pattern)).is_empty();
        for (i, r) in l.reconductor.iter().enumerate() {
            for (k, p) in r.lines.iter().enumerate().filter(|(_, p)| !has(ElementKind::Line, p)) {
                unknown(
                    format!("reconductor[{i}].lines[{k}]"),
                    format!("no line fits \"{p}\""),
                    "`gridtwin info` lists what is in a model",
                );
            }
            if !network.line_codes.iter().any(|c| c.name.eq_ignore_ascii_case(&r.line_code)) {
                let names: Vec<&str> = network.line_codes.iter().map(|c| c.name.as_str()).take(20).collect();
                let hint = format!("line codes: {}", names.join(", "));
                unknown(format!("reconductor[{i}].line_code"), format!("there is no line code \"{}\"", r.line_code), &hint);
            }
        }
        for (i, t) in l.transformers.iter().enumerate() {
            for (k, p) in t.transformers.iter().enumerate().filter(|(_, p)| !has(ElementKind::Transformer, p)) {
                unknown(format!("transformers[{i}].transformers[{k}]"), format!("no transformer fits \"{p}\""), "correct the name");
            }
        }
        for (i, c) in l.capacitors.iter().enumerate().filter(|(_, c)| network.bus_id(&c.bus).is_none()) {
            unknown(format!("capacitors[{i}].bus"), format!("there is no bus \"{}\"", c.bus), "correct the name");
        }
        for (i, r) in l.regulators.iter().enumerate().filter(|(_, r)| !has(ElementKind::Line, &r.line)) {
            unknown(format!("regulators[{i}].line"), format!("there is no line \"{}\"", r.line), "correct the name");
        }
        for (i, b) in l.batteries.iter().enumerate() {
            if network.bus_id(&b.bus).is_none() {
                unknown(format!("batteries[{i}].bus"), format!("there is no bus \"{}\"", b.bus), "correct the name");
            }
            if network.find(&b.watch).is_none() {
                unknown(
                    format!("batteries[{i}].watch"),
                    format!("there is no element \"{}\"", b.watch),
                    "write class.name, such as line.l1",
                );
            }
        }
        if let Some(t) = &l.transfer {
            for (word, names) in [("open", &t.open), ("close", &t.close)] {
                for (k, p) in names.iter().enumerate().filter(|(_, p)| !has(ElementKind::Line, p)) {
                    unknown(format!("transfer.{word}[{k}]"), format!("no line fits \"{p}\""), "correct the name");
                }
            }
        }
    }
}
