//! Catalogue classes: codes, shapes, curves and conductor data.
//!
//! One line a property, in OpenDSS's order: a value given without a name belongs to the next
//! property, and an abbreviation to the first property that begins with it.

use super::enums::*;
use super::reasons::*;
use super::{ClassDef, ClassId, Group, Kind::*, PropertyDef, Range::*, Usage::*, class_table};

/// Properties of class `LineCode`.
pub mod line_code {
    use super::*;

    class_table! { LineCode, "LineCode", General;
        NPhases, "NPhases", Integer(Any), Used;
        R1, "R1", Real(Any), Used;
        X1, "X1", Real(Any), Used;
        R0, "R0", Real(Any), Used;
        X0, "X0", Real(Any), Used;
        C1, "C1", Real(Any), Used;
        C0, "C0", Real(Any), Used;
        Units, "Units", Enum(&LENGTH_UNIT), Used;
        RMatrix, "RMatrix", Matrix, Used;
        XMatrix, "XMatrix", Matrix, Used;
        CMatrix, "CMatrix", Matrix, Used;
        BaseFreq, "BaseFreq", Real(Positive), Used;
        NormAmps, "NormAmps", Real(Any), Used;
        EmergAmps, "EmergAmps", Real(Any), Used;
        FaultRate, "FaultRate", Real(Any), NotNeeded(RELIABILITY);
        PctPerm, "PctPerm", Real(Any), NotNeeded(RELIABILITY);
        Repair, "Repair", Real(Any), NotNeeded(RELIABILITY);
        Kron, "Kron", BooleanAction, Used;
        Rg, "Rg", Real(Any), Used;
        Xg, "Xg", Real(Any), Used;
        Rho, "rho", Real(Any), Used;
        Neutral, "Neutral", Integer(Any), Used;
        B1, "B1", Real(Any), Used;
        B0, "B0", Real(Any), Used;
        Seasons, "Seasons", Integer(Any), Used;
        Ratings, "Ratings", Reals, Used;
        LineType, "LineType", Enum(&LINE_TYPE), Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `LoadShape`.
pub mod load_shape {
    use super::*;

    class_table! { LoadShape, "LoadShape", General;
        NPts, "NPts", Integer(Any), Used;
        Interval, "Interval", Real(NonNegative), Used;
        Mult, "Mult", Reals, Used;
        Hour, "Hour", Reals, Used;
        Mean, "Mean", Real(Any), Used;
        StdDev, "StdDev", Real(Any), Used;
        CSVFile, "CSVFile", DataFile, Used;
        SngFile, "SngFile", DataFile, Used;
        DblFile, "DblFile", DataFile, Used;
        Action, "Action", Action(&LOADSHAPE_ACTION), Used;
        QMult, "QMult", Reals, Used;
        UseActual, "UseActual", Boolean, Used;
        PMax, "PMax", Real(Any), Used;
        QMax, "QMax", Real(Any), Used;
        SInterval, "SInterval", Real(NonNegative), Used;
        MInterval, "MInterval", Real(NonNegative), Used;
        PBase, "PBase", Real(Any), Used;
        QBase, "QBase", Real(Any), Used;
        PMult, "PMult", Reals, Used;
        PQCSVFile, "PQCSVFile", DataFile, Used;
        MemoryMapping, "MemoryMapping", Boolean, Used;
        Interpolation, "Interpolation", Enum(&LOADSHAPE_INTERPOLATION), Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `TShape`.
pub mod t_shape {
    use super::*;

    class_table! { TShape, "TShape", General;
        NPts, "NPts", Integer(Any), Used;
        Interval, "Interval", Real(NonNegative), Used;
        Temp, "Temp", Reals, Used;
        Hour, "Hour", Reals, Used;
        Mean, "Mean", Real(Any), Used;
        StdDev, "StdDev", Real(Any), Used;
        CSVFile, "CSVFile", DataFile, Used;
        SngFile, "SngFile", DataFile, Used;
        DblFile, "DblFile", DataFile, Used;
        SInterval, "SInterval", Real(NonNegative), Used;
        MInterval, "MInterval", Real(NonNegative), Used;
        Action, "Action", Action(&TSHAPE_ACTION), Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `PriceShape`.
pub mod price_shape {
    use super::*;

    class_table! { PriceShape, "PriceShape", General;
        NPts, "NPts", Integer(Any), Used;
        Interval, "Interval", Real(Any), Used;
        Price, "Price", Reals, Used;
        Hour, "Hour", Reals, Used;
        Mean, "Mean", Real(Any), Used;
        StdDev, "StdDev", Real(Any), Used;
        CSVFile, "CSVFile", DataFile, Used;
        SngFile, "SngFile", DataFile, Used;
        DblFile, "DblFile", DataFile, Used;
        SInterval, "SInterval", Real(Any), Used;
        MInterval, "MInterval", Real(Any), Used;
        Action, "Action", Action(&PRICESHAPE_ACTION), Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `XYcurve`.
pub mod xy_curve {
    use super::*;

    class_table! { XyCurve, "XYcurve", General;
        NPts, "NPts", Integer(Any), Used;
        Points, "Points", Reals, Used;
        YArray, "YArray", Reals, Used;
        XArray, "XArray", Reals, Used;
        CSVFile, "CSVFile", DataFile, Used;
        SngFile, "SngFile", DataFile, Used;
        DblFile, "DblFile", DataFile, Used;
        X, "X", Real(Any), Used;
        Y, "Y", Real(Any), Used;
        XShift, "XShift", Real(Any), Used;
        YShift, "YShift", Real(Any), Used;
        XScale, "XScale", Real(Any), Used;
        YScale, "YScale", Real(Any), Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `GrowthShape`.
pub mod growth_shape {
    use super::*;

    class_table! { GrowthShape, "GrowthShape", General;
        NPts, "NPts", Integer(Any), Used;
        Year, "Year", Reals, Used;
        Mult, "Mult", Reals, Used;
        CSVFile, "CSVFile", DataFile, Used;
        SngFile, "SngFile", DataFile, Used;
        DblFile, "DblFile", DataFile, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `TCC_Curve`.
pub mod tcc_curve {
    use super::*;

    class_table! { TccCurve, "TCC_Curve", General;
        NPts, "NPts", Integer(Any), Used;
        CArray, "C_Array", Reals, Used;
        TArray, "T_Array", Reals, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `Spectrum`.
pub mod spectrum {
    use super::*;

    class_table! { Spectrum, "Spectrum", General;
        NumHarm, "NumHarm", Integer(Any), NotNeeded(HARMONICS);
        Harmonic, "Harmonic", Reals, NotNeeded(HARMONICS);
        PctMag, "%Mag", Reals, NotNeeded(HARMONICS);
        Angle, "Angle", Reals, NotNeeded(HARMONICS);
        CSVFile, "CSVFile", DataFile, NotNeeded(HARMONICS);
        Like, "Like", Like, Used;
    }
}

/// Properties of class `WireData`.
pub mod wire_data {
    use super::*;

    class_table! { WireData, "WireData", General;
        RDC, "RDC", Real(Any), Used;
        RAC, "RAC", Real(Any), Used;
        RUnits, "RUnits", Enum(&LENGTH_UNIT), Used;
        GMRAC, "GMRAC", Real(Positive), Used;
        GMRUnits, "GMRUnits", Enum(&LENGTH_UNIT), Used;
        Radius, "Radius", Real(Positive), Used;
        RadUnits, "RadUnits", Enum(&LENGTH_UNIT), Used;
        NormAmps, "NormAmps", Real(Any), Used;
        EmergAmps, "EmergAmps", Real(Any), Used;
        Diam, "Diam", Real(Positive), Used;
        Seasons, "Seasons", Integer(Any), Used;
        Ratings, "Ratings", Reals, Used;
        CapRadius, "CapRadius", Real(NonZero), Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `CNData`.
pub mod cn_data {
    use super::*;

    class_table! { CnData, "CNData", General;
        K, "k", Integer(Any), Used;
        DiaStrand, "DiaStrand", Real(Positive), Used;
        GMRStrand, "GMRStrand", Real(Positive), Used;
        RStrand, "RStrand", Real(Any), Used;
        EpsR, "EpsR", Real(Any), Used;
        InsLayer, "InsLayer", Real(Positive), Used;
        DiaIns, "DiaIns", Real(Positive), Used;
        DiaCable, "DiaCable", Real(Positive), Used;
        RDC, "RDC", Real(Any), Used;
        RAC, "RAC", Real(Any), Used;
        RUnits, "RUnits", Enum(&LENGTH_UNIT), Used;
        GMRAC, "GMRAC", Real(Positive), Used;
        GMRUnits, "GMRUnits", Enum(&LENGTH_UNIT), Used;
        Radius, "Radius", Real(Positive), Used;
        RadUnits, "RadUnits", Enum(&LENGTH_UNIT), Used;
        NormAmps, "NormAmps", Real(Any), Used;
        EmergAmps, "EmergAmps", Real(Any), Used;
        Diam, "Diam", Real(Positive), Used;
        Seasons, "Seasons", Integer(Any), Used;
        Ratings, "Ratings", Reals, Used;
        CapRadius, "CapRadius", Real(NonZero), Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `TSData`.
pub mod ts_data {
    use super::*;

    class_table! { TsData, "TSData", General;
        DiaShield, "DiaShield", Real(Positive), Used;
        TapeLayer, "TapeLayer", Real(Positive), Used;
        TapeLap, "TapeLap", Real(NonNegative), Used;
        EpsR, "EpsR", Real(Any), Used;
        InsLayer, "InsLayer", Real(Positive), Used;
        DiaIns, "DiaIns", Real(Positive), Used;
        DiaCable, "DiaCable", Real(Positive), Used;
        RDC, "RDC", Real(Any), Used;
        RAC, "RAC", Real(Any), Used;
        RUnits, "RUnits", Enum(&LENGTH_UNIT), Used;
        GMRAC, "GMRAC", Real(Positive), Used;
        GMRUnits, "GMRUnits", Enum(&LENGTH_UNIT), Used;
        Radius, "Radius", Real(Positive), Used;
        RadUnits, "RadUnits", Enum(&LENGTH_UNIT), Used;
        NormAmps, "NormAmps", Real(Any), Used;
        EmergAmps, "EmergAmps", Real(Any), Used;
        Diam, "Diam", Real(Positive), Used;
        Seasons, "Seasons", Integer(Any), Used;
        Ratings, "Ratings", Reals, Used;
        CapRadius, "CapRadius", Real(NonZero), Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `LineSpacing`.
pub mod line_spacing {
    use super::*;

    class_table! { LineSpacing, "LineSpacing", General;
        NConds, "NConds", Integer(Any), Used;
        NPhases, "NPhases", Integer(Any), Used;
        X, "X", Vector, Used;
        H, "H", Vector, Used;
        Units, "Units", Enum(&LENGTH_UNIT), Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `LineGeometry`.
pub mod line_geometry {
    use super::*;

    class_table! { LineGeometry, "LineGeometry", General;
        NConds, "NConds", Integer(Positive), Used;
        NPhases, "NPhases", Integer(NonNegative), Used;
        Cond, "Cond", Integer(Any), Used;
        Wire, "Wire", Object(ClassId::WireData), Used;
        X, "X", Real(Any), Used;
        H, "H", Real(Any), Used;
        Units, "Units", Enum(&LENGTH_UNIT), Used;
        NormAmps, "NormAmps", Real(Any), Used;
        EmergAmps, "EmergAmps", Real(Any), Used;
        Reduce, "Reduce", Boolean, Used;
        Spacing, "Spacing", Object(ClassId::LineSpacing), Used;
        Wires, "Wires", Objects(ClassId::WireData), Used;
        CNCable, "CNCable", Object(ClassId::CnData), Used;
        TSCable, "TSCable", Object(ClassId::TsData), Used;
        CNCables, "CNCables", Objects(ClassId::CnData), Used;
        TSCables, "TSCables", Objects(ClassId::TsData), Used;
        Seasons, "Seasons", Integer(Any), Used;
        Ratings, "Ratings", Reals, Used;
        LineType, "LineType", Enum(&LINE_TYPE), Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `XfmrCode`.
pub mod xfmr_code {
    use super::*;

    class_table! { XfmrCode, "XfmrCode", General;
        Phases, "Phases", Integer(Positive), Used;
        Windings, "Windings", Integer(AtLeastTwo), Used;
        Wdg, "Wdg", Integer(Any), Used;
        Conn, "Conn", Enum(&CONNECTION), Used;
        KV, "kV", Real(NonNegative), Used;
        KVA, "kVA", Real(Any), Used;
        Tap, "Tap", Real(Any), Used;
        PctR, "%R", Real(Any), Used;
        RNeut, "RNeut", Real(Any), Used;
        XNeut, "XNeut", Real(Any), Used;
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
        MaxTap, "MaxTap", Real(Any), Used;
        MinTap, "MinTap", Real(Any), Used;
        NumTaps, "NumTaps", Integer(Any), Used;
        PctIMag, "%IMag", Real(Any), Used;
        PpmAntifloat, "ppm_Antifloat", Real(Any), Used;
        PctRs, "%Rs", Slots, Used;
        X12, "X12", Real(Any), Used;
        X13, "X13", Real(Any), Used;
        X23, "X23", Real(Any), Used;
        RDCOhms, "RDCOhms", Real(Any), Used;
        Seasons, "Seasons", Integer(Any), Used;
        Ratings, "Ratings", Reals, Used;
        Like, "Like", Like, Used;
    }
}

/// Properties of class `DynamicExp`.
pub mod dynamic_exp {
    use super::*;

    class_table! { DynamicExp, "DynamicExp", General;
        NVariables, "NVariables", Integer(Any), NotNeeded(DYNAMICS);
        VarNames, "VarNames", Texts, NotNeeded(DYNAMICS);
        Var, "Var", Text, NotNeeded(DYNAMICS);
        VarIdx, "VarIdx", ReadOnly, NotNeeded(OUTPUT);
        Expression, "Expression", Text, NotNeeded(DYNAMICS);
        Domain, "Domain", Enum(&DYNAMICEXP_DOMAIN), NotNeeded(DYNAMICS);
        Like, "Like", Like, Used;
    }
}
