//! The folder of the web app may be missing when only the server is built; a file put into it later must find its way in.

use std::path::Path;
use std::time::Duration;

fn main() {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist");
    // Cargo cannot watch what is not there. A source tree that cannot be written has no app to come.
    let _ = std::fs::create_dir_all(&dist);
    wait_for_web();
    println!("cargo:rerun-if-changed={}", dist.display());
    println!("cargo:rerun-if-changed=build.rs");
}

/// Waits for the process that builds the web app at the same time, if one is told (`make run` does). Whether it came to a good end, its own
/// status says.
fn wait_for_web() {
    let Some(process) = std::env::var("GRIDTWIN_WEB_PROCESS").ok().filter(|p| p.parse::<u32>().is_ok()) else { return };
    // A process that has ended but was not yet waited for still has a place here, with the state Z.
    let runs = || {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next()).is_some_and(|state| state != "Z")
    };
    while runs() {
        std::thread::sleep(Duration::from_millis(200));
    }
}
