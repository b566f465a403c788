//! Models, approvals, deployments, predictions, reports.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use chancery_audit::dsse::Envelope;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::problem::HttpResult;
use crate::job::approve::approve;
use crate::job::deploy::{DeploymentRequest, deploy, stop};
use crate::job::predict;
use crate::job::spec::{parse_json, parse_json_up_to};
use crate::report;
use crate::store::model::ModelRow;

/// Why a deployment is stopped.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopRequest {
    /// Reason, for the record.
    pub reason: String,
}

#[utoipa::path(get, path = "/api/v1/models", tag = "models",
    responses((status = 200, description = "The newest 200 models")))]
/// Lists models.
pub async fn list_models(app: Data<App>, _caller: Caller) -> HttpResult {
    let rows = app.store.model_list(200).await?;
    let items: Vec<Value> = rows.iter().map(model_json).collect();
    Ok(HttpResponse::Ok().json(json!({ "models": items })))
}

#[utoipa::path(get, path = "/api/v1/models/{model_id}", tag = "models", params(("model_id" = String, Path)),
    responses((status = 200, description = "The model with its evaluation"), (status = 404, description = "Not known")))]
/// One model.
pub async fn get_model(app: Data<App>, _caller: Caller, model_id: Path<Uuid>) -> HttpResult {
    Ok(HttpResponse::Ok().json(model_json(&app.store.model_get(*model_id).await?)))
}

#[utoipa::path(post, path = "/api/v1/models/{model_id}/approvals", tag = "models",
    params(("model_id" = String, Path)),
    request_body(content_type = "application/json", description = "DSSE envelope over an in-toto statement"),
    responses((status = 201, description = "Recorded"), (status = 400, description = "The signature does not hold"),
              (status = 403, description = "Submitters do not approve their own models")))]
/// Records a signed approval or rejection.
pub async fn create_approval(
    app: Data<App>,
    caller: Caller,
    model_id: Path<Uuid>,
    Body(body): Body,
) -> HttpResult {
    caller.0.require(&["reviewer", "data_protection_officer"])?;
    let envelope: Envelope = parse_json(&body)?;
    Ok(HttpResponse::Created().json(approve(&app.store, &caller.0, *model_id, &envelope).await?))
}

#[utoipa::path(post, path = "/api/v1/models/{model_id}/reports", tag = "models",
    params(("model_id" = String, Path)),
    responses((status = 201, description = "Made, and its digest recorded")))]
/// Makes a compliance report from the events under the present checkpoint.
pub async fn create_report(app: Data<App>, caller: Caller, model_id: Path<Uuid>) -> HttpResult {
    caller.0.require(&["auditor", "reviewer", "data_protection_officer"])?;
    let made = report::make(&app.store, &app.log_key, &caller.0, *model_id).await?;
    Ok(HttpResponse::Created().json(made))
}

#[utoipa::path(get, path = "/api/v1/reports/{report_id}", tag = "models", params(("report_id" = String, Path)),
    responses((status = 200, description = "The report as JSON")))]
/// One report.
pub async fn get_report(app: Data<App>, _caller: Caller, report_id: Path<Uuid>) -> HttpResult {
    let row = app.store.report_get(*report_id).await?;
    Ok(HttpResponse::Ok().json(row.document))
}

#[utoipa::path(post, path = "/api/v1/deployments", tag = "deployments",
    request_body(content_type = "application/json", description = "Name and model"),
    responses((status = 201, description = "Active"), (status = 403, description = "Denied by policy")))]
/// Deploys a model.
pub async fn create_deployment(app: Data<App>, caller: Caller, Body(body): Body) -> HttpResult {
    caller.0.require(&["submitter", "administrator"])?;
    let request: DeploymentRequest = parse_json(&body)?;
    let answer = deploy(&app.store, &app.gate, &app.config, &caller.0, &request).await?;
    Ok(HttpResponse::Created().json(answer))
}

#[utoipa::path(get, path = "/api/v1/deployments", tag = "deployments",
    responses((status = 200, description = "The newest 200 deployments")))]
/// Lists deployments.
pub async fn list_deployments(app: Data<App>, _caller: Caller) -> HttpResult {
    let rows = app.store.deployment_list(200).await?;
    let items: Vec<Value> = rows
        .iter()
        .map(|d| {
            json!({
                "deployment_id": d.deployment_id, "name": d.name, "model_id": d.model_id,
                "state": d.state, "activated_event_id": d.activated_event_id,
                "stopped_event_id": d.stopped_event_id,
            })
        })
        .collect();
    Ok(HttpResponse::Ok().json(json!({ "deployments": items })))
}

#[utoipa::path(post, path = "/api/v1/deployments/{name}/predict", tag = "deployments",
    params(("name" = String, Path)),
    request_body(content_type = "application/json", description = "Rows by column name"),
    responses((status = 200, description = "Probabilities and labels; the batch is recorded"),
              (status = 404, description = "Nothing answers under this name")))]
/// Predicts.
pub async fn predict(
    app: Data<App>,
    caller: Caller,
    name: Path<String>,
    Body(body): Body,
) -> HttpResult {
    let request: predict::PredictionRequest = parse_json_up_to(&body, predict::BODY_BYTES_MAX)?;
    let answer =
        predict::predict(&app.store, &app.blobs, &app.inference, &caller.0, &name, request).await?;
    Ok(HttpResponse::Ok().json(answer))
}

#[utoipa::path(post, path = "/api/v1/deployments/{name}/stop", tag = "deployments",
    params(("name" = String, Path)),
    request_body(content_type = "application/json", description = "Reason"),
    responses((status = 200, description = "Stopped")))]
/// Stops a deployment at once.
pub async fn stop_deployment(
    app: Data<App>,
    caller: Caller,
    name: Path<String>,
    Body(body): Body,
) -> HttpResult {
    caller.0.require(&["submitter", "reviewer", "data_protection_officer", "administrator"])?;
    let request: StopRequest = parse_json(&body)?;
    Ok(HttpResponse::Ok().json(stop(&app.store, &caller.0, &name, &request.reason).await?))
}

fn model_json(model: &ModelRow) -> Value {
    json!({
        "model_id": model.model_id,
        "job_id": model.job_id,
        "name": model.name,
        "artefact_sha256": model.artefact_digest,
        "evaluation": model.evaluation,
        "gate_passed": model.gate_passed,
        "decision_id": model.decision_id,
        "registered_event_id": model.registered_event_id,
    })
}
