//! The program: reads the command line, runs one command, says how it went.

use clap::Parser;
use gridtwin::cli::Cli;
use gridtwin::console::Console;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Wrong usage ends here with status 2.
    let cli = Cli::parse();
    Console::with_standard_streams(|console| ExitCode::from(gridtwin::run(&cli, console)))
}
