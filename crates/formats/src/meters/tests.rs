use super::*;
use std::path::PathBuf;

#[derive(Default)]
struct Kept {
    rows: Vec<(String, Channel, i64, f64, ReadingQuality)>,
    rejects: Vec<Reject>,
}

impl ReadingSink for Kept {
    fn readings(&mut self, index: &ReadingIndex, b: &Readings) -> Result<(), Diagnostic> {
        for i in 0..b.len() {
            let s = &index.series[b.series[i] as usize];
            self.rows.push((index.meters[s.meter as usize].to_string(), s.channel, b.end_s[i], b.value[i], b.quality[i]));
        }
        Ok(())
    }

    fn reject(&mut self, reject: Reject) -> Result<(), Diagnostic> {
        self.rejects.push(reject);
        Ok(())
    }
}

fn read_with(text: &[u8], options: Options) -> Result<(Summary, Kept), ImportError> {
    let mut kept = Kept::default();
    let summary = MeterReader::new(options).read(&mut &*text, "m.csv", &mut kept)?;
    Ok((summary, kept))
}

fn read(text: &str) -> (Summary, Kept) {
    read_with(text.as_bytes(), Options::default()).unwrap()
}

fn zone(name: &str) -> Options {
    Options { zone: Some(Zone::parse(name).unwrap()), ..Options::default() }
}

fn utc(text: &str) -> i64 {
    stamp::parse(text.as_bytes(), DateOrder::MonthFirst).unwrap().local_s
}

fn code_of(result: Result<(Summary, Kept), ImportError>) -> String {
    result.map(|_| ()).unwrap_err().diagnostics[0].code.clone()
}

#[test]
fn a_long_table_in_any_order_of_columns() {
    let text = "quality;volts_avg;kwh_received;meter_id;kwh_delivered;interval_end\r\n\
        A;236,81;0,0000;M1;0,0133;2016-07-01T01:15:00\r\n\
        E;236,70;0,5000;M1;0,0000;2016-07-01T01:30:00\r\n\
        A;Null;;M2;1;2016-07-01T01:30:00\r\n";
    let (summary, kept) = read(text);
    let at = |i: usize| (kept.rows[i].0.as_str(), kept.rows[i].1, kept.rows[i].2, kept.rows[i].3);
    assert_eq!(at(0), ("M1", Channel::VoltageV, utc("2016-07-01T01:15:00"), 236.81));
    assert_eq!(at(1), ("M1", Channel::ReceivedKwh, utc("2016-07-01T01:15:00"), 0.0));
    assert_eq!(at(2), ("M1", Channel::DeliveredKwh, utc("2016-07-01T01:15:00"), 0.0133));
    assert_eq!(kept.rows[3].4, ReadingQuality::Estimated);
    assert_eq!((summary.rows, summary.readings, summary.rejected, summary.empty), (3, 9, 0, 2));
    assert!(summary.diagnostics.iter().any(|d| d.code == "METERS.ZONE.ASSUMED"));
}

#[test]
fn the_london_layout() {
    let text = "LCLid,stdorToU,DateTime,KWH/hh (per half hour) \r\n\
        MAC000002,Std,2012-10-12 00:30:00.0000000, 0 \r\n\
        MAC000002,Std,2012-10-12 01:00:00.0000000,Null\r\n\
        MAC000002,Std,2012-10-12 01:30:00.0000000, 0.212 \r\n";
    let (summary, kept) = read_with(text.as_bytes(), zone("Europe/London")).unwrap();
    assert_eq!(kept.rows.len(), 3);
    // British summer time.
    assert_eq!(kept.rows[0].2, utc("2012-10-11T23:30:00"));
    assert_eq!(kept.rows[2].3, 0.212);
    assert_eq!(kept.rows[1].4, ReadingQuality::Missing);
    assert_eq!(summary.empty, 1);
}

