//! Some samples of one point, compressed.
//!
//! A block of `n` samples, sorted by time, is one stream of bits in four parts:
//!
//! 1. **kinds**, as runs (kind, length of the run): nearly always one run;
//! 2. **qualities**, as runs: nearly always one run;
//! 3. **times** `t₀ … tₙ₋₁` in µs. The first is written whole. With `δᵢ = tᵢ − tᵢ₋₁` and `δ₀ = 0`, what is written is
//!    `dᵢ = δᵢ − δᵢ₋₁`, which is 0 for a point that is scanned regularly:
//!
//!    | `zigzag(dᵢ)` below | bits |
//!    |---|---|
//!    | 1 | `0` |
//!    | 2¹² | `10` and 12 bits |
//!    | 2²² | `110` and 22 bits (a jitter of ± 2 s) |
//!    | 2³² | `1110` and 32 bits |
//!    | any | `1111` and 64 bits |
//!
//! 4. **values**, each against the last of its own kind. Floats: `x = bits(vᵢ) ⊕ bits(vᵢ₋₁)`. `0` when `x` is zero; `10` and the bits of `x`
//!    within the window of the last one, when its leading and trailing zeros reach at least as far; otherwise `11`, five bits of
//!    leading zeros (at most 31), six of the window's length less one, and the window. Integers and counters: the zigzag of the
//!    difference, seven bits at a time. A text that repeats takes one bit.
//!
//! Differences wrap around, so that every time, integer and pattern of a float comes back in every bit.
//!
//! Source: T. Pelkonen et al., "Gorilla: a fast, scalable, in-memory time series database", VLDB 2015, §4.1. The buckets of times are wider,
//! because times here are in µs, and the length of a window is written less one, so that 64 needs no special case.

use super::bits::{BitReader, BitWriter, unzigzag, zigzag};
use super::sample::{Entry, TEXT_MAX, quality_bits, quality_from_bits, tag, tag_of};
use scada::UtcTime;
use scada::point::{DoublePoint, Value};
use std::sync::Arc;

/// Most samples in a block.
pub(crate) const BLOCK_MAX: usize = 4096;

/// Compresses entries that are sorted by time.
pub(crate) fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut out = BitWriter::default();
    runs(&mut out, entries, |e| u64::from(tag_of(e.value.as_ref())));
    runs(&mut out, entries, |e| u64::from(quality_bits(e.quality)));
    encode_times(&mut out, entries);
    let mut last = Last::default();
    for entry in entries {
        if let Some(value) = &entry.value {
            last.put(&mut out, value);
        }
    }
    out.finish()
}

/// Gives back what [`encode`] was given; `None` where the octets are no block of `n` samples.
pub(crate) fn decode(octets: &[u8], n: usize) -> Option<Vec<Entry>> {
    // A time takes a bit at least: a wrong count must not reserve memory.
    if n > BLOCK_MAX || n > octets.len() * 8 {
        return None;
    }
    let mut from = BitReader::new(octets);
    let mut tags = Vec::with_capacity(n);
    read_runs(&mut from, n, |value, run| {
        let value = u8::try_from(value).ok().filter(|t| *t <= tag::LAST)?;
        tags.resize(tags.len() + run, value);
        Some(())
    })?;
    let mut entries = Vec::with_capacity(n);
    read_runs(&mut from, n, |value, run| {
        let quality = quality_from_bits(u32::try_from(value).ok()?)?;
        entries.resize(entries.len() + run, Entry { time: UtcTime::default(), value: None, quality });
        Some(())
    })?;
    decode_times(&mut from, &mut entries)?;
    let mut last = Last::default();
    for (entry, tag) in entries.iter_mut().zip(tags) {
        if tag != tag::NONE {
            entry.value = Some(last.get(&mut from, tag)?);
        }
    }
    // What is left fills an octet.
    (from.left() < 8).then_some(entries)
}

fn runs(out: &mut BitWriter, entries: &[Entry], key: impl Fn(&Entry) -> u64) {
    for run in entries.chunk_by(|a, b| key(a) == key(b)) {
        out.varint(key(&run[0]));
        out.varint(run.len() as u64);
    }
}

fn read_runs(from: &mut BitReader, n: usize, mut each: impl FnMut(u64, usize) -> Option<()>) -> Option<()> {
    let mut seen = 0;
    while seen < n {
        let value = from.varint()?;
        let run = usize::try_from(from.varint()?).ok().filter(|r| *r > 0 && *r <= n - seen)?;
        each(value, run)?;
        seen += run;
    }
    Some(())
}

/// Bits of the prefix, its length, and how many bits follow.
const BUCKETS: [(u64, u32, u32); 4] = [(0b10, 2, 12), (0b110, 3, 22), (0b1110, 4, 32), (0b1111, 4, 64)];

