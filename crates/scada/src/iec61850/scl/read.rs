//! From the tree of a text to the model, with everything checked that one file can tell.

use super::address::multicast_address;
use super::findings::{Findings, nearest};
use super::model::*;
use super::types::{Types, duplicate, missing_name, set_values, unreadable};
use super::xml::{self, Element, Limits};
use iec61850_model::FC;
use network::Diagnostic;
use std::collections::{HashMap, HashSet};

/// Reads a configuration file: ICD, CID, IID or SCD.
///
/// # Inputs
/// * `bytes` - the file; `file` - its name for findings.
///
/// # Returns
/// The model and everything that is wrong with it, by line. What a finding says is left out is left out; the rest can be used. Only a text
/// that cannot be read at all (not XML, a document type, past the limits) gives no model.
pub fn read(bytes: &[u8], file: &str) -> (Option<Scl>, Vec<Diagnostic>) {
    read_within(bytes, file, &Limits::default())
}

/// [`read`] with limits of one's own.
pub fn read_within(bytes: &[u8], file: &str, limits: &Limits) -> (Option<Scl>, Vec<Diagnostic>) {
    let tree = match xml::parse(bytes, file, limits) {
        Ok(tree) => tree,
        Err(finding) => return (None, vec![finding]),
    };
    let mut findings = Findings::new(file);
    let root = &tree.root;
    let mut types = Types::new(root.child("DataTypeTemplates"), &mut findings);
    let mut scl = Scl {
        header: header(root),
        edition: Edition {
            version: root.attribute("version").to_owned(),
            revision: root.attribute("revision").to_owned(),
            release: root.attribute("release").to_owned(),
        },
        left_out: tree.left_out,
        ..Scl::default()
    };
    let mut names = HashSet::new();
    for element in root.all("IED") {
        let name = element.attribute("name");
        if name.is_empty() {
            findings.add(element.line, missing_name("IED", "name"));
        } else if !names.insert(name) {
            findings.add(element.line, duplicate("IED", name));
        } else {
            scl.ieds.push(ied(element, &mut types, &mut findings));
        }
    }
    if scl.ieds.is_empty() && !root.children.iter().any(|c| c.name == "Substation") {
        findings.add(
            root.line,
            Diagnostic::warning("SCL.FILE.EMPTY", "the file has no IED").hint("name an ICD, CID, IID or SCD file with a device"),
        );
    }
    for ied in &mut scl.ieds {
        check_data_sets(ied, &mut findings);
        check_control_blocks(ied, &mut findings);
    }
    if let Some(element) = root.child("Communication") {
        communication(element, &mut scl, &mut findings);
    }
    for element in root.all("Substation") {
        substation(element, &mut scl.assets, &mut findings);
    }
    check_assets(&scl, &mut findings);
    check_inputs(&scl, &mut findings);
    (Some(scl), findings.into_sorted())
}

fn header(root: &Element) -> Header {
    let Some(e) = root.child("Header") else { return Header::default() };
    Header {
        id: e.attribute("id").to_owned(),
        version: e.attribute("version").to_owned(),
        revision: e.attribute("revision").to_owned(),
        tool: e.attribute("toolID").to_owned(),
    }
}

