//! A secret of 32 bytes in shares, of which any `threshold` give it back and fewer say nothing (Shamir 1979).
//!
//! Each byte is the value at 0 of a polynomial of degree `threshold - 1` over GF(2^8), the field of AES (x^8 + x^4 + x^3 + x + 1). The other coefficients
//! are random, so for every possible byte there is exactly one polynomial through any `threshold - 1` shares: they are equally likely all.
//! A share is the polynomials' values at a point that is not 0; so there can be 255 of them.
//!
//! Products are made by shifting and masking, not by tables, so that time does not depend on the secret.

use super::secret::{Entropy, Key};

/// Product in GF(2^8).
fn times(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    for _ in 0..8 {
        product ^= a & 0u8.wrapping_sub(b & 1);
        a = a << 1 ^ 0x1b & 0u8.wrapping_sub(a >> 7);
        b >>= 1;
    }
    product
}

/// 1/a in GF(2^8): a^254, as the order of the group is 255.
fn inverse(a: u8) -> u8 {
    let mut result = 1;
    let mut power = a;
    // 254 = 0b1111_1110.
    for _ in 0..7 {
        power = times(power, power);
        result = times(result, power);
    }
    result
}

/// The shares of `secret` at `points`.
///
/// # Panics
///
/// When the threshold is 0, or a point is 0: the share would be the secret.
pub fn split(secret: &Key, threshold: u8, points: &[u8], entropy: &mut Entropy) -> Vec<Key> {
    assert!(threshold > 0 && !points.contains(&0), "a threshold of at least one, points that are not 0");
    let higher: Vec<Key> = (1..threshold).map(|_| entropy.key()).collect();
    points
        .iter()
        .map(|&point| {
            std::array::from_fn(|byte| {
                let above = higher.iter().rev().fold(0, |value, coefficients| times(value, point) ^ coefficients[byte]);
                times(above, point) ^ secret[byte]
            })
        })
        .collect()
}

/// The secret behind shares at their points, by Lagrange's formula at 0.
///
/// With fewer than `threshold` shares, or a wrong one among them, the result is something else: check it against what is known of the secret.
/// `None` when two points are equal or one is 0.
pub fn join(shares: &[(u8, Key)]) -> Option<Key> {
    let mut secret = [0; 32];
    for (i, &(at, share)) in shares.iter().enumerate() {
        let mut weight = 1;
        for &(other, _) in shares.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, share)| share) {
            if other == at {
                return None;
            }
            weight = times(weight, times(other, inverse(other ^ at)));
        }
        if at == 0 {
            return None;
        }
        for byte in 0..32 {
            secret[byte] ^= times(weight, share[byte]);
        }
    }
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_aes_standard() {
        // FIPS 197, section 4.2: {57} x {83} = {c1}, {57} x {13} = {fe}.
        assert_eq!(times(0x57, 0x83), 0xc1);
        assert_eq!(times(0x57, 0x13), 0xfe);
        assert!((1..=255).all(|a| times(a, inverse(a)) == 1));
    }

    #[test]
    fn any_threshold_of_shares_gives_the_secret_back() {
        let mut entropy = Entropy::new(&[1; 32]);
        let secret = entropy.key();
        let points = [1, 2, 3, 4, 5];
        let shares = split(&secret, 3, &points, &mut entropy);
        for choice in 0u8..32 {
            let chosen: Vec<(u8, Key)> = (0..5).filter(|i| choice >> i & 1 == 1).map(|i| (points[i], shares[i])).collect();
            assert_eq!(join(&chosen) == Some(secret), chosen.len() >= 3, "{choice:05b}");
        }
    }

    #[test]
    fn two_of_three_shares_fit_every_secret() {
        let mut entropy = Entropy::new(&[2; 32]);
        let secret = entropy.key();
        let shares = split(&secret, 3, &[1, 2, 3], &mut entropy);
        // For every value of the first byte there is a third share that makes it the secret: the two alone exclude none.
        let mut met = [false; 256];
        for third in 0..=255 {
            let mut guess = shares[2];
            guess[0] = third;
            met[usize::from(join(&[(1, shares[0]), (2, shares[1]), (3, guess)]).unwrap()[0])] = true;
        }
        assert!(met.iter().all(|m| *m));
    }

    #[test]
    fn equal_points_and_zero_are_refused() {
        assert_eq!(join(&[(1, [0; 32]), (1, [1; 32])]), None);
        assert_eq!(join(&[(0, [0; 32]), (1, [1; 32])]), None);
    }
}
