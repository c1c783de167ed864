//! What Prometheus is told.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// Labels of a request: its method, the route as it is declared (never the address, which anyone makes up), the status.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: String,
}

/// Counters and gauges.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    durations: Family<Route, Histogram>,
    logins: Family<Outcome, Counter>,
    jobs: Family<State, Gauge>,
    in_flight: Gauge,
    sessions: Gauge,
    sockets: Gauge,
    memory: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("gridtwin");
        let seconds = || Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]);
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(seconds),
            logins: Family::default(),
            jobs: Family::default(),
            in_flight: Gauge::default(),
            sessions: Gauge::default(),
            sockets: Gauge::default(),
            memory: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "Requests answered", metrics.requests.clone());
        registry.register_with_unit("http_request_duration", "Time to the head of an answer", Unit::Seconds, metrics.durations.clone());
        registry.register("http_requests_in_flight", "Requests being answered", metrics.in_flight.clone());
        registry.register("logins", "Attempts to log in", metrics.logins.clone());
        registry.register("jobs", "Jobs by state", metrics.jobs.clone());
        registry.register("sessions", "Sessions that have not ended", metrics.sessions.clone());
        registry.register("websockets", "Open WebSocket connections", metrics.sockets.clone());
        registry.register_with_unit("process_resident_memory", "Memory of the server", Unit::Bytes, metrics.memory.clone());
        Self { registry, ..metrics }
    }
}

impl Metrics {
    pub(crate) fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, time: Duration) {
        self.requests.get_or_create(&Answered { method: method.to_owned(), route: route.to_owned(), status }).inc();
        self.durations.get_or_create(&Route { route: route.to_owned() }).observe(time.as_secs_f64());
    }

    pub(crate) fn login(&self, outcome: &str) {
        self.logins.get_or_create(&Outcome { outcome: outcome.to_owned() }).inc();
    }

    /// Sets how many jobs there are in a state.
    pub fn set_jobs(&self, state: &str, n: i64) {
        self.jobs.get_or_create(&State { state: state.to_owned() }).set(n);
    }

    /// Open WebSocket connections, to be counted up and down.
    pub fn sockets(&self) -> &Gauge {
        &self.sockets
    }

    pub(crate) fn text(&self, sessions: u64) -> Result<String, std::fmt::Error> {
        self.sessions.set(i64::try_from(sessions).unwrap_or(i64::MAX));
        if let Some(bytes) = resident_bytes() {
            self.memory.set(bytes);
        }
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Counts a request as in flight until it is dropped, also when its connection breaks off.
#[derive(Debug)]
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Memory that the system has given the process; none where it does not say.
fn resident_bytes() -> Option<i64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<i64>().ok().map(|kib| kib * 1024)
}
