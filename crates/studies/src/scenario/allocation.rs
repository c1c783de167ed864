//! Who adopts: a random key for every customer, the lowest keys first.
//!
//! The key of a customer of weight `w` is `-ln(u)/w` with `u` evenly between 0 and 1: choosing the lowest keys draws without replacement
//! with chances in proportion to the weights (Efraimidis and Spirakis, 2006). `u` follows from the seed, the feeder, the load's name, the
//! customer's number at it and the layer alone, so neither the order of elements nor other customers matter, and the adopters of a low
//! penetration are among those of a higher one.

use super::customers::Sites;
use crate::synthetic::maths::ln;
use crate::synthetic::random::Random;
use network::scenario::{Allocation, ScenarioData};

/// FNV-1a of some words, with a mark between them.
pub fn hash(words: &[&str]) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325u64;
    for word in words {
        for byte in word.bytes().chain([0xff]) {
            h = (h ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    h
}

/// The stream of a thing in a network: of `purpose`, for the thing's own `words`.
pub fn stream(seed: u64, purpose: &str, words: &[&str], index: u64) -> Random {
    Random::new(seed ^ hash(words), hash(&[purpose]), index)
}

/// A customer that adopts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adopter {
    /// Position among the sites.
    pub site: usize,
    /// Number of the customer at its load.
    pub customer: u32,
    pub key: f64,
}

/// The adopters among the sites that are admitted, in the order of sites, and how many customers these have.
///
/// `share` of the customers of the admitted sites adopts, rounded to whole customers, but no more than have a weight.
pub fn adopters(
    sites: &Sites,
    admitted: &[usize],
    share: f64,
    seed: u64,
    layer: &str,
    allocation: &Allocation,
    data: &ScenarioData,
) -> (Vec<Adopter>, u32) {
    let total: u32 = admitted.iter().map(|&s| sites.all[s].customers).sum();
    let mut all = Vec::with_capacity(total as usize);
    for &site in admitted {
        let weight = sites.weight(site, allocation, data);
        if weight <= 0.0 {
            continue;
        }
        let s = &sites.all[site];
        for customer in 0..s.customers {
            let u = stream(seed, "adoption", &[&s.feeder, &s.name, layer], u64::from(customer)).unit();
            all.push(Adopter { site, customer, key: -ln((1.0 - u).max(1e-300)) / weight });
        }
    }
    let wanted = (share * f64::from(total)).round().clamp(0.0, all.len() as f64) as usize;
    let name = |a: &Adopter| sites.all[a.site].name.as_str();
    all.sort_by(|a, b| a.key.total_cmp(&b.key).then_with(|| name(a).cmp(name(b))).then(a.customer.cmp(&b.customer)));
    all.truncate(wanted);
    all.sort_by_key(|a| (a.site, a.customer));
    (all, total)
}