fn ied(element: &Element, types: &mut Types<'_>, findings: &mut Findings) -> Ied {
    let mut ied = Ied {
        name: element.attribute("name").to_owned(),
        manufacturer: element.attribute("manufacturer").to_owned(),
        kind: element.attribute("type").to_owned(),
        description: element.attribute("desc").to_owned(),
        line: element.line,
        ..Ied::default()
    };
    let services = element.child("Services").into_iter().chain(element.all("AccessPoint").filter_map(|a| a.child("Services")));
    for settings in services.filter_map(|s| s.child("ReportSettings")) {
        ied.has_owner |= settings.attribute("owner") == "true";
        ied.has_resv_tms |= settings.attribute("resvTms") == "true";
    }
    let mut points = HashSet::new();
    let mut insts = HashSet::new();
    for child in element.all("AccessPoint") {
        let name = child.attribute("name");
        if name.is_empty() {
            findings.add(child.line, missing_name("AccessPoint", "name"));
        } else if !points.insert(name) {
            findings.add(child.line, duplicate(&format!("access point of \"{}\":", ied.name), name));
            continue;
        }
        let mut point = AccessPoint { name: name.to_owned(), devices: Vec::new(), line: child.line };
        for device in child.child("Server").into_iter().flat_map(|s| s.all("LDevice")) {
            let inst = device.attribute("inst");
            if inst.is_empty() {
                findings.add(device.line, missing_name("LDevice", "inst"));
            } else if !insts.insert(inst) {
                findings.add(device.line, duplicate(&format!("logical device of \"{}\":", ied.name), inst));
            } else {
                point.devices.push(logical_device(device, &ied.name, types, findings));
            }
        }
        ied.access_points.push(point);
    }
    ied
}

fn logical_device(element: &Element, ied: &str, types: &mut Types<'_>, findings: &mut Findings) -> LogicalDevice {
    let mut device = LogicalDevice {
        inst: element.attribute("inst").to_owned(),
        ld_name: element.attribute("ldName").to_owned(),
        description: element.attribute("desc").to_owned(),
        nodes: Vec::new(),
        line: element.line,
    };
    let mut names = HashSet::new();
    for child in element.children.iter().filter(|c| c.name == "LN0" || c.name == "LN") {
        let node = logical_node(child, &device.inst, types, findings);
        if !names.insert(node.name()) {
            findings.add(child.line, duplicate(&format!("logical node of \"{ied}\" {}:", device.inst), &node.name()));
            continue;
        }
        // The first node of a device is its zero node; some tools write it last.
        match child.name == "LN0" {
            true => device.nodes.insert(0, node),
            false => device.nodes.push(node),
        }
    }
    if !device.nodes.iter().any(|n| n.class == "LLN0") {
        findings.add(
            element.line,
            Diagnostic::error("SCL.NODE.NO_LLN0", format!("logical device \"{}\" has no LN0", device.inst))
                .detail("Every logical device has the node LLN0; without it the device cannot be served or its data sets found.")
                .hint("add the LN0 element"),
        );
    }
    device
}

fn logical_node(element: &Element, ld: &str, types: &mut Types<'_>, findings: &mut Findings) -> LogicalNode {
    let zero = element.name == "LN0";
    let class = match element.attribute("lnClass") {
        "" if zero => "LLN0",
        "" => {
            findings.add(element.line, missing_name("LN", "lnClass"));
            ""
        }
        class => class,
    };
    let mut node = LogicalNode {
        prefix: element.attribute("prefix").to_owned(),
        class: class.to_owned(),
        inst: if zero { String::new() } else { element.attribute("inst").to_owned() },
        type_id: element.attribute("lnType").to_owned(),
        description: element.attribute("desc").to_owned(),
        line: element.line,
        ..LogicalNode::default()
    };
    node.objects = types.objects_of(&node.type_id, element.line, findings);
    for child in &element.children {
        match child.name.as_str() {
            "DOI" if node.objects.is_empty() => {}
            "DOI" => instance(child, &mut node.objects, &node.type_id, findings),
            "DataSet" => node.data_sets.push(data_set(child, ld, findings)),
            "ReportControl" => node.reports.push(report_control(child, findings)),
            "GSEControl" if child.attribute("type") != "GSSE" => node.gooses.push(goose_control(child, findings)),
            "SampledValueControl" => node.samples.push(sampled_control(child, findings)),
            "SettingControl" => {
                node.setting_groups =
                    Some(SettingGroups { groups: number(child, "numOfSGs", 1, findings), active: number(child, "actSG", 1, findings) });
            }
            "Inputs" => node.inputs.extend(child.all("ExtRef").map(external_reference)),
            _ => {}
        }
    }
    unique(&mut node.data_sets, |d| (&d.name, d.line), "DataSet", findings);
    unique(&mut node.reports, |r| (&r.name, r.line), "ReportControl", findings);
    unique(&mut node.gooses, |g| (&g.name, g.line), "GSEControl", findings);
    unique(&mut node.samples, |s| (&s.name, s.line), "SampledValueControl", findings);
    node
}

