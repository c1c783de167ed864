//! File formats, one module each. A module reads bytes that it is handed and opens no file.

pub mod opendss;
