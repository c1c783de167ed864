//! What learning says of the plant: equipment that is not as it was, what its health will be, what would make the station run better.
//!
//! No language model is behind any of it. Sentences are made from the figures beside them; what is not known is null, with the reason.

use super::assets::type_word;
use crate::access::Viewer;
use crate::follow::problem_of;
use crate::moment::rfc3339_ms;
use crate::problem::Problem;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use twin::live::Twin;
use twin::live::condition::{Condition, Odd};
use twin::live::improve::Improvement;
use twin::live::outlook::{Outlook, Prediction};
use twin::live::view::{AssetMoment, Moment, Suspect};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Multiples of the detector's limit from which on an odd day is of high and of critical severity.
const HIGH: f64 = 2.0;
const CRITICAL: f64 = 5.0;
/// Normalised residuals from which on a contradiction is of high and of critical severity, sigma.
const RESIDUAL_HIGH: f64 = 6.0;
const RESIDUAL_CRITICAL: f64 = 20.0;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(analysis)).routes(routes!(anomalies)).routes(routes!(predictions)).routes(routes!(optimization))
}

fn severity(times: f64, high: f64, critical: f64) -> &'static str {
    if times >= critical {
        "critical"
    } else if times >= high {
        "high"
    } else {
        "medium"
    }
}

/// What is measured of an asset, by the names of document 001.
fn features(asset: Option<&AssetMoment>) -> Value {
    json!({
        "voltage": asset.and_then(|a| a.v_kv),
        "current": asset.and_then(|a| a.i_a),
        "power": asset.and_then(|a| a.p_mw),
        "temperature": asset.and_then(|a| a.temperature_c),
        "health_score": asset.and_then(|a| a.health),
        "loading": asset.and_then(|a| a.loading_pct),
    })
}

struct Seen {
    twin: Arc<Twin>,
    moment: Arc<Moment>,
    condition: Arc<Condition>,
}

impl Seen {
    fn of(twin: Arc<Twin>) -> Result<Self, Problem> {
        let condition = twin.condition().map_err(problem_of)?;
        Ok(Self { moment: twin.moment(), condition, twin })
    }

    fn type_of(&self, asset: &str) -> Option<String> {
        self.twin.site().station.find(asset).map(type_word)
    }

    fn asset(&self, id: &str) -> Option<&AssetMoment> {
        self.moment.assets.iter().find(|a| a.asset.eq_ignore_ascii_case(id))
    }

    /// An asset whose days are odd.
    fn of_condition(&self, odd: &Odd) -> Value {
        json!({
            "asset_id": odd.asset,
            "asset_type": self.type_of(&odd.asset),
            "kind": "condition",
            // As an isolation forest's scores in document 001: below zero is odd, the more the further.
            "anomaly_score": 1.0 - odd.score / odd.threshold,
            "severity": severity(odd.score / odd.threshold, HIGH, CRITICAL),
            "features": features(self.asset(&odd.asset)),
            "figure": odd.figure,
            "spreads": odd.spreads,
            "score": odd.score,
            "threshold": odd.threshold,
            "since": rfc3339_ms(odd.since_ms),
            "last_day": rfc3339_ms(odd.last_ms),
            "odd_days": odd.odd_days,
            "alarm": odd.alarm,
            "description": format!(
                "{}: {} is {:.1} spreads of its sound days off, for {} {}",
                odd.asset, odd.figure, odd.spreads.abs(), odd.odd_days, if odd.odd_days == 1 { "day" } else { "days" }
            ),
        })
    }

    /// A sensor that contradicts the others.
    fn of_suspect(&self, s: &Suspect) -> Value {
        let asset = self.twin.points().into_iter().find(|p| *p.point == *s.point).and_then(|p| p.asset);
        let id = asset.as_deref().unwrap_or(&s.element);
        let residual = s.normalised_residual.abs();
        json!({
            "asset_id": id,
            "asset_type": self.type_of(id),
            "kind": "contradiction",
            // Three sigma is the limit of what is plausible.
            "anomaly_score": 1.0 - residual / 3.0,
            "severity": severity(residual, RESIDUAL_HIGH, RESIDUAL_CRITICAL),
            "features": features(self.asset(id)),
            "point": s.point,
            "measured": s.measured,
            "estimated": s.estimated,
            "unit": s.unit,
            "normalised_residual": s.normalised_residual,
            "alike": s.alike,
            "description": format!(
                "{} shows {} {}, and the rest of the measurements make {} likely", s.point, short(s.measured), s.unit,
                s.estimated.map_or_else(|| "another value".to_owned(), |e| format!("{} {}", short(e), s.unit))
            ),
        })
    }