fn unique<T>(items: &mut Vec<T>, key: impl Fn(&T) -> (&String, u32), what: &str, findings: &mut Findings) {
    let mut seen: HashSet<String> = HashSet::new();
    items.retain(|item| {
        let (name, line) = key(item);
        if name.is_empty() {
            findings.add(line, missing_name(what, "name"));
            return false;
        }
        let fresh = seen.insert(name.clone());
        if !fresh {
            findings.add(line, duplicate(what, name));
        }
        fresh
    });
}

/// Gives the values of an instance to the nodes of its type.
fn instance(element: &Element, nodes: &mut [Node], within: &str, findings: &mut Findings) {
    let name = element.attribute("name");
    let Some(i) = nodes.iter().position(|n| n.name == name) else {
        let near = nearest(name, nodes.iter().map(|n| n.name.as_str()));
        findings.add(
            element.line,
            Diagnostic::warning("SCL.INSTANCE.UNKNOWN", format!("{} \"{name}\" is not in its type", element.name))
                .detail(format!("\"{within}\" has no such part; the values here are of no effect."))
                .hint(match near {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => "correct the name, or add it to the type".to_owned(),
                }),
        );
        return;
    };
    let node = &mut nodes[i];
    if let Some(text) = element.get("desc").filter(|d| !d.is_empty()) {
        text.clone_into(&mut node.description);
    }
    if element.name == "DAI" {
        if let Kind::Attribute(attribute) = &mut node.kind {
            set_values(attribute, element, name, findings);
        }
        return;
    }
    // The values of one element of an array have no place in a tree that holds the element once.
    if node.count.is_some() && element.get("ix").is_some() {
        return;
    }
    for child in element.children.iter().filter(|c| c.name == "SDI" || c.name == "DAI") {
        instance(child, &mut node.children, name, findings);
    }
}

fn data_set(element: &Element, ld: &str, findings: &mut Findings) -> DataSet {
    let mut set = DataSet { name: element.attribute("name").to_owned(), members: Vec::new(), line: element.line };
    for child in element.all("FCDA") {
        let Ok(fc) = FC::parse(child.attribute("fc")) else {
            findings.add(child.line, unreadable("fc", child.attribute("fc"), "a functional constraint"));
            continue;
        };
        let inst = match child.attribute("ldInst") {
            "" => ld,
            inst => inst,
        };
        let names = child.attribute("doName").split('.').chain(child.attribute("daName").split('.'));
        let mut index = child.get("ix").and_then(|i| i.parse().ok());
        // An element of an array is written as `name(3)` too.
        let path = names
            .filter(|n| !n.is_empty())
            .map(|n| match n.split_once('(') {
                Some((name, rest)) => {
                    index = index.or_else(|| rest.trim_end_matches(')').parse().ok());
                    name.to_owned()
                }
                None => n.to_owned(),
            })
            .collect();
        set.members.push(Member {
            ld_inst: inst.to_owned(),
            node: format!("{}{}{}", child.attribute("prefix"), child.attribute("lnClass"), child.attribute("lnInst")),
            fc,
            path,
            index,
            resolved: false,
            line: child.line,
        });
    }
    set
}

/// An attribute that is `true` or `false`.
fn flag(element: Option<&Element>, name: &str, default: bool, findings: &mut Findings) -> bool {
    let Some(element) = element else { return default };
    match element.get(name) {
        None => default,
        Some("true" | "1") => true,
        Some("false" | "0") => false,
        Some(other) => {
            findings.add(element.line, unreadable(name, other, "true or false"));
            default
        }
    }
}