#[test]
fn units_and_channels_of_rows() {
    let text = "meter,time,channel,uom,value,interval_min\n\
        a,2016-07-01T00:15:00Z,delivered,Wh,250,15\n\
        a,2016-07-01T00:15:00Z,received,kW,2,15\n\
        a,2016-07-01T00:15:00Z,voltage,V,240.5,15\n\
        a,2016-07-01T00:30:00Z,delivered,kvarh,0.5,15\n\
        a,2016-07-01T00:30:00Z,delivered,bananas,0.5,15\n";
    let (_, kept) = read(text);
    let found: Vec<_> = kept.rows.iter().map(|r| (r.1, r.3)).collect();
    assert_eq!(
        found[..4],
        [(Channel::DeliveredKwh, 0.25), (Channel::ReceivedKwh, 0.5), (Channel::VoltageV, 240.5), (Channel::DeliveredKvarh, 0.5)]
    );
    // Times that say their offset need no zone.
    assert!(found.len() == 5 || kept.rejects.len() == 1);
}

#[test]
fn clocks_that_go_back_and_forward() {
    let mut text = "meter_id,interval_end,kwh_delivered\n".to_owned();
    // The night of 6 November 2016 in Chicago, by the clock: 25 hours in quarters.
    for (h, m) in [(0, 30), (0, 45), (1, 0), (1, 15), (1, 30), (1, 45), (1, 0), (1, 15), (1, 30), (1, 45), (2, 0), (2, 15)] {
        text += &format!("a,2016-11-06T{h:02}:{m:02}:00,1\n");
    }
    let (summary, kept) = read_with(text.as_bytes(), zone("America/Chicago")).unwrap();
    let first = utc("2016-11-06T05:30:00");
    let ends: Vec<i64> = kept.rows.iter().map(|r| (r.2 - first) / 900).collect();
    assert_eq!(ends, (0..12).collect::<Vec<i64>>());
    assert_eq!(summary.repeated, (4, 4));
    // 13 March: the end of the last quarter before the change may be written 02:00; 02:15 does not exist.
    let mut text = "meter_id,interval_end,kwh_delivered\n".to_owned();
    for (h, m) in [(1, 15), (1, 30), (1, 45), (2, 0), (2, 15), (3, 15), (3, 30)] {
        text += &format!("a,2016-03-13T{h:02}:{m:02}:00,1\n");
    }
    let (summary, kept) = read_with(text.as_bytes(), zone("America/Chicago")).unwrap();
    assert_eq!(kept.rows.len(), 6);
    let first = utc("2016-03-13T07:15:00");
    assert_eq!(kept.rows.iter().map(|r| (r.2 - first) / 900).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert!(summary.diagnostics.iter().any(|d| d.code == "METERS.TIME.SKIPPED"));
}

#[test]
fn wide_tables() {
    let mut text = "Meter,Date,kWh_1".to_owned();
    (2..=24).for_each(|k| text += &format!(",kWh_{k}"));
    text += "\n";
    for (day, n) in [("3/12/2016", 24), ("3/13/2016", 23), ("3/14/2016", 24)] {
        text += &format!("a,{day}");
        (0..24).for_each(|k| text += &if k < n { format!(",{k}") } else { ",".to_owned() });
        text += "\n";
    }
    let (_, kept) = read_with(text.as_bytes(), zone("America/Chicago")).unwrap();
    assert_eq!(kept.rows.len(), 71);
    let first = kept.rows[0].2;
    assert_eq!(first, utc("2016-03-12T07:00:00"));
    assert!(kept.rows.iter().enumerate().all(|(i, r)| r.2 == first + 3600 * i as i64));

    let mut header = "NMI,METER SERIAL NUMBER,CON/GEN,DATE,ESTIMATED?".to_owned();
    (0..48).for_each(|k| {
        let (a, b) = (k * 30, (k + 1) * 30 % 1440);
        header += &format!(",{:02}:{:02}-{:02}:{:02}", a / 60, a % 60, b / 60, b % 60);
    });
    let row = |con: &str, est: &str| format!("6001,7,{con},2020-01-01,{est},{}", vec!["0.5"; 48].join(","));
    let text = format!("{header}\n{}\n{}\n", row("Consumption", "No"), row("Generation", "Yes"));
    let (summary, kept) = read_with(text.as_bytes(), zone("+10:00")).unwrap();
    assert_eq!(kept.rows.len(), 96);
    assert_eq!(
        (kept.rows[0].1, kept.rows[0].2, kept.rows[0].4),
        (Channel::DeliveredKwh, utc("2019-12-31T14:30:00"), ReadingQuality::Actual)
    );
    assert_eq!((kept.rows[48].1, kept.rows[48].4), (Channel::ReceivedKwh, ReadingQuality::Estimated));
    assert!(summary.diagnostics.iter().any(|d| d.code == "METERS.LAYOUT.ASSUMED"));
}

#[test]
fn scada_points() {
    let text = "device,time,P_MW,Q_Mvar,V_kV,I_A,tap,status\nF1,2016-07-01T00:00:03Z,1.5,0.25,12.47,70,3,1\nF1,2016-07-01T00:01:03Z,1.6,,12.48,71,3,1\n";
    let (_, kept) = read(text);
    let first: Vec<_> = kept.rows[..6].iter().map(|r| (r.1, r.3)).collect();
    assert_eq!(
        first,
        [
            (Channel::PKw, 1500.0),
            (Channel::QKvar, 250.0),
            (Channel::VoltageKv, 12.47),
            (Channel::CurrentA, 70.0),
            (Channel::Tap, 3.0),
            (Channel::Status, 1.0)
        ]
    );
}

#[test]
fn rows_that_do_not_fit_are_kept_apart() {
    let text = "meter,interval_end,kwh,quality\n\
        a,2016-07-01T00:15:00,1,A\na,2016-07-01T00:30:00,1,A\na,2016-07-01T00:45:00,x,A\na,1,A\n,2016-07-01T01:00:00,1,A\n\
        a,2016-07-01T01:15:00,1,A\na,2016-07-32T01:15:00,1,A\na,2016-07-01T01:30:00,1,A\na,2016-07-01T01:45:00,1,A\na,2016-07-01T02:00:00,1,12.5\na,2016-07-01T02:15:00,1,A\n";
    let (summary, kept) = read(text);
    assert_eq!((summary.rows, summary.rejected, kept.rows.len()), (11, 5, 6));
    let lines: Vec<u32> = kept.rejects.iter().map(|r| r.source.line).collect();
    assert_eq!(lines, [4, 5, 6, 8, 11]);
    let reasons: Vec<&str> = kept.rejects.iter().map(|r| r.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "column \"kwh\" holds no number",
            "3 fields instead of 4",
            "no meter is named",
            "column \"interval_end\" holds no time",
            "column \"quality\" holds no quality code"
        ]
    );
}

