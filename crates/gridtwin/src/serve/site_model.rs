//! The model of a site as one text, and back: what versions of it are made of.

use crate::cli::{ImportArguments, ModelArguments};
use crate::disk_files::DiskFiles;
use crate::model::Model;
use formats::ModelFormat;
use formats::opendss::FileSource;
use network::{Diagnostic, Network};
use std::io;
use std::path::{Component, Path, PathBuf};

/// Levels of files that name files.
const DEPTH_MAX: usize = 20;

/// A script and all that it includes from its own folder, as one text.
pub(super) struct ModelText {
    /// The file that the text stands for: the first that does more than to name another one.
    pub root: PathBuf,
    pub text: String,
}

/// A text in place of a file; other files only from the folder of the model and below.
///
/// The text may come from somebody who may change the model and not read the server's disk.
struct TextFiles<'a> {
    root: &'a Path,
    text: &'a str,
    within: PathBuf,
    disk: DiskFiles,
}

/// A path without `.` and `..`, by its letters alone.
fn plain(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if found.components().next_back().is_some_and(|c| matches!(c, Component::Normal(_))) => {
                found.pop();
            }
            other => found.push(other),
        }
    }
    found
}

impl TextFiles<'_> {
    /// A path that lies within, links followed.
    fn allowed(&self, path: &Path) -> io::Result<PathBuf> {
        let whole = path.canonicalize()?;
        if whole.starts_with(&self.within) {
            return Ok(whole);
        }
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is outside the folder of the model"))
    }
}

impl FileSource for TextFiles<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if plain(path) == plain(self.root) {
            return Ok(self.text.as_bytes().to_vec());
        }
        self.disk.read(&self.allowed(path)?)
    }

    fn list_dir(&self, dir: &Path) -> io::Result<Vec<String>> {
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        self.disk.list_dir(&self.allowed(dir)?)
    }
}

/// The file that a line includes, when it is a `redirect` or `compile`.
fn included(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let (word, rest) = line.split_once([' ', '\t', '='])?;
    if !["redirect", "compile"].iter().any(|w| word.eq_ignore_ascii_case(w)) {
        return None;
    }
    let rest = rest.trim_start();
    let close = match rest.chars().next()? {
        '(' => Some(')'),
        '[' => Some(']'),
        '{' => Some('}'),
        quote @ ('"' | '\'') => Some(quote),
        _ => None,
    };
    let name = match close {
        Some(close) => rest[1..].split(close).next()?,
        None => rest.split(['!', ' ', '\t']).next()?.split("//").next()?,
    };
    Some(name.trim()).filter(|n| !n.is_empty())
}

/// A line that says nothing: blank, or a comment.
fn is_silent(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('!') || line.starts_with("//")
}

fn text_of(path: &Path) -> Option<String> {
    let bytes = DiskFiles::default().read(path).ok()?;
    Some(String::from_utf8(bytes).unwrap_or_else(|e| e.into_bytes().iter().map(|b| char::from(*b)).collect()))
}

fn in_folder(of: &Path, name: &str) -> PathBuf {
    plain(&of.parent().unwrap_or(Path::new("")).join(name.replace('\\', "/")))
}

/// The script and what it includes. What lies in another folder stays named, as names within it begin there.
fn whole_text(model: &Path) -> Option<ModelText> {
    let (mut root, mut text) = (model.to_owned(), text_of(model)?);
    for _ in 0..DEPTH_MAX {
        let mut said = text.lines().filter(|l| !is_silent(l));
        let (Some(only), None) = (said.next(), said.next()) else { break };
        let Some(next) = included(only).map(|name| in_folder(&root, name)) else { break };
        text = text_of(&next)?;
        root = next;
    }
    let mut inliner = Inliner { above: vec![root.clone()], out: String::with_capacity(text.len()) };
    inliner.put(&text);
    let text = inliner.out;
    Some(ModelText { root, text })
}

/// Octets of one text, over which included files stay named.
const TEXT_MAX: usize = 64 << 20;

struct Inliner {
    /// The file that is read, and those that include it.
    above: Vec<PathBuf>,
    out: String,
}

impl Inliner {
    fn put(&mut self, text: &str) {
        let mut in_comment = false;
        for line in text.lines() {
            match included(line).filter(|_| !in_comment).and_then(|name| self.may_follow(name)) {
                Some((text, next)) => {
                    let name = next.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                    self.out.push_str(&format!("! ---- {name}\n"));
                    self.above.push(next);
                    self.put(&text);
                    self.above.pop();
                }
                None => {
                    self.out.push_str(line);
                    self.out.push('\n');
                }
            }
            in_comment = (in_comment || line.trim_start().starts_with("/*")) && !line.contains("*/");
        }
    }

