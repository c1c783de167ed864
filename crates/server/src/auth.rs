//! From a request to its caller: a session's cookie, or a token.

use crate::access::{Caller, Role};
use crate::limit::Limit;
use crate::moment::now_ms;
use crate::problem::Problem;
use crate::random;
use crate::state::{App, blocking};
use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use ring::hmac;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::server::TokenRecord;
use store::sha256_hex;
use tokio::sync::Semaphore;

/// Cookie of a session.
pub const COOKIE: &str = "gridtwin_session";
/// Header in which a page proves that it is ours.
pub const CSRF_HEADER: &str = "x-gridtwin-csrf";

/// How long who someone is may be taken from memory. What changes through this server counts at once.
const KNOWN_FOR: Duration = Duration::from_secs(2);
/// Callers in memory at most.
const KNOWN_MAX: usize = 20_000;
/// A use is written down when the last one is older, ms.
const TOUCH_MS: i64 = 60_000;
/// Passwords hashed at once: each takes 19 MiB and a core for some hundredths of a second.
const HASHES_AT_ONCE: usize = 2;
/// Passwords that wait for it.
const HASHES_WAITING: usize = 32;

/// What every access token begins with.
const ACCESS_PREFIX: &str = "gta_";
/// How long an access token holds, s.
const ACCESS_S: i64 = 3600;

#[derive(Clone, Debug)]
struct Known {
    user: String,
    role: Role,
    /// Neither later than this, ms since 1970 …
    until_ms: i64,
    /// … nor longer ago than [`KNOWN_FOR`].
    at: Instant,
}

/// What login keeps in memory.
#[derive(Debug)]
pub struct Auth {
    /// By hash of the session or token.
    known: Mutex<HashMap<String, Known>>,
    /// Rises with each change of users, sessions or tokens, so that what was read before is not taken for what is.
    changes: AtomicU64,
    pub(crate) logins: Limit,
    /// Access tokens: many clients may stand behind one address.
    pub(crate) grants: Limit,
    hashes: Semaphore,
    waiting: Semaphore,
    /// Key of the first administrator, while there is none.
    first_key: Mutex<Option<String>>,
    /// CSRF token of everyone when there is no login.
    open_csrf: String,
}

impl Auth {
    pub(crate) fn new(has_users: bool) -> Self {
        Self {
            known: Mutex::default(),
            changes: AtomicU64::new(0),
            logins: Limit::new(20, Duration::from_secs(3)),
            grants: Limit::new(500, Duration::from_millis(50)),
            hashes: Semaphore::new(HASHES_AT_ONCE),
            waiting: Semaphore::new(HASHES_WAITING),
            first_key: Mutex::new((!has_users).then(|| random::hex(16))),
            open_csrf: random::hex(16),
        }
    }

    /// Key with which the first administrator can be made; none when there are users.
    pub fn first_key(&self) -> Option<String> {
        self.first_key.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    pub(crate) fn first_key_is_used(&self) {
        *self.first_key.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
    }

    /// Who is who is asked anew, for users, sessions or tokens have changed.
    pub fn forget(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.known().clear();
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Runs work that hashes a password. Only few do so at once, and only some wait.
    ///
    /// # Errors
    /// Too many wait already; what the work fails with.
    pub(crate) async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let Ok(_place) = self.waiting.try_acquire() else { return Err(Problem::too_many(2)) };
        let _turn = self.hashes.acquire().await.map_err(Problem::internal)?;
        blocking(work).await
    }
}

/// Address that a request came from: of the connection, or what a proxy that is trusted says of it.
pub(crate) fn address(app: &App, parts: &Parts) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |c| c.0.ip()).to_canonical();
    let is_proxy = |a: &IpAddr| app.config.proxies.contains(a);
    if !is_proxy(&peer) {
        return peer;
    }
    let told = parts.headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(','));
    let told: Vec<Option<IpAddr>> = told.map(|a| a.trim().parse::<IpAddr>().ok().map(|a| a.to_canonical())).collect();
    // From the end: what stands before the last address that is not a proxy of ours may be made up by whoever asks.
    told.into_iter().rev().map_while(|a| a).find(|a| !is_proxy(a)).unwrap_or(peer)
}

/// Whether the caller's connection is encrypted, as far as the cookie is concerned.
pub(crate) fn is_https(app: &App, parts: &Parts) -> bool {
    let told = || parts.headers.get("x-forwarded-proto").is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"https"));
    app.config.tls.is_some() || (!app.config.proxies.is_empty() && told())
}

/// Value of our cookie.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
    all.filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// The token by which a page of a session proves that it is ours: other sites cannot read it, and it does not give away the session.
pub(crate) fn csrf_of(secret: &str) -> String {
    sha256_hex(format!("gridtwin csrf {secret}").as_bytes())[..32].to_owned()
}

/// Whether two texts are the same, in a time that tells nothing but their lengths.
pub(crate) fn is_same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |seen, (a, b)| seen | (a ^ b)) == 0
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn not_logged_in() -> Problem {
    Problem::unauthorized("You are not logged in")
        .code("SERVER.ACCESS.LOGIN")
        .hint("Log in, or send a token as `Authorization: Bearer gt_…`.")
}

