//! SHA-256, by which a design and the files made from it are known again.
//!
//! NIST FIPS 180-4 (2015), sections 4.1.2, 4.2.2, 5.1.1, 5.3.3 and 6.2: the message is padded with a one bit, zeros and its length in bits to whole
//! blocks of 64 bytes; each block is spread to 64 words, W_t = σ1(W_{t-2}) + W_{t-7} + σ0(W_{t-15}) + W_{t-16}, and mixed into eight words of state
//! in 64 rounds. The constants are the first 32 bits of the fractional parts of the cube roots of the first 64 primes; the state starts with those of
//! the square roots of the first eight. Both are computed here in whole numbers: floor(2^32 · p^(1/n)) mod 2^32.
//!
//! It stands here because a design is hashed where no other crate is at hand; a few kilobytes need no speed.

/// floor(2^(32) · n-th root of p), n 2 or 3, by bisection in integers.
fn root_bits(p: u128, n: u32) -> u32 {
    let target = p << (32 * n);
    let (mut low, mut high) = (0u128, 1u128 << 40);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if middle.pow(n) <= target { low = middle } else { high = middle }
    }
    (low & 0xffff_ffff) as u32
}

fn primes(n: usize) -> Vec<u128> {
    (2u128..).filter(|p| (2..*p).take_while(|d| d * d <= *p).all(|d| p % d != 0)).take(n).collect()
}

/// The hash of bytes, as 64 hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let primes = primes(64);
    let k: Vec<u32> = primes.iter().map(|&p| root_bits(p, 3)).collect();
    let mut state: [u32; 8] = std::array::from_fn(|i| root_bits(primes[i], 2));
    let mut message = bytes.to_vec();
    message.push(0x80);
    while message.len() % 64 != 56 {
        message.push(0);
    }
    message.extend_from_slice(&(bytes.len() as u64 * 8).to_be_bytes());
    for block in message.chunks_exact(64) {
        let mut w = [0u32; 64];
        for (word, four) in w.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_be_bytes([four[0], four[1], four[2], four[3]]);
        }
        for t in 16..64 {
            let s0 = w[t - 15].rotate_right(7) ^ w[t - 15].rotate_right(18) ^ (w[t - 15] >> 3);
            let s1 = w[t - 2].rotate_right(17) ^ w[t - 2].rotate_right(19) ^ (w[t - 2] >> 10);
            w[t] = w[t - 16].wrapping_add(s0).wrapping_add(w[t - 7]).wrapping_add(s1);
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
        for t in 0..64 {
            let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let t1 = h.wrapping_add(s1).wrapping_add((e & f) ^ (!e & g)).wrapping_add(k[t]).wrapping_add(w[t]);
            let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let t2 = s0.wrapping_add((a & b) ^ (a & c) ^ (b & c));
            (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(t1), c, b, a, t1.wrapping_add(t2));
        }
        for (s, v) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *s = s.wrapping_add(v);
        }
    }
    state.iter().map(|s| format!("{s:08x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::sha256_hex;

    /// The examples of FIPS 180-4's companion, NIST's "SHA-256" example values, and the empty message.
    #[test]
    fn published_hashes_come_out() {
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(
            sha256_hex(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        );
    }
}
