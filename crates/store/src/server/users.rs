//! Users, and logins that failed.

use super::{ServerDatabase, ServerError};
use crate::project::ProjectError;
use crate::project::database::{Database, Dialect, Row};

const ADMIN: &str = "admin";
/// Failures that are remembered longest, ms: a day.
const REMEMBERED_MS: i64 = 24 * 3600 * 1000;

/// A user as the tables have it.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    pub id: i64,
    pub name: String,
    pub role: String,
    pub password_hash: String,
    pub created_ms: i64,
    /// When the password was set.
    pub password_ms: i64,
    /// Last login.
    pub login_ms: Option<i64>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the hash: what is printed may come into a log.
        write!(f, "User({}, {}, {})", self.id, self.name, self.role)
    }
}

/// How often logins of one name have failed in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    pub failures: u64,
    pub last_ms: i64,
    /// No login is tried before this time.
    pub locked_ms: i64,
}

const USERS: &str = "SELECT id, name, role, password_hash, created_ms, password_ms, login_ms FROM server_users";

fn user_of(row: &Row) -> User {
    User {
        id: row.integer(0).unwrap_or(0),
        name: row.text(1),
        role: row.text(2),
        password_hash: row.text(3),
        created_ms: row.integer(4).unwrap_or(0),
        password_ms: row.integer(5).unwrap_or(0),
        login_ms: row.integer(6),
    }
}

pub(super) fn user(database: &mut Database, name: &str) -> Result<Option<User>, ProjectError> {
    Ok(database.row(&format!("{USERS} WHERE name = $1"), &[name.into()])?.as_ref().map(user_of))
}

/// Keeps others from changing users until the transaction ends, so that counting administrators and removing one is one step.
fn lock_users(database: &mut Database) -> Result<(), ProjectError> {
    if database.dialect() == Dialect::Postgres {
        database.execute("LOCK TABLE server_users IN SHARE ROW EXCLUSIVE MODE", &[])?;
    }
    Ok(())
}

fn is_last_admin(database: &mut Database, user: &User) -> Result<bool, ProjectError> {
    let others = database.row("SELECT COUNT(*) FROM server_users WHERE role = $1 AND id <> $2", &[ADMIN.into(), user.id.into()])?;
    Ok(user.role == ADMIN && others.is_none_or(|r| r.number(0) == 0))
}

fn insert(database: &mut Database, name: &str, role: &str, password_hash: &str, now_ms: i64) -> Result<i64, ProjectError> {
    let sql = "INSERT INTO server_users (name, role, password_hash, created_ms, password_ms) VALUES ($1, $2, $3, $4, $4) RETURNING id";
    let row = database.row(sql, &[name.into(), role.into(), password_hash.into(), now_ms.into()])?;
    Ok(row.and_then(|r| r.integer(0)).unwrap_or(0))
}

