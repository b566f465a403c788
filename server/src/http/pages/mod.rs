//! Dashboard: HTML pages that hold values only, and forms that call the same functions as the API.
//!
//! Without JavaScript everything can be read and every form works but one: a browser signs an approval
//! by script, so that the key stays with its owner.

mod assets;
mod budgets;
mod chart;
mod datasets;
mod decisions;
mod deployments;
mod events;
mod fault;
mod format;
mod jobs;
mod links;
mod model;
mod overview;
mod people;
mod reports;
mod review;
mod session;
mod shell;
mod verdicts;

use actix_web::web::{FormConfig, PathConfig, QueryConfig, ServiceConfig, get, post, scope, to};
use actix_web::{HttpRequest, HttpResponse};

use crate::error::Error;
use fault::{PageFault, PageResult};

/// Forms hold a reason or a token, no documents.
const FORM_BYTES_MAX: usize = 16 * 1024;

pub(super) fn routes(service: &mut ServiceConfig) {
    let form = FormConfig::default()
        .limit(FORM_BYTES_MAX)
        .error_handler(|why, _| PageFault(Error::invalid("form", why.to_string())).into());
    let query = QueryConfig::default()
        .error_handler(|why, _| PageFault(Error::invalid("query", why.to_string())).into());
    let path = PathConfig::default().error_handler(|_, request| unknown(request).into());
    let pages = scope("")
        .app_data(form)
        .app_data(query)
        .app_data(path)
        .route("/assets/{name}", get().to(assets::asset))
        .route("/sign-in", get().to(session::sign_in_form))
        .route("/sign-in", post().to(session::sign_in))
        .route("/sign-out", post().to(session::sign_out))
        .route("/", get().to(overview::overview))
        .route("/review", get().to(review::review))
        .route("/models/{model_id}", get().to(model::model))
        .route("/models/{model_id}/approvals", post().to(model::actions::approve_model))
        .route("/models/{model_id}/deployments", post().to(model::actions::deploy_model))
        .route("/models/{model_id}/reports", post().to(model::actions::make_report))
        .route("/jobs", get().to(jobs::jobs))
        .route("/jobs/{job_id}", get().to(jobs::job))
        .route("/jobs/{job_id}/cancel", post().to(jobs::cancel_job))
        .route("/deployments", get().to(deployments::deployments))
        .route("/deployments/{name}/stop", post().to(deployments::stop_deployment))
        .route("/datasets", get().to(datasets::datasets))
        .route("/budgets", get().to(budgets::budgets))
        .route("/events", get().to(events::events))
        .route("/events/{event_id}", get().to(events::event))
        .route("/decisions/{decision_id}", get().to(decisions::decision))
        .route("/reports/{report_id}", get().to(reports::report))
        .default_service(to(missing));
    service.service(pages);
}

/// The last route of all: whatever nobody else serves is a page that is not there.
async fn missing(request: HttpRequest) -> PageResult {
    Err(unknown(&request))
}

fn unknown(request: &HttpRequest) -> PageFault {
    PageFault(Error::NotFound { what: "page", name: request.path().to_owned() })
}

/// Where a form leads once it is done, with the notice to show there.
fn done(path: &str, notice: shell::Notice) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header(("Location", format!("{path}?notice={}", notice.as_str())))
        .finish()
}
