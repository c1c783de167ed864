//! A synthetic year of quarter-hourly readings: `make_year METERS DAYS ORDER SEED > year.csv`, ORDER `meter` or `time`.
//!
//! With `map` for ORDER the map of the same meters is written: five meters a transformer, forty transformers a feeder. One reading in a
//! thousand is missing. Nothing else is odd, so that every program must find the same sums. No library is needed: `rustc -O make_year.rs`.

use std::io::{BufWriter, Write};

struct Lcg(u64);

impl Lcg {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

fn days_of_month(month: u32) -> u32 {
    // 2015 is no leap year.
    [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1]
}

/// Ends of the intervals of so many days from 2015-01-01, UTC, as text.
fn stamps(days: usize) -> Vec<String> {
    let (mut year, mut month, mut day) = (2015, 1, 1);
    let mut out = Vec::new();
    for _ in 0..=days {
        for q in 0..96 {
            out.push(format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:00", q / 4, q % 4 * 15));
        }
        day += 1;
        if day > days_of_month(month) {
            (day, month) = (1, month + 1);
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
    }
    out[1..=days * 96].to_vec()
}

/// Reading of meter `m` at interval `k`, in tenths of a watt-hour: a day's shape, a year's shape, and chance. Depends on the three alone.
fn reading(seed: u64, m: usize, k: usize) -> Option<u32> {
    let mut r = Lcg(seed ^ (m as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (k as u64).wrapping_mul(0xd6e8_feb8_6659_fd93));
    r.next();
    if r.next() % 1000 == 0 {
        return None;
    }
    let hour = k % 96 / 4;
    let shape = [3, 2, 2, 2, 2, 3, 5, 7, 7, 6, 5, 5, 5, 5, 5, 6, 7, 9, 11, 11, 10, 8, 6, 4][hour];
    let season = 10 + (k / 96).abs_diff(182) as u64 / 20;
    let size = 1 + m as u64 % 7;
    Some((shape * season * size * (50 + r.next() % 150) / 20) as u32)
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |i: usize| arguments.get(i).and_then(|a| a.parse::<usize>().ok()).expect("METERS DAYS ORDER SEED");
    let (meters, days, seed) = (number(1), number(2), number(4) as u64);
    let mut out = BufWriter::with_capacity(1 << 20, std::io::stdout().lock());
    let name = |m: usize| format!("M{m:06}");
    if arguments[3] == "map" {
        out.write_all(b"meter,transformer,feeder\n").unwrap();
        for m in 0..meters {
            writeln!(out, "{},T{:05},F{:03}", name(m), m / 5, m / 200).unwrap();
        }
        return;
    }
    let stamps = stamps(days);
    let names: Vec<String> = (0..meters).map(name).collect();
    out.write_all(b"meter_id,interval_end,kwh_delivered,quality\n").unwrap();
    let mut row = |m: usize, k: usize| {
        let Some(v) = reading(seed, m, k) else { return };
        let mut line = [0u8; 64];
        let mut n = 0;
        let mut put = |bytes: &[u8]| {
            line[n..n + bytes.len()].copy_from_slice(bytes);
            n += bytes.len();
        };
        put(names[m].as_bytes());
        put(b",");
        put(stamps[k].as_bytes());
        put(b",");
        let (whole, part) = (v / 10_000, v % 10_000);
        let digit = |d: u32| b'0' + (d % 10) as u8;
        if whole >= 10 {
            put(&[digit(whole / 10)]);
        }
        put(&[digit(whole), b'.', digit(part / 1000), digit(part / 100), digit(part / 10), digit(part)]);
        put(b",A\n");
        out.write_all(&line[..n]).unwrap();
    };
    if arguments[3] == "time" {
        (0..stamps.len()).for_each(|k| (0..meters).for_each(|m| row(m, k)));
    } else {
        (0..meters).for_each(|m| (0..stamps.len()).for_each(|k| row(m, k)));
    }
}