/// The caller of a request.
///
/// # Errors
/// 401 without a login, 403 for a request that another site may have made.
pub(crate) async fn caller(parts: &Parts, app: &App) -> Result<Caller, Problem> {
    let address = address(app, parts).to_string();
    if app.config.no_auth {
        return Ok(Caller::new("anyone", Role::Admin, address));
    }
    if let Some(value) = parts.headers.get(header::AUTHORIZATION) {
        let secret = value.to_str().ok().and_then(|v| v.split_once(' ')).filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"));
        let Some((_, secret)) = secret else { return Err(not_logged_in().detail("The header Authorization holds no bearer token.")) };
        let secret = secret.trim();
        let hash = sha256_hex(secret.as_bytes());
        let known = known(app, &hash, Presented::Token(secret)).await?;
        let known = known.ok_or_else(|| not_logged_in().detail("The token is unknown, was revoked, or has expired."))?;
        return Ok(Caller::new(known.user, known.role, address));
    }
    let secret = cookie(&parts.headers).ok_or_else(not_logged_in)?;
    let hash = sha256_hex(secret.as_bytes());
    let known = known(app, &hash, Presented::Session).await?.ok_or_else(|| not_logged_in().detail("The session has ended."))?;
    if !is_safe(&parts.method) {
        let sent = parts.headers.get(CSRF_HEADER).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if !is_same(sent, &csrf_of(secret)) {
            return Err(Problem::forbidden("The request does not prove that a page of GridTwin made it")
                .code("SERVER.ACCESS.CSRF")
                .hint("Send the value `csrf` of GET /api/session in the header X-Gridtwin-Csrf; in the browser, load the page again."));
        }
    }
    let mut caller = Caller::new(known.user, known.role, address);
    caller.session = Some(hash);
    Ok(caller)
}

/// Refuses a GET that changes something unless its sender meant it: a page of another site can make a browser send one.
///
/// # Errors
/// A session without its CSRF token; without a login, a request that a browser says comes from another site.
pub(crate) fn proves_intent(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let is_meant = if headers.contains_key(header::AUTHORIZATION) {
        true
    } else if app.config.no_auth {
        headers.get("sec-fetch-site").is_none_or(|site| ["same-origin", "none"].contains(&site.to_str().unwrap_or_default()))
    } else {
        let sent = headers.get(CSRF_HEADER).and_then(|v| v.to_str().ok()).unwrap_or_default();
        cookie(headers).is_some_and(|secret| is_same(sent, &csrf_of(secret)))
    };
    if is_meant {
        return Ok(());
    }
    Err(Problem::forbidden("The request does not prove that a page of GridTwin made it")
        .code("SERVER.ACCESS.CSRF")
        .hint("Send it as POST, or with a token, or with the header X-Gridtwin-Csrf."))
}

/// CSRF token of the session that a request carries.
pub(crate) fn csrf(parts: &Parts, app: &App) -> Option<String> {
    if app.config.no_auth { Some(app.auth.open_csrf.clone()) } else { cookie(&parts.headers).map(csrf_of) }
}

/// What a request carries to say who makes it.
enum Presented<'a> {
    Session,
    /// A token, or an access token that was given for one.
    Token(&'a str),
}

async fn known(app: &App, hash: &str, presented: Presented<'_>) -> Result<Option<Known>, Problem> {
    let found = app.auth.known().get(hash).cloned();
    if let Some(found) = found.filter(|k| k.at.elapsed() < KNOWN_FOR) {
        return Ok((found.until_ms > now_ms()).then_some(found));
    }
    let changes = app.auth.changes.load(Ordering::SeqCst);
    let (shared, key) = (app.clone(), hash.to_owned());
    let access = match presented {
        Presented::Session => None,
        Presented::Token(secret) => Some(Access::read(secret)),
    };
    let read = blocking(move || match access {
        None => session(&shared, &key),
        Some(None) => token(&shared, &key),
        Some(Some(access)) => access.token(&shared),
    })
    .await?;
    let mut cache = app.auth.known();
    match &read {
        Some(found) if app.auth.changes.load(Ordering::SeqCst) == changes => {
            if cache.len() >= KNOWN_MAX {
                cache.clear();
            }
            cache.insert(hash.to_owned(), found.clone());
        }
        _ => drop(cache.remove(hash)),
    }
    Ok(read)
}

fn session(app: &App, hash: &str) -> Result<Option<Known>, Problem> {
    let now = now_ms();
    let Some(found) = app.database.session(hash)? else { return Ok(None) };
    let until_ms = found.expires_ms.min(found.seen_ms.saturating_add(app.config.session_idle_ms()));
    let Some(role) = Role::of_name(&found.role).filter(|_| until_ms > now) else { return Ok(None) };
    if found.seen_ms + TOUCH_MS < now {
        app.database.touch_session(hash, now)?;
    }
    Ok(Some(Known { user: found.user, role, until_ms, at: Instant::now() }))
}

fn token(app: &App, hash: &str) -> Result<Option<Known>, Problem> {
    let Some(found) = app.database.token(hash)? else { return Ok(None) };
    valid(app, found)
}

