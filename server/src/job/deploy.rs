//! Deployment: the gate asks for a passed evaluation and signed approvals of different people.

use std::collections::HashSet;

use chancery_audit::dsse::Envelope;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::approve::{APPROVING, Verdict, key_id, verify};
use super::dataset::receipt;
use super::facts::{FactSources, VerifiedApproval, deployment_facts};
use super::gate::{DecisionEvent, Gate};
use super::spec::JobSpec;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::store::deployment::DeploymentRow;
use crate::store::event::{Actor, EventDraft};
use crate::store::model::ModelRow;
use crate::store::principal::Principal;
use crate::store::{Store, Tx};

/// A request to deploy.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentRequest {
    /// Name in the URL: lower-case letters, digits, hyphens.
    pub name: String,
    /// The model.
    pub model_id: Uuid,
}

/// Deploys a model under a name; the model that answered there before is stopped in the same commit.
///
/// # Errors
/// [`Error::Denied`] (recorded), or the model is not known.
pub async fn deploy(
    store: &Store,
    gate: &Gate,
    config: &Config,
    who: &Principal,
    request: &DeploymentRequest,
) -> Result<Value> {
    require_label(&request.name)?;
    let job = store.job_get(store.model_get(request.model_id).await?.job_id).await?;
    let spec: JobSpec = serde_json::from_value(job.spec.clone()).map_err(Error::bug)?;
    store
        .run_tx("deploy", async |tx| {
            tx.deployment_name_lock(&request.name).await?;
            // Approvals take the same lock: a rejection is before this deployment or after it.
            tx.job_lock(job.job_id).await?;
            let model = tx.model_read(request.model_id).await?;
            if !model.gate_passed {
                return Err(Error::Conflict(
                    "this model failed its evaluation gate and cannot be deployed".into(),
                ));
            }
            let approvals = verified_approvals(tx, &model, &config.gates.approver_keys).await?;
            let dataset = tx.dataset_by_name(&spec.dataset).await?;
            let system = tx.system_by_name(&spec.system).await?;
            let now = tx.clock().now();
            let sources = FactSources { config, now, dataset: &dataset, system: &system };
            let facts = deployment_facts(&sources, who, &job, &spec, &model, &approvals)?;
            let decided = gate.decide(tx, &facts)?;
            let deployment_id = tx.clock().new_id();
            let actor = Actor::Principal(who.principal_id);
            let allow = decided.decision().allow;
            let event_id = decided
                .record(
                    tx,
                    DecisionEvent {
                        kind: if allow { "deployment_activated" } else { "deployment_denied" },
                        actor: &actor,
                        // A denial makes no deployment: it is a fact about the model.
                        subject_kind: if allow { "deployment" } else { "model" },
                        subject_id: if allow { deployment_id } else { model.model_id }.to_string(),
                        payload: json!({
                            "name": request.name,
                            "model_id": model.model_id,
                            "artefact_sha256": model.artefact_digest,
                            "approval_events": approvals.iter().map(|a| a.event_id).collect::<Vec<_>>(),
                        }),
                    },
                )
                .await?;
            let admitted = match decided.admitted() {
                Ok(admitted) => admitted,
                Err(denied) => return Ok(Err(denied.into_denial(event_id))),
            };
            replace_active(tx, &actor, &request.name).await?;
            tx.deployment_insert(&DeploymentRow {
                deployment_id,
                name: request.name.clone(),
                model_id: model.model_id,
                state: "active".into(),
                decision_id: admitted.decision_id(),
                activated_event_id: event_id,
                stopped_event_id: None,
                activated_at: now,
            })
            .await?;
            Ok(Ok(json!({
                "deployment_id": deployment_id,
                "name": request.name,
                "predict": format!("/api/v1/deployments/{}/predict", request.name),
                "receipt": receipt(event_id),
            })))
        })
        .await?
}

/// Stops a deployment at once (AI Act Art. 14: stop control).
///
/// # Errors
/// Nothing answers under this name.
pub async fn stop(store: &Store, who: &Principal, name: &str, reason: &str) -> Result<Value> {
    if reason.trim().is_empty() {
        return Err(Error::invalid("/reason", "say why it is stopped"));
    }
    store
        .run_tx("deployment_stop", async |tx| {
            tx.deployment_name_lock(name).await?;
            let actor = Actor::Principal(who.principal_id);
            let active = tx.deployment_lock(name).await?.ok_or_else(|| Error::NotFound {
                what: "active deployment",
                name: name.to_owned(),
            })?;
            let event_id = stop_event(tx, &actor, &active, reason).await?;
            tx.deployment_stop(active.deployment_id, event_id).await?;
            Ok(json!({ "deployment_id": active.deployment_id, "state": "stopped", "receipt": receipt(event_id) }))
        })
        .await
}

async fn replace_active(tx: &mut Tx, actor: &Actor, name: &str) -> Result<()> {
    let Some(active) = tx.deployment_lock(name).await? else { return Ok(()) };
    let event_id = stop_event(tx, actor, &active, "replaced by a newer model").await?;
    tx.deployment_stop(active.deployment_id, event_id).await
}

async fn stop_event(
    tx: &mut Tx,
    actor: &Actor,
    active: &DeploymentRow,
    reason: &str,
) -> Result<Uuid> {
    tx.event_append(EventDraft {
        kind: "deployment_stopped",
        actor,
        subject_kind: "deployment",
        subject_id: active.deployment_id.to_string(),
        payload: json!({ "name": active.name, "model_id": active.model_id, "reason": reason }),
    })
    .await
}

/// Signatures are checked again here: what the table says is not enough to deploy.
async fn verified_approvals(
    tx: &mut Tx,
    model: &ModelRow,
    pinned: &[String],
) -> Result<Vec<VerifiedApproval>> {
    let mut verified = Vec::new();
    let mut key_ids = HashSet::new(); // one key is one voice, whoever claims it
    for row in tx.approval_list(model.model_id).await? {
        let keys = tx.principal_keys(row.approver).await?;
        let roles = tx.principal_roles(row.approver).await?;
        // A rejection counts where either the row or what was signed says so.
        let (key_id, signed) = serde_json::from_value::<Envelope>(row.envelope.clone())
            .ok()
            .and_then(|envelope| verify(&envelope, &keys, model).ok())
            // The id is computed from the key that verified: the table's own column proves nothing.
            .map(|(key, predicate)| (key_id(&key.public_key), predicate.verdict))
            .unzip();
        let counts = key_id
            .is_some_and(|id| (pinned.is_empty() || pinned.contains(&id)) && key_ids.insert(id))
            && roles.iter().any(|role| APPROVING.contains(&role.as_str()));
        verified.push(VerifiedApproval {
            approver: row.approver,
            roles,
            verdict: match signed {
                Some(Verdict::Reject) => Verdict::Reject.as_str().to_owned(),
                _ => row.verdict.clone(),
            },
            signature_verified: signed.is_some() && counts,
            event_id: row.event_id,
        });
    }
    Ok(verified)
}

fn require_label(name: &str) -> Result<()> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=63).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(plain) {
        return Ok(());
    }
    Err(Error::invalid("/name", "use 1 to 63 lower-case letters, digits and hyphens"))
}
