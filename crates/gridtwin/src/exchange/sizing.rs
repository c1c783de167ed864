//! `gridtwin exchange size`: a plant of least cost that passes its studies, round by round.

use super::arguments::SizeArguments;
use super::{criteria, report, shown, text};
use crate::cli::TableFormat;
use crate::console::Console;
use crate::failure::Failure;
use crate::result_folder::cannot;
use crate::study_tables;
use formats::exchange::{self, samples};
use network::Diagnostic;
use std::path::Path;
use store::files::write_whole;
use studies::sizing::{self, SizingOptions, SizingStatus};

/// Runs the command. False where no plant passes.
pub(super) fn run(arguments: &SizeArguments, console: &mut Console<'_>) -> Result<bool, Failure> {
    let (brief, found) = match &arguments.brief {
        Some(path) => {
            let beside = path.parent().unwrap_or(Path::new(""));
            let load = |file: &str| {
                text(&beside.join(file)).map_err(|e| {
                    let what = Diagnostic::error("EXCHANGE.SIZING.FILE", format!("the design {file} cannot be read"));
                    what.element("sizing")
                        .detail(e.diagnostics.iter().map(|d| format!("{}.", d.message)).collect::<Vec<_>>().join(" "))
                        .hint("a file of a layout is looked for beside the brief")
                })
            };
            exchange::read_sizing(&text(path)?, &path.display().to_string(), load)?
        }
        None => exchange::read_sizing(samples::SIZING, samples::SIZING_NAME, exchange::sample_design)?,
    };
    console.warn(&found);
    let criteria = criteria(arguments.criteria.as_deref())?;
    let options = SizingOptions { rounds_max: arguments.rounds as usize };
    let quiet = arguments.json;
    let mut lines = Vec::new();
    let sized = sizing::run(&brief, &criteria, &options, |round| {
        if !quiet {
            lines.push(shown::round(round, &brief));
            let line = lines.last().map(String::as_str).unwrap_or_default();
            return console.print(line).is_ok();
        }
        true
    });
    let sized = sized.map_err(Failure::new)?;
    if let Some(dir) = &arguments.out {
        std::fs::create_dir_all(dir).map_err(|e| cannot("make", dir, &e))?;
        let table = sized.table();
        let name = study_tables::file_name(table.name, TableFormat::Csv);
        if let Some(content) = study_tables::file_of(table.name, [table], TableFormat::Csv)? {
            write_whole(&dir.join(name), &content)?;
        }
        if let Some(design) = &sized.design {
            write_whole(&dir.join("design.json"), exchange::write_design(design).as_bytes())?;
        }
    }
    if let (Some(path), Some(last)) = (&arguments.report, sized.design.as_ref().zip(sized.acceptance.as_ref())) {
        report::write(path, last.0, last.1, None, Some((&sized, &brief)))?;
    }
    console.warn(&sized.findings);
    if arguments.json {
        console.json(&sized)?
    } else {
        console.print(&shown::sizing(&sized, &brief, arguments.out.as_deref()))?
    }
    Ok(sized.status == SizingStatus::AllPass)
}
