//! Cancelling: at once while a job waits, through its worker while it runs.

use serde_json::{Value, json};
use uuid::Uuid;

use super::dataset::receipt;
use crate::error::{Error, Result};
use crate::store::budget::ReservationEnd;
use crate::store::event::{Actor, EventDraft};
use crate::store::principal::Principal;
use crate::store::{Store, Tx};

/// Cancels a job.
///
/// # Errors
/// Not found, not the caller's, or already ended.
pub async fn cancel(store: &Store, who: &Principal, job_id: Uuid) -> Result<Value> {
    store
        .run_tx("job_cancel", async |tx| {
            let job = tx.job_lock(job_id).await?;
            if job.submitter != who.principal_id {
                who.require(&["administrator"])?;
            }
            let requested = append(tx, who, "job_cancel_requested", job_id, json!({})).await?;
            match job.state.as_str() {
                "queued" => {
                    release(tx, job_id, job.attempt + 1).await?;
                    let payload = json!({ "state": "cancelled", "attempt": job.attempt });
                    let settled = append(tx, who, "job_settled", job_id, payload).await?;
                    tx.job_cancel_queued(job_id, settled).await?;
                    Ok(json!({ "job_id": job_id, "state": "cancelled", "receipt": receipt(settled) }))
                }
                "running" => {
                    tx.job_request_cancel(job_id).await?;
                    Ok(json!({ "job_id": job_id, "state": "cancelling", "receipt": receipt(requested) }))
                }
                ended => Err(Error::Conflict(format!("this job has ended already: {ended}"))),
            }
        })
        .await
}

/// A job that never left the queue has touched nothing: its reservation goes back.
async fn release(tx: &mut Tx, job_id: Uuid, attempt: i32) -> Result<()> {
    let Some(reservation) = tx.reservation_open(job_id, attempt).await? else { return Ok(()) };
    let event_id = tx
        .event_append(EventDraft {
            kind: "budget_released",
            actor: &Actor::System,
            subject_kind: "job",
            subject_id: job_id.to_string(),
            payload: json!({
                "scope_id": reservation.scope_id,
                "attempt": attempt,
                "epsilon_nano": reservation.epsilon_nano.to_string(),
                "delta_femto": reservation.delta_femto.to_string(),
            }),
        })
        .await?;
    tx.reservation_end(&reservation, ReservationEnd::Released, event_id).await
}

async fn append(
    tx: &mut Tx,
    who: &Principal,
    kind: &'static str,
    job_id: Uuid,
    payload: Value,
) -> Result<Uuid> {
    tx.event_append(EventDraft {
        kind,
        actor: &Actor::Principal(who.principal_id),
        subject_kind: "job",
        subject_id: job_id.to_string(),
        payload,
    })
    .await
}
