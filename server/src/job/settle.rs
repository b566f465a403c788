//! Settlement: one transaction that ends an attempt, its reservation and, with a result, brings the model
//! before the gate after evaluation.
//!
//! The reservation is released only where the data was certainly not touched. A crash spends it.

use chancery_kernels::evaluate::Evaluation;
use serde_json::{Value, json};
use uuid::Uuid;

use super::admit::record_reservation;
use super::facts::{FactSources, evaluation_facts};
use super::gate::{DecisionEvent, Gate};
use super::spec::{JobSpec, ledger_loss};
use crate::blob::Sealed;
use crate::config::Config;
use crate::engine::order::Outcome;
use crate::error::{Error, Result};
use crate::store::Tx;
use crate::store::budget::ReservationEnd;
use crate::store::event::{Actor, EventDraft};
use crate::store::job::{JobEnd, JobRow, Lease};
use crate::store::model::ModelRow;
use crate::store::principal::Principal;

/// The attempt being settled.
pub struct Attempt<'a> {
    /// Its job.
    pub job: &'a JobRow,
    /// The right to settle it.
    pub lease: &'a Lease,
    /// Whether a process may have read the data.
    pub data_opened: bool,
}

/// How an attempt ended.
pub enum AttemptEnd {
    /// With a measured model.
    Succeeded {
        /// The sealed outcome.
        outcome: Box<Outcome>,
        /// The encrypted artefact.
        artefact: Sealed,
    },
    /// For a reason that another attempt would meet again.
    Failed(Value),
    /// The process died; another attempt may do better.
    Crashed(Value),
    /// On request.
    Cancelled,
}

/// Settles an attempt. Safe to run again: the lease is swapped away in the same transaction.
///
/// # Errors
/// The lease was lost, or the database fails; then nothing is written.
pub async fn settle(
    tx: &mut Tx,
    gate: &Gate,
    config: &Config,
    attempt: &Attempt<'_>,
    end: &AttemptEnd,
) -> Result<()> {
    settle_reservation(tx, attempt).await?;
    match end {
        AttemptEnd::Succeeded { outcome, artefact } => {
            register_model(tx, gate, config, attempt, outcome, artefact).await?;
            end_job(tx, attempt, &JobEnd::Succeeded, measured(outcome)).await
        }
        AttemptEnd::Failed(why) => {
            end_job(tx, attempt, &JobEnd::Failed(why.clone()), public_failure(why)).await
        }
        AttemptEnd::Cancelled => end_job(tx, attempt, &JobEnd::Cancelled, json!({})).await,
        AttemptEnd::Crashed(why) => retry_or_fail(tx, attempt, why).await,
    }
}

async fn settle_reservation(tx: &mut Tx, attempt: &Attempt<'_>) -> Result<()> {
    let end =
        if attempt.data_opened { ReservationEnd::Committed } else { ReservationEnd::Released };
    end_reservation(tx, attempt.job.job_id, attempt.lease.attempt(), end).await
}

/// Ends the open reservation of an attempt, if it has one, with its event.
///
/// # Errors
/// The database fails.
pub(super) async fn end_reservation(
    tx: &mut Tx,
    job_id: Uuid,
    attempt: i32,
    end: ReservationEnd,
) -> Result<()> {
    let Some(reservation) = tx.reservation_open(job_id, attempt).await? else { return Ok(()) };
    let kind = match end {
        ReservationEnd::Committed => "budget_committed",
        ReservationEnd::Released => "budget_released",
    };
    let payload = json!({
        "scope_id": reservation.scope_id,
        "attempt": attempt,
        "epsilon_nano": reservation.epsilon_nano.to_string(),
        "delta_femto": reservation.delta_femto.to_string(),
    });
    let event_id = append_job_event(tx, &Actor::System, kind, job_id, payload).await?;
    tx.reservation_end(&reservation, end, event_id).await
}

async fn end_job(tx: &mut Tx, attempt: &Attempt<'_>, end: &JobEnd, detail: Value) -> Result<()> {
    let state = match end {
        JobEnd::Succeeded => "succeeded",
        JobEnd::Failed(_) => "failed",
        JobEnd::Cancelled => "cancelled",
    };
    let payload = json!({ "state": state, "attempt": attempt.lease.attempt(), "detail": detail });
    let event_id =
        append_job_event(tx, &Actor::System, "job_settled", attempt.job.job_id, payload).await?;
    tx.job_end(attempt.lease, end, event_id).await
}

