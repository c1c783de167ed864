//! Meter classes.
//!
//! One line a property, in OpenDSS's order: a value given without a name belongs to the next
//! property, and an abbreviation to the first property that begins with it.

use super::enums::*;
use super::reasons::*;
use super::{ClassDef, ClassId, Group, Kind::*, PropertyDef, Range::*, Usage::*, class_table};

/// Properties of class `Monitor`.
pub mod monitor {
    use super::*;

    class_table! { Monitor, "Monitor", Meter;
        Element, "Element", Element, Used;
        Terminal, "Terminal", Integer(Any), Used;
        Mode, "Mode", Integer(Any), Used;
        Action, "Action", Action(&MONITOR_ACTION), Used;
        Residual, "Residual", Boolean, Used;
        VIPolar, "VIPolar", Boolean, Used;
        PPolar, "PPolar", Boolean, Used;
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `EnergyMeter`.
pub mod energy_meter {
    use super::*;

    class_table! { EnergyMeter, "EnergyMeter", Meter;
        Element, "Element", Element, Used;
        Terminal, "Terminal", Integer(Any), Used;
        Action, "Action", Action(&ENERGYMETER_ACTION), Used;
        Option, "Option", Texts, Used;
        KVANormal, "kVANormal", Real(Any), Used;
        KVAEmerg, "kVAEmerg", Real(Any), Used;
        PeakCurrent, "PeakCurrent", Vector, Used;
        ZoneList, "ZoneList", Texts, Used;
        LocalOnly, "LocalOnly", Boolean, Used;
        Mask, "Mask", Vector, Used;
        Losses, "Losses", Boolean, Used;
        LineLosses, "LineLosses", Boolean, Used;
        XfmrLosses, "XfmrLosses", Boolean, Used;
        SeqLosses, "SeqLosses", Boolean, Used;
        ThreePhaseLosses, "3PhaseLosses", Boolean, Used;
        VBaseLosses, "VBaseLosses", Boolean, Used;
        PhaseVoltageReport, "PhaseVoltageReport", Boolean, NotNeeded(REPORTING);
        IntRate, "Int_Rate", Real(Any), NotNeeded(REPORTING);
        IntDuration, "Int_Duration", Real(Any), NotNeeded(REPORTING);
        SAIFI, "SAIFI", ReadOnly, NotNeeded(OUTPUT);
        SAIFIkW, "SAIFIkW", ReadOnly, NotNeeded(OUTPUT);
        SAIDI, "SAIDI", ReadOnly, NotNeeded(OUTPUT);
        CAIDI, "CAIDI", ReadOnly, NotNeeded(OUTPUT);
        CustInterrupts, "CustInterrupts", ReadOnly, NotNeeded(OUTPUT);
        BaseFreq, "BaseFreq", Real(Positive), NotNeeded(REPORTING);
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `Sensor`.
pub mod sensor {
    use super::*;

    class_table! { Sensor, "Sensor", Meter;
        Element, "Element", Element, Used;
        Terminal, "Terminal", Integer(Any), Used;
        KVBase, "kVBase", Real(Any), Used;
        Clear, "Clear", BooleanAction, Used;
        KVs, "kVs", Vector, Used;
        Currents, "Currents", Vector, Used;
        KWs, "kWs", Vector, Used;
        Kvars, "kvars", Vector, Used;
        Conn, "Conn", Enum(&CONNECTION), Used;
        DeltaDirection, "DeltaDirection", Integer(Any), Used;
        PctError, "%Error", Real(Any), Used;
        Weight, "Weight", Real(Any), Used;
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}
