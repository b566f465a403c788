//! What visitors do with a model: approve or reject, deploy, ask for a report.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data, Form, Path};
use chancery_audit::dsse::Envelope;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::app::App;
use crate::error::Error;
use crate::http::auth::Visitor;
use crate::http::pages::done;
use crate::http::pages::fault::PageResult;
use crate::http::pages::session::{Member, PlainForm, require_csrf};
use crate::http::pages::shell::Notice;
use crate::http::problem::HttpResult;
use crate::job::approve::approve;
use crate::job::deploy::{DeploymentRequest, deploy};
use crate::job::spec::parse_json;
use crate::report;

/// Roles that approve, as the API asks for them.
pub const REVIEWERS: [&str; 2] = ["reviewer", "data_protection_officer"];
/// Roles that deploy.
pub const DEPLOYERS: [&str; 2] = ["submitter", "administrator"];
/// Roles that make reports.
pub const REPORTERS: [&str; 3] = ["auditor", "reviewer", "data_protection_officer"];

/// The deployment form.
#[derive(Deserialize)]
pub struct DeployForm {
    csrf: String,
    name: String,
}

/// `POST /models/{model_id}/approvals`: an envelope that the browser signed. The one form sent by
/// script, so it answers as the API does; the form token comes in a header.
pub async fn approve_model(
    app: Data<App>,
    request: HttpRequest,
    visitor: Visitor,
    model_id: Path<Uuid>,
    body: Bytes,
) -> HttpResult {
    let Visitor(session) = visitor;
    let token = request.headers().get("X-CSRF-Token").and_then(|token| token.to_str().ok());
    require_csrf(&session, token.unwrap_or_default())?;
    session.principal.require(&REVIEWERS)?;
    let envelope: Envelope = parse_json(&body)?;
    let mut answer = approve(&app.store, &session.principal, *model_id, &envelope).await?;
    let notice = Notice::VerdictRecorded.as_str();
    answer["next"] = json!(format!("/models/{model_id}?notice={notice}"));
    Ok(HttpResponse::Created().json(answer))
}

/// `POST /models/{model_id}/deployments`
pub async fn deploy_model(
    app: Data<App>,
    member: Member,
    model_id: Path<Uuid>,
    form: Form<DeployForm>,
) -> PageResult {
    member.require_csrf(&form.csrf)?;
    member.principal().require(&DEPLOYERS)?;
    let request = DeploymentRequest { name: form.name.trim().to_owned(), model_id: *model_id };
    deploy(&app.store, &app.gate, &app.config, member.principal(), &request).await?;
    Ok(done("/deployments", Notice::Deployed))
}

/// `POST /models/{model_id}/reports`
pub async fn make_report(
    app: Data<App>,
    member: Member,
    model_id: Path<Uuid>,
    form: Form<PlainForm>,
) -> PageResult {
    member.require_csrf(&form.csrf)?;
    member.principal().require(&REPORTERS)?;
    let made = report::make(&app.store, &app.log_key, member.principal(), *model_id).await?;
    let page = made.get("html").and_then(|page| page.as_str());
    let page = page.ok_or_else(|| Error::bug("a report was made without an address"))?;
    Ok(HttpResponse::SeeOther().insert_header(("Location", page)).finish())
}
