//! Users, passwords and tokens: the rules, the same for routes and for commands on the data folder. Everything here waits for the database
//! or computes a hash, so it is called from threads that may.

use crate::access::Role;
use crate::moment::now_ms;
use crate::random;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString, rand_core::OsRng};
use argon2::{Algorithm, Argon2, Params, Version};
use network::Diagnostic;
use serde_json::{Value, json};
use std::sync::OnceLock;
use store::server::{Entry, NewToken, ServerDatabase, ServerError, TokenInfo};
use store::sha256_hex;
use thiserror::Error;

/// Characters of a password at least.
pub const PASSWORD_MIN: usize = 10;
/// Bytes of a password at most; hashing a longer one would be work for nothing.
pub const PASSWORD_MAX: usize = 1024;
/// Characters of a name at most.
pub const NAME_MAX: usize = 64;
/// What every token begins with, so that leaked ones can be searched for.
pub const TOKEN_PREFIX: &str = "gt_";
/// Longest life of a token that has an end, days.
pub const TOKEN_DAYS_MAX: u32 = 3660;
/// Tokens of one user at most.
const TOKENS_MAX: usize = 100;

/// Failures of a name before it is locked.
const FAILURES_FREE: u64 = 5;
/// First lock, ms; each further failure doubles it.
const LOCK_MS: i64 = 30_000;
/// Longest lock, ms.
const LOCK_MAX_MS: i64 = 3_600_000;

/// Why an account cannot be made or changed so.
#[derive(Debug, Error)]
pub enum AccountError {
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error("\"{0}\" cannot be the name of a user")]
    Name(String),
    #[error("this password cannot be used: {0}")]
    Password(&'static str),
    #[error("there is no role \"{0}\"")]
    Role(String),
    #[error("\"{0}\" cannot be the name of a token")]
    TokenName(String),
    #[error("user \"{0}\" has 100 tokens already")]
    TooManyTokens(String),
    #[error("a token cannot be valid for {0} days")]
    TokenDays(u32),
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
}

impl AccountError {
    /// The finding: code, what, and how to mend it.
    pub fn diagnostic(&self) -> Diagnostic {
        let text = self.to_string();
        match self {
            Self::Server(e) => e.diagnostic(),
            Self::Name(_) => Diagnostic::error("SERVER.USER.NAME", text)
                .hint("A name has 1 to 64 letters, digits, dots, -, _ or @, and begins with a letter or digit."),
            Self::Password(_) => {
                Diagnostic::error("SERVER.USER.PASSWORD", text).hint("Take one of at least 10 characters; a few unrelated words are good.")
            }
            Self::Role(_) => Diagnostic::error("SERVER.USER.ROLE", text).hint("Roles are ven, viewer, operator, engineer and admin."),
            Self::TokenName(_) => {
                Diagnostic::error("SERVER.TOKEN.NAME", text).hint("A name has 1 to 100 characters, none of them a control character.")
            }
            Self::TooManyTokens(_) => Diagnostic::error("SERVER.TOKEN.TOO_MANY", text).hint("Revoke tokens that are no longer used."),
            Self::TokenDays(_) => {
                Diagnostic::error("SERVER.TOKEN.DAYS", text).hint("Give 1 to 3660 days, or none for a token without an end.")
            }
            Self::Hash(_) => Diagnostic::error("SERVER.USER.HASH", text).hint("Try again; the machine may be out of memory."),
        }
    }
}

/// Who does it, for the audit log.
#[derive(Clone, Debug)]
pub struct Actor {
    pub user: String,
    /// Network address, or `console`.
    pub address: String,
}

impl Actor {
    /// Whoever sits at the machine; `user` is the system's name of them.
    pub fn console(user: impl Into<String>) -> Self {
        Self { user: user.into(), address: "console".into() }
    }

    fn entry(&self, action: &str, subject: &str, detail: Value) -> Entry {
        Entry {
            author: self.user.clone(),
            address: self.address.clone(),
            action: action.into(),
            subject: subject.into(),
            detail,
            ..Entry::at(now_ms())
        }
    }
}

/// A name as it is kept: names are compared without regard to case.
///
/// # Errors
/// One that lists, addresses and logs could not carry.
pub fn user_name(name: &str) -> Result<String, AccountError> {
    let kept = name.trim().to_lowercase();
    let is_plain = |c: char| c.is_alphanumeric() || ".-_@".contains(c);
    let fits = kept.chars().count() <= NAME_MAX && kept.chars().all(is_plain) && kept.chars().next().is_some_and(char::is_alphanumeric);
    if fits { Ok(kept) } else { Err(AccountError::Name(name.chars().take(40).collect())) }
}

