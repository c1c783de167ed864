//! The sets of words that enumerated properties and options take, with OpenDSS's numbers.

use super::EnumDef;

pub static VISUALIZE_QUANTITY: EnumDef = EnumDef {
    name: "Visualize: Quantity",
    words: &[("Currents", 1), ("Voltages", 2), ("Powers", 3)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static REDUCTION_STRATEGY: EnumDef = EnumDef {
    name: "Reduction Strategy",
    words: &[("Default", 0), ("ShortLines", 1), ("MergeParallel", 2), ("BreakLoop", 3), ("Dangling", 4), ("Switches", 5), ("Laterals", 6)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static EARTH_MODEL: EnumDef = EnumDef {
    name: "Earth Model",
    words: &[("Carson", 1), ("FullCarson", 2), ("Deri", 3)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static LINE_TYPE: EnumDef = EnumDef {
    name: "Line Type",
    words: &[
        ("oh", 1),
        ("ug", 2),
        ("ug_ts", 3),
        ("ug_cn", 4),
        ("swt_ldbrk", 5),
        ("swt_fuse", 6),
        ("swt_sect", 7),
        ("swt_rec", 8),
        ("swt_disc", 9),
        ("swt_brk", 10),
        ("swt_elbow", 11),
        ("busbar", 12),
    ],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static LENGTH_UNIT: EnumDef = EnumDef {
    name: "Length Unit",
    words: &[
        ("none", 0),
        ("mi", 1),
        ("kft", 2),
        ("km", 3),
        ("m", 4),
        ("ft", 5),
        ("in", 6),
        ("cm", 7),
        ("mm", 8),
        ("meter", 4),
        ("miles", 1),
    ],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static SCAN_TYPE: EnumDef = EnumDef {
    name: "Scan Type",
    words: &[("None", -1), ("Zero", 0), ("Positive", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static SEQUENCE_TYPE: EnumDef = EnumDef {
    name: "Sequence Type",
    words: &[("Negative", -1), ("Zero", 0), ("Positive", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static CONNECTION: EnumDef = EnumDef {
    name: "Connection",
    words: &[("wye", 0), ("delta", 1), ("y", 0), ("ln", 0), ("ll", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static CORE_TYPE: EnumDef = EnumDef {
    name: "Core Type",
    words: &[("shell", 0), ("1-phase", 1), ("3-leg", 3), ("4-leg", 4), ("5-leg", 5), ("core-1-phase", 9)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static PHASE_SEQUENCE: EnumDef = EnumDef {
    name: "Phase Sequence",
    words: &[("Lag", 0), ("Lead", 1), ("ANSI", 0), ("Euro", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static LOAD_SOLUTION_MODEL: EnumDef = EnumDef {
    name: "Load Solution Model",
    words: &[("PowerFlow", 1), ("Admittance", 2)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static RANDOM_TYPE: EnumDef = EnumDef {
    name: "Random Type",
    words: &[("None", 0), ("Gaussian", 1), ("Uniform", 2), ("LogNormal", 3)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static CONTROL_MODE: EnumDef = EnumDef {
    name: "Control Mode",
    words: &[("Off", -1), ("Static", 0), ("Event", 1), ("Time", 2), ("MultiRate", 3)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static INVERTER_CONTROL_MODE: EnumDef = EnumDef {
    name: "Inverter Control Mode",
    words: &[("GFL", 0), ("GFM", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static SOLUTION_MODE: EnumDef = EnumDef {
    name: "Solution Mode",
    words: &[
        ("Snap", 0),
        ("Daily", 1),
        ("Yearly", 2),
        ("M1", 3),
        ("LD1", 4),
        ("PeakDay", 5),
        ("DutyCycle", 6),
        ("Direct", 7),
        ("MF", 8),
        ("FaultStudy", 9),
        ("M2", 10),
        ("M3", 11),
        ("LD2", 12),
        ("AutoAdd", 13),
        ("Dynamic", 14),
        ("Harmonic", 15),
        ("Time", 16),
        ("HarmonicT", 17),
        ("Snapshot", 0),
        ("Dynamics", 14),
        ("Harmonics", 15),
        ("S", 0),
        ("Y", 2),
        ("H", 15),
        ("T", 16),
        ("F", 9),
    ],
    or_number: false,
    first_match: true,
    longer_allowed: false,
};

pub static SOLUTION_ALGORITHM: EnumDef = EnumDef {
    name: "Solution Algorithm",
    words: &[("Normal", 0), ("Newton", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static CIRCUIT_MODEL: EnumDef = EnumDef {
    name: "Circuit Model",
    words: &[("Multiphase", 0), ("Positive", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static AUTOADD_DEVICE_TYPE: EnumDef = EnumDef {
    name: "AutoAdd Device Type",
    words: &[("Generator", 1), ("Capacitor", 2)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static LOAD_SHAPE_CLASS: EnumDef = EnumDef {
    name: "Load Shape Class",
    words: &[("None", -1), ("Daily", 0), ("Yearly", 1), ("Duty", 2)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static MONITORED_PHASE: EnumDef = EnumDef {
    name: "Monitored Phase",
    words: &[("min", -3), ("max", -2), ("avg", -1)],
    or_number: true,
    first_match: false,
    longer_allowed: false,
};

pub static LOADSHAPE_ACTION: EnumDef = EnumDef {
    name: "LoadShape: Action",
    words: &[("Normalize", 0), ("DblSave", 1), ("SngSave", 2)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static LOADSHAPE_INTERPOLATION: EnumDef = EnumDef {
    name: "LoadShape: Interpolation",
    words: &[("Avg", 0), ("Edge", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static TSHAPE_ACTION: EnumDef = EnumDef {
    name: "TShape: Action",
    words: &[("DblSave", 0), ("SngSave", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static PRICESHAPE_ACTION: EnumDef = EnumDef {
    name: "PriceShape: Action",
    words: &[("DblSave", 0), ("SngSave", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static VSOURCE_MODEL: EnumDef = EnumDef {
    name: "VSource: Model",
    words: &[("Thevenin", 0), ("Ideal", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static LOAD_MODEL: EnumDef = EnumDef {
    name: "Load: Model",
    words: &[
        ("Constant PQ", 1),
        ("Constant Z", 2),
        ("Motor (constant P, quadratic Q)", 3),
        ("CVR (linear P, quadratic Q)", 4),
        ("Constant I", 5),
        ("Constant P, fixed Q", 6),
        ("Constant P, fixed X", 7),
        ("ZIPV", 8),
    ],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static LOAD_STATUS: EnumDef = EnumDef {
    name: "Load: Status",
    words: &[("Variable", 0), ("Fixed", 1), ("Exempt", 2)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static REGCONTROL_PHASE_SELECTION: EnumDef = EnumDef {
    name: "RegControl: Phase Selection",
    words: &[("min", -3), ("max", -2)],
    or_number: true,
    first_match: false,
    longer_allowed: false,
};

pub static CAPCONTROL_TYPE: EnumDef = EnumDef {
    name: "CapControl: Type",
    words: &[("Current", 0), ("Voltage", 1), ("kvar", 2), ("Time", 3), ("PowerFactor", 4), ("pf", 4), ("Follow", 5)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static DYNAMICEXP_DOMAIN: EnumDef =
    EnumDef { name: "DynamicExp: Domain", words: &[("Time", 0), ("dq", 1)], or_number: false, first_match: false, longer_allowed: false };

pub static GENERATOR_MODEL: EnumDef = EnumDef {
    name: "Generator: Model",
    words: &[
        ("Constant PQ", 1),
        ("Constant Z", 2),
        ("Constant P|V|", 3),
        ("Constant P, fixed Q", 4),
        ("Constant P, fixed X", 5),
        ("User model", 6),
        ("Approximate inverter model", 7),
    ],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static GENERATOR_DISPATCH_MODE: EnumDef = EnumDef {
    name: "Generator: Dispatch Mode",
    words: &[("Default", 0), ("LoadLevel", 1), ("Price", 2)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static GENERATOR_STATUS: EnumDef = EnumDef {
    name: "Generator: Status",
    words: &[("Variable", 0), ("Fixed", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static STORAGE_STATE: EnumDef = EnumDef {
    name: "Storage: State",
    words: &[("Charging", -1), ("Idling", 0), ("Discharging", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static STORAGE_DISPATCH_MODE: EnumDef = EnumDef {
    name: "Storage: Dispatch Mode",
    words: &[("Default", 0), ("LoadLevel", 1), ("Price", 2), ("External", 3), ("Follow", 4)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static STORAGECONTROLLER_DISCHARGE_MODE: EnumDef = EnumDef {
    name: "StorageController: Discharge Mode",
    words: &[("Peakshave", 5), ("Follow", 1), ("Support", 3), ("Loadshape", 2), ("Time", 4), ("Schedule", 6), ("I-Peakshave", 8)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static STORAGECONTROLLER_CHARGE_MODE: EnumDef = EnumDef {
    name: "StorageController: Charge Mode",
    words: &[("Loadshape", 2), ("Time", 4), ("PeakshaveLow", 7), ("I-PeakshaveLow", 9)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static RELAY_TYPE: EnumDef = EnumDef {
    name: "Relay: Type",
    words: &[
        ("Current", 0),
        ("Voltage", 1),
        ("ReversePower", 3),
        ("46", 4),
        ("47", 5),
        ("Generic", 6),
        ("Distance", 7),
        ("TD21", 8),
        ("DOC", 9),
    ],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static RELAY_ACTION: EnumDef = EnumDef {
    name: "Relay: Action",
    words: &[("close", 2), ("open", 1), ("trip", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static RELAY_STATE: EnumDef = EnumDef {
    name: "Relay: State",
    words: &[("closed", 2), ("open", 1), ("trip", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static RECLOSER_ACTION: EnumDef = EnumDef {
    name: "Recloser: Action",
    words: &[("close", 2), ("open", 1), ("trip", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static RECLOSER_STATE: EnumDef = EnumDef {
    name: "Recloser: State",
    words: &[("closed", 2), ("open", 1), ("trip", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static FUSE_ACTION: EnumDef =
    EnumDef { name: "Fuse: Action", words: &[("close", 2), ("open", 1)], or_number: false, first_match: false, longer_allowed: false };

pub static FUSE_STATE: EnumDef =
    EnumDef { name: "Fuse: State", words: &[("closed", 2), ("open", 1)], or_number: false, first_match: false, longer_allowed: false };

pub static SWTCONTROL_ACTION: EnumDef = EnumDef {
    name: "SwtControl: Action",
    words: &[("close", 2), ("open", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static SWTCONTROL_STATE: EnumDef = EnumDef {
    name: "SwtControl: State",
    words: &[("closed", 2), ("open", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static PVSYSTEM_MODEL: EnumDef = EnumDef {
    name: "PVSystem: Model",
    words: &[("Constant P, PF", 1), ("Constant Y", 2), ("User model", 3)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static UPFC_MODE: EnumDef = EnumDef {
    name: "UPFC: Mode",
    words: &[
        ("Off", 0),
        ("Voltage Regulator", 1),
        ("Phase Angle Regulator", 2),
        ("Dual Regulator", 3),
        ("Double Reference (Voltage)", 4),
        ("Double Reference (Dual)", 5),
    ],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static ESPVLCONTROL_TYPE: EnumDef = EnumDef {
    name: "ESPVLControl: Type",
    words: &[("SystemController", 1), ("LocalController", 2)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static INDMACH012_SLIP_OPTION: EnumDef = EnumDef {
    name: "IndMach012: Slip Option",
    words: &[("VariableSlip", 0), ("FixedSlip", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static AUTOTRANS_CONNECTION: EnumDef = EnumDef {
    name: "AutoTrans: Connection",
    words: &[("wye", 0), ("delta", 1), ("series", 2), ("y", 0), ("ln", 0), ("ll", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static INVCONTROL_CONTROL_MODE: EnumDef = EnumDef {
    name: "InvControl: Control Mode",
    words: &[("Voltvar", 1), ("VoltWatt", 2), ("DynamicReaccurr", 3), ("WattPF", 4), ("Wattvar", 5), ("AVR", 6), ("GFM", 7)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static INVCONTROL_COMBI_MODE: EnumDef = EnumDef {
    name: "InvControl: Combi Mode",
    words: &[("VV_VW", 1), ("VV_DRC", 2)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static INVCONTROL_VOLTAGE_CURVE_X_REF: EnumDef = EnumDef {
    name: "InvControl: Voltage Curve X Ref",
    words: &[("Rated", 0), ("Avg", 1), ("RAvg", 2)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static INVCONTROL_VOLT_WATT_Y_AXIS: EnumDef = EnumDef {
    name: "InvControl: Volt-Watt Y-Axis",
    words: &[("PAvailablePU", 0), ("PMPPPU", 1), ("PctPMPPPU", 2), ("KVARatingPU", 3)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static INVCONTROL_RATE_OF_CHANGE_MODE: EnumDef = EnumDef {
    name: "InvControl: Rate-of-change Mode",
    words: &[("Inactive", 0), ("LPF", 1), ("RiseFall", 2)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static INVCONTROL_REACTIVE_POWER_REFERENCE: EnumDef = EnumDef {
    name: "InvControl: Reactive Power Reference",
    words: &[("VARAVAL", 0), ("VARMAX", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: true,
};

pub static INVCONTROL_CONTROL_MODEL: EnumDef = EnumDef {
    name: "InvControl: Control Model",
    words: &[("Linear", 0), ("Exponential", 1)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static GICTRANSFORMER_TYPE: EnumDef = EnumDef {
    name: "GICTransformer: Type",
    words: &[("GSU", 1), ("Auto", 2), ("YY", 3)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static VSCONVERTER_CONTROL_MODE: EnumDef = EnumDef {
    name: "VSConverter: Control Mode",
    words: &[("Fixed", 0), ("PacVac", 1), ("PacQac", 2), ("VdcVac", 3), ("VdcQac", 4)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static MONITOR_ACTION: EnumDef = EnumDef {
    name: "Monitor: Action",
    words: &[("Clear", 0), ("Save", 1), ("TakeSample", 2), ("Process", 3), ("Reset", 0)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};

pub static ENERGYMETER_ACTION: EnumDef = EnumDef {
    name: "EnergyMeter: Action",
    words: &[("Allocate", 0), ("Clear", 1), ("Reduce", 2), ("Save", 3), ("TakeSample", 4), ("ZoneDump", 5)],
    or_number: false,
    first_match: false,
    longer_allowed: false,
};