#[test]
fn columns_that_moved_are_an_error_that_tells_the_column() {
    let mut text = "meter,interval_end,kwh,quality\n".to_owned();
    for k in 0..4000 {
        let t = format!("2016-07-{:02}T{:02}:{:02}:00", 1 + k / 96, k / 4 % 24, k % 4 * 15);
        text += &if k < 1500 { format!("a,{t},1.5,A\n") } else { format!("{t},a,1.5,A\n") };
        if 1 + k / 96 >= 31 {
            break;
        }
    }
    let error = read_with(text.as_bytes(), Options::default()).map(|_| ()).unwrap_err();
    let first = &error.diagnostics[0];
    assert_eq!(first.code, "METERS.ROW.SYSTEMATIC");
    let detail = first.detail.as_deref().unwrap();
    assert!(detail.contains("\"interval_end\"") && detail.contains("one to the left"), "{detail}");
}

#[test]
fn what_cannot_be_understood_says_what_to_tell() {
    let code = |text: &str| code_of(read_with(text.as_bytes(), Options::default()));
    assert_eq!(code(""), "METERS.FILE.EMPTY");
    assert_eq!(code("meter,interval_end,kwh\n"), "METERS.INTERVAL.UNKNOWN");
    assert_eq!(code("a,2016-07-01T00:15:00,1\nb,2016-07-01T00:15:00,1\n"), "METERS.HEADER.MISSING");
    assert_eq!(code("colour,size\nred,1\n"), "METERS.COLUMN.MISSING");
    assert_eq!(code("meter,interval_end,value\na,2016-07-01T00:15:00,1\na,2016-07-01T00:30:00,1\n"), "METERS.UNIT.UNKNOWN");
    assert_eq!(code("meter,interval_end,kwh,import_kwh\na,2016-07-01T00:15:00,1,1\na,2016-07-01T00:30:00,1,1\n"), "METERS.COLUMN.TWICE");
    assert_eq!(code("meter,interval_end,kwh\na,x,1\na,y,1\n"), "METERS.INTERVAL.UNKNOWN");
    assert_eq!(code("100,NEM13,200401101030,MDA1,Ret1\n900\n"), "METERS.NEM13.NO_INTERVALS");
    assert_eq!(code_of(read_with(b"\xff\xfem\0", Options::default())), "METERS.FILE.NOT_TEXT");
    assert_eq!(code_of(read_with(&[0x1f, 0x8b, 8, 0, 1, 2, 3], Options::default())), "METERS.FILE.UNREADABLE");
    let few = Options { max_meters: 1, ..Options::default() };
    assert_eq!(
        code_of(read_with(b"meter,interval_end,kwh\na,2016-07-01T00:15:00,1\na,2016-07-01T00:30:00,1\nb,2016-07-01T00:15:00,1\n", few)),
        "METERS.METER.TOO_MANY"
    );
    let small = Options { max_bytes: 60, ..Options::default() };
    assert_eq!(
        code_of(read_with(b"meter,interval_end,kwh\na,2016-07-01T00:15:00,1\na,2016-07-01T00:30:00,1\nb,2016-07-01T00:15:00,1\n", small)),
        "METERS.FILE.TOO_LARGE"
    );
}