    fn anomalies(&self) -> Vec<Value> {
        let suspects = self.moment.estimate.suspects.iter().map(|s| self.of_suspect(s));
        suspects.chain(self.condition.odd.iter().map(|o| self.of_condition(o))).collect()
    }

    /// Which detectors are at work, and why others are not.
    fn detectors(&self) -> Value {
        json!({
            "looked_at": rfc3339_ms(self.condition.at_ms),
            "judged_days": self.condition.judged_days,
            "trained": self.condition.trained.iter().map(|t| json!({
                "type": t.kind,
                "assets": t.assets,
                "figures": t.figures,
                "training_from": rfc3339_ms(t.training_from_ms),
                "training_to": rfc3339_ms(t.training_to_ms),
                "limit_set_to": rfc3339_ms(t.setting_to_ms),
                "threshold": t.threshold,
            })).collect::<Vec<_>>(),
            "not_trained": self.condition.not_trained,
        })
    }

    fn prediction(&self, p: &Prediction) -> Value {
        json!({
            "asset_id": p.asset,
            "asset_type": self.type_of(&p.asset),
            "current_health": p.health,
            "predicted_health": p.predicted,
            "predicted_low": p.low,
            "predicted_high": p.high,
            "degradation_rate": p.rate_per_day,
            "urgency": p.urgency,
            "maintenance_window": p.window,
        })
    }
}

/// Four significant digits.
fn short(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return x.to_string();
    }
    let digits = (3.0 - x.abs().log10().floor()).clamp(0.0, 6.0) as usize;
    format!("{x:.digits$}")
}

async fn with<T: Send + 'static>(app: &App, f: impl FnOnce(Arc<Twin>) -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
    let twin = app.twin.get()?.clone();
    app.twin.compute(move || f(twin)).await
}

fn optimum(improvement: Result<Improvement, Problem>) -> Value {
    match improvement {
        Ok(i) => json!({
            "timestamp": rfc3339_ms(i.at_ms),
            "current_efficiency": i.efficiency_pct,
            "target_efficiency": i.efficiency_after_pct,
            "current_voltage_stability": i.voltage_stability_pct,
            "target_voltage_stability": i.voltage_stability_after_pct,
            "current_losses_kw": i.losses_kw,
            "target_losses_kw": i.losses_after_kw,
            "recommendations": i.proposals.iter().map(|p| {
                let saving = 1.0 - p.losses_after_kw / p.losses_before_kw;
                json!({
                    "type": "efficiency",
                    "action": p.action,
                    "priority": if saving >= 0.05 { "high" } else if saving >= 0.01 { "medium" } else { "low" },
                    "description": p.description,
                    "changes": p.changes,
                    "losses_before_kw": p.losses_before_kw,
                    "losses_after_kw": p.losses_after_kw,
                    "deviation_before_pu": p.deviation_before_pu,
                    "deviation_after_pu": p.deviation_after_pu,
                })
            }).collect::<Vec<_>>(),
            // How near the station is to the best that was found: 100 when nothing saves anything.
            "optimization_score": (i.losses_kw > 0.0).then(|| 100.0 * i.losses_after_kw / i.losses_kw),
            "tried": i.tried,
            "why": null,
        }),
        Err(problem) => json!({
            "timestamp": null, "current_efficiency": null, "target_efficiency": null, "current_voltage_stability": null,
            "target_voltage_stability": null, "current_losses_kw": null, "target_losses_kw": null, "recommendations": [],
            "optimization_score": null, "tried": 0, "why": problem.title,
        }),
    }
}

fn outlook_of(outlook: &Outlook) -> Value {
    json!({
        "made": rfc3339_ms(outlook.at_ms),
        "horizon_days": outlook.horizon_days,
        "why": outlook.why,
        "held_out": outlook.held_out,
    })
}

