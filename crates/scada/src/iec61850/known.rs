//! What a device says of the types of the logical nodes that points are in.
//!
//! One request tells of all objects of a node that have the same functional constraint. A device of thousands of points is known after some
//! hundred short requests, where a list of all its names takes thousands, page by page. A device that does not answer for a whole node, as
//! the answer would be too long, is asked for the objects one by one.

use super::client::{Client, Error};
use super::layout::part_type;
use iec61850_client::TypeSpecification;
use iec61850_model::FC;
use std::collections::HashMap;

/// The names of a reference after its logical node, and what stands before them; the names are empty for the node itself.
pub(super) fn names(reference: &str) -> Option<(&str, &str)> {
    let slash = reference.find('/')?;
    match reference[slash..].find('.') {
        Some(dot) => Some((&reference[..slash + dot], &reference[slash + dot + 1..])),
        None => Some((reference, "")),
    }
}

/// Types of nodes and objects (`LD/LN`, `LD/LN.DO`) as far as they were asked for; none where the device refused.
#[derive(Debug, Default)]
pub(super) struct Known {
    types: HashMap<(String, FC), Option<TypeSpecification>>,
}

impl Known {
    /// Asks for what has a reference in it, unless that is known.
    ///
    /// # Errors
    /// Anything but a refusal, which is an answer.
    pub(super) async fn learn(&mut self, client: &mut Client, reference: &str, fc: FC) -> Result<(), Error> {
        let Some((node, path)) = names(reference) else { return Ok(()) };
        if self.ask(client, node, fc).await? {
            return Ok(());
        }
        match path.split('.').next().filter(|object| !object.is_empty()) {
            Some(object) => self.ask(client, &format!("{node}.{object}"), fc).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Asks for one type; says whether there is one.
    async fn ask(&mut self, client: &mut Client, reference: &str, fc: FC) -> Result<bool, Error> {
        let key = (reference.to_owned(), fc);
        if let Some(known) = self.types.get(&key) {
            return Ok(known.is_some());
        }
        let found = match client.type_of(reference, fc).await {
            Ok(found) => Some(found),
            Err(Error::Refused { .. } | Error::Argument { .. }) => None,
            Err(other) => return Err(other),
        };
        let is_there = found.is_some();
        self.types.insert(key, found);
        Ok(is_there)
    }

    /// The type of what stands at a reference; none when the device has nothing there, or was not asked.
    pub(super) fn type_of(&self, reference: &str, fc: FC) -> Option<&TypeSpecification> {
        let (node, path) = names(reference)?;
        let path: Vec<&str> = path.split('.').filter(|n| !n.is_empty()).collect();
        if let Some(Some(of_node)) = self.types.get(&(node.to_owned(), fc)) {
            return part_type(of_node, &path);
        }
        let (object, below) = path.split_first()?;
        self.types.get(&(format!("{node}.{object}"), fc))?.as_ref().and_then(|of_object| part_type(of_object, below))
    }

    /// Names of what stands directly below a reference: of `LD/LN` with the constraint of report control blocks, the blocks.
    pub(super) fn below(&self, reference: &str, fc: FC) -> Vec<&str> {
        match self.type_of(reference, fc) {
            Some(TypeSpecification::Structure { components }) => components.iter().map(|c| c.name.as_str()).collect(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iec61850_client::StructComponent;

    fn structure(parts: Vec<(&str, TypeSpecification)>) -> TypeSpecification {
        let components = parts.into_iter().map(|(name, type_spec)| StructComponent { name: name.to_owned(), type_spec });
        TypeSpecification::Structure { components: components.collect() }
    }

    #[test]
    fn what_is_in_a_node_is_found_by_its_names() {
        let object = structure(vec![("stVal", TypeSpecification::Boolean), ("q", TypeSpecification::BitString { bits: -13 })]);
        let mut known = Known::default();
        known.types.insert(("LD/A1".to_owned(), FC::St), Some(structure(vec![("Ind1", object.clone())])));
        known.types.insert(("LD/B1".to_owned(), FC::St), None);
        known.types.insert(("LD/B1.Ind2".to_owned(), FC::St), Some(object));
        for (reference, is_there) in [
            ("LD/A1", true),
            ("LD/A1.Ind1", true),
            ("LD/A1.Ind1.stVal", true),
            ("LD/A1.Ind1.t", false),
            ("LD/A1.Ind2", false),
            ("LD/B1", false),
            ("LD/B1.Ind2", true),
            ("LD/B1.Ind2.q", true),
            ("LD/C1.Ind1", false),
            ("no reference", false),
        ] {
            assert_eq!(known.type_of(reference, FC::St).is_some(), is_there, "{reference}");
        }
        assert!(known.type_of("LD/A1.Ind1", FC::Mx).is_none());
        assert_eq!(known.below("LD/A1", FC::St), ["Ind1"]);
    }
}
