//! Which models a run is to solve: master files, folders, lists; and what each feeder is called.
//!
//! The master of a folder is, in this order: its only file `master*.dss`; the file that bears the folder's name; its only script that
//! makes a circuit. A folder without a script of its own is searched, and so are the folders in it. Where several scripts of a folder
//! make a circuit and none is the master, each is a model.

use crate::failure::Failure;
use crate::model_files::{Kind, ModelFiles};
use formats::opendss::FileSource;
use network::{Diagnostic, SourceRef};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use store::project::VersionInfo;

/// How deep folders are searched.
const DEPTH: usize = 6;

/// A model, and the name of its feeder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRef {
    pub feeder: String,
    /// Master file of a script, folder of a project.
    pub master: PathBuf,
    /// The version of a network, when the model is one that a project keeps.
    pub stored: Option<StoredModel>,
}

/// A network that a project keeps, as one of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredModel {
    pub network: String,
    pub version: u64,
    /// Hash of all that the version holds.
    pub digest: String,
}

impl ModelRef {
    fn script(feeder: String, master: PathBuf) -> Self {
        Self { feeder, master, stored: None }
    }

    /// A version of a project's network; the feeder is called as the network is.
    pub fn of_project(project: &Path, version: &VersionInfo) -> Self {
        let stored = StoredModel { network: version.network.clone(), version: version.number, digest: version.digest.clone() };
        Self { feeder: version.network.clone(), master: project.to_owned(), stored: Some(stored) }
    }

    /// The model as manifests name it: the path of a script, `network:NAME@VERSION` of a project's network.
    pub fn shown(&self) -> String {
        match &self.stored {
            Some(s) => format!("network:{}@{}", s.network, s.version),
            None => self.master.to_string_lossy().into_owned(),
        }
    }
}

/// The models that the arguments name, each once, in their order; those of a folder by path.
///
/// # Errors
/// A path that is not there, a folder or list without a model, two feeders of one name.
pub fn find(arguments: &[PathBuf]) -> Result<Vec<ModelRef>, Failure> {
    let mut found: Vec<ModelRef> = Vec::new();
    for path in arguments {
        let kind = ModelFiles::default().kind(path).map_err(|e| missing(path, &e.to_string(), None))?;
        if kind == Kind::Folder {
            let before = found.len();
            in_folder(path, DEPTH, &mut found)?;
            if found.len() == before {
                return Err(Diagnostic::error("RUN.MODEL.NONE", format!("no model in {}", path.display()))
                    .detail("No script in it or in the folders below makes a circuit.")
                    .hint("Name a master file, or a folder that holds one.")
                    .into());
            }
        } else if is_list(path) {
            from_list(path, &mut found)?;
        } else {
            found.push(ModelRef::script(name_of(path), path.clone()));
        }
    }
    found.dedup();
    tell_apart(&mut found);
    Ok(found)
}

fn missing(path: &Path, reason: &str, at: Option<&SourceRef>) -> Failure {
    let d = Diagnostic::error("RUN.MODEL.MISSING", format!("cannot find the model {}", path.display()))
        .detail(format!("The system says: {reason}."))
        .hint("Check the path.");
    at.map_or(d.clone(), |at| d.at(at)).into()
}

fn is_list(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("txt") || e.eq_ignore_ascii_case("csv"))
}

