//! A CYME study as it is written, whatever carried it: typed records, one struct a kind.
//!
//! Text, database and XML hold the same records under three sets of names. A record lists the names of each field (the text
//! format's first), so that a carrier only has to say which columns it has: [`Layout::of`] finds them once a table, and
//! [`Record::read`] makes the record of a row. What is absent or `NULL` is `None` (or an empty word); what is there but
//! cannot be read is a [`Fault`] and never a default.
//!
//! Units are those of CYME's SI system: lengths and tower positions m, diameters and GMR cm, resistances and reactances of
//! lines ohm/km, susceptances µS/km, kV, kVA, kW, kvar, percent. Records of a file in imperial units are converted as they
//! are read ([`Units`]).

use super::codes::{
    ConductorPosition, LoadValueType, Location, Phases, RegulatorOption, TransformerConnection, WindingConnection, normalised,
    parse_disconnected, parse_flag, parse_normally_open,
};
use network::SourceRef;
use std::collections::{BTreeMap, HashMap};

/// Unit system and dialect of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Units {
    /// Feet, ohm/mile and inches instead of metres, ohm/km and centimetres.
    pub imperial: bool,
    /// The carrier is XML: `Y` is a wye that is not earthed.
    pub xml: bool,
    /// Text of version 5: `[LOADS].Location` counts in its own way.
    pub text_v5: bool,
}

/// A value that is there but cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Name of the field in the text format.
    pub field: &'static str,
    pub text: String,
}

/// Reads one kind of value.
pub trait FieldKind {
    type Value;
    /// The value of an absent field.
    fn absent() -> Self::Value;
    /// None when the text cannot be read.
    fn parse(text: &str, units: Units) -> Option<Self::Value>;
}

/// A record of a study: how its fields are named and read.
pub trait Record: Sized {
    /// Section of the text format, without brackets.
    const SECTION: &'static str;
    /// Names of each field, the text format's first, then those of database and XML.
    const FIELDS: &'static [&'static [&'static str]];

    /// Makes a record. `value(i)` is the text of field `i` of [`FIELDS`](Self::FIELDS), none when absent or empty.
    fn read<'a>(value: &mut dyn FnMut(usize) -> Option<&'a str>, units: Units, source: SourceRef, faults: &mut Vec<Fault>) -> Self;

    fn source(&self) -> &SourceRef;
}

/// Where the fields of a record stand among the columns of a table.
#[derive(Clone, Debug)]
pub struct Layout {
    columns: Vec<Vec<usize>>,
}

impl Layout {
    /// Matches column names to the fields of `R`, without regard to case and punctuation. A field may be found under several
    /// names; the first of them that is not empty counts.
    pub fn of<R: Record>(columns: &[impl AsRef<str>]) -> Layout {
        let mut index: HashMap<String, usize> = HashMap::new();
        for (i, column) in columns.iter().enumerate() {
            index.entry(normalised(column.as_ref())).or_insert(i);
        }
        Layout {
            columns: R::FIELDS.iter().map(|names| names.iter().filter_map(|n| index.get(&normalised(n)).copied()).collect()).collect(),
        }
    }

    /// Makes a record of a row of this layout; `NULL` and empty cells are absent.
    pub fn read<R: Record, S: AsRef<str>>(&self, row: &[S], units: Units, source: SourceRef, faults: &mut Vec<Fault>) -> R {
        let mut value = |field: usize| {
            let columns = self.columns.get(field)?;
            columns.iter().filter_map(|&c| row.get(c)).map(|text| text.as_ref().trim()).find(|text| !is_absent(text))
        };
        R::read(&mut value, units, source, faults)
    }

    /// Whether a column of any of the field's names is there.
    pub fn has(&self, field: usize) -> bool {
        self.columns.get(field).is_some_and(|c| !c.is_empty())
    }
}

/// Empty or `NULL`.
pub fn is_absent(text: &str) -> bool {
    text.is_empty() || text.eq_ignore_ascii_case("null")
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident -> $value:ty, $absent:expr, |$text:ident, $units:ident| $parse:expr;)*) => {
        $($(#[$doc])*
        pub enum $kind {}
        impl FieldKind for $kind {
            type Value = $value;
            fn absent() -> $value { $absent }
            fn parse($text: &str, $units: Units) -> Option<$value> { let _ = &$units; $parse }
        })*
    };
}

fn number(text: &str, factor: f64) -> Option<Option<f64>> {
    let value: f64 = text.parse().ok()?;
    value.is_finite().then_some(Some(if factor == 1.0 { value } else { value * factor }))
}

kinds! {
    /// A word or name as written; `#@@#` stands for a line break.
    Word -> String, String::new(), |t, u| Some(t.replace("#@@#", "\n"));
    /// A number without a unit that depends on the system.
    Num -> Option<f64>, None, |t, u| number(t, 1.0);
    /// m; feet in imperial files.
    Metres -> Option<f64>, None, |t, u| number(t, if u.imperial { 0.3048 } else { 1.0 });
    /// cm; inches in imperial files.
    Centimetres -> Option<f64>, None, |t, u| number(t, if u.imperial { 2.54 } else { 1.0 });
    /// ohm/km; ohm/mile in imperial files.
    OhmPerKm -> Option<f64>, None, |t, u| number(t, if u.imperial { 1.0 / 1.609344 } else { 1.0 });
    /// µS/km; µS/mile in imperial files.
    MicrosiemensPerKm -> Option<f64>, None, |t, u| number(t, if u.imperial { 1.0 / 1.609344 } else { 1.0 });
    PhaseSet -> Option<Phases>, None, |t, u| Phases::parse(t).map(Some);
    Place -> Option<Location>, None, |t, u| Location::parse(t).map(Some);
    LoadPlace -> Option<Location>, None, |t, u| if u.text_v5 { Location::parse_load_v5(t) } else { Location::parse(t) }.map(Some);
    Winding -> Option<WindingConnection>, None,
        |t, u| if u.xml { WindingConnection::parse(t) } else { WindingConnection::parse_text(t) }.map(Some);
    TwoWindings -> Option<TransformerConnection>, None,
        |t, u| if u.xml { TransformerConnection::parse_xml(t) } else { TransformerConnection::parse_text(t) }.map(Some);
    Position -> Option<ConductorPosition>, None, |t, u| ConductorPosition::parse(t).map(Some);
    ValueType -> Option<LoadValueType>, None, |t, u| LoadValueType::parse(t).map(Some);
    RegOption -> Option<RegulatorOption>, None, |t, u| Some(RegulatorOption::parse(t));
    /// True: disconnected.
    Disconnected -> bool, false, |t, u| parse_disconnected(t);
    /// True: normally open.
    NormallyOpen -> Option<bool>, None, |t, u| parse_normally_open(t).map(Some);
    Flag -> bool, false, |t, u| parse_flag(t);
}

macro_rules! records {
    ($($(#[$doc:meta])* $name:ident $section:literal { $($(#[$fdoc:meta])* $field:ident: $kind:ident = $($alias:literal)+;)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[$fdoc])* pub $field: <$kind as FieldKind>::Value,)*
            pub source: SourceRef,
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: <$kind as FieldKind>::absent(),)* source: SourceRef::default() }
            }
        }

        impl Record for $name {
            const SECTION: &'static str = $section;
            const FIELDS: &'static [&'static [&'static str]] = &[$(&[$($alias),+]),*];

            fn read<'a>(value: &mut dyn FnMut(usize) -> Option<&'a str>, units: Units, source: SourceRef, faults: &mut Vec<Fault>) -> Self {
                let mut next = 0;
                $(let $field = match value(next) {
                    None => <$kind as FieldKind>::absent(),
                    Some(text) => <$kind as FieldKind>::parse(text, units).unwrap_or_else(|| {
                        faults.push(Fault { field: Self::FIELDS[next][0], text: text.to_owned() });
                        <$kind as FieldKind>::absent()
                    }),
                };
                #[allow(unused_assignments)]
                { next += 1; })*
                Self { $($field,)* source }
            }

            fn source(&self) -> &SourceRef {
                &self.source
            }
        })*
    };
}

