//! What answers, what once did, and the control that stops it.

use std::collections::HashMap;

use actix_web::web::{Data, Form, Path, Query};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use super::fault::{PageResult, page};
use super::format::Stamp;
use super::session::Member;
use super::shell::{Notice, NoticeQuery, Section, Shell};
use crate::app::App;
use crate::job::deploy::stop;
use crate::store::deployment::DeploymentRow;

/// Roles that may stop, as the API asks for them.
const STOPPERS: [&str; 4] = ["submitter", "reviewer", "data_protection_officer", "administrator"];
const SHOWN: i64 = 200;

#[derive(Template)]
#[template(path = "deployments.html")]
struct DeploymentsPage {
    shell: Shell,
    active: Vec<DeploymentView>,
    stopped: Vec<DeploymentView>,
    may_stop: bool,
}

struct DeploymentView {
    deployment_id: Uuid,
    name: String,
    model_id: Uuid,
    model: String,
    activated_at: Stamp,
    decision_id: Uuid,
    activated_event_id: Uuid,
    stopped_event_id: Option<Uuid>,
}

/// The stop form.
#[derive(Deserialize)]
pub struct StopForm {
    csrf: String,
    reason: String,
}

/// `GET /deployments`
pub async fn deployments(app: Data<App>, member: Member, notice: Query<NoticeQuery>) -> PageResult {
    let rows = app.store.deployment_list(SHOWN).await?;
    let models = app.store.model_list(SHOWN).await?;
    let names: HashMap<Uuid, String> =
        models.into_iter().map(|model| (model.model_id, model.name)).collect();
    let (active, stopped) = rows.into_iter().partition::<Vec<_>, _>(|row| row.state == "active");
    page(&DeploymentsPage {
        shell: member.shell("Deployments", Section::Deployments).noticing(&notice),
        active: active.into_iter().map(|row| view(row, &names)).collect(),
        stopped: stopped.into_iter().map(|row| view(row, &names)).collect(),
        may_stop: member.principal().require(&STOPPERS).is_ok(),
    })
}

/// `POST /deployments/{name}/stop`
pub async fn stop_deployment(
    app: Data<App>,
    member: Member,
    name: Path<String>,
    form: Form<StopForm>,
) -> PageResult {
    member.require_csrf(&form.csrf)?;
    member.principal().require(&STOPPERS)?;
    stop(&app.store, member.principal(), &name, &form.reason).await?;
    Ok(super::done("/deployments", Notice::Stopped))
}

fn view(row: DeploymentRow, names: &HashMap<Uuid, String>) -> DeploymentView {
    DeploymentView {
        model: names.get(&row.model_id).cloned().unwrap_or_else(|| row.model_id.to_string()),
        deployment_id: row.deployment_id,
        name: row.name,
        model_id: row.model_id,
        activated_at: Stamp::new(row.activated_at),
        decision_id: row.decision_id,
        activated_event_id: row.activated_event_id,
        stopped_event_id: row.stopped_event_id,
    }
}
