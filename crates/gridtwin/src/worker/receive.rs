//! An upload is made ready: archives are unpacked within limits, and what it holds is told with the reason.

use super::Teller;
use super::upload_files::UploadFiles;
use crate::failure::Failure;
use crate::qsts::models::masters;
use formats::{ModelFormat, detect};
use network::Diagnostic;
use serde::Serialize;
use serde_json::{Value, json};
use server::jobs::{ReceiveParams, Spec};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

/// Unpacked size a packed byte may have before an archive is taken for a bomb.
const RATIO_MAX: u64 = 1_000;
/// What an archive may unpack to whatever its ratio.
const SMALL: u64 = 16 << 20;
/// How deep folders may lie.
const DEPTH: usize = 16;
/// Models that are told of.
const CANDIDATES_MAX: usize = 500;
/// Beginning of a file that is looked at for a circuit.
const HEAD: u64 = 4 << 20;

/// One thing in the upload that could be the model.
#[derive(Clone, Debug, Serialize)]
struct Candidate {
    /// Within the upload; empty for the whole of it.
    path: String,
    format: String,
    /// `certain` when the content says so, `likely` when names do, `guess` else.
    confidence: &'static str,
    reason: String,
}

/// Unpacks and looks.
///
/// # Errors
/// An archive that is damaged, leaves its folder, or unpacks to more than the limits.
pub fn run(spec: &Spec, params: &ReceiveParams, teller: &Teller) -> Result<Value, Failure> {
    let root =
        spec.upload.as_deref().ok_or_else(|| Failure::from(Diagnostic::error("JOB.PARAMETER.MISSING", "the job names no upload")))?;
    let mut left = params.unpacked_max;
    let archives: Vec<PathBuf> = files_below(root, params.files_max)?.into_iter().filter(|p| is_archive(p)).collect();
    for archive in archives {
        teller.stage(&format!("Unpacking {}", shown(root, &archive)));
        let name = shown(root, &archive);
        unpack(&archive, &mut left, params.files_max).map_err(|reason| {
            Failure::from(
                Diagnostic::error("UPLOAD.ARCHIVE.REFUSED", format!("{name} cannot be unpacked"))
                    .detail(reason)
                    .hint("Make the archive again, without password and links, or upload its files by themselves."),
            )
        })?;
    }
    teller.stage("Looking for a model");
    let all = files_below(root, params.files_max)?;
    let candidates = candidates(root, &all)?;
    let detected = candidates.first().cloned();
    let listed: Vec<Value> =
        all.iter().map(|p| json!({ "name": shown(root, p), "bytes": fs::metadata(p).map_or(0, |m| m.len()) })).collect();
    Ok(json!({ "files": listed, "detected": detected, "candidates": candidates }))
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn refused(path: &Path, error: &io::Error) -> Failure {
    Diagnostic::error("UPLOAD.FILE.UNREADABLE", "a file of the upload cannot be read")
        .detail(format!("{}: {error}.", path.file_name().unwrap_or_default().to_string_lossy()))
        .hint("Upload it again.")
        .into()
}

/// All plain files below a folder, by path.
fn files_below(root: &Path, most: usize) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    let mut folders = vec![(root.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|e| refused(&folder, &e))? {
            let entry = entry.map_err(|e| refused(&folder, &e))?;
            let kind = entry.file_type().map_err(|e| refused(&entry.path(), &e))?;
            if kind.is_dir() && depth < DEPTH {
                folders.push((entry.path(), depth + 1));
            } else if kind.is_file() {
                found.push(entry.path());
            }
            if found.len() > most {
                return Err(Diagnostic::error("UPLOAD.FILES.TOO_MANY", format!("the upload has more than {most} files"))
                    .hint("Upload only the files of the model.")
                    .into());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A zip by its name and its first bytes: workbooks are zips, too, but stay as they are.
fn is_archive(path: &Path) -> bool {
    let mut head = [0_u8; 4];
    let named = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("zip"));
    named && File::open(path).and_then(|mut f| f.read_exact(&mut head)).is_ok() && head.starts_with(b"PK")
}

/// Unpacks into the folder of the archive, and removes it. An archive in an archive stays packed.
fn unpack(path: &Path, left: &mut u64, files_max: usize) -> Result<(), String> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let packed = fs::metadata(path).map_err(|e| e.to_string())?.len();
    let mut archive = zip::ZipArchive::new(File::open(path).map_err(|e| e.to_string())?).map_err(|e| format!("{e}."))?;
    if archive.len() > files_max {
        return Err(format!("It holds {} files; the limit is {files_max}.", archive.len()));
    }
    let by_ratio = packed.saturating_mul(RATIO_MAX).max(SMALL);
    let mut most = (*left).min(by_ratio);
    let limit = most;
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).map_err(|e| format!("Entry {}: {e}.", at + 1))?;
        let name = entry.name().map_err(|e| format!("Entry {}: {e}.", at + 1))?.replace('\\', "/");
        if entry.is_dir() || name.ends_with('/') || name.starts_with("__MACOSX/") || name.ends_with(".DS_Store") {
            continue;
        }
        let short: String = name.chars().take(200).collect();
        if entry.is_symlink() {
            return Err(format!("Entry {short:?} is a link."));
        }
        let inside = Path::new(&name);
        let is_plain = |c: Component<'_>| matches!(c, Component::Normal(n) if n.len() <= 255) || matches!(c, Component::CurDir);
        if name.contains('\0') || name.contains(':') || !inside.components().all(is_plain) || inside.components().count() > DEPTH {
            return Err(format!("Entry {short:?} lies outside the archive, or is named as no file can be."));
        }
        let place = folder.join(inside);
        if place == path {
            return Err(format!("Entry {short:?} is called as the archive itself."));
        }
        if let Some(above) = place.parent() {
            fs::create_dir_all(above).map_err(|e| format!("Entry {short:?}: {e}."))?;
        }
        // A name that came before is not written over: which of two files is meant cannot be known.
        let mut file = File::options().write(true).create_new(true).open(&place).map_err(|e| format!("Entry {short:?}: {e}."))?;
        let written = io::copy(&mut entry.by_ref().take(most + 1), &mut file).map_err(|e| format!("Entry {short:?}: {e}."))?;
        file.flush().map_err(|e| format!("Entry {short:?}: {e}."))?;
        if written > most {
            return Err(format!("It has {packed} bytes, and unpacks to more than {limit}."));
        }
        most -= written;
        *left -= written;
    }
    fs::remove_file(path).map_err(|e| e.to_string())
}

