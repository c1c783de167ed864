//! A stream of bits, the highest bit of an octet first.

/// Bits going out.
#[derive(Debug, Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// The bits that do not fill an octet yet, lowest last.
    pending: u8,
    /// How many of them: 0 to 7.
    used: u32,
}

impl BitWriter {
    /// The lowest `n` bits of `value`, `n` up to 64.
    pub(crate) fn put(&mut self, value: u64, n: u32) {
        debug_assert!(n <= 64);
        let value = if n == 64 { value } else { value & ((1 << n) - 1) };
        // At most 7 + 64 bits.
        let all = (u128::from(self.pending) << n) | u128::from(value);
        let mut used = self.used + n;
        while used >= 8 {
            used -= 8;
            self.bytes.push((all >> used) as u8);
        }
        self.pending = (all & ((1 << used) - 1)) as u8;
        self.used = used;
    }

    pub(crate) fn bit(&mut self, on: bool) {
        self.put(u64::from(on), 1);
    }

    /// Seven bits at a time, lowest first; the eighth says that more follow.
    pub(crate) fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.put(value & 0x7F | 0x80, 8);
            value >>= 7;
        }
        self.put(value, 8);
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.used > 0 {
            self.bytes.push(self.pending << (8 - self.used));
        }
        self.bytes
    }
}

/// Bits coming in; `None` once there are not enough.
#[derive(Debug)]
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `n` bits, `n` up to 64.
    pub(crate) fn get(&mut self, n: u32) -> Option<u64> {
        if n == 0 {
            return Some(0);
        }
        let end = self.at + n as usize;
        if end > self.bytes.len() * 8 {
            return None;
        }
        let (first, skip) = (self.at / 8, self.at % 8);
        // 7 + 64 bits lie within nine octets.
        let mut octets = [0; 16];
        match self.bytes.get(first..first + 16) {
            Some(sixteen) => octets.copy_from_slice(sixteen),
            None => octets[..self.bytes.len() - first].copy_from_slice(&self.bytes[first..]),
        }
        self.at = end;
        Some(((u128::from_be_bytes(octets) << skip) >> (128 - n)) as u64)
    }

    pub(crate) fn bit(&mut self) -> Option<bool> {
        Some(self.get(1)? == 1)
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let octet = self.get(8)?;
            // The tenth octet has room for one bit.
            if shift == 63 && octet > 1 {
                return None;
            }
            value |= (octet & 0x7F) << shift;
            if octet & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// Bits that are left, those that fill the last octet among them.
    pub(crate) fn left(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }
}

/// Small numbers of either sign to small numbers: 0, −1, 1, −2 become 0, 1, 2, 3.
pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(crate) const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}
