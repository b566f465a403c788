//! Compliance reports. A report reads only events under one named checkpoint; each claim names its event
//! and the place in it, and the evidence carries a proof, so that [`verify_report`] needs nothing but the key.

mod claims;
mod verify;

use chancery_audit::note::VerifierKey;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

pub use claims::{Claim, Fact, Section};
pub use verify::{ReportCheck, verify_report};

use crate::blob::digest_of;
use crate::clock::rfc3339;
use crate::error::{Error, Result};
use crate::job::dataset::receipt;
use crate::proofs;
use crate::store::Store;
use crate::store::event::{Actor, EventDraft, EventRow};
use crate::store::log::LogHead;
use crate::store::model::ReportRow;
use crate::store::principal::Principal;

/// A compliance report.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Format.
    pub format: String,
    /// The model.
    pub model_id: Uuid,
    /// Its name.
    pub model_name: String,
    /// SHA-256 of its artefact.
    pub artefact_sha256: String,
    /// When it was made.
    pub made_at: String,
    /// The log's verifier key at that time; a reader pins it from elsewhere.
    pub log_key: String,
    /// The checkpoint it reads, verbatim.
    pub checkpoint: String,
    /// What this document is and is not.
    pub statement: String,
    /// Claims by section.
    pub sections: Vec<Section>,
    /// The events behind the claims.
    pub evidence: Vec<Evidence>,
}

/// An event with all that is needed to check it offline.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Identifier.
    pub event_id: Uuid,
    /// Past fact.
    pub kind: String,
    /// When, RFC 3339.
    pub recorded_at: String,
    /// Place in the log.
    pub leaf_index: i64,
    /// The exact leaf data, canonical JSON.
    pub entry: String,
    /// Salt of the payload in hexadecimal.
    pub salt: Option<String>,
    /// The exact payload, canonical JSON.
    pub payload: Option<String>,
    /// `.tlog-proof` of the leaf.
    pub proof: String,
}

const STATEMENT: &str = "This report states which evidence is present and which gates passed or \
    failed. It is not a statement that any law is complied with.";

/// Makes a report and records its digest.
///
/// # Errors
/// The model is not known, its events are not sequenced yet, or a dependency fails.
pub async fn make(
    store: &Store,
    log_key: &VerifierKey,
    who: &Principal,
    model_id: Uuid,
) -> Result<Value> {
    let report = gather(store, log_key, model_id).await?;
    let head_size = size_of(&report.checkpoint)?;
    let document = serde_json::to_value(&report).map_err(Error::bug)?;
    let canonical = chancery_audit::jcs::to_vec(&document).map_err(Error::bug)?;
    let digest = digest_of(&canonical);
    store
        .run_tx("report_make", async |tx| {
            let report_id = tx.clock().new_id();
            let event_id = tx
                .event_append(EventDraft {
                    kind: "report_issued",
                    actor: &Actor::Principal(who.principal_id),
                    subject_kind: "model",
                    subject_id: model_id.to_string(),
                    payload: json!({ "report_id": report_id, "report_sha256": digest, "log_size": head_size }),
                })
                .await?;
            let row = ReportRow {
                report_id,
                model_id,
                checkpoint_size: head_size,
                document: document.clone(),
                digest: digest.clone(),
                event_id,
                created_at: tx.clock().now(),
            };
            tx.report_insert(&row).await?;
            Ok(json!({
                "report_id": report_id,
                "report_sha256": digest,
                "json": format!("/api/v1/reports/{report_id}"),
                "html": format!("/reports/{report_id}"),
                "receipt": receipt(event_id),
            }))
        })
        .await
}

async fn gather(store: &Store, log_key: &VerifierKey, model_id: Uuid) -> Result<Report> {
    let head = store.log_head().await?;
    let model = store.model_get(model_id).await?;
    let events = events_about(store, &head, model_id, model.job_id).await?;
    if !events.iter().any(|event| event.event_id == model.registered_event_id) {
        return Err(Error::Conflict(
            "this model's events are recorded and wait for the next checkpoint; ask again".into(),
        ));
    }
    let facts: Vec<Fact> = events.iter().map(fact_of).collect();
    let sections = claims::sections(&facts);
    let mut evidence = Vec::with_capacity(events.len());
    for event in &events {
        evidence.push(evidence_of(store, &head, event).await?);
    }
    Ok(Report {
        format: "urn:chancery:report:compliance:v1".into(),
        model_id,
        model_name: model.name,
        artefact_sha256: model.artefact_digest,
        made_at: rfc3339(store.clock().now()),
        log_key: log_key.to_string(),
        checkpoint: head.note,
        statement: STATEMENT.into(),
        sections,
        evidence,
    })
}

/// What the log says of the model, its job, dataset, system and deployments, in leaf order. Predictions are
/// left out.
async fn events_about(
    store: &Store,
    head: &LogHead,
    model_id: Uuid,
    job_id: Uuid,
) -> Result<Vec<EventRow>> {
    let job = store.job_get(job_id).await?;
    let system_name = job.spec.get("system").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut subjects = vec![
        ("dataset", job.dataset_id.to_string()),
        ("job", job_id.to_string()),
        ("model", model_id.to_string()),
    ];
    let systems = store.system_list().await?;
    let system = systems.into_iter().find(|system| system.name == system_name);
    subjects.extend(system.map(|system| ("system", system.system_id.to_string())));
    let mut events = Vec::new();
    for (kind, id) in subjects {
        events.extend(store.event_list_subject(kind, &id).await?);
    }
    // Of a deployment only its beginning and end: its predictions may be millions.
    for deployment in store.deployment_list_model(model_id).await? {
        events.push(store.event_get(deployment.activated_event_id).await?);
        if let Some(event_id) = deployment.stopped_event_id {
            events.push(store.event_get(event_id).await?);
        }
    }
    events.retain(|event| event.leaf_index.is_some_and(|index| index < head.size));
    events.sort_by_key(|event| event.leaf_index);
    Ok(events)
}

fn fact_of(event: &EventRow) -> Fact {
    Fact { kind: event.kind.clone(), event_id: event.event_id, payload: event.payload_json() }
}

async fn evidence_of(store: &Store, head: &LogHead, event: &EventRow) -> Result<Evidence> {
    let leaf_index = event.leaf_index.ok_or_else(|| Error::bug("an event without a leaf"))?;
    let index = u64::try_from(leaf_index).map_err(Error::bug)?;
    let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).map_err(Error::bug);
    Ok(Evidence {
        event_id: event.event_id,
        kind: event.kind.clone(),
        recorded_at: rfc3339(event.recorded_at),
        leaf_index,
        entry: text(&event.entry)?,
        salt: event.salt.as_deref().map(hex::encode),
        payload: event.payload.as_ref().map(text).transpose()?,
        proof: proofs::inclusion(store, head, index).await?.to_string(),
    })
}

fn size_of(checkpoint: &str) -> Result<i64> {
    let size = checkpoint.lines().nth(1).and_then(|line| line.parse().ok());
    size.ok_or_else(|| Error::bug("a signed checkpoint without a size"))
}
