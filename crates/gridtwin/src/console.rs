//! The two streams of the program: results go out, findings go to the error stream.

use crate::failure::Failure;
use crate::text::{self, Style};
use network::Diagnostic;
use serde::Serialize;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Where a command prints.
pub struct Console<'a> {
    pub out: &'a mut dyn Write,
    pub errors: &'a mut dyn Write,
    /// How text to `out` is dressed.
    pub style: Style,
    pub error_style: Style,
}

impl Console<'_> {
    /// Runs `body` with the process's own streams.
    pub fn with_standard_streams<T>(body: impl FnOnce(&mut Console<'_>) -> T) -> T {
        // Not locked: other threads, such as those of the server, log to the same stream.
        let (mut out, mut errors) = (io::stdout(), io::stderr());
        let style = Style::for_terminal(out.is_terminal());
        let error_style = Style::for_terminal(errors.is_terminal());
        body(&mut Console { out: &mut out, errors: &mut errors, style, error_style })
    }

    /// Prints a result. A reader that has closed the stream, as `head` does, has what it wants.
    ///
    /// # Errors
    /// A stream that cannot be written, such as a file on a full disk.
    pub fn print(&mut self, text: &str) -> Result<(), Failure> {
        match self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) {
            Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(Failure::from(
                Diagnostic::error("OUTPUT.STREAM.REFUSED", "cannot write the result").detail(format!("The system says: {e}.")),
            )),
            _ => Ok(()),
        }
    }

    /// Prints a result as JSON.
    ///
    /// # Errors
    /// As [`Console::print`].
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).expect("results are plain data");
        self.print(&(text + "\n"))
    }

    /// Says something beside the result, on the error stream. There is nobody to tell when that fails.
    pub fn note(&mut self, text: &str) {
        let _ = self.errors.write_all(text.as_bytes());
    }

    /// Prints findings to the error stream. There is nobody to tell when that fails.
    pub fn warn(&mut self, findings: &[Diagnostic]) {
        let _ = self.errors.write_all(text::diagnostics(findings, self.error_style).as_bytes());
    }
}