fn encode_times(out: &mut BitWriter, entries: &[Entry]) {
    let Some(first) = entries.first() else { return };
    out.put(first.time.us as u64, 64);
    let (mut before, mut step) = (first.time.us, 0i64);
    for entry in &entries[1..] {
        let next = entry.time.us.wrapping_sub(before);
        let change = zigzag(next.wrapping_sub(step));
        if change == 0 {
            out.bit(false);
        } else {
            let (prefix, length, bits) = BUCKETS.into_iter().find(|(_, _, bits)| *bits == 64 || change >> bits == 0).unwrap_or(BUCKETS[3]);
            out.put(prefix, length);
            out.put(change, bits);
        }
        (before, step) = (entry.time.us, next);
    }
}

fn decode_times(from: &mut BitReader, entries: &mut [Entry]) -> Option<()> {
    let Some((first, rest)) = entries.split_first_mut() else { return Some(()) };
    let (mut before, mut step) = (from.get(64)? as i64, 0i64);
    first.time = UtcTime::from_us(before);
    for entry in rest {
        let mut bits = 0;
        if from.bit()? {
            let mut bucket = 0;
            while bucket < 3 && from.bit()? {
                bucket += 1;
            }
            bits = BUCKETS[bucket].2;
        }
        step = step.wrapping_add(unzigzag(from.get(bits)?));
        before = before.wrapping_add(step);
        entry.time = UtcTime::from_us(before);
    }
    Some(())
}

/// The last value of each kind, which the next one is written against.
#[derive(Default)]
struct Last {
    float: u64,
    /// Leading zeros and length of the window of the last float that differed; length 0 before there was one.
    window: (u32, u32),
    integer: i64,
    count: i64,
    text: Option<Arc<str>>,
}

impl Last {
    fn put(&mut self, out: &mut BitWriter, value: &Value) {
        match value {
            Value::Bool(on) => out.bit(*on),
            Value::DoublePoint(d) => out.put(u64::from(d.bits()), 2),
            Value::Integer(i) => {
                out.varint(zigzag(i.wrapping_sub(self.integer)));
                self.integer = *i;
            }
            Value::Float(x) => self.put_float(out, x.to_bits()),
            Value::Step { position, moving } => {
                out.put(u64::from(*position as u32), 32);
                out.bit(*moving);
            }
            Value::Bits(b) => out.put(u64::from(*b), 32),
            Value::Counter { count, sequence, carry, adjusted } => {
                out.varint(zigzag(count.wrapping_sub(self.count)));
                out.put(u64::from(*sequence), 8);
                out.bit(*carry);
                out.bit(*adjusted);
                self.count = *count;
            }
            Value::Text(text) => {
                let repeats = self.text.as_ref() == Some(text);
                out.bit(repeats);
                if !repeats {
                    out.varint(text.len() as u64);
                    for octet in text.bytes() {
                        out.put(u64::from(octet), 8);
                    }
                    self.text = Some(text.clone());
                }
            }
        }
    }

    fn get(&mut self, from: &mut BitReader, tag: u8) -> Option<Value> {
        Some(match tag {
            tag::BOOL => Value::Bool(from.bit()?),
            tag::DOUBLE_POINT => Value::DoublePoint(DoublePoint::from_bits(from.get(2)? as u8)),
            tag::INTEGER => {
                self.integer = self.integer.wrapping_add(unzigzag(from.varint()?));
                Value::Integer(self.integer)
            }
            tag::FLOAT => Value::Float(f64::from_bits(self.get_float(from)?)),
            tag::STEP => Value::Step { position: from.get(32)? as u32 as i32, moving: from.bit()? },
            tag::BITS => Value::Bits(from.get(32)? as u32),
            tag::COUNTER => {
                self.count = self.count.wrapping_add(unzigzag(from.varint()?));
                Value::Counter { count: self.count, sequence: from.get(8)? as u8, carry: from.bit()?, adjusted: from.bit()? }
            }
            tag::TEXT => {
                if !from.bit()? {
                    let length = usize::try_from(from.varint()?).ok().filter(|n| *n <= TEXT_MAX && *n <= from.left() / 8)?;
                    let octets: Vec<u8> = (0..length).map(|_| Some(from.get(8)? as u8)).collect::<Option<_>>()?;
                    self.text = Some(String::from_utf8(octets).ok()?.into());
                }
                Value::Text(self.text.clone()?)
            }
            _ => return None,
        })
    }

