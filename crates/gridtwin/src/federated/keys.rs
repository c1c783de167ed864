//! `gridtwin federated keys`: a folder with keys, certificates and settings, from which a federation can be tried out at once.
//!
//! In a federation in earnest every place makes its own pair, keeps its key, and tells the others the SHA-256 of its certificate. There is no authority: who may
//! take part stands in federation.toml.

use super::arguments::KeysArguments;
use super::state;
use crate::console::Console;
use crate::failure::Failure;
use learning::federated::credentials::{Credentials, make};
use learning::federated::federation::{Aggregation, Federation, Member};
use network::Diagnostic;
use std::fs;
use std::path::Path;

/// Letters, digits, dots, hyphens and underlines: a name becomes a file's.
fn plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && !name.starts_with('.') && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn refused(what: String, hint: &str) -> Failure {
    Diagnostic::error("FEDERATED.KEYS.REFUSED", what).hint(hint).into()
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    state::replace(path, text.as_bytes()).map(|_| ()).map_err(|e| {
        let what = Diagnostic::error("FEDERATED.STATE.UNWRITABLE", format!("{} cannot be written", path.display()));
        what.detail(format!("The system says: {e}.")).hint("give a folder that may be written").into()
    })
}

/// A key that only its owner reads, from the first byte on.
fn write_secret(path: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|e| refused(format!("{} cannot be written: {e}", path.display()), "give a new folder; keys are never written over"))
}

/// Makes the folder.
///
/// # Errors
/// Names that are no file's, a folder that holds keys already or cannot be written.
pub fn run(arguments: &KeysArguments, console: &mut Console<'_>) -> Result<(), Failure> {
    let out = &arguments.out;
    if let Some(odd) = arguments.sites.iter().find(|s| !plain(s) || *s == "coordinator") {
        return Err(refused(
            format!("\"{odd}\" is no name of a site"),
            "take letters, digits, dots, hyphens and underlines, and not \"coordinator\"",
        ));
    }
    let Some((_, port)) = arguments.address.rsplit_once(':').filter(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) else {
        return Err(refused(format!("\"{}\" is no address", arguments.address), "give host and port, as localhost:7420"));
    };
    fs::create_dir_all(out).map_err(|e| refused(format!("{} cannot be made: {e}", out.display()), "give a folder that may be written"))?;
    let mut members = Vec::new();
    let mut coordinator_sha256 = None;
    for name in std::iter::once("coordinator").chain(arguments.sites.iter().map(String::as_str)) {
        let unusable = |e: learning::federated::credentials::CredentialsError| {
            refused(format!("no pair could be made for \"{name}\": {e}"), "try another name")
        };
        let pair = make(name).map_err(unusable)?;
        let digest = Credentials::from_pem(pair.certificate_pem.as_bytes(), pair.key_pem.as_bytes()).map_err(unusable)?.digest();
        write_secret(&out.join(format!("{name}.key")), &pair.key_pem)?;
        write(&out.join(format!("{name}.crt")), &pair.certificate_pem)?;
        if name == "coordinator" {
            coordinator_sha256 = Some(digest);
        } else {
            members.push(Member { name: name.to_owned(), certificate_sha256: digest });
        }
    }
    let Some(coordinator_sha256) = coordinator_sha256 else { return Ok(()) };
    let federation = Federation {
        name: "trial".to_owned(),
        coordinator_sha256,
        threshold: u8::try_from(members.len() / 2 + 1).unwrap_or(u8::MAX),
        members,
        aggregation: Aggregation::Masked,
        clip_norm: 20.0,
        weight_limit: 100_000.0,
        privacy: None,
    };
    let faults = federation.faults();
    if !faults.is_empty() {
        let finding = |f: &learning::federated::federation::FederationFault| Diagnostic::error("FEDERATED.KEYS.REFUSED", f.to_string());
        return Err(Failure::new(faults.iter().map(finding).collect()));
    }
    write(&out.join("federation.toml"), &toml::to_string_pretty(&federation).expect("a federation is plain data"))?;
    write(&out.join("task.toml"), TASK)?;
    let common = |name: &str, state: &str| {
        format!(
            "federation = \"federation.toml\"\ntask = \"task.toml\"\ncertificate = \"{name}.crt\"\nkey = \"{name}.key\"\nstate = \"state/{state}\"\npage = \
             \"state/{name}.page.json\"\n"
        )
    };
    let own = format!("listen = \"0.0.0.0:{port}\"\nmodel = \"state/model.json\"\n");
    write(&out.join("coordinator.toml"), &(common("coordinator", "coordinator.journal") + &own))?;
    for name in &arguments.sites {
        let own = format!("coordinator = \"{}\"\nrows = \"{name}.csv\"\nheld_out_part = 0.25\n", arguments.address);
        write(&out.join(format!("{name}.toml")), &(common(name, &format!("{name}.memory.json")) + &own))?;
    }
    let first = arguments.sites.first().map_or("site", String::as_str);
    console.print(&format!(
        "{} has a coordinator and {} sites. Correct task.toml to your columns, put each site's table beside its settings, then:\n  gridtwin federated coordinator \
         --config {}\n  gridtwin federated participant --config {}\n",
        out.display(),
        arguments.sites.len(),
        out.join("coordinator.toml").display(),
        out.join(format!("{first}.toml")).display()
    ))
}

/// A task to begin with.
const TASK: &str = r#"# The same at all places. docs/methods/learning-federated.md has all settings.
target = "state"
classes = ["healthy", "faulty"]

[[features]]
name = "h2_ppm"
low = 1.0
high = 10000.0
logarithmic = true

[[features]]
name = "hot_spot_c"
low = 20.0
high = 180.0

[method]
kind = "trees"
training = { trees = 30, depth = 3, learning_rate = 0.3 }
"#;