#[test]
fn days_of_nem12() {
    let values = (1..=48).map(|k| k.to_string()).collect::<Vec<_>>().join(",");
    let text = format!(
        "100,NEM12,200404201300,MDA1,Ret1\n200,N1,E1B1,1,E1,N1,S1,Wh,30,\n300,20040417,{values},V,,,20040418203500,\n400,1,20,F14,76,\n400,21,24,A,,\n400,25,48,N,,\n\
         300,20040418,{values},A,,,,\n200,N1,E1B1,1,B1,N1,S1,kWh,30,\n300,20040417,{values},S14,,,,\n300,20040418,1,2,3,A,,,,\n200,N1,X9,1,X9,N1,S1,kWh,30,\n900\n"
    );
    let (summary, kept) = read(&text);
    assert_eq!(kept.rows.len(), 144);
    let of = |k: usize| (kept.rows[k].1, kept.rows[k].3, kept.rows[k].4);
    assert_eq!(of(0), (Channel::DeliveredKwh, 0.001, ReadingQuality::Substituted));
    assert_eq!(of(20).2, ReadingQuality::Actual);
    assert_eq!(of(24).2, ReadingQuality::Missing);
    assert_eq!(of(96), (Channel::ReceivedKwh, 1.0, ReadingQuality::Substituted));
    // Midnight in the market is 14:00 UTC of the day before.
    assert_eq!(kept.rows[0].2, utc("2004-04-16T14:30:00"));
    assert_eq!(summary.rejected, 1);
    assert_eq!(summary.ledger.dropped().count(), 1);
}