/// The role of a name.
///
/// # Errors
/// There is none of it.
pub fn role(name: &str) -> Result<Role, AccountError> {
    Role::of_name(name).ok_or_else(|| AccountError::Role(name.chars().take(40).collect()))
}

fn check_password(user: &str, password: &str) -> Result<(), AccountError> {
    let folded = password.to_lowercase();
    let mut signs: Vec<char> = folded.chars().collect();
    signs.sort_unstable();
    signs.dedup();
    if password.chars().count() < PASSWORD_MIN {
        Err(AccountError::Password("it has fewer than 10 characters"))
    } else if password.len() > PASSWORD_MAX {
        Err(AccountError::Password("it is longer than 1024 bytes"))
    } else if signs.len() < 4 {
        Err(AccountError::Password("it has hardly any different characters"))
    } else if folded == user || folded == user.repeat(2) || folded.trim_end_matches(|c: char| c.is_ascii_digit()) == user {
        Err(AccountError::Password("it is the name of the user"))
    } else if ["password", "passwort", "gridtwin", "qwertyuiop", "abcdefghij", "changeme"]
        .iter()
        .any(|w| folded.trim_matches(|c: char| !c.is_alphabetic()).replace('0', "o") == *w)
        || "01234567890123456789".contains(&folded)
    {
        Err(AccountError::Password("it is among the first that are tried"))
    } else {
        Ok(())
    }
}

/// argon2id with 19 MiB, two passes and one lane, as OWASP recommends.
fn hasher() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19 * 1024, 2, 1, None).unwrap_or_default())
}

/// The hash that is kept of a password.
///
/// # Errors
/// A password that cannot be used.
pub fn hash_password(user: &str, password: &str) -> Result<String, AccountError> {
    check_password(user, password)?;
    let salt = SaltString::generate(&mut OsRng);
    let hash = hasher().hash_password(password.as_bytes(), &salt).map_err(|e| AccountError::Hash(e.to_string()))?;
    Ok(hash.to_string())
}

/// Whether a password is the one of a hash. Without a hash the same time is spent, so that nobody learns from it which users there are.
pub fn verify_password(hash: Option<&str>, password: &str) -> bool {
    static NOBODY: OnceLock<String> = OnceLock::new();
    let nobody = || NOBODY.get_or_init(|| hash_password("nobody", &random::hex(16)).unwrap_or_default()).as_str();
    let (hash, is_someone) = hash.map_or_else(|| (nobody(), false), |hash| (hash, true));
    let is_right = password.len() <= PASSWORD_MAX
        && PasswordHash::new(hash).is_ok_and(|parsed| hasher().verify_password(password.as_bytes(), &parsed).is_ok());
    is_right && is_someone
}

/// How long a name is locked after so many failures, ms.
pub fn lock_ms(failures: u64) -> i64 {
    match failures.checked_sub(FAILURES_FREE) {
        None => 0,
        Some(more) => LOCK_MS.saturating_mul(1_i64 << more.min(20)).min(LOCK_MAX_MS),
    }
}

/// Adds a user.
///
/// # Errors
/// A name, password or role that cannot be; a name that is taken.
pub fn add_user(db: &ServerDatabase, actor: &Actor, name: &str, role: Role, password: &str) -> Result<String, AccountError> {
    let name = user_name(name)?;
    let hash = hash_password(&name, password)?;
    db.add_user(&name, role.name(), &hash, now_ms())?;
    db.note(&actor.entry("user.add", &name, json!({ "role": role })))?;
    Ok(name)
}

/// Adds the first user, an administrator.
///
/// # Errors
/// As [`add_user`]; there are users already.
pub fn add_first_admin(db: &ServerDatabase, address: &str, name: &str, password: &str) -> Result<String, AccountError> {
    let name = user_name(name)?;
    let hash = hash_password(&name, password)?;
    db.add_first_admin(&name, &hash, now_ms())?;
    let actor = Actor { user: name.clone(), address: address.to_owned() };
    db.note(&actor.entry("user.first_admin", &name, json!({ "role": Role::Admin })))?;
    Ok(name)
}

/// Gives a user another role.
///
/// # Errors
/// No such user; the last administrator.
pub fn set_role(db: &ServerDatabase, actor: &Actor, name: &str, role: Role) -> Result<(), AccountError> {
    let name = user_name(name)?;
    let before = db.set_role(&name, role.name())?;
    db.note(&actor.entry("user.role", &name, json!({ "before": before.role, "after": role })))?;
    Ok(())
}

