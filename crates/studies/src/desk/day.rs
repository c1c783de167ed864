//! A day of flexible demand with what was tried on a desk: its programs, and who is subscribed to them.

use super::Desk;
use network::flexibility::{FlexibilityCase, Program};
use std::collections::HashMap;

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

impl Desk {
    /// The document with the programs of the desk, to be run on [`Desk::network`] by `flexibility::run`.
    ///
    /// Of a program that both have (names are compared without case) the rules of the desk hold, in the document's place and under its name for it. A
    /// device that names no program and stands at a bus that is subscribed on the desk is in the first such program that may use its class.
    #[must_use]
    pub fn day_case(&self, mut document: FlexibilityCase) -> FlexibilityCase {
        // What each program of the desk is called in the document, by its number.
        let mut names: Vec<(String, u32)> = Vec::new();
        for (&number, registered) in &self.state.programs {
            let rules = &registered.rules;
            let mut of_document = document.programs.iter_mut().filter(|p| same(&p.name, &rules.name)).peekable();
            let name = of_document.peek().map_or_else(|| rules.name.clone(), |p| p.name.clone());
            let is_new = of_document.peek().is_none();
            of_document.for_each(|p| *p = Program { name: p.name.clone(), ..rules.clone() });
            if is_new {
                document.programs.push(rules.clone());
            }
            names.push((name, number));
        }
        let known: Vec<&str> = document.programs.iter().map(|p| p.name.as_str()).collect();
        let resolve = |name: &mut String| {
            if !known.contains(&name.as_str())
                && let Some(of_case) = known.iter().find(|k| same(k, name))
            {
                *name = (*of_case).to_owned();
            }
        };
        document.events.iter_mut().flat_map(|e| &mut e.programs).for_each(resolve);
        document.devices.iter_mut().filter_map(|d| d.program.as_mut()).for_each(resolve);

        let network = self.network();
        let bus_of_load: HashMap<&str, &str> = network
            .loads
            .iter()
            .filter_map(|l| Some((l.common.name.as_str(), network.bus(l.common.terminals.first()?.bus).name.as_str())))
            .collect();
        for device in document.devices.iter_mut().filter(|d| d.program.is_none()) {
            let bus = match (&device.bus, &device.load) {
                (Some(bus), _) => network.bus_id(bus).map(|b| network.bus(b).name.as_str()),
                (None, Some(load)) => bus_of_load.get(load.to_lowercase().as_str()).copied(),
                (None, None) => None,
            };
            let Some(bus) = bus else { continue };
            let class = device.class();
            let is_in = |number: &u32| {
                self.state.programs.get(number).is_some_and(|p| {
                    let allowed = &p.rules.classes;
                    p.buses.contains(bus) && (allowed.is_empty() || allowed.contains(&class))
                })
            };
            device.program = names.iter().find(|(_, number)| is_in(number)).map(|(name, _)| name.clone());
        }
        document
    }
}