/// An attribute that is a whole number; what cannot be read is told and is the default.
fn number(element: &Element, name: &str, default: u32, findings: &mut Findings) -> u32 {
    match element.get(name).map(str::trim) {
        None | Some("") => default,
        Some(text) => text.parse().unwrap_or_else(|_| {
            findings.add(element.line, unreadable(name, text, "a whole number"));
            default
        }),
    }
}

fn report_control(element: &Element, findings: &mut Findings) -> ReportControl {
    let triggers = element.child("TrgOps");
    let fields = element.child("OptFields");
    let enabled = element.child("RptEnabled");
    ReportControl {
        name: element.attribute("name").to_owned(),
        description: element.attribute("desc").to_owned(),
        buffered: flag(Some(element), "buffered", false, findings),
        rpt_id: element.attribute("rptID").to_owned(),
        data_set: element.attribute("datSet").to_owned(),
        conf_rev: number(element, "confRev", 0, findings),
        buf_time_ms: number(element, "bufTime", 0, findings),
        integrity_ms: number(element, "intgPd", 0, findings),
        indexed: flag(Some(element), "indexed", true, findings),
        instances: enabled.map_or(1, |e| number(e, "max", 1, findings)).clamp(1, 99),
        triggers: Triggers {
            data_change: flag(triggers, "dchg", false, findings),
            quality_change: flag(triggers, "qchg", false, findings),
            data_update: flag(triggers, "dupd", false, findings),
            integrity: flag(triggers, "period", false, findings),
            // A general interrogation is answered unless the file forbids it.
            general_interrogation: flag(triggers, "gi", true, findings),
        },
        fields: ReportFields {
            sequence_number: flag(fields, "seqNum", false, findings),
            time_stamp: flag(fields, "timeStamp", false, findings),
            reason: flag(fields, "reasonCode", false, findings),
            data_set: flag(fields, "dataSet", false, findings),
            data_reference: flag(fields, "dataRef", false, findings),
            buffer_overflow: flag(fields, "bufOvfl", true, findings),
            entry_id: flag(fields, "entryID", false, findings),
            conf_rev: flag(fields, "configRef", false, findings),
        },
        line: element.line,
    }
}

fn goose_control(element: &Element, findings: &mut Findings) -> GooseControl {
    GooseControl {
        name: element.attribute("name").to_owned(),
        description: element.attribute("desc").to_owned(),
        go_id: element.attribute("appID").to_owned(),
        data_set: element.attribute("datSet").to_owned(),
        conf_rev: number(element, "confRev", 0, findings),
        fixed_offsets: flag(Some(element), "fixedOffs", false, findings),
        address: None,
        line: element.line,
    }
}

fn sampled_control(element: &Element, findings: &mut Findings) -> SampledControl {
    SampledControl {
        name: element.attribute("name").to_owned(),
        sv_id: element.attribute("smvID").to_owned(),
        data_set: element.attribute("datSet").to_owned(),
        conf_rev: number(element, "confRev", 0, findings),
        samples_per_period: number(element, "smpRate", 0, findings),
        samples_per_message: number(element, "nofASDU", 1, findings),
        address: None,
        line: element.line,
    }
}

fn external_reference(element: &Element) -> ExternalReference {
    let block = match element.attribute("srcCBName") {
        "" => String::new(),
        name => {
            let ld = Some(element.attribute("srcLDInst")).filter(|l| !l.is_empty()).unwrap_or(element.attribute("ldInst"));
            let class = Some(element.attribute("srcLNClass")).filter(|c| !c.is_empty()).unwrap_or("LLN0");
            format!("{ld}/{}{class}{}.{name}", element.attribute("srcPrefix"), element.attribute("srcLNInst"))
        }
    };
    ExternalReference {
        ied: element.attribute("iedName").to_owned(),
        ld_inst: element.attribute("ldInst").to_owned(),
        node: format!("{}{}{}", element.attribute("prefix"), element.attribute("lnClass"), element.attribute("lnInst")),
        object: element.attribute("doName").to_owned(),
        attribute: element.attribute("daName").to_owned(),
        service: element.attribute("serviceType").to_owned(),
        control_block: block,
        internal_address: element.attribute("intAddr").to_owned(),
        line: element.line,
    }
}

