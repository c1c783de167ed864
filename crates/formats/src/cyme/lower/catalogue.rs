//! The catalogue by id.

use super::super::model::*;
use super::{Lowering, lower_case};
use network::Diagnostic;
use std::collections::HashMap;

/// Entries of the catalogue by id in lower case; of several with one id the first counts.
pub(super) struct Catalogue<'a> {
    pub conductors: HashMap<String, &'a Conductor>,
    pub spacings: HashMap<String, &'a Spacing>,
    pub lines: HashMap<String, &'a LineType>,
    pub unbalanced: HashMap<String, &'a LineUnbalanced>,
    pub cables: HashMap<String, &'a Cable>,
    pub transformers: HashMap<String, &'a TransformerType>,
    pub three_winding: HashMap<String, &'a ThreeWindingType>,
    pub autotransformers: HashMap<String, &'a AutoTransformerType>,
    pub grounding: HashMap<String, &'a GroundingTransformerType>,
    pub regulators: HashMap<String, &'a RegulatorType>,
    pub substations: HashMap<String, &'a SubstationType>,
    pub switches: HashMap<(SwitchKind, String), &'a SwitchType>,
    pub capacitors: HashMap<String, &'a ShuntType>,
    pub reactors: HashMap<String, &'a ShuntType>,
    pub series_capacitors: HashMap<String, &'a SeriesType>,
    pub series_reactors: HashMap<String, &'a SeriesType>,
    pub photovoltaics: HashMap<String, &'a PhotovoltaicType>,
    pub generators: HashMap<(GeneratorKind, String), &'a GeneratorType>,
    pub bess: HashMap<String, &'a BessType>,
    pub classes: HashMap<String, &'a CustomerClass>,
}

fn by_id<T>(records: &[T], id: impl Fn(&T) -> &str) -> HashMap<String, &T> {
    let mut map = HashMap::new();
    for record in records {
        map.entry(lower_case(id(record))).or_insert(record);
    }
    map
}

impl<'a> Catalogue<'a> {
    pub fn of(model: &'a Model) -> Self {
        let mut switches = HashMap::new();
        for (kind, record) in &model.switch_types {
            switches.entry((*kind, lower_case(&record.id))).or_insert(record);
        }
        let mut generators = HashMap::new();
        for (kind, record) in &model.generator_types {
            generators.entry((*kind, lower_case(&record.id))).or_insert(record);
        }
        Self {
            conductors: by_id(&model.conductors, |r| &r.id),
            spacings: by_id(&model.spacings, |r| &r.id),
            lines: by_id(&model.line_types, |r| &r.id),
            unbalanced: by_id(&model.lines_unbalanced, |r| &r.id),
            cables: by_id(&model.cables, |r| &r.id),
            transformers: by_id(&model.transformer_types, |r| &r.id),
            three_winding: by_id(&model.three_winding_types, |r| &r.id),
            autotransformers: by_id(&model.autotransformer_types, |r| &r.id),
            grounding: by_id(&model.grounding_transformer_types, |r| &r.id),
            regulators: by_id(&model.regulator_types, |r| &r.id),
            substations: by_id(&model.substation_types, |r| &r.id),
            switches,
            capacitors: by_id(&model.capacitor_types, |r| &r.id),
            reactors: by_id(&model.reactor_types, |r| &r.id),
            series_capacitors: by_id(&model.series_capacitor_types, |r| &r.id),
            series_reactors: by_id(&model.series_reactor_types, |r| &r.id),
            photovoltaics: by_id(&model.photovoltaic_types, |r| &r.id),
            generators,
            bess: by_id(&model.bess_types, |r| &r.id),
            classes: by_id(&model.customer_classes, |r| &r.id),
        }
    }
}

impl Lowering<'_> {
    /// Reports an entry that a device names and the catalogue does not have.
    pub(super) fn missing_equipment(&mut self, class: &str, device: &str, table: &str, id: &str, source: &network::SourceRef) {
        self.find(
            Diagnostic::error("CYME.EQUIPMENT.MISSING", format!("the catalogue has no {table} {id:?}"))
                .element(format!("{class}.{}", lower_case(device)))
                .at(source)
                .hint("Export the equipment file together with the network; the entry may also have been unreadable, see the rejects."),
        );
        self.reject(source, format!("no {table} {id:?} in the catalogue"), device);
    }
}