/// What of the upload could be the model, the best first.
fn candidates(root: &Path, all: &[PathBuf]) -> Result<Vec<Candidate>, Failure> {
    let files = UploadFiles::new(root).map_err(|e| refused(root, &e))?;
    let mut folders: Vec<&Path> = all.iter().filter_map(|p| p.parent()).collect();
    folders.sort();
    folders.dedup();
    let mut found = Vec::new();
    let mut taken: Vec<&Path> = Vec::new();
    for folder in folders {
        // What lies in a geodatabase or in the folder of a model that is one belongs to it.
        if taken.iter().any(|t| folder != *t && folder.starts_with(t)) {
            continue;
        }
        let here: Vec<&PathBuf> = all.iter().filter(|p| p.parent() == Some(folder)).collect();
        let scripts: Vec<&PathBuf> =
            here.iter().copied().filter(|p| p.extension().is_some_and(|e| e.eq_ignore_ascii_case("dss"))).collect();
        for master in masters(folder, &scripts) {
            let only = if scripts.len() == 1 { "the only script of its folder" } else { "the master of its folder" };
            found.push(candidate(root, &master, ModelFormat::OpenDss, "certain", format!("it is {only} and makes a circuit")));
        }
        let relative = PathBuf::from(shown(root, folder));
        let relative = if relative.as_os_str().is_empty() { PathBuf::from(".") } else { relative };
        let format = detect(&files, &relative);
        let names = || {
            let mut names: Vec<String> = here.iter().filter_map(|p| p.file_name()).map(|n| n.to_string_lossy().into_owned()).collect();
            let more = names.len().saturating_sub(6);
            names.truncate(6);
            names.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
        };
        let has = |wanted: &[&str]| here.iter().any(|p| p.extension().is_some_and(|e| wanted.iter().any(|w| e.eq_ignore_ascii_case(w))));
        match format {
            ModelFormat::OpenDss => {}
            ModelFormat::Gis => {
                let is_layers = has(&["shp", "gdbtable", "geojson", "gpkg"]);
                let (confidence, what) =
                    if is_layers { ("certain", "layers of a map") } else { ("guess", "tables that could be layers of a map") };
                found.push(candidate(root, folder, format, confidence, format!("the folder holds {what}: {}", names())));
                if is_layers {
                    taken.push(folder);
                }
            }
            ModelFormat::CymeText | ModelFormat::Tables | ModelFormat::SimBench => {
                let reason = format!("the folder holds the files of such a model: {}", names());
                found.push(candidate(root, folder, format, "certain", reason));
            }
            // Of one file, which stands for itself below.
            _ => {}
        }
        for path in here.iter().filter(|p| !p.extension().is_some_and(|e| e.eq_ignore_ascii_case("dss"))) {
            let relative = PathBuf::from(shown(root, path));
            let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
            let named = |endings: &[&str]| endings.contains(&extension.as_str());
            match detect(&files, &relative) {
                f @ ModelFormat::Psse => {
                    let (confidence, why) = if named(&["raw", "rawx"]) { ("certain", "its ending") } else { ("likely", "its first line") };
                    found.push(candidate(root, path, f, confidence, format!("{why} is that of a PSS/E case")));
                }
                f @ (ModelFormat::Matpower | ModelFormat::CymeDatabase | ModelFormat::NetworkGeoJson) => {
                    found.push(candidate(root, path, f, "certain", "its beginning is that of such a file".into()));
                }
                f @ ModelFormat::CymeXml => {
                    let reason = "it is an XML file; only a CYME study in XML is a model".to_owned();
                    let is_study = named(&["sxst"]) || head_of(path).to_lowercase().contains("cyme");
                    found.push(candidate(root, path, f, if is_study { "certain" } else { "guess" }, reason));
                }
                f @ ModelFormat::Gis if named(&["zip", "json", "gpkg"]) => {
                    found.push(candidate(root, path, f, "likely", "it is a layer of a map, or an archive of layers".into()));
                }
                ModelFormat::OpenDss if makes_circuit(path) => {
                    found.push(candidate(root, path, ModelFormat::OpenDss, "likely", "a line of it makes a circuit".into()));
                }
                _ => {}
            }
            if found.len() > CANDIDATES_MAX {
                break;
            }
        }
    }
    let rank = |c: &Candidate| match c.confidence {
        "certain" => 0,
        "likely" => 1,
        _ => 2,
    };
    // Stable: within a rank by path, upper folders first.
    found.sort_by_key(|c| (rank(c), c.path.matches('/').count()));
    found.truncate(CANDIDATES_MAX);
    Ok(found)
}

