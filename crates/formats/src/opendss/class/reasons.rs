//! Why a property is read but not used, or refused: the texts of `docs/opendss-properties.md`.

pub const HARMONICS: &str = "only harmonic solutions read it";
pub const DYNAMICS: &str = "only dynamic (time-domain) solutions read it";
pub const RELIABILITY: &str = "only reliability indices read it";
pub const REPORTING: &str = "only metering, logs and reports read it";
pub const OUTPUT: &str = "OpenDSS ignores a value written here: the property is an output";
pub const UNUSED: &str = "OpenDSS stores it and never reads it";
pub const DEPRECATED: &str = "OpenDSS has withdrawn it; a value here does nothing";
pub const USER_DATA: &str = "text for a user-written model, which itself is refused";
pub const USER_CODE: &str = "it names compiled code that replaces the element's own equations";
