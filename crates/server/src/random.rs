//! Secrets and names from the operating system's generator.

use argon2::password_hash::rand_core::{OsRng, RngCore};

/// `bytes` random bytes as hexadecimal digits.
pub fn hex(bytes: usize) -> String {
    let mut buffer = vec![0_u8; bytes];
    OsRng.fill_bytes(&mut buffer);
    buffer.iter().map(|b| format!("{b:02x}")).collect()
}

/// A password that can be read aloud and typed: 20 letters and digits in groups, about 95 bits.
pub fn password() -> String {
    // Without characters that look alike; 32 of them, so that no byte favours any.
    const SIGNS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut buffer = [0_u8; 20];
    OsRng.fill_bytes(&mut buffer);
    let signs: Vec<char> = buffer.iter().map(|b| char::from(SIGNS[usize::from(b % 32)])).collect();
    signs.chunks(5).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}
