//! The process that does a job: started, listened to, ended.

use super::spec::{Event, Spec};
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Longest line that a process may tell, bytes: previews of large models are the longest.
const LINE_MAX: u64 = 64 << 20;
/// What is kept of the error stream, bytes from its end.
const ERRORS_MAX: usize = 4 << 10;
/// How long a process may take to end by itself once it is asked to.
const GRACE: Duration = Duration::from_millis(500);

/// A process at work on one task. Dropped, it is killed; and it ends itself when this one is gone, for its input ends then.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    errors: Arc<Mutex<Vec<u8>>>,
    line: Vec<u8>,
}

impl Process {
    /// Starts the program and hands it the task.
    ///
    /// # Errors
    /// A program that cannot be started or does not listen.
    pub async fn start(program: &Path, spec: &Spec) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // A Ctrl-C at the terminal is the server's to handle.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let gone = || io::Error::other("the process has no streams");
        let mut input = child.stdin.take().ok_or_else(gone)?;
        let output = BufReader::new(child.stdout.take().ok_or_else(gone)?);
        let mut stream = child.stderr.take().ok_or_else(gone)?;
        let errors = Arc::new(Mutex::new(Vec::new()));
        let kept = errors.clone();
        tokio::spawn(async move {
            let mut buffer = [0_u8; 1024];
            while let Ok(n) = stream.read(&mut buffer).await {
                if n == 0 {
                    break;
                }
                let mut kept = kept.lock().unwrap_or_else(|p| p.into_inner());
                kept.extend_from_slice(&buffer[..n]);
                let surplus = kept.len().saturating_sub(ERRORS_MAX);
                kept.drain(..surplus);
            }
        });
        let mut text = serde_json::to_vec(spec)?;
        text.push(b'\n');
        input.write_all(&text).await?;
        input.flush().await?;
        Ok(Self { child, input: Some(input), output, errors, line: Vec::new() })
    }

    /// The next thing that the process tells; none when it has ended. A call that is dropped loses nothing.
    ///
    /// # Errors
    /// A stream that cannot be read, a line that is none of ours.
    pub async fn next(&mut self) -> io::Result<Option<Event>> {
        let left = LINE_MAX.saturating_sub(self.line.len() as u64);
        let n = (&mut self.output).take(left).read_until(b'\n', &mut self.line).await?;
        if n == 0 && self.line.is_empty() {
            return Ok(None);
        }
        let line = std::mem::take(&mut self.line);
        serde_json::from_slice(&line).map(Some).map_err(io::Error::other)
    }

    /// Asks it to end, and ends it when it does not.
    pub async fn stop(&mut self) {
        if let Some(mut input) = self.input.take() {
            // One that no longer listens is ended below.
            let _ = input.write_all(b"cancel\n").await;
            let _ = input.flush().await;
            if tokio::time::timeout(GRACE, self.child.wait()).await.is_ok() {
                return;
            }
        }
        let _ = self.child.kill().await;
    }

    /// How it ended, and the end of what it said on its error stream.
    ///
    /// # Errors
    /// The system cannot tell.
    pub async fn ended(&mut self) -> io::Result<(ExitStatus, String)> {
        let status = self.child.wait().await?;
        let errors = self.errors.lock().unwrap_or_else(|p| p.into_inner());
        Ok((status, String::from_utf8_lossy(&errors).into_owned()))
    }
}
