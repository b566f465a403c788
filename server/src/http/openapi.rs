//! OpenAPI 3.1 of the REST API. The committed snapshot is `docs/openapi.json`.

use actix_web::HttpResponse;
use actix_web::web::{ServiceConfig, get};
use utoipa::OpenApi;

use super::api::{data, events, jobs, models, people};
use super::live;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Chancery",
        description = "Compliance-first, auditable machine learning. Errors are problem details \
                       (RFC 9457) with types urn:chancery:problem:…",
        license(name = "Apache-2.0 OR MIT")
    ),
    paths(
        people::create_principal,
        people::me,
        people::create_key,
        data::upload_blob,
        data::create_dataset,
        data::list_datasets,
        data::create_system,
        data::list_systems,
        data::list_budgets,
        jobs::create_job,
        jobs::list_jobs,
        jobs::get_job,
        jobs::cancel_job,
        live::job_progress,
        models::list_models,
        models::get_model,
        models::create_approval,
        models::create_report,
        models::create_deployment,
        models::list_deployments,
        models::predict,
        models::stop_deployment,
        models::get_report,
        events::list_events,
        events::get_event,
        events::get_proof,
        events::get_decision,
    )
)]
struct Api;

/// The document, pretty-printed.
///
/// # Errors
/// Serialisation, which would be a bug.
pub fn document() -> crate::error::Result<String> {
    Api::openapi().to_pretty_json().map_err(crate::error::Error::bug)
}

pub(super) fn routes(service: &mut ServiceConfig) {
    service.route("/openapi.json", get().to(serve));
}

async fn serve() -> super::problem::HttpResult {
    Ok(HttpResponse::Ok().content_type("application/json").body(document()?))
}
