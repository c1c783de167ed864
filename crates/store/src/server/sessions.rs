//! Sessions of people, each known by the hash of its secret.

use super::{ServerDatabase, ServerError};

/// A session with its user as they are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    pub user_id: i64,
    pub user: String,
    pub role: String,
    pub created_ms: i64,
    pub seen_ms: i64,
    /// End, whatever is done.
    pub expires_ms: i64,
}

impl ServerDatabase {
    /// Begins a session.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn add_session(&self, hash: &str, user_id: i64, address: &str, now_ms: i64, expires_ms: i64) -> Result<(), ServerError> {
        let sql = "INSERT INTO server_sessions (hash, user_id, created_ms, seen_ms, expires_ms, address) VALUES ($1, $2, $3, $3, $4, $5)";
        self.write(|database| database.execute(sql, &[hash.into(), user_id.into(), now_ms.into(), expires_ms.into(), address.into()]))?;
        Ok(())
    }

    /// The session of a hash, ended or not.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn session(&self, hash: &str) -> Result<Option<SessionRecord>, ServerError> {
        let sql = "SELECT u.id, u.name, u.role, s.created_ms, s.seen_ms, s.expires_ms FROM server_sessions s \
            JOIN server_users u ON u.id = s.user_id WHERE s.hash = $1";
        let row = self.read(|database| database.row(sql, &[hash.into()]))?;
        Ok(row.map(|r| SessionRecord {
            user_id: r.integer(0).unwrap_or(0),
            user: r.text(1),
            role: r.text(2),
            created_ms: r.integer(3).unwrap_or(0),
            seen_ms: r.integer(4).unwrap_or(0),
            expires_ms: r.integer(5).unwrap_or(0),
        }))
    }

    /// Notes that a session was used.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn touch_session(&self, hash: &str, now_ms: i64) -> Result<(), ServerError> {
        let sql = "UPDATE server_sessions SET seen_ms = $1 WHERE hash = $2 AND seen_ms < $1";
        self.write(|database| database.execute(sql, &[now_ms.into(), hash.into()]))?;
        Ok(())
    }

    /// Ends a session. Returns whether there was one.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn end_session(&self, hash: &str) -> Result<bool, ServerError> {
        Ok(self.write(|database| database.execute("DELETE FROM server_sessions WHERE hash = $1", &[hash.into()]))? > 0)
    }

    /// Removes sessions past their end, or unused since `seen_before_ms`. Returns how many.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn end_old_sessions(&self, now_ms: i64, seen_before_ms: i64) -> Result<u64, ServerError> {
        let sql = "DELETE FROM server_sessions WHERE expires_ms < $1 OR seen_ms < $2";
        Ok(self.write(|database| database.execute(sql, &[now_ms.into(), seen_before_ms.into()]))?)
    }

    /// Sessions that there are.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn count_sessions(&self) -> Result<u64, ServerError> {
        Ok(self.read(|database| database.row("SELECT COUNT(*) FROM server_sessions", &[]))?.map_or(0, |r| r.number(0)))
    }
}