/// Paths of a list, relative to the list itself; `#` begins a comment, a name may follow after a comma.
fn from_list(list: &Path, found: &mut Vec<ModelRef>) -> Result<(), Failure> {
    let files = ModelFiles::default();
    let bytes = files.read(list).map_err(|e| missing(list, &e.to_string(), None))?;
    let text = String::from_utf8(bytes).map_err(|e| missing(list, &e.to_string(), None))?;
    let folder = list.parent().unwrap_or(Path::new(""));
    let before = found.len();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let (path, name) = line.split_once(',').map_or((line, None), |(path, name)| (path.trim(), Some(name.trim())));
        // The head of a table is no path.
        if number == 0 && ["path", "model", "master"].contains(&path.to_lowercase().as_str()) {
            continue;
        }
        let master = folder.join(path);
        let at = SourceRef::new(list.to_string_lossy().as_ref(), number as u32 + 1);
        let kind = files.kind(&master).map_err(|e| missing(&master, &e.to_string(), Some(&at)))?;
        let named = name.filter(|n| !n.is_empty());
        if kind == Kind::Folder {
            let first = found.len();
            in_folder(&master, DEPTH, found)?;
            match (named, found.len() - first) {
                (_, 0) => return Err(missing(&master, "the folder holds no model", Some(&at))),
                (Some(name), 1) => found[first].feeder = name.to_owned(),
                _ => {}
            }
        } else {
            found.push(ModelRef::script(named.map_or_else(|| name_of(&master), str::to_owned), master));
        }
    }
    if found.len() == before {
        return Err(Diagnostic::error("RUN.MODEL.NONE", format!("no model in the list {}", list.display()))
            .hint("Write one path a line, and a name after a comma if you like.")
            .into());
    }
    Ok(())
}

/// A feeder is called after its master, or after its folder where the master says only that it is one.
fn name_of(master: &Path) -> String {
    let text = |p: Option<&std::ffi::OsStr>| p.map(|t| t.to_string_lossy().into_owned());
    let stem = text(master.file_stem()).unwrap_or_default();
    let folder = || {
        let parent = master.parent().filter(|p| !p.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_path_buf);
        text(parent.canonicalize().unwrap_or(parent).file_name())
    };
    if stem.to_lowercase().starts_with("master") { folder().unwrap_or(stem) } else { stem }
}

fn in_folder(folder: &Path, depth: usize, found: &mut Vec<ModelRef>) -> Result<(), Failure> {
    let entries = ModelFiles::default().entries(folder).map_err(|e| missing(folder, &e.to_string(), None))?;
    let is_script = |p: &Path| p.extension().is_some_and(|e| e.eq_ignore_ascii_case("dss"));
    let scripts: Vec<&PathBuf> = entries.iter().filter(|(p, kind)| *kind == Kind::File && is_script(p)).map(|(p, _)| p).collect();
    let masters = masters(folder, &scripts);
    if !masters.is_empty() {
        found.extend(masters.into_iter().map(|master| ModelRef::script(name_of(&master), master)));
        return Ok(());
    }
    if depth > 0 {
        for (path, _) in entries.iter().filter(|(_, kind)| *kind == Kind::Folder) {
            in_folder(path, depth - 1, found)?;
        }
    }
    Ok(())
}

/// The scripts of a folder that are models, by the rule of this module.
pub(crate) fn masters(folder: &Path, scripts: &[&PathBuf]) -> Vec<PathBuf> {
    let stem = |p: &Path| p.file_stem().map(|s| s.to_string_lossy().to_lowercase()).unwrap_or_default();
    let named: Vec<&&PathBuf> = scripts.iter().filter(|p| stem(p).starts_with("master")).collect();
    if let [master] = named[..] {
        return vec![master.to_path_buf()];
    }
    if let Some(master) = named.iter().find(|p| stem(p) == "master") {
        return vec![master.to_path_buf()];
    }
    let own = stem(&folder.canonicalize().unwrap_or(folder.to_owned()).with_extension("dss"));
    if let Some(master) = scripts.iter().find(|p| stem(p) == own && makes_circuit(p)) {
        return vec![master.to_path_buf()];
    }
    scripts.iter().filter(|p| makes_circuit(p)).map(|p| p.to_path_buf()).collect()
}

