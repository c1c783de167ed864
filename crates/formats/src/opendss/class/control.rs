//! Control and protection classes.
//!
//! One line a property, in OpenDSS's order: a value given without a name belongs to the next
//! property, and an abbreviation to the first property that begins with it.

use super::enums::*;
use super::reasons::*;
use super::{ClassDef, ClassId, Group, Kind::*, PropertyDef, Range::*, Usage::*, class_table};

/// Properties of class `RegControl`.
pub mod reg_control {
    use super::*;

    class_table! { RegControl, "RegControl", Control;
        Transformer, "Transformer", Regulated, Used;
        Winding, "Winding", Integer(Any), Used;
        VReg, "VReg", Real(Any), Used;
        Band, "Band", Real(Any), Used;
        PTRatio, "PTRatio", Real(Any), Used;
        CTPrim, "CTPrim", Real(Any), Used;
        R, "R", Real(Any), Used;
        X, "X", Real(Any), Used;
        Bus, "Bus", Bus, Used;
        Delay, "Delay", Real(Any), Used;
        Reversible, "Reversible", Boolean, Used;
        RevVReg, "RevVReg", Real(Any), Used;
        RevBand, "RevBand", Real(Any), Used;
        RevR, "RevR", Real(Any), Used;
        RevX, "RevX", Real(Any), Used;
        TapDelay, "TapDelay", Real(Any), Used;
        DebugTrace, "DebugTrace", Boolean, NotNeeded(REPORTING);
        MaxTapChange, "MaxTapChange", Integer(Any), Used;
        InverseTime, "InverseTime", Boolean, Used;
        TapWinding, "TapWinding", Integer(Any), Used;
        VLimit, "VLimit", Real(Any), Used;
        PTPhase, "PTPhase", Enum(&REGCONTROL_PHASE_SELECTION), Used;
        RevThreshold, "RevThreshold", Real(Any), Used;
        RevDelay, "RevDelay", Real(Any), Used;
        RevNeutral, "RevNeutral", Boolean, Used;
        EventLog, "EventLog", Boolean, NotNeeded(REPORTING);
        RemotePTRatio, "RemotePTRatio", Real(Any), Used;
        TapNum, "TapNum", Integer(Any), Used;
        Reset, "Reset", BooleanAction, Used;
        LDCZ, "LDC_Z", Real(Any), Used;
        RevZ, "Rev_Z", Real(Any), Used;
        Cogen, "Cogen", Boolean, Used;
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `CapControl`.
pub mod cap_control {
    use super::*;

    class_table! { CapControl, "CapControl", Control;
        Element, "Element", Element, Used;
        Terminal, "Terminal", Integer(Any), Used;
        Capacitor, "Capacitor", Object(ClassId::Capacitor), Used;
        Type, "Type", Enum(&CAPCONTROL_TYPE), Used;
        PTRatio, "PTRatio", Real(Any), Used;
        CTRatio, "CTRatio", Real(Any), Used;
        OnSetting, "OnSetting", Real(Any), Used;
        OffSetting, "OffSetting", Real(Any), Used;
        Delay, "Delay", Real(Any), Used;
        VoltOverride, "VoltOverride", Boolean, Used;
        VMax, "VMax", Real(Any), Used;
        VMin, "VMin", Real(Any), Used;
        DelayOff, "DelayOff", Real(Any), Used;
        DeadTime, "DeadTime", Real(Any), Used;
        CTPhase, "CTPhase", Enum(&MONITORED_PHASE), Used;
        PTPhase, "PTPhase", Enum(&MONITORED_PHASE), Used;
        VBus, "VBus", Bus, Used;
        EventLog, "EventLog", Boolean, NotNeeded(REPORTING);
        UserModel, "UserModel", Text, Refused(USER_CODE);
        UserData, "UserData", Text, NotNeeded(USER_DATA);
        PctMinkvar, "pctMinkvar", Real(Any), Used;
        Reset, "Reset", BooleanAction, Used;
        ControlSignal, "ControlSignal", Object(ClassId::LoadShape), Used;
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `GenDispatcher`.
pub mod gen_dispatcher {
    use super::*;

    class_table! { GenDispatcher, "GenDispatcher", Control;
        Element, "Element", Element, Used;
        Terminal, "Terminal", Integer(Any), Used;
        KWLimit, "kWLimit", Real(Any), Used;
        KWBand, "kWBand", Real(Any), Used;
        KvarLimit, "kvarLimit", Real(Any), Used;
        GenList, "GenList", Texts, Used;
        Weights, "Weights", Reals, Used;
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `StorageController`.
pub mod storage_controller {
    use super::*;

    class_table! { StorageController, "StorageController", Control;
        Element, "Element", Element, Used;
        Terminal, "Terminal", Integer(Any), Used;
        MonPhase, "MonPhase", Enum(&MONITORED_PHASE), Used;
        KWTarget, "kWTarget", Real(Any), Used;
        KWTargetLow, "kWTargetLow", Real(Any), Used;
        PctkWBand, "%kWBand", Real(Any), Used;
        KWBand, "kWBand", Real(Any), Used;
        PctkWBandLow, "%kWBandLow", Real(Any), Used;
        KWBandLow, "kWBandLow", Real(Any), Used;
        ElementList, "ElementList", Texts, Used;
        Weights, "Weights", Reals, Used;
        ModeDischarge, "ModeDischarge", Enum(&STORAGECONTROLLER_DISCHARGE_MODE), Used;
        ModeCharge, "ModeCharge", Enum(&STORAGECONTROLLER_CHARGE_MODE), Used;
        TimeDischargeTrigger, "TimeDischargeTrigger", Real(Any), Used;
        TimeChargeTrigger, "TimeChargeTrigger", Real(Any), Used;
        PctRatekW, "%RatekW", Real(Any), Used;
        PctRateCharge, "%RateCharge", Real(Any), Used;
        PctReserve, "%Reserve", Real(Any), Used;
        KWhTotal, "kWhTotal", ReadOnly, NotNeeded(OUTPUT);
        KWTotal, "kWTotal", ReadOnly, NotNeeded(OUTPUT);
        KWhActual, "kWhActual", ReadOnly, NotNeeded(OUTPUT);
        KWActual, "kWActual", ReadOnly, NotNeeded(OUTPUT);
        KWNeed, "kWNeed", ReadOnly, NotNeeded(OUTPUT);
        Yearly, "Yearly", Object(ClassId::LoadShape), Used;
        Daily, "Daily", Object(ClassId::LoadShape), Used;
        Duty, "Duty", Object(ClassId::LoadShape), Used;
        EventLog, "EventLog", Boolean, NotNeeded(REPORTING);
        InhibitTime, "InhibitTime", Integer(NonNegative), Used;
        TUp, "TUp", Real(NonNegative), Used;
        TFlat, "TFlat", Real(NonNegative), Used;
        TDn, "TDn", Real(NonNegative), Used;
        KWThreshold, "kWThreshold", Real(Any), Used;
        DispFactor, "DispFactor", Real(Any), Used;
        ResetLevel, "ResetLevel", Real(Any), Used;
        Seasons, "Seasons", Integer(Any), Used;
        SeasonTargets, "SeasonTargets", Reals, Used;
        SeasonTargetsLow, "SeasonTargetsLow", Reals, Used;
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `Relay`.
pub mod relay {
    use super::*;

    class_table! { Relay, "Relay", Control;
        MonitoredObj, "MonitoredObj", Element, Used;
        MonitoredTerm, "MonitoredTerm", Integer(Any), Used;
        SwitchedObj, "SwitchedObj", Element, Used;
        SwitchedTerm, "SwitchedTerm", Integer(Any), Used;
        Type, "Type", Enum(&RELAY_TYPE), Used;
        PhaseCurve, "PhaseCurve", Object(ClassId::TccCurve), Used;
        GroundCurve, "GroundCurve", Object(ClassId::TccCurve), Used;
        PhaseTrip, "PhaseTrip", Real(Any), Used;
        GroundTrip, "GroundTrip", Real(Any), Used;
        TDPhase, "TDPhase", Real(Any), Used;
        TDGround, "TDGround", Real(Any), Used;
        PhaseInst, "PhaseInst", Real(Any), Used;
        GroundInst, "GroundInst", Real(Any), Used;
        Reset, "Reset", Real(Any), Used;
        Shots, "Shots", Integer(Positive), Used;
        RecloseIntervals, "RecloseIntervals", Vector, Used;
        Delay, "Delay", Real(Any), Used;
        OvervoltCurve, "OvervoltCurve", Object(ClassId::TccCurve), Used;
        UndervoltCurve, "UndervoltCurve", Object(ClassId::TccCurve), Used;
        KVBase, "kVBase", Real(Any), Used;
        F47PctPickup, "47%Pickup", Real(Any), Used;
        F46BaseAmps, "46BaseAmps", Real(Any), Used;
        F46PctPickup, "46%Pickup", Real(Any), Used;
        F46Isqt, "46isqt", Real(Any), Used;
        Variable, "Variable", Text, Used;
        Overtrip, "Overtrip", Real(Any), Used;
        Undertrip, "Undertrip", Real(Any), Used;
        BreakerTime, "BreakerTime", Real(Any), Used;
        Action, "Action", Enum(&RELAY_ACTION), Used;
        Z1Mag, "Z1Mag", Real(Any), Used;
        Z1Ang, "Z1Ang", Real(Any), Used;
        Z0Mag, "Z0Mag", Real(Any), Used;
        Z0Ang, "Z0Ang", Real(Any), Used;
        MPhase, "MPhase", Real(Any), Used;
        MGround, "MGround", Real(Any), Used;
        EventLog, "EventLog", Boolean, NotNeeded(REPORTING);
        DebugTrace, "DebugTrace", Boolean, NotNeeded(REPORTING);
        DistReverse, "DistReverse", Boolean, Used;
        Normal, "Normal", Enum(&RELAY_STATE), Used;
        State, "State", Enum(&RELAY_STATE), Used;
        DOCTiltAngleLow, "DOC_TiltAngleLow", Real(Any), Used;
        DOCTiltAngleHigh, "DOC_TiltAngleHigh", Real(Any), Used;
        DOCTripSettingLow, "DOC_TripSettingLow", Real(Any), Used;
        DOCTripSettingHigh, "DOC_TripSettingHigh", Real(Any), Used;
        DOCTripSettingMag, "DOC_TripSettingMag", Real(Any), Used;
        DOCDelayInner, "DOC_DelayInner", Real(Any), Used;
        DOCPhaseCurveInner, "DOC_PhaseCurveInner", Object(ClassId::TccCurve), Used;
        DOCPhaseTripInner, "DOC_PhaseTripInner", Real(Any), Used;
        DOCTDPhaseInner, "DOC_TDPhaseInner", Real(Any), Used;
        DOCP1Blocking, "DOC_P1Blocking", Boolean, Used;
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `Recloser`.
pub mod recloser {
    use super::*;

    class_table! { Recloser, "Recloser", Control;
        MonitoredObj, "MonitoredObj", Element, Used;
        MonitoredTerm, "MonitoredTerm", Integer(Any), Used;
        SwitchedObj, "SwitchedObj", Element, Used;
        SwitchedTerm, "SwitchedTerm", Integer(Any), Used;
        NumFast, "NumFast", Integer(Any), Used;
        PhaseFast, "PhaseFast", Object(ClassId::TccCurve), Used;
        PhaseDelayed, "PhaseDelayed", Object(ClassId::TccCurve), Used;
        GroundFast, "GroundFast", Object(ClassId::TccCurve), Used;
        GroundDelayed, "GroundDelayed", Object(ClassId::TccCurve), Used;
        PhaseTrip, "PhaseTrip", Real(Any), Used;
        GroundTrip, "GroundTrip", Real(Any), Used;
        PhaseInst, "PhaseInst", Real(Any), Used;
        GroundInst, "GroundInst", Real(Any), Used;
        Reset, "Reset", Real(Any), Used;
        Shots, "Shots", Integer(Positive), Used;
        RecloseIntervals, "RecloseIntervals", Vector, Used;
        Delay, "Delay", Real(Any), Used;
        Action, "Action", Enum(&RECLOSER_ACTION), Used;
        TDPhFast, "TDPhFast", Real(Any), Used;
        TDGrFast, "TDGrFast", Real(Any), Used;
        TDPhDelayed, "TDPhDelayed", Real(Any), Used;
        TDGrDelayed, "TDGrDelayed", Real(Any), Used;
        Normal, "Normal", Enum(&RECLOSER_STATE), Used;
        State, "State", Enum(&RECLOSER_STATE), Used;
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `Fuse`.
pub mod fuse {
    use super::*;

    class_table! { Fuse, "Fuse", Control;
        MonitoredObj, "MonitoredObj", Element, Used;
        MonitoredTerm, "MonitoredTerm", Integer(Any), Used;
        SwitchedObj, "SwitchedObj", Element, Used;
        SwitchedTerm, "SwitchedTerm", Integer(Any), Used;
        FuseCurve, "FuseCurve", Object(ClassId::TccCurve), Used;
        RatedCurrent, "RatedCurrent", Real(Any), Used;
        Delay, "Delay", Real(Any), Used;
        Action, "Action", Action(&FUSE_ACTION), Used;
        Normal, "Normal", Enums(&FUSE_STATE), Used;
        State, "State", Enums(&FUSE_STATE), Used;
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `SwtControl`.
pub mod swt_control {
    use super::*;

    class_table! { SwtControl, "SwtControl", Control;
        SwitchedObj, "SwitchedObj", Element, Used;
        SwitchedTerm, "SwitchedTerm", Integer(Any), Used;
        Action, "Action", Enum(&SWTCONTROL_ACTION), Used;
        Lock, "Lock", Boolean, Used;
        Delay, "Delay", Real(Any), Used;
        Normal, "Normal", Enum(&SWTCONTROL_STATE), Used;
        State, "State", Enum(&SWTCONTROL_STATE), Used;
        Reset, "Reset", BooleanAction, Used;
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `UPFCControl`.
pub mod upfc_control {
    use super::*;

    class_table! { UpfcControl, "UPFCControl", Control;
        UPFCList, "UPFCList", Texts, Used;
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `ESPVLControl`.
pub mod espvl_control {
    use super::*;

    class_table! { EspvlControl, "ESPVLControl", Control;
        Element, "Element", Element, Used;
        Terminal, "Terminal", Integer(Any), Used;
        Type, "Type", Enum(&ESPVLCONTROL_TYPE), Used;
        KWBand, "kWBand", Real(Any), Used;
        KvarLimit, "kvarLimit", Real(Any), Used;
        LocalControlList, "LocalControlList", Texts, Used;
        LocalControlWeights, "LocalControlWeights", Reals, Used;
        PVSystemList, "PVSystemList", Texts, Used;
        PVSystemWeights, "PVSystemWeights", Reals, Used;
        StorageList, "StorageList", Texts, Used;
        StorageWeights, "StorageWeights", Reals, Used;
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `InvControl`.
pub mod inv_control {
    use super::*;

    class_table! { InvControl, "InvControl", Control;
        DERList, "DERList", Texts, Used;
        Mode, "Mode", Enum(&INVCONTROL_CONTROL_MODE), Used;
        CombiMode, "CombiMode", Enum(&INVCONTROL_COMBI_MODE), Used;
        VVCCurve1, "VVC_Curve1", Object(ClassId::XyCurve), Used;
        HysteresisOffset, "Hysteresis_Offset", Real(NonPositive), Used;
        VoltageCurveXRef, "Voltage_CurveX_Ref", Enum(&INVCONTROL_VOLTAGE_CURVE_X_REF), Used;
        AvgWindowLen, "AvgWindowLen", Seconds, Used;
        VoltWattCurve, "VoltWatt_Curve", Object(ClassId::XyCurve), Used;
        DbVMin, "DbVMin", Real(Any), Used;
        DbVMax, "DbVMax", Real(Any), Used;
        ArGraLowV, "ArGraLowV", Real(Any), Used;
        ArGraHiV, "ArGraHiV", Real(Any), Used;
        DynReacAvgWindowLen, "DynReacAvgWindowLen", Seconds, Used;
        DeltaQFactor, "DeltaQ_Factor", Real(Any), Used;
        VoltageChangeTolerance, "VoltageChangeTolerance", Real(Any), Used;
        VarChangeTolerance, "VarChangeTolerance", Real(Any), Used;
        VoltWattYAxis, "VoltWattYAxis", Enum(&INVCONTROL_VOLT_WATT_Y_AXIS), Used;
        RateOfChangeMode, "RateOfChangeMode", Enum(&INVCONTROL_RATE_OF_CHANGE_MODE), Used;
        LPFTau, "LPFTau", Real(Any), Used;
        RiseFallLimit, "RiseFallLimit", Real(Any), Used;
        DeltaPFactor, "DeltaP_Factor", Real(Any), Used;
        EventLog, "EventLog", Boolean, NotNeeded(REPORTING);
        RefReactivePower, "RefReactivePower", Enum(&INVCONTROL_REACTIVE_POWER_REFERENCE), Used;
        ActivePChangeTolerance, "ActivePChangeTolerance", Real(Any), Used;
        MonVoltageCalc, "MonVoltageCalc", Enum(&MONITORED_PHASE), Used;
        MonBus, "MonBus", Texts, Used;
        MonBusesVBase, "MonBusesVBase", Vector, Used;
        VoltWattCHCurve, "VoltWattCH_Curve", Object(ClassId::XyCurve), Used;
        WattPFCurve, "WattPF_Curve", Object(ClassId::XyCurve), Used;
        WattVarCurve, "WattVar_Curve", Object(ClassId::XyCurve), Used;
        VVRefReactivePower, "VV_RefReactivePower", Deprecated, NotNeeded(DEPRECATED);
        PVSystemList, "PVSystemList", Texts, Used;
        VSetPoint, "VSetPoint", Real(Any), Used;
        ControlModel, "ControlModel", IntegerEnum(&INVCONTROL_CONTROL_MODEL), Used;
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `ExpControl`.
pub mod exp_control {
    use super::*;

    class_table! { ExpControl, "ExpControl", Control;
        PVSystemList, "PVSystemList", Texts, Used;
        VReg, "VReg", Real(Any), Used;
        Slope, "Slope", Real(Any), Used;
        VRegTau, "VRegTau", Real(Any), Used;
        QBias, "QBias", Real(Any), Used;
        VRegMin, "VRegMin", Real(Any), Used;
        VRegMax, "VRegMax", Real(Any), Used;
        QMaxLead, "QMaxLead", Real(Any), Used;
        QMaxLag, "QMaxLag", Real(Any), Used;
        EventLog, "EventLog", Boolean, NotNeeded(REPORTING);
        DeltaQFactor, "DeltaQ_Factor", Real(Any), Used;
        PreferQ, "PreferQ", Boolean, Used;
        TResponse, "TResponse", Real(Any), Used;
        DERList, "DERList", Texts, Used;
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}
