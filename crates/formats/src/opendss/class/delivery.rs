//! Power delivery classes: what carries power between buses.
//!
//! One line a property, in OpenDSS's order: a value given without a name belongs to the next
//! property, and an abbreviation to the first property that begins with it.

use super::enums::*;
use super::reasons::*;
use super::{ClassDef, ClassId, Group, Kind::*, PropertyDef, Range::*, Usage::*, class_table};

/// Properties of class `Line`.
pub mod line {
    use super::*;

    class_table! { Line, "Line", Delivery;
        Bus1, "Bus1", Bus, Used;
        Bus2, "Bus2", Bus, Used;
        LineCode, "LineCode", Object(ClassId::LineCode), Used;
        Length, "Length", Real(Any), Used;
        Phases, "Phases", Integer(Positive), Used;
        R1, "R1", Real(Any), Used;
        X1, "X1", Real(Any), Used;
        R0, "R0", Real(Any), Used;
        X0, "X0", Real(Any), Used;
        C1, "C1", Real(Any), Used;
        C0, "C0", Real(Any), Used;
        RMatrix, "RMatrix", Matrix, Used;
        XMatrix, "XMatrix", Matrix, Used;
        CMatrix, "CMatrix", Matrix, Used;
        Switch, "Switch", Boolean, Used;
        Rg, "Rg", Real(Any), Used;
        Xg, "Xg", Real(Any), Used;
        Rho, "rho", Real(Any), Used;
        Geometry, "Geometry", Object(ClassId::LineGeometry), Used;
        Units, "Units", Enum(&LENGTH_UNIT), Used;
        Spacing, "Spacing", Object(ClassId::LineSpacing), Used;
        Wires, "Wires", Objects(ClassId::WireData), Used;
        EarthModel, "EarthModel", Enum(&EARTH_MODEL), Used;
        CNCables, "CNCables", Objects(ClassId::CnData), Used;
        TSCables, "TSCables", Objects(ClassId::TsData), Used;
        B1, "B1", Real(Any), Used;
        B0, "B0", Real(Any), Used;
        Seasons, "Seasons", Integer(Any), Used;
        Ratings, "Ratings", Reals, Used;
        LineType, "LineType", Enum(&LINE_TYPE), Used;
        NormAmps, "NormAmps", Real(Any), Used;
        EmergAmps, "EmergAmps", Real(Any), Used;
        FaultRate, "FaultRate", Real(Any), NotNeeded(RELIABILITY);
        PctPerm, "pctPerm", Real(Any), NotNeeded(RELIABILITY);
        Repair, "Repair", Real(Any), NotNeeded(RELIABILITY);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `Transformer`.
pub mod transformer {
    use super::*;

    class_table! { Transformer, "Transformer", Delivery;
        Phases, "Phases", Integer(Positive), Used;
        Windings, "Windings", Integer(AtLeastTwo), Used;
        Wdg, "Wdg", Integer(Any), Used;
        Bus, "Bus", Bus, Used;
        Conn, "Conn", Enum(&CONNECTION), Used;
        KV, "kV", Real(NonNegative), Used;
        KVA, "kVA", Real(Any), Used;
        Tap, "Tap", Real(Any), Used;
        PctR, "%R", Real(Any), Used;
        RNeut, "RNeut", Real(Any), Used;
        XNeut, "XNeut", Real(Any), Used;
        Buses, "Buses", Buses, Used;
        Conns, "Conns", Enums(&CONNECTION), Used;
        KVs, "kVs", Slots, Used;
        KVAs, "kVAs", Slots, Used;
        Taps, "Taps", Slots, Used;
        XHL, "XHL", Real(Any), Used;
        XHT, "XHT", Real(Any), Used;
        XLT, "XLT", Real(Any), Used;
        XSCArray, "XSCArray", Vector, Used;
        Thermal, "Thermal", Real(Any), NotNeeded(UNUSED);
        ThermalN, "n", Real(Any), NotNeeded(UNUSED);
        ThermalM, "m", Real(Any), NotNeeded(UNUSED);
        FLRise, "FLRise", Real(Any), NotNeeded(UNUSED);
        HSRise, "HSRise", Real(Any), NotNeeded(UNUSED);
        PctLoadLoss, "%LoadLoss", Real(Any), Used;
        PctNoLoadLoss, "%NoLoadLoss", Real(Any), Used;
        NormHkVA, "NormHkVA", Real(Any), Used;
        EmergHkVA, "EmergHkVA", Real(Any), Used;
        Sub, "Sub", Boolean, NotNeeded(REPORTING);
        MaxTap, "MaxTap", Real(Any), Used;
        MinTap, "MinTap", Real(Any), Used;
        NumTaps, "NumTaps", Integer(Any), Used;
        SubName, "SubName", Text, NotNeeded(REPORTING);
        PctIMag, "%IMag", Real(Any), Used;
        PpmAntifloat, "ppm_Antifloat", Real(Any), Used;
        PctRs, "%Rs", Slots, Used;
        Bank, "Bank", Text, NotNeeded(REPORTING);
        XfmrCode, "XfmrCode", Object(ClassId::XfmrCode), Used;
        XRConst, "XRConst", Boolean, Used;
        X12, "X12", Real(Any), Used;
        X13, "X13", Real(Any), Used;
        X23, "X23", Real(Any), Used;
        LeadLag, "LeadLag", Enum(&PHASE_SEQUENCE), Used;
        WdgCurrents, "WdgCurrents", ReadOnly, NotNeeded(OUTPUT);
        Core, "Core", Enum(&CORE_TYPE), Used;
        RDCOhms, "RDCOhms", Real(Any), Used;
        Seasons, "Seasons", Integer(Any), Used;
        Ratings, "Ratings", Reals, Used;
        NormAmps, "NormAmps", Real(Any), Used;
        EmergAmps, "EmergAmps", Real(Any), Used;
        FaultRate, "FaultRate", Real(Any), NotNeeded(RELIABILITY);
        PctPerm, "pctPerm", Real(Any), NotNeeded(RELIABILITY);
        Repair, "Repair", Real(Any), NotNeeded(RELIABILITY);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `AutoTrans`.
pub mod auto_trans {
    use super::*;

    class_table! { AutoTrans, "AutoTrans", Delivery;
        Phases, "Phases", Integer(Positive), Used;
        Windings, "Windings", Integer(Positive), Used;
        Wdg, "Wdg", Integer(Any), Used;
        Bus, "Bus", Bus, Used;
        Conn, "Conn", Enum(&AUTOTRANS_CONNECTION), Used;
        KV, "kV", Real(NonNegative), Used;
        KVA, "kVA", Real(Any), Used;
        Tap, "Tap", Real(Any), Used;
        PctR, "%R", Real(Any), Used;
        RDCOhms, "RDCOhms", Real(Any), Used;
        Core, "Core", Enum(&CORE_TYPE), Used;
        Buses, "Buses", Buses, Used;
        Conns, "Conns", Enums(&AUTOTRANS_CONNECTION), Used;
        KVs, "kVs", Slots, Used;
        KVAs, "kVAs", Slots, Used;
        Taps, "Taps", Slots, Used;
        XHX, "XHX", Real(Any), Used;
        XHT, "XHT", Real(Any), Used;
        XXT, "XXT", Real(Any), Used;
        XSCArray, "XSCArray", Vector, Used;
        Thermal, "Thermal", Real(Any), NotNeeded(UNUSED);
        ThermalN, "n", Real(Any), NotNeeded(UNUSED);
        ThermalM, "m", Real(Any), NotNeeded(UNUSED);
        FLRise, "FLRise", Real(Any), NotNeeded(UNUSED);
        HSRise, "HSRise", Real(Any), NotNeeded(UNUSED);
        PctLoadLoss, "%LoadLoss", Real(Any), Used;
        PctNoLoadLoss, "%NoLoadLoss", Real(Any), Used;
        NormHkVA, "NormHkVA", Real(Any), Used;
        EmergHkVA, "EmergHkVA", Real(Any), Used;
        Sub, "Sub", Boolean, NotNeeded(REPORTING);
        MaxTap, "MaxTap", Real(Any), Used;
        MinTap, "MinTap", Real(Any), Used;
        NumTaps, "NumTaps", Integer(Any), Used;
        SubName, "SubName", Text, NotNeeded(REPORTING);
        PctIMag, "%IMag", Real(Any), Used;
        PpmAntifloat, "ppm_Antifloat", Real(Any), Used;
        PctRs, "%Rs", Slots, Used;
        Bank, "Bank", Text, NotNeeded(UNUSED);
        XRConst, "XRConst", Boolean, Used;
        LeadLag, "LeadLag", Enum(&PHASE_SEQUENCE), Used;
        WdgCurrents, "WdgCurrents", ReadOnly, NotNeeded(OUTPUT);
        NormAmps, "NormAmps", Real(Any), Used;
        EmergAmps, "EmergAmps", Real(Any), Used;
        FaultRate, "FaultRate", Real(Any), NotNeeded(RELIABILITY);
        PctPerm, "pctPerm", Real(Any), NotNeeded(RELIABILITY);
        Repair, "Repair", Real(Any), NotNeeded(RELIABILITY);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `Capacitor`.
pub mod capacitor {
    use super::*;

    class_table! { Capacitor, "Capacitor", Delivery;
        Bus1, "Bus1", Bus, Used;
        Bus2, "Bus2", Bus, Used;
        Phases, "Phases", Integer(Positive), Used;
        Kvar, "kvar", Reals, Used;
        KV, "kV", Real(NonNegative), Used;
        Conn, "Conn", Enum(&CONNECTION), Used;
        CMatrix, "CMatrix", Matrix, Used;
        Cuf, "Cuf", Reals, Used;
        R, "R", Reals, Used;
        XL, "XL", Reals, Used;
        Harm, "Harm", Reals, Used;
        NumSteps, "NumSteps", Integer(Positive), Used;
        States, "States", Integers, Used;
        NormAmps, "NormAmps", Real(Any), Used;
        EmergAmps, "EmergAmps", Real(Any), Used;
        FaultRate, "FaultRate", Real(Any), NotNeeded(RELIABILITY);
        PctPerm, "pctPerm", Real(Any), NotNeeded(RELIABILITY);
        Repair, "Repair", Real(Any), NotNeeded(RELIABILITY);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `Reactor`.
pub mod reactor {
    use super::*;

    class_table! { Reactor, "Reactor", Delivery;
        Bus1, "Bus1", Bus, Used;
        Bus2, "Bus2", Bus, Used;
        Phases, "Phases", Integer(Positive), Used;
        Kvar, "kvar", Real(Any), Used;
        KV, "kV", Real(NonNegative), Used;
        Conn, "Conn", Enum(&CONNECTION), Used;
        RMatrix, "RMatrix", Matrix, Used;
        XMatrix, "XMatrix", Matrix, Used;
        Parallel, "Parallel", Boolean, Used;
        R, "R", Real(Any), Used;
        X, "X", Real(Any), Used;
        Rp, "Rp", Real(Any), Used;
        Z1, "Z1", Complex, Used;
        Z2, "Z2", Complex, Used;
        Z0, "Z0", Complex, Used;
        Z, "Z", Complex, Used;
        RCurve, "RCurve", Object(ClassId::XyCurve), Used;
        LCurve, "LCurve", Object(ClassId::XyCurve), Used;
        LmH, "LmH", Real(Any), Used;
        NormAmps, "NormAmps", Real(Any), Used;
        EmergAmps, "EmergAmps", Real(Any), Used;
        FaultRate, "FaultRate", Real(Any), NotNeeded(RELIABILITY);
        PctPerm, "pctPerm", Real(Any), NotNeeded(RELIABILITY);
        Repair, "Repair", Real(Any), NotNeeded(RELIABILITY);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `Fault`.
pub mod fault {
    use super::*;

    class_table! { Fault, "Fault", Delivery;
        Bus1, "Bus1", Bus, Used;
        Bus2, "Bus2", Bus, Used;
        Phases, "Phases", Integer(Positive), Used;
        R, "R", Real(Any), Used;
        PctStdDev, "%StdDev", Real(Any), Used;
        GMatrix, "GMatrix", Matrix, Used;
        OnTime, "OnTime", Real(Any), Used;
        Temporary, "Temporary", Boolean, Used;
        MinAmps, "MinAmps", Real(Any), Used;
        NormAmps, "NormAmps", Real(Any), Used;
        EmergAmps, "EmergAmps", Real(Any), Used;
        FaultRate, "FaultRate", Real(Any), NotNeeded(RELIABILITY);
        PctPerm, "pctPerm", Real(Any), NotNeeded(RELIABILITY);
        Repair, "Repair", Real(Any), NotNeeded(RELIABILITY);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `GICTransformer`.
pub mod gic_transformer {
    use super::*;

    class_table! { GicTransformer, "GICTransformer", Delivery;
        BusH, "BusH", Bus, Used;
        BusNH, "BusNH", Bus, Used;
        BusX, "BusX", Bus, Used;
        BusNX, "BusNX", Bus, Used;
        Phases, "Phases", Integer(Positive), Used;
        Type, "Type", Enum(&GICTRANSFORMER_TYPE), Used;
        R1, "R1", Real(Any), Used;
        R2, "R2", Real(Any), Used;
        KVLL1, "kVLL1", Real(Any), Used;
        KVLL2, "kVLL2", Real(Any), Used;
        MVA, "MVA", Real(Any), Used;
        VarCurve, "VarCurve", Object(ClassId::XyCurve), Used;
        PctR1, "%R1", Real(Any), Used;
        PctR2, "%R2", Real(Any), Used;
        K, "K", Real(Any), Used;
        NormAmps, "NormAmps", Real(Any), Used;
        EmergAmps, "EmergAmps", Real(Any), Used;
        FaultRate, "FaultRate", Real(Any), NotNeeded(RELIABILITY);
        PctPerm, "pctPerm", Real(Any), NotNeeded(RELIABILITY);
        Repair, "Repair", Real(Any), NotNeeded(RELIABILITY);
        BaseFreq, "BaseFreq", Real(Positive), Used;
        Enabled, "Enabled", Boolean, Used;
        Like, "Like", Like, Used;
    }
}
