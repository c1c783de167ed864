//! Projects and versions as text.

use crate::cli::ProjectListArguments;
use crate::console::Console;
use crate::failure::Failure;
use crate::number::count;
use crate::text::{Style, Table, shorten};
use serde_json::json;
use store::project::{Project, ProjectInfo, ProjectSummary, VersionInfo};

/// `project list`: a folder of projects, or a database. A project that cannot be opened is told, and the others are listed.
pub(super) fn list(arguments: &ProjectListArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let place = arguments.place.as_str();
    let is_address = place.contains("://");
    let listed =
        if is_address { Project::list_database(place)?.into_iter().map(Ok).collect() } else { Project::list_folder(place.as_ref())? };
    let (mut there, mut failed) = (Vec::new(), Vec::new());
    for project in listed {
        match project {
            Ok(project) => there.push(project),
            Err(error) => failed.push(error.diagnostic()),
        }
    }
    if arguments.json {
        console.json(&json!({ "projects": there, "findings": failed }))?;
    } else if there.is_empty() {
        console.print(&format!("no project in {}\n", if is_address { "this database" } else { place }))?;
    } else {
        console.print(&projects(&there))?;
    }
    console.warn(&failed);
    Ok(failed.is_empty())
}

fn projects(projects: &[ProjectSummary]) -> String {
    let mut table = Table::new(&["<project", ">networks", ">versions", "<newest", "<folder"]);
    for p in projects {
        let dir = p.dir.as_ref().map_or(String::new(), |d| d.display().to_string());
        table.row([p.name.clone(), p.networks.to_string(), p.versions.to_string(), p.newest_utc.clone().unwrap_or_default(), dir]);
    }
    table.render()
}

/// What `project new` made.
pub(super) fn made(info: &ProjectInfo, style: Style) -> String {
    format!("{}  ({})\n  {}\n", style.bold(&info.name), info.dir.display(), engine(info))
}

fn engine(info: &ProjectInfo) -> String {
    let spatial = match &info.spatial {
        Some(spatial) => format!(" with {spatial}"),
        None => String::new(),
    };
    format!("{}{spatial}, schema {}, {}", info.engine, info.schema, info.database)
}

/// `project info`.
pub(super) fn info(info: &ProjectInfo, style: Style) -> String {
    let mut text = made(info, style);
    text += &format!("  made {}", info.created_utc);
    text += &if info.note.is_empty() { "\n".to_owned() } else { format!(": {}\n", info.note) };
    text += &format!("  {} kept, {} in all versions together\n", count(info.items as usize, "thing"), info.version_items);
    let mut also = Vec::new();
    if info.equipment > 0 {
        also.push(format!("{} of equipment", count(info.equipment as usize, "entry")));
    }
    also.extend(info.overrides.iter().map(|(kind, n)| format!("{} of {kind}", count(*n as usize, "override"))));
    if info.runs > 0 {
        also.push(count(info.runs as usize, "run"));
    }
    also.extend(info.kept.iter().map(|(noun, n)| match noun.as_str() {
        "place of weather" if *n > 1 => format!("{n} places of weather"),
        noun => count(*n as usize, noun),
    }));
    if !also.is_empty() {
        text += &format!("  {}\n", also.join(", "));
    }
    if info.networks.is_empty() {
        return text + "\nNothing has been imported yet.\n";
    }
    let mut table = Table::new(&["<network", ">version", "<imported", ">buses", ">elements", ">errors", ">warnings", ">rejects"]);
    for v in &info.networks {
        table.row([
            v.network.clone(),
            v.number.to_string(),
            v.time_utc.clone(),
            v.buses.to_string(),
            v.elements.to_string(),
            v.errors.to_string(),
            v.warnings.to_string(),
            v.rejects.to_string(),
        ]);
    }
    text + &format!("\n{}\n{}", style.bold("Networks"), table.render())
}

/// `project history`.
pub(super) fn history(versions: &[VersionInfo], style: Style) -> String {
    if versions.is_empty() {
        return "Nothing has been imported yet.\n".to_owned();
    }
    let mut text = String::new();
    for of_network in versions.chunk_by(|a, b| a.network == b.network) {
        if !text.is_empty() {
            text.push('\n');
        }
        text += &format!("{}\n", style.bold(&of_network[0].network));
        let mut table =
            Table::new(&[">version", "<imported", "<model", "<by", ">buses", ">elements", ">errors", ">warnings", ">rejects", "<note"]);
        for v in of_network.iter().rev() {
            table.row([
                v.number.to_string(),
                v.time_utc.clone(),
                end_of(&v.model, 32),
                shorten(&v.author, 12),
                v.buses.to_string(),
                v.elements.to_string(),
                v.errors.to_string(),
                v.warnings.to_string(),
                v.rejects.to_string(),
                shorten(&v.note, 40),
            ]);
        }
        text += &table.render();
    }
    text
}

/// The last columns of a path: they tell models apart.
fn end_of(path: &str, width: usize) -> String {
    let n = path.chars().count();
    if n <= width { path.to_owned() } else { format!("..{}", path.chars().skip(n - width + 2).collect::<String>()) }
}
