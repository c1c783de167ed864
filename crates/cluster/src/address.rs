//! Where a scheduler listens.

use std::fmt;
use std::str::FromStr;

/// Port of a scheduler unless another one is told.
pub const PORT: u16 = 50050;

/// Host and port of a scheduler, written `df://host:port`, `http://host:port` or `host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

impl Address {
    /// As clients of the query engine write it.
    pub fn of_queries(&self) -> String {
        format!("df://{}", self.authority())
    }

    /// As clients of its status pages write it.
    pub fn of_status(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// Host and port; an IPv6 host stands in brackets.
    pub fn authority(&self) -> String {
        if self.host.contains(':') { format!("[{}]:{}", self.host, self.port) } else { format!("{}:{}", self.host, self.port) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority())
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let rest = match text.split_once("://") {
            Some(("df" | "http", rest)) => rest,
            Some((scheme, _)) => return Err(format!("\"{scheme}\" is none of df and http; write df://host:{PORT}")),
            None => text,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let port = |text: &str| text.parse::<u16>().ok().filter(|p| *p > 0).ok_or_else(|| format!("\"{text}\" is no port"));
        let (host, port) = if let Some(inner) = rest.strip_prefix('[') {
            let (host, after) = inner.split_once(']').ok_or("the bracket of the address is not closed")?;
            match after.strip_prefix(':') {
                Some(text) => (host, port(text)?),
                None if after.is_empty() => (host, PORT),
                None => return Err(format!("\"{after}\" follows the bracket; write [host]:port")),
            }
        } else {
            match rest.rsplit_once(':') {
                Some((host, _)) if host.contains(':') => return Err("an IPv6 address stands in brackets: [::1]:50050".to_owned()),
                Some((host, text)) => (host, port(text)?),
                None => (rest, PORT),
            }
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '/' || c == '?' || c == '#' || c == '@') {
            return Err(format!("\"{host}\" is no host; write df://host:{PORT}"));
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        let read = |text: &str| text.parse::<Address>().map(|a| (a.host.clone(), a.port, a.of_queries()));
        let is = |host: &str, port, url: &str| Ok((host.to_owned(), port, url.to_owned()));
        assert_eq!(read("df://grid-1:6000"), is("grid-1", 6000, "df://grid-1:6000"));
        assert_eq!(read("http://10.0.0.1/"), is("10.0.0.1", 50050, "df://10.0.0.1:50050"));
        assert_eq!(read("host:7"), is("host", 7, "df://host:7"));
        assert_eq!(read("[::1]:7"), is("::1", 7, "df://[::1]:7"));
        for bad in ["", "df://", "ftp://a", "a:0", "a:b", "a:70000", "::1", "[::1", "a b:1", "u@h:1", "[::1]x"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
