//! Orders that were checked, so that what is carried out is what somebody looked at.

use crate::access::Caller;
use crate::problem::Problem;
use axum::http::StatusCode;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};
use twin::live::{Order, OrderError};

/// How long a check counts: the state of the grid goes on.
pub(crate) const VALID: Duration = Duration::from_secs(60);
/// Checks in memory at most.
const MAX: usize = 10_000;

#[derive(Debug)]
struct Checked {
    order: Order,
    user: String,
    at: Instant,
}

/// Checked orders by their tokens.
#[derive(Debug, Default)]
pub(crate) struct Orders(Mutex<HashMap<String, Checked>>);

impl Orders {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Checked>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Remembers a check; its token.
    pub(crate) fn remember(&self, order: Order, caller: &Caller) -> String {
        let token = crate::random::hex(16);
        let mut orders = self.lock();
        orders.retain(|_, checked| checked.at.elapsed() <= VALID);
        if orders.len() >= MAX
            && let Some(oldest) = orders.iter().min_by_key(|(_, c)| c.at).map(|(token, _)| token.clone())
        {
            orders.remove(&oldest);
        }
        orders.insert(token.clone(), Checked { order, user: caller.user.clone(), at: Instant::now() });
        token
    }

    /// Takes a token: it counts once, for this order, of this caller.
    ///
    /// # Errors
    /// `TWIN.CONTROL.TOKEN`.
    pub(crate) fn take(&self, token: &str, order: &Order, caller: &Caller) -> Result<(), Problem> {
        let checked = self.lock().remove(token);
        let refused = |detail: &str| {
            Err(Problem::conflict("The order was not checked as it is given")
                .code("TWIN.CONTROL.TOKEN")
                .detail(detail)
                .hint("POST /api/twin/control/check, look at the verdict, and send its token with the same order.")
                .field("token"))
        };
        match checked {
            None => refused("The token is unknown, was used, or is older than a minute."),
            Some(c) if c.at.elapsed() > VALID => refused("The check is older than a minute."),
            Some(c) if c.user != caller.user => refused("Somebody else made the check."),
            Some(c) if c.order != *order => refused("Another order was checked."),
            Some(_) => Ok(()),
        }
    }
}

/// Why an order is not looked at, as an answer.
pub(crate) fn problem_of(error: &OrderError) -> Problem {
    let title = error.to_string();
    let (status, code, hint) = match error {
        OrderError::Unknown { .. } => {
            (StatusCode::NOT_FOUND, "TWIN.ORDER.UNKNOWN", "GET /api/twin/points lists points, GET /api/twin/yard the equipment.")
        }
        OrderError::NotControllable { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "TWIN.ORDER.NOT_CONTROLLABLE", "Points with `controllable` take commands.")
        }
        OrderError::Command { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "TWIN.ORDER.COMMAND", "Choose one that it takes."),
        OrderError::Ambiguous { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "TWIN.ORDER.AMBIGUOUS", "Name the point itself."),
        OrderError::Value { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "TWIN.ORDER.VALUE", "Send a value that it takes."),
        OrderError::UnderWay { .. } => (StatusCode::CONFLICT, "TWIN.ORDER.UNDER_WAY", "Wait until it has ended."),
        OrderError::Failed { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "TWIN.ORDER.FAILED", "Please report it."),
        OrderError::NoValue => (StatusCode::UNPROCESSABLE_ENTITY, "TWIN.ORDER.NO_VALUE", "Send `value` in the unit of the point."),
    };
    Problem::new(status, title).code(code).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;

    #[test]
    fn a_token_counts_once_for_its_order_and_caller() {
        let orders = Orders::default();
        let order = |command: &str| Order { subject: "line.q0".into(), command: command.into(), value: None };
        let (ada, bob) = (Caller::new("ada", Role::Operator, ""), Caller::new("bob", Role::Operator, ""));
        let token = orders.remember(order("open"), &ada);
        orders.take(&token, &order("open"), &ada).unwrap();
        assert_eq!(orders.take(&token, &order("open"), &ada).unwrap_err().code.as_deref(), Some("TWIN.CONTROL.TOKEN"));
        for (command, caller) in [("close", &ada), ("open", &bob)] {
            let token = orders.remember(order("open"), &ada);
            assert!(orders.take(&token, &order(command), caller).is_err());
        }
    }
}
