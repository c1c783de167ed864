//! What the twin tells goes to open pages: newest moments, every event, every value as it comes in, the alarms as they stand; and the frames
//! of document 001.
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
use twin::live::{Changes, Told, Twin};

pub(crate) const MOMENTS: &str = "twin";
pub(crate) const EVENTS: &str = "twin:events";
pub(crate) const ALARMS: &str = "twin:alarms";
/// Every value of every device; those of one device with its name behind.
pub(crate) const POINTS: &str = "twin:points";
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

#[derive(Serialize)]
struct PointsFrame<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    changes: &'a Changes,
}

/// Tells until the server stops, of whichever twin is followed.
pub(crate) async fn publish(app: App) {
    let mut current = app.twin.changes();
    let mut stopping = app.stopping();
    loop {
        let twin = current.borrow_and_update().clone();
        let Some(twin) = twin else {
            tokio::select! {
                changed = current.changed() => if changed.is_err() { return },
                () = crate::jobs::stopped(&mut stopping) => return,
            }
            continue;
        };
        // A task of its own: a fault in one message must not silence every page for good.
        let of_task = (app.clone(), twin);
        let mut following = tokio::spawn(async move { follow(&of_task.0, &of_task.1).await });
        tokio::select! {
            ended = &mut following => match ended {
                // It has ended: another takes its place, or the server stops.
                Ok(()) => tokio::select! {
                    changed = current.changed() => if changed.is_err() { return },
                    () = crate::jobs::stopped(&mut stopping) => return,
                },
                Err(fault) => {
                    tracing::error!(%fault, "telling pages of the twin met a fault of this program; it begins again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            },
            changed = current.changed() => {
                following.abort();
                if changed.is_err() {
                    return;
                }
            }
            () = crate::jobs::stopped(&mut stopping) => {
                following.abort();
                return;
            }
        }
    }
}

async fn follow(app: &App, twin: &Arc<Twin>) {
    let (mut moments, mut told, mut values) = (twin.moments(), twin.told(), twin.changes());
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
                    app.jobs.hub.publish(&[EVENTS, ALERTS], None, &json!({ "type": "gap" }));
                }
                Err(RecvError::Closed) => return,
            },
            changes = values.recv() => match changes {
                Ok(changes) => {
                    let of_device = format!("{POINTS}:{}", changes.device);
                    let frame = PointsFrame { kind: "twin_points", changes: &changes };
                    app.jobs.hub.publish(&[POINTS, &of_device], None, &frame);
                }
                // Whoever listens to values is told that some are missing, and asks for all again.
                Err(RecvError::Lagged(_)) => {
                    let of_devices: Vec<String> = twin.site().devices.iter().map(|d| format!("{POINTS}:{}", d.id)).collect();
                    let topics: Vec<&str> = std::iter::once(POINTS).chain(of_devices.iter().map(String::as_str)).collect();
                    app.jobs.hub.publish(&topics, None, &json!({ "type": "gap" }));
                }
                Err(RecvError::Closed) => return,
            },
            _ = second.tick() => {
                if (alarms_changed || alarms_told.elapsed() >= ALARMS_AGAIN) && app.jobs.hub.is_wanted(&[ALARMS]) {
                    (alarms_changed, alarms_told) = (false, Instant::now());
                    // Who holds the alarms may wait for a disk.
                    let of = twin.clone();
                    let frame = tokio::task::spawn_blocking(move || {
                        let (listed, counts, flooded) = of.alarms(|a| (a.listed(), a.counts(), a.is_flooded()));
                        let (alarms, counts) = wire::alarms(&listed, &counts);
                        json!({ "type": "twin_alarms", "counts": counts, "alarms": alarms, "flooded": flooded })
                    });
                    if let Ok(frame) = frame.await {
                        app.jobs.hub.publish(&[ALARMS], Some(ALARMS), &frame);
                    }
                }
                if app.jobs.hub.is_wanted(&[METRICS]) {
                    let of = twin.clone();
                    if let Ok(frame) = tokio::task::spawn_blocking(move || substation::metrics_frame(&of)).await {
                        app.jobs.hub.publish(&[METRICS], Some(METRICS), &frame);
                    }
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
