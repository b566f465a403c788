//! Events, their proofs, and decisions.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::clock::rfc3339;
use crate::error::Error;
use crate::http::auth::Caller;
use crate::http::problem::HttpResult;
use crate::proofs;
use crate::store::event::EventRow;

/// Which events.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventQuery {
    /// Only this kind.
    pub kind: Option<String>,
    /// Only older than this event.
    pub before: Option<Uuid>,
    /// How many; 1 to 500.
    pub limit: Option<i64>,
}

#[utoipa::path(get, path = "/api/v1/events", tag = "events",
    params(("kind" = Option<String>, Query), ("before" = Option<String>, Query), ("limit" = Option<i64>, Query)),
    responses((status = 200, description = "Events, newest first")))]
/// Lists events.
pub async fn list_events(app: Data<App>, _caller: Caller, query: Query<EventQuery>) -> HttpResult {
    let limit = query.limit.unwrap_or(100).clamp(1, 500);
    let rows = app.store.event_list(query.kind.as_deref(), query.before, limit).await?;
    let items: Vec<Value> = rows.iter().map(event_json).collect();
    Ok(HttpResponse::Ok().json(json!({ "events": items })))
}

#[utoipa::path(get, path = "/api/v1/events/{event_id}", tag = "events", params(("event_id" = String, Path)),
    responses((status = 200, description = "The event with its payload")))]
/// One event.
pub async fn get_event(app: Data<App>, _caller: Caller, event_id: Path<Uuid>) -> HttpResult {
    Ok(HttpResponse::Ok().json(event_json(&app.store.event_get(*event_id).await?)))
}

#[utoipa::path(get, path = "/api/v1/events/{event_id}/proof", tag = "events", params(("event_id" = String, Path)),
    responses((status = 200, description = "C2SP tlog-proof under the present checkpoint"),
              (status = 409, description = "Recorded, but not in a checkpoint yet")))]
/// The offline proof of an event.
pub async fn get_proof(app: Data<App>, _caller: Caller, event_id: Path<Uuid>) -> HttpResult {
    let event = app.store.event_get(*event_id).await?;
    let index = event.leaf_index.ok_or_else(|| {
        Error::Conflict(
            "this event is recorded and waits for the next checkpoint; ask again".into(),
        )
    })?;
    let head = app.store.log_head().await?;
    let index = u64::try_from(index).map_err(Error::bug)?;
    let proof = proofs::inclusion(&app.store, &head, index).await?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(proof.to_string()))
}

#[utoipa::path(get, path = "/api/v1/decisions/{decision_id}", tag = "events", params(("decision_id" = String, Path)),
    responses((status = 200, description = "The decision with the facts it was made on")))]
/// One decision.
pub async fn get_decision(app: Data<App>, _caller: Caller, decision_id: Path<Uuid>) -> HttpResult {
    let row = app.store.decision_get(*decision_id).await?;
    let facts: Value = serde_json::from_str(&row.facts).map_err(Error::bug)?;
    Ok(HttpResponse::Ok().json(json!({
        "decision_id": row.decision_id,
        "gate": row.gate,
        "allow": row.allow,
        "decided_at": rfc3339(row.decided_at),
        "event_id": row.event_id,
        "facts": facts,
        "record": row.record,
    })))
}

fn event_json(event: &EventRow) -> Value {
    json!({
        "event_id": event.event_id,
        "kind": event.kind,
        "actor": event.actor,
        "subject": { "kind": event.subject_kind, "id": event.subject_id },
        "recorded_at": rfc3339(event.recorded_at),
        "leaf_index": event.leaf_index,
        "payload": event.payload_json(),
    })
}
