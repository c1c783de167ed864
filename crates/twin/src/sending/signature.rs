//! HMAC-SHA256 after RFC 2104, over the hash that the program has already; and how a webhook's request is signed with it.

use sha2::{Digest, Sha256};

/// Octets of a block of SHA-256.
const BLOCK: usize = 64;

/// HMAC-SHA256 of a message.
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |with: u8| block.map(|b| b ^ with);
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|b| format!("{b:02x}")).collect()
}

/// Value of the header: `t=SECONDS,v1=HMAC` over the seconds, a full stop and the body, so that a request that was caught cannot be sent
/// again much later.
pub fn signature(secret: &str, at_s: i64, body: &[u8]) -> String {
    let mut signed = format!("{at_s}.").into_bytes();
    signed.extend_from_slice(body);
    format!("t={at_s},v1={}", hex(&hmac_sha256(secret.as_bytes(), &signed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cases 1, 2 and 6 of RFC 4231: a key of 20 octets, one shorter than the hash, one longer than a block.
    #[test]
    fn the_vectors_of_rfc_4231_hold() {
        let cases: [(&[u8], &[u8], &str); 3] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ];
        for (key, message, expected) in cases {
            assert_eq!(hex(&hmac_sha256(key, message)), expected);
        }
    }
}
