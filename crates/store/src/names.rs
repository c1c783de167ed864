//! Names of studies and feeders as names of folders and files.
//!
//! Letters, digits, `_`, `-` and inner dots stay; every other byte becomes `%` and two hexadecimal digits, so that different names
//! stay different and any file system takes them. A name that grows too long is cut, and ends in `~` and a hash of the whole.

use crate::files::sha256_hex;

/// Longest encoded name, bytes: a file system gives 255 to a name, and `feeder=`, `.json` and `.partial` stand beside it.
const LONGEST: usize = 180;

/// The name as part of a path.
pub fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    let mut cut = None;
    for (i, byte) in name.bytes().enumerate() {
        let inner_dot = byte == b'.' && i > 0 && i + 1 < name.len();
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || inner_dot {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        if encoded.len() <= LONGEST - 18 {
            cut = Some(encoded.len());
        }
    }
    if encoded.is_empty() {
        return "%".to_owned();
    }
    if encoded.len() > LONGEST {
        encoded.truncate(cut.unwrap_or(0));
        encoded.push('~');
        encoded.push_str(&sha256_hex(name.as_bytes())[..16]);
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn different_names_stay_different_and_are_safe() {
        let long = "x/".repeat(200);
        let names =
            ["", "a", "a.b", ".", "..", "../a", "a/b", "a%2Fb", "a b", "Ä", "%", "~", "a.", "con", "x=y", &long, &(long.clone() + "z")];
        let encoded: BTreeSet<String> = names.iter().map(|n| encode(n)).collect();
        assert_eq!(encoded.len(), names.len());
        for e in &encoded {
            assert!(e.len() <= LONGEST && !e.starts_with('.') && !e.ends_with('.'), "{e}");
            assert!(e.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.%~".contains(&b)), "{e}");
        }
        assert_eq!(encode("feeder_17.a"), "feeder_17.a");
        assert_eq!(encode("a/b"), "a%2Fb");
    }
}
