//! File formats, one module each. A module reads bytes that it is handed and opens no file.

pub mod costs;
pub mod cyme;
pub mod detect;
pub mod exchange;
pub mod files;
pub mod flexibility;
pub mod gis;
pub mod import;
pub mod matpower;
pub mod meters;
pub mod model;
pub mod neighbourhoods;
pub mod openadr;
pub mod opendss;
pub mod outages;
pub mod psse;
pub mod samples;
pub mod scenario;
pub mod station;
pub mod study_results;
pub mod table;
pub mod weather;

pub use detect::{ModelFormat, detect};
pub use files::{FileSource, MemoryFiles};
pub use import::ImportError;
pub use model::ModelOptions;