impl ServerDatabase {
    /// All users, by name.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn users(&self) -> Result<Vec<User>, ServerError> {
        Ok(self.read(|database| database.rows(&format!("{USERS} ORDER BY name"), &[]))?.iter().map(user_of).collect())
    }

    /// The user of a name.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn user(&self, name: &str) -> Result<Option<User>, ServerError> {
        Ok(self.read(|database| user(database, name))?)
    }

    /// Whether there is any user.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn has_users(&self) -> Result<bool, ServerError> {
        Ok(self.read(|database| database.row("SELECT id FROM server_users LIMIT 1", &[]))?.is_some())
    }

    /// Adds a user; returns its number.
    ///
    /// # Errors
    /// A name that is taken.
    pub fn add_user(&self, name: &str, role: &str, password_hash: &str, now_ms: i64) -> Result<i64, ServerError> {
        self.write_or_refuse(|database| {
            lock_users(database)?;
            match user(database, name)? {
                Some(_) => Ok(Err(ServerError::UserTaken { name: name.to_owned() })),
                None => insert(database, name, role, password_hash, now_ms).map(Ok),
            }
        })
    }

    /// Adds the first user, an administrator, when there is none.
    ///
    /// # Errors
    /// There are users already.
    pub fn add_first_admin(&self, name: &str, password_hash: &str, now_ms: i64) -> Result<i64, ServerError> {
        self.write_or_refuse(|database| {
            lock_users(database)?;
            if database.row("SELECT id FROM server_users LIMIT 1", &[])?.is_some() {
                return Ok(Err(ServerError::NotFirst));
            }
            insert(database, name, ADMIN, password_hash, now_ms).map(Ok)
        })
    }

    /// Gives a user another role. Tokens with a greater one count as the new one.
    ///
    /// # Errors
    /// No such user; the last administrator.
    pub fn set_role(&self, name: &str, role: &str) -> Result<User, ServerError> {
        self.write_or_refuse(|database| {
            lock_users(database)?;
            let Some(found) = user(database, name)? else { return Ok(Err(ServerError::UserUnknown { name: name.to_owned() })) };
            if role != ADMIN && is_last_admin(database, &found)? {
                return Ok(Err(ServerError::LastAdmin { name: name.to_owned() }));
            }
            database.execute("UPDATE server_users SET role = $1 WHERE id = $2", &[role.into(), found.id.into()])?;
            Ok(Ok(found))
        })
    }

    /// Gives a user another password and ends the sessions, except the one of hash `kept`.
    ///
    /// # Errors
    /// No such user.
    pub fn set_password(&self, name: &str, password_hash: &str, kept: Option<&str>, now_ms: i64) -> Result<User, ServerError> {
        self.write_or_refuse(|database| {
            let Some(found) = user(database, name)? else { return Ok(Err(ServerError::UserUnknown { name: name.to_owned() })) };
            let values = [password_hash.into(), now_ms.into(), found.id.into()];
            database.execute("UPDATE server_users SET password_hash = $1, password_ms = $2 WHERE id = $3", &values)?;
            let values = [found.id.into(), kept.unwrap_or_default().into()];
            database.execute("DELETE FROM server_sessions WHERE user_id = $1 AND hash <> $2", &values)?;
            database.execute("DELETE FROM server_failures WHERE subject = $1", &[name.into()])?;
            Ok(Ok(found))
        })
    }

    /// Removes a user with sessions and tokens.
    ///
    /// # Errors
    /// No such user; the last administrator.
    pub fn remove_user(&self, name: &str) -> Result<User, ServerError> {
        self.write_or_refuse(|database| {
            lock_users(database)?;
            let Some(found) = user(database, name)? else { return Ok(Err(ServerError::UserUnknown { name: name.to_owned() })) };
            if is_last_admin(database, &found)? {
                return Ok(Err(ServerError::LastAdmin { name: name.to_owned() }));
            }
            database.execute("DELETE FROM server_users WHERE id = $1", &[found.id.into()])?;
            database.execute("DELETE FROM server_failures WHERE subject = $1", &[name.into()])?;
            Ok(Ok(found))
        })
    }

    /// Notes the time of a login and forgets failures before it.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn note_login(&self, user: &User, now_ms: i64) -> Result<(), ServerError> {
        Ok(self.write(|database| {
            database.execute("UPDATE server_users SET login_ms = $1 WHERE id = $2", &[now_ms.into(), user.id.into()])?;
            database.execute("DELETE FROM server_failures WHERE subject = $1", &[user.name.as_str().into()])?;
            Ok(())
        })?)
    }

    /// Failures of a name, whether it is a user's or not.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn failures(&self, subject: &str) -> Result<Failures, ServerError> {
        Ok(self.read(|database| failures(database, subject))?)
    }

    /// Counts one more failure; `lock` tells from their number how long the name is locked, ms.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn note_failure(&self, subject: &str, now_ms: i64, lock: impl FnOnce(u64) -> i64) -> Result<Failures, ServerError> {
        Ok(self.write(|database| {
            database.execute("DELETE FROM server_failures WHERE last_ms < $1", &[(now_ms - REMEMBERED_MS).into()])?;
            let sql = "INSERT INTO server_failures (subject, failures, last_ms, locked_ms) VALUES ($1, 1, $2, 0) \
                ON CONFLICT (subject) DO UPDATE SET failures = server_failures.failures + 1, last_ms = excluded.last_ms";
            database.execute(sql, &[subject.into(), now_ms.into()])?;
            let mut found = failures(database, subject)?;
            let lock_ms = lock(found.failures);
            if lock_ms > 0 {
                found.locked_ms = now_ms + lock_ms;
                database
                    .execute("UPDATE server_failures SET locked_ms = $1 WHERE subject = $2", &[found.locked_ms.into(), subject.into()])?;
            }
            Ok(found)
        })?)
    }

    /// Forgets the failures of a name. Returns whether there were any.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn unlock(&self, subject: &str) -> Result<bool, ServerError> {
        Ok(self.write(|database| database.execute("DELETE FROM server_failures WHERE subject = $1", &[subject.into()]))? > 0)
    }
}

fn failures(database: &mut Database, subject: &str) -> Result<Failures, ProjectError> {
    let row = database.row("SELECT failures, last_ms, locked_ms FROM server_failures WHERE subject = $1", &[subject.into()])?;
    Ok(row.map_or(Failures::default(), |r| Failures {
        failures: r.number(0),
        last_ms: r.integer(1).unwrap_or(0),
        locked_ms: r.integer(2).unwrap_or(0),
    }))
}
