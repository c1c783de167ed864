//! How reliable supply was.

pub mod ieee1366;
