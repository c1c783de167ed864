use super::*;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt32Type, UInt64Type};
use formats::meters::{MeterReader, ReadingSink};
use network::ReadingSeries;
use std::path::PathBuf;

#[derive(Default)]
struct Kept {
    batches: Vec<(String, &'static str, RecordBatch)>,
    done: Vec<String>,
}

impl TableSink for Kept {
    fn rows(&mut self, feeder: &str, table: &'static str, batch: RecordBatch) -> Result<(), Diagnostic> {
        self.batches.push((feeder.to_owned(), table, batch));
        Ok(())
    }

    fn feeder_done(&mut self, feeder: &str) -> Result<(), Diagnostic> {
        self.done.push(feeder.to_owned());
        Ok(())
    }
}

impl Kept {
    fn column(&self, feeder: &str, table: &str, column: &str) -> Vec<f64> {
        let of = self.batches.iter().filter(|b| b.0 == feeder && b.1 == table);
        of.flat_map(|b| {
            let c = b.2.column_by_name(column).unwrap();
            let floats = c.as_primitive_opt::<Float64Type>().map(|a| a.iter().map(|v| v.unwrap_or(f64::NAN)).collect::<Vec<_>>());
            let longs = c.as_primitive_opt::<UInt64Type>().map(|a| a.values().iter().map(|v| *v as f64).collect());
            let words = c.as_primitive_opt::<UInt32Type>().map(|a| a.values().iter().map(|v| f64::from(*v)).collect());
            floats.or(longs).or(words).unwrap()
        })
        .collect()
    }
}

fn place(meter: &str, transformer: &str, feeder: &str) -> MeterPlace {
    MeterPlace { meter: meter.into(), transformer: transformer.into(), feeder: feeder.into(), rating_kw: None }
}

/// Readings of 7 meters over 3 days with gaps, in the order of a shuffle.
fn example(seed: u64) -> (ReadingIndex, Readings) {
    let mut index = ReadingIndex::default();
    for m in 0..7u32 {
        index.meters.push(format!("m{m}").into());
        index.series.push(ReadingSeries { meter: m, channel: Channel::DeliveredKwh, register: "".into(), interval_s: 900 });
        index.series.push(ReadingSeries { meter: m, channel: Channel::ReceivedKwh, register: "".into(), interval_s: 900 });
    }
    let mut rows = Vec::new();
    for k in 0..288i64 {
        for s in 0..14u32 {
            if !(s == 3 && (100..104).contains(&k)) {
                rows.push((s, 1_467_331_200 + (k + 1) * 900, f64::from(s) + (k % 96) as f64 / 96.0));
            }
        }
    }
    let mut state = seed;
    for i in (1..rows.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if seed > 0 {
            rows.swap(i, (state >> 33) as usize % (i + 1));
        }
    }
    let mut block = Readings::default();
    rows.iter().for_each(|&(s, e, v)| block.push(s, e, v, ReadingQuality::Actual));
    (index, block)
}

fn collect(seed: u64, options: Options) -> (Report, Kept) {
    let map = [place("m0", "t1", "f1"), place("m1", "t1", "f1"), place("m2", "t2", "f1"), place("m3", "t3", "f2"), place("m9", "t3", "f2")];
    let (index, block) = example(seed);
    let mut collector = Collector::new(&map, options, MemoryScratch::default());
    collector.collect(&index, &block).unwrap();
    let mut kept = Kept::default();
    let report = collector.finish(&index, &mut kept).unwrap();
    (report, kept)
}

#[test]
fn sums_do_not_depend_on_the_order_of_rows_or_on_memory() {
    let (report, kept) = collect(0, Options::default());
    assert_eq!(kept.done, ["f1", "f2", UNMAPPED]);
    assert_eq!((report.unmapped_meters, report.silent_meters, report.totals.meters, report.totals.series), (3, 1, 7, 14));
    // Of feeder f1: series 0 to 5, of which 0, 2, 4 are delivered.
    let delivered = kept.column("f1", "feeder_intervals", "delivered_kwh");
    assert_eq!(delivered.len(), 288);
    for (k, v) in delivered.iter().enumerate() {
        let at = (k % 96) as f64 / 96.0;
        assert!((v - (6.0 + 3.0 * at)).abs() < 1e-12, "{k}");
    }
    assert_eq!(kept.column("f1", "feeder_intervals", "estimated").iter().sum::<f64>(), 4.0);
    assert_eq!(kept.column("f1", "transformer_intervals", "delivered_kwh").len(), 2 * 288);
    let p = kept.column("f2", "feeder_intervals", "p_kw");
    assert!(p.iter().all(|p| (p + 4.0).abs() < 1e-9));
    let small = Options { group_bytes: 20_000, buffer_bytes: 10, meters_per_group: 1, ..Options::default() };
    for (seed, options) in [(5, Options::default()), (6, small)] {
        let (other, others) = collect(seed, options);
        for feeder in ["f1", "f2", UNMAPPED] {
            for column in ["end_s", "delivered_kwh", "received_kwh", "measured", "missing"] {
                let (a, b) = (kept.column(feeder, "feeder_intervals", column), others.column(feeder, "feeder_intervals", column));
                assert!(a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-9), "{feeder} {column}");
            }
        }
        assert_eq!(other.totals.estimated, report.totals.estimated);
    }
}

