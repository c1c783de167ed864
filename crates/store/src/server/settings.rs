//! Settings: a few values that administrators decide for all.

use super::{ServerDatabase, ServerError};
use crate::project::database::Cell;
use serde_json::Value;
use std::collections::BTreeMap;

impl ServerDatabase {
    /// All settings that were ever decided. What cannot be read as JSON is left out.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn settings(&self) -> Result<BTreeMap<String, Value>, ServerError> {
        let rows = self.read(|database| database.rows("SELECT key, value FROM server_settings ORDER BY key", &[]))?;
        Ok(rows.iter().filter_map(|r| Some((r.text(0), serde_json::from_str(&r.text(1)).ok()?))).collect())
    }

    /// Decides settings, all or none.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn put_settings(&self, settings: &BTreeMap<String, Value>, author: &str, now_ms: i64) -> Result<(), ServerError> {
        let tail = "ON CONFLICT (key) DO UPDATE SET value = excluded.value, time_ms = excluded.time_ms, author = excluded.author";
        let rows: Vec<Vec<Cell>> =
            settings.iter().map(|(k, v)| vec![k.as_str().into(), v.to_string().into(), now_ms.into(), author.into()]).collect();
        Ok(self.write(|database| database.insert("server_settings (key, value, time_ms, author)", 4, tail, rows))?)
    }
}