    fn put_float(&mut self, out: &mut BitWriter, bits: u64) {
        let x = bits ^ self.float;
        self.float = bits;
        if x == 0 {
            return out.bit(false);
        }
        let (leading, trailing) = (x.leading_zeros().min(31), x.trailing_zeros());
        let (window_leading, window_length) = self.window;
        if window_length > 0 && leading >= window_leading && trailing >= 64 - window_leading - window_length {
            out.put(0b10, 2);
        } else {
            self.window = (leading, 64 - leading - trailing);
            out.put(0b11, 2);
            out.put(u64::from(leading), 5);
            out.put(u64::from(self.window.1 - 1), 6);
        }
        let (leading, length) = self.window;
        out.put(x >> (64 - leading - length), length);
    }

    fn get_float(&mut self, from: &mut BitReader) -> Option<u64> {
        if from.bit()? {
            if from.bit()? {
                let (leading, length) = (from.get(5)? as u32, from.get(6)? as u32 + 1);
                self.window = (leading, length);
            }
            let (leading, length) = self.window;
            if length == 0 || leading + length > 64 {
                return None;
            }
            self.float ^= from.get(length)? << (64 - leading - length);
        }
        Some(self.float)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{PointId, Sample, decode_batch, encode_batch};
    use super::*;
    use proptest::prelude::*;
    use scada::point::{Flags, Quality, Validity};

    fn value() -> impl Strategy<Value = Option<Value>> {
        prop_oneof![
            1 => Just(None),
            2 => any::<bool>().prop_map(|b| Some(Value::Bool(b))),
            2 => any::<u8>().prop_map(|b| Some(Value::DoublePoint(DoublePoint::from_bits(b)))),
            4 => any::<i64>().prop_map(|i| Some(Value::Integer(i))),
            8 => any::<u64>().prop_map(|b| Some(Value::Float(f64::from_bits(b)))),
            4 => prop_oneof![
                Just(f64::NAN), Just(-f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0), Just(0.0), Just(f64::MIN_POSITIVE / 4.0)
            ].prop_map(|x| Some(Value::Float(x))),
            2 => (any::<i32>(), any::<bool>()).prop_map(|(position, moving)| Some(Value::Step { position, moving })),
            2 => any::<u32>().prop_map(|b| Some(Value::Bits(b))),
            2 => (any::<i64>(), any::<u8>(), any::<bool>(), any::<bool>())
                .prop_map(|(count, sequence, carry, adjusted)| Some(Value::Counter { count, sequence, carry, adjusted })),
            2 => ".{0,12}".prop_map(|t| Some(Value::Text(t.into()))),
        ]
    }

    fn quality() -> impl Strategy<Value = Quality> {
        (0..3u32, any::<u16>())
            .prop_map(|(v, f)| Quality::new([Validity::Good, Validity::Questionable, Validity::Invalid][v as usize], Flags(f)))
    }

    fn entry() -> impl Strategy<Value = Entry> {
        (any::<i64>(), value(), quality()).prop_map(|(us, value, quality)| Entry { time: UtcTime::from_us(us), value, quality })
    }

    proptest! {
        #[test]
        fn whatever_goes_in_comes_back_in_every_bit(entries in prop::collection::vec(entry(), 0..200)) {
            let octets = encode(&entries);
            let back = decode(&octets, entries.len()).expect("a block that was just made");
            prop_assert!(back.len() == entries.len() && back.iter().zip(&entries).all(|(a, b)| a.same_bits(b)), "{back:?}");
            let samples: Vec<Sample> = entries.iter().map(|e| Sample { point: PointId(7), entry: e.clone() }).collect();
            let back = decode_batch(&encode_batch(&samples)).expect("a batch that was just made");
            prop_assert!(back.iter().zip(&samples).all(|(a, b)| a.point == b.point && a.entry.same_bits(&b.entry)));
            prop_assert_eq!(back.len(), samples.len());
        }

        #[test]
        fn no_octets_whatever_end_in_a_panic(octets in prop::collection::vec(any::<u8>(), 0..300), n in 0..5000usize) {
            let _ = decode(&octets, n);
            let _ = decode_batch(&octets);
        }

        #[test]
        fn a_block_that_was_cut_is_no_block(entries in prop::collection::vec(entry(), 1..50), cut in any::<prop::sample::Index>()) {
            let octets = encode(&entries);
            prop_assert!(decode(&octets[..cut.index(octets.len())], entries.len()).is_none());
        }
    }

    #[test]
    fn a_regular_point_that_stands_still_takes_two_bits_a_sample() {
        let entries: Vec<Entry> = (0..4000)
            .map(|i| Entry { time: UtcTime::from_ms(1000 * i), value: Some(Value::Float(231.5)), quality: Quality::GOOD })
            .collect();
        // Runs, the first time, the first step and the first value are what is beyond two bits each.
        assert!(encode(&entries).len() <= 4000 * 2 / 8 + 32);
    }
}
