//! The sections of the text format: what file they belong to and what their rows become.

use super::super::model::*;
use network::SourceRef;

/// What a section is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    General,
    Network,
    Equipment,
    Load,
    /// Drawing: tags, connectors, stages. Counted only.
    Tag,
    Unknown,
}

/// Section name without blanks and underscores, upper case.
pub fn key(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace() && *c != '_').flat_map(char::to_uppercase).collect()
}

/// Makes records of rows.
pub struct Sink {
    pub layout: fn(&[String]) -> Layout,
    #[allow(clippy::type_complexity)]
    pub take: fn(&mut Model, &Layout, &[&str], Units, SourceRef, &mut Vec<Fault>),
}

macro_rules! sinks {
    ($($($name:literal)|+ => $kind:ident $record:ident |$model:ident, $r:ident| $push:expr;)*) => {
        /// What the rows of a section become; none for a section whose rows have no typed record.
        pub fn sink(key: &str) -> Option<Sink> {
            match key {
                $($($name)|+ => Some(Sink {
                    layout: |columns| Layout::of::<$record>(columns),
                    take: |$model, layout, row, units, source, faults| {
                        let before = faults.len();
                        let $r: $record = layout.read(row, units, source, faults);
                        if faults.len() == before {
                            $push;
                        }
                    },
                }),)*
                _ => None,
            }
        }

        fn typed_kind(key: &str) -> Option<Kind> {
            match key {
                $($($name)|+ => Some(Kind::$kind),)*
                _ => None,
            }
        }
    };
}