/// Gives a user another password. All sessions but the one of hash `kept` end.
///
/// # Errors
/// No such user; a password that cannot be used.
pub fn set_password(db: &ServerDatabase, actor: &Actor, name: &str, password: &str, kept: Option<&str>) -> Result<(), AccountError> {
    let name = user_name(name)?;
    let hash = hash_password(&name, password)?;
    db.set_password(&name, &hash, kept, now_ms())?;
    db.note(&actor.entry("user.password", &name, Value::Null))?;
    Ok(())
}

/// Removes a user with sessions and tokens.
///
/// # Errors
/// No such user; the last administrator.
pub fn remove_user(db: &ServerDatabase, actor: &Actor, name: &str) -> Result<(), AccountError> {
    let name = user_name(name)?;
    let before = db.remove_user(&name)?;
    db.note(&actor.entry("user.remove", &name, json!({ "role": before.role })))?;
    Ok(())
}

/// Lets a user log in again who failed too often. Returns whether there were failures.
///
/// # Errors
/// No such user.
pub fn unlock(db: &ServerDatabase, actor: &Actor, name: &str) -> Result<bool, AccountError> {
    let name = user_name(name)?;
    if db.user(&name)?.is_none() {
        return Err(ServerError::UserUnknown { name }.into());
    }
    let had = db.unlock(&name)?;
    db.note(&actor.entry("user.unlock", &name, json!({ "had_failures": had })))?;
    Ok(had)
}

/// Makes a token; returns its number and the secret, which is shown once.
///
/// # Errors
/// No such user; a name or life that cannot be.
pub fn add_token(
    db: &ServerDatabase,
    actor: &Actor,
    user: &str,
    name: &str,
    role: Role,
    days: Option<u32>,
) -> Result<(i64, String), AccountError> {
    let user = user_name(user)?;
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(AccountError::TokenName(name.chars().take(40).collect()));
    }
    if let Some(days) = days.filter(|d| !(1..=TOKEN_DAYS_MAX).contains(d)) {
        return Err(AccountError::TokenDays(days));
    }
    if db.tokens(Some(&user))?.len() >= TOKENS_MAX {
        return Err(AccountError::TooManyTokens(user));
    }
    let secret = format!("{TOKEN_PREFIX}{}", random::hex(24));
    let now = now_ms();
    let expires_ms = days.map(|d| now + i64::from(d) * 86_400_000);
    let new = NewToken {
        user: user.clone(),
        name: name.to_owned(),
        role: role.name().to_owned(),
        hash: sha256_hex(secret.as_bytes()),
        created_ms: now,
        expires_ms,
    };
    let id = db.add_token(&new)?;
    db.note(&actor.entry("token.add", &format!("{user}/{id}"), json!({ "name": name, "role": role, "days": days })))?;
    Ok((id, secret))
}

/// Revokes a token, of `user` alone when one is named.
///
/// # Errors
/// No such token.
pub fn remove_token(db: &ServerDatabase, actor: &Actor, id: i64, user: Option<&str>) -> Result<TokenInfo, AccountError> {
    let removed = db.remove_token(id, user)?;
    db.note(&actor.entry("token.remove", &format!("{}/{id}", removed.user), json!({ "name": removed.name, "role": removed.role })))?;
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_in_lower_case() {
        assert_eq!(user_name(" Ada.Lovelace@grid-1 ").unwrap(), "ada.lovelace@grid-1");
        assert_eq!(user_name("Ökonom").unwrap(), "ökonom");
        for bad in ["", "  ", "a b", "../x", "a/b", "-a", "a\nb", "a\u{0}", &"x".repeat(65)] {
            assert!(user_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn weak_passwords_are_refused() {
        for bad in
            ["", "short", "aaaaaaaaaaaa", "1234567890", "Password123", "p0ssw0rd", "gridtwin2026", "ababababab", &"x1y2z3".repeat(200)]
        {
            assert!(check_password("ada", bad).is_err(), "{bad}");
        }
        assert!(check_password("adalovelace", "AdaLovelace1815").is_err());
        for good in ["correct horse battery", "Übertragungsnetz-7", &random::password()] {
            check_password("ada", good).unwrap();
        }
    }

    #[test]
    fn a_password_fits_its_hash_alone() {
        let hash = hash_password("ada", "correct horse battery").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(verify_password(Some(&hash), "correct horse battery"));
        assert!(!verify_password(Some(&hash), "correct horse batterz"));
        assert!(!verify_password(None, "correct horse battery"));
        assert!(!verify_password(Some("no hash"), "correct horse battery"));
    }

    #[test]
    fn locks_grow_to_an_hour() {
        assert_eq!([1, 4, 5, 6, 7].map(lock_ms), [0, 0, 30_000, 60_000, 120_000]);
        assert_eq!(lock_ms(u64::MAX), 3_600_000);
    }
}
