//! The instructor's port of a simulated plant: one JSON object a line each way (docs/training.md).

use crate::problem::Problem;
use axum::http::StatusCode;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use twin::live::Twin;

/// How long the plant may take for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest line of an answer, octets.
const LINE_MAX: u64 = 8 << 20;

/// The plant has nobody who teaches: it is a real one, or its port was not named.
fn no_instructor() -> Problem {
    Problem::conflict("The plant has no instructor")
        .code("TWIN.TRAINING.NONE")
        .detail("Scenarios and faults are for a simulated plant whose instructor's port the document of the site names.")
        .hint("Start gridtwin simulate plant with --instructor ADDR, and write `instructor: ADDR` and `simulated: true` into the document.")
}

fn unreachable(place: &str, why: impl std::fmt::Display) -> Problem {
    Problem::new(StatusCode::BAD_GATEWAY, "The instructor's port does not answer")
        .code("TWIN.TRAINING.UNREACHABLE")
        .detail(format!("{place}: {why}."))
        .hint("See that the simulated plant runs, and that the document of the site names its port.")
}

/// Asks the plant, and gives what it answers.
///
/// # Errors
/// `TWIN.TRAINING.NONE` without a port, `.UNREACHABLE` when it does not answer, `.REFUSED` when it says no.
pub(crate) async fn ask(twin: &Twin, request: &Value) -> Result<Map<String, Value>, Problem> {
    let settings = &twin.site().settings;
    // A real plant is never taught, whatever the document names.
    let Some(place) = settings.instructor.as_deref().filter(|_| settings.simulated) else { return Err(no_instructor()) };
    let line = match tokio::time::timeout(PATIENCE, exchange(place, request)).await {
        Ok(Ok(line)) => line,
        Ok(Err(error)) => return Err(unreachable(place, error)),
        Err(_) => return Err(unreachable(place, format!("no answer in {} s", PATIENCE.as_secs()))),
    };
    let answer: Value = serde_json::from_slice(&line).map_err(|e| unreachable(place, format!("the answer is no JSON: {e}")))?;
    let Value::Object(answer) = answer else { return Err(unreachable(place, "the answer is no object")) };
    if answer.get("ok") == Some(&Value::Bool(true)) {
        return Ok(answer);
    }
    let why = answer.get("error").and_then(Value::as_str).unwrap_or("without a reason");
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The plant refuses the command")
        .code("TWIN.TRAINING.REFUSED")
        .detail(why)
        .hint("GET /api/twin/training lists scenarios, buses and breakers."))
}

async fn exchange(place: &str, request: &Value) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(place).await?;
    stream.write_all(format!("{request}\n").as_bytes()).await?;
    let mut line = Vec::new();
    BufReader::new(stream.take(LINE_MAX)).read_until(b'\n', &mut line).await?;
    if line.last() == Some(&b'\n') {
        Ok(line)
    } else {
        Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the answer breaks off"))
    }
}
