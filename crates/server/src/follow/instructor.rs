//! The instructor's port of a simulated plant, asked on behalf of pages and programs.

use crate::problem::Problem;
use axum::http::StatusCode;
use serde_json::{Map, Value};
use twin::live::Twin;
use twin::plant::host::{Instructor, InstructorError};

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
    let address = tokio::net::lookup_host(place).await.map_err(|e| unreachable(place, e))?.next();
    let address = address.ok_or_else(|| unreachable(place, "no such host"))?;
    let mut instructor = Instructor::connect(address).await.map_err(|e| unreachable(place, e))?;
    instructor.ask(request).await.map_err(|error| match error {
        InstructorError::Refused { reason } => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "The plant refuses the command")
            .code("TWIN.TRAINING.REFUSED")
            .detail(reason)
            .hint("GET /api/twin/training lists scenarios, buses and breakers."),
        other => unreachable(place, other),
    })
}