/// A crashed attempt is tried again under a reservation of its own, while attempts and budget last.
async fn retry_or_fail(tx: &mut Tx, attempt: &Attempt<'_>, why: &Value) -> Result<()> {
    let job = attempt.job;
    let number = attempt.lease.attempt();
    let payload = json!({ "attempt": number, "detail": public_failure(why) });
    append_job_event(tx, &Actor::System, "job_attempt_lost", job.job_id, payload).await?;
    // Read anew: the request may have come after the lease, and the next attempt would spend for nothing.
    if tx.job_lock(job.job_id).await?.cancel_requested {
        return end_job(tx, attempt, &JobEnd::Cancelled, json!({})).await;
    }
    if number >= job.attempts_max {
        return end_job(tx, attempt, &JobEnd::Failed(why.clone()), public_failure(why)).await;
    }
    if !reserve_again(tx, job, number + 1).await? {
        let why = json!({ "reason": "budget_exhausted_on_retry", "after": why });
        return end_job(tx, attempt, &JobEnd::Failed(why.clone()), public_failure(&why)).await;
    }
    tx.job_requeue(attempt.lease).await
}

async fn reserve_again(tx: &mut Tx, job: &JobRow, attempt: i32) -> Result<bool> {
    let spec: JobSpec = serde_json::from_value(job.spec.clone()).map_err(Error::bug)?;
    let dataset = tx.dataset_by_name(&spec.dataset).await?;
    let rows = u64::try_from(dataset.training_rows).map_err(Error::bug)?;
    let Some(loss) = spec.privacy_loss(rows)? else { return Ok(true) };
    let loss = ledger_loss(&loss)?;
    let scope = tx.budget_scope(job.dataset_id).await?;
    if !tx.budget_hold(scope.scope_id, loss).await? {
        return Ok(false);
    }
    record_reservation(tx, &Actor::System, scope.scope_id, job, attempt, loss).await?;
    Ok(true)
}

/// The gate after evaluation decides on measured numbers. A model that fails is kept and can never be
/// deployed: approvals and deployment ask for `gate_passed`.
async fn register_model(
    tx: &mut Tx,
    gate: &Gate,
    config: &Config,
    attempt: &Attempt<'_>,
    outcome: &Outcome,
    artefact: &Sealed,
) -> Result<()> {
    let job = attempt.job;
    let spec: JobSpec = serde_json::from_value(job.spec.clone()).map_err(Error::bug)?;
    let evaluation: Evaluation =
        serde_json::from_value(outcome.evaluation.clone()).map_err(Error::bug)?;
    let dataset = tx.dataset_by_name(&spec.dataset).await?;
    let system = tx.system_by_name(&spec.system).await?;
    let sources = FactSources { config, now: tx.clock().now(), dataset: &dataset, system: &system };
    let facts = evaluation_facts(&sources, job, &spec, &evaluation)?;
    let decided = gate.decide(tx, &facts)?;
    let model_id = tx.clock().new_id();
    let gate_passed = decided.decision().allow;
    let event_id = decided
        .record(
            tx,
            DecisionEvent {
                kind: if gate_passed {
                    "model_passed_evaluation"
                } else {
                    "model_failed_evaluation"
                },
                actor: &Actor::System,
                subject_kind: "model",
                subject_id: model_id.to_string(),
                payload: json!({
                    "job_id": job.job_id,
                    "artefact_sha256": outcome.artefact_digest,
                    "evaluation": evaluation,
                }),
            },
        )
        .await?;
    tx.blob_insert(artefact).await?;
    tx.model_insert(&ModelRow {
        model_id,
        job_id: job.job_id,
        name: job.name.clone(),
        artefact_digest: outcome.artefact_digest.clone(),
        evaluation: outcome.evaluation.clone(),
        gate_passed,
        decision_id: decided.decision_id(),
        registered_event_id: event_id,
    })
    .await
}

fn measured(outcome: &Outcome) -> Value {
    json!({
        "artefact_sha256": outcome.artefact_digest,
        "epsilon_nano": outcome.epsilon_nano,
        "delta_femto": outcome.delta_femto,
        "parameters": outcome.parameters,
        "device": outcome.device,
        "processor_seconds": outcome.processor_seconds,
    })
}

/// Whether somebody may read a failure's free text, which may quote what the job was working on.
pub fn may_read_failure(who: &Principal, job: &JobRow) -> bool {
    who.principal_id == job.submitter || who.require(&["administrator"]).is_ok()
}

/// What an event and strangers may see of a failure: free text stays out, for it may quote data.
pub fn public_failure(why: &Value) -> Value {
    let keys = ["reason", "exit_code", "signal", "limit_seconds"];
    let kept = keys.iter().filter_map(|key| Some(((*key).to_owned(), why.get(*key)?.clone())));
    Value::Object(kept.collect())
}

/// Records an event about a job.
///
/// # Errors
/// The database fails.
pub(super) async fn append_job_event(
    tx: &mut Tx,
    actor: &Actor,
    kind: &'static str,
    job_id: Uuid,
    payload: Value,
) -> Result<Uuid> {
    let subject_id = job_id.to_string();
    tx.event_append(EventDraft { kind, actor, subject_kind: "job", subject_id, payload }).await
}
