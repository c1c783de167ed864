//! How reliable supply was, and will be.

pub mod ieee1366;
pub mod predicted;
pub mod tables;
