//! Admission: gate, budget reservation, job and events in one transaction, so that there is no gap
//! between check and use.

use serde_json::json;
use uuid::Uuid;

use super::dataset::DatasetCard;
use super::facts::{FactSources, job_facts};
use super::gate::{DecisionEvent, Gate};
use super::spec::{JobSpec, ledger_loss};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::store::budget::Loss;
use crate::store::event::{Actor, EventDraft};
use crate::store::idempotency::{Answer, IdempotencyKey};
use crate::store::job::JobRow;
use crate::store::principal::Principal;
use crate::store::{Store, Tx};

/// What became of a submission.
enum Admission {
    Answered(Answer),
    Refused(Error),
}

/// Submits a job. The answer is 202 with a receipt; a repeated key gets the first answer again.
///
/// # Errors
/// [`Error::Denied`] and [`Error::Budget`] are recorded as events before they are answered.
pub async fn admit(
    store: &Store,
    gate: &Gate,
    config: &Config,
    submitter: &Principal,
    spec: &JobSpec,
    key: Option<&IdempotencyKey>,
) -> Result<Answer> {
    let admission = store
        .run_tx("admit", async |tx| {
            if let Some(key) = key
                && let Some(answer) = tx.idempotency_get(key).await?
            {
                return Ok(Admission::Answered(answer));
            }
            let admission = admit_in(tx, gate, config, submitter, spec).await?;
            if let (Some(key), Admission::Answered(answer)) = (key, &admission) {
                tx.idempotency_insert(key, answer).await?;
            }
            Ok(admission)
        })
        .await?;
    match admission {
        Admission::Answered(answer) => Ok(answer),
        // The denial is committed; only now is it told.
        Admission::Refused(error) => Err(error),
    }
}

async fn admit_in(
    tx: &mut Tx,
    gate: &Gate,
    config: &Config,
    submitter: &Principal,
    spec: &JobSpec,
) -> Result<Admission> {
    let dataset = tx.dataset_by_name(&spec.dataset).await?;
    let system = tx.system_by_name(&spec.system).await?;
    let card: DatasetCard = serde_json::from_value(dataset.card.clone()).map_err(Error::bug)?;
    spec.require_columns(&card.schema)?;
    let scope = tx.budget_scope(dataset.dataset_id).await?;
    let rows = u64::try_from(dataset.training_rows).map_err(Error::bug)?;
    let loss = spec.privacy_loss(rows)?;
    let job_id = tx.clock().new_id();
    let sources = FactSources { config, now: tx.clock().now(), dataset: &dataset, system: &system };
    let facts = job_facts(&sources, submitter, job_id, spec, loss.as_ref(), scope.remaining())?;
    let actor = Actor::Principal(submitter.principal_id);
    let event = |kind| DecisionEvent {
        kind,
        actor: &actor,
        subject_kind: "job",
        subject_id: job_id.to_string(),
        payload: json!({ "spec": spec, "dataset_digest": dataset.training_blob }),
    };

    let admitted = match gate.decide(tx, &facts)?.admitted() {
        Ok(admitted) => admitted,
        Err(denied) => {
            let event_id = denied.record(tx, event("job_denied")).await?;
            return Ok(Admission::Refused(denied.into_denial(event_id)));
        }
    };
    let loss = loss.as_ref().map(ledger_loss).transpose()?;
    if let Some(loss) = loss
        && !tx.budget_hold(scope.scope_id, loss).await?
    {
        // Another job took the rest between the facts and the hold: the rule saw enough, the ledger did not.
        let event_id = admitted.decided().record(tx, event("job_refused_for_budget")).await?;
        return Ok(Admission::Refused(Error::Budget(format!(
            "the privacy budget no longer covers this job (event {event_id}); lower its loss or ask \
             the data-protection officer for a top-up"
        ))));
    }
    let event_id = admitted.decided().record(tx, event("job_admitted")).await?;
    let job = JobRow {
        job_id,
        kind: spec.kind.as_str().to_owned(),
        name: spec.name.clone(),
        spec: serde_json::to_value(spec).map_err(Error::bug)?,
        dataset_id: dataset.dataset_id,
        submitter: submitter.principal_id,
        state: "queued".into(),
        attempt: 0,
        attempts_max: config.jobs.attempts_max,
        lease_token: None,
        cancel_requested: false,
        failure: None,
        decision_id: admitted.decision_id(),
        admitted_event_id: event_id,
        settled_event_id: None,
        created_at: tx.clock().now(),
        started_at: None,
    };
    tx.job_insert(&job).await?;
    if let Some(loss) = loss {
        record_reservation(tx, &actor, scope.scope_id, &job, 1, loss).await?;
    }
    Ok(Admission::Answered(Answer {
        status: 202,
        body: json!({
            "job_id": job_id,
            "state": "queued",
            "decision_id": admitted.decision_id(),
            "receipt": super::dataset::receipt(event_id),
        }),
    }))
}

/// Writes the reservation of an attempt, already held in its scope.
///
/// # Errors
/// The database fails.
pub async fn record_reservation(
    tx: &mut Tx,
    actor: &Actor,
    scope_id: Uuid,
    job: &JobRow,
    attempt: i32,
    loss: Loss,
) -> Result<()> {
    let reserved = tx
        .event_append(EventDraft {
            kind: "budget_reserved",
            actor,
            subject_kind: "job",
            subject_id: job.job_id.to_string(),
            payload: json!({
                "scope_id": scope_id,
                "attempt": attempt,
                "epsilon_nano": loss.epsilon_nano.to_string(),
                "delta_femto": loss.delta_femto.to_string(),
            }),
        })
        .await?;
    tx.reservation_insert(scope_id, job.job_id, attempt, loss, reserved).await
}
