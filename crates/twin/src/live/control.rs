//! The interlock between an order and the field.
//!
//! Every command goes through [`scada::telecontrol::Telecontrol`], which asks the [`Judge`] last: what the model refuses is let through only with a
//! permit that [`super::Twin::control`] gives for one point and one value when an administrator overrides. A verdict that is a moment old stands; a
//! command that comes another way is judged there and then.

use super::twin::{Order, Twin, Verdict, lock};
use scada::point::{PointSpec, Value};
use scada::telecontrol::Interlock;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, Weak};

#[derive(Clone)]
enum Permit {
    Allowed,
    Overridden,
    Refused(String),
}

/// By point: the value that is ordered, and what the model says of it.
type Permits = HashMap<String, (Value, Permit)>;

/// Judges what goes out to the field.
#[derive(Clone)]
pub struct Judge {
    twin: Weak<Twin>,
    permits: Arc<Mutex<Permits>>,
}

/// An order that is under way; it ends when this is dropped, also when whoever gave it has gone.
pub struct UnderWay {
    permits: Arc<Mutex<Permits>>,
    point: String,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        lock(&self.permits).remove(&self.point);
    }
}

impl Judge {
    pub fn new(twin: Weak<Twin>) -> Self {
        Self { twin, permits: Arc::default() }
    }

    /// Lets the order of a verdict through, or says why not, until it has ended. `None` when another order to the point is under way: what was
    /// permitted to one must not let the other pass.
    pub fn begin(&self, verdict: &Verdict, overriding: bool) -> Option<UnderWay> {
        let permit = match verdict.allowed {
            true => Permit::Allowed,
            false if overriding => Permit::Overridden,
            false => Permit::Refused(why(verdict)),
        };
        let point = verdict.point.to_lowercase();
        match lock(&self.permits).entry(point.clone()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(free) => {
                free.insert((verdict.value.clone(), permit));
                Some(UnderWay { permits: self.permits.clone(), point })
            }
        }
    }
}

/// Why a verdict refuses, in one line.
pub(super) fn why(verdict: &Verdict) -> String {
    let errors = verdict.findings.iter().filter(|d| d.severity == network::Severity::Error);
    errors.map(|d| d.message.clone()).collect::<Vec<_>>().join("; ")
}

impl Interlock for Judge {
    async fn check(&self, point: &PointSpec, value: &Value) -> Result<(), String> {
        let permit = lock(&self.permits).get(&point.name.to_lowercase()).filter(|p| p.0 == *value).map(|p| p.1.clone());
        match permit {
            Some(Permit::Allowed | Permit::Overridden) => return Ok(()),
            Some(Permit::Refused(why)) => return Err(why),
            None => {}
        }
        let twin = self.twin.upgrade().ok_or("the twin has stopped")?;
        let order = Order { subject: point.name.to_string(), command: "set".to_owned(), value: Some(value.clone()) };
        let verdict = tokio::task::spawn_blocking(move || twin.check(&order)).await.map_err(|e| e.to_string())?;
        let verdict = verdict.map_err(|e| e.to_string())?;
        if verdict.allowed { Ok(()) } else { Err(why(&verdict)) }
    }
}