sinks! {
    "NODE" => Network Node |m, r| m.nodes.push(r);
    "HEADNODES" => Network HeadNode |m, r| m.head_nodes.push(r);
    "SOURCE" => Network Source |m, r| m.sources.push(r);
    "SOURCEEQUIVALENT" => Network SourceEquivalent |m, r| m.source_equivalents.push(r);
    "INTERMEDIATENODES" | "INTERMEDIATENODE" => Network IntermediateNode |m, r| m.intermediate_nodes.push(r);
    "OVERHEADBYPHASESETTING" => Network OverheadByPhase |m, r| m.overhead_by_phase.push(r);
    "OVERHEADLINEUNBALANCEDSETTING" => Network OverheadUnbalanced |m, r| m.overhead_unbalanced.push(r);
    "OVERHEADLINESETTING" => Network OverheadLine |m, r| m.overhead_lines.push(r);
    "UNDERGROUNDLINESETTING" => Network UndergroundLine |m, r| m.underground_lines.push(r);
    "SWITCHSETTING" => Network SwitchSetting |m, r| m.switches.push((SwitchKind::Switch, r));
    "FUSESETTING" => Network SwitchSetting |m, r| m.switches.push((SwitchKind::Fuse, r));
    "RECLOSERSETTING" => Network SwitchSetting |m, r| m.switches.push((SwitchKind::Recloser, r));
    "BREAKERSETTING" => Network SwitchSetting |m, r| m.switches.push((SwitchKind::Breaker, r));
    "SECTIONALIZERSETTING" => Network SwitchSetting |m, r| m.switches.push((SwitchKind::Sectionalizer, r));
    "NETWORKPROTECTORSETTING" => Network SwitchSetting |m, r| m.switches.push((SwitchKind::NetworkProtector, r));
    "LVCBSETTING" => Network SwitchSetting |m, r| m.switches.push((SwitchKind::LvBreaker, r));
    "MISCELLANEOUSSETTING" => Network SwitchSetting |m, r| m.switches.push((SwitchKind::Miscellaneous, r));
    "TRANSFORMERSETTING" => Network TransformerSetting |m, r| m.transformers.push(r);
    "TRANSFORMERBYPHASESETTING" => Network TransformerByPhase |m, r| m.transformers_by_phase.push(r);
    "THREEWINDINGTRANSFORMERSETTING" | "THREEWINDINGAUTOTRANSFORMERSETTING" => Network ThreeWindingSetting |m, r| m.three_winding_transformers.push(r);
    "AUTOTRANSFORMERSETTING" => Network AutoTransformerSetting |m, r| m.autotransformers.push(r);
    "GROUNDINGTRANSFORMERSETTING" | "GROUNDINGTRANSFORMERSETTINGS" => Network GroundingTransformerSetting |m, r| m.grounding_transformers.push(r);
    "REGULATORSETTING" => Network RegulatorSetting |m, r| m.regulators.push(r);
    "AUTOTAPCHANGINGEXTENSION" => Network TapChangingExtension |m, r| m.tap_changing.push(r);
    "SHUNTCAPACITORSETTING" => Network ShuntCapacitorSetting |m, r| m.shunt_capacitors.push(r);
    "SHUNTREACTORSETTING" => Network ShuntReactorSetting |m, r| m.shunt_reactors.push(r);
    "SERIECAPACITORSETTING" | "SERIESCAPACITORSETTING" => Network SeriesSetting |m, r| m.series_capacitors.push(r);
    "SERIEREACTORSETTING" | "SERIESREACTORSETTING" => Network SeriesSetting |m, r| m.series_reactors.push(r);
    "PHOTOVOLTAICSETTINGS" | "PHOTOVOLTAICSETTING" => Network PhotovoltaicSetting |m, r| m.photovoltaics.push(r);
    "SYNCHRONOUSGENERATORSETTING" => Network GeneratorSetting |m, r| m.generators.push((GeneratorKind::Synchronous, r));
    "INDUCTIONGENERATORSETTING" => Network GeneratorSetting |m, r| m.generators.push((GeneratorKind::Induction, r));
    "ELECTRONICCONVERTERGENERATORSETTING" => Network GeneratorSetting |m, r| m.generators.push((GeneratorKind::ElectronicConverter, r));
    "BESSSETTINGS" | "BESSSETTING" => Network BessSetting |m, r| m.bess.push(r);
    "CONVERTER" => Network Converter |m, r| m.converters.push(r);
    "CONVERTERCONTROLSETTING" => Network ConverterControl |m, r| m.converter_controls.push(r);
    "DGGENERATIONMODEL" => Network DgGenerationModel |m, r| m.generation_models.push(r);
    "INDUCTIONMOTORSETTING" => Network MotorSetting |m, r| m.induction_motors.push(r);
    "SYNCHRONOUSMOTORSETTING" => Network MotorSetting |m, r| m.synchronous_motors.push(r);

    "LOADS" => Load LoadSetting |m, r| m.loads.push(r);
    "CUSTOMERLOADS" => Load CustomerLoad |m, r| m.customer_loads.push(r);
    "CUSTOMERCLASS" => Load CustomerClass |m, r| m.customer_classes.push(r);
    "LOADMODELINFORMATION" => Load LoadModelInformation |m, r| m.load_models.push(r);

    "CONDUCTOR" => Equipment Conductor |m, r| m.conductors.push(r);
    "SPACINGTABLEFORLINE" => Equipment Spacing |m, r| m.spacings.push(r);
    "LINE" => Equipment LineType |m, r| m.line_types.push(r);
    "LINEUNBALANCED" => Equipment LineUnbalanced |m, r| m.lines_unbalanced.push(r);
    "CABLE" | "CONCENTRICNEUTRALCABLE" | "SHIELDEDCABLE" | "UNSHIELDEDCABLE" => Equipment Cable |m, r| m.cables.push(r);
    "CABLECONDUCTOR" => Equipment CableConductor |m, r| m.cable_conductors.push(r);
    "CABLEINSULATION" => Equipment CableInsulation |m, r| m.cable_insulations.push(r);
    "CABLECONCENTRICNEUTRAL" => Equipment CableConcentricNeutral |m, r| m.cable_neutrals.push(r);
    "TRANSFORMER" => Equipment TransformerType |m, r| m.transformer_types.push(r);
    "THREEWINDINGTRANSFORMER" => Equipment ThreeWindingType |m, r| m.three_winding_types.push(r);
    "THREEWINDINGAUTOTRANSFORMER" => Equipment ThreeWindingType |m, r| m.three_winding_types.push(r);
    "AUTOTRANSFORMER" => Equipment AutoTransformerType |m, r| m.autotransformer_types.push(r);
    "GROUNDINGTRANSFORMER" => Equipment GroundingTransformerType |m, r| m.grounding_transformer_types.push(r);
    "REGULATOR" => Equipment RegulatorType |m, r| m.regulator_types.push(r);
    "SUBSTATION" => Equipment SubstationType |m, r| m.substation_types.push(r);
    "SWITCH" => Equipment SwitchType |m, r| m.switch_types.push((SwitchKind::Switch, r));
    "FUSE" => Equipment SwitchType |m, r| m.switch_types.push((SwitchKind::Fuse, r));
    "RECLOSER" => Equipment SwitchType |m, r| m.switch_types.push((SwitchKind::Recloser, r));
    "BREAKER" => Equipment SwitchType |m, r| m.switch_types.push((SwitchKind::Breaker, r));
    "SECTIONALIZER" => Equipment SwitchType |m, r| m.switch_types.push((SwitchKind::Sectionalizer, r));
    "NETWORKPROTECTOR" => Equipment SwitchType |m, r| m.switch_types.push((SwitchKind::NetworkProtector, r));
    "LVCB" => Equipment SwitchType |m, r| m.switch_types.push((SwitchKind::LvBreaker, r));
    "MISCELLANEOUS" => Equipment SwitchType |m, r| m.switch_types.push((SwitchKind::Miscellaneous, r));
    "SHUNTCAPACITOR" => Equipment ShuntType |m, r| m.capacitor_types.push(r);
    "SHUNTREACTOR" => Equipment ShuntType |m, r| m.reactor_types.push(r);
    "SERIECAPACITOR" => Equipment SeriesType |m, r| m.series_capacitor_types.push(r);
    "SERIEREACTOR" => Equipment SeriesType |m, r| m.series_reactor_types.push(r);
    "PHOTOVOLTAIC" => Equipment PhotovoltaicType |m, r| m.photovoltaic_types.push(r);
    "SYNCHRONOUSGENERATOR" => Equipment GeneratorType |m, r| m.generator_types.push((GeneratorKind::Synchronous, r));
    "INDUCTIONGENERATOR" => Equipment GeneratorType |m, r| m.generator_types.push((GeneratorKind::Induction, r));
    "ELECTRONICCONVERTERGENERATOR" => Equipment GeneratorType |m, r| m.generator_types.push((GeneratorKind::ElectronicConverter, r));
    "BESS" => Equipment BessType |m, r| m.bess_types.push(r);
    "INDUCTIONMOTOR" => Equipment MotorType |m, r| m.induction_motor_types.push(r);
    "SYNCHRONOUSMOTOR" => Equipment MotorType |m, r| m.synchronous_motor_types.push(r);
}

