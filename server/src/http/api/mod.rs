//! REST API. Handlers parse, authorise, call one function of [`crate::job`], and answer.

pub mod data;
pub mod events;
pub mod jobs;
pub mod models;
pub mod people;

use actix_web::web::{ServiceConfig, get, post, put};

pub(super) fn routes(service: &mut ServiceConfig) {
    service
        .route("/principals", post().to(people::create_principal))
        .route("/me", get().to(people::me))
        .route("/me/keys", post().to(people::create_key))
        .route("/blobs", put().to(data::upload_blob))
        .route("/datasets", post().to(data::create_dataset))
        .route("/datasets", get().to(data::list_datasets))
        .route("/systems", post().to(data::create_system))
        .route("/systems", get().to(data::list_systems))
        .route("/budgets", get().to(data::list_budgets))
        .route("/jobs", post().to(jobs::create_job))
        .route("/jobs", get().to(jobs::list_jobs))
        .route("/jobs/{job_id}", get().to(jobs::get_job))
        .route("/jobs/{job_id}/cancel", post().to(jobs::cancel_job))
        .route("/jobs/{job_id}/progress", get().to(super::live::job_progress))
        .route("/models", get().to(models::list_models))
        .route("/models/{model_id}", get().to(models::get_model))
        .route("/models/{model_id}/approvals", post().to(models::create_approval))
        .route("/models/{model_id}/reports", post().to(models::create_report))
        .route("/deployments", post().to(models::create_deployment))
        .route("/deployments", get().to(models::list_deployments))
        .route("/deployments/{name}/predict", post().to(models::predict))
        .route("/deployments/{name}/stop", post().to(models::stop_deployment))
        .route("/reports/{report_id}", get().to(models::get_report))
        .route("/events", get().to(events::list_events))
        .route("/events/{event_id}", get().to(events::get_event))
        .route("/events/{event_id}/proof", get().to(events::get_proof))
        .route("/decisions/{decision_id}", get().to(events::get_decision));
}
