//! The sample design and results for it, as models/exchange has them: what to begin with, and how each way ends.

/// The plant of document 000, completed: models/exchange/README.md says what was chosen.
pub const DESIGN: &str = include_str!("../../../../models/exchange/design.yaml");
pub const DESIGN_NAME: &str = "models/exchange/design.yaml";

/// The same plant behind transformers at 34.5 kV, and the brief that sizes either.
pub const DESIGN_34KV: &str = include_str!("../../../../models/exchange/design_34kv.yaml");
pub const SIZING: &str = include_str!("../../../../models/exchange/sizing.yaml");
pub const SIZING_NAME: &str = "models/exchange/sizing.yaml";

/// Reliability blocks of a plant with a crew, spares and a common cause.
pub const DIAGRAM: &str = include_str!("../../../../models/exchange/diagram.yaml");
pub const DIAGRAM_NAME: &str = "models/exchange/diagram.yaml";

/// Name and content.
pub type File = (&'static str, &'static str);

macro_rules! results {
    ($folder:literal) => {
        [
            (
                "ETAP_LoadFlow_Results.csv",
                include_str!(concat!("../../../../models/exchange/results/", $folder, "/ETAP_LoadFlow_Results.csv")),
            ),
            (
                "ETAP_ShortCircuit_Results.csv",
                include_str!(concat!("../../../../models/exchange/results/", $folder, "/ETAP_ShortCircuit_Results.csv")),
            ),
            (
                "PSSe_PowerFlow_Results.csv",
                include_str!(concat!("../../../../models/exchange/results/", $folder, "/PSSe_PowerFlow_Results.csv")),
            ),
            ("RAM_Results.csv", include_str!(concat!("../../../../models/exchange/results/", $folder, "/RAM_Results.csv"))),
        ]
    };
}

/// Sample results with their names.
pub const RESULTS: [(&str, [File; 4]); 4] = [
    ("all-pass", results!("all_pass")),
    ("ram-fail", results!("ram_fail")),
    ("voltage-fail", results!("voltage_fail")),
    ("short-circuit-fail", results!("short_circuit_fail")),
];

/// Sample results by their name.
pub fn results(name: &str) -> Option<&'static [File; 4]> {
    RESULTS.iter().find(|(n, _)| *n == name).map(|(_, files)| files)
}
