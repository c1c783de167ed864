use super::*;
use crate::table::{TableOptions, read_bytes};

fn outages(text: &str, options: &OutageOptions) -> Result<Outages, ImportError> {
    read(&read_bytes(text.as_bytes(), "o.csv", &TableOptions::default()).expect("a table"), options)
}

fn codes(out: &Outages) -> Vec<&str> {
    out.diagnostics.iter().map(|d| d.code.as_str()).collect()
}

#[test]
fn steps_kinds_and_durations() {
    let text = "Event,Start,Restored,Duration hours,Customers affected,Primary cause,Interruption type,CI,CMI\n\
                A,1/31/2024 11:50 PM,2/1/2024 12:20 AM,,\"1,200\",Tree,,1200,36000\n\
                B,2/1/2024 8:00,,1.5,40,Line work,Planned,,\n\
                C,2/2/2024 8:00,,,5,Unplanned repair,,,\n\
                D,2/3/2024 8:00,2/3/2024 7:00,,5,x,,,\n\
                E,2/3/2024 8:00,soon,,5,x,,,\n";
    let zone = OutageOptions { time_zone: Some("America/Chicago".into()), ..OutageOptions::default() };
    let out = outages(text, &zone).unwrap();
    let rows: Vec<_> = out.steps.iter().map(|s| (s.event.as_str(), s.minutes(), s.customers, s.kind, s.start.day)).collect();
    let day = 19_753; // 2024-01-31
    assert_eq!(
        rows,
        [
            ("A", Some(30.0), 1200.0, InterruptionKind::Unplanned, day),
            ("B", Some(90.0), 40.0, InterruptionKind::Planned, day + 1),
            ("C", None, 5.0, InterruptionKind::Unplanned, day + 2),
        ]
    );
    assert_eq!(out.steps[0].start.utc_s, i64::from(day + 1) * 86_400 + 5 * 3600 + 50 * 60);
    assert_eq!(out.rejects.iter().map(|r| r.source.line).collect::<Vec<_>>(), [5, 6]);
    assert_eq!(codes(&out), ["OUTAGES.ROWS.REJECTED"]);
    assert_eq!(out.rows, 5);
}

#[test]
fn an_hour_that_the_clock_repeats_is_not_lost() {
    // The clock of Chicago goes back at 2:00 on 2024-11-03, so from 0:30 to 3:30 are four hours.
    let text = "event,start,restored,customers\nA,2024-11-03 00:30,2024-11-03 03:30,10\n";
    let zone = OutageOptions { time_zone: Some("America/Chicago".into()), ..OutageOptions::default() };
    assert_eq!(outages(text, &zone).unwrap().steps[0].minutes(), Some(240.0));
    assert_eq!(outages(text, &OutageOptions::default()).unwrap().steps[0].minutes(), Some(180.0));
    let wrong = OutageOptions { time_zone: Some("Mars/Base".into()), ..OutageOptions::default() };
    assert_eq!(outages(text, &wrong).unwrap_err().diagnostics[0].code, "OUTAGES.ZONE.UNKNOWN");
}

#[test]
fn figures_that_do_not_follow_are_told() {
    let text = "event,start,restored,customers,ci,cmi\n\
                A,2024-01-01 00:00,2024-01-01 01:00,10,30,2400\nA,2024-01-01 00:00,2024-01-01 01:30,20,30,2400\n\
                B,2024-01-01 00:00,2024-01-01 01:00,10,10,500\n";
    let out = outages(text, &OutageOptions::default()).unwrap();
    assert_eq!(codes(&out), ["OUTAGES.FIGURES.DIFFER"]);
    let detail = out.diagnostics[0].detail.as_deref().unwrap();
    assert!(detail.contains("B: CMI 500 given, 600") && !detail.contains("A:"), "{detail}");
}

#[test]
fn tables_that_cannot_be_trusted_are_refused() {
    let code = |text: &str| outages(text, &OutageOptions::default()).unwrap_err().diagnostics[0].code.clone();
    assert_eq!(code("event,start\nA,2024-01-01\n"), "OUTAGES.COLUMN.NO_CUSTOMERS");
    assert_eq!(code("event,customers\nA,1\n"), "TABLE.COLUMN.MISSING");
    assert_eq!(code("start,customers\n1/13/2024,1\n13/1/2024,1\n"), "OUTAGES.DATES.CONTRADICTORY");
    assert_eq!(code("start,customers\nx,1\ny,1\n2024-01-01,1\n"), "OUTAGES.ROWS.REJECTED");
    let out = outages("event,start,customers\nA,1/2/2024,1\nA,1/2/2024,1\n", &OutageOptions::default()).unwrap();
    assert_eq!(codes(&out), ["OUTAGES.COLUMN.NO_RESTORATION", "OUTAGES.DATES.AMBIGUOUS", "OUTAGES.ROWS.REPEATED"]);
    assert_eq!((out.steps.len(), out.rejects.len()), (1, 1));
}
