//! Blobs, datasets, AI systems, budgets.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::{Value, json};

use crate::app::App;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::problem::HttpResult;
use crate::job::dataset::{DatasetRegistration, register, upload};
use crate::job::spec::parse_json;
use crate::job::system;

#[utoipa::path(put, path = "/api/v1/blobs", tag = "data",
    request_body(content_type = "application/octet-stream", description = "Plain bytes"),
    responses((status = 201, description = "Encrypted and kept; answers SHA-256 as its address")))]
/// Keeps bytes, encrypted, under their digest.
pub async fn upload_blob(app: Data<App>, caller: Caller, Body(body): Body) -> HttpResult {
    caller.0.require(&["submitter"])?;
    Ok(HttpResponse::Created().json(upload(&app.store, &app.blobs, &caller.0, &body).await?))
}

#[utoipa::path(post, path = "/api/v1/datasets", tag = "data",
    request_body(content_type = "application/json", description = "Governance card and blob digests"),
    responses((status = 201, description = "Registered"), (status = 403, description = "Denied by policy")))]
/// Registers a dataset.
pub async fn create_dataset(app: Data<App>, caller: Caller, Body(body): Body) -> HttpResult {
    caller.0.require(&["submitter", "data_protection_officer"])?;
    let registration: DatasetRegistration = parse_json(&body)?;
    let answer =
        register(&app.store, &app.blobs, &app.gate, &app.config, &caller.0, &registration).await?;
    Ok(HttpResponse::Created().json(answer))
}

#[utoipa::path(get, path = "/api/v1/datasets", tag = "data",
    responses((status = 200, description = "All datasets")))]
/// Lists datasets.
pub async fn list_datasets(app: Data<App>, _caller: Caller) -> HttpResult {
    let rows = app.store.dataset_list().await?;
    let items: Vec<Value> = rows
        .into_iter()
        .map(|d| {
            json!({
                "dataset_id": d.dataset_id, "name": d.name, "card": d.card,
                "training_blob": d.training_blob, "evaluation_blob": d.evaluation_blob,
                "training_rows": d.training_rows, "decision_id": d.decision_id,
                "registered_event_id": d.registered_event_id,
            })
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "datasets": items })))
}

#[utoipa::path(post, path = "/api/v1/systems", tag = "data",
    request_body(content_type = "application/json", description = "Card of the AI system"),
    responses((status = 201, description = "Registered")))]
/// Registers an AI system.
pub async fn create_system(app: Data<App>, caller: Caller, Body(body): Body) -> HttpResult {
    caller.0.require(&["submitter"])?;
    let card = parse_json(&body)?;
    Ok(HttpResponse::Created().json(system::register(&app.store, &caller.0, &card).await?))
}

#[utoipa::path(get, path = "/api/v1/systems", tag = "data",
    responses((status = 200, description = "All AI systems")))]
/// Lists AI systems.
pub async fn list_systems(app: Data<App>, _caller: Caller) -> HttpResult {
    let rows = app.store.system_list().await?;
    let items: Vec<Value> = rows
        .into_iter()
        .map(|s| json!({ "system_id": s.system_id, "name": s.name, "card": s.card }))
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "systems": items })))
}

#[utoipa::path(get, path = "/api/v1/budgets", tag = "data",
    responses((status = 200, description = "Privacy budgets: cap, spent, reserved")))]
/// Lists privacy budgets. Amounts are integers in text: ε in 10⁻⁹, δ in 10⁻¹⁵.
pub async fn list_budgets(app: Data<App>, _caller: Caller) -> HttpResult {
    let rows = app.store.budget_list().await?;
    let items: Vec<Value> = rows
        .into_iter()
        .map(|(dataset, scope)| {
            json!({
                "dataset": dataset,
                "epsilon_cap_nano": scope.epsilon_cap_nano.to_string(),
                "epsilon_spent_nano": scope.epsilon_spent_nano.to_string(),
                "epsilon_reserved_nano": scope.epsilon_reserved_nano.to_string(),
                "delta_cap_femto": scope.delta_cap_femto.to_string(),
                "delta_spent_femto": scope.delta_spent_femto.to_string(),
                "delta_reserved_femto": scope.delta_reserved_femto.to_string(),
            })
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "budgets": items })))
}
