//! Tokens of programs, each known by the hash of its secret.

use super::users::user;
use super::{ServerDatabase, ServerError};
use crate::project::database::Row;

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub user: String,
    pub name: String,
    /// What it may do at most; never more than its user may.
    pub role: String,
    pub hash: String,
    pub created_ms: i64,
    pub expires_ms: Option<i64>,
}

/// A token in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    pub id: i64,
    pub user: String,
    pub name: String,
    pub role: String,
    pub created_ms: i64,
    pub expires_ms: Option<i64>,
    pub used_ms: Option<i64>,
}

/// A token that was presented, with its user as they are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    pub info: TokenInfo,
    pub user_role: String,
}

const TOKENS: &str = "SELECT t.id, u.name, t.name, t.role, t.created_ms, t.expires_ms, t.used_ms, u.role, t.hash FROM server_tokens t \
    JOIN server_users u ON u.id = t.user_id";

fn token_of(row: &Row) -> TokenInfo {
    TokenInfo {
        id: row.integer(0).unwrap_or(0),
        user: row.text(1),
        name: row.text(2),
        role: row.text(3),
        created_ms: row.integer(4).unwrap_or(0),
        expires_ms: row.integer(5),
        used_ms: row.integer(6),
    }
}

impl ServerDatabase {
    /// Keeps a token; returns its number.
    ///
    /// # Errors
    /// No such user.
    pub fn add_token(&self, new: &NewToken) -> Result<i64, ServerError> {
        self.write_or_refuse(|database| {
            let Some(owner) = user(database, &new.user)? else {
                return Ok(Err(ServerError::UserUnknown { name: new.user.clone() }));
            };
            let sql = "INSERT INTO server_tokens (user_id, name, role, hash, created_ms, expires_ms) VALUES ($1, $2, $3, $4, $5, $6) \
                RETURNING id";
            let values = [
                owner.id.into(),
                new.name.as_str().into(),
                new.role.as_str().into(),
                new.hash.as_str().into(),
                new.created_ms.into(),
                new.expires_ms.into(),
            ];
            Ok(Ok(database.row(sql, &values)?.and_then(|r| r.integer(0)).unwrap_or(0)))
        })
    }

    /// Tokens, oldest first; of one user when one is named.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn tokens(&self, user: Option<&str>) -> Result<Vec<TokenInfo>, ServerError> {
        let sql = format!("{TOKENS} WHERE $1 = '' OR u.name = $1 ORDER BY t.id");
        Ok(self.read(|database| database.rows(&sql, &[user.unwrap_or_default().into()]))?.iter().map(token_of).collect())
    }

    /// The token of a hash, expired or not.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn token(&self, hash: &str) -> Result<Option<TokenRecord>, ServerError> {
        let row = self.read(|database| database.row(&format!("{TOKENS} WHERE t.hash = $1"), &[hash.into()]))?;
        Ok(row.map(|r| TokenRecord { info: token_of(&r), user_role: r.text(7) }))
    }

    /// The token of a number with its hash, expired or not.
    ///
    /// # Errors
    /// A database that cannot be read.
    pub fn token_of_id(&self, id: i64) -> Result<Option<(TokenRecord, String)>, ServerError> {
        let row = self.read(|database| database.row(&format!("{TOKENS} WHERE t.id = $1"), &[id.into()]))?;
        Ok(row.map(|r| (TokenRecord { info: token_of(&r), user_role: r.text(7) }, r.text(8))))
    }

    /// Notes that a token was used.
    ///
    /// # Errors
    /// A database that cannot be written.
    pub fn touch_token(&self, id: i64, now_ms: i64) -> Result<(), ServerError> {
        self.write(|database| database.execute("UPDATE server_tokens SET used_ms = $1 WHERE id = $2", &[now_ms.into(), id.into()]))?;
        Ok(())
    }

    /// Revokes a token, of `user` alone when one is named. Returns what it was.
    ///
    /// # Errors
    /// No such token, or one of another user.
    pub fn remove_token(&self, id: i64, user: Option<&str>) -> Result<TokenInfo, ServerError> {
        self.write_or_refuse(|database| {
            let found = database.row(&format!("{TOKENS} WHERE t.id = $1"), &[id.into()])?.as_ref().map(token_of);
            let Some(found) = found.filter(|t| user.is_none_or(|u| u == t.user)) else {
                return Ok(Err(ServerError::TokenUnknown { id }));
            };
            database.execute("DELETE FROM server_tokens WHERE id = $1", &[id.into()])?;
            Ok(Ok(found))
        })
    }
}
