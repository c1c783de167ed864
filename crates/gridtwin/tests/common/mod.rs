//! What the tests of this crate share.

#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
}

/// The folder of reference feeders: `$GRIDTWIN_FEEDERS`, or `shared/feeders` beside a folder that the workspace is in.
pub fn feeders() -> Option<PathBuf> {
    let is_there = |dir: &PathBuf| dir.join("index.csv").is_file();
    if let Some(dir) = std::env::var_os("GRIDTWIN_FEEDERS") {
        return Some(PathBuf::from(dir)).filter(is_there);
    }
    root().ancestors().skip(1).map(|a| a.join("shared/feeders")).find(is_there)
}

/// Runs a program until it ends, or stops it and fails after `limit`.
pub fn run_within(limit: Duration, command: &mut Command) -> Output {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    // Both streams are drained while it runs, so that a full pipe cannot stop it.
    let (out, errors) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
    let read = |mut stream: Box<dyn std::io::Read + Send>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stream.read_to_end(&mut bytes);
            bytes
        })
    };
    let (out, errors) = (read(Box::new(out)), read(Box::new(errors)));
    let start = Instant::now();
    let status = loop {
        match child.try_wait().expect("the program can be waited for") {
            Some(status) => break status,
            None if start.elapsed() > limit => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("{command:?} ran for more than {limit:?}");
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    Output { status, stdout: out.join().expect("reading ends"), stderr: errors.join().expect("reading ends") }
}

/// The program, seen from the workspace's root, without colour.
pub fn gridtwin(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gridtwin"));
    run_within(Duration::from_secs(120), command.args(arguments).current_dir(root()).env("NO_COLOR", "1"))
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the program prints UTF-8")
}

/// Compares with a stored text, or stores it when `GRIDTWIN_UPDATE=1`.
pub fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("GRIDTWIN_UPDATE").is_some_and(|v| v == "1") {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
        std::fs::write(&path, actual).expect("the golden text can be written");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if expected != actual {
        let at = expected.lines().zip(actual.lines()).position(|(e, a)| e != a).map_or("the end".to_owned(), |i| format!("line {}", i + 1));
        panic!("{} differs from the output at {at}; GRIDTWIN_UPDATE=1 stores what is right\n\n{actual}", path.display());
    }
}

/// A token of a new user of this role.
pub fn token(data: &Path, role: &str) -> String {
    let data = data.to_str().expect("text");
    let made = gridtwin(&["user", "add", role, "--role", role, "--data", data]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let made = gridtwin(&["token", "add", role, "--name", "test", "--data", data]);
    let said = text(&made.stdout) + &text(&made.stderr);
    let at = said.find("gt_").unwrap_or_else(|| panic!("{said}"));
    said[at..].split_whitespace().next().expect("a token").to_owned()
}
