//! `gridtwin user`, `token` and `audit`: the server's users on its data folder, whether it runs or not.

use crate::cli::{AuditArguments, ServerDataArguments, TokenArguments, TokenCommand, UserArguments, UserCommand};
use crate::console::Console;
use crate::failure::Failure;
use crate::number::count;
use network::Diagnostic;
use serde_json::{Value, json};
use server::accounts::{self, AccountError, Actor};
use server::moment::{now_ms, parse, rfc3339};
use std::fmt::Write as _;
use std::io::BufRead;
use store::server::{AuditFilter, Failures, ServerDatabase, ServerError, TokenInfo, User};

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        error.diagnostic().into()
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        error.diagnostic().into()
    }
}

fn open(server: &ServerDataArguments) -> Result<ServerDatabase, Failure> {
    if server.database.is_none() {
        std::fs::create_dir_all(&server.data).map_err(|e| {
            Failure::from(
                Diagnostic::error("SERVER.START.FOLDER", format!("cannot make the folder {}: {e}", server.data.display()))
                    .hint("Check the folder of --data, its rights and the disk."),
            )
        })?;
    }
    Ok(ServerDatabase::open_for(&server.data, server.database.as_deref())?)
}

/// Whoever runs the command, as the system calls them.
fn actor() -> Actor {
    Actor::console(["USER", "LOGNAME"].iter().find_map(|v| std::env::var(v).ok()).unwrap_or_default())
}

/// The password that is given, or a new one that has to be shown.
fn password(from_stdin: bool) -> Result<(String, bool), Failure> {
    if !from_stdin {
        return Ok((server::random_password(), true));
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|e| {
        Failure::from(
            Diagnostic::error("SERVER.USER.STDIN", format!("no password can be read from standard input: {e}"))
                .hint("Send it in one line, as `gridtwin user passwd NAME --password-stdin --data DIR < FILE`."),
        )
    })?;
    Ok((line.trim_end_matches(['\r', '\n']).to_owned(), false))
}

/// Runs `gridtwin user`.
///
/// # Errors
/// A name, role or password that cannot be; the last administrator; a database that cannot be opened.
pub fn user(arguments: &UserArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    match &arguments.command {
        UserCommand::Add { name, role, password_stdin, server } => {
            let role = accounts::role(role)?;
            let db = open(server)?;
            let (password, is_new) = password(*password_stdin)?;
            let name = accounts::add_user(&db, &actor(), name, role, &password)?;
            let shown = if is_new { format!("; password: {password}") } else { String::new() };
            console.print(&format!("{name} is {}{shown}\n", role.name()))
        }
        UserCommand::List { json, server } => {
            let db = open(server)?;
            let users: Vec<(User, Failures)> =
                db.users()?.into_iter().map(|u| db.failures(&u.name).map(|f| (u, f))).collect::<Result<_, _>>()?;
            if *json { console.json(&users.iter().map(user_json).collect::<Vec<_>>()) } else { console.print(&user_table(&users)) }
        }
        UserCommand::Passwd { name, password_stdin, server } => {
            let db = open(server)?;
            let (password, is_new) = password(*password_stdin)?;
            accounts::set_password(&db, &actor(), name, &password, None)?;
            let shown =
                if is_new { format!("the password of {name} is now: {password}\n") } else { format!("{name} has a new password\n") };
            console.print(&shown)
        }
        UserCommand::Role { name, role, server } => {
            let role = accounts::role(role)?;
            accounts::set_role(&open(server)?, &actor(), name, role)?;
            console.print(&format!("{name} is {}\n", role.name()))
        }
        UserCommand::Remove { name, server } => {
            accounts::remove_user(&open(server)?, &actor(), name)?;
            console.print(&format!("{name} is removed\n"))
        }
        UserCommand::Unlock { name, server } => {
            let had = accounts::unlock(&open(server)?, &actor(), name)?;
            console.print(&if had { format!("{name} may log in again\n") } else { format!("{name} was not locked\n") })
        }
    }
}

fn locked_until(failures: &Failures) -> Option<String> {
    (failures.locked_ms > now_ms()).then(|| rfc3339(failures.locked_ms))
}

fn user_json((user, failures): &(User, Failures)) -> Value {
    json!({
        "user": user.name, "role": user.role, "created_utc": rfc3339(user.created_ms), "password_utc": rfc3339(user.password_ms),
        "login_utc": user.login_ms.map(rfc3339), "failures": failures.failures, "locked_until_utc": locked_until(failures),
    })
}

fn user_table(users: &[(User, Failures)]) -> String {
    if users.is_empty() {
        return "There are no users. Add one with `gridtwin user add NAME --role admin --data DIR`.\n".to_owned();
    }
    let width = users.iter().map(|(u, _)| u.name.chars().count()).max().unwrap_or(0).max(4);
    let mut text = format!("{:width$}  {:8}  last login\n", "user", "role");
    for (user, failures) in users {
        let login = user.login_ms.map_or_else(|| "never".to_owned(), rfc3339);
        let locked = locked_until(failures).map_or_else(String::new, |until| format!("  locked until {until}"));
        let _ = writeln!(text, "{:width$}  {:8}  {login}{locked}", user.name, user.role);
    }
    text
}

