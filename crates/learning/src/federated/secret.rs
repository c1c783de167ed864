//! Keys that two sites agree upon, streams that a seed becomes, and boxes that only one other site opens.
//!
//! Agreement is X25519 (RFC 7748), derivation HKDF with SHA-256 (RFC 5869), the stream ChaCha20 (RFC 8439), and a box is that stream followed by
//! HMAC-SHA-256 over context and ciphertext (encrypt, then authenticate). A key is used for one box or one stream only, so the nonce is zero.
//!
//! Nothing here asks the operating system: randomness comes in as 32 bytes ([`Entropy`]).

use chacha20::ChaCha20;
use chacha20::cipher::{KeyIvInit, StreamCipher};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2_of_hkdf::Sha256;

/// A secret or public key, a seed, a derived key.
pub type Key = [u8; 32];

/// The public key of a secret one.
pub fn public(secret: &Key) -> Key {
    x25519_dalek::x25519(*secret, x25519_dalek::X25519_BASEPOINT_BYTES)
}

/// What the owner of `secret` and the owner of the secret behind `public` both can compute.
///
/// `None` when the other key is a point of small order: the result would be the same for every secret (RFC 7748, 6.1).
pub fn agree(secret: &Key, public: &Key) -> Option<Key> {
    let shared = x25519_dalek::x25519(*secret, *public);
    (shared != [0; 32]).then_some(shared)
}

/// A key for one purpose out of another key.
pub fn derive(key: &Key, purpose: &[u8]) -> Key {
    let mut out = [0; 32];
    Hkdf::<Sha256>::new(None, key).expand(purpose, &mut out).expect("32 bytes are within what HKDF gives");
    out
}

fn cipher(key: &Key) -> ChaCha20 {
    ChaCha20::new(key.into(), &[0; 12].into())
}

/// Adds (`sign` true) or subtracts the stream of a seed, modulo 2^64, word by word.
pub fn add_stream(seed: &Key, sign: bool, words: &mut [u64]) {
    let mut cipher = cipher(seed);
    let mut block = [0u8; 512];
    for chunk in words.chunks_mut(64) {
        block.fill(0);
        cipher.apply_keystream(&mut block);
        for (word, bytes) in chunk.iter_mut().zip(block.chunks_exact(8)) {
            let mask = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
            *word = if sign { word.wrapping_add(mask) } else { word.wrapping_sub(mask) };
        }
    }
}

fn tag(key: &Key, context: &[u8], ciphertext: &[u8]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    // The length keeps context and ciphertext apart.
    mac.update(&(context.len() as u64).to_le_bytes());
    mac.update(context);
    mac.update(ciphertext);
    mac
}

/// Closes a box: ciphertext and tag. `key` must not close a second one.
pub fn seal(key: &Key, context: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut sealed = plain.to_vec();
    cipher(&derive(key, b"encrypt")).apply_keystream(&mut sealed);
    let tag = tag(&derive(key, b"authenticate"), context, &sealed).finalize().into_bytes();
    sealed.extend_from_slice(&tag);
    sealed
}

/// Opens a box; `None` when key, context or content are not those it was closed with.
pub fn open(key: &Key, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (ciphertext, given) = sealed.split_at_checked(sealed.len().checked_sub(32)?)?;
    tag(&derive(key, b"authenticate"), context, ciphertext).verify_slice(given).ok()?;
    let mut plain = ciphertext.to_vec();
    cipher(&derive(key, b"encrypt")).apply_keystream(&mut plain);
    Some(plain)
}

/// Randomness for keys and noise: ChaCha20 under 32 bytes that the program drew from the operating system.
///
/// No `Clone`, no `Debug`, no `serde`: what was drawn once is not drawn again, printed or saved.
pub struct Entropy {
    cipher: ChaCha20,
    block: [u8; 512],
    used: usize,
}

impl Entropy {
    /// From 32 bytes of the operating system's randomness, used for nothing else.
    pub fn new(seed: &Key) -> Self {
        Self { cipher: cipher(&derive(seed, b"gridtwin federated entropy")), block: [0; 512], used: 512 }
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        if self.used == self.block.len() {
            self.block.fill(0);
            self.cipher.apply_keystream(&mut self.block);
            self.used = 0;
        }
        let word = u64::from_le_bytes(self.block[self.used..][..8].try_into().expect("eight bytes"));
        self.used += 8;
        word
    }

    /// A fresh key.
    pub fn key(&mut self) -> Key {
        let mut key = [0; 32];
        for bytes in key.chunks_mut(8) {
            bytes.copy_from_slice(&self.word().to_le_bytes());
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Key {
        super::super::digest::Digest::parse(text).unwrap().0
    }

    #[test]
    fn agreement_is_that_of_rfc_7748() {
        // Section 6.1.
        let alice = bytes("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
        let bob = bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        assert_eq!(public(&alice), bytes("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"));
        assert_eq!(public(&bob), bytes("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
        let shared = bytes("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
        assert_eq!(agree(&alice, &public(&bob)), Some(shared));
        assert_eq!(agree(&bob, &public(&alice)), Some(shared));
    }

    #[test]
    fn a_point_of_small_order_is_refused() {
        let mut one = [0; 32];
        assert_eq!(agree(&[7; 32], &one), None);
        one[0] = 1;
        assert_eq!(agree(&[7; 32], &one), None);
    }

    #[test]
    fn a_box_opens_for_its_key_and_context_only() {
        let (key, context) = ([3; 32], b"from 1 to 2".as_slice());
        let sealed = seal(&key, context, b"two shares");
        assert_eq!(open(&key, context, &sealed).as_deref(), Some(b"two shares".as_slice()));
        assert_eq!(open(&[4; 32], context, &sealed), None);
        assert_eq!(open(&key, b"from 2 to 1", &sealed), None);
        for bit in 0..sealed.len() * 8 {
            let mut spoilt = sealed.clone();
            spoilt[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&key, context, &spoilt), None, "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(open(&key, context, &sealed[..length]), None);
        }
    }

    #[test]
    fn a_stream_that_was_added_can_be_taken_away_at_any_length() {
        for length in [0, 1, 63, 64, 65, 1000] {
            let before: Vec<u64> = (0..length).map(|i: u64| i.wrapping_mul(0x0123_4567_89ab_cdef)).collect();
            let mut words = before.clone();
            add_stream(&[9; 32], true, &mut words);
            assert!(length == 0 || words != before);
            add_stream(&[9; 32], false, &mut words);
            assert_eq!(words, before);
        }
    }
}