#[test]
fn sums_over_hours_and_every_interval_of_every_meter() {
    let (_, kept) = collect(3, Options { interval_s: Some(3600), keep_meters: true, ..Options::default() });
    let delivered = kept.column("f2", "feeder_intervals", "delivered_kwh");
    assert_eq!(delivered.len(), 72);
    let measured = kept.column("f2", "feeder_intervals", "measured");
    assert!(measured.iter().all(|m| *m == 2.0));
    assert!((delivered[0] - (4.0 * 6.0 + 6.0 / 96.0)).abs() < 1e-9);
    assert_eq!(kept.column("f2", "meter_intervals", "value").len(), 2 * 288);
}

#[test]
fn points_hold_their_values() {
    let mut index = ReadingIndex { meters: vec!["F1".into()], series: Vec::new() };
    index.series.push(ReadingSeries { meter: 0, channel: Channel::PKw, register: "".into(), interval_s: 0 });
    let mut block = Readings::default();
    let t = 1_467_331_200;
    for (at, v) in [(0, 100.0), (450, 300.0), (900, 50.0), (9000, 70.0)] {
        block.push(0, t + at, v, ReadingQuality::Actual);
    }
    let mut collector = Collector::new(&[], Options { hold_s: 1800, ..Options::default() }, MemoryScratch::default());
    collector.collect(&index, &block).unwrap();
    let mut kept = Kept::default();
    collector.finish(&index, &mut kept).unwrap();
    assert_eq!(kept.column(UNMAPPED, "point_intervals", "mean"), [200.0, 50.0, 50.0, 70.0]);
    let ends: Vec<f64> = kept.column(UNMAPPED, "point_intervals", "end_s").iter().map(|e| (e - t as f64) / 900.0).collect();
    assert_eq!(ends, [1.0, 2.0, 3.0, 11.0]);
    assert_eq!(kept.column(UNMAPPED, "point_intervals", "max"), [300.0, 50.0, 50.0, 70.0]);
}

/// Reads files into a collector.
struct Into<'a>(&'a mut Collector<MemoryScratch>);

impl ReadingSink for Into<'_> {
    fn readings(&mut self, index: &ReadingIndex, block: &Readings) -> Result<(), Diagnostic> {
        self.0.collect(index, block)
    }

    fn reject(&mut self, _: network::Reject) -> Result<(), Diagnostic> {
        Ok(())
    }
}

#[test]
fn a_week_of_a_village_against_its_transformer() {
    let there = std::env::var_os("GRIDTWIN_FORMATS").map(|d| PathBuf::from(d).join("oms_ami"));
    let dir = there
        .or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).ancestors().map(|a| a.join("shared/formats/oms_ami")).find(|d| d.is_dir()));
    let Some(dir) = dir.filter(|d| d.is_dir()) else {
        println!("no samples of formats are there: skipped");
        return;
    };
    let text = std::fs::read_to_string(dir.join("meter_transformer_map.csv")).unwrap();
    let map: Vec<MeterPlace> = text
        .lines()
        .skip(1)
        .map(|l| {
            let f: Vec<&str> = l.split(',').collect();
            place(f[0], f[3], "lv2.108")
        })
        .collect();
    let mut collector = Collector::new(&map, Options::default(), MemoryScratch::default());
    let mut reader = MeterReader::new(formats::meters::Options::default());
    let bytes = std::fs::read(dir.join("ami_lv2_108_week.csv.gz")).unwrap();
    reader.read(&mut bytes.as_slice(), "week", &mut Into(&mut collector)).unwrap();
    let mut kept = Kept::default();
    let report = collector.finish(reader.index(), &mut kept).unwrap();
    let t = report.totals;
    println!("delivered {:.4} kWh, received {:.4} kWh", t.delivered_kwh, t.received_kwh);
    assert!((t.delivered_kwh - 4170.79).abs() < 0.005 && (t.received_kwh - 2316.61).abs() < 0.005);
    assert!((t.delivered_kwh - t.received_kwh - 1854.18).abs() < 0.006);
    assert_eq!((t.meters, t.estimated, t.missing, report.unmapped_meters), (107, 0, 0, 0));
    // The transformer's low-voltage side carries the meters and the losses of the lines, 6.8 kWh in the week.
    let p = kept.column("lv2.108", "transformer_intervals", "p_kw");
    let side = std::fs::read_to_string(dir.join("transformer_lv2_108_week.csv")).unwrap();
    let lv: Vec<f64> = side.lines().skip(1).map(|l| l.split(',').nth(3).unwrap().parse().unwrap()).collect();
    assert_eq!(p.len(), lv.len());
    let losses: Vec<f64> = lv.iter().zip(&p).map(|(a, b)| a - b).collect();
    let (low, high) = losses.iter().fold((f64::MAX, f64::MIN), |(l, h), x| (l.min(*x), h.max(*x)));
    let sum = losses.iter().sum::<f64>() * 0.25;
    println!("line losses {sum:.3} kWh, {low:.4} to {high:.4} kW");
    assert!((sum - 6.8).abs() < 0.1, "{sum}");
    // Readings have four decimals of a kWh, so that a sum of 107 may stand 0.02 kW off.
    assert!(low > -0.02 && high < 0.6, "{low} {high}");
}