/// Who a token stands for, unless it has expired; its use is noted.
fn valid(app: &App, found: TokenRecord) -> Result<Option<Known>, Problem> {
    let now = now_ms();
    let until_ms = found.info.expires_ms.unwrap_or(i64::MAX);
    let roles = Role::of_name(&found.info.role).zip(Role::of_name(&found.user_role));
    let Some((role, of_user)) = roles.filter(|_| until_ms > now) else { return Ok(None) };
    if found.info.used_ms.is_none_or(|used| used + TOUCH_MS < now) {
        app.database.touch_token(found.info.id, now)?;
    }
    Ok(Some(Known { user: found.info.user, role: role.min(of_user), until_ms, at: Instant::now() }))
}

/// An access token of OAuth: given for a token for a short time, and signed with what is kept of it, so that it ends with it and outlives a
/// restart. Text: `gta_NUMBER_UNTIL_SIGNATURE`.
#[derive(Debug)]
struct Access {
    id: i64,
    until_ms: i64,
    signature: String,
}

impl Access {
    fn read(secret: &str) -> Option<Self> {
        let mut parts = secret.strip_prefix(ACCESS_PREFIX)?.split('_');
        let (id, until_ms, signature) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
        (parts.next().is_none() && signature.len() == 64).then(|| Self { id, until_ms, signature: signature.to_owned() })
    }

    fn signed(id: i64, until_ms: i64, hash: &str) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, hash.as_bytes());
        let tag = hmac::sign(&key, format!("gridtwin access {id} {until_ms}").as_bytes());
        Self { id, until_ms, signature: tag.as_ref().iter().map(|b| format!("{b:02x}")).collect() }
    }

    fn text(&self) -> String {
        format!("{ACCESS_PREFIX}{}_{}_{}", self.id, self.until_ms, self.signature)
    }

    fn token(&self, app: &App) -> Result<Option<Known>, Problem> {
        let Some((found, hash)) = app.database.token_of_id(self.id)? else { return Ok(None) };
        if self.until_ms <= now_ms() || !is_same(&self.signature, &Self::signed(self.id, self.until_ms, &hash).signature) {
            return Ok(None);
        }
        let known = valid(app, found)?;
        Ok(known.map(|k| Known { until_ms: k.until_ms.min(self.until_ms), ..k }))
    }
}

/// An access token for the client of a name, and how long it holds, s; none where the secret is no token of that client.
///
/// # Errors
/// A database that cannot be read.
pub(crate) fn grant(app: &App, client: &str, secret: &str) -> Result<Option<(String, i64)>, Problem> {
    let hash = sha256_hex(secret.trim().as_bytes());
    let Some(found) = app.database.token(&hash)? else { return Ok(None) };
    let is_theirs = client == found.info.user || client == client_id(&found.info.user);
    let id = found.info.id;
    let Some(known) = valid(app, found)?.filter(|_| is_theirs) else { return Ok(None) };
    let now = now_ms();
    let until_ms = now.saturating_add(ACCESS_S * 1000).min(known.until_ms);
    Ok(Some((Access::signed(id, until_ms, &hash).text(), (until_ms - now) / 1000)))
}

/// What OpenADR calls a user: the name where it has letters, digits, - and _ only, else one made of it.
pub(crate) fn client_id(user: &str) -> String {
    let is_plain = !user.is_empty() && user.len() <= 128 && user.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if is_plain { user.to_owned() } else { format!("client-{}", &sha256_hex(user.as_bytes())[..16]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn an_access_token_is_read_back_and_no_other_key_signs_it() {
        let made = Access::signed(7, 1000, "ab");
        let read = Access::read(&made.text()).unwrap();
        assert_eq!((read.id, read.until_ms, &read.signature), (7, 1000, &made.signature));
        assert_ne!(made.signature, Access::signed(7, 1000, "ac").signature);
        assert_ne!(made.signature, Access::signed(7, 1001, "ab").signature);
        for text in ["gt_abc", "gta_", "gta_7_1000_ab", "gta_x_1000_", &format!("{}_1", made.text())] {
            assert!(Access::read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn clients_have_names_that_addresses_can_carry() {
        assert_eq!(client_id("ven-1_a"), "ven-1_a");
        assert!(client_id("ada@example.org").starts_with("client-"));
        assert_ne!(client_id("ada@example.org"), client_id("ada.example.org"));
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(cookie(&headers), None);
        headers.append(header::COOKIE, HeaderValue::from_static("a=b; gridtwin_session=; x"));
        assert_eq!(cookie(&headers), Some(""));
        headers.clear();
        headers.append(header::COOKIE, HeaderValue::from_static("other_gridtwin_session=1"));
        headers.append(header::COOKIE, HeaderValue::from_static("theme=dark;gridtwin_session=abc"));
        assert_eq!(cookie(&headers), Some("abc"));
    }

    #[test]
    fn texts_are_compared_whole() {
        assert!(is_same("abc", "abc") && !is_same("abc", "abd") && !is_same("abc", "ab") && !is_same("", "a"));
        assert_ne!(csrf_of("a"), csrf_of("b"));
    }
}
