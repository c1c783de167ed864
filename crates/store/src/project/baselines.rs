//! Kept results of other programs: what a network is set against after each import.

use super::Project;
use super::error::ProjectError;
use super::reconciliations::{inserted, lock, numbered};
use super::version::{VersionInfo, figure_of, figure_row};
use super::{check_name, database::Row};
use network::StudyFigure;
use serde::Serialize;

/// A baseline in a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BaselineInfo {
    pub network: String,
    pub name: String,
    /// Version that the network had when it was kept.
    pub version: u64,
    /// RFC 3339.
    pub time_utc: String,
    pub author: String,
    /// Where the figures are from.
    pub note: String,
    pub figures: u64,
    #[serde(skip)]
    id: i64,
}

const INFO: &str = "SELECT n.name, b.name, v.number, b.time_utc, b.author, b.note, b.n_figures, b.id FROM baselines b \
    JOIN networks n ON n.id = b.network JOIN versions v ON v.id = b.version WHERE b.project = $1 AND ($2 = '' OR n.name = $2)";

fn info_of(row: &Row) -> BaselineInfo {
    BaselineInfo {
        network: row.text(0),
        name: row.text(1),
        version: row.number(2),
        time_utc: row.text(3),
        author: row.text(4),
        note: row.text(5),
        figures: row.number(6),
        id: row.integer(7).unwrap_or(0),
    }
}

impl Project {
    /// Keeps figures as a baseline of a version's network; one of the same name is replaced.
    ///
    /// # Errors
    /// A name that cannot be one; a database that cannot be written, and then what was kept stays.
    pub fn put_baseline(
        &self,
        version: &VersionInfo,
        name: &str,
        (time_utc, author, note): (&str, &str, &str),
        figures: &[StudyFigure],
    ) -> Result<(), ProjectError> {
        check_name("baseline", name)?;
        self.database().write(|database| {
            lock(database, self.id)?;
            let network = database.row("SELECT network FROM versions WHERE id = $1", &[version.id.into()])?;
            let network = network.and_then(|r| r.integer(0)).unwrap_or(0);
            let sql = "SELECT id FROM baselines WHERE project = $1 AND network = $2 AND name = $3";
            for old in database.rows(sql, &[self.id.into(), network.into(), name.into()])? {
                database.execute("DELETE FROM baseline_figures WHERE baseline = $1", &[old.integer(0).into()])?;
                database.execute("DELETE FROM baselines WHERE id = $1", &[old.integer(0).into()])?;
            }
            let sql = "INSERT INTO baselines (project, network, name, version, time_utc, author, note, n_figures) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id";
            let values = [
                self.id.into(),
                network.into(),
                name.into(),
                version.id.into(),
                time_utc.into(),
                author.into(),
                note.into(),
                figures.len().into(),
            ];
            let id = inserted(database, sql, &values)?;
            let into = "baseline_figures (baseline, position, subject, phase, quantity, value, file, line)";
            database.insert(into, 8, "", numbered(id, figures.iter().map(figure_row)))
        })
    }

    /// Baselines by network and name; of one network when it is named.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn baselines(&self, network: Option<&str>) -> Result<Vec<BaselineInfo>, ProjectError> {
        let sql = format!("{INFO} ORDER BY n.name, b.name");
        let rows = self.database().rows(&sql, &[self.id.into(), network.unwrap_or_default().into()])?;
        Ok(rows.iter().map(info_of).collect())
    }

    /// A network's baseline with its figures; the newest when no name is told.
    ///
    /// # Errors
    /// A database that cannot be read; figures that are no longer what was written.
    pub fn baseline(&self, network: &str, name: Option<&str>) -> Result<Option<(BaselineInfo, Vec<StudyFigure>)>, ProjectError> {
        self.database().read(|database| {
            let sql = format!("{INFO} AND ($3 = '' OR b.name = $3) ORDER BY b.id DESC");
            let Some(row) = database.row(&sql, &[self.id.into(), network.into(), name.unwrap_or_default().into()])? else {
                return Ok(None);
            };
            let info = info_of(&row);
            let sql = "SELECT subject, phase, quantity, value, file, line FROM baseline_figures WHERE baseline = $1 ORDER BY position";
            let figures = database.rows(sql, &[info.id.into()])?.iter().map(figure_of).collect::<Option<Vec<_>>>();
            let figures = figures.filter(|f| f.len() as u64 == info.figures).ok_or_else(|| ProjectError::Damaged {
                place: database.place().to_owned(),
                reason: format!("baseline \"{}\" is not as it was written", info.name),
            })?;
            Ok(Some((info, figures)))
        })
    }
}