/// Sentences from the figures, in the places that document 001 has for them.
fn insights(seen: &Seen, found: &[Value], optimum: &Value) -> Value {
    let m = &seen.moment.metrics;
    let number = |x: Option<f64>, unit: &str| x.map_or_else(|| "unknown".to_owned(), |x| format!("{x:.1} {unit}"));
    let count = |word: &str| found.iter().filter(|a| a["severity"] == word).count();
    let (critical, high) = (count("critical"), count("high"));
    let word = |n: usize| if n == 1 { "anomaly" } else { "anomalies" };
    let summary = if found.is_empty() {
        if seen.condition.trained.is_empty() {
            "No sensor contradicts the others. The condition of equipment is not watched yet: there is too little history.".to_owned()
        } else {
            "Nothing is odd: no sensor contradicts the others, and the days of all watched equipment are like its sound days.".to_owned()
        }
    } else {
        format!("{} {}: {critical} critical, {high} of high severity.", found.len(), word(found.len()))
    };
    let bad = ["critical", "high"].map(Value::from);
    let findings: Vec<&Value> = found.iter().filter(|a| bad.contains(&a["severity"])).map(|a| &a["description"]).collect();
    let advice: Vec<&Value> = optimum["recommendations"].as_array().into_iter().flatten().map(|r| &r["description"]).collect();
    let worst = seen.moment.assets.iter().filter(|a| a.health.is_some()).min_by(|a, b| a.health.partial_cmp(&b.health).expect("finite"));
    let worst = worst.map_or(String::new(), |a| format!(" The lowest is {} with {:.0} %.", a.asset, a.health.unwrap_or(0.0)));
    let live = seen.moment.buses.iter().filter(|b| b.v_pu.is_some()).count();
    let open = seen.moment.switches.iter().filter(|s| s.closed == Some(false)).count();
    json!({
        "summary": summary,
        "critical_findings": findings,
        "recommendations": advice,
        "health_assessment": format!("Health of the station {}.{worst}", number(m.system_health, "%")),
        "operational_status": format!(
            "Load {}, losses {}, voltage stability {}.", number(m.total_load_mw, "MW"), number(m.losses_mw, "MW"), number(m.voltage_stability_pct, "%")
        ),
        "circuit_analysis": format!(
            "{live} of {} buses have a voltage; {open} of {} switching devices are open.", seen.moment.buses.len(), seen.moment.switches.len()
        ),
        "made_by": "rules from the figures of this answer; no language model",
    })
}

/// Anomalies, predictions and optimization in one answer.
#[utoipa::path(get, path = "/api/ai/analysis", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn analysis(State(app): State<App>, _: Viewer) -> Result<Json<Value>, Problem> {
    let answer = with(&app, |twin| {
        let seen = Seen::of(twin)?;
        let outlook = seen.twin.outlook().map_err(problem_of)?;
        let found = seen.anomalies();
        let optimum = optimum(seen.twin.improvement().map_err(problem_of));
        let mut answer = Map::new();
        answer.insert("timestamp".into(), rfc3339_ms(seen.moment.time_ms).into());
        answer.insert("llm_insights".into(), insights(&seen, &found, &optimum));
        answer.insert("anomalies".into(), found.into());
        answer.insert("predictions".into(), outlook.predictions.iter().map(|p| seen.prediction(p)).collect());
        answer.insert("prediction_model".into(), outlook_of(&outlook));
        answer.insert("optimization".into(), optimum);
        answer.insert("detectors".into(), seen.detectors());
        // Part of held-out values that lay within the interval that was given for them; null where no model is fitted.
        answer.insert("model_confidence".into(), json!(outlook.coverage()));
        Ok(answer)
    });
    Ok(Json(answer.await?.into()))
}

/// Equipment that is not as it was on its sound days, and sensors that contradict the others.
#[utoipa::path(get, path = "/api/ai/anomalies", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn anomalies(State(app): State<App>, _: Viewer) -> Result<Json<Value>, Problem> {
    let answer = with(&app, |twin| {
        let seen = Seen::of(twin)?;
        let found = seen.anomalies();
        Ok(json!({ "timestamp": rfc3339_ms(seen.moment.time_ms), "total": found.len(), "anomalies": found, "detectors": seen.detectors() }))
    });
    Ok(Json(answer.await?))
}

/// Health of equipment in thirty days, from its days in the history.
#[utoipa::path(get, path = "/api/ai/predictions", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn predictions(State(app): State<App>, _: Viewer) -> Result<Json<Value>, Problem> {
    let answer = with(&app, |twin| {
        let seen = Seen::of(twin)?;
        let outlook = seen.twin.outlook().map_err(problem_of)?;
        let all: Vec<Value> = outlook.predictions.iter().map(|p| seen.prediction(p)).collect();
        Ok(json!({ "timestamp": rfc3339_ms(seen.moment.time_ms), "predictions": all, "prediction_model": outlook_of(&outlook) }))
    });
    Ok(Json(answer.await?))
}

/// Taps and banks that would save losses now, each tried on the model.
#[utoipa::path(get, path = "/api/ai/optimization", tag = "substation", security(("session" = ["viewer"]), ("token" = ["viewer"])),
    responses((status = 200, body = Object), (status = 404, body = Problem)))]
pub async fn optimization(State(app): State<App>, _: Viewer) -> Result<Json<Value>, Problem> {
    Ok(Json(with(&app, |twin| Ok(optimum(twin.improvement().map_err(problem_of)))).await?))
}