    /// The text of an included file. One that includes itself stays named, so that the reader tells it.
    fn may_follow(&self, name: &str) -> Option<(String, PathBuf)> {
        let file = self.above.last()?;
        let next = in_folder(file, name);
        let fits =
            next.parent() == file.parent() && self.above.len() <= DEPTH_MAX && !self.above.contains(&next) && self.out.len() < TEXT_MAX;
        if fits { Some((text_of(&next)?, next)) } else { None }
    }
}

/// The network of a model as other commands read it, or of a text in its place; and the model as one text, where it is a script.
pub(super) fn read_model(path: &Path, text: Option<&str>) -> Result<(Network, Option<ModelText>), Vec<Diagnostic>> {
    let is_script = formats::detect(&DiskFiles::default(), path) == ModelFormat::OpenDss && path.is_file();
    let of_files = if is_script { whole_text(path) } else { None };
    let mut model = match (text, &of_files) {
        (Some(text), Some(of_files)) => {
            let folder = of_files.root.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let within = folder.canonicalize().map_err(|e| {
                vec![
                    Diagnostic::error("TWIN.DOCUMENT.FILE", format!("{} cannot be read", folder.display()))
                        .detail(format!("The reason: {e}.")),
                ]
            })?;
            let files = TextFiles { root: &of_files.root, text, within, disk: DiskFiles::default() };
            Model::read_from(&files, &of_files.root, &[], false)
        }
        _ => Model::read(&ModelArguments {
            model: path.to_owned(),
            dss: Vec::new(),
            lenient: false,
            network: None,
            network_version: None,
            import: ImportArguments::default(),
        }),
    }
    .map_err(|failure| named_within(failure.diagnostics, text.and(of_files.as_ref())))?;
    model.preflight(false).map_err(|failure| named_within(failure.diagnostics, text.and(of_files.as_ref())))?;
    Ok((model.network, of_files))
}

/// Findings whose files are named from the model's folder on: whoever sent a text need not know where the server keeps it.
fn named_within(mut findings: Vec<Diagnostic>, of: Option<&ModelText>) -> Vec<Diagnostic> {
    let Some(folder) = of.and_then(|m| m.root.parent()) else { return findings };
    for place in findings.iter_mut().filter_map(|f| f.source.as_mut()) {
        if let Ok(name) = Path::new(&*place.file).strip_prefix(folder) {
            place.file = name.to_string_lossy().into();
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_are_found_as_they_are_written() {
        for line in ["Redirect a.dss", "  redirect \"a.dss\" ! why", "COMPILE (a.dss)", "redirect a.dss// b", "Redirect=a.dss"] {
            assert_eq!(included(line), Some("a.dss"), "{line}");
        }
        for line in ["! redirect a.dss", "redirected a.dss", "new line.redirect a", "redirect", "redirect  "] {
            assert_eq!(included(line), None, "{line}");
        }
        assert_eq!(included("redirect \"with blanks.dss\""), Some("with blanks.dss"));
    }

    #[test]
    fn a_file_that_includes_itself_stays_named() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("a.dss", "clear\nredirect b.dss\nredirect b.dss\n");
        write("b.dss", "! b\nredirect a.dss\nredirect b.dss\n");
        let whole = whole_text(&folder.path().join("a.dss")).unwrap();
        let b = "! ---- b.dss\n! b\nredirect a.dss\nredirect b.dss\n";
        assert_eq!(whole.text, format!("clear\n{b}{b}"));
    }

    #[test]
    fn findings_do_not_tell_the_servers_folders() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("a.dss");
        std::fs::write(&root, "clear\nnew circuit.a\n").unwrap();
        let findings = read_model(&root, Some("clear\nnew circuit.a\nnew line.x bus1=a bus2=b lenght=2\nnonsense here\nsolve\n"))
            .map(|_| ())
            .unwrap_err();
        assert!(findings.iter().any(|f| f.source.as_ref().is_some_and(|s| &*s.file == "a.dss")), "{findings:?}");
        assert!(!format!("{findings:?}").contains(&*folder.path().to_string_lossy()), "{findings:?}");
    }

    #[test]
    fn paths_lose_what_says_nothing() {
        assert_eq!(plain(Path::new("a/./b/../c")), Path::new("a/c"));
        assert_eq!(plain(Path::new("../a")), Path::new("../a"));
    }
}