/// What a reference leads to in an IED.
fn find<'a>(ied: &'a Ied, ld_inst: &str, node: &str) -> Option<&'a LogicalNode> {
    ied.devices().find(|d| d.inst == ld_inst)?.nodes.iter().find(|n| n.name() == node)
}

/// Looks up every member of every data set.
fn check_data_sets(ied: &mut Ied, findings: &mut Findings) {
    let mut resolved: Vec<bool> = Vec::new();
    for device in ied.devices() {
        for set in device.nodes.iter().flat_map(|n| &n.data_sets) {
            for member in &set.members {
                let fault = member_fault(ied, member);
                resolved.push(fault.is_none());
                if let Some((detail, hint)) = fault {
                    findings.add(
                        member.line,
                        Diagnostic::error(
                            "SCL.DATA_SET.MEMBER_UNKNOWN",
                            format!("data set \"{}\" has a member that is not in the model", set.name),
                        )
                        .element(format!("ied.{}", ied.name))
                        .detail(format!("{}: {detail}", member.reference()))
                        .hint(hint),
                    );
                }
            }
        }
    }
    let mut resolved = resolved.into_iter();
    let sets = ied.access_points.iter_mut().flat_map(|a| &mut a.devices).flat_map(|d| &mut d.nodes).flat_map(|n| &mut n.data_sets);
    for member in sets.flat_map(|s| &mut s.members) {
        member.resolved = resolved.next().unwrap_or(false);
    }
}

fn member_fault(ied: &Ied, member: &Member) -> Option<(String, String)> {
    let correct =
        |near: Option<&str>| near.map_or("correct the reference, or remove the member".to_owned(), |n| format!("did you mean \"{n}\"?"));
    let Some(device) = ied.devices().find(|d| d.inst == member.ld_inst) else {
        let near = nearest(&member.ld_inst, ied.devices().map(|d| d.inst.as_str()));
        return Some((format!("there is no logical device \"{}\".", member.ld_inst), correct(near)));
    };
    let Some(node) = device.nodes.iter().find(|n| n.name() == member.node) else {
        let names: Vec<String> = device.nodes.iter().map(LogicalNode::name).collect();
        return Some((
            format!("there is no logical node \"{}\".", member.node),
            correct(nearest(&member.node, names.iter().map(String::as_str))),
        ));
    };
    // A member without an object stands for all data of the node with the functional constraint.
    let Some(first) = member.path.first() else {
        return (!node.objects.iter().any(|o| o.has(member.fc)))
            .then(|| (format!("nothing in \"{}\" has the functional constraint {}.", member.node, member.fc), correct(None)));
    };
    let Some(mut at) = node.objects.iter().find(|o| o.name == *first) else {
        return Some((
            format!("there is no data object \"{first}\"."),
            correct(nearest(first, node.objects.iter().map(|o| o.name.as_str()))),
        ));
    };
    for name in &member.path[1..] {
        match at.child(name) {
            Some(child) => at = child,
            None => {
                return Some((
                    format!("\"{}\" has no part \"{name}\".", at.name),
                    correct(nearest(name, at.children.iter().map(|c| c.name.as_str()))),
                ));
            }
        }
    }
    if !at.has(member.fc) {
        let found: HashSet<String> = at.attribute().map(|a| a.fc.to_string()).into_iter().collect();
        let detail = match found.iter().next() {
            Some(fc) => format!("its functional constraint is {fc}, not {}.", member.fc),
            None => format!("nothing in it has the functional constraint {}.", member.fc),
        };
        return Some((detail, "correct fc".to_owned()));
    }
    None
}