records! {
    /// A point node or a bus-bar.
    Node "NODE" {
        id: Word = "NodeID";
        x: Num = "CoordX" "CoordX1" "X";
        y: Num = "CoordY" "CoordY1" "Y";
        /// The other end of a bus-bar.
        x2: Num = "CoordX2" "X2";
        y2: Num = "CoordY2" "Y2";
        user_base_kv: Num = "UserDefinedBaseVoltage";
    }

    /// Where a network starts.
    HeadNode "HEADNODES" {
        node: Word = "NodeID";
        network: Word = "NetworkID";
    }

    /// A source at a node; its equipment may be a substation of the catalogue.
    Source "SOURCE" {
        /// Key of the substation in the catalogue, when one is used.
        id: Word = "SourceID" "EquipmentId";
        device_number: Word = "DeviceNumber";
        node: Word = "NodeID" "SourceNodeID";
        network: Word = "NetworkID";
        desired_kv: Num = "DesiredVoltage";
        /// kV line to neutral.
        kv_a: Num = "OperatingVoltageA";
        kv_b: Num = "OperatingVoltageB";
        kv_c: Num = "OperatingVoltageC";
    }

    /// Thevenin equivalent behind a source.
    SourceEquivalent "SOURCE EQUIVALENT" {
        node: Word = "NodeID" "SourceNodeID";
        load_model: Word = "LoadModelName";
        /// kV line to line, nominal.
        kv_ll: Num = "Voltage" "KVLL";
        /// kV line to neutral.
        kv_1: Num = "OperatingVoltage1";
        kv_2: Num = "OperatingVoltage2";
        kv_3: Num = "OperatingVoltage3";
        angle_1_deg: Num = "OperatingAngle1";
        angle_2_deg: Num = "OperatingAngle2";
        angle_3_deg: Num = "OperatingAngle3";
        /// Ohm, or per unit of `base_mva`, by `impedance_unit`.
        r1: Num = "PositiveSequenceResistance" "FirstResistance";
        x1: Num = "PositiveSequenceReactance" "FirstReactance";
        r2: Num = "NegativeSequenceResistance";
        x2: Num = "NegativeSequenceReactance";
        r0: Num = "ZeroSequenceResistance";
        x0: Num = "ZeroSequenceReactance";
        base_mva: Num = "BaseMVA";
        /// 0 ohm, 1 per unit; XML writes words.
        impedance_unit: Word = "ImpedanceUnit";
        configuration: Winding = "Configuration" "SourceConfiguration" "EquivalentSourceConfiguration";
    }

    /// A network of the study: `FEEDER=` and its kin in the text format.
    Feeder "FEEDER" {
        id: Word = "NetworkID";
        head_node: Word = "HeadNodeID";
        /// Set by the carrier: FEEDER, SUBSTATION, …
        kind: Word = "NetworkType";
        description: Word = "Description";
        group_1: Word = "Group1";
        group_2: Word = "Group2";
        group_3: Word = "Group3";
        load_factor: Num = "LoadFactor";
    }

    /// A section: two nodes, its phases.
    Section "SECTION" {
        id: Word = "SectionID";
        from_node: Word = "FromNodeID";
        to_node: Word = "ToNodeID";
        phases: PhaseSet = "Phase";
        zone: Word = "ZoneID";
        /// Set by the carrier: the network whose block holds it.
        network: Word = "NetworkID";
    }

    /// A bend of a section.
    IntermediateNode "INTERMEDIATE NODES" {
        section: Word = "SectionID";
        sequence: Num = "SeqNumber";
        x: Num = "CoordX" "X";
        y: Num = "CoordY" "Y";
    }

    /// Overhead line from conductors and a spacing.
    OverheadByPhase "OVERHEAD BYPHASE SETTING" {
        section: Word = "SectionID";
        device_number: Word = "DeviceNumber";
        conductor_a: Word = "CondID_A" "PhaseConductorIdA";
        conductor_b: Word = "CondID_B" "PhaseConductorIdB";
        conductor_c: Word = "CondID_C" "PhaseConductorIdC";
        neutral_1: Word = "CondID_N" "CondID_N1" "NeutralConductorId" "NeutralConductorID1";
        neutral_2: Word = "CondID_N2" "NeutralConductorID2";
        spacing: Word = "SpacingID" "ConductorSpacingID";
        length_m: Metres = "Length";
        disconnected: Disconnected = "ConnectionStatus" "Status";
        position: Position = "ConductorPosition";
        /// 0 or absent: 100 ohm m.
        earth_resistivity_ohm_m: Num = "EarthResistivity";
    }

    /// Line by an entry of LINE UNBALANCED.
    OverheadUnbalanced "OVERHEADLINEUNBALANCED SETTING" {
        section: Word = "SectionID";
        device_number: Word = "DeviceNumber";
        line: Word = "LineCableID" "LineID" "EquipmentId" "DeviceID";
        length_m: Metres = "Length";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// Line by an entry of LINE.
    OverheadLine "OVERHEADLINE SETTING" {
        section: Word = "SectionID";
        device_number: Word = "DeviceNumber";
        line: Word = "LineCableID" "LineID" "EquipmentId" "DeviceID";
        length_m: Metres = "Length";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// Cable by an entry of CABLE or CONCENTRIC NEUTRAL CABLE.
    UndergroundLine "UNDERGROUNDLINE SETTING" {
        section: Word = "SectionID";
        device_number: Word = "DeviceNumber";
        cable: Word = "LineCableID" "CableID" "EquipmentId" "DeviceID";
        length_m: Metres = "Length";
        n_parallel: Num = "NumberOfCableInParallel";
        amps: Num = "Amps" "NominalRating";
        amps_1: Num = "Amps_1" "FirstRating";
        disconnected: Disconnected = "ConnectionStatus" "Status";
        earth_resistivity_ohm_m: Num = "EarthResistivity";
    }

    /// A switch, fuse, recloser, breaker, sectionalizer or network protector on a section; which of them, the vector tells.
    SwitchSetting "SWITCH SETTING" {
        section: Word = "SectionID";
        location: Place = "Location";
        equipment: Word = "EqID" "EquipmentId" "DeviceID";
        device_number: Word = "DeviceNumber";
        closed_phase: PhaseSet = "ClosedPhase";
        normally_open: NormallyOpen = "NStatus" "NormalStatus";
        locked: Flag = "Locked";
        remote_controlled: Flag = "RC" "RemoteControlled";
        automated: Flag = "Automated";
        strategic: Flag = "Strategic";
        phase_pickup_a: Num = "PhPickup" "PhaseTripRating";
        ground_pickup_a: Num = "GrdPickup" "GroundTripRating";
        tcc: Word = "TCCID" "TCCRepositoryID";
        from_node: Word = "FromNodeID" "NormalFeedingNodeID";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// Two-winding transformer on a section.
    TransformerSetting "TRANSFORMER SETTING" {
        section: Word = "SectionID";
        location: Place = "Location";
        equipment: Word = "EqID" "EquipmentId" "DeviceID";
        device_number: Word = "DeviceNumber";
        connection: TwoWindings = "Conn" "TransformerConnection";
        primary_tap_pct: Num = "PrimTap" "PrimaryTapSettingPercent" "PrimaryTapSetting";
        secondary_tap_pct: Num = "SecondaryTap" "SecondaryTapSettingPercent" "SecondaryTapSetting";
        rg_primary_ohm: Num = "RgPrim" "PrimaryGroundingResistance" "PrimaryGroundingResistanceOhms";
        xg_primary_ohm: Num = "XgPrim" "PrimaryGroundingReactance" "PrimaryGroundingReactanceOhms";
        rg_secondary_ohm: Num = "RgSec" "SecondaryGroundingResistance" "SecondaryGroundingResistanceOhms";
        xg_secondary_ohm: Num = "XgSec" "SecondaryGroundingReactance" "SecondaryGroundingReactanceOhms";
        /// Phase that an open-delta bank lacks.
        open_phase: Word = "ODPrimPh" "OpenYDConfiguration";
        primary_base_kv: Num = "PrimaryBaseVoltage" "SystemBaseVoltage_Primary" "PrimaryBaseVoltage";
        secondary_base_kv: Num = "SecondaryBaseVoltage" "SystemBaseVoltage_Secondary";
        /// Node on the side of winding 1.
        from_node: Word = "FromNodeID" "NormalFeedingNodeID";
        setting_option: Word = "SettingOption";
        set_point: Num = "SetPoint";
        control_type: Word = "ControlType";
        lower_bandwidth: Num = "LowerBandWidth";
        upper_bandwidth: Num = "UpperBandWidth";
        tap_location: Word = "TapLocation";
        initial_tap_position: Num = "InitialTapPosition";
        tap: Num = "Tap";
        max_buck_pct: Num = "MaxBuck";
        max_boost_pct: Num = "MaxBoost";
        ct: Num = "CT";
        pt: Num = "PT";
        r_set: Num = "Rset";
        x_set: Num = "Xset";
        phases: PhaseSet = "PhaseON";
        phase_shift: Word = "PhaseShiftType" "PhaseShift";
        ct_phase: Word = "CTPhase";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// A bank of one-phase transformers, each with its own catalogue entry.
    TransformerByPhase "TRANSFORMER BYPHASE SETTING" {
        section: Word = "SectionID";
        location: Place = "Location";
        device_number: Word = "DeviceNumber";
        equipment_1: Word = "PhaseTransformerID1" "TransformerID1" "EqID1" "EquipmentId1";
        equipment_2: Word = "PhaseTransformerID2" "TransformerID2" "EqID2" "EquipmentId2";
        equipment_3: Word = "PhaseTransformerID3" "TransformerID3" "EqID3" "EquipmentId3";
        connection: TwoWindings = "Conn" "TransformerConnection";
        primary_tap_1_pct: Num = "PrimaryTapSetting1" "PrimTap1" "PrimaryTapSettingA";
        primary_tap_2_pct: Num = "PrimaryTapSetting2" "PrimTap2" "PrimaryTapSettingB";
        primary_tap_3_pct: Num = "PrimaryTapSetting3" "PrimTap3" "PrimaryTapSettingC";
        secondary_tap_1_pct: Num = "SecondaryTapSetting1" "SecTap1" "SecondaryTapSettingA";
        secondary_tap_2_pct: Num = "SecondaryTapSetting2" "SecTap2" "SecondaryTapSettingB";
        secondary_tap_3_pct: Num = "SecondaryTapSetting3" "SecTap3" "SecondaryTapSettingC";
        rg_primary_ohm: Num = "RgPrim" "PrimaryGroundingResistance";
        xg_primary_ohm: Num = "XgPrim" "PrimaryGroundingReactance";
        rg_secondary_ohm: Num = "RgSec" "SecondaryGroundingResistance";
        xg_secondary_ohm: Num = "XgSec" "SecondaryGroundingReactance";
        from_node: Word = "FromNodeID" "NormalFeedingNodeID";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// Three-winding transformer; winding 3 at `tertiary_node`.
    ThreeWindingSetting "THREE WINDING TRANSFORMER SETTING" {
        section: Word = "SectionID";
        location: Place = "Location";
        equipment: Word = "EqID" "EquipmentId" "DeviceID";
        device_number: Word = "DeviceNumber";
        primary_tap_pct: Num = "PrimTap" "PrimaryTapSettingPercent" "PrimaryFixedTapSetting";
        secondary_tap_pct: Num = "SecondaryTap" "SecondaryTapSettingPercent" "SecondaryFixedTapSetting";
        tertiary_tap_pct: Num = "TertiaryTap" "TertiaryTapSettingPercent" "TertiaryFixedTapSetting";
        primary_base_kv: Num = "PrimaryBaseVoltage";
        secondary_base_kv: Num = "SecondaryBaseVoltage";
        tertiary_base_kv: Num = "TertiaryBaseVoltage";
        from_node: Word = "FromNodeID" "NormalFeedingNodeID" "PrimaryNodeID";
        tertiary_node: Word = "TertiaryNodeID" "TertiaryNode" "ThirdNodeID";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// Autotransformer of two windings on a section.
    AutoTransformerSetting "AUTOTRANSFORMER SETTING" {
        section: Word = "SectionID";
        location: Place = "Location";
        equipment: Word = "EqID" "EquipmentId" "DeviceID";
        device_number: Word = "DeviceNumber";
        connection: Winding = "Conn" "ConnectionConfiguration";
        primary_tap_pct: Num = "PrimTap" "PrimaryTapSettingPercent";
        secondary_tap_pct: Num = "SecondaryTap" "SecondaryTapSettingPercent";
        rg_ohm: Num = "Rg" "RgPrim" "GroundingResistance";
        xg_ohm: Num = "Xg" "XgPrim" "GroundingReactance";
        from_node: Word = "FromNodeID" "NormalFeedingNodeID";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// Earthing transformer.
    GroundingTransformerSetting "GROUNDING TRANSFORMER SETTING" {
        section: Word = "SectionID";
        location: Place = "Location";
        equipment: Word = "EqID" "EquipmentId" "DeviceID";
        device_number: Word = "DeviceNumber";
        rg_ohm: Num = "Rg" "GroundingResistance";
        xg_ohm: Num = "Xg" "GroundingReactance";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// Voltage regulator on a section.
    RegulatorSetting "REGULATOR SETTING" {
        section: Word = "SectionID";
        location: Place = "Location";
        equipment: Word = "EqID" "EquipmentId" "DeviceID";
        device_number: Word = "DeviceNumber";
        /// Phases whose control is on.
        phases: PhaseSet = "PhaseON" "ControlStatus";
        max_buck_pct: Num = "MaxBuck" "BuckPercent";
        max_boost_pct: Num = "MaxBoost" "BoostPercent";
        bandwidth_a: Num = "BandWidthA" "BandWidth" "ForwardSettings/BandwidthA";
        bandwidth_b: Num = "BandWidthB" "BandWidth" "ForwardSettings/BandwidthB";
        bandwidth_c: Num = "BandWidthC" "BandWidth" "ForwardSettings/BandwidthC";
        ct_primary_a: Num = "CT" "CTPrimaryRating";
        pt_ratio: Num = "PT" "PTRatio";
        option: RegOption = "SettingOption";
        at_section: Word = "AtSectionID" "LoadCenterId";
        v_set_a: Num = "VsetA" "SetVoltageA" "ForwardSettings/SetVoltageA";
        v_set_b: Num = "VsetB" "SetVoltageB" "ForwardSettings/SetVoltageB";
        v_set_c: Num = "VsetC" "SetVoltageC" "ForwardSettings/SetVoltageC";
        r_set_a: Num = "RsetA" "ForwardSettings/RsetA";
        r_set_b: Num = "RsetB" "ForwardSettings/RsetB";
        r_set_c: Num = "RsetC" "ForwardSettings/RsetC";
        x_set_a: Num = "XsetA" "ForwardSettings/XsetA";
        x_set_b: Num = "XsetB" "ForwardSettings/XsetB";
        x_set_c: Num = "XsetC" "ForwardSettings/XsetC";
        tap_a: Num = "TapA" "TapPositionA";
        tap_b: Num = "TapB" "TapPositionB";
        tap_c: Num = "TapC" "TapPositionC";
        connection: Winding = "Conn" "ConnectionConfiguration";
        from_node: Word = "FromNodeID" "NormalFeedingNodeID";
        reverse_mode: Word = "RevMode" "ReverseSensingMode";
        reverse_threshold: Num = "RevTreshold" "ReverseThreshold";
        reverse_v_set_a: Num = "RevVsetA" "ReverseSettings/SetVoltageA";
        reverse_r_set_a: Num = "RevRsetA" "ReverseSettings/RsetA";
        reverse_x_set_a: Num = "RevXsetA" "ReverseSettings/XsetA";
        reversible: Flag = "Reversible";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// Times of a tap changer, by device.
    TapChangingExtension "AUTO TAP CHANGING EXTENSION" {
        device_number: Word = "DeviceNumber";
        device_type: Word = "DeviceType";
        delay_first_s: Num = "ActivationDelayFirstTap";
        delay_next_s: Num = "ActivationDelaySubTap" "ActivationDelaySubsequentTaps";
        mechanism_delay_s: Num = "MechanismDelay";
        inverse_time: Flag = "UseInverseTimeDelayChar";
    }

    /// Shunt capacitor on a section. kvar are rated at `kv`.
    ShuntCapacitorSetting "SHUNT CAPACITOR SETTING" {
        section: Word = "SectionID";
        device_number: Word = "DeviceNumber";
        location: Place = "Location";
        connection: Winding = "Connection" "ConnectionConfiguration";
        phases: PhaseSet = "Phase";
        /// Version 5: kvar of each phase in `phases`.
        kvar_per_phase: Num = "KVAR";
        /// Version 5: kvar of all phases, used when `kvar_per_phase` is zero.
        three_phase_kvar: Num = "ThreePhaseKVAR" "KVARABC";
        fixed_kvar_a: Num = "FixedKVARA" "KVARA";
        fixed_kvar_b: Num = "FixedKVARB" "KVARB";
        fixed_kvar_c: Num = "FixedKVARC" "KVARC";
        switched_kvar_a: Num = "SwitchedKVARA";
        switched_kvar_b: Num = "SwitchedKVARB";
        switched_kvar_c: Num = "SwitchedKVARC";
        losses_kw: Num = "Losses" "FixedLossesA" "LossesA";
        three_phase_losses_kw: Num = "ThreePhaseLosses" "LossesTotal";
        fixed_losses_b_kw: Num = "FixedLossesB" "LossesB";
        fixed_losses_c_kw: Num = "FixedLossesC" "LossesC";
        /// kV line to neutral for wye.
        kv: Num = "KV" "KVLN";
        control: Word = "Control" "CapacitorControlType";
        on_a: Num = "OnValueA" "ONSetting" "OnValue";
        on_b: Num = "OnValueB";
        on_c: Num = "OnValueC";
        off_a: Num = "OffValueA" "OFFSetting" "OffValue";
        off_b: Num = "OffValueB";
        off_c: Num = "OffValueC";
        initially_closed: PhaseSet = "InitiallyClosedPhase";
        currently_closed: PhaseSet = "CurrentClosedPhase";
        controlling_phase: Word = "ControllingPhase" "ControlledPhase";
        controlled_node: Word = "ControlledNodeId";
        voltage_override: Flag = "VoltageOverride";
        override_on: Num = "VoltageOverrideOn";
        override_off: Num = "VoltageOverrideOff";
        /// Version 5: 1 closed.
        switched_status: Word = "SwitchedCapacitorStatus";
        equipment: Word = "ShuntCapacitorID" "EquipmentId" "DeviceID";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// Shunt reactor on a section.
    ShuntReactorSetting "SHUNT REACTOR SETTING" {
        section: Word = "SectionID";
        device_number: Word = "DeviceNumber";
        location: Place = "Location";
        connection: Winding = "Connection" "ConnectionConfiguration";
        phases: PhaseSet = "Phase";
        kvar_per_phase: Num = "KVAR";
        three_phase_kvar: Num = "ThreePhaseKVAR" "KVARABC";
        kvar_a: Num = "KVARA" "FixedKVARA";
        kvar_b: Num = "KVARB" "FixedKVARB";
        kvar_c: Num = "KVARC" "FixedKVARC";
        kv: Num = "KV" "KVLN";
        equipment: Word = "ShuntReactorID" "EqID" "EquipmentId" "DeviceID";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// Capacitor or reactor in series; which, the vector tells.
    SeriesSetting "SERIE CAPACITOR SETTING" {
        section: Word = "SectionID";
        location: Place = "Location";
        equipment: Word = "EqID" "EquipmentId" "DeviceID";
        device_number: Word = "DeviceNumber";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// A load on a section: its place and connection.
    LoadSetting "LOADS" {
        section: Word = "SectionID";
        device_number: Word = "DeviceNumber";
        /// SPOT or DISTRIBUTED.
        load_type: Word = "LoadType" "DeviceType";
        connection: Winding = "Connection" "ConnectionConfiguration";
        location: LoadPlace = "Location";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// One customer of a load and one phase of it.
    CustomerLoad "CUSTOMER LOADS" {
        section: Word = "SectionID";
        device_number: Word = "DeviceNumber";
        load_type: Word = "LoadType" "DeviceType";
        customer: Word = "CustomerNumber";
        class: Word = "CustomerType" "ConsumerClassId" "ConsumerClassID";
        disconnected: Disconnected = "ConnectionStatus" "Status";
        year: Word = "Year" "LoadYear";
        load_model: Word = "LoadModelID" "LoadModelId";
        value_type: ValueType = "ValueType" "LoadValueType";
        /// A, B, C, or ABC for a three-phase total; of a delta load A is A-B.
        phases: PhaseSet = "LoadPhase" "Phase";
        value_1: Num = "Value1" "LoadValue1";
        value_2: Num = "Value2" "LoadValue2";
        connected_kva: Num = "ConnectedKVA" "ConnectedCapacity";
        kwh: Num = "KWH" "KWHUsage";
        n_customers: Num = "NumberOfCustomer" "NumberOfCustomers";
        centre_tap_pct: Num = "CenterTapPercent";
    }

    /// How the loads of a class answer to voltage. Percent.
    CustomerClass "CUSTOMER CLASS" {
        id: Word = "ID" "ConsumerClassId" "ConsumerClassID";
        is_exponential: Flag = "IsExponentialModel";
        zp_pct: Num = "ConstantImpedanceZP";
        zq_pct: Num = "ConstantImpedanceZQ";
        ip_pct: Num = "ConstantCurrentIP";
        iq_pct: Num = "ConstantCurrentIQ";
        pp_pct: Num = "ConstantPowerPP";
        pq_pct: Num = "ConstantPowerPQ";
        exponent_p: Num = "ExponentialModelP";
        exponent_q: Num = "ExponentialModelQ";
        power_factor_pct: Num = "PowerFactor";
        load_factor_pct: Num = "LoadFactor" "LoadFactor_percent";
        /// Voltage below which loads of this class become an impedance, percent of nominal.
        voltage_threshold_pct: Num = "LoadFlowVoltagePercentOfNominal" "LoadFlowVoltPercentOfNominal";
    }

    /// A load model: loads may be told once for each.
    LoadModelInformation "LOAD MODEL INFORMATION" {
        id: Word = "ID" "LoadModelId";
        name: Word = "Name" "LoadModelName";
    }

    /// Photovoltaic plant: panels of the catalogue behind a converter.
    PhotovoltaicSetting "PHOTOVOLTAIC SETTINGS" {
        section: Word = "SectionID";
        location: Place = "Location";
        device_number: Word = "DeviceNumber";
        equipment: Word = "EquipmentID" "EqID" "DeviceID";
        phases: PhaseSet = "EqPhase" "EquipmentPhase" "Phase";
        /// Panels in series and in parallel.
        n_series: Num = "NS" "NumberOfPanelsInSeries";
        n_parallel: Num = "NP" "NumberOfPanelsInParallel";
        ambient_temperature_c: Num = "AmbientTemperature";
        insolation_w_per_m2: Num = "Insolation" "ConstantInsolation";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// A generator on a section: electronic converter, synchronous, induction; which, the vector tells.
    GeneratorSetting "SYNCHRONOUS GENERATOR SETTING" {
        section: Word = "SectionID";
        location: Place = "Location";
        device_number: Word = "DeviceNumber";
        equipment: Word = "EqID" "EquipmentID" "DeviceID";
        phases: PhaseSet = "EqPhase" "EquipmentPhase" "Phase";
        connection: Winding = "ConnectionConfiguration" "Conn";
        active_kw: Num = "ActiveGeneration";
        reactive_kvar: Num = "ReactiveGeneration";
        power_factor_pct: Num = "PowerFactor" "PF";
        /// Version 5: fixed or voltage controlled.
        control_type: Word = "ControlType" "GeneratorControlType";
        max_kvar: Num = "MaxKVAR" "MaxReactivePower";
        min_kvar: Num = "MinKVAR" "MinReactivePower";
        desired_kv: Num = "DesiredVoltage" "VoltageSetting";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// Battery storage on a section.
    BessSetting "BESS SETTINGS" {
        section: Word = "SectionID";
        location: Place = "Location";
        device_number: Word = "DeviceNumber";
        equipment: Word = "EquipmentID" "EqID" "DeviceID";
        phases: PhaseSet = "Phase" "EqPhase" "EquipmentPhase";
        max_soc_pct: Num = "MaximumSOC";
        min_soc_pct: Num = "MinimumSOC";
        initial_soc_pct: Num = "InitialSOC" "InitialStateOfCharge";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// Rating of a converter, by device.
    Converter "CONVERTER" {
        device_number: Word = "DeviceNumber";
        device_type: Word = "DeviceType";
        rating_kva: Num = "ConverterRating";
        active_kw: Num = "ActivePowerRating";
        reactive_kvar: Num = "ReactivePowerRating";
        min_power_factor_pct: Num = "MinimumPowerFactor";
        efficiency_pct: Num = "Efficiency" "ConverterEfficiency";
    }

    /// Control of a converter, by device.
    ConverterControl "CONVERTER CONTROL SETTING" {
        device_number: Word = "DeviceNumber";
        device_type: Word = "DeviceType";
        control_index: Num = "ControlIndex";
        /// Numbers or words: volt-var, volt-watt, fixed power factor, …
        control_type: Word = "ControlType";
        fixed_var_kvar: Num = "FixedVarInjection";
        power_factor_pct: Num = "PowerFactor";
        curve: Word = "ConverterControlID";
    }

    /// Generation of a device in a load model.
    DgGenerationModel "DGGENERATIONMODEL" {
        device_number: Word = "DeviceNumber";
        device_type: Word = "DeviceType";
        load_model: Word = "LoadModelName";
        active_kw: Num = "ActiveGeneration";
        /// Percent.
        power_factor_pct: Num = "PowerFactor";
    }

    /// A motor on a section: induction or synchronous; which, the vector tells.
    MotorSetting "INDUCTION MOTOR SETTING" {
        section: Word = "SectionID";
        location: Place = "Location";
        device_number: Word = "DeviceNumber";
        equipment: Word = "EqID" "EquipmentID" "DeviceID";
        n_motors: Num = "NumberOfMotors";
        load_factor_pct: Num = "LoadFactor" "PercentLoading";
        /// 0 running, 1 off, 2 locked rotor.
        motor_status: Word = "MotorStatus" "OperatingMode";
        disconnected: Disconnected = "ConnectionStatus" "Status";
    }

    /// A bare conductor.
    Conductor "CONDUCTOR" {
        id: Word = "ID" "EquipmentID";
        diameter_cm: Centimetres = "Diameter" "OutsideDiameter";
        gmr_cm: Centimetres = "GMR";
        r25_ohm_per_km: OhmPerKm = "R25" "ResistanceAC1" "FirstResistance";
        r50_ohm_per_km: OhmPerKm = "R50" "ResistanceAC2" "SecondResistance";
        r_dc_ohm_per_km: OhmPerKm = "FirstResistanceDC" "ResistanceDC1";
        amps: Num = "Amps" "NominalRating";
        amps_1: Num = "Amps_1" "FirstRating";
        amps_2: Num = "Amps_2" "SecondRating";
        amps_3: Num = "Amps_3" "ThirdRating";
        amps_4: Num = "Amps_4" "FourthRating";
        fail_rate: Num = "FailRate" "FailureRate" "Reliability/FailureRate";
        repair_h: Num = "MajorRepairTime" "Reliability/MajorRepairTime";
        code_word: Word = "CodeWord";
        size: Word = "AWGSize" "Size" "Size_mm2";
    }

    /// Positions of the conductors of a line. Metres.
    Spacing "SPACING TABLE FOR LINE" {
        id: Word = "ID" "EquipmentID";
        /// Version of the table without positions: geometric mean distances and heights.
        gmd_phase_phase_m: Metres = "GMDPh-Ph" "GeometricMeanDistancePhasePhase";
        gmd_phase_neutral_m: Metres = "GMDPh-N" "GeometricMeanDistancePhaseNeutral";
        phase_height_m: Metres = "AvgPhCondHeight" "AveragePhaseConductorHeight" "AverageHeightPhaseConductor";
        neutral_height_m: Metres = "AvgNeutralHeight" "AverageNeutralHeight" "AverageHeightNeutralConductor";
        x1_m: Metres = "PosOfCond1_X" "ConductorA_Horizontal" "GeometricalArrangement/PositionOfConductor1/X" "PositionOfConductor1/X";
        y1_m: Metres = "PosOfCond1_Y" "ConductorA_Vertical" "GeometricalArrangement/PositionOfConductor1/Y" "PositionOfConductor1/Y";
        x2_m: Metres = "PosOfCond2_X" "ConductorB_Horizontal" "GeometricalArrangement/PositionOfConductor2/X" "PositionOfConductor2/X";
        y2_m: Metres = "PosOfCond2_Y" "ConductorB_Vertical" "GeometricalArrangement/PositionOfConductor2/Y" "PositionOfConductor2/Y";
        x3_m: Metres = "PosOfCond3_X" "ConductorC_Horizontal" "GeometricalArrangement/PositionOfConductor3/X" "PositionOfConductor3/X";
        y3_m: Metres = "PosOfCond3_Y" "ConductorC_Vertical" "GeometricalArrangement/PositionOfConductor3/Y" "PositionOfConductor3/Y";
        xn_m: Metres = "PosOfNeutralCond_X" "NeutralConductor_Horizontal" "GeometricalArrangement/PositionOfConductorN1/X" "PositionOfConductorN1/X";
        yn_m: Metres = "PosOfNeutralCond_Y" "NeutralConductor_Vertical" "GeometricalArrangement/PositionOfConductorN1/Y" "PositionOfConductorN1/Y";
        xn2_m: Metres = "PosOfNeutralCond_N2_X" "Conductor_N2_X" "GeometricalArrangement/PositionOfConductorN2/X" "PositionOfConductorN2/X";
        yn2_m: Metres = "PosOfNeutralCond_N2_Y" "Conductor_N2_Y" "GeometricalArrangement/PositionOfConductorN2/Y" "PositionOfConductorN2/Y";
        bundle_distance_m: Metres = "BundleDistance" "GeometricalArrangement/BundleDistance";
        n_phases: Num = "NBPhasesPerCircuit" "GeometricalArrangement/NbPhasesPerCircuit";
        n_per_bundle: Num = "NBConductorsPerPhase" "GeometricalArrangement/NbConductorsPerPhase";
        n_neutrals: Num = "NBNeutrals" "GeometricalArrangement/NbNeutrals";
    }

    /// Line by symmetrical components.
    LineType "LINE" {
        id: Word = "ID" "EquipmentID";
        phase_conductor: Word = "PhaseCondID" "PhaseConductorID";
        neutral_conductor: Word = "NeutralCondID" "NeutralConductorID";
        spacing: Word = "SpacingID" "ConductorSpacingID";
        r1: OhmPerKm = "R1" "PositiveSequenceResistance";
        r0: OhmPerKm = "R0" "ZeroSequenceResistance";
        x1: OhmPerKm = "X1" "PositiveSequenceReactance";
        x0: OhmPerKm = "X0" "ZeroSequenceReactance";
        b1: MicrosiemensPerKm = "B1" "PosSeqShuntSusceptance" "PositiveSequenceShuntSusceptance";
        b0: MicrosiemensPerKm = "B0" "ZeroSequenceShuntSusceptance";
        amps: Num = "Amps" "NominalRating";
        amps_1: Num = "Amps_1" "FirstRating";
        amps_2: Num = "Amps_2" "SecondRating";
        amps_3: Num = "Amps_3" "ThirdRating";
        amps_4: Num = "Amps_4" "FourthRating";
        lock_impedance: Flag = "LockImpedance";
        user_defined: Flag = "UserDefinedImpedances";
        frequency_hz: Num = "Frequency";
    }

    /// Line by phase matrix, after Kron reduction.
    LineUnbalanced "LINE UNBALANCED" {
        id: Word = "ID" "EquipmentID";
        conductor_a: Word = "CondID_A" "PhaseConductorIdA";
        conductor_b: Word = "CondID_B" "PhaseConductorIdB";
        conductor_c: Word = "CondID_C" "PhaseConductorIdC";
        neutral_1: Word = "CondID_N" "CondID_N1" "NeutralConductorId" "NeutralConductorID1";
        neutral_2: Word = "CondID_N2" "NeutralConductorID2";
        spacing: Word = "SpacingID" "ConductorSpacingID";
        ra: OhmPerKm = "Ra" "SelfResistanceA";
        rb: OhmPerKm = "Rb" "SelfResistanceB";
        rc: OhmPerKm = "Rc" "SelfResistanceC";
        xa: OhmPerKm = "Xa" "SelfReactanceA";
        xb: OhmPerKm = "Xb" "SelfReactanceB";
        xc: OhmPerKm = "Xc" "SelfReactanceC";
        ba: MicrosiemensPerKm = "Ba" "ShuntSusceptanceA";
        bb: MicrosiemensPerKm = "Bb" "ShuntSusceptanceB";
        bc: MicrosiemensPerKm = "Bc" "ShuntSusceptanceC";
        r_ab: OhmPerKm = "MutualResistanceAB";
        r_bc: OhmPerKm = "MutualResistanceBC";
        r_ca: OhmPerKm = "MutualResistanceCA";
        x_ab: OhmPerKm = "MutualReactanceAB";
        x_bc: OhmPerKm = "MutualReactanceBC";
        x_ca: OhmPerKm = "MutualReactanceCA";
        b_ab: MicrosiemensPerKm = "MutualShuntSusceptanceAB";
        b_bc: MicrosiemensPerKm = "MutualShuntSusceptanceBC";
        b_ca: MicrosiemensPerKm = "MutualShuntSusceptanceCA";
        amps_a: Num = "AmpsA" "NominalRatingA";
        amps_b: Num = "AmpsB" "NominalRatingB";
        amps_c: Num = "AmpsC" "NominalRatingC";
        amps_a_1: Num = "AmpsA_1" "FirstRatingA";
        amps_b_1: Num = "AmpsB_1" "FirstRatingB";
        amps_c_1: Num = "AmpsC_1" "FirstRatingC";
        lock_impedance: Flag = "LockImpedance";
        user_defined: Flag = "UserDefinedImpedances";
        frequency_hz: Num = "Frequency";
    }

    /// Cable; version 5's CONCENTRIC NEUTRAL CABLE too.
    Cable "CABLE" {
        id: Word = "ID" "EquipmentID";
        r1: OhmPerKm = "R1" "PositiveSequenceResistance";
        r0: OhmPerKm = "R0" "ZeroSequenceResistance";
        x1: OhmPerKm = "X1" "PositiveSequenceReactance";
        x0: OhmPerKm = "X0" "ZeroSequenceReactance";
        b1: MicrosiemensPerKm = "B1" "PosSeqShuntSusceptance" "PositiveSequenceShuntSusceptance";
        b0: MicrosiemensPerKm = "B0" "ZeroSequenceShuntSusceptance";
        amps: Num = "Amps" "NominalRating";
        amps_1: Num = "Amps_1" "FirstRating";
        amps_2: Num = "Amps_2" "SecondRating";
        amps_3: Num = "Amps_3" "ThirdRating";
        amps_4: Num = "Amps_4" "FourthRating";
        rated_level_kv: Num = "RatedLevel" "LevelKV" "Level";
        user_defined: Flag = "UserDefinedImpedances";
        frequency_hz: Num = "Frequency";
        overall_diameter_cm: Centimetres = "OverallDiameter";
        /// Version 5.
        phase_conductor: Word = "PhaseCondID";
        neutral_conductor: Word = "NeutralCondID";
        neutral_wires: Num = "NeutralWires";
        insulation_permittivity: Num = "InsulationDielectricConst";
        insulation_diameter: Num = "InsulationDiameter";
    }

    /// Core of a cable.
    CableConductor "CABLE CONDUCTOR" {
        cable: Word = "ID" "EquipmentID";
        material: Word = "MaterialID";
        size: Word = "CableSize" "Size";
        size_mm2: Num = "Size_mm2";
        diameter_cm: Centimetres = "Diameter";
        n_strands: Num = "NumberOfStrands";
    }

    /// Insulation of a cable.
    CableInsulation "CABLE INSULATION" {
        cable: Word = "ID" "EquipmentID";
        material: Word = "InsulationMaterialID";
        thickness_cm: Centimetres = "Thickness";
    }

    /// Concentric neutral of a cable.
    CableConcentricNeutral "CABLE CONCENTRIC NEUTRAL" {
        cable: Word = "ID" "EquipmentID";
        material: Word = "MaterialID";
        thickness_cm: Centimetres = "Thickness";
        n_wires: Num = "NumberOfWires";
    }

    /// Two-winding transformer of the catalogue.
    TransformerType "TRANSFORMER" {
        id: Word = "ID" "EquipmentID";
        /// Version 5: number of phases; version 8: 1 one phase, 2 and 3 three phases; XML words.
        kind: Word = "Type" "PhaseType" "TransfoType";
        winding_type: Word = "WindingType";
        /// 0 kV; other codes of version 8 are volts.
        voltage_unit: Word = "VoltageUnit" "TransfoVoltageUnit";
        kva: Num = "KVA" "NominalRatingKVA";
        kv_primary: Num = "KVLLprim" "PrimaryVoltageKVLL" "PrimaryVoltage";
        kv_secondary: Num = "KVLLsec" "SecondaryVoltageKVLL" "SecondaryVoltage";
        z1_pct: Num = "Z1" "PosSeqImpedancePercent" "PositiveSequenceImpedancePercent";
        z0_pct: Num = "Z0" "ZeroSeqImpedancePercent" "ZeroSequenceImpedancePercent";
        xr1: Num = "XR" "XRRatio";
        xr0: Num = "XR0" "XR0Ratio";
        connection: TwoWindings = "Conn" "TransformerConnection";
        rg_primary_ohm: Num = "Rg_prim" "PrimGroundingResistanceOhms" "PrimaryGroundingResistanceOhms";
        xg_primary_ohm: Num = "Xg_prim" "PrimGroundingReactanceOhms" "PrimaryGroundingReactanceOhms";
        rg_secondary_ohm: Num = "Rg_sec" "SecGroundingResistanceOhms" "SecondaryGroundingResistanceOhms";
        xg_secondary_ohm: Num = "Xg_sec" "SecGroundingReactanceOhms" "SecondaryGroundingReactanceOhms";
        is_ltc: Flag = "IsLTC";
        n_taps: Num = "Taps" "NumberOfTaps";
        lower_bandwidth: Num = "LowerBandwidth";
        upper_bandwidth: Num = "UpperBandwidth";
        min_range_pct: Num = "MinReg_Range" "MinimumRegulationRange";
        max_range_pct: Num = "MaxReg_Range" "MaximumRegulationRange";
        limit_1_kva: Num = "SelfCooledKVA" "FirstLoadingLimitKVA";
        limit_2_kva: Num = "SelfCooledKVA_2" "SecondLoadingLimitKVA";
        no_load_losses_kw: Num = "NoLoadLosses" "NoLoadLossesKW";
        magnetizing_current_pct: Num = "MagnetizingCurrent";
        phase_shift: Word = "PhaseShiftType" "PhaseShift";
        fail_rate: Num = "FailRate" "FailureRate" "Reliability/FailureRate";
        repair_h: Num = "MajorRepairTime" "Reliability/MajorRepairTime";
    }

    /// Autotransformer of the catalogue.
    AutoTransformerType "AUTOTRANSFORMER" {
        id: Word = "ID" "EquipmentID";
        kva: Num = "KVA" "NominalRatingKVA";
        voltage_unit: Word = "VoltageUnit" "TransfoVoltageUnit";
        kv_primary: Num = "KVLLprim" "PrimaryVoltageKVLL" "PrimaryVoltage";
        kv_secondary: Num = "KVLLsec" "SecondaryVoltageKVLL" "SecondaryVoltage";
        z1_pct: Num = "Z1" "PosSeqImpedancePercent" "PositiveSequenceImpedancePercent";
        z0_pct: Num = "Z0" "ZeroSeqImpedancePercent" "ZeroSequenceImpedancePercent";
        xr1: Num = "XR" "XRRatio";
        xr0: Num = "XR0" "XR0Ratio";
        rg_ohm: Num = "Rg";
        xg_ohm: Num = "Xg";
        connection: Winding = "ConnectionConfiguration";
        no_load_losses_kw: Num = "NoLoadLosses" "NoLoadLossesKW";
        magnetizing_current_pct: Num = "MagnetizingCurrent";
    }

    /// Three-winding transformer of the catalogue.
    ThreeWindingType "THREE WINDING TRANSFORMER" {
        id: Word = "ID" "EquipmentID";
        kva_1: Num = "PrimaryRatedCapacity";
        kva_2: Num = "SecondaryRatedCapacity";
        kva_3: Num = "TertiaryRatedCapacity";
        kv_1: Num = "PrimaryVoltage";
        kv_2: Num = "SecondaryVoltage";
        kv_3: Num = "TertiaryVoltage";
        connection_1: Winding = "PrimaryConnection" "PrimarySecondaryConnection";
        connection_2: Winding = "SecondaryConnection";
        connection_3: Winding = "TertiaryConnection";
        rg_1_ohm: Num = "PrimaryRg";
        xg_1_ohm: Num = "PrimaryXg";
        rg_2_ohm: Num = "SecondaryRg";
        xg_2_ohm: Num = "SecondaryXg";
        rg_3_ohm: Num = "TertiaryRg";
        xg_3_ohm: Num = "TertiaryXg";
        z12_pct: Num = "PrimaryToSecondaryZ1";
        z13_pct: Num = "PrimaryToTertiaryZ1";
        z23_pct: Num = "SecondaryToTertiaryZ1";
        xr12: Num = "PrimaryToSecondaryXR1";
        xr13: Num = "PrimaryToTertiaryXR1";
        xr23: Num = "SecondaryToTertiaryXR1";
        shift_12: Word = "PrimaryToSecondaryPhaseShiftType";
        shift_13: Word = "PrimaryToTertiaryPhaseShiftType";
        no_load_losses_kw: Num = "NoLoadLosses";
        magnetizing_current_pct: Num = "MagnetizingCurrent";
    }

    /// Earthing transformer of the catalogue.
    GroundingTransformerType "GROUNDING TRANSFORMER" {
        id: Word = "ID" "EquipmentID";
        z1_pct: Num = "Z1";
        z0_pct: Num = "Z0";
        xr1: Num = "X1_R1";
        xr0: Num = "X0_R0";
        kva: Num = "RatedCapacity";
        kv: Num = "RatedVoltage";
        connection: Winding = "ConnectionConfiguration";
    }

    /// Regulator of the catalogue.
    RegulatorType "REGULATOR" {
        id: Word = "ID" "EquipmentID";
        kind: Word = "Type" "PhaseType";
        kva: Num = "KVA" "RatedKVA";
        kvln: Num = "KVLN" "RatedKVLN";
        max_buck_pct: Num = "MaxBuck" "MaximumBuck";
        max_boost_pct: Num = "MaxBoost" "MaximumBoost";
        n_taps: Num = "Taps" "NumberOfTaps";
        bandwidth: Num = "Bandwidth" "ForwardBandwidth";
        ct_primary_a: Num = "CT" "CTPrimaryRating";
        pt_ratio: Num = "PT" "PTRatio";
        max_current_a: Num = "MaxRatingCurrent";
        reversible: Flag = "Reversible";
    }

    /// Substation of the catalogue: a source.
    SubstationType "SUBSTATION" {
        id: Word = "ID" "EquipmentID";
        mva: Num = "MVA" "NominalCapacityMVA";
        kv_ll: Num = "KVLL" "NominalKVLL";
        kv_ll_desired: Num = "KVLLdesired" "DesiredKVLL" "SourceKVLL";
        angle_deg: Num = "PhaseAngle" "SourceAngle";
        r1: Num = "R1" "PositiveSequenceResistance";
        x1: Num = "X1" "PositiveSequenceReactance";
        r2: Num = "R2" "NegativeSequenceResistance";
        x2: Num = "X2" "NegativeSequenceReactance";
        r0: Num = "R0" "ZeroSequenceResistance";
        x0: Num = "X0" "ZeroSequenceReactance";
        base_mva: Num = "BaseMVA";
        impedance_unit: Word = "ImpedanceUnit";
        connection: Winding = "Conn" "Connection" "ConnectionConfiguration";
    }

    /// Switch, fuse, recloser, breaker, sectionalizer or network protector of the catalogue.
    SwitchType "SWITCH" {
        id: Word = "ID" "EquipmentID";
        amps: Num = "Amps" "RatedCurrent" "NominalRating";
        amps_1: Num = "Amps_1" "FirstRatedCurrent" "FirstRating";
        kv_ll: Num = "KVLL" "RatedVoltage";
        interrupting_a: Num = "InterruptingRating";
        fail_rate: Num = "FailRate" "FailureRate" "Reliability/FailureRate";
        repair_h: Num = "MajorRepairTime" "Reliability/MajorRepairTime";
    }

    /// Shunt capacitor or reactor of the catalogue.
    ShuntType "SHUNT CAPACITOR" {
        id: Word = "ID" "EquipmentID";
        kvar: Num = "KVAR" "RatedKVAR";
        /// The database calls it KVLL and means line to neutral.
        kv: Num = "KV" "RatedVoltageKVLL" "RatedVoltageKVLN";
        kind: Word = "Type" "PhaseType";
        losses_kw: Num = "LossesKW";
    }

    /// Series capacitor or reactor of the catalogue.
    SeriesType "SERIE CAPACITOR" {
        id: Word = "ID" "EquipmentID";
        amps: Num = "Amps" "NominalRating" "RatedCurrent";
        amps_1: Num = "Amps_1" "FirstRating";
        reactance_ohm: Num = "Reactance" "ReactanceOhms";
    }

    /// Panel of the catalogue.
    PhotovoltaicType "PHOTOVOLTAIC" {
        id: Word = "ID" "EquipmentID";
        mpp_current_a: Num = "MPPCurrent";
        mpp_voltage_v: Num = "MPPVoltage";
        stc_insolation_w_per_m2: Num = "STCInsolation" "StandardTestConditionInsolation";
        stc_temperature_c: Num = "STCTemperature" "StandardTestConditionTemperature";
        power_temp_coefficient: Num = "OCVoltageTempCoeff";
    }

    /// Electronic converter, synchronous or induction generator of the catalogue.
    GeneratorType "SYNCHRONOUS GENERATOR" {
        id: Word = "ID" "EquipmentID";
        kva: Num = "KVA" "RatedCapacity" "RatedCapacityKVA";
        kv_ll: Num = "KVLL" "RatedVoltageKVLL" "RatedVoltage";
        active_kw: Num = "ActiveGeneration" "ActiveGenerationKW";
        power_factor_pct: Num = "PF" "PowerFactorPercent" "PowerFactor";
        max_kvar: Num = "MaxKVAR" "MaximumReactivePowerKVAR";
        min_kvar: Num = "MinKVAR" "MinimumReactivePowerKVAR";
        connection: Winding = "ConnectionConfiguration";
        x1: Num = "X1" "SteadyStateReactance";
        xdp: Num = "TransientReactance";
        xdpp: Num = "SubtransientReactance" "SubTransientReactance";
        rdpp: Num = "SubtransientResistance" "SubTransientResistance";
        /// 0 per unit or percent, by version; kept as written.
        impedance_unit: Word = "ImpedanceUnit";
    }

    /// Battery of the catalogue.
    BessType "BESS" {
        id: Word = "ID" "EquipmentID";
        energy_kwh: Num = "RatedStorageEnergy";
        max_charging_kw: Num = "MaxChargingPower";
        max_discharging_kw: Num = "MaxDischargingPower";
        charge_efficiency_pct: Num = "ChargeEfficiency";
        discharge_efficiency_pct: Num = "DischargeEfficiency";
        idling_kw: Num = "IdlingActiveLosses";
        idling_kvar: Num = "IdlingReactiveLosses";
    }

    /// Induction or synchronous motor of the catalogue.
    MotorType "INDUCTION MOTOR" {
        id: Word = "ID" "EquipmentID";
        /// Horsepower or kW, by the study; version 8 in kW.
        rated_power: Num = "RatedPower" "RatedPowerHP";
        kv_ll: Num = "RatedVoltageKVLL" "RatedVoltage";
        efficiency_pct: Num = "Efficiency";
        power_factor_pct: Num = "FullLoadPF" "FullLoadPowerFactor";
    }
}

/// Kind of a switching device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SwitchKind {
    Switch,
    Fuse,
    Recloser,
    Breaker,
    Sectionalizer,
    NetworkProtector,
    /// Low-voltage circuit breaker.
    LvBreaker,
    /// `MISCELLANEOUS`: a device without electrical meaning.
    Miscellaneous,
}

/// Kind of a generator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GeneratorKind {
    Synchronous,
    Induction,
    ElectronicConverter,
}

/// A record of a section or table whose fields have no typed form here, kept as written.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherRecord {
    pub fields: Vec<(String, String)>,
    pub source: SourceRef,
}

impl OtherRecord {
    /// The value of a field, without regard to case and punctuation; none when empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let name = normalised(name);
        self.fields.iter().find(|(n, _)| normalised(n) == name).map(|(_, v)| v.trim()).filter(|v| !is_absent(v))
    }
}

/// A study.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// Version as written, such as `8.00`.
    pub version: String,
    /// Hz; 60 where the study tells none.
    pub frequency_hz: Option<f64>,
    pub units: Units,

    pub feeders: Vec<Feeder>,
    pub nodes: Vec<Node>,
    pub head_nodes: Vec<HeadNode>,
    pub sources: Vec<Source>,
    pub source_equivalents: Vec<SourceEquivalent>,
    pub sections: Vec<Section>,
    pub intermediate_nodes: Vec<IntermediateNode>,

    pub overhead_by_phase: Vec<OverheadByPhase>,
    pub overhead_unbalanced: Vec<OverheadUnbalanced>,
    pub overhead_lines: Vec<OverheadLine>,
    pub underground_lines: Vec<UndergroundLine>,

    pub switches: Vec<(SwitchKind, SwitchSetting)>,
    pub transformers: Vec<TransformerSetting>,
    pub transformers_by_phase: Vec<TransformerByPhase>,
    pub three_winding_transformers: Vec<ThreeWindingSetting>,
    pub autotransformers: Vec<AutoTransformerSetting>,
    pub grounding_transformers: Vec<GroundingTransformerSetting>,
    pub regulators: Vec<RegulatorSetting>,
    pub tap_changing: Vec<TapChangingExtension>,
    pub shunt_capacitors: Vec<ShuntCapacitorSetting>,
    pub shunt_reactors: Vec<ShuntReactorSetting>,
    pub series_capacitors: Vec<SeriesSetting>,
    pub series_reactors: Vec<SeriesSetting>,

    pub loads: Vec<LoadSetting>,
    pub customer_loads: Vec<CustomerLoad>,
    pub customer_classes: Vec<CustomerClass>,
    pub load_models: Vec<LoadModelInformation>,

    pub photovoltaics: Vec<PhotovoltaicSetting>,
    pub generators: Vec<(GeneratorKind, GeneratorSetting)>,
    pub bess: Vec<BessSetting>,
    pub converters: Vec<Converter>,
    pub converter_controls: Vec<ConverterControl>,
    pub generation_models: Vec<DgGenerationModel>,
    pub induction_motors: Vec<MotorSetting>,
    pub synchronous_motors: Vec<MotorSetting>,

    pub conductors: Vec<Conductor>,
    pub spacings: Vec<Spacing>,
    pub line_types: Vec<LineType>,
    pub lines_unbalanced: Vec<LineUnbalanced>,
    pub cables: Vec<Cable>,
    pub cable_conductors: Vec<CableConductor>,
    pub cable_insulations: Vec<CableInsulation>,
    pub cable_neutrals: Vec<CableConcentricNeutral>,
    pub transformer_types: Vec<TransformerType>,
    pub three_winding_types: Vec<ThreeWindingType>,
    pub autotransformer_types: Vec<AutoTransformerType>,
    pub grounding_transformer_types: Vec<GroundingTransformerType>,
    pub regulator_types: Vec<RegulatorType>,
    pub substation_types: Vec<SubstationType>,
    pub switch_types: Vec<(SwitchKind, SwitchType)>,
    pub capacitor_types: Vec<ShuntType>,
    pub reactor_types: Vec<ShuntType>,
    pub series_capacitor_types: Vec<SeriesType>,
    pub series_reactor_types: Vec<SeriesType>,
    pub photovoltaic_types: Vec<PhotovoltaicType>,
    pub generator_types: Vec<(GeneratorKind, GeneratorType)>,
    pub bess_types: Vec<BessType>,
    pub induction_motor_types: Vec<MotorType>,
    pub synchronous_motor_types: Vec<MotorType>,

    /// Records of devices on sections that have no typed form, by the name of their section or table. They have a field
    /// `SectionID` (put in by the carrier where it is told elsewhere) and become unmodelled elements.
    pub other_devices: BTreeMap<String, Vec<OtherRecord>>,
}