/// Runs `gridtwin token`.
///
/// # Errors
/// A user or token that is not there; a name, role or life that cannot be.
pub fn token(arguments: &TokenArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    match &arguments.command {
        TokenCommand::Add { user, name, role, days, server } => {
            let db = open(server)?;
            let owner = accounts::user_name(user)?;
            let owner = db.user(&owner)?.ok_or(ServerError::UserUnknown { name: owner })?;
            let of_user = accounts::role(&owner.role)?;
            // A greater role would count as the user's in any case; asked for, it is a mistake to be told.
            let role = match role.as_deref().map(accounts::role).transpose()? {
                Some(role) if role > of_user => {
                    return Err(Diagnostic::error("SERVER.TOKEN.ROLE", format!("a token of {} cannot be {}", owner.name, role.name()))
                        .detail(format!("{} is {}.", owner.name, owner.role))
                        .hint("Ask for the user's role or a smaller one.")
                        .into());
                }
                told => told.unwrap_or(of_user),
            };
            let (id, secret) = accounts::add_token(&db, &actor(), &owner.name, name, role, *days)?;
            console.note(&format!("token {id} of {}, {}; it is shown this once\n", owner.name, role.name()));
            console.print(&format!("{secret}\n"))
        }
        TokenCommand::List { json, server } => {
            let tokens = open(server)?.tokens(None)?;
            if *json { console.json(&tokens.iter().map(token_json).collect::<Vec<_>>()) } else { console.print(&token_table(&tokens)) }
        }
        TokenCommand::Remove { id, server } => {
            let removed = accounts::remove_token(&open(server)?, &actor(), *id, None)?;
            console.print(&format!("token {id} of {}, {}, is revoked\n", removed.user, removed.name))
        }
    }
}

fn token_json(token: &TokenInfo) -> Value {
    json!({
        "id": token.id, "user": token.user, "name": token.name, "role": token.role, "created_utc": rfc3339(token.created_ms),
        "expires_utc": token.expires_ms.map(rfc3339), "used_utc": token.used_ms.map(rfc3339),
    })
}

fn token_table(tokens: &[TokenInfo]) -> String {
    if tokens.is_empty() {
        return "There are no tokens.\n".to_owned();
    }
    let width = tokens.iter().map(|t| t.user.chars().count()).max().unwrap_or(0).max(4);
    let mut text = format!("{:>5}  {:width$}  {:8}  {:20}  {:20}  name\n", "token", "user", "role", "last use", "expires");
    for t in tokens {
        let time = |ms: Option<i64>| ms.map_or_else(|| "never".to_owned(), rfc3339);
        let _ =
            writeln!(text, "{:>5}  {:width$}  {:8}  {:20}  {:20}  {}", t.id, t.user, t.role, time(t.used_ms), time(t.expires_ms), t.name);
    }
    text
}

/// Runs `gridtwin audit`. Returns whether the log is whole, as far as that was asked.
///
/// # Errors
/// A time that cannot be read; a database that cannot be opened.
pub fn audit(arguments: &AuditArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let db = open(&arguments.server)?;
    if arguments.check {
        let (whole, broken) = db.check_audit()?;
        if arguments.json {
            console.json(&json!({ "whole": whole, "broken_at": broken }))?;
        } else {
            let entries = count(usize::try_from(whole).unwrap_or(usize::MAX), "entry");
            console.print(&match broken {
                None => format!("the audit log is whole: {entries}\n"),
                Some(id) => format!("the audit log was changed: {entries} as they were written, then {id} does not fit\n"),
            })?;
        }
        return Ok(broken.is_none());
    }
    let time = |name: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => parse(text).map(Some).ok_or_else(|| {
            Failure::from(
                Diagnostic::error("SERVER.AUDIT.TIME", format!("--{name} \"{text}\" is no time"))
                    .hint("Write 2026-01-31 or 2026-01-31T12:00:00Z."),
            )
        }),
    };
    let filter = AuditFilter {
        author: arguments.user.clone(),
        action: arguments.action.clone(),
        from_ms: time("from", &arguments.from)?,
        to_ms: time("to", &arguments.to)?,
        before: None,
        limit: arguments.limit,
    };
    let mut entries = db.audit(&filter)?;
    entries.reverse();
    if arguments.json {
        let rows = entries.iter().map(|n| {
            let e = &n.entry;
            json!({
                "id": n.id, "time_utc": rfc3339(e.time_ms), "user": e.author, "address": e.address, "action": e.action,
                "subject": e.subject, "detail": e.detail,
            })
        });
        return console.json(&rows.collect::<Vec<_>>()).map(|()| true);
    }
    let mut text = String::new();
    for e in entries.iter().map(|n| &n.entry) {
        let user = if e.author.is_empty() { "-" } else { &e.author };
        let detail = if e.detail.is_null() { String::new() } else { format!("  {}", e.detail) };
        let _ = writeln!(text, "{}  {user}  {}  {}  {}{detail}", rfc3339(e.time_ms), e.address, e.action, printable(&e.subject));
    }
    console.print(&text).map(|()| true)
}

/// Subjects may be what someone tried to log in as; a terminal must not obey it.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
