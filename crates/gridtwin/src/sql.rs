//! `gridtwin sql`: questions to a results lake.

use crate::cli::SqlArguments;
use crate::console::Console;
use crate::failure::Failure;

/// Answers the query, or lists what can be asked.
///
/// # Errors
/// No lake, a query that is wrong, a file that cannot be written; a program built without the query engine.
#[cfg(not(feature = "sql"))]
pub fn run(_: &SqlArguments, _: &mut Console<'_>) -> Result<(), Failure> {
    Err(network::Diagnostic::error("OUTPUT.SQL.NOT_BUILT", "this program was built without the query engine")
        .detail("Queries need the cargo feature \"sql\", which makes the build several times longer.")
        .hint("Build it with `make build`, or `cargo build --release -p gridtwin --features sql`. `gridtwin report` needs no queries.")
        .into())
}

#[cfg(feature = "sql")]
pub use with_engine::run;

#[cfg(feature = "sql")]
mod with_engine {
    use super::{Console, Failure, SqlArguments};
    use crate::answer::{self, number};
    use crate::cli::AnswerFormat;
    use network::Diagnostic;
    use std::io::{self, Write};
    use store::sql::{Database, TableDescription, value_at};
    use store::{Lake, PartialFile, StoreError, Value};

    /// Rows of a printed table when no limit is given; files and the other formats have all.
    const PRINTED_ROWS: usize = 200;

    /// Answers the query, or lists what can be asked.
    ///
    /// # Errors
    /// No lake, a query that is wrong, a file that cannot be written.
    pub fn run(arguments: &SqlArguments, console: &mut Console<'_>) -> Result<(), Failure> {
        let database = Database::open(&Lake::open(&arguments.project)?)?;
        let Some(query) = &arguments.query else { return console.print(&tables(&database.describe())) };
        if arguments.format == AnswerFormat::Parquet {
            let place = arguments.out.as_ref().expect("the command line asks for it");
            database.export_parquet(query, arguments.limit, place)?;
            return Ok(());
        }
        match &arguments.out {
            Some(place) => {
                let mut file = io::BufWriter::new(PartialFile::create(place)?);
                let written = write(&database, query, arguments.format, arguments.limit, &mut file)?.and_then(|_| file.flush());
                if let Err(e) = written {
                    return Err(file.get_mut().failed(e).into());
                }
                file.get_mut().take().commit()?;
            }
            None => {
                let shown = arguments.limit.or_else(|| (arguments.format == AnswerFormat::Table).then_some(PRINTED_ROWS));
                // One row more than is shown tells whether there are more.
                let asked = if arguments.limit.is_none() { shown.map(|n| n + 1) } else { shown };
                let mut out = io::BufWriter::new(&mut *console.out);
                let written = write(&database, query, arguments.format, asked, &mut out)?.and_then(|rows| out.flush().map(|()| rows));
                drop(out);
                match written {
                    Ok(rows) if asked != shown && usize::try_from(rows).ok() == asked => console.warn(&[Diagnostic::note(
                        "OUTPUT.SQL.MORE_ROWS",
                        format!("the answer has more than the {PRINTED_ROWS} rows shown"),
                    )
                    .hint("Name a --limit, or take all of it with --format csv, json or parquet.")]),
                    // A reader that has closed the stream has what it wants.
                    Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
                        return Err(Diagnostic::error("OUTPUT.STREAM.REFUSED", "cannot write the result")
                            .detail(format!("The system says: {e}."))
                            .into());
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Writes the answer; the outer error is the query's, the inner one the stream's. Returns the number of rows.
    fn write(
        database: &Database,
        query: &str,
        format: AnswerFormat,
        limit: Option<usize>,
        out: &mut dyn Write,
    ) -> Result<io::Result<u64>, StoreError> {
        let printed = format == AnswerFormat::Table;
        let mut kept: Vec<Vec<Value>> = Vec::new();
        let (mut rows, mut begun) = (0, false);
        let mut failed: Option<io::Error> = None;
        let mut names: Vec<String> = Vec::new();
        let answered = database.query(query, limit, &mut |batch| {
            if names.is_empty() {
                names = batch.schema().fields().iter().map(|f| f.name().clone()).collect();
            }
            for i in 0..batch.num_rows() {
                let row = batch.columns().iter().map(|c| value_at(c.as_ref(), i)).collect::<Result<Vec<_>, _>>()?;
                rows += 1;
                if printed {
                    kept.push(row);
                    continue;
                }
                let written = if format == AnswerFormat::Csv {
                    answer::csv_row(&names, &row, !begun, out)
                } else {
                    answer::json_row(&names, &row, !begun, out)
                };
                begun = true;
                if let Err(e) = written {
                    failed = Some(e);
                    // Ends the query; the stream's own error is the one that is told.
                    return Err(StoreError::Sql { message: String::new(), hint: None });
                }
            }
            Ok(())
        });
        if let Some(e) = failed {
            return Ok(Err(e));
        }
        let schema = answered?;
        if names.is_empty() {
            names = schema.fields().iter().map(|f| f.name().clone()).collect();
        }
        let ended = match format {
            AnswerFormat::Csv if !begun => answer::csv_head(&names, out),
            AnswerFormat::Csv => Ok(()),
            AnswerFormat::Json => out.write_all(if begun { b"\n]\n" } else { b"[]\n" }),
            AnswerFormat::Table | AnswerFormat::Parquet => {
                kept.truncate(if limit == Some(PRINTED_ROWS + 1) { PRINTED_ROWS } else { kept.len() });
                let numbers: Vec<bool> =
                    (0..names.len()).map(|c| kept.iter().all(|r| r[c].number().is_some() || r[c] == Value::Missing)).collect();
                let cells: Vec<Vec<String>> = kept.iter().map(|r| r.iter().map(number).collect()).collect();
                out.write_all(answer::columns(&names, &numbers, &cells).as_bytes())
            }
        };
        Ok(ended.map(|()| rows))
    }

    /// The list of `--tables`.
    fn tables(described: &[TableDescription]) -> String {
        let mut text = String::new();
        for table in described {
            let rows = table.rows.map_or_else(|| "view".to_owned(), |n| if n == 1 { "1 row".to_owned() } else { format!("{n} rows") });
            text += &format!("{} ({rows}): {}\n", table.name, table.meaning);
            let cells: Vec<Vec<String>> = table
                .columns
                .iter()
                .map(|c| vec![format!("  {}", c.name), c.data_type.clone(), c.unit.clone(), c.meaning.clone()])
                .collect();
            let lines = answer::columns(&["  column", "type", "unit", "meaning"].map(String::from), &[false; 4], &cells);
            text += &lines;
            text.push('\n');
        }
        if described.is_empty() { "The lake holds no rows yet.\n".to_owned() } else { text }
    }
}
