//! Secrets and names from the operating system's generator.

use argon2::password_hash::rand_core::{OsRng, RngCore};

/// `bytes` random bytes as hexadecimal digits.
pub fn hex(bytes: usize) -> String {
    let mut buffer = vec![0_u8; bytes];
    OsRng.fill_bytes(&mut buffer);
    buffer.iter().map(|b| format!("{b:02x}")).collect()
}