/// Data sets that control blocks name.
fn check_control_blocks(ied: &Ied, findings: &mut Findings) {
    for node in ied.devices().flat_map(|d| &d.nodes) {
        let blocks = (node.reports.iter().map(|r| ("ReportControl", &r.name, &r.data_set, r.line)))
            .chain(node.gooses.iter().map(|g| ("GSEControl", &g.name, &g.data_set, g.line)))
            .chain(node.samples.iter().map(|s| ("SampledValueControl", &s.name, &s.data_set, s.line)));
        for (what, name, set, line) in blocks {
            // A block without one waits for a client to set it.
            if set.is_empty() || node.data_sets.iter().any(|d| d.name == *set) {
                continue;
            }
            let near = nearest(set, node.data_sets.iter().map(|d| d.name.as_str()));
            findings.add(
                line,
                Diagnostic::error(
                    "SCL.DATA_SET.UNKNOWN",
                    format!("{what} \"{name}\" names data set \"{set}\", which is not in its logical node"),
                )
                .element(format!("ied.{}", ied.name))
                .detail("The block is kept without a data set and sends nothing.")
                .hint(near.map_or("add the data set, or correct datSet".to_owned(), |n| format!("did you mean \"{n}\"?"))),
            );
        }
    }
}

fn communication(element: &Element, scl: &mut Scl, findings: &mut Findings) {
    // Who uses which address, for addresses that two messages share.
    let mut used: HashMap<(u64, u16), String> = HashMap::new();
    for network in element.all("SubNetwork") {
        for connected in network.all("ConnectedAP") {
            let (name, point) = (connected.attribute("iedName"), connected.attribute("apName"));
            let Some(ied) = scl.ieds.iter_mut().find(|i| i.name == name) else {
                findings.add(
                    connected.line,
                    Diagnostic::warning(
                        "SCL.ADDRESS.UNKNOWN_DEVICE",
                        format!("an address is given for IED \"{name}\", which is not in the file"),
                    )
                    .detail("The address is of no effect.")
                    .hint("correct iedName, or add the device"),
                );
                continue;
            };
            if !ied.access_points.iter().any(|a| a.name == point) {
                findings.add(
                    connected.line,
                    Diagnostic::warning(
                        "SCL.ADDRESS.UNKNOWN_DEVICE",
                        format!("an address is given for access point \"{point}\", which IED \"{name}\" does not have"),
                    )
                    .hint("correct apName"),
                );
            }
            scl.communication.push(ConnectedAccessPoint {
                subnetwork: network.attribute("name").to_owned(),
                subnetwork_kind: network.attribute("type").to_owned(),
                ied: name.to_owned(),
                access_point: point.to_owned(),
                parameters: connected
                    .child("Address")
                    .into_iter()
                    .flat_map(|a| a.all("P"))
                    .map(|p| (p.attribute("type").to_owned(), p.text.clone()))
                    .collect(),
                line: connected.line,
            });
            for child in connected.children.iter().filter(|c| c.name == "GSE" || c.name == "SMV") {
                let goose = child.name == "GSE";
                let (ld, block) = (child.attribute("ldInst"), child.attribute("cbName"));
                let address = multicast_address(child, goose, findings);
                let Some(place) = address_slot(ied, ld, block, goose) else {
                    findings.add(
                        child.line,
                        Diagnostic::warning(
                            "SCL.ADDRESS.UNKNOWN_BLOCK",
                            format!("an address is given for control block \"{ld}/LLN0.{block}\", which IED \"{name}\" does not have"),
                        )
                        .detail("The address is of no effect.")
                        .hint("correct ldInst and cbName"),
                    );
                    continue;
                };
                let Some(address) = address else { continue };
                let key = (address.mac.iter().fold(0, |sum, b| (sum << 8) | u64::from(*b)), address.app_id);
                let reference = format!("{name}{ld}/LLN0.{block}");
                if let Some(other) = used.get(&key) {
                    findings.add(
                        child.line,
                        Diagnostic::warning("SCL.ADDRESS.SHARED", format!("{reference} has the address and APPID of {other}"))
                            .detail("Receivers cannot tell them apart before they decode them.")
                            .hint("give each control block an address and APPID of its own"),
                    );
                } else {
                    used.insert(key, reference);
                }
                *place = Some(address);
            }
        }
    }
}

