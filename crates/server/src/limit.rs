//! How often one address may try to log in. Memory is bounded, however many addresses try.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Addresses remembered at most.
const ADDRESSES_MAX: usize = 10_000;

/// Lets `burst` tries pass at once and one more each `every`.
#[derive(Debug)]
pub struct Limit {
    burst: u32,
    every: Duration,
    /// When the address has all its tries again.
    full_at: Mutex<HashMap<IpAddr, Instant>>,
}

impl Limit {
    pub fn new(burst: u32, every: Duration) -> Self {
        Self { burst, every, full_at: Mutex::default() }
    }

    /// Takes one try.
    ///
    /// # Errors
    /// How long to wait for the next.
    pub fn take(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let address = network_of(address);
        let mut known = self.full_at.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if known.len() >= ADDRESSES_MAX && !known.contains_key(&address) {
            known.retain(|_, full_at| *full_at > now);
            if known.len() >= ADDRESSES_MAX {
                // As many addresses as this at once are an attack: newcomers wait.
                return Err(self.every);
            }
        }
        let full_at = known.get(&address).copied().unwrap_or(now).max(now) + self.every;
        match (full_at - now).checked_sub(self.every * self.burst) {
            Some(over) if !over.is_zero() => Err(over),
            _ => {
                known.insert(address, full_at);
                Ok(())
            }
        }
    }
}

/// Who has one address of IPv6 has the 2^64 beside it.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let s = v6.segments();
            IpAddr::V6([s[0], s[1], s[2], s[3], 0, 0, 0, 0].into())
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_back_with_time() {
        let limit = Limit::new(3, Duration::from_secs(10));
        let (now, a): (_, IpAddr) = (Instant::now(), "10.0.0.1".parse().unwrap());
        assert!((0..3).all(|_| limit.take(a, now).is_ok()));
        assert_eq!(limit.take(a, now), Err(Duration::from_secs(10)));
        assert_eq!(limit.take(a, now + Duration::from_secs(4)), Err(Duration::from_secs(6)));
        assert!(limit.take("10.0.0.2".parse().unwrap(), now).is_ok());
        assert!(limit.take(a, now + Duration::from_secs(10)).is_ok());
        assert!(limit.take(a, now + Duration::from_secs(10)).is_err());
    }

    #[test]
    fn a_subnet_of_ipv6_counts_as_one() {
        let limit = Limit::new(1, Duration::from_secs(10));
        let now = Instant::now();
        assert!(limit.take("2001:db8::1".parse().unwrap(), now).is_ok());
        assert!(limit.take("2001:db8::2".parse().unwrap(), now).is_err());
        assert!(limit.take("2001:db8:0:1::2".parse().unwrap(), now).is_ok());
        assert!(limit.take("::ffff:10.0.0.1".parse().unwrap(), now).is_ok());
        assert!(limit.take("10.0.0.1".parse().unwrap(), now).is_err());
    }

    #[test]
    fn memory_is_bounded() {
        let limit = Limit::new(1, Duration::from_secs(10));
        let now = Instant::now();
        for i in 0..(ADDRESSES_MAX as u32 + 500) {
            let _ = limit.take(IpAddr::V4(i.into()), now);
        }
        assert!(limit.full_at.lock().unwrap().len() <= ADDRESSES_MAX);
        assert!(limit.take("200.0.0.1".parse().unwrap(), now).is_err());
        assert!(limit.take("200.0.0.1".parse().unwrap(), now + Duration::from_secs(11)).is_ok());
    }
}
