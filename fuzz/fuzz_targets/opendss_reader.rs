//! Reading, checking and solving end without a panic whatever the bytes. The input is a master, then after a
//! line `%%%` a second file that the first may name `more.dss`, `q.csv` or `d.dbl`.
//!
//! Run with `make fuzz`.

#![no_main]

use formats::opendss::{MemoryFiles, ReadOptions, read};
use libfuzzer_sys::fuzz_target;
use powerflow::{Limits, Session};
use std::path::Path;

const LIMITS: Limits = Limits { nodes: 300, steps: 4, iterations: 20, control_iterations: 6 };

fuzz_target!(|bytes: &[u8]| {
    let mark = b"\n%%%\n";
    let split = bytes.windows(mark.len()).position(|w| w == mark);
    let (master, other) = match split {
        Some(at) => (&bytes[..at], &bytes[at + mark.len()..]),
        None => (bytes, &b""[..]),
    };
    let files = MemoryFiles::new().with("master.dss", master).with("more.dss", other).with("q.csv", other).with("d.dbl", other);
    for lenient in [false, true] {
        let mut session = Session::bounded(LIMITS);
        let options = ReadOptions { lenient, ..ReadOptions::default() };
        let outcome = match read(&files, Path::new("master.dss"), &mut session, &options) {
            Ok(outcome) => outcome,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                continue;
            }
        };
        for finding in outcome.report.diagnostics.iter().chain(&network::check::check(&outcome.network)) {
            assert!(!finding.to_string().is_empty());
        }
        match session.solve_network(&outcome.network, true).map(powerflow::Outcome::settled) {
            Ok(Ok(solution)) => {
                assert!(solution.nodes().iter().all(|n| n.v_v.is_finite()));
                assert!(solution.certificate().settled);
                solution.summary();
                solution.elements();
            }
            Ok(Err(unsettled)) => assert!(!unsettled.forensics.diagnostics().is_empty()),
            Err(error) => assert!(!error.diagnostic().to_string().is_empty()),
        }
    }
});