fn address_slot<'a>(ied: &'a mut Ied, ld: &str, block: &str, goose: bool) -> Option<&'a mut Option<MulticastAddress>> {
    let device = ied.access_points.iter_mut().flat_map(|a| &mut a.devices).find(|d| d.inst == ld)?;
    let mut nodes = device.nodes.iter_mut();
    match goose {
        true => nodes.flat_map(|n| &mut n.gooses).find(|g| g.name == block).map(|g| &mut g.address),
        false => nodes.find_map(|n| n.samples.iter_mut().find(|s| s.name == block)).map(|s| &mut s.address),
    }
}

/// Walks the primary equipment for the logical nodes that stand for it.
fn substation(root: &Element, assets: &mut Vec<AssetUse>, findings: &mut Findings) {
    let mut open: Vec<(&Element, String)> = vec![(root, root.attribute("name").to_owned())];
    while let Some((element, path)) = open.pop() {
        for node in element.all("LNode") {
            let (ied, class) = (node.attribute("iedName"), node.attribute("lnClass"));
            // Before devices are chosen, a function is allotted to none.
            if ied.is_empty() || ied == "None" {
                continue;
            }
            let inst = if class == "LLN0" { "" } else { node.attribute("lnInst") };
            assets.push(AssetUse {
                path: path.clone(),
                equipment: match element.attribute("type") {
                    "" => element.name.clone(),
                    kind => kind.to_owned(),
                },
                ied: ied.to_owned(),
                ld_inst: node.attribute("ldInst").to_owned(),
                node: format!("{}{class}{inst}", node.attribute("prefix")),
                line: node.line,
            });
        }
        for child in
            element.children.iter().rev().filter(|c| c.get("name").is_some() && !matches!(c.name.as_str(), "Terminal" | "ConnectivityNode"))
        {
            if child.attribute("name").is_empty() {
                findings.add(child.line, missing_name(&child.name, "name"));
            }
            open.push((child, format!("{path}/{}", child.attribute("name"))));
        }
    }
}

fn check_assets(scl: &Scl, findings: &mut Findings) {
    for used in &scl.assets {
        let ied = scl.ieds.iter().find(|i| i.name == used.ied);
        if ied.is_some_and(|i| find(i, &used.ld_inst, &used.node).is_some()) {
            continue;
        }
        findings.add(
            used.line,
            Diagnostic::warning(
                "SCL.ASSET.UNKNOWN_NODE",
                format!("\"{}\" uses logical node {}{}/{}, which is not in the file", used.path, used.ied, used.ld_inst, used.node),
            )
            .element(used.path.clone())
            .detail(if ied.is_none() { "There is no such IED." } else { "The IED has no such node." })
            .hint("correct the LNode, or add the device"),
        );
    }
}

/// Inputs whose source is in the file must be there.
fn check_inputs(scl: &Scl, findings: &mut Findings) {
    for ied in &scl.ieds {
        for input in ied.devices().flat_map(|d| &d.nodes).flat_map(|n| &n.inputs) {
            // An input without a device is not connected yet.
            if input.ied.is_empty() || input.node.is_empty() {
                continue;
            }
            let from = if input.ied == "@" { Some(ied) } else { scl.ieds.iter().find(|i| i.name == input.ied) };
            let node = from.and_then(|i| find(i, &input.ld_inst, &input.node));
            let names = input.object.split('.').chain(input.attribute.split('.')).filter(|n| !n.is_empty());
            if node.is_some_and(|n| input.object.is_empty() || n.at(names).is_some()) {
                continue;
            }
            findings.add(
                input.line,
                Diagnostic::warning(
                    "SCL.INPUT.UNKNOWN",
                    format!(
                        "an input of \"{}\" comes from {}{}/{}.{}.{}, which is not in the file",
                        ied.name, input.ied, input.ld_inst, input.node, input.object, input.attribute
                    ),
                )
                .detail(if from.is_none() { "There is no such IED." } else { "The IED has no such data." })
                .hint("correct the ExtRef, or add the device that sends it"),
            );
        }
    }
}