fn candidate(root: &Path, path: &Path, format: ModelFormat, confidence: &'static str, reason: String) -> Candidate {
    Candidate { path: shown(root, path), format: format.to_string(), confidence, reason }
}

fn head_of(path: &Path) -> String {
    let mut bytes = Vec::new();
    // A file that cannot be read is none of a model; its reader says why.
    let _ = File::open(path).and_then(|f| f.take(HEAD).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn makes_circuit(path: &Path) -> bool {
    head_of(path).lines().any(|line| {
        let mut words = line.split_whitespace().map(str::to_lowercase);
        words.next().is_some_and(|w| w == "new") && words.next().is_some_and(|w| w.trim_start_matches("object=").starts_with("circuit."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use zip::write::SimpleFileOptions;

    fn archive(path: &Path, entries: &[(&str, &[u8])]) {
        let mut zip = zip::ZipWriter::new(File::create(path).unwrap());
        for (name, bytes) in entries {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap();
    }

    #[test]
    fn archives_are_unpacked_within_their_folder_and_limits() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("files/a.zip");
        fs::create_dir(dir.path().join("files")).unwrap();
        archive(&path, &[("m/master.dss", b"new circuit.a"), ("m/lines.dss", b"new line.a")]);
        unpack(&path, &mut 1000, 10).unwrap();
        assert!(!path.exists());
        assert_eq!(fs::read(dir.path().join("files/m/master.dss")).unwrap(), b"new circuit.a");

        for name in ["../out.dss", "/tmp/out.dss", "a/../../out.dss", "c:out.dss"] {
            archive(&path, &[(name, b"x")]);
            assert!(unpack(&path, &mut 1000, 10).is_err(), "{name}");
        }
        assert!(!dir.path().join("out.dss").exists());
        archive(&path, &[("big", &[0_u8; 2000])]);
        assert!(unpack(&path, &mut 1000, 10).unwrap_err().contains("more than 1000"));
        archive(&path, &[("a", b"1"), ("b", b"2")]);
        assert!(unpack(&path, &mut 1000, 1).unwrap_err().contains("limit is 1"));
        fs::write(&path, b"PK\x03\x04 and nothing more").unwrap();
        assert!(unpack(&path, &mut 1000, 10).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn links_in_archives_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.zip");
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        zip.add_symlink("link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
        zip.finish().unwrap();
        assert!(unpack(&path, &mut 1000, 10).unwrap_err().contains("link"));
    }

    #[test]
    fn models_are_found_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("ieee/master.dss", "clear\nnew circuit.a\nredirect lines.dss");
        put("ieee/lines.dss", "new line.a");
        put("cases/case.m", "function mpc = case9\nmpc.version = '2';\n");
        put("cases/readme.txt", "nothing to see");
        put("map/poles.geojson", "{\"type\": \"FeatureCollection\", \"features\": []}");
        let all = files_below(dir.path(), 100).unwrap();
        let found = candidates(dir.path(), &all).unwrap();
        let told: Vec<(&str, &str, &str)> = found.iter().map(|c| (c.path.as_str(), c.format.as_str(), c.confidence)).collect();
        assert_eq!(told, [("map", "GIS", "certain"), ("cases/case.m", "MATPOWER", "certain"), ("ieee/master.dss", "OpenDSS", "certain")]);
        assert!(files_below(dir.path(), 2).is_err());
    }
}
