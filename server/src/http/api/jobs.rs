//! Jobs.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::error::Error;
use crate::http::auth::{Caller, idempotency_key};
use crate::http::body::Body;
use crate::http::problem::HttpResult;
use crate::job::admit::admit;
use crate::job::cancel::cancel;
use crate::job::settle::{may_read_failure, public_failure};
use crate::job::spec::JobSpec;
use crate::store::job::JobRow;

#[utoipa::path(post, path = "/api/v1/jobs", tag = "jobs",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repeated request gets the first answer")),
    request_body(content_type = "application/json", description = "Job specification"),
    responses((status = 202, description = "Admitted, with a receipt"),
              (status = 403, description = "Denied by policy, with article, rule and reason"),
              (status = 409, description = "The privacy budget does not cover it")))]
/// Submits a job.
pub async fn create_job(
    app: Data<App>,
    request: HttpRequest,
    caller: Caller,
    Body(body): Body,
) -> HttpResult {
    let Caller(who) = caller;
    who.require(&["submitter"])?;
    let key = idempotency_key(&request, &who, &body)?;
    let spec = JobSpec::parse(&body)?;
    let answer = admit(&app.store, &app.gate, &app.config, &who, &spec, key.as_ref()).await?;
    let status = StatusCode::from_u16(answer.status).map_err(Error::bug)?;
    Ok(HttpResponse::build(status).json(answer.body))
}

#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs",
    responses((status = 200, description = "The newest 200 jobs")))]
/// Lists jobs.
pub async fn list_jobs(app: Data<App>, _caller: Caller) -> HttpResult {
    let rows = app.store.job_list(200).await?;
    let items: Vec<Value> = rows.iter().map(job_json).collect();
    Ok(HttpResponse::Ok().json(json!({ "jobs": items })))
}

#[utoipa::path(get, path = "/api/v1/jobs/{job_id}", tag = "jobs", params(("job_id" = String, Path)),
    responses((status = 200, description = "The job, with its model when it made one"),
              (status = 404, description = "Not known")))]
/// One job.
pub async fn get_job(app: Data<App>, caller: Caller, job_id: Path<Uuid>) -> HttpResult {
    let job = app.store.job_get(*job_id).await?;
    let model = app.store.model_by_job(job.job_id).await?;
    let mut body = job_json(&job);
    if may_read_failure(&caller.0, &job) {
        body["failure"] = json!(job.failure);
    }
    body["spec"] = job.spec;
    body["progress"] = json!(app.store.job_progress_latest(job.job_id).await?);
    body["model_id"] = json!(model.map(|model| model.model_id));
    Ok(HttpResponse::Ok().json(body))
}

#[utoipa::path(post, path = "/api/v1/jobs/{job_id}/cancel", tag = "jobs", params(("job_id" = String, Path)),
    responses((status = 202, description = "Cancelled or being cancelled"),
              (status = 409, description = "Ended already")))]
/// Cancels a job.
pub async fn cancel_job(app: Data<App>, caller: Caller, job_id: Path<Uuid>) -> HttpResult {
    Ok(HttpResponse::Accepted().json(cancel(&app.store, &caller.0, *job_id).await?))
}

fn job_json(job: &JobRow) -> Value {
    json!({
        "job_id": job.job_id,
        "kind": job.kind,
        "name": job.name,
        "state": job.state,
        "attempt": job.attempt,
        "failure": job.failure.as_ref().map(public_failure),
        "decision_id": job.decision_id,
        "admitted_event_id": job.admitted_event_id,
        "settled_event_id": job.settled_event_id,
    })
}
