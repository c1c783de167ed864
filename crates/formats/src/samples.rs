//! Models that the program carries in itself.

use crate::MemoryFiles;

const IEEE123: &[(&str, &str)] = &[
    ("ieee123.dss", include_str!("../../../models/ieee123/ieee123.dss")),
    ("line_configurations.dss", include_str!("../../../models/ieee123/line_configurations.dss")),
    ("lines.dss", include_str!("../../../models/ieee123/lines.dss")),
    ("loads.dss", include_str!("../../../models/ieee123/loads.dss")),
    ("capacitors.dss", include_str!("../../../models/ieee123/capacitors.dss")),
    ("regulators.dss", include_str!("../../../models/ieee123/regulators.dss")),
    ("switches.dss", include_str!("../../../models/ieee123/switches.dss")),
    ("bus_coordinates.csv", include_str!("../../../models/ieee123/bus_coordinates.csv")),
];

/// Master file among [`ieee123`].
pub const IEEE123_MASTER: &str = "ieee123.dss";

/// Neighbourhoods of the IEEE 123-node feeder, YAML.
pub const IEEE123_NEIGHBOURHOODS: &str = include_str!("../../../models/ieee123/neighbourhoods.yaml");

/// The IEEE 123-node test feeder as an OpenDSS script.
pub fn ieee123() -> MemoryFiles {
    IEEE123.iter().fold(MemoryFiles::new(), |files, (name, text)| files.with(*name, *text))
}