/// Sections of the catalogue that are known by name and counted, but have no place in a power flow.
const OTHER_EQUIPMENT: &[&str] = &[
    "ARCFURNACE",
    "BATTERY",
    "BUSWAY",
    "CHARGER",
    "CTYPEFILTER",
    "DCDCCONVERTER",
    "DCFUSE",
    "DCLVCB",
    "DCMOTOR",
    "DCSWITCH",
    "DCUPS",
    "DOUBLETUNEDFILTER",
    "DOUBLECIRCUITSPACING",
    "FREQUENCYSOURCE",
    "GENERATIONCURVEMODEL",
    "GENERATORCOSTCURVEMODEL",
    "GENERATORCOSTCURVEMODELPOINTS",
    "HIGHPASSFILTER",
    "IDEALCONVERTER",
    "INDUCTIONMACHINEEQCIRCUIT",
    "INSOLATIONMODEL",
    "INSOLATIONMODELPOINTBLOCK",
    "LOADCURVEMODEL",
    "LVCBINTERRUPTINGRATINGS",
    "MICROTURBINE",
    "MOTORCURVEMODEL",
    "NONIDEALCONVERTER",
    "PHASESHIFTERTRANSFORMER",
    "SHIELDEDDCCABLE",
    "SINGLETUNEDFILTER",
    "SOFC",
    "SVC",
    "SYNCHRONOUSMACHINEEQCIRCUIT",
    "SYNCHRONOUSMACHINEEXTHARMO",
    "SYNCHRONOUSMACHINEEXTSTAB",
    "VARIABLEFREQUENCYDRIVE",
    "WECS",
    "WINDMODEL",
    "WINDMODELPOINTS",
];

/// Sections of the network that are known by name, beside the typed ones and all that end in SETTING(S).
const OTHER_NETWORK: &[&str] = &[
    "SECTION",
    "SUBNETWORKCONNECTIONS",
    "SUBNETWORKS",
    "NETWORKEQUIVALENT",
    "LOADEQUIVALENT",
    "DIVERSITYFACTOR",
    "LONGTERMDYNAMICSCURVEEXT",
];

/// What a section is about, by its key.
pub fn kind(key: &str) -> Kind {
    if let Some(kind) = typed_kind(key) {
        return kind;
    }
    match key {
        "GENERAL" | "SI" | "IMPERIAL" => Kind::General,
        "NODECONNECTOR" | "DEVICESTAGE" | "NODETAG" | "SOURCETAG" | "LOADTAG" | "DEVICETAG" | "SECTIONTAG" => Kind::Tag,
        _ if OTHER_EQUIPMENT.contains(&key) => Kind::Equipment,
        _ if OTHER_NETWORK.contains(&key) || key.ends_with("SETTING") || key.ends_with("SETTINGS") => Kind::Network,
        _ if key.ends_with("TAG") => Kind::Tag,
        _ => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_whatever_their_case_and_blanks() {
        assert_eq!(key("Overhead Byphase setting"), "OVERHEADBYPHASESETTING");
        assert_eq!(kind(&key("[SECTION]".trim_matches(['[', ']']))), Kind::Network);
        assert_eq!(kind("CONDUCTOR"), Kind::Equipment);
        assert_eq!(kind("CUSTOMERLOADS"), Kind::Load);
        assert_eq!(kind("WHATEVER"), Kind::Unknown);
    }
}
