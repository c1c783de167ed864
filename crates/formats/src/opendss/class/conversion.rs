//! Power conversion classes: sources, loads, generation and storage.
//!
//! One line a property, in OpenDSS's order: a value given without a name belongs to the next
//! property, and an abbreviation to the first property that begins with it.

use super::enums::*;
use super::reasons::*;
use super::{ClassDef, ClassId, Group, Kind::*, PropertyDef, Range::*, Usage::*, class_table};

/// Properties of class `Vsource`.
pub mod vsource {
    use super::*;

    class_table! { Vsource, "Vsource", Conversion;
        Bus1, "Bus1", Bus, Used;
        BasekV, "BasekV", Real(Any), Used;
        Pu, "pu", Real(Any), Used;
        Angle, "Angle", Real(Any), Used;
        Frequency, "Frequency", Real(Positive), Used;
        Phases, "Phases", Integer(Positive), Used;
        MVASC3, "MVASC3", Real(Any), Used;
        MVASC1, "MVASC1", Real(Any), Used;
        X1R1, "X1R1", Real(Any), Used;
        X0R0, "X0R0", Real(Any), Used;
        Isc3, "Isc3", Real(Any), Used;
        Isc1, "Isc1", Real(Any), Used;
        R1, "R1", Real(Any), Used;
        X1, "X1", Real(Any), Used;
        R0, "R0", Real(Any), Used;
        X0, "X0", Real(Any), Used;
        ScanType, "ScanType", Enum(&SCAN_TYPE), Used;
        Sequence, "Sequence", Enum(&SEQUENCE_TYPE), Used;
        Bus2, "Bus2", Bus, Used;
        Z1, "Z1", Complex, Used;
        Z0, "Z0", Complex, Used;
        Z2, "Z2", Complex, Used;
        PuZ1, "puZ1", Complex, Used;
        PuZ0, "puZ0", Complex, Used;
        PuZ2, "puZ2", Complex, Used;
        BaseMVA, "BaseMVA", Real(Any), Used;
        Yearly, "Yearly", Object(ClassId::LoadShape), Used;
        Daily, "Daily", Object(ClassId::LoadShape), Used;
        Duty, "Duty", Object(ClassId::LoadShape), Used;
        Model, "Model", Enum(&VSOURCE_MODEL), Used;
        PuZIdeal, "puZIdeal", Complex, Used;
        Spectrum, "Spectrum", Object(ClassId::Spectrum), NotNeeded(HARMONICS);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `Isource`.
pub mod isource {
    use super::*;

    class_table! { Isource, "Isource", Conversion;
        Bus1, "Bus1", Bus, Used;
        Amps, "Amps", Real(Any), Used;
        Angle, "Angle", Real(Any), Used;
        Frequency, "Frequency", Real(Positive), Used;
        Phases, "Phases", Integer(Positive), Used;
        ScanType, "ScanType", Enum(&SCAN_TYPE), Used;
        Sequence, "Sequence", Enum(&SEQUENCE_TYPE), Used;
        Yearly, "Yearly", Object(ClassId::LoadShape), Used;
        Daily, "Daily", Object(ClassId::LoadShape), Used;
        Duty, "Duty", Object(ClassId::LoadShape), Used;
        Bus2, "Bus2", Bus, Used;
        Spectrum, "Spectrum", Object(ClassId::Spectrum), NotNeeded(HARMONICS);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `VCCS`.
pub mod vccs {
    use super::*;

    class_table! { Vccs, "VCCS", Conversion;
        Bus1, "Bus1", Bus, Used;
        Phases, "Phases", Integer(Positive), Used;
        PRated, "PRated", Real(Any), Used;
        VRated, "VRated", Real(Positive), Used;
        Ppct, "Ppct", Real(Any), Used;
        BP1, "BP1", Object(ClassId::XyCurve), Used;
        BP2, "BP2", Object(ClassId::XyCurve), Used;
        Filter, "Filter", Object(ClassId::XyCurve), NotNeeded(DYNAMICS);
        FSample, "FSample", Real(Positive), NotNeeded(DYNAMICS);
        RMSMode, "RMSMode", Boolean, NotNeeded(DYNAMICS);
        IMaxpu, "IMaxpu", Real(Any), NotNeeded(DYNAMICS);
        VRMSTau, "VRMSTau", Real(Any), NotNeeded(DYNAMICS);
        IRMSTau, "IRMSTau", Real(Any), NotNeeded(DYNAMICS);
        Spectrum, "Spectrum", Object(ClassId::Spectrum), NotNeeded(HARMONICS);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `Load`.
pub mod load {
    use super::*;

    class_table! { Load, "Load", Conversion;
        Phases, "Phases", Integer(Positive), Used;
        Bus1, "Bus1", Bus, Used;
        KV, "kV", Real(NonNegative), Used;
        KW, "kW", Real(Any), Used;
        PF, "PF", Real(PowerFactor), Used;
        Model, "Model", IntegerEnum(&LOAD_MODEL), Used;
        Yearly, "Yearly", Object(ClassId::LoadShape), Used;
        Daily, "Daily", Object(ClassId::LoadShape), Used;
        Duty, "Duty", Object(ClassId::LoadShape), Used;
        Growth, "Growth", Object(ClassId::GrowthShape), Used;
        Conn, "Conn", Enum(&CONNECTION), Used;
        Kvar, "kvar", Real(Any), Used;
        RNeut, "RNeut", Real(Any), Used;
        XNeut, "XNeut", Real(Any), Used;
        Status, "Status", Enum(&LOAD_STATUS), Used;
        Class, "Class", Integer(Any), Used;
        VMinpu, "VMinpu", Real(Any), Used;
        VMaxpu, "VMaxpu", Real(Any), Used;
        VMinNorm, "VMinNorm", Real(Any), Used;
        VMinEmerg, "VMinEmerg", Real(Any), Used;
        XfkVA, "XfkVA", Real(Any), Used;
        AllocationFactor, "AllocationFactor", Real(Any), Used;
        KVA, "kVA", Real(Any), Used;
        PctMean, "%Mean", Real(Any), Used;
        PctStdDev, "%StdDev", Real(Any), Used;
        CVRWatts, "CVRWatts", Real(Any), Used;
        CVRVars, "CVRVars", Real(Any), Used;
        KWh, "kWh", Real(Any), Used;
        KWhDays, "kWhDays", Real(Any), Used;
        CFactor, "CFactor", Real(Any), Used;
        CVRCurve, "CVRCurve", Object(ClassId::LoadShape), Used;
        NumCust, "NumCust", Integer(Any), Used;
        ZIPV, "ZIPV", Vector, Used;
        PctSeriesRL, "%SeriesRL", Real(Any), NotNeeded(HARMONICS);
        RelWeight, "RelWeight", Real(Any), NotNeeded(RELIABILITY);
        VLowpu, "VLowpu", Real(Any), Used;
        PuXHarm, "puXHarm", Real(Any), NotNeeded(HARMONICS);
        XRHarm, "XRHarm", Real(Any), NotNeeded(HARMONICS);
        Spectrum, "Spectrum", Object(ClassId::Spectrum), NotNeeded(HARMONICS);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `Generator`.
pub mod generator {
    use super::*;

    class_table! { Generator, "Generator", Conversion;
        Phases, "Phases", Integer(Positive), Used;
        Bus1, "Bus1", Bus, Used;
        KV, "kV", Real(NonNegative), Used;
        KW, "kW", Real(Any), Used;
        PF, "PF", Real(PowerFactor), Used;
        Kvar, "kvar", Real(Any), Used;
        Model, "Model", IntegerEnum(&GENERATOR_MODEL), Used;
        VMinpu, "VMinpu", Real(Any), Used;
        VMaxpu, "VMaxpu", Real(Any), Used;
        Yearly, "Yearly", Object(ClassId::LoadShape), Used;
        Daily, "Daily", Object(ClassId::LoadShape), Used;
        Duty, "Duty", Object(ClassId::LoadShape), Used;
        DispMode, "DispMode", Enum(&GENERATOR_DISPATCH_MODE), Used;
        DispValue, "DispValue", Real(Any), Used;
        Conn, "Conn", Enum(&CONNECTION), Used;
        Status, "Status", Enum(&GENERATOR_STATUS), Used;
        Class, "Class", Integer(Any), Used;
        Vpu, "Vpu", Real(Any), Used;
        Maxkvar, "Maxkvar", Real(Any), Used;
        Minkvar, "Minkvar", Real(Any), Used;
        PVFactor, "PVFactor", Real(Any), Used;
        ForceOn, "ForceOn", Boolean, Used;
        KVA, "kVA", Real(Any), Used;
        MVA, "MVA", Real(Any), Used;
        Xd, "Xd", Real(Any), NotNeeded(DYNAMICS);
        Xdp, "Xdp", Real(Any), Used;
        Xdpp, "Xdpp", Real(Any), NotNeeded(HARMONICS);
        H, "H", Real(Any), NotNeeded(DYNAMICS);
        D, "D", Real(Any), NotNeeded(DYNAMICS);
        UserModel, "UserModel", Text, Refused(USER_CODE);
        UserData, "UserData", Text, NotNeeded(USER_DATA);
        ShaftModel, "ShaftModel", Text, NotNeeded(DYNAMICS);
        ShaftData, "ShaftData", Text, NotNeeded(USER_DATA);
        DutyStart, "DutyStart", Real(Any), NotNeeded(DYNAMICS);
        DebugTrace, "DebugTrace", Boolean, NotNeeded(REPORTING);
        Balanced, "Balanced", Boolean, Used;
        XRdp, "XRdp", Real(Any), NotNeeded(HARMONICS);
        UseFuel, "UseFuel", Boolean, Used;
        FuelkWh, "FuelkWh", Real(Any), Used;
        PctFuel, "%Fuel", Real(Any), Used;
        PctReserve, "%Reserve", Real(Any), Used;
        Refuel, "Refuel", BooleanAction, Used;
        DynamicEq, "DynamicEq", Object(ClassId::DynamicExp), NotNeeded(DYNAMICS);
        DynOut, "DynOut", Texts, NotNeeded(DYNAMICS);
        Spectrum, "Spectrum", Object(ClassId::Spectrum), NotNeeded(HARMONICS);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `Storage`.
pub mod storage {
    use super::*;

    class_table! { Storage, "Storage", Conversion;
        Phases, "Phases", Integer(Positive), Used;
        Bus1, "Bus1", Bus, Used;
        KV, "kV", Real(NonNegative), Used;
        Conn, "Conn", Enum(&CONNECTION), Used;
        KW, "kW", Real(Any), Used;
        Kvar, "kvar", Real(Any), Used;
        PF, "PF", Real(PowerFactor), Used;
        KVA, "kVA", Real(Any), Used;
        PctCutIn, "%CutIn", Real(Any), Used;
        PctCutOut, "%CutOut", Real(Any), Used;
        EffCurve, "EffCurve", Object(ClassId::XyCurve), Used;
        VarFollowInverter, "VarFollowInverter", Boolean, Used;
        KvarMax, "kvarMax", Real(Any), Used;
        KvarMaxAbs, "kvarMaxAbs", Real(Any), Used;
        WattPriority, "WattPriority", Boolean, Used;
        PFPriority, "PFPriority", Boolean, Used;
        PctPMinNoVars, "%PMinNoVars", Real(Any), Used;
        PctPMinkvarMax, "%PMinkvarMax", Real(Any), Used;
        KWRated, "kWRated", Real(Any), Used;
        PctkWRated, "%kWRated", Real(Any), Used;
        KWhRated, "kWhRated", Real(Any), Used;
        KWhStored, "kWhStored", Real(NonNegative), Used;
        PctStored, "%Stored", Real(Any), Used;
        PctReserve, "%Reserve", Real(Any), Used;
        State, "State", Enum(&STORAGE_STATE), Used;
        PctDischarge, "%Discharge", Real(Any), Used;
        PctCharge, "%Charge", Real(Any), Used;
        PctEffCharge, "%EffCharge", Real(Any), Used;
        PctEffDischarge, "%EffDischarge", Real(Any), Used;
        PctIdlingkW, "%IdlingkW", Real(Any), Used;
        PctIdlingkvar, "%Idlingkvar", Deprecated, NotNeeded(DEPRECATED);
        PctR, "%R", Real(Any), Used;
        PctX, "%X", Real(Any), Used;
        Model, "Model", Integer(Any), Used;
        VMinpu, "VMinpu", Real(Any), Used;
        VMaxpu, "VMaxpu", Real(Any), Used;
        Balanced, "Balanced", Boolean, Used;
        LimitCurrent, "LimitCurrent", Boolean, Used;
        Yearly, "Yearly", Object(ClassId::LoadShape), Used;
        Daily, "Daily", Object(ClassId::LoadShape), Used;
        Duty, "Duty", Object(ClassId::LoadShape), Used;
        DispMode, "DispMode", Enum(&STORAGE_DISPATCH_MODE), Used;
        DischargeTrigger, "DischargeTrigger", Real(Any), Used;
        ChargeTrigger, "ChargeTrigger", Real(Any), Used;
        TimeChargeTrig, "TimeChargeTrig", Real(Any), Used;
        Class, "Class", Integer(Any), Used;
        DynaDLL, "DynaDLL", Text, NotNeeded(DYNAMICS);
        DynaData, "DynaData", Text, NotNeeded(USER_DATA);
        UserModel, "UserModel", Text, Refused(USER_CODE);
        UserData, "UserData", Text, NotNeeded(USER_DATA);
        DebugTrace, "DebugTrace", Boolean, NotNeeded(REPORTING);
        KVDC, "kVDC", Real(Any), NotNeeded(DYNAMICS);
        Kp, "Kp", Real(Any), NotNeeded(DYNAMICS);
        PITol, "PITol", Real(Any), NotNeeded(DYNAMICS);
        SafeVoltage, "SafeVoltage", Real(Any), Used;
        SafeMode, "SafeMode", ReadOnly, NotNeeded(OUTPUT);
        DynamicEq, "DynamicEq", Object(ClassId::DynamicExp), NotNeeded(DYNAMICS);
        DynOut, "DynOut", Texts, NotNeeded(DYNAMICS);
        ControlMode, "ControlMode", Enum(&INVERTER_CONTROL_MODE), Used;
        AmpLimit, "AmpLimit", Real(Any), Used;
        AmpLimitGain, "AmpLimitGain", Real(Any), Used;
        Spectrum, "Spectrum", Object(ClassId::Spectrum), NotNeeded(HARMONICS);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `PVSystem`.
pub mod pv_system {
    use super::*;

    class_table! { PvSystem, "PVSystem", Conversion;
        Phases, "Phases", Integer(Positive), Used;
        Bus1, "Bus1", Bus, Used;
        KV, "kV", Real(NonNegative), Used;
        Irradiance, "Irradiance", Real(Any), Used;
        Pmpp, "Pmpp", Real(Any), Used;
        PctPmpp, "%Pmpp", Real(Any), Used;
        Temperature, "Temperature", Real(Any), Used;
        PF, "PF", Real(PowerFactor), Used;
        Conn, "Conn", Enum(&CONNECTION), Used;
        Kvar, "kvar", Real(Any), Used;
        KVA, "kVA", Real(Any), Used;
        PctCutIn, "%CutIn", Real(Any), Used;
        PctCutOut, "%CutOut", Real(Any), Used;
        EffCurve, "EffCurve", Object(ClassId::XyCurve), Used;
        PtCurve, "P-TCurve", Object(ClassId::XyCurve), Used;
        PctR, "%R", Real(Any), Used;
        PctX, "%X", Real(Any), Used;
        Model, "Model", IntegerEnum(&PVSYSTEM_MODEL), Used;
        VMinpu, "VMinpu", Real(Any), Used;
        VMaxpu, "VMaxpu", Real(Any), Used;
        Balanced, "Balanced", Boolean, Used;
        LimitCurrent, "LimitCurrent", Boolean, Used;
        Yearly, "Yearly", Object(ClassId::LoadShape), Used;
        Daily, "Daily", Object(ClassId::LoadShape), Used;
        Duty, "Duty", Object(ClassId::LoadShape), Used;
        TYearly, "TYearly", Object(ClassId::TShape), Used;
        TDaily, "TDaily", Object(ClassId::TShape), Used;
        TDuty, "TDuty", Object(ClassId::TShape), Used;
        Class, "Class", Integer(Any), Used;
        UserModel, "UserModel", Text, Refused(USER_CODE);
        UserData, "UserData", Text, NotNeeded(USER_DATA);
        DebugTrace, "DebugTrace", Boolean, NotNeeded(REPORTING);
        VarFollowInverter, "VarFollowInverter", Boolean, Used;
        DutyStart, "DutyStart", Real(NonNegative), NotNeeded(DYNAMICS);
        WattPriority, "WattPriority", Boolean, Used;
        PFPriority, "PFPriority", Boolean, Used;
        PctPMinNoVars, "%PMinNoVars", Real(Any), Used;
        PctPMinkvarMax, "%PMinkvarMax", Real(Any), Used;
        KvarMax, "kvarMax", Real(Any), Used;
        KvarMaxAbs, "kvarMaxAbs", Real(Any), Used;
        KVDC, "kVDC", Real(Any), NotNeeded(DYNAMICS);
        Kp, "Kp", Real(Any), NotNeeded(DYNAMICS);
        PITol, "PITol", Real(Any), NotNeeded(DYNAMICS);
        SafeVoltage, "SafeVoltage", Real(Any), Used;
        SafeMode, "SafeMode", ReadOnly, NotNeeded(OUTPUT);
        DynamicEq, "DynamicEq", Object(ClassId::DynamicExp), NotNeeded(DYNAMICS);
        DynOut, "DynOut", Texts, NotNeeded(DYNAMICS);
        ControlMode, "ControlMode", Enum(&INVERTER_CONTROL_MODE), Used;
        AmpLimit, "AmpLimit", Real(Any), Used;
        AmpLimitGain, "AmpLimitGain", Real(Any), Used;
        Spectrum, "Spectrum", Object(ClassId::Spectrum), NotNeeded(HARMONICS);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `UPFC`.
pub mod upfc {
    use super::*;

    class_table! { Upfc, "UPFC", Conversion;
        Bus1, "Bus1", Bus, Used;
        Bus2, "Bus2", Bus, Used;
        RefkV, "RefkV", Real(Any), Used;
        PF, "PF", Real(PowerFactor), Used;
        Frequency, "Frequency", Real(Positive), Used;
        Phases, "Phases", Integer(Positive), Used;
        Xs, "Xs", Real(Any), Used;
        Tol1, "Tol1", Real(Any), Used;
        Mode, "Mode", IntegerEnum(&UPFC_MODE), Used;
        VpqMax, "VpqMax", Real(Any), Used;
        LossCurve, "LossCurve", Object(ClassId::XyCurve), Used;
        VHLimit, "VHLimit", Real(Any), Used;
        VLLimit, "VLLimit", Real(Any), Used;
        CLimit, "CLimit", Real(Any), Used;
        RefkV2, "refkV2", Real(Any), Used;
        KvarLimit, "kvarLimit", Real(Any), Used;
        Element, "Element", Element, Used;
        Spectrum, "Spectrum", Object(ClassId::Spectrum), NotNeeded(HARMONICS);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `IndMach012`.
pub mod ind_mach_012 {
    use super::*;

    class_table! { IndMach012, "IndMach012", Conversion;
        Phases, "Phases", Integer(Positive), Used;
        Bus1, "Bus1", Bus, Used;
        KV, "kV", Real(NonNegative), Used;
        KW, "kW", Real(Any), Used;
        PF, "PF", ReadOnly, NotNeeded(OUTPUT);
        Conn, "Conn", Enum(&CONNECTION), Used;
        KVA, "kVA", Real(Any), Used;
        H, "H", Real(Any), NotNeeded(DYNAMICS);
        D, "D", Real(Any), NotNeeded(DYNAMICS);
        PuRs, "puRs", Real(Any), Used;
        PuXs, "puXs", Real(Any), Used;
        PuRr, "puRr", Real(Any), Used;
        PuXr, "puXr", Real(Any), Used;
        PuXm, "puXm", Real(Any), Used;
        Slip, "Slip", Real(Any), Used;
        MaxSlip, "MaxSlip", Real(Any), Used;
        SlipOption, "SlipOption", Enum(&INDMACH012_SLIP_OPTION), Used;
        Yearly, "Yearly", Object(ClassId::LoadShape), Used;
        Daily, "Daily", Object(ClassId::LoadShape), Used;
        Duty, "Duty", Object(ClassId::LoadShape), Used;
        DebugTrace, "DebugTrace", Boolean, NotNeeded(REPORTING);
        Spectrum, "Spectrum", Object(ClassId::Spectrum), NotNeeded(HARMONICS);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `GICsource`.
pub mod gic_source {
    use super::*;

    class_table! { GicSource, "GICsource", Conversion;
        Volts, "Volts", Real(Any), Used;
        Angle, "Angle", Real(Any), Used;
        Frequency, "Frequency", Real(Positive), Used;
        Phases, "Phases", Integer(Positive), Used;
        EN, "EN", Real(Any), Used;
        EE, "EE", Real(Any), Used;
        Lat1, "Lat1", Real(Any), Used;
        Lon1, "Lon1", Real(Any), Used;
        Lat2, "Lat2", Real(Any), Used;
        Lon2, "Lon2", Real(Any), Used;
        Spectrum, "Spectrum", Object(ClassId::Spectrum), NotNeeded(HARMONICS);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `GICLine`.
pub mod gic_line {
    use super::*;

    class_table! { GicLine, "GICLine", Conversion;
        Bus1, "Bus1", Bus, Used;
        Bus2, "Bus2", Bus, Used;
        Volts, "Volts", Real(Any), Used;
        Angle, "Angle", Real(Any), Used;
        Frequency, "Frequency", Real(Positive), Used;
        Phases, "Phases", Integer(Positive), Used;
        R, "R", Real(Any), Used;
        X, "X", Real(Any), Used;
        C, "C", Real(Any), Used;
        EN, "EN", Real(Any), Used;
        EE, "EE", Real(Any), Used;
        Lat1, "Lat1", Real(Any), Used;
        Lon1, "Lon1", Real(Any), Used;
        Lat2, "Lat2", Real(Any), Used;
        Lon2, "Lon2", Real(Any), Used;
        Spectrum, "Spectrum", Object(ClassId::Spectrum), NotNeeded(HARMONICS);
        BaseFreq, "BaseFreq", Real(Any), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `VSConverter`.
pub mod vs_converter {
    use super::*;

    class_table! { VsConverter, "VSConverter", Conversion;
        Phases, "Phases", Integer(Positive), Used;
        Bus1, "Bus1", Bus, Used;
        KVAC, "kVAC", Real(Any), Used;
        KVDC, "kVDC", Real(Any), NotNeeded(DYNAMICS);
        KW, "kW", Real(Any), Used;
        NDC, "NDC", Integer(Any), Used;
        RAC, "RAC", Real(Any), Used;
        XAC, "XAC", Real(Any), Used;
        M0, "M0", Real(Any), Used;
        D0, "d0", Real(Any), Used;
        MMin, "MMin", Real(Any), Used;
        MMax, "MMax", Real(Any), Used;
        IACMax, "IACMax", Real(Any), Used;
        IDCMax, "IDCMax", Real(Any), Used;
        VACRef, "VACRef", Real(Any), Used;
        PACRef, "PACRef", Real(Any), Used;
        QACRef, "QACRef", Real(Any), Used;
        VDCRef, "VDCRef", Real(Any), Used;
        VSCMode, "VSCMode", Enum(&VSCONVERTER_CONTROL_MODE), Used;
        Spectrum, "Spectrum", Object(ClassId::Spectrum), NotNeeded(HARMONICS);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}