/// Whether a script begins a circuit: `new circuit.NAME`, with `object=` or without.
fn makes_circuit(script: &Path) -> bool {
    let Ok(bytes) = ModelFiles::default().read(script) else { return false };
    String::from_utf8_lossy(&bytes).lines().any(|line| {
        let mut words = line.split_whitespace().map(str::to_lowercase);
        let is_new = words.next().is_some_and(|w| w == "new");
        let word = words.next().unwrap_or_default();
        let word = word.strip_prefix("object=").unwrap_or(&word).trim_start_matches(['"', '\'', '(', '[', '{']);
        is_new && word.starts_with("circuit.")
    })
}

/// Feeders of one name get the folders above them in front, as far up as it takes.
fn tell_apart(found: &mut [ModelRef]) {
    for level in 1..=DEPTH {
        let mut same: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (i, model) in found.iter().enumerate() {
            same.entry(model.feeder.to_lowercase()).or_default().push(i);
        }
        let clashes: Vec<usize> = same.into_values().filter(|all| all.len() > 1).flatten().collect();
        if clashes.is_empty() {
            return;
        }
        for i in clashes {
            let base = name_of(&found[i].master);
            let mut folders: Vec<String> = found[i].master.parent().map(components).unwrap_or_default();
            if folders.last().is_some_and(|last| *last == base) {
                folders.pop();
            }
            let from = folders.len().saturating_sub(level);
            found[i].feeder = folders[from..].iter().map(String::as_str).chain([base.as_str()]).collect::<Vec<_>>().join("/");
        }
    }
}

fn components(path: &Path) -> Vec<String> {
    path.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn scratch(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tmp").join(format!("qsts-models-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        for (path, text) in files {
            let path = dir.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    fn names(arguments: &[PathBuf]) -> Vec<String> {
        find(arguments).unwrap().into_iter().map(|m| m.feeder).collect()
    }

    const CIRCUIT: &str = "clear\nNew object=Circuit.x\n";

    #[test]
    fn masters_are_found_by_rule() {
        let dir = scratch(
            "rule",
            &[
                ("a/Master_feeder.dss", "redirect lines.dss"),
                ("a/lines.dss", "new line.a"),
                ("b/b.dss", CIRCUIT),
                ("b/other.dss", CIRCUIT),
                ("c/deep/lines.dss", "new line.a"),
                ("c/deep/grid.dss", CIRCUIT),
                ("d/one.dss", CIRCUIT),
                ("d/two.dss", CIRCUIT),
                ("e/readme.txt", "nothing"),
            ],
        );
        assert_eq!(names(std::slice::from_ref(&dir)), ["a", "b", "grid", "one", "two"]);
        assert_eq!(names(&[dir.join("a/Master_feeder.dss")]), ["a"]);
        let failure = find(&[dir.join("e")]).unwrap_err();
        assert_eq!(failure.diagnostics[0].code, "RUN.MODEL.NONE");
        let failure = find(&[dir.join("nowhere")]).unwrap_err();
        assert_eq!(failure.diagnostics[0].code, "RUN.MODEL.MISSING");
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn lists_name_feeders_and_their_faults() {
        let dir = scratch(
            "list",
            &[
                ("a.dss", CIRCUIT),
                ("b/master.dss", CIRCUIT),
                ("list.csv", "path,name\na.dss, north # first\n\nb\n"),
                ("bad.txt", "a.dss\nno.dss\n"),
            ],
        );
        assert_eq!(names(&[dir.join("list.csv")]), ["north", "b"]);
        let failure = find(&[dir.join("bad.txt")]).unwrap_err();
        assert_eq!(failure.diagnostics[0].source.as_ref().unwrap().line, 2);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn feeders_of_one_name_are_told_apart_by_their_folders() {
        let dir = scratch("same", &[("x/f/master.dss", CIRCUIT), ("y/f/master.dss", CIRCUIT), ("y/g/master.dss", CIRCUIT)]);
        assert_eq!(names(std::slice::from_ref(&dir)), ["x/f", "y/f", "g"]);
        fs::remove_dir_all(dir).unwrap();
    }
}
