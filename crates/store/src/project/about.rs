//! What the project's records say of one piece of equipment.

use super::Project;
use super::database::Cell;
use super::error::ProjectError;
use super::observations::{MeterPlaceRecord, PLACE_COLUMNS, STEP_COLUMNS, place_of, step_of};
use network::OutageStep;

/// Placeholders `$2, $3, …` for names behind the project.
fn placeholders(names: &[String]) -> String {
    (2..names.len() + 2).map(|i| format!("${i}")).collect::<Vec<_>>().join(", ")
}

fn values(project: i64, names: &[String]) -> Vec<Cell> {
    std::iter::once(project.into()).chain(names.iter().map(|n| n.as_str().into())).collect()
}

impl Project {
    /// Steps of outages at a device of one of these names (lower case), newest first, at most `limit`, and how many there are.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn outages_at(&self, names: &[String], limit: usize) -> Result<(Vec<OutageStep>, u64), ProjectError> {
        if names.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let at = format!("FROM outage_steps WHERE project = $1 AND LOWER(device) IN ({})", placeholders(names));
        let values = values(self.id, names);
        self.database().read(|database| {
            let n = database.row(&format!("SELECT COUNT(*) {at}"), &values)?.map_or(0, |r| r.number(0));
            let sql = format!("SELECT {STEP_COLUMNS} {at} ORDER BY start_s DESC, event, step_key LIMIT {limit}");
            Ok((database.rows(&sql, &values)?.iter().filter_map(step_of).collect(), n))
        })
    }

    /// Meters that records put at a transformer or bus of one of these names (lower case), at most `limit`, and how many there are.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn meters_at(&self, names: &[String], limit: usize) -> Result<(Vec<MeterPlaceRecord>, u64), ProjectError> {
        if names.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let list = placeholders(names);
        let at = format!("FROM meter_places WHERE project = $1 AND (LOWER(transformer) IN ({list}) OR LOWER(bus) IN ({list}))");
        let values = values(self.id, names);
        self.database().read(|database| {
            let n = database.row(&format!("SELECT COUNT(*) {at}"), &values)?.map_or(0, |r| r.number(0));
            let sql = format!("SELECT {PLACE_COLUMNS} {at} ORDER BY meter LIMIT {limit}");
            Ok((database.rows(&sql, &values)?.iter().map(place_of).collect(), n))
        })
    }
}
