//! What the twin tells goes to open pages: newest moments, every event, the alarms as they stand; and the frames of document 001.
//!
//! A message is put into text once. Of a moment only the newest waits for a slow page ([`crate::hub`]); nothing here waits for one.

use super::wire;
use crate::routes::substation;
use crate::state::App;
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::error::RecvError;
use twin::live::view::Moment;
use twin::live::{Told, Twin};

pub(crate) const MOMENTS: &str = "twin";
pub(crate) const EVENTS: &str = "twin:events";
pub(crate) const ALARMS: &str = "twin:alarms";
/// Channels of document 001.
pub(crate) const METRICS: &str = "substation:metrics";
pub(crate) const ALERTS: &str = "substation:alerts";
pub(crate) const ASSETS: &str = "substation:assets";

/// Shortest time between two moments told: pages are told once a second, also by a twin that estimates more often.
const SHORTEST: Duration = Duration::from_millis(900);
/// How often the alarms are told although nothing happened: their counts also change with time.
const ALARMS_AGAIN: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct MomentFrame<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    moment: &'a Moment,
}

#[derive(Serialize)]
struct EventFrame<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    event: &'a Told,
}

/// Tells until the server stops, of whichever twin is followed.
pub(crate) async fn publish(app: App) {
    let mut current = app.twin.changes();
    let mut stopping = app.stopping();
    loop {
        let twin = current.borrow_and_update().clone();
        tokio::select! {
            () = async { match twin { Some(twin) => follow(&app, &twin).await, None => std::future::pending().await } } => {
                // It has ended: another takes its place, or the server stops.
                tokio::select! {
                    changed = current.changed() => if changed.is_err() { return },
                    () = crate::jobs::stopped(&mut stopping) => return,
                }
            }
            changed = current.changed() => if changed.is_err() { return },
            () = crate::jobs::stopped(&mut stopping) => return,
        }
    }
}

async fn follow(app: &App, twin: &Arc<Twin>) {
    let (mut moments, mut told) = (twin.moments(), twin.told());
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut last: Option<Instant> = None;
    let mut alarms_told = Instant::now();
    // Of the alarms the newest state is told, at most once a second.
    let mut alarms_changed = true;
    let mut assets = substation::Seen::default();
    loop {
        tokio::select! {
            changed = moments.changed() => {
                if changed.is_err() {
                    return;
                }
                let moment = moments.borrow_and_update().clone();
                if last.is_none_or(|at| at.elapsed() >= SHORTEST) {
                    last = Some(Instant::now());
                    app.jobs.hub.publish(&[MOMENTS], Some(MOMENTS), &MomentFrame { kind: "twin", moment: &moment });
                }
            }
            event = told.recv() => match event {
                Ok(event) => {
                    app.jobs.hub.publish(&[EVENTS], None, &EventFrame { kind: "twin_event", event: &event });
                    if event.kind == "alarm" {
                        alarms_changed = true;
                        if let Some(frame) = substation::alert_frame(twin, &event) {
                            app.jobs.hub.publish(&[ALERTS], None, &frame);
                        }
                    }
                    alarms_changed |= event.kind == "maintenance";
                }
                Err(RecvError::Lagged(_)) => {
                    alarms_changed = true;
                    app.jobs.hub.publish(&[EVENTS], None, &json!({ "type": "gap" }));
                }
                Err(RecvError::Closed) => return,
            },
            _ = second.tick() => {
                if (alarms_changed || alarms_told.elapsed() >= ALARMS_AGAIN) && app.jobs.hub.is_wanted(&[ALARMS]) {
                    (alarms_changed, alarms_told) = (false, Instant::now());
                    let (listed, counts, flooded) = twin.alarms(|a| (a.listed(), a.counts(), a.is_flooded()));
                    let (alarms, counts) = wire::alarms(&listed, &counts);
                    let frame = json!({ "type": "twin_alarms", "counts": counts, "alarms": alarms, "flooded": flooded });
                    app.jobs.hub.publish(&[ALARMS], Some(ALARMS), &frame);
                }
                if app.jobs.hub.is_wanted(&[METRICS]) {
                    app.jobs.hub.publish(&[METRICS], Some(METRICS), &substation::metrics_frame(twin));
                }
                if app.jobs.hub.is_wanted(&[ASSETS]) {
                    for (key, frame) in assets.changed(twin) {
                        app.jobs.hub.publish(&[ASSETS], Some(&key), &frame);
                    }
                }
            }
        }
    }
}