#[test]
fn mutated_files_do_not_panic() {
    let long = "meter,interval_end,kwh,quality\n".to_owned()
        + &(0..40).map(|k| format!("m{},2016-11-06T{:02}:{:02}:00,{}.5,A\n", k % 3, k / 4, k % 4 * 15, k)).collect::<String>();
    let values = vec!["1.5"; 48].join(",");
    let nem =
        format!("100,NEM12,200404201300,MDA1,Ret1\n200,N1,E1,1,E1,N1,S1,kWh,30,\n300,20040417,{values},V,,,,\n400,1,48,F14,76,\n900\n");
    let wide = format!("meter,date,{}\na,2016-03-13,{}\n", (1..=48).map(|k| format!("h{k}")).collect::<Vec<_>>().join(","), values);
    let mut seed = 12345u64;
    let mut next = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n.max(1)
    };
    let mut refused = 0;
    for round in 0..450 {
        let mut bytes = [&long, &nem, &wide][round % 3].clone().into_bytes();
        for _ in 0..1 + next(6) {
            let at = next(bytes.len());
            match next(5) {
                0 => bytes[at] = next(256) as u8,
                1 => {
                    bytes.remove(at);
                }
                2 => bytes.insert(at, b",;\n\t-:0A\"."[next(10)]),
                3 => bytes.truncate(at.max(20)),
                _ => {
                    let piece = bytes[at..(at + next(40)).min(bytes.len())].to_vec();
                    let to = next(bytes.len());
                    bytes.splice(to..to, piece);
                }
            }
        }
        let options = if round % 2 == 0 { zone("America/Chicago") } else { Options::default() };
        match read_with(&bytes, options) {
            Ok((summary, kept)) => {
                assert_eq!(summary.rejected as usize, kept.rejects.len());
                assert_eq!(summary.readings as usize, kept.rows.len());
            }
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty());
            }
        }
    }
    assert!(refused > 10, "{refused}");
}

/// The samples of the formats, where they are.
fn samples() -> Option<PathBuf> {
    let dir = std::env::var_os("GRIDTWIN_FORMATS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/formats"), PathBuf::from);
    let dir = dir.join("oms_ami");
    if dir.is_dir() {
        return Some(dir);
    }
    let there = PathBuf::from(env!("CARGO_MANIFEST_DIR")).ancestors().map(|a| a.join("shared/formats/oms_ami")).find(|d| d.is_dir());
    if there.is_none() {
        println!("no samples of formats are there: skipped");
    }
    there
}

#[test]
fn samples_of_a_week_and_of_nem12() {
    let Some(dir) = samples() else { return };
    let bytes = std::fs::read(dir.join("ami_lv2_108_week.csv.gz")).unwrap();
    let (summary, kept) = read_with(&bytes, zone("Europe/Berlin")).unwrap();
    assert_eq!((summary.rows, summary.rejected), (71_904, 0));
    let sum = |c: Channel| kept.rows.iter().filter(|r| r.1 == c).map(|r| r.3).sum::<f64>();
    assert!((sum(Channel::DeliveredKwh) - 4170.79).abs() < 0.005, "{}", sum(Channel::DeliveredKwh));
    assert!((sum(Channel::ReceivedKwh) - 2316.61).abs() < 0.005, "{}", sum(Channel::ReceivedKwh));
    for (name, readings, rejected) in [
        ("Example_NEM12_actual_interval.csv", 48 * 4, 0),
        ("Example_NEM12_different_interval_length.csv", 48 * 2 + 144, 0),
        ("Example_NEM12_multiple_meters.csv", 96 * 8 + 48 * 4, 0),
        ("Example_NEM12_multiple_quality.csv", 48, 0),
        ("Example_NEM12_substituted_interval.csv", 96, 0),
        ("invalid_incomplete_interval.csv", 48 * 3, 1),
    ] {
        let bytes = std::fs::read(dir.join("nem12").join(name)).unwrap();
        let (summary, _) = read_with(&bytes, Options::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
        println!("{name}: {} readings, {} rejected", summary.readings, summary.rejected);
        assert_eq!(summary.rejected, rejected, "{name}");
        if readings > 0 {
            assert!(summary.readings > 0, "{name}");
        }
    }
}
