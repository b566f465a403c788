//! A model: what was measured, what the gate said of it, who stands for it, and what may be done now.

pub mod actions;
mod evaluation;

use actix_web::HttpRequest;
use actix_web::web::{Data, Path, Query};
use askama::Template;
use uuid::Uuid;

use super::assets;
use super::fault::{PageResult, page};
use super::format::Stamp;
use super::people::People;
use super::session::Member;
use super::shell::{NoticeQuery, Section, Shell};
use super::verdicts::VerdictView;
use crate::app::App;
use crate::error::{Error, Result};
use crate::job::approve::{APPROVAL_PREDICATE, PAYLOAD_TYPE, verify};
use crate::store::job::JobRow;
use crate::store::model::{ApprovalRow, ModelRow, ReportRow};
use crate::store::principal::{Principal, PrincipalKey};
use actions::{DEPLOYERS, REPORTERS, REVIEWERS};
use evaluation::EvaluationView;

#[derive(Template)]
#[template(path = "model.html")]
struct ModelPage {
    shell: Shell,
    model: ModelRow,
    submitter: String,
    dataset_id: Uuid,
    evaluation: Option<EvaluationView>,
    verdicts: Vec<VerdictView>,
    approvals: Vec<ApprovalView>,
    required: u32,
    stance: Stance,
    keys: Vec<String>,
    server: String,
    payload_type: &'static str,
    predicate_type: &'static str,
    may_deploy: bool,
    may_report: bool,
    deployments: Vec<DeployedAs>,
    reports: Vec<ReportLine>,
}

struct ApprovalView {
    approver: String,
    verdict: String,
    class: &'static str,
    key_id: String,
    signature_holds: bool,
    comment: String,
    signed_at: Option<Stamp>,
    event_id: Uuid,
}

struct DeployedAs {
    name: String,
    active: bool,
}

struct ReportLine {
    report_id: Uuid,
    created_at: Stamp,
    checkpoint_size: i64,
    digest: String,
}

/// Whether the visitor's verdict is asked for, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stance {
    Asked,
    GateFailed,
    OwnModel,
    NoReviewer,
    Spoke,
}

/// `GET /models/{model_id}`
pub async fn model(
    app: Data<App>,
    request: HttpRequest,
    member: Member,
    model_id: Path<Uuid>,
    notice: Query<NoticeQuery>,
) -> PageResult {
    let people = People::load(&app.store).await?;
    let model = app.store.model_get(*model_id).await?;
    let job = app.store.job_get(model.job_id).await?;
    let decision = app.store.decision_get(model.decision_id).await?;
    let visitor = member.principal();
    let (approvals, keys) = read_approvals(&app, &model, visitor).await?;
    let deployments = app.store.deployment_list(1000).await?;
    let own = deployments.into_iter().filter(|deployment| deployment.model_id == model.model_id);
    let reports = app.store.report_list(model.model_id).await?;
    let title = format!("Model {}", model.name);
    page(&ModelPage {
        shell: member.shell(title, Section::Review).script(&assets::APPROVE).noticing(&notice),
        submitter: people.name(&job.submitter),
        dataset_id: job.dataset_id,
        evaluation: EvaluationView::of_record(&model.evaluation),
        verdicts: VerdictView::of_record(&decision.record),
        stance: stance(&model, &job, &approvals, visitor),
        approvals: approvals.iter().map(|read| read.view(&model, &people)).collect(),
        required: app.config.gates.approvals_required,
        keys: keys.into_iter().map(|key| key.key_id).collect(),
        server: server_of(&request),
        payload_type: PAYLOAD_TYPE,
        predicate_type: APPROVAL_PREDICATE,
        may_deploy: model.gate_passed && visitor.require(&DEPLOYERS).is_ok(),
        may_report: visitor.require(&REPORTERS).is_ok(),
        deployments: own
            .map(|d| DeployedAs { active: d.state == "active", name: d.name })
            .collect(),
        reports: reports.into_iter().map(report_line).collect(),
        model,
    })
}

/// An approval with the keys of whoever gave it.
struct ReadApproval {
    row: ApprovalRow,
    keys: Vec<PrincipalKey>,
}

/// Approvals of the model, and the visitor's own keys, as of one moment.
async fn read_approvals(
    app: &App,
    model: &ModelRow,
    visitor: &Principal,
) -> Result<(Vec<ReadApproval>, Vec<PrincipalKey>)> {
    app.store
        .run_tx("model_page", async |tx| {
            let mut read = Vec::new();
            for row in tx.approval_list(model.model_id).await? {
                let keys = tx.principal_keys(row.approver).await?;
                read.push(ReadApproval { row, keys });
            }
            Ok((read, tx.principal_keys(visitor.principal_id).await?))
        })
        .await
}

impl ReadApproval {
    /// The signature is checked now, not believed from the table.
    fn view(&self, model: &ModelRow, people: &People) -> ApprovalView {
        let envelope = serde_json::from_value(self.row.envelope.clone()).map_err(Error::bug);
        let checked = envelope.and_then(|envelope| verify(&envelope, &self.keys, model));
        let predicate = checked.ok().map(|(_, predicate)| predicate);
        ApprovalView {
            approver: people.name(&self.row.approver),
            verdict: self.row.verdict.clone(),
            class: if self.row.verdict == "approve" { "good" } else { "bad" },
            key_id: self.row.key_id.clone(),
            signature_holds: predicate.is_some(),
            comment: predicate.as_ref().map(|p| p.comment.clone()).unwrap_or_default(),
            signed_at: predicate.as_ref().map(|p| Stamp::stated(&p.signed_at)),
            event_id: self.row.event_id,
        }
    }
}

/// What to offer; [`crate::job::approve::approve`] asks all of it again.
fn stance(model: &ModelRow, job: &JobRow, approvals: &[ReadApproval], who: &Principal) -> Stance {
    if !model.gate_passed {
        Stance::GateFailed
    } else if who.require(&REVIEWERS).is_err() {
        Stance::NoReviewer
    } else if job.submitter == who.principal_id {
        Stance::OwnModel
    } else if approvals.iter().any(|read| read.row.approver == who.principal_id) {
        Stance::Spoke
    } else {
        Stance::Asked
    }
}

fn report_line(row: ReportRow) -> ReportLine {
    ReportLine {
        report_id: row.report_id,
        created_at: Stamp::new(row.created_at),
        checkpoint_size: row.checkpoint_size,
        digest: row.digest,
    }
}

/// This server as the visitor's browser reached it, for commands to copy.
fn server_of(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    format!("{}://{}", connection.scheme(), connection.host())
}
